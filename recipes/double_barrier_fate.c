/* recipes/double_barrier_fate.c - see double_barrier.h: what becomes of an entry, and who is told. */
#include <stddef.h>

#include "recipes/double_barrier.h"

static bool entry_is_current(const struct entrant *e)
{
    return e->barrier->current == e;
}

static void entry_drop_current(struct entrant *e)
{
    if (!entry_is_current(e)) return;
    e->barrier->current = NULL;
    docent_tenure_set(&e->barrier->tenure, e->number, TENURE_NONE);
}

void docent_entrant_answer(struct entrant *e, docent_status outcome)
{
    if (docent_promise_is_open(&e->errand.promise)) entry_drop_current(e);
    docent_promise_keep(&e->errand.promise, outcome);
}

void docent_entrant_over(struct entrant *e, docent_status why)
{
    docent_errand_over(&e->errand, why);
}

void docent_entrant_is_inside(struct entrant *e)
{
    docent_client *client = entry_client(e);
    struct docent_double_barrier *b = e->barrier;
    docent_entrant_go(e, ENTRY_INSIDE);
    docent_free(&b->handle.allocator, e->list);
    e->list = NULL;
    e->verdict = DOCENT_OK;
    e->round = e->ready.czxid;
    e->inside_ms = docent_client_now(client);
    docent_tenure_grant(&b->tenure, -1, e->own.generation, 0);
    docent_tenure_set(&b->tenure, e->number, TENURE_HELD);
    docent_promise_keep(&e->errand.promise, DOCENT_OK);
}

static void entry_tell_lost(struct docent_later *later)
{
    struct entrant *e = (struct entrant *)((char *)later - offsetof(struct entrant, losing));
    struct docent_double_barrier *b = e->barrier;
    if (b->on_lost != NULL && !b->handle.muted) b->on_lost(b, e->lost_why, b->user);
    e->errand.owed--;
    docent_client_later(entry_client(e), &e->errand.ending);
}

/* Inside, and out of it. */
static void entry_end_inside(struct entrant *e, bool lost)
{
    docent_meter_over(&e->barrier->meter, docent_client_now(entry_client(e)) - e->inside_ms, lost);
}

void docent_entrant_lose(struct entrant *e, docent_status why)
{
    e->losing.run = entry_tell_lost;
    docent_client_log(entry_client(e), DOCENT_LOG_WARNING, "double_barrier.lost", e->barrier->path, "inside, and out: %s",
                      docent_status_text(why));
    entry_end_inside(e, true);
    entry_drop_current(e);
    e->lost_why = why;
    e->errand.owed++;
    docent_client_later(entry_client(e), &e->losing);
    docent_entrant_has_none(e);
    docent_entrant_over(e, why);
}

/* Whatever there is, or may be, of our node goes. */
static void entry_withdraw(struct entrant *e)
{
    switch (e->own.known) {
    case PROTECTED_NONE: docent_entrant_over(e, e->verdict); break;
    case PROTECTED_OURS: docent_entrant_go(e, ENTRY_REMOVING); break;
    case PROTECTED_UNKNOWN: break; /* CREATING or FINDING find out, and then read the verdict. */
    }
}

/* Entering. At the deadline: have we been counted? */
void docent_entrant_give_up(struct entrant *e, docent_status why)
{
    if (e->verdict != DOCENT_OK) return;
    e->verdict = why;
    bool asks = why == DOCENT_ERR_TIMEOUT && e->own.known != PROTECTED_NONE && docent_machine_online(entry_machine(e));
    if (!asks) {
        docent_entrant_answer(e, why);
        entry_withdraw(e);
        return;
    }
    docent_errand_deadline(&e->errand, ENTRY_GRACE_MS);
    if (e->own.known == PROTECTED_OURS) docent_entrant_go(e, ENTRY_MARKING);
}

/* Out, without waiting for anybody. */
static void entry_leave_alone(struct entrant *e, docent_status why)
{
    bool inside = e->state == ENTRY_INSIDE || e->state == ENTRY_CHECKING;
    if (inside) entry_end_inside(e, false);
    entry_drop_current(e);
    docent_promise_keep(&e->leave, why);
    if (e->verdict == DOCENT_OK) e->verdict = why;
    if (e->state == ENTRY_REMOVING) return;
    if (e->own.known == PROTECTED_NONE) {
        docent_entrant_over(e, why);
    } else {
        docent_entrant_go(e, ENTRY_LEAVING);
    }
}

/* Entering, perhaps given up already: then it is not waited for what becomes of that. */
static void entry_stop(struct entrant *e, docent_status why)
{
    bool marking = e->state == ENTRY_MARKING;
    if (e->verdict == DOCENT_OK) {
        docent_entrant_give_up(e, why);
        return;
    }
    docent_entrant_answer(e, why);
    if (marking) docent_entrant_go(e, ENTRY_REMOVING);
}

void docent_entrant_cancel(struct entrant *e)
{
    entry_stop(e, DOCENT_ERR_CANCELLED);
}

void docent_entrant_leave(struct entrant *e, bool alone)
{
    if (alone) {
        entry_leave_alone(e, DOCENT_ERR_TIMEOUT);
        return;
    }
    entry_end_inside(e, false);
    docent_tenure_set(&e->barrier->tenure, e->number, TENURE_NONE);
    docent_entrant_go(e, docent_entrant_may_part(e) ? ENTRY_PARTING : ENTRY_LEAVING);
}

void docent_entrant_late(struct errand *errand)
{
    struct entrant *e = entry_of(errand);
    if (!docent_promise_is_open(&e->errand.promise)) {
        entry_leave_alone(e, DOCENT_ERR_TIMEOUT);
    } else if (e->verdict == DOCENT_OK) {
        docent_entrant_give_up(e, DOCENT_ERR_TIMEOUT);
    } else { /* Of the grace. */
        entry_stop(e, e->verdict);
    }
}

void docent_entrant_end(struct errand *errand, docent_status why)
{
    struct entrant *e = entry_of(errand);
    if (docent_promise_is_open(&errand->promise)) {
        entry_stop(e, why);
    } else if (e->own.known != PROTECTED_NONE || docent_promise_is_open(&e->leave)) {
        if (e->state >= ENTRY_INSIDE) entry_leave_alone(e, why);
    }
}

void docent_entrant_fini(struct errand *errand, docent_status why)
{
    struct entrant *e = entry_of(errand);
    struct docent_double_barrier *b = e->barrier;
    bool inside = e->state == ENTRY_INSIDE || e->state == ENTRY_CHECKING;
    if (inside && e->lost_why == DOCENT_OK) entry_end_inside(e, false); /* With the client. */
    if (docent_promise_is_open(&errand->promise) || entry_is_current(e)) entry_drop_current(e);
    docent_promise_keep(&e->leave, why == DOCENT_ERR_CANCELLED ? DOCENT_OK : why); /* What was to be left is not there. */
    if (e->state == ENTRY_REMOVING) docent_client_removal_ends(entry_client(e));
    if (e->holds) docent_client_hold_ends(entry_client(e));
    e->holds = false;
    docent_protected_free(&e->own);
    docent_free(&b->handle.allocator, e->list);
    docent_free(&b->handle.allocator, e->base);
    e->list = e->base = NULL;
    if (b->current != NULL && b->current->state == ENTRY_NEW) docent_entrant_start(b->current);
}
