/* recipes/cache_ask.c - a cache's requests: reads, many of them in one, lists, and surveys of what may have changed. */
#include <string.h>

#include <docent/operation.h>

#include "recipes/cache.h"
#include "recipes/trouble.h"

enum {
    BATCH_NODES_MAX = 256,
    BATCH_ANSWER_MAX = 256 * 1024, /* Bytes; larger nodes are read alone. */
    BATCH_REQUEST_MAX = 64 * 1024,
    FLYING_MAX = 64,               /* Requests; a batch counts for some. */
    FLYING_OLD_MAX = 1000,         /* To a server that takes only one node a request. */
    FLYING_LISTS_MAX = 64,
    READS_IN_ROW_MAX = 1024,       /* Lists wait no longer than that for their turn. */
    BATCH_WEIGHT = 8,
    NODE_OVERHEAD = 96,            /* In an answer: stat, lengths, header. */
};

/* A request under way. */
struct cache_ask {
    docent_cache *cache;
    enum cache_ask_kind kind;
    unsigned weight;
    size_t count;
    struct entry *entries[];
};

/* ---- Answers. ---- */

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
        docent_entry_rest(cache, ask->entries[i]);
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
                docent_entry_answered(cache, entry, ask->kind, ask->kind == ASK_BATCH ? &result->results[i] : result);
            } else {
                enum trouble trouble = docent_trouble(result->status);
                entry->flags |= ENTRY_WANTS_READ;
                if (trouble == TROUBLE_BUSY) docent_cache_pause(cache);
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
        docent_cache_pump_soon(cache);
    }
}

/* ---- Asking. ---- */

static struct cache_ask *ask_new(docent_cache *cache, enum cache_ask_kind kind, size_t room)
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
        docent_entry_answered(cache, ask->entries[0], ask->kind, &result);
    }
    if (status == DOCENT_ERR_NO_MEMORY) docent_cache_pause(cache);
    ask_over(ask);
}

static void ask_alone(docent_cache *cache, struct entry *entry)
{
    enum cache_ask_kind kind = ASK_NODE;
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
        docent_entry_queue(cache, entry);
        docent_cache_pause(cache);
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

void docent_cache_ask_queued(docent_cache *cache)
{
    const unsigned max = cache->mode == CACHE_ONE_SHOT ? FLYING_OLD_MAX : FLYING_MAX;
    struct cache_ask *batch = NULL;
    size_t answer = 0, request = 0;
    while (cache->flying < max && !cache->paused && cache->online) {
        struct entry *entry = entry_dequeue(cache);
        if (entry == NULL) break;
        if ((entry->flags & ENTRY_DEAD) != 0 || (entry->flags & (ENTRY_WANTS_READ | ENTRY_WANTS_LIST)) == 0) {
            docent_entry_rest(cache, entry);
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
            docent_entry_queue(cache, entry);
            docent_cache_pause(cache);
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

void docent_cache_ask_survey(docent_cache *cache)
{
    enum { ROOM = 4096 };
    struct docent_survey *survey;
    struct cache_ask *ask = ask_new(cache, ASK_SURVEY, ROOM);
    if (ask == NULL || docent_survey_new(cache->handle.client, &survey) != DOCENT_OK) {
        docent_free(&cache->handle.allocator, ask);
        docent_cache_pause(cache);
        return;
    }
    for (bool full = false; cache->cursor != NULL && !full && ask->count < ROOM;) {
        struct entry *entry = cache->cursor;
        if ((entry->flags & ENTRY_UNVERIFIED) != 0) {
            enum docent_surveyed surveyed = DOCENT_SURVEY_UNSURE;
            bool known = entry->loaded && (entry->flags & (ENTRY_FAILED | ENTRY_WANTS_READ | ENTRY_WANTS_LIST | ENTRY_BUSY)) == 0;
            bool inner = known && docent_entry_may_have_children(cache, entry);
            if (known) surveyed = docent_survey_add(survey, docent_entry_path(entry), !cache->surveys_leaves, inner);
            if (surveyed == DOCENT_SURVEY_UNSURE) docent_entry_want(cache, entry, ENTRY_WANTS_READ);
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

void docent_cache_sweep(docent_cache *cache)
{
    enum { AHEAD = 2 * BATCH_NODES_MAX };
    for (unsigned ahead = 0; cache->cursor != NULL && ahead < AHEAD && cache->flying < FLYING_MAX; ahead++) {
        struct entry *entry = cache->cursor;
        if ((entry->flags & ENTRY_UNVERIFIED) != 0) docent_entry_want(cache, entry, ENTRY_WANTS_READ);
        cache->cursor = docent_cache_next(entry, cache->root);
    }
}
