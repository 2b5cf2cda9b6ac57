/* recipes/sync_queue_internal.h - what the files of docent_sync_queue have in common; sync_queue.c tells the story. */
#ifndef DOCENT_RECIPES_SYNC_QUEUE_INTERNAL_H
#define DOCENT_RECIPES_SYNC_QUEUE_INTERNAL_H

#include <docent/sync_queue.h>

#include "core/drive/await.h"
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

static inline struct docent_machine *gather_machine(struct gathering *g)
{
    return &g->errand.machine;
}

void docent_gather_ask_op(struct gathering *g, docent_op op, int tag);
void docent_gather_enter(struct gathering *g, enum gather_state next); /* Asks for nothing, unlike these two. */
void docent_gather_go(struct gathering *g, enum gather_state next);
void docent_gather_go_later(struct gathering *g, enum gather_state next, docent_status why);

void docent_gather_over(struct gathering *g, docent_status outcome);
void docent_gather_clean_up(struct gathering *g, docent_status outcome); /* What is left of us goes, and then we are over. */
void docent_gather_started(struct gathering *g);
void docent_gather_give_up(struct gathering *g, docent_status why);
void docent_gather_ask_again(struct gathering *g, docent_status status); /* A read, or what is made in between, failed. */
bool docent_gather_read(const docent_result *result, int64_t *ret_round); /* Of the path's own node. */

/* sync_queue_join.c: until we have a node, or none. */
void docent_gather_on_look(struct gathering *g, const struct docent_event *ev);
void docent_gather_on_make(struct gathering *g, docent_status status);
void docent_gather_on_parent(struct gathering *g, docent_status status);
void docent_gather_on_join(struct gathering *g, const struct docent_event *ev);
void docent_gather_on_find(struct gathering *g, const struct docent_event *ev);

/* sync_queue_start.c: with a node, until the round begins, or we are out of it. */
void docent_gather_ask_news(struct gathering *g); /* The path's own node has changed. Mostly the round has begun, and then no other watch is wanted. */
void docent_gather_on_gathering(struct gathering *g, const struct docent_event *ev);
void docent_gather_on_withdraw(struct gathering *g, const struct docent_event *ev);
void docent_gather_on_removal(struct gathering *g, const struct docent_event *ev);

#endif
