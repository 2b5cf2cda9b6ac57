/* recipes/lock_look.c - see lock_internal.h: what any thread may read. */
#include "recipes/lock_internal.h"

/* The state, and the token if it is held, else -1. */
static docent_lock_state lock_look(const struct docent_lock *lock, int64_t *ret_token)
{
    *ret_token = -1;
    for (;;) {
        int64_t word = docent_shared_get(&lock->word);
        docent_lock_state state = docent_lock_word_state(word);
        if (state == DOCENT_LOCK_RELEASED) return DOCENT_LOCK_RELEASED;
        if (docent_lock_word_number(word) <= docent_shared_get(&lock->released)) return DOCENT_LOCK_RELEASED;
        if (state == DOCENT_LOCK_WAITING) return DOCENT_LOCK_WAITING;

        int64_t token = docent_shared_get(&lock->token);
        uint64_t generation = (uint64_t)docent_shared_get(&lock->generation);
        bool good = docent_client_lease_good(lock->client, generation);

        /* Another word: it ended meanwhile, or turned from HELD to SUSPECT or back. Look again. */
        if (docent_shared_get(&lock->word) != word) continue;
        if (!good || docent_lock_word_number(word) <= docent_shared_get(&lock->released)) return DOCENT_LOCK_RELEASED;
        *ret_token = token;
        return state;
    }
}

docent_lock_state docent_lock_get_state(const docent_lock *lock)
{
    int64_t token;

    return lock == NULL ? DOCENT_LOCK_RELEASED : lock_look(lock, &token);
}

int64_t docent_lock_token(const docent_lock *lock)
{
    int64_t token = -1;

    if (lock != NULL) (void)lock_look(lock, &token);
    return token;
}

docent_status docent_lock_client(const docent_lock *lock, docent_client **ret_client)
{
    *ret_client = lock->client;
    return (docent_status)atomic_load(&lock->dead);
}
