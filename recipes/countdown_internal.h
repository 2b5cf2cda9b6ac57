/* recipes/countdown_internal.h - what the files of docent_countdown have in common; countdown.c tells the story. */
#ifndef DOCENT_RECIPES_COUNTDOWN_INTERNAL_H
#define DOCENT_RECIPES_COUNTDOWN_INTERNAL_H

#include <docent/countdown.h>

#include "recipes/errand.h"

struct docent_countdown {
    struct errands all; /* First. */
};

enum count_verb { VERB_CREATE, VERB_COUNT, VERB_WAIT };
/* @count is for CREATE. */
docent_status docent_count_begin(struct docent_countdown *countdown, enum count_verb verb, uint32_t count, uint32_t timeout_ms,
                                 docent_done_fn done, void *user);

#endif
