/* null_stream.c - see null_stream.h. */
#include "null_stream.h"

#include <sys/socket.h>
#include <unistd.h>

#include "meter.h"

enum { BUFFER_BYTES = 4 * 1024 * 1024, FRAME_HEAD = 4 };

void stream_require(bool good, const char *what)
{
    if (good) return;
    fprintf(stderr, "null client: %s\n", what);
    exit(1);
}

int32_t stream_int(const uint8_t *at)
{
    return (int32_t)((uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3]);
}

size_t stream_have(const struct stream *stream)
{
    size_t have = stream->end - stream->begin;
    if (have < FRAME_HEAD) return 0;
    size_t size = (size_t)stream_int(stream->bytes + stream->begin);
    stream_require(size + FRAME_HEAD <= BUFFER_BYTES, "a frame is too long");
    return have < FRAME_HEAD + size ? 0 : size;
}

const uint8_t *stream_next(struct stream *stream, size_t *ret_size)
{
    size_t size;
    while ((size = stream_have(stream)) == 0) {
        if (stream->begin > 0) memmove(stream->bytes, stream->bytes + stream->begin, stream->end - stream->begin);
        stream->end -= stream->begin;
        stream->begin = 0;
        stream->end += null_read(stream->client.fd, stream->bytes + stream->end, BUFFER_BYTES - stream->end);
    }
    const uint8_t *frame = stream->bytes + stream->begin + FRAME_HEAD;
    stream->begin += FRAME_HEAD + size;
    *ret_size = size;
    return frame;
}

void stream_run(struct stream *stream, const struct null_frames *frames, size_t count, int32_t also)
{
    const uint8_t *at = frames->bytes;
    size_t size;
    for (size_t sent = 0, got = 0; got < count;) {
        const uint8_t *from = at;
        while (sent < count && sent - got < BENCH_OUTSTANDING) {
            at += FRAME_HEAD + (size_t)stream_int(at);
            sent++;
        }
        if (at > from) null_write(stream->client.fd, from, (size_t)(at - from));
        do {
            const uint8_t *reply = stream_next(stream, &size);
            int32_t error = stream_int(reply + 12);
            stream_require(error == 0 || error == also, "a request was refused");
            stream->zxid = (int64_t)((uint64_t)(uint32_t)stream_int(reply + 4) << 32 | (uint32_t)stream_int(reply + 8));
            got++;
        } while (got < count && stream_have(stream) > 0);
    }
}

void stream_open(struct stream *stream, const char *address)
{
    stream->bytes = malloc(BUFFER_BYTES);
    stream_require(stream->bytes != NULL, "memory");
    null_attach(&stream->client, address);
}

void stream_close(struct stream *stream)
{
    struct null_frames last = {0};
    uint8_t byte;
    null_frame_close(&last, 1);
    null_write(stream->client.fd, last.bytes, last.size);
    while (recv(stream->client.fd, &byte, 1, 0) > 0) continue; /* The session ends before we do. */
    close(stream->client.fd);
    free(last.bytes);
    free(stream->bytes);
}
