/* recipes/lease_calls.c - leases as the application calls them; the machine is lease.c. */
#include "recipes/lease_internal.h"

#include <stdlib.h>

#include "recipes/blocking.h"
#include "recipes/lease_document.h"

#define LEASE_DURATION_MAX_MS (UINT64_C(100) * 365 * 86400 * 1000)

static docent_status lease_fill(struct docent_lease *l, docent_client *client, const char *path, const docent_lease_options *options)
{
    const docent_allocator *allocator = docent_client_allocator(client);
    const char *id = options->id != NULL ? options->id : docent_client_host(client)->default_label;
    size_t room = strlen(path) + 12;

    l->handle.client = client;
    l->handle.allocator = *allocator;
    l->duration_ms = options->duration_ms;
    l->skew_ms = options->skew_ms;
    l->slots = options->slots;
    l->parent_mode = DOCENT_PERSISTENT;
    l->path = docent_strdup(allocator, path);
    l->id = docent_strdup(allocator, id != NULL ? id : "");
    l->slot_path = docent_alloc(allocator, room);
    l->holder_path = docent_alloc(allocator, room + sizeof "/lease_holder");
    if (l->path == NULL || l->id == NULL || l->slot_path == NULL || l->holder_path == NULL) return DOCENT_ERR_NO_MEMORY;
    docent_lease_name_slot(l);
    return docent_acl_keep(allocator, options->acl, &l->acl);
}

docent_status docent_lease_new(docent_client *client, const char *path, const docent_lease_options *options, docent_lease **ret_lease)
{
    docent_lease_options full = { DOCENT_LEASE_OPTIONS };
    int64_t end_ms;

    if (client == NULL || path == NULL || ret_lease == NULL || !docent_options_take(&full, sizeof full, options)) return DOCENT_ERR_INVALID_ARGUMENT;
    if (docent_path_fault(path, false) != NULL || strcmp(path, "/") == 0) return DOCENT_ERR_INVALID_ARGUMENT;
    if (full.duration_ms < 1000 || full.duration_ms > LEASE_DURATION_MAX_MS || full.skew_ms >= full.duration_ms) return DOCENT_ERR_INVALID_ARGUMENT;
    if (full.id != NULL) { /* Can it be written? */
        char *text = docent_lease_write(full.id, 0, &end_ms);
        if (text == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
        free(text);
    }
    docent_status status = docent_handle_may_open(client);
    if (status != DOCENT_OK) return status;

    struct docent_lease *l = docent_alloc(docent_client_allocator(client), sizeof *l);
    if (l == NULL) return DOCENT_ERR_NO_MEMORY;
    memset(l, 0, sizeof *l);
    docent_lease_prepare(l);
    status = lease_fill(l, client, path, &full);
    if (status == DOCENT_OK) status = docent_handle_open(&l->handle, client, &docent_lease_kind);
    if (status != DOCENT_OK) {
        docent_lease_free(l);
        return status;
    }
    *ret_lease = l;
    return DOCENT_OK;
}

void docent_lease_close(docent_lease *lease, void (*closed)(void *user), void *user)
{
    docent_handle_close(lease == NULL ? NULL : &lease->handle, closed, user);
}

/* ---- Calls. ---- */

docent_status docent_lease_acquire_async(docent_lease *lease, uint32_t timeout_ms, docent_done_fn done, void *user)
{
    if (lease == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    docent_status status = docent_handle_check(&lease->handle);
    if (status != DOCENT_OK) return status;
    if (lease->done != NULL) return DOCENT_ERR_BUSY;
    const struct docent_host *host = docent_client_host(lease->handle.client);
    lease->begun_ms = host->now_ms(host->user);
    lease->done = done != NULL ? done : docent_nobody;
    lease->user = user;
    lease->one_look = timeout_ms == DOCENT_NO_WAIT;
    if (!lease->one_look && timeout_ms != DOCENT_FOREVER) docent_timer_set(lease->handle.client, &lease->deadline, lease->begun_ms + timeout_ms);
    docent_lease_seek(lease);
    return DOCENT_OK;
}

uint64_t docent_lease_left_ms(const docent_lease *lease)
{
    if (lease == NULL) return 0;
    int64_t until_ms = docent_shared_get(&lease->held_until_ms);
    if (until_ms == 0) return 0;
    const struct docent_host *host = docent_client_host(lease->handle.client);
    uint64_t now_ms = host->now_ms(host->user);
    return now_ms < (uint64_t)until_ms ? (uint64_t)until_ms - now_ms : 0;
}

int64_t docent_lease_slot(const docent_lease *lease)
{
    int64_t slot = lease == NULL ? -1 : docent_shared_get(&lease->held_slot);
    return docent_lease_left_ms(lease) > 0 ? slot : -1;
}

docent_status docent_lease_info(docent_lease *lease, docent_recipe_info *ret_info)
{
    if (lease == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    return docent_meter_ask(&lease->handle, &lease->meter, ret_info);
}

/* ---- Blocking. ---- */

static docent_status lease_verb(struct handle *handle, uint32_t timeout_ms, docent_done_fn done, void *user)
{
    return docent_lease_acquire_async(docent_lease_of(handle), timeout_ms, done, user);
}

docent_status docent_lease_acquire(docent_lease *lease, uint32_t timeout_ms)
{
    return docent_wait_verb(lease == NULL ? NULL : &lease->handle, lease_verb, timeout_ms);
}
