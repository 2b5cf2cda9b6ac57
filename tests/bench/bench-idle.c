/* bench-idle.c - many idle sessions on one loop: what each costs in memory, and all of them in CPU.
 *
 *     bench-idle ADDRESS SESSIONS SECONDS
 *
 * Prints "ready" when all sessions are there, idles for SECONDS, then prints its result. The server is another process, so the
 * memory is the client's alone; a socket's buffers are the kernel's and not in it. */
#include <malloc.h>
#include <sys/resource.h>
#include <unistd.h>

#include <event2/event.h>

#include <docent/docent.h>

#include "meter.h"

enum { IDLE_CONNECTING_MAX = 200 }; /* At a time: a listening socket's backlog is short. */

struct idle {
    const char *address;
    struct event_base *base;
    docent_client **clients;
    size_t wanted, begun, connected;
    uint64_t trouble; /* States other than the first CONNECTED. */
    uint64_t rss_before, heap_before;
    uint64_t rss, heap;
    bool closing;
    struct timeval pause;
    struct event *timer;
    struct bench_meter meter;
};

static unsigned idle_threads(void)
{
    char line[256];
    unsigned threads = 0;
    FILE *file = fopen("/proc/self/status", "r");
    bench_require(file != NULL, "/proc/self/status cannot be read");
    while (fgets(line, sizeof line, file) != NULL) {
        if (sscanf(line, "Threads: %u", &threads) == 1) break;
    }
    fclose(file);
    return threads;
}

static uint64_t idle_heap(void)
{
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

static void idle_begin_more(struct idle *idle);

static void on_state(const docent_state_event *event, void *user)
{
    struct idle *idle = user;
    if (idle->closing) return;
    if (event->state == DOCENT_CONNECTED && event->connections == 1) {
        idle->connected++;
        if (idle->connected == 1) {
            /* The first client pays for what all share. */
            idle->rss_before = bench_resident();
            idle->heap_before = idle_heap();
        }
        if (idle->connected < idle->wanted) {
            idle_begin_more(idle);
            return;
        }
        printf("ready\n");
        fflush(stdout);
        idle->rss = bench_resident() - idle->rss_before;
        idle->heap = idle_heap() - idle->heap_before;
        bench_start(&idle->meter);
        event_add(idle->timer, &idle->pause);
    } else if (event->state != DOCENT_CONNECTED) {
        idle->trouble++;
    }
}

static void idle_begin_more(struct idle *idle)
{
    size_t most = idle->connected == 0 ? 1 : IDLE_CONNECTING_MAX;
    while (idle->begun < idle->wanted && idle->begun - idle->connected < most) {
        docent_client_options options = {
            DOCENT_CLIENT_OPTIONS, .session_timeout_ms = 10000, .base = idle->base, .on_state = on_state, .user = idle};
        docent_status status = docent_client_new(idle->address, &options, &idle->clients[idle->begun]);
        bench_require(status == DOCENT_OK, docent_status_text(status));
        idle->begun++;
    }
}

static void on_timer(evutil_socket_t fd, short what, void *user)
{
    struct idle *idle = user;
    (void)fd;
    (void)what;
    bench_stop(&idle->meter);
    printf("ops=%zu wall_ns=%" PRIu64 " cpu_ns=%" PRIu64 " rss_per_session=%" PRIu64 " heap_per_session=%" PRIu64
           " threads=%u trouble=%" PRIu64 "\n",
           idle->wanted, idle->meter.wall_ns, idle->meter.cpu_ns, idle->rss / (idle->wanted - 1),
           idle->heap / (idle->wanted - 1), idle_threads(), idle->trouble);
    fflush(stdout);
    idle->closing = true;
    for (size_t i = 0; i < idle->begun; i++) {
        docent_client_close(idle->clients[i], NULL, NULL);
    }
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: %s ADDRESS SESSIONS SECONDS\n", argv[0]);
        return 2;
    }
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);

    struct idle idle = {.address = argv[1],
                        .wanted = bench_number(argv[2], 1000000),
                        .pause = {.tv_sec = (time_t)bench_number(argv[3], 3600)},
                        .base = event_base_new()};
    bench_require(idle.wanted >= 2, "two sessions at least: the first pays for what all share");
    bench_require(idle.base != NULL, "no event_base");
    idle.clients = calloc(idle.wanted, sizeof *idle.clients);
    idle.timer = evtimer_new(idle.base, on_timer, &idle);
    bench_require(idle.clients != NULL && idle.timer != NULL, "out of memory");
    idle_begin_more(&idle);
    event_base_dispatch(idle.base);
    bench_require(idle.closing, "the loop ended early");
    event_free(idle.timer);
    event_base_free(idle.base);
    free(idle.clients);
    return 0;
}
