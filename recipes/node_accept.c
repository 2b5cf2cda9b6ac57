/* recipes/node_accept.c - see node_write.h: calls are checked, and begun. */
#include <string.h>

#include "recipes/node_write.h"

static void write_free(struct node_call *call)
{
    struct write_call *w = docent_write_of(call);
    const docent_allocator *allocator = docent_client_allocator(call->machine.client);

    docent_acl_drop(allocator, w->acl);
    docent_acl_drop(allocator, w->parents_acl);
    docent_free(allocator, w->parent);
    if (w->own.client != NULL) docent_protected_free(&w->own);
}

static docent_status write_new(docent_client *client, const struct node_kind *kind, const char *path, bool sequential, const void *data,
                               size_t size, const struct node_limits *limits, docent_parents parents, docent_acl_list acl,
                               docent_acl_list parents_acl, docent_result_fn done, void *user, struct write_call **ret_write)
{
    struct node_call *call;

    if ((unsigned)parents > DOCENT_PARENTS_CONTAINER) return DOCENT_ERR_INVALID_ARGUMENT;
    docent_status status =
        docent_node_new(client, sizeof(struct write_call), kind, path, sequential, data, size, limits, done, user, &call);
    if (status != DOCENT_OK) return status;
    struct write_call *w = docent_write_of(call);
    const docent_allocator *allocator = docent_client_allocator(client);
    w->makes_parents = parents != DOCENT_PARENTS_NONE;
    w->parent_mode = parents == DOCENT_PARENTS_CONTAINER ? DOCENT_CONTAINER : DOCENT_PERSISTENT;
    w->name = strrchr(call->path, '/') + 1;
    status = docent_acl_keep(allocator, acl, &w->acl);
    if (status == DOCENT_OK) status = docent_acl_keep(allocator, parents_acl, &w->parents_acl);
    if (status != DOCENT_OK) {
        docent_node_cancel(call);
        return status;
    }
    *ret_write = w;
    return DOCENT_OK;
}

static const struct node_kind create_kind = {
    .name = "create",
    .ask = docent_write_ask,
    .on_reply = docent_write_on_reply,
    .on_expired = docent_write_on_expired,
    .gives_up = docent_write_gives_up,
    .free = write_free,
};

docent_status docent_create_node_async(docent_client *client, const char *path, const void *data, size_t size, docent_create_mode mode,
                                       const docent_create_node_options *options, docent_result_fn done, void *user)
{
    docent_create_node_options full = { DOCENT_CREATE_NODE_OPTIONS };
    if (!docent_options_take(&full, sizeof full, options)) return DOCENT_ERR_INVALID_ARGUMENT;
    bool sequential = docent_mode_is_sequential(mode);
    bool has_ttl = mode == DOCENT_PERSISTENT_TTL || mode == DOCENT_PERSISTENT_SEQUENTIAL_TTL;
    if ((unsigned)mode > DOCENT_PERSISTENT_SEQUENTIAL_TTL || (unsigned)full.if_exists > DOCENT_IF_EXISTS_SET_VERSION) {
        return DOCENT_ERR_INVALID_ARGUMENT;
    }
    if (has_ttl ? full.ttl_ms < 1 || full.ttl_ms > DOCENT_TTL_MAX_MS : full.ttl_ms != 0) return DOCENT_ERR_INVALID_ARGUMENT;
    if (full.if_exists != DOCENT_IF_EXISTS_FAIL && (sequential || full.protect)) return DOCENT_ERR_INVALID_ARGUMENT;

    const struct node_limits limits = { .timeout_ms = full.timeout_ms, .retry = full.retry, .offline = full.offline };
    struct write_call *w;
    /* What is compared with the node's data later has to be what is sent. */
    if (client != NULL && data == NULL && size == 0) data = docent_client_default_data(client, &size);
    docent_status status = write_new(client, &create_kind, path, sequential, data, size, &limits, full.parents, full.acl, full.parents_acl,
                                     done, user, &w);
    if (status != DOCENT_OK) return status;
    w->state = WRITE_CREATING;
    w->mode = mode;
    w->ttl_ms = full.ttl_ms;
    w->creates = true;
    w->if_exists = full.if_exists;
    w->version = full.if_exists == DOCENT_IF_EXISTS_SET_VERSION ? full.version : DOCENT_ANY_VERSION;
    if (full.protect) status = docent_write_protect(w);
    if (status != DOCENT_OK) {
        docent_node_cancel(&w->call);
        return status;
    }
    docent_node_start(&w->call, full.timeout_ms);
    return DOCENT_OK;
}

static const struct node_kind set_kind = {
    .name = "set",
    .ask = docent_write_ask,
    .on_reply = docent_write_on_reply,
    .free = write_free,
};

docent_status docent_set_node_async(docent_client *client, const char *path, const void *data, size_t size, int32_t version,
                                    const docent_set_node_options *options, docent_result_fn done, void *user)
{
    docent_set_node_options full = { DOCENT_SET_NODE_OPTIONS };
    if (!docent_options_take(&full, sizeof full, options)) return DOCENT_ERR_INVALID_ARGUMENT;
    if (full.create && version != DOCENT_ANY_VERSION) return DOCENT_ERR_INVALID_ARGUMENT;

    const struct node_limits limits = { .timeout_ms = full.timeout_ms, .retry = full.retry, .offline = full.offline };
    struct write_call *w;
    docent_status status =
        write_new(client, &set_kind, path, false, data, size, &limits, full.parents, full.acl, full.parents_acl, done, user, &w);
    if (status != DOCENT_OK) return status;
    w->state = WRITE_SETTING;
    w->mode = DOCENT_PERSISTENT;
    w->creates = full.create;
    w->if_exists = DOCENT_IF_EXISTS_SET;
    w->same_is_good = full.idempotent && version != DOCENT_ANY_VERSION;
    w->version = version;
    docent_node_start(&w->call, full.timeout_ms);
    return DOCENT_OK;
}

static const struct node_kind ensure_kind = {
    .name = "ensure",
    .ask = docent_write_ask,
    .on_reply = docent_write_on_reply,
    .free = write_free,
};

docent_status docent_ensure_path_within(docent_client *client, const char *path, docent_parents parents, docent_acl_list acl,
                                        const struct node_limits *limits, docent_result_fn done, void *user)
{
    if (parents == DOCENT_PARENTS_NONE) return DOCENT_ERR_INVALID_ARGUMENT;
    struct write_call *w;
    docent_status status = write_new(client, &ensure_kind, path, false, NULL, 0, limits, parents, (docent_acl_list){ NULL, 0 }, acl, done,
                                     user, &w);
    if (status != DOCENT_OK) return status;
    w->state = WRITE_EXISTS;
    w->ensures = true;
    docent_node_start(&w->call, limits->timeout_ms);
    return DOCENT_OK;
}

docent_status docent_ensure_path_async(docent_client *client, const char *path, docent_parents parents, docent_acl_list acl,
                                       docent_result_fn done, void *user)
{
    const struct node_limits limits = { 0 };
    return docent_ensure_path_within(client, path, parents, acl, &limits, done, user);
}
