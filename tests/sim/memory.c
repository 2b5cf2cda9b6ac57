#include "tests/sim/memory.h"

#include <stdlib.h>
#include <string.h>

#include "tests/sim/clock.h"

struct memory_block {
    _Alignas(16) struct memory_block *previous;
    struct memory_block *next;
    size_t size;
    uint64_t number;
};

static bool memory_fails(struct memory *memory)
{
    uint64_t number = ++*memory->asked;
    bool fails = number == memory->fail_at[0] || number == memory->fail_at[1] ||
        (memory->fail_per_100k > 0 && chance_below(memory->random, 100000) < memory->fail_per_100k);
    fails = fails && !memory->reliable;
    memory->failures += fails;
    return fails;
}

static void memory_enter(struct memory *memory, struct memory_block *block)
{
    block->previous = NULL;
    block->next = memory->blocks;
    if (block->next != NULL) {
        block->next->previous = block;
    }
    memory->blocks = block;
    memory->alive++;
}

static void memory_leave(struct memory *memory, struct memory_block *block)
{
    if (block->next != NULL) {
        block->next->previous = block->previous;
    }
    if (block->previous != NULL) {
        block->previous->next = block->next;
    } else {
        memory->blocks = block->next;
    }
    memory->alive--;
}

static void *memory_alloc(size_t size, void *user)
{
    struct memory *memory = user;
    if (memory_fails(memory)) {
        return NULL;
    }
    struct memory_block *block = malloc(sizeof *block + size);
    if (block == NULL) {
        abort();
    }
    block->size = size;
    block->number = *memory->asked;
    memset(block + 1, 0xa5, size); /* Whoever counts on zeroes finds out. */
    memory_enter(memory, block);
    return block + 1;
}

static void memory_release(void *data, void *user)
{
    if (data != NULL) {
        struct memory_block *block = (struct memory_block *)data - 1;
        memory_leave(user, block);
        memset(data, 0xdd, block->size); /* And who still looks at it, too. */
        free(block);
    }
}

static void *memory_resize(void *data, size_t size, void *user)
{
    if (data == NULL) {
        return memory_alloc(size, user);
    }
    struct memory *memory = user;
    struct memory_block *block = (struct memory_block *)data - 1;
    void *moved = memory_alloc(size, user);
    if (moved != NULL) {
        memcpy(moved, data, size < block->size ? size : block->size);
        memory_release(data, memory);
    }
    return moved;
}

docent_allocator memory_allocator(struct memory *memory)
{
    return (docent_allocator){.alloc = memory_alloc, .resize = memory_resize, .release = memory_release, .user = memory};
}

void memory_crash(struct memory *memory)
{
    while (memory->blocks != NULL) {
        memory_release(memory->blocks + 1, memory);
    }
}

uint64_t memory_oldest(const struct memory *memory)
{
    uint64_t number = 0;
    for (const struct memory_block *block = memory->blocks; block != NULL; block = block->next) {
        number = block->number;
    }
    return number;
}

void *sim_grow(void *array, size_t count, size_t *capacity, size_t size)
{
    if (count < *capacity) {
        return array;
    }
    *capacity = *capacity == 0 ? 64 : 2 * *capacity;
    array = realloc(array, *capacity * size);
    if (array == NULL) {
        abort();
    }
    return array;
}
