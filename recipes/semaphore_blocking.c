/* recipes/semaphore_blocking.c - the blocking forms of docent/semaphore.h: each is the asynchronous one and one wait. */
#include "recipes/blocking.h"
#include "recipes/permit.h"

struct acquire_wait { /* On the waiting thread's stack. */
    docent_semaphore *semaphore;
    uint32_t count, timeout_ms;
    docent_permit *permit;
};

static docent_status acquire_start(void *argument, struct docent_wait *wait)
{
    struct acquire_wait *w = argument;
    return docent_semaphore_acquire_async(w->semaphore, w->count, w->timeout_ms, docent_wait_told, wait, &w->permit);
}

docent_status docent_semaphore_acquire(docent_semaphore *semaphore, uint32_t count, uint32_t timeout_ms, docent_permit **ret_permit)
{
    if (semaphore == NULL || ret_permit == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    struct acquire_wait w = { .semaphore = semaphore, .count = count, .timeout_ms = timeout_ms };
    docent_status status = docent_wait_on((struct handle *)semaphore, acquire_start, &w);
    if (status == DOCENT_OK) {
        *ret_permit = w.permit;
    } else {
        docent_permit_close(w.permit, NULL, NULL);
    }
    return status;
}

docent_status docent_permit_return(docent_permit *permit, uint32_t timeout_ms)
{
    if (permit == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    (void)docent_tenure_release(&permit->tenure);
    return docent_handle_close_wait(&permit->handle, timeout_ms);
}

static docent_status participants(struct handle *handle, docent_result_fn done, void *user)
{
    return docent_semaphore_participants_async((docent_semaphore *)handle, done, user);
}

docent_status docent_semaphore_participants(docent_semaphore *semaphore, docent_result **ret_result)
{
    return docent_wait_read((struct handle *)semaphore, participants, ret_result);
}
