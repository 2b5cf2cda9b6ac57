#include "tests/sim/txns.h"

#include <docent/batch.h>
#include <docent/node.h>
#include <docent/txn.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/wire/wire.h"
#include "tests/sim/packed.h"

#define TXNS_COUNTER "/t/k"
#define TXNS_OTHER "/t/j"
#define TXNS_HOLDERS "/t"

struct version { /* What a node was from one transaction on. */
    char *path; /* As the calls know it. */
    int64_t zxid;
    int64_t session; /* Whose doing it was. */
    uint64_t serial; /* UINT64_MAX: it was deleted, or made as a parent. */
    bool there, created;
};

struct listing { /* The children of /t from one transaction on. */
    int64_t zxid;
    uint64_t print;
};

struct txns {
    struct version *versions;
    size_t version_count, version_capacity;
    struct listing *listings;
    size_t listing_count, listing_capacity;
    uint64_t print;       /* Of the children of /t now: the names' hashes, all together. */
    struct call *open;    /* The transaction whose parts the log tells of. */
};

struct txns *txns_new(void)
{
    struct txns *txns = calloc(1, sizeof *txns);
    if (txns == NULL) {
        abort();
    }
    return txns;
}

void txns_free(struct txns *txns)
{
    if (txns == NULL) {
        return;
    }
    for (size_t i = 0; i < txns->version_count; i++) {
        free(txns->versions[i].path);
    }
    free(txns->versions);
    free(txns->listings);
    free(txns);
}

static bool txns_mark(const struct world *world, const void *data, size_t size, bool compressed, struct call **ret_call)
{
    char text[PACKED_TEXT_SIZE];
    uint64_t serial;
    unsigned part;
    if (size == 0 || !packed_text(data, size, compressed, text) || sscanf(text, "t %" SCNu64 " %u", &serial, &part) != 2) {
        return false;
    }
    if (serial >= world->call_count || world->calls[serial]->kind != CALL_TXN) {
        return false;
    }
    *ret_call = world->calls[serial];
    return true;
}

/* ---- The log. ---- */

static uint64_t txns_print(const char *name, size_t size)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (size_t i = 0; i < size; i++) {
        hash = (hash ^ (uint8_t)name[i]) * UINT64_C(1099511628211);
    }
    return hash;
}

static const struct version *txns_now(const struct txns *txns, const char *path)
{
    for (size_t i = txns->version_count; i > 0; i--) {
        if (strcmp(txns->versions[i - 1].path, path) == 0) {
            return &txns->versions[i - 1];
        }
    }
    return NULL;
}

static void txns_note(struct txns *txns, const struct commit *commit, const char *path, const struct call *call)
{
    txns->versions = sim_grow(txns->versions, txns->version_count, &txns->version_capacity, sizeof *txns->versions);
    txns->versions[txns->version_count++] = (struct version){
        .path = strdup(path), .zxid = commit->zxid, .session = commit->session, .serial = call == NULL ? UINT64_MAX : call->serial,
        .there = commit->type != COMMIT_DELETE, .created = commit->type == COMMIT_CREATE,
    };
    if (commit->type != COMMIT_SET && strncmp(path, "/t/", 3) == 0 && strchr(path + 3, '/') == NULL) {
        txns->print ^= txns_print(path + 3, strlen(path + 3));
        if (txns->listing_count > 0 && txns->listings[txns->listing_count - 1].zxid == commit->zxid) {
            txns->listing_count--; /* Nobody saw it half done. */
        }
        txns->listings = sim_grow(txns->listings, txns->listing_count, &txns->listing_capacity, sizeof *txns->listings);
        txns->listings[txns->listing_count++] = (struct listing){commit->zxid, txns->print};
    }
}

/* Who made it may do so again, and find nothing in its way. */
static void txns_undone(struct world *world, const struct commit *commit, const char *path)
{
    const struct version *version = txns_now(world->txns, path);
    if (version != NULL && version->created && version->serial != UINT64_MAX && version->session != commit->session) {
        world->calls[version->serial]->undone = true;
    }
}

static void txns_applied(struct world *world, const struct commit *commit, struct call *call)
{
    if (call->applied == 0 || call->zxid != commit->zxid) {
        call->applied++;
        call->parts_seen = 0;
        call->zxid = commit->zxid;
    }
    call->parts_seen++;
    world->txns->open = call;
    if (call->applied > 1 && !call->undone) {
        world_fail(world, "transaction %" PRIu64 " is applied twice", call->serial);
    }
    if (call->told > 0 && !world_says_nothing(call->status)) {
        world_fail(world, "transaction %" PRIu64 " was told %s, and is applied afterwards", call->serial, docent_status_name(call->status));
    }
    if (call->refused) {
        world_fail(world, "transaction %" PRIu64 " was refused, and is applied", call->serial);
    }
    if (call->token != 0 && call->parts_seen == 1) {
        world_guarded_applied(world, call, commit);
    }
}

void txns_check(struct world *world)
{
    const struct call *open = world->txns->open;
    if (open != NULL && open->parts_seen != open->parts) {
        world_fail(world, "transaction %" PRIu64 " has %u parts, and %u are applied", open->serial, open->parts, open->parts_seen);
    }
    world->txns->open = NULL;
}

bool txns_committed(struct world *world, const struct commit *commit)
{
    const char *path = world_path(world, commit->path);
    if (path == NULL) {
        const char *root = world_root(world);
        bool above = strncmp(root, commit->path, strlen(commit->path)) == 0 || strncmp(commit->path, "/locks", 6) == 0;
        if (!above) {
            world_fail(world, "%s is written, which is no path of anybody", commit->path);
        }
        return true;
    }
    if (strcmp(path, "/t") != 0 && strncmp(path, "/t/", 3) != 0) {
        bool lock = strncmp(path, "/locks", 6) == 0;
        if (!lock) {
            world_fail(world, "%s is written, which is no path of anybody", commit->path);
        }
        return lock;
    }
    if (commit->type == COMMIT_OTHER) {
        return true; /* A check, say. */
    }
    if (world->txns->open != NULL && world->txns->open->zxid != commit->zxid) {
        txns_check(world);
    }
    struct call *call = NULL;
    if (commit->type == COMMIT_DELETE) {
        txns_undone(world, commit, path);
    }
    if (commit->type != COMMIT_DELETE && commit->size > 0) {
        if (txns_mark(world, commit->data, commit->size, world->scenario->compressed, &call)) {
            txns_applied(world, commit, call);
        } else if (!packed_text(commit->data, commit->size, world->scenario->compressed, (char[PACKED_TEXT_SIZE]){""})) {
            world_fail(world, "%s is written with data that nobody can read", commit->path);
        }
    }
    txns_note(world->txns, commit, path, call);
    if (commit->type == COMMIT_SET && strcmp(path, TXNS_COUNTER) == 0) {
        world->shared_zxid = commit->zxid;
    }
    return true;
}

/* ---- On the way. ---- */

static bool txns_part_is_check_of(const struct world *world, wire_bytes path, const struct call *call)
{
    char expected[256];
    const char *name = world_node_name(world, call->token);
    int size = name == NULL ? -1 : snprintf(expected, sizeof expected, "%s" ACTOR_QUEUE "/%s", world_root(world), name);
    return size == path.size && memcmp(expected, path.data, (size_t)size) == 0;
}

/* One part of a request: whose it is, if it says so, and what it checks if that is all that it does. */
static bool txns_part(const struct world *world, struct wire_in *in, int32_t op, struct call **call, wire_bytes *ret_path)
{
    wire_bytes data = {NULL, -1};
    if (op == WIRE_OP_CREATE) {
        struct wire_create_request create;
        if (!docent_wire_get_create_request(in, &create)) {
            return false;
        }
        *ret_path = create.path;
        data = create.data;
    } else if (op == WIRE_OP_SET_DATA) {
        struct wire_set_data_request set;
        if (!docent_wire_get_set_data_request(in, &set)) {
            return false;
        }
        *ret_path = set.path;
        data = set.data;
    } else {
        struct wire_versioned_request other;
        if (!docent_wire_get_versioned_request(in, &other)) {
            return false;
        }
        *ret_path = other.path;
    }
    if (*call == NULL && data.size > 0) {
        txns_mark(world, data.data, (size_t)data.size, world->scenario->compressed, call);
    }
    return true;
}

void txns_sent(struct world *world, const struct conn *conn, const uint8_t *frame, size_t size)
{
    if (size < 12 || frame[8] != 0 || frame[9] != 0 || frame[10] != 0 || frame[11] != WIRE_OP_MULTI) {
        return;
    }
    struct wire_in in = docent_wire_in(frame + 12, size - 12);
    struct wire_multi_header header;
    struct call *call = NULL;
    wire_bytes first = {NULL, -1}, path;
    int32_t first_op = 0;
    while (docent_wire_get_multi_header(&in, &header) && !header.done && txns_part(world, &in, header.op, &call, &path)) {
        if (first.data == NULL) {
            first = path;
            first_op = header.op;
        }
    }
    if (in.failed || call == NULL) {
        world_fail(world, "client %zu sends a transaction that is nobody's", conn->client);
        return;
    }
    call->sent++;
    bool parents_made = call->parented && call->applied == 0;
    if (call->sent > 1 && !call->repeats && !parents_made) {
        world_fail(world, "transaction %" PRIu64 " goes out again, and would not fail by its own success", call->serial);
    }
    if (call->token == 0) {
        return;
    }
    int64_t session = docent_client_session(world->actors[conn->client]->client.core, NULL);
    if (world_node_owner(world, call->token) != session) {
        world_fail(world, "guarded transaction %" PRIu64 " is sent in session %#" PRIx64 ", held in %#" PRIx64, call->serial,
                   (uint64_t)session, (uint64_t)world_node_owner(world, call->token));
    }
    if (first_op != WIRE_OP_CHECK || !txns_part_is_check_of(world, first, call)) {
        world_fail(world, "guarded transaction %" PRIu64 " does not begin with a check of what is held", call->serial);
    }
}

/* ---- What is told. ---- */

static bool txns_may(struct actor *actor, unsigned per_mille)
{
    return chance_per_mille(&actor->world->random, per_mille);
}

static uint64_t txns_between(struct actor *actor, uint64_t low, uint64_t high)
{
    return chance_between(&actor->world->random, low, high);
}

static void txns_saw(struct actor *actor, int64_t zxid)
{
    if (zxid > actor->seen_zxid) {
        actor->seen_zxid = zxid;
    }
}

static void txns_check_success(struct call *call, const docent_result *result)
{
    struct world *world = call->world;
    if (call->applied == 0 || (call->applied > 1 && !call->undone) || call->parts_seen != call->parts) {
        world_fail(world, "transaction %" PRIu64 " was told OK, and was applied %u times", call->serial, call->applied);
    }
    if (result->result_count != 0 && result->result_count != call->ops) {
        world_fail(world, "transaction %" PRIu64 " of %u operations has %zu results", call->serial, call->ops, result->result_count);
    }
    for (size_t i = 0; i < result->result_count; i++) {
        const docent_result *part = &result->results[i];
        if (part->status != DOCENT_OK) {
            world_fail(world, "transaction %" PRIu64 " was told OK, and its part %zu %s", call->serial, i, docent_status_name(part->status));
        }
        if (part->has_stat != ((call->sets >> i & 1) != 0) || (part->has_stat && part->stat.mzxid != call->zxid)) {
            world_fail(world, "transaction %" PRIu64 ": the result of part %zu is another's", call->serial, i);
        }
        if ((part->path != NULL) != ((call->creates >> i & 1) != 0)) {
            world_fail(world, "transaction %" PRIu64 ": part %zu is told the path of another", call->serial, i);
        }
        const char *path = part->path == NULL || !call->outside ? part->path : world_path(world, part->path);
        const struct version *made = path == NULL ? NULL : txns_now(world->txns, path);
        if (part->path != NULL && (made == NULL || (made->created && made->zxid == call->zxid && made->serial != call->serial))) {
            world_fail(world, "transaction %" PRIu64 " is told of %s, which it did not make", call->serial, part->path);
        }
    }
}

static void txns_check_failure(struct call *call, const docent_result *result)
{
    struct world *world = call->world;
    bool not_held = result->status == DOCENT_ERR_NOT_HELD;
    unsigned causes = 0;
    if (call->applied != 0 && !world_says_nothing(result->status)) {
        world_fail(world, "transaction %" PRIu64 " was told %s, and was applied", call->serial, docent_status_name(result->status));
    }
    for (size_t i = 0; i < result->result_count; i++) {
        docent_status status = result->results[i].status;
        if (status == DOCENT_ERR_ROLLED_BACK) {
            continue;
        }
        causes++;
        if (status != result->status || not_held || (call->suspects >> i & 1) == 0) {
            world_fail(world, "transaction %" PRIu64 " failed with %s, and its part %zu with %s", call->serial,
                       docent_status_name(result->status), i, docent_status_name(status));
        }
    }
    if (result->result_count > 0 && causes != !not_held) {
        world_fail(world, "transaction %" PRIu64 " failed, and that has %u causes", call->serial, causes);
    }
}

/* An answer was lost, or there was no time to wait for it. */
static bool txns_is_doubtful(const struct call *call)
{
    const struct sim_client *client = &call->actor->client;
    bool connected = client->breaks == call->breaks && docent_client_state(client->core) == DOCENT_CONNECTED;
    uint64_t took_ms = (call->world->clock.now_us - call->begun_us) / SIM_MS;
    return !connected || (call->timeout_ms != DOCENT_FOREVER && took_ms + 1 >= call->timeout_ms);
}

static void txns_told(const docent_result *result, void *user)
{
    struct call *call = user;
    struct actor *actor = call->actor;
    struct world *world = call->world;
    world_call_told(call, result->status);
    if (result->status == DOCENT_OK) {
        txns_check_success(call, result);
        txns_saw(actor, call->zxid);
    } else {
        txns_check_failure(call, result);
    }
    if (result->status == DOCENT_ERR_UNKNOWN_OUTCOME && !txns_is_doubtful(call)) {
        world_fail(world, "transaction %" PRIu64 " is told to be unknown, and nothing was lost", call->serial);
    }
    bool foretold = result->status == DOCENT_OK || result->status == DOCENT_ERR_CLOSING || result->status == DOCENT_ERR_UNKNOWN_OUTCOME;
    if (call->calm && !foretold) { /* Connections of the storm may still break. */
        world_fail(world, "in the calm transaction %" PRIu64 " ends with %s", call->serial, docent_status_name(result->status));
    }
    if (!actor->writer) {
        return;
    }
    actor->version = -1; /* To be looked at. */
    if (result->status == DOCENT_OK && result->result_count == 2 && result->results[1].has_stat && (call->suspects & 2) != 0) {
        actor->version = result->results[1].stat.version;
    }
    actor_call_over(actor);
}

/* ---- Putting together. ---- */

static uint32_t txns_timeout(struct actor *actor)
{
    if (world_calm(actor->world)) {
        return DOCENT_FOREVER;
    }
    return (uint32_t)(txns_may(actor, 250) ? txns_between(actor, 1, 100) : txns_between(actor, 100, 5 * actor->world->session_ms));
}

static const docent_retry *txns_retry(struct actor *actor)
{
    static const docent_retry patient = {DOCENT_RETRY, .base_ms = 50, .max_ms = 500, .tries_max = DOCENT_FOREVER};
    static const docent_retry once = {DOCENT_RETRY, .tries_max = 1};
    return world_calm(actor->world) ? &patient : txns_may(actor, 200) ? &once : NULL;
}

static docent_call_options txns_options(struct actor *actor)
{
    bool calm = world_calm(actor->world);
    return (docent_call_options){DOCENT_CALL_OPTIONS, .timeout_ms = txns_timeout(actor), .retry = txns_retry(actor),
                                 .offline = calm ? DOCENT_OFFLINE_QUEUE : (docent_offline_policy)txns_between(actor, 0, DOCENT_OFFLINE_SESSION)};
}

enum { SUSPECT = 1, REPEATS = 2 };

struct draft { /* A transaction and what is known of it. */
    struct call *call;
    docent_txn *txn;
    const char *root; /* In front of every path; "": the client's own. */
};

static struct draft draft_new(struct actor *actor, docent_client *client, const char *root)
{
    struct draft draft = {.call = world_call(actor->world, actor, CALL_TXN), .root = root};
    draft.call->calm = world_calm(actor->world);
    draft.call->breaks = actor->client.breaks;
    docent_status status = docent_txn_new(client, &draft.txn);
    if (status != DOCENT_OK) {
        draft.txn = NULL;
    }
    return draft;
}

/* What is refused spoils the transaction: docent_txn_commit_async() says so. */
static void draft_add(struct draft *draft, docent_op op, unsigned flags)
{
    struct call *call = draft->call;
    char path[128], text[32];
    snprintf(path, sizeof path, "%s%s", draft->root, op.path);
    op.path = path;
    bool has_data = op.type == DOCENT_OP_SET || op.type == DOCENT_OP_CREATE;
    if (has_data) {
        op.data = text;
        op.size = (size_t)snprintf(text, sizeof text, "t %" PRIu64 " %u", call->serial, call->parts);
        call->parts++;
    }
    call->sets |= (unsigned)(op.type == DOCENT_OP_SET) << call->ops;
    call->creates |= (unsigned)(op.type == DOCENT_OP_CREATE) << call->ops;
    call->suspects |= (unsigned)((flags & SUSPECT) != 0) << call->ops;
    call->repeats = call->repeats || (flags & REPEATS) != 0;
    call->ops++;
    docent_txn_add(draft->txn, &op);
}

static docent_status draft_commit(struct draft *draft, docent_parents parents, const docent_call_options *options)
{
    struct call *call = draft->call;
    docent_txn_options full = {DOCENT_TXN_OPTIONS, .call = options, .parents = parents};
    call->parented = parents != DOCENT_PARENTS_NONE;
    call->timeout_ms = options->timeout_ms;
    docent_status status = draft->txn == NULL ? DOCENT_ERR_NO_MEMORY : docent_txn_commit_async(draft->txn, &full, txns_told, call);
    docent_txn_free(draft->txn);
    return status;
}

static docent_parents txns_parents(struct actor *actor)
{
    return txns_may(actor, 500) ? DOCENT_PARENTS_PERSISTENT : DOCENT_PARENTS_CONTAINER;
}

/* ---- A holder. ---- */

void txns_guarded(struct actor *actor, int64_t token)
{
    struct world *world = actor->world;
    docent_hold *hold = docent_lock_hold(actor->lock);
    if (hold == NULL) {
        return; /* No memory: actor.c looks at that. */
    }
    /* Also for a client that knows the nodes by other paths than the lock does. */
    bool outside = world->scenario->viewed && txns_may(actor, 300);
    struct draft draft = draft_new(actor, outside ? actor->client.core : actor_client(actor), outside ? world_root(world) : "");
    draft.call->token = token;
    draft.call->outside = outside;
    docent_call_options options = txns_options(actor);
    if (outside && world->scenario->compressed) {
        options.compression = DOCENT_COMPRESSION_ON;
    }
    char path[64];
    uint64_t how = txns_between(actor, 0, 2);
    bool by_call = txns_may(actor, 200), twice = txns_may(actor, 200);
    options.hold = by_call || twice ? hold : NULL;
    if (draft.txn != NULL) {
        if (!by_call || twice) {
            docent_txn_guard(draft.txn, hold);
        }
        draft_add(&draft, docent_op_check(TXNS_HOLDERS, DOCENT_ANY_VERSION), 0);
        if (how > 0) {
            snprintf(path, sizeof path, how == 1 ? "/t/g%" PRIu64 : "/t/d%" PRIu64 "/g", draft.call->serial);
            draft_add(&draft, docent_op_create(path, NULL, 0, DOCENT_PERSISTENT), SUSPECT | REPEATS);
        }
        draft_add(&draft, docent_op_set(TXNS_HOLDERS, NULL, 0, DOCENT_ANY_VERSION), 0);
    }
    draft.call->calm = false; /* It may come to be released meanwhile. */
    docent_status status = draft_commit(&draft, how == 2 ? txns_parents(actor) : DOCENT_PARENTS_NONE, &options);
    docent_hold_unref(hold);
    if (status != DOCENT_OK) {
        draft.call->refused = true;
        if (status != DOCENT_ERR_NO_MEMORY && status != DOCENT_ERR_NOT_HELD) {
            world_fail(world, "a guarded transaction is refused: %s", docent_status_name(status));
        }
    }
}

/* ---- A writer that reads. ---- */

static int64_t txns_next_zxid(const struct txns *txns, const struct version *version)
{
    for (const struct version *next = version + 1; next < txns->versions + txns->version_count; next++) {
        if (strcmp(next->path, version->path) == 0) {
            return next->zxid;
        }
    }
    return INT64_MAX;
}

/* @part is what a get of @path says. */
static void txns_check_data(struct call *call, const char *path, const docent_result *part)
{
    struct world *world = call->world;
    const struct txns *txns = world->txns;
    struct call *writer = NULL;
    if (part->status == DOCENT_ERR_NO_NODE) {
        return;
    }
    if (part->status != DOCENT_OK) {
        world_fail(world, "read %" PRIu64 " of %s: %s", call->serial, path, docent_status_name(part->status));
        return;
    }
    if (!txns_mark(world, part->data, part->size, false, &writer)) {
        world_fail(world, "read %" PRIu64 " of %s tells data that nobody wrote", call->serial, path);
        return;
    }
    for (size_t i = 0; i < txns->version_count; i++) {
        const struct version *version = &txns->versions[i];
        if (version->zxid == part->stat.mzxid && version->there && strcmp(version->path, path) == 0 && version->serial == writer->serial) {
            if (txns_next_zxid(txns, version) <= call->floor) {
                world_fail(world, "read %" PRIu64 " of %s goes back", call->serial, path);
            }
            return;
        }
    }
    world_fail(world, "read %" PRIu64 " of %s tells what never was there", call->serial, path);
}

static void txns_check_names(struct call *call, const docent_result *part)
{
    struct world *world = call->world;
    const struct txns *txns = world->txns;
    uint64_t print = 0;
    for (size_t i = 0; i < part->name_count; i++) {
        print ^= txns_print(part->names[i], strlen(part->names[i]));
    }
    for (size_t i = txns->listing_count; i > 0; i--) {
        bool over = i < txns->listing_count && txns->listings[i].zxid <= call->floor;
        if (over) {
            break;
        }
        if (txns->listings[i - 1].print == print) {
            return;
        }
    }
    if (print != 0 || (txns->listing_count > 0 && txns->listings[0].zxid <= call->floor)) {
        world_fail(world, "read %" PRIu64 " lists %zu children, which nobody had", call->serial, part->name_count);
    }
}

static void txns_batch_told(const docent_result *result, void *user)
{
    struct call *call = user;
    struct actor *actor = call->actor;
    struct world *world = call->world;
    world_call_told(call, result->status);
    if (call->calm && result->status != DOCENT_OK && result->status != DOCENT_ERR_CLOSING) {
        world_fail(world, "in the calm batch %" PRIu64 " ends with %s", call->serial, docent_status_name(result->status));
    }
    if (result->status == DOCENT_ERR_UNKNOWN_OUTCOME || (result->status != DOCENT_OK && result->result_count != 0)) {
        world_fail(world, "batch %" PRIu64 " ends with %s and %zu results", call->serial, docent_status_name(result->status),
                   result->result_count);
    }
    if (result->status == DOCENT_OK && result->result_count != call->ops) {
        world_fail(world, "batch %" PRIu64 " has %zu results", call->serial, result->result_count);
    } else if (result->status == DOCENT_OK) {
        txns_check_data(call, TXNS_COUNTER, &result->results[0]);
        txns_check_names(call, &result->results[1]);
        txns_check_data(call, TXNS_OTHER, &result->results[2]);
        if (result->results[3].status != DOCENT_ERR_NO_NODE) {
            world_fail(world, "batch %" PRIu64 " finds a node that is not there: %s", call->serial,
                       docent_status_name(result->results[3].status));
        }
        txns_saw(actor, result->zxid);
        bool there = result->results[0].status == DOCENT_OK;
        actor->version = there ? result->results[0].stat.version : -1;
        actor->seeded = there;
    }
    actor_call_over(actor);
}

static void txns_batch(struct actor *actor)
{
    struct call *call = world_call(actor->world, actor, CALL_NODE);
    docent_op reads[] = {docent_op_get(TXNS_COUNTER), docent_op_children("/t"), docent_op_get(TXNS_OTHER), docent_op_get("/t/n/n/v/t")};
    docent_call_options options = txns_options(actor);
    call->calm = world_calm(actor->world);
    call->ops = sizeof reads / sizeof *reads;
    call->floor = actor->seen_zxid;
    docent_status status = docent_batch_read_async(actor_client(actor), reads, call->ops, &options, txns_batch_told, call);
    actor_call_accepted(actor, call, status);
}

static void txns_looked(const docent_result *result, void *user)
{
    struct call *call = user;
    struct actor *actor = call->actor;
    world_call_told(call, result->status);
    bool watches = actor->watched != NULL && actor->watched->serial == call->serial + 1;
    if (watches) { /* If it is there, and what was read could not be told, nobody knows what it has to tell. */
        actor->watched->token = result->status == DOCENT_OK ? result->stat.mzxid : INT64_MAX;
    }
    if (result->status == DOCENT_OK) {
        txns_check_data(call, TXNS_COUNTER, result);
        txns_saw(actor, result->zxid);
        actor->version = result->stat.version;
    }
    actor_call_over(actor);
}

static void txns_watch_told(const docent_watch_event *event, void *user)
{
    struct call *call = user;
    if (strcmp(event->path, TXNS_COUNTER) != 0) {
        world_fail(call->world, "watch %" PRIu64 " is told of %s", call->serial, event->path);
    }
    actor_watch_told(event, user);
}

/* A read that leaves a watch, if there is none. */
static void txns_look(struct actor *actor)
{
    struct call *call = world_call(actor->world, actor, CALL_NODE);
    docent_call_options options = txns_options(actor);
    docent_op get = docent_op_get(TXNS_COUNTER);
    call->floor = actor->seen_zxid;
    bool watches = actor->watched == NULL;
    if (watches) {
        actor->watched = world_call(actor->world, actor, CALL_WATCH);
        options.watch = txns_watch_told;
        options.watch_user = actor->watched;
        options.ret_watch = &actor->watch;
    }
    docent_status status = docent_run_async(actor_client(actor), &get, &options, txns_looked, call);
    if (status != DOCENT_OK && watches) {
        actor->watched->refused = true;
        actor->watched = NULL;
    }
    actor_call_accepted(actor, call, status);
}

/* ---- A writer that writes. ---- */

static void txns_tree_told(const docent_result *result, void *user)
{
    struct call *call = user;
    world_call_told(call, result->status);
    actor_call_over(call->actor);
}

/* Takes away what others need as parents. */
static void txns_clear(struct actor *actor)
{
    struct call *call = world_call(actor->world, actor, CALL_NODE);
    docent_delete_node_options options = {DOCENT_DELETE_NODE_OPTIONS, .quietly = true, .recursive = true, .timeout_ms = txns_timeout(actor),
                                          .retry = txns_retry(actor)};
    docent_status status = docent_delete_node_async(actor_client(actor), txns_may(actor, 500) ? "/t/p0" : "/t/p1", DOCENT_ANY_VERSION,
                                                    &options, txns_tree_told, call);
    actor_call_accepted(actor, call, status);
}

static docent_parents txns_draft(struct actor *actor, struct draft *draft)
{
    bool calm = world_calm(actor->world);
    char path[64];
    uint64_t how = txns_between(actor, 0, 99), serial = draft->call->serial;
    docent_create_mode mode = txns_may(actor, 500) ? DOCENT_EPHEMERAL : DOCENT_PERSISTENT;
    if (!actor->seeded) {
        draft_add(draft, docent_op_create(TXNS_COUNTER, NULL, 0, DOCENT_PERSISTENT), SUSPECT | REPEATS);
        draft_add(draft, docent_op_create(TXNS_OTHER, NULL, 0, DOCENT_PERSISTENT), SUSPECT);
        draft->call->calm = false; /* Another may be faster. */
    } else if (how < 35 && !calm && actor->version >= 0) { /* The counter: sent again, it would find its own version. */
        draft_add(draft, docent_op_check(TXNS_OTHER, DOCENT_ANY_VERSION), 0);
        draft_add(draft, docent_op_set(TXNS_COUNTER, NULL, 0, actor->version), SUSPECT | REPEATS);
    } else if (how < 50) { /* Nothing in it would fail. */
        draft_add(draft, docent_op_set(TXNS_COUNTER, NULL, 0, DOCENT_ANY_VERSION), 0);
        draft_add(draft, docent_op_set(TXNS_OTHER, NULL, 0, DOCENT_ANY_VERSION), 0);
    } else if (how < 60) {
        draft_add(draft, docent_op_check(TXNS_COUNTER, DOCENT_ANY_VERSION), 0);
        draft_add(draft, docent_op_create("/t/q-", NULL, 0, DOCENT_PERSISTENT_SEQUENTIAL), 0);
    } else if (how < 75) {
        snprintf(path, sizeof path, "/t/e%" PRIu64, serial);
        draft_add(draft, docent_op_set(TXNS_OTHER, NULL, 0, DOCENT_ANY_VERSION), 0);
        draft_add(draft, docent_op_create(path, NULL, 0, mode), SUSPECT | REPEATS);
    } else { /* Two trees, each of which may be missing. */
        snprintf(path, sizeof path, "/t/p0/x/y%" PRIu64, serial);
        draft_add(draft, docent_op_create(path, NULL, 0, mode), SUSPECT | REPEATS);
        draft_add(draft, docent_op_set(TXNS_COUNTER, NULL, 0, DOCENT_ANY_VERSION), 0);
        draft_add(draft, docent_op_create("/t/p1/s-", NULL, 0, DOCENT_PERSISTENT_SEQUENTIAL), SUSPECT);
        return txns_parents(actor);
    }
    return DOCENT_PARENTS_NONE;
}

void txns_call(struct actor *actor)
{
    uint64_t how = txns_between(actor, 0, 99);
    bool calm = world_calm(actor->world);
    if (how < 20 || (!actor->seeded && actor->batches++ % 2 == 0)) {
        txns_batch(actor);
        return;
    }
    if (actor->seeded && how < 30 && !calm) {
        txns_look(actor);
        return;
    }
    if (actor->seeded && how < 45 && !calm) {
        txns_clear(actor);
        return;
    }
    struct draft draft = draft_new(actor, actor_client(actor), "");
    docent_parents parents = draft.txn == NULL ? DOCENT_PARENTS_NONE : txns_draft(actor, &draft);
    docent_call_options options = txns_options(actor);
    docent_status status = draft_commit(&draft, parents, &options);
    actor_call_accepted(actor, draft.call, status);
}
