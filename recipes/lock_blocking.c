/* recipes/lock_blocking.c - the lock's blocking forms: the asynchronous one of the same name, and docent_await(). */
#include <stddef.h>
#include <stdlib.h>

#include "core/client/machine.h"
#include "recipes/blocking.h"
#include "recipes/lock.h"

struct acquire_wait {
    docent_lock *lock;
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
    return docent_lock_acquire_async(w->lock, w->timeout_ms, acquire_done, w);
}

docent_status docent_lock_acquire(docent_lock *lock, uint32_t timeout_ms)
{
    if (lock == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    docent_client *client;
    docent_status status = docent_lock_client(lock, &client);
    if (status != DOCENT_OK) return status;
    struct acquire_wait w = { .lock = lock, .timeout_ms = timeout_ms };
    return docent_await(client, acquire_start, &w);
}

/* Removal may go on after the time-out, so this is not on the stack: the release and the waiter let go of it in either order. */
struct release_wait {
    docent_client *client;
    docent_lock *lock;
    int64_t number; /* Released up to this acquisition: another thread may acquire anew meanwhile. */
    uint32_t timeout_ms;
    struct docent_wait *wait; /* NULL: told. */
    struct docent_timer timer;
};

static void release_tell(struct release_wait *w, docent_status outcome)
{
    struct docent_wait *wait = w->wait;
    if (wait == NULL) return;
    w->wait = NULL;
    docent_timer_stop(w->client, &w->timer);
    docent_timer_release(w->client);
    docent_wait_done(wait, outcome);
}

static void release_late(struct docent_timer *timer)
{
    release_tell((struct release_wait *)((char *)timer - offsetof(struct release_wait, timer)), DOCENT_ERR_TIMEOUT);
}

static void release_done(docent_status outcome, void *user)
{
    struct release_wait *w = user;
    release_tell(w, outcome);
    free(w);
}

struct release_call { /* On the waiting thread's stack. */
    struct release_wait *release;
    bool accepted; /* release_done() frees it. */
};

static docent_status release_start(void *argument, struct docent_wait *wait)
{
    struct release_call *call = argument;
    struct release_wait *w = call->release;
    if (docent_lock_release_is_over(w->lock, w->number)) { /* Told at once, whatever the time-out. */
        docent_wait_done(wait, DOCENT_OK);
        return DOCENT_OK;
    }
    w->wait = wait;
    w->timer.fire = release_late;
    docent_status status = docent_timer_reserve(w->client);
    if (status != DOCENT_OK) return status;
    status = docent_lock_release_finish(w->lock, w->number, release_done, w);
    call->accepted = status == DOCENT_OK;
    if (!call->accepted) {
        docent_timer_release(w->client);
    } else if (w->timeout_ms != DOCENT_FOREVER) {
        const struct docent_host *host = docent_client_host(w->client);
        docent_timer_set(w->client, &w->timer, host->now_ms(host->user) + w->timeout_ms);
    }
    return status;
}

docent_status docent_lock_release_wait_for(docent_lock *lock, int64_t number, uint32_t timeout_ms)
{
    docent_client *client;
    docent_status status = docent_lock_client(lock, &client);
    if (status != DOCENT_OK) return status;
    struct release_wait *w = calloc(1, sizeof *w);
    if (w == NULL) return DOCENT_ERR_NO_MEMORY;
    w->client = client;
    w->lock = lock;
    w->number = number;
    w->timeout_ms = timeout_ms;
    struct release_call call = { .release = w };
    status = docent_await(client, release_start, &call);
    if (!call.accepted) free(w);
    return status;
}

docent_status docent_lock_release_wait(docent_lock *lock, uint32_t timeout_ms)
{
    if (lock == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    return docent_lock_release_wait_for(lock, docent_lock_release_begin(lock), timeout_ms); /* In force at once, whatever becomes of the wait. */
}

struct participants_wait { /* On the waiting thread's stack. */
    docent_lock *lock;
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
    return docent_lock_participants_async(w->lock, participants_done, w);
}

docent_status docent_lock_participants(docent_lock *lock, docent_result **ret_result)
{
    if (lock == NULL || ret_result == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    docent_client *client;
    docent_status status = docent_lock_client(lock, &client);
    if (status != DOCENT_OK) return status;
    struct participants_wait w = { .lock = lock, .ret_result = ret_result };
    return docent_await(client, participants_start, &w);
}

struct revoke_wait { /* On the waiting thread's stack. */
    docent_lock *lock;
    const char *node;
    struct docent_wait *wait;
};

static void revoke_done(const docent_result *result, void *user)
{
    docent_wait_done(((struct revoke_wait *)user)->wait, result->status);
}

static docent_status revoke_start(void *argument, struct docent_wait *wait)
{
    struct revoke_wait *w = argument;
    w->wait = wait;
    return docent_lock_revoke_async(w->lock, w->node, revoke_done, w);
}

docent_status docent_lock_revoke(docent_lock *lock, const char *node)
{
    if (lock == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    docent_client *client;
    docent_status status = docent_lock_client(lock, &client);
    if (status != DOCENT_OK) return status;
    struct revoke_wait w = { .lock = lock, .node = node };
    return docent_await(client, revoke_start, &w);
}
