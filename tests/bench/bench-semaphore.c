/* bench-semaphore.c - a semaphore of which leases are taken and given back, nobody else there, on the application's loop.
 *
 *     bench-semaphore ADDRESS OPS LEASES
 *
 * Prints how long OPS rounds took, after as many that do not count: "ops=N wall_ns=N". Given back means that the nodes are gone. */
#include <event2/event.h>

#include "ok.h"

struct bench {
    docent_client *client;
    docent_semaphore *semaphore;
    docent_permit *permit;
    uint32_t leases;
    uint64_t warm_up, total, ended, began_ns;
};

static void on_acquired(docent_status status, void *user);

static void acquire(struct bench *b)
{
    bench_ok(docent_semaphore_acquire_async(b->semaphore, b->leases, 30000, on_acquired, b, &b->permit), "acquire");
}

static void on_returned(void *user)
{
    struct bench *b = user;
    b->ended++;
    if (b->ended == b->warm_up) b->began_ns = bench_now_ns();
    if (b->ended < b->total) {
        acquire(b);
        return;
    }
    printf("ops=%" PRIu64 " wall_ns=%" PRIu64 "\n", b->total - b->warm_up, bench_now_ns() - b->began_ns);
    docent_semaphore_close(b->semaphore, NULL, NULL);
    docent_client_close(b->client, NULL, NULL);
}

static void on_acquired(docent_status status, void *user)
{
    struct bench *b = user;
    bench_ok(status, "acquired");
    docent_permit_close(b->permit, on_returned, b);
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: %s ADDRESS OPS LEASES\n", argv[0]);
        return 2;
    }
    struct bench b = { .leases = (uint32_t)strtoul(argv[3], NULL, 10) };
    uint64_t operations = strtoull(argv[2], NULL, 10);
    b.warm_up = operations;
    b.total = b.warm_up + operations;
    struct event_base *base = event_base_new();
    docent_client_options options = { DOCENT_CLIENT_OPTIONS, .base = base };
    docent_semaphore_options limit = { DOCENT_SEMAPHORE_OPTIONS, .max = 10 };
    bench_ok(docent_client_new(argv[1], &options, &b.client), "client");
    bench_ok(docent_semaphore_new(b.client, "/docent-bench/semaphore", &limit, &b.semaphore), "semaphore");
    acquire(&b);
    event_base_dispatch(base);
    event_base_free(base);
    return 0;
}
