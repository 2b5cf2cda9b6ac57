/* tests/unit/test_state.c - the connection's state: when it changes, who is told, what is held back from damped listeners, and what
 * counts as an error. Numbers such as F-14 are those of the catalogue of failures. */
#include "unit.h"

#include <docent/lock.h>
#include <docent/watch.h>

#include "tests/lib/test_alloc.h"
#include "tests/unit/peer.h"

static struct peer peer;
static struct peer_frame frame;

struct hearer { /* A listener, and what it was told. */
    docent_state_listener *listener;
    docent_state_event events[64];
    size_t count;
    bool leaves; /* Removes itself. */
};

static void hear(const docent_state_event *event, void *user)
{
    struct hearer *hearer = user;
    if (hearer->count < 64) hearer->events[hearer->count] = *event;
    hearer->count++;
    assert_int_equal(docent_client_state(peer.client), event->state);
    assert_int_equal(docent_client_get_generation(peer.client), event->generation);
    if (hearer->leaves) docent_client_unlisten(hearer->listener);
}

static void listen_damped(struct hearer *hearer, const docent_retry *policy)
{
    docent_listen_options options = { DOCENT_LISTEN_OPTIONS, .damping = policy };
    *hearer = (struct hearer){ 0 };
    assert_int_equal(docent_client_listen_with(peer.client, &options, hear, hearer, &hearer->listener), DOCENT_OK);
}

static void expect_told(const struct hearer *hearer, size_t count, docent_state last)
{
    assert_int_equal(hearer->count, count);
    assert_int_equal(hearer->events[count - 1].state, last);
}

static void start_asking(uint32_t asked_ms, int32_t granted_ms)
{
    peer_start(&peer, 1, asked_ms, NULL);
    peer_online(&peer, 77, granted_ms);
    assert_int_equal(docent_client_state(peer.client), DOCENT_CONNECTED);
}

static int start(void **state)
{
    (void)state;
    start_asking(60000, 60000);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    peer_stop(&peer);
    return 0;
}

/* The link goes, and stays away. */
static void go_offline(void)
{
    peer.manual = true;
    peer_cut(&peer);
}

/* It comes back: the next server is reached when the client wants one. */
static void come_back(int64_t session_id, int32_t timeout_ms)
{
    peer.manual = false;
    for (int i = 0; i < 1000 && peer.size == 0; i++) {
        if (peer.link.wanted) peer.link.serial--; /* As if it were a new one, which can be reached. */
        peer_work(&peer);
        uint64_t at = docent_core_deadline(peer.client);
        if (peer.size == 0) peer_pass(&peer, at > peer.now + 1000 ? 1000 : at > peer.now ? at - peer.now : 1);
    }
    peer_online(&peer, session_id, timeout_ms);
}

static void flap(unsigned times)
{
    for (unsigned i = 0; i < times; i++) {
        int64_t session = docent_client_session(peer.client, NULL);
        peer_cut(&peer);
        come_back(session, 60000);
    }
}

/* Time passes on a healthy link. */
static void pass(uint64_t ms)
{
    uint64_t end = peer.now + ms;
    while (peer.now < end) {
        peer_pass(&peer, end - peer.now < 10000 ? end - peer.now : 10000);
        while (peer_take(&peer, &frame)) peer_reply(&peer, WIRE_XID_PING, 1, 0, NULL, 0);
    }
}

/* The servers end the session at the next handshake. */
static void expire(int64_t next_session)
{
    peer_cut(&peer);
    come_back(0, 0);
    come_back(next_session, 60000);
}

/* ---- Listeners and damping. ---- */

static void test_an_undamped_listener_hears_everything(void **state)
{
    (void)state;
    static struct hearer all;
    listen_damped(&all, NULL);
    flap(3);
    expect_told(&all, 6, DOCENT_CONNECTED);
    for (size_t i = 0; i < 6; i++) assert_int_equal(all.events[i].state, i % 2 == 0 ? DOCENT_SUSPENDED : DOCENT_CONNECTED);
    assert_int_equal(all.events[5].connections, 4);
}

static void test_a_flapping_link_is_told_as_one_outage(void **state)
{
    (void)state;
    static struct hearer damped;
    docent_retry policy = docent_retry_n_times(3, 100000);
    listen_damped(&damped, &policy);
    uint64_t begun = peer.now;
    flap(5);
    expect_told(&damped, 1, DOCENT_SUSPENDED);
    pass(begun + 100000 - 1 - peer.now);
    assert_int_equal(damped.count, 1);
    pass(1);
    expect_told(&damped, 2, DOCENT_CONNECTED);
    assert_false(damped.events[1].new_session);
    assert_int_equal(damped.events[1].connections, 6);
    peer_cut(&peer); /* And from the start. */
    expect_told(&damped, 3, DOCENT_SUSPENDED);
}

static void test_pauses_follow_while_not_connected(void **state)
{
    (void)state;
    static struct hearer damped;
    docent_retry policy = docent_retry_n_times(3, 5000);
    listen_damped(&damped, &policy);
    go_offline();
    peer_pass(&peer, 5100); /* The second pause has begun. */
    come_back(77, 60000);
    expect_told(&damped, 1, DOCENT_SUSPENDED);
    peer_pass(&peer, 4999 - 100);
    assert_int_equal(damped.count, 1);
    peer_pass(&peer, 101);
    expect_told(&damped, 2, DOCENT_CONNECTED);
}

static void test_without_pauses_left_every_change_is_told(void **state)
{
    (void)state;
    static struct hearer damped;
    docent_retry policy = docent_retry_n_times(2, 5000);
    listen_damped(&damped, &policy);
    go_offline();
    peer_pass(&peer, 10001);
    expect_told(&damped, 1, DOCENT_SUSPENDED); /* The latest does not differ. */
    come_back(77, 60000);
    expect_told(&damped, 2, DOCENT_CONNECTED); /* At once. */
}

static void test_when_pauses_end_the_latest_state_is_told_if_it_differs(void **state)
{
    (void)state;
    static struct hearer damped;
    docent_retry policy = docent_retry_n_times(1, 20000);
    listen_damped(&damped, &policy);
    peer_cut(&peer);
    come_back(0, 0); /* Expired. */
    expect_told(&damped, 2, DOCENT_LOST);
    come_back(78, 60000);
    go_offline();
    peer_pass(&peer, 15000);
    assert_int_equal(damped.count, 2);
    peer_pass(&peer, 5000);
    expect_told(&damped, 3, DOCENT_SUSPENDED);
    assert_int_equal(damped.events[2].generation, 2);
}

static void test_the_first_loss_passes_and_no_other(void **state)
{
    (void)state;
    static struct hearer damped;
    docent_retry policy = docent_retry_n_times(1, 100000);
    listen_damped(&damped, &policy);
    expire(78);
    expect_told(&damped, 2, DOCENT_LOST);
    assert_int_equal(damped.events[1].generation, 1);
    expire(79);
    flap(2);
    assert_int_equal(damped.count, 2);
    pass(100000);
    expect_told(&damped, 3, DOCENT_CONNECTED);
    assert_int_equal(damped.events[2].generation, 3);
    assert_true(damped.events[2].new_session); /* Of what was held back, not of the last reconnect. */
}

static void test_every_outage_is_damped_from_the_start(void **state)
{
    (void)state;
    static struct hearer damped;
    docent_retry policy = docent_retry_n_times(2, 100000);
    listen_damped(&damped, &policy);
    for (size_t outage = 0; outage < 3; outage++) {
        peer_cut(&peer);
        come_back(0, 0);
        expect_told(&damped, 3 * outage + 2, DOCENT_LOST);
        peer.manual = true;
        peer_pass(&peer, 150000); /* One pause is over. */
        come_back(78 + (int64_t)outage, 60000);
        assert_int_equal(damped.count, 3 * outage + 2);
        pass(100000);
        expect_told(&damped, 3 * outage + 3, DOCENT_CONNECTED);
    }
}

static void test_that_data_went_back_is_not_lost_on_a_damped_listener(void **state)
{
    (void)state;
    static struct hearer damped;
    docent_retry policy = docent_retry_n_times(1, 1000000);
    listen_damped(&damped, &policy);
    static struct outcome outcome;
    assert_int_equal(docent_get_async(peer.client, "/a", outcome_tell, &outcome), DOCENT_OK);
    peer_expect(&peer, WIRE_OP_GET_DATA, &frame);
    docent_stat stat = { .czxid = 1 };
    peer_reply_data(&peer, frame.xid, 1000, "v", &stat);
    peer_cut(&peer);
    for (bool forgotten = false; !forgotten;) { /* Every handshake is refused without a word, until zxid 0 is presented. */
        peer_pass(&peer, 100);
        if (peer.size == 0) continue;
        forgotten = peer_expect_connect(&peer).last_zxid == 0;
        if (!forgotten) peer_cut(&peer);
    }
    peer_accept(&peer, 78, 60000);
    peer_expect(&peer, WIRE_OP_PING, &frame);
    peer_reply(&peer, WIRE_XID_PING, 3, 0, NULL, 0);
    assert_true(peer.last_event.went_back);
    flap(1);
    assert_false(peer.last_event.went_back);
    expect_told(&damped, 2, DOCENT_LOST);
    pass(1000000);
    expect_told(&damped, 3, DOCENT_CONNECTED);
    assert_true(damped.events[2].went_back);
}

static void test_a_policy_without_pauses_does_not_damp(void **state)
{
    (void)state;
    static struct hearer damped;
    docent_retry policy = docent_retry_n_times(0, 5000);
    listen_damped(&damped, &policy);
    flap(2);
    expect_told(&damped, 4, DOCENT_CONNECTED);
}

static void test_a_policy_may_end_damping_with_the_session(void **state)
{
    (void)state;
    static struct hearer damped;
    docent_retry policy = docent_retry_session_fails(docent_retry_n_times(10, 1000));
    listen_damped(&damped, &policy);
    peer_cut(&peer);
    come_back(0, 0);
    expect_told(&damped, 2, DOCENT_LOST);
    go_offline();
    peer_pass(&peer, 1000); /* The pause is over; the session is, too. */
    come_back(78, 60000);
    expect_told(&damped, 3, DOCENT_CONNECTED);
}

/* Only the loss of a session is worth a pause. */
static bool pause_for_a_loss(uint32_t tries, uint64_t elapsed_ms, docent_status cause, uint64_t *ret_delay_ms, void *user)
{
    (void)tries;
    (void)elapsed_ms;
    (void)cause;
    (void)user;
    *ret_delay_ms = 100000;
    return docent_client_state(peer.client) == DOCENT_LOST;
}

static void test_a_loss_that_begins_the_damping_is_the_only_one_told(void **state)
{
    (void)state;
    static struct hearer damped;
    docent_retry policy = docent_retry_custom(pause_for_a_loss, NULL);
    listen_damped(&damped, &policy);
    expire(78);
    expect_told(&damped, 2, DOCENT_LOST);
    expire(79);
    assert_int_equal(damped.count, 2);
    pass(100000);
    expect_told(&damped, 3, DOCENT_CONNECTED);
}

static void test_elapsed_time_bounds_damping(void **state)
{
    (void)state;
    static struct hearer damped;
    docent_retry policy = docent_retry_until_elapsed(3500, 1000);
    listen_damped(&damped, &policy);
    go_offline();
    peer_pass(&peer, 3001); /* Three pauses; a fourth would end too late. */
    come_back(77, 60000);
    expect_told(&damped, 2, DOCENT_CONNECTED);
}

static void test_the_end_of_the_client_is_told_at_once(void **state)
{
    (void)state;
    static struct hearer damped, twice;
    docent_retry policy = docent_retry_n_times(3, 5000);
    listen_damped(&damped, &policy);
    listen_damped(&twice, &policy);
    peer_cut(&peer);
    peer_stop(&peer);
    expect_told(&damped, 2, DOCENT_CLOSED);
    expect_told(&twice, 2, DOCENT_CLOSED);
    (void)start(NULL);
}

static void test_each_listener_has_a_breaker_of_its_own(void **state)
{
    (void)state;
    static struct hearer brief, late, all;
    docent_retry short_one = docent_retry_n_times(1, 50000), long_one = docent_retry_n_times(1, 90000);
    listen_damped(&brief, &short_one);
    listen_damped(&late, &long_one);
    listen_damped(&all, NULL);
    flap(2);
    pass(50000);
    expect_told(&brief, 2, DOCENT_CONNECTED);
    expect_told(&late, 1, DOCENT_SUSPENDED);
    expect_told(&all, 4, DOCENT_CONNECTED);
    pass(40000);
    expect_told(&late, 2, DOCENT_CONNECTED);
}

static void damp_on_state(docent_client_options *options)
{
    static docent_retry policy;
    policy = docent_retry_n_times(3, 50000);
    options->damping = &policy;
}

static void test_on_state_can_be_damped(void **state)
{
    (void)state;
    peer_stop(&peer);
    peer_start(&peer, 1, 60000, damp_on_state);
    peer_online(&peer, 77, 60000);
    assert_int_equal(peer.state_count, 1);
    flap(3);
    assert_int_equal(peer.state_count, 2);
    pass(50000);
    assert_int_equal(peer.state_count, 3);
    assert_int_equal(peer.states[2], DOCENT_CONNECTED);
}

static void test_a_damped_listener_may_leave_at_any_time(void **state)
{
    (void)state;
    static struct hearer at_first, at_last, outside;
    docent_retry policy = docent_retry_n_times(1, 5000);
    listen_damped(&at_first, &policy);
    at_first.leaves = true;
    listen_damped(&at_last, &policy);
    listen_damped(&outside, &policy);
    flap(1);
    docent_client_unlisten(outside.listener); /* While its timer runs. */
    at_last.leaves = true;
    peer_pass(&peer, 20000);
    assert_int_equal(at_first.count, 1);
    assert_int_equal(at_last.count, 2);
    assert_int_equal(outside.count, 1);
}

static struct hearer neighbour;

static void hear_and_remove(const docent_state_event *event, void *user)
{
    hear(event, user);
    if (event->state == DOCENT_CONNECTED) docent_client_unlisten(neighbour.listener);
}

static void test_a_damped_listener_may_be_removed_while_it_is_about_to_be_told(void **state)
{
    (void)state;
    static struct hearer first;
    docent_retry policy = docent_retry_n_times(1, 50000);
    docent_listen_options options = { DOCENT_LISTEN_OPTIONS, .damping = &policy };
    first = (struct hearer){ 0 };
    assert_int_equal(docent_client_listen_with(peer.client, &options, hear_and_remove, &first, &first.listener), DOCENT_OK);
    listen_damped(&neighbour, &policy);
    flap(1);
    pass(50000); /* Both pauses end in one turn. */
    assert_int_equal(first.count, 2);
    assert_int_equal(neighbour.count, 1);
}

static struct hearer decided;

struct decision { /* Removes the listener at this try. */
    uint32_t at;
    uint64_t delay_ms;
    bool gives;
};

static bool decide_to_leave(uint32_t tries, uint64_t elapsed_ms, docent_status cause, uint64_t *ret_delay_ms, void *user)
{
    const struct decision *decision = user;
    (void)elapsed_ms;
    (void)cause;
    if (tries == decision->at) docent_client_unlisten(decided.listener);
    *ret_delay_ms = tries == decision->at ? UINT64_MAX : decision->delay_ms;
    return tries != decision->at || decision->gives;
}

static void test_a_policy_of_the_application_s_own_may_remove_its_listener(void **state)
{
    (void)state;
    static const struct {
        struct decision decision;
        size_t told;
    } rows[] = { { { 1, 0, true }, 0 }, { { 1, 0, false }, 0 }, { { 2, 0, true }, 1 }, { { 2, 0, false }, 1 },
                 { { 2, 1000, true }, 2 }, { { 2, 1000, false }, 2 } };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct decision decision = rows[i].decision;
        docent_retry policy = docent_retry_custom(decide_to_leave, &decision);
        listen_damped(&decided, &policy);
        if (decision.delay_ms == 0) { /* Taken for 1 ms. */
            go_offline();
        } else {
            peer_cut(&peer);
            come_back(0, 0);
            come_back(78, 60000);
            go_offline(); /* Another state than LOST, which was told last. */
        }
        peer_pass(&peer, 2000);
        assert_int_equal(decided.count, rows[i].told);
        come_back(docent_client_session(peer.client, NULL), 60000);
        pass(1000);
        assert_int_equal(decided.count, rows[i].told);
    }
}

static struct test_alloc counted;

static void with_counted_memory(docent_client_options *options)
{
    damp_on_state(options);
    test_alloc_init(&counted, 0);
    options->allocator = &counted.allocator;
}

static void test_damped_listeners_leave_nothing(void **state)
{
    (void)state;
    static struct hearer damped[40];
    peer_stop(&peer);
    peer_start(&peer, 1, 60000, with_counted_memory);
    peer_online(&peer, 77, 60000);
    docent_retry policy = docent_retry_n_times(3, 5000);
    for (size_t i = 0; i < 40; i++) listen_damped(&damped[i], &policy);
    for (size_t i = 0; i < 40; i += 2) docent_client_unlisten(damped[i].listener);
    counted.calls = 0;
    for (size_t i = 0; i < 1000; i++) {
        listen_damped(&damped[0], &policy);
        docent_client_unlisten(damped[0].listener);
    }
    assert_int_equal(counted.calls, 1000); /* Their room among the timers was given back. */
    peer_cut(&peer);
    peer_stop(&peer); /* With timers running. */
    assert_int_equal(counted.outstanding, 0);
    for (size_t i = 1; i < 40; i += 2) expect_told(&damped[i], 2, DOCENT_CLOSED);
    (void)start(NULL);
}

static void test_listening_without_memory_fails_and_leaves_nothing(void **state)
{
    (void)state;
    peer_stop(&peer);
    peer_start(&peer, 1, 60000, with_counted_memory);
    peer_online(&peer, 77, 60000);
    static struct hearer damped[16];
    docent_retry policy = docent_retry_n_times(3, 5000);
    docent_listen_options options = { DOCENT_LISTEN_OPTIONS, .damping = &policy };
    size_t refused = 0;
    for (size_t i = 0; i < 16; i++) { /* Some need room for their timers, too. */
        for (size_t fail = 1; fail <= 2; fail++) {
            size_t before = counted.outstanding;
            docent_state_listener *listener = NULL;
            counted.calls = 0;
            counted.fail_at = fail;
            docent_status status = docent_client_listen_with(peer.client, &options, hear, &damped[i], &listener);
            counted.fail_at = 0;
            if (status == DOCENT_OK) {
                docent_client_unlisten(listener);
            } else {
                assert_int_equal(status, DOCENT_ERR_NO_MEMORY);
                assert_null(listener);
                refused++;
            }
            assert_true(counted.outstanding <= before + 1); /* A larger table of timers stays. */
        }
        listen_damped(&damped[i], &policy);
    }
    assert_true(refused > 16);
}

static void test_bad_options_are_refused(void **state)
{
    (void)state;
    docent_state_listener *listener = NULL;
    docent_listen_options sizeless = { 0 };
    docent_retry sizeless_policy = { 0 };
    docent_listen_options bad_policy = { DOCENT_LISTEN_OPTIONS, .damping = &sizeless_policy };
    assert_int_equal(docent_client_listen_with(peer.client, &sizeless, hear, NULL, &listener), DOCENT_ERR_INVALID_ARGUMENT);
    assert_int_equal(docent_client_listen_with(peer.client, &bad_policy, hear, NULL, &listener), DOCENT_ERR_INVALID_ARGUMENT);
    assert_int_equal(docent_client_listen_with(peer.client, NULL, NULL, NULL, &listener), DOCENT_ERR_INVALID_ARGUMENT);
    assert_null(listener);
}

/* ---- What counts as an error. ---- */

static void test_errors_are_what_the_policy_says(void **state)
{
    (void)state;
    static const bool due[3][6] = { /* disconnected, connected, read-only, suspended, lost, closed */
        [DOCENT_ERROR_POLICY_DEFAULT] = { true, false, false, true, true, true },
        [DOCENT_ERROR_POLICY_SUSPENDED] = { true, false, false, true, true, true },
        [DOCENT_ERROR_POLICY_LOST] = { true, false, false, false, true, true },
    };
    for (unsigned policy = 0; policy < 3; policy++) {
        for (unsigned s = DOCENT_DISCONNECTED; s <= DOCENT_CLOSED; s++) {
            assert_int_equal(docent_state_is_error((docent_error_policy)policy, (docent_state)s), due[policy][s]);
        }
    }
}

static void only_lost(docent_client_options *options)
{
    options->error_policy = DOCENT_ERROR_POLICY_LOST;
}

static void test_events_say_whether_they_are_errors(void **state)
{
    (void)state;
    static struct hearer all;
    listen_damped(&all, NULL);
    flap(1);
    assert_true(all.events[0].is_error);
    assert_false(all.events[1].is_error);
    peer_stop(&peer);
    peer_start(&peer, 1, 60000, only_lost);
    peer_online(&peer, 77, 60000);
    listen_damped(&all, NULL);
    peer_cut(&peer);
    come_back(0, 0);
    assert_int_equal(all.count, 2);
    assert_false(all.events[0].is_error);
    assert_true(all.events[1].is_error);
}

/* ---- The catalogue. ---- */

static void test_f14_who_is_cut_off_learns_of_the_end_once_and_at_the_deadline(void **state)
{
    (void)state;
    peer_pass(&peer, 1000);
    static struct hearer all;
    listen_damped(&all, NULL);
    go_offline();
    peer_pass(&peer, 60000 - 1000 - 1);
    expect_told(&all, 1, DOCENT_SUSPENDED);
    assert_int_equal(docent_client_lease_ms(peer.client), 1);
    peer_pass(&peer, 1);
    expect_told(&all, 2, DOCENT_LOST);
    peer_pass(&peer, 600000);
    assert_int_equal(all.count, 2);
    come_back(0, 0); /* It was over there, too. */
    come_back(78, 60000);
    expect_told(&all, 3, DOCENT_CONNECTED);
    assert_true(all.events[2].new_session);
}

static void test_f15_what_was_told_last_is_so_when_the_link_heals_at_the_deadline(void **state)
{
    (void)state;
    for (int tick = -2; tick <= 2; tick++) {
        static struct hearer all;
        listen_damped(&all, NULL);
        uint64_t generation = docent_client_get_generation(peer.client);
        go_offline();
        peer_pass(&peer, docent_client_lease_ms(peer.client) - 100);
        peer.manual = false;
        while (peer.size == 0) { /* The connection is there; the answer to its handshake comes at the deadline or about it. */
            if (peer.link.wanted) peer.link.serial--;
            peer_work(&peer);
            if (peer.size == 0) peer_pass(&peer, 1);
        }
        peer_pass(&peer, (uint64_t)((int64_t)docent_client_lease_ms(peer.client) + tick));
        assert_int_equal(docent_client_state(peer.client), tick < 0 ? DOCENT_SUSPENDED : DOCENT_LOST);
        int64_t presented = peer_expect_connect(&peer).session_id;
        peer_accept(&peer, presented, 60000);
        if (tick >= 0) { /* Lost is lost, though the server says otherwise: it is closed, and a new one opened. */
            peer_expect(&peer, WIRE_OP_CLOSE_SESSION, &frame);
            peer_reply(&peer, frame.xid, 20, 0, NULL, 0);
            come_back(presented + 1, 60000);
        }
        expect_told(&all, tick < 0 ? 2 : 3, DOCENT_CONNECTED);
        assert_int_equal(docent_client_state(peer.client), DOCENT_CONNECTED);
        assert_int_equal(docent_client_get_generation(peer.client), generation + (tick >= 0));
        assert_int_equal(all.events[all.count - 1].new_session, tick >= 0);
        peer_pass(&peer, 1000);
        assert_int_equal(all.count, tick < 0 ? 2 : 3);
        docent_client_unlisten(all.listener);
    }
}

static void test_f16_the_deadline_is_the_negotiated_time_out_whatever_was_asked_for(void **state)
{
    (void)state;
    static const struct {
        uint32_t asked;
        int32_t granted;
    } times[] = { { 6000, 600 }, { 6000, 60000 }, { 6000, 1 }, { 1, 6000 }, { INT32_MAX, INT32_MAX }, { 6000, INT32_MAX }, { INT32_MAX, 6000 } };
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        peer_stop(&peer);
        peer_start(&peer, 1, times[i].asked, NULL);
        static struct hearer all;
        listen_damped(&all, NULL);
        uint64_t begun = peer.now;
        peer_expect_connect(&peer);
        peer.manual = true; /* From the answer on everything is silent. */
        peer_accept(&peer, 77, times[i].granted);
        peer_pass(&peer, (uint64_t)times[i].granted - 1);
        if (times[i].granted == 1) { /* Less than it takes to send a heartbeat. */
            assert_true(all.events[all.count - 1].state != DOCENT_LOST);
        } else {
            expect_told(&all, 2, DOCENT_SUSPENDED);
        }
        peer_pass(&peer, 1);
        expect_told(&all, 3, DOCENT_LOST);
        assert_int_equal(peer.now - begun, (uint64_t)times[i].granted);
        peer_pass(&peer, 100000);
        assert_int_equal(all.count, 3); /* Once a session. */
    }
}

static void allow_read_only(docent_client_options *options)
{
    options->read_only_allowed = true;
}

static void test_f32_the_first_connection_is_an_event_like_every_other(void **state)
{
    (void)state;
    static struct hearer all;
    peer_stop(&peer);
    peer_start(&peer, 1, 60000, allow_read_only);
    listen_damped(&all, NULL);
    assert_int_equal(docent_client_state(peer.client), DOCENT_DISCONNECTED);
    assert_int_equal(docent_client_get_generation(peer.client), 0);
    for (int i = 0; i < 5; i++) { /* Servers that hang up before there is a session: nothing to tell. */
        peer_cut(&peer);
        peer_pass(&peer, 5000);
    }
    assert_int_equal(all.count, 0);
    peer.read_only = true;
    come_back(77, 60000);
    flap(2);
    static const docent_state due[] = { DOCENT_READ_ONLY, DOCENT_SUSPENDED, DOCENT_READ_ONLY, DOCENT_SUSPENDED, DOCENT_READ_ONLY };
    assert_int_equal(all.count, 5);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(all.events[i].state, due[i]);
        assert_int_equal(all.events[i].connections, i / 2 + 1);
        assert_int_equal(all.events[i].new_session, i == 0);
        assert_int_equal(all.events[i].generation, 1);
    }
}

static void on_watch(const docent_watch_event *event, void *user)
{
    (void)event;
    (void)user;
}

static void on_done(docent_status status, void *user)
{
    (void)status;
    (void)user;
}

static void test_f32_what_starts_before_any_connection_begins_with_the_first(void **state)
{
    (void)state;
    peer_stop(&peer);
    peer_start(&peer, 1, 60000, NULL);
    docent_lock *lock = NULL;
    docent_watch *watch = NULL;
    static struct outcome outcome;
    assert_int_equal(docent_lock_new(peer.client, "/l", NULL, &lock), DOCENT_OK);
    assert_int_equal(docent_lock_acquire_async(lock, DOCENT_FOREVER, on_done, NULL), DOCENT_OK);
    assert_int_equal(docent_get_async(peer.client, "/a", outcome_tell, &outcome), DOCENT_OK);
    assert_int_equal(docent_watch_async(peer.client, "/w", DOCENT_WATCH_PERSISTENT, on_watch, NULL, &watch), DOCENT_OK);
    go_offline();
    peer_pass(&peer, 20000);
    come_back(77, 60000);
    int32_t ops[8] = { 0 };
    size_t count = 0;
    peer_work(&peer);
    while (count < 8 && peer_take(&peer, &frame)) ops[count++] = frame.op;
    bool created = false, got = false, watched = false;
    for (size_t i = 0; i < count; i++) {
        created = created || ops[i] == WIRE_OP_CREATE || ops[i] == WIRE_OP_CREATE2;
        got = got || ops[i] == WIRE_OP_GET_DATA;
        watched = watched || ops[i] == WIRE_OP_ADD_WATCH;
    }
    assert_true(created && got && watched);
    docent_lock_close(lock, NULL, NULL);
    docent_watch_cancel(watch);
}

struct count { /* Of a listener that only counts. */
    unsigned told[DOCENT_CLOSED + 1];
    unsigned out_of_turn;
    docent_state last;
    uint64_t connections;
};

static void count_state(const docent_state_event *event, void *user)
{
    struct count *count = user;
    bool connected = event->state == DOCENT_CONNECTED;
    count->told[event->state]++;
    if (event->state == count->last || event->connections != count->connections + connected) count->out_of_turn++;
    count->last = event->state;
    count->connections = event->connections;
}

static void test_f33_of_ten_thousand_changes_none_is_lost(void **state)
{
    (void)state;
    enum { TIMES = 10000, PAUSE_MS = 400000000 };
    static struct count all, damped;
    all = (struct count){ .last = DOCENT_CONNECTED, .connections = 1 };
    damped = (struct count){ .last = DOCENT_CONNECTED, .connections = 1 };
    docent_retry policy = docent_retry_n_times(1, PAUSE_MS);
    docent_listen_options options = { DOCENT_LISTEN_OPTIONS, .damping = &policy };
    docent_state_listener *listener;
    assert_int_equal(docent_client_listen(peer.client, count_state, &all, &listener), DOCENT_OK);
    assert_int_equal(docent_client_listen_with(peer.client, &options, count_state, &damped, &listener), DOCENT_OK);
    flap(TIMES);
    assert_int_equal(all.told[DOCENT_SUSPENDED], TIMES);
    assert_int_equal(all.told[DOCENT_CONNECTED], TIMES);
    assert_int_equal(all.out_of_turn, 0);
    assert_int_equal(all.connections, TIMES + 1);
    assert_int_equal(damped.told[DOCENT_SUSPENDED], 1);
    assert_int_equal(damped.told[DOCENT_CONNECTED], 0);
    pass(PAUSE_MS); /* The link does not flap any more. */
    assert_int_equal(all.told[DOCENT_SUSPENDED], TIMES);
    assert_int_equal(damped.told[DOCENT_CONNECTED], 1);
    assert_int_equal(damped.connections, TIMES + 1);
}

/* What a callback finds when it asks. */
struct finding {
    unsigned calls;
    docent_state state;
    uint64_t generation;
};

static void find(struct finding *finding)
{
    finding->calls++;
    finding->state = docent_client_state(peer.client);
    finding->generation = docent_client_get_generation(peer.client);
}

static void find_result(const docent_result *result, void *user)
{
    (void)result;
    find(user);
}

static void find_watch(const docent_watch_event *event, void *user)
{
    (void)event;
    find(user);
}

static void find_done(docent_status status, void *user)
{
    (void)status;
    find(user);
}

static void test_f34_every_callback_finds_the_state_that_it_is_called_for(void **state)
{
    (void)state;
    static struct finding lost_reply, expired_call, expired_watch, expired_lock;
    docent_retry never = docent_retry_n_times(0, 0);
    docent_call_options fails = { DOCENT_CALL_OPTIONS, .retry = &never };
    docent_call_options session = { DOCENT_CALL_OPTIONS, .offline = DOCENT_OFFLINE_SESSION, .timeout_ms = DOCENT_FOREVER };
    docent_op get = docent_op_get("/a");
    docent_watch *watch = NULL;
    docent_lock *lock = NULL;
    assert_int_equal(docent_run_async(peer.client, &get, &fails, find_result, &lost_reply), DOCENT_OK);
    assert_int_equal(docent_watch_async(peer.client, "/w", DOCENT_WATCH_PERSISTENT, find_watch, &expired_watch, &watch), DOCENT_OK);
    assert_int_equal(docent_lock_new(peer.client, "/l", NULL, &lock), DOCENT_OK);
    assert_int_equal(docent_lock_acquire_async(lock, DOCENT_FOREVER, find_done, &expired_lock), DOCENT_OK);
    peer_work(&peer);
    go_offline();
    assert_int_equal(lost_reply.calls, 1);
    assert_int_equal(lost_reply.state, DOCENT_SUSPENDED);
    assert_int_equal(docent_run_async(peer.client, &get, &session, find_result, &expired_call), DOCENT_OK);
    peer_pass(&peer, 60000);
    assert_int_equal(expired_call.calls, 1);
    assert_int_equal(expired_call.state, DOCENT_LOST);
    assert_int_equal(expired_call.generation, 1);
    assert_int_equal(expired_lock.calls, 1);
    assert_int_equal(expired_lock.state, DOCENT_LOST);
    assert_true(expired_watch.calls > 0); /* It has ended, so there is nothing left to be cancelled. */
    docent_lock_close(lock, NULL, NULL);
}

static void search_for_writers(docent_client_options *options)
{
    options->read_only_allowed = true;
    options->no_probe = false;
}

static void test_f34_a_queued_change_does_not_show_before_it_is_told(void **state)
{
    (void)state;
    static struct hearer all;
    static const char srvr[] = "Zookeeper version: 3.8.0-1, built on 2022\nMode: follower\n";
    struct docent_address writer;
    peer_stop(&peer);
    peer_start(&peer, 2, 60000, search_for_writers);
    peer.read_only = true;
    while (docent_client_state(peer.client) != DOCENT_READ_ONLY) {
        if (docent_core_wants_probe(peer.client, &writer)) docent_core_probed(peer.client, peer.now, &writer, "", 0);
        peer_work(&peer);
        if (peer.size > 0) peer_accept(&peer, peer_expect_connect(&peer).session_id + 77, 60000);
    }
    listen_damped(&all, NULL); /* It compares what it is told with what it finds. */
    while (!docent_core_wants_probe(peer.client, &writer)) peer_pass(&peer, 100);
    docent_core_probed(peer.client, peer.now, &writer, srvr, sizeof srvr - 1);
    peer.read_only = false;
    peer_online(&peer, 78, 60000); /* The end of one session and the beginning of the next, in one turn. */
    expect_told(&all, 3, DOCENT_CONNECTED);
    assert_int_equal(all.events[1].state, DOCENT_LOST);
    assert_int_equal(all.events[1].generation, 1);
    assert_int_equal(all.events[2].generation, 2);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, start, stop)
    const struct CMUnitTest tests[] = {
        TEST(test_an_undamped_listener_hears_everything),
        TEST(test_a_flapping_link_is_told_as_one_outage),
        TEST(test_pauses_follow_while_not_connected),
        TEST(test_without_pauses_left_every_change_is_told),
        TEST(test_when_pauses_end_the_latest_state_is_told_if_it_differs),
        TEST(test_the_first_loss_passes_and_no_other),
        TEST(test_every_outage_is_damped_from_the_start),
        TEST(test_that_data_went_back_is_not_lost_on_a_damped_listener),
        TEST(test_a_policy_without_pauses_does_not_damp),
        TEST(test_a_policy_may_end_damping_with_the_session),
        TEST(test_a_loss_that_begins_the_damping_is_the_only_one_told),
        TEST(test_elapsed_time_bounds_damping),
        TEST(test_the_end_of_the_client_is_told_at_once),
        TEST(test_each_listener_has_a_breaker_of_its_own),
        TEST(test_on_state_can_be_damped),
        TEST(test_a_damped_listener_may_leave_at_any_time),
        TEST(test_a_damped_listener_may_be_removed_while_it_is_about_to_be_told),
        TEST(test_a_policy_of_the_application_s_own_may_remove_its_listener),
        TEST(test_damped_listeners_leave_nothing),
        TEST(test_listening_without_memory_fails_and_leaves_nothing),
        TEST(test_bad_options_are_refused),
        TEST(test_errors_are_what_the_policy_says),
        TEST(test_events_say_whether_they_are_errors),
        TEST(test_f14_who_is_cut_off_learns_of_the_end_once_and_at_the_deadline),
        TEST(test_f15_what_was_told_last_is_so_when_the_link_heals_at_the_deadline),
        TEST(test_f16_the_deadline_is_the_negotiated_time_out_whatever_was_asked_for),
        TEST(test_f32_the_first_connection_is_an_event_like_every_other),
        TEST(test_f32_what_starts_before_any_connection_begins_with_the_first),
        TEST(test_f33_of_ten_thousand_changes_none_is_lost),
        TEST(test_f34_every_callback_finds_the_state_that_it_is_called_for),
        TEST(test_f34_a_queued_change_does_not_show_before_it_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
