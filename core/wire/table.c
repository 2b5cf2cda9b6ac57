/* core/wire/table.c - see table.h. */
#include "core/wire/table.h"

#include <string.h>

#include "core/wire/path.h"

enum { CHAIN_MEAN = 2 }; /* At most. Hashes are compared first, so that a stranger in a chain costs next to nothing. */

static struct table_link **table_bucket(const struct table *table, uint32_t hash)
{
    return &table->buckets[hash & (table->bucket_count - 1)];
}

bool docent_table_reserve(struct table *table, const docent_allocator *allocator)
{
    if (table->count < CHAIN_MEAN * table->bucket_count) return true;
    size_t more = table->bucket_count == 0 ? 8 : table->bucket_count * 2;
    struct table grown = { docent_alloc_array(allocator, more, sizeof(struct table_link *)), more, table->count };
    if (grown.buckets == NULL) return table->bucket_count > 0;
    memset(grown.buckets, 0, more * sizeof(struct table_link *));
    for (size_t i = 0; i < table->bucket_count; i++) {
        while (table->buckets[i] != NULL) {
            struct table_link *link = table->buckets[i];
            struct table_link **bucket = table_bucket(&grown, link->hash);
            table->buckets[i] = link->chain;
            link->chain = *bucket;
            *bucket = link;
        }
    }
    docent_free(allocator, table->buckets);
    *table = grown;
    return true;
}

void docent_table_put(struct table *table, struct table_link *link, const void *key, size_t size)
{
    link->hash = docent_hash_bytes(key, size);
    link->size = (uint32_t)size;
    struct table_link **bucket = table_bucket(table, link->hash);
    link->chain = *bucket;
    *bucket = link;
    table->count++;
}

void docent_table_take(struct table *table, struct table_link *link)
{
    struct table_link **at = table_bucket(table, link->hash);
    while (*at != link) at = &(*at)->chain;
    *at = link->chain;
    table->count--;
}

static struct table_link *table_match(struct table_link *link, uint32_t hash, uint32_t size)
{
    while (link != NULL && (link->hash != hash || link->size != size)) link = link->chain;
    return link;
}

struct table_link *docent_table_first(const struct table *table, const void *key, size_t size)
{
    if (table->count == 0) return NULL;
    uint32_t hash = docent_hash_bytes(key, size);
    return table_match(*table_bucket(table, hash), hash, (uint32_t)size);
}

struct table_link *docent_table_next(const struct table_link *link)
{
    return table_match(link->chain, link->hash, link->size);
}

void docent_table_free(struct table *table, const docent_allocator *allocator)
{
    docent_free(allocator, table->buckets);
    *table = (struct table){ 0 };
}
