/* soak.h - what soak.c and its workers call the recipes, in lines that workers print:
 *
 *     hold RECIPE TOKEN FROM TO    it was held, for certain, from and to (nanoseconds of the monotonic clock). TOKEN: -1 if it has none
 *     did RECIPE                   something else has succeeded
 *     put RECIPE NUMBER            an item is in the queue; done RECIPE NUMBER: it was taken, or worked on
 *     trouble RECIPE STATUS        an outcome that faults do not explain */
#ifndef DOCENT_TESTS_LIVE_SOAK_H
#define DOCENT_TESTS_LIVE_SOAK_H

enum soak_recipe {
    SOAK_LOCK,
    SOAK_MUTEX,
    SOAK_MULTI,
    SOAK_WRITE, /* With the next, one lock. */
    SOAK_READ,
    SOAK_SEMAPHORE,
    SOAK_LATCH,
    SOAK_SELECTOR,
    SOAK_BARRIER,
    SOAK_DOUBLE,
    SOAK_QUEUE,  /* Items are taken once, or, by who dies, not at all. */
    SOAK_CLAIMS, /* No item is lost. */
    SOAK_WORK,   /* Nor here. */
    SOAK_RECIPES,
};

static const char *const soak_names[SOAK_RECIPES] = {
    [SOAK_LOCK] = "lock",       [SOAK_MUTEX] = "mutex",         [SOAK_MULTI] = "multi",       [SOAK_WRITE] = "write",
    [SOAK_READ] = "read",       [SOAK_SEMAPHORE] = "semaphore", [SOAK_LATCH] = "latch",       [SOAK_SELECTOR] = "selector",
    [SOAK_BARRIER] = "barrier", [SOAK_DOUBLE] = "double",       [SOAK_QUEUE] = "queue",       [SOAK_CLAIMS] = "claims",
    [SOAK_WORK] = "work",
};

/* Items are numbered by the worker's number and a count. */
enum { SOAK_WORKERS = 4, SOAK_LEASES = 2, SOAK_MEMBERS = 2, SOAK_ITEMS_MAX = 200000 };

#endif
