/* tests/live/test_lock.c - the lock against a server: contention, time-outs, expiry, faults, names, proofs of a hold. */
#include "live.h"

#include <pthread.h>

static docent_client *client;

static int start(void **state)
{
    if (server_start(state) != 0) return -1;
    client = client_start(NULL);
    return 0;
}

static int stop(void **state)
{
    docent_client_close(client, NULL, NULL);
    return server_stop(state);
}

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
    if (docent_client_new(docent_devserver_connect_string(server), NULL, &own) != DOCENT_OK ||
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
    int64_t session;
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
    h->session = docent_client_session(h->client, NULL);
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

    assert_ok(docent_devserver_expire_session(server, h.session));
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
    docent_result *result;
    assert_ok(docent_children(client, "/lock", &result));
    assert_int_equal(result->name_count, 1); /* Found again, not made again. */
    docent_result_free(result);
    fault.op = 2; /* The delete. */
    assert_ok(docent_devserver_add_fault(server, &fault));
    assert_ok(docent_lock_release_wait(lock, PATIENCE_MS));
    assert_ok(docent_lock_acquire(lock, PATIENCE_MS));

    docent_devserver_cut(server);
    docent_lock_release(lock);
    assert_int_equal(docent_lock_token(lock), -1);
    assert_status(docent_lock_release_wait(lock, 50), DOCENT_ERR_TIMEOUT);
    docent_devserver_heal(server);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(contention, start, stop),      cmocka_unit_test_setup_teardown(time_outs, start, stop),
        cmocka_unit_test_setup_teardown(bad_arguments, start, stop),   cmocka_unit_test_setup_teardown(expiry_and_hold, start, stop),
        cmocka_unit_test_setup_teardown(lost_replies, start, stop),    cmocka_unit_test_setup_teardown(kazoo_names, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
