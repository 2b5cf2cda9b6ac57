/* tests/unit/test_view.c - views: one prefix out, one prefix off, in everything that carries a path. */
#include "unit.h"

#include <docent/view.h>

#include "tests/unit/peer.h"

static struct peer peer;
static struct peer_frame frame;
static docent_client *tenant, *inner; /* "/t", and "/u/v" below it. */

/* Static in every test: calls that are not answered there are when the client closes. */
struct told {
    unsigned calls;
    docent_status status;
    char path[64];
    char names[64];
};

static void on_result(const docent_result *result, void *user)
{
    struct told *told = user;
    told->calls++;
    told->status = result->status;
    if (result->path != NULL) snprintf(told->path, sizeof told->path, "%s", result->path);
    for (size_t i = 0; i < result->name_count; i++) {
        size_t used = strlen(told->names);
        snprintf(told->names + used, sizeof told->names - used, "%s ", result->names[i]);
    }
    for (size_t i = 0; i < result->result_count; i++) {
        if (result->results[i].path != NULL) snprintf(told->path, sizeof told->path, "%s", result->results[i].path);
    }
}

static void on_watch(const docent_watch_event *event, void *user)
{
    struct told *told = user;
    told->calls++;
    told->status = event->status;
    snprintf(told->path, sizeof told->path, "%s", event->path);
}

static int start(void **state)
{
    (void)state;
    peer_start(&peer, 1, 6000, NULL);
    peer_online(&peer, 77, 6000);
    assert_int_equal(docent_client_view(peer.client, "/t", &tenant), DOCENT_OK);
    assert_int_equal(docent_client_view(tenant, "/u/v", &inner), DOCENT_OK);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    docent_view_release(inner);
    docent_view_release(tenant);
    peer_stop(&peer);
    return 0;
}

/* The next request is of @op and begins with @path. */
static void expect(int32_t op, const char *path)
{
    peer_expect(&peer, op, &frame);
    struct wire_in in = docent_wire_in(frame.body, frame.size);
    wire_bytes got = docent_wire_get_string(&in);
    assert_int_equal(got.size, (int32_t)strlen(path));
    assert_memory_equal(got.data, path, strlen(path));
}

static void test_the_prefix_goes_out_once(void **state)
{
    (void)state;
    static const docent_stat stat = { .czxid = 5 };
    static struct told told;
    assert_int_equal(docent_get_async(tenant, "/a", on_result, &told), DOCENT_OK);
    expect(WIRE_OP_GET_DATA, "/t/a");
    peer_reply_data(&peer, frame.xid, 10, "x", &stat);
    assert_int_equal(docent_get_async(inner, "/a", on_result, &told), DOCENT_OK);
    expect(WIRE_OP_GET_DATA, "/t/u/v/a");
    peer_reply_data(&peer, frame.xid, 10, "x", &stat);
    assert_int_equal(docent_exists_async(inner, "/", on_result, &told), DOCENT_OK);
    expect(WIRE_OP_EXISTS, "/t/u/v");
    peer_reply_stat(&peer, frame.xid, 10, &stat);
    assert_int_equal(docent_get_async(peer.client, "/a", on_result, &told), DOCENT_OK);
    expect(WIRE_OP_GET_DATA, "/a");
    peer_reply_data(&peer, frame.xid, 10, "x", &stat);
    assert_int_equal(told.calls, 4);
}

static void test_and_comes_off_once(void **state)
{
    (void)state;
    static struct told told;
    assert_int_equal(docent_create_async(tenant, "/t/n-", NULL, 0, DOCENT_PERSISTENT_SEQUENTIAL, on_result, &told), DOCENT_OK);
    expect(WIRE_OP_CREATE, "/t/t/n-");
    peer_reply_path(&peer, frame.xid, 10, "/t/t/n-0000000001");
    assert_string_equal(told.path, "/t/n-0000000001");

    docent_op part = docent_op_create("/n-", NULL, 0, DOCENT_PERSISTENT_SEQUENTIAL);
    assert_int_equal(docent_multi_async(inner, &part, 1, on_result, &told), DOCENT_OK);
    peer_expect(&peer, WIRE_OP_MULTI, &frame);
    struct wire_out out = { 0 };
    struct wire_multi_header header = { WIRE_OP_CREATE, false, 0 }, end = { WIRE_OP_ERROR, true, -1 };
    docent_wire_put_multi_header(&out, &header);
    docent_wire_put_string(&out, docent_wire_string("/t/u/v/n-0000000001"));
    docent_wire_put_multi_header(&out, &end);
    peer_reply(&peer, frame.xid, 10, 0, out.data, out.size);
    docent_wire_out_free(&out);
    assert_string_equal(told.path, "/n-0000000001");
    assert_int_equal(told.calls, 2);
}

static void test_ephemerals_are_the_views_own(void **state)
{
    (void)state;
    static struct told told;
    docent_op op = docent_op_ephemerals("/");
    assert_int_equal(docent_run_async(tenant, &op, NULL, on_result, &told), DOCENT_OK);
    expect(WIRE_OP_GET_EPHEMERALS, "/t");
    struct wire_out out = { 0 };
    docent_wire_put_int(&out, 3);
    docent_wire_put_string(&out, docent_wire_string("/tenant/e")); /* Begins with "/t", too. */
    docent_wire_put_string(&out, docent_wire_string("/t/e"));
    docent_wire_put_string(&out, docent_wire_string("/t"));
    peer_reply(&peer, frame.xid, 10, 0, out.data, out.size);
    docent_wire_out_free(&out);
    assert_string_equal(told.names, "/e / ");
}

static void test_watches_of_two_views_share_the_servers_and_tell_their_own_paths(void **state)
{
    (void)state;
    static const docent_stat stat = { .czxid = 5 };
    static struct told through_inner, through_client, read;
    docent_call_options call = { DOCENT_CALL_OPTIONS, .watch = on_watch, .watch_user = &through_inner };
    docent_op op = docent_op_get("/a");
    assert_int_equal(docent_run_async(inner, &op, &call, on_result, &read), DOCENT_OK);
    expect(WIRE_OP_GET_DATA, "/t/u/v/a");
    peer_reply_data(&peer, frame.xid, 10, "x", &stat);
    call.watch_user = &through_client;
    op = docent_op_get("/t/u/v/a");
    assert_int_equal(docent_run_async(peer.client, &op, &call, on_result, &read), DOCENT_OK);
    expect(WIRE_OP_GET_DATA, "/t/u/v/a");
    peer_reply_data(&peer, frame.xid, 10, "x", &stat);
    peer_notify(&peer, WIRE_EVENT_DATA_CHANGED, "/t/u/v/a");
    assert_string_equal(through_inner.path, "/a");
    assert_string_equal(through_client.path, "/t/u/v/a");
}

static void test_a_guard_is_of_the_hold_not_of_the_view(void **state)
{
    (void)state;
    docent_hold *hold;
    assert_int_equal(docent_hold_new(tenant, "/locks/l-1", 7, docent_client_generation(tenant), &hold), DOCENT_OK);
    assert_string_equal(docent_hold_path(hold), "/locks/l-1");
    static struct told told;
    docent_op part = docent_op_set("/n", NULL, 0, DOCENT_ANY_VERSION), multi = docent_op_multi(&part, 1);
    docent_call_options call = { DOCENT_CALL_OPTIONS, .hold = hold };
    assert_int_equal(docent_run_async(inner, &multi, &call, on_result, &told), DOCENT_OK);
    docent_hold_unref(hold);
    peer_expect(&peer, WIRE_OP_MULTI, &frame);
    struct wire_in in = docent_wire_in(frame.body, frame.size);
    struct wire_multi_header header;
    struct wire_versioned_request check;
    struct wire_set_data_request set;
    assert_true(docent_wire_get_multi_header(&in, &header) && docent_wire_get_versioned_request(&in, &check));
    assert_memory_equal(check.path.data, "/t/locks/l-1", 12);
    assert_true(docent_wire_get_multi_header(&in, &header) && docent_wire_get_set_data_request(&in, &set));
    assert_memory_equal(set.path.data, "/t/u/v/n", 8);
}

static void test_a_released_view_lives_until_its_calls_have_ended(void **state)
{
    (void)state;
    docent_client *view;
    assert_int_equal(docent_client_view(peer.client, "/gone", &view), DOCENT_OK);
    static struct told told, watched;
    docent_call_options call = { DOCENT_CALL_OPTIONS, .watch = on_watch, .watch_user = &watched };
    docent_op op = docent_op_exists("/a");
    assert_int_equal(docent_run_async(view, &op, &call, on_result, &told), DOCENT_OK);
    docent_view_release(view);
    expect(WIRE_OP_EXISTS, "/gone/a");
    peer_reply(&peer, frame.xid, 10, DOCENT_ERR_NO_NODE, NULL, 0);
    assert_int_equal(told.status, DOCENT_ERR_NO_NODE);
    peer_notify(&peer, WIRE_EVENT_CREATED, "/gone/a");
    assert_string_equal(watched.path, "/a");
}

static void test_bad_prefixes_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = { NULL, "", "a", "/a/", "/a//b", "/../a", "/a/\x01" };
    docent_client *view = NULL;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(docent_client_view(peer.client, bad[i], &view), DOCENT_ERR_INVALID_ARGUMENT);
    }
    assert_int_equal(docent_client_view(NULL, "/a", &view), DOCENT_ERR_INVALID_ARGUMENT);
    assert_int_equal(docent_client_view(peer.client, "/a", NULL), DOCENT_ERR_INVALID_ARGUMENT);
    assert_null(view);
    docent_view_release(NULL);
    docent_view_release(peer.client);
    assert_int_equal(docent_client_view(peer.client, "/", &view), DOCENT_OK);
    static struct told told;
    assert_int_equal(docent_exists_async(view, "/", on_result, &told), DOCENT_OK);
    expect(WIRE_OP_EXISTS, "/");
    docent_view_release(view);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
    const struct CMUnitTest tests[] = {
        TEST(test_the_prefix_goes_out_once),
        TEST(test_and_comes_off_once),
        TEST(test_ephemerals_are_the_views_own),
        TEST(test_watches_of_two_views_share_the_servers_and_tell_their_own_paths),
        TEST(test_a_guard_is_of_the_hold_not_of_the_view),
        TEST(test_a_released_view_lives_until_its_calls_have_ended),
        TEST(test_bad_prefixes_are_refused),
    };
    return cmocka_run_group_tests_name("view", tests, NULL, NULL);
}
