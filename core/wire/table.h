/* core/wire/table.h - a hash table of what is embedded elsewhere, for keys of bytes. It compares no keys: its users know where theirs are. */
#ifndef DOCENT_TABLE_H
#define DOCENT_TABLE_H

#include "core/wire/alloc.h"

struct table_link {
    struct table_link *chain;
    uint32_t hash;
    uint32_t size; /* Of the key. */
};

struct table { /* Zeroed at first. */
    struct table_link **buckets;
    size_t bucket_count, count;
};

/* Room for one more, with short chains if there is memory for that. False: no memory at all. */
bool docent_table_reserve(struct table *table, const docent_allocator *allocator);
/* Where there is room. @key is not kept. */
void docent_table_put(struct table *table, struct table_link *link, const void *key, size_t size);
void docent_table_take(struct table *table, struct table_link *link);
/* Those that may have this key: same hash and size. NULL: no more. */
struct table_link *docent_table_first(const struct table *table, const void *key, size_t size);
struct table_link *docent_table_next(const struct table_link *link);
/* Empty by now. */
void docent_table_free(struct table *table, const docent_allocator *allocator);

#endif
