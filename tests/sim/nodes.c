#include "tests/sim/nodes.h"

#include <docent/node.h>
#include <docent/view.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/packed.h"

enum { UPDATE_WRITERS = 4, INCARNATIONS = 16 };

struct record { /* A node, as the log has it. */
    char *path; /* As the calls know it. */
    int64_t czxid;
    int64_t owner;
    uint64_t serial; /* Of the call that made it. */
    bool alive;
};

struct aim { /* A guaranteed delete. */
    struct call *call;
    char *path;
    int64_t czxid; /* 0: not known to us yet. */
    bool listed;   /* It was seen, or named: it will come true. */
};

struct nodes {
    struct record *records;
    size_t record_count, record_capacity;
    struct aim *aims;
    size_t aim_count, aim_capacity;
    unsigned count; /* UPDATE: the counter, as logged last. */
    unsigned incarnation;
};

struct nodes *nodes_new(void)
{
    struct nodes *nodes = calloc(1, sizeof *nodes);
    if (nodes == NULL) {
        abort();
    }
    return nodes;
}

void nodes_free(struct nodes *nodes)
{
    if (nodes == NULL) {
        return;
    }
    for (size_t i = 0; i < nodes->record_count; i++) {
        free(nodes->records[i].path);
    }
    for (size_t i = 0; i < nodes->aim_count; i++) {
        free(nodes->aims[i].path);
    }
    free(nodes->records);
    free(nodes->aims);
    free(nodes);
}

static struct record *nodes_alive(struct nodes *nodes, const char *path)
{
    for (size_t i = nodes->record_count; i > 0; i--) {
        struct record *record = &nodes->records[i - 1];
        if (record->alive && strcmp(record->path, path) == 0) {
            return record;
        }
    }
    return NULL;
}

static struct record *nodes_made_by(struct nodes *nodes, int64_t czxid)
{
    for (size_t i = nodes->record_count; i > 0; i--) {
        if (nodes->records[i - 1].czxid == czxid) {
            return &nodes->records[i - 1];
        }
    }
    return NULL;
}

/* ---- The log. ---- */

static uint64_t nodes_serial(struct world *world, const struct commit *commit)
{
    char text[PACKED_TEXT_SIZE];
    uint64_t serial;
    if (!packed_text(commit->data, commit->size, world->scenario->compressed, text)) {
        world_fail(world, "%s is written with data that nobody can read", commit->path);
    }
    return sscanf(text, "n %" SCNu64, &serial) == 1 ? serial : UINT64_MAX;
}

static void nodes_created(struct world *world, const struct commit *commit, const char *path, uint64_t serial)
{
    struct nodes *nodes = world->nodes;
    for (size_t i = 0; i < nodes->record_count; i++) {
        const struct record *other = &nodes->records[i];
        if (world->scenario->play == PLAY_PROTECTED && serial != UINT64_MAX && other->alive && other->serial == serial &&
            other->owner == commit->owner) {
            world_fail(world, "call %" PRIu64 " has two nodes: %s and %s", serial, other->path, path);
        }
    }
    nodes->records = sim_grow(nodes->records, nodes->record_count, &nodes->record_capacity, sizeof *nodes->records);
    nodes->records[nodes->record_count++] =
        (struct record){.path = strdup(path), .czxid = commit->zxid, .owner = commit->owner, .serial = serial, .alive = true};
}

/* Was it the node that somebody meant? */
static void nodes_deleted(struct world *world, const struct commit *commit, const char *path)
{
    struct nodes *nodes = world->nodes;
    struct record *record = nodes_alive(nodes, path);
    if (record == NULL) {
        world_fail(world, "the log deletes %s, which it did not create", path);
        return;
    }
    record->alive = false;
    if (world->scenario->play != PLAY_GUARANTEED || (record->owner != 0 && record->owner == commit->session)) {
        return;
    }
    for (size_t i = nodes->aim_count; i > 0; i--) {
        const struct aim *aim = &nodes->aims[i - 1];
        bool open = aim->czxid == 0 && aim->call->told == 0;
        if (strcmp(aim->path, path) == 0 && (aim->czxid == record->czxid || open)) {
            return;
        }
    }
    world_fail(world, "%s of %#" PRIx64 " is deleted, which nobody meant", path, (uint64_t)record->czxid);
}

static void nodes_counted(struct world *world, const struct commit *commit)
{
    char text[PACKED_TEXT_SIZE];
    unsigned count;
    packed_text(commit->data, commit->size, world->scenario->compressed, text);
    if (sscanf(text, "n %*u %u", &count) != 1 || count != world->nodes->count + 1) {
        world_fail(world, "the counter goes from %u to \"%s\"", world->nodes->count, text);
    }
    world->nodes->count = count;
}

static bool nodes_says_nothing(docent_status status)
{
    return status == DOCENT_ERR_UNKNOWN_OUTCOME || status == DOCENT_ERR_CLOSING || status == DOCENT_ERR_NO_MEMORY;
}

bool nodes_committed(struct world *world, const struct commit *commit)
{
    const char *root = world_root(world);
    size_t size = strlen(root);
    if (strncmp(commit->path, root, size) != 0 || commit->path[size] != '/') {
        return strncmp(root, commit->path, strlen(commit->path)) == 0; /* The root itself, and what is above. */
    }
    const char *path = commit->path + size;
    uint64_t serial = commit->type == COMMIT_DELETE ? UINT64_MAX : nodes_serial(world, commit);
    if (serial != UINT64_MAX) {
        if (serial >= world->call_count) {
            world_fail(world, "the log has a write nobody made: %s", commit->path);
            return true;
        }
        struct call *call = world->calls[serial];
        call->applied++;
        /* A protected create that gave up may be applied late; that it is removed is looked at in the end. */
        if (call->told > 0 && !nodes_says_nothing(call->status) && world->scenario->play != PLAY_PROTECTED) {
            world_fail(world, "call %" PRIu64 " was told %s, and is applied afterwards", serial, docent_status_name(call->status));
        }
        if (call->applied > 1 && world->scenario->play == PLAY_UPDATE) {
            world_fail(world, "update %" PRIu64 " is applied twice", serial);
        }
        if (world->scenario->play == PLAY_UPDATE) {
            nodes_counted(world, commit);
        }
    }
    if (commit->type == COMMIT_CREATE) {
        nodes_created(world, commit, path, serial);
    } else if (commit->type == COMMIT_DELETE) {
        nodes_deleted(world, commit, path);
    }
    return true;
}

/* ---- Calls. ---- */

static uint64_t nodes_between(struct actor *actor, uint64_t low, uint64_t high)
{
    return chance_between(&actor->world->random, low, high);
}

static bool nodes_may(struct actor *actor, unsigned per_mille)
{
    return chance_per_mille(&actor->world->random, per_mille);
}

static uint32_t nodes_timeout(struct actor *actor)
{
    if (world_calm(actor->world)) {
        return DOCENT_FOREVER;
    }
    return (uint32_t)(nodes_may(actor, 250) ? nodes_between(actor, 1, 100) : nodes_between(actor, 100, 5 * actor->world->session_ms));
}

static docent_offline_policy nodes_offline(struct actor *actor)
{
    return world_calm(actor->world) ? DOCENT_OFFLINE_QUEUE : (docent_offline_policy)nodes_between(actor, 0, DOCENT_OFFLINE_SESSION);
}

static const docent_retry *nodes_retry(struct actor *actor)
{
    static const docent_retry patient = {DOCENT_RETRY, .base_ms = 50, .max_ms = 500, .tries_max = DOCENT_FOREVER};
    static const docent_retry once = {DOCENT_RETRY, .tries_max = 1};
    return world_calm(actor->world) ? &patient : nodes_may(actor, 300) ? &once : NULL;
}

static int nodes_text(const struct call *call, char text[128])
{
    return snprintf(text, 128, "n %" PRIu64, call->serial);
}

/* What every outcome must fit. @wrote: the call writes data with its serial, and does nothing behind the application's back. */
static void nodes_told(struct call *call, docent_status status, bool wrote)
{
    struct world *world = call->world;
    world_call_told(call, status);
    if (wrote && status == DOCENT_OK && call->applied == 0) {
        world_fail(world, "call %" PRIu64 " was told OK, and was not applied", call->serial);
    } else if (wrote && status != DOCENT_OK && !nodes_says_nothing(status) && call->applied != 0) {
        world_fail(world, "call %" PRIu64 " was told %s, and was applied", call->serial, docent_status_name(status));
    }
    if (call->token == 1 && status != DOCENT_OK && status != DOCENT_ERR_CLOSING) { /* Begun in the calm. */
        world_fail(world, "in the calm call %" PRIu64 " ends with %s", call->serial, docent_status_name(status));
    }
}

static struct call *nodes_new_call(struct actor *actor)
{
    struct call *call = world_call(actor->world, actor, CALL_NODE);
    call->token = world_calm(actor->world);
    return call;
}

static void nodes_forget(struct actor *actor)
{
    free(actor->node);
    actor->node = NULL;
}

/* ---- Deletes for certain. ---- */

static struct aim *nodes_aim(struct actor *actor, struct call *call, const char *path, int64_t czxid)
{
    struct nodes *nodes = actor->world->nodes;
    nodes->aims = sim_grow(nodes->aims, nodes->aim_count, &nodes->aim_capacity, sizeof *nodes->aims);
    struct aim *aim = &nodes->aims[nodes->aim_count++];
    *aim = (struct aim){.call = call, .path = strdup(path), .czxid = czxid, .listed = czxid != 0};
    return aim;
}

static void nodes_deleted_told(const docent_result *result, void *user)
{
    struct call *call = user;
    struct nodes *nodes = call->world->nodes;
    nodes_told(call, result->status, false);
    for (size_t i = 0; i < nodes->aim_count; i++) {
        struct aim *aim = &nodes->aims[i];
        if (aim->call == call && aim->czxid == 0 && result->has_stat) {
            aim->czxid = result->stat.czxid;
            aim->listed = true;
        }
    }
    actor_call_over(call->actor);
}

/* @czxid 0: whatever is there. */
static void nodes_delete(struct actor *actor, const char *path, int64_t czxid)
{
    struct call *call = nodes_new_call(actor);
    docent_delete_node_options options = {
        DOCENT_DELETE_NODE_OPTIONS, .quietly = true, .guaranteed = true, .czxid = czxid, .timeout_ms = nodes_timeout(actor),
        .retry = nodes_retry(actor), .offline = nodes_offline(actor),
    };
    nodes_aim(actor, call, path, czxid);
    docent_status status = docent_delete_node_async(actor_client(actor), path, DOCENT_ANY_VERSION, &options, nodes_deleted_told, call);
    if (status != DOCENT_OK) {
        actor->world->nodes->aims[actor->world->nodes->aim_count - 1].listed = false;
    }
    actor_call_accepted(actor, call, status);
}

/* ---- Protected creates. ---- */

static void nodes_created_told(const docent_result *result, void *user)
{
    struct call *call = user;
    struct actor *actor = call->actor;
    struct world *world = call->world;
    nodes_told(call, result->status, false);
    if (result->status == DOCENT_OK) {
        const struct record *record = NULL;
        for (size_t i = 0; i < world->nodes->record_count; i++) {
            if (strcmp(world->nodes->records[i].path, result->path) == 0) {
                record = &world->nodes->records[i];
            }
        }
        if (record == NULL || record->serial != call->serial) {
            world_fail(world, "call %" PRIu64 " is told of %s, which it did not make", call->serial, result->path);
            return;
        }
        if (result->has_stat && result->stat.czxid != record->czxid) {
            world_fail(world, "call %" PRIu64 " is told of another %s", call->serial, result->path);
        }
        int64_t session = docent_client_session(actor->client.core, NULL);
        if (record->owner != 0 && session != 0 && record->owner != session) {
            world_fail(world, "call %" PRIu64 " is told of %s, of a session that is over", call->serial, result->path);
        }
        nodes_forget(actor);
        actor->node = strdup(result->path);
        actor->node_czxid = record->czxid;
    }
    actor_call_over(actor);
}

static void nodes_protected(struct actor *actor)
{
    if (actor->node != NULL) {
        char *path = actor->node;
        actor->node = NULL;
        nodes_delete(actor, path, actor->node_czxid);
        if (actor->state == ACTOR_CALLING) {
            free(path);
        } else {
            actor->node = path; /* Not accepted. */
        }
        return;
    }
    char text[128];
    struct call *call = nodes_new_call(actor);
    docent_create_node_options options = {
        DOCENT_CREATE_NODE_OPTIONS, .protect = true, .parents = nodes_may(actor, 500) ? DOCENT_PARENTS_PERSISTENT : DOCENT_PARENTS_CONTAINER,
        .timeout_ms = nodes_timeout(actor), .retry = nodes_retry(actor), .offline = nodes_offline(actor),
    };
    size_t size = (size_t)nodes_text(call, text);
    docent_create_mode mode = (docent_create_mode)nodes_between(actor, DOCENT_PERSISTENT, DOCENT_EPHEMERAL_SEQUENTIAL);
    docent_status status = docent_create_node_async(actor_client(actor), "/p/m-", text, size, mode, &options, nodes_created_told, call);
    actor_call_accepted(actor, call, status);
}

/* ---- Creates with parents, and whole trees deleted. ---- */

static void nodes_written_told(const docent_result *result, void *user)
{
    struct call *call = user;
    nodes_told(call, result->status, true);
    actor_call_over(call->actor);
}

static void nodes_tree_told(const docent_result *result, void *user)
{
    struct call *call = user;
    nodes_told(call, result->status, false);
    actor_call_over(call->actor);
}

static void nodes_parents(struct actor *actor)
{
    struct call *call = nodes_new_call(actor);
    docent_status status;
    if (actor->index % 2 == 1) {
        docent_delete_node_options options = {
            DOCENT_DELETE_NODE_OPTIONS, .quietly = true, .recursive = true, .timeout_ms = nodes_timeout(actor),
            .retry = nodes_retry(actor), .offline = nodes_offline(actor),
        };
        status = docent_delete_node_async(actor_client(actor), "/a", DOCENT_ANY_VERSION, &options, nodes_tree_told, call);
    } else {
        char text[128], path[64];
        bool twice = nodes_may(actor, 400); /* On a path that others make, too. */
        bool same = nodes_may(actor, 300) || world_calm(actor->world);
        docent_create_node_options options = {
            DOCENT_CREATE_NODE_OPTIONS, .parents = nodes_may(actor, 500) ? DOCENT_PARENTS_PERSISTENT : DOCENT_PARENTS_CONTAINER,
            .if_exists = twice ? DOCENT_IF_EXISTS_SET : same ? DOCENT_IF_EXISTS_SAME : DOCENT_IF_EXISTS_FAIL,
            .timeout_ms = nodes_timeout(actor), .retry = nodes_retry(actor), .offline = nodes_offline(actor),
        };
        if (twice) {
            snprintf(path, sizeof path, "/a/b/c");
        } else {
            snprintf(path, sizeof path, "/a/b/x%" PRIu64, call->serial);
        }
        size_t size = (size_t)nodes_text(call, text);
        docent_create_mode mode = nodes_may(actor, 300) ? DOCENT_EPHEMERAL : DOCENT_PERSISTENT;
        status = docent_create_node_async(actor_client(actor), path, text, size, mode, &options, nodes_written_told, call);
    }
    actor_call_accepted(actor, call, status);
}

/* ---- One path, deleted for certain and made anew. ---- */

static void nodes_looked(const docent_result *result, void *user)
{
    struct call *call = user;
    struct actor *actor = call->actor;
    world_call_told(call, result->status);
    nodes_forget(actor);
    if (result->status == DOCENT_OK) {
        actor->node = strdup("/c");
        actor->node_czxid = result->stat.czxid;
    } else if (result->status == DOCENT_ERR_NO_NODE) {
        actor->node = strdup("");
    }
    actor_call_over(actor);
}

/* A node that no earlier one on this path can be taken for by those who compare versions. */
static void nodes_incarnate(struct actor *actor)
{
    struct call *call = nodes_new_call(actor);
    call->token = 0; /* Others may be faster, in the calm, too. */
    char text[128];
    size_t size = (size_t)nodes_text(call, text);
    docent_op ops[1 + INCARNATIONS] = {docent_op_create("/c", text, size, DOCENT_PERSISTENT)};
    size_t count = 1 + actor->world->nodes->incarnation++ % INCARNATIONS;
    for (size_t i = 1; i < count; i++) {
        ops[i] = docent_op_set("/c", text, size, DOCENT_ANY_VERSION);
    }
    docent_op multi = docent_op_multi(ops, count);
    docent_retry once = {DOCENT_RETRY, .tries_max = 1}; /* Sent again, it might make another such node when the first is deleted. */
    docent_call_options options = {DOCENT_CALL_OPTIONS, .retry = &once};
    actor_call_accepted(actor, call, docent_run_async(actor_client(actor), &multi, &options, nodes_tree_told, call));
}

static void nodes_guaranteed(struct actor *actor)
{
    if (actor->node == NULL) {
        struct call *call = nodes_new_call(actor);
        docent_op exists = docent_op_exists("/c");
        actor_call_accepted(actor, call, docent_run_async(actor_client(actor), &exists, NULL, nodes_looked, call));
        return;
    }
    bool missing = actor->node[0] == '\0';
    nodes_forget(actor);
    if (missing) {
        nodes_incarnate(actor);
    } else {
        nodes_delete(actor, "/c", nodes_may(actor, 700) ? actor->node_czxid : 0);
    }
}

/* ---- A counter. ---- */

struct counter {
    uint64_t serial;
    unsigned count;
    uint64_t last[UPDATE_WRITERS]; /* Of each writer: its last call's serial and one; 0: none. */
};

static struct counter counter_read(const docent_result *current)
{
    struct counter counter = {0};
    char text[128] = "";
    if (current->size > 0 && current->size < sizeof text) {
        memcpy(text, current->data, current->size);
        sscanf(text, "n %" SCNu64 " %u %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64, &counter.serial, &counter.count, &counter.last[0],
               &counter.last[1], &counter.last[2], &counter.last[3]);
    }
    return counter;
}

static docent_status nodes_count(const docent_result *current, const void **ret_data, size_t *ret_size, void *user)
{
    static char text[128]; /* Until it returns to here. */
    struct call *call = user;
    struct counter counter = counter_read(current);
    counter.last[call->actor->index % UPDATE_WRITERS] = call->serial + 1;
    *ret_size = (size_t)snprintf(text, sizeof text, "n %" PRIu64 " %u %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64, call->serial,
                                 counter.count + 1, counter.last[0], counter.last[1], counter.last[2], counter.last[3]);
    *ret_data = text;
    return DOCENT_OK;
}

static docent_recognised nodes_recognise(const docent_result *current, const void *data, size_t size, int32_t version, void *user)
{
    (void)data;
    (void)size;
    (void)version;
    struct call *call = user;
    struct counter counter = counter_read(current);
    return counter.last[call->actor->index % UPDATE_WRITERS] == call->serial + 1 ? DOCENT_WRITE_THERE : DOCENT_WRITE_ABSENT;
}

static void nodes_update(struct actor *actor)
{
    struct call *call = nodes_new_call(actor);
    bool knows = world_calm(actor->world) || nodes_may(actor, 700);
    docent_update_options options = {
        DOCENT_UPDATE_OPTIONS, .create = true, .recognise = knows ? nodes_recognise : NULL, .timeout_ms = nodes_timeout(actor),
        .retry = nodes_retry(actor), .offline = nodes_offline(actor),
    };
    actor_call_accepted(actor, call, docent_update_async(actor_client(actor), "/k", nodes_count, &options, nodes_written_told, call));
}

/* ---- The actor. ---- */

static void nodes_prepared(const docent_result *result, void *user)
{
    struct call *call = user;
    struct actor *actor = call->actor;
    docent_client *outer = NULL;
    world_call_told(call, result->status);
    bool good = result->status == DOCENT_OK;
    if (good && actor->world->scenario->viewed && actor->view == NULL) {
        docent_view_options options = {
            DOCENT_VIEW_OPTIONS, .compression = actor->world->scenario->compressed ? DOCENT_COMPRESSION_ON : DOCENT_COMPRESSION_DEFAULT,
        };
        good = docent_client_view(actor->client.core, "/n", &options, &outer) == DOCENT_OK &&
            docent_client_view(outer, "/v", NULL, &actor->view) == DOCENT_OK; /* It inherits. */
        docent_view_release(outer); /* The inner one does not need it. */
    }
    actor_call_over(actor);
    actor->prepared = good;
}

void nodes_prepare(struct actor *actor)
{
    struct call *call = world_call(actor->world, actor, CALL_NODE);
    const struct scenario *scenario = actor->world->scenario;
    const char *path = scenario->play == PLAY_TXNS ? (scenario->viewed ? "/n/v/t" : "/t") : scenario->viewed ? "/n/v"
        : scenario->play == PLAY_COUNTER ? "/k" : "/";
    docent_status status = docent_ensure_path_async(actor->client.core, path, DOCENT_PARENTS_PERSISTENT, docent_acl_open(), nodes_prepared, call);
    actor_call_accepted(actor, call, status);
}

void nodes_call(struct actor *actor)
{
    switch (actor->world->scenario->play) {
    case PLAY_PROTECTED:
        nodes_protected(actor);
        break;
    case PLAY_PARENTS:
        nodes_parents(actor);
        break;
    case PLAY_GUARANTEED:
        nodes_guaranteed(actor);
        break;
    case PLAY_UPDATE:
        nodes_update(actor);
        break;
    case PLAY_CALLS:
    case PLAY_TXNS:
    case PLAY_COUNTER:
    case PLAY_CACHES:
    case PLAY_GATES:
    case PLAY_WORK:
    case PLAY_LATCHES:
    case PLAY_SELECTORS:
    case PLAY_RWLOCKS:
    case PLAY_MULTI_LOCKS:
    case PLAY_LESSEES:
    case PLAY_MATES:
    case PLAY_QUEUE:
    case PLAY_CLAIMS:
    case PLAY_MEMBERS:
    case PLAY_BARRIER:
    case PLAY_GATHER:
    case PLAY_COUNTDOWN:
        abort();
    }
}

void nodes_leave(struct actor *actor)
{
    struct nodes *nodes = actor->world->nodes;
    if (nodes == NULL) {
        return;
    }
    nodes_forget(actor);
    for (size_t i = 0; i < nodes->aim_count; i++) {
        if (nodes->aims[i].call->actor == actor) {
            nodes->aims[i].listed = false;
        }
    }
}

/* Of a session that its client has given up; it goes with that. */
static bool nodes_is_going(const struct world *world, const struct record *record)
{
    for (size_t i = 0; i < world->actor_count; i++) {
        const struct actor *actor = world->actors[i];
        if (actor->client.core != NULL && docent_client_session(actor->client.core, NULL) == record->owner) {
            return false;
        }
    }
    return record->alive && record->owner != 0;
}

bool nodes_quiet(struct world *world)
{
    for (size_t i = 0; i < world->nodes->record_count; i++) {
        if (nodes_is_going(world, &world->nodes->records[i])) {
            return false;
        }
    }
    for (size_t i = 0; i < world->actor_count; i++) {
        const struct actor *actor = world->actors[i];
        if (actor->client.core != NULL && docent_pending_deletes(actor->client.core) > 0) {
            return false;
        }
    }
    return true;
}

/* Its maker was told of it, or is gone and cannot remove it. */
static bool nodes_is_known(const struct world *world, const struct record *record)
{
    const struct call *call = world->calls[record->serial];
    if (call->handle != call->actor->handles) {
        return true;
    }
    for (size_t i = 0; i < world->actor_count; i++) {
        if (world->actors[i]->node != NULL && world->actors[i]->node_czxid == record->czxid) {
            return true;
        }
    }
    return false;
}

void nodes_check(struct world *world)
{
    struct nodes *nodes = world->nodes;
    for (size_t i = 0; nodes != NULL && i < nodes->record_count; i++) {
        const struct record *record = &nodes->records[i];
        bool protects = world->scenario->play == PLAY_PROTECTED && record->serial != UINT64_MAX;
        if (protects && record->alive && !nodes_is_known(world, record)) {
            world_fail(world, "%s is left behind by call %" PRIu64, record->path, record->serial);
        }
    }
    for (size_t i = 0; nodes != NULL && i < nodes->aim_count; i++) {
        const struct aim *aim = &nodes->aims[i];
        const struct record *record = aim->czxid == 0 ? NULL : nodes_made_by(nodes, aim->czxid);
        if (aim->listed && record != NULL && record->alive) {
            world_fail(world, "%s was to be deleted by call %" PRIu64 ", and stands", aim->path, aim->call->serial);
        }
    }
}
