/* tests/lib/test_alloc.h - an allocator that fails on demand and counts what is outstanding. */
#ifndef TEST_ALLOC_H
#define TEST_ALLOC_H

#include <stdatomic.h>

#include <docent/types.h>

struct test_alloc {
    docent_allocator allocator; /* To be handed to the code under test. */
    _Atomic size_t calls;       /* alloc and resize so far, failed ones included. */
    size_t fail_at;             /* The call, counted from 1, that fails; 0: none. */
    bool fail_after;            /* Every later one fails too. */
    _Atomic size_t outstanding; /* Blocks not released yet. */
};

void test_alloc_init(struct test_alloc *alloc, size_t fail_at);

#endif
