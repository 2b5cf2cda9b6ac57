/* tests/unit/test_trace.c - the trace hook and the flight recorder: what they show, and what they never show. */
#include "unit.h"

#include <docent/node.h>
#include <docent/trace.h>
#include <docent/view.h>

#include "test_alloc.h"
#include "tests/unit/peer.h"

static struct peer peer;
static struct peer_frame frame;
static struct outcome outcome;
static const docent_stat stat_of_node = { .czxid = 5 };

/* Everything that is shown anywhere, one line each. */
static char shown[1 << 16];
static size_t shown_size;
static unsigned traces;
static docent_trace_event last;
static char last_path[DOCENT_TRACE_PATH_MAX], last_operation[32], last_server[64];
static unsigned outcomes_before; /* Told when the last trace came. */

static void show(const char *what, const char *text)
{
    int size = snprintf(shown + shown_size, sizeof shown - shown_size, "%s: %s\n", what, text);
    assert_true(size > 0 && (size_t)size < sizeof shown - shown_size);
    shown_size += (size_t)size;
}

static void on_trace(const docent_trace_event *event, void *user)
{
    (void)user;
    traces++;
    last = *event;
    last.path = event->path == NULL ? NULL : strcpy(last_path, event->path);
    last.operation = strcpy(last_operation, event->operation);
    last.server = strcpy(last_server, event->server);
    outcomes_before = outcome.calls;
    show("trace", event->operation);
    show("trace", event->path == NULL ? "-" : event->path);
}

static void on_log(docent_log_level level, const char *id, const char *path, const char *text, void *user)
{
    (void)level;
    (void)user;
    show(id, text);
    show(id, path == NULL ? "-" : path);
}

static void on_line(const char *text, void *user)
{
    unsigned *lines = user;
    (*lines)++;
    show("dump", text);
}

static unsigned dump(void)
{
    unsigned lines = 0;
    assert_int_equal(docent_client_dump(peer.client, on_line, &lines), DOCENT_OK);
    return lines;
}

static void look_on(docent_client_options *options)
{
    options->on_trace = on_trace;
    options->on_log = on_log;
    options->flight_recorder_events = 16;
}

static int start(void **state)
{
    (void)state;
    shown_size = 0;
    shown[0] = '\0';
    peer_start(&peer, 1, 6000, look_on);
    peer_online(&peer, 77, 6000);
    traces = 0;
    outcome = (struct outcome){ 0 };
    return 0;
}

static int stop(void **state)
{
    (void)state;
    peer_stop(&peer);
    return 0;
}

static void ask(const char *path)
{
    assert_int_equal(docent_get_async(peer.client, path, outcome_tell, &outcome), DOCENT_OK);
    peer_expect(&peer, WIRE_OP_GET_DATA, &frame);
}

static void answer(void)
{
    peer_reply_data(&peer, frame.xid, 10, "x", &stat_of_node);
}

static void test_an_attempt_is_told(void **state)
{
    (void)state;
    ask("/a");
    peer.us = 300;
    answer();
    assert_int_equal(traces, 1);
    assert_string_equal(last.operation, "getData");
    assert_string_equal(last.path, "/a");
    assert_int_equal(last.status, DOCENT_OK);
    assert_int_equal(last.latency_us, 300);
    assert_int_equal(last.request_size, 4 + 8 + 4 + 2 + 1);
    assert_int_equal(last.reply_size, 4 + 16 + 4 + 1 + 68);
    assert_int_equal(last.attempt, 1);
    assert_string_equal(last.server, "10.0.0.1:2181");
    assert_null(last.call);
    assert_int_equal(outcome.calls, 1);
    assert_int_equal(outcomes_before, 0);
}

static void test_requests_are_told_with_the_call_that_made_them(void **state)
{
    (void)state;
    docent_create_node_options options = { DOCENT_CREATE_NODE_OPTIONS, .parents = DOCENT_PARENTS_PERSISTENT };
    assert_int_equal(docent_create_node_async(peer.client, "/a/b", "x", 1, DOCENT_PERSISTENT, &options, NULL, NULL), DOCENT_OK);
    for (int i = 0; i < 2; i++) { /* The node, then its parent. */
        peer_expect(&peer, WIRE_OP_CREATE, &frame);
        peer_reply(&peer, frame.xid, 10, DOCENT_ERR_NO_NODE, NULL, 0);
        assert_string_equal(last.operation, "create");
        assert_string_equal(last.path, i == 0 ? "/a/b" : "/a");
        assert_string_equal(last.call, "create");
    }
}

static void test_every_attempt_is_told(void **state)
{
    (void)state;
    ask("/a");
    peer_cut(&peer);
    assert_int_equal(traces, 1);
    assert_int_equal(last.status, DOCENT_ERR_CONNECTION_LOSS);
    assert_int_equal(last.attempt, 1);
    assert_int_equal(last.reply_size, 0);
    peer_pass(&peer, 300);
    peer_online(&peer, 77, 6000);
    peer_expect(&peer, WIRE_OP_GET_DATA, &frame);
    peer.us = 40;
    peer_reply(&peer, frame.xid, 11, DOCENT_ERR_NO_NODE, NULL, 0);
    assert_int_equal(traces, 2);
    assert_int_equal(last.status, DOCENT_ERR_NO_NODE);
    assert_int_equal(last.attempt, 2);
    assert_int_equal(last.latency_us, 40); /* Of this attempt alone. */
}

static void test_paths_are_the_servers(void **state)
{
    (void)state;
    docent_client *view;
    assert_int_equal(docent_client_view(peer.client, "/tenant", NULL, &view), DOCENT_OK);
    assert_int_equal(docent_get_async(view, "/a", outcome_tell, &outcome), DOCENT_OK);
    peer_expect(&peer, WIRE_OP_GET_DATA, &frame);
    answer();
    assert_string_equal(last.path, "/tenant/a");
    docent_view_release(view);

    docent_op op = docent_op_delete("/a", 3), multi = docent_op_multi(&op, 1);
    assert_int_equal(docent_run_async(peer.client, &multi, NULL, outcome_tell, &outcome), DOCENT_OK);
    peer_expect(&peer, WIRE_OP_MULTI, &frame);
    peer_reply(&peer, frame.xid, 11, DOCENT_ERR_NO_AUTH, NULL, 0);
    assert_string_equal(last.operation, "multi");
    assert_null(last.path);
}

static void test_long_paths_are_cut(void **state)
{
    (void)state;
    char path[1000];
    memset(path, 'p', sizeof path);
    path[0] = '/';
    memcpy(path + sizeof path - 5, "tail", 5);
    ask(path);
    answer();
    assert_int_equal(strlen(last.path), DOCENT_TRACE_PATH_MAX - 1);
    assert_memory_equal(last.path, path, DOCENT_TRACE_PATH_MAX - 1);
    dump();
    assert_non_null(strstr(shown, "getData \"...pppp"));
    assert_non_null(strstr(shown, "pppptail\""));
}

static void on_event(struct docent_machine *machine, const struct docent_event *event)
{
    (void)machine;
    (void)event;
}

static void test_what_recipes_ask_for_is_told(void **state)
{
    (void)state;
    struct docent_machine machine = { 0 };
    docent_op op = docent_op_exists("/m");
    assert_int_equal(docent_timer_reserve(peer.client), DOCENT_OK);
    docent_machine_init(&machine, peer.client, on_event);
    docent_ask(&machine, &op, 1);
    peer_expect(&peer, WIRE_OP_EXISTS, &frame);
    peer_reply_stat(&peer, frame.xid, 10, &stat_of_node);
    docent_machine_fini(&machine);
    docent_timer_release(peer.client);
    assert_string_equal(last.operation, "exists");
    assert_string_equal(last.path, "/m");
    dump();
    assert_non_null(strstr(shown, "sent xid=1 exists \"/m\" 19 bytes"));
}

static void test_the_recorder_tells_the_story(void **state)
{
    (void)state;
    ask("/a");
    peer.us = 512;
    answer();
    peer_notify(&peer, WIRE_EVENT_DATA_CHANGED, "/a\nb");
    peer_pass(&peer, 2500);
    ask("/b");
    peer_cut(&peer);
    assert_int_equal(dump(), 11);
    static const char *const story[] = {
        "connected \"10.0.0.1:2181\"\n",
        "state connected: DOCENT_OK\n",
        "sent xid=1 getData \"/a\" 19 bytes\n",
        "answered xid=1 getData \"/a\" DOCENT_OK 93 bytes after 512 us\n",
        "notified changed \"/a?b\"\n",
        "heartbeat\n",
        "sent xid=2 getData \"/b\" 19 bytes\n",
        "disconnected\n",
        "state suspended: DOCENT_ERR_CONNECTION_LOSS\n",
        "lost xid=2 getData \"/b\"\n",
        "connected \"10.0.0.1:2181\"\n",
    };
    const char *at = shown;
    for (size_t i = 0; i < sizeof story / sizeof story[0]; i++) {
        const char *found = strstr(at, story[i]);
        if (found == NULL) fail_msg("no, or not there: %s in\n%s", story[i], shown);
        at = found + strlen(story[i]);
    }
}

static void test_the_recorder_keeps_the_last(void **state)
{
    (void)state;
    for (int i = 0; i < 100; i++) {
        char path[16];
        snprintf(path, sizeof path, "/n%d", i);
        ask(path);
        answer();
    }
    shown_size = 0;
    assert_int_equal(dump(), 16);
    assert_null(strstr(shown, "\"/n91\""));
    const char *oldest = strstr(shown, "sent xid=93 getData \"/n92\""), *newest = strstr(shown, "answered xid=100 getData \"/n99\"");
    assert_true(oldest != NULL && newest != NULL && oldest < newest);
}

static void test_a_lost_session_is_dumped_to_the_log(void **state)
{
    (void)state;
    ask("/a");
    answer();
    peer.manual = true;
    peer_cut(&peer);
    assert_null(strstr(shown, "client.recorder"));
    peer_pass(&peer, 10000);
    assert_non_null(strstr(shown, "client.recorder: 1000.000000 connected \"10.0.0.1:2181\"\n"));
    const char *lost = strstr(shown, "state lost: DOCENT_ERR_SESSION_EXPIRED\n");
    assert_non_null(lost);
    assert_true(strstr(shown, "answered xid=1 getData \"/a\"") < lost);
}

static void test_who_did_not_ask_for_a_recorder_has_none(void **state)
{
    (void)state;
    unsigned lines = 0;
    assert_int_equal(docent_client_dump(NULL, on_line, &lines), DOCENT_ERR_INVALID_ARGUMENT);
    assert_int_equal(docent_client_dump(peer.client, NULL, NULL), DOCENT_ERR_INVALID_ARGUMENT);
    static struct peer bare;
    peer_start(&bare, 1, 6000, NULL);
    assert_int_equal(docent_client_dump(bare.client, on_line, &lines), DOCENT_ERR_INVALID_ARGUMENT);
    peer_stop(&bare);
    assert_int_equal(lines, 0);
}

/* Data, ACLs and credentials all say so here. */
#define SECRET "S3CR3T"
#define DATA SECRET, sizeof SECRET - 1

static void test_secrets_are_never_shown(void **state)
{
    (void)state;
    static const docent_acl entry = { DOCENT_PERM_ALL, "digest", "user:" SECRET };
    docent_acl_list acl = { &entry, 1 };
    assert_int_equal(docent_core_add_auth(peer.client, "digest", "user:" SECRET, 5 + sizeof SECRET - 1), DOCENT_OK);
    peer_expect(&peer, WIRE_OP_AUTH, &frame);
    peer_reply(&peer, WIRE_XID_AUTH, 0, 0, NULL, 0);

    docent_op ops[2] = { docent_op_set("/set", DATA, 1), docent_op_create("/new", DATA, DOCENT_PERSISTENT) };
    docent_op create = docent_op_create("/create", DATA, DOCENT_EPHEMERAL_SEQUENTIAL);
    create.acl = ops[1].acl = acl;
    docent_op calls[] = { docent_op_set("/set", DATA, DOCENT_ANY_VERSION), create, docent_op_set_acl("/acl", acl, 0),
                          docent_op_multi(ops, 2), docent_op_get("/get"), docent_op_get_acl("/acl") };
    static const int32_t wire_ops[] = { WIRE_OP_SET_DATA, WIRE_OP_CREATE, WIRE_OP_SET_ACL, WIRE_OP_MULTI, WIRE_OP_GET_DATA, WIRE_OP_GET_ACL };
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        assert_int_equal(docent_run_async(peer.client, &calls[i], NULL, outcome_tell, &outcome), DOCENT_OK);
        peer_expect(&peer, wire_ops[i], &frame);
        if (calls[i].type == DOCENT_OP_GET) {
            peer_reply_data(&peer, frame.xid, 10, SECRET, &stat_of_node);
        } else { /* Data behind an error, which nobody should look at. */
            peer_reply(&peer, frame.xid, 10, DOCENT_ERR_NO_AUTH, SECRET, sizeof SECRET);
        }
    }
    dump();
    ask("/last");
    peer_reply(&peer, frame.xid, 11, 0, SECRET, sizeof SECRET - 1); /* That is no record. */
    assert_int_equal(docent_set_async(peer.client, "/last", SECRET, 6, 1, outcome_tell, &outcome), DOCENT_OK);
    peer_expect(&peer, WIRE_OP_SET_DATA, &frame);
    peer.manual = true;
    peer_cut(&peer);
    peer_pass(&peer, 10000); /* The log gets it all. */
    assert_non_null(strstr(shown, "client.recorder"));
    assert_non_null(strstr(shown, "setData \"/set\""));
    assert_non_null(strstr(shown, "trace: /create"));
    assert_null(strstr(shown, SECRET));
    assert_null(strstr(shown, "user:"));
}

static void test_no_memory_is_told(void **state)
{
    (void)state;
    static const docent_acl entry = { DOCENT_PERM_READ, "world", "anyone" };
    struct docent_host host = *docent_client_host(peer.client);
    docent_status status = DOCENT_ERR_NO_MEMORY;
    size_t fail_at = 0;
    while (status == DOCENT_ERR_NO_MEMORY) {
        struct test_alloc alloc;
        test_alloc_init(&alloc, ++fail_at);
        docent_client_options options = { DOCENT_CLIENT_OPTIONS, .flight_recorder_events = 8, .acl = { &entry, 1 },
                                          .follow_ensemble = true };
        options.allocator = &alloc.allocator;
        struct docent_core_config config = { .options = &options, .chroot = "/chroot" };
        docent_client *client = NULL;
        status = docent_core_new(&config, &host, &client);
        if (status == DOCENT_OK) docent_core_free(client);
        assert_int_equal(alloc.outstanding, 0);
    }
    assert_int_equal(status, DOCENT_OK);
    assert_true(fail_at > 6); /* Client, chroot, recorder, policy, timers, follower. */
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
    const struct CMUnitTest tests[] = {
        TEST(test_an_attempt_is_told),
        TEST(test_every_attempt_is_told),
        TEST(test_requests_are_told_with_the_call_that_made_them),
        TEST(test_paths_are_the_servers),
        TEST(test_long_paths_are_cut),
        TEST(test_what_recipes_ask_for_is_told),
        TEST(test_the_recorder_tells_the_story),
        TEST(test_the_recorder_keeps_the_last),
        TEST(test_a_lost_session_is_dumped_to_the_log),
        TEST(test_who_did_not_ask_for_a_recorder_has_none),
        TEST(test_secrets_are_never_shown),
        TEST(test_no_memory_is_told),
    };
    return cmocka_run_group_tests_name("trace", tests, NULL, NULL);
}
