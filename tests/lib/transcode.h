/* tests/lib/transcode.h - whole frames decoded and encoded again, record by record and list element by list element. */
#ifndef TRANSCODE_H
#define TRANSCODE_H

#include "core/wire/wire.h"

enum { TRANSCODE_CONNECT = INT32_MIN }; /* In place of an operation: the handshake, which has no header. */

/* Decodes one payload (without its length) and encodes what it found to @out. @op: what a reply answers; a request tells
 * its own, but for TRANSCODE_CONNECT. False: it does not decode, or its operation is unknown. */
bool transcode_request(struct wire_in *in, int32_t op, struct wire_out *out);
bool transcode_reply(struct wire_in *in, int32_t op, struct wire_out *out);

/* One record by its place in WIRE_RECORDS. */
typedef bool transcode_fn(struct wire_in *in, struct wire_out *out);
struct transcode_record {
    const char *name;
    transcode_fn *transcode; /* Decodes, prints, encodes. */
};
extern const struct transcode_record transcode_records[];
extern const size_t transcode_record_count;

#endif
