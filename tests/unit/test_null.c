/* tests/unit/test_null.c - NULL where a handle is wanted: an error, or the answer for what is over; never a crash. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <docent/docent.h>

static void on_state(const docent_state_event *event, void *user)
{
    (void)event;
    (void)user;
}

static void on_post(void *user)
{
    (void)user;
}

static void on_watch(const docent_watch_event *event, void *user)
{
    (void)event;
    (void)user;
}

static void on_result(const docent_result *result, void *user)
{
    (void)result;
    (void)user;
}

static void on_call(void *user)
{
    (void)user;
    fail_msg("told of something that is not there");
}

static void test_queries_answer_as_for_what_is_over(void **state)
{
    (void)state;
    uint32_t version = 7;
    uint8_t password[16];
    assert_int_equal(docent_client_state(NULL), DOCENT_CLOSED);
    assert_int_equal(docent_lock_get_state(NULL), DOCENT_LOCK_RELEASED);
    assert_string_equal(docent_client_server(NULL, &version), "");
    assert_int_equal(version, 0);
    assert_string_equal(docent_client_server(NULL, NULL), "");
    const struct {
        const char *what;
        int64_t answer, due;
    } numbers[] = {
        { "lease", (int64_t)docent_client_lease_ms(NULL), 0 },
        { "session", docent_client_session(NULL, password), 0 },
        { "generation", (int64_t)docent_client_get_generation(NULL), 0 },
        { "session time-out", docent_client_session_timeout_ms(NULL), 0 },
        { "pending deletes", docent_pending_deletes(NULL), 0 },
        { "token", docent_lock_token(NULL), -1 },
        { "token of a mutex", docent_mutex_token(NULL), -1 },
        { "count of a mutex", docent_mutex_count(NULL), 0 },
        { "state of a mutex", docent_mutex_get_state(NULL), DOCENT_LOCK_RELEASED },
        { "transaction of a hold", docent_hold_czxid(NULL), -1 },
        { "session of a hold", (int64_t)docent_hold_generation(NULL), 0 },
        { "attempts", docent_result_info(NULL).attempts, 0 },
        { "last cause", docent_result_info(NULL).last_cause, DOCENT_OK },
        { "OpenMetrics", (int64_t)docent_stats_openmetrics(NULL, NULL, 0), 0 },
    };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        if (numbers[i].answer != numbers[i].due) fail_msg("%s: %lld", numbers[i].what, (long long)numbers[i].answer);
    }
    const struct {
        const char *what;
        const void *answer;
    } pointers[] = {
        { "hold", docent_lock_hold(NULL) },
        { "hold of a mutex", docent_mutex_hold(NULL) },
        { "reference to a hold", docent_hold_ref(NULL) },
        { "path of a hold", docent_hold_path(NULL) },
        { "copy of a result", docent_result_copy(NULL) },
        { "reference to statistics", docent_stats_ref(NULL) },
    };
    for (size_t i = 0; i < sizeof pointers / sizeof *pointers; i++) {
        if (pointers[i].answer != NULL) fail_msg("%s", pointers[i].what);
    }
}

static docent_status on_transform(const docent_result *current, const void **ret_data, size_t *ret_size, void *user)
{
    (void)current;
    (void)ret_data;
    (void)ret_size;
    (void)user;
    fail_msg("nobody is to be called");
    return DOCENT_OK;
}

static void test_calls_are_refused(void **state)
{
    (void)state;
    docent_client *client = NULL;
    docent_lock *lock = NULL;
    docent_mutex *mutex = NULL;
    docent_recipe_info recipe = { DOCENT_RECIPE_INFO };
    docent_result *result = NULL;
    docent_watch *watch = NULL;
    docent_state_listener *listener = NULL;
    docent_stats_snapshot snapshot = { DOCENT_STATS_SNAPSHOT };
    docent_op op = docent_op_get("/a");
    const struct {
        const char *what;
        docent_status answer;
    } calls[] = {
        { "new client", docent_client_new("a", NULL, NULL) },
        { "new client of nothing", docent_client_new(NULL, NULL, &client) },
        { "connect string", docent_connect_string_check(NULL, NULL, 0) },
        { "wait connected", docent_client_wait_connected(NULL, 0) },
        { "listen", docent_client_listen(NULL, on_state, NULL, &listener) },
        { "listen with options", docent_client_listen_with(NULL, NULL, on_state, NULL, &listener) },
        { "add auth", docent_client_add_auth(NULL, "digest", "a:b", 3) },
        { "post", docent_client_post(NULL, on_post, NULL) },
        { "view", docent_client_view(NULL, "/a", NULL, &client) },
        { "run async", docent_run_async(NULL, &op, NULL, on_result, NULL) },
        { "run", docent_run(NULL, &op, NULL, &result) },
        { "get async", docent_get_async(NULL, "/a", on_result, NULL) },
        { "get", docent_get(NULL, "/a", &result) },
        { "create node async", docent_create_node_async(NULL, "/a", NULL, 0, DOCENT_PERSISTENT, NULL, on_result, NULL) },
        { "create node", docent_create_node(NULL, "/a", NULL, 0, DOCENT_PERSISTENT, NULL, &result) },
        { "delete node async", docent_delete_node_async(NULL, "/a", 0, NULL, on_result, NULL) },
        { "delete node", docent_delete_node(NULL, "/a", 0, NULL) },
        { "set node async", docent_set_node_async(NULL, "/a", NULL, 0, 0, NULL, on_result, NULL) },
        { "set node", docent_set_node(NULL, "/a", NULL, 0, 0, NULL, NULL) },
        { "ensure path async", docent_ensure_path_async(NULL, "/a", DOCENT_PARENTS_CONTAINER, docent_acl_open(), on_result, NULL) },
        { "ensure path", docent_ensure_path(NULL, "/a", DOCENT_PARENTS_CONTAINER, docent_acl_open()) },
        { "update async", docent_update_async(NULL, "/a", on_transform, NULL, on_result, NULL) },
        { "update", docent_update(NULL, "/a", on_transform, NULL, NULL, NULL) },
        { "linearizable read async", docent_read_linearizable_async(NULL, "/a", on_result, NULL) },
        { "linearizable read", docent_read_linearizable(NULL, "/a", &result) },
        { "watch", docent_watch_async(NULL, "/a", DOCENT_WATCH_PERSISTENT, on_watch, NULL, &watch) },
        { "new lock", docent_lock_new(NULL, "/a", NULL, &lock) },
        { "acquire async", docent_lock_acquire_async(NULL, 0, NULL, NULL) },
        { "acquire", docent_lock_acquire(NULL, 0) },
        { "release async", docent_lock_release_async(NULL, NULL, NULL) },
        { "release wait", docent_lock_release_wait(NULL, 0) },
        { "revoke async", docent_lock_revoke_async(NULL, NULL, on_result, NULL) },
        { "revoke", docent_lock_revoke(NULL, NULL) },
        { "lock info", docent_lock_info(NULL, &recipe) },
        { "new mutex", docent_mutex_new(NULL, "/a", NULL, &mutex) },
        { "acquire mutex async", docent_mutex_acquire_async(NULL, 0, NULL, NULL) },
        { "acquire mutex", docent_mutex_acquire(NULL, 0) },
        { "release mutex", docent_mutex_release(NULL) },
        { "release mutex async", docent_mutex_release_async(NULL, NULL, NULL) },
        { "release mutex wait", docent_mutex_release_wait(NULL, 0) },
        { "mutex info", docent_mutex_info(NULL, &recipe) },
        { "participants async", docent_lock_participants_async(NULL, on_result, NULL) },
        { "participants", docent_lock_participants(NULL, &result) },
        { "poll dispatch", docent_poll_dispatch(NULL) },
        { "statistics", docent_client_stats(NULL, &snapshot) },
        { "all statistics", docent_stats_read(NULL, &snapshot) },
    };
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        if (calls[i].answer != DOCENT_ERR_INVALID_ARGUMENT) fail_msg("%s: %s", calls[i].what, docent_status_name(calls[i].answer));
    }
    assert_true(client == NULL && lock == NULL && result == NULL && watch == NULL && listener == NULL);
}

static void test_ends_do_nothing(void **state)
{
    (void)state;
    docent_client_close(NULL, on_call, NULL);
    docent_client_unlisten(NULL);
    docent_view_release(NULL);
    docent_watch_cancel(NULL);
    docent_lock_release(NULL);
    docent_lock_close(NULL, on_call, NULL);
    docent_mutex_close(NULL, on_call, NULL);
    docent_hold_unref(NULL);
    docent_result_free(NULL);
    docent_stats_unref(NULL);
    assert_int_equal(docent_poll_free(NULL), DOCENT_OK);
}

/* Their struct_size is what one forgets to set; less than itself it cannot be. */
static void test_structs_without_a_size_are_refused(void **state)
{
    (void)state;
    for (size_t size = 0; size < sizeof size; size++) {
        docent_stats *stats = NULL;
        docent_client *client = NULL;
        docent_retry policy = { .struct_size = size };
        docent_stats_options counting = { .struct_size = size };
        docent_client_options trying = { DOCENT_CLIENT_OPTIONS, .retry = &policy };
        docent_client_options damped = { DOCENT_CLIENT_OPTIONS, .damping = &policy };
        assert_int_equal(docent_stats_new(&counting, &stats), DOCENT_ERR_INVALID_ARGUMENT);
        assert_int_equal(docent_client_new("127.0.0.1:1", &trying, &client), DOCENT_ERR_INVALID_ARGUMENT);
        assert_int_equal(docent_client_new("127.0.0.1:1", &damped, &client), DOCENT_ERR_INVALID_ARGUMENT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_queries_answer_as_for_what_is_over),
        cmocka_unit_test(test_calls_are_refused),
        cmocka_unit_test(test_ends_do_nothing),
        cmocka_unit_test(test_structs_without_a_size_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
