/* recipes/sync_queue.c - docent_sync_queue: rounds with numbers, which members join, start and leave by transactions.
 *
 *           the round, and its version        made              enough have come, or the round has moved on
 *     LOOKING ---------------------> JOINING ------> GATHERING -------------------------------------------> started
 *      | ^ ^ '--- the round has moved on ---'|         ^  |  ^ changed, reconnect                              |
 *      v | '------------- not there --- FINDING --there'  |  '---'                                            v
 *     MAKING, PARENTS                                     v deadline                                      REMOVING --> over
 *                                                    WITHDRAWING --> started, or out
 *
 * The path's own node says which round gathers. We join by a transaction that checks its version and makes our node, which has the round's number
 * in its name; so a node of a round was made while that round gathered. When the children may be enough they are listed; the
 * transaction that starts a round checks that so many of its nodes are there, and sets the number under the version that was read. Everybody
 * watches that node, and is told. Withdrawing checks the version, too, and deletes: it succeeds only if the round gathers still.
 *
 * A lost reply to joining: our node is looked for, behind a sync, by its whole name. To starting: the round's number is read again. To
 * withdrawing: the connection went, and with it the chance to know; we are out, and what is left of us is removed. */
#include "recipes/sync_queue_internal.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "recipes/blocking.h"

static const char *const gather_state_name[GATHER_STATES] = {
    [GATHER_NEW] = "NEW",         [GATHER_LOOKING] = "LOOKING", [GATHER_MAKING] = "MAKING",       [GATHER_PARENTS] = "PARENTS",
    [GATHER_JOINING] = "JOINING", [GATHER_FINDING] = "FINDING", [GATHER_GATHERING] = "GATHERING", [GATHER_WITHDRAWING] = "WITHDRAWING",
    [GATHER_REMOVING] = "REMOVING",
};

#define TO(name) (1u << GATHER_##name)
static const unsigned gather_next[GATHER_STATES] = {
    [GATHER_NEW] = TO(LOOKING),
    [GATHER_LOOKING] = TO(LOOKING) | TO(MAKING) | TO(JOINING),
    [GATHER_MAKING] = TO(MAKING) | TO(PARENTS) | TO(LOOKING),
    [GATHER_PARENTS] = TO(PARENTS) | TO(MAKING),
    [GATHER_JOINING] = TO(LOOKING) | TO(FINDING) | TO(GATHERING) | TO(WITHDRAWING) | TO(REMOVING),
    [GATHER_FINDING] = TO(FINDING) | TO(LOOKING) | TO(GATHERING) | TO(WITHDRAWING) | TO(REMOVING),
    [GATHER_GATHERING] = TO(GATHERING) | TO(WITHDRAWING) | TO(REMOVING),
    [GATHER_WITHDRAWING] = TO(WITHDRAWING) | TO(REMOVING),
    [GATHER_REMOVING] = TO(REMOVING),
};

static struct gathering *gathering_of(struct errand *errand)
{
    return (struct gathering *)(void *)errand;
}

void docent_gather_over(struct gathering *g, docent_status outcome)
{
    docent_errand_over(&g->errand, outcome);
}

void docent_gather_ask_op(struct gathering *g, docent_op op, int tag)
{
    docent_ask(gather_machine(g), &op, tag);
}

/* ---- States, and what they ask for. ---- */

static void gather_ask_join(struct gathering *g)
{
    const struct errands *all = &g->queue->all;
    snprintf(g->own + strlen(all->path), 1 + GATHER_ROUND + 1 + GATHER_UUID + 1, "/%" PRId64 "-%s", g->round, g->uuid);
    docent_op ops[] = { docent_op_check(all->path, g->version), docent_op_create(g->own, "", 0, DOCENT_EPHEMERAL) };
    ops[1].acl = all->acl;
    g->known = KNOWN_UNSURE;
    docent_gather_ask_op(g, docent_op_multi(ops, 2), TAG_JOIN);
}

static void gather_ask_withdraw(struct gathering *g)
{
    docent_op ops[] = { docent_op_check(g->queue->all.path, g->version), docent_op_delete(g->own, DOCENT_ANY_VERSION) };
    docent_gather_ask_op(g, docent_op_multi(ops, 2), TAG_WITHDRAW);
}

/* While we are not online nothing is asked: EV_RESUMED comes back here. */
static void gather_ask(struct gathering *g)
{
    struct errands *all = &g->queue->all;
    docent_op base = docent_op_get(all->path), make = docent_op_create(all->path, "0", 1, DOCENT_PERSISTENT);
    make.acl = all->acl;
    if (!docent_machine_online(gather_machine(g))) return;
    switch (g->state) {
    case GATHER_LOOKING: docent_ask(gather_machine(g), &base, TAG_BASE); break;
    case GATHER_MAKING: docent_ask(gather_machine(g), &make, TAG_MAKE); break;
    case GATHER_PARENTS: docent_parents_ask(&g->parents, gather_machine(g), all->path, all->parent_mode, all->acl, TAG_PARENT); break;
    case GATHER_JOINING: gather_ask_join(g); break;
    case GATHER_FINDING:
        docent_gather_ask_op(g, docent_op_sync(all->path), TAG_SYNC);
        break;
    case GATHER_GATHERING: docent_ask_watch(gather_machine(g), &base, TAG_BASE); break;
    case GATHER_WITHDRAWING: gather_ask_withdraw(g); break;
    case GATHER_REMOVING: docent_removal_ask(&g->removal, gather_machine(g)); break;
    case GATHER_NEW: break;
    case GATHER_STATES: abort();
    }
}

void docent_gather_enter(struct gathering *g, enum gather_state next)
{
    struct errands *all = &g->queue->all;
    assert(gather_next[g->state] & (1u << next));
    (void)gather_next;
    docent_trace(gather_machine(g), "sync_queue", g->own, gather_state_name[g->state], gather_state_name[next]);
    docent_meter_state(&all->meter, all->handle.client, gather_state_name[next]);
    if (next == GATHER_REMOVING && g->state != next) docent_client_removal_begins(all->handle.client);
    g->state = next;
    docent_machine_next_turn(gather_machine(g)); /* Replies and watches of earlier states no longer reach us. */
}

void docent_gather_go(struct gathering *g, enum gather_state next)
{
    docent_gather_enter(g, next);
    gather_ask(g);
}

void docent_gather_go_later(struct gathering *g, enum gather_state next, docent_status why)
{
    docent_gather_enter(g, next);
    docent_meter_reason(&g->queue->all.meter, g->queue->all.handle.client, why);
    docent_machine_retry(gather_machine(g));
}

/* ---- What becomes of it. ---- */

void docent_gather_clean_up(struct gathering *g, docent_status outcome)
{
    docent_promise_keep(&g->errand.promise, outcome);
    if (g->verdict == DOCENT_OK) g->verdict = outcome == DOCENT_OK ? DOCENT_ERR_CANCELLED : outcome;
    if (g->known == KNOWN_NONE) {
        docent_gather_over(g, outcome);
    } else {
        docent_gather_go(g, GATHER_REMOVING);
    }
}

void docent_gather_started(struct gathering *g)
{
    if (g->round > docent_shared_get(&g->queue->round)) docent_shared_set(&g->queue->round, g->round);
    docent_gather_clean_up(g, DOCENT_OK);
}

void docent_gather_give_up(struct gathering *g, docent_status why)
{
    if (g->verdict != DOCENT_OK) return;
    g->verdict = why;
    bool asks = why == DOCENT_ERR_TIMEOUT && g->known != KNOWN_NONE && docent_machine_online(gather_machine(g));
    if (!asks) {
        docent_promise_keep(&g->errand.promise, why);
        if (g->known != KNOWN_UNSURE) docent_gather_clean_up(g, why); /* Else JOINING and FINDING find out first. */
        return;
    }
    docent_errand_deadline(&g->errand, GATHER_GRACE_MS);
    if (g->known == KNOWN_THERE) docent_gather_go(g, GATHER_WITHDRAWING);
}

void docent_gather_ask_again(struct gathering *g, docent_status status)
{
    switch (docent_trouble(status)) {
    case TROUBLE_LOST: docent_meter_reason(&g->queue->all.meter, g->queue->all.handle.client, status); break;
    case TROUBLE_BUSY:
    case TROUBLE_UNSURE: docent_gather_go_later(g, g->state, status); break;
    case TROUBLE_REFUSED:
        if (g->verdict == DOCENT_OK) {
            docent_gather_give_up(g, status);
        } else {
            docent_gather_go_later(g, g->state, status);
        }
        break;
    }
}

bool docent_gather_read(const docent_result *result, int64_t *ret_round)
{
    int64_t round = 0;
    const char *digits = result->data;
    if (result->size == 0 || result->size >= GATHER_ROUND - 1) return false;
    for (size_t i = 0; i < result->size; i++) {
        if (digits[i] < '0' || digits[i] > '9') return false;
        round = round * 10 + (digits[i] - '0');
    }
    *ret_round = round;
    return true;
}

/* ---- Events. ---- */

static void gather_on_reply(struct gathering *g, const struct docent_event *ev)
{
    switch (g->state) {
    case GATHER_LOOKING: docent_gather_on_look(g, ev); break;
    case GATHER_MAKING: docent_gather_on_make(g, ev->status); break;
    case GATHER_PARENTS: docent_gather_on_parent(g, ev->status); break;
    case GATHER_JOINING: docent_gather_on_join(g, ev); break;
    case GATHER_FINDING: docent_gather_on_find(g, ev); break;
    case GATHER_GATHERING: docent_gather_on_gathering(g, ev); break;
    case GATHER_WITHDRAWING: docent_gather_on_withdraw(g, ev); break;
    case GATHER_REMOVING: docent_gather_on_removal(g, ev); break;
    case GATHER_NEW: break;
    case GATHER_STATES: abort();
    }
}

static void gather_on_suspended(struct gathering *g)
{
    if (!docent_promise_is_open(&g->errand.promise)) return;
    if (g->verdict != DOCENT_OK) { /* Nobody can be asked any more. */
        docent_promise_keep(&g->errand.promise, g->verdict);
    } else if (g->one_look) {
        docent_gather_give_up(g, DOCENT_ERR_TIMEOUT);
    }
}

static void gather_on_resumed(struct gathering *g)
{
    docent_machine_calm(gather_machine(g));
    if (g->state == GATHER_WITHDRAWING) { /* Answered when the connection went. */
        docent_gather_go(g, GATHER_REMOVING);
    } else if (g->state != GATHER_NEW && g->state != GATHER_JOINING) {
        docent_gather_go(g, g->state);
    }
}

static void gather_on_event(struct errand *errand, const struct docent_event *ev)
{
    struct gathering *g = gathering_of(errand);
    switch (ev->type) {
    case DOCENT_EV_REPLY: gather_on_reply(g, ev); break;
    case DOCENT_EV_WATCH: docent_gather_ask_news(g); break;
    case DOCENT_EV_TIMER: gather_ask(g); break;
    case DOCENT_EV_SUSPENDED: gather_on_suspended(g); break;
    case DOCENT_EV_RESUMED: gather_on_resumed(g); break;
    case DOCENT_EV_EXPIRED:
        if (g->known == KNOWN_NONE && g->verdict == DOCENT_OK) break; /* Nothing of ours went with it. */
        g->known = KNOWN_NONE;
        docent_gather_over(g, DOCENT_ERR_SESSION_EXPIRED);
        break;
    case DOCENT_EV_CLOSING: break;
    }
}

static void gather_late(struct errand *errand)
{
    struct gathering *g = gathering_of(errand);
    if (g->verdict == DOCENT_OK) {
        docent_gather_give_up(g, DOCENT_ERR_TIMEOUT);
    } else { /* Of the grace. */
        docent_promise_keep(&errand->promise, g->verdict);
        if (g->state == GATHER_WITHDRAWING) docent_gather_go(g, GATHER_REMOVING);
    }
}

static void gather_end(struct errand *errand, docent_status why)
{
    struct gathering *g = gathering_of(errand);
    if (g->verdict == DOCENT_OK) {
        docent_gather_give_up(g, why);
    } else if (docent_promise_is_open(&errand->promise)) {
        docent_promise_keep(&errand->promise, why);
        if (g->state == GATHER_WITHDRAWING) docent_gather_go(g, GATHER_REMOVING);
    }
}

static void gather_fini(struct errand *errand, docent_status why)
{
    struct gathering *g = gathering_of(errand);
    (void)why;
    if (g->state == GATHER_REMOVING) docent_client_removal_ends(g->queue->all.handle.client);
    docent_free(&g->queue->all.handle.allocator, g->own);
    g->own = NULL;
}

static const struct errand_kind gather_kind = {
    .name = "sync queue",
    .on_event = gather_on_event,
    .late = gather_late,
    .end = gather_end,
    .fini = gather_fini,
};

/* ---- The handle. ---- */

docent_status docent_sync_queue_new(docent_client *client, const char *path, const docent_sync_queue_options *options,
                                    docent_sync_queue **ret_queue)
{
    docent_sync_queue_options full = { DOCENT_SYNC_QUEUE_OPTIONS };
    struct errands *all;
    if (client == NULL || path == NULL || ret_queue == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    if (!docent_options_take(&full, sizeof full, options)) return DOCENT_ERR_INVALID_ARGUMENT;
    if (full.quantity == 0 || full.quantity > GATHER_QUANTITY_MAX) return DOCENT_ERR_INVALID_ARGUMENT;
    docent_status status = docent_errands_new(client, path, full.acl, sizeof(struct docent_sync_queue), &all);
    if (status != DOCENT_OK) return status;
    struct docent_sync_queue *queue = (struct docent_sync_queue *)(void *)all;
    queue->quantity = full.quantity;
    docent_shared_set(&queue->round, -1);
    *ret_queue = queue;
    return DOCENT_OK;
}

docent_status docent_sync_queue_gather_async(docent_sync_queue *queue, uint32_t timeout_ms, docent_done_fn done, void *user)
{
    if (queue == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    docent_status status = docent_handle_check(&queue->all.handle);
    if (status != DOCENT_OK) return status;
    size_t size = strlen(queue->all.path);
    char *own = docent_alloc(&queue->all.handle.allocator, size + 1 + GATHER_ROUND + 1 + GATHER_UUID + 1);
    if (own == NULL) return DOCENT_ERR_NO_MEMORY;
    struct errand *errand;
    status = docent_errands_call(&queue->all, &gather_kind, sizeof(struct gathering), timeout_ms, done, user, &errand);
    if (status != DOCENT_OK) {
        docent_free(&queue->all.handle.allocator, own);
        return status;
    }
    struct gathering *g = gathering_of(errand);
    g->queue = queue;
    g->one_look = timeout_ms == DOCENT_NO_WAIT;
    g->own = memcpy(own, queue->all.path, size + 1);
    g->removal = (struct removal){ .path = own, .unique = true };
    docent_client_uuid(queue->all.handle.client, g->uuid);
    if (g->one_look && !docent_machine_online(gather_machine(g))) {
        docent_gather_give_up(g, DOCENT_ERR_TIMEOUT);
    } else {
        docent_gather_go(g, GATHER_LOOKING);
    }
    return DOCENT_OK;
}

int64_t docent_sync_queue_round(const docent_sync_queue *queue)
{
    return queue == NULL ? -1 : docent_shared_get(&queue->round);
}

docent_status docent_sync_queue_info(docent_sync_queue *queue, docent_recipe_info *ret_info)
{
    return docent_errands_info(queue == NULL ? NULL : &queue->all, ret_info);
}

void docent_sync_queue_close(docent_sync_queue *queue, void (*closed)(void *user), void *user)
{
    docent_handle_close(queue == NULL ? NULL : &queue->all.handle, closed, user);
}

static docent_status gather_verb(struct handle *handle, uint32_t timeout_ms, docent_done_fn done, void *user)
{
    return docent_sync_queue_gather_async((struct docent_sync_queue *)(void *)handle, timeout_ms, done, user);
}

docent_status docent_sync_queue_gather(docent_sync_queue *queue, uint32_t timeout_ms)
{
    return docent_wait_verb(queue == NULL ? NULL : &queue->all.handle, gather_verb, timeout_ms);
}
