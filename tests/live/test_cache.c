/* tests/live/test_cache.c - caches: against the development server in the words of every release, and against Apache ZooKeeper. After each
 * disturbance the cache must be what a reader finds, and what subscribers were told must have been possible. */
#include "live.h"

#include <stdatomic.h>

static const char *speaks = "3.8"; /* What the development server of a test is to be. */

/* ---- A subscriber that checks what it is told. ---- */

enum { MODEL_MAX = 4096 };

struct model { /* What a subscriber believes. */
    char *paths[MODEL_MAX];
    atomic_size_t count;
    atomic_int added, changed, removed, failed, initialized, suspended, lost, reconnected, fresh, closed;
    atomic_int faults;
    atomic_size_t failures;
};

static size_t model_find(const struct model *model, const char *path)
{
    size_t at = 0;
    while (at < model->count && strcmp(model->paths[at], path) != 0) at++;
    return at;
}

static void fault(struct model *model, const char *what, const char *path)
{
    model->faults++;
    fprintf(stderr, "# %s: %s\n", what, path);
}

static void parent_of(const char *path, char *parent, size_t size)
{
    snprintf(parent, size, "%s", path);
    char *slash = strrchr(parent, '/');
    slash[slash == parent ? 1 : 0] = '\0';
}

static void on_added(const docent_node *node, void *user)
{
    struct model *model = user;
    char parent[256];
    const char *path = docent_node_path(node);
    if (model_find(model, path) < model->count) fault(model, "added twice", path);
    parent_of(path, parent, sizeof parent);
    if (strcmp(path, "/tree") != 0 && model_find(model, parent) == model->count) fault(model, "added before its parent", path);
    if (model->count < MODEL_MAX) model->paths[model->count++] = strdup(path);
    model->added++;
}

static void on_changed(const docent_node *before, const docent_node *after, void *user)
{
    struct model *model = user;
    if (model_find(model, docent_node_path(after)) == model->count) fault(model, "changed and not there", docent_node_path(after));
    if (docent_node_stat(before).mzxid == docent_node_stat(after).mzxid) fault(model, "changed to the same", docent_node_path(after));
    if (docent_node_stat(before).czxid != docent_node_stat(after).czxid) fault(model, "changed to another", docent_node_path(after));
    model->changed++;
}

static void on_removed(const docent_node *last, void *user)
{
    struct model *model = user;
    const char *path = docent_node_path(last);
    size_t at = model_find(model, path), size = strlen(path);
    if (at == model->count) {
        fault(model, "removed and not there", path);
        return;
    }
    for (size_t i = 0; i < model->count; i++) {
        if (strncmp(model->paths[i], path, size) == 0 && model->paths[i][size] == '/') fault(model, "removed before its child", path);
    }
    free(model->paths[at]);
    model->paths[at] = model->paths[--model->count];
    model->removed++;
}

static void on_failed(const char *path, docent_status why, void *user)
{
    (void)path;
    (void)why;
    ((struct model *)user)->failed++;
}

static void on_initialized(size_t failed, void *user)
{
    struct model *model = user;
    model->failures = failed;
    model->initialized++;
}

static void on_suspended(void *user) { ((struct model *)user)->suspended++; }
static void on_lost(void *user) { ((struct model *)user)->lost++; }
static void on_reconnected(void *user) { ((struct model *)user)->reconnected++; }
static void on_fresh(void *user) { ((struct model *)user)->fresh++; }

static void on_closed(docent_status why, void *user)
{
    (void)why;
    ((struct model *)user)->closed++;
}

static const docent_cache_events model_events = {
    DOCENT_CACHE_EVENTS,
    .added = on_added,
    .changed = on_changed,
    .removed = on_removed,
    .failed = on_failed,
    .initialized = on_initialized,
    .suspended = on_suspended,
    .lost = on_lost,
    .reconnected = on_reconnected,
    .fresh = on_fresh,
    .closed = on_closed,
};

/* ---- A cache, on the loop. ---- */

struct fixture {
    docent_client *client, *writer;
    docent_cache *cache;
    const docent_tree_cache_options *options;
    struct model model;
    atomic_bool subscribed, closed;
};

static void subscribe(void *user)
{
    struct fixture *f = user;
    assert_ok(docent_cache_subscribe(f->cache, &model_events, &f->model, NULL));
    f->subscribed = true;
}

/* In one turn, so that the subscriber is there before anything can fail. */
static void begin(void *user)
{
    struct fixture *f = user;
    assert_ok(docent_tree_cache_new(f->client, "/tree", f->options, &f->cache));
    subscribe(f);
}

static void watch_tree(struct fixture *f, const docent_tree_cache_options *options)
{
    assert_ok(docent_sync(f->client, "/")); /* So that the load finds what was made. */
    f->options = options;
    f->subscribed = false;
    assert_ok(docent_client_post(f->client, begin, f));
    assert_soon(f->subscribed);
    assert_ok(docent_cache_wait(f->cache, NULL, NULL, PATIENCE_MS));
}

static void has_closed(void *user)
{
    atomic_store((atomic_bool *)user, true);
}

static int fixture_start(void **state)
{
    if (apache_alone != NULL) {
        if (server_start(state) != 0) return -1;
    } else {
        docent_devserver_options options = { DOCENT_DEVSERVER_OPTIONS, .tick_ms = 50, .speak = speaks };
        assert_ok(docent_devserver_start(&options, &server));
        snprintf(connect_string, sizeof connect_string, "%s", docent_devserver_connect_string(server));
    }
    struct fixture *f = calloc(1, sizeof *f);
    f->client = client_start(NULL);
    if (apache_members > 1) { /* Writes go through another member, and are seen here when this one has heard of them. */
        const char *chroot = strchr(connect_string, '/');
        char other[64];
        snprintf(other, sizeof other, "127.0.0.1:%u%s", apache_port(apache_alone, 1), chroot);
        assert_ok(docent_client_new(other, NULL, &f->writer));
        assert_ok(docent_sync(f->writer, "/"));
    } else {
        f->writer = client_start(NULL);
    }
    *state = f;
    return 0;
}

static int fixture_stop(void **state)
{
    struct fixture *f = *state;
    if (f->cache != NULL) {
        docent_cache_close(f->cache, has_closed, &f->closed);
        assert_soon(f->closed);
        assert_int_equal(f->model.closed, f->subscribed);
    }
    docent_client_close(f->client, NULL, NULL);
    docent_client_close(f->writer, NULL, NULL);
    assert_int_equal(f->model.faults, 0);
    for (size_t i = 0; i < f->model.count; i++) free(f->model.paths[i]);
    free(f);
    docent_devserver_stop(server);
    server = NULL;
    return 0;
}

static void make(struct fixture *f, const char *path, const char *data)
{
    assert_ok(docent_create(f->writer, path, data, strlen(data), DOCENT_PERSISTENT, NULL));
}

static void set(struct fixture *f, const char *path, const char *data)
{
    assert_ok(docent_set(f->writer, path, data, strlen(data), DOCENT_ANY_VERSION, NULL));
}

/* ---- Is it what a reader finds? ---- */

static bool equals_below(struct fixture *f, const char *path, size_t *count)
{
    docent_result *data = NULL, *names = NULL;
    const docent_node *node = docent_cache_get(f->cache, path);
    docent_status status = docent_get(f->writer, path, &data);
    bool good = (status == DOCENT_OK) == (node != NULL);
    if (good && node != NULL) {
        size_t size;
        const void *have = docent_node_data(node, &size);
        good = size == data->size && (size == 0 || memcmp(have, data->data, size) == 0) &&
               docent_node_stat(node).mzxid == data->stat.mzxid && docent_node_stat(node).czxid == data->stat.czxid;
        (*count)++;
        if (good) good = docent_children(f->writer, path, &names) == DOCENT_OK;
        for (size_t i = 0; good && i < names->name_count; i++) {
            char child[256];
            snprintf(child, sizeof child, "%s/%s", path, names->names[i]);
            good = equals_below(f, child, count);
        }
    }
    docent_node_unref(node);
    docent_result_free(data);
    docent_result_free(names);
    return good;
}

static bool equals(struct fixture *f)
{
    size_t count = 0;
    return equals_below(f, "/tree", &count) && count == docent_cache_size(f->cache) && count == f->model.count;
}

/* ---- Tests. ---- */

static void make_tree(struct fixture *f, int wide, int deep)
{
    make(f, "/tree", "root");
    for (int i = 0; i < wide; i++) {
        char path[64], data[16];
        snprintf(path, sizeof path, "/tree/%d", i);
        make(f, path, "middle");
        for (int j = 0; j < deep; j++) {
            snprintf(path, sizeof path, "/tree/%d/%d", i, j);
            snprintf(data, sizeof data, "%d", i * j);
            make(f, path, data);
        }
    }
}

static void a_tree_is_loaded(void **state)
{
    struct fixture *f = *state;
    make_tree(f, 10, 7);
    watch_tree(f, NULL);
    assert_soon(f->model.initialized == 1);
    assert_int_equal(f->model.failures, 0);
    assert_int_equal(f->model.added, 81);
    assert_true(equals(f));
}

static void changes_are_told(void **state)
{
    struct fixture *f = *state;
    make_tree(f, 3, 3);
    watch_tree(f, NULL);
    make(f, "/tree/new", "");
    make(f, "/tree/new/child", "x");
    set(f, "/tree/1", "other");
    assert_ok(docent_delete(f->writer, "/tree/2/1", DOCENT_ANY_VERSION));
    assert_soon(f->model.added == 15 && f->model.changed == 1 && f->model.removed == 1);
    assert_soon(equals(f));
    for (int i = 0; i < 20; i++) {
        assert_ok(docent_delete(f->writer, "/tree/new/child", DOCENT_ANY_VERSION));
        make(f, "/tree/new/child", "y");
        make(f, i % 2 == 0 ? "/tree/new/child/a" : "/tree/new/child/b", "z");
        assert_ok(docent_delete(f->writer, i % 2 == 0 ? "/tree/new/child/a" : "/tree/new/child/b", DOCENT_ANY_VERSION));
    }
    assert_soon(equals(f));
}

/* There is nothing to tell, but that it is all. */
static void late_subscribers_of_nothing_hear_that_it_is_all(void **state)
{
    struct fixture *f = *state;
    assert_ok(docent_tree_cache_new(f->client, "/tree", NULL, &f->cache));
    assert_ok(docent_cache_wait(f->cache, NULL, NULL, PATIENCE_MS));
    assert_ok(docent_client_post(f->client, subscribe, f));
    assert_soon(f->model.initialized == 1);
}

/* What stands in for a node before it is read has room for data as long as the last that were: here those of "z", which comes last on every
 * level. */
static void every_node_has_its_own_data_however_long(void **state)
{
    enum { SIZES = 14 };
    static const int sizes[SIZES] = { 0, 1, 100, 99, 101, 70, 69, 132, 133, 1022, 1023, 1024, 2000, 33 };
    struct fixture *f = *state;
    char data[2048], path[256] = "/tree", child[300];
    memset(data, 'd', sizeof data);
    for (int level = 0; level < SIZES; level++) {
        assert_ok(docent_create(f->writer, path, data, (size_t)sizes[level], DOCENT_PERSISTENT, NULL));
        for (int i = 0; i < SIZES; i++) {
            snprintf(child, sizeof child, "%s/%02d", path, i);
            memset(data, 'a' + i, sizeof data);
            assert_ok(docent_create(f->writer, child, data, (size_t)sizes[i], DOCENT_PERSISTENT, NULL));
        }
        snprintf(path + strlen(path), sizeof path - strlen(path), "/z");
    }
    watch_tree(f, NULL);
    assert_soon(equals(f));
}

static void a_root_that_comes_and_goes(void **state)
{
    struct fixture *f = *state;
    watch_tree(f, NULL);
    assert_soon(f->model.initialized == 1);
    assert_int_equal(f->model.added, 0);
    for (int i = 0; i < 3; i++) {
        make(f, "/tree", "x");
        make(f, "/tree/child", "y");
        assert_soon(equals(f));
        assert_ok(docent_delete(f->writer, "/tree/child", DOCENT_ANY_VERSION));
        assert_ok(docent_delete(f->writer, "/tree", DOCENT_ANY_VERSION));
        assert_soon(equals(f));
    }
}

static void what_happened_during_a_cut_is_found(void **state)
{
    struct fixture *f = *state;
    static const char *const leaves[] = { "/tree/4/0", "/tree/4/1", "/tree/4/4" };
    make_tree(f, 10, 5);
    watch_tree(f, NULL);
    for (int round = 0; round < 3; round++) {
        int fresh = f->model.fresh;
        cut();
        assert_soon(f->model.suspended == round + 1);
        docent_client_options options = { DOCENT_CLIENT_OPTIONS };
        heal();
        docent_client *other = client_start(&options); /* Likely before the cache is back. */
        assert_ok(docent_set(other, "/tree/3/3", "changed", 7, DOCENT_ANY_VERSION, NULL));
        assert_ok(docent_delete(other, leaves[round], DOCENT_ANY_VERSION));
        assert_ok(docent_delete(other, "/tree/5/1", DOCENT_ANY_VERSION));
        assert_ok(docent_create(other, "/tree/5/1", "anew", 4, DOCENT_PERSISTENT, NULL));
        assert_ok(docent_create(other, "/tree/6/more", "", 0, DOCENT_PERSISTENT_SEQUENTIAL, NULL));
        docent_client_close(other, NULL, NULL);
        assert_soon(f->model.fresh > fresh);
        assert_soon(equals(f));
    }
}

static void another_session_finds_the_same(void **state)
{
    struct fixture *f = *state;
    make_tree(f, 10, 5);
    watch_tree(f, NULL);
    expire(f->client);
    assert_soon(f->model.lost == 1);
    set(f, "/tree/3/3", "changed");
    make(f, "/tree/3/new", "");
    assert_ok(docent_delete(f->writer, "/tree/3/1", DOCENT_ANY_VERSION));
    assert_soon(f->model.fresh >= 1); /* Once more, if it was back in the old session for a moment. */
    assert_soon(equals(f));
    set(f, "/tree/3/3", "again");
    assert_soon(equals(f));
}

static void what_may_not_be_read_has_failed(void **state)
{
    struct fixture *f = *state;
    make_tree(f, 3, 2);
    docent_acl nobody[] = { { DOCENT_PERM_READ | DOCENT_PERM_CREATE, "ip", "192.0.2.1" } };
    docent_op op = docent_op_set_acl("/tree/1", (docent_acl_list){ nobody, 1 }, DOCENT_ANY_VERSION);
    assert_ok(docent_run(f->writer, &op, NULL, NULL));
    watch_tree(f, NULL);
    assert_soon(f->model.initialized == 1);
    assert_int_equal(f->model.failures, 1);
    assert_int_equal(f->model.failed, 1);
    assert_int_equal(docent_cache_size(f->cache), 7);
}

static void late_subscribers_get_what_is_known(void **state)
{
    struct fixture *f = *state;
    make_tree(f, 4, 4);
    assert_ok(docent_tree_cache_new(f->client, "/tree", NULL, &f->cache));
    assert_ok(docent_cache_wait(f->cache, NULL, NULL, PATIENCE_MS));
    assert_ok(docent_client_post(f->client, subscribe, f));
    assert_soon(f->model.initialized == 1);
    assert_int_equal(f->model.added, 21);
    assert_true(equals(f));
}

static void late_subscribers_are_told_that_there_is_nothing(void **state)
{
    struct fixture *f = *state;
    assert_ok(docent_tree_cache_new(f->client, "/tree", NULL, &f->cache));
    assert_ok(docent_cache_wait(f->cache, NULL, NULL, PATIENCE_MS));
    assert_ok(docent_client_post(f->client, subscribe, f));
    assert_soon(f->model.initialized == 1);
    assert_int_equal(f->model.added, 0);
}

static void a_depth_is_kept_to(void **state)
{
    struct fixture *f = *state;
    docent_tree_cache_options options = { DOCENT_TREE_CACHE_OPTIONS, .depth_max = 1, .stat_only = true };
    make_tree(f, 4, 4);
    watch_tree(f, &options);
    make(f, "/tree/1/deep", "");
    make(f, "/tree/high", "");
    assert_soon(docent_cache_size(f->cache) == 6);
    const docent_node *node = docent_cache_get(f->cache, "/tree/high");
    assert_false(docent_node_has_data(node));
    docent_node_unref(node);
}

static void a_snapshot_is_in_order(void **state)
{
    struct fixture *f = *state;
    make_tree(f, 3, 2);
    watch_tree(f, NULL);
    static const char *expected[] = { "/tree", "/tree/0", "/tree/0/0", "/tree/0/1", "/tree/1", "/tree/1/0", "/tree/1/1", "/tree/2", "/tree/2/0", "/tree/2/1" };
    docent_snapshot *snapshot;
    assert_ok(docent_cache_snapshot(f->cache, NULL, &snapshot));
    assert_int_equal(docent_snapshot_count(snapshot), 10);
    for (size_t i = 0; i < 10; i++) assert_string_equal(docent_node_path(docent_snapshot_node(snapshot, i)), expected[i]);
    docent_snapshot_free(snapshot);
    assert_ok(docent_cache_children(f->cache, "/tree/1", &snapshot));
    assert_int_equal(docent_snapshot_count(snapshot), 2);
    docent_snapshot_free(snapshot);
    assert_status(docent_cache_children(f->cache, "/tree/none", &snapshot), DOCENT_ERR_NO_NODE);
}

/* F-129: a list over the limit on replies is left out, and told; a batch over it is read one by one. The connection stays. */
static void what_is_too_large_costs_itself_only(void **state)
{
    struct fixture *f = *state;
    docent_client_options options = { DOCENT_CLIENT_OPTIONS, .session_timeout_ms = 10000, .reply_max_bytes = 2000 };
    docent_client_close(f->client, NULL, NULL);
    f->client = client_start(&options);
    char path[128], data[300];
    memset(data, 'x', sizeof data - 1);
    data[sizeof data - 1] = '\0';
    make(f, "/tree", "");
    make(f, "/tree/wide", "");
    make(f, "/tree/deep", "");
    for (int i = 0; i < 40; i++) {
        snprintf(path, sizeof path, "/tree/wide/%060d", i);
        make(f, path, "");
        snprintf(path, sizeof path, "/tree/deep/%d", i);
        make(f, path, data);
    }
    watch_tree(f, NULL);
    assert_soon(f->model.initialized == 1);
    assert_int_equal(f->model.failures, 1);
    assert_int_equal(f->model.failed, 1);
    assert_int_equal(docent_cache_failures(f->cache), 1);
    assert_int_equal(docent_cache_size(f->cache), 43);

    set(f, "/tree/deep/7", "new");
    set(f, path, "new");
    snprintf(path, sizeof path, "/tree/wide/%060d", 7);
    set(f, path, "new"); /* Not heard of: all of them, or none. */
    make(f, "/tree/last", "");
    assert_soon(f->model.added == 44 && f->model.changed == 2);
    assert_int_equal(docent_cache_size(f->cache), 44);

    for (int i = 0; i < 35; i++) {
        snprintf(path, sizeof path, "/tree/wide/%060d", i);
        assert_ok(docent_delete(f->writer, path, DOCENT_ANY_VERSION));
    }
    set(f, "/tree/wide", "smaller");
    assert_soon(equals(f));
    assert_int_equal(docent_cache_failures(f->cache), 0);
    assert_int_equal(f->model.suspended, 0);
}

int main(int argc, char **argv)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_start, fixture_stop)
    const struct CMUnitTest tests[] = {
        TEST(a_tree_is_loaded),
        TEST(changes_are_told),
        TEST(every_node_has_its_own_data_however_long),
        TEST(a_root_that_comes_and_goes),
        TEST(late_subscribers_of_nothing_hear_that_it_is_all),
        TEST(what_happened_during_a_cut_is_found),
        TEST(another_session_finds_the_same),
        TEST(what_may_not_be_read_has_failed),
        TEST(what_is_too_large_costs_itself_only),
        TEST(late_subscribers_get_what_is_known),
        TEST(late_subscribers_are_told_that_there_is_nothing),
        TEST(a_depth_is_kept_to),
        TEST(a_snapshot_is_in_order),
    };
    if (argc > 1 && argv[1][0] == '3') speaks = argv[1];
    return run_live(tests, argc, argv);
}
