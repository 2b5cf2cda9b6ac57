/* docent/double_barrier.h - a double barrier: members enter together, when there are enough of them, and leave together, when all are done.
 *
 *     docent_double_barrier_options options = { DOCENT_DOUBLE_BARRIER_OPTIONS, .quantity = 3 };
 *     if (docent_double_barrier_new(client, "/rounds/shuffle", &options, &barrier) != DOCENT_OK) ...
 *     for (;;) {
 *         docent_double_barrier_enter(barrier, DOCENT_FOREVER);
 *         ... our part of the work ...
 *         docent_double_barrier_leave(barrier, DOCENT_FOREVER);
 *     }
 *
 * A docent_double_barrier is one member. The quantity is a threshold, not a limit: who comes while a round is on takes part in it.
 *
 * Rounds. Enough members make the node `ready`, by a transaction that succeeds only if as many are there at that moment; it is what lets
 * members pass. Among members that use this library
 *   - nobody passes before so many were in, in this round;
 *   - whoever was counted learns of it, also when it was cut off meanwhile: it passes, or its enter ends with an error and it is out;
 *   - a `ready` that a dead round left behind is recognised (no member that has passed by it is there), removed, and lets nobody in;
 *   - `ready` is taken away when nobody of its round is there any more, by the last who leaves, in a transaction that fails if anybody else has
 *     done so meanwhile;
 *   - who waits to leave waits for its own round, not for those who gather for the next.
 * Where members of Curator take part this cannot all be so, because they do what they do without looking: they pass by any `ready`, stale or
 * not; they count whoever has a node, also one that withdraws at that moment; one that came late is not known to us as having passed; and
 * two of them may take `ready` away while a third is still inside. Rounds of members that all come and go together are safe. Curator 5.9.1
 * counts again on waking up, so a slow member there is stranded until its time-out when faster ones, whosoever, have begun to leave.
 *
 * Requests    Two to enter and two to leave, sent together, whatever the number of members; when a round is complete one member sends two more, and
 *             one when it is over. All are told of both by a standing watch on `ready`, which a handle has from its first entry until it is
 *             closed. More on servers before 3.6, for a first entry, after an outage, for a member that waits for more than a second for others to
 *             leave, or that comes late, and in the kazoo dialect.
 * On suspend  Entering and leaving go on when the connection is back. Inside, the state turns SUSPECT.
 * On expiry   Entering ends with DOCENT_ERR_SESSION_EXPIRED. Inside, on_lost is told: the others take us for gone. Leaving ends with
 *             DOCENT_ERR_SESSION_EXPIRED if our node was still there, and else goes on.
 * On close    Entering and leaving end with DOCENT_ERR_CLOSING; our node is removed, without waiting for the others. When the client is closed first the
 *             session's end removes the node, and the handle is dead: docent_double_barrier_close() then only frees. (A client that was refused its
 *             credentials: DOCENT_ERR_AUTH_FAILED.)
 * On removal  Somebody else deletes our node: entering begins anew, within ten seconds. Inside, on_lost is told DOCENT_ERR_NO_NODE, within a
 *             second and a round trip. Somebody else deletes `ready`: those who leave take the round for over. Whoever is to take it away dies
 *             at that moment: others do, after a second.
 * Permissions Members need all but ADMIN on path. Where they may not WRITE, two who take the same `ready` away at the same time, and a
 *             third who makes another between them, may end a round too early.
 * Nodes       Curator dialect: path/<uuid>, ephemeral, one per member and round, and path/ready, plain, as Curator's DistributedDoubleBarrier. Our
 *             UUIDs begin with ffffffff: its members take it that the lowest name goes last, and ours go without looking which that is. A
 *             member's node is set once or twice, which nobody else looks at: by the member, when it joins a round late or withdraws. Nothing else
 *             may live under path: it would count as a member. Kazoo dialect: path/<hex>, our label in it, and path/ready, empty, as
 *             kazoo's DoubleBarrier. UNSAFE where members of kazoo take part: they remove `ready` when the first of them leaves, so that
 *             a slow member may be left waiting, and take a `ready` that they see while leaving for a member. Curator's and
 *             kazoo's members do not go together at all. Missing parents are made: containers (Curator) or plain nodes (kazoo).
 *
 * Threads, ownership and units as in lock.h. */
#ifndef DOCENT_DOUBLE_BARRIER_H
#define DOCENT_DOUBLE_BARRIER_H

#include <docent/hold.h>
#include <docent/lock.h>
#include <docent/recipe.h>
#include <docent/types.h>

DOCENT_BEGIN

typedef struct docent_double_barrier docent_double_barrier;

typedef enum docent_double_barrier_state {
    DOCENT_DOUBLE_BARRIER_OUTSIDE,  /* Also from the call of leave on. The first state, and the last. */
    DOCENT_DOUBLE_BARRIER_ENTERING, /* Waiting for others, or getting there. */
    DOCENT_DOUBLE_BARRIER_INSIDE,
    DOCENT_DOUBLE_BARRIER_SUSPECT,  /* Inside when last heard of. INSIDE again on reconnect, OUTSIDE if the session is gone. */
} docent_double_barrier_state;

/* docent_double_barrier_options options = { DOCENT_DOUBLE_BARRIER_OPTIONS, .quantity = 5 };  What is left zero gets its default. */
typedef struct docent_double_barrier_options {
    size_t struct_size;     /* Set by DOCENT_DOUBLE_BARRIER_OPTIONS; new fields go at the end. */
    uint32_t quantity;      /* Members that a round takes at least; all members should agree. 1 or more; there is no default. */
    docent_dialect dialect; /* Default: DOCENT_DIALECT_CURATOR. */
    const char *label;      /* Written to our node, for operators. UTF-8. Default: the client's default data. */
    docent_acl_list acl;    /* Of our node, of ready, and of parents made. Default: the client's or view's. */
    void (*on_lost)(docent_double_barrier *barrier, docent_status why, void *user); /* Inside, and out without having left: the session
                             * ended (DOCENT_ERR_SESSION_EXPIRED) or somebody deleted our node (DOCENT_ERR_NO_NODE). Default: none. */
    void *user;             /* Passed to on_lost. */
} docent_double_barrier_options;
#define DOCENT_DOUBLE_BARRIER_OPTIONS .struct_size = sizeof(docent_double_barrier_options)
/** The same as { DOCENT_DOUBLE_BARRIER_OPTIONS }, for compilers without designated initialisers. Thread: any. */
static inline void docent_double_barrier_options_init(docent_double_barrier_options *options)
{
    memset(options, 0, sizeof *options);
    options->struct_size = sizeof *options;
}

/** A member of the double barrier at @path; sends nothing yet. @options need not outlive the call. On success *@ret_barrier is the
 * caller's to docent_double_barrier_close(), on failure it is left as it was. Returns DOCENT_OK, DOCENT_ERR_NO_MEMORY,
 * DOCENT_ERR_INVALID_ARGUMENT (@path is no valid path of a node, or is "/"; no quantity), DOCENT_ERR_CLOSING (the client is) or
 * DOCENT_ERR_FORKED. Thread: any. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_double_barrier_new(docent_client *client, const char *path,
                                                                     const docent_double_barrier_options *options,
                                                                     docent_double_barrier **ret_barrier);

/** Enters, when enough members are there, and tells @done (may be NULL) the outcome, exactly once: DOCENT_OK (inside), DOCENT_ERR_TIMEOUT,
 * DOCENT_ERR_CANCELLED (docent_double_barrier_leave_async() meanwhile), DOCENT_ERR_SESSION_EXPIRED, DOCENT_ERR_CLOSING, or what
 * the server refused us with. Unless it is DOCENT_OK we are out and our node is removed, after a reconnect if need be.
 *   At the deadline the others are asked whether they have counted us, which may take a round trip (at most a second) more: if they have,
 * the outcome is DOCENT_OK; if they have not, they cannot any more, and it is DOCENT_ERR_TIMEOUT. Only if nobody can be asked, for the
 * connection is down, may others have gone in with us counted in spite of DOCENT_ERR_TIMEOUT. @timeout_ms may be DOCENT_FOREVER, or
 * DOCENT_NO_WAIT: inside if we are the last that was missing. While the node of an earlier entry is being removed we wait for that.
 * Returns DOCENT_OK if @done will be called; DOCENT_ERR_BUSY (entering, inside or leaving), DOCENT_ERR_NO_MEMORY, DOCENT_ERR_CLOSING,
 * DOCENT_ERR_INVALID_ARGUMENT (NULL), DOCENT_ERR_WRONG_THREAD or DOCENT_ERR_FORKED if it never will. Thread: loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_double_barrier_enter_async(docent_double_barrier *barrier, uint32_t timeout_ms,
                                                                             docent_done_fn done, void *user);

/** Leaves, and tells @done (may be NULL) the outcome, exactly once: DOCENT_OK (all who were in are out), DOCENT_ERR_TIMEOUT (we are out, others
 * not all), DOCENT_ERR_SESSION_EXPIRED (which took us out), or DOCENT_ERR_CLOSING. While entering it cancels that, and DOCENT_OK says that
 * our node is gone. @timeout_ms may be DOCENT_FOREVER, or DOCENT_NO_WAIT: out, not waiting for others, which is DOCENT_ERR_TIMEOUT. Returns DOCENT_OK if @done will be
 * called; DOCENT_ERR_NOT_HELD (neither inside nor entering), DOCENT_ERR_BUSY (leaving already), DOCENT_ERR_CLOSING,
 * DOCENT_ERR_INVALID_ARGUMENT (NULL), DOCENT_ERR_WRONG_THREAD or DOCENT_ERR_FORKED if it never will. Thread: loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_double_barrier_leave_async(docent_double_barrier *barrier, uint32_t timeout_ms,
                                                                             docent_done_fn done, void *user);

/* The same, waiting, and returning the outcome, or DOCENT_ERR_WOULD_DEADLOCK, or DOCENT_ERR_BUSY (also: inbox full). Thread: not loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_double_barrier_enter(docent_double_barrier *barrier, uint32_t timeout_ms);
DOCENT_API DOCENT_MUST_CHECK docent_status docent_double_barrier_leave(docent_double_barrier *barrier, uint32_t timeout_ms);

/** The state. INSIDE and SUSPECT turn OUTSIDE here at the lease's deadline, even if the loop is stuck. Thread: any. */
DOCENT_API docent_double_barrier_state docent_double_barrier_get_state(const docent_double_barrier *barrier);

/** Proof that we are inside, or NULL if we are not. The caller owns one reference, dropped with docent_hold_unref(). Thread: any. */
DOCENT_API docent_hold *docent_double_barrier_hold(docent_double_barrier *barrier);

/** Where its latest entry stands, and what it has done: enters and leaves, and time spent inside as held. Returns DOCENT_OK,
 * DOCENT_ERR_INVALID_ARGUMENT, or why the loop could not be asked: DOCENT_ERR_CLOSING, DOCENT_ERR_BUSY or DOCENT_ERR_FORKED. Thread: any. */
DOCENT_API docent_status docent_double_barrier_info(docent_double_barrier *barrier, docent_recipe_info *ret_info);

/** Goes out, then frees. Pending calls end first; when our node is gone, or the client closes, @closed (may be NULL) is called and
 * nothing after it. @barrier is not the caller's any more when this returns. NULL: does nothing. Thread: any. */
DOCENT_API void docent_double_barrier_close(docent_double_barrier *barrier, void (*closed)(void *user), void *user);

DOCENT_END

#endif
