/* recipes/errand.c - see errand.h. */
#include "recipes/errand.h"

#include <stddef.h>
#include <string.h>

#include "core/drive/await.h"

/* ---- The end. ---- */

static void errand_settle(struct errand *e)
{
    if (!e->over || e->owed > 0 || docent_later_is_queued(&e->ending)) return;
    struct handle *handle = e->handle;
    struct errand **link = e->all;
    while (*link != e) link = &(*link)->next;
    *link = e->next;
    docent_free(&handle->allocator, e);
    docent_handle_settle(handle);
}

static void errand_ends(struct docent_later *later)
{
    errand_settle((struct errand *)((char *)later - offsetof(struct errand, ending)));
}

void docent_errand_over(struct errand *e, docent_status why)
{
    docent_client *client = e->handle->client;
    if (e->over) return;
    e->over = true;
    if (e->kind->fini != NULL) e->kind->fini(e, why);
    docent_promise_keep(&e->promise, why);
    docent_timer_stop(client, &e->deadline);
    docent_machine_fini(&e->machine);
    docent_timer_release(client);
    docent_timer_release(client);
    docent_client_later(client, &e->ending);
}

/* ---- Promises. ---- */

static void promise_tell(struct docent_later *later)
{
    struct promise *p = (struct promise *)((char *)later - offsetof(struct promise, later));
    struct errand *e = p->errand;
    docent_done_fn telling = p->telling;
    p->telling = NULL;
    if (telling != NULL && !e->handle->muted) telling(p->outcome, p->user);
    e->owed--;
    errand_settle(e);
}

void docent_errand_deadline(struct errand *e, uint64_t delay_ms)
{
    const struct docent_host *host = docent_client_host(e->handle->client);
    docent_timer_set(e->handle->client, &e->deadline, host->now_ms(host->user) + delay_ms);
}

void docent_promise_make(struct promise *p, struct errand *e, uint32_t timeout_ms, docent_done_fn done, void *user)
{
    *p = (struct promise){
        .errand = e,
        .done = done != NULL ? done : docent_nobody,
        .user = user,
        .made_ms = docent_client_now(e->handle->client),
        .later.run = promise_tell,
    };
    e->owed++;
    docent_meter_begin(e->meter);
    if (timeout_ms != DOCENT_FOREVER && timeout_ms != DOCENT_NO_WAIT) docent_errand_deadline(e, timeout_ms);
}

void docent_promise_keep(struct promise *p, docent_status outcome)
{
    if (p->done == NULL) return;
    struct errand *e = p->errand;
    p->telling = p->done;
    p->done = NULL;
    p->outcome = outcome;
    docent_meter_end(e->meter, outcome, docent_client_now(e->handle->client) - p->made_ms);
    docent_timer_stop(e->handle->client, &e->deadline);
    docent_client_later(e->handle->client, &p->later);
}

/* ---- The beginning. ---- */

static void errand_on_event(struct docent_machine *machine, const struct docent_event *ev)
{
    struct errand *e = (struct errand *)((char *)machine - offsetof(struct errand, machine));
    if (ev->type == DOCENT_EV_CLOSING) {
        docent_errand_over(e, ev->status);
    } else {
        e->kind->on_event(e, ev);
    }
}

static void errand_late(struct docent_timer *timer)
{
    struct errand *e = (struct errand *)((char *)timer - offsetof(struct errand, deadline));
    e->kind->late(e);
}

docent_status docent_errand_begin(struct handle *handle, struct errand **all, struct meter *meter, const struct errand_kind *kind,
                                  size_t size, struct errand **ret_errand)
{
    struct errand *e = docent_alloc(&handle->allocator, size);
    if (e == NULL) return DOCENT_ERR_NO_MEMORY;
    docent_status status = docent_timer_reserve(handle->client);
    if (status == DOCENT_OK) {
        status = docent_timer_reserve(handle->client);
        if (status != DOCENT_OK) docent_timer_release(handle->client);
    }
    if (status != DOCENT_OK) {
        docent_free(&handle->allocator, e);
        return status;
    }
    memset(e, 0, size);
    e->kind = kind;
    e->handle = handle;
    e->meter = meter;
    e->all = all;
    e->next = *all;
    *all = e;
    e->deadline.fire = errand_late;
    e->ending.run = errand_ends;
    docent_machine_init(&e->machine, handle->client, errand_on_event);
    e->machine.name = kind->name;
    *ret_errand = e;
    return DOCENT_OK;
}

void docent_errands_end(struct errand *first, docent_status why, bool mute)
{
    for (struct errand *e = first; e != NULL; e = e->next) {
        if (e->over) continue;
        if (mute || docent_client_closing(e->handle->client)) {
            docent_errand_over(e, why);
        } else {
            e->kind->end(e, why == DOCENT_ERR_CANCELLED ? DOCENT_ERR_CLOSING : why);
        }
    }
}

/* ---- Handles. ---- */

static struct errands *errands_of(const struct handle *handle)
{
    return (struct errands *)(uintptr_t)handle;
}

static void errands_attached(struct handle *handle)
{
    (void)handle;
}

static void errands_on_event(struct handle *handle, const struct docent_event *ev)
{
    (void)handle; /* Errands hear of everything themselves. */
    (void)ev;
}

static void errands_end(struct handle *handle, docent_status why, bool mute)
{
    docent_errands_end(errands_of(handle)->first, why, mute);
}

static bool errands_is_over(const struct handle *handle)
{
    return errands_of(handle)->first == NULL;
}

static void errands_free(struct handle *handle)
{
    docent_allocator allocator = handle->allocator;
    docent_acl_drop(&allocator, errands_of(handle)->acl);
    docent_free(&allocator, handle);
}

static const struct handle_kind errands_kind = {
    .attached = errands_attached,
    .on_event = errands_on_event,
    .end = errands_end,
    .is_over = errands_is_over,
    .free = errands_free,
};

docent_status docent_errands_new(docent_client *client, const char *path, docent_acl_list acl, size_t size, struct errands **ret_errands)
{
    if (docent_path_fault(path, false) != NULL || strcmp(path, "/") == 0) return DOCENT_ERR_INVALID_ARGUMENT;
    docent_status status = docent_handle_may_open(client);
    if (status != DOCENT_OK) return status;
    const docent_allocator *allocator = docent_client_allocator(client);
    size_t path_size = strlen(path) + 1;
    struct errands *all = docent_alloc(allocator, size + path_size);
    if (all == NULL) return DOCENT_ERR_NO_MEMORY;
    memset(all, 0, size);
    all->path = memcpy((char *)all + size, path, path_size);
    all->parent_size = (size_t)(strrchr(all->path, '/') - all->path);
    all->parent_mode = DOCENT_CONTAINER;
    all->handle.timer_later = true; /* Never: timers are the errands' own. */
    status = acl.count == 0 ? DOCENT_OK : docent_acl_keep(allocator, acl, &all->acl);
    if (status == DOCENT_OK) status = docent_handle_open(&all->handle, client, &errands_kind);
    if (status != DOCENT_OK) {
        docent_acl_drop(allocator, all->acl);
        docent_free(allocator, all);
        return status;
    }
    *ret_errands = all;
    return DOCENT_OK;
}

docent_status docent_errands_info(struct errands *all, docent_recipe_info *ret_info)
{
    if (all == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    return docent_meter_ask(&all->handle, &all->meter, ret_info);
}

docent_status docent_errands_call(struct errands *all, const struct errand_kind *kind, size_t size, uint32_t timeout_ms, docent_done_fn done,
                                  void *user, struct errand **ret_errand)
{
    if (all == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    docent_status status = docent_handle_check(&all->handle);
    if (status == DOCENT_OK) status = docent_errand_begin(&all->handle, &all->first, &all->meter, kind, size, ret_errand);
    if (status != DOCENT_OK) return status;
    docent_promise_make(&(*ret_errand)->promise, *ret_errand, timeout_ms, done, user);
    return DOCENT_OK;
}
