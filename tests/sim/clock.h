/* tests/sim/clock.h - virtual time and chance: one queue of things that will happen, in order, and the random numbers that
 * everything in a run is drawn from. Time is in microseconds; the core sees whole milliseconds of it. */
#ifndef SIM_CLOCK_H
#define SIM_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SIM_MS = 1000 };

/* Something that will happen. Embedded in what it is about. Zeroed: not set. */
struct alarm {
    uint64_t at_us;
    uint64_t order; /* Of two at the same instant the one set first comes first. */
    size_t index;   /* 0: not set. */
    void (*ring)(struct alarm *alarm);
};

struct clock {
    uint64_t now_us;
    uint64_t order;
    struct alarm **heap; /* heap[1] is the earliest. */
    size_t size, capacity;
};

void clock_free(struct clock *clock);
void clock_set(struct clock *clock, struct alarm *alarm, uint64_t at_us); /* Set again: moves. */
void clock_stop(struct clock *clock, struct alarm *alarm);
/* Lets the next thing happen. False: nothing will. */
bool clock_step(struct clock *clock);
uint64_t clock_next(const struct clock *clock); /* UINT64_MAX: nothing. */

/* splitmix64: every state is a good one, so a seed is a state. */
uint64_t chance_next(uint64_t *state);
uint64_t chance_below(uint64_t *state, uint64_t bound); /* [0, bound); 0 for bound 0. */
uint64_t chance_between(uint64_t *state, uint64_t low, uint64_t high); /* Both included. */
bool chance_per_mille(uint64_t *state, unsigned per_mille);

#endif
