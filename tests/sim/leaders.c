#include "tests/sim/leaders.h"

#include <docent/leader_latch.h>
#include <docent/leader_selector.h>

#include <inttypes.h>
#include <stdlib.h>

enum {
    LEADER_TRIPS_MAX = 2,      /* From the end of a leadership to the next one. */
    LEADER_SETTLED_TRIPS = 10, /* Enough for whoever has come, or stepped aside, not to matter any more. */
    LEADER_TRIP_US = 2 * WORLD_EVEN_US,
};

struct leader { /* Of one process. */
    struct world *world;
    struct actor *actor;
    docent_leader_latch *latch; /* One of them, or neither. */
    docent_leader_selector *selector;
    docent_error_policy policy;
    uint32_t damping_ms;
    bool busy;          /* A round is under way. */
    bool leads;         /* By what was told: a leadership, or a term that has not been ended. */
    bool lost;          /* That term is. */
    bool interrupted;   /* We asked for that. */
    bool closing;
    int64_t token;      /* Told last. */
    int64_t term;       /* The number of the last one. */
    int64_t granted;    /* Told to the world. */
    docent_status why;  /* Of the last loss. */
    uint64_t lost_us;
    unsigned writes;
    uint64_t came_us;   /* Into the queue. */
    struct alarm alarm; /* Enough waited, or time to work. */
};

struct leaders {
    struct leader each[WORLD_ACTORS_MAX];
    bool closing;
    uint64_t left_us;   /* When somebody left the queue last, and, if that was a leader and nobody had left shortly before, */
    uint64_t vacant_us; /* since when there is none. Else 0. */
};

static void leader_ring(struct alarm *alarm);

struct leaders *leaders_new(struct world *world)
{
    struct leaders *leaders = calloc(1, sizeof *leaders);
    if (leaders == NULL) {
        abort();
    }
    for (size_t i = 0; i < WORLD_ACTORS_MAX; i++) {
        leaders->each[i] = (struct leader){.world = world, .alarm.ring = leader_ring};
    }
    return leaders;
}

void leaders_free(struct leaders *leaders)
{
    free(leaders);
}

static struct leader *leader_of(struct actor *actor)
{
    struct leader *leader = &actor->world->leaders->each[actor->index];
    leader->actor = actor;
    return leader;
}

static uint64_t leader_between(struct leader *leader, uint64_t low, uint64_t high)
{
    return chance_between(&leader->world->random, low, high);
}

static bool leader_may(struct leader *leader, unsigned per_mille)
{
    return chance_per_mille(&leader->world->random, per_mille);
}

static void leader_in(struct leader *leader, uint64_t delay_ms)
{
    clock_set(&leader->world->clock, &leader->alarm, leader->world->clock.now_us + delay_ms * SIM_MS + leader_between(leader, 0, 999));
}

int64_t leaders_token(const struct actor *actor)
{
    const struct leader *leader = &actor->world->leaders->each[actor->index];
    return leader->selector != NULL ? docent_leader_selector_token(leader->selector) : docent_leader_latch_token(leader->latch);
}

docent_hold *leaders_hold(struct actor *actor)
{
    struct leader *leader = leader_of(actor);
    return leader->selector != NULL ? docent_leader_selector_hold(leader->selector) : docent_leader_latch_hold(leader->latch);
}

/* ---- What must be true at every step. ---- */

void leaders_check(struct world *world)
{
    for (size_t i = 0; i < world->actor_count; i++) {
        const struct leader *leader = &world->leaders->each[i];
        const struct actor *actor = world->actors[i];
        int64_t token = leaders_token(actor);
        if (token == -1) {
            continue;
        }
        if (!leader->leads || leader->lost) {
            world_fail(world, "client %zu leads by token %" PRId64 ", and was not told so, or was told that it does not", i, token);
        } else if (token != leader->token) {
            world_fail(world, "client %zu leads by token %" PRId64 ", and was told %" PRId64, i, token, leader->token);
        }
        if (leader->policy != DOCENT_ERROR_POLICY_LOST && docent_client_state(actor->client.core) == DOCENT_SUSPENDED) {
            world_fail(world, "client %zu leads over a connection that is down", i);
        }
    }
}

/* ---- How many round trips it takes to follow. ---- */

static void leader_leaves(struct leader *leader)
{
    struct leaders *all = leader->world->leaders;
    uint64_t now_us = leader->world->clock.now_us;
    bool alone = now_us - all->left_us > LEADER_SETTLED_TRIPS * LEADER_TRIP_US;
    all->vacant_us = leader->leads && alone ? now_us : 0;
    all->left_us = now_us;
}

static void leader_follows(struct leader *leader)
{
    struct world *world = leader->world;
    uint64_t vacant_us = world->leaders->vacant_us, took_us = world->clock.now_us - vacant_us;
    bool waited = leader->came_us + LEADER_SETTLED_TRIPS * LEADER_TRIP_US < vacant_us;
    bool spoiled = world->plan.count > 0 || world->faults_done > 0;
    world->leaders->vacant_us = 0;
    if (!world->scenario->even || spoiled || vacant_us == 0 || !waited) {
        return;
    }
    world_trace(world, "client %zu  follows after %" PRIu64 " us", leader->actor->index, took_us);
    if (took_us > LEADER_TRIPS_MAX * LEADER_TRIP_US + LEADER_TRIP_US / 10) {
        world_fail(world, "client %zu leads %" PRIu64 " us after the last one has gone: more than %d round trips of %d us", leader->actor->index,
                   took_us, LEADER_TRIPS_MAX, LEADER_TRIP_US);
    }
}

/* ---- Closing. ---- */

static void leader_closed(void *user)
{
    world_call_told(user, DOCENT_OK);
}

static void leader_close(struct leader *leader)
{
    docent_leader_latch *latch = leader->latch;
    docent_leader_selector *selector = leader->selector;
    clock_stop(&leader->world->clock, &leader->alarm);
    leader_leaves(leader);
    leader->latch = NULL;
    leader->selector = NULL;
    leader->leads = leader->lost = leader->busy = false;
    if (latch != NULL) {
        docent_leader_latch_close(latch, leader_closed, world_call(leader->world, leader->actor, CALL_NODE));
    }
    if (selector != NULL) {
        docent_leader_selector_close(selector, leader_closed, world_call(leader->world, leader->actor, CALL_NODE));
    }
}

static void leader_round_over(struct leader *leader)
{
    leader->busy = false;
    clock_stop(&leader->world->clock, &leader->alarm);
    actor_call_over(leader->actor);
}

/* ---- Leading. ---- */

static void leader_gains(struct leader *leader, int64_t token)
{
    struct world *world = leader->world;
    world_trace(world, "client %zu  leads by %" PRId64, leader->actor->index, token);
    if (leader->leads) {
        world_fail(world, "client %zu is told that it leads, and it did", leader->actor->index);
    }
    if (token < leader->token || (token == leader->token && leader->selector != NULL)) {
        world_fail(world, "client %zu leads by token %" PRId64 ", after %" PRId64, leader->actor->index, token, leader->token);
    }
    leader_follows(leader);
    leader->leads = true;
    leader->lost = leader->interrupted = false;
    leader->token = token;
    leader->writes = 0;
    if (token != leader->granted && leaders_token(leader->actor) == token) {
        leader->granted = token;
        world_granted(world, leader->actor, token);
    }
    leader_in(leader, leader->busy ? leader_between(leader, 0, 30) : leader_between(leader, 20, world_calm(world) ? 50 : 500));
}

static void leader_loses(struct leader *leader, docent_status why)
{
    struct world *world = leader->world;
    world_trace(world, "client %zu  leads no more: %s", leader->actor->index, docent_status_name(why));
    if (!leader->leads) {
        world_fail(world, "client %zu is told of a loss, and does not lead", leader->actor->index);
    }
    bool foretold = why == DOCENT_ERR_SESSION_EXPIRED || (why == DOCENT_ERR_CONNECTION_LOSS && leader->policy != DOCENT_ERROR_POLICY_LOST);
    if (!foretold) {
        world_fail(world, "client %zu does not lead any more, for %s", leader->actor->index, docent_status_name(why));
    }
    if (leaders_token(leader->actor) != -1) {
        world_fail(world, "client %zu is told of a loss, and has a token", leader->actor->index);
    }
    leader->why = why;
    leader->lost_us = world->clock.now_us;
}

static void leader_changed(docent_leader_latch *latch, const docent_leadership *now, void *user)
{
    struct leader *leader = user;
    struct world *world = leader->world;
    if (latch != leader->latch) {
        return; /* Being closed. */
    }
    if (!now->leads) {
        leader_loses(leader, now->why);
        leader->leads = false;
        return;
    }
    bool same = now->token == leader->token && leader->why == DOCENT_ERR_CONNECTION_LOSS;
    if (same && world->clock.now_us - leader->lost_us < (uint64_t)leader->damping_ms * SIM_MS) {
        world_fail(world, "client %zu leads again after %" PRIu64 " us, damped for %" PRIu32 " ms", leader->actor->index,
                   world->clock.now_us - leader->lost_us, leader->damping_ms);
    }
    leader_gains(leader, now->token);
}

static void leader_began(docent_leader_selector *selector, const docent_leader_term *term, void *user)
{
    struct leader *leader = user;
    if (selector != leader->selector) {
        return;
    }
    if (term->number != leader->term + 1) {
        world_fail(leader->world, "client %zu has term %" PRId64 ", after %" PRId64, leader->actor->index, term->number, leader->term);
    }
    leader->term = term->number;
    leader_gains(leader, term->token);
}

static void leader_interrupted(docent_leader_selector *selector, const docent_leader_term *term, docent_status why, void *user)
{
    struct leader *leader = user;
    if (selector != leader->selector) {
        return;
    }
    if (term->number != leader->term || leader->lost) {
        world_fail(leader->world, "client %zu hears of term %" PRId64 ", in term %" PRId64, leader->actor->index, term->number, leader->term);
    }
    if (why == DOCENT_ERR_CANCELLED && leader->interrupted) {
        leader->interrupted = false;
        return;
    }
    leader_loses(leader, why);
    leader->lost = true;
}

/* ---- Rounds. ---- */

static void leader_relinquish(struct leader *leader)
{
    leader_leaves(leader);
    leader->came_us = leader->world->clock.now_us; /* If it queues again. */
    leader->leads = leader->lost = false;
    docent_leader_selector_relinquish(leader->selector, leader->term);
    if (leaders_token(leader->actor) != -1) {
        world_fail(leader->world, "client %zu has a token after its term", leader->actor->index);
    }
}

static void leader_end(struct leader *leader)
{
    bool close = leader->latch != NULL || leader_may(leader, 300);
    if (leader->world->scenario->impatient && !world_calm(leader->world) && leader_may(leader, 150)) {
        leader->busy = false;
        clock_stop(&leader->world->clock, &leader->alarm);
        (leader_may(leader, 500) ? actor_crash : actor_close)(leader->actor);
        return;
    }
    if (close) {
        leader_close(leader);
    } else if (leader->leads) {
        leader_relinquish(leader);
    }
    leader_round_over(leader);
}

static void leader_work(struct leader *leader)
{
    struct world *world = leader->world;
    struct actor *actor = leader->actor;
    int64_t token = leaders_token(actor);
    if (token != -1) {
        world_resource_write(world, token);
        if (leader_may(leader, 600)) {
            actor_write_guarded(actor, token);
        }
        if (leader->selector != NULL && !leader->interrupted && leader_may(leader, 100)) {
            leader->interrupted = true;
            if (docent_leader_selector_interrupt(leader->selector) != DOCENT_OK) {
                world_fail(world, "client %zu cannot interrupt itself", actor->index);
            }
        }
    }
    leader->writes++;
    if (leader->writes > 3) {
        leader_end(leader);
    } else {
        bool long_hold = world->scenario->long_holds && !world_calm(world) && leader_may(leader, 700);
        leader_in(leader, leader_between(leader, 0, long_hold ? world->session_ms : 60));
    }
}

static void leader_ring(struct alarm *alarm)
{
    struct leader *leader = (struct leader *)(void *)((char *)alarm - offsetof(struct leader, alarm));
    if (leader->actor->client.paused) {
        leader_in(leader, 10);
    } else if (leader->leads && !leader->busy) { /* A term between rounds, by auto_requeue. */
        leader_relinquish(leader);
    } else if (leader->leads) {
        leader_work(leader);
    } else if (leader->busy && !world_calm(leader->world)) { /* Tired of waiting. */
        leader_end(leader);
    }
}

static docent_status leader_open(struct leader *leader)
{
    struct world *world = leader->world;
    bool selects = world->scenario->kazoo ? leader_may(leader, 500) : world->scenario->play == PLAY_SELECTORS;
    docent_dialect dialect = world->scenario->kazoo ? DOCENT_DIALECT_KAZOO : DOCENT_DIALECT_CURATOR;
    leader->came_us = world->clock.now_us;
    leader->policy = leader_may(leader, 500) ? DOCENT_ERROR_POLICY_LOST : DOCENT_ERROR_POLICY_DEFAULT;
    leader->damping_ms = leader_may(leader, 300) ? (uint32_t)leader_between(leader, 1, world->session_ms / 2) : 0;
    leader->token = -1;
    leader->term = 0;
    leader->why = DOCENT_OK;
    leader->leads = leader->lost = false;
    if (selects) {
        docent_leader_selector_options options = {
            DOCENT_LEADER_SELECTOR_OPTIONS, .dialect = dialect, .id = "sim", .error_policy = leader->policy,
            .auto_requeue = leader_may(leader, 300), .on_leadership = leader_began, .on_interrupt = leader_interrupted, .user = leader,
        };
        return docent_leader_selector_new(leader->actor->client.core, ACTOR_QUEUE, &options, &leader->selector);
    }
    docent_leader_latch_options options = {
        DOCENT_LEADER_LATCH_OPTIONS, .dialect = dialect, .id = "sim", .error_policy = leader->policy, .damping_ms = leader->damping_ms,
        .close_mode = leader_may(leader, 500) ? DOCENT_LATCH_CLOSE_NOTIFY : DOCENT_LATCH_CLOSE_SILENT, .on_change = leader_changed, .user = leader,
    };
    docent_status status = docent_leader_latch_new(leader->actor->client.core, ACTOR_QUEUE, &options, &leader->latch);
    return status != DOCENT_OK ? status : docent_leader_latch_start(leader->latch);
}

void leaders_act(struct actor *actor)
{
    struct leader *leader = leader_of(actor);
    struct world *world = actor->world;
    if (world->scenario->impatient && !world_calm(world) && leader_may(leader, 100)) {
        (leader_may(leader, 500) ? actor_crash : actor_close)(actor);
        return;
    }
    docent_status status = leader->latch != NULL || leader->selector != NULL ? DOCENT_OK : leader_open(leader);
    if (status == DOCENT_OK && leader->selector != NULL) {
        leader->came_us = world->clock.now_us;
        status = docent_leader_selector_requeue(leader->selector);
    }
    if (status != DOCENT_OK) {
        if (status != DOCENT_ERR_NO_MEMORY) {
            world_fail(world, "client %zu cannot take part: %s", actor->index, docent_status_name(status));
        }
        leader_close(leader); /* Perhaps it was made when there was no memory for its timers, and is over. */
        clock_set(&world->clock, &actor->alarm, world->clock.now_us + 10 * SIM_MS);
        return;
    }
    leader->busy = true;
    actor_call_began(actor);
    if (!world_calm(world)) {
        leader_in(leader, leader_between(leader, 0, world->scenario->impatient ? 2 * world->session_ms : 6 * world->session_ms));
    }
}

void leaders_leave(struct actor *actor, bool crashed)
{
    struct leader *leader = leader_of(actor);
    if (crashed) {
        clock_stop(&actor->world->clock, &leader->alarm);
        leader->latch = NULL;
        leader->selector = NULL;
        leader->busy = leader->leads = leader->lost = false;
    } else {
        leader_close(leader);
    }
}

bool leaders_quiet(struct world *world)
{
    for (size_t i = 0; !world->leaders->closing && i < world->actor_count; i++) {
        if (world->actors[i]->client.core != NULL) {
            leader_close(leader_of(world->actors[i]));
        }
    }
    world->leaders->closing = true;
    return true;
}
