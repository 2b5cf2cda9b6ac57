#include "tests/sim/mates.h"

#include <inttypes.h>
#include <stdlib.h>

enum { MATE_SLACK_MS = 50, MATE_TRIP_US = 2 * WORLD_EVEN_US, MATE_SETTLED_TRIPS = 4 };

struct mate { /* One lock of one process. */
    struct world *world;
    struct actor *actor;
    docent_lock *lock;    /* NULL: none. */
    docent_lock *late;    /* Is closed after its client. */
    unsigned handle;      /* Its number among those of the process. */
    struct call *acquire; /* Under way. */
    bool granted;         /* And neither released nor lost. */
    bool served;          /* Granted in the calm. */
    unsigned rounds;
    struct alarm alarm;   /* Goes on. */
};

struct release { /* The last one of a hold. */
    size_t client;
    int64_t follower; /* Who was next: the token that it will have. 0: nobody was. */
    uint64_t at_us;
};

struct mates {
    struct mate each[WORLD_ACTORS_MAX][MATES_MAX];
    struct release release;
};

static void mate_ring(struct alarm *alarm);

struct mates *mates_new(struct world *world)
{
    struct mates *mates = calloc(1, sizeof *mates);
    if (mates == NULL) {
        abort();
    }
    for (size_t i = 0; i < WORLD_ACTORS_MAX; i++) {
        for (size_t k = 0; k < MATES_MAX; k++) {
            mates->each[i][k] = (struct mate){.world = world, .alarm.ring = mate_ring};
        }
    }
    return mates;
}

void mates_free(struct mates *mates)
{
    free(mates);
}

/* Three of the first client, two of the second, and so on. */
static size_t mates_count(const struct actor *actor)
{
    return MATES_MAX - actor->index % 2;
}

int64_t mates_token(const struct actor *actor, size_t index)
{
    const struct mate *mate = &actor->world->mates->each[actor->index][index];
    return mate->lock == NULL ? -1 : docent_lock_token(mate->lock);
}

static bool mate_may(const struct mate *mate, unsigned per_mille)
{
    return chance_per_mille(&mate->world->random, per_mille);
}

static void mate_in(struct mate *mate, uint64_t most_ms)
{
    struct world *world = mate->world;
    clock_set(&world->clock, &mate->alarm, world->clock.now_us + chance_below(&world->random, most_ms * SIM_MS + 1));
}

static bool mate_is_impatient(const struct mate *mate)
{
    return mate->world->scenario->impatient && !world_calm(mate->world);
}

static bool mate_is_done(const struct mate *mate)
{
    bool enough = world_calm(mate->world) ? mate->served : mate->rounds >= mate->world->scenario->rounds;
    return enough && mate->acquire == NULL && !mate->granted;
}

/* ---- How many round trips it takes to follow. ---- */

static void mate_leaves(struct mate *mate, int64_t token)
{
    const struct world *world = mate->world;
    struct release *release = &world->mates->release;
    *release = (struct release){.client = mate->actor->index, .at_us = world->clock.now_us};
    for (size_t i = 0; i < world->ledger_count && release->follower == 0; i++) {
        const struct ledger_node *node = &world->ledger[i];
        release->follower = node->alive && node->czxid > token ? node->czxid : 0;
    }
}

static void mate_follows(struct mate *mate, const struct call *call, int64_t token)
{
    struct world *world = mate->world;
    const struct release *release = &world->mates->release;
    bool waited = call->begun_us + MATE_SETTLED_TRIPS * MATE_TRIP_US < release->at_us;
    if (!world->scenario->even || world->plan.count > 0 || world->faults_done > 0 || release->follower != token || !waited) {
        return;
    }
    uint64_t took_us = world->clock.now_us - release->at_us;
    unsigned trips = release->client == mate->actor->index ? 1 : 2;
    if (took_us > trips * MATE_TRIP_US + MATE_TRIP_US / 10) {
        world_fail(world, "client %zu holds %" PRIu64 " us after client %zu has let go: more than %u round trips of %d us", mate->actor->index,
                   took_us, release->client, trips, MATE_TRIP_US);
    }
}

/* ---- Acquiring. ---- */

static struct mate *mate_of_call(const struct call *call)
{
    struct mate *mates = call->world->mates->each[call->actor->index];
    for (size_t i = 0; i < MATES_MAX; i++) {
        if (mates[i].acquire == call) {
            return &mates[i];
        }
    }
    return NULL; /* Its handle is being closed. */
}

static void mate_told(docent_status status, void *user)
{
    struct call *call = user;
    struct world *world = call->world;
    struct mate *mate = mate_of_call(call);
    uint64_t took_ms = (world->clock.now_us - call->begun_us) / SIM_MS;
    bool bounded = call->timeout_ms != DOCENT_FOREVER && call->timeout_ms != DOCENT_NO_WAIT;
    bool foretold = status == DOCENT_OK || (status == DOCENT_ERR_CLOSING && mate == NULL) || status == DOCENT_ERR_SESSION_EXPIRED ||
        (status == DOCENT_ERR_CANCELLED && call->cancelled) || (status == DOCENT_ERR_TIMEOUT && call->timeout_ms != DOCENT_FOREVER);
    world_call_told(call, status);
    if (!foretold) {
        world_fail(world, "acquire %" PRIu64 " ended with %s", call->serial, docent_status_name(status));
    }
    if (bounded && took_ms > call->timeout_ms + MATE_SLACK_MS && call->actor->paused_us < call->begun_us) {
        world_fail(world, "acquire %" PRIu64 " took %" PRIu64 " of %" PRIu32 " ms", call->serial, took_ms, call->timeout_ms);
    }
    if (mate == NULL) {
        return;
    }
    mate->acquire = NULL;
    if (status != DOCENT_OK || call->cancelled) {
        mate->rounds++;
        mate_in(mate, 40);
        return;
    }
    mate->granted = true;
    mate->served = world_calm(world);
    int64_t token = docent_lock_token(mate->lock);
    if (token != -1) { /* Else the lease is over already. */
        mate_follows(mate, call, token);
        world_granted(world, mate->actor, token);
    }
    mate_in(mate, world->scenario->long_holds && !world_calm(world) && mate_may(mate, 300) ? world->session_ms : 60);
}

static void mate_lost(docent_lock *lock, docent_status why, void *user)
{
    struct mate *mate = user;
    if (lock != mate->lock) {
        return; /* Is being closed. */
    }
    if (!mate->granted || why != DOCENT_ERR_SESSION_EXPIRED) {
        world_fail(mate->world, "client %zu lost a lock%s for %s", mate->actor->index, mate->granted ? "" : " that it did not hold",
                   docent_status_name(why));
    }
    mate->granted = false;
    mate->rounds++;
}

static void mate_asked(const docent_result *result, void *user)
{
    world_call_told(user, result->status);
}

/* Whoever is first: that changes the node that others watch. */
static void mate_asks_to_let_go(struct mate *mate)
{
    struct call *call = world_call(mate->world, mate->actor, CALL_REVOKE);
    call->refused = docent_lock_revoke_async(mate->lock, NULL, mate_asked, call) != DOCENT_OK;
}

static bool mate_has_lock(struct mate *mate)
{
    const struct scenario *scenario = mate->world->scenario;
    const docent_lock_options options = {
        DOCENT_LOCK_OPTIONS, .dialect = scenario->kazoo ? DOCENT_DIALECT_KAZOO : DOCENT_DIALECT_CURATOR, .label = "sim", .on_lost = mate_lost,
        .user = mate,
    };
    if (mate->lock != NULL) {
        return true;
    }
    docent_status status = docent_lock_new(mate->actor->client.core, ACTOR_QUEUE, &options, &mate->lock);
    if (status != DOCENT_OK && status != DOCENT_ERR_NO_MEMORY) {
        world_fail(mate->world, "client %zu gets no lock: %s", mate->actor->index, docent_status_name(status));
    }
    mate->handle = ++mate->actor->handles;
    return status == DOCENT_OK;
}

static void mate_acquire(struct mate *mate)
{
    struct world *world = mate->world;
    if (!mate_has_lock(mate)) {
        return;
    }
    uint64_t how = world_calm(world) || world->scenario->even ? 0 : chance_between(&world->random, 0, 99);
    struct call *call = world_call(world, mate->actor, CALL_ACQUIRE);
    call->handle = mate->handle;
    call->timeout_ms = how < 60 ? DOCENT_FOREVER : how < 90 ? (uint32_t)chance_between(&world->random, 1, world->session_ms) : DOCENT_NO_WAIT;
    mate->acquire = call;
    docent_status status = docent_lock_acquire_async(mate->lock, call->timeout_ms, mate_told, call);
    if (status != DOCENT_OK) {
        mate->acquire = NULL;
        call->refused = true;
        if (status != DOCENT_ERR_NO_MEMORY) {
            world_fail(world, "client %zu cannot acquire: %s", mate->actor->index, docent_status_name(status));
        }
        return;
    }
    if (mate_is_impatient(mate) && mate_may(mate, 300)) {
        mate_in(mate, mate_may(mate, 500) ? 20 : world->session_ms);
    }
    if (!world_calm(world) && !world->scenario->even && mate_may(mate, 100)) {
        mate_asks_to_let_go(mate);
    }
}

/* ---- Letting go. ---- */

static void mate_released(docent_status status, void *user)
{
    struct call *call = user;
    world_call_told(call, status);
    if (status != DOCENT_OK && status != DOCENT_ERR_CLOSING) {
        world_fail(call->world, "release %" PRIu64 " ended with %s", call->serial, docent_status_name(status));
    }
}

static void mate_release(struct mate *mate)
{
    if (mate->acquire != NULL) {
        mate->acquire->cancelled = true;
    }
    if (mate_may(mate, 500)) {
        docent_lock_release(mate->lock);
    } else {
        struct call *call = world_call(mate->world, mate->actor, CALL_RELEASE);
        call->handle = mate->handle;
        call->refused = docent_lock_release_async(mate->lock, mate_released, call) != DOCENT_OK;
        if (call->refused) {
            docent_lock_release(mate->lock);
        }
    }
    if (docent_lock_token(mate->lock) != -1) {
        world_fail(mate->world, "client %zu has a token after its release", mate->actor->index);
    }
}

static void mate_closed(void *user)
{
    struct call *close = user;
    struct world *world = close->world;
    for (size_t i = world->call_count; i > 0; i--) {
        struct call *call = world->calls[i - 1];
        bool of_lock = call->kind == CALL_ACQUIRE || call->kind == CALL_RELEASE;
        if (call->actor == close->actor && of_lock && call->handle == close->handle && call->told == 0 && !call->refused) {
            world_fail(world, "call %" PRIu64 " was not answered before its handle was closed", call->serial);
        }
    }
    world_call_told(close, DOCENT_OK);
}

static void mate_close(struct mate *mate, docent_lock *lock)
{
    if (lock != NULL) {
        struct call *call = world_call(mate->world, mate->actor, CALL_CLOSE_LOCK);
        call->handle = mate->handle;
        docent_lock_close(lock, mate_closed, call);
    }
}

/* It has no lock any more, and nothing to do with what becomes of that. */
static docent_lock *mate_parts(struct mate *mate)
{
    docent_lock *lock = mate->lock;
    clock_stop(&mate->world->clock, &mate->alarm);
    mate->lock = NULL;
    mate->granted = false;
    mate->acquire = NULL;
    return lock;
}

static void mate_lets_go(struct mate *mate)
{
    int64_t token = docent_lock_token(mate->lock);
    if (token != -1) {
        world_resource_write(mate->world, token);
        mate_leaves(mate, token);
    }
    mate->rounds += mate->granted;
    mate->granted = false;
    if (mate_is_impatient(mate) && mate_may(mate, 200)) {
        mate_close(mate, mate_parts(mate));
    } else {
        mate_release(mate);
    }
    mate_in(mate, 40);
}

/* ---- What they do. ---- */

static void mate_goes_on(struct mate *mate)
{
    if (mate->granted || (mate->acquire != NULL && !mate->acquire->cancelled && mate_is_impatient(mate))) {
        mate_lets_go(mate);
    } else if (mate->acquire == NULL && !mate_is_done(mate)) {
        mate_acquire(mate);
    }
}

static void mate_ring(struct alarm *alarm)
{
    struct mate *mate = (struct mate *)(void *)((char *)alarm - offsetof(struct mate, alarm));
    if (mate->actor->client.paused) {
        mate_in(mate, 100);
    } else {
        mate_goes_on(mate);
    }
}

void mates_act(struct actor *actor)
{
    struct world *world = actor->world;
    struct mate *mates = world->mates->each[actor->index];
    bool done = true;
    for (size_t i = 0; i < mates_count(actor); i++) {
        mates[i].actor = actor;
        if (mates[i].alarm.index == 0 && !mates[i].granted && mates[i].acquire == NULL) {
            mate_goes_on(&mates[i]);
        }
        done = done && mate_is_done(&mates[i]);
    }
    if (world_calm(world)) {
        actor->served = done;
    } else {
        actor->rounds = done ? world->scenario->rounds : 0;
        uint64_t how = world->scenario->impatient ? chance_between(&world->random, 0, 99) : 99;
        if (how < 3) {
            actor_crash(actor);
            return;
        }
        if (how < 6) {
            actor_close(actor);
            return;
        }
    }
    actor_acted(actor);
}

void mates_leave(struct actor *actor, bool crashed)
{
    bool locks_first = !crashed && chance_per_mille(&actor->world->random, 500);
    for (size_t i = 0; i < MATES_MAX; i++) {
        struct mate *mate = &actor->world->mates->each[actor->index][i];
        docent_lock *lock = mate_parts(mate);
        if (locks_first) {
            mate_close(mate, lock);
        }
        mate->late = crashed || locks_first ? NULL : lock;
    }
}

void mates_client_closed(struct actor *actor)
{
    for (size_t i = 0; i < MATES_MAX; i++) {
        struct mate *mate = &actor->world->mates->each[actor->index][i];
        mate_close(mate, mate->late);
        mate->late = NULL;
    }
}
