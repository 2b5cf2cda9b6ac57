/* docent/lock.h - a fair, exclusive lock on a path. A docent_lock is one contender. Contenders of a path queue in order of
 * arrival; the first in line holds the lock. It is not re-entrant: threads that compete use one each.
 *
 * On the servers there is one holder at most. What a process believes can lag behind: when its connection drops the
 * state turns DOCENT_LOCK_SUSPECT, still ours until the session times out; and a paused process hears of nothing. So stop
 * the protected work when suspect, and have the protected resource refuse old tokens: see docent_lock_token().
 *
 * On suspend  The state turns SUSPECT; waiting goes on after the reconnect, in the same place. Token and hold stay until the lease's deadline,
 *             before which the servers give the lock to nobody else. docent_client_options.error_policy is not asked: who is to stop as soon as
 *             the connection is down stops at SUSPECT, and who may go on to the deadline stops at RELEASED.
 * On expiry   on_lost is told and the state turns RELEASED. A waiter's acquire ends with DOCENT_ERR_SESSION_EXPIRED.
 * On close    Releases; see docent_lock_close(). When the client is closed first, the session's end removes our node, a pending
 *             acquire ends with DOCENT_ERR_CLOSING, and the lock is dead: it stays the caller's to docent_lock_close(), which
 *             then only frees, also after the client is gone. Other calls then fail with DOCENT_ERR_CLOSING, on every thread and in a
 *             forked child, for there is no loop any more that they could belong to. (Those begun
 *             before must be over by the time the client is gone.) A client that was refused its credentials closes by itself; then
 *             it is DOCENT_ERR_AUTH_FAILED wherever DOCENT_ERR_CLOSING is said here.
 * On removal  Somebody else deletes our node: a waiter queues again, at the end. It may not have heard of it when its turn comes: then it holds for
 *             some milliseconds and a round trip, perhaps together with who came next, and is told as a holder is: by on_lost, with
 *             DOCENT_ERR_NO_NODE, at once if it has held for a second or more, else within the second and a round trip. Tokens keep the two apart.
 * Nodes       Curator dialect: path/_c_<uuid>-lock-<sequence>, as Curator's InterProcessMutex. Kazoo dialect:
 *             path/<hex>__lock__<sequence>, as kazoo's Lock. ZooKeeper dialect: path/x-<16 hex digits>-<sequence>, as the lock recipes of
 *             the server project; the digits are not our session but drawn for each acquisition. A path is shared by clients of one
 *             dialect only: Curator and kazoo do not see each other's nodes, and the C recipe crashes on a name without '-', which
 *             kazoo's are. Who has taught all peers to go by the last ten digits can mix them: options.tolerant.
 *             Missing parents are made: containers where the server has them (Curator dialect), plain nodes (kazoo and ZooKeeper,
 *             whose clients do not expect a parent to go).
 *
 * Threads    "Thread: loop": the client's loop thread only. "any": every thread. "not loop": blocks, and fails with
 *            DOCENT_ERR_WOULD_DEADLOCK on the loop thread. Callbacks run on the loop thread, never from inside a call
 *            into the library, and may call anything, docent_lock_close() included.
 * Ownership  The library owns the docent_lock. Strings passed in are copied.
 * Units      Milliseconds, in names that end in _ms. */
#ifndef DOCENT_LOCK_H
#define DOCENT_LOCK_H

#include <docent/hold.h>
#include <docent/recipe.h>
#include <docent/types.h>

DOCENT_BEGIN

typedef struct docent_lock docent_lock;

/** Whose names, order and data a recipe uses on a shared path. */
typedef enum docent_dialect {
    DOCENT_DIALECT_CURATOR,
    DOCENT_DIALECT_KAZOO,
    DOCENT_DIALECT_ZOOKEEPER, /* The server project's own, in C and Java; of recipes that those have. */
} docent_dialect;

typedef enum docent_lock_state {
    DOCENT_LOCK_RELEASED, /* Neither held nor waiting. The first state, and the last. */
    DOCENT_LOCK_WAITING,  /* In the queue, or getting there. */
    DOCENT_LOCK_HELD,     /* Ours, over a live connection. */
    DOCENT_LOCK_SUSPECT,  /* Ours when last heard of. HELD again on reconnect, RELEASED if the session is gone. */
} docent_lock_state;

/* docent_lock_options options = { DOCENT_LOCK_OPTIONS, .label = "worker-7" };  What is left zero gets its default. */
typedef struct docent_lock_options {
    size_t struct_size;     /* Set by DOCENT_LOCK_OPTIONS; new fields go at the end. */
    docent_dialect dialect; /* Default: DOCENT_DIALECT_CURATOR. */
    const char *label;      /* Written to our queue node, for operators. UTF-8. Default: host name and process id. */
    docent_acl_list acl;    /* Of our node and of parents made. Default: the client's or view's. */
    void (*on_state)(docent_lock *lock, docent_lock_state state, void *user); /* Every change, in order. Default: none. */
    void (*on_lost)(docent_lock *lock, docent_status why, void *user); /* Held, and lost without a release: the session
                             * ended (DOCENT_ERR_SESSION_EXPIRED) or somebody deleted our node (DOCENT_ERR_NO_NODE). Told
                             * after on_state; or it was held for max_hold_ms (DOCENT_ERR_TIMEOUT). Default: none. */
    void *user;             /* Passed to the callbacks. */
    void (*on_revoke)(docent_lock *lock, void *user); /* Somebody asks us to let go, as docent_lock_revoke() and Curator's Revoker do; also
                             * while we wait. What to do about it is the application's. Told for each request, but several that come
                             * before it is told are one. With it every acquisition reads its node once more, and leaves a watch; its
                             * node then has no data in the Curator dialect, unless there is a label. Default: none, nothing is read. */
    uint32_t max_hold_ms;   /* What is held for so long is released by itself, and lost: token and state say so from then on, even if
                             * the loop is stuck, and on_lost is told. Default: 0, no bound. */
    bool tolerant;          /* Every child that ends in ten digits takes part, in the order of these digits, whatever client it is of; our own
                             * name is the dialect's. For paths whose peers have all been taught to do the same (a Curator driver that sorts
                             * by the last ten characters, kazoo's extra_lock_patterns): those that were not see only their own. */
} docent_lock_options;
#define DOCENT_LOCK_OPTIONS .struct_size = sizeof(docent_lock_options)
/** The same as { DOCENT_LOCK_OPTIONS }, for compilers without designated initialisers. Thread: any. */
static inline void docent_lock_options_init(docent_lock_options *options)
{
    memset(options, 0, sizeof *options);
    options->struct_size = sizeof *options;
}

/** Creates a contender for @path; sends nothing yet. @options may be NULL and need not outlive the call. On success
 * *@ret_lock is the caller's to docent_lock_close(), on failure it is left as it was. Returns DOCENT_OK, DOCENT_ERR_NO_MEMORY,
 * DOCENT_ERR_INVALID_ARGUMENT (@path is no valid path of a node, or is "/"), DOCENT_ERR_CLOSING (the client is) or
 * DOCENT_ERR_FORKED. Thread: any. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_lock_new(docent_client *client, const char *path,
                                                           const docent_lock_options *options, docent_lock **ret_lock);

/** Queues for the lock and tells @done the outcome, exactly once: DOCENT_OK (held), DOCENT_ERR_TIMEOUT, DOCENT_ERR_CANCELLED
 * (released meanwhile), DOCENT_ERR_SESSION_EXPIRED, DOCENT_ERR_SEQUENCE_EXHAUSTED, DOCENT_ERR_CLOSING, or what the server
 * refused us with (DOCENT_ERR_NO_AUTH and the like; DOCENT_ERR_NO_NODE: the chroot, or the view's prefix, is missing). A lost connection is waited out and is no outcome. Unless the outcome is
 * DOCENT_OK our place in the queue is given up, after a reconnect if need be. @timeout_ms may be DOCENT_FOREVER, or
 * DOCENT_NO_WAIT: one look; DOCENT_ERR_TIMEOUT if somebody is in front, or nobody can be asked because the client is not
 * connected. While the node of an earlier hold is still being removed a new acquire queues behind it. Returns
 * DOCENT_OK if @done will be called; DOCENT_ERR_BUSY (waiting or held), DOCENT_ERR_NO_MEMORY, DOCENT_ERR_CLOSING,
 * DOCENT_ERR_INVALID_ARGUMENT (NULL), DOCENT_ERR_WRONG_THREAD or DOCENT_ERR_FORKED if it never will. A label or a path over the limit on
 * requests is an outcome, DOCENT_ERR_TOO_LARGE. Thread: loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_lock_acquire_async(docent_lock *lock, uint32_t timeout_ms,
                                                                     docent_done_fn done, void *user);

/** docent_lock_acquire_async() that waits and returns the outcome, or DOCENT_ERR_WOULD_DEADLOCK, or DOCENT_ERR_BUSY (also: inbox full).
 * Thread: not loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_lock_acquire(docent_lock *lock, uint32_t timeout_ms);

/** Gives the lock up, or leaves the queue. Cannot fail: removal is tried until node or session is gone. Not held and not
 * waiting: does nothing. A script that is about to exit wants docent_lock_release_wait(). From the return of this on,
 * docent_lock_token() says -1. Thread: any. */
DOCENT_API void docent_lock_release(docent_lock *lock);

/** docent_lock_release() that tells @done when our node is gone: DOCENT_OK (also when there was none), or
 * DOCENT_ERR_CLOSING (the client was closed first; its session's end removes the node). Returns DOCENT_OK if
 * @done will be called, else DOCENT_ERR_NO_MEMORY, DOCENT_ERR_CLOSING, DOCENT_ERR_WRONG_THREAD or DOCENT_ERR_FORKED: released,
 * but untold. Thread: loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_lock_release_async(docent_lock *lock, docent_done_fn done, void *user);

/** docent_lock_release() that returns DOCENT_OK when our node is gone (at once if there is none), or DOCENT_ERR_TIMEOUT after @timeout_ms
 * while removal goes on. Other returns, released but untold: DOCENT_ERR_CLOSING, DOCENT_ERR_NO_MEMORY, DOCENT_ERR_BUSY (inbox full),
 * DOCENT_ERR_WOULD_DEADLOCK, DOCENT_ERR_FORKED; DOCENT_ERR_INVALID_ARGUMENT (NULL). What another thread acquires on this lock meanwhile is
 * left alone. Thread: not loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_lock_release_wait(docent_lock *lock, uint32_t timeout_ms);

/** The state. HELD and SUSPECT turn RELEASED here at the lease's deadline, even if the loop is stuck. Thread: any. */
DOCENT_API docent_lock_state docent_lock_get_state(const docent_lock *lock);

/** The fencing token of the current hold: larger for every later holder of this path. -1 when not held (also from the lease
 * deadline on, whatever the loop does). Have each protected write carry it, and refuse those that carry a smaller one than
 * the last. It is the zxid of the transaction that created our node; a sequence number would start again with every
 * new parent. After an ensemble was wiped tokens start again; docent_state_event.went_back says so. Thread: any. */
DOCENT_API int64_t docent_lock_token(const docent_lock *lock);

/** The current hold, or NULL when not held (or no memory for it). The caller owns one reference, dropped with docent_hold_unref().
 * Thread: any; elsewhere than on the loop it waits for the loop. */
DOCENT_API docent_hold *docent_lock_hold(docent_lock *lock);

/** Where the lock stands, what hinders it, and what it has done; see docent_recipe_info. Its state is RELEASED, or of the machine that waits or
 * holds: CREATING, PARENTS (makes them), FINDING (a create's outcome), RANKING (lists), WATCHING, NEXT and FOLLOWING (somebody is ahead), FIRST
 * (held), SUSPECT, CHECKING (held, and looks whether it still is), DELETING. Returns DOCENT_OK, DOCENT_ERR_INVALID_ARGUMENT, or as docent_lock_acquire()
 * does without beginning: DOCENT_ERR_CLOSING, DOCENT_ERR_BUSY, DOCENT_ERR_FORKED. Thread: any; elsewhere than on the loop it waits for the
 * loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_lock_info(docent_lock *lock, docent_recipe_info *ret_info);

struct docent_result;
/** Who is in the queue, first in line first: result->names are the labels (node data) of the contenders of our dialect, and
 * result->results their nodes: path, data and stat, of which czxid tells since which transaction, ctime_ms since when, and ephemeral_owner
 * in which session somebody stands there (a node whose session is long over is a fault of the server's). Ends with DOCENT_OK or as
 * a read would (DOCENT_ERR_NO_NODE is no error: nobody). A contender that leaves while we read is left out. The client's time-out and retry
 * policy go for the whole, docent_result_info() included. Returns DOCENT_OK if
 * @done will be called, else as docent_run_async(). Thread: loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_lock_participants_async(docent_lock *lock,
                                                                          void (*done)(const struct docent_result *result, void *user),
                                                                          void *user);

/** docent_lock_participants_async() that waits and returns the outcome, or as docent_run() does. *@ret_result is set if the listing was
 * begun, to be freed with docent_result_free(). Thread: not loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_lock_participants(docent_lock *lock, struct docent_result **ret_result);

/** Asks a contender to let go: writes the ten bytes __REVOKE__ into @node, one of the nodes that docent_lock_participants() tells, or with NULL into
 * that of the first in line, whoever holds. Who is asked and was made with on_revoke (or setRevocable in Curator) is told; it is a request and
 * no more. @lock need not compete. @done is told DOCENT_OK when it is written, and also when there was nobody to ask any more; or
 * as a set would end. The client's time-out and retry policy go for the whole. Returns DOCENT_OK if @done will be called,
 * DOCENT_ERR_INVALID_ARGUMENT (NULL, or @node is no path), else as docent_run_async(). Thread: loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_lock_revoke_async(docent_lock *lock, const char *node,
                                                                    void (*done)(const struct docent_result *result, void *user),
                                                                    void *user);

/** docent_lock_revoke_async() that waits and returns the outcome, or as docent_run() does. Thread: not loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_lock_revoke(docent_lock *lock, const char *node);

/** Releases, then frees. A pending acquire ends first, with DOCENT_ERR_CLOSING; then, when our node is gone or the client
 * closes, @closed (may be NULL) is called, and nothing after it. @lock is not the caller's any more when this returns. On a
 * dead lock (above) @closed is called before this returns. Closing again, from callbacks that run before the first close's @closed,
 * does nothing, and its @closed is never called. NULL: does nothing. Thread: any. */
DOCENT_API void docent_lock_close(docent_lock *lock, void (*closed)(void *user), void *user);

DOCENT_END

#endif
