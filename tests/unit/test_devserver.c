/* tests/unit/test_devserver.c - the development server's core on virtual time: two replicas of one leader, with messages that wait
 * until the test carries them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/wire/wire.h"
#include "server.h"

enum { REPLICAS = 2 };

static struct leader *leader;
static struct replica *replicas[REPLICAS];
static struct server_message *first, **last;
static uint64_t now;

static void carry(void *user, struct server_message *message)
{
    (void)user;
    message->next = NULL;
    *last = message;
    last = &message->next;
}

/* Delivers what is on its way; what is for replica @held stays. */
static void deliver(int held)
{
    struct server_message *kept = NULL, **kept_last = &kept;
    while (first != NULL) {
        struct server_message *message = first;
        first = message->next;
        if (first == NULL) last = &first;
        if (message->type <= UP_TOUCH) {
            docent_leader_receive(leader, now, (int64_t)now, message);
        } else if (message->replica == held) {
            message->next = NULL;
            *kept_last = message;
            kept_last = &message->next;
        } else {
            docent_replica_receive(replicas[message->replica], now, message);
        }
    }
    first = kept;
    last = kept == NULL ? &first : kept_last;
}

static void servers_begin(const struct server_config *config)
{
    first = NULL;
    last = &first;
    leader = docent_leader_new(config, now, (int64_t)now);
    for (int i = 0; i < REPLICAS; i++) {
        replicas[i] = docent_replica_new(config, i, carry, NULL);
        docent_leader_join(leader, i, carry, NULL);
    }
}

static int start(void **state)
{
    (void)state;
    struct server_config config = { .tick_ms = 500 };
    now = 10000;
    servers_begin(&config);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    deliver(-1);
    for (int i = 0; i < REPLICAS; i++) docent_replica_free(replicas[i]);
    docent_leader_free(leader);
    return 0;
}

static void send_frame(struct connection *c, const struct wire_out *body, int32_t xid, int32_t op, bool header)
{
    struct wire_out out = { 0 };
    size_t begin = docent_wire_frame_begin(&out);
    if (header) {
        docent_wire_put_int(&out, xid);
        docent_wire_put_int(&out, op);
    }
    docent_wire_put_raw(&out, body->data, body->size);
    docent_wire_frame_end(&out, begin);
    docent_connection_recv(c, now, out.data, out.size);
    docent_wire_out_free(&out);
}

static struct connection *connect_to(int replica, int64_t session, const uint8_t *password, int64_t zxid)
{
    static const uint8_t nothing[16];
    struct connection *c = docent_connection_new(replicas[replica], now, "127.0.0.1", NULL);
    struct wire_out body = { 0 };
    struct wire_connect_request request = { .last_zxid = zxid,
                                            .timeout_ms = 2000,
                                            .session_id = session,
                                            .password = docent_wire_buffer(password == NULL ? nothing : password, 16) };
    docent_wire_put_connect_request(&body, &request);
    docent_wire_put_bool(&body, false);
    send_frame(c, &body, 0, 0, false);
    docent_wire_out_free(&body);
    return c;
}

static void ask(struct connection *c, int32_t xid, int32_t op, const char *path)
{
    struct wire_out body = { 0 };
    docent_wire_put_string(&body, docent_wire_string(path));
    if (op == WIRE_OP_CREATE) {
        docent_wire_put_string(&body, docent_wire_string("data"));
        docent_wire_put_int(&body, 1);
        struct wire_acl open = { DOCENT_PERM_ALL, docent_wire_string("world"), docent_wire_string("anyone") };
        docent_wire_put_acl(&body, &open);
        docent_wire_put_int(&body, DOCENT_EPHEMERAL);
    } else if (op == WIRE_OP_EXISTS) {
        docent_wire_put_bool(&body, false);
    }
    send_frame(c, &body, xid, op, true);
    docent_wire_out_free(&body);
}

/* The next answer's header. False: there is none. */
static bool answer(struct connection *c, struct wire_reply_header *ret_header)
{
    const uint8_t *data;
    size_t size = docent_connection_send(c, &data);
    if (size < 4) return false;
    uint32_t big;
    memcpy(&big, data, 4);
    size_t frame = __builtin_bswap32(big);
    struct wire_in in = docent_wire_in(data + 4, frame);
    assert_true(docent_wire_get_reply_header(&in, ret_header));
    docent_connection_sent(c, 4 + frame);
    return true;
}

static int64_t opened(struct connection *c, uint8_t password[16])
{
    const uint8_t *data;
    size_t size = docent_connection_send(c, &data);
    assert_int_equal(size, 41);
    struct wire_in in = docent_wire_in(data + 4, 37);
    struct wire_connect_response response;
    assert_true(docent_wire_get_connect_response(&in, &response));
    memcpy(password, response.password.data, 16);
    docent_connection_sent(c, size);
    return response.session_id;
}

static struct connection *session_on(int replica, uint8_t password[16])
{
    struct connection *c = connect_to(replica, 0, NULL, 0);
    deliver(-1);
    assert_int_not_equal(opened(c, password), 0);
    return c;
}

static void test_replica_that_lags_reads_the_past_until_a_sync(void **state)
{
    (void)state;
    uint8_t password[16];
    struct connection *writer = session_on(0, password), *reader = session_on(1, password);
    struct wire_reply_header header;
    ask(writer, 1, WIRE_OP_CREATE, "/a");
    deliver(1);
    assert_true(answer(writer, &header));
    assert_int_equal(header.err, 0);
    ask(reader, 1, WIRE_OP_EXISTS, "/a");
    assert_true(answer(reader, &header));
    assert_int_equal(header.err, DOCENT_ERR_NO_NODE);
    ask(reader, 2, WIRE_OP_SYNC, "/a");
    ask(reader, 3, WIRE_OP_EXISTS, "/a");
    deliver(1);
    assert_false(answer(reader, &header));
    deliver(-1);
    assert_true(answer(reader, &header));
    assert_int_equal(header.xid, 2);
    assert_true(answer(reader, &header));
    assert_int_equal(header.err, 0);
}

static void test_session_that_moved_drops_the_writes_of_its_old_connection(void **state)
{
    (void)state;
    uint8_t password[16];
    struct connection *old = session_on(0, password);
    int64_t session = docent_connection_session(old);
    struct connection *moved = connect_to(1, session, password, 0);
    deliver(-1);
    assert_int_equal(opened(moved, password), session);
    ask(old, 1, WIRE_OP_CREATE, "/late");
    deliver(-1);
    bool dropped;
    assert_true(docent_connection_wants_close(old, &dropped));
    assert_true(dropped);
    assert_null(docent_tree_find(docent_leader_tree(leader), "/late", 5));
    ask(moved, 1, WIRE_OP_CREATE, "/here");
    deliver(-1);
    assert_non_null(docent_tree_find(docent_leader_tree(leader), "/here", 5));
}

static void test_session_expires_at_a_tick_and_takes_its_nodes(void **state)
{
    (void)state;
    uint8_t password[16];
    struct connection *c = session_on(0, password);
    ask(c, 1, WIRE_OP_CREATE, "/e");
    deliver(-1);
    now += 1999;
    docent_leader_tick(leader, now, (int64_t)now);
    assert_int_equal(docent_leader_sessions(leader, NULL, 0), 1);
    now += 501;
    docent_leader_tick(leader, now, (int64_t)now);
    assert_int_equal(docent_leader_sessions(leader, NULL, 0), 0);
    deliver(-1);
    assert_null(docent_tree_find(docent_replica_tree(replicas[1]), "/e", 2));
    bool dropped;
    assert_true(docent_connection_wants_close(c, &dropped));
}

static void test_ping_touches_the_session_by_way_of_the_replica(void **state)
{
    (void)state;
    uint8_t password[16];
    struct connection *c = session_on(0, password);
    struct wire_out nothing = { 0 };
    for (int i = 0; i < 20; i++) {
        now += 500;
        send_frame(c, &nothing, WIRE_XID_PING, WIRE_OP_PING, true);
        docent_replica_tick(replicas[0], now);
        deliver(-1);
        docent_leader_tick(leader, now, (int64_t)now);
    }
    assert_int_equal(docent_leader_sessions(leader, NULL, 0), 1);
}

static void test_request_that_is_passed_on_is_no_sign_of_life_by_itself(void **state)
{
    (void)state;
    uint8_t password[16];
    struct connection *c = session_on(0, password);
    for (int i = 0; i < 20; i++) { /* And the replica never gets round to passing on that it heard of the session. */
        now += 500;
        ask(c, i + 1, i % 2 == 0 ? WIRE_OP_CREATE : WIRE_OP_SYNC, "/a");
        deliver(-1);
        docent_leader_tick(leader, now, (int64_t)now);
    }
    assert_int_equal(docent_leader_sessions(leader, NULL, 0), 0);
}

static void test_signs_of_life_are_passed_on_within_half_a_tick(void **state)
{
    (void)state;
    uint8_t password[16];
    struct connection *c = session_on(0, password);
    now += 100;
    ask(c, 1, WIRE_OP_EXISTS, "/a");
    assert_int_equal(docent_replica_deadline(replicas[0]), 10250); /* Since 10000, ticks of 500. */
    docent_replica_tick(replicas[0], 10249);
    assert_null(first);
    docent_replica_tick(replicas[0], 10250);
    assert_non_null(first);
    assert_int_equal(first->type, UP_TOUCH);
}

/* F-18 */
static void test_client_that_has_seen_more_is_refused(void **state)
{
    (void)state;
    struct connection *c = connect_to(0, 0, NULL, 1000);
    bool dropped;
    assert_true(docent_connection_wants_close(c, &dropped));
    assert_true(dropped);
}

static void test_wrong_password_is_told_expired(void **state)
{
    (void)state;
    uint8_t password[16], wrong[16] = { 9 };
    int64_t session = docent_connection_session(session_on(0, password));
    struct connection *thief = connect_to(1, session, wrong, 0);
    deliver(-1);
    assert_int_equal(opened(thief, password), 0);
}

static void test_dropped_reply_was_applied_and_dropped_request_was_not(void **state)
{
    (void)state;
    uint8_t password[16];
    struct fault fault = { .action = FAULT_DROP_REPLY, .op = WIRE_OP_CREATE };
    docent_replica_add_fault(replicas[0], &fault);
    struct connection *c = session_on(0, password);
    ask(c, 1, WIRE_OP_CREATE, "/applied");
    deliver(-1);
    bool dropped;
    assert_true(docent_connection_wants_close(c, &dropped));
    assert_non_null(docent_tree_find(docent_leader_tree(leader), "/applied", 8));

    fault.action = FAULT_DROP_REQUEST;
    docent_replica_add_fault(replicas[1], &fault);
    c = session_on(1, password);
    ask(c, 1, WIRE_OP_CREATE, "/never");
    deliver(-1);
    assert_true(docent_connection_wants_close(c, &dropped));
    assert_null(docent_tree_find(docent_leader_tree(leader), "/never", 6));
}

static void test_held_reply_holds_what_is_behind_it(void **state)
{
    (void)state;
    uint8_t password[16];
    struct wire_reply_header header;
    struct fault fault = { .action = FAULT_HOLD_REPLY, .op = WIRE_OP_CREATE, .path = "/h*" };
    docent_replica_add_fault(replicas[0], &fault);
    struct connection *c = session_on(0, password);
    ask(c, 1, WIRE_OP_CREATE, "/held");
    ask(c, 2, WIRE_OP_EXISTS, "/held");
    deliver(-1);
    assert_false(answer(c, &header));
    assert_int_equal(docent_replica_held(replicas[0]), 1);
    docent_replica_clear_faults(replicas[0]);
    assert_true(answer(c, &header));
    assert_int_equal(header.xid, 1);
    assert_true(answer(c, &header));
    assert_int_equal(header.xid, 2);
    assert_int_equal(header.err, 0);
}

static void test_answers_wait_while_a_client_does_not_read(void **state)
{
    (void)state;
    enum { READS = 100, DATA = 1000000, UNSENT_MAX = (1 << 20) + 2 * DATA };
    uint8_t password[16];
    struct wire_reply_header header;
    struct connection *c = session_on(0, password);
    struct wire_out body = { 0 };
    struct wire_set_data_request set = { docent_wire_string("/"), { NULL, DATA }, -1 };
    set.data.data = calloc(1, DATA);
    docent_wire_put_set_data_request(&body, &set);
    send_frame(c, &body, 1, WIRE_OP_SET_DATA, true);
    docent_wire_out_free(&body);
    free((void *)(uintptr_t)set.data.data);
    struct wire_read_request read = { docent_wire_string("/"), false };
    docent_wire_put_read_request(&body, &read);
    for (int xid = 2; xid < 2 + READS; xid++) send_frame(c, &body, xid, WIRE_OP_GET_DATA, true); /* Wait for the write. */
    deliver(-1);
    for (int xid = 2 + READS; xid < 2 + 2 * READS; xid++) send_frame(c, &body, xid, WIRE_OP_GET_DATA, true); /* Wait for room. */
    docent_wire_out_free(&body);
    for (int xid = 1; xid < 2 + 2 * READS; xid++) {
        const uint8_t *data;
        assert_true(docent_connection_send(c, &data) <= UNSENT_MAX);
        assert_true(answer(c, &header));
        assert_int_equal(header.xid, xid);
    }
    assert_false(answer(c, &header));
}

static void test_connection_that_lost_a_request_goes_when_the_stall_ends(void **state)
{
    (void)state;
    uint8_t password[16];
    bool dropped;
    struct connection *silent = session_on(0, password), *asking = session_on(0, password);
    docent_replica_stall(replicas[0], true);
    ask(asking, 1, WIRE_OP_EXISTS, "/");
    assert_false(docent_connection_wants_close(asking, &dropped));
    docent_replica_stall(replicas[0], false);
    assert_true(docent_connection_wants_close(asking, &dropped));
    assert_false(docent_connection_wants_close(silent, &dropped));
}

static void test_leader_without_a_log_keeps_no_transactions(void **state)
{
    (void)state;
    struct server_config config = { .tick_ms = 500, .no_log = true };
    docent_leader_free(leader);
    leader = docent_leader_new(&config, now, (int64_t)now);
    for (int i = 0; i < REPLICAS; i++) docent_leader_join(leader, i, carry, NULL);
    uint8_t password[16];
    struct wire_reply_header header;
    struct connection *c = session_on(0, password);
    ask(c, 1, WIRE_OP_CREATE, "/made");
    deliver(-1);
    assert_true(answer(c, &header));
    assert_int_equal(header.err, 0);
    assert_int_equal(docent_leader_log_size(leader), 0);
    assert_non_null(docent_tree_find(docent_replica_tree(replicas[1]), "/made", 5));
}

/* ---- Nodes that the server removes by itself. ---- */

/* How a request ends. Its session is new: none here lives as long as time passes. */
static int32_t outcome(const struct wire_out *body, int32_t op)
{
    uint8_t password[16];
    struct wire_reply_header header;
    struct connection *c = session_on(0, password);
    send_frame(c, body, 1, op, true);
    deliver(-1);
    assert_true(answer(c, &header));
    docent_connection_free(c);
    return header.err;
}

static int32_t make(const char *path, docent_create_mode mode, int64_t ttl_ms)
{
    struct wire_out body = { 0 };
    struct wire_acl open = { DOCENT_PERM_ALL, docent_wire_string("world"), docent_wire_string("anyone") };
    docent_wire_put_string(&body, docent_wire_string(path));
    docent_wire_put_string(&body, docent_wire_string(""));
    docent_wire_put_int(&body, 1);
    docent_wire_put_acl(&body, &open);
    docent_wire_put_int(&body, (int32_t)mode);
    bool ttl = mode == DOCENT_PERSISTENT_TTL || mode == DOCENT_PERSISTENT_SEQUENTIAL_TTL;
    if (ttl) docent_wire_put_long(&body, ttl_ms);
    int32_t err = outcome(&body, mode == DOCENT_CONTAINER ? WIRE_OP_CREATE_CONTAINER : ttl ? WIRE_OP_CREATE_TTL : WIRE_OP_CREATE);
    docent_wire_out_free(&body);
    return err;
}

static int32_t change(const char *path, int32_t op)
{
    struct wire_out body = { 0 };
    docent_wire_put_string(&body, docent_wire_string(path));
    if (op == WIRE_OP_SET_DATA) docent_wire_put_string(&body, docent_wire_string("set"));
    docent_wire_put_int(&body, DOCENT_ANY_VERSION);
    int32_t err = outcome(&body, op);
    docent_wire_out_free(&body);
    return err;
}

static void pass(uint64_t ms)
{
    now += ms;
    docent_leader_tick(leader, now, (int64_t)now);
    deliver(-1);
}

static bool everywhere(const char *path)
{
    bool there = docent_tree_find(docent_leader_tree(leader), path, strlen(path)) != NULL;
    for (int i = 0; i < REPLICAS; i++) {
        assert_int_equal(docent_tree_find(docent_replica_tree(replicas[i]), path, strlen(path)) != NULL, there);
    }
    return there;
}

static void test_container_goes_at_the_check_after_its_last_child(void **state)
{
    (void)state;
    assert_int_equal(make("/used", DOCENT_CONTAINER, 0), 0);
    assert_int_equal(make("/unused", DOCENT_CONTAINER, 0), 0);
    assert_int_equal(make("/full", DOCENT_CONTAINER, 0), 0);
    assert_int_equal(make("/full/child", DOCENT_PERSISTENT, 0), 0);
    assert_int_equal(make("/used/child", DOCENT_PERSISTENT, 0), 0);
    assert_int_equal(change("/used/child", WIRE_OP_DELETE), 0);
    assert_int_equal(make("/plain", DOCENT_PERSISTENT, 0), 0);
    assert_int_equal(make("/plain/child", DOCENT_PERSISTENT, 0), 0);
    assert_int_equal(change("/plain/child", WIRE_OP_DELETE), 0);
    assert_true(docent_leader_deadline(leader) <= now + 60000); /* Somebody will come and look. */
    pass(59999);
    assert_true(everywhere("/used"));
    int64_t zxid = docent_leader_zxid(leader);
    pass(1);
    assert_false(everywhere("/used"));
    assert_int_equal(docent_leader_zxid(leader), zxid + 1); /* A transaction like others. */
    assert_true(everywhere("/unused"));
    assert_true(everywhere("/full"));
    assert_true(everywhere("/plain"));
    assert_int_equal(make("/used/late", DOCENT_PERSISTENT, 0), DOCENT_ERR_NO_NODE);
    pass(60000);
    assert_true(everywhere("/unused"));
}

static void test_container_of_a_container_goes_one_check_later(void **state)
{
    (void)state;
    assert_int_equal(make("/outer", DOCENT_CONTAINER, 0), 0);
    assert_int_equal(make("/outer/inner", DOCENT_CONTAINER, 0), 0);
    assert_int_equal(make("/outer/inner/child", DOCENT_PERSISTENT, 0), 0);
    assert_int_equal(change("/outer/inner/child", WIRE_OP_DELETE), 0);
    pass(60000);
    assert_false(everywhere("/outer/inner"));
    assert_true(everywhere("/outer"));
    pass(60000);
    assert_false(everywhere("/outer"));
}

static void test_watchers_hear_that_a_container_went(void **state)
{
    (void)state;
    uint8_t password[16];
    struct wire_reply_header header;
    assert_int_equal(make("/box", DOCENT_CONTAINER, 0), 0);
    assert_int_equal(make("/box/child", DOCENT_PERSISTENT, 0), 0);
    assert_int_equal(change("/box/child", WIRE_OP_DELETE), 0);
    pass(59999);
    struct connection *c = session_on(1, password);
    struct wire_out body = { 0 };
    struct wire_read_request read = { docent_wire_string("/box"), true };
    docent_wire_put_read_request(&body, &read);
    send_frame(c, &body, 1, WIRE_OP_EXISTS, true);
    docent_wire_out_free(&body);
    assert_true(answer(c, &header));
    pass(1);
    assert_true(answer(c, &header));
    assert_int_equal(header.xid, WIRE_XID_NOTIFICATION);
    assert_int_equal(docent_replica_watch_count(replicas[1]), 0);
}

/* Of its last change, not of its children's. */
static void test_node_with_a_ttl_goes_when_it_is_that_old_and_empty(void **state)
{
    (void)state;
    struct server_config config = { .tick_ms = 500, .ttl_nodes = true, .container_check_ms = 60000, .ttl_check_ms = 100 };
    stop(state);
    servers_begin(&config);
    assert_int_equal(make("/short", DOCENT_PERSISTENT_TTL, 1000), 0);
    assert_int_equal(make("/touched", DOCENT_PERSISTENT_TTL, 1000), 0);
    assert_int_equal(make("/parent", DOCENT_PERSISTENT_TTL, 1000), 0);
    assert_int_equal(make("/parent/child", DOCENT_PERSISTENT, 0), 0);
    assert_int_equal(make("/s-", DOCENT_PERSISTENT_SEQUENTIAL_TTL, 1000), 0);
    assert_true(everywhere("/s-0000000003"));
    assert_true(docent_leader_deadline(leader) <= now + 100);
    for (int i = 0; i < 9; i++) pass(100);
    assert_int_equal(change("/touched", WIRE_OP_SET_DATA), 0);
    pass(100);
    assert_true(everywhere("/short")); /* A thousand, but no more than that. */
    pass(100);
    assert_false(everywhere("/short"));
    assert_false(everywhere("/s-0000000003"));
    assert_true(everywhere("/touched"));
    assert_true(everywhere("/parent"));
    assert_int_equal(change("/parent/child", WIRE_OP_DELETE), 0);
    pass(100);
    assert_false(everywhere("/parent"));
    for (int i = 0; i < 7; i++) pass(100);
    assert_true(everywhere("/touched"));
    pass(100);
    assert_false(everywhere("/touched"));
}

static void test_ttl_is_refused_where_it_is_off_or_out_of_bounds(void **state)
{
    (void)state;
    struct server_config config = { .tick_ms = 500, .ttl_nodes = true };
    assert_int_equal(make("/t", DOCENT_PERSISTENT_TTL, 1000), DOCENT_ERR_UNIMPLEMENTED);
    stop(state);
    servers_begin(&config);
    assert_int_equal(make("/t", DOCENT_PERSISTENT_TTL, 0), DOCENT_ERR_BAD_ARGUMENTS);
    assert_int_equal(make("/t", DOCENT_PERSISTENT_TTL, -1), DOCENT_ERR_BAD_ARGUMENTS);
    assert_int_equal(make("/t", DOCENT_PERSISTENT_TTL, DOCENT_TTL_MAX_MS + 1), DOCENT_ERR_BAD_ARGUMENTS);
    assert_int_equal(make("/t", DOCENT_PERSISTENT_TTL, DOCENT_TTL_MAX_MS), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
    const struct CMUnitTest tests[] = {
        TEST(test_replica_that_lags_reads_the_past_until_a_sync),
        TEST(test_session_that_moved_drops_the_writes_of_its_old_connection),
        TEST(test_session_expires_at_a_tick_and_takes_its_nodes),
        TEST(test_ping_touches_the_session_by_way_of_the_replica),
        TEST(test_request_that_is_passed_on_is_no_sign_of_life_by_itself),
        TEST(test_signs_of_life_are_passed_on_within_half_a_tick),
        TEST(test_client_that_has_seen_more_is_refused),
        TEST(test_wrong_password_is_told_expired),
        TEST(test_dropped_reply_was_applied_and_dropped_request_was_not),
        TEST(test_held_reply_holds_what_is_behind_it),
        TEST(test_answers_wait_while_a_client_does_not_read),
        TEST(test_connection_that_lost_a_request_goes_when_the_stall_ends),
        TEST(test_leader_without_a_log_keeps_no_transactions),
        TEST(test_container_goes_at_the_check_after_its_last_child),
        TEST(test_container_of_a_container_goes_one_check_later),
        TEST(test_watchers_hear_that_a_container_went),
        TEST(test_node_with_a_ttl_goes_when_it_is_that_old_and_empty),
        TEST(test_ttl_is_refused_where_it_is_off_or_out_of_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
