/* recipes/work_queue_item.h - an item of a work queue on its way through a consumer; see work_queue_item.c. And the consumer that has it. */
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
    bool lost;               /* While it was out: to be told. */
    struct docent_later telling;
    _Atomic int answer;      /* enum item_answer; anybody's. */
    char *path;              /* In its own block, and the name in it. */
};

static inline docent_client *docent_work_item_client(const docent_work_item *item)
{
    return item->queue->handle.client;
}

/* work_queue_item.c. The item: linked, with what is in its own block, and telling. */
docent_status docent_work_item_begin(docent_work_item *item); /* DOCENT_ERR_NO_MEMORY: never comes to anything. */
void docent_work_item_let_go(docent_work_item *item, docent_status why); /* Neither claim nor taker is wanted any more. */
void docent_work_item_answered(docent_work_item *item, enum item_answer answer); /* By the application. */
void docent_work_item_tell(struct docent_later *later);
void docent_work_item_keep(docent_work_item *item); /* Its frame goes on without claim and taker. */
void docent_work_item_free(docent_work_item *item); /* From any thread. */
void docent_work_item_go(docent_work_item *item, enum item_state next);
void docent_work_item_trouble(docent_work_item *item, docent_status status, const char *fault); /* Is told. */
/* It goes on under "directory/name" up to @size bytes of the name, and @more. False: no memory. */
bool docent_work_item_goes_to(docent_work_item *item, const char *directory, size_t size, const char *more);

/* work_queue_hospital.c */
void docent_hospital_admit(docent_work_item *item); /* It is malformed. */
void docent_hospital_treat(docent_work_item *item); /* If it waits for that, and there is a quarantine. */
void docent_hospital_told(struct ground *ground, docent_status status); /* There is one, or none can be had. */
void docent_hospital_lost(docent_work_item *item); /* There was none, when it was to be moved. */
void docent_hospital_answered(docent_work_item *item, docent_status status); /* The claim's transaction that was to move it. */

/* ---- The consumer. ---- */

enum { CONSUMER_MEMORY_MS = 100 }; /* What there was no memory for is tried again. */

struct consumer {
    docent_work_queue *queue;
    struct items items;
    struct items_order order;
    struct docent_timer due;        /* Something is to be looked at again. */
    struct ground quarantine;
    bool started, ended;
    struct docent_work_item *list;  /* All that the loop has not let go of. */
    size_t count;
    struct docent_later pumping;
};

/* work_queue_consume.c */
void docent_consumer_forget(docent_work_item *item); /* It is over, and goes to where it came from. */
void docent_consumer_pump_soon(docent_work_queue *queue); /* At the end of the turn: there is room for another. */

#endif
