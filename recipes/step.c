/* recipes/step.c - see step.h. */
#include "recipes/step.h"

#include <string.h>

docent_status docent_steps_begin(struct steps *steps, docent_client *client, const docent_call_options *call, docent_result_fn done, void *user)
{
    *steps = (struct steps){ .client = client, .call = { DOCENT_CALL_OPTIONS }, .policy = { DOCENT_RETRY }, .done = done, .user = user };
    docent_call_options *full = &steps->call;
    if (!docent_options_take(full, sizeof *full, call)) return DOCENT_ERR_INVALID_ARGUMENT;
    if (full->watch != NULL || !docent_options_sized(full->retry)) return DOCENT_ERR_INVALID_ARGUMENT;
    const docent_retry *policy = full->retry != NULL ? full->retry : docent_client_retry(client);
    memcpy(&steps->policy, policy, policy->struct_size < sizeof steps->policy ? policy->struct_size : sizeof steps->policy);
    steps->policy.struct_size = sizeof steps->policy;
    full->retry = &steps->budget; /* So @steps stays where it is. */
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

/* The step asks whether it may be tried again. It knows of its own tries only. */
static bool step_decide(uint32_t tries, uint64_t elapsed_ms, docent_status cause, uint64_t *ret_delay_ms, void *user)
{
    const struct step *step = user;
    struct steps *steps = step->steps;
    uint32_t whole = tries < UINT32_MAX - step->before ? step->before + tries : UINT32_MAX;
    uint64_t elapsed = docent_client_now(steps->client) - steps->accepted_ms;

    (void)elapsed_ms;
    if (!docent_client_retry_delay(steps->client, &steps->policy, whole, elapsed, cause, ret_delay_ms)) return false;
    if (whole > steps->retries) steps->retries = whole;
    return true;
}

const docent_call_options *docent_step_begin(struct step *step, struct steps *steps)
{
    uint64_t now = docent_client_now(steps->client);
    if (steps->deadline_ms <= now) return NULL;
    uint64_t left = steps->deadline_ms - now;

    *step = (struct step){ .steps = steps, .before = steps->retries };
    steps->call.timeout_ms = left < DOCENT_FOREVER ? (uint32_t)left : DOCENT_FOREVER;
    steps->budget = docent_retry_custom(step_decide, step);
    steps->budget.session_fails = steps->policy.session_fails;
    return &steps->call;
}

void docent_step_over(const struct step *step, const docent_result *result)
{
    uint32_t whole = result->attempts == 0 ? 0 : step->before + result->attempts;
    if (whole > step->steps->tries) step->steps->tries = whole;
    if (result->last_cause != DOCENT_OK) step->steps->cause = result->last_cause;
}

void docent_steps_tell(const struct steps *steps, const docent_result *result)
{
    if (steps->done == NULL || docent_client_forked(steps->client)) return;
    docent_result whole = *result;
    whole.attempts = steps->tries;
    whole.elapsed_ms = docent_client_now(steps->client) - steps->accepted_ms;
    whole.last_cause = steps->cause;
    steps->done(&whole, steps->user);
}
