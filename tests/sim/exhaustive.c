/* tests/sim/exhaustive.c - one fault at every place where it can happen, then pairs. */
#include <stdio.h>

#include "tests/sim/scenarios.h"

static uint64_t exhaustive_places(const struct world *counts, enum fault_kind kind)
{
    return kind == FAULT_ALLOC ? counts->storm_allocations : counts->storm_messages;
}

bool sim_exhaustive(const struct scenario *scenario, uint64_t seed, uint64_t singles, uint64_t pairs, struct tally *tally)
{
    struct world counts;
    if (!sim_one(scenario, seed, NULL, false, tally, &counts)) {
        return false;
    }
    uint64_t runs = 0;
    for (unsigned kind = 0; singles > 0 && kind < FAULT_KINDS; kind++) {
        for (uint64_t at = 1 + seed % singles; at <= exhaustive_places(&counts, (enum fault_kind)kind); at += singles, runs++) {
            struct plan plan = {.faults = {{(enum fault_kind)kind, at}}, .count = 1};
            if (!sim_one(scenario, seed, &plan, false, tally, NULL)) {
                return false;
            }
        }
    }
    uint64_t random = seed;
    for (uint64_t pair = 0; pair < pairs; pair++) {
        struct plan plan = {.count = 2};
        for (size_t i = 0; i < 2; i++) {
            enum fault_kind kind = (enum fault_kind)chance_below(&random, FAULT_PAIRED);
            /* The first one makes the run longer. */
            uint64_t places = exhaustive_places(&counts, kind) * (i == 0 ? 2 : 3) / 2;
            plan.faults[i] = (struct fault){kind, chance_between(&random, 1, places)};
        }
        if (!sim_one(scenario, seed, &plan, false, tally, NULL)) {
            return false;
        }
    }
    printf("%s: %llu messages, %llu allocations; %llu single faults, %llu pairs\n", scenario->name,
           (unsigned long long)counts.storm_messages, (unsigned long long)counts.storm_allocations, (unsigned long long)runs,
           (unsigned long long)pairs);
    return true;
}
