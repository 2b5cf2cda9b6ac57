/* recipes/double_barrier_entry.c - see double_barrier.h: states and events of an entry, and its beginning. */
#include <assert.h>
#include <stdlib.h>

#include "recipes/double_barrier.h"
#include "recipes/trouble.h"

static const char *const entry_state_name[ENTRY_STATES] = {
    [ENTRY_NEW] = "NEW",           [ENTRY_CREATING] = "CREATING",   [ENTRY_PARENTS] = "PARENTS", [ENTRY_FINDING] = "FINDING",
    [ENTRY_GATHERING] = "GATHERING", [ENTRY_JOINING] = "JOINING",   [ENTRY_MARKING] = "MARKING", [ENTRY_INSIDE] = "INSIDE",
    [ENTRY_CHECKING] = "CHECKING", [ENTRY_LEAVING] = "LEAVING",     [ENTRY_WATCHING] = "WATCHING", [ENTRY_PARTING] = "PARTING",
    [ENTRY_REMOVING] = "REMOVING",
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
    [ENTRY_INSIDE] = TO(CHECKING) | TO(PARTING) | TO(LEAVING),
    [ENTRY_CHECKING] = TO(CHECKING) | TO(INSIDE) | TO(LEAVING),
    [ENTRY_LEAVING] = TO(LEAVING) | TO(WATCHING) | TO(REMOVING),
    [ENTRY_WATCHING] = TO(LEAVING),
    [ENTRY_PARTING] = TO(LEAVING),
    [ENTRY_REMOVING] = TO(REMOVING) | TO(LEAVING),
};

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

/* Asks for what the state waits for. While we are not online nothing is asked: EV_RESUMED comes back here. */
static void entry_ask(struct entrant *e)
{
    if (!docent_machine_online(entry_machine(e))) return;
    switch (e->state) {
    case ENTRY_CREATING: docent_entrant_ask_create(e); break;
    case ENTRY_PARENTS:
        docent_parents_ask(&e->parents, entry_machine(e), e->own.path, e->barrier->parent_mode, e->barrier->acl, TAG_PARENT);
        break;
    case ENTRY_FINDING: docent_protected_ask_find(&e->own, entry_machine(e)); break;
    case ENTRY_GATHERING: docent_entrant_ask_look(e); break;
    case ENTRY_JOINING: docent_entrant_ask_join(e); break;
    case ENTRY_MARKING: docent_entrant_ask_mark(e); break;
    case ENTRY_INSIDE: docent_machine_timer(entry_machine(e), ENTRY_OWN_LOOK_MS); break;
    case ENTRY_CHECKING: docent_entrant_ask_own(e); break;
    case ENTRY_LEAVING: docent_entrant_ask_leave(e); break;
    case ENTRY_PARTING: docent_entrant_ask_part(e); break;
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

/* ---- Events. ---- */

static void entry_on_reply(struct entrant *e, const struct docent_event *ev)
{
    switch (e->state) {
    case ENTRY_CREATING: docent_entrant_on_creating(e, ev); break;
    case ENTRY_PARENTS: docent_entrant_on_parent(e, ev->status); break;
    case ENTRY_FINDING: docent_entrant_on_find(e, ev); break;
    case ENTRY_GATHERING: docent_entrant_on_gathering(e, ev); break;
    case ENTRY_JOINING: docent_entrant_on_joining(e, ev); break;
    case ENTRY_MARKING: docent_entrant_on_marking(e, ev); break;
    case ENTRY_INSIDE:
    case ENTRY_CHECKING: docent_entrant_on_own(e, ev); break;
    case ENTRY_LEAVING: docent_entrant_on_leaving(e, ev); break;
    case ENTRY_WATCHING: docent_entrant_on_watching(e, ev); break;
    case ENTRY_PARTING: docent_entrant_on_parting(e, ev); break;
    case ENTRY_REMOVING: docent_entrant_on_removal(e, ev); break;
    case ENTRY_NEW: break;
    case ENTRY_STATES: abort();
    }
}

static void entry_on_watch(struct entrant *e, const struct docent_event *ev)
{
    if (e->state == ENTRY_WATCHING) {
        docent_entrant_go(e, ENTRY_LEAVING);
    } else if (e->state == ENTRY_INSIDE && ev->change == DOCENT_WATCH_DELETED) {
        docent_entrant_lose(e, DOCENT_ERR_NO_NODE);
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
    } else if (e->state == ENTRY_PARTING) { /* It takes long: now for whom we wait. */
        docent_entrant_go(e, ENTRY_LEAVING);
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
    case ENTRY_WATCHING:
    case ENTRY_PARTING: docent_entrant_go(e, ENTRY_LEAVING); break;
    case ENTRY_INSIDE: docent_entrant_go(e, ENTRY_CHECKING); break;
    case ENTRY_MARKING: docent_entrant_go(e, ENTRY_REMOVING); break; /* Answered when the connection went. */
    case ENTRY_NEW: break;
    case ENTRY_STATES: abort();
    }
}

static void entry_on_expired(struct entrant *e)
{
    bool inside = e->state == ENTRY_INSIDE || e->state == ENTRY_CHECKING;
    bool leaving = e->state == ENTRY_LEAVING || e->state == ENTRY_WATCHING || e->state == ENTRY_PARTING;
    bool out = leaving && e->own.known == PROTECTED_NONE;
    if (e->state == ENTRY_NEW || out) return; /* Nothing of ours went with it; EV_RESUMED goes on. */
    if (inside) {
        docent_entrant_lose(e, DOCENT_ERR_SESSION_EXPIRED);
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

/* ---- The beginning. ---- */

static const struct errand_kind entry_kind = {
    .name = "double barrier",
    .on_event = entry_on_event,
    .late = docent_entrant_late,
    .end = docent_entrant_end,
    .fini = docent_entrant_fini,
};

docent_status docent_entrant_begin(struct docent_double_barrier *b, struct entrant **ret_entry)
{
    struct errand *errand;
    docent_status status = docent_errand_begin(&b->handle, &b->errands, &b->meter, &entry_kind, sizeof(struct entrant), &errand);
    if (status != DOCENT_OK) return status;
    struct entrant *e = entry_of(errand);
    e->barrier = b;
    e->own = (struct protected_node){ .client = b->handle.client, .parent = b->path, .ephemeral = true };
    status = docent_protected_init(&e->own, ENTRY_ROOM);
    if (status != DOCENT_OK) {
        docent_entrant_over(e, status);
        return status;
    }
    e->removal = (struct removal){ .path = e->own.path, .unique = true };
    e->number = ++b->number;
    docent_entrant_draw_name(e);
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
