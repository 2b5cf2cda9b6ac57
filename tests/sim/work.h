/* tests/sim/work.h - processes that put work into one queue and do it, and what must be true:
 *
 *   - what was put is in the log once, or not at all if that was said; put back it is there once, and its name keeps what stands before the number;
 *   - with a lock path an item leaves only in a transaction of the session that owns its claim, and for good only when somebody has said that
 *     it is done: never lost, at least once;
 *   - without one nothing is handed out that is still there, and nothing twice: at most once; and what was taken out was handed out or
 *     told, unless its process died;
 *   - of shards there are no more than the most; but one more for each other process where they see late what others have added;
 *   - the only consumer, when nobody puts any more, is handed items in the order of their priorities, and those of one priority as they came;
 *   - in the calm everything is done, and neither items, claims nor receipts are left. */
#ifndef SIM_WORK_H
#define SIM_WORK_H

#include "tests/sim/actor.h"

struct works;
struct works *works_new(struct world *world);
void works_free(struct works *works);
void works_act(struct actor *actor);
void works_leave(struct actor *actor, bool crashed); /* Its client is closed next, or its process has died. */
bool works_committed(struct world *world, const struct commit *commit); /* False: not one of these nodes. */
bool works_quiet(struct world *world);

#endif
