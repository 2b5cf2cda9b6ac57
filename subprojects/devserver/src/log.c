/* src/log.c - see log.h. */
#include "log.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "must.h"
#include "text.h"

static const char magic[] = "docelog\n"; /* Eight characters; the last one shows what text mode did to a file. */

enum {
    RECORD_HEADER = 8,              /* Length, checksum. */
    RECORD_MIN = 4 + 8 + 8 + 8 + 4, /* Type, zxid, time, session, and at least a number. */
    ZXID_AT = RECORD_HEADER + 4,
};

static int32_t checksum(const uint8_t *length, const uint8_t *payload, size_t size)
{
    return (int32_t)crc32_z(crc32_z(0, length, 4), payload, size);
}

void docent_log_put_header(struct wire_out *out, int64_t after)
{
    size_t begin = out->size;
    docent_wire_put_raw(out, magic, 8);
    docent_wire_put_int(out, LOG_VERSION);
    docent_wire_put_long(out, after);
    must(out->data);
    docent_wire_put_int(out, (int32_t)crc32_z(0, out->data + begin, LOG_HEADER_SIZE - 4));
}

static void change_put(struct wire_out *out, const struct change *change)
{
    docent_wire_put_int(out, change->op);
    docent_wire_put_string(out, docent_wire_string(change->path));
    if (change->op == WIRE_OP_CREATE || change->op == WIRE_OP_SET_DATA) {
        docent_wire_put_buffer(out, (wire_bytes){ change->data, change->size });
    }
    if (change->op == WIRE_OP_CREATE || change->op == WIRE_OP_SET_ACL) {
        docent_wire_put_acls(out, (wire_list){ change->acl, change->acl_size, change->acl_count });
    }
    if (change->op == WIRE_OP_CREATE) {
        docent_wire_put_long(out, change->owner);
        docent_wire_put_bool(out, change->container);
        docent_wire_put_long(out, change->ttl_ms);
    }
}

void docent_log_put(struct wire_out *out, const struct txn *txn)
{
    size_t begin = docent_wire_frame_begin(out);
    docent_wire_put_int(out, 0); /* The checksum. */
    docent_wire_put_int(out, (int32_t)txn->type);
    docent_wire_put_long(out, txn->zxid);
    docent_wire_put_long(out, txn->time_ms);
    docent_wire_put_long(out, txn->session);
    switch (txn->type) {
    case TXN_ERROR: docent_wire_put_int(out, txn->err); break;
    case TXN_NEW_SESSION: docent_wire_put_int(out, txn->timeout_ms); break;
    case TXN_CHANGES:
    case TXN_END_SESSION: {
        size_t count_at = out->size;
        int32_t count = 0;
        docent_wire_put_int(out, 0);
        for (size_t i = 0; i < txn->change_count; i++) {
            if (txn->changes[i].op == WIRE_OP_CHECK) continue;
            change_put(out, &txn->changes[i]);
            count++;
        }
        if (!out->failed) docent_wire_store32(out->data + count_at, count);
        break;
    }
    }
    size_t size = out->size - begin - RECORD_HEADER;
    if (out->failed || size > INT32_MAX) abort(); /* A development server does not go on without memory. */
    docent_wire_store32(out->data + begin, (int32_t)size);
    docent_wire_store32(out->data + begin + 4, checksum(out->data + begin, out->data + begin + RECORD_HEADER, size));
}

/* ---- Reading. ---- */

/* A file that was made longer and never written to reads like this after a power cut. */
static bool all_zero(const uint8_t *data, size_t size)
{
    return size == 0 || (data[0] == 0 && memcmp(data, data + 1, size - 1) == 0);
}

enum log_header docent_log_open(struct log_reader *ret_reader, const uint8_t *data, size_t size)
{
    *ret_reader = (struct log_reader){ .data = data, .size = size, .at = LOG_HEADER_SIZE };
    if (all_zero(data, size)) return LOG_HEADER_TORN;
    if (memcmp(data, magic, size < 8 ? size : 8) != 0) return LOG_HEADER_FOREIGN;
    if (size < LOG_HEADER_SIZE) return LOG_HEADER_TORN;
    struct wire_in in = docent_wire_in(data + 8, size - 8);
    ret_reader->version = docent_wire_get_int(&in);
    if (ret_reader->version != LOG_VERSION) return LOG_HEADER_VERSION;
    ret_reader->after = ret_reader->zxid = docent_wire_get_long(&in);
    return docent_wire_get_int(&in) == (int32_t)crc32_z(0, data, LOG_HEADER_SIZE - 4) ? LOG_HEADER_GOOD : LOG_HEADER_DAMAGED;
}

static bool change_get(struct wire_in *in, struct txn *txn)
{
    int32_t op = docent_wire_get_int(in);
    wire_bytes path = docent_wire_get_string(in);
    if (op != WIRE_OP_CREATE && op != WIRE_OP_DELETE && op != WIRE_OP_SET_DATA && op != WIRE_OP_SET_ACL) return false;
    if (in->failed || path.size <= 0 || memchr(path.data, 0, (size_t)path.size) != NULL) return false;
    char *text = text_copy(path);
    struct change *change = docent_transaction_add(txn, op, text);
    free(text);
    if (op == WIRE_OP_CREATE || op == WIRE_OP_SET_DATA) {
        wire_bytes data = docent_wire_get_buffer(in);
        change->size = data.size;
        change->data = data.size < 0 ? NULL : text_copy(data);
    }
    if (op == WIRE_OP_CREATE || op == WIRE_OP_SET_ACL) {
        wire_list acl = docent_wire_get_acls(in);
        if (in->failed || acl.size > INT32_MAX) return false;
        change->acl = text_copy((wire_bytes){ acl.data, (int32_t)acl.size });
        change->acl_size = acl.size;
        change->acl_count = acl.count < 0 ? 0 : acl.count;
    }
    if (op == WIRE_OP_CREATE) {
        change->owner = docent_wire_get_long(in);
        change->container = docent_wire_get_bool(in);
        change->ttl_ms = docent_wire_get_long(in);
    }
    return !in->failed;
}

/* NULL: nonsense. */
static struct txn *txn_get(const uint8_t *payload, size_t size)
{
    struct wire_in in = docent_wire_in(payload, size);
    int32_t type = docent_wire_get_int(&in);
    if (type < TXN_CHANGES || type > TXN_END_SESSION) return NULL;
    struct txn *txn = docent_transaction_new((enum txn_type)type);
    txn->zxid = docent_wire_get_long(&in);
    txn->time_ms = docent_wire_get_long(&in);
    txn->session = docent_wire_get_long(&in);
    int32_t number = docent_wire_get_int(&in);
    bool good = !in.failed;
    switch (txn->type) {
    case TXN_ERROR: txn->err = number; break;
    case TXN_NEW_SESSION: txn->timeout_ms = number; break;
    case TXN_CHANGES:
    case TXN_END_SESSION:
        for (int32_t i = 0; i < number && good; i++) good = change_get(&in, txn);
        break;
    }
    if (good && in.size == 0) return txn;
    docent_transaction_unref(txn);
    return NULL;
}

/* Where a complete, good record with a later zxid begins, from @at on; size: nowhere. The zxid sorts out almost every place that is
 * none, before there is anything to add up. */
static size_t record_find(const struct log_reader *reader, size_t at)
{
    for (; reader->size - at >= RECORD_HEADER + RECORD_MIN; at++) {
        const uint8_t *record = reader->data + at;
        int32_t size = docent_wire_load32(record);
        int64_t zxid = docent_wire_load64(record + ZXID_AT);
        if (size < RECORD_MIN || (size_t)size > reader->size - at - RECORD_HEADER || zxid <= reader->zxid) continue;
        if (docent_wire_load32(record + 4) == checksum(record, record + RECORD_HEADER, (size_t)size)) return at;
    }
    return reader->size;
}

enum log_find docent_log_next(struct log_reader *reader, struct txn **ret_txn)
{
    const uint8_t *record = reader->data + reader->at;
    size_t left = reader->size - reader->at;
    if (left == 0) return LOG_END;
    int32_t size = left >= 4 ? docent_wire_load32(record) : -1;
    bool whole = left >= RECORD_HEADER && size >= RECORD_MIN && (size_t)size <= left - RECORD_HEADER;
    if (!whole) { /* The beginning of a record; or a damaged length, if there are good ones behind it. */
        return record_find(reader, reader->at + 1) < reader->size ? LOG_DAMAGED : LOG_TORN;
    }
    size_t total = RECORD_HEADER + (size_t)size;
    if (docent_wire_load32(record + 4) != checksum(record, record + RECORD_HEADER, (size_t)size)) {
        return all_zero(record + total, left - total) ? LOG_TORN : LOG_DAMAGED;
    }
    struct txn *txn = txn_get(record + RECORD_HEADER, (size_t)size);
    if (txn == NULL || txn->zxid <= reader->zxid) { /* Written like that. */
        docent_transaction_unref(txn);
        return LOG_DAMAGED;
    }
    reader->at += total;
    reader->zxid = txn->zxid;
    *ret_txn = txn;
    return LOG_TXN;
}
