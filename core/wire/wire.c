/* core/wire/wire.c - encoding and decoding: one put and one get per field type, and from them, by the table, those of the records.
 *
 * A decoder that fails empties its input, so that every later read fails by the one test of what is left, which it needs
 * anyway. An encoder tests the failure together with the room. */
#include "core/wire/wire.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
    OUT_CAPACITY_MIN = 256,
    /* The least that an element can take: its lengths, its numbers. */
    STRING_SIZE_MIN = 4,
    ACL_SIZE_MIN = 12,
    CLIENT_SIZE_MIN = 8,
};

/* ---- Numbers in network order, anywhere in memory. ---- */

static inline uint8_t *store32(uint8_t *at, int32_t value)
{
    uint32_t bits = (uint32_t)value;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    bits = __builtin_bswap32(bits);
#endif
    memcpy(at, &bits, sizeof(bits));
    return at + sizeof(bits);
}

static inline uint8_t *store64(uint8_t *at, int64_t value)
{
    uint64_t bits = (uint64_t)value;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    bits = __builtin_bswap64(bits);
#endif
    memcpy(at, &bits, sizeof(bits));
    return at + sizeof(bits);
}

static inline int32_t load32(const uint8_t *at)
{
    uint32_t bits;
    memcpy(&bits, at, sizeof(bits));
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    bits = __builtin_bswap32(bits);
#endif
    return (int32_t)bits;
}

static inline int64_t load64(const uint8_t *at)
{
    uint64_t bits;
    memcpy(&bits, at, sizeof(bits));
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    bits = __builtin_bswap64(bits);
#endif
    return (int64_t)bits;
}

/* ---- Encoding. ---- */

static bool __attribute__((noinline)) out_grow(struct wire_out *out, size_t more)
{
    if (out->failed) return false;
    uint8_t *data = NULL;
    if (more <= SIZE_MAX / 4 && out->size <= SIZE_MAX / 4) { /* Nothing below overflows then. */
        size_t capacity = out->capacity < OUT_CAPACITY_MIN ? OUT_CAPACITY_MIN : out->capacity;
        while (capacity < out->size + more) {
            capacity *= 2;
        }
        data = out->allocator != NULL ? out->allocator->resize(out->data, capacity, out->allocator->user)
                                      : realloc(out->data, capacity);
        if (data != NULL) {
            out->data = data;
            out->capacity = capacity;
        }
    }
    out->failed = data == NULL;
    return !out->failed;
}

/* @size more bytes at the end, or NULL. */
static inline uint8_t *out_room(struct wire_out *out, size_t size)
{
    if ((out->failed || size > out->capacity - out->size) && !out_grow(out, size)) return NULL;
    uint8_t *at = out->data + out->size;
    out->size += size;
    return at;
}

static inline void put_bool(struct wire_out *out, bool value)
{
    uint8_t *at = out_room(out, 1);
    if (at != NULL) *at = value;
}

static inline void put_int(struct wire_out *out, int32_t value)
{
    uint8_t *at = out_room(out, sizeof(value));
    if (at != NULL) store32(at, value);
}

static inline void put_long(struct wire_out *out, int64_t value)
{
    uint8_t *at = out_room(out, sizeof(value));
    if (at != NULL) store64(at, value);
}

/* A number and the bytes that it announces: one reservation for both. */
static inline void put_sized(struct wire_out *out, int32_t number, const uint8_t *data, size_t size)
{
    uint8_t *at = out_room(out, sizeof(number) + size);
    if (at == NULL) return;
    at = store32(at, number);
    if (size != 0) memcpy(at, data, size);
}

static inline void put_string(struct wire_out *out, wire_bytes value)
{
    if (value.size < 0) {
        put_int(out, -1);
    } else {
        put_sized(out, value.size, value.data, (size_t)value.size);
    }
}

static inline void put_buffer(struct wire_out *out, wire_bytes value)
{
    put_string(out, value);
}

static inline void put_strings(struct wire_out *out, wire_list value)
{
    if (value.count < 0) {
        put_int(out, -1);
    } else {
        put_sized(out, value.count, value.data, value.size);
    }
}

static inline void put_acls(struct wire_out *out, wire_list value)
{
    put_strings(out, value);
}

static inline void put_clients(struct wire_out *out, wire_list value)
{
    put_strings(out, value);
}

static inline void put_stat(struct wire_out *out, docent_stat value)
{
    uint8_t *at = out_room(out, WIRE_STAT_SIZE);
    if (at == NULL) return;
    at = store64(at, value.czxid);
    at = store64(at, value.mzxid);
    at = store64(at, value.ctime_ms);
    at = store64(at, value.mtime_ms);
    at = store32(at, value.version);
    at = store32(at, value.cversion);
    at = store32(at, value.aversion);
    at = store64(at, value.ephemeral_owner);
    at = store32(at, value.data_length);
    at = store32(at, value.num_children);
    store64(at, value.pzxid);
}

/* ---- Decoding. ---- */

static const wire_bytes null_bytes = { NULL, -1 };
static const wire_list null_list = { NULL, 0, -1 };

static void __attribute__((noinline, cold)) in_fail(struct wire_in *in)
{
    in->failed = true;
    in->size = 0;
}

/* The next @size bytes, or NULL. */
static inline const uint8_t *in_take(struct wire_in *in, size_t size)
{
    if (size > in->size) {
        in_fail(in);
        return NULL;
    }
    const uint8_t *at = in->data;
    in->data += size;
    in->size -= size;
    return at;
}

static inline bool get_bool(struct wire_in *in)
{
    const uint8_t *at = in_take(in, 1);
    return at != NULL && *at != 0; /* Servers take anything but 0 as true. */
}

static inline int32_t get_int(struct wire_in *in)
{
    const uint8_t *at = in_take(in, sizeof(int32_t));
    return at != NULL ? load32(at) : 0;
}

static inline int64_t get_long(struct wire_in *in)
{
    const uint8_t *at = in_take(in, sizeof(int64_t));
    return at != NULL ? load64(at) : 0;
}

static inline wire_bytes get_string(struct wire_in *in)
{
    const uint8_t *at = in_take(in, sizeof(int32_t));
    if (at == NULL) return null_bytes;
    int32_t size = load32(at);
    if (size < 0) {
        if (size != -1) in_fail(in);
        return null_bytes;
    }
    at = in_take(in, (size_t)size);
    return at != NULL ? (wire_bytes){ at, size } : null_bytes;
}

static inline wire_bytes get_buffer(struct wire_in *in)
{
    return get_string(in);
}

static inline void skip_string(struct wire_in *in)
{
    (void)get_string(in);
}

static inline void skip_acl(struct wire_in *in)
{
    (void)get_int(in);
    skip_string(in);
    skip_string(in);
}

static inline void skip_client(struct wire_in *in)
{
    skip_string(in);
    skip_string(in);
}

/* A count that cannot fit is refused before the walk, so that the walk is bounded by the input. */
static inline wire_list get_list(struct wire_in *in, size_t element_min, void (*skip)(struct wire_in *in))
{
    const uint8_t *at = in_take(in, sizeof(int32_t));
    if (at == NULL) return null_list;
    int32_t count = load32(at);
    if (count == -1) return null_list;
    if (count < 0) count = 0;
    if ((size_t)count > in->size / element_min) {
        in_fail(in);
        return null_list;
    }
    const uint8_t *begin = in->data;
    for (int32_t i = 0; i < count && !in->failed; i++) {
        skip(in);
    }
    if (in->failed) return null_list;
    return (wire_list){ begin, (size_t)(in->data - begin), count };
}

static inline wire_list get_strings(struct wire_in *in)
{
    return get_list(in, STRING_SIZE_MIN, skip_string);
}

static inline wire_list get_acls(struct wire_in *in)
{
    return get_list(in, ACL_SIZE_MIN, skip_acl);
}

static inline wire_list get_clients(struct wire_in *in)
{
    return get_list(in, CLIENT_SIZE_MIN, skip_client);
}

static inline docent_stat get_stat(struct wire_in *in)
{
    docent_stat stat = { 0 };
    const uint8_t *at = in_take(in, WIRE_STAT_SIZE);
    if (at == NULL) return stat;
    stat.czxid = load64(at);
    stat.mzxid = load64(at + 8);
    stat.ctime_ms = load64(at + 16);
    stat.mtime_ms = load64(at + 24);
    stat.version = load32(at + 32);
    stat.cversion = load32(at + 36);
    stat.aversion = load32(at + 40);
    stat.ephemeral_owner = load64(at + 44);
    stat.data_length = load32(at + 52);
    stat.num_children = load32(at + 56);
    stat.pzxid = load64(at + 60);
    return stat;
}

/* ---- The records. ---- */

#define PUT_FIELD(type, name) put_##type(out, value->name);
#define GET_FIELD(type, name) ret_value->name = get_##type(in);
#define DEFINE_RECORD(record)                                                                                               \
    void docent_wire_put_##record(struct wire_out *out, const struct wire_##record *value)                                  \
    {                                                                                                                       \
        WIRE_##record(PUT_FIELD)                                                                                            \
    }                                                                                                                       \
    bool docent_wire_get_##record(struct wire_in *in, struct wire_##record *ret_value)                                      \
    {                                                                                                                       \
        WIRE_##record(GET_FIELD)                                                                                            \
        return !in->failed;                                                                                                 \
    }
WIRE_RECORDS(DEFINE_RECORD)
#undef DEFINE_RECORD
#undef GET_FIELD
#undef PUT_FIELD

bool docent_wire_get_read_only(struct wire_in *in, bool *ret_read_only)
{
    *ret_read_only = false;
    if (in->size == 0) return false;
    *ret_read_only = get_bool(in);
    return true;
}

/* ---- Single values, and the parts of lists. ---- */

void docent_wire_put_bool(struct wire_out *out, bool value)
{
    put_bool(out, value);
}

void docent_wire_put_int(struct wire_out *out, int32_t value)
{
    put_int(out, value);
}

void docent_wire_put_long(struct wire_out *out, int64_t value)
{
    put_long(out, value);
}

void docent_wire_put_string(struct wire_out *out, wire_bytes value)
{
    put_string(out, value);
}

void docent_wire_put_raw(struct wire_out *out, const void *data, size_t size)
{
    if (size == 0) return;
    uint8_t *at = out_room(out, size);
    if (at != NULL) memcpy(at, data, size);
}

/* A decoded list was checked; one that was put together by hand ends where it stops making sense. */
static inline bool list_next(wire_list *list, struct wire_in *ret_in)
{
    if (list->count <= 0) return false;
    *ret_in = docent_wire_in(list->data, list->size);
    return true;
}

static inline bool list_step(wire_list *list, const struct wire_in *in)
{
    list->data = in->data;
    list->size = in->size;
    list->count = in->failed ? 0 : list->count - 1;
    return !in->failed;
}

bool docent_wire_list_next_string(wire_list *list, wire_bytes *ret_string)
{
    struct wire_in in;
    if (!list_next(list, &in)) return false;
    wire_bytes string = get_string(&in);
    if (!list_step(list, &in)) return false;
    *ret_string = string;
    return true;
}

bool docent_wire_list_next_acl(wire_list *list, struct wire_acl *ret_acl)
{
    struct wire_in in;
    struct wire_acl acl;
    if (!list_next(list, &in)) return false;
    docent_wire_get_acl(&in, &acl);
    if (!list_step(list, &in)) return false;
    *ret_acl = acl;
    return true;
}

bool docent_wire_list_next_client(wire_list *list, struct wire_client_info *ret_client)
{
    struct wire_in in;
    struct wire_client_info client;
    if (!list_next(list, &in)) return false;
    docent_wire_get_client_info(&in, &client);
    if (!list_step(list, &in)) return false;
    *ret_client = client;
    return true;
}

wire_bytes docent_wire_string(const char *text)
{
    return docent_wire_buffer(text, text != NULL ? strlen(text) : 0);
}

wire_bytes docent_wire_buffer(const void *data, size_t size)
{
    if (data == NULL) return null_bytes;
    assert(size <= INT32_MAX);
    return (wire_bytes){ data, (int32_t)size };
}

/* ---- Frames. ---- */

size_t docent_wire_frame_begin(struct wire_out *out)
{
    size_t begin = out->size;
    put_int(out, 0);
    return begin;
}

void docent_wire_frame_end(struct wire_out *out, size_t begin)
{
    if (out->failed) return;
    size_t payload = out->size - begin - WIRE_FRAME_HEADER;
    if (payload > INT32_MAX) {
        out->failed = true;
        return;
    }
    store32(out->data + begin, (int32_t)payload);
}

void docent_wire_out_free(struct wire_out *out)
{
    if (out->allocator != NULL) {
        out->allocator->release(out->data, out->allocator->user);
    } else {
        free(out->data);
    }
    const docent_allocator *allocator = out->allocator;
    *out = (struct wire_out){ .allocator = allocator };
}
