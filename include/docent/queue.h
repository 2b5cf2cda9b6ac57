/* docent/queue.h - a simple queue: items are put at one end, and taken at the other, by whoever asks first. It is ZooKeeper's own queue recipe
 * (C and Java), which is Curator's SimpleDistributedQueue as well; and, as a dialect, kazoo's Queue.
 *
 *     theirs                             here
 *     offer, put                         docent_queue_put()
 *     peek, element                      docent_queue_peek(): DOCENT_ERR_NO_NODE if there is none
 *     poll, remove                       docent_queue_take() with DOCENT_NO_WAIT: DOCENT_ERR_TIMEOUT if there is none
 *     poll with a time, take             docent_queue_take() with a time-out, or DOCENT_FOREVER
 *
 * AT MOST ONCE. An item that is taken is deleted, and then handed out: who dies in between has lost it. That is the peers' form, and the layout
 * has no room for another. Work that must not be lost belongs into a claim_queue.h, or a work_queue.h with locks, where it stays in the
 * queue until it is acknowledged.
 *
 * What is not known is said. The reply to a delete can be lost with its connection. Then docent_queue_take() looks, behind a sync: the item
 * is there, it was not deleted, and is taken again; or it is gone, and nothing at the servers says by whom. Then the outcome is
 * DOCENT_ERR_UNKNOWN_OUTCOME, and the result has the item's bytes: it was taken by this call, or by another consumer at the same time, and who
 * alone consumes knows that it was this one. (Peers take the next item then, and the one is lost without a word.) A put whose
 * reply was lost is DOCENT_ERR_UNKNOWN_OUTCOME as well, for names in the queue are the server's; with put_again it is put again until
 * it is certain, and may then be there twice. Without lost connections nothing is lost, and nothing doubled.
 *
 * Order       First in, first out, by the number that the server gave; in the kazoo dialect the smaller priority first, among equals the
 *             older. With one consumer items come in that order, however many takes wait; several share them out. Where priorities
 *             matter, one that arrives late comes in front within `fresh_ms` and a round trip.
 * Size        One listing serves all takes until it is used up, so a queue of 100,000 items costs one listing of that size, and no more for
 *             each item. Its reply has to fit docent_client_options.reply_max_bytes: else takes end with DOCENT_ERR_TOO_LARGE.
 * Watch       The first take leaves a watch on the directory until the queue is closed: of every item that comes, one's own too, the server then tells
 *             this client. Who only puts is told nothing.
 * On suspend  Takes wait on; a put or a take under way finds out when the connection is back.
 * On expiry   Waiting takes have nothing to lose, and wait on in the next session. One whose delete is in doubt ends with
 *             DOCENT_ERR_UNKNOWN_OUTCOME, and the bytes.
 * On close    Waiting takes end with DOCENT_ERR_CLOSING, those whose delete is on its way with what became of it; then @closed is told. Puts
 *             are the client's, and go on. When the client is closed first, a take whose delete is on its way ends with
 *             DOCENT_ERR_UNKNOWN_OUTCOME and the bytes, and the queue stays the caller's to docent_queue_close(), which then only frees.
 * On removal  An item that somebody else deletes is his. The path itself may go (Curator's is a container, which is reaped when it is empty) and
 *             is made again by the next put.
 * Nodes       path/qn-<number>, in the kazoo dialect path/entry-<priority, 3 digits>-<number>: persistent, with the item's bytes as they are.
 *             Missing parents are made: containers where the server has them, in the kazoo dialect plain nodes, because its clients do
 *             not expect a parent to go. Other names are left alone; but kazoo and the C recipe take whatever sorts first, so nothing
 *             else belongs there.
 *
 * Threads, ownership, units: as in lock.h. */
#ifndef DOCENT_QUEUE_H
#define DOCENT_QUEUE_H

#include <docent/lock.h>
#include <docent/operation.h>
#include <docent/recipe.h>

DOCENT_BEGIN

typedef struct docent_queue docent_queue;

/* docent_queue_options options = { DOCENT_QUEUE_OPTIONS, .dialect = DOCENT_DIALECT_KAZOO, .priority = 10 };  What is left zero gets its default. */
typedef struct docent_queue_options {
    size_t struct_size;
    docent_dialect dialect; /* Default: DOCENT_DIALECT_CURATOR. */
    docent_acl_list acl;    /* Of items, and of parents made. Default: the client's or view's. */
    uint32_t priority;      /* Kazoo: of what is put, 1 to 999. Default: 100. (A 0 of kazoo's is taken first, and cannot be put.) */
    bool put_again;         /* A put in doubt is put again, and may be there twice; see above. Default: it is DOCENT_ERR_UNKNOWN_OUTCOME. */
    uint32_t fresh_ms;      /* Kazoo: at most one listing in that time for the sake of what comes in front. Default: 1000. */
} docent_queue_options;
#define DOCENT_QUEUE_OPTIONS .struct_size = sizeof(docent_queue_options)
/** The same as { DOCENT_QUEUE_OPTIONS }, for compilers without designated initialisers. Thread: any. */
static inline void docent_queue_options_init(docent_queue_options *options)
{
    memset(options, 0, sizeof *options);
    options->struct_size = sizeof *options;
}

/** A queue at @path; sends nothing yet. @options may be NULL and need not outlive the call. On success *@ret_queue is the caller's to
 * docent_queue_close(), on failure it is left as it was. Returns DOCENT_OK, DOCENT_ERR_NO_MEMORY, DOCENT_ERR_INVALID_ARGUMENT (@path
 * is no valid path of a node, or is "/"; an option is out of its range), DOCENT_ERR_CLOSING (the client is) or DOCENT_ERR_FORKED. Thread: any. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_queue_new(docent_client *client, const char *path, const docent_queue_options *options,
                                                            docent_queue **ret_queue);

/** Puts an item and tells @done (may be NULL) the outcome, and in result->path its name. Any number may be under way; they get their places in the
 * order of the calls, unless a connection is lost meanwhile. With the client's time-out and retry policy. Outcomes: DOCENT_OK;
 * DOCENT_ERR_UNKNOWN_OUTCOME (above); DOCENT_ERR_SEQUENCE_EXHAUSTED (not put: the path has had 2^31 children, and is to be deleted and made anew when it
 * is empty. A server that counts on into the negative puts it, in an order that is wrong for everybody; then that is logged, as
 * "queue.exhausted"); those of docent_run_async(), none of which has put it. Returns DOCENT_OK if @done
 * will be called; DOCENT_ERR_TOO_LARGE (over the limit on requests), or as docent_run_async(), if it never will. @data is
 * copied. Thread: loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_queue_put_async(docent_queue *queue, const void *data, size_t size, docent_result_fn done,
                                                                  void *user);
/** docent_queue_put_async() that waits and returns the outcome. @ret_result (may be NULL): to be freed with docent_result_free(). Thread: not
 * loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_queue_put(docent_queue *queue, const void *data, size_t size, docent_result **ret_result);

typedef struct docent_queue_bytes {
    const void *data;
    size_t size;
} docent_queue_bytes;
/** Puts all @items side by side in one transaction, or none; result->results has their names. Otherwise as docent_queue_put_async(); all together
 * have to stay below the limit on requests. @count: at least 1. Thread: loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_queue_put_many_async(docent_queue *queue, const docent_queue_bytes *items, size_t count,
                                                                       docent_result_fn done, void *user);
/** docent_queue_put_many_async() that waits and returns the outcome. Thread: not loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_queue_put_many(docent_queue *queue, const docent_queue_bytes *items, size_t count,
                                                                 docent_result **ret_result);

/** Takes the first item and tells @done the outcome: with DOCENT_OK and DOCENT_ERR_UNKNOWN_OUTCOME (above) result->path, data, size and stat are
 * the item's. DOCENT_ERR_TIMEOUT: there was none for @timeout_ms, which may be DOCENT_FOREVER, or DOCENT_NO_WAIT: one look, and none either if
 * nobody can be asked because the client is not connected. A take whose delete is on its way when its time is up ends when that is known:
 * after a lost connection when it is back, or the session over. DOCENT_ERR_CLOSING; or what the server refused us with
 * (DOCENT_ERR_NO_AUTH, DOCENT_ERR_TOO_LARGE: with the path of the item if it is one that cannot be had. It is passed over for a second.) Any
 * number of takes may wait. Returns DOCENT_OK if @done (may be NULL) will be called; DOCENT_ERR_NO_MEMORY, DOCENT_ERR_CLOSING, DOCENT_ERR_INVALID_ARGUMENT (NULL),
 * DOCENT_ERR_WRONG_THREAD or DOCENT_ERR_FORKED if it never will. Thread: loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_queue_take_async(docent_queue *queue, uint32_t timeout_ms, docent_result_fn done, void *user);
/** docent_queue_take_async() that waits and returns the outcome, or DOCENT_ERR_WOULD_DEADLOCK, or DOCENT_ERR_BUSY (inbox full). *@ret_result is set if
 * the take was accepted, to be freed with docent_result_free(). Thread: not loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_queue_take(docent_queue *queue, uint32_t timeout_ms, docent_result **ret_result);

/** Reads the first item and leaves it: DOCENT_OK as docent_queue_take_async(), DOCENT_ERR_NO_NODE (there is none), or as docent_run_async(). It may be
 * gone by the time this is told. Costs a listing. Returns as docent_run_async(). Thread: loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_queue_peek_async(docent_queue *queue, docent_result_fn done, void *user);
/** docent_queue_peek_async() that waits and returns the outcome. Thread: not loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_queue_peek(docent_queue *queue, docent_result **ret_result);

/** How many items there are, in result->number; other names that are there are counted as well. No path: 0. Returns and outcomes as
 * docent_run_async(). Thread: loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_queue_size_async(docent_queue *queue, docent_result_fn done, void *user);
/** docent_queue_size_async() that waits and returns the outcome. Thread: not loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_queue_size(docent_queue *queue, uint32_t *ret_count);

/** What becomes of takes, each of which is one begun: see recipe.h. Returns DOCENT_OK, DOCENT_ERR_INVALID_ARGUMENT, or why the loop could not be
 * asked. Thread: any; waits for the loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_queue_info(docent_queue *queue, docent_recipe_info *ret_info);

/** Ends the takes (see "On close") and frees; then @closed (may be NULL) is called, and nothing of takes after it. @queue is not the caller's any
 * more when this returns. NULL: does nothing. Thread: any. */
DOCENT_API void docent_queue_close(docent_queue *queue, void (*closed)(void *user), void *user);

DOCENT_END

#endif
