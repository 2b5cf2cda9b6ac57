/* bench-apache.c - the cases of this folder through the C client of Apache ZooKeeper (multi-threaded build).
 *
 *     bench-apache [fair-]get|set|latency|blocking|lock ADDRESS OPS
 *
 * "fair-": with the look-up of the servers' addresses on every operation switched off, which is its largest cost and not needed
 * here. latency chains asynchronous reads; blocking uses zoo_get(). The library has no lock: lock does what a good one
 * would do when nobody is in front, create and list sent together, then delete. */
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

#include "zok.h"

struct bench {
    zhandle_t *handle;
    uint64_t warm_up, operations;
    atomic_uint_fast64_t begun; /* By the main thread, the first ones, and the library's completion thread. */
    uint64_t ended;             /* By the completion thread alone. */
    uint64_t sent_ns;
    uint64_t *samples;
    struct bench_meter meter;
    char data[BENCH_DATA_BYTES];
    char node[256]; /* Lock: ours. */
    sem_t connected, finished;
};

static uint64_t bench_total(const struct bench *bench)
{
    return bench->warm_up + bench->operations;
}

static bool bench_count(struct bench *bench)
{
    bench->ended++;
    if (bench->ended == bench->warm_up) bench_start(&bench->meter);
    if (bench->ended < bench_total(bench)) return true;
    bench_stop(&bench->meter);
    sem_post(&bench->finished);
    return false;
}

static void on_session(zhandle_t *handle, int type, int state, const char *path, void *user)
{
    struct bench *bench = user;
    (void)handle;
    (void)path;
    if (type == ZOO_SESSION_EVENT && state == ZOO_CONNECTED_STATE) sem_post(&bench->connected);
}

static void on_get(int error, const char *value, int size, const struct Stat *stat, const void *user);
static void on_set(int error, const struct Stat *stat, const void *user);
static void on_latency(int error, const char *value, int size, const struct Stat *stat, const void *user);
static void on_deleted(int error, const void *user);

static void get_begin(struct bench *bench)
{
    if (atomic_fetch_add(&bench->begun, 1) >= bench_total(bench)) return;
    bench_zok(zoo_aget(bench->handle, BENCH_NODE, 0, on_get, bench), "get");
}

static void on_get(int error, const char *value, int size, const struct Stat *stat, const void *user)
{
    struct bench *bench = (struct bench *)user;
    (void)value;
    (void)size;
    (void)stat;
    bench_zok(error, "get");
    if (bench_count(bench)) get_begin(bench);
}

static void set_begin(struct bench *bench)
{
    if (atomic_fetch_add(&bench->begun, 1) >= bench_total(bench)) return;
    bench_zok(zoo_aset(bench->handle, BENCH_NODE, bench->data, sizeof bench->data, -1, on_set, bench), "set");
}

static void on_set(int error, const struct Stat *stat, const void *user)
{
    struct bench *bench = (struct bench *)user;
    (void)stat;
    bench_zok(error, "set");
    if (bench_count(bench)) set_begin(bench);
}

static void latency_begin(struct bench *bench)
{
    bench->sent_ns = bench_now_ns();
    bench_zok(zoo_aget(bench->handle, BENCH_NODE, 0, on_latency, bench), "get");
}

static void on_latency(int error, const char *value, int size, const struct Stat *stat, const void *user)
{
    struct bench *bench = (struct bench *)user;
    (void)value;
    (void)size;
    (void)stat;
    bench_zok(error, "get");
    if (bench->ended >= bench->warm_up) bench->samples[bench->ended - bench->warm_up] = bench_now_ns() - bench->sent_ns;
    if (bench_count(bench)) latency_begin(bench);
}

static void on_created(int error, const char *path, const void *user)
{
    struct bench *bench = (struct bench *)user;
    bench_zok(error, "create");
    snprintf(bench->node, sizeof bench->node, "%s", path);
}

static void on_listed(int error, const struct String_vector *names, const void *user)
{
    struct bench *bench = (struct bench *)user;
    (void)names;
    bench_zok(error, "list");
    bench_zok(zoo_adelete(bench->handle, bench->node, -1, on_deleted, bench), "delete");
}

static void lock_begin(struct bench *bench)
{
    bench_zok(zoo_acreate(bench->handle, BENCH_LOCK "/_c_00000000-0000-4000-8000-000000000000-lock-", bench->data, 16,
                              &ZOO_OPEN_ACL_UNSAFE, ZOO_EPHEMERAL | ZOO_SEQUENCE, on_created, bench),
                  "create");
    bench_zok(zoo_aget_children(bench->handle, BENCH_LOCK, 0, on_listed, bench), "list");
}

static void on_deleted(int error, const void *user)
{
    struct bench *bench = (struct bench *)user;
    bench_zok(error, "delete");
    if (bench_count(bench)) lock_begin(bench);
}

static void run_blocking(struct bench *bench)
{
    bool more = true;
    while (more) {
        char value[1024];
        int size = sizeof value;
        struct Stat stat;
        uint64_t start = bench_now_ns();
        bench_zok(zoo_get(bench->handle, BENCH_NODE, 0, value, &size, &stat), "get");
        if (bench->ended >= bench->warm_up) bench->samples[bench->ended - bench->warm_up] = bench_now_ns() - start;
        more = bench_count(bench);
    }
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: %s [fair-]get|set|latency|blocking|lock ADDRESS OPS\n", argv[0]);
        return 2;
    }
    const char *what = argv[1];
    bool fair = strncmp(what, "fair-", 5) == 0;
    if (fair) what += 5;
    static struct bench bench;
    bench.warm_up = BENCH_WARM_UP;
    bench.operations = bench_number(argv[3], 100000000);
    memset(bench.data, 'd', sizeof bench.data);
    sem_init(&bench.connected, 0, 0);
    sem_init(&bench.finished, 0, 0);

    zoo_set_debug_level(ZOO_LOG_LEVEL_ERROR);
    bench.handle = zookeeper_init(argv[2], on_session, BENCH_SESSION_MS, NULL, &bench, 0);
    if (bench.handle == NULL) bench_zok(ZSYSTEMERROR, "client");
    if (fair) bench_zok(zoo_set_servers_resolution_delay(bench.handle, -1), "resolution delay");
    sem_wait(&bench.connected);

    if (strcmp(what, "latency") == 0 || strcmp(what, "blocking") == 0) bench.samples = bench_samples(bench.operations);
    if (strcmp(what, "get") == 0) {
        for (unsigned i = 0; i < BENCH_OUTSTANDING; i++) {
            get_begin(&bench);
        }
    } else if (strcmp(what, "set") == 0) {
        for (unsigned i = 0; i < BENCH_OUTSTANDING; i++) {
            set_begin(&bench);
        }
    } else if (strcmp(what, "latency") == 0) {
        latency_begin(&bench);
    } else if (strcmp(what, "blocking") == 0) {
        run_blocking(&bench);
    } else if (strcmp(what, "lock") == 0) {
        bench.warm_up = BENCH_WARM_UP / 10;
        lock_begin(&bench);
    } else {
        fprintf(stderr, "bench-apache: no such case: %s\n", what);
        return 2;
    }
    sem_wait(&bench.finished);
    if (bench.samples != NULL) {
        bench_print_samples(&bench.meter, bench.samples, bench.operations);
    } else {
        bench_print(&bench.meter, bench.operations);
    }
    zookeeper_close(bench.handle);
    free(bench.samples);
    return 0;
}
