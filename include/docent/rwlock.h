/* docent/rwlock.h - a fair read/write lock on a path: any number of readers, or one writer. A docent_rwlock is one contender, or two: it has a
 * read lock and a write lock, each a docent_lock (lock.h), on which every docent_lock_…() works: acquire, release, state, hold, info,
 * participants (of its kind).
 *
 *     docent_rwlock *rw;
 *     docent_status status = docent_rwlock_new(client, "/tables/42", NULL, &rw);
 *     if (status == DOCENT_OK) status = docent_lock_acquire(docent_rwlock_read(rw), 5000);
 *
 * Order       Everybody queues in order of arrival. A writer waits for all who came before it, a reader for the writers among them: so a waiting
 *             writer holds up the readers that come after it, and is not starved by them.
 * Downgrade   Who holds the write lock is given the read lock at once, and may then release the write lock: the reader keeps the writer's place, and
 *             no other writer gets in between. (Curator before 5.5.0 gives such a reader a place at the end, and a writer that waited may
 *             hold beside it: that is the peers' fault, and nothing here can mend it.) Wait until the read lock's acquire is told before releasing
 *             the write lock: if it is lost or released first, the acquire ends with DOCENT_ERR_NOT_HELD, for then another
 *             writer may have held.
 * Upgrade     A reader cannot become a writer: it would wait for itself. docent_lock_acquire() of the write lock while only the read lock is
 *             held fails with DOCENT_ERR_UPGRADE, and nothing is sent. Release the read lock first; what was read may then have changed when the write lock
 *             is held. While either lock's acquire is waiting the other's fails with DOCENT_ERR_BUSY.
 * Token       Of the write lock: docent_lock_token(). Readers come and go together, so a read lock has no order among its like, and its token is
 *             -1; docent_lock_hold() tells what is held, and guards transactions (txn.h). The one exception: a read lock that was acquired
 *             under the write lock keeps the token of that for as long as it is held; all later writers have larger ones.
 * On suspend, on expiry, on close, on removal  As lock.h says, for each of the two. If the write lock's node is deleted while both are held, the read lock
 *             goes on being held.
 * Nodes       Curator dialect: path/_c_<uuid>-__READ__<sequence> and path/_c_<uuid>-__WRIT__<sequence>, as Curator's InterProcessReadWriteLock.
 *             A downgraded reader is a node that the server has not numbered, with the writer's number. Kazoo dialect:
 *             path/<hex>__rlock__<sequence> and path/<hex>__lock__<sequence>, as kazoo's ReadLock and WriteLock. Kazoo's plain Lock counts as a
 *             writer, but does not wait for readers: use it on another path. Readers of kazoo up to 2.8.0 wait for
 *             writers that came later too, and then both wait for ever; ours do not, but such a peer can hold up its writers.
 *
 * Threads    As lock.h.
 * Ownership  The library owns the docent_rwlock and its two locks, which end with it. Strings passed in are copied. */
#ifndef DOCENT_RWLOCK_H
#define DOCENT_RWLOCK_H

#include <docent/lock.h>

DOCENT_BEGIN

typedef struct docent_rwlock docent_rwlock;

/* docent_rwlock_options options = { DOCENT_RWLOCK_OPTIONS, .label = "worker-7" };  What is left zero gets its default. */
typedef struct docent_rwlock_options {
    size_t struct_size;     /* Set by DOCENT_RWLOCK_OPTIONS; new fields go at the end. */
    docent_dialect dialect; /* Default: DOCENT_DIALECT_CURATOR. */
    const char *label;      /* As these in docent_lock_options. */
    docent_acl_list acl;    /* And the callbacks: */
    void (*on_state)(docent_lock *lock, docent_lock_state state, void *user); /* Of both: @lock is one of the two. */
    void (*on_lost)(docent_lock *lock, docent_status why, void *user);
    void *user;
    void (*on_revoke)(docent_lock *lock, void *user);
    uint32_t max_hold_ms; /* Of either lock; a downgraded reader's begins anew. */
} docent_rwlock_options;
#define DOCENT_RWLOCK_OPTIONS .struct_size = sizeof(docent_rwlock_options)
/** The same as { DOCENT_RWLOCK_OPTIONS }, for compilers without designated initialisers. Thread: any. */
static inline void docent_rwlock_options_init(docent_rwlock_options *options)
{
    memset(options, 0, sizeof *options);
    options->struct_size = sizeof *options;
}

/** Creates a contender for @path; sends nothing yet. @options may be NULL and need not outlive the call. On success *@ret_rwlock is the caller's
 * to docent_rwlock_close(), on failure it is left as it was. Returns as docent_lock_new(); a dialect without readers and writers is
 * DOCENT_ERR_INVALID_ARGUMENT. Thread: any. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_rwlock_new(docent_client *client, const char *path, const docent_rwlock_options *options,
                                                             docent_rwlock **ret_rwlock);

/** Its locks, good until docent_rwlock_close(). They are not the caller's to close: docent_lock_close() of one only releases it, and its
 * callback is never called. NULL of NULL. Thread: any. */
DOCENT_API docent_lock *docent_rwlock_read(const docent_rwlock *rwlock);
DOCENT_API docent_lock *docent_rwlock_write(const docent_rwlock *rwlock);

/** Releases both, then frees, as docent_lock_close() does; @closed (may be NULL) is told when the nodes of both are gone. NULL: does nothing.
 * Thread: any. */
DOCENT_API void docent_rwlock_close(docent_rwlock *rwlock, void (*closed)(void *user), void *user);

DOCENT_END

#endif
