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
#include <docent/operation.h>
#include <docent/tree_cache.h>

#include "recipes/trouble.h"

enum {
    BATCH_NODES_MAX = 256,
    BATCH_ANSWER_MAX = 256 * 1024, /* Bytes; larger nodes are read alone. */
    BATCH_REQUEST_MAX = 64 * 1024,
    FLYING_MAX = 64,               /* Requests; a batch counts for some. */
    FLYING_OLD_MAX = 1000,         /* To a server that takes only one node a request. */
    FLYING_LISTS_MAX = 64,
    SURVEYS_MAX = 2,               /* One is looked at by the server while the next is made. */
    READS_IN_ROW_MAX = 1024,       /* Lists wait no longer than that for their turn. */
    BATCH_WEIGHT = 8,
    GUESS_FIRST = 16 * 1024,
    STUB_ROOM_MAX = 1024,
    NODE_OVERHEAD = 96,            /* In an answer: stat, lengths, header. */
    JITTER_MAX_MS = 1000,          /* After a gap; a millisecond for every ten nodes. */
};

enum ask_kind { ASK_BATCH, ASK_NODE, ASK_STAT, ASK_WAIT_FOR_ROOT, ASK_LIST, ASK_SURVEY };

/* A request under way. */
struct cache_ask {
    docent_cache *cache;
    enum ask_kind kind;
    unsigned weight;
    size_t count;
    struct entry *entries[];
};

static void cache_go(docent_cache *cache);
static void cache_watch(docent_cache *cache);

static docent_cache *cache_of(const struct handle *handle)
{
    return (docent_cache *)(uintptr_t)handle;
}

static void pump_soon(docent_cache *cache)
{
    docent_client_later(cache->handle.client, &cache->pump_later);
}

/* Nothing is asked until the timer. */
static void cache_pause(docent_cache *cache)
{
    if (cache->paused || cache->handle.ended) return;
    cache->paused = true;
    docent_machine_retry(&cache->handle.machine);
}

static bool is_root(const struct entry *entry)
{
    return entry->parent == NULL;
}

bool docent_cache_shows(const docent_cache *cache, const struct entry *entry)
{
    return entry->loaded && !(cache->limits.hides_root && is_root(entry));
}

/* ---- Wanting. ---- */

static void entry_count(docent_cache *cache, struct entry *entry)
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

static void entry_queue(docent_cache *cache, struct entry *entry)
{
    if ((entry->flags & (ENTRY_BUSY | ENTRY_QUEUED)) != 0) return;
    struct cache_queue *queue = (entry->flags & ENTRY_WANTS_READ) != 0 ? &cache->reads : &cache->lists;
    entry->flags |= ENTRY_QUEUED;
    entry->queue_next = NULL;
    *queue->last = entry;
    queue->last = &entry->queue_next;
    pump_soon(cache);
}

/* The next that wants a request and may have one now. NULL: none. */
static struct entry *entry_dequeue(docent_cache *cache)
{
    bool list = cache->lists.first != NULL && cache->flying_lists < FLYING_LISTS_MAX;
    if (cache->reads.first != NULL && (!list || cache->reads_in_row < READS_IN_ROW_MAX)) {
        cache->reads_in_row++;
        list = false;
    } else if (!list) {
        return NULL;
    } else {
        cache->reads_in_row = 0;
    }
    struct cache_queue *queue = list ? &cache->lists : &cache->reads;
    struct entry *entry = queue->first;
    queue->first = entry->queue_next;
    if (queue->first == NULL) queue->last = &queue->first;
    entry->flags &= ~(unsigned)ENTRY_QUEUED;
    return entry;
}

static void entry_want(docent_cache *cache, struct entry *entry, unsigned what)
{
    entry->flags |= what;
    entry_queue(cache, entry);
}

/* A request for it has ended, or there is none. */
static void entry_rest(docent_cache *cache, struct entry *entry)
{
    if ((entry->flags & ENTRY_DEAD) != 0) {
        docent_cache_release_entry(cache, entry);
    } else if ((entry->flags & (ENTRY_WANTS_READ | ENTRY_WANTS_LIST)) != 0) {
        entry_queue(cache, entry);
    } else if ((entry->flags & (ENTRY_BUSY | ENTRY_QUEUED | ENTRY_UNVERIFIED)) == 0) {
        entry_uncount(cache, entry);
    }
}

/* ---- Telling. ---- */

static bool tells(const docent_cache *cache, const struct entry *entry)
{
    if (cache->limits.hides_root && is_root(entry)) return false;
    return !cache->limits.quiet_start || docent_shared_get(&cache->initialized) != 0;
}

static void entry_failed(docent_cache *cache, struct entry *entry, docent_status why)
{
    bool known = (entry->flags & ENTRY_FAILED) != 0;
    if (known && entry->why == (int16_t)why) return;
    if (!docent_cache_news_reserve(cache, 1)) {
        entry->flags |= ENTRY_WANTS_READ;
        cache_pause(cache);
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

/* The node is gone, with all below it. */
static void entry_remove(docent_cache *cache, struct entry *entry)
{
    if (docent_cache_news_reserve(cache, docent_cache_count(entry))) {
        docent_cache_remove(cache, entry, entry_gone);
        return;
    }
    entry_want(cache, entry, ENTRY_WANTS_READ); /* It will not be there then either. */
    cache_pause(cache);
}

/* ---- Children. ---- */

static bool may_have_children(docent_cache *cache, const struct entry *entry)
{
    const struct cache_limits *limits = &cache->limits;
    if (limits->depth_max != UINT32_MAX && docent_entry_depth(entry) >= limits->depth_max) return false;
    return limits->descend == NULL || limits->descend(entry->node, limits->user);
}

/* Its node is known now: are its children? @load: as part of a load. */
static void entry_look_into(docent_cache *cache, struct entry *entry)
{
    docent_stat stat = docent_node_stat(entry->node);
    if (!may_have_children(cache, entry)) return;
    bool changed = entry->directory == NULL ? stat.num_children > 0 : entry->directory->pzxid != stat.pzxid;
    if (!changed && cache->mode == CACHE_ONE_SHOT && (entry->flags & ENTRY_HEARS_CHILDREN) == 0) {
        if (stat.num_children == 0 && (entry->flags & ENTRY_COUNTED) != 0 && !cache->surveys) {
            entry->flags |= ENTRY_UNVERIFIED; /* A leaf gets its watch with the others', in a survey at the end of the load. */
            cache->leaves = true;
            return;
        }
        changed = true;
    }
    if (changed) entry_want(cache, entry, ENTRY_WANTS_LIST);
}

static void child_came(docent_cache *cache, struct entry *child)
{
    if ((child->parent->flags & ENTRY_COUNTED) != 0) entry_count(cache, child);
    entry_want(cache, child, ENTRY_WANTS_READ);
}

/* What is below it may be readable now. */
static void retry_failed_children(docent_cache *cache, struct entry *entry)
{
    if (docent_shared_get(&cache->failures) == 0 || entry->directory == NULL) return;
    for (uint32_t i = 0; i < entry->directory->count; i++) {
        struct entry *child = entry->directory->children[i];
        if ((child->flags & ENTRY_FAILED) != 0) entry_want(cache, child, ENTRY_WANTS_READ);
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
        cache_pause(cache);
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
                                                                                  result->stat.pzxid, entry_gone, child_came)) {
        entry->flags |= ENTRY_WANTS_LIST;
        cache_pause(cache);
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

/* One read or list of one entry has ended. */
static void entry_answered(docent_cache *cache, struct entry *entry, enum ask_kind kind, const docent_result *result)
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
        entry_remove(cache, entry);
        if (kind != ASK_WAIT_FOR_ROOT && is_root(entry) && cache->mode == CACHE_ONE_SHOT) entry->flags |= ENTRY_WANTS_READ | ENTRY_MISSING;
        return;
    case DOCENT_ERR_CONNECTION_LOSS:
    case DOCENT_ERR_SESSION_EXPIRED:
    case DOCENT_ERR_SESSION_MOVED: entry->flags |= what; return; /* Once we are back. */
    default: break;
    }
    if (docent_trouble(result->status) == TROUBLE_BUSY) {
        entry->flags |= what;
        cache_pause(cache);
        return;
    }
    entry->flags &= ~(unsigned)ENTRY_UNVERIFIED;
    entry_failed(cache, entry, result->status);
}

static void survey_answered(docent_cache *cache, const struct cache_ask *ask, const docent_result *result)
{
    cache->surveying--;
    if (result->status == DOCENT_ERR_CONNECTION_LOSS) return; /* There is another gap. */
    for (size_t i = 0; i < ask->count; i++) {
        struct entry *entry = ask->entries[i];
        entry->flags &= ~(unsigned)ENTRY_UNVERIFIED;
        if (cache->mode == CACHE_ONE_SHOT) entry->flags |= ENTRY_HEARS_CHILDREN;
        if (result->status != DOCENT_OK) entry->flags |= ENTRY_WANTS_READ; /* A server that does not know what it was asked. */
    }
}

static void ask_over(struct cache_ask *ask)
{
    docent_cache *cache = ask->cache;
    for (size_t i = 0; i < ask->count; i++) {
        ask->entries[i]->flags &= ~(unsigned)ENTRY_BUSY;
        entry_rest(cache, ask->entries[i]);
    }
    docent_free(&cache->handle.allocator, ask);
}

static void cache_answered(const docent_result *result, void *user)
{
    struct cache_ask *ask = user;
    docent_cache *cache = ask->cache;
    cache->flying -= ask->weight;
    if (ask->kind == ASK_LIST) cache->flying_lists--;
    if (!cache->handle.ended) {
        if (cache->survey_zxid == 0) cache->survey_zxid = docent_client_last_zxid(cache->handle.client);
        bool whole = ask->kind != ASK_BATCH || (result->status == DOCENT_OK && result->result_count == ask->count);
        if (ask->kind == ASK_SURVEY) survey_answered(cache, ask, result);
        for (size_t i = 0; i < ask->count && ask->kind != ASK_SURVEY; i++) {
            struct entry *entry = ask->entries[i];
            if ((entry->flags & ENTRY_DEAD) != 0) continue;
            if (whole) {
                entry_answered(cache, entry, ask->kind, ask->kind == ASK_BATCH ? &result->results[i] : result);
            } else {
                enum trouble trouble = docent_trouble(result->status);
                entry->flags |= ENTRY_WANTS_READ;
                if (trouble == TROUBLE_BUSY) cache_pause(cache);
                if (trouble != TROUBLE_BUSY && trouble != TROUBLE_LOST) entry->flags |= ENTRY_ALONE; /* One of them is to blame. */
            }
        }
        if (!whole && (result->status == DOCENT_ERR_UNSUPPORTED || result->status == DOCENT_ERR_UNIMPLEMENTED)) cache->no_batches = true;
        if (ask->kind == ASK_BATCH && whole && result->result_count > 0) { /* What the next unknown ones may come to. */
            size_t bytes = 0;
            for (size_t i = 0; i < result->result_count; i++) bytes += result->results[i].size + NODE_OVERHEAD;
            cache->guess = bytes / result->result_count * 2;
        }
    }
    ask_over(ask);
    if (cache->handle.ended) {
        docent_handle_settle(&cache->handle);
    } else {
        pump_soon(cache);
    }
}

/* ---- Asking. ---- */

static struct cache_ask *ask_new(docent_cache *cache, enum ask_kind kind, size_t room)
{
    struct cache_ask *ask = docent_alloc(&cache->handle.allocator, sizeof *ask + room * sizeof(struct entry *));
    if (ask == NULL) return NULL;
    *ask = (struct cache_ask){ .cache = cache, .kind = kind, .weight = kind == ASK_BATCH ? BATCH_WEIGHT : 1 };
    return ask;
}

/* What came of sending it. */
static void ask_sent(struct cache_ask *ask, docent_status status)
{
    docent_cache *cache = ask->cache;
    if (status == DOCENT_OK) {
        cache->flying += ask->weight;
        if (ask->kind == ASK_LIST) cache->flying_lists++;
        return;
    }
    docent_result result = { .struct_size = sizeof result, .status = status };
    if (ask->kind == ASK_SURVEY) {
        cache->surveying--;
        for (size_t i = 0; i < ask->count; i++) ask->entries[i]->flags |= ENTRY_WANTS_READ;
    } else if (ask->kind == ASK_BATCH) {
        if (status == DOCENT_ERR_UNSUPPORTED) cache->no_batches = true;
        for (size_t i = 0; i < ask->count; i++) {
            ask->entries[i]->flags |= ENTRY_WANTS_READ;
            if (status != DOCENT_ERR_UNSUPPORTED && docent_trouble(status) == TROUBLE_REFUSED) ask->entries[i]->flags |= ENTRY_ALONE;
        }
    } else {
        entry_answered(cache, ask->entries[0], ask->kind, &result);
    }
    if (status == DOCENT_ERR_NO_MEMORY) cache_pause(cache);
    ask_over(ask);
}

static void ask_alone(docent_cache *cache, struct entry *entry)
{
    enum ask_kind kind = ASK_NODE;
    unsigned what = ENTRY_WANTS_READ;
    const char *path = docent_entry_path(entry);
    docent_op op;
    if ((entry->flags & ENTRY_WANTS_READ) == 0) {
        kind = ASK_LIST;
        what = ENTRY_WANTS_LIST;
        op = docent_op_children(path);
    } else if ((entry->flags & ENTRY_MISSING) != 0) {
        kind = ASK_WAIT_FOR_ROOT;
        what |= ENTRY_MISSING;
        op = docent_op_exists(path);
    } else if (cache->limits.stat_only) {
        kind = ASK_STAT;
        op = docent_op_exists(path);
    } else {
        op = docent_op_get(path);
    }
    struct cache_ask *ask = ask_new(cache, kind, 1);
    if (ask == NULL) {
        entry_queue(cache, entry);
        cache_pause(cache);
        return;
    }
    ask->entries[ask->count++] = entry;
    entry->flags = (entry->flags & ~what) | ENTRY_BUSY;
    ask_sent(ask, docent_read_once(cache->handle.client, &op, cache->mode == CACHE_ONE_SHOT, cache_answered, ask));
}

static void ask_batch(docent_cache *cache, struct cache_ask *ask)
{
    if (ask->count == 0) {
        docent_free(&cache->handle.allocator, ask);
        return;
    }
    if (ask->count == 1) {
        struct entry *entry = ask->entries[0];
        docent_free(&cache->handle.allocator, ask);
        entry->flags = (entry->flags & ~(unsigned)ENTRY_BUSY) | ENTRY_WANTS_READ;
        ask_alone(cache, entry);
        return;
    }
    docent_status status = DOCENT_ERR_NO_MEMORY;
    docent_op *ops = docent_alloc_array(&cache->handle.allocator, ask->count, sizeof *ops);
    if (ops != NULL) {
        for (size_t i = 0; i < ask->count; i++) ops[i] = docent_op_get(docent_entry_path(ask->entries[i]));
        docent_op op = docent_op_multi_read(ops, ask->count);
        status = docent_read_once(cache->handle.client, &op, false, cache_answered, ask);
        docent_free(&cache->handle.allocator, ops);
    }
    ask_sent(ask, status);
}

/* How long it will be in an answer. */
static size_t entry_guess(const docent_cache *cache, const struct entry *entry)
{
    if (!entry->loaded) return cache->guess;
    return (size_t)docent_node_stat(entry->node).data_length + NODE_OVERHEAD;
}

/* From the queue, as much as may be under way. */
static void pump_queue(docent_cache *cache)
{
    const unsigned max = cache->mode == CACHE_ONE_SHOT ? FLYING_OLD_MAX : FLYING_MAX;
    struct cache_ask *batch = NULL;
    size_t answer = 0, request = 0;
    while (cache->flying < max && !cache->paused && cache->online) {
        struct entry *entry = entry_dequeue(cache);
        if (entry == NULL) break;
        if ((entry->flags & ENTRY_DEAD) != 0 || (entry->flags & (ENTRY_WANTS_READ | ENTRY_WANTS_LIST)) == 0) {
            entry_rest(cache, entry);
            continue;
        }
        bool alone = (entry->flags & (ENTRY_ALONE | ENTRY_WANTS_READ)) != ENTRY_WANTS_READ || cache->mode == CACHE_ONE_SHOT || cache->no_batches;
        size_t guess = entry_guess(cache, entry), path = strlen(docent_entry_path(entry)) + NODE_OVERHEAD;
        if (alone || guess > BATCH_ANSWER_MAX || path > BATCH_REQUEST_MAX) {
            ask_alone(cache, entry);
            continue;
        }
        if (batch != NULL && (batch->count == BATCH_NODES_MAX || answer + guess > BATCH_ANSWER_MAX || request + path > BATCH_REQUEST_MAX)) {
            ask_batch(cache, batch);
            batch = NULL;
            answer = request = 0;
        }
        if (batch == NULL) batch = ask_new(cache, ASK_BATCH, BATCH_NODES_MAX);
        if (batch == NULL) {
            entry_queue(cache, entry);
            cache_pause(cache);
            break;
        }
        entry->flags = (entry->flags & ~(unsigned)ENTRY_WANTS_READ) | ENTRY_BUSY;
        batch->entries[batch->count++] = entry;
        answer += guess;
        request += path;
    }
    if (batch != NULL) ask_batch(cache, batch);
}

/* ---- After a gap. ---- */

/* Unverified entries, from the cursor on, go into one packet, or are read. */
static void pump_survey(docent_cache *cache)
{
    enum { ROOM = 4096 };
    struct docent_survey *survey;
    struct cache_ask *ask = ask_new(cache, ASK_SURVEY, ROOM);
    if (ask == NULL || docent_survey_new(cache->handle.client, &survey) != DOCENT_OK) {
        docent_free(&cache->handle.allocator, ask);
        cache_pause(cache);
        return;
    }
    for (bool full = false; cache->cursor != NULL && !full && ask->count < ROOM;) {
        struct entry *entry = cache->cursor;
        if ((entry->flags & ENTRY_UNVERIFIED) != 0) {
            enum docent_surveyed surveyed = DOCENT_SURVEY_UNSURE;
            bool known = entry->loaded && (entry->flags & (ENTRY_FAILED | ENTRY_WANTS_READ | ENTRY_WANTS_LIST | ENTRY_BUSY)) == 0;
            if (known) surveyed = docent_survey_add(survey, docent_entry_path(entry), !cache->surveys_leaves, may_have_children(cache, entry));
            if (surveyed == DOCENT_SURVEY_UNSURE) entry_want(cache, entry, ENTRY_WANTS_READ);
            if (surveyed == DOCENT_SURVEY_ADDED) {
                entry->flags |= ENTRY_BUSY;
                ask->entries[ask->count++] = entry;
            }
            full = surveyed == DOCENT_SURVEY_FULL;
        }
        if (!full) cache->cursor = docent_cache_next(entry, cache->root);
    }
    if (ask->count == 0) {
        docent_survey_free(survey);
        docent_free(&cache->handle.allocator, ask);
        return;
    }
    cache->surveying++;
    ask_sent(ask, docent_survey_send(survey, cache->survey_zxid, cache_answered, ask));
}

static void pump_sweep(docent_cache *cache)
{
    enum { AHEAD = 2 * BATCH_NODES_MAX };
    for (unsigned ahead = 0; cache->cursor != NULL && ahead < AHEAD && cache->flying < FLYING_MAX; ahead++) {
        struct entry *entry = cache->cursor;
        if ((entry->flags & ENTRY_UNVERIFIED) != 0) entry_want(cache, entry, ENTRY_WANTS_READ);
        cache->cursor = docent_cache_next(entry, cache->root);
    }
}

/* Everything that is known is to be verified. Below the mutex of nobody: flags are the loop's. */
static void verify_all(docent_cache *cache, bool children_too)
{
    for (struct entry *entry = cache->root; entry != NULL; entry = docent_cache_next(entry, cache->root)) {
        entry->flags |= ENTRY_UNVERIFIED;
        entry->flags &= ~(unsigned)(ENTRY_HEARS_CHILDREN | ENTRY_ALONE);
        if (children_too && entry->directory != NULL) entry->directory->pzxid = -1;
        entry_count(cache, entry);
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
        cache_pause(cache);
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
    while (cache->cursor != NULL && cache->surveys && cache->surveying < SURVEYS_MAX && !cache->paused) pump_survey(cache);
    if (cache->cursor != NULL && !cache->surveys) pump_sweep(cache);
    pump_queue(cache);
    if (cache->cursor != NULL || cache->surveying || cache->paused || cache->gap) return;
    /* Leaves of a load count until their survey. */
    if (cache->leaves && cache->reads.first == NULL && cache->lists.first == NULL && cache->flying == 0) {
        cache_survey_leaves(cache);
        pump_soon(cache);
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
        entry_count(cache, cache->root);
        entry_want(cache, cache->root, ENTRY_WANTS_READ);
    } else if (cache->gap) {
        uint32_t jitter = (uint32_t)(docent_shared_get(&cache->size) / 10);
        if (jitter > JITTER_MAX_MS) jitter = JITTER_MAX_MS;
        const docent_retry spread = { DOCENT_RETRY, .base_ms = jitter, .max_ms = jitter };
        cache->paused = jitter > 0 && docent_machine_retry_by(&cache->handle.machine, &spread, 1, 0, DOCENT_OK);
        cache_verify(cache);
    }
    pump_soon(cache);
}

/* ---- What happens. ---- */

/* @path was created or set, and is not known. */
static void heard_of_new(docent_cache *cache, const char *path)
{
    const char *slash = strrchr(path, '/');
    char *text = docent_strdup(&cache->handle.allocator, path);
    if (text == NULL) {
        docent_cache_resync(cache); /* Whatever it was will be found. */
        cache_pause(cache);
        return;
    }
    size_t size = slash == path ? 1 : (size_t)(slash - path);
    text[size] = '\0';
    struct entry *parent = docent_cache_find(cache, text);
    docent_free(&cache->handle.allocator, text);
    if (parent == NULL || !parent->loaded || !may_have_children(cache, parent)) return; /* Or it will be listed. */
    if ((parent->flags & ENTRY_FAILED) != 0 && parent->directory == NULL) return; /* Its list is too large: better none than some. */
    struct entry *child = docent_cache_entry_new(cache, parent, slash + 1);
    bool wanted = child == NULL || cache->limits.accept == NULL || cache->limits.accept(path, cache->limits.user);
    if (child != NULL && wanted && docent_cache_add_child(cache, parent, child)) {
        child_came(cache, child); /* The load waits for it if it waits for its parent: the list to come may have it. */
        return;
    }
    if (child != NULL) {
        child->flags |= ENTRY_DEAD;
        docent_cache_release_entry(cache, child);
    }
    if (!wanted) return;
    entry_want(cache, parent, ENTRY_WANTS_LIST); /* No memory. */
    cache_pause(cache);
}

static void cache_heard(docent_cache *cache, docent_watch_type type, const char *path)
{
    struct entry *entry = docent_cache_find(cache, path);
    switch (type) {
    case DOCENT_WATCH_CREATED:
    case DOCENT_WATCH_DATA_CHANGED:
        if (entry != NULL) {
            entry_want(cache, entry, ENTRY_WANTS_READ);
        } else {
            heard_of_new(cache, path);
        }
        break;
    case DOCENT_WATCH_DELETED:
        if (entry == NULL) break;
        if (is_root(entry) && cache->mode == CACHE_ONE_SHOT) {
            entry_remove(cache, entry);
            entry_want(cache, entry, ENTRY_WANTS_READ | ENTRY_MISSING);
        } else {
            entry_remove(cache, entry);
        }
        break;
    case DOCENT_WATCH_CHILDREN_CHANGED:
        /* Beside a recursive watch it means something only as an answer to a survey. */
        if (entry == NULL || (cache->mode == CACHE_STANDING && !cache->surveying)) break;
        entry->flags &= ~(unsigned)ENTRY_HEARS_CHILDREN;
        if (entry->loaded && may_have_children(cache, entry)) entry_want(cache, entry, ENTRY_WANTS_LIST);
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
        if (docent_trouble(event->status) == TROUBLE_REFUSED) entry_failed(cache, cache->root, event->status);
        cache_pause(cache);
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
            cache_pause(cache);
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
    return cache->flying == 0 && cache->watches == 0 && !cache->pump_later.queued && docent_cache_tell_is_over(cache);
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
