/* core/wire/inline.h - encoding and decoding: one put and one get per field type, and from them, by the table, those of the records.
 * Included by wire.h alone. They are short, there are many calls of them on the way of every request and reply, and inside
 * their callers most of what they do folds away.
 *
 * A decoder that fails empties its input, so that every later read fails by the one test of what is left, which it needs
 * anyway. An encoder tests the failure together with the room. */
#ifndef DOCENT_WIRE_INLINE_H
#define DOCENT_WIRE_INLINE_H

#include <string.h>

enum { /* The least that an element can take: its lengths, its numbers. */
    WIRE_STRING_SIZE_MIN = 4,
    WIRE_ACL_SIZE_MIN = 12,
    WIRE_CLIENT_SIZE_MIN = 8,
};

bool docent_wire_grow(struct wire_out *out, size_t more); /* Room for so many. */

/* ---- Numbers in network order, anywhere in memory. ---- */

static inline uint8_t *docent_wire_store32(uint8_t *at, int32_t value)
{
    uint32_t bits = (uint32_t)value;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    bits = __builtin_bswap32(bits);
#endif
    memcpy(at, &bits, sizeof(bits));
    return at + sizeof(bits);
}

static inline uint8_t *docent_wire_store64(uint8_t *at, int64_t value)
{
    uint64_t bits = (uint64_t)value;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    bits = __builtin_bswap64(bits);
#endif
    memcpy(at, &bits, sizeof(bits));
    return at + sizeof(bits);
}

static inline int32_t docent_wire_load32(const uint8_t *at)
{
    uint32_t bits;
    memcpy(&bits, at, sizeof(bits));
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    bits = __builtin_bswap32(bits);
#endif
    return (int32_t)bits;
}

static inline int64_t docent_wire_load64(const uint8_t *at)
{
    uint64_t bits;
    memcpy(&bits, at, sizeof(bits));
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    bits = __builtin_bswap64(bits);
#endif
    return (int64_t)bits;
}

/* ---- Encoding. ---- */

/* @size more bytes at the end, or NULL. */
static inline uint8_t *docent_wire_room(struct wire_out *out, size_t size)
{
    if ((out->failed || size > out->capacity - out->size) && !docent_wire_grow(out, size)) return NULL;
    uint8_t *at = out->data + out->size;
    out->size += size;
    return at;
}

static inline void docent_wire_put_bool(struct wire_out *out, bool value)
{
    uint8_t *at = docent_wire_room(out, 1);
    if (at != NULL) *at = value;
}

static inline void docent_wire_put_int(struct wire_out *out, int32_t value)
{
    uint8_t *at = docent_wire_room(out, sizeof(value));
    if (at != NULL) docent_wire_store32(at, value);
}

static inline void docent_wire_put_long(struct wire_out *out, int64_t value)
{
    uint8_t *at = docent_wire_room(out, sizeof(value));
    if (at != NULL) docent_wire_store64(at, value);
}

/* A number and the bytes that it announces: one reservation for both. */
static inline void docent_wire_put_sized(struct wire_out *out, int32_t number, const uint8_t *data, size_t size)
{
    uint8_t *at = docent_wire_room(out, sizeof(number) + size);
    if (at == NULL) return;
    at = docent_wire_store32(at, number);
    if (size != 0) memcpy(at, data, size);
}

static inline void docent_wire_put_string(struct wire_out *out, wire_bytes value)
{
    if (value.size < 0) {
        docent_wire_put_int(out, -1);
    } else {
        docent_wire_put_sized(out, value.size, value.data, (size_t)value.size);
    }
}

static inline void docent_wire_put_buffer(struct wire_out *out, wire_bytes value)
{
    docent_wire_put_string(out, value);
}

static inline void docent_wire_put_strings(struct wire_out *out, wire_list value)
{
    if (value.count < 0) {
        docent_wire_put_int(out, -1);
    } else {
        docent_wire_put_sized(out, value.count, value.data, value.size);
    }
}

static inline void docent_wire_put_acls(struct wire_out *out, wire_list value)
{
    docent_wire_put_strings(out, value);
}

static inline void docent_wire_put_clients(struct wire_out *out, wire_list value)
{
    docent_wire_put_strings(out, value);
}

static inline void docent_wire_put_stat(struct wire_out *out, docent_stat value)
{
    uint8_t *at = docent_wire_room(out, WIRE_STAT_SIZE);
    if (at == NULL) return;
    at = docent_wire_store64(at, value.czxid);
    at = docent_wire_store64(at, value.mzxid);
    at = docent_wire_store64(at, value.ctime_ms);
    at = docent_wire_store64(at, value.mtime_ms);
    at = docent_wire_store32(at, value.version);
    at = docent_wire_store32(at, value.cversion);
    at = docent_wire_store32(at, value.aversion);
    at = docent_wire_store64(at, value.ephemeral_owner);
    at = docent_wire_store32(at, value.data_length);
    at = docent_wire_store32(at, value.num_children);
    docent_wire_store64(at, value.pzxid);
}

static inline void docent_wire_put_raw(struct wire_out *out, const void *data, size_t size)
{
    if (size == 0) return;
    uint8_t *at = docent_wire_room(out, size);
    if (at != NULL) memcpy(at, data, size);
}

/* ---- Frames. ---- */

static inline size_t docent_wire_frame_begin(struct wire_out *out)
{
    size_t begin = out->size;
    docent_wire_put_int(out, 0);
    return begin;
}

static inline void docent_wire_frame_end(struct wire_out *out, size_t begin)
{
    if (out->failed) return;
    size_t payload = out->size - begin - WIRE_FRAME_HEADER;
    if (payload > INT32_MAX) {
        out->failed = true;
        return;
    }
    docent_wire_store32(out->data + begin, (int32_t)payload);
}

/* ---- Decoding. ---- */

/* Inline, so that an input that a caller has on its stack can live in registers. */
static inline void docent_wire_fail(struct wire_in *in)
{
    in->failed = true;
    in->size = 0;
}

#define WIRE_NULL_BYTES ((wire_bytes){ NULL, -1 })
#define WIRE_NULL_LIST ((wire_list){ NULL, 0, -1 })

/* The next @size bytes, or NULL. */
static inline const uint8_t *docent_wire_take(struct wire_in *in, size_t size)
{
    if (size > in->size) {
        docent_wire_fail(in);
        return NULL;
    }
    const uint8_t *at = in->data;
    in->data += size;
    in->size -= size;
    return at;
}

static inline bool docent_wire_get_bool(struct wire_in *in)
{
    const uint8_t *at = docent_wire_take(in, 1);
    return at != NULL && *at != 0; /* Servers take anything but 0 as true. */
}

static inline int32_t docent_wire_get_int(struct wire_in *in)
{
    const uint8_t *at = docent_wire_take(in, sizeof(int32_t));
    return at != NULL ? docent_wire_load32(at) : 0;
}

static inline int64_t docent_wire_get_long(struct wire_in *in)
{
    const uint8_t *at = docent_wire_take(in, sizeof(int64_t));
    return at != NULL ? docent_wire_load64(at) : 0;
}

static inline wire_bytes docent_wire_get_string(struct wire_in *in)
{
    const uint8_t *at = docent_wire_take(in, sizeof(int32_t));
    if (at == NULL) return WIRE_NULL_BYTES;
    int32_t size = docent_wire_load32(at);
    if (size < 0) {
        if (size != -1) docent_wire_fail(in);
        return WIRE_NULL_BYTES;
    }
    at = docent_wire_take(in, (size_t)size);
    return at != NULL ? (wire_bytes){ at, size } : WIRE_NULL_BYTES;
}

static inline wire_bytes docent_wire_get_buffer(struct wire_in *in)
{
    return docent_wire_get_string(in);
}

static inline void docent_wire_skip_string(struct wire_in *in)
{
    (void)docent_wire_get_string(in);
}

static inline void docent_wire_skip_acl(struct wire_in *in)
{
    (void)docent_wire_get_int(in);
    docent_wire_skip_string(in);
    docent_wire_skip_string(in);
}

static inline void docent_wire_skip_client(struct wire_in *in)
{
    docent_wire_skip_string(in);
    docent_wire_skip_string(in);
}

/* A count that cannot fit is refused before the walk, so that the walk is bounded by the input. */
static inline wire_list docent_wire_get_list(struct wire_in *in, size_t element_min, void (*skip_one)(struct wire_in *in))
{
    const uint8_t *at = docent_wire_take(in, sizeof(int32_t));
    if (at == NULL) return WIRE_NULL_LIST;
    int32_t count = docent_wire_load32(at);
    if (count == -1) return WIRE_NULL_LIST;
    if (count < 0) count = 0;
    if ((size_t)count > in->size / element_min) {
        docent_wire_fail(in);
        return WIRE_NULL_LIST;
    }
    const uint8_t *begin = in->data;
    for (int32_t i = 0; i < count && !in->failed; i++) {
        skip_one(in);
    }
    if (in->failed) return WIRE_NULL_LIST;
    return (wire_list){ begin, (size_t)(in->data - begin), count };
}

static inline wire_list docent_wire_get_strings(struct wire_in *in)
{
    return docent_wire_get_list(in, WIRE_STRING_SIZE_MIN, docent_wire_skip_string);
}

static inline wire_list docent_wire_get_acls(struct wire_in *in)
{
    return docent_wire_get_list(in, WIRE_ACL_SIZE_MIN, docent_wire_skip_acl);
}

static inline wire_list docent_wire_get_clients(struct wire_in *in)
{
    return docent_wire_get_list(in, WIRE_CLIENT_SIZE_MIN, docent_wire_skip_client);
}

static inline void docent_wire_read_stat(struct wire_in *in, docent_stat *ret_stat)
{
    const uint8_t *at = docent_wire_take(in, WIRE_STAT_SIZE);
    if (at == NULL) {
        memset(ret_stat, 0, sizeof *ret_stat);
        return;
    }
    ret_stat->czxid = docent_wire_load64(at);
    ret_stat->mzxid = docent_wire_load64(at + 8);
    ret_stat->ctime_ms = docent_wire_load64(at + 16);
    ret_stat->mtime_ms = docent_wire_load64(at + 24);
    ret_stat->version = docent_wire_load32(at + 32);
    ret_stat->cversion = docent_wire_load32(at + 36);
    ret_stat->aversion = docent_wire_load32(at + 40);
    ret_stat->ephemeral_owner = docent_wire_load64(at + 44);
    ret_stat->data_length = docent_wire_load32(at + 52);
    ret_stat->num_children = docent_wire_load32(at + 56);
    ret_stat->pzxid = docent_wire_load64(at + 60);
}

static inline docent_stat docent_wire_get_stat(struct wire_in *in)
{
    docent_stat stat;
    docent_wire_read_stat(in, &stat);
    return stat;
}

/* ---- The records. ---- */

#define PUT_FIELD(type, name) docent_wire_put_##type(out, value->name);
#define GET_FIELD(type, name) ret_value->name = docent_wire_get_##type(in);
#define DEFINE_RECORD(record)                                                                                               \
    static inline void docent_wire_put_##record(struct wire_out *out, const struct wire_##record *value)                    \
    {                                                                                                                       \
        WIRE_##record(PUT_FIELD)                                                                                            \
    }                                                                                                                       \
    static inline bool docent_wire_get_##record(struct wire_in *in, struct wire_##record *ret_value)                        \
    {                                                                                                                       \
        WIRE_##record(GET_FIELD)                                                                                            \
        return !in->failed;                                                                                                 \
    }
WIRE_RECORDS(DEFINE_RECORD)
#undef DEFINE_RECORD
#undef GET_FIELD
#undef PUT_FIELD

#endif
