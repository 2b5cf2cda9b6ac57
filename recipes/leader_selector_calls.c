/* recipes/leader_selector_calls.c - see leader_selector_internal.h: what the application asks of a selector. */
#include <stddef.h>
#include <string.h>

#include "recipes/leader_selector_internal.h"

/* ---- Making. ---- */

static docent_status selector_fill(docent_leader_selector *s, docent_client *client, const char *path,
                                   const docent_leader_selector_options *options)
{
    const docent_allocator *allocator = docent_client_allocator(client);
    const char *id = options->id != NULL ? options->id : docent_client_host(client)->default_label;

    s->handle.allocator = *allocator;
    s->path = docent_strdup(allocator, path);
    s->id = docent_strdup(allocator, id != NULL ? id : "");
    if (s->path == NULL || s->id == NULL) return DOCENT_ERR_NO_MEMORY;
    docent_status status = docent_acl_keep(allocator, options->acl, &s->acl);
    if (status != DOCENT_OK) return status;

    s->policy = options->error_policy;
    s->auto_requeue = options->auto_requeue;
    s->on_leadership = options->on_leadership;
    s->on_interrupt = options->on_interrupt;
    s->user = options->user;
    s->telling.run = docent_selector_tell;
    s->waiters = (struct waiters){ .handle = &s->handle, .late = docent_selector_runner_late };
    s->election.client = client;
    s->election.dialect = docent_dialect_lock(options->dialect);
    s->election.path = s->path;
    s->election.data = s->id;
    s->election.size = strlen(s->id);
    s->election.acl = s->acl;
    s->election.one_reign = true;
    s->election.changed = docent_selector_changed;
    s->handle.timers = 1; /* The election's. */
    docent_tenure_init(&s->tenure);
    return DOCENT_OK;
}

docent_status docent_leader_selector_new(docent_client *client, const char *path, const docent_leader_selector_options *options,
                                         docent_leader_selector **ret_selector)
{
    docent_leader_selector_options full = { DOCENT_LEADER_SELECTOR_OPTIONS };

    if (client == NULL || path == NULL || ret_selector == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    if (docent_path_fault(path, false) != NULL || strcmp(path, "/") == 0) return DOCENT_ERR_INVALID_ARGUMENT;
    if (!docent_options_take(&full, sizeof full, options)) return DOCENT_ERR_INVALID_ARGUMENT;
    if (docent_dialect_lock(full.dialect) == NULL || (unsigned)full.error_policy > DOCENT_ERROR_POLICY_LOST) {
        return DOCENT_ERR_INVALID_ARGUMENT;
    }
    docent_status status = docent_handle_may_open(client);
    if (status != DOCENT_OK) return status;

    docent_leader_selector *s = docent_alloc(docent_client_allocator(client), sizeof *s);
    if (s == NULL) return DOCENT_ERR_NO_MEMORY;
    memset(s, 0, sizeof *s);
    status = selector_fill(s, client, path, &full);
    if (status == DOCENT_OK) status = docent_handle_open(&s->handle, client, &docent_selector_kind);
    if (status != DOCENT_OK) {
        docent_selector_free(s);
        return status;
    }
    *ret_selector = s;
    return DOCENT_OK;
}

/* ---- Taking part. ---- */

static docent_status selector_start(struct handle *handle, void *argument)
{
    docent_leader_selector *s = docent_selector_of(handle);

    (void)argument;
    if (s->state != SELECTOR_OUT) return DOCENT_ERR_BUSY;
    docent_selector_queue(s);
    return DOCENT_OK;
}

docent_status docent_leader_selector_start(docent_leader_selector *selector)
{
    if (selector == NULL || selector->on_leadership == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    return docent_handle_run(&selector->handle, selector_start, NULL);
}

static docent_status selector_requeue(struct handle *handle, void *argument)
{
    docent_leader_selector *s = docent_selector_of(handle);

    (void)argument;
    if (docent_selector_has_term(s)) {
        s->again = true;
    } else if (s->state == SELECTOR_OUT) {
        docent_selector_queue(s);
    }
    return DOCENT_OK;
}

docent_status docent_leader_selector_requeue(docent_leader_selector *selector)
{
    if (selector == NULL || selector->on_leadership == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    return docent_handle_run(&selector->handle, selector_requeue, NULL);
}

void docent_leader_selector_relinquish(docent_leader_selector *selector, int64_t number)
{
    if (selector == NULL || number > docent_shared_get(&selector->told)) return;
    docent_tenure_release_up_to(&selector->tenure, number);
    docent_handle_nudge(&selector->handle);
}

static docent_status selector_interrupt(struct handle *handle, void *argument)
{
    (void)argument;
    docent_selector_stop(docent_selector_of(handle), DOCENT_ERR_CANCELLED);
    return DOCENT_OK;
}

docent_status docent_leader_selector_interrupt(docent_leader_selector *selector)
{
    return selector == NULL ? DOCENT_ERR_INVALID_ARGUMENT : docent_handle_run(&selector->handle, selector_interrupt, NULL);
}

/* ---- Looking. ---- */

int64_t docent_leader_selector_token(const docent_leader_selector *selector)
{
    int64_t token = -1;

    if (selector != NULL) (void)docent_tenure_look(&selector->tenure, selector->handle.client, &token);
    return token;
}

bool docent_leader_selector_has_leadership(const docent_leader_selector *selector)
{
    return docent_leader_selector_token(selector) != -1;
}

static docent_status selector_hold(struct handle *handle, void *argument)
{
    docent_leader_selector *s = docent_selector_of(handle);

    if (docent_leader_selector_token(s) == -1 || !docent_selector_has_term(s)) return DOCENT_ERR_NOT_HELD;
    const struct protected_node *node = docent_election_node(&s->election);
    return docent_hold_new(handle->client, node->path, node->czxid, node->generation, argument);
}

docent_hold *docent_leader_selector_hold(docent_leader_selector *selector)
{
    docent_hold *hold = NULL;

    return selector == NULL || docent_handle_run(&selector->handle, selector_hold, &hold) != DOCENT_OK ? NULL : hold;
}

static docent_status selector_read(docent_leader_selector *s, size_t most, docent_result_fn done, void *user)
{
    if (s == NULL || done == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    docent_status status = docent_handle_check(&s->handle);
    return status != DOCENT_OK ? status : docent_election_participants(&s->election, most, done, user);
}

docent_status docent_leader_selector_participants_async(docent_leader_selector *selector, docent_result_fn done, void *user)
{
    return selector_read(selector, SIZE_MAX, done, user);
}

docent_status docent_leader_selector_leader_async(docent_leader_selector *selector, docent_result_fn done, void *user)
{
    return selector_read(selector, 1, done, user);
}

static docent_status selector_info(struct handle *handle, void *argument)
{
    docent_leader_selector *s = docent_selector_of(handle);

    s->meter.reason = s->state == SELECTOR_LOST ? s->lost_why : docent_election_trouble(&s->election);
    return docent_meter_read(&s->meter, handle->client, argument);
}

docent_status docent_leader_selector_info(docent_leader_selector *selector, docent_recipe_info *ret_info)
{
    if (selector == NULL || ret_info == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    return docent_handle_run(&selector->handle, selector_info, ret_info);
}

/* ---- Closing. ---- */

void docent_leader_selector_close(docent_leader_selector *selector, void (*closed)(void *user), void *user)
{
    docent_handle_close(selector == NULL ? NULL : &selector->handle, closed, user);
}
