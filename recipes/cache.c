/* recipes/cache.c - the machine of all caches.
 *
 * The happy path: a recursive watch is set on the root; when the server has it, the root is read; whatever has children is listed, and
 * they are read, many in one request. From then on the watch says what has changed: what was created or set is read, what was deleted goes.
 *
 *     watch --> armed --> load: read, list, read, ... --> initialized
 *       ^                                                   |  changes: read, list
 *       |        suspended, lost                            v
 *       +------------- gap <--------------------------------+
 *     armed --> verify: survey or sweep, read, list, ... --> fresh
 *
 * Gap      Recursive watches are not told what happened while there was no connection. In the same session the server is asked which of the known
 *          paths have changed since the last time that all was known (survey.c): two packets for some thousand nodes, and what has
 *          not changed is not read. In another session everything is read again, in batches; lists only of nodes whose pzxid has moved.
 * Old      A server without recursive watches leaves a one-shot watch with every read (and one for children, for a leaf by way of a survey), so that
 *          the same notifications come. After a gap all of them are set again by a survey, in whatever session.
 * Order    Notifications and answers are looked at one by one in the order of the stream, so an answer shows all that was notified before
 *          it. A read that was lost with its connection is wanted still: its notification will not come again.
 * Trouble  "Too busy" and "no memory" pause the cache under the client's backoff. What is refused has failed: it is told, and tried again on
 *          the next occasion. Nothing is applied unless there is room to tell it.
 * Pace     Requests are made at the end of a turn, so that what a turn has found out shares a batch. So many are under way at a time. Reads go
 *          before lists, so that a load does not come to know all names before it has any node: what stands in for a node that was not read
 *          is freed again, and leaves a hole between those that stay. After a
 *          gap a large cache waits a little, at random, so that a crowd of clients does not come back in step. */
#include "recipes/cache.h"

#include <assert.h>
#include <string.h>

#include <docent/children_cache.h>
#include <docent/node_cache.h>
#include <docent/tree_cache.h>

#include "recipes/trouble.h"

enum {
    GUESS_FIRST = 16 * 1024,
    SURVEYS_MAX = 2,      /* One is looked at by the server while the next is made. */
    JITTER_MAX_MS = 1000, /* After a gap; a millisecond for every ten nodes. */
};

static void cache_watch(docent_cache *cache);

static docent_cache *cache_of(const struct handle *handle)
{
    return (docent_cache *)(uintptr_t)handle;
}

void docent_cache_pause(docent_cache *cache)
{
    if (cache->paused || cache->handle.ended) return;
    cache->paused = true;
    docent_machine_retry(&cache->handle.machine);
}

bool docent_cache_shows(const docent_cache *cache, const struct entry *entry)
{
    return entry->loaded && !(cache->limits.hides_root && docent_entry_is_root(entry));
}

/* ---- After a gap. ---- */

/* Everything that is known is to be verified. Below the mutex of nobody: flags are the loop's. */
static void verify_all(docent_cache *cache, bool children_too)
{
    for (struct entry *entry = cache->root; entry != NULL; entry = docent_cache_next(entry, cache->root)) {
        entry->flags |= ENTRY_UNVERIFIED;
        entry->flags &= ~(unsigned)(ENTRY_HEARS_CHILDREN | ENTRY_ALONE);
        if (children_too && entry->directory != NULL) entry->directory->pzxid = -1;
        docent_entry_await(cache, entry);
    }
    cache->cursor = cache->root;
}

static void cache_verify(docent_cache *cache)
{
    int64_t now = docent_client_last_zxid(cache->handle.client);
    cache->gap = false;
    cache->went_back = cache->synced_zxid > now; /* Another ensemble, or this one was wiped: numbers say nothing. */
    cache->surveys = cache->synced_zxid > 0 && !cache->went_back && (cache->same_session || cache->mode == CACHE_ONE_SHOT);
    cache->survey_zxid = cache->synced_zxid;
    cache->leaves = cache->surveys_leaves = false;
    verify_all(cache, cache->went_back);
    if (!cache->surveys && cache->mode == CACHE_ONE_SHOT) verify_all(cache, true); /* The lists leave the watches. */
}

/* The load is in but for the leaves, which have no watch for children yet. */
static void cache_survey_leaves(docent_cache *cache)
{
    cache->leaves = false;
    cache->surveys = cache->surveys_leaves = true;
    cache->cursor = cache->root;
}

static void cache_settled(docent_cache *cache)
{
    if (!docent_cache_news_reserve(cache, 1)) {
        docent_cache_pause(cache);
        return;
    }
    bool first = docent_shared_get(&cache->initialized) == 0;
    docent_shared_set(&cache->initialized, 1);
    docent_shared_set(&cache->fresh, 1);
    cache->went_back = false;
    cache->surveys = cache->surveys_leaves = false;
    if (!first) {
        docent_cache_tell(cache, NEWS_FRESH, NULL, NULL, DOCENT_OK);
    } else if (cache->limits.tells_initialized) {
        docent_cache_tell(cache, NEWS_INITIALIZED, NULL, NULL, DOCENT_OK);
    } else {
        docent_cache_tell_waits(cache);
    }
}

static void cache_pump(struct docent_later *later)
{
    docent_cache *cache = (docent_cache *)((char *)later - offsetof(docent_cache, pump_later));
    if (cache->handle.ended) {
        docent_handle_settle(&cache->handle);
        return;
    }
    if (!cache->online || !cache->armed || cache->paused || !cache->known) return;
    while (cache->cursor != NULL && cache->surveys && cache->surveying < SURVEYS_MAX && !cache->paused) docent_cache_ask_survey(cache);
    if (cache->cursor != NULL && !cache->surveys) docent_cache_sweep(cache);
    docent_cache_ask_queued(cache);
    if (cache->cursor != NULL || cache->surveying || cache->paused || cache->gap) return;
    /* Leaves of a load count until their survey. */
    if (cache->leaves && cache->reads.first == NULL && cache->lists.first == NULL && cache->flying == 0) {
        cache_survey_leaves(cache);
        docent_cache_pump_soon(cache);
    } else if (cache->left == 0 && docent_shared_get(&cache->fresh) == 0) {
        cache_settled(cache);
    }
}

/* The server tells us what happens: begin, or go on. */
static void cache_go(docent_cache *cache)
{
    if (!cache->online || !cache->armed) return;
    if (!cache->known) {
        cache->known = true;
        docent_entry_await(cache, cache->root);
        docent_entry_want(cache, cache->root, ENTRY_WANTS_READ);
    } else if (cache->gap) {
        uint32_t jitter = (uint32_t)(docent_shared_get(&cache->size) / 10);
        if (jitter > JITTER_MAX_MS) jitter = JITTER_MAX_MS;
        const docent_retry spread = { DOCENT_RETRY, .base_ms = jitter, .max_ms = jitter };
        cache->paused = jitter > 0 && docent_machine_retry_by(&cache->handle.machine, &spread, 1, 0, DOCENT_OK);
        cache_verify(cache);
    }
    docent_cache_pump_soon(cache);
}

/* ---- What happens. ---- */

/* @path was created or set, and is not known. */
static void heard_of_new(docent_cache *cache, const char *path)
{
    const char *slash = strrchr(path, '/');
    char *text = docent_strdup(&cache->handle.allocator, path);
    if (text == NULL) {
        docent_cache_resync(cache); /* Whatever it was will be found. */
        docent_cache_pause(cache);
        return;
    }
    size_t size = slash == path ? 1 : (size_t)(slash - path);
    text[size] = '\0';
    struct entry *parent = docent_cache_find(cache, text);
    docent_free(&cache->handle.allocator, text);
    if (parent == NULL || !parent->loaded || !docent_entry_may_have_children(cache, parent)) return; /* Or it will be listed. */
    if ((parent->flags & ENTRY_FAILED) != 0 && parent->directory == NULL) return; /* Its list is too large: better none than some. */
    struct entry *child = docent_cache_entry_new(cache, parent, slash + 1);
    bool wanted = child == NULL || cache->limits.accept == NULL || cache->limits.accept(path, cache->limits.user);
    if (child != NULL && wanted && docent_cache_add_child(cache, parent, child)) {
        docent_entry_came(cache, child); /* The load waits for it if it waits for its parent: the list to come may have it. */
        return;
    }
    if (child != NULL) {
        child->flags |= ENTRY_DEAD;
        docent_cache_release_entry(cache, child);
    }
    if (!wanted) return;
    docent_entry_want(cache, parent, ENTRY_WANTS_LIST); /* No memory. */
    docent_cache_pause(cache);
}

static void cache_heard(docent_cache *cache, docent_watch_type type, const char *path)
{
    struct entry *entry = docent_cache_find(cache, path);
    switch (type) {
    case DOCENT_WATCH_CREATED:
    case DOCENT_WATCH_DATA_CHANGED:
        if (entry != NULL) {
            docent_entry_want(cache, entry, ENTRY_WANTS_READ);
        } else {
            heard_of_new(cache, path);
        }
        break;
    case DOCENT_WATCH_DELETED:
        if (entry == NULL) break;
        if (docent_entry_is_root(entry) && cache->mode == CACHE_ONE_SHOT) {
            docent_entry_remove(cache, entry);
            docent_entry_want(cache, entry, ENTRY_WANTS_READ | ENTRY_MISSING);
        } else {
            docent_entry_remove(cache, entry);
        }
        break;
    case DOCENT_WATCH_CHILDREN_CHANGED:
        /* Beside a recursive watch it means something only as an answer to a survey. */
        if (entry == NULL || (cache->mode == CACHE_STANDING && !cache->surveying)) break;
        entry->flags &= ~(unsigned)ENTRY_HEARS_CHILDREN;
        if (entry->loaded && docent_entry_may_have_children(cache, entry)) docent_entry_want(cache, entry, ENTRY_WANTS_LIST);
        break;
    case DOCENT_WATCH_ARMED:
    case DOCENT_WATCH_RESET:
    case DOCENT_WATCH_ENDED: break;
    }
}

static void cache_on_watch(const docent_watch_event *event, void *user)
{
    docent_cache *cache = user;
    if (event->last) {
        cache->watches--;
        if (cache->handle.ended) {
            docent_handle_settle(&cache->handle);
            return;
        }
        if (event->status == DOCENT_ERR_CANCELLED || event->status == DOCENT_ERR_SESSION_EXPIRED) return;
        cache->watch = NULL;
        cache->armed = false;
        if (event->status == DOCENT_ERR_UNSUPPORTED) {
            cache->mode = CACHE_ONE_SHOT;
            cache_watch(cache);
            return;
        }
        if (docent_trouble(event->status) == TROUBLE_REFUSED) docent_entry_failed(cache, cache->root, event->status);
        docent_cache_pause(cache);
        return;
    }
    if (cache->handle.ended) return;
    if (event->type == DOCENT_WATCH_ARMED || event->type == DOCENT_WATCH_RESET) {
        if (event->type == DOCENT_WATCH_RESET && cache->armed) { /* In the midst of a connection: its mode was changed, or memory was short. */
            cache->same_session = false;
            cache->gap = cache->known;
        }
        cache->armed = true;
        docent_shared_set(&cache->fresh, docent_shared_get(&cache->fresh) != 0 && !cache->gap);
        cache_go(cache);
    } else {
        cache_heard(cache, event->type, event->path);
    }
}

static void cache_watch(docent_cache *cache)
{
    if (cache->watch == NULL) {
        bool alone = cache->limits.depth_max == 0; /* It need not hear what happens below. */
        docent_status status = (alone ? docent_watch_node : docent_watch_subtree)(cache->handle.client, cache->path, cache->mode == CACHE_STANDING,
                                                                                  cache_on_watch, cache, &cache->watch);
        if (status != DOCENT_OK) {
            cache->watch = NULL;
            docent_cache_pause(cache);
            return;
        }
        cache->watches++;
    }
    if (cache->mode == CACHE_ONE_SHOT) cache->armed = true;
    cache_go(cache);
}

/* ---- The connection. ---- */

static void cache_suspend(docent_cache *cache)
{
    if (!cache->online) return;
    /* What is still to be read stays wanted, so all else up to here is known. */
    if (docent_shared_get(&cache->fresh) != 0) cache->synced_zxid = docent_client_last_zxid(cache->handle.client);
    cache->online = cache->armed = false;
    cache->gap = cache->known;
    cache->same_session = true;
    cache->paused = false;
    cache->cursor = NULL;
    docent_shared_set(&cache->fresh, 0);
    docent_cache_tell(cache, NEWS_SUSPENDED, NULL, NULL, DOCENT_OK);
    cache->link = LINK_SUSPENDED;
}

/* This server may be able to do what the last one was not. All caches of a connection find the same: below 3.9 a watch that one leaves with a
 * read would replace the recursive one of another. */
static void cache_forget_mode(docent_cache *cache)
{
    if (cache->mode == CACHE_STANDING) return;
    docent_watch *watch = cache->watch;
    cache->watch = NULL;
    cache->mode = CACHE_STANDING;
    docent_watch_cancel(watch);
}

static void cache_on_event(struct handle *handle, const struct docent_event *ev)
{
    docent_cache *cache = cache_of(handle);
    if (handle->ended) return;
    switch (ev->type) {
    case DOCENT_EV_SUSPENDED: cache_suspend(cache); break;
    case DOCENT_EV_EXPIRED:
        cache_suspend(cache);
        cache->same_session = false;
        cache->watch = NULL; /* It ended with the session. */
        cache->mode = CACHE_STANDING;
        cache->no_batches = false;
        if (cache->link != LINK_SUSPENDED) break; /* A session that we have not heard of, because it had no watches yet. */
        docent_cache_tell(cache, NEWS_LOST, NULL, NULL, DOCENT_OK);
        cache->link = LINK_LOST;
        break;
    case DOCENT_EV_RESUMED:
        cache->online = true;
        if (cache->link != LINK_NEVER_UP) docent_cache_tell(cache, NEWS_RECONNECTED, NULL, NULL, DOCENT_OK);
        cache->link = LINK_UP;
        cache_forget_mode(cache);
        cache_watch(cache);
        break;
    case DOCENT_EV_TIMER:
        cache->paused = false;
        if (!cache->online) break;
        cache_watch(cache);
        break;
    case DOCENT_EV_REPLY: /* Reads are not asks. */
    case DOCENT_EV_WATCH:
    case DOCENT_EV_CLOSING: break;
    }
}

void docent_cache_resync(docent_cache *cache)
{
    if (!cache->known) return;
    cache->gap = true;
    cache->same_session = false;
    docent_shared_set(&cache->fresh, 0);
    if (!cache->paused) cache_go(cache);
}

/* ---- From the beginning to the end. ---- */

static void cache_attached(struct handle *handle)
{
    docent_cache *cache = cache_of(handle);
    cache->online = docent_machine_online(&handle->machine);
    if (!cache->online) return;
    cache->link = LINK_UP;
    cache_watch(cache);
}

static void cache_end(struct handle *handle, docent_status why, bool mute)
{
    docent_cache *cache = cache_of(handle);
    docent_watch *watch = cache->watch;
    cache->watch = NULL;
    cache->online = false;
    docent_shared_set(&cache->fresh, 0);
    if (mute) cache->watches = 0; /* Nobody will be told of its end. */
    if (watch != NULL && !mute) docent_watch_cancel(watch);
    docent_cache_tell_end(cache, why, mute);
}

static bool cache_is_over(const struct handle *handle)
{
    const docent_cache *cache = cache_of(handle);
    return cache->flying == 0 && cache->watches == 0 && !docent_later_is_queued(&cache->pump_later) && docent_cache_tell_is_over(cache);
}

static void nobody(docent_cache *cache, struct entry *entry)
{
    (void)cache;
    (void)entry;
}

static void release_queue(docent_cache *cache, struct cache_queue *queue)
{
    while (queue->first != NULL) {
        struct entry *entry = queue->first;
        queue->first = entry->queue_next;
        entry->flags &= ~(unsigned)ENTRY_QUEUED;
        docent_cache_release_entry(cache, entry);
    }
}

static void cache_free(struct handle *handle)
{
    docent_cache *cache = cache_of(handle);
    docent_allocator allocator = handle->allocator;
    struct node_home *home = cache->home;
    release_queue(cache, &cache->reads);
    release_queue(cache, &cache->lists);
    if (cache->root != NULL) {
        docent_cache_remove(cache, cache->root, nobody);
        cache->root->flags = ENTRY_DEAD;
        docent_cache_release_entry(cache, cache->root);
    }
    docent_cache_tell_free(cache);
    docent_thread_mutex_free(&cache->mutex);
    docent_free(&allocator, cache->path);
    docent_free(&allocator, cache);
    docent_node_home_drop(home);
}

static const struct handle_kind cache_kind = {
    .attached = cache_attached,
    .on_event = cache_on_event,
    .end = cache_end,
    .is_over = cache_is_over,
    .free = cache_free,
};

docent_status docent_cache_open(docent_client *client, const char *path, const struct cache_limits *limits, docent_cache **ret_cache)
{
    if (client == NULL || path == NULL || ret_cache == NULL || docent_path_fault(path, false) != NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    docent_status status = docent_handle_may_open(client);
    if (status != DOCENT_OK) return status;
    const docent_allocator *allocator = docent_client_allocator(client);
    docent_cache *cache = docent_alloc(allocator, sizeof *cache);
    if (cache == NULL) return DOCENT_ERR_NO_MEMORY;
    memset(cache, 0, sizeof *cache);
    cache->handle.kind = &cache_kind;
    cache->handle.allocator = *allocator;
    cache->limits = *limits;
    cache->guess = GUESS_FIRST;
    cache->reads.last = &cache->reads.first;
    cache->lists.last = &cache->lists.first;
    cache->pump_later.run = cache_pump;
    docent_thread_mutex_init(&cache->mutex);
    docent_cache_tell_init(cache);
    cache->path = docent_strdup(allocator, path);
    cache->home = docent_node_home_new(allocator);
    status = DOCENT_ERR_NO_MEMORY;
    if (cache->path != NULL && cache->home != NULL) {
        cache->path_size = strlen(path);
        cache->root = docent_cache_entry_new(cache, NULL, path);
    }
    if (cache->root != NULL) status = docent_handle_open(&cache->handle, client, &cache_kind);
    if (status != DOCENT_OK) {
        cache_free(&cache->handle);
        return status;
    }
    *ret_cache = cache;
    return DOCENT_OK;
}

/* ---- The three faces. ---- */

docent_status docent_tree_cache_new(docent_client *client, const char *path, const docent_tree_cache_options *options, docent_cache **ret_cache)
{
    docent_tree_cache_options full = { DOCENT_TREE_CACHE_OPTIONS };
    if (!docent_options_take(&full, sizeof full, options)) return DOCENT_ERR_INVALID_ARGUMENT;
    const struct cache_limits limits = {
        .depth_max = full.depth_max == 0 ? UINT32_MAX : full.depth_max,
        .stat_only = full.stat_only,
        .tells_initialized = true,
        .accept = full.accept,
        .descend = full.descend,
        .user = full.user,
        .bytes_max = full.bytes_max == 0 ? SIZE_MAX : full.bytes_max,
    };
    return docent_cache_open(client, path, &limits, ret_cache);
}

docent_status docent_children_cache_new(docent_client *client, const char *path, const docent_children_cache_options *options,
                                        docent_cache **ret_cache)
{
    docent_children_cache_options full = { DOCENT_CHILDREN_CACHE_OPTIONS };
    if (!docent_options_take(&full, sizeof full, options)) return DOCENT_ERR_INVALID_ARGUMENT;
    if ((unsigned)full.start > DOCENT_CACHE_START_POST_INITIALIZED) return DOCENT_ERR_INVALID_ARGUMENT;
    const struct cache_limits limits = {
        .depth_max = 1,
        .hides_root = true,
        .stat_only = full.stat_only,
        .quiet_start = full.start == DOCENT_CACHE_START_BUILD_INITIAL,
        .tells_initialized = full.start != DOCENT_CACHE_START_NORMAL,
        .bytes_max = full.bytes_max == 0 ? SIZE_MAX : full.bytes_max,
    };
    return docent_cache_open(client, path, &limits, ret_cache);
}

docent_status docent_node_cache_new(docent_client *client, const char *path, docent_cache **ret_cache)
{
    const struct cache_limits limits = { .depth_max = 0, .tells_initialized = true, .bytes_max = SIZE_MAX };
    return docent_cache_open(client, path, &limits, ret_cache);
}
