/* recipes/step.h - what calls that are made of other calls have in common: the caller's options, kept, and one deadline and one budget
 * of tries for all steps.
 *
 * A step is a public call with a policy that asks the caller's: how often anything was tried again so far, this step included, and since
 * when the whole goes on. So a call of ten steps has no more tries than a call of one. Steps that run at the same time and fail
 * together use up one try, not one each. */
#ifndef DOCENT_RECIPES_STEP_H
#define DOCENT_RECIPES_STEP_H

#include "core/client/machine.h"

struct steps {
    docent_client *client; /* Kept. */
    docent_call_options call; /* Of the step that was begun last. Owns what it refers to. */
    docent_retry policy;   /* The caller's. */
    docent_retry budget;   /* The step's, which asks that. */
    uint64_t accepted_ms, deadline_ms;
    uint32_t retries;      /* Of the whole, that the policy has granted. */
    uint32_t tries;        /* Of the whole, that were made. 0: nothing was sent. */
    docent_status cause;   /* Of the last of them. */
    docent_result_fn done;
    void *user;
};

struct step { /* One of the calls. */
    struct steps *steps;
    uint32_t before; /* Retries of the whole when it was begun. */
};

/* @call may be NULL; without a watch. To be called on the loop, by what docent_client_check() allows. */
docent_status docent_steps_begin(struct steps *steps, docent_client *client, const docent_call_options *call, docent_result_fn done, void *user);
void docent_steps_end(struct steps *steps);
/* The options for one more step, good until the next is begun; @step stays where it is until the step is over. NULL: there is no time
 * left. */
const docent_call_options *docent_step_begin(struct step *step, struct steps *steps);
/* With what it took. */
void docent_step_over(const struct step *step, const docent_result *result);
/* Tells the outcome, with what all steps together took: as for a single call the tries are those that the policy was asked about. */
void docent_steps_tell(const struct steps *steps, const docent_result *result);

#endif
