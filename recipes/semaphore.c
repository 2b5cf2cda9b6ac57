/* recipes/semaphore.c - the place that permits are acquired from (permit.h): what they have in common, the watch of a shared count, and the end, which waits
 * for all of them. */
#include <docent/semaphore.h>

#include <stdio.h>

#include "recipes/participants.h"
#include "recipes/permit.h"
#include "recipes/rearm.h"

struct docent_semaphore {
    struct handle handle; /* First. */
    struct terms *terms;
    struct rearm rearm;   /* Of the shared count, if there is one. */
    struct docent_permit *permits; /* That are not over. */
    size_t readers;                /* Of the participants. */
    struct recall recall;
    struct meter meter;
};

/* ---- Terms. ---- */

void docent_terms_drop(struct terms *terms)
{
    if (atomic_fetch_sub(&terms->references, 1) > 1) return;
    docent_allocator allocator = terms->allocator;
    docent_free(&allocator, terms->mutex_path);
    docent_free(&allocator, terms->leases_path);
    docent_free(&allocator, terms->limit_path);
    docent_free(&allocator, terms->label);
    docent_acl_drop(&allocator, terms->acl);
    docent_free(&allocator, terms);
}

static char *terms_join(const docent_allocator *allocator, const char *path, const char *end)
{
    size_t size = strlen(path), end_size = strlen(end) + 1;
    char *joined = docent_alloc(allocator, size + end_size);
    if (joined == NULL) return NULL;
    memcpy(joined, path, size);
    memcpy(joined + size, end, end_size);
    return joined;
}

static docent_status terms_fill(struct terms *terms, docent_client *client, const char *path, const docent_semaphore_options *options)
{
    const docent_allocator *allocator = &terms->allocator;
    const char *label = options->label != NULL ? options->label : docent_client_host(client)->default_label;
    bool kazoo = options->dialect == DOCENT_DIALECT_KAZOO;

    terms->kind = options->dialect;
    terms->mutex_names = docent_dialect_lock(options->dialect);
    terms->lease_names = docent_dialect_lease(options->dialect);
    terms->parent_mode = kazoo ? DOCENT_PERSISTENT : DOCENT_CONTAINER;
    terms->max = options->max;
    (void)snprintf(terms->max_text, sizeof terms->max_text, "%lu", (unsigned long)options->max);
    terms->mutex_path = terms_join(allocator, path, kazoo ? "-__lock__" : "/locks");
    terms->leases_path = terms_join(allocator, path, kazoo ? "" : "/leases");
    terms->label = docent_strdup(allocator, label != NULL ? label : "");
    if (terms->mutex_path == NULL || terms->leases_path == NULL || terms->label == NULL) return DOCENT_ERR_NO_MEMORY;
    terms->label_size = strlen(terms->label);
    if (options->limit_path != NULL) {
        terms->limit_path = docent_strdup(allocator, options->limit_path);
        if (terms->limit_path == NULL) return DOCENT_ERR_NO_MEMORY;
    }
    terms->on_state = options->on_state;
    terms->on_lost = options->on_lost;
    terms->user = options->user;
    return docent_acl_keep(allocator, options->acl, &terms->acl);
}

static docent_status terms_new(docent_client *client, const char *path, const docent_semaphore_options *options, struct terms **ret_terms)
{
    const docent_allocator *allocator = docent_client_allocator(client);
    struct terms *terms = docent_alloc(allocator, sizeof *terms);
    if (terms == NULL) return DOCENT_ERR_NO_MEMORY;
    memset(terms, 0, sizeof *terms);
    terms->allocator = *allocator;
    atomic_store(&terms->references, 1);
    docent_status status = terms_fill(terms, client, path, options);
    if (status == DOCENT_OK) {
        *ret_terms = terms;
    } else {
        docent_terms_drop(terms);
    }
    return status;
}

/* ---- The handle. ---- */

static struct docent_semaphore *semaphore_of(struct handle *handle)
{
    return (struct docent_semaphore *)handle;
}

struct meter *docent_semaphore_meter(struct docent_semaphore *semaphore)
{
    return &semaphore->meter;
}

struct recall *docent_semaphore_recall(struct docent_semaphore *semaphore)
{
    return &semaphore->recall;
}

void docent_semaphore_let_go(struct docent_semaphore *semaphore, struct docent_permit *permit)
{
    struct docent_permit **link = &semaphore->permits;
    while (*link != permit) {
        link = &(*link)->next;
    }
    *link = permit->next;
    docent_handle_settle(&semaphore->handle);
}

static void semaphore_heard(struct rearm *rearm, const struct rearm_event *ev)
{
    struct docent_semaphore *s = (struct docent_semaphore *)((char *)rearm - offsetof(struct docent_semaphore, rearm));
    struct docent_permit *next;

    switch (ev->type) {
    case REARM_RESET:
    case REARM_CHANGED:
        docent_recall_limit_changed(s);
        for (struct docent_permit *p = s->permits; p != NULL; p = next) {
            next = p->next;
            docent_permit_limit_changed(p);
        }
        break;
    case REARM_FAILED: docent_meter_reason(&s->meter, s->handle.client, ev->status); break;
    case REARM_OVER: docent_handle_settle(&s->handle); break;
    }
}

static void semaphore_attached(struct handle *handle)
{
    struct docent_semaphore *s = semaphore_of(handle);
    docent_meter_state(&s->meter, handle->client, "IDLE");
    if (s->terms->limit_path == NULL) return;
    docent_rearm_start(&s->rearm, handle->client, s->terms->limit_path, DOCENT_WATCHER_DATA, semaphore_heard);
}

static void semaphore_on_event(struct handle *handle, const struct docent_event *ev)
{
    (void)handle; /* We ask for nothing ourselves. */
    (void)ev;
}

static void semaphore_end(struct handle *handle, docent_status why, bool mute)
{
    struct docent_semaphore *s = semaphore_of(handle);

    docent_rearm_stop(&s->rearm, mute);
    if (mute) s->readers = 0;
    if (why != DOCENT_ERR_CANCELLED) return; /* The client closes: the permits hear of it themselves. */
    for (struct docent_permit *p = s->permits; p != NULL; p = p->next) docent_permit_give_up(p, DOCENT_ERR_CLOSING);
}

static bool semaphore_is_over(const struct handle *handle)
{
    const struct docent_semaphore *s = (const struct docent_semaphore *)handle;
    return s->permits == NULL && s->readers == 0 && docent_rearm_is_over(&s->rearm);
}

static void semaphore_free(struct handle *handle)
{
    docent_allocator allocator = handle->allocator;
    docent_terms_drop(semaphore_of(handle)->terms);
    docent_free(&allocator, handle);
}

static const struct handle_kind semaphore_kind = {
    .attached = semaphore_attached,
    .on_event = semaphore_on_event,
    .end = semaphore_end,
    .is_over = semaphore_is_over,
    .free = semaphore_free,
};

docent_status docent_semaphore_new(docent_client *client, const char *path, const docent_semaphore_options *options,
                                   docent_semaphore **ret_semaphore)
{
    docent_semaphore_options full = { DOCENT_SEMAPHORE_OPTIONS };

    if (client == NULL || path == NULL || ret_semaphore == NULL || !docent_options_take(&full, sizeof full, options)) {
        return DOCENT_ERR_INVALID_ARGUMENT;
    }
    if (docent_path_fault(path, false) != NULL || strcmp(path, "/") == 0) return DOCENT_ERR_INVALID_ARGUMENT;
    if (docent_dialect_lease(full.dialect) == NULL || (full.max == 0 && full.limit_path == NULL)) return DOCENT_ERR_INVALID_ARGUMENT;
    if (full.limit_path != NULL && (full.dialect != DOCENT_DIALECT_CURATOR || docent_path_fault(full.limit_path, false) != NULL)) {
        return DOCENT_ERR_INVALID_ARGUMENT;
    }
    docent_status status = docent_handle_may_open(client);
    if (status != DOCENT_OK) return status;

    const docent_allocator *allocator = docent_client_allocator(client);
    struct docent_semaphore *s = docent_alloc(allocator, sizeof *s);
    if (s == NULL) return DOCENT_ERR_NO_MEMORY;
    memset(s, 0, sizeof *s);
    status = terms_new(client, path, &full, &s->terms);
    if (status != DOCENT_OK) {
        docent_free(allocator, s);
        return status;
    }
    s->handle.timers = 1; /* The rearm's. */
    status = docent_handle_open(&s->handle, client, &semaphore_kind);
    if (status != DOCENT_OK) {
        semaphore_free(&s->handle);
        return status;
    }
    *ret_semaphore = s;
    return DOCENT_OK;
}

void docent_semaphore_close(docent_semaphore *semaphore, void (*closed)(void *user), void *user)
{
    docent_handle_close(semaphore == NULL ? NULL : &semaphore->handle, closed, user);
}

/* ---- Calls. ---- */

docent_status docent_semaphore_acquire_async(docent_semaphore *semaphore, uint32_t count, uint32_t timeout_ms, docent_done_fn done, void *user,
                                             docent_permit **ret_permit)
{
    if (semaphore == NULL || ret_permit == NULL || count == 0) return DOCENT_ERR_INVALID_ARGUMENT;
    docent_status status = docent_handle_check(&semaphore->handle);
    if (status != DOCENT_OK) return status;
    struct terms *terms = semaphore->terms;
    if (terms->limit_path == NULL && count > terms->max) return DOCENT_ERR_INVALID_ARGUMENT;
    docent_permit *permit;
    status = docent_permit_new(semaphore, semaphore->handle.client, terms, count, timeout_ms, done != NULL ? done : docent_nobody, user, &permit);
    if (status != DOCENT_OK) return status;
    permit->next = semaphore->permits;
    semaphore->permits = permit;
    *ret_permit = permit;
    return DOCENT_OK;
}

static void semaphore_reader_over(void *owner)
{
    struct docent_semaphore *s = owner;
    if (s->readers > 0) s->readers--;
    docent_handle_settle(&s->handle);
}

docent_status docent_semaphore_participants_async(docent_semaphore *semaphore, docent_result_fn done, void *user)
{
    if (semaphore == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    docent_status status = docent_handle_check(&semaphore->handle);
    if (status != DOCENT_OK) return status;
    const struct terms *terms = semaphore->terms;
    status = docent_participants_read(semaphore->handle.client, terms->lease_names, terms->leases_path, done, user, semaphore_reader_over, semaphore);
    if (status == DOCENT_OK) semaphore->readers++;
    return status;
}

docent_status docent_semaphore_info(docent_semaphore *semaphore, docent_recipe_info *ret_info)
{
    if (semaphore == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    return docent_meter_ask(&semaphore->handle, &semaphore->meter, ret_info);
}
