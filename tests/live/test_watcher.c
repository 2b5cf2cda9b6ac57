/* tests/live/test_watcher.c - watches that come back: against the development server in the words of every release, and against Apache
 * ZooKeeper. What each kind is told is written down as a word, a letter for each event. */
#include "live.h"

#include <pthread.h>

static const char *speaks = "3.8"; /* What the development server of a test is to be. */

/* ---- What a watcher was told. ---- */

struct heard {
    pthread_mutex_t mutex;
    char log[256]; /* R reset, C created, D data, K children, X deleted, F failed, . closed */
    size_t count;
    docent_status status;
    int64_t zxid; /* Of the last change. */
    atomic_uint resets, changes;
    atomic_bool closed;
    docent_watcher *watcher;
    atomic_bool closes; /* When it is told. */
};

static void heard_put(struct heard *h, char letter)
{
    pthread_mutex_lock(&h->mutex);
    if (h->count < sizeof h->log - 1) h->log[h->count++] = letter;
    pthread_mutex_unlock(&h->mutex);
}

static bool heard_is(struct heard *h, const char *expected)
{
    pthread_mutex_lock(&h->mutex);
    bool is = strncmp(h->log, expected, sizeof h->log) == 0;
    pthread_mutex_unlock(&h->mutex);
    return is;
}

static bool heard_ends_with(struct heard *h, char letter)
{
    pthread_mutex_lock(&h->mutex);
    bool ends = h->count > 0 && h->log[h->count - 1] == letter;
    pthread_mutex_unlock(&h->mutex);
    return ends;
}

static void has_closed(void *user)
{
    atomic_store((atomic_bool *)user, true);
}

static char letter_of(const docent_watcher_event *event)
{
    switch (event->type) {
    case DOCENT_WATCHER_RESET: return 'R';
    case DOCENT_WATCHER_FAILED: return 'F';
    case DOCENT_WATCHER_CLOSED: return '.';
    case DOCENT_WATCHER_CHANGED: break;
    }
    return event->change == DOCENT_WATCH_CREATED ? 'C' : event->change == DOCENT_WATCH_DELETED ? 'X' :
           event->change == DOCENT_WATCH_DATA_CHANGED ? 'D' : event->change == DOCENT_WATCH_CHILDREN_CHANGED ? 'K' : '?';
}

static void on_event(const docent_watcher_event *event, void *user)
{
    struct heard *h = user;
    h->status = event->status;
    if (event->type == DOCENT_WATCHER_CHANGED) h->zxid = event->zxid;
    heard_put(h, letter_of(event));
    if (event->type == DOCENT_WATCHER_RESET) h->resets++;
    if (event->type == DOCENT_WATCHER_CHANGED) h->changes++;
    if (h->closes) {
        h->closes = false;
        docent_watcher *watcher = h->watcher;
        h->watcher = NULL;
        docent_watcher_close(watcher, has_closed, &h->closed);
    }
}

#define assert_heard(h, expected)                                                                                              \
    do {                                                                                                                    \
        for (int waited = 0; waited < PATIENCE_MS && !heard_is(h, expected); waited++) pause_ms(1);                            \
        assert_string_equal((h)->log, expected);                                                                              \
    } while (0)

/* ---- The fixture. ---- */

enum { HEARD_MAX = 8 };

struct fixture {
    docent_client *client, *writer;
    struct heard heard[HEARD_MAX];
    size_t count;
};

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
    f->writer = client_start(NULL);
    *state = f;
    return 0;
}

static struct heard *watch_with(struct fixture *f, struct heard *h, const char *path, docent_watcher_kind kind)
{
    memset(h, 0, sizeof *h);
    pthread_mutex_init(&h->mutex, NULL);
    assert_ok(docent_watcher_new(f->client, path, kind, on_event, h, &h->watcher));
    assert_soon(h->resets == 1);
    assert_ok(docent_watcher_status(h->watcher));
    return h;
}

static struct heard *watch_on(struct fixture *f, const char *path, docent_watcher_kind kind)
{
    assert_true(f->count < HEARD_MAX);
    return watch_with(f, &f->heard[f->count++], path, kind);
}

/* One of each kind. The subtree's first: a recursive watch that comes later changes the mode of the path, which is a gap for the others. */
static void watch_all(struct fixture *f)
{
    f->count = 5;
    for (int i = 4; i >= 0; i--) watch_with(f, &f->heard[i], "/w", (docent_watcher_kind)i);
}

static void stop(struct heard *h)
{
    if (h->watcher == NULL) return;
    docent_watcher_close(h->watcher, has_closed, &h->closed);
    h->watcher = NULL;
    assert_soon(h->closed);
    assert_int_equal(h->log[h->count - 1], '.');
}

static int fixture_stop(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < f->count; i++) stop(&f->heard[i]);
    docent_client_close(f->client, NULL, NULL);
    docent_client_close(f->writer, NULL, NULL);
    free(f);
    docent_devserver_stop(server);
    server = NULL;
    return 0;
}

static void make(struct fixture *f, const char *path)
{
    assert_ok(docent_create(f->writer, path, "x", 1, DOCENT_PERSISTENT, NULL));
}

static void set(struct fixture *f, const char *path)
{
    assert_ok(docent_set(f->writer, path, "y", 1, DOCENT_ANY_VERSION, NULL));
}

static void drop(struct fixture *f, const char *path)
{
    assert_ok(docent_delete(f->writer, path, DOCENT_ANY_VERSION));
}

/* ---- What happens to a node, and who is told what (F-50). ---- */

static const char *const kind_names[] = { "data", "exists", "children", "node", "subtree" };

static const struct step {
    void (*act)(struct fixture *f, const char *path);
    const char *path;
    const char *told[5]; /* In the order of docent_watcher_kind. */
} steps[] = {
    { make, "/w", { "C", "C", "C", "C", "C" } },
    { set, "/w", { "D", "", "", "D", "D" } },
    { make, "/w/a", { "", "", "K", "K", "C" } },
    { set, "/w/a", { "", "", "", "", "D" } },
    { make, "/w/a/b", { "", "", "", "", "C" } },
    { drop, "/w/a/b", { "", "", "", "", "X" } },
    { drop, "/w/a", { "", "", "K", "K", "X" } },
    { drop, "/w", { "X", "X", "X", "X", "X" } },
};

/* Takes a node at /w from birth to death; @heard[i] is of @kinds[i]. */
static void live_a_life(struct fixture *f, struct heard *const *heard, const docent_watcher_kind *kinds, size_t count, char expected[][256])
{
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        steps[i].act(f, steps[i].path);
        for (size_t j = 0; j < count; j++) {
            strcat(expected[j], steps[i].told[kinds[j]]);
            assert_heard(heard[j], expected[j]);
        }
    }
}

static void f50_every_kind_is_told_what_it_is_for(void **state)
{
    struct fixture *f = *state;
    struct heard *heard[5];
    docent_watcher_kind kinds[5];
    char expected[5][256] = { "R", "R", "R", "R", "R" };
    watch_all(f);
    for (int i = 0; i < 5; i++) heard[i] = &f->heard[kinds[i] = (docent_watcher_kind)i];
    for (int round = 0; round < 3; round++) live_a_life(f, heard, kinds, 5, expected);
}

static void f50_every_kind_alone(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 5; i++) {
        docent_watcher_kind kind = (docent_watcher_kind)i;
        char expected[1][256] = { "R" };
        struct heard *h = watch_on(f, "/w", kind);
        for (int round = 0; round < 2; round++) live_a_life(f, &h, &kind, 1, expected);
        stop(h);
        f->count = 0;
    }
}

/* What was asked of the server until now is answered, and so is what the first answers made the watches ask. */
static void settle(struct fixture *f)
{
    for (int i = 0; i < 2; i++) assert_ok(docent_sync(f->client, "/"));
}

/* Two on one path, or on parent and child; one goes, the other is told what it would be told alone. (When the modes of a path change it is told
 * RESET besides; the change that falls into that gap may be told behind it, or not.) */
static void f41_a_pair(struct fixture *f, docent_watcher_kind stays, docent_watcher_kind goes, const char *path)
{
    struct heard *h = watch_on(f, "/w", stays), *other = watch_on(f, path, goes);
    unsigned changes = h->changes;
    stop(other);
    settle(f);
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        unsigned resets = h->resets;
        steps[i].act(f, steps[i].path);
        changes += (unsigned)strlen(steps[i].told[stays]);
        for (int waited = 0; waited < PATIENCE_MS && h->changes < changes && h->resets == resets; waited++) pause_ms(1);
        if (h->resets != resets) {
            settle(f);
            changes = h->changes;
        }
        if (h->changes != changes) fprintf(stderr, "# %s stays, %s at %s goes, step %zu: %s\n", kind_names[stays], kind_names[goes], path, i, h->log);
        assert_int_equal(h->changes, changes);
    }
    stop(h);
    f->count = 0;
}

static void f41_removal_is_exact(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 5; i++) {
        for (int j = 0; j < 5; j++) {
            f41_a_pair(f, (docent_watcher_kind)i, (docent_watcher_kind)j, "/w");
            f41_a_pair(f, (docent_watcher_kind)i, (docent_watcher_kind)j, "/w/a");
            f41_a_pair(f, (docent_watcher_kind)i, (docent_watcher_kind)j, "/");
        }
    }
}

static void standing_watches_leave_nothing(void **state)
{
    struct fixture *f = *state;
    bool old = apache_alone == NULL && (strcmp(speaks, "3.4") == 0 || strcmp(speaks, "3.5") == 0);
    size_t before = watch_count();
    watch_all(f);
    assert_true(watch_count() > before);
    for (int i = 0; i < 5; i++) stop(&f->heard[i]);
    if (!old) assert_soon(watch_count() == before);
}

/* ---- Gaps. ---- */

static void f35_what_happens_during_a_cut_is_told_as_a_reset(void **state)
{
    struct fixture *f = *state;
    make(f, "/w");
    watch_all(f);
    for (unsigned round = 1; round <= 2; round++) {
        cut();
        for (int i = 0; i < 5; i++) assert_soon(docent_watcher_status(f->heard[i].watcher) == DOCENT_ERR_CONNECTION_LOSS);
        heal();
        for (int i = 0; i < 5; i++) assert_soon(f->heard[i].resets == 1 + round);
        unsigned changes[5];
        for (int i = 0; i < 5; i++) {
            assert_ok(docent_watcher_status(f->heard[i].watcher));
            changes[i] = f->heard[i].changes;
        }
        drop(f, "/w"); /* And they are armed. */
        for (int i = 0; i < 5; i++) assert_soon(f->heard[i].changes == changes[i] + 1);
        make(f, "/w");
        for (int i = 0; i < 5; i++) assert_soon(f->heard[i].changes == changes[i] + 2);
    }
}

static void f47_another_session_is_armed_again(void **state)
{
    struct fixture *f = *state;
    static const char *const paths[] = { "/w0", "/w1", "/w2", "/w3", "/w4" }; /* Or the modes of one path would change once more. */
    for (int i = 0; i < 5; i++) {
        make(f, paths[i]);
        watch_on(f, paths[i], (docent_watcher_kind)i);
    }
    uint64_t generation = docent_client_get_generation(f->client);
    expire(f->client);
    assert_soon(docent_client_get_generation(f->client) > generation);
    for (int i = 0; i < 5; i++) { /* The old session may have come back before its end, which is one more reset. */
        assert_soon(f->heard[i].resets >= 2 && docent_watcher_status(f->heard[i].watcher) == DOCENT_OK);
    }
    for (int i = 0; i < 5; i++) drop(f, paths[i]);
    for (int i = 0; i < 5; i++) {
        assert_soon(f->heard[i].changes == 1);
        assert_true(heard_ends_with(&f->heard[i], 'X'));
    }
}

/* ---- Modes of one path that overwrite each other at the server. ---- */

static void on_one_shot(const docent_watch_event *event, void *user)
{
    if (event->type == DOCENT_WATCH_DATA_CHANGED) atomic_fetch_add((atomic_uint *)user, 1);
}

static void read_with_watch(void *user)
{
    struct heard *h = user;
    docent_op op = docent_op_get("/w");
    docent_call_options call = { DOCENT_CALL_OPTIONS, .watch = on_one_shot, .watch_user = &h->resets };
    assert_ok(docent_run_async((docent_client *)(void *)h->watcher, &op, &call, NULL, NULL));
}

static void f41_the_applications_own_watches_are_beside(void **state)
{
    struct fixture *f = *state;
    make(f, "/w");
    struct heard *node = watch_on(f, "/w", DOCENT_WATCHER_NODE), *tree = watch_on(f, "/w", DOCENT_WATCHER_SUBTREE);
    for (unsigned i = 1; i <= 5; i++) {
        struct heard application = { .watcher = (docent_watcher *)(void *)f->client };
        docent_result *result = NULL;
        assert_ok(docent_client_post(f->client, read_with_watch, &application));
        assert_ok(docent_get(f->client, "/w", &result)); /* Behind the other. */
        docent_result_free(result);
        set(f, "/w");
        assert_soon(application.resets == 1);
        assert_soon(node->changes == 2 * i - 1);
        assert_soon(tree->changes == 2 * i - 1);
        set(f, "/w");
        assert_soon(node->changes == 2 * i);
        assert_soon(tree->changes == 2 * i);
    }
}

/* ---- The convenient forms. ---- */

struct seen {
    pthread_mutex_t mutex;
    char log[512]; /* What was told, a word each. */
    unsigned limit; /* Of events; then the callback says that it is enough. 0: none. */
    atomic_uint count;
    docent_watch_type change;
    atomic_bool last;
};

static bool seen_put(struct seen *seen, const char *word)
{
    pthread_mutex_lock(&seen->mutex);
    size_t size = strlen(seen->log);
    snprintf(seen->log + size, sizeof seen->log - size, "%s%s", size > 0 ? " " : "", word);
    pthread_mutex_unlock(&seen->mutex);
    seen->count++;
    return seen->limit == 0 || seen->count < seen->limit;
}

static bool seen_is(struct seen *seen, const char *expected)
{
    pthread_mutex_lock(&seen->mutex);
    bool is = strcmp(seen->log, expected) == 0;
    pthread_mutex_unlock(&seen->mutex);
    return is;
}

#define assert_seen(s, expected)                                                                                               \
    do {                                                                                                                    \
        for (int waited = 0; waited < PATIENCE_MS && !seen_is(s, expected); waited++) pause_ms(1);                             \
        assert_string_equal((s)->log, expected);                                                                              \
    } while (0)

static bool on_data(const docent_data_event *event, void *user)
{
    struct seen *seen = user;
    if (event->last) atomic_store(&seen->last, true);
    if (event->status != DOCENT_OK) return seen_put(seen, docent_status_name(event->status) + strlen("DOCENT_ERR_"));
    char data[16];
    snprintf(data, sizeof data, "%.*s", (int)event->size, (const char *)event->data);
    return seen_put(seen, data);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool on_children(const docent_children_event *event, void *user)
{
    struct seen *seen = user;
    char word[128] = "[";
    const char *names[16];
    if (event->last) atomic_store(&seen->last, true);
    seen->change = event->change;
    if (event->status != DOCENT_OK) return seen_put(seen, docent_status_name(event->status) + strlen("DOCENT_ERR_"));
    for (size_t i = 0; i < event->count && i < 16; i++) names[i] = event->names[i];
    qsort(names, event->count, sizeof *names, by_name);
    for (size_t i = 0; i < event->count && i < 16; i++) strcat(strcat(word, i > 0 ? "," : ""), names[i]);
    return seen_put(seen, strcat(word, "]"));
}

static void put(struct fixture *f, const char *path, const char *data)
{
    assert_ok(docent_set(f->writer, path, data, strlen(data), DOCENT_ANY_VERSION, NULL));
}

static void a_data_watch_tells_what_is_there(void **state)
{
    struct fixture *f = *state;
    struct seen seen = { .mutex = PTHREAD_MUTEX_INITIALIZER };
    atomic_bool closed = false;
    docent_data_watch *watch;
    assert_ok(docent_data_watch_new(f->client, "/w", on_data, &seen, &watch));
    assert_seen(&seen, "NO_NODE");
    make(f, "/w");
    assert_seen(&seen, "NO_NODE x");
    put(f, "/w", "1");
    assert_seen(&seen, "NO_NODE x 1");
    make(f, "/w/child"); /* Is no news. */
    drop(f, "/w/child");
    drop(f, "/w");
    assert_seen(&seen, "NO_NODE x 1 NO_NODE");
    docent_data_watch_close(watch, has_closed, &closed);
    assert_soon(closed);
    assert_seen(&seen, "NO_NODE x 1 NO_NODE CANCELLED");
}

static void a_children_watch_tells_who_is_there(void **state)
{
    struct fixture *f = *state;
    struct seen seen = { .mutex = PTHREAD_MUTEX_INITIALIZER };
    atomic_bool closed = false;
    docent_children_watch *watch;
    assert_ok(docent_children_watch_new(f->client, "/w", NULL, on_children, &seen, &watch));
    assert_seen(&seen, "NO_NODE");
    assert_int_equal(seen.change, DOCENT_WATCH_RESET);
    make(f, "/w");
    assert_seen(&seen, "NO_NODE []");
    assert_int_equal(seen.change, DOCENT_WATCH_CREATED);
    make(f, "/w/a");
    assert_seen(&seen, "NO_NODE [] [a]");
    assert_int_equal(seen.change, DOCENT_WATCH_CHILDREN_CHANGED);
    put(f, "/w", "1"); /* Is no news, nor is this. */
    put(f, "/w/a", "1");
    make(f, "/w/b");
    assert_seen(&seen, "NO_NODE [] [a] [a,b]");
    drop(f, "/w/a");
    assert_seen(&seen, "NO_NODE [] [a] [a,b] [b]");
    docent_children_watch_close(watch, has_closed, &closed);
    assert_soon(closed);
    assert_seen(&seen, "NO_NODE [] [a] [a,b] [b] CANCELLED");
}

static void children_that_settle_are_told_once(void **state)
{
    struct fixture *f = *state;
    struct seen seen = { .mutex = PTHREAD_MUTEX_INITIALIZER };
    atomic_bool closed = false;
    docent_children_watch *watch;
    const docent_children_watch_options options = { DOCENT_CHILDREN_WATCH_OPTIONS, .settle_ms = 500 };
    make(f, "/w");
    assert_ok(docent_children_watch_new(f->client, "/w", &options, on_children, &seen, &watch));
    char path[8];
    for (int i = 0; i < 8; i++) { /* Much faster than that. */
        snprintf(path, sizeof path, "/w/%d", i);
        make(f, path);
    }
    assert_seen(&seen, "[0,1,2,3,4,5,6,7]");
    docent_children_watch_close(watch, has_closed, &closed);
    assert_soon(closed);
}

static void who_has_seen_enough_is_told_no_more(void **state)
{
    struct fixture *f = *state;
    struct seen data = { .mutex = PTHREAD_MUTEX_INITIALIZER, .limit = 2 }, children = { .mutex = PTHREAD_MUTEX_INITIALIZER, .limit = 2 };
    struct seen witness = { .mutex = PTHREAD_MUTEX_INITIALIZER };
    struct seen kept = { .mutex = PTHREAD_MUTEX_INITIALIZER, .limit = 1 };
    atomic_bool closed = false;
    docent_data_watch *watch;
    assert_ok(docent_data_watch_new(f->client, "/w", on_data, &data, NULL));
    assert_ok(docent_children_watch_new(f->client, "/w", NULL, on_children, &children, NULL));
    assert_ok(docent_data_watch_new(f->client, "/w", on_data, &kept, &watch));
    assert_ok(docent_data_watch_new(f->client, "/w", on_data, &witness, NULL));
    assert_seen(&witness, "NO_NODE");
    assert_seen(&data, "NO_NODE");
    assert_seen(&children, "NO_NODE");
    make(f, "/w");
    assert_seen(&data, "NO_NODE x");
    assert_seen(&children, "NO_NODE []");
    put(f, "/w", "1");
    make(f, "/w/a");
    assert_seen(&witness, "NO_NODE x 1");
    docent_data_watch_close(watch, has_closed, &closed);
    assert_soon(closed);
    docent_client_close(f->client, NULL, NULL);
    f->client = NULL;
    assert_seen(&witness, "NO_NODE x 1 CLOSING");
    assert_true(witness.last);
    assert_seen(&data, "NO_NODE x");
    assert_seen(&children, "NO_NODE []");
    assert_seen(&kept, "NO_NODE");
}

static void f37_what_changed_meanwhile_is_seen(void **state)
{
    struct fixture *f = *state;
    struct seen data = { .mutex = PTHREAD_MUTEX_INITIALIZER }, children = { .mutex = PTHREAD_MUTEX_INITIALIZER };
    make(f, "/w");
    assert_ok(docent_data_watch_new(f->client, "/w", on_data, &data, NULL));
    assert_ok(docent_children_watch_new(f->client, "/w", NULL, on_children, &children, NULL));
    assert_seen(&data, "x");
    assert_seen(&children, "[]");
    expire(f->client);
    put(f, "/w", "1");
    make(f, "/w/a");
    assert_seen(&data, "x 1");
    assert_seen(&children, "[] [a]");
    for (int i = 0; i < 3; i++) { /* Nothing has happened, and nothing is told. */
        drop_connections();
        docent_result *result = NULL;
        assert_ok(docent_get(f->client, "/w", &result));
        docent_result_free(result);
    }
    put(f, "/w", "2");
    make(f, "/w/b");
    assert_seen(&data, "x 1 2");
    assert_seen(&children, "[] [a] [a,b]");
    docent_client_close(f->client, NULL, NULL);
    f->client = NULL;
}

static void what_may_not_be_read_is_told(void **state)
{
    struct fixture *f = *state;
    struct seen data = { .mutex = PTHREAD_MUTEX_INITIALIZER }, children = { .mutex = PTHREAD_MUTEX_INITIALIZER };
    static const docent_acl write_only[] = { { .perms = DOCENT_PERM_WRITE | DOCENT_PERM_CREATE | DOCENT_PERM_ADMIN | DOCENT_PERM_DELETE, .scheme = "world", .id = "anyone" } };
    docent_create_node_options options = { DOCENT_CREATE_NODE_OPTIONS, .acl = { write_only, 1 } };
    assert_ok(docent_create_node(f->writer, "/w", "x", 1, DOCENT_PERSISTENT, &options, NULL));
    assert_ok(docent_data_watch_new(f->client, "/w", on_data, &data, NULL));
    assert_ok(docent_children_watch_new(f->client, "/w", NULL, on_children, &children, NULL));
    assert_seen(&data, "NO_AUTH");
    assert_seen(&children, "NO_AUTH");
    drop(f, "/w");
    assert_seen(&data, "NO_AUTH NO_NODE");
    assert_seen(&children, "NO_AUTH NO_NODE");
    docent_client_close(f->client, NULL, NULL);
    f->client = NULL;
}

/* ---- Topics. ---- */

static void on_published(const docent_node *node, void *user)
{
    char word[128];
    snprintf(word, sizeof word, "%s=%s", docent_node_path(node), (const char *)docent_node_data(node, NULL));
    (void)seen_put(user, word);
}

static void on_retracted(const docent_node *last, void *user)
{
    char word[128];
    snprintf(word, sizeof word, "-%s", docent_node_path(last));
    (void)seen_put(user, word);
}

static void on_caught_up(void *user)
{
    (void)seen_put(user, "|");
}

static void on_topic_closed(docent_status why, void *user)
{
    (void)seen_put(user, docent_status_name(why) + strlen("DOCENT_ERR_"));
}

static bool is_long(const docent_node *node, void *user)
{
    size_t size;
    (void)user;
    (void)docent_node_data(node, &size);
    return size > 2;
}

static docent_topic_events topic_events(void)
{
    return (docent_topic_events){ DOCENT_TOPIC_EVENTS, .published = on_published, .retracted = on_retracted, .caught_up = on_caught_up,
                                  .closed = on_topic_closed };
}

static void publish(struct fixture *f, const char *path, const char *data)
{
    assert_ok(docent_topic_publish(f->writer, path, data, strlen(data), NULL));
}

static void a_subscriber_is_told_what_it_asks_for(void **state)
{
    struct fixture *f = *state;
    struct seen all = { .mutex = PTHREAD_MUTEX_INITIALIZER }, prices = { .mutex = PTHREAD_MUTEX_INITIALIZER }, longs = { .mutex = PTHREAD_MUTEX_INITIALIZER };
    docent_topic_events events = topic_events(), filtered = topic_events(), by_data = topic_events();
    docent_topic_subscriber *subscribers[3];
    atomic_bool closed = false;
    filtered.pattern = "*/price";
    by_data.wants = is_long;
    publish(f, "/topics/a/price", "1"); /* Parents are made. */
    assert_ok(docent_topic_subscribe(f->client, "/topics", &filtered, &prices, &subscribers[0]));
    assert_ok(docent_topic_subscribe(f->client, "/topics/a", &events, &all, &subscribers[1]));
    assert_ok(docent_topic_subscribe(f->client, "/topics", &by_data, &longs, &subscribers[2]));
    assert_seen(&prices, "/topics/a/price=1 |");
    assert_seen(&all, "/topics/a= /topics/a/price=1 |");
    assert_seen(&longs, "|");
    publish(f, "/topics/a/price", "22");
    assert_seen(&prices, "/topics/a/price=1 | /topics/a/price=22");
    publish(f, "/topics/a/name", "long");
    publish(f, "/topics/b/price/now", "3"); /* Makes that without data. */
    assert_seen(&prices, "/topics/a/price=1 | /topics/a/price=22 /topics/b/price=");
    publish(f, "/topics/b/price", "333");
    assert_seen(&longs, "| /topics/a/name=long /topics/b/price=333");
    assert_seen(&all, "/topics/a= /topics/a/price=1 | /topics/a/price=22 /topics/a/name=long");
    drop(f, "/topics/a/price");
    drop(f, "/topics/a/name");
    assert_seen(&prices, "/topics/a/price=1 | /topics/a/price=22 /topics/b/price= /topics/b/price=333 -/topics/a/price");
    assert_seen(&all, "/topics/a= /topics/a/price=1 | /topics/a/price=22 /topics/a/name=long -/topics/a/price -/topics/a/name");
    assert_seen(&longs, "| /topics/a/name=long /topics/b/price=333 -/topics/a/name");
    docent_topic_unsubscribe(subscribers[0], has_closed, &closed);
    assert_soon(closed);
    docent_client_close(f->client, NULL, NULL);
    f->client = NULL;
    assert_seen(&longs, "| /topics/a/name=long /topics/b/price=333 -/topics/a/name CLOSING");
    docent_topic_unsubscribe(subscribers[1], NULL, NULL);
    docent_topic_unsubscribe(subscribers[2], NULL, NULL);
}

static void a_subscriber_catches_up_after_a_session(void **state)
{
    struct fixture *f = *state;
    struct seen seen = { .mutex = PTHREAD_MUTEX_INITIALIZER };
    docent_topic_events events = topic_events();
    docent_topic_subscriber *subscriber;
    atomic_bool closed = false;
    events.pattern = "**";
    publish(f, "/topic", "1");
    assert_ok(docent_topic_subscribe(f->client, "/topic", &events, &seen, &subscriber));
    assert_seen(&seen, "/topic=1 |");
    expire(f->client);
    publish(f, "/topic", "2");
    /* Which of the two comes first is between it and the publisher. */
    assert_soon(seen_is(&seen, "/topic=1 | /topic=2 |") || seen_is(&seen, "/topic=1 | | /topic=2"));
    docent_topic_unsubscribe(subscriber, has_closed, &closed);
    assert_soon(closed);
    assert_soon(seen_is(&seen, "/topic=1 | /topic=2 | CANCELLED") || seen_is(&seen, "/topic=1 | | /topic=2 CANCELLED"));
}

/* ---- The end. ---- */

static void closed_in_its_own_callback(void **state)
{
    struct fixture *f = *state;
    watch_all(f);
    for (int i = 0; i < 5; i++) f->heard[i].closes = true;
    make(f, "/w");
    for (int i = 0; i < 5; i++) {
        assert_soon(f->heard[i].closed);
        assert_heard(&f->heard[i], "RC.");
        assert_status(f->heard[i].status, DOCENT_ERR_CANCELLED);
    }
}

static void f46_the_client_closes_first(void **state)
{
    struct fixture *f = *state;
    watch_all(f);
    docent_client_close(f->client, NULL, NULL);
    f->client = NULL;
    for (int i = 0; i < 5; i++) {
        struct heard *h = &f->heard[i];
        assert_heard(h, "R.");
        assert_status(h->status, DOCENT_ERR_CLOSING);
        assert_status(docent_watcher_status(h->watcher), DOCENT_ERR_CLOSING);
    }
}

static void made_and_closed_without_a_server(void **state)
{
    struct fixture *f = *state;
    cut();
    for (int i = 0; i < 5; i++) {
        struct heard *h = &f->heard[f->count++];
        pthread_mutex_init(&h->mutex, NULL);
        assert_ok(docent_watcher_new(f->client, "/w", (docent_watcher_kind)i, on_event, h, &h->watcher));
        assert_status(docent_watcher_status(h->watcher), DOCENT_ERR_CONNECTION_LOSS);
        stop(h);
        assert_heard(h, ".");
    }
    heal();
}

static void what_is_wrong_is_refused(void **state)
{
    struct fixture *f = *state;
    docent_watcher *watcher = NULL;
    assert_status(docent_watcher_new(f->client, "w", DOCENT_WATCHER_DATA, on_event, NULL, &watcher), DOCENT_ERR_INVALID_ARGUMENT);
    assert_status(docent_watcher_new(f->client, "/w", (docent_watcher_kind)5, on_event, NULL, &watcher), DOCENT_ERR_INVALID_ARGUMENT);
    assert_status(docent_watcher_new(f->client, "/w", DOCENT_WATCHER_DATA, NULL, NULL, &watcher), DOCENT_ERR_INVALID_ARGUMENT);
    assert_status(docent_watcher_new(f->client, "/w", DOCENT_WATCHER_DATA, on_event, NULL, NULL), DOCENT_ERR_INVALID_ARGUMENT);
    assert_status(docent_watcher_new(NULL, "/w", DOCENT_WATCHER_DATA, on_event, NULL, &watcher), DOCENT_ERR_INVALID_ARGUMENT);
    assert_status(docent_watcher_status(NULL), DOCENT_ERR_INVALID_ARGUMENT);
    docent_watcher_close(NULL, NULL, NULL);
    assert_null(watcher);
}

int main(int argc, char **argv)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_start, fixture_stop)
    const struct CMUnitTest tests[] = {
        TEST(f50_every_kind_is_told_what_it_is_for),
        TEST(f50_every_kind_alone),
        TEST(f41_removal_is_exact),
        TEST(f41_the_applications_own_watches_are_beside),
        TEST(standing_watches_leave_nothing),
        TEST(f35_what_happens_during_a_cut_is_told_as_a_reset),
        TEST(f47_another_session_is_armed_again),
        TEST(a_data_watch_tells_what_is_there),
        TEST(a_children_watch_tells_who_is_there),
        TEST(children_that_settle_are_told_once),
        TEST(who_has_seen_enough_is_told_no_more),
        TEST(f37_what_changed_meanwhile_is_seen),
        TEST(what_may_not_be_read_is_told),
        TEST(a_subscriber_is_told_what_it_asks_for),
        TEST(a_subscriber_catches_up_after_a_session),
        TEST(closed_in_its_own_callback),
        TEST(f46_the_client_closes_first),
        TEST(made_and_closed_without_a_server),
        TEST(what_is_wrong_is_refused),
    };
    if (argc > 1 && argv[1][0] == '3') speaks = argv[1];
    return run_live(tests, argc, argv);
}
