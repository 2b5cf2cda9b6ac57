/* recipes/mutex_blocking.c - the mutex's blocking forms. */
#include "recipes/blocking.h"
#include "recipes/mutex.h"

static docent_status acquire(struct handle *handle, uint32_t timeout_ms, docent_done_fn done, void *user)
{
    return docent_mutex_acquire_async((docent_mutex *)handle, timeout_ms, done, user);
}

/* May this thread wait? DOCENT_OK and the client, or with what it is refused. */
static docent_status mutex_may_wait(docent_mutex *m, docent_client **ret_client)
{
    docent_status status = docent_handle_client(&m->lock.handle, ret_client);
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
    return docent_wait_verb(&m->lock.handle, acquire, timeout_ms);
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
