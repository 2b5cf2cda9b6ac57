/* tests/unit/test_links.c - what went wrong between other clients and their servers, played against a peer that the test speaks for: silent
 * servers, servers that hang up, stuck heartbeats, stale names, credentials on a new connection. Each test's name begins with the number
 * that the failure has in our catalogue. */
#include "unit.h"

#include <docent/operation.h>

#include "tests/unit/peer.h"

enum { MINUTE_MS = 60000, SESSION_MS = 6000 };

static struct peer peer;
static struct peer_frame frame;
static struct outcome outcome;
static const docent_stat stat_of_node = { .mzxid = 5 };

static int stop(void **state)
{
    (void)state;
    peer_stop(&peer);
    return 0;
}

static void start_online(size_t servers)
{
    outcome = (struct outcome){ 0 };
    peer_start(&peer, servers, SESSION_MS, NULL);
    peer_online(&peer, 77, SESSION_MS);
    peer_pass(&peer, 500);
}

/* Lets time pass and answers heartbeats; how many there were. */
static unsigned pass_answering(uint64_t ms)
{
    unsigned pings = 0;
    for (uint64_t end = peer.now + ms; peer.now < end;) {
        peer_pass(&peer, 50);
        while (peer_take(&peer, &frame)) {
            assert_int_equal(frame.op, WIRE_OP_PING);
            pings++;
            peer_reply(&peer, WIRE_XID_PING, 1, 0, NULL, 0);
        }
    }
    return pings;
}

static bool is_at(unsigned server)
{
    return peer.link.wanted && peer.link.address.ip[3] == server;
}

/* ---- Servers that are silent, or hang up. ---- */

static void test_f20_a_handshake_has_a_deadline(void **state)
{
    (void)state;
    start_online(2);
    unsigned first = peer.link.address.ip[3];
    peer_cut(&peer);
    unsigned silent = peer.link.address.ip[3];
    assert_int_not_equal(silent, first);
    assert_int_equal(peer_expect_connect(&peer).session_id, 77); /* And no word from it. */
    peer_pass(&peer, SESSION_MS / 2);
    assert_true(is_at(first));
    assert_int_equal(docent_client_state(peer.client), DOCENT_SUSPENDED);
    peer_online(&peer, 77, SESSION_MS);
    assert_false(peer.last_event.new_session);
}

static void test_f20_a_connection_has_a_deadline(void **state)
{
    (void)state;
    start_online(2);
    unsigned first = peer.link.address.ip[3];
    peer.manual = true; /* Connections do not come up. */
    peer_cut(&peer);
    assert_false(is_at(first));
    peer_pass(&peer, SESSION_MS / 2);
    assert_true(is_at(first));
    peer.manual = false;
    docent_core_connected(peer.client, peer.now);
    peer_online(&peer, 77, SESSION_MS);
    assert_false(peer.last_event.new_session);
}

/* How often it connects in a minute to servers that do this to it. */
static unsigned count_tries(void (*treat)(void))
{
    unsigned tries = 0;
    for (uint64_t end = peer.now + MINUTE_MS; peer.now < end;) {
        if (peer.link.wanted) {
            tries++;
            treat();
            peer_cut(&peer);
        } else {
            peer_pass(&peer, 1);
        }
    }
    return tries;
}

static void close_at_once(void)
{
}

static void close_after_request(void)
{
    (void)peer_expect_connect(&peer);
}

static void close_after_handshake(void)
{
    (void)peer_expect_connect(&peer);
    peer_accept(&peer, 77, SESSION_MS);
}

static void test_f21_servers_that_hang_up_are_not_hammered(void **state)
{
    (void)state;
    static void (*const treatments[])(void) = { close_at_once, close_after_request, close_after_handshake };
    for (size_t i = 0; i < 3; i++) {
        peer_start(&peer, 3, SESSION_MS, NULL);
        unsigned tries = count_tries(treatments[i]);
        if (tries < 20 || tries > 200) fail_msg("%u tries in a minute, of servers of kind %zu", tries, i);
        if (i < 2) peer_stop(&peer);
    }
}

/* ---- Heartbeats. ---- */

static void test_f24_heartbeats_flow_beside_a_stuck_request(void **state)
{
    (void)state;
    start_online(1);
    uint32_t serial = peer.link.serial;
    assert_int_equal(docent_get_async(peer.client, "/a", outcome_tell, &outcome), DOCENT_OK);
    peer_expect(&peer, WIRE_OP_GET_DATA, &frame);
    int32_t xid = frame.xid;
    unsigned pings = pass_answering(2 * SESSION_MS);
    assert_in_range(pings, 4, 24); /* And no flood of them. */
    assert_int_equal(peer.link.serial, serial);
    assert_int_equal(outcome.calls, 0);
    peer_reply_data(&peer, xid, 5, "v", &stat_of_node);
    assert_int_equal(outcome.status, DOCENT_OK);
}

static void test_f24_a_heartbeat_under_way_is_forgotten_with_its_connection(void **state)
{
    (void)state;
    start_online(1);
    peer_pass(&peer, 2000);
    assert_true(peer_take(&peer, &frame));
    assert_int_equal(frame.op, WIRE_OP_PING);
    peer_cut(&peer);
    peer_online(&peer, 77, SESSION_MS);
    uint32_t serial = peer.link.serial;
    (void)pass_answering(2 * SESSION_MS);
    assert_int_equal(peer.link.serial, serial);
}

static void test_f24_an_answer_that_comes_late_is_no_fault(void **state)
{
    (void)state;
    start_online(1);
    uint32_t serial = peer.link.serial;
    peer_pass(&peer, 2000);
    assert_true(peer_take(&peer, &frame));
    assert_int_equal(docent_get_async(peer.client, "/a", outcome_tell, &outcome), DOCENT_OK);
    peer_expect(&peer, WIRE_OP_GET_DATA, &frame);
    peer_reply_data(&peer, frame.xid, 5, "v", &stat_of_node); /* Before the heartbeat's. */
    peer_reply(&peer, WIRE_XID_PING, 5, 0, NULL, 0);
    assert_int_equal(outcome.status, DOCENT_OK);
    assert_int_equal(peer.link.serial, serial);
}

/* ---- Names. ---- */

static void test_f25_names_are_looked_up_again_after_a_cut(void **state)
{
    (void)state;
    start_online(1);
    peer.addresses[0].ip[3] = 9; /* It has moved. */
    peer_cut(&peer);
    for (int tries = 0; tries < 3 && !is_at(9); tries++) {
        if (peer.link.wanted) peer_cut(&peer);
        peer_pass(&peer, 200);
    }
    assert_true(is_at(9));
    assert_int_equal(peer_expect_connect(&peer).session_id, 77);
    peer_accept(&peer, 77, SESSION_MS);
    assert_false(peer.last_event.new_session);
}

static void test_f25_all_addresses_of_a_name_are_tried(void **state)
{
    (void)state;
    peer_start(&peer, 3, SESSION_MS, NULL);
    unsigned tried = 0;
    for (int i = 0; i < 3; i++) {
        assert_true(peer.link.wanted);
        tried |= 1u << peer.link.address.ip[3];
        if (i < 2) peer_cut(&peer);
    }
    assert_int_equal(tried, 1u << 1 | 1u << 2 | 1u << 3);
    peer_online(&peer, 77, SESSION_MS);
}

static void test_f25_a_name_that_is_not_found_is_looked_for_with_pauses(void **state)
{
    (void)state;
    peer_start(&peer, 1, SESSION_MS, NULL);
    peer.manual = true;
    peer_cut(&peer);
    unsigned lookups = 0;
    for (uint64_t end = peer.now + MINUTE_MS; peer.now < end;) {
        if (docent_core_wants_addresses(peer.client)) {
            lookups++;
            docent_core_addresses(peer.client, peer.now, NULL, 0);
        }
        if (peer.link.wanted) peer_cut(&peer); /* What was known before is still tried. */
        uint64_t at = docent_core_deadline(peer.client);
        assert_true(at > peer.now || docent_core_wants_addresses(peer.client));
        peer_pass(&peer, 1);
    }
    assert_in_range(lookups, 10, 100);
    peer.manual = false; /* Found again. */
    if (peer.link.wanted) peer_cut(&peer);
    for (int waited = 0; waited < 10000 && !peer.link.wanted; waited++) peer_pass(&peer, 1);
    peer_online(&peer, 77, SESSION_MS);
}

/* The session ends when it must, and calls with it, whatever the names do. */
static void test_f25_a_look_up_that_hangs_holds_nothing_up(void **state)
{
    (void)state;
    start_online(1);
    peer.manual = true;
    peer_cut(&peer);
    for (int i = 0; i < 3 && peer.link.wanted; i++) peer_cut(&peer);
    peer_pass(&peer, 1000);
    assert_true(docent_core_wants_addresses(peer.client)); /* No answer. */
    docent_op get = docent_op_get("/a");
    docent_call_options call = { DOCENT_CALL_OPTIONS, .timeout_ms = 2000 };
    assert_int_equal(docent_run_async(peer.client, &get, &call, outcome_tell, &outcome), DOCENT_OK);
    peer_pass(&peer, 1999);
    assert_int_equal(outcome.calls, 0);
    peer_pass(&peer, 1);
    assert_int_equal(outcome.status, DOCENT_ERR_TIMEOUT);
    peer_pass(&peer, SESSION_MS);
    assert_int_equal(peer.states[peer.state_count - 1], DOCENT_LOST);
}

/* ---- Credentials. ---- */

static void expect_auth(const char *credentials)
{
    peer_expect(&peer, WIRE_OP_AUTH, &frame);
    assert_memory_equal(frame.body + frame.size - strlen(credentials), credentials, strlen(credentials));
}

/* Cut off before, between and behind the messages about credentials, the client begins from the first of them, and its calls wait. */
static void test_f28_credentials_go_first_wherever_the_cut_was(void **state)
{
    (void)state;
    for (int cut_at = 0; cut_at < 4; cut_at++) {
        outcome = (struct outcome){ 0 };
        peer_start(&peer, 1, SESSION_MS, NULL);
        assert_int_equal(docent_core_add_auth(peer.client, "digest", "u:1", 3), DOCENT_OK);
        assert_int_equal(docent_core_add_auth(peer.client, "digest", "u:2", 3), DOCENT_OK);
        assert_int_equal(docent_get_async(peer.client, "/a", outcome_tell, &outcome), DOCENT_OK);
        peer_online(&peer, 77, SESSION_MS);
        if (cut_at > 0) expect_auth("u:1");
        if (cut_at > 1) peer_reply(&peer, WIRE_XID_AUTH, 0, 0, NULL, 0);
        if (cut_at > 2) expect_auth("u:2");
        peer_cut(&peer);
        assert_int_equal(outcome.calls, 0);

        peer_pass(&peer, 200);
        peer_online(&peer, 77, SESSION_MS);
        expect_auth("u:1");
        peer_reply(&peer, WIRE_XID_AUTH, 0, 0, NULL, 0);
        expect_auth("u:2");
        assert_false(peer_take(&peer, &frame)); /* Nothing overtakes it. */
        peer_reply(&peer, WIRE_XID_AUTH, 0, 0, NULL, 0);
        peer_expect(&peer, WIRE_OP_GET_DATA, &frame);
        peer_reply_data(&peer, frame.xid, 5, "v", &stat_of_node);
        assert_int_equal(outcome.calls, 1);
        assert_int_equal(outcome.status, DOCENT_OK);
        if (cut_at < 3) peer_stop(&peer);
    }
}

/* Refused on a later connection, after a change of passwords: the end, told once. */
static void test_f28_a_refusal_after_a_reconnect_is_told_once(void **state)
{
    (void)state;
    start_online(1);
    assert_int_equal(docent_core_add_auth(peer.client, "digest", "u:1", 3), DOCENT_OK);
    expect_auth("u:1");
    peer_reply(&peer, WIRE_XID_AUTH, 0, 0, NULL, 0);
    assert_int_equal(docent_get_async(peer.client, "/a", outcome_tell, &outcome), DOCENT_OK);
    peer_cut(&peer);
    peer_online(&peer, 77, SESSION_MS);
    expect_auth("u:1");
    peer_reply(&peer, WIRE_XID_AUTH, 0, DOCENT_ERR_AUTH_FAILED, NULL, 0);
    peer_pass(&peer, MINUTE_MS);
    assert_int_equal(outcome.calls, 1);
    assert_int_equal(outcome.status, DOCENT_ERR_AUTH_FAILED);
    unsigned closed = 0;
    for (size_t i = 0; i < peer.state_count; i++) closed += peer.states[i] == DOCENT_CLOSED;
    assert_int_equal(closed, 1);
    assert_int_equal(peer.last_event.cause, DOCENT_ERR_AUTH_FAILED);
}

/* stop() closes, and wants it to be over soon. */
static void test_f29_a_close_after_a_refusal_ends(void **state)
{
    (void)state;
    start_online(1);
    assert_int_equal(docent_core_add_auth(peer.client, "digest", "u:1", 3), DOCENT_OK);
    expect_auth("u:1");
    peer_reply(&peer, WIRE_XID_AUTH, 0, DOCENT_ERR_AUTH_FAILED, NULL, 0);
    assert_int_equal(docent_client_state(peer.client), DOCENT_CLOSED);
    docent_core_close(peer.client, peer.now);
    assert_int_equal(docent_get_async(peer.client, "/a", outcome_tell, &outcome), DOCENT_ERR_AUTH_FAILED);
    peer_pass(&peer, 1000);
    assert_true(docent_core_closed(peer.client));
}

static void test_f29_a_refusal_during_a_close_does_not_stop_it(void **state)
{
    (void)state;
    start_online(1);
    assert_int_equal(docent_core_add_auth(peer.client, "digest", "u:1", 3), DOCENT_OK);
    expect_auth("u:1");
    docent_core_close(peer.client, peer.now);
    peer_work(&peer);
    peer_reply(&peer, WIRE_XID_AUTH, 0, DOCENT_ERR_AUTH_FAILED, NULL, 0);
    assert_int_equal(docent_get_async(peer.client, "/a", outcome_tell, &outcome), DOCENT_ERR_CLOSING);
    peer_pass(&peer, 1000);
    assert_true(docent_core_closed(peer.client));
    assert_int_equal(peer.last_event.state, DOCENT_CLOSED);
    assert_int_equal(peer.last_event.cause, DOCENT_ERR_CLOSING);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, stop)
    const struct CMUnitTest tests[] = {
        TEST(test_f20_a_handshake_has_a_deadline),
        TEST(test_f20_a_connection_has_a_deadline),
        TEST(test_f21_servers_that_hang_up_are_not_hammered),
        TEST(test_f24_heartbeats_flow_beside_a_stuck_request),
        TEST(test_f24_a_heartbeat_under_way_is_forgotten_with_its_connection),
        TEST(test_f24_an_answer_that_comes_late_is_no_fault),
        TEST(test_f25_names_are_looked_up_again_after_a_cut),
        TEST(test_f25_all_addresses_of_a_name_are_tried),
        TEST(test_f25_a_name_that_is_not_found_is_looked_for_with_pauses),
        TEST(test_f25_a_look_up_that_hangs_holds_nothing_up),
        TEST(test_f28_credentials_go_first_wherever_the_cut_was),
        TEST(test_f28_a_refusal_after_a_reconnect_is_told_once),
        TEST(test_f29_a_close_after_a_refusal_ends),
        TEST(test_f29_a_refusal_during_a_close_does_not_stop_it),
    };
    return cmocka_run_group_tests_name("links", tests, NULL, NULL);
}
