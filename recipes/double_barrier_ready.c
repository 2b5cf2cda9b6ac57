/* recipes/double_barrier_ready.c - see double_barrier.h: what a member knows of `ready`, and how a dead round's is cleared away. */
#include <stddef.h>

#include "recipes/double_barrier.h"
#include "recipes/trouble.h"

/* ---- What the watch tells. ---- */

static void ready_heard(struct rearm *rearm, const struct rearm_event *ev)
{
    struct docent_double_barrier *b = (struct docent_double_barrier *)((char *)rearm - offsetof(struct docent_double_barrier, watch));
    switch (ev->type) {
    case REARM_RESET:
        b->ready_known = false;
        b->resets++;
        if (b->current != NULL) docent_entrant_on_ready_doubt(b->current);
        break;
    case REARM_CHANGED:
        b->ready_there = ev->change == DOCENT_WATCH_CREATED;
        if (b->current == NULL) break;
        if (b->ready_there) {
            docent_entrant_on_ready_made(b->current, ev->zxid);
        } else {
            docent_entrant_on_ready_gone(b->current);
        }
        break;
    case REARM_FAILED: b->ready_known = false; break; /* RESET follows when it is armed. */
    case REARM_OVER: docent_handle_settle(&b->handle); break;
    }
}

docent_status docent_ready_watch(struct docent_double_barrier *b)
{
    if (b->watched) return DOCENT_OK;
    docent_status status = docent_handle_reserve(&b->handle); /* The watch's timer. */
    if (status != DOCENT_OK) return status;
    b->watched = true;
    docent_rearm_start(&b->watch, b->handle.client, b->ready, DOCENT_WATCHER_EXISTS, ready_heard);
    return DOCENT_OK;
}

bool docent_ready_is_known(const struct docent_double_barrier *b)
{
    return b->ready_known && b->watch.state == REARM_ARMED;
}

/* ---- What a look tells. ---- */

void docent_ready_ask(struct entrant *e, int tag)
{
    docent_op exists = docent_op_exists(e->barrier->ready);
    e->look_of = e->barrier->watch.state == REARM_ARMED ? e->barrier->resets : 0;
    docent_ask(entry_machine(e), &exists, tag);
}

void docent_ready_seen(struct entrant *e, const struct docent_event *ev)
{
    struct docent_double_barrier *b = e->barrier;
    e->ready = (struct entry_ready){ .there = ev->status == DOCENT_OK };
    if (e->ready.there) {
        e->ready.czxid = ev->result->stat.czxid;
        e->ready.version = ev->result->stat.version;
    }
    if (e->look_of == 0 || e->look_of != b->resets || b->watch.state != REARM_ARMED) return; /* It was not watched, all the time since. */
    b->ready_known = true;
    b->ready_there = e->ready.there;
}

/* ---- Clearing away what a dead round has left. ---- */

/* Nobody who has passed by this ready is there, and nobody can come, unless by joining one who is. But while we looked others may have cleared it
 * away, and begun another round, whose ready looks like this one to a deletion that can only name a version. So whoever clears away sets the
 * path's own node, unchanged, in the same transaction, under the version that it had before we looked at ready again. Who may not set it
 * makes do with its version, which holds against all who may. */
void docent_entrant_clear(struct entrant *e, const docent_result *base)
{
    docent_op ops[] = {
        docent_op_set(e->barrier->path, base->data, base->size, base->stat.version),
        docent_op_delete(e->barrier->ready, e->ready.version),
    };
    if (e->barrier->path_is_shut) ops[0] = docent_op_check(e->barrier->path, base->stat.version);
    docent_op clear = docent_op_multi(ops, 2);
    entry_machine(e)->raw = true;
    docent_ask(entry_machine(e), &clear, TAG_STALE);
    entry_machine(e)->raw = false;
}

void docent_entrant_ask_base(struct entrant *e)
{
    docent_op base = docent_op_get(e->barrier->path);
    entry_machine(e)->raw = true;
    docent_ask(entry_machine(e), &base, TAG_BASE);
    entry_machine(e)->raw = false;
}

void docent_entrant_ask_clear(struct entrant *e)
{
    docent_op ready = docent_op_exists(e->barrier->ready);
    docent_entrant_ask_base(e);
    docent_ask(entry_machine(e), &ready, TAG_AGAIN);
}

bool docent_entrant_is_shut_out(struct entrant *e, const struct docent_event *ev)
{
    if (e->barrier->path_is_shut || ev->tag != TAG_STALE || docent_trouble(ev->status) != TROUBLE_REFUSED) return false;
    e->barrier->path_is_shut = true;
    return true;
}

void docent_entrant_on_clear(struct entrant *e, enum entry_state back, const struct docent_event *ev)
{
    if (ev->status == DOCENT_OK && ev->tag == TAG_BASE) {
        docent_free(&e->barrier->handle.allocator, e->base);
        e->base = docent_result_keep(&e->barrier->handle.allocator, ev->result);
        if (e->base == NULL) docent_entrant_go_later(e, back, DOCENT_ERR_NO_MEMORY);
    } else if (ev->status == DOCENT_OK && ev->tag == TAG_AGAIN) {
        bool same = ev->result->stat.czxid == e->ready.czxid && ev->result->stat.version == e->ready.version;
        if (!same || e->base == NULL) {
            docent_entrant_go(e, back);
            return;
        }
        docent_client_log(entry_client(e), DOCENT_LOG_INFO, "double_barrier.stale", e->barrier->path,
                          "a round ended with its members, and is cleared away");
        docent_entrant_clear(e, e->base);
    } else if (ev->status == DOCENT_OK || ev->status == DOCENT_ERR_NO_NODE || ev->status == DOCENT_ERR_BAD_VERSION ||
               docent_entrant_is_shut_out(e, ev)) {
        docent_entrant_go(e, back);
    } else {
        docent_entrant_ask_again(e, back, ev->status);
    }
}
