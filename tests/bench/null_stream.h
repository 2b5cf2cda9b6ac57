/* null_stream.h - the null client where replies differ in length, or notifications come between them: it walks from frame to frame. Failures
 * end the program, as in null_client.h. */
#ifndef BENCH_NULL_STREAM_H
#define BENCH_NULL_STREAM_H

#include <stdbool.h>

#include "null_client.h"

/* A session, and what has been read and not looked at. */
struct stream {
    struct null_client client;
    uint8_t *bytes;
    size_t begin, end;
    int64_t zxid; /* Of the last reply in stream_run(). */
};

void stream_require(bool good, const char *what);
int32_t stream_int(const uint8_t *at);

/* Zero it first. */
void stream_open(struct stream *stream, const char *address);
/* Ends the session. */
void stream_close(struct stream *stream);

/* The size of the next frame, if it has come whole; else 0. */
size_t stream_have(const struct stream *stream);
/* The next frame, without its length; good until the next call. */
const uint8_t *stream_next(struct stream *stream, size_t *ret_size);
/* Writes @count frames of any sizes, at most BENCH_OUTSTANDING ahead of their replies. @also: an error that is allowed. */
void stream_run(struct stream *stream, const struct null_frames *frames, size_t count, int32_t also);

#endif
