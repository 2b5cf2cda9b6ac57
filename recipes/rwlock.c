/* recipes/rwlock.c - a read lock and a write lock that know of each other.
 *
 * Each is a lock of its kind (lock.h, dialect.h), and both are parts of a handle of ours, which has nothing to do itself but to end them. What one has to
 * know of the other it asks when an acquisition begins:
 *
 *     to read,  while the write lock is   RELEASED        queue
 *                                         HELD, SUSPECT   take a place beside it (contender.h): the downgrade
 *                                         WAITING         busy
 *     to write, while the read lock is    RELEASED        queue
 *                                         HELD, SUSPECT   an upgrade: refused
 *                                         WAITING         busy
 *
 * The end is that of a whole and its parts (handle.h). */
#include <docent/rwlock.h>

#include <string.h>

#include "recipes/lock_internal.h"

struct rwlock_part {
    struct docent_lock lock; /* First. */
    struct docent_rwlock *rwlock;
};

struct docent_rwlock {
    struct handle handle; /* First. */
    docent_lock *read, *write;
};

static struct docent_rwlock *rwlock_of(docent_lock *lock)
{
    return ((struct rwlock_part *)lock)->rwlock;
}

static docent_status rwlock_may_read(docent_lock *read, docent_hold **ret_beside)
{
    docent_lock *write = rwlock_of(read)->write;

    switch (docent_lock_get_state(write)) {
    case DOCENT_LOCK_RELEASED: return DOCENT_OK;
    case DOCENT_LOCK_WAITING: return DOCENT_ERR_BUSY;
    case DOCENT_LOCK_HELD:
    case DOCENT_LOCK_SUSPECT: break;
    }
    docent_status status = docent_lock_take_hold(write, ret_beside);
    return status == DOCENT_ERR_NOT_HELD ? DOCENT_OK : status; /* Its lease has ended since. */
}

static docent_status rwlock_may_write(docent_lock *write, docent_hold **ret_beside)
{
    (void)ret_beside;
    switch (docent_lock_get_state(rwlock_of(write)->read)) {
    case DOCENT_LOCK_RELEASED: return DOCENT_OK;
    case DOCENT_LOCK_WAITING: return DOCENT_ERR_BUSY;
    case DOCENT_LOCK_HELD:
    case DOCENT_LOCK_SUSPECT: break;
    }
    return DOCENT_ERR_UPGRADE;
}

/* ---- The handle. ---- */

static void rwlock_attached(struct handle *handle)
{
    handle->machine.name = "rwlock";
}

static void rwlock_on_event(struct handle *handle, const struct docent_event *ev)
{
    (void)handle; /* The parts hear of everything themselves. */
    (void)ev;
}

static void rwlock_close_parts(struct docent_rwlock *rw)
{
    if (rw->read != NULL) docent_lock_close_part(rw->read, NULL, NULL);
    if (rw->write != NULL) docent_lock_close_part(rw->write, NULL, NULL);
    rw->read = rw->write = NULL;
}

static void rwlock_end(struct handle *handle, docent_status why, bool mute)
{
    (void)mute;
    if (why == DOCENT_ERR_CANCELLED) rwlock_close_parts((struct docent_rwlock *)handle);
}

static bool rwlock_is_over(const struct handle *handle)
{
    (void)handle;
    return true;
}

static void rwlock_free(struct handle *handle)
{
    docent_allocator allocator = handle->allocator;

    rwlock_close_parts((struct docent_rwlock *)handle);
    docent_free(&allocator, handle);
}

/* ---- Making. ---- */

static docent_status rwlock_make_part(struct docent_rwlock *rw, docent_client *client, const char *path, const docent_rwlock_options *full,
                                      struct lock_kind kind, docent_lock **ret_lock)
{
    const docent_lock_options options = {
        DOCENT_LOCK_OPTIONS,
        .label = full->label,
        .acl = full->acl,
        .on_state = full->on_state,
        .on_lost = full->on_lost,
        .user = full->user,
        .on_revoke = full->on_revoke,
        .max_hold_ms = full->max_hold_ms,
    };

    if (kind.dialect == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    kind.whole = &rw->handle;
    kind.size = sizeof(struct rwlock_part);
    docent_status status = docent_lock_make(client, path, &options, &kind, ret_lock);
    if (status == DOCENT_OK) ((struct rwlock_part *)*ret_lock)->rwlock = rw;
    return status;
}

docent_status docent_rwlock_new(docent_client *client, const char *path, const docent_rwlock_options *options, docent_rwlock **ret_rwlock)
{
    static const struct handle_kind handle_kind = {
        .attached = rwlock_attached,
        .on_event = rwlock_on_event,
        .end = rwlock_end,
        .is_over = rwlock_is_over,
        .free = rwlock_free,
    };
    static const struct lock_hooks reads = { .may_acquire = rwlock_may_read }, writes = { .may_acquire = rwlock_may_write };
    docent_rwlock_options full = { DOCENT_RWLOCK_OPTIONS };

    if (client == NULL || ret_rwlock == NULL || !docent_options_take(&full, sizeof full, options)) return DOCENT_ERR_INVALID_ARGUMENT;
    docent_status status = docent_handle_may_open(client);
    if (status != DOCENT_OK) return status;
    const docent_allocator *allocator = docent_client_allocator(client);
    struct docent_rwlock *rw = docent_alloc(allocator, sizeof *rw);
    if (rw == NULL) return DOCENT_ERR_NO_MEMORY;
    memset(rw, 0, sizeof *rw);
    rw->handle.timer_later = true; /* Never. */

    const struct lock_kind read = { .dialect = docent_dialect_read_lock(full.dialect), .shared = true, .hooks = &reads };
    const struct lock_kind write = { .dialect = docent_dialect_write_lock(full.dialect), .hooks = &writes };
    status = rwlock_make_part(rw, client, path, &full, read, &rw->read);
    if (status != DOCENT_OK) {
        docent_free(allocator, rw);
        return status;
    }
    status = rwlock_make_part(rw, client, path, &full, write, &rw->write);
    docent_status opened = docent_handle_open(&rw->handle, client, &handle_kind);
    if (opened != DOCENT_OK) return opened; /* In a forked child, where nothing is freed: there are parts. */
    if (status != DOCENT_OK) {
        docent_handle_close(&rw->handle, NULL, NULL); /* With the one part that there is. */
        return status;
    }
    *ret_rwlock = rw;
    return DOCENT_OK;
}

docent_lock *docent_rwlock_read(const docent_rwlock *rwlock)
{
    return rwlock == NULL ? NULL : rwlock->read;
}

docent_lock *docent_rwlock_write(const docent_rwlock *rwlock)
{
    return rwlock == NULL ? NULL : rwlock->write;
}

void docent_rwlock_close(docent_rwlock *rwlock, void (*closed)(void *user), void *user)
{
    if (rwlock == NULL) return;
    if (rwlock->read != NULL) (void)docent_tenure_release(&rwlock->read->tenure); /* In force at once, on whatever thread this is. */
    if (rwlock->write != NULL) (void)docent_tenure_release(&rwlock->write->tenure);
    docent_handle_close(&rwlock->handle, closed, user);
}
