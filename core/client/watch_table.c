/* core/client/watch_table.c - the paths that are watched, by name. */
#include <string.h>

#include "core/client/watches.h"
#include "core/wire/path.h"

struct watch_path *docent_watch_path_find(const struct watch_table *table, const char *text, size_t size)
{
    if (table->count == 0) return NULL;
    uint32_t hash = docent_hash_bytes(text, size);
    struct watch_path *path = table->buckets[hash & (table->bucket_count - 1)];
    while (path != NULL && (path->hash != hash || path->size != size || memcmp(path->text, text, size) != 0)) path = path->chain;
    return path;
}

static bool table_grow(struct docent_core *c)
{
    struct watch_table *table = &c->watches;
    if (table->count < table->bucket_count) return true;
    size_t more = table->bucket_count == 0 ? 8 : table->bucket_count * 2;
    struct watch_path **buckets = docent_alloc_array(&c->allocator, more, sizeof(struct watch_path *));
    if (buckets == NULL) return table->bucket_count > 0;
    memset(buckets, 0, more * sizeof(struct watch_path *));
    for (size_t i = 0; i < table->bucket_count; i++) {
        while (table->buckets[i] != NULL) {
            struct watch_path *path = table->buckets[i];
            table->buckets[i] = path->chain;
            path->chain = buckets[path->hash & (more - 1)];
            buckets[path->hash & (more - 1)] = path;
        }
    }
    docent_free(&c->allocator, table->buckets);
    table->buckets = buckets;
    table->bucket_count = more;
    return true;
}

/* @text: a client's path. */
struct watch_path *docent_watch_path_get(docent_client *view, const char *text)
{
    struct docent_core *c = view->core;
    struct wire_out full = { .allocator = &c->allocator };
    docent_put_path(view, &full, text);
    struct watch_path *path = NULL;
    if (full.failed) goto out;
    const char *name = (const char *)full.data + 4;
    size_t size = full.size - 4;
    path = docent_watch_path_find(&c->watches, name, size);
    if (path != NULL || !table_grow(c)) goto out;

    path = docent_alloc(&c->allocator, sizeof *path + size + 1);
    if (path == NULL) goto out;
    memset(path, 0, sizeof *path);
    path->core = c;
    path->hash = docent_hash_bytes(name, size);
    path->size = size;
    path->arming = path->standing = -1;
    memcpy(path->text, name, size);
    path->text[size] = '\0';
    struct watch_path **bucket = &c->watches.buckets[path->hash & (c->watches.bucket_count - 1)];
    path->chain = *bucket;
    *bucket = path;
    path->previous = c->watches.last;
    *(path->previous != NULL ? &path->previous->next : &c->watches.first) = path;
    c->watches.last = path;
    c->watches.count++;
out:
    docent_wire_out_free(&full);
    return path;
}

void docent_watch_path_drop(struct docent_core *c, struct watch_path *path)
{
    if (path->watches != NULL || path->arming >= 0 || path->standing >= 0) return;
    struct watch_path **at = &c->watches.buckets[path->hash & (c->watches.bucket_count - 1)];
    while (*at != path) at = &(*at)->chain;
    *at = path->chain;
    *(path->previous != NULL ? &path->previous->next : &c->watches.first) = path->next;
    *(path->next != NULL ? &path->next->previous : &c->watches.last) = path->previous;
    if (c->watches.cursor == path) c->watches.cursor = path->next;
    c->watches.count--;
    docent_free(&c->allocator, path);
}

/* The mode that the path's standing registrations need, or -1. */
int docent_watch_path_wants(const struct watch_path *path)
{
    int mode = -1;
    for (const struct docent_watch *w = path->watches; w != NULL; w = w->next) {
        if (w->ended || w->local) continue;
        if (w->kind == DOCENT_WATCH_RECURSIVE) return WIRE_ADD_RECURSIVE;
        if (w->kind == DOCENT_WATCH_PERSISTENT) mode = WIRE_ADD_PERSISTENT;
    }
    return mode;
}

void docent_watches_free(struct docent_core *c)
{
    docent_watches_offline(c); /* What the server had is all that can be left. */
    docent_free(&c->allocator, c->watches.buckets);
    c->watches.buckets = NULL;
    c->watches.bucket_count = 0;
}

void docent_watches_mute(struct docent_core *c)
{
    for (struct watch_path *path = c->watches.first; path != NULL; path = path->next) {
        for (struct docent_watch *w = path->watches; w != NULL; w = w->next) w->fn = NULL;
    }
}
