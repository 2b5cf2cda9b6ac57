/* docent/barrier.h - a barrier: a node that keeps everybody waiting for as long as it exists.
 *
 *     docent_barrier *barrier;
 *     if (docent_barrier_new(client, "/gates/import", NULL, &barrier) != DOCENT_OK) ...
 *     docent_barrier_set(barrier, 5000);         (who closes it)
 *     docent_barrier_wait(barrier, 60000);       (who waits until it is open)
 *     docent_barrier_remove(barrier, 5000);      (who opens it, which anybody may)
 *
 * The barrier belongs to nobody: it outlives the process that set it, and the handle that it was set through. Any number of calls may be
 * under way on one handle.
 *
 * Lost replies  Setting what is set, and removing what is not there, are no errors. But no call takes effect twice. A removal is of the node
 *               that stood when it was asked for, and of no later one. A set whose reply was lost, where the node is then not there, is
 *               sent again only if nothing at all has come or gone beside it meanwhile; else somebody may have removed it again, and it must
 *               not be closed a second time without having been asked: the outcome is DOCENT_ERR_UNKNOWN_OUTCOME, and says that the barrier is
 *               open now.
 * On suspend    A lost connection is waited out; waiting goes on when it is back.
 * On expiry     The same: none of this belongs to a session.
 * On close      Calls end with DOCENT_ERR_CLOSING (DOCENT_ERR_AUTH_FAILED if the client was refused its credentials). A barrier that is set
 *               stays set. When the client is closed first the handle is dead, and docent_barrier_close() only frees it.
 * On removal    That is how it opens, whoever does it.
 * Nodes         path itself, a plain node with the client's default data (Curator dialect: as its DistributedBarrier) or none (kazoo
 *               dialect: as its Barrier). These two, and whoever else creates and deletes the node, work together on one path in either
 *               dialect. Missing parents are made: containers where the server has them (Curator), plain nodes (kazoo, whose clients do not
 *               expect a parent to go).
 *
 * Threads, ownership and units as in lock.h. */
#ifndef DOCENT_BARRIER_H
#define DOCENT_BARRIER_H

#include <docent/lock.h>
#include <docent/recipe.h>
#include <docent/types.h>

DOCENT_BEGIN

typedef struct docent_barrier docent_barrier;

/* docent_barrier_options options = { DOCENT_BARRIER_OPTIONS };  What is left zero gets its default. */
typedef struct docent_barrier_options {
    size_t struct_size;     /* Set by DOCENT_BARRIER_OPTIONS; new fields go at the end. */
    docent_dialect dialect; /* Default: DOCENT_DIALECT_CURATOR. */
    docent_acl_list acl;    /* Of the node and of parents made. Default: the client's or view's. */
} docent_barrier_options;
#define DOCENT_BARRIER_OPTIONS .struct_size = sizeof(docent_barrier_options)
/** The same as { DOCENT_BARRIER_OPTIONS }, for compilers without designated initialisers. Thread: any. */
static inline void docent_barrier_options_init(docent_barrier_options *options)
{
    memset(options, 0, sizeof *options);
    options->struct_size = sizeof *options;
}

/** A handle of the barrier at @path; sends nothing. @options may be NULL and need not outlive the call. On success *@ret_barrier is the
 * caller's to docent_barrier_close(), on failure it is left as it was. Returns DOCENT_OK, DOCENT_ERR_NO_MEMORY, DOCENT_ERR_INVALID_ARGUMENT
 * (@path is no valid path of a node, or is "/"), DOCENT_ERR_CLOSING (the client is) or DOCENT_ERR_FORKED. Thread: any. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_barrier_new(docent_client *client, const char *path,
                                                              const docent_barrier_options *options, docent_barrier **ret_barrier);

/* All three tell @done (may be NULL) their outcome exactly once, and return DOCENT_OK if they will, else DOCENT_ERR_NO_MEMORY,
 * DOCENT_ERR_CLOSING, DOCENT_ERR_INVALID_ARGUMENT (NULL), DOCENT_ERR_WRONG_THREAD or DOCENT_ERR_FORKED. @timeout_ms may be DOCENT_FOREVER, or
 * DOCENT_NO_WAIT: now or, when the client is not connected, not at all. Outcomes common to all: DOCENT_ERR_CLOSING, and what the server
 * refuses them with (DOCENT_ERR_NO_AUTH and the like). */

/** Closes the barrier. DOCENT_OK: it is closed, by us or by another. DOCENT_ERR_TIMEOUT: not done, and will not be.
 * DOCENT_ERR_UNKNOWN_OUTCOME: it was closed and opened again, or not closed at all (above), or there is no time left to find out.
 * Thread: loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_barrier_set_async(docent_barrier *barrier, uint32_t timeout_ms, docent_done_fn done,
                                                                    void *user);
/** Opens the barrier. DOCENT_OK: the node that stood there is gone, by us or by another. DOCENT_ERR_TIMEOUT: not yet; once that node
 * was seen its removal goes on, also after docent_barrier_close(), until it is gone or the client is closed; before that, nothing
 * was done, and will not be. DOCENT_ERR_NOT_EMPTY: the node has children, and is no barrier of ours. DOCENT_ERR_UNKNOWN_OUTCOME: our session
 * ended meanwhile, and it cannot be said that the removal is over. Thread: loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_barrier_remove_async(docent_barrier *barrier, uint32_t timeout_ms, docent_done_fn done,
                                                                       void *user);
/** Waits until the barrier is open. DOCENT_OK: it is, or was at one moment since the call. DOCENT_ERR_TIMEOUT: it was closed all the
 * time, or nobody could be asked. A barrier that was set before the call is seen, whatever server we are at. Thread: loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_barrier_wait_async(docent_barrier *barrier, uint32_t timeout_ms, docent_done_fn done,
                                                                     void *user);

/* The same, waiting, and returning the outcome, or DOCENT_ERR_WOULD_DEADLOCK, or DOCENT_ERR_BUSY (inbox full). Thread: not loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_barrier_set(docent_barrier *barrier, uint32_t timeout_ms);
DOCENT_API DOCENT_MUST_CHECK docent_status docent_barrier_remove(docent_barrier *barrier, uint32_t timeout_ms);
DOCENT_API DOCENT_MUST_CHECK docent_status docent_barrier_wait(docent_barrier *barrier, uint32_t timeout_ms);

/** Where its latest call stands, and what the handle has done: of its calls, of whatever kind. Returns DOCENT_OK,
 * DOCENT_ERR_INVALID_ARGUMENT, or why the loop could not be asked: DOCENT_ERR_CLOSING, DOCENT_ERR_BUSY or DOCENT_ERR_FORKED. Thread: any. */
DOCENT_API docent_status docent_barrier_info(docent_barrier *barrier, docent_recipe_info *ret_info);

/** Ends calls under way (above), then calls @closed (may be NULL) and nothing after it. @barrier is not the caller's any more when this
 * returns. NULL: does nothing. Thread: any. */
DOCENT_API void docent_barrier_close(docent_barrier *barrier, void (*closed)(void *user), void *user);

DOCENT_END

#endif
