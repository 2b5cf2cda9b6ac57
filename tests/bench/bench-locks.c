/* bench-locks.c - many locks that are held, each on a path of its own, on one session: what each costs in memory.
 *
 *     bench-locks ADDRESS LOCKS
 *
 * Measured when every holder has looked after its node, and left the watch that it keeps. The server is another process. */
#include <malloc.h>
#include <unistd.h>

#include <event2/event.h>

#include <docent/docent.h>

#include "meter.h"

enum { LOCKS_ACQUIRING_MAX = 200, LOCKS_SETTLE_MS = 2500 };

struct locks {
    docent_client *client;
    struct event_base *base;
    docent_lock **all;
    size_t wanted, begun, held;
    uint64_t heap_before, rss_before;
    struct event *timer;
    bool closing;
};

static void on_held(docent_status outcome, void *user);

static void locks_begin_one(struct locks *l)
{
    char path[64];
    snprintf(path, sizeof path, "/docent-bench/locks/%06zu", l->begun);
    docent_lock **lock = &l->all[l->begun++];
    docent_status status = docent_lock_new(l->client, path, NULL, lock);
    if (status == DOCENT_OK) status = docent_lock_acquire_async(*lock, DOCENT_FOREVER, on_held, l);
    bench_require(status == DOCENT_OK, docent_status_text(status));
}

static void on_held(docent_status outcome, void *user)
{
    struct locks *l = user;
    bench_require(outcome == DOCENT_OK, docent_status_text(outcome));
    l->held++;
    if (l->begun < l->wanted) {
        locks_begin_one(l);
    } else if (l->held == l->wanted) {
        const struct timeval pause = {LOCKS_SETTLE_MS / 1000, LOCKS_SETTLE_MS % 1000 * 1000};
        event_add(l->timer, &pause);
    }
}

static void on_connected(const docent_state_event *event, void *user)
{
    struct locks *l = user;
    bench_require(l->closing || l->begun == 0 || event->state == DOCENT_CONNECTED, "the connection was lost");
    if (event->state != DOCENT_CONNECTED || l->begun > 0) return;
    l->heap_before = (uint64_t)mallinfo2().uordblks;
    l->rss_before = bench_resident();
    while (l->begun < l->wanted && l->begun < LOCKS_ACQUIRING_MAX) locks_begin_one(l);
}

static void on_closed(void *user)
{
    struct locks *l = user;
    event_base_loopbreak(l->base);
}

static void on_settled(evutil_socket_t fd, short what, void *user)
{
    struct locks *l = user;
    (void)fd;
    (void)what;
    double heap = (double)mallinfo2().uordblks - (double)l->heap_before, rss = (double)bench_resident() - (double)l->rss_before;
    printf("locks=%zu heap_per_lock=%.0f rss_per_lock=%.0f\n", l->wanted, heap / (double)l->wanted, rss / (double)l->wanted);
    l->closing = true;
    for (size_t i = 0; i < l->wanted; i++) docent_lock_close(l->all[i], NULL, NULL);
    docent_client_close(l->client, on_closed, l);
}

int main(int argc, char **argv)
{
    struct locks l = {0};
    bench_require(argc == 3 && (l.wanted = strtoul(argv[2], NULL, 10)) > 0, "usage: bench-locks ADDRESS LOCKS");
    l.all = calloc(l.wanted, sizeof *l.all);
    l.base = event_base_new();
    bench_require(l.all != NULL && l.base != NULL, "no memory");
    l.timer = event_new(l.base, -1, 0, on_settled, &l);
    bench_require(l.timer != NULL, "no memory");
    docent_client_options options = {DOCENT_CLIENT_OPTIONS, .base = l.base, .session_timeout_ms = BENCH_SESSION_MS, .on_state = on_connected,
                                     .user = &l};
    docent_status status = docent_client_new(argv[1], &options, &l.client);
    bench_require(status == DOCENT_OK, docent_status_text(status));
    event_base_dispatch(l.base);
    event_free(l.timer);
    event_base_free(l.base);
    free(l.all);
    return 0;
}
