/* recipes/work_queue_internal.h - a work queue, what its parts share. Each part has a machine of its own, for what it waits for has nothing to do
 * with what the others wait for:
 *
 *     ground     (ground.h) the path, the lock path and so on are there
 *     producer   work_queue_put.c: one transaction of puts at a time, and what became of it; work_queue_line.c: puts that stand in line
 *     census     work_queue_count.c: how many items there are, for a producer with a bound
 *     consumer   work_queue_consume.c: items are found; work_queue_item.c: and claimed, handed out, answered; work_queue_hospital.c: or malformed
 *     remover    work_queue_remove.c: one for each call that removes
 *
 * The handle (handle.h) is the life of the whole: over when nobody is left who waits for anything. */
#ifndef DOCENT_RECIPES_WORK_QUEUE_INTERNAL_H
#define DOCENT_RECIPES_WORK_QUEUE_INTERNAL_H

#include <docent/work_queue.h>

#include "core/drive/await.h"
#include "recipes/ground.h"
#include "recipes/handle.h"
#include "recipes/meter.h"
#include "recipes/protected.h"
#include "recipes/rearm.h"
#include "recipes/removal.h"
#include "recipes/work_queue_receipt.h"

struct put { /* One accepted put. */
    struct put *next;
    struct docent_work_queue *queue;
    uint64_t serial;
    struct docent_timer deadline;
    bool timed;      /* The deadline's room is reserved. */
    bool impatient;  /* Now or not at all. */
    bool answered;   /* The outcome is known to the application, or on its way there. */
    bool over;       /* Nobody but the telling needs it. */
    docent_status outcome;
    char *name;      /* Of the item, once it is known. Owned. */
    docent_done_fn done;
    void *user;
    struct docent_later telling;
    const uint8_t *frame; /* This and what follows is in the put's own block. */
    size_t size;
    char path[];     /* Of the queue, and the name up to the number. */
};

struct put_list {
    struct put *first, **last;
};

struct flush { /* Somebody waits until all puts up to a serial are answered. */
    struct flush *next;
    struct docent_work_queue *queue;
    uint64_t serial;
    size_t left;
    struct docent_timer deadline;
    bool timed, answered;
    docent_status outcome;
    docent_done_fn done;
    void *user;
    struct docent_later telling;
};

enum producer_state {
    PRODUCER_IDLE,    /* Nothing to put, no room, no ground, no connection. */
    PRODUCER_SIGNING, /* The receipt is being made. */
    PRODUCER_SENDING,
    PRODUCER_FINDING, /* It was sent and not answered: what does the receipt say? */
    PRODUCER_LEAVING, /* The receipt goes. */
    PRODUCER_OVER,
    PRODUCER_STATES
};

struct producer {
    struct docent_machine machine; /* First. */
    enum producer_state state;
    struct put_list waiting, sending;
    size_t sending_count;
    size_t alive;             /* Puts that are not freed. */
    struct flush *flushes;
    uint64_t serial;          /* Of the newest put. */
    bool leaves;              /* When it is idle again. */
    bool alone;               /* One put in a transaction: several were refused for what may be one's fault. */
    struct receipt receipt;
    docent_status sync;       /* Of the look under way. */
    struct removal removal;   /* Of the receipt. */
};

struct census {
    struct docent_machine machine;
    struct rearm rearm;
    bool started;
    bool looking;
    bool stale;    /* Something has changed since the last look began. */
    int64_t count; /* -1: not known. */
};

struct consumer;
struct remover;

struct docent_work_queue {
    struct handle handle; /* First. */
    bool part;            /* Of another handle, which closes it. */
    docent_work_queue_kind kind;
    uint32_t parallel, refresh_items, max_items;
    docent_work_on_failure on_failure;
    void (*on_item)(docent_work_queue *queue, docent_work_item *item, void *user);
    void (*on_put)(docent_work_queue *queue, const char *name, void *user);
    void (*on_trouble)(docent_work_queue *queue, const docent_work_trouble *trouble, void *user);
    void (*on_lost)(docent_work_queue *queue, docent_work_item *item, docent_status why, void *user);
    void *user;
    docent_acl_list acl;
    char *path, *lock_path, *receipt_path, *quarantine_path; /* Owned; lock and receipt: or NULL. */
    size_t path_size;

    struct meter meter;
    struct ground ground;
    struct producer producer;
    struct census census;
    struct consumer *consumer; /* NULL: a producer only. */
    struct remover *removers;
    docent_shared_i64 last_count;
};

static inline const docent_allocator *docent_work_allocator(const docent_work_queue *queue)
{
    return &queue->handle.allocator;
}

/* work_queue.c */
/* docent_work_queue_new() of a part of @whole, which closes its handle; NULL: of none. For the application's own close a part is deaf. */
docent_status docent_work_queue_make(docent_client *client, const char *path, const docent_work_queue_options *options, struct handle *whole,
                                     docent_work_queue **ret_queue);
void docent_work_settle(docent_work_queue *queue); /* Something has ended. */
void docent_work_counted(docent_work_queue *queue, int64_t count);

/* work_queue_line.c */
docent_status docent_work_put_check(docent_work_queue_kind kind, const docent_work_put *put); /* But for what makes no valid name. */
void docent_put_end(struct put *put, docent_status outcome); /* It is in no list any more. */
void docent_puts_empty(struct put_list *list);
void docent_puts_add(struct put_list *list, struct put *put);
struct put *docent_puts_take(struct put_list *list); /* The first; NULL: there is none. */
void docent_puts_put_back(struct put_list *list, struct put_list *front); /* All of @front, before what is in @list. */
void docent_puts_end(struct put_list *list, docent_status outcome);
void docent_puts_end_impatient(struct put_list *list); /* Those that cannot wait. */

/* work_queue_put.c */
docent_status docent_producer_fill(docent_work_queue *queue);
void docent_producer_start(docent_work_queue *queue);
void docent_producer_pump(docent_work_queue *queue); /* Something has changed that it may wait for. */
void docent_producer_refused(docent_work_queue *queue, docent_status why); /* There is no ground. */
void docent_producer_end(docent_work_queue *queue, docent_status why);
bool docent_producer_is_over(const docent_work_queue *queue);

/* work_queue_count.c */
void docent_census_start(docent_work_queue *queue);
void docent_census_stop(docent_work_queue *queue, bool mute);
bool docent_census_is_over(const docent_work_queue *queue);
/* How many more may be put now. It is told when that is known, or changes: docent_producer_pump(). */
bool docent_census_room(docent_work_queue *queue, size_t *ret_room);
void docent_census_put(docent_work_queue *queue, size_t count); /* We have put so many. */

/* work_queue_remove.c */
void docent_removers_end(docent_work_queue *queue, docent_status why);

/* work_queue_consume.c */
docent_status docent_consumer_new(docent_work_queue *queue);
unsigned docent_consumer_timers(void);
void docent_consumer_start(docent_work_queue *queue); /* Or again: there is ground to stand on. */
void docent_consumer_end(docent_work_queue *queue, docent_status why, bool mute);
void docent_consumer_answers(struct handle *handle); /* Looks what has been said of the items that are out. */
bool docent_consumer_is_over(const docent_work_queue *queue);
void docent_consumer_free(docent_work_queue *queue);

#endif
