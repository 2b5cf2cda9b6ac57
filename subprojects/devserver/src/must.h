/* src/must.h - allocation here: a development server does not go on without memory. */
#ifndef DEVSERVER_MUST_H
#define DEVSERVER_MUST_H

#include <stdlib.h>

static inline void *must(void *block)
{
    if (block == NULL) abort();
    return block;
}

#endif
