/* docent/mutex.h - a re-entrant lock on a path: what is held may be acquired again, and is given up with the last of as many releases.
 *
 * Who holds is the docent_mutex, not a thread: all who have the handle share what it holds, and each release gives back one acquire, whoever
 * made it. Threads that are to exclude each other use one each. On the path it is one contender like a docent_lock, of which everything in
 * docent/lock.h goes for it, too: the nodes, the queue, what a process believes, tokens. A docent_lock on the same path can ask who is in
 * line, and ask to let go.
 *
 * On suspend  SUSPECT is held still: it may be acquired again, and released.
 * On expiry   Held no more, however often it was acquired: on_lost is told once, and all releases that are due still fail with
 *             DOCENT_ERR_NOT_HELD, until it is acquired again. The same when somebody deletes our node, and after max_hold_ms.
 * On close    Releases, whatever the count; else as docent_lock_close(), also when the client closes first.
 *
 * Threads    As in docent/lock.h. Ownership  The library owns the docent_mutex. Strings passed in are copied. Units  Milliseconds, in
 *            names that end in _ms. */
#ifndef DOCENT_MUTEX_H
#define DOCENT_MUTEX_H

#include <docent/lock.h>

DOCENT_BEGIN

typedef struct docent_mutex docent_mutex;

/* Fields as in docent_lock_options. */
typedef struct docent_mutex_options {
    size_t struct_size; /* Set by DOCENT_MUTEX_OPTIONS; new fields go at the end. */
    docent_dialect dialect;
    const char *label;
    docent_acl_list acl;
    void (*on_state)(docent_mutex *mutex, docent_lock_state state, void *user); /* Of the lock, not of the count. */
    void (*on_lost)(docent_mutex *mutex, docent_status why, void *user);
    void (*on_revoke)(docent_mutex *mutex, void *user);
    void *user;
    uint32_t max_hold_ms; /* From the first acquire on. */
    bool tolerant;
} docent_mutex_options;
#define DOCENT_MUTEX_OPTIONS .struct_size = sizeof(docent_mutex_options)
/** The same as { DOCENT_MUTEX_OPTIONS }, for compilers without designated initialisers. Thread: any. */
static inline void docent_mutex_options_init(docent_mutex_options *options)
{
    memset(options, 0, sizeof *options);
    options->struct_size = sizeof *options;
}

/** As docent_lock_new(). Thread: any. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_mutex_new(docent_client *client, const char *path, const docent_mutex_options *options,
                                                            docent_mutex **ret_mutex);

/** Held already: counts one more, asks no server, and tells @done DOCENT_OK soon. Else queues as docent_lock_acquire_async() does, with its
 * outcomes and returns; DOCENT_ERR_BUSY means that this handle waits already, or was acquired 2^20 - 1 times. Thread: loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_mutex_acquire_async(docent_mutex *mutex, uint32_t timeout_ms, docent_done_fn done,
                                                                      void *user);

/** docent_mutex_acquire_async() that waits and returns the outcome, or as docent_lock_acquire() does. Held already, it does not wait for the
 * loop either. Thread: not loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_mutex_acquire(docent_mutex *mutex, uint32_t timeout_ms);

/** Gives one acquire back; with the last one the lock, as docent_lock_release(). (To leave the queue, close the handle, or wait with a
 * deadline.) Returns DOCENT_OK, DOCENT_ERR_NOT_HELD (more often than it was acquired, or what was held is lost) or DOCENT_ERR_INVALID_ARGUMENT
 * (NULL). Thread: any. */
DOCENT_API docent_status docent_mutex_release(docent_mutex *mutex);

/** docent_mutex_release() that tells @done when what it gave back is gone: DOCENT_OK at once while others are still to be given back, and else
 * when our node is gone, or DOCENT_ERR_CLOSING (the client was closed first). Returns DOCENT_OK if @done will be called;
 * DOCENT_ERR_NOT_HELD, DOCENT_ERR_WRONG_THREAD, DOCENT_ERR_FORKED, DOCENT_ERR_CLOSING or DOCENT_ERR_INVALID_ARGUMENT, and nothing was given back;
 * DOCENT_ERR_NO_MEMORY: given back, but untold. Thread: loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_mutex_release_async(docent_mutex *mutex, docent_done_fn done, void *user);

/** docent_mutex_release() that returns when what it gave back is gone: DOCENT_OK, DOCENT_ERR_NOT_HELD, DOCENT_ERR_WOULD_DEADLOCK (nothing was
 * given back), or, given back but untold, as docent_lock_release_wait(). Thread: not loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_mutex_release_wait(docent_mutex *mutex, uint32_t timeout_ms);

/** How often it is acquired, and not given back. 0: not held. Thread: any. */
DOCENT_API uint32_t docent_mutex_count(const docent_mutex *mutex);

/** As docent_lock_get_state(). Thread: any. */
DOCENT_API docent_lock_state docent_mutex_get_state(const docent_mutex *mutex);

/** As docent_lock_token(): of the hold, from its first acquire to its last release. Thread: any. */
DOCENT_API int64_t docent_mutex_token(const docent_mutex *mutex);

/** As docent_lock_hold(). Thread: any; elsewhere than on the loop it waits for the loop. */
DOCENT_API docent_hold *docent_mutex_hold(docent_mutex *mutex);

/** As docent_lock_info(): of the acquires that had to queue. Thread: any; elsewhere than on the loop it waits for the loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_mutex_info(docent_mutex *mutex, docent_recipe_info *ret_info);

/** As docent_lock_close(), whatever the count. Thread: any. */
DOCENT_API void docent_mutex_close(docent_mutex *mutex, void (*closed)(void *user), void *user);

DOCENT_END

#endif
