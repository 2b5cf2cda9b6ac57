/* bench-queue-put.c - a put of the simple queue through Docent, one at a time, on the application's loop, by a client that only puts.
 *
 *     bench-queue-put ADDRESS ITEMS
 *
 * Who has taken from a queue hears of every item that comes, his own puts included; so nothing is taken here. As many items again are put before, to get
 * warm. */
#include "queue.h"

struct bench {
    docent_client *client;
    docent_queue *queue;
    uint64_t items, ended, sent_ns;
    uint64_t *samples;
    struct bench_meter meter;
    uint8_t data[BENCH_DATA_BYTES];
};

static void on_put(const docent_result *result, void *user);

static void begin(struct bench *bench)
{
    if (bench->ended == bench->items) bench_start(&bench->meter);
    bench->sent_ns = bench_now_ns();
    bench_ok(docent_queue_put_async(bench->queue, bench->data, sizeof bench->data, on_put, bench), "put");
}

static void on_put(const docent_result *result, void *user)
{
    struct bench *bench = user;
    bench_ok(result->status, "put");
    if (bench->ended >= bench->items) bench->samples[bench->ended - bench->items] = bench_now_ns() - bench->sent_ns;
    if (++bench->ended < 2 * bench->items) {
        begin(bench);
        return;
    }
    bench_stop(&bench->meter);
    docent_queue_close(bench->queue, NULL, NULL);
    docent_client_close(bench->client, NULL, NULL);
}

static void on_made(const docent_result *result, void *user)
{
    bench_ok(result->status, "path");
    begin(user);
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: %s ADDRESS ITEMS\n", argv[0]);
        return 2;
    }
    struct bench bench = { .items = bench_number(argv[2], 1000000) };
    bench.samples = bench_samples(bench.items);
    bench_queue_run(argv[1], &bench.client, &bench.queue, on_made, &bench);
    bench_print_samples(&bench.meter, bench.samples, bench.items);
    free(bench.samples);
    return 0;
}
