#include "tests/sim/watching.h"

#include <docent/operation.h>

#include <inttypes.h>

#include "tests/sim/actor.h"

static void watching_read(struct watched *watched);

static void watching_has_read(const docent_result *result, void *user)
{
    struct watched *watched = user;
    watched->reading = false;
    world_trace(watched->watching->actor->world, "client %zu  watcher %td's owner reads %#" PRIx64 ", status %d", watched->watching->actor->index,
                watched - watched->watching->watched, (uint64_t)result->stat.mzxid, (int)result->status);
    if (result->status == DOCENT_OK || result->status == DOCENT_ERR_NO_NODE) {
        watched->seen = result->status == DOCENT_OK ? result->stat.mzxid : 0;
    } else {
        watched->stale = true; /* Read again when the run is quiet, or when told. */
        return;
    }
    if (watched->stale) {
        watching_read(watched);
    }
}

static void watching_read(struct watched *watched)
{
    docent_op op = docent_op_exists(watched->still ? ACTOR_STILL : ACTOR_SHARED);
    watched->stale = true;
    if (watched->reading || docent_run_async(watched->watching->actor->client.core, &op, NULL, watching_has_read, watched) != DOCENT_OK) {
        return;
    }
    watched->reading = true;
    watched->stale = false;
    watched->reads++;
}

static void watching_told(const docent_watcher_event *event, void *user)
{
    struct watched *watched = user;
    struct actor *actor = watched->watching->actor;
    if (!watched->open) {
        world_fail(actor->world, "client %zu is told something by a watcher after its last event", actor->index);
    }
    world_trace(actor->world, "client %zu  watcher %td hears %d, change %d", actor->index, watched - watched->watching->watched, (int)event->type,
                (int)event->change);
    switch (event->type) {
    case DOCENT_WATCHER_RESET:
    case DOCENT_WATCHER_CHANGED: watching_read(watched); break;
    case DOCENT_WATCHER_FAILED: break;
    case DOCENT_WATCHER_CLOSED:
        watched->open = false;
        docent_watcher_close(watched->watcher, NULL, NULL);
        watched->watcher = NULL;
        break;
    }
}

void watching_begin(struct watching *watching, struct actor *actor)
{
    *watching = (struct watching){.actor = actor, .on = true};
    for (size_t i = 0; i < WATCHERS; i++) {
        struct watched *watched = &watching->watched[i];
        *watched = (struct watched){.watching = watching, .kind = (docent_watcher_kind)(i % 5), .still = i >= 5, .open = true};
        docent_status status = docent_watcher_new(actor->client.core, watched->still ? ACTOR_STILL : ACTOR_SHARED, watched->kind, watching_told,
                                                  watched, &watched->watcher);
        if (status != DOCENT_OK) {
            watched->watcher = NULL;
            watched->open = false;
        }
    }
}

void watching_end(struct watching *watching)
{
    watching->on = false;
}

/* What a watcher of its kind must have led to. Those that are not told of data do not know when they are set. */
static bool watching_knows(const struct watched *watched)
{
    const struct world *world = watched->watching->actor->world;
    bool blind = watched->kind == DOCENT_WATCHER_EXISTS || watched->kind == DOCENT_WATCHER_CHILDREN;
    if (watched->still) {
        return watched->seen == world->still_zxid;
    }
    return world->shared_zxid == 0 || (blind ? watched->seen != 0 : watched->seen == world->shared_zxid);
}

bool watching_quiet(struct watching *watching)
{
    bool quiet = true;
    if (!watching->on) {
        return true;
    }
    for (size_t i = 0; i < WATCHERS; i++) {
        struct watched *watched = &watching->watched[i];
        if (watched->watcher != NULL && watched->stale && !watched->reading) {
            watching_read(watched);
        }
        quiet = quiet && !watched->reading && (watched->watcher == NULL || watching_knows(watched));
    }
    for (size_t i = 0; i < WATCHERS && quiet; i++) {
        struct watched *watched = &watching->watched[i];
        docent_watcher *watcher = watched->watcher;
        watched->watcher = NULL;
        docent_watcher_close(watcher, NULL, NULL);
        quiet = !watched->open;
    }
    if (quiet && watching->actor->world->scenario->speaks[0] != NULL) { /* Such servers keep what they were asked to watch. */
        watching->actor->world->watches_left = SIZE_MAX / 2;
    }
    return quiet;
}
