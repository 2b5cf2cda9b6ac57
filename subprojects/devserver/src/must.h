/* src/must.h - allocation here: a development server does not go on without memory. */
#ifndef DEVSERVER_MUST_H
#define DEVSERVER_MUST_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static inline void *must(void *block)
{
    if (block == NULL) abort();
    return block;
}

/* Terminated, so that a text is one. */
static inline void *must_copy(const void *bytes, size_t size)
{
    uint8_t *copy = must(malloc(size + 1));
    if (size > 0) memcpy(copy, bytes, size);
    copy[size] = '\0';
    return copy;
}

#endif
