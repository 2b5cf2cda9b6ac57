/* recipes/mutex.c - see mutex.h. */
#include "recipes/mutex.h"

/* ---- The count. ---- */

static int64_t holds_of(int64_t number, int64_t count)
{
    return number * (MUTEX_COUNT_MAX + 1) + count;
}

static int64_t holds_count(int64_t holds)
{
    return holds & MUTEX_COUNT_MAX;
}

static int64_t holds_number(int64_t holds)
{
    return holds >> MUTEX_COUNT_BITS;
}

static bool mutex_is_held(const docent_mutex *m)
{
    docent_lock_state state = docent_lock_get_state(&m->lock);

    return state == DOCENT_LOCK_HELD || state == DOCENT_LOCK_SUSPECT;
}

docent_status docent_mutex_enter(docent_mutex *m)
{
    int64_t holds = docent_shared_get(&m->holds);

    do {
        if (holds_count(holds) == 0 || !mutex_is_held(m)) return DOCENT_ERR_NOT_HELD;
        if (holds_count(holds) == MUTEX_COUNT_MAX) return DOCENT_ERR_BUSY;
    } while (!atomic_compare_exchange_weak(&m->holds.value, &holds, holds + 1));
    return DOCENT_OK;
}

docent_status docent_mutex_leave(docent_mutex *m, int64_t *ret_number)
{
    int64_t holds = docent_shared_get(&m->holds);

    *ret_number = 0;
    do {
        if (holds_count(holds) == 0 || !mutex_is_held(m)) return DOCENT_ERR_NOT_HELD;
    } while (!atomic_compare_exchange_weak(&m->holds.value, &holds, holds - 1));
    if (holds_count(holds) == 1) {
        *ret_number = holds_number(holds);
        docent_lock_release_up_to(&m->lock, *ret_number);
    }
    return DOCENT_OK;
}

uint32_t docent_mutex_count(const docent_mutex *m)
{
    return m == NULL || !mutex_is_held(m) ? 0 : (uint32_t)holds_count(docent_shared_get(&m->holds));
}

/* ---- The lock's news. ---- */

static void mutex_on_held(docent_lock *lock, bool held)
{
    docent_mutex *m = (docent_mutex *)lock;

    docent_shared_set(&m->holds, holds_of(lock->number, held ? 1 : 0));
}

static void mutex_on_state(docent_lock *lock, docent_lock_state state, void *user)
{
    docent_mutex *m = (docent_mutex *)lock;
    m->on_state(m, state, user);
}

static void mutex_on_lost(docent_lock *lock, docent_status why, void *user)
{
    docent_mutex *m = (docent_mutex *)lock;
    m->on_lost(m, why, user);
}

static void mutex_on_revoke(docent_lock *lock, void *user)
{
    docent_mutex *m = (docent_mutex *)lock;
    m->on_revoke(m, user);
}

/* ---- Making and closing. ---- */

docent_status docent_mutex_new(docent_client *client, const char *path, const docent_mutex_options *options, docent_mutex **ret_mutex)
{
    docent_mutex_options full = { DOCENT_MUTEX_OPTIONS };

    if (ret_mutex == NULL || !docent_options_take(&full, sizeof full, options)) return DOCENT_ERR_INVALID_ARGUMENT;
    const docent_lock_options of_lock = {
        DOCENT_LOCK_OPTIONS,
        .dialect = full.dialect,
        .label = full.label,
        .acl = full.acl,
        .on_state = full.on_state != NULL ? mutex_on_state : NULL,
        .on_lost = full.on_lost != NULL ? mutex_on_lost : NULL,
        .on_revoke = full.on_revoke != NULL ? mutex_on_revoke : NULL,
        .user = full.user,
        .max_hold_ms = full.max_hold_ms,
        .tolerant = full.tolerant,
    };
    static const struct lock_hooks hooks = { .on_held = mutex_on_held };
    const struct lock_kind kind = {
        .dialect = full.tolerant ? docent_dialect_tolerant_lock(full.dialect) : docent_dialect_lock(full.dialect),
        .size = sizeof(docent_mutex),
        .hooks = &hooks,
    };
    if (kind.dialect == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    docent_lock *lock;
    docent_status status = docent_lock_make(client, path, &of_lock, &kind, &lock);
    if (status != DOCENT_OK) return status;
    docent_mutex *m = (docent_mutex *)lock;
    m->on_state = full.on_state;
    m->on_lost = full.on_lost;
    m->on_revoke = full.on_revoke;
    *ret_mutex = m;
    return DOCENT_OK;
}

void docent_mutex_close(docent_mutex *m, void (*closed)(void *user), void *user)
{
    if (m != NULL) docent_lock_close(&m->lock, closed, user);
}

/* ---- Acquiring and releasing. ---- */

struct mutex_answer { /* Of a call that came to its outcome at once. */
    struct docent_later later;
    docent_client *client;
    docent_done_fn done;
    void *user;
};

static void mutex_answer(struct docent_later *later)
{
    struct mutex_answer *answer = (struct mutex_answer *)later;
    docent_client *client = answer->client;

    if (!docent_client_forked(client)) answer->done(DOCENT_OK, answer->user);
    docent_free(docent_client_allocator(client), answer);
    docent_client_drop(client);
}

static struct mutex_answer *mutex_answer_new(const docent_mutex *m, docent_done_fn done, void *user)
{
    struct mutex_answer *answer = docent_alloc(&m->lock.handle.allocator, sizeof *answer);

    if (answer == NULL) return NULL;
    *answer = (struct mutex_answer){
        .later.run = mutex_answer,
        .client = m->lock.handle.client,
        .done = done != NULL ? done : docent_nobody,
        .user = user,
    };
    return answer;
}

static void mutex_answer_soon(struct mutex_answer *answer)
{
    docent_client_keep(answer->client);
    docent_client_later(answer->client, &answer->later);
}

docent_status docent_mutex_acquire_async(docent_mutex *m, uint32_t timeout_ms, docent_done_fn done, void *user)
{
    if (m == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    docent_status status = docent_handle_check(&m->lock.handle);
    if (status != DOCENT_OK) return status;
    if (!mutex_is_held(m)) return docent_lock_acquire_async(&m->lock, timeout_ms, done, user);

    struct mutex_answer *answer = mutex_answer_new(m, done, user);
    if (answer == NULL) return DOCENT_ERR_NO_MEMORY;
    status = docent_mutex_enter(m);
    if (status == DOCENT_OK) {
        mutex_answer_soon(answer);
        return DOCENT_OK;
    }
    docent_free(&m->lock.handle.allocator, answer);
    if (status == DOCENT_ERR_BUSY) return DOCENT_ERR_BUSY;
    /* Another thread has just made it 0, and is about to release: that is in force already. */
    docent_lock_release_up_to(&m->lock, holds_number(docent_shared_get(&m->holds)));
    return docent_lock_acquire_async(&m->lock, timeout_ms, done, user);
}

docent_status docent_mutex_release(docent_mutex *m)
{
    int64_t number;

    return m == NULL ? DOCENT_ERR_INVALID_ARGUMENT : docent_mutex_leave(m, &number);
}

docent_status docent_mutex_release_async(docent_mutex *m, docent_done_fn done, void *user)
{
    if (m == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    docent_status status = docent_handle_check(&m->lock.handle);
    if (status != DOCENT_OK) return status;
    int64_t number;
    status = docent_mutex_leave(m, &number);
    if (status != DOCENT_OK) return status;
    if (number != 0) return docent_lock_release_finish(&m->lock, number, done, user);
    struct mutex_answer *answer = mutex_answer_new(m, done, user);
    if (answer == NULL) return DOCENT_ERR_NO_MEMORY;
    mutex_answer_soon(answer);
    return DOCENT_OK;
}

/* ---- What is asked. ---- */

docent_lock_state docent_mutex_get_state(const docent_mutex *m)
{
    return m == NULL ? DOCENT_LOCK_RELEASED : docent_lock_get_state(&m->lock);
}

int64_t docent_mutex_token(const docent_mutex *m)
{
    return m == NULL ? -1 : docent_lock_token(&m->lock);
}

docent_hold *docent_mutex_hold(docent_mutex *m)
{
    return m == NULL ? NULL : docent_lock_hold(&m->lock);
}

docent_status docent_mutex_info(docent_mutex *m, docent_recipe_info *ret_info)
{
    return m == NULL ? DOCENT_ERR_INVALID_ARGUMENT : docent_lock_info(&m->lock, ret_info);
}
