/* recipes/handle.c - see handle.h. */
#include "recipes/handle.h"

#include <stddef.h>

#include "core/drive/await.h"

void docent_handle_ref(struct handle *h)
{
    atomic_fetch_add(&h->references, 1);
}

void docent_handle_unref(struct handle *h)
{
    if (atomic_fetch_sub(&h->references, 1) == 1) h->kind->free(h);
}

/* ---- The end. ---- */

static void handle_detach(struct handle *h)
{
    if (h->attached) docent_machine_fini(&h->machine);
    h->attached = false;
}

static void handle_end(struct handle *h, docent_status why, bool mute)
{
    if (h->refusal == DOCENT_OK) h->refusal = why == DOCENT_ERR_CANCELLED ? DOCENT_ERR_CLOSING : why;
    h->muted |= mute;
    if (mute) atomic_store(&h->gate, 0); /* Of threads that are not here. */
    if (!h->ended) {
        h->ended = true;
        h->kind->end(h, why, mute);
    }
    docent_handle_settle(h);
}

static void handle_say_farewell(struct docent_later *later)
{
    struct handle *h = (struct handle *)((char *)later - offsetof(struct handle, farewell));
    docent_client *client = h->client;
    struct handle *whole = h->whole;
    bool tells = h->close_heard && !h->muted && h->closed != NULL;

    handle_detach(h);
    for (unsigned i = 0; h->timer_reserved && i <= h->timers; i++) docent_timer_release(client);
    atomic_store(&h->dead, h->refusal);
    while (atomic_load(&h->gate) != 0) {
        /* Somebody is about to leave, with a post that will still be run, or with nothing. */
    }
    h->farewell_said = true;
    docent_client_drop(client);
    if (tells) h->closed(h->closed_user);
    if (whole != NULL) {
        docent_handle_leave(h);
        docent_handle_settle(whole);
    }
    docent_handle_unref(h);
}

void docent_handle_settle(struct handle *h)
{
    if (!h->ended || h->farewell_said || atomic_load(&h->parts) > 0) return;
    if (h->kind->is_over(h)) docent_client_later(h->client, &h->farewell);
}

void docent_handle_join(struct handle *part, struct handle *whole)
{
    part->whole = whole;
    part->is_part = true;
    atomic_fetch_add(&whole->parts, 1);
}

void docent_handle_leave(struct handle *part)
{
    if (part->whole != NULL) atomic_fetch_sub(&part->whole->parts, 1);
    part->whole = NULL;
}

/* ---- The beginning. ---- */

static void handle_on_event(struct docent_machine *machine, const struct docent_event *ev)
{
    struct handle *h = (struct handle *)((char *)machine - offsetof(struct handle, machine));
    if (ev->type != DOCENT_EV_CLOSING) {
        h->kind->on_event(h, ev);
        return;
    }
    handle_detach(h);
    const struct docent_host *host = docent_client_host(h->client);
    handle_end(h, ev->status, host->check_loop(host->user) == DOCENT_ERR_FORKED);
}

docent_status docent_handle_reserve(struct handle *h)
{
    unsigned reserved = 0;
    docent_status status = DOCENT_OK;

    if (h->timer_reserved) return DOCENT_OK;
    while (status == DOCENT_OK && reserved <= h->timers) {
        status = docent_timer_reserve(h->client);
        reserved += status == DOCENT_OK;
    }
    h->timer_reserved = status == DOCENT_OK;
    while (!h->timer_reserved && reserved > 0) {
        docent_timer_release(h->client);
        reserved--;
    }
    return status;
}

static void handle_attach(struct handle *h)
{
    if (h->attached || h->ended) return;
    if (docent_client_closing(h->client)) { /* Too late to be told. */
        handle_end(h, docent_client_close_cause(h->client), false);
        return;
    }
    docent_status status = h->timer_later ? DOCENT_OK : docent_handle_reserve(h);
    if (status != DOCENT_OK) {
        handle_end(h, status, false);
        return;
    }
    docent_machine_init(&h->machine, h->client, handle_on_event);
    h->attached = true;
    h->kind->attached(h);
}

static void handle_close_now(struct handle *h)
{
    if (h->farewell_said) { /* The client closed while the call was on its way. */
        if (h->closed != NULL) h->closed(h->closed_user);
        return;
    }
    h->close_heard = true;
    handle_end(h, DOCENT_ERR_CANCELLED, false);
}

/* ---- The post. ---- */

enum { HANDLE_ATTACH = 1, HANDLE_NUDGE = 2, HANDLE_CLOSE = 4 };

static struct handle *handle_of_post(struct docent_post *post)
{
    return (struct handle *)((char *)post - offsetof(struct handle, post));
}

static void handle_posted(struct docent_post *post)
{
    struct handle *h = handle_of_post(post);
    unsigned what = atomic_exchange(&h->posted, 0); /* Before anything is done, so that what comes now posts again. */

    if (what & HANDLE_ATTACH) handle_attach(h);
    if (what & HANDLE_NUDGE) h->kind->nudged(h);
    if (what & HANDLE_CLOSE) handle_close_now(h);
    docent_handle_unref(h);
}

/* In a forked child: nothing begins, and the end comes with the client's. */
static void handle_post_dropped(struct docent_post *post)
{
    struct handle *h = handle_of_post(post);
    unsigned what = atomic_exchange(&h->posted, 0);

    if ((what & HANDLE_ATTACH) && !h->attached && !h->ended) {
        docent_machine_init(&h->machine, h->client, handle_on_event);
        h->attached = true;
    }
    docent_handle_unref(h);
}

/* DOCENT_OK, or DOCENT_ERR_FORKED. */
static docent_status handle_post(struct handle *h, uint8_t what)
{
    if (atomic_fetch_or(&h->posted, what) != 0) return DOCENT_OK; /* It is on its way. */
    const struct docent_host *host = docent_client_host(h->client);
    atomic_fetch_add(&h->references, 1);
    docent_status status = host->post(host->user, &h->post, false);
    if (status != DOCENT_OK) atomic_fetch_sub(&h->references, 1);
    return status;
}

/* How a call of any thread gets to the loop. DOCENT_OK: it is there. DOCENT_ERR_WRONG_THREAD: it is not; @what, unless nothing, is on its
 * way. DOCENT_ERR_FORKED. Else: the handle is dead. */
static docent_status handle_reach_loop(struct handle *h, uint8_t what)
{
    atomic_fetch_add(&h->gate, 1);
    docent_status status = (docent_status)atomic_load(&h->dead);
    if (status == DOCENT_OK) {
        const struct docent_host *host = docent_client_host(h->client);
        status = host->check_loop(host->user);
        if (status == DOCENT_ERR_WRONG_THREAD && what != 0) {
            docent_status posted = handle_post(h, what);
            if (posted != DOCENT_OK) status = posted;
        }
    }
    atomic_fetch_sub(&h->gate, 1);
    return status;
}

/* ---- What recipes call. ---- */

docent_status docent_handle_may_open(docent_client *client)
{
    const struct docent_host *host = docent_client_host(client);
    if (host->check_loop(host->user) == DOCENT_ERR_FORKED) return DOCENT_ERR_FORKED;
    return docent_client_close_cause(client);
}

docent_status docent_handle_open(struct handle *h, docent_client *client, const struct handle_kind *kind)
{
    const struct docent_host *host = docent_client_host(client);
    h->client = client;
    h->allocator = *docent_client_allocator(client);
    h->kind = kind;
    h->post.run = handle_posted;
    h->post.drop = handle_post_dropped;
    h->farewell.run = handle_say_farewell;
    atomic_store(&h->references, 2); /* The handle's and the loop's. */
    docent_client_keep(client);
    if (host->check_loop(host->user) == DOCENT_OK) {
        handle_attach(h);
        return DOCENT_OK;
    }
    docent_status status = handle_post(h, HANDLE_ATTACH);
    if (status != DOCENT_OK) docent_client_drop(client);
    return status;
}

docent_status docent_handle_client(struct handle *h, docent_client **ret_client)
{
    *ret_client = h->client;
    return (docent_status)atomic_load(&h->dead);
}

docent_status docent_handle_check(struct handle *h)
{
    docent_status status = handle_reach_loop(h, 0);
    if (status != DOCENT_OK) return status;
    (void)docent_client_check(h->client); /* Brings the clock up to date. */
    handle_attach(h);
    return h->refusal;
}

struct handle_run { /* On the waiting thread's stack. */
    struct handle *handle;
    docent_status (*run)(struct handle *handle, void *argument);
    void *argument;
};

static docent_status handle_run_start(void *argument, struct docent_wait *wait)
{
    struct handle_run *r = argument;
    docent_status status = docent_handle_check(r->handle);
    if (status == DOCENT_OK) docent_wait_done(wait, r->run(r->handle, r->argument));
    return status;
}

docent_status docent_handle_run(struct handle *h, docent_status (*run)(struct handle *handle, void *argument), void *argument)
{
    docent_status status = docent_handle_check(h);
    if (status == DOCENT_OK) return run(h, argument);
    if (status != DOCENT_ERR_WRONG_THREAD) return status;
    docent_client *client;
    status = docent_handle_client(h, &client);
    if (status != DOCENT_OK) return status;
    return docent_await(client, handle_run_start, &(struct handle_run){ h, run, argument });
}

void docent_handle_close(struct handle *h, void (*closed)(void *user), void *user)
{
    if (h == NULL || atomic_exchange(&h->close_called, true)) return;
    h->closed = closed;
    h->closed_user = user;
    docent_status status = handle_reach_loop(h, HANDLE_CLOSE);
    if (status == DOCENT_OK) {
        handle_close_now(h);
    } else if (status != DOCENT_ERR_WRONG_THREAD && status != DOCENT_ERR_FORKED && closed != NULL && !h->muted) {
        closed(user); /* The client was closed before: there is nothing left to end. */
    } /* Else the loop tells it, perhaps before we get here; in a forked child the memory goes with the client that it hangs on. */
    docent_handle_unref(h);
}

void docent_handle_nudge(struct handle *h)
{
    if (handle_reach_loop(h, HANDLE_NUDGE) == DOCENT_OK) h->kind->nudged(h);
}
