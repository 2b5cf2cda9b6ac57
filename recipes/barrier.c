/* recipes/barrier.c - docent_barrier: a node that is created, deleted, and waited for to go.
 *
 * Each call is an errand of its own. The happy paths: a set creates; a removal looks which node stands there and deletes that one; a wait
 * looks behind a sync, and again whenever the watch that the look left tells a change.
 *
 *          start        created, or there already
 *     set  ------> CREATING ---------------------------------> DONE
 *                  |  ^  ^ '-- reply lost --> FINDING --------> DONE (it is there; or it may have come and gone: unknown)
 *          NoNode  v  |  '---- never applied ---'
 *                PARENTS
 *     remove ----> REMOVING (removal.h) -----------------------> DONE
 *     wait ------> WAITING -- not there, told to be gone ------> DONE
 *                    ^---- any other change, reconnect
 *
 * Reply to the create lost. If the node is there the barrier is closed, and that is what was asked for. If it is not, then either the create
 * was never applied, or somebody has opened the barrier since; creating it again would close it behind the back of whoever opened it. The
 * nearest ancestor that exists decides: if no child of it has come or gone since the last transaction that we had seen when the create went
 * out (pzxid), the create was never applied, and goes out again. Else nobody can know.
 *
 * All of that in the session that sent the create, or when that is known to be over: before that a stray create may still be applied. */
#include <docent/barrier.h>

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "recipes/blocking.h"
#include "recipes/errand.h"
#include "recipes/parents.h"
#include "recipes/removal.h"
#include "recipes/trouble.h"

struct docent_barrier {
    struct errands all; /* First. */
    docent_dialect dialect;
};

enum barrier_state { BARRIER_NEW, BARRIER_CREATING, BARRIER_PARENTS, BARRIER_FINDING, BARRIER_REMOVING, BARRIER_WAITING, BARRIER_STATES };

static const char *const barrier_state_name[BARRIER_STATES] = {
    [BARRIER_NEW] = "NEW",         [BARRIER_CREATING] = "CREATING", [BARRIER_PARENTS] = "PARENTS",
    [BARRIER_FINDING] = "FINDING", [BARRIER_REMOVING] = "REMOVING", [BARRIER_WAITING] = "WAITING",
};

#define TO(name) (1u << BARRIER_##name)
static const unsigned barrier_next[BARRIER_STATES] = {
    [BARRIER_NEW] = TO(CREATING) | TO(REMOVING) | TO(WAITING),
    [BARRIER_CREATING] = TO(CREATING) | TO(PARENTS) | TO(FINDING),
    [BARRIER_PARENTS] = TO(PARENTS) | TO(CREATING),
    [BARRIER_FINDING] = TO(FINDING) | TO(CREATING),
    [BARRIER_REMOVING] = TO(REMOVING),
    [BARRIER_WAITING] = TO(WAITING),
};

enum barrier_tag { TAG_CREATE, TAG_PARENT, TAG_SYNC, TAG_THERE, TAG_ANCESTOR }; /* And those of the removal. */
enum { BARRIER_PARENTS_MAX = 64 }; /* Rounds; then something deletes them as fast as we make them. */

struct barrier_call {
    struct errand errand; /* First. */
    struct docent_barrier *barrier;
    enum barrier_state state;
    bool one_look;
    bool doubt;          /* CREATING: a create is out. REMOVING: a delete of an earlier session may still be applied. */
    bool synced;         /* What is looked at is not older than the call, or than the reconnect. */
    bool counted;        /* As a removal that nobody waits for. */
    int64_t zxid_before; /* Of the create that is in doubt: the last transaction seen before it. */
    uint64_t generation; /* And its session; or that of the delete. */
    size_t ancestor;     /* FINDING: bytes of path that name the one that is looked at. */
    struct parents parents;
    struct removal removal;
};

static struct barrier_call *call_of(struct errand *errand)
{
    return (struct barrier_call *)(void *)errand;
}

static void call_over(struct barrier_call *call, docent_status outcome)
{
    docent_errand_over(&call->errand, outcome);
}

/* ---- States, and what they ask for. ---- */

static void call_ask_create(struct barrier_call *call)
{
    const struct docent_barrier *b = call->barrier;
    struct docent_machine *m = &call->errand.machine;
    bool kazoo = b->dialect == DOCENT_DIALECT_KAZOO;
    docent_op create = docent_op_create(b->all.path, kazoo ? "" : NULL, 0, DOCENT_PERSISTENT);
    create.acl = b->all.acl;
    call->doubt = true;
    call->zxid_before = docent_client_last_zxid(b->all.handle.client);
    call->generation = docent_client_generation(b->all.handle.client);
    docent_ask(m, &create, TAG_CREATE);
}

static void call_ask_ancestor(struct barrier_call *call)
{
    char *path = call->barrier->all.path, kept = path[call->ancestor];
    path[call->ancestor] = '\0';
    docent_op exists = docent_op_exists(call->ancestor == 0 ? "/" : path);
    docent_ask(&call->errand.machine, &exists, TAG_ANCESTOR);
    path[call->ancestor] = kept;
}

static void call_ask_sync(struct barrier_call *call)
{
    docent_op sync = docent_op_sync(call->barrier->all.path);
    docent_ask(&call->errand.machine, &sync, TAG_SYNC);
}

/* While we are not online nothing is asked: EV_RESUMED comes back here. */
static void call_ask(struct barrier_call *call)
{
    struct docent_barrier *b = call->barrier;
    struct docent_machine *m = &call->errand.machine;
    docent_op exists = docent_op_exists(b->all.path), get = docent_op_get(b->all.path);
    if (!docent_machine_online(m)) return;
    switch (call->state) {
    case BARRIER_CREATING: call_ask_create(call); break;
    case BARRIER_PARENTS:
        docent_parents_ask(&call->parents, m, b->all.path, b->all.parent_mode, b->all.acl, TAG_PARENT);
        break;
    case BARRIER_FINDING:
        call->synced = false;
        call->ancestor = b->all.parent_size;
        call_ask_sync(call);
        docent_ask(m, &exists, TAG_THERE);
        break;
    case BARRIER_REMOVING: docent_removal_ask(&call->removal, m); break;
    case BARRIER_WAITING:
        if (!call->synced) call_ask_sync(call);
        docent_ask_watch(m, &get, TAG_THERE); /* Which leaves nothing on a node that is gone. */
        break;
    case BARRIER_NEW: break;
    case BARRIER_STATES: abort();
    }
}

static void call_enter(struct barrier_call *call, enum barrier_state next)
{
    assert(barrier_next[call->state] & (1u << next));
    (void)barrier_next;
    docent_trace(&call->errand.machine, "barrier", call->barrier->all.path, barrier_state_name[call->state], barrier_state_name[next]);
    docent_meter_state(&call->barrier->all.meter, call->barrier->all.handle.client, barrier_state_name[next]);
    call->state = next;
    docent_machine_next_turn(&call->errand.machine); /* Replies and watches of earlier states no longer reach us. */
}

static void call_go(struct barrier_call *call, enum barrier_state next)
{
    call_enter(call, next);
    call_ask(call);
}

/* @next asks when the client's backoff has passed, or the connection has come back. */
static void call_go_later(struct barrier_call *call, enum barrier_state next, docent_status why)
{
    call_enter(call, next);
    docent_meter_reason(&call->barrier->all.meter, call->barrier->all.handle.client, why);
    docent_machine_retry(&call->errand.machine);
}

/* Something that changes nothing failed. */
static void call_ask_again(struct barrier_call *call, docent_status status)
{
    switch (docent_trouble(status)) {
    case TROUBLE_LOST: docent_meter_reason(&call->barrier->all.meter, call->barrier->all.handle.client, status); break;
    case TROUBLE_BUSY:
    case TROUBLE_UNSURE: call_go_later(call, call->state, status); break;
    case TROUBLE_REFUSED: call_over(call, status); break;
    }
}

/* ---- Setting. ---- */

static void call_on_create(struct barrier_call *call, const struct docent_event *ev)
{
    bool unsure = false;
    switch ((int)ev->status) {
    case DOCENT_OK:
    case DOCENT_ERR_NODE_EXISTS: call_over(call, DOCENT_OK); return;
    case DOCENT_ERR_NO_NODE:
        call->doubt = false;
        docent_parents_begin(&call->parents, call->barrier->all.parent_size);
        if (call->parents.rounds > BARRIER_PARENTS_MAX || call->barrier->all.parent_size == 0) {
            call_over(call, DOCENT_ERR_NO_NODE);
        } else {
            call_go(call, BARRIER_PARENTS);
        }
        return;
    default: break;
    }
    switch (docent_trouble(ev->status)) {
    case TROUBLE_LOST: unsure = ev->sent; break;
    case TROUBLE_BUSY: unsure = ev->status == DOCENT_ERR_NO_MEMORY && ev->sent; break;
    case TROUBLE_UNSURE: unsure = true; break;
    case TROUBLE_REFUSED: call_over(call, ev->status); return;
    }
    call->doubt = unsure;
    if (docent_trouble(ev->status) == TROUBLE_LOST) {
        call_enter(call, unsure ? BARRIER_FINDING : BARRIER_CREATING); /* EV_RESUMED asks. */
        docent_meter_reason(&call->barrier->all.meter, call->barrier->all.handle.client, ev->status);
    } else {
        call_go_later(call, unsure ? BARRIER_FINDING : BARRIER_CREATING, ev->status);
    }
}

static void call_on_parent(struct barrier_call *call, docent_status status)
{
    struct docent_barrier *b = call->barrier;
    switch (docent_parents_on_reply(&call->parents, b->all.path, &b->all.parent_mode, status)) {
    case PARENTS_READY: call_go(call, BARRIER_CREATING); break;
    case PARENTS_MORE:
        if (call->parents.rounds > BARRIER_PARENTS_MAX + b->all.parent_size) {
            call_over(call, DOCENT_ERR_NO_NODE);
        } else {
            call_go(call, BARRIER_PARENTS);
        }
        break;
    case PARENTS_ROOTLESS: call_over(call, DOCENT_ERR_NO_NODE); break;
    case PARENTS_FAILED: call_ask_again(call, status); break;
    }
}

/* The node is not there. Was it ever, since? */
static void call_on_ancestor(struct barrier_call *call, const struct docent_event *ev)
{
    if (ev->status == DOCENT_ERR_NO_NODE && call->ancestor > 0) {
        do call->ancestor--;
        while (call->barrier->all.path[call->ancestor] != '/');
        call_ask_ancestor(call);
        return;
    }
    if (ev->status != DOCENT_OK) {
        call_ask_again(call, ev->status);
        return;
    }
    bool final = docent_client_settled_since(call->barrier->all.handle.client, call->generation);
    if (final && ev->result->stat.pzxid <= call->zxid_before) {
        call->doubt = false;
        call_go(call, BARRIER_CREATING);
    } else {
        call_over(call, DOCENT_ERR_UNKNOWN_OUTCOME);
    }
}

static void call_on_find(struct barrier_call *call, const struct docent_event *ev)
{
    if (ev->tag == TAG_ANCESTOR) {
        call_on_ancestor(call, ev);
    } else if (ev->status != DOCENT_OK && ev->status != DOCENT_ERR_NO_NODE) {
        call_ask_again(call, ev->status);
    } else if (ev->tag == TAG_SYNC) {
        call->synced = true;
    } else if (ev->status == DOCENT_OK) {
        call_over(call, DOCENT_OK);
    } else if (call->synced) {
        call_ask_ancestor(call);
    }
}

/* ---- Removing. ---- */

static void call_on_removal(struct barrier_call *call, const struct docent_event *ev)
{
    call->doubt = (call->doubt || call->removal.sent) && !docent_client_settled_since(call->barrier->all.handle.client, call->generation);
    switch (docent_removal_on_reply(&call->removal, &call->errand.machine, ev)) {
    case REMOVAL_GOING_ON: break;
    case REMOVAL_VERSION: break; /* Any will do. */
    case REMOVAL_SEEN:
        if (!call->doubt) call->generation = ev->generation; /* Else of the delete that may still come. */
        docent_removal_ask(&call->removal, &call->errand.machine);
        break;
    case REMOVAL_GONE: call_over(call, call->doubt ? DOCENT_ERR_UNKNOWN_OUTCOME : DOCENT_OK); break;
    case REMOVAL_FAILED:
        if (ev->status == DOCENT_ERR_NOT_EMPTY) {
            call_over(call, ev->status);
        } else {
            call_ask_again(call, ev->status);
        }
        break;
    }
}

/* The application has its answer. Once the node meant was seen it will go; nothing else will. */
static void call_remove_behind(struct barrier_call *call, docent_status why)
{
    if (!call->removal.seen_once) {
        call_over(call, why);
        return;
    }
    docent_promise_keep(&call->errand.promise, why);
    if (!call->counted) docent_client_removal_begins(call->barrier->all.handle.client);
    call->counted = true;
}

/* ---- Waiting. ---- */

static void call_on_look(struct barrier_call *call, const struct docent_event *ev)
{
    if (ev->status != DOCENT_OK && ev->status != DOCENT_ERR_NO_NODE) {
        if (call->one_look) {
            call_over(call, DOCENT_ERR_TIMEOUT);
        } else {
            call_ask_again(call, ev->status);
        }
    } else if (ev->tag == TAG_SYNC) {
        call->synced = true;
    } else if (!call->synced) {
        return; /* The sync has failed, and that has been seen to. */
    } else if (ev->status == DOCENT_ERR_NO_NODE) {
        call_over(call, DOCENT_OK);
    } else if (call->one_look) {
        call_over(call, DOCENT_ERR_TIMEOUT);
    } else {
        docent_machine_calm(&call->errand.machine);
        docent_meter_reason(&call->barrier->all.meter, call->barrier->all.handle.client, DOCENT_OK);
    }
}

/* Told to be gone it was open, if only for a moment, and behind the sync that moment is after the call. Else: look. */
static void call_on_change(struct barrier_call *call, docent_watch_type change)
{
    if (change == DOCENT_WATCH_DELETED && call->synced) {
        call_over(call, DOCENT_OK);
    } else {
        call_go(call, BARRIER_WAITING);
    }
}

/* No more of it. Nothing goes on behind the application's back that could surprise it. */
static void call_give_up(struct errand *errand, docent_status why)
{
    struct barrier_call *call = call_of(errand);
    bool doubt = call->state == BARRIER_CREATING || call->state == BARRIER_FINDING ? call->doubt : false;
    if (call->state == BARRIER_REMOVING) {
        call_remove_behind(call, why);
    } else {
        call_over(call, doubt && why == DOCENT_ERR_TIMEOUT ? DOCENT_ERR_UNKNOWN_OUTCOME : why);
    }
}

/* ---- Events. ---- */

static void call_on_reply(struct barrier_call *call, const struct docent_event *ev)
{
    switch (call->state) {
    case BARRIER_CREATING: call_on_create(call, ev); break;
    case BARRIER_PARENTS: call_on_parent(call, ev->status); break;
    case BARRIER_FINDING: call_on_find(call, ev); break;
    case BARRIER_REMOVING: call_on_removal(call, ev); break;
    case BARRIER_WAITING: call_on_look(call, ev); break;
    case BARRIER_NEW: break;
    case BARRIER_STATES: abort();
    }
}

static void call_on_event(struct errand *errand, const struct docent_event *ev)
{
    struct barrier_call *call = call_of(errand);
    switch (ev->type) {
    case DOCENT_EV_REPLY: call_on_reply(call, ev); break;
    case DOCENT_EV_WATCH: call_on_change(call, ev->change); break;
    case DOCENT_EV_TIMER: call_ask(call); break;
    case DOCENT_EV_SUSPENDED:
        if (call->one_look && docent_promise_is_open(&errand->promise)) call_give_up(errand, DOCENT_ERR_TIMEOUT);
        break;
    case DOCENT_EV_RESUMED:
        docent_machine_calm(&errand->machine);
        call_go(call, call->state);
        break;
    case DOCENT_EV_EXPIRED: call->synced = false; break; /* Nothing of ours goes with it; EV_RESUMED goes on. */
    case DOCENT_EV_CLOSING: break;
    }
}

static void call_late(struct errand *errand)
{
    call_give_up(errand, DOCENT_ERR_TIMEOUT);
}

static void call_fini(struct errand *errand, docent_status why)
{
    struct barrier_call *call = call_of(errand);
    (void)why;
    if (call->counted) docent_client_removal_ends(call->barrier->all.handle.client);
}

static const struct errand_kind barrier_call_kind = {
    .name = "barrier",
    .on_event = call_on_event,
    .late = call_late,
    .end = call_give_up,
    .fini = call_fini,
};

/* ---- The handle. ---- */

static struct docent_barrier *barrier_of(struct handle *handle)
{
    return (struct docent_barrier *)(void *)handle;
}

docent_status docent_barrier_new(docent_client *client, const char *path, const docent_barrier_options *options,
                                 docent_barrier **ret_barrier)
{
    docent_barrier_options full = { DOCENT_BARRIER_OPTIONS };
    if (client == NULL || path == NULL || ret_barrier == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    if (!docent_options_take(&full, sizeof full, options)) return DOCENT_ERR_INVALID_ARGUMENT;
    if (full.dialect != DOCENT_DIALECT_CURATOR && full.dialect != DOCENT_DIALECT_KAZOO) return DOCENT_ERR_INVALID_ARGUMENT;
    struct errands *all;
    docent_status status = docent_errands_new(client, path, full.acl, sizeof(struct docent_barrier), &all);
    if (status != DOCENT_OK) return status;
    if (full.dialect == DOCENT_DIALECT_KAZOO) all->parent_mode = DOCENT_PERSISTENT;
    *ret_barrier = (docent_barrier *)(void *)all;
    (*ret_barrier)->dialect = full.dialect;
    return DOCENT_OK;
}

static docent_status barrier_call(struct docent_barrier *b, enum barrier_state first, uint32_t timeout_ms, docent_done_fn done, void *user)
{
    struct errand *errand;
    docent_status status = docent_errands_call(b == NULL ? NULL : &b->all, &barrier_call_kind, sizeof(struct barrier_call), timeout_ms, done, user, &errand);
    if (status != DOCENT_OK) return status;
    struct barrier_call *call = call_of(errand);
    call->barrier = b;
    call->one_look = timeout_ms == DOCENT_NO_WAIT;
    call->removal = (struct removal){ .path = b->all.path, .version = DOCENT_ANY_VERSION };
    if (call->one_look && !docent_machine_online(&errand->machine)) {
        call_over(call, DOCENT_ERR_TIMEOUT);
    } else {
        call_go(call, first);
    }
    return DOCENT_OK;
}

docent_status docent_barrier_set_async(docent_barrier *barrier, uint32_t timeout_ms, docent_done_fn done, void *user)
{
    return barrier_call(barrier, BARRIER_CREATING, timeout_ms, done, user);
}

docent_status docent_barrier_remove_async(docent_barrier *barrier, uint32_t timeout_ms, docent_done_fn done, void *user)
{
    return barrier_call(barrier, BARRIER_REMOVING, timeout_ms, done, user);
}

docent_status docent_barrier_wait_async(docent_barrier *barrier, uint32_t timeout_ms, docent_done_fn done, void *user)
{
    return barrier_call(barrier, BARRIER_WAITING, timeout_ms, done, user);
}

docent_status docent_barrier_info(docent_barrier *barrier, docent_recipe_info *ret_info)
{
    return docent_errands_info(barrier == NULL ? NULL : &barrier->all, ret_info);
}

void docent_barrier_close(docent_barrier *barrier, void (*closed)(void *user), void *user)
{
    docent_handle_close(barrier == NULL ? NULL : &barrier->all.handle, closed, user);
}

/* ---- The blocking forms. ---- */

static docent_status barrier_verb_set(struct handle *handle, uint32_t timeout_ms, docent_done_fn done, void *user)
{
    return docent_barrier_set_async(barrier_of(handle), timeout_ms, done, user);
}

static docent_status barrier_verb_remove(struct handle *handle, uint32_t timeout_ms, docent_done_fn done, void *user)
{
    return docent_barrier_remove_async(barrier_of(handle), timeout_ms, done, user);
}

static docent_status barrier_verb_wait(struct handle *handle, uint32_t timeout_ms, docent_done_fn done, void *user)
{
    return docent_barrier_wait_async(barrier_of(handle), timeout_ms, done, user);
}

docent_status docent_barrier_set(docent_barrier *barrier, uint32_t timeout_ms)
{
    return docent_wait_verb(barrier == NULL ? NULL : &barrier->all.handle, barrier_verb_set, timeout_ms);
}

docent_status docent_barrier_remove(docent_barrier *barrier, uint32_t timeout_ms)
{
    return docent_wait_verb(barrier == NULL ? NULL : &barrier->all.handle, barrier_verb_remove, timeout_ms);
}

docent_status docent_barrier_wait(docent_barrier *barrier, uint32_t timeout_ms)
{
    return docent_wait_verb(barrier == NULL ? NULL : &barrier->all.handle, barrier_verb_wait, timeout_ms);
}
