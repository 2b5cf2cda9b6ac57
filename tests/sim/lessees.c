#include "tests/sim/lessees.h"

#include <docent/lease.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "recipes/lease_document.h"

#define LEASE_PATH "/leases/job"
enum { LESSEE_SKEW_MS = 400, LESSEE_SLOTS_MAX = 2 };

struct lessee { /* One process. */
    struct world *world;
    struct actor *actor;
    docent_lease *lease;
    struct call *acquire; /* Under way. */
};

struct slot { /* As the log has it. */
    char holder[32];
    int64_t end_ms; /* By its word; 0: it was never had. */
};

struct lessees {
    struct lessee each[WORLD_ACTORS_MAX];
    struct slot slots[LESSEE_SLOTS_MAX];
    uint64_t written; /* Documents. */
    size_t waiting;   /* Places in queues for the locks. */
    bool closing;
};

struct lessees *lessees_new(struct world *world)
{
    struct lessees *lessees = calloc(1, sizeof *lessees);
    if (lessees == NULL) {
        abort();
    }
    for (size_t i = 0; i < WORLD_ACTORS_MAX; i++) {
        lessees->each[i].world = world;
    }
    return lessees;
}

void lessees_free(struct lessees *lessees)
{
    free(lessees);
}

static struct lessee *lessee_of(struct actor *actor)
{
    struct lessee *lessee = &actor->world->lessees->each[actor->index];
    lessee->actor = actor;
    return lessee;
}

static uint32_t lessees_slots(const struct world *world)
{
    return world->scenario->gate_max;
}

static uint64_t lessee_duration_ms(const struct world *world)
{
    return 2 * (uint64_t)world->session_ms;
}

/* ---- The log. ---- */

bool lessees_committed(struct world *world, const struct commit *commit)
{
    static const char below[] = LEASE_PATH "/";
    struct lessees *lessees = world->lessees;
    if (strncmp(commit->path, below, sizeof below - 1) != 0) {
        return false;
    }
    const char *name = strrchr(commit->path, '/') + 1;
    size_t slot = lessees_slots(world) == 0 ? 0 : (size_t)(commit->path[sizeof below - 1] - '0');
    if (strcmp(name, "lease_holder") == 0) {
        char text[128] = "", holder[32] = "";
        if (commit->size > 0 && commit->size < sizeof text) {
            memcpy(text, commit->data, commit->size);
        }
        if (sscanf(text, "{\"version\": 1, \"holder\": \"%31[^\"]\"", holder) != 1) {
            world_fail(world, "a lease says %s", text);
        }
        struct slot *at = &lessees->slots[slot];
        int64_t now_ms = SIM_WALL_MS + (int64_t)(world->clock.now_us / SIM_MS);
        if (strcmp(at->holder, holder) != 0 && now_ms < at->end_ms) {
            world_fail(world, "%s takes a lease that %s has for %" PRId64 " ms more", holder, at->holder, at->end_ms - now_ms);
        }
        snprintf(at->holder, sizeof at->holder, "%s", holder);
        if (docent_lease_read(commit->data, commit->size, holder, &at->end_ms) != LEASE_OURS) {
            world_fail(world, "what is written cannot be read: %s", text);
        }
        lessees->written++;
    } else if (strstr(name, "__lock__") != NULL) {
        lessees->waiting += commit->type == COMMIT_CREATE;
        lessees->waiting -= commit->type == COMMIT_DELETE;
    }
    return true;
}

/* ---- What must be true at every step. ---- */

void lessees_check(struct world *world)
{
    for (size_t i = 0; i < world->actor_count; i++) {
        const struct lessee *one = &world->lessees->each[i];
        int64_t slot = docent_lease_slot(one->lease);
        for (size_t j = i + 1; slot >= 0 && j < world->actor_count; j++) {
            if (docent_lease_slot(world->lessees->each[j].lease) == slot) {
                world_fail(world, "clients %zu and %zu both have lease %" PRId64, i, j, slot);
            }
        }
    }
}

/* ---- What the processes do. ---- */

static void lessee_told(docent_status status, void *user)
{
    struct call *call = user;
    struct world *world = call->world;
    struct lessee *lessee = lessee_of(call->actor);
    uint64_t took_ms = (world->clock.now_us - call->begun_us) / SIM_MS;
    bool foretold = status == DOCENT_OK || status == DOCENT_ERR_BUSY || status == DOCENT_ERR_SESSION_EXPIRED ||
        status == DOCENT_ERR_UNKNOWN_OUTCOME || status == DOCENT_ERR_NO_MEMORY || (status == DOCENT_ERR_CLOSING && call->cancelled) ||
        (status == DOCENT_ERR_CANCELLED && call->cancelled) || (status == DOCENT_ERR_TIMEOUT && call->timeout_ms != DOCENT_FOREVER);
    world_call_told(call, status);
    if (!foretold) {
        world_fail(world, "lease %" PRIu64 " ended with %s", call->serial, docent_status_name(status));
    }
    if (call->timeout_ms != DOCENT_FOREVER && call->timeout_ms != DOCENT_NO_WAIT && took_ms > call->timeout_ms + 50 &&
        call->actor->paused_us < call->begun_us) {
        world_fail(world, "lease %" PRIu64 " took %" PRIu64 " of %" PRIu32 " ms", call->serial, took_ms, call->timeout_ms);
    }
    if (lessee->acquire != call) {
        return; /* Its handle is being closed. */
    }
    lessee->acquire = NULL;
    if (status == DOCENT_OK) {
        char id[32];
        bool stands = false;
        snprintf(id, sizeof id, "client-%zu", call->actor->index);
        for (size_t i = 0; i < LESSEE_SLOTS_MAX; i++) {
            stands = stands || strcmp(world->lessees->slots[i].holder, id) == 0;
        }
        world->grants++;
        if (!stands && docent_lease_left_ms(lessee->lease) > 0) {
            world_fail(world, "client %zu was told that the lease is its own, and it is not written", call->actor->index);
        }
    } else if (status == DOCENT_ERR_BUSY && world->lessees->written == 0) {
        world_fail(world, "client %zu was told of a holder, and nobody ever was", call->actor->index);
    }
    bool again = world_calm(world) && status != DOCENT_OK && status != DOCENT_ERR_BUSY;
    if (again) { /* In the calm everybody gets an answer. */
        lessees_act(call->actor);
    } else {
        actor_call_over(call->actor);
    }
}

static void lessee_closed(void *user)
{
    world_call_told(user, DOCENT_OK);
}

static void lessee_shut(struct lessee *lessee)
{
    if (lessee->acquire != NULL) {
        lessee->acquire->cancelled = true;
        lessee->acquire = NULL;
    }
    if (lessee->lease != NULL) {
        docent_lease_close(lessee->lease, lessee_closed, world_call(lessee->world, lessee->actor, CALL_NODE));
    }
    lessee->lease = NULL;
}

void lessees_act(struct actor *actor)
{
    struct lessee *lessee = lessee_of(actor);
    struct world *world = actor->world;
    uint64_t how = world_calm(world) ? 99 : chance_between(&world->random, 0, 99);
    char id[32];
    if (world->scenario->impatient && how < 5) {
        actor_crash(actor);
        return;
    }
    if (world->scenario->impatient && how < 10) {
        actor_close(actor);
        return;
    }
    if (world->scenario->impatient && how < 20) {
        lessee_shut(lessee);
    }
    snprintf(id, sizeof id, "client-%zu", actor->index);
    docent_lease_options options = {
        DOCENT_LEASE_OPTIONS, .duration_ms = lessee_duration_ms(world), .id = id, .slots = lessees_slots(world), .skew_ms = LESSEE_SKEW_MS,
    };
    docent_status status = DOCENT_OK;
    if (lessee->lease == NULL) {
        /* Of two clocks none is further from the other than that. */
        actor->client.wall_offset_ms = (int64_t)chance_between(&world->random, 0, LESSEE_SKEW_MS);
        status = docent_lease_new(actor->client.core, LEASE_PATH, &options, &lessee->lease);
    }
    struct call *call = world_call(world, actor, CALL_NODE);
    how = world_calm(world) ? 0 : chance_between(&world->random, 0, 99);
    call->timeout_ms = how < 50 ? DOCENT_FOREVER : how < 85 ? (uint32_t)chance_between(&world->random, 1, 2 * world->session_ms) : DOCENT_NO_WAIT;
    if (status == DOCENT_OK) {
        lessee->acquire = call;
        status = docent_lease_acquire_async(lessee->lease, call->timeout_ms, lessee_told, call);
    }
    if (status != DOCENT_OK) { /* Perhaps it was made when there was no memory for its timers, and is over. */
        lessee->acquire = NULL;
        lessee_shut(lessee);
    }
    if (actor->state != ACTOR_CALLING || status != DOCENT_OK) {
        actor_call_accepted(actor, call, status);
    }
}

void lessees_leave(struct actor *actor, bool crashed)
{
    struct lessee *lessee = lessee_of(actor);
    if (!crashed) {
        lessee_shut(lessee);
    }
    lessee->lease = NULL;
    lessee->acquire = NULL;
}

bool lessees_quiet(struct world *world)
{
    for (size_t i = 0; !world->lessees->closing && i < world->actor_count; i++) {
        if (world->actors[i]->client.core != NULL) {
            lessee_shut(lessee_of(world->actors[i]));
        }
    }
    world->lessees->closing = true;
    return world->lessees->waiting == 0;
}
