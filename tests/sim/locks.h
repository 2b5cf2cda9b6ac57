/* tests/sim/locks.h - contenders whose locks are more than plain: that let go only when asked, whose holds end by themselves, that are
 * re-entrant, and of other dialects. What the world says of locks goes for all of them; and besides
 *
 *   - nobody is asked to let go more often than somebody has written it;
 *   - a hold with a bound is not there afterwards, whatever its process does, and is not lost before;
 *   - what is held n times is held until the n-th release, and refuses the next. */
#ifndef SIM_LOCKS_H
#define SIM_LOCKS_H

#include "tests/sim/actor.h"

docent_status locks_new(struct actor *actor, docent_lock_options *options, docent_lock **ret_lock);
docent_status locks_acquire(struct actor *actor, uint32_t timeout_ms, docent_done_fn done, struct call *call);
void locks_granted(struct actor *actor);
/* It has done its work. True: it holds on, and will be woken. */
bool locks_holds_on(struct actor *actor);
void locks_release(struct actor *actor);
docent_status locks_release_async(struct actor *actor, docent_done_fn done, struct call *call);
bool locks_may_lose(struct actor *actor, docent_status why);
void locks_gone(struct actor *actor); /* Its lock is not ours any more. */
void locks_committed(struct world *world, const struct commit *commit); /* A set in the queue. */
void locks_check(struct world *world);

#endif
