/* recipes/node_write.c - see node_write.h: the loop. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "recipes/node_write.h"

enum { WRITE_ROUNDS_AT_ONCE = 8 }; /* Of parents, and between create and set, that are not paced. */

static const char *const write_state_name[WRITE_STATES] = {
    [WRITE_EXISTS] = "EXISTS",   [WRITE_CREATING] = "CREATING", [WRITE_PARENTS] = "PARENTS",  [WRITE_FINDING] = "FINDING",
    [WRITE_LOOKING] = "LOOKING", [WRITE_SETTING] = "SETTING",   [WRITE_REMOVING] = "REMOVING",
};

#define TO(name) (1u << WRITE_##name)
static const unsigned write_next[WRITE_STATES] = {
    [WRITE_EXISTS] = TO(PARENTS),
    [WRITE_CREATING] = TO(PARENTS) | TO(FINDING) | TO(LOOKING) | TO(SETTING) | TO(REMOVING) | TO(CREATING),
    [WRITE_PARENTS] = TO(CREATING),
    [WRITE_FINDING] = TO(CREATING) | TO(REMOVING),
    [WRITE_LOOKING] = TO(CREATING) | TO(SETTING),
    [WRITE_SETTING] = TO(CREATING) | TO(LOOKING),
};

void docent_write_enter(struct write_call *w, enum write_state next)
{
    assert(w->state == next || (write_next[w->state] & (1u << next)));
    (void)write_next;
    docent_trace(&w->call.machine, "node", w->call.path, write_state_name[w->state], write_state_name[next]);
    w->state = next;
}

void docent_write_go(struct write_call *w, enum write_state next)
{
    docent_write_enter(w, next);
    docent_node_step(&w->call);
}

/* The same, paced when it goes on and on. */
void docent_write_go_round(struct write_call *w, enum write_state next)
{
    docent_write_enter(w, next);
    if (++w->rounds > WRITE_ROUNDS_AT_ONCE) {
        docent_node_later(&w->call);
    } else {
        docent_node_step(&w->call);
    }
}

/* ---- Asking. ---- */

static void write_remember(struct write_call *w, docent_op_type type)
{
    if (w->call.doubt && w->sent.type == type) return; /* The first sending is the one to be found out about. */
    w->sent = (struct docent_lost_write){
        .type = type,
        .data = w->call.data,
        .size = w->call.size,
        .version = w->version,
        .mode = w->mode,
        .zxid_before = docent_client_last_zxid(w->call.machine.client),
        .session_id = docent_client_session(w->call.machine.client, NULL),
    };
}

static void write_ask_create(struct write_call *w)
{
    struct node_call *call = &w->call;
    uint64_t generation = docent_client_generation(call->machine.client);

    /* An earlier session that is over took its ephemeral along. */
    bool other_session = w->sent.session_id != docent_client_session(call->machine.client, NULL);
    if (call->doubt && docent_write_is_ephemeral(w->mode) && other_session) docent_node_doubt_moot(call);
    docent_op create = docent_op_create(w->protect ? w->own.path : call->path, call->data, call->size, w->mode);
    create.acl = w->acl;
    create.ttl_ms = w->ttl_ms;
    if (w->protect) {
        assert(w->own.known == PROTECTED_NONE);
        w->sent_generation = generation;
        w->final_ms = 0;
        docent_protected_ask_create(&w->own, &call->machine, &create, TAG_CREATE);
    } else {
        write_remember(w, DOCENT_OP_CREATE);
        docent_node_changes(call);
        docent_ask(&call->machine, &create, TAG_CREATE);
    }
}

static void write_ask_op(struct write_call *w, docent_op op, int tag)
{
    docent_ask(&w->call.machine, &op, tag);
}

void docent_write_ask(struct node_call *call)
{
    struct write_call *w = docent_write_of(call);

    switch (w->state) {
    case WRITE_EXISTS: write_ask_op(w, docent_op_exists(call->path), TAG_EXISTS); break;
    case WRITE_CREATING: write_ask_create(w); break;
    case WRITE_PARENTS:
        docent_parents_ask(&w->parents, &call->machine, call->path, w->parent_mode, w->parents_acl, TAG_PARENT);
        break;
    case WRITE_FINDING: docent_protected_ask_find(&w->own, &call->machine); break;
    case WRITE_LOOKING:
        write_ask_op(w, docent_op_sync(call->path), TAG_SYNC);
        write_ask_op(w, docent_op_get(call->path), TAG_LOOK);
        break;
    case WRITE_SETTING:
        write_remember(w, DOCENT_OP_SET);
        docent_node_changes(call);
        write_ask_op(w, docent_op_set(call->path, call->data, call->size, w->version), TAG_SET);
        break;
    case WRITE_REMOVING: docent_removal_ask(&w->removal, &call->machine); break;
    case WRITE_STATES: abort();
    }
}

/* ---- Creating. ---- */

void docent_write_parents_missing(struct write_call *w)
{
    bool is_root = w->call.path_size == 1;
    size_t whole = is_root ? 0 : w->ensures ? w->call.path_size : (size_t)(w->name - w->call.path - 1);

    if (w->call.told) {
        docent_node_end(&w->call, DOCENT_ERR_NO_NODE);
    } else if (!w->makes_parents || whole == 0) { /* What is missing is "/": not ours to make. */
        docent_node_failed(&w->call, DOCENT_ERR_NO_NODE, true);
    } else {
        docent_parents_begin(&w->parents, whole);
        docent_write_go_round(w, WRITE_PARENTS);
    }
}

static void write_on_parent(struct write_call *w, const struct docent_event *ev)
{
    switch (docent_parents_on_reply(&w->parents, w->call.path, &w->parent_mode, ev->status)) {
    case PARENTS_READY:
        if (w->ensures) {
            docent_node_end(&w->call, DOCENT_OK);
        } else {
            docent_write_go(w, WRITE_CREATING);
        }
        break;
    case PARENTS_MORE:
        if (w->parents.rounds > WRITE_ROUNDS_AT_ONCE + w->call.path_size) {
            docent_node_later(&w->call); /* Somebody deletes as fast as we make. */
        } else {
            docent_node_step(&w->call);
        }
        break;
    case PARENTS_ROOTLESS:
    case PARENTS_FAILED: docent_node_failed(&w->call, ev->status, ev->sent); break;
    }
}

/* The node is there, and we did not make it, or do not know that we did. */
static void write_on_exists(struct write_call *w, docent_status status)
{
    bool sets = w->if_exists == DOCENT_IF_EXISTS_SET || w->if_exists == DOCENT_IF_EXISTS_SET_VERSION;

    w->conflict = status;
    if (w->if_exists == DOCENT_IF_EXISTS_SET) docent_node_doubt_moot(&w->call); /* Whoever made it: it is set now. */
    if (w->call.doubt || w->if_exists == DOCENT_IF_EXISTS_SAME) {
        docent_write_go(w, WRITE_LOOKING);
    } else if (sets) {
        docent_write_go_round(w, WRITE_SETTING);
    } else {
        docent_node_failed(&w->call, status, true);
    }
}

/* The server's name of it, which has the number. */
static void write_take_path(struct write_call *w, const docent_result *result)
{
    size_t size = result->path == NULL ? 0 : strlen(result->path);

    if (size > 0 && size <= w->call.path_size + PROTECTED_SEQUENCE_MAX) memcpy(w->call.path, result->path, size + 1);
}

static void write_on_create(struct write_call *w, const struct docent_event *ev)
{
    if (ev->status == DOCENT_OK) {
        write_take_path(w, ev->result);
        docent_node_succeed(&w->call, ev->result);
    } else if (ev->status == DOCENT_ERR_NODE_EXISTS) {
        write_on_exists(w, ev->status);
    } else if (ev->status == DOCENT_ERR_NO_NODE) {
        if (w->makes_parents) docent_node_doubt_moot(&w->call); /* Its parent is not there, so neither is it. */
        docent_write_parents_missing(w);
    } else {
        if (docent_node_leaves_doubt(ev)) {
            docent_node_doubt(&w->call);
            if (docent_mode_is_sequential(w->mode)) {
                docent_node_end(&w->call, DOCENT_ERR_UNKNOWN_OUTCOME);
                return;
            }
        }
        docent_node_failed(&w->call, ev->status, ev->sent);
    }
}

/* ---- Setting. ---- */

static void write_on_set(struct write_call *w, const struct docent_event *ev)
{
    bool in_doubt = w->call.doubt && w->sent.type == DOCENT_OP_SET;

    if (ev->status == DOCENT_OK) {
        docent_node_succeed(&w->call, ev->result);
    } else if (ev->status == DOCENT_ERR_BAD_VERSION && (in_doubt || w->same_is_good)) {
        w->conflict = ev->status;
        docent_write_go(w, WRITE_LOOKING);
    } else if (ev->status == DOCENT_ERR_NO_NODE && w->creates && (!in_doubt || w->version == DOCENT_ANY_VERSION)) {
        docent_node_doubt_moot(&w->call);
        docent_write_go_round(w, WRITE_CREATING);
    } else { /* An answer to a second sending says nothing of the first: set by us and then deleted, or deleted before? */
        if (docent_node_leaves_doubt(ev)) docent_node_doubt(&w->call);
        docent_node_failed(&w->call, ev->status, ev->sent);
    }
}

/* ---- Looking. ---- */

static bool write_is_same(const struct write_call *w, const docent_result *node)
{
    if (node->data == NULL || w->call.data == NULL) return node->data == NULL && w->call.data == NULL;
    return node->size == w->call.size && memcmp(node->data, w->call.data, node->size) == 0;
}

static void write_decide(struct write_call *w, docent_status status, const docent_result *node)
{
    docent_node_doubt_over(&w->call);
    if (status == DOCENT_OK) {
        docent_node_succeed(&w->call, node);
    } else {
        docent_node_failed(&w->call, status, true);
    }
}

static void write_on_look_after_create(struct write_call *w, const docent_result *node)
{
    docent_status status = w->call.doubt ? docent_lost_write_found(&w->sent, w->conflict, node) : w->conflict;

    switch (w->if_exists) {
    case DOCENT_IF_EXISTS_FAIL: write_decide(w, status, node); break;
    case DOCENT_IF_EXISTS_SAME:
        if (node->status == DOCENT_ERR_NO_NODE) {
            docent_node_doubt_moot(&w->call);
            docent_write_go_round(w, WRITE_CREATING);
        } else {
            write_decide(w, node->stat.version == 0 && write_is_same(w, node) ? DOCENT_OK : status, node);
        }
        break;
    case DOCENT_IF_EXISTS_SET_VERSION:
        if (status == w->conflict) { /* Somebody else made it. */
            docent_node_doubt_over(&w->call);
            docent_write_go_round(w, WRITE_SETTING);
        } else {
            write_decide(w, status, node);
        }
        break;
    case DOCENT_IF_EXISTS_SET: abort(); /* There is nothing to look for. */
    }
}

static void write_on_look_after_set(struct write_call *w, const docent_result *node)
{
    bool follows = node->status == DOCENT_OK && node->stat.version == (int32_t)((uint32_t)w->version + 1);

    if (w->same_is_good && follows && write_is_same(w, node)) {
        write_decide(w, DOCENT_OK, node);
    } else if (w->call.doubt) {
        write_decide(w, docent_lost_write_found(&w->sent, w->conflict, node), node);
    } else {
        write_decide(w, w->conflict, node);
    }
}

static void write_on_look(struct write_call *w, const struct docent_event *ev)
{
    if (ev->status != DOCENT_OK && ev->status != DOCENT_ERR_NO_NODE) {
        docent_node_failed(&w->call, ev->status, ev->sent);
    } else if (w->conflict == DOCENT_ERR_NODE_EXISTS) {
        write_on_look_after_create(w, ev->result);
    } else {
        write_on_look_after_set(w, ev->result);
    }
}

/* ---- Events. ---- */

void docent_write_on_reply(struct node_call *call, const struct docent_event *ev)
{
    struct write_call *w = docent_write_of(call);

    if (w->state == WRITE_FINDING) {
        docent_write_on_find(w, ev);
        return;
    }
    if (w->state == WRITE_REMOVING) {
        docent_write_on_removal(w, ev);
        return;
    }
    switch ((enum write_tag)ev->tag) {
    case TAG_EXISTS:
        if (ev->status == DOCENT_OK) {
            docent_node_succeed(call, ev->result);
        } else if (ev->status == DOCENT_ERR_NO_NODE) {
            docent_write_parents_missing(w);
        } else {
            docent_node_failed(call, ev->status, ev->sent);
        }
        break;
    case TAG_CREATE:
        if (w->protect) {
            docent_write_on_protected(w, ev);
        } else {
            write_on_create(w, ev);
        }
        break;
    case TAG_PARENT: write_on_parent(w, ev); break;
    case TAG_SYNC: /* What a look without its sync shows may be old. */
        if (ev->status != DOCENT_OK && ev->status != DOCENT_ERR_NO_NODE) docent_node_failed(call, ev->status, ev->sent);
        break;
    case TAG_LOOK: write_on_look(w, ev); break;
    case TAG_SET: write_on_set(w, ev); break;
    }
}
