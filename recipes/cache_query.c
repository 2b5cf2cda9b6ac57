/* recipes/cache_query.c - what an application asks of a cache, from whatever thread. One look-up takes the mutex; whatever takes longer is done
 * on the loop. */
#include <string.h>

#include <docent/node_cache.h>

#include "recipes/blocking.h"
#include "recipes/cache.h"

struct docent_snapshot {
    docent_allocator allocator; /* A copy: it may outlive everything. */
    size_t count;
    const docent_node *nodes[];
};

const docent_node *docent_cache_get(docent_cache *cache, const char *path)
{
    if (cache == NULL || path == NULL) return NULL;
    if (docent_handle_check(&cache->handle) == DOCENT_ERR_FORKED) return NULL; /* The mutex may be held by a thread that is not here. */
    docent_thread_mutex_lock(&cache->mutex);
    const struct entry *entry = docent_cache_find(cache, path);
    const docent_node *node = entry != NULL && docent_cache_shows(cache, entry) ? docent_node_ref(entry->node) : NULL;
    docent_thread_mutex_unlock(&cache->mutex);
    return node;
}

const docent_node *docent_node_cache_get(docent_cache *cache)
{
    return cache == NULL ? NULL : docent_cache_get(cache, cache->path);
}

size_t docent_cache_size(const docent_cache *cache)
{
    return cache == NULL ? 0 : (size_t)docent_shared_get(&cache->size);
}

size_t docent_cache_bytes(const docent_cache *cache)
{
    return cache == NULL ? 0 : (size_t)docent_shared_get(&cache->bytes);
}

size_t docent_cache_failures(const docent_cache *cache)
{
    return cache == NULL ? 0 : (size_t)docent_shared_get(&cache->failures);
}

bool docent_cache_is_initialized(const docent_cache *cache)
{
    return cache != NULL && docent_shared_get(&cache->initialized) != 0;
}

bool docent_cache_is_fresh(const docent_cache *cache)
{
    if (cache == NULL || docent_shared_get(&cache->fresh) == 0) return false;
    return docent_handle_check((struct handle *)(uintptr_t)&cache->handle) != DOCENT_ERR_FORKED; /* Nothing follows there. */
}

/* ---- On the loop. When the client has closed nothing changes any more, and every thread may look. ---- */

static docent_status may_look(docent_cache *cache)
{
    docent_status status = docent_handle_check(&cache->handle);
    return status == DOCENT_ERR_WRONG_THREAD || status == DOCENT_ERR_FORKED ? status : DOCENT_OK;
}

static struct entry *entry_at(const docent_cache *cache, const char *path)
{
    struct entry *entry = path == NULL ? cache->root : docent_cache_find(cache, path);
    bool known = entry != NULL && (entry->loaded || entry == cache->root);
    return known ? entry : NULL;
}

docent_status docent_cache_visit(docent_cache *cache, const char *path, bool (*visit)(const docent_node *node, void *user), void *user)
{
    if (cache == NULL || visit == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    docent_status status = may_look(cache);
    if (status != DOCENT_OK) return status;
    const struct entry *top = entry_at(cache, path);
    if (top == NULL || (path != NULL && !top->loaded)) return DOCENT_ERR_NO_NODE;
    for (const struct entry *entry = top; entry != NULL; entry = docent_cache_next(entry, top)) {
        if (docent_cache_shows(cache, entry) && !visit(entry->node, user)) break;
    }
    return DOCENT_OK;
}

static docent_status snapshot_take(docent_cache *cache, const char *path, bool children_only, docent_snapshot **ret_snapshot)
{
    const struct entry *top = entry_at(cache, path);
    if (top == NULL || (path != NULL && !top->loaded)) return DOCENT_ERR_NO_NODE;
    const struct directory *directory = top->directory;
    size_t room = !children_only ? (top == cache->root ? docent_cache_size(cache) : docent_cache_count(top)) : directory == NULL ? 0 : directory->count;
    docent_snapshot *snapshot;
    if (room > (SIZE_MAX - sizeof *snapshot) / sizeof(docent_node *)) return DOCENT_ERR_NO_MEMORY;
    snapshot = docent_alloc(&cache->handle.allocator, sizeof *snapshot + room * sizeof(docent_node *));
    if (snapshot == NULL) return DOCENT_ERR_NO_MEMORY;
    snapshot->allocator = cache->handle.allocator;
    snapshot->count = 0;
    if (children_only) {
        for (size_t i = 0; i < room; i++) {
            const struct entry *child = directory->children[i];
            if (docent_cache_shows(cache, child)) snapshot->nodes[snapshot->count++] = docent_node_ref(child->node);
        }
    } else {
        for (const struct entry *entry = top; entry != NULL; entry = docent_cache_next(entry, top)) {
            if (docent_cache_shows(cache, entry)) snapshot->nodes[snapshot->count++] = docent_node_ref(entry->node);
        }
    }
    *ret_snapshot = snapshot;
    return DOCENT_OK;
}

/* ---- From any thread. ---- */

struct snapshot_wait { /* On the waiting thread's stack. */
    docent_cache *cache;
    const char *path;
    bool children_only;
    docent_snapshot **ret_snapshot;
};

static docent_status snapshot_start(void *argument, struct docent_wait *wait)
{
    struct snapshot_wait *w = argument;
    docent_status status = may_look(w->cache);
    if (status == DOCENT_OK) status = snapshot_take(w->cache, w->path, w->children_only, w->ret_snapshot);
    docent_wait_done(wait, status);
    return DOCENT_OK;
}

static docent_status snapshot(docent_cache *cache, const char *path, bool children_only, docent_snapshot **ret_snapshot)
{
    if (cache == NULL || ret_snapshot == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    docent_status status = may_look(cache);
    if (status == DOCENT_OK) return snapshot_take(cache, path, children_only, ret_snapshot);
    if (status != DOCENT_ERR_WRONG_THREAD) return status;
    return docent_wait_on(&cache->handle, snapshot_start, &(struct snapshot_wait){ cache, path, children_only, ret_snapshot });
}

docent_status docent_cache_snapshot(docent_cache *cache, const char *path, docent_snapshot **ret_snapshot)
{
    return snapshot(cache, path, false, ret_snapshot);
}

docent_status docent_cache_children(docent_cache *cache, const char *path, docent_snapshot **ret_snapshot)
{
    return snapshot(cache, path, true, ret_snapshot);
}

size_t docent_snapshot_count(const docent_snapshot *snapshot)
{
    return snapshot == NULL ? 0 : snapshot->count;
}

const docent_node *docent_snapshot_node(const docent_snapshot *snapshot, size_t index)
{
    return snapshot == NULL || index >= snapshot->count ? NULL : snapshot->nodes[index];
}

void docent_snapshot_free(docent_snapshot *snapshot)
{
    if (snapshot == NULL) return;
    docent_allocator allocator = snapshot->allocator;
    for (size_t i = 0; i < snapshot->count; i++) docent_node_unref(snapshot->nodes[i]);
    docent_free(&allocator, snapshot);
}

struct cache_wait_call { /* On the waiting thread's stack. */
    docent_cache *cache;
    docent_cache_predicate predicate;
    void *user;
    uint32_t timeout_ms;
};

static docent_status wait_start(void *argument, struct docent_wait *wait)
{
    const struct cache_wait_call *w = argument;
    return docent_cache_wait_async(w->cache, w->predicate, w->user, w->timeout_ms, docent_wait_told, wait);
}

docent_status docent_cache_wait(docent_cache *cache, docent_cache_predicate predicate, void *user, uint32_t timeout_ms)
{
    return docent_wait_on(cache == NULL ? NULL : &cache->handle, wait_start, &(struct cache_wait_call){ cache, predicate, user, timeout_ms });
}

docent_status docent_cache_refresh(docent_cache *cache)
{
    if (cache == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    docent_status status = docent_handle_check(&cache->handle);
    if (status == DOCENT_OK) docent_cache_resync(cache);
    return status;
}

void docent_cache_close(docent_cache *cache, void (*closed)(void *user), void *user)
{
    docent_handle_close(cache == NULL ? NULL : &cache->handle, closed, user);
}
