/* bench-null.c - the cases of this folder through the null client.
 *
 *     bench-null prepare ADDRESS 1      makes the nodes that every program here uses
 *     bench-null get ADDRESS OPS        pipelined reads, 1,000 outstanding
 *     bench-null set ADDRESS OPS        pipelined writes, 1,000 outstanding
 *     bench-null latency ADDRESS OPS    reads, one outstanding
 *     bench-null lock ADDRESS OPS       create and list in one write, both replies; then delete
 *     bench-null cut ADDRESS OPS        connect and continue the session, now and then */
#include "meter.h"
#include "null_client.h"

#include <unistd.h>

static void null_require(int32_t error, const char *what)
{
    if (error == 0) return;
    fprintf(stderr, "bench-null: %s: server error %" PRId32 "\n", what, error);
    exit(1);
}

static size_t null_call(struct null_client *client, struct null_frames *frames, uint8_t *reply, size_t size, const char *what)
{
    int32_t error = 0;
    null_write(client->fd, frames->bytes, frames->size);
    size_t got = null_reply(client, reply, size, &error);
    null_require(error, what);
    frames->size = 0;
    return got;
}

static void null_prepare(struct null_client *client)
{
    static const char *const paths[] = {"/docent-bench", BENCH_NODE, BENCH_LOCK};
    char data[BENCH_DATA_BYTES];
    uint8_t reply[512];
    struct null_frames frames = {0};
    memset(data, 'd', sizeof data);

    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        int32_t error = 0;
        frames.size = 0;
        null_frame_create(&frames, (int32_t)i + 1, paths[i], data, sizeof data, 0);
        null_write(client->fd, frames.bytes, frames.size);
        null_reply(client, reply, sizeof reply, &error);
        if (error != -110) null_require(error, "create"); /* It may be there from an earlier run. */
    }
    frames.size = 0;
    null_frame_set(&frames, 10, BENCH_NODE, data, sizeof data);
    null_call(client, &frames, reply, sizeof reply, "set");
    free(frames.bytes);
    printf("ops=1\n");
}

static void null_one_frame(struct null_frames *frames, bool write, int32_t xid)
{
    char data[BENCH_DATA_BYTES];
    memset(data, 'd', sizeof data);
    if (write) {
        null_frame_set(frames, xid, BENCH_NODE, data, sizeof data);
    } else {
        null_frame_get(frames, xid, BENCH_NODE);
    }
}

/* All frames have one size and so have all replies, so that counting is a division. */
static void null_pipeline(struct null_client *client, const struct null_frames *ring, size_t reply_size, uint64_t operations)
{
    static uint8_t buffer[64 * 1024];
    size_t frame_size = ring->size / BENCH_OUTSTANDING;
    uint64_t sent = 0, received = 0, bytes = 0;

    while (received < operations) {
        while (sent < operations && sent - received < BENCH_OUTSTANDING) {
            uint64_t slot = sent % BENCH_OUTSTANDING, count = BENCH_OUTSTANDING - (sent - received);
            if (count > BENCH_OUTSTANDING - slot) count = BENCH_OUTSTANDING - slot;
            if (count > operations - sent) count = operations - sent;
            null_write(client->fd, ring->bytes + slot * frame_size, count * frame_size);
            sent += count;
        }
        bytes += null_read(client->fd, buffer, sizeof buffer);
        received = bytes / reply_size;
    }
}

static void null_throughput(struct null_client *client, bool write, uint64_t operations)
{
    struct null_frames ring = {0}, one = {0};
    struct bench_meter meter;
    uint8_t reply[1024];

    null_one_frame(&one, write, 1);
    size_t reply_size = null_call(client, &one, reply, sizeof reply, "first request");
    for (int32_t i = 0; i < BENCH_OUTSTANDING; i++) {
        null_one_frame(&ring, write, i + 1);
    }
    null_pipeline(client, &ring, reply_size, BENCH_WARM_UP);
    bench_start(&meter);
    null_pipeline(client, &ring, reply_size, operations);
    bench_stop(&meter);
    bench_print(&meter, operations);
    free(ring.bytes);
    free(one.bytes);
}

static void null_latency(struct null_client *client, uint64_t operations)
{
    struct null_frames frames = {0};
    struct bench_meter meter;
    uint8_t reply[1024];
    uint64_t *samples = bench_samples(operations);
    int32_t error = 0;

    null_frame_get(&frames, 1, BENCH_NODE);
    for (uint64_t i = 0; i < BENCH_WARM_UP + operations; i++) {
        if (i == BENCH_WARM_UP) bench_start(&meter);
        uint64_t start = bench_now_ns();
        null_write(client->fd, frames.bytes, frames.size);
        /* Read as the pipelined case does: what is there, without looking at it. */
        null_read(client->fd, reply, sizeof reply);
        if (i >= BENCH_WARM_UP) samples[i - BENCH_WARM_UP] = bench_now_ns() - start;
    }
    bench_stop(&meter);
    null_write(client->fd, frames.bytes, frames.size);
    null_reply(client, reply, sizeof reply, &error);
    null_require(error, "get");
    bench_print_samples(&meter, samples, operations);
    free(samples);
    free(frames.bytes);
}

/* The name that the server made stands in the reply: its length after the header of 20 bytes, then the path. */
static void null_lock_turn(struct null_client *client, struct null_frames *enter, struct null_frames *leave)
{
    uint8_t reply[64 * 1024];
    char path[256];
    int32_t error = 0;

    null_write(client->fd, enter->bytes, enter->size);
    size_t got = null_reply(client, reply, sizeof reply, &error);
    null_require(error, "create");
    size_t length = got - 24;
    if (length >= sizeof path) exit(1);
    memcpy(path, reply + 24, length);
    path[length] = '\0';
    null_reply(client, reply, sizeof reply, &error);
    null_require(error, "list");

    null_frame_delete(leave, 3, path);
    null_call(client, leave, reply, sizeof reply, "delete");
}

static void null_lock(struct null_client *client, uint64_t operations)
{
    struct null_frames enter = {0}, leave = {0};
    struct bench_meter meter;
    char data[16];
    uint64_t warm_up = BENCH_WARM_UP / 10;
    memset(data, 'l', sizeof data);

    null_frame_create(&enter, 1, BENCH_LOCK "/_c_00000000-0000-4000-8000-000000000000-lock-", data, sizeof data, 3);
    null_frame_children(&enter, 2, BENCH_LOCK);
    for (uint64_t i = 0; i < warm_up + operations; i++) {
        if (i == warm_up) bench_start(&meter);
        null_lock_turn(client, &enter, &leave);
    }
    bench_stop(&meter);
    bench_print(&meter, operations);
    free(enter.bytes);
    free(leave.bytes);
}

static void null_cut(struct null_client *client, const char *address, uint64_t operations)
{
    struct bench_meter meter;
    uint64_t *samples = bench_samples(operations);

    bench_start(&meter);
    for (uint64_t i = 0; i < operations; i++) {
        usleep(BENCH_CUT_PAUSE_MS * 1000); /* Caches and CPUs that sleep cost this client too. */
        uint64_t start = bench_now_ns();
        close(client->fd);
        null_attach(client, address);
        samples[i] = bench_now_ns() - start;
    }
    bench_stop(&meter);
    bench_print_samples(&meter, samples, operations);
    free(samples);
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: %s prepare|get|set|latency|lock|cut ADDRESS OPS\n", argv[0]);
        return 2;
    }
    const char *what = argv[1];
    uint64_t operations = bench_number(argv[3], 100000000);
    struct null_client client = {.fd = -1};
    null_attach(&client, argv[2]);

    if (strcmp(what, "prepare") == 0) {
        null_prepare(&client);
    } else if (strcmp(what, "get") == 0) {
        null_throughput(&client, false, operations);
    } else if (strcmp(what, "set") == 0) {
        null_throughput(&client, true, operations);
    } else if (strcmp(what, "latency") == 0) {
        null_latency(&client, operations);
    } else if (strcmp(what, "lock") == 0) {
        null_lock(&client, operations);
    } else if (strcmp(what, "cut") == 0) {
        null_cut(&client, argv[2], operations);
    } else {
        fprintf(stderr, "bench-null: no such case: %s\n", what);
        return 2;
    }

    struct null_frames bye = {0};
    uint8_t reply[64];
    int32_t error = 0;
    null_frame_close(&bye, 4);
    null_write(client.fd, bye.bytes, bye.size);
    null_reply(&client, reply, sizeof reply, &error);
    close(client.fd);
    free(bye.bytes);
    return 0;
}
