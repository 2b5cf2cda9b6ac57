/* docent/lease.h - a lease on a path: somebody has it until a time that is written there, whatever becomes of their connection, session and process.
 * As kazoo's NonBlockingLease: whoever asks gets it or does not, and nobody waits in a queue. Asking again under the same id renews it. With
 * more than one slot it is kazoo's MultiNonBlockingLease: so many ids can have one each.
 *
 *     docent_lease_options options = { DOCENT_LEASE_OPTIONS, .duration_ms = 70 * 60 * 1000, .id = "host-7" };
 *     docent_lease *lease;
 *     if (docent_lease_new(client, "/leases/hourly", &options, &lease) != DOCENT_OK) ...
 *     if (docent_lease_acquire(lease, 5000) == DOCENT_OK) {
 *         while (more_to_do() && docent_lease_left_ms(lease) > 1000) do_some();
 *     }
 *
 * Clocks. The end stands there as UTC by the clock of whoever wrote it, in whole seconds, rounded down. Others compare it with their own clocks: if these differ, somebody
 * may take the lease by so much before the holder's end, so say with skew_ms how far they may be apart. The holder itself reads no wall
 * clock any more once it has the lease: docent_lease_left_ms() counts down on its monotonic clock, from before the end was written. There is no token: a
 * lease is not guarded by a session, and nothing refuses the late write of a holder that was paused past its end.
 *
 * On suspend  Nothing changes: the lease runs. An acquire waits for the reconnect.
 * On expiry   The same; but an acquire that is under way ends, with DOCENT_ERR_SESSION_EXPIRED, or DOCENT_ERR_UNKNOWN_OUTCOME if it was writing.
 * On close    What was written stays, and ends by itself: there is no giving back, here as in kazoo. A pending acquire ends.
 * On removal  If somebody deletes or overwrites what we wrote nobody is told.
 * Nodes       path/lease_holder, plain, {"version": 1, "holder": "<id>", "end": "YYYY-MM-DDTHH:MM:SS"}, written under a lock of kazoo's on path itself. With
 *             slots: path/0, path/1 and so on in the place of path. Another version, or what is no such document, is left alone, and not acquired. Missing
 *             parents are made, as plain nodes.
 *
 * Threads, ownership and units are as in lock.h. */
#ifndef DOCENT_LEASE_H
#define DOCENT_LEASE_H

#include <docent/lock.h>
#include <docent/recipe.h>

DOCENT_BEGIN

typedef struct docent_lease docent_lease;

/* docent_lease_options options = { DOCENT_LEASE_OPTIONS, .duration_ms = 60000 };  What is left zero gets its default. */
typedef struct docent_lease_options {
    size_t struct_size;   /* Set by DOCENT_LEASE_OPTIONS; new fields go at the end. */
    uint64_t duration_ms; /* From each acquire on. At least 1000, and at most 100 years. No default. */
    const char *id;       /* Who has it, and may renew it. UTF-8. Default: host name and process id. */
    uint32_t slots;       /* Default: 0, one lease, on path itself. Else so many, on nodes below it. */
    uint64_t skew_ms;     /* How far the clocks may be apart: our own end is taken for so much earlier, and others' for so much later. Default: 0. */
    docent_acl_list acl;  /* Of what we make. Default: the client's or view's. */
} docent_lease_options;
#define DOCENT_LEASE_OPTIONS .struct_size = sizeof(docent_lease_options)
/** The same as { DOCENT_LEASE_OPTIONS }, for compilers without designated initialisers. Thread: any. */
static inline void docent_lease_options_init(docent_lease_options *options)
{
    memset(options, 0, sizeof *options);
    options->struct_size = sizeof *options;
}

/** A lease at @path; sends nothing yet. @options need not outlive the call. On success *@ret_lease is the caller's to docent_lease_close(), on
 * failure it is left as it was. Returns DOCENT_OK, DOCENT_ERR_NO_MEMORY, DOCENT_ERR_INVALID_ARGUMENT (@path is no valid path of a node, or is
 * "/"; a duration out of bounds, or not longer than the skew; an id that is not UTF-8), DOCENT_ERR_CLOSING (the client is) or DOCENT_ERR_FORKED.
 * Thread: any. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_lease_new(docent_client *client, const char *path, const docent_lease_options *options,
                                                            docent_lease **ret_lease);

/** Gets the lease, or renews it, or not, and tells @done which, exactly once: DOCENT_OK (ours, see docent_lease_left_ms()), DOCENT_ERR_BUSY (somebody else's),
 * DOCENT_ERR_TIMEOUT (nothing was written), DOCENT_ERR_UNKNOWN_OUTCOME (it may have been: then it is ours, and ends by itself; acquiring again
 * settles it), DOCENT_ERR_SESSION_EXPIRED, DOCENT_ERR_SEQUENCE_EXHAUSTED, DOCENT_ERR_CLOSING, or what the server refused us with (as of a lock). It waits for the short lock under
 * which the lease is written, and through lost connections, until @timeout_ms, which may be DOCENT_FOREVER, or DOCENT_NO_WAIT: one look, and DOCENT_ERR_TIMEOUT if another is
 * looking just then, or the client is not connected. A lease that is still held stays so whatever the outcome. Returns DOCENT_OK if @done will be called;
 * DOCENT_ERR_BUSY (an acquire of this handle is under way), DOCENT_ERR_NO_MEMORY, DOCENT_ERR_CLOSING, DOCENT_ERR_INVALID_ARGUMENT (NULL),
 * DOCENT_ERR_WRONG_THREAD or DOCENT_ERR_FORKED if it never will. Thread: loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_lease_acquire_async(docent_lease *lease, uint32_t timeout_ms, docent_done_fn done, void *user);
/** docent_lease_acquire_async() that waits and returns the outcome, or DOCENT_ERR_WOULD_DEADLOCK, or DOCENT_ERR_BUSY (also: inbox full).
 * Thread: not loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_lease_acquire(docent_lease *lease, uint32_t timeout_ms);

/** How long it is ours yet, by the monotonic clock; 0: it is not. Also 0 once the client is closed. Thread: any. */
DOCENT_API uint64_t docent_lease_left_ms(const docent_lease *lease);
/** Which slot is ours, from 0; -1: none. Thread: any. */
DOCENT_API int64_t docent_lease_slot(const docent_lease *lease);
/** How its acquires go; see recipe.h. Thread: any. Returns as docent_permit_info(). */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_lease_info(docent_lease *lease, docent_recipe_info *ret_info);

/** Ends a pending acquire, with DOCENT_ERR_CANCELLED, then frees. When the lock's node is gone, too, @closed (may be NULL) is called. What was acquired runs on. @lease
 * is not the caller's any more when this returns. NULL: does nothing. Thread: any. */
DOCENT_API void docent_lease_close(docent_lease *lease, void (*closed)(void *user), void *user);

DOCENT_END

#endif
