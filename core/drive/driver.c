/* core/drive/driver.c - see driver.h. The work list at the top of core.h, on an event_base. */
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/client/machine.h"
#include "core/drive/internal.h"
#include "core/drive/poll.h"

/* ---- Entries into the core. ---- */

uint64_t docent_entry_begin(struct driver *d)
{
    d->in_entry = true;
    return docent_clock_ms();
}

void docent_entry_end(struct driver *d, uint64_t began)
{
    d->in_entry = false;
    uint32_t timeout = docent_client_session_timeout_ms(d->client);
    uint64_t took = docent_clock_ms() - began;
    if (timeout > 0 && took > timeout / 10) {
        docent_client_log(d->client, DOCENT_LOG_WARNING, "loop.slow", NULL,
                          "callbacks took %llu ms; heartbeats of a session of %u ms waited for them", (unsigned long long)took, timeout);
    }
}

/* Every callback of libevent's begins with this. False: this is a forked child, whose base has been made fit for use there; then
 * there is nothing to do for the parent's client. */
bool docent_driver_enter(struct driver *d)
{
    if (docent_forked_since(d->fork_generation)) return false;
    pthread_t self = pthread_self();
    if (!pthread_equal(atomic_load_explicit(&d->thread, memory_order_relaxed), self)) atomic_store(&d->thread, self);
    docent_loop_works(d->loop, true);
    return true;
}

/* ---- The work. ---- */

static void timer_set(struct driver *d)
{
    uint64_t at = docent_core_deadline(d->client);
    if (at == d->timer_at) return;
    d->timer_at = at;
    if (at == UINT64_MAX) {
        event_del(&d->timer);
        return;
    }
    uint64_t now = docent_clock_ms();
    uint64_t wait = at > now ? at - now : 0;
    struct timeval limit = { (time_t)(wait / 1000), (suseconds_t)(wait % 1000 * 1000) };
    event_add(&d->timer, &limit);
}

static void on_timer(evutil_socket_t fd, short what, void *user)
{
    (void)fd;
    (void)what;
    struct driver *d = user;
    if (!docent_driver_enter(d)) return;
    d->timer_at = UINT64_MAX;
    docent_driver_work(d);
    docent_driver_leave(d);
}

/* A client that closed by itself, because its credentials were refused, stays until it is told to go: its handle is in use. */
static bool driver_is_over(const struct driver *d)
{
    return d->closing && docent_core_closed(d->client);
}

void docent_driver_work(struct driver *d)
{
    if (d->client == NULL) return;
    uint64_t now = docent_clock_ms();
    for (int rounds = 0; rounds < 8; rounds++) {
        if (docent_core_deadline(d->client) <= now) {
            uint64_t began = docent_entry_begin(d);
            docent_core_tick(d->client, began);
            docent_entry_end(d, began);
        }
        struct docent_link link;
        docent_core_link(d->client, &link);
        if (link.serial == d->link.serial) break;
        docent_link_drop(d, !link.finishing);
        d->link = link;
        if (link.wanted) docent_link_open(d);
    }
    docent_link_write(d, now);
    struct docent_address address;
    if (d->probe_fd < 0 && docent_core_wants_probe(d->client, &address)) docent_probe_begin(d, &address);
    if (d->lookup == NULL && (docent_core_wants_addresses(d->client) || (d->servers_changed && !d->closing))) docent_lookup_begin(d);

    struct docent_link link;
    docent_core_link(d->client, &link);
    if (link.serial != d->link.serial) event_active(&d->work, EV_TIMEOUT, 0);
    timer_set(d);
    if (driver_is_over(d)) event_active(&d->work, EV_TIMEOUT, 0);
}

static void on_work(evutil_socket_t fd, short what, void *user)
{
    (void)fd;
    (void)what;
    struct driver *d = user;
    if (!docent_driver_enter(d)) return;
    if (driver_is_over(d)) {
        docent_driver_free(d);
        return;
    }
    docent_driver_work(d);
    docent_driver_leave(d);
}

/* ---- Beginning and end. ---- */

docent_status docent_driver_init(struct driver *d, struct event_base *base)
{
    d->base = base;
    d->fd = d->probe_fd = -1;
    d->timer_at = UINT64_MAX;
    d->posts_last = &d->posts;
    d->fork_generation = docent_fork_generation();
    atomic_store(&d->thread, pthread_self());
    pthread_mutex_init(&d->inbox_mutex, NULL);
    d->loop = docent_loop_get(base, d);
    if (d->loop == NULL) return DOCENT_ERR_IO;
    event_assign(&d->timer, base, -1, 0, on_timer, d);
    event_assign(&d->work, base, -1, 0, on_work, d);
    event_assign(&d->io, base, -1, EV_READ, docent_link_on_io, d);
    event_assign(&d->probe, base, -1, EV_READ, docent_probe_on_event, d);
    return DOCENT_OK;
}

void docent_driver_begin(struct driver *d)
{
    event_active(&d->work, EV_TIMEOUT, 0);
}

void docent_driver_close_on_loop(struct driver *d)
{
    if (d->closing) return;
    d->closing = true;
    bool nested = d->in_entry;
    uint64_t began = docent_clock_ms();
    d->in_entry = true;
    docent_core_close(d->client, began);
    d->in_entry = nested;
    event_active(&d->work, EV_TIMEOUT, 0);
}

/* Returns the look-up that was under way: see docent_lookup_forget(). */
static struct lookup *driver_drop_events(struct driver *d)
{
    docent_link_drop(d, false);
    event_del(&d->timer);
    event_del(&d->work);
    if (d->probe_fd >= 0) {
        event_del(&d->probe);
        close(d->probe_fd);
    }
    return docent_lookup_forget(d);
}

/* Everything but what the client's own thread still needs. */
void docent_driver_free(struct driver *d)
{
    docent_inbox_run(docent_inbox_take(d, true)); /* What was accepted runs, with the client closed. */
    while (atomic_load(&d->posting) > 0) sched_yield(); /* Somebody is on the way out. */
    docent_core_free(d->client);
    d->client = NULL;
    (void)driver_drop_events(d);
    docent_loop_works(d->loop, false);
    docent_loop_unpost(d->loop, d);
    docent_loop_put(d->loop, d);
    docent_connect_free(&d->servers);
    void (*closed)(void *user) = d->closed;
    void *closed_user = d->closed_user;
    if (d->poll != NULL) d->poll->clients--;
    bool owns_thread = d->owns_thread;
    if (owns_thread) {
        d->finished = true;
        event_base_loopbreak(d->base);
    } else {
        pthread_mutex_destroy(&d->inbox_mutex);
        free(d);
    }
    if (closed != NULL) closed(closed_user);
}

/* Was everything at rest when the process forked? If the loop's thread forked, that is so outside of callbacks of ours. If another
 * did, our own thread must have been waiting for something to happen; an application's may have been anywhere. */
static bool was_at_rest(const struct driver *d)
{
    if (docent_loop_is_at_work(d->loop)) return false;
    if (pthread_equal(atomic_load(d->poll != NULL ? &d->poll->thread : &d->thread), pthread_self())) return true;
    return d->owns_thread && event_base_get_num_events(d->base, EVENT_BASE_COUNT_ACTIVE) == 0;
}

/* In a forked child. The session is the parent's business, and so are the loop's thread and whoever waits for its calls. What
 * the parent's thread was changing at that moment is left alone: nothing may be taken apart that is half put together. */
void docent_driver_abandon(struct driver *d)
{
    if (!was_at_rest(d)) {
        if (d->fd >= 0) close(d->fd);
        if (d->probe_fd >= 0) close(d->probe_fd);
        d->fd = d->probe_fd = -1;
        return;
    }
    d->in_entry = true; /* Nothing is to be woken. */
    docent_inbox_drop(d);
    docent_core_abandon(d->client);
    if (d->owns_thread || d->poll != NULL) (void)event_reinit(d->base); /* The resolver's sockets are still the parent's too. */
    struct lookup *lookup = driver_drop_events(d);
    docent_loop_unpost(d->loop, d);
    docent_loop_put(d->loop, d);
    docent_connect_free(&d->servers);
    if (d->owns_thread) {
        event_base_free(d->base);
        docent_lookup_free(lookup); /* No answer comes any more. Elsewhere it may, by the base. */
    }
    if (d->poll != NULL) d->poll->clients--;
    free(d);
}
