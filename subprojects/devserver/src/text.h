/* src/text.h - comparing and copying texts that come from the wire. */
#ifndef DEVSERVER_TEXT_H
#define DEVSERVER_TEXT_H

#include <string.h>

#include "core/wire/wire.h"
#include "must.h"

static inline bool text_is(wire_bytes text, const char *expected)
{
    size_t size = strlen(expected);
    return text.size == (int32_t)size && memcmp(text.data, expected, size) == 0;
}

static inline bool text_same(wire_bytes a, wire_bytes b)
{
    return a.size == b.size && (a.size <= 0 || memcmp(a.data, b.data, (size_t)a.size) == 0);
}

static inline void *text_copy(wire_bytes text)
{
    return must_copy(text.data, text.size < 0 ? 0 : (size_t)text.size);
}

#endif
