/* tests/live/test_revoke.c - the lock against a server: requests to let go, holds that end by themselves, and names of other peers. */
#include "one_client.h"

#include <pthread.h>

struct owner {
    docent_lock *lock;
    atomic_int revoked, losts, answers;
    _Atomic docent_status lost, answer;
};

static void on_revoke(docent_lock *lock, void *user)
{
    struct owner *o = user;
    (void)lock;
    o->revoked++;
}

static void on_revoke_release(docent_lock *lock, void *user)
{
    on_revoke(lock, user);
    docent_lock_release(lock);
}

static void on_lost(docent_lock *lock, docent_status why, void *user)
{
    struct owner *o = user;
    (void)lock;
    o->lost = why;
    o->losts++;
}

static void on_answer(docent_status outcome, void *user)
{
    struct owner *o = user;
    o->answer = outcome;
    o->answers++;
}

static void owner_make(struct owner *o, docent_lock_options options)
{
    options.user = o;
    options.on_lost = on_lost;
    assert_ok(docent_lock_new(client, "/lock", &options, &o->lock));
}

static void start_acquire(void *user)
{
    struct owner *o = user;
    assert_ok(docent_lock_acquire_async(o->lock, DOCENT_FOREVER, on_answer, o));
}

static void a_holder_is_asked_to_let_go_each_time(void **state)
{
    (void)state;
    struct owner holder = { 0 }, other = { 0 };
    owner_make(&holder, (docent_lock_options){ DOCENT_LOCK_OPTIONS, .on_revoke = on_revoke });
    owner_make(&other, (docent_lock_options){ DOCENT_LOCK_OPTIONS });
    assert_ok(docent_lock_acquire(holder.lock, PATIENCE_MS));
    assert_ok(docent_lock_revoke(other.lock, NULL));
    assert_soon(holder.revoked == 1);
    assert_ok(docent_lock_revoke(other.lock, NULL));
    assert_soon(holder.revoked == 2);
    assert_int_equal(docent_lock_get_state(holder.lock), DOCENT_LOCK_HELD); /* It was asked, and no more. */
    docent_lock_close(holder.lock, NULL, NULL);
    docent_lock_close(other.lock, NULL, NULL);
}

static void other_words_are_no_request(void **state)
{
    (void)state;
    struct owner holder = { 0 };
    owner_make(&holder, (docent_lock_options){ DOCENT_LOCK_OPTIONS, .on_revoke = on_revoke });
    assert_ok(docent_lock_acquire(holder.lock, PATIENCE_MS));
    docent_hold *hold = docent_lock_hold(holder.lock);
    docent_result *result = NULL;
    assert_ok(docent_get(client, docent_hold_path(hold), &result));
    assert_int_equal(result->size, 0);
    docent_result_free(result);
    assert_ok(docent_set(client, docent_hold_path(hold), "__REVOKE__!", 11, DOCENT_ANY_VERSION, NULL));
    assert_ok(docent_set(client, docent_hold_path(hold), "__revoke__", 10, DOCENT_ANY_VERSION, NULL));
    assert_ok(docent_set(client, docent_hold_path(hold), "__REVOKE__", 10, DOCENT_ANY_VERSION, NULL));
    assert_soon(holder.revoked == 1);
    docent_hold_unref(hold);
    docent_lock_close(holder.lock, NULL, NULL);
}

static void a_waiter_is_asked_and_leaves(void **state)
{
    (void)state;
    struct owner holder = { 0 }, waiter = { 0 };
    owner_make(&holder, (docent_lock_options){ DOCENT_LOCK_OPTIONS });
    owner_make(&waiter, (docent_lock_options){ DOCENT_LOCK_OPTIONS, .on_revoke = on_revoke_release });
    assert_ok(docent_lock_acquire(holder.lock, PATIENCE_MS));
    assert_ok(docent_client_post(client, start_acquire, &waiter));
    assert_soon(children_of("/lock") == 2);
    docent_result *result = NULL;
    assert_ok(docent_lock_participants(holder.lock, &result));
    assert_int_equal(result->result_count, 2);
    assert_ok(docent_lock_revoke(holder.lock, result->results[1].path));
    assert_soon(waiter.answers == 1);
    assert_status(waiter.answer, DOCENT_ERR_CANCELLED);
    assert_int_equal(holder.revoked, 0);
    assert_ok(docent_lock_release_wait(waiter.lock, PATIENCE_MS));
    assert_ok(docent_lock_revoke(holder.lock, result->results[1].path)); /* Gone: nobody to ask. */
    docent_result_free(result);
    docent_lock_close(holder.lock, NULL, NULL);
    docent_lock_close(waiter.lock, NULL, NULL);
}

static void nobody_is_asked_where_nobody_is(void **state)
{
    (void)state;
    struct owner other = { 0 };
    owner_make(&other, (docent_lock_options){ DOCENT_LOCK_OPTIONS });
    assert_ok(docent_lock_revoke(other.lock, NULL)); /* Not even a path. */
    assert_ok(docent_lock_acquire(other.lock, PATIENCE_MS));
    assert_ok(docent_lock_release_wait(other.lock, PATIENCE_MS));
    assert_ok(docent_lock_revoke(other.lock, NULL));
    assert_status(docent_lock_revoke(other.lock, "no path"), DOCENT_ERR_INVALID_ARGUMENT);
    docent_lock_close(other.lock, NULL, NULL);
}

static void a_hold_ends_by_itself(void **state)
{
    (void)state;
    struct owner holder = { 0 }, next = { 0 };
    owner_make(&holder, (docent_lock_options){ DOCENT_LOCK_OPTIONS, .max_hold_ms = 300 });
    owner_make(&next, (docent_lock_options){ DOCENT_LOCK_OPTIONS });
    assert_ok(docent_lock_acquire(holder.lock, PATIENCE_MS));
    assert_ok(docent_client_post(client, start_acquire, &next));
    assert_soon(next.answers == 1);
    assert_int_equal(holder.losts, 1);
    assert_status(holder.lost, DOCENT_ERR_TIMEOUT);
    assert_int_equal(docent_lock_token(holder.lock), -1);
    docent_recipe_info info = { DOCENT_RECIPE_INFO };
    assert_ok(docent_lock_info(holder.lock, &info));
    assert_string_equal(info.state, "RELEASED");
    assert_int_equal(info.succeeded, 1);
    assert_int_equal(info.lost, 1);
    assert_true(info.held_ms >= 300);
    docent_lock_close(holder.lock, NULL, NULL);
    docent_lock_close(next.lock, NULL, NULL);
}

struct stuck {
    docent_lock *lock;
    int64_t before, after;
    atomic_bool over;
};

/* Holds the loop up for longer than the hold may last. */
static void stay(void *user)
{
    struct stuck *s = user;
    s->before = docent_lock_token(s->lock);
    pause_ms(400);
    s->after = docent_lock_token(s->lock);
    s->over = true;
}

static void a_hold_ends_though_the_loop_is_stuck(void **state)
{
    (void)state;
    struct owner holder = { 0 };
    owner_make(&holder, (docent_lock_options){ DOCENT_LOCK_OPTIONS, .max_hold_ms = 300 });
    assert_ok(docent_lock_acquire(holder.lock, PATIENCE_MS));
    struct stuck stuck = { .lock = holder.lock };
    assert_ok(docent_client_post(client, stay, &stuck));
    assert_soon(stuck.over);
    assert_int_equal(stuck.after, -1);
    assert_soon(holder.losts == 1);
    docent_lock_close(holder.lock, NULL, NULL);
}

/* As the server project's recipes in C and Java make theirs. */
static char *peer_enters(const char *prefix)
{
    docent_result *result = NULL;
    assert_ok(docent_create(client, prefix, "", 0, DOCENT_EPHEMERAL_SEQUENTIAL, &result));
    char *path = strdup(result->path);
    docent_result_free(result);
    return path;
}

static void waits_behind(const char *prefix, docent_lock_options options)
{
    struct owner owner = { 0 };
    assert_ok(docent_create(client, "/lock", "", 0, DOCENT_PERSISTENT, NULL));
    char *first = peer_enters(prefix);
    owner_make(&owner, options);
    assert_ok(docent_client_post(client, start_acquire, &owner));
    assert_soon(children_of("/lock") == 2);
    assert_status(docent_lock_acquire(owner.lock, DOCENT_NO_WAIT), DOCENT_ERR_BUSY);
    assert_int_equal(owner.answers, 0);
    assert_ok(docent_delete(client, first, DOCENT_ANY_VERSION));
    assert_soon(owner.answers == 1);
    assert_ok(owner.answer);
    free(first);
    docent_lock_close(owner.lock, NULL, NULL);
}

static void zookeepers_names(void **state)
{
    (void)state;
    struct owner owner = { 0 };
    owner_make(&owner, (docent_lock_options){ DOCENT_LOCK_OPTIONS, .dialect = DOCENT_DIALECT_ZOOKEEPER });
    assert_ok(docent_lock_acquire(owner.lock, PATIENCE_MS));
    docent_result *result;
    assert_ok(docent_children(client, "/lock", &result));
    assert_int_equal(result->name_count, 1);
    assert_int_equal(strncmp(result->names[0], "x-", 2), 0);
    assert_int_equal(strspn(result->names[0] + 2, "0123456789abcdef"), 16);
    assert_int_equal(result->names[0][18], '-');
    assert_int_equal(strspn(result->names[0] + 19, "0123456789"), 10);
    docent_result_free(result);
    docent_lock_close(owner.lock, NULL, NULL);
}

static void waits_behind_zookeepers_names(void **state)
{
    (void)state;
    waits_behind("/lock/x-0100000000000001-", (docent_lock_options){ DOCENT_LOCK_OPTIONS, .dialect = DOCENT_DIALECT_ZOOKEEPER });
}

static void waits_behind_zookeepers_names_in_java(void **state)
{
    (void)state;
    waits_behind("/lock/x-72057594037927937-", (docent_lock_options){ DOCENT_LOCK_OPTIONS, .dialect = DOCENT_DIALECT_ZOOKEEPER });
}

static void tolerant_waits_behind_kazoos_names(void **state)
{
    (void)state;
    waits_behind("/lock/00000000000000000000000000000000__lock__", (docent_lock_options){ DOCENT_LOCK_OPTIONS, .tolerant = true });
}

static void tolerant_waits_behind_zookeepers_names(void **state)
{
    (void)state;
    waits_behind("/lock/x-0100000000000001-", (docent_lock_options){ DOCENT_LOCK_OPTIONS, .tolerant = true, .dialect = DOCENT_DIALECT_KAZOO });
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_holder_is_asked_to_let_go_each_time, start_patient, stop),
        cmocka_unit_test_setup_teardown(other_words_are_no_request, start_patient, stop),
        cmocka_unit_test_setup_teardown(a_waiter_is_asked_and_leaves, start_patient, stop),
        cmocka_unit_test_setup_teardown(nobody_is_asked_where_nobody_is, start_patient, stop),
        cmocka_unit_test_setup_teardown(a_hold_ends_by_itself, start_patient, stop),
        cmocka_unit_test_setup_teardown(a_hold_ends_though_the_loop_is_stuck, start_patient, stop),
        cmocka_unit_test_setup_teardown(zookeepers_names, start_patient, stop),
        cmocka_unit_test_setup_teardown(waits_behind_zookeepers_names, start_patient, stop),
        cmocka_unit_test_setup_teardown(waits_behind_zookeepers_names_in_java, start_patient, stop),
        cmocka_unit_test_setup_teardown(tolerant_waits_behind_kazoos_names, start_patient, stop),
        cmocka_unit_test_setup_teardown(tolerant_waits_behind_zookeepers_names, start_patient, stop),
    };
    return run_live(tests, argc, argv);
}
