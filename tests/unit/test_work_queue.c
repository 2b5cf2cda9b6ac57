/* Names, order and frames of work queues: the vectors of the peers, and bytes and names that nobody should have written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "recipes/work_queue_frame.h"
#include "recipes/work_queue_name.h"

/* ---- Names. ---- */

static void test_names_are_the_peers(void **state)
{
    static const struct {
        docent_work_queue_kind kind;
        const char *id;
        int32_t priority;
        int64_t due_ms;
        const char *name;
    } cases[] = {
        { DOCENT_WORK_QUEUE_PLAIN, NULL, 0, 0, "queue-" },
        { DOCENT_WORK_QUEUE_ID, "b", 0, 0, "queue-|b|" },
        { DOCENT_WORK_QUEUE_ID, "id/1|z", 0, 0, "queue-|id_1_z|" },
        { DOCENT_WORK_QUEUE_ID, "", 0, 0, "queue-||" },
        { DOCENT_WORK_QUEUE_ID, "as long as an id may well be, and then some", 0, 0, "queue-|as long as an id may well be, and then some|" },
        { DOCENT_WORK_QUEUE_PRIORITY, NULL, 5, 0, "queue-100000005" },
        { DOCENT_WORK_QUEUE_PRIORITY, NULL, 0, 0, "queue-100000000" },
        { DOCENT_WORK_QUEUE_PRIORITY, NULL, -1, 0, "queue-0FFFFFFFF" },
        { DOCENT_WORK_QUEUE_PRIORITY, NULL, INT32_MIN, 0, "queue-080000000" },
        { DOCENT_WORK_QUEUE_PRIORITY, NULL, INT32_MAX, 0, "queue-17FFFFFFF" },
        { DOCENT_WORK_QUEUE_DELAY, NULL, 0, 1, "queue-|00000001|" },
        { DOCENT_WORK_QUEUE_DELAY, NULL, 0, 0xABCDEF, "queue-|00ABCDEF|" },
        { DOCENT_WORK_QUEUE_DELAY, NULL, 0, INT64_C(1795238069575), "queue-|1A1FC870547|" },
        { DOCENT_WORK_QUEUE_DELAY, NULL, 0, INT64_MAX, "queue-|7FFFFFFFFFFFFFFF|" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t room = docent_work_name_room(cases[i].id);
        char *name = malloc(room); /* So that one byte too many is seen. */
        docent_work_name_write(name, cases[i].kind, cases[i].id, cases[i].priority, cases[i].due_ms);
        assert_string_equal(name, cases[i].name);
        free(name);
    }
}

static void test_the_number_is_all_that_is_cut_off(void **state)
{
    static const struct {
        const char *name, *prefix;
        bool exhausted;
    } cases[] = {
        { "queue-0000000000", "queue-", false },
        { "queue-1000000050000000000", "queue-100000005", false },
        { "queue-0FFFFFFFF0000000001", "queue-0FFFFFFFF", false },
        { "queue-|id_1_z|0000000000", "queue-|id_1_z|", false },
        { "queue-|1A1FC870547|0000000001", "queue-|1A1FC870547|", false },
        { "queue--2147483648", "queue-", true },
        { "queue-|b|-2147483648", "queue-|b|", true },
        { "queue-100000005-0000000012", "queue-100000005", true },
        { "queue-", "queue-", false },
        { "queue-123", "queue-", false },
        { "queue-somebody's own", "queue-", false },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(docent_work_name_prefix(cases[i].name), strlen(cases[i].prefix));
        assert_int_equal(docent_work_name_is_exhausted(cases[i].name), cases[i].exhausted);
        assert_true(docent_work_name_is_item(cases[i].name));
    }
    assert_false(docent_work_name_is_item("que"));
    assert_false(docent_work_name_is_item("qn-0000000001"));
    assert_false(docent_work_name_is_item("Queue-0000000001"));
}

static void test_times_are_read_between_the_last_two_bars(void **state)
{
    static const struct {
        const char *name;
        int64_t due;
    } cases[] = {
        { "queue-|00000001|0000000000", 1 },
        { "queue-|1A1FC870547|0000000001", INT64_C(1795238069575) },
        { "queue-|1a1fc870547|0000000001", INT64_C(1795238069575) },
        { "queue-|7FFFFFFFFFFFFFFF|0000000001", INT64_MAX },
        { "queue-|8000000000000000|0000000001", 0 },
        { "queue-|10000000000000001|0000000001", 0 },
        { "queue-|id|00000002|0000000001", 2 },
        { "queue-|word|0000000001", 0 },
        { "queue-||0000000001", 0 },
        { "queue-|12", 0 },
        { "queue-0000000001", 0 },
        { "|", 0 },
        { "", 0 },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) assert_int_equal(docent_work_name_due(cases[i].name), cases[i].due);
}

static void test_ids_are_compared_as_they_are_written(void **state)
{
    (void)state;
    assert_true(docent_work_name_has_id("queue-|id_1_z|0000000000", "id/1|z"));
    assert_true(docent_work_name_has_id("queue-|id_1_z|0000000000", "id_1_z"));
    assert_true(docent_work_name_has_id("queue-||0000000000", ""));
    assert_false(docent_work_name_has_id("queue-|b|0000000000", ""));
    assert_false(docent_work_name_has_id("queue-|b|0000000000", "bb"));
    assert_false(docent_work_name_has_id("queue-|bb|0000000000", "b"));
    assert_false(docent_work_name_has_id("queue-b0000000000", "b"));
    assert_false(docent_work_name_has_id("queue-x|b|0000000000", "b"));
    assert_false(docent_work_name_has_id("other|b|0000000000", "b"));
}

static docent_work_queue_kind sorted_kind;

static int compare(const void *a, const void *b)
{
    return docent_work_name_compare(sorted_kind, *(const char *const *)a, *(const char *const *)b);
}

static void assert_order(docent_work_queue_kind kind, const char *const *order, size_t count)
{
    const char *names[16];
    sorted_kind = kind;
    for (size_t turn = 0; turn < count; turn++) { /* However they came. */
        for (size_t i = 0; i < count; i++) names[i] = order[(i * 3 + turn) % count];
        qsort(names, count, sizeof names[0], compare);
        for (size_t i = 0; i < count; i++) assert_string_equal(names[i], order[i]);
    }
}

static void test_smaller_priorities_come_first(void **state)
{
    static const char *const order[] = { "queue-0800000000000000003", "queue-0FFFFFFFF0000000001", "queue-1000000000000000004",
                                         "queue-1000000050000000000", "queue-17FFFFFFF0000000002" };
    (void)state;
    assert_order(DOCENT_WORK_QUEUE_PRIORITY, order, 5);
}

static void test_ids_make_no_difference_to_the_order(void **state)
{
    static const char *const order[] = { "queue-|zz|0000000001", "queue-|a|0000000002", "queue-0000000003", "queue-|m|0000000004",
                                         "queue-|a|0000000005" };
    (void)state;
    assert_order(DOCENT_WORK_QUEUE_ID, order, 5);
}

static void test_what_is_due_earlier_comes_first(void **state)
{
    static const char *const order[] = { "queue-0000000004", "queue-|word|0000000009", "queue-|00000001|0000000008", "queue-|00ABCDEF|0000000002",
                                         "queue-|00ABCDEF|0000000005", "queue-|FFFFFFFF|0000000000", "queue-|1A1FC870547|0000000001" };
    (void)state;
    assert_order(DOCENT_WORK_QUEUE_DELAY, order, 7);
}

/* ---- Frames. ---- */

static size_t unhex(const char *hex, uint8_t *bytes)
{
    size_t size = 0;
    for (; *hex != '\0'; hex++) {
        if (*hex == ' ') continue;
        unsigned value;
        assert_int_equal(sscanf(hex, "%2x", &value), 1);
        bytes[size++] = (uint8_t)value;
        hex++;
    }
    return size;
}

static void test_frames_are_the_peers(void **state)
{
    static const struct {
        docent_work_element elements[2];
        size_t count;
        const char *hex;
    } cases[] = {
        { { { "abc", 3 } }, 1, "00010001 01 00000003 616263 02" },
        { { { "", 0 } }, 1, "00010001 01 00000000 02" },
        { { { NULL, 0 } }, 1, "00010001 01 00000000 02" },
        { { { "x", 1 }, { "yy", 2 } }, 2, "00010001 01 00000001 78 01 00000002 7979 02" },
        { { { NULL, 0 } }, 0, "00010001 02" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t expected[64];
        size_t size = unhex(cases[i].hex, expected), count = 99;
        assert_int_equal(docent_work_frame_size(cases[i].elements, cases[i].count), size);
        uint8_t *frame = malloc(size);
        docent_work_frame_write(frame, cases[i].elements, cases[i].count);
        assert_memory_equal(frame, expected, size);
        docent_work_element elements[2];
        assert_null(docent_work_frame_read(frame, size, elements, &count));
        assert_int_equal(count, cases[i].count);
        for (size_t e = 0; e < count; e++) {
            assert_int_equal(elements[e].size, cases[i].elements[e].size);
            if (elements[e].size > 0) assert_memory_equal(elements[e].data, cases[i].elements[e].data, elements[e].size);
        }
        free(frame);
    }
}

static void test_malformed_frames_are_told_apart(void **state)
{
    static const struct {
        const char *hex, *fault;
    } cases[] = {
        { "", "no version" },
        { "000100", "no version" },
        { "00010002 02", "an unknown version" },
        { "01000100 02", "an unknown version" },
        { "00010001", "no end" },
        { "00010001 00", "an unknown opcode" },
        { "00010001 03", "an unknown opcode" },
        { "00010001 01", "an element without a length" },
        { "00010001 01 000000", "an element without a length" },
        { "00010001 01 00000001", "an element that is cut short" },
        { "00010001 01 00000004 616263", "an element that is cut short" },
        { "00010001 01 7fffffff 616263 02", "an element that is cut short" },
        { "00010001 01 80000000 02", "a negative length" },
        { "00010001 01 ffffffff 02", "a negative length" },
        { "00010001 01 00000003 616263", "no end" },
        { "00010001 01 00000001 61 7f", "an unknown opcode" },
        { "00010001 02 01 80000000", NULL }, /* Behind the end anything may stand. */
        { "00010001 01 00000001 61 02 ff", NULL },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t bytes[64];
        size_t size = unhex(cases[i].hex, bytes), count = 99;
        uint8_t *frame = size == 0 ? NULL : malloc(size);
        if (size > 0) memcpy(frame, bytes, size);
        const char *fault = docent_work_frame_read(frame, size, NULL, &count);
        if (cases[i].fault == NULL) {
            assert_null(fault);
        } else {
            assert_non_null(fault);
            assert_string_equal(fault, cases[i].fault);
            assert_int_equal(count, 99);
        }
        free(frame);
    }
}

static void test_more_than_a_node_can_have_makes_no_frame(void **state)
{
    const docent_work_element huge[] = { { "", INT32_MAX }, { "", INT32_MAX }, { "", SIZE_MAX } };
    (void)state;
    assert_int_equal(docent_work_frame_size(&huge[2], 1), SIZE_MAX);
    assert_int_equal(docent_work_frame_size(huge, 1), SIZE_MAX);
    assert_int_equal(docent_work_frame_size(huge, 2), SIZE_MAX);
    const docent_work_element largest = { "", INT32_MAX - 10 };
    assert_int_equal(docent_work_frame_size(&largest, 1), INT32_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_are_the_peers),
        cmocka_unit_test(test_the_number_is_all_that_is_cut_off),
        cmocka_unit_test(test_times_are_read_between_the_last_two_bars),
        cmocka_unit_test(test_ids_are_compared_as_they_are_written),
        cmocka_unit_test(test_smaller_priorities_come_first),
        cmocka_unit_test(test_ids_make_no_difference_to_the_order),
        cmocka_unit_test(test_what_is_due_earlier_comes_first),
        cmocka_unit_test(test_frames_are_the_peers),
        cmocka_unit_test(test_malformed_frames_are_told_apart),
        cmocka_unit_test(test_more_than_a_node_can_have_makes_no_frame),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
