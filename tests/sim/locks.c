#include "tests/sim/locks.h"

#include <inttypes.h>
#include <string.h>

#include "recipes/mutex.h"

enum { LOCKS_BOUND_MS = 300, LOCKS_AGAIN_MAX = 2, LOCKS_SLACK_MS = 50 };

static bool locks_are(const struct actor *actor, enum lock_play play)
{
    return actor->world->scenario->locks == play;
}

static docent_mutex *locks_mutex(const struct actor *actor)
{
    return (docent_mutex *)actor->lock;
}

/* ---- Made and acquired. ---- */

static void locks_revoked(docent_lock *lock, void *user)
{
    struct actor *actor = user;
    struct world *world = actor->world;
    world_trace(world, "client %zu  is asked to let go", actor->index);
    if (++world->revoked > world->revocations) {
        world_fail(world, "client %zu is asked to let go, and nobody has written it", actor->index);
    }
    if (lock == actor->lock && actor->told == DOCENT_LOCK_RELEASED) {
        world_fail(world, "client %zu is asked to let go of what it has released", actor->index);
    }
    if (lock == actor->lock && !world_calm(world) && actor->state == ACTOR_ACQUIRING && chance_per_mille(&world->random, 300)) {
        actor_wake(actor, 0);
    } else if (lock == actor->lock && actor->state == ACTOR_HOLDING) {
        actor->asked = true;
        actor_wake(actor, 0);
    }
}

/* What every actor has its locks tell. */
static void (*lock_on_state)(docent_lock *lock, docent_lock_state state, void *user);
static void (*lock_on_lost)(docent_lock *lock, docent_status why, void *user);

static void mutex_on_state(docent_mutex *mutex, docent_lock_state state, void *user)
{
    lock_on_state(&mutex->lock, state, user);
}

static void mutex_on_lost(docent_mutex *mutex, docent_status why, void *user)
{
    lock_on_lost(&mutex->lock, why, user);
}

static docent_status mutex_new(struct actor *actor, const docent_lock_options *options, docent_lock **ret_lock)
{
    docent_mutex_options mutex_options = {
        DOCENT_MUTEX_OPTIONS, .label = options->label, .on_state = mutex_on_state, .on_lost = mutex_on_lost, .user = actor,
    };
    docent_mutex *mutex;
    lock_on_state = options->on_state;
    lock_on_lost = options->on_lost;
    docent_status status = docent_mutex_new(actor_client(actor), ACTOR_QUEUE, &mutex_options, &mutex);
    if (status == DOCENT_OK) {
        *ret_lock = &mutex->lock;
    }
    return status;
}

docent_status locks_new(struct actor *actor, docent_lock_options *options, docent_lock **ret_lock)
{
    static const docent_dialect dialects[] = {DOCENT_DIALECT_CURATOR, DOCENT_DIALECT_KAZOO, DOCENT_DIALECT_ZOOKEEPER};
    switch (actor->world->scenario->locks) {
    case LOCKS_ANY:
    case LOCKS_PLAIN:
        break;
    case LOCKS_REVOKED:
        options->on_revoke = locks_revoked;
        break;
    case LOCKS_BOUNDED:
        options->max_hold_ms = LOCKS_BOUND_MS;
        break;
    case LOCKS_MUTEX:
        return mutex_new(actor, options, ret_lock);
    case LOCKS_ZOOKEEPER:
        options->dialect = DOCENT_DIALECT_ZOOKEEPER;
        break;
    case LOCKS_MIXED:
        options->dialect = dialects[actor->index % 3];
        options->tolerant = true;
        break;
    }
    return docent_lock_new(actor_client(actor), ACTOR_QUEUE, options, ret_lock);
}

static void locks_asked(const docent_result *result, void *user)
{
    struct call *call = user;
    struct actor *actor = call->actor;
    world_call_told(call, result->status);
    if (actor->asking != call) {
        return;
    }
    actor->asking = NULL;
    if (result->status != DOCENT_OK && actor->state == ACTOR_HOLDING) {
        actor_wake(actor, 50);
    }
}

/* Asks whoever is first to let go. */
static void locks_ask(struct actor *actor)
{
    struct call *call = world_call(actor->world, actor, CALL_REVOKE);
    docent_status status = docent_lock_revoke_async(actor->lock, NULL, locks_asked, call);
    if (status == DOCENT_OK) {
        actor->asking = call;
        return;
    }
    call->refused = true;
    if (status != DOCENT_ERR_NO_MEMORY) {
        world_fail(actor->world, "client %zu cannot ask to let go: %s", actor->index, docent_status_name(status));
    }
}

docent_status locks_acquire(struct actor *actor, uint32_t timeout_ms, docent_done_fn done, struct call *call)
{
    if (locks_are(actor, LOCKS_MUTEX)) {
        return docent_mutex_acquire_async(locks_mutex(actor), timeout_ms, done, call);
    }
    docent_status status = docent_lock_acquire_async(actor->lock, timeout_ms, done, call);
    if (status == DOCENT_OK && locks_are(actor, LOCKS_REVOKED) && chance_per_mille(&actor->world->random, 300)) {
        locks_ask(actor);
    }
    return status;
}

/* ---- Held. ---- */

static void locks_again(docent_status status, void *user)
{
    struct call *call = user;
    world_call_told(call, status);
    if (status != DOCENT_OK) {
        world_fail(call->world, "what is held is not acquired again: %s", docent_status_name(status));
    }
}

static void locks_acquire_again(struct actor *actor)
{
    struct call *call = world_call(actor->world, actor, CALL_ACQUIRE);
    docent_status status = docent_mutex_acquire_async(locks_mutex(actor), DOCENT_FOREVER, locks_again, call);
    if (status == DOCENT_OK) {
        actor->again++;
        return;
    }
    call->refused = true;
    if (status != DOCENT_ERR_NO_MEMORY) {
        world_fail(actor->world, "client %zu holds, and cannot acquire again: %s", actor->index, docent_status_name(status));
    }
}

void locks_granted(struct actor *actor)
{
    actor->granted_us = actor->world->clock.now_us;
    actor->asked = false;
    actor->asking = NULL;
    actor->again = 0;
    if (!locks_are(actor, LOCKS_MUTEX)) {
        return;
    }
    uint64_t times = chance_between(&actor->world->random, 0, LOCKS_AGAIN_MAX);
    for (uint64_t i = 0; i < times && docent_lock_token(actor->lock) != -1; i++) {
        locks_acquire_again(actor);
    }
    if (docent_lock_token(actor->lock) != -1 && docent_mutex_count(locks_mutex(actor)) != actor->again + 1) {
        world_fail(actor->world, "client %zu has acquired %u times, counted as %" PRIu32, actor->index, actor->again + 1,
                   docent_mutex_count(locks_mutex(actor)));
    }
}

bool locks_holds_on(struct actor *actor)
{
    if (locks_are(actor, LOCKS_REVOKED) && !actor->asked) {
        if (actor->asking == NULL) {
            locks_ask(actor);
        }
        if (actor->asking == NULL) {
            actor_wake(actor, 10);
        }
        return true;
    }
    if (locks_are(actor, LOCKS_BOUNDED) && (actor->index % 2 == 0 || docent_lock_token(actor->lock) == -1)) {
        return true; /* Until it is lost. */
    }
    return false;
}

/* All but the last. */
static void locks_release_again(struct actor *actor)
{
    int64_t token = docent_lock_token(actor->lock);
    while (actor->again > 0) {
        docent_status status = docent_mutex_release(locks_mutex(actor));
        actor->again--;
        if (token != -1 && (status != DOCENT_OK || docent_lock_token(actor->lock) != token)) {
            world_fail(actor->world, "client %zu gives back one of several, %s, and has token %" PRId64, actor->index,
                       docent_status_name(status), docent_lock_token(actor->lock));
        }
    }
}

/* One too many. */
static void locks_release_once_more(struct actor *actor)
{
    docent_status status = docent_mutex_release(locks_mutex(actor));
    if (status != DOCENT_ERR_NOT_HELD) {
        world_fail(actor->world, "client %zu releases once more than it has acquired: %s", actor->index, docent_status_name(status));
    }
}

void locks_release(struct actor *actor)
{
    if (!locks_are(actor, LOCKS_MUTEX) || actor->acquire != NULL) {
        docent_lock_release(actor->lock);
        return;
    }
    locks_release_again(actor);
    (void)docent_mutex_release(locks_mutex(actor));
    locks_release_once_more(actor);
}

docent_status locks_release_async(struct actor *actor, docent_done_fn done, struct call *call)
{
    if (!locks_are(actor, LOCKS_MUTEX) || actor->acquire != NULL || docent_lock_token(actor->lock) == -1) {
        return docent_lock_release_async(actor->lock, done, call);
    }
    locks_release_again(actor);
    docent_status status = docent_mutex_release_async(locks_mutex(actor), done, call);
    locks_release_once_more(actor);
    return status;
}

/* ---- What has to be so. ---- */

bool locks_may_lose(struct actor *actor, docent_status why)
{
    if (!locks_are(actor, LOCKS_BOUNDED) || why != DOCENT_ERR_TIMEOUT) {
        return false;
    }
    uint64_t held_us = actor->world->clock.now_us - actor->granted_us;
    if (held_us + LOCKS_SLACK_MS * SIM_MS < LOCKS_BOUND_MS * SIM_MS) {
        world_fail(actor->world, "client %zu has lost its hold for its age, after %" PRIu64 " ms", actor->index, held_us / SIM_MS);
    }
    return true;
}

void locks_gone(struct actor *actor)
{
    actor->asking = NULL;
    actor->asked = false;
    actor->again = 0;
}

void locks_committed(struct world *world, const struct commit *commit)
{
    world->revocations += commit->size == REVOCATION_SIZE && memcmp(commit->data, REVOCATION_MESSAGE, REVOCATION_SIZE) == 0;
}

void locks_check(struct world *world)
{
    for (size_t i = 0; i < world->actor_count && world->scenario->locks == LOCKS_BOUNDED; i++) {
        const struct actor *actor = world->actors[i];
        if (actor->granted && actor->granted_us + LOCKS_BOUND_MS * SIM_MS < world->clock.now_us && actor_token(actor) != -1) {
            world_fail(world, "client %zu holds for longer than it may", i);
        }
    }
}
