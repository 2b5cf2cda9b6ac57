/* tests/sim/counter.h - writers that count, through docent_update(), while messages get lost: what becomes of an update whose request, or whose
 * reply, was lost?
 *
 * The world knows which of the two it was; the client knows what it reads back. In runs of one kind the value is the count and nothing else, so that
 * the bytes do not say whose they are; in the other it has the last update of every writer in it, and the client is told how to look for its
 * own. What must be true, of every lost write whose session was kept:
 *
 *   - Read back as it was, it was not applied, and goes out again: never unknown, whether request or reply was lost.
 *   - Where the value says who wrote, it is never unknown.
 *   - Else, where the version has moved on, it is unknown: anybody could have written these bytes.
 *
 * And of all: OK was applied once, unknown at most once, the count goes up by one at a time. */
#ifndef SIM_COUNTER_H
#define SIM_COUNTER_H

#include "tests/sim/actor.h"

/* Lost writes, of any number of runs. By the world's knowledge, but for unknown. */
struct counter_losses {
    uint64_t lost;          /* With the session kept. */
    uint64_t moved;         /* Of those: read back with another version. */
    uint64_t unknown_still; /* Unknown, though the node was as before. */
    uint64_t unknown_moved;
};
struct counter_tally {
    struct counter_losses requests[2], replies[2]; /* [1]: the value says who wrote. */
    uint64_t sessions_lost; /* Lost writes whose session was not kept. */
    uint64_t foretold;      /* Unknown, by the world's reckoning, sessions kept. */
    uint64_t unknown;       /* Told so by clients, sessions kept. */
    uint64_t updates;
};

struct counter;
struct counter *counter_new(void);
void counter_free(struct counter *counter);
void counter_call(struct actor *actor);
bool counter_committed(struct world *world, const struct commit *commit); /* False: not the counter. */
void counter_sent(struct world *world, const struct conn *conn, enum side to, const uint8_t *frame, size_t size, enum verdict verdict);
void counter_add(const struct counter *counter, struct counter_tally *tally);
void counter_print(const struct counter_tally *tally);

#endif
