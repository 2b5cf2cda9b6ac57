/* recipes/leader_latch_calls.c - see leader_latch_internal.h: what the application asks of a latch. */
#include <string.h>

#include "recipes/leader_latch_internal.h"

/* ---- Making. ---- */

static docent_status latch_fill(docent_leader_latch *latch, docent_client *client, const char *path,
                                const docent_leader_latch_options *options)
{
    const docent_allocator *allocator = docent_client_allocator(client);
    const char *id = options->id != NULL ? options->id : docent_client_host(client)->default_label;

    latch->handle.allocator = *allocator;
    latch->path = docent_strdup(allocator, path);
    latch->id = docent_strdup(allocator, id != NULL ? id : "");
    if (latch->path == NULL || latch->id == NULL) return DOCENT_ERR_NO_MEMORY;
    docent_status status = docent_acl_keep(allocator, options->acl, &latch->acl);
    if (status != DOCENT_OK) return status;

    latch->policy = options->error_policy;
    latch->damping_ms = options->damping_ms;
    latch->notifies = options->close_mode == DOCENT_LATCH_CLOSE_NOTIFY;
    latch->first = (struct docent_leader_latch_listener){ .fn = options->on_change, .user = options->user, .told = -1 };
    latch->listeners = &latch->first;
    latch->telling.run = docent_latch_run_telling;
    latch->damping.fire = docent_latch_damped;
    latch->waiters.handle = &latch->handle;
    latch->election.client = client;
    latch->election.dialect = docent_dialect_latch(options->dialect);
    latch->election.path = latch->path;
    latch->election.data = latch->id;
    latch->election.size = strlen(latch->id);
    latch->election.acl = latch->acl;
    latch->election.changed = docent_latch_changed;
    latch->handle.timers = 2; /* The election's, and the damping's. */
    docent_tenure_init(&latch->tenure);
    return DOCENT_OK;
}

docent_status docent_leader_latch_make(docent_client *client, const char *path, const docent_leader_latch_options *options, struct handle *whole,
                                       docent_leader_latch **ret_latch)
{
    docent_leader_latch_options full = { DOCENT_LEADER_LATCH_OPTIONS };

    if (client == NULL || path == NULL || ret_latch == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    if (docent_path_fault(path, false) != NULL || strcmp(path, "/") == 0) return DOCENT_ERR_INVALID_ARGUMENT;
    if (!docent_options_take(&full, sizeof full, options)) return DOCENT_ERR_INVALID_ARGUMENT;
    if (docent_dialect_latch(full.dialect) == NULL || (unsigned)full.error_policy > DOCENT_ERROR_POLICY_LOST ||
        (unsigned)full.close_mode > DOCENT_LATCH_CLOSE_NOTIFY) {
        return DOCENT_ERR_INVALID_ARGUMENT;
    }
    docent_status status = docent_handle_may_open(client);
    if (status != DOCENT_OK) return status;

    docent_leader_latch *latch = docent_alloc(docent_client_allocator(client), sizeof *latch);
    if (latch == NULL) return DOCENT_ERR_NO_MEMORY;
    memset(latch, 0, sizeof *latch);
    status = latch_fill(latch, client, path, &full);
    if (status == DOCENT_OK) {
        if (whole != NULL) docent_handle_join(&latch->handle, whole);
        status = docent_handle_open(&latch->handle, client, &docent_latch_kind);
    }
    if (status != DOCENT_OK) {
        docent_handle_leave(&latch->handle);
        docent_latch_free(latch);
        return status;
    }
    *ret_latch = latch;
    return DOCENT_OK;
}

docent_status docent_leader_latch_new(docent_client *client, const char *path, const docent_leader_latch_options *options,
                                      docent_leader_latch **ret_latch)
{
    return docent_leader_latch_make(client, path, options, NULL, ret_latch);
}

/* ---- Leading. ---- */

static docent_status latch_start(struct handle *handle, void *argument)
{
    docent_leader_latch *latch = docent_latch_of(handle);

    (void)argument;
    if (latch->state != LATCH_NEW) return DOCENT_ERR_BUSY;
    docent_latch_begin(latch);
    return DOCENT_OK;
}

docent_status docent_leader_latch_start(docent_leader_latch *latch)
{
    return latch == NULL ? DOCENT_ERR_INVALID_ARGUMENT : docent_handle_run(&latch->handle, latch_start, NULL);
}

docent_status docent_leader_latch_await_async(docent_leader_latch *latch, uint32_t timeout_ms, docent_done_fn done, void *user)
{
    if (latch == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    docent_status status = docent_handle_check(&latch->handle);
    if (status == DOCENT_OK) status = docent_waiters_add(&latch->waiters, timeout_ms, done, user);
    if (status != DOCENT_OK) return status;
    if (docent_latch_present(latch) != -1) docent_waiters_answer(&latch->waiters, DOCENT_OK);
    return DOCENT_OK;
}

int64_t docent_leader_latch_token(const docent_leader_latch *latch)
{
    int64_t token = -1;

    if (latch != NULL) (void)docent_tenure_look(&latch->tenure, latch->handle.client, &token);
    return token;
}

bool docent_leader_latch_has_leadership(const docent_leader_latch *latch)
{
    return docent_leader_latch_token(latch) != -1;
}

static docent_status latch_hold(struct handle *handle, void *argument)
{
    docent_leader_latch *latch = docent_latch_of(handle);

    if (docent_leader_latch_token(latch) == -1 || latch->state != LATCH_LEADING) return DOCENT_ERR_NOT_HELD;
    const struct protected_node *node = docent_election_node(&latch->election);
    return docent_hold_new(handle->client, node->path, node->czxid, node->generation, argument);
}

docent_hold *docent_leader_latch_hold(docent_leader_latch *latch)
{
    docent_hold *hold = NULL;

    return latch == NULL || docent_handle_run(&latch->handle, latch_hold, &hold) != DOCENT_OK ? NULL : hold;
}

/* ---- Listening. ---- */

struct latch_listen {
    docent_leader_latch_listener *listener, **ret_listener;
};

static docent_status latch_listen(struct handle *handle, void *argument)
{
    docent_leader_latch *latch = docent_latch_of(handle);
    struct latch_listen *call = argument;
    docent_leader_latch_listener *listener = docent_alloc(&handle->allocator, sizeof *listener);

    if (listener == NULL) return DOCENT_ERR_NO_MEMORY;
    *listener = *call->listener;
    listener->told = docent_latch_present(latch);
    docent_leader_latch_listener **end = &latch->listeners;
    while (*end != NULL) {
        end = &(*end)->next;
    }
    *end = listener;
    if (listener->due) docent_latch_tell(latch);
    *call->ret_listener = listener;
    return DOCENT_OK;
}

docent_status docent_leader_latch_listen(docent_leader_latch *latch, bool present, docent_leadership_fn fn, void *user,
                                         docent_leader_latch_listener **ret_listener)
{
    if (latch == NULL || fn == NULL || ret_listener == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    struct docent_leader_latch_listener listener = { .fn = fn, .user = user, .due = present };
    struct latch_listen call = { .listener = &listener, .ret_listener = ret_listener };
    return docent_handle_run(&latch->handle, latch_listen, &call);
}

static docent_status latch_unlisten(struct handle *handle, void *argument)
{
    docent_leader_latch *latch = docent_latch_of(handle);
    docent_leader_latch_listener *listener = argument;

    listener->removed = true;
    docent_latch_tell(latch); /* Which frees it, when nobody is being told. */
    return DOCENT_OK;
}

docent_status docent_leader_latch_unlisten(docent_leader_latch *latch, docent_leader_latch_listener *listener)
{
    if (latch == NULL || listener == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    return docent_handle_run(&latch->handle, latch_unlisten, listener);
}

/* ---- Looking. ---- */

static docent_status latch_read(docent_leader_latch *latch, size_t most, docent_result_fn done, void *user)
{
    if (latch == NULL || done == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    docent_status status = docent_handle_check(&latch->handle);
    return status != DOCENT_OK ? status : docent_election_participants(&latch->election, most, done, user);
}

docent_status docent_leader_latch_participants_async(docent_leader_latch *latch, docent_result_fn done, void *user)
{
    return latch_read(latch, SIZE_MAX, done, user);
}

docent_status docent_leader_latch_leader_async(docent_leader_latch *latch, docent_result_fn done, void *user)
{
    return latch_read(latch, 1, done, user);
}

static docent_status latch_info(struct handle *handle, void *argument)
{
    docent_leader_latch *latch = docent_latch_of(handle);

    latch->meter.reason = docent_election_trouble(&latch->election);
    return docent_meter_read(&latch->meter, handle->client, argument);
}

docent_status docent_leader_latch_info(docent_leader_latch *latch, docent_recipe_info *ret_info)
{
    if (latch == NULL || ret_info == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    return docent_handle_run(&latch->handle, latch_info, ret_info);
}

/* ---- Closing. ---- */

void docent_leader_latch_close(docent_leader_latch *latch, void (*closed)(void *user), void *user)
{
    if (latch == NULL) return;
    (void)docent_tenure_release(&latch->tenure);
    docent_handle_close(&latch->handle, closed, user);
}
