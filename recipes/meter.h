/* recipes/meter.h - how a recipe keeps what docent_recipe_info tells of it. Loop only. */
#ifndef DOCENT_RECIPES_METER_H
#define DOCENT_RECIPES_METER_H

#include <docent/recipe.h>

#include "core/client/machine.h"

struct meter { /* Zeroed at first. */
    const char *state; /* Static words. */
    docent_status reason;
    uint64_t state_at_ms, progress_at_ms;
    uint64_t begun, succeeded, timed_out, failed, lost;
    uint64_t waited_ms, held_ms;
};

/* The machine has entered @state; that is progress, and what hindered it is over. */
void docent_meter_state(struct meter *meter, const docent_client *client, const char *state);
/* An answer that brings it on (DOCENT_OK), or what it waits out. */
void docent_meter_reason(struct meter *meter, const docent_client *client, docent_status reason);

static inline void docent_meter_begin(struct meter *meter)
{
    meter->begun++;
}
/* What was begun @waited_ms ago has come to @outcome. */
void docent_meter_end(struct meter *meter, docent_status outcome, uint64_t waited_ms);
/* What succeeded @held_ms ago is over. @lost: without having been given up. */
void docent_meter_over(struct meter *meter, uint64_t held_ms, bool lost);

/* DOCENT_OK, or DOCENT_ERR_INVALID_ARGUMENT: struct_size is not set. */
docent_status docent_meter_read(const struct meter *meter, const docent_client *client, docent_recipe_info *ret_info);

struct handle;
/* The same of a meter that goes with @handle, by docent_handle_run(). Any thread. */
docent_status docent_meter_ask(struct handle *handle, const struct meter *meter, docent_recipe_info *ret_info);

#endif
