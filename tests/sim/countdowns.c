/* tests/sim/countdowns.c - those who make a countdown, count it down and wait for zero, and what the log says of it; see gathers.h. */
#include "tests/sim/comers.h"

#include <docent/node.h>

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
    char text[64] = "", creation[40] = "";
    uint32_t left = 0, of = 0;
    memcpy(text, commit->data, commit->size < sizeof text ? commit->size : sizeof text - 1);
    if (sscanf(text, "%" SCNu32 " %" SCNu32 " %39s", &left, &of, creation) != 3) {
        world_fail(world, "%s becomes \"%s\"", commit->path, text);
        return;
    }
    if (commit->type == COMMIT_CREATE) {
        *countdown = (struct countdown){.made = true, .left = left, .of = of, .made_us = world->clock.now_us, .gone_us = countdown->gone_us,
                                        .open_gone_us = countdown->open_gone_us};
        countdown->maker = commit->session;
        snprintf(countdown->creation, sizeof countdown->creation, "%s", creation);
        gathers_did(world, commit->session, COMER_MAKE);
    } else if (strcmp(creation, countdown->creation) != 0) {
        world_fail(world, "%s becomes \"%s\", which counts one of before", commit->path, text);
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

/* A part of it: @rest of its path. */
static void countdown_deleted(struct world *world, struct countdown *countdown, const char *rest)
{
    countdown->gone_us = world->clock.now_us;
    countdown->going = true;
    if (strcmp(rest, "/open") == 0) {
        countdown->open = false;
        countdown->open_gone_us = world->clock.now_us;
    } else if (*rest == '\0') {
        struct comer *maker = gathers_comer(world, countdown->maker);
        if (maker != NULL && maker->call != NULL && maker->verb == COMER_MAKE && maker->call->begun_us <= countdown->made_us) {
            maker->makes.maybe++; /* It may be made anew, by the same call. */
        }
        *countdown = (struct countdown){.gone_us = countdown->gone_us, .open_gone_us = countdown->open_gone_us};
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
        countdown_deleted(world, countdown, rest);
    } else if (*rest == '\0') {
        countdown_set(world, countdown, commit);
    } else if (strcmp(rest, "/open") == 0) {
        countdown_opened(world, countdown, commit);
    } else if (strncmp(rest, "/c-", 3) == 0) {
        if (strcmp(rest + 3, countdown->creation) != 0) {
            world_fail(world, "%s is made in one that is called %s", commit->path, countdown->creation);
        }
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
        if (countdown->marks != countdown->sets || (countdown->made && !countdown->going && (countdown->left == 0) != countdown->open)) {
            world_fail(world, "countdown %zu has %" PRIu32 " left, %u marks, and is %s", i, countdown->left, countdown->marks,
                       countdown->open ? "open" : "not open");
        }
    }
}

/* ---- Calls. ---- */

/* Since the beginning of the call there was one at zero. */
static bool count_was_open(const struct countdown *countdown, const struct call *call)
{
    return countdown->open || (countdown->open_gone_us != 0 && countdown->open_gone_us >= call->begun_us);
}

static void count_account(struct actor *actor, const struct call *call, docent_status status)
{
    struct comer *comer = comer_of(actor);
    struct account *account = comer->verb == COMER_COUNT ? &comer->counts : &comer->makes;
    bool zero = comer->verb == COMER_COUNT && count_was_open(&actor->world->gathers->countdowns[comer->at], call);
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
        count_account(actor, call, status);
    }
    bool timed = call->timeout_ms != DOCENT_FOREVER;
    bool deleted = countdown->gone_us != 0 && countdown->gone_us >= call->begun_us;
    bool there = countdown->made && countdown->made_us < call->begun_us && !countdown->going;
    bool foretold = status == DOCENT_OK || (status == DOCENT_ERR_TIMEOUT && timed) ||
        (status == DOCENT_ERR_UNKNOWN_OUTCOME && comer->verb != COMER_WAIT && (timed || deleted || world->faults_done > 0)) ||
        (status == DOCENT_ERR_NODE_EXISTS && comer->verb == COMER_MAKE && (countdown->made || deleted)) ||
        (status == DOCENT_ERR_NO_NODE && comer->verb != COMER_MAKE && (deleted || !there));
    if (!foretold) {
        world_fail(world, "call %" PRIu64 " ended with %s, of a countdown that is %s", call->serial, docent_status_name(status),
                   there ? "there" : countdown->made ? "new" : "not there");
    }
    if (status == DOCENT_OK && comer->verb == COMER_WAIT && !count_was_open(countdown, call)) {
        world_fail(world, "client %zu is told of zero, and %" PRIu32 " are left", actor->index, countdown->left);
    }
    actor->served = world_calm(world) && status == DOCENT_OK && comer->verb == COMER_WAIT;
}

static void count_deleted(const docent_result *result, void *user)
{
    uint64_t took_ms;
    (void)comer_ends(user, result->status, &took_ms);
}

static docent_status count_delete(struct actor *actor, const char *path, uint32_t timeout_ms, struct call *call)
{
    const docent_delete_node_options options = {
        DOCENT_DELETE_NODE_OPTIONS, .recursive = true, .quietly = true, .timeout_ms = timeout_ms == DOCENT_NO_WAIT ? 1 : timeout_ms,
    };
    return docent_delete_node_async(actor->client.core, path, DOCENT_ANY_VERSION, &options, count_deleted, call);
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
    comer->at = comer->countdown == NULL ? gathers_at(actor->world) : comer->at;
    snprintf(path, sizeof path, GATHERS_COUNTS "/%zu", comer->at);
    if (comer->countdown == NULL) {
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
                  verb == COMER_DELETE ? count_delete(actor, path, timeout_ms, call)
                      : verb == COMER_MAKE ? docent_countdown_create_async(comer->countdown, of, timeout_ms, count_told, call)
                      : verb == COMER_COUNT ? docent_countdown_count_down_async(comer->countdown, timeout_ms, count_told, call)
                                            : docent_countdown_wait_async(comer->countdown, timeout_ms, count_told, call));
}

static bool gathers_deletes(const struct world *world)
{
    bool deletes = false;
    for (size_t i = 0; i < world->actor_count; i++) {
        const struct comer *comer = &world->gathers->comers[i];
        deletes = deletes || (comer->call != NULL && comer->verb == COMER_DELETE);
    }
    return deletes;
}

/* What is half deleted is deleted first. Then somebody waits from the beginning on, the others count first. */
void count_in_calm(struct actor *actor)
{
    const struct gathers *gathers = actor->world->gathers;
    struct comer *comer = comer_of(actor);
    if (comer->call != NULL || actor->served || gathers_deletes(actor->world)) {
        return;
    }
    if (comer->at != gathers_at(actor->world)) {
        comer_close(actor);
    }
    const struct countdown *countdown = &gathers->countdowns[gathers_at(actor->world)];
    if (countdown->going) {
        count_call(actor, COMER_DELETE, DOCENT_FOREVER);
    } else if (!countdown->made) {
        count_call(actor, COMER_MAKE, DOCENT_FOREVER);
    } else if (countdown->left > 0 && actor->index > 0) {
        count_call(actor, COMER_COUNT, DOCENT_FOREVER);
    } else {
        count_call(actor, COMER_WAIT, DOCENT_FOREVER);
    }
}
