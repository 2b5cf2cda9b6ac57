#include "tests/sim/world.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/actor.h"
#include "tests/sim/barriers.h"
#include "tests/sim/caches.h"
#include "tests/sim/counter.h"
#include "tests/sim/gates.h"
#include "tests/sim/gathers.h"
#include "tests/sim/lessees.h"
#include "tests/sim/locks.h"
#include "tests/sim/leaders.h"
#include "tests/sim/mates.h"
#include "tests/sim/nodes.h"
#include "tests/sim/queues.h"
#include "tests/sim/shares.h"
#include "tests/sim/txns.h"
#include "tests/sim/work.h"

enum { WORLD_STILL_MAX = 20000 }; /* Steps at one instant: more, and something chases its tail. */

/* A fault that is being done, or undone later. */
struct effect {
    struct effect *next;
    struct world *world;
    struct alarm alarm;
    enum effect_kind { EFFECT_FAULT, EFFECT_RESUME, EFFECT_THAW, EFFECT_JOIN, EFFECT_POWER_ON } kind;
    enum fault_kind fault;
    size_t client, server;
};

void world_trace(struct world *world, const char *format, ...)
{
    if (world->tracing) {
        va_list arguments;
        va_start(arguments, format);
        printf("%10.3f  ", (double)world->clock.now_us / SIM_MS);
        vprintf(format, arguments);
        putchar('\n');
        va_end(arguments);
    }
}

void world_fail(struct world *world, const char *format, ...)
{
    if (world->failure[0] == '\0') {
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(world->failure, sizeof world->failure, format, arguments);
        va_end(arguments);
        world_trace(world, "FAILURE %s", world->failure);
    }
}

bool world_calm(const struct world *world)
{
    return world->phase != PHASE_STORM;
}

const char *world_root(const struct world *world)
{
    return world->scenario->viewed ? "/n/v" : "";
}

const char *world_path(const struct world *world, const char *server_path)
{
    const char *root = world_root(world);
    size_t size = strlen(root);
    return strncmp(server_path, root, size) == 0 && server_path[size] == '/' ? server_path + size : NULL;
}

/* ---- The log, and the ledger of queue nodes that is kept from it. ---- */

static struct ledger_node *world_node(const struct world *world, int64_t czxid)
{
    size_t low = 0, high = world->ledger_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (world->ledger[middle].czxid < czxid) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < world->ledger_count && world->ledger[low].czxid == czxid ? &world->ledger[low] : NULL;
}

const char *world_node_name(const struct world *world, int64_t token)
{
    const struct ledger_node *node = world_node(world, token);
    return node == NULL ? NULL : node->name;
}

int64_t world_node_owner(const struct world *world, int64_t token)
{
    const struct ledger_node *node = world_node(world, token);
    return node == NULL ? 0 : node->owner;
}

static size_t world_prefix_size(const char *name)
{
    size_t size = strlen(name);
    return size > 10 ? size - 10 : size;
}

static void world_node_made(struct world *world, const struct commit *commit, const char *name)
{
    size_t prefix = world_prefix_size(name);
    for (size_t i = 0; i < world->ledger_count; i++) {
        const struct ledger_node *other = &world->ledger[i];
        if (other->alive && world_prefix_size(other->name) == prefix && memcmp(other->name, name, prefix) == 0) {
            world_fail(world, "one acquisition has two nodes: %s and %s", other->name, name);
        }
    }
    world->ledger = sim_grow(world->ledger, world->ledger_count, &world->ledger_capacity, sizeof *world->ledger);
    world->ledger[world->ledger_count++] =
        (struct ledger_node){.czxid = commit->zxid, .owner = commit->owner, .name = strdup(name), .alive = true};
    world->ledger_alive++;
}

static void world_node_gone(struct world *world, const char *name)
{
    for (size_t i = world->ledger_count; i > 0; i--) {
        struct ledger_node *node = &world->ledger[i - 1];
        if (node->alive && strcmp(node->name, name) == 0) {
            node->alive = false;
            world->ledger_alive--;
            return;
        }
    }
    world_fail(world, "the log deletes %s, which it did not create", name);
}

/* NO_MEMORY may have struck when the answer had come. */
bool world_says_nothing(docent_status status)
{
    return status == DOCENT_ERR_UNKNOWN_OUTCOME || status == DOCENT_ERR_CLOSING || status == DOCENT_ERR_NO_MEMORY;
}

void world_guarded_applied(struct world *world, const struct call *call, const struct commit *commit)
{
    const struct ledger_node *node = world_node(world, call->token);
    if (node == NULL || !node->alive) {
        world_fail(world, "guarded write %" PRIu64 " is applied without its node", call->serial);
    } else if (node->owner != commit->session) {
        world_fail(world, "guarded write %" PRIu64 " is applied in session %#" PRIx64 ", held in %#" PRIx64, call->serial,
                   (uint64_t)commit->session, (uint64_t)node->owner);
    }
    if (call->token < world->logged_last) {
        world_fail(world, "guarded write %" PRIu64 " with token %" PRId64 " is applied after one with %" PRId64, call->serial, call->token,
                   world->logged_last);
    }
    world->logged_last = call->token;
    world->guarded++;
}

static void world_applied(struct world *world, const struct commit *commit, char kind, uint64_t serial)
{
    if (serial >= world->call_count) {
        world_fail(world, "the log has a write nobody made: %s", commit->path);
        return;
    }
    struct call *call = world->calls[serial];
    static const char kinds[] = {[CALL_GUARDED] = 'g', [CALL_CREATE] = 'c', [CALL_SET] = 's', [CALL_PUT] = 'p',
                                 [CALL_DELETE] = 'd', [CALL_LOOK] = 0};
    assert(kinds[call->kind] == kind);
    call->applied++;
    if (call->applied > 1 && call->kind != CALL_PUT) { /* Setting again what nobody asked to be compared is how that is repeated. */
        world_fail(world, "call %" PRIu64 " (%c) was applied twice", serial, kind);
    }
    if (call->told > 0 && !world_says_nothing(call->status)) { /* An OK too: what was applied twice by then is not applied late. */
        world_fail(world, "call %" PRIu64 " (%c) was told %s, and is applied afterwards", serial, kind, docent_status_name(call->status));
    }
    if (call->refused) {
        world_fail(world, "call %" PRIu64 " (%c) was refused, and is applied", serial, kind);
    }
    if (call->kind == CALL_GUARDED) {
        world_guarded_applied(world, call, commit);
    }
}

static void world_committed(void *user, const struct commit *commit)
{
    struct world *world = user;
    static const char queue[] = ACTOR_QUEUE "/";
    world_trace(world, "log       %#" PRIx64 " %s %s session %#" PRIx64, (uint64_t)commit->zxid,
                commit->type == COMMIT_CREATE ? "create" : commit->type == COMMIT_SET ? "set" : commit->type == COMMIT_DELETE ? "delete" : "other",
                commit->path == NULL ? "" : commit->path, (uint64_t)commit->session);
    const char *path = commit->path == NULL ? NULL : world_path(world, commit->path);
    if (path != NULL && strncmp(path, queue, sizeof queue - 1) == 0) {
        const char *name = path + sizeof queue - 1;
        if (commit->type == COMMIT_CREATE) {
            world_node_made(world, commit, name);
        } else if (commit->type == COMMIT_DELETE) {
            world_node_gone(world, name);
        } else if (commit->type == COMMIT_SET) {
            locks_committed(world, commit);
        }
        return;
    }
    if (commit->path != NULL && world->nodes != NULL && nodes_committed(world, commit)) {
        return;
    }
    if (commit->path != NULL && world->txns != NULL && txns_committed(world, commit)) {
        return;
    }
    if (commit->path != NULL && world->barriers != NULL && barriers_committed(world, commit)) {
        return;
    }
    if (commit->path != NULL && world->gathers != NULL && gathers_committed(world, commit)) {
        return;
    }
    if (commit->path != NULL && world->caches != NULL && caches_committed(world, commit)) {
        return;
    }
    if (commit->path != NULL && world->lessees != NULL && lessees_committed(world, commit)) {
        return;
    }
    if (commit->path != NULL && world->works != NULL && works_committed(world, commit)) {
        return;
    }
    if (commit->path != NULL && world->gates != NULL && gates_committed(world, commit)) {
        return;
    }
    if (commit->path != NULL && world->queues != NULL && queues_committed(world, commit)) {
        return;
    }
    if (commit->path != NULL && world->counter != NULL && counter_committed(world, commit)) {
        return;
    }
    if (commit->path != NULL && world->shares != NULL && shares_committed(world, commit)) {
        return;
    }
    if (commit->type == COMMIT_SET && strcmp(commit->path, ACTOR_SHARED) == 0) {
        world->shared_zxid = commit->zxid;
    }
    if (commit->type == COMMIT_CREATE && strcmp(commit->path, ACTOR_STILL) == 0) {
        world->still_zxid = commit->zxid;
    }
    uint64_t serial;
    char text[64] = "", kind;
    if (commit->type == COMMIT_DELETE && sscanf(commit->path, "/w%" SCNu64, &serial) == 1) {
        for (size_t i = world->call_count; i > 0; i--) { /* The newest deletion of that node that can have done it. */
            const struct call *call = world->calls[i - 1];
            if (call->kind == CALL_DELETE && (uint64_t)call->token == serial) {
                world_applied(world, commit, 'd', i - 1);
                return;
            }
        }
        world_fail(world, "the log deletes %s, which nobody did", commit->path);
    } else if ((commit->type == COMMIT_SET || commit->type == COMMIT_CREATE) && commit->size > 0 && commit->size < sizeof text) {
        memcpy(text, commit->data, commit->size);
        if (sscanf(text, "%c %" SCNu64, &kind, &serial) == 2) {
            world_applied(world, commit, kind, serial);
        }
    }
}

/* ---- Calls. ---- */

struct call *world_call(struct world *world, struct actor *actor, enum call_kind kind)
{
    struct call *call = calloc(1, sizeof *call);
    if (call == NULL) {
        abort();
    }
    *call = (struct call){.world = world, .actor = actor, .kind = kind, .serial = world->call_count, .handle = actor->handles,
                          .begun_us = world->clock.now_us};
    world->calls = sim_grow(world->calls, world->call_count, &world->call_capacity, sizeof(struct call *));
    world->calls[world->call_count++] = call;
    return call;
}

void world_call_told(struct call *call, docent_status status)
{
    struct world *world = call->world;
    call->told++;
    call->status = status;
    world_trace(world, "client %zu  call %" PRIu64 " ends: %s", call->actor->index, call->serial, docent_status_name(status));
    if (call->told > 1) {
        world_fail(world, "call %" PRIu64 " was answered twice", call->serial);
    } else if (call->dead || call->refused || call->crashed) {
        world_fail(world, "call %" PRIu64 " was answered, %s", call->serial,
                   call->dead ? "after its handle was closed" : call->refused ? "but was refused" : "but its process is gone");
    }
    bool writes = call->kind == CALL_GUARDED || call->kind == CALL_CREATE || call->kind == CALL_SET || call->kind == CALL_PUT ||
        call->kind == CALL_DELETE;
    if (writes) {
        if (status == DOCENT_OK && (call->applied == 0 || (call->applied > 1 && call->kind != CALL_PUT))) {
            world_fail(world, "call %" PRIu64 " was told OK, and was applied %u times", call->serial, call->applied);
        } else if (status != DOCENT_OK && !world_says_nothing(status) && call->applied != 0) {
            world_fail(world, "call %" PRIu64 " was told %s, and was applied", call->serial, docent_status_name(status));
        }
    }
}

static struct effect *world_effect(struct world *world, enum effect_kind kind, size_t client, size_t server, uint64_t delay_us);

/* ---- What must be true at every step. ---- */

static const struct forced *world_forced(const struct world *world, int64_t session)
{
    for (size_t i = world->forced_count; i > 0; i--) {
        if (world->forced[i - 1].session == session) {
            return &world->forced[i - 1];
        }
    }
    return NULL;
}

bool world_excused_session(const struct world *world, int64_t session)
{
    const struct forced *forced = world_forced(world, session);
    return forced != NULL && world->clock.now_us - forced->at_us <= (uint64_t)world->session_ms * SIM_MS;
}

static bool world_excused(const struct world *world, const struct ledger_node *node)
{
    return world_excused_session(world, node->owner);
}

bool world_session_excused(const struct world *world, int64_t session)
{
    return world_excused(world, &(struct ledger_node){.owner = session});
}

void world_granted(struct world *world, struct actor *actor, int64_t token)
{
    const struct ledger_node *node = world_node(world, token);
    world->grants++;
    if (node == NULL) {
        world_fail(world, "client %zu holds by token %" PRId64 ", which created no node of the queue", actor->index, token);
        return;
    }
    if (token > world->granted_last) {
        world->granted_last = token;
    } else if (!world_excused(world, node)) {
        world_fail(world, "client %zu is granted token %" PRId64 ", after %" PRId64, actor->index, token, world->granted_last);
    }
    if (world->scenario->scripted && world->grants % 2 == 1 && actor->client.conn != NULL) {
        world_effect(world, EFFECT_FAULT, actor->index, actor->client.conn->server, chance_below(&world->random, 100 * SIM_MS))->fault =
            world->scenario->at_grant;
    }
    for (const struct ledger_node *other = world->ledger; other < node && !world_excused(world, node); other++) {
        if (other->alive) {
            world_fail(world, "client %zu holds by %s while %s is in front", actor->index, node->name, other->name);
        }
    }
}

void world_resource_write(struct world *world, int64_t token)
{
    if (token < world->resource_last) {
        const struct ledger_node *node = world_node(world, token);
        if (node == NULL || !world_excused(world, node)) {
            world_fail(world, "the resource is written with token %" PRId64 " after %" PRId64, token, world->resource_last);
        }
        return; /* Refused: that is what tokens are for. */
    }
    world->resource_last = token;
}

/* @actor has that token. @holder: who else has one; NULL: nobody so far. */
static void world_check_token(struct world *world, const struct actor *actor, int64_t token, const struct actor **holder)
{
    const struct ledger_node *node = world_node(world, token);
    if (node == NULL) {
        world_fail(world, "client %zu has token %" PRId64 ", which created no node of the queue", actor->index, token);
    } else if (world_excused(world, node)) {
        return;
    } else if (!node->alive) {
        world_fail(world, "client %zu says that it holds %s, which is gone", actor->index, node->name);
    } else if (*holder != NULL) {
        world_fail(world, "clients %zu and %zu both say that they hold", (*holder)->index, actor->index);
    }
    *holder = actor;
}

static void world_check(struct world *world)
{
    const struct actor *holder = NULL;
    for (size_t i = 0; i < world->actor_count; i++) {
        const struct actor *actor = world->actors[i];
        hearing_check(&actor->hearing);
        for (size_t k = 0; k < (world->mates == NULL ? 1 : MATES_MAX); k++) {
            int64_t token = world->mates == NULL ? actor_token(actor) : mates_token(actor, k);
            if (token != -1) {
                world_check_token(world, actor, token, &holder);
            }
        }
    }
    if (world->txns != NULL) {
        txns_check(world);
    }
    if (world->leaders != NULL) {
        leaders_check(world);
    }
    if (world->gates != NULL) {
        gates_check(world);
    }
    if (world->gathers != NULL) {
        gathers_check(world);
    }
    if (world->shares != NULL) {
        shares_check(world);
    }
    if (world->lessees != NULL) {
        lessees_check(world);
    }
    locks_check(world);
    if (world->queues != NULL) {
        queues_check(world);
    }
    if (world->clock.now_us != world->still_us) {
        world->still_us = world->clock.now_us;
        world->still = 0;
    } else if (++world->still > WORLD_STILL_MAX) {
        world_fail(world, "time stands still: %d steps at one instant", WORLD_STILL_MAX);
    }
}

/* ---- Faults. ---- */

static uint64_t world_about_session(struct world *world, unsigned low_percent, unsigned high_percent)
{
    return (uint64_t)world->session_ms * SIM_MS * chance_between(&world->random, low_percent, high_percent) / 100;
}

static void effect_ring(struct alarm *alarm);

static struct effect *world_effect(struct world *world, enum effect_kind kind, size_t client, size_t server, uint64_t delay_us)
{
    struct effect *effect = calloc(1, sizeof *effect);
    if (effect == NULL) {
        abort();
    }
    *effect = (struct effect){.next = world->effects, .world = world, .kind = kind, .client = client, .server = server};
    effect->alarm.ring = effect_ring;
    world->effects = effect;
    clock_set(&world->clock, &effect->alarm, world->clock.now_us + delay_us);
    return effect;
}

static void world_silence(struct world *world, size_t client, size_t server, uint64_t for_us)
{
    uint64_t until = world->clock.now_us + for_us;
    if (until > world->blocked_until_us[client][server]) {
        world->blocked_until_us[client][server] = until;
        world_effect(world, EFFECT_THAW, client, server, for_us);
    }
}

void world_fault(struct world *world, enum fault_kind kind, size_t client, size_t server)
{
    struct actor *actor = world->actors[client];
    if (world_calm(world)) {
        return;
    }
    world->faults_done++;
    world_trace(world, "fault     %s client %zu server %zu", fault_names[kind], client, server);
    switch (kind) {
    case FAULT_LOSE:
    case FAULT_ALLOC:
    case FAULT_DELAY:
        break; /* Done where they happen. */
    case FAULT_CUT:
        if (actor->client.conn != NULL) {
            conn_cut(actor->client.conn);
        }
        break;
    case FAULT_EXPIRE: {
        int64_t session = actor->client.core == NULL ? 0 : docent_client_session(actor->client.core, NULL);
        if (session != 0) {
            world->forced = sim_grow(world->forced, world->forced_count, &world->forced_capacity, sizeof *world->forced);
            world->forced[world->forced_count++] = (struct forced){session, world->clock.now_us};
            ensemble_expire(world->ensemble, session);
        }
        break;
    }
    case FAULT_SILENCE:
        world_silence(world, client, server, world_about_session(world, 30, 250));
        break;
    case FAULT_PARTITION: {
        uint64_t for_us = world_about_session(world, 30, 250);
        for (size_t i = 0; i < world->scenario->replicas; i++) {
            world_silence(world, client, i, for_us);
        }
        break;
    }
    case FAULT_PAUSE:
        if (!actor->client.paused && actor->client.core != NULL) {
            sim_client_pause(&actor->client);
            actor->paused_us = world->clock.now_us;
            world_effect(world, EFFECT_RESUME, client, server, world_about_session(world, 5, 200));
        }
        break;
    case FAULT_CUTOFF:
        ensemble_cut_off(world->ensemble, server, true);
        world_effect(world, EFFECT_JOIN, client, server, world_about_session(world, 50, 250));
        break;
    case FAULT_RESTART:
        ensemble_power(world->ensemble, server, false);
        world_effect(world, EFFECT_POWER_ON, client, server, world_about_session(world, 1, 120));
        break;
    case FAULT_CRASH:
        actor_crash(actor);
        break;
    case FAULT_KINDS:
        abort();
    }
}

static void effect_ring(struct alarm *alarm)
{
    struct effect *effect = (struct effect *)(void *)((char *)alarm - offsetof(struct effect, alarm));
    struct world *world = effect->world;
    switch (effect->kind) {
    case EFFECT_FAULT:
        world_fault(world, effect->fault, effect->client, effect->server);
        break;
    case EFFECT_RESUME:
        actor_resume(world->actors[effect->client]);
        break;
    case EFFECT_THAW:
        net_thaw(&world->net);
        break;
    case EFFECT_JOIN:
        ensemble_cut_off(world->ensemble, effect->server, false);
        break;
    case EFFECT_POWER_ON:
        ensemble_power(world->ensemble, effect->server, true);
        break;
    }
}

/* ---- The network asks. ---- */

static void world_trace_message(struct world *world, const struct conn *conn, enum side to, const uint8_t *frame, size_t size)
{
    uint32_t words[3] = {0, 0, 0};
    for (size_t i = 0; i < 12 && 4 + i < size; i++) {
        words[i / 4] = words[i / 4] << 8 | frame[4 + i];
    }
    world_trace(world, "message   %" PRIu64 " conn %u %zu %s %zu: %zu bytes, xid %d, %s %d", world->net.messages, conn->serial, conn->client,
                to == SIDE_SERVER ? "->" : "<-", conn->server, size, (int32_t)words[0], to == SIDE_SERVER ? "op" : "zxid high",
                (int32_t)words[1]);
}

/* A guarded transaction that is sent must be sent in the session of its hold. */
static void world_check_guard(struct world *world, const struct conn *conn, const uint8_t *frame, size_t size)
{
    static const uint8_t multi[4] = {0, 0, 0, 14};
    if (size < 12 || memcmp(frame + 8, multi, sizeof multi) != 0) {
        return;
    }
    char text[32];
    const uint8_t *mark = memmem(frame, size, "g ", 2);
    uint64_t serial;
    if (mark == NULL) {
        return;
    }
    snprintf(text, sizeof text, "%.*s", (int)(frame + size - mark), (const char *)mark);
    if (sscanf(text, "g %" SCNu64, &serial) != 1 || serial >= world->call_count) {
        return;
    }
    const struct ledger_node *node = world_node(world, world->calls[serial]->token);
    int64_t session = docent_client_session(world->actors[conn->client]->client.core, NULL);
    if (node == NULL || node->owner != session) {
        world_fail(world, "guarded write %" PRIu64 " is sent in session %#" PRIx64 ", held in %#" PRIx64, serial, (uint64_t)session,
                   node == NULL ? 0 : (uint64_t)node->owner);
    }
}

static enum verdict world_verdict(struct world *world, const struct conn *conn, uint64_t *delay_us)
{
    if (world_calm(world)) {
        return VERDICT_DELIVER;
    }
    enum verdict verdict = VERDICT_DELIVER;
    for (int kind = 0; kind < FAULT_KINDS; kind++) {
        bool hit = false;
        if (kind == FAULT_ALLOC) {
            continue;
        }
        for (size_t i = 0; i < world->plan.count; i++) {
            hit = hit || (world->plan.faults[i].kind == (enum fault_kind)kind && world->plan.faults[i].at == world->net.messages);
        }
        if (world->storm.per_100k[kind] > 0) {
            hit = hit || chance_below(&world->random, 100000) < world->storm.per_100k[kind];
        }
        if (!hit) {
            continue;
        }
        if (kind == FAULT_LOSE || kind == FAULT_CUT || kind == FAULT_DELAY) {
            world->faults_done++;
            world_trace(world, "fault     %s at message %" PRIu64, fault_names[kind], world->net.messages);
            if (kind == FAULT_DELAY) {
                *delay_us += world_about_session(world, 1, 100);
            } else {
                verdict = kind == FAULT_LOSE ? VERDICT_LOSE : VERDICT_CUT;
            }
        } else {
            world_effect(world, EFFECT_FAULT, conn->client, conn->server, 0)->fault = (enum fault_kind)kind;
        }
    }
    return verdict;
}

static enum verdict world_sent(void *user, struct conn *conn, enum side to, const uint8_t *frame, size_t size, uint64_t *delay_us)
{
    struct world *world = user;
    if (world->tracing) {
        world_trace_message(world, conn, to, frame, size);
    }
    if (to == SIDE_SERVER && world->txns != NULL) {
        txns_sent(world, conn, frame, size);
    } else if (world->caches != NULL) {
        caches_sent(world, conn, to, frame, size);
    } else if (to == SIDE_SERVER) {
        world_check_guard(world, conn, frame, size);
    }
    enum verdict verdict = world_verdict(world, conn, delay_us);
    if (world->counter != NULL) {
        counter_sent(world, conn, to, frame, size, verdict);
    }
    return verdict;
}

static bool world_reachable(void *user, size_t client, size_t server)
{
    const struct world *world = user;
    return world->blocked_until_us[client][server] <= world->clock.now_us;
}

static bool world_listens(void *user, struct conn *conn, enum side side)
{
    const struct world *world = user;
    return side == SIDE_SERVER || !world->actors[conn->client]->client.paused;
}

static bool world_accept(void *user, struct conn *conn)
{
    bool accepted = ensemble_accept(((struct world *)user)->ensemble, conn);
    world_trace(user, "conn %u    is %s, client %zu server %zu", conn->serial, accepted ? "accepted" : "refused", conn->client, conn->server);
    return accepted;
}

static void world_opened(void *user, struct conn *conn)
{
    world_trace(user, "conn %u    is open, client %zu server %zu", conn->serial, conn->client, conn->server);
    sim_client_opened(conn->users[SIDE_CLIENT], conn);
}

static void world_arrived(void *user, struct conn *conn, enum side side, const uint8_t *data, size_t size)
{
    if (side == SIDE_CLIENT) {
        sim_client_arrived(conn->users[SIDE_CLIENT], conn, data, size);
    } else {
        ensemble_arrived(((struct world *)user)->ensemble, conn, data, size);
    }
}

static void world_broken(void *user, struct conn *conn, enum side side)
{
    world_trace(user, "conn %u    is over for the %s", conn->serial, side == SIDE_CLIENT ? "client" : "server");
    if (side == SIDE_CLIENT) {
        sim_client_broken(conn->users[SIDE_CLIENT], conn);
    } else {
        ensemble_broken(((struct world *)user)->ensemble, conn);
    }
}

static void world_ensemble_trace(void *user, const char *text)
{
    world_trace(user, "%s", text);
}

/* ---- The phases. ---- */

static bool world_all(const struct world *world, enum actor_state state)
{
    for (size_t i = 0; i < world->actor_count; i++) {
        if (world->actors[i]->state != state) {
            return false;
        }
    }
    return true;
}

static void world_enter(struct world *world, enum phase phase, uint64_t bound_ms)
{
    static const char *const names[] = {"storm", "calm", "quiet", "end", "over"};
    world->phase = phase;
    world->phase_until_us = world->clock.now_us + bound_ms * SIM_MS;
    world_trace(world, "phase     %s", names[phase]);
}

static bool world_is_quiet(struct world *world)
{
    bool quiet = world->ledger_alive == 0 && (world->queues == NULL || queues_quiet(world)) && (world->nodes == NULL || nodes_quiet(world)) && (world->shares == NULL || shares_quiet(world));
    for (size_t i = 0; i < world->actor_count; i++) {
        quiet = actor_quiet(world->actors[i]) && hearing_quiet(&world->actors[i]->hearing) && watching_quiet(&world->actors[i]->watching) &&
                quiet;
    }
    if (world->works != NULL) {
        quiet = works_quiet(world) && quiet;
    }
    if (world->leaders != NULL) {
        quiet = leaders_quiet(world) && quiet;
    }
    if (world->gates != NULL) {
        quiet = gates_quiet(world) && quiet;
    }
    if (world->lessees != NULL) {
        quiet = lessees_quiet(world) && quiet;
    }
    quiet = quiet && (world->barriers == NULL || barriers_quiet(world)) && (world->gathers == NULL || gathers_quiet(world));
    if (world->caches != NULL) { /* Servers keep one-shot watches for as long as the connection lasts. */
        return caches_quiet(world);
    }
    return quiet && ensemble_watches(world->ensemble) <= world->watches_left;
}

static void world_begin_calm(struct world *world)
{
    world->storm_messages = world->net.messages;
    world->storm_allocations = world->allocations;
    /* Every session may have to time out first, connections must be found dead, and then everybody gets a turn. */
    world_enter(world, PHASE_CALM, 8 * (uint64_t)world->session_ms + 8000 + 2000 * (uint64_t)world->actor_count);
    memset(world->blocked_until_us, 0, sizeof world->blocked_until_us);
    ensemble_calm(world->ensemble);
    for (size_t i = 0; i < world->actor_count; i++) {
        struct actor *actor = world->actors[i];
        actor->client.memory.reliable = true;
        actor_resume(actor);
        actor_calm(actor);
    }
    net_thaw(&world->net);
}

static void world_end(struct world *world)
{
    for (size_t i = 0; i < world->actor_count; i++) {
        const struct memory *memory = &world->actors[i]->client.memory;
        if (memory->alive > 0) {
            world_fail(world, "client %zu leaks %zu blocks, the first from allocation %" PRIu64, i, memory->alive, memory_oldest(memory));
        }
    }
    for (size_t i = 0; i < world->call_count; i++) {
        const struct call *call = world->calls[i];
        if (call->told == 0 && !call->refused && !call->crashed) {
            world_fail(world, "call %zu of client %zu was never answered", i, call->actor->index);
        }
    }
    world_enter(world, PHASE_OVER, 0);
}

static void world_turn_phase(struct world *world)
{
    bool late = world->clock.now_us > world->phase_until_us;
    switch (world->phase) {
    case PHASE_STORM:
        if (late || world_all(world, ACTOR_FINISHED)) {
            world_begin_calm(world);
        }
        break;
    case PHASE_CALM:
        if (world_all(world, ACTOR_FINISHED)) {
            world_enter(world, PHASE_QUIET, 4 * (uint64_t)world->session_ms + 5000);
        } else if (late) {
            for (size_t i = 0; i < world->actor_count; i++) {
                if (world->actors[i]->state != ACTOR_FINISHED) {
                    world_fail(world, "in the calm client %zu gets nowhere: actor state %d, lock state %d", i, world->actors[i]->state,
                               world->actors[i]->lock == NULL ? -1 : (int)docent_lock_get_state(world->actors[i]->lock));
                }
            }
        }
        break;
    case PHASE_QUIET:
        if (world_is_quiet(world)) {
            nodes_check(world);
            if (world->queues != NULL) {
                queues_end(world);
            }
            world_enter(world, PHASE_END, 4 * (uint64_t)world->session_ms + 5000);
            for (size_t i = 0; i < world->actor_count; i++) {
                actor_close(world->actors[i]);
            }
        } else if (late) {
            const char *left = "none";
            for (size_t i = 0; i < world->ledger_count; i++) {
                left = world->ledger[i].alive ? world->ledger[i].name : left;
            }
            bool untold = false;
            for (size_t i = 0; i < world->actor_count; i++) {
                untold = untold || !actor_quiet(world->actors[i]) || !watching_quiet(&world->actors[i]->watching);
            }
            world_fail(world, "in the quiet there are %zu queue nodes (such as %s) and %zu watches left%s", world->ledger_alive, left,
                       ensemble_watches(world->ensemble), untold ? ", and a watch is not told of a change" : "");
        }
        break;
    case PHASE_END:
        if (world_all(world, ACTOR_DOWN) && ensemble_sessions(world->ensemble) == 0) {
            world_end(world);
        } else if (late) {
            world_fail(world, "at the end %zu sessions are left%s", ensemble_sessions(world->ensemble),
                       world_all(world, ACTOR_DOWN) ? "" : ", and clients do not close");
        }
        break;
    case PHASE_OVER:
        break;
    }
}

bool world_run(struct world *world, const struct scenario *scenario, uint64_t seed, const struct plan *plan, bool trace)
{
    *world = (struct world){.scenario = scenario, .seed = seed, .random = seed, .tracing = trace, .granted_last = -1,
                            .resource_last = -1, .logged_last = -1};
    chance_next(&world->random);
    if (plan != NULL) {
        world->plan = *plan;
    }
    world->storm.per_100k[FAULT_LOSE] = scenario->loses == 0 ? 0 : 100000 / scenario->loses;
    if (scenario->listens) { /* Sessions end, too. */
        world->storm.per_100k[FAULT_EXPIRE] = 1000;
        world->storm.per_100k[FAULT_PARTITION] = 300;
    }
    if (scenario->storm) {
        storm_draw(&world->storm, &world->random);
        world->drawn = *scenario;
        world->drawn.replicas = (size_t)chance_between(&world->random, 1, ENSEMBLE_MAX);
        if (scenario->play == PLAY_CACHES) {
            static const char *const releases[][ENSEMBLE_MAX] = {{"3.8"}, {"3.8"}, {"3.9"}, {"3.6"}, {"3.5"}, {"3.4"}, {"3.5", "3.8", "3.9"},
                                                                 {"3.4", "3.9", "3.4"}};
            memcpy(world->drawn.speaks, releases[chance_below(&world->random, sizeof releases / sizeof *releases)], sizeof world->drawn.speaks);
            world->drawn.tree = (size_t)(chance_per_mille(&world->random, 200) ? chance_between(&world->random, 50, 300)
                                                                               : chance_between(&world->random, 4, 40));
            world->drawn.roots = chance_per_mille(&world->random, 200);
            world->drawn.breaks = chance_per_mille(&world->random, 200);
        } else if (scenario->play == PLAY_MEMBERS || scenario->play == PLAY_BARRIER || scenario->play == PLAY_GATHER ||
                   scenario->play == PLAY_COUNTDOWN) {
            world->drawn.contenders = (size_t)chance_between(&world->random, 2, 5);
            world->drawn.quantity = (size_t)chance_between(&world->random, 2, world->drawn.contenders);
        } else if (scenario->writers == 0) {
            world->drawn.contenders = (size_t)chance_between(&world->random, 2, 5);
            world->drawn.writers = (size_t)chance_below(&world->random, 2);
        }
        world->drawn.impatient = chance_per_mille(&world->random, 600);
        world->drawn.long_holds = chance_per_mille(&world->random, 400);
        world->drawn.kazoo = chance_per_mille(&world->random, 250);
        if (scenario->play == PLAY_LESSEES) {
            world->drawn.gate_max = (uint32_t)chance_between(&world->random, 0, 2);
        } else if (scenario->play == PLAY_GATES) {
            world->drawn.gate_max = (uint32_t)chance_between(&world->random, world->drawn.kazoo, 4);
        }
        world->drawn.lag_ms = chance_per_mille(&world->random, 500) ? chance_between(&world->random, 0, 1500) : 0;
        if (scenario->locks == LOCKS_ANY) {
            world->drawn.locks = (enum lock_play)chance_between(&world->random, LOCKS_REVOKED, LOCKS_MIXED);
        }
        world->scenario = scenario = &world->drawn;
    }
    world->clock.now_us = chance_between(&world->random, 1, 100000) * SIM_MS;
    world->tick_ms = 1000;
    world->session_ms = 2 * world->tick_ms * (uint32_t)chance_between(&world->random, 1, 2);
    world->net = (struct net){
        .clock = &world->clock, .random = &world->random, .latency_min_us = 50,
        .latency_max_us = chance_per_mille(&world->random, 500) ? 500 : 20 * SIM_MS,
        .fragment_per_mille = chance_per_mille(&world->random, 300) ? 300 : 20,
        .hooks = {.user = world, .sent = world_sent, .reachable = world_reachable, .listens = world_listens, .accept = world_accept,
                  .opened = world_opened, .arrived = world_arrived, .broken = world_broken},
    };
    if (scenario->even) {
        world->net.latency_min_us = world->net.latency_max_us = WORLD_EVEN_US;
        world->net.fragment_per_mille = 0;
    }
    struct ensemble_config config = {
        .clock = &world->clock, .random = &world->random, .count = scenario->replicas, .tick_ms = world->tick_ms,
        .lag_max_us = scenario->lag_ms * SIM_MS, .latency_min_us = scenario->even ? 0 : 50, .latency_max_us = scenario->even ? 0 : 500, .user = world,
        .committed = world_committed, .trace = trace ? world_ensemble_trace : NULL, .speaks = scenario->speaks,
    };
    world->ensemble = ensemble_new(&config);
    for (size_t i = 0; i < scenario->contenders + scenario->writers; i++) {
        world->actors[world->actor_count++] = actor_new(world, i, i >= scenario->contenders);
    }
    if (scenario->play == PLAY_TXNS) {
        world->txns = txns_new();
    } else if (scenario->play == PLAY_COUNTER) {
        world->counter = counter_new();
    } else if (scenario->play == PLAY_QUEUE || scenario->play == PLAY_CLAIMS) {
        world->queues = queues_new();
    } else if (scenario->play == PLAY_MEMBERS || scenario->play == PLAY_BARRIER) {
        world->barriers = barriers_new();
    } else if (scenario->play == PLAY_GATHER || scenario->play == PLAY_COUNTDOWN) {
        world->gathers = gathers_new();
    } else if (scenario->play == PLAY_CACHES) {
        world->caches = caches_new();
    } else if (scenario->play == PLAY_WORK) {
        world->works = works_new(world);
    } else if (scenario->play == PLAY_GATES) {
        world->gates = gates_new(world);
    } else if (scenario->play == PLAY_LATCHES || scenario->play == PLAY_SELECTORS) {
        world->leaders = leaders_new(world);
    } else if (scenario->play == PLAY_RWLOCKS || scenario->play == PLAY_MULTI_LOCKS) {
        world->shares = shares_new();
    } else if (scenario->play == PLAY_LESSEES) {
        world->lessees = lessees_new(world);
    } else if (scenario->play == PLAY_MATES) {
        world->mates = mates_new(world);
    } else if (scenario->play != PLAY_CALLS) {
        world->nodes = nodes_new();
    }
    world_enter(world, PHASE_STORM, 120000);
    while (world->phase != PHASE_OVER && world->failure[0] == '\0') {
        if (!clock_step(&world->clock)) {
            world_fail(world, "nothing will ever happen again");
        }
        world->steps++;
        world_check(world);
        world_turn_phase(world);
    }
    return world->failure[0] == '\0';
}

void world_free(struct world *world)
{
    for (size_t i = 0; i < world->actor_count; i++) {
        actor_free(world->actors[i]);
    }
    net_free(&world->net);
    ensemble_free(world->ensemble);
    for (size_t i = 0; i < world->call_count; i++) {
        free(world->calls[i]);
    }
    free(world->calls);
    for (size_t i = 0; i < world->ledger_count; i++) {
        free(world->ledger[i].name);
    }
    free(world->ledger);
    free(world->forced);
    nodes_free(world->nodes);
    txns_free(world->txns);
    counter_free(world->counter);
    queues_free(world->queues);
    caches_free(world->caches);
    gates_free(world->gates);
    works_free(world->works);
    leaders_free(world->leaders);
    shares_free(world->shares);
    lessees_free(world->lessees);
    mates_free(world->mates);
    barriers_free(world->barriers);
    gathers_free(world->gathers);
    while (world->effects != NULL) {
        struct effect *effect = world->effects;
        world->effects = effect->next;
        free(effect);
    }
    clock_free(&world->clock);
}
