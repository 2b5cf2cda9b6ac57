/* recipes/lock_blocking.c - the lock's blocking forms: the asynchronous one of the same name, and docent_await(). */
#include <stddef.h>
#include <stdlib.h>

#include "recipes/blocking.h"
#include "recipes/lock_internal.h"

static docent_status acquire(struct handle *handle, uint32_t timeout_ms, docent_done_fn done, void *user)
{
    return docent_lock_acquire_async((docent_lock *)handle, timeout_ms, done, user);
}

docent_status docent_lock_acquire(docent_lock *lock, uint32_t timeout_ms)
{
    return docent_wait_verb((struct handle *)lock, acquire, timeout_ms);
}

/* Removal may go on after the time-out, so this is not on the stack: the release and the waiter let go of it in either order. */
struct removal_wait {
    struct timed_wait timed;
    docent_lock *lock;
    int64_t number; /* Released up to this acquisition: another thread may acquire anew meanwhile. */
    uint32_t timeout_ms;
};

static void removal_done(docent_status outcome, void *user)
{
    struct removal_wait *w = user;
    docent_timed_wait_tell(&w->timed, outcome);
    free(w);
}

struct removal_call { /* On the waiting thread's stack. */
    struct removal_wait *removal;
    bool accepted; /* removal_done() frees it. */
};

static docent_status removal_start(void *argument, struct docent_wait *wait)
{
    struct removal_call *call = argument;
    struct removal_wait *w = call->removal;
    if (docent_lock_release_is_over(w->lock, w->number)) { /* Told at once, whatever the time-out. */
        docent_wait_done(wait, DOCENT_OK);
        return DOCENT_OK;
    }
    docent_status status = docent_timed_wait_begin(&w->timed, w->lock->handle.client, wait, w->timeout_ms);
    if (status != DOCENT_OK) return status;
    status = docent_lock_release_finish(w->lock, w->number, removal_done, w);
    call->accepted = status == DOCENT_OK;
    if (!call->accepted) docent_timed_wait_drop(&w->timed);
    return status;
}

docent_status docent_lock_release_wait_for(docent_lock *lock, int64_t number, uint32_t timeout_ms)
{
    docent_client *client;
    docent_status status = docent_handle_client(&lock->handle, &client);
    if (status != DOCENT_OK) return status;
    struct removal_wait *w = calloc(1, sizeof *w);
    if (w == NULL) return DOCENT_ERR_NO_MEMORY;
    w->lock = lock;
    w->number = number;
    w->timeout_ms = timeout_ms;
    struct removal_call call = { .removal = w };
    status = docent_await(client, removal_start, &call);
    if (!call.accepted) free(w);
    return status;
}

docent_status docent_lock_release_wait(docent_lock *lock, uint32_t timeout_ms)
{
    if (lock == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    return docent_lock_release_wait_for(lock, docent_lock_release_begin(lock), timeout_ms); /* In force at once, whatever becomes of the wait. */
}

static docent_status participants(struct handle *handle, docent_result_fn done, void *user)
{
    return docent_lock_participants_async((docent_lock *)handle, done, user);
}

docent_status docent_lock_participants(docent_lock *lock, docent_result **ret_result)
{
    return docent_wait_read((struct handle *)lock, participants, ret_result);
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
    return docent_wait_on((struct handle *)lock, revoke_start, &(struct revoke_wait){ .lock = lock, .node = node });
}
