/* core/client/view.c - views: the session of a client, with a prefix of their own in front of every path. */
#include <string.h>

#include <docent/view.h>

#include "core/client/internal.h"

docent_client *docent_view_ref(docent_client *view)
{
    docent_shared_add(&view->references, 1);
    return view;
}

void docent_view_unref(docent_client *view)
{
    if (docent_shared_add(&view->references, -1) > 0) return;
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

docent_status docent_client_view(docent_client *client, const char *prefix, docent_client **ret_view)
{
    if (client == NULL || ret_view == NULL || docent_path_fault(prefix, false) != NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    const struct docent_host *host = &client->core->host;
    if (host->check_loop(host->user) == DOCENT_ERR_FORKED) return DOCENT_ERR_FORKED;
    size_t size = strcmp(prefix, "/") == 0 ? 0 : strlen(prefix);
    docent_client *view = docent_alloc(client->allocator, sizeof *view + client->chroot_size + size + 1);
    if (view == NULL) return DOCENT_ERR_NO_MEMORY;
    char *chroot = (char *)(view + 1);
    memcpy(chroot, client->chroot, client->chroot_size);
    memcpy(chroot + client->chroot_size, prefix, size);
    chroot[client->chroot_size + size] = '\0';
    *view = (docent_client){ .core = client->core, .allocator = client->allocator, .chroot = chroot, .chroot_size = client->chroot_size + size };
    docent_shared_set(&view->references, 1);
    *ret_view = view;
    return DOCENT_OK;
}

void docent_view_release(docent_client *view)
{
    if (view != NULL) docent_view_drop(view);
}
