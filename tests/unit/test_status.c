/* tests/unit/test_status.c - names and texts of outcomes. */
#include "unit.h"

#include <docent/status.h>
#include <docent/types.h>

struct status_entry {
    docent_status status;
    const char *name;
    const char *text;
};

static const struct status_entry entries[] = {
#define ENTRY(name, number, text) { name, #name, text },
    DOCENT_STATUS_TABLE(ENTRY)
#undef ENTRY
};
enum { ENTRY_COUNT = sizeof(entries) / sizeof(entries[0]) };

static void test_every_status_has_its_own_name_and_text(void **state)
{
    (void)state;
    for (int i = 0; i < ENTRY_COUNT; i++) {
        assert_string_equal(docent_status_name(entries[i].status), entries[i].name);
        assert_string_equal(docent_status_text(entries[i].status), entries[i].text);
        for (int k = 0; k < i; k++) {
            assert_string_not_equal(entries[i].text, entries[k].text);
        }
    }
}

static void test_server_errors_keep_the_servers_numbers(void **state)
{
    (void)state;
    assert_int_equal(DOCENT_OK, 0);
    assert_int_equal(DOCENT_ERR_CONNECTION_LOSS, -4);
    assert_int_equal(DOCENT_ERR_MARSHALLING, -5);
    assert_int_equal(DOCENT_ERR_BAD_ARGUMENTS, -8);
    assert_int_equal(DOCENT_ERR_NO_NODE, -101);
    assert_int_equal(DOCENT_ERR_BAD_VERSION, -103);
    assert_int_equal(DOCENT_ERR_NODE_EXISTS, -110);
    assert_int_equal(DOCENT_ERR_SESSION_EXPIRED, -112);
    assert_int_equal(DOCENT_ERR_SESSION_MOVED, -118);
    assert_int_equal(DOCENT_ERR_NOT_READ_ONLY, -119);
    assert_int_equal(DOCENT_ERR_NO_WATCHER, -121);
    assert_int_equal(DOCENT_ERR_THROTTLED, -127);
}

static void test_our_own_numbers_cannot_be_a_servers(void **state)
{
    (void)state;
    for (int i = 0; i < ENTRY_COUNT; i++) {
        int number = (int)entries[i].status;
        assert_true(number > -200 || number <= -1000);
    }
}

static void test_a_number_that_is_not_in_the_table_still_has_a_name(void **state)
{
    (void)state;
    assert_string_equal(docent_status_name((docent_status)-999), "DOCENT_ERR_OTHER");
    assert_non_null(docent_status_text((docent_status)-999));
}

static void test_the_version_is_three_numbers(void **state)
{
    (void)state;
    unsigned major, minor, patch;
    char rest;
    assert_int_equal(sscanf(docent_version(), "%u.%u.%u%c", &major, &minor, &patch, &rest), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_status_has_its_own_name_and_text),
        cmocka_unit_test(test_server_errors_keep_the_servers_numbers),
        cmocka_unit_test(test_our_own_numbers_cannot_be_a_servers),
        cmocka_unit_test(test_a_number_that_is_not_in_the_table_still_has_a_name),
        cmocka_unit_test(test_the_version_is_three_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
