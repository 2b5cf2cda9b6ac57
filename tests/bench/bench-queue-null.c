/* bench-queue-null.c - the floor of a put: sequential creates through the null client, one at a time, after as many that do not count.
 *
 *     bench-queue-null ADDRESS ITEMS */
#include "meter.h"
#include "null_client.h"

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: %s ADDRESS ITEMS\n", argv[0]);
        return 2;
    }
    enum { PERSISTENT = 0, SEQUENTIAL = 2 };
    static const char data[BENCH_DATA_BYTES] = "";
    uint64_t items = strtoull(argv[2], NULL, 10), since = 0;
    uint8_t reply[4096];
    int32_t error;
    struct null_client client = {0};
    struct null_frames frames = {0};
    null_attach(&client, argv[1]);
    null_frame_create(&frames, 1, "/docent-bench", NULL, 0, PERSISTENT);
    null_write(client.fd, frames.bytes, frames.size);
    (void)null_reply(&client, reply, sizeof reply, &error); /* Perhaps it is there. */
    frames.size = 0;
    null_frame_create(&frames, 2, "/docent-bench/floor-", data, sizeof data, SEQUENTIAL);
    for (uint64_t i = 0; i < 2 * items; i++) {
        if (i == items) since = bench_now_ns();
        null_write(client.fd, frames.bytes, frames.size);
        (void)null_reply(&client, reply, sizeof reply, &error);
        if (error != 0) {
            fprintf(stderr, "bench-queue-null: error %" PRId32 "\n", error);
            return 1;
        }
    }
    printf("put=%.0f\n", (double)items * 1e9 / (double)(bench_now_ns() - since));
    free(frames.bytes);
    return 0;
}
