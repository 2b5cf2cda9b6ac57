/* recipes/double_barrier_leave.c - see double_barrier.h: leaving together, by looking who is there. */
#include <string.h>

#include "recipes/double_barrier.h"
#include "recipes/trouble.h"

void docent_entrant_ask_leave(struct entrant *e)
{
    docent_op list = docent_op_children(e->barrier->path);
    bool ready_decides = e->own.known == PROTECTED_NONE && e->round != 0 && e->barrier->dialect == DOCENT_DIALECT_CURATOR;
    docent_op sync = docent_op_sync(e->barrier->path);
    if (e->behind) docent_ask(entry_machine(e), &sync, TAG_SYNC);
    docent_ready_ask(e, TAG_READY);
    if (!ready_decides) docent_ask(entry_machine(e), &list, TAG_LIST); /* Else perhaps there is no need for it. */
}

void docent_entrant_has_left(struct entrant *e)
{
    if (e->own.known != PROTECTED_NONE) {
        docent_entrant_go(e, ENTRY_REMOVING);
    } else {
        docent_promise_keep(&e->leave, DOCENT_OK);
        docent_entrant_over(e, DOCENT_OK);
    }
}

static bool leave_round_is_over(const struct entrant *e)
{
    if (e->barrier->dialect != DOCENT_DIALECT_CURATOR) return false;
    return e->past || !e->ready.there || (e->round != 0 && e->ready.czxid != e->round);
}

static void leave_on_ready(struct entrant *e, const struct docent_event *ev)
{
    if (ev->status != DOCENT_OK && ev->status != DOCENT_ERR_NO_NODE) {
        docent_entrant_ask_again(e, ENTRY_LEAVING, ev->status);
        return;
    }
    docent_ready_seen(e, ev);
    if (e->ready.there && e->round == 0) e->round = e->ready.czxid;
    e->past |= e->left_zxid != 0 && e->ready.czxid > e->left_zxid;
    if (e->own.known != PROTECTED_NONE) return; /* The list comes next. */
    if (leave_round_is_over(e)) {
        docent_entrant_has_left(e);
    } else {
        docent_op list = docent_op_children(e->barrier->path);
        docent_ask(entry_machine(e), &list, TAG_LIST);
    }
}

static bool leave_is_of_round(const struct entrant *e, const char *name)
{
    if (e->list == NULL) return true;
    for (size_t i = 0; i < e->list->name_count; i++) {
        if (strcmp(e->list->names[i], name) == 0) return true;
    }
    return false;
}

struct leave_others { /* Of our round. */
    bool ours;        /* We are there, too. */
    size_t count;
    size_t strangers; /* Not of our round. */
    const char *lowest, *highest;
};

static struct leave_others leave_look(const struct entrant *e, const docent_result *list)
{
    struct leave_others others = { .ours = false };
    for (size_t i = 0; i < list->name_count; i++) {
        const char *name = list->names[i];
        if (strcmp(name, "ready") == 0) continue;
        if (strcmp(name, entry_name(e)) == 0) {
            others.ours = true;
        } else if (!leave_is_of_round(e, name)) {
            others.strangers++;
        } else {
            others.count++;
            if (others.lowest == NULL || strcmp(name, others.lowest) < 0) others.lowest = name;
            if (others.highest == NULL || strcmp(name, others.highest) > 0) others.highest = name;
        }
    }
    return others;
}

static void leave_watch(struct entrant *e, const char *name)
{
    const docent_allocator *allocator = &e->barrier->handle.allocator;
    size_t parent_size = e->own.parent_size + 1, size = strlen(name) + 1;
    bool lowest = e->own.known == PROTECTED_NONE || strcmp(entry_name(e), name) > 0;
    char *path = docent_alloc(allocator, parent_size + size);
    if (path == NULL) {
        docent_entrant_go_later(e, ENTRY_LEAVING, DOCENT_ERR_NO_MEMORY);
        return;
    }
    memcpy(path, e->own.path, parent_size);
    memcpy(path + parent_size, name, size);
    docent_entrant_enter(e, ENTRY_WATCHING);
    if (lowest && e->own.known != PROTECTED_NONE) {
        docent_op delete = docent_op_delete(e->own.path, DOCENT_ANY_VERSION);
        docent_ask(entry_machine(e), &delete, TAG_DELETE);
    }
    docent_op get = docent_op_get(path); /* Which leaves nothing on a node that is gone. */
    docent_ask_watch(entry_machine(e), &get, TAG_TARGET);
    docent_free(allocator, path);
}

/* Nobody of our round is there, but perhaps we. While we are, ready can be no other than ours. */
static void leave_last(struct entrant *e, bool alone)
{
    docent_op ops[] = {
        docent_op_delete(e->own.path, DOCENT_ANY_VERSION),
        docent_op_delete(e->barrier->ready, e->ready.version),
    };
    bool ours = e->own.known != PROTECTED_NONE;
    if (!e->ready.there || !alone) {
        docent_entrant_has_left(e);
        return;
    }
    if (!ours) {
        docent_entrant_ask_clear(e);
        return;
    }
    docent_op end = docent_op_multi(ops, 2);
    docent_ask(entry_machine(e), &end, TAG_END);
}

static void leave_on_list(struct entrant *e, const struct docent_event *ev)
{
    if (ev->status != DOCENT_OK && ev->status != DOCENT_ERR_NO_NODE) {
        docent_entrant_ask_again(e, ENTRY_LEAVING, ev->status);
        return;
    }
    if (e->barrier->dialect == DOCENT_DIALECT_KAZOO && e->list == NULL && ev->status == DOCENT_OK) {
        e->list = docent_result_keep(&e->barrier->handle.allocator, ev->result);
        if (e->list == NULL) {
            docent_entrant_go_later(e, ENTRY_LEAVING, DOCENT_ERR_NO_MEMORY);
            return;
        }
    }
    struct leave_others others = leave_look(e, ev->result);
    docent_machine_calm(entry_machine(e));
    if (!others.ours) docent_entrant_has_none(e);
    if (ev->status == DOCENT_ERR_NO_NODE || leave_round_is_over(e) || (others.count > 0 && e->verdict != DOCENT_OK)) {
        docent_entrant_has_left(e); /* Or we do not wait for them. */
    } else if (others.count == 0) {
        leave_last(e, others.strangers == 0);
    } else if (others.ours && strcmp(entry_name(e), others.lowest) < 0) {
        leave_watch(e, others.highest);
    } else {
        leave_watch(e, others.lowest);
    }
}

void docent_entrant_on_leaving(struct entrant *e, const struct docent_event *ev)
{
    bool moved = ev->status == DOCENT_ERR_NO_NODE || ev->status == DOCENT_ERR_BAD_VERSION;
    if (ev->tag == TAG_SYNC) {
        e->behind = ev->status != DOCENT_OK && ev->status != DOCENT_ERR_NO_NODE;
        if (e->behind) docent_entrant_ask_again(e, ENTRY_LEAVING, ev->status);
        return;
    }
    if (e->behind && (ev->status == DOCENT_OK || ev->status == DOCENT_ERR_NO_NODE)) return; /* Its sync has failed, and that is seen to. */
    switch (ev->tag) {
    case TAG_READY: leave_on_ready(e, ev); break;
    case TAG_LIST: leave_on_list(e, ev); break;
    case TAG_BASE:
    case TAG_AGAIN:
    case TAG_STALE: docent_entrant_on_clear(e, ENTRY_LEAVING, ev); break;
    case TAG_END:
        if (ev->status == DOCENT_OK) {
            docent_entrant_has_none(e);
            docent_entrant_has_left(e);
        } else if (moved) { /* Somebody has joined since we looked, or has taken something away. */
            docent_entrant_go(e, ENTRY_LEAVING);
        } else {
            docent_entrant_ask_again(e, ENTRY_LEAVING, ev->status);
        }
        break;
    default: break;
    }
}

void docent_entrant_on_watching(struct entrant *e, const struct docent_event *ev)
{
    bool gone = ev->status == DOCENT_OK || ev->status == DOCENT_ERR_NO_NODE;
    if (!gone) {
        if (docent_trouble(ev->status) != TROUBLE_LOST) docent_entrant_go_later(e, ENTRY_LEAVING, ev->status);
    } else if (ev->tag == TAG_DELETE) {
        docent_entrant_has_none(e);
    } else if (ev->status == DOCENT_ERR_NO_NODE) {
        docent_entrant_go(e, ENTRY_LEAVING);
    }
}
