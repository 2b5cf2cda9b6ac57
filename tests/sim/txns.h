/* tests/sim/txns.h - transactions and batches, below views and compressed where the scenario says so, and what must be true of them:
 *
 *   - A transaction is applied once, with all its parts, exactly if that is what is told; what is told to have failed is never applied.
 *   - It goes out again only if its own success would make it fail then, or if its parents were made meanwhile; and so it is not
 *     applied twice, unless somebody else deleted in between what it had made.
 *   - One with a guard goes out in the session of its hold only, with a check of the held node in front, and is applied only
 *     while that node stands.
 *   - "Unknown" is told only if an answer was lost or did not come in time.
 *   - The cause of a failure stands at a part that can fail so, and the results stand at the parts that they are of.
 *   - What a batch, a read or a watch tells was so at the servers, and never goes back.
 *   - Whatever is below the prefix is there once, and nothing else is touched; paths that come back are the view's.
 *
 * Writers make them on a few nodes below /t, while some of them delete what others need as parents; holders of the lock guard theirs.
 * Data say who wrote them: "t CALL PART". */
#ifndef SIM_TXNS_H
#define SIM_TXNS_H

#include "tests/sim/actor.h"

struct txns;
struct txns *txns_new(void);
void txns_free(struct txns *txns);

void txns_call(struct actor *actor);                    /* A writer. */
void txns_guarded(struct actor *actor, int64_t token);  /* A holder. */
bool txns_committed(struct world *world, const struct commit *commit); /* False: not one of these nodes. */
/* @frame is on its way to a server. */
void txns_sent(struct world *world, const struct conn *conn, const uint8_t *frame, size_t size);
void txns_check(struct world *world); /* At the end of a step in which the log may have grown. */

#endif
