/* tests/live/soak_worker.c - soak_worker SERVERS NUMBER: plays all recipes at once, in one session, until the end of its input, and prints what
 * came of it; see soak.h and soak.c. A line of input ends the puts, so that the queues run dry. NUMBER: no other worker of this soak has it. */
#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <docent/docent.h>

#include "soak.h"
#include "test_clock.h"

enum { LONG_MS = 120000, SHORT_MS = 3000, SESSION_MS = 3000, HOLD_NS = 5000000, POLL_NS = 200000, ITEMS_WAITING_MAX = 100 };

static docent_client *client;
static uint32_t number;
static atomic_bool over, drained; /* Nothing more is begun; nothing more is put. */

static void pause_ns(long ns)
{
    nanosleep(&(struct timespec){ .tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000 }, NULL);
}

/* A line is one write, so that lines of several threads do not mix, and the parent reads those of a worker that was killed. */
static void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void say(const char *format, ...)
{
    char line[256];
    va_list values;
    va_start(values, format);
    int size = vsnprintf(line, sizeof line - 1, format, values);
    va_end(values);
    line[size++] = '\n';
    if (write(STDOUT_FILENO, line, (size_t)size) != size) _exit(1);
}

/* Did it succeed? What does not is said, unless faults explain it, or it is @excused. */
static bool good(enum soak_recipe recipe, docent_status status, docent_status excused)
{
    if (status == DOCENT_OK) return true;
    if (status != DOCENT_ERR_SESSION_EXPIRED && status != DOCENT_ERR_UNKNOWN_OUTCOME && status != DOCENT_ERR_CLOSING && status != excused) {
        say("trouble %s %s", soak_names[recipe], docent_status_name(status));
    }
    pause_ns(50 * POLL_NS); /* Not at once again, if nobody can be asked. */
    return false;
}

/* The clock is read after the token in the beginning and before it later: in between it was held for certain. */
static void hold(enum soak_recipe recipe, int64_t (*token_of)(void *), void *what, int64_t token)
{
    int64_t before = token_of(what);
    uint64_t from = test_clock_ns(), to = from;
    if (before == -1) return;
    for (uint64_t now = from; now - from < HOLD_NS;) {
        pause_ns(POLL_NS);
        now = test_clock_ns();
        if (token_of(what) != before) break;
        to = now;
    }
    say("hold %s %" PRId64 " %" PRIu64 " %" PRIu64, soak_names[recipe], token == -1 ? -1 : before, from, to);
}

static void make(docent_status status, const char *what)
{
    if (status == DOCENT_OK) return;
    fprintf(stderr, "soak_worker: %s: %s\n", what, docent_status_name(status));
    _exit(1);
}

/* ---- The recipes: each a thread. ---- */

static int64_t lock_token(void *lock)
{
    return docent_lock_token(lock);
}

static int64_t lock_held(void *lock)
{
    docent_lock_state state = docent_lock_get_state(lock);
    return state == DOCENT_LOCK_HELD || state == DOCENT_LOCK_SUSPECT ? 1 : -1;
}

static void *play_lock(void *user)
{
    docent_lock *lock = NULL;
    (void)user;
    make(docent_lock_new(client, "/soak/lock", NULL, &lock), "lock");
    while (!atomic_load(&over)) {
        if (!good(SOAK_LOCK, docent_lock_acquire(lock, LONG_MS), DOCENT_OK)) continue;
        hold(SOAK_LOCK, lock_token, lock, 0);
        docent_lock_release(lock);
    }
    docent_lock_close(lock, NULL, NULL);
    return NULL;
}

static int64_t mutex_token(void *mutex)
{
    return docent_mutex_token(mutex);
}

/* Twice, and held while one of the two is. */
static void *play_mutex(void *user)
{
    docent_mutex *mutex = NULL;
    (void)user;
    make(docent_mutex_new(client, "/soak/mutex", NULL, &mutex), "mutex");
    while (!atomic_load(&over)) {
        if (!good(SOAK_MUTEX, docent_mutex_acquire(mutex, LONG_MS), DOCENT_OK)) continue;
        if (good(SOAK_MUTEX, docent_mutex_acquire(mutex, LONG_MS), DOCENT_OK)) (void)docent_mutex_release(mutex);
        hold(SOAK_MUTEX, mutex_token, mutex, 0);
        (void)docent_mutex_release(mutex);
    }
    docent_mutex_close(mutex, NULL, NULL);
    return NULL;
}

static int64_t multi_token(void *multi)
{
    docent_lock_state state = docent_multi_lock_get_state(multi);
    return state == DOCENT_LOCK_HELD || state == DOCENT_LOCK_SUSPECT ? docent_lock_token(docent_multi_lock_member(multi, 0)) : -1;
}

static void *play_multi(void *user)
{
    docent_multi_lock *multi = NULL;
    const char *const paths[] = { "/soak/multi/a", "/soak/multi/b" };
    (void)user;
    make(docent_multi_lock_new(client, paths, 2, NULL, &multi), "multi");
    while (!atomic_load(&over)) {
        if (!good(SOAK_MULTI, docent_multi_lock_acquire(multi, LONG_MS), DOCENT_ERR_NO_NODE)) continue;
        hold(SOAK_MULTI, multi_token, multi, 0);
        docent_multi_lock_release(multi);
    }
    docent_multi_lock_close(multi, NULL, NULL);
    return NULL;
}

/* Reads mostly; writes, and goes on reading. */
static void *play_rwlock(void *user)
{
    docent_rwlock *both = NULL;
    (void)user;
    make(docent_rwlock_new(client, "/soak/read-write", NULL, &both), "read-write");
    docent_lock *reader = docent_rwlock_read(both), *writer = docent_rwlock_write(both);
    for (unsigned round = 0; !atomic_load(&over); round++) {
        bool writes = round % 3 == 0;
        if (writes) {
            if (!good(SOAK_WRITE, docent_lock_acquire(writer, LONG_MS), DOCENT_OK)) continue;
            hold(SOAK_WRITE, lock_token, writer, 0);
        }
        if (good(SOAK_READ, docent_lock_acquire(reader, LONG_MS), writes ? DOCENT_ERR_NOT_HELD : DOCENT_OK)) {
            docent_lock_release(writer);
            hold(SOAK_READ, lock_held, reader, -1);
            docent_lock_release(reader);
        }
        docent_lock_release(writer);
    }
    docent_rwlock_close(both, NULL, NULL);
    return NULL;
}

static int64_t permit_held(void *permit)
{
    docent_permit_state state = docent_permit_get_state(permit);
    return state == DOCENT_PERMIT_HELD || state == DOCENT_PERMIT_SUSPECT ? 1 : -1;
}

static void *play_semaphore(void *user)
{
    docent_semaphore *semaphore = NULL;
    docent_semaphore_options options = { DOCENT_SEMAPHORE_OPTIONS, .max = SOAK_LEASES };
    (void)user;
    make(docent_semaphore_new(client, "/soak/semaphore", &options, &semaphore), "semaphore");
    while (!atomic_load(&over)) {
        docent_permit *permit = NULL;
        if (!good(SOAK_SEMAPHORE, docent_semaphore_acquire(semaphore, 1, LONG_MS, &permit), DOCENT_OK)) continue;
        hold(SOAK_SEMAPHORE, permit_held, permit, -1);
        docent_permit_close(permit, NULL, NULL);
    }
    docent_semaphore_close(semaphore, NULL, NULL);
    return NULL;
}

static int64_t latch_token(void *latch)
{
    return docent_leader_latch_token(latch);
}

/* Leads for a while, and stands again behind the others. */
static void *play_latch(void *user)
{
    (void)user;
    while (!atomic_load(&over)) {
        docent_leader_latch *latch = NULL;
        make(docent_leader_latch_new(client, "/soak/latch", NULL, &latch), "latch");
        make(docent_leader_latch_start(latch), "latch");
        if (good(SOAK_LATCH, docent_leader_latch_await(latch, LONG_MS), DOCENT_OK)) hold(SOAK_LATCH, latch_token, latch, 0);
        docent_leader_latch_close(latch, NULL, NULL);
    }
    return NULL;
}

static int64_t selector_token(void *selector)
{
    return docent_leader_selector_token(selector);
}

static void lead(docent_leader_selector *selector, const docent_leader_term *term, void *user)
{
    (void)term;
    (void)user;
    hold(SOAK_SELECTOR, selector_token, selector, 0);
}

static void *play_selector(void *user)
{
    docent_leader_selector *selector = NULL;
    (void)user;
    make(docent_leader_selector_new(client, "/soak/selector", NULL, &selector), "selector");
    while (!atomic_load(&over)) {
        (void)good(SOAK_SELECTOR, docent_leader_selector_run(selector, LONG_MS, lead, NULL), DOCENT_ERR_CONNECTION_LOSS);
    }
    docent_leader_selector_close(selector, NULL, NULL);
    return NULL;
}

/* Whoever comes sets it, opens it, and waits: which must end, for nobody leaves it set for long. One that was killed may have. */
static void *play_barrier(void *user)
{
    docent_barrier *barrier = NULL;
    (void)user;
    make(docent_barrier_new(client, "/soak/barrier", NULL, &barrier), "barrier");
    while (!atomic_load(&over)) {
        bool done = good(SOAK_BARRIER, docent_barrier_set(barrier, LONG_MS), DOCENT_OK);
        pause_ns(HOLD_NS);
        done = good(SOAK_BARRIER, docent_barrier_remove(barrier, LONG_MS), DOCENT_OK) && done;
        done = good(SOAK_BARRIER, docent_barrier_wait(barrier, SHORT_MS), DOCENT_ERR_TIMEOUT) && done;
        if (done) say("did %s", soak_names[SOAK_BARRIER]);
    }
    docent_barrier_close(barrier, NULL, NULL);
    return NULL;
}

static void *play_double(void *user)
{
    docent_double_barrier *barrier = NULL;
    docent_double_barrier_options options = { DOCENT_DOUBLE_BARRIER_OPTIONS, .quantity = SOAK_MEMBERS };
    (void)user;
    make(docent_double_barrier_new(client, "/soak/double", &options, &barrier), "double");
    while (!atomic_load(&over)) {
        if (!good(SOAK_DOUBLE, docent_double_barrier_enter(barrier, SHORT_MS), DOCENT_ERR_TIMEOUT)) continue;
        pause_ns(HOLD_NS);
        if (good(SOAK_DOUBLE, docent_double_barrier_leave(barrier, LONG_MS), DOCENT_ERR_NOT_HELD)) say("did %s", soak_names[SOAK_DOUBLE]);
    }
    docent_double_barrier_close(barrier, NULL, NULL);
    return NULL;
}

/* ---- Queues. An item is its number, in text. ---- */

/* Who puts waits for those who take: a directory that only grows would be another soak. */
static void wait_for_room(const char *folder)
{
    docent_stat stat = { 0 };
    do pause_ns(4 * HOLD_NS);
    while (!atomic_load(&drained) && docent_exists(client, folder, &stat) == DOCENT_OK && stat.num_children > ITEMS_WAITING_MAX);
}

static size_t item_next(const char *folder, uint32_t *count, char *text, size_t size)
{
    wait_for_room(folder);
    return (size_t)snprintf(text, size, "%" PRIu32, number * SOAK_ITEMS_MAX + (*count)++ % SOAK_ITEMS_MAX);
}

static void item_done(enum soak_recipe recipe, const void *data, size_t size)
{
    say("done %s %.*s", soak_names[recipe], (int)size, (const char *)data);
}

static void *put_queue(void *queue)
{
    char item[16];
    for (uint32_t count = 0; !atomic_load(&drained);) {
        size_t size = item_next("/soak/queue", &count, item, sizeof item);
        if (good(SOAK_QUEUE, docent_queue_put(queue, item, size, NULL), DOCENT_ERR_TIMEOUT)) say("put %s %s", soak_names[SOAK_QUEUE], item);
    }
    return NULL;
}

/* What puts, and what takes: two threads of one queue. */
static pthread_t begin_puts(void *(*put)(void *), void *queue)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, put, queue) != 0) make(DOCENT_ERR_NO_MEMORY, "thread");
    return thread;
}

static void *play_queue(void *user)
{
    docent_queue *queue = NULL;
    (void)user;
    make(docent_queue_new(client, "/soak/queue", NULL, &queue), "queue");
    pthread_t puts = begin_puts(put_queue, queue);
    while (!atomic_load(&over)) {
        docent_result *result = NULL;
        docent_status status = docent_queue_take(queue, SHORT_MS, &result);
        if (good(SOAK_QUEUE, status, DOCENT_ERR_TIMEOUT)) item_done(SOAK_QUEUE, result->data, result->size);
        docent_result_free(result);
    }
    pthread_join(puts, NULL);
    docent_queue_close(queue, NULL, NULL);
    return NULL;
}

static void *put_claims(void *queue)
{
    char item[16];
    for (uint32_t count = 0; !atomic_load(&drained);) {
        size_t size = item_next("/soak/claims/entries", &count, item, sizeof item);
        if (good(SOAK_CLAIMS, docent_claim_queue_put(queue, item, size, NULL), DOCENT_ERR_TIMEOUT)) {
            say("put %s %s", soak_names[SOAK_CLAIMS], item);
        }
    }
    return NULL;
}

static void *play_claims(void *user)
{
    docent_claim_queue *queue = NULL;
    docent_claim_queue_options options = { DOCENT_CLAIM_QUEUE_OPTIONS, .dialect = DOCENT_DIALECT_KAZOO };
    (void)user;
    make(docent_claim_queue_new(client, "/soak/claims", &options, &queue), "claims");
    pthread_t puts = begin_puts(put_claims, queue);
    while (!atomic_load(&over)) {
        docent_item *item = NULL;
        size_t size;
        if (!good(SOAK_CLAIMS, docent_claim_queue_take(queue, SHORT_MS, &item), DOCENT_ERR_TIMEOUT)) continue;
        const void *data = docent_item_data(item, &size);
        item_done(SOAK_CLAIMS, data, size); /* Worked on. Who dies here leaves it to others, who do so again. */
        (void)good(SOAK_CLAIMS, docent_item_acknowledge(item), DOCENT_ERR_NOT_HELD);
        docent_item_close(item, NULL, NULL);
    }
    pthread_join(puts, NULL);
    docent_claim_queue_close(queue, NULL, NULL);
    return NULL;
}

static void on_item(docent_work_queue *queue, docent_work_item *item, void *user)
{
    size_t count;
    const docent_work_element *parts = docent_work_item_elements(item, &count);
    (void)queue;
    (void)user;
    if (count == 1) item_done(SOAK_WORK, parts[0].data, parts[0].size);
    docent_work_item_done(item, DOCENT_WORK_DONE);
}

static void on_trouble(docent_work_queue *queue, const docent_work_trouble *trouble, void *user)
{
    (void)queue;
    (void)user;
    (void)good(SOAK_WORK, trouble->status, DOCENT_ERR_NOT_HELD);
}

static void *play_work(void *user)
{
    docent_work_queue *queue = NULL;
    docent_work_queue_options options = { DOCENT_WORK_QUEUE_OPTIONS, .lock_path = "/soak/work-locks", .on_item = on_item, .on_trouble = on_trouble };
    char item[16];
    (void)user;
    make(docent_work_queue_new(client, "/soak/work", &options, &queue), "work");
    for (uint32_t count = 0; !atomic_load(&over);) {
        docent_work_element part = { item, item_next("/soak/work", &count, item, sizeof item) };
        docent_work_put put = { DOCENT_WORK_PUT, .elements = &part, .count = 1 };
        if (atomic_load(&drained)) continue;
        if (good(SOAK_WORK, docent_work_queue_put(queue, &put, LONG_MS), DOCENT_OK)) say("put %s %s", soak_names[SOAK_WORK], item);
    }
    docent_work_queue_close(queue, NULL, NULL);
    return NULL;
}

static void *(*const plays[])(void *) = {
    play_lock, play_mutex, play_multi, play_rwlock, play_semaphore, play_latch,
    play_selector, play_barrier, play_double, play_queue, play_claims, play_work,
};
enum { PLAYS = sizeof plays / sizeof plays[0] };

int main(int argc, char **argv)
{
    if (argc != 3) return 2;
    number = (uint32_t)strtoul(argv[2], NULL, 10);
    pthread_t threads[PLAYS];
    docent_client_options options = { DOCENT_CLIENT_OPTIONS, .session_timeout_ms = SESSION_MS };
    make(docent_client_new(argv[1], &options, &client), "client");
    for (size_t i = 0; i < PLAYS; i++) {
        if (pthread_create(&threads[i], NULL, plays[i], NULL) != 0) return 1;
    }
    if (getchar() != EOF) {
        atomic_store(&drained, true);
        while (getchar() != EOF) continue;
    }
    atomic_store(&drained, true);
    atomic_store(&over, true);
    for (size_t i = 0; i < PLAYS; i++) pthread_join(threads[i], NULL);
    docent_client_close(client, NULL, NULL);
    return 0;
}
