/* docent/sync_queue.h - a synchronising queue: members gather, and when there are enough of them all start together. Again and again, in rounds
 * that never mix.
 *
 *     docent_sync_queue_options options = { DOCENT_SYNC_QUEUE_OPTIONS, .quantity = 3 };
 *     if (docent_sync_queue_new(client, "/start", &options, &queue) != DOCENT_OK) ...
 *     for (;;) {
 *         docent_sync_queue_gather(queue, DOCENT_FOREVER);    (three of us are here)
 *         ... docent_sync_queue_round(queue) ...
 *     }
 *
 * Each call of gather is a member; a handle may have any number of them. The path's own node has the number of the round that gathers. A
 * member's node is made in a transaction that checks that its round still gathers; a round is started by a transaction that checks that
 * enough members are there, and counts the number up. So whoever has got a node in a round starts with that round, or withdraws
 * before; and nobody starts before so many were there at one moment. Who comes late is of the next round. (With docent/double_barrier.h members
 * leave together, too, and JVM and Python peers can take part.)
 *
 * On suspend  Gathering goes on when the connection is back: a round that has started meanwhile is recognised.
 * On expiry   DOCENT_ERR_SESSION_EXPIRED: our node is gone. The others may have started with us counted.
 * On close    Members withdraw, and end with DOCENT_ERR_CLOSING (DOCENT_ERR_AUTH_FAILED if the client was refused its credentials).
 * On removal  Somebody else deletes our node: we do not count any more, and still start with the round. Somebody sets the path's own node:
 *             then it says which round gathers; what is no number, or less than it was, ends gathering with DOCENT_ERR_CORRUPT_DATA. Somebody
 *             deletes the path with all below it: gathering ends with DOCENT_ERR_NO_NODE (or, if it was made anew unseen, as before).
 * Nodes       path, plain, its data the number of the round, in decimal; path/<round>-<uuid>, ephemeral and empty, one per member. No other library
 *             has this layout. Missing parents are containers where the server has them.
 *
 * Threads, ownership and units as in lock.h. */
#ifndef DOCENT_SYNC_QUEUE_H
#define DOCENT_SYNC_QUEUE_H

#include <docent/recipe.h>
#include <docent/types.h>

DOCENT_BEGIN

typedef struct docent_sync_queue docent_sync_queue;

/* docent_sync_queue_options options = { DOCENT_SYNC_QUEUE_OPTIONS, .quantity = 5 };  What is left zero gets its default. */
typedef struct docent_sync_queue_options {
    size_t struct_size;  /* Set by DOCENT_SYNC_QUEUE_OPTIONS; new fields go at the end. */
    uint32_t quantity;   /* Members that a round takes at least; all should agree. 1 to 1000; there is no default. */
    docent_acl_list acl; /* Of all nodes made. Default: the client's or view's. */
} docent_sync_queue_options;
#define DOCENT_SYNC_QUEUE_OPTIONS .struct_size = sizeof(docent_sync_queue_options)
/** The same as { DOCENT_SYNC_QUEUE_OPTIONS }, for compilers without designated initialisers. Thread: any. */
static inline void docent_sync_queue_options_init(docent_sync_queue_options *options)
{
    memset(options, 0, sizeof *options);
    options->struct_size = sizeof *options;
}

/** A handle of the queue at @path; sends nothing. @options need not outlive the call. On success *@ret_queue is the caller's to
 * docent_sync_queue_close(), on failure it is left as it was. Returns DOCENT_OK, DOCENT_ERR_NO_MEMORY, DOCENT_ERR_INVALID_ARGUMENT (@path is
 * no valid path of a node, or is "/"; no quantity, or too large a one), DOCENT_ERR_CLOSING (the client is) or DOCENT_ERR_FORKED. Thread: any. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_sync_queue_new(docent_client *client, const char *path,
                                                                 const docent_sync_queue_options *options, docent_sync_queue **ret_queue);

/** Gathers, and tells @done (may be NULL) the outcome, exactly once: DOCENT_OK (started), DOCENT_ERR_TIMEOUT (withdrawn: no round starts with
 * us any more), DOCENT_ERR_SESSION_EXPIRED, DOCENT_ERR_CLOSING, DOCENT_ERR_CORRUPT_DATA, or what the server refuses us with. At the deadline
 * withdrawing may take a round trip (at most a second) more, and finds out whether the round has started, which is DOCENT_OK. Only where
 * nobody can be asked, for the connection is down, may others have started with us counted in spite of DOCENT_ERR_TIMEOUT.
 * @timeout_ms may be DOCENT_FOREVER, or DOCENT_NO_WAIT: started if we are the last that was missing. Returns DOCENT_OK if @done will be called;
 * DOCENT_ERR_NO_MEMORY, DOCENT_ERR_CLOSING, DOCENT_ERR_INVALID_ARGUMENT (NULL), DOCENT_ERR_WRONG_THREAD or DOCENT_ERR_FORKED if it never
 * will. Thread: loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_sync_queue_gather_async(docent_sync_queue *queue, uint32_t timeout_ms, docent_done_fn done,
                                                                          void *user);
/** The same, waiting, and returning the outcome, or DOCENT_ERR_WOULD_DEADLOCK, or DOCENT_ERR_BUSY (inbox full). Thread: not loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_sync_queue_gather(docent_sync_queue *queue, uint32_t timeout_ms);

/** The round that we started with last, -1: none. Larger for every later one, and the same for all who started together. Thread: any. */
DOCENT_API int64_t docent_sync_queue_round(const docent_sync_queue *queue);

/** Where its latest call stands, and what the handle has done. Returns DOCENT_OK, DOCENT_ERR_INVALID_ARGUMENT, or why the loop could not be
 * asked: DOCENT_ERR_CLOSING, DOCENT_ERR_BUSY or DOCENT_ERR_FORKED. Thread: any. */
DOCENT_API docent_status docent_sync_queue_info(docent_sync_queue *queue, docent_recipe_info *ret_info);

/** Withdraws, then frees; when our nodes are gone, or the client closes, @closed (may be NULL) is called and nothing after it. @queue is not the
 * caller's any more when this returns. NULL: does nothing. Thread: any. */
DOCENT_API void docent_sync_queue_close(docent_sync_queue *queue, void (*closed)(void *user), void *user);

DOCENT_END

#endif
