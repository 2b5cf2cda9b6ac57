/* tests/unit/test_policy.c - one layer of retries (F-122, F-124, F-125): every public call against a server that fails its attempts, under
 * every policy. How often the server is asked, when, and what is told of it must be what the policy alone says.
 *
 * What is expected is computed from the policy object and the client's own randomness, one failure at a time. check_calls.py demands
 * that every function of the headers whose name ends in _async has a row here, and every policy by name. */
#include "unit.h"

#include <docent/docent.h>

#include "core/client/internal.h"
#include "tests/unit/peer.h"

enum { SESSION_MS = 400000, CALL_MS = 30000, PIECES_MAX = 3 };

static struct peer peer;

/* ---- The calls. ---- */

enum doubt {        /* After an attempt of which nobody knows whether it was applied: */
    DOUBT_NONE,     /* Nothing was changed, or what was is found and removed: the failure itself is the outcome. */
    DOUBT_REPEATED, /* Once or twice is the same, or can be found out; in the end "unknown". */
    DOUBT_FINAL,    /* "Unknown" at once. */
};

struct told {
    unsigned calls;
    docent_status status;
    docent_call_info info;
};

struct row {
    const char *function;
    const char *text;
    docent_status (*start)(const docent_retry *retry, struct told *told); /* @retry: NULL: the client's. */
    enum doubt doubt;
    bool own_policy; /* It takes one of its own. */
    bool steps;      /* Made of other calls: each of them asks the policy of the whole. */
    bool parallel;   /* Several requests at a time. */
    bool locks;      /* Is asked of a lock. */
    bool leaves;     /* Something goes on after the outcome. */
    docent_op_type type; /* Of docent_run_async(). */
};

static void on_result(const docent_result *result, void *user)
{
    struct told *told = user;
    told->calls++;
    told->status = result->status;
    told->info = docent_result_info(result);
}

static const docent_op pieces[] = {
    { .struct_size = sizeof(docent_op), .type = DOCENT_OP_GET, .path = "/a" },
    { .struct_size = sizeof(docent_op), .type = DOCENT_OP_GET, .path = "/b" },
    { .struct_size = sizeof(docent_op), .type = DOCENT_OP_GET, .path = "/c" },
};

static docent_status run(docent_op op, const docent_retry *retry, struct told *told)
{
    docent_call_options call = { DOCENT_CALL_OPTIONS, .retry = retry };
    return docent_run_async(peer.client, &op, retry == NULL ? NULL : &call, on_result, told);
}

#define RUN(name, made)                                                               \
    static docent_status run_##name(const docent_retry *retry, struct told *told)     \
    {                                                                                 \
        return run(made, retry, told);                                                \
    }
RUN(create, docent_op_create("/a", "x", 1, DOCENT_PERSISTENT))
RUN(sequential, docent_op_create("/a-", "x", 1, DOCENT_PERSISTENT_SEQUENTIAL))
RUN(delete, docent_op_delete("/a", 3))
RUN(delete_any, docent_op_delete("/a", DOCENT_ANY_VERSION))
RUN(exists, docent_op_exists("/a"))
RUN(get, docent_op_get("/a"))
RUN(set, docent_op_set("/a", "x", 1, 3))
RUN(set_any, docent_op_set("/a", "x", 1, DOCENT_ANY_VERSION))
RUN(get_acl, docent_op_get_acl("/a"))
RUN(set_acl, docent_op_set_acl("/a", docent_acl_open(), 3))
RUN(children, docent_op_children("/a"))
RUN(child_count, docent_op_child_count("/a"))
RUN(ephemerals, docent_op_ephemerals("/a"))
RUN(sync, docent_op_sync("/a"))
RUN(multi_read, docent_op_multi_read(pieces, 2))
RUN(check_watches, docent_op_check_watches("/a", DOCENT_WATCH_PERSISTENT))
RUN(reconfig, docent_op_reconfig("server.1=a:1:2;3", NULL, NULL, -1))
RUN(who_am_i, docent_op_who_am_i())

static docent_status run_multi(const docent_retry *retry, struct told *told)
{
    docent_op op = docent_op_set("/a", "x", 1, 3);
    return run(docent_op_multi(&op, 1), retry, told);
}

static docent_status run_blind_multi(const docent_retry *retry, struct told *told)
{
    docent_op op = docent_op_set("/a", "x", 1, DOCENT_ANY_VERSION);
    return run(docent_op_multi(&op, 1), retry, told);
}

#define NAMED(name, ...)                                                              \
    static docent_status named_##name(const docent_retry *retry, struct told *told)   \
    {                                                                                 \
        (void)retry;                                                                  \
        return docent_##name##_async(__VA_ARGS__, on_result, told);                   \
    }
NAMED(create, peer.client, "/a", "x", 1, DOCENT_PERSISTENT)
NAMED(delete, peer.client, "/a", 3)
NAMED(exists, peer.client, "/a")
NAMED(get, peer.client, "/a")
NAMED(set, peer.client, "/a", "x", 1, 3)
NAMED(children, peer.client, "/a")
NAMED(reconfig, peer.client, NULL, "3", NULL, -1)
NAMED(sync, peer.client, "/a")
NAMED(read_linearizable, peer.client, "/a")
NAMED(ensure_path, peer.client, "/a/b", DOCENT_PARENTS_PERSISTENT, (docent_acl_list){ NULL, 0 })

static docent_status named_multi(const docent_retry *retry, struct told *told)
{
    (void)retry;
    docent_op op = docent_op_delete("/a", 3);
    return docent_multi_async(peer.client, &op, 1, on_result, told);
}

static docent_status node_create_with(docent_create_node_options options, const docent_retry *retry, struct told *told)
{
    options.retry = retry;
    return docent_create_node_async(peer.client, "/p/a", "x", 1, DOCENT_PERSISTENT, &options, on_result, told);
}

static docent_status node_create(const docent_retry *retry, struct told *told)
{
    return node_create_with((docent_create_node_options){ DOCENT_CREATE_NODE_OPTIONS }, retry, told);
}

static docent_status node_create_parents(const docent_retry *retry, struct told *told)
{
    return node_create_with((docent_create_node_options){ DOCENT_CREATE_NODE_OPTIONS, .parents = DOCENT_PARENTS_PERSISTENT }, retry, told);
}

static docent_status node_create_protected(const docent_retry *retry, struct told *told)
{
    return node_create_with((docent_create_node_options){ DOCENT_CREATE_NODE_OPTIONS, .protect = true }, retry, told);
}

static docent_status node_create_or_set(const docent_retry *retry, struct told *told)
{
    return node_create_with((docent_create_node_options){ DOCENT_CREATE_NODE_OPTIONS, .if_exists = DOCENT_IF_EXISTS_SET }, retry, told);
}

static docent_status node_delete_with(docent_delete_node_options options, const docent_retry *retry, struct told *told)
{
    options.retry = retry;
    return docent_delete_node_async(peer.client, "/a", DOCENT_ANY_VERSION, &options, on_result, told);
}

static docent_status node_delete(const docent_retry *retry, struct told *told)
{
    return node_delete_with((docent_delete_node_options){ DOCENT_DELETE_NODE_OPTIONS }, retry, told);
}

static docent_status node_delete_tree(const docent_retry *retry, struct told *told)
{
    return node_delete_with((docent_delete_node_options){ DOCENT_DELETE_NODE_OPTIONS, .recursive = true }, retry, told);
}

static docent_status node_delete_for_certain(const docent_retry *retry, struct told *told)
{
    return node_delete_with((docent_delete_node_options){ DOCENT_DELETE_NODE_OPTIONS, .guaranteed = true, .czxid = 5 }, retry, told);
}

static docent_status node_set(const docent_retry *retry, struct told *told)
{
    docent_set_node_options options = { DOCENT_SET_NODE_OPTIONS, .retry = retry };
    return docent_set_node_async(peer.client, "/a", "x", 1, 3, &options, on_result, told);
}

static docent_status node_set_or_create(const docent_retry *retry, struct told *told)
{
    docent_set_node_options options = { DOCENT_SET_NODE_OPTIONS, .retry = retry, .create = true, .parents = DOCENT_PARENTS_PERSISTENT };
    return docent_set_node_async(peer.client, "/p/a", "x", 1, DOCENT_ANY_VERSION, &options, on_result, told);
}

static docent_status topic_publish(const docent_retry *retry, struct told *told)
{
    (void)retry;
    return docent_topic_publish_async(peer.client, "/p/a", "x", 1, on_result, told);
}

static docent_status one_more(const docent_result *current, const void **ret_data, size_t *ret_size, void *user)
{
    (void)current;
    (void)user;
    *ret_data = "y";
    *ret_size = 1;
    return DOCENT_OK;
}

static docent_status node_update(const docent_retry *retry, struct told *told)
{
    docent_update_options options = { DOCENT_UPDATE_OPTIONS, .retry = retry };
    return docent_update_async(peer.client, "/a", one_more, &options, on_result, told);
}

static docent_status commit_with(docent_parents parents, const docent_retry *retry, struct told *told)
{
    docent_txn *txn;
    docent_call_options call = { DOCENT_CALL_OPTIONS, .retry = retry };
    docent_txn_options options = { DOCENT_TXN_OPTIONS, .call = retry == NULL ? NULL : &call, .parents = parents };
    assert_int_equal(docent_txn_new(peer.client, &txn), DOCENT_OK);
    assert_int_equal(docent_txn_create(txn, "/p/q/a", NULL, 0, DOCENT_PERSISTENT), DOCENT_OK);
    docent_status status = docent_txn_commit_async(txn, &options, on_result, told);
    docent_txn_free(txn);
    return status;
}

static docent_status txn_plain(const docent_retry *retry, struct told *told)
{
    return commit_with(DOCENT_PARENTS_NONE, retry, told);
}

static docent_status txn_parents(const docent_retry *retry, struct told *told)
{
    return commit_with(DOCENT_PARENTS_PERSISTENT, retry, told);
}

static docent_status batch_of(size_t count, const docent_retry *retry, struct told *told)
{
    docent_call_options call = { DOCENT_CALL_OPTIONS, .retry = retry };
    return docent_batch_read_async(peer.client, pieces, count, retry == NULL ? NULL : &call, on_result, told);
}

static docent_status batch_of_one(const docent_retry *retry, struct told *told)
{
    return batch_of(1, retry, told);
}

static docent_status batch_of_many(const docent_retry *retry, struct told *told)
{
    return batch_of(PIECES_MAX, retry, told);
}

static docent_lock *lock;

static docent_status lock_participants(const docent_retry *retry, struct told *told)
{
    (void)retry;
    return docent_lock_participants_async(lock, on_result, told);
}

static docent_status lock_revoke(const docent_retry *retry, struct told *told)
{
    (void)retry;
    return docent_lock_revoke_async(lock, "/l/_c_1-lock-0000000001", on_result, told);
}

static docent_status lock_revoke_first(const docent_retry *retry, struct told *told)
{
    (void)retry;
    return docent_lock_revoke_async(lock, NULL, on_result, told);
}

static docent_leader_latch *latch;
static docent_leader_selector *selector;

static docent_status latch_participants(const docent_retry *retry, struct told *told)
{
    (void)retry;
    return docent_leader_latch_participants_async(latch, on_result, told);
}

static docent_status latch_leader(const docent_retry *retry, struct told *told)
{
    (void)retry;
    return docent_leader_latch_leader_async(latch, on_result, told);
}

static docent_status selector_participants(const docent_retry *retry, struct told *told)
{
    (void)retry;
    return docent_leader_selector_participants_async(selector, on_result, told);
}

static docent_status selector_leader(const docent_retry *retry, struct told *told)
{
    (void)retry;
    return docent_leader_selector_leader_async(selector, on_result, told);
}

static docent_semaphore *semaphore;

static docent_status semaphore_participants(const docent_retry *retry, struct told *told)
{
    (void)retry;
    return docent_semaphore_participants_async(semaphore, on_result, told);
}

/* A put, and the like, is the client's once it is begun. */
#define QUEUE(name, ...)                                                                                             \
    static docent_status queue_##name(const docent_retry *retry, struct told *told)                                  \
    {                                                                                                                \
        static const docent_queue_options options = { DOCENT_QUEUE_OPTIONS, .dialect = DOCENT_DIALECT_KAZOO };       \
        docent_queue *queue;                                                                                         \
        (void)retry;                                                                                                 \
        assert_int_equal(docent_queue_new(peer.client, "/q", &options, &queue), DOCENT_OK);                          \
        docent_status status = docent_queue_##name##_async(__VA_ARGS__, on_result, told);                            \
        docent_queue_close(queue, NULL, NULL);                                                                       \
        return status;                                                                                               \
    }
static const docent_queue_bytes two_items[] = { { "a", 1 }, { "b", 1 } };
QUEUE(put, queue, "x", 1)
QUEUE(put_many, queue, two_items, 2)
QUEUE(peek, queue)
QUEUE(size, queue)

#define CLAIM_QUEUE(name, ...)                                                                                                    \
    static docent_status claim_queue_##name(const docent_retry *retry, struct told *told)                                         \
    {                                                                                                                             \
        static const docent_claim_queue_options options = { DOCENT_CLAIM_QUEUE_OPTIONS, .dialect = DOCENT_DIALECT_KAZOO };        \
        docent_claim_queue *queue;                                                                                                \
        (void)retry;                                                                                                              \
        assert_int_equal(docent_claim_queue_new(peer.client, "/q", &options, &queue), DOCENT_OK);                                 \
        docent_status status = docent_claim_queue_##name##_async(__VA_ARGS__, on_result, told);                                   \
        docent_claim_queue_close(queue, NULL, NULL);                                                                              \
        return status;                                                                                                            \
    }
CLAIM_QUEUE(put, queue, "x", 1)
CLAIM_QUEUE(put_many, queue, two_items, 2)

#define ROW(name, does, ...) { .function = #name, .text = does, .type = DOCENT_OP_TYPES, __VA_ARGS__ }
#define OP(op, does, ...) { .function = "docent_run_async", .text = does, .type = DOCENT_OP_##op, .own_policy = true, __VA_ARGS__ }
static const struct row rows[] = {
    OP(CREATE, "a create", .start = run_create, .doubt = DOUBT_REPEATED),
    OP(CREATE, "a sequential create", .start = run_sequential, .doubt = DOUBT_FINAL),
    OP(DELETE, "a delete of one version", .start = run_delete, .doubt = DOUBT_REPEATED),
    OP(DELETE, "a delete of any version", .start = run_delete_any, .doubt = DOUBT_REPEATED),
    OP(EXISTS, "an exists", .start = run_exists),
    OP(GET, "a get", .start = run_get),
    OP(SET, "a set of one version", .start = run_set, .doubt = DOUBT_REPEATED),
    OP(SET, "a set of any version", .start = run_set_any, .doubt = DOUBT_REPEATED),
    OP(GET_ACL, "a get of an ACL", .start = run_get_acl),
    OP(SET_ACL, "a set of an ACL", .start = run_set_acl, .doubt = DOUBT_REPEATED),
    OP(CHILDREN, "a listing", .start = run_children),
    OP(CHILD_COUNT, "a count", .start = run_child_count),
    OP(EPHEMERALS, "a listing of ephemerals", .start = run_ephemerals),
    OP(SYNC, "a sync", .start = run_sync),
    OP(MULTI, "a transaction that excludes itself", .start = run_multi, .doubt = DOUBT_REPEATED),
    OP(MULTI, "a transaction that does not", .start = run_blind_multi, .doubt = DOUBT_FINAL),
    OP(MULTI_READ, "a multiRead", .start = run_multi_read),
    OP(CHECK_WATCHES, "a question for watches", .start = run_check_watches),
    OP(RECONFIG, "a reconfig", .start = run_reconfig, .doubt = DOUBT_FINAL),
    OP(WHO_AM_I, "a question who one is", .start = run_who_am_i),
    ROW(docent_create_async, "a create", .start = named_create, .doubt = DOUBT_REPEATED),
    ROW(docent_delete_async, "a delete", .start = named_delete, .doubt = DOUBT_REPEATED),
    ROW(docent_exists_async, "an exists", .start = named_exists),
    ROW(docent_get_async, "a get", .start = named_get),
    ROW(docent_set_async, "a set", .start = named_set, .doubt = DOUBT_REPEATED),
    ROW(docent_children_async, "a listing", .start = named_children),
    ROW(docent_reconfig_async, "a reconfig", .start = named_reconfig, .doubt = DOUBT_FINAL),
    ROW(docent_sync_async, "a sync", .start = named_sync),
    ROW(docent_multi_async, "a transaction", .start = named_multi, .doubt = DOUBT_REPEATED),
    ROW(docent_create_node_async, "a create", .start = node_create, .doubt = DOUBT_REPEATED, .own_policy = true),
    ROW(docent_create_node_async, "a create with parents", .start = node_create_parents, .doubt = DOUBT_REPEATED, .own_policy = true),
    ROW(docent_create_node_async, "a protected create", .start = node_create_protected, .own_policy = true, .leaves = true),
    ROW(docent_create_node_async, "a create or set", .start = node_create_or_set, .doubt = DOUBT_REPEATED, .own_policy = true),
    ROW(docent_delete_node_async, "a delete", .start = node_delete, .own_policy = true),
    ROW(docent_delete_node_async, "a delete of a tree", .start = node_delete_tree, .own_policy = true),
    ROW(docent_delete_node_async, "a delete for certain", .start = node_delete_for_certain, .own_policy = true, .leaves = true),
    ROW(docent_set_node_async, "a set", .start = node_set, .doubt = DOUBT_REPEATED, .own_policy = true),
    ROW(docent_set_node_async, "a set or create", .start = node_set_or_create, .doubt = DOUBT_REPEATED, .own_policy = true),
    ROW(docent_topic_publish_async, "a value of a topic", .start = topic_publish, .doubt = DOUBT_REPEATED),
    ROW(docent_ensure_path_async, "a path made", .start = named_ensure_path),
    ROW(docent_update_async, "an update", .start = node_update, .own_policy = true),
    ROW(docent_read_linearizable_async, "a sync and a get", .start = named_read_linearizable),
    ROW(docent_txn_commit_async, "a transaction", .start = txn_plain, .doubt = DOUBT_REPEATED, .own_policy = true),
    ROW(docent_txn_commit_async, "a transaction with parents", .start = txn_parents, .doubt = DOUBT_REPEATED, .own_policy = true, .steps = true),
    ROW(docent_batch_read_async, "a batch", .start = batch_of_one, .own_policy = true, .steps = true),
    ROW(docent_batch_read_async, "a batch of many", .start = batch_of_many, .own_policy = true, .steps = true, .parallel = true),
    ROW(docent_lock_participants_async, "who waits", .start = lock_participants, .locks = true, .steps = true, .parallel = true),
    ROW(docent_lock_revoke_async, "a request to let go", .start = lock_revoke, .locks = true, .steps = true, .doubt = DOUBT_REPEATED),
    ROW(docent_lock_revoke_async, "the same to who is first", .start = lock_revoke_first, .locks = true, .steps = true),
    ROW(docent_queue_put_async, "an item put", .start = queue_put, .doubt = DOUBT_FINAL, .steps = true),
    ROW(docent_queue_put_many_async, "items put", .start = queue_put_many, .doubt = DOUBT_FINAL, .steps = true),
    ROW(docent_queue_peek_async, "a look at the first item", .start = queue_peek, .steps = true),
    ROW(docent_queue_size_async, "a count of items", .start = queue_size),
    ROW(docent_claim_queue_put_async, "an item put", .start = claim_queue_put, .doubt = DOUBT_FINAL, .steps = true),
    ROW(docent_claim_queue_put_many_async, "items put", .start = claim_queue_put_many, .doubt = DOUBT_FINAL, .steps = true),
    ROW(docent_leader_latch_participants_async, "who takes part", .start = latch_participants, .steps = true, .parallel = true),
    ROW(docent_leader_latch_leader_async, "who leads", .start = latch_leader, .steps = true, .parallel = true),
    ROW(docent_leader_selector_participants_async, "who takes part", .start = selector_participants, .steps = true, .parallel = true),
    ROW(docent_leader_selector_leader_async, "who leads", .start = selector_leader, .steps = true, .parallel = true),
    ROW(docent_semaphore_participants_async, "who has leases", .start = semaphore_participants, .steps = true, .parallel = true),
};
enum { ROWS = sizeof rows / sizeof rows[0] };

static bool is_of_latch(const struct row *row)
{
    return row->start == latch_participants || row->start == latch_leader;
}

static bool is_of_selector(const struct row *row)
{
    return row->start == selector_participants || row->start == selector_leader;
}

/* What a row's call is made on. */
static void recipe_make(const struct row *row)
{
    static const docent_semaphore_options two_leases = { DOCENT_SEMAPHORE_OPTIONS, .max = 2 };
    if (row->locks) assert_int_equal(docent_lock_new(peer.client, "/l", NULL, &lock), DOCENT_OK);
    if (is_of_latch(row)) assert_int_equal(docent_leader_latch_new(peer.client, "/l", NULL, &latch), DOCENT_OK);
    if (is_of_selector(row)) assert_int_equal(docent_leader_selector_new(peer.client, "/l", NULL, &selector), DOCENT_OK);
    if (row->start == semaphore_participants) assert_int_equal(docent_semaphore_new(peer.client, "/l", &two_leases, &semaphore), DOCENT_OK);
}

static void recipe_close(const struct row *row)
{
    if (row->locks) docent_lock_close(lock, NULL, NULL);
    if (is_of_latch(row)) docent_leader_latch_close(latch, NULL, NULL);
    if (is_of_selector(row)) docent_leader_selector_close(selector, NULL, NULL);
    if (row->start == semaphore_participants) docent_semaphore_close(semaphore, NULL, NULL);
    lock = NULL;
    latch = NULL;
    selector = NULL;
    semaphore = NULL;
}

/* ---- The policies. ---- */

static bool eleven_more(uint32_t tries, uint64_t elapsed_ms, docent_status cause, uint64_t *ret_delay_ms, void *user)
{
    (void)elapsed_ms;
    (void)cause;
    (void)user;
    *ret_delay_ms = tries * 11;
    return tries < 5;
}

struct named_policy {
    const char *name;
    docent_retry policy;
    bool random;
};
static struct named_policy policies[20];
static size_t policy_count;

#define POLICY(made, is_random) policies[policy_count++] = (struct named_policy){ #made, made, is_random }
static void policies_make(void)
{
    docent_retry init;
    docent_retry_init(&init);
    policy_count = 0;
    POLICY(init, true);
    POLICY(docent_retry_exponential(20, 4), true);
    POLICY(docent_retry_bounded_exponential(20, 100, 6), true);
    POLICY(docent_retry_n_times(3, 70), false);
    POLICY(docent_retry_n_times(2, 0), false);
    POLICY(docent_retry_n_times(0, 70), false);
    POLICY(docent_retry_once(40), false);
    POLICY(docent_retry_forever(700), false);
    POLICY(docent_retry_until_elapsed(1000, 90), false);
    POLICY(docent_retry_until_elapsed(0, 90), false);
    POLICY(docent_retry_custom(eleven_more, NULL), false);
    POLICY(docent_retry_session_fails(docent_retry_n_times(2, 30)), false);
    POLICY(docent_retry_session_fails(docent_retry_custom(eleven_more, NULL)), false);
    POLICY(docent_retry_curator_exponential(15, 3, 200), true);
    POLICY(docent_retry_curator_bounded_exponential(15, 90, 4), true);
    POLICY(docent_retry_curator_until_elapsed(1000, 300), false);
}

/* ---- The server. ---- */

struct failure {
    const char *name;
    docent_status cause; /* DOCENT_ERR_CONNECTION_LOSS: the connection is cut after the request has come. */
    bool expires;        /* And when the client is back its session is over. */
};
static const struct failure failures[] = {
    { "the connection is cut", DOCENT_ERR_CONNECTION_LOSS, false },
    { "the connection is cut and the session is over", DOCENT_ERR_CONNECTION_LOSS, true },
    { "time-out at the server", DOCENT_ERR_OPERATION_TIMEOUT, false },
    { "time-out of the request", DOCENT_ERR_REQUEST_TIMEOUT, false },
    { "throttled", DOCENT_ERR_THROTTLED, false },
    { "session moved", DOCENT_ERR_SESSION_MOVED, false },
};

struct game {
    const struct row *row;
    const docent_retry *policy;
    const struct failure *failure;
    uint64_t accepted;
    struct told *told;
    bool offline; /* A handshake is due. */
    int64_t session_id;
    unsigned creates, multis, deletes, sets; /* Answered. */
    int64_t zxid;

    uint32_t tries;      /* What the policy says: so many are made, */
    uint32_t granted;    /* so many are allowed, */
    uint64_t earliest;   /* and the next not before this. */
    bool doubted;
    bool over;           /* No more. */
    docent_status status;
    uint64_t ends;
};

static const docent_stat stat_of_node = { .czxid = 5, .mzxid = 5, .version = 3 };

static void reply_multi(const struct peer_frame *frame, struct game *game)
{
    bool orphan = game->row->steps && game->multis++ == 0; /* Its parents are missing, the first time. */
    struct wire_out out = { 0 };
    struct wire_multi_header header = { orphan ? WIRE_OP_ERROR : WIRE_OP_DELETE, false, orphan ? DOCENT_ERR_NO_NODE : 0 };
    docent_wire_put_multi_header(&out, &header);
    if (orphan) docent_wire_put_int(&out, DOCENT_ERR_NO_NODE);
    header = (struct wire_multi_header){ WIRE_OP_ERROR, true, -1 };
    docent_wire_put_multi_header(&out, &header);
    peer_reply(&peer, frame->xid, game->zxid, 0, out.data, out.size);
    docent_wire_out_free(&out);
}

static void reply_names(const struct peer_frame *frame, struct game *game)
{
    static const char *const lock_names[] = { "_c_1-lock-0000000001", "_c_2-lock-0000000002" };
    static const char *const latch_names[] = { "_c_1-latch-0000000001", "_c_2-latch-0000000002" };
    const char *const *names = is_of_latch(game->row) ? latch_names : lock_names;
    struct wire_out out = { 0 };
    bool contenders = game->row->locks || is_of_latch(game->row) || is_of_selector(game->row);
    docent_wire_put_int(&out, contenders ? 2 : 0);
    for (size_t i = 0; contenders && i < 2; i++) docent_wire_put_string(&out, docent_wire_string(names[i]));
    docent_wire_put_stat(&out, stat_of_node);
    peer_reply(&peer, frame->xid, game->zxid, 0, out.data, out.size);
    docent_wire_out_free(&out);
}

/* As a server on which the parents of what is made are missing at first. */
static void answer(const struct peer_frame *frame, struct game *game)
{
    game->zxid++;
    struct wire_in in = docent_wire_in(frame->body, frame->size);
    wire_bytes path = docent_wire_get_string(&in);
    char text[64];
    snprintf(text, sizeof text, "%.*s", path.size < 0 ? 0 : (int)path.size, (const char *)path.data);
    switch (frame->op) {
    case WIRE_OP_SYNC: peer_reply_path(&peer, frame->xid, game->zxid, text); break;
    case WIRE_OP_EXISTS:
        if (strncmp(text, "/p", 2) == 0 || strcmp(text, "/a/b") == 0) {
            peer_reply(&peer, frame->xid, game->zxid, DOCENT_ERR_NO_NODE, NULL, 0);
        } else {
            peer_reply_stat(&peer, frame->xid, game->zxid, &stat_of_node);
        }
        break;
    case WIRE_OP_GET_DATA: peer_reply_data(&peer, frame->xid, game->zxid, "x", &stat_of_node); break;
    case WIRE_OP_CREATE:
    case WIRE_OP_CREATE2:
        if (game->creates++ == 0 && strcmp(text, "/p/a") == 0) {
            peer_reply(&peer, frame->xid, game->zxid, DOCENT_ERR_NO_NODE, NULL, 0);
        } else {
            peer_reply_path(&peer, frame->xid, game->zxid, text);
        }
        break;
    case WIRE_OP_SET_DATA:
        if (strcmp(text, "/p/a") == 0 && game->sets++ == 0) {
            peer_reply(&peer, frame->xid, game->zxid, DOCENT_ERR_NO_NODE, NULL, 0);
        } else {
            peer_reply_stat(&peer, frame->xid, game->zxid, &stat_of_node);
        }
        break;
    case WIRE_OP_DELETE:
    case WIRE_OP_CHECK_WATCHES: peer_reply(&peer, frame->xid, game->zxid, 0, NULL, 0); break;
    case WIRE_OP_SET_ACL: peer_reply_stat(&peer, frame->xid, game->zxid, &stat_of_node); break;
    case WIRE_OP_MULTI: reply_multi(frame, game); break;
    case WIRE_OP_MULTI_READ:
    case WIRE_OP_GET_ALL_CHILDREN_NUMBER:
    case WIRE_OP_GET_EPHEMERALS:
    case WIRE_OP_RECONFIG:
    case WIRE_OP_GET_ACL:
    case WIRE_OP_WHO_AM_I: peer_reply(&peer, frame->xid, game->zxid, DOCENT_ERR_UNIMPLEMENTED, NULL, 0); break;
    case WIRE_OP_GET_CHILDREN:
    case WIRE_OP_GET_CHILDREN2: reply_names(frame, game); break;
    default: fail_msg("%s: operation %d", game->row->text, frame->op);
    }
}

/* ---- What the policy says. ---- */

static void expect_end(struct game *game, docent_status status, uint64_t at)
{
    game->over = true;
    game->status = status;
    game->ends = at;
}

/* After what the failure leaves in doubt. */
static docent_status gives_up(const struct game *game, docent_status why)
{
    return game->doubted && game->row->doubt != DOUBT_NONE ? DOCENT_ERR_UNKNOWN_OUTCOME : why;
}

static void expect_after_failure(struct game *game, uint64_t random)
{
    docent_status cause = game->failure->cause;
    bool doubted = cause != DOCENT_ERR_THROTTLED && cause != DOCENT_ERR_SESSION_MOVED;
    game->doubted = game->doubted || doubted;
    if (doubted && game->row->doubt == DOUBT_FINAL) {
        expect_end(game, DOCENT_ERR_UNKNOWN_OUTCOME, peer.now);
        return;
    }
    uint64_t delay = 0;
    if (!docent_retry_delay(game->policy, game->tries, peer.now - game->accepted, cause, random, &delay)) {
        expect_end(game, gives_up(game, cause), peer.now);
        return;
    }
    game->granted++;
    game->earliest = peer.now + delay;
}

/* ---- The game. ---- */

static void come_back(struct game *game)
{
    game->offline = false;
    if (game->failure->expires) {
        if (!game->over && game->policy->session_fails) expect_end(game, gives_up(game, DOCENT_ERR_SESSION_EXPIRED), peer.now);
        peer_expect_connect(&peer);
        peer_accept(&peer, 0, 0); /* It is over. */
        game->session_id++;
        for (int i = 0; i < 1000 && peer.size == 0; i++) peer_pass(&peer, 10);
    }
    if (game->earliest < peer.now) game->earliest = peer.now;
    peer_online(&peer, game->session_id, SESSION_MS);
}

/* Lets time go on to the next thing that happens. */
static void wait_for_next(struct game *game, uint64_t bound)
{
    uint64_t at = docent_core_deadline(peer.client);
    if (at > bound) at = bound;
    if (at > peer.now) peer.now = at;
    peer_work(&peer);
    if (game->offline && peer.size > 0) come_back(game);
}

/* All requests that there are now, but for heartbeats. */
static size_t take_all(struct peer_frame *frames, size_t max)
{
    size_t count = 0;
    peer_work(&peer);
    while (count < max && peer_take(&peer, &frames[count])) {
        if (frames[count].op == WIRE_OP_PING) {
            peer_reply(&peer, WIRE_XID_PING, 1, 0, NULL, 0);
        } else if (frames[count].op == WIRE_OP_SET_WATCHES) {
            peer_reply(&peer, WIRE_XID_SET_WATCHES, 1, 0, NULL, 0);
        } else {
            count++;
        }
    }
    return count;
}

static uint64_t random_to_come(const struct game *game)
{
    uint64_t random = peer.client->core->random;
    uint64_t drawn = docent_random_next(&random);
    return game->row->steps ? docent_random_next(&random) : drawn; /* A step draws one, and then has the whole asked. */
}

static void explain(const struct game *game, const char *policy, const char *wrong)
{
    fail_msg("%s (%s), %s, %s: %s after %u tries and %llu ms; told %s, %u tries, %llu ms, %s; expected %s at %llu ms", game->row->function,
             game->row->text, policy, game->failure->name, wrong, game->tries, (unsigned long long)(peer.now - game->accepted),
             docent_status_name(game->told->status), game->told->info.attempts, (unsigned long long)game->told->info.elapsed_ms,
             docent_status_name(game->told->info.last_cause), docent_status_name(game->status),
             (unsigned long long)(game->ends - game->accepted));
}

static void fail_attempt(struct game *game, const struct peer_frame *frames, size_t count)
{
    expect_after_failure(game, random_to_come(game));
    if (game->failure->cause != DOCENT_ERR_CONNECTION_LOSS) {
        for (size_t i = 0; i < count; i++) peer_reply(&peer, frames[i].xid, ++game->zxid, game->failure->cause, NULL, 0);
        return;
    }
    game->offline = true;
    peer_cut(&peer);
    if (peer.size > 0) come_back(game);
}

static const docent_retry *client_has;

static void client_policy(docent_client_options *options)
{
    options->retry = client_has;
    options->request_max_bytes = WIRE_REQUEST_MAX;
}

/* @every: so many attempts fail, then one step is answered; 0: all fail. */
static void play(const struct row *row, const struct named_policy *named, const struct failure *failure, bool own_policy, unsigned every)
{
    static const docent_retry another = { DOCENT_RETRY, .tries_max = 2, .base_ms = 1 };
    static struct told told;
    static struct peer_frame frames[8];
    told = (struct told){ 0 };
    client_has = own_policy ? &another : &named->policy;
    peer_start(&peer, 1, SESSION_MS, client_policy);
    struct game game = { .row = row, .policy = &named->policy, .failure = failure, .told = &told, .session_id = 77, .zxid = 10 };
    peer_online(&peer, game.session_id, SESSION_MS);
    peer_pass(&peer, 1000);
    (void)take_all(frames, 8);
    recipe_make(row);

    game.accepted = game.earliest = peer.now;
    uint64_t deadline = game.accepted + CALL_MS;
    assert_int_equal(row->start(own_policy ? &named->policy : NULL, &told), DOCENT_OK);
    assert_int_equal(told.calls, 0); /* Never inside the initiating call. */
    unsigned failed = 0;
    bool answered = true; /* The step before: this one is no new try. */
    game.tries = 1;
    for (int turns = 0; told.calls == 0; turns++) {
        if (turns > 100000) explain(&game, named->name, "there is no end");
        size_t count = take_all(frames, 8);
        if (count == 0) {
            if (peer.now >= deadline) break;
            wait_for_next(&game, deadline);
            continue;
        }
        if (game.over) explain(&game, named->name, "asked once more");
        if (!answered) game.tries++;
        if (peer.now != game.earliest) explain(&game, named->name, "asked at another time");
        if (game.tries != game.granted + 1) explain(&game, named->name, "another number of tries");
        if (every != 0 && failed == every) {
            failed = 0;
            answered = true;
            for (size_t i = 0; i < count && told.calls == 0; i++) answer(&frames[i], &game);
            game.earliest = peer.now;
        } else {
            failed++;
            answered = false;
            fail_attempt(&game, frames, count);
        }
    }
    if (told.calls == 0) explain(&game, named->name, "not told");
    bool succeeds = answered && !game.over;
    if (!succeeds && !game.over) expect_end(&game, gives_up(&game, DOCENT_ERR_TIMEOUT), deadline);
    if (succeeds) game.ends = peer.now;
    bool good = told.calls == 1 && told.info.attempts == game.tries && told.info.elapsed_ms == game.ends - game.accepted;
    good = good && told.info.last_cause == (game.tries == 1 && succeeds ? DOCENT_OK : failure->cause);
    if (!succeeds) { /* A step that came through may have settled the doubt. */
        bool settled = every != 0 && (told.status == DOCENT_ERR_UNKNOWN_OUTCOME || told.status == failure->cause);
        good = good && (settled || told.status == game.status);
    }
    if (!good) explain(&game, named->name, "another outcome");

    for (int turns = 0; turns < 1000 && !row->leaves; turns++) { /* And nothing follows. */
        if (take_all(frames, 8) > 0) explain(&game, named->name, "asked after its end");
        wait_for_next(&game, peer.now + 60000);
        if (peer.now > game.ends + 60000) break;
    }
    recipe_close(row);
    peer_stop(&peer);
    assert_int_equal(told.calls, 1);
}

static void play_all(const struct failure *failure, unsigned every)
{
    policies_make();
    for (size_t i = 0; i < ROWS; i++) {
        for (size_t k = 0; k < policy_count; k++) {
            if (rows[i].parallel && policies[k].random) continue; /* Each of its requests rests as long as it likes. */
            play(&rows[i], &policies[k], failure, false, every);
            if (rows[i].own_policy) play(&rows[i], &policies[k], failure, true, every);
        }
    }
}

/* A test for each failure, with all attempts failing, and with steps that come through after one or two. */
#define FAILURE_TESTS(name, index)                                          \
    static void test_every_call_keeps_its_policy_when_##name(void **state)  \
    {                                                                       \
        (void)state;                                                        \
        play_all(&failures[index], 0);                                      \
    }                                                                       \
    static void test_all_steps_have_one_policy_when_##name(void **state)    \
    {                                                                       \
        (void)state;                                                        \
        play_all(&failures[index], 1);                                      \
        play_all(&failures[index], 2);                                      \
    }
FAILURE_TESTS(cut, 0)
FAILURE_TESTS(cut_and_expired, 1)
FAILURE_TESTS(the_server_times_out, 2)
FAILURE_TESTS(the_request_times_out, 3)
FAILURE_TESTS(throttled, 4)
FAILURE_TESTS(moved, 5)

/* ---- F-124: every accepted call ends once, at whatever stage the client is closed. ---- */

/* After @turns turns, of which every @every-th comes through. False: the call was over before that. */
static bool close_at(const struct row *row, const struct failure *failure, unsigned turns, unsigned every)
{
    static const docent_retry patience = { DOCENT_RETRY, .base_ms = 20, .tries_max = DOCENT_FOREVER };
    static struct told told;
    static struct peer_frame frames[8];
    told = (struct told){ 0 };
    client_has = &patience;
    peer_start(&peer, 1, SESSION_MS, client_policy);
    struct game game = { .row = row, .policy = &patience, .failure = failure, .told = &told, .session_id = 77, .zxid = 10 };
    peer_online(&peer, game.session_id, SESSION_MS);
    peer_pass(&peer, 1000);
    (void)take_all(frames, 8);
    recipe_make(row);
    game.accepted = peer.now;
    assert_int_equal(row->start(NULL, &told), DOCENT_OK);
    for (unsigned turn = 0; turn < turns && told.calls == 0; turn++) {
        size_t count = take_all(frames, 8);
        if (count == 0) {
            wait_for_next(&game, game.accepted + CALL_MS);
        } else if (turn % every == every - 1) {
            for (size_t i = 0; i < count && told.calls == 0; i++) answer(&frames[i], &game);
        } else {
            fail_attempt(&game, frames, count);
        }
    }
    bool under_way = told.calls == 0;
    docent_core_close(peer.client, peer.now);
    recipe_close(row);
    peer_work(&peer);
    if (told.calls != 1) fail_msg("%s (%s), %s: told %u times when closed after %u turns", row->function, row->text, failure->name, told.calls, turns);
    if (under_way && told.status != DOCENT_ERR_CLOSING) fail_msg("%s (%s): %s", row->function, row->text, docent_status_name(told.status));
    peer_stop(&peer);
    assert_int_equal(told.calls, 1);
    return under_way;
}

static void test_every_call_ends_once_whenever_the_client_closes(void **state)
{
    (void)state;
    unsigned closed = 0;
    for (size_t i = 0; i < ROWS; i++) {
        for (size_t k = 0; k < sizeof failures / sizeof failures[0]; k++) {
            for (unsigned every = 2; every < 5; every++) {
                for (unsigned turns = 0; turns < 20 && close_at(&rows[i], &failures[k], turns, every); turns++) closed++;
            }
        }
    }
    assert_true(closed > ROWS * 10);
}

/* ---- Calls that have no policy: they go on until what they wait for is so, or their time is over. Each has a test. ---- */
#define PATIENT(function, test) test

static void start_patient(void)
{
    static const docent_retry never = { DOCENT_RETRY, .tries_max = 1 };
    client_has = &never;
    peer_start(&peer, 1, SESSION_MS, client_policy);
    peer_online(&peer, 77, SESSION_MS);
    peer_pass(&peer, 1000);
    assert_int_equal(docent_lock_new(peer.client, "/l", NULL, &lock), DOCENT_OK);
}

static void stop_patient(void)
{
    docent_lock_close(lock, NULL, NULL);
    peer_stop(&peer);
}

/* The next requests, whatever time that takes. 0: none before @bound. */
static size_t next_requests(struct peer_frame *frames, size_t max, uint64_t bound)
{
    size_t count;
    while ((count = take_all(frames, max)) == 0 && peer.now < bound) {
        uint64_t at = docent_core_deadline(peer.client);
        if (at > peer.now) peer.now = at < bound ? at : bound;
        peer_work(&peer);
    }
    return count;
}

static void cut_and_back(void)
{
    peer_cut(&peer);
    while (peer.size == 0) peer_pass(&peer, 1);
    peer_online(&peer, 77, SESSION_MS);
}

static void on_done(docent_status status, void *user)
{
    struct told *told = user;
    told->calls++;
    told->status = status;
    told->info.elapsed_ms = peer.now;
}

static docent_permit *permit;
static docent_work_queue *work;
static docent_queue_sharder *sharder;

static docent_status acquire_lock(struct told *told)
{
    return docent_lock_acquire_async(lock, 5000, on_done, told);
}

static docent_status acquire_leases(struct told *told)
{
    static const docent_semaphore_options two_leases = { DOCENT_SEMAPHORE_OPTIONS, .max = 2 };
    assert_int_equal(docent_semaphore_new(peer.client, "/s", &two_leases, &semaphore), DOCENT_OK);
    return docent_semaphore_acquire_async(semaphore, 2, 5000, on_done, told, &permit);
}

static docent_mutex *mutex;

static docent_status acquire_mutex(struct told *told)
{
    assert_int_equal(docent_mutex_new(peer.client, "/l", NULL, &mutex), DOCENT_OK);
    return docent_mutex_acquire_async(mutex, 5000, on_done, told);
}

static docent_queue *waited_queue;
static docent_claim_queue *waited_claims;

static void on_waited(const docent_result *result, void *user)
{
    on_done(result->status, user);
}

static void on_waited_item(docent_status status, docent_item *item, void *user)
{
    assert_null(item);
    on_done(status, user);
}

static docent_status take_an_item(struct told *told)
{
    assert_int_equal(docent_queue_new(peer.client, "/q", NULL, &waited_queue), DOCENT_OK);
    return docent_queue_take_async(waited_queue, 5000, on_waited, told);
}

static docent_status claim_an_item(struct told *told)
{
    assert_int_equal(docent_claim_queue_new(peer.client, "/q", NULL, &waited_claims), DOCENT_OK);
    return docent_claim_queue_take_async(waited_claims, 5000, on_waited_item, told);
}

static docent_multi_lock *multi;

static docent_status acquire_multi_lock(struct told *told)
{
    static const char *const path = "/l";
    assert_int_equal(docent_multi_lock_new(peer.client, &path, 1, NULL, &multi), DOCENT_OK);
    return docent_multi_lock_acquire_async(multi, 5000, on_done, told);
}

static docent_lease *lease;

static docent_status acquire_lease(struct told *told)
{
    static const docent_lease_options one_minute = { DOCENT_LEASE_OPTIONS, .duration_ms = 60000 };
    assert_int_equal(docent_lease_new(peer.client, "/t", &one_minute, &lease), DOCENT_OK);
    return docent_lease_acquire_async(lease, 5000, on_done, told);
}

static void acquires_until_its_deadline(docent_status (*acquire)(struct told *told))
{
    static struct peer_frame frames[8];
    for (int cut = 0; cut < 2; cut++) {
        static struct told told;
        told = (struct told){ 0 };
        start_patient();
        uint64_t end = peer.now + 5000;
        assert_int_equal(acquire(&told), DOCENT_OK);
        unsigned tries = 0;
        for (size_t count; (count = next_requests(frames, 8, end)) > 0 && told.calls == 0; tries++) {
            if (cut) {
                cut_and_back();
            } else {
                for (size_t i = 0; i < count; i++) peer_reply(&peer, frames[i].xid, 10, DOCENT_ERR_THROTTLED, NULL, 0);
            }
        }
        assert_int_equal(told.calls, 1);
        assert_int_equal(told.status, DOCENT_ERR_TIMEOUT);
        assert_int_equal(told.info.elapsed_ms, end);
        assert_in_range(tries, 3, 100);
        docent_queue_close(waited_queue, NULL, NULL);
        docent_claim_queue_close(waited_claims, NULL, NULL);
        waited_queue = NULL;
        waited_claims = NULL;
        docent_work_queue_close(work, NULL, NULL);
        work = NULL;
        docent_queue_sharder_close(sharder, NULL, NULL);
        sharder = NULL;
        docent_permit_close(permit, NULL, NULL);
        docent_semaphore_close(semaphore, NULL, NULL);
        docent_mutex_close(mutex, NULL, NULL);
        docent_multi_lock_close(multi, NULL, NULL);
        docent_lease_close(lease, NULL, NULL);
        lease = NULL;
        permit = NULL;
        semaphore = NULL;
        mutex = NULL;
        multi = NULL;
        stop_patient();
    }
}

static void test_an_acquire_goes_on_until_its_deadline(void **state)
{
    (void)state;
    acquires_until_its_deadline(acquire_lock);
}

static void test_a_mutex_is_waited_for_until_the_deadline(void **state)
{
    (void)state;
    acquires_until_its_deadline(acquire_mutex);
}

static void test_several_locks_are_waited_for_until_the_deadline(void **state)
{
    (void)state;
    acquires_until_its_deadline(acquire_multi_lock);
}

static void test_a_lease_is_asked_for_until_the_deadline(void **state)
{
    (void)state;
    acquires_until_its_deadline(acquire_lease);
}

static void test_leases_are_waited_for_until_the_deadline(void **state)
{
    (void)state;
    acquires_until_its_deadline(acquire_leases);
}

static void test_an_item_is_waited_for_until_the_deadline(void **state)
{
    (void)state;
    acquires_until_its_deadline(take_an_item);
}

static void test_a_claim_is_waited_for_until_the_deadline(void **state)
{
    (void)state;
    acquires_until_its_deadline(claim_an_item);
}

static void test_a_wait_for_a_cache_goes_on_until_its_deadline(void **state)
{
    (void)state;
    static struct peer_frame frames[8];
    for (int cut = 0; cut < 2; cut++) {
        static struct told told;
        docent_cache *cache;
        told = (struct told){ 0 };
        start_patient();
        assert_int_equal(docent_tree_cache_new(peer.client, "/a", NULL, &cache), DOCENT_OK);
        uint64_t end = peer.now + 5000;
        assert_int_equal(docent_cache_wait_async(cache, NULL, NULL, 5000, on_done, &told), DOCENT_OK);
        unsigned tries = 0;
        for (size_t count; told.calls == 0 && (count = next_requests(frames, 8, end)) > 0; tries++) {
            if (cut) {
                cut_and_back();
            } else {
                for (size_t i = 0; i < count; i++) peer_reply(&peer, frames[i].xid, 10, DOCENT_ERR_THROTTLED, NULL, 0);
            }
        }
        assert_int_equal(told.calls, 1);
        assert_int_equal(told.status, DOCENT_ERR_TIMEOUT);
        assert_int_equal(told.info.elapsed_ms, end);
        assert_in_range(tries, 3, 100);
        docent_cache_close(cache, NULL, NULL);
        stop_patient();
    }
}

static void test_a_wait_for_a_configuration_goes_on_until_its_deadline(void **state)
{
    (void)state;
    static struct peer_frame frames[8];
    for (int cut = 0; cut < 2; cut++) {
        static struct told told;
        docent_config *config;
        told = (struct told){ 0 };
        start_patient();
        assert_int_equal(docent_config_new(peer.client, "/a", NULL, &config), DOCENT_OK);
        uint64_t end = peer.now + 5000;
        assert_int_equal(docent_config_wait_async(config, 5000, on_done, &told), DOCENT_OK);
        unsigned tries = 0;
        for (size_t count; told.calls == 0 && (count = next_requests(frames, 8, end)) > 0; tries++) {
            if (cut) {
                cut_and_back();
            } else {
                for (size_t i = 0; i < count; i++) peer_reply(&peer, frames[i].xid, 10, DOCENT_ERR_THROTTLED, NULL, 0);
            }
        }
        assert_int_equal(told.calls, 1);
        assert_int_equal(told.status, DOCENT_ERR_TIMEOUT);
        assert_int_equal(told.info.elapsed_ms, end);
        assert_in_range(tries, 3, 100);
        docent_config_close(config, NULL, NULL);
        stop_patient();
    }
}

static void test_a_wait_for_leadership_goes_on_until_its_deadline(void **state)
{
    (void)state;
    static struct peer_frame frames[8];
    for (int cut = 0; cut < 2; cut++) {
        static struct told told;
        told = (struct told){ 0 };
        start_patient();
        assert_int_equal(docent_leader_latch_new(peer.client, "/l", NULL, &latch), DOCENT_OK);
        assert_int_equal(docent_leader_latch_start(latch), DOCENT_OK);
        uint64_t end = peer.now + 5000;
        assert_int_equal(docent_leader_latch_await_async(latch, 5000, on_done, &told), DOCENT_OK);
        unsigned tries = 0;
        for (size_t count; told.calls == 0 && (count = next_requests(frames, 8, end)) > 0; tries++) {
            if (cut) {
                cut_and_back();
            } else {
                for (size_t i = 0; i < count; i++) peer_reply(&peer, frames[i].xid, 10, DOCENT_ERR_THROTTLED, NULL, 0);
            }
        }
        assert_int_equal(told.calls, 1);
        assert_int_equal(told.status, DOCENT_ERR_TIMEOUT);
        assert_int_equal(told.info.elapsed_ms, end);
        assert_in_range(tries, 3, 100);
        docent_leader_latch_close(latch, NULL, NULL);
        stop_patient();
    }
}

static void lock_is_held(docent_status (*acquire)(struct told *told))
{
    static struct peer_frame frames[8];
    static struct told told;
    static char path[128];
    told = (struct told){ 0 };
    assert_int_equal(acquire(&told), DOCENT_OK);
    while (told.calls == 0) {
        size_t count = next_requests(frames, 8, peer.now + 1000);
        assert_true(count > 0);
        for (size_t i = 0; i < count; i++) {
            struct wire_in in = docent_wire_in(frames[i].body, frames[i].size);
            wire_bytes asked = docent_wire_get_string(&in);
            if (frames[i].op == WIRE_OP_GET_CHILDREN || frames[i].op == WIRE_OP_GET_CHILDREN2) {
                struct wire_out out = { 0 };
                docent_wire_put_int(&out, 1);
                docent_wire_put_string(&out, docent_wire_string(strrchr(path, '/') + 1));
                docent_wire_put_stat(&out, stat_of_node);
                peer_reply(&peer, frames[i].xid, 11, 0, out.data, out.size);
                docent_wire_out_free(&out);
            } else if (frames[i].op == WIRE_OP_CREATE || frames[i].op == WIRE_OP_CREATE2) {
                snprintf(path, sizeof path, "%.*s0000000001", (int)asked.size, (const char *)asked.data);
                peer_reply_path(&peer, frames[i].xid, 11, path);
            } else {
                peer_reply_stat(&peer, frames[i].xid, 11, &stat_of_node);
            }
        }
    }
    assert_int_equal(told.status, DOCENT_OK);
}

static docent_status release_lock(struct told *told)
{
    return docent_lock_release_async(lock, on_done, told);
}

static docent_status release_mutex(struct told *told)
{
    return docent_mutex_release_async(mutex, on_done, told);
}

static docent_status release_multi_lock(struct told *told)
{
    return docent_multi_lock_release_async(multi, on_done, told);
}

static void releases_until_the_node_is_gone(docent_status (*acquire)(struct told *told), docent_status (*release)(struct told *told))
{
    static struct peer_frame frames[8];
    static struct told told;
    told = (struct told){ 0 };
    start_patient();
    lock_is_held(acquire);
    assert_int_equal(release(&told), DOCENT_OK);
    unsigned deletes = 0;
    while (told.calls == 0) {
        size_t count = next_requests(frames, 8, peer.now + 100000);
        assert_true(count > 0);
        for (size_t i = 0; i < count; i++) {
            bool refused = frames[i].op == WIRE_OP_DELETE && deletes++ < 20;
            if (refused && deletes % 2 == 0) {
                cut_and_back();
                break;
            }
            peer_reply(&peer, frames[i].xid, 12, refused ? DOCENT_ERR_THROTTLED : 0, NULL, 0);
        }
    }
    assert_int_equal(told.status, DOCENT_OK);
    assert_int_equal(deletes, 21);
    docent_mutex_close(mutex, NULL, NULL);
    mutex = NULL;
    docent_multi_lock_close(multi, NULL, NULL);
    multi = NULL;
    stop_patient();
}

static void test_a_release_goes_on_until_the_node_is_gone(void **state)
{
    (void)state;
    releases_until_the_node_is_gone(acquire_lock, release_lock);
}

static void test_a_mutex_goes_on_until_the_node_is_gone(void **state)
{
    (void)state;
    releases_until_the_node_is_gone(acquire_mutex, release_mutex);
}

/* As a server with one item and nobody else. Transactions are not answered. */
static void answer_a_claim(const struct peer_frame *frame)
{
    static const docent_stat stat_of_claim = { .czxid = 12, .mzxid = 12 };
    struct wire_in in = docent_wire_in(frame->body, frame->size);
    wire_bytes path = docent_wire_get_string(&in);
    char text[64];
    struct wire_out out = { 0 };
    snprintf(text, sizeof text, "%.*s", path.size < 0 ? 0 : (int)path.size, (const char *)path.data);
    switch (frame->op) {
    case WIRE_OP_MULTI: break;
    case WIRE_OP_EXISTS: peer_reply_stat(&peer, frame->xid, 12, &stat_of_claim); break;
    case WIRE_OP_GET_DATA: peer_reply_data(&peer, frame->xid, 12, "x", &stat_of_claim); break;
    case WIRE_OP_CREATE:
    case WIRE_OP_SYNC: peer_reply_path(&peer, frame->xid, 12, text); break;
    case WIRE_OP_GET_CHILDREN:
    case WIRE_OP_GET_CHILDREN2: {
        bool items = strcmp(text, "/q/entries") == 0;
        docent_wire_put_int(&out, items ? 1 : 0);
        if (items) docent_wire_put_string(&out, docent_wire_string("entry-100-0000000001"));
        docent_wire_put_stat(&out, stat_of_claim);
        peer_reply(&peer, frame->xid, 12, 0, out.data, out.size);
        docent_wire_out_free(&out);
        break;
    }
    default: peer_reply(&peer, frame->xid, 12, 0, "\0\0\0\0", 4);
    }
}

static void answer_a_transaction(const struct peer_frame *frame, bool requeue)
{
    struct wire_out out = { 0 };
    struct wire_multi_header header = { WIRE_OP_DELETE, false, 0 };
    for (int i = 0; i < 3; i++) {
        header.op = i == 0 ? WIRE_OP_CHECK : WIRE_OP_DELETE;
        docent_wire_put_multi_header(&out, &header);
    }
    if (requeue) {
        header.op = WIRE_OP_CREATE;
        docent_wire_put_multi_header(&out, &header);
        docent_wire_put_string(&out, docent_wire_string("/q/entries/entry-100-0000000002"));
    }
    header = (struct wire_multi_header){ WIRE_OP_ERROR, true, -1 };
    docent_wire_put_multi_header(&out, &header);
    peer_reply(&peer, frame->xid, 13, 0, out.data, out.size);
    docent_wire_out_free(&out);
}

static void on_item_taken(docent_status status, docent_item *item, void *user)
{
    assert_int_equal(status, DOCENT_OK);
    *(docent_item **)user = item;
}

/* Throttled, or cut and found not to have been applied, twenty times; then done. */
static void an_item_is_ended(docent_status (*end)(docent_item *item, docent_done_fn done, void *user), bool requeue)
{
    static struct peer_frame frames[8];
    static struct told told;
    docent_claim_queue_options options = { DOCENT_CLAIM_QUEUE_OPTIONS, .dialect = DOCENT_DIALECT_KAZOO };
    docent_claim_queue *queue;
    docent_item *item = NULL;
    unsigned tries = 0;
    told = (struct told){ 0 };
    start_patient();
    assert_int_equal(docent_claim_queue_new(peer.client, "/q", &options, &queue), DOCENT_OK);
    assert_int_equal(docent_claim_queue_take_async(queue, DOCENT_FOREVER, on_item_taken, &item), DOCENT_OK);
    while (told.calls == 0) {
        size_t count = next_requests(frames, 8, peer.now + 100000);
        assert_true(count > 0);
        for (size_t i = 0; i < count; i++) {
            bool ends = frames[i].op == WIRE_OP_MULTI, refused = ends && tries++ < 20;
            if (refused && tries % 2 == 0) {
                cut_and_back();
                break;
            }
            if (refused) {
                peer_reply(&peer, frames[i].xid, 12, DOCENT_ERR_THROTTLED, NULL, 0);
            } else if (ends) {
                answer_a_transaction(&frames[i], requeue);
            } else {
                answer_a_claim(&frames[i]);
            }
        }
        if (item != NULL && tries == 0) {
            assert_int_equal(end(item, on_done, &told), DOCENT_OK);
            assert_int_equal(end(item, on_done, &told), DOCENT_ERR_BUSY);
        }
    }
    assert_int_equal(told.calls, 1);
    assert_int_equal(told.status, DOCENT_OK);
    assert_int_equal(tries, 21);
    docent_item_close(item, NULL, NULL);
    docent_claim_queue_close(queue, NULL, NULL);
    stop_patient();
}

static void test_an_item_is_ended_whatever_is_in_the_way(void **state)
{
    (void)state;
    an_item_is_ended(docent_item_acknowledge_async, false);
}

static void test_an_item_is_put_back_whatever_is_in_the_way(void **state)
{
    (void)state;
    an_item_is_ended(docent_item_requeue_async, true);
}

static void test_a_release_of_several_goes_on_until_the_nodes_are_gone(void **state)
{
    (void)state;
    releases_until_the_node_is_gone(acquire_multi_lock, release_multi_lock);
}

static void on_watch(const docent_watch_event *event, void *user)
{
    if (event->type == DOCENT_WATCH_ARMED) (*(unsigned *)user)++;
}

static void test_a_standing_watch_is_asked_for_until_it_is_armed(void **state)
{
    (void)state;
    static struct peer_frame frames[8];
    static unsigned armed;
    docent_watch *watch;
    armed = 0;
    start_patient();
    assert_int_equal(docent_watch_async(peer.client, "/a", DOCENT_WATCH_PERSISTENT, on_watch, &armed, &watch), DOCENT_OK);
    for (int i = 0; i < 20; i++) {
        assert_true(next_requests(frames, 8, peer.now + 100000) > 0);
        assert_int_equal(armed, 0);
        cut_and_back();
    }
    assert_true(next_requests(frames, 8, peer.now + 100000) > 0);
    peer_reply(&peer, frames[0].xid, 12, 0, "\0\0\0\0", 4);
    peer_pass(&peer, 0);
    assert_int_equal(armed, 1);
    stop_patient();
}

/* ---- Barriers. ---- */

static docent_barrier *gate;
static docent_double_barrier *member;
static docent_countdown *countdown;
static docent_sync_queue *gatherers;

struct patient_verb {
    docent_status (*start)(uint32_t timeout_ms, docent_done_fn done, void *user);
    bool inside; /* The member is inside when it starts. */
    bool doubts; /* At the deadline it may have to say that it cannot know. */
    uint64_t grace_ms;
};

static docent_status start_gate_set(uint32_t timeout_ms, docent_done_fn done, void *user)
{
    return docent_barrier_set_async(gate, timeout_ms, done, user);
}

static docent_status start_gate_remove(uint32_t timeout_ms, docent_done_fn done, void *user)
{
    return docent_barrier_remove_async(gate, timeout_ms, done, user);
}

static docent_status start_gate_wait(uint32_t timeout_ms, docent_done_fn done, void *user)
{
    return docent_barrier_wait_async(gate, timeout_ms, done, user);
}

static docent_status start_member_enter(uint32_t timeout_ms, docent_done_fn done, void *user)
{
    return docent_double_barrier_enter_async(member, timeout_ms, done, user);
}

static docent_status start_member_leave(uint32_t timeout_ms, docent_done_fn done, void *user)
{
    return docent_double_barrier_leave_async(member, timeout_ms, done, user);
}

static docent_status start_countdown_create(uint32_t timeout_ms, docent_done_fn done, void *user)
{
    return docent_countdown_create_async(countdown, 3, timeout_ms, done, user);
}

static docent_status start_countdown_count_down(uint32_t timeout_ms, docent_done_fn done, void *user)
{
    return docent_countdown_count_down_async(countdown, timeout_ms, done, user);
}

static docent_status start_countdown_wait(uint32_t timeout_ms, docent_done_fn done, void *user)
{
    return docent_countdown_wait_async(countdown, timeout_ms, done, user);
}

static docent_status start_gather(uint32_t timeout_ms, docent_done_fn done, void *user)
{
    return docent_sync_queue_gather_async(gatherers, timeout_ms, done, user);
}

static void member_is_inside(void)
{
    static struct peer_frame frames[8];
    static struct told told;
    char path[128];
    const docent_stat younger = { .czxid = 1000 };
    told = (struct told){ 0 };
    assert_int_equal(docent_double_barrier_enter_async(member, DOCENT_FOREVER, on_done, &told), DOCENT_OK);
    while (told.calls == 0) {
        size_t count = next_requests(frames, 8, peer.now + 1000);
        assert_true(count > 0);
        for (size_t i = 0; i < count; i++) {
            struct wire_in in = docent_wire_in(frames[i].body, frames[i].size);
            wire_bytes asked = docent_wire_get_string(&in);
            snprintf(path, sizeof path, "%.*s", (int)asked.size, (const char *)asked.data);
            if (frames[i].op == WIRE_OP_CREATE || frames[i].op == WIRE_OP_CREATE2) {
                peer_reply_path(&peer, frames[i].xid, 11, path);
            } else {
                peer_reply_stat(&peer, frames[i].xid, 11, &younger);
            }
        }
    }
    assert_int_equal(told.status, DOCENT_OK);
}

static void verb_goes_on_until_its_deadline(const struct patient_verb *verb)
{
    static struct peer_frame frames[8];
    const docent_double_barrier_options two = { DOCENT_DOUBLE_BARRIER_OPTIONS, .quantity = 2 };
    for (int cut = 0; cut < 2; cut++) {
        static struct told told;
        told = (struct told){ 0 };
        start_patient();
        assert_int_equal(docent_barrier_new(peer.client, "/g", NULL, &gate), DOCENT_OK);
        assert_int_equal(docent_double_barrier_new(peer.client, "/d", &two, &member), DOCENT_OK);
        const docent_sync_queue_options pair = { DOCENT_SYNC_QUEUE_OPTIONS, .quantity = 2 };
        assert_int_equal(docent_countdown_new(peer.client, "/c", NULL, &countdown), DOCENT_OK);
        assert_int_equal(docent_sync_queue_new(peer.client, "/q", &pair, &gatherers), DOCENT_OK);
        if (verb->inside) member_is_inside();
        uint64_t end = peer.now + 5000;
        assert_int_equal(verb->start(5000, on_done, &told), DOCENT_OK);
        unsigned tries = 0;
        for (size_t count; (count = next_requests(frames, 8, end + verb->grace_ms)) > 0 && told.calls == 0; tries++) {
            if (cut) {
                cut_and_back();
            } else {
                for (size_t i = 0; i < count; i++) peer_reply(&peer, frames[i].xid, 10, DOCENT_ERR_THROTTLED, NULL, 0);
            }
        }
        assert_int_equal(told.calls, 1);
        assert_int_equal(told.status, verb->doubts && cut ? DOCENT_ERR_UNKNOWN_OUTCOME : DOCENT_ERR_TIMEOUT);
        assert_in_range(told.info.elapsed_ms, end, end + verb->grace_ms);
        assert_in_range(tries, 3, 100);
        docent_barrier_close(gate, NULL, NULL);
        docent_double_barrier_close(member, NULL, NULL);
        docent_countdown_close(countdown, NULL, NULL);
        docent_sync_queue_close(gatherers, NULL, NULL);
        stop_patient();
    }
}

#define VERB_TEST(name, ...)                                                                                                \
    static void test_##name##_goes_on_until_its_deadline(void **state)                                                      \
    {                                                                                                                       \
        const struct patient_verb verb = { start_##name, __VA_ARGS__ };                                                     \
        (void)state;                                                                                                        \
        verb_goes_on_until_its_deadline(&verb);                                                                             \
    }
VERB_TEST(gate_set, .doubts = true)
VERB_TEST(gate_remove, .doubts = false)
VERB_TEST(gate_wait, .doubts = false)
VERB_TEST(member_enter, .grace_ms = 1000)
VERB_TEST(member_leave, .inside = true)
VERB_TEST(countdown_create, .doubts = true)
VERB_TEST(countdown_count_down, .doubts = false)
VERB_TEST(countdown_wait, .doubts = false)
VERB_TEST(gather, .grace_ms = 1000)

/* ---- Work queues. ---- */

static docent_status put_work(struct told *told)
{
    docent_work_queue_options options = { DOCENT_WORK_QUEUE_OPTIONS, .kind = DOCENT_WORK_QUEUE_ID };
    assert_int_equal(docent_work_queue_new(peer.client, "/w", &options, &work), DOCENT_OK);
    return docent_work_queue_put_async(work, &(docent_work_put){ DOCENT_WORK_PUT, .id = "a" }, told == NULL ? DOCENT_FOREVER : 5000,
                                       told == NULL ? NULL : on_done, told);
}

static docent_status flush_work(struct told *told)
{
    assert_int_equal(put_work(NULL), DOCENT_OK);
    return docent_work_queue_flush_async(work, 5000, on_done, told);
}

/* No shard comes of what is answered here. */
static docent_status put_to_a_shard(struct told *told)
{
    assert_int_equal(docent_queue_sharder_new(peer.client, "/w", "/leader", NULL, &sharder), DOCENT_OK);
    assert_int_equal(docent_queue_sharder_start(sharder), DOCENT_OK);
    return docent_queue_sharder_put_async(sharder, &(docent_work_put){ DOCENT_WORK_PUT }, 5000, on_done, told);
}

static void on_removed(docent_status status, size_t count, void *user)
{
    assert_int_equal(count, 0);
    on_done(status, user);
}

static docent_status remove_work(struct told *told)
{
    assert_int_equal(put_work(NULL), DOCENT_OK);
    return docent_work_queue_remove_async(work, "a", 5000, on_removed, told);
}

static void test_a_put_of_work_goes_on_until_its_deadline(void **state)
{
    (void)state;
    acquires_until_its_deadline(put_work);
}

static void test_a_put_to_a_shard_waits_until_its_deadline(void **state)
{
    (void)state;
    acquires_until_its_deadline(put_to_a_shard);
}

static void test_a_flush_of_work_waits_until_its_deadline(void **state)
{
    (void)state;
    acquires_until_its_deadline(flush_work);
}

static void test_a_removal_of_work_goes_on_until_its_deadline(void **state)
{
    (void)state;
    acquires_until_its_deadline(remove_work);
}

static void test_every_operation_has_a_row(void **state)
{
    (void)state;
    for (int type = 0; type < DOCENT_OP_TYPES; type++) {
        bool there = type == DOCENT_OP_CHECK; /* In transactions only. */
        for (size_t i = 0; i < ROWS; i++) there = there || (int)rows[i].type == type;
        if (!there) fail_msg("operation %d has none", type);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_operation_has_a_row),
#define BOTH(name) cmocka_unit_test(test_every_call_keeps_its_policy_when_##name), cmocka_unit_test(test_all_steps_have_one_policy_when_##name)
        BOTH(cut), BOTH(cut_and_expired), BOTH(the_server_times_out), BOTH(the_request_times_out), BOTH(throttled), BOTH(moved),
        cmocka_unit_test(test_every_call_ends_once_whenever_the_client_closes),
        cmocka_unit_test(PATIENT(docent_lock_acquire_async, test_an_acquire_goes_on_until_its_deadline)),
        cmocka_unit_test(PATIENT(docent_multi_lock_acquire_async, test_several_locks_are_waited_for_until_the_deadline)),
        cmocka_unit_test(PATIENT(docent_multi_lock_release_async, test_a_release_of_several_goes_on_until_the_nodes_are_gone)),
        cmocka_unit_test(PATIENT(docent_lease_acquire_async, test_a_lease_is_asked_for_until_the_deadline)),
        cmocka_unit_test(PATIENT(docent_semaphore_acquire_async, test_leases_are_waited_for_until_the_deadline)),
        cmocka_unit_test(PATIENT(docent_mutex_acquire_async, test_a_mutex_is_waited_for_until_the_deadline)),
        cmocka_unit_test(PATIENT(docent_mutex_release_async, test_a_mutex_goes_on_until_the_node_is_gone)),
        cmocka_unit_test(PATIENT(docent_queue_take_async, test_an_item_is_waited_for_until_the_deadline)),
        cmocka_unit_test(PATIENT(docent_claim_queue_take_async, test_a_claim_is_waited_for_until_the_deadline)),
        cmocka_unit_test(PATIENT(docent_item_acknowledge_async, test_an_item_is_ended_whatever_is_in_the_way)),
        cmocka_unit_test(PATIENT(docent_item_requeue_async, test_an_item_is_put_back_whatever_is_in_the_way)),
        cmocka_unit_test(PATIENT(docent_lock_release_async, test_a_release_goes_on_until_the_node_is_gone)),
        cmocka_unit_test(PATIENT(docent_cache_wait_async, test_a_wait_for_a_cache_goes_on_until_its_deadline)),
        cmocka_unit_test(PATIENT(docent_config_wait_async, test_a_wait_for_a_configuration_goes_on_until_its_deadline)),
        cmocka_unit_test(PATIENT(docent_barrier_set_async, test_gate_set_goes_on_until_its_deadline)),
        cmocka_unit_test(PATIENT(docent_barrier_remove_async, test_gate_remove_goes_on_until_its_deadline)),
        cmocka_unit_test(PATIENT(docent_barrier_wait_async, test_gate_wait_goes_on_until_its_deadline)),
        cmocka_unit_test(PATIENT(docent_double_barrier_enter_async, test_member_enter_goes_on_until_its_deadline)),
        cmocka_unit_test(PATIENT(docent_double_barrier_leave_async, test_member_leave_goes_on_until_its_deadline)),
        cmocka_unit_test(PATIENT(docent_work_queue_put_async, test_a_put_of_work_goes_on_until_its_deadline)),
        cmocka_unit_test(PATIENT(docent_queue_sharder_put_async, test_a_put_to_a_shard_waits_until_its_deadline)),
        cmocka_unit_test(PATIENT(docent_work_queue_flush_async, test_a_flush_of_work_waits_until_its_deadline)),
        cmocka_unit_test(PATIENT(docent_work_queue_remove_async, test_a_removal_of_work_goes_on_until_its_deadline)),
        cmocka_unit_test(PATIENT(docent_leader_latch_await_async, test_a_wait_for_leadership_goes_on_until_its_deadline)),
        cmocka_unit_test(PATIENT(docent_countdown_create_async, test_countdown_create_goes_on_until_its_deadline)),
        cmocka_unit_test(PATIENT(docent_countdown_count_down_async, test_countdown_count_down_goes_on_until_its_deadline)),
        cmocka_unit_test(PATIENT(docent_countdown_wait_async, test_countdown_wait_goes_on_until_its_deadline)),
        cmocka_unit_test(PATIENT(docent_sync_queue_gather_async, test_gather_goes_on_until_its_deadline)),
        cmocka_unit_test(PATIENT(docent_watch_async, test_a_standing_watch_is_asked_for_until_it_is_armed)),
    };
    return cmocka_run_group_tests_name("policy", tests, NULL, NULL);
}
