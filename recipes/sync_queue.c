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
#include <docent/sync_queue.h>

#include <assert.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/drive/await.h"
#include "recipes/blocking.h"
#include "recipes/errand.h"
#include "recipes/parents.h"
#include "recipes/removal.h"
#include "recipes/trouble.h"

struct docent_sync_queue {
    struct errands all; /* First. */
    uint32_t quantity;
    docent_shared_i64 round; /* Started last; -1: none. */
};

enum gather_state {
    GATHER_NEW, GATHER_LOOKING, GATHER_MAKING, GATHER_PARENTS, GATHER_JOINING, GATHER_FINDING, GATHER_GATHERING, GATHER_WITHDRAWING,
    GATHER_REMOVING, GATHER_STATES
};

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

enum gather_tag { TAG_BASE, TAG_NEWS, TAG_MAKE, TAG_PARENT, TAG_JOIN, TAG_SYNC, TAG_OWN, TAG_LIST, TAG_START, TAG_WITHDRAW }; /* And those of the removal. */
enum { GATHER_UUID = 36, GATHER_ROUND = 20, GATHER_PARENTS_MAX = 64, GATHER_QUANTITY_MAX = 1000, GATHER_GRACE_MS = 1000 };

struct gathering {
    struct errand errand; /* First. */
    struct docent_sync_queue *queue;
    enum gather_state state;
    docent_status verdict; /* DOCENT_OK while it is wanted. */
    bool one_look;
    enum gather_known { KNOWN_NONE, KNOWN_UNSURE, KNOWN_THERE } known; /* Of our node. */
    bool withdrew;         /* Perhaps. */
    int64_t round;         /* That gathers, or that we have joined. */
    int32_t version;       /* Of the path's own node, while it does. */
    char *own;             /* Path of our node. */
    char uuid[GATHER_UUID + 1];
    struct parents parents;
    struct removal removal;
};

static struct gathering *gathering_of(struct errand *errand)
{
    return (struct gathering *)(void *)errand;
}

static struct docent_machine *gather_machine(struct gathering *g)
{
    return &g->errand.machine;
}

static void gather_over(struct gathering *g, docent_status outcome)
{
    docent_errand_over(&g->errand, outcome);
}

static void gather_ask_op(struct gathering *g, docent_op op, int tag)
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
    gather_ask_op(g, docent_op_multi(ops, 2), TAG_JOIN);
}

static void gather_ask_withdraw(struct gathering *g)
{
    docent_op ops[] = { docent_op_check(g->queue->all.path, g->version), docent_op_delete(g->own, DOCENT_ANY_VERSION) };
    gather_ask_op(g, docent_op_multi(ops, 2), TAG_WITHDRAW);
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
        gather_ask_op(g, docent_op_sync(all->path), TAG_SYNC);
        break;
    case GATHER_GATHERING: docent_ask_watch(gather_machine(g), &base, TAG_BASE); break;
    case GATHER_WITHDRAWING: gather_ask_withdraw(g); break;
    case GATHER_REMOVING: docent_removal_ask(&g->removal, gather_machine(g)); break;
    case GATHER_NEW: break;
    case GATHER_STATES: abort();
    }
}

static void gather_enter(struct gathering *g, enum gather_state next)
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

static void gather_go(struct gathering *g, enum gather_state next)
{
    gather_enter(g, next);
    gather_ask(g);
}

static void gather_go_later(struct gathering *g, enum gather_state next, docent_status why)
{
    gather_enter(g, next);
    docent_meter_reason(&g->queue->all.meter, g->queue->all.handle.client, why);
    docent_machine_retry(gather_machine(g));
}

/* ---- What becomes of it. ---- */

/* What is left of us goes, and then we are over. */
static void gather_clean_up(struct gathering *g, docent_status outcome)
{
    docent_promise_keep(&g->errand.promise, outcome);
    if (g->verdict == DOCENT_OK) g->verdict = outcome == DOCENT_OK ? DOCENT_ERR_CANCELLED : outcome;
    if (g->known == KNOWN_NONE) {
        gather_over(g, outcome);
    } else {
        gather_go(g, GATHER_REMOVING);
    }
}

static void gather_started(struct gathering *g)
{
    if (g->round > docent_shared_get(&g->queue->round)) docent_shared_set(&g->queue->round, g->round);
    gather_clean_up(g, DOCENT_OK);
}

static void gather_give_up(struct gathering *g, docent_status why)
{
    if (g->verdict != DOCENT_OK) return;
    g->verdict = why;
    bool asks = why == DOCENT_ERR_TIMEOUT && g->known != KNOWN_NONE && docent_machine_online(gather_machine(g));
    if (!asks) {
        docent_promise_keep(&g->errand.promise, why);
        if (g->known != KNOWN_UNSURE) gather_clean_up(g, why); /* Else JOINING and FINDING find out first. */
        return;
    }
    docent_errand_deadline(&g->errand, GATHER_GRACE_MS);
    if (g->known == KNOWN_THERE) gather_go(g, GATHER_WITHDRAWING);
}

/* A read, or what is made in between, failed. */
static void gather_ask_again(struct gathering *g, docent_status status)
{
    switch (docent_trouble(status)) {
    case TROUBLE_LOST: docent_meter_reason(&g->queue->all.meter, g->queue->all.handle.client, status); break;
    case TROUBLE_BUSY:
    case TROUBLE_UNSURE: gather_go_later(g, g->state, status); break;
    case TROUBLE_REFUSED:
        if (g->verdict == DOCENT_OK) {
            gather_give_up(g, status);
        } else {
            gather_go_later(g, g->state, status);
        }
        break;
    }
}

/* We have a node in the round. */
static void gather_joined(struct gathering *g)
{
    g->known = KNOWN_THERE;
    docent_machine_calm(gather_machine(g));
    if (g->verdict == DOCENT_OK) {
        gather_go(g, GATHER_GATHERING);
    } else if (docent_promise_is_open(&g->errand.promise)) {
        gather_go(g, GATHER_WITHDRAWING);
    } else {
        gather_go(g, GATHER_REMOVING);
    }
}

/* We have none, and none will come to be. */
static void gather_has_none(struct gathering *g)
{
    g->known = KNOWN_NONE;
    if (g->verdict != DOCENT_OK) {
        gather_over(g, g->verdict);
    } else {
        gather_go(g, GATHER_LOOKING);
    }
}

/* ---- Making the path, looking, joining. ---- */

static bool gather_read(const docent_result *result, int64_t *ret_round)
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

static void gather_on_look(struct gathering *g, const struct docent_event *ev)
{
    if (ev->status == DOCENT_ERR_NO_NODE) {
        gather_go(g, GATHER_MAKING);
    } else if (ev->status != DOCENT_OK) {
        gather_ask_again(g, ev->status);
    } else if (!gather_read(ev->result, &g->round)) {
        gather_over(g, DOCENT_ERR_CORRUPT_DATA);
    } else {
        g->version = ev->result->stat.version;
        gather_go(g, GATHER_JOINING);
    }
}

static void gather_on_make(struct gathering *g, docent_status status)
{
    if (status == DOCENT_OK || status == DOCENT_ERR_NODE_EXISTS) {
        gather_go(g, GATHER_LOOKING);
    } else if (status != DOCENT_ERR_NO_NODE) {
        gather_ask_again(g, status); /* Made twice is made once: it is all the same. */
    } else {
        docent_parents_begin(&g->parents, g->queue->all.parent_size);
        if (g->parents.rounds > GATHER_PARENTS_MAX || g->queue->all.parent_size == 0) {
            gather_over(g, DOCENT_ERR_NO_NODE);
        } else {
            gather_go(g, GATHER_PARENTS);
        }
    }
}

static void gather_on_parent(struct gathering *g, docent_status status)
{
    struct errands *all = &g->queue->all;
    switch (docent_parents_on_reply(&g->parents, all->path, &all->parent_mode, status)) {
    case PARENTS_READY: gather_go(g, GATHER_MAKING); break;
    case PARENTS_MORE:
        if (g->parents.rounds > GATHER_PARENTS_MAX + all->parent_size) {
            gather_over(g, DOCENT_ERR_NO_NODE);
        } else {
            gather_go(g, GATHER_PARENTS);
        }
        break;
    case PARENTS_ROOTLESS: gather_over(g, DOCENT_ERR_NO_NODE); break;
    case PARENTS_FAILED: gather_ask_again(g, status); break;
    }
}

static void gather_on_join(struct gathering *g, const struct docent_event *ev)
{
    enum trouble trouble = docent_trouble(ev->status);
    if (ev->status == DOCENT_OK) {
        gather_joined(g);
    } else if (ev->status == DOCENT_ERR_BAD_VERSION || ev->status == DOCENT_ERR_NO_NODE) { /* The round has moved on. */
        gather_has_none(g);
    } else if (trouble == TROUBLE_LOST) {
        if (ev->sent) {
            gather_enter(g, GATHER_FINDING); /* EV_RESUMED looks. */
        } else {
            gather_has_none(g);
        }
    } else if (trouble == TROUBLE_REFUSED) {
        g->known = KNOWN_NONE;
        gather_over(g, ev->status);
    } else if (trouble == TROUBLE_BUSY && !(ev->status == DOCENT_ERR_NO_MEMORY && ev->sent)) {
        g->known = KNOWN_NONE;
        if (g->verdict != DOCENT_OK) {
            gather_over(g, g->verdict);
        } else {
            gather_go_later(g, GATHER_LOOKING, ev->status);
        }
    } else { /* Made or not, NODE_EXISTS among them. */
        gather_go_later(g, GATHER_FINDING, ev->status);
    }
}

static void gather_on_find(struct gathering *g, const struct docent_event *ev)
{
    if (ev->status != DOCENT_OK && ev->status != DOCENT_ERR_NO_NODE) {
        gather_ask_again(g, ev->status);
    } else if (ev->tag == TAG_SYNC) {
        gather_ask_op(g, docent_op_exists(g->own), TAG_OWN);
    } else if (ev->status == DOCENT_OK) { /* Its name is ours alone, and our session has not ended. */
        gather_joined(g);
    } else {
        gather_has_none(g);
    }
}

/* ---- Gathering. ---- */

static void gather_wait(struct gathering *g)
{
    docent_machine_calm(gather_machine(g));
    docent_meter_reason(&g->queue->all.meter, g->queue->all.handle.client, DOCENT_OK);
    if (g->one_look) gather_give_up(g, DOCENT_ERR_TIMEOUT);
}

static void gather_on_base(struct gathering *g, const struct docent_event *ev)
{
    int64_t round;
    if (ev->status == DOCENT_ERR_NO_NODE) { /* And with it our node. */
        g->known = KNOWN_NONE;
        gather_over(g, DOCENT_ERR_NO_NODE);
    } else if (ev->status != DOCENT_OK) {
        gather_ask_again(g, ev->status);
    } else if (!gather_read(ev->result, &round) || round < g->round) { /* Set by somebody, or made anew: our round would never start. */
        gather_give_up(g, DOCENT_ERR_CORRUPT_DATA);
    } else if (round > g->round) {
        gather_started(g);
    } else if ((uint32_t)ev->result->stat.num_children < g->queue->quantity) {
        g->version = ev->result->stat.version;
        gather_wait(g);
    } else {
        g->version = ev->result->stat.version;
        gather_ask_op(g, docent_op_children(g->queue->all.path), TAG_LIST);
    }
}

/* The path's own node has changed. Mostly the round has begun, and then no other watch is wanted. */
static void gather_ask_news(struct gathering *g)
{
    gather_enter(g, GATHER_GATHERING);
    if (docent_machine_online(gather_machine(g))) gather_ask_op(g, docent_op_get(g->queue->all.path), TAG_NEWS);
}

static void gather_on_news(struct gathering *g, const struct docent_event *ev)
{
    int64_t round;
    if (ev->status != DOCENT_OK && ev->status != DOCENT_ERR_NO_NODE) {
        gather_ask_again(g, ev->status);
    } else if (ev->status == DOCENT_OK && gather_read(ev->result, &round) && round > g->round) {
        gather_started(g);
    } else {
        gather_go(g, GATHER_GATHERING);
    }
}

/* Starts the round if so many of its members, ourselves among them, are there. */
static docent_status gather_ask_start(struct gathering *g, const docent_result *list, const char *prefix)
{
    const struct errands *all = &g->queue->all;
    size_t size = strlen(all->path), prefix_size = strlen(prefix), path_size = size + 1;
    for (size_t i = 0; i < list->name_count; i++) {
        if (size + 2 + strlen(list->names[i]) > path_size) path_size = size + 2 + strlen(list->names[i]);
    }
    size_t ops_size = (g->queue->quantity + 1) * sizeof(docent_op);
    docent_op *ops = docent_alloc(&all->handle.allocator, ops_size + g->queue->quantity * path_size);
    if (ops == NULL) return DOCENT_ERR_NO_MEMORY;
    char *path = (char *)ops + ops_size, number[GATHER_ROUND + 1];
    size_t count = 0;
    ops[count++] = docent_op_check(g->own, DOCENT_ANY_VERSION);
    for (size_t i = 0; count < g->queue->quantity && i < list->name_count; i++) {
        if (strncmp(list->names[i], prefix, prefix_size) != 0 || strcmp(list->names[i], g->own + size + 1) == 0) continue;
        snprintf(path, path_size, "%s/%s", all->path, list->names[i]);
        ops[count++] = docent_op_check(path, DOCENT_ANY_VERSION);
        path += path_size;
    }
    int number_size = snprintf(number, sizeof number, "%" PRId64, g->round + 1);
    ops[count++] = docent_op_set(all->path, number, (size_t)number_size, g->version);
    gather_ask_op(g, docent_op_multi(ops, count), TAG_START);
    docent_free(&all->handle.allocator, ops);
    return DOCENT_OK;
}

static void gather_on_list(struct gathering *g, const struct docent_event *ev)
{
    char prefix[GATHER_ROUND + 2];
    size_t members = 0;
    bool ours = false;
    if (ev->status != DOCENT_OK) {
        gather_ask_again(g, ev->status);
        return;
    }
    size_t prefix_size = (size_t)snprintf(prefix, sizeof prefix, "%" PRId64 "-", g->round);
    for (size_t i = 0; i < ev->result->name_count; i++) {
        members += strncmp(ev->result->names[i], prefix, prefix_size) == 0;
        ours |= strcmp(ev->result->names[i], g->own + strlen(g->queue->all.path) + 1) == 0;
    }
    if (!ours || members < g->queue->quantity) { /* Somebody has deleted ours: we wait for the others. */
        gather_wait(g);
    } else if (gather_ask_start(g, ev->result, prefix) != DOCENT_OK) {
        gather_go_later(g, GATHER_GATHERING, DOCENT_ERR_NO_MEMORY);
    }
}

static void gather_on_start(struct gathering *g, const struct docent_event *ev)
{
    if (ev->status == DOCENT_OK) {
        gather_started(g);
    } else if (ev->status == DOCENT_ERR_BAD_VERSION) {
        gather_go(g, GATHER_GATHERING);
    } else if (ev->status == DOCENT_ERR_NO_NODE) { /* Somebody has gone. */
        gather_go_later(g, GATHER_GATHERING, DOCENT_OK);
    } else {
        gather_ask_again(g, ev->status);
    }
}

static void gather_on_gathering(struct gathering *g, const struct docent_event *ev)
{
    if (ev->tag == TAG_BASE) {
        gather_on_base(g, ev);
    } else if (ev->tag == TAG_NEWS) {
        gather_on_news(g, ev);
    } else if (ev->tag == TAG_LIST) {
        gather_on_list(g, ev);
    } else if (ev->tag == TAG_START) {
        gather_on_start(g, ev);
    }
}

/* ---- Withdrawing, and cleaning up. ---- */

/* We have no node any more, and had none when a round began. */
static void gather_out(struct gathering *g)
{
    g->known = KNOWN_NONE;
    gather_over(g, g->verdict);
}

static void gather_on_withdraw(struct gathering *g, const struct docent_event *ev)
{
    int64_t round;
    docent_op base = docent_op_get(g->queue->all.path), own = docent_op_exists(g->own);
    enum trouble trouble = docent_trouble(ev->status);
    bool first = ev->tag == TAG_WITHDRAW;
    if ((first && ev->status == DOCENT_OK) || ((first || ev->tag == TAG_OWN) && ev->status == DOCENT_ERR_NO_NODE)) {
        gather_out(g);
    } else if (first && ev->status == DOCENT_ERR_BAD_VERSION && g->withdrew) { /* Before it has begun, or not: is our node there? */
        docent_ask(gather_machine(g), &own, TAG_OWN);
    } else if ((first && ev->status == DOCENT_ERR_BAD_VERSION) || (ev->tag == TAG_OWN && ev->status == DOCENT_OK)) {
        docent_ask(gather_machine(g), &base, TAG_BASE);
    } else if (ev->tag == TAG_BASE && ev->status == DOCENT_OK && gather_read(ev->result, &round) && round > g->round) {
        gather_started(g);
    } else if (ev->tag == TAG_BASE && ev->status == DOCENT_OK && ev->result->stat.version != g->version) { /* Set, but not on. */
        g->version = ev->result->stat.version;
        gather_go_later(g, GATHER_WITHDRAWING, DOCENT_OK);
    } else if (trouble == TROUBLE_BUSY || (trouble == TROUBLE_UNSURE && ev->status != DOCENT_OK && ev->status != DOCENT_ERR_NO_NODE)) {
        g->withdrew = g->withdrew || (first && (trouble == TROUBLE_UNSURE || ev->sent));
        gather_go_later(g, GATHER_WITHDRAWING, ev->status);
    } else {
        gather_clean_up(g, g->verdict);
    }
}

static void gather_on_removal(struct gathering *g, const struct docent_event *ev)
{
    switch (docent_removal_on_reply(&g->removal, gather_machine(g), ev)) {
    case REMOVAL_GONE:
        g->known = KNOWN_NONE;
        gather_over(g, g->verdict);
        break;
    case REMOVAL_FAILED:
        if (docent_trouble(ev->status) != TROUBLE_LOST) gather_go_later(g, GATHER_REMOVING, ev->status);
        break;
    case REMOVAL_GOING_ON:
    case REMOVAL_SEEN:
    case REMOVAL_VERSION: break; /* Our name is unique, so that there is no look. */
    }
}

/* ---- Events. ---- */

static void gather_on_reply(struct gathering *g, const struct docent_event *ev)
{
    switch (g->state) {
    case GATHER_LOOKING: gather_on_look(g, ev); break;
    case GATHER_MAKING: gather_on_make(g, ev->status); break;
    case GATHER_PARENTS: gather_on_parent(g, ev->status); break;
    case GATHER_JOINING: gather_on_join(g, ev); break;
    case GATHER_FINDING: gather_on_find(g, ev); break;
    case GATHER_GATHERING: gather_on_gathering(g, ev); break;
    case GATHER_WITHDRAWING: gather_on_withdraw(g, ev); break;
    case GATHER_REMOVING: gather_on_removal(g, ev); break;
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
        gather_give_up(g, DOCENT_ERR_TIMEOUT);
    }
}

static void gather_on_resumed(struct gathering *g)
{
    docent_machine_calm(gather_machine(g));
    if (g->state == GATHER_WITHDRAWING) { /* Answered when the connection went. */
        gather_go(g, GATHER_REMOVING);
    } else if (g->state != GATHER_NEW && g->state != GATHER_JOINING) {
        gather_go(g, g->state);
    }
}

static void gather_on_event(struct errand *errand, const struct docent_event *ev)
{
    struct gathering *g = gathering_of(errand);
    switch (ev->type) {
    case DOCENT_EV_REPLY: gather_on_reply(g, ev); break;
    case DOCENT_EV_WATCH: gather_ask_news(g); break;
    case DOCENT_EV_TIMER: gather_ask(g); break;
    case DOCENT_EV_SUSPENDED: gather_on_suspended(g); break;
    case DOCENT_EV_RESUMED: gather_on_resumed(g); break;
    case DOCENT_EV_EXPIRED:
        if (g->known == KNOWN_NONE && g->verdict == DOCENT_OK) break; /* Nothing of ours went with it. */
        g->known = KNOWN_NONE;
        gather_over(g, DOCENT_ERR_SESSION_EXPIRED);
        break;
    case DOCENT_EV_CLOSING: break;
    }
}

static void gather_late(struct errand *errand)
{
    struct gathering *g = gathering_of(errand);
    if (g->verdict == DOCENT_OK) {
        gather_give_up(g, DOCENT_ERR_TIMEOUT);
    } else { /* Of the grace. */
        docent_promise_keep(&errand->promise, g->verdict);
        if (g->state == GATHER_WITHDRAWING) gather_go(g, GATHER_REMOVING);
    }
}

static void gather_end(struct errand *errand, docent_status why)
{
    struct gathering *g = gathering_of(errand);
    if (g->verdict == DOCENT_OK) {
        gather_give_up(g, why);
    } else if (docent_promise_is_open(&errand->promise)) {
        docent_promise_keep(&errand->promise, why);
        if (g->state == GATHER_WITHDRAWING) gather_go(g, GATHER_REMOVING);
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
        gather_give_up(g, DOCENT_ERR_TIMEOUT);
    } else {
        gather_go(g, GATHER_LOOKING);
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
