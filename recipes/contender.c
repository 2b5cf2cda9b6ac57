/* recipes/contender.c - create, find, rank, wait, delete.
 *
 * The happy path: create and list go out together, and since replies come in order the list shows our node and everybody ahead;
 * nobody ahead means first, after one round trip. Else the one directly ahead is watched (by getData, so that nothing is left on a
 * node that is gone already: that answer means "list again"). Leaving deletes.
 *
 *          start        create+list ok, nobody ahead
 *     NEW ------> CREATING -------------------------------------------> FIRST <-----------.
 *                 | ^  | ^ \                                            ^  |  down        | there
 *         NoNode  v |  | |  \ somebody ahead             ahead deleted  |  v       back   |
 *              PARENTS | |   `-----> WATCHING or NEXT ------------------'  SUSPECT ---> CHECKING
 *         reply lost   v | not there   |  ^                                   ^ down        |
 *                   FINDING            v  | somebody ahead                    `-------------'
 *                        | found     RANKING ---> FIRST                                     | not there: lost
 *                        `-------------^                                                    v
 *     Given up: DELETING ---> GONE from wherever our node is known; CREATING and FINDING first learn whether there is one.
 *     The session's end takes every state to GONE: it took our node with it.
 *
 * Reply to the create lost. The node may be there, and nobody but us would ever remove it. So: sync, list, look for our
 * prefix (a new UUID per contender), all in the session that sent the create; without the sync a server that lags
 * says "not there" too early. A node is ours only if its owner is our session. Not there: create again. The same holds for errors that
 * do not say whether they came before or after. It makes no difference whether the contender is still wanted, except that
 * then the node found is deleted.
 *
 * Connection down. A waiter lists again when it is back, whatever the restored watch says: what its list had shown may have
 * changed unseen. One that was first looks whether its node is still there; nobody can have got ahead of it. A delete is simply
 * sent again: "no such node" is what we want to hear.
 *
 * Our node deleted by somebody else. A waiter starts over with a new name, at the end of the queue, as its peers do. One that
 * is first is told so: at the reconnect, and while connected by a watch on its own node, left a second after becoming first, so that
 * short holds do not pay for it.
 *
 * Second in line. A peer always lists again when the node ahead goes. We need not, from state NEXT, because all of this holds:
 * numbers only grow as long as the parent lives, and it lives while our node is in it, so nobody can be inserted ahead of us;
 * exactly one node was ahead; the watch tells that it was deleted; and the connection has stood since the list, so that the watch
 * was never out. It does not hold, and WATCHING lists again, where the listing had names that are not of our dialect (they may sort
 * anywhere: another client's pattern, a hand-made node), where a name shares our number (a reader that a writer was downgraded
 * to) or where the counter is used up (negative numbers sort ahead); where the event is any other than a deletion; and after
 * a reconnect. If somebody deletes our node while we are NEXT, the list that we saved would have shown it: so
 * the look at our own node follows at once.
 *
 * Missing parents are made from the lowest upwards, and the create is tried again; a container may vanish in between, so that goes
 * round, at once at first and then at the pace of the client's backoff. */
#include "recipes/contender.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "recipes/trouble.h"

enum {
    CONTENDER_OWN_LOOK_MS = 1000,  /* When somebody first looks after their own node. */
    CONTENDER_ROUNDS_AT_ONCE = 8,  /* Makings of parents that are not paced. */
    CONTENDER_ROUNDS_MAX = 64,     /* Then it is an error: something deletes the path as fast as we make it. */
};

enum contender_tag { TAG_CREATE, TAG_LIST, TAG_PARENT, TAG_OWN, TAG_AHEAD }; /* And those of the building blocks. */

static const char *const contender_state_name[CONTENDER_STATES] = {
    [CONTENDER_NEW] = "NEW",         [CONTENDER_CREATING] = "CREATING", [CONTENDER_PARENTS] = "PARENTS",
    [CONTENDER_FINDING] = "FINDING", [CONTENDER_RANKING] = "RANKING",   [CONTENDER_WATCHING] = "WATCHING",
    [CONTENDER_NEXT] = "NEXT",       [CONTENDER_FIRST] = "FIRST",       [CONTENDER_SUSPECT] = "SUSPECT",
    [CONTENDER_CHECKING] = "CHECKING", [CONTENDER_DELETING] = "DELETING", [CONTENDER_GONE] = "GONE",
};

#define TO(name) (1u << CONTENDER_##name)
static const unsigned contender_next[CONTENDER_STATES] = {
    [CONTENDER_NEW] = TO(CREATING) | TO(GONE),
    [CONTENDER_CREATING] = TO(CREATING) | TO(PARENTS) | TO(FINDING) | TO(RANKING) | TO(WATCHING) | TO(NEXT) | TO(FIRST) |
                           TO(DELETING) | TO(GONE),
    [CONTENDER_PARENTS] = TO(PARENTS) | TO(CREATING) | TO(GONE),
    [CONTENDER_FINDING] = TO(FINDING) | TO(CREATING) | TO(RANKING) | TO(DELETING) | TO(GONE),
    [CONTENDER_RANKING] = TO(RANKING) | TO(WATCHING) | TO(NEXT) | TO(FIRST) | TO(CREATING) | TO(DELETING) | TO(GONE),
    [CONTENDER_WATCHING] = TO(RANKING) | TO(DELETING) | TO(GONE),
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
    return state == CONTENDER_RANKING || state == CONTENDER_WATCHING || state == CONTENDER_NEXT || contender_was_first(state);
}

static enum contender_phase contender_phase(const struct contender *c)
{
    if (c->state == CONTENDER_GONE) return CONTENDER_OVER;
    if (c->verdict != DOCENT_OK) return CONTENDER_LEAVES;
    if (c->state == CONTENDER_FIRST) return CONTENDER_LEADS;
    if (contender_was_first(c->state)) return CONTENDER_DOUBTS;
    return CONTENDER_WAITS;
}

/* Always last: the owner may finish us here. */
static void contender_report(struct contender *c)
{
    enum contender_phase phase = contender_phase(c);

    if (phase == c->told) return;
    if (phase == CONTENDER_LEAVES) docent_client_removal_begins(c->config.client);
    if (c->told == CONTENDER_LEAVES) docent_client_removal_ends(c->config.client);
    c->told = phase;
    c->config.on_phase(c, phase);
}

/* The only writer of c->state. */
static void contender_enter(struct contender *c, enum contender_state next)
{
    enum contender_state from = c->state;

    assert(contender_next[from] & (1u << next));
    (void)contender_next;
    docent_trace(&c->machine, "contender", c->own.path, contender_state_name[from], contender_state_name[next]);
    c->state = next;
    docent_machine_next_turn(&c->machine); /* Replies and watches of earlier states no longer reach us. */
    if (contender_is_queued(next) && !contender_is_queued(from)) docent_client_hold_begins(c->config.client);
    if (contender_is_queued(from) && !contender_is_queued(next)) docent_client_hold_ends(c->config.client);
}

static void contender_draw_name(struct contender *c)
{
    char uuid[37];

    docent_client_uuid(c->config.client, uuid);
    docent_dialect_prefix(c->config.dialect, uuid, docent_protected_prefix(&c->own));
    docent_protected_named(&c->own);
}

static void contender_ask_create(struct contender *c)
{
    docent_op create = docent_op_create(c->own.path, c->config.data, c->config.size, DOCENT_EPHEMERAL_SEQUENTIAL);
    docent_op list = docent_op_children(c->config.path);

    create.acl = c->config.acl;
    c->list_refused = false;
    docent_protected_ask_create(&c->own, &c->machine, &create, TAG_CREATE);
    docent_ask(&c->machine, &list, TAG_LIST);
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
    case CONTENDER_CREATING: contender_ask_create(c); break;
    case CONTENDER_PARENTS:
        docent_parents_ask(&c->parents, &c->machine, c->own.path, *c->config.parent_mode, c->config.acl, TAG_PARENT);
        break;
    case CONTENDER_FINDING: docent_protected_ask_find(&c->own, &c->machine); break;
    case CONTENDER_RANKING: contender_ask_op(c, docent_op_children(c->config.path), TAG_LIST); break;
    case CONTENDER_CHECKING: contender_ask_op(c, docent_op_exists(c->own.path), TAG_OWN); break;
    case CONTENDER_DELETING: docent_removal_ask(&c->removal, &c->machine); break;
    case CONTENDER_FIRST: docent_machine_timer(&c->machine, CONTENDER_OWN_LOOK_MS); break;
    case CONTENDER_NEW:
    case CONTENDER_WATCHING: /* contender_wait() asks: it knows whom to watch. */
    case CONTENDER_NEXT:
    case CONTENDER_SUSPECT:
    case CONTENDER_GONE: break;
    case CONTENDER_STATES: abort();
    }
}

static void contender_go(struct contender *c, enum contender_state next)
{
    contender_enter(c, next);
    contender_ask(c);
    contender_report(c);
}

/* Enters @next, which asks when the client's backoff has passed (or the connection has come back). */
static void contender_go_later(struct contender *c, enum contender_state next)
{
    contender_enter(c, next);
    docent_machine_retry(&c->machine);
    if (c->config.one_look && c->verdict == DOCENT_OK && !contender_was_first(next)) {
        docent_contender_leave(c, DOCENT_ERR_TIMEOUT);
    } else {
        contender_report(c);
    }
}

void docent_contender_leave(struct contender *c, docent_status why)
{
    assert(why != DOCENT_OK);
    if (c->verdict != DOCENT_OK || c->state == CONTENDER_GONE) return;
    c->verdict = why;

    switch (c->own.known) {
    case PROTECTED_NONE: contender_go(c, CONTENDER_GONE); break;
    case PROTECTED_OURS: contender_go(c, CONTENDER_DELETING); break;
    case PROTECTED_UNKNOWN: contender_report(c); break; /* CREATING or FINDING find out, and then read the verdict. */
    }
}

/* The node is not there any more, or will not be; nothing is left to be removed. */
static void contender_end(struct contender *c, docent_status why)
{
    if (c->verdict == DOCENT_OK) c->verdict = why;
    c->own.known = PROTECTED_NONE;
    contender_go(c, CONTENDER_GONE);
}

/* There is no node of ours, and we know it. */
static void contender_has_none(struct contender *c, enum contender_state next)
{
    docent_protected_forget(&c->own);
    contender_go(c, c->verdict != DOCENT_OK ? CONTENDER_GONE : next);
}

/* Something that changes nothing failed; @state will ask for it again. */
static void contender_ask_again(struct contender *c, enum contender_state state, docent_status status)
{
    switch (docent_trouble(status)) {
    case TROUBLE_LOST: break;
    case TROUBLE_BUSY:
    case TROUBLE_UNSURE: contender_go_later(c, state); break;
    case TROUBLE_REFUSED: docent_contender_leave(c, status); break;
    }
}

/* ---- Creating. ---- */

/* Our node is there and has a name. True: it is wanted and good. */
static bool contender_owns(struct contender *c)
{
    c->parents.rounds = 0;
    docent_machine_calm(&c->machine);
    if (c->verdict != DOCENT_OK) {
        contender_go(c, CONTENDER_DELETING);
        return false;
    }
    if (docent_dialect_read(c->config.dialect, docent_protected_prefix(&c->own)) != DIALECT_CONTENDER) {
        docent_contender_leave(c, DOCENT_ERR_SEQUENCE_EXHAUSTED);
        return false;
    }
    return true;
}

static void contender_path_missing(struct contender *c)
{
    docent_parents_begin(&c->parents, c->own.parent_size);
    if (c->verdict != DOCENT_OK || c->parents.rounds > CONTENDER_ROUNDS_MAX) {
        contender_end(c, DOCENT_ERR_NO_NODE);
    } else if (c->parents.rounds > CONTENDER_ROUNDS_AT_ONCE) {
        contender_go_later(c, CONTENDER_PARENTS);
    } else {
        contender_go(c, CONTENDER_PARENTS);
    }
}

static void contender_on_create(struct contender *c, const struct docent_event *ev)
{
    switch (docent_protected_on_create(&c->own, ev)) {
    case PROTECTED_MADE: /* The list is on its way, so the state stays; unless there was no memory to send it. */
        if (contender_owns(c) && c->list_refused) contender_go_later(c, CONTENDER_RANKING);
        break;
    case PROTECTED_NO_PARENT: contender_path_missing(c); break;
    case PROTECTED_UNSENT: /* EV_RESUMED creates again. */
        if (c->verdict != DOCENT_OK) contender_has_none(c, CONTENDER_GONE);
        break;
    case PROTECTED_LOST: contender_go(c, CONTENDER_FINDING); break;
    case PROTECTED_UNSURE: contender_go_later(c, CONTENDER_FINDING); break;
    case PROTECTED_BUSY:
        if (c->verdict != DOCENT_OK) {
            contender_end(c, c->verdict);
        } else {
            contender_go_later(c, CONTENDER_CREATING);
        }
        break;
    case PROTECTED_REFUSED: contender_end(c, ev->status); break;
    }
}

static void contender_on_parent(struct contender *c, docent_status status)
{
    switch (docent_parents_on_reply(&c->parents, c->own.path, c->config.parent_mode, status)) {
    case PARENTS_READY:
        docent_machine_calm(&c->machine);
        contender_go(c, CONTENDER_CREATING);
        break;
    case PARENTS_MORE:
        if (status == DOCENT_OK || status == DOCENT_ERR_NODE_EXISTS) docent_machine_calm(&c->machine);
        if (c->parents.rounds > CONTENDER_ROUNDS_MAX + c->own.parent_size) { /* A race that we always lose. */
            contender_end(c, DOCENT_ERR_NO_NODE);
        } else {
            contender_go(c, CONTENDER_PARENTS);
        }
        break;
    case PARENTS_ROOTLESS: contender_end(c, DOCENT_ERR_NO_NODE); break;
    case PARENTS_FAILED: contender_ask_again(c, CONTENDER_PARENTS, status); break;
    }
}

/* ---- Finding. ---- */

/* While we are unsure of a node, giving up answers the owner, and the search goes on. */
static void contender_find_failed(struct contender *c, docent_status status)
{
    switch (docent_trouble(status)) {
    case TROUBLE_LOST: return;
    case TROUBLE_REFUSED:
        docent_client_log(c->config.client, DOCENT_LOG_WARNING, "contender.search", c->own.path,
                          "cannot look for a node that may be ours: %s", docent_status_text(status));
        if (c->verdict == DOCENT_OK) c->verdict = status;
        break;
    case TROUBLE_BUSY:
    case TROUBLE_UNSURE: break;
    }
    contender_go_later(c, CONTENDER_FINDING);
}

static bool contender_is_owner(const struct contender *c, const docent_result *result)
{
    return result->stat.ephemeral_owner == docent_client_session(c->config.client, NULL);
}

static void contender_on_find(struct contender *c, const struct docent_event *ev)
{
    switch (docent_protected_on_find(&c->own, &c->machine, ev)) {
    case PROTECTED_SEARCHING: break;
    case PROTECTED_FOUND:
        if (contender_owns(c)) contender_go(c, CONTENDER_RANKING);
        break;
    case PROTECTED_NOT_THERE: contender_has_none(c, CONTENDER_CREATING); break;
    case PROTECTED_FOREIGN: /* Not ours to adopt or to remove. Get out of its way. */
        contender_draw_name(c);
        contender_has_none(c, CONTENDER_CREATING);
        break;
    case PROTECTED_FAILED: contender_find_failed(c, ev->status); break;
    }
}

/* ---- Ranking and waiting. ---- */

static void contender_wait(struct contender *c, enum contender_state next, const char *ahead)
{
    const docent_allocator *allocator = docent_client_allocator(c->config.client);
    size_t ahead_size = strlen(ahead) + 1;
    char *path = docent_alloc(allocator, c->own.parent_size + 1 + ahead_size);

    if (path == NULL) {
        contender_go_later(c, CONTENDER_RANKING);
        return;
    }
    memcpy(path, c->own.path, c->own.parent_size + 1);
    memcpy(path + c->own.parent_size + 1, ahead, ahead_size);
    contender_enter(c, next);
    docent_op get = docent_op_get(path);
    docent_ask_watch(&c->machine, &get, TAG_AHEAD);
    docent_free(allocator, path);
    contender_report(c);
}

static void contender_on_rank_list(struct contender *c, const struct docent_event *ev)
{
    const docent_result *result = ev->result;
    struct rank rank = { .present = false };

    if (ev->status != DOCENT_OK && ev->status != DOCENT_ERR_NO_NODE) {
        contender_ask_again(c, CONTENDER_RANKING, ev->status);
        return;
    }
    docent_machine_calm(&c->machine);
    if (ev->status == DOCENT_OK) {
        rank = docent_dialect_rank(c->config.dialect, result->names, result->name_count, docent_protected_prefix(&c->own));
    }
    if (!rank.present) {
        docent_client_log(c->config.client, DOCENT_LOG_WARNING, "contender.removed", c->own.path,
                          "somebody deleted our node while we waited; queueing again");
        contender_draw_name(c);
        contender_has_none(c, CONTENDER_CREATING);
    } else if (rank.ahead == NULL) {
        contender_go(c, CONTENDER_FIRST);
    } else if (c->config.one_look) {
        docent_contender_leave(c, DOCENT_ERR_TIMEOUT);
    } else {
        contender_wait(c, rank.plain && rank.index == 1 ? CONTENDER_NEXT : CONTENDER_WATCHING, rank.ahead);
    }
}

static void contender_on_ahead(struct contender *c, docent_status status)
{
    if (status == DOCENT_OK) {
        docent_machine_calm(&c->machine);
    } else if (status == DOCENT_ERR_NO_NODE) { /* Gone since the list; no watch was left. */
        contender_go(c, CONTENDER_RANKING);
    } else {
        contender_ask_again(c, CONTENDER_RANKING, status);
    }
}

static void contender_on_watch(struct contender *c, const struct docent_event *ev)
{
    switch (c->state) {
    case CONTENDER_NEXT:
        if (ev->change == DOCENT_WATCH_DELETED) {
            contender_enter(c, CONTENDER_FIRST);
            docent_machine_timer(&c->machine, 1); /* Our own node, since no list has shown it: see above. */
            contender_report(c);
        } else {
            contender_go(c, CONTENDER_RANKING);
        }
        break;
    case CONTENDER_WATCHING: contender_go(c, CONTENDER_RANKING); break;
    case CONTENDER_FIRST: /* Our own node. */
        if (ev->change == DOCENT_WATCH_DELETED) {
            contender_end(c, DOCENT_ERR_NO_NODE);
        } else {
            docent_machine_timer(&c->machine, CONTENDER_OWN_LOOK_MS);
        }
        break;
    case CONTENDER_NEW:
    case CONTENDER_CREATING:
    case CONTENDER_PARENTS:
    case CONTENDER_FINDING:
    case CONTENDER_RANKING:
    case CONTENDER_SUSPECT:
    case CONTENDER_CHECKING:
    case CONTENDER_DELETING:
    case CONTENDER_GONE: break; /* They leave no watch. */
    case CONTENDER_STATES: abort();
    }
}

/* ---- First. ---- */

static void contender_on_own(struct contender *c, const struct docent_event *ev)
{
    bool checking = c->state == CONTENDER_CHECKING;

    if (ev->status == DOCENT_OK && contender_is_owner(c, ev->result)) {
        docent_machine_calm(&c->machine);
        if (checking) contender_go(c, CONTENDER_FIRST);
    } else if (ev->status == DOCENT_OK || ev->status == DOCENT_ERR_NO_NODE) {
        contender_end(c, DOCENT_ERR_NO_NODE);
    } else if (docent_trouble(ev->status) == TROUBLE_LOST) {
        return;
    } else if (checking) {
        contender_go_later(c, CONTENDER_CHECKING);
    } else if (docent_trouble(ev->status) != TROUBLE_REFUSED) { /* Refused: the ACL does not let us read our own node. */
        docent_machine_retry(&c->machine);
    }
}

/* ---- Deleting. ---- */

static void contender_on_removal(struct contender *c, const struct docent_event *ev)
{
    switch (docent_removal_on_reply(&c->removal, &c->machine, ev)) {
    case REMOVAL_GONE:
        c->own.known = PROTECTED_NONE;
        contender_go(c, CONTENDER_GONE);
        break;
    case REMOVAL_FAILED:
        if (docent_trouble(ev->status) == TROUBLE_LOST) break;
        docent_client_log(c->config.client, DOCENT_LOG_WARNING, "contender.delete", c->own.path, "not removed yet: %s",
                          docent_status_text(ev->status));
        contender_go_later(c, CONTENDER_DELETING);
        break;
    case REMOVAL_GOING_ON:
    case REMOVAL_SEEN:
    case REMOVAL_VERSION: break; /* Our name is unique, so that there is no look. */
    }
}

/* ---- Events. ---- */

static void contender_on_reply(struct contender *c, const struct docent_event *ev)
{
    if (c->state == CONTENDER_FINDING) {
        contender_on_find(c, ev);
        return;
    }
    if (c->state == CONTENDER_DELETING) {
        contender_on_removal(c, ev);
        return;
    }
    switch ((enum contender_tag)ev->tag) {
    case TAG_CREATE: contender_on_create(c, ev); break;
    case TAG_LIST:
        if (c->own.known == PROTECTED_OURS) {
            contender_on_rank_list(c, ev);
        } else if (c->own.known == PROTECTED_UNKNOWN && ev->status != DOCENT_OK) {
            c->list_refused = true; /* Replies come in order, so this one was not sent; the create was. */
        }
        break;
    case TAG_PARENT: contender_on_parent(c, ev->status); break;
    case TAG_OWN: contender_on_own(c, ev); break;
    case TAG_AHEAD: contender_on_ahead(c, ev->status); break;
    }
}

static void contender_on_suspended(struct contender *c)
{
    switch (c->state) {
    case CONTENDER_FIRST:
    case CONTENDER_CHECKING: contender_go(c, CONTENDER_SUSPECT); return;
    case CONTENDER_WATCHING:
    case CONTENDER_NEXT: contender_go(c, CONTENDER_RANKING); return; /* Asked when the connection is back. */
    case CONTENDER_NEW:
    case CONTENDER_CREATING:
    case CONTENDER_PARENTS:
    case CONTENDER_FINDING:
    case CONTENDER_RANKING:
        if (c->config.one_look) docent_contender_leave(c, DOCENT_ERR_TIMEOUT);
        return;
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
        case PROTECTED_NONE: contender_go(c, CONTENDER_CREATING); break;
        case PROTECTED_UNKNOWN: contender_go(c, CONTENDER_FINDING); break;
        case PROTECTED_OURS: contender_go(c, CONTENDER_RANKING); break; /* The list was lost. */
        }
        break;
    case CONTENDER_PARENTS:
    case CONTENDER_FINDING:
    case CONTENDER_RANKING:
    case CONTENDER_CHECKING:
    case CONTENDER_DELETING: contender_go(c, c->state); break;
    case CONTENDER_WATCHING:
    case CONTENDER_NEXT: contender_go(c, CONTENDER_RANKING); break;
    case CONTENDER_FIRST:
    case CONTENDER_SUSPECT: contender_go(c, CONTENDER_CHECKING); break;
    case CONTENDER_NEW:
    case CONTENDER_GONE: break;
    case CONTENDER_STATES: abort();
    }
}

static void contender_on_timer(struct contender *c)
{
    if (c->state == CONTENDER_FIRST) {
        docent_op get = docent_op_get(c->own.path);
        docent_ask_watch(&c->machine, &get, TAG_OWN);
    } else {
        contender_ask(c);
    }
}

static void contender_on_event(struct docent_machine *machine, const struct docent_event *ev)
{
    struct contender *c = (struct contender *)((char *)machine - offsetof(struct contender, machine));

    switch (ev->type) {
    case DOCENT_EV_REPLY: contender_on_reply(c, ev); break;
    case DOCENT_EV_WATCH: contender_on_watch(c, ev); break;
    case DOCENT_EV_TIMER: contender_on_timer(c); break;
    case DOCENT_EV_SUSPENDED: contender_on_suspended(c); break;
    case DOCENT_EV_RESUMED: contender_on_resumed(c); break;
    case DOCENT_EV_EXPIRED: contender_end(c, DOCENT_ERR_SESSION_EXPIRED); break;
    case DOCENT_EV_CLOSING: contender_end(c, ev->status); break;
    }
}

/* ---- Life. ---- */

docent_status docent_contender_init(struct contender *c, const struct contender_config *config)
{
    docent_status status = docent_timer_reserve(config->client);
    if (status != DOCENT_OK) return status;

    c->own = (struct protected_node){
        .client = config->client,
        .parent = config->path,
        .sequential = true,
        .ephemeral = true,
    };
    status = docent_protected_init(&c->own, DIALECT_PREFIX_SIZE);
    if (status != DOCENT_OK) {
        docent_timer_release(config->client);
        return status;
    }
    c->removal = (struct removal){ .path = c->own.path, .unique = true };
    c->config = *config;
    c->state = CONTENDER_NEW;
    c->told = CONTENDER_WAITS;
    c->verdict = DOCENT_OK;
    contender_draw_name(c);
    docent_machine_init(&c->machine, config->client, contender_on_event);
    return DOCENT_OK;
}

void docent_contender_start(struct contender *c)
{
    if (c->config.one_look && !docent_machine_online(&c->machine)) {
        docent_contender_leave(c, DOCENT_ERR_TIMEOUT);
        return;
    }
    contender_go(c, CONTENDER_CREATING);
}

void docent_contender_fini(struct contender *c)
{
    if (contender_is_queued(c->state)) docent_client_hold_ends(c->config.client);
    if (c->told == CONTENDER_LEAVES) docent_client_removal_ends(c->config.client);
    docent_machine_fini(&c->machine);
    docent_timer_release(c->config.client);
    docent_protected_free(&c->own);
}
