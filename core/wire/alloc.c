/* core/wire/alloc.c - memory, always through an allocator; without one, the C library's. */
#include "core/wire/alloc.h"

#include <stdlib.h>
#include <string.h>

void *docent_alloc(const docent_allocator *allocator, size_t size)
{
    if (size == 0) size = 1; /* NULL always means that there is no memory. */
    return allocator != NULL ? allocator->alloc(size, allocator->user) : malloc(size);
}

void *docent_alloc_array(const docent_allocator *allocator, size_t count, size_t size)
{
    if (size != 0 && count > SIZE_MAX / size) return NULL;
    return docent_alloc(allocator, count * size);
}

void docent_free(const docent_allocator *allocator, void *block)
{
    if (allocator != NULL) {
        allocator->release(block, allocator->user);
    } else {
        free(block);
    }
}

void docent_zero(void *block, size_t size)
{
    memset(block, 0, size);
}

char *docent_strdup(const docent_allocator *allocator, const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = docent_alloc(allocator, size);
    if (copy != NULL) memcpy(copy, text, size);
    return copy;
}
