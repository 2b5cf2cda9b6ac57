/* core/client/view.c - views: the session of a client, with a prefix of their own in front of every path, and policies. */
#include <string.h>

#include <docent/acl.h>
#include <docent/view.h>

#include "core/client/internal.h"

enum { INFLATED_MAX_DEFAULT = 64 << 20 };

/* ---- Policies. ---- */

const struct view_policy *docent_view_policy(const docent_client *view)
{
    static const struct view_policy defaults = { .inflated_max = INFLATED_MAX_DEFAULT };
    return view->policy == NULL ? &defaults : view->policy;
}

static void policy_use(docent_client *view, struct view_policy *policy)
{
    view->policy = policy;
    view->compresses = docent_view_policy(view)->compresses;
    view->plain_record_max = view->compresses ? 0 : docent_requests_plain_max(view->core);
}

static bool policy_is_good(const docent_view_options *options)
{
    if (options->acl.count > 0 && (options->acl.entries == NULL || docent_acl_check(options->acl, NULL, 0) != DOCENT_OK)) return false;
    if (options->default_data == NULL && options->default_size > 0) return false;
    return (unsigned)options->compression <= DOCENT_COMPRESSION_OFF && options->decompressed_max_bytes <= INT32_MAX;
}

static bool sets_nothing(const docent_view_options *options)
{
    return options->acl.count == 0 && options->acl_for == NULL && options->default_data == NULL &&
           options->compression == DOCENT_COMPRESSION_DEFAULT && options->decompressed_max_bytes == 0;
}

docent_status docent_view_policy_set(docent_client *view, const docent_client *parent, const docent_view_options *options)
{
    if (!policy_is_good(options)) return DOCENT_ERR_INVALID_ARGUMENT;
    if (sets_nothing(options)) {
        struct view_policy *shared = parent == NULL ? NULL : parent->policy;
        if (shared != NULL) docent_shared_add(&shared->references, 1);
        policy_use(view, shared);
        return DOCENT_OK;
    }
    static const docent_client nobody;
    struct view_policy merged = *docent_view_policy(parent == NULL ? &nobody : parent);
    if (options->acl.count > 0 || options->acl_for != NULL) {
        merged.acl = options->acl;
        merged.acl_for = options->acl_for;
        merged.user = options->user;
    }
    if (options->default_data != NULL) {
        merged.data = options->default_data;
        merged.data_size = options->default_size;
    }
    if (options->compression != DOCENT_COMPRESSION_DEFAULT) merged.compresses = options->compression == DOCENT_COMPRESSION_ON;
    if (options->decompressed_max_bytes != 0) merged.inflated_max = options->decompressed_max_bytes;

    size_t acl_size = docent_acl_copy_size(merged.acl);
    size_t room = SIZE_MAX - sizeof merged;
    if (acl_size > room || merged.data_size > room - acl_size) return DOCENT_ERR_NO_MEMORY;
    struct view_policy *policy = docent_alloc(view->allocator, sizeof *policy + acl_size + merged.data_size);
    if (policy == NULL) return DOCENT_ERR_NO_MEMORY;
    *policy = merged;
    docent_shared_set(&policy->references, 1);
    policy->acl = docent_acl_copy_into(merged.acl, policy + 1);
    if (merged.data != NULL) {
        uint8_t *data = (uint8_t *)(policy + 1) + acl_size;
        if (merged.data_size > 0) memcpy(data, merged.data, merged.data_size);
        policy->data = data;
    }
    policy_use(view, policy);
    return DOCENT_OK;
}

void docent_view_policy_drop(docent_client *view)
{
    struct view_policy *policy = view->policy;
    view->policy = NULL;
    if (policy != NULL && docent_shared_add(&policy->references, -1) == 0) docent_free(view->allocator, policy);
}

/* ---- Views. ---- */

docent_client *docent_view_ref(docent_client *view)
{
    docent_shared_add(&view->references, 1);
    return view;
}

void docent_view_unref(docent_client *view)
{
    if (docent_shared_add(&view->references, -1) > 0) return;
    docent_view_policy_drop(view);
    docent_free(view->allocator, view);
}

void docent_client_keep(docent_client *client)
{
    docent_view_use(client);
}

void docent_client_drop(docent_client *client)
{
    docent_view_drop(client);
}

const char *docent_client_chroot(const docent_client *client)
{
    return client->chroot;
}

bool docent_client_is_view(const docent_client *client)
{
    return client != &client->core->root;
}

docent_status docent_client_view(docent_client *client, const char *prefix, const docent_view_options *options, docent_client **ret_view)
{
    docent_view_options full = { DOCENT_VIEW_OPTIONS };
    if (client == NULL || ret_view == NULL || docent_path_fault(prefix, false) != NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    if (!docent_options_take(&full, sizeof full, options)) return DOCENT_ERR_INVALID_ARGUMENT;
    if (docent_client_forked(client)) return DOCENT_ERR_FORKED;
    size_t size = strcmp(prefix, "/") == 0 ? 0 : strlen(prefix);
    docent_client *view = docent_alloc(client->allocator, sizeof *view + client->chroot_size + size + 1);
    if (view == NULL) return DOCENT_ERR_NO_MEMORY;
    char *chroot = (char *)(view + 1);
    memcpy(chroot, client->chroot, client->chroot_size);
    memcpy(chroot + client->chroot_size, prefix, size);
    chroot[client->chroot_size + size] = '\0';
    *view = (docent_client){ .core = client->core, .allocator = client->allocator, .chroot = chroot, .chroot_size = client->chroot_size + size };
    docent_status status = docent_view_policy_set(view, client, &full);
    if (status != DOCENT_OK) {
        docent_free(client->allocator, view);
        return status;
    }
    docent_shared_set(&view->references, 1);
    *ret_view = view;
    return DOCENT_OK;
}

void docent_view_release(docent_client *view)
{
    if (view != NULL) docent_view_drop(view);
}
