/* tests/unit/test_wire.c - the codec against recorded servers, against itself, and against nonsense. */
#include "unit.h"

#include "recorded.h"
#include "test_alloc.h"
#include "test_random.h"
#include "transcode.h"

enum { FRAME_MAX = 4096, ROUNDS = 2000 };

/* ---- Arranging. ---- */

struct frame { /* Without spare room at the end of the block: sanitizers see a read beyond. */
    uint8_t *bytes;
    size_t size;
};

static struct frame frame_from_hex(const char *hex)
{
    struct frame frame = { NULL, strlen(hex) / 2 };
    frame.bytes = malloc(frame.size);
    assert_non_null(frame.bytes);
    for (size_t i = 0; i < frame.size; i++) {
        char digits[3] = { hex[2 * i], hex[2 * i + 1], '\0' };
        frame.bytes[i] = (uint8_t)strtoul(digits, NULL, 16);
    }
    return frame;
}

static bool transcode(const struct recorded *r, struct wire_in *in, struct wire_out *out)
{
    return r->from == 'C' ? transcode_request(in, r->op, out) : transcode_reply(in, r->op, out);
}

static void put_random_bytes(struct wire_out *out, uint64_t *seed)
{
    uint8_t bytes[40];
    size_t size = test_random_below(seed, sizeof(bytes));
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (uint8_t)test_random(seed);
    }
    bool null = test_random_below(seed, 6) == 0;
    docent_wire_put_string(out, null ? docent_wire_string(NULL) : docent_wire_buffer(bytes, size));
}

static void put_random_count(struct wire_out *out, uint64_t *seed, int32_t *ret_count)
{
    *ret_count = (int32_t)test_random_below(seed, 6) - 1;
    docent_wire_put_int(out, *ret_count);
}

#define PUT_bool docent_wire_put_bool(out, test_random(seed) & 1)
#define PUT_int docent_wire_put_int(out, (int32_t)test_random(seed))
#define PUT_long docent_wire_put_long(out, (int64_t)test_random(seed))
#define PUT_string put_random_bytes(out, seed)
#define PUT_buffer put_random_bytes(out, seed)
#define PUT_strings put_random_strings(out, seed)
#define PUT_acls put_random_acls(out, seed)
#define PUT_clients put_random_clients(out, seed)
#define PUT_stat put_random_stat(out, seed)

static void put_random_strings(struct wire_out *out, uint64_t *seed)
{
    int32_t count;
    put_random_count(out, seed, &count);
    for (int32_t i = 0; i < count; i++) {
        PUT_string;
    }
}

static void put_random_acls(struct wire_out *out, uint64_t *seed)
{
    int32_t count;
    put_random_count(out, seed, &count);
    for (int32_t i = 0; i < count; i++) {
        PUT_int;
        PUT_string;
        PUT_string;
    }
}

static void put_random_clients(struct wire_out *out, uint64_t *seed)
{
    int32_t count;
    put_random_count(out, seed, &count);
    for (int32_t i = 0; i < count; i++) {
        PUT_string;
        PUT_string;
    }
}

static void put_random_stat(struct wire_out *out, uint64_t *seed)
{
    for (size_t i = 0; i < WIRE_STAT_SIZE / 4; i++) {
        PUT_int;
    }
}

/* An encoding of each record made from primitives alone, so that the records' own encoders are not judged by themselves. */
#define PUT_FIELD(type, name) PUT_##type;
#define DEFINE_RANDOM(record)                                                                                               \
    static void random_##record(struct wire_out *out, uint64_t *seed)                                                       \
    {                                                                                                                       \
        WIRE_##record(PUT_FIELD)                                                                                            \
    }
WIRE_RECORDS(DEFINE_RANDOM)

#define RANDOM_ENTRY(record) random_##record,
static void (*const random_records[])(struct wire_out *out, uint64_t *seed) = { WIRE_RECORDS(RANDOM_ENTRY) };

/* ---- Recorded frames. ---- */

static void test_recorded_frames_encode_to_the_bytes_they_were_decoded_from(void **state)
{
    (void)state;
    for (int i = 0; i < RECORDED_COUNT; i++) {
        struct frame frame = frame_from_hex(recorded[i].hex);
        struct wire_in in = docent_wire_in(frame.bytes + WIRE_FRAME_HEADER, frame.size - WIRE_FRAME_HEADER);
        struct wire_out out = { 0 };
        size_t begin = docent_wire_frame_begin(&out);
        assert_true(transcode(&recorded[i], &in, &out));
        docent_wire_frame_end(&out, begin);
        assert_int_equal(in.size, 0);
        assert_int_equal(out.size, frame.size);
        assert_memory_equal(out.data, frame.bytes, frame.size);
        docent_wire_out_free(&out);
        free(frame.bytes);
    }
}

static void test_recorded_frames_print_as_what_they_say(void **state)
{
    (void)state;
    for (int i = 0; i < RECORDED_COUNT; i++) {
        if (recorded[i].text == NULL) continue;
        struct frame frame = frame_from_hex(recorded[i].hex);
        char line[FRAME_MAX];
        struct wire_text text = { line, sizeof(line), 0 };
        if (recorded[i].from == 'C') {
            docent_wire_print_request(&text, frame.bytes + WIRE_FRAME_HEADER, frame.size - WIRE_FRAME_HEADER);
        } else {
            docent_wire_print_reply(&text, recorded[i].op, frame.bytes + WIRE_FRAME_HEADER, frame.size - WIRE_FRAME_HEADER);
        }
        assert_string_equal(line, recorded[i].text);
        free(frame.bytes);
    }
}

static void test_every_truncation_of_a_recorded_frame_fails(void **state)
{
    (void)state;
    for (int i = 0; i < RECORDED_COUNT; i++) {
        struct frame frame = frame_from_hex(recorded[i].hex);
        size_t whole = frame.size - WIRE_FRAME_HEADER;
        for (size_t size = 0; size < whole; size++) {
            /* The read-only flag may be missing: the one truncation that is not one. */
            if (recorded[i].op == RECORDED_CONNECT && size == whole - 1) continue;
            uint8_t *part = malloc(size != 0 ? size : 1);
            assert_non_null(part);
            memcpy(part, frame.bytes + WIRE_FRAME_HEADER, size);
            struct wire_in in = docent_wire_in(part, size);
            struct wire_out out = { 0 };
            assert_false(transcode(&recorded[i], &in, &out));
            assert_true(in.failed);
            docent_wire_out_free(&out);

            char line[300];
            struct wire_text text = { line, sizeof(line), 0 };
            docent_wire_print_request(&text, part, size);
            docent_wire_print_reply(&text, recorded[i].op, part, size);
            assert_int_equal(strlen(line), text.length);
            free(part);
        }
        free(frame.bytes);
    }
}

/* Every four bytes of every frame become each number that lengths and counts must be guarded against. */
static void test_no_hostile_number_is_read_beyond_the_frame(void **state)
{
    (void)state;
    static const uint32_t hostile[] = { 0x80000000, 0xffffffff, 0xfffffffe, 0x7fffffff, 0x7ffffffc, 0x3fffffff,
                                        0x10000000, 0x00ffffff, 0x0000ffff, 0x000000ff, 0 };
    size_t refused = 0;
    for (int i = 0; i < RECORDED_COUNT; i++) {
        struct frame frame = frame_from_hex(recorded[i].hex);
        for (size_t at = WIRE_FRAME_HEADER; at + 4 <= frame.size; at++) {
            uint8_t saved[4];
            memcpy(saved, frame.bytes + at, 4);
            for (size_t k = 0; k < sizeof(hostile) / sizeof(hostile[0]); k++) {
                for (size_t byte = 0; byte < 4; byte++) {
                    frame.bytes[at + byte] = (uint8_t)(hostile[k] >> (24 - 8 * byte));
                }
                struct wire_in in = docent_wire_in(frame.bytes + WIRE_FRAME_HEADER, frame.size - WIRE_FRAME_HEADER);
                struct wire_out out = { 0 };
                if (!transcode(&recorded[i], &in, &out)) refused++;
                assert_true(out.size <= frame.size);
                docent_wire_out_free(&out);
            }
            memcpy(frame.bytes + at, saved, 4);
        }
        free(frame.bytes);
    }
    assert_true(refused > 1000);
}

/* ---- Records. ---- */

static void test_every_record_encodes_to_the_bytes_it_was_decoded_from(void **state)
{
    (void)state;
    assert_int_equal(transcode_record_count, sizeof(random_records) / sizeof(random_records[0]));
    uint64_t seed = 1;
    for (size_t round = 0; round < ROUNDS; round++) {
        for (size_t i = 0; i < transcode_record_count; i++) {
            struct wire_out bytes = { 0 }, again = { 0 };
            random_records[i](&bytes, &seed);
            struct wire_in in = docent_wire_in(bytes.data, bytes.size);
            assert_true(transcode_records[i].transcode(&in, &again));
            assert_int_equal(in.size, 0);
            assert_int_equal(again.size, bytes.size);
            assert_memory_equal(again.data, bytes.data, bytes.size);
            docent_wire_out_free(&bytes);
            docent_wire_out_free(&again);
        }
    }
}

static void test_every_truncation_of_every_record_fails(void **state)
{
    (void)state;
    uint64_t seed = 2;
    for (size_t round = 0; round < 20; round++) {
        for (size_t i = 0; i < transcode_record_count; i++) {
            struct wire_out bytes = { 0 };
            random_records[i](&bytes, &seed);
            for (size_t size = 0; size < bytes.size; size++) {
                struct wire_in in = docent_wire_in(bytes.data, size);
                struct wire_out again = { 0 };
                assert_false(transcode_records[i].transcode(&in, &again));
                assert_true(in.failed);
                assert_int_equal(again.size, 0);
                docent_wire_out_free(&again);
            }
            docent_wire_out_free(&bytes);
        }
    }
}

static void test_a_decoder_leaves_what_follows_its_record(void **state)
{
    (void)state;
    const uint8_t bytes[] = { 0, 0, 0, 5, 0, 0, 0, 9, 0xaa, 0xbb };
    struct wire_in in = docent_wire_in(bytes, sizeof(bytes));
    struct wire_request_header header;
    assert_true(docent_wire_get_request_header(&in, &header));
    assert_int_equal(header.xid, 5);
    assert_int_equal(header.op, 9);
    assert_int_equal(in.size, 2);
    assert_ptr_equal(in.data, bytes + 8);
}

static void test_the_fields_of_a_stat_are_in_their_places(void **state)
{
    (void)state;
    uint8_t bytes[WIRE_STAT_SIZE];
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (uint8_t)i;
    }
    struct wire_in in = docent_wire_in(bytes, sizeof(bytes));
    struct wire_stat_response response;
    assert_true(docent_wire_get_stat_response(&in, &response));
    assert_int_equal(response.stat.czxid, 0x0001020304050607);
    assert_int_equal(response.stat.mzxid, 0x08090a0b0c0d0e0f);
    assert_int_equal(response.stat.ctime_ms, 0x1011121314151617);
    assert_int_equal(response.stat.mtime_ms, 0x18191a1b1c1d1e1f);
    assert_int_equal(response.stat.version, 0x20212223);
    assert_int_equal(response.stat.cversion, 0x24252627);
    assert_int_equal(response.stat.aversion, 0x28292a2b);
    assert_int_equal(response.stat.ephemeral_owner, 0x2c2d2e2f30313233);
    assert_int_equal(response.stat.data_length, 0x34353637);
    assert_int_equal(response.stat.num_children, 0x38393a3b);
    assert_int_equal(response.stat.pzxid, 0x3c3d3e3f40414243);
}

/* F-130 */
static void test_null_and_empty_are_distinct(void **state)
{
    (void)state;
    struct wire_out out = { 0 };
    struct wire_set_data_request request = { docent_wire_string(NULL), docent_wire_buffer("", 0), -1 }, read;
    docent_wire_put_set_data_request(&out, &request);
    const uint8_t expected[] = { 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff };
    assert_int_equal(out.size, sizeof(expected));
    assert_memory_equal(out.data, expected, sizeof(expected));
    struct wire_in in = docent_wire_in(out.data, out.size);
    assert_true(docent_wire_get_set_data_request(&in, &read));
    assert_null(read.path.data);
    assert_int_equal(read.path.size, -1);
    assert_non_null(read.data.data);
    assert_int_equal(read.data.size, 0);
    docent_wire_out_free(&out);
}

static void assert_count_reads_as(int32_t count, int32_t expected)
{
    struct wire_out out = { 0 };
    docent_wire_put_int(&out, count);
    struct wire_in in = docent_wire_in(out.data, out.size);
    struct wire_strings_response response;
    wire_bytes string;
    assert_true(docent_wire_get_strings_response(&in, &response));
    assert_int_equal(response.names.count, expected);
    assert_false(docent_wire_list_next_string(&response.names, &string));
    docent_wire_out_free(&out);
}

static void test_a_count_below_minus_one_reads_as_empty(void **state)
{
    (void)state;
    assert_count_reads_as(-1, -1);
    assert_count_reads_as(-2, 0);
    assert_count_reads_as(INT32_MIN, 0);
    assert_count_reads_as(0, 0);
}

static void test_a_count_that_cannot_fit_fails(void **state)
{
    (void)state;
    const uint8_t three_of_two[] = { 0, 0, 0, 3, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff };
    struct wire_in in = docent_wire_in(three_of_two, sizeof(three_of_two));
    struct wire_strings_response response;
    assert_false(docent_wire_get_strings_response(&in, &response));
    assert_int_equal(response.names.count, -1);
    assert_null(response.names.data);
}

static void test_a_length_below_minus_one_fails(void **state)
{
    (void)state;
    const uint8_t bytes[] = { 0xff, 0xff, 0xff, 0xfe, 0, 0, 0, 1 };
    struct wire_in in = docent_wire_in(bytes, sizeof(bytes));
    struct wire_versioned_request request;
    assert_false(docent_wire_get_versioned_request(&in, &request));
    assert_null(request.path.data);
    assert_int_equal(request.path.size, -1);
    assert_int_equal(request.version, 0);
}

static void test_a_null_string_in_a_list_is_an_element(void **state)
{
    (void)state;
    const uint8_t bytes[] = { 0, 0, 0, 3, 0, 0, 0, 1, 'a', 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0 };
    struct wire_in in = docent_wire_in(bytes, sizeof(bytes));
    struct wire_strings_response response;
    wire_bytes string;
    assert_true(docent_wire_get_strings_response(&in, &response));
    assert_true(docent_wire_list_next_string(&response.names, &string));
    assert_int_equal(string.size, 1);
    assert_true(docent_wire_list_next_string(&response.names, &string));
    assert_int_equal(string.size, -1);
    assert_true(docent_wire_list_next_string(&response.names, &string));
    assert_int_equal(string.size, 0);
    assert_non_null(string.data);
    assert_false(docent_wire_list_next_string(&response.names, &string));
}

static void test_any_byte_but_zero_is_true(void **state)
{
    (void)state;
    const uint8_t bytes[] = { 0, 0, 0, 0, 0x80 };
    struct wire_in in = docent_wire_in(bytes, sizeof(bytes));
    struct wire_read_request request;
    assert_true(docent_wire_get_read_request(&in, &request));
    assert_true(request.watch);
}

static void test_the_read_only_flag_may_be_missing(void **state)
{
    (void)state;
    const uint8_t yes = 1;
    bool read_only = true;
    struct wire_in none = docent_wire_in(&yes, 0), one = docent_wire_in(&yes, 1);
    assert_false(docent_wire_get_read_only(&none, &read_only));
    assert_false(read_only);
    assert_false(none.failed);
    assert_true(docent_wire_get_read_only(&one, &read_only));
    assert_true(read_only);
}

/* ---- Encoding into little memory. ---- */

static void test_an_encoder_that_finds_no_memory_stays_failed(void **state)
{
    (void)state;
    struct test_alloc alloc;
    static const uint8_t large[1000];
    for (size_t fail_at = 1;; fail_at++) {
        test_alloc_init(&alloc, fail_at);
        struct wire_out out = { .allocator = &alloc.allocator };
        size_t begin = docent_wire_frame_begin(&out);
        for (int i = 0; i < 10; i++) {
            docent_wire_put_raw(&out, large, sizeof(large));
        }
        docent_wire_frame_end(&out, begin);
        bool failed = out.failed;
        if (!failed) {
            assert_int_equal(out.size, 4 + 10 * sizeof(large));
            docent_wire_out_free(&out);
            assert_int_equal(alloc.outstanding, 0);
            assert_true(fail_at > 3); /* It did grow in between. */
            return;
        }
        size_t size = out.size;
        docent_wire_put_int(&out, 1);
        docent_wire_put_bool(&out, true);
        assert_int_equal(out.size, size);
        assert_true(out.failed);
        docent_wire_out_free(&out);
        assert_int_equal(alloc.outstanding, 0);
    }
}

/* ---- Printing. ---- */

static void test_printing_escapes_and_hides(void **state)
{
    (void)state;
    char line[200];
    struct wire_text text = { line, sizeof(line), 0 };
    struct wire_auth_request request = { 0, docent_wire_string("a\"b\\c\n\xc3\xa4"), docent_wire_string("bob:secret") };
    docent_wire_print_auth_request(&text, &request);
    assert_string_equal(line, "type=0 scheme=\"a\\\"b\\\\c\\x0a\\xc3\\xa4\" auth=(10 bytes)");
}

static void test_printing_cuts_to_fit(void **state)
{
    (void)state;
    struct wire_path_record record = { docent_wire_string("/a/long/path") };
    for (size_t room = 1; room < 30; room++) {
        char line[31] = "";
        memset(line, 'x', sizeof(line));
        struct wire_text text = { line, room, 0 };
        docent_wire_print_path_record(&text, &record);
        assert_int_equal(strlen(line), text.length);
        assert_true(text.length < room);
        assert_int_equal(strncmp(line, "path=\"/a/long/path\"", text.length), 0);
        assert_int_equal(line[room], 'x');
    }
    struct wire_text none = { NULL, 0, 0 };
    docent_wire_print_path_record(&none, &record);
    assert_int_equal(none.length, 0);
}

static void test_operations_have_names(void **state)
{
    (void)state;
    char scratch[16];
    assert_string_equal(docent_wire_op_name(WIRE_OP_CREATE2, scratch), "create2");
    assert_string_equal(docent_wire_op_name(WIRE_OP_CLOSE_SESSION, scratch), "closeSession");
    assert_string_equal(docent_wire_op_name(42, scratch), "op 42");
    assert_string_equal(docent_wire_op_name(INT32_MIN, scratch), "op -2147483648");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_recorded_frames_encode_to_the_bytes_they_were_decoded_from),
        cmocka_unit_test(test_recorded_frames_print_as_what_they_say),
        cmocka_unit_test(test_every_truncation_of_a_recorded_frame_fails),
        cmocka_unit_test(test_no_hostile_number_is_read_beyond_the_frame),
        cmocka_unit_test(test_every_record_encodes_to_the_bytes_it_was_decoded_from),
        cmocka_unit_test(test_every_truncation_of_every_record_fails),
        cmocka_unit_test(test_a_decoder_leaves_what_follows_its_record),
        cmocka_unit_test(test_the_fields_of_a_stat_are_in_their_places),
        cmocka_unit_test(test_null_and_empty_are_distinct),
        cmocka_unit_test(test_a_count_below_minus_one_reads_as_empty),
        cmocka_unit_test(test_a_count_that_cannot_fit_fails),
        cmocka_unit_test(test_a_length_below_minus_one_fails),
        cmocka_unit_test(test_a_null_string_in_a_list_is_an_element),
        cmocka_unit_test(test_any_byte_but_zero_is_true),
        cmocka_unit_test(test_the_read_only_flag_may_be_missing),
        cmocka_unit_test(test_an_encoder_that_finds_no_memory_stays_failed),
        cmocka_unit_test(test_printing_escapes_and_hides),
        cmocka_unit_test(test_printing_cuts_to_fit),
        cmocka_unit_test(test_operations_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
