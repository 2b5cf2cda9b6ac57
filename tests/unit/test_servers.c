/* tests/unit/test_servers.c - a new list of servers: who moves where, and what becomes of the session. */
#include "unit.h"

#include "tests/unit/peer.h"

/* ---- The rule, for many clients at once. ---- */

enum { CLIENTS = 2000, SERVERS = 12 };

struct crowd {
    struct servers servers[CLIENTS];
    struct docent_address at[CLIENTS]; /* Connected to. */
    size_t moved;
};

static void *plain_alloc(size_t size, void *user)
{
    (void)user;
    return malloc(size);
}

static void *plain_resize(void *block, size_t size, void *user)
{
    (void)user;
    return realloc(block, size);
}

static void plain_release(void *block, void *user)
{
    (void)user;
    free(block);
}

static const docent_allocator plain = { plain_alloc, plain_resize, plain_release, NULL };
static struct crowd crowd;

static struct docent_address server(unsigned number)
{
    return (struct docent_address){ .family = 4, .ip = { 10, 0, 0, (uint8_t)number }, .port = 2181 };
}

static size_t make_list(const char *numbers, struct docent_address list[SERVERS])
{
    size_t count = strlen(numbers);
    for (size_t i = 0; i < count; i++) list[i] = server((unsigned)(numbers[i] - 'a'));
    return count;
}

static bool is_in(const struct docent_address *address, const char *numbers)
{
    return strchr(numbers, 'a' + address->ip[3]) != NULL;
}

/* The first server that is not down takes it. */
static void client_connect(size_t i, const char *down)
{
    const struct docent_address *next;
    do {
        next = docent_servers_take(&crowd.servers[i]);
        assert_non_null(next);
    } while (is_in(next, down));
    crowd.at[i] = *next;
    docent_servers_settle(&crowd.servers[i], next);
    docent_servers_good(&crowd.servers[i]);
}

static void crowd_start(const char *numbers, uint64_t seed)
{
    struct docent_address list[SERVERS];
    size_t count = make_list(numbers, list);
    for (size_t i = 0; i < CLIENTS; i++) {
        docent_servers_init(&crowd.servers[i], &plain, docent_random_next(&seed));
        docent_servers_set(&crowd.servers[i], list, count);
        docent_servers_begin_sweep(&crowd.servers[i]);
        client_connect(i, "");
    }
}

static void crowd_stop(void)
{
    for (size_t i = 0; i < CLIENTS; i++) docent_servers_free(&crowd.servers[i]);
}

static void crowd_update(const char *numbers, const char *down)
{
    struct docent_address list[SERVERS];
    size_t count = make_list(numbers, list);
    crowd.moved = 0;
    for (size_t i = 0; i < CLIENTS; i++) {
        if (!docent_servers_update(&crowd.servers[i], &crowd.at[i], list, count)) continue;
        crowd.moved++;
        client_connect(i, down);
    }
}

/* Within five standard deviations: one wrong verdict in a million, and the seeds are fixed. */
static void assert_about(size_t count, double expected, double of)
{
    double share = expected / of;
    double variance = of * share * (1 - share), off = (double)count - expected;
    if (off * off > 25 * variance + 0.25) fail_msg("%zu, not about %.1f of %.0f", count, expected, of);
}

static void assert_even(const char *numbers)
{
    size_t all = 0;
    for (const char *number = numbers; *number != '\0'; number++) {
        struct docent_address address = server((unsigned)(*number - 'a'));
        size_t here = 0;
        for (size_t i = 0; i < CLIENTS; i++) here += docent_address_equal(&crowd.at[i], &address);
        assert_about(here, (double)CLIENTS / (double)strlen(numbers), CLIENTS);
        all += here;
    }
    assert_int_equal(all, CLIENTS);
}

static void test_clients_stay_evenly_spread_whatever_lists_follow(void **state)
{
    (void)state;
    static const char *const lists[] = {
        "abc", "abcde",   /* Grows. */
        "abcdefghij", "abc", /* Much, and back. */
        "cde",            /* The same size. */
        "fghi",           /* All others, and more. */
        "ab",             /* All others, and fewer. */
        "bcd", "ad", "a", "abcdefghijkl", "lkjihgfedcb",
    };
    for (uint64_t seed = 1; seed <= 5; seed++) {
        crowd_start(lists[0], seed);
        assert_even(lists[0]);
        for (size_t i = 1; i < sizeof lists / sizeof *lists; i++) {
            crowd_update(lists[i], "");
            assert_even(lists[i]);
        }
        crowd_stop();
    }
}

static void test_no_more_clients_move_than_must(void **state)
{
    (void)state;
    crowd_start("abc", 7);
    crowd_update("cab", "");
    assert_int_equal(crowd.moved, 0);
    crowd_update("abcde", ""); /* Two fifths are to be elsewhere. */
    assert_about(crowd.moved, CLIENTS * 0.4, CLIENTS);
    crowd_update("abcd", "");  /* Who was at the fifth. */
    assert_about(crowd.moved, CLIENTS * 0.2, CLIENTS);
    crowd_stop();
}

static void test_a_hundred_clients_of_three_servers_go_to_five(void **state)
{
    (void)state;
    size_t least = 100, most = 0;
    for (uint64_t seed = 1; seed <= CLIENTS / 100; seed++) {
        size_t here[SERVERS] = { 0 };
        crowd_start("abc", seed);
        crowd_update("abcde", "");
        for (size_t i = 0; i < 100; i++) here[crowd.at[i].ip[3]]++;
        for (size_t i = 0; i < 5; i++) {
            least = here[i] < least ? here[i] : least;
            most = here[i] > most ? here[i] : most;
        }
        crowd_stop();
    }
    assert_true(least >= 4 && most <= 36); /* 20, give or take four deviations. */
}

static void test_a_server_that_is_down_does_not_stop_a_move(void **state)
{
    (void)state;
    crowd_start("abc", 3);
    crowd_update("abcde", "d");
    for (size_t i = 0; i < CLIENTS; i++) assert_false(is_in(&crowd.at[i], "d"));
    crowd_stop();
}

static void test_the_sweep_after_a_move_tries_every_server_once(void **state)
{
    (void)state;
    struct docent_address list[SERVERS], here = server(0);
    for (uint64_t seed = 1; seed < 200; seed++) {
        struct servers servers;
        docent_servers_init(&servers, &plain, seed);
        docent_servers_set(&servers, list, make_list("abcd", list));
        if (docent_servers_update(&servers, &here, list, make_list("cdef", list))) {
            unsigned tried = 0;
            const struct docent_address *next;
            while ((next = docent_servers_take(&servers)) != NULL) {
                assert_false(tried & (1u << next->ip[3]));
                tried |= 1u << next->ip[3];
            }
            assert_int_equal(tried, 0x3c);
        } else {
            fail_msg("it stayed at a server that is gone");
        }
        docent_servers_free(&servers);
    }
}

static void test_the_usual_order_comes_back(void **state)
{
    (void)state;
    struct docent_address list[SERVERS];
    for (uint64_t seed = 1; seed < 50; seed++) {
        struct servers moved, fresh;
        docent_servers_init(&moved, &plain, seed);
        docent_servers_init(&fresh, &plain, seed);
        docent_servers_set(&moved, list, make_list("abc", list));
        size_t count = make_list("bcdefgh", list);
        docent_servers_set(&fresh, list, count);
        struct docent_address gone = server(0);
        assert_true(docent_servers_update(&moved, &gone, list, count));
        struct docent_address at = *docent_servers_take(&moved);
        docent_servers_settle(&moved, &at);
        assert_memory_equal(moved.addresses, fresh.addresses, count * sizeof *list);
        assert_true(docent_address_equal(&moved.addresses[(moved.next + count - 1) % count], &at));
        docent_servers_free(&moved);
        docent_servers_free(&fresh);
    }
}

static void test_an_empty_list_changes_nothing(void **state)
{
    (void)state;
    struct docent_address list[SERVERS], here = server(0);
    struct servers servers;
    docent_servers_init(&servers, &plain, 1);
    docent_servers_set(&servers, list, make_list("abc", list));
    assert_false(docent_servers_update(&servers, &here, NULL, 0));
    assert_int_equal(servers.count, 3);
    docent_servers_free(&servers);
}

static void test_who_is_not_connected_tries_all_of_the_new_list(void **state)
{
    (void)state;
    struct docent_address list[SERVERS];
    size_t first[SERVERS] = { 0 };
    for (uint64_t seed = 1; seed <= CLIENTS; seed++) {
        struct servers servers;
        docent_servers_init(&servers, &plain, seed);
        docent_servers_set(&servers, list, make_list("abc", list));
        (void)docent_servers_update(&servers, NULL, list, make_list("bcde", list));
        docent_servers_begin_sweep(&servers);
        first[docent_servers_take(&servers)->ip[3]]++;
        docent_servers_free(&servers);
    }
    for (size_t i = 1; i <= 4; i++) assert_about(first[i], CLIENTS / 4.0, CLIENTS);
}

/* ---- The session. ---- */

static struct peer peer;
static struct peer_frame frame;

static int start(void **state)
{
    (void)state;
    peer_start(&peer, 2, 6000, NULL);
    peer_online(&peer, 77, 6000);
    peer_pass(&peer, 500);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    peer_stop(&peer);
    return 0;
}

/* From now on there is one server, which was not there before. */
static void replace_servers(void)
{
    peer.addresses[0] = server(9);
    peer.address_count = 1;
    docent_core_servers(peer.client, peer.now, peer.addresses, peer.address_count);
    peer_work(&peer);
}

static void test_a_move_keeps_the_session(void **state)
{
    (void)state;
    uint64_t generation = docent_client_generation(peer.client);
    size_t told = peer.state_count;
    replace_servers();
    assert_true(docent_address_equal(&peer.link.address, &peer.addresses[0]));
    assert_int_equal(peer_expect_connect(&peer).session_id, 77);
    peer_accept(&peer, 77, 6000);
    assert_int_equal(docent_client_state(peer.client), DOCENT_CONNECTED);
    assert_int_equal(docent_client_generation(peer.client), generation);
    assert_int_equal(peer.state_count, told + 2);
    assert_int_equal(peer.states[told], DOCENT_SUSPENDED);
    assert_false(peer.last_event.new_session);
}

static void test_who_need_not_move_notices_nothing(void **state)
{
    (void)state;
    uint32_t serial = peer.link.serial;
    struct docent_address swapped[2] = { peer.addresses[1], peer.addresses[0] };
    docent_core_servers(peer.client, peer.now, swapped, 2);
    docent_core_servers(peer.client, peer.now, NULL, 0);
    peer_pass(&peer, 100);
    assert_int_equal(peer.link.serial, serial);
    assert_int_equal(docent_client_state(peer.client), DOCENT_CONNECTED);
}

static void test_a_move_waits_for_the_answer_under_way(void **state)
{
    (void)state;
    static struct outcome outcome;
    outcome = (struct outcome){ 0 };
    uint32_t serial = peer.link.serial;
    assert_int_equal(docent_create_async(peer.client, "/a", "", 0, DOCENT_PERSISTENT_SEQUENTIAL, outcome_tell, &outcome), DOCENT_OK);
    peer_expect(&peer, WIRE_OP_CREATE, &frame);
    replace_servers();
    peer_pass(&peer, 1000);
    assert_int_equal(peer.link.serial, serial);
    peer_reply_path(&peer, frame.xid, 5, "/a0000000001");
    assert_int_equal(outcome.status, DOCENT_OK);
    assert_int_equal(peer_expect_connect(&peer).session_id, 77);
    peer_accept(&peer, 77, 6000);
}

static void test_a_move_does_not_wait_for_ever(void **state)
{
    (void)state;
    static struct outcome outcome;
    outcome = (struct outcome){ 0 };
    assert_int_equal(docent_create_async(peer.client, "/a", "", 0, DOCENT_PERSISTENT_SEQUENTIAL, outcome_tell, &outcome), DOCENT_OK);
    peer_expect(&peer, WIRE_OP_CREATE, &frame);
    replace_servers();
    peer_pass(&peer, 1990);
    assert_int_equal(docent_client_state(peer.client), DOCENT_CONNECTED);
    peer_pass(&peer, 10);
    assert_int_equal(outcome.calls, 1);
    assert_int_equal(outcome.status, DOCENT_ERR_UNKNOWN_OUTCOME);
    peer_online(&peer, 77, 6000);
}

static void test_a_new_list_ends_the_rest_between_sweeps(void **state)
{
    (void)state;
    peer.manual = true;
    peer_cut(&peer);
    for (int i = 0; i < 8 && peer.link.wanted; i++) peer_cut(&peer);
    assert_false(peer.link.wanted);
    peer.manual = false;
    replace_servers();
    assert_true(peer.link.wanted);
    assert_int_equal(peer_expect_connect(&peer).session_id, 77);
    peer_accept(&peer, 77, 6000);
}

static void test_a_list_that_comes_during_the_handshake_moves_the_session_that_it_gives(void **state)
{
    (void)state;
    peer_cut(&peer);
    peer_expect_connect(&peer);
    replace_servers();
    peer_accept(&peer, 77, 6000);
    assert_int_equal(peer_expect_connect(&peer).session_id, 77);
    assert_true(docent_address_equal(&peer.link.address, &peer.addresses[0]));
    peer_accept(&peer, 77, 6000);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clients_stay_evenly_spread_whatever_lists_follow),
        cmocka_unit_test(test_no_more_clients_move_than_must),
        cmocka_unit_test(test_a_hundred_clients_of_three_servers_go_to_five),
        cmocka_unit_test(test_a_server_that_is_down_does_not_stop_a_move),
        cmocka_unit_test(test_the_sweep_after_a_move_tries_every_server_once),
        cmocka_unit_test(test_the_usual_order_comes_back),
        cmocka_unit_test(test_an_empty_list_changes_nothing),
        cmocka_unit_test(test_who_is_not_connected_tries_all_of_the_new_list),
        TEST(test_a_move_keeps_the_session),
        TEST(test_who_need_not_move_notices_nothing),
        TEST(test_a_move_waits_for_the_answer_under_way),
        TEST(test_a_move_does_not_wait_for_ever),
        TEST(test_a_new_list_ends_the_rest_between_sweeps),
        TEST(test_a_list_that_comes_during_the_handshake_moves_the_session_that_it_gives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
