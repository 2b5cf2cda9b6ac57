/* tests/live/test_rwlock.c - the read/write lock against a server: who waits for whom, both dialects, the downgrade and its faults. */
#include "live.h"

#include <pthread.h>

static docent_client *client, *other;
static docent_rwlock *ours, *theirs;

static docent_rwlock *rwlock_new(docent_client *owner, const docent_rwlock_options *options)
{
    docent_rwlock *rw = NULL;
    assert_ok(docent_rwlock_new(owner, "/shared/table", options, &rw));
    return rw;
}

static int start(void **state)
{
    if (server_start_patient(state) != 0) return -1;
    client = client_start(NULL);
    other = client_start(NULL);
    ours = rwlock_new(client, NULL);
    theirs = rwlock_new(other, NULL);
    return 0;
}

static int stop(void **state)
{
    docent_rwlock_close(ours, NULL, NULL);
    docent_rwlock_close(theirs, NULL, NULL);
    docent_client_close(client, NULL, NULL);
    docent_client_close(other, NULL, NULL);
    return server_stop(state);
}

static docent_status acquire(docent_lock *lock)
{
    return docent_lock_acquire(lock, PATIENCE_MS);
}

struct waiter {
    pthread_t thread;
    docent_lock *lock;
    docent_status status;
    atomic_bool over;
};

static void *wait_for_lock(void *user)
{
    struct waiter *w = user;
    w->status = acquire(w->lock);
    w->over = true;
    return NULL;
}

/* Returns when it stands in the queue. */
static void waiter_begin(struct waiter *w, docent_lock *lock)
{
    *w = (struct waiter){ .lock = lock };
    docent_result *before, *now;
    assert_ok(docent_children(client, "/shared/table", &before));
    assert_int_equal(pthread_create(&w->thread, NULL, wait_for_lock, w), 0);
    for (size_t count = 0; count <= before->name_count;) {
        assert_ok(docent_sync(client, "/shared/table"));
        assert_ok(docent_children(client, "/shared/table", &now));
        count = now->name_count;
        docent_result_free(now);
    }
    docent_result_free(before);
}

static void waiter_got_it(struct waiter *w)
{
    pthread_join(w->thread, NULL);
    assert_ok(w->status);
}

static void readers_share_and_writers_do_not(void **state)
{
    (void)state;
    docent_lock *read = docent_rwlock_read(ours), *write = docent_rwlock_write(theirs);
    assert_ok(acquire(read));
    assert_ok(acquire(docent_rwlock_read(theirs)));
    assert_int_equal(docent_lock_get_state(read), DOCENT_LOCK_HELD);
    assert_int_equal(docent_lock_token(read), -1);
    docent_hold *hold = docent_lock_hold(read);
    assert_non_null(hold);
    assert_true(docent_hold_czxid(hold) > 0);
    docent_hold_unref(hold);
    docent_lock_release(docent_rwlock_read(theirs));
    assert_status(docent_lock_acquire(write, DOCENT_NO_WAIT), DOCENT_ERR_TIMEOUT);
    assert_ok(docent_lock_release_wait(read, PATIENCE_MS));
    assert_ok(acquire(write));
    assert_true(docent_lock_token(write) > 0);
    assert_status(docent_lock_acquire(read, DOCENT_NO_WAIT), DOCENT_ERR_TIMEOUT);
}

static void a_waiting_writer_holds_up_later_readers(void **state)
{
    (void)state;
    docent_rwlock *third = rwlock_new(other, NULL);
    struct waiter writes, reads;
    assert_ok(acquire(docent_rwlock_read(ours)));
    waiter_begin(&writes, docent_rwlock_write(theirs));
    waiter_begin(&reads, docent_rwlock_read(third));
    assert_false(reads.over);
    docent_lock_release(docent_rwlock_read(ours));
    waiter_got_it(&writes);
    assert_false(reads.over);
    docent_lock_release(docent_rwlock_write(theirs));
    waiter_got_it(&reads);
    docent_rwlock_close(third, NULL, NULL);
}

static void an_upgrade_is_refused(void **state)
{
    (void)state;
    docent_lock *read = docent_rwlock_read(ours), *write = docent_rwlock_write(ours);
    assert_ok(acquire(read));
    assert_status(acquire(write), DOCENT_ERR_UPGRADE);
    assert_int_equal(docent_lock_get_state(read), DOCENT_LOCK_HELD);
    assert_int_equal(docent_lock_get_state(write), DOCENT_LOCK_RELEASED);
    docent_lock_release(read);
    assert_ok(acquire(write)); /* Behind our own node that is being removed. */
}

static void one_acquire_at_a_time(void **state)
{
    (void)state;
    struct waiter reads;
    assert_ok(acquire(docent_rwlock_write(theirs)));
    waiter_begin(&reads, docent_rwlock_read(ours));
    assert_status(acquire(docent_rwlock_write(ours)), DOCENT_ERR_BUSY);
    docent_lock_release(docent_rwlock_write(theirs));
    waiter_got_it(&reads);
    docent_lock_release(docent_rwlock_read(ours));
    assert_ok(acquire(docent_rwlock_read(theirs)));
    struct waiter writes;
    waiter_begin(&writes, docent_rwlock_write(ours));
    assert_status(acquire(docent_rwlock_read(ours)), DOCENT_ERR_BUSY);
    docent_lock_release(docent_rwlock_read(theirs));
    waiter_got_it(&writes);
}

static void a_downgrade_keeps_the_writers_place_and_token(void **state)
{
    (void)state;
    docent_lock *read = docent_rwlock_read(ours), *write = docent_rwlock_write(ours);
    struct waiter writes;
    assert_ok(acquire(write));
    int64_t token = docent_lock_token(write);
    waiter_begin(&writes, docent_rwlock_write(theirs));
    assert_ok(acquire(read));
    docent_hold *was = docent_lock_hold(write), *is = docent_lock_hold(read);
    assert_non_null(is);
    size_t size = strlen(docent_hold_path(was));
    assert_int_equal(strlen(docent_hold_path(is)), size);
    assert_string_equal(docent_hold_path(is) + size - 10, docent_hold_path(was) + size - 10);
    assert_non_null(strstr(docent_hold_path(is), "-__READ__"));
    assert_non_null(strstr(docent_hold_path(was), "-__WRIT__"));
    assert_true(docent_hold_czxid(is) > docent_hold_czxid(was));
    docent_hold_unref(was);
    docent_hold_unref(is);

    assert_ok(docent_lock_release_wait(write, PATIENCE_MS));
    assert_int_equal(docent_lock_get_state(read), DOCENT_LOCK_HELD);
    assert_int_equal(docent_lock_token(read), token);
    assert_status(acquire(write), DOCENT_ERR_UPGRADE);
    assert_false(writes.over);
    docent_rwlock *third = rwlock_new(other, NULL); /* Comes after the writer that waits. */
    assert_status(docent_lock_acquire(docent_rwlock_read(third), DOCENT_NO_WAIT), DOCENT_ERR_TIMEOUT);
    docent_rwlock_close(third, NULL, NULL);
    assert_false(writes.over);
    docent_lock_release(read);
    waiter_got_it(&writes);
    assert_true(docent_lock_token(docent_rwlock_write(theirs)) > token);
}

static void a_downgrade_from_what_was_deleted_is_refused(void **state)
{
    (void)state;
    docent_lock *read = docent_rwlock_read(ours), *write = docent_rwlock_write(ours);
    assert_ok(acquire(write));
    docent_hold *hold = docent_lock_hold(write);
    struct waiter writes;
    waiter_begin(&writes, docent_rwlock_write(theirs));
    assert_ok(docent_delete(other, docent_hold_path(hold), DOCENT_ANY_VERSION));
    docent_hold_unref(hold);
    waiter_got_it(&writes);
    docent_status status = docent_lock_acquire(read, DOCENT_NO_WAIT);
    if (status != DOCENT_ERR_TIMEOUT) assert_status(status, DOCENT_ERR_NOT_HELD); /* Unless the writer has been told that it is none, and we queued. */
    assert_int_equal(docent_lock_get_state(read), DOCENT_LOCK_RELEASED);
}

static void a_downgrade_outlives_a_cut(void **state)
{
    (void)state;
    docent_lock *read = docent_rwlock_read(ours), *write = docent_rwlock_write(ours);
    assert_ok(acquire(write));
    int64_t token = docent_lock_token(write);
    drop_connections();
    assert_ok(acquire(read));
    docent_lock_release(write);
    assert_int_equal(docent_lock_token(read), token);
    assert_status(docent_lock_acquire(docent_rwlock_write(theirs), DOCENT_NO_WAIT), DOCENT_ERR_TIMEOUT);
}

static void participants_are_of_their_kind(void **state)
{
    (void)state;
    docent_rwlock_options options = { DOCENT_RWLOCK_OPTIONS, .label = "third" };
    docent_rwlock *third = rwlock_new(client, &options);
    struct waiter writes;
    assert_ok(acquire(docent_rwlock_read(ours)));
    assert_ok(acquire(docent_rwlock_read(theirs)));
    waiter_begin(&writes, docent_rwlock_write(third));
    docent_result *result;
    assert_ok(docent_lock_participants(docent_rwlock_read(third), &result));
    assert_int_equal(result->name_count, 2);
    docent_result_free(result);
    assert_ok(docent_lock_participants(docent_rwlock_write(ours), &result));
    assert_int_equal(result->name_count, 1);
    assert_string_equal(result->names[0], "third");
    docent_result_free(result);
    docent_lock_release(docent_rwlock_read(ours));
    docent_lock_release(docent_rwlock_read(theirs));
    waiter_got_it(&writes);
    docent_rwlock_close(third, NULL, NULL);
}

static void kazoos_names(void **state)
{
    (void)state;
    docent_rwlock_options options = { DOCENT_RWLOCK_OPTIONS, .dialect = DOCENT_DIALECT_KAZOO };
    docent_rwlock *rw = NULL;
    assert_ok(docent_rwlock_new(client, "/kazoo", &options, &rw));
    assert_ok(acquire(docent_rwlock_write(rw)));
    assert_ok(acquire(docent_rwlock_read(rw)));
    docent_result *result;
    assert_ok(docent_children(client, "/kazoo", &result));
    assert_int_equal(result->name_count, 2);
    bool reader_first = strstr(result->names[0], "__rlock__0000000000") != NULL;
    assert_non_null(strstr(result->names[reader_first ? 0 : 1], "__rlock__0000000000"));
    assert_non_null(strstr(result->names[reader_first ? 1 : 0], "__lock__0000000000"));
    docent_result_free(result);
    docent_rwlock_close(rw, NULL, NULL);
}

struct told {
    atomic_int lost;
    docent_status why;
    docent_lock *lock;
};

static void on_lost(docent_lock *lock, docent_status why, void *user)
{
    struct told *told = user;
    told->lock = lock;
    told->why = why;
    told->lost++;
}

static void both_are_lost_with_the_session(void **state)
{
    (void)state;
    static struct told told; /* What is told of the close comes later. */
    memset(&told, 0, sizeof told);
    docent_rwlock_options options = { DOCENT_RWLOCK_OPTIONS, .on_lost = on_lost, .user = &told };
    docent_rwlock *rw = rwlock_new(client, &options);
    assert_ok(acquire(docent_rwlock_write(rw)));
    assert_ok(acquire(docent_rwlock_read(rw)));
    expire(client);
    assert_soon(told.lost == 2);
    assert_status(told.why, DOCENT_ERR_SESSION_EXPIRED);
    assert_int_equal(docent_lock_get_state(docent_rwlock_read(rw)), DOCENT_LOCK_RELEASED);
    assert_ok(acquire(docent_rwlock_read(rw)));
    docent_rwlock_close(rw, NULL, NULL);
}

static void on_revoke(docent_lock *lock, void *user)
{
    struct told *told = user;
    told->lock = lock;
    told->lost++;
}

static void a_reader_is_asked_to_let_go(void **state)
{
    (void)state;
    static struct told told;
    memset(&told, 0, sizeof told);
    docent_rwlock_options options = { DOCENT_RWLOCK_OPTIONS, .on_revoke = on_revoke, .user = &told };
    docent_rwlock *rw = rwlock_new(client, &options);
    assert_ok(acquire(docent_rwlock_write(rw)));
    assert_ok(acquire(docent_rwlock_read(rw)));
    assert_ok(docent_lock_release_wait(docent_rwlock_write(rw), PATIENCE_MS));
    assert_ok(docent_lock_revoke(docent_rwlock_read(theirs), NULL));
    assert_soon(told.lost == 1);
    assert_ptr_equal(told.lock, docent_rwlock_read(rw));
    docent_rwlock_close(rw, NULL, NULL);
}

static void a_hold_has_a_bound(void **state)
{
    (void)state;
    static struct told told;
    memset(&told, 0, sizeof told);
    docent_rwlock_options options = { DOCENT_RWLOCK_OPTIONS, .on_lost = on_lost, .max_hold_ms = 20, .user = &told };
    docent_rwlock *rw = rwlock_new(client, &options);
    assert_ok(acquire(docent_rwlock_write(rw)));
    assert_soon(told.lost == 1);
    assert_status(told.why, DOCENT_ERR_TIMEOUT);
    assert_ok(acquire(docent_rwlock_write(theirs)));
    docent_rwlock_close(rw, NULL, NULL);
}

static void count(void *user)
{
    (*(atomic_int *)user)++;
}

static void closing_tells_when_the_nodes_are_gone(void **state)
{
    (void)state;
    atomic_int closed = 0;
    docent_rwlock *rw = rwlock_new(client, NULL);
    assert_ok(acquire(docent_rwlock_write(rw)));
    assert_ok(acquire(docent_rwlock_read(rw)));
    docent_lock_close(docent_rwlock_read(rw), count, &closed); /* A part: it is only released. */
    assert_int_equal(docent_lock_get_state(docent_rwlock_read(rw)), DOCENT_LOCK_RELEASED);
    docent_rwlock_close(rw, count, &closed);
    assert_soon(closed == 1);
    docent_result *result;
    assert_ok(docent_sync(client, "/"));
    assert_ok(docent_children(client, "/shared/table", &result));
    assert_int_equal(result->name_count, 0);
    docent_result_free(result);
}

static void the_client_may_close_first(void **state)
{
    (void)state;
    atomic_int closed = 0;
    docent_client *own = client_start(NULL);
    docent_rwlock *rw = rwlock_new(own, NULL);
    assert_ok(acquire(docent_rwlock_write(rw)));
    docent_client_close(own, NULL, NULL);
    assert_status(acquire(docent_rwlock_read(rw)), DOCENT_ERR_CLOSING);
    assert_int_equal(docent_lock_token(docent_rwlock_write(rw)), -1);
    docent_lock_close(docent_rwlock_write(rw), count, &closed); /* A part still, though dead. */
    assert_int_equal(docent_lock_get_state(docent_rwlock_write(rw)), DOCENT_LOCK_RELEASED);
    assert_int_equal(closed, 0);
    docent_rwlock_close(rw, count, &closed);
    assert_int_equal(closed, 1);
}

static void bad_arguments(void **state)
{
    (void)state;
    docent_rwlock *none = NULL;
    docent_rwlock_options options = { DOCENT_RWLOCK_OPTIONS, .dialect = (docent_dialect)77 };
    assert_status(docent_rwlock_new(client, "/a", &options, &none), DOCENT_ERR_INVALID_ARGUMENT);
    assert_status(docent_rwlock_new(client, "/", NULL, &none), DOCENT_ERR_INVALID_ARGUMENT);
    assert_status(docent_rwlock_new(NULL, "/a", NULL, &none), DOCENT_ERR_INVALID_ARGUMENT);
    assert_status(docent_rwlock_new(client, "/a", NULL, NULL), DOCENT_ERR_INVALID_ARGUMENT);
    assert_null(none);
    assert_null(docent_rwlock_read(NULL));
    assert_null(docent_rwlock_write(NULL));
    docent_rwlock_close(NULL, NULL, NULL);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(readers_share_and_writers_do_not, start, stop),
        cmocka_unit_test_setup_teardown(a_waiting_writer_holds_up_later_readers, start, stop),
        cmocka_unit_test_setup_teardown(an_upgrade_is_refused, start, stop),
        cmocka_unit_test_setup_teardown(one_acquire_at_a_time, start, stop),
        cmocka_unit_test_setup_teardown(a_downgrade_keeps_the_writers_place_and_token, start, stop),
        cmocka_unit_test_setup_teardown(a_downgrade_from_what_was_deleted_is_refused, start, stop),
        cmocka_unit_test_setup_teardown(a_downgrade_outlives_a_cut, start, stop),
        cmocka_unit_test_setup_teardown(participants_are_of_their_kind, start, stop),
        cmocka_unit_test_setup_teardown(kazoos_names, start, stop),
        cmocka_unit_test_setup_teardown(both_are_lost_with_the_session, start, stop),
        cmocka_unit_test_setup_teardown(a_reader_is_asked_to_let_go, start, stop),
        cmocka_unit_test_setup_teardown(a_hold_has_a_bound, start, stop),
        cmocka_unit_test_setup_teardown(closing_tells_when_the_nodes_are_gone, start, stop),
        cmocka_unit_test_setup_teardown(the_client_may_close_first, start, stop),
        cmocka_unit_test_setup_teardown(bad_arguments, start, stop),
    };
    return run_live(tests, argc, argv);
}
