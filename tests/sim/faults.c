#include "tests/sim/faults.h"

#include <stdlib.h>
#include <string.h>

#include "tests/sim/clock.h"

const char *const fault_names[FAULT_KINDS] = {
#define FAULT_NAME(kind, name) [kind] = name,
    FAULT_TABLE(FAULT_NAME)
#undef FAULT_NAME
};

bool plan_add_text(struct plan *plan, const char *text)
{
    const char *colon = strchr(text, ':');
    if (colon == NULL || colon[1] < '0' || colon[1] > '9' || plan->count == FAULTS_MAX) {
        return false;
    }
    for (int kind = 0; kind < FAULT_KINDS; kind++) {
        if (strlen(fault_names[kind]) == (size_t)(colon - text) && memcmp(text, fault_names[kind], (size_t)(colon - text)) == 0) {
            char *end;
            uint64_t at = strtoull(colon + 1, &end, 10);
            if (*end != '\0' || at == 0) {
                return false;
            }
            plan->faults[plan->count++] = (struct fault){(enum fault_kind)kind, at};
            return true;
        }
    }
    return false;
}

void storm_draw(struct storm *storm, uint64_t *random)
{
    /* So frequent that a few of each happen in a run of some hundred messages, and that something is achieved between them. */
    static const unsigned often[FAULT_KINDS] = {
        [FAULT_LOSE] = 2500, [FAULT_CUT] = 2500,     [FAULT_EXPIRE] = 500,    [FAULT_ALLOC] = 1500, [FAULT_DELAY] = 2500,
        [FAULT_SILENCE] = 600, [FAULT_PARTITION] = 400, [FAULT_PAUSE] = 500, [FAULT_CUTOFF] = 600, [FAULT_RESTART] = 800,
        [FAULT_CRASH] = 400,
    };
    for (unsigned kind = 0; kind < FAULT_KINDS; kind++) {
        storm->per_100k[kind] = chance_per_mille(random, 500) ? 0 : (unsigned)chance_between(random, 1, 2 * often[kind]);
    }
}
