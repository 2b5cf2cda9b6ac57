/* tests/sim/shares.h - owners of read/write locks or of multi-locks, and what must be true:
 *
 *   - never a writer together with another owner's holder, on any path; readers may be together;
 *   - whoever is granted has nobody in front: a writer nobody at all, a reader no writer, by the numbers in the log; so that a downgraded
 *     reader never has a writer between itself and the writer that it was;
 *   - who holds has its node; a multi-lock has all of its nodes or says that it holds nothing, and then its members do not either;
 *   - writers' tokens grow, a downgraded reader keeps the writer's; a transaction guarded by holds is applied only while their nodes are there;
 *   - an upgrade is refused; every acquire is answered once, within its time, as the header says; in the calm everybody gets a turn.
 *
 * A writer of the scenario is a peer of the old kind: a client that downgrades to a reader at the end of the queue (Curator before 5.5.0). It
 * may be wronged by ours that stood between; ours that came behind it must wait for it. */
#ifndef SIM_SHARES_H
#define SIM_SHARES_H

#include "tests/sim/actor.h"

struct shares;

struct shares *shares_new(void);
void shares_free(struct shares *shares);
bool shares_committed(struct world *world, const struct commit *commit); /* False: not one of these nodes. */
void shares_act(struct actor *actor);
void shares_leave(struct actor *actor, bool crashed); /* Its client is closed next, or its process has died. */
void shares_client_closed(struct actor *actor);
void shares_check(struct world *world);
bool shares_quiet(const struct world *world);

#endif
