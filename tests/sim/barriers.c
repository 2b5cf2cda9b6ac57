#include "tests/sim/barriers.h"

#include <docent/barrier.h>
#include <docent/double_barrier.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define BARRIERS_MEMBERS "/double"
#define BARRIERS_GATE "/gates/gate"
enum { BARRIERS_GRACE_MS = 1100 };

struct spot { /* A member's node, as the log has it. */
    char *name;
    int64_t czxid, owner;
    unsigned sets;
    int64_t round; /* That counted it, or that it has joined: the transaction that made ready. 0: none. */
    bool alive;
};

struct guest { /* Of an actor. */
    struct call *call; /* That is under way. NULL: none. */
    unsigned breaks;   /* Of its client, when it was begun. */
    int64_t session;   /* Its client's, then. */
    size_t spots;      /* That there were, then. */
    bool in;           /* It was told so. */
    bool leaves;       /* The call that is under way is to leave. */
    int64_t round;     /* Which. */
    unsigned calm_rounds; /* That it has been in and out of, in the calm. */
    docent_double_barrier *member;
    docent_barrier *gate;
    uint64_t changes;  /* Of the gate, by this call. */
    bool stray;        /* One that was answered may still change it: so it was told. */
    enum gate_verb { GATE_SET, GATE_REMOVE, GATE_WAIT } verb;
    int64_t sessions[8]; /* Of its client's, the latest. */
    size_t session_count;
};

struct barriers {
    struct spot *spots;
    size_t spot_count, spot_capacity;
    int64_t ready; /* 0: it is not there. */
    struct guest guests[WORLD_ACTORS_MAX];
    bool gathered; /* The calm: all are out, and go in for the last time. */
    bool broken;   /* Then somebody was not let in, or out. */
    bool done;
    bool closing;  /* The quiet: all handles are closed. */
    bool gate;     /* It is closed. */
    uint64_t open_us, shut_us; /* When it was last open, or closed; now, if it is. */
};

struct barriers *barriers_new(void)
{
    struct barriers *barriers = calloc(1, sizeof *barriers);
    if (barriers == NULL) {
        abort();
    }
    return barriers;
}

void barriers_free(struct barriers *barriers)
{
    if (barriers == NULL) {
        return;
    }
    for (size_t i = 0; i < barriers->spot_count; i++) {
        free(barriers->spots[i].name);
    }
    free(barriers->spots);
    free(barriers);
}

static struct guest *guest_of(const struct actor *actor)
{
    return &actor->world->barriers->guests[actor->index];
}

static unsigned barriers_quantity(const struct world *world)
{
    return (unsigned)(world->scenario->quantity != 0 ? world->scenario->quantity : world->actor_count);
}

static uint64_t guest_between(struct actor *actor, uint64_t low, uint64_t high)
{
    return chance_between(&actor->world->random, low, high);
}

/* ---- The log. ---- */

static struct spot *barriers_spot(struct barriers *barriers, const char *name)
{
    for (size_t i = barriers->spot_count; i > 0; i--) {
        struct spot *spot = &barriers->spots[i - 1];
        if (spot->alive && strcmp(spot->name, name) == 0) {
            return spot;
        }
    }
    return NULL;
}

static struct spot *barriers_of_round(const struct barriers *barriers, int64_t round)
{
    for (size_t i = 0; i < barriers->spot_count; i++) {
        if (barriers->spots[i].alive && barriers->spots[i].round == round) {
            return &barriers->spots[i];
        }
    }
    return NULL;
}

static void barriers_opened(struct world *world, int64_t zxid)
{
    struct barriers *barriers = world->barriers;
    unsigned counted = 0;
    for (size_t i = 0; i < barriers->spot_count; i++) {
        struct spot *spot = &barriers->spots[i];
        if (spot->alive && spot->sets == 0) {
            spot->round = zxid;
            counted++;
        } else if (spot->alive && spot->round != 0) {
            world_fail(world, "a round begins while %s is in another", spot->name);
        }
    }
    if (counted < barriers_quantity(world)) {
        world_fail(world, "a round begins with %u of %u members", counted, barriers_quantity(world));
    }
    barriers->ready = zxid;
}

static void barriers_closed(struct world *world)
{
    struct barriers *barriers = world->barriers;
    const struct spot *spot = barriers_of_round(barriers, barriers->ready);
    if (spot != NULL) {
        world_fail(world, "a round ends while %s is in it", spot->name);
    }
    barriers->ready = 0;
}

static void barriers_spot_made(struct world *world, const struct commit *commit, const char *name)
{
    struct barriers *barriers = world->barriers;
    for (size_t i = 0; i < barriers->spot_count; i++) {
        const struct spot *other = &barriers->spots[i];
        if (other->alive && other->owner == commit->owner && !world->scenario->impatient) { /* Else of a handle that is being closed. */
            world_fail(world, "one member has two nodes: %s and %s", other->name, name);
        }
    }
    barriers->spots = sim_grow(barriers->spots, barriers->spot_count, &barriers->spot_capacity, sizeof *barriers->spots);
    barriers->spots[barriers->spot_count++] = (struct spot){.name = strdup(name), .czxid = commit->zxid, .owner = commit->owner, .alive = true};
}

static void barriers_member(struct world *world, const struct commit *commit, const char *name)
{
    struct barriers *barriers = world->barriers;
    if (commit->type == COMMIT_CREATE) {
        barriers_spot_made(world, commit, name);
        return;
    }
    if (commit->type != COMMIT_SET && commit->type != COMMIT_DELETE) {
        return; /* A check. */
    }
    struct spot *spot = barriers_spot(barriers, name);
    if (spot == NULL) {
        world_fail(world, "the log changes %s, which it did not create", name);
    } else if (commit->type == COMMIT_DELETE) {
        spot->alive = false;
    } else if (++spot->sets == 1 && barriers->ready != 0 && spot->round == 0) {
        bool on = barriers_of_round(barriers, barriers->ready) != NULL; /* Else there is nobody whom it can have joined. */
        spot->round = on ? barriers->ready : 0; /* A second time takes that back. */
    } else if (spot->sets == 2 && spot->czxid > barriers->ready) {
        spot->round = 0;
    }
}

static struct guest *barriers_changed_gate(struct world *world, int64_t session)
{
    for (size_t i = 0; i < world->actor_count; i++) {
        struct guest *guest = &world->barriers->guests[i];
        for (size_t k = 0; k < guest->session_count; k++) {
            if (guest->sessions[k] == session) {
                return guest;
            }
        }
    }
    return NULL;
}

static void barriers_gate(struct world *world, const struct commit *commit)
{
    struct barriers *barriers = world->barriers;
    bool shut = commit->type == COMMIT_CREATE;
    if (!shut && commit->type != COMMIT_DELETE) {
        return;
    }
    struct guest *guest = barriers_changed_gate(world, commit->session);
    *(shut ? &barriers->open_us : &barriers->shut_us) = world->clock.now_us;
    barriers->gate = shut;
    if (guest == NULL || guest->stray || guest->call == NULL || guest->call->crashed) {
        if (guest != NULL && !guest->stray && guest->call == NULL) {
            world_fail(world, "the gate is %s by a call that was answered", shut ? "shut" : "opened");
        }
        return;
    }
    if (guest->verb != (shut ? GATE_SET : GATE_REMOVE)) {
        world_fail(world, "the gate is %s by a call for something else", shut ? "shut" : "opened");
    } else if (++guest->changes > 1) {
        world_fail(world, "call %" PRIu64 " has %s the gate twice", guest->call->serial, shut ? "shut" : "opened");
    }
}

bool barriers_committed(struct world *world, const struct commit *commit)
{
    static const char members[] = BARRIERS_MEMBERS "/";
    if (strcmp(commit->path, BARRIERS_GATE) == 0) {
        barriers_gate(world, commit);
        return true;
    }
    if (strncmp(commit->path, members, sizeof members - 1) != 0) {
        return false;
    }
    const char *name = commit->path + sizeof members - 1;
    if (strcmp(name, "ready") != 0) {
        barriers_member(world, commit, name);
    } else if (commit->type == COMMIT_CREATE) {
        barriers_opened(world, commit->zxid);
    } else if (commit->type == COMMIT_DELETE) {
        barriers_closed(world);
    }
    return true;
}

/* ---- Members. ---- */

static bool guest_is_online(const struct actor *actor)
{
    return actor->client.core != NULL && actor->client.conn != NULL && docent_client_state(actor->client.core) == DOCENT_CONNECTED;
}

static struct call *guest_begins(struct actor *actor)
{
    struct guest *guest = guest_of(actor);
    struct call *call = world_call(actor->world, actor, CALL_NODE);
    guest->call = call;
    guest->changes = 0;
    guest->leaves = false;
    guest->spots = actor->world->barriers->spot_count;
    guest->breaks = actor->client.breaks;
    guest->session = docent_client_session(actor->client.core, NULL);
    call->calm = world_calm(actor->world);
    return call;
}

static void guest_refused(struct actor *actor, struct call *call, docent_status status)
{
    guest_of(actor)->call = NULL;
    call->refused = true;
    if (status != DOCENT_ERR_NO_MEMORY) {
        world_fail(actor->world, "a call is refused: %s", docent_status_name(status));
    }
}

static bool guest_kept_its_session(const struct actor *actor)
{
    const struct guest *guest = guest_of(actor);
    return guest->breaks == actor->client.breaks && guest_is_online(actor) && guest->session == docent_client_session(actor->client.core, NULL);
}

/* The newest node of a session. */
static const struct spot *guest_spot(const struct actor *actor, int64_t session)
{
    const struct barriers *barriers = actor->world->barriers;
    for (size_t i = barriers->spot_count; i > guest_of(actor)->spots; i--) {
        if (barriers->spots[i - 1].owner == session) {
            return &barriers->spots[i - 1];
        }
    }
    return NULL;
}

static void member_lost(docent_double_barrier *member, docent_status why, void *user)
{
    struct actor *actor = user;
    struct guest *guest = guest_of(actor);
    world_trace(actor->world, "client %zu  is out: %s", actor->index, docent_status_name(why));
    if (member != guest->member) {
        return;
    }
    if (!guest->in) {
        world_fail(actor->world, "client %zu is told that it is out, and was not in", actor->index);
    }
    guest->in = false;
    actor->world->barriers->broken = true;
    actor->rounds++;
}

static void member_is_in(struct actor *actor)
{
    struct guest *guest = guest_of(actor);
    docent_hold *hold = docent_double_barrier_hold(guest->member);
    if (hold == NULL) { /* Out again already, or no memory. */
        guest->in = true; /* Until it is told. */
        guest->round = 0;
        return;
    }
    guest->in = true;
    const struct barriers *barriers = actor->world->barriers;
    const struct spot *spot = NULL;
    for (size_t i = 0; i < barriers->spot_count; i++) {
        if (barriers->spots[i].czxid == docent_hold_czxid(hold)) {
            spot = &barriers->spots[i];
        }
    }
    guest->round = spot == NULL ? 0 : spot->round;
    if (spot == NULL || spot->round <= 0) {
        world_fail(actor->world, "client %zu is in by %s, which nobody has counted", actor->index, docent_hold_path(hold));
    }
    docent_hold_unref(hold);
}

static void member_entered(docent_status status, void *user)
{
    struct call *call = user;
    struct actor *actor = call->actor;
    struct world *world = actor->world;
    struct guest *guest = guest_of(actor);
    world_call_told(call, status);
    uint64_t took_ms = (world->clock.now_us - call->begun_us) / SIM_MS;
    bool paused = actor->paused_us >= call->begun_us;
    if (call->timeout_ms != DOCENT_FOREVER && call->timeout_ms != DOCENT_NO_WAIT && took_ms > call->timeout_ms + BARRIERS_GRACE_MS && !paused) {
        world_fail(world, "enter %" PRIu64 " took %" PRIu64 " of %" PRIu32 " ms", call->serial, took_ms, call->timeout_ms);
    }
    if (guest->call != call) {
        return; /* Its handle is being closed, or it was cancelled. */
    }
    guest->call = NULL;
    if (status == DOCENT_OK) {
        member_is_in(actor);
        return;
    }
    world->barriers->broken = true;
    const struct spot *spot = guest_spot(actor, guest->session);
    bool counted = spot != NULL && spot->alive && spot->round > 0 && !world->scenario->impatient; /* Else of an entry that was cancelled. */
    if (status == DOCENT_ERR_TIMEOUT && counted && guest_kept_its_session(actor) && !paused && took_ms < call->timeout_ms + 900) {
        world_fail(world, "enter %" PRIu64 " timed out, and %s was counted", call->serial, spot->name);
    }
    if (status != DOCENT_ERR_TIMEOUT && status != DOCENT_ERR_SESSION_EXPIRED) {
        world_fail(world, "enter %" PRIu64 " ended with %s", call->serial, docent_status_name(status));
    }
    actor->rounds++;
}

static void member_cancelled(docent_status status, void *user)
{
    world_call_told(user, status);
}

static void member_left(docent_status status, void *user)
{
    struct call *call = user;
    struct actor *actor = call->actor;
    struct guest *guest = guest_of(actor);
    world_call_told(call, status);
    if (guest->call != call) {
        return;
    }
    guest->call = NULL;
    guest->leaves = false;
    const struct spot *spot = status != DOCENT_OK || guest->round <= 0 ? NULL : barriers_of_round(actor->world->barriers, guest->round);
    if (spot != NULL) {
        world_fail(actor->world, "client %zu is told that all are out, and %s is in", actor->index, spot->name);
    }
    struct barriers *barriers = actor->world->barriers;
    guest->calm_rounds += barriers->gathered && status == DOCENT_OK;
    barriers->broken = barriers->broken || status != DOCENT_OK;
    if (world_calm(actor->world) && status != DOCENT_OK && status != DOCENT_ERR_SESSION_EXPIRED && status != DOCENT_ERR_TIMEOUT) {
        world_fail(actor->world, "leave %" PRIu64 " ended with %s", call->serial, docent_status_name(status));
    }
    actor->rounds++;
}

static void member_closed(void *user)
{
    world_call_told(user, DOCENT_OK);
}

static void member_close(struct actor *actor)
{
    struct guest *guest = guest_of(actor);
    docent_double_barrier *member = guest->member;
    docent_barrier *gate = guest->gate;
    guest->member = NULL;
    guest->gate = NULL;
    guest->in = false;
    guest->call = NULL;
    if (member != NULL) {
        docent_double_barrier_close(member, member_closed, world_call(actor->world, actor, CALL_NODE));
    }
    if (gate != NULL) {
        docent_barrier_close(gate, member_closed, world_call(actor->world, actor, CALL_NODE));
    }
}

static bool member_new(struct actor *actor)
{
    struct guest *guest = guest_of(actor);
    docent_double_barrier_options options = {
        DOCENT_DOUBLE_BARRIER_OPTIONS, .quantity = barriers_quantity(actor->world), .label = guest_between(actor, 0, 1) == 0 ? "sim" : NULL,
        .on_lost = member_lost, .user = actor,
    };
    if (guest->member != NULL) {
        return true;
    }
    docent_status status = docent_double_barrier_new(actor->client.core, BARRIERS_MEMBERS, &options, &guest->member);
    if (status != DOCENT_OK && status != DOCENT_ERR_NO_MEMORY) {
        world_fail(actor->world, "client %zu gets no barrier: %s", actor->index, docent_status_name(status));
    }
    return status == DOCENT_OK;
}

static void member_enter(struct actor *actor, uint32_t timeout_ms)
{
    struct guest *guest = guest_of(actor);
    if (!member_new(actor)) {
        return;
    }
    struct call *call = guest_begins(actor);
    call->timeout_ms = timeout_ms;
    docent_status status = docent_double_barrier_enter_async(guest->member, timeout_ms, member_entered, call);
    if (status != DOCENT_OK) {
        guest_refused(actor, call, status);
    }
}

static void member_leave(struct actor *actor, uint32_t timeout_ms)
{
    struct guest *guest = guest_of(actor);
    guest->in = false;
    struct call *call = guest_begins(actor);
    guest->leaves = true;
    docent_status status = docent_double_barrier_leave_async(guest->member, timeout_ms, member_left, call);
    if (status == DOCENT_ERR_NOT_HELD || status == DOCENT_ERR_NO_MEMORY) { /* Lost, and about to be told. */
        guest->call = NULL;
        call->refused = true;
        guest->in = status == DOCENT_ERR_NO_MEMORY;
    } else if (status != DOCENT_OK) {
        guest_refused(actor, call, status);
    }
}

static void member_cancel(struct actor *actor)
{
    struct guest *guest = guest_of(actor);
    struct call *call = world_call(actor->world, actor, CALL_NODE);
    guest->call = NULL;
    docent_status status = docent_double_barrier_leave_async(guest->member, DOCENT_NO_WAIT, member_cancelled, call);
    call->refused = status != DOCENT_OK;
    if (status == DOCENT_ERR_BUSY) {
        return; /* It is leaving. */
    }
    actor->rounds++;
}

static void member_storms(struct actor *actor)
{
    const struct scenario *scenario = actor->world->scenario;
    struct guest *guest = guest_of(actor);
    uint64_t how = guest_between(actor, 0, 99);
    uint32_t session_ms = actor->world->session_ms;
    if (guest->call != NULL || (guest->in && scenario->impatient)) {
        bool entering = guest->member != NULL && docent_double_barrier_get_state(guest->member) == DOCENT_DOUBLE_BARRIER_ENTERING;
        if (scenario->impatient && how < 8 && entering && guest->call != NULL) {
            member_cancel(actor);
            return;
        }
        if (scenario->impatient && how >= 96) {
            member_close(actor);
            actor->rounds++;
            return;
        }
        if (guest->call != NULL) {
            return;
        }
    }
    if (guest->in) {
        member_leave(actor, how < 60 ? DOCENT_FOREVER : how < 90 ? (uint32_t)guest_between(actor, 1, session_ms) : DOCENT_NO_WAIT);
    } else {
        member_enter(actor, how < 90 ? (uint32_t)guest_between(actor, how < 50 ? session_ms : 1, 2 * session_ms) : DOCENT_NO_WAIT);
    }
}

/* All go out; then all go in and out together, three times without a pause. If anything goes wrong with anybody, once more. */
static void member_calms(struct actor *actor)
{
    enum { CALM_ROUNDS = 3 };
    struct barriers *barriers = actor->world->barriers;
    struct guest *guest = guest_of(actor);
    bool all_out = true, all_in = true, all_done = true;
    for (size_t i = 0; i < actor->world->actor_count; i++) {
        const struct guest *other = &barriers->guests[i];
        all_out = all_out && !other->in && other->call == NULL;
        all_in = all_in && (other->in || other->leaves || other->calm_rounds > guest->calm_rounds);
        all_done = all_done && other->calm_rounds >= CALM_ROUNDS;
    }
    barriers->done = barriers->done || (barriers->gathered && all_done);
    barriers->gathered = barriers->gathered && !barriers->broken;
    barriers->broken = false;
    if (barriers->done) {
        actor->served = true;
    } else if (!barriers->gathered && guest->call != NULL && !guest->in) {
        if (docent_double_barrier_get_state(guest->member) == DOCENT_DOUBLE_BARRIER_ENTERING) {
            member_cancel(actor);
        }
    } else if (!barriers->gathered && guest->in) {
        member_leave(actor, DOCENT_FOREVER);
    } else if (!barriers->gathered && all_out) {
        for (size_t i = 0; i < actor->world->actor_count; i++) {
            barriers->guests[i].calm_rounds = 0;
        }
        barriers->gathered = true;
        world_trace(actor->world, "the calm   gathers");
    } else if (barriers->gathered && guest->call == NULL && guest->in && all_in) {
        member_leave(actor, DOCENT_FOREVER);
    } else if (barriers->gathered && guest->call == NULL && !guest->in && guest->calm_rounds < CALM_ROUNDS) {
        member_enter(actor, DOCENT_FOREVER);
    }
}

/* ---- The gate. ---- */

static void gate_told(docent_status status, void *user)
{
    struct call *call = user;
    struct actor *actor = call->actor;
    struct world *world = actor->world;
    struct guest *guest = guest_of(actor);
    const struct barriers *barriers = world->barriers;
    world_call_told(call, status);
    if (guest->call != call) {
        return;
    }
    bool open = !barriers->gate || barriers->open_us >= call->begun_us, shut = barriers->gate || barriers->shut_us >= call->begun_us;
    guest->call = NULL;
    if (status == DOCENT_OK && !(guest->verb == GATE_SET ? shut : open)) {
        world_fail(world, "call %" PRIu64 " is told OK, and the gate was %s all the time", call->serial, open ? "open" : "shut");
    }
    if (status == DOCENT_OK && guest->verb == GATE_SET && guest->changes == 0 && barriers->shut_us + 1 < call->begun_us && !barriers->gate) {
        world_fail(world, "call %" PRIu64 " is told that the gate is shut, and it is not", call->serial);
    }
    if (status != DOCENT_OK && status != DOCENT_ERR_UNKNOWN_OUTCOME && guest->changes != 0 && guest->verb == GATE_SET) {
        world_fail(world, "call %" PRIu64 " is told %s, and has shut the gate", call->serial, docent_status_name(status));
    }
    bool unknown = status == DOCENT_ERR_UNKNOWN_OUTCOME && !call->calm && guest->verb != GATE_WAIT;
    bool late = status == DOCENT_ERR_TIMEOUT && call->timeout_ms != DOCENT_FOREVER;
    if (status != DOCENT_OK && !unknown && !late) {
        world_fail(world, "call %" PRIu64 " ended with %s", call->serial, docent_status_name(status));
    }
    guest->stray = guest->stray || status == DOCENT_ERR_UNKNOWN_OUTCOME || (guest->verb == GATE_REMOVE && late);
    actor->rounds++;
    actor->served = world_calm(world) && status == DOCENT_OK && guest->verb == GATE_WAIT;
}

static void gate_act(struct actor *actor)
{
    struct guest *guest = guest_of(actor);
    bool calm = world_calm(actor->world);
    uint64_t how = guest_between(actor, 0, 99);
    if (guest->call != NULL) {
        if (calm && guest->verb == GATE_WAIT && guest->call->timeout_ms == DOCENT_FOREVER && actor->world->barriers->gate) {
            return; /* Somebody else will open it. */
        }
        return;
    }
    if (guest->gate == NULL) {
        docent_status status = docent_barrier_new(actor->client.core, BARRIERS_GATE, NULL, &guest->gate);
        if (status != DOCENT_OK) {
            return;
        }
    }
    struct call *call = guest_begins(actor);
    if (guest->session_count == 0 || guest->sessions[guest->session_count - 1] != guest->session) {
        guest->session_count = guest->session_count < 8 ? guest->session_count : 0;
        guest->sessions[guest->session_count++] = guest->session;
    }
    call->timeout_ms = calm || how % 2 == 0 ? 60000 : (uint32_t)guest_between(actor, 1, 2 * actor->world->session_ms);
    if (calm) {
        guest->verb = actor->world->barriers->gate ? GATE_REMOVE : GATE_WAIT;
        call->timeout_ms = guest->verb == GATE_WAIT ? 3000 : DOCENT_FOREVER; /* A set of the storm may still be on its way. */
    } else {
        guest->verb = how < 40 ? GATE_SET : how < 75 ? GATE_REMOVE : GATE_WAIT;
        call->timeout_ms = guest->verb == GATE_WAIT ? (uint32_t)guest_between(actor, 1, actor->world->session_ms) : call->timeout_ms;
    }
    docent_status status = guest->verb == GATE_SET ? docent_barrier_set_async(guest->gate, call->timeout_ms, gate_told, call)
        : guest->verb == GATE_REMOVE ? docent_barrier_remove_async(guest->gate, call->timeout_ms, gate_told, call)
                                     : docent_barrier_wait_async(guest->gate, call->timeout_ms, gate_told, call);
    if (status != DOCENT_OK) {
        guest_refused(actor, call, status);
    }
}

/* ---- The actor. ---- */

void barriers_act(struct actor *actor)
{
    if (actor->world->scenario->play == PLAY_BARRIER) {
        if (world_calm(actor->world) || actor->rounds < actor->world->scenario->rounds) {
            gate_act(actor);
        }
    } else if (world_calm(actor->world)) {
        member_calms(actor);
    } else if (actor->rounds < actor->world->scenario->rounds) {
        member_storms(actor);
    }
    actor_acted(actor);
}

void barriers_leave(struct actor *actor, bool crashed)
{
    struct guest *guest = guest_of(actor);
    if (crashed) {
        guest->member = NULL;
        guest->gate = NULL;
        guest->in = false;
        guest->call = NULL;
        guest->session_count = 0;
    } else {
        member_close(actor);
        guest->session_count = 0;
    }
}

/* A handle keeps its watch until it is closed, and longer where it is a one-shot. What takes it back wants memory, which a storm may refuse. */
static void barriers_close(struct world *world)
{
    struct barriers *barriers = world->barriers;
    bool refused = world->scenario->storm || world->scenario->speaks[0] != NULL;
    if (barriers->closing) {
        return;
    }
    barriers->closing = true;
    for (size_t i = 0; i < world->plan.count; i++) {
        refused = refused || world->plan.faults[i].kind == FAULT_ALLOC;
    }
    world->watches_left = refused ? SIZE_MAX / 2 : world->watches_left;
    for (size_t i = 0; i < world->actor_count; i++) {
        if (world->actors[i]->client.core != NULL) {
            member_close(world->actors[i]);
        }
    }
}

bool barriers_quiet(struct world *world)
{
    const struct barriers *barriers = world->barriers;
    for (size_t i = 0; i < barriers->spot_count; i++) {
        if (barriers->spots[i].alive) {
            return false;
        }
    }
    if (barriers->ready != 0) {
        world_fail(world, "all are out, and ready stands");
    }
    barriers_close(world);
    return true;
}
