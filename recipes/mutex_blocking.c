/* recipes/mutex_blocking.c - the mutex's blocking forms. */
#include "recipes/mutex.h"

struct acquire_wait { /* On the waiting thread's stack. */
    docent_mutex *mutex;
    uint32_t timeout_ms;
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
    return docent_mutex_acquire_async(w->mutex, w->timeout_ms, acquire_done, w);
}

/* May this thread wait? DOCENT_OK and the client, or with what it is refused. */
static docent_status mutex_may_wait(docent_mutex *m, docent_client **ret_client)
{
    docent_status status = docent_lock_client(&m->lock, ret_client);
    if (status != DOCENT_OK) return status;
    const struct docent_host *host = docent_client_host(*ret_client);
    status = host->check_loop(host->user);
    if (status == DOCENT_OK) return DOCENT_ERR_WOULD_DEADLOCK;
    return status == DOCENT_ERR_WRONG_THREAD ? DOCENT_OK : status;
}

docent_status docent_mutex_acquire(docent_mutex *m, uint32_t timeout_ms)
{
    if (m == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    docent_client *client;
    docent_status status = mutex_may_wait(m, &client);
    if (status != DOCENT_OK) return status;
    status = docent_mutex_enter(m);
    if (status != DOCENT_ERR_NOT_HELD) return status;
    struct acquire_wait w = { .mutex = m, .timeout_ms = timeout_ms };
    return docent_await(client, acquire_start, &w);
}

docent_status docent_mutex_release_wait(docent_mutex *m, uint32_t timeout_ms)
{
    if (m == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    docent_client *client;
    int64_t number;
    docent_status status = mutex_may_wait(m, &client);
    if (status == DOCENT_OK) status = docent_mutex_leave(m, &number);
    if (status != DOCENT_OK || number == 0) return status;
    return docent_lock_release_wait_for(&m->lock, number, timeout_ms);
}
