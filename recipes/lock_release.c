/* recipes/lock_release.c - see lock_internal.h: releasing, from any thread, and waiting until the node is gone. */
#include "recipes/lock_internal.h"

void docent_lock_release_nudged(struct handle *handle)
{
    docent_lock_run_ends((struct docent_lock *)handle);
}

int64_t docent_lock_release_begin(docent_lock *lock)
{
    int64_t number = docent_tenure_release(&lock->tenure);

    docent_handle_nudge(&lock->handle);
    return number;
}

void docent_lock_release_up_to(docent_lock *lock, int64_t number)
{
    docent_tenure_release_up_to(&lock->tenure, number);
    docent_handle_nudge(&lock->handle);
}

void docent_lock_release(docent_lock *lock)
{
    if (lock != NULL) (void)docent_lock_release_begin(lock);
}

static void release_wait_tell(struct docent_later *later)
{
    struct release_wait *wait = (struct release_wait *)((char *)later - offsetof(struct release_wait, telling));
    struct docent_lock *lock = wait->lock;

    struct release_wait **link = &lock->waits;
    while (*link != wait) {
        link = &(*link)->next;
    }
    *link = wait->next; /* Before the callback: what it does to the lock must not find it waiting, and tell it again. */
    wait->done(wait->outcome, wait->user);
    docent_free(&lock->handle.allocator, wait);
    docent_lock_settle(lock);
}

void docent_lock_tell_waits(struct docent_lock *lock)
{
    for (struct release_wait *wait = lock->waits; wait != NULL; wait = wait->next) {
        if (!docent_lock_release_is_over(lock, wait->number) || docent_later_is_queued(&wait->telling)) continue;
        wait->outcome = docent_client_close_cause(lock->handle.client);
        docent_client_later(lock->handle.client, &wait->telling);
    }
}

bool docent_lock_release_is_over(const docent_lock *lock, int64_t number)
{
    for (const struct acquisition *a = lock->acquisitions; a != NULL; a = a->next) {
        if (a->number <= number && !a->over) return false;
    }
    return true;
}

docent_status docent_lock_release_async(docent_lock *lock, docent_done_fn done, void *user)
{
    if (lock == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    return docent_lock_release_finish(lock, docent_lock_release_begin(lock), done, user);
}

docent_status docent_lock_release_finish(docent_lock *lock, int64_t number, docent_done_fn done, void *user)
{
    docent_status status = docent_handle_check(&lock->handle);
    if (status != DOCENT_OK) return status;
    struct release_wait *wait = docent_alloc(&lock->handle.allocator, sizeof *wait);
    if (wait == NULL) return DOCENT_ERR_NO_MEMORY;

    *wait = (struct release_wait){
        .telling.run = release_wait_tell,
        .next = lock->waits,
        .lock = lock,
        .number = number,
        .done = done != NULL ? done : docent_nobody,
        .user = user,
    };
    lock->waits = wait;
    docent_lock_settle(lock);
    return DOCENT_OK;
}
