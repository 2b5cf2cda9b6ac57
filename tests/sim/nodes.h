/* tests/sim/nodes.h - writers whose calls are those of docent/node.h, and what must be true of them:
 *
 *   PROTECTED   protected creates in all modes, each node deleted again for certain. At the end every node that stands is one that
 *               its maker was told of.
 *   PARENTS     creates with parents against recursive deletes of the same tree. What is told OK was applied, and what is told to have failed
 *               was not.
 *   GUARANTEED  deletes for certain, of nodes on one path, which others make anew. No delete hits another node than the one meant;
 *               at the end none of those meant stands.
 *   UPDATE      a counter. Every update that was told OK is in it once, and every value follows the one before.
 *
 * Nodes carry the serial of the call that wrote them. In the calm every call must succeed. */
#ifndef SIM_NODES_H
#define SIM_NODES_H

#include "tests/sim/actor.h"

struct nodes;
struct nodes *nodes_new(void);
void nodes_free(struct nodes *nodes);

/* The path that the run needs, and the actor's view. */
void nodes_prepare(struct actor *actor);
void nodes_call(struct actor *actor);
/* The actor's client is closed next, or its process has died: what it has left to do is not done. */
void nodes_leave(struct actor *actor);
bool nodes_committed(struct world *world, const struct commit *commit); /* False: not one of these nodes. */
bool nodes_quiet(struct world *world); /* Nothing is left to be removed. */
void nodes_check(struct world *world); /* Then. */

#endif
