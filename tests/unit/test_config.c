/* tests/unit/test_config.c - what a configuration is made of: documents, values, and the file. No client. */
#include "unit.h"

#include <locale.h>

#include "recipes/config.h"
#include "tests/lib/test_alloc.h"

static struct test_alloc memory;
static struct config_limits limits = { 16, 1 << 20 };
static struct config_reason reason;

static int set_up(void **state)
{
    (void)state;
    test_alloc_init(&memory, 0);
    limits = (struct config_limits){ 16, 1 << 20 };
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    return memory.outstanding == 0 ? 0 : -1;
}

static json_t *json_of(const char *text)
{
    json_t *json = NULL;
    assert_int_equal(docent_config_parse(text, strlen(text), 0, &limits, &json, &reason), DOCENT_OK);
    return json;
}

static docent_status make(const char *text, docent_config_values **ret_values)
{
    const struct config_origin origin = { DOCENT_CONFIG_FROM_SERVERS, 40, 7, 1000 };
    json_t *json = json_of(text);
    docent_status status = docent_config_values_make(json, &origin, &limits, &memory.allocator, ret_values, &reason);
    json_decref(json);
    return status;
}

static docent_config_values *values_of(const char *text)
{
    docent_config_values *values = NULL;
    assert_int_equal(make(text, &values), DOCENT_OK);
    return values;
}

static void assert_json(const docent_config_values *values, const char *key, const char *expected)
{
    size_t size;
    const char *text = docent_config_values_json(values, key, &size);
    assert_non_null(text);
    assert_int_equal(size, strlen(expected));
    assert_memory_equal(text, expected, size);
}

/* ---- Documents. ---- */

static void test_deeper_nodes_count_and_objects_are_merged(void **state)
{
    (void)state;
    static const struct {
        const char *names, *document;
    } nodes[] = {
        { "", "{\"db\": {\"url\": \"x\", \"pool\": {\"max\": 3, \"min\": 1}}, \"list\": [1, 2], \"one\": {\"a\": 1}}" },
        { "db", "{\"pool\": {\"max\": 5}, \"new\": null}" },
        { "db/pool/max", "7" },
        { "list", "[3]" },
        { "one", "2" },
        { "two/three", "{\"deep\": true}" },
        { "url", "1" },
        { "url/below", "2" },
    };
    json_t *whole = json_object(), *documents[8];
    for (size_t i = 0; i < 8; i++) {
        documents[i] = json_of(nodes[i].document);
        assert_true(docent_config_merge(whole, nodes[i].names, documents[i]));
    }
    const struct config_origin origin = { .zxid = 1 };
    docent_config_values *values;
    assert_int_equal(docent_config_values_make(whole, &origin, &limits, &memory.allocator, &values, &reason), DOCENT_OK);
    assert_json(values, NULL,
                "{\"db\":{\"new\":null,\"pool\":{\"max\":7,\"min\":1},\"url\":\"x\"},\"list\":[3],\"one\":2,\"two\":{\"three\":{\"deep\":true}},"
                "\"url\":{\"below\":2}}");
    docent_config_values_unref(values);
    json_decref(whole);
    for (size_t i = 0; i < 8; i++) { /* They share nothing with what was made of them. */
        json_t *again = json_of(nodes[i].document);
        assert_true(json_equal(documents[i], again));
        json_decref(again);
        json_decref(documents[i]);
    }
}

static void test_bad_json_is_refused_with_its_place(void **state)
{
    (void)state;
    static const struct {
        const char *text, *said;
        size_t size;
    } bad[] = {
        { "{\"a\": 1,\n \"b\": }", "line 2, column 7", 0 },
        { "{\"a\": 1, \"a\": 2}", "duplicate object key", 0 },
        { "{\"a\": \"x\\u0000y\"}", "NUL", 0 },
        { "{\"a\\u0000b\": 1}", "NUL", 0 },
        { "{\"a\": 123456789012345678901234567890}", "too big integer", 0 },
        { "{\"a\": 1e999}", "real number overflow", 0 },
        { "{} {}", "end of file expected", 0 },
        { "{\"a\": \"\xff\"}", "unable to decode", 0 },
        { "{\"a\": \"open", "line 1", 0 },
        { "{\"a\": 1}\0", "end of file expected", 9 },
        { "\xef\xbb\xbf{}", "line 1", 0 },
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        json_t *json = NULL;
        size_t size = bad[i].size > 0 ? bad[i].size : strlen(bad[i].text);
        assert_int_equal(docent_config_parse(bad[i].text, size, 0, &limits, &json, &reason), DOCENT_ERR_CORRUPT_DATA);
        if (strstr(reason.text, bad[i].said) == NULL) fail_msg("%s: %s", bad[i].text, reason.text);
        assert_null(json);
    }
}

static void test_a_reason_has_no_data_in_it(void **state)
{
    (void)state;
    static const char text[] = "{\"password\": \"hunter2\" \"hunter3\"}";
    json_t *json;
    assert_int_equal(docent_config_parse(text, strlen(text), 0, &limits, &json, &reason), DOCENT_ERR_CORRUPT_DATA);
    assert_null(strstr(reason.text, "hunter"));
}

static void test_nothing_says_nothing(void **state)
{
    (void)state;
    assert_null(json_of(""));
    assert_null(json_of(" \t\r\n"));
}

static void test_depth_is_limited_wherever_a_document_stands(void **state)
{
    (void)state;
    json_t *json;
    limits.depth_max = 3;
    assert_int_equal(docent_config_parse("[[[1]]]", 7, 0, &limits, &json, &reason), DOCENT_OK);
    json_decref(json);
    assert_int_equal(docent_config_parse("[[[[]]]]", 8, 0, &limits, &json, &reason), DOCENT_ERR_TOO_LARGE);
    assert_non_null(strstr(reason.text, "deeper than 3"));
    assert_int_equal(docent_config_parse("[[1]]", 5, 1, &limits, &json, &reason), DOCENT_OK);
    json_decref(json);
    assert_int_equal(docent_config_parse("[[[1]]]", 7, 1, &limits, &json, &reason), DOCENT_ERR_TOO_LARGE);
    assert_int_equal(docent_config_parse("1", 1, 4, &limits, &json, &reason), DOCENT_ERR_TOO_LARGE);

    json = json_of("{\"a\": {\"b\": 1}}"); /* What can be made can be read again. */
    json_t *whole = json_object();
    docent_config_values *values;
    const struct config_origin origin = { .zxid = 1 };
    assert_true(docent_config_merge(whole, "x", json));
    assert_int_equal(docent_config_values_make(whole, &origin, &limits, &memory.allocator, &values, &reason), DOCENT_OK);
    docent_config_values_unref(values);
    assert_true(docent_config_merge(whole, "x/y", json));
    assert_int_equal(docent_config_values_make(whole, &origin, &limits, &memory.allocator, &values, &reason), DOCENT_ERR_TOO_LARGE);
    json_decref(whole);
    json_decref(json);

    static char brackets[200000];
    memset(brackets, '[', sizeof brackets);
    limits.depth_max = 1000;
    assert_int_not_equal(docent_config_parse(brackets, sizeof brackets, 0, &limits, &json, &reason), DOCENT_OK);
}

static void test_no_document_takes_more_than_the_limit(void **state)
{
    (void)state;
    /* A long name over many values: every one's key has that name. */
    static char text[64 << 10];
    size_t at = (size_t)sprintf(text, "{\"");
    memset(text + at, 'n', 32 << 10);
    at += 32 << 10;
    at += (size_t)sprintf(text + at, "\":[");
    while (at + 8 < sizeof text) at += (size_t)sprintf(text + at, "0,");
    sprintf(text + at, "0]}");
    docent_config_values *values;
    assert_int_equal(make(text, &values), DOCENT_ERR_TOO_LARGE);
    assert_non_null(strstr(reason.text, "of memory"));
    assert_in_range(memory.calls, 1, 100); /* It was not tried for long. */

    json_t *json;
    limits.bytes_max = 10;
    assert_int_equal(docent_config_parse("{\"a\": 1234}", 11, 0, &limits, &json, &reason), DOCENT_ERR_TOO_LARGE);
}

/* ---- Values. ---- */

static void test_values_have_types(void **state)
{
    (void)state;
    docent_config_values *values = values_of("{\"n\": null, \"t\": true, \"f\": false, \"i\": -3, \"max\": 9223372036854775807, \"r\": 0.5, "
                                             "\"s\": \"t\\u00e4xt\", \"a\": [1, {\"x\": \"y\"}, []], \"o\": {\"p\": {}}}");
    int64_t integer = 11;
    double real = 11;
    bool boolean = true;
    const char *string = "before";
    assert_int_equal(docent_config_values_int(values, "i", &integer), DOCENT_OK);
    assert_int_equal(integer, -3);
    assert_int_equal(docent_config_values_int(values, "max", &integer), DOCENT_OK);
    assert_true(integer == INT64_MAX);
    assert_int_equal(docent_config_values_int(values, "r", &integer), DOCENT_ERR_WRONG_TYPE);
    assert_int_equal(docent_config_values_int(values, "n", &integer), DOCENT_ERR_WRONG_TYPE);
    assert_int_equal(docent_config_values_int(values, "none", &integer), DOCENT_ERR_NO_VALUE);
    assert_true(integer == INT64_MAX);
    assert_int_equal(docent_config_values_real(values, "r", &real), DOCENT_OK);
    assert_true(real == 0.5);
    assert_int_equal(docent_config_values_real(values, "i", &real), DOCENT_OK);
    assert_true(real == -3);
    assert_int_equal(docent_config_values_real(values, "s", &real), DOCENT_ERR_WRONG_TYPE);
    assert_int_equal(docent_config_values_bool(values, "f", &boolean), DOCENT_OK);
    assert_false(boolean);
    assert_int_equal(docent_config_values_bool(values, "i", &boolean), DOCENT_ERR_WRONG_TYPE);
    assert_int_equal(docent_config_values_string(values, "i", &string), DOCENT_ERR_WRONG_TYPE);
    assert_string_equal(string, "before");
    assert_int_equal(docent_config_values_string(values, "s", &string), DOCENT_OK);
    assert_string_equal(string, "t\xc3\xa4xt");
    assert_int_equal(docent_config_values_string(values, "a.1.x", &string), DOCENT_OK);
    assert_string_equal(string, "y");
    assert_int_equal(docent_config_values_type(values, "n"), DOCENT_CONFIG_NULL);
    assert_int_equal(docent_config_values_type(values, "o.p"), DOCENT_CONFIG_OBJECT);
    assert_int_equal(docent_config_values_type(values, "o.p.q"), DOCENT_CONFIG_NONE);
    assert_int_equal(docent_config_values_type(values, NULL), DOCENT_CONFIG_OBJECT);
    assert_int_equal(docent_config_values_size(values, "a"), 3);
    assert_int_equal(docent_config_values_size(values, "o"), 1);
    assert_int_equal(docent_config_values_size(values, NULL), 9);
    assert_json(values, "a", "[1,{\"x\":\"y\"},[]]");
    assert_json(values, "a.1", "{\"x\":\"y\"}");
    assert_json(values, "r", "0.5");
    assert_null(docent_config_values_json(values, "a.3", NULL));
    assert_int_equal(docent_config_values_zxid(values), 40);
    docent_config_values_unref(values);
}

static void test_keys_escape_dots(void **state)
{
    (void)state;
    docent_config_values *values = values_of("{\"a.b\": {\"c\\\\d\": 1}, \"a\": {\"b\": 2, \"!\": 4}, \"\": {\"\": 3}, \"a!\": 5}");
    assert_json(values, "a\\.b.c\\\\d", "1");
    assert_json(values, "a.b", "2");
    assert_json(values, ".", "3");
    assert_json(values, "", "{\"\":3}");
    assert_json(values, "a.!", "4");
    assert_json(values, "a!", "5");
    docent_config_values_unref(values);

    char buffer[8];
    assert_int_equal(docent_config_key_escape("a.b\\c", buffer, sizeof buffer), 7);
    assert_string_equal(buffer, "a\\.b\\\\c");
    assert_int_equal(docent_config_key_escape("a.b\\c", buffer, 4), 7);
    assert_string_equal(buffer, "a\\.");
    assert_int_equal(docent_config_key_escape("a.b\\c", NULL, 0), 7);
}

static bool take_key(const char *key, docent_config_type type, void *user)
{
    (void)type;
    strcat(user, key);
    strcat(user, " ");
    return strcmp(key, "c") != 0;
}

static void test_all_keys_are_visited_in_order(void **state)
{
    (void)state;
    docent_config_values *values = values_of("{\"c\": 1, \"d\": 1, \"b\": {\"y\": 1, \"x\": [2]}, \"b!\": 3}");
    char keys[64] = "";
    docent_config_values_visit(values, take_key, keys);
    assert_string_equal(keys, "b b! b.x b.x.0 b.y c ");
    docent_config_values_unref(values);
}

static void assert_changes(const char *before, const char *after, const char *expected)
{
    docent_config_values *one = before == NULL ? NULL : values_of(before), *other = values_of(after);
    const char **keys;
    size_t count;
    char said[256] = "";
    assert_int_equal(docent_config_values_diff(one, other, &memory.allocator, &keys, &count), DOCENT_OK);
    for (size_t i = 0; i < count; i++) sprintf(said + strlen(said), "%s%s", i > 0 ? " " : "", keys[i]);
    assert_string_equal(said, expected);
    docent_free(&memory.allocator, keys);
    docent_config_values_unref(one);
    docent_config_values_unref(other);
}

static void test_changed_keys_are_those_that_changed(void **state)
{
    (void)state;
    assert_changes("{\"a\": 1, \"b\": {\"x\": 1, \"y\": 2}}", "{\"b\": {\"y\": 2, \"x\": 1}, \"a\": 1}", "");
    assert_changes("{\"a\": 1, \"b\": {\"x\": 1, \"y\": 2}, \"c\": 1}", "{\"a\": 1.0, \"b\": {\"x\": 1, \"y\": 3}, \"d\": 1}", "a b.y c d");
    assert_changes("{\"a\": [1, {\"x\": 2}]}", "{\"a\": [1, {\"x\": 3}]}", "a");
    assert_changes("{\"a\": {\"b\": {\"c\": 1}}}", "{\"a\": 1}", "a a.b.c");
    assert_changes("{\"a\": {}}", "{\"a\": {\"b\": 1}}", "a a.b");
    assert_changes("{\"a!\": 1, \"a\": {\"b\": 1}}", "{\"a\": {\"b\": 2}, \"a!\": 2}", "a! a.b");
    assert_changes(NULL, "{\"a\": {\"b\": 1}, \"c\": []}", "a.b c");
}

static void test_values_are_made_whatever_the_locale(void **state)
{
    (void)state;
    if (setlocale(LC_NUMERIC, "de_DE.UTF-8") == NULL) (void)setlocale(LC_NUMERIC, "C.UTF-8");
    docent_config_values *values = values_of("{\"r\": 0.25}");
    assert_json(values, "r", "0.25");
    docent_config_values_unref(values);
    setlocale(LC_NUMERIC, "C");
}

static void test_every_allocation_may_fail(void **state)
{
    (void)state;
    static const char text[] = "{\"a\": {\"b\": [1, \"two\", {\"three\": 3.5}]}, \"c\": \"d\"}";
    bool good = false;
    for (size_t fail_at = 1; !good; fail_at++) {
        assert_in_range(fail_at, 1, 100);
        test_alloc_init(&memory, fail_at);
        docent_config_values *values = NULL, *back = NULL;
        char *data = NULL;
        size_t size;
        docent_status status = make(text, &values);
        if (status == DOCENT_OK) status = docent_config_encode(values, "/c", &memory.allocator, &data, &size);
        if (status == DOCENT_OK) status = docent_config_decode(data, size, "/c", &limits, &memory.allocator, &back, NULL, &reason);
        const char **keys = NULL;
        size_t count;
        if (status == DOCENT_OK) status = docent_config_values_diff(values, back, &memory.allocator, &keys, &count);
        good = status == DOCENT_OK;
        if (!good) assert_int_equal(status, DOCENT_ERR_NO_MEMORY);
        docent_free(&memory.allocator, data);
        docent_free(&memory.allocator, keys);
        docent_config_values_unref(values);
        docent_config_values_unref(back);
        assert_int_equal(memory.outstanding, 0);
    }
}

/* ---- The file. ---- */

static char *encoded(const char *text, size_t *ret_size)
{
    docent_config_values *values = values_of(text);
    char *data;
    assert_int_equal(docent_config_encode(values, "/chroot/config", &memory.allocator, &data, ret_size), DOCENT_OK);
    docent_config_values_unref(values);
    return data;
}

static docent_status decode(const char *data, size_t size, const char *path, docent_config_values **ret_values, bool *ret_foreign)
{
    char *copy = malloc(size > 0 ? size : 1); /* Nothing behind it. */
    memcpy(copy, data, size);
    docent_status status = docent_config_decode(copy, size, path, &limits, &memory.allocator, ret_values, ret_foreign, &reason);
    free(copy);
    return status;
}

static void test_a_file_is_what_was_written(void **state)
{
    (void)state;
    size_t size;
    bool foreign = true;
    docent_config_values *values;
    char *data = encoded("{\"b\": [1.5, \"\\n\"], \"a\": {}}", &size);
    assert_int_equal(decode(data, size, "/chroot/config", &values, &foreign), DOCENT_OK);
    assert_false(foreign);
    assert_json(values, NULL, "{\"a\":{},\"b\":[1.5,\"\\n\"]}");
    const struct config_origin *origin = docent_config_values_origin(values);
    assert_int_equal(origin->source, DOCENT_CONFIG_FROM_FILE);
    assert_int_equal(origin->zxid, 40);
    assert_int_equal(origin->root_czxid, 7);
    assert_int_equal(origin->root_ctime_ms, 1000);
    docent_config_values_unref(values);
    docent_free(&memory.allocator, data);
}

static void test_no_part_of_a_file_can_change_unnoticed(void **state)
{
    (void)state;
    size_t size;
    bool foreign;
    docent_config_values *values;
    char *data = encoded("{\"a\": 1}", &size);
    for (size_t at = 0; at < size; at++) {
        assert_int_equal(decode(data, at, "/chroot/config", &values, &foreign), DOCENT_ERR_CORRUPT_DATA); /* Torn. */
        for (int bit = 0; bit < 8; bit++) {
            data[at] = (char)(data[at] ^ 1 << bit);
            assert_int_equal(decode(data, size, "/chroot/config", &values, &foreign), DOCENT_ERR_CORRUPT_DATA);
            data[at] = (char)(data[at] ^ 1 << bit);
        }
    }
    docent_free(&memory.allocator, data);
}

static void test_what_is_not_ours_is_foreign(void **state)
{
    (void)state;
    size_t size;
    bool foreign = false;
    docent_config_values *values;
    char *data = encoded("{\"a\": 1}", &size);
    assert_int_equal(decode(data, size, "/chroot/other", &values, &foreign), DOCENT_ERR_CORRUPT_DATA);
    assert_true(foreign);
    assert_non_null(strstr(reason.text, "another path"));
    data[size - 3] = '2';
    assert_int_equal(decode(data, size, "/chroot/config", &values, &foreign), DOCENT_ERR_CORRUPT_DATA);
    assert_false(foreign); /* Ours, and damaged. */
    assert_int_equal(decode("root:x:0:0", 10, "/chroot/config", &values, &foreign), DOCENT_ERR_CORRUPT_DATA);
    assert_true(foreign);
    assert_int_equal(decode("", 0, "/chroot/config", &values, &foreign), DOCENT_ERR_CORRUPT_DATA);
    assert_false(foreign);
    docent_free(&memory.allocator, data);
}

static void test_newer_is_by_zxid_unless_the_root_is_another(void **state)
{
    (void)state;
    const struct config_origin old = { .zxid = 40, .root_czxid = 7, .root_ctime_ms = 1000 };
    struct config_origin new = old;
    assert_true(docent_config_is_newer(&new, &old));
    new.zxid = 39;
    assert_false(docent_config_is_newer(&new, &old));
    new = (struct config_origin){ .zxid = 5, .root_czxid = 3, .root_ctime_ms = 2000 }; /* An ensemble that was set up anew. */
    assert_true(docent_config_is_newer(&new, &old));
    new = (struct config_origin){ .zxid = 50, .root_czxid = 3, .root_ctime_ms = 999 };
    assert_false(docent_config_is_newer(&new, &old));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_deeper_nodes_count_and_objects_are_merged),
        TEST(test_bad_json_is_refused_with_its_place),
        TEST(test_a_reason_has_no_data_in_it),
        TEST(test_nothing_says_nothing),
        TEST(test_depth_is_limited_wherever_a_document_stands),
        TEST(test_no_document_takes_more_than_the_limit),
        TEST(test_values_have_types),
        TEST(test_keys_escape_dots),
        TEST(test_all_keys_are_visited_in_order),
        TEST(test_changed_keys_are_those_that_changed),
        TEST(test_values_are_made_whatever_the_locale),
        TEST(test_every_allocation_may_fail),
        TEST(test_a_file_is_what_was_written),
        TEST(test_no_part_of_a_file_can_change_unnoticed),
        TEST(test_what_is_not_ours_is_foreign),
        TEST(test_newer_is_by_zxid_unless_the_root_is_another),
    };
    return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
