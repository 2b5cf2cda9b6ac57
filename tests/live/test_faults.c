/* tests/live/test_faults.c - calls and locks whose answers are lost, or held back until somebody has lost patience: what callers hear is
 * what happened, once. */
#include "one_client.h"

static void add_fault(docent_fault_action action, int32_t op, const char *path)
{
    docent_fault fault = { DOCENT_FAULT, .action = action, .op = op, .path = path };
    assert_ok(docent_devserver_add_fault(server, &fault));
}

/* ---- Lost. ---- */

enum { DELETE = 2, EXISTS = 3, GET = 4, SET = 5, MULTI = 14, NO_NODE = -1 };

/* What to do to a node of version 1, which the fault meets; what is heard; which version the node has then. */
struct loss {
    int32_t number;
    docent_op op;
    docent_fault_action action;
    docent_status heard;
    int version;
};

static void lost_writes(void **state)
{
    (void)state;
    const docent_op set = docent_op_set("/n", "new", 3, DOCENT_ANY_VERSION), set_1 = docent_op_set("/n", "new", 3, 1);
    const docent_op erase_1 = docent_op_delete("/n", 1), check = docent_op_check("/n", 1);
    const docent_op guarded[] = { check, set_1 }, blind[] = { check, set };
    const struct loss losses[] = {
        /* It never got there: it is sent again, and that is that. */
        { SET, set, DOCENT_FAULT_DROP_REQUEST, DOCENT_OK, 2 },
        { SET, set_1, DOCENT_FAULT_DROP_REQUEST, DOCENT_OK, 2 },
        { DELETE, docent_op_delete("/n", DOCENT_ANY_VERSION), DOCENT_FAULT_DROP_REQUEST, DOCENT_OK, NO_NODE },
        { DELETE, erase_1, DOCENT_FAULT_DROP_REQUEST, DOCENT_OK, NO_NODE },
        { MULTI, docent_op_multi(guarded, 2), DOCENT_FAULT_DROP_REQUEST, DOCENT_OK, 2 },
        /* It was done. Doing it again leaves the same. */
        { SET, set, DOCENT_FAULT_DROP_REPLY, DOCENT_OK, 3 },
        { DELETE, docent_op_delete("/n", DOCENT_ANY_VERSION), DOCENT_FAULT_DROP_REPLY, DOCENT_OK, NO_NODE },
        /* It was done, and another could have done what is found: there is no telling, and nothing is done twice. */
        { SET, set_1, DOCENT_FAULT_DROP_REPLY, DOCENT_ERR_UNKNOWN_OUTCOME, 2 },
        { DELETE, erase_1, DOCENT_FAULT_DROP_REPLY, DOCENT_ERR_UNKNOWN_OUTCOME, NO_NODE },
        { MULTI, docent_op_multi(guarded, 2), DOCENT_FAULT_DROP_REPLY, DOCENT_ERR_UNKNOWN_OUTCOME, 2 },
        /* This one would not exclude itself, so it is not sent again, whether it got there or not. */
        { MULTI, docent_op_multi(blind, 2), DOCENT_FAULT_DROP_REPLY, DOCENT_ERR_UNKNOWN_OUTCOME, 2 },
        { MULTI, docent_op_multi(blind, 2), DOCENT_FAULT_DROP_REQUEST, DOCENT_ERR_UNKNOWN_OUTCOME, 1 },
    };
    for (size_t i = 0; i < sizeof losses / sizeof losses[0]; i++) {
        const struct loss *loss = &losses[i];
        docent_client *victim = client_start(NULL); /* Another each time: who loses one connection after the other rests between. */
        docent_stat stat;
        assert_ok(docent_create(client, "/n", "old", 3, DOCENT_PERSISTENT, NULL));
        assert_ok(docent_set(client, "/n", "old", 3, 0, NULL));
        add_fault(loss->action, loss->number, NULL);
        docent_status heard = docent_run(victim, &loss->op, NULL, NULL);
        docent_client_close(victim, NULL, NULL);
        assert_int_equal(docent_devserver_fault_count(server), 0);
        docent_status there = docent_exists(client, "/n", &stat);
        char seen[80], expected[80];
        snprintf(seen, sizeof seen, "%zu: %s, version %d", i, docent_status_name(heard), there == DOCENT_OK ? stat.version : NO_NODE);
        snprintf(expected, sizeof expected, "%zu: %s, version %d", i, docent_status_name(loss->heard), loss->version);
        assert_string_equal(seen, expected);
        if (there != DOCENT_OK) continue;
        assert_ok(docent_delete(client, "/n", DOCENT_ANY_VERSION));
    }
}

/* ---- Held. ---- */

struct caller {
    docent_client *client;
    docent_op op;
    docent_call_options options;
    docent_lock *lock;
    uint32_t timeout_ms;
    docent_watch *watch;
    atomic_int told, ended, closed; /* How often. */
    docent_status status, why;      /* The last. */
    docent_status accepted;
};

static void on_result(const docent_result *result, void *user)
{
    struct caller *caller = user;
    caller->status = result->status;
    caller->told++;
}

static void on_outcome(docent_status status, void *user)
{
    struct caller *caller = user;
    caller->status = status;
    caller->told++;
}

static void on_event(const docent_watch_event *event, void *user)
{
    struct caller *caller = user;
    caller->why = event->status;
    caller->ended++;
}

static void on_closed(void *user)
{
    ((struct caller *)user)->closed++;
}

static void run_it(void *user)
{
    struct caller *caller = user;
    caller->accepted = docent_run_async(caller->client, &caller->op, &caller->options, on_result, caller);
}

static void acquire_it(void *user)
{
    struct caller *caller = user;
    caller->accepted = docent_lock_acquire_async(caller->lock, caller->timeout_ms, on_outcome, caller);
}

static void cancel_watch(void *user)
{
    docent_watch_cancel(((struct caller *)user)->watch);
}

/* Does it on the loop, and returns when its answer is held. */
static void do_held(struct caller *caller, void (*fn)(void *user))
{
    caller->client = client;
    assert_ok(docent_client_post(client, fn, caller));
    assert_soon(docent_devserver_held(server) == 1);
    assert_ok(caller->accepted);
    assert_int_equal(caller->told, 0);
}

/* Lets the answer go. Whatever it brings about has been told when a later call is through. */
static void let_go(void)
{
    docent_devserver_clear_faults(server);
    assert_ok(docent_sync(client, "/"));
}

static void held_calls_end_at_their_deadlines(void **state)
{
    (void)state;
    docent_stat stat;
    assert_ok(docent_create(client, "/n", NULL, 0, DOCENT_PERSISTENT, NULL));
    struct caller reader = { .op = docent_op_get("/n"), .options = { DOCENT_CALL_OPTIONS, .timeout_ms = 100 } };
    add_fault(DOCENT_FAULT_HOLD_REPLY, GET, "/n");
    do_held(&reader, run_it);
    assert_soon(reader.told == 1);
    assert_status(reader.status, DOCENT_ERR_TIMEOUT);
    let_go();
    assert_int_equal(reader.told, 1);

    struct caller writer = { .op = docent_op_set("/n", "x", 1, 0), .options = { DOCENT_CALL_OPTIONS, .timeout_ms = 100 } };
    add_fault(DOCENT_FAULT_HOLD_REPLY, SET, "/n");
    do_held(&writer, run_it);
    assert_soon(writer.told == 1);
    assert_status(writer.status, DOCENT_ERR_UNKNOWN_OUTCOME);
    let_go();
    assert_int_equal(writer.told, 1);
    assert_ok(docent_exists(client, "/n", &stat));
    assert_int_equal(stat.version, 1);
}

static void held_watch_is_cancelled(void **state)
{
    (void)state;
    struct caller caller = { .op = docent_op_exists("/n") };
    caller.options = (docent_call_options){ DOCENT_CALL_OPTIONS, .watch = on_event, .watch_user = &caller, .ret_watch = &caller.watch };
    add_fault(DOCENT_FAULT_HOLD_REPLY, EXISTS, "/n");
    do_held(&caller, run_it);
    assert_ok(docent_client_post(client, cancel_watch, &caller));
    assert_soon(caller.ended == 1);
    assert_status(caller.why, DOCENT_ERR_CANCELLED);
    let_go();
    assert_int_equal(caller.told, 1);
    assert_status(caller.status, DOCENT_ERR_NO_NODE); /* The read itself was not cancelled. */
    assert_soon(docent_devserver_watch_count(server) == 0);
    assert_ok(docent_create(client, "/n", NULL, 0, DOCENT_PERSISTENT, NULL));
    assert_ok(docent_sync(client, "/"));
    assert_int_equal(caller.ended, 1);
}

static void held_calls_end_with_the_client(void **state)
{
    (void)state;
    docent_client_options options = { DOCENT_CLIENT_OPTIONS, .close_timeout_ms = 50 };
    struct caller caller = { .op = docent_op_set("/", "x", 1, 0), .options = { DOCENT_CALL_OPTIONS } };
    docent_client_close(client, NULL, NULL);
    client = client_start(&options);
    add_fault(DOCENT_FAULT_HOLD_REPLY, SET, "/");
    do_held(&caller, run_it);
    docent_client_close(client, on_closed, &caller);
    client = NULL;
    assert_int_equal(caller.closed, 1);
    assert_int_equal(caller.told, 1);
    assert_status(caller.status, DOCENT_ERR_CLOSING);
}

/* Begins to acquire; the answer to the create is held: there is a node, and we do not know it. */
static void acquire_held(struct caller *caller)
{
    assert_ok(docent_lock_new(client, "/lock", NULL, &caller->lock));
    assert_ok(docent_lock_acquire(caller->lock, PATIENCE_MS)); /* Makes the parent. */
    assert_ok(docent_lock_release_wait(caller->lock, PATIENCE_MS));
    add_fault(DOCENT_FAULT_HOLD_REPLY, DOCENT_FAULT_ANY_OP, "/lock/*");
    do_held(caller, acquire_it);
    assert_int_equal(docent_devserver_fault_count(server), 0);
}

/* The node that came to light behind the caller's back is gone, and the lock is free for the next. */
static void assert_lock_is_free(struct caller *caller)
{
    let_go();
    assert_soon(children_of("/lock") == 0);
    assert_int_equal(caller->told, 1);
    docent_lock *next = NULL;
    assert_ok(docent_lock_new(client, "/lock", NULL, &next));
    assert_ok(docent_lock_acquire(next, PATIENCE_MS));
    assert_int_equal(children_of("/lock"), 1);
    docent_lock_close(next, NULL, NULL);
}

static void held_acquire_ends_at_its_deadline(void **state)
{
    (void)state;
    struct caller caller = { .timeout_ms = 100 };
    acquire_held(&caller);
    assert_soon(caller.told == 1);
    assert_status(caller.status, DOCENT_ERR_TIMEOUT);
    assert_int_equal(docent_lock_get_state(caller.lock), DOCENT_LOCK_RELEASED);
    assert_lock_is_free(&caller);
    assert_ok(docent_lock_acquire(caller.lock, PATIENCE_MS));
    docent_lock_close(caller.lock, NULL, NULL);
}

static void held_acquire_is_cancelled(void **state)
{
    (void)state;
    struct caller caller = { .timeout_ms = DOCENT_FOREVER };
    acquire_held(&caller);
    docent_lock_release(caller.lock);
    assert_soon(caller.told == 1);
    assert_status(caller.status, DOCENT_ERR_CANCELLED);
    assert_lock_is_free(&caller);
    docent_lock_close(caller.lock, NULL, NULL);
}

static void held_acquire_ends_with_its_lock(void **state)
{
    (void)state;
    struct caller caller = { .timeout_ms = DOCENT_FOREVER };
    acquire_held(&caller);
    docent_lock_close(caller.lock, on_closed, &caller);
    assert_soon(caller.told == 1);
    assert_status(caller.status, DOCENT_ERR_CLOSING);
    assert_lock_is_free(&caller);
    assert_soon(caller.closed == 1);
    assert_int_equal(caller.told, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start_patient, stop)
    const struct CMUnitTest tests[] = {
        TEST(lost_writes),
        TEST(held_calls_end_at_their_deadlines),
        TEST(held_watch_is_cancelled),
        TEST(held_calls_end_with_the_client),
        TEST(held_acquire_ends_at_its_deadline),
        TEST(held_acquire_is_cancelled),
        TEST(held_acquire_ends_with_its_lock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
