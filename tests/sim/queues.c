#include "tests/sim/queues.h"

#include <docent/claim_queue.h>
#include <docent/node.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/memory.h"

enum { NAME_SIZE = 48, TAKER_NONE = -1 };

struct sim_node { /* Of an item, in the log. */
    char name[NAME_SIZE];
    uint64_t serial;      /* Of its put. */
    int64_t czxid;
    bool alive;
    int64_t gone_zxid, gone_session;
    int taker;            /* Whose session deleted it; NONE: of nobody who is there. */
    unsigned taker_handles;
    unsigned handed, perhaps;
    bool died;            /* Its taker, before it could be handed anything. */
    bool acknowledged;    /* To be, or in doubt. */
};

struct sim_claim {
    char name[NAME_SIZE];
    int64_t owner;
};

struct consumer { /* And producer: of an actor. */
    docent_queue *queue;
    docent_claim_queue *claims;
    docent_item *item;
    struct actor *actor;
    struct alarm alarm;   /* The item is worked on until then. */
    struct call *call;    /* Of the item that is being ended. */
    bool takes;           /* Of the calm: it has put. */
};

struct queues {
    struct sim_node *nodes;
    size_t count, capacity;
    struct sim_claim *claims;
    size_t claim_count, claim_capacity;
    struct consumer consumers[WORLD_ACTORS_MAX];
};

struct queues *queues_new(void)
{
    struct queues *queues = calloc(1, sizeof *queues);
    if (queues == NULL) {
        abort();
    }
    return queues;
}

void queues_free(struct queues *queues)
{
    if (queues != NULL) {
        free(queues->nodes);
        free(queues->claims);
        free(queues);
    }
}

static struct consumer *consumer_of(const struct actor *actor)
{
    struct consumer *consumer = &actor->world->queues->consumers[actor->index];
    consumer->actor = (struct actor *)(uintptr_t)actor;
    return consumer;
}

static bool plays_claims(const struct world *world)
{
    return world->scenario->play == PLAY_CLAIMS;
}

static const char *items_path(const struct world *world)
{
    return plays_claims(world) && world->scenario->kazoo ? "/q/entries/" : "/q/";
}

static const char *claims_path(const struct world *world)
{
    return world->scenario->kazoo ? "/q/taken/" : "/q-claims/";
}

/* ---- The log. ---- */

static struct sim_node *node_named(struct world *world, const char *name)
{
    struct queues *queues = world->queues;
    for (size_t i = queues->count; i > 0; i--) {
        if (strcmp(queues->nodes[i - 1].name, name) == 0) {
            return &queues->nodes[i - 1];
        }
    }
    return NULL;
}

static struct sim_node *node_made_by(struct world *world, int64_t czxid)
{
    for (size_t i = 0; i < world->queues->count; i++) {
        if (world->queues->nodes[i].czxid == czxid) {
            return &world->queues->nodes[i];
        }
    }
    return NULL;
}

static struct sim_claim *claim_named(struct world *world, const char *name)
{
    struct queues *queues = world->queues;
    for (size_t i = 0; i < queues->claim_count; i++) {
        if (strcmp(queues->claims[i].name, name) == 0) {
            return &queues->claims[i];
        }
    }
    return NULL;
}

static const char *name_below(const char *path, const char *directory)
{
    size_t size = strlen(directory);
    return strncmp(path, directory, size) == 0 && strchr(path + size, '/') == NULL ? path + size : NULL;
}

static void item_made(struct world *world, const struct commit *commit, const char *name)
{
    struct queues *queues = world->queues;
    char text[32] = "";
    uint64_t serial;
    if (commit->size == 0 || commit->size >= sizeof text) {
        return; /* A directory. */
    }
    memcpy(text, commit->data, commit->size);
    if (sscanf(text, "i %" SCNu64, &serial) != 1 || serial >= world->call_count) {
        return;
    }
    struct call *put = world->calls[serial];
    bool again = false;
    for (size_t i = 0; i < queues->count; i++) {
        const struct sim_node *other = &queues->nodes[i];
        if (other->serial != serial) {
            continue;
        }
        again = true;
        if (other->alive) {
            world_fail(world, "item %" PRIu64 " is there twice", serial);
        }
    }
    put->applied += !again;
    if (again) {
        bool moved = false; /* By one transaction. */
        for (size_t i = 0; i < queues->count; i++) {
            moved = moved || (queues->nodes[i].serial == serial && queues->nodes[i].gone_zxid == commit->zxid);
        }
        if (!moved) {
            world_fail(world, "item %" PRIu64 " was put once, and is made again", serial);
        }
    } else if (put->told > 0 && !world_says_nothing(put->status)) {
        world_fail(world, "put %" PRIu64 " was told %s, and is applied afterwards", serial, docent_status_name(put->status));
    }
    queues->nodes = sim_grow(queues->nodes, queues->count, &queues->capacity, sizeof *queues->nodes);
    struct sim_node *node = &queues->nodes[queues->count++];
    *node = (struct sim_node){.serial = serial, .czxid = commit->zxid, .alive = true, .taker = TAKER_NONE};
    snprintf(node->name, sizeof node->name, "%s", name);
}

static void item_gone(struct world *world, const struct commit *commit, const char *name)
{
    struct queues *queues = world->queues;
    struct sim_node *node = node_named(world, name);
    if (node == NULL || !node->alive) {
        return;
    }
    node->alive = false;
    node->gone_zxid = commit->zxid;
    node->gone_session = commit->session;
    for (size_t i = 0; i < world->actor_count; i++) {
        const struct actor *actor = world->actors[i];
        if (actor->client.core != NULL && docent_client_session(actor->client.core, NULL) == commit->session) {
            node->taker = (int)i;
            node->taker_handles = actor->handles;
        }
    }
    if (plays_claims(world)) {
        const struct sim_claim *claim = claim_named(world, name);
        const struct consumer *consumer = node->taker == TAKER_NONE ? NULL : &queues->consumers[node->taker];
        if (claim == NULL || claim->owner != commit->session) {
            world_fail(world, "item %s leaves, and its claim is %s", name, claim == NULL ? "not there" : "another session's");
        }
        if (consumer != NULL && consumer->call != NULL) {
            consumer->call->applied++;
        }
        node->acknowledged = true;
        return;
    }
    for (size_t i = 0; i < queues->count && world->scenario->one_consumer; i++) {
        if (queues->nodes[i].alive && strcmp(queues->nodes[i].name, name) < 0) {
            world_fail(world, "item %s leaves before %s", name, queues->nodes[i].name);
        }
    }
}

bool queues_committed(struct world *world, const struct commit *commit)
{
    struct queues *queues = world->queues;
    const char *claim = name_below(commit->path, claims_path(world)), *item = name_below(commit->path, items_path(world));
    if (plays_claims(world) && claim != NULL) {
        if (commit->type == COMMIT_CREATE) {
            queues->claims = sim_grow(queues->claims, queues->claim_count, &queues->claim_capacity, sizeof *queues->claims);
            struct sim_claim *made = &queues->claims[queues->claim_count++];
            *made = (struct sim_claim){.owner = commit->owner};
            snprintf(made->name, sizeof made->name, "%s", claim);
        } else if (commit->type == COMMIT_DELETE && claim_named(world, claim) != NULL) {
            *claim_named(world, claim) = queues->claims[queues->claim_count - 1];
            queues->claim_count--;
        }
        return true;
    }
    if (item != NULL && commit->type == COMMIT_CREATE) {
        item_made(world, commit, item);
    } else if (item != NULL && commit->type == COMMIT_DELETE) {
        item_gone(world, commit, item);
    }
    return strncmp(commit->path, "/q", 2) == 0;
}

/* ---- Putting. ---- */

static void consumer_open(struct consumer *consumer)
{
    const struct world *world = consumer->actor->world;
    docent_client *client = consumer->actor->client.core;
    docent_dialect dialect = world->scenario->kazoo ? DOCENT_DIALECT_KAZOO : DOCENT_DIALECT_CURATOR;
    if (plays_claims(world) && consumer->claims == NULL) {
        docent_claim_queue_options options = {DOCENT_CLAIM_QUEUE_OPTIONS, .dialect = dialect};
        (void)!docent_claim_queue_new(client, "/q", &options, &consumer->claims);
    } else if (!plays_claims(world) && consumer->queue == NULL) {
        docent_queue_options options = {DOCENT_QUEUE_OPTIONS, .dialect = dialect};
        (void)!docent_queue_new(client, "/q", &options, &consumer->queue);
    }
}

static void consumer_take(struct consumer *consumer);

/* The round is over; sometimes, and always in the calm, the queue is let go of. */
static void queue_closed(void *user)
{
    struct call *call = user;
    world_call_told(call, DOCENT_OK);
    actor_call_over(call->actor);
}

static void consumer_over(struct consumer *consumer)
{
    struct world *world = consumer->actor->world;
    struct call *call;
    if (!world_calm(world) && !chance_per_mille(&world->random, 250)) {
        actor_call_over(consumer->actor);
        return;
    }
    call = world_call(world, consumer->actor, CALL_NODE);
    docent_queue *queue = consumer->queue;
    docent_claim_queue *claims = consumer->claims;
    consumer->queue = NULL;
    consumer->claims = NULL;
    if (claims != NULL) {
        docent_claim_queue_close(claims, queue_closed, call);
    } else {
        docent_queue_close(queue, queue_closed, call);
    }
}

static void put_told(const docent_result *result, void *user)
{
    struct call *call = user;
    struct world *world = call->world;
    struct consumer *consumer = consumer_of(call->actor);
    world_call_told(call, result->status);
    if (result->status == DOCENT_OK && call->applied != 1) {
        world_fail(world, "put %" PRIu64 " was told OK, and was applied %u times", call->serial, call->applied);
    } else if (result->status != DOCENT_OK && !world_says_nothing(result->status) && call->applied != 0) {
        world_fail(world, "put %" PRIu64 " was told %s, and was applied", call->serial, docent_status_name(result->status));
    }
    if (call->actor->state != ACTOR_CALLING || consumer->actor->client.core == NULL) {
        return;
    }
    if (world_calm(world) && result->status != DOCENT_OK) { /* Of the storm: once more. */
        queues_call(call->actor);
    } else if (world_calm(world) && (!world->scenario->one_consumer || call->actor->index == 0)) {
        consumer->takes = true;
        consumer_take(consumer);
    } else {
        consumer_over(consumer);
    }
}

/* A handle that had no memory for its timers is dead from the start: another, next time. */
static void consumer_again(struct alarm *alarm)
{
    struct consumer *consumer = (struct consumer *)(void *)((char *)alarm - offsetof(struct consumer, alarm));
    if (consumer->actor->state == ACTOR_CALLING) {
        queues_call(consumer->actor);
    }
}

static void consumer_asked(struct consumer *consumer, struct call *call, docent_status status)
{
    struct world *world = consumer->actor->world;
    if (status == DOCENT_ERR_NO_MEMORY) {
        queues_left(consumer->actor);
    }
    if (status == DOCENT_ERR_NO_MEMORY && consumer->actor->state == ACTOR_CALLING) { /* The second of two calls. */
        call->refused = true;
        consumer->alarm.ring = consumer_again;
        clock_set(&world->clock, &consumer->alarm, world->clock.now_us + 10 * SIM_MS);
        return;
    }
    actor_call_accepted(consumer->actor, call, status);
}

static void consumer_put(struct consumer *consumer)
{
    struct actor *actor = consumer->actor;
    struct call *call = world_call(actor->world, actor, CALL_NODE);
    char text[32];
    size_t size = (size_t)snprintf(text, sizeof text, "i %" PRIu64, call->serial);
    docent_status status;
    if (!plays_claims(actor->world)) {
        status = docent_queue_put_async(consumer->queue, text, size, put_told, call);
    } else if (actor->world->scenario->kazoo) {
        status = docent_claim_queue_put_async(consumer->claims, text, size, put_told, call);
    } else { /* Curator's producers. */
        docent_create_node_options options = {DOCENT_CREATE_NODE_OPTIONS, .parents = DOCENT_PARENTS_PERSISTENT};
        status = docent_create_node_async(actor->client.core, "/q/queue-", text, size, DOCENT_PERSISTENT_SEQUENTIAL, &options, put_told, call);
    }
    consumer_asked(consumer, call, status);
}

/* ---- Taking. ---- */

static void take_refused_or_late(struct consumer *consumer, docent_status status)
{
    struct world *world = consumer->actor->world;
    bool said = status == DOCENT_ERR_TIMEOUT || status == DOCENT_ERR_CLOSING || status == DOCENT_ERR_NO_MEMORY ||
                status == DOCENT_ERR_UNKNOWN_OUTCOME;
    if (!said) {
        world_fail(world, "a take of client %zu ends with %s", consumer->actor->index, docent_status_name(status));
    }
    if (consumer->actor->state != ACTOR_CALLING) {
        return;
    }
    if (world_calm(world)) { /* Of the storm: once more. */
        queues_call(consumer->actor);
    } else {
        consumer_over(consumer);
    }
}

static void simple_told(const docent_result *result, void *user)
{
    struct call *call = user;
    struct world *world = call->world;
    struct consumer *consumer = consumer_of(call->actor);
    docent_status status = result->status;
    world_call_told(call, status);
    if (result->path != NULL && (status == DOCENT_OK || status == DOCENT_ERR_UNKNOWN_OUTCOME)) {
        struct sim_node *node = node_made_by(world, result->stat.czxid);
        char text[32] = "", due[32];
        memcpy(text, result->data, result->size < sizeof text ? result->size : 0);
        snprintf(due, sizeof due, "i %" PRIu64, node == NULL ? 0 : node->serial);
        if (node == NULL || strncmp(text, due, result->size) != 0) {
            world_fail(world, "%s is handed out, which nobody has put, or other bytes", result->path);
        } else if (status == DOCENT_OK) {
            node->handed++;
            if (node->alive || node->handed > 1 || node->taker != (int)call->actor->index) {
                world_fail(world, "%s is handed to client %zu: %s", node->name, call->actor->index,
                           node->alive ? "and is there still" : node->handed > 1 ? "for the second time" : "and was taken by another");
            }
        } else {
            node->perhaps++;
        }
    } else if (status == DOCENT_ERR_UNKNOWN_OUTCOME) {
        world_fail(world, "something is perhaps taken, and nobody knows what");
    }
    if (status == DOCENT_OK && call->actor->state == ACTOR_CALLING) {
        consumer_over(consumer);
    } else {
        take_refused_or_late(consumer, status);
    }
}

static void item_closed(void *user)
{
    struct call *call = user;
    world_call_told(call, DOCENT_OK);
    if (call->actor->state == ACTOR_CALLING) {
        consumer_over(consumer_of(call->actor));
    }
}

static void consumer_close_item(struct consumer *consumer)
{
    docent_item *item = consumer->item;
    struct call *call = world_call(consumer->actor->world, consumer->actor, CALL_NODE);
    consumer->item = NULL;
    docent_item_close(item, item_closed, call);
}

static void item_ended(docent_status status, void *user)
{
    struct call *call = user;
    struct world *world = call->world;
    struct consumer *consumer = consumer_of(call->actor);
    world_call_told(call, status);
    consumer->call = NULL;
    if (status == DOCENT_OK && call->applied != 1) {
        world_fail(world, "item %s was ended, it is said, and that was applied %u times", docent_item_path(consumer->item), call->applied);
    } else if (status != DOCENT_OK && !world_says_nothing(status) && call->applied != 0) {
        world_fail(world, "item %s: %s, it is said, and it was ended", docent_item_path(consumer->item), docent_status_name(status));
    }
    if (consumer->item != NULL) {
        consumer_close_item(consumer);
    }
}

/* The work is done, or has failed, or is given back. */
static void consumer_ring(struct alarm *alarm)
{
    struct consumer *consumer = (struct consumer *)(void *)((char *)alarm - offsetof(struct consumer, alarm));
    struct world *world = consumer->actor->world;
    uint64_t how = chance_below(&world->random, 10);
    if (consumer->actor->client.paused) {
        clock_set(&world->clock, &consumer->alarm, world->clock.now_us + 10 * SIM_MS);
        return;
    }
    if (consumer->item == NULL || consumer->actor->state != ACTOR_CALLING) {
        return;
    }
    if (how == 0) {
        consumer_close_item(consumer);
        return;
    }
    struct call *call = world_call(world, consumer->actor, CALL_NODE);
    docent_status status = (how < 3 ? docent_item_requeue_async : docent_item_acknowledge_async)(consumer->item, item_ended, call);
    if (status == DOCENT_OK) {
        consumer->call = call;
        return;
    }
    call->refused = true;
    if (status != DOCENT_ERR_NOT_HELD) {
        world_fail(world, "an item cannot be ended: %s", docent_status_name(status));
    }
    consumer_close_item(consumer);
}

static void item_told(docent_status status, docent_item *item, void *user)
{
    struct call *call = user;
    struct world *world = call->world;
    struct consumer *consumer = consumer_of(call->actor);
    world_call_told(call, status);
    if (status == DOCENT_OK && (call->actor->state != ACTOR_CALLING || consumer->claims == NULL)) {
        docent_item_close(item, NULL, NULL);
    } else if (status == DOCENT_OK) {
        bool slow = world->scenario->long_holds && chance_per_mille(&world->random, 300);
        uint64_t work_ms = chance_between(&world->random, 0, slow ? 2 * world->session_ms : 100);
        const struct sim_node *node = node_named(world, strrchr(docent_item_path(item), '/') + 1);
        size_t size = 0;
        char text[32] = "", due[32];
        const void *data = docent_item_data(item, &size);
        memcpy(text, data, size < sizeof text ? size : 0);
        snprintf(due, sizeof due, "i %" PRIu64, node == NULL ? 0 : node->serial);
        if (node == NULL || strcmp(text, due) != 0) {
            world_fail(world, "%s is handed out, which nobody has put, or other bytes", docent_item_path(item));
        }
        consumer->item = item;
        consumer->alarm.ring = consumer_ring;
        clock_set(&world->clock, &consumer->alarm, world->clock.now_us + work_ms * SIM_MS);
    } else {
        take_refused_or_late(consumer, status);
    }
}

static void consumer_take(struct consumer *consumer)
{
    struct actor *actor = consumer->actor;
    struct world *world = actor->world;
    struct call *call = world_call(world, actor, CALL_NODE);
    uint32_t timeout_ms = world_calm(world) ? DOCENT_FOREVER : chance_per_mille(&world->random, 200) ? DOCENT_NO_WAIT
        : (uint32_t)chance_between(&world->random, 1, world->session_ms);
    consumer_asked(consumer, call, plays_claims(world) ? docent_claim_queue_take_async(consumer->claims, timeout_ms, item_told, call)
                                                       : docent_queue_take_async(consumer->queue, timeout_ms, simple_told, call));
}

void queues_call(struct actor *actor)
{
    struct consumer *consumer = consumer_of(actor);
    struct world *world = actor->world;
    consumer_open(consumer);
    if (consumer->queue == NULL && consumer->claims == NULL) { /* No memory. */
        actor_call_began(actor);
        actor_call_over(actor);
    } else if (world_calm(world) ? consumer->takes : world->scenario->one_consumer ? actor->index == 0 : chance_per_mille(&world->random, 500)) {
        consumer_take(consumer);
    } else {
        consumer_put(consumer);
    }
}

/* ---- Comings and goings. ---- */

void queues_leave(struct actor *actor, bool crashed)
{
    struct world *world = actor->world;
    struct consumer *consumer = consumer_of(actor);
    clock_stop(&world->clock, &consumer->alarm);
    consumer->call = crashed ? NULL : consumer->call;
    for (size_t i = 0; crashed && i < world->queues->count; i++) {
        struct sim_node *node = &world->queues->nodes[i];
        node->died = node->died || (node->taker == (int)actor->index && node->taker_handles == actor->handles);
    }
    if (crashed) {
        consumer->queue = NULL;
        consumer->claims = NULL;
        consumer->item = NULL;
    } else if (chance_per_mille(&world->random, 500)) {
        queues_left(actor);
    }
}

void queues_left(struct actor *actor)
{
    struct consumer *consumer = consumer_of(actor);
    docent_queue *queue = consumer->queue;
    docent_claim_queue *claims = consumer->claims;
    docent_item *item = consumer->item;
    consumer->queue = NULL;
    consumer->claims = NULL;
    consumer->item = NULL;
    docent_item_close(item, NULL, NULL);
    docent_queue_close(queue, NULL, NULL);
    docent_claim_queue_close(claims, NULL, NULL);
}

/* ---- What must be true. ---- */

void queues_check(struct world *world)
{
    for (size_t i = 0; i < world->actor_count && plays_claims(world); i++) {
        const struct consumer *consumer = &world->queues->consumers[i];
        if (consumer->item == NULL || !docent_item_is_claimed(consumer->item)) {
            continue;
        }
        const char *name = strrchr(docent_item_path(consumer->item), '/') + 1;
        const struct sim_claim *claim = claim_named(world, name);
        int64_t session = docent_client_session(world->actors[i]->client.core, NULL);
        if ((claim == NULL || claim->owner != session) && !world_session_excused(world, session)) {
            world_fail(world, "client %zu says that %s is its own, and its claim is %s", i, name, claim == NULL ? "gone" : "another's");
        }
    }
}

bool queues_quiet(struct world *world)
{
    return world->queues->claim_count == 0;
}

void queues_end(struct world *world)
{
    for (size_t i = 0; i < world->queues->count; i++) {
        const struct sim_node *node = &world->queues->nodes[i];
        if (!node->alive && !plays_claims(world) && node->handed == 0 && node->perhaps == 0 && !node->died && node->taker != TAKER_NONE) {
            world_fail(world, "item %s was taken by client %d, and nobody was handed it", node->name, node->taker);
        }
    }
}
