/* core/client/hold.c - docent_hold: an immutable, counted value. It may outlive its client, so it keeps the allocator it came
 * from. */
#include <stdatomic.h>
#include <string.h>

#include <docent/hold.h>

#include "core/client/machine.h"

struct docent_hold {
    _Atomic size_t references;
    int64_t czxid;
    uint64_t generation;
    docent_allocator allocator;
    size_t chroot_size;
    char path[]; /* At the server. */
};

docent_status docent_hold_new(docent_client *client, const char *path, int64_t czxid, uint64_t generation, docent_hold **ret_hold)
{
    const docent_allocator *allocator = docent_client_allocator(client);
    const char *chroot = docent_client_chroot(client);
    size_t chroot_size = strlen(chroot), size = strlen(path) + 1;
    docent_hold *hold = docent_alloc(allocator, sizeof *hold + chroot_size + size);
    if (hold == NULL) return DOCENT_ERR_NO_MEMORY;

    atomic_init(&hold->references, 1);
    hold->czxid = czxid;
    hold->generation = generation;
    hold->allocator = *allocator;
    hold->chroot_size = chroot_size;
    memcpy(hold->path, chroot, chroot_size);
    memcpy(hold->path + chroot_size, path, size);
    *ret_hold = hold;
    return DOCENT_OK;
}

docent_hold *docent_hold_ref(docent_hold *hold)
{
    if (hold == NULL) return NULL;
    atomic_fetch_add_explicit(&hold->references, 1, memory_order_relaxed);
    return hold;
}

void docent_hold_unref(docent_hold *hold)
{
    if (hold == NULL) return;
    /* Release, so that whoever frees sees every use by the others; acquire, for the one who frees. */
    if (atomic_fetch_sub_explicit(&hold->references, 1, memory_order_acq_rel) > 1) return;

    docent_allocator allocator = hold->allocator;
    docent_free(&allocator, hold);
}

const char *docent_hold_path(const docent_hold *hold)
{
    return hold == NULL ? NULL : hold->path + hold->chroot_size;
}

const char *docent_hold_server_path(const docent_hold *hold)
{
    return hold->path;
}

int64_t docent_hold_czxid(const docent_hold *hold)
{
    return hold == NULL ? -1 : hold->czxid;
}

uint64_t docent_hold_generation(const docent_hold *hold)
{
    return hold == NULL ? 0 : hold->generation;
}
