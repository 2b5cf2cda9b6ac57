/* recipes/claim_queue_internal.h - a queue of claimed items: what claim_queue.c (the queue) and claim_item.c (one item, from the attempt at it until
 * the application closes it) share.
 *
 * An item is an attempt of the queue's pull (pull.h), with a claim (claim.h). When it is held it becomes a handle of the application's. It stays
 * out of the queue's window, whatever listings say, until its claim is gone; then the attempt is over, and the handle is left, for its bytes. */
#ifndef DOCENT_RECIPES_CLAIM_QUEUE_INTERNAL_H
#define DOCENT_RECIPES_CLAIM_QUEUE_INTERNAL_H

#include <docent/claim_queue.h>

#include "recipes/claim.h"
#include "recipes/pull.h"
#include "recipes/put.h"
#include "recipes/tenure.h"

struct docent_claim_queue {
    struct pull pull;       /* First. */
    const char *directory;  /* Of the items. In the queue's own block, as what follows. */
    const char *claims;
    bool kazoo;
    struct put_target target; /* Owns what it refers to. */
    void (*on_lost)(docent_item *item, docent_status why, void *user);
    void *user;
};

struct docent_item {
    struct handle handle;   /* First. Opened when it is held. */
    struct attempt attempt;
    docent_allocator allocator;
    struct claim claim;
    struct tenure tenure;
    bool given;             /* The application has it: it is a handle. */
    bool in_hand;           /* And it is claimed, as far as we know. */
    bool over;              /* The attempt is: the queue, and the claim, are not there any more. */
    uint64_t held_at_ms;
    char *path;             /* When it was read: of the item... */
    docent_result *bytes;   /* ... and what was read. */
    /* What is to be told. */
    docent_done_fn done;    /* Of the ending under way. */
    void *done_user;
    bool ends, ended;       /* One is under way; it has come to `outcome`. */
    docent_status outcome;
    bool lost;
    docent_status lost_why;
    void (*on_lost)(docent_item *item, docent_status why, void *user);
    void *user;
    struct docent_later telling;
};

/* claim_item.c: for the pull. */
struct attempt *docent_item_begin(struct pull *pull, const char *name);
void docent_item_start(struct attempt *attempt);
bool docent_item_cancel(struct attempt *attempt);

#endif
