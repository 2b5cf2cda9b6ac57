/* tests/sim/rounds.c - members of a synchronising queue, and the rounds that they join; see gathers.h. */
#include "tests/sim/comers.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GATHERS_QUEUE "/start/here"
enum { GATHERS_SETTLED_MS = 900 };

static unsigned gathers_quantity(const struct world *world)
{
    return (unsigned)(world->scenario->quantity != 0 ? world->scenario->quantity : world->actor_count);
}

/* ---- The log. ---- */

static const char *seat_uuid(const char *name)
{
    const char *dash = strchr(name, '-');
    return dash == NULL ? name : dash + 1;
}

static void gathers_joined(struct world *world, const struct commit *commit, const char *name)
{
    struct gathers *gathers = world->gathers;
    int64_t round = -1;
    if (sscanf(name, "%" SCNd64 "-", &round) != 1 || round != gathers->round) {
        world_fail(world, "%s joins, while round %" PRId64 " gathers", name, gathers->round);
    }
    for (size_t i = 0; i < gathers->seat_count; i++) {
        const struct seat *other = &gathers->seats[i];
        if (other->alive && strcmp(seat_uuid(other->name), seat_uuid(name)) == 0) {
            world_fail(world, "one member has two nodes: %s and %s", other->name, name);
        }
    }
    gathers->seats = sim_grow(gathers->seats, gathers->seat_count, &gathers->seat_capacity, sizeof *gathers->seats);
    gathers->seats[gathers->seat_count++] = (struct seat){
        .name = strdup(name), .owner = commit->owner, .round = round, .made_us = world->clock.now_us, .alive = true,
    };
}

static void gathers_left(struct world *world, const char *name)
{
    struct gathers *gathers = world->gathers;
    for (size_t i = gathers->seat_count; i > 0; i--) {
        struct seat *seat = &gathers->seats[i - 1];
        if (seat->alive && strcmp(seat->name, name) == 0) {
            seat->alive = false;
            return;
        }
    }
    world_fail(world, "the log deletes %s, which it did not create", name);
}

static void gathers_began(struct world *world, const struct commit *commit)
{
    struct gathers *gathers = world->gathers;
    char text[24] = "";
    unsigned counted = 0;
    memcpy(text, commit->data, commit->size < sizeof text ? commit->size : sizeof text - 1);
    int64_t next = strtoll(text, NULL, 10);
    if (next != gathers->round + 1) {
        world_fail(world, "round %" PRId64 " gathers after round %" PRId64, next, gathers->round);
    }
    for (size_t i = 0; i < gathers->seat_count; i++) {
        struct seat *seat = &gathers->seats[i];
        seat->started = seat->started || (seat->alive && seat->round == gathers->round);
        counted += seat->alive && seat->round == gathers->round;
    }
    if (counted < gathers_quantity(world)) {
        world_fail(world, "round %" PRId64 " begins with %u of %u members", gathers->round, counted, gathers_quantity(world));
    }
    gathers->round = next;
    world->grants++;
}

bool rounds_committed(struct world *world, const struct commit *commit)
{
    static const char seats[] = GATHERS_QUEUE "/";
    if (strcmp(commit->path, GATHERS_QUEUE) == 0) {
        if (commit->type == COMMIT_SET) {
            gathers_began(world, commit);
        } else if (commit->type == COMMIT_DELETE) {
            world_fail(world, "the queue is deleted");
        }
    } else if (strncmp(commit->path, seats, sizeof seats - 1) == 0) {
        if (commit->type == COMMIT_CREATE) {
            gathers_joined(world, commit, commit->path + sizeof seats - 1);
        } else if (commit->type == COMMIT_DELETE) {
            gathers_left(world, commit->path + sizeof seats - 1);
        }
    } else {
        return false;
    }
    return true;
}

bool rounds_quiet(const struct world *world)
{
    const struct gathers *gathers = world->gathers;
    for (size_t i = 0; i < gathers->seat_count; i++) {
        if (gathers->seats[i].alive) {
            return false;
        }
    }
    return true;
}

/* ---- Members. ---- */

static void member_started(struct actor *actor, const struct call *call)
{
    struct gathers *gathers = actor->world->gathers;
    struct comer *comer = comer_of(actor);
    int64_t round = docent_sync_queue_round(comer->queue);
    comer->calm_start = comer->calm_start || world_calm(actor->world);
    if (round <= comer->round) {
        world_fail(actor->world, "client %zu starts with round %" PRId64 " after %" PRId64, actor->index, round, comer->round);
    }
    comer->round = round;
    for (size_t i = gathers->seat_count; i > 0; i--) {
        struct seat *seat = &gathers->seats[i - 1];
        if (seat->round == round && seat->started && !seat->taken && seat->made_us >= call->begun_us && comer_had(comer, seat->owner)) {
            seat->taken = true;
            return;
        }
    }
    world_fail(actor->world, "client %zu is told that it has started with round %" PRId64 ", which began without it", actor->index, round);
}

static void member_told(docent_status status, void *user)
{
    struct call *call = user;
    struct actor *actor = call->actor;
    struct world *world = actor->world;
    uint64_t took_ms;
    if (!comer_ends(call, status, &took_ms)) {
        return;
    }
    bool timed = call->timeout_ms != DOCENT_FOREVER;
    if (status == DOCENT_OK) {
        member_started(actor, call);
    } else if (!(status == DOCENT_ERR_TIMEOUT && timed) && !(status == DOCENT_ERR_SESSION_EXPIRED && (world->faults_done > 0 || world->scenario->storm))) {
        world_fail(world, "gather %" PRIu64 " ended with %s", call->serial, docent_status_name(status));
    }
    uint64_t limit_ms = call->timeout_ms == DOCENT_NO_WAIT ? 0 : call->timeout_ms;
    bool settled = comer_stood(actor, call) && took_ms < limit_ms + GATHERS_SETTLED_MS;
    if (status != DOCENT_ERR_TIMEOUT) {
        return;
    }
    if (!settled) {
        comer_of(actor)->stray = comer_of(actor)->session;
        return;
    }
    for (size_t i = 0; i < world->gathers->seat_count; i++) {
        const struct seat *seat = &world->gathers->seats[i];
        if (seat->owner == comer_of(actor)->session && seat->made_us >= call->begun_us && (seat->alive || seat->started)) {
            world_fail(world, "gather %" PRIu64 " timed out, and %s %s", call->serial, seat->name, seat->started ? "was counted" : "is there");
        }
    }
}

void member_gather(struct actor *actor, uint32_t timeout_ms)
{
    struct comer *comer = comer_of(actor);
    const docent_sync_queue_options options = {DOCENT_SYNC_QUEUE_OPTIONS, .quantity = gathers_quantity(actor->world)};
    if (comer->queue == NULL) {
        docent_status status = docent_sync_queue_new(actor->client.core, GATHERS_QUEUE, &options, &comer->queue);
        comer->round = -1;
        if (status != DOCENT_OK) {
            if (status != DOCENT_ERR_NO_MEMORY) {
                world_fail(actor->world, "client %zu gets no queue: %s", actor->index, docent_status_name(status));
            }
            return;
        }
    }
    struct call *call = comer_begins(actor, COMER_GATHER, timeout_ms);
    comer_refused(actor, call, docent_sync_queue_gather_async(comer->queue, timeout_ms, member_told, call));
}

void rounds_closed(struct actor *actor, const struct call *call)
{
    int64_t session = docent_client_session(actor->client.core, NULL);
    for (size_t i = 0; i < actor->world->gathers->seat_count; i++) {
        const struct seat *seat = &actor->world->gathers->seats[i];
        if (seat->alive && seat->owner == session && seat->made_us < call->begun_us) {
            world_fail(actor->world, "client %zu has closed its queue, and %s is there", actor->index, seat->name);
        }
    }
}

/* Everybody starts; and then nobody waits any more. */
void member_in_calm(struct actor *actor)
{
    bool all = true;
    for (size_t i = 0; i < actor->world->actor_count; i++) {
        all = all && actor->world->gathers->comers[i].calm_start;
    }
    if (all) {
        comer_close(actor);
        actor->served = true;
    } else if (comer_of(actor)->call == NULL) {
        member_gather(actor, DOCENT_FOREVER);
    }
}
