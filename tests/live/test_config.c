/* tests/live/test_config.c - configurations: against the development server and against Apache ZooKeeper. Each test has a folder of its own for
 * the file. "test_config write FILE" is this program as a process that writes that file for ever, to be killed. */
#include "live.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "recipes/config.h"

/* ---- What is told. ---- */

struct told {
    pthread_mutex_t mutex;
    char keys[256];            /* Of the last change. */
    char path[64], reason[256]; /* Of the last rejection. */
    atomic_int changes, firsts, rejections, states, validations, writes, closes;
    _Atomic int state, written; /* The last. */
    bool closes_on_change, closes_on_rejected, closes_on_state;
    docent_config *config;
    atomic_bool closed;
    atomic_int after_close;
};

static void has_closed(void *user)
{
    ((struct told *)user)->closed = true;
}

static void told_something(struct told *told, docent_config *config, bool closes)
{
    if (told->closes++ > 0) told->after_close++;
    if (closes) {
        docent_config_close(config, has_closed, told);
    } else {
        told->closes--;
    }
}

static void on_change(docent_config *config, const docent_config_change *change, void *user)
{
    struct told *told = user;
    pthread_mutex_lock(&told->mutex);
    told->keys[0] = '\0';
    for (size_t i = 0; i < change->key_count && i < 8; i++) {
        snprintf(told->keys + strlen(told->keys), sizeof told->keys - strlen(told->keys), "%s%s", i > 0 ? " " : "", change->keys[i]);
    }
    pthread_mutex_unlock(&told->mutex);
    told->firsts += change->before == NULL;
    told->changes++;
    told_something(told, config, told->closes_on_change);
}

static void on_rejected(docent_config *config, const char *path, const char *reason, void *user)
{
    struct told *told = user;
    pthread_mutex_lock(&told->mutex);
    snprintf(told->path, sizeof told->path, "%s", path);
    snprintf(told->reason, sizeof told->reason, "%s", reason);
    pthread_mutex_unlock(&told->mutex);
    told->rejections++;
    told_something(told, config, told->closes_on_rejected);
}

static void on_state(docent_config *config, docent_config_state state, void *user)
{
    struct told *told = user;
    told->state = (int)state;
    told->states++;
    told_something(told, config, told->closes_on_state);
}

static void on_written(docent_config *config, docent_status status, const char *reason, void *user)
{
    struct told *told = user;
    (void)reason;
    told->written = status;
    told->writes++;
    told_something(told, config, false);
}

static bool validate(const docent_config_values *values, char *reason, size_t size, void *user)
{
    struct told *told = user;
    int64_t pool = 0;
    told->validations++;
    if (docent_config_values_int(values, "pool", &pool) != DOCENT_OK || pool <= 100) return true;
    snprintf(reason, size, "a pool of %d", (int)pool);
    return false;
}

/* ---- A configuration. ---- */

struct fixture {
    docent_client *client, *writer;
    docent_config *config;
    struct told told;
    docent_config_options options;
    char folder[32], file[64];
};

static docent_client *client_begin(void)
{
    docent_client *client = NULL;
    assert_ok(docent_client_new(connect_string, NULL, &client));
    return client;
}

static int fixture_start(void **state)
{
    if (server_start(state) != 0) return -1;
    struct fixture *f = calloc(1, sizeof *f);
    f->client = client_begin();
    f->writer = client_start(NULL);
    pthread_mutex_init(&f->told.mutex, NULL);
    strcpy(f->folder, "/tmp/docent-config-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    snprintf(f->file, sizeof f->file, "%s/config.json", f->folder);
    f->options = (docent_config_options){
        DOCENT_CONFIG_OPTIONS,
        .validate = validate,
        .on_change = on_change,
        .on_rejected = on_rejected,
        .on_state = on_state,
        .on_written = on_written,
        .user = &f->told,
    };
    *state = f;
    return 0;
}

static void config_stop(struct fixture *f)
{
    if (f->config != NULL) {
        f->told.closed = false;
        docent_config_close(f->config, has_closed, &f->told);
        assert_soon(f->told.closed);
    }
    f->config = NULL;
}

static int fixture_stop(void **state)
{
    struct fixture *f = *state;
    config_stop(f);
    docent_client_close(f->client, NULL, NULL);
    docent_client_close(f->writer, NULL, NULL);
    assert_int_equal(f->told.after_close, 0);
    files_remove(f->folder);
    pthread_mutex_destroy(&f->told.mutex);
    free(f);
    return server_stop(NULL);
}

static void config_begin(struct fixture *f)
{
    assert_ok(docent_config_new(f->client, "/config", &f->options, &f->config));
}

static void config_start(struct fixture *f)
{
    config_begin(f);
    assert_ok(docent_config_wait(f->config, PATIENCE_MS));
}

static void make(struct fixture *f, const char *path, const char *document)
{
    assert_ok(docent_create(f->writer, path, document, document == NULL ? 0 : strlen(document), DOCENT_PERSISTENT, NULL));
}

static void set(struct fixture *f, const char *path, const char *document)
{
    assert_ok(docent_set(f->writer, path, document, strlen(document), DOCENT_ANY_VERSION, NULL));
}

static int64_t get_int(struct fixture *f, const char *key)
{
    return docent_config_get_int(f->config, key, -1);
}

static void assert_rejected(struct fixture *f, int count, const char *path, const char *reason)
{
    assert_soon(f->told.rejections >= count);
    assert_int_equal(f->told.rejections, count);
    pthread_mutex_lock(&f->told.mutex);
    assert_string_equal(f->told.path, path);
    if (strstr(f->told.reason, reason) == NULL) fail_msg("%s is not in: %s", reason, f->told.reason);
    pthread_mutex_unlock(&f->told.mutex);
}

static void assert_keys(struct fixture *f, const char *keys)
{
    pthread_mutex_lock(&f->told.mutex);
    assert_string_equal(f->told.keys, keys);
    pthread_mutex_unlock(&f->told.mutex);
}

static int64_t mzxid_of(struct fixture *f, const char *path)
{
    docent_result *result;
    assert_ok(docent_get(f->writer, path, &result));
    int64_t mzxid = result->stat.mzxid;
    docent_result_free(result);
    return mzxid;
}

/* ---- The servers' values. ---- */

static void a_change_is_seen(void **state)
{
    struct fixture *f = *state;
    make(f, "/config", "{\"pool\": 3, \"name\": \"shop\", \"on\": true, \"ratio\": 0.5}");
    config_start(f);
    char name[3];
    assert_int_equal(get_int(f, "pool"), 3);
    assert_int_equal(get_int(f, "name"), -1);
    assert_true(docent_config_get_bool(f->config, "on", false));
    assert_true(docent_config_get_real(f->config, "ratio", 0) == 0.5);
    assert_int_equal(docent_config_get_string(f->config, "name", NULL, name, sizeof name), 4);
    assert_string_equal(name, "sh");
    assert_int_equal(docent_config_get_string(f->config, "none", "x", name, sizeof name), 1);
    assert_string_equal(name, "x");
    assert_soon(f->told.state == DOCENT_CONFIG_CURRENT);
    assert_int_equal(docent_config_get_state(f->config), DOCENT_CONFIG_CURRENT);
    assert_soon(f->told.firsts == 1);
    assert_keys(f, "name on pool ratio");

    const docent_config_values *before = docent_config_snapshot(f->config);
    set(f, "/config", "{\"pool\": 4, \"name\": \"shop\", \"more\": {\"x\": [1]}, \"on\": true}");
    assert_soon(get_int(f, "pool") == 4);
    assert_soon(f->told.changes == 2);
    assert_keys(f, "more.x pool ratio");
    int64_t pool;
    assert_ok(docent_config_values_int(before, "pool", &pool)); /* What was kept stays as it was. */
    assert_int_equal(pool, 3);
    docent_config_values_unref(before);
    const docent_config_values *values = docent_config_snapshot(f->config);
    assert_int_equal(docent_config_values_source(values), DOCENT_CONFIG_FROM_SERVERS);
    assert_true(docent_config_values_zxid(values) == mzxid_of(f, "/config"));
    docent_config_values_unref(values);
}

static void nodes_below_are_merged(void **state)
{
    struct fixture *f = *state;
    make(f, "/config", "{\"db\": {\"pool\": 3, \"url\": \"x\"}}");
    make(f, "/config/db", "{\"pool\": 5}");
    make(f, "/config/limits", NULL);
    make(f, "/config/limits/a.b", "7");
    config_start(f);
    assert_int_equal(get_int(f, "db.pool"), 5);
    assert_int_equal(get_int(f, "limits.a\\.b"), 7);
    make(f, "/config/db/pool", "6");
    assert_soon(get_int(f, "db.pool") == 6);
    assert_ok(docent_delete(f->writer, "/config/db/pool", DOCENT_ANY_VERSION));
    assert_soon(get_int(f, "db.pool") == 5);
    assert_ok(docent_delete(f->writer, "/config/db", DOCENT_ANY_VERSION));
    assert_soon(get_int(f, "db.pool") == 3);
    assert_soon(f->told.changes == 4);
    assert_keys(f, "db.pool");
    assert_int_equal(f->told.rejections, 0);
}

static void one_document_may_be_all(void **state)
{
    struct fixture *f = *state;
    make(f, "/config", "{\"a\": 1}");
    make(f, "/config/b", "2");
    f->options.document_only = true;
    config_start(f);
    assert_int_equal(get_int(f, "b"), -1);
    set(f, "/config", "{\"a\": 2}");
    assert_soon(get_int(f, "a") == 2);
    assert_int_equal(get_int(f, "b"), -1);
}

static void bad_json_leaves_the_last_good(void **state)
{
    struct fixture *f = *state;
    make(f, "/config", "{\"a\": 1}");
    make(f, "/config/b", "{\"c\": 1}");
    make(f, "/config/bad", "never good");
    config_start(f);
    assert_rejected(f, 1, "/config/bad", "line 1, column 5");
    set(f, "/config/b", "{\n\"c\": }");
    assert_rejected(f, 2, "/config/b", "line 2, column 6");
    set(f, "/config", "{\"a\": 2}"); /* The others go on. */
    assert_soon(get_int(f, "a") == 2);
    assert_int_equal(get_int(f, "b.c"), 1);
    set(f, "/config", "[]");
    assert_rejected(f, 3, "/config", "not an object");
    assert_int_equal(get_int(f, "a"), 2);
    set(f, "/config/b", "{\"c\": 3}");
    assert_soon(get_int(f, "b.c") == 3);
    assert_int_equal(get_int(f, "a"), 2);
    assert_int_equal(f->told.rejections, 3);
}

static void validation_leaves_the_last_good(void **state)
{
    struct fixture *f = *state;
    make(f, "/config", "{\"pool\": 1}");
    config_start(f);
    set(f, "/config", "{\"pool\": 101}");
    assert_rejected(f, 1, "/config", "a pool of 101");
    assert_int_equal(get_int(f, "pool"), 1);
    set(f, "/config", "{\"pool\":   101}"); /* The same. */
    set(f, "/config", "{\"pool\": 100}");
    assert_soon(get_int(f, "pool") == 100);
    assert_int_equal(f->told.rejections, 1);
    assert_soon(f->told.changes == 2);
}

static void what_may_not_be_read_any_more_stays(void **state)
{
    struct fixture *f = *state;
    make(f, "/config", "{\"a\": 1}");
    make(f, "/config/b", "1");
    config_start(f);
    docent_acl others[] = { { DOCENT_PERM_ALL & ~DOCENT_PERM_READ, "world", "anyone" } };
    docent_op op = docent_op_set_acl("/config/b", (docent_acl_list){ others, 1 }, DOCENT_ANY_VERSION);
    assert_ok(docent_run(f->writer, &op, NULL, NULL));
    set(f, "/config/b", "2"); /* Which servers with read filters do not tell us. */
    expire(f->client);
    assert_rejected(f, 1, "/config/b", "denies");
    set(f, "/config", "{\"a\": 2}");
    assert_soon(get_int(f, "a") == 2);
    assert_int_equal(get_int(f, "b"), 1);
    assert_ok(docent_delete(f->writer, "/config/b", DOCENT_ANY_VERSION));
    expire(f->client);
    assert_soon(get_int(f, "b") == -1);
}

static void without_a_node_it_is_empty(void **state)
{
    struct fixture *f = *state;
    config_start(f);
    assert_soon(f->told.state == DOCENT_CONFIG_CURRENT);
    assert_int_equal(get_int(f, "a"), -1);
    make(f, "/config", "{\"a\": 1}");
    assert_soon(get_int(f, "a") == 1);
    assert_ok(docent_delete(f->writer, "/config", DOCENT_ANY_VERSION));
    assert_soon(get_int(f, "a") == -1);
    assert_int_equal(f->told.rejections, 0);
}

static void a_node_that_must_exist_is_waited_for(void **state)
{
    struct fixture *f = *state;
    f->options.must_exist = true;
    config_begin(f);
    assert_rejected(f, 1, "/config", "no such node");
    assert_status(docent_config_wait(f->config, 1), DOCENT_ERR_TIMEOUT);
    assert_null(docent_config_snapshot(f->config));
    make(f, "/config", "{\"a\": 1}");
    assert_ok(docent_config_wait(f->config, PATIENCE_MS));
    assert_int_equal(get_int(f, "a"), 1);
    assert_ok(docent_delete(f->writer, "/config", DOCENT_ANY_VERSION));
    assert_rejected(f, 2, "/config", "no such node");
    assert_int_equal(get_int(f, "a"), 1);
    make(f, "/config", "{\"a\": 2}");
    assert_soon(get_int(f, "a") == 2);
}

static void an_outage_is_shown(void **state)
{
    struct fixture *f = *state;
    make(f, "/config", "{\"a\": 1}");
    config_start(f);
    assert_soon(f->told.state == DOCENT_CONFIG_CURRENT);
    cut();
    assert_soon(f->told.state == DOCENT_CONFIG_STALE);
    assert_int_equal(get_int(f, "a"), 1);
    heal();
    set(f, "/config", "{\"a\": 2}");
    assert_soon(get_int(f, "a") == 2);
    assert_soon(f->told.state == DOCENT_CONFIG_CURRENT);
    expire(f->client);
    set(f, "/config", "{\"a\": 3}");
    assert_soon(get_int(f, "a") == 3);
    assert_soon(f->told.state == DOCENT_CONFIG_CURRENT);
}

static void too_much_is_refused(void **state)
{
    struct fixture *f = *state;
    f->options.depth_max = 3;
    f->options.bytes_max = 4096;
    make(f, "/config", "{\"a\": 1}");
    config_start(f);
    make(f, "/config/deep", "[[[[]]]]");
    assert_rejected(f, 1, "/config/deep", "deeper than 3");
    char large[5000];
    memset(large, ' ', sizeof large);
    memcpy(large, "{\"a\": 2", 7);
    memcpy(large + sizeof large - 2, "}", 2);
    set(f, "/config", large);
    assert_rejected(f, 2, "/config", "4096");
    assert_int_equal(get_int(f, "a"), 1);
}

/* ---- The file. ---- */

static char *file_text(struct fixture *f)
{
    static char text[4096];
    FILE *file = fopen(f->file, "r");
    assert_non_null(file);
    size_t size = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[size] = '\0';
    return text;
}

static void put_file(struct fixture *f, const char *data, size_t size)
{
    FILE *file = fopen(f->file, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

/* Leaves a file behind that has {"a": 1, "b": 1}. */
static void make_file(struct fixture *f)
{
    f->options.file = f->file;
    f->options.fallback_after_ms = 60000;
    make(f, "/config", "{\"a\": 1, \"b\": 1}");
    config_start(f);
    assert_soon(f->told.writes == 1);
    assert_int_equal(f->told.written, DOCENT_OK);
    config_stop(f);
    f->options.fallback_after_ms = 50;
}

static void cut_off(struct fixture *f)
{
    docent_client_close(f->client, NULL, NULL);
    cut();
    f->client = client_begin();
}

static void what_is_accepted_is_in_the_file(void **state)
{
    struct fixture *f = *state;
    make_file(f);
    struct stat about;
    assert_int_equal(stat(f->file, &about), 0);
    assert_int_equal(about.st_mode & 0777, 0600);
    assert_non_null(strstr(file_text(f), "\n{\"a\":1,\"b\":1}\n"));

    config_start(f);
    set(f, "/config", "{\"a\": 2}");
    assert_soon(get_int(f, "a") == 2);
    config_stop(f);
    assert_non_null(strstr(file_text(f), "\n{\"a\":2}\n"));
}

static void closing_waits_for_the_file(void **state)
{
    struct fixture *f = *state;
    make_file(f);
    char new[80];
    snprintf(new, sizeof new, "%s.new", f->file);
    int fd = open(new, O_WRONLY | O_CREAT, 0600);
    assert_int_equal(flock(fd, LOCK_EX), 0); /* As another process that writes it. */
    set(f, "/config", "{\"a\": 2}");
    config_start(f);
    f->told.closed = false;
    docent_config_close(f->config, has_closed, &f->told);
    f->config = NULL;
    docent_result *result;
    for (int i = 0; i < 3; i++) { /* Turns of the loop. */
        assert_ok(docent_get(f->client, "/config", &result));
        docent_result_free(result);
    }
    assert_false(f->told.closed);
    close(fd);
    assert_soon(f->told.closed);
    assert_non_null(strstr(file_text(f), "\n{\"a\":2}\n"));
}

static void without_servers_the_file_serves(void **state)
{
    struct fixture *f = *state;
    make_file(f);
    set(f, "/config", "{\"a\": 2, \"b\": 1}"); /* While we do not look. */
    cut_off(f);
    config_start(f);
    assert_soon(f->told.state == DOCENT_CONFIG_FALLBACK);
    assert_int_equal(get_int(f, "a"), 1);
    const docent_config_values *values = docent_config_snapshot(f->config);
    assert_int_equal(docent_config_values_source(values), DOCENT_CONFIG_FROM_FILE);
    docent_config_values_unref(values);
    int changes = f->told.changes;
    heal();
    assert_soon(get_int(f, "a") == 2);
    assert_soon(f->told.state == DOCENT_CONFIG_CURRENT);
    assert_int_equal(f->told.changes, changes + 1);
    assert_keys(f, "a");
    assert_soon(f->told.writes == 2);
    assert_non_null(strstr(file_text(f), "\n{\"a\":2,\"b\":1}\n"));
}

static void the_file_is_validated_too(void **state)
{
    struct fixture *f = *state;
    f->options.validate = NULL;
    make_file(f);
    config_start(f);
    set(f, "/config", "{\"pool\": 101}");
    assert_soon(f->told.writes == 3);
    config_stop(f);
    cut_off(f);
    f->options.validate = validate;
    config_begin(f);
    assert_rejected(f, 1, f->file, "a pool of 101");
    assert_status(docent_config_wait(f->config, 1), DOCENT_ERR_TIMEOUT);
    heal();
    assert_rejected(f, 2, "/config", "a pool of 101");
    set(f, "/config", "{\"pool\": 100}");
    assert_ok(docent_config_wait(f->config, PATIENCE_MS));
}

static void no_file_no_values(void **state)
{
    struct fixture *f = *state;
    f->options.file = f->file;
    f->options.fallback_after_ms = 20;
    cut_off(f);
    config_begin(f);
    assert_rejected(f, 1, f->file, "No such file");
    assert_int_equal(docent_config_get_state(f->config), DOCENT_CONFIG_LOADING);
    heal();
    assert_ok(docent_config_wait(f->config, PATIENCE_MS));
}

static void a_damaged_file_is_refused(void **state)
{
    struct fixture *f = *state;
    make_file(f);
    char *text = file_text(f);
    text[strlen(text) - 3] = '9';
    put_file(f, text, strlen(text));
    cut_off(f);
    config_begin(f);
    assert_rejected(f, 1, f->file, "damaged");
    assert_null(docent_config_snapshot(f->config));
    heal();
    assert_ok(docent_config_wait(f->config, PATIENCE_MS));
    assert_soon(f->told.writes == 2);
    assert_int_equal(f->told.written, DOCENT_OK); /* Ours to be replaced. */
}

static void a_foreign_file_stays(void **state)
{
    struct fixture *f = *state;
    static const char passwords[] = "root:x:0:0:root:/root:/bin/bash\n";
    put_file(f, passwords, sizeof passwords - 1);
    f->options.file = f->file;
    f->options.fallback_after_ms = 60000;
    make(f, "/config", "{\"a\": 1}");
    config_start(f);
    assert_soon(f->told.writes == 1);
    assert_int_equal(f->told.written, DOCENT_ERR_CORRUPT_DATA);
    assert_string_equal(file_text(f), passwords);
    assert_int_equal(get_int(f, "a"), 1);
}

static void a_newer_file_stays(void **state)
{
    struct fixture *f = *state;
    make_file(f);
    struct config_reason reason;
    const struct config_limits limits = { 64, 1 << 20 };
    const docent_allocator *allocator = docent_client_allocator(f->client);
    char *text = file_text(f), path[64];
    snprintf(path, sizeof path, "%s/config", docent_client_chroot(f->client));
    docent_config_values *values;
    assert_ok(docent_config_decode(text, strlen(text), path, &limits, allocator, &values, NULL, &reason));
    ((struct config_origin *)(uintptr_t)docent_config_values_origin(values))->zxid += 1000; /* By a process that is ahead of us. */
    char *data;
    size_t size;
    assert_ok(docent_config_encode(values, path, allocator, &data, &size));
    put_file(f, data, size);
    docent_free(allocator, data);
    docent_config_values_unref(values);
    config_start(f);
    assert_soon(f->told.writes == 2);
    assert_int_equal(f->told.written, DOCENT_ERR_BAD_VERSION);
}

static void a_file_that_cannot_be_written_is_told(void **state)
{
    struct fixture *f = *state;
    char nowhere[96];
    snprintf(nowhere, sizeof nowhere, "%s/none/config.json", f->folder);
    f->options.file = nowhere;
    make(f, "/config", "{\"a\": 1}");
    config_start(f);
    assert_soon(f->told.writes == 1);
    assert_int_equal(f->told.written, DOCENT_ERR_IO);
    assert_int_equal(get_int(f, "a"), 1);
}

/* The process that is killed: writes one set after the other, large enough for it to be in the middle of one most of the time, and says so. */
static docent_status always(const char *old, size_t old_size, void *user)
{
    (void)old;
    (void)old_size;
    (void)user;
    return DOCENT_OK;
}

static void *plain_alloc(size_t size, void *user) { return (void)user, malloc(size); }
static void *plain_resize(void *block, size_t size, void *user) { return (void)user, realloc(block, size); }
static void plain_release(void *block, void *user) { (void)user, free(block); }
static const docent_allocator plain = { plain_alloc, plain_resize, plain_release, NULL };
static const struct config_limits large_limits = { 64, 16 << 20 };

static void large_file(int64_t zxid, char **ret_data, size_t *ret_size)
{
    enum { TEXT_SIZE = 4 << 20 };
    struct config_reason reason;
    const struct config_origin origin = { .zxid = zxid, .root_czxid = 1, .root_ctime_ms = 1 };
    docent_config_values *values;
    char *text = malloc(TEXT_SIZE);
    memset(text, '0' + (int)zxid, TEXT_SIZE);
    json_t *json = json_object();
    json_object_set_new(json, "text", json_stringn(text, TEXT_SIZE));
    if (docent_config_values_make(json, &origin, &large_limits, &plain, &values, &reason) != DOCENT_OK) abort();
    if (docent_config_encode(values, "/config", &plain, ret_data, ret_size) != DOCENT_OK) abort();
    docent_config_values_unref(values);
    json_decref(json);
    free(text);
}

static int write_for_ever(const char *file)
{
    char *data[2];
    size_t size[2];
    for (int i = 0; i < 2; i++) large_file(i + 1, &data[i], &size[i]);
    for (char i = 0;; i = !i) {
        char reason[256];
        docent_status status = docent_file_replace(file, data[(int)i], size[(int)i], 16 << 20, &plain, always, NULL, reason, sizeof reason);
        if (status != DOCENT_OK || write(STDOUT_FILENO, &i, 1) != 1) return 1;
    }
}

static void a_killed_writer_leaves_a_whole_file(void **state)
{
    struct fixture *f = *state;
    for (int round = 0; round < 25; round++) {
        int ends[2];
        assert_int_equal(pipe(ends), 0);
        pid_t writer = fork();
        if (writer == 0) {
            dup2(ends[1], STDOUT_FILENO);
            execl("/proc/self/exe", "test_config", "write", f->file, (char *)NULL);
            _exit(1);
        }
        close(ends[1]);
        char wrote;
        for (int i = 0; i < 2; i++) assert_int_equal(read(ends[0], &wrote, 1), 1);
        const struct timespec somewhere = { 0, 400000 * round }; /* In a later one; it matters little where. */
        nanosleep(&somewhere, NULL);
        kill(writer, SIGKILL);
        assert_int_equal(waitpid(writer, NULL, 0), writer);
        close(ends[0]);

        struct config_reason reason;
        char *data;
        size_t size;
        docent_config_values *values;
        assert_ok(docent_file_read(f->file, 16 << 20, &plain, &data, &size, reason.text, sizeof reason.text));
        docent_status status = docent_config_decode(data, size, "/config", &large_limits, &plain, &values, NULL, &reason);
        if (status != DOCENT_OK) fail_msg("round %d: %s", round, reason.text);
        assert_in_range(docent_config_values_zxid(values), 1, 2);
        docent_config_values_unref(values);
        free(data);
    }
}

/* ---- Threads and ends. ---- */

struct reader {
    docent_config *config;
    atomic_bool stops;
    atomic_int faults;
};

static void *read_on(void *user)
{
    struct reader *reader = user;
    while (!reader->stops) { /* Both were set together. */
        const docent_config_values *values = docent_config_snapshot(reader->config);
        int64_t a = 0, b = 0;
        if (docent_config_values_int(values, "a", &a) != DOCENT_OK || docent_config_values_int(values, "b.b", &b) != DOCENT_OK || a != b) reader->faults++;
        docent_config_values_unref(values);
        (void)docent_config_get_state(reader->config);
    }
    return NULL;
}

static void other_threads_read_what_belongs_together(void **state)
{
    struct fixture *f = *state;
    make(f, "/config", "{\"a\": 0, \"b\": {\"b\": 0}}");
    f->options.file = f->file;
    config_start(f);
    struct reader reader = { .config = f->config };
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, read_on, &reader), 0);
    for (int i = 1; i <= 50; i++) {
        char document[64];
        snprintf(document, sizeof document, "{\"a\": %d, \"b\": {\"b\": %d}}", i, i);
        set(f, "/config", document);
    }
    assert_soon(get_int(f, "a") == 50);
    reader.stops = true;
    pthread_join(thread, NULL);
    assert_int_equal(reader.faults, 0);
}

static void closing_in(struct fixture *f, bool *where)
{
    make(f, "/config", "{\"a\": 1}");
    make(f, "/config/bad", "{\"a\": }");
    *where = true;
    config_begin(f);
    assert_soon(f->told.closed);
    f->config = NULL;
}

static void it_may_be_closed_in_on_change(void **state)
{
    struct fixture *f = *state;
    closing_in(f, &f->told.closes_on_change);
}

static void it_may_be_closed_in_on_rejected(void **state)
{
    struct fixture *f = *state;
    closing_in(f, &f->told.closes_on_rejected);
}

static void it_may_be_closed_in_on_state(void **state)
{
    struct fixture *f = *state;
    closing_in(f, &f->told.closes_on_state);
}

static void *wait_long(void *user)
{
    return (void *)(intptr_t)docent_config_wait(user, DOCENT_FOREVER);
}

static void whoever_waits_is_told_when_it_ends(void **state)
{
    struct fixture *f = *state;
    cut_off(f);
    for (int client_first = 0; client_first < 2; client_first++) {
        config_begin(f);
        pthread_t thread;
        void *outcome;
        assert_int_equal(pthread_create(&thread, NULL, wait_long, f->config), 0);
        pause_ms(20); /* It may also come too late to be told, and then is told the same. */
        if (client_first) {
            docent_client_close(f->client, NULL, NULL);
        } else {
            docent_config_close(f->config, NULL, NULL);
        }
        pthread_join(thread, &outcome);
        docent_status expected = client_first ? DOCENT_ERR_CLOSING : DOCENT_ERR_CANCELLED;
        assert_status((docent_status)(intptr_t)outcome, expected);
        if (client_first) docent_config_close(f->config, NULL, NULL);
    }
    f->config = NULL;
    heal();
    f->client = client_start(NULL);
}

static void values_outlive_everything(void **state)
{
    struct fixture *f = *state;
    make_file(f);
    config_start(f);
    const docent_config_values *values = docent_config_snapshot(f->config);
    set(f, "/config", "{\"a\": 3}"); /* It may be on its way to the file. */
    docent_client_close(f->client, NULL, NULL);
    int64_t a;
    assert_ok(docent_config_values_int(values, "a", &a));
    assert_int_equal(a, 1);
    docent_config_close(f->config, NULL, NULL);
    f->config = NULL;
    assert_string_equal(docent_config_values_json(values, NULL, NULL), "{\"a\":1,\"b\":1}");
    docent_config_values_unref(values);
    f->client = client_start(NULL);
}

static void bad_arguments_are_refused(void **state)
{
    struct fixture *f = *state;
    docent_config *config = NULL;
    const docent_config_options too_deep = { DOCENT_CONFIG_OPTIONS, .depth_max = 1001 }, no_file = { DOCENT_CONFIG_OPTIONS, .file = "" };
    assert_status(docent_config_new(f->client, "config", NULL, &config), DOCENT_ERR_INVALID_ARGUMENT);
    assert_status(docent_config_new(f->client, "/config/", NULL, &config), DOCENT_ERR_INVALID_ARGUMENT);
    assert_status(docent_config_new(f->client, "/config", &too_deep, &config), DOCENT_ERR_INVALID_ARGUMENT);
    assert_status(docent_config_new(f->client, "/config", &no_file, &config), DOCENT_ERR_INVALID_ARGUMENT);
    assert_status(docent_config_new(NULL, "/config", NULL, &config), DOCENT_ERR_INVALID_ARGUMENT);
    assert_null(config);
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "write") == 0) return write_for_ever(argv[2]);
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_start, fixture_stop)
    const struct CMUnitTest tests[] = {
        TEST(a_change_is_seen),
        TEST(nodes_below_are_merged),
        TEST(one_document_may_be_all),
        TEST(bad_json_leaves_the_last_good),
        TEST(validation_leaves_the_last_good),
        TEST(what_may_not_be_read_any_more_stays),
        TEST(without_a_node_it_is_empty),
        TEST(a_node_that_must_exist_is_waited_for),
        TEST(an_outage_is_shown),
        TEST(too_much_is_refused),
        TEST(what_is_accepted_is_in_the_file),
        TEST(closing_waits_for_the_file),
        TEST(without_servers_the_file_serves),
        TEST(the_file_is_validated_too),
        TEST(no_file_no_values),
        TEST(a_damaged_file_is_refused),
        TEST(a_foreign_file_stays),
        TEST(a_newer_file_stays),
        TEST(a_file_that_cannot_be_written_is_told),
        TEST(a_killed_writer_leaves_a_whole_file),
        TEST(other_threads_read_what_belongs_together),
        TEST(it_may_be_closed_in_on_change),
        TEST(it_may_be_closed_in_on_rejected),
        TEST(it_may_be_closed_in_on_state),
        TEST(whoever_waits_is_told_when_it_ends),
        TEST(values_outlive_everything),
        TEST(bad_arguments_are_refused),
    };
    return run_live(tests, argc, argv);
}
