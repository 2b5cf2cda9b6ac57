/* bench-cache-null.c - bench-cache.c through the null client, which knows every path beforehand and keeps nothing; and what the others need.
 *
 *     bench-cache-null LEAVES ADDRESS prepare      makes the tree, if it is not there
 *     bench-cache-null LEAVES ADDRESS load         sets the watch, reads every node, lists every directory: 1,000 outstanding
 *     bench-cache-null LEAVES ADDRESS load-old     the same of a server that has no such watch: every read and list leaves one of its own
 *     bench-cache-null LEAVES ADDRESS lag N        reads each leaf that the watch says has changed, until N have: after "listening"
 *     bench-cache-null LEAVES ADDRESS write N RATE sets N leaves, so many a second; RATE 0: all at once */
#include <poll.h>

#include "null_stream.h"
#include "tree.h"

enum { PACKET_WATCHES = 128 * 1024 / (TREE_PATH_SIZE - 1 + 4) }; /* Of set-watches. */
enum { XID_NOTIFICATION = -1, ERROR_EXISTS = -110, LAG_PATIENCE_MS = 30000 };

static void watch(struct stream *stream, size_t leaves)
{
    char path[TREE_PATH_SIZE];
    struct null_frames frames = {0};
    tree_root(leaves, path);
    null_frame_add_watch(&frames, 1, path);
    stream_run(stream, &frames, 1, 0);
    free(frames.bytes);
}

static void prepare(struct stream *stream, size_t leaves)
{
    char path[TREE_PATH_SIZE], data[BENCH_DATA_BYTES];
    struct null_frames frames = {0};
    size_t count = 2;
    tree_stamp(data, 0);
    null_frame_create(&frames, 1, "/docent-bench", data, sizeof data, 0);
    tree_root(leaves, path);
    null_frame_create(&frames, 1, path, data, sizeof data, 0);
    for (size_t i = 0; i < leaves; i++) {
        if (i % TREE_FANOUT == 0) {
            tree_directory(leaves, i / TREE_FANOUT, path);
            null_frame_create(&frames, 1, path, data, sizeof data, 0);
            count++;
        }
        tree_leaf(leaves, i, path);
        null_frame_create(&frames, 1, path, data, sizeof data, 0);
        count++;
    }
    stream_run(stream, &frames, count, ERROR_EXISTS);
    free(frames.bytes);
    printf("ops=%zu\n", count);
}

static void put_read(struct null_frames *frames, const char *path, bool watched)
{
    null_frame_get(frames, 1, path);
    if (watched) frames->bytes[frames->size - 1] = 1;
}

static void put_list(struct null_frames *frames, const char *path, bool watched)
{
    null_frame_children(frames, 1, path);
    if (watched) frames->bytes[frames->size - 1] = 1;
}

static size_t load_frames(struct null_frames *frames, size_t leaves, bool watched)
{
    char path[TREE_PATH_SIZE];
    size_t count = 2;
    tree_root(leaves, path);
    put_read(frames, path, watched);
    put_list(frames, path, watched);
    for (size_t i = 0; i < leaves; i++, count++) {
        if (i % TREE_FANOUT == 0) {
            tree_directory(leaves, i / TREE_FANOUT, path);
            put_read(frames, path, watched);
            put_list(frames, path, watched);
            count += 2;
        }
        tree_leaf(leaves, i, path);
        put_read(frames, path, watched);
    }
    return count;
}

/* Of those that were not listed. */
static void watch_children(struct stream *stream, size_t leaves)
{
    char path[TREE_PATH_SIZE];
    struct null_frames frames = {0};
    size_t packets = 0;
    for (size_t done = 0; done < leaves; packets++) {
        size_t some = leaves - done < PACKET_WATCHES ? leaves - done : PACKET_WATCHES;
        size_t frame = null_frame_child_watches(&frames, stream->zxid, (int32_t)some);
        for (size_t i = 0; i < some; i++) {
            tree_leaf(leaves, done + i, path);
            null_frame_add_path(&frames, path);
        }
        null_frame_child_watches_end(&frames, frame);
        done += some;
    }
    stream_run(stream, &frames, packets, 0);
    free(frames.bytes);
}

/* To a server without standing watches: @one_shot. */
static void load(struct stream *stream, size_t leaves, bool one_shot)
{
    struct bench_meter meter;
    struct null_frames frames = {0};
    size_t count = load_frames(&frames, leaves, one_shot);
    bench_start(&meter);
    if (!one_shot) watch(stream, leaves);
    stream_run(stream, &frames, count, 0);
    if (one_shot) watch_children(stream, leaves);
    bench_stop(&meter);
    printf("nodes=%zu ", tree_nodes(leaves));
    bench_print(&meter, tree_nodes(leaves));
    free(frames.bytes);
}

/* A notification: asks for what has changed. A reply: says how old it is. */
static void lag_frame(const uint8_t *frame, size_t size, struct null_frames *out, uint64_t *samples, size_t *seen)
{
    enum { REPLY_HEAD = 16, EVENT_HEAD = REPLY_HEAD + 8 };
    if (stream_int(frame) == XID_NOTIFICATION) {
        char path[TREE_PATH_SIZE] = "";
        size_t length = (size_t)stream_int(frame + EVENT_HEAD);
        stream_require(length == TREE_PATH_SIZE - 1 && EVENT_HEAD + 4 + length <= size, "not a leaf's notification");
        memcpy(path, frame + EVENT_HEAD + 4, length);
        null_frame_get(out, 1, path);
    } else {
        stream_require(stream_int(frame + 12) == 0 && stream_int(frame + REPLY_HEAD) == BENCH_DATA_BYTES, "not a leaf's data");
        samples[(*seen)++] = bench_now_ns() - tree_when(frame + REPLY_HEAD + 4, BENCH_DATA_BYTES);
    }
}

static void lag(struct stream *stream, size_t leaves, size_t count)
{
    struct bench_meter meter;
    struct null_frames out = {0};
    uint64_t *samples = bench_samples(count);
    size_t seen = 0, size;
    watch(stream, leaves);
    printf("listening\n");
    fflush(stdout);
    bench_start(&meter);
    while (seen < count) {
        struct pollfd readable = {.fd = stream->client.fd, .events = POLLIN};
        if (stream_have(stream) == 0) stream_require(poll(&readable, 1, LAG_PATIENCE_MS) == 1, "a change was not told");
        do {
            const uint8_t *frame = stream_next(stream, &size);
            lag_frame(frame, size, &out, samples, &seen);
        } while (seen < count && stream_have(stream) > 0);
        if (out.size > 0) null_write(stream->client.fd, out.bytes, out.size);
        out.size = 0;
    }
    bench_stop(&meter);
    printf("seen=%zu twice=0 ", seen);
    bench_print_samples(&meter, samples, seen);
    free(samples);
    free(out.bytes);
}

static void write_at_once(struct stream *stream, size_t leaves, size_t count)
{
    char path[TREE_PATH_SIZE], data[BENCH_DATA_BYTES];
    struct null_frames frames = {0};
    tree_stamp(data, bench_now_ns());
    for (size_t i = 0; i < count; i++) {
        tree_leaf(leaves, i, path);
        null_frame_set(&frames, 1, path, data, sizeof data);
    }
    null_write(stream->client.fd, frames.bytes, frames.size);
    size_t size;
    for (size_t i = 0; i < count; i++) stream_require(stream_int(stream_next(stream, &size) + 12) == 0, "a write was refused");
    free(frames.bytes);
}

static void write_at(struct stream *stream, size_t leaves, size_t count, uint64_t rate)
{
    char path[TREE_PATH_SIZE], data[BENCH_DATA_BYTES];
    struct null_frames frame = {0};
    uint64_t begun = bench_now_ns();
    size_t replies = 0, size;
    for (size_t i = 0; i < count; i++) {
        uint64_t when = begun + i * 1000000000u / rate;
        struct timespec until = {(time_t)(when / 1000000000u), (long)(when % 1000000000u)};
        while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) != 0) continue;
        tree_leaf(leaves, i, path);
        tree_stamp(data, bench_now_ns());
        frame.size = 0;
        null_frame_set(&frame, 1, path, data, sizeof data);
        null_write(stream->client.fd, frame.bytes, frame.size);
        if (i % BENCH_OUTSTANDING != BENCH_OUTSTANDING - 1) continue;
        for (; replies <= i; replies++) stream_require(stream_int(stream_next(stream, &size) + 12) == 0, "a write was refused");
    }
    for (; replies < count; replies++) stream_require(stream_int(stream_next(stream, &size) + 12) == 0, "a write was refused");
    free(frame.bytes);
}

int main(int argc, char **argv)
{
    if (argc < 4) {
        fprintf(stderr, "usage: %s LEAVES ADDRESS prepare|load|load-old|lag N|write N RATE\n", argv[0]);
        return 2;
    }
    size_t leaves = bench_number(argv[1], TREE_LEAVES_MAX);
    const char *what = argv[3];
    size_t count = argc > 4 ? bench_number(argv[4], leaves) : 0;
    struct stream stream = {0};
    stream_open(&stream, argv[2]);
    if (strcmp(what, "prepare") == 0) {
        prepare(&stream, leaves);
    } else if (strcmp(what, "load") == 0 || strcmp(what, "load-old") == 0) {
        load(&stream, leaves, what[4] != '\0');
    } else if (strcmp(what, "lag") == 0 && argc == 5) {
        lag(&stream, leaves, count);
    } else if (strcmp(what, "write") == 0 && argc == 6) {
        if (strcmp(argv[5], "0") == 0) {
            write_at_once(&stream, leaves, count);
        } else {
            write_at(&stream, leaves, count, bench_number(argv[5], 1000000));
        }
        printf("ops=%zu\n", count);
    } else {
        fprintf(stderr, "bench-cache-null: no such case: %s\n", what);
        return 2;
    }
    stream_close(&stream);
    return 0;
}
