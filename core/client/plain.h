/* core/client/plain.h - operations whose record is a path, perhaps data, and perhaps one field more. Nearly all calls are of
 * these, so they are checked and encoded inline, straight into the place where the frame is to stay. */
#ifndef DOCENT_PLAIN_H
#define DOCENT_PLAIN_H

#include "core/client/internal.h"

enum { ENDS_THERE, ENDS_IN_WATCH, ENDS_IN_VERSION };
struct plain_record {
    uint8_t op; /* WIRE_OP_. 0: it is not one of them. */
    bool has_data;
    uint8_t ends;
};
extern const struct plain_record docent_plain_records[DOCENT_OP_TYPES];

/* Of a frame of @size bytes in all. The xid follows when it is sent. */
static inline void docent_frame_header_store(uint8_t *at, size_t size, int32_t op)
{
    at = docent_wire_store32(at, (int32_t)(size - WIRE_FRAME_HEADER));
    at = docent_wire_store32(at, 0);
    docent_wire_store32(at, op);
}

static inline bool docent_op_is_plain(const docent_op *op)
{
    return (unsigned)op->type < DOCENT_OP_TYPES && docent_plain_records[op->type].op != 0;
}

/* At most so many bytes. @path_size: of op->path. */
static inline size_t docent_plain_room(const docent_client *client, const docent_op *op, size_t path_size)
{
    size_t lengths_and_last = 3 * sizeof(int32_t);
    size_t data_size = docent_plain_records[op->type].has_data ? op->size : 0;
    return lengths_and_last + client->chroot_size + path_size + data_size;
}

/* memcpy(), without a call for what most paths are: 16 to 32 bytes, as two halves that may overlap. */
static inline void docent_copy_path(uint8_t *to, const char *from, size_t size)
{
    if (size - 16 <= 16) {
        memcpy(to, from, 16);
        memcpy(to + size - 16, from + size - 16, 16);
    } else {
        memcpy(to, from, size);
    }
}

/* @path, behind its length. Returns what is behind it. "/" is the chroot itself. */
static inline uint8_t *docent_store_path(const docent_client *client, uint8_t *at, const char *path, size_t size)
{
    if (client->chroot_size == 0) {
        at = docent_wire_store32(at, (int32_t)size);
    } else {
        if (size == 1) size = 0;
        at = docent_wire_store32(at, (int32_t)(client->chroot_size + size));
        memcpy(at, client->chroot, client->chroot_size);
        at += client->chroot_size;
    }
    docent_copy_path(at, path, size);
    return at + size;
}

/* The record. Returns what is behind it. */
static inline uint8_t *docent_plain_store(const docent_client *client, uint8_t *at, const docent_op *op, size_t path_size)
{
    /* Copies: the compiler would take everything that is stored for a change of these. */
    struct plain_record record = docent_plain_records[op->type];
    const void *data = op->data;
    size_t size = op->size;
    int32_t version = op->version;

    at = docent_store_path(client, at, op->path, path_size);
    if (record.has_data) {
        at = docent_wire_store32(at, data == NULL ? -1 : (int32_t)size);
        if (size > 0) memcpy(at, data, size);
        at += size;
    }
    if (record.ends == ENDS_IN_VERSION) {
        at = docent_wire_store32(at, version);
    } else if (record.ends == ENDS_IN_WATCH) {
        *at++ = false; /* Filled in when it is sent. */
    }
    return at;
}

/* The most frequent answers: data, or none, and a stat. */
static inline bool docent_answer_is_plain(docent_op_type type)
{
    return type == DOCENT_OP_GET || type == DOCENT_OP_SET || type == DOCENT_OP_EXISTS;
}

/* False: it is not what it should be. */
static inline bool docent_plain_decode(docent_op_type type, const uint8_t *body, size_t size, docent_result *result)
{
    struct wire_in in = docent_wire_in(body, size);
    if (type == DOCENT_OP_GET) {
        wire_bytes data = docent_wire_get_buffer(&in);
        result->data = data.data;
        result->size = data.size < 0 ? 0 : (size_t)data.size;
    }
    docent_wire_read_stat(&in, &result->stat);
    result->has_stat = true;
    return !in.failed;
}

#endif
