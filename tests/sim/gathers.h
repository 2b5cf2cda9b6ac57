/* tests/sim/gathers.h - members of a synchronising queue, and those who make a countdown, count it down and wait for zero; and what must be
 * true, by the log:
 *
 *   GATHER     A member joins the round that gathers, and has one node. A round begins only while enough of its members are there, and the next
 *              one gathers from then on. Who is told that it has started was there when its round began, and is told that round, once; who is
 *              told of a time-out over a connection that stood was not counted, and its node is gone. A handle that says that it is
 *              closed leaves nothing. In the calm everybody starts.
 *   COUNTDOWN  The number goes down by one in each transaction that leaves a mark, and at zero, in the same one, `open` is made. A call that is
 *              told OK has counted once, or the number was zero; one that failed for certain has not, and one that is not sure once at
 *              most. To make it is accounted for in the same way. Nobody is told of zero before, or misses a countdown that was made before.
 *              Meanwhile it is deleted, in several steps, by clients that may not get to the end, and made anew: no count goes to another one
 *              than it was meant for. In the calm all get through. */
#ifndef SIM_GATHERS_H
#define SIM_GATHERS_H

#include "tests/sim/actor.h"

struct gathers;
struct gathers *gathers_new(void);
void gathers_free(struct gathers *gathers);
bool gathers_committed(struct world *world, const struct commit *commit); /* False: not one of these nodes. */
void gathers_act(struct actor *actor);
void gathers_leave(struct actor *actor, bool crashed); /* Its client is closed next, or its process has died. */
void gathers_check(struct world *world);
bool gathers_quiet(struct world *world);

#endif
