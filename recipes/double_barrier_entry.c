/* recipes/double_barrier_entry.c - see double_barrier.h: states, events, our node, beginning and end of an entry. */
#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "recipes/double_barrier.h"
#include "recipes/trouble.h"

enum { ENTRY_ROUNDS_AT_ONCE = 8, ENTRY_ROUNDS_MAX = 64 }; /* Makings of parents: not paced, and at all. */

static const char *const entry_state_name[ENTRY_STATES] = {
    [ENTRY_NEW] = "NEW",           [ENTRY_CREATING] = "CREATING",   [ENTRY_PARENTS] = "PARENTS", [ENTRY_FINDING] = "FINDING",
    [ENTRY_GATHERING] = "GATHERING", [ENTRY_JOINING] = "JOINING",   [ENTRY_MARKING] = "MARKING", [ENTRY_INSIDE] = "INSIDE",
    [ENTRY_CHECKING] = "CHECKING", [ENTRY_LEAVING] = "LEAVING",     [ENTRY_WATCHING] = "WATCHING", [ENTRY_REMOVING] = "REMOVING",
};

#define TO(name) (1u << ENTRY_##name)
static const unsigned entry_next[ENTRY_STATES] = {
    [ENTRY_NEW] = TO(CREATING),
    [ENTRY_CREATING] = TO(CREATING) | TO(PARENTS) | TO(FINDING) | TO(GATHERING) | TO(MARKING) | TO(REMOVING),
    [ENTRY_PARENTS] = TO(PARENTS) | TO(CREATING),
    [ENTRY_FINDING] = TO(FINDING) | TO(CREATING) | TO(GATHERING) | TO(MARKING) | TO(REMOVING),
    [ENTRY_GATHERING] = TO(GATHERING) | TO(JOINING) | TO(INSIDE) | TO(MARKING) | TO(CREATING) | TO(REMOVING),
    [ENTRY_JOINING] = TO(JOINING) | TO(GATHERING) | TO(INSIDE) | TO(MARKING) | TO(CREATING) | TO(REMOVING),
    [ENTRY_MARKING] = TO(MARKING) | TO(INSIDE) | TO(REMOVING),
    [ENTRY_INSIDE] = TO(CHECKING) | TO(LEAVING),
    [ENTRY_CHECKING] = TO(CHECKING) | TO(INSIDE) | TO(LEAVING),
    [ENTRY_LEAVING] = TO(LEAVING) | TO(WATCHING) | TO(REMOVING),
    [ENTRY_WATCHING] = TO(LEAVING),
    [ENTRY_REMOVING] = TO(REMOVING) | TO(LEAVING),
};

static struct entrant *entry_of(struct errand *errand)
{
    return (struct entrant *)(void *)errand;
}

void docent_entrant_enter(struct entrant *e, enum entry_state next)
{
    assert(entry_next[e->state] & (1u << next));
    (void)entry_next;
    docent_trace(entry_machine(e), "double_barrier", e->own.path, entry_state_name[e->state], entry_state_name[next]);
    docent_meter_state(&e->barrier->meter, entry_client(e), entry_state_name[next]);
    if (next == ENTRY_REMOVING && e->state != next) docent_client_removal_begins(entry_client(e));
    /* The look and the count that follow a create are on their way already, and what gathers wants to hear them. */
    bool follows = e->state == ENTRY_CREATING && next == ENTRY_GATHERING && !e->unseen;
    e->state = next;
    if (!follows) docent_machine_next_turn(entry_machine(e)); /* Replies and watches of earlier states no longer reach us. */
}

static void entry_ask_create(struct entrant *e)
{
    docent_op create = docent_op_create(e->own.path, e->barrier->label, e->barrier->label_size, DOCENT_EPHEMERAL);
    create.acl = e->barrier->acl;
    e->unseen = false;
    docent_protected_ask_create(&e->own, entry_machine(e), &create, TAG_CREATE);
    docent_entrant_ask_look(e);
}

static void entry_ask_own(struct entrant *e)
{
    docent_op exists = docent_op_exists(e->own.path);
    docent_ask(entry_machine(e), &exists, TAG_OWN);
}

/* Asks for what the state waits for. While we are not online nothing is asked: EV_RESUMED comes back here. */
static void entry_ask(struct entrant *e)
{
    if (!docent_machine_online(entry_machine(e))) return;
    switch (e->state) {
    case ENTRY_CREATING: entry_ask_create(e); break;
    case ENTRY_PARENTS:
        docent_parents_ask(&e->parents, entry_machine(e), e->own.path, e->barrier->parent_mode, e->barrier->acl, TAG_PARENT);
        break;
    case ENTRY_FINDING: docent_protected_ask_find(&e->own, entry_machine(e)); break;
    case ENTRY_GATHERING: docent_entrant_ask_look(e); break;
    case ENTRY_JOINING: docent_entrant_ask_join(e); break;
    case ENTRY_MARKING: docent_entrant_ask_mark(e); break;
    case ENTRY_INSIDE: docent_machine_timer(entry_machine(e), ENTRY_OWN_LOOK_MS); break;
    case ENTRY_CHECKING: entry_ask_own(e); break;
    case ENTRY_LEAVING: docent_entrant_ask_leave(e); break;
    case ENTRY_REMOVING: docent_removal_ask(&e->removal, entry_machine(e)); break;
    case ENTRY_NEW:
    case ENTRY_WATCHING: break; /* What it waits for was asked when it was entered. */
    case ENTRY_STATES: abort();
    }
}

void docent_entrant_go(struct entrant *e, enum entry_state next)
{
    docent_entrant_enter(e, next);
    entry_ask(e);
}

void docent_entrant_go_later(struct entrant *e, enum entry_state next, docent_status why)
{
    e->unseen = true; /* Nothing is on its way: a turn of its own. */
    docent_entrant_enter(e, next);
    docent_meter_reason(&e->barrier->meter, entry_client(e), why);
    docent_machine_retry(entry_machine(e));
}

void docent_entrant_ask_again(struct entrant *e, enum entry_state state, docent_status status)
{
    switch (docent_trouble(status)) {
    case TROUBLE_LOST: docent_meter_reason(&e->barrier->meter, entry_client(e), status); break;
    case TROUBLE_REFUSED:
        if (docent_promise_is_open(&e->errand.promise)) {
            docent_entrant_give_up(e, status);
            break;
        }
        docent_entrant_go_later(e, state, status);
        break;
    case TROUBLE_BUSY:
    case TROUBLE_UNSURE: docent_entrant_go_later(e, state, status); break;
    }
}

/* ---- What becomes of it. ---- */

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

void docent_entrant_has_none(struct entrant *e)
{
    docent_protected_forget(&e->own);
    if (e->holds) docent_client_hold_ends(entry_client(e));
    e->holds = false;
}

static void entry_draw_name(struct entrant *e)
{
    char uuid[37], *name = docent_protected_prefix(&e->own);
    docent_client_uuid(entry_client(e), uuid);
    size_t size = 0;
    for (const char *at = uuid; *at != '\0'; at++) {
        if (*at != '-' || e->barrier->dialect == DOCENT_DIALECT_CURATOR) name[size++] = *at;
    }
    name[size] = '\0';
    docent_protected_named(&e->own);
}

void docent_entrant_begin_anew(struct entrant *e)
{
    docent_client_log(entry_client(e), DOCENT_LOG_WARNING, "double_barrier.removed", e->own.path,
                      "somebody deleted our node while we waited; beginning anew");
    docent_entrant_has_none(e);
    entry_draw_name(e);
    docent_entrant_go(e, ENTRY_CREATING);
}

void docent_entrant_is_inside(struct entrant *e)
{
    docent_client *client = entry_client(e);
    struct docent_double_barrier *b = e->barrier;
    docent_entrant_go(e, ENTRY_INSIDE);
    docent_free(&b->handle.allocator, e->list);
    e->list = NULL;
    e->verdict = DOCENT_OK;
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

static void entry_lose(struct entrant *e, docent_status why)
{
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

/* Our node is there, and known. */
static void entry_owns(struct entrant *e)
{
    e->parents.rounds = 0;
    docent_machine_calm(entry_machine(e));
    if (!e->holds) docent_client_hold_begins(entry_client(e));
    e->holds = true;
    if (e->verdict == DOCENT_ERR_TIMEOUT && docent_promise_is_open(&e->errand.promise)) {
        docent_entrant_go(e, ENTRY_MARKING);
    } else if (e->verdict != DOCENT_OK) {
        docent_entrant_go(e, ENTRY_REMOVING);
    } else if (e->state == ENTRY_FINDING) {
        docent_entrant_go(e, ENTRY_GATHERING);
    } else if (e->unseen) {
        docent_entrant_go_later(e, ENTRY_GATHERING, DOCENT_OK);
    } else {
        docent_entrant_enter(e, ENTRY_GATHERING);
    }
}

/* ---- Our node. ---- */

static void entry_path_missing(struct entrant *e)
{
    docent_parents_begin(&e->parents, e->own.parent_size);
    if (e->verdict != DOCENT_OK || e->parents.rounds > ENTRY_ROUNDS_MAX) {
        docent_entrant_over(e, e->verdict != DOCENT_OK ? e->verdict : DOCENT_ERR_NO_NODE);
    } else if (e->parents.rounds > ENTRY_ROUNDS_AT_ONCE) {
        docent_entrant_go_later(e, ENTRY_PARENTS, DOCENT_ERR_NO_NODE);
    } else {
        docent_entrant_go(e, ENTRY_PARENTS);
    }
}

static void entry_on_create(struct entrant *e, const struct docent_event *ev)
{
    switch (docent_protected_on_create(&e->own, ev)) {
    case PROTECTED_MADE: entry_owns(e); break;
    case PROTECTED_NO_PARENT: entry_path_missing(e); break;
    case PROTECTED_UNSENT: /* EV_RESUMED creates again. */
        if (e->verdict != DOCENT_OK) docent_entrant_over(e, e->verdict);
        break;
    case PROTECTED_LOST: docent_entrant_enter(e, ENTRY_FINDING); break; /* EV_RESUMED looks. */
    case PROTECTED_UNSURE: docent_entrant_go_later(e, ENTRY_FINDING, ev->status); break;
    case PROTECTED_BUSY:
        if (e->verdict != DOCENT_OK) {
            docent_entrant_over(e, e->verdict);
        } else {
            docent_entrant_go_later(e, ENTRY_CREATING, ev->status);
        }
        break;
    case PROTECTED_REFUSED: docent_entrant_over(e, ev->status); break;
    }
}

static void entry_on_creating(struct entrant *e, const struct docent_event *ev)
{
    if (ev->tag == TAG_CREATE) {
        entry_on_create(e, ev);
    } else {
        e->unseen = true; /* Answered before the create, so it was never sent. */
    }
}

static void entry_on_parent(struct entrant *e, docent_status status)
{
    switch (docent_parents_on_reply(&e->parents, e->own.path, &e->barrier->parent_mode, status)) {
    case PARENTS_READY:
        docent_machine_calm(entry_machine(e));
        docent_entrant_go(e, ENTRY_CREATING);
        break;
    case PARENTS_MORE:
        if (e->parents.rounds > ENTRY_ROUNDS_MAX + e->own.parent_size) {
            docent_entrant_over(e, DOCENT_ERR_NO_NODE);
        } else {
            docent_entrant_go(e, ENTRY_PARENTS);
        }
        break;
    case PARENTS_ROOTLESS: docent_entrant_over(e, DOCENT_ERR_NO_NODE); break;
    case PARENTS_FAILED: docent_entrant_ask_again(e, ENTRY_PARENTS, status); break;
    }
}

static void entry_on_find(struct entrant *e, const struct docent_event *ev)
{
    switch (docent_protected_on_find(&e->own, entry_machine(e), ev)) {
    case PROTECTED_SEARCHING: break;
    case PROTECTED_FOUND: entry_owns(e); break;
    case PROTECTED_FOREIGN: entry_draw_name(e); /* Not ours to adopt or to remove. */ /* fall through */
    case PROTECTED_NOT_THERE:
        docent_entrant_has_none(e);
        if (e->verdict != DOCENT_OK) {
            docent_entrant_over(e, e->verdict);
        } else {
            docent_entrant_go(e, ENTRY_CREATING);
        }
        break;
    case PROTECTED_FAILED:
        if (docent_trouble(ev->status) == TROUBLE_LOST) break;
        if (docent_trouble(ev->status) == TROUBLE_REFUSED) docent_entrant_give_up(e, ev->status); /* The search goes on. */
        docent_entrant_go_later(e, ENTRY_FINDING, ev->status);
        break;
    }
}

static void entry_on_own(struct entrant *e, const struct docent_event *ev)
{
    bool checking = e->state == ENTRY_CHECKING;
    if (ev->status == DOCENT_OK && ev->result->stat.ephemeral_owner == docent_client_session(entry_client(e), NULL)) {
        docent_machine_calm(entry_machine(e));
        if (!checking) return;
        docent_entrant_go(e, ENTRY_INSIDE);
        docent_tenure_set(&e->barrier->tenure, e->number, TENURE_HELD);
    } else if (ev->status == DOCENT_OK || ev->status == DOCENT_ERR_NO_NODE) {
        entry_lose(e, DOCENT_ERR_NO_NODE);
    } else if (docent_trouble(ev->status) == TROUBLE_LOST) {
        return;
    } else if (checking) {
        docent_entrant_go_later(e, ENTRY_CHECKING, ev->status);
    } else if (docent_trouble(ev->status) != TROUBLE_REFUSED) { /* Refused: the ACL does not let us read our own node. */
        docent_machine_retry(entry_machine(e));
    }
}

static void entry_on_removal(struct entrant *e, const struct docent_event *ev)
{
    switch (docent_removal_on_reply(&e->removal, entry_machine(e), ev)) {
    case REMOVAL_GONE:
        docent_entrant_has_none(e);
        docent_promise_keep(&e->leave, DOCENT_OK);
        if (e->round != 0 && e->verdict != DOCENT_OK) { /* We did not wait for the others, and may have been the last. */
            docent_client_removal_ends(entry_client(e));
            docent_entrant_go(e, ENTRY_LEAVING);
        } else {
            docent_entrant_over(e, e->verdict);
        }
        break;
    case REMOVAL_FAILED:
        if (docent_trouble(ev->status) == TROUBLE_LOST) break;
        docent_client_log(entry_client(e), DOCENT_LOG_WARNING, "double_barrier.delete", e->own.path, "not removed yet: %s",
                          docent_status_text(ev->status));
        docent_entrant_go_later(e, ENTRY_REMOVING, ev->status);
        break;
    case REMOVAL_GOING_ON:
    case REMOVAL_SEEN:
    case REMOVAL_VERSION: break; /* Our name is unique, so that there is no look. */
    }
}

/* ---- Events. ---- */

static void entry_on_reply(struct entrant *e, const struct docent_event *ev)
{
    switch (e->state) {
    case ENTRY_CREATING: entry_on_creating(e, ev); break;
    case ENTRY_PARENTS: entry_on_parent(e, ev->status); break;
    case ENTRY_FINDING: entry_on_find(e, ev); break;
    case ENTRY_GATHERING: docent_entrant_on_gathering(e, ev); break;
    case ENTRY_JOINING: docent_entrant_on_joining(e, ev); break;
    case ENTRY_MARKING: docent_entrant_on_marking(e, ev); break;
    case ENTRY_INSIDE:
    case ENTRY_CHECKING: entry_on_own(e, ev); break;
    case ENTRY_LEAVING: docent_entrant_on_leaving(e, ev); break;
    case ENTRY_WATCHING: docent_entrant_on_watching(e, ev); break;
    case ENTRY_REMOVING: entry_on_removal(e, ev); break;
    case ENTRY_NEW: break;
    case ENTRY_STATES: abort();
    }
}

static void entry_on_watch(struct entrant *e, const struct docent_event *ev)
{
    if (e->state == ENTRY_CREATING) {
        e->unseen = true;
    } else if (e->state == ENTRY_GATHERING) {
        docent_entrant_on_ready_change(e, ev->change);
    } else if (e->state == ENTRY_WATCHING) {
        docent_entrant_go(e, ENTRY_LEAVING);
    } else if (e->state == ENTRY_INSIDE && ev->change == DOCENT_WATCH_DELETED) {
        entry_lose(e, DOCENT_ERR_NO_NODE);
    } else if (e->state == ENTRY_INSIDE) {
        docent_machine_timer(entry_machine(e), ENTRY_OWN_LOOK_MS);
    }
}

static void entry_on_timer(struct entrant *e)
{
    if (e->state == ENTRY_INSIDE) {
        docent_op get = docent_op_get(e->own.path);
        docent_ask_watch(entry_machine(e), &get, TAG_OWN);
    } else if (e->state == ENTRY_GATHERING && !e->unseen) {
        docent_entrant_gathering_timer(e);
    } else {
        e->unseen = false;
        entry_ask(e);
    }
}

static void entry_on_suspended(struct entrant *e)
{
    bool entering = docent_promise_is_open(&e->errand.promise);
    e->behind = true;
    if (entering && e->verdict != DOCENT_OK) { /* Nobody can be asked any more. */
        docent_entrant_answer(e, e->verdict);
    } else if (entering && e->one_look) {
        docent_entrant_give_up(e, DOCENT_ERR_TIMEOUT);
    } else if (e->state == ENTRY_INSIDE) {
        docent_entrant_enter(e, ENTRY_CHECKING);
        docent_tenure_set(&e->barrier->tenure, e->number, TENURE_SUSPECT);
    }
}

static void entry_on_resumed(struct entrant *e)
{
    docent_machine_calm(entry_machine(e));
    switch (e->state) {
    case ENTRY_CREATING:
    case ENTRY_PARENTS:
    case ENTRY_FINDING:
    case ENTRY_GATHERING:
    case ENTRY_CHECKING:
    case ENTRY_LEAVING:
    case ENTRY_REMOVING: docent_entrant_go(e, e->state); break;
    case ENTRY_JOINING: docent_entrant_go(e, ENTRY_GATHERING); break;
    case ENTRY_WATCHING: docent_entrant_go(e, ENTRY_LEAVING); break;
    case ENTRY_INSIDE: docent_entrant_go(e, ENTRY_CHECKING); break;
    case ENTRY_MARKING: docent_entrant_go(e, ENTRY_REMOVING); break; /* Answered when the connection went. */
    case ENTRY_NEW: break;
    case ENTRY_STATES: abort();
    }
}

static void entry_on_expired(struct entrant *e)
{
    bool inside = e->state == ENTRY_INSIDE || e->state == ENTRY_CHECKING;
    bool out = (e->state == ENTRY_LEAVING || e->state == ENTRY_WATCHING) && e->own.known == PROTECTED_NONE;
    if (e->state == ENTRY_NEW || out) return; /* Nothing of ours went with it; EV_RESUMED goes on. */
    if (inside) {
        entry_lose(e, DOCENT_ERR_SESSION_EXPIRED);
        return;
    }
    docent_entrant_has_none(e);
    docent_entrant_over(e, DOCENT_ERR_SESSION_EXPIRED);
}

static void entry_on_event(struct errand *errand, const struct docent_event *ev)
{
    struct entrant *e = entry_of(errand);
    switch (ev->type) {
    case DOCENT_EV_REPLY: entry_on_reply(e, ev); break;
    case DOCENT_EV_WATCH: entry_on_watch(e, ev); break;
    case DOCENT_EV_TIMER: entry_on_timer(e); break;
    case DOCENT_EV_SUSPENDED: entry_on_suspended(e); break;
    case DOCENT_EV_RESUMED: entry_on_resumed(e); break;
    case DOCENT_EV_EXPIRED: entry_on_expired(e); break;
    case DOCENT_EV_CLOSING: break;
    }
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

void docent_entrant_cancel(struct entrant *e)
{
    bool marking = e->state == ENTRY_MARKING;
    if (e->verdict == DOCENT_OK) {
        docent_entrant_give_up(e, DOCENT_ERR_CANCELLED);
        return;
    }
    docent_entrant_answer(e, DOCENT_ERR_CANCELLED);
    if (marking) docent_entrant_go(e, ENTRY_REMOVING);
}

void docent_entrant_leave(struct entrant *e, bool alone)
{
    if (alone) {
        entry_leave_alone(e, DOCENT_ERR_TIMEOUT);
        return;
    }
    entry_end_inside(e, false);
    docent_tenure_set(&e->barrier->tenure, e->number, TENURE_NONE);
    docent_entrant_go(e, ENTRY_LEAVING);
}

static void entry_late(struct errand *errand)
{
    struct entrant *e = entry_of(errand);
    if (!docent_promise_is_open(&e->errand.promise)) {
        entry_leave_alone(e, DOCENT_ERR_TIMEOUT);
    } else if (e->verdict == DOCENT_OK) {
        docent_entrant_give_up(e, DOCENT_ERR_TIMEOUT);
    } else { /* Of the grace. */
        docent_entrant_answer(e, e->verdict);
        if (e->state == ENTRY_MARKING) docent_entrant_go(e, ENTRY_REMOVING);
    }
}

static void entry_end(struct errand *errand, docent_status why)
{
    struct entrant *e = entry_of(errand);
    if (docent_promise_is_open(&errand->promise)) {
        bool marking = e->state == ENTRY_MARKING;
        if (e->verdict == DOCENT_OK) {
            docent_entrant_give_up(e, why);
        } else {
            docent_entrant_answer(e, why);
            if (marking) docent_entrant_go(e, ENTRY_REMOVING);
        }
    } else if (e->own.known != PROTECTED_NONE || docent_promise_is_open(&e->leave)) {
        if (e->state >= ENTRY_INSIDE) entry_leave_alone(e, why);
    }
}

/* ---- Beginning and end. ---- */

static void entry_fini(struct errand *errand, docent_status why)
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

static const struct errand_kind entry_kind = {
    .name = "double barrier",
    .on_event = entry_on_event,
    .late = entry_late,
    .end = entry_end,
    .fini = entry_fini,
};

docent_status docent_entrant_begin(struct docent_double_barrier *b, struct entrant **ret_entry)
{
    struct errand *errand;
    docent_status status = docent_errand_begin(&b->handle, &b->errands, &b->meter, &entry_kind, sizeof(struct entrant), &errand);
    if (status != DOCENT_OK) return status;
    struct entrant *e = entry_of(errand);
    e->barrier = b;
    e->losing.run = entry_tell_lost;
    e->own = (struct protected_node){ .client = b->handle.client, .parent = b->path, .ephemeral = true };
    status = docent_protected_init(&e->own, ENTRY_ROOM);
    if (status != DOCENT_OK) {
        docent_entrant_over(e, status);
        return status;
    }
    e->removal = (struct removal){ .path = e->own.path, .unique = true };
    e->number = ++b->number;
    entry_draw_name(e);
    *ret_entry = e;
    return DOCENT_OK;
}

/* Two nodes of one member would count as two members, so it waits until earlier ones are gone. */
void docent_entrant_start(struct entrant *e)
{
    for (struct errand *other = e->barrier->errands; other != NULL; other = other->next) {
        if (other != &e->errand && !other->over) return;
    }
    if (!docent_client_closing(entry_client(e))) docent_entrant_go(e, ENTRY_CREATING);
}
