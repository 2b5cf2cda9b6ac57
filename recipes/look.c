/* recipes/look.c - see look.h. */
#include "recipes/look.h"

#include <docent/operation.h>

#include <stddef.h>
#include <string.h>

#include "recipes/trouble.h"

static struct look *look_of(const struct handle *handle)
{
    return (struct look *)(uintptr_t)handle;
}

static void look_soon(struct look *l)
{
    docent_client_later(l->handle.client, &l->later);
}

/* ---- Looking. ---- */

static void look_want(struct look *l)
{
    l->wanted = true;
    if (l->timer == LOOK_TIMER_RETRIES) return;
    if (l->settle_ms > 0) {
        l->timer = LOOK_TIMER_SETTLES;
        docent_machine_timer(&l->handle.machine, l->settle_ms);
    } else {
        l->timer = LOOK_TIMER_OFF;
        look_soon(l);
    }
}

/* Again, under the backoff. */
static void look_retry(struct look *l)
{
    l->wanted = true;
    l->timer = LOOK_TIMER_RETRIES;
    docent_machine_retry(&l->handle.machine);
}

/* The same, unless something happens before, which may have changed who may look. */
static void look_hope(struct look *l)
{
    if (l->wanted) return;
    look_retry(l);
    l->timer = LOOK_TIMER_HOPES;
}

static bool look_is_same(const struct look *l, const docent_result *result)
{
    if (!l->told.anything || l->told.status != result->status) return false;
    if (result->status != DOCENT_OK) return true;
    return l->told.czxid == result->stat.czxid && l->told.zxid == (l->children ? result->stat.pzxid : result->stat.mzxid);
}

static void look_see(struct look *l, const docent_result *result)
{
    docent_free(&l->handle.allocator, l->seen);
    l->seen = NULL;
    if (look_is_same(l, result)) return;
    l->seen = docent_result_keep(&l->handle.allocator, result);
    if (l->seen == NULL) {
        look_retry(l);
    } else {
        look_soon(l);
    }
}

static void look_looked(const docent_result *result, void *user)
{
    struct look *l = user;
    l->looking = false;
    if (l->handle.ended) {
        docent_handle_settle(&l->handle);
        return;
    }
    if (l->over) return;
    enum trouble trouble = result->status == DOCENT_OK || result->status == DOCENT_ERR_NO_NODE ? TROUBLE_REFUSED : docent_trouble(result->status);
    bool restless = l->settle_ms > 0 && l->wanted;
    switch (trouble) {
    case TROUBLE_LOST: l->wanted = true; return; /* The watch will say when. */
    case TROUBLE_BUSY: look_retry(l); return;
    case TROUBLE_REFUSED:
    case TROUBLE_UNSURE: break;
    }
    if (!restless) look_see(l, result);
    if (result->status == DOCENT_OK || result->status == DOCENT_ERR_NO_NODE) {
        docent_machine_calm(&l->handle.machine);
    } else {
        look_hope(l);
    }
    if (l->wanted) look_soon(l);
}

static void look_look(struct look *l)
{
    if (!l->wanted || l->looking || l->timer != LOOK_TIMER_OFF || l->over || l->handle.ended) return;
    docent_op op = l->children ? docent_op_children(l->path) : docent_op_get(l->path);
    docent_status status = docent_read_once(l->handle.client, &op, false, look_looked, l);
    if (status == DOCENT_ERR_CONNECTION_LOSS) return; /* Wanted still. */
    if (status != DOCENT_OK) {
        look_retry(l);
        return;
    }
    l->looking = true;
    l->wanted = false;
    l->seen_change = l->change;
    l->seen_zxid = l->zxid;
}

static void look_heard(struct rearm *rearm, const struct rearm_event *ev)
{
    struct look *l = (struct look *)((char *)rearm - offsetof(struct look, rearm));
    docent_result refused = { .struct_size = sizeof refused, .status = ev->status };
    switch (ev->type) {
    case REARM_RESET:
    case REARM_CHANGED:
        l->change = ev->type == REARM_RESET ? DOCENT_WATCH_RESET : ev->change;
        l->zxid = ev->zxid;
        look_want(l);
        break;
    case REARM_FAILED:
        if (docent_trouble(ev->status) == TROUBLE_REFUSED) look_see(l, &refused);
        break;
    case REARM_OVER: docent_handle_settle(&l->handle); break;
    }
}

/* ---- Telling. ---- */

static void look_tell(struct look *l, const docent_result *seen)
{
    l->told = (struct look_told){
        .anything = true, .status = seen->status, .czxid = seen->stat.czxid, .zxid = l->children ? seen->stat.pzxid : seen->stat.mzxid
    };
    if (l->tell(l, seen, false)) return;
    l->over = true;
    docent_rearm_stop(&l->rearm, false);
    if (l->unowned) docent_handle_close(&l->handle, NULL, NULL);
}

static void look_tell_last(struct look *l)
{
    const docent_result last = { .struct_size = sizeof last, .status = l->closed_why };
    if (l->last_told) return;
    l->last_told = true;
    if (!l->over) (void)l->tell(l, &last, true);
}

/* At the end of a turn: what was seen is told, and what is wanted is asked for. */
static void look_run(struct docent_later *later)
{
    struct look *l = (struct look *)((char *)later - offsetof(struct look, later));
    docent_result *seen = l->seen;
    l->seen = NULL;
    l->telling = true;
    if (seen != NULL && !l->over && l->closed_why != DOCENT_ERR_CANCELLED && !l->handle.muted) look_tell(l, seen);
    docent_free(&l->handle.allocator, seen);
    if (l->closed_why != DOCENT_OK) look_tell_last(l);
    l->telling = false;
    look_look(l);
    docent_handle_settle(&l->handle);
}

/* ---- From the beginning to the end. ---- */

static void look_attached(struct handle *handle)
{
    struct look *l = look_of(handle);
    docent_rearm_start(&l->rearm, handle->client, l->path, l->children ? DOCENT_WATCHER_CHILDREN : DOCENT_WATCHER_DATA, look_heard);
}

static void look_on_event(struct handle *handle, const struct docent_event *ev)
{
    struct look *l = look_of(handle);
    if (ev->type != DOCENT_EV_TIMER || handle->ended) return;
    l->timer = LOOK_TIMER_OFF;
    look_soon(l);
}

static void look_end(struct handle *handle, docent_status why, bool mute)
{
    struct look *l = look_of(handle);
    l->closed_why = why;
    l->last_told |= mute;
    if (mute) l->looking = false;
    docent_rearm_stop(&l->rearm, mute);
    look_soon(l);
    if (l->unowned) docent_handle_close(handle, NULL, NULL); /* Whoever ended it, nobody else gives back what the application would hold. */
}

static bool look_is_over(const struct handle *handle)
{
    const struct look *l = look_of(handle);
    return l->last_told && !l->telling && !l->looking && !docent_later_is_queued(&l->later) && docent_rearm_is_over(&l->rearm);
}

static void look_free(struct handle *handle)
{
    struct look *l = look_of(handle);
    docent_allocator allocator = handle->allocator;
    docent_free(&allocator, l->seen);
    docent_free(&allocator, l);
}

static const struct handle_kind look_kind = {
    .attached = look_attached,
    .on_event = look_on_event,
    .end = look_end,
    .is_over = look_is_over,
    .free = look_free,
};

docent_status docent_look_new(docent_client *client, const char *path, size_t size, struct look **ret_look)
{
    if (client == NULL || path == NULL || docent_path_fault(path, false) != NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    docent_status status = docent_handle_may_open(client);
    if (status != DOCENT_OK) return status;
    size_t path_size = strlen(path) + 1;
    struct look *l = docent_alloc(docent_client_allocator(client), size + path_size);
    if (l == NULL) return DOCENT_ERR_NO_MEMORY;
    memset(l, 0, size);
    l->path = memcpy((char *)l + size, path, path_size);
    *ret_look = l;
    return DOCENT_OK;
}

docent_status docent_look_open(struct look *l, docent_client *client)
{
    const docent_allocator *allocator = docent_client_allocator(client);
    l->handle.timers = 1; /* The rearm's. */
    l->later.run = look_run;
    docent_status status = docent_handle_open(&l->handle, client, &look_kind);
    if (status != DOCENT_OK) docent_free(allocator, l);
    return status;
}
