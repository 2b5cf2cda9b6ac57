/* bench-queue.c - the simple queue through Docent, on the application's loop: items are put, one at a time or many under way, and taken.
 *
 *     bench-queue ADDRESS ITEMS ROUNDS WINDOW TOGETHER
 *
 * In each round so many items are put, TOGETHER with one call, and then taken, with no more than WINDOW under way. Prints "put=RATE take=RATE",
 * in items a second, after a round that does not count. Every item must come back, in its order. */
#include "queue.h"

struct bench {
    docent_client *client;
    docent_queue *queue;
    uint64_t items, rounds, window, together;
    uint64_t begun, ended;
    uint64_t put_ns, take_ns, since_ns;
    uint64_t round;
    docent_queue_bytes *puts; /* As many as go together. */
    char (*data)[BENCH_DATA_BYTES];
};

static void begin_take(struct bench *bench);
static void begin_puts(struct bench *bench);

static void on_taken(const docent_result *result, void *user)
{
    struct bench *bench = user;
    uint64_t number = UINT64_MAX;
    bench_ok(result->status, "take");
    if (result->size >= sizeof number) memcpy(&number, result->data, sizeof number);
    bench_ok(number == bench->ended ? DOCENT_OK : DOCENT_ERR_CORRUPT_DATA, "order");
    if (++bench->ended < bench->items) {
        if (bench->begun < bench->items) begin_take(bench);
        return;
    }
    if (bench->round > 0) bench->take_ns += bench_now_ns() - bench->since_ns;
    if (bench->round++ < bench->rounds) {
        begin_puts(bench);
        return;
    }
    docent_queue_close(bench->queue, NULL, NULL);
    docent_client_close(bench->client, NULL, NULL);
}

static void begin_take(struct bench *bench)
{
    bench->begun++;
    bench_ok(docent_queue_take_async(bench->queue, DOCENT_FOREVER, on_taken, bench), "take");
}

static void more_puts(struct bench *bench);

static void on_put(const docent_result *result, void *user)
{
    struct bench *bench = user;
    bench_ok(result->status, "put");
    bench->ended += result->result_count > 0 ? result->result_count : 1;
    if (bench->ended < bench->items) {
        more_puts(bench);
        return;
    }
    if (bench->round > 0) bench->put_ns += bench_now_ns() - bench->since_ns;
    bench->begun = bench->ended = 0;
    bench->since_ns = bench_now_ns();
    for (uint64_t i = 0; i < bench->window && i < bench->items; i++) begin_take(bench);
}

/* As many as may be under way. */
static void more_puts(struct bench *bench)
{
    while (bench->begun < bench->items) {
        uint64_t left = bench->items - bench->begun, count = left < bench->together ? left : bench->together;
        if (bench->begun > bench->ended && bench->begun - bench->ended + count > bench->window) return;
        for (uint64_t i = 0; i < count; i++, bench->begun++) memcpy(bench->data[i], &bench->begun, sizeof bench->begun);
        if (bench->together == 1) {
            bench_ok(docent_queue_put_async(bench->queue, bench->data[0], BENCH_DATA_BYTES, on_put, bench), "put");
        } else {
            bench_ok(docent_queue_put_many_async(bench->queue, bench->puts, count, on_put, bench), "put");
        }
    }
}

static void begin_puts(struct bench *bench)
{
    bench->begun = bench->ended = 0;
    bench->since_ns = bench_now_ns();
    more_puts(bench);
}

static void on_made(const docent_result *result, void *user)
{
    bench_ok(result->status, "path");
    begin_puts(user);
}

int main(int argc, char **argv)
{
    if (argc != 6) {
        fprintf(stderr, "usage: %s ADDRESS ITEMS ROUNDS WINDOW TOGETHER\n", argv[0]);
        return 2;
    }
    struct bench bench = {
        .items = bench_number(argv[2], 1000000),
        .rounds = bench_number(argv[3], 1000),
        .window = bench_number(argv[4], 1000000),
        .together = bench_number(argv[5], 1000),
    };
    bench.puts = calloc(bench.together, sizeof *bench.puts);
    bench.data = calloc(bench.together, sizeof *bench.data);
    bench_ok(bench.puts != NULL && bench.data != NULL ? DOCENT_OK : DOCENT_ERR_NO_MEMORY, "memory");
    for (uint64_t i = 0; i < bench.together; i++) bench.puts[i] = (docent_queue_bytes){ bench.data[i], BENCH_DATA_BYTES };
    bench_queue_run(argv[1], &bench.client, &bench.queue, on_made, &bench);
    free(bench.puts);
    free(bench.data);
    double counted = (double)(bench.items * bench.rounds) * 1e9;
    printf("put=%.0f take=%.0f\n", counted / (double)bench.put_ns, counted / (double)bench.take_ns);
    return 0;
}
