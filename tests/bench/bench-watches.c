/* bench-watches.c - how long a client's one-shot watches are gone after a cut, and in how many packets they come back.
 *
 *     bench-watches WATCHES ADDRESS CUTS
 *
 * Measured is the time from the cut to CONNECTED, which is told when the server has acknowledged them all. Packets are those that the
 * server received meanwhile, the handshake's included. */
#include <event2/event.h>

#include <docent/docent.h>

#include "meter.h"
#include "watches.h"

struct bench {
    docent_client *client;
    struct event *timer;
    const char *address;
    size_t watches, begun, ended;
    size_t cuts, done;
    uint64_t cut_ns; /* 0: not cut. */
    uint64_t received, packets; /* Before the cut; the fewest of one. */
    uint64_t *samples;
    bool closing;
    struct bench_meter meter;
};

static const struct timeval cut_pause = {0, BENCH_CUT_PAUSE_MS * 1000};

static void on_exists(const docent_result *result, void *user);

static void on_watch(const docent_watch_event *event, void *user)
{
    const struct bench *bench = user;
    (void)event;
    bench_require(bench->closing, "a watch ended, or was told something");
}

static void watch_begin(struct bench *bench)
{
    char path[WATCHES_PATH_SIZE];
    docent_call_options call = {DOCENT_CALL_OPTIONS, .watch = on_watch, .watch_user = bench};
    watches_path(bench->begun++, path);
    docent_op op = docent_op_exists(path);
    docent_status status = docent_run_async(bench->client, &op, &call, on_exists, bench);
    bench_require(status == DOCENT_OK, docent_status_text(status));
}

static void on_exists(const docent_result *result, void *user)
{
    struct bench *bench = user;
    bench_require(result->status == DOCENT_ERR_NO_NODE, docent_status_text(result->status));
    bench->ended++;
    if (bench->begun < bench->watches) watch_begin(bench);
    if (bench->ended == bench->watches) event_add(bench->timer, &cut_pause);
}

static void on_timer(evutil_socket_t fd, short what, void *user)
{
    struct bench *bench = user;
    (void)fd;
    (void)what;
    bench->received = watches_received(bench->address);
    if (bench->done == 0) bench_start(&bench->meter);
    bench->cut_ns = watches_cut();
}

static void on_state(const docent_state_event *event, void *user)
{
    struct bench *bench = user;
    if (event->state != DOCENT_CONNECTED) return;
    bench_require(event->new_session == (event->connections == 1), "a cut cost the session");
    if (bench->cut_ns == 0) return;
    bench->samples[bench->done++] = bench_now_ns() - bench->cut_ns;
    uint64_t packets = watches_received(bench->address) - bench->received;
    if (bench->done == 1 || packets < bench->packets) bench->packets = packets; /* A ping now and then is not theirs. */
    if (bench->done < bench->cuts) {
        event_add(bench->timer, &cut_pause);
        return;
    }
    bench_stop(&bench->meter);
    bench->closing = true;
    docent_client_close(bench->client, NULL, NULL);
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: %s WATCHES ADDRESS CUTS\n", argv[0]);
        return 2;
    }
    struct bench bench = {
        .address = argv[2], .watches = bench_number(argv[1], WATCHES_MAX), .cuts = bench_number(argv[3], 100000)};
    struct event_base *base = event_base_new();
    bench.samples = bench_samples(bench.cuts);
    bench.timer = evtimer_new(base, on_timer, &bench);
    docent_client_options options = {
        DOCENT_CLIENT_OPTIONS, .session_timeout_ms = BENCH_SESSION_MS, .base = base, .on_state = on_state, .user = &bench};
    docent_status status = docent_client_new(bench.address, &options, &bench.client);
    bench_require(status == DOCENT_OK, docent_status_text(status));
    for (unsigned i = 0; i < WATCHES_OUTSTANDING && i < bench.watches; i++) watch_begin(&bench);

    event_base_dispatch(base);
    bench_require(bench.done == bench.cuts, "the loop ended early");
    printf("packets=%" PRIu64 " ", bench.packets);
    bench_print_samples(&bench.meter, bench.samples, bench.cuts);
    event_free(bench.timer);
    event_base_free(base);
    free(bench.samples);
    return 0;
}
