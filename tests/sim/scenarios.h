/* tests/sim/scenarios.h - what is played, and the three ways to play it. */
#ifndef SIM_SCENARIOS_H
#define SIM_SCENARIOS_H

#include "tests/sim/counter.h"

extern const struct scenario scenarios[];
extern const size_t scenario_count;
const struct scenario *scenario_find(const char *name);

struct tally { /* Of many runs. */
    struct counter_tally counted;
    uint64_t runs, steps, messages, grants, guarded, faults, lost_allocations;
};

/* Runs one and says on standard output what failed, and how to see it again. */
bool sim_one(const struct scenario *scenario, uint64_t seed, const struct plan *plan, bool trace, struct tally *tally,
             struct world *ret_counts);
/* Every single fault at every place, or at one of @singles (0: at none): each kind at each message, and each allocation. Then @pairs
 * sampled pairs. */
bool sim_exhaustive(const struct scenario *scenario, uint64_t seed, uint64_t singles, uint64_t pairs, struct tally *tally);
/* Seeds from @seed, @count of them or until @until (seconds of the processor, 0: no bound). */
bool sim_random(const struct scenario *scenario, uint64_t seed, uint64_t count, double until, struct tally *tally);
double sim_seconds(void); /* Of processor time used. */

#endif
