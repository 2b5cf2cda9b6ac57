/* tests/live/test_semaphore.c - semaphores against a server: never more than the limit, all or nothing, limits that change, and what is left behind. */
#include "one_client.h"

#include <pthread.h>

static docent_semaphore *semaphore_of(uint32_t max)
{
    docent_semaphore_options options = { DOCENT_SEMAPHORE_OPTIONS, .max = max };
    docent_semaphore *semaphore = NULL;
    assert_ok(docent_semaphore_new(client, "/gate", &options, &semaphore));
    return semaphore;
}

static docent_permit *take(docent_semaphore *semaphore, uint32_t count)
{
    docent_permit *permit = NULL;
    assert_ok(docent_semaphore_acquire(semaphore, count, PATIENCE_MS, &permit));
    assert_non_null(permit);
    return permit;
}

static size_t nodes_below(const char *path)
{
    docent_result *result = NULL;
    size_t count = docent_children(client, path, &result) == DOCENT_OK ? result->name_count : 0;
    docent_result_free(result);
    return count;
}

static size_t leases(void)
{
    return nodes_below("/gate/leases");
}

enum { WORKERS = 4, TURNS = 12, ROOM = 3 };
static atomic_int inside, failures;

static void *work(void *user)
{
    uint32_t count = 1 + *(const uint32_t *)user % ROOM;
    docent_client *own = NULL;
    docent_semaphore *semaphore = NULL;
    docent_semaphore_options options = { DOCENT_SEMAPHORE_OPTIONS, .max = ROOM };
    if (docent_client_new(connect_string, NULL, &own) != DOCENT_OK ||
        docent_semaphore_new(own, "/gate", &options, &semaphore) != DOCENT_OK) {
        failures++;
        return NULL;
    }
    for (int i = 0; i < TURNS; i++) {
        docent_permit *permit = NULL;
        if (docent_semaphore_acquire(semaphore, count, PATIENCE_MS, &permit) != DOCENT_OK) {
            failures++;
            continue;
        }
        if (atomic_fetch_add(&inside, (int)count) + (int)count > ROOM) failures++;
        atomic_fetch_sub(&inside, (int)count);
        if (docent_permit_return(permit, PATIENCE_MS) != DOCENT_OK) failures++;
    }
    docent_semaphore_close(semaphore, NULL, NULL);
    docent_client_close(own, NULL, NULL);
    return NULL;
}

static void never_more_than_the_limit(void **state)
{
    (void)state;
    pthread_t threads[WORKERS];
    uint32_t counts[WORKERS];
    inside = failures = 0;
    for (uint32_t i = 0; i < WORKERS; i++) {
        counts[i] = i;
        assert_int_equal(pthread_create(&threads[i], NULL, work, &counts[i]), 0);
    }
    for (int i = 0; i < WORKERS; i++) pthread_join(threads[i], NULL);
    assert_int_equal(failures, 0);
    assert_int_equal(leases(), 0);
    assert_soon(nodes_below("/gate/locks") == 0);
}

struct waiter {
    docent_semaphore *semaphore;
    uint32_t count;
    docent_permit *permit;
    docent_status outcome;
    atomic_bool done;
    pthread_t thread;
};

static void *wait_for_leases(void *user)
{
    struct waiter *w = user;
    w->outcome = docent_semaphore_acquire(w->semaphore, w->count, 3 * PATIENCE_MS, &w->permit);
    w->done = true;
    return NULL;
}

static void waiter_start(struct waiter *w, docent_semaphore *semaphore, uint32_t count)
{
    size_t queue = nodes_below("/gate/locks");
    *w = (struct waiter){ .semaphore = semaphore, .count = count };
    assert_int_equal(pthread_create(&w->thread, NULL, wait_for_leases, w), 0);
    assert_soon(nodes_below("/gate/locks") == queue + 1);
}

static docent_status waiter_end(struct waiter *w)
{
    pthread_join(w->thread, NULL);
    return w->outcome;
}

/* Who wants all waits for all, with none in hand, and nobody who wants one gets in before. */
static void f65_all_or_nothing_in_order(void **state)
{
    (void)state;
    docent_semaphore *semaphore = semaphore_of(3);
    struct waiter many, one;
    docent_permit *first = take(semaphore, 1), *second = take(semaphore, 1);
    waiter_start(&many, semaphore, 3);
    waiter_start(&one, semaphore, 1);
    assert_int_equal(leases(), 2);
    assert_ok(docent_permit_return(first, PATIENCE_MS));
    assert_int_equal(leases(), 1);
    assert_false(many.done || one.done);
    assert_ok(docent_permit_return(second, PATIENCE_MS));
    assert_ok(waiter_end(&many));
    assert_int_equal(leases(), 3);
    assert_int_equal(docent_permit_count(many.permit), 3);
    assert_false(one.done);
    assert_ok(docent_permit_return(many.permit, PATIENCE_MS));
    assert_ok(waiter_end(&one));
    docent_permit_close(one.permit, NULL, NULL);
    docent_semaphore_close(semaphore, NULL, NULL);
}

static void time_outs_leave_nothing(void **state)
{
    (void)state;
    docent_semaphore *semaphore = semaphore_of(2);
    docent_permit *none = NULL, *held = take(semaphore, 1);
    assert_status(docent_semaphore_acquire(semaphore, 2, DOCENT_NO_WAIT, &none), DOCENT_ERR_TIMEOUT);
    assert_status(docent_semaphore_acquire(semaphore, 2, 50, &none), DOCENT_ERR_TIMEOUT);
    assert_null(none);
    assert_soon(nodes_below("/gate/locks") == 0);
    assert_int_equal(leases(), 1);
    docent_permit *other = NULL;
    assert_ok(docent_semaphore_acquire(semaphore, 1, DOCENT_NO_WAIT, &other));
    docent_permit_close(other, NULL, NULL);
    docent_recipe_info info = { DOCENT_RECIPE_INFO };
    assert_ok(docent_permit_info(held, &info));
    assert_string_equal(info.state, "TAKEN");
    assert_ok(docent_semaphore_info(semaphore, &info));
    assert_true(info.timed_out >= 2 && info.succeeded == 2);
    assert_ok(docent_permit_return(held, PATIENCE_MS));
    docent_semaphore_close(semaphore, NULL, NULL);
}

/* A semaphore of one is a mutex: returned by any thread, and who acquires twice waits for itself. */
static void f66_a_mutex_has_a_token(void **state)
{
    (void)state;
    docent_semaphore *semaphore = semaphore_of(1);
    docent_permit *none = NULL, *permit = take(semaphore, 1);
    int64_t token = docent_permit_token(permit);
    assert_true(token > 0);
    assert_status(docent_semaphore_acquire(semaphore, 1, 50, &none), DOCENT_ERR_TIMEOUT);
    docent_hold *hold = docent_permit_hold(permit, 0);
    assert_non_null(hold);
    assert_int_equal(docent_hold_czxid(hold), token);
    assert_null(docent_permit_hold(permit, 1));
    docent_stat stat;
    assert_ok(docent_exists(client, docent_hold_path(hold), &stat));
    assert_int_equal(stat.czxid, token);
    docent_hold_unref(hold);
    assert_ok(docent_permit_return(permit, PATIENCE_MS));
    permit = take(semaphore, 1);
    assert_true(docent_permit_token(permit) > token);
    docent_permit_close(permit, NULL, NULL);
    docent_semaphore_close(semaphore, NULL, NULL);
}

static void f65_limits_change(void **state)
{
    (void)state;
    static const uint8_t one[4] = { 0, 0, 0, 1 }, three[4] = { 0, 0, 0, 3 };
    docent_semaphore_options options = { DOCENT_SEMAPHORE_OPTIONS, .limit_path = "/limit" };
    docent_semaphore *semaphore = NULL;
    struct waiter waiter;
    assert_ok(docent_create(client, "/limit", one, sizeof one, DOCENT_PERSISTENT, NULL));
    assert_ok(docent_semaphore_new(client, "/gate", &options, &semaphore));
    docent_permit *none = NULL, *first = take(semaphore, 1);
    assert_int_equal(docent_permit_token(first), -1); /* The limit may rise. */
    waiter_start(&waiter, semaphore, 2);
    assert_ok(docent_set(client, "/limit", three, sizeof three, DOCENT_ANY_VERSION, NULL));
    assert_ok(waiter_end(&waiter));
    assert_int_equal(leases(), 3);
    assert_ok(docent_set(client, "/limit", one, sizeof one, DOCENT_ANY_VERSION, NULL)); /* Takes nothing away. */
    assert_ok(docent_permit_return(first, PATIENCE_MS));
    assert_status(docent_semaphore_acquire(semaphore, 1, 50, &none), DOCENT_ERR_TIMEOUT);
    assert_int_equal(docent_permit_get_state(waiter.permit), DOCENT_PERMIT_HELD);
    assert_ok(docent_permit_return(waiter.permit, PATIENCE_MS));
    docent_permit_close(take(semaphore, 1), NULL, NULL);
    docent_semaphore_close(semaphore, NULL, NULL);
}

struct loss {
    atomic_int lost;
    docent_status why;
};

static void on_lost(docent_permit *permit, docent_status why, void *user)
{
    (void)permit;
    struct loss *loss = user;
    loss->why = why;
    loss->lost++;
}

static void take_alone(docent_semaphore *semaphore, int times)
{
    for (int i = 0; i < times; i++) assert_ok(docent_permit_return(take(semaphore, 1), PATIENCE_MS));
}

static void f65_alone_and_the_limit_is_made_anew(void **state)
{
    (void)state;
    static const uint8_t one[] = { 0, 0, 0, 1 }, two[] = { 0, 0, 0, 2 };
    docent_semaphore_options options = { DOCENT_SEMAPHORE_OPTIONS, .limit_path = "/limit", .max = 1 };
    docent_semaphore *semaphore;
    docent_permit *none = NULL;
    assert_ok(docent_create(client, "/limit", two, sizeof two, DOCENT_PERSISTENT, NULL));
    assert_ok(docent_semaphore_new(client, "/gate", &options, &semaphore));
    take_alone(semaphore, 4);
    assert_ok(docent_delete(client, "/limit", DOCENT_ANY_VERSION));
    assert_ok(docent_create(client, "/limit", one, sizeof one, DOCENT_PERSISTENT, NULL)); /* Of the same version. */
    docent_permit *ours = take(semaphore, 1);
    assert_status(docent_semaphore_acquire(semaphore, 1, DOCENT_NO_WAIT, &none), DOCENT_ERR_TIMEOUT);
    assert_int_equal(leases(), 1);
    assert_ok(docent_permit_return(ours, PATIENCE_MS));
    docent_semaphore_close(semaphore, NULL, NULL);
}

static void losses_are_told(void **state)
{
    (void)state;
    struct loss loss = { .lost = 0 };
    docent_semaphore_options options = { DOCENT_SEMAPHORE_OPTIONS, .max = 4, .on_lost = on_lost, .user = &loss };
    docent_semaphore *semaphore = NULL;
    assert_ok(docent_semaphore_new(client, "/gate", &options, &semaphore));
    docent_permit *permit = take(semaphore, 3);
    docent_hold *hold = docent_permit_hold(permit, 1);
    assert_ok(docent_delete(client, docent_hold_path(hold), DOCENT_ANY_VERSION));
    docent_hold_unref(hold);
    assert_soon(loss.lost == 1);
    assert_status(loss.why, DOCENT_ERR_NO_NODE);
    assert_int_equal(docent_permit_get_state(permit), DOCENT_PERMIT_RETURNED);
    assert_soon(leases() == 0); /* The others were given back. */
    docent_permit_close(permit, NULL, NULL);

    permit = take(semaphore, 2);
    expire(client);
    assert_soon(loss.lost == 2);
    assert_status(loss.why, DOCENT_ERR_SESSION_EXPIRED);
    assert_int_equal(docent_permit_get_state(permit), DOCENT_PERMIT_RETURNED);
    assert_null(docent_permit_hold(permit, 0));
    docent_permit_close(permit, NULL, NULL);
    assert_ok(docent_client_wait_connected(client, PATIENCE_MS));
    docent_permit_close(take(semaphore, 4), NULL, NULL);
    docent_semaphore_close(semaphore, NULL, NULL);
}

static void suspect_while_cut(void **state)
{
    (void)state;
    docent_semaphore *semaphore = semaphore_of(2);
    docent_permit *permit = take(semaphore, 2);
    cut();
    assert_soon(docent_permit_get_state(permit) == DOCENT_PERMIT_SUSPECT);
    heal();
    assert_soon(docent_permit_get_state(permit) == DOCENT_PERMIT_HELD);
    assert_ok(docent_permit_return(permit, PATIENCE_MS));
    docent_semaphore_close(semaphore, NULL, NULL);
}

static void lost_replies(void **state)
{
    (void)state;
    docent_semaphore *semaphore = semaphore_of(3);
    docent_permit_close(take(semaphore, 1), NULL, NULL); /* Makes the parents. */
    docent_fault fault = { DOCENT_FAULT, .action = DOCENT_FAULT_DROP_REPLY, .op = 14 };
    assert_ok(docent_devserver_add_fault(server, &fault)); /* The transaction. */
    docent_permit *permit = take(semaphore, 3);
    assert_int_equal(docent_devserver_fault_count(server), 0);
    assert_int_equal(leases(), 3); /* Found again, not made again. */
    assert_ok(docent_permit_return(permit, PATIENCE_MS));
    take_alone(semaphore, 3);
    assert_ok(docent_devserver_add_fault(server, &fault)); /* By the short cut: given back, and made again. */
    permit = take(semaphore, 3);
    assert_int_equal(docent_devserver_fault_count(server), 0);
    assert_int_equal(leases(), 3);
    fault.op = 2; /* A delete. */
    assert_ok(docent_devserver_add_fault(server, &fault));
    assert_ok(docent_permit_return(permit, PATIENCE_MS));
    assert_int_equal(docent_devserver_fault_count(server), 0);
    assert_int_equal(leases(), 0);
    docent_semaphore_close(semaphore, NULL, NULL);
}

static int64_t created(const char *path)
{
    docent_stat stat;
    assert_ok(docent_exists(client, path, &stat));
    return stat.czxid;
}

static int64_t changed(const char *path)
{
    docent_stat stat;
    assert_ok(docent_exists(client, path, &stat));
    return stat.pzxid;
}

/* A mutex of its own would be let go before, or later. */
static void leases_and_mutex_are_one_transaction(void **state)
{
    (void)state;
    docent_semaphore *semaphore = semaphore_of(3);
    for (int i = 0; i < 5; i++) { /* From the third on by the short cut. */
        docent_permit *permit = take(semaphore, 2);
        docent_hold *first = docent_permit_hold(permit, 0), *second = docent_permit_hold(permit, 1);
        assert_int_equal(created(docent_hold_path(first)), docent_hold_czxid(first));
        assert_int_equal(created(docent_hold_path(second)), docent_hold_czxid(first));
        assert_int_equal(changed("/gate/locks"), docent_hold_czxid(first));
        assert_int_equal(nodes_below("/gate/locks"), 0);
        docent_hold_unref(first);
        docent_hold_unref(second);
        assert_ok(docent_permit_return(permit, PATIENCE_MS));
    }
    assert_int_equal(leases(), 0);
    docent_semaphore_close(semaphore, NULL, NULL);
}

static void f65_alone_and_others_come(void **state)
{
    (void)state;
    docent_semaphore *semaphore = semaphore_of(2), *other = semaphore_of(2);
    docent_permit *none = NULL;
    take_alone(semaphore, 3);
    docent_permit *theirs = take(other, 1); /* We are not alone any more, */
    docent_permit *ours = take(semaphore, 1);
    assert_int_equal(leases(), 2);
    assert_status(docent_semaphore_acquire(semaphore, 1, DOCENT_NO_WAIT, &none), DOCENT_ERR_TIMEOUT);
    assert_ok(docent_permit_return(ours, PATIENCE_MS));
    take_alone(semaphore, 3); /* but again. They stay counted, and so do ours. */
    ours = take(semaphore, 1);
    assert_status(docent_semaphore_acquire(semaphore, 1, DOCENT_NO_WAIT, &none), DOCENT_ERR_TIMEOUT);
    assert_ok(docent_permit_return(theirs, PATIENCE_MS));
    assert_ok(docent_permit_return(ours, PATIENCE_MS));
    take_alone(semaphore, 3);
    assert_ok(docent_create(client, "/gate/leases/by-hand", NULL, 0, DOCENT_EPHEMERAL, NULL)); /* By who does not queue. */
    assert_status(docent_semaphore_acquire(semaphore, 2, DOCENT_NO_WAIT, &none), DOCENT_ERR_TIMEOUT);
    assert_null(none);
    assert_int_equal(leases(), 1);
    docent_semaphore_close(other, NULL, NULL);
    docent_semaphore_close(semaphore, NULL, NULL);
}

static void f65_alone_on_another_path(void **state)
{
    (void)state;
    docent_semaphore *semaphore = semaphore_of(1), *other = semaphore_of(1);
    docent_permit *none = NULL;
    take_alone(semaphore, 3);
    assert_ok(docent_delete(client, "/gate/locks", DOCENT_ANY_VERSION)); /* As a server does with containers that are empty. */
    assert_ok(docent_delete(client, "/gate/leases", DOCENT_ANY_VERSION));
    take_alone(other, 2);
    docent_permit *theirs = take(other, 1); /* All numbers are again what the first would have them be. */
    assert_status(docent_semaphore_acquire(semaphore, 1, DOCENT_NO_WAIT, &none), DOCENT_ERR_TIMEOUT);
    assert_null(none);
    assert_int_equal(leases(), 1);
    assert_int_equal(docent_permit_get_state(theirs), DOCENT_PERMIT_HELD);
    assert_ok(docent_permit_return(theirs, PATIENCE_MS));
    take_alone(semaphore, 3);
    docent_semaphore_close(other, NULL, NULL);
    docent_semaphore_close(semaphore, NULL, NULL);
}

static void kazoo_names(void **state)
{
    (void)state;
    docent_semaphore_options options = { DOCENT_SEMAPHORE_OPTIONS, .dialect = DOCENT_DIALECT_KAZOO, .max = 3, .label = "me" };
    docent_semaphore *semaphore = NULL, *other = NULL;
    docent_permit *none = NULL;
    assert_ok(docent_semaphore_new(client, "/some/gate", &options, &semaphore));
    docent_permit *permit = take(semaphore, 2);
    docent_result *result;
    assert_ok(docent_get(client, "/some/gate", &result));
    assert_int_equal(result->size, 1);
    assert_memory_equal(result->data, "3", 1);
    docent_result_free(result);
    assert_ok(docent_children(client, "/some/gate", &result));
    assert_int_equal(result->name_count, 2);
    assert_int_equal(strlen(result->names[0]), 32);
    assert_int_equal(strspn(result->names[0], "0123456789abcdef"), 32);
    docent_result_free(result);
    docent_stat stat;
    assert_ok(docent_exists(client, "/some/gate-__lock__", &stat));
    assert_ok(docent_semaphore_participants(semaphore, &result));
    assert_int_equal(result->name_count, 2);
    assert_string_equal(result->names[0], "me");
    docent_result_free(result);

    options.max = 4;
    assert_ok(docent_semaphore_new(client, "/some/gate", &options, &other));
    assert_status(docent_semaphore_acquire(other, 1, PATIENCE_MS, &none), DOCENT_ERR_BAD_ARGUMENTS);
    docent_semaphore_close(other, NULL, NULL);
    assert_ok(docent_permit_return(permit, PATIENCE_MS));
    assert_int_equal(nodes_below("/some/gate"), 0);
    docent_semaphore_close(semaphore, NULL, NULL);
}

static atomic_int closed;

static void on_closed(void *user)
{
    (void)user;
    closed++;
}

static void closing_gives_back(void **state)
{
    (void)state;
    struct waiter waiter;
    docent_semaphore *semaphore = semaphore_of(2);
    docent_permit *permit = take(semaphore, 2);
    closed = 0;
    waiter_start(&waiter, semaphore, 1);
    docent_semaphore_close(semaphore, on_closed, NULL);
    assert_status(waiter_end(&waiter), DOCENT_ERR_CLOSING);
    assert_soon(closed == 1);
    assert_int_equal(docent_permit_get_state(permit), DOCENT_PERMIT_RETURNED);
    assert_int_equal(leases(), 0);
    assert_int_equal(nodes_below("/gate/locks"), 0);
    docent_permit_close(permit, on_closed, NULL);
    assert_soon(closed == 2);
}

static void the_client_closes_first(void **state)
{
    (void)state;
    docent_client *own = client_start(NULL);
    docent_semaphore_options options = { DOCENT_SEMAPHORE_OPTIONS, .max = 2 };
    docent_semaphore *semaphore = NULL;
    docent_permit *permit = NULL, *none = NULL;
    assert_ok(docent_semaphore_new(own, "/gate", &options, &semaphore));
    assert_ok(docent_semaphore_acquire(semaphore, 2, PATIENCE_MS, &permit));
    docent_client_close(own, on_closed, NULL);
    assert_soon(docent_permit_get_state(permit) == DOCENT_PERMIT_RETURNED);
    assert_soon(docent_semaphore_acquire(semaphore, 1, 0, &none) == DOCENT_ERR_CLOSING);
    assert_soon(leases() == 0);
    assert_status(docent_permit_return(permit, PATIENCE_MS), DOCENT_ERR_CLOSING);
    docent_semaphore_close(semaphore, NULL, NULL);
}

/* Nothing is made at a view's prefix or a chroot: that they are missing is an outcome, and not asked again and again. */
static void a_missing_root_is_an_outcome(void **state)
{
    (void)state;
    static const docent_dialect dialects[] = { DOCENT_DIALECT_CURATOR, DOCENT_DIALECT_KAZOO };
    docent_client *view = NULL;
    assert_ok(docent_client_view(client, "/missing", NULL, &view));
    for (size_t i = 0; i < 2; i++) {
        docent_semaphore_options options = { DOCENT_SEMAPHORE_OPTIONS, .max = 2, .dialect = dialects[i] };
        docent_semaphore *semaphore = NULL;
        docent_permit *none = NULL;
        assert_ok(docent_semaphore_new(view, "/gate", &options, &semaphore));
        assert_status(docent_semaphore_acquire(semaphore, 1, PATIENCE_MS, &none), DOCENT_ERR_NO_NODE);
        docent_semaphore_close(semaphore, NULL, NULL);
    }
    docent_view_release(view);
}

static void bad_arguments(void **state)
{
    (void)state;
    static const char *const paths[] = { NULL, "", "/", "a", "/a/", "/../a" };
    docent_semaphore_options options = { DOCENT_SEMAPHORE_OPTIONS, .max = 2 };
    docent_semaphore *semaphore = NULL;
    docent_permit *none = NULL;
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        assert_status(docent_semaphore_new(client, paths[i], &options, &semaphore), DOCENT_ERR_INVALID_ARGUMENT);
    }
    assert_status(docent_semaphore_new(client, "/gate", NULL, &semaphore), DOCENT_ERR_INVALID_ARGUMENT); /* No limit. */
    options.dialect = DOCENT_DIALECT_KAZOO;
    options.limit_path = "/limit";
    assert_status(docent_semaphore_new(client, "/gate", &options, &semaphore), DOCENT_ERR_INVALID_ARGUMENT);
    assert_null(semaphore);
    semaphore = semaphore_of(2);
    assert_status(docent_semaphore_acquire(semaphore, 0, 0, &none), DOCENT_ERR_INVALID_ARGUMENT);
    assert_status(docent_semaphore_acquire(semaphore, 3, 0, &none), DOCENT_ERR_INVALID_ARGUMENT);
    assert_null(none);
    docent_semaphore_close(semaphore, NULL, NULL);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(never_more_than_the_limit, start, stop),
        cmocka_unit_test_setup_teardown(f65_all_or_nothing_in_order, start, stop),
        cmocka_unit_test_setup_teardown(time_outs_leave_nothing, start, stop),
        cmocka_unit_test_setup_teardown(f66_a_mutex_has_a_token, start, stop),
        cmocka_unit_test_setup_teardown(f65_limits_change, start, stop),
        cmocka_unit_test_setup_teardown(f65_alone_and_the_limit_is_made_anew, start, stop),
        cmocka_unit_test_setup_teardown(losses_are_told, start, stop),
        cmocka_unit_test_setup_teardown(suspect_while_cut, start, stop),
        cmocka_unit_test_setup_teardown(lost_replies, start, stop),
        cmocka_unit_test_setup_teardown(leases_and_mutex_are_one_transaction, start, stop),
        cmocka_unit_test_setup_teardown(f65_alone_and_others_come, start, stop),
        cmocka_unit_test_setup_teardown(f65_alone_on_another_path, start, stop),
        cmocka_unit_test_setup_teardown(kazoo_names, start, stop),
        cmocka_unit_test_setup_teardown(closing_gives_back, start, stop),
        cmocka_unit_test_setup_teardown(the_client_closes_first, start, stop),
        cmocka_unit_test_setup_teardown(a_missing_root_is_an_outcome, start, stop),
        cmocka_unit_test_setup_teardown(bad_arguments, start, stop),
    };
    return run_live(tests, argc, argv);
}
