/* tests/unit/test_offline.c - what becomes of calls while there is no connection, and what is told of their tries. */
#include "unit.h"

#include "tests/unit/peer.h"

static struct peer peer;
static struct peer_frame frame;
static const docent_stat stat_of_node = { .czxid = 5 };

struct told {
    unsigned calls;
    docent_status status;
    docent_call_info info;
};

static void on_result(const docent_result *result, void *user)
{
    struct told *told = user;
    told->calls++;
    told->status = result->status;
    told->info = docent_result_info(result);
}

static int start(void **state)
{
    (void)state;
    peer_start(&peer, 1, 6000, NULL);
    peer_online(&peer, 77, 6000);
    peer_pass(&peer, 1000);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    peer_stop(&peer);
    return 0;
}

static void get_with(docent_offline_policy offline, struct told *told)
{
    docent_op op = docent_op_get("/a");
    docent_call_options call = { DOCENT_CALL_OPTIONS, .offline = offline };
    *told = (struct told){ 0 };
    assert_int_equal(docent_run_async(peer.client, &op, &call, on_result, told), DOCENT_OK);
}

static void set_with(docent_offline_policy offline, struct told *told)
{
    docent_op op = docent_op_set("/a", "x", 1, DOCENT_ANY_VERSION);
    docent_call_options call = { DOCENT_CALL_OPTIONS, .offline = offline };
    *told = (struct told){ 0 };
    assert_int_equal(docent_run_async(peer.client, &op, &call, on_result, told), DOCENT_OK);
}

static void refuse_to_connect(void)
{
    peer.manual = true;
    peer_cut(&peer);
}

/* The session is over by our clock, and the server says so too. */
static void expire(void)
{
    peer_pass(&peer, 10000);
    assert_int_equal(docent_client_state(peer.client), DOCENT_LOST);
}

/* F-30 */
static void test_fail_fast_fails_at_once(void **state)
{
    (void)state;
    refuse_to_connect();
    static struct told get, set, queued;
    get_with(DOCENT_OFFLINE_FAIL, &get);
    set_with(DOCENT_OFFLINE_FAIL, &set);
    get_with(DOCENT_OFFLINE_DEFAULT, &queued);
    assert_int_equal(get.calls, 0); /* Never from inside the call. */
    peer_pass(&peer, 0);
    assert_int_equal(get.calls, 1);
    assert_int_equal(get.status, DOCENT_ERR_CONNECTION_LOSS);
    assert_int_equal(get.info.attempts, 0);
    assert_int_equal(set.status, DOCENT_ERR_CONNECTION_LOSS); /* Not sent: certainly not applied. */
    assert_int_equal(queued.calls, 0);
}

/* F-30 */
static void test_fail_fast_tells_of_what_was_in_flight(void **state)
{
    (void)state;
    static struct told get, set;
    get_with(DOCENT_OFFLINE_FAIL, &get);
    peer_expect(&peer, WIRE_OP_GET_DATA, &frame);
    set_with(DOCENT_OFFLINE_FAIL, &set);
    peer_expect(&peer, WIRE_OP_SET_DATA, &frame);
    refuse_to_connect();
    peer_pass(&peer, 200);
    assert_int_equal(get.status, DOCENT_ERR_CONNECTION_LOSS);
    assert_int_equal(set.status, DOCENT_ERR_UNKNOWN_OUTCOME);
    assert_int_equal(set.info.attempts, 1);
    assert_int_equal(set.info.last_cause, DOCENT_ERR_CONNECTION_LOSS);
}

/* F-30 */
static void test_what_waits_for_the_session_ends_with_it(void **state)
{
    (void)state;
    static struct told get, set, queued;
    set_with(DOCENT_OFFLINE_SESSION, &set);
    peer_expect(&peer, WIRE_OP_SET_DATA, &frame);
    refuse_to_connect();
    get_with(DOCENT_OFFLINE_SESSION, &get);
    get_with(DOCENT_OFFLINE_QUEUE, &queued);
    peer_pass(&peer, 1000);
    assert_int_equal(get.calls + set.calls, 0);
    expire();
    assert_int_equal(get.status, DOCENT_ERR_SESSION_EXPIRED);
    assert_int_equal(get.calls, 1);
    assert_int_equal(set.status, DOCENT_ERR_UNKNOWN_OUTCOME);
    assert_int_equal(queued.calls, 0);
}

static void test_what_waits_for_the_session_goes_on_in_it(void **state)
{
    (void)state;
    peer_cut(&peer);
    static struct told get;
    get_with(DOCENT_OFFLINE_SESSION, &get);
    peer_pass(&peer, 200);
    peer_online(&peer, 77, 6000);
    peer_expect(&peer, WIRE_OP_GET_DATA, &frame);
    peer_reply_data(&peer, frame.xid, 10, "x", &stat_of_node);
    assert_int_equal(get.status, DOCENT_OK);
}

static void shorten(docent_client_options *options)
{
    options->pending_max = 2;
    options->offline = DOCENT_OFFLINE_QUEUE;
}

/* F-30 */
static void test_the_queue_has_a_bound(void **state)
{
    (void)state;
    peer_stop(&peer);
    peer_start(&peer, 1, 6000, shorten);
    peer.manual = true;
    static struct told told[3] = { 0 };
    assert_int_equal(docent_get_async(peer.client, "/a", on_result, &told[0]), DOCENT_OK);
    assert_int_equal(docent_get_async(peer.client, "/a", on_result, &told[1]), DOCENT_OK);
    assert_int_equal(docent_get_async(peer.client, "/a", on_result, &told[2]), DOCENT_ERR_BUSY);
    peer.manual = false;
    peer_online(&peer, 78, 6000);
    for (int i = 0; i < 2; i++) {
        peer_expect(&peer, WIRE_OP_GET_DATA, &frame);
        peer_reply_data(&peer, frame.xid, 10, "x", &stat_of_node);
    }
    assert_int_equal(told[0].calls + told[1].calls, 2);
    assert_int_equal(docent_get_async(peer.client, "/a", on_result, &told[2]), DOCENT_OK);
    peer_expect(&peer, WIRE_OP_GET_DATA, &frame);
    peer_reply_data(&peer, frame.xid, 10, "x", &stat_of_node);
    assert_int_equal(told[2].calls, 1);
}

static void test_what_it_took_is_told(void **state)
{
    (void)state;
    static struct told told = { 0 };
    assert_int_equal(docent_get_async(peer.client, "/a", on_result, &told), DOCENT_OK);
    peer_expect(&peer, WIRE_OP_GET_DATA, &frame);
    peer_cut(&peer);
    peer_pass(&peer, 300);
    peer_online(&peer, 77, 6000);
    peer_expect(&peer, WIRE_OP_GET_DATA, &frame);
    peer_pass(&peer, 40);
    peer_reply_data(&peer, frame.xid, 10, "x", &stat_of_node);
    assert_int_equal(told.status, DOCENT_OK);
    assert_int_equal(told.info.attempts, 2);
    assert_int_equal(told.info.last_cause, DOCENT_ERR_CONNECTION_LOSS);
    assert_int_equal(told.info.elapsed_ms, 340);

    assert_int_equal(docent_get_async(peer.client, "/a", on_result, &told), DOCENT_OK);
    peer_expect(&peer, WIRE_OP_GET_DATA, &frame);
    peer_reply_data(&peer, frame.xid, 10, "x", &stat_of_node);
    assert_int_equal(told.info.attempts, 1);
    assert_int_equal(told.info.last_cause, DOCENT_OK);
    assert_int_equal(told.info.elapsed_ms, 0);
}

static void test_a_policy_that_is_none_is_refused(void **state)
{
    (void)state;
    docent_op op = docent_op_get("/a");
    docent_call_options call = { DOCENT_CALL_OPTIONS, .offline = (docent_offline_policy)9 };
    assert_int_equal(docent_run_async(peer.client, &op, &call, on_result, NULL), DOCENT_ERR_INVALID_ARGUMENT);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
    const struct CMUnitTest tests[] = {
        TEST(test_fail_fast_fails_at_once),
        TEST(test_fail_fast_tells_of_what_was_in_flight),
        TEST(test_what_waits_for_the_session_ends_with_it),
        TEST(test_what_waits_for_the_session_goes_on_in_it),
        TEST(test_the_queue_has_a_bound),
        TEST(test_what_it_took_is_told),
        TEST(test_a_policy_that_is_none_is_refused),
    };
    return cmocka_run_group_tests_name("offline", tests, NULL, NULL);
}
