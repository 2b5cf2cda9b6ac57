/* bench-queue.c - the simple queue through Docent, on the application's loop: items are put, one at a time or many under way, and taken.
 *
 *     bench-queue ADDRESS ITEMS PUT_WINDOW TAKE_WINDOW
 *
 * Prints "put=RATE take=RATE", in items a second, after as many that do not count. Every item must come back, in its order. */
#include <unistd.h>

#include <event2/event.h>

#include "ok.h"

struct bench {
    docent_client *client;
    docent_queue *queue;
    uint64_t items, put_window, take_window;
    uint64_t begun, ended;
    uint64_t put_ns, take_ns, since_ns;
    bool warm;
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
    bench->take_ns = bench_now_ns() - bench->since_ns;
    if (!bench->warm) {
        bench->warm = true;
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

static void begin_put(struct bench *bench);

static void on_put(const docent_result *result, void *user)
{
    struct bench *bench = user;
    bench_ok(result->status, "put");
    if (++bench->ended < bench->items) {
        if (bench->begun < bench->items) begin_put(bench);
        return;
    }
    bench->put_ns = bench_now_ns() - bench->since_ns;
    bench->begun = bench->ended = 0;
    bench->since_ns = bench_now_ns();
    for (uint64_t i = 0; i < bench->take_window && i < bench->items; i++) begin_take(bench);
}

static void begin_put(struct bench *bench)
{
    char data[BENCH_DATA_BYTES] = "";
    memcpy(data, &bench->begun, sizeof bench->begun);
    bench->begun++;
    bench_ok(docent_queue_put_async(bench->queue, data, sizeof data, on_put, bench), "put");
}

static void begin_puts(struct bench *bench)
{
    bench->begun = bench->ended = 0;
    bench->since_ns = bench_now_ns();
    for (uint64_t i = 0; i < bench->put_window && i < bench->items; i++) begin_put(bench);
}

static void on_made(const docent_result *result, void *user)
{
    bench_ok(result->status, "path");
    begin_puts(user);
}

int main(int argc, char **argv)
{
    if (argc != 5) {
        fprintf(stderr, "usage: %s ADDRESS ITEMS PUT_WINDOW TAKE_WINDOW\n", argv[0]);
        return 2;
    }
    struct bench bench = { .items = strtoull(argv[2], NULL, 10), .put_window = strtoull(argv[3], NULL, 10), .take_window = strtoull(argv[4], NULL, 10) };
    struct event_base *base = event_base_new();
    docent_client_options options = { DOCENT_CLIENT_OPTIONS, .base = base, .session_timeout_ms = BENCH_SESSION_MS };
    char path[64];
    snprintf(path, sizeof path, "/docent-bench/queue-%ld", (long)getpid());
    bench_ok(docent_client_new(argv[1], &options, &bench.client), "client");
    bench_ok(docent_queue_new(bench.client, path, NULL, &bench.queue), "queue");
    bench_ok(docent_ensure_path_async(bench.client, path, DOCENT_PARENTS_PERSISTENT, docent_acl_open(), on_made, &bench), "path");
    event_base_dispatch(base);
    event_base_free(base);
    printf("put=%.0f take=%.0f\n", (double)bench.items * 1e9 / (double)bench.put_ns, (double)bench.items * 1e9 / (double)bench.take_ns);
    return 0;
}
