/* recipes/sync_queue_start.c - GATHERING, WITHDRAWING and REMOVING of sync_queue.c: how a round begins, and how one is out of it. */
#include "recipes/sync_queue_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* ---- Gathering. ---- */

static void gather_wait(struct gathering *g)
{
    docent_machine_calm(gather_machine(g));
    docent_meter_reason(&g->queue->all.meter, g->queue->all.handle.client, DOCENT_OK);
    if (g->one_look) docent_gather_give_up(g, DOCENT_ERR_TIMEOUT);
}

static void gather_on_base(struct gathering *g, const struct docent_event *ev)
{
    int64_t round;
    if (ev->status == DOCENT_ERR_NO_NODE) { /* And with it our node. */
        g->known = KNOWN_NONE;
        docent_gather_over(g, DOCENT_ERR_NO_NODE);
    } else if (ev->status != DOCENT_OK) {
        docent_gather_ask_again(g, ev->status);
    } else if (!docent_gather_read(ev->result, &round) || round < g->round) { /* Set by somebody, or made anew: our round would never start. */
        docent_gather_give_up(g, DOCENT_ERR_CORRUPT_DATA);
    } else if (round > g->round) {
        docent_gather_started(g);
    } else if ((uint32_t)ev->result->stat.num_children < g->queue->quantity) {
        g->version = ev->result->stat.version;
        gather_wait(g);
    } else {
        g->version = ev->result->stat.version;
        docent_gather_ask_op(g, docent_op_children(g->queue->all.path), TAG_LIST);
    }
}

void docent_gather_ask_news(struct gathering *g)
{
    docent_gather_enter(g, GATHER_GATHERING);
    if (docent_machine_online(gather_machine(g))) docent_gather_ask_op(g, docent_op_get(g->queue->all.path), TAG_NEWS);
}

static void gather_on_news(struct gathering *g, const struct docent_event *ev)
{
    int64_t round;
    if (ev->status != DOCENT_OK && ev->status != DOCENT_ERR_NO_NODE) {
        docent_gather_ask_again(g, ev->status);
    } else if (ev->status == DOCENT_OK && docent_gather_read(ev->result, &round) && round > g->round) {
        docent_gather_started(g);
    } else {
        docent_gather_go(g, GATHER_GATHERING);
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
    docent_gather_ask_op(g, docent_op_multi(ops, count), TAG_START);
    docent_free(&all->handle.allocator, ops);
    return DOCENT_OK;
}

static void gather_on_list(struct gathering *g, const struct docent_event *ev)
{
    char prefix[GATHER_ROUND + 2];
    size_t members = 0;
    bool ours = false;
    if (ev->status != DOCENT_OK) {
        docent_gather_ask_again(g, ev->status);
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
        docent_gather_go_later(g, GATHER_GATHERING, DOCENT_ERR_NO_MEMORY);
    }
}

static void gather_on_start(struct gathering *g, const struct docent_event *ev)
{
    if (ev->status == DOCENT_OK) {
        docent_gather_started(g);
    } else if (ev->status == DOCENT_ERR_BAD_VERSION) {
        docent_gather_go(g, GATHER_GATHERING);
    } else if (ev->status == DOCENT_ERR_NO_NODE) { /* Somebody has gone. */
        docent_gather_go_later(g, GATHER_GATHERING, DOCENT_OK);
    } else {
        docent_gather_ask_again(g, ev->status);
    }
}

void docent_gather_on_gathering(struct gathering *g, const struct docent_event *ev)
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
    docent_gather_over(g, g->verdict);
}

void docent_gather_on_withdraw(struct gathering *g, const struct docent_event *ev)
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
    } else if (ev->tag == TAG_BASE && ev->status == DOCENT_OK && docent_gather_read(ev->result, &round) && round > g->round) {
        docent_gather_started(g);
    } else if (ev->tag == TAG_BASE && ev->status == DOCENT_OK && ev->result->stat.version != g->version) { /* Set, but not on. */
        g->version = ev->result->stat.version;
        docent_gather_go_later(g, GATHER_WITHDRAWING, DOCENT_OK);
    } else if (trouble == TROUBLE_BUSY || (trouble == TROUBLE_UNSURE && ev->status != DOCENT_OK && ev->status != DOCENT_ERR_NO_NODE)) {
        g->withdrew = g->withdrew || (first && (trouble == TROUBLE_UNSURE || ev->sent));
        docent_gather_go_later(g, GATHER_WITHDRAWING, ev->status);
    } else {
        docent_gather_clean_up(g, g->verdict);
    }
}

void docent_gather_on_removal(struct gathering *g, const struct docent_event *ev)
{
    switch (docent_removal_on_reply(&g->removal, gather_machine(g), ev)) {
    case REMOVAL_GONE:
        g->known = KNOWN_NONE;
        docent_gather_over(g, g->verdict);
        break;
    case REMOVAL_FAILED:
        if (docent_trouble(ev->status) != TROUBLE_LOST) docent_gather_go_later(g, GATHER_REMOVING, ev->status);
        break;
    case REMOVAL_GOING_ON:
    case REMOVAL_SEEN:
    case REMOVAL_VERSION: break; /* Our name is unique, so that there is no look. */
    }
}
