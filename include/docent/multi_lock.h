/* docent/multi_lock.h - several locks as one: all of them, or none. For work that needs more than one path for itself.
 *
 * The members are locks as in lock.h, one per path. They are acquired one after another, in one order, under one deadline; as soon as one
 * cannot be had the others are released again, in the reverse order. Since all who need two of the same paths take them in the same
 * order, nobody waits for somebody who waits for them: so the default order is that of the paths' bytes, whatever order they were given in. Peers
 * that take them in the order of a list (Curator's InterProcessMultiLock) are safe with each other only if all lists agree, and with us
 * if that is also our order: DOCENT_MULTI_LOCK_AS_LISTED, or lists that are sorted.
 *
 * Each member has its fencing token and its hold. A transaction guarded by the holds of all (docent_txn_guard() for each) is applied only while
 * all are held; see examples/multi_lock.c.
 *
 * On suspend  The state turns SUSPECT, and HELD again when every member is; as in lock.h.
 * On expiry, on removal  If one member is lost, for whatever reason, the others are released at once, and on_lost is told once, with the
 *             member that was lost first.
 * On close    Releases; as docent_lock_close(), also when the client is closed first.
 * Nodes       As lock.h, below each path.
 *
 * Threads, ownership, units  As lock.h. */
#ifndef DOCENT_MULTI_LOCK_H
#define DOCENT_MULTI_LOCK_H

#include <docent/lock.h>

DOCENT_BEGIN

typedef struct docent_multi_lock docent_multi_lock;

typedef enum docent_multi_lock_order {
    DOCENT_MULTI_LOCK_SORTED,    /* By path. */
    DOCENT_MULTI_LOCK_AS_LISTED, /* As given: for peers that take them so. */
} docent_multi_lock_order;

/* docent_multi_lock_options options = { DOCENT_MULTI_LOCK_OPTIONS, .label = "worker-7" };  What is left zero gets its default. */
typedef struct docent_multi_lock_options {
    size_t struct_size;     /* Set by DOCENT_MULTI_LOCK_OPTIONS; new fields go at the end. */
    docent_dialect dialect; /* Default: DOCENT_DIALECT_CURATOR. */
    const char *label;      /* As these in docent_lock_options, for every member. */
    docent_acl_list acl;
    docent_multi_lock_order order; /* Default: DOCENT_MULTI_LOCK_SORTED. */
    void (*on_state)(docent_multi_lock *multi, docent_lock_state state, void *user); /* What changes twice before it is told is told once, or not
                             * at all. Default: none. */
    void (*on_lost)(docent_multi_lock *multi, size_t member, docent_status why, void *user); /* All were held, and @member (by its place in the
                             * caller's list) was lost without a release, for what docent_lock_options.on_lost names. Told after on_state.
                             * Default: none. */
    void *user;
} docent_multi_lock_options;
#define DOCENT_MULTI_LOCK_OPTIONS .struct_size = sizeof(docent_multi_lock_options)
/** The same as { DOCENT_MULTI_LOCK_OPTIONS }, for compilers without designated initialisers. Thread: any. */
static inline void docent_multi_lock_options_init(docent_multi_lock_options *options)
{
    memset(options, 0, sizeof *options);
    options->struct_size = sizeof *options;
}

/** Creates contenders for @count paths; sends nothing yet. On success *@ret_multi is the caller's to docent_multi_lock_close(), on failure it is
 * left as it was. Returns as docent_lock_new(); DOCENT_ERR_INVALID_ARGUMENT also for no paths, and for a path that is given twice, for it
 * would wait for itself. Thread: any. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_multi_lock_new(docent_client *client, const char *const *paths, size_t count,
                                                                 const docent_multi_lock_options *options, docent_multi_lock **ret_multi);

/** Acquires all and tells @done the outcome, exactly once: DOCENT_OK (all are held), or, with none held, what docent_lock_acquire_async() of the
 * member that could not be had ended with. @timeout_ms goes for the whole; with DOCENT_NO_WAIT each member gets one look. What was got is
 * given up behind the outcome. Returns as docent_lock_acquire_async(). Thread: loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_multi_lock_acquire_async(docent_multi_lock *multi, uint32_t timeout_ms, docent_done_fn done,
                                                                           void *user);
/** docent_multi_lock_acquire_async() that waits and returns the outcome, or DOCENT_ERR_WOULD_DEADLOCK, or DOCENT_ERR_BUSY (also: inbox
 * full). Thread: not loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_multi_lock_acquire(docent_multi_lock *multi, uint32_t timeout_ms);

/** Gives all up, in reverse order, or stops acquiring. Cannot fail. Not held and not waiting: does nothing. From the return of this on nothing is
 * held. Thread: any. */
DOCENT_API void docent_multi_lock_release(docent_multi_lock *multi);
/** docent_multi_lock_release() that tells @done when the nodes of all are gone. Outcomes and returns as docent_lock_release_async(). Thread: loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_multi_lock_release_async(docent_multi_lock *multi, docent_done_fn done, void *user);
/** docent_multi_lock_release() that returns DOCENT_OK when the nodes of all are gone, or DOCENT_ERR_TIMEOUT after @timeout_ms while removal
 * goes on. Other returns as docent_lock_release_wait(). Thread: not loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_multi_lock_release_wait(docent_multi_lock *multi, uint32_t timeout_ms);

/** HELD: all are. SUSPECT: all are, at least one when last heard of. RELEASED here from the lease's deadline on, even if the loop is
 * stuck. Thread: any. */
DOCENT_API docent_lock_state docent_multi_lock_get_state(const docent_multi_lock *multi);
/** How many members it has. Thread: any. */
DOCENT_API size_t docent_multi_lock_count(const docent_multi_lock *multi);
/** The lock of the @member-th path in the caller's list, or NULL: for its token, hold, state, info and participants. It is not the caller's to acquire
 * (DOCENT_ERR_BUSY) or to close; releasing it releases all. Good until docent_multi_lock_close(). Thread: any. */
DOCENT_API docent_lock *docent_multi_lock_member(const docent_multi_lock *multi, size_t member);

/** Where the whole stands and what it has done; its state is RELEASED, ACQUIRING or HELD. What hinders it the member that it is at tells:
 * docent_lock_info(). Returns as that does. Thread: any; elsewhere than on the loop it waits for the loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_multi_lock_info(docent_multi_lock *multi, docent_recipe_info *ret_info);

/** Releases all, then frees, as docent_lock_close() does; @closed (may be NULL) is told when the nodes of all are gone. NULL: does nothing.
 * Thread: any. */
DOCENT_API void docent_multi_lock_close(docent_multi_lock *multi, void (*closed)(void *user), void *user);

DOCENT_END

#endif
