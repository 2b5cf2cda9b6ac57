/* tests/live/test_client.c - every operation, watches, states and faults, through the public interface. */
#include "one_client.h"

static void operations(void **state)
{
    (void)state;
    docent_result *result;
    docent_stat stat;
    assert_ok(docent_create(client, "/a", "one", 3, DOCENT_PERSISTENT, &result));
    assert_string_equal(result->path, "/a");
    docent_result_free(result);
    assert_status(docent_create(client, "/a", NULL, 0, DOCENT_PERSISTENT, NULL), DOCENT_ERR_NODE_EXISTS);
    assert_status(docent_create(client, "/no/b", NULL, 0, DOCENT_PERSISTENT, NULL), DOCENT_ERR_NO_NODE);
    assert_ok(docent_create(client, "/a/e-", NULL, 0, DOCENT_EPHEMERAL_SEQUENTIAL, &result));
    assert_string_equal(result->path, "/a/e-0000000000");
    docent_result_free(result);
    assert_status(docent_create(client, "/a/e-0000000000/x", NULL, 0, DOCENT_PERSISTENT, NULL), DOCENT_ERR_NO_CHILDREN_FOR_EPHEMERALS);
    assert_ok(docent_get(client, "/a", &result));
    assert_int_equal(result->size, 3);
    assert_memory_equal(result->data, "one", 3);
    assert_int_equal(result->stat.num_children, 1);
    docent_result_free(result);
    assert_ok(docent_set(client, "/a", "two!", 4, 0, &stat));
    assert_int_equal(stat.version, 1);
    assert_status(docent_set(client, "/a", "x", 1, 0, NULL), DOCENT_ERR_BAD_VERSION);
    assert_status(docent_set(client, "/none", "x", 1, -1, NULL), DOCENT_ERR_NO_NODE);
    assert_ok(docent_exists(client, "/a", &stat));
    assert_int_equal(stat.data_length, 4);
    assert_status(docent_exists(client, "/none", &stat), DOCENT_ERR_NO_NODE);
    assert_ok(docent_children(client, "/a", &result));
    assert_int_equal(result->name_count, 1);
    assert_string_equal(result->names[0], "e-0000000000");
    docent_result_free(result);
    assert_ok(docent_sync(client, "/a"));
    assert_status(docent_delete(client, "/a", -1), DOCENT_ERR_NOT_EMPTY);
    assert_status(docent_delete(client, "/a/e-0000000000", 7), DOCENT_ERR_BAD_VERSION);

    docent_op op = docent_op_child_count("/a");
    assert_ok(docent_run(client, &op, NULL, &result));
    assert_int_equal(result->number, 1);
    docent_result_free(result);
    op = docent_op_ephemerals("/a");
    assert_ok(docent_run(client, &op, NULL, &result));
    assert_int_equal(result->name_count, 1);
    assert_string_equal(result->names[0], "/a/e-0000000000");
    docent_result_free(result);
    op = docent_op_who_am_i();
    assert_ok(docent_run(client, &op, NULL, &result));
    assert_string_equal(result->names[0], "ip:127.0.0.1");
    docent_result_free(result);
    assert_ok(docent_create(client, "/box", NULL, 0, DOCENT_CONTAINER, NULL));
    op = docent_op_create("/ttl", NULL, 0, DOCENT_PERSISTENT_TTL);
    op.ttl_ms = 1000;
    assert_status(docent_run(client, &op, NULL, NULL), DOCENT_ERR_UNIMPLEMENTED);
    assert_ok(docent_delete(client, "/a/e-0000000000", -1));
    assert_ok(docent_delete(client, "/a", 1));
}

static void transactions(void **state)
{
    (void)state;
    docent_result *result;
    docent_op good[] = { docent_op_create("/m", "x", 1, DOCENT_PERSISTENT), docent_op_set("/m", "yz", 2, 0),
                         docent_op_create("/m/s-", NULL, 0, DOCENT_PERSISTENT_SEQUENTIAL), docent_op_check("/m", 1) };
    assert_ok(docent_multi(client, good, 4, &result));
    assert_int_equal(result->result_count, 4);
    assert_int_equal(result->results[1].stat.version, 1);
    assert_string_equal(result->results[2].path, "/m/s-0000000000");
    docent_result_free(result);

    docent_op bad[] = { docent_op_create("/n", NULL, 0, DOCENT_PERSISTENT), docent_op_check("/m", 9), docent_op_delete("/m", -1) };
    assert_status(docent_multi(client, bad, 3, &result), DOCENT_ERR_BAD_VERSION);
    assert_int_equal(result->result_count, 3);
    assert_status(result->results[0].status, DOCENT_ERR_ROLLED_BACK);
    assert_status(result->results[1].status, DOCENT_ERR_BAD_VERSION);
    assert_status(result->results[2].status, DOCENT_ERR_ROLLED_BACK);
    docent_result_free(result);
    docent_stat stat;
    assert_status(docent_exists(client, "/n", &stat), DOCENT_ERR_NO_NODE);

    docent_op reads[] = { docent_op_get("/m"), docent_op_get("/none"), docent_op_children("/m") };
    docent_op op = docent_op_multi_read(reads, 3);
    assert_ok(docent_run(client, &op, NULL, &result));
    assert_memory_equal(result->results[0].data, "yz", 2);
    assert_status(result->results[1].status, DOCENT_ERR_NO_NODE);
    assert_int_equal(result->results[2].name_count, 1);
    docent_result_free(result);
}

static void bad_arguments(void **state)
{
    (void)state;
    static const char *const paths[] = { NULL, "", "relative", "/a/", "//", "/a/../b", "/a/./b", "/a\001b" };
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        assert_status(docent_create(client, paths[i], NULL, 0, DOCENT_PERSISTENT, NULL), DOCENT_ERR_INVALID_ARGUMENT);
        assert_status(docent_get(client, paths[i], NULL), DOCENT_ERR_INVALID_ARGUMENT);
    }
    assert_status(docent_get(NULL, "/", NULL), DOCENT_ERR_INVALID_ARGUMENT);
    assert_status(docent_multi(client, NULL, 0, NULL), DOCENT_ERR_INVALID_ARGUMENT);
    assert_status(docent_create(client, "/a", NULL, 5, DOCENT_PERSISTENT, NULL), DOCENT_ERR_INVALID_ARGUMENT);
    static char large[2 << 20];
    assert_status(docent_create(client, "/a", large, sizeof large, DOCENT_PERSISTENT, NULL), DOCENT_ERR_TOO_LARGE);

    static const struct {
        const char *servers, *part;
    } strings[] = { { "", "empty" }, { "a:1,,b:2", "empty server" }, { "a:1,b:port", ":port" }, { "a:0", ":0" }, { "a:65536", ":65536" },
                    { "::1:2181", "brackets" }, { "[::1:2181", "[::1:2181" }, { "a b", "a b" }, { "a:1/x/", "/x/" } };
    for (size_t i = 0; i < sizeof strings / sizeof strings[0]; i++) {
        char text[200] = "";
        docent_client *none = NULL;
        assert_status(docent_connect_string_check(strings[i].servers, text, sizeof text), DOCENT_ERR_INVALID_ARGUMENT);
        assert_non_null(strstr(text, strings[i].part));
        assert_status(docent_client_new(strings[i].servers, NULL, &none), DOCENT_ERR_INVALID_ARGUMENT);
        assert_null(none);
    }
    assert_ok(docent_connect_string_check("a,[::1]:7,10.0.0.1:2/x/y", NULL, 0));
}

/* The reply is lost, the effect is there: what the caller hears is what happened. */
static void lost_replies(void **state)
{
    (void)state;
    enum { SET = 5 };
    docent_fault fault = { DOCENT_FAULT, .action = DOCENT_FAULT_DROP_REPLY, .op = SET };
    docent_result *result;
    docent_stat stat;
    assert_ok(docent_create(client, "/p", NULL, 0, DOCENT_PERSISTENT, NULL));

    assert_ok(docent_devserver_add_fault(server, &fault));
    assert_ok(docent_set(client, "/p", "x", 1, DOCENT_ANY_VERSION, &stat));
    assert_int_equal(docent_devserver_fault_count(server), 0);
    assert_true(stat.version >= 1);
    assert_ok(docent_set(client, "/p", "y", 1, stat.version, &stat));

    fault.op = DOCENT_FAULT_ANY_OP;
    fault.path = "/p/e";
    assert_ok(docent_devserver_add_fault(server, &fault));
    assert_ok(docent_create(client, "/p/e", NULL, 0, DOCENT_EPHEMERAL, NULL)); /* Ours by its owner. */
    assert_int_equal(docent_devserver_fault_count(server), 0);
    assert_ok(docent_exists(client, "/p/e", &stat));
    assert_int_not_equal(stat.ephemeral_owner, 0);

    fault.path = "/p/q-*";
    assert_ok(docent_devserver_add_fault(server, &fault));
    docent_status outcome = docent_create(client, "/p/q-", NULL, 0, DOCENT_PERSISTENT_SEQUENTIAL, NULL);
    assert_status(outcome, DOCENT_ERR_UNKNOWN_OUTCOME);
    assert_int_equal(docent_devserver_fault_count(server), 0);
    assert_ok(docent_children(client, "/p", &result)); /* Never made twice. */
    assert_int_equal(result->name_count, 2);
    docent_result_free(result);
}

struct watching {
    docent_watch_kind kind;
    const char *path;
    docent_watch *watch;
    atomic_int armed, changes, resets, ended;
    docent_status why;
    docent_status accepted;
};

static void on_watch(const docent_watch_event *event, void *user)
{
    struct watching *w = user;
    if (event->type == DOCENT_WATCH_ARMED) w->armed++;
    if (event->type == DOCENT_WATCH_RESET) w->resets++;
    if (event->type < DOCENT_WATCH_ARMED) w->changes++;
    if (!event->last) return;
    w->why = event->status;
    w->ended++;
}

static void watch_begin(void *user)
{
    struct watching *w = user;
    w->accepted = docent_watch_async(client, w->path, w->kind, on_watch, w, &w->watch);
}

static void watch_end(void *user)
{
    docent_watch_cancel(((struct watching *)user)->watch);
}

static void standing_watches(void **state)
{
    (void)state;
    static const docent_watch_kind kinds[] = { DOCENT_WATCH_PERSISTENT, DOCENT_WATCH_RECURSIVE };
    for (int i = 0; i < 2; i++) {
        struct watching w = { .kind = kinds[i], .path = "/w" };
        assert_ok(docent_client_post(client, watch_begin, &w));
        assert_soon(w.armed == 1);
        assert_ok(docent_create(client, "/w", NULL, 0, DOCENT_PERSISTENT, NULL));
        assert_soon(w.changes == 1);
        drop_connections();
        assert_soon(w.resets == 1);
        assert_ok(docent_set(client, "/w", "x", 1, -1, NULL));
        assert_soon(w.changes == 2);
        assert_ok(docent_delete(client, "/w", -1));
        assert_soon(w.changes == 3);
        assert_ok(docent_client_post(client, watch_end, &w));
        assert_soon(w.ended == 1);
        assert_status(w.why, DOCENT_ERR_CANCELLED);
        assert_soon(watch_count() == 0);
    }
}

/* Deadlines hold while nothing is connected, and what is told of the connection comes in order. */
static _Atomic int told[16];
static atomic_int told_count;

static void on_state(const docent_state_event *event, void *user)
{
    (void)user;
    if (told_count < 16) told[told_count++] = (int)event->state;
}

static void states_and_deadlines(void **state)
{
    (void)state;
    told_count = 0;
    docent_client_close(client, NULL, NULL);
    docent_client_options options = { DOCENT_CLIENT_OPTIONS, .on_state = on_state };
    client = client_start(&options);
    assert_soon(told_count == 1);
    cut();
    assert_soon(told_count == 2);
    docent_op op = docent_op_get("/");
    docent_call_options call = { DOCENT_CALL_OPTIONS, .timeout_ms = 50 };
    docent_retry for_ever = { DOCENT_RETRY, .tries_max = DOCENT_FOREVER };
    call.retry = &for_ever;
    assert_status(docent_run(client, &op, &call, NULL), DOCENT_ERR_TIMEOUT);
    heal();
    assert_soon(told_count == 3);
    expire(client);
    assert_soon(told_count == 6);
    static const int expected[] = { DOCENT_CONNECTED, DOCENT_SUSPENDED, DOCENT_CONNECTED, DOCENT_SUSPENDED, DOCENT_LOST, DOCENT_CONNECTED };
    for (int i = 0; i < 6; i++) assert_int_equal(told[i], expected[i]);
}

/* A link that flaps is told as one outage: its beginning, the first loss, and what came of it when the pause is over. */
static void damped_states(void **state)
{
    (void)state;
    told_count = 0;
    docent_client_close(client, NULL, NULL);
    docent_retry pause = docent_retry_once(600000);
    docent_client_options options = { DOCENT_CLIENT_OPTIONS, .on_state = on_state, .damping = &pause };
    client = client_start(&options);
    assert_soon(told_count == 1);
    for (int i = 0; i < 3; i++) {
        cut();
        assert_soon(docent_client_state(client) == DOCENT_SUSPENDED);
        heal();
        assert_soon(docent_client_state(client) == DOCENT_CONNECTED);
    }
    expire(client);
    assert_soon(docent_client_state(client) == DOCENT_CONNECTED && docent_client_get_generation(client) == 2);
    docent_client_close(client, NULL, NULL);
    static const int held_back[] = { DOCENT_CONNECTED, DOCENT_SUSPENDED, DOCENT_LOST, DOCENT_CLOSED };
    assert_int_equal(told_count, 4);
    for (int i = 0; i < 4; i++) assert_int_equal(told[i], held_back[i]);

    told_count = 0;
    docent_retry pauses = docent_retry_forever(10);
    options.damping = &pauses;
    client = client_start(&options);
    assert_soon(told_count == 1);
    cut();
    assert_soon(told_count == 2);
    heal();
    assert_soon(told_count == 3);
    assert_int_equal(told[2], DOCENT_CONNECTED);
}

/* Without the password nobody gets in; a node of the creator's is not for others. */
static void credentials(void **state)
{
    (void)state;
    char id[64];
    assert_ok(docent_digest_id("super:test", id, sizeof id));
    assert_string_equal(id, "super:D/InIHSb7yEEbrWz8b9l71RjZJU=");
    assert_status(docent_digest_id("super", id, sizeof id), DOCENT_ERR_INVALID_ARGUMENT);
    assert_status(docent_digest_id("super:test", id, 8), DOCENT_ERR_TOO_LARGE);

    docent_op op = docent_op_create("/mine", "x", 1, DOCENT_PERSISTENT);
    op.acl = docent_acl_creator_all();
    assert_status(docent_run(client, &op, NULL, NULL), DOCENT_ERR_INVALID_ACL);
    assert_ok(docent_client_add_auth(client, "digest", "me:secret", 9));
    assert_ok(docent_run(client, &op, NULL, NULL));
    docent_client *other = client_start(NULL);
    assert_status(docent_get(other, "/mine", NULL), DOCENT_ERR_NO_AUTH);
    docent_client_close(other, NULL, NULL);
    drop_connections(); /* They go out again on every connection. */
    assert_ok(docent_get(client, "/mine", NULL));
}

static void refused_credentials(void **state)
{
    (void)state;
    docent_client *refused = client_start(NULL);
    assert_ok(docent_client_add_auth(refused, "no such scheme", "x", 1));
    assert_soon(docent_client_state(refused) == DOCENT_CLOSED);
    assert_status(docent_client_wait_connected(refused, PATIENCE_MS), DOCENT_ERR_AUTH_FAILED);
    assert_status(docent_get(refused, "/", NULL), DOCENT_ERR_AUTH_FAILED);
    docent_client_close(refused, NULL, NULL); /* What is over is not gone until then. */
}

static void one_shot_watches(void **state)
{
    (void)state;
    struct watching get = { .armed = 0 }, exists = { .armed = 0 }, children = { .armed = 0 };
    docent_call_options call = { DOCENT_CALL_OPTIONS, .watch = on_watch, .watch_user = &exists };
    docent_op op = docent_op_exists("/o");
    assert_status(docent_run(client, &op, &call, NULL), DOCENT_ERR_NO_NODE);
    assert_ok(docent_create(client, "/o", NULL, 0, DOCENT_PERSISTENT, NULL));
    assert_soon(exists.ended == 1);
    assert_int_equal(exists.changes, 1);
    op = docent_op_get("/o");
    call.watch_user = &get;
    assert_ok(docent_run(client, &op, &call, NULL));
    op = docent_op_children("/o");
    call.watch_user = &children;
    assert_ok(docent_run(client, &op, &call, NULL));
    assert_ok(docent_create(client, "/o/c", NULL, 0, DOCENT_PERSISTENT, NULL));
    assert_soon(children.ended == 1);
    assert_int_equal(get.ended, 0);
    assert_ok(docent_set(client, "/o", "x", 1, -1, NULL));
    assert_soon(get.ended == 1);
    assert_int_equal(watch_count(), 0);
}

/* Null and empty data are two things, and both come back as they were. */
static void null_and_empty_data(void **state)
{
    (void)state;
    docent_result *result;
    assert_ok(docent_create(client, "/null", NULL, 0, DOCENT_PERSISTENT, NULL));
    assert_ok(docent_create(client, "/empty", "", 0, DOCENT_PERSISTENT, NULL));
    assert_ok(docent_get(client, "/null", &result));
    assert_null(result->data);
    docent_result_free(result);
    assert_ok(docent_get(client, "/empty", &result));
    assert_non_null(result->data);
    assert_int_equal(result->size, 0);
    docent_result_free(result);
}

static void access_control(void **state)
{
    (void)state;
    docent_acl entries[] = { { DOCENT_PERM_READ | DOCENT_PERM_ADMIN, "world", "anyone" } };
    docent_result *result;
    docent_op op = docent_op_create("/ro", NULL, 0, DOCENT_PERSISTENT);
    op.acl = (docent_acl_list){ entries, 1 };
    assert_ok(docent_run(client, &op, NULL, NULL));
    assert_status(docent_set(client, "/ro", "x", 1, -1, NULL), DOCENT_ERR_NO_AUTH);
    assert_status(docent_create(client, "/ro/x", NULL, 0, DOCENT_PERSISTENT, NULL), DOCENT_ERR_NO_AUTH);
    op = docent_op_get_acl("/ro");
    assert_ok(docent_run(client, &op, NULL, &result));
    assert_int_equal(result->acl.count, 1);
    assert_int_equal(result->acl.entries[0].perms, DOCENT_PERM_READ | DOCENT_PERM_ADMIN);
    assert_string_equal(result->acl.entries[0].scheme, "world");
    docent_result_free(result);
    op = docent_op_set_acl("/ro", docent_acl_open(), 7);
    assert_status(docent_run(client, &op, NULL, NULL), DOCENT_ERR_BAD_VERSION);
    op.version = 0;
    assert_ok(docent_run(client, &op, NULL, NULL));
    assert_ok(docent_set(client, "/ro", "x", 1, -1, NULL));
}

/* What we call good the server takes, and shows again; what we call wrong it refuses. */
static void access_control_as_text(void **state)
{
    (void)state;
    static const char good[] = "world:anyone:ra,digest:ann:D/InIHSb7yEEbrWz8b9l71RjZJU=:cdrwa,ip:10.1.2.3:r,ip:10.0.0.0/8:w";
    docent_acl_list list;
    char text[200];
    assert_ok(docent_acl_parse(good, &list, text, sizeof text));
    docent_op op = docent_op_create("/text", NULL, 0, DOCENT_PERSISTENT);
    op.acl = list;
    assert_ok(docent_run(client, &op, NULL, NULL));
    docent_result *result;
    op = docent_op_get_acl("/text");
    assert_ok(docent_run(client, &op, NULL, &result));
    assert_true(docent_acl_equal(result->acl, list));
    assert_ok(docent_acl_text(result->acl, text, sizeof text));
    assert_string_equal(text, good);
    docent_result_free(result);
    docent_acl_free(list);

    static const docent_acl wrong[] = { { 1, "world", "everyone" }, { 1, "super", "" }, { 1, "ip", "10.1.2" }, { 1, "ip", "10.1.2.3/33" },
                                        { 1, "ip", "localhost" }, { 1, "digest", "ann" }, { 1, "digest", "ann:" }, { 1, "digest", "a:b:c" } };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        docent_acl_list one = { &wrong[i], 1 };
        assert_status(docent_acl_check(one, NULL, 0), DOCENT_ERR_INVALID_ARGUMENT);
        op = docent_op_create("/wrong", NULL, 0, DOCENT_PERSISTENT);
        op.acl = one;
        assert_status(docent_run(client, &op, NULL, NULL), DOCENT_ERR_INVALID_ACL);
    }
}

/* A server on its own has a configuration node, with nothing in it, and takes no other. */
static void configuration(void **state)
{
    (void)state;
    docent_client *root = NULL;
    docent_result *result;
    char text[64];
    snprintf(text, sizeof text, "%.*s", (int)strcspn(connect_string, "/"), connect_string);
    assert_ok(docent_client_new(text, NULL, &root));
    assert_ok(docent_get(root, "/zookeeper/config", &result));
    assert_int_equal(result->size, 0);
    docent_result_free(result);
    docent_op op = docent_op_reconfig("server.9=127.0.0.1:1:2;3", NULL, NULL, -1);
    assert_status(docent_run(root, &op, NULL, &result), DOCENT_ERR_RECONFIG_DISABLED);
    assert_int_equal(result->attempts, 1);
    docent_result_free(result);
    assert_ok(docent_exists(root, "/", NULL)); /* On the same connection. */
    docent_client_close(root, NULL, NULL);
}

static docent_status check_watch(docent_watch_kind kind)
{
    docent_op op = docent_op_check_watches("/w", kind);
    return docent_run(client, &op, NULL, NULL);
}

static void watches_are_checked(void **state)
{
    (void)state;
    struct watching read = { .armed = 0 }, standing = { .kind = DOCENT_WATCH_RECURSIVE, .path = "/w" };
    docent_call_options call = { DOCENT_CALL_OPTIONS, .watch = on_watch, .watch_user = &read };
    docent_op get = docent_op_get("/w"), children = docent_op_children("/w");
    assert_ok(docent_create(client, "/w", NULL, 0, DOCENT_PERSISTENT, NULL));
    assert_status(check_watch(DOCENT_WATCH_DATA), DOCENT_ERR_NO_WATCHER);
    assert_ok(docent_run(client, &get, &call, NULL));
    assert_ok(check_watch(DOCENT_WATCH_DATA));
    assert_status(check_watch(DOCENT_WATCH_CHILDREN), DOCENT_ERR_NO_WATCHER);
    assert_ok(docent_run(client, &children, &call, NULL));
    assert_ok(check_watch(DOCENT_WATCH_CHILDREN));
    assert_ok(docent_delete(client, "/w", -1));
    assert_soon(read.ended == 2);
    assert_status(check_watch(DOCENT_WATCH_DATA), DOCENT_ERR_NO_WATCHER);
    assert_status(check_watch(DOCENT_WATCH_CHILDREN), DOCENT_ERR_NO_WATCHER);
    assert_ok(docent_client_post(client, watch_begin, &standing));
    assert_soon(standing.armed == 1);
    assert_ok(check_watch(DOCENT_WATCH_RECURSIVE));
    assert_ok(docent_client_post(client, watch_end, &standing));
    assert_soon(check_watch(DOCENT_WATCH_RECURSIVE) == DOCENT_ERR_NO_WATCHER);
    assert_soon(standing.ended == 1);
}

/* Below a chroot everything looks as if it were the root. */
static void chroot_hides_itself(void **state)
{
    (void)state;
    char text[80];
    docent_client *below = NULL;
    docent_result *result;
    assert_ok(docent_create(client, "/deep", NULL, 0, DOCENT_PERSISTENT, NULL));
    snprintf(text, sizeof text, "%s/deep", connect_string);
    assert_ok(docent_client_new(text, NULL, &below));
    assert_ok(docent_create(below, "/e-", NULL, 0, DOCENT_EPHEMERAL_SEQUENTIAL, &result));
    assert_string_equal(result->path, "/e-0000000000");
    docent_result_free(result);
    docent_op op = docent_op_ephemerals("/");
    assert_ok(docent_run(below, &op, NULL, &result));
    assert_int_equal(result->name_count, 1);
    assert_string_equal(result->names[0], "/e-0000000000");
    docent_result_free(result);
    assert_ok(docent_exists(client, "/deep/e-0000000000", NULL));
    assert_ok(docent_exists(below, "/", NULL));
    docent_client_close(below, NULL, NULL);
    assert_status(docent_exists(client, "/deep/e-0000000000", NULL), DOCENT_ERR_NO_NODE);
}

/* Another client goes on with the session: its ephemeral nodes stay, and the first client is told that it lost it when that one
 * has said good-bye. */
static void sessions_are_handed_over(void **state)
{
    (void)state;
    docent_client *next;
    docent_client_options options = { DOCENT_CLIENT_OPTIONS };
    docent_stat stat;
    assert_ok(docent_create(client, "/e", NULL, 0, DOCENT_EPHEMERAL, NULL));
    session_of(client, &options);
    next = client_start(&options);
    docent_client_options now = { DOCENT_CLIENT_OPTIONS };
    session_of(next, &now);
    assert_true(now.session_id == options.session_id);
    assert_ok(docent_exists(next, "/e", &stat));
    assert_true(stat.ephemeral_owner == options.session_id);
    docent_client_close(next, NULL, NULL);

    next = client_start(NULL);
    assert_status(docent_exists(next, "/e", NULL), DOCENT_ERR_NO_NODE);
    docent_client_close(next, NULL, NULL);
    assert_ok(docent_create(client, "/e", NULL, 0, DOCENT_EPHEMERAL, NULL)); /* In a session of its own again. */
    session_of(client, &now);
    assert_true(now.session_id != options.session_id);
}

/* A line on which nothing moves any more: calls end at their deadlines, a write's with what is not known, and closing too. */
static void deadlines_on_a_dead_line(void **state)
{
    (void)state;
    struct relay *line = relay_new(0, server_port());
    char text[32];
    snprintf(text, sizeof text, "127.0.0.1:%u", relay_port(line));
    docent_client *held = NULL;
    docent_client_options options = { DOCENT_CLIENT_OPTIONS, .close_timeout_ms = 200 };
    assert_ok(docent_client_new(text, &options, &held));
    assert_ok(docent_client_wait_connected(held, PATIENCE_MS));
    relay_set(line, RELAY_HOLD);

    docent_call_options call = { DOCENT_CALL_OPTIONS, .timeout_ms = 100 };
    docent_op get = docent_op_get("/"), create = docent_op_create("/held", NULL, 0, DOCENT_PERSISTENT_SEQUENTIAL);
    assert_status(docent_run(held, &get, &call, NULL), DOCENT_ERR_TIMEOUT);
    assert_status(docent_run(held, &create, &call, NULL), DOCENT_ERR_UNKNOWN_OUTCOME);
    docent_client_close(held, NULL, NULL); /* Returns. */
    relay_free(line);
}

/* A change that came while nobody was connected is told on the next connection. */
static void one_shots_survive_a_gap(void **state)
{
    (void)state;
    struct watching get = { .armed = 0 };
    docent_call_options call = { DOCENT_CALL_OPTIONS, .watch = on_watch, .watch_user = &get };
    docent_op op = docent_op_get("/gap");
    struct relay *line = relay_new(0, server_port());
    char text[64];
    const char *chroot = strchr(connect_string, '/');
    snprintf(text, sizeof text, "127.0.0.1:%u%s", relay_port(line), chroot != NULL ? chroot : "");
    docent_client *away = NULL;
    assert_ok(docent_client_new(text, NULL, &away));
    assert_ok(docent_create(away, "/gap", NULL, 0, DOCENT_PERSISTENT, NULL));
    assert_ok(docent_run(away, &op, &call, NULL));
    relay_set(line, RELAY_REFUSE);
    assert_ok(docent_set(client, "/gap", "x", 1, -1, NULL));
    assert_int_equal(get.ended, 0);
    relay_set(line, RELAY_PASS);
    assert_soon(get.ended == 1);
    assert_int_equal(get.changes, 1);
    docent_client_close(away, NULL, NULL);
    relay_free(line);
}

static void transactions_put_together(void **state)
{
    (void)state;
    docent_client *view;
    docent_view_options options = { DOCENT_VIEW_OPTIONS, .compression = DOCENT_COMPRESSION_ON };
    assert_ok(docent_create(client, "/v", NULL, 0, DOCENT_PERSISTENT, NULL));
    assert_ok(docent_client_view(client, "/v", &options, &view));
    docent_txn *txn;
    assert_ok(docent_txn_new(view, &txn));
    docent_txn_create(txn, "/p/q/a", "data", 4, DOCENT_PERSISTENT);
    docent_txn_create(txn, "/p/q/a/b", "", 0, DOCENT_PERSISTENT);
    assert_status(docent_txn_commit(txn, NULL, NULL), DOCENT_ERR_NO_NODE);
    docent_txn_options parents = { DOCENT_TXN_OPTIONS, .parents = DOCENT_PARENTS_PERSISTENT };
    docent_result *result = NULL;
    assert_ok(docent_txn_commit(txn, &parents, &result));
    assert_int_equal(result->result_count, 2);
    assert_string_equal(result->results[1].path, "/p/q/a/b");
    docent_result_free(result);
    docent_txn_free(txn);

    docent_op reads[] = { docent_op_get("/p/q/a"), docent_op_get("/none"), docent_op_children("/p/q/a") };
    assert_ok(docent_batch_read(view, reads, 3, NULL, &result));
    assert_int_equal(result->result_count, 3);
    assert_int_equal(result->results[0].size, 4);
    assert_memory_equal(result->results[0].data, "data", 4);
    assert_status(result->results[1].status, DOCENT_ERR_NO_NODE);
    assert_string_equal(result->results[2].names[0], "b");
    docent_result_free(result);
    assert_ok(docent_get(client, "/v/p/q/a", &result));
    assert_int_equal(*(const uint8_t *)result->data, 0x1f); /* As it is kept. */
    docent_result_free(result);
    docent_view_release(view);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(transactions_put_together, start, stop),
        cmocka_unit_test_setup_teardown(operations, start, stop),       cmocka_unit_test_setup_teardown(transactions, start, stop),
        cmocka_unit_test_setup_teardown(bad_arguments, start, stop),    cmocka_unit_test_setup_teardown(lost_replies, start, stop),
        cmocka_unit_test_setup_teardown(standing_watches, start, stop), cmocka_unit_test_setup_teardown(one_shot_watches, start, stop),
        cmocka_unit_test_setup_teardown(states_and_deadlines, start, stop), cmocka_unit_test_setup_teardown(damped_states, start, stop),
        cmocka_unit_test_setup_teardown(credentials, start, stop),
        cmocka_unit_test_setup_teardown(refused_credentials, start, stop),
        cmocka_unit_test_setup_teardown(null_and_empty_data, start, stop),
        cmocka_unit_test_setup_teardown(access_control, start, stop),
        cmocka_unit_test_setup_teardown(access_control_as_text, start, stop),
        cmocka_unit_test_setup_teardown(configuration, start, stop),
        cmocka_unit_test_setup_teardown(watches_are_checked, start, stop),
        cmocka_unit_test_setup_teardown(chroot_hides_itself, start, stop),
        cmocka_unit_test_setup_teardown(sessions_are_handed_over, start, stop),
        cmocka_unit_test_setup_teardown(deadlines_on_a_dead_line, start, stop),
        cmocka_unit_test_setup_teardown(one_shots_survive_a_gap, start, stop),
    };
    return run_live(tests, argc, argv);
}
