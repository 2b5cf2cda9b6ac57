/* bench-queue-null.c - the floor of a put: sequential creates through the null client, one at a time, in a directory of their own whose path has the
 * length of bench-queue-put's, after as many that do not count.
 *
 *     bench-queue-null ADDRESS ITEMS */
#include <unistd.h>

#include "meter.h"
#include "null_client.h"

enum { PERSISTENT = 0, SEQUENTIAL = 2 };

static int32_t ask(struct null_client *client, const struct null_frames *frames)
{
    uint8_t reply[4096];
    int32_t error;
    null_write(client->fd, frames->bytes, frames->size);
    (void)null_reply(client, reply, sizeof reply, &error);
    return error;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: %s ADDRESS ITEMS\n", argv[0]);
        return 2;
    }
    static const char data[BENCH_DATA_BYTES] = "";
    uint64_t items = bench_number(argv[2], 1000000), *samples = bench_samples(items);
    char path[64];
    struct null_client client = {0};
    struct null_frames frames = {0};
    struct bench_meter meter = {0};
    null_attach(&client, argv[1]);
    null_frame_create(&frames, 1, "/docent-bench", NULL, 0, PERSISTENT);
    (void)ask(&client, &frames); /* Perhaps it is there. */
    frames.size = 0;
    int size = snprintf(path, sizeof path, "/docent-bench/floor-%ld", (long)getpid());
    null_frame_create(&frames, 1, path, NULL, 0, PERSISTENT);
    bench_require(ask(&client, &frames) == 0, "the directory cannot be made");
    frames.size = 0;
    snprintf(path + size, sizeof path - (size_t)size, "/qn-");
    null_frame_create(&frames, 2, path, data, sizeof data, SEQUENTIAL);
    for (uint64_t i = 0; i < 2 * items; i++) {
        if (i == items) bench_start(&meter);
        uint64_t sent = bench_now_ns();
        bench_require(ask(&client, &frames) == 0, "create failed");
        if (i >= items) samples[i - items] = bench_now_ns() - sent;
    }
    bench_stop(&meter);
    bench_print_samples(&meter, samples, items);
    free(samples);
    free(frames.bytes);
    return 0;
}
