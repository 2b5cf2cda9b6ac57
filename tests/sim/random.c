/* tests/sim/random.c - one seed after the other. */
#include "tests/sim/scenarios.h"

bool sim_random(const struct scenario *scenario, uint64_t seed, uint64_t count, double until, struct tally *tally)
{
    for (uint64_t i = 0; i < count && (until <= 0 || sim_seconds() < until); i++) {
        if (!sim_one(scenario, seed + i, NULL, false, tally, NULL)) {
            return false;
        }
    }
    return true;
}
