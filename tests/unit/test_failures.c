/* tests/unit/test_failures.c - failures that users of other clients have met, played step by step against a peer that the test speaks for.
 * The comment above each test has the number that the failure has in our catalogue; tests/sim/README.md says where the others are. */
#include "unit.h"

#include <docent/docent.h>

#include "core/client/internal.h"
#include "tests/lib/test_alloc.h"
#include "tests/unit/peer.h"

static struct peer peer;
static struct peer_frame frame;
static struct test_alloc memory;
static const docent_stat stat_of_node = { .czxid = 5, .mzxid = 5, .version = 3 };

struct told { /* Of one watch. */
    unsigned count, terminal;
    docent_watch_event last;
};

static void on_watch(const docent_watch_event *event, void *user)
{
    struct told *told = user;
    assert_int_equal(told->terminal, 0); /* Nothing after the last. */
    told->count++;
    told->terminal += event->last;
    told->last = *event;
}

static void with_memory(docent_client_options *options)
{
    options->allocator = &memory.allocator;
}

static void start_at(size_t servers)
{
    test_alloc_init(&memory, 0);
    peer_start(&peer, servers, 6000, with_memory);
}

static void start_online(size_t servers)
{
    start_at(servers);
    peer_online(&peer, 77, 6000);
    peer_pass(&peer, 1000);
}

static int stop(void **state)
{
    (void)state;
    peer_stop(&peer);
    assert_int_equal(memory.outstanding, 0);
    return 0;
}

/* The next request, heartbeats aside, within @ms. */
static bool next_within(uint64_t ms)
{
    uint64_t end = peer.now + ms;
    for (;;) {
        peer_work(&peer);
        while (peer_take(&peer, &frame)) {
            if (frame.op != WIRE_OP_PING) return true;
            peer_reply(&peer, WIRE_XID_PING, 1, 0, NULL, 0);
        }
        if (peer.now >= end) return false;
        uint64_t at = docent_core_deadline(peer.client);
        peer.now = at > end ? end : at > peer.now ? at : peer.now;
    }
}

static void come_back(int64_t session)
{
    for (int i = 0; i < 10000 && peer.size == 0; i++) peer_pass(&peer, 1);
    peer_online(&peer, session, 6000);
}

static void cut_and_heal(void)
{
    peer_cut(&peer);
    come_back(77);
}

static void read_with_watch(docent_op op, struct told *told)
{
    docent_call_options call = { DOCENT_CALL_OPTIONS, .watch = on_watch, .watch_user = told };
    assert_int_equal(docent_run_async(peer.client, &op, &call, NULL, NULL), DOCENT_OK);
}

static void get_with_watch(const char *path, int64_t zxid, struct told *told)
{
    memset(told, 0, sizeof *told);
    read_with_watch(docent_op_get(path), told);
    peer_expect(&peer, WIRE_OP_GET_DATA, &frame);
    peer_reply_data(&peer, frame.xid, zxid, "v", &stat_of_node);
}

static struct wire_set_watches_request expect_restored(void)
{
    peer_expect(&peer, WIRE_OP_SET_WATCHES, &frame);
    struct wire_in in = docent_wire_in(frame.body, frame.size);
    struct wire_set_watches_request request;
    assert_true(docent_wire_get_set_watches_request(&in, &request));
    return request;
}

static docent_watch *stand(const char *path, docent_watch_kind kind, struct told *told)
{
    docent_watch *watch;
    memset(told, 0, sizeof *told);
    assert_int_equal(docent_watch_async(peer.client, path, kind, on_watch, told, &watch), DOCENT_OK);
    return watch;
}

static void accept_standing(void)
{
    peer_expect(&peer, WIRE_OP_ADD_WATCH, &frame);
    peer_reply(&peer, frame.xid, 10, 0, "\0\0\0\0", 4);
}

/* ---- Applied or not? ---- */

/* F-03 */
static void test_the_clean_up_of_a_lost_create_survives_fifty_losses(void **state)
{
    (void)state;
    start_online(1);
    static struct outcome outcome;
    static const docent_retry once = { DOCENT_RETRY, .tries_max = 1 };
    memset(&outcome, 0, sizeof outcome);
    docent_create_node_options options = { DOCENT_CREATE_NODE_OPTIONS, .protect = true, .retry = &once };
    assert_int_equal(docent_create_node_async(peer.client, "/p/a-", "x", 1, DOCENT_PERSISTENT_SEQUENTIAL, &options, outcome_tell, &outcome),
                     DOCENT_OK);
    peer_expect(&peer, WIRE_OP_CREATE, &frame);
    struct wire_in in = docent_wire_in(frame.body, frame.size);
    wire_bytes path = docent_wire_get_string(&in);
    char node[128], name[128];
    snprintf(node, sizeof node, "%.*s0000000007", (int)path.size, (const char *)path.data);
    snprintf(name, sizeof name, "%s", strrchr(node, '/') + 1);
    for (int i = 0; i < 50; i++) {
        cut_and_heal();
        assert_int_equal(outcome.calls, 1);
        assert_int_equal(docent_pending_deletes(peer.client), 1);
        assert_true(next_within(60000));
    }
    assert_int_equal(outcome.status, DOCENT_ERR_CONNECTION_LOSS);
    bool deleted = false;
    for (int steps = 0; docent_pending_deletes(peer.client) > 0 && steps < 20; steps++) {
        if (frame.op == WIRE_OP_GET_CHILDREN2 || frame.op == WIRE_OP_GET_CHILDREN) {
            struct wire_out out = { 0 };
            docent_wire_put_int(&out, 1);
            docent_wire_put_string(&out, docent_wire_string(name));
            docent_wire_put_stat(&out, stat_of_node);
            peer_reply(&peer, frame.xid, 20, 0, out.data, out.size);
            docent_wire_out_free(&out);
        } else if (frame.op == WIRE_OP_DELETE) {
            in = docent_wire_in(frame.body, frame.size);
            path = docent_wire_get_string(&in);
            deleted = (size_t)path.size == strlen(node) && memcmp(path.data, node, strlen(node)) == 0;
            peer_reply(&peer, frame.xid, 21, 0, NULL, 0);
        } else if (frame.op == WIRE_OP_SYNC) {
            peer_reply_path(&peer, frame.xid, 20, "/p");
        } else {
            peer_reply_stat(&peer, frame.xid, 20, &stat_of_node);
        }
        (void)next_within(1000);
    }
    assert_true(deleted);
    assert_int_equal(docent_pending_deletes(peer.client), 0);
    assert_int_equal(outcome.calls, 1);
}

struct parts {
    unsigned calls;
    docent_status status;
    size_t count;
};

static void on_parts(const docent_result *result, void *user)
{
    struct parts *parts = user;
    parts->calls++;
    parts->status = result->status;
    parts->count = result->result_count;
}

/* F-12 */
static void test_a_transaction_that_was_not_answered_has_one_outcome_and_no_parts(void **state)
{
    (void)state;
    start_online(1);
    static struct parts lost, held;
    lost = held = (struct parts){ 0 };
    docent_op blind[] = { docent_op_create("/s-", NULL, 0, DOCENT_PERSISTENT_SEQUENTIAL), docent_op_check("/c", 1) };
    assert_int_equal(docent_multi_async(peer.client, NULL, 0, on_parts, &lost), DOCENT_ERR_INVALID_ARGUMENT);
    assert_int_equal(docent_multi_async(peer.client, blind, 2, on_parts, &lost), DOCENT_OK);
    peer_expect(&peer, WIRE_OP_MULTI, &frame);
    cut_and_heal();
    assert_int_equal(lost.calls, 1);
    assert_int_equal(lost.status, DOCENT_ERR_UNKNOWN_OUTCOME);
    assert_int_equal(lost.count, 0);
    assert_int_equal(docent_multi_async(peer.client, blind, 2, on_parts, &held), DOCENT_OK);
    peer_expect(&peer, WIRE_OP_MULTI, &frame);
    docent_core_close(peer.client, peer.now);
    peer_work(&peer);
    assert_int_equal(held.calls, 1);
    assert_int_equal(held.status, DOCENT_ERR_CLOSING);
    assert_int_equal(held.count, 0);
    assert_int_equal(lost.calls, 1);
}

/* ---- Sessions and connections. ---- */

/* F-13 */
static void test_what_an_old_session_has_to_tell_is_not_heard_in_the_next(void **state)
{
    (void)state;
    start_online(1);
    static struct told old, fresh;
    get_with_watch("/a", 10, &old);
    peer_cut(&peer);
    for (int i = 0; i < 10000 && peer.size == 0; i++) peer_pass(&peer, 1);
    peer_expect_connect(&peer);
    peer_accept(&peer, 0, 0); /* Expired. */
    assert_int_equal(old.count, 1);
    assert_int_equal(old.last.type, DOCENT_WATCH_ENDED);
    assert_int_equal(old.last.status, DOCENT_ERR_SESSION_EXPIRED);
    come_back(78);
    peer_notify(&peer, WIRE_EVENT_DATA_CHANGED, "/a"); /* Its watch is nobody's now. */
    assert_int_equal(old.count, 1);
    get_with_watch("/a", 20, &fresh);
    assert_int_equal(fresh.count, 0);
    peer_notify(&peer, WIRE_EVENT_DATA_CHANGED, "/a");
    assert_int_equal(fresh.count, 1);
    assert_int_equal(old.count, 1);
}

/* F-18 */
static void test_a_server_that_lags_is_passed_over_without_a_pause(void **state)
{
    (void)state;
    start_online(3);
    static struct outcome outcome;
    memset(&outcome, 0, sizeof outcome);
    assert_int_equal(docent_get_async(peer.client, "/a", outcome_tell, &outcome), DOCENT_OK);
    peer_expect(&peer, WIRE_OP_GET_DATA, &frame);
    peer_reply_data(&peer, frame.xid, 100, "v", &stat_of_node);
    uint64_t begin = peer.now;
    struct docent_address tried[3];
    peer_cut(&peer);
    for (int i = 0; i < 3; i++) { /* The last is the one that we come from. */
        tried[i] = peer.link.address;
        struct wire_connect_request request = peer_expect_connect(&peer);
        assert_int_equal(request.session_id, 77);
        assert_int_equal(request.last_zxid, 100); /* So that no server behind that answers. */
        for (int k = 0; k < i; k++) assert_false(docent_address_equal(&tried[k], &tried[i]));
        if (i < 2) {
            peer_cut(&peer);
        } else {
            peer_accept(&peer, 77, 6000);
        }
    }
    assert_int_equal(peer.now, begin);
    assert_int_equal(docent_client_state(peer.client), DOCENT_CONNECTED);
    assert_int_equal(docent_client_session(peer.client, NULL), 77);
    assert_false(peer.last_event.new_session);
}

/* F-19 */
static void test_calls_before_the_first_session_end_at_their_deadlines(void **state)
{
    (void)state;
    start_at(2); /* Which take connections and say nothing. */
    static struct outcome outcomes[3];
    memset(outcomes, 0, sizeof outcomes);
    uint64_t begin = peer.now;
    for (uint32_t i = 0; i < 3; i++) {
        docent_op op = docent_op_get("/a");
        docent_call_options call = { DOCENT_CALL_OPTIONS, .timeout_ms = 5000 * (i + 1) };
        assert_int_equal(docent_run_async(peer.client, &op, &call, outcome_tell, &outcomes[i]), DOCENT_OK);
    }
    for (uint32_t i = 0; i < 2; i++) {
        peer_pass(&peer, begin + 5000 * (i + 1) - 1 - peer.now);
        assert_int_equal(outcomes[i].calls, 0);
        peer_pass(&peer, 1);
        assert_int_equal(outcomes[i].calls, 1);
        assert_int_equal(outcomes[i].status, DOCENT_ERR_TIMEOUT);
        assert_int_equal(outcomes[i].attempts, 0);
    }
    assert_int_equal(peer.state_count, 0); /* What was never had is not lost. */
    come_back(77);
    assert_int_equal(docent_client_state(peer.client), DOCENT_CONNECTED);
    peer_expect(&peer, WIRE_OP_GET_DATA, &frame);
    peer_reply_data(&peer, frame.xid, 10, "v", &stat_of_node);
    assert_int_equal(outcomes[2].status, DOCENT_OK);
    assert_int_equal(outcomes[2].calls, 1);
}

static docent_state state_seen;

static void sleep_long(const docent_result *result, void *user)
{
    (void)result;
    (void)user;
    peer.now += 4000; /* More than a heartbeat's time, less than the session's. */
}

static void see_state(const docent_result *result, void *user)
{
    outcome_tell(result, user);
    state_seen = docent_client_state(peer.client);
}

/* F-23: that it is reported, tests/live/test_drive.c looks at. */
static void test_a_slow_callback_costs_the_connection_at_most(void **state)
{
    (void)state;
    start_online(1);
    assert_int_equal(docent_get_async(peer.client, "/a", sleep_long, NULL), DOCENT_OK);
    peer_expect(&peer, WIRE_OP_GET_DATA, &frame);
    peer_reply_data(&peer, frame.xid, 10, "v", &stat_of_node);
    if (docent_client_state(peer.client) != DOCENT_CONNECTED) come_back(77);
    for (size_t i = 0; i < peer.state_count; i++) assert_int_not_equal(peer.states[i], DOCENT_LOST);
    assert_int_equal(docent_client_state(peer.client), DOCENT_CONNECTED);
    assert_int_equal(docent_client_session(peer.client, NULL), 77);
}

/* F-27: that no other clock is read at all, check_layers.py sees to. */
static void test_a_gap_in_time_is_lost_before_anything_else_is_heard(void **state)
{
    (void)state;
    start_online(1);
    static struct outcome outcome;
    memset(&outcome, 0, sizeof outcome);
    assert_int_equal(docent_get_async(peer.client, "/a", see_state, &outcome), DOCENT_OK);
    peer_expect(&peer, WIRE_OP_GET_DATA, &frame);
    size_t before = peer.state_count;
    uint32_t serial = peer.link.serial;
    peer.now += 3600000; /* As after a suspend: and the answer lies in the kernel. */
    peer_reply_data(&peer, frame.xid, 10, "v", &stat_of_node);
    assert_true(peer.state_count > before);
    bool lost = false;
    for (size_t i = before; i < peer.state_count; i++) lost = lost || peer.states[i] == DOCENT_LOST;
    assert_true(lost);
    assert_int_not_equal(peer.link.serial, serial);
    if (outcome.calls > 0) assert_int_not_equal(state_seen, DOCENT_CONNECTED);
    assert_int_not_equal(outcome.status, DOCENT_OK);
}

/* ---- Watches. ---- */

static struct told added_later, others[4];
static docent_watch *other_handles[4];

static void on_watch_that_changes_others(const docent_watch_event *event, void *user)
{
    on_watch(event, user);
    docent_op op = docent_op_get("/new");
    docent_call_options call = { DOCENT_CALL_OPTIONS, .watch = on_watch, .watch_user = &added_later };
    assert_int_equal(docent_run_async(peer.client, &op, &call, NULL, NULL), DOCENT_OK);
    for (int i = 0; i < 4; i += 2) docent_watch_cancel(other_handles[i]);
}

/* F-35 */
static void test_watches_come_and_go_while_they_are_restored(void **state)
{
    (void)state;
    start_online(1);
    static struct told first;
    memset(&first, 0, sizeof first);
    memset(&added_later, 0, sizeof added_later);
    docent_op op = docent_op_get("/first");
    docent_call_options call = { DOCENT_CALL_OPTIONS, .watch = on_watch_that_changes_others, .watch_user = &first };
    assert_int_equal(docent_run_async(peer.client, &op, &call, NULL, NULL), DOCENT_OK);
    peer_expect(&peer, WIRE_OP_GET_DATA, &frame);
    peer_reply_data(&peer, frame.xid, 10, "v", &stat_of_node);
    for (int i = 0; i < 4; i++) {
        char path[16];
        snprintf(path, sizeof path, "/other%d", i);
        memset(&others[i], 0, sizeof others[i]);
        op = docent_op_get(path);
        call = (docent_call_options){ DOCENT_CALL_OPTIONS, .watch = on_watch, .watch_user = &others[i], .ret_watch = &other_handles[i] };
        assert_int_equal(docent_run_async(peer.client, &op, &call, NULL, NULL), DOCENT_OK);
        peer_expect(&peer, WIRE_OP_GET_DATA, &frame);
        peer_reply_data(&peer, frame.xid, 10, "v", &stat_of_node);
    }
    cut_and_heal();
    assert_int_equal(expect_restored().data.count, 5);
    peer_notify(&peer, WIRE_EVENT_DATA_CHANGED, "/first"); /* Changed meanwhile; told before the packet is acknowledged. */
    peer_notify(&peer, WIRE_EVENT_DATA_CHANGED, "/other0");
    peer_notify(&peer, WIRE_EVENT_DATA_CHANGED, "/other1");
    peer_reply(&peer, WIRE_XID_SET_WATCHES, 12, 0, NULL, 0);
    assert_int_equal(first.count, 1);
    assert_int_equal(others[0].last.status, DOCENT_ERR_CANCELLED);
    assert_int_equal(others[1].last.type, DOCENT_WATCH_DATA_CHANGED);
    assert_int_equal(others[2].last.status, DOCENT_ERR_CANCELLED);
    assert_int_equal(others[3].count, 0);
    peer_expect(&peer, WIRE_OP_GET_DATA, &frame);
    peer_reply_data(&peer, frame.xid, 13, "v", &stat_of_node);
    (void)next_within(1000);
    cut_and_heal();
    assert_int_equal(expect_restored().data.count, 2);
    peer_reply(&peer, WIRE_XID_SET_WATCHES, 14, 0, NULL, 0);
    peer_notify(&peer, WIRE_EVENT_DATA_CHANGED, "/new");
    assert_int_equal(added_later.count, 1);
}

static void small_requests(docent_client_options *options)
{
    options->allocator = &memory.allocator;
    options->request_max_bytes = 1000;
}

/* F-36 */
static void test_a_cut_between_the_parts_of_what_is_restored_begins_all_anew(void **state)
{
    (void)state;
    test_alloc_init(&memory, 0);
    peer_start(&peer, 1, 6000, small_requests);
    peer_online(&peer, 77, 6000);
    static struct told told[20];
    char path[256];
    for (int i = 0; i < 20; i++) {
        snprintf(path, sizeof path, "/%0200d", i);
        get_with_watch(path, 10, &told[i]);
    }
    static struct outcome outcome;
    memset(&outcome, 0, sizeof outcome);
    for (int parts = 0; parts < 5; parts++) {
        peer_cut(&peer);
        for (int i = 0; i < 10000 && peer.size == 0; i++) peer_pass(&peer, 1);
        if (parts == 0) assert_int_equal(docent_get_async(peer.client, "/x", outcome_tell, &outcome), DOCENT_OK);
        peer_expect_connect(&peer);
        peer_accept(&peer, 77, 6000);
        int32_t restored = 0, packets = 0;
        while (peer_take(&peer, &frame)) {
            assert_int_equal(frame.op, WIRE_OP_SET_WATCHES); /* Nothing overtakes the last part. */
            struct wire_in in = docent_wire_in(frame.body, frame.size);
            struct wire_set_watches_request request;
            assert_true(docent_wire_get_set_watches_request(&in, &request));
            restored += request.data.count;
            packets++;
        }
        assert_int_equal(restored, 20);
        assert_true(packets >= 5);
        for (int i = 0; i < parts; i++) peer_reply(&peer, WIRE_XID_SET_WATCHES, 12, 0, NULL, 0);
        assert_int_equal(docent_client_state(peer.client), DOCENT_SUSPENDED);
        if (parts < 4) continue;
        for (int i = parts; i < packets; i++) peer_reply(&peer, WIRE_XID_SET_WATCHES, 12, 0, NULL, 0);
    }
    assert_int_equal(docent_client_state(peer.client), DOCENT_CONNECTED);
    peer_expect(&peer, WIRE_OP_GET_DATA, &frame);
    for (int i = 0; i < 20; i++) {
        snprintf(path, sizeof path, "/%0200d", i);
        assert_int_equal(told[i].count, 0);
        peer_notify(&peer, WIRE_EVENT_DATA_CHANGED, path);
        assert_int_equal(told[i].count, 1);
    }
}

/* F-37 */
static void test_a_read_that_follows_a_watch_is_repeated_although_the_watch_is_used_up(void **state)
{
    (void)state;
    start_online(1);
    static struct told x, y;
    static struct outcome read_x, read_y;
    memset(&read_x, 0, sizeof read_x);
    memset(&read_y, 0, sizeof read_y);
    get_with_watch("/x", 10, &x);
    get_with_watch("/y", 10, &y);
    peer_notify(&peer, WIRE_EVENT_DATA_CHANGED, "/x");
    peer_notify(&peer, WIRE_EVENT_DATA_CHANGED, "/y");
    assert_int_equal(docent_get_async(peer.client, "/x", outcome_tell, &read_x), DOCENT_OK);
    assert_int_equal(docent_get_async(peer.client, "/y", outcome_tell, &read_y), DOCENT_OK);
    peer_expect(&peer, WIRE_OP_GET_DATA, &frame);
    peer_reply_data(&peer, frame.xid, 50, "x2", &stat_of_node); /* Beyond the change of y. */
    cut_and_heal();
    assert_true(next_within(5000));
    assert_int_equal(frame.op, WIRE_OP_GET_DATA);
    peer_reply_data(&peer, frame.xid, 50, "y2", &stat_of_node);
    assert_string_equal(read_x.data, "x2");
    assert_string_equal(read_y.data, "y2");
    assert_int_equal(read_y.calls, 1);
    assert_int_equal(y.count, 1);
}

/* F-38 */
static void test_a_notification_does_not_move_the_last_zxid(void **state)
{
    (void)state;
    start_online(1);
    static struct told x, y;
    get_with_watch("/x", 10, &x);
    get_with_watch("/y", 10, &y);
    struct wire_out body = { 0 };
    struct wire_watcher_event event = { WIRE_EVENT_DATA_CHANGED, WIRE_STATE_SYNC_CONNECTED, docent_wire_string("/x") };
    docent_wire_put_watcher_event(&body, &event);
    peer_reply(&peer, WIRE_XID_NOTIFICATION, 20, 0, body.data, body.size); /* As from 3.9; that of y is still on its way. */
    docent_wire_out_free(&body);
    assert_int_equal(x.count, 1);
    assert_int_equal(x.last.zxid, 20);
    cut_and_heal();
    struct wire_set_watches_request request = expect_restored();
    assert_int_equal(request.relative_zxid, 10);
    assert_int_equal(request.data.count, 1);
    peer_notify(&peer, WIRE_EVENT_DATA_CHANGED, "/y");
    peer_reply(&peer, WIRE_XID_SET_WATCHES, 21, 0, NULL, 0);
    assert_int_equal(y.count, 1);
}

/* F-40 */
static void test_a_standing_watch_tells_of_the_gap_once_it_is_there_again(void **state)
{
    (void)state;
    start_online(1);
    static struct told told;
    (void)stand("/a", DOCENT_WATCH_PERSISTENT, &told);
    accept_standing();
    assert_int_equal(told.last.type, DOCENT_WATCH_ARMED);
    cut_and_heal();
    peer_expect(&peer, WIRE_OP_SET_WATCHES2, &frame);
    assert_int_equal(told.count, 1);
    peer_notify(&peer, WIRE_EVENT_DATA_CHANGED, "/a"); /* A change right behind the registration. */
    assert_int_equal(told.count, 2);
    peer_reply(&peer, WIRE_XID_SET_WATCHES, 20, 0, NULL, 0);
    assert_int_equal(told.count, 3);
    assert_int_equal(told.last.type, DOCENT_WATCH_RESET);
    peer_notify(&peer, WIRE_EVENT_DATA_CHANGED, "/a");
    assert_int_equal(told.count, 4);
    assert_int_equal(told.terminal, 0);
}

static void put_frame(struct wire_out *out, int32_t xid, int64_t zxid, const struct wire_out *body)
{
    size_t begin = docent_wire_frame_begin(out);
    struct wire_reply_header header = { xid, zxid, 0 };
    docent_wire_put_reply_header(out, &header);
    docent_wire_put_raw(out, body->data, body->size);
    docent_wire_frame_end(out, begin);
}

/* F-42 */
static void test_a_watch_is_there_from_its_reply_on_and_not_before(void **state)
{
    (void)state;
    start_online(1);
    for (size_t fragment = 0; fragment < 2; fragment++) {
        for (int early = 0; early < 2; early++) {
            static struct told told;
            memset(&told, 0, sizeof told);
            read_with_watch(docent_op_get("/a"), &told);
            peer_expect(&peer, WIRE_OP_GET_DATA, &frame);
            struct wire_out reply = { 0 }, event = { 0 }, both = { 0 };
            struct wire_data_response response = { docent_wire_string("v"), stat_of_node };
            docent_wire_put_data_response(&reply, &response);
            struct wire_watcher_event change = { WIRE_EVENT_DATA_CHANGED, WIRE_STATE_SYNC_CONNECTED, docent_wire_string("/a") };
            docent_wire_put_watcher_event(&event, &change);
            if (early) put_frame(&both, WIRE_XID_NOTIFICATION, -1, &event); /* Of an older watch. */
            put_frame(&both, frame.xid, 10, &reply);
            if (!early) put_frame(&both, WIRE_XID_NOTIFICATION, -1, &event); /* Right behind. */
            peer.fragment = fragment;
            peer_send(&peer, both.data, both.size);
            assert_int_equal(told.count, !early);
            if (early) {
                peer_notify(&peer, WIRE_EVENT_DATA_CHANGED, "/a");
                assert_int_equal(told.count, 1);
            }
            docent_wire_out_free(&reply);
            docent_wire_out_free(&event);
            docent_wire_out_free(&both);
        }
    }
    static struct told missing;
    memset(&missing, 0, sizeof missing);
    read_with_watch(docent_op_get("/b"), &missing); /* A get leaves none on a node that is not there: it ends with its read. */
    peer_expect(&peer, WIRE_OP_GET_DATA, &frame);
    peer_reply(&peer, frame.xid, 11, DOCENT_ERR_NO_NODE, NULL, 0);
    assert_int_equal(missing.terminal, 1);
    assert_int_equal(missing.last.status, DOCENT_ERR_NO_NODE);
}

/* F-43 */
static void test_ten_thousand_watches_that_came_and_went_leave_one(void **state)
{
    (void)state;
    start_online(1);
    static struct told told[2];
    size_t outstanding = 0;
    docent_watch *watch = NULL;
    for (int i = 0; i < 10000; i++) {
        docent_watch *before = watch;
        struct told *mine = &told[i % 2];
        memset(mine, 0, sizeof *mine);
        docent_op op = docent_op_get("/a");
        docent_call_options call = { DOCENT_CALL_OPTIONS, .watch = on_watch, .watch_user = mine, .ret_watch = &watch };
        assert_int_equal(docent_run_async(peer.client, &op, &call, NULL, NULL), DOCENT_OK);
        peer_expect(&peer, WIRE_OP_GET_DATA, &frame);
        peer_reply_data(&peer, frame.xid, 10, "v", &stat_of_node);
        docent_watch_cancel(before);
        peer_work(&peer);
        if (i == 100) outstanding = memory.outstanding;
    }
    assert_int_equal(memory.outstanding, outstanding);
    struct told *last = &told[1], *cancelled = &told[0];
    assert_int_equal(cancelled->terminal, 1);
    assert_int_equal(last->count, 0);
    cut_and_heal();
    assert_int_equal(expect_restored().data.count, 1);
    peer_notify(&peer, WIRE_EVENT_DATA_CHANGED, "/a");
    assert_int_equal(last->count, 1);
}

/* F-45 */
static void test_a_lost_connection_is_not_told_through_watches(void **state)
{
    (void)state;
    start_online(1);
    static struct told told;
    get_with_watch("/a", 10, &told);
    for (int i = 0; i < 3; i++) {
        size_t before = peer.state_count;
        cut_and_heal();
        peer_expect(&peer, WIRE_OP_SET_WATCHES, &frame);
        peer_reply(&peer, WIRE_XID_SET_WATCHES, 12, 0, NULL, 0);
        assert_int_equal(peer.state_count, before + 2); /* The application is told otherwise. */
        assert_int_equal(told.count, 0);
    }
    peer_notify(&peer, WIRE_EVENT_DATA_CHANGED, "/a");
    assert_int_equal(told.count, 1);
    assert_int_equal(told.terminal, 1);
}

/* F-46 */
static void test_every_watch_is_told_its_end_in_whatever_state_the_client_closes(void **state)
{
    (void)state;
    enum { CONNECTED, SUSPENDED, RESTORING, LOST, NEVER, CASES };
    for (int in = 0; in < CASES; in++) {
        static struct told told[4];
        memset(told, 0, sizeof told);
        if (in == NEVER) {
            start_at(1);
        } else {
            start_online(1);
            get_with_watch("/a", 10, &told[0]);
            read_with_watch(docent_op_children("/a"), &told[1]);
            peer_expect(&peer, WIRE_OP_GET_CHILDREN2, &frame);
            struct wire_out out = { 0 };
            docent_wire_put_int(&out, 0);
            docent_wire_put_stat(&out, stat_of_node);
            peer_reply(&peer, frame.xid, 10, 0, out.data, out.size);
            docent_wire_out_free(&out);
        }
        (void)stand("/b", DOCENT_WATCH_PERSISTENT, &told[2]);
        if (in != NEVER) accept_standing();
        (void)stand("/c", DOCENT_WATCH_RECURSIVE, &told[3]);
        if (in != CONNECTED && in != NEVER) peer_cut(&peer);
        if (in == RESTORING) come_back(77);
        if (in == LOST) {
            peer.manual = true;
            peer_pass(&peer, 60000);
            assert_int_equal(docent_client_state(peer.client), DOCENT_LOST);
        }
        peer_stop(&peer);
        for (int i = in == NEVER ? 2 : 0; i < 4; i++) assert_int_equal(told[i].terminal, 1);
        assert_int_equal(memory.outstanding, 0);
    }
    start_online(1); /* For stop(). */
}

/* F-48 */
static void test_a_standing_watch_that_is_refused_is_not_asked_for_in_a_loop(void **state)
{
    (void)state;
    static const docent_status refusals[] = { DOCENT_ERR_THROTTLED, DOCENT_ERR_NO_AUTH, DOCENT_ERR_OPERATION_TIMEOUT };
    start_online(1);
    for (size_t i = 0; i < 3; i++) {
        static struct told told;
        (void)stand("/a", DOCENT_WATCH_PERSISTENT, &told);
        unsigned asked = 0;
        uint64_t end = peer.now + 3600000;
        while (peer.now < end && asked < 10000) {
            if (!next_within(end - peer.now)) break;
            asked += frame.op == WIRE_OP_ADD_WATCH;
            peer_reply(&peer, frame.xid, 10, refusals[i], NULL, 0);
        }
        assert_in_range(asked, 1, 200);
        if (told.terminal == 0) assert_true(asked > 50); /* Either it says that it gave up, or it goes on. */
        if (told.terminal == 1) assert_int_equal(told.last.status, refusals[i]);
    }
}

/* F-49 */
static void test_a_lost_connection_leads_to_no_reads(void **state)
{
    (void)state;
    start_online(1);
    static struct told told[3];
    get_with_watch("/a", 10, &told[0]);
    (void)stand("/b", DOCENT_WATCH_PERSISTENT, &told[1]);
    accept_standing();
    (void)stand("/c", DOCENT_WATCH_RECURSIVE, &told[2]);
    accept_standing();
    cut_and_heal();
    peer_expect(&peer, WIRE_OP_SET_WATCHES2, &frame);
    peer_reply(&peer, WIRE_XID_SET_WATCHES, 12, 0, NULL, 0);
    assert_false(next_within(60000));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, stop)
    const struct CMUnitTest tests[] = {
        TEST(test_the_clean_up_of_a_lost_create_survives_fifty_losses),
        TEST(test_a_transaction_that_was_not_answered_has_one_outcome_and_no_parts),
        TEST(test_what_an_old_session_has_to_tell_is_not_heard_in_the_next),
        TEST(test_a_server_that_lags_is_passed_over_without_a_pause),
        TEST(test_calls_before_the_first_session_end_at_their_deadlines),
        TEST(test_a_slow_callback_costs_the_connection_at_most),
        TEST(test_a_gap_in_time_is_lost_before_anything_else_is_heard),
        TEST(test_watches_come_and_go_while_they_are_restored),
        TEST(test_a_cut_between_the_parts_of_what_is_restored_begins_all_anew),
        TEST(test_a_read_that_follows_a_watch_is_repeated_although_the_watch_is_used_up),
        TEST(test_a_notification_does_not_move_the_last_zxid),
        TEST(test_a_standing_watch_tells_of_the_gap_once_it_is_there_again),
        TEST(test_a_watch_is_there_from_its_reply_on_and_not_before),
        TEST(test_ten_thousand_watches_that_came_and_went_leave_one),
        TEST(test_a_lost_connection_is_not_told_through_watches),
        TEST(test_every_watch_is_told_its_end_in_whatever_state_the_client_closes),
        TEST(test_a_standing_watch_that_is_refused_is_not_asked_for_in_a_loop),
        TEST(test_a_lost_connection_leads_to_no_reads),
    };
    return cmocka_run_group_tests_name("failures", tests, NULL, NULL);
}
