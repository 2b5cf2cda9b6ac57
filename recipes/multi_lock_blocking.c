/* recipes/multi_lock_blocking.c - the multi-lock's blocking forms. */
#include <stdlib.h>

#include "core/client/machine.h"
#include "core/drive/await.h"
#include "recipes/lock.h"
#include "recipes/multi_lock.h"

struct multi_acquire_wait { /* On the waiting thread's stack. */
    docent_multi_lock *multi;
    uint32_t timeout_ms;
    struct docent_wait *wait;
};

static void multi_acquire_done(docent_status outcome, void *user)
{
    docent_wait_done(((struct multi_acquire_wait *)user)->wait, outcome);
}

static docent_status multi_acquire_start(void *argument, struct docent_wait *wait)
{
    struct multi_acquire_wait *w = argument;
    w->wait = wait;
    return docent_multi_lock_acquire_async(w->multi, w->timeout_ms, multi_acquire_done, w);
}

docent_status docent_multi_lock_acquire(docent_multi_lock *m, uint32_t timeout_ms)
{
    if (m == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    docent_client *client;
    docent_status status = docent_multi_lock_client(m, &client);
    if (status != DOCENT_OK) return status;
    return docent_await(client, multi_acquire_start, &(struct multi_acquire_wait){ .multi = m, .timeout_ms = timeout_ms });
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
    docent_status status = docent_multi_lock_client(m, &client);
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
