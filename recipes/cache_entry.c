/* recipes/cache_entry.c - what is wanted for an entry, and what an answer makes of it. */
#include <string.h>

#include "recipes/cache.h"
#include "recipes/trouble.h"

enum { STUB_ROOM_MAX = 1024 };

/* ---- Wanting. ---- */

void docent_entry_await(docent_cache *cache, struct entry *entry)
{
    if ((entry->flags & ENTRY_COUNTED) != 0) return;
    entry->flags |= ENTRY_COUNTED;
    cache->left++;
}

static void entry_uncount(docent_cache *cache, struct entry *entry)
{
    if ((entry->flags & ENTRY_COUNTED) == 0) return;
    entry->flags &= ~(unsigned)ENTRY_COUNTED;
    cache->left--;
}

void docent_entry_queue(docent_cache *cache, struct entry *entry)
{
    if ((entry->flags & (ENTRY_BUSY | ENTRY_QUEUED)) != 0) return;
    struct cache_queue *queue = (entry->flags & ENTRY_WANTS_READ) != 0 ? &cache->reads : &cache->lists;
    entry->flags |= ENTRY_QUEUED;
    entry->queue_next = NULL;
    *queue->last = entry;
    queue->last = &entry->queue_next;
    docent_cache_pump_soon(cache);
}

void docent_entry_want(docent_cache *cache, struct entry *entry, unsigned what)
{
    entry->flags |= what;
    docent_entry_queue(cache, entry);
}

void docent_entry_rest(docent_cache *cache, struct entry *entry)
{
    if ((entry->flags & ENTRY_DEAD) != 0) {
        docent_cache_release_entry(cache, entry);
    } else if ((entry->flags & (ENTRY_WANTS_READ | ENTRY_WANTS_LIST)) != 0) {
        docent_entry_queue(cache, entry);
    } else if ((entry->flags & (ENTRY_BUSY | ENTRY_QUEUED | ENTRY_UNVERIFIED)) == 0) {
        entry_uncount(cache, entry);
    }
}

/* ---- Telling. ---- */

static bool tells(const docent_cache *cache, const struct entry *entry)
{
    if (cache->limits.hides_root && docent_entry_is_root(entry)) return false;
    return !cache->limits.quiet_start || docent_shared_get(&cache->initialized) != 0;
}

void docent_entry_failed(docent_cache *cache, struct entry *entry, docent_status why)
{
    bool known = (entry->flags & ENTRY_FAILED) != 0;
    if (known && entry->why == (int16_t)why) return;
    if (!docent_cache_news_reserve(cache, 1)) {
        entry->flags |= ENTRY_WANTS_READ;
        docent_cache_pause(cache);
        return;
    }
    if (!known) docent_shared_add(&cache->failures, 1);
    entry->flags |= ENTRY_FAILED;
    entry->why = (int16_t)why;
    docent_cache_tell(cache, NEWS_FAILED, entry->node, NULL, why);
}

static void entry_works(docent_cache *cache, struct entry *entry)
{
    if ((entry->flags & ENTRY_FAILED) == 0) return;
    entry->flags &= ~(unsigned)ENTRY_FAILED;
    docent_shared_add(&cache->failures, -1);
}

/* It is taken out, and its room to be told of is reserved. */
static void entry_gone(docent_cache *cache, struct entry *entry)
{
    if (entry->loaded && tells(cache, entry)) docent_cache_tell(cache, NEWS_REMOVED, entry->node, NULL, DOCENT_OK);
    entry_works(cache, entry);
    entry->flags &= ~(unsigned)(ENTRY_WANTS_READ | ENTRY_WANTS_LIST | ENTRY_UNVERIFIED | ENTRY_HEARS_CHILDREN);
    entry_uncount(cache, entry);
}

void docent_entry_remove(docent_cache *cache, struct entry *entry)
{
    if (docent_cache_news_reserve(cache, docent_cache_count(entry))) {
        docent_cache_remove(cache, entry, entry_gone);
        return;
    }
    docent_entry_want(cache, entry, ENTRY_WANTS_READ); /* It will not be there then either. */
    docent_cache_pause(cache);
}

/* ---- Children. ---- */

bool docent_entry_may_have_children(docent_cache *cache, const struct entry *entry)
{
    const struct cache_limits *limits = &cache->limits;
    if (limits->depth_max != UINT32_MAX && docent_entry_depth(entry) >= limits->depth_max) return false;
    return limits->descend == NULL || limits->descend(entry->node, limits->user);
}

/* Its node is known now: are its children? @load: as part of a load. */
static void entry_look_into(docent_cache *cache, struct entry *entry)
{
    docent_stat stat = docent_node_stat(entry->node);
    if (!docent_entry_may_have_children(cache, entry)) return;
    bool changed = entry->directory == NULL ? stat.num_children > 0 : entry->directory->pzxid != stat.pzxid;
    if (!changed && cache->mode == CACHE_ONE_SHOT && (entry->flags & ENTRY_HEARS_CHILDREN) == 0) {
        if (stat.num_children == 0 && (entry->flags & ENTRY_COUNTED) != 0 && !cache->surveys) {
            entry->flags |= ENTRY_UNVERIFIED; /* A leaf gets its watch with the others', in a survey at the end of the load. */
            cache->leaves = true;
            return;
        }
        changed = true;
    }
    if (changed) docent_entry_want(cache, entry, ENTRY_WANTS_LIST);
}

void docent_entry_came(docent_cache *cache, struct entry *child)
{
    if ((child->parent->flags & ENTRY_COUNTED) != 0) docent_entry_await(cache, child);
    docent_entry_want(cache, child, ENTRY_WANTS_READ);
}

/* What is below it may be readable now. */
static void retry_failed_children(docent_cache *cache, struct entry *entry)
{
    if (docent_shared_get(&cache->failures) == 0 || entry->directory == NULL) return;
    for (uint32_t i = 0; i < entry->directory->count; i++) {
        struct entry *child = entry->directory->children[i];
        if ((child->flags & ENTRY_FAILED) != 0) docent_entry_want(cache, child, ENTRY_WANTS_READ);
    }
}

/* ---- Answers. ---- */

/* Data that do not fit into the budget are left out. */
static bool has_room(const docent_cache *cache, const struct entry *entry, size_t size)
{
    if (cache->limits.stat_only) return false;
    if (cache->limits.bytes_max == SIZE_MAX) return true;
    int64_t bytes = docent_shared_get(&cache->bytes) + (int64_t)size;
    if (docent_cache_shows(cache, entry)) {
        bytes -= (int64_t)docent_node_bytes(entry->node);
    }
    return bytes + (int64_t)strlen(docent_entry_path(entry)) <= (int64_t)cache->limits.bytes_max;
}

/* The same version, with another stat: nobody is told. */
static bool is_same_stat(const docent_stat *a, const docent_stat *b)
{
    return a->pzxid == b->pzxid && a->cversion == b->cversion && a->aversion == b->aversion && a->num_children == b->num_children &&
           a->ephemeral_owner == b->ephemeral_owner;
}

static void entry_read(docent_cache *cache, struct entry *entry, const docent_result *result)
{
    const char *path = docent_entry_path(entry);
    bool loaded = entry->loaded;
    docent_stat before = docent_node_stat(entry->node);
    bool anew = loaded && before.czxid != result->stat.czxid;
    bool same = loaded && !anew && before.mzxid == result->stat.mzxid;
    bool keep = has_room(cache, entry, result->size);

    entry->flags &= ~(unsigned)ENTRY_UNVERIFIED;
    if (loaded && !anew && result->stat.mzxid < before.mzxid && !cache->went_back) return; /* Older than what we have seen. */
    if (same && is_same_stat(&before, &result->stat) && docent_node_has_data(entry->node) == keep) {
        entry_works(cache, entry);
        entry_look_into(cache, entry);
        return;
    }
    docent_node *node = NULL;
    if (docent_cache_news_reserve(cache, 1 + (anew ? docent_cache_count(entry) : 0))) {
        if (!loaded) node = docent_cache_fill_stub(entry, &result->stat, result->data, result->size, keep);
        if (node == NULL) node = docent_node_make(cache->home, path, strlen(path), &result->stat, result->data, result->size, keep);
    }
    if (node == NULL) {
        entry->flags |= ENTRY_WANTS_READ;
        docent_cache_pause(cache);
        return;
    }
    if (anew) { /* What was below it is not the new one's. The entry stays: it is who asked. */
        docent_cache_remove_below(cache, entry, entry_gone);
        if (tells(cache, entry)) docent_cache_tell(cache, NEWS_REMOVED, entry->node, NULL, DOCENT_OK);
        entry->flags &= ~(unsigned)ENTRY_HEARS_CHILDREN;
    }
    entry_works(cache, entry);
    if (tells(cache, entry) && !same) {
        docent_cache_tell(cache, loaded && !anew ? NEWS_CHANGED : NEWS_ADDED, loaded && !anew ? entry->node : NULL, node, DOCENT_OK);
    }
    docent_cache_put_node(cache, entry, node);
    cache->stub_room = keep && result->size < STUB_ROOM_MAX ? result->size + 1 : 0;
    entry_look_into(cache, entry);
    if (!same) retry_failed_children(cache, entry);
}

static void entry_listed(docent_cache *cache, struct entry *entry, const docent_result *result)
{
    if (!entry->loaded) { /* It went and came meanwhile, and is read first. */
        entry->flags |= ENTRY_WANTS_READ;
        return;
    }
    size_t leaving = entry->directory == NULL ? 0 : docent_cache_count(entry);
    if (!docent_cache_news_reserve(cache, leaving) || !docent_cache_set_children(cache, entry, result->names, result->name_count,
                                                                                  result->stat.pzxid, entry_gone, docent_entry_came)) {
        entry->flags |= ENTRY_WANTS_LIST;
        docent_cache_pause(cache);
        return;
    }
    if (cache->mode == CACHE_ONE_SHOT) entry->flags |= ENTRY_HEARS_CHILDREN;
    entry_works(cache, entry);
    /* Its stat has moved with its children. Nobody is told of that, and without memory it stays behind. */
    docent_stat stat = docent_node_stat(entry->node);
    if (stat.mzxid != result->stat.mzxid || stat.czxid != result->stat.czxid || is_same_stat(&stat, &result->stat)) return;
    size_t size;
    const void *data = docent_node_data(entry->node, &size);
    const char *path = docent_entry_path(entry);
    docent_node *node = docent_node_make(cache->home, path, strlen(path), &result->stat, data, size, docent_node_has_data(entry->node));
    if (node != NULL) docent_cache_put_node(cache, entry, node);
}

void docent_entry_answered(docent_cache *cache, struct entry *entry, enum cache_ask_kind kind, const docent_result *result)
{
    unsigned what = kind == ASK_LIST ? ENTRY_WANTS_LIST : ENTRY_WANTS_READ;
    switch ((int)result->status) { /* An int: a server may send numbers that the enumeration does not have. */
    case DOCENT_OK:
        docent_machine_calm(&cache->handle.machine);
        entry->flags &= ~(unsigned)ENTRY_ALONE; /* How large it is is known now. */
        if (kind == ASK_WAIT_FOR_ROOT) {
            entry->flags |= ENTRY_WANTS_READ; /* It has come meanwhile. */
        } else if (kind == ASK_LIST) {
            entry_listed(cache, entry, result);
        } else {
            entry_read(cache, entry, result);
        }
        return;
    case DOCENT_ERR_NO_NODE:
        if ((entry->flags & ENTRY_WANTS_READ) != 0) return; /* Something has happened to it since we asked: we look again. */
        docent_entry_remove(cache, entry);
        if (kind != ASK_WAIT_FOR_ROOT && docent_entry_is_root(entry) && cache->mode == CACHE_ONE_SHOT) entry->flags |= ENTRY_WANTS_READ | ENTRY_MISSING;
        return;
    case DOCENT_ERR_CONNECTION_LOSS:
    case DOCENT_ERR_SESSION_EXPIRED:
    case DOCENT_ERR_SESSION_MOVED: entry->flags |= what; return; /* Once we are back. */
    default: break;
    }
    if (docent_trouble(result->status) == TROUBLE_BUSY) {
        entry->flags |= what;
        docent_cache_pause(cache);
        return;
    }
    entry->flags &= ~(unsigned)ENTRY_UNVERIFIED;
    docent_entry_failed(cache, entry, result->status);
}
