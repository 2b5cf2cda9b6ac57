/* tests/unit/test_txn.c - transactions put together, guarded, with parents; batches of reads, also on servers that know none. */
#include "unit.h"

#include <docent/batch.h>
#include <docent/txn.h>
#include <docent/view.h>

#include "tests/unit/peer.h"

static struct peer peer;
static struct peer_frame frame;
static docent_txn *txn;
static const docent_stat stat_of_node = { .czxid = 5 };

/* Static in every test: calls that are not answered there are when the client closes. */
struct told {
    unsigned calls;
    docent_status status;
    size_t parts;
    docent_status part[4];
    uint32_t attempts;
    bool has_stat[4];
    char name[16];
};

static void on_result(const docent_result *result, void *user)
{
    struct told *told = user;
    *told = (struct told){ .calls = told->calls + 1, .status = result->status, .parts = result->result_count, .attempts = result->attempts };
    for (size_t i = 0; i < result->result_count && i < 4; i++) {
        const docent_result *part = &result->results[i];
        told->part[i] = part->status;
        told->has_stat[i] = part->has_stat;
        if (part->name_count > 0) snprintf(told->name, sizeof told->name, "%s", part->names[0]);
    }
}

static int start(void **state)
{
    (void)state;
    peer_start(&peer, 1, 6000, NULL);
    peer_online(&peer, 77, 6000);
    assert_int_equal(docent_txn_new(peer.client, &txn), DOCENT_OK);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    docent_txn_free(txn);
    peer_stop(&peer);
    return 0;
}

/* The transaction sent, as "op path op path". */
static const char *sent(void)
{
    static char text[256];
    peer_expect(&peer, WIRE_OP_MULTI, &frame);
    struct wire_in in = docent_wire_in(frame.body, frame.size);
    struct wire_multi_header header;
    text[0] = '\0';
    while (docent_wire_get_multi_header(&in, &header) && !header.done) {
        wire_bytes path;
        if (header.op == WIRE_OP_CREATE) {
            struct wire_create_request create;
            assert_true(docent_wire_get_create_request(&in, &create));
            path = create.path;
        } else if (header.op == WIRE_OP_SET_DATA) {
            struct wire_set_data_request set;
            assert_true(docent_wire_get_set_data_request(&in, &set));
            path = set.path;
        } else {
            struct wire_versioned_request other;
            assert_true(docent_wire_get_versioned_request(&in, &other));
            path = other.path;
        }
        size_t used = strlen(text);
        snprintf(text + used, sizeof text - used, "%s%d %.*s", used == 0 ? "" : " ", header.op, (int)path.size, (const char *)path.data);
    }
    return text;
}

/* Each part fails so; as a server does, those before the culprit with 0. */
static void reply_failure(const int32_t *errors, size_t count)
{
    struct wire_out out = { 0 };
    for (size_t i = 0; i < count; i++) {
        struct wire_multi_header header = { WIRE_OP_ERROR, false, errors[i] };
        docent_wire_put_multi_header(&out, &header);
        docent_wire_put_int(&out, errors[i]);
    }
    struct wire_multi_header end = { WIRE_OP_ERROR, true, -1 };
    docent_wire_put_multi_header(&out, &end);
    peer_reply(&peer, frame.xid, 10, 0, out.data, out.size);
    docent_wire_out_free(&out);
}

/* All are deletes or checks. */
static void reply_success(size_t count)
{
    struct wire_out out = { 0 };
    for (size_t i = 0; i < count; i++) {
        struct wire_multi_header header = { WIRE_OP_DELETE, false, 0 };
        docent_wire_put_multi_header(&out, &header);
    }
    struct wire_multi_header end = { WIRE_OP_ERROR, true, -1 };
    docent_wire_put_multi_header(&out, &end);
    peer_reply(&peer, frame.xid, 10, 0, out.data, out.size);
    docent_wire_out_free(&out);
}

static docent_hold *hold_of(const char *path)
{
    docent_hold *hold;
    assert_int_equal(docent_hold_new(peer.client, path, 7, docent_client_generation(peer.client), &hold), DOCENT_OK);
    return hold;
}

static void test_what_is_added_is_copied_and_sent_in_order(void **state)
{
    (void)state;
    char path[] = "/a";
    docent_txn_create(txn, path, "x", 1, DOCENT_PERSISTENT);
    path[1] = 'z';
    docent_txn_set(txn, "/b", NULL, 0, 3);
    docent_txn_delete(txn, "/c", DOCENT_ANY_VERSION);
    docent_txn_check(txn, "/d", 1);
    assert_int_equal(docent_txn_size(txn), 4);
    static struct told told;
    assert_int_equal(docent_txn_commit_async(txn, NULL, on_result, &told), DOCENT_OK);
    docent_txn_free(txn);
    txn = NULL;
    assert_string_equal(sent(), "1 /a 5 /b 2 /c 13 /d");
}

/* F-12 */
static void test_exactly_one_cause_is_told(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) docent_txn_delete(txn, "/a", 1);
    static struct told told;
    assert_int_equal(docent_txn_commit_async(txn, NULL, on_result, &told), DOCENT_OK);
    sent();
    reply_failure((const int32_t[]){ 0, DOCENT_ERR_BAD_VERSION, DOCENT_ERR_ROLLED_BACK }, 3);
    assert_int_equal(told.status, DOCENT_ERR_BAD_VERSION);
    assert_int_equal(told.parts, 3);
    assert_int_equal(told.part[0], DOCENT_ERR_ROLLED_BACK);
    assert_int_equal(told.part[1], DOCENT_ERR_BAD_VERSION);
    assert_int_equal(told.part[2], DOCENT_ERR_ROLLED_BACK);
}

static void test_guards_stand_in_front_and_have_no_result(void **state)
{
    (void)state;
    docent_hold *one = hold_of("/locks/one"), *two = hold_of("/locks/two"), *three = hold_of("/locks/three");
    docent_txn_guard(txn, one);
    docent_txn_delete(txn, "/a", 1);
    docent_txn_guard(txn, two);
    docent_call_options call = { DOCENT_CALL_OPTIONS, .hold = three };
    docent_txn_options options = { DOCENT_TXN_OPTIONS, .call = &call };
    static struct told told;
    assert_int_equal(docent_txn_commit_async(txn, &options, on_result, &told), DOCENT_OK);
    docent_hold_unref(one);
    docent_hold_unref(two);
    docent_hold_unref(three);
    assert_string_equal(sent(), "13 /locks/one 13 /locks/two 13 /locks/three 2 /a");
    reply_success(4);
    assert_int_equal(told.status, DOCENT_OK);
    assert_int_equal(told.parts, 1);

    assert_int_equal(docent_txn_commit_async(txn, NULL, on_result, &told), DOCENT_OK); /* As often as one likes. */
    assert_string_equal(sent(), "13 /locks/one 13 /locks/two 2 /a");
    reply_failure((const int32_t[]){ 0, DOCENT_ERR_NO_NODE, DOCENT_ERR_ROLLED_BACK }, 3);
    assert_int_equal(told.status, DOCENT_ERR_NOT_HELD);
    assert_int_equal(told.parts, 1);
    assert_int_equal(told.part[0], DOCENT_ERR_ROLLED_BACK);
}

static void test_a_guard_of_another_session_is_refused_here(void **state)
{
    (void)state;
    docent_hold *hold, *now = hold_of("/l");
    assert_int_equal(docent_hold_new(peer.client, "/l", 7, docent_client_generation(peer.client) + 1, &hold), DOCENT_OK);
    docent_txn_guard(txn, now);
    docent_txn_guard(txn, hold);
    docent_hold_unref(hold);
    docent_hold_unref(now);
    docent_txn_delete(txn, "/a", 1);
    assert_int_equal(docent_txn_commit_async(txn, NULL, NULL, NULL), DOCENT_ERR_NOT_HELD);
}

static void test_an_addition_refused_spoils_the_transaction(void **state)
{
    (void)state;
    docent_txn_delete(txn, "/a", 1);
    assert_int_equal(docent_txn_set(txn, "/a//b", "x", 1, 1), DOCENT_ERR_INVALID_ARGUMENT);
    assert_non_null(strstr(docent_txn_fault(txn), "operation 1 (set /a//b): "));
    assert_int_equal(docent_txn_delete(txn, "/c", 1), DOCENT_ERR_INVALID_ARGUMENT);
    assert_int_equal(docent_txn_commit_async(txn, NULL, NULL, NULL), DOCENT_ERR_INVALID_ARGUMENT);
    assert_non_null(strstr(docent_txn_fault(txn), "/a//b"));
}

static void test_a_guard_without_a_hold_spoils_it_too(void **state)
{
    (void)state;
    docent_txn_delete(txn, "/a", 1);
    docent_txn_guard(txn, NULL); /* As docent_lock_hold() gives it for a lock that is not held. */
    assert_int_equal(docent_txn_commit_async(txn, NULL, NULL, NULL), DOCENT_ERR_INVALID_ARGUMENT);
}

/* F-12 */
static void test_an_empty_one_is_refused(void **state)
{
    (void)state;
    assert_int_equal(docent_txn_commit_async(txn, NULL, NULL, NULL), DOCENT_ERR_INVALID_ARGUMENT);
    assert_string_equal(docent_txn_fault(txn), "no operations");
}

/* F-12 */
static void test_who_makes_it_too_large_is_named(void **state)
{
    (void)state;
    static const char data[600000];
    docent_txn_set(txn, "/a", data, sizeof data, 1);
    docent_txn_set(txn, "/b", data, sizeof data, 1);
    assert_int_equal(docent_txn_commit_async(txn, NULL, NULL, NULL), DOCENT_ERR_TOO_LARGE);
    assert_non_null(strstr(docent_txn_fault(txn), "operation 1 (set /b): "));
}

static void test_parents_are_made_and_it_goes_out_again(void **state)
{
    (void)state;
    docent_client *view;
    assert_int_equal(docent_client_view(peer.client, "/v", NULL, &view), DOCENT_OK);
    docent_txn *own;
    assert_int_equal(docent_txn_new(view, &own), DOCENT_OK);
    docent_txn_delete(own, "/x", 1);
    docent_txn_create(own, "/a/b/c", NULL, 0, DOCENT_PERSISTENT);
    docent_txn_options options = { DOCENT_TXN_OPTIONS, .parents = DOCENT_PARENTS_PERSISTENT };
    static struct told told;
    assert_int_equal(docent_txn_commit_async(own, &options, on_result, &told), DOCENT_OK);
    docent_txn_free(own);
    docent_view_release(view);
    assert_string_equal(sent(), "2 /v/x 1 /v/a/b/c");
    reply_failure((const int32_t[]){ 0, DOCENT_ERR_NO_NODE }, 2);
    struct peer_frame asked;
    while (peer_take(&peer, &asked) && asked.op != WIRE_OP_MULTI) { /* Whatever making a path takes. */
        if (asked.op == WIRE_OP_EXISTS || asked.op == WIRE_OP_GET_DATA) {
            peer_reply(&peer, asked.xid, 10, DOCENT_ERR_NO_NODE, NULL, 0);
        } else {
            struct wire_in in = docent_wire_in(asked.body, asked.size);
            wire_bytes path = docent_wire_get_string(&in);
            char text[32];
            snprintf(text, sizeof text, "%.*s", (int)path.size, (const char *)path.data);
            assert_true(strcmp(text, "/v/a/b") == 0 || strcmp(text, "/v/a") == 0);
            peer_reply_path(&peer, asked.xid, 10, text);
        }
    }
    assert_int_equal(asked.op, WIRE_OP_MULTI);
    frame = asked;
    reply_success(2);
    assert_int_equal(told.calls, 1);
    assert_int_equal(told.status, DOCENT_OK);
    assert_int_equal(told.parts, 2);
    assert_int_equal(told.attempts, 1); /* Nothing was tried twice. */
}

static void test_a_missing_node_that_is_no_parent_is_told(void **state)
{
    (void)state;
    docent_txn_delete(txn, "/a/b", 1);
    docent_txn_options options = { DOCENT_TXN_OPTIONS, .parents = DOCENT_PARENTS_PERSISTENT };
    static struct told told;
    assert_int_equal(docent_txn_commit_async(txn, &options, on_result, &told), DOCENT_OK);
    sent();
    reply_failure((const int32_t[]){ DOCENT_ERR_NO_NODE }, 1);
    assert_int_equal(told.status, DOCENT_ERR_NO_NODE);
    assert_int_equal(told.parts, 1);
}

static void test_a_commit_with_parents_ends_when_the_client_closes(void **state)
{
    (void)state;
    docent_txn_create(txn, "/a/b", NULL, 0, DOCENT_PERSISTENT);
    docent_txn_options options = { DOCENT_TXN_OPTIONS, .parents = DOCENT_PARENTS_PERSISTENT };
    static struct told told;
    assert_int_equal(docent_txn_commit_async(txn, &options, on_result, &told), DOCENT_OK);
    sent();
    reply_failure((const int32_t[]){ DOCENT_ERR_NO_NODE }, 1);
    docent_txn_free(txn); /* stop() would, too late. */
    txn = NULL;
    docent_core_close(peer.client, peer.now);
    peer_pass(&peer, 10);
    assert_int_equal(told.calls, 1);
    assert_int_equal(told.status, DOCENT_ERR_CLOSING);
}

/* ---- Batches. ---- */

static const docent_op *two_reads(void)
{
    static docent_op reads[2];
    reads[0] = docent_op_get("/a");
    reads[1] = docent_op_children("/b");
    return reads;
}

static void reply_names(void)
{
    struct wire_out out = { 0 };
    docent_wire_put_int(&out, 1);
    docent_wire_put_string(&out, docent_wire_string("child"));
    docent_wire_put_stat(&out, stat_of_node);
    peer_reply(&peer, frame.xid, 11, 0, out.data, out.size);
    docent_wire_out_free(&out);
}

static void test_a_server_without_batches_is_asked_one_by_one(void **state)
{
    (void)state;
    static struct told told;
    assert_int_equal(docent_batch_read_async(peer.client, two_reads(), 2, NULL, on_result, &told), DOCENT_OK);
    peer_expect(&peer, WIRE_OP_MULTI_READ, &frame);
    peer_reply(&peer, frame.xid, 10, DOCENT_ERR_UNIMPLEMENTED, NULL, 0);
    peer_expect(&peer, WIRE_OP_GET_DATA, &frame);
    peer_reply(&peer, frame.xid, 10, DOCENT_ERR_NO_NODE, NULL, 0);
    assert_int_equal(told.calls, 0);
    peer_expect(&peer, WIRE_OP_GET_CHILDREN2, &frame);
    reply_names();
    assert_int_equal(told.calls, 1);
    assert_int_equal(told.status, DOCENT_OK);
    assert_int_equal(told.parts, 2);
    assert_int_equal(told.part[0], DOCENT_ERR_NO_NODE);
    assert_int_equal(told.part[1], DOCENT_OK);
    assert_string_equal(told.name, "child");
    assert_false(told.has_stat[1]); /* As from a server with batches. */
    assert_int_equal(told.attempts, 1);
}

static void reply_bytes(const uint8_t *data, size_t size)
{
    struct wire_out out = { 0 };
    docent_wire_put_buffer(&out, docent_wire_buffer(data, size));
    docent_wire_put_stat(&out, stat_of_node);
    peer_reply(&peer, frame.xid, 10, 0, out.data, out.size);
    docent_wire_out_free(&out);
}

static void test_what_cannot_be_unpacked_is_told_of_its_node_there_too(void **state)
{
    (void)state;
    static const uint8_t hello[] = { /* A gzip member of five bytes. */
        0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xcb, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x86, 0xa6, 0x10,
        0x36, 0x05, 0x00, 0x00, 0x00 };
    docent_client *view;
    docent_view_options options = { DOCENT_VIEW_OPTIONS, .compression = DOCENT_COMPRESSION_ON, .decompressed_max_bytes = 4 };
    assert_int_equal(docent_client_view(peer.client, "/", &options, &view), DOCENT_OK);
    docent_op reads[] = { docent_op_get("/a"), docent_op_get("/b") };
    static struct told told;
    assert_int_equal(docent_batch_read_async(view, reads, 2, NULL, on_result, &told), DOCENT_OK);
    docent_view_release(view);
    peer_expect(&peer, WIRE_OP_MULTI_READ, &frame);
    peer_reply(&peer, frame.xid, 10, DOCENT_ERR_UNIMPLEMENTED, NULL, 0);
    peer_expect(&peer, WIRE_OP_GET_DATA, &frame);
    reply_bytes(hello, sizeof hello);
    peer_expect(&peer, WIRE_OP_GET_DATA, &frame);
    reply_bytes(hello, 12); /* Not even a header and a trailer. */
    assert_int_equal(told.calls, 1);
    assert_int_equal(told.status, DOCENT_OK);
    assert_int_equal(told.part[0], DOCENT_ERR_TOO_LARGE);
    assert_int_equal(told.part[1], DOCENT_ERR_CORRUPT_DATA);
}

static void test_what_concerns_all_reads_is_the_outcome(void **state)
{
    (void)state;
    static struct told told;
    assert_int_equal(docent_batch_read_async(peer.client, two_reads(), 2, NULL, on_result, &told), DOCENT_OK);
    peer_expect(&peer, WIRE_OP_MULTI_READ, &frame);
    peer_reply(&peer, frame.xid, 10, DOCENT_ERR_UNIMPLEMENTED, NULL, 0);
    peer_expect(&peer, WIRE_OP_GET_DATA, &frame);
    peer_reply_data(&peer, frame.xid, 10, "x", &stat_of_node);
    peer_expect(&peer, WIRE_OP_GET_CHILDREN2, &frame);
    peer_reply(&peer, frame.xid, 10, DOCENT_ERR_SYSTEM, NULL, 0);
    assert_int_equal(told.calls, 1);
    assert_int_equal(told.status, DOCENT_ERR_SYSTEM);
    assert_int_equal(told.parts, 0);
}

static void test_bad_batches_are_refused(void **state)
{
    (void)state;
    docent_op set = docent_op_set("/a", "x", 1, 1);
    docent_call_options none = { .struct_size = 0 };
    assert_int_equal(docent_batch_read_async(peer.client, NULL, 1, NULL, NULL, NULL), DOCENT_ERR_INVALID_ARGUMENT);
    assert_int_equal(docent_batch_read_async(peer.client, two_reads(), 0, NULL, NULL, NULL), DOCENT_ERR_INVALID_ARGUMENT);
    assert_int_equal(docent_batch_read_async(peer.client, &set, 1, NULL, NULL, NULL), DOCENT_ERR_INVALID_ARGUMENT);
    assert_int_equal(docent_batch_read_async(peer.client, two_reads(), 2, &none, NULL, NULL), DOCENT_ERR_INVALID_ARGUMENT);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
    const struct CMUnitTest tests[] = {
        TEST(test_what_is_added_is_copied_and_sent_in_order),
        TEST(test_exactly_one_cause_is_told),
        TEST(test_guards_stand_in_front_and_have_no_result),
        TEST(test_a_guard_of_another_session_is_refused_here),
        TEST(test_an_addition_refused_spoils_the_transaction),
        TEST(test_a_guard_without_a_hold_spoils_it_too),
        TEST(test_an_empty_one_is_refused),
        TEST(test_who_makes_it_too_large_is_named),
        TEST(test_parents_are_made_and_it_goes_out_again),
        TEST(test_a_missing_node_that_is_no_parent_is_told),
        TEST(test_a_commit_with_parents_ends_when_the_client_closes),
        TEST(test_a_server_without_batches_is_asked_one_by_one),
        TEST(test_what_cannot_be_unpacked_is_told_of_its_node_there_too),
        TEST(test_what_concerns_all_reads_is_the_outcome),
        TEST(test_bad_batches_are_refused),
    };
    return cmocka_run_group_tests_name("txn", tests, NULL, NULL);
}
