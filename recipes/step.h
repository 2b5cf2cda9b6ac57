/* recipes/step.h - what calls that are made of other calls have in common: the caller's options, kept, and one deadline for all steps. */
#ifndef DOCENT_RECIPES_STEP_H
#define DOCENT_RECIPES_STEP_H

#include "core/client/machine.h"

struct steps {
    docent_client *client; /* Kept. */
    docent_call_options call; /* timeout_ms: what is left of it. Owns what it refers to. */
    docent_retry retry;
    uint64_t accepted_ms, deadline_ms;
    uint32_t attempts; /* Of the steps that are over. */
    docent_result_fn done;
    void *user;
};

/* @call may be NULL; without a watch. To be called on the loop, by what docent_client_check() allows. */
docent_status docent_steps_begin(struct steps *steps, docent_client *client, const docent_call_options *call, docent_result_fn done, void *user);
void docent_steps_end(struct steps *steps);
/* Brings call.timeout_ms up to date. False: there is no time left. */
bool docent_steps_go_on(struct steps *steps);
/* Tells the outcome, with what all steps together took. */
void docent_steps_tell(const struct steps *steps, const docent_result *result);

#endif
