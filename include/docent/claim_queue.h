/* docent/claim_queue.h - a queue whose items are not lost: an item that is taken is claimed, worked on, and only then deleted. It is kazoo's
 * LockingQueue, and the consumer's side of Curator's DistributedQueue with lock safety.
 *
 *     docent_item *item;
 *     while (docent_claim_queue_take(queue, DOCENT_FOREVER, &item) == DOCENT_OK) {
 *         size_t size;
 *         work(docent_item_data(item, &size), size);
 *         docent_item_acknowledge(item);
 *         docent_item_close(item, NULL, NULL);
 *     }
 *
 * AT LEAST ONCE. A claim is an ephemeral node. An item leaves the queue by the transaction {the claim is there, delete the item, delete the
 * claim}, which is sent in no session but the one that claimed; if that ends first, the claim goes with it, the item stays, and somebody
 * else takes it. So nothing is lost, and an item is worked on twice only after a claim was lost: then the first one's acknowledgement
 * comes to nothing, and says so (DOCENT_ERR_NOT_HELD, DOCENT_ERR_SESSION_EXPIRED). What work writes elsewhere is best written in a transaction with
 * docent_item_hold() as its guard (txn.h), so that a late one is refused. (Peers delete item and claim one after the other, or, kazoo, look
 * first and then delete without a guard.)
 *
 * Replies that are lost with their connection leave nothing unsaid: a claim is looked for by what is written in it, an acknowledgement by whether
 * claim and item are gone. Only if the session ends before that can be seen is an acknowledgement DOCENT_ERR_UNKNOWN_OUTCOME.
 *
 * Order       Kazoo: the smaller priority first, among equals the older. Curator: the names byte by byte, which is the order of plain queues
 *             and of priority queues; those with ids or times belong to work_queue.h. With one consumer, who takes one at a time, that is
 *             the order of the items; what is given back stands where it stood. Several share the items out.
 * Size        As queue.h. Which items are claimed is listed along; a claim that is given up or lost by another consumer is seen at once
 *             or, where the directory of claims was missing, within a second.
 * On suspend  Items in hand stay ours until the lease's deadline, before which the servers give them to nobody else; docent_item_is_claimed()
 *             reads the clock. Takes, acknowledgements and requeues wait for the connection.
 * On expiry   Items in hand are lost: docent_claim_queue_options.on_lost. Takes that wait go on in the next session.
 * On close    Waiting takes end with DOCENT_ERR_CLOSING. Items in hand are the application's until it closes them, and can be acknowledged;
 *             @closed is told when the last one is closed. When the client is closed first claims go with its session, and items and queue
 *             stay the caller's to close, which then only frees.
 * On removal  Of a claim, by somebody else: seen by the acknowledgement (DOCENT_ERR_NOT_HELD), and after a reconnect (on_lost). Of an item, by
 *             somebody who minds no claims: DOCENT_ERR_NO_NODE. Of a directory: it is made again.
 * Nodes       Kazoo: path/entries/entry-<priority, 3 digits>-<number>, persistent, the item's bytes; path/taken/<the same name>, ephemeral,
 *             32 hex digits, new ones for each claim. Curator: path/queue-...<number>, persistent, in frames of Curator's that are not opened
 *             here; claims_path/<the same name>, ephemeral, a UUID. Parents that are missing are made as plain nodes. Other names are left
 *             alone. All consumers of a path use its claims, or they take what others work on.
 *
 * Threads, ownership, units: as in lock.h. */
#ifndef DOCENT_CLAIM_QUEUE_H
#define DOCENT_CLAIM_QUEUE_H

#include <docent/hold.h>
#include <docent/queue.h>

DOCENT_BEGIN

typedef struct docent_claim_queue docent_claim_queue;
/** An item that was taken. The application's until docent_item_close(). */
typedef struct docent_item docent_item;

/* docent_claim_queue_options options = { DOCENT_CLAIM_QUEUE_OPTIONS, .dialect = DOCENT_DIALECT_KAZOO };  What is left zero gets its default. */
typedef struct docent_claim_queue_options {
    size_t struct_size;
    docent_dialect dialect;  /* Default: DOCENT_DIALECT_CURATOR. */
    const char *claims_path; /* Curator: the queue's lock path. Default: path with "-claims" behind it. Kazoo: none. */
    docent_acl_list acl;     /* Of items, claims, and parents made. Default: the client's or view's. */
    uint32_t priority;       /* Kazoo: of what is put, as in queue.h. */
    bool put_again;          /* As in queue.h. */
    uint32_t fresh_ms;       /* At most one listing in that time for the sake of what comes in front. Default: 1000 (kazoo), none ever comes in
                              * front (Curator): to be set for a priority queue. */
    bool any_order;          /* Order does not matter: each consumer begins at a place of its own, and they do not fight for the head. */
    void (*on_lost)(docent_item *item, docent_status why, void *user); /* An item in hand is claimed by us no more: the session ended
                              * (DOCENT_ERR_SESSION_EXPIRED) or somebody deleted the claim (DOCENT_ERR_NOT_HELD). Not told while it is being
                              * acknowledged or requeued, of which the outcome says so. Default: none. */
    void *user;              /* Passed to on_lost. */
} docent_claim_queue_options;
#define DOCENT_CLAIM_QUEUE_OPTIONS .struct_size = sizeof(docent_claim_queue_options)
/** The same as { DOCENT_CLAIM_QUEUE_OPTIONS }, for compilers without designated initialisers. Thread: any. */
static inline void docent_claim_queue_options_init(docent_claim_queue_options *options)
{
    memset(options, 0, sizeof *options);
    options->struct_size = sizeof *options;
}

/** A queue at @path; sends nothing yet. @options may be NULL and need not outlive the call. On success *@ret_queue is the caller's to
 * docent_claim_queue_close(), on failure it is left as it was. Returns as docent_queue_new(); DOCENT_ERR_INVALID_ARGUMENT also
 * for a claims_path that is path or "/". Thread: any. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_claim_queue_new(docent_client *client, const char *path,
                                                                  const docent_claim_queue_options *options,
                                                                  docent_claim_queue **ret_queue);

/** docent_queue_put_async(), in the kazoo dialect. Curator's items are framed, and made by docent_work_queue_put(): here that is
 * DOCENT_ERR_INVALID_ARGUMENT. Thread: loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_claim_queue_put_async(docent_claim_queue *queue, const void *data, size_t size,
                                                                        docent_result_fn done, void *user);
/** docent_claim_queue_put_async() that waits and returns the outcome. @ret_result may be NULL. Thread: not loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_claim_queue_put(docent_claim_queue *queue, const void *data, size_t size,
                                                                  docent_result **ret_result);
/** docent_queue_put_many_async(), in the kazoo dialect. Thread: loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_claim_queue_put_many_async(docent_claim_queue *queue, const docent_queue_bytes *items,
                                                                             size_t count, docent_result_fn done, void *user);
/** docent_claim_queue_put_many_async() that waits and returns the outcome. @ret_result may be NULL. Thread: not loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_claim_queue_put_many(docent_claim_queue *queue, const docent_queue_bytes *items,
                                                                       size_t count, docent_result **ret_result);

/** @item (DOCENT_OK, else NULL) is the application's to docent_item_close(). */
typedef void (*docent_item_fn)(docent_status status, docent_item *item, void *user);
/** Claims the first item that can be had, reads it, and tells @done. Outcomes: DOCENT_OK; DOCENT_ERR_TIMEOUT (none could be had for @timeout_ms, which
 * may be DOCENT_FOREVER or DOCENT_NO_WAIT, as in docent_queue_take_async(); never later than that); DOCENT_ERR_CLOSING; or what the server refused us
 * with. Any number of takes may wait. Returns DOCENT_OK if @done will be called; DOCENT_ERR_NO_MEMORY, DOCENT_ERR_CLOSING,
 * DOCENT_ERR_INVALID_ARGUMENT (NULL), DOCENT_ERR_WRONG_THREAD or DOCENT_ERR_FORKED if it never will. Thread: loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_claim_queue_take_async(docent_claim_queue *queue, uint32_t timeout_ms, docent_item_fn done,
                                                                         void *user);
/** docent_claim_queue_take_async() that waits and returns the outcome; *@ret_item is set with DOCENT_OK. Thread: not loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_claim_queue_take(docent_claim_queue *queue, uint32_t timeout_ms, docent_item **ret_item);

/** What becomes of takes and of items in hand, each take one begun: see recipe.h. Returns as docent_queue_info(). Thread: any; waits for the loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_claim_queue_info(docent_claim_queue *queue, docent_recipe_info *ret_info);

/** Ends the takes; when all items in hand are closed, frees and calls @closed (may be NULL). @queue is not the caller's any more when this
 * returns. NULL: does nothing. Thread: any. */
DOCENT_API void docent_claim_queue_close(docent_claim_queue *queue, void (*closed)(void *user), void *user);

/** The item's node, and its bytes. Borrowed from the item. Thread: any. */
DOCENT_API const char *docent_item_path(const docent_item *item);
DOCENT_API const void *docent_item_data(const docent_item *item, size_t *ret_size);

/** Is it ours, certainly, now? Not while it is being acknowledged or requeued; and from the lease's deadline on it is not, whatever the loop does.
 * Thread: any. */
DOCENT_API bool docent_item_is_claimed(const docent_item *item);
/** The claim as a hold, for docent_txn_guard(), or NULL: it is not ours any more, or is being acknowledged. The caller owns one reference. Thread: any;
 * waits for the loop. */
DOCENT_API docent_hold *docent_item_hold(docent_item *item);

/** Deletes item and claim, in one transaction, and tells @done (may be NULL): DOCENT_OK; DOCENT_ERR_NOT_HELD (the claim was gone), DOCENT_ERR_NO_NODE (the
 * item was), DOCENT_ERR_SESSION_EXPIRED or DOCENT_ERR_CLOSING (it stays for others), DOCENT_ERR_UNKNOWN_OUTCOME (the session or the client ended while
 * it was on its way): over in any case. Else what the server refused it with, and the item is held on. A lost connection is waited
 * out, for the session's time-out at most. Returns DOCENT_OK if @done will be called; DOCENT_ERR_NOT_HELD (not ours any more), DOCENT_ERR_BUSY (it is being
 * acknowledged or requeued), DOCENT_ERR_CLOSING, DOCENT_ERR_INVALID_ARGUMENT (NULL), DOCENT_ERR_WRONG_THREAD or DOCENT_ERR_FORKED if it never will. Thread:
 * loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_item_acknowledge_async(docent_item *item, docent_done_fn done, void *user);
/** docent_item_acknowledge_async() that waits and returns the outcome. Thread: not loop. */
DOCENT_API docent_status docent_item_acknowledge(docent_item *item);
/** docent_item_acknowledge_async(), and in the same transaction the same bytes are put again, behind all others of the same priority: for work that failed.
 * DOCENT_ERR_SEQUENCE_EXHAUSTED: there is no number left to put it under (docent_queue_put_async()), and the item is held on. Thread: loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_item_requeue_async(docent_item *item, docent_done_fn done, void *user);
/** docent_item_requeue_async() that waits and returns the outcome. Thread: not loop. */
DOCENT_API docent_status docent_item_requeue(docent_item *item);

/** Gives the item back, to where it stood, if it is ours still and is not being acknowledged; then frees it and calls @closed (may be NULL).
 * The claim is removed until it, or the session, is gone. @item is not the caller's any more when this returns. NULL: does nothing. Thread: any. */
DOCENT_API void docent_item_close(docent_item *item, void (*closed)(void *user), void *user);

DOCENT_END

#endif
