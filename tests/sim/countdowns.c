/* tests/sim/countdowns.c - those who make a countdown, count it down and wait for zero, and what the log says of it; see gathers.h. */
#include "tests/sim/comers.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define GATHERS_COUNTS "/ready"
enum { GATHERS_OF_MAX = 4 };

/* ---- The log. ---- */

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

bool countdowns_committed(struct world *world, const struct commit *commit)
{
    if (strncmp(commit->path, GATHERS_COUNTS, sizeof GATHERS_COUNTS - 1) != 0) {
        return false;
    }
    size_t at;
    int end = 0;
    if (commit->type == COMMIT_OTHER || sscanf(commit->path, GATHERS_COUNTS "/%zu%n", &at, &end) != 1 || at >= GATHERS_COUNTS_MAX) {
        return true;
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
    return true;
}

void countdowns_quiet(struct world *world)
{
    const struct gathers *gathers = world->gathers;
    for (size_t i = 0; i < GATHERS_COUNTS_MAX; i++) {
        const struct countdown *countdown = &gathers->countdowns[i];
        if (countdown->marks != countdown->sets || (countdown->made && (countdown->left == 0) != countdown->open)) {
            world_fail(world, "countdown %zu has %" PRIu32 " left, %u marks, and is %s", i, countdown->left, countdown->marks,
                       countdown->open ? "open" : "not open");
        }
    }
}

/* ---- Calls. ---- */

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

void count_call(struct actor *actor, enum comer_verb verb, uint32_t timeout_ms)
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

/* Somebody waits from the beginning on, the others count first. */
void count_in_calm(struct actor *actor)
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
