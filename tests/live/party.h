/* tests/live/party.h - what a contender in a process of its own (party.c) and the test that started it share: memory. */
#ifndef PARTY_H
#define PARTY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { PARTY_FD = 3, PARTY_HOLDS_MAX = 16384 };

/* From the one moment to the other it held the lock without a gap, by the library's word. The clock is that of all processes. */
struct party_hold {
    int64_t token;
    _Atomic uint64_t from_ns, to_ns; /* Equal: heard of once only. */
};

struct party_log {
    atomic_bool over; /* Release, and exit. */
    atomic_bool keeps; /* Does not release what it holds. */
    atomic_int bad_outcomes;
    atomic_int count; /* Of holds. */
    struct party_hold holds[PARTY_HOLDS_MAX];
};

#endif
