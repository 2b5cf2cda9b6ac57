/* recipes/queue_internal.h - the simple queue: what queue.c (making, and the calls that take), queue_take.c (one item being taken) and queue_look.c
 * (what is asked without taking) share. */
#ifndef DOCENT_RECIPES_QUEUE_INTERNAL_H
#define DOCENT_RECIPES_QUEUE_INTERNAL_H

#include "recipes/pull.h"
#include "recipes/put.h"

struct docent_queue {
    struct pull pull;   /* First. */
    const char *path;   /* In the queue's own block, as what follows. */
    const struct items_order *order;
    struct put_target target; /* Owns what it refers to. */
};

/* queue.c. entry-<priority>-<number>. */
extern const struct items_order docent_queue_kazoo_order;
enum { QUEUE_AGAIN_MS = 1000, QUEUE_FRESH_MS = 1000, QUEUE_PRIORITY = 100, QUEUE_PRIORITY_MAX = 999, QUEUE_PREFIX_SIZE = 24 };

/* queue_take.c */
struct attempt *docent_queue_take_begin(struct pull *pull, const char *name);
void docent_queue_take_start(struct attempt *attempt);
bool docent_queue_take_cancel(struct attempt *attempt);

#endif
