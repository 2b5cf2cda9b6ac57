/* recipes/sync_queue_join.c - LOOKING, MAKING, PARENTS, JOINING and FINDING of sync_queue.c: makes the path, and a member's node in its round. */
#include "recipes/sync_queue_internal.h"

/* We have a node in the round. */
static void gather_joined(struct gathering *g)
{
    g->known = KNOWN_THERE;
    docent_machine_calm(gather_machine(g));
    if (g->verdict == DOCENT_OK) {
        docent_gather_go(g, GATHER_GATHERING);
    } else if (docent_promise_is_open(&g->errand.promise)) {
        docent_gather_go(g, GATHER_WITHDRAWING);
    } else {
        docent_gather_go(g, GATHER_REMOVING);
    }
}

/* We have none, and none will come to be. */
static void gather_has_none(struct gathering *g)
{
    g->known = KNOWN_NONE;
    if (g->verdict != DOCENT_OK) {
        docent_gather_over(g, g->verdict);
    } else {
        docent_gather_go(g, GATHER_LOOKING);
    }
}

void docent_gather_on_look(struct gathering *g, const struct docent_event *ev)
{
    if (ev->status == DOCENT_ERR_NO_NODE) {
        docent_gather_go(g, GATHER_MAKING);
    } else if (ev->status != DOCENT_OK) {
        docent_gather_ask_again(g, ev->status);
    } else if (!docent_gather_read(ev->result, &g->round)) {
        docent_gather_over(g, DOCENT_ERR_CORRUPT_DATA);
    } else {
        g->version = ev->result->stat.version;
        docent_gather_go(g, GATHER_JOINING);
    }
}

void docent_gather_on_make(struct gathering *g, docent_status status)
{
    if (status == DOCENT_OK || status == DOCENT_ERR_NODE_EXISTS) {
        docent_gather_go(g, GATHER_LOOKING);
    } else if (status != DOCENT_ERR_NO_NODE) {
        docent_gather_ask_again(g, status); /* Made twice is made once: it is all the same. */
    } else {
        docent_parents_begin(&g->parents, g->queue->all.parent_size);
        if (g->parents.rounds > GATHER_PARENTS_MAX || g->queue->all.parent_size == 0) {
            docent_gather_over(g, DOCENT_ERR_NO_NODE);
        } else {
            docent_gather_go(g, GATHER_PARENTS);
        }
    }
}

void docent_gather_on_parent(struct gathering *g, docent_status status)
{
    struct errands *all = &g->queue->all;
    switch (docent_parents_on_reply(&g->parents, all->path, &all->parent_mode, status)) {
    case PARENTS_READY: docent_gather_go(g, GATHER_MAKING); break;
    case PARENTS_MORE:
        if (g->parents.rounds > GATHER_PARENTS_MAX + all->parent_size) {
            docent_gather_over(g, DOCENT_ERR_NO_NODE);
        } else {
            docent_gather_go(g, GATHER_PARENTS);
        }
        break;
    case PARENTS_ROOTLESS: docent_gather_over(g, DOCENT_ERR_NO_NODE); break;
    case PARENTS_FAILED: docent_gather_ask_again(g, status); break;
    }
}

void docent_gather_on_join(struct gathering *g, const struct docent_event *ev)
{
    enum trouble trouble = docent_trouble(ev->status);
    if (ev->status == DOCENT_OK) {
        gather_joined(g);
    } else if (ev->status == DOCENT_ERR_BAD_VERSION || ev->status == DOCENT_ERR_NO_NODE) { /* The round has moved on. */
        gather_has_none(g);
    } else if (trouble == TROUBLE_LOST) {
        if (ev->sent) {
            docent_gather_enter(g, GATHER_FINDING); /* EV_RESUMED looks. */
        } else {
            gather_has_none(g);
        }
    } else if (trouble == TROUBLE_REFUSED) {
        g->known = KNOWN_NONE;
        docent_gather_over(g, ev->status);
    } else if (trouble == TROUBLE_BUSY && !(ev->status == DOCENT_ERR_NO_MEMORY && ev->sent)) {
        g->known = KNOWN_NONE;
        if (g->verdict != DOCENT_OK) {
            docent_gather_over(g, g->verdict);
        } else {
            docent_gather_go_later(g, GATHER_LOOKING, ev->status);
        }
    } else { /* Made or not, NODE_EXISTS among them. */
        docent_gather_go_later(g, GATHER_FINDING, ev->status);
    }
}

void docent_gather_on_find(struct gathering *g, const struct docent_event *ev)
{
    if (ev->status != DOCENT_OK && ev->status != DOCENT_ERR_NO_NODE) {
        docent_gather_ask_again(g, ev->status);
    } else if (ev->tag == TAG_SYNC) {
        docent_gather_ask_op(g, docent_op_exists(g->own), TAG_OWN);
    } else if (ev->status == DOCENT_OK) { /* Its name is ours alone, and our session has not ended. */
        gather_joined(g);
    } else {
        gather_has_none(g);
    }
}
