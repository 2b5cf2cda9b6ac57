/* bench-fire-apache.c - bench-fire.c through the C client of Apache ZooKeeper (multi-threaded build), which sets its watches again from the
 * thread that tells them.
 *
 *     bench-fire-apache WATCHES ADDRESS ROUNDS */
#include <semaphore.h>
#include <stdatomic.h>

#include "fire.h"
#include "zok.h"

/* Of each watch. */
struct watched {
    char path[TREE_PATH_SIZE];
};

static zhandle_t *handle;
static struct watched *all;
static size_t watches;
static atomic_size_t begun, told, read_again;
static sem_t connected, done;

static void on_session(zhandle_t *h, int type, int state, const char *path, void *user)
{
    (void)h;
    (void)path;
    (void)user;
    if (type == ZOO_SESSION_EVENT && state == ZOO_CONNECTED_STATE) sem_post(&connected);
}

static void on_watch(zhandle_t *h, int type, int state, const char *path, void *user);
static void on_get(int error, const char *value, int size, const struct Stat *stat, const void *user);

static void watch_begin(struct watched *watched)
{
    bench_zok(zoo_awget(handle, watched->path, on_watch, watched, on_get, NULL), "get");
}

/* The library tells every watch of the states of the session, too. */
static void on_watch(zhandle_t *h, int type, int state, const char *path, void *user)
{
    (void)h;
    (void)state;
    (void)path;
    if (type != ZOO_CHANGED_EVENT) return;
    atomic_fetch_add(&told, 1);
    watch_begin(user);
}

static void on_get(int error, const char *value, int size, const struct Stat *stat, const void *user)
{
    (void)value;
    (void)size;
    (void)stat;
    (void)user;
    bench_zok(error, "get");
    size_t next = atomic_load(&begun);
    if (next < watches) {
        atomic_store(&begun, next + 1);
        watch_begin(&all[next]);
    }
    if (atomic_fetch_add(&read_again, 1) + 1 == watches) sem_post(&done);
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: %s WATCHES ADDRESS ROUNDS\n", argv[0]);
        return 2;
    }
    watches = bench_number(argv[1], TREE_LEAVES_MAX);
    size_t rounds = bench_number(argv[3], 100000);
    uint64_t *samples = bench_samples(rounds);
    struct bench_meter meter = {0};
    fire_prepare(argv[2], watches);
    sem_init(&connected, 0, 0);
    sem_init(&done, 0, 0);
    all = calloc(watches, sizeof *all);
    if (all == NULL) bench_zok(ZSYSTEMERROR, "memory");
    for (size_t i = 0; i < watches; i++) tree_leaf(watches, i, all[i].path);
    zoo_set_debug_level((ZooLogLevel)0);
    handle = zookeeper_init(argv[2], on_session, BENCH_SESSION_MS, NULL, NULL, 0);
    if (handle == NULL) bench_zok(ZSYSTEMERROR, "client");
    bench_zok(zoo_set_servers_resolution_delay(handle, -1), "resolution delay");
    sem_wait(&connected);

    size_t first = watches < BENCH_OUTSTANDING ? watches : BENCH_OUTSTANDING;
    atomic_store(&begun, first);
    for (size_t i = 0; i < first; i++) watch_begin(&all[i]);
    sem_wait(&done);
    for (size_t round = 0; round < FIRE_WARM_UP + rounds; round++) {
        if (round == FIRE_WARM_UP) bench_start(&meter);
        atomic_store(&told, 0);
        atomic_store(&read_again, 0);
        uint64_t fired = bench_now_ns();
        fire_now();
        sem_wait(&done);
        if (round >= FIRE_WARM_UP) samples[round - FIRE_WARM_UP] = bench_now_ns() - fired;
        if (atomic_load(&told) != watches) bench_zok(ZSYSTEMERROR, "not every watch was told");
    }
    bench_stop(&meter);
    fire_end();
    bench_print_samples(&meter, samples, rounds);
    zookeeper_close(handle);
    free(samples);
    free(all);
    return 0;
}
