/* src/log.h - the log of committed transactions, as bytes. Sans-IO: store.h has the files.
 *
 * A log is a header and records. Each record is a length, a checksum over length and payload, and the payload: a transaction in Jute.
 * Only what applying it again needs is kept: not how a request was answered, nor checks, which change nothing. */
#ifndef DEVSERVER_LOG_H
#define DEVSERVER_LOG_H

#include "tree.h"

enum { LOG_VERSION = 1, LOG_HEADER_SIZE = 24 };

/* Between the zxids of neighbours nothing is missing: a log begins behind @after, the last of the log before. */
void docent_log_put_header(struct wire_out *out, int64_t after);
void docent_log_put(struct wire_out *out, const struct txn *txn);

enum log_header { LOG_HEADER_GOOD, LOG_HEADER_TORN, LOG_HEADER_FOREIGN, LOG_HEADER_VERSION, LOG_HEADER_DAMAGED };
enum log_find { LOG_TXN, LOG_END, LOG_TORN, LOG_DAMAGED };

struct log_reader {
    const uint8_t *data;
    size_t size;
    size_t at;      /* Of what comes next; after TORN and DAMAGED: where the trouble begins. */
    int64_t after;  /* Of the header. */
    int64_t zxid;   /* Of the last transaction; at first, after. */
    int32_t version;
};

/* TORN: shorter than a header, but the beginning of one. VERSION: ret_reader->version says which. */
enum log_header docent_log_open(struct log_reader *ret_reader, const uint8_t *data, size_t size);
/* TXN: *ret_txn is the caller's. TORN: what is left is the beginning of a record that was never completed, or was never written.
 * DAMAGED: there is more behind it, so this once was a complete record. */
enum log_find docent_log_next(struct log_reader *reader, struct txn **ret_txn);

#endif
