/* tests/sim/hearing.h - two listeners of a client's state, one of them damped, and what must be true of them at every step (F-15, F-33):
 *
 *   - What the undamped one is told is a path through the graph in docent/client.h, with every connection counted.
 *   - The damped one is never told that the client is connected when it is not, and never left without a LOST.
 *   - When nothing changes any more both were told the same last, and that is so. */
#ifndef SIM_HEARING_H
#define SIM_HEARING_H

#include "tests/sim/world.h"

struct heard { /* By one listener. */
    struct hearing *hearing;
    docent_state_listener *listener;
    docent_state_event last;
    unsigned count;
};

struct hearing {
    struct actor *actor;
    bool on;
    struct heard all, damped;
};

/* The client is new. Without memory it has no listeners. */
void hearing_begin(struct hearing *hearing, struct actor *actor);
void hearing_end(struct hearing *hearing); /* Its process is gone. */
void hearing_check(const struct hearing *hearing);
bool hearing_quiet(const struct hearing *hearing); /* Both were told the same. */

#endif
