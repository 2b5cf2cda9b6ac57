/* tests/unit/test_retry.c - the arithmetic of retry policies: bounds, saturation, distribution. */
#include "unit.h"

#include <docent/retry.h>

#include "core/session/servers.h"

#define LOSS DOCENT_ERR_CONNECTION_LOSS
#define NEVER UINT64_MAX

/* The delay, or NEVER. */
static uint64_t delay_of(docent_retry retry, uint32_t tries, uint64_t elapsed_ms, uint64_t random)
{
    uint64_t delay = 4711;
    if (docent_retry_delay(&retry, tries, elapsed_ms, LOSS, random, &delay)) return delay;
    assert_int_equal(delay, 4711); /* Untouched. */
    return NEVER;
}

/* How many tries there are, the first included. */
static uint32_t tries_of(docent_retry retry)
{
    uint32_t tries = 1;
    while (tries < 1000 && delay_of(retry, tries, 0, 0) != NEVER) tries++;
    return tries;
}

/* All of many delays lie between the two, and some close to each. */
static void assert_range(docent_retry retry, uint32_t tries, uint64_t low, uint64_t high)
{
    uint64_t seed = 1, least = NEVER, most = 0;
    for (int i = 0; i < 20000; i++) {
        uint64_t delay = delay_of(retry, tries, 0, docent_random_next(&seed));
        least = delay < least ? delay : least;
        most = delay > most ? delay : most;
    }
    assert_true(least >= low && most <= high);
    assert_true(least - low <= (high - low) / 100 && high - most <= (high - low) / 100);
}

static void test_full_jitter_lies_between_nothing_and_the_bound(void **state)
{
    (void)state;
    docent_retry retry = docent_retry_bounded_exponential(10, 70, DOCENT_FOREVER);
    assert_range(retry, 1, 0, 10);
    assert_range(retry, 2, 0, 20);
    assert_range(retry, 3, 0, 40);
    assert_range(retry, 4, 0, 70);
    assert_range(retry, UINT32_MAX - 1, 0, 70);
    assert_int_equal(delay_of(retry, 2, 0, 20), 20); /* The bound is included, */
    assert_int_equal(delay_of(retry, 2, 0, 21), 0);  /* and nothing beyond. */
}

static void test_zero_is_the_default(void **state)
{
    (void)state;
    docent_retry retry = { DOCENT_RETRY };
    assert_int_equal(delay_of(retry, 1, 0, 100), 100);
    assert_int_equal(delay_of(retry, 1, 0, 101), 0);
    retry.tries_max = DOCENT_FOREVER;
    assert_int_equal(delay_of(retry, 1000, 0, 30000), 30000);
    assert_int_equal(delay_of(retry, 1000, 0, 30001), 0);
    retry.tries_max = 0;
    assert_int_equal(tries_of(retry), 8);
    docent_retry init;
    docent_retry_init(&init);
    assert_int_equal(init.struct_size, sizeof init);
    assert_int_equal(delay_of(init, 1, 0, 77), 77);
    uint64_t delay;
    assert_true(docent_retry_delay(NULL, 7, 0, LOSS, 99, &delay));
    assert_int_equal(delay, 99);
    assert_false(docent_retry_delay(NULL, 8, 0, LOSS, 99, &delay));
}

/* F-123 */
static void test_nothing_overflows(void **state)
{
    (void)state;
    docent_retry ours = docent_retry_bounded_exponential(UINT32_MAX, UINT32_MAX, DOCENT_FOREVER);
    docent_retry theirs = docent_retry_curator_exponential(UINT32_MAX, 29, UINT32_MAX);
    for (uint32_t tries = 1; tries < 70; tries++) {
        assert_int_equal(delay_of(ours, tries, 0, UINT32_MAX), UINT32_MAX);
        assert_int_equal(delay_of(ours, tries, 0, (uint64_t)UINT32_MAX + 1), 0);
        assert_int_equal(delay_of(theirs, tries, 0, UINT64_MAX), tries < 30 ? UINT32_MAX : NEVER);
    }
    theirs.tries_max = DOCENT_FOREVER; /* Written out, without the cap. */
    theirs.base_ms = 10;
    for (uint32_t tries = 30; tries < 140; tries++) assert_int_equal(delay_of(theirs, tries, 0, UINT64_MAX), UINT32_MAX);
    assert_int_equal(delay_of(theirs, UINT32_MAX - 1, 0, UINT64_MAX), UINT32_MAX);
    docent_retry timed = docent_retry_until_elapsed(UINT32_MAX, UINT32_MAX);
    assert_int_equal(delay_of(timed, 1, UINT64_MAX, 0), NEVER);
    assert_int_equal(delay_of(timed, 1, 0, 0), UINT32_MAX);
}

/* F-123 */
static void test_numbers_of_tries(void **state)
{
    (void)state;
    assert_int_equal(tries_of(docent_retry_exponential(100, 0)), 1);
    assert_int_equal(tries_of(docent_retry_exponential(100, 5)), 6);
    assert_int_equal(tries_of(docent_retry_bounded_exponential(100, 200, 5)), 6);
    assert_int_equal(tries_of(docent_retry_n_times(0, 10)), 1);
    assert_int_equal(tries_of(docent_retry_n_times(3, 10)), 4);
    assert_int_equal(tries_of(docent_retry_once(10)), 2);
    assert_int_equal(tries_of(docent_retry_curator_exponential(100, 3, 1000)), 4);
    assert_int_equal(tries_of(docent_retry_curator_exponential(100, 29, 1000)), 30);
    assert_int_equal(tries_of(docent_retry_curator_exponential(100, 30, 1000)), 30);
    assert_int_equal(tries_of(docent_retry_curator_bounded_exponential(100, 1000, DOCENT_FOREVER)), 30);
    docent_retry all[] = { docent_retry_forever(10), docent_retry_n_times(DOCENT_FOREVER, 0), docent_retry_exponential(0, DOCENT_FOREVER) };
    for (size_t i = 0; i < 3; i++) assert_true(delay_of(all[i], UINT32_MAX, UINT64_MAX, 0) != NEVER);
}

static void test_constant_pauses(void **state)
{
    (void)state;
    for (uint32_t tries = 1; tries < 4; tries++) {
        assert_int_equal(delay_of(docent_retry_n_times(3, 45000), tries, 0, UINT64_MAX / 3), 45000); /* max_ms is not theirs. */
        assert_int_equal(delay_of(docent_retry_n_times(3, 0), tries, 0, UINT64_MAX / 3), 0);
    }
    assert_int_equal(delay_of(docent_retry_forever(20), 9999, 0, 7), 20);
    assert_int_equal(delay_of(docent_retry_forever(0), 1, 0, 7), 1);
}

static void test_until_elapsed_no_try_begins_late(void **state)
{
    (void)state;
    docent_retry retry = docent_retry_until_elapsed(1000, 100);
    assert_int_equal(delay_of(retry, 9, 0, 0), 100);
    assert_int_equal(delay_of(retry, 9, 900, 0), 100);
    assert_int_equal(delay_of(retry, 9, 901, 0), NEVER);
    assert_int_equal(delay_of(retry, 9, 1001, 0), NEVER);
    assert_int_equal(tries_of(docent_retry_until_elapsed(0, 100)), 1);
    docent_retry both = docent_retry_exponential(100, 3); /* Both bounds hold together. */
    both.elapsed_max_ms = 500;
    assert_int_equal(delay_of(both, 3, 450, 50), 50);
    assert_int_equal(delay_of(both, 3, 450, 51), NEVER);
    assert_int_equal(delay_of(both, 4, 0, 0), NEVER);
}

static void test_curators_until_elapsed_looks_before_the_pause(void **state)
{
    (void)state;
    docent_retry retry = docent_retry_curator_until_elapsed(1000, 100);
    assert_int_equal(delay_of(retry, 9, 999, 0), 100);
    assert_int_equal(delay_of(retry, 9, 1000, 0), NEVER);
    assert_int_equal(tries_of(docent_retry_curator_until_elapsed(0, 100)), 1);
}

/* The formula, written as there: base * max(1, nextInt(1 << (count + 1))), where count is that of the retries made. */
static void test_curators_exponential_backoff(void **state)
{
    (void)state;
    docent_retry retry = docent_retry_curator_exponential(10, 29, INT32_MAX);
    for (uint32_t tries = 1; tries < 30; tries++) {
        uint64_t range = UINT64_C(1) << tries;
        assert_int_equal(delay_of(retry, tries, 0, 0), 10); /* Never less than the base. */
        assert_int_equal(delay_of(retry, tries, 0, 1), 10);
        uint64_t most = 10 * (range - 1);
        assert_int_equal(delay_of(retry, tries, 0, range - 1), most < INT32_MAX ? most : INT32_MAX);
        assert_int_equal(delay_of(retry, tries, 0, range), 10);
    }
    assert_range(docent_retry_curator_bounded_exponential(10, 50, 29), 5, 10, 50);
    assert_int_equal(delay_of(docent_retry_curator_exponential(10, 3, 0), 2, 0, 3), 0);
    assert_int_equal(delay_of(docent_retry_curator_exponential(0, 3, 100), 2, 0, 3), 0);
}

/* Every delay in ten buckets of the range, each as often as the others: chi squared with 9 degrees of freedom stays under 27.9 in 999 of
 * 1,000 cases, and the seed is fixed. */
static void assert_uniform(docent_retry retry, uint32_t tries, uint64_t range)
{
    enum { BUCKETS = 10, DRAWS = 100000 };
    uint32_t counts[BUCKETS] = { 0 };
    uint64_t seed = 42;
    for (int i = 0; i < DRAWS; i++) counts[delay_of(retry, tries, 0, docent_random_next(&seed)) * BUCKETS / range]++;
    double chi = 0;
    for (int i = 0; i < BUCKETS; i++) chi += ((double)counts[i] - DRAWS / BUCKETS) * ((double)counts[i] - DRAWS / BUCKETS) / (DRAWS / BUCKETS);
    if (chi >= 27.9) fail_msg("chi squared is %f", chi);
}

/* F-123 */
static void test_full_jitter_is_uniform(void **state)
{
    (void)state;
    assert_uniform(docent_retry_bounded_exponential(1249, 30000, 9), 4, 9993);
    assert_uniform(docent_retry_bounded_exponential(1000, 4999, 9), 9, 5000);
    assert_uniform(docent_retry_bounded_exponential(9, 30000, 9), 1, 10);
}

struct asked {
    uint32_t tries;
    uint64_t elapsed_ms;
    docent_status cause;
    int times;
};

static bool decide(uint32_t tries, uint64_t elapsed_ms, docent_status cause, uint64_t *ret_delay_ms, void *user)
{
    struct asked *asked = user;
    *asked = (struct asked){ tries, elapsed_ms, cause, asked->times + 1 };
    *ret_delay_ms = 123;
    return tries < 3;
}

static void test_a_function_of_ones_own_decides_alone(void **state)
{
    (void)state;
    struct asked asked = { .times = 0 };
    docent_retry retry = docent_retry_custom(decide, &asked);
    assert_int_equal(delay_of(retry, 2, 9999999, 5), 123);
    assert_int_equal(asked.tries, 2);
    assert_int_equal(asked.elapsed_ms, 9999999);
    assert_int_equal(asked.cause, LOSS);
    assert_int_equal(delay_of(retry, 3, 0, 5), NEVER);
}

static void test_session_fails_wraps_any_policy(void **state)
{
    (void)state;
    struct asked asked = { .times = 0 };
    docent_retry plain[] = { docent_retry_exponential(10, 5), docent_retry_forever(10), docent_retry_custom(decide, &asked) };
    for (size_t i = 0; i < 3; i++) {
        uint64_t delay = 4711;
        docent_retry wrapped = docent_retry_session_fails(plain[i]);
        assert_true(docent_retry_delay(&plain[i], 1, 0, DOCENT_ERR_SESSION_EXPIRED, 3, &delay));
        assert_true(docent_retry_allows(&plain[i], DOCENT_ERR_SESSION_EXPIRED));
        asked.times = 0;
        assert_false(docent_retry_delay(&wrapped, 1, 0, DOCENT_ERR_SESSION_EXPIRED, 3, &delay));
        assert_int_equal(asked.times, 0);
        assert_false(docent_retry_allows(&wrapped, DOCENT_ERR_SESSION_EXPIRED));
        assert_true(docent_retry_allows(&wrapped, LOSS));
        assert_int_equal(delay_of(wrapped, 1, 0, 3), delay_of(plain[i], 1, 0, 3));
    }
}

/* What a caller has who was compiled when the value ended with user. */
static void test_a_shorter_value_is_taken_as_it_is(void **state)
{
    (void)state;
    docent_retry retry = docent_retry_session_fails(docent_retry_n_times(3, 40));
    retry.struct_size = offsetof(docent_retry, pause);
    uint64_t delay;
    assert_int_equal(delay_of(retry, 1, 0, 17), 17); /* Full jitter. */
    assert_true(docent_retry_delay(&retry, 1, 0, DOCENT_ERR_SESSION_EXPIRED, 17, &delay));
    assert_true(docent_retry_allows(&retry, DOCENT_ERR_SESSION_EXPIRED));
    retry.struct_size = offsetof(docent_retry, tries_max);
    assert_int_equal(tries_of(retry), 8);
    retry.struct_size = sizeof retry + 64; /* And one from the future. */
    assert_int_equal(delay_of(retry, 1, 0, 17), 40);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_full_jitter_lies_between_nothing_and_the_bound),
        cmocka_unit_test(test_zero_is_the_default),
        cmocka_unit_test(test_nothing_overflows),
        cmocka_unit_test(test_numbers_of_tries),
        cmocka_unit_test(test_constant_pauses),
        cmocka_unit_test(test_until_elapsed_no_try_begins_late),
        cmocka_unit_test(test_curators_until_elapsed_looks_before_the_pause),
        cmocka_unit_test(test_curators_exponential_backoff),
        cmocka_unit_test(test_full_jitter_is_uniform),
        cmocka_unit_test(test_a_function_of_ones_own_decides_alone),
        cmocka_unit_test(test_session_fails_wraps_any_policy),
        cmocka_unit_test(test_a_shorter_value_is_taken_as_it_is),
    };
    return cmocka_run_group_tests_name("retry", tests, NULL, NULL);
}
