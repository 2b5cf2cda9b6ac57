/* tests/unit/test_failures_wire.c - what other clients have not borne from a server: frames in any pieces, codes that nobody knows, replies
 * in the wrong order; and memory that is not there. As in test_failures.c, the comment above a test has the failure's number. */
#include "unit.h"

#include <docent/batch.h>
#include <docent/docent.h>
#include <docent/txn.h>
#include <docent/view.h>

#include "core/client/internal.h"
#include "tests/lib/test_alloc.h"
#include "tests/unit/peer.h"

static struct peer peer;
static struct peer_frame frame;
static struct test_alloc memory;
static const docent_stat stat_of_node = { .czxid = 5, .mzxid = 5, .version = 3 };

static void with_memory(docent_client_options *options)
{
    options->allocator = &memory.allocator;
}

static void start_online(void)
{
    test_alloc_init(&memory, 0);
    peer_start(&peer, 1, 6000, with_memory);
    peer_online(&peer, 77, 6000);
}

static int stop(void **state)
{
    (void)state;
    peer_stop(&peer);
    assert_int_equal(memory.outstanding, 0);
    return 0;
}

/* ---- F-126: frames split and merged. ---- */

/* A reply, two notifications and another reply, one behind the other; @replies are to the requests before. */
static void put_frame(struct wire_out *out, int32_t xid, int64_t zxid, int32_t err)
{
    struct wire_reply_header header = { xid, zxid, err };
    docent_wire_put_reply_header(out, &header);
}

static void put_stream(struct wire_out *out, const int32_t xids[2])
{
    size_t begin = docent_wire_frame_begin(out);
    put_frame(out, xids[0], 10, 0);
    docent_wire_put_buffer(out, docent_wire_buffer("hello", 5));
    docent_wire_put_stat(out, stat_of_node);
    docent_wire_frame_end(out, begin);
    for (int i = 0; i < 2; i++) {
        begin = docent_wire_frame_begin(out);
        put_frame(out, -1, -1, 0);
        docent_wire_put_int(out, WIRE_EVENT_DATA_CHANGED);
        docent_wire_put_int(out, 3);
        docent_wire_put_string(out, docent_wire_string(i == 0 ? "/a" : "/not-watched"));
        docent_wire_frame_end(out, begin);
    }
    begin = docent_wire_frame_begin(out);
    put_frame(out, xids[1], 11, DOCENT_ERR_NO_NODE);
    docent_wire_frame_end(out, begin);
}

static void on_event(const docent_watch_event *event, void *user)
{
    if (event->type == DOCENT_WATCH_DATA_CHANGED) ++*(unsigned *)user;
}

/* F-126: the same bytes in pieces of every size, and all at once. */
static void test_frames_may_come_in_any_pieces(void **state)
{
    (void)state;
    start_online();
    for (size_t fragment = 0; fragment < 260; fragment++) {
        static struct outcome got, missed;
        static unsigned events;
        got = missed = (struct outcome){ 0 };
        events = 0;
        docent_call_options call = { DOCENT_CALL_OPTIONS, .watch = on_event, .watch_user = &events };
        docent_op get = docent_op_get("/a");
        int32_t xids[2];
        assert_int_equal(docent_run_async(peer.client, &get, &call, outcome_tell, &got), DOCENT_OK);
        assert_int_equal(docent_get_async(peer.client, "/b", outcome_tell, &missed), DOCENT_OK);
        for (int i = 0; i < 2; i++) {
            peer_expect(&peer, WIRE_OP_GET_DATA, &frame);
            xids[i] = frame.xid;
        }
        struct wire_out out = { 0 };
        put_stream(&out, xids);
        peer.fragment = fragment;
        peer_send(&peer, out.data, out.size);
        docent_wire_out_free(&out);
        assert_int_equal(got.calls, 1);
        assert_string_equal(got.data, "hello");
        assert_int_equal(events, 1);
        assert_int_equal(missed.calls, 1);
        assert_int_equal(missed.status, DOCENT_ERR_NO_NODE);
    }
}

/* ---- F-131: codes and types that nobody knows. ---- */

/* F-131: an error that we have no name for is told as it is. */
static void test_every_error_code_passes_through(void **state)
{
    (void)state;
    start_online();
    static const docent_retry once = { DOCENT_RETRY, .tries_max = 1 };
    docent_call_options call = { DOCENT_CALL_OPTIONS, .retry = &once };
    docent_op get = docent_op_get("/a");
    for (int32_t code = -128; code <= 127; code++) {
        if (code == 0 || docent_retry_allows(NULL, (docent_status)code) || code == DOCENT_ERR_SESSION_EXPIRED ||
            code == DOCENT_ERR_SESSION_MOVED || code == DOCENT_ERR_AUTH_FAILED || code == DOCENT_ERR_CONNECTION_LOSS) {
            continue; /* Those have a meaning, which others test. */
        }
        static struct outcome outcome;
        outcome = (struct outcome){ 0 };
        assert_int_equal(docent_run_async(peer.client, &get, &call, outcome_tell, &outcome), DOCENT_OK);
        peer_expect(&peer, WIRE_OP_GET_DATA, &frame);
        peer_reply(&peer, frame.xid, 10, code, NULL, 0);
        assert_int_equal(outcome.calls, 1);
        assert_int_equal(outcome.status, code);
        assert_true(strlen(docent_status_name((docent_status)code)) > 0);
        assert_int_equal(docent_client_state(peer.client), DOCENT_CONNECTED);
    }
}

/* F-131: events of types that nobody knows, and of states, are no reason to drop a connection. */
static void test_every_event_type_is_borne(void **state)
{
    (void)state;
    start_online();
    static unsigned events;
    events = 0;
    docent_call_options call = { DOCENT_CALL_OPTIONS, .watch = on_event, .watch_user = &events };
    docent_op get = docent_op_get("/a");
    static struct outcome outcome;
    outcome = (struct outcome){ 0 };
    assert_int_equal(docent_run_async(peer.client, &get, &call, outcome_tell, &outcome), DOCENT_OK);
    peer_expect(&peer, WIRE_OP_GET_DATA, &frame);
    peer_reply_data(&peer, frame.xid, 10, "x", &stat_of_node);
    uint32_t serial = peer.link.serial;
    for (int32_t type = -1; type <= 255; type++) {
        bool known = type == WIRE_EVENT_DATA_CHANGED || type == WIRE_EVENT_DELETED || type == WIRE_EVENT_CREATED;
        if (!known) peer_notify(&peer, type, "/a");
    }
    assert_int_equal(peer.link.serial, serial);
    assert_int_equal(events, 0);
    peer_notify(&peer, WIRE_EVENT_DATA_CHANGED, "/a");
    assert_int_equal(events, 1);
}

/* ---- F-132: replies out of order. ---- */

/* F-132: two replies that changed places cost the connection; what was written is then unknown, and reads are made again. */
static void test_swapped_replies_are_believed_by_nobody(void **state)
{
    (void)state;
    start_online();
    static struct outcome sequential, get;
    sequential = get = (struct outcome){ 0 };
    assert_int_equal(docent_create_async(peer.client, "/q-", NULL, 0, DOCENT_PERSISTENT_SEQUENTIAL, outcome_tell, &sequential), DOCENT_OK);
    assert_int_equal(docent_get_async(peer.client, "/a", outcome_tell, &get), DOCENT_OK);
    peer_expect(&peer, WIRE_OP_CREATE, &frame);
    peer_expect(&peer, WIRE_OP_GET_DATA, &frame);
    uint32_t serial = peer.link.serial;
    peer_reply_data(&peer, frame.xid, 10, "hello", &stat_of_node);
    assert_int_not_equal(peer.link.serial, serial);
    assert_int_equal(sequential.calls, 1);
    assert_int_equal(sequential.status, DOCENT_ERR_UNKNOWN_OUTCOME);
    assert_int_equal(get.calls, 0);
    peer_pass(&peer, 1000);
    peer_online(&peer, 77, 6000);
    peer_pass(&peer, 1000);
    peer_expect(&peer, WIRE_OP_GET_DATA, &frame);
    peer_reply_data(&peer, frame.xid, 10, "hello", &stat_of_node);
    assert_int_equal(get.calls, 1);
    assert_string_equal(get.data, "hello");
}

/* ---- F-129: what is too large. ---- */

static void with_little_patience(docent_client_options *options)
{
    static const docent_retry thrice = { DOCENT_RETRY, .base_ms = 1, .max_ms = 1, .tries_max = 3 };
    with_memory(options);
    options->retry = &thrice;
}

/* F-129: a server that closes instead of answering is not asked for ever. */
static void test_a_request_that_costs_every_connection_is_given_up(void **state)
{
    (void)state;
    test_alloc_init(&memory, 0);
    peer_start(&peer, 1, 6000, with_little_patience);
    static struct outcome outcome;
    outcome = (struct outcome){ 0 };
    unsigned sent = 0;
    peer_online(&peer, 77, 6000);
    assert_int_equal(docent_get_async(peer.client, "/large", outcome_tell, &outcome), DOCENT_OK);
    while (outcome.calls == 0) {
        peer_expect(&peer, WIRE_OP_GET_DATA, &frame);
        sent++;
        peer_send(&peer, (const uint8_t[]){ 0xff, 0, 0, 0 }, 4); /* Less than nothing follows. */
        if (outcome.calls == 0) {
            peer_pass(&peer, 1000);
            peer_online(&peer, 77, 6000);
            peer_pass(&peer, 10);
        }
    }
    assert_int_equal(sent, 3);
    assert_int_equal(outcome.calls, 1);
    assert_int_equal(outcome.status, DOCENT_ERR_CONNECTION_LOSS);
}

/* ---- F-142: memory that is not there. ---- */

static docent_status begin_txn(void)
{
    docent_client *view;
    docent_view_options options = { DOCENT_VIEW_OPTIONS, .compression = DOCENT_COMPRESSION_ON };
    docent_status status = docent_client_view(peer.client, "/v", &options, &view);
    if (status != DOCENT_OK) return status;
    docent_txn *txn;
    status = docent_txn_new(view, &txn);
    docent_view_release(view);
    if (status != DOCENT_OK) return status;
    docent_hold *hold = NULL;
    status = docent_hold_new(peer.client, "/l", 7, docent_client_generation(peer.client), &hold);
    if (status == DOCENT_OK) {
        docent_txn_guard(txn, hold);
        docent_txn_create(txn, "/a/b", "x", 1, DOCENT_PERSISTENT);
        docent_txn_set(txn, "/c", "y", 1, 3);
        docent_txn_options parents = { DOCENT_TXN_OPTIONS, .parents = DOCENT_PARENTS_CONTAINER };
        status = docent_txn_commit_async(txn, &parents, NULL, NULL);
    }
    docent_hold_unref(hold);
    docent_txn_free(txn);
    return status;
}

static docent_status begin_batch(void)
{
    docent_op reads[] = { docent_op_get("/a"), docent_op_children("/b") };
    return docent_batch_read_async(peer.client, reads, 2, NULL, NULL, NULL);
}

/* F-142: whichever allocation fails, the call is refused and sends nothing; stop() sees that nothing is left. */
static void test_without_memory_nothing_is_begun(void **state)
{
    (void)state;
    docent_status (*const calls[])(void) = { begin_txn, begin_batch };
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        size_t failures = 0;
        for (docent_status status = DOCENT_ERR_NO_MEMORY; status != DOCENT_OK; failures++) {
            start_online();
            memory.fail_at = memory.calls + failures + 1;
            status = calls[i]();
            memory.fail_at = 0;
            if (status != DOCENT_OK) {
                assert_int_equal(status, DOCENT_ERR_NO_MEMORY);
                peer_work(&peer);
                assert_false(peer_take(&peer, &frame));
            }
            stop(NULL);
        }
        assert_true(failures > 3);
    }
    start_online(); /* For the end of the test. */
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, stop)
    const struct CMUnitTest tests[] = {
        TEST(test_frames_may_come_in_any_pieces),
        TEST(test_every_error_code_passes_through),
        TEST(test_every_event_type_is_borne),
        TEST(test_swapped_replies_are_believed_by_nobody),
        TEST(test_a_request_that_costs_every_connection_is_given_up),
        TEST(test_without_memory_nothing_is_begun),
    };
    return cmocka_run_group_tests_name("failures-wire", tests, NULL, NULL);
}
