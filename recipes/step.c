/* recipes/step.c - see step.h. */
#include "recipes/step.h"

#include <string.h>

docent_status docent_steps_begin(struct steps *steps, docent_client *client, const docent_call_options *call, docent_result_fn done, void *user)
{
    *steps = (struct steps){ .client = client, .call = { DOCENT_CALL_OPTIONS }, .done = done, .user = user };
    docent_call_options *full = &steps->call;
    if (call != NULL) {
        if (call->struct_size == 0) return DOCENT_ERR_INVALID_ARGUMENT;
        memcpy(full, call, call->struct_size < sizeof *full ? call->struct_size : sizeof *full);
        full->struct_size = sizeof *full;
    }
    if (full->watch != NULL || (full->retry != NULL && full->retry->struct_size == 0)) return DOCENT_ERR_INVALID_ARGUMENT;
    if (full->retry != NULL) {
        size_t size = full->retry->struct_size;
        memcpy(&steps->retry, full->retry, size < sizeof steps->retry ? size : sizeof steps->retry);
        steps->retry.struct_size = sizeof steps->retry;
        full->retry = &steps->retry; /* So @steps stays where it is. */
    }
    if (full->hold != NULL) docent_hold_ref((docent_hold *)(uintptr_t)full->hold);
    uint32_t timeout = full->timeout_ms == 0 ? docent_client_call_timeout(client) : full->timeout_ms;
    steps->accepted_ms = docent_client_now(client);
    steps->deadline_ms = timeout == DOCENT_FOREVER ? UINT64_MAX : steps->accepted_ms + timeout;
    docent_client_keep(client);
    return DOCENT_OK;
}

void docent_steps_end(struct steps *steps)
{
    docent_hold_unref((docent_hold *)(uintptr_t)steps->call.hold);
    docent_client_drop(steps->client);
}

bool docent_steps_go_on(struct steps *steps)
{
    uint64_t now = docent_client_now(steps->client);
    if (steps->deadline_ms <= now) return false;
    uint64_t left = steps->deadline_ms - now;
    steps->call.timeout_ms = left < DOCENT_FOREVER ? (uint32_t)left : DOCENT_FOREVER;
    return true;
}

void docent_steps_tell(const struct steps *steps, const docent_result *result)
{
    if (steps->done == NULL) return;
    docent_result whole = *result;
    whole.attempts += steps->attempts;
    whole.elapsed_ms = docent_client_now(steps->client) - steps->accepted_ms;
    steps->done(&whole, steps->user);
}
