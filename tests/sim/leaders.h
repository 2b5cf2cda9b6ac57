/* tests/sim/leaders.h - processes that want to lead, by latches or by selectors (in the dialect of kazoo by either, on one path), and what
 * must be true, beside what world.h demands of whoever holds:
 *
 *   - who says that it leads has told so, and who told so and does not lead any more says so in the same turn, or knows it by the clock;
 *   - under the policy for suspended connections nobody leads over a connection that is down; a damped latch does not lead again so soon;
 *   - gains and losses alternate; terms do not overlap, count on, and end when the application ends them, and not before;
 *   - where every message takes equally long, and nothing goes wrong, who waited leads within two round trips after a leader has gone;
 *   - in the calm everybody leads once. */
#ifndef SIM_LEADERS_H
#define SIM_LEADERS_H

#include "tests/sim/actor.h"

struct leaders;
struct leaders *leaders_new(struct world *world);
void leaders_free(struct leaders *leaders);
void leaders_act(struct actor *actor);
void leaders_leave(struct actor *actor, bool crashed); /* Its client is closed next, or its process has died. */
void leaders_check(struct world *world);
bool leaders_quiet(struct world *world);
int64_t leaders_token(const struct actor *actor);
docent_hold *leaders_hold(struct actor *actor);

#endif
