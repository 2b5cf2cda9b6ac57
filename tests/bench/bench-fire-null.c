/* bench-fire-null.c - bench-fire.c through the null client: it reads what the notifications name, and counts.
 *
 *     bench-fire-null WATCHES ADDRESS ROUNDS */
#include "fire.h"
#include "null_stream.h"

enum { XID_NOTIFICATION = -1, EVENT_PATH = 16 + 8, MARGIN = 4 };

static void put_get(struct null_frames *frames, const char *path)
{
    null_frame_get(frames, 1, path);
    frames->bytes[frames->size - 1] = 1; /* With a watch. */
}

static void watch_all(struct stream *stream, size_t watches)
{
    char path[TREE_PATH_SIZE];
    struct null_frames frames = {0};
    for (size_t i = 0; i < watches; i++) {
        tree_leaf(watches, i, path);
        put_get(&frames, path);
    }
    stream_run(stream, &frames, watches, 0);
    free(frames.bytes);
}

static void one_round(struct stream *stream, struct null_frames *out, size_t watches)
{
    size_t size;
    fire_now();
    for (size_t told = 0, read = 0; read < watches;) {
        do {
            const uint8_t *frame = stream_next(stream, &size);
            if (stream_int(frame) == XID_NOTIFICATION) {
                char path[TREE_PATH_SIZE] = "";
                stream_require(size == EVENT_PATH + MARGIN + TREE_PATH_SIZE - 1, "not a leaf's notification");
                memcpy(path, frame + EVENT_PATH + MARGIN, TREE_PATH_SIZE - 1);
                put_get(out, path);
                told++;
            } else {
                stream_require(stream_int(frame + 12) == 0, "a read was refused");
                read++;
            }
        } while (read < watches && stream_have(stream) > 0);
        if (out->size > 0) null_write(stream->client.fd, out->bytes, out->size);
        out->size = 0;
        stream_require(read < watches || told == watches, "a watch was not told");
    }
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: %s WATCHES ADDRESS ROUNDS\n", argv[0]);
        return 2;
    }
    size_t watches = bench_number(argv[1], TREE_LEAVES_MAX), rounds = bench_number(argv[3], 100000);
    uint64_t *samples = bench_samples(rounds);
    struct bench_meter meter = {0};
    struct stream stream = {0};
    struct null_frames out = {0};
    fire_prepare(argv[2], watches);
    stream_open(&stream, argv[2]);
    watch_all(&stream, watches);
    for (size_t round = 0; round < FIRE_WARM_UP + rounds; round++) {
        if (round == FIRE_WARM_UP) bench_start(&meter);
        uint64_t fired = bench_now_ns();
        one_round(&stream, &out, watches);
        if (round >= FIRE_WARM_UP) samples[round - FIRE_WARM_UP] = bench_now_ns() - fired;
    }
    bench_stop(&meter);
    fire_end();
    bench_print_samples(&meter, samples, rounds);
    stream_close(&stream);
    free(out.bytes);
    free(samples);
    return 0;
}
