/* tests/unit/test_compress.c - gzipped node data: what goes out, what is taken for data coming in, and what is not. */
#include "unit.h"

#include <zlib.h>

#include <docent/node.h>
#include <docent/view.h>

#include "tests/unit/peer.h"

static struct peer peer;
static struct peer_frame frame;
static docent_client *gzipped; /* A view with compression. */
static const docent_stat stat_of_node = { .czxid = 5 };

/* Static in every test: calls that are not answered there are when the client closes. */
struct told {
    unsigned calls;
    docent_status status, part_status;
    bool null_data;
    size_t size;
    char data[64];
    size_t parts;
};

static void on_result(const docent_result *result, void *user)
{
    struct told *told = user;
    *told = (struct told){ told->calls + 1, result->status, DOCENT_OK, result->data == NULL, result->size, "", result->result_count };
    if (result->result_count > 0) {
        told->part_status = result->results[0].status;
        result = &result->results[result->result_count - 1];
        told->size = result->size;
        told->null_data = result->data == NULL;
    }
    if (result->size > 0 && result->size < sizeof told->data) memcpy(told->data, result->data, result->size);
}

static void allow_little(docent_client_options *options)
{
    options->decompressed_max_bytes = 100000;
}

static int start(void **state)
{
    (void)state;
    peer_start(&peer, 1, 6000, allow_little);
    peer_online(&peer, 77, 6000);
    docent_view_options options = { DOCENT_VIEW_OPTIONS, .compression = DOCENT_COMPRESSION_ON };
    assert_int_equal(docent_client_view(peer.client, "/", &options, &gzipped), DOCENT_OK);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    docent_view_release(gzipped);
    peer_stop(&peer);
    return 0;
}

/* Empty data as Curator 5.4.0 writes them, and "hello" as GZIPOutputStream of a JVM before 16 does. */
static const uint8_t empty_member[] = { 0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0 };
static const uint8_t hello_member[] = { 0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0, 0xcb, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0,
                                        0x86, 0xa6, 0x10, 0x36, 5, 0, 0, 0 };

static void reply_data(const void *data, int32_t size)
{
    struct wire_out out = { 0 };
    docent_wire_put_buffer(&out, (wire_bytes){ data, size });
    docent_wire_put_stat(&out, stat_of_node);
    peer_reply(&peer, frame.xid, 10, 0, out.data, out.size);
    docent_wire_out_free(&out);
}

/* What a get through the view tells when the node has these bytes. */
static const struct told *get_of(const void *data, size_t size)
{
    static struct told told;
    assert_int_equal(docent_get_async(gzipped, "/a", on_result, &told), DOCENT_OK);
    peer_expect(&peer, WIRE_OP_GET_DATA, &frame);
    reply_data(data, (int32_t)size);
    return &told;
}

static wire_bytes set_data_sent(void)
{
    peer_expect(&peer, WIRE_OP_SET_DATA, &frame);
    struct wire_in in = docent_wire_in(frame.body, frame.size);
    struct wire_set_data_request set;
    assert_true(docent_wire_get_set_data_request(&in, &set));
    assert_int_equal(set.version, 3);
    return set.data;
}

static void assert_bytes(wire_bytes bytes, const uint8_t *expected, size_t size)
{
    assert_int_equal(bytes.size, (int32_t)size);
    assert_memory_equal(bytes.data, expected, size);
}

/* Of any kind that zlib can make. The caller frees. */
static uint8_t *member_of(const void *data, size_t size, gz_header *header, size_t *ret_size)
{
    z_stream stream = { 0 };
    assert_int_equal(deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY), Z_OK);
    if (header != NULL) deflateSetHeader(&stream, header);
    size_t room = deflateBound(&stream, size) + 1000;
    uint8_t *member = malloc(room);
    stream.next_in = (Bytef *)(uintptr_t)data;
    stream.avail_in = (uInt)size;
    stream.next_out = member;
    stream.avail_out = (uInt)room;
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    *ret_size = stream.total_out;
    deflateEnd(&stream);
    return member;
}

static void test_data_are_written_as_curator_writes_them(void **state)
{
    (void)state;
    static struct told told;
    assert_int_equal(docent_set_async(gzipped, "/a", "hello", 5, 3, on_result, &told), DOCENT_OK);
    assert_bytes(set_data_sent(), hello_member, sizeof hello_member);
    assert_int_equal(docent_set_async(gzipped, "/a", "", 0, 3, on_result, &told), DOCENT_OK);
    assert_bytes(set_data_sent(), empty_member, sizeof empty_member);
    assert_int_equal(docent_set_async(gzipped, "/a", NULL, 0, 3, on_result, &told), DOCENT_OK);
    assert_int_equal(set_data_sent().size, -1); /* Null stays null. */
    assert_int_equal(docent_set_async(peer.client, "/a", "hello", 5, 3, on_result, &told), DOCENT_OK);
    assert_int_equal(set_data_sent().size, 5); /* Off by default. */
}

static void test_a_create_is_compressed(void **state)
{
    (void)state;
    static struct told told;
    assert_int_equal(docent_create_async(gzipped, "/a", "hello", 5, DOCENT_PERSISTENT, on_result, &told), DOCENT_OK);
    peer_expect(&peer, WIRE_OP_CREATE, &frame);
    struct wire_in in = docent_wire_in(frame.body, frame.size);
    struct wire_create_request create;
    assert_true(docent_wire_get_create_request(&in, &create));
    assert_bytes(create.data, hello_member, sizeof hello_member);
}

static void test_parents_are_left_without_data(void **state)
{
    (void)state;
    docent_create_node_options options = { DOCENT_CREATE_NODE_OPTIONS, .parents = DOCENT_PARENTS_PERSISTENT };
    assert_int_equal(docent_create_node_async(gzipped, "/a/b", "hello", 5, DOCENT_PERSISTENT, &options, NULL, NULL), DOCENT_OK);
    static const struct {
        const char *path;
        int32_t size, err;
    } expected[] = { { "/a/b", sizeof hello_member, DOCENT_ERR_NO_NODE }, { "/a", 0, DOCENT_OK }, { "/a/b", sizeof hello_member, DOCENT_OK } };
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        peer_expect(&peer, WIRE_OP_CREATE, &frame);
        struct wire_in in = docent_wire_in(frame.body, frame.size);
        struct wire_create_request create;
        assert_true(docent_wire_get_create_request(&in, &create));
        assert_bytes(create.path, (const uint8_t *)expected[i].path, strlen(expected[i].path));
        assert_int_equal(create.data.size, expected[i].size);
        if (expected[i].err != DOCENT_OK) {
            peer_reply(&peer, frame.xid, 10, expected[i].err, NULL, 0);
        } else {
            peer_reply_path(&peer, frame.xid, 10, expected[i].path);
        }
    }
}

static void test_a_transaction_is_compressed_and_a_batch_unpacked(void **state)
{
    (void)state;
    static struct told told;
    docent_op parts[] = { docent_op_check("/b", 1), docent_op_set("/a", "hello", 5, 3) };
    assert_int_equal(docent_multi_async(gzipped, parts, 2, on_result, &told), DOCENT_OK);
    peer_expect(&peer, WIRE_OP_MULTI, &frame);
    struct wire_in in = docent_wire_in(frame.body, frame.size);
    struct wire_multi_header header;
    struct wire_versioned_request check;
    struct wire_set_data_request set;
    assert_true(docent_wire_get_multi_header(&in, &header) && docent_wire_get_versioned_request(&in, &check));
    assert_true(docent_wire_get_multi_header(&in, &header) && docent_wire_get_set_data_request(&in, &set));
    assert_bytes(set.data, hello_member, sizeof hello_member);
    peer_reply(&peer, frame.xid, 10, DOCENT_ERR_QUOTA_EXCEEDED, NULL, 0);

    docent_op reads[] = { docent_op_get("/bad"), docent_op_get("/a") }, batch = docent_op_multi_read(reads, 2);
    assert_int_equal(docent_run_async(gzipped, &batch, NULL, on_result, &told), DOCENT_OK);
    peer_expect(&peer, WIRE_OP_MULTI_READ, &frame);
    struct wire_out out = { 0 };
    struct wire_multi_header data = { WIRE_OP_GET_DATA, false, 0 }, end = { WIRE_OP_ERROR, true, -1 };
    docent_wire_put_multi_header(&out, &data);
    docent_wire_put_buffer(&out, docent_wire_buffer("hello", 5)); /* Not compressed: its own misfortune. */
    docent_wire_put_stat(&out, stat_of_node);
    docent_wire_put_multi_header(&out, &data);
    docent_wire_put_buffer(&out, docent_wire_buffer(hello_member, sizeof hello_member));
    docent_wire_put_stat(&out, stat_of_node);
    docent_wire_put_multi_header(&out, &end);
    peer_reply(&peer, frame.xid, 10, 0, out.data, out.size);
    docent_wire_out_free(&out);
    assert_int_equal(told.status, DOCENT_OK);
    assert_int_equal(told.part_status, DOCENT_ERR_CORRUPT_DATA);
    assert_int_equal(told.size, 5);
    assert_string_equal(told.data, "hello");
}

static void test_a_call_says_otherwise(void **state)
{
    (void)state;
    static struct told told;
    docent_call_options call = { DOCENT_CALL_OPTIONS, .compression = DOCENT_COMPRESSION_ON };
    docent_op set = docent_op_set("/a", "hello", 5, 3), get = docent_op_get("/a");
    assert_int_equal(docent_run_async(peer.client, &set, &call, on_result, &told), DOCENT_OK);
    assert_bytes(set_data_sent(), hello_member, sizeof hello_member);
    peer_reply_stat(&peer, frame.xid, 10, &stat_of_node);
    assert_int_equal(docent_run_async(peer.client, &get, &call, on_result, &told), DOCENT_OK);
    peer_expect(&peer, WIRE_OP_GET_DATA, &frame);
    reply_data(hello_member, sizeof hello_member);
    assert_string_equal(told.data, "hello");

    call.compression = DOCENT_COMPRESSION_OFF;
    assert_int_equal(docent_run_async(gzipped, &set, &call, on_result, &told), DOCENT_OK);
    assert_int_equal(set_data_sent().size, 5);
    peer_reply_stat(&peer, frame.xid, 10, &stat_of_node);
    assert_int_equal(docent_run_async(gzipped, &get, &call, on_result, &told), DOCENT_OK);
    peer_expect(&peer, WIRE_OP_GET_DATA, &frame);
    reply_data("raw", 3);
    assert_int_equal(told.status, DOCENT_OK);
    assert_string_equal(told.data, "raw");

    call.compression = (docent_compression)3;
    assert_int_equal(docent_run_async(gzipped, &get, &call, on_result, &told), DOCENT_ERR_INVALID_ARGUMENT);
}

static void test_a_view_of_a_view_can_have_it_off(void **state)
{
    (void)state;
    docent_view_options options = { DOCENT_VIEW_OPTIONS, .compression = DOCENT_COMPRESSION_OFF };
    docent_client *view, *same;
    assert_int_equal(docent_client_view(gzipped, "/", &options, &view), DOCENT_OK);
    assert_int_equal(docent_client_view(gzipped, "/", NULL, &same), DOCENT_OK);
    static struct told told;
    assert_int_equal(docent_set_async(view, "/a", "hello", 5, 3, on_result, &told), DOCENT_OK);
    assert_int_equal(set_data_sent().size, 5);
    assert_int_equal(docent_set_async(same, "/a", "hello", 5, 3, on_result, &told), DOCENT_OK);
    assert_int_equal(set_data_sent().size, sizeof hello_member);
    docent_view_release(view);
    docent_view_release(same);
}

static void test_null_and_empty_are_told_as_they_are(void **state)
{
    (void)state;
    const struct told *told = get_of(NULL, (size_t)-1);
    assert_int_equal(told->status, DOCENT_OK);
    assert_true(told->null_data);
    told = get_of("", 0);
    assert_int_equal(told->status, DOCENT_OK);
    assert_false(told->null_data);
    told = get_of(empty_member, sizeof empty_member);
    assert_int_equal(told->status, DOCENT_OK);
    assert_false(told->null_data);
    assert_int_equal(told->size, 0);
}

static void test_any_header_is_read(void **state)
{
    (void)state;
    gz_header header = {
        .text = 1, .time = 99, .os = 255, .hcrc = 1, .extra = (Bytef *)"ab", .extra_len = 2, .name = (Bytef *)"n", .comment = (Bytef *)"c",
    };
    size_t size;
    uint8_t *member = member_of("hello", 5, &header, &size);
    const struct told *told = get_of(member, size);
    free(member);
    assert_int_equal(told->status, DOCENT_OK);
    assert_string_equal(told->data, "hello");
}

static void test_what_is_not_one_whole_member_is_corrupt(void **state)
{
    (void)state;
    uint8_t bytes[2 * sizeof hello_member];
    for (size_t size = 1; size < sizeof hello_member; size++) { /* Cut short. */
        assert_int_equal(get_of(hello_member, size)->status, DOCENT_ERR_CORRUPT_DATA);
    }
    /* Flags, of which some are allowed; time, kind and system, which are for people; padding. */
    static const bool unguarded[sizeof hello_member] = { [3] = 1, [4] = 1, [5] = 1, [6] = 1, [7] = 1, [8] = 1, [9] = 1, [16] = 1 };
    for (size_t at = 0; at < sizeof hello_member; at++) { /* Spoilt. */
        if (unguarded[at]) continue;
        memcpy(bytes, hello_member, sizeof hello_member);
        bytes[at] ^= 0x40;
        assert_int_equal(get_of(bytes, sizeof hello_member)->status, DOCENT_ERR_CORRUPT_DATA);
    }
    memcpy(bytes, hello_member, sizeof hello_member);
    bytes[sizeof hello_member] = 0; /* Something behind it, and another one. */
    assert_int_equal(get_of(bytes, sizeof hello_member + 1)->status, DOCENT_ERR_CORRUPT_DATA);
    memcpy(bytes + sizeof hello_member, hello_member, sizeof hello_member);
    assert_int_equal(get_of(bytes, sizeof bytes)->status, DOCENT_ERR_CORRUPT_DATA);
    assert_int_equal(get_of("plain text that nobody compressed", 33)->status, DOCENT_ERR_CORRUPT_DATA);
    assert_true(get_of("plain text that nobody compressed", 33)->null_data);
}

static void test_a_bomb_is_refused_before_it_is_unpacked(void **state)
{
    (void)state;
    static const uint8_t zeros[100001];
    size_t size;
    uint8_t *member = member_of(zeros, 100000, NULL, &size);
    assert_int_equal(get_of(member, size)->status, DOCENT_OK); /* Just what the limit allows. */
    assert_int_equal(get_of(member, size)->size, 100000);
    memcpy(member + size - 4, "\x05\0\0\0", 4); /* It says that it is small. */
    assert_int_equal(get_of(member, size)->status, DOCENT_ERR_CORRUPT_DATA);
    free(member);
    member = member_of(zeros, 100001, NULL, &size);
    assert_int_equal(get_of(member, size)->status, DOCENT_ERR_TOO_LARGE);

    docent_op reads[] = { docent_op_get("/a"), docent_op_get("/a") }, batch = docent_op_multi_read(reads, 2);
    free(member);
    member = member_of(zeros, 60000, NULL, &size);
    static struct told told;
    assert_int_equal(docent_run_async(gzipped, &batch, NULL, on_result, &told), DOCENT_OK);
    peer_expect(&peer, WIRE_OP_MULTI_READ, &frame);
    struct wire_out out = { 0 };
    struct wire_multi_header data = { WIRE_OP_GET_DATA, false, 0 }, end = { WIRE_OP_ERROR, true, -1 };
    for (int i = 0; i < 2; i++) {
        docent_wire_put_multi_header(&out, &data);
        docent_wire_put_buffer(&out, docent_wire_buffer(member, size));
        docent_wire_put_stat(&out, stat_of_node);
    }
    docent_wire_put_multi_header(&out, &end);
    peer_reply(&peer, frame.xid, 10, 0, out.data, out.size);
    docent_wire_out_free(&out);
    free(member);
    assert_int_equal(told.part_status, DOCENT_OK);
    assert_true(told.null_data); /* The second was one too many. */
}

static void test_what_could_not_be_read_back_is_not_written(void **state)
{
    (void)state;
    static uint8_t data[100001];
    static struct told told;
    assert_int_equal(docent_set_async(gzipped, "/a", data, 100001, 3, on_result, &told), DOCENT_ERR_TOO_LARGE);
    assert_int_equal(docent_set_async(gzipped, "/a", data, 100000, 3, on_result, &told), DOCENT_OK);
    assert_in_range(set_data_sent().size, 100, 300);
}

static void test_the_limit_on_requests_is_about_what_is_sent(void **state)
{
    (void)state;
    enum { SIZE = WIRE_REQUEST_MAX + 1000 };
    docent_view_options options = { DOCENT_VIEW_OPTIONS, .decompressed_max_bytes = SIZE };
    docent_client *view;
    assert_int_equal(docent_client_view(gzipped, "/", &options, &view), DOCENT_OK);
    uint8_t *data = calloc(1, SIZE);
    static struct told told;
    assert_int_equal(docent_set_async(view, "/a", data, SIZE, 3, on_result, &told), DOCENT_OK);
    assert_in_range(set_data_sent().size, 1000, 3000);
    uint32_t random = 1;
    for (size_t i = 0; i < SIZE; i++) data[i] = (uint8_t)((random = random * 1664525 + 1013904223) >> 24);
    assert_int_equal(docent_set_async(view, "/a", data, SIZE, 3, on_result, &told), DOCENT_ERR_TOO_LARGE);
    free(data);
    docent_view_release(view);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
    const struct CMUnitTest tests[] = {
        TEST(test_data_are_written_as_curator_writes_them),
        TEST(test_a_create_is_compressed),
        TEST(test_parents_are_left_without_data),
        TEST(test_a_transaction_is_compressed_and_a_batch_unpacked),
        TEST(test_a_call_says_otherwise),
        TEST(test_a_view_of_a_view_can_have_it_off),
        TEST(test_null_and_empty_are_told_as_they_are),
        TEST(test_any_header_is_read),
        TEST(test_what_is_not_one_whole_member_is_corrupt),
        TEST(test_a_bomb_is_refused_before_it_is_unpacked),
        TEST(test_what_could_not_be_read_back_is_not_written),
        TEST(test_the_limit_on_requests_is_about_what_is_sent),
    };
    return cmocka_run_group_tests_name("compress", tests, NULL, NULL);
}
