#include "tests/sim/caches.h"

#include <docent/children_cache.h>
#include <docent/node_cache.h>
#include <docent/tree_cache.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/wire/wire.h"
#include "recipes/cache.h"
#include "tests/sim/growth.h"

enum {
    FLYING_CAP = 64 + 8,      /* Of one cache; a batch weighs eight. */
    FLYING_CAP_OLD = 1000,    /* At servers without batches. */
    EQUAL_FOR_MS = 2000,      /* So long nothing may be asked when all is known. */
    SETTLING_MS = 500,
};

struct caches *caches_new(void)
{
    struct caches *caches = calloc(1, sizeof *caches);
    if (caches == NULL) {
        abort();
    }
    return caches;
}

void caches_free(struct caches *caches)
{
    for (size_t i = 0; caches != NULL && i < WORLD_ACTORS_MAX; i++) {
        while (caches->owners[i].list != NULL) {
            struct owned *owned = caches->owners[i].list;
            caches->owners[i].list = owned->next;
            for (size_t j = 0; j < owned->subscriber_count; j++) {
                subscriber_free(&owned->subscribers[j]);
            }
            free(owned);
        }
    }
    if (caches != NULL) {
        oracle_free(&caches->oracle);
    }
    free(caches);
}

static struct owner *owner_of(const struct actor *actor)
{
    return &actor->world->caches->owners[actor->index];
}

static uint64_t owner_between(struct actor *actor, uint64_t low, uint64_t high)
{
    return chance_between(&actor->world->random, low, high);
}

static bool owner_may(struct actor *actor, unsigned per_mille)
{
    return chance_per_mille(&actor->world->random, per_mille);
}

#define OWNED_FAIL(owned, format, ...) \
    world_fail((owned)->world, "cache of client %zu (%s, face %d): " format, (owned)->actor->index, (owned)->shape.path, \
               (int)(owned)->shape.face, __VA_ARGS__)

/* ---- The log, and gaps in which it stands still. ---- */

static void owner_forget_gaps(struct owner *owner)
{
    for (struct owned *owned = owner->list; owned != NULL; owned = owned->next) {
        owned->gap.open = false;
    }
}

bool caches_committed(struct world *world, const struct commit *commit)
{
    struct caches *caches = world->caches;
    if (!oracle_committed(&caches->oracle, commit)) {
        return false;
    }
    for (size_t i = 0; i < WORLD_ACTORS_MAX; i++) {
        owner_forget_gaps(&caches->owners[i]);
        caches->owners[i].equal_us = 0; /* A write that was given up, perhaps. */
    }
    return true;
}

static size_t owner_open(const struct actor *actor)
{
    size_t count = 0;
    for (const struct owned *owned = owner_of(actor)->list; owned != NULL; owned = owned->next) {
        count += owned->cache != NULL && owned->handle == actor->handles;
    }
    return count;
}

void owned_gap_begins(struct owned *owned)
{
    const struct owner *owner = owner_of(owned->actor);
    const docent_cache *cache = owned->cache;
    if (owned->gap.open) { /* Another within it: once more, unless it is in the midst of reading everything. */
        owned->gap.open = !owned->gap.lost;
        owned->gap.reads = owner->reads;
        owned->gap.nodes = owner->nodes;
        return;
    }
    owned->gap.open = owner_open(owned->actor) == 1 && docent_cache_is_initialized(cache) && cache->reads.first == NULL && cache->lists.first == NULL &&
        cache->synced_zxid >= owned->world->caches->oracle.zxid &&
        owned->actor->client.memory.failures == 0; /* Else something may have stayed behind, to be read again. */
    owned->gap.lost = false;
    owned->gap.reads = owner->reads;
    owned->gap.nodes = owner->nodes;
    owned->gap.failures = owned->actor->client.memory.failures;
}

static void owned_count(const struct owned *owned, size_t *ret_directories, size_t *ret_unreadable)
{
    const struct oracle *oracle = &owned->world->caches->oracle;
    *ret_directories = *ret_unreadable = 0;
    for (size_t i = 0; i < oracle->count; i++) {
        const char *path = oracle->present[i]->path;
        bool listed = shape_lists(&owned->shape, path);
        *ret_directories += listed && i + 1 < oracle->count && path_is_below(oracle->present[i + 1]->path, path);
        *ret_unreadable += listed && name_is(path, 'x');
    }
}

void owned_gap_ends(struct owned *owned)
{
    if (!owned->gap.open || owned->gap.failures != owned->actor->client.memory.failures) {
        owned->gap.open = false;
        return;
    }
    size_t directories, failed;
    owned_count(owned, &directories, &failed);
    failed += docent_cache_failures(owned->cache);
    const struct owner *owner = owner_of(owned->actor);
    uint64_t reads = owner->nodes - owned->gap.nodes, most = 2 + failed; /* The root, read and listed. */
    if (owned->gap.lost) {
        reads = owner->reads - owned->gap.reads;
        most = docent_cache_size(owned->cache) / 64 + directories + 2 * failed + 4;
    }
    if (reads > most) {
        OWNED_FAIL(owned, "nothing has changed %s, and there were %" PRIu64 " reads, which %" PRIu64 " should do for",
                   owned->gap.lost ? "since the session was lost" : "during the gap", reads, most);
    }
    world_trace(owned->world, "client %zu  has read %" PRIu64 " of %" PRIu64 " times after a quiet %s", owned->actor->index, reads, most,
                owned->gap.lost ? "loss" : "gap");
    owned->gap.open = false;
}

/* ---- The wire. ---- */

static bool caches_reads(int32_t op)
{
    return op == WIRE_OP_GET_DATA || op == WIRE_OP_EXISTS || op == WIRE_OP_GET_CHILDREN || op == WIRE_OP_GET_CHILDREN2 || op == WIRE_OP_MULTI_READ;
}

/* Neither reads nor writes. */
static bool caches_is_harmless(int32_t op)
{
    return op == WIRE_OP_PING || op == WIRE_OP_SYNC || op == WIRE_OP_SET_WATCHES || op == WIRE_OP_SET_WATCHES2 || op == WIRE_OP_ADD_WATCH ||
        op == WIRE_OP_REMOVE_WATCHES || op == WIRE_OP_CHECK_WATCHES || op == WIRE_OP_CLOSE_SESSION || op == WIRE_OP_AUTH;
}

static bool caches_old_servers(const struct world *world)
{
    for (size_t i = 0; i < ENSEMBLE_MAX; i++) {
        const char *speaks = world->scenario->speaks[i];
        if (speaks != NULL && strcmp(speaks, "3.6") < 0) {
            return true;
        }
    }
    return false;
}

static uint32_t caches_word(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* Of each operation: type, done, error, path, watch. */
static size_t caches_batch_size(const uint8_t *frame, size_t size)
{
    size_t count = 0;
    for (size_t at = 12; at + 14 <= size && frame[at + 4] == 0; at += 14 + caches_word(frame + at + 9)) {
        count++;
    }
    return count;
}

static void caches_asked(struct world *world, struct actor *actor, const uint8_t *frame, size_t size)
{
    struct owner *owner = owner_of(actor);
    struct wire_in in = docent_wire_in(frame + 4, size - 4);
    struct wire_request_header header;
    if (!docent_wire_get_request_header(&in, &header) || header.xid == 0 || caches_is_harmless(header.op)) {
        return; /* Or it is the handshake. */
    }
    if (!caches_reads(header.op)) {
        world_fail(world, "client %zu has nothing but caches, and sends operation %d", actor->index, (int)header.op);
        return;
    }
    owner->reads++;
    owner->nodes += header.op == WIRE_OP_MULTI_READ ? caches_batch_size(frame, size) : 1;
    if (owner->closed_us != 0 && world->clock.now_us > owner->closed_us) {
        world_fail(world, "client %zu has closed its caches, and reads", actor->index);
    }
    struct read read = {.xid = header.xid, .weight = header.op == WIRE_OP_MULTI_READ ? 8 : 1};
    if (header.op != WIRE_OP_MULTI_READ) {
        read.path = UINT64_C(14695981039346656037);
        for (size_t i = 12; i < size - 1; i++) { /* Without the watch flag. */
            read.path = (read.path ^ frame[i]) * UINT64_C(1099511628211);
        }
    }
    size_t caches = 0;
    for (const struct owned *owned = owner->list; owned != NULL; owned = owned->next) {
        caches += owned->handle == actor->handles;
    }
    for (size_t i = 0; i < owner->flying_count && caches == 1 && read.path != 0; i++) {
        char path[128];
        snprintf(path, sizeof path, "%.*s", (int)(size - 17), (const char *)frame + 16);
        /* One that comes back is another one, and is not held up by a question about the one before. */
        if (owner->flying[i].path == read.path && !oracle_was_deleted(&world->caches->oracle, path)) {
            world_fail(world, "client %zu has one cache, and two reads of one path under way", actor->index);
        }
    }
    owner->flying_weight += read.weight;
    if (owner->flying_weight > (caches_old_servers(world) ? FLYING_CAP_OLD : FLYING_CAP) * caches || owner->flying_count == OWNER_READS_MAX) {
        world_fail(world, "client %zu has %zu caches, and %zu reads under way", actor->index, caches, owner->flying_count);
        return;
    }
    owner->flying[owner->flying_count++] = read;
}

void caches_sent(struct world *world, const struct conn *conn, enum side to, const uint8_t *frame, size_t size)
{
    struct actor *actor = world->actors[conn->client];
    struct owner *owner = owner_of(actor);
    if (actor->writer || size < 12) {
        return;
    }
    if (owner->conn != conn->serial) {
        owner->conn = conn->serial;
        owner->flying_count = owner->flying_weight = 0;
        owner->equal_us = 0;
    }
    if (to == SIDE_SERVER) {
        caches_asked(world, actor, frame, size);
        return;
    }
    int32_t xid = (int32_t)caches_word(frame + 4);
    for (size_t i = 0; i < owner->flying_count && xid > 0; i++) {
        if (owner->flying[i].xid == xid) {
            owner->flying_weight -= owner->flying[i].weight;
            owner->flying_count--;
            memmove(&owner->flying[i], &owner->flying[i + 1], (owner->flying_count - i) * sizeof owner->flying[i]);
            break;
        }
    }
}

/* ---- A cache comes and goes. ---- */

static bool owned_accepts(const char *path, void *user)
{
    (void)user;
    return !name_is(path, 'z');
}

static bool owned_descends(const docent_node *node, void *user)
{
    (void)user;
    return !name_is(docent_node_path(node), 'n');
}

static void shape_draw(struct shape *shape, struct actor *actor)
{
    static const char *const roots[] = {ORACLE_ROOT, ORACLE_ROOT, ORACLE_ROOT, ORACLE_ROOT "/a", ORACLE_TOP};
    *shape = (struct shape){.face = FACE_TREE, .path = ORACLE_ROOT};
    if (actor->world->scenario->whole) {
        return;
    }
    uint64_t face = owner_between(actor, 0, 99);
    shape->face = face < 60 ? FACE_TREE : face < 85 ? FACE_CHILDREN : FACE_NODE;
    shape->path = roots[owner_between(actor, 0, 4)];
    shape->start = (unsigned)owner_between(actor, 0, 2);
    if (shape->face != FACE_NODE) {
        shape->stat_only = owner_may(actor, 200);
        shape->bytes_max = owner_may(actor, 200) ? owner_between(actor, 1, 3000) : 0;
    }
    if (shape->face == FACE_TREE) {
        shape->depth_max = owner_may(actor, 200) ? (unsigned)owner_between(actor, 1, 3) : 0;
        shape->filter = owner_may(actor, 250);
        shape->selector = owner_may(actor, 250);
    }
}

static docent_status owned_open(const struct shape *shape, docent_client *client, docent_cache **ret_cache)
{
    docent_tree_cache_options tree = {
        DOCENT_TREE_CACHE_OPTIONS, .depth_max = shape->depth_max, .stat_only = shape->stat_only, .bytes_max = shape->bytes_max,
        .accept = shape->filter ? owned_accepts : NULL, .descend = shape->selector ? owned_descends : NULL,
    };
    docent_children_cache_options children = {
        DOCENT_CHILDREN_CACHE_OPTIONS, .start = (docent_cache_start)shape->start, .stat_only = shape->stat_only, .bytes_max = shape->bytes_max,
    };
    switch (shape->face) {
    case FACE_TREE: return docent_tree_cache_new(client, shape->path, &tree, ret_cache);
    case FACE_CHILDREN: return docent_children_cache_new(client, shape->path, &children, ret_cache);
    case FACE_NODE: return docent_node_cache_new(client, shape->path, ret_cache);
    }
    abort();
}

static void owner_opens(struct actor *actor)
{
    struct world *world = actor->world;
    struct owner *owner = owner_of(actor);
    struct owned *owned = calloc(1, sizeof *owned);
    if (owned == NULL) {
        abort();
    }
    *owned = (struct owned){.world = world, .actor = actor, .handle = actor->handles};
    shape_draw(&owned->shape, actor);
    docent_status status = owned_open(&owned->shape, actor->client.core, &owned->cache);
    if (status != DOCENT_OK) {
        if (status != DOCENT_ERR_NO_MEMORY) {
            world_fail(world, "client %zu gets no cache: %s", actor->index, docent_status_name(status));
        }
        free(owned);
        return;
    }
    owned->next = owner->list;
    owner->list = owned;
    owner_forget_gaps(owner);
    owner->closed_us = 0;
    struct subscriber *first = &owned->subscribers[0];
    status = subscriber_begin(first, owned, false);
    if (status != DOCENT_OK) {
        if (status != DOCENT_ERR_NO_MEMORY) {
            world_fail(world, "client %zu cannot subscribe: %s", actor->index, docent_status_name(status));
        }
        owned_close(owned);
        return;
    }
    owned->subscriber_count = 1;
    if (world->scenario->impatient && !world_calm(world)) {
        first->close_in = owner_may(actor, 100) ? (unsigned)owner_between(actor, 1, 40) : 0;
        first->cancel_in = owner_may(actor, 50) ? (unsigned)owner_between(actor, 1, 40) : 0;
    }
}

static void owned_closed(void *user)
{
    world_call_told(user, DOCENT_OK);
}

void owned_close(struct owned *owned)
{
    docent_cache *cache = owned->cache;
    struct owner *owner = owner_of(owned->actor);
    owned->cache = NULL;
    if (!owned->close_called) { /* Else the client is closed, and they know. */
        owned->close_called = true;
        owned->close_why = DOCENT_ERR_CANCELLED;
    }
    if (owner_open(owned->actor) == 0) {
        owner->closed_us = owned->world->clock.now_us;
    }
    docent_cache_close(cache, owned_closed, world_call(owned->world, owned->actor, CALL_NODE));
}

static void owner_subscribes(struct owned *owned)
{
    if (owned->subscriber_count == OWNED_SUBSCRIBERS_MAX) {
        return;
    }
    struct subscriber *late = &owned->subscribers[owned->subscriber_count];
    docent_status status = subscriber_begin(late, owned, true);
    if (status == DOCENT_OK) {
        owned->subscriber_count++;
    } else if (status != DOCENT_ERR_NO_MEMORY) {
        OWNED_FAIL(owned, "a late subscriber is refused: %s", docent_status_name(status));
    }
}

/* ---- What owners do. ---- */

static bool owned_is_fresh(docent_cache *cache, void *user)
{
    (void)user;
    return docent_cache_is_fresh(cache);
}

static void owned_waited(docent_status status, void *user)
{
    struct call *call = user;
    world_call_told(call, status);
    if (status != DOCENT_OK && status != DOCENT_ERR_TIMEOUT && status != DOCENT_ERR_CANCELLED && status != DOCENT_ERR_CLOSING) {
        world_fail(call->world, "a wait for a cache ends with %s", docent_status_name(status));
    }
}

static void owner_waits(struct owned *owned)
{
    struct actor *actor = owned->actor;
    struct call *call = world_call(owned->world, actor, CALL_NODE);
    uint32_t timeout_ms = owner_may(actor, 500) ? DOCENT_FOREVER : (uint32_t)owner_between(actor, 0, owned->world->session_ms);
    docent_status status = docent_cache_wait_async(owned->cache, owner_may(actor, 500) ? owned_is_fresh : NULL, NULL, timeout_ms, owned_waited, call);
    call->refused = status != DOCENT_OK;
    if (status != DOCENT_OK && status != DOCENT_ERR_NO_MEMORY) {
        OWNED_FAIL(owned, "nobody may wait for it: %s", docent_status_name(status));
    }
}

static void owner_looks(struct owned *owned)
{
    const struct oracle *oracle = &owned->world->caches->oracle;
    const struct version *version = oracle->count == 0 ? NULL : oracle->present[owner_between(owned->actor, 0, oracle->count - 1)];
    const docent_node *node = docent_cache_get(owned->cache, version == NULL ? ORACLE_ROOT : version->path);
    if (node != NULL && oracle_version(oracle, docent_node_path(node), docent_node_stat(node).mzxid) == NULL) {
        OWNED_FAIL(owned, "knows a version of %s that never was", docent_node_path(node));
    }
    docent_node_unref(node);
}

/* The process cuts its connection, or an operator ends its session. */
static void owner_breaks(struct actor *actor)
{
    if (actor->client.conn != NULL && actor->client.conn->stage == OPENING_DONE) {
        world_fault(actor->world, owner_may(actor, 250) ? FAULT_EXPIRE : FAULT_CUT, actor->index, 0);
    }
}

static void owner_storms(struct actor *actor)
{
    const struct scenario *scenario = actor->world->scenario;
    struct owned *owned = owner_of(actor)->list;
    size_t open = owner_open(actor);
    if (open == 0 || (open < 3 && !scenario->whole && owner_may(actor, 150))) {
        owner_opens(actor);
        return;
    }
    for (uint64_t skip = owner_between(actor, 1, open); skip > 0; owned = owned->next) {
        if (owned->cache != NULL && owned->handle == actor->handles && --skip == 0) {
            break;
        }
    }
    uint64_t how = owner_between(actor, 0, 99);
    if (scenario->breaks && how < 60) {
        owner_breaks(actor);
    } else if (how < 70) {
        owner_looks(owned);
    } else if (how < 80) {
        owner_subscribes(owned);
    } else if (how < 86) {
        owner_waits(owned);
    } else if (how < 90) {
        struct subscriber *subscriber = &owned->subscribers[owner_between(actor, 1, OWNED_SUBSCRIBERS_MAX - 1)];
        if (subscriber->subscription != NULL) {
            subscriber_cancel(subscriber);
        }
    } else if (how < 93) {
        owner_forget_gaps(owner_of(actor));
        docent_status status = docent_cache_refresh(owned->cache);
        if (status != DOCENT_OK && status != DOCENT_ERR_NO_MEMORY) {
            OWNED_FAIL(owned, "it is not read again: %s", docent_status_name(status));
        }
    } else if (how < 96 && scenario->impatient) {
        owned_close(owned);
    } else if (how < 98 && scenario->impatient) {
        actor_close(actor);
    }
}

/* ---- Is it what the tree is? ---- */

/* NULL, or what is wrong. */
static const char *owned_differs(const struct owned *owned, const char **ret_path)
{
    const struct shape *shape = &owned->shape;
    const struct oracle *oracle = &owned->world->caches->oracle;
    docent_snapshot *snapshot;
    size_t at = 0, failed = 0, bytes = 0;
    const char *wrong = NULL;
    if (!docent_cache_is_fresh(owned->cache)) {
        return "it is not fresh";
    }
    docent_status status = docent_cache_snapshot(owned->cache, NULL, &snapshot);
    if (status != DOCENT_OK) {
        return docent_status_name(status);
    }
    for (size_t i = 0; i <= oracle->count && wrong == NULL; i++) {
        const struct version *version = i == oracle->count ? NULL : oracle->present[i];
        const docent_node *node = docent_snapshot_node(snapshot, at);
        while (node != NULL && shape_is_vague(shape, docent_node_path(node)) &&
               (version == NULL || strcmp(docent_node_path(node), version->path) <= 0)) {
            bytes += docent_node_bytes(node);
            node = docent_snapshot_node(snapshot, ++at);
        }
        if (version == NULL) {
            wrong = node == NULL ? NULL : "there is one too many";
            *ret_path = node == NULL ? NULL : docent_node_path(node);
            break;
        }
        failed += shape_lists(shape, version->path) && name_is(version->path, 'x');
        if (!shape_shows(shape, version->path)) {
            continue;
        }
        *ret_path = version->path;
        if (node == NULL || strcmp(docent_node_path(node), version->path) != 0) {
            wrong = "it is not there, or another is";
            break;
        }
        docent_stat stat = docent_node_stat(node);
        size_t size;
        const void *data = docent_node_data(node, &size);
        bytes += docent_node_bytes(node);
        if (stat.czxid != version->czxid || stat.mzxid != version->mzxid) {
            wrong = "it is another version";
        } else if (docent_node_has_data(node) && (size != version->size || (size > 0 && memcmp(data, version->data, size) != 0))) {
            wrong = "it has other data";
        } else if (docent_node_has_data(node) ? shape->stat_only : !shape->stat_only && shape->bytes_max == 0) {
            wrong = "it has data, or none, as it should not";
        }
        at++;
    }
    if (wrong == NULL && (docent_cache_size(owned->cache) != docent_snapshot_count(snapshot) || docent_cache_bytes(owned->cache) != bytes)) {
        wrong = "size or bytes are not those of its nodes";
    }
    /* Servers from 3.8 on do not tell those who may not read a node that it comes and goes. */
    bool tells = true;
    for (size_t i = 0; i < owned->world->scenario->replicas; i++) {
        tells = tells && strcmp(net_speaks(owned->world->scenario->speaks, i), "3.6") <= 0;
    }
    if (wrong == NULL && !shape->stat_only && tells && docent_cache_failures(owned->cache) != failed) {
        wrong = "the number of failures is not that of unreadable nodes";
    }
    docent_snapshot_free(snapshot);
    return wrong;
}

static bool caches_writers_done(const struct world *world)
{
    for (size_t i = 0; i < world->actor_count; i++) {
        if (world->actors[i]->writer && world->actors[i]->state != ACTOR_FINISHED) {
            return false;
        }
    }
    return true;
}

/* The calm: nobody writes any more, and all is known, and stays so. Then, nothing is asked. */
static void owner_calms(struct actor *actor)
{
    struct world *world = actor->world;
    struct owner *owner = owner_of(actor);
    bool late = world->clock.now_us + SIM_MS * 200 > world->phase_until_us;
    if (owner_open(actor) == 0) {
        owner_opens(actor);
        return;
    }
    bool equal = caches_writers_done(world);
    for (struct owned *owned = owner->list; owned != NULL && equal; owned = owned->next) {
        const char *path = NULL;
        const char *wrong = owned->cache == NULL || owned->handle != actor->handles ? NULL : owned_differs(owned, &path);
        const docent_cache *cache = owned->cache;
        if (wrong == NULL && cache != NULL && (cache->paused || cache->flying > 0 || cache->reads.first != NULL || cache->lists.first != NULL)) {
            owner->equal_us = 0; /* Of the storm. */
            wrong = "it has something to do";
        }
        equal = wrong == NULL;
        if (!equal && !docent_cache_is_fresh(owned->cache)) { /* A connection that had died before is found dead. */
            owner->equal_us = 0;
        }
        if (!equal && (late || owner->equal_us != 0)) {
            world_trace(world, "client %zu  cache %s: mode %d, armed %d, known %d, gap %d, paused %d, surveying %d, %s left %zu, flying %u, %s",
                        actor->index, owned->shape.path, (int)cache->mode, cache->armed, cache->known, cache->gap, cache->paused,
                        cache->surveying, cache->cursor == NULL ? "all looked at," : "some not looked at,", cache->left, cache->flying,
                        cache->reads.first == NULL && cache->lists.first == NULL ? "none in the queue" : "some in the queue");
            OWNED_FAIL(owned, "is not %s what the tree is: %s: %s", late ? "yet" : "any more", path == NULL ? "" : path, wrong);
        }
    }
    if (!equal) {
        return;
    }
    if (owner->equal_us == 0) {
        owner->equal_us = world->clock.now_us;
    }
    uint64_t settled_us = owner->equal_us + (world->session_ms + SETTLING_MS) * SIM_MS; /* Whatever was delayed has arrived. */
    if (world->clock.now_us < settled_us) {
        owner->reads_then = owner->reads;
    } else if (owner->reads != owner->reads_then) {
        world_fail(world, "client %zu knows all, and goes on reading", actor->index);
    } else if (world->clock.now_us > settled_us + EQUAL_FOR_MS * SIM_MS) {
        for (struct owned *owned = owner->list; owned != NULL; owned = owned->next) {
            for (size_t i = 0; i < owned->subscriber_count && owned->cache != NULL; i++) {
                subscriber_compare(&owned->subscribers[i]);
            }
        }
        actor->served = true;
    }
}

void caches_act(struct actor *actor)
{
    if (actor->writer) {
        growth_act(actor);
        return;
    }
    if (world_calm(actor->world)) {
        owner_calms(actor);
    } else {
        owner_storms(actor);
        actor->rounds++;
    }
    actor_acted(actor);
}

/* ---- The end. ---- */

void caches_leave(struct actor *actor, bool crashed)
{
    struct owner *owner = owner_of(actor);
    bool before = !crashed && owner_may(actor, 500); /* The application closes its caches first. */
    for (struct owned *owned = owner->list; owned != NULL; owned = owned->next) {
        if (owned->cache == NULL || owned->handle != actor->handles) {
            continue;
        }
        if (before) {
            owned_close(owned);
        } else if (crashed) {
            owned->cache = NULL;
        } else {
            owned->close_called = true;
            owned->close_why = DOCENT_ERR_CLOSING;
        }
    }
    for (struct owned *owned = owner->list; owned != NULL && crashed; owned = owned->next) {
        for (size_t i = 0; i < owned->subscriber_count; i++) {
            subscriber_drop(&owned->subscribers[i], true);
        }
    }
    owner->outstanding = 0;
    owner->equal_us = 0;
    owner->closed_us = crashed ? 0 : owner->closed_us;
}

void caches_client_closed(struct actor *actor)
{
    for (struct owned *owned = owner_of(actor)->list; owned != NULL; owned = owned->next) {
        if (owned->handle != actor->handles) {
            continue;
        }
        if (owned->cache != NULL) { /* Its client is gone, and what it knows can be read still. */
            owner_looks(owned);
            owned_close(owned);
        }
        for (size_t i = 0; i < owned->subscriber_count; i++) {
            struct subscriber *subscriber = &owned->subscribers[i];
            if (!subscriber->mute && subscriber->closed != 1) {
                OWNED_FAIL(owned, "a subscriber is told %u times that it is closed", subscriber->closed);
            }
            subscriber_drop(subscriber, false);
        }
    }
    owner_of(actor)->closed_us = 0;
}

bool caches_quiet(struct world *world)
{
    bool quiet = true;
    for (size_t i = 0; i < world->actor_count; i++) {
        struct actor *actor = world->actors[i];
        struct owner *owner = owner_of(actor);
        if (actor->writer || actor->client.core == NULL) {
            continue;
        }
        for (struct owned *owned = owner->list; owned != NULL; owned = owned->next) {
            if (owned->cache != NULL && owned->handle == actor->handles && !actor->client.paused) {
                owned_close(owned);
            }
        }
        quiet = quiet && owner->closed_us != 0 && world->clock.now_us > owner->closed_us + SETTLING_MS * SIM_MS;
    }
    return quiet;
}
