/* tests/live/test_closing.c - every recipe is closed from each of its callbacks, and so is its client: from the callback, from another thread
 * while it runs, twice, after the client. (The client alone: test_close.c. From outside, while a call waits: test_waits.c.)
 *
 * A play is one recipe, one of its callbacks, and one deed, done there when it comes first. What must be true of each: no callback comes after
 * the handle's `closed`, that comes once, each call that was accepted is told once, and all memory is given back. */
#include "closers.h"
#include "live.h"

#include <pthread.h>

#include "test_alloc.h"

enum deed { CLOSE_TWICE, CLOSE_ELSEWHERE, CLOSE_CLIENT, CLIENT_THEN_CLOSE, DEEDS };
static const char *const deed_name[DEEDS] = { "close twice", "close from a thread", "close the client", "close the client, then it" };

enum { CALLS_MAX = 16, OTHERS_MAX = 4 };

typedef void (*close_fn)(void *handle, void (*closed)(void *user), void *user);

struct call { /* That was accepted, and its answer. */
    struct play *play;
    const char *name;
    int told;
};

struct play {
    const struct recipe *recipe;
    const char *spot; /* The callback that does the deed. */
    enum deed deed;
    docent_client *client;
    struct test_alloc alloc;
    void *handle;
    void *part;                /* Of it, if it has any. */
    struct { void *handle; close_fn close; } others[OTHERS_MAX]; /* Handles besides, to be closed in the end. */
    int other_count, other_closed_count;
    pthread_mutex_t other_mutex;
    struct call calls[CALLS_MAX];
    int call_count;
    bool struck;               /* Loop. */
    int late;                  /* Callbacks after `closed`. */
    atomic_bool done, ready;   /* The deed. What the recipe needs to be provoked. */
    atomic_int closed, client_closed;
};

struct recipe {
    const char *name;
    void (*begin)(struct play *p); /* On the loop: makes the handle, and asks for things. */
    close_fn close;
    const char *spots[12];
    bool shares; /* Some calls of the play are those of another handle, and may be told after `closed`. */
};

/* ---- The deed. ---- */

static void on_closed(void *user)
{
    ((struct play *)user)->closed++;
}

static void on_closed_again(void *user)
{
    (void)user;
    fail_msg("a second close was told of");
}

static void on_client_closed(void *user)
{
    ((struct play *)user)->client_closed++;
}

static void *close_elsewhere(void *user)
{
    struct play *p = user;
    p->recipe->close(p->handle, on_closed, p);
    return NULL;
}

static void do_deed(struct play *p)
{
    pthread_t thread;
    switch (p->deed) {
    case CLOSE_TWICE:
        p->recipe->close(p->handle, on_closed, p);
        p->recipe->close(p->handle, on_closed_again, p);
        break;
    case CLOSE_ELSEWHERE:
        if (pthread_create(&thread, NULL, close_elsewhere, p) == 0) pthread_join(thread, NULL);
        break;
    case CLOSE_CLIENT: docent_client_close(p->client, on_client_closed, p); break;
    case CLIENT_THEN_CLOSE:
        docent_client_close(p->client, on_client_closed, p);
        p->recipe->close(p->handle, on_closed, p);
        break;
    case DEEDS: break;
    }
    p->done = true;
}

/* In every callback. True: it may go on with the play. */
static bool at(struct play *p, const char *spot)
{
    p->late += p->closed > 0 && !p->recipe->shares;
    if (!p->struck && strcmp(p->spot, spot) == 0) {
        p->struck = true;
        do_deed(p);
    }
    return !p->struck;
}

/* The call that is about to be made. If it is not accepted it is not counted. */
static struct call *next_call(struct play *p, const char *name)
{
    struct call *call = &p->calls[p->call_count];
    *call = (struct call){ .play = p, .name = name };
    return call;
}

static void accepted(struct play *p, docent_status status)
{
    if (status == DOCENT_OK) {
        p->call_count++;
    } else {
        fail_msg("%s, %s: refused: %s", p->recipe->name, p->calls[p->call_count].name, docent_status_name(status));
    }
}

static void keep_other(struct play *p, void *handle, close_fn close)
{
    pthread_mutex_lock(&p->other_mutex);
    p->others[p->other_count].handle = handle;
    p->others[p->other_count++].close = close;
    pthread_mutex_unlock(&p->other_mutex);
}

/* Those that there are by now. */
static void close_others(struct play *p)
{
    pthread_mutex_lock(&p->other_mutex);
    while (p->other_closed_count < p->other_count) {
        int at = p->other_closed_count++;
        p->others[at].close(p->others[at].handle, NULL, NULL);
    }
    pthread_mutex_unlock(&p->other_mutex);
}

static bool told(struct call *call)
{
    call->told++;
    return at(call->play, call->name);
}

/* Puts and looks of simple queues are the client's, and go on when the queue is closed. */
static void on_result_of_client(const docent_result *result, void *user)
{
    struct call *call = user;
    int late = call->play->late;
    (void)result;
    (void)told(call);
    call->play->late = late;
}

static void on_done(docent_status status, void *user)
{
    (void)status;
    (void)told(user);
}

static void on_result(const docent_result *result, void *user)
{
    (void)result;
    (void)told(user);
}


/* ---- Locks. ---- */

static void lock_state(docent_lock *lock, docent_lock_state state, void *user)
{
    (void)lock;
    (void)at(user, state == DOCENT_LOCK_WAITING ? "waiting" : state == DOCENT_LOCK_HELD ? "held" : state == DOCENT_LOCK_RELEASED ? "released" : "suspect");
}

static void lock_lost(docent_lock *lock, docent_status why, void *user)
{
    (void)lock;
    (void)why;
    (void)at(user, "lost");
}

static void lock_revoked(docent_lock *lock, void *user)
{
    struct play *p = user;
    if (at(p, "revoke") && strcmp(p->spot, "lost") != 0) accepted(p, docent_lock_release_async(lock, on_done, next_call(p, "gone")));
}

static void lock_had(docent_status status, void *user)
{
    struct play *p = ((struct call *)user)->play;
    p->ready = true;
    if (!told(user) || status != DOCENT_OK) return;
    accepted(p, docent_lock_participants_async(p->part, on_result, next_call(p, "participants")));
    accepted(p, docent_lock_revoke_async(p->part, NULL, on_result, next_call(p, "revoked")));
}

static void begin_lock(struct play *p)
{
    docent_lock_options options = { DOCENT_LOCK_OPTIONS, .on_state = lock_state, .on_lost = lock_lost, .on_revoke = lock_revoked, .user = p };
    docent_lock *lock;
    assert_ok(docent_lock_new(p->client, "/lock", &options, &lock));
    p->handle = p->part = lock;
    accepted(p, docent_lock_acquire_async(lock, DOCENT_FOREVER, lock_had, next_call(p, "acquired")));
}

static void rwlock_write_had(docent_status status, void *user)
{
    struct play *p = ((struct call *)user)->play;
    lock_had(status, user);
    if (!p->struck) accepted(p, docent_lock_acquire_async(docent_rwlock_read(p->handle), DOCENT_FOREVER, on_done, next_call(p, "downgraded")));
}

static void begin_rwlock(struct play *p)
{
    docent_rwlock_options options = { DOCENT_RWLOCK_OPTIONS, .on_state = lock_state, .on_lost = lock_lost, .on_revoke = lock_revoked, .user = p };
    docent_rwlock *rwlock;
    assert_ok(docent_rwlock_new(p->client, "/rwlock", &options, &rwlock));
    p->handle = rwlock;
    p->part = docent_rwlock_write(rwlock);
    accepted(p, docent_lock_acquire_async(p->part, DOCENT_FOREVER, rwlock_write_had, next_call(p, "acquired")));
}

static void mutex_state(docent_mutex *mutex, docent_lock_state state, void *user)
{
    (void)mutex;
    lock_state(NULL, state, user);
}

static void mutex_lost(docent_mutex *mutex, docent_status why, void *user)
{
    (void)mutex;
    lock_lost(NULL, why, user);
}

static void mutex_had_again(docent_status status, void *user)
{
    struct play *p = ((struct call *)user)->play;
    p->ready = true;
    if (!told(user) || status != DOCENT_OK || strcmp(p->spot, "lost") == 0) return;
    accepted(p, docent_mutex_release_async(p->handle, on_done, next_call(p, "one given back")));
    accepted(p, docent_mutex_release_async(p->handle, on_done, next_call(p, "gone")));
}

static void mutex_had(docent_status status, void *user)
{
    struct play *p = ((struct call *)user)->play;
    if (told(user) && status == DOCENT_OK) accepted(p, docent_mutex_acquire_async(p->handle, 0, mutex_had_again, next_call(p, "again")));
}

static void begin_mutex(struct play *p)
{
    docent_mutex_options options = { DOCENT_MUTEX_OPTIONS, .on_state = mutex_state, .on_lost = mutex_lost, .user = p };
    docent_mutex *mutex;
    assert_ok(docent_mutex_new(p->client, "/mutex", &options, &mutex));
    p->handle = mutex;
    accepted(p, docent_mutex_acquire_async(mutex, DOCENT_FOREVER, mutex_had, next_call(p, "acquired")));
}

static void multi_state(docent_multi_lock *multi, docent_lock_state state, void *user)
{
    (void)multi;
    lock_state(NULL, state, user);
}

static void multi_lost(docent_multi_lock *multi, size_t member, docent_status why, void *user)
{
    (void)multi;
    (void)member;
    lock_lost(NULL, why, user);
}

static void multi_had(docent_status status, void *user)
{
    struct play *p = ((struct call *)user)->play;
    p->ready = true;
    if (!told(user) || status != DOCENT_OK || strcmp(p->spot, "lost") == 0) return;
    accepted(p, docent_multi_lock_release_async(p->handle, on_done, next_call(p, "gone")));
}

static void begin_multi(struct play *p)
{
    static const char *const paths[] = { "/multi-a", "/multi-b", "/multi-c" };
    docent_multi_lock_options options = { DOCENT_MULTI_LOCK_OPTIONS, .on_state = multi_state, .on_lost = multi_lost, .user = p };
    docent_multi_lock *multi;
    assert_ok(docent_multi_lock_new(p->client, paths, 3, &options, &multi));
    p->handle = multi;
    accepted(p, docent_multi_lock_acquire_async(multi, DOCENT_FOREVER, multi_had, next_call(p, "acquired")));
}

/* ---- Semaphores and leases. ---- */

static void permit_state(docent_permit *permit, docent_permit_state state, void *user)
{
    struct play *p = user;
    if (permit == p->handle) p->late += p->closed > 0;
    (void)at(user, state == DOCENT_PERMIT_HELD ? "held" : state == DOCENT_PERMIT_RETURNED ? "returned" : "suspect");
}

static void permit_lost(docent_permit *permit, docent_status why, void *user)
{
    struct play *p = user;
    (void)why;
    if (permit == p->handle) p->late += p->closed > 0;
    (void)at(user, "lost");
}

static void permit_had(docent_status status, void *user)
{
    struct play *p = ((struct call *)user)->play;
    p->ready = true;
    if (!told(user) || status != DOCENT_OK) return;
    accepted(p, docent_semaphore_participants_async(p->part, on_result, next_call(p, "participants")));
}

static docent_permit *begin_permits(struct play *p)
{
    docent_semaphore_options options = { DOCENT_SEMAPHORE_OPTIONS, .max = 3, .on_state = permit_state, .on_lost = permit_lost, .user = p };
    docent_semaphore *semaphore;
    docent_permit *permit, *waits;
    assert_ok(docent_semaphore_new(p->client, "/semaphore", &options, &semaphore));
    p->part = semaphore;
    accepted(p, docent_semaphore_acquire_async(semaphore, 2, DOCENT_FOREVER, permit_had, next_call(p, "acquired"), &permit));
    accepted(p, docent_semaphore_acquire_async(semaphore, 2, DOCENT_FOREVER, on_done, next_call(p, "waits"), &waits));
    keep_other(p, waits, close_permit);
    return permit;
}

static void begin_semaphore(struct play *p)
{
    keep_other(p, begin_permits(p), close_permit);
    p->handle = p->part;
}

static void begin_permit(struct play *p)
{
    p->handle = begin_permits(p);
    keep_other(p, p->part, close_semaphore);
}

static void begin_lease(struct play *p)
{
    docent_lease_options options = { DOCENT_LEASE_OPTIONS, .duration_ms = 60000, .slots = 2 };
    docent_lease *lease;
    assert_ok(docent_lease_new(p->client, "/lease", &options, &lease));
    p->handle = lease;
    accepted(p, docent_lease_acquire_async(lease, DOCENT_FOREVER, on_done, next_call(p, "acquired")));
}

/* ---- Leaders. ---- */

static void on_change(docent_leader_latch *latch, const docent_leadership *leadership, void *user)
{
    (void)latch;
    (void)at(user, leadership->leads ? "leads" : "lost");
}

static void on_listened(docent_leader_latch *latch, const docent_leadership *leadership, void *user)
{
    (void)latch;
    (void)at(user, leadership->leads ? "listener" : "first heard");
}

static void latch_leads(docent_status status, void *user)
{
    struct play *p = ((struct call *)user)->play;
    p->ready = true;
    if (!told(user) || status != DOCENT_OK) return;
    accepted(p, docent_leader_latch_participants_async(p->handle, on_result, next_call(p, "participants")));
    accepted(p, docent_leader_latch_leader_async(p->handle, on_result, next_call(p, "leader")));
}

static void begin_latch(struct play *p)
{
    docent_leader_latch_options options = { DOCENT_LEADER_LATCH_OPTIONS, .close_mode = DOCENT_LATCH_CLOSE_NOTIFY, .on_change = on_change, .user = p };
    docent_leader_latch *latch;
    docent_leader_latch_listener *listener;
    assert_ok(docent_leader_latch_new(p->client, "/latch", &options, &latch));
    p->handle = latch;
    assert_ok(docent_leader_latch_listen(latch, true, on_listened, p, &listener));
    assert_ok(docent_leader_latch_start(latch));
    accepted(p, docent_leader_latch_await_async(latch, DOCENT_FOREVER, latch_leads, next_call(p, "await")));
}

static void on_leadership(docent_leader_selector *selector, const docent_leader_term *term, void *user)
{
    (void)term;
    struct play *p = user;
    p->ready = true;
    if (!at(p, "leads") || p->call_count > 0) return;
    accepted(p, docent_leader_selector_participants_async(selector, on_result, next_call(p, "participants")));
    accepted(p, docent_leader_selector_leader_async(selector, on_result, next_call(p, "leader")));
    assert_ok(docent_leader_selector_interrupt(selector));
}

static void on_interrupt(docent_leader_selector *selector, const docent_leader_term *term, docent_status why, void *user)
{
    bool goes_on = at(user, why == DOCENT_ERR_CANCELLED ? "interrupted" : "lost");
    if (goes_on && why != DOCENT_ERR_CANCELLED) docent_leader_selector_relinquish(selector, term->number);
}

static void begin_selector(struct play *p)
{
    docent_leader_selector_options options = {
        DOCENT_LEADER_SELECTOR_OPTIONS, .auto_requeue = true, .on_leadership = on_leadership, .on_interrupt = on_interrupt, .user = p,
    };
    docent_leader_selector *selector;
    assert_ok(docent_leader_selector_new(p->client, "/selector", &options, &selector));
    p->handle = selector;
    assert_ok(docent_leader_selector_start(selector));
}

/* ---- Barriers. ---- */

static void barrier_set(docent_status status, void *user)
{
    struct play *p = ((struct call *)user)->play;
    if (!told(user) || status != DOCENT_OK) return;
    accepted(p, docent_barrier_wait_async(p->handle, DOCENT_FOREVER, on_done, next_call(p, "waits")));
    accepted(p, docent_barrier_remove_async(p->handle, DOCENT_FOREVER, on_done, next_call(p, "remove")));
}

static void begin_barrier(struct play *p)
{
    docent_barrier *barrier;
    assert_ok(docent_barrier_new(p->client, "/barrier", NULL, &barrier));
    p->handle = barrier;
    accepted(p, docent_barrier_set_async(barrier, DOCENT_FOREVER, barrier_set, next_call(p, "set")));
}

static void member_lost(docent_double_barrier *member, docent_status why, void *user)
{
    (void)member;
    (void)why;
    (void)at(user, "lost");
}

static void member_entered(docent_status status, void *user)
{
    struct play *p = ((struct call *)user)->play;
    p->ready = true;
    if (!told(user) || status != DOCENT_OK || strcmp(p->spot, "lost") == 0) return;
    accepted(p, docent_double_barrier_leave_async(p->handle, DOCENT_FOREVER, on_done, next_call(p, "left")));
}

static void begin_member(struct play *p)
{
    docent_double_barrier_options options = { DOCENT_DOUBLE_BARRIER_OPTIONS, .quantity = 1, .on_lost = member_lost, .user = p };
    docent_double_barrier *member;
    assert_ok(docent_double_barrier_new(p->client, "/double", &options, &member));
    p->handle = member;
    accepted(p, docent_double_barrier_enter_async(member, DOCENT_FOREVER, member_entered, next_call(p, "entered")));
}

static void countdown_made(docent_status status, void *user)
{
    struct play *p = ((struct call *)user)->play;
    if (!told(user) || status != DOCENT_OK) return;
    accepted(p, docent_countdown_wait_async(p->handle, DOCENT_FOREVER, on_done, next_call(p, "waits")));
    accepted(p, docent_countdown_count_down_async(p->handle, DOCENT_FOREVER, on_done, next_call(p, "counted")));
}

static void begin_countdown(struct play *p)
{
    docent_countdown *countdown;
    assert_ok(docent_countdown_new(p->client, "/countdown", NULL, &countdown));
    p->handle = countdown;
    accepted(p, docent_countdown_create_async(countdown, 1, DOCENT_FOREVER, countdown_made, next_call(p, "made")));
}

static void begin_sync_queue(struct play *p)
{
    docent_sync_queue_options options = { DOCENT_SYNC_QUEUE_OPTIONS, .quantity = 2 };
    docent_sync_queue *queue;
    assert_ok(docent_sync_queue_new(p->client, "/sync", &options, &queue));
    p->handle = queue;
    accepted(p, docent_sync_queue_gather_async(queue, DOCENT_FOREVER, on_done, next_call(p, "first")));
    accepted(p, docent_sync_queue_gather_async(queue, DOCENT_FOREVER, on_done, next_call(p, "second")));
}

/* ---- Queues. ---- */

static void queue_had_one(const docent_result *result, void *user)
{
    struct play *p = ((struct call *)user)->play;
    if (!told(user) || result->status != DOCENT_OK) return;
    accepted(p, docent_queue_take_async(p->handle, DOCENT_FOREVER, on_result, next_call(p, "taken")));
    accepted(p, docent_queue_peek_async(p->handle, on_result_of_client, next_call(p, "peeked")));
    accepted(p, docent_queue_size_async(p->handle, on_result_of_client, next_call(p, "size")));
}

static const docent_queue_bytes two_items[] = { { "b", 1 }, { "c", 1 } };

static void begin_queue(struct play *p)
{
    docent_queue *queue;
    assert_ok(docent_queue_new(p->client, "/queue", NULL, &queue));
    p->handle = queue;
    accepted(p, docent_queue_take_async(queue, DOCENT_FOREVER, queue_had_one, next_call(p, "waits")));
    accepted(p, docent_queue_put_async(queue, "a", 1, on_result_of_client, next_call(p, "put")));
    accepted(p, docent_queue_put_many_async(queue, two_items, 2, on_result_of_client, next_call(p, "put two")));
}

static void item_lost(docent_item *item, docent_status why, void *user)
{
    struct play *p = user;
    (void)why;
    if (item == p->handle) p->late += p->closed > 0;
    (void)at(user, "lost");
}

static void item_had(docent_status status, docent_item *item, void *user)
{
    struct call *call = user;
    struct play *p = call->play;
    bool second = strcmp(call->name, "second") == 0;
    if (item != NULL && p->recipe->close == close_item && p->handle == NULL) { /* The play is about this item. */
        p->handle = item;
    } else if (item != NULL) {
        keep_other(p, item, close_item);
    }
    p->ready = item != NULL;
    if (!told(call) || status != DOCENT_OK || strcmp(p->spot, "lost") == 0) return;
    if (second) {
        accepted(p, docent_item_requeue_async(item, on_done, next_call(p, "requeued")));
    } else {
        accepted(p, docent_item_acknowledge_async(item, on_done, next_call(p, "acknowledged")));
    }
}

static docent_claim_queue *begin_claims(struct play *p)
{
    docent_claim_queue_options options = { DOCENT_CLAIM_QUEUE_OPTIONS, .dialect = DOCENT_DIALECT_KAZOO, .on_lost = item_lost, .user = p };
    docent_claim_queue *queue;
    assert_ok(docent_claim_queue_new(p->client, "/claims", &options, &queue));
    return queue;
}

static void begin_claim_queue(struct play *p)
{
    docent_claim_queue *queue = begin_claims(p);
    p->handle = queue;
    accepted(p, docent_claim_queue_take_async(queue, DOCENT_FOREVER, item_had, next_call(p, "first")));
    accepted(p, docent_claim_queue_take_async(queue, DOCENT_FOREVER, item_had, next_call(p, "second")));
    accepted(p, docent_claim_queue_put_async(queue, "a", 1, on_result_of_client, next_call(p, "put")));
    accepted(p, docent_claim_queue_put_many_async(queue, two_items, 2, on_result_of_client, next_call(p, "put two")));
}

static void begin_item(struct play *p)
{
    docent_claim_queue *queue = begin_claims(p);
    keep_other(p, queue, close_claim_queue);
    accepted(p, docent_claim_queue_take_async(queue, DOCENT_FOREVER, item_had, next_call(p, "first")));
    accepted(p, docent_claim_queue_put_async(queue, "a", 1, on_result_of_client, next_call(p, "put")));
}

static void on_item(docent_work_queue *queue, docent_work_item *item, void *user)
{
    (void)queue;
    struct play *p = user;
    p->ready = true;
    (void)at(p, "item");
    docent_work_item_done(item, DOCENT_WORK_DONE);
}

static void on_put(docent_work_queue *queue, const char *name, void *user)
{
    (void)queue;
    (void)name;
    (void)at(user, "item put");
}

static void on_trouble(docent_work_queue *queue, const docent_work_trouble *trouble, void *user)
{
    (void)queue;
    (void)trouble;
    (void)at(user, "trouble");
}

static void on_removed(docent_status status, size_t count, void *user)
{
    (void)status;
    (void)count;
    (void)told(user);
}

static void work_spoilt(const docent_result *result, void *user)
{
    (void)result;
    (void)user;
}

static void begin_work_queue(struct play *p)
{
    docent_work_queue_options options = {
        DOCENT_WORK_QUEUE_OPTIONS, .kind = DOCENT_WORK_QUEUE_ID, .lock_path = "/work-locks", .on_item = on_item, .on_put = on_put,
        .on_trouble = on_trouble, .user = p,
    };
    docent_work_put put = { DOCENT_WORK_PUT, .id = "a" }, other = { DOCENT_WORK_PUT, .id = "b" };
    docent_create_node_options parents = { DOCENT_CREATE_NODE_OPTIONS, .parents = DOCENT_PARENTS_PERSISTENT };
    docent_work_queue *queue;
    assert_ok(docent_work_queue_new(p->client, "/work", &options, &queue));
    p->handle = queue;
    assert_ok(docent_create_node_async(p->client, "/work/queue-|c|0000000000", "spoilt", 6, DOCENT_PERSISTENT, &parents, work_spoilt, NULL));
    accepted(p, docent_work_queue_put_async(queue, &put, DOCENT_FOREVER, on_done, next_call(p, "put")));
    accepted(p, docent_work_queue_put_async(queue, &other, DOCENT_FOREVER, on_done, next_call(p, "put another")));
    accepted(p, docent_work_queue_flush_async(queue, DOCENT_FOREVER, on_done, next_call(p, "flushed")));
    accepted(p, docent_work_queue_remove_async(queue, "a", DOCENT_FOREVER, on_removed, next_call(p, "removed")));
}

static void on_shard(docent_queue_sharder *sharder, const char *name, docent_work_queue *queue, void *user)
{
    (void)sharder;
    (void)name;
    (void)queue;
    (void)at(user, "shard");
}

static void begin_sharder(struct play *p)
{
    docent_work_queue_options queue = { DOCENT_WORK_QUEUE_OPTIONS, .on_item = on_item, .on_put = on_put, .user = p };
    docent_queue_sharder_options options = { DOCENT_QUEUE_SHARDER_OPTIONS, .queue = &queue, .check_ms = 10, .on_shard = on_shard, .user = p };
    docent_work_put put = { DOCENT_WORK_PUT };
    docent_queue_sharder *sharder;
    assert_ok(docent_queue_sharder_new(p->client, "/shards", "/shards-leader", &options, &sharder));
    p->handle = sharder;
    assert_ok(docent_queue_sharder_start(sharder));
    accepted(p, docent_queue_sharder_put_async(sharder, &put, DOCENT_FOREVER, on_done, next_call(p, "put")));
}

static const struct recipe recipes[] = {
    { "barrier", begin_barrier, close_barrier, { "set", "waits", "remove" }, false },
    { "claim queue", begin_claim_queue, close_claim_queue, { "first", "second", "put", "put two", "acknowledged", "requeued", "lost" }, false },
    { "countdown", begin_countdown, close_countdown, { "made", "waits", "counted" }, false },
    { "double barrier", begin_member, close_member, { "entered", "left", "lost" }, false },
    { "item", begin_item, close_item, { "first", "acknowledged", "lost" }, true },
    { "latch", begin_latch, close_latch, { "first heard", "leads", "listener", "await", "participants", "leader", "lost" }, false },
    { "lease", begin_lease, close_lease, { "acquired" }, false },
    { "lock", begin_lock, close_lock, { "waiting", "held", "acquired", "participants", "revoked", "revoke", "released", "gone", "lost" }, false },
    { "multi-lock", begin_multi, close_multi, { "waiting", "held", "acquired", "released", "gone", "lost" }, false },
    { "mutex", begin_mutex, close_mutex, { "waiting", "held", "acquired", "again", "one given back", "released", "gone", "lost" }, false },
    { "permit", begin_permit, close_permit, { "held", "acquired", "participants", "lost" }, true },
    { "queue", begin_queue, close_queue, { "waits", "put", "put two", "taken", "peeked", "size" }, false },
    { "rwlock", begin_rwlock, close_rwlock,
      { "waiting", "held", "acquired", "participants", "revoked", "revoke", "released", "gone", "downgraded", "lost" }, false },
    { "selector", begin_selector, close_selector, { "leads", "participants", "leader", "interrupted", "lost" }, false },
    { "semaphore", begin_semaphore, close_semaphore, { "held", "acquired", "participants", "returned", "lost" }, false },
    { "sharder", begin_sharder, close_sharder, { "shard", "item put", "put", "item" }, false },
    { "sync queue", begin_sync_queue, close_sync_queue, { "first", "second" }, false },
    { "work queue", begin_work_queue, close_work_queue, { "item", "item put", "put", "put another", "flushed", "removed", "trouble" }, false },
};

static void begin(void *user)
{
    struct play *p = user;
    p->recipe->begin(p);
}

static void play_out(const struct recipe *recipe, const char *spot, enum deed deed)
{
    static struct play play;
    struct play *p = &play;
    *p = (struct play){ .recipe = recipe, .other_mutex = PTHREAD_MUTEX_INITIALIZER };
    p->spot = spot;
    p->deed = deed;
    assert_int_equal(server_start_with(PATIENT_SESSION_MS), 0);
    test_alloc_init(&p->alloc, 0);
    docent_client_options options = { DOCENT_CLIENT_OPTIONS, .allocator = &p->alloc.allocator };
    p->client = client_start(&options);
    assert_ok(docent_client_post(p->client, begin, p));
    if (strcmp(spot, "lost") == 0 || strcmp(spot, "returned") == 0) {
        assert_soon(p->ready);
        expire(p->client);
    }
    assert_soon(p->done);
    bool client_goes = deed == CLOSE_CLIENT || deed == CLIENT_THEN_CLOSE;
    if (client_goes) assert_soon(p->client_closed == 1);
    if (deed == CLOSE_CLIENT) recipe->close(p->handle, on_closed, p);
    close_others(p);
    assert_soon(p->closed == 1);
    if (!client_goes) docent_client_close(p->client, NULL, NULL);
    close_others(p); /* An item may have come last. */
    assert_int_equal(p->closed, 1);
    assert_int_equal(p->late, 0);
    for (int i = 0; i < p->call_count; i++) {
        if (p->calls[i].told != 1) fail_msg("%s, %s: told %d times", recipe->name, p->calls[i].name, p->calls[i].told);
    }
    assert_soon(p->alloc.outstanding == 0); /* The loop's thread may be about to give back the last. */
    (void)server_stop(NULL);
}

static void closed_from_each_callback(void **state)
{
    (void)state;
    for (size_t r = 0; r < sizeof recipes / sizeof *recipes; r++) {
        for (const char *const *spot = recipes[r].spots; *spot != NULL; spot++) {
            for (int deed = 0; deed < DEEDS; deed++) {
                print_message("# %s, in \"%s\": %s\n", recipes[r].name, *spot, deed_name[deed]);
                play_out(&recipes[r], *spot, (enum deed)deed);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(closed_from_each_callback),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
