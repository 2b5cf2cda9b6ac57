/* docent/leader_latch.h - leadership that is kept until it is given up: of those that have a latch on a path, one leads, and when it closes,
 * dies or is cut off, the next one does, in order of arrival. Who wants terms that begin and end with a piece of work uses
 * leader_selector.h; both are the same election, but not on the same path.
 *
 * On the servers there is one leader at most. What a process believes can lag behind: a paused process hears of nothing. So docent_leader_latch_has_leadership()
 * reads the clock and says no from the lease's deadline on, before which the servers make nobody else the leader, even if the loop is
 * stuck; and the protected resource should refuse old tokens: see docent_leader_latch_token().
 *
 * On suspend  By default (DOCENT_ERROR_POLICY_SUSPENDED) this is the end of leadership, told at once as DOCENT_ERR_CONNECTION_LOSS. Our node
 *             stays, and with it our place: when the connection is back in time and the node was seen to be there, leadership is
 *             told again, with the same token. With DOCENT_ERROR_POLICY_LOST it goes on until the session is over or the lease's
 *             deadline is reached, whichever is first.
 * On expiry   Leadership ends, with DOCENT_ERR_SESSION_EXPIRED if that was not told before. A new node is made in the next session, at the
 *             end of the queue.
 * On close    Our node is deleted at once, so that the next one leads two round trips later; see docent_leader_latch_close(). When the
 *             client is closed first, the session's end removes our node, leadership ends (told, whatever the close mode), who waits is
 *             told DOCENT_ERR_CLOSING, and the latch is dead: it stays the caller's to docent_leader_latch_close(), which then only
 *             frees. Other calls then fail with DOCENT_ERR_CLOSING (after a refusal of credentials: DOCENT_ERR_AUTH_FAILED).
 * On removal  Somebody else deletes our node: leadership ends with DOCENT_ERR_NO_NODE, and a new node is made, at the end of the queue.
 * On errors   What the server refuses (DOCENT_ERR_NO_AUTH and the like) is tried again, with the client's pauses, for as long as the latch is
 *             open: docent_leader_latch_info() has the reason.
 * Nodes       Curator dialect: path/_c_<uuid>-latch-<sequence>, as Curator's LeaderLatch, which may take part on the same path; its data is the
 *             id. Kazoo dialect: path/<hex>__lock__<sequence>: takes part in a kazoo Election (or Lock), and keeps the
 *             leadership until it is closed. (kazoo has no latch of its own.) There is no latch in ZooKeeper's own dialect. A path
 *             is shared by clients of one dialect and one recipe only: a latch and a selector do not see each other, and both
 *             would have a leader. Missing parents are made: containers where the server has them (Curator dialect), plain
 *             nodes (kazoo).
 *
 * Threads    "Thread: loop": the client's loop thread only. "any": every thread. "not loop": blocks, and fails with
 *            DOCENT_ERR_WOULD_DEADLOCK on the loop thread. What says "any, waits for the loop" is done at once on the loop, and elsewhere
 *            waits until the loop has done it. Callbacks run on the loop thread, never from inside a call into the library, and may
 *            call anything, docent_leader_latch_close() included.
 * Ownership  The library owns the docent_leader_latch. Strings passed in are copied.
 * Units      Milliseconds, in names that end in _ms. */
#ifndef DOCENT_LEADER_LATCH_H
#define DOCENT_LEADER_LATCH_H

#include <docent/hold.h>
#include <docent/lock.h>
#include <docent/recipe.h>
#include <docent/types.h>

DOCENT_BEGIN

typedef struct docent_leader_latch docent_leader_latch;
typedef struct docent_leader_latch_listener docent_leader_latch_listener;

/** A change of leadership, or how it stands. */
typedef struct docent_leadership {
    size_t struct_size;
    bool leads;
    int64_t token;      /* If we lead: as docent_leader_latch_token(). Else -1. */
    docent_status why;  /* If it ended: DOCENT_ERR_CONNECTION_LOSS (suspended), DOCENT_ERR_SESSION_EXPIRED, DOCENT_ERR_NO_NODE, or
                         * DOCENT_ERR_CLOSING and its like. Else DOCENT_OK. */
} docent_leadership;
typedef void (*docent_leadership_fn)(docent_leader_latch *latch, const docent_leadership *leadership, void *user);

/** Whether listeners hear of the end of a leadership that docent_leader_latch_close() ends. */
typedef enum docent_latch_close {
    DOCENT_LATCH_CLOSE_SILENT,
    DOCENT_LATCH_CLOSE_NOTIFY,
} docent_latch_close;

/* docent_leader_latch_options options = { DOCENT_LEADER_LATCH_OPTIONS, .id = "worker-7" };  What is left zero gets its default. */
typedef struct docent_leader_latch_options {
    size_t struct_size;     /* Set by DOCENT_LEADER_LATCH_OPTIONS; new fields go at the end. */
    docent_dialect dialect; /* Default: DOCENT_DIALECT_CURATOR. */
    const char *id;         /* Written to our node: what docent_leader_latch_participants() lists. May be empty. UTF-8. Default: host name
                             * and process id. */
    docent_acl_list acl;    /* Of our node and of parents made. Default: the client's or view's. */
    docent_error_policy error_policy; /* Does leadership end when the connection is down, or when the session is over? Default: the
                             * client's, and if it has none, DOCENT_ERROR_POLICY_SUSPENDED. */
    uint32_t damping_ms;    /* Leadership that was lost with the connection, and comes back with it, is told when it has stood for so long;
                             * until then we do not lead: docent_leader_latch_has_leadership() says no, and there is no token. So a
                             * connection that flaps costs two changes, not two a flap. It delays, and never prolongs: the end is
                             * told at once, and a leadership with a new node is not delayed. Default: 0. */
    docent_latch_close close_mode;
    docent_leadership_fn on_change; /* Every change, in order. Default: none. */
    void *user;             /* Passed to on_change. */
} docent_leader_latch_options;
#define DOCENT_LEADER_LATCH_OPTIONS .struct_size = sizeof(docent_leader_latch_options)
/** The same as { DOCENT_LEADER_LATCH_OPTIONS }, for compilers without designated initialisers. Thread: any. */
static inline void docent_leader_latch_options_init(docent_leader_latch_options *options)
{
    memset(options, 0, sizeof *options);
    options->struct_size = sizeof *options;
}

/** Creates a latch on @path; sends nothing before docent_leader_latch_start(). @options may be NULL and need not outlive the call. On success
 * *@ret_latch is the caller's to docent_leader_latch_close(), on failure it is left as it was. Returns DOCENT_OK, DOCENT_ERR_NO_MEMORY,
 * DOCENT_ERR_INVALID_ARGUMENT (@path is no valid path of a node, or is "/"; an option is out of range), DOCENT_ERR_CLOSING (the client
 * is) or DOCENT_ERR_FORKED. Thread: any. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_leader_latch_new(docent_client *client, const char *path,
                                                                   const docent_leader_latch_options *options,
                                                                   docent_leader_latch **ret_latch);

/** Takes part in the election from now until the latch is closed, through all sessions of the client. Returns DOCENT_OK, DOCENT_ERR_BUSY (it does
 * already; elsewhere than on the loop also: inbox full), DOCENT_ERR_CLOSING, DOCENT_ERR_INVALID_ARGUMENT (NULL) or DOCENT_ERR_FORKED. Thread:
 * any, waits for the loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_leader_latch_start(docent_leader_latch *latch);

/** Tells @done once when we lead: DOCENT_OK, also if we do already; or DOCENT_ERR_TIMEOUT after @timeout_ms (DOCENT_NO_WAIT: at once;
 * DOCENT_FOREVER: never), or DOCENT_ERR_CLOSING. The latch goes on in every case; a latch that was not started is waited for, too. Any number may
 * wait. Returns DOCENT_OK if @done will be called, else DOCENT_ERR_NO_MEMORY, DOCENT_ERR_CLOSING, DOCENT_ERR_INVALID_ARGUMENT
 * (NULL), DOCENT_ERR_WRONG_THREAD or DOCENT_ERR_FORKED. Thread: loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_leader_latch_await_async(docent_leader_latch *latch, uint32_t timeout_ms,
                                                                           docent_done_fn done, void *user);

/** docent_leader_latch_await_async() that waits and returns the outcome, or DOCENT_ERR_WOULD_DEADLOCK, or DOCENT_ERR_BUSY (inbox full).
 * Thread: not loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_leader_latch_await(docent_leader_latch *latch, uint32_t timeout_ms);

/** Do we lead, now? Not from the lease's deadline on, even if the loop is stuck. NULL: no. Thread: any. */
DOCENT_API bool docent_leader_latch_has_leadership(const docent_leader_latch *latch);

/** The fencing token of our leadership: larger for every later leader of this path. -1 when we do not lead. Have each protected write carry it,
 * and refuse those that carry a smaller one than the last. It is the zxid of the transaction that created our node. Thread: any. */
DOCENT_API int64_t docent_leader_latch_token(const docent_leader_latch *latch);

/** The current hold, for transactions that are to be applied only while we lead; NULL when we do not, or without memory. The caller owns one
 * reference, dropped with docent_hold_unref(). Thread: any, waits for the loop. */
DOCENT_API docent_hold *docent_leader_latch_hold(docent_leader_latch *latch);

/** Has @fn told every change from now on, in order, after the listeners that are there; with @present it is told first, once, how things
 * stand. It ends with the latch, or by docent_leader_latch_unlisten(). Returns DOCENT_OK, DOCENT_ERR_NO_MEMORY, DOCENT_ERR_CLOSING,
 * DOCENT_ERR_INVALID_ARGUMENT (NULL), DOCENT_ERR_BUSY (inbox full) or DOCENT_ERR_FORKED. Thread: any, waits for the loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_leader_latch_listen(docent_leader_latch *latch, bool present, docent_leadership_fn fn,
                                                                      void *user, docent_leader_latch_listener **ret_listener);

/** Ends a listener, also from its own callback: it is told nothing more. Not after docent_leader_latch_close(). Returns DOCENT_OK, or what kept the
 * call from reaching the loop: DOCENT_ERR_BUSY (inbox full), or DOCENT_ERR_CLOSING and its like (then it has ended with the latch).
 * DOCENT_ERR_INVALID_ARGUMENT (NULL). Thread: any, waits for the loop. */
DOCENT_API docent_status docent_leader_latch_unlisten(docent_leader_latch *latch, docent_leader_latch_listener *listener);

struct docent_result;
/** Who takes part, the leader first: result->names are the ids (node data), and result->results their nodes. Ends, and returns, as
 * docent_lock_participants_async(). Thread: loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_leader_latch_participants_async(docent_leader_latch *latch,
                                                                                 void (*done)(const struct docent_result *result, void *user),
                                                                                 void *user);
/** docent_leader_latch_participants_async() that waits; see docent_lock_participants(). Thread: not loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_leader_latch_participants(docent_leader_latch *latch, struct docent_result **ret_result);

/** Who leads, by the servers: as docent_leader_latch_participants_async(), but the first one alone, and so with one read. Nobody: no names.
 * Thread: loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_leader_latch_leader_async(docent_leader_latch *latch,
                                                                           void (*done)(const struct docent_result *result, void *user),
                                                                           void *user);
/** docent_leader_latch_leader_async() that waits. Thread: not loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_leader_latch_leader(docent_leader_latch *latch, struct docent_result **ret_result);

/** How it stands; see recipe.h. States: NEW, WAITING, LEADING, SUSPENDED (lost with the connection, our node may be first still), DAMPED (first
 * again, and not yet told), CLOSED. What is begun is waiting, what succeeds is leading. Returns DOCENT_OK, DOCENT_ERR_INVALID_ARGUMENT,
 * DOCENT_ERR_CLOSING, DOCENT_ERR_BUSY (inbox full) or DOCENT_ERR_FORKED. Thread: any, waits for the loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_leader_latch_info(docent_leader_latch *latch, docent_recipe_info *ret_info);

/** Gives up and frees. From the return of this on docent_leader_latch_has_leadership() would say no. Who waits is told DOCENT_ERR_CLOSING,
 * listeners what the close mode says; then, when our node is gone or the client closes, @closed (may be NULL) is called, and nothing
 * after it. @latch is not the caller's any more when this returns. On a dead latch (above) @closed is called before this returns. Closing
 * again, from callbacks that run before the first close's @closed, does nothing. NULL: does nothing. Thread: any. */
DOCENT_API void docent_leader_latch_close(docent_leader_latch *latch, void (*closed)(void *user), void *user);

DOCENT_END

#endif
