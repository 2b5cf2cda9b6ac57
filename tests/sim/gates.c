#include "tests/sim/gates.h"

#include <docent/semaphore.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GATE "/gates/one"
#define GATE_LIMIT "/limit"
#define GATE_LEASES GATE "/leases"
#define GATE_LOCKS GATE "/locks"
enum { GATE_LIMIT_MAX = 6, GATE_BURST = 3 /* So many takes until the short cut: everybody's numbers are alike. */, GATE_CUT_US = 40000 };

struct gate_lease { /* A node, as the log has it. */
    char *path;
    int64_t czxid, owner;
    bool alive;
    bool mistaken; /* Made by the short cut, by who has never been in that queue: to be given back. */
};

struct gate { /* Of one process. */
    struct world *world;
    struct actor *actor;
    docent_semaphore *semaphore;
    docent_permit *permit;
    uint32_t count;
    struct call *acquire;   /* Under way. */
    bool held;              /* Granted, and neither returned nor lost. */
    int64_t czxid;          /* Of what is held; 0: not known. */
    struct alarm tired;     /* Of waiting. */
    size_t queue;           /* That it came to last, by the log. */
    unsigned takes;         /* Left in this burst, */
    bool again;             /* of which the next one begins when this one is given back. */
    uint64_t cut_us;        /* When it loses its connection: it has taken the short cut, and does not hear of it, or not all. 0: never. */
};

struct gates {
    struct gate each[WORLD_ACTORS_MAX];
    struct gate_lease *leases;
    size_t lease_count, lease_capacity;
    size_t waiting;        /* Places in the queue for the mutex. */
    size_t queues;         /* Made, one after the other. */
    bool comer_knows;      /* Who came last had been in that queue before. */
    int64_t came_zxid, left_zxid; /* Of the transactions that made and deleted a place last. */
    uint32_t limit, limit_high; /* By the log; and the highest that it was. */
    int64_t made_zxid;     /* Of the transaction that made a lease last, */
    int64_t token_last;
    bool closing;
};

static bool gates_are_shared(const struct world *world)
{
    return world->scenario->gate_max == 0;
}

static void gate_tired(struct alarm *alarm);

struct gates *gates_new(struct world *world)
{
    struct gates *gates = calloc(1, sizeof *gates);
    if (gates == NULL) {
        abort();
    }
    for (size_t i = 0; i < WORLD_ACTORS_MAX; i++) {
        gates->each[i] = (struct gate){.world = world, .tired.ring = gate_tired};
    }
    gates->limit = gates->limit_high = gates_are_shared(world) ? 3 : world->scenario->gate_max;
    gates->token_last = -1;
    return gates;
}

void gates_free(struct gates *gates)
{
    for (size_t i = 0; gates != NULL && i < gates->lease_count; i++) {
        free(gates->leases[i].path);
    }
    if (gates != NULL) {
        free(gates->leases);
    }
    free(gates);
}

static struct gate *gate_of(struct actor *actor)
{
    struct gate *gate = &actor->world->gates->each[actor->index];
    gate->actor = actor;
    return gate;
}

/* ---- The log. ---- */

static bool gates_excuse(const struct world *world, int64_t owner)
{
    for (size_t i = world->forced_count; i > 0; i--) {
        if (world->forced[i - 1].session == owner) {
            return world->clock.now_us - world->forced[i - 1].at_us <= (uint64_t)world->session_ms * SIM_MS;
        }
    }
    return false;
}

/* @mistaken: those, too. */
static size_t gates_alive(const struct gates *gates, bool mistaken)
{
    size_t alive = 0;
    for (size_t i = 0; i < gates->lease_count; i++) {
        alive += gates->leases[i].alive && (mistaken || !gates->leases[i].mistaken);
    }
    return alive;
}

/* Whose session that is; NULL: nobody's any more. */
static struct gate *gates_find(struct world *world, int64_t session)
{
    for (size_t i = 0; i < world->actor_count; i++) {
        const struct sim_client *client = &world->actors[i]->client;
        if (client->core != NULL && docent_client_session(client->core, NULL) == session) {
            return gate_of(world->actors[i]);
        }
    }
    return NULL;
}

static void gates_came(struct world *world, const struct commit *commit)
{
    struct gates *gates = world->gates;
    struct gate *gate = gates_find(world, commit->owner);
    gates->waiting++;
    gates->came_zxid = commit->zxid;
    gates->comer_knows = gate != NULL && gate->queue == gates->queues;
    if (gate != NULL) {
        gate->queue = gates->queues;
    }
}

static void gates_lease_made(struct world *world, const struct commit *commit)
{
    struct gates *gates = world->gates;
    gates->leases = sim_grow(gates->leases, gates->lease_count, &gates->lease_capacity, sizeof *gates->leases);
    bool brief = gates->came_zxid == commit->zxid;
    gates->leases[gates->lease_count++] = (struct gate_lease){
        .path = strdup(commit->path), .czxid = commit->zxid, .owner = commit->owner, .alive = true, .mistaken = brief && !gates->comer_knows,
    };
    gates->made_zxid = commit->zxid;
    if (gates->left_zxid != commit->zxid) {
        world_fail(world, "lease %s is made, and its maker stays in the queue", commit->path);
    }
    if (gates_alive(gates, false) > gates->limit) {
        world_fail(world, "lease %s is made, and then there are %zu of %" PRIu32, commit->path, gates_alive(gates, false), gates->limit);
    }
    struct gate *gate = brief && world->scenario->gate_anew ? gates_find(world, commit->owner) : NULL;
    if (gate != NULL && chance_per_mille(&world->random, gates->comer_knows ? 200 : 700)) {
        gate->cut_us = world->clock.now_us + chance_below(&world->random, chance_per_mille(&world->random, 500) ? 1 : GATE_CUT_US);
    }
}

static void gates_lease_gone(struct world *world, const struct commit *commit)
{
    struct gates *gates = world->gates;
    for (size_t i = gates->lease_count; i > 0; i--) {
        struct gate_lease *lease = &gates->leases[i - 1];
        if (lease->alive && strcmp(lease->path, commit->path) == 0) {
            lease->alive = false;
            return;
        }
    }
    world_fail(world, "the log deletes %s, which it did not create", commit->path);
}

bool gates_committed(struct world *world, const struct commit *commit)
{
    static const char curator_leases[] = GATE_LEASES "/", curator_locks[] = GATE_LOCKS "/", kazoo_leases[] = GATE "/", kazoo_locks[] = GATE "-__lock__/";
    struct gates *gates = world->gates;
    bool kazoo = world->scenario->kazoo;
    const char *leases = kazoo ? kazoo_leases : curator_leases, *locks = kazoo ? kazoo_locks : curator_locks;
    if (strcmp(commit->path, GATE_LIMIT) == 0 && commit->size == 4) {
        gates->limit = ((const uint8_t *)commit->data)[3];
        gates->limit_high = gates->limit > gates->limit_high ? gates->limit : gates->limit_high;
    } else if (strncmp(commit->path, leases, strlen(leases)) == 0) {
        if (commit->type == COMMIT_CREATE) {
            gates_lease_made(world, commit);
        } else if (commit->type == COMMIT_DELETE) {
            gates_lease_gone(world, commit);
        }
    } else if (strncmp(commit->path, locks, strlen(locks)) == 0) {
        if (commit->type == COMMIT_CREATE) {
            gates_came(world, commit);
        } else if (commit->type == COMMIT_DELETE) {
            gates->waiting--;
            gates->left_zxid = commit->zxid;
        }
    } else if (strncmp(commit->path, locks, strlen(locks) - 1) == 0) {
        gates->queues += commit->type == COMMIT_CREATE;
    } else {
        return false;
    }
    return true;
}

/* ---- What must be true at every step. ---- */

static bool gate_believes(const struct gate *gate)
{
    if (!gate->held || gate->permit == NULL) {
        return false;
    }
    docent_permit_state state = docent_permit_get_state(gate->permit);
    return state == DOCENT_PERMIT_HELD || state == DOCENT_PERMIT_SUSPECT;
}

/* How many of its leases are there, in which it believes; @ret_owner: their session. */
static size_t gate_leases(struct world *world, int64_t czxid, int64_t *ret_owner)
{
    const struct gates *gates = world->gates;
    size_t alive = 0;
    for (size_t i = 0; i < gates->lease_count; i++) {
        if (gates->leases[i].czxid == czxid) {
            if (gates->leases[i].mistaken) {
                world_fail(world, "%s is believed in, and made by who has never been in that queue", gates->leases[i].path);
            }
            alive += gates->leases[i].alive;
            *ret_owner = gates->leases[i].owner;
        }
    }
    return alive;
}

static void gates_check_beliefs(struct world *world)
{
    struct gates *gates = world->gates;
    size_t believed = 0;
    for (size_t i = 0; i < world->actor_count; i++) {
        const struct gate *gate = &gates->each[i];
        int64_t owner = 0;
        if (!gate_believes(gate) || gate->czxid == 0) {
            continue;
        }
        size_t alive = gate_leases(world, gate->czxid, &owner);
        if (gates_excuse(world, owner)) {
            continue;
        }
        if (alive != gate->count) {
            world_fail(world, "client %zu says that it holds %" PRIu32 " leases, and %zu are there", i, gate->count, alive);
        }
        believed += gate->count;
    }
    if (believed > gates->limit_high) {
        world_fail(world, "%zu leases are believed to be held, of %" PRIu32, believed, gates->limit_high);
    }
}

void gates_check(struct world *world)
{
    for (size_t i = 0; i < world->actor_count; i++) {
        struct gate *gate = &world->gates->each[i];
        if (gate->cut_us != 0 && gate->cut_us <= world->clock.now_us) {
            gate->cut_us = 0;
            world_fault(world, FAULT_CUT, i, 0);
        }
    }
    gates_check_beliefs(world);
}

/* ---- What the processes do. ---- */

static void gate_granted(struct gate *gate)
{
    struct world *world = gate->world;
    int64_t token = docent_permit_token(gate->permit);
    docent_hold *hold = docent_permit_hold(gate->permit, 0); /* NULL: no memory, or over already. */
    bool exclusive = world->scenario->gate_max == 1;
    gate->held = true;
    gate->czxid = hold == NULL ? 0 : docent_hold_czxid(hold);
    docent_hold_unref(hold);
    world->grants++;
    if (token != -1 && !exclusive) {
        world_fail(world, "client %zu has token %" PRId64 " of a semaphore of several", gate->actor->index, token);
    }
    if (token != -1 && token <= world->gates->token_last && world->forced_count == 0) {
        world_fail(world, "client %zu is granted token %" PRId64 ", after %" PRId64, gate->actor->index, token, world->gates->token_last);
    }
    world->gates->token_last = token > world->gates->token_last ? token : world->gates->token_last;
    gates_check_beliefs(world); /* It may be given back at once. */
}

static void gate_acquire_again(struct gate *gate);

static void gate_returned(void *user)
{
    struct call *call = user;
    struct gate *gate = gate_of(call->actor);
    world_call_told(call, DOCENT_OK);
    if (gate->again && gate->actor->state == ACTOR_CALLING) {
        gate->again = false;
        gate_acquire_again(gate);
    }
}

static void gate_return(struct gate *gate)
{
    docent_permit *permit = gate->permit;
    gate->permit = NULL;
    gate->held = false;
    gate->czxid = 0;
    clock_stop(&gate->world->clock, &gate->tired);
    if (permit == NULL) {
        return;
    }
    if (gate->again || chance_per_mille(&gate->world->random, 500)) {
        docent_permit_close(permit, gate_returned, world_call(gate->world, gate->actor, CALL_NODE));
    } else {
        docent_permit_close(permit, NULL, NULL);
    }
}

static bool gate_wants_more(struct gate *gate)
{
    const struct scenario *scenario = gate->world->scenario;
    if (scenario->gate_anew) {
        gate->takes -= gate->takes > 0;
        return gate->takes > 0 && gate->actor->state == ACTOR_CALLING;
    }
    return scenario->gate_bursts && gate->actor->state == ACTOR_CALLING && chance_per_mille(&gate->world->random, 900);
}

static void gate_told(docent_status status, void *user)
{
    struct call *call = user;
    struct world *world = call->world;
    struct gate *gate = gate_of(call->actor);
    uint64_t took_ms = (world->clock.now_us - call->begun_us) / SIM_MS;
    bool foretold = status == DOCENT_OK || status == DOCENT_ERR_SESSION_EXPIRED || status == DOCENT_ERR_CLOSING || status == DOCENT_ERR_NO_MEMORY ||
        (status == DOCENT_ERR_CANCELLED && call->cancelled) || (status == DOCENT_ERR_TIMEOUT && call->timeout_ms != DOCENT_FOREVER);
    world_call_told(call, status);
    if (!foretold) {
        world_fail(world, "acquire %" PRIu64 " ended with %s", call->serial, docent_status_name(status));
    }
    if (call->timeout_ms != DOCENT_FOREVER && call->timeout_ms != DOCENT_NO_WAIT && took_ms > call->timeout_ms + 50 &&
        call->actor->paused_us < call->begun_us) {
        world_fail(world, "acquire %" PRIu64 " took %" PRIu64 " of %" PRIu32 " ms", call->serial, took_ms, call->timeout_ms);
    }
    if (gate->acquire != call) {
        return; /* Given up meanwhile. */
    }
    gate->acquire = NULL;
    clock_stop(&world->clock, &gate->tired);
    if (status == DOCENT_OK && !call->cancelled) {
        gate_granted(gate);
    }
    bool again = gate_wants_more(gate);
    if (status == DOCENT_OK && again && !world_calm(world)) {
        gate->again = world->scenario->gate_anew; /* While a lease is being removed it is counted. */
        gate_return(gate);
        if (!gate->again) {
            gate_acquire_again(gate);
        }
        return;
    }
    if (status != DOCENT_OK || world_calm(world) || (world->scenario->gate_anew && chance_per_mille(&world->random, 500))) {
        gate_return(gate);
    }
    if (status == DOCENT_OK || !world_calm(world)) {
        actor_call_over(gate->actor);
        if (gate->actor->state == ACTOR_FINISHED) { /* Nobody waits for who does nothing more. */
            gate_return(gate);
        }
    } else { /* Once more: in the calm everybody is served. */
        gates_act(gate->actor);
    }
}

static void gate_lost(docent_permit *permit, docent_status why, void *user)
{
    struct gate *gate = user;
    world_trace(gate->world, "client %zu  lost its leases: %s", gate->actor->index, docent_status_name(why));
    if (permit != gate->permit) {
        return;
    }
    if (!gate->held) {
        world_fail(gate->world, "client %zu is told of a loss, and holds nothing", gate->actor->index);
    }
    if (why != DOCENT_ERR_SESSION_EXPIRED) {
        world_fail(gate->world, "client %zu lost its leases for %s", gate->actor->index, docent_status_name(why));
    }
    gate->held = false;
}

/* Cancels. */
static void gate_tired(struct alarm *alarm)
{
    struct gate *gate = (struct gate *)(void *)((char *)alarm - offsetof(struct gate, tired));
    if (gate->acquire == NULL || gate->actor->client.paused || world_calm(gate->world)) {
        return;
    }
    gate->acquire->cancelled = true;
    gate->acquire = NULL;
    gate_return(gate);
    actor_call_over(gate->actor);
}

static bool gate_open(struct gate *gate)
{
    struct world *world = gate->world;
    docent_semaphore_options options = {
        DOCENT_SEMAPHORE_OPTIONS, .dialect = world->scenario->kazoo ? DOCENT_DIALECT_KAZOO : DOCENT_DIALECT_CURATOR,
        .max = gates_are_shared(world) ? 3 : world->scenario->gate_max, .limit_path = gates_are_shared(world) ? GATE_LIMIT : NULL,
        .label = "sim", .on_lost = gate_lost, .user = gate,
    };
    docent_status status = docent_semaphore_new(gate->actor->client.core, GATE, &options, &gate->semaphore);
    if (status != DOCENT_OK && status != DOCENT_ERR_NO_MEMORY) {
        world_fail(world, "client %zu gets no semaphore: %s", gate->actor->index, docent_status_name(status));
    }
    return status == DOCENT_OK;
}

static void gate_shut(struct gate *gate)
{
    if (gate->acquire != NULL) {
        gate->acquire->cancelled = true;
        gate->acquire = NULL;
    }
    bool permit_first = chance_per_mille(&gate->world->random, 500);
    if (permit_first) {
        gate_return(gate);
    }
    gate->held = false;
    if (gate->semaphore != NULL) {
        docent_semaphore_close(gate->semaphore, gate_returned, world_call(gate->world, gate->actor, CALL_NODE));
    }
    gate->semaphore = NULL;
    gate_return(gate);
}

static void gate_limit_told(const docent_result *result, void *user)
{
    struct call *call = user;
    world_call_told(call, result->status);
    actor_call_over(call->actor);
}

static void gate_set_limit(struct gate *gate)
{
    uint8_t bytes[4] = {0, 0, 0, (uint8_t)chance_between(&gate->world->random, 3, GATE_LIMIT_MAX)};
    struct call *call = world_call(gate->world, gate->actor, CALL_NODE);
    docent_op op = chance_per_mille(&gate->world->random, 300) ? docent_op_create(GATE_LIMIT, bytes, 4, DOCENT_PERSISTENT)
                                                               : docent_op_set(GATE_LIMIT, bytes, 4, DOCENT_ANY_VERSION);
    actor_call_accepted(gate->actor, call, docent_run_async(gate->actor->client.core, &op, NULL, gate_limit_told, call));
}

static void gate_cleared(const docent_result *result, void *user)
{
    world_call_told(user, result->status);
}

/* Deletes what leases and places are in, if that is empty, as servers do with containers. */
static void gate_clear(struct gate *gate)
{
    docent_op ops[] = {docent_op_delete(GATE_LOCKS, DOCENT_ANY_VERSION), docent_op_delete(GATE_LEASES, DOCENT_ANY_VERSION)};
    for (size_t i = 0; i < 2; i++) {
        struct call *call = world_call(gate->world, gate->actor, CALL_NODE);
        call->refused = docent_run_async(gate->actor->client.core, &ops[i], NULL, gate_cleared, call) != DOCENT_OK;
    }
}

static void gate_acquire(struct gate *gate)
{
    struct world *world = gate->world;
    struct call *call = world_call(world, gate->actor, CALL_NODE);
    uint64_t how = world_calm(world) ? 0 : chance_between(&world->random, 0, 99);
    uint32_t most = gates_are_shared(world) ? 3 : world->scenario->gate_max;
    gate->count = (uint32_t)chance_between(&world->random, 1, most);
    call->timeout_ms = how < 60 ? DOCENT_FOREVER : how < 85 ? (uint32_t)chance_between(&world->random, 1, 2 * world->session_ms) : DOCENT_NO_WAIT;
    docent_status status = docent_semaphore_acquire_async(gate->semaphore, gate->count, call->timeout_ms, gate_told, call, &gate->permit);
    if (status == DOCENT_OK) {
        gate->acquire = call;
    } else { /* Perhaps it was made when there was no memory for its timers, and is over. */
        gate_shut(gate);
    }
    if (gate->actor->state != ACTOR_CALLING || status != DOCENT_OK) {
        actor_call_accepted(gate->actor, call, status);
    }
    if (gate->acquire != NULL && world->scenario->impatient && !world_calm(world) && chance_per_mille(&world->random, 300)) {
        clock_set(&world->clock, &gate->tired, world->clock.now_us + chance_below(&world->random, 2 * world->session_ms) * SIM_MS);
    }
}

static void gate_acquire_again(struct gate *gate)
{
    gate_acquire(gate);
    if (gate->acquire == NULL) { /* Refused: no memory. */
        actor_call_over(gate->actor);
    }
}

void gates_act(struct actor *actor)
{
    struct gate *gate = gate_of(actor);
    struct world *world = actor->world;
    uint64_t how = world_calm(world) ? 99 : chance_between(&world->random, 0, 99);
    if (gate->permit != NULL) { /* Enough held. */
        gate_return(gate);
    }
    if (world->scenario->impatient && how < 5) {
        actor_crash(actor);
    } else if (world->scenario->impatient && how < 10) {
        actor_close(actor);
    } else if (gates_are_shared(world) && how < 40) {
        gate_set_limit(gate);
    } else {
        gate->takes = GATE_BURST;
        if (world->scenario->gate_anew && how < 50) {
            gate_clear(gate);
        }
        if (world->scenario->impatient && how < 50) {
            gate_shut(gate);
        }
        if (gate->semaphore == NULL && !gate_open(gate)) {
            clock_set(&world->clock, &actor->alarm, world->clock.now_us + 10 * SIM_MS);
            return;
        }
        gate_acquire(gate);
    }
}

void gates_leave(struct actor *actor, bool crashed)
{
    struct gate *gate = gate_of(actor);
    clock_stop(&actor->world->clock, &gate->tired);
    if (!crashed) {
        gate_shut(gate);
    }
    gate->semaphore = NULL;
    gate->permit = NULL;
    gate->acquire = NULL;
    gate->again = false;
    gate->held = false;
}

bool gates_quiet(struct world *world)
{
    struct gates *gates = world->gates;
    for (size_t i = 0; !gates->closing && i < world->actor_count; i++) {
        if (world->actors[i]->client.core != NULL) {
            gate_shut(gate_of(world->actors[i]));
        }
    }
    gates->closing = true;
    return gates_alive(gates, true) == 0 && gates->waiting == 0;
}
