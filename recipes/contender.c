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

enum {
    CONTENDER_OWN_LOOK_MS = 1000,  /* When somebody first looks after their own node. */
    CONTENDER_ROUNDS_AT_ONCE = 8,  /* Makings of parents that are not paced. */
    CONTENDER_ROUNDS_MAX = 64,     /* Then it is an error: something deletes the path as fast as we make it. */
};

enum contender_tag { TAG_CREATE, TAG_LIST, TAG_PARENT, TAG_SYNC, TAG_OWN, TAG_AHEAD, TAG_DELETE };

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
    c->told = phase;
    c->config.on_phase(c, phase);
}

/* The only writer of c->state. */
static void contender_enter(struct contender *c, enum contender_state next)
{
    enum contender_state from = c->state;

    assert(contender_next[from] & (1u << next));
    (void)contender_next;
    docent_trace(&c->machine, "contender", c->node, contender_state_name[from], contender_state_name[next]);
    c->state = next;
    docent_machine_next_turn(&c->machine); /* Replies and watches of earlier states no longer reach us. */
    if (contender_is_queued(next) && !contender_is_queued(from)) docent_client_hold_begins(c->config.client);
    if (contender_is_queued(from) && !contender_is_queued(next)) docent_client_hold_ends(c->config.client);
}

/* Our name is the prefix only, again. */
static void contender_forget_node(struct contender *c)
{
    c->known = CONTENDER_NODE_NONE;
    c->node[c->prefix_size] = '\0';
}

static void contender_draw_name(struct contender *c)
{
    char uuid[37];

    docent_client_uuid(c->config.client, uuid);
    docent_dialect_prefix(c->config.dialect, uuid, c->node + c->path_size + 1);
    c->prefix_size = strlen(c->node);
}

static void contender_ask_create(struct contender *c)
{
    docent_op create = docent_op_create(c->node, c->config.data, c->config.size, DOCENT_EPHEMERAL_SEQUENTIAL);
    docent_op list = docent_op_children(c->config.path);

    create.acl = c->config.acl;
    c->known = CONTENDER_NODE_UNKNOWN;
    c->list_refused = false;
    docent_ask(&c->machine, &create, TAG_CREATE);
    docent_ask(&c->machine, &list, TAG_LIST);
}

static void contender_ask_parent(struct contender *c)
{
    char kept = c->node[c->parent_size];

    c->node[c->parent_size] = '\0'; /* The parent's path, for as long as the ask copies it. */
    docent_op create = docent_op_create(c->node, "", 0, *c->config.parent_mode);
    create.acl = c->config.acl;
    docent_ask(&c->machine, &create, TAG_PARENT);
    c->node[c->parent_size] = kept;
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
    case CONTENDER_PARENTS: contender_ask_parent(c); break;
    case CONTENDER_FINDING: contender_ask_op(c, docent_op_sync(c->config.path), TAG_SYNC); break;
    case CONTENDER_RANKING: contender_ask_op(c, docent_op_children(c->config.path), TAG_LIST); break;
    case CONTENDER_CHECKING: contender_ask_op(c, docent_op_exists(c->node), TAG_OWN); break;
    case CONTENDER_DELETING: contender_ask_op(c, docent_op_delete(c->node, DOCENT_ANY_VERSION), TAG_DELETE); break;
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

    switch (c->known) {
    case CONTENDER_NODE_NONE: contender_go(c, CONTENDER_GONE); break;
    case CONTENDER_NODE_OURS: contender_go(c, CONTENDER_DELETING); break;
    case CONTENDER_NODE_UNKNOWN: contender_report(c); break; /* CREATING or FINDING find out, and then read the verdict. */
    }
}

/* The node is not there any more, or will not be; nothing is left to be removed. */
static void contender_end(struct contender *c, docent_status why)
{
    if (c->verdict == DOCENT_OK) c->verdict = why;
    c->known = CONTENDER_NODE_NONE;
    contender_go(c, CONTENDER_GONE);
}

/* There is no node of ours, and we know it. */
static void contender_has_none(struct contender *c, enum contender_state next)
{
    contender_forget_node(c);
    contender_go(c, c->verdict != DOCENT_OK ? CONTENDER_GONE : next);
}

/* What an error says to do. */
enum contender_trouble {
    TROUBLE_LOST,    /* The connection went. EV_RESUMED goes on. */
    TROUBLE_BUSY,    /* Not executed. Ask again, later. */
    TROUBLE_REFUSED, /* Not executed, and never will be. */
    TROUBLE_UNSURE,  /* Executed or not. Find out, later. */
};

static enum contender_trouble contender_trouble(docent_status status)
{
    switch ((int)status) { /* An int: a server may send numbers that the enumeration does not have. */
    case DOCENT_ERR_CONNECTION_LOSS: return TROUBLE_LOST;
    case DOCENT_ERR_THROTTLED:
    case DOCENT_ERR_NO_MEMORY:
    case DOCENT_ERR_NOT_READ_ONLY: return TROUBLE_BUSY;
    case DOCENT_ERR_UNIMPLEMENTED:
    case DOCENT_ERR_UNSUPPORTED:
    case DOCENT_ERR_BAD_ARGUMENTS:
    case DOCENT_ERR_INVALID_ARGUMENT:
    case DOCENT_ERR_TOO_LARGE:
    case DOCENT_ERR_NO_AUTH:
    case DOCENT_ERR_INVALID_ACL:
    case DOCENT_ERR_AUTH_FAILED:
    case DOCENT_ERR_SASL_REQUIRED:
    case DOCENT_ERR_NO_CHILDREN_FOR_EPHEMERALS:
    case DOCENT_ERR_EPHEMERAL_ON_LOCAL_SESSION:
    case DOCENT_ERR_QUOTA_EXCEEDED: return TROUBLE_REFUSED;
    default: return TROUBLE_UNSURE;
    }
}

/* Something that changes nothing failed; @state will ask for it again. */
static void contender_ask_again(struct contender *c, enum contender_state state, docent_status status)
{
    switch (contender_trouble(status)) {
    case TROUBLE_LOST: break;
    case TROUBLE_BUSY:
    case TROUBLE_UNSURE: contender_go_later(c, state); break;
    case TROUBLE_REFUSED: docent_contender_leave(c, status); break;
    }
}

/* ---- Creating. ---- */

/* Takes @name as our node's; false if it cannot be: it is not our prefix and a number. */
static bool contender_take_name(struct contender *c, const char *name)
{
    size_t size = name == NULL ? 0 : strlen(name);
    size_t prefix_size = c->prefix_size - c->path_size - 1;

    if (size <= prefix_size || size > prefix_size + DIALECT_SEQUENCE_MAX) return false;
    if (memcmp(name, c->node + c->path_size + 1, prefix_size) != 0) return false;
    memcpy(c->node + c->path_size + 1, name, size + 1);
    return true;
}

/* Our node is there and has a name. True: it is wanted and good. */
static bool contender_owns(struct contender *c, int64_t czxid, uint64_t generation)
{
    c->known = CONTENDER_NODE_OURS;
    c->parent_rounds = 0;
    c->czxid = czxid;
    c->generation = generation;
    docent_machine_calm(&c->machine);
    if (c->verdict != DOCENT_OK) {
        contender_go(c, CONTENDER_DELETING);
        return false;
    }
    if (docent_dialect_read(c->config.dialect, c->node + c->path_size + 1) != DIALECT_CONTENDER) {
        docent_contender_leave(c, DOCENT_ERR_SEQUENCE_EXHAUSTED);
        return false;
    }
    return true;
}

static void contender_path_missing(struct contender *c)
{
    contender_forget_node(c);
    c->parent_size = c->path_size;
    c->parent_rounds++;
    if (c->verdict != DOCENT_OK || c->parent_rounds > CONTENDER_ROUNDS_MAX) {
        contender_end(c, DOCENT_ERR_NO_NODE);
    } else if (c->parent_rounds > CONTENDER_ROUNDS_AT_ONCE) {
        contender_go_later(c, CONTENDER_PARENTS);
    } else {
        contender_go(c, CONTENDER_PARENTS);
    }
}

static void contender_on_create(struct contender *c, const struct docent_event *ev)
{
    const docent_result *result = ev->result;

    if (ev->status == DOCENT_OK) {
        bool below = result->path != NULL && strncmp(result->path, c->node, c->path_size + 1) == 0;
        if (!below || !contender_take_name(c, result->path + c->path_size + 1)) {
            docent_client_log(c->config.client, DOCENT_LOG_ERROR, "contender.name", c->node, "the server made another name of it");
            contender_go_later(c, CONTENDER_FINDING);
            return;
        }
        /* The list is on its way, so the state stays; unless there was no memory to send it. */
        bool good = contender_owns(c, result->has_stat ? result->stat.czxid : result->zxid, ev->generation);
        if (good && c->list_refused) contender_go_later(c, CONTENDER_RANKING);
        return;
    }
    if (ev->status == DOCENT_ERR_NO_NODE) {
        contender_path_missing(c);
        return;
    }

    switch (contender_trouble(ev->status)) {
    case TROUBLE_LOST:
        if (ev->sent) {
            contender_go(c, CONTENDER_FINDING);
        } else if (c->verdict != DOCENT_OK) {
            contender_has_none(c, CONTENDER_GONE);
        } else {
            contender_forget_node(c); /* EV_RESUMED creates again. */
        }
        break;
    case TROUBLE_BUSY:
        if (ev->status == DOCENT_ERR_NO_MEMORY && ev->sent) { /* For the answer, which may have been that it was made. */
            contender_go_later(c, CONTENDER_FINDING);
            break;
        }
        contender_forget_node(c);
        if (c->verdict != DOCENT_OK) {
            contender_end(c, c->verdict);
        } else {
            contender_go_later(c, CONTENDER_CREATING);
        }
        break;
    case TROUBLE_REFUSED: contender_end(c, ev->status); break;
    case TROUBLE_UNSURE: contender_go_later(c, CONTENDER_FINDING); break;
    }
}

static void contender_on_parent(struct contender *c, docent_status status)
{
    switch ((int)status) {
    case DOCENT_OK:
    case DOCENT_ERR_NODE_EXISTS: /* The one below it next; when the path is complete, our node. */
        docent_machine_calm(&c->machine);
        if (c->parent_size == c->path_size) {
            contender_go(c, CONTENDER_CREATING);
            return;
        }
        do {
            c->parent_size++;
        } while (c->node[c->parent_size] != '/');
        contender_go(c, CONTENDER_PARENTS);
        return;
    case DOCENT_ERR_NO_NODE: /* The one above it first. */
        do {
            c->parent_size--;
        } while (c->node[c->parent_size] != '/');
        c->parent_rounds++;
        if (c->parent_size == 0 || c->parent_rounds > CONTENDER_ROUNDS_MAX + c->path_size) {
            /* Not even "/": the client's chroot is missing, and is not ours to make. Or a race that we always lose. */
            contender_end(c, DOCENT_ERR_NO_NODE);
            return;
        }
        contender_go(c, CONTENDER_PARENTS);
        return;
    case DOCENT_ERR_UNIMPLEMENTED: /* A server before 3.5.1. It closes the connection now, but the session stands. */
    case DOCENT_ERR_UNSUPPORTED:
        if (*c->config.parent_mode == DOCENT_CONTAINER) {
            *c->config.parent_mode = DOCENT_PERSISTENT;
            contender_go(c, CONTENDER_PARENTS);
            return;
        }
        break;
    }
    contender_ask_again(c, CONTENDER_PARENTS, status);
}

/* ---- Finding. ---- */

/* While we are unsure of a node, giving up answers the owner, and the search goes on. */
static void contender_find_failed(struct contender *c, docent_status status)
{
    switch (contender_trouble(status)) {
    case TROUBLE_LOST: return;
    case TROUBLE_REFUSED:
        docent_client_log(c->config.client, DOCENT_LOG_WARNING, "contender.search", c->node,
                          "cannot look for a node that may be ours: %s", docent_status_text(status));
        if (c->verdict == DOCENT_OK) c->verdict = status;
        break;
    case TROUBLE_BUSY:
    case TROUBLE_UNSURE: break;
    }
    contender_go_later(c, CONTENDER_FINDING);
}

static void contender_on_find_list(struct contender *c, const struct docent_event *ev)
{
    if (ev->status == DOCENT_ERR_NO_NODE) {
        contender_has_none(c, CONTENDER_CREATING);
        return;
    }
    if (ev->status != DOCENT_OK) {
        contender_find_failed(c, ev->status);
        return;
    }
    c->node[c->prefix_size] = '\0';
    for (size_t i = 0; i < ev->result->name_count; i++) {
        if (contender_take_name(c, ev->result->names[i])) {
            contender_ask_op(c, docent_op_exists(c->node), TAG_OWN);
            return;
        }
    }
    contender_has_none(c, CONTENDER_CREATING);
}

static bool contender_is_owner(const struct contender *c, const docent_result *result)
{
    return result->stat.ephemeral_owner == docent_client_session(c->config.client, NULL);
}

static void contender_on_find_own(struct contender *c, const struct docent_event *ev)
{
    if (ev->status == DOCENT_OK && contender_is_owner(c, ev->result)) {
        if (contender_owns(c, ev->result->stat.czxid, ev->generation)) contender_go(c, CONTENDER_RANKING);
    } else if (ev->status == DOCENT_OK) {
        /* Another session's, in our name: not ours to adopt or to remove. Get out of its way. */
        contender_draw_name(c);
        contender_has_none(c, CONTENDER_CREATING);
    } else if (ev->status == DOCENT_ERR_NO_NODE) {
        contender_has_none(c, CONTENDER_CREATING);
    } else {
        contender_find_failed(c, ev->status);
    }
}

/* ---- Ranking and waiting. ---- */

static void contender_wait(struct contender *c, enum contender_state next, const char *ahead)
{
    const docent_allocator *allocator = docent_client_allocator(c->config.client);
    size_t ahead_size = strlen(ahead) + 1;
    char *path = docent_alloc(allocator, c->path_size + 1 + ahead_size);

    if (path == NULL) {
        contender_go_later(c, CONTENDER_RANKING);
        return;
    }
    memcpy(path, c->node, c->path_size + 1);
    memcpy(path + c->path_size + 1, ahead, ahead_size);
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
        rank = docent_dialect_rank(c->config.dialect, result->names, result->name_count, c->node + c->path_size + 1);
    }
    if (!rank.present) {
        docent_client_log(c->config.client, DOCENT_LOG_WARNING, "contender.removed", c->node,
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
    } else if (contender_trouble(ev->status) == TROUBLE_LOST) {
        return;
    } else if (checking) {
        contender_go_later(c, CONTENDER_CHECKING);
    } else if (contender_trouble(ev->status) != TROUBLE_REFUSED) { /* Refused: the ACL does not let us read our own node. */
        docent_machine_retry(&c->machine);
    }
}

/* ---- Deleting. ---- */

static void contender_on_delete(struct contender *c, docent_status status)
{
    if (status == DOCENT_OK || status == DOCENT_ERR_NO_NODE) {
        c->known = CONTENDER_NODE_NONE;
        contender_go(c, CONTENDER_GONE);
    } else if (contender_trouble(status) != TROUBLE_LOST) {
        docent_client_log(c->config.client, DOCENT_LOG_WARNING, "contender.delete", c->node, "not removed yet: %s",
                          docent_status_text(status));
        contender_go_later(c, CONTENDER_DELETING);
    }
}

/* ---- Events. ---- */

static void contender_on_reply(struct contender *c, const struct docent_event *ev)
{
    switch ((enum contender_tag)ev->tag) {
    case TAG_CREATE: contender_on_create(c, ev); break;
    case TAG_LIST:
        if (c->state == CONTENDER_FINDING) {
            contender_on_find_list(c, ev);
        } else if (c->known == CONTENDER_NODE_OURS) {
            contender_on_rank_list(c, ev);
        } else if (c->known == CONTENDER_NODE_UNKNOWN && ev->status != DOCENT_OK) {
            c->list_refused = true; /* Replies come in order, so this one was not sent; the create was. */
        }
        break;
    case TAG_PARENT: contender_on_parent(c, ev->status); break;
    case TAG_SYNC:
        if (ev->status == DOCENT_OK || ev->status == DOCENT_ERR_NO_NODE) {
            contender_ask_op(c, docent_op_children(c->config.path), TAG_LIST);
        } else {
            contender_find_failed(c, ev->status);
        }
        break;
    case TAG_OWN:
        if (c->state == CONTENDER_FINDING) {
            contender_on_find_own(c, ev);
        } else {
            contender_on_own(c, ev);
        }
        break;
    case TAG_AHEAD: contender_on_ahead(c, ev->status); break;
    case TAG_DELETE: contender_on_delete(c, ev->status); break;
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
        switch (c->known) {
        case CONTENDER_NODE_NONE: contender_go(c, CONTENDER_CREATING); break;
        case CONTENDER_NODE_UNKNOWN: contender_go(c, CONTENDER_FINDING); break;
        case CONTENDER_NODE_OURS: contender_go(c, CONTENDER_RANKING); break; /* The list was lost. */
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
        docent_op get = docent_op_get(c->node);
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
    case DOCENT_EV_CLOSING: contender_end(c, DOCENT_ERR_CLOSING); break;
    }
}

/* ---- Life. ---- */

docent_status docent_contender_init(struct contender *c, const struct contender_config *config)
{
    docent_status status = docent_timer_reserve(config->client);
    if (status != DOCENT_OK) return status;

    c->path_size = strlen(config->path);
    c->node = docent_alloc(docent_client_allocator(config->client),
                           c->path_size + 1 + DIALECT_PREFIX_SIZE + DIALECT_SEQUENCE_MAX + 1);
    if (c->node == NULL) {
        docent_timer_release(config->client);
        return DOCENT_ERR_NO_MEMORY;
    }
    c->config = *config;
    c->state = CONTENDER_NEW;
    c->told = CONTENDER_WAITS;
    c->known = CONTENDER_NODE_NONE;
    c->verdict = DOCENT_OK;
    memcpy(c->node, config->path, c->path_size);
    c->node[c->path_size] = '/';
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
    docent_machine_fini(&c->machine);
    docent_timer_release(c->config.client);
    docent_free(docent_client_allocator(c->config.client), c->node);
    c->node = NULL;
}
