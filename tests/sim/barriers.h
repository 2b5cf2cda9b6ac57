/* tests/sim/barriers.h - members of a double barrier, and whoever closes, opens and waits at a gate; and what must be true, by the log:
 *
 *   MEMBERS  `ready` is made only while enough members are there that do not withdraw. Who is told that it is in was there when it was made, or has
 *            joined; who is told of a time-out over a connection that stood was not counted. `ready` is taken away only when nobody of its
 *            round is there any more, and nobody is told that all are out before that. In the calm all go out, and then in and out together.
 *   BARRIER  A call changes the gate at most once, and never after it was answered. It is told OK when the gate was as it says at one moment
 *            of the call. Who waits at an open gate gets through. */
#ifndef SIM_BARRIERS_H
#define SIM_BARRIERS_H

#include "tests/sim/actor.h"

struct barriers;
struct barriers *barriers_new(void);
void barriers_free(struct barriers *barriers);
bool barriers_committed(struct world *world, const struct commit *commit); /* False: not one of these nodes. */
void barriers_act(struct actor *actor);
void barriers_leave(struct actor *actor, bool crashed); /* Its client is closed next, or its process has died. */
bool barriers_quiet(struct world *world);

#endif
