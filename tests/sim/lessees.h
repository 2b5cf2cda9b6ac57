/* tests/sim/lessees.h - processes that want a lease that ends by the clock, each with a wall clock of its own, and what must be true:
 *
 *   - of one slot at most one process believes that it has it, at any time, if clocks are no further apart than they say;
 *   - who was told "ours" stands there, and "somebody else's" is not said of a lease that nobody has;
 *   - in the calm everybody gets an answer, and the locks under which leases are written are gone. */
#ifndef SIM_LESSEES_H
#define SIM_LESSEES_H

#include "tests/sim/actor.h"

struct lessees;
struct lessees *lessees_new(struct world *world);
void lessees_free(struct lessees *lessees);
void lessees_act(struct actor *actor);
void lessees_leave(struct actor *actor, bool crashed); /* Its client is closed next, or its process has died. */
bool lessees_committed(struct world *world, const struct commit *commit); /* False: not one of these nodes. */
void lessees_check(struct world *world);
bool lessees_quiet(struct world *world);

#endif
