/* devserver.c - a test of one's own program, with cmocka, against a server that does the worst on purpose.
 *
 *     ./devserver
 *
 * What is tested is counter_add(): it never counts twice, and says so when it cannot know whether it did. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <docent/devserver.h>
#include <docent/docent.h>

/* ---- The program. ---- */

static docent_status counter_add(docent_client *client, const char *path)
{
    for (;;) {
        docent_result *now = NULL;
        docent_status status = docent_get(client, path, &now);
        if (status == DOCENT_OK) {
            char text[32];
            int count = snprintf(text, sizeof text, "%.*s", (int)now->size, (const char *)now->data) > 0 ? atoi(text) : 0;
            int size = snprintf(text, sizeof text, "%d", count + 1);
            status = docent_set(client, path, text, (size_t)size, now->stat.version, NULL);
        }
        docent_result_free(now);
        if (status != DOCENT_ERR_BAD_VERSION) return status; /* Somebody was faster: again. */
    }
}

/* ---- Its tests. ---- */

static docent_devserver *server;
static docent_client *client;

static int start(void **state)
{
    (void)state;
    if (docent_devserver_start(NULL, &server) != DOCENT_OK) return -1;
    if (docent_client_new(docent_devserver_connect_string(server), NULL, &client) != DOCENT_OK) return -1;
    return docent_create(client, "/counter", "41", 2, DOCENT_PERSISTENT, NULL) == DOCENT_OK ? 0 : -1;
}

static int stop(void **state)
{
    (void)state;
    docent_client_close(client, NULL, NULL);
    docent_devserver_stop(server);
    return 0;
}

static void assert_counter(const char *expected)
{
    docent_result *now = NULL;
    assert_int_equal(docent_get(client, "/counter", &now), DOCENT_OK);
    assert_int_equal(now->size, 2);
    assert_memory_equal(now->data, expected, 2);
    docent_result_free(now);
}

static void test_counter_counts(void **state)
{
    (void)state;
    assert_int_equal(counter_add(client, "/counter"), DOCENT_OK);
    assert_counter("42");
}

static void test_counter_never_counts_twice(void **state)
{
    (void)state;
    docent_fault fault = { DOCENT_FAULT, .action = DOCENT_FAULT_DROP_REPLY, .op = 5, .path = "/counter" }; /* 5 is setData. */
    assert_int_equal(docent_devserver_add_fault(server, &fault), DOCENT_OK);
    assert_int_equal(counter_add(client, "/counter"), DOCENT_ERR_UNKNOWN_OUTCOME); /* The 42 could be another's. */
    assert_int_equal(docent_devserver_fault_count(server), 0); /* The answer was lost indeed. */
    assert_counter("42");
}

static void test_counter_counts_when_its_version_wraps(void **state)
{
    (void)state;
    assert_int_equal(docent_devserver_preset_version(server, "/counter", INT32_MAX), DOCENT_OK);
    assert_int_equal(counter_add(client, "/counter"), DOCENT_OK);
    assert_int_equal(counter_add(client, "/counter"), DOCENT_OK);
    assert_counter("43");
}

static void test_counter_leaves_no_watch_behind(void **state)
{
    (void)state;
    assert_int_equal(counter_add(client, "/counter"), DOCENT_OK);
    assert_int_equal(docent_devserver_each_watch(server, NULL, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_counter_counts, start, stop),
        cmocka_unit_test_setup_teardown(test_counter_never_counts_twice, start, stop),
        cmocka_unit_test_setup_teardown(test_counter_counts_when_its_version_wraps, start, stop),
        cmocka_unit_test_setup_teardown(test_counter_leaves_no_watch_behind, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
