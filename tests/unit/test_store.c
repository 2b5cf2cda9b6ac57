/* tests/unit/test_store.c - the development server's directory: what a leader finds when it starts again, whatever happened to the
 * files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <docent/client.h>

#include "log.h"
#include "snapshot.h"
#include "store.h"

enum { TIMEOUT_MS = 4000, NOW = 10000 };

static char directory[64];
static char reports[4096];
static struct store_config config;
static struct server_config server;
static struct leader *leader;
static struct store *store;
static int64_t session;

static void on_report(void *user, const char *text)
{
    (void)user;
    size_t size = strlen(reports);
    snprintf(reports + size, sizeof reports - size, "%s\n", text);
}

static void carry(void *user, struct server_message *message)
{
    (void)user;
    if (message->type == DOWN_COMMIT) {
        docent_store_add(store, message->txn);
        if (message->txn->type == TXN_NEW_SESSION) session = message->txn->session;
    }
    docent_message_free(message);
}

/* False: refused. */
static bool server_start(void)
{
    reports[0] = '\0';
    leader = docent_leader_new(&server, NOW, 1000);
    store = docent_store_open(&config, leader, NOW, 1000);
    if (store == NULL) {
        int error = errno;
        docent_leader_free(leader);
        leader = NULL;
        errno = error;
        return false;
    }
    docent_leader_join(leader, 0, carry, NULL);
    return true;
}

static void server_stop(void)
{
    docent_store_close(store);
    docent_leader_free(leader);
    store = NULL;
    leader = NULL;
}

static void server_ask(enum message_type type, int32_t op, int64_t whose, struct wire_out *body)
{
    struct server_message *message = calloc(1, sizeof *message);
    message->type = type;
    message->op = op;
    message->session = whose;
    message->timeout_ms = TIMEOUT_MS;
    if (body != NULL) {
        message->body = body->data;
        message->size = body->size;
    }
    docent_leader_receive(leader, NOW, 1000, message);
}

static void put_open_acl(struct wire_out *body)
{
    struct wire_acl open = { DOCENT_PERM_ALL, docent_wire_string("world"), docent_wire_string("anyone") };
    docent_wire_put_int(body, 1);
    docent_wire_put_acl(body, &open);
}

static void put_create(struct wire_out *body, const char *path, const char *data, int32_t flags)
{
    docent_wire_put_string(body, docent_wire_string(path));
    docent_wire_put_string(body, docent_wire_string(data));
    put_open_acl(body);
    docent_wire_put_int(body, flags);
}

static void create(const char *path, const char *data, int32_t flags)
{
    struct wire_out body = { 0 };
    put_create(&body, path, data, flags);
    server_ask(UP_REQUEST, flags == DOCENT_CONTAINER ? WIRE_OP_CREATE_CONTAINER : WIRE_OP_CREATE, session, &body);
}

static void create_numbered(int first, int count)
{
    for (int i = first; i < first + count; i++) {
        char path[32];
        snprintf(path, sizeof path, "/node-%d", i);
        create(path, "data", DOCENT_PERSISTENT);
    }
    assert_true(docent_store_write(store, 1000));
}

static const struct node *find(const char *path)
{
    return docent_tree_find(docent_leader_tree(leader), path, strlen(path));
}

static bool has_numbered(int number)
{
    char path[32];
    snprintf(path, sizeof path, "/node-%d", number);
    return find(path) != NULL;
}

/* A bit of everything. */
static void do_everything(void)
{
    struct wire_out body = { 0 };
    server_ask(UP_OPEN, 0, 0, NULL);
    create("/a", "first", DOCENT_PERSISTENT);
    create("/a/null", NULL, DOCENT_PERSISTENT);
    create("/a/empty", "", DOCENT_PERSISTENT_SEQUENTIAL);
    create("/a/gone", "", DOCENT_PERSISTENT_SEQUENTIAL);
    create("/here", "", DOCENT_EPHEMERAL);
    create("/container", "", DOCENT_CONTAINER);
    create("/a", "there is one", DOCENT_PERSISTENT);
    put_create(&body, "/ttl", "", DOCENT_PERSISTENT_TTL);
    docent_wire_put_long(&body, 5000);
    server_ask(UP_REQUEST, WIRE_OP_CREATE_TTL, session, &body);
    body = (struct wire_out){ 0 };
    docent_wire_put_string(&body, docent_wire_string("/a/gone0000000002"));
    docent_wire_put_int(&body, -1);
    server_ask(UP_REQUEST, WIRE_OP_DELETE, session, &body);
    body = (struct wire_out){ 0 };
    docent_wire_put_string(&body, docent_wire_string("/a"));
    docent_wire_put_string(&body, docent_wire_string("second"));
    docent_wire_put_int(&body, 0);
    server_ask(UP_REQUEST, WIRE_OP_SET_DATA, session, &body);
    body = (struct wire_out){ 0 };
    docent_wire_put_string(&body, docent_wire_string("/a"));
    struct wire_acl two[] = { { DOCENT_PERM_READ, docent_wire_string("world"), docent_wire_string("anyone") },
                              { DOCENT_PERM_ALL, docent_wire_string("digest"), docent_wire_string("a:b") } };
    docent_wire_put_int(&body, 2);
    docent_wire_put_acl(&body, &two[0]);
    docent_wire_put_acl(&body, &two[1]);
    docent_wire_put_int(&body, -1);
    server_ask(UP_REQUEST, WIRE_OP_SET_ACL, session, &body);
    body = (struct wire_out){ 0 };
    struct wire_multi_header part = { WIRE_OP_CREATE, false, -1 }, check = { WIRE_OP_CHECK, false, -1 }, end = { -1, true, -1 };
    docent_wire_put_multi_header(&body, &part);
    put_create(&body, "/multi", "", DOCENT_PERSISTENT);
    docent_wire_put_multi_header(&body, &check);
    docent_wire_put_string(&body, docent_wire_string("/multi"));
    docent_wire_put_int(&body, 0);
    docent_wire_put_multi_header(&body, &part);
    put_create(&body, "/multi/below", "", DOCENT_PERSISTENT);
    docent_wire_put_multi_header(&body, &end);
    server_ask(UP_REQUEST, WIRE_OP_MULTI, session, &body);
    int64_t stays = session;
    server_ask(UP_OPEN, 0, 0, NULL);
    create("/with-it", "", DOCENT_EPHEMERAL);
    server_ask(UP_REQUEST, WIRE_OP_CLOSE_SESSION, session, NULL);
    session = stays;
    assert_true(docent_store_write(store, 1000));
    assert_non_null(find("/multi/below"));
    assert_non_null(find("/ttl"));
    assert_null(find("/with-it"));
}

/* ---- Two leaders with the same memory. ---- */

static void assert_same_node(const struct node *a, const struct node *b)
{
    assert_non_null(b);
    assert_memory_equal(&a->stat, &b->stat, sizeof a->stat);
    assert_int_equal(a->data == NULL, b->data == NULL);
    if (a->data != NULL) assert_memory_equal(a->data, b->data, (size_t)a->stat.data_length);
    assert_int_equal(a->acl_count, b->acl_count);
    assert_int_equal(a->acl_size, b->acl_size);
    assert_memory_equal(a->acl, b->acl, a->acl_size);
    assert_int_equal(a->created, b->created);
    assert_int_equal(a->container, b->container);
    assert_int_equal(a->ttl_ms, b->ttl_ms);
}

static void tell_session(void *user, int64_t id, int32_t timeout_ms)
{
    assert_true(docent_leader_session_alive(user, id));
    assert_int_equal(timeout_ms, TIMEOUT_MS);
}

static void assert_same(struct leader *a, struct leader *b)
{
    const struct tree *tree = docent_leader_tree(a), *other = docent_leader_tree(b);
    assert_int_equal(docent_leader_zxid(a), docent_leader_zxid(b));
    assert_int_equal(tree->zxid, other->zxid);
    assert_int_equal(tree->count, other->count);
    assert_int_equal(tree->bytes, other->bytes);
    for (const struct node *node = tree->root; node != NULL; node = docent_tree_after(tree->root, node)) {
        const struct node *same = docent_tree_find(other, node->path, node->path_size);
        assert_same_node(node, same);
    }
    assert_int_equal(docent_leader_sessions(a, NULL, 0), docent_leader_sessions(b, NULL, 0));
    docent_leader_each_session(a, tell_session, b);
    assert_int_equal(docent_leader_next_session(a), docent_leader_next_session(b));
    for (const struct node *node = docent_tree_owned(tree, session); node != NULL; node = node->owned_next) {
        assert_int_equal(docent_tree_find(other, node->path, node->path_size)->stat.ephemeral_owner, session);
    }
    assert_int_equal(docent_tree_owned(tree, session) != NULL, docent_tree_owned(other, session) != NULL);
}

/* Starts again, and compares with how it was. */
static void restart_and_compare(void)
{
    struct leader *before = leader;
    docent_store_close(store);
    assert_true(server_start());
    assert_string_equal(reports, "");
    assert_same(before, leader);
    docent_leader_free(before);
}

/* ---- Files. ---- */

static const char *newest(const char *kind)
{
    static char path[400];
    char name[256] = "";
    DIR *dir = opendir(directory);
    assert_non_null(dir);
    for (const struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        if (strncmp(entry->d_name, kind, strlen(kind)) == 0 && strcmp(entry->d_name, name) > 0) snprintf(name, sizeof name, "%s", entry->d_name);
    }
    closedir(dir);
    assert_true(name[0] != '\0');
    snprintf(path, sizeof path, "%s/%s", directory, name);
    return path;
}

static size_t files(const char *kind)
{
    size_t count = 0;
    DIR *dir = opendir(directory);
    assert_non_null(dir);
    for (const struct dirent *entry; (entry = readdir(dir)) != NULL;) count += strncmp(entry->d_name, kind, strlen(kind)) == 0;
    closedir(dir);
    return count;
}

static size_t file_size(const char *path)
{
    struct stat stat_now;
    assert_int_equal(stat(path, &stat_now), 0);
    return (size_t)stat_now.st_size;
}

static void file_write(const char *path, const void *data, size_t size)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, data, size), (ssize_t)size);
    close(fd);
}

static uint8_t *file_read(const char *path, size_t *ret_size)
{
    *ret_size = file_size(path);
    uint8_t *data = malloc(*ret_size + 1);
    int fd = open(path, O_RDONLY);
    assert_true(fd >= 0);
    assert_int_equal(read(fd, data, *ret_size), (ssize_t)*ret_size);
    close(fd);
    return data;
}

static void file_damage(const char *path, size_t at)
{
    size_t size;
    uint8_t *data = file_read(path, &size);
    data[at] ^= 0x55;
    file_write(path, data, size);
    free(data);
}

static void directory_clear(void)
{
    assert_true(docent_store_wipe(directory));
    char path[256];
    snprintf(path, sizeof path, "%s/lock", directory);
    unlink(path);
    assert_int_equal(rmdir(directory), 0);
}

static int setup(void **state)
{
    (void)state;
    snprintf(directory, sizeof directory, "%s", "/tmp/docent-store-XXXXXX");
    config = (struct store_config){ .directory = directory, .report = on_report };
    server = (struct server_config){ .ttl_nodes = true };
    session = 0;
    return mkdtemp(directory) == NULL;
}

static int teardown(void **state)
{
    (void)state;
    if (leader != NULL) server_stop();
    directory_clear();
    return 0;
}

/* ---- Tests. ---- */

static void test_log_brings_everything_back(void **state)
{
    (void)state;
    assert_true(server_start());
    do_everything();
    restart_and_compare();
    create_numbered(0, 3);
    restart_and_compare();
    assert_int_equal(files("log."), 1);
}

static void test_snapshot_and_log_bring_everything_back(void **state)
{
    (void)state;
    assert_true(server_start());
    do_everything();
    docent_store_snapshot(store, 1000);
    restart_and_compare();
    create_numbered(0, 3);
    restart_and_compare();
    assert_int_equal(files("snapshot."), 1);
}

static void test_snapshot_alone_brings_everything_back(void **state)
{
    (void)state;
    assert_true(server_start());
    do_everything();
    docent_store_snapshot(store, 1000);
    struct leader *before = leader;
    docent_store_close(store);
    while (files("log.") > 0) assert_int_equal(unlink(newest("log.")), 0);
    assert_true(server_start());
    assert_same(before, leader);
    docent_leader_free(before);
    create_numbered(0, 3);
    restart_and_compare();
}

static void test_torn_end_is_cut_off_wherever_it_is_torn(void **state)
{
    (void)state;
    assert_true(server_start());
    create_numbered(0, 0);
    server_ask(UP_OPEN, 0, 0, NULL);
    create_numbered(0, 3);
    const char *path = newest("log.");
    size_t begin = file_size(path), size;
    create_numbered(3, 1);
    server_stop();
    uint8_t *log = file_read(path, &size);
    assert_true(size > begin + 40);
    for (size_t torn = begin; torn <= size; torn++) {
        file_write(path, log, torn);
        assert_true(server_start());
        assert_true(has_numbered(2));
        assert_int_equal(has_numbered(3), torn == size);
        assert_int_equal(strstr(reports, "warning") != NULL, torn > begin && torn < size);
        assert_int_equal(file_size(path), torn == size ? size : begin);
        create_numbered(4, 1); /* What comes next is found too. */
        server_stop();
        assert_true(server_start());
        assert_string_equal(reports, "");
        assert_true(has_numbered(2) && has_numbered(4));
        server_stop();
    }
    free(log);
}

static void test_torn_header_of_the_last_log_is_written_again(void **state)
{
    (void)state;
    for (size_t torn = 0; torn < LOG_HEADER_SIZE; torn++) {
        assert_true(server_start());
        server_ask(UP_OPEN, 0, 0, NULL);
        create_numbered(0, 3);
        docent_store_snapshot(store, 1000);
        server_stop();
        assert_int_equal(truncate(newest("log."), (off_t)torn), 0);
        assert_true(server_start());
        assert_true(has_numbered(2));
        create_numbered(3, 1);
        restart_and_compare();
        server_stop();
        assert_true(docent_store_wipe(directory));
    }
}

static void test_end_that_was_never_written_is_cut_off(void **state)
{
    (void)state;
    assert_true(server_start());
    server_ask(UP_OPEN, 0, 0, NULL);
    create_numbered(0, 3);
    server_stop();
    const char *path = newest("log.");
    size_t size = file_size(path);
    assert_int_equal(truncate(path, (off_t)size + 4096), 0);
    assert_true(server_start());
    assert_non_null(strstr(reports, "warning"));
    assert_true(has_numbered(2));
    assert_int_equal(file_size(path), size);
}

/* Whichever byte it is: of length, checksum or contents. */
static void test_damage_with_something_behind_it_is_refused(void **state)
{
    (void)state;
    assert_true(server_start());
    server_ask(UP_OPEN, 0, 0, NULL);
    create_numbered(0, 2);
    const char *path = newest("log.");
    size_t begin = file_size(path);
    create_numbered(2, 1);
    size_t end = file_size(path);
    create_numbered(3, 1);
    server_stop();
    char place[64];
    snprintf(place, sizeof place, "damaged at offset %zu,", begin);
    for (size_t at = begin; at < end; at++) {
        file_damage(path, at);
        assert_false(server_start());
        assert_int_equal(errno, EBADMSG);
        assert_non_null(strstr(reports, place));
        file_damage(path, at);
    }
    assert_true(server_start());
    assert_true(has_numbered(3));
}

/* With a damaged length it may not look like the last one: then it is refused. */
static void test_damaged_last_record_is_cut_off(void **state)
{
    (void)state;
    assert_true(server_start());
    server_ask(UP_OPEN, 0, 0, NULL);
    create_numbered(0, 2);
    const char *path = newest("log.");
    size_t begin = file_size(path), size;
    create_numbered(2, 1);
    server_stop();
    uint8_t *log = file_read(path, &size);
    for (size_t at = begin + 4; at < size; at++) {
        file_write(path, log, size);
        file_damage(path, at);
        assert_true(server_start());
        assert_non_null(strstr(reports, "warning"));
        assert_true(has_numbered(1) && !has_numbered(2));
        server_stop();
    }
    free(log);
}

static void test_damaged_log_before_the_last_is_refused(void **state)
{
    (void)state;
    assert_true(server_start());
    server_ask(UP_OPEN, 0, 0, NULL);
    create_numbered(0, 3);
    char path[400];
    snprintf(path, sizeof path, "%s", newest("log."));
    docent_store_snapshot(store, 1000);
    server_stop();
    assert_int_equal(unlink(newest("snapshot.")), 0); /* So that the first log is needed. */
    assert_int_equal(truncate(path, (off_t)file_size(path) - 1), 0);
    assert_false(server_start());
    assert_non_null(strstr(reports, "there are later logs"));
}

static void test_old_snapshots_and_logs_go(void **state)
{
    (void)state;
    config.snapshot_every = 10;
    assert_true(server_start());
    server_ask(UP_OPEN, 0, 0, NULL);
    for (int i = 0; i < 30; i++) {
        create_numbered(i * 10, 10);
        if (i % 10 == 0) restart_and_compare(); /* Waits for the snapshot, too. */
    }
    restart_and_compare();
    assert_int_equal(files("snapshot."), 3);
    assert_in_range(files("log."), 1, 4);
    assert_int_equal(files("new-snapshot."), 0);
    assert_true(has_numbered(299));
}

static void test_damaged_snapshot_is_made_up_for_by_older_ones(void **state)
{
    (void)state;
    assert_true(server_start());
    do_everything();
    for (int i = 0; i < 5; i++) {
        create_numbered(i, 1);
        docent_store_snapshot(store, 1000);
    }
    create_numbered(5, 1);
    restart_and_compare();
    assert_int_equal(files("snapshot."), 3);
    for (int left = 3; left > 1; left--) {
        struct leader *before = leader;
        docent_store_close(store);
        file_damage(newest("snapshot."), file_size(newest("snapshot.")) / 2);
        assert_true(server_start());
        assert_non_null(strstr(reports, "warning"));
        assert_same(before, leader);
        docent_leader_free(before);
        assert_int_equal(unlink(newest("snapshot.")), 0);
    }
}

static void test_hole_between_logs_is_refused(void **state)
{
    (void)state;
    assert_true(server_start());
    server_ask(UP_OPEN, 0, 0, NULL);
    create_numbered(0, 3);
    docent_store_snapshot(store, 1000);
    create_numbered(3, 3);
    char middle[400];
    snprintf(middle, sizeof middle, "%s", newest("log."));
    docent_store_snapshot(store, 1000);
    create_numbered(6, 3);
    server_stop();
    while (files("snapshot.") > 0) assert_int_equal(unlink(newest("snapshot.")), 0);
    assert_true(server_start()); /* The logs have it all. */
    server_stop();
    assert_int_equal(unlink(middle), 0);
    assert_false(server_start());
    assert_non_null(strstr(reports, "missing"));
}

static void test_logs_without_their_beginning_are_refused(void **state)
{
    (void)state;
    assert_true(server_start());
    server_ask(UP_OPEN, 0, 0, NULL);
    create_numbered(0, 3);
    char first[400];
    snprintf(first, sizeof first, "%s", newest("log."));
    docent_store_snapshot(store, 1000);
    create_numbered(3, 3);
    server_stop();
    assert_int_equal(unlink(newest("snapshot.")), 0);
    assert_int_equal(unlink(first), 0);
    assert_false(server_start());
    assert_non_null(strstr(reports, "missing"));
}

static void test_other_versions_and_foreign_files_are_refused(void **state)
{
    (void)state;
    assert_true(server_start());
    server_ask(UP_OPEN, 0, 0, NULL);
    create_numbered(0, 1);
    docent_store_snapshot(store, 1000);
    server_stop();
    const char *kinds[] = { "log.", "snapshot." };
    for (size_t i = 0; i < 2; i++) {
        const char *path = newest(kinds[i]);
        file_damage(path, 11);
        assert_false(server_start());
        assert_int_equal(errno, EBADMSG);
        assert_non_null(strstr(reports, "has format"));
        file_damage(path, 11);
        file_damage(path, 3);
        assert_false(server_start());
        assert_int_equal(errno, EBADMSG);
        assert_non_null(strstr(reports, "of this server"));
        file_damage(path, 3);
    }
    assert_true(server_start());
}

static void test_one_server_has_a_directory(void **state)
{
    (void)state;
    assert_true(server_start());
    struct leader *other = docent_leader_new(&server, NOW, 1000);
    assert_null(docent_store_open(&config, other, NOW, 1000));
    assert_int_equal(errno, EWOULDBLOCK);
    docent_leader_free(other);
    server_stop();
    assert_true(server_start());
}

static void test_first_zxid_is_remembered(void **state)
{
    (void)state;
    server.first_zxid = 77;
    assert_true(server_start());
    restart_and_compare();
    server_stop();
    server.first_zxid = 0;
    assert_true(server_start());
    assert_int_equal(docent_leader_zxid(leader), 77);
    server_ask(UP_OPEN, 0, 0, NULL);
    create_numbered(0, 1);
    restart_and_compare();
    assert_int_equal(docent_leader_zxid(leader), 79);
}

static void test_session_ids_are_not_given_twice(void **state)
{
    (void)state;
    server.session_base = 1000;
    assert_true(server_start());
    for (int i = 0; i < 3; i++) {
        server_ask(UP_OPEN, 0, 0, NULL);
        assert_int_equal(session, 1000 + i);
        server_ask(UP_REQUEST, WIRE_OP_CLOSE_SESSION, session, NULL);
        assert_true(docent_store_write(store, 1000));
        if (i == 1) docent_store_snapshot(store, 1000);
        restart_and_compare();
    }
}

static void test_time_of_sessions_counts_from_the_end_of_reading(void **state)
{
    (void)state;
    enum { READ = NOW + 100000 };
    assert_true(server_start());
    server_ask(UP_OPEN, 0, 0, NULL);
    create("/here", "", DOCENT_EPHEMERAL);
    assert_true(docent_store_write(store, 1000));
    server_stop();
    assert_true(server_start());
    docent_leader_touch_all(leader, READ);
    docent_leader_tick(leader, READ + TIMEOUT_MS, 1000);
    assert_true(docent_leader_session_alive(leader, session));
    assert_non_null(find("/here"));
    docent_leader_tick(leader, READ + TIMEOUT_MS + 1000, 1000);
    assert_false(docent_leader_session_alive(leader, session));
    assert_null(find("/here"));
}

static void test_write_that_fails_is_told(void **state)
{
    (void)state;
    assert_true(server_start());
    server_ask(UP_OPEN, 0, 0, NULL);
    create_numbered(0, 3);
    struct rlimit before, limit;
    getrlimit(RLIMIT_FSIZE, &before);
    limit = before;
    limit.rlim_cur = file_size(newest("log.")) + 20;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    create("/node-3", "", DOCENT_PERSISTENT);
    bool written = docent_store_write(store, 1000);
    setrlimit(RLIMIT_FSIZE, &before);
    assert_false(written);
    assert_non_null(strstr(reports, "cannot write"));
    server_stop();
    assert_true(server_start());
    assert_true(has_numbered(2) && !has_numbered(3));
}

static void test_snapshot_that_fails_leaves_the_log(void **state)
{
    (void)state;
    assert_true(server_start());
    server_ask(UP_OPEN, 0, 0, NULL);
    create_numbered(0, 3);
    struct rlimit before, limit;
    getrlimit(RLIMIT_FSIZE, &before);
    limit = before;
    limit.rlim_cur = 100;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    docent_store_snapshot(store, 1000);
    server_stop(); /* Waits for it. */
    setrlimit(RLIMIT_FSIZE, &before);
    assert_non_null(strstr(reports, "warning"));
    assert_int_equal(files("snapshot.") + files("new-snapshot."), 0);
    assert_true(server_start());
    assert_string_equal(reports, "");
    assert_true(has_numbered(2));
    create_numbered(3, 3);
    restart_and_compare();
}

static void test_unfinished_snapshot_is_forgotten(void **state)
{
    (void)state;
    assert_true(server_start());
    server_ask(UP_OPEN, 0, 0, NULL);
    create_numbered(0, 3);
    server_stop();
    char path[256];
    snprintf(path, sizeof path, "%s/new-snapshot.0000000000000003", directory);
    file_write(path, "half", 4);
    assert_true(server_start());
    assert_true(has_numbered(2));
    assert_int_equal(files("new-snapshot."), 0);
}

static void test_transaction_that_does_not_fit_is_refused(void **state)
{
    (void)state;
    assert_true(server_start());
    server_stop();
    struct txn *txn = docent_transaction_new(TXN_CHANGES);
    txn->zxid = 1;
    docent_transaction_add(txn, WIRE_OP_DELETE, "/nowhere");
    struct wire_out out = { 0 };
    docent_log_put_header(&out, 0);
    docent_log_put(&out, txn);
    file_write(newest("log."), out.data, out.size);
    docent_wire_out_free(&out);
    docent_transaction_unref(txn);
    assert_false(server_start());
    assert_non_null(strstr(reports, "does not fit"));
}

int main(void)
{
#define STORE_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        STORE_TEST(test_log_brings_everything_back),
        STORE_TEST(test_snapshot_and_log_bring_everything_back),
        STORE_TEST(test_snapshot_alone_brings_everything_back),
        STORE_TEST(test_torn_end_is_cut_off_wherever_it_is_torn),
        STORE_TEST(test_torn_header_of_the_last_log_is_written_again),
        STORE_TEST(test_end_that_was_never_written_is_cut_off),
        STORE_TEST(test_damage_with_something_behind_it_is_refused),
        STORE_TEST(test_damaged_last_record_is_cut_off),
        STORE_TEST(test_damaged_log_before_the_last_is_refused),
        STORE_TEST(test_old_snapshots_and_logs_go),
        STORE_TEST(test_damaged_snapshot_is_made_up_for_by_older_ones),
        STORE_TEST(test_hole_between_logs_is_refused),
        STORE_TEST(test_logs_without_their_beginning_are_refused),
        STORE_TEST(test_other_versions_and_foreign_files_are_refused),
        STORE_TEST(test_one_server_has_a_directory),
        STORE_TEST(test_first_zxid_is_remembered),
        STORE_TEST(test_session_ids_are_not_given_twice),
        STORE_TEST(test_time_of_sessions_counts_from_the_end_of_reading),
        STORE_TEST(test_write_that_fails_is_told),
        STORE_TEST(test_snapshot_that_fails_leaves_the_log),
        STORE_TEST(test_unfinished_snapshot_is_forgotten),
        STORE_TEST(test_transaction_that_does_not_fit_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
