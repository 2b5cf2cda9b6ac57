/* tests/unit/test_session.c - the session and the client's calls, against a peer that the test speaks for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lib/test_alloc.h"
#include "tests/unit/peer.h"

static struct peer peer;
static struct peer_frame frame;
static const docent_stat old_stat = { .czxid = 5, .mzxid = 5, .version = 3 };

/* Outlives the test's function: what is not answered in it is answered when the client closes. */
static struct outcome *outcome_new(void)
{
    static struct outcome outcomes[64];
    static size_t next;
    struct outcome *outcome = &outcomes[next++ % 64];
    memset(outcome, 0, sizeof *outcome);
    return outcome;
}

static int stop(void **state)
{
    (void)state;
    peer_stop(&peer);
    return 0;
}

static void start_online(size_t servers)
{
    peer_start(&peer, servers, 6000, NULL);
    peer_online(&peer, 77, 6000);
    assert_int_equal(docent_client_state(peer.client), DOCENT_CONNECTED);
}

static void test_handshake_asks_for_a_new_session(void **state)
{
    (void)state;
    peer_start(&peer, 1, 6000, NULL);
    struct wire_connect_request request = peer_expect_connect(&peer);
    assert_int_equal(request.session_id, 0);
    assert_int_equal(request.timeout_ms, 6000);
    assert_int_equal(request.password.size, 16);
    peer_accept(&peer, 77, 4000);
    assert_int_equal(docent_client_session_timeout_ms(peer.client), 4000);
    assert_int_equal(docent_client_session(peer.client, NULL), 77);
}

/* F-126 */
static void test_get_is_answered_in_pieces_of_any_size(void **state)
{
    (void)state;
    start_online(1);
    for (size_t fragment = 0; fragment < 40; fragment++) {
        struct outcome *outcome = outcome_new();
        peer.fragment = fragment;
        assert_int_equal(docent_get_async(peer.client, "/a", outcome_tell, outcome), DOCENT_OK);
        peer_expect(&peer, WIRE_OP_GET_DATA, &frame);
        peer_reply_data(&peer, frame.xid, 10, "hello", &old_stat);
        assert_int_equal(outcome->calls, 1);
        assert_int_equal(outcome->status, DOCENT_OK);
        assert_string_equal(outcome->data, "hello");
    }
}

/* F-132 */
static void test_reply_to_nobody_costs_the_connection(void **state)
{
    (void)state;
    start_online(1);
    struct outcome *outcome = outcome_new();
    assert_int_equal(docent_get_async(peer.client, "/a", outcome_tell, outcome), DOCENT_OK);
    peer_expect(&peer, WIRE_OP_GET_DATA, &frame);
    peer_reply_data(&peer, frame.xid + 1, 10, "hello", &old_stat);
    assert_int_equal(docent_client_state(peer.client), DOCENT_SUSPENDED);
    assert_int_equal(outcome->calls, 0);
}

static void test_retry_goes_to_the_other_server_at_once(void **state)
{
    (void)state;
    start_online(2);
    peer_pass(&peer, 1000);
    struct docent_address first = peer.link.address;
    peer_cut(&peer);
    assert_true(peer.link.wanted);
    assert_false(docent_address_equal(&first, &peer.link.address));
    struct wire_connect_request request = peer_expect_connect(&peer);
    assert_int_equal(request.session_id, 77);
}

static void test_f24_ping_goes_out_and_its_silence_costs_the_connection(void **state)
{
    (void)state;
    start_online(1);
    peer_pass(&peer, 2000);
    assert_true(peer_take(&peer, &frame));
    assert_int_equal(frame.op, WIRE_OP_PING);
    assert_int_equal(frame.xid, WIRE_XID_PING);
    uint32_t serial = peer.link.serial;
    peer_pass(&peer, 2000);
    assert_int_not_equal(peer.link.serial, serial);
    assert_int_equal(docent_client_state(peer.client), DOCENT_SUSPENDED);
}

/* F-14 */
static void test_session_is_lost_by_our_own_clock_and_settled_before_the_next(void **state)
{
    (void)state;
    start_online(1);
    peer.manual = true;
    peer_cut(&peer);
    peer_pass(&peer, 5900);
    assert_int_equal(docent_client_state(peer.client), DOCENT_SUSPENDED);
    peer_pass(&peer, 200);
    assert_int_equal(docent_client_state(peer.client), DOCENT_LOST);
    assert_int_equal(peer.states[peer.state_count - 1], DOCENT_LOST);

    peer.manual = false;
    peer.link.serial--;
    peer_pass(&peer, 6000);
    struct wire_connect_request request = peer_expect_connect(&peer);
    assert_int_equal(request.session_id, 77);
    peer_accept(&peer, 77, 6000); /* It was alive after all. */
    peer_expect(&peer, WIRE_OP_CLOSE_SESSION, &frame);
    peer_reply(&peer, frame.xid, 20, 0, NULL, 0);
    request = peer_expect_connect(&peer);
    assert_int_equal(request.session_id, 0);
    peer_accept(&peer, 78, 6000);
    assert_int_equal(docent_client_state(peer.client), DOCENT_CONNECTED);
    assert_int_equal(peer.last_event.generation, 2);
    assert_true(peer.last_event.new_session);
}

static void test_expired_session_is_replaced(void **state)
{
    (void)state;
    start_online(1);
    peer_cut(&peer);
    peer_pass(&peer, 200);
    peer_expect_connect(&peer);
    peer_accept(&peer, 0, 0);
    struct wire_connect_request request = peer_expect_connect(&peer);
    assert_int_equal(request.session_id, 0);
    assert_int_equal(docent_client_state(peer.client), DOCENT_LOST);
}

static void test_heartbeat_is_a_sync_while_something_is_held(void **state)
{
    (void)state;
    start_online(1);
    docent_client_hold_begins(peer.client);
    for (int64_t beat = 1; beat <= 3; beat++) {
        peer_pass(&peer, 1000);
        peer_expect(&peer, WIRE_OP_SYNC, &frame);
        assert_int_equal(docent_client_lease_ms(peer.client), beat < 3 ? 6000 - beat * 1000 : 3000); /* From the handshake. */
        peer_reply_path(&peer, frame.xid, 10 + beat, "/");
    }
    assert_int_equal(docent_client_lease_ms(peer.client), 4000); /* From the first beat. */

    /* Answers to reads do not prolong it: a server that is cut off from its leader gives them too. */
    uint64_t lease = docent_client_lease_ms(peer.client);
    peer_pass(&peer, 100);
    struct outcome *outcome = outcome_new();
    assert_int_equal(docent_get_async(peer.client, "/a", outcome_tell, outcome), DOCENT_OK);
    peer_expect(&peer, WIRE_OP_GET_DATA, &frame);
    peer_reply_data(&peer, frame.xid, 12, "v", &old_stat);
    assert_int_equal(outcome->calls, 1);
    assert_int_equal(docent_client_lease_ms(peer.client), lease - 100);
    peer_pass(&peer, 4000);
    assert_int_equal(docent_client_lease_ms(peer.client), 0);
    assert_int_equal(docent_client_state(peer.client), DOCENT_LOST);
    docent_client_hold_ends(peer.client);
}

/* What a server answers by itself says nothing about its leader. */
static void test_a_refusal_does_not_prolong_a_strict_lease(void **state)
{
    (void)state;
    start_online(1);
    docent_client_hold_begins(peer.client);
    peer_pass(&peer, 900);
    assert_int_equal(docent_set_async(peer.client, "/a", "v", 1, 3, NULL, NULL), DOCENT_OK);
    peer_expect(&peer, WIRE_OP_SET_DATA, &frame);
    peer_reply(&peer, frame.xid, 12, DOCENT_ERR_NOT_READ_ONLY, NULL, 0);
    assert_int_equal(docent_client_lease_ms(peer.client), 5100);
    for (int i = 0; i < 2; i++) { /* Nor does it stand in for a heartbeat. */
        peer_pass(&peer, i == 0 ? 100 : 1000);
        peer_expect(&peer, WIRE_OP_SYNC, &frame);
        peer_reply(&peer, frame.xid, 12, DOCENT_ERR_THROTTLED, NULL, 0);
    }
    peer_pass(&peer, 450);
    assert_int_equal(docent_client_lease_ms(peer.client), 6000 - 2450);

    /* That a version does not match, the leader says. It has heard of what was refused a quarter of the time-out before. */
    assert_int_equal(docent_set_async(peer.client, "/a", "v", 1, 3, NULL, NULL), DOCENT_OK);
    peer_expect(&peer, WIRE_OP_SET_DATA, &frame);
    peer_reply(&peer, frame.xid, 12, DOCENT_ERR_BAD_VERSION, NULL, 0);
    assert_int_equal(docent_client_lease_ms(peer.client), 900 + 6000 - 2450);
    docent_client_hold_ends(peer.client);
}

static void reconnect(void)
{
    peer_cut(&peer);
    peer_pass(&peer, 200);
    peer_online(&peer, 77, 6000);
    peer_pass(&peer, 200);
}

/* F-09 */
static void test_lost_create_is_found_out(void **state)
{
    (void)state;
    start_online(1);
    struct outcome *outcome = outcome_new();
    assert_int_equal(docent_create_async(peer.client, "/e", "x", 1, DOCENT_EPHEMERAL, outcome_tell, outcome), DOCENT_OK);
    peer_expect(&peer, WIRE_OP_CREATE, &frame);
    reconnect();
    peer_expect(&peer, WIRE_OP_CREATE, &frame);
    peer_reply(&peer, frame.xid, 31, DOCENT_ERR_NODE_EXISTS, NULL, 0);
    peer_expect(&peer, WIRE_OP_SYNC, &frame);
    peer_reply_path(&peer, frame.xid, 31, "/e");
    peer_expect(&peer, WIRE_OP_GET_DATA, &frame);
    assert_int_equal(outcome->calls, 0);
    docent_stat ours = { .czxid = 30, .mzxid = 30, .ephemeral_owner = 77 };
    peer_reply_data(&peer, frame.xid, 31, "x", &ours);
    assert_int_equal(outcome->calls, 1);
    assert_int_equal(outcome->status, DOCENT_OK);
    assert_int_equal(outcome->attempts, 2);
}

/* F-09. Such a look may come from a server that has not applied the create: it would tell that there is another's node, or none. */
static void test_what_is_looked_at_without_its_sync_tells_nothing(void **state)
{
    (void)state;
    start_online(1);
    struct outcome *outcome = outcome_new();
    assert_int_equal(docent_create_async(peer.client, "/e", "x", 1, DOCENT_EPHEMERAL, outcome_tell, outcome), DOCENT_OK);
    peer_expect(&peer, WIRE_OP_CREATE, &frame);
    reconnect();
    docent_stat another = { .czxid = 3, .mzxid = 3, .ephemeral_owner = 78 }, ours = { .czxid = 30, .mzxid = 30, .ephemeral_owner = 77 };
    for (int i = 0; i < 2; i++) {
        peer_pass(&peer, 1000);
        peer_expect(&peer, WIRE_OP_CREATE, &frame);
        peer_reply(&peer, frame.xid, 31, DOCENT_ERR_NODE_EXISTS, NULL, 0);
        peer_expect(&peer, WIRE_OP_SYNC, &frame);
        peer_reply(&peer, frame.xid, 31, i == 0 ? DOCENT_ERR_THROTTLED : 0, NULL, 0);
        peer_expect(&peer, WIRE_OP_GET_DATA, &frame);
        assert_int_equal(outcome->calls, 0);
        peer_reply_data(&peer, frame.xid, 31, "x", i == 0 ? &another : &ours);
    }
    assert_int_equal(outcome->calls, 1);
    assert_int_equal(outcome->status, DOCENT_OK);
    assert_int_equal(outcome->attempts, 3);
}

static void test_lost_create_of_a_node_that_may_be_anybodys_is_unknown(void **state)
{
    (void)state;
    start_online(1);
    struct outcome *outcome = outcome_new();
    assert_int_equal(docent_create_async(peer.client, "/p", "x", 1, DOCENT_PERSISTENT, outcome_tell, outcome), DOCENT_OK);
    peer_expect(&peer, WIRE_OP_CREATE, &frame);
    reconnect();
    peer_expect(&peer, WIRE_OP_CREATE, &frame);
    peer_reply(&peer, frame.xid, 31, DOCENT_ERR_NODE_EXISTS, NULL, 0);
    peer_expect(&peer, WIRE_OP_SYNC, &frame);
    peer_reply_path(&peer, frame.xid, 31, "/p");
    peer_expect(&peer, WIRE_OP_GET_DATA, &frame);
    docent_stat anybodys = { .czxid = 30, .mzxid = 30 };
    peer_reply_data(&peer, frame.xid, 31, "x", &anybodys);
    assert_int_equal(outcome->status, DOCENT_ERR_UNKNOWN_OUTCOME);
}

static void test_lost_sequential_create_is_unknown_and_not_repeated(void **state)
{
    (void)state;
    start_online(1);
    struct outcome *outcome = outcome_new();
    assert_int_equal(docent_create_async(peer.client, "/s-", NULL, 0, DOCENT_PERSISTENT_SEQUENTIAL, outcome_tell, outcome), DOCENT_OK);
    peer_expect(&peer, WIRE_OP_CREATE, &frame);
    reconnect();
    assert_int_equal(outcome->status, DOCENT_ERR_UNKNOWN_OUTCOME);
    assert_false(peer_take(&peer, &frame));
}

/* F-08, F-10 */
static void test_lost_conditional_set_that_lost_to_another_is_a_conflict(void **state)
{
    (void)state;
    start_online(1);
    struct outcome *outcome = outcome_new();
    assert_int_equal(docent_set_async(peer.client, "/p", "mine", 4, 3, outcome_tell, outcome), DOCENT_OK);
    peer_expect(&peer, WIRE_OP_SET_DATA, &frame);
    reconnect();
    peer_expect(&peer, WIRE_OP_SET_DATA, &frame);
    peer_reply(&peer, frame.xid, 31, DOCENT_ERR_BAD_VERSION, NULL, 0);
    peer_expect(&peer, WIRE_OP_SYNC, &frame);
    peer_reply_path(&peer, frame.xid, 31, "/p");
    peer_expect(&peer, WIRE_OP_GET_DATA, &frame);
    docent_stat others = { .czxid = 0, .mzxid = 30, .version = 4 };
    peer_reply_data(&peer, frame.xid, 31, "theirs", &others);
    assert_int_equal(outcome->status, DOCENT_ERR_BAD_VERSION);
}

/* Two operations, of which the second failed. */
static void reply_multi_failure(int32_t xid, int64_t zxid, int32_t err)
{
    struct wire_out out = { 0 };
    for (int i = 0; i < 3; i++) {
        struct wire_multi_header header = { WIRE_OP_ERROR, i == 2, i == 1 ? err : 0 };
        docent_wire_put_multi_header(&out, &header);
        if (i < 2) docent_wire_put_int(&out, header.err);
    }
    peer_reply(&peer, xid, zxid, DOCENT_OK, out.data, out.size);
    docent_wire_out_free(&out);
}

static struct outcome *multi_lost_once(void)
{
    start_online(1);
    struct outcome *outcome = outcome_new();
    docent_op ops[] = { docent_op_set("/p", "any", 3, DOCENT_ANY_VERSION), docent_op_set("/q", "mine", 4, 3) };
    assert_int_equal(docent_multi_async(peer.client, ops, 2, outcome_tell, outcome), DOCENT_OK);
    peer_expect(&peer, WIRE_OP_MULTI, &frame);
    reconnect();
    peer_expect(&peer, WIRE_OP_MULTI, &frame);
    reply_multi_failure(frame.xid, 31, DOCENT_ERR_BAD_VERSION);
    peer_expect(&peer, WIRE_OP_SYNC, &frame);
    peer_reply_path(&peer, frame.xid, 31, "/q"); /* Of the operation that failed. */
    peer_expect(&peer, WIRE_OP_GET_DATA, &frame);
    return outcome;
}

static void test_lost_transaction_that_lost_to_another_is_a_conflict(void **state)
{
    (void)state;
    struct outcome *outcome = multi_lost_once();
    docent_stat others = { .czxid = 0, .mzxid = 30, .version = 4 };
    peer_reply_data(&peer, frame.xid, 31, "theirs", &others);
    assert_int_equal(outcome->status, DOCENT_ERR_BAD_VERSION);
}

static void test_lost_transaction_that_may_have_been_applied_is_unknown(void **state)
{
    (void)state;
    struct outcome *outcome = multi_lost_once();
    docent_stat anybodys = { .czxid = 0, .mzxid = 30, .version = 4 };
    peer_reply_data(&peer, frame.xid, 31, "mine", &anybodys);
    assert_int_equal(outcome->status, DOCENT_ERR_UNKNOWN_OUTCOME);
}

static void test_call_not_sent_waits_and_counts_no_attempt(void **state)
{
    (void)state;
    start_online(1);
    peer_pass(&peer, 1000);
    peer_cut(&peer);
    struct outcome *outcome = outcome_new();
    assert_int_equal(docent_get_async(peer.client, "/a", outcome_tell, outcome), DOCENT_OK);
    peer_pass(&peer, 200);
    peer_online(&peer, 77, 6000);
    peer_expect(&peer, WIRE_OP_GET_DATA, &frame);
    peer_reply_data(&peer, frame.xid, 10, "v", &old_stat);
    assert_int_equal(outcome->status, DOCENT_OK);
    assert_int_equal(outcome->attempts, 1);
}

/* The server may lose its leader right after its answer, and before it passed on that we are alive: what it had got less than
 * a quarter of the time-out before is not certain to have arrived. */
static void test_lease_is_reckoned_from_what_the_leader_has_certainly_heard(void **state)
{
    (void)state;
    start_online(1);
    docent_client_hold_begins(peer.client);
    static const uint64_t at[] = { 900, 1000, 1900, 2399 };
    for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
        peer_pass(&peer, at[i] - (i == 0 ? 0 : at[i - 1]));
        struct outcome *outcome = outcome_new();
        assert_int_equal(docent_sync_async(peer.client, "/a", outcome_tell, outcome), DOCENT_OK);
        peer_expect(&peer, WIRE_OP_SYNC, &frame);
        peer_reply_path(&peer, frame.xid, 11, "/a");
        assert_int_equal(outcome->calls, 1);
        assert_int_equal(docent_client_lease_ms(peer.client), 6000 - at[i]);
    }
    peer_pass(&peer, 1);
    struct outcome *outcome = outcome_new();
    assert_int_equal(docent_sync_async(peer.client, "/a", outcome_tell, outcome), DOCENT_OK);
    peer_expect(&peer, WIRE_OP_SYNC, &frame);
    peer_reply_path(&peer, frame.xid, 12, "/a");
    assert_int_equal(docent_client_lease_ms(peer.client), 900 + 6000 - 2400);
    docent_client_hold_ends(peer.client);
}

/* F-19, F-30 */
static void test_deadline_holds_while_disconnected(void **state)
{
    (void)state;
    peer_start(&peer, 1, 6000, NULL);
    peer.manual = true;
    struct outcome *outcome = outcome_new();
    docent_op op = docent_op_get("/a");
    docent_call_options call = { DOCENT_CALL_OPTIONS, .timeout_ms = 500 };
    assert_int_equal(docent_run_async(peer.client, &op, &call, outcome_tell, outcome), DOCENT_OK);
    peer_pass(&peer, 499);
    assert_int_equal(outcome->calls, 0);
    peer_pass(&peer, 2);
    assert_int_equal(outcome->calls, 1);
    assert_int_equal(outcome->status, DOCENT_ERR_TIMEOUT);
}

static void test_f28_credentials_come_first_and_their_refusal_is_the_end(void **state)
{
    (void)state;
    peer_start(&peer, 1, 6000, NULL);
    assert_int_equal(docent_core_add_auth(peer.client, "digest", "u:p", 3), DOCENT_OK);
    struct outcome *outcome = outcome_new();
    assert_int_equal(docent_get_async(peer.client, "/a", outcome_tell, outcome), DOCENT_OK);
    peer_expect_connect(&peer);
    peer_accept(&peer, 77, 6000);
    peer_expect(&peer, WIRE_OP_AUTH, &frame);
    assert_false(peer_take(&peer, &frame)); /* Nothing overtakes it. */
    peer_reply(&peer, WIRE_XID_AUTH, 0, DOCENT_ERR_AUTH_FAILED, NULL, 0);
    assert_int_equal(outcome->status, DOCENT_ERR_AUTH_FAILED);
    assert_int_equal(docent_client_state(peer.client), DOCENT_CLOSED);
}

struct told {
    unsigned count;
    docent_watch_type types[8];
    bool last;
};

static void on_watch(const docent_watch_event *event, void *user)
{
    struct told *told = user;
    if (told->count < 8) told->types[told->count] = event->type;
    told->count++;
    told->last = event->last;
}

/* F-35 */
static void test_one_shot_watch_is_restored_before_anything_else(void **state)
{
    (void)state;
    start_online(1);
    struct outcome *outcome = outcome_new();
    static struct told told;
    memset(&told, 0, sizeof told);
    docent_op op = docent_op_exists("/a");
    docent_call_options call = { DOCENT_CALL_OPTIONS, .watch = on_watch, .watch_user = &told };
    assert_int_equal(docent_run_async(peer.client, &op, &call, outcome_tell, outcome), DOCENT_OK);
    peer_expect(&peer, WIRE_OP_EXISTS, &frame);
    assert_int_equal(frame.body[frame.size - 1], 1);
    peer_reply(&peer, frame.xid, 10, DOCENT_ERR_NO_NODE, NULL, 0);
    peer_pass(&peer, 500);
    peer_cut(&peer);
    struct outcome *later = outcome_new();
    assert_int_equal(docent_get_async(peer.client, "/b", outcome_tell, later), DOCENT_OK);
    peer_pass(&peer, 200);
    peer_online(&peer, 77, 6000);
    peer_expect(&peer, WIRE_OP_SET_WATCHES, &frame);
    assert_int_equal(frame.xid, WIRE_XID_SET_WATCHES);
    struct wire_in in = docent_wire_in(frame.body, frame.size);
    struct wire_set_watches_request request;
    assert_true(docent_wire_get_set_watches_request(&in, &request));
    assert_int_equal(request.relative_zxid, 10);
    assert_int_equal(request.exist.count, 1);
    assert_int_equal(request.data.count, 0);
    assert_false(peer_take(&peer, &frame));
    peer_notify(&peer, WIRE_EVENT_CREATED, "/a");
    peer_reply(&peer, WIRE_XID_SET_WATCHES, 12, 0, NULL, 0);
    assert_int_equal(told.count, 1);
    assert_int_equal(told.types[0], DOCENT_WATCH_CREATED);
    assert_true(told.last);
    peer_expect(&peer, WIRE_OP_GET_DATA, &frame);
}

/* F-36 */
static void test_many_watches_are_restored_in_small_packets(void **state)
{
    (void)state;
    start_online(1);
    static struct told told;
    memset(&told, 0, sizeof told);
    char path[256];
    for (int i = 0; i < 2000; i++) {
        snprintf(path, sizeof path, "/%0200d", i);
        docent_op op = docent_op_exists(path);
        docent_call_options call = { DOCENT_CALL_OPTIONS, .watch = on_watch, .watch_user = &told };
        assert_int_equal(docent_run_async(peer.client, &op, &call, NULL, NULL), DOCENT_OK);
        peer_expect(&peer, WIRE_OP_EXISTS, &frame);
        peer_reply(&peer, frame.xid, 10, DOCENT_ERR_NO_NODE, NULL, 0);
    }
    reconnect();
    size_t packets = 0;
    int32_t restored = 0;
    size_t at = 0;
    while (at + 4 <= peer.size) {
        uint32_t big;
        memcpy(&big, peer.bytes + at, 4);
        size_t size = __builtin_bswap32(big);
        assert_true(size <= 128 * 1024 + 64);
        struct wire_in in = docent_wire_in(peer.bytes + at + 12, size - 8);
        struct wire_set_watches_request request;
        assert_true(docent_wire_get_set_watches_request(&in, &request));
        restored += request.exist.count;
        packets++;
        at += 4 + size;
    }
    peer.size = 0;
    assert_int_equal(restored, 2000);
    assert_true(packets >= 4);
    for (size_t i = 0; i < packets; i++) {
        assert_int_equal(docent_client_state(peer.client), DOCENT_SUSPENDED);
        peer_reply(&peer, WIRE_XID_SET_WATCHES, 12, 0, NULL, 0);
    }
    assert_int_equal(docent_client_state(peer.client), DOCENT_CONNECTED);
    assert_int_equal(told.count, 0);
}

static void with_small_requests(docent_client_options *options)
{
    options->request_max_bytes = 1000;
}

/* F-36 */
static void test_restored_watches_keep_to_the_limit_on_requests(void **state)
{
    (void)state;
    peer_start(&peer, 1, 6000, with_small_requests);
    peer_online(&peer, 77, 6000);
    static struct told told;
    memset(&told, 0, sizeof told);
    char path[256];
    for (int i = 0; i < 20; i++) {
        snprintf(path, sizeof path, "/%0200d", i);
        docent_op op = docent_op_exists(path);
        docent_call_options call = { DOCENT_CALL_OPTIONS, .watch = on_watch, .watch_user = &told };
        assert_int_equal(docent_run_async(peer.client, &op, &call, NULL, NULL), DOCENT_OK);
        peer_expect(&peer, WIRE_OP_EXISTS, &frame);
        peer_reply(&peer, frame.xid, 10, DOCENT_ERR_NO_NODE, NULL, 0);
    }
    reconnect();
    size_t packets = 0;
    while (peer_take(&peer, &frame)) {
        assert_int_equal(frame.xid, WIRE_XID_SET_WATCHES);
        assert_true(frame.size + WIRE_REQUEST_HEADER <= 1000);
        packets++;
    }
    assert_int_equal(packets, 5);
    for (size_t i = 0; i < packets; i++) peer_reply(&peer, WIRE_XID_SET_WATCHES, 12, 0, NULL, 0);
    assert_int_equal(docent_client_state(peer.client), DOCENT_CONNECTED);
}

enum { WINDOW_WATCHES = 200, WINDOW_PACKET = 4, WINDOW_PACKETS_MAX = 16 }; /* Four of these paths in a packet of a thousand bytes. */

/* Takes the packets that have come, marks what is in them, and returns how many they are. */
static unsigned take_restored(bool *marks, int64_t relative_zxid)
{
    unsigned packets = 0;
    for (; peer_take(&peer, &frame); packets++) {
        struct wire_set_watches_request request;
        struct wire_in in = docent_wire_in(frame.body, frame.size);
        wire_bytes text;
        assert_int_equal(frame.op, WIRE_OP_SET_WATCHES);
        assert_true(docent_wire_get_set_watches_request(&in, &request));
        assert_int_equal(request.relative_zxid, relative_zxid);
        while (docent_wire_list_next_string(&request.exist, &text)) {
            char number[8] = { 0 };
            memcpy(number, text.data + text.size - 7, 7);
            assert_false(marks[atoi(number)]);
            marks[atoi(number)] = true;
        }
    }
    return packets;
}

static void test_watches_are_restored_a_few_packets_at_a_time(void **state)
{
    (void)state;
    peer_start(&peer, 1, 6000, with_small_requests);
    peer_online(&peer, 77, 6000);
    static struct told told[WINDOW_WATCHES];
    static docent_watch *watches[WINDOW_WATCHES];
    memset(told, 0, sizeof told);
    char path[256];
    for (int i = 0; i < WINDOW_WATCHES; i++) {
        snprintf(path, sizeof path, "/%0200d", i);
        docent_op op = docent_op_exists(path);
        docent_call_options call = {
            DOCENT_CALL_OPTIONS, .watch = on_watch, .watch_user = &told[i], .ret_watch = &watches[i] };
        assert_int_equal(docent_run_async(peer.client, &op, &call, NULL, NULL), DOCENT_OK);
        peer_expect(&peer, WIRE_OP_EXISTS, &frame);
        peer_reply(&peer, frame.xid, 10, DOCENT_ERR_NO_NODE, NULL, 0);
    }
    reconnect();

    /* A connection that ends in the midst of it: the next one begins again, and from what had been seen before the first. */
    bool marks[WINDOW_WATCHES] = { false };
    assert_int_equal(take_restored(marks, 10), WINDOW_PACKETS_MAX);
    for (int i = 0; i < WINDOW_PACKETS_MAX / 2; i++) peer_reply(&peer, WIRE_XID_SET_WATCHES, 50, 0, NULL, 0);
    assert_int_equal(take_restored(marks, 10), WINDOW_PACKETS_MAX / 2);
    reconnect();

    memset(marks, 0, sizeof marks);
    unsigned under_way = take_restored(marks, 10);
    assert_int_equal(under_way, WINDOW_PACKETS_MAX);
    /* Those that would be the next one, and the last one, go; one that has been put is told. */
    const int next = WINDOW_PACKETS_MAX * WINDOW_PACKET, last = WINDOW_WATCHES - 1;
    assert_false(marks[next]);
    docent_watch_cancel(watches[next]);
    docent_watch_cancel(watches[last]);
    peer_notify(&peer, WIRE_EVENT_CREATED, (snprintf(path, sizeof path, "/%0200d", 1), path));
    assert_int_equal(told[next].count, 1);
    assert_int_equal(told[1].types[0], DOCENT_WATCH_CREATED);
    while (under_way > 0) {
        assert_int_equal(docent_client_state(peer.client), DOCENT_SUSPENDED);
        peer_reply(&peer, WIRE_XID_SET_WATCHES, 60, 0, NULL, 0);
        under_way += take_restored(marks, 10) - 1;
        assert_true(under_way <= WINDOW_PACKETS_MAX);
    }
    assert_int_equal(docent_client_state(peer.client), DOCENT_CONNECTED);
    for (int i = 0; i < WINDOW_WATCHES; i++) assert_int_equal(marks[i], i != next && i != last);
}

static docent_watch *stand(struct told *told)
{
    docent_watch *watch;
    assert_int_equal(docent_watch_async(peer.client, "/a", DOCENT_WATCH_PERSISTENT, on_watch, told, &watch), DOCENT_OK);
    return watch;
}

static void get_with_watch(struct told *told)
{
    memset(told, 0, sizeof *told);
    docent_op op = docent_op_get("/a");
    docent_call_options call = { DOCENT_CALL_OPTIONS, .watch = on_watch, .watch_user = told };
    assert_int_equal(docent_run_async(peer.client, &op, &call, NULL, NULL), DOCENT_OK);
}

static void expect_data_watch(int64_t relative_zxid)
{
    peer_expect(&peer, WIRE_OP_SET_WATCHES, &frame);
    struct wire_in in = docent_wire_in(frame.body, frame.size);
    struct wire_set_watches_request request;
    assert_true(docent_wire_get_set_watches_request(&in, &request));
    assert_int_equal(request.relative_zxid, relative_zxid);
    assert_int_equal(request.data.count, 1);
    assert_int_equal(request.exist.count + request.child.count, 0);
    peer_reply(&peer, frame.xid, 20, 0, NULL, 0);
}

/* F-41 */
static void test_one_shot_outlives_the_standing_watch_it_was_to_live_off(void **state)
{
    (void)state;
    start_online(1);
    static struct told standing, told;
    memset(&standing, 0, sizeof standing);
    docent_watch *watch = stand(&standing);
    peer_expect(&peer, WIRE_OP_ADD_WATCH, &frame);
    peer_reply(&peer, frame.xid, 10, 0, "\0\0\0\0", 4);
    get_with_watch(&told);
    docent_watch_cancel(watch);
    peer_expect(&peer, WIRE_OP_GET_DATA, &frame);
    assert_int_equal(frame.body[frame.size - 1], 0);
    int32_t get = frame.xid;
    peer_expect(&peer, WIRE_OP_REMOVE_WATCHES, &frame);
    peer_reply_data(&peer, get, 11, "v", &old_stat);
    peer_reply(&peer, frame.xid, 11, 0, NULL, 0);
    expect_data_watch(11);
    assert_int_equal(told.count, 0);
    peer_notify(&peer, WIRE_EVENT_DATA_CHANGED, "/a");
    assert_int_equal(told.count, 1);
    assert_true(told.last);
}

static void test_one_shot_outlives_a_standing_watch_that_the_server_refused(void **state)
{
    (void)state;
    start_online(1);
    static struct told standing, told;
    memset(&standing, 0, sizeof standing);
    (void)stand(&standing);
    get_with_watch(&told);
    peer_expect(&peer, WIRE_OP_ADD_WATCH, &frame);
    int32_t add = frame.xid;
    peer_expect(&peer, WIRE_OP_GET_DATA, &frame);
    assert_int_equal(frame.body[frame.size - 1], 0);
    peer_reply(&peer, add, 10, DOCENT_ERR_THROTTLED, NULL, 0);
    assert_int_equal(standing.count, 1);
    assert_true(standing.last);
    peer_reply_data(&peer, frame.xid, 11, "v", &old_stat);
    expect_data_watch(11);
    assert_int_equal(told.count, 0);
}

static void test_hostile_lengths_cost_the_connection_only(void **state)
{
    (void)state;
    static const uint8_t frames[][4] = { { 0xff, 0xff, 0xff, 0xff }, { 0x7f, 0, 0, 0 }, { 0x01, 0, 0, 1 } };
    for (size_t i = 0; i < 3; i++) {
        start_online(1);
        uint32_t serial = peer.link.serial;
        peer_send(&peer, frames[i], 4);
        assert_int_not_equal(peer.link.serial, serial);
        if (i < 2) peer_stop(&peer);
    }
}

/* F-129 */
static void test_requests_over_the_limit_fail_here(void **state)
{
    (void)state;
    start_online(1);
    char *data = calloc(1, 1 << 20);
    struct outcome *outcome = outcome_new();
    assert_int_equal(docent_set_async(peer.client, "/a", data, 1 << 20, -1, outcome_tell, outcome), DOCENT_ERR_TOO_LARGE);
    free(data);
    peer_pass(&peer, 10);
    assert_int_equal(outcome->calls, 0);
}

static struct test_alloc counted;

static void with_counted_memory(docent_client_options *options)
{
    test_alloc_init(&counted, 0);
    options->allocator = &counted.allocator;
}

static docent_state_listener *listener;

static void on_state_once(const docent_state_event *event, void *user)
{
    (void)event;
    ++*(int *)user;
    docent_client_unlisten(listener);
}

static void test_listeners_that_end_leave_nothing(void **state)
{
    (void)state;
    static int calls;
    calls = 0;
    peer_start(&peer, 1, 6000, with_counted_memory);
    peer_online(&peer, 77, 6000);
    size_t before = counted.outstanding;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(docent_client_listen(peer.client, on_state_once, &calls, &listener), DOCENT_OK);
        docent_client_unlisten(listener);
    }
    assert_int_equal(counted.outstanding, before);
    assert_int_equal(docent_client_listen(peer.client, on_state_once, &calls, &listener), DOCENT_OK);
    peer_cut(&peer);
    assert_int_equal(calls, 1);
}

static void test_bad_values_in_calls_do_no_harm(void **state)
{
    (void)state;
    start_online(1);
    char prefix[1001];
    memset(prefix, 'a', sizeof prefix);
    prefix[0] = '/';
    prefix[1000] = '\0';
    docent_op op = docent_op_ephemerals(prefix);
    op.size = (size_t)0 - 1000; /* Not a field that it reads. */
    assert_int_equal(docent_run_async(peer.client, &op, NULL, NULL, NULL), DOCENT_OK);
    peer_expect(&peer, WIRE_OP_GET_EPHEMERALS, &frame);
    assert_int_equal(frame.size, 4 + 1000);

    op = docent_op_create("/a", NULL, 0, DOCENT_PERSISTENT);
    op.acl = (docent_acl_list){ NULL, 1 };
    assert_int_equal(docent_run_async(peer.client, &op, NULL, NULL, NULL), DOCENT_ERR_INVALID_ARGUMENT);
    op = docent_op_get("/a");
    docent_retry zeroed = { 0 };
    docent_call_options call = { DOCENT_CALL_OPTIONS, .retry = &zeroed };
    assert_int_equal(docent_run_async(peer.client, &op, &call, NULL, NULL), DOCENT_ERR_INVALID_ARGUMENT);
    assert_false(peer_take(&peer, &frame));
}

static bool wait_for_ever(uint32_t tries, uint64_t elapsed_ms, docent_status cause, uint64_t *ret_delay_ms, void *user)
{
    (void)tries;
    (void)elapsed_ms;
    (void)cause;
    (void)user;
    *ret_delay_ms = UINT64_MAX;
    return true;
}

static void test_a_delay_without_end_has_none(void **state)
{
    (void)state;
    start_online(1);
    struct outcome *outcome = outcome_new();
    docent_retry retry = { DOCENT_RETRY, .decide = wait_for_ever };
    docent_call_options call = { DOCENT_CALL_OPTIONS, .retry = &retry, .timeout_ms = 5000 };
    docent_op op = docent_op_get("/a");
    assert_int_equal(docent_run_async(peer.client, &op, &call, outcome_tell, outcome), DOCENT_OK);
    peer_expect(&peer, WIRE_OP_GET_DATA, &frame);
    peer_reply(&peer, frame.xid, 10, DOCENT_ERR_THROTTLED, NULL, 0);
    peer_work(&peer);
    assert_false(peer_take(&peer, &frame));
    assert_int_equal(outcome->calls, 0);
}

static void refuse_as_unknown(const docent_op *op, int32_t wire_op, docent_status outcome_due)
{
    struct outcome *outcome = outcome_new();
    assert_int_equal(docent_run_async(peer.client, op, NULL, outcome_tell, outcome), DOCENT_OK);
    peer_expect(&peer, wire_op, &frame);
    peer_reply(&peer, frame.xid, 10, DOCENT_ERR_UNIMPLEMENTED, NULL, 0);
    assert_int_equal(outcome->status, outcome_due);
}

static void test_too_old_is_one_outcome_whether_the_server_says_so_or_we_know(void **state)
{
    (void)state;
    start_online(1);
    docent_op who = docent_op_who_am_i(), count = docent_op_child_count("/a");
    docent_op ttl = docent_op_create("/t", NULL, 0, DOCENT_PERSISTENT_TTL);
    ttl.ttl_ms = 1000;
    refuse_as_unknown(&ttl, WIRE_OP_CREATE_TTL, DOCENT_ERR_UNIMPLEMENTED); /* It may only have been switched off. */
    refuse_as_unknown(&who, WIRE_OP_WHO_AM_I, DOCENT_ERR_UNSUPPORTED);
    struct outcome *again = outcome_new();
    assert_int_equal(docent_run_async(peer.client, &who, NULL, outcome_tell, again), DOCENT_OK);
    peer_work(&peer);
    assert_false(peer_take(&peer, &frame)); /* Not asked any more. */
    assert_int_equal(again->status, DOCENT_ERR_UNSUPPORTED);
    refuse_as_unknown(&count, WIRE_OP_GET_ALL_CHILDREN_NUMBER, DOCENT_ERR_UNSUPPORTED);
}

/* F-46, F-124 */
static void test_close_answers_everything_and_says_goodbye(void **state)
{
    (void)state;
    start_online(1);
    struct outcome *outcome = outcome_new();
    static struct told told;
    memset(&told, 0, sizeof told);
    docent_watch *watch;
    assert_int_equal(docent_get_async(peer.client, "/a", outcome_tell, outcome), DOCENT_OK);
    assert_int_equal(docent_watch_async(peer.client, "/a", DOCENT_WATCH_RECURSIVE, on_watch, &told, &watch), DOCENT_OK);
    peer_work(&peer);
    docent_core_close(peer.client, peer.now);
    assert_int_equal(outcome->calls, 0); /* Nobody is called from inside a call into the library. */
    assert_int_equal(told.count, 0);
    peer_work(&peer);
    assert_int_equal(outcome->calls, 1);
    assert_int_equal(outcome->status, DOCENT_ERR_CLOSING);
    assert_int_equal(told.count, 1);
    assert_int_equal(told.types[0], DOCENT_WATCH_ENDED);
    peer_expect(&peer, WIRE_OP_GET_DATA, &frame);
    peer_reply_data(&peer, frame.xid, 10, "v", &old_stat);
    peer_expect(&peer, WIRE_OP_ADD_WATCH, &frame);
    peer_reply(&peer, frame.xid, 10, 0, "\0\0\0\0", 4);
    peer_expect(&peer, WIRE_OP_CLOSE_SESSION, &frame);
    assert_false(docent_core_closed(peer.client));
    peer_reply(&peer, frame.xid, 12, 0, NULL, 0);
    assert_true(docent_core_closed(peer.client));
    assert_int_equal(outcome->calls, 1);
}

/* F-17 */
static void test_wiped_ensemble_is_joined_again_and_told(void **state)
{
    (void)state;
    start_online(1);
    struct outcome *outcome = outcome_new();
    assert_int_equal(docent_get_async(peer.client, "/a", outcome_tell, outcome), DOCENT_OK);
    peer_expect(&peer, WIRE_OP_GET_DATA, &frame);
    peer_reply_data(&peer, frame.xid, 1000, "v", &old_stat);
    bool forgotten = false;
    peer_cut(&peer);
    for (int i = 0; i < 200 && !forgotten; i++) { /* Every handshake is refused without a word, until zxid 0 is presented. */
        peer_pass(&peer, 100);
        if (peer.size == 0) continue;
        struct wire_connect_request request = peer_expect_connect(&peer);
        if (request.last_zxid == 0) {
            forgotten = true;
            assert_int_equal(request.session_id, 0);
        } else {
            assert_int_equal(request.last_zxid, 1000);
            peer_cut(&peer);
        }
    }
    assert_true(forgotten);
    peer_accept(&peer, 5, 6000);
    peer_expect(&peer, WIRE_OP_PING, &frame);
    peer_reply(&peer, WIRE_XID_PING, 3, 0, NULL, 0);
    assert_int_equal(docent_client_state(peer.client), DOCENT_CONNECTED);
    assert_true(peer.last_event.went_back);
}

static void test_connection_that_came_up_too_late_is_not_taken_for_the_next(void **state)
{
    (void)state;
    peer_start(&peer, 2, 6000, NULL);
    peer_cut(&peer);
    peer.manual = true;
    while (!peer.link.wanted) peer_pass(&peer, 50);
    uint32_t serial = peer.link.serial;
    peer.now += 3001; /* Half of the time-out: the deadline of one server of two. */
    docent_core_connected(peer.client, peer.now);
    struct docent_link link;
    docent_core_link(peer.client, &link);
    assert_int_not_equal(link.serial, serial);
    const uint8_t *data;
    assert_int_equal(docent_core_send(peer.client, &data), 0);
}

static void test_f21_refusing_servers_are_not_hammered(void **state)
{
    (void)state;
    peer_start(&peer, 3, 6000, NULL);
    peer.manual = true;
    unsigned tries = 0;
    uint64_t end = peer.now + 60000;
    while (peer.now < end) {
        struct docent_link link;
        docent_core_link(peer.client, &link);
        if (link.wanted) {
            tries++;
            docent_core_disconnected(peer.client, peer.now);
            continue;
        }
        if (docent_core_wants_addresses(peer.client)) {
            docent_core_addresses(peer.client, peer.now, peer.addresses, peer.address_count);
            continue;
        }
        uint64_t at = docent_core_deadline(peer.client);
        assert_true(at > peer.now);
        peer.now = at;
        docent_core_tick(peer.client, peer.now);
    }
    assert_in_range(tries, 20, 200);
    peer.link.serial = 0;
}

/* ---- Read-only servers. ---- */

static void read_only_too(docent_client_options *options)
{
    options->read_only_allowed = true;
    options->no_probe = false;
}

/* What srvr says. */
static void probe_tell(const char *mode)
{
    struct docent_address address;
    char text[128];
    assert_true(docent_core_wants_probe(peer.client, &address));
    snprintf(text, sizeof text, "Zookeeper version: 3.8.0-5a02a05, built on 2022\n%s%s\nNode count: 5\n", mode[0] == '\0' ? "" : "Mode: ", mode);
    docent_core_probed(peer.client, peer.now, &address, text, mode[0] == '\0' ? 0 : strlen(text));
    peer_work(&peer);
}

static void start_read_only(size_t servers)
{
    peer_start(&peer, servers, 60000, read_only_too);
    peer.read_only = true;
    peer_online(&peer, 77, 60000);
    assert_int_equal(docent_client_state(peer.client), DOCENT_READ_ONLY);
    probe_tell("read-only"); /* For the version. */
}

/* Lets time pass until somebody is to be asked. */
static uint64_t until_asked(struct docent_address *ret_address)
{
    uint64_t begin = peer.now;
    while (!docent_core_wants_probe(peer.client, ret_address)) {
        assert_true(peer.now - begin < 100000);
        peer_pass(&peer, 1);
        if (peer_take(&peer, &frame)) peer_reply(&peer, WIRE_XID_PING, 1, 0, NULL, 0);
    }
    return peer.now - begin;
}

static void test_a_read_only_client_asks_the_others_with_growing_pauses(void **state)
{
    (void)state;
    static const char *const modes[] = { "", "read-only", "", "read-only" };
    start_read_only(3);
    struct docent_address connected = peer.link.address, asked[2];
    uint32_t serial = peer.link.serial;
    uint64_t most = 100;
    for (int i = 0; i < 14; i++) {
        uint64_t took = until_asked(&asked[i % 2]);
        assert_false(docent_address_equal(&asked[i % 2], &connected));
        if (i > 0) assert_false(docent_address_equal(&asked[0], &asked[1]));
        assert_in_range(took, most / 2, most);
        probe_tell(modes[i % 4]);
        most = most * 2 > 60000 ? 60000 : most * 2;
    }
    assert_int_equal(peer.link.serial, serial);
    assert_int_equal(docent_client_state(peer.client), DOCENT_READ_ONLY);
}

static void test_a_read_only_client_goes_to_a_server_that_writes_with_a_new_session(void **state)
{
    (void)state;
    start_read_only(3);
    struct docent_address found;
    struct outcome *outcome = outcome_new();
    (void)until_asked(&found);
    assert_int_equal(docent_get_async(peer.client, "/a", outcome_tell, outcome), DOCENT_OK);
    peer_work(&peer);
    probe_tell("follower");
    assert_true(docent_address_equal(&peer.link.address, &found));
    struct wire_connect_request request = peer_expect_connect(&peer);
    assert_int_equal(request.session_id, 0); /* Ours means nothing there. */
    peer.read_only = false;
    size_t before = peer.state_count;
    peer_accept(&peer, 78, 60000);
    assert_int_equal(peer.states[before], DOCENT_LOST);
    assert_int_equal(peer.states[before + 1], DOCENT_CONNECTED);
    assert_int_equal(peer.state_count, before + 2);
    assert_true(peer.last_event.new_session);
    assert_int_equal(docent_client_session(peer.client, NULL), 78);
    peer_pass(&peer, 1000);
    peer_expect(&peer, WIRE_OP_GET_DATA, &frame); /* What was under way goes on there. */
    peer_reply_data(&peer, frame.xid, 10, "hello", &old_stat);
    assert_int_equal(outcome->status, DOCENT_OK);
    peer_pass(&peer, 10000);
    assert_false(docent_core_wants_probe(peer.client, &found));
}

static void test_a_server_that_writes_but_will_not_have_us_is_not_hammered(void **state)
{
    (void)state;
    start_read_only(2);
    struct docent_address found;
    uint64_t took = 0;
    for (int i = 0; i < 6; i++) {
        took = until_asked(&found);
        probe_tell("leader");
        assert_true(docent_address_equal(&peer.link.address, &found));
        peer_cut(&peer); /* As one does that is behind our last zxid. */
        peer_pass(&peer, 200);
        peer_online(&peer, 77, 60000);
        assert_int_equal(docent_client_state(peer.client), DOCENT_READ_ONLY);
    }
    assert_true(took >= 1600);
}

static void test_a_read_only_session_goes_on_at_its_own_server(void **state)
{
    (void)state;
    start_read_only(1);
    peer_pass(&peer, 1000);
    peer_cut(&peer);
    struct wire_connect_request request = peer_expect_connect(&peer);
    assert_int_equal(request.session_id, 77);
    peer_accept(&peer, 77, 60000);
    assert_int_equal(docent_client_state(peer.client), DOCENT_READ_ONLY);
    assert_false(peer.last_event.new_session);
}

static void test_what_a_search_finds_too_late_is_not_heard(void **state)
{
    (void)state;
    start_read_only(2);
    struct docent_address found;
    (void)until_asked(&found);
    peer_cut(&peer);
    uint32_t serial = peer.link.serial;
    static const char text[] = "Zookeeper version: 3.8.0-5a02a05\nMode: leader\n";
    docent_core_probed(peer.client, peer.now, &found, text, sizeof text - 1);
    peer_work(&peer);
    assert_int_equal(peer.link.serial, serial);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, stop)
    const struct CMUnitTest tests[] = {
        TEST(test_handshake_asks_for_a_new_session),
        TEST(test_get_is_answered_in_pieces_of_any_size),
        TEST(test_reply_to_nobody_costs_the_connection),
        TEST(test_retry_goes_to_the_other_server_at_once),
        TEST(test_f24_ping_goes_out_and_its_silence_costs_the_connection),
        TEST(test_session_is_lost_by_our_own_clock_and_settled_before_the_next),
        TEST(test_expired_session_is_replaced),
        TEST(test_a_refusal_does_not_prolong_a_strict_lease),
        TEST(test_heartbeat_is_a_sync_while_something_is_held),
        TEST(test_lease_is_reckoned_from_what_the_leader_has_certainly_heard),
        TEST(test_lost_create_is_found_out),
        TEST(test_what_is_looked_at_without_its_sync_tells_nothing),
        TEST(test_lost_create_of_a_node_that_may_be_anybodys_is_unknown),
        TEST(test_lost_sequential_create_is_unknown_and_not_repeated),
        TEST(test_lost_conditional_set_that_lost_to_another_is_a_conflict),
        TEST(test_lost_transaction_that_lost_to_another_is_a_conflict),
        TEST(test_lost_transaction_that_may_have_been_applied_is_unknown),
        TEST(test_call_not_sent_waits_and_counts_no_attempt),
        TEST(test_deadline_holds_while_disconnected),
        TEST(test_f28_credentials_come_first_and_their_refusal_is_the_end),
        TEST(test_one_shot_watch_is_restored_before_anything_else),
        TEST(test_restored_watches_keep_to_the_limit_on_requests),
        TEST(test_one_shot_outlives_the_standing_watch_it_was_to_live_off),
        TEST(test_one_shot_outlives_a_standing_watch_that_the_server_refused),
        TEST(test_many_watches_are_restored_in_small_packets),
        TEST(test_watches_are_restored_a_few_packets_at_a_time),
        TEST(test_hostile_lengths_cost_the_connection_only),
        TEST(test_requests_over_the_limit_fail_here),
        TEST(test_listeners_that_end_leave_nothing),
        TEST(test_bad_values_in_calls_do_no_harm),
        TEST(test_a_delay_without_end_has_none),
        TEST(test_too_old_is_one_outcome_whether_the_server_says_so_or_we_know),
        TEST(test_close_answers_everything_and_says_goodbye),
        TEST(test_wiped_ensemble_is_joined_again_and_told),
        TEST(test_connection_that_came_up_too_late_is_not_taken_for_the_next),
        TEST(test_f21_refusing_servers_are_not_hammered),
        TEST(test_a_read_only_client_asks_the_others_with_growing_pauses),
        TEST(test_a_read_only_client_goes_to_a_server_that_writes_with_a_new_session),
        TEST(test_a_server_that_writes_but_will_not_have_us_is_not_hammered),
        TEST(test_a_read_only_session_goes_on_at_its_own_server),
        TEST(test_what_a_search_finds_too_late_is_not_heard),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
