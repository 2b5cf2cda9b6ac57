/* recipes/pull.c - see pull.h. */
#include "recipes/pull.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

static struct pull *pull_of(const struct handle *handle)
{
    return (struct pull *)(uintptr_t)handle;
}

static uint64_t pull_now(const struct pull *p)
{
    return docent_client_now(p->handle.client);
}

static void pull_state(struct pull *p)
{
    const char *state = p->handle.ended ? "ENDING" : p->wanted_count > 0 ? "TAKING" : p->taker_count > 0 ? "WAITING" : "IDLE";
    if (state != p->meter.state) docent_meter_state(&p->meter, p->handle.client, state);
}

/* ---- Calls. ---- */

static void taker_tell(struct docent_later *later)
{
    struct taker *t = (struct taker *)((char *)later - offsetof(struct taker, telling));
    struct pull *p = t->pull;
    if (p->handle.muted) t->done = NULL;
    p->kind->tell(t);
    docent_free(&p->handle.allocator, t);
    p->telling--;
    docent_handle_settle(&p->handle);
}

static void taker_end(struct pull *p, struct taker **link, docent_status status, void *got)
{
    struct taker *t = *link;
    *link = t->next;
    if (p->takers_last == &t->next) p->takers_last = link;
    p->taker_count--;
    if (t->one_look) p->look_count--;
    p->telling++;
    t->status = status;
    t->got = got;
    docent_meter_end(&p->meter, status, pull_now(p) - t->begun_ms);
    docent_client_later(p->handle.client, &t->telling);
}

/* One that waits for an item and has no attempt left to wait for; DOCENT_ERR_TIMEOUT. */
static void pull_end_looks(struct pull *p)
{
    struct taker **link = &p->takers;
    while (*link != NULL && p->look_count > 0 && p->taker_count > p->wanted_count) {
        if ((*link)->one_look) {
            taker_end(p, link, DOCENT_ERR_TIMEOUT, NULL);
        } else {
            link = &(*link)->next;
        }
    }
}

static void attempt_unwant(struct attempt *a)
{
    if (a->wanted) a->pull->wanted_count--;
    a->wanted = false;
}

/* Gives up the newest attempt that can be. */
static bool pull_cancel_one(struct pull *p)
{
    for (struct attempt *a = p->attempts; a != NULL; a = a->next) {
        if (!a->wanted) continue;
        attempt_unwant(a); /* Before: it may be over when it returns. */
        if (p->kind->cancel(a)) return true;
        a->wanted = true;
        p->wanted_count++;
    }
    return false;
}

static void pull_end_late(struct pull *p)
{
    struct taker **link = &p->takers;
    while (*link != NULL) {
        if (!(*link)->late) {
            link = &(*link)->next;
            continue;
        }
        if (p->taker_count <= p->wanted_count && !pull_cancel_one(p)) return;
        taker_end(p, link, p->handle.ended ? p->handle.refusal : DOCENT_ERR_TIMEOUT, NULL);
    }
}

static void pull_end_waiting(struct pull *p, docent_status status)
{
    while (p->takers != NULL && p->taker_count > p->wanted_count) taker_end(p, &p->takers, status, NULL);
}

static void pull_set_timer(struct pull *p, uint64_t at_ms)
{
    if (p->timer_set && p->timer_ms <= at_ms) return;
    p->timer_set = true;
    p->timer_ms = at_ms;
    docent_timer_set(p->handle.client, &p->handle.machine.timer, at_ms);
}

/* ---- Attempts. ---- */

static void pull_begin(struct pull *p, const char *name)
{
    struct attempt *a = p->kind->begin(p, name);
    if (a == NULL) {
        taker_end(p, &p->takers, DOCENT_ERR_NO_MEMORY, NULL);
        return;
    }
    a->pull = p;
    a->wanted = true;
    a->previous = NULL;
    a->next = p->attempts;
    if (p->attempts != NULL) p->attempts->previous = a;
    p->attempts = a;
    p->wanted_count++;
    docent_items_take(&p->items, &a->out);
    p->kind->start(a);
}

static bool pull_is_online(const struct pull *p)
{
    return p->handle.attached && !docent_client_closing(p->handle.client) && docent_machine_online(&p->handle.machine);
}

/* As many attempts as there are calls, as far as there are items; and what nobody waits for is ended. Not from within itself. */
static void pull_run(struct pull *p)
{
    p->again = true;
    if (p->running) return;
    p->running = true;
    while (p->again) {
        p->again = false;
        enum items_sight sight = ITEMS_UNKNOWN;
        const char *name = NULL;
        while (!p->handle.ended && pull_is_online(p) && p->wanted_count < p->taker_count && p->wanted_count < PULL_PARALLEL) {
            sight = docent_items_peek(&p->items, &name);
            if (sight != ITEMS_HERE) break;
            pull_begin(p, name);
        }
        if (sight == ITEMS_NOTHING) pull_end_looks(p);
        pull_end_late(p);
    }
    p->running = false;
    pull_state(p);
    docent_handle_settle(&p->handle);
}

bool docent_pull_give(struct attempt *a, docent_status status, void *got)
{
    struct pull *p = a->pull;
    assert(a->wanted);
    attempt_unwant(a);
    if (p->takers == NULL) return false;
    taker_end(p, &p->takers, status, got);
    return true;
}

void docent_pull_over(struct attempt *a, enum items_verdict verdict)
{
    struct pull *p = a->pull;
    attempt_unwant(a);
    if (a->previous != NULL) {
        a->previous->next = a->next;
    } else {
        p->attempts = a->next;
    }
    if (a->next != NULL) a->next->previous = a->previous;
    docent_items_back(&p->items, &a->out, verdict);
    pull_run(p);
}

/* ---- Events. ---- */

static void pull_ready(struct items *items, docent_status status)
{
    struct pull *p = (struct pull *)((char *)items - offsetof(struct pull, items));
    docent_meter_reason(&p->meter, p->handle.client, status);
    if (status != DOCENT_OK) pull_end_waiting(p, status);
    pull_run(p);
}

static void pull_items_over(struct items *items)
{
    struct pull *p = (struct pull *)((char *)items - offsetof(struct pull, items));
    docent_handle_settle(&p->handle);
}

static void pull_on_deadline(struct pull *p)
{
    uint64_t now = pull_now(p), next = UINT64_MAX;
    p->timer_set = false;
    for (struct taker *t = p->takers; t != NULL; t = t->next) {
        t->late |= t->deadline_ms <= now;
        if (!t->late && t->deadline_ms < next) next = t->deadline_ms;
    }
    if (next != UINT64_MAX) pull_set_timer(p, next);
    pull_run(p);
}

static void pull_on_event(struct handle *handle, const struct docent_event *ev)
{
    struct pull *p = pull_of(handle);
    switch (ev->type) {
    case DOCENT_EV_TIMER: pull_on_deadline(p); break;
    case DOCENT_EV_SUSPENDED: /* One look is over when it cannot be taken. */
        docent_meter_reason(&p->meter, p->handle.client, DOCENT_ERR_CONNECTION_LOSS);
        for (struct taker *t = p->takers; t != NULL; t = t->next) t->late |= t->one_look;
        pull_run(p);
        break;
    case DOCENT_EV_RESUMED:
        docent_meter_reason(&p->meter, p->handle.client, DOCENT_OK);
        pull_run(p);
        break;
    case DOCENT_EV_REPLY: /* We ask for nothing, here. */
    case DOCENT_EV_WATCH:
    case DOCENT_EV_EXPIRED:
    case DOCENT_EV_CLOSING: break;
    }
}

/* ---- Life. ---- */

static void pull_attached(struct handle *handle)
{
    struct pull *p = pull_of(handle);
    struct items_config config = p->items.config;
    config.client = handle->client;
    docent_items_init(&p->items, &config);
    p->items_made = true;
    pull_state(p);
}

static void pull_end(struct handle *handle, docent_status why, bool mute)
{
    struct pull *p = pull_of(handle);
    (void)why;
    if (p->items_made) docent_items_stop(&p->items, mute);
    if (mute) { /* Nobody is told, here or later. */
        while (p->takers != NULL) {
            struct taker *t = p->takers;
            p->takers = t->next;
            docent_free(&handle->allocator, t);
        }
        p->takers_last = &p->takers;
        p->taker_count = p->look_count = 0;
        return;
    }
    for (struct taker *t = p->takers; t != NULL; t = t->next) t->late = true;
    pull_run(p);
}

static bool pull_is_over(const struct handle *handle)
{
    const struct pull *p = pull_of(handle);
    bool quiet = !p->items_made || docent_items_is_over(&p->items);
    return quiet && !p->running && p->taker_count == 0 && p->telling == 0 && p->attempts == NULL;
}

static void pull_free(struct handle *handle)
{
    struct pull *p = pull_of(handle);
    p->kind->free(p);
}

static const struct handle_kind pull_handle_kind = {
    .attached = pull_attached,
    .on_event = pull_on_event,
    .end = pull_end,
    .is_over = pull_is_over,
    .free = pull_free,
};

docent_status docent_pull_open(struct pull *p, docent_client *client, const struct pull_kind *kind, const struct items_config *items)
{
    p->kind = kind;
    p->items.config = *items;
    p->items.config.on_ready = pull_ready;
    p->items.config.on_over = pull_items_over;
    p->takers_last = &p->takers;
    p->handle.timers = PULL_TIMERS;
    return docent_handle_open(&p->handle, client, &pull_handle_kind);
}

docent_status docent_pull_take(struct pull *p, uint32_t timeout_ms, void (*done)(void), void *user)
{
    docent_status status = docent_handle_check(&p->handle);
    if (status != DOCENT_OK) return status;
    struct taker *t = docent_alloc(&p->handle.allocator, sizeof *t);
    if (t == NULL) return DOCENT_ERR_NO_MEMORY;
    bool waits = timeout_ms != DOCENT_NO_WAIT && timeout_ms != DOCENT_FOREVER;
    *t = (struct taker){
        .pull = p,
        .begun_ms = pull_now(p),
        .deadline_ms = waits ? pull_now(p) + timeout_ms : UINT64_MAX,
        .one_look = timeout_ms == DOCENT_NO_WAIT,
        .late = timeout_ms == DOCENT_NO_WAIT && !pull_is_online(p),
        .done = done,
        .user = user,
        .telling = { .run = taker_tell },
    };
    *p->takers_last = t;
    p->takers_last = &t->next;
    p->taker_count++;
    if (t->one_look) p->look_count++;
    docent_meter_begin(&p->meter);
    docent_items_start(&p->items);
    if (waits) pull_set_timer(p, t->deadline_ms);
    pull_run(p);
    return DOCENT_OK;
}

docent_status docent_pull_info(struct pull *p, docent_recipe_info *ret_info)
{
    return docent_meter_ask(&p->handle, &p->meter, ret_info);
}
