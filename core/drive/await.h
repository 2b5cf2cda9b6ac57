/* core/drive/await.h - the one way in which a blocking call waits, and the one way in which a loop tells other threads. This
 * header names no operating system, so recipes may include it; what is behind it is the driver's. */
#ifndef DOCENT_AWAIT_H
#define DOCENT_AWAIT_H

#include <stdatomic.h>

#include <docent/client.h>

/* A waiting thread. Lives on its stack. */
struct docent_wait;

/* Runs @start(@argument, wait) on the loop and waits until docent_wait_done(wait, outcome) was called there, exactly once if
 * @start returned DOCENT_OK. Returns that outcome, or what else @start returned, or DOCENT_ERR_WOULD_DEADLOCK,
 * DOCENT_ERR_FORKED, DOCENT_ERR_BUSY or DOCENT_ERR_CLOSING if @start was never run. */
docent_status docent_await(docent_client *client, docent_status (*start)(void *argument, struct docent_wait *wait), void *argument);
void docent_wait_done(struct docent_wait *wait, docent_status outcome); /* Loop. The waiter may be gone when it returns. */

/* A value that the loop writes and any thread reads. */
typedef struct docent_shared_i64 {
    _Atomic int64_t value;
} docent_shared_i64;
static inline void docent_shared_set(docent_shared_i64 *shared, int64_t value)
{
    atomic_store_explicit(&shared->value, value, memory_order_seq_cst);
}
static inline int64_t docent_shared_get(const docent_shared_i64 *shared)
{
    return atomic_load_explicit((_Atomic int64_t *)&shared->value, memory_order_seq_cst);
}
/* Returns the new value. */
static inline int64_t docent_shared_add(docent_shared_i64 *shared, int64_t change)
{
    return atomic_fetch_add_explicit(&shared->value, change, memory_order_acq_rel) + change;
}

#endif
