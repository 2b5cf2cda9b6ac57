/* bench-cut.c - how long a client is without its server after the connection is cut.
 *
 *     bench-cut SERVERS OPS
 *
 * SERVERS is a connect string; some of its addresses may be dead. The cut is made under the client's feet: its own socket is shut
 * down, which it learns as it would learn of a reset. Measured is the time from there to CONNECTED. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <event2/event.h>

#include <docent/docent.h>

#include "meter.h"

struct cut {
    docent_client *client;
    struct event *timer;
    uint64_t cut_ns; /* 0: not cut. */
    uint64_t *samples;
    size_t wanted, count;
    uint64_t sessions; /* New ones: more than one means that a cut cost the session. */
};

static const struct timeval cut_pause = {0, BENCH_CUT_PAUSE_MS * 1000};

/* The client has one connection; a side connection that asks a server for its version would be cut with it, which does no harm. */
static bool cut_sockets(struct cut *cut)
{
    bool found = false;
    for (int fd = 3; fd < 64; fd++) {
        struct sockaddr_storage peer;
        socklen_t size = sizeof peer;
        if (getpeername(fd, (struct sockaddr *)&peer, &size) != 0) continue;
        if (peer.ss_family != AF_INET && peer.ss_family != AF_INET6) continue;
        if (!found) cut->cut_ns = bench_now_ns(); /* Looking for it took longer than some of what is measured. */
        shutdown(fd, SHUT_RDWR);
        found = true;
    }
    return found;
}

static void on_timer(evutil_socket_t fd, short what, void *user)
{
    struct cut *cut = user;
    (void)fd;
    (void)what;
    bench_require(cut_sockets(cut), "no connection to cut");
}

static void on_state(const docent_state_event *event, void *user)
{
    struct cut *cut = user;
    if (event->state != DOCENT_CONNECTED) return;
    if (event->new_session) cut->sessions++;
    if (cut->cut_ns != 0) {
        cut->samples[cut->count++] = bench_now_ns() - cut->cut_ns;
        cut->cut_ns = 0;
    }
    if (cut->count < cut->wanted) {
        event_add(cut->timer, &cut_pause);
    } else {
        docent_client_close(cut->client, NULL, NULL);
    }
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: %s SERVERS OPS\n", argv[0]);
        return 2;
    }
    struct cut cut = {.wanted = bench_number(argv[2], 100000)};
    struct bench_meter meter;
    struct event_base *base = event_base_new();
    cut.samples = bench_samples(cut.wanted);
    cut.timer = evtimer_new(base, on_timer, &cut);
    docent_client_options options = {
        DOCENT_CLIENT_OPTIONS, .session_timeout_ms = BENCH_SESSION_MS, .base = base, .on_state = on_state, .user = &cut};
    docent_status status = docent_client_new(argv[1], &options, &cut.client);
    bench_require(status == DOCENT_OK, docent_status_text(status));

    bench_start(&meter);
    event_base_dispatch(base);
    bench_stop(&meter);
    bench_require(cut.count == cut.wanted, "the loop ended early");
    bench_require(cut.sessions == 1, "a cut cost the session");
    bench_print_samples(&meter, cut.samples, cut.count);
    event_free(cut.timer);
    event_base_free(base);
    free(cut.samples);
    return 0;
}
