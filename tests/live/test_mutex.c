/* tests/live/test_mutex.c - the re-entrant lock against a server. */
#include "one_client.h"

#include <pthread.h>

struct owner {
    docent_mutex *mutex;
    atomic_int losts, answers;
    _Atomic docent_status lost, answer;
};

static void on_lost(docent_mutex *mutex, docent_status why, void *user)
{
    struct owner *o = user;
    (void)mutex;
    o->lost = why;
    o->losts++;
}

static void on_answer(docent_status outcome, void *user)
{
    struct owner *o = user;
    o->answer = outcome;
    o->answers++;
}

static void owner_make(struct owner *o, docent_mutex_options options)
{
    options.user = o;
    options.on_lost = on_lost;
    assert_ok(docent_mutex_new(client, "/mutex", &options, &o->mutex));
}

static void start_acquire(void *user)
{
    struct owner *o = user;
    assert_ok(docent_mutex_acquire_async(o->mutex, DOCENT_FOREVER, on_answer, o));
}

static void held_until_the_last_release(void **state)
{
    (void)state;
    struct owner one = { 0 };
    owner_make(&one, (docent_mutex_options){ DOCENT_MUTEX_OPTIONS });
    for (uint32_t i = 1; i <= 3; i++) {
        assert_ok(docent_mutex_acquire(one.mutex, PATIENCE_MS));
        assert_int_equal(docent_mutex_count(one.mutex), i);
    }
    int64_t token = docent_mutex_token(one.mutex);
    assert_int_equal(children_of("/mutex"), 1);
    assert_ok(docent_mutex_release(one.mutex));
    assert_ok(docent_mutex_release_wait(one.mutex, PATIENCE_MS));
    assert_int_equal(docent_mutex_count(one.mutex), 1);
    assert_true(docent_mutex_token(one.mutex) == token && token != -1);
    assert_int_equal(children_of("/mutex"), 1);
    assert_ok(docent_mutex_release_wait(one.mutex, PATIENCE_MS));
    assert_int_equal(docent_mutex_token(one.mutex), -1);
    assert_int_equal(children_of("/mutex"), 0);
    docent_mutex_close(one.mutex, NULL, NULL);
}

/* F-66 */
static void one_release_too_many_is_an_error(void **state)
{
    (void)state;
    struct owner one = { 0 };
    owner_make(&one, (docent_mutex_options){ DOCENT_MUTEX_OPTIONS });
    assert_status(docent_mutex_release(one.mutex), DOCENT_ERR_NOT_HELD);
    assert_ok(docent_mutex_acquire(one.mutex, PATIENCE_MS));
    assert_ok(docent_mutex_release(one.mutex));
    assert_status(docent_mutex_release(one.mutex), DOCENT_ERR_NOT_HELD);
    assert_status(docent_mutex_release_wait(one.mutex, PATIENCE_MS), DOCENT_ERR_NOT_HELD);
    assert_ok(docent_mutex_acquire(one.mutex, PATIENCE_MS)); /* And nothing is left of that. */
    assert_int_equal(docent_mutex_count(one.mutex), 1);
    docent_mutex_close(one.mutex, NULL, NULL);
}

static void two_handles_exclude_each_other(void **state)
{
    (void)state;
    struct owner one = { 0 }, two = { 0 };
    owner_make(&one, (docent_mutex_options){ DOCENT_MUTEX_OPTIONS });
    owner_make(&two, (docent_mutex_options){ DOCENT_MUTEX_OPTIONS });
    assert_ok(docent_mutex_acquire(one.mutex, PATIENCE_MS));
    assert_ok(docent_mutex_acquire(one.mutex, PATIENCE_MS));
    assert_status(docent_mutex_acquire(two.mutex, DOCENT_NO_WAIT), DOCENT_ERR_TIMEOUT);
    assert_ok(docent_client_post(client, start_acquire, &two));
    assert_soon(children_of("/mutex") == 2);
    assert_ok(docent_mutex_release(one.mutex));
    assert_status(docent_mutex_acquire(two.mutex, DOCENT_FOREVER), DOCENT_ERR_BUSY);
    assert_int_equal(two.answers, 0);
    assert_ok(docent_mutex_release(one.mutex));
    assert_soon(two.answers == 1);
    assert_ok(two.answer);
    docent_mutex_close(one.mutex, NULL, NULL);
    docent_mutex_close(two.mutex, NULL, NULL);
}

static void again_on_the_loop(void *user)
{
    struct owner *o = user;
    assert_ok(docent_mutex_acquire_async(o->mutex, DOCENT_NO_WAIT, on_answer, o));
    assert_int_equal(o->answers, 0); /* Never inside the call. */
    assert_int_equal(docent_mutex_count(o->mutex), 2);
    assert_status(docent_mutex_acquire(o->mutex, DOCENT_NO_WAIT), DOCENT_ERR_WOULD_DEADLOCK);
    assert_ok(docent_mutex_release_async(o->mutex, on_answer, o));
    assert_ok(docent_mutex_release_async(o->mutex, on_answer, o));
    assert_status(docent_mutex_release_async(o->mutex, on_answer, o), DOCENT_ERR_NOT_HELD);
}

static void on_the_loop_too(void **state)
{
    (void)state;
    struct owner one = { 0 };
    owner_make(&one, (docent_mutex_options){ DOCENT_MUTEX_OPTIONS });
    assert_ok(docent_mutex_acquire(one.mutex, PATIENCE_MS));
    assert_ok(docent_client_post(client, again_on_the_loop, &one));
    assert_soon(one.answers == 3);
    assert_ok(one.answer);
    assert_int_equal(docent_mutex_count(one.mutex), 0);
    assert_int_equal(children_of("/mutex"), 0);
    docent_mutex_close(one.mutex, NULL, NULL);
}

static void what_is_lost_is_lost_whatever_the_count(void **state)
{
    (void)state;
    struct owner one = { 0 };
    owner_make(&one, (docent_mutex_options){ DOCENT_MUTEX_OPTIONS, .max_hold_ms = 200 });
    assert_ok(docent_mutex_acquire(one.mutex, PATIENCE_MS));
    if (docent_mutex_acquire(one.mutex, PATIENCE_MS) != DOCENT_OK) return;
    assert_soon(one.losts == 1);
    assert_status(one.lost, DOCENT_ERR_TIMEOUT);
    assert_int_equal(docent_mutex_count(one.mutex), 0);
    assert_status(docent_mutex_release(one.mutex), DOCENT_ERR_NOT_HELD);
    assert_null(docent_mutex_hold(one.mutex));
    docent_mutex_close(one.mutex, NULL, NULL);
}

enum { THREADS = 4, TURNS = 200 };

struct worker {
    docent_mutex *mutex;
    atomic_int *failures;
    pthread_t thread;
};

/* All share one hold, or get a new one when the last has gone. */
static void *work(void *user)
{
    struct worker *w = user;
    for (int i = 0; i < TURNS; i++) {
        docent_status status;
        do { /* BUSY: another thread of ours waits. */
            status = docent_mutex_acquire(w->mutex, PATIENCE_MS);
        } while (status == DOCENT_ERR_BUSY);
        if (status != DOCENT_OK || docent_mutex_token(w->mutex) == -1) (*w->failures)++;
        if (docent_mutex_release(w->mutex) != DOCENT_OK) (*w->failures)++;
    }
    return NULL;
}

static void threads_share_a_handle(void **state)
{
    (void)state;
    atomic_int failures = 0;
    struct owner one = { 0 };
    struct worker workers[THREADS];
    owner_make(&one, (docent_mutex_options){ DOCENT_MUTEX_OPTIONS });
    for (int i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){ .mutex = one.mutex, .failures = &failures };
        assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) pthread_join(workers[i].thread, NULL);
    assert_int_equal(failures, 0);
    assert_int_equal(one.losts, 0);
    assert_int_equal(docent_mutex_count(one.mutex), 0);
    docent_mutex_close(one.mutex, NULL, NULL);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(held_until_the_last_release, start_patient, stop),
        cmocka_unit_test_setup_teardown(one_release_too_many_is_an_error, start_patient, stop),
        cmocka_unit_test_setup_teardown(two_handles_exclude_each_other, start_patient, stop),
        cmocka_unit_test_setup_teardown(on_the_loop_too, start_patient, stop),
        cmocka_unit_test_setup_teardown(what_is_lost_is_lost_whatever_the_count, start_patient, stop),
        cmocka_unit_test_setup_teardown(threads_share_a_handle, start_patient, stop),
    };
    return run_live(tests, argc, argv);
}
