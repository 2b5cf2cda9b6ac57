/* docent/work_queue.h - a queue of work between processes: producers put items, consumers are handed them and answer when they are done. It is
 * Curator's family of distributed queues, on the wire: DistributedQueue, DistributedIdQueue, DistributedPriorityQueue, DistributedDelayQueue.
 * For queues without a consumer of their own (offer, poll, take) see queue.h.
 *
 * A docent_work_queue is a producer, and with on_item a consumer as well. All users of a path agree on the kind, and on the lock path.
 *
 * Two promises, of which lock_path makes the choice:
 *   with       lock-safe, at least once. An item is claimed by an ephemeral node and stays in the queue until it is done with; done with, item and
 *              claim go in one transaction, which the servers accept only while the claim stands. When a consumer's session ends its
 *              items are handed to others: then something may be processed twice, and docent_work_item_done() of the first comes to nothing.
 *   without    the peers' form for cheap work, at most once. An item is deleted, then handed out; who dies in between loses it. Where it
 *              cannot be known who deleted an item (the reply was lost) it is not handed out, and on_trouble has its bytes.
 * Consumers without a lock path take items that others have claimed: all of a queue have the same, or none.
 *
 * Order       With parallel = 1 and a single consumer items come in the order of the kind (below). More of either work side by side.
 * Failed      Work that is answered DOCENT_WORK_FAILED is put back at the end of the queue, or given up; see on_failure. Put back it keeps
 *             its id, priority or time, unlike with the peer, whose consumers take it all the same.
 * Refused     An item that may not be deleted (DOCENT_ERR_NO_AUTH and the like) is handed out again, after a second or when the queue changes.
 * Malformed   Items that do not read as the peers' frames (below) are moved to quarantine_path, and on_trouble is told. They never
 *             stay at the head, and never vanish. (A peer deletes them.)
 * Foreign     Names that do not begin with "queue-" are left alone.
 * Puts        A put has one outcome; a lost connection is waited out. When its reply was lost, nothing at the servers says whether an item
 *             was put: there is no room for a mark in the peers' names, and a consumer may have it already. Then the outcome is
 *             DOCENT_ERR_UNKNOWN_OUTCOME; except with receipt_path: each put goes together with a change of a node of our own, which tells.
 *             Then it is unknown only if the session ended before that could be read.
 *
 * On suspend  Nothing new is handed out. What is handed out may go on; done, it waits for the connection.
 * On expiry   Claims are gone: the items belong to whoever is next, and on_lost is told of each that is out. It stays the application's until it
 *             answers, and then its outcome is not written: on_trouble is told of that, with DOCENT_ERR_NOT_HELD.
 * On close    No item is taken any more; at most once, one that was taken just then is handed out still. Waiting puts end with DOCENT_ERR_CLOSING. Closed is told when all that was handed out is answered,
 *             and the last answer is written. When the client is closed first, claims go with its session, and items that are out need
 *             still be answered, which then only frees.
 * On removal  Somebody deletes an item: it is not handed out; one that is, is gone when it is answered. A claim: the item may be handed to others,
 *             as after expiry. The path or the lock path: they are made again.
 * Nodes       path/queue-<number>, path/queue-|<id>|<number>, path/queue-<sign><8 hex digits><number>, path/queue-|<epoch in hex>|<number>:
 *             persistent. lock_path/<name of the item>: ephemeral. path and lock_path are plain nodes, for JVM peers make them once and expect
 *             them to stay; what is above them are containers, where the server has them. receipt_path/<uuid>: ephemeral.
 *             quarantine_path/<name of the item>-<number>: persistent.
 * Frames      00 01 00 01, then for each element 01, its length (4 bytes, big endian) and its bytes, then 02. So several elements can be put
 *             as one item. The whole is bound by the server's limit on data, about 1 MiB.
 *
 * Threads, ownership, units: as in lock.h. */
#ifndef DOCENT_WORK_QUEUE_H
#define DOCENT_WORK_QUEUE_H

#include <docent/recipe.h>
#include <docent/types.h>

DOCENT_BEGIN

typedef struct docent_work_queue docent_work_queue;
typedef struct docent_work_item docent_work_item;

typedef enum docent_work_queue_kind {
    DOCENT_WORK_QUEUE_PLAIN,    /* In order of arrival. */
    DOCENT_WORK_QUEUE_ID,       /* In order of arrival; items have ids, and can be removed by them. */
    DOCENT_WORK_QUEUE_PRIORITY, /* Smaller first; equal ones in order of arrival. */
    DOCENT_WORK_QUEUE_DELAY,    /* Not before their time, by the consumer's wall clock. */
} docent_work_queue_kind;

/** A part of an item: bytes of the application. */
typedef struct docent_work_element {
    const void *data;
    size_t size;
} docent_work_element;

typedef enum docent_work_outcome {
    DOCENT_WORK_DONE,
    DOCENT_WORK_FAILED,
} docent_work_outcome;

typedef enum docent_work_on_failure {
    DOCENT_WORK_REQUEUE, /* Taken out and put back at the end, in one transaction. */
    DOCENT_WORK_DELETE,  /* As if it were done. */
} docent_work_on_failure;

/** Something that became of an item, and is not what was asked for. */
typedef struct docent_work_trouble {
    size_t struct_size;
    docent_status status; /* DOCENT_ERR_CORRUPT_DATA: malformed, and in quarantine. DOCENT_ERR_UNKNOWN_OUTCOME: at most once, taken out by
                           * us or by another consumer, and not handed out; with a lock path, it was done, and the session ended before it
                           * was known whether that was written. DOCENT_ERR_NOT_HELD: it was done, and was not ours any
                           * more. Else why our answer for it could not be written: DOCENT_ERR_NO_AUTH, ... */
    const char *name;     /* Of the item. Borrowed, as all here, until the callback returns. */
    const char *fault;    /* In static words; "" if status says it all. */
    const void *data;     /* Its frame. */
    size_t size;
} docent_work_trouble;

/* docent_work_queue_options options = { DOCENT_WORK_QUEUE_OPTIONS, .lock_path = "/jobs-locks", .on_item = work };  What is left zero gets its
 * default. */
typedef struct docent_work_queue_options {
    size_t struct_size;
    docent_work_queue_kind kind; /* Default: DOCENT_WORK_QUEUE_PLAIN. */
    const char *lock_path;       /* Default: none, at most once. */
    void (*on_item)(docent_work_queue *queue, docent_work_item *item, void *user); /* An item to work on, until docent_work_item_done(),
                                  * here or later, from any thread. Default: none, a producer only. */
    uint32_t parallel;           /* How many may be out at once. Default: 1. */
    docent_work_on_failure on_failure; /* With a lock path; without one an item that is handed out is gone already. Default:
                                  * DOCENT_WORK_REQUEUE. */
    uint32_t refresh_items;      /* PRIORITY, DELAY: while others change the queue it is listed again when so many items were handed out
                                  * since the last time. Larger: fewer listings; what arrives meanwhile and should come first comes later by as
                                  * many. Default: 1, at each change. Curator's minItemsBeforeRefresh. */
    uint32_t max_items;          /* Puts wait while the queue has so many items or more, as far as is known here: others may be faster. Default:
                                  * no bound. */
    const char *receipt_path;    /* See Puts. Default: none. */
    const char *quarantine_path; /* Default: the queue's path with "-quarantine" behind it. */
    docent_acl_list acl;         /* Of all nodes. Default: the client's or view's. */
    void (*on_put)(docent_work_queue *queue, const char *name, void *user); /* A put of ours is in the queue, as the item of this name. Told before
                                  * its outcome; not told where only the receipt says so, which knows no name. Default: none. */
    void (*on_trouble)(docent_work_queue *queue, const docent_work_trouble *trouble, void *user); /* Default: none; all goes to the log. */
    void *user;                  /* Passed to the callbacks. */
    void (*on_lost)(docent_work_queue *queue, docent_work_item *item, docent_status why, void *user); /* With a lock path: an item that is out is claimed
                                  * by us no more, as the session ended (DOCENT_ERR_SESSION_EXPIRED) or somebody deleted the claim
                                  * (DOCENT_ERR_NOT_HELD). It is still to be answered. One that another thread answers just then may be told, too: it
                                  * is good until this returns. Default: none. */
} docent_work_queue_options;
#define DOCENT_WORK_QUEUE_OPTIONS .struct_size = sizeof(docent_work_queue_options)
/** The same as { DOCENT_WORK_QUEUE_OPTIONS }, for compilers without designated initialisers. Thread: any. */
static inline void docent_work_queue_options_init(docent_work_queue_options *options)
{
    memset(options, 0, sizeof *options);
    options->struct_size = sizeof *options;
}

/** A producer, or a consumer, on @path; the consumer begins as soon as there is a connection. @options may be NULL and need not outlive the call.
 * On success *@ret_queue is the caller's to docent_work_queue_close(), on failure it is left as it was. Returns DOCENT_OK,
 * DOCENT_ERR_NO_MEMORY, DOCENT_ERR_INVALID_ARGUMENT (a path is no valid path of a node, or is "/"; there is no such kind), DOCENT_ERR_CLOSING
 * (the client is) or DOCENT_ERR_FORKED. Thread: any. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_work_queue_new(docent_client *client, const char *path, const docent_work_queue_options *options,
                                                                 docent_work_queue **ret_queue);

/* docent_work_put put = { DOCENT_WORK_PUT, .elements = parts, .count = 2, .priority = -1 };  What is left zero is nothing, or 0. */
typedef struct docent_work_put {
    size_t struct_size;
    const docent_work_element *elements; /* Copied. */
    size_t count;      /* 0: an item without elements. */
    const char *id;    /* ID: UTF-8. "/" and "|" become "_". */
    int32_t priority;  /* PRIORITY. */
    int64_t due_ms;    /* DELAY: milliseconds since 1970, at least 1. */
} docent_work_put;
#define DOCENT_WORK_PUT .struct_size = sizeof(docent_work_put)
/** The same as { DOCENT_WORK_PUT }, for compilers without designated initialisers. Thread: any. */
static inline void docent_work_put_init(docent_work_put *put)
{
    memset(put, 0, sizeof *put);
    put->struct_size = sizeof *put;
}

/** Puts one item, and tells @done (may be NULL) the outcome: DOCENT_OK (it is in the queue, or was taken already), DOCENT_ERR_TIMEOUT (not put;
 * DOCENT_NO_WAIT: the queue is full, or there is no connection), DOCENT_ERR_UNKNOWN_OUTCOME (see Puts), DOCENT_ERR_SEQUENCE_EXHAUSTED (not put: the
 * path has had 2^31 children, and is to be deleted and made anew), DOCENT_ERR_CLOSING, or what the server refused us with. Puts of one
 * queue are carried out in order. Over the limit on requests is an outcome, too, DOCENT_ERR_TOO_LARGE. Returns DOCENT_OK if @done will be called;
 * DOCENT_ERR_INVALID_ARGUMENT (the put has not what its kind needs, or what makes no valid name), DOCENT_ERR_BUSY (docent_client_options.pending_max are waiting),
 * DOCENT_ERR_NO_MEMORY, DOCENT_ERR_CLOSING, DOCENT_ERR_WRONG_THREAD or DOCENT_ERR_FORKED if it never will. Thread: loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_work_queue_put_async(docent_work_queue *queue, const docent_work_put *put, uint32_t timeout_ms,
                                                                       docent_done_fn done, void *user);
/** docent_work_queue_put_async() that waits and returns the outcome, or DOCENT_ERR_WOULD_DEADLOCK. Thread: not loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_work_queue_put(docent_work_queue *queue, const docent_work_put *put, uint32_t timeout_ms);

/** Tells @done when all puts accepted so far have their outcome, whichever: DOCENT_OK, or DOCENT_ERR_TIMEOUT, or DOCENT_ERR_CLOSING. Returns DOCENT_OK
 * if @done will be called, else DOCENT_ERR_INVALID_ARGUMENT, DOCENT_ERR_NO_MEMORY, DOCENT_ERR_CLOSING, DOCENT_ERR_WRONG_THREAD or
 * DOCENT_ERR_FORKED. Thread: loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_work_queue_flush_async(docent_work_queue *queue, uint32_t timeout_ms, docent_done_fn done, void *user);
/** docent_work_queue_flush_async() that waits and returns the outcome, or DOCENT_ERR_WOULD_DEADLOCK or DOCENT_ERR_BUSY. Thread: not loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_work_queue_flush(docent_work_queue *queue, uint32_t timeout_ms);

/** Removes all items with @id that are there now and nobody works on, and tells @done (may be NULL) how many: with DOCENT_OK, or with what
 * ended it early. An item whose removal was asked for and whose reply was lost counts if it is gone. Returns DOCENT_OK if @done will be called;
 * DOCENT_ERR_INVALID_ARGUMENT (not of kind ID, no id), DOCENT_ERR_NO_MEMORY, DOCENT_ERR_BUSY, DOCENT_ERR_CLOSING, DOCENT_ERR_WRONG_THREAD or
 * DOCENT_ERR_FORKED if it never will. Thread: loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_work_queue_remove_async(docent_work_queue *queue, const char *id, uint32_t timeout_ms,
                                                                          void (*done)(docent_status status, size_t count, void *user), void *user);
/** docent_work_queue_remove_async() that waits and returns the outcome, or DOCENT_ERR_WOULD_DEADLOCK. *@ret_count (@ret_count may be NULL)
 * is set if the removal was begun. Thread: not loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_work_queue_remove(docent_work_queue *queue, const char *id, uint32_t timeout_ms, size_t *ret_count);

/** The parts of an item; *@ret_count (may be NULL) of them. Borrowed until docent_work_item_done(). Thread: any. */
DOCENT_API const docent_work_element *docent_work_item_elements(const docent_work_item *item, size_t *ret_count);
/** Its name in the queue. Borrowed likewise. Thread: any. */
DOCENT_API const char *docent_work_item_name(const docent_work_item *item);
/** The answer for an item that on_item was given; @item is not the caller's any more when this returns. What is written for it is in the story
 * above; that it is written is not waited for. NULL: does nothing. Thread: any. */
DOCENT_API void docent_work_item_done(docent_work_item *item, docent_work_outcome outcome);
/** The claim on an item with a lock path, for transactions that are to happen only while it is ours, also once the queue is closed; NULL: it is not, or
 * there is none. The caller owns one reference, dropped with docent_hold_unref(). Thread: any; elsewhere than on the loop it waits for the loop. */
struct docent_hold;
DOCENT_API struct docent_hold *docent_work_item_hold(docent_work_item *item);

/** How many items the queue has, as far as was seen last; -1: nothing was seen yet. It is looked at by consumers and with max_items. Thread:
 * any. */
DOCENT_API int64_t docent_work_queue_last_count(const docent_work_queue *queue);
/** Where it stands. begun: items handed out; succeeded: done, and written. Returns DOCENT_OK, DOCENT_ERR_INVALID_ARGUMENT, DOCENT_ERR_CLOSING,
 * DOCENT_ERR_BUSY (inbox full) or DOCENT_ERR_FORKED. Thread: any; off the loop it waits for it. */
DOCENT_API docent_status docent_work_queue_info(docent_work_queue *queue, docent_recipe_info *ret_info);

/** Ends it, see On close; then @closed (may be NULL) is called, and nothing after it. @queue is not the caller's any more when this returns.
 * NULL: does nothing. Thread: any. */
DOCENT_API void docent_work_queue_close(docent_work_queue *queue, void (*closed)(void *user), void *user);

DOCENT_END

#endif
