/* tests/live/test_txn.c - transactions with guards and parents, batches, and data kept gzipped, against a server. */
#define SESSION_MS 4000
#include "one_client.h"

static docent_txn *txn_of(docent_client *of)
{
    docent_txn *txn = NULL;
    assert_ok(docent_txn_new(of, &txn));
    return txn;
}

static docent_client *view_of(docent_client *of, const char *prefix, docent_compression compression, uint32_t max)
{
    docent_client *view = NULL;
    docent_view_options options = { DOCENT_VIEW_OPTIONS, .compression = compression, .decompressed_max_bytes = max };
    assert_ok(docent_client_view(of, prefix, &options, &view));
    return view;
}

static void assert_data(docent_client *of, const char *path, const char *data)
{
    docent_result *result;
    assert_ok(docent_get(of, path, &result));
    assert_int_equal(result->size, strlen(data));
    assert_memory_equal(result->data, data, result->size);
    docent_result_free(result);
}

static void assert_missing(const char *path)
{
    docent_stat stat;
    assert_status(docent_exists(client, path, &stat), DOCENT_ERR_NO_NODE);
}

/* ---- Guards. ---- */

struct held {
    docent_lock *lock;
    docent_hold *_Atomic hold;
};

static void take_hold(void *user)
{
    struct held *held = user;
    held->hold = docent_lock_hold(held->lock);
}

static docent_hold *hold_of(docent_lock *lock)
{
    struct held held = { .lock = lock };
    assert_ok(docent_client_post(client, take_hold, &held));
    assert_soon(held.hold != NULL);
    return held.hold;
}

/* A lock below one prefix, a transaction for another; the hold knows its own node. */
struct guarded {
    docent_client *locks;
    docent_lock *lock;
    docent_txn *txn;
};

static struct guarded guarded_new(void)
{
    struct guarded g = { .locks = view_of(client, "/locks", DOCENT_COMPRESSION_DEFAULT, 0) };
    assert_ok(docent_ensure_path(client, "/locks", DOCENT_PARENTS_PERSISTENT, docent_acl_open()));
    assert_ok(docent_create(client, "/account", "0", 1, DOCENT_PERSISTENT, NULL));
    assert_ok(docent_lock_new(g.locks, "/job", NULL, &g.lock));
    assert_ok(docent_lock_acquire(g.lock, PATIENCE_MS));
    g.txn = txn_of(client);
    docent_hold *hold = hold_of(g.lock);
    assert_ok(docent_txn_guard(g.txn, hold));
    docent_hold_unref(hold);
    assert_ok(docent_txn_set(g.txn, "/account", "1", 1, DOCENT_ANY_VERSION));
    assert_ok(docent_txn_create(g.txn, "/account/log-", "x", 1, DOCENT_PERSISTENT_SEQUENTIAL));
    return g;
}

static void guarded_free(struct guarded *g)
{
    docent_txn_free(g->txn);
    docent_lock_close(g->lock, NULL, NULL);
    docent_view_release(g->locks);
}

static void guards_pass_while_the_lock_is_held(void **state)
{
    (void)state;
    struct guarded g = guarded_new();
    docent_result *result;
    assert_ok(docent_txn_commit(g.txn, NULL, &result));
    assert_int_equal(result->result_count, 2); /* The guard has none. */
    assert_int_equal(result->results[0].stat.version, 1);
    assert_string_equal(result->results[1].path, "/account/log-0000000000");
    docent_result_free(result);
    assert_ok(docent_txn_commit(g.txn, NULL, NULL));
    assert_data(client, "/account/log-0000000001", "x");
    guarded_free(&g);
}

static void guards_fail_when_the_held_node_is_gone(void **state)
{
    (void)state;
    struct guarded g = guarded_new();
    char path[256];
    docent_hold *hold = hold_of(g.lock);
    snprintf(path, sizeof path, "/locks%s", docent_hold_path(hold));
    docent_hold_unref(hold);
    assert_ok(docent_delete(client, path, DOCENT_ANY_VERSION)); /* By an operator. */
    docent_result *result = NULL;
    assert_status(docent_txn_commit(g.txn, NULL, &result), DOCENT_ERR_NOT_HELD);
    assert_int_equal(result->result_count, 2);
    assert_status(result->results[0].status, DOCENT_ERR_ROLLED_BACK);
    assert_status(result->results[1].status, DOCENT_ERR_ROLLED_BACK);
    docent_result_free(result);
    assert_data(client, "/account", "0");
    guarded_free(&g);
}

static void guards_fail_after_a_release(void **state)
{
    (void)state;
    struct guarded g = guarded_new();
    assert_ok(docent_lock_release_wait(g.lock, PATIENCE_MS));
    assert_status(docent_txn_commit(g.txn, NULL, NULL), DOCENT_ERR_NOT_HELD);
    assert_data(client, "/account", "0");
    guarded_free(&g);
}

static void guards_are_of_one_session(void **state)
{
    (void)state;
    struct guarded g = guarded_new();
    expire(client);
    assert_soon(docent_lock_token(g.lock) == -1);
    assert_ok(docent_client_wait_connected(client, PATIENCE_MS));
    assert_status(docent_txn_commit(g.txn, NULL, NULL), DOCENT_ERR_NOT_HELD);
    assert_data(client, "/account", "0");
    guarded_free(&g);
}

/* ---- What is told, F-12. ---- */

static void f12_one_part_has_the_cause(void **state)
{
    (void)state;
    assert_ok(docent_create(client, "/a", NULL, 0, DOCENT_PERSISTENT, NULL));
    static const struct {
        const char *path;
        int32_t version;
        docent_status status;
    } causes[] = { { "/a", 7, DOCENT_ERR_BAD_VERSION }, { "/none", DOCENT_ANY_VERSION, DOCENT_ERR_NO_NODE } };
    for (size_t cause = 0; cause < 2; cause++) {
        for (size_t at = 0; at < 3; at++) { /* Wherever it stands. */
            docent_txn *txn = txn_of(client);
            for (size_t i = 0; i < 3; i++) {
                if (i == at) {
                    docent_txn_check(txn, causes[cause].path, causes[cause].version);
                } else {
                    docent_txn_set(txn, "/a", "x", 1, DOCENT_ANY_VERSION);
                }
            }
            docent_result *result = NULL;
            assert_status(docent_txn_commit(txn, NULL, &result), causes[cause].status);
            assert_int_equal(result->result_count, 3);
            for (size_t i = 0; i < 3; i++) {
                assert_status(result->results[i].status, i == at ? causes[cause].status : DOCENT_ERR_ROLLED_BACK);
            }
            docent_result_free(result);
            docent_txn_free(txn);
        }
    }
    docent_stat stat;
    assert_ok(docent_exists(client, "/a", &stat));
    assert_int_equal(stat.version, 0);
}

static void f12_lost_replies_of_transactions(void **state)
{
    (void)state;
    assert_ok(docent_create(client, "/k", "0", 1, DOCENT_PERSISTENT, NULL));
    for (int action = DOCENT_FAULT_DROP_REQUEST; action <= DOCENT_FAULT_DROP_REPLY; action++) {
        docent_fault fault = { DOCENT_FAULT, .action = (docent_fault_action)action, .op = 14 /* multi */ };
        bool applied = action == DOCENT_FAULT_DROP_REPLY;
        docent_stat before, after;

        docent_txn *again = txn_of(client); /* Its own success would make it fail. */
        assert_ok(docent_exists(client, "/k", &before));
        docent_txn_set(again, "/k", "1", 1, before.version);
        assert_ok(docent_devserver_add_fault(server, &fault));
        assert_status(docent_txn_commit(again, NULL, NULL), applied ? DOCENT_ERR_UNKNOWN_OUTCOME : DOCENT_OK);
        assert_ok(docent_exists(client, "/k", &after));
        assert_int_equal(after.version, before.version + 1); /* Once, either way. */
        docent_txn_free(again);

        docent_txn *once = txn_of(client); /* Nothing in it would fail. */
        docent_txn_set(once, "/k", "2", 1, DOCENT_ANY_VERSION);
        assert_ok(docent_devserver_add_fault(server, &fault));
        assert_status(docent_txn_commit(once, NULL, NULL), DOCENT_ERR_UNKNOWN_OUTCOME);
        assert_ok(docent_exists(client, "/k", &before));
        assert_int_equal(before.version, after.version + applied);
        docent_txn_free(once);
    }
}

/* ---- Parents. ---- */

/* Checked from below: nobody needs to read what is above. */
static void f119_parents_below_what_may_not_be_read(void **state)
{
    (void)state;
    docent_acl create_only[] = { docent_acl_world(DOCENT_PERM_CREATE) }, admin_only[] = { docent_acl_world(DOCENT_PERM_ADMIN) };
    docent_create_node_options options = { DOCENT_CREATE_NODE_OPTIONS, .acl = { create_only, 1 } };
    assert_ok(docent_create_node(client, "/closed", NULL, 0, DOCENT_PERSISTENT, &options, NULL));
    assert_ok(docent_create_node(client, "/closed/mine", NULL, 0, DOCENT_PERSISTENT, &options, NULL));
    docent_txn_options parents = { DOCENT_TXN_OPTIONS, .parents = DOCENT_PARENTS_CONTAINER };
    docent_txn *txn = txn_of(client);
    docent_txn_create(txn, "/closed/mine/a/b/c", "x", 1, DOCENT_PERSISTENT);
    assert_ok(docent_txn_commit(txn, &parents, NULL));
    docent_txn_free(txn);
    assert_data(client, "/closed/mine/a/b/c", "x");

    options.acl = (docent_acl_list){ admin_only, 1 }; /* NO_AUTH on the second of four parents ends it. */
    assert_ok(docent_create_node(client, "/closed/mine/a/shut", NULL, 0, DOCENT_PERSISTENT, &options, NULL));
    txn = txn_of(client);
    docent_txn_create(txn, "/closed/mine/a/shut/b/c/d", "x", 1, DOCENT_PERSISTENT);
    docent_result *result = NULL;
    assert_status(docent_txn_commit(txn, &parents, &result), DOCENT_ERR_NO_AUTH);
    docent_result_free(result);
    docent_txn_free(txn);
}

static void parents_stay_when_the_transaction_fails(void **state)
{
    (void)state;
    docent_txn_options parents = { DOCENT_TXN_OPTIONS, .parents = DOCENT_PARENTS_PERSISTENT };
    docent_txn *txn = txn_of(client);
    docent_txn_create(txn, "/p/q/r", NULL, 0, DOCENT_PERSISTENT);
    docent_txn_check(txn, "/p", 9);
    assert_status(docent_txn_commit(txn, &parents, NULL), DOCENT_ERR_BAD_VERSION);
    docent_txn_free(txn);
    assert_missing("/p/q/r");
    assert_data(client, "/p/q", "");
}

static void each_create_may_lack_parents_of_its_own(void **state)
{
    (void)state;
    docent_txn_options parents = { DOCENT_TXN_OPTIONS, .parents = DOCENT_PARENTS_PERSISTENT };
    docent_txn *txn = txn_of(client);
    char path[32];
    for (int i = 0; i < 12; i++) {
        snprintf(path, sizeof path, "/p%d/q/r", i);
        docent_txn_create(txn, path, "x", 1, DOCENT_PERSISTENT);
    }
    assert_ok(docent_txn_commit(txn, &parents, NULL));
    docent_txn_free(txn);
    assert_data(client, path, "x");
}

/* Each time its parents are made, and each time it deletes one of them itself. */
static void parents_are_not_made_for_ever(void **state)
{
    (void)state;
    docent_txn_options parents = { DOCENT_TXN_OPTIONS, .parents = DOCENT_PARENTS_PERSISTENT };
    assert_ok(docent_ensure_path(client, "/p/q", DOCENT_PARENTS_PERSISTENT, docent_acl_open()));
    docent_txn *txn = txn_of(client);
    docent_txn_delete(txn, "/p/q", DOCENT_ANY_VERSION);
    docent_txn_create(txn, "/p/q/r", NULL, 0, DOCENT_PERSISTENT);
    docent_result *result = NULL;
    assert_status(docent_txn_commit(txn, &parents, &result), DOCENT_ERR_NO_NODE);
    assert_status(result->results[0].status, DOCENT_ERR_ROLLED_BACK);
    assert_status(result->results[1].status, DOCENT_ERR_NO_NODE);
    docent_result_free(result);
    docent_txn_free(txn);
    assert_data(client, "/p/q", "");
}

static void parents_have_their_own_acl(void **state)
{
    (void)state;
    docent_acl entries[] = { docent_acl_world(DOCENT_PERM_READ | DOCENT_PERM_CREATE | DOCENT_PERM_ADMIN) };
    docent_txn_options parents = { DOCENT_TXN_OPTIONS, .parents = DOCENT_PARENTS_CONTAINER, .parents_acl = { entries, 1 } };
    docent_txn *txn = txn_of(client);
    docent_txn_create(txn, "/p/q/r", NULL, 0, DOCENT_PERSISTENT);
    assert_ok(docent_txn_commit(txn, &parents, NULL));
    docent_txn_free(txn);
    static const char *const paths[] = { "/p", "/p/q", "/p/q/r" };
    for (size_t i = 0; i < 3; i++) {
        docent_op op = docent_op_get_acl(paths[i]);
        docent_result *result = NULL;
        assert_ok(docent_run(client, &op, NULL, &result));
        assert_true(docent_acl_equal(result->acl, i < 2 ? parents.parents_acl : docent_acl_open()));
        docent_result_free(result);
    }
}

/* ---- Batches. ---- */

static void batches_tell_of_each_node(void **state)
{
    (void)state;
    docent_acl none[] = { docent_acl_world(DOCENT_PERM_ADMIN) };
    docent_create_node_options options = { DOCENT_CREATE_NODE_OPTIONS, .acl = { none, 1 } };
    docent_client *outer = view_of(client, "/n", DOCENT_COMPRESSION_ON, 100), *view = view_of(outer, "/v", DOCENT_COMPRESSION_DEFAULT, 0);
    char large[101];
    memset(large, 'x', sizeof large);
    assert_ok(docent_ensure_path(client, "/n/v", DOCENT_PARENTS_PERSISTENT, docent_acl_open()));
    assert_ok(docent_create(view, "/good", "data", 4, DOCENT_PERSISTENT, NULL));
    assert_ok(docent_create(view, "/empty", "", 0, DOCENT_PERSISTENT, NULL));
    assert_ok(docent_create(client, "/n/v/raw", "not compressed, but long enough", 31, DOCENT_PERSISTENT, NULL));
    assert_ok(docent_create_node(client, "/n/v/shut", NULL, 0, DOCENT_PERSISTENT, &options, NULL));
    docent_client *roomy = view_of(client, "/n/v", DOCENT_COMPRESSION_ON, 0);
    assert_ok(docent_create(roomy, "/large", large, sizeof large, DOCENT_PERSISTENT, NULL));
    assert_status(docent_set(view, "/good", large, sizeof large, DOCENT_ANY_VERSION, NULL), DOCENT_ERR_TOO_LARGE);

    docent_op reads[] = { docent_op_get("/good"), docent_op_get("/none"), docent_op_get("/shut"), docent_op_get("/raw"),
                          docent_op_get("/large"), docent_op_children("/"), docent_op_get("/empty") };
    static const docent_status expected[] = { DOCENT_OK, DOCENT_ERR_NO_NODE, DOCENT_ERR_NO_AUTH, DOCENT_ERR_CORRUPT_DATA,
                                              DOCENT_ERR_TOO_LARGE, DOCENT_OK, DOCENT_OK };
    docent_result *result = NULL;
    assert_ok(docent_batch_read(view, reads, 7, NULL, &result));
    assert_int_equal(result->result_count, 7);
    for (size_t i = 0; i < 7; i++) assert_status(result->results[i].status, expected[i]);
    assert_memory_equal(result->results[0].data, "data", 4);
    assert_int_equal(result->results[5].name_count, 5);
    assert_non_null(result->results[6].data);
    assert_int_equal(result->results[6].size, 0);
    docent_result_free(result);

    docent_call_options raw = { DOCENT_CALL_OPTIONS, .compression = DOCENT_COMPRESSION_OFF };
    assert_ok(docent_batch_read(view, &reads[3], 1, &raw, &result));
    assert_memory_equal(result->results[0].data, "not compressed", 14);
    docent_result_free(result);
    docent_view_release(roomy);
    docent_view_release(view);
    docent_view_release(outer);
}

/* ---- Null, empty, missing, F-130. ---- */

static void f130_null_empty_and_bytes_come_back_as_they_went(void **state)
{
    (void)state;
    static const struct {
        const char *path, *data;
        size_t size;
    } rows[] = { { "/null", NULL, 0 }, { "/empty", "", 0 }, { "/zero", "\0", 1 }, { "/text", "text", 4 } };
    for (int compression = DOCENT_COMPRESSION_OFF; compression >= DOCENT_COMPRESSION_ON; compression--) {
        bool packed = compression == DOCENT_COMPRESSION_ON;
        docent_client *view = view_of(client, packed ? "/packed" : "/plain", (docent_compression)compression, 0);
        assert_ok(docent_create(client, packed ? "/packed" : "/plain", NULL, 0, DOCENT_PERSISTENT, NULL));
        docent_txn *txn = txn_of(view);
        for (size_t i = 0; i < 4; i++) docent_txn_create(txn, rows[i].path, rows[i].data, rows[i].size, DOCENT_PERSISTENT);
        assert_ok(docent_txn_commit(txn, NULL, NULL));
        docent_txn_free(txn);
        for (size_t i = 0; i < 4; i++) {
            for (int set = 0; set < 2; set++) {
                docent_result *result = NULL;
                assert_ok(docent_get(view, rows[i].path, &result));
                assert_int_equal(result->data == NULL, rows[i].data == NULL);
                assert_int_equal(result->size, rows[i].size);
                if (rows[i].size > 0) assert_memory_equal(result->data, rows[i].data, rows[i].size);
                docent_result_free(result);
                assert_ok(docent_set(view, rows[i].path, rows[i].data, rows[i].size, DOCENT_ANY_VERSION, NULL));
            }
        }
        docent_view_release(view);
    }
    docent_result *result = NULL;
    assert_status(docent_get(client, "/missing", &result), DOCENT_ERR_NO_NODE);
    docent_result_free(result);
}

/* ---- Too large, F-129. ---- */

static void f129_what_is_too_large_is_not_sent(void **state)
{
    (void)state;
    size_t size = 2 << 20;
    char *data = malloc(size);
    assert_non_null(data);
    memset(data, 'x', size);
    assert_status(docent_create(client, "/large", data, size, DOCENT_PERSISTENT, NULL), DOCENT_ERR_TOO_LARGE);
    docent_txn *txn = txn_of(client);
    docent_txn_create(txn, "/small", "x", 1, DOCENT_PERSISTENT);
    docent_txn_create(txn, "/large", data, size, DOCENT_PERSISTENT);
    assert_status(docent_txn_commit(txn, NULL, NULL), DOCENT_ERR_TOO_LARGE);
    assert_non_null(strstr(docent_txn_fault(txn), "operation 1 (create /large)"));
    docent_txn_free(txn);
    assert_missing("/small");
    assert_int_equal(docent_client_state(client), DOCENT_CONNECTED);

    docent_client *view = view_of(client, "/", DOCENT_COMPRESSION_ON, 0); /* Compressed, the same is small. */
    assert_ok(docent_create(view, "/large", data, size, DOCENT_PERSISTENT, NULL));
    docent_result *result = NULL;
    assert_ok(docent_get(view, "/large", &result));
    assert_int_equal(result->size, size);
    assert_memory_equal(result->data, data, size);
    docent_result_free(result);
    docent_view_release(view);
    free(data);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(guards_pass_while_the_lock_is_held, start, stop),
        cmocka_unit_test_setup_teardown(guards_fail_when_the_held_node_is_gone, start, stop),
        cmocka_unit_test_setup_teardown(guards_fail_after_a_release, start, stop),
        cmocka_unit_test_setup_teardown(guards_are_of_one_session, start, stop),
        cmocka_unit_test_setup_teardown(f12_one_part_has_the_cause, start, stop),
        cmocka_unit_test_setup_teardown(f12_lost_replies_of_transactions, start, stop),
        cmocka_unit_test_setup_teardown(f119_parents_below_what_may_not_be_read, start, stop),
        cmocka_unit_test_setup_teardown(parents_stay_when_the_transaction_fails, start, stop),
        cmocka_unit_test_setup_teardown(each_create_may_lack_parents_of_its_own, start, stop),
        cmocka_unit_test_setup_teardown(parents_are_not_made_for_ever, start, stop),
        cmocka_unit_test_setup_teardown(parents_have_their_own_acl, start, stop),
        cmocka_unit_test_setup_teardown(batches_tell_of_each_node, start, stop),
        cmocka_unit_test_setup_teardown(f130_null_empty_and_bytes_come_back_as_they_went, start, stop),
        cmocka_unit_test_setup_teardown(f129_what_is_too_large_is_not_sent, start, stop),
    };
    return run_live(tests, argc, argv);
}
