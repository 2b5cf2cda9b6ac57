/* recipes/lock_release.c - see lock_internal.h: releasing, from any thread, and waiting until the node is gone. */
#include "recipes/lock_internal.h"

docent_status docent_lock_reach_loop(struct docent_lock *lock, struct docent_post *post)
{
    docent_status status = DOCENT_ERR_CLOSING;

    atomic_fetch_add(&lock->gate, 1);
    if (!atomic_load(&lock->dead)) {
        const struct docent_host *host = docent_client_host(lock->client);
        status = host->check_loop(host->user);
        if (status == DOCENT_ERR_WRONG_THREAD && post != NULL) {
            atomic_fetch_add(&lock->references, 1);
            docent_status posted = host->post(host->user, post, false);
            if (posted != DOCENT_OK) {
                atomic_fetch_sub(&lock->references, 1);
                status = posted;
            }
        }
    }
    atomic_fetch_sub(&lock->gate, 1);
    return status;
}

void docent_lock_release_posted(struct docent_post *post)
{
    struct docent_lock *lock = (struct docent_lock *)((char *)post - offsetof(struct docent_lock, release_post));

    atomic_store(&lock->release_posted, false); /* Before looking, so that a release that comes now posts again. */
    docent_lock_run_releases(lock);
    docent_lock_unref(lock);
}

void docent_lock_release_dropped(struct docent_post *post)
{
    docent_lock_unref((struct docent_lock *)((char *)post - offsetof(struct docent_lock, release_post)));
}

int64_t docent_lock_mark_released(struct docent_lock *lock)
{
    int64_t number = docent_lock_word_number(docent_shared_get(&lock->word));
    int64_t released = docent_shared_get(&lock->released);

    while (released < number && !atomic_compare_exchange_weak(&lock->released.value, &released, number)) {
        /* released was read again. */
    }
    return number;
}

int64_t docent_lock_release_begin(docent_lock *lock)
{
    int64_t number = docent_lock_mark_released(lock);
    docent_status status = docent_lock_reach_loop(lock, NULL);
    if (status == DOCENT_OK) {
        docent_lock_run_releases(lock);
    } else if (status == DOCENT_ERR_WRONG_THREAD && !atomic_exchange(&lock->release_posted, true)) {
        (void)docent_lock_reach_loop(lock, &lock->release_post);
    }
    return number;
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
    docent_free(&lock->allocator, wait);
    docent_lock_settle(lock);
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
    docent_status status = docent_lock_check(lock);
    if (status != DOCENT_OK) return status;
    struct release_wait *wait = docent_alloc(&lock->allocator, sizeof *wait);
    if (wait == NULL) return DOCENT_ERR_NO_MEMORY;

    *wait = (struct release_wait){
        .telling.run = release_wait_tell,
        .next = lock->waits,
        .lock = lock,
        .number = number,
        .done = done != NULL ? done : docent_lock_nobody,
        .user = user,
    };
    lock->waits = wait;
    docent_lock_settle(lock);
    return DOCENT_OK;
}
