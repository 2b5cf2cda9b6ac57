#include "tests/sim/gathers.h"

#include <docent/countdown.h>
#include <docent/sync_queue.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GATHERS_QUEUE "/start/here"
#define GATHERS_COUNTS "/ready"
enum { GATHERS_GRACE_MS = 1100, GATHERS_SETTLED_MS = 900, GATHERS_SESSIONS = 16, GATHERS_COUNTS_MAX = 256, GATHERS_OF_MAX = 4 };

struct seat { /* A member's node, as the log has it. */
    char *name;
    int64_t owner, round;
    uint64_t made_us;
    bool alive;
    bool started; /* It was there when its round began. */
    bool taken;   /* Somebody was told that it has started by it. */
};

struct countdown { /* The same of one path. */
    bool made, open;
    uint32_t left, of;
    unsigned marks, sets;
    int64_t set_zxid;
    uint64_t made_us;
};

struct account { /* What one actor's calls did, and what they were told. */
    unsigned logged; /* In the log. */
    unsigned sure;   /* Told OK. */
    unsigned maybe;  /* Told nothing certain. */
};

enum comer_verb { COMER_GATHER, COMER_MAKE, COMER_COUNT, COMER_WAIT };

struct comer { /* Of an actor. */
    struct call *call; /* That is under way. NULL: none. */
    enum comer_verb verb;
    unsigned closing;  /* Handles that have not said that they are closed. */
    int64_t stray;     /* A call was told in this session, and may not be over. */
    bool alone;        /* There was nothing of the kind when it was begun, */
    bool stood;        /* its client was connected, */
    unsigned breaks;   /* after so many connections, */
    int64_t session;   /* in this session. */
    docent_sync_queue *queue;
    docent_countdown *countdown;
    size_t at;         /* Which. */
    int64_t round;     /* That it has started with last. */
    bool calm_start;   /* It has, in the calm. */
    struct account counts, makes;
    int64_t sessions[GATHERS_SESSIONS]; /* Of its clients', the latest. */
    size_t session_count;
};

struct gathers {
    struct comer comers[WORLD_ACTORS_MAX];
    bool made;
    int64_t round; /* That gathers. */
    struct seat *seats;
    size_t seat_count, seat_capacity;
    struct countdown countdowns[GATHERS_COUNTS_MAX];
    size_t at;      /* The countdown that is counted now; those before are open. */
    bool calm;      /* Of which in the calm there is */
    size_t calm_at; /* only this one. */
};

struct gathers *gathers_new(void)
{
    struct gathers *gathers = calloc(1, sizeof *gathers);
    if (gathers == NULL) {
        abort();
    }
    return gathers;
}

void gathers_free(struct gathers *gathers)
{
    if (gathers == NULL) {
        return;
    }
    for (size_t i = 0; i < gathers->seat_count; i++) {
        free(gathers->seats[i].name);
    }
    free(gathers->seats);
    free(gathers);
}

static struct comer *comer_of(const struct actor *actor)
{
    return &actor->world->gathers->comers[actor->index];
}

static unsigned gathers_quantity(const struct world *world)
{
    return (unsigned)(world->scenario->quantity != 0 ? world->scenario->quantity : world->actor_count);
}

static uint64_t comer_between(struct actor *actor, uint64_t low, uint64_t high)
{
    return chance_between(&actor->world->random, low, high);
}

static bool comer_had(const struct comer *comer, int64_t session)
{
    for (size_t i = 0; i < comer->session_count && i < GATHERS_SESSIONS; i++) {
        if (comer->sessions[i] == session) {
            return true;
        }
    }
    return false;
}

/* ---- The log: rounds. ---- */

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

/* ---- The log: countdowns. ---- */

/* Whose client had that session. */
static struct comer *gathers_comer(struct world *world, int64_t session)
{
    for (size_t i = 0; i < world->actor_count; i++) {
        if (comer_had(&world->gathers->comers[i], session)) {
            return &world->gathers->comers[i];
        }
    }
    return NULL;
}

static void account_check(struct world *world, const struct comer *comer, const struct account *account, enum comer_verb verb)
{
    unsigned under_way = comer->call != NULL && comer->verb == verb;
    const char *what = verb == COMER_COUNT ? "counted" : "made a countdown";
    size_t index = (size_t)(comer - world->gathers->comers);
    if (account->logged > account->sure + account->maybe + under_way) {
        world_fail(world, "client %zu has %s %u times, and was told %u times, and %u times perhaps", index, what, account->logged, account->sure,
                   account->maybe + under_way);
    }
    if (account->logged < account->sure) {
        world_fail(world, "client %zu has %s %u times, and was told %u times", index, what, account->logged, account->sure);
    }
}

static void gathers_did(struct world *world, int64_t session, enum comer_verb verb)
{
    struct comer *comer = gathers_comer(world, session);
    if (comer == NULL) {
        world_fail(world, "session %#" PRIx64 " changes a countdown, and is nobody's", (uint64_t)session);
        return;
    }
    struct account *account = verb == COMER_COUNT ? &comer->counts : &comer->makes;
    account->logged++;
    account_check(world, comer, account, verb);
}

static void countdown_set(struct world *world, struct countdown *countdown, const struct commit *commit)
{
    char text[64] = "";
    uint32_t left = 0, of = 0;
    memcpy(text, commit->data, commit->size < sizeof text ? commit->size : sizeof text - 1);
    if (sscanf(text, "%" SCNu32 " %" SCNu32, &left, &of) != 2) {
        world_fail(world, "%s becomes \"%s\"", commit->path, text);
        return;
    }
    if (commit->type == COMMIT_CREATE) {
        *countdown = (struct countdown){.made = true, .left = left, .of = of, .made_us = world->clock.now_us};
        gathers_did(world, commit->session, COMER_MAKE);
    } else if (left + 1 != countdown->left || of != countdown->of || ++countdown->sets != countdown->marks) {
        world_fail(world, "%s goes from %" PRIu32 " to \"%s\", with %u marks", commit->path, countdown->left, text, countdown->marks);
    } else {
        countdown->left = left;
        countdown->set_zxid = commit->zxid;
        gathers_did(world, commit->session, COMER_COUNT);
    }
}

static void countdown_opened(struct world *world, struct countdown *countdown, const struct commit *commit)
{
    countdown->open = true;
    world->grants++;
    if (countdown->left != 0 || countdown->set_zxid != commit->zxid) {
        world_fail(world, "%s is made with %" PRIu32 " left", commit->path, countdown->left);
    }
    while (world->gathers->countdowns[world->gathers->at].open && world->gathers->at + 1 < GATHERS_COUNTS_MAX) {
        world->gathers->at++;
    }
}

static void countdown_committed(struct world *world, const struct commit *commit)
{
    size_t at;
    int end = 0;
    if (commit->type == COMMIT_OTHER || sscanf(commit->path, GATHERS_COUNTS "/%zu%n", &at, &end) != 1 || at >= GATHERS_COUNTS_MAX) {
        return;
    }
    struct countdown *countdown = &world->gathers->countdowns[at];
    const char *rest = commit->path + end;
    if (commit->type == COMMIT_DELETE) {
        world_fail(world, "%s is deleted", commit->path);
    } else if (*rest == '\0') {
        countdown_set(world, countdown, commit);
    } else if (strcmp(rest, "/open") == 0) {
        countdown_opened(world, countdown, commit);
    } else if (countdown->marks++ != countdown->sets) {
        world_fail(world, "%s is made, and the mark before it has counted nothing", commit->path);
    }
}

bool gathers_committed(struct world *world, const struct commit *commit)
{
    static const char seats[] = GATHERS_QUEUE "/";
    gathers_check(world);
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
    } else if (strncmp(commit->path, GATHERS_COUNTS, sizeof GATHERS_COUNTS - 1) == 0) {
        countdown_committed(world, commit);
    } else {
        return false;
    }
    return true;
}

/* ---- Calls. ---- */

static bool comer_is_online(const struct actor *actor)
{
    return actor->client.core != NULL && actor->client.conn != NULL && docent_client_state(actor->client.core) == DOCENT_CONNECTED;
}

static struct call *comer_begins(struct actor *actor, enum comer_verb verb, uint32_t timeout_ms)
{
    struct comer *comer = comer_of(actor);
    struct call *call = world_call(actor->world, actor, CALL_NODE);
    call->timeout_ms = timeout_ms;
    call->calm = world_calm(actor->world);
    comer->call = call;
    comer->verb = verb;
    comer->stood = comer_is_online(actor);
    comer->breaks = actor->client.breaks;
    comer->session = docent_client_session(actor->client.core, NULL);
    comer->alone = comer->closing == 0 && comer->stray != comer->session; /* Else nodes may be of calls of before. */
    return call;
}

static void comer_refused(struct actor *actor, struct call *call, docent_status status)
{
    if (status == DOCENT_OK) {
        return;
    }
    comer_of(actor)->call = NULL;
    call->refused = true;
    if (status != DOCENT_ERR_NO_MEMORY) {
        world_fail(actor->world, "a call is refused: %s", docent_status_name(status));
    }
}

/* @ret_took_ms of a call that ended; false: its actor has given it up, and it is no matter any more. */
static bool comer_ends(struct call *call, docent_status status, uint64_t *ret_took_ms)
{
    struct actor *actor = call->actor;
    struct world *world = actor->world;
    uint64_t grace_ms = comer_of(actor)->verb == COMER_GATHER ? GATHERS_GRACE_MS : 50;
    *ret_took_ms = (world->clock.now_us - call->begun_us) / SIM_MS;
    world_call_told(call, status);
    if (comer_of(actor)->call != call) {
        return false;
    }
    if (call->timeout_ms != DOCENT_FOREVER && call->timeout_ms != DOCENT_NO_WAIT && *ret_took_ms > call->timeout_ms + grace_ms &&
        actor->paused_us < call->begun_us) {
        world_fail(world, "call %" PRIu64 " took %" PRIu64 " of %" PRIu32 " ms", call->serial, *ret_took_ms, call->timeout_ms);
    }
    comer_of(actor)->call = NULL;
    actor->rounds++;
    return true;
}

/* From the beginning of the call to its end its client had this connection, was not stopped, and did nothing else. */
static bool comer_stood(const struct actor *actor, const struct call *call)
{
    const struct comer *comer = comer_of(actor);
    return comer->alone && comer->stood && comer->breaks == actor->client.breaks && comer_is_online(actor) && actor->paused_us < call->begun_us &&
        comer->session == docent_client_session(actor->client.core, NULL);
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

static void member_gather(struct actor *actor, uint32_t timeout_ms)
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

/* ---- Countdowns. ---- */

static void count_account(struct actor *actor, docent_status status)
{
    struct comer *comer = comer_of(actor);
    struct account *account = comer->verb == COMER_COUNT ? &comer->counts : &comer->makes;
    bool zero = comer->verb == COMER_COUNT && actor->world->gathers->countdowns[comer->at].left == 0;
    account->sure += status == DOCENT_OK && !(zero && account->logged == account->sure); /* At zero nothing is counted. */
    account->maybe += status == DOCENT_ERR_UNKNOWN_OUTCOME;
    account_check(actor->world, comer, account, comer->verb);
}

static void count_told(docent_status status, void *user)
{
    struct call *call = user;
    struct actor *actor = call->actor;
    struct world *world = actor->world;
    struct comer *comer = comer_of(actor);
    const struct countdown *countdown = &world->gathers->countdowns[comer->at];
    uint64_t took_ms;
    if (!comer_ends(call, status, &took_ms)) {
        return;
    }
    if (comer->verb != COMER_WAIT) {
        count_account(actor, status);
    }
    bool timed = call->timeout_ms != DOCENT_FOREVER;
    bool there = countdown->made && countdown->made_us < call->begun_us;
    bool foretold = status == DOCENT_OK || (status == DOCENT_ERR_TIMEOUT && timed) ||
        (status == DOCENT_ERR_UNKNOWN_OUTCOME && comer->verb != COMER_WAIT && (timed || world->faults_done > 0)) ||
        (status == DOCENT_ERR_NODE_EXISTS && comer->verb == COMER_MAKE && countdown->made) ||
        (status == DOCENT_ERR_NO_NODE && comer->verb != COMER_MAKE && !there);
    if (!foretold) {
        world_fail(world, "call %" PRIu64 " ended with %s, of a countdown that is %s", call->serial, docent_status_name(status),
                   there ? "there" : countdown->made ? "new" : "not there");
    }
    if (status == DOCENT_OK && comer->verb == COMER_WAIT && !countdown->open) {
        world_fail(world, "client %zu is told of zero, and %" PRIu32 " are left", actor->index, countdown->left);
    }
    actor->served = world_calm(world) && status == DOCENT_OK && comer->verb == COMER_WAIT;
}

static size_t gathers_at(const struct world *world)
{
    struct gathers *gathers = world->gathers;
    if (world_calm(world) && !gathers->calm) {
        gathers->calm = true;
        gathers->calm_at = gathers->at;
    }
    return gathers->calm ? gathers->calm_at : gathers->at;
}

static void count_call(struct actor *actor, enum comer_verb verb, uint32_t timeout_ms)
{
    struct comer *comer = comer_of(actor);
    char path[32];
    if (comer->countdown == NULL) {
        comer->at = gathers_at(actor->world);
        snprintf(path, sizeof path, GATHERS_COUNTS "/%zu", comer->at);
        docent_status status = docent_countdown_new(actor->client.core, path, NULL, &comer->countdown);
        if (status != DOCENT_OK) {
            if (status != DOCENT_ERR_NO_MEMORY) {
                world_fail(actor->world, "client %zu gets no countdown: %s", actor->index, docent_status_name(status));
            }
            return;
        }
    }
    struct call *call = comer_begins(actor, verb, timeout_ms);
    uint32_t of = (uint32_t)comer_between(actor, 1, GATHERS_OF_MAX);
    comer_refused(actor, call,
                  verb == COMER_MAKE ? docent_countdown_create_async(comer->countdown, of, timeout_ms, count_told, call)
                      : verb == COMER_COUNT ? docent_countdown_count_down_async(comer->countdown, timeout_ms, count_told, call)
                                            : docent_countdown_wait_async(comer->countdown, timeout_ms, count_told, call));
}

/* ---- Handles go. ---- */

static void comer_closed(void *user)
{
    struct call *call = user;
    struct actor *actor = call->actor;
    struct world *world = actor->world;
    world_call_told(call, DOCENT_OK);
    if (--comer_of(actor)->closing > 0 || actor->state == ACTOR_CLOSING_CLIENT || actor->client.core == NULL) {
        return;
    }
    int64_t session = docent_client_session(actor->client.core, NULL);
    for (size_t i = 0; i < world->gathers->seat_count; i++) {
        const struct seat *seat = &world->gathers->seats[i];
        if (seat->alive && seat->owner == session && seat->made_us < call->begun_us) {
            world_fail(world, "client %zu has closed its queue, and %s is there", actor->index, seat->name);
        }
    }
}

static void comer_gives_up(struct comer *comer)
{
    comer->counts.maybe += comer->call != NULL && comer->verb == COMER_COUNT;
    comer->makes.maybe += comer->call != NULL && comer->verb == COMER_MAKE;
    comer->call = NULL;
}

static void comer_close(struct actor *actor)
{
    struct comer *comer = comer_of(actor);
    docent_sync_queue *queue = comer->queue;
    docent_countdown *countdown = comer->countdown;
    if (queue == NULL && countdown == NULL) {
        return;
    }
    comer->queue = NULL;
    comer->countdown = NULL;
    comer_gives_up(comer);
    comer->closing++;
    struct call *call = world_call(actor->world, actor, CALL_NODE);
    docent_sync_queue_close(queue, comer_closed, call);
    docent_countdown_close(countdown, comer_closed, call);
}

/* ---- The actor. ---- */

static uint32_t comer_timeout(struct actor *actor, uint64_t how)
{
    uint32_t session_ms = actor->world->session_ms;
    return how < 90 ? (uint32_t)comer_between(actor, how < 50 ? session_ms : 1, 2 * session_ms) : DOCENT_NO_WAIT;
}

static void comer_storms(struct actor *actor)
{
    const struct gathers *gathers = actor->world->gathers;
    struct comer *comer = comer_of(actor);
    uint64_t how = comer_between(actor, 0, 99), what = comer_between(actor, 0, 99);
    bool counts = actor->world->scenario->play == PLAY_COUNTDOWN;
    bool moved_on = counts && comer->call == NULL && comer->countdown != NULL && comer->at != gathers->at;
    if (moved_on || (actor->world->scenario->impatient && how >= 94)) {
        comer_close(actor);
        actor->rounds += !moved_on;
    }
    if (comer->call != NULL) {
        return;
    }
    if (!counts) {
        member_gather(actor, comer_timeout(actor, how));
    } else if (what < (gathers->countdowns[gathers->at].made ? 10 : 60)) {
        count_call(actor, COMER_MAKE, comer_timeout(actor, how));
    } else {
        count_call(actor, what < 80 ? COMER_COUNT : COMER_WAIT, comer_timeout(actor, how));
    }
}

/* Everybody starts; and then nobody waits any more. */
static void members_calm(struct actor *actor)
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

/* Somebody waits from the beginning on, the others count first. */
static void counts_calm(struct actor *actor)
{
    const struct gathers *gathers = actor->world->gathers;
    struct comer *comer = comer_of(actor);
    if (comer->call != NULL || actor->served) {
        return;
    }
    if (comer->at != gathers_at(actor->world)) {
        comer_close(actor);
    }
    const struct countdown *countdown = &gathers->countdowns[gathers_at(actor->world)];
    if (!countdown->made) {
        count_call(actor, COMER_MAKE, DOCENT_FOREVER);
    } else if (countdown->left > 0 && actor->index > 0) {
        count_call(actor, COMER_COUNT, DOCENT_FOREVER);
    } else {
        count_call(actor, COMER_WAIT, DOCENT_FOREVER);
    }
}

void gathers_act(struct actor *actor)
{
    if (!world_calm(actor->world)) {
        if (actor->rounds < actor->world->scenario->rounds) {
            comer_storms(actor);
        }
    } else if (actor->world->scenario->play == PLAY_COUNTDOWN) {
        counts_calm(actor);
    } else {
        members_calm(actor);
    }
    actor_acted(actor);
}

void gathers_leave(struct actor *actor, bool crashed)
{
    if (crashed) {
        comer_of(actor)->queue = NULL;
        comer_of(actor)->countdown = NULL;
        comer_gives_up(comer_of(actor));
        comer_of(actor)->closing = 0;
    } else {
        comer_close(actor);
    }
}

/* Whose session is whose: of what the log will have. */
void gathers_check(struct world *world)
{
    for (size_t i = 0; i < world->actor_count; i++) {
        struct comer *comer = &world->gathers->comers[i];
        docent_client *client = world->actors[i]->client.core;
        int64_t session = client == NULL ? 0 : docent_client_session(client, NULL);
        if (session != 0 && !comer_had(comer, session)) {
            comer->sessions[comer->session_count++ % GATHERS_SESSIONS] = session;
        }
    }
}

bool gathers_quiet(struct world *world)
{
    const struct gathers *gathers = world->gathers;
    for (size_t i = 0; i < gathers->seat_count; i++) {
        if (gathers->seats[i].alive) {
            return false;
        }
    }
    world->watches_left = 0; /* A server that may not be able to is not asked to take back a watch that came too late, or that nobody waits for. */
    for (size_t i = 0; i < world->actor_count; i++) {
        uint32_t version = 0;
        (void)docent_client_server(world->actors[i]->client.core, &version);
        world->watches_left += version == 0 ? 1 + gathers->at : 0;
    }
    for (size_t i = 0; i < GATHERS_COUNTS_MAX; i++) {
        const struct countdown *countdown = &gathers->countdowns[i];
        if (countdown->marks != countdown->sets || (countdown->made && (countdown->left == 0) != countdown->open)) {
            world_fail(world, "countdown %zu has %" PRIu32 " left, %u marks, and is %s", i, countdown->left, countdown->marks,
                       countdown->open ? "open" : "not open");
        }
    }
    return true;
}
