/* recipes/handle_wait.c - closing a handle and waiting until it is over, for blocking forms; see handle.h.
 *
 * What is to be removed may take longer than the caller waits, so the wait is not on the caller's stack: the farewell frees it, whoever
 * is still waiting. */
#include <stdlib.h>

#include "recipes/blocking.h"

struct close_wait {
    struct timed_wait timed;
    struct handle *handle;
    docent_client *client; /* Kept until the farewell. */
    uint32_t timeout_ms;
};

struct close_call { /* On the waiting thread's stack. */
    struct close_wait *wait;
    bool begun; /* The farewell frees it. */
};

static void close_done(void *user)
{
    struct close_wait *w = user;
    docent_client *client = w->client;
    docent_timed_wait_tell(&w->timed, docent_client_close_cause(client));
    free(w);
    docent_client_drop(client);
}

static docent_status close_start(void *argument, struct docent_wait *wait)
{
    struct close_call *call = argument;
    struct close_wait *w = call->wait;
    docent_status status = docent_handle_check(w->handle);
    if (status == DOCENT_OK) status = docent_timed_wait_begin(&w->timed, w->client, wait, w->timeout_ms);
    if (status != DOCENT_OK) return status;
    docent_client_keep(w->client);
    call->begun = true;
    docent_handle_close(w->handle, close_done, w);
    return DOCENT_OK;
}

docent_status docent_handle_close_wait(struct handle *h, uint32_t timeout_ms)
{
    if (h == NULL || atomic_load(&h->close_called)) return DOCENT_ERR_INVALID_ARGUMENT;
    struct close_call call = { .wait = calloc(1, sizeof *call.wait) };
    docent_client *client;
    docent_status status = docent_handle_client(h, &client);
    if (status == DOCENT_OK && call.wait == NULL) status = DOCENT_ERR_NO_MEMORY;
    if (status == DOCENT_OK) {
        call.wait->handle = h;
        call.wait->client = client;
        call.wait->timeout_ms = timeout_ms;
        status = docent_await(client, close_start, &call);
    }
    if (!call.begun) {
        free(call.wait);
        docent_handle_close(h, NULL, NULL);
    }
    return status;
}
