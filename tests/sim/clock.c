#include "tests/sim/clock.h"

#include <assert.h>
#include <stdlib.h>

static bool clock_before(const struct alarm *a, const struct alarm *b)
{
    return a->at_us != b->at_us ? a->at_us < b->at_us : a->order < b->order;
}

static void clock_place(struct clock *clock, struct alarm *alarm, size_t index)
{
    clock->heap[index] = alarm;
    alarm->index = index;
}

static void clock_up(struct clock *clock, struct alarm *alarm, size_t index)
{
    while (index > 1 && clock_before(alarm, clock->heap[index / 2])) {
        clock_place(clock, clock->heap[index / 2], index);
        index /= 2;
    }
    clock_place(clock, alarm, index);
}

static void clock_down(struct clock *clock, struct alarm *alarm, size_t index)
{
    for (;;) {
        size_t child = 2 * index;
        if (child > clock->size) {
            break;
        }
        if (child < clock->size && clock_before(clock->heap[child + 1], clock->heap[child])) {
            child++;
        }
        if (!clock_before(clock->heap[child], alarm)) {
            break;
        }
        clock_place(clock, clock->heap[child], index);
        index = child;
    }
    clock_place(clock, alarm, index);
}

void clock_free(struct clock *clock)
{
    free(clock->heap);
}

void clock_stop(struct clock *clock, struct alarm *alarm)
{
    size_t index = alarm->index;
    if (index == 0) {
        return;
    }
    struct alarm *last = clock->heap[clock->size--];
    alarm->index = 0;
    if (last == alarm) {
        return;
    }
    if (index > 1 && clock_before(last, clock->heap[index / 2])) {
        clock_up(clock, last, index);
    } else {
        clock_down(clock, last, index);
    }
}

void clock_set(struct clock *clock, struct alarm *alarm, uint64_t at_us)
{
    clock_stop(clock, alarm);
    if (clock->size + 2 > clock->capacity) {
        clock->capacity = clock->capacity == 0 ? 64 : 2 * clock->capacity;
        clock->heap = realloc(clock->heap, clock->capacity * sizeof(struct alarm *));
        if (clock->heap == NULL) {
            abort();
        }
    }
    alarm->at_us = at_us < clock->now_us ? clock->now_us : at_us;
    alarm->order = ++clock->order;
    clock->size++;
    clock_up(clock, alarm, clock->size);
}

uint64_t clock_next(const struct clock *clock)
{
    return clock->size == 0 ? UINT64_MAX : clock->heap[1]->at_us;
}

bool clock_step(struct clock *clock)
{
    if (clock->size == 0) {
        return false;
    }
    struct alarm *alarm = clock->heap[1];
    assert(alarm->at_us >= clock->now_us);
    clock->now_us = alarm->at_us;
    clock_stop(clock, alarm);
    alarm->ring(alarm);
    return true;
}

uint64_t chance_next(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

uint64_t chance_below(uint64_t *state, uint64_t bound)
{
    return bound == 0 ? 0 : chance_next(state) % bound;
}

uint64_t chance_between(uint64_t *state, uint64_t low, uint64_t high)
{
    return low + chance_below(state, high - low + 1);
}

bool chance_per_mille(uint64_t *state, unsigned per_mille)
{
    return chance_below(state, 1000) < per_mille;
}
