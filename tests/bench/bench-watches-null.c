/* bench-watches-null.c - bench-watches.c through the null client: it connects, continues its session, writes packets that were made
 * before, and waits for their replies.
 *
 *     bench-watches-null WATCHES ADDRESS CUTS */
#include <unistd.h>

#include "meter.h"
#include "null_client.h"
#include "watches.h"

enum { PACKET_WATCHES = 128 * 1024 / (WATCHES_PATH_BYTES + 4) }; /* The size that other clients choose. */

static void expect(struct null_client *client, int32_t wanted)
{
    uint8_t reply[256];
    int32_t error = 0;
    null_reply(client, reply, sizeof reply, &error);
    if (error == wanted) return;
    fprintf(stderr, "bench-watches-null: server error %" PRId32 "\n", error);
    exit(1);
}

static void watch_all(struct null_client *client, size_t watches)
{
    struct null_frames frames = {0};
    char path[WATCHES_PATH_SIZE];
    for (size_t done = 0; done < watches;) {
        size_t some = watches - done < WATCHES_OUTSTANDING ? watches - done : WATCHES_OUTSTANDING;
        frames.size = 0;
        for (size_t i = 0; i < some; i++) {
            watches_path(done + i, path);
            null_frame_exists_watched(&frames, 1, path);
        }
        null_write(client->fd, frames.bytes, frames.size);
        for (size_t i = 0; i < some; i++) expect(client, -101); /* No such node. */
        done += some;
    }
    free(frames.bytes);
}

/* Returns how many packets they are. */
static size_t make_packets(struct null_frames *frames, int64_t zxid, size_t watches)
{
    size_t packets = 0;
    char path[WATCHES_PATH_SIZE];
    for (size_t done = 0; done < watches; packets++) {
        size_t some = watches - done < PACKET_WATCHES ? watches - done : PACKET_WATCHES;
        size_t frame = null_frame_set_watches(frames, zxid, (int32_t)some);
        for (size_t i = 0; i < some; i++) {
            watches_path(done + i, path);
            null_frame_add_path(frames, path);
        }
        null_frame_set_watches_end(frames, frame);
        done += some;
    }
    return packets;
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: %s WATCHES ADDRESS CUTS\n", argv[0]);
        return 2;
    }
    size_t watches = bench_number(argv[1], WATCHES_MAX), cuts = bench_number(argv[3], 100000);
    const char *address = argv[2];
    struct null_client client = {.fd = -1};
    struct null_frames frames = {0};
    struct bench_meter meter;
    uint64_t *samples = bench_samples(cuts), fewest = UINT64_MAX;

    null_attach(&client, address);
    watch_all(&client, watches);
    size_t packets = make_packets(&frames, client.zxid, watches);
    bench_start(&meter);
    for (size_t i = 0; i < cuts; i++) {
        usleep(BENCH_CUT_PAUSE_MS * 1000);
        uint64_t received = watches_received(address), start = watches_cut();
        close(client.fd);
        null_attach(&client, address);
        null_write(client.fd, frames.bytes, frames.size);
        for (size_t p = 0; p < packets; p++) expect(&client, 0);
        samples[i] = bench_now_ns() - start;
        received = watches_received(address) - received;
        if (received < fewest) fewest = received;
    }
    bench_stop(&meter);
    printf("packets=%" PRIu64 " ", fewest);
    bench_print_samples(&meter, samples, cuts);
    free(samples);
    frames.size = 0;
    null_frame_close(&frames, 1);
    null_write(client.fd, frames.bytes, frames.size);
    expect(&client, 0);
    close(client.fd);
    free(frames.bytes);
    return 0;
}
