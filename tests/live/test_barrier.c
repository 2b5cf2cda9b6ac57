/* tests/live/test_barrier.c - barriers, double barriers, countdowns and synchronising queues against a server. */
#include "one_client.h"

#include <pthread.h>

static bool there(const char *path)
{
    docent_stat stat;
    return docent_exists(client, path, &stat) == DOCENT_OK;
}

static size_t child_count(const char *path)
{
    docent_result *result = NULL;
    size_t count = docent_children(client, path, &result) == DOCENT_OK ? result->name_count : 0;
    docent_result_free(result);
    return count;
}

/* An outcome that comes on the loop. */
struct outcome {
    atomic_bool told;
    docent_status status;
};

static void on_outcome(docent_status status, void *user)
{
    struct outcome *outcome = user;
    outcome->status = status;
    outcome->told = true;
}

/* ---- The barrier. ---- */

struct waiter {
    docent_barrier *barrier;
    atomic_int outcome;
};

static void *wait_for_it(void *user)
{
    struct waiter *waiter = user;
    waiter->outcome = docent_barrier_wait(waiter->barrier, PATIENCE_MS);
    return NULL;
}

static void barrier_holds_and_opens(void **state)
{
    (void)state;
    docent_barrier *barrier = NULL;
    assert_ok(docent_barrier_new(client, "/gates/here/in", NULL, &barrier));
    assert_ok(docent_barrier_wait(barrier, DOCENT_NO_WAIT)); /* Not even a parent. */
    assert_ok(docent_barrier_remove(barrier, PATIENCE_MS));
    assert_ok(docent_barrier_set(barrier, PATIENCE_MS));
    assert_true(there("/gates/here/in"));
    assert_ok(docent_barrier_set(barrier, PATIENCE_MS));
    assert_status(docent_barrier_wait(barrier, DOCENT_NO_WAIT), DOCENT_ERR_TIMEOUT);
    assert_status(docent_barrier_wait(barrier, 20), DOCENT_ERR_TIMEOUT);

    pthread_t threads[3];
    struct waiter waiters[3];
    for (int i = 0; i < 3; i++) {
        waiters[i] = (struct waiter){ .barrier = barrier, .outcome = 1 };
        assert_int_equal(pthread_create(&threads[i], NULL, wait_for_it, &waiters[i]), 0);
    }
    docent_recipe_info info = { DOCENT_RECIPE_INFO };
    do assert_ok(docent_barrier_info(barrier, &info));
    while (info.begun < 9);
    assert_string_equal(info.state, "WAITING");
    assert_int_equal(info.timed_out, 2);
    assert_ok(docent_set(client, "/gates/here/in", "x", 1, DOCENT_ANY_VERSION, NULL)); /* Wakes everybody, for nothing. */
    assert_int_equal(waiters[0].outcome + waiters[1].outcome + waiters[2].outcome, 3);
    assert_ok(docent_barrier_remove(barrier, PATIENCE_MS));
    for (int i = 0; i < 3; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(waiters[i].outcome, DOCENT_OK);
    }
    assert_false(there("/gates/here/in"));
    assert_int_equal(watch_count(), 0);
    docent_barrier_close(barrier, NULL, NULL);
}

/* Until the server has the watch of whoever waits, and has forgotten those of clients that have gone. */
static void await_the_watch(void)
{
    assert_soon(watch_count() == 1);
}

static void barrier_that_was_open_for_a_moment_lets_pass(void **state)
{
    (void)state;
    docent_barrier *barrier = NULL;
    assert_ok(docent_barrier_new(client, "/gate", NULL, &barrier));
    assert_ok(docent_barrier_set(barrier, PATIENCE_MS));
    pthread_t thread;
    struct waiter waiter = { .barrier = barrier, .outcome = 1 };
    assert_int_equal(pthread_create(&thread, NULL, wait_for_it, &waiter), 0);
    await_the_watch();
    docent_op flash[] = { docent_op_delete("/gate", DOCENT_ANY_VERSION), docent_op_create("/gate", NULL, 0, DOCENT_PERSISTENT) };
    docent_result *result = NULL;
    assert_ok(docent_multi(client, flash, 2, &result));
    docent_result_free(result);
    pthread_join(thread, NULL);
    assert_status((docent_status)waiter.outcome, DOCENT_OK);
    assert_true(there("/gate"));
    docent_barrier_close(barrier, NULL, NULL);
}

static void barrier_outlives_cuts(void **state)
{
    (void)state;
    docent_barrier_options options = { DOCENT_BARRIER_OPTIONS, .dialect = DOCENT_DIALECT_KAZOO };
    docent_barrier *barrier = NULL;
    assert_ok(docent_barrier_new(client, "/gate", &options, &barrier));
    assert_ok(docent_barrier_set(barrier, PATIENCE_MS));
    pthread_t thread;
    struct waiter waiter = { .barrier = barrier, .outcome = 1 };
    assert_int_equal(pthread_create(&thread, NULL, wait_for_it, &waiter), 0);
    docent_recipe_info info = { DOCENT_RECIPE_INFO };
    do assert_ok(docent_barrier_info(barrier, &info));
    while (info.begun < 2);
    drop_connections();
    assert_ok(docent_barrier_remove(barrier, PATIENCE_MS));
    pthread_join(thread, NULL);
    assert_int_equal(waiter.outcome, DOCENT_OK);
    docent_barrier_close(barrier, NULL, NULL);
}

static void barrier_with_children_stands(void **state)
{
    (void)state;
    docent_barrier *barrier = NULL;
    assert_ok(docent_barrier_new(client, "/busy", NULL, &barrier));
    assert_ok(docent_create(client, "/busy", NULL, 0, DOCENT_PERSISTENT, NULL));
    assert_ok(docent_create(client, "/busy/child", NULL, 0, DOCENT_PERSISTENT, NULL));
    assert_status(docent_barrier_remove(barrier, PATIENCE_MS), DOCENT_ERR_NOT_EMPTY);
    docent_barrier_close(barrier, NULL, NULL);
}

/* ---- The double barrier. ---- */

enum { MEMBERS = 5, ROUNDS = 12 };

struct round {
    atomic_int in, out, failures;
};

struct member {
    docent_client *own;
    docent_double_barrier *barrier;
    struct round *rounds;
};

static docent_double_barrier *member_new(docent_client *owner, uint32_t quantity, docent_dialect dialect)
{
    docent_double_barrier_options options = { DOCENT_DOUBLE_BARRIER_OPTIONS, .quantity = quantity, .dialect = dialect };
    docent_double_barrier *barrier = NULL;
    assert_ok(docent_double_barrier_new(owner, "/double/barrier", &options, &barrier));
    return barrier;
}

/* Everybody is in before anybody goes, and out before anybody comes again. */
static void *play_rounds(void *user)
{
    struct member *m = user;
    for (int i = 0; i < ROUNDS; i++) {
        struct round *round = &m->rounds[i];
        round->in++;
        if (docent_double_barrier_enter(m->barrier, PATIENCE_MS) != DOCENT_OK || round->in != MEMBERS) round->failures++;
        round->out++;
        if (docent_double_barrier_leave(m->barrier, PATIENCE_MS) != DOCENT_OK || round->out != MEMBERS) round->failures++;
    }
    return NULL;
}

static void play(docent_dialect dialect, bool apart)
{
    struct round rounds[ROUNDS] = { 0 };
    struct member members[MEMBERS];
    pthread_t threads[MEMBERS];
    for (int i = 0; i < MEMBERS; i++) {
        members[i].own = apart ? client_start(NULL) : client;
        members[i].barrier = member_new(members[i].own, MEMBERS, dialect);
        members[i].rounds = rounds;
    }
    for (int i = 0; i < MEMBERS; i++) assert_int_equal(pthread_create(&threads[i], NULL, play_rounds, &members[i]), 0);
    for (int i = 0; i < MEMBERS; i++) pthread_join(threads[i], NULL);
    for (int i = 0; i < ROUNDS; i++) assert_int_equal(rounds[i].failures, 0);
    for (int i = 0; i < MEMBERS; i++) {
        docent_recipe_info info = { DOCENT_RECIPE_INFO };
        assert_ok(docent_double_barrier_info(members[i].barrier, &info));
        assert_int_equal(info.succeeded, 2 * ROUNDS);
        docent_double_barrier_close(members[i].barrier, NULL, NULL);
        if (apart) docent_client_close(members[i].own, NULL, NULL);
    }
    assert_int_equal(child_count("/double/barrier"), 0);
    assert_soon(watch_count() == 0); /* A handle has one until it is closed. */
}

static void double_rounds_on_one_session(void **state)
{
    (void)state;
    play(DOCENT_DIALECT_CURATOR, false);
}

static void double_rounds_on_a_session_each(void **state)
{
    (void)state;
    play(DOCENT_DIALECT_CURATOR, true);
}

static void double_rounds_of_kazoo(void **state)
{
    (void)state;
    play(DOCENT_DIALECT_KAZOO, true);
}

static void double_time_outs_withdraw(void **state)
{
    (void)state;
    docent_double_barrier *first = member_new(client, 2, DOCENT_DIALECT_CURATOR), *second = member_new(client, 2, DOCENT_DIALECT_CURATOR);
    assert_status(docent_double_barrier_enter(first, DOCENT_NO_WAIT), DOCENT_ERR_TIMEOUT);
    assert_status(docent_double_barrier_enter(first, 20), DOCENT_ERR_TIMEOUT);
    assert_int_equal(docent_double_barrier_get_state(first), DOCENT_DOUBLE_BARRIER_OUTSIDE);
    assert_status(docent_double_barrier_enter(second, 50), DOCENT_ERR_TIMEOUT); /* The other does not count. */
    assert_status(docent_double_barrier_leave(second, 50), DOCENT_ERR_NOT_HELD);
    assert_soon(child_count("/double/barrier") == 0);
    docent_double_barrier_close(first, NULL, NULL);
    docent_double_barrier_close(second, NULL, NULL);
}

struct entering {
    docent_double_barrier *barrier;
    struct outcome outcome;
    atomic_int accepted;
};

static void enter_on_loop(void *user)
{
    struct entering *entering = user;
    entering->accepted = docent_double_barrier_enter_async(entering->barrier, DOCENT_FOREVER, on_outcome, &entering->outcome);
}

static void begin_to_enter(docent_client *owner, struct entering *entering)
{
    assert_ok(docent_client_post(owner, enter_on_loop, entering));
    docent_recipe_info info = { DOCENT_RECIPE_INFO, .state = "" };
    for (int i = 0; i < PATIENCE_MS && strcmp(info.state, "GATHERING") != 0; i++) {
        assert_ok(docent_double_barrier_info(entering->barrier, &info));
        pause_ms(1);
    }
    assert_string_equal(info.state, "GATHERING");
    assert_int_equal(entering->accepted, DOCENT_OK);
}

static void double_entry_is_cancelled(void **state)
{
    (void)state;
    struct entering entering = { .barrier = member_new(client, 2, DOCENT_DIALECT_CURATOR) };
    begin_to_enter(client, &entering);
    assert_int_equal(docent_double_barrier_get_state(entering.barrier), DOCENT_DOUBLE_BARRIER_ENTERING);
    assert_status(docent_double_barrier_enter(entering.barrier, 50), DOCENT_ERR_BUSY);
    assert_ok(docent_double_barrier_leave(entering.barrier, PATIENCE_MS));
    assert_soon(entering.outcome.told);
    assert_status(entering.outcome.status, DOCENT_ERR_CANCELLED);
    assert_int_equal(child_count("/double/barrier"), 0);
    docent_double_barrier_close(entering.barrier, NULL, NULL);
}

/* A round whose members are dead has left its mark, and lets nobody in. */
static void double_stale_ready_lets_nobody_in(void **state)
{
    (void)state;
    assert_ok(docent_create(client, "/double", NULL, 0, DOCENT_PERSISTENT, NULL));
    assert_ok(docent_create(client, "/double/barrier", NULL, 0, DOCENT_PERSISTENT, NULL));
    assert_ok(docent_create(client, "/double/barrier/ready", NULL, 0, DOCENT_PERSISTENT, NULL));
    struct entering first = { .barrier = member_new(client, 2, DOCENT_DIALECT_CURATOR) };
    begin_to_enter(client, &first);
    assert_soon(!there("/double/barrier/ready"));
    assert_false(first.outcome.told);
    docent_double_barrier *second = member_new(client, 2, DOCENT_DIALECT_CURATOR);
    assert_ok(docent_double_barrier_enter(second, PATIENCE_MS));
    assert_soon(first.outcome.told);
    assert_ok(first.outcome.status);
    docent_double_barrier_close(first.barrier, NULL, NULL);
    docent_double_barrier_close(second, NULL, NULL);
    assert_soon(child_count("/double/barrier") == 0);
}

/* Who may not set the path's own node must not try for ever, or be left waiting. */
static void double_rounds_where_the_path_is_not_ours(void **state)
{
    (void)state;
    assert_ok(docent_create(client, "/double", NULL, 0, DOCENT_PERSISTENT, NULL));
    create_for_anyone("/double/barrier", DOCENT_PERM_READ | DOCENT_PERM_CREATE | DOCENT_PERM_DELETE);
    play(DOCENT_DIALECT_CURATOR, false);
}

/* The quantity is a threshold: who comes while a round is on takes part, and is waited for. */
static void double_late_member_joins(void **state)
{
    (void)state;
    docent_double_barrier *founder = member_new(client, 1, DOCENT_DIALECT_CURATOR);
    docent_double_barrier *late = member_new(client, 3, DOCENT_DIALECT_CURATOR);
    assert_ok(docent_double_barrier_enter(founder, PATIENCE_MS));
    assert_ok(docent_double_barrier_enter(late, PATIENCE_MS));
    assert_status(docent_double_barrier_leave(founder, 50), DOCENT_ERR_TIMEOUT);
    assert_soon(child_count("/double/barrier") == 2); /* The late one, and ready. */
    assert_ok(docent_double_barrier_leave(late, PATIENCE_MS));
    assert_int_equal(child_count("/double/barrier"), 0);
    docent_double_barrier_close(founder, NULL, NULL);
    docent_double_barrier_close(late, NULL, NULL);
}

static void on_lost(docent_double_barrier *barrier, docent_status why, void *user)
{
    (void)barrier;
    on_outcome(why, user);
}

static void double_member_is_told_of_its_end(void **state)
{
    (void)state;
    struct outcome lost = { .told = false };
    docent_double_barrier_options options = { DOCENT_DOUBLE_BARRIER_OPTIONS, .quantity = 1, .on_lost = on_lost, .user = &lost };
    docent_double_barrier *barrier = NULL;
    assert_ok(docent_double_barrier_new(client, "/double/barrier", &options, &barrier));
    assert_ok(docent_double_barrier_enter(barrier, PATIENCE_MS));
    docent_hold *hold = docent_double_barrier_hold(barrier);
    assert_non_null(hold);
    assert_true(there(docent_hold_path(hold)));
    docent_hold_unref(hold);
    expire(client);
    assert_soon(lost.told);
    assert_status(lost.status, DOCENT_ERR_SESSION_EXPIRED);
    assert_null(docent_double_barrier_hold(barrier));
    assert_int_equal(docent_double_barrier_get_state(barrier), DOCENT_DOUBLE_BARRIER_OUTSIDE);
    assert_ok(docent_double_barrier_enter(barrier, PATIENCE_MS)); /* ready of the round that died is no obstacle. */
    assert_ok(docent_double_barrier_leave(barrier, PATIENCE_MS));
    docent_double_barrier_close(barrier, NULL, NULL);
}

static void double_bad_arguments(void **state)
{
    (void)state;
    docent_double_barrier_options options = { DOCENT_DOUBLE_BARRIER_OPTIONS, .quantity = 0 };
    docent_double_barrier *none = NULL;
    assert_status(docent_double_barrier_new(client, "/double", &options, &none), DOCENT_ERR_INVALID_ARGUMENT);
    assert_status(docent_double_barrier_new(client, "/double", NULL, &none), DOCENT_ERR_INVALID_ARGUMENT);
    options.quantity = 1;
    assert_status(docent_double_barrier_new(client, "/", &options, &none), DOCENT_ERR_INVALID_ARGUMENT);
    assert_null(none);
}

/* ---- The synchronising queue. ---- */

struct gatherer {
    docent_client *own;
    docent_sync_queue *queue;
    struct round *rounds;
    int64_t numbers[ROUNDS];
};

static void *gather_rounds(void *user)
{
    struct gatherer *g = user;
    for (int i = 0; i < ROUNDS; i++) {
        struct round *round = &g->rounds[i];
        round->in++;
        if (docent_sync_queue_gather(g->queue, PATIENCE_MS) != DOCENT_OK || round->in != MEMBERS) round->failures++;
        g->numbers[i] = docent_sync_queue_round(g->queue);
    }
    return NULL;
}

static docent_sync_queue *sync_queue_new(docent_client *owner, uint32_t quantity)
{
    docent_sync_queue_options options = { DOCENT_SYNC_QUEUE_OPTIONS, .quantity = quantity };
    docent_sync_queue *queue = NULL;
    assert_ok(docent_sync_queue_new(owner, "/sync/queue", &options, &queue));
    return queue;
}

static void sync_members_start_together(void **state)
{
    (void)state;
    struct round rounds[ROUNDS] = { 0 };
    static struct gatherer gatherers[MEMBERS];
    pthread_t threads[MEMBERS];
    for (int i = 0; i < MEMBERS; i++) {
        gatherers[i] = (struct gatherer){ .own = i % 2 == 0 ? client_start(NULL) : client, .rounds = rounds };
        gatherers[i].queue = sync_queue_new(gatherers[i].own, MEMBERS);
        assert_int_equal(docent_sync_queue_round(gatherers[i].queue), -1);
    }
    for (int i = 0; i < MEMBERS; i++) assert_int_equal(pthread_create(&threads[i], NULL, gather_rounds, &gatherers[i]), 0);
    for (int i = 0; i < MEMBERS; i++) pthread_join(threads[i], NULL);
    for (int i = 0; i < ROUNDS; i++) {
        assert_int_equal(rounds[i].failures, 0);
        for (int k = 0; k < MEMBERS; k++) assert_int_equal(gatherers[k].numbers[i], i);
    }
    for (int i = 0; i < MEMBERS; i++) {
        docent_recipe_info info = { DOCENT_RECIPE_INFO };
        assert_ok(docent_sync_queue_info(gatherers[i].queue, &info));
        assert_int_equal(info.succeeded, ROUNDS);
        docent_sync_queue_close(gatherers[i].queue, NULL, NULL);
        if (gatherers[i].own != client) docent_client_close(gatherers[i].own, NULL, NULL);
    }
    assert_soon(child_count("/sync/queue") == 0);
    assert_int_equal(watch_count(), 0);
}

static void sync_time_outs_withdraw(void **state)
{
    (void)state;
    docent_sync_queue *queue = sync_queue_new(client, 2);
    assert_status(docent_sync_queue_gather(queue, DOCENT_NO_WAIT), DOCENT_ERR_TIMEOUT);
    assert_status(docent_sync_queue_gather(queue, 20), DOCENT_ERR_TIMEOUT); /* The other does not count. */
    assert_soon(child_count("/sync/queue") == 0);
    assert_int_equal(docent_sync_queue_round(queue), -1);
    assert_ok(docent_set(client, "/sync/queue", "none", 4, DOCENT_ANY_VERSION, NULL));
    assert_status(docent_sync_queue_gather(queue, PATIENCE_MS), DOCENT_ERR_CORRUPT_DATA);
    docent_sync_queue_close(queue, NULL, NULL);
}

/* ---- The countdown. ---- */

struct lone_gatherer {
    docent_sync_queue *queue;
    atomic_int outcome;
};

static void *gather_once(void *user)
{
    struct lone_gatherer *gatherer = user;
    gatherer->outcome = docent_sync_queue_gather(gatherer->queue, PATIENCE_MS);
    return NULL;
}

/* Rounds only count up. A number that is less says that the path was made anew, or tampered with: nobody would ever start us. */
static void sync_round_that_goes_back_ends_gathering(void **state)
{
    (void)state;
    docent_sync_queue_options options = { DOCENT_SYNC_QUEUE_OPTIONS, .quantity = 2 };
    docent_sync_queue *queue = NULL;
    assert_ok(docent_create(client, "/start", "7", 1, DOCENT_PERSISTENT, NULL));
    assert_ok(docent_sync_queue_new(client, "/start", &options, &queue));
    struct lone_gatherer gatherer = { .queue = queue, .outcome = 1 };
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, gather_once, &gatherer), 0);
    assert_soon(child_count("/start") == 1);
    assert_ok(docent_set(client, "/start", "3", 1, DOCENT_ANY_VERSION, NULL));
    pthread_join(thread, NULL);
    assert_status((docent_status)gatherer.outcome, DOCENT_ERR_CORRUPT_DATA);
    assert_soon(child_count("/start") == 0);
    docent_sync_queue_close(queue, NULL, NULL);
}

static void *count_down(void *user)
{
    struct round *round = user;
    docent_client *own = NULL;
    docent_countdown *countdown = NULL;
    if (docent_client_new(connect_string, NULL, &own) != DOCENT_OK || docent_countdown_new(own, "/count/down", NULL, &countdown) != DOCENT_OK) {
        round->failures++;
        return NULL;
    }
    for (int i = 0; i < 5; i++) {
        if (docent_countdown_count_down(countdown, PATIENCE_MS) != DOCENT_OK) round->failures++;
    }
    if (docent_countdown_wait(countdown, PATIENCE_MS) != DOCENT_OK) round->failures++;
    docent_countdown_close(countdown, NULL, NULL);
    docent_client_close(own, NULL, NULL);
    return NULL;
}

static void countdown_reaches_zero(void **state)
{
    (void)state;
    docent_countdown *countdown = NULL;
    struct round round = { 0 };
    pthread_t threads[MEMBERS];
    assert_ok(docent_countdown_new(client, "/count/down", NULL, &countdown));
    assert_status(docent_countdown_wait(countdown, PATIENCE_MS), DOCENT_ERR_NO_NODE);
    assert_status(docent_countdown_count_down(countdown, PATIENCE_MS), DOCENT_ERR_NO_NODE);
    assert_status(docent_countdown_create(countdown, 0, PATIENCE_MS), DOCENT_ERR_INVALID_ARGUMENT);
    assert_ok(docent_countdown_create(countdown, 5 * MEMBERS + 1, PATIENCE_MS));
    assert_status(docent_countdown_create(countdown, 5, PATIENCE_MS), DOCENT_ERR_NODE_EXISTS);
    assert_status(docent_countdown_wait(countdown, DOCENT_NO_WAIT), DOCENT_ERR_TIMEOUT);
    for (int i = 0; i < MEMBERS; i++) assert_int_equal(pthread_create(&threads[i], NULL, count_down, &round), 0);
    assert_soon(child_count("/count/down") == 5 * MEMBERS + 1);
    assert_status(docent_countdown_wait(countdown, 20), DOCENT_ERR_TIMEOUT);
    assert_ok(docent_countdown_count_down(countdown, PATIENCE_MS));
    for (int i = 0; i < MEMBERS; i++) pthread_join(threads[i], NULL);
    assert_int_equal(round.failures, 0);
    assert_ok(docent_countdown_wait(countdown, DOCENT_NO_WAIT));
    assert_ok(docent_countdown_count_down(countdown, PATIENCE_MS)); /* Zero stays zero. */
    assert_int_equal(child_count("/count/down"), 5 * MEMBERS + 3);
    assert_int_equal(watch_count(), 0);
    docent_countdown_close(countdown, NULL, NULL);
}

struct zero_waiter {
    docent_countdown *countdown;
    atomic_int outcome;
};

static void *wait_for_zero(void *user)
{
    struct zero_waiter *waiter = user;
    waiter->outcome = docent_countdown_wait(waiter->countdown, PATIENCE_MS);
    return NULL;
}

/* Whoever is told first may delete all of it before the others have looked. */
static void countdown_that_was_cleared_away_was_at_zero(void **state)
{
    (void)state;
    docent_countdown *countdown = NULL;
    assert_ok(docent_countdown_new(client, "/count", NULL, &countdown));
    assert_ok(docent_countdown_create(countdown, 2, PATIENCE_MS));
    pthread_t thread;
    struct zero_waiter waiter = { .countdown = countdown, .outcome = 1 };
    assert_int_equal(pthread_create(&thread, NULL, wait_for_zero, &waiter), 0);
    await_the_watch();
    docent_result *result = NULL;
    char origin[64];
    assert_ok(docent_children(client, "/count", &result));
    assert_int_equal(result->name_count, 1); /* It is made with that one. */
    snprintf(origin, sizeof origin, "/count/%s", result->names[0]);
    docent_result_free(result);
    docent_op zero[] = { docent_op_create("/count/open", NULL, 0, DOCENT_PERSISTENT), docent_op_delete("/count/open", DOCENT_ANY_VERSION),
                         docent_op_delete(origin, DOCENT_ANY_VERSION), docent_op_delete("/count", DOCENT_ANY_VERSION) };
    assert_ok(docent_multi(client, zero, 4, &result));
    docent_result_free(result);
    pthread_join(thread, NULL);
    assert_status((docent_status)waiter.outcome, DOCENT_OK);
    docent_countdown_close(countdown, NULL, NULL);
}

/* Somebody else's, which we may not read: that it is another's is certain all the same. */
/* A part is missing, so the rest is to go; and whatever was counted there is not counted in the next one. */
static void countdown_that_is_half_deleted_is_none(void **state)
{
    (void)state;
    docent_countdown *countdown = NULL;
    docent_result *result = NULL;
    char origin[64];
    assert_ok(docent_countdown_new(client, "/half", NULL, &countdown));
    assert_ok(docent_countdown_create(countdown, 3, PATIENCE_MS));
    assert_ok(docent_children(client, "/half", &result));
    snprintf(origin, sizeof origin, "/half/%s", result->names[0]);
    docent_result_free(result);
    assert_ok(docent_delete(client, origin, DOCENT_ANY_VERSION));
    assert_status(docent_countdown_count_down(countdown, PATIENCE_MS), DOCENT_ERR_NO_NODE);
    assert_int_equal(child_count("/half"), 0);
    assert_ok(docent_delete(client, "/half", DOCENT_ANY_VERSION));
    assert_ok(docent_countdown_create(countdown, 1, PATIENCE_MS));
    assert_ok(docent_countdown_count_down(countdown, PATIENCE_MS));
    assert_ok(docent_countdown_wait(countdown, PATIENCE_MS));
    docent_countdown_close(countdown, NULL, NULL);
}

static void countdown_that_cannot_be_read_is_anothers(void **state)
{
    (void)state;
    docent_acl nobody[] = { { DOCENT_PERM_CREATE | DOCENT_PERM_DELETE, "world", "anyone" } };
    docent_op op = docent_op_create("/secret", "1", 1, DOCENT_PERSISTENT);
    op.acl = (docent_acl_list){ nobody, 1 };
    docent_result *result = NULL;
    assert_ok(docent_run(client, &op, NULL, &result));
    docent_result_free(result);
    docent_countdown *countdown = NULL;
    assert_ok(docent_countdown_new(client, "/secret", NULL, &countdown));
    assert_status(docent_countdown_create(countdown, 1, PATIENCE_MS), DOCENT_ERR_NO_AUTH);
    docent_countdown_close(countdown, NULL, NULL);
}

static void countdown_does_not_misread_what_others_wrote(void **state)
{
    (void)state;
    static const char *const texts[] = { "", "1", "1 2", " 1 2 a", "01 2 a", "-1 2 a", "3 2 a", "4294967297 4294967297 a", "1 2 a b" };
    docent_countdown *countdown = NULL;
    assert_ok(docent_countdown_new(client, "/junk", NULL, &countdown));
    assert_ok(docent_create(client, "/junk", NULL, 0, DOCENT_PERSISTENT, NULL));
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_ok(docent_set(client, "/junk", texts[i], strlen(texts[i]), DOCENT_ANY_VERSION, NULL));
        assert_status(docent_countdown_count_down(countdown, PATIENCE_MS), DOCENT_ERR_CORRUPT_DATA);
    }
    docent_countdown_close(countdown, NULL, NULL);
}

static void countdown_counts_once_despite_lost_replies(void **state)
{
    (void)state;
    docent_countdown *countdown = NULL;
    docent_result *result = NULL;
    assert_ok(docent_countdown_new(client, "/down", NULL, &countdown));
    assert_ok(docent_countdown_create(countdown, 5, PATIENCE_MS));
    docent_fault fault = { DOCENT_FAULT, .action = DOCENT_FAULT_DROP_REPLY, .op = 14 };
    assert_ok(docent_devserver_add_fault(server, &fault)); /* The transaction. */
    assert_ok(docent_countdown_count_down(countdown, PATIENCE_MS));
    assert_ok(docent_get(client, "/down", &result));
    assert_memory_equal(result->data, "4 5 ", 4);
    docent_result_free(result);
    docent_countdown_close(countdown, NULL, NULL);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(barrier_holds_and_opens, start, stop),
        cmocka_unit_test_setup_teardown(barrier_that_was_open_for_a_moment_lets_pass, start, stop),
        cmocka_unit_test_setup_teardown(barrier_outlives_cuts, start, stop),
        cmocka_unit_test_setup_teardown(barrier_with_children_stands, start, stop),
        cmocka_unit_test_setup_teardown(double_rounds_on_one_session, start, stop),
        cmocka_unit_test_setup_teardown(double_rounds_on_a_session_each, start, stop),
        cmocka_unit_test_setup_teardown(double_rounds_of_kazoo, start, stop),
        cmocka_unit_test_setup_teardown(double_time_outs_withdraw, start, stop),
        cmocka_unit_test_setup_teardown(double_entry_is_cancelled, start, stop),
        cmocka_unit_test_setup_teardown(double_stale_ready_lets_nobody_in, start, stop),
        cmocka_unit_test_setup_teardown(double_rounds_where_the_path_is_not_ours, start, stop),
        cmocka_unit_test_setup_teardown(double_late_member_joins, start, stop),
        cmocka_unit_test_setup_teardown(double_member_is_told_of_its_end, start, stop),
        cmocka_unit_test_setup_teardown(double_bad_arguments, start, stop),
        cmocka_unit_test_setup_teardown(sync_members_start_together, start, stop),
        cmocka_unit_test_setup_teardown(sync_time_outs_withdraw, start, stop),
        cmocka_unit_test_setup_teardown(sync_round_that_goes_back_ends_gathering, start, stop),
        cmocka_unit_test_setup_teardown(countdown_reaches_zero, start, stop),
        cmocka_unit_test_setup_teardown(countdown_that_was_cleared_away_was_at_zero, start, stop),
        cmocka_unit_test_setup_teardown(countdown_that_is_half_deleted_is_none, start, stop),
        cmocka_unit_test_setup_teardown(countdown_that_cannot_be_read_is_anothers, start, stop),
        cmocka_unit_test_setup_teardown(countdown_does_not_misread_what_others_wrote, start, stop),
        cmocka_unit_test_setup_teardown(countdown_counts_once_despite_lost_replies, start, stop),
    };
    return run_live(tests, argc, argv);
}
