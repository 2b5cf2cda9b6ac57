/* tests/sim/queues.h - producers and consumers of queues that are pulled from, and what must be true of them:
 *
 *   QUEUE    the simple queue. What was put is in the log once, or not at all if that was said. What was deleted was handed out once: as taken, by
 *            the one whose delete it was; or, after a lost reply, as perhaps taken. Only a process that dies loses what it took. With
 *            one consumer items leave in their order.
 *   CLAIMS   the queue of claimed items. An item leaves only in a transaction of the session that owns its claim, at that moment; what was acknowledged,
 *            and nothing else, is gone; what was put back is there again, once. Who says that an item is his has its claim.
 *
 * In the calm everybody puts an item and takes one. */
#ifndef SIM_QUEUES_H
#define SIM_QUEUES_H

#include "tests/sim/actor.h"

struct queues;
struct queues *queues_new(void);
void queues_free(struct queues *queues);
void queues_call(struct actor *actor);
/* The client closes: what is to be closed before; what after. Or the process has died. */
void queues_leave(struct actor *actor, bool crashed);
void queues_left(struct actor *actor);
bool queues_committed(struct world *world, const struct commit *commit); /* False: not of a queue. */
void queues_check(struct world *world); /* At every step. */
bool queues_quiet(struct world *world);
void queues_end(struct world *world);

#endif
