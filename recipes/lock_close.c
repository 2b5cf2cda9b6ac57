/* recipes/lock_close.c - see lock_internal.h: the end of a lock, by close, with its client, or in a forked child. */
#include "recipes/lock_internal.h"

void docent_lock_mute(struct docent_lock *lock)
{
    lock->muted = true;
    lock->on_state = NULL;
    lock->on_lost = NULL;
    for (struct acquisition *a = lock->acquisitions; a != NULL; a = a->next) {
        if (a->done != NULL) a->done = docent_lock_nobody;
        a->answer = NULL;
    }
    for (struct release_wait *wait = lock->waits; wait != NULL; wait = wait->next) wait->done = docent_lock_nobody;
    lock->closed = NULL;
    lock->readers = 0;
    atomic_store(&lock->gate, 0);
}

void docent_lock_say_farewell(struct docent_later *later)
{
    struct docent_lock *lock = (struct docent_lock *)((char *)later - offsetof(struct docent_lock, farewell));
    void (*closed)(void *user) = lock->closed;

    if (lock->attached) docent_machine_fini(&lock->machine);
    lock->attached = false;
    if (lock->timer_reserved) docent_timer_release(lock->client);
    atomic_store(&lock->dead, lock->refusal);
    while (atomic_load(&lock->gate) != 0) {
        /* Somebody is about to leave, with a post that will still be run, or with nothing. */
    }
    lock->farewell_said = true;
    lock->closed = NULL;
    docent_client_drop(lock->client);
    if (closed != NULL) closed(lock->closed_user);
    docent_lock_unref(lock);
}

void docent_lock_settle(struct docent_lock *lock)
{
    for (struct release_wait *wait = lock->waits; wait != NULL; wait = wait->next) {
        if (!docent_lock_release_is_over(lock, wait->number) || wait->telling.queued) continue;
        wait->outcome = docent_client_close_cause(lock->client);
        docent_client_later(lock->client, &wait->telling);
    }
    if (lock->refusal != DOCENT_OK && lock->acquisitions == NULL && lock->waits == NULL && lock->readers == 0 && !lock->farewell_said) {
        docent_client_later(lock->client, &lock->farewell);
    }
}

static void lock_close_now(struct docent_lock *lock)
{
    if (lock->farewell_said) { /* The client closed while the call was on its way. */
        if (lock->close_fn != NULL) lock->close_fn(lock->close_user);
        return;
    }
    lock->closed = lock->close_fn;
    lock->closed_user = lock->close_user;
    if (lock->refusal == DOCENT_OK) lock->refusal = DOCENT_ERR_CLOSING;
    docent_lock_give_up(lock, DOCENT_ERR_CLOSING);
    docent_lock_settle(lock);
}

void docent_lock_close_posted(struct docent_post *post)
{
    struct docent_lock *lock = (struct docent_lock *)((char *)post - offsetof(struct docent_lock, close_post));

    lock_close_now(lock);
    docent_lock_unref(lock);
}

void docent_lock_close_dropped(struct docent_post *post)
{
    docent_lock_unref((struct docent_lock *)((char *)post - offsetof(struct docent_lock, close_post)));
}

void docent_lock_close(docent_lock *lock, void (*closed)(void *user), void *user)
{
    if (lock == NULL || atomic_exchange(&lock->close_called, true)) return;
    (void)docent_lock_mark_released(lock);
    lock->close_fn = closed;
    lock->close_user = user;

    docent_status status = docent_lock_reach_loop(lock, &lock->close_post);
    if (status == DOCENT_OK) {
        lock_close_now(lock);
    } else if (status == DOCENT_ERR_CLOSING && closed != NULL && !lock->muted) { /* Dead: the client was closed before. */
        closed(user);
    } /* In a forked child the memory goes with the client that it hangs on. */
    docent_lock_unref(lock);
}
