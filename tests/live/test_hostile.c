/* tests/live/test_hostile.c - recipes whose directories others make trouble in: they delete them again and again, put things there that are
 * nobody's, or deny access. What a recipe then does is wait, or end with what the server said; never with something else, and never for ever. */
#include "live.h"

#include <pthread.h>

static docent_client *client, *others;

static int start(void **state)
{
    if (server_start_patient(state) != 0) return -1;
    client = client_start(NULL);
    others = client_start(NULL);
    return 0;
}

static int stop(void **state)
{
    docent_client_close(client, NULL, NULL);
    docent_client_close(others, NULL, NULL);
    return server_stop(state);
}

/* ---- One use of each recipe, from making it to its end. Each has a directory of its own below "/a". ---- */

static void closed(void *user)
{
    atomic_bool *over = user;
    *over = true;
}

#define CLOSE(type, handle)                                                                                                 \
    do {                                                                                                                    \
        atomic_bool over = false;                                                                                           \
        type##_close(handle, closed, &over);                                                                                \
        assert_soon(over);                                                                                                  \
    } while (0)

static docent_status use_lock(uint32_t timeout_ms)
{
    docent_lock *lock;
    assert_ok(docent_lock_new(client, "/a/lock", NULL, &lock));
    docent_status status = docent_lock_acquire(lock, timeout_ms);
    CLOSE(docent_lock, lock);
    return status;
}

static docent_status use_kazoo_lock(uint32_t timeout_ms)
{
    docent_lock_options options = { DOCENT_LOCK_OPTIONS, .dialect = DOCENT_DIALECT_KAZOO };
    docent_lock *lock;
    assert_ok(docent_lock_new(client, "/a/kazoo", &options, &lock));
    docent_status status = docent_lock_acquire(lock, timeout_ms);
    CLOSE(docent_lock, lock);
    return status;
}

static docent_status use_mutex(uint32_t timeout_ms)
{
    docent_mutex *mutex;
    assert_ok(docent_mutex_new(client, "/a/mutex", NULL, &mutex));
    docent_status status = docent_mutex_acquire(mutex, timeout_ms);
    CLOSE(docent_mutex, mutex);
    return status;
}

static docent_status use_rwlock(uint32_t timeout_ms)
{
    docent_rwlock *rwlock;
    assert_ok(docent_rwlock_new(client, "/a/rwlock", NULL, &rwlock));
    docent_status status = docent_lock_acquire(docent_rwlock_read(rwlock), timeout_ms);
    CLOSE(docent_rwlock, rwlock);
    return status;
}

static docent_status use_multi(uint32_t timeout_ms)
{
    static const char *const paths[] = { "/a/multi-a", "/a/multi-b" };
    docent_multi_lock *multi;
    assert_ok(docent_multi_lock_new(client, paths, 2, NULL, &multi));
    docent_status status = docent_multi_lock_acquire(multi, timeout_ms);
    CLOSE(docent_multi_lock, multi);
    return status;
}

static docent_status use_semaphore_of(docent_dialect dialect, const char *path, uint32_t timeout_ms)
{
    docent_semaphore_options options = { DOCENT_SEMAPHORE_OPTIONS, .dialect = dialect, .max = 100 };
    docent_semaphore *semaphore;
    docent_permit *permit = NULL;
    assert_ok(docent_semaphore_new(client, path, &options, &semaphore));
    docent_status status = docent_semaphore_acquire(semaphore, 2, timeout_ms, &permit);
    docent_permit_close(permit, NULL, NULL);
    CLOSE(docent_semaphore, semaphore);
    return status;
}

static docent_status use_semaphore(uint32_t timeout_ms)
{
    return use_semaphore_of(DOCENT_DIALECT_CURATOR, "/a/semaphore", timeout_ms);
}

static docent_status use_kazoo_semaphore(uint32_t timeout_ms)
{
    return use_semaphore_of(DOCENT_DIALECT_KAZOO, "/a/gate", timeout_ms);
}

static docent_status use_lease(uint32_t timeout_ms)
{
    docent_lease_options options = { DOCENT_LEASE_OPTIONS, .duration_ms = 60000, .slots = 2 };
    docent_lease *lease;
    assert_ok(docent_lease_new(client, "/a/lease", &options, &lease));
    docent_status status = docent_lease_acquire(lease, timeout_ms);
    CLOSE(docent_lease, lease);
    return status;
}

static docent_status use_latch(uint32_t timeout_ms)
{
    docent_leader_latch *latch;
    assert_ok(docent_leader_latch_new(client, "/a/latch", NULL, &latch));
    assert_ok(docent_leader_latch_start(latch));
    docent_status status = docent_leader_latch_await(latch, timeout_ms);
    CLOSE(docent_leader_latch, latch);
    return status;
}

static void no_work(docent_leader_selector *selector, const docent_leader_term *term, void *user)
{
    (void)selector;
    (void)term;
    (void)user;
}

static docent_status use_selector(uint32_t timeout_ms)
{
    docent_leader_selector *selector;
    assert_ok(docent_leader_selector_new(client, "/a/selector", NULL, &selector));
    docent_status status = docent_leader_selector_run(selector, timeout_ms, no_work, NULL);
    CLOSE(docent_leader_selector, selector);
    return status;
}

static docent_status use_barrier(uint32_t timeout_ms)
{
    docent_barrier *barrier;
    assert_ok(docent_barrier_new(client, "/a/barrier/node", NULL, &barrier));
    docent_status status = docent_barrier_set(barrier, timeout_ms);
    if (status == DOCENT_OK) status = docent_barrier_remove(barrier, timeout_ms);
    if (status == DOCENT_OK) status = docent_barrier_wait(barrier, timeout_ms);
    CLOSE(docent_barrier, barrier);
    return status;
}

static docent_status use_member(uint32_t timeout_ms)
{
    docent_double_barrier_options options = { DOCENT_DOUBLE_BARRIER_OPTIONS, .quantity = 1 };
    docent_double_barrier *member;
    assert_ok(docent_double_barrier_new(client, "/a/double", &options, &member));
    docent_status status = docent_double_barrier_enter(member, timeout_ms);
    if (status == DOCENT_OK) status = docent_double_barrier_leave(member, timeout_ms);
    CLOSE(docent_double_barrier, member);
    return status;
}

static docent_status use_countdown(uint32_t timeout_ms)
{
    docent_countdown *countdown;
    char path[64];
    static int number;
    snprintf(path, sizeof path, "/a/countdown/%d", number++);
    assert_ok(docent_countdown_new(client, path, NULL, &countdown));
    docent_status status = docent_countdown_create(countdown, 1, timeout_ms);
    if (status == DOCENT_OK) status = docent_countdown_count_down(countdown, timeout_ms);
    if (status == DOCENT_OK) status = docent_countdown_wait(countdown, timeout_ms);
    CLOSE(docent_countdown, countdown);
    return status;
}

static docent_status use_sync_queue(uint32_t timeout_ms)
{
    docent_sync_queue_options options = { DOCENT_SYNC_QUEUE_OPTIONS, .quantity = 1 };
    docent_sync_queue *queue;
    assert_ok(docent_sync_queue_new(client, "/a/sync", &options, &queue));
    docent_status status = docent_sync_queue_gather(queue, timeout_ms);
    CLOSE(docent_sync_queue, queue);
    return status;
}

static docent_status use_queue_of(docent_dialect dialect, const char *path, uint32_t timeout_ms)
{
    docent_queue_options options = { DOCENT_QUEUE_OPTIONS, .dialect = dialect };
    docent_queue *queue;
    docent_result *result = NULL;
    assert_ok(docent_queue_new(client, path, &options, &queue));
    docent_status status = docent_queue_put(queue, "a", 1, NULL);
    if (status == DOCENT_OK) status = docent_queue_take(queue, timeout_ms, &result);
    docent_result_free(result);
    CLOSE(docent_queue, queue);
    return status;
}

static docent_status use_queue(uint32_t timeout_ms)
{
    return use_queue_of(DOCENT_DIALECT_CURATOR, "/a/queue", timeout_ms);
}

static docent_status use_kazoo_queue(uint32_t timeout_ms)
{
    return use_queue_of(DOCENT_DIALECT_KAZOO, "/a/entries", timeout_ms);
}

static docent_status use_claim_queue(uint32_t timeout_ms)
{
    docent_claim_queue_options options = { DOCENT_CLAIM_QUEUE_OPTIONS, .dialect = DOCENT_DIALECT_KAZOO };
    docent_claim_queue *queue;
    docent_item *item = NULL;
    assert_ok(docent_claim_queue_new(client, "/a/claims", &options, &queue));
    docent_status status = docent_claim_queue_put(queue, "a", 1, NULL);
    if (status == DOCENT_OK) status = docent_claim_queue_take(queue, timeout_ms, &item);
    if (status == DOCENT_OK) status = docent_item_acknowledge(item);
    docent_item_close(item, NULL, NULL);
    CLOSE(docent_claim_queue, queue);
    return status;
}

static atomic_int items_done;

static void do_item(docent_work_queue *queue, docent_work_item *item, void *user)
{
    (void)queue;
    (void)user;
    docent_work_item_done(item, DOCENT_WORK_DONE);
    items_done++;
}

static docent_status use_work_queue_of(docent_work_queue_kind kind, const char *path, const char *locks, uint32_t timeout_ms)
{
    docent_work_queue_options options = {
        DOCENT_WORK_QUEUE_OPTIONS, .kind = kind, .lock_path = locks, .quarantine_path = "/a/quarantine", .receipt_path = "/a/receipts", .on_item = do_item,
    };
    docent_work_put put = { DOCENT_WORK_PUT };
    if (kind == DOCENT_WORK_QUEUE_ID) put.id = "i";
    if (kind == DOCENT_WORK_QUEUE_PRIORITY) put.priority = -5;
    if (kind == DOCENT_WORK_QUEUE_DELAY) put.due_ms = 1;
    docent_work_queue *queue;
    int before = items_done;
    assert_ok(docent_work_queue_new(client, path, &options, &queue));
    docent_status status = docent_work_queue_put(queue, &put, timeout_ms);
    for (uint32_t waited = 0; status == DOCENT_OK && items_done == before; waited++) {
        if (waited > timeout_ms) status = DOCENT_ERR_TIMEOUT;
        pause_ms(1);
    }
    CLOSE(docent_work_queue, queue);
    return status;
}

static docent_status use_work_queue(uint32_t timeout_ms)
{
    return use_work_queue_of(DOCENT_WORK_QUEUE_PLAIN, "/a/work", "/a/work-locks", timeout_ms);
}

static docent_status use_cheap_queue(uint32_t timeout_ms)
{
    return use_work_queue_of(DOCENT_WORK_QUEUE_PLAIN, "/a/cheap", NULL, timeout_ms);
}

static docent_status use_id_queue(uint32_t timeout_ms)
{
    return use_work_queue_of(DOCENT_WORK_QUEUE_ID, "/a/ids", "/a/id-locks", timeout_ms);
}

static docent_status use_priority_queue(uint32_t timeout_ms)
{
    return use_work_queue_of(DOCENT_WORK_QUEUE_PRIORITY, "/a/priorities", NULL, timeout_ms);
}

static docent_status use_delay_queue(uint32_t timeout_ms)
{
    return use_work_queue_of(DOCENT_WORK_QUEUE_DELAY, "/a/delays", "/a/delay-locks", timeout_ms);
}

static docent_status use_sharder(uint32_t timeout_ms)
{
    docent_queue_sharder_options options = { DOCENT_QUEUE_SHARDER_OPTIONS, .check_ms = 10 };
    docent_work_put put = { DOCENT_WORK_PUT };
    docent_queue_sharder *sharder;
    assert_ok(docent_queue_sharder_new(client, "/a/shards", "/a/shard-leader", &options, &sharder));
    assert_ok(docent_queue_sharder_start(sharder));
    docent_status status = docent_queue_sharder_put(sharder, &put, timeout_ms);
    CLOSE(docent_queue_sharder, sharder);
    return status;
}

static const struct use {
    const char *name;
    docent_status (*use)(uint32_t timeout_ms);
    const char *directory;
    const char *more; /* Another one. */
} uses[] = {
    { "lock", use_lock, "/a/lock", NULL },
    { "kazoo's lock", use_kazoo_lock, "/a/kazoo", NULL },
    { "mutex", use_mutex, "/a/mutex", NULL },
    { "read/write lock", use_rwlock, "/a/rwlock", NULL },
    { "multi-lock", use_multi, "/a/multi-a", "/a/multi-b" },
    { "semaphore", use_semaphore, "/a/semaphore/leases", "/a/semaphore/locks" },
    { "kazoo's semaphore", use_kazoo_semaphore, "/a/gate", "/a/gate-__lock__" },
    { "lease", use_lease, "/a/lease", NULL },
    { "latch", use_latch, "/a/latch", NULL },
    { "selector", use_selector, "/a/selector", NULL },
    { "barrier", use_barrier, "/a/barrier", NULL },
    { "double barrier", use_member, "/a/double", NULL },
    { "countdown", use_countdown, "/a/countdown", NULL },
    { "synchronising queue", use_sync_queue, "/a/sync", NULL },
    { "queue", use_queue, "/a/queue", NULL },
    { "kazoo's queue", use_kazoo_queue, "/a/entries", NULL },
    { "claim queue", use_claim_queue, "/a/claims/entries", "/a/claims/taken" },
    { "work queue", use_work_queue, "/a/work", "/a/work-locks" },
    { "work queue without locks", use_cheap_queue, "/a/cheap", NULL },
    { "queue of ids", use_id_queue, "/a/ids", "/a/id-locks" },
    { "queue of priorities", use_priority_queue, "/a/priorities", NULL },
    { "queue of times", use_delay_queue, "/a/delays", "/a/delay-locks" },
    { "sharder", use_sharder, "/a/shards", "/a/shard-leader" },
};
enum { USES = sizeof uses / sizeof *uses };

/* ---- Deleted again and again. ---- */

struct reaper {
    atomic_bool over;
    const char *path;
    pthread_t thread;
};

static void *reap(void *user)
{
    struct reaper *reaper = user;
    docent_delete_node_options options = { DOCENT_DELETE_NODE_OPTIONS, .recursive = true };
    while (!reaper->over) {
        docent_status status = docent_delete_node(others, reaper->path, DOCENT_ANY_VERSION, &options);
        (void)status; /* Others create there. */
    }
    return NULL;
}

enum { BRIEF_MS = 30, BRIEF_TIMES = 5 };

static void it_recovers_from_what_is_deleted_under_it(void **state)
{
    (void)state;
    struct reaper reaper = { .path = "/a" };
    assert_int_equal(pthread_create(&reaper.thread, NULL, reap, &reaper), 0);
    for (int i = 0; i < USES; i++) {
        print_message("# %s\n", uses[i].name);
        for (int times = 0; times < BRIEF_TIMES; times++) (void)uses[i].use(BRIEF_MS);
    }
    reaper.over = true;
    pthread_join(reaper.thread, NULL);
    for (int i = 0; i < USES; i++) {
        docent_status status = uses[i].use(PATIENCE_MS);
        if (status != DOCENT_OK) fail_msg("%s: %s", uses[i].name, docent_status_name(status));
    }
}

/* ---- Nobody's. ---- */

/* Left out is what peers put in front of all that has a number: they, and we, wait for that. */
static const char *const strange[] = {
    "x", "lock-x", "lock-99999999999", "latch-99999999999", "_c_", "_c_0-lock-x", "__lock__", "z__lock__x", "z__READ__9", "z-__WRIT__99999999999",
    "lease-", "lease", "qn", "qn_1", "entry", "entry-", "entry-x-0000000000", "entry-100-1", "queue", "queu-0000000000", "readyx", "d-", "d-x", "open-",
    "zzzz-9999999999",
};
enum { STRANGE = sizeof strange / sizeof *strange };

static void sow(const char *directory)
{
    docent_create_node_options parents = { DOCENT_CREATE_NODE_OPTIONS, .parents = DOCENT_PARENTS_PERSISTENT };
    char path[128];
    for (int i = 0; i < STRANGE; i++) {
        snprintf(path, sizeof path, "%s/%s", directory, strange[i]);
        assert_ok(docent_create_node(others, path, "?", 1, DOCENT_PERSISTENT, &parents, NULL));
    }
}

static bool is_there(const char *directory, const char *name)
{
    char path[128];
    docent_stat stat;
    snprintf(path, sizeof path, "%s/%s", directory, name);
    return docent_exists(others, path, &stat) == DOCENT_OK;
}

static void what_is_nobodys_is_left_alone(void **state)
{
    (void)state;
    for (int i = 0; i < USES; i++) {
        if (uses[i].use == use_sharder || uses[i].use == use_member) continue; /* What there is is a shard, or a member. */
        print_message("# %s\n", uses[i].name);
        assert_ok(uses[i].use(PATIENCE_MS)); /* Makes what there is to make. */
        sow(uses[i].directory);
        if (uses[i].more != NULL) sow(uses[i].more);
        assert_ok(uses[i].use(PATIENCE_MS));
        for (int n = 0; n < STRANGE; n++) {
            if (!is_there(uses[i].directory, strange[n])) fail_msg("%s: %s is gone", uses[i].name, strange[n]);
        }
    }
}

/* ---- Denied. ---- */

static void set_perms(const char *path, int32_t perms)
{
    docent_acl entry = { perms, "world", "anyone" };
    docent_op op = docent_op_set_acl(path, (docent_acl_list){ &entry, 1 }, DOCENT_ANY_VERSION);
    assert_ok(docent_run(others, &op, NULL, NULL));
}

static bool latch_says(docent_leader_latch *latch, docent_status reason)
{
    docent_recipe_info info = { DOCENT_RECIPE_INFO };
    assert_ok(docent_leader_latch_info(latch, &info));
    return info.reason == reason;
}

static void what_is_denied_is_said(void **state)
{
    (void)state;
    assert_ok(docent_create(others, "/a", NULL, 0, DOCENT_PERSISTENT, NULL));
    set_perms("/a", DOCENT_PERM_READ | DOCENT_PERM_ADMIN);
    for (int i = 0; i < USES; i++) {
        if (uses[i].use == use_latch || uses[i].use == use_selector) continue; /* They try again. */
        print_message("# %s\n", uses[i].name);
        assert_status(uses[i].use(PATIENCE_MS), DOCENT_ERR_NO_AUTH);
    }
    docent_leader_latch *latch;
    assert_ok(docent_leader_latch_new(client, "/a/latch", NULL, &latch));
    assert_ok(docent_leader_latch_start(latch));
    assert_soon(latch_says(latch, DOCENT_ERR_NO_AUTH));
    set_perms("/a", DOCENT_PERM_ALL);
    assert_ok(docent_leader_latch_await(latch, PATIENCE_MS));
    assert_true(latch_says(latch, DOCENT_OK));
    CLOSE(docent_leader_latch, latch);
}

static void what_is_given_back_goes_when_it_may(void **state)
{
    (void)state;
    docent_lock *lock;
    docent_stat stat;
    assert_ok(docent_lock_new(client, "/a/lock", NULL, &lock));
    assert_ok(docent_lock_acquire(lock, PATIENCE_MS));
    set_perms("/a/lock", DOCENT_PERM_ALL & ~DOCENT_PERM_DELETE);
    assert_status(docent_lock_release_wait(lock, 300), DOCENT_ERR_TIMEOUT);
    assert_ok(docent_exists(others, "/a/lock", &stat));
    assert_int_equal(stat.num_children, 1);
    set_perms("/a/lock", DOCENT_PERM_ALL);
    assert_ok(docent_lock_release_wait(lock, PATIENCE_MS));
    docent_lock_close(lock, NULL, NULL);
}

int main(int argc, char **argv)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
    const struct CMUnitTest tests[] = {
        TEST(it_recovers_from_what_is_deleted_under_it),
        TEST(what_is_nobodys_is_left_alone),
        TEST(what_is_denied_is_said),
        TEST(what_is_given_back_goes_when_it_may),
    };
    return run_live(tests, argc, argv);
}
