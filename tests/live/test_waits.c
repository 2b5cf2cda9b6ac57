/* tests/live/test_waits.c - every blocking call of a recipe that waits for others, and what ends its wait from outside: its handle is closed, its
 * client is, its session ends. What it returns then is what its header says. */
#include "closers.h"
#include "live.h"

#include <pthread.h>

static docent_client *others; /* Who is in the way. */

/* ---- What is waited for. ---- */

struct wait {
    const struct waiting *kind;
    docent_client *client;
    void *handle;
    docent_status outcome;
    pthread_t thread;
    atomic_bool over;
};

typedef void (*close_fn)(void *handle, void (*closed)(void *user), void *user);

struct waiting {
    const char *name;
    void *(*obstruct)(void);             /* By others. */
    void (*clear)(void *obstacle);       /* It need not wait any more. */
    void *(*make)(docent_client *client);
    docent_status (*wait)(void *handle); /* Blocks. */
    close_fn close;
    docent_status closed;                /* What it returns when its handle is closed. */
    docent_status expired;               /* And when its session ends; DOCENT_OK: it waits on. */
    bool watches_early;                  /* Its handle does before there is a call: nothing tells from outside that one waits. */
};

static void *no_obstacle(void)
{
    return NULL;
}

/* ---- Locks. ---- */

static void *make_lock(docent_client *client)
{
    docent_lock *lock;
    assert_ok(docent_lock_new(client, "/a/lock", NULL, &lock));
    return lock;
}

static void *hold_lock(void)
{
    docent_lock *lock = make_lock(others);
    assert_ok(docent_lock_acquire(lock, PATIENCE_MS));
    return lock;
}

static void drop_lock(void *obstacle)
{
    docent_lock_close(obstacle, NULL, NULL);
}

static docent_status wait_lock(void *handle)
{
    return docent_lock_acquire(handle, DOCENT_FOREVER);
}

static void *make_mutex(docent_client *client)
{
    docent_mutex *mutex;
    assert_ok(docent_mutex_new(client, "/a/lock", NULL, &mutex));
    return mutex;
}

static docent_status wait_mutex(void *handle)
{
    return docent_mutex_acquire(handle, DOCENT_FOREVER);
}

static void *make_multi(docent_client *client)
{
    static const char *const paths[] = { "/a/free", "/a/lock" };
    docent_multi_lock *multi;
    assert_ok(docent_multi_lock_new(client, paths, 2, NULL, &multi));
    return multi;
}

static docent_status wait_multi(void *handle)
{
    return docent_multi_lock_acquire(handle, DOCENT_FOREVER);
}

static void *make_rwlock(docent_client *client)
{
    docent_rwlock *rwlock;
    assert_ok(docent_rwlock_new(client, "/a/rwlock", NULL, &rwlock));
    return rwlock;
}

static void *hold_rwlock(void)
{
    docent_rwlock *rwlock = make_rwlock(others);
    assert_ok(docent_lock_acquire(docent_rwlock_write(rwlock), PATIENCE_MS));
    return rwlock;
}

static void drop_rwlock(void *obstacle)
{
    docent_rwlock_close(obstacle, NULL, NULL);
}

static docent_status wait_rwlock(void *handle)
{
    return docent_lock_acquire(docent_rwlock_read(handle), DOCENT_FOREVER);
}

/* ---- Semaphores and leases. ---- */

static void *make_semaphore(docent_client *client)
{
    docent_semaphore_options options = { DOCENT_SEMAPHORE_OPTIONS, .max = 1 };
    docent_semaphore *semaphore;
    assert_ok(docent_semaphore_new(client, "/a/semaphore", &options, &semaphore));
    return semaphore;
}

static docent_permit *held;

static void *hold_semaphore(void)
{
    docent_semaphore *semaphore = make_semaphore(others);
    assert_ok(docent_semaphore_acquire(semaphore, 1, PATIENCE_MS, &held));
    return semaphore;
}

static docent_status wait_semaphore(void *handle)
{
    docent_permit *permit = NULL;
    docent_status status = docent_semaphore_acquire(handle, 1, DOCENT_FOREVER, &permit);
    docent_permit_close(permit, NULL, NULL);
    return status;
}

static void *make_lease(docent_client *client)
{
    docent_lease_options options = { DOCENT_LEASE_OPTIONS, .duration_ms = 60000 };
    docent_lease *lease;
    assert_ok(docent_lease_new(client, "/a/lease", &options, &lease));
    return lease;
}

static void *hold_lease_lock(void) /* The short lock under which it is written. */
{
    docent_lock_options options = { DOCENT_LOCK_OPTIONS, .dialect = DOCENT_DIALECT_KAZOO };
    docent_lock *lock;
    assert_ok(docent_lock_new(others, "/a/lease", &options, &lock));
    assert_ok(docent_lock_acquire(lock, PATIENCE_MS));
    return lock;
}

static docent_status wait_lease(void *handle)
{
    return docent_lease_acquire(handle, DOCENT_FOREVER);
}

/* ---- Leaders. ---- */

static void *make_latch(docent_client *client)
{
    docent_leader_latch *latch;
    assert_ok(docent_leader_latch_new(client, "/a/latch", NULL, &latch));
    assert_ok(docent_leader_latch_start(latch));
    return latch;
}

static docent_status wait_latch(void *handle)
{
    return docent_leader_latch_await(handle, DOCENT_FOREVER);
}

static void *lead_latch(void)
{
    void *latch = make_latch(others);
    assert_ok(wait_latch(latch));
    return latch;
}

static void drop_latch(void *obstacle)
{
    docent_leader_latch_close(obstacle, NULL, NULL);
}

static void *make_selector(docent_client *client)
{
    docent_leader_selector *selector;
    assert_ok(docent_leader_selector_new(client, "/a/lock", NULL, &selector)); /* The same election as the lock's. */
    return selector;
}

static void no_work(docent_leader_selector *selector, const docent_leader_term *term, void *user)
{
    (void)selector;
    (void)term;
    (void)user;
}

static docent_status wait_selector(void *handle)
{
    return docent_leader_selector_run(handle, DOCENT_FOREVER, no_work, NULL);
}

/* ---- Barriers. ---- */

static void *make_barrier(docent_client *client)
{
    docent_barrier *barrier;
    assert_ok(docent_barrier_new(client, "/a/barrier", NULL, &barrier));
    return barrier;
}

static void *set_barrier(void)
{
    docent_barrier *barrier = make_barrier(others);
    assert_ok(docent_barrier_set(barrier, PATIENCE_MS));
    return barrier;
}

static void open_barrier(void *obstacle)
{
    assert_ok(docent_barrier_remove(obstacle, PATIENCE_MS));
    docent_barrier_close(obstacle, NULL, NULL);
}

static docent_status wait_barrier(void *handle)
{
    return docent_barrier_wait(handle, DOCENT_FOREVER);
}

static void *make_member(docent_client *client)
{
    docent_double_barrier_options options = { DOCENT_DOUBLE_BARRIER_OPTIONS, .quantity = 2 };
    docent_double_barrier *member;
    assert_ok(docent_double_barrier_new(client, "/a/members", &options, &member));
    return member;
}

static docent_status wait_member(void *handle)
{
    return docent_double_barrier_enter(handle, DOCENT_FOREVER);
}

static void *make_countdown(docent_client *client)
{
    docent_countdown *countdown;
    assert_ok(docent_countdown_new(client, "/a/countdown", NULL, &countdown));
    return countdown;
}

static void *begin_countdown(void)
{
    docent_countdown *countdown = make_countdown(others);
    assert_ok(docent_countdown_create(countdown, 1, PATIENCE_MS));
    return countdown;
}

static void end_countdown(void *obstacle)
{
    assert_ok(docent_countdown_count_down(obstacle, PATIENCE_MS));
    docent_countdown_close(obstacle, NULL, NULL);
}

static docent_status wait_countdown(void *handle)
{
    return docent_countdown_wait(handle, DOCENT_FOREVER);
}

static void *make_sync_queue(docent_client *client)
{
    docent_sync_queue_options options = { DOCENT_SYNC_QUEUE_OPTIONS, .quantity = 2 };
    docent_sync_queue *queue;
    assert_ok(docent_sync_queue_new(client, "/a/sync", &options, &queue));
    return queue;
}

static docent_status wait_sync_queue(void *handle)
{
    return docent_sync_queue_gather(handle, DOCENT_FOREVER);
}

/* ---- Queues. ---- */

static void *make_queue(docent_client *client)
{
    docent_queue *queue;
    assert_ok(docent_queue_new(client, "/a/queue", NULL, &queue));
    return queue;
}

static docent_status wait_queue(void *handle)
{
    docent_result *result = NULL;
    docent_status status = docent_queue_take(handle, DOCENT_FOREVER, &result);
    docent_result_free(result);
    return status;
}

static void put_queue(void *obstacle)
{
    (void)obstacle;
    docent_queue *queue = make_queue(others);
    assert_ok(docent_queue_put(queue, "a", 1, NULL));
    docent_queue_close(queue, NULL, NULL);
}

static void *make_claim_queue(docent_client *client)
{
    docent_claim_queue_options options = { DOCENT_CLAIM_QUEUE_OPTIONS, .dialect = DOCENT_DIALECT_KAZOO };
    docent_claim_queue *queue;
    assert_ok(docent_claim_queue_new(client, "/a/claims", &options, &queue));
    return queue;
}

static docent_status wait_claim_queue(void *handle)
{
    docent_item *item = NULL;
    docent_status status = docent_claim_queue_take(handle, DOCENT_FOREVER, &item);
    docent_item_close(item, NULL, NULL);
    return status;
}

static void put_claim_queue(void *obstacle)
{
    (void)obstacle;
    docent_claim_queue *queue = make_claim_queue(others);
    assert_ok(docent_claim_queue_put(queue, "a", 1, NULL));
    docent_claim_queue_close(queue, NULL, NULL);
}

static void *make_work_queue(docent_client *client) /* Full with one item. */
{
    docent_work_queue_options options = { DOCENT_WORK_QUEUE_OPTIONS, .max_items = 1 };
    docent_work_queue *queue;
    assert_ok(docent_work_queue_new(client, "/a/work", &options, &queue));
    return queue;
}

static docent_status wait_work_queue(void *handle)
{
    docent_work_put put = { DOCENT_WORK_PUT };
    return docent_work_queue_put(handle, &put, DOCENT_FOREVER);
}

static void *fill_work_queue(void)
{
    docent_work_queue *queue = make_work_queue(others);
    assert_ok(wait_work_queue(queue));
    docent_work_queue_close(queue, NULL, NULL);
    return NULL;
}

static void empty_work_queue(void *obstacle)
{
    (void)obstacle;
    assert_ok(docent_delete(others, "/a/work/queue-0000000000", DOCENT_ANY_VERSION));
}

static void drop_semaphore(void *obstacle)
{
    docent_permit_close(held, NULL, NULL);
    docent_semaphore_close(obstacle, NULL, NULL);
}

static const struct waiting kinds[] = {
    { "barrier", set_barrier, open_barrier, make_barrier, wait_barrier, close_barrier, DOCENT_ERR_CLOSING, DOCENT_OK, false },
    { "claim queue", no_obstacle, put_claim_queue, make_claim_queue, wait_claim_queue, close_claim_queue, DOCENT_ERR_CLOSING, DOCENT_OK, false },
    { "countdown", begin_countdown, end_countdown, make_countdown, wait_countdown, close_countdown, DOCENT_ERR_CLOSING, DOCENT_OK, false },
    { "double barrier", no_obstacle, NULL, make_member, wait_member, close_member, DOCENT_ERR_CLOSING, DOCENT_ERR_SESSION_EXPIRED, false },
    { "latch", lead_latch, drop_latch, make_latch, wait_latch, close_latch, DOCENT_ERR_CLOSING, DOCENT_OK, true },
    { "lease", hold_lease_lock, drop_lock, make_lease, wait_lease, close_lease, DOCENT_ERR_CANCELLED, DOCENT_ERR_SESSION_EXPIRED, false },
    { "lock", hold_lock, drop_lock, make_lock, wait_lock, close_lock, DOCENT_ERR_CLOSING, DOCENT_ERR_SESSION_EXPIRED, false },
    { "multi-lock", hold_lock, drop_lock, make_multi, wait_multi, close_multi, DOCENT_ERR_CLOSING, DOCENT_ERR_SESSION_EXPIRED, false },
    { "mutex", hold_lock, drop_lock, make_mutex, wait_mutex, close_mutex, DOCENT_ERR_CLOSING, DOCENT_ERR_SESSION_EXPIRED, false },
    { "queue", no_obstacle, put_queue, make_queue, wait_queue, close_queue, DOCENT_ERR_CLOSING, DOCENT_OK, false },
    { "rwlock", hold_rwlock, drop_rwlock, make_rwlock, wait_rwlock, close_rwlock, DOCENT_ERR_CLOSING, DOCENT_ERR_SESSION_EXPIRED, false },
    { "selector", hold_lock, drop_lock, make_selector, wait_selector, close_selector, DOCENT_ERR_CLOSING, DOCENT_OK, false },
    { "semaphore", hold_semaphore, drop_semaphore, make_semaphore, wait_semaphore, close_semaphore, DOCENT_ERR_CLOSING, DOCENT_ERR_SESSION_EXPIRED, false },
    { "sync queue", no_obstacle, NULL, make_sync_queue, wait_sync_queue, close_sync_queue, DOCENT_ERR_CLOSING, DOCENT_ERR_SESSION_EXPIRED, false },
    { "work queue", fill_work_queue, empty_work_queue, make_work_queue, wait_work_queue, close_work_queue, DOCENT_ERR_CLOSING, DOCENT_OK, true },
};

/* ---- Waiting. ---- */

static void *run_wait(void *user)
{
    struct wait *w = user;
    w->outcome = w->kind->wait(w->handle);
    w->over = true;
    return NULL;
}

static uint64_t watches_of(docent_client *client)
{
    docent_stats_snapshot snapshot = { DOCENT_STATS_SNAPSHOT };
    assert_ok(docent_client_stats(client, &snapshot));
    return snapshot.watches;
}

/* Returns when it waits: it has looked at what it waits for, and left a watch. */
static void begin_wait(struct wait *w, const struct waiting *kind, docent_stats *stats, void **ret_obstacle)
{
    docent_client_options options = { DOCENT_CLIENT_OPTIONS, .stats = stats };
    print_message("# %s\n", kind->name);
    *ret_obstacle = kind->obstruct();
    *w = (struct wait){ .kind = kind, .client = client_start(&options) };
    w->handle = kind->make(w->client);
    assert_int_equal(pthread_create(&w->thread, NULL, run_wait, w), 0);
    assert_soon(watches_of(w->client) > 0);
    assert_false(w->over);
}

static void assert_outcome(struct wait *w, docent_status due)
{
    assert_soon(w->over);
    pthread_join(w->thread, NULL);
    if (w->outcome != due) fail_msg("%s: %s, not %s", w->kind->name, docent_status_name(w->outcome), docent_status_name(due));
}

static void count(void *user)
{
    atomic_int *times = user;
    (*times)++;
}

enum way { BY_HANDLE, BY_CLIENT, BY_EXPIRY };

static void waits_end(enum way way)
{
    docent_stats *stats;
    assert_ok(docent_stats_new(NULL, &stats));
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        const struct waiting *kind = &kinds[i];
        atomic_int closed = 0;
        void *obstacle;
        struct wait w;
        if (kind->watches_early && way != BY_EXPIRY) continue; /* Who has not begun may not find handle and client gone. */
        assert_int_equal(server_start_with(PATIENT_SESSION_MS), 0);
        others = client_start(NULL);
        begin_wait(&w, kind, stats, &obstacle);
        switch (way) {
        case BY_HANDLE:
            kind->close(w.handle, count, &closed);
            assert_outcome(&w, kind->closed);
            assert_soon(closed == 1);
            break;
        case BY_CLIENT:
            docent_client_close(w.client, NULL, NULL);
            assert_outcome(&w, DOCENT_ERR_CLOSING);
            kind->close(w.handle, count, &closed);
            assert_int_equal(closed, 1);
            break;
        case BY_EXPIRY:
            expire(w.client);
            if (kind->expired == DOCENT_OK) {
                kind->clear(obstacle);
                obstacle = NULL;
            }
            assert_outcome(&w, kind->expired);
            kind->close(w.handle, count, &closed);
            assert_soon(closed == 1);
            break;
        }
        if (way != BY_CLIENT) docent_client_close(w.client, NULL, NULL);
        if (obstacle != NULL) kind->clear(obstacle);
        docent_client_close(others, NULL, NULL);
        (void)server_stop(NULL);
    }
    docent_stats_unref(stats);
}

static void waits_end_with_the_handle(void **state)
{
    (void)state;
    waits_end(BY_HANDLE);
}

static void waits_end_with_the_client(void **state)
{
    (void)state;
    waits_end(BY_CLIENT);
}

static void waits_end_with_the_session_or_go_on_in_the_next(void **state)
{
    (void)state;
    waits_end(BY_EXPIRY);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(waits_end_with_the_handle),
        cmocka_unit_test(waits_end_with_the_client),
        cmocka_unit_test(waits_end_with_the_session_or_go_on_in_the_next),
    };
    return run_live(tests, argc, argv);
}
