/* tests/live/test_close.c - the end of a client: from every thread and callback, twice, in every state, with everything under way. The names
 * begin with the entry of the catalogue of failures that they are about. */
#include "live.h"

#include <pthread.h>

struct counts {
    docent_client *client;
    docent_lock *lock;
    atomic_int first, second; /* Closed callbacks. */
    atomic_int calls, statuses[3];
    atomic_bool go;
};

static void first_closed(void *user)
{
    ((struct counts *)user)->first++;
}

static void second_closed(void *user)
{
    ((struct counts *)user)->second++;
}

/* ---- Twice. ---- */

static void close_again_on_closed(const docent_state_event *event, void *user)
{
    struct counts *counts = user;
    if (event->state != DOCENT_CLOSED) return;
    docent_client_close(counts->client, second_closed, counts);
    counts->calls++;
}

static void close_again_on_result(const docent_result *result, void *user)
{
    struct counts *counts = user;
    if (result->status != DOCENT_ERR_CLOSING) return;
    docent_client_close(counts->client, second_closed, counts);
    counts->calls++;
}

static void load_a_call(void *user)
{
    struct counts *counts = user;
    assert_ok(docent_get_async(counts->client, "/", close_again_on_result, counts));
    counts->go = true;
}

static void f133_a_second_close_does_nothing(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        struct counts counts = { .first = 0 };
        docent_client_options options = { DOCENT_CLIENT_OPTIONS, .close_timeout_ms = 10, .on_state = close_again_on_closed, .user = &counts };
        counts.client = client_start(&options);
        docent_devserver_stall(server);
        assert_ok(docent_client_post(counts.client, load_a_call, &counts));
        assert_soon(counts.go);
        docent_client_close(counts.client, first_closed, &counts);
        assert_int_equal(counts.first, 1);
        assert_int_equal(counts.second, 0);
        assert_int_equal(counts.calls, 2); /* From the end of the call, and from that of the client. */
        docent_devserver_heal(server);
    }
}

/* Two threads close while a callback runs, which returns when the one of them that was second has come back. */
static void wait_for_the_second(void *user)
{
    struct counts *counts = user;
    counts->go = true;
    for (int waited = 0; waited < PATIENCE_MS && counts->calls == 0; waited++) pause_ms(1);
    counts->statuses[0] = counts->calls;
}

static void *close_elsewhere(void *user)
{
    struct counts *counts = user;
    docent_client_close(counts->client, first_closed, counts);
    counts->calls++;
    return NULL;
}

static void f133_of_two_threads_that_close_the_second_returns_at_once(void **state)
{
    (void)state;
    struct counts counts = { .first = 0 };
    counts.client = client_start(NULL);
    assert_ok(docent_client_post(counts.client, wait_for_the_second, &counts));
    assert_soon(counts.go);
    pthread_t threads[2];
    for (int i = 0; i < 2; i++) assert_int_equal(pthread_create(&threads[i], NULL, close_elsewhere, &counts), 0);
    for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
    assert_int_equal(counts.statuses[0], 1);
    assert_int_equal(counts.first, 1);
}

/* ---- A lock, twice. ---- */

static void close_lock_again(docent_lock *lock, docent_lock_state lock_state, void *user)
{
    struct counts *counts = user;
    if (lock_state != DOCENT_LOCK_RELEASED) return;
    docent_lock_close(lock, second_closed, counts);
    counts->calls++;
}

static void f133_a_second_close_of_a_lock_does_nothing(void **state)
{
    (void)state;
    struct counts counts = { .first = 0 };
    counts.client = client_start(NULL);
    docent_lock_options options = { DOCENT_LOCK_OPTIONS, .on_state = close_lock_again, .user = &counts };
    assert_ok(docent_lock_new(counts.client, "/lock", &options, &counts.lock));
    assert_ok(docent_lock_acquire(counts.lock, PATIENCE_MS));
    docent_lock_close(counts.lock, first_closed, &counts);
    assert_soon(counts.first == 1);
    docent_client_close(counts.client, NULL, NULL);
    assert_int_equal(counts.calls, 1);
    assert_int_equal(counts.second, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, server_start, server_stop)
    const struct CMUnitTest tests[] = {
        TEST(f133_a_second_close_does_nothing),
        TEST(f133_of_two_threads_that_close_the_second_returns_at_once),
        TEST(f133_a_second_close_of_a_lock_does_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
