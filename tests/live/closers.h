/* tests/live/closers.h - the close of every kind of handle, of one type, for tables of recipes. */
#ifndef CLOSERS_H
#define CLOSERS_H

#include <docent/docent.h>

#define CLOSER(name, type)                                                                \
    static inline void name(void *handle, void (*closed)(void *user), void *user)         \
    {                                                                                     \
        type##_close(handle, closed, user);                                               \
    }
CLOSER(close_barrier, docent_barrier)
CLOSER(close_claim_queue, docent_claim_queue)
CLOSER(close_countdown, docent_countdown)
CLOSER(close_item, docent_item)
CLOSER(close_latch, docent_leader_latch)
CLOSER(close_lease, docent_lease)
CLOSER(close_lock, docent_lock)
CLOSER(close_member, docent_double_barrier)
CLOSER(close_multi, docent_multi_lock)
CLOSER(close_mutex, docent_mutex)
CLOSER(close_permit, docent_permit)
CLOSER(close_queue, docent_queue)
CLOSER(close_rwlock, docent_rwlock)
CLOSER(close_selector, docent_leader_selector)
CLOSER(close_semaphore, docent_semaphore)
CLOSER(close_sharder, docent_queue_sharder)
CLOSER(close_sync_queue, docent_sync_queue)
CLOSER(close_work_queue, docent_work_queue)
#undef CLOSER

#endif
