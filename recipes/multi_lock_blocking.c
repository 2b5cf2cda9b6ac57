/* recipes/multi_lock_blocking.c - the multi-lock's blocking forms. */
#include <stdlib.h>

#include <docent/multi_lock.h>

#include "recipes/blocking.h"
#include "recipes/lock.h"

static docent_status multi_acquire(struct handle *handle, uint32_t timeout_ms, docent_done_fn done, void *user)
{
    return docent_multi_lock_acquire_async((docent_multi_lock *)handle, timeout_ms, done, user);
}

docent_status docent_multi_lock_acquire(docent_multi_lock *m, uint32_t timeout_ms)
{
    return docent_wait_verb((struct handle *)m, multi_acquire, timeout_ms);
}

/* One member after the other, under one deadline, each up to the acquisition that it had when this was called. */
docent_status docent_multi_lock_release_wait(docent_multi_lock *m, uint32_t timeout_ms)
{
    if (m == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    size_t count = docent_multi_lock_count(m);
    int64_t *numbers = calloc(count, sizeof *numbers);
    for (size_t i = 0; numbers != NULL && i < count; i++) numbers[i] = docent_lock_release_begin(docent_multi_lock_member(m, i));
    docent_multi_lock_release(m);
    if (numbers == NULL) return DOCENT_ERR_NO_MEMORY;

    docent_client *client;
    docent_status status = docent_handle_client((struct handle *)m, &client);
    if (status == DOCENT_OK) {
        const struct docent_host *host = docent_client_host(client);
        uint64_t begun = host->now_ms(host->user);
        for (size_t i = 0; i < count && status == DOCENT_OK; i++) {
            uint64_t gone = host->now_ms(host->user) - begun;
            uint32_t left = timeout_ms == DOCENT_FOREVER ? DOCENT_FOREVER : gone < timeout_ms ? timeout_ms - (uint32_t)gone : 0;
            status = docent_lock_release_wait_for(docent_multi_lock_member(m, i), numbers[i], left);
        }
    }
    free(numbers);
    return status;
}
