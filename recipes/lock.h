/* recipes/lock.h - the lock as its blocking forms see it. */
#ifndef DOCENT_RECIPES_LOCK_H
#define DOCENT_RECIPES_LOCK_H

#include <docent/lock.h>

/* The client that the lock was made with. Returns DOCENT_OK, or why there is none any more: DOCENT_ERR_CLOSING,
 * DOCENT_ERR_AUTH_FAILED. Thread: any. */
docent_status docent_lock_client(const docent_lock *lock, docent_client **ret_client);

/* docent_lock_release(), in two halves, between which other threads may acquire anew. The first returns the number of the acquisition
 * up to which it has released, from any thread; the second waits, as docent_lock_release_async() does, for these and no later
 * ones. Are they gone already? Thread of the latter two: loop. */
int64_t docent_lock_release_begin(docent_lock *lock);
docent_status docent_lock_release_finish(docent_lock *lock, int64_t number, docent_done_fn done, void *user);
bool docent_lock_release_is_over(const docent_lock *lock, int64_t number);

#endif
