/* core/client/timers.c - deadlines: a heap of them, with room for all that were reserved. */
#include <assert.h>
#include <string.h>

#include "core/client/internal.h"

static void heap_place(struct docent_core *c, size_t at, struct docent_timer *timer)
{
    c->heap[at] = timer;
    timer->index = at;
}

static void heap_up(struct docent_core *c, size_t at)
{
    struct docent_timer *timer = c->heap[at];
    while (at > 1 && c->heap[at / 2]->at_ms > timer->at_ms) {
        heap_place(c, at, c->heap[at / 2]);
        at /= 2;
    }
    heap_place(c, at, timer);
}

static void heap_down(struct docent_core *c, size_t at)
{
    struct docent_timer *timer = c->heap[at];
    for (;;) {
        size_t child = at * 2;
        if (child > c->heap_size) break;
        if (child < c->heap_size && c->heap[child + 1]->at_ms < c->heap[child]->at_ms) child++;
        if (c->heap[child]->at_ms >= timer->at_ms) break;
        heap_place(c, at, c->heap[child]);
        at = child;
    }
    heap_place(c, at, timer);
}

docent_status docent_timers_grow(struct docent_core *c, size_t count)
{
    while (c->heap_reserved + count + 1 > c->heap_capacity) {
        size_t more = c->heap_capacity == 0 ? 16 : c->heap_capacity * 2;
        struct docent_timer **heap = docent_alloc_array(&c->allocator, more, sizeof(struct docent_timer *));
        if (heap == NULL) return DOCENT_ERR_NO_MEMORY;
        if (c->heap_size > 0) memcpy(heap, c->heap, (c->heap_size + 1) * sizeof(struct docent_timer *));
        docent_free(&c->allocator, c->heap);
        c->heap = heap;
        c->heap_capacity = more;
    }
    return DOCENT_OK;
}

docent_status docent_timer_reserve(docent_client *client)
{
    struct docent_core *c = client->core;
    return docent_timers_reserve(c, 1);
}

void docent_timer_release(docent_client *client)
{
    struct docent_core *c = client->core;
    assert(c->heap_reserved > 0);
    c->heap_reserved--;
}

void docent_timer_set(docent_client *client, struct docent_timer *timer, uint64_t at_ms)
{
    struct docent_core *c = client->core;
    docent_timer_stop(&c->root, timer);
    assert(c->heap_size < c->heap_reserved);
    timer->at_ms = at_ms;
    c->heap[++c->heap_size] = timer;
    timer->index = c->heap_size;
    heap_up(c, c->heap_size);
    docent_core_wake(c);
}

void docent_timer_stop(docent_client *client, struct docent_timer *timer)
{
    struct docent_core *c = client->core;
    if (timer->index == 0) return;
    size_t at = timer->index;
    timer->index = 0;
    if (c->heap_size == 0) return; /* See docent_core_abandon(). */
    struct docent_timer *last = c->heap[c->heap_size--];
    if (last == timer) return;
    heap_place(c, at, last);
    heap_up(c, at);
    heap_down(c, last->index);
}

void docent_timers_fire(struct docent_core *c)
{
    while (c->heap_size > 0 && c->heap[1]->at_ms <= c->now) {
        struct docent_timer *timer = c->heap[1];
        docent_timer_stop(&c->root, timer);
        timer->fire(timer);
    }
}
