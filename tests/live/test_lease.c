/* tests/live/test_lease.c - leases against a server: one at a time, renewed, run out, in slots, as kazoo writes them. */
#include "one_client.h"

static docent_lease *lease_of(const char *id, uint64_t duration_ms, uint32_t slots)
{
    docent_lease_options options = { DOCENT_LEASE_OPTIONS, .duration_ms = duration_ms, .id = id, .slots = slots };
    docent_lease *lease = NULL;
    assert_ok(docent_lease_new(client, "/leases/job", &options, &lease));
    return lease;
}

static void write_holder(const char *text)
{
    assert_ok(docent_set(client, "/leases/job/lease_holder", text, strlen(text), DOCENT_ANY_VERSION, NULL));
}

static void one_has_it(void **state)
{
    (void)state;
    docent_lease *first = lease_of("first", 60000, 0), *second = lease_of("second", 60000, 0), *again = lease_of("first", 90000, 0);
    assert_int_equal(docent_lease_left_ms(first), 0);
    assert_int_equal(docent_lease_slot(first), -1);
    assert_ok(docent_lease_acquire(first, PATIENCE_MS));
    assert_in_range(docent_lease_left_ms(first), 40000, 60000);
    assert_int_equal(docent_lease_slot(first), 0);
    assert_status(docent_lease_acquire(second, PATIENCE_MS), DOCENT_ERR_BUSY);
    assert_int_equal(docent_lease_left_ms(second), 0);
    assert_ok(docent_lease_acquire(again, PATIENCE_MS)); /* The same id renews. */
    assert_true(docent_lease_left_ms(again) > 60000);
    assert_ok(docent_lease_acquire(first, PATIENCE_MS));
    docent_recipe_info info = { DOCENT_RECIPE_INFO };
    assert_ok(docent_lease_info(first, &info));
    assert_int_equal(info.succeeded, 2);
    expire(client); /* It does not hang on a session. */
    assert_true(docent_lease_left_ms(first) > 0);
    assert_ok(docent_client_wait_connected(client, PATIENCE_MS));
    assert_status(docent_lease_acquire(second, PATIENCE_MS), DOCENT_ERR_BUSY);
    docent_lease_close(first, NULL, NULL);
    docent_lease_close(second, NULL, NULL);
    docent_lease_close(again, NULL, NULL);
}

static void it_runs_out(void **state)
{
    (void)state;
    docent_lease *first = lease_of("first", 2000, 0), *second = lease_of("second", 60000, 0);
    assert_ok(docent_lease_acquire(first, PATIENCE_MS));
    docent_status status = DOCENT_ERR_BUSY;
    for (int i = 0; i < PATIENCE_MS && status == DOCENT_ERR_BUSY; i++) {
        status = docent_lease_acquire(second, PATIENCE_MS);
        if (status == DOCENT_ERR_BUSY) pause_ms(1);
    }
    assert_ok(status);
    assert_int_equal(docent_lease_left_ms(first), 0); /* Over for the holder before it is for others. */
    docent_lease_close(first, NULL, NULL);
    docent_lease_close(second, NULL, NULL);
}

static void slots_are_leases_beside_each_other(void **state)
{
    (void)state;
    static const char *const ids[] = { "a", "b", "c" };
    docent_lease *leases[3];
    for (int i = 0; i < 3; i++) leases[i] = lease_of(ids[i], 60000, 2);
    assert_ok(docent_lease_acquire(leases[0], PATIENCE_MS));
    assert_ok(docent_lease_acquire(leases[1], PATIENCE_MS));
    assert_status(docent_lease_acquire(leases[2], PATIENCE_MS), DOCENT_ERR_BUSY);
    assert_int_equal(docent_lease_slot(leases[0]), 0);
    assert_int_equal(docent_lease_slot(leases[1]), 1);
    assert_ok(docent_lease_acquire(leases[1], PATIENCE_MS)); /* What is ours is renewed. */
    assert_int_equal(docent_lease_slot(leases[1]), 1);
    docent_stat stat;
    assert_ok(docent_exists(client, "/leases/job/0/lease_holder", &stat));
    assert_ok(docent_exists(client, "/leases/job/1/lease_holder", &stat));
    for (int i = 0; i < 3; i++) docent_lease_close(leases[i], NULL, NULL);
}

static void as_kazoo_writes_it(void **state)
{
    (void)state;
    docent_lease *lease = lease_of("one \"quoted\" id", 60000, 0);
    docent_result *result;
    assert_ok(docent_lease_acquire(lease, PATIENCE_MS));
    assert_ok(docent_get(client, "/leases/job/lease_holder", &result));
    static const char front[] = "{\"version\": 1, \"holder\": \"one \\\"quoted\\\" id\", \"end\": \"20";
    assert_true(result->size > sizeof front);
    assert_memory_equal(result->data, front, sizeof front - 1);
    assert_int_equal(result->size, sizeof front - 1 + strlen("26-11-21T18:06:42\"}"));
    docent_result_free(result);

    write_holder("{\"version\": 1, \"holder\": \"kazoo\", \"end\": \"2099-12-31T23:59:59\"}");
    assert_status(docent_lease_acquire(lease, PATIENCE_MS), DOCENT_ERR_BUSY);
    assert_int_equal(docent_lease_left_ms(lease), 0); /* Taken from us: a clock was wrong. */
    write_holder("{\"version\": 2, \"holder\": \"kazoo\", \"end\": \"2000-02-29T23:59:59\"}");
    assert_status(docent_lease_acquire(lease, PATIENCE_MS), DOCENT_ERR_BUSY); /* Not for us to read. */
    write_holder("nonsense");
    assert_status(docent_lease_acquire(lease, PATIENCE_MS), DOCENT_ERR_BUSY);
    write_holder("{\"version\": 1, \"holder\": \"kazoo\", \"end\": \"2000-02-29T23:59:59\"}");
    assert_ok(docent_lease_acquire(lease, PATIENCE_MS));
    docent_lease_close(lease, NULL, NULL);
}

static void lost_replies(void **state)
{
    (void)state;
    docent_lease *lease = lease_of("first", 60000, 0);
    assert_ok(docent_lease_acquire(lease, PATIENCE_MS));
    docent_fault fault = { DOCENT_FAULT, .action = DOCENT_FAULT_DROP_REPLY, .op = 14 };
    assert_ok(docent_devserver_add_fault(server, &fault)); /* The writing. */
    assert_ok(docent_lease_acquire(lease, PATIENCE_MS));
    assert_int_equal(docent_devserver_fault_count(server), 0);
    docent_stat stat;
    assert_ok(docent_exists(client, "/leases/job/lease_holder", &stat));
    assert_int_equal(stat.version, 1); /* Found again, not written again. */
    docent_lease_close(lease, NULL, NULL);
}

static atomic_int closed;

static void on_closed(void *user)
{
    (void)user;
    closed++;
}

static void time_outs_and_ends(void **state)
{
    (void)state;
    docent_client *own = client_start(NULL);
    docent_lease_options options = { DOCENT_LEASE_OPTIONS, .duration_ms = 60000, .id = "first" };
    docent_lease *lease = NULL;
    assert_ok(docent_lease_new(own, "/leases/job", &options, &lease));
    cut();
    assert_status(docent_lease_acquire(lease, 50), DOCENT_ERR_TIMEOUT);
    assert_status(docent_lease_acquire(lease, DOCENT_NO_WAIT), DOCENT_ERR_TIMEOUT);
    heal();
    assert_ok(docent_lease_acquire(lease, PATIENCE_MS));
    docent_client_close(own, NULL, NULL);
    assert_soon(docent_lease_left_ms(lease) == 0);
    assert_status(docent_lease_acquire(lease, PATIENCE_MS), DOCENT_ERR_CLOSING);
    docent_lease_close(lease, on_closed, NULL);
    assert_soon(closed == 1);
}

/* Nothing is made at a view's prefix or a chroot: that they are missing is an outcome, and not asked again and again. */
static void a_missing_root_is_an_outcome(void **state)
{
    (void)state;
    docent_client *view = NULL;
    docent_lease_options options = { DOCENT_LEASE_OPTIONS, .duration_ms = 60000 };
    docent_lease *lease = NULL;
    assert_ok(docent_client_view(client, "/missing", NULL, &view));
    assert_ok(docent_lease_new(view, "/job", &options, &lease));
    assert_status(docent_lease_acquire(lease, PATIENCE_MS), DOCENT_ERR_NO_NODE);
    docent_lease_close(lease, NULL, NULL);
    docent_view_release(view);
}

static void bad_arguments(void **state)
{
    (void)state;
    docent_lease_options options = { DOCENT_LEASE_OPTIONS, .duration_ms = 60000 };
    docent_lease *lease = NULL;
    assert_status(docent_lease_new(client, "/", &options, &lease), DOCENT_ERR_INVALID_ARGUMENT);
    assert_status(docent_lease_new(client, "a", &options, &lease), DOCENT_ERR_INVALID_ARGUMENT);
    assert_status(docent_lease_new(client, "/a", NULL, &lease), DOCENT_ERR_INVALID_ARGUMENT);
    options.skew_ms = 60000;
    assert_status(docent_lease_new(client, "/a", &options, &lease), DOCENT_ERR_INVALID_ARGUMENT);
    options.skew_ms = 0;
    options.id = "\xff";
    assert_status(docent_lease_new(client, "/a", &options, &lease), DOCENT_ERR_INVALID_ARGUMENT);
    assert_null(lease);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(one_has_it, start, stop),
        cmocka_unit_test_setup_teardown(it_runs_out, start, stop),
        cmocka_unit_test_setup_teardown(slots_are_leases_beside_each_other, start, stop),
        cmocka_unit_test_setup_teardown(as_kazoo_writes_it, start, stop),
        cmocka_unit_test_setup_teardown(lost_replies, start, stop),
        cmocka_unit_test_setup_teardown(time_outs_and_ends, start, stop),
        cmocka_unit_test_setup_teardown(a_missing_root_is_an_outcome, start, stop),
        cmocka_unit_test_setup_teardown(bad_arguments, start, stop),
    };
    return run_live(tests, argc, argv);
}
