/* recipes/permit_recall.c - see permit.h: the short cut of who has been alone with the semaphore. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "recipes/permit.h"

/* The number at the end of what the server named. -1: none that another could follow. */
static int64_t recall_number(const char *path)
{
    size_t size = strlen(path);
    const char *digits = path + size - DIALECT_DIGITS;

    if (size < DIALECT_DIGITS || strspn(digits, "0123456789") != DIALECT_DIGITS) return -1;
    int64_t number = strtoll(digits, NULL, 10);
    return number < INT32_MAX / 2 ? number : -1;
}

static int64_t recall_last_lease(const struct docent_permit *p)
{
    return recall_number(p->leases[p->count - 1].own.path);
}

bool docent_recall_serves(const struct docent_permit *p)
{
    const struct recall *r = docent_semaphore_recall(p->semaphore);
    return r->armed && docent_machine_online(&p->handle.machine) && r->taken + p->count <= r->limit.max;
}

void docent_recall_use(struct docent_permit *p)
{
    struct recall *r = docent_semaphore_recall(p->semaphore);

    p->brief = true;
    p->limit = r->limit;
    p->number = r->number + 1;
    r->armed = false; /* Until this one is through. */
}

/* Whether the leases are to be taken with a look at the mutex's path: if they are, nobody else has queued since we last did. */
bool docent_recall_wants(struct docent_permit *p)
{
    const struct recall *r = docent_semaphore_recall(p->semaphore);

    p->folder = 0;
    p->looked = p->made = false;
    if (p->brief) return true;
    if (p->terms->kind != DOCENT_DIALECT_CURATOR) return false;
    p->number = recall_number(p->contender.own.path);
    return r->known && p->number == r->number + 1;
}

char *docent_recall_names(struct docent_permit *p, struct recall_names *names)
{
    const struct terms *terms = p->terms;
    const struct recall *r = docent_semaphore_recall(p->semaphore);
    const char *lease = p->leases[p->count - 1].own.path;
    size_t place_size = strlen(terms->mutex_path) + 1 + DIALECT_PREFIX_SIZE + DIALECT_DIGITS + 1;
    size_t lease_size = strlen(lease) + DIALECT_DIGITS + 1;
    char *block = docent_alloc(docent_client_allocator(p->handle.client), 2 * place_size + lease_size);
    char uuid[37], prefix[DIALECT_PREFIX_SIZE];

    if (block == NULL) return NULL;
    docent_client_uuid(p->handle.client, uuid);
    docent_dialect_prefix(terms->mutex_names, uuid, prefix);
    names->place = block;
    names->numbered_place = block + place_size;
    names->last_lease = block + 2 * place_size;
    (void)snprintf(block, place_size, "%s/%s", terms->mutex_path, prefix);
    (void)snprintf(block + place_size, place_size, "%s/%s%010" PRId64, terms->mutex_path, prefix, p->number);
    (void)snprintf(block + 2 * place_size, lease_size, "%s%010" PRId64, lease, r->last_lease + p->count);
    return block;
}

void docent_recall_keep(struct docent_permit *p)
{
    struct recall *r = docent_semaphore_recall(p->semaphore);

    if (p->brief) {
        r->taken += p->count;
    } else {
        r->known = p->number >= 0;
        r->folder = p->folder;
        r->taken = p->seen + p->count;
        r->limit = p->limit;
        r->epoch++;
    }
    p->epoch = r->epoch;
    r->number = p->number;
    r->last_lease = recall_last_lease(p);
    bool limit_stands = p->terms->limit_path == NULL || r->limit.version >= 0; /* Else a shared count may be made that no check would notice. */
    r->armed = r->known && r->folder != 0 && r->last_lease >= 0 && limit_stands;
}

bool docent_recall_is_true(const struct docent_permit *p)
{
    return p->folder != 0 && p->folder == docent_semaphore_recall(p->semaphore)->folder;
}

void docent_recall_queues(struct docent_permit *p)
{
    docent_semaphore_recall(p->semaphore)->armed = false;
}

void docent_recall_limit_changed(struct docent_semaphore *semaphore)
{
    struct recall *r = docent_semaphore_recall(semaphore);
    r->known = r->armed = false; /* Not its version alone: a node that was made anew has the same ones again. */
}

void docent_recall_returned(struct docent_permit *p)
{
    if (p->semaphore == NULL) return;
    struct recall *r = docent_semaphore_recall(p->semaphore);
    if (p->epoch != 0 && p->epoch == r->epoch) r->taken -= p->count;
    p->epoch = 0;
}
