/* bench-docent.c - the cases of this folder through Docent.
 *
 *     bench-docent get ADDRESS OPS            pipelined reads, 1,000 outstanding, on the application's loop
 *     bench-docent set ADDRESS OPS            pipelined writes, the same
 *     bench-docent get-stats ADDRESS OPS      the same with statistics, histograms included
 *     bench-docent set-stats ADDRESS OPS
 *     bench-docent latency ADDRESS OPS        reads, one outstanding, on the application's loop
 *     bench-docent blocking ADDRESS OPS       reads, one outstanding, the blocking form with the client's own thread
 *     bench-docent lock ADDRESS OPS           acquire and release, nobody else there, on the application's loop
 *     bench-docent lock-blocking ADDRESS OPS  the same through the blocking forms */
#include <event2/event.h>

#include "ok.h"

struct bench {
    docent_client *client;
    docent_lock *lock;
    docent_stats *stats;
    uint64_t warm_up, operations, total; /* Begun and ended are counted over both. */
    uint64_t begun, ended;
    uint64_t sent_ns;  /* Latency: when the one outstanding call was made. */
    uint64_t *samples; /* Latency: of the measured ones. */
    struct bench_meter meter;
    char data[BENCH_DATA_BYTES];
};

/* The loop ends when the client is gone. */
static void bench_end(struct bench *bench)
{
    bench_stop(&bench->meter);
    docent_lock_close(bench->lock, NULL, NULL);
    docent_client_close(bench->client, NULL, NULL);
}

/* Counts one more that ended. False: it was the last. */
static bool bench_count(struct bench *bench)
{
    bench->ended++;
    if (bench->ended == bench->warm_up) bench_start(&bench->meter);
    if (bench->ended < bench->total) return true;
    bench_end(bench);
    return false;
}

static void on_get(const docent_result *result, void *user);
static void on_set(const docent_result *result, void *user);
static void on_latency(const docent_result *result, void *user);
static void on_acquired(docent_status status, void *user);
static void on_released(docent_status status, void *user);

static void get_begin(struct bench *bench)
{
    bench->begun++;
    bench_ok(docent_get_async(bench->client, BENCH_NODE, on_get, bench), "get");
}

static void on_get(const docent_result *result, void *user)
{
    struct bench *bench = user;
    bench_ok(result->status, "get");
    if (bench_count(bench) && bench->begun < bench->total) get_begin(bench);
}

static void set_begin(struct bench *bench)
{
    bench->begun++;
    bench_ok(docent_set_async(bench->client, BENCH_NODE, bench->data, sizeof bench->data, DOCENT_ANY_VERSION, on_set, bench),
                  "set");
}

static void on_set(const docent_result *result, void *user)
{
    struct bench *bench = user;
    bench_ok(result->status, "set");
    if (bench_count(bench) && bench->begun < bench->total) set_begin(bench);
}

static void latency_begin(struct bench *bench)
{
    bench->sent_ns = bench_now_ns();
    bench_ok(docent_get_async(bench->client, BENCH_NODE, on_latency, bench), "get");
}

static void on_latency(const docent_result *result, void *user)
{
    struct bench *bench = user;
    bench_ok(result->status, "get");
    if (bench->ended >= bench->warm_up) bench->samples[bench->ended - bench->warm_up] = bench_now_ns() - bench->sent_ns;
    if (bench_count(bench)) latency_begin(bench);
}

static void lock_begin(struct bench *bench)
{
    bench_ok(docent_lock_acquire_async(bench->lock, DOCENT_FOREVER, on_acquired, bench), "acquire");
}

static void on_acquired(docent_status status, void *user)
{
    struct bench *bench = user;
    bench_ok(status, "acquire");
    bench_ok(docent_lock_release_async(bench->lock, on_released, bench), "release");
}

static void on_released(docent_status status, void *user)
{
    struct bench *bench = user;
    bench_ok(status, "release");
    if (bench_count(bench)) lock_begin(bench);
}

static void run_on_loop(struct bench *bench, const char *address, void (*begin)(struct bench *), unsigned outstanding)
{
    struct event_base *base = event_base_new();
    docent_client_options options = {
        DOCENT_CLIENT_OPTIONS, .session_timeout_ms = BENCH_SESSION_MS, .base = base, .stats = bench->stats};
    bench_ok(docent_client_new(address, &options, &bench->client), "client");
    if (begin == lock_begin) bench_ok(docent_lock_new(bench->client, BENCH_LOCK, NULL, &bench->lock), "lock");
    for (unsigned i = 0; i < outstanding && i < bench->total; i++) {
        begin(bench);
    }
    event_base_dispatch(base);
    event_base_free(base);
    if (bench->ended != bench->total) bench_ok(DOCENT_ERR_CLOSING, "the loop ended early");
}

static void run_with_stats(struct bench *bench, const char *address, void (*begin)(struct bench *))
{
    docent_stats_options options = {DOCENT_STATS_OPTIONS, .histograms = true};
    docent_stats_snapshot snapshot = {DOCENT_STATS_SNAPSHOT};
    bench_ok(docent_stats_new(&options, &bench->stats), "stats");
    run_on_loop(bench, address, begin, BENCH_OUTSTANDING);
    bench_ok(docent_stats_read(bench->stats, &snapshot), "stats");
    docent_stats_unref(bench->stats);
    docent_op_type type = begin == get_begin ? DOCENT_OP_GET : DOCENT_OP_SET;
    bool counted = snapshot.operations[type][DOCENT_OUTCOME_OK] == bench->total && snapshot.latency[type].count == bench->total;
    if (!counted) bench_ok(DOCENT_ERR_CLOSING, "not every operation was counted");
}

static void blocking_get(struct bench *bench)
{
    docent_result *result = NULL;
    uint64_t start = bench_now_ns();
    bench_ok(docent_get(bench->client, BENCH_NODE, &result), "get");
    if (bench->ended >= bench->warm_up) bench->samples[bench->ended - bench->warm_up] = bench_now_ns() - start;
    docent_result_free(result);
}

static void blocking_lock(struct bench *bench)
{
    bench_ok(docent_lock_acquire(bench->lock, DOCENT_FOREVER), "acquire");
    bench_ok(docent_lock_release_wait(bench->lock, DOCENT_FOREVER), "release");
}

static void run_blocking(struct bench *bench, const char *address, void (*turn)(struct bench *))
{
    docent_client_options options = {DOCENT_CLIENT_OPTIONS, .session_timeout_ms = BENCH_SESSION_MS};
    bench_ok(docent_client_new(address, &options, &bench->client), "client");
    bench_ok(docent_lock_new(bench->client, BENCH_LOCK, NULL, &bench->lock), "lock");
    do {
        turn(bench);
    } while (bench_count(bench));
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: %s get|set|get-stats|set-stats|latency|blocking|lock|lock-blocking ADDRESS OPS\n", argv[0]);
        return 2;
    }
    const char *what = argv[1], *address = argv[2];
    struct bench bench = {.warm_up = BENCH_WARM_UP, .operations = bench_number(argv[3], 100000000)};
    memset(bench.data, 'd', sizeof bench.data);

    if (strncmp(what, "lock", 4) == 0) bench.warm_up /= 10;
    bench.total = bench.warm_up + bench.operations;
    if (strcmp(what, "get") == 0) {
        run_on_loop(&bench, address, get_begin, BENCH_OUTSTANDING);
    } else if (strcmp(what, "set") == 0) {
        run_on_loop(&bench, address, set_begin, BENCH_OUTSTANDING);
    } else if (strcmp(what, "get-stats") == 0) {
        run_with_stats(&bench, address, get_begin);
    } else if (strcmp(what, "set-stats") == 0) {
        run_with_stats(&bench, address, set_begin);
    } else if (strcmp(what, "latency") == 0) {
        bench.samples = bench_samples(bench.operations);
        run_on_loop(&bench, address, latency_begin, 1);
    } else if (strcmp(what, "blocking") == 0) {
        bench.samples = bench_samples(bench.operations);
        run_blocking(&bench, address, blocking_get);
    } else if (strcmp(what, "lock") == 0) {
        run_on_loop(&bench, address, lock_begin, 1);
    } else if (strcmp(what, "lock-blocking") == 0) {
        run_blocking(&bench, address, blocking_lock);
    } else {
        fprintf(stderr, "bench-docent: no such case: %s\n", what);
        return 2;
    }

    if (bench.samples != NULL) {
        bench_print_samples(&bench.meter, bench.samples, bench.operations);
        free(bench.samples);
    } else {
        bench_print(&bench.meter, bench.operations);
    }
    return 0;
}
