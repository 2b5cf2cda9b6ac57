/* tests/live/test_multi_lock.c - several locks as one, against a server: order, all or nothing, losses, guards. */
#include "live.h"

#include <pthread.h>

static const char *const paths[] = { "/m/b", "/m/c", "/m/a" };
enum { COUNT = 3 };

static docent_client *client, *other;

static int start(void **state)
{
    if (server_start_patient(state) != 0) return -1;
    client = client_start(NULL);
    other = client_start(NULL);
    return 0;
}

static int stop(void **state)
{
    docent_client_close(client, NULL, NULL);
    docent_client_close(other, NULL, NULL);
    return server_stop(state);
}

static docent_multi_lock *multi_new(docent_client *owner, const docent_multi_lock_options *options)
{
    docent_multi_lock *multi = NULL;
    assert_ok(docent_multi_lock_new(owner, paths, COUNT, options, &multi));
    return multi;
}

static size_t nodes_below(const char *path)
{
    docent_result *result = NULL;
    assert_ok(docent_sync(client, path));
    docent_status status = docent_children(client, path, &result);
    size_t count = status == DOCENT_OK ? result->name_count : 0;
    docent_result_free(result);
    return count;
}

static void all_are_held_and_each_has_its_token(void **state)
{
    (void)state;
    docent_multi_lock *multi = multi_new(client, NULL);
    assert_int_equal(docent_multi_lock_get_state(multi), DOCENT_LOCK_RELEASED);
    assert_ok(docent_multi_lock_acquire(multi, PATIENCE_MS));
    assert_int_equal(docent_multi_lock_get_state(multi), DOCENT_LOCK_HELD);
    assert_int_equal(docent_multi_lock_count(multi), COUNT);
    int64_t tokens[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        tokens[i] = docent_lock_token(docent_multi_lock_member(multi, i));
        docent_hold *hold = docent_lock_hold(docent_multi_lock_member(multi, i));
        assert_int_equal(strncmp(docent_hold_path(hold), paths[i], strlen(paths[i])), 0);
        docent_hold_unref(hold);
    }
    assert_true(tokens[2] > 0 && tokens[2] < tokens[0] && tokens[0] < tokens[1]); /* In the order of the paths. */
    assert_null(docent_multi_lock_member(multi, COUNT));
    assert_status(docent_multi_lock_acquire(multi, PATIENCE_MS), DOCENT_ERR_BUSY);
    assert_status(docent_lock_acquire(docent_multi_lock_member(multi, 0), 100), DOCENT_ERR_BUSY);
    docent_recipe_info info = { DOCENT_RECIPE_INFO };
    assert_ok(docent_multi_lock_info(multi, &info));
    assert_string_equal(info.state, "HELD");
    assert_int_equal(info.succeeded, 1);
    assert_ok(docent_multi_lock_release_wait(multi, PATIENCE_MS));
    for (size_t i = 0; i < COUNT; i++) assert_int_equal(nodes_below(paths[i]), 0);
    docent_multi_lock_close(multi, NULL, NULL);
}

static void as_listed_is_the_order_of_the_list(void **state)
{
    (void)state;
    docent_multi_lock_options options = { DOCENT_MULTI_LOCK_OPTIONS, .order = DOCENT_MULTI_LOCK_AS_LISTED };
    docent_multi_lock *multi = multi_new(client, &options);
    assert_ok(docent_multi_lock_acquire(multi, PATIENCE_MS));
    for (size_t i = 1; i < COUNT; i++) {
        assert_true(docent_lock_token(docent_multi_lock_member(multi, i)) > docent_lock_token(docent_multi_lock_member(multi, i - 1)));
    }
    docent_multi_lock_close(multi, NULL, NULL);
}

static void all_or_nothing(void **state)
{
    (void)state;
    docent_lock *last = NULL;
    docent_multi_lock *multi = multi_new(client, NULL);
    assert_ok(docent_lock_new(other, "/m/c", NULL, &last));
    assert_ok(docent_lock_acquire(last, PATIENCE_MS));
    assert_status(docent_multi_lock_acquire(multi, DOCENT_NO_WAIT), DOCENT_ERR_TIMEOUT);
    assert_status(docent_multi_lock_acquire(multi, 50), DOCENT_ERR_TIMEOUT);
    assert_int_equal(docent_multi_lock_get_state(multi), DOCENT_LOCK_RELEASED);
    assert_int_equal(docent_lock_token(docent_multi_lock_member(multi, 0)), -1);
    assert_ok(docent_multi_lock_release_wait(multi, PATIENCE_MS));
    assert_int_equal(nodes_below("/m/a"), 0);
    assert_int_equal(nodes_below("/m/b"), 0);
    assert_int_equal(nodes_below("/m/c"), 1);
    docent_lock_release(last);
    assert_ok(docent_multi_lock_acquire(multi, PATIENCE_MS));
    docent_lock_close(last, NULL, NULL);
    docent_multi_lock_close(multi, NULL, NULL);
}

enum { PARTIES = 3, TURNS = 10 };

struct party {
    pthread_t thread;
    size_t turn; /* Where its list begins. */
    atomic_int *inside, *failures;
};

/* Each lists the same paths in an order of its own. */
static void *take_turns(void *user)
{
    struct party *p = user;
    const char *mine[COUNT];
    docent_client *own = NULL;
    docent_multi_lock *multi = NULL;
    for (size_t i = 0; i < COUNT; i++) mine[i] = paths[(i + p->turn) % COUNT];
    if (docent_client_new(connect_string, NULL, &own) != DOCENT_OK || docent_multi_lock_new(own, mine, COUNT, NULL, &multi) != DOCENT_OK) {
        (*p->failures)++;
        return NULL;
    }
    for (int i = 0; i < TURNS; i++) {
        if (docent_multi_lock_acquire(multi, PATIENCE_MS) != DOCENT_OK) (*p->failures)++;
        if (atomic_fetch_add(p->inside, 1) != 0) (*p->failures)++;
        atomic_fetch_sub(p->inside, 1);
        docent_multi_lock_release(multi);
        if (docent_multi_lock_get_state(multi) != DOCENT_LOCK_RELEASED) (*p->failures)++;
    }
    docent_multi_lock_close(multi, NULL, NULL);
    docent_client_close(own, NULL, NULL);
    return NULL;
}

static void whatever_the_lists_nobody_waits_in_a_ring(void **state)
{
    (void)state;
    atomic_int inside = 0, failures = 0;
    struct party parties[PARTIES];
    for (size_t i = 0; i < PARTIES; i++) {
        parties[i] = (struct party){ .turn = i, .inside = &inside, .failures = &failures };
        assert_int_equal(pthread_create(&parties[i].thread, NULL, take_turns, &parties[i]), 0);
    }
    for (size_t i = 0; i < PARTIES; i++) pthread_join(parties[i].thread, NULL);
    assert_int_equal(failures, 0);
}

struct told {
    atomic_int lost, held, released;
    atomic_size_t member;
    docent_status why;
};

static void on_lost(docent_multi_lock *multi, size_t member, docent_status why, void *user)
{
    (void)multi;
    struct told *told = user;
    told->member = member;
    told->why = why;
    told->lost++;
}

static void on_state(docent_multi_lock *multi, docent_lock_state state, void *user)
{
    (void)multi;
    struct told *told = user;
    if (state == DOCENT_LOCK_HELD) told->held++;
    if (state == DOCENT_LOCK_RELEASED) told->released++;
}

static void one_lost_is_all_released(void **state)
{
    (void)state;
    static struct told told; /* What is told of the close comes later. */
    memset(&told, 0, sizeof told);
    docent_multi_lock_options options = { DOCENT_MULTI_LOCK_OPTIONS, .on_lost = on_lost, .on_state = on_state, .user = &told };
    docent_multi_lock *multi = multi_new(client, &options);
    assert_ok(docent_multi_lock_acquire(multi, PATIENCE_MS));
    docent_hold *hold = docent_lock_hold(docent_multi_lock_member(multi, 1));
    assert_ok(docent_delete(other, docent_hold_path(hold), DOCENT_ANY_VERSION));
    docent_hold_unref(hold);
    assert_soon(told.lost == 1);
    assert_status(told.why, DOCENT_ERR_NO_NODE);
    assert_int_equal(told.member, 1);
    assert_int_equal(told.held, 1);
    assert_int_equal(told.released, 1);
    assert_int_equal(docent_multi_lock_get_state(multi), DOCENT_LOCK_RELEASED);
    assert_ok(docent_multi_lock_release_wait(multi, PATIENCE_MS));
    for (size_t i = 0; i < COUNT; i++) assert_int_equal(nodes_below(paths[i]), 0);

    assert_ok(docent_multi_lock_acquire(multi, PATIENCE_MS));
    expire(client);
    assert_soon(told.lost == 2);
    assert_status(told.why, DOCENT_ERR_SESSION_EXPIRED);
    docent_multi_lock_close(multi, NULL, NULL);
}

static void releasing_a_member_releases_all(void **state)
{
    (void)state;
    static struct told told; /* What is told of the close comes later. */
    memset(&told, 0, sizeof told);
    docent_multi_lock_options options = { DOCENT_MULTI_LOCK_OPTIONS, .on_lost = on_lost, .on_state = on_state, .user = &told };
    docent_multi_lock *multi = multi_new(client, &options);
    assert_ok(docent_multi_lock_acquire(multi, PATIENCE_MS));
    docent_lock_close(docent_multi_lock_member(multi, 0), NULL, NULL);
    assert_int_equal(docent_multi_lock_get_state(multi), DOCENT_LOCK_RELEASED);
    assert_soon(told.released == 1);
    assert_int_equal(told.lost, 0);
    assert_ok(docent_multi_lock_acquire(multi, PATIENCE_MS));
    docent_multi_lock_close(multi, NULL, NULL);
}

static void a_transaction_is_guarded_by_all(void **state)
{
    (void)state;
    docent_multi_lock *multi = multi_new(client, NULL);
    docent_txn *txn = NULL;
    assert_ok(docent_multi_lock_acquire(multi, PATIENCE_MS));
    assert_ok(docent_txn_new(client, &txn));
    assert_ok(docent_txn_create(txn, "/result", "1", 1, DOCENT_PERSISTENT));
    char last[256];
    for (size_t i = 0; i < COUNT; i++) {
        docent_hold *hold = docent_lock_hold(docent_multi_lock_member(multi, i));
        assert_ok(docent_txn_guard(txn, hold));
        snprintf(last, sizeof last, "%s", docent_hold_path(hold));
        docent_hold_unref(hold);
    }
    assert_ok(docent_delete(other, last, DOCENT_ANY_VERSION));
    assert_status(docent_txn_commit(txn, NULL, NULL), DOCENT_ERR_NOT_HELD);
    docent_txn_free(txn);
    docent_multi_lock_close(multi, NULL, NULL);
}

static void count(void *user)
{
    (*(atomic_int *)user)++;
}

struct waiter {
    pthread_t thread;
    docent_multi_lock *multi;
    docent_status status;
};

static void *wait_for_all(void *user)
{
    struct waiter *w = user;
    w->status = docent_multi_lock_acquire(w->multi, PATIENCE_MS);
    return NULL;
}

static void a_release_ends_the_waiting(void **state)
{
    (void)state;
    docent_lock *last = NULL;
    assert_ok(docent_lock_new(other, "/m/c", NULL, &last));
    assert_ok(docent_lock_acquire(last, PATIENCE_MS));
    struct waiter waiter = { .multi = multi_new(client, NULL) };
    assert_int_equal(pthread_create(&waiter.thread, NULL, wait_for_all, &waiter), 0);
    for (size_t nodes = 0; nodes < 2;) nodes = nodes_below("/m/c");
    assert_int_equal(docent_multi_lock_get_state(waiter.multi), DOCENT_LOCK_WAITING);
    assert_ok(docent_multi_lock_release_wait(waiter.multi, PATIENCE_MS));
    pthread_join(waiter.thread, NULL);
    assert_status(waiter.status, DOCENT_ERR_CANCELLED);
    assert_int_equal(nodes_below("/m/a"), 0);
    docent_lock_close(last, NULL, NULL);
    docent_multi_lock_close(waiter.multi, NULL, NULL);
}

static void closing_tells_when_the_nodes_are_gone(void **state)
{
    (void)state;
    atomic_int closed = 0;
    docent_multi_lock *multi = multi_new(client, NULL);
    assert_ok(docent_multi_lock_acquire(multi, PATIENCE_MS));
    docent_multi_lock_close(multi, count, &closed);
    assert_soon(closed == 1);
    for (size_t i = 0; i < COUNT; i++) assert_int_equal(nodes_below(paths[i]), 0);

    docent_client *own = client_start(NULL);
    multi = multi_new(own, NULL);
    assert_ok(docent_multi_lock_acquire(multi, PATIENCE_MS));
    docent_client_close(own, NULL, NULL);
    assert_status(docent_multi_lock_acquire(multi, 100), DOCENT_ERR_CLOSING);
    assert_int_equal(docent_multi_lock_get_state(multi), DOCENT_LOCK_RELEASED);
    docent_lock_close(docent_multi_lock_member(multi, 1), count, &closed); /* A member still, though dead. */
    assert_int_equal(docent_lock_get_state(docent_multi_lock_member(multi, 1)), DOCENT_LOCK_RELEASED);
    assert_int_equal(closed, 1);
    docent_multi_lock_close(multi, count, &closed);
    assert_int_equal(closed, 2);
}

static void bad_arguments(void **state)
{
    (void)state;
    static const char *const twice[] = { "/a", "/b", "/a" }, *const bad[] = { "/a", "b" }, *const none[] = { NULL };
    docent_multi_lock *multi = NULL;
    docent_multi_lock_options options = { DOCENT_MULTI_LOCK_OPTIONS, .order = (docent_multi_lock_order)7 };
    assert_status(docent_multi_lock_new(client, twice, 3, NULL, &multi), DOCENT_ERR_INVALID_ARGUMENT);
    assert_status(docent_multi_lock_new(client, bad, 2, NULL, &multi), DOCENT_ERR_INVALID_ARGUMENT);
    assert_status(docent_multi_lock_new(client, none, 1, NULL, &multi), DOCENT_ERR_INVALID_ARGUMENT);
    assert_status(docent_multi_lock_new(client, paths, 0, NULL, &multi), DOCENT_ERR_INVALID_ARGUMENT);
    assert_status(docent_multi_lock_new(client, NULL, 1, NULL, &multi), DOCENT_ERR_INVALID_ARGUMENT);
    assert_status(docent_multi_lock_new(client, paths, COUNT, &options, &multi), DOCENT_ERR_INVALID_ARGUMENT);
    options = (docent_multi_lock_options){ DOCENT_MULTI_LOCK_OPTIONS, .order = DOCENT_MULTI_LOCK_AS_LISTED };
    assert_status(docent_multi_lock_new(client, twice, 3, &options, &multi), DOCENT_ERR_INVALID_ARGUMENT);
    assert_null(multi);
    docent_multi_lock_close(NULL, NULL, NULL);
    docent_multi_lock_release(NULL);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(all_are_held_and_each_has_its_token, start, stop),
        cmocka_unit_test_setup_teardown(as_listed_is_the_order_of_the_list, start, stop),
        cmocka_unit_test_setup_teardown(all_or_nothing, start, stop),
        cmocka_unit_test_setup_teardown(whatever_the_lists_nobody_waits_in_a_ring, start, stop),
        cmocka_unit_test_setup_teardown(one_lost_is_all_released, start, stop),
        cmocka_unit_test_setup_teardown(releasing_a_member_releases_all, start, stop),
        cmocka_unit_test_setup_teardown(a_transaction_is_guarded_by_all, start, stop),
        cmocka_unit_test_setup_teardown(a_release_ends_the_waiting, start, stop),
        cmocka_unit_test_setup_teardown(closing_tells_when_the_nodes_are_gone, start, stop),
        cmocka_unit_test_setup_teardown(bad_arguments, start, stop),
    };
    return run_live(tests, argc, argv);
}
