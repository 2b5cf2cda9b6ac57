/* recipes/mutex.h - the re-entrant lock: a lock, and how often it was acquired.
 *
 * The count belongs to one hold, and a hold is an acquisition of the lock, which has a number; both are one word. So what a thread does to a
 * hold that is over by the time it gets there does nothing to the next.
 *
 *     held (by the loop, before anybody can see it)   -> (number, 1)
 *     acquired again, by any thread, while not 0      -> one more
 *     released, by any thread, while not 0            -> one less; whoever makes it 0 releases the acquisition of that number
 *     held no more (by the loop, after nobody can)    -> (number, 0) */
#ifndef DOCENT_RECIPES_MUTEX_H
#define DOCENT_RECIPES_MUTEX_H

#include <docent/mutex.h>

#include "recipes/lock_internal.h"

enum { MUTEX_COUNT_BITS = 20, MUTEX_COUNT_MAX = (1 << MUTEX_COUNT_BITS) - 1 };

struct docent_mutex {
    struct docent_lock lock; /* First. */
    docent_shared_i64 holds; /* number * 2^20 + count. */
    void (*on_state)(docent_mutex *mutex, docent_lock_state state, void *user);
    void (*on_lost)(docent_mutex *mutex, docent_status why, void *user);
    void (*on_revoke)(docent_mutex *mutex, void *user);
};

/* Any thread: one more of what is held. DOCENT_OK, DOCENT_ERR_NOT_HELD, or DOCENT_ERR_BUSY: no more than that. */
docent_status docent_mutex_enter(docent_mutex *mutex);
/* Any thread: one less. DOCENT_OK or DOCENT_ERR_NOT_HELD. *@ret_number: of the acquisition that is released with it, or 0. */
docent_status docent_mutex_leave(docent_mutex *mutex, int64_t *ret_number);

#endif
