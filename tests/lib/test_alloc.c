/* tests/lib/test_alloc.c - an allocator that fails on demand and counts what is outstanding. */
#include "test_alloc.h"

#include <stdlib.h>
#include <string.h>

static bool test_alloc_refuses(struct test_alloc *alloc)
{
    alloc->calls++;
    return alloc->fail_at != 0 && (alloc->calls == alloc->fail_at || (alloc->fail_after && alloc->calls > alloc->fail_at));
}

static void *test_alloc_alloc(size_t size, void *user)
{
    struct test_alloc *alloc = user;
    if (test_alloc_refuses(alloc)) return NULL;
    void *block = malloc(size);
    if (block == NULL) abort(); /* A failure that nobody asked for would be taken for one that was. */
    memset(block, 0xa5, size);  /* Nobody may count on zeros. */
    alloc->outstanding++;
    return block;
}

static void *test_alloc_resize(void *block, size_t size, void *user)
{
    struct test_alloc *alloc = user;
    if (block == NULL) return test_alloc_alloc(size, user);
    if (test_alloc_refuses(alloc)) return NULL;
    void *moved = realloc(block, size);
    if (moved == NULL) abort();
    return moved;
}

static void test_alloc_release(void *block, void *user)
{
    struct test_alloc *alloc = user;
    if (block == NULL) return;
    if (alloc->outstanding == 0) abort(); /* Released twice, or not from here. */
    alloc->outstanding--;
    free(block);
}

void test_alloc_init(struct test_alloc *alloc, size_t fail_at)
{
    *alloc = (struct test_alloc){ .fail_at = fail_at };
    alloc->allocator = (docent_allocator){ test_alloc_alloc, test_alloc_resize, test_alloc_release, alloc };
}
