/* core/client/compress.c - gzip members for node data. zlib's memory is the client's. */
#include <zlib.h>

#include "core/client/internal.h"

enum {
    GZIP_WINDOW_BITS = 15 + 16, /* zlib's way to say: the largest window, and gzip's header and trailer. */
    MEMORY_LEVEL = 8,           /* zlib's default. */
    GZIP_ENDS_SIZE = 18,        /* The shortest header, and the trailer. */
    SIZE_FIELD_SIZE = 4,        /* The trailer's end: the size of what was compressed, little endian. */
    DEFLATE_RATIO_MAX = 1032,   /* Two bits stand for 258 bytes at most. */
};

static void *zlib_alloc(void *allocator, uInt count, uInt size)
{
    return docent_alloc_array(allocator, count, size);
}

static void zlib_free(void *allocator, void *block)
{
    docent_free(allocator, block);
}

static z_stream stream_of(const docent_allocator *allocator, const void *data, size_t size)
{
    return (z_stream){
        .zalloc = zlib_alloc,
        .zfree = zlib_free,
        .opaque = (void *)(uintptr_t)allocator,
        .next_in = (Bytef *)(uintptr_t)data,
        .avail_in = (uInt)size,
    };
}

docent_status docent_gzip_put(struct wire_out *out, const void *data, size_t size)
{
    z_stream stream = stream_of(out->allocator, data, size);
    if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, GZIP_WINDOW_BITS, MEMORY_LEVEL, Z_DEFAULT_STRATEGY) != Z_OK) {
        return DOCENT_ERR_NO_MEMORY;
    }
    gz_header header = { .os = 0 }; /* As the JVM has it; zlib's own is the one that it was built on. */
    deflateSetHeader(&stream, &header);
    size_t room = deflateBound(&stream, (uLong)size);
    uint8_t *at = docent_wire_room(out, sizeof(int32_t) + room);
    if (at != NULL) {
        stream.next_out = at + sizeof(int32_t);
        stream.avail_out = (uInt)room;
        deflate(&stream, Z_FINISH); /* Cannot fail: there is room for the worst. */
        docent_wire_store32(at, (int32_t)stream.total_out);
        out->size -= stream.avail_out;
    }
    deflateEnd(&stream);
    return DOCENT_OK;
}

/* What the trailer says. Where that is not so, there is no room, or some is left: either way the member is not whole. */
static size_t announced_size(const uint8_t *member, size_t size)
{
    const uint8_t *field = member + size - SIZE_FIELD_SIZE;
    return (size_t)field[0] | (size_t)field[1] << 8 | (size_t)field[2] << 16 | (size_t)field[3] << 24;
}

docent_status docent_gunzip(struct result_arena *arena, docent_result *result)
{
    if (result->size == 0) return DOCENT_OK; /* Null, or a node that somebody made without data. */
    if (result->size < GZIP_ENDS_SIZE) return DOCENT_ERR_CORRUPT_DATA;
    size_t size = announced_size(result->data, result->size);
    if (size / DEFLATE_RATIO_MAX > result->size) return DOCENT_ERR_CORRUPT_DATA;
    if (size > arena->inflated_max) return DOCENT_ERR_TOO_LARGE;
    uint8_t *plain = docent_arena_alloc(arena, size + 1, 1); /* zlib wants room, even for nothing. */
    if (plain == NULL) return DOCENT_ERR_NO_MEMORY;

    z_stream stream = stream_of(arena->allocator, result->data, result->size);
    if (inflateInit2(&stream, GZIP_WINDOW_BITS) != Z_OK) return DOCENT_ERR_NO_MEMORY;
    stream.next_out = plain;
    stream.avail_out = (uInt)size + 1;
    int end = inflate(&stream, Z_FINISH);
    bool whole = end == Z_STREAM_END && stream.avail_in == 0 && stream.total_out == size;
    inflateEnd(&stream);
    if (end == Z_MEM_ERROR) return DOCENT_ERR_NO_MEMORY;
    if (!whole) return DOCENT_ERR_CORRUPT_DATA;
    result->data = plain;
    result->size = size;
    arena->inflated_max -= size;
    return DOCENT_OK;
}
