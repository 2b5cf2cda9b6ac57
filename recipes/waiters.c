/* recipes/waiters.c - see waiters.h. */
#include "recipes/waiters.h"

#include <stddef.h>

struct waiter {
    struct docent_later later; /* Queued: it has its outcome. */
    struct docent_timer timer; /* Its deadline. */
    struct waiters *waiters;
    struct waiter *next;
    docent_done_fn done;
    void *user;
    docent_status outcome;
    bool answered;
};

static void waiter_tell(struct docent_later *later)
{
    struct waiter *w = (struct waiter *)((char *)later - offsetof(struct waiter, later));
    struct waiters *all = w->waiters;
    struct handle *handle = all->handle;

    struct waiter **link = &all->first;
    while (*link != w) {
        link = &(*link)->next;
    }
    *link = w->next;
    docent_timer_release(handle->client);
    if (w->done != NULL && !handle->muted) w->done(w->outcome, w->user);
    docent_free(&handle->allocator, w);
    docent_handle_settle(handle);
}

static void waiter_answer(struct waiter *w, docent_status outcome)
{
    if (w->answered) return;
    w->answered = true;
    w->outcome = outcome;
    docent_timer_stop(w->waiters->handle->client, &w->timer);
    docent_client_later(w->waiters->handle->client, &w->later);
}

static void waiter_is_late(struct docent_timer *timer)
{
    struct waiter *w = (struct waiter *)((char *)timer - offsetof(struct waiter, timer));
    struct waiters *all = w->waiters;

    waiter_answer(w, DOCENT_ERR_TIMEOUT);
    if (all->late != NULL && !docent_waiters_wait(all)) all->late(all);
}

docent_status docent_waiters_add(struct waiters *all, uint32_t timeout_ms, docent_done_fn done, void *user)
{
    docent_client *client = all->handle->client;
    docent_status status = docent_timer_reserve(client);
    if (status != DOCENT_OK) return status;
    struct waiter *w = docent_alloc(&all->handle->allocator, sizeof *w);
    if (w == NULL) {
        docent_timer_release(client);
        return DOCENT_ERR_NO_MEMORY;
    }

    *w = (struct waiter){ .later.run = waiter_tell, .timer.fire = waiter_is_late, .waiters = all, .done = done, .user = user };
    struct waiter **end = &all->first;
    while (*end != NULL) {
        end = &(*end)->next;
    }
    *end = w;
    if (timeout_ms == DOCENT_FOREVER) return DOCENT_OK;
    const struct docent_host *host = docent_client_host(client);
    docent_timer_set(client, &w->timer, host->now_ms(host->user) + timeout_ms);
    return DOCENT_OK;
}

void docent_waiters_answer(struct waiters *all, docent_status outcome)
{
    for (struct waiter *w = all->first; w != NULL; w = w->next) waiter_answer(w, outcome);
}

bool docent_waiters_wait(const struct waiters *all)
{
    for (const struct waiter *w = all->first; w != NULL; w = w->next) {
        if (!w->answered) return true;
    }
    return false;
}

bool docent_waiters_are_gone(const struct waiters *all)
{
    return all->first == NULL;
}
