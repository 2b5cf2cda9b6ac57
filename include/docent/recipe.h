/* docent/recipe.h - what every recipe says about itself, for operators, logs and tests: where it stands, what hinders it, and what it has
 * done so far. docent_lock_info(), docent_semaphore_info() and their like fill a docent_recipe_info:
 *
 *     docent_recipe_info info = { DOCENT_RECIPE_INFO };
 *     if (docent_lock_info(lock, &info) == DOCENT_OK) printf("%s for %" PRIu64 " ms\n", info.state, info.state_ms);
 *
 * Units  Milliseconds, in names that end in _ms. */
#ifndef DOCENT_RECIPE_H
#define DOCENT_RECIPE_H

#include <docent/types.h>

DOCENT_BEGIN

typedef struct docent_recipe_info {
    size_t struct_size;
    const char *state;     /* Of the machine, by name. Static words. */
    docent_status reason;  /* What keeps it from getting on: the last error that it waits out. DOCENT_OK: nothing does, it waits for
                            * others if it waits at all. */
    uint64_t state_ms;     /* Since it entered the state. */
    uint64_t progress_ms;  /* Since something last brought it on: a change of state, an answer, a change that it was told of. */
    uint64_t begun;        /* Of what the recipe does: acquisitions, terms, entries, items. */
    uint64_t succeeded;
    uint64_t timed_out;
    uint64_t failed;       /* Ended in any other way: cancelled, refused, the session lost. */
    uint64_t lost;         /* Succeeded, and lost without having been given up. */
    uint64_t waited_ms;    /* From beginning to success, summed up. */
    uint64_t held_ms;      /* From success to its end, summed up over what has ended. */
} docent_recipe_info;
#define DOCENT_RECIPE_INFO .struct_size = sizeof(docent_recipe_info)
/** The same as { DOCENT_RECIPE_INFO }, for compilers without designated initialisers. Thread: any. */
static inline void docent_recipe_info_init(docent_recipe_info *info)
{
    memset(info, 0, sizeof *info);
    info->struct_size = sizeof *info;
}

DOCENT_END

#endif
