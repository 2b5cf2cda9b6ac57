#include "tests/sim/shares.h"

#include <docent/multi_lock.h>
#include <docent/rwlock.h>
#include <docent/txn.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "recipes/lock_internal.h"

#define SHARES_RW "/shares"
#define SHARES_MULTI "/multi/"
enum { SHARES_PATHS = 3, SHARES_SLACK_MS = 50, SHARES_DIGITS = 10 };
static const char *const shares_paths[SHARES_PATHS] = {SHARES_MULTI "a", SHARES_MULTI "b", SHARES_MULTI "c"};

struct share_node { /* Of a queue, as the log has it. */
    int64_t czxid, owner;
    char *path;
    bool alive;
    bool struck; /* Somebody deletes it under its holder, who hears of it within a second or so. */
};

enum peer_state { PEER_IDLE, PEER_WAITS, PEER_WRITES, PEER_DOWNGRADED, PEER_READS };

struct share { /* Of one process. */
    docent_rwlock *rw;
    docent_multi_lock *multi;
    size_t places[SHARES_PATHS]; /* The multi-lock's, in its own order. */
    size_t place_count;
    docent_lock *asked;
    struct call *acquire;
    bool struck;         /* A node of ours was. */
    /* A peer. */
    enum peer_state peer;
    bool out, failed;
    char write[80], read[80];
};

struct shares {
    struct share of[WORLD_ACTORS_MAX];
    struct share_node *nodes;
    size_t count, capacity, alive;
    int64_t token_last; /* Of writers. */
    uint64_t serial;    /* Of guarded writes. */
};

struct shares *shares_new(void)
{
    struct shares *shares = calloc(1, sizeof *shares);
    if (shares == NULL) {
        abort();
    }
    return shares;
}

void shares_free(struct shares *shares)
{
    for (size_t i = 0; shares != NULL && i < shares->count; i++) {
        free(shares->nodes[i].path);
    }
    free(shares == NULL ? NULL : shares->nodes);
    free(shares);
}

static struct share *share_of(const struct actor *actor)
{
    return &actor->world->shares->of[actor->index];
}

static bool share_may(struct actor *actor, unsigned per_mille)
{
    return chance_per_mille(&actor->world->random, per_mille);
}

static uint64_t share_between(struct actor *actor, uint64_t low, uint64_t high)
{
    return chance_between(&actor->world->random, low, high);
}

/* ---- The log. ---- */

static struct share_node *share_node_of(const struct shares *shares, int64_t czxid)
{
    for (size_t i = shares->count; i > 0; i--) {
        if (shares->nodes[i - 1].czxid == czxid) {
            return &shares->nodes[i - 1];
        }
    }
    return NULL;
}

static void share_guarded(struct world *world, const struct commit *commit)
{
    char text[128] = "";
    memcpy(text, commit->data, commit->size < sizeof text ? commit->size : sizeof text - 1);
    world->guarded++;
    for (char *at = strtok(text, " "); at != NULL; at = strtok(NULL, " ")) {
        const struct share_node *node = share_node_of(world->shares, strtoll(at, NULL, 10));
        if (node == NULL || !node->alive) {
            world_fail(world, "%s is written without the node of its hold", commit->path);
        } else if (node->owner != commit->session) {
            world_fail(world, "%s is written in another session than its hold's", commit->path);
        }
    }
}

bool shares_committed(struct world *world, const struct commit *commit)
{
    struct shares *shares = world->shares;
    if (strncmp(commit->path, "/g-", 3) == 0) {
        share_guarded(world, commit);
        return true;
    }
    if (strncmp(commit->path, SHARES_RW "/", sizeof SHARES_RW) != 0 && strncmp(commit->path, SHARES_MULTI, sizeof SHARES_MULTI - 1) != 0) {
        return false;
    }
    if (commit->type == COMMIT_CREATE && commit->owner != 0) {
        shares->nodes = sim_grow(shares->nodes, shares->count, &shares->capacity, sizeof *shares->nodes);
        shares->nodes[shares->count++] = (struct share_node){commit->zxid, commit->owner, strdup(commit->path), true, false};
        shares->alive++;
    }
    for (size_t i = 0; commit->type == COMMIT_DELETE && i < shares->count; i++) {
        struct share_node *node = &shares->nodes[i];
        if (node->alive && strcmp(node->path, commit->path) == 0) {
            node->alive = false;
            shares->alive--;
        }
    }
    return true;
}

/* ---- What must be true. ---- */

static bool share_is_writer(const struct share_node *node)
{
    return strstr(node->path, "__WRIT__") != NULL || strstr(node->path, "__lock__") != NULL;
}

static const char *share_number(const struct share_node *node)
{
    return node->path + strlen(node->path) - SHARES_DIGITS;
}

/* NULL: it does not say that it is held. */
static const struct share_node *share_claim(struct world *world, size_t client, docent_lock *lock, docent_lock_state state)
{
    if (state != DOCENT_LOCK_HELD && state != DOCENT_LOCK_SUSPECT) {
        return NULL;
    }
    const struct share_node *node = lock->current == NULL ? NULL : share_node_of(world->shares, lock->current->contender.own.czxid);
    if (node == NULL) {
        world_fail(world, "client %zu holds by a node that the log does not have", client);
        return NULL;
    }
    if (world_excused_session(world, node->owner) || node->struck) {
        return NULL;
    }
    if (!node->alive) {
        world_fail(world, "client %zu says that it holds %s, which is gone", client, node->path);
    }
    return node;
}

static bool share_same_queue(const struct share_node *a, const struct share_node *b)
{
    size_t size = (size_t)(strrchr(a->path, '/') - a->path) + 1;
    return strncmp(a->path, b->path, size) == 0;
}

/* The claims of one process. */
static size_t share_claims(struct world *world, size_t client, const struct share_node **claims)
{
    struct share *share = &world->shares->of[client];
    size_t count = 0;
    if (share->rw != NULL) {
        docent_lock *read = docent_rwlock_read(share->rw), *write = docent_rwlock_write(share->rw);
        claims[count] = share_claim(world, client, read, docent_lock_get_state(read));
        count += claims[count] != NULL;
        claims[count] = share_claim(world, client, write, docent_lock_get_state(write));
        count += claims[count] != NULL;
    }
    if (share->multi == NULL) {
        return count;
    }
    docent_lock_state state = docent_multi_lock_get_state(share->multi);
    for (size_t i = 0; i < share->place_count; i++) {
        docent_lock *member = docent_multi_lock_member(share->multi, i);
        bool held = state == DOCENT_LOCK_HELD || state == DOCENT_LOCK_SUSPECT;
        claims[count] = share_claim(world, client, member, held ? DOCENT_LOCK_HELD : docent_lock_get_state(member));
        if (held && claims[count] != NULL && docent_lock_token(member) != claims[count]->czxid) {
            world_fail(world, "client %zu holds all, and a member has no token", client);
        }
        count += claims[count] != NULL;
    }
    return count;
}

void shares_check(struct world *world)
{
    const struct share_node *claims[WORLD_ACTORS_MAX][SHARES_PATHS + 2];
    size_t counts[WORLD_ACTORS_MAX];
    for (size_t i = 0; i < world->actor_count; i++) {
        counts[i] = world->actors[i]->writer ? 0 : share_claims(world, i, claims[i]);
        for (size_t k = 0; k < i; k++) {
            for (size_t a = 0; a < counts[i]; a++) {
                for (size_t b = 0; b < counts[k]; b++) {
                    const struct share_node *one = claims[i][a], *two = claims[k][b];
                    bool shared = world->shares->of[i].rw != NULL && !share_is_writer(one) && !share_is_writer(two);
                    if (!shared && share_same_queue(one, two)) {
                        world_fail(world, "clients %zu and %zu hold together: %s and %s", k, i, two->path, one->path);
                    }
                }
            }
        }
    }
}

/* @lock was granted: nobody in its way may be in front of it. */
static void share_granted(struct actor *actor, docent_lock *lock, bool reads)
{
    struct world *world = actor->world;
    const struct share_node *own = share_claim(world, actor->index, lock, docent_lock_get_state(lock));
    for (size_t i = 0; own != NULL && i < world->shares->count; i++) {
        const struct share_node *node = &world->shares->nodes[i];
        if (!node->alive || node == own || !share_same_queue(node, own) || (reads && !share_is_writer(node))) {
            continue;
        }
        if (strcmp(share_number(node), share_number(own)) < 0) {
            world_fail(world, "client %zu holds by %s while %s is in front", actor->index, own->path, node->path);
        }
    }
    world->grants++;
}

static void share_granted_write(struct actor *actor, docent_lock *lock)
{
    int64_t token = docent_lock_token(lock);
    const struct share_node *node = share_node_of(actor->world->shares, token);
    if (token == -1 || node == NULL || world_excused_session(actor->world, node->owner)) {
        return;
    }
    if (token <= actor->world->shares->token_last) {
        world_fail(actor->world, "client %zu is granted token %" PRId64 ", not the largest", actor->index, token);
    }
    actor->world->shares->token_last = token;
}

/* ---- Acquiring and releasing. ---- */

static void share_let_go(struct actor *actor)
{
    struct share *share = share_of(actor);
    if (share->rw != NULL) {
        docent_lock *locks[] = {docent_rwlock_write(share->rw), docent_rwlock_read(share->rw)};
        for (int i = 0; i < 2; i++) {
            docent_lock_release(locks[i]);
            if (docent_lock_get_state(locks[i]) != DOCENT_LOCK_RELEASED) {
                world_fail(actor->world, "client %zu holds after its release", actor->index);
            }
        }
    } else if (share->multi != NULL) {
        docent_multi_lock_release(share->multi);
        for (size_t i = 0; i < share->place_count; i++) {
            if (docent_lock_get_state(docent_multi_lock_member(share->multi, i)) != DOCENT_LOCK_RELEASED) {
                world_fail(actor->world, "client %zu has released all, and a member is held", actor->index);
            }
        }
    }
}

static void share_answered(docent_status status, void *user)
{
    struct call *call = user;
    struct actor *actor = call->actor;
    struct world *world = actor->world;
    struct share *share = share_of(actor);
    world_call_told(call, status);
    uint64_t took_ms = (world->clock.now_us - call->begun_us) / SIM_MS;
    bool bounded = call->timeout_ms != DOCENT_FOREVER && call->timeout_ms != DOCENT_NO_WAIT;
    bool foretold = status == DOCENT_OK || status == DOCENT_ERR_CLOSING || status == DOCENT_ERR_SESSION_EXPIRED ||
        (status == DOCENT_ERR_NOT_HELD && call->token != -1) || (status == DOCENT_ERR_CANCELLED && call->cancelled) ||
        (status == DOCENT_ERR_TIMEOUT && call->timeout_ms != DOCENT_FOREVER) ||
        (status == DOCENT_ERR_NO_MEMORY && share->multi != NULL); /* For the second member's acquisition. */
    if (!foretold) {
        world_fail(world, "acquire %" PRIu64 " ended with %s", call->serial, docent_status_name(status));
    }
    if (bounded && took_ms > call->timeout_ms + SHARES_SLACK_MS && actor->paused_us < call->begun_us) {
        world_fail(world, "acquire %" PRIu64 " took %" PRIu64 " of %" PRIu32 " ms", call->serial, took_ms, call->timeout_ms);
    }
    if (share->acquire != call) {
        return; /* Its handle is being closed. */
    }
    share->acquire = NULL;
    if (status == DOCENT_ERR_CLOSING) {
        world_fail(world, "acquire %" PRIu64 " ended with closing, and nobody closes", call->serial);
    }
    for (size_t i = 0; status != DOCENT_OK && share->multi != NULL && i < share->place_count; i++) {
        if (docent_lock_get_state(docent_multi_lock_member(share->multi, i)) != DOCENT_LOCK_RELEASED) {
            world_fail(world, "client %zu cannot have all, and has a member", actor->index);
        }
    }
    if (status != DOCENT_OK || call->cancelled) {
        return;
    }
    if (share->rw != NULL) {
        bool reads = share->asked == docent_rwlock_read(share->rw);
        bool held = docent_lock_get_state(share->asked) != DOCENT_LOCK_RELEASED; /* The lease may be over by now. */
        if (held && reads && docent_lock_token(share->asked) != call->token) {
            world_fail(world, "client %zu reads with token %" PRId64 " instead of %" PRId64, actor->index, docent_lock_token(share->asked), call->token);
        }
        share_granted(actor, share->asked, reads);
        if (!reads) {
            share_granted_write(actor, share->asked);
        }
    } else if (docent_lock_token(docent_multi_lock_member(share->multi, 0)) == -1 && !share->struck) { /* The lease is over: for all, then. */
        for (size_t i = 1; i < share->place_count; i++) {
            if (docent_lock_token(docent_multi_lock_member(share->multi, i)) != -1) {
                world_fail(world, "client %zu is told that it holds all, and lacks a member", actor->index);
            }
        }
    } else {
        for (size_t i = 0; i < share->place_count && !share->struck; i++) {
            if (docent_lock_token(docent_multi_lock_member(share->multi, i)) == -1) {
                world_fail(world, "client %zu is told that it holds all, and lacks a member", actor->index);
            }
        }
        for (size_t i = 0; i < share->place_count; i++) {
            share_granted(actor, docent_multi_lock_member(share->multi, i), false);
        }
    }
    if (world_calm(world)) {
        share_let_go(actor);
        actor->served = true;
    }
}

static uint32_t share_timeout(struct actor *actor)
{
    uint64_t how = world_calm(actor->world) ? 99 : share_between(actor, 0, 99);
    return how < 10 ? DOCENT_NO_WAIT : how < 50 ? (uint32_t)share_between(actor, 20, 2 * actor->world->session_ms) : DOCENT_FOREVER;
}

static void share_ask(struct actor *actor, docent_lock *lock)
{
    struct share *share = share_of(actor);
    struct call *call = world_call(actor->world, actor, CALL_ACQUIRE);
    call->timeout_ms = share_timeout(actor);
    call->token = -1;
    if (lock != NULL && lock == docent_rwlock_read(share->rw)) {
        call->token = docent_lock_token(docent_rwlock_write(share->rw));
    }
    share->asked = lock;
    share->acquire = call;
    docent_status status = lock != NULL ? docent_lock_acquire_async(lock, call->timeout_ms, share_answered, call)
                                        : docent_multi_lock_acquire_async(share->multi, call->timeout_ms, share_answered, call);
    if (status == DOCENT_OK) {
        return;
    }
    call->refused = true;
    share->acquire = NULL;
    if (status != DOCENT_ERR_NO_MEMORY && status != DOCENT_ERR_BUSY) { /* Busy: its lease is over, and it does not know yet. */
        world_fail(actor->world, "client %zu cannot acquire: %s", actor->index, docent_status_name(status));
    }
}

/* A write that is applied only while all of these are held. */
static void share_write(struct actor *actor, docent_lock *const *locks, size_t count)
{
    docent_txn *txn;
    char path[32], text[128];
    size_t size = 0;
    if (docent_txn_new(actor->client.core, &txn) != DOCENT_OK) {
        return;
    }
    docent_status status = DOCENT_OK;
    for (size_t i = 0; i < count && status == DOCENT_OK; i++) {
        docent_hold *hold = docent_lock_hold(locks[i]);
        if (hold == NULL) {
            docent_txn_free(txn);
            return;
        }
        size += (size_t)snprintf(text + size, sizeof text - size, "%" PRId64 " ", docent_hold_czxid(hold));
        status = docent_txn_guard(txn, hold);
        docent_hold_unref(hold);
    }
    snprintf(path, sizeof path, "/g-%" PRIu64, ++actor->world->shares->serial);
    if (status == DOCENT_OK && docent_txn_create(txn, path, text, size, DOCENT_PERSISTENT) == DOCENT_OK) {
        status = docent_txn_commit_async(txn, NULL, NULL, NULL);
    }
    if (status != DOCENT_OK && status != DOCENT_ERR_NO_MEMORY && status != DOCENT_ERR_NOT_HELD) {
        world_fail(actor->world, "a guarded write is refused: %s", docent_status_name(status));
    }
    docent_txn_free(txn);
}

/* ---- What owners do, one step at a time. ---- */

static void share_lost(struct actor *actor, docent_status why)
{
    if (why != DOCENT_ERR_SESSION_EXPIRED && !(why == DOCENT_ERR_NO_NODE && share_of(actor)->struck)) {
        world_fail(actor->world, "client %zu lost a lock for %s", actor->index, docent_status_name(why));
    }
}

static void share_rw_lost(docent_lock *lock, docent_status why, void *user)
{
    (void)lock;
    share_lost(user, why);
}

static void share_multi_lost(docent_multi_lock *multi, size_t member, docent_status why, void *user)
{
    struct actor *actor = user;
    share_lost(actor, why);
    if (docent_multi_lock_get_state(multi) != DOCENT_LOCK_RELEASED) {
        world_fail(actor->world, "client %zu has lost member %zu, and holds all", actor->index, member);
    }
}

static docent_status share_make(struct actor *actor)
{
    struct share *share = share_of(actor);
    docent_dialect dialect = actor->world->scenario->kazoo ? DOCENT_DIALECT_KAZOO : DOCENT_DIALECT_CURATOR;
    if (actor->world->scenario->play == PLAY_RWLOCKS) {
        docent_rwlock_options options = {DOCENT_RWLOCK_OPTIONS, .dialect = dialect, .on_lost = share_rw_lost, .user = actor};
        return docent_rwlock_new(actor->client.core, SHARES_RW, &options, &share->rw);
    }
    const char *paths[SHARES_PATHS];
    size_t first = (size_t)share_between(actor, 0, SHARES_PATHS - 1), step = (size_t)share_between(actor, 1, 2);
    share->place_count = (size_t)share_between(actor, 2, SHARES_PATHS);
    for (size_t i = 0; i < share->place_count; i++) {
        paths[i] = shares_paths[(first + i * step) % SHARES_PATHS];
    }
    docent_multi_lock_options options = {DOCENT_MULTI_LOCK_OPTIONS, .dialect = dialect, .on_lost = share_multi_lost, .user = actor};
    return docent_multi_lock_new(actor->client.core, paths, share->place_count, &options, &share->multi);
}

static void share_closed(void *user)
{
    world_call_told(user, DOCENT_OK);
}

static void share_close(struct actor *actor)
{
    struct share *share = share_of(actor);
    docent_rwlock *rw = share->rw;
    docent_multi_lock *multi = share->multi;
    share->rw = NULL;
    share->multi = NULL;
    share->acquire = NULL;
    if (rw != NULL) {
        docent_rwlock_close(rw, share_closed, world_call(actor->world, actor, CALL_CLOSE_LOCK));
    }
    if (multi != NULL) {
        docent_multi_lock_close(multi, share_closed, world_call(actor->world, actor, CALL_CLOSE_LOCK));
    }
}

/* An operator deletes what @lock holds. */
static void share_strike(struct actor *actor, docent_lock *lock)
{
    struct share_node *node = lock->current == NULL ? NULL : share_node_of(actor->world->shares, lock->current->contender.own.czxid);
    if (node != NULL && docent_delete_async(actor->client.core, node->path, DOCENT_ANY_VERSION, NULL, NULL) == DOCENT_OK) {
        node->struck = true;
        share_of(actor)->struck = true;
    }
}

static void share_act_rw(struct actor *actor)
{
    struct share *share = share_of(actor);
    docent_lock *read = docent_rwlock_read(share->rw), *write = docent_rwlock_write(share->rw);
    bool reads = docent_lock_get_state(read) != DOCENT_LOCK_RELEASED, writes = docent_lock_get_state(write) != DOCENT_LOCK_RELEASED;
    if (writes) {
        share_write(actor, &write, 1);
        if (share_may(actor, 30)) {
            share_strike(actor, write);
        }
        if (!reads && share_may(actor, 700)) {
            share_ask(actor, read);
        }
        if (reads || share->acquire == NULL || share_may(actor, 300)) { /* Before the downgrade is answered, too: then it may not come true. */
            docent_lock_release(write);
        }
        return;
    }
    if (!reads) {
        share_ask(actor, share_may(actor, 500) ? read : write);
        return;
    }
    share_write(actor, &read, 1);
    docent_status status = docent_lock_acquire_async(write, DOCENT_NO_WAIT, NULL, NULL);
    if (status != DOCENT_ERR_UPGRADE && status != DOCENT_ERR_BUSY && docent_lock_get_state(read) != DOCENT_LOCK_RELEASED) {
        world_fail(actor->world, "client %zu upgrades: %s", actor->index, docent_status_name(status));
    }
    if (share_may(actor, 500)) {
        docent_lock_release(read);
    }
}

static void share_act_multi(struct actor *actor)
{
    struct share *share = share_of(actor);
    docent_lock *members[SHARES_PATHS];
    if (docent_multi_lock_get_state(share->multi) == DOCENT_LOCK_RELEASED) {
        share_ask(actor, NULL);
        return;
    }
    for (size_t i = 0; i < share->place_count; i++) {
        members[i] = docent_multi_lock_member(share->multi, i);
    }
    share_write(actor, members, share->place_count);
    if (share_may(actor, 50)) {
        share_strike(actor, members[share_between(actor, 0, share->place_count - 1)]);
    } else if (share_may(actor, 500)) {
        docent_multi_lock_release(share->multi);
    }
}

static void share_act(struct actor *actor)
{
    struct share *share = share_of(actor);
    bool calm = world_calm(actor->world), impatient = actor->world->scenario->impatient && !calm;
    if (share->rw == NULL && share->multi == NULL && share_make(actor) != DOCENT_OK) {
        return;
    }
    if (share->acquire != NULL) {
        if (impatient && share_may(actor, 100)) {
            share->acquire->cancelled = true;
            share_let_go(actor);
        }
        return;
    }
    if (impatient && share_may(actor, 40)) {
        share_close(actor);
    } else if (calm) {
        share_let_go(actor); /* What is left of the storm. */
        if (actor->served) {
            return;
        }
        share_ask(actor, share->rw == NULL ? NULL : share_may(actor, 500) ? docent_rwlock_read(share->rw) : docent_rwlock_write(share->rw));
    } else if (share->rw != NULL) {
        share_act_rw(actor);
    } else {
        share_act_multi(actor);
    }
}

/* ---- A peer that downgrades to the end of the queue. It looks again instead of watching, and dies of every trouble. ---- */

static void peer_told(struct actor *actor, const docent_result *result, enum peer_state next)
{
    struct share *share = share_of(actor);
    share->out = false;
    share->failed = result->status != DOCENT_OK;
    if (!share->failed) {
        share->peer = next;
    }
}

static void peer_wrote(const docent_result *result, void *user)
{
    struct share *share = share_of(user);
    if (result->status == DOCENT_OK) {
        snprintf(share->write, sizeof share->write, "%s", result->path);
    }
    peer_told(user, result, PEER_WAITS);
}

static void peer_looked(const docent_result *result, void *user)
{
    struct share *share = share_of(user);
    bool first = true;
    for (size_t i = 0; i < result->name_count; i++) {
        const char *number = result->names[i] + strlen(result->names[i]) - SHARES_DIGITS;
        first = first && strcmp(number, share->write + strlen(share->write) - SHARES_DIGITS) >= 0;
    }
    peer_told(user, result, first ? PEER_WRITES : PEER_WAITS);
}

static void peer_read(const docent_result *result, void *user)
{
    struct share *share = share_of(user);
    if (result->status == DOCENT_OK) {
        snprintf(share->read, sizeof share->read, "%s", result->path);
    }
    peer_told(user, result, PEER_DOWNGRADED);
}

static void peer_released(const docent_result *result, void *user)
{
    peer_told(user, result, PEER_READS);
}

static void peer_ended(const docent_result *result, void *user)
{
    peer_told(user, result, PEER_IDLE);
}

static docent_status peer_step(struct actor *actor)
{
    struct share *share = share_of(actor);
    docent_client *client = actor->client.core;
    bool kazoo = actor->world->scenario->kazoo;
    char path[80];
    switch (share->peer) {
    case PEER_IDLE:
        snprintf(path, sizeof path, SHARES_RW "/peer-%" PRIu64 "%s", actor->world->net.messages, kazoo ? "__lock__" : "-__WRIT__");
        return docent_create_async(client, path, NULL, 0, DOCENT_EPHEMERAL_SEQUENTIAL, peer_wrote, actor);
    case PEER_WAITS:
        return docent_children_async(client, SHARES_RW, peer_looked, actor);
    case PEER_WRITES:
        snprintf(path, sizeof path, SHARES_RW "/peer-%" PRIu64 "%s", actor->world->net.messages, kazoo ? "__rlock__" : "-__READ__");
        return docent_create_async(client, path, NULL, 0, DOCENT_EPHEMERAL_SEQUENTIAL, peer_read, actor);
    case PEER_DOWNGRADED:
        return docent_delete_async(client, share->write, DOCENT_ANY_VERSION, peer_released, actor);
    case PEER_READS:
        return docent_delete_async(client, share->read, DOCENT_ANY_VERSION, peer_ended, actor);
    }
    abort();
}

/* False: it has died. */
static bool peer_act(struct actor *actor)
{
    struct share *share = share_of(actor);
    bool calm = world_calm(actor->world);
    if (share->failed || (calm && (share->out || share->peer != PEER_IDLE))) {
        actor_crash(actor); /* And what it left goes with its session. */
        return false;
    }
    if (calm) {
        actor->served = true;
    } else if (!share->out) {
        share->out = peer_step(actor) == DOCENT_OK;
        share->failed = !share->out;
    }
    return true;
}

/* ---- Coming and going. ---- */

void shares_act(struct actor *actor)
{
    if (!actor->writer) {
        share_act(actor);
    } else if (!peer_act(actor)) {
        return;
    }
    actor->rounds += !world_calm(actor->world);
    actor_acted(actor);
}

void shares_leave(struct actor *actor, bool crashed)
{
    struct share *share = share_of(actor);
    if (crashed || actor->writer) {
        *share = (struct share){.rw = NULL};
    } else if (share_may(actor, 500)) {
        share_close(actor);
    }
    share->acquire = NULL; /* Else it is dead when its client is closed. */
}

void shares_client_closed(struct actor *actor)
{
    share_close(actor);
}

bool shares_quiet(const struct world *world)
{
    return world->shares->alive == 0;
}
