/* src/watches.c - see watches.h. */
#include "watches.h"

#include <stdlib.h>
#include <string.h>

#include "core/wire/path.h"
#include "must.h"

void docent_watch_set_init(struct watch_set *set, bool modes_apart)
{
    set->modes_apart = modes_apart;
    set->bucket_count = 64;
    set->count = 0;
    set->buckets = must(calloc(set->bucket_count, sizeof *set->buckets));
}

void docent_watch_set_free(struct watch_set *set)
{
    free(set->buckets); /* Empty: every connection has gone. */
}

static bool watch_is_at(const struct watch *watch, uint32_t hash, const char *path, size_t size)
{
    return watch->hash == hash && watch->size == size && memcmp(watch->path, path, size) == 0;
}

static struct watch *set_find(const struct watch_set *set, const struct connection *connection, uint32_t hash, const char *path,
                              size_t size, enum watch_table_kind table)
{
    struct watch *watch = set->buckets[hash & (set->bucket_count - 1)];
    while (watch != NULL && (watch->connection != connection || watch->table != table || !watch_is_at(watch, hash, path, size))) {
        watch = watch->chain;
    }
    return watch;
}

static void set_grow(struct watch_set *set)
{
    if (set->count < set->bucket_count) return;
    size_t more = set->bucket_count * 2;
    struct watch **buckets = must(calloc(more, sizeof *buckets));
    for (size_t i = 0; i < set->bucket_count; i++) {
        while (set->buckets[i] != NULL) {
            struct watch *watch = set->buckets[i];
            set->buckets[i] = watch->chain;
            watch->chain = buckets[watch->hash & (more - 1)];
            buckets[watch->hash & (more - 1)] = watch;
        }
    }
    free(set->buckets);
    set->buckets = buckets;
    set->bucket_count = more;
}

void docent_watch_set_add(struct watch_set *set, struct connection *connection, struct watch **list, const char *path, size_t size,
                          enum watch_table_kind table, enum watch_mode mode)
{
    uint32_t hash = docent_hash_bytes(path, size);
    struct watch *watch = set_find(set, connection, hash, path, size, table);
    if (watch != NULL) {
        watch->modes = set->modes_apart ? watch->modes | (unsigned)mode : (unsigned)mode;
        return;
    }
    set_grow(set);
    watch = must(calloc(1, sizeof *watch + size + 1));
    watch->connection = connection;
    watch->table = table;
    watch->modes = mode;
    watch->hash = hash;
    watch->size = size;
    if (size > 0) memcpy(watch->path, path, size);
    struct watch **bucket = &set->buckets[watch->hash & (set->bucket_count - 1)];
    watch->chain = *bucket;
    *bucket = watch;
    set->count++;
    watch->connection_next = *list;
    watch->connection_at = list;
    if (*list != NULL) (*list)->connection_at = &watch->connection_next;
    *list = watch;
}

static void watch_remove(struct watch_set *set, struct watch *watch)
{
    struct watch **at = &set->buckets[watch->hash & (set->bucket_count - 1)];
    while (*at != watch) at = &(*at)->chain;
    *at = watch->chain;
    set->count--;
    *watch->connection_at = watch->connection_next;
    if (watch->connection_next != NULL) watch->connection_next->connection_at = watch->connection_at;
    free(watch);
}

static void watch_end(struct watch_set *set, struct watch *watch, unsigned modes)
{
    watch->modes &= ~modes;
    if (watch->modes == 0) watch_remove(set, watch);
}

bool docent_watch_set_remove(struct watch_set *set, struct connection *connection, const char *path, size_t size,
                             enum watch_table_kind table, unsigned modes)
{
    struct watch *watch = set_find(set, connection, docent_hash_bytes(path, size), path, size, table);
    if (watch == NULL || (watch->modes & modes) == 0) return false;
    watch_end(set, watch, modes);
    return true;
}

bool docent_watch_set_has(const struct watch_set *set, const struct connection *connection, const char *path, size_t size,
                          enum watch_table_kind table, unsigned modes)
{
    uint32_t hash = docent_hash_bytes(path, size);
    for (const struct watch *watch = set->buckets[hash & (set->bucket_count - 1)]; watch != NULL; watch = watch->chain) {
        if (watch->table != table || (connection != NULL && watch->connection != connection)) continue;
        if ((watch->modes & modes) != 0 && watch_is_at(watch, hash, path, size)) return true;
    }
    return false;
}

void docent_watch_set_drop(struct watch_set *set, struct watch **list)
{
    while (*list != NULL) watch_remove(set, *list);
}

struct hearers {
    struct connection **connections;
    size_t count, room;
};

static void hearers_add(struct hearers *hearers, struct connection *connection)
{
    for (size_t i = 0; i < hearers->count; i++) {
        if (hearers->connections[i] == connection) return;
    }
    if (hearers->count == hearers->room) {
        hearers->room = hearers->room == 0 ? 8 : hearers->room * 2;
        hearers->connections = must(realloc(hearers->connections, hearers->room * sizeof *hearers->connections));
    }
    hearers->connections[hearers->count++] = connection;
}

void docent_watch_set_fire(struct watch_set *set, const char *path, size_t size, enum watch_table_kind table, bool recursive,
                           void (*tell)(void *user, struct connection *connection), void *user)
{
    if (set->count == 0) return;
    struct hearers hearers = { 0 };
    size_t at = size;
    for (bool exact = true;; exact = false) {
        uint32_t hash = docent_hash_bytes(path, at);
        for (struct watch *watch = set->buckets[hash & (set->bucket_count - 1)], *next; watch != NULL; watch = next) {
            next = watch->chain;
            if (watch->table != table || !watch_is_at(watch, hash, path, at)) continue;
            unsigned hearing = (exact ? MODE_ONE_SHOT | MODE_PERSISTENT : 0u) | (recursive ? MODE_RECURSIVE : 0u);
            if ((watch->modes & hearing) == 0) continue;
            hearers_add(&hearers, watch->connection);
            if (exact) watch_end(set, watch, MODE_ONE_SHOT);
        }
        if (!recursive || at <= 1) break;
        while (at > 0 && path[at - 1] != '/') at--;
        if (at > 1) at--;
        if (at == 0) break;
    }
    for (size_t i = 0; i < hearers.count; i++) tell(user, hearers.connections[i]);
    free(hearers.connections);
}
