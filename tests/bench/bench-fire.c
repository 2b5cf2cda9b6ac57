/* bench-fire.c - one-shot watches that are all fired at once, and set again as they come.
 *
 *     bench-fire WATCHES ADDRESS ROUNDS
 *
 * A round is measured from the moment that somebody else begins to set the nodes until every watch was told, its node read, and the watch that
 * the read left is at the server. */
#include <event2/event.h>

#include <docent/docent.h>

#include "fire.h"

struct bench {
    docent_client *client;
    size_t watches, begun, told, read;
    size_t round, rounds;
    uint64_t fired_ns;
    uint64_t *samples;
    bool closing;
    struct bench_meter meter;
};

/* Of each watch. */
struct watched {
    struct bench *bench;
    char path[TREE_PATH_SIZE];
};

static struct watched *all;

static void on_get(const docent_result *result, void *user);
static void on_watch(const docent_watch_event *event, void *user);

static void watch_begin(struct watched *watched)
{
    docent_call_options call = {DOCENT_CALL_OPTIONS, .watch = on_watch, .watch_user = watched};
    docent_op op = docent_op_get(watched->path);
    docent_status status = docent_run_async(watched->bench->client, &op, &call, on_get, watched->bench);
    bench_require(status == DOCENT_OK, docent_status_text(status));
}

static void on_watch(const docent_watch_event *event, void *user)
{
    struct watched *watched = user;
    if (watched->bench->closing) return;
    bench_require(event->type == DOCENT_WATCH_DATA_CHANGED, "a watch was told something else");
    watched->bench->told++;
    watch_begin(watched);
}

static void fire(struct bench *bench)
{
    bench->told = bench->read = 0;
    if (bench->round == FIRE_WARM_UP) bench_start(&bench->meter);
    bench->fired_ns = bench_now_ns();
    fire_now();
}

static void on_get(const docent_result *result, void *user)
{
    struct bench *bench = user;
    bench_require(result->status == DOCENT_OK, docent_status_text(result->status));
    if (bench->begun < bench->watches) watch_begin(&all[bench->begun++]);
    if (++bench->read < bench->watches) return;
    bench_require(bench->fired_ns == 0 || bench->told == bench->watches, "a watch was not told");
    if (bench->fired_ns != 0) {
        if (bench->round >= FIRE_WARM_UP) bench->samples[bench->round - FIRE_WARM_UP] = bench_now_ns() - bench->fired_ns;
        bench->round++;
    }
    if (bench->round < FIRE_WARM_UP + bench->rounds) {
        fire(bench);
        return;
    }
    bench_stop(&bench->meter);
    bench->closing = true;
    docent_client_close(bench->client, NULL, NULL);
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: %s WATCHES ADDRESS ROUNDS\n", argv[0]);
        return 2;
    }
    struct bench bench = {.watches = bench_number(argv[1], TREE_LEAVES_MAX), .rounds = bench_number(argv[3], 100000)};
    fire_prepare(argv[2], bench.watches);
    bench.samples = bench_samples(bench.rounds);
    all = calloc(bench.watches, sizeof *all);
    bench_require(all != NULL, "memory");
    for (size_t i = 0; i < bench.watches; i++) {
        all[i].bench = &bench;
        tree_leaf(bench.watches, i, all[i].path);
    }
    struct event_base *base = event_base_new();
    docent_client_options options = {DOCENT_CLIENT_OPTIONS, .session_timeout_ms = BENCH_SESSION_MS, .base = base};
    docent_status status = docent_client_new(argv[2], &options, &bench.client);
    bench_require(status == DOCENT_OK, docent_status_text(status));
    while (bench.begun < BENCH_OUTSTANDING && bench.begun < bench.watches) watch_begin(&all[bench.begun++]);
    event_base_dispatch(base);
    bench_require(bench.closing, "the loop ended early");
    fire_end();
    bench_print_samples(&bench.meter, bench.samples, bench.rounds);
    event_base_free(base);
    free(bench.samples);
    free(all);
    return 0;
}
