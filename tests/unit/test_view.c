/* tests/unit/test_view.c - views: one prefix out, one prefix off, in everything that carries a path. */
#include "unit.h"

#include <docent/acl.h>
#include <docent/lock.h>
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
    assert_int_equal(docent_client_view(peer.client, "/t", NULL, &tenant), DOCENT_OK);
    assert_int_equal(docent_client_view(tenant, "/u/v", NULL, &inner), DOCENT_OK);
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

/* F-88 */
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

/* F-88 */
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
    assert_int_equal(docent_client_view(peer.client, "/gone", NULL, &view), DOCENT_OK);
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

static void test_a_released_view_lives_until_its_locks_are_closed(void **state)
{
    (void)state;
    docent_client *view;
    docent_lock *lock;
    assert_int_equal(docent_client_view(peer.client, "/gone", NULL, &view), DOCENT_OK);
    assert_int_equal(docent_lock_new(view, "/l", NULL, &lock), DOCENT_OK);
    assert_int_equal(docent_lock_acquire_async(lock, DOCENT_FOREVER, NULL, NULL), DOCENT_OK);
    docent_lock_close(lock, NULL, NULL); /* It has to find out first whether it has a node. */
    docent_view_release(view);
    struct peer_frame asked;
    while (peer_take(&peer, &asked)) {
        struct wire_in in = docent_wire_in(asked.body, asked.size);
        wire_bytes path = docent_wire_get_string(&in);
        assert_memory_equal(path.data, "/gone/l", 7);
        peer_reply(&peer, asked.xid, 10, DOCENT_ERR_NO_NODE, NULL, 0);
        if (asked.op == WIRE_OP_CREATE) break; /* The parents are another story. */
    }
}

static void test_bad_prefixes_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = { NULL, "", "a", "/a/", "/a//b", "/../a", "/a/\x01" };
    docent_client *view = NULL;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(docent_client_view(peer.client, bad[i], NULL, &view), DOCENT_ERR_INVALID_ARGUMENT);
    }
    assert_int_equal(docent_client_view(NULL, "/a", NULL, &view), DOCENT_ERR_INVALID_ARGUMENT);
    assert_int_equal(docent_client_view(peer.client, "/a", NULL, NULL), DOCENT_ERR_INVALID_ARGUMENT);
    assert_null(view);
    docent_view_release(NULL);
    docent_view_release(peer.client);
    assert_int_equal(docent_client_view(peer.client, "/", NULL, &view), DOCENT_OK);
    static struct told told;
    assert_int_equal(docent_exists_async(view, "/", on_result, &told), DOCENT_OK);
    expect(WIRE_OP_EXISTS, "/");
    docent_view_release(view);
}

/* ---- Policies. ---- */

static docent_client *view_with(docent_client *client, const docent_view_options *options)
{
    docent_client *view = NULL;
    assert_int_equal(docent_client_view(client, "/p", options, &view), DOCENT_OK);
    return view;
}

/* A create through @view carries this ACL, as text, and these data; NULL: null. */
static void expect_create(docent_client *view, docent_op op, const char *acl, const char *data)
{
    static struct told told;
    assert_int_equal(docent_run_async(view, &op, NULL, on_result, &told), DOCENT_OK);
    peer_expect(&peer, WIRE_OP_CREATE, &frame);
    struct wire_in in = docent_wire_in(frame.body, frame.size);
    struct wire_create_request request;
    assert_true(docent_wire_get_create_request(&in, &request));
    if (data == NULL) {
        assert_int_equal(request.data.size, -1);
    } else {
        assert_int_equal(request.data.size, (int32_t)strlen(data));
        assert_memory_equal(request.data.data, data, strlen(data));
    }
    char text[128] = "";
    struct wire_acl entry;
    while (docent_wire_list_next_acl(&request.acl, &entry)) {
        size_t used = strlen(text);
        snprintf(text + used, sizeof text - used, "%.*s:%.*s:%d ", (int)entry.scheme.size, (const char *)entry.scheme.data,
                 (int)entry.id.size, (const char *)entry.id.data, entry.perms);
    }
    assert_string_equal(text, acl);
}

static docent_op create_of(const char *path)
{
    return docent_op_create(path, NULL, 0, DOCENT_PERSISTENT);
}

static void test_creates_without_an_acl_get_the_views(void **state)
{
    (void)state;
    char id[] = "10.1.2.3";
    docent_acl entry = docent_acl_ip(DOCENT_PERM_READ, id);
    docent_client *view = view_with(peer.client, &(docent_view_options){ DOCENT_VIEW_OPTIONS, .acl = { &entry, 1 } });
    memset(id, 'x', sizeof id - 1); /* It was copied. */
    entry.perms = 0;
    expect_create(view, create_of("/a"), "ip:10.1.2.3:1 ", NULL);
    docent_op own = create_of("/a");
    own.acl = docent_acl_creator_all();
    expect_create(view, own, "auth::31 ", NULL);
    expect_create(peer.client, create_of("/a"), "world:anyone:31 ", NULL);
    docent_view_release(view);
}

static char asked_for[64];

static docent_acl_list acl_for(const char *path, void *user)
{
    snprintf(asked_for, sizeof asked_for, "%s", path);
    static docent_acl entry;
    entry = docent_acl_digest(DOCENT_PERM_ALL, user);
    return strcmp(path, "/plain") == 0 ? (docent_acl_list){ NULL, 0 } : (docent_acl_list){ &entry, 1 };
}

static void test_an_acl_can_be_asked_for_each_path(void **state)
{
    (void)state;
    docent_view_options options = { DOCENT_VIEW_OPTIONS, .acl = docent_acl_read_only(), .acl_for = acl_for, .user = "u:h" };
    docent_client *view = view_with(peer.client, &options);
    expect_create(view, create_of("/a"), "digest:u:h:31 ", NULL);
    assert_string_equal(asked_for, "/a"); /* As it was given. */
    expect_create(view, create_of("/plain"), "world:anyone:1 ", NULL);
    docent_view_release(view);
}

static void test_a_view_of_a_view_inherits_what_it_does_not_set(void **state)
{
    (void)state;
    docent_view_options options = { DOCENT_VIEW_OPTIONS, .acl_for = acl_for, .user = "u:h", .default_data = "d", .default_size = 1 };
    docent_client *view = view_with(peer.client, &options);
    docent_client *same = view_with(view, NULL);
    docent_client *data = view_with(view, &(docent_view_options){ DOCENT_VIEW_OPTIONS, .default_data = "other", .default_size = 5 });
    docent_client *acl = view_with(view, &(docent_view_options){ DOCENT_VIEW_OPTIONS, .acl = docent_acl_read_only() });
    docent_view_release(view); /* They keep what they need of it. */
    expect_create(same, create_of("/a"), "digest:u:h:31 ", "d");
    expect_create(data, create_of("/a"), "digest:u:h:31 ", "other");
    expect_create(acl, create_of("/a"), "world:anyone:1 ", "d"); /* An ACL for all paths replaces one for each. */
    docent_view_release(same);
    docent_view_release(data);
    docent_view_release(acl);
}

static void test_default_data_are_for_creates_that_have_none(void **state)
{
    (void)state;
    docent_client *view = view_with(peer.client, &(docent_view_options){ DOCENT_VIEW_OPTIONS, .default_data = "d", .default_size = 1 });
    expect_create(view, create_of("/a"), "world:anyone:31 ", "d");
    expect_create(view, docent_op_create("/a", "", 0, DOCENT_PERSISTENT), "world:anyone:31 ", "");
    static struct told told;
    assert_int_equal(docent_set_async(view, "/a", NULL, 0, -1, on_result, &told), DOCENT_OK);
    peer_expect(&peer, WIRE_OP_SET_DATA, &frame);
    struct wire_in in = docent_wire_in(frame.body, frame.size);
    struct wire_set_data_request set;
    assert_true(docent_wire_get_set_data_request(&in, &set));
    assert_int_equal(set.data.size, -1);
    docent_client *empty = view_with(view, &(docent_view_options){ DOCENT_VIEW_OPTIONS, .default_data = "" }); /* Are data, too. */
    expect_create(empty, create_of("/a"), "world:anyone:31 ", "");
    docent_view_release(empty);
    docent_view_release(view);
}

static void test_policies_count_in_transactions_too(void **state)
{
    (void)state;
    docent_client *view = view_with(peer.client, &(docent_view_options){ DOCENT_VIEW_OPTIONS, .acl = docent_acl_read_only(),
                                                                         .default_data = "d", .default_size = 1 });
    static struct told told;
    docent_op part = create_of("/a");
    assert_int_equal(docent_multi_async(view, &part, 1, on_result, &told), DOCENT_OK);
    peer_expect(&peer, WIRE_OP_MULTI, &frame);
    struct wire_in in = docent_wire_in(frame.body, frame.size);
    struct wire_multi_header header;
    struct wire_create_request create;
    assert_true(docent_wire_get_multi_header(&in, &header) && docent_wire_get_create_request(&in, &create));
    assert_int_equal(create.data.size, 1);
    struct wire_acl entry;
    assert_true(docent_wire_list_next_acl(&create.acl, &entry));
    assert_int_equal(entry.perms, DOCENT_PERM_READ);
    docent_view_release(view);
}

static void test_bad_policies_are_refused(void **state)
{
    (void)state;
    docent_acl bad = docent_acl_digest(DOCENT_PERM_ALL, "no-hash");
    const docent_view_options options[] = {
        { .struct_size = 0 },
        { DOCENT_VIEW_OPTIONS, .acl = { &bad, 1 } },
        { DOCENT_VIEW_OPTIONS, .acl = { NULL, 1 } },
        { DOCENT_VIEW_OPTIONS, .default_size = 1 },
        { DOCENT_VIEW_OPTIONS, .compression = (docent_compression)3 },
        { DOCENT_VIEW_OPTIONS, .decompressed_max_bytes = UINT32_MAX },
    };
    docent_client *view = NULL;
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        assert_int_equal(docent_client_view(peer.client, "/p", &options[i], &view), DOCENT_ERR_INVALID_ARGUMENT);
    }
    assert_null(view);
}

static void with_policies(docent_client_options *options)
{
    options->acl = docent_acl_creator_all();
    options->default_data = "root";
    options->default_size = 4;
}

static void test_a_client_has_policies_like_a_view(void **state)
{
    (void)state;
    static struct peer other;
    peer_start(&other, 1, 6000, with_policies);
    peer_online(&other, 78, 6000);
    docent_client *view = view_with(other.client, NULL);
    static struct told told;
    docent_op op = create_of("/a");
    assert_int_equal(docent_run_async(view, &op, NULL, on_result, &told), DOCENT_OK);
    peer_expect(&other, WIRE_OP_CREATE, &frame);
    struct wire_in in = docent_wire_in(frame.body, frame.size);
    struct wire_create_request request;
    struct wire_acl entry;
    assert_true(docent_wire_get_create_request(&in, &request) && docent_wire_list_next_acl(&request.acl, &entry));
    assert_int_equal(request.data.size, 4);
    assert_memory_equal(entry.scheme.data, "auth", 4);
    docent_view_release(view);
    peer_stop(&other);
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
        TEST(test_a_released_view_lives_until_its_locks_are_closed),
        TEST(test_bad_prefixes_are_refused),
        TEST(test_creates_without_an_acl_get_the_views),
        TEST(test_an_acl_can_be_asked_for_each_path),
        TEST(test_a_view_of_a_view_inherits_what_it_does_not_set),
        TEST(test_default_data_are_for_creates_that_have_none),
        TEST(test_policies_count_in_transactions_too),
        TEST(test_bad_policies_are_refused),
        TEST(test_a_client_has_policies_like_a_view),
    };
    return cmocka_run_group_tests_name("view", tests, NULL, NULL);
}
