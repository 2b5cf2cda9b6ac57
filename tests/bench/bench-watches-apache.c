/* bench-watches-apache.c - bench-watches.c through the C client of Apache ZooKeeper (multi-threaded build).
 *
 *     bench-watches-apache WATCHES ADDRESS CUTS
 *
 * It tells that it is connected without waiting for its watches; so what is measured is the time to the reply of a read that it sends
 * then: the server answers in order. It puts all its watches into one packet. Where the server does not take that, it never comes
 * back; which is given up after a while, and told by restored=0 and the number of connections that it made. */
#include <errno.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <unistd.h>

#include "watches.h"
#include "zok.h"

enum { GIVE_UP_S = 10 };

struct bench {
    zhandle_t *handle;
    size_t watches;
    size_t ended; /* By the completion thread alone. */
    atomic_size_t begun;
    atomic_bool cut;
    atomic_uint_fast64_t back_ns;
    atomic_uint connections; /* Since the last cut. */
    sem_t connected, watching, back;
};

static void on_back(int error, const struct Stat *stat, const void *user)
{
    struct bench *bench = (struct bench *)user;
    (void)stat;
    if (error != ZNONODE || !atomic_exchange(&bench->cut, false)) return;
    atomic_store(&bench->back_ns, bench_now_ns());
    sem_post(&bench->back);
}

static void on_session(zhandle_t *handle, int type, int state, const char *path, void *user)
{
    struct bench *bench = user;
    (void)path;
    if (type != ZOO_SESSION_EVENT || state != ZOO_CONNECTED_STATE) return;
    if (!atomic_load(&bench->cut)) {
        sem_post(&bench->connected);
        return;
    }
    atomic_fetch_add(&bench->connections, 1);
    (void)zoo_aexists(handle, "/docent-bench-not-there", 0, on_back, bench); /* If it fails, the next connection asks again. */
}

/* The library tells every watch of the states of the session, too. */
static void on_watch(zhandle_t *handle, int type, int state, const char *path, void *user)
{
    (void)handle;
    (void)type;
    (void)state;
    (void)path;
    (void)user;
}

static void on_exists(int error, const struct Stat *stat, const void *user);

static void watch_begin(struct bench *bench)
{
    char path[WATCHES_PATH_SIZE];
    size_t number = atomic_fetch_add(&bench->begun, 1);
    if (number >= bench->watches) return;
    watches_path(number, path);
    bench_zok(zoo_awexists(bench->handle, path, on_watch, bench, on_exists, bench), "exists");
}

static void on_exists(int error, const struct Stat *stat, const void *user)
{
    struct bench *bench = (struct bench *)user;
    (void)stat;
    if (error != ZNONODE) bench_zok(error != ZOK ? error : ZNODEEXISTS, "exists");
    watch_begin(bench);
    if (++bench->ended == bench->watches) sem_post(&bench->watching);
}

static bool wait_back(struct bench *bench)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += GIVE_UP_S;
    while (sem_timedwait(&bench->back, &until) != 0) {
        if (errno == ETIMEDOUT) return false;
    }
    return true;
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: %s WATCHES ADDRESS CUTS\n", argv[0]);
        return 2;
    }
    static struct bench bench;
    const char *address = argv[2];
    size_t cuts = bench_number(argv[3], 100000);
    uint64_t *samples = bench_samples(cuts), fewest = UINT64_MAX;
    struct bench_meter meter;
    bench.watches = bench_number(argv[1], WATCHES_MAX);
    sem_init(&bench.connected, 0, 0);
    sem_init(&bench.watching, 0, 0);
    sem_init(&bench.back, 0, 0);

    zoo_set_debug_level((ZooLogLevel)0); /* That it is cut off it would tell for every attempt. */
    bench.handle = zookeeper_init(address, on_session, BENCH_SESSION_MS, NULL, &bench, 0);
    if (bench.handle == NULL) bench_zok(ZSYSTEMERROR, "client");
    bench_zok(zoo_set_servers_resolution_delay(bench.handle, -1), "resolution delay");
    sem_wait(&bench.connected);
    for (unsigned i = 0; i < WATCHES_OUTSTANDING; i++) watch_begin(&bench);
    sem_wait(&bench.watching);

    bench_start(&meter);
    for (size_t i = 0; i < cuts; i++) {
        usleep(BENCH_CUT_PAUSE_MS * 1000);
        uint64_t received = watches_received(address);
        atomic_store(&bench.connections, 0);
        atomic_store(&bench.cut, true);
        uint64_t start = watches_cut();
        if (!wait_back(&bench)) {
            printf("ops=%zu restored=0 connections=%u packets=%" PRIu64 "\n", i + 1, atomic_load(&bench.connections),
                   watches_received(address) - received);
            fflush(stdout);
            _exit(0); /* Closing would wait for what does not come. */
        }
        samples[i] = atomic_load(&bench.back_ns) - start;
        received = watches_received(address) - received - 1; /* The read is not theirs. */
        if (received < fewest) fewest = received;
    }
    bench_stop(&meter);
    printf("restored=1 packets=%" PRIu64 " ", fewest);
    bench_print_samples(&meter, samples, cuts);
    zookeeper_close(bench.handle);
    free(samples);
    return 0;
}
