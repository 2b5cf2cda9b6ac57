#include "tests/sim/packed.h"

#include <stdint.h>
#include <string.h>
#include <zlib.h>

bool packed_text(const void *data, size_t size, bool compressed, char ret_text[PACKED_TEXT_SIZE])
{
    memset(ret_text, 0, PACKED_TEXT_SIZE);
    if (size == 0) {
        return true;
    }
    if (!compressed) {
        bool fits = size < PACKED_TEXT_SIZE;
        memcpy(ret_text, data, fits ? size : 0);
        return fits;
    }
    z_stream stream = {.next_in = (Bytef *)(uintptr_t)data, .avail_in = (uInt)size, .next_out = (Bytef *)ret_text,
                       .avail_out = PACKED_TEXT_SIZE - 1};
    if (inflateInit2(&stream, 15 + 16) != Z_OK) {
        return false;
    }
    bool whole = inflate(&stream, Z_FINISH) == Z_STREAM_END && stream.avail_in == 0;
    inflateEnd(&stream);
    return whole;
}
