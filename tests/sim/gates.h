/* tests/sim/gates.h - processes that share a semaphore, and what must be true:
 *
 *   - when a lease is made, there are never more than the limit, which others may change meanwhile; and its maker leaves the queue, in the
 *     same transaction (who came and left in that one may be mistaken about a queue that was made anew, and has never been in it: then nobody
 *     may believe in that lease, and it does not count);
 *   - all leases of a permit are made together, and while it says that it is held they are all there;
 *   - leases of those who say that they hold are never more than the limit; tokens of a semaphore of one grow;
 *   - in the calm everybody gets what they want; then neither leases nor places in the queue are left. */
#ifndef SIM_GATES_H
#define SIM_GATES_H

#include "tests/sim/actor.h"

struct gates;
struct gates *gates_new(struct world *world);
void gates_free(struct gates *gates);
void gates_act(struct actor *actor);
void gates_leave(struct actor *actor, bool crashed); /* Its client is closed next, or its process has died. */
bool gates_committed(struct world *world, const struct commit *commit); /* False: not one of these nodes. */
void gates_check(struct world *world);
bool gates_quiet(struct world *world);

#endif
