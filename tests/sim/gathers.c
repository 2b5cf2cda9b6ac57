#include "tests/sim/comers.h"

#include <inttypes.h>
#include <stdlib.h>

enum { GATHERS_GRACE_MS = 1100 };

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

bool comer_had(const struct comer *comer, int64_t session)
{
    for (size_t i = 0; i < comer->session_count && i < GATHERS_SESSIONS; i++) {
        if (comer->sessions[i] == session) {
            return true;
        }
    }
    return false;
}

bool gathers_committed(struct world *world, const struct commit *commit)
{
    gathers_check(world);
    return rounds_committed(world, commit) || countdowns_committed(world, commit);
}

/* ---- Calls. ---- */

static bool comer_is_online(const struct actor *actor)
{
    return actor->client.core != NULL && actor->client.conn != NULL && docent_client_state(actor->client.core) == DOCENT_CONNECTED;
}

struct call *comer_begins(struct actor *actor, enum comer_verb verb, uint32_t timeout_ms)
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

void comer_refused(struct actor *actor, struct call *call, docent_status status)
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

bool comer_ends(struct call *call, docent_status status, uint64_t *ret_took_ms)
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

bool comer_stood(const struct actor *actor, const struct call *call)
{
    const struct comer *comer = comer_of(actor);
    return comer->alone && comer->stood && comer->breaks == actor->client.breaks && comer_is_online(actor) && actor->paused_us < call->begun_us &&
        comer->session == docent_client_session(actor->client.core, NULL);
}

/* ---- Handles go. ---- */

static void comer_closed(void *user)
{
    struct call *call = user;
    struct actor *actor = call->actor;
    world_call_told(call, DOCENT_OK);
    if (--comer_of(actor)->closing > 0 || actor->state == ACTOR_CLOSING_CLIENT || actor->client.core == NULL) {
        return;
    }
    rounds_closed(actor, call);
}

static void comer_gives_up(struct comer *comer)
{
    comer->counts.maybe += comer->call != NULL && comer->verb == COMER_COUNT;
    comer->makes.maybe += comer->call != NULL && comer->verb == COMER_MAKE;
    if (comer->verb != COMER_DELETE) { /* Which is the client's, not the handle's. */
        comer->call = NULL;
    }
}

void comer_close(struct actor *actor)
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
        count_call(actor, what < 75 ? COMER_COUNT : what < 93 ? COMER_WAIT : COMER_DELETE, comer_timeout(actor, how));
    }
}

void gathers_act(struct actor *actor)
{
    if (!world_calm(actor->world)) {
        if (actor->rounds < actor->world->scenario->rounds) {
            comer_storms(actor);
        }
    } else if (actor->world->scenario->play == PLAY_COUNTDOWN) {
        count_in_calm(actor);
    } else {
        member_in_calm(actor);
    }
    actor_acted(actor);
}

void gathers_leave(struct actor *actor, bool crashed)
{
    if (crashed) {
        comer_of(actor)->queue = NULL;
        comer_of(actor)->countdown = NULL;
        comer_gives_up(comer_of(actor));
        comer_of(actor)->call = NULL;
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
    if (!rounds_quiet(world)) {
        return false;
    }
    world->watches_left = 0; /* A server that may not be able to is not asked to take back a watch that came too late, or that nobody waits for. */
    for (size_t i = 0; i < world->actor_count; i++) {
        uint32_t version = 0;
        (void)docent_client_server(world->actors[i]->client.core, &version);
        world->watches_left += version == 0 ? 1 + world->gathers->at : 0;
    }
    countdowns_quiet(world);
    return true;
}
