/* tests/live/flow.h - work that flows through a queue while members of an ensemble die and stop. A producer, at first connected to the victim, puts
 * numbers, one after the other; two workers with locks are done with whatever they are handed; a third, which knows only the victim, keeps what
 * it has got. In the end nothing that was put is lost, what the third had kept others were handed, nothing is left, and what was handed out
 * twice somebody has been told of.
 *
 * A member that is stopped still takes what it is sent, and does nothing about it. So the first put after that is not applied, and the producer finds that
 * out by its receipt, elsewhere: one that took it for put would have lost it. */
#ifndef FLOW_H
#define FLOW_H

#include <pthread.h>

#include "live.h"

enum { FLOW_MAX = 1 << 18, FLOW_KEPT_MAX = 64, FLOW_WORKERS = 2, FLOW_SESSION_MS = 2000, FLOW_PRODUCER_MS = 10000, FLOW_LONG_MS = 30000, FLOW_STEP = 50, FLOW_TRIES = 200, FLOW_AHEAD = 100 };

#define FLOW_LOCKS "/flow/locks"

/* What the work goes through. */
struct flow_kind {
    void *(*open)(docent_client *client, const docent_work_queue_options *options);
    docent_status (*put)(void *recipe, const docent_work_put *put, uint32_t timeout_ms);
    void (*close)(void *recipe, void (*closed)(void *user), void *user);
    size_t (*left)(docent_client *client); /* Items, by the server's word. */
};

struct flow_worker;

struct flow {
    const struct flow_kind *kind;
    struct flow_worker *workers; /* Those that know all members. */
    docent_client *client; /* The producer's, */
    void *recipe;          /* as this is; */
    pthread_t producer;    /* and it puts. */
    atomic_int port;       /* Of its server. */
    atomic_bool over;      /* No more puts. */
    atomic_int puts;       /* The producer's: those that have an outcome. */
    docent_status outcomes[FLOW_MAX];
    atomic_int seen[FLOW_MAX];   /* How often it was handed out, */
    atomic_int worked[FLOW_MAX]; /* and how often of that to somebody who was done with it. */
    atomic_int handed;
    atomic_int told;       /* Of work that came to nothing, or perhaps. */
    atomic_int bad;        /* Anything else that was told. */
};

struct flow_worker {
    struct flow *flow;
    docent_client *client;
    void *recipe;
    atomic_int told;       /* As above. */
    pthread_mutex_t mutex; /* Of what follows. */
    bool keeps;
    size_t kept;
    docent_work_item *items[FLOW_KEPT_MAX];
    int numbers[FLOW_KEPT_MAX];
    int before[FLOW_KEPT_MAX]; /* How often it had been worked on. */
};

static inline void flow_item(docent_work_queue *queue, docent_work_item *item, void *user)
{
    struct flow_worker *worker = user;
    size_t count;
    int number;
    (void)queue;
    memcpy(&number, docent_work_item_elements(item, &count)->data, sizeof number);
    worker->flow->seen[number]++;
    worker->flow->handed++;
    pthread_mutex_lock(&worker->mutex);
    bool keeps = worker->keeps && worker->kept < FLOW_KEPT_MAX;
    if (keeps) {
        worker->numbers[worker->kept] = number;
        worker->before[worker->kept] = worker->flow->worked[number];
        worker->items[worker->kept++] = item;
    }
    pthread_mutex_unlock(&worker->mutex);
    if (keeps) return;
    worker->flow->worked[number]++;
    docent_work_item_done(item, DOCENT_WORK_DONE);
}

static inline void flow_trouble(docent_work_queue *queue, const docent_work_trouble *trouble, void *user)
{
    struct flow_worker *worker = user;
    (void)queue;
    if (trouble->status == DOCENT_ERR_NOT_HELD || trouble->status == DOCENT_ERR_UNKNOWN_OUTCOME) {
        worker->flow->told++;
        worker->told++;
    } else {
        fprintf(stderr, "%s: %s\n", trouble->name, docent_status_name(trouble->status));
        worker->flow->bad++;
    }
}

/* @member: the only one that it knows, or -1. */
static inline docent_client *flow_client(int member, uint32_t session_ms)
{
    char servers[96];
    const char *chroot = strchr(connect_string, '/');
    docent_client_options options = { DOCENT_CLIENT_OPTIONS, .session_timeout_ms = session_ms };
    docent_client *client = NULL;
    if (member >= 0) {
        snprintf(servers, sizeof servers, "127.0.0.1:%u%s", apache_port(apache_alone, member), chroot);
    } else {
        snprintf(servers, sizeof servers, "%s%s", apache_connect_string(apache_alone), chroot);
    }
    assert_ok(docent_client_new(servers, &options, &client));
    assert_ok(docent_client_wait_connected(client, FLOW_LONG_MS));
    return client;
}

/* @member: the only one that it knows, or -1. */
static inline void flow_worker_open(struct flow_worker *worker, struct flow *flow, int member)
{
    *worker = (struct flow_worker){ .flow = flow, .mutex = PTHREAD_MUTEX_INITIALIZER, .keeps = member >= 0 };
    docent_work_queue_options options = {
        DOCENT_WORK_QUEUE_OPTIONS, .lock_path = FLOW_LOCKS, .on_item = flow_item, .on_trouble = flow_trouble, .user = worker,
    };
    worker->client = flow_client(member, FLOW_SESSION_MS);
    worker->recipe = flow->kind->open(worker->client, &options);
}

static inline void flow_closed(void *user)
{
    atomic_bool *over = user;
    *over = true;
}

static inline void flow_close(const struct flow_kind *kind, void *recipe)
{
    atomic_bool over = false;
    kind->close(recipe, flow_closed, &over);
    assert_soon(over);
}

static inline void flow_worker_close(struct flow_worker *worker)
{
    flow_close(worker->flow->kind, worker->recipe);
    docent_client_close(worker->client, NULL, NULL);
}

static inline size_t flow_kept(struct flow_worker *worker)
{
    pthread_mutex_lock(&worker->mutex);
    size_t kept = worker->kept;
    pthread_mutex_unlock(&worker->mutex);
    return kept;
}

/* It does not get far ahead of the workers: what a lost one had is handed out again behind all that another has listed by then. */
static inline void *flow_put(void *user)
{
    struct flow *flow = user;
    for (int number = flow->puts; !flow->over && number < FLOW_MAX; flow->puts = ++number) {
        docent_work_element element = { &number, sizeof number };
        docent_work_put put = { DOCENT_WORK_PUT, .elements = &element, .count = 1 };
        while (!flow->over && number > flow->handed + FLOW_AHEAD) pause_ms(1);
        flow->outcomes[number] = flow->kind->put(flow->recipe, &put, FLOW_LONG_MS);
    }
    return NULL;
}

static inline void flow_producer_go(struct flow *flow)
{
    flow->over = false;
    assert_int_equal(pthread_create(&flow->producer, NULL, flow_put, flow), 0);
}

static inline void flow_look_at_server(void *user)
{
    struct flow *flow = user;
    const char *port = strrchr(docent_client_server(flow->client, NULL), ':');
    flow->port = port == NULL ? -1 : atoi(port + 1);
}

/* It knows all members, and begins with this one. Its session outlives the time that a silent member has for its answer. */
static inline void flow_producer_open(struct flow *flow, int member)
{
    for (int tries = 0;; tries++) {
        flow->client = flow_client(-1, FLOW_PRODUCER_MS);
        flow->port = 0;
        assert_ok(docent_client_post(flow->client, flow_look_at_server, flow));
        assert_within(FLOW_LONG_MS, 1, flow->port != 0);
        if (flow->port == apache_port(apache_alone, member)) break;
        docent_client_close(flow->client, NULL, NULL);
        assert_true(tries < FLOW_TRIES);
    }
    docent_work_queue_options options = { DOCENT_WORK_QUEUE_OPTIONS, .lock_path = FLOW_LOCKS, .receipt_path = "/flow/receipts" };
    flow->recipe = flow->kind->open(flow->client, &options);
    flow_producer_go(flow);
}

static inline void flow_producer_stop(struct flow *flow)
{
    flow->over = true;
    pthread_join(flow->producer, NULL);
}

static inline void flow_producer_close(struct flow *flow)
{
    flow_close(flow->kind, flow->recipe);
    docent_client_close(flow->client, NULL, NULL);
}

static inline void flow_keep(struct flow_worker *worker, bool keeps)
{
    pthread_mutex_lock(&worker->mutex);
    worker->keeps = keeps;
    pthread_mutex_unlock(&worker->mutex);
}

/* It is done with what it has kept. */
static inline void flow_let_go(struct flow_worker *worker)
{
    docent_work_item *items[FLOW_KEPT_MAX];
    flow_keep(worker, false);
    size_t kept = worker->kept; /* No more come. */
    memcpy(items, worker->items, sizeof items);
    for (size_t i = 0; i < kept; i++) worker->flow->worked[worker->numbers[i]]++;
    worker->kept = 0;
    for (size_t i = 0; i < kept; i++) docent_work_item_done(items[i], DOCENT_WORK_DONE);
}

/* The victim is killed, or paused, for as long as it takes until others are handed what the worker has kept that knew only the victim. */
static inline void flow_strike(struct flow *flow, int victim, bool kill)
{
    struct flow_worker doomed;
    for (int i = 0; i < FLOW_WORKERS; i++) flow_keep(&flow->workers[i], true); /* Who knows a slow member only is handed nothing otherwise. */
    flow_worker_open(&doomed, flow, victim);
    assert_within(FLOW_LONG_MS, 1, flow_kept(&doomed) > 0);
    for (int i = 0; i < FLOW_WORKERS; i++) flow_let_go(&flow->workers[i]);
    size_t kept = flow_kept(&doomed);
    flow_producer_stop(flow);
    int puts = flow->puts;
    if (kill) {
        apache_kill(apache_alone, victim);
    } else {
        apache_pause(apache_alone, victim);
    }
    flow_producer_go(flow);
    for (size_t i = 0; i < kept; i++) assert_within(FLOW_LONG_MS, 1, flow->worked[doomed.numbers[i]] > doomed.before[i]);
    int handed = flow->handed;
    assert_within(FLOW_LONG_MS, 1, flow->handed >= handed + FLOW_STEP);
    assert_within(FLOW_LONG_MS, 1, flow->puts >= puts + FLOW_STEP); /* So the producer has gone elsewhere. */
    if (kill) {
        apache_restart(apache_alone, victim);
    } else {
        apache_resume(apache_alone, victim);
    }
    apache_wait(apache_alone, 3);

    flow_keep(&doomed, false);
    size_t all = doomed.kept; /* Perhaps more, of its next session. */
    for (size_t i = 0; i < all; i++) docent_work_item_done(doomed.items[i], DOCENT_WORK_DONE);
    assert_within(FLOW_LONG_MS, 1, (size_t)doomed.told >= kept);
    flow_worker_close(&doomed);
}

static inline void flow_run(const struct flow_kind *kind)
{
    static struct flow flow;
    struct flow_worker workers[FLOW_WORKERS];
    flow = (struct flow){ .kind = kind, .workers = workers };
    for (int i = 0; i < FLOW_WORKERS; i++) flow_worker_open(&workers[i], &flow, -1);

    int victim = apache_leader(apache_alone);
    flow_producer_open(&flow, victim);
    flow_strike(&flow, victim, true);
    flow_producer_stop(&flow);
    flow_producer_close(&flow);
    victim = (apache_leader(apache_alone) + 1) % 3; /* A paused leader is missed only when it has been one for too long. */
    flow_producer_open(&flow, victim);
    flow_strike(&flow, victim, false);
    flow_producer_stop(&flow);

    int twice = 0, unknown = 0;
    for (int i = 0; i < flow.puts; i++) {
        if (flow.outcomes[i] == DOCENT_ERR_UNKNOWN_OUTCOME) { /* The session ended before the receipt was read. */
            unknown++;
        } else if (flow.outcomes[i] != DOCENT_ERR_TIMEOUT) { /* Not put. */
            assert_ok(flow.outcomes[i]);
            assert_within(FLOW_LONG_MS, 1, flow.worked[i] > 0);
        }
    }
    assert_within(FLOW_LONG_MS, 1, kind->left(flow.client) == 0);
    for (int i = 0; i < FLOW_WORKERS; i++) flow_worker_close(&workers[i]);
    for (int i = 0; i < flow.puts; i++) {
        if (flow.outcomes[i] == DOCENT_ERR_TIMEOUT) assert_int_equal(flow.seen[i], 0);
        if (flow.seen[i] > 1) twice += flow.seen[i] - 1;
    }
    printf("# %d put, %d of unknown outcome, %d handed out again, of %d somebody was told\n", flow.puts, unknown, twice, flow.told);
    assert_true(twice <= flow.told);
    assert_int_equal(flow.bad, 0);
    flow_producer_close(&flow);
}

/* The test through a handle of type @name, whose test has flow_open() and flow_left(). */
#define FLOW_THROUGH(name)                                                                                                      \
    static docent_status flow_put_one(void *recipe, const docent_work_put *put, uint32_t timeout_ms)                            \
    {                                                                                                                           \
        return name##_put(recipe, put, timeout_ms);                                                                             \
    }                                                                                                                           \
    static void flow_close_one(void *recipe, void (*told)(void *user), void *user)                                              \
    {                                                                                                                           \
        name##_close(recipe, told, user);                                                                                       \
    }                                                                                                                           \
    static void nothing_is_lost_while_members_fail(void **state)                                                                \
    {                                                                                                                           \
        (void)state;                                                                                                            \
        flow_run(&(struct flow_kind){ .open = flow_open, .put = flow_put_one, .close = flow_close_one, .left = flow_left });    \
    }

#endif
