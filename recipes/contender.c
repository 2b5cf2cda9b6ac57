/* recipes/contender.c - see contender_internal.h: states, events, beginning and end. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "recipes/contender_internal.h"
#include "recipes/line.h"
#include "recipes/trouble.h"

static const char *const contender_state_name[CONTENDER_STATES] = {
    [CONTENDER_NEW] = "NEW",         [CONTENDER_CREATING] = "CREATING", [CONTENDER_PARENTS] = "PARENTS",
    [CONTENDER_FINDING] = "FINDING", [CONTENDER_RANKING] = "RANKING",   [CONTENDER_WATCHING] = "WATCHING",
    [CONTENDER_FOLLOWING] = "FOLLOWING", [CONTENDER_NEXT] = "NEXT",      [CONTENDER_FIRST] = "FIRST",
    [CONTENDER_SUSPECT] = "SUSPECT", [CONTENDER_CHECKING] = "CHECKING", [CONTENDER_DELETING] = "DELETING",
    [CONTENDER_GONE] = "GONE",
};

#define TO(name) (1u << CONTENDER_##name)
static const unsigned contender_next[CONTENDER_STATES] = {
    [CONTENDER_NEW] = TO(CREATING) | TO(GONE),
    [CONTENDER_CREATING] = TO(CREATING) | TO(PARENTS) | TO(FINDING) | TO(RANKING) | TO(WATCHING) | TO(FOLLOWING) | TO(NEXT) |
                           TO(FIRST) | TO(DELETING) | TO(GONE),
    [CONTENDER_PARENTS] = TO(PARENTS) | TO(CREATING) | TO(GONE),
    [CONTENDER_FINDING] = TO(FINDING) | TO(CREATING) | TO(RANKING) | TO(FIRST) | TO(DELETING) | TO(GONE),
    [CONTENDER_RANKING] = TO(RANKING) | TO(WATCHING) | TO(FOLLOWING) | TO(NEXT) | TO(FIRST) | TO(CREATING) | TO(DELETING) |
                          TO(GONE),
    [CONTENDER_WATCHING] = TO(RANKING) | TO(DELETING) | TO(GONE),
    [CONTENDER_FOLLOWING] = TO(RANKING) | TO(FIRST) | TO(DELETING) | TO(GONE),
    [CONTENDER_NEXT] = TO(RANKING) | TO(FIRST) | TO(DELETING) | TO(GONE),
    [CONTENDER_FIRST] = TO(SUSPECT) | TO(CHECKING) | TO(DELETING) | TO(GONE),
    [CONTENDER_SUSPECT] = TO(CHECKING) | TO(DELETING) | TO(GONE),
    [CONTENDER_CHECKING] = TO(FIRST) | TO(SUSPECT) | TO(CHECKING) | TO(DELETING) | TO(GONE),
    [CONTENDER_DELETING] = TO(DELETING) | TO(GONE),
};

static bool contender_was_first(enum contender_state state)
{
    return state == CONTENDER_FIRST || state == CONTENDER_SUSPECT || state == CONTENDER_CHECKING;
}

/* Has a place in the queue, and keeps it: from here on the client's lease is the strict one. Not from FIRST only: a waiter may become
 * first after any time, and then its lease must be fresh already, by heartbeats that a server cut off from its leader cannot
 * answer. The answer to the create, or to the sync of FINDING, begins it. */
static bool contender_is_queued(enum contender_state state)
{
    return state == CONTENDER_RANKING || state == CONTENDER_WATCHING || state == CONTENDER_FOLLOWING || state == CONTENDER_NEXT ||
           contender_was_first(state);
}

static enum contender_phase contender_phase(const struct contender *c)
{
    if (c->state == CONTENDER_GONE) return CONTENDER_OVER;
    if (c->verdict != DOCENT_OK) return CONTENDER_LEAVES;
    if (c->state == CONTENDER_FIRST) return CONTENDER_LEADS;
    if (contender_was_first(c->state)) return CONTENDER_DOUBTS;
    return CONTENDER_WAITS;
}

void docent_contender_report(struct contender *c)
{
    enum contender_phase phase = contender_phase(c);

    if (phase == c->told) return;
    if (phase == CONTENDER_LEAVES) docent_client_removal_begins(c->machine.client);
    if (c->told == CONTENDER_LEAVES) docent_client_removal_ends(c->machine.client);
    c->told = phase;
    c->config->kind->on_phase(c, phase);
}

static void contender_hindered(struct contender *c, docent_status why)
{
    if (c->meter != NULL) docent_meter_reason(c->meter, c->machine.client, why);
}

void docent_contender_enter(struct contender *c, enum contender_state next)
{
    enum contender_state from = c->state;

    assert(contender_next[from] & (1u << next));
    (void)contender_next;
    if (!contender_is_queued(next) && next != CONTENDER_DELETING) docent_line_leave(c, false);
    if (c->place != NULL && next == CONTENDER_FIRST) c->place->standing = LINE_FIRST;
    docent_trace(&c->machine, "contender", c->own.path, contender_state_name[from], contender_state_name[next]);
    c->state = next;
    if (c->meter != NULL) {
        docent_meter_state(c->meter, c->machine.client, contender_state_name[next]);
        if (!docent_machine_online(&c->machine)) contender_hindered(c, DOCENT_ERR_CONNECTION_LOSS);
    }
    docent_lookout_end(&c->lookout);
    docent_machine_next_turn(&c->machine); /* Replies and watches of earlier states no longer reach us. */
    if (contender_is_queued(next) && !contender_is_queued(from)) docent_client_hold_begins(c->machine.client);
    if (contender_is_queued(from) && !contender_is_queued(next)) docent_client_hold_ends(c->machine.client);
}

static void contender_ask_create(struct contender *c)
{
    docent_op create = docent_op_create(c->own.path, c->config->data, c->config->size, DOCENT_EPHEMERAL_SEQUENTIAL);
    docent_op list = docent_op_children(c->config->path);

    create.acl = c->config->acl;
    c->list_refused = false;
    c->unlisted = !c->one_look && docent_line_stands(c);
    docent_protected_ask_create(&c->own, &c->machine, &create, TAG_CREATE);
    if (!c->unlisted) docent_ask(&c->machine, &list, TAG_LIST);
}

static void contender_ask_create_beside(struct contender *c)
{
    docent_op parts[] = {
        docent_op_check(docent_hold_path(c->beside), DOCENT_ANY_VERSION),
        docent_op_create(c->own.path, c->config->data, c->config->size, DOCENT_EPHEMERAL),
    };
    docent_op both = docent_op_multi(parts, 2);

    parts[1].acl = c->config->acl;
    docent_protected_ask_create(&c->own, &c->machine, &both, TAG_CREATE);
}

static void contender_ask_op(struct contender *c, docent_op op, int tag)
{
    docent_ask(&c->machine, &op, tag);
}

/* Asks for what the state waits for. While we are not online nothing is asked: EV_RESUMED comes back here. */
static void contender_ask(struct contender *c)
{
    if (!docent_machine_online(&c->machine)) return;

    switch (c->state) {
    case CONTENDER_CREATING:
        if (c->beside != NULL) {
            contender_ask_create_beside(c);
        } else {
            contender_ask_create(c);
        }
        break;
    case CONTENDER_PARENTS:
        docent_parents_ask(&c->parents, &c->machine, c->own.path, *c->config->parent_mode, c->config->acl, TAG_PARENT);
        break;
    case CONTENDER_FINDING: docent_protected_ask_find(&c->own, &c->machine); break;
    case CONTENDER_RANKING: contender_ask_op(c, docent_op_children(c->config->path), TAG_LIST); break;
    case CONTENDER_CHECKING: contender_ask_op(c, docent_op_exists(c->own.path), TAG_OWN); break;
    case CONTENDER_DELETING: contender_ask_op(c, docent_contender_deletion(c), TAG_DELETE); break;
    case CONTENDER_FIRST: docent_machine_timer(&c->machine, CONTENDER_OWN_LOOK_MS); break;
    case CONTENDER_NEW:
    case CONTENDER_WATCHING: /* contender_wait() asks: it knows whom to watch. */
    case CONTENDER_FOLLOWING:
    case CONTENDER_NEXT:
    case CONTENDER_SUSPECT:
    case CONTENDER_GONE: break;
    case CONTENDER_STATES: abort();
    }
}

void docent_contender_go(struct contender *c, enum contender_state next)
{
    docent_contender_enter(c, next);
    contender_ask(c);
    docent_contender_report(c);
}

void docent_contender_go_later(struct contender *c, enum contender_state next, docent_status why)
{
    docent_contender_enter(c, next);
    contender_hindered(c, why);
    docent_machine_retry(&c->machine);
    if (c->one_look && c->verdict == DOCENT_OK && !contender_was_first(next)) {
        docent_contender_leave(c, DOCENT_ERR_TIMEOUT);
    } else {
        docent_contender_report(c);
    }
}

docent_op docent_contender_deletion(const struct contender *c)
{
    return docent_op_delete(c->own.path, DOCENT_ANY_VERSION);
}

void docent_contender_leave(struct contender *c, docent_status why)
{
    assert(why != DOCENT_OK);
    if (c->verdict != DOCENT_OK || c->state == CONTENDER_GONE) return;
    c->verdict = why;

    switch (c->own.known) {
    case PROTECTED_NONE: docent_contender_go(c, CONTENDER_GONE); break;
    case PROTECTED_OURS: docent_contender_go(c, CONTENDER_DELETING); break;
    case PROTECTED_UNKNOWN: docent_contender_report(c); break; /* CREATING or FINDING find out, and then read the verdict. */
    }
}

void docent_contender_end(struct contender *c, docent_status why)
{
    if (c->verdict == DOCENT_OK) c->verdict = why;
    c->own.known = PROTECTED_NONE;
    docent_contender_go(c, CONTENDER_GONE);
}

void docent_contender_deleted(struct contender *c, docent_status why)
{
    docent_line_leave(c, true);
    docent_contender_end(c, why);
}

void docent_contender_has_none(struct contender *c, enum contender_state next)
{
    docent_protected_forget(&c->own);
    docent_contender_go(c, c->verdict != DOCENT_OK ? CONTENDER_GONE : next);
}

void docent_contender_ask_again(struct contender *c, enum contender_state state, docent_status status)
{
    switch (docent_trouble(status)) {
    case TROUBLE_LOST: break;
    case TROUBLE_BUSY:
    case TROUBLE_UNSURE: docent_contender_go_later(c, state, status); break;
    case TROUBLE_REFUSED: docent_contender_leave(c, status); break;
    }
}

/* ---- Events. ---- */

static void contender_on_reply(struct contender *c, const struct docent_event *ev)
{
    if (c->state == CONTENDER_FINDING) {
        docent_contender_on_find(c, ev);
        return;
    }
    switch ((enum contender_tag)ev->tag) {
    case TAG_CREATE: docent_contender_on_create(c, ev); break;
    case TAG_LIST:
        if (c->own.known == PROTECTED_OURS) {
            docent_contender_on_rank_list(c, ev);
        } else if (c->own.known == PROTECTED_UNKNOWN && ev->status != DOCENT_OK) {
            c->list_refused = true; /* Replies come in order, so this one was not sent; the create was. */
        }
        break;
    case TAG_PARENT: docent_contender_on_parent(c, ev->status); break;
    case TAG_OWN: docent_contender_on_own(c, ev); break;
    case TAG_AHEAD: docent_contender_on_ahead(c, ev->status); break;
    case TAG_DELETE: docent_contender_on_delete(c, ev->status); break;
    }
}

static void contender_on_suspended(struct contender *c)
{
    switch (c->state) {
    case CONTENDER_FIRST:
    case CONTENDER_CHECKING: docent_contender_go(c, CONTENDER_SUSPECT); return;
    case CONTENDER_WATCHING:
    case CONTENDER_NEXT: docent_contender_go(c, CONTENDER_RANKING); return; /* Asked when the connection is back. */
    case CONTENDER_NEW:
    case CONTENDER_CREATING:
    case CONTENDER_PARENTS:
    case CONTENDER_FINDING:
    case CONTENDER_RANKING:
        if (c->one_look) docent_contender_leave(c, DOCENT_ERR_TIMEOUT);
        return;
    case CONTENDER_FOLLOWING:
    case CONTENDER_SUSPECT:
    case CONTENDER_DELETING:
    case CONTENDER_GONE: return;
    case CONTENDER_STATES: abort();
    }
}

static void contender_on_resumed(struct contender *c)
{
    docent_machine_calm(&c->machine);
    switch (c->state) {
    case CONTENDER_CREATING:
        switch (c->own.known) {
        case PROTECTED_NONE: docent_contender_go(c, CONTENDER_CREATING); break;
        case PROTECTED_UNKNOWN: docent_contender_go(c, CONTENDER_FINDING); break;
        case PROTECTED_OURS: docent_contender_go(c, CONTENDER_RANKING); break; /* The list was lost. */
        }
        break;
    case CONTENDER_PARENTS:
    case CONTENDER_FINDING:
    case CONTENDER_RANKING:
    case CONTENDER_CHECKING:
    case CONTENDER_DELETING: docent_contender_go(c, c->state); break;
    case CONTENDER_WATCHING:
    case CONTENDER_NEXT: docent_contender_go(c, CONTENDER_RANKING); break;
    case CONTENDER_FIRST:
    case CONTENDER_SUSPECT: docent_contender_go(c, CONTENDER_CHECKING); break;
    case CONTENDER_NEW:
    case CONTENDER_FOLLOWING:
    case CONTENDER_GONE: break;
    case CONTENDER_STATES: abort();
    }
}

static void contender_on_timer(struct contender *c)
{
    if (c->state == CONTENDER_FIRST) {
        docent_ask_lookout(&c->machine, c->own.path, TAG_OWN, &c->lookout);
    } else {
        contender_ask(c);
    }
}

static void contender_on_event(struct docent_machine *machine, const struct docent_event *ev)
{
    struct contender *c = (struct contender *)((char *)machine - offsetof(struct contender, machine));

    switch (ev->type) {
    case DOCENT_EV_REPLY: contender_on_reply(c, ev); break;
    case DOCENT_EV_WATCH: docent_contender_on_watch(c, ev); break;
    case DOCENT_EV_TIMER: contender_on_timer(c); break;
    case DOCENT_EV_SUSPENDED:
        contender_hindered(c, DOCENT_ERR_CONNECTION_LOSS); /* Before: it may be the end. */
        contender_on_suspended(c);
        break;
    case DOCENT_EV_RESUMED: contender_on_resumed(c); break;
    case DOCENT_EV_EXPIRED: docent_contender_end(c, DOCENT_ERR_SESSION_EXPIRED); break;
    case DOCENT_EV_CLOSING: docent_contender_end(c, ev->status); break;
    }
}

/* ---- Life. ---- */

docent_status docent_contender_init(struct contender *c, docent_client *client, const struct contender_config *config)
{
    char name[CONTENDER_NAME_SIZE];
    docent_status status = docent_timer_reserve(client);
    if (status != DOCENT_OK) return status;

    c->config = config;
    c->own = (struct protected_node){
        .client = client,
        .parent = config->path,
        .sequential = c->beside == NULL,
        .ephemeral = true,
    };
    docent_contender_draw_name(c, name);
    status = docent_protected_init(&c->own, strlen(name) + 1);
    if (status != DOCENT_OK) {
        docent_timer_release(client);
        return status;
    }
    docent_contender_take_name(c, name);
    if (c->beside != NULL) docent_hold_ref(c->beside);
    c->state = CONTENDER_NEW;
    c->told = CONTENDER_WAITS;
    c->verdict = DOCENT_OK;
    docent_machine_init(&c->machine, client, contender_on_event);
    c->machine.name = "lock";
    return DOCENT_OK;
}

void docent_contender_start(struct contender *c)
{
    if (c->one_look && !docent_machine_online(&c->machine)) {
        docent_contender_leave(c, DOCENT_ERR_TIMEOUT);
        return;
    }
    docent_contender_go(c, CONTENDER_CREATING);
}

void docent_contender_fini(struct contender *c)
{
    docent_line_leave(c, false);
    if (contender_is_queued(c->state)) docent_client_hold_ends(c->machine.client);
    if (c->told == CONTENDER_LEAVES) docent_client_removal_ends(c->machine.client);
    docent_lookout_end(&c->lookout);
    docent_machine_fini(&c->machine);
    docent_timer_release(c->machine.client);
    docent_protected_free(&c->own);
    docent_hold_unref(c->beside);
}
