/* core/wire/alloc.h - memory, always through an allocator. */
#ifndef DOCENT_ALLOC_H
#define DOCENT_ALLOC_H

#include <docent/types.h>

/* Memory through @allocator. A product that overflows is NULL. */
void *docent_alloc(const docent_allocator *allocator, size_t size);
void *docent_alloc_array(const docent_allocator *allocator, size_t count, size_t size);
void docent_free(const docent_allocator *allocator, void *block);
/* memset() that is really called. Of a constant size the compiler makes a loop of it that takes thrice as long. */
void docent_zero(void *block, size_t size);
char *docent_strdup(const docent_allocator *allocator, const char *text);

#endif
