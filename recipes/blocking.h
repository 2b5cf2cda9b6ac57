/* recipes/blocking.h - what the blocking forms share: one call each of the asynchronous form and of docent_await(). */
#ifndef DOCENT_RECIPES_BLOCKING_H
#define DOCENT_RECIPES_BLOCKING_H

#include <docent/operation.h>

#include "core/drive/await.h"
#include "recipes/handle.h"

/* Loop: @result is what the waiting thread waits for. It gets a copy, and the stat if there is one, where it wants them (else NULL). */
void docent_wait_result(struct docent_wait *wait, const docent_result *result, docent_result **ret_result, docent_stat *ret_stat);

/* docent_await() of @handle's client, or why there is none any more. NULL: DOCENT_ERR_INVALID_ARGUMENT. */
docent_status docent_wait_on(struct handle *handle, docent_status (*start)(void *argument, struct docent_wait *wait), void *argument);

/* For calls that tell an outcome and no more: their @user is the wait. */
static inline void docent_wait_told(docent_status outcome, void *wait)
{
    docent_wait_done(wait, outcome);
}

/* The blocking forms of asynchronous calls that take no arguments of their own. */
typedef docent_status (*timed_verb)(struct handle *handle, uint32_t timeout_ms, docent_done_fn done, void *user);
docent_status docent_wait_verb(struct handle *handle, timed_verb verb, uint32_t timeout_ms);
typedef docent_status (*read_verb)(struct handle *handle, docent_result_fn done, void *user);
docent_status docent_wait_read(struct handle *handle, read_verb verb, docent_result **ret_result);

/* A wait that ends before what it waits for: whoever finishes that tells it, or the time-out has. Not on the waiting thread's stack. Loop. */
struct timed_wait {
    docent_client *client;
    struct docent_wait *wait; /* NULL: told. */
    struct docent_timer timer;
};
/* @timed: zeroed. DOCENT_OK, or DOCENT_ERR_NO_MEMORY with nothing begun. */
docent_status docent_timed_wait_begin(struct timed_wait *timed, docent_client *client, struct docent_wait *wait, uint32_t timeout_ms);
void docent_timed_wait_tell(struct timed_wait *timed, docent_status outcome);
/* It will be told by others. */
void docent_timed_wait_drop(struct timed_wait *timed);

#endif
