/* tests/live/test_nodes.c - calls of several steps about one node, against a server, through the public interface. */
#define SESSION_MS 4000
#include "one_client.h"

enum { DELETE = 2, SET = 5 }; /* Of the protocol. */

/* No real server loses requests and replies on purpose. */
static void add_fault(docent_fault_action action, int32_t op, const char *path, uint32_t let_pass)
{
    assert_non_null(server);
    docent_fault fault = { DOCENT_FAULT, .action = action, .op = op, .path = path, .skip = let_pass };
    assert_ok(docent_devserver_add_fault(server, &fault));
}

static void assert_children(const char *path, size_t count)
{
    docent_result *result;
    assert_ok(docent_children(client, path, &result));
    assert_int_equal(result->name_count, count);
    docent_result_free(result);
}

static void assert_data(const char *path, const char *data)
{
    docent_result *result;
    assert_ok(docent_get(client, path, &result));
    assert_int_equal(result->size, strlen(data));
    if (result->size > 0) assert_memory_equal(result->data, data, result->size);
    docent_result_free(result);
}

static void assert_missing(const char *path)
{
    docent_stat stat;
    assert_status(docent_exists(client, path, &stat), DOCENT_ERR_NO_NODE);
}

/* ---- Create. ---- */

static void parents_are_made(void **state)
{
    (void)state;
    docent_create_node_options options = { DOCENT_CREATE_NODE_OPTIONS };
    docent_result *result;
    assert_status(docent_create_node(client, "/a/b/c", "x", 1, DOCENT_PERSISTENT, &options, NULL), DOCENT_ERR_NO_NODE);
    options.parents = DOCENT_PARENTS_CONTAINER;
    docent_acl entries[] = { docent_acl_world(DOCENT_PERM_READ | DOCENT_PERM_CREATE | DOCENT_PERM_ADMIN) };
    options.parents_acl = (docent_acl_list){ entries, 1 };
    assert_ok(docent_create_node(client, "/a/b/c", "x", 1, DOCENT_EPHEMERAL_SEQUENTIAL, &options, &result));
    assert_string_equal(result->path, "/a/b/c0000000000");
    assert_true(result->has_stat);
    assert_int_not_equal(result->stat.ephemeral_owner, 0);
    assert_int_equal(result->attempts, 1);
    docent_result_free(result);
    docent_op op = docent_op_get_acl("/a/b");
    assert_ok(docent_run(client, &op, NULL, &result));
    assert_true(docent_acl_equal(result->acl, options.parents_acl));
    docent_result_free(result);
    op = docent_op_get_acl("/a/b/c0000000000");
    assert_ok(docent_run(client, &op, NULL, &result));
    assert_true(docent_acl_equal(result->acl, docent_acl_open()));
    docent_result_free(result);
    assert_status(docent_create_node(client, "/a/b/c0000000000/d/e", NULL, 0, DOCENT_PERSISTENT, &options, NULL),
                  DOCENT_ERR_NO_CHILDREN_FOR_EPHEMERALS);
}

static void path_is_ensured(void **state)
{
    (void)state;
    assert_ok(docent_ensure_path(client, "/e/f/g", DOCENT_PARENTS_PERSISTENT, (docent_acl_list){ NULL, 0 }));
    assert_data("/e/f/g", "");
    assert_ok(docent_ensure_path(client, "/e/f/g", DOCENT_PARENTS_PERSISTENT, (docent_acl_list){ NULL, 0 }));
    assert_ok(docent_ensure_path(client, "/", DOCENT_PARENTS_PERSISTENT, (docent_acl_list){ NULL, 0 }));
    assert_ok(docent_ensure_path(client, "/e/f/h", DOCENT_PARENTS_CONTAINER, docent_acl_read_only()));
    assert_status(docent_create(client, "/e/f/h/i", NULL, 0, DOCENT_PERSISTENT, NULL), DOCENT_ERR_NO_AUTH);
    assert_status(docent_ensure_path(client, "/e/f/h/i", DOCENT_PARENTS_CONTAINER, docent_acl_read_only()), DOCENT_ERR_NO_AUTH);
    assert_status(docent_ensure_path(client, "/e", DOCENT_PARENTS_NONE, docent_acl_open()), DOCENT_ERR_INVALID_ARGUMENT);
}

static void what_exists_is_left_compared_or_set(void **state)
{
    (void)state;
    docent_create_node_options options = { DOCENT_CREATE_NODE_OPTIONS };
    docent_result *result;
    assert_ok(docent_create_node(client, "/x", "one", 3, DOCENT_PERSISTENT, &options, NULL));
    assert_status(docent_create_node(client, "/x", "one", 3, DOCENT_PERSISTENT, &options, NULL), DOCENT_ERR_NODE_EXISTS);
    options.if_exists = DOCENT_IF_EXISTS_SAME;
    assert_ok(docent_create_node(client, "/x", "one", 3, DOCENT_PERSISTENT, &options, NULL));
    assert_status(docent_create_node(client, "/x", "two", 3, DOCENT_PERSISTENT, &options, NULL), DOCENT_ERR_NODE_EXISTS);
    options.if_exists = DOCENT_IF_EXISTS_SET_VERSION;
    options.version = 7;
    assert_status(docent_create_node(client, "/x", "two", 3, DOCENT_PERSISTENT, &options, NULL), DOCENT_ERR_BAD_VERSION);
    options.version = 0;
    assert_ok(docent_create_node(client, "/x", "two", 3, DOCENT_PERSISTENT, &options, &result));
    assert_int_equal(result->stat.version, 1);
    docent_result_free(result);
    options.if_exists = DOCENT_IF_EXISTS_SAME;
    assert_status(docent_create_node(client, "/x", "two", 3, DOCENT_PERSISTENT, &options, NULL), DOCENT_ERR_NODE_EXISTS); /* It was set. */
    options.if_exists = DOCENT_IF_EXISTS_SET;
    options.parents = DOCENT_PARENTS_PERSISTENT;
    assert_ok(docent_create_node(client, "/x", "three", 5, DOCENT_PERSISTENT, &options, NULL));
    assert_ok(docent_create_node(client, "/x/y/z", "four", 4, DOCENT_PERSISTENT, &options, NULL));
    assert_data("/x", "three");
    assert_data("/x/y/z", "four");
}

static void bad_arguments(void **state)
{
    (void)state;
    docent_create_node_options options = { DOCENT_CREATE_NODE_OPTIONS, .protect = true, .if_exists = DOCENT_IF_EXISTS_SET };
    assert_status(docent_create_node(client, "/x", NULL, 0, DOCENT_PERSISTENT, &options, NULL), DOCENT_ERR_INVALID_ARGUMENT);
    options.if_exists = DOCENT_IF_EXISTS_FAIL;
    assert_status(docent_create_node(client, "/", NULL, 0, DOCENT_PERSISTENT, &options, NULL), DOCENT_ERR_INVALID_ARGUMENT);
    options.ttl_ms = 5;
    assert_status(docent_create_node(client, "/x", NULL, 0, DOCENT_PERSISTENT, &options, NULL), DOCENT_ERR_INVALID_ARGUMENT);
    options.ttl_ms = 0;
    assert_status(docent_create_node(client, "/x", NULL, 0, DOCENT_PERSISTENT_TTL, &options, NULL), DOCENT_ERR_INVALID_ARGUMENT);
    assert_status(docent_create_node(client, "/x", NULL, 3, DOCENT_PERSISTENT, NULL, NULL), DOCENT_ERR_INVALID_ARGUMENT);
    assert_status(docent_create_node(client, "x", NULL, 0, DOCENT_PERSISTENT, NULL, NULL), DOCENT_ERR_INVALID_ARGUMENT);
    assert_status(docent_create_node(client, NULL, NULL, 0, DOCENT_PERSISTENT, NULL, NULL), DOCENT_ERR_INVALID_ARGUMENT);
    assert_status(docent_create_node(NULL, "/x", NULL, 0, DOCENT_PERSISTENT, NULL, NULL), DOCENT_ERR_INVALID_ARGUMENT);
    assert_status(docent_delete_node(client, "/", DOCENT_ANY_VERSION, NULL), DOCENT_ERR_INVALID_ARGUMENT);
    docent_set_node_options set = { DOCENT_SET_NODE_OPTIONS, .create = true };
    assert_status(docent_set_node(client, "/x", NULL, 0, 3, &set, NULL), DOCENT_ERR_INVALID_ARGUMENT);
    assert_status(docent_update(client, "/x", NULL, NULL, NULL, NULL), DOCENT_ERR_INVALID_ARGUMENT);
    static char large[2 << 20];
    assert_status(docent_create_node(client, "/x", large, sizeof large, DOCENT_PERSISTENT, NULL, NULL), DOCENT_ERR_TOO_LARGE);
}

static void protected_names_are_those_of_curator(void **state)
{
    (void)state;
    docent_create_node_options options = { DOCENT_CREATE_NODE_OPTIONS, .protect = true, .parents = DOCENT_PARENTS_PERSISTENT };
    static const docent_create_mode modes[] = { DOCENT_PERSISTENT, DOCENT_EPHEMERAL, DOCENT_PERSISTENT_SEQUENTIAL,
                                                DOCENT_EPHEMERAL_SEQUENTIAL };
    for (size_t i = 0; i < 4; i++) {
        docent_result *result;
        assert_ok(docent_create_node(client, "/p/q/m-", "x", 1, modes[i], &options, &result));
        assert_memory_equal(result->path, "/p/q/_c_", 8);
        assert_int_equal(result->path[8 + 36], '-');
        assert_memory_equal(result->path + 8 + 37, "m-", 2);
        assert_int_equal(strlen(result->path), 8 + 37 + 2 + (i < 2 ? 0 : 10));
        assert_data(result->path, "x");
        docent_result_free(result);
    }
    assert_children("/p/q", 4);
}

/* The server does it and does not say so: there is one node, it is told, and it is ours. */
static void lost_replies_of_protected_creates(void **state)
{
    (void)state;
    docent_create_node_options options = { DOCENT_CREATE_NODE_OPTIONS, .protect = true };
    static const docent_create_mode modes[] = { DOCENT_PERSISTENT, DOCENT_EPHEMERAL, DOCENT_PERSISTENT_SEQUENTIAL,
                                                DOCENT_EPHEMERAL_SEQUENTIAL };
    assert_ok(docent_create(client, "/p", NULL, 0, DOCENT_PERSISTENT, NULL));
    for (size_t i = 0; i < 4; i++) {
        docent_result *result;
        add_fault(DOCENT_FAULT_DROP_REPLY, DOCENT_FAULT_ANY_OP, "/p/_c_*", 0);
        assert_ok(docent_create_node(client, "/p/m-", "x", 1, modes[i], &options, &result));
        assert_int_equal(docent_devserver_fault_count(server), 0);
        assert_int_equal(result->attempts, 2);
        assert_status(result->last_cause, DOCENT_ERR_CONNECTION_LOSS);
        assert_true(result->has_stat);
        assert_data(result->path, "x");
        docent_result_free(result);
        assert_children("/p", i + 1);
    }
}

/* Given up with the create in doubt: what it made is removed, and counted until then. */
static void leftovers_of_lost_replies(void **state)
{
    (void)state;
    docent_retry once = { DOCENT_RETRY, .tries_max = 1 };
    docent_create_node_options options = { DOCENT_CREATE_NODE_OPTIONS, .protect = true, .retry = &once };
    assert_ok(docent_create(client, "/p", NULL, 0, DOCENT_PERSISTENT, NULL));
    add_fault(DOCENT_FAULT_DROP_REPLY, DOCENT_FAULT_ANY_OP, "/p/_c_*", 0);
    assert_status(docent_create_node(client, "/p/m-", "x", 1, DOCENT_PERSISTENT_SEQUENTIAL, &options, NULL), DOCENT_ERR_CONNECTION_LOSS);
    assert_soon(docent_pending_deletes(client) == 0);
    assert_children("/p", 0);

    options.retry = NULL;
    options.timeout_ms = 100;
    add_fault(DOCENT_FAULT_HOLD_REPLY, DOCENT_FAULT_ANY_OP, "/p/_c_*", 0);
    assert_status(docent_create_node(client, "/p/m-", "x", 1, DOCENT_EPHEMERAL, &options, NULL), DOCENT_ERR_TIMEOUT);
    assert_int_equal(docent_pending_deletes(client), 1);
    docent_devserver_clear_faults(server);
    assert_soon(docent_pending_deletes(client) == 0);
    assert_children("/p", 0);
}

static void lost_replies_of_other_creates(void **state)
{
    (void)state;
    docent_create_node_options options = { DOCENT_CREATE_NODE_OPTIONS, .if_exists = DOCENT_IF_EXISTS_SET };
    add_fault(DOCENT_FAULT_DROP_REPLY, DOCENT_FAULT_ANY_OP, "/c", 0);
    assert_ok(docent_create_node(client, "/c", "x", 1, DOCENT_PERSISTENT, &options, NULL));
    options.if_exists = DOCENT_IF_EXISTS_SAME;
    add_fault(DOCENT_FAULT_DROP_REPLY, DOCENT_FAULT_ANY_OP, "/d", 0);
    assert_ok(docent_create_node(client, "/d", "x", 1, DOCENT_PERSISTENT, &options, NULL));
    options.if_exists = DOCENT_IF_EXISTS_FAIL;
    add_fault(DOCENT_FAULT_DROP_REPLY, DOCENT_FAULT_ANY_OP, "/e", 0);
    assert_ok(docent_create_node(client, "/e", "x", 1, DOCENT_EPHEMERAL, &options, NULL));
    add_fault(DOCENT_FAULT_DROP_REPLY, DOCENT_FAULT_ANY_OP, "/f*", 0);
    assert_status(docent_create_node(client, "/f", "x", 1, DOCENT_PERSISTENT_SEQUENTIAL, &options, NULL), DOCENT_ERR_UNKNOWN_OUTCOME);
    add_fault(DOCENT_FAULT_DROP_REQUEST, DOCENT_FAULT_ANY_OP, "/g", 0);
    assert_ok(docent_create_node(client, "/g", "x", 1, DOCENT_PERSISTENT, &options, NULL));
    assert_int_equal(docent_devserver_fault_count(server), 0);
    options.parents = DOCENT_PARENTS_CONTAINER;
    for (uint32_t i = 0; i < 6; i++) { /* The node fails, /h/i fails, /h, /h/i, the node. */
        add_fault(DOCENT_FAULT_DROP_REPLY, DOCENT_FAULT_ANY_OP, "/h*", i);
        assert_ok(docent_create_node(client, "/h/i/j", "x", 1, DOCENT_EPHEMERAL, &options, NULL));
        docent_devserver_clear_faults(server);
        assert_ok(docent_delete_node(client, "/h", DOCENT_ANY_VERSION,
                                     &(docent_delete_node_options){ DOCENT_DELETE_NODE_OPTIONS, .recursive = true }));
    }
}

/* ---- Delete. ---- */

static void quiet_and_versioned_deletes(void **state)
{
    (void)state;
    docent_delete_node_options options = { DOCENT_DELETE_NODE_OPTIONS };
    docent_stat stat;
    assert_status(docent_delete_node(client, "/x", DOCENT_ANY_VERSION, &options), DOCENT_ERR_NO_NODE);
    options.quietly = true;
    assert_ok(docent_delete_node(client, "/x", DOCENT_ANY_VERSION, &options));
    assert_ok(docent_create(client, "/x", NULL, 0, DOCENT_PERSISTENT, NULL));
    assert_status(docent_delete_node(client, "/x", 3, &options), DOCENT_ERR_BAD_VERSION);
    assert_ok(docent_set(client, "/x", "y", 1, 0, &stat));
    options.czxid = stat.czxid + 1;
    assert_ok(docent_delete_node(client, "/x", DOCENT_ANY_VERSION, &options)); /* There is no such node; another stands there. */
    assert_data("/x", "y");
    options.czxid = stat.czxid;
    assert_ok(docent_delete_node(client, "/x", 1, &options));
    assert_missing("/x");
    assert_ok(docent_create(client, "/x", NULL, 0, DOCENT_PERSISTENT, NULL));
    assert_ok(docent_create(client, "/x/y", NULL, 0, DOCENT_PERSISTENT, NULL));
    options.czxid = 0;
    assert_status(docent_delete_node(client, "/x", DOCENT_ANY_VERSION, &options), DOCENT_ERR_NOT_EMPTY);
}

static void trees_are_deleted(void **state)
{
    (void)state;
    docent_delete_node_options options = { DOCENT_DELETE_NODE_OPTIONS, .recursive = true };
    docent_create_node_options parents = { DOCENT_CREATE_NODE_OPTIONS, .parents = DOCENT_PARENTS_PERSISTENT };
    char path[64];
    for (int i = 0; i < 200; i++) {
        snprintf(path, sizeof path, "/tree/%d/%d%s", i / 20, i % 20, i % 7 == 0 ? "/a/b" : "");
        assert_ok(docent_create_node(client, path, NULL, 0, DOCENT_PERSISTENT, &parents, NULL));
    }
    assert_ok(docent_create(client, "/treetop", NULL, 0, DOCENT_PERSISTENT, NULL));
    assert_status(docent_delete_node(client, "/tree", 5, &options), DOCENT_ERR_BAD_VERSION);
    assert_children("/tree", 10);
    assert_ok(docent_delete_node(client, "/tree", DOCENT_ANY_VERSION, &options));
    assert_missing("/tree");
    assert_ok(docent_delete_node(client, "/treetop", 0, &options));
}

static void lost_replies_of_deletes(void **state)
{
    (void)state;
    docent_delete_node_options options = { DOCENT_DELETE_NODE_OPTIONS, .recursive = true };
    docent_create_node_options parents = { DOCENT_CREATE_NODE_OPTIONS, .parents = DOCENT_PARENTS_PERSISTENT };
    for (uint32_t i = 0; i < 12; i++) {
        for (int action = DOCENT_FAULT_DROP_REQUEST; action <= DOCENT_FAULT_DROP_REPLY; action++) {
            assert_ok(docent_create_node(client, "/t/a/b", NULL, 0, DOCENT_PERSISTENT, &parents, NULL));
            assert_ok(docent_create_node(client, "/t/c/d", NULL, 0, DOCENT_PERSISTENT, &parents, NULL));
            add_fault((docent_fault_action)action, DOCENT_FAULT_ANY_OP, "/t*", i);
            assert_ok(docent_delete_node(client, "/t", DOCENT_ANY_VERSION, &options));
            docent_devserver_clear_faults(server);
            assert_missing("/t");
        }
    }
}

static void lost_replies_of_guaranteed_deletes(void **state)
{
    (void)state;
    docent_retry once = { DOCENT_RETRY, .tries_max = 1 };
    docent_delete_node_options options = { DOCENT_DELETE_NODE_OPTIONS, .guaranteed = true, .retry = &once };
    assert_ok(docent_create(client, "/g", NULL, 0, DOCENT_PERSISTENT, NULL));
    add_fault(DOCENT_FAULT_DROP_REQUEST, DELETE, "/g", 0);
    docent_status status = docent_delete_node(client, "/g", DOCENT_ANY_VERSION, &options);
    assert_status(status, DOCENT_ERR_UNKNOWN_OUTCOME);
    assert_soon(docent_pending_deletes(client) == 0);
    assert_missing("/g");

    /* Nobody has seen it: nothing is promised. */
    assert_ok(docent_create(client, "/h", NULL, 0, DOCENT_PERSISTENT, NULL));
    add_fault(DOCENT_FAULT_DROP_REQUEST, DOCENT_FAULT_ANY_OP, "/h", 0);
    assert_status(docent_delete_node(client, "/h", DOCENT_ANY_VERSION, &options), DOCENT_ERR_CONNECTION_LOSS);
    assert_int_equal(docent_pending_deletes(client), 0);
}

static docent_client *other;

/* Another node on the same path is not the one that was to go. */
static void guaranteed_deletes_spare_newer_nodes(void **state)
{
    (void)state;
    docent_delete_node_options options = { DOCENT_DELETE_NODE_OPTIONS, .guaranteed = true, .timeout_ms = 100 };
    docent_stat stat;
    assert_ok(docent_create(client, "/g", NULL, 0, DOCENT_PERSISTENT, NULL));
    assert_ok(docent_exists(client, "/g", &stat));
    options.czxid = stat.czxid;
    cut();
    assert_status(docent_delete_node(client, "/g", DOCENT_ANY_VERSION, &options), DOCENT_ERR_TIMEOUT);
    assert_int_equal(docent_pending_deletes(client), 1);
    heal();
    assert_soon(docent_pending_deletes(client) == 0);
    assert_missing("/g");

    assert_ok(docent_create(client, "/g", "new", 3, DOCENT_PERSISTENT, NULL));
    cut();
    assert_status(docent_delete_node(client, "/g", DOCENT_ANY_VERSION, &options), DOCENT_ERR_TIMEOUT);
    assert_int_equal(docent_pending_deletes(client), 1);
    heal();
    assert_soon(docent_pending_deletes(client) == 0);
    assert_data("/g", "new");
}

static void leftovers_are_bounded_and_end_with_the_client(void **state)
{
    (void)state;
    docent_client_options few = { DOCENT_CLIENT_OPTIONS, .pending_max = 2 };
    docent_delete_node_options options = { DOCENT_DELETE_NODE_OPTIONS, .guaranteed = true, .timeout_ms = 50, .czxid = 1 };
    other = client_start(&few);
    cut();
    assert_status(docent_delete_node(other, "/a", DOCENT_ANY_VERSION, &options), DOCENT_ERR_TIMEOUT);
    assert_status(docent_delete_node(other, "/b", DOCENT_ANY_VERSION, &options), DOCENT_ERR_TIMEOUT);
    assert_int_equal(docent_pending_deletes(other), 2);
    assert_status(docent_delete_node(other, "/c", DOCENT_ANY_VERSION, &options), DOCENT_ERR_BUSY);
    docent_client_close(other, NULL, NULL);
    heal();
}

/* ---- Set and update. ---- */

static void sets_are_idempotent_if_asked(void **state)
{
    (void)state;
    docent_set_node_options options = { DOCENT_SET_NODE_OPTIONS };
    docent_stat stat;
    assert_status(docent_set_node(client, "/s", "x", 1, DOCENT_ANY_VERSION, &options, &stat), DOCENT_ERR_NO_NODE);
    options.create = true;
    options.parents = DOCENT_PARENTS_PERSISTENT;
    assert_ok(docent_set_node(client, "/q/s", "x", 1, DOCENT_ANY_VERSION, &options, &stat));
    assert_int_equal(stat.version, 0);
    assert_ok(docent_set_node(client, "/q/s", "y", 1, DOCENT_ANY_VERSION, &options, &stat));
    assert_int_equal(stat.version, 1);
    options = (docent_set_node_options){ DOCENT_SET_NODE_OPTIONS };
    assert_ok(docent_set_node(client, "/q/s", "z", 1, 1, &options, &stat));
    assert_status(docent_set_node(client, "/q/s", "z", 1, 1, &options, &stat), DOCENT_ERR_BAD_VERSION);
    options.idempotent = true;
    assert_ok(docent_set_node(client, "/q/s", "z", 1, 1, &options, &stat));
    assert_int_equal(stat.version, 2);
    assert_status(docent_set_node(client, "/q/s", "z", 1, 0, &options, &stat), DOCENT_ERR_BAD_VERSION);
    assert_status(docent_set_node(client, "/q/s", "y", 1, 1, &options, &stat), DOCENT_ERR_BAD_VERSION);
}

struct outcome {
    atomic_uint calls;
    docent_status status;
    docent_status accepted;
};

static void on_outcome(const docent_result *result, void *user)
{
    struct outcome *outcome = user;
    outcome->status = result->status;
    outcome->calls++;
}

struct counting {
    struct outcome outcome; /* First: an update's callbacks share a pointer. */
    unsigned calls;
    char text[32];
};

static docent_status count_up(const docent_result *current, const void **ret_data, size_t *ret_size, void *user)
{
    struct counting *counting = user;
    char number[32] = "0";
    counting->calls++;
    if (current->size > 0) snprintf(number, sizeof number, "%.*s", (int)current->size, (const char *)current->data);
    if (strcmp(number, "9") == 0) return DOCENT_ERR_CANCELLED;
    *ret_size = (size_t)snprintf(counting->text, sizeof counting->text, "%d", atoi(number) + 1);
    *ret_data = counting->text;
    return DOCENT_OK;
}

static void updates_go_round(void **state)
{
    (void)state;
    docent_update_options options = { DOCENT_UPDATE_OPTIONS };
    struct counting counting = { 0 };
    docent_stat stat;
    assert_status(docent_update(client, "/n", count_up, &options, &stat, &counting), DOCENT_ERR_NO_NODE);
    options.create = true;
    for (int i = 0; i < 9; i++) assert_ok(docent_update(client, "/n", count_up, &options, &stat, &counting));
    assert_data("/n", "9");
    assert_int_equal(stat.version, 8);
    assert_status(docent_update(client, "/n", count_up, &options, &stat, &counting), DOCENT_ERR_CANCELLED);
    assert_int_equal(counting.calls, 10);
    assert_data("/n", "9");
}

static docent_recognised is_mine(const docent_result *current, const void *data, size_t size, int32_t version, void *user)
{
    (void)user;
    if (current->stat.version != version + 1) return DOCENT_WRITE_UNCERTAIN;
    return current->size == size && memcmp(current->data, data, size) == 0 ? DOCENT_WRITE_THERE : DOCENT_WRITE_ABSENT;
}

static void lost_replies_of_updates(void **state)
{
    (void)state;
    docent_update_options options = { DOCENT_UPDATE_OPTIONS, .recognise = is_mine };
    struct counting counting = { 0 };
    docent_stat stat;
    assert_ok(docent_create(client, "/n", "0", 1, DOCENT_PERSISTENT, NULL));
    add_fault(DOCENT_FAULT_DROP_REQUEST, SET, "/n", 0);
    assert_ok(docent_update(client, "/n", count_up, NULL, &stat, &counting)); /* The read-back shows the old version. */
    assert_int_equal(stat.version, 1);
    add_fault(DOCENT_FAULT_DROP_REPLY, SET, "/n", 0);
    assert_status(docent_update(client, "/n", count_up, NULL, &stat, &counting), DOCENT_ERR_UNKNOWN_OUTCOME); /* Anybody's "2". */
    add_fault(DOCENT_FAULT_DROP_REPLY, SET, "/n", 0);
    assert_ok(docent_update(client, "/n", count_up, &options, &stat, &counting));
    assert_int_equal(docent_devserver_fault_count(server), 0);
    assert_int_equal(counting.calls, 3);
    assert_data("/n", "3");
}

static void reads_are_of_the_leader(void **state)
{
    (void)state;
    docent_result *result;
    assert_status(docent_read_linearizable(client, "/r", &result), DOCENT_ERR_NO_NODE);
    docent_result_free(result);
    assert_ok(docent_create(client, "/r", "x", 1, DOCENT_PERSISTENT, NULL));
    assert_ok(docent_read_linearizable(client, "/r", &result));
    assert_int_equal(result->size, 1);
    assert_memory_equal(result->data, "x", 1);
    assert_int_equal(result->stat.version, 0);
    docent_result_free(result);
    drop_connections();
    assert_ok(docent_read_linearizable(client, "/r", NULL));
}

/* ---- Views, closing, policies. ---- */

static void views_have_their_prefix_once(void **state)
{
    (void)state;
    docent_client *tenant, *inner;
    docent_result *result;
    docent_create_node_options options = { DOCENT_CREATE_NODE_OPTIONS, .protect = true, .parents = DOCENT_PARENTS_PERSISTENT };
    assert_ok(docent_client_view(client, "/t", NULL, &tenant));
    assert_ok(docent_client_view(tenant, "/u", NULL, &inner));
    assert_status(docent_create_node(inner, "/a/m-", NULL, 0, DOCENT_EPHEMERAL, &options, NULL), DOCENT_ERR_NO_NODE); /* Its root. */
    assert_ok(docent_ensure_path(client, "/t/u", DOCENT_PARENTS_PERSISTENT, docent_acl_open()));
    assert_ok(docent_create_node(inner, "/a/m-", NULL, 0, DOCENT_EPHEMERAL_SEQUENTIAL, &options, &result));
    assert_memory_equal(result->path, "/a/_c_", 6);
    char path[128];
    snprintf(path, sizeof path, "/t/u%s", result->path);
    assert_data(path, "");
    docent_result_free(result);
    assert_ok(docent_delete_node(inner, "/a", DOCENT_ANY_VERSION,
                                 &(docent_delete_node_options){ DOCENT_DELETE_NODE_OPTIONS, .recursive = true }));
    assert_children("/t/u", 0);
    assert_int_equal(docent_pending_deletes(inner), 0);
    docent_view_release(inner);
    docent_view_release(tenant);
}

static struct outcome outcomes[5];
static struct counting updating;

static void start_all(void *user)
{
    (void)user;
    docent_create_node_options create = { DOCENT_CREATE_NODE_OPTIONS, .protect = true };
    docent_delete_node_options delete = { DOCENT_DELETE_NODE_OPTIONS, .guaranteed = true, .czxid = 7 };
    outcomes[0].accepted = docent_create_node_async(other, "/m-", NULL, 0, DOCENT_EPHEMERAL, &create, on_outcome, &outcomes[0]);
    outcomes[1].accepted = docent_delete_node_async(other, "/x", 0, &delete, on_outcome, &outcomes[1]);
    outcomes[2].accepted = docent_set_node_async(other, "/x", NULL, 0, 0, NULL, on_outcome, &outcomes[2]);
    outcomes[3].accepted = docent_ensure_path_async(other, "/x/y", DOCENT_PARENTS_CONTAINER, docent_acl_open(), on_outcome, &outcomes[3]);
    outcomes[4].accepted = docent_read_linearizable_async(other, "/x", on_outcome, &outcomes[4]);
    updating.outcome.accepted = docent_update_async(other, "/x", count_up, NULL, on_outcome, &updating);
}

static void every_call_ends_once_when_the_client_closes(void **state)
{
    (void)state;
    static const char *const places[] = { "connected", "offline" };
    for (size_t place = 0; place < 2; place++) {
        print_message("# %s\n", places[place]);
        other = client_start(NULL);
        if (place == 1) cut();
        memset(outcomes, 0, sizeof outcomes);
        memset(&updating, 0, sizeof updating);
        assert_ok(docent_client_post(other, start_all, NULL));
        docent_client_close(other, NULL, NULL);
        for (size_t i = 0; i < 5; i++) {
            assert_ok(outcomes[i].accepted);
            assert_int_equal(outcomes[i].calls, 1);
        }
        assert_ok(updating.outcome.accepted);
        assert_int_equal(updating.outcome.calls, 1);
        heal();
    }
}

/* What is compared after a lost reply is what was sent: the view's own data, and not their compressed form. */
static void lost_replies_in_views_with_data_of_their_own(void **state)
{
    (void)state;
    docent_view_options policy = { DOCENT_VIEW_OPTIONS, .default_data = "default", .default_size = 7, .compression = DOCENT_COMPRESSION_ON };
    docent_create_node_options options = { DOCENT_CREATE_NODE_OPTIONS, .if_exists = DOCENT_IF_EXISTS_SAME };
    docent_update_options update = { DOCENT_UPDATE_OPTIONS, .recognise = is_mine };
    struct counting counting = { .text = "" };
    docent_client *view;
    docent_result *result;
    assert_non_null(server);
    assert_ok(docent_client_view(client, "/", &policy, &view));
    add_fault(DOCENT_FAULT_DROP_REPLY, DOCENT_FAULT_ANY_OP, "/v", 0);
    assert_ok(docent_create_node(view, "/v", NULL, 0, DOCENT_PERSISTENT, &options, NULL));
    options.if_exists = DOCENT_IF_EXISTS_FAIL;
    add_fault(DOCENT_FAULT_DROP_REPLY, DOCENT_FAULT_ANY_OP, "/e", 0);
    assert_ok(docent_create_node(view, "/e", NULL, 0, DOCENT_EPHEMERAL, &options, NULL));
    assert_ok(docent_set_node(view, "/v", "5", 1, 0, NULL, NULL));
    add_fault(DOCENT_FAULT_DROP_REPLY, SET, "/v", 0);
    assert_ok(docent_update(view, "/v", count_up, &update, NULL, &counting));
    assert_int_equal(docent_devserver_fault_count(server), 0);
    assert_ok(docent_read_linearizable(view, "/v", &result));
    assert_int_equal(result->size, 1);
    assert_memory_equal(result->data, "6", 1);
    docent_result_free(result);
    assert_ok(docent_get(client, "/v", &result));
    assert_true(result->size > 7); /* Compressed. */
    docent_result_free(result);
    docent_view_release(view);
}

static unsigned decided;

static bool decide(uint32_t tries, uint64_t elapsed_ms, docent_status cause, uint64_t *ret_delay_ms, void *user)
{
    (void)elapsed_ms, (void)cause, (void)user;
    decided++;
    *ret_delay_ms = 1;
    return tries < 3;
}

/* One policy for all steps: a create whose parents are missing has as many tries as a read. */
static void lost_replies_count_under_one_policy(void **state)
{
    (void)state;
    docent_retry policy = docent_retry_custom(decide, NULL);
    docent_create_node_options options = { DOCENT_CREATE_NODE_OPTIONS, .parents = DOCENT_PARENTS_PERSISTENT, .retry = &policy };
    docent_result *result;
    docent_fault fault = { DOCENT_FAULT, .action = DOCENT_FAULT_DROP_REQUEST, .op = DOCENT_FAULT_ANY_OP, .path = "/a*", .skip = 1, .count = 9 };
    assert_non_null(server);
    assert_ok(docent_devserver_add_fault(server, &fault));
    decided = 0;
    assert_status(docent_create_node(client, "/a/b", NULL, 0, DOCENT_PERSISTENT, &options, &result), DOCENT_ERR_CONNECTION_LOSS);
    assert_int_equal(result->attempts, 3);
    assert_int_equal(decided, 3);
    assert_status(result->last_cause, DOCENT_ERR_CONNECTION_LOSS);
    docent_result_free(result);
}

static void offline_policies_hold(void **state)
{
    (void)state;
    docent_set_node_options options = { DOCENT_SET_NODE_OPTIONS, .offline = DOCENT_OFFLINE_FAIL };
    cut();
    assert_soon(docent_client_state(client) != DOCENT_CONNECTED);
    assert_status(docent_set_node(client, "/x", NULL, 0, 0, &options, NULL), DOCENT_ERR_CONNECTION_LOSS);
    options = (docent_set_node_options){ DOCENT_SET_NODE_OPTIONS, .timeout_ms = 50 };
    assert_status(docent_set_node(client, "/x", NULL, 0, 0, &options, NULL), DOCENT_ERR_TIMEOUT);
    heal();
    options.timeout_ms = 0;
    assert_status(docent_set_node(client, "/x", NULL, 0, 0, &options, NULL), DOCENT_ERR_NO_NODE);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(parents_are_made, start, stop),
        cmocka_unit_test_setup_teardown(path_is_ensured, start, stop),
        cmocka_unit_test_setup_teardown(what_exists_is_left_compared_or_set, start, stop),
        cmocka_unit_test_setup_teardown(bad_arguments, start, stop),
        cmocka_unit_test_setup_teardown(protected_names_are_those_of_curator, start, stop),
        cmocka_unit_test_setup_teardown(quiet_and_versioned_deletes, start, stop),
        cmocka_unit_test_setup_teardown(trees_are_deleted, start, stop),
        cmocka_unit_test_setup_teardown(guaranteed_deletes_spare_newer_nodes, start, stop),
        cmocka_unit_test_setup_teardown(leftovers_are_bounded_and_end_with_the_client, start, stop),
        cmocka_unit_test_setup_teardown(sets_are_idempotent_if_asked, start, stop),
        cmocka_unit_test_setup_teardown(updates_go_round, start, stop),
        cmocka_unit_test_setup_teardown(reads_are_of_the_leader, start, stop),
        cmocka_unit_test_setup_teardown(views_have_their_prefix_once, start, stop),
        cmocka_unit_test_setup_teardown(every_call_ends_once_when_the_client_closes, start, stop),
        cmocka_unit_test_setup_teardown(offline_policies_hold, start, stop),
        cmocka_unit_test_setup_teardown(lost_replies_of_protected_creates, start, stop),
        cmocka_unit_test_setup_teardown(lost_replies_of_other_creates, start, stop),
        cmocka_unit_test_setup_teardown(lost_replies_of_deletes, start, stop),
        cmocka_unit_test_setup_teardown(lost_replies_of_updates, start, stop),
        cmocka_unit_test_setup_teardown(lost_replies_in_views_with_data_of_their_own, start, stop),
        cmocka_unit_test_setup_teardown(leftovers_of_lost_replies, start, stop),
        cmocka_unit_test_setup_teardown(lost_replies_of_guaranteed_deletes, start, stop),
        cmocka_unit_test_setup_teardown(lost_replies_count_under_one_policy, start, stop),
    };
    return run_live(tests, argc, argv);
}
