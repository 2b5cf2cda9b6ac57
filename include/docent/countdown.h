/* docent/countdown.h - a countdown: a number that is counted down to zero, and those who wait for that.
 *
 *     docent_countdown *countdown;
 *     if (docent_countdown_new(client, "/ready/for/traffic", NULL, &countdown) != DOCENT_OK) ...
 *     docent_countdown_create(countdown, 3, 5000);        (somebody, once)
 *     docent_countdown_count_down(countdown, 5000);       (each of three, when done)
 *     docent_countdown_wait(countdown, DOCENT_FOREVER);   (whoever wants to know)
 *
 * Each call of count_down counts once, whatever replies are lost: it leaves a node of its own in the transaction that counts, by which it
 * finds out. The one that counts to zero makes the node `open` in the same transaction, and that is what waiters watch: they are told once.
 *
 * The countdown belongs to nobody, and stays: a round of another is another path, or the same after it was deleted (with all below it, by
 * docent_delete_node(), recursively). No count goes to another countdown than the one that it has read. Any number of calls may be under way on
 * one handle.
 *
 * On suspend  A lost connection is waited out.
 * On expiry   The same: none of this belongs to a session. Only where a count was on its way in the session that ended, and that is not known to be
 *             over, the outcome is DOCENT_ERR_UNKNOWN_OUTCOME.
 * On close    Calls end with DOCENT_ERR_CLOSING (DOCENT_ERR_AUTH_FAILED if the client was refused its credentials).
 * On removal  Calls on a path without a countdown end with DOCENT_ERR_NO_NODE, counts also where one is half deleted; one whose reply was lost
 *             before ends with DOCENT_ERR_UNKNOWN_OUTCOME. Who waits already when it is deleted waits for the next one there.
 * Nodes       path, plain: "<left> <of how many> <uuid of its creation>"; path/c-<that uuid>, plain; path/d-<uuid>, plain, one per count;
 *             path/open, plain. No other library has this layout. Missing parents are containers where the server has them.
 *
 * Threads, ownership and units as in lock.h. */
#ifndef DOCENT_COUNTDOWN_H
#define DOCENT_COUNTDOWN_H

#include <docent/recipe.h>
#include <docent/types.h>

DOCENT_BEGIN

typedef struct docent_countdown docent_countdown;

/* docent_countdown_options options = { DOCENT_COUNTDOWN_OPTIONS };  What is left zero gets its default. */
typedef struct docent_countdown_options {
    size_t struct_size;  /* Set by DOCENT_COUNTDOWN_OPTIONS; new fields go at the end. */
    docent_acl_list acl; /* Of all nodes made. Default: the client's or view's. */
} docent_countdown_options;
#define DOCENT_COUNTDOWN_OPTIONS .struct_size = sizeof(docent_countdown_options)
/** The same as { DOCENT_COUNTDOWN_OPTIONS }, for compilers without designated initialisers. Thread: any. */
static inline void docent_countdown_options_init(docent_countdown_options *options)
{
    memset(options, 0, sizeof *options);
    options->struct_size = sizeof *options;
}

/** A handle of the countdown at @path; sends nothing. @options may be NULL and need not outlive the call. On success *@ret_countdown is the
 * caller's to docent_countdown_close(), on failure it is left as it was. Returns DOCENT_OK, DOCENT_ERR_NO_MEMORY,
 * DOCENT_ERR_INVALID_ARGUMENT (@path is no valid path of a node, or is "/"), DOCENT_ERR_CLOSING (the client is) or DOCENT_ERR_FORKED. Thread: any. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_countdown_new(docent_client *client, const char *path,
                                                                const docent_countdown_options *options, docent_countdown **ret_countdown);

/* All tell @done (may be NULL) their outcome exactly once, and return DOCENT_OK if they will, else DOCENT_ERR_NO_MEMORY, DOCENT_ERR_CLOSING,
 * DOCENT_ERR_INVALID_ARGUMENT (NULL; no count), DOCENT_ERR_WRONG_THREAD or DOCENT_ERR_FORKED. @timeout_ms may be DOCENT_FOREVER, or DOCENT_NO_WAIT:
 * now or, when the client is not connected, not at all. Outcomes common to all: DOCENT_ERR_CLOSING, DOCENT_ERR_CORRUPT_DATA (what stands there is no
 * countdown), and what the server refuses them with. */

/** Makes the countdown; again, if it is deleted before a lost reply is found out about. DOCENT_OK: it is there, ours. DOCENT_ERR_NODE_EXISTS:
 * another one is. DOCENT_ERR_TIMEOUT: not made, and will not be. DOCENT_ERR_UNKNOWN_OUTCOME: there was no time left to find out. Thread: loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_countdown_create_async(docent_countdown *countdown, uint32_t count, uint32_t timeout_ms,
                                                                         docent_done_fn done, void *user);
/** Counts down by one; at zero it does nothing. DOCENT_OK: once. DOCENT_ERR_NO_NODE: there is no countdown. DOCENT_ERR_TIMEOUT: not counted, and
 * will not be. DOCENT_ERR_UNKNOWN_OUTCOME: counted once or not at all. Thread: loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_countdown_count_down_async(docent_countdown *countdown, uint32_t timeout_ms,
                                                                             docent_done_fn done, void *user);
/** Waits for zero. DOCENT_OK: it is, or was. DOCENT_ERR_NO_NODE: there is no countdown. DOCENT_ERR_TIMEOUT: not yet. A countdown that was made
 * before the call is seen, whatever server we are at. Thread: loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_countdown_wait_async(docent_countdown *countdown, uint32_t timeout_ms, docent_done_fn done,
                                                                       void *user);

/* The same, waiting, and returning the outcome, or DOCENT_ERR_WOULD_DEADLOCK, or DOCENT_ERR_BUSY (inbox full). Thread: not loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_countdown_create(docent_countdown *countdown, uint32_t count, uint32_t timeout_ms);
DOCENT_API DOCENT_MUST_CHECK docent_status docent_countdown_count_down(docent_countdown *countdown, uint32_t timeout_ms);
DOCENT_API DOCENT_MUST_CHECK docent_status docent_countdown_wait(docent_countdown *countdown, uint32_t timeout_ms);

/** Where its latest call stands, and what the handle has done: of its calls, of whatever kind. Returns DOCENT_OK,
 * DOCENT_ERR_INVALID_ARGUMENT, or why the loop could not be asked: DOCENT_ERR_CLOSING, DOCENT_ERR_BUSY or DOCENT_ERR_FORKED. Thread: any. */
DOCENT_API docent_status docent_countdown_info(docent_countdown *countdown, docent_recipe_info *ret_info);

/** Ends calls under way, then calls @closed (may be NULL) and nothing after it. @countdown is not the caller's any more when this returns.
 * NULL: does nothing. Thread: any. */
DOCENT_API void docent_countdown_close(docent_countdown *countdown, void (*closed)(void *user), void *user);

DOCENT_END

#endif
