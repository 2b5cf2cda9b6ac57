/* tests/sim/growth.h - others, who change the tree that caches are made of: nodes and subtrees come, change and go, and come again. */
#ifndef SIM_GROWTH_H
#define SIM_GROWTH_H

#include "tests/sim/actor.h"

void growth_act(struct actor *actor);

#endif
