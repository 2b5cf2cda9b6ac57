/* recipes/semaphore_blocking.c - the blocking forms of docent/semaphore.h: each is the asynchronous one and one wait. */
#include "core/drive/await.h"
#include "recipes/blocking.h"
#include "recipes/permit.h"

struct acquire_wait { /* On the waiting thread's stack. */
    docent_semaphore *semaphore;
    uint32_t count, timeout_ms;
    docent_permit *permit;
    struct docent_wait *wait;
};

static void acquire_done(docent_status outcome, void *user)
{
    docent_wait_done(((struct acquire_wait *)user)->wait, outcome);
}

static docent_status acquire_start(void *argument, struct docent_wait *wait)
{
    struct acquire_wait *w = argument;
    w->wait = wait;
    return docent_semaphore_acquire_async(w->semaphore, w->count, w->timeout_ms, acquire_done, w, &w->permit);
}

docent_status docent_semaphore_acquire(docent_semaphore *semaphore, uint32_t count, uint32_t timeout_ms, docent_permit **ret_permit)
{
    if (semaphore == NULL || ret_permit == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    docent_client *client;
    docent_status status = docent_semaphore_client(semaphore, &client);
    if (status != DOCENT_OK) return status;
    struct acquire_wait w = { .semaphore = semaphore, .count = count, .timeout_ms = timeout_ms };
    status = docent_await(client, acquire_start, &w);
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

struct participants_wait { /* On the waiting thread's stack. */
    docent_semaphore *semaphore;
    docent_result **ret_result;
    struct docent_wait *wait;
};

static void participants_done(const docent_result *result, void *user)
{
    struct participants_wait *w = user;
    docent_wait_result(w->wait, result, w->ret_result, NULL);
}

static docent_status participants_start(void *argument, struct docent_wait *wait)
{
    struct participants_wait *w = argument;
    w->wait = wait;
    return docent_semaphore_participants_async(w->semaphore, participants_done, w);
}

docent_status docent_semaphore_participants(docent_semaphore *semaphore, docent_result **ret_result)
{
    if (semaphore == NULL || ret_result == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    docent_client *client;
    docent_status status = docent_semaphore_client(semaphore, &client);
    if (status != DOCENT_OK) return status;
    struct participants_wait w = { .semaphore = semaphore, .ret_result = ret_result };
    return docent_await(client, participants_start, &w);
}
