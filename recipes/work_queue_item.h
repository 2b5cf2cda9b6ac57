/* recipes/work_queue_item.h - an item of a work queue on its way through a consumer; see work_queue_consume.c. */
#ifndef DOCENT_RECIPES_WORK_QUEUE_ITEM_H
#define DOCENT_RECIPES_WORK_QUEUE_ITEM_H

#include "recipes/claim.h"
#include "recipes/items.h"
#include "recipes/work_queue_internal.h"

/* ---- Without a lock path: read, deleted, ours. work_queue_take.c ---- */

enum taker_state {
    TAKER_NEW,
    TAKER_READING,
    TAKER_DELETING,
    TAKER_HELD,    /* Malformed, and still in the queue. */
    TAKER_MOVING,  /* To the quarantine. */
    TAKER_LOOKING, /* Was it moved? */
    TAKER_OVER,
    TAKER_STATES
};

enum taken {
    TAKEN_OURS,
    TAKEN_BY_OTHERS, /* Or gone in another way. */
    TAKEN_UNSURE,    /* Deleted, by us or by another. */
    TAKEN_REFUSED,   /* By a server: taker->why. It is still there. */
    TAKEN_MOVED,
};

struct taker {
    struct docent_machine machine;
    enum taker_state state;
    const char *path;      /* Borrowed. */
    const char *moved;     /* MOVING: the path that it is to have, up to the number. Borrowed. */
    docent_acl_list acl;
    docent_result *item;   /* What was read. */
    bool timed;
    docent_status why;
    uint64_t generation;   /* Of the session that a delete was sent in. */
    struct removal removal;
    docent_status sync;
    void (*on_read)(struct taker *taker);  /* It was read: docent_taker_delete() it, or keep it for docent_taker_move(). */
    void (*on_over)(struct taker *taker, enum taken taken); /* Last. */
    void (*on_no_quarantine)(struct taker *taker); /* There is none to move it to; it is HELD again. */
};

/* @taker: zeroed but for path, acl and the callbacks. DOCENT_OK or DOCENT_ERR_NO_MEMORY. */
docent_status docent_taker_start(struct taker *taker, docent_client *client);
void docent_taker_delete(struct taker *taker);
void docent_taker_move(struct taker *taker, const char *moved);
/* Not wanted any more. Whether it is ours by now is found out and told. */
void docent_taker_leave(struct taker *taker);
void docent_taker_fini(struct taker *taker); /* Once it is over. */

/* ---- An item. ---- */

enum item_state {
    ITEM_TAKING,   /* Being claimed, or taken. */
    ITEM_READY,    /* To be handed out at the end of the turn. */
    ITEM_OUT,      /* With the application. */
    ITEM_ENDING,   /* Its answer is being written. */
    ITEM_HOSPITAL, /* Malformed: to be moved as soon as there is a quarantine. */
    ITEM_MOVING,
    ITEM_OVER,
    ITEM_STATES
};

enum item_answer { ANSWER_NONE, ANSWER_DONE, ANSWER_FAILED, ANSWER_UNHEARD /* The loop has let go of it: whoever answers frees. */ };

struct docent_work_item {
    struct items_out out;
    docent_work_queue *queue;
    struct docent_work_item *next; /* The consumer's. */
    enum item_state state;
    bool locked;             /* claim serves it; else taker. */
    bool held;               /* That has something to do still. */
    struct claim claim;
    struct taker taker;
    enum items_verdict back; /* What becomes of its name. */
    char *moved;             /* Under which path it goes on, up to the number. Owned. NULL: not known yet. */
    docent_work_element *elements; /* Owned. */
    size_t count;
    uint64_t out_ms;         /* When it was handed out. */
    docent_result *kept;     /* Its node, when neither claim nor taker has it any more. Owned. */
    docent_status trouble;   /* To be told. DOCENT_OK: nothing. */
    const char *fault;
    struct docent_later telling;
    _Atomic int answer;      /* enum item_answer; anybody's. */
    char *path;              /* In its own block, and the name in it. */
};

#endif
