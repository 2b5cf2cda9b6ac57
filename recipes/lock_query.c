/* recipes/lock_query.c - see lock_internal.h: what an application asks of a lock. */
#include "recipes/lock_internal.h"
#include "recipes/participants.h"

/* ---- From any thread. ---- */

static docent_lock_state lock_look(const struct docent_lock *lock, int64_t *ret_token)
{
    switch (docent_tenure_look(&lock->tenure, lock->handle.client, ret_token)) {
    case TENURE_NONE: return DOCENT_LOCK_RELEASED;
    case TENURE_WAITING: return DOCENT_LOCK_WAITING;
    case TENURE_HELD: return DOCENT_LOCK_HELD;
    case TENURE_SUSPECT: return DOCENT_LOCK_SUSPECT;
    }
    return DOCENT_LOCK_RELEASED;
}

docent_lock_state docent_lock_get_state(const docent_lock *lock)
{
    return lock == NULL ? DOCENT_LOCK_RELEASED : lock_look(lock, NULL);
}

int64_t docent_lock_token(const docent_lock *lock)
{
    int64_t token = -1;

    if (lock != NULL) (void)lock_look(lock, &token);
    return token;
}

/* ---- Of the loop, from any thread. ---- */

docent_status docent_lock_take_hold(docent_lock *lock, docent_hold **ret_hold)
{
    docent_lock_state state = lock_look(lock, NULL);

    if (lock->current == NULL || (state != DOCENT_LOCK_HELD && state != DOCENT_LOCK_SUSPECT)) return DOCENT_ERR_NOT_HELD;
    const struct protected_node *own = &lock->current->contender.own;
    return docent_hold_new(lock->handle.client, own->path, own->czxid, own->generation, ret_hold);
}

static docent_status lock_take_hold(struct handle *handle, void *argument)
{
    return docent_lock_take_hold((struct docent_lock *)handle, argument);
}

docent_hold *docent_lock_hold(docent_lock *lock)
{
    docent_hold *hold = NULL;

    if (lock == NULL || docent_handle_run(&lock->handle, lock_take_hold, &hold) != DOCENT_OK) return NULL;
    return hold;
}

docent_status docent_lock_info(docent_lock *lock, docent_recipe_info *ret_info)
{
    if (lock == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    return docent_meter_ask(&lock->handle, &lock->meter, ret_info);
}

/* ---- Those in line. ---- */

static void lock_reader_over(void *owner)
{
    struct docent_lock *lock = owner;

    lock->readers--;
    docent_lock_settle(lock);
}

docent_status docent_lock_participants_async(docent_lock *lock, docent_result_fn done, void *user)
{
    if (lock == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    docent_status status = docent_handle_check(&lock->handle);
    if (status != DOCENT_OK) return status;
    status = docent_participants_read(lock->handle.client, lock->contending.dialect, lock->contending.path, done, user, lock_reader_over, lock);
    if (status == DOCENT_OK) lock->readers++;
    return status;
}

docent_status docent_lock_revoke_async(docent_lock *lock, const char *node, docent_result_fn done, void *user)
{
    if (lock == NULL || (node != NULL && docent_path_fault(node, false) != NULL)) return DOCENT_ERR_INVALID_ARGUMENT;
    docent_status status = docent_handle_check(&lock->handle);
    if (status != DOCENT_OK) return status;
    status = docent_revoke(lock->handle.client, lock->contending.dialect, lock->contending.path, node, done, user, lock_reader_over, lock);
    if (status == DOCENT_OK) lock->readers++;
    return status;
}
