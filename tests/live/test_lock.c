/* tests/live/test_lock.c - the lock against a server: contention, time-outs, expiry, faults, names, proofs of a hold. */
#include "one_client.h"

#include <pthread.h>

static docent_lock *lock_new(docent_client *owner, const docent_lock_options *options)
{
    docent_lock *lock = NULL;
    assert_ok(docent_lock_new(owner, "/lock", options, &lock));
    return lock;
}

enum { CONTENDERS = 4, TURNS = 15 };

/* Reads a number and writes it back one larger, without a version: only the lock keeps updates from being lost. */
static void *count_up(void *user)
{
    atomic_int *failures = user;
    docent_client *own = NULL;
    docent_lock *lock = NULL;
    if (docent_client_new(connect_string, NULL, &own) != DOCENT_OK ||
        docent_lock_new(own, "/lock", NULL, &lock) != DOCENT_OK) {
        (*failures)++;
        return NULL;
    }
    int64_t last = -1;
    for (int i = 0; i < TURNS; i++) {
        docent_result *result = NULL;
        int number = 0;
        if (docent_lock_acquire(lock, PATIENCE_MS) != DOCENT_OK || docent_lock_token(lock) <= last) (*failures)++;
        last = docent_lock_token(lock);
        if (docent_get(own, "/number", &result) != DOCENT_OK) {
            (*failures)++;
        } else {
            memcpy(&number, result->data, sizeof number);
        }
        docent_result_free(result);
        number++;
        if (docent_set(own, "/number", &number, sizeof number, DOCENT_ANY_VERSION, NULL) != DOCENT_OK) (*failures)++;
        docent_lock_release(lock);
        if (docent_lock_token(lock) != -1) (*failures)++;
    }
    docent_lock_close(lock, NULL, NULL);
    docent_client_close(own, NULL, NULL);
    return NULL;
}

static void contention(void **state)
{
    (void)state;
    int number = 0;
    atomic_int failures = 0;
    assert_ok(docent_create(client, "/number", &number, sizeof number, DOCENT_PERSISTENT, NULL));
    pthread_t threads[CONTENDERS];
    for (int i = 0; i < CONTENDERS; i++) assert_int_equal(pthread_create(&threads[i], NULL, count_up, &failures), 0);
    for (int i = 0; i < CONTENDERS; i++) pthread_join(threads[i], NULL);
    assert_int_equal(failures, 0);
    docent_result *result;
    assert_ok(docent_get(client, "/number", &result));
    memcpy(&number, result->data, sizeof number);
    assert_int_equal(number, CONTENDERS * TURNS);
    docent_result_free(result);
}

static void time_outs(void **state)
{
    (void)state;
    docent_lock *first = lock_new(client, NULL), *second = lock_new(client, NULL);
    assert_ok(docent_lock_acquire(first, DOCENT_NO_WAIT));
    assert_status(docent_lock_acquire(first, 100), DOCENT_ERR_BUSY);
    assert_status(docent_lock_acquire(second, DOCENT_NO_WAIT), DOCENT_ERR_TIMEOUT);
    assert_status(docent_lock_acquire(second, 50), DOCENT_ERR_TIMEOUT);
    assert_int_equal(docent_lock_get_state(second), DOCENT_LOCK_RELEASED);
    assert_ok(docent_lock_release_wait(second, PATIENCE_MS)); /* Its node goes behind its back. */
    docent_result *result;
    assert_ok(docent_children(client, "/lock", &result));
    assert_int_equal(result->name_count, 1);
    assert_int_equal(strncmp(result->names[0], "_c_", 3), 0);
    assert_non_null(strstr(result->names[0], "-lock-"));
    docent_result_free(result);
    int64_t token = docent_lock_token(first);
    assert_ok(docent_lock_release_wait(first, PATIENCE_MS));
    assert_ok(docent_lock_acquire(first, PATIENCE_MS)); /* Again at once. */
    assert_true(docent_lock_token(first) > token);
    docent_lock_close(first, NULL, NULL);
    docent_lock_close(second, NULL, NULL);
}

static void bad_arguments(void **state)
{
    (void)state;
    static const char *const paths[] = { NULL, "", "/", "a", "/a/", "/../a" };
    docent_lock *none = NULL;
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        assert_status(docent_lock_new(client, paths[i], NULL, &none), DOCENT_ERR_INVALID_ARGUMENT);
    }
    assert_null(none);
}

struct holder {
    docent_client *client;
    docent_lock *lock;
    atomic_int lost;
    docent_status why;
    docent_hold *hold;
    atomic_int looked;
};

static void on_lost(docent_lock *lock, docent_status why, void *user)
{
    (void)lock;
    struct holder *h = user;
    h->why = why;
    h->lost++;
}

static void look(void *user)
{
    struct holder *h = user;
    h->hold = docent_lock_hold(h->lock);
    h->looked++;
}

static void expiry_and_hold(void **state)
{
    (void)state;
    struct holder h = { .client = client };
    docent_lock_options options = { DOCENT_LOCK_OPTIONS, .on_lost = on_lost, .user = &h };
    h.lock = lock_new(client, &options);
    assert_ok(docent_lock_acquire(h.lock, PATIENCE_MS));
    assert_ok(docent_client_post(client, look, &h));
    assert_soon(h.looked == 1);
    assert_non_null(h.hold);
    assert_int_equal(docent_hold_czxid(h.hold), docent_lock_token(h.lock));

    docent_op create = docent_op_create("/guarded", NULL, 0, DOCENT_PERSISTENT), erase = docent_op_delete("/guarded", -1);
    docent_op made = docent_op_multi(&create, 1), gone = docent_op_multi(&erase, 1);
    docent_call_options call = { DOCENT_CALL_OPTIONS, .hold = h.hold };
    docent_result *result;
    assert_ok(docent_run(client, &made, &call, &result));
    assert_int_equal(result->result_count, 1); /* The check in front is not the caller's. */
    docent_result_free(result);

    expire(client);
    assert_soon(h.lost == 1);
    assert_status(h.why, DOCENT_ERR_SESSION_EXPIRED);
    assert_int_equal(docent_lock_token(h.lock), -1);
    assert_int_equal(docent_lock_get_state(h.lock), DOCENT_LOCK_RELEASED);
    assert_ok(docent_client_wait_connected(client, PATIENCE_MS));
    assert_status(docent_run(client, &gone, &call, NULL), DOCENT_ERR_NOT_HELD);
    docent_stat stat;
    assert_ok(docent_exists(client, "/guarded", &stat));
    docent_hold_unref(h.hold);
    assert_ok(docent_lock_acquire(h.lock, PATIENCE_MS));
    docent_lock_close(h.lock, NULL, NULL);
}

static void lost_replies(void **state)
{
    (void)state;
    docent_lock *lock = lock_new(client, NULL);
    assert_ok(docent_lock_acquire(lock, PATIENCE_MS)); /* Makes the parent. */
    assert_ok(docent_lock_release_wait(lock, PATIENCE_MS));
    docent_fault fault = { DOCENT_FAULT, .action = DOCENT_FAULT_DROP_REPLY, .op = DOCENT_FAULT_ANY_OP, .path = "/lock/*" };
    assert_ok(docent_devserver_add_fault(server, &fault)); /* The create. */
    assert_ok(docent_lock_acquire(lock, PATIENCE_MS));
    assert_int_equal(docent_devserver_fault_count(server), 0);
    docent_result *result;
    assert_ok(docent_children(client, "/lock", &result));
    assert_int_equal(result->name_count, 1); /* Found again, not made again. */
    docent_result_free(result);
    fault.op = 2; /* The delete. */
    assert_ok(docent_devserver_add_fault(server, &fault));
    assert_ok(docent_lock_release_wait(lock, PATIENCE_MS));
    assert_int_equal(docent_devserver_fault_count(server), 0);
    assert_ok(docent_lock_acquire(lock, PATIENCE_MS));

    cut();
    docent_lock_release(lock);
    assert_int_equal(docent_lock_token(lock), -1);
    assert_status(docent_lock_release_wait(lock, 50), DOCENT_ERR_TIMEOUT);
    heal();
    assert_ok(docent_lock_release_wait(lock, PATIENCE_MS));
    assert_ok(docent_children(client, "/lock", &result));
    assert_int_equal(result->name_count, 0);
    docent_result_free(result);
    docent_lock_close(lock, NULL, NULL);
}

static void kazoo_names(void **state)
{
    (void)state;
    docent_lock_options options = { DOCENT_LOCK_OPTIONS, .dialect = DOCENT_DIALECT_KAZOO, .label = "me" };
    docent_lock *lock = lock_new(client, &options);
    assert_ok(docent_lock_acquire(lock, PATIENCE_MS));
    docent_result *result;
    assert_ok(docent_children(client, "/lock", &result));
    assert_int_equal(result->name_count, 1);
    assert_int_equal(strspn(result->names[0], "0123456789abcdef"), 32);
    assert_int_equal(strncmp(result->names[0] + 32, "__lock__", 8), 0);
    docent_result_free(result);
    docent_lock_close(lock, NULL, NULL);
}

struct waiter {
    docent_lock *lock;
    uint32_t timeout_ms;
    docent_status outcome;
    atomic_bool done;
    pthread_t thread;
};

static void *wait_for_lock(void *user)
{
    struct waiter *waiter = user;
    waiter->outcome = docent_lock_acquire(waiter->lock, waiter->timeout_ms);
    waiter->done = true;
    return NULL;
}

static void waiter_start(struct waiter *waiter, docent_lock *lock)
{
    *waiter = (struct waiter){ .lock = lock, .timeout_ms = 3 * PATIENCE_MS };
    assert_int_equal(pthread_create(&waiter->thread, NULL, wait_for_lock, waiter), 0);
}

static docent_status waiter_end(struct waiter *waiter)
{
    pthread_join(waiter->thread, NULL);
    return waiter->outcome;
}

/* A waiter is answered at once when it is told to leave, and its node goes. */
static void waiters_leave(void **state)
{
    (void)state;
    struct waiter waiter;
    docent_lock *first = lock_new(client, NULL), *second = lock_new(client, NULL);
    assert_ok(docent_lock_acquire(first, PATIENCE_MS));
    waiter_start(&waiter, second);
    assert_soon(children_of("/lock") == 2);
    docent_lock_release(second);
    assert_status(waiter_end(&waiter), DOCENT_ERR_CANCELLED);
    assert_soon(children_of("/lock") == 1);
    waiter_start(&waiter, second);
    assert_soon(children_of("/lock") == 2);
    docent_lock_close(second, NULL, NULL);
    assert_status(waiter_end(&waiter), DOCENT_ERR_CLOSING);
    assert_soon(children_of("/lock") == 1);
    docent_lock_close(first, NULL, NULL);
}

/* The holder's session ends without a word: it is told, and the next one gets in with a larger token. */
static void next_one_gets_in_on_expiry(void **state)
{
    (void)state;
    struct holder h = { .client = client_start(NULL) };
    docent_lock_options options = { DOCENT_LOCK_OPTIONS, .on_lost = on_lost, .user = &h };
    struct waiter waiter;
    docent_lock *second = lock_new(client, NULL);
    h.lock = lock_new(h.client, &options);
    assert_ok(docent_lock_acquire(h.lock, PATIENCE_MS));
    int64_t token = docent_lock_token(h.lock);
    waiter_start(&waiter, second);
    assert_soon(children_of("/lock") == 2);
    expire(h.client);
    assert_ok(waiter_end(&waiter));
    assert_true(docent_lock_token(second) > token);
    assert_soon(h.lost == 1);
    docent_lock_close(second, NULL, NULL);
    docent_lock_close(h.lock, NULL, NULL);
    docent_client_close(h.client, NULL, NULL);
}

static void delete_nodes(void)
{
    docent_result *result;
    assert_ok(docent_children(client, "/lock", &result));
    for (size_t i = 0; i < result->name_count; i++) {
        char path[256];
        snprintf(path, sizeof path, "/lock/%s", result->names[i]);
        assert_ok(docent_delete(client, path, -1));
    }
    docent_result_free(result);
}

static void holder_is_told_that_its_node_is_gone(void **state)
{
    (void)state;
    struct holder h = { .client = client };
    docent_lock_options options = { DOCENT_LOCK_OPTIONS, .on_lost = on_lost, .user = &h };
    h.lock = lock_new(client, &options);
    assert_ok(docent_lock_acquire(h.lock, PATIENCE_MS));
    delete_nodes();
    assert_soon(h.lost == 1);
    assert_status(h.why, DOCENT_ERR_NO_NODE);
    assert_int_equal(docent_lock_token(h.lock), -1);
    assert_ok(docent_lock_acquire(h.lock, PATIENCE_MS));
    docent_lock_close(h.lock, NULL, NULL);
}

/* Through a short cut the lock stays ours, and is suspect meanwhile. */
static void suspect_while_cut(void **state)
{
    (void)state;
    docent_lock *lock = lock_new(client, NULL);
    assert_ok(docent_lock_acquire(lock, PATIENCE_MS));
    int64_t token = docent_lock_token(lock);
    cut();
    assert_soon(docent_lock_get_state(lock) == DOCENT_LOCK_SUSPECT);
    assert_true(docent_lock_token(lock) == token);
    heal();
    assert_soon(docent_lock_get_state(lock) == DOCENT_LOCK_HELD);
    assert_true(docent_lock_token(lock) == token);
    docent_lock_close(lock, NULL, NULL);
}

/* Through a long one it is not: whoever is cut off knows that before the next one is in. */
static void not_held_before_the_next_one_is_in(void **state)
{
    (void)state;
    struct relay *line = relay_new(0, server_port());
    char text[64];
    const char *chroot = strchr(connect_string, '/');
    snprintf(text, sizeof text, "127.0.0.1:%u%s", relay_port(line), chroot != NULL ? chroot : "");
    docent_client *away = NULL;
    docent_client_options options = { DOCENT_CLIENT_OPTIONS, .session_timeout_ms = 1000 };
    assert_ok(docent_client_new(text, &options, &away));
    docent_lock *first = lock_new(away, NULL), *second = lock_new(client, NULL);
    assert_ok(docent_lock_acquire(first, PATIENCE_MS));
    struct waiter waiter;
    waiter_start(&waiter, second);
    assert_soon(children_of("/lock") == 2);
    relay_set(line, RELAY_HOLD);
    while (!waiter.done) {
        bool second_in = docent_lock_token(second) != -1;
        assert_false(second_in && docent_lock_token(first) != -1);
        pause_ms(1);
    }
    assert_ok(waiter_end(&waiter));
    assert_int_equal(docent_lock_token(first), -1);
    relay_set(line, RELAY_PASS);
    docent_lock_close(second, NULL, NULL);
    assert_soon(docent_lock_get_state(first) == DOCENT_LOCK_RELEASED);
    assert_ok(docent_lock_acquire(first, PATIENCE_MS)); /* In a new session. */
    docent_lock_close(first, NULL, NULL);
    docent_client_close(away, NULL, NULL);
    relay_free(line);
}

struct roll_call {
    docent_lock *lock;
    docent_status status;
    char names[64];
    atomic_bool done;
};

static void on_participants(const docent_result *result, void *user)
{
    struct roll_call *roll = user;
    roll->status = result->status;
    for (size_t i = 0; i < result->name_count; i++) {
        snprintf(roll->names + strlen(roll->names), sizeof roll->names - strlen(roll->names), "%s,", result->names[i]);
    }
    roll->done = true;
}

static void call_roll(void *user)
{
    struct roll_call *roll = user;
    docent_status status = docent_lock_participants_async(roll->lock, on_participants, roll);
    if (status == DOCENT_OK) return;
    roll->status = status;
    roll->done = true;
}

static void participants_in_order(void **state)
{
    (void)state;
    static const char *const labels[] = { "one", "two", "three" };
    docent_lock *locks[3];
    struct waiter waiters[3];
    for (int i = 0; i < 3; i++) {
        docent_lock_options options = { DOCENT_LOCK_OPTIONS, .label = labels[i] };
        locks[i] = lock_new(client, &options);
        waiter_start(&waiters[i], locks[i]);
        assert_soon(children_of("/lock") == (size_t)i + 1);
    }
    struct roll_call roll = { .lock = locks[2] };
    assert_ok(docent_client_post(client, call_roll, &roll));
    assert_soon(roll.done);
    assert_ok(roll.status);
    assert_string_equal(roll.names, "one,two,three,");
    docent_result *queue = NULL;
    assert_ok(docent_lock_participants(locks[0], &queue)); /* Blocking, and whose nodes they are. */
    assert_int_equal(queue->result_count, 3);
    struct session_parts session = { .client = client };
    assert_ok(docent_client_post(client, session_look, &session));
    assert_soon(session.known);
    for (size_t i = 0; i < 3; i++) {
        docent_stat stat;
        assert_ok(docent_exists(client, queue->results[i].path, &stat));
        assert_string_equal(queue->names[i], labels[i]);
        assert_memory_equal(&queue->results[i].stat, &stat, sizeof stat);
        assert_int_equal(stat.ephemeral_owner, session.id);
    }
    assert_int_equal(queue->results[0].stat.czxid, docent_lock_token(locks[0]));
    docent_result_free(queue);
    for (int i = 0; i < 3; i++) {
        assert_ok(waiter_end(&waiters[i]));
        docent_lock_close(locks[i], NULL, NULL);
    }
}

static void nothing_to_release_is_released_at_once(void **state)
{
    (void)state;
    docent_lock *lock = lock_new(client, NULL);
    assert_ok(docent_lock_release_wait(lock, DOCENT_NO_WAIT));
    assert_ok(docent_lock_acquire(lock, PATIENCE_MS));
    assert_ok(docent_lock_release_wait(lock, PATIENCE_MS));
    assert_ok(docent_lock_release_wait(lock, DOCENT_NO_WAIT));
    docent_lock_close(lock, NULL, NULL);
}

/* With the client gone, and its memory. */
static void calls_on_a_dead_lock_say_so(void **state)
{
    (void)state;
    docent_client *brief = client_start(NULL);
    docent_lock *lock = lock_new(brief, NULL);
    assert_ok(docent_lock_acquire(lock, PATIENCE_MS));
    docent_client_close(brief, NULL, NULL);
    docent_result *queue = NULL;
    assert_status(docent_lock_acquire(lock, PATIENCE_MS), DOCENT_ERR_CLOSING);
    assert_status(docent_lock_release_wait(lock, PATIENCE_MS), DOCENT_ERR_CLOSING);
    assert_status(docent_lock_participants(lock, &queue), DOCENT_ERR_CLOSING);
    assert_null(queue);
    docent_lock_close(lock, NULL, NULL);
}

static void refused_credentials_end_a_lock(void **state)
{
    (void)state;
    docent_client *refused = client_start(NULL);
    docent_lock *lock = lock_new(refused, NULL), *waiting = lock_new(refused, NULL);
    struct waiter waiter;
    assert_ok(docent_lock_acquire(lock, PATIENCE_MS));
    waiter_start(&waiter, waiting);
    assert_soon(docent_lock_get_state(waiting) == DOCENT_LOCK_WAITING);
    assert_ok(docent_client_add_auth(refused, "no such scheme", "x", 1));
    assert_soon(docent_client_state(refused) == DOCENT_CLOSED);
    assert_status(waiter_end(&waiter), DOCENT_ERR_AUTH_FAILED);
    assert_status(docent_lock_acquire(lock, PATIENCE_MS), DOCENT_ERR_AUTH_FAILED);
    docent_client_close(refused, NULL, NULL);
    assert_status(docent_lock_acquire(lock, PATIENCE_MS), DOCENT_ERR_AUTH_FAILED);
    docent_lock_close(lock, NULL, NULL);
    docent_lock_close(waiting, NULL, NULL);
}

/* What the server refuses is an outcome. */
static void refusal_is_an_outcome(void **state)
{
    (void)state;
    docent_op op = docent_op_create("/lock", NULL, 0, DOCENT_PERSISTENT);
    op.acl = docent_acl_read_only();
    assert_ok(docent_run(client, &op, NULL, NULL));
    docent_lock *lock = lock_new(client, NULL);
    assert_status(docent_lock_acquire(lock, PATIENCE_MS), DOCENT_ERR_NO_AUTH);
    assert_int_equal(docent_lock_get_state(lock), DOCENT_LOCK_RELEASED);
    docent_lock_close(lock, NULL, NULL);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(contention, start, stop),      cmocka_unit_test_setup_teardown(time_outs, start, stop),
        cmocka_unit_test_setup_teardown(bad_arguments, start, stop),   cmocka_unit_test_setup_teardown(expiry_and_hold, start, stop),
        cmocka_unit_test_setup_teardown(lost_replies, start, stop),    cmocka_unit_test_setup_teardown(kazoo_names, start, stop),
        cmocka_unit_test_setup_teardown(waiters_leave, start, stop),
        cmocka_unit_test_setup_teardown(next_one_gets_in_on_expiry, start, stop),
        cmocka_unit_test_setup_teardown(holder_is_told_that_its_node_is_gone, start, stop),
        cmocka_unit_test_setup_teardown(suspect_while_cut, start, stop),
        cmocka_unit_test_setup_teardown(not_held_before_the_next_one_is_in, start, stop),
        cmocka_unit_test_setup_teardown(participants_in_order, start, stop),
        cmocka_unit_test_setup_teardown(nothing_to_release_is_released_at_once, start, stop),
        cmocka_unit_test_setup_teardown(calls_on_a_dead_lock_say_so, start, stop),
        cmocka_unit_test_setup_teardown(refused_credentials_end_a_lock, start, stop),
        cmocka_unit_test_setup_teardown(refusal_is_an_outcome, start, stop),
    };
    return run_live(tests, argc, argv);
}
