/* tests/lib/test_clock.h - the clock that no one sets; all processes have the same. */
#ifndef TEST_CLOCK_H
#define TEST_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline uint64_t test_clock_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static inline uint64_t test_clock_us(void)
{
    return test_clock_ns() / 1000;
}

static inline uint64_t test_clock_ms(void)
{
    return test_clock_ns() / 1000000;
}

#endif
