#include "tests/sim/actor.h"

#include <docent/view.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/barriers.h"
#include "tests/sim/caches.h"
#include "tests/sim/counter.h"
#include "tests/sim/gathers.h"
#include "tests/sim/gates.h"
#include "tests/sim/leaders.h"
#include "tests/sim/lessees.h"
#include "tests/sim/locks.h"
#include "tests/sim/mates.h"
#include "tests/sim/nodes.h"
#include "tests/sim/queues.h"
#include "tests/sim/shares.h"
#include "tests/sim/txns.h"
#include "tests/sim/work.h"

enum { ACTOR_SLACK_MS = 50 }; /* A deadline is met within this. */

static void actor_ring(struct alarm *alarm);

static uint64_t actor_between(struct actor *actor, uint64_t low, uint64_t high)
{
    return chance_between(&actor->world->random, low, high);
}

static bool actor_may(struct actor *actor, unsigned per_mille)
{
    return chance_per_mille(&actor->world->random, per_mille);
}

static void actor_in(struct actor *actor, uint64_t delay_ms)
{
    clock_set(&actor->world->clock, &actor->alarm, actor->world->clock.now_us + delay_ms * SIM_MS + actor_between(actor, 0, 999));
}

void actor_wake(struct actor *actor, uint64_t delay_ms)
{
    actor_in(actor, delay_ms);
}

static void actor_go(struct actor *actor, enum actor_state next)
{
    static const char *const names[] = {"down", "idle", "preparing", "acquiring", "holding", "releasing", "closing its lock",
                                        "closing its client", "calling", "finished"};
    actor->state = next;
    world_trace(actor->world, "client %zu  is %s", actor->index, names[next]);
}

static void actor_rest(struct actor *actor)
{
    bool more = world_calm(actor->world) ? !actor->served : actor->rounds < actor->world->scenario->rounds;
    actor_go(actor, more ? ACTOR_IDLE : ACTOR_FINISHED);
    if (more) {
        actor_in(actor, actor_between(actor, 0, world_calm(actor->world) ? 20 : 300));
    } else {
        clock_stop(&actor->world->clock, &actor->alarm);
    }
}

static void actor_round_done(struct actor *actor)
{
    actor->rounds++;
    actor_rest(actor);
}

/* An owner of caches has done something. */
void actor_acted(struct actor *actor)
{
    if (actor->state == ACTOR_IDLE) {
        actor_rest(actor);
        if (actor->state == ACTOR_IDLE && world_calm(actor->world)) {
            actor_in(actor, 250);
        }
    }
}

docent_client *actor_client(const struct actor *actor)
{
    return actor->view != NULL ? actor->view : actor->client.core;
}

/* ---- Handles come and go. ---- */

/* @handle has said that it is closed. What was asked of it must have been answered, and nothing may follow. */
static void actor_handle_closed(struct actor *actor, unsigned handle, bool crashed)
{
    struct world *world = actor->world;
    for (size_t i = world->call_count; i > 0; i--) {
        struct call *call = world->calls[i - 1];
        if (call->actor != actor || call->told > 0 || call->refused || call->crashed || call->dead) {
            continue;
        }
        bool of_client = call->kind != CALL_ACQUIRE && call->kind != CALL_RELEASE;
        if (crashed) {
            call->crashed = true;
        } else if (!of_client && call->handle <= handle) {
            world_fail(world, "call %" PRIu64 " was not answered before its handle was closed", call->serial);
            call->dead = true;
        }
    }
}

static void actor_state_told(docent_lock *lock, docent_lock_state state, void *user)
{
    struct actor *actor = user;
    world_trace(actor->world, "client %zu  lock state %d", actor->index, (int)state);
    if (lock != actor->lock) {
        return; /* Of a handle that is being closed. */
    }
    if (state == actor->told) {
        world_fail(actor->world, "client %zu is told lock state %d twice", actor->index, (int)state);
    }
    actor->told = state;
}

static void actor_lost(docent_lock *lock, docent_status why, void *user)
{
    struct actor *actor = user;
    world_trace(actor->world, "client %zu  lost the lock: %s", actor->index, docent_status_name(why));
    if (lock != actor->lock) {
        return;
    }
    if (!actor->granted) {
        world_fail(actor->world, "client %zu is told of a loss, and holds nothing", actor->index);
    }
    if (why != DOCENT_ERR_SESSION_EXPIRED && !locks_may_lose(actor, why)) {
        world_fail(actor->world, "client %zu lost the lock for %s", actor->index, docent_status_name(why));
    }
    actor->granted = false;
    if (actor->state == ACTOR_HOLDING) {
        actor_round_done(actor);
    }
}

static void actor_lock_closed(void *user)
{
    struct call *call = user;
    struct actor *actor = call->actor;
    actor_handle_closed(actor, call->handle, false);
    world_call_told(call, DOCENT_OK);
    if (actor->state == ACTOR_CLOSING_LOCK) {
        actor_round_done(actor);
    }
}

static void actor_close_lock(struct actor *actor)
{
    docent_lock *lock = actor->lock;
    struct call *call = world_call(actor->world, actor, CALL_CLOSE_LOCK);
    actor->lock = NULL;
    actor->granted = false;
    actor->acquire = NULL;
    locks_gone(actor);
    actor_go(actor, ACTOR_CLOSING_LOCK);
    docent_lock_close(lock, actor_lock_closed, call);
}

static void actor_client_closed(struct sim_client *client)
{
    struct actor *actor = client->owner;
    if (actor->world->caches != NULL) {
        caches_client_closed(actor);
    }
    if (actor->world->shares != NULL) {
        shares_client_closed(actor);
    }
    if (actor->world->mates != NULL) {
        mates_client_closed(actor);
    }
    actor_handle_closed(actor, actor->handles, false);
    struct world *world = actor->world;
    for (size_t i = world->call_count; i > 0; i--) {
        struct call *call = world->calls[i - 1];
        if (call->actor == actor && call->told == 0 && !call->refused && !call->crashed) {
            world_fail(world, "call %" PRIu64 " was not answered before its client was closed", call->serial);
            break;
        }
    }
    if (actor->client.memory.alive > 0 && !actor->late_lock) {
        world_fail(world, "client %zu is closed and leaves %zu blocks, the first from allocation %" PRIu64, actor->index,
                   actor->client.memory.alive, memory_oldest(&actor->client.memory));
    }
    actor_go(actor, ACTOR_DOWN);
    if (world->phase < PHASE_QUIET) {
        actor->rounds += !world_calm(world);
        actor_in(actor, actor_between(actor, 0, 300));
    }
}

/* Sometimes the lock is closed first, as it should be; sometimes after the client, which must do no harm. */
static void actor_close_client(struct actor *actor)
{
    docent_lock *lock = actor->lock;
    bool lock_first = lock != NULL && (actor->view != NULL || actor_may(actor, 500)); /* A view's locks go before it. */
    actor->lock = NULL;
    actor->granted = false;
    actor->acquire = NULL;
    locks_gone(actor);
    actor_go(actor, ACTOR_CLOSING_CLIENT);
    clock_stop(&actor->world->clock, &actor->alarm);
    if (lock_first) {
        docent_lock_close(lock, actor_lock_closed, world_call(actor->world, actor, CALL_CLOSE_LOCK));
    }
    actor->late_lock = lock != NULL && !lock_first;
    nodes_leave(actor);
    if (actor->world->barriers != NULL) {
        barriers_leave(actor, false);
    }
    if (actor->world->gathers != NULL) {
        gathers_leave(actor, false);
    }
    if (actor->world->caches != NULL) {
        caches_leave(actor, false);
    }
    if (actor->world->works != NULL) {
        works_leave(actor, false);
    }
    if (actor->world->leaders != NULL) {
        leaders_leave(actor, false);
    }
    if (actor->world->gates != NULL) {
        gates_leave(actor, false);
    }
    if (actor->world->shares != NULL) {
        shares_leave(actor, false);
    }
    if (actor->world->mates != NULL) {
        mates_leave(actor, false);
    }
    if (actor->world->lessees != NULL) {
        lessees_leave(actor, false);
    }
    docent_view_release(actor->view);
    actor->view = NULL;
    if (actor->world->queues != NULL) {
        queues_leave(actor, false);
    }
    sim_client_close(&actor->client);
    if (actor->world->queues != NULL) {
        queues_left(actor);
    }
    if (actor->late_lock) {
        actor->late_lock = false;
        docent_lock_close(lock, actor_lock_closed, world_call(actor->world, actor, CALL_CLOSE_LOCK));
    }
}

void actor_crash(struct actor *actor)
{
    if (actor->client.core == NULL) {
        return;
    }
    actor->lock = NULL;
    actor->granted = false;
    actor->acquire = NULL;
    locks_gone(actor);
    actor->mine = 0;
    actor->watched = NULL;
    actor->watch = NULL;
    actor->updating = NULL;
    actor->missed = false;
    hearing_end(&actor->hearing);
    watching_end(&actor->watching);
    nodes_leave(actor);
    if (actor->world->barriers != NULL) {
        barriers_leave(actor, true);
    }
    if (actor->world->gathers != NULL) {
        gathers_leave(actor, true);
    }
    if (actor->world->caches != NULL) {
        caches_leave(actor, true);
    }
    if (actor->world->works != NULL) {
        works_leave(actor, true);
    }
    if (actor->world->leaders != NULL) {
        leaders_leave(actor, true);
    }
    if (actor->world->gates != NULL) {
        gates_leave(actor, true);
    }
    if (actor->world->shares != NULL) {
        shares_leave(actor, true);
    }
    if (actor->world->mates != NULL) {
        mates_leave(actor, true);
    }
    if (actor->world->lessees != NULL) {
        lessees_leave(actor, true);
    }
    actor->view = NULL;
    if (actor->world->queues != NULL) {
        queues_leave(actor, true);
    }
    sim_client_crash(&actor->client);
    actor_handle_closed(actor, actor->handles, true);
    actor_go(actor, ACTOR_DOWN);
    actor->rounds++;
    actor_in(actor, actor_between(actor, 0, 6000));
}

static void actor_log(docent_log_level level, const char *id, const char *path, const char *text, void *user)
{
    struct actor *actor = user;
    (void)level;
    world_trace(actor->world, "client %zu  %s %s: %s", actor->index, id, path == NULL ? "" : path, text);
}

static void actor_start(struct actor *actor)
{
    struct world *world = actor->world;
    docent_retry retry = {DOCENT_RETRY, .base_ms = 100, .max_ms = 5000, .tries_max = 8};
    docent_client_options options = {
        DOCENT_CLIENT_OPTIONS, .session_timeout_ms = world->session_ms, .call_timeout_ms = 30000, .close_timeout_ms = 1000,
        .on_log = world->tracing ? actor_log : NULL, .user = actor, .retry = &retry, .request_max_bytes = 0xfffff, .reply_max_bytes = 1 << 26, .inbox_max = 65536,
        .pending_max = 1000, .offline = DOCENT_OFFLINE_QUEUE,
        .seed = chance_next(&world->random), .no_probe = actor_may(actor, 500),
        .compression = world->scenario->compressed && !world->scenario->viewed ? DOCENT_COMPRESSION_ON : DOCENT_COMPRESSION_DEFAULT,
    };
    actor->client.entropy = chance_next(&world->random);
    actor->client.late_max_us = (unsigned)(actor_may(actor, 300) ? 5 * SIM_MS : 200);
    actor->seen_shared = 0;
    actor->handles++;
    actor->seen_zxid = 0;
    if (sim_client_start(&actor->client, &options) == DOCENT_OK) {
        if (world->scenario->listens) {
            hearing_begin(&actor->hearing, actor);
        }
        if (world->scenario->watches) {
            watching_begin(&actor->watching, actor);
        }
        actor_rest(actor);
        return;
    }
    if (actor->client.memory.alive > 0) {
        world_fail(world, "client %zu was not made and leaves %zu blocks", actor->index, actor->client.memory.alive);
    }
    actor_in(actor, 10);
}

/* ---- A contender. ---- */

static void actor_acquired(docent_status status, void *user)
{
    struct call *call = user;
    struct actor *actor = call->actor;
    struct world *world = actor->world;
    world_call_told(call, status);
    uint64_t took_ms = (world->clock.now_us - call->begun_us) / SIM_MS;
    bool paused = actor->paused_us >= call->begun_us;
    bool foretold = status == DOCENT_OK || status == DOCENT_ERR_CLOSING || status == DOCENT_ERR_SESSION_EXPIRED ||
        (status == DOCENT_ERR_CANCELLED && call->cancelled) || (status == DOCENT_ERR_TIMEOUT && call->timeout_ms != DOCENT_FOREVER);
    if (!foretold) { /* Only outcomes that the header names, each with its cause. */
        world_fail(world, "acquire %" PRIu64 " ended with %s", call->serial, docent_status_name(status));
    }
    if (status == DOCENT_ERR_TIMEOUT && call->timeout_ms != DOCENT_NO_WAIT && took_ms + 1 < call->timeout_ms) {
        world_fail(world, "acquire %" PRIu64 " timed out after %" PRIu64 " of %" PRIu32 " ms", call->serial, took_ms, call->timeout_ms);
    }
    if (call->timeout_ms != DOCENT_FOREVER && call->timeout_ms != DOCENT_NO_WAIT && took_ms > call->timeout_ms + ACTOR_SLACK_MS && !paused) {
        world_fail(world, "acquire %" PRIu64 " took %" PRIu64 " of %" PRIu32 " ms", call->serial, took_ms, call->timeout_ms);
    }
    if (actor->acquire != call) {
        return; /* Its handle is being closed. */
    }
    actor->acquire = NULL;
    if (status == DOCENT_ERR_CLOSING) {
        world_fail(world, "acquire %" PRIu64 " ended with closing, and nobody closes", call->serial);
    }
    if (status != DOCENT_OK) {
        actor_round_done(actor);
        return;
    }
    if (call->cancelled) {
        return; /* The grant was on its way when it was released; actor_impatient() waits for that. */
    }
    int64_t token = docent_lock_token(actor->lock);
    actor->served = world_calm(world);
    actor->granted = true;
    actor->writes = 0;
    actor_go(actor, ACTOR_HOLDING);
    locks_granted(actor);
    if (token != -1) {
        world_granted(world, actor, token);
    }
    actor_in(actor, actor_between(actor, 0, 30));
}

static void actor_acquire(struct actor *actor)
{
    struct world *world = actor->world;
    if (actor->lock == NULL) {
        docent_lock_options options = {
            DOCENT_LOCK_OPTIONS, .dialect = world->scenario->kazoo ? DOCENT_DIALECT_KAZOO : DOCENT_DIALECT_CURATOR, .label = "sim",
            .on_state = actor_state_told, .on_lost = actor_lost, .user = actor,
        };
        docent_lock *lock = NULL;
        actor->handles++;
        docent_status status = locks_new(actor, &options, &lock);
        if (status != DOCENT_OK) {
            if (status != DOCENT_ERR_NO_MEMORY) {
                world_fail(world, "client %zu gets no lock: %s", actor->index, docent_status_name(status));
            }
            actor_in(actor, 10);
            return;
        }
        actor->lock = lock;
        actor->told = DOCENT_LOCK_RELEASED;
    }
    uint32_t timeout_ms = DOCENT_FOREVER;
    if (!world_calm(world)) {
        uint64_t how = actor_between(actor, 0, 99);
        timeout_ms = how < 60 ? DOCENT_FOREVER : how < 85 ? (uint32_t)actor_between(actor, 1, 2 * world->session_ms) : DOCENT_NO_WAIT;
    }
    struct call *call = world_call(world, actor, CALL_ACQUIRE);
    call->timeout_ms = timeout_ms;
    docent_status status = locks_acquire(actor, timeout_ms, actor_acquired, call);
    if (status != DOCENT_OK) {
        call->refused = true;
        if (status != DOCENT_ERR_NO_MEMORY) {
            world_fail(world, "client %zu cannot acquire: %s", actor->index, docent_status_name(status));
        }
        actor_in(actor, 10);
        return;
    }
    actor->acquire = call;
    actor_go(actor, ACTOR_ACQUIRING);
    if (world->scenario->impatient && !world_calm(world) && actor_may(actor, 300)) {
        actor_in(actor, actor_between(actor, 0, actor_may(actor, 500) ? 20 : 2 * world->session_ms));
    }
}

static void actor_released(docent_status status, void *user)
{
    struct call *call = user;
    struct actor *actor = call->actor;
    world_call_told(call, status);
    if (status != DOCENT_OK && status != DOCENT_ERR_CLOSING) {
        world_fail(actor->world, "release %" PRIu64 " ended with %s", call->serial, docent_status_name(status));
    }
    if (actor->state == ACTOR_RELEASING && call->handle == actor->handles) {
        actor_round_done(actor);
    }
}

static void actor_release(struct actor *actor)
{
    bool tell = world_calm(actor->world) || actor_may(actor, 500);
    actor->granted = false;
    if (actor->acquire != NULL) {
        actor->acquire->cancelled = true;
    }
    if (!tell) {
        locks_release(actor);
    } else {
        struct call *call = world_call(actor->world, actor, CALL_RELEASE);
        docent_status status = locks_release_async(actor, actor_released, call);
        if (status != DOCENT_OK) {
            call->refused = true;
            tell = false;
            if (status != DOCENT_ERR_NO_MEMORY) {
                world_fail(actor->world, "client %zu cannot release: %s", actor->index, docent_status_name(status));
            }
        }
    }
    if (docent_lock_token(actor->lock) != -1) {
        world_fail(actor->world, "client %zu has a token after its release", actor->index);
    }
    if (tell) {
        actor_go(actor, ACTOR_RELEASING);
    } else {
        actor_round_done(actor);
    }
}

/* Ends a hold, or a wait, in one of the ways there are. */
static void actor_let_go(struct actor *actor)
{
    uint64_t how = world_calm(actor->world) || !actor->world->scenario->impatient ? 0 : actor_between(actor, 0, 99);
    clock_stop(&actor->world->clock, &actor->alarm);
    if (how < 70) {
        actor_release(actor);
    } else if (how < 85) {
        actor_close_lock(actor);
    } else if (how < 95) {
        actor_close_client(actor);
    } else {
        actor_crash(actor);
    }
}

static void actor_call_told(const docent_result *result, void *user)
{
    world_call_told(user, result->status);
}

/* A write that carries its guard: only applied while we hold. */
void actor_write_guarded(struct actor *actor, int64_t token)
{
    struct call *call = world_call(actor->world, actor, CALL_GUARDED);
    call->token = token;
    char text[64];
    int size = snprintf(text, sizeof text, "g %" PRIu64, call->serial);
    uint64_t failures = actor->client.memory.failures;
    docent_hold *hold = actor->world->leaders != NULL ? leaders_hold(actor) : docent_lock_hold(actor->lock);
    if (hold == NULL && actor->client.memory.failures > failures) {
        call->refused = true;
        return;
    }
    if (hold == NULL) {
        world_fail(actor->world, "client %zu has a token and no hold", actor->index);
        call->refused = true;
        return;
    }
    if (docent_hold_czxid(hold) != token) {
        world_fail(actor->world, "client %zu has token %" PRId64 " and the hold of %" PRId64, actor->index, token, docent_hold_czxid(hold));
    }
    docent_op set = docent_op_set("/resource", text, (size_t)size, DOCENT_ANY_VERSION);
    docent_op multi = docent_op_multi(&set, 1);
    docent_call_options options = {DOCENT_CALL_OPTIONS, .hold = hold};
    docent_status status = docent_run_async(actor->client.core, &multi, &options, actor_call_told, call);
    docent_hold_unref(hold);
    if (status != DOCENT_OK) {
        call->refused = true;
        if (status != DOCENT_ERR_NO_MEMORY && status != DOCENT_ERR_NOT_HELD) {
            world_fail(actor->world, "a guarded write is refused: %s", docent_status_name(status));
        }
    }
}

static void actor_hold(struct actor *actor)
{
    struct world *world = actor->world;
    int64_t token = docent_lock_token(actor->lock);
    if (token != -1) {
        world_resource_write(world, token);
        if (actor_may(actor, 600)) {
            (world->txns != NULL ? txns_guarded : actor_write_guarded)(actor, token);
        }
    }
    actor->writes++;
    if (actor->writes < 3) {
        bool long_hold = world->scenario->long_holds && !world_calm(world) && actor_may(actor, 700);
        actor_in(actor, actor_between(actor, 0, long_hold ? world->session_ms : 60));
    } else if (!locks_holds_on(actor)) {
        actor_let_go(actor);
    }
}

/* ---- A writer. ---- */

/* A one-shot watch: told the change that follows the read, or what ended it. */
void actor_watch_told(const docent_watch_event *event, void *user)
{
    struct call *call = user;
    struct actor *actor = call->actor;
    if (!event->last) {
        world_fail(call->world, "watch %" PRIu64 " is told something that is not the last", call->serial);
    }
    world_call_told(call, event->status);
    uint32_t version = 0;
    if (event->status == DOCENT_ERR_TIMEOUT) { /* Taken back when the answer comes, from a server that is known to be able to. */
        (void)docent_client_server(actor->client.core, &version);
    }
    call->world->watches_left += (event->status == DOCENT_ERR_TIMEOUT && version == 0) || event->status == DOCENT_ERR_NO_MEMORY;
    if (actor->watched == call) {
        actor->watched = NULL;
        actor->watch = NULL;
    }
}

bool actor_quiet(struct actor *actor)
{
    int64_t changed = actor->watches_still ? actor->world->still_zxid : actor->world->shared_zxid;
    if (actor->watch != NULL && actor->watched->token >= changed) {
        docent_watch *watch = actor->watch;
        actor->watch = NULL;
        uint32_t version = 0;
        (void)docent_client_server(actor->client.core, &version);
        actor->world->watches_left += version == 0;
        docent_watch_cancel(watch);
    }
    return actor->watched == NULL;
}

/* What one client has read of a node it never reads again as it was before, whatever server it is at. */
static void actor_saw_shared(struct actor *actor, const docent_stat *stat)
{
    if (stat->mzxid < actor->seen_shared) {
        world_fail(actor->world, "client %zu reads what was there at %#" PRIx64 ", after %#" PRIx64, actor->index, (uint64_t)stat->mzxid,
                   (uint64_t)actor->seen_shared);
    }
    actor->seen_shared = stat->mzxid;
    actor->version = stat->version;
}

static void actor_looked(const docent_result *result, void *user)
{
    struct call *call = user;
    struct actor *actor = call->actor;
    world_call_told(call, result->status);
    if (result->status == DOCENT_OK) {
        if (!call->still) {
            actor_saw_shared(actor, &result->stat);
        }
        if (actor->watched != NULL && actor->watched->serial == call->serial + 1) {
            actor->watched->token = result->stat.mzxid;
        }
    }
    if (actor->state == ACTOR_CALLING) {
        actor_rest(actor);
    }
}

static void actor_wrote(const docent_result *result, void *user)
{
    struct call *call = user;
    struct actor *actor = call->actor;
    world_call_told(call, result->status);
    if ((call->kind == CALL_SET || call->kind == CALL_PUT) && result->status == DOCENT_OK) {
        if (result->result_count > 0) { /* The last of a transaction. */
            result = &result->results[result->result_count - 1];
        }
        if (result->has_stat) {
            actor_saw_shared(actor, &result->stat);
        }
    } else if (call->kind == CALL_CREATE && result->status == DOCENT_OK && !call->still) {
        actor->mine = call->serial;
    }
    actor->served = world_calm(actor->world);
    if (actor->state == ACTOR_CALLING) {
        actor_round_done(actor);
    }
}

static void actor_call(struct actor *actor)
{
    char path[64], text[64];
    uint64_t how = actor_between(actor, 0, 99);
    enum call_kind kind = how < 30 ? CALL_SET : how < 40 ? CALL_PUT : how < 60 ? CALL_LOOK : actor->mine != 0 ? CALL_DELETE : CALL_CREATE;
    struct call *call = world_call(actor->world, actor, kind);
    docent_result_fn done = actor_wrote;
    docent_op op = docent_op_get(ACTOR_SHARED);
    if (kind == CALL_SET || kind == CALL_PUT) {
        int size = snprintf(text, sizeof text, "%c %" PRIu64, kind == CALL_SET ? 's' : 'p', call->serial);
        op = docent_op_set(ACTOR_SHARED, text, (size_t)size, kind == CALL_SET ? actor->version : DOCENT_ANY_VERSION);
    } else if (kind == CALL_LOOK) {
        done = actor_looked;
        call->still = actor_may(actor, 400);
        op = call->still ? docent_op_exists(ACTOR_STILL) : op;
    } else if (kind == CALL_DELETE) {
        snprintf(path, sizeof path, "/w%" PRIu64, actor->mine);
        op = docent_op_delete(path, DOCENT_ANY_VERSION);
        call->token = (int64_t)actor->mine;
    } else {
        call->still = actor->world->still_zxid == 0 && actor_may(actor, 300);
        snprintf(path, sizeof path, "/w%" PRIu64, call->serial);
        int size = snprintf(text, sizeof text, "c %" PRIu64, call->serial);
        op = docent_op_create(call->still ? ACTOR_STILL : path, text, (size_t)size, DOCENT_PERSISTENT);
    }
    docent_call_options options = {
        DOCENT_CALL_OPTIONS, .timeout_ms = (uint32_t)actor_between(actor, 100, 5 * actor->world->session_ms),
        .offline = world_calm(actor->world) ? DOCENT_OFFLINE_QUEUE : (docent_offline_policy)actor_between(actor, 0, DOCENT_OFFLINE_SESSION),
    };
    docent_op parts[] = {docent_op_check(ACTOR_SHARED, DOCENT_ANY_VERSION), op};
    if ((kind == CALL_SET || kind == CALL_CREATE) && actor_may(actor, 300)) { /* The same as a transaction. */
        op = docent_op_multi(parts, 2);
    }
    bool watches = kind == CALL_LOOK && actor->watched == NULL;
    if (watches) {
        actor->watched = world_call(actor->world, actor, CALL_WATCH);
        options.watch = actor_watch_told;
        options.watch_user = actor->watched;
        options.ret_watch = &actor->watch;
        actor->watches_still = call->still;
    }
    docent_status status = docent_run_async(actor->client.core, &op, &options, done, call);
    if (status != DOCENT_OK) {
        call->refused = true;
        if (watches) {
            actor->watched->refused = true;
            actor->watched = NULL;
        }
        if (status != DOCENT_ERR_NO_MEMORY) {
            world_fail(actor->world, "a call is refused: %s", docent_status_name(status));
        }
        actor_in(actor, 10);
        return;
    }
    if (kind == CALL_DELETE) {
        actor->mine = 0;
    }
    actor_go(actor, ACTOR_CALLING);
}

/* ---- Both. ---- */

void actor_call_began(struct actor *actor)
{
    actor_go(actor, actor->prepared ? ACTOR_CALLING : ACTOR_PREPARING);
}

void actor_call_over(struct actor *actor)
{
    if (actor->state == ACTOR_CALLING) {
        actor->served = world_calm(actor->world);
        actor_round_done(actor);
    } else if (actor->state == ACTOR_PREPARING) {
        actor_rest(actor);
    }
}

void actor_call_refused(struct actor *actor, struct call *call, docent_status status)
{
    call->refused = true;
    if (status != DOCENT_ERR_NO_MEMORY) {
        world_fail(actor->world, "a call is refused: %s", docent_status_name(status));
    }
    actor_in(actor, 10);
}

void actor_call_accepted(struct actor *actor, struct call *call, docent_status status)
{
    if (status == DOCENT_OK) {
        actor_call_began(actor);
    } else {
        actor_call_refused(actor, call, status);
    }
}

static void actor_prepared(const docent_result *result, void *user)
{
    struct call *call = user;
    struct actor *actor = call->actor;
    world_call_told(call, result->status);
    actor->prepared = result->status == DOCENT_OK || result->status == DOCENT_ERR_NODE_EXISTS;
    if (actor->state == ACTOR_PREPARING) {
        actor_rest(actor);
    }
}

static void actor_prepare(struct actor *actor)
{
    struct call *call = world_call(actor->world, actor, CALL_PREPARE);
    docent_op create = docent_op_create(actor->writer ? ACTOR_SHARED : "/resource", NULL, 0, DOCENT_PERSISTENT);
    docent_status status = docent_run_async(actor->client.core, &create, NULL, actor_prepared, call);
    if (status == DOCENT_OK) {
        actor_go(actor, ACTOR_PREPARING);
        return;
    }
    call->refused = true;
    if (status != DOCENT_ERR_NO_MEMORY) {
        world_fail(actor->world, "client %zu cannot prepare: %s", actor->index, docent_status_name(status));
    }
    actor_in(actor, 10);
}

static void actor_ring(struct alarm *alarm)
{
    struct actor *actor = (struct actor *)(void *)((char *)alarm - offsetof(struct actor, alarm));
    if (actor->client.paused) {
        actor->missed = true;
        return;
    }
    switch (actor->state) {
    case ACTOR_DOWN:
        actor_start(actor);
        break;
    case ACTOR_IDLE:
        if (actor->world->barriers != NULL) {
            actor->prepared = true;
            barriers_act(actor);
        } else if (actor->world->gathers != NULL) {
            actor->prepared = true;
            gathers_act(actor);
        } else if (actor->world->caches != NULL) {
            actor->prepared = true;
            caches_act(actor);
        } else if (actor->world->works != NULL) {
            actor->prepared = true;
            works_act(actor);
        } else if (actor->world->leaders != NULL && !actor->writer && actor->prepared) {
            leaders_act(actor);
        } else if (actor->world->gates != NULL) {
            actor->prepared = true;
            gates_act(actor);
        } else if (actor->world->shares != NULL) {
            actor->prepared = true;
            shares_act(actor);
        } else if (actor->world->mates != NULL) {
            actor->prepared = true;
            mates_act(actor);
        } else if (actor->world->lessees != NULL) {
            actor->prepared = true;
            lessees_act(actor);
        } else if (!actor->prepared || (actor->view == NULL && actor->world->scenario->viewed)) { /* Or no more: of a new process. */
            actor->prepared = false;
            (actor->world->scenario->play == PLAY_CALLS || actor->world->leaders != NULL ? actor_prepare : nodes_prepare)(actor);
        } else if (actor->writer) {
            (actor->world->queues != NULL ? queues_call : actor->world->nodes != NULL ? nodes_call : actor->world->txns != NULL ? txns_call : actor->world->counter != NULL ? counter_call
                                                                                                                    : actor_call)(actor);
        } else {
            actor_acquire(actor);
        }
        break;
    case ACTOR_ACQUIRING: /* Tired of waiting. */
        actor_let_go(actor);
        break;
    case ACTOR_HOLDING:
        actor_hold(actor);
        break;
    case ACTOR_PREPARING:
    case ACTOR_RELEASING:
    case ACTOR_CLOSING_LOCK:
    case ACTOR_CLOSING_CLIENT:
    case ACTOR_CALLING:
    case ACTOR_FINISHED:
        break;
    }
}

struct actor *actor_new(struct world *world, size_t index, bool writer)
{
    struct actor *actor = calloc(1, sizeof *actor);
    if (actor == NULL) {
        abort();
    }
    *actor = (struct actor){.world = world, .index = index, .writer = writer, .alarm.ring = actor_ring};
    actor->client = (struct sim_client){.net = &world->net, .index = index, .servers = world->scenario->replicas, .owner = actor,
                                        .speaks = world->scenario->speaks, .closed = actor_client_closed};
    actor->client.posts_last = &actor->client.posts;
    struct memory *memory = &actor->client.memory;
    *memory = (struct memory){.asked = &world->allocations, .random = &world->random,
                              .fail_per_100k = world->storm.per_100k[FAULT_ALLOC]};
    size_t failures = 0;
    for (size_t i = 0; i < world->plan.count && failures < 2; i++) {
        if (world->plan.faults[i].kind == FAULT_ALLOC) {
            memory->fail_at[failures++] = world->plan.faults[i].at;
        }
    }
    actor_in(actor, actor_between(actor, 0, 50));
    return actor;
}

void actor_free(struct actor *actor)
{
    free(actor->node);
    free(actor);
}

void actor_resume(struct actor *actor)
{
    sim_client_resume(&actor->client);
    if (actor->missed) {
        actor->missed = false;
        actor_in(actor, 0);
    }
}

void actor_calm(struct actor *actor)
{
    actor->served = false;
    switch (actor->state) {
    case ACTOR_FINISHED:
        actor_rest(actor);
        break;
    case ACTOR_ACQUIRING: /* Patience from now on: who waits, waits for its turn. */
        clock_stop(&actor->world->clock, &actor->alarm);
        break;
    case ACTOR_DOWN:
    case ACTOR_IDLE:
    case ACTOR_HOLDING:
        actor_in(actor, actor_between(actor, 0, 20));
        break;
    case ACTOR_PREPARING:
    case ACTOR_RELEASING:
    case ACTOR_CLOSING_LOCK:
    case ACTOR_CLOSING_CLIENT:
    case ACTOR_CALLING:
        break;
    }
}

void actor_close(struct actor *actor)
{
    actor_close_client(actor);
}

int64_t actor_token(const struct actor *actor)
{
    if (actor->world->leaders != NULL) {
        return leaders_token(actor);
    }
    return actor->lock == NULL ? -1 : docent_lock_token(actor->lock);
}
