/* tests/live/test_presets.c - the development server as a library: what it lists, its clock, its counters, answers that mean nothing, and
 * the releases that it can be, each of which our client must get along with. */
#include "one_client.h"

enum { DELETE = 2, GET = 4 };

static atomic_int armed, refused, events;

static void on_watch(const docent_watch_event *event, void *user)
{
    (void)user;
    if (event->type == DOCENT_WATCH_ARMED) {
        atomic_fetch_add(&armed, 1);
    } else if (event->type == DOCENT_WATCH_ENDED) {
        atomic_fetch_add(&refused, event->status == DOCENT_ERR_UNSUPPORTED);
    } else {
        atomic_fetch_add(&events, 1);
    }
}

static void watch_node(void *user)
{
    docent_watch *watch;
    assert_ok(docent_watch_async(user, "/tree", DOCENT_WATCH_PERSISTENT, on_watch, NULL, &watch));
}

/* Standing, or told at once that this server has none such. */
static void watch_begin(docent_client *who, bool stands)
{
    atomic_store(&armed, 0);
    atomic_store(&refused, 0);
    atomic_store(&events, 0);
    assert_ok(docent_client_post(who, watch_node, who));
    assert_soon(atomic_load(&armed) + atomic_load(&refused) == 1);
    assert_int_equal(atomic_load(&armed), stands);
}

/* ---- Lists. ---- */

static void on_listed_watch(const docent_devserver_watch *watch, void *user)
{
    int64_t *session = user;
    assert_string_equal(watch->path, "/tree");
    assert_int_equal(watch->kind, DOCENT_WATCH_PERSISTENT);
    *session = watch->session_id;
}

static void on_listed_session(const docent_devserver_session *session, void *user)
{
    *(docent_devserver_session *)user = *session;
}

static void watches_and_sessions_are_listed(void **state)
{
    (void)state;
    int64_t watcher = 0;
    docent_devserver_session session;
    watch_begin(client, true);
    assert_ok(docent_create(client, "/e", NULL, 0, DOCENT_EPHEMERAL, NULL));
    assert_int_equal(docent_devserver_each_watch(server, on_listed_watch, &watcher), 1);
    assert_int_equal(docent_devserver_watch_count(server), 1); /* Though it is in two tables. */
    assert_int_equal(docent_devserver_each_session(server, on_listed_session, &session), 1);
    assert_int_equal(session.id, watcher);
    assert_int_equal(session.ephemerals, 1);
    assert_true(session.connected);
    docent_devserver_cut(server);
    assert_int_equal(docent_devserver_each_watch(server, NULL, NULL), 0);
    assert_int_equal(docent_devserver_each_session(server, on_listed_session, &session), 1);
    assert_false(session.connected);
    docent_devserver_heal(server);
}

/* ---- Clock and counters. ---- */

static void session_ends_when_the_clock_steps(void **state)
{
    (void)state;
    docent_devserver_session session;
    docent_devserver_cut(server);
    assert_int_equal(docent_devserver_each_session(server, on_listed_session, &session), 1);
    docent_devserver_step_clock(server, session.timeout_ms / 2);
    assert_int_equal(docent_devserver_sessions(server, NULL, 0), 1);
    docent_devserver_step_clock(server, session.timeout_ms);
    assert_int_equal(docent_devserver_sessions(server, NULL, 0), 0);
    docent_devserver_heal(server);
}

static void server_keeps_time_after_a_step(void **state)
{
    (void)state;
    docent_devserver_step_clock(server, 3600000);
    docent_client_options options = { DOCENT_CLIENT_OPTIONS, .session_timeout_ms = 300 };
    docent_client *other = client_start(&options);
    size_t sessions = docent_devserver_sessions(server, NULL, 0);
    assert_int_equal(sessions, docent_devserver_each_session(server, NULL, NULL));
    docent_devserver_cut(server);
    assert_soon(docent_devserver_sessions(server, NULL, 0) < sessions); /* It expires by itself, in its time. */
    docent_devserver_heal(server);
    docent_client_close(other, NULL, NULL);
}

static void assert_sequential(const char *expected)
{
    docent_result *result = NULL;
    assert_ok(docent_create(client, "/q/n", NULL, 0, DOCENT_PERSISTENT_SEQUENTIAL, &result));
    assert_string_equal(result->path, expected);
    docent_result_free(result);
}

static void sequence_goes_on_where_it_is_set_and_stays_at_the_end(void **state)
{
    (void)state;
    docent_result *result = NULL;
    assert_ok(docent_create(client, "/q", NULL, 0, DOCENT_PERSISTENT, NULL));
    assert_ok(docent_devserver_preset_sequence(server, "/q", INT32_MAX - 1));
    assert_sequential("/q/n2147483646");
    assert_sequential("/q/n2147483647");
    assert_status(docent_create(client, "/q/n", NULL, 0, DOCENT_PERSISTENT_SEQUENTIAL, &result), DOCENT_ERR_NODE_EXISTS);
    docent_result_free(result);
    assert_status(docent_devserver_preset_sequence(server, "/none", 1), DOCENT_ERR_NO_NODE);
    assert_status(docent_devserver_preset_sequence(server, "/q", -1), DOCENT_ERR_INVALID_ARGUMENT);
}

static void version_wraps_where_it_is_set(void **state)
{
    (void)state;
    docent_stat stat;
    assert_ok(docent_create(client, "/v", NULL, 0, DOCENT_PERSISTENT, NULL));
    assert_ok(docent_devserver_preset_version(server, "/v", INT32_MAX));
    assert_status(docent_set(client, "/v", "x", 1, 0, &stat), DOCENT_ERR_BAD_VERSION);
    assert_ok(docent_set(client, "/v", "x", 1, INT32_MAX, &stat));
    assert_int_equal(stat.version, INT32_MIN);
    assert_status(docent_devserver_preset_version(server, "/none", 1), DOCENT_ERR_NO_NODE);
}

static void transactions_go_on_behind_the_lower_half(void **state)
{
    (void)state;
    docent_stat stat;
    assert_ok(docent_create(client, "/z", NULL, 0, DOCENT_PERSISTENT, NULL));
    assert_ok(docent_devserver_preset_zxid(server, 0xffffffff));
    assert_ok(docent_set(client, "/z", "x", 1, DOCENT_ANY_VERSION, &stat));
    assert_int_equal(stat.mzxid, INT64_C(0x100000000));
    assert_status(docent_devserver_preset_zxid(server, 7), DOCENT_ERR_INVALID_ARGUMENT);
    docent_devserver_drop_connections(server); /* The client has seen it, and the server has too. */
    assert_ok(docent_exists(client, "/z", NULL));
}

static void presets_are_kept(void **state)
{
    (void)state;
    char directory[] = "/tmp/docent-presets-XXXXXX";
    assert_non_null(mkdtemp(directory));
    docent_devserver_options options = { DOCENT_DEVSERVER_OPTIONS, .data_dir = directory };
    docent_devserver *own;
    assert_ok(docent_devserver_start(&options, &own));
    docent_client *user = NULL;
    assert_ok(docent_client_new(docent_devserver_connect_string(own), NULL, &user));
    assert_ok(docent_create(user, "/p", "x", 1, DOCENT_PERSISTENT, NULL));
    assert_ok(docent_devserver_preset_zxid(own, 0xffff0000));
    assert_ok(docent_devserver_preset_sequence(own, "/p", 70));
    assert_ok(docent_devserver_preset_version(own, "/p", 80));
    assert_ok(docent_devserver_preset_zxid(own, 0xfffffffe));
    docent_client_close(user, NULL, NULL);
    docent_devserver_stop(own);

    docent_result *result = NULL;
    docent_stat stat;
    assert_ok(docent_devserver_start(&options, &own));
    assert_ok(docent_client_new(docent_devserver_connect_string(own), NULL, &user));
    assert_ok(docent_exists(user, "/p", &stat));
    assert_int_equal(stat.version, 80);
    assert_ok(docent_create(user, "/p/n", NULL, 0, DOCENT_PERSISTENT_SEQUENTIAL, &result));
    assert_string_equal(result->path, "/p/n0000000070");
    assert_true(result->stat.czxid > 0xfffffffe);
    docent_result_free(result);
    docent_client_close(user, NULL, NULL);
    docent_devserver_stop(own);
    files_remove(directory);
}

/* ---- Answers that mean nothing. ---- */

static void client_survives_answers_that_mean_nothing(void **state)
{
    (void)state;
    docent_result *result = NULL;
    assert_ok(docent_create(client, "/c", "data", 4, DOCENT_PERSISTENT, NULL));
    docent_fault body = { DOCENT_FAULT, .action = DOCENT_FAULT_CORRUPT_REPLY, .op = GET, .path = "/c" };
    docent_fault none = { DOCENT_FAULT, .action = DOCENT_FAULT_CORRUPT_REPLY, .op = DELETE, .path = "/c" };
    assert_ok(docent_devserver_add_fault(server, &body));
    assert_ok(docent_devserver_add_fault(server, &none));
    assert_status(docent_get(client, "/c", &result), DOCENT_ERR_PROTOCOL);
    docent_result_free(result);
    result = NULL;
    assert_ok(docent_get(client, "/c", &result));
    assert_int_equal(result->size, 4);
    assert_memory_equal(result->data, "data", 4);
    docent_result_free(result);
    assert_ok(docent_delete(client, "/c", DOCENT_ANY_VERSION));
    assert_int_equal(docent_devserver_fault_count(server), 0);
}

/* ---- Releases. ---- */

static void client_gets_along_with(const char *release, bool stands)
{
    docent_devserver_options options = { DOCENT_DEVSERVER_OPTIONS, .tick_ms = 50, .speak = release };
    docent_devserver *own;
    docent_client *user = NULL;
    assert_ok(docent_devserver_start(&options, &own));
    assert_ok(docent_client_new(docent_devserver_connect_string(own), NULL, &user));
    assert_ok(docent_client_wait_connected(user, PATIENCE_MS));
    assert_ok(docent_create(user, "/tree", "a", 1, DOCENT_PERSISTENT, NULL));
    watch_begin(user, stands);
    docent_op ops[] = { docent_op_create("/tree/n", "b", 1, DOCENT_EPHEMERAL), docent_op_set("/tree", "c", 1, 0) };
    docent_result *result = NULL;
    assert_ok(docent_multi(user, ops, 2, &result));
    docent_result_free(result);
    assert_soon(!stands || atomic_load(&events) >= 2);
    int before = atomic_load(&events);
    docent_devserver_drop_connections(own);
    assert_ok(docent_set(user, "/tree", "d", 1, DOCENT_ANY_VERSION, NULL));
    assert_soon(!stands || atomic_load(&events) > before); /* The watch is back with the session. */
    assert_int_equal(docent_devserver_sessions(own, NULL, 0), 1);
    docent_client_close(user, NULL, NULL);
    docent_devserver_stop(own);
}

static void client_gets_along_with_every_release(void **state)
{
    (void)state;
    client_gets_along_with("3.4", false);
    client_gets_along_with("3.5", false);
    client_gets_along_with("3.6", true);
    client_gets_along_with("3.8", true);
    client_gets_along_with("3.9", true);
    docent_devserver_options options = { DOCENT_DEVSERVER_OPTIONS, .speak = "4.0" };
    docent_devserver *own;
    assert_status(docent_devserver_start(&options, &own), DOCENT_ERR_INVALID_ARGUMENT);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
    const struct CMUnitTest tests[] = {
        TEST(watches_and_sessions_are_listed),
        TEST(session_ends_when_the_clock_steps),
        TEST(server_keeps_time_after_a_step),
        TEST(sequence_goes_on_where_it_is_set_and_stays_at_the_end),
        TEST(version_wraps_where_it_is_set),
        TEST(transactions_go_on_behind_the_lower_half),
        TEST(presets_are_kept),
        TEST(client_survives_answers_that_mean_nothing),
        TEST(client_gets_along_with_every_release),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
