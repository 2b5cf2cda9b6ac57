/* docent/leader_selector.h - leadership in terms: of those that have a selector on a path, one at a time leads, does its work, and ends its term;
 * then the next one leads, in order of arrival. Who wants to lead until further notice uses leader_latch.h; both are the same election,
 * but not on the same path.
 *
 * A term is told by on_leadership, on the loop, which must not block: it starts the work, and the application says when that is over, with
 * docent_leader_selector_relinquish(), from any thread. Programs that have a thread to spare call docent_leader_selector_run() instead,
 * which waits for a term, runs a function in the calling thread, and relinquishes when that returns. Terms of a selector never
 * overlap: no new one begins before the application has ended the one before, even if that was lost long ago.
 *
 * On the servers there is one leader at most. What a process believes can lag behind: a paused process hears of nothing. So
 * docent_leader_selector_has_leadership() reads the clock and says no from the lease's deadline on, even if the loop is stuck; and the protected
 * resource should refuse old tokens.
 *
 * On suspend  By default (DOCENT_ERROR_POLICY_SUSPENDED) the term is lost: on_interrupt is told DOCENT_ERR_CONNECTION_LOSS, and there is no token
 *             any more. Our node stays where it is until the application ends the term, or the session is over, so that nobody else
 *             leads while the work is being stopped in time. With DOCENT_ERROR_POLICY_LOST the term goes on until the session is over
 *             or the lease's deadline is reached, whichever is first. Waiting goes on after the reconnect, in the same place.
 * On expiry   A term is lost: DOCENT_ERR_SESSION_EXPIRED. Who waits gets a new node in the next session, at the end of the queue.
 * On close    See docent_leader_selector_close(). When the client is closed first, the session's end removes our node, a term is lost
 *             (DOCENT_ERR_CLOSING), who waits is told so, and the selector is dead: it stays the caller's to
 *             docent_leader_selector_close(), which then only frees. Other calls then fail with DOCENT_ERR_CLOSING (after a refusal of credentials:
 *             DOCENT_ERR_AUTH_FAILED).
 * On removal  Somebody else deletes our node: a term is lost, with DOCENT_ERR_NO_NODE. Who waits queues again, at the end.
 * On errors   What the server refuses (DOCENT_ERR_NO_AUTH and the like) is tried again, with the client's pauses, for as long as we take
 *             part: docent_leader_selector_info() has the reason.
 * Nodes       Curator dialect: path/_c_<uuid>-lock-<sequence>, as Curator's LeaderSelector, which is an InterProcessMutex; one of either may
 *             take part on the same path, and so may a docent_lock. Kazoo dialect: path/<hex>__lock__<sequence>, as kazoo's
 *             Election and Lock. The data is the id. A path is shared by clients of one dialect only. Missing parents are made:
 *             containers where the server has them (Curator dialect), plain nodes (kazoo).
 *
 * Threads    "Thread: loop": the client's loop thread only. "any": every thread. "not loop": blocks, and fails with
 *            DOCENT_ERR_WOULD_DEADLOCK on the loop thread. What says "any, waits for the loop" is done at once on the loop, and elsewhere
 *            waits until the loop has done it. Callbacks run on the loop thread, never from inside a call into the library, and may
 *            call anything, docent_leader_selector_close() included.
 * Ownership  The library owns the docent_leader_selector. Strings passed in are copied.
 * Units      Milliseconds, in names that end in _ms. */
#ifndef DOCENT_LEADER_SELECTOR_H
#define DOCENT_LEADER_SELECTOR_H

#include <docent/hold.h>
#include <docent/lock.h>
#include <docent/recipe.h>
#include <docent/types.h>

DOCENT_BEGIN

typedef struct docent_leader_selector docent_leader_selector;

/** One term. Borrowed until the function that was given it returns. */
typedef struct docent_leader_term {
    size_t struct_size;
    int64_t number;    /* Of the selector's terms, from 1: which one is to be ended. */
    int64_t token;     /* As docent_leader_selector_token() when it began. */
    docent_hold *hold; /* For transactions that are to be applied only while we lead. Borrowed: docent_hold_ref() keeps it. NULL: no memory. */
} docent_leader_term;

/* docent_leader_selector_options options = { DOCENT_LEADER_SELECTOR_OPTIONS, .id = "worker-7" };  What is left zero gets its default. */
typedef struct docent_leader_selector_options {
    size_t struct_size;     /* Set by DOCENT_LEADER_SELECTOR_OPTIONS; new fields go at the end. */
    docent_dialect dialect; /* Default: DOCENT_DIALECT_CURATOR. */
    const char *id;         /* Written to our node: what docent_leader_selector_participants() lists. UTF-8. Default: host name and process
                             * id. */
    docent_acl_list acl;    /* Of our node and of parents made. Default: the client's or view's. */
    docent_error_policy error_policy; /* Is a term lost when the connection is down, or when the session is over? Default: the client's,
                             * and if it has none, DOCENT_ERROR_POLICY_SUSPENDED. */
    bool auto_requeue;      /* Take part again after every term. Default: one term for each start or requeue. */
    void (*on_leadership)(docent_leader_selector *selector, const docent_leader_term *term, void *user); /* A term begins; end it with
                             * docent_leader_selector_relinquish(). Default: none, for docent_leader_selector_run(). */
    void (*on_interrupt)(docent_leader_selector *selector, const docent_leader_term *term, docent_status why, void *user); /* Stop
                             * the work and end the term. DOCENT_ERR_CANCELLED: somebody called docent_leader_selector_interrupt(),
                             * and until it is ended we lead. Else the term is lost: DOCENT_ERR_CONNECTION_LOSS,
                             * DOCENT_ERR_SESSION_EXPIRED, DOCENT_ERR_NO_NODE, DOCENT_ERR_CLOSING or its like. Each once a term at most, a loss last; its token
                             * and hold are those that it had. Default: none. */
    void *user;             /* Passed to the callbacks. */
} docent_leader_selector_options;
#define DOCENT_LEADER_SELECTOR_OPTIONS .struct_size = sizeof(docent_leader_selector_options)
/** The same as { DOCENT_LEADER_SELECTOR_OPTIONS }, for compilers without designated initialisers. Thread: any. */
static inline void docent_leader_selector_options_init(docent_leader_selector_options *options)
{
    memset(options, 0, sizeof *options);
    options->struct_size = sizeof *options;
}

/** Creates a selector on @path; sends nothing before it takes part. @options may be NULL and need not outlive the call. On success
 * *@ret_selector is the caller's to docent_leader_selector_close(), on failure it is left as it was. Returns DOCENT_OK,
 * DOCENT_ERR_NO_MEMORY, DOCENT_ERR_INVALID_ARGUMENT (@path is no valid path of a node, or is "/"; an option is out of range),
 * DOCENT_ERR_CLOSING (the client is) or DOCENT_ERR_FORKED. Thread: any. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_leader_selector_new(docent_client *client, const char *path,
                                                                      const docent_leader_selector_options *options,
                                                                      docent_leader_selector **ret_selector);

/** Takes part in the election, for one term, or with auto_requeue until it is closed. Returns DOCENT_OK, DOCENT_ERR_BUSY (it does already, or a
 * term has not been ended; elsewhere than on the loop also: inbox full), DOCENT_ERR_INVALID_ARGUMENT (NULL, or there is no on_leadership),
 * DOCENT_ERR_CLOSING or DOCENT_ERR_FORKED. Thread: any, waits for the loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_leader_selector_start(docent_leader_selector *selector);

/** Takes part for one more term: now, or when the present term has been ended. Who is in the queue stays there, and asking twice is asking once.
 * Returns as docent_leader_selector_start(), but for DOCENT_ERR_BUSY, which is only: inbox full. Thread: any, waits for the loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_leader_selector_requeue(docent_leader_selector *selector);

/** Ends the term @number, whether it was lost meanwhile or not. Our node is deleted, so that the next one leads two round trips later. From the
 * return of this on nobody sees us lead by that term. Ended already, or never begun: does nothing. Thread: any. */
DOCENT_API void docent_leader_selector_relinquish(docent_leader_selector *selector, int64_t number);

/** Asks the application, that is, whoever hears on_interrupt, to end the present term, if there is one. Returns DOCENT_OK, also if there is
 * none; DOCENT_ERR_BUSY (inbox full), DOCENT_ERR_INVALID_ARGUMENT (NULL), DOCENT_ERR_CLOSING or DOCENT_ERR_FORKED. Thread: any, waits for the
 * loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_leader_selector_interrupt(docent_leader_selector *selector);

/** Takes part, waits for a term for up to @timeout_ms (or DOCENT_FOREVER), runs @fn in the calling thread, and ends the term when it returns.
 * @fn should look at docent_leader_selector_has_leadership() from time to time, or listen to
 * on_interrupt, which is told on the loop thread. For selectors without on_leadership, one thread at a time.
 *
 * Returns DOCENT_OK (the term stood until @fn returned), or why the term was lost while @fn ran: DOCENT_ERR_CONNECTION_LOSS,
 * DOCENT_ERR_SESSION_EXPIRED, DOCENT_ERR_NO_NODE, DOCENT_ERR_CLOSING. Without having run @fn: DOCENT_ERR_TIMEOUT (and we have left the
 * queue), DOCENT_ERR_BUSY (another thread runs; inbox full), DOCENT_ERR_INVALID_ARGUMENT, DOCENT_ERR_NO_MEMORY, DOCENT_ERR_CLOSING,
 * DOCENT_ERR_WOULD_DEADLOCK or DOCENT_ERR_FORKED. Thread: not loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_leader_selector_run(docent_leader_selector *selector, uint32_t timeout_ms,
                                                                      void (*fn)(docent_leader_selector *selector,
                                                                                 const docent_leader_term *term, void *user),
                                                                      void *user);

/** Do we lead, now? Not from the lease's deadline on, even if the loop is stuck. NULL: no. Thread: any. */
DOCENT_API bool docent_leader_selector_has_leadership(const docent_leader_selector *selector);

/** The fencing token of the present term: larger for every later leader of this path. -1 when we do not lead. It is the zxid of the transaction
 * that created our node. Thread: any. */
DOCENT_API int64_t docent_leader_selector_token(const docent_leader_selector *selector);

/** The current hold; NULL when we do not lead, or without memory. The caller owns one reference, dropped with docent_hold_unref(). Thread: any,
 * waits for the loop. */
DOCENT_API docent_hold *docent_leader_selector_hold(docent_leader_selector *selector);

struct docent_result;
/** Who takes part, the leader first: result->names are the ids (node data), and result->results their nodes. Ends, and returns, as
 * docent_lock_participants_async(). Thread: loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status
docent_leader_selector_participants_async(docent_leader_selector *selector, void (*done)(const struct docent_result *result, void *user),
                                          void *user);
/** docent_leader_selector_participants_async() that waits; see docent_lock_participants(). Thread: not loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_leader_selector_participants(docent_leader_selector *selector,
                                                                              struct docent_result **ret_result);

/** Who leads, by the servers: the first participant alone, and so with one read. Nobody: no names. Thread: loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status
docent_leader_selector_leader_async(docent_leader_selector *selector, void (*done)(const struct docent_result *result, void *user),
                                    void *user);
/** docent_leader_selector_leader_async() that waits. Thread: not loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_leader_selector_leader(docent_leader_selector *selector, struct docent_result **ret_result);

/** How it stands; see recipe.h. States: OUT, QUEUED, LEADING, STOPPING (asked to end its term), LOST (the term is, and has not been ended),
 * CLOSED. What is begun is waiting, what succeeds is a term. Returns DOCENT_OK,
 * DOCENT_ERR_INVALID_ARGUMENT, DOCENT_ERR_CLOSING, DOCENT_ERR_BUSY (inbox full) or DOCENT_ERR_FORKED. Thread: any, waits for the loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_leader_selector_info(docent_leader_selector *selector, docent_recipe_info *ret_info);

/** Leaves the election and frees. A term that was told by on_leadership is ended by this, and nobody is told. While docent_leader_selector_run()
 * runs a function, that is told by on_interrupt (DOCENT_ERR_CLOSING), and the term is ended when it returns; one that waits returns
 * DOCENT_ERR_CLOSING. Then, when our node is gone or the client closes, @closed (may be NULL) is called, and nothing after it. @selector is
 * not the caller's any more when this returns, but for a function that is being run. On a dead selector (above) @closed is called
 * before this returns. Closing again, from callbacks that run before the first close's @closed, does nothing. NULL: does nothing. Thread:
 * any. */
DOCENT_API void docent_leader_selector_close(docent_leader_selector *selector, void (*closed)(void *user), void *user);

DOCENT_END

#endif
