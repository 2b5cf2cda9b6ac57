/* tests/sim/memory.h - the memory of one client: counted, failing on demand, and taken away whole when its process "crashes". */
#ifndef SIM_MEMORY_H
#define SIM_MEMORY_H

#include <docent/types.h>

struct memory_block;

struct memory {
    struct memory_block *blocks; /* Alive. */
    size_t alive;
    uint64_t *asked;   /* Allocations so far, of the whole run. */
    uint64_t fail_at[2]; /* Numbers of those that fail; 0: none. */
    bool reliable;     /* None fails now. */
    uint64_t *random;
    unsigned fail_per_100k;
    uint64_t failures;
};

docent_allocator memory_allocator(struct memory *memory);
void memory_crash(struct memory *memory); /* Frees all. */
/* The number of the allocation that made the oldest block alive, 0: none. */
uint64_t memory_oldest(const struct memory *memory);

/* The simulator's own memory, without which it stops: @array, or a larger one with room for an element more than @count. */
void *sim_grow(void *array, size_t count, size_t *capacity, size_t size);

#endif
