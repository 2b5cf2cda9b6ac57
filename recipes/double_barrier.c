/* recipes/double_barrier.c - see double_barrier.h: a member is made, enters, leaves, and is closed. */
#include "recipes/blocking.h"
#include "recipes/double_barrier.h"

#include <stddef.h>
#include <string.h>

static struct docent_double_barrier *member_of(const struct handle *handle)
{
    return (struct docent_double_barrier *)(uintptr_t)handle;
}

static void member_attached(struct handle *handle)
{
    (void)handle;
}

static void member_on_event(struct handle *handle, const struct docent_event *ev)
{
    if (ev->type == DOCENT_EV_SUSPENDED || ev->type == DOCENT_EV_EXPIRED) member_of(handle)->ready_known = false;
}

static void member_end(struct handle *handle, docent_status why, bool mute)
{
    struct docent_double_barrier *b = member_of(handle);
    b->ready_known = false;
    docent_errands_end(b->errands, why, mute);
    docent_rearm_stop(&b->watch, mute);
}

static bool member_is_over(const struct handle *handle)
{
    const struct docent_double_barrier *b = member_of(handle);
    return b->errands == NULL && docent_rearm_is_over(&b->watch);
}

static void member_free(struct handle *handle)
{
    struct docent_double_barrier *b = member_of(handle);
    docent_allocator allocator = handle->allocator;
    docent_acl_drop(&allocator, b->acl);
    docent_free(&allocator, b);
}

static const struct handle_kind member_kind = {
    .attached = member_attached,
    .on_event = member_on_event,
    .end = member_end,
    .is_over = member_is_over,
    .free = member_free,
};

docent_status docent_double_barrier_new(docent_client *client, const char *path, const docent_double_barrier_options *options,
                                        docent_double_barrier **ret_barrier)
{
    docent_double_barrier_options full = { DOCENT_DOUBLE_BARRIER_OPTIONS };
    if (client == NULL || path == NULL || ret_barrier == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    if (docent_path_fault(path, false) != NULL || strcmp(path, "/") == 0) return DOCENT_ERR_INVALID_ARGUMENT;
    if (!docent_options_take(&full, sizeof full, options) || full.quantity == 0) return DOCENT_ERR_INVALID_ARGUMENT;
    if (full.dialect != DOCENT_DIALECT_CURATOR && full.dialect != DOCENT_DIALECT_KAZOO) return DOCENT_ERR_INVALID_ARGUMENT;
    docent_status status = docent_handle_may_open(client);
    if (status != DOCENT_OK) return status;

    static const char ready[] = "/ready";
    const docent_allocator *allocator = docent_client_allocator(client);
    size_t size = strlen(path), label_size = full.label == NULL ? 0 : strlen(full.label);
    struct docent_double_barrier *b = docent_alloc(allocator, sizeof *b + 2 * (size + 1) + sizeof ready + label_size);
    if (b == NULL) return DOCENT_ERR_NO_MEMORY;
    memset(b, 0, sizeof *b);
    b->path = memcpy((char *)b + sizeof *b, path, size + 1);
    b->ready = memcpy(b->path + size + 1, path, size);
    memcpy(b->ready + size, ready, sizeof ready);
    if (full.label != NULL) b->label = memcpy(b->ready + size + sizeof ready, full.label, label_size);
    b->label_size = label_size;
    b->quantity = full.quantity;
    b->dialect = full.dialect;
    b->parent_mode = full.dialect == DOCENT_DIALECT_KAZOO ? DOCENT_PERSISTENT : DOCENT_CONTAINER;
    b->on_lost = full.on_lost;
    b->user = full.user;
    docent_tenure_init(&b->tenure);
    b->handle.timer_later = true;
    b->handle.timers = 1; /* The watch's. */
    status = full.acl.count == 0 ? DOCENT_OK : docent_acl_keep(allocator, full.acl, &b->acl);
    if (status == DOCENT_OK) status = docent_handle_open(&b->handle, client, &member_kind);
    if (status != DOCENT_OK) {
        docent_acl_drop(allocator, b->acl);
        docent_free(allocator, b);
        return status;
    }
    *ret_barrier = b;
    return DOCENT_OK;
}

docent_status docent_double_barrier_enter_async(docent_double_barrier *b, uint32_t timeout_ms, docent_done_fn done, void *user)
{
    if (b == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    docent_status status = docent_handle_check(&b->handle);
    if (status != DOCENT_OK) return status;
    if (b->current != NULL) return DOCENT_ERR_BUSY;
    struct entrant *e;
    status = docent_ready_watch(b);
    if (status == DOCENT_OK) status = docent_entrant_begin(b, &e);
    if (status != DOCENT_OK) return status;
    e->one_look = timeout_ms == DOCENT_NO_WAIT;
    b->current = e;
    docent_tenure_set(&b->tenure, e->number, TENURE_WAITING);
    docent_promise_make(&e->errand.promise, &e->errand, timeout_ms, done, user);
    if (e->one_look && !docent_machine_online(&e->errand.machine)) {
        docent_entrant_give_up(e, DOCENT_ERR_TIMEOUT);
    } else {
        docent_entrant_start(e);
    }
    return DOCENT_OK;
}

docent_status docent_double_barrier_leave_async(docent_double_barrier *b, uint32_t timeout_ms, docent_done_fn done, void *user)
{
    if (b == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    docent_status status = docent_handle_check(&b->handle);
    if (status != DOCENT_OK) return status;
    struct entrant *e = b->current;
    if (e == NULL) return DOCENT_ERR_NOT_HELD;
    if (docent_promise_is_open(&e->leave)) return DOCENT_ERR_BUSY;
    bool entering = docent_promise_is_open(&e->errand.promise);
    docent_promise_make(&e->leave, &e->errand, entering ? DOCENT_FOREVER : timeout_ms, done, user);
    if (entering) {
        docent_entrant_cancel(e);
    } else {
        docent_entrant_leave(e, timeout_ms == DOCENT_NO_WAIT);
    }
    return DOCENT_OK;
}

docent_double_barrier_state docent_double_barrier_get_state(const docent_double_barrier *b)
{
    docent_client *client;
    if (b == NULL || docent_handle_client((struct handle *)(uintptr_t)&b->handle, &client) != DOCENT_OK) return DOCENT_DOUBLE_BARRIER_OUTSIDE;
    switch (docent_tenure_look(&b->tenure, client, NULL)) {
    case TENURE_NONE: return DOCENT_DOUBLE_BARRIER_OUTSIDE;
    case TENURE_WAITING: return DOCENT_DOUBLE_BARRIER_ENTERING;
    case TENURE_HELD: return DOCENT_DOUBLE_BARRIER_INSIDE;
    case TENURE_SUSPECT: return DOCENT_DOUBLE_BARRIER_SUSPECT;
    }
    return DOCENT_DOUBLE_BARRIER_OUTSIDE;
}

static docent_status member_take_hold(struct handle *handle, void *argument)
{
    const struct docent_double_barrier *b = member_of(handle);
    docent_double_barrier_state state = docent_double_barrier_get_state(b);
    if (state != DOCENT_DOUBLE_BARRIER_INSIDE && state != DOCENT_DOUBLE_BARRIER_SUSPECT) return DOCENT_ERR_NOT_HELD;
    const struct protected_node *own = &b->current->own;
    return docent_hold_new(handle->client, own->path, own->czxid, own->generation, argument);
}

docent_hold *docent_double_barrier_hold(docent_double_barrier *barrier)
{
    docent_hold *hold = NULL;
    if (barrier == NULL || docent_handle_run(&barrier->handle, member_take_hold, &hold) != DOCENT_OK) return NULL;
    return hold;
}

docent_status docent_double_barrier_info(docent_double_barrier *barrier, docent_recipe_info *ret_info)
{
    if (barrier == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    return docent_meter_ask(&barrier->handle, &barrier->meter, ret_info);
}

void docent_double_barrier_close(docent_double_barrier *barrier, void (*closed)(void *user), void *user)
{
    docent_handle_close(barrier == NULL ? NULL : &barrier->handle, closed, user);
}

/* ---- The blocking forms. ---- */

static docent_status member_verb_enter(struct handle *handle, uint32_t timeout_ms, docent_done_fn done, void *user)
{
    return docent_double_barrier_enter_async(member_of(handle), timeout_ms, done, user);
}

static docent_status member_verb_leave(struct handle *handle, uint32_t timeout_ms, docent_done_fn done, void *user)
{
    return docent_double_barrier_leave_async(member_of(handle), timeout_ms, done, user);
}

docent_status docent_double_barrier_enter(docent_double_barrier *barrier, uint32_t timeout_ms)
{
    return docent_wait_verb(barrier == NULL ? NULL : &barrier->handle, member_verb_enter, timeout_ms);
}

docent_status docent_double_barrier_leave(docent_double_barrier *barrier, uint32_t timeout_ms)
{
    return docent_wait_verb(barrier == NULL ? NULL : &barrier->handle, member_verb_leave, timeout_ms);
}
