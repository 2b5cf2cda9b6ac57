/* tests/sim/mates.h - clients with several locks each, all on one path, so that who lets go stands in front of others of the same client,
 * which follow by its word. What the world says of locks goes for each of them: one holder at most, by a node that is there, with
 * nobody in front, and in the order of arrival. And besides
 *
 *   - an acquire is answered once, as the header says, within its time, and before its handle is closed; in the calm every one of them is granted;
 *   - where all messages take equally long and nothing goes wrong, who follows a lock of the same client holds within one round trip of its
 *     release, and who follows another client's within two. */
#ifndef SIM_MATES_H
#define SIM_MATES_H

#include "tests/sim/actor.h"

enum { MATES_MAX = 3 }; /* Locks of one client. */

struct mates;

struct mates *mates_new(struct world *world);
void mates_free(struct mates *mates);
void mates_act(struct actor *actor);
void mates_leave(struct actor *actor, bool crashed); /* Its client is closed next, or its process has died. */
void mates_client_closed(struct actor *actor);
int64_t mates_token(const struct actor *actor, size_t index); /* Of the one of that index; -1: it does not hold. */

#endif
