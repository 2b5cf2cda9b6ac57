/* meter.h - what the programs of this folder share: clocks, a sorted list of latencies, one line of result, and how to give up.
 *
 * A result is one line of "key=value" pairs on standard output, read by bench.py. */
#ifndef BENCH_METER_H
#define BENCH_METER_H

#include <err.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    BENCH_WARM_UP = 2000,      /* Operations before the measured ones. A fixed number, so that two runs under callgrind differ in
                                * the measured operations only. */
    BENCH_OUTSTANDING = 1000,  /* In the pipelined cases. */
    BENCH_DATA_BYTES = 100,
    BENCH_SESSION_MS = 30000,
    BENCH_CUT_PAUSE_MS = 300, /* A connection has to live for a while before its loss is answered at once. */
};
#define BENCH_NODE "/docent-bench/node"
#define BENCH_LOCK "/docent-bench/lock"

static inline void bench_require(bool good, const char *what)
{
    if (!good) errx(1, "%s", what);
}

static inline uint64_t bench_clock(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static inline uint64_t bench_now_ns(void)
{
    return bench_clock(CLOCK_MONOTONIC);
}

struct bench_meter {
    uint64_t wall_ns;
    uint64_t cpu_ns; /* Of the whole process: user and system, all threads. */
};

static inline void bench_start(struct bench_meter *meter)
{
    meter->cpu_ns = bench_clock(CLOCK_PROCESS_CPUTIME_ID);
    meter->wall_ns = bench_now_ns();
}

static inline void bench_stop(struct bench_meter *meter)
{
    meter->wall_ns = bench_now_ns() - meter->wall_ns;
    meter->cpu_ns = bench_clock(CLOCK_PROCESS_CPUTIME_ID) - meter->cpu_ns;
}

static inline void bench_print(const struct bench_meter *meter, uint64_t operations)
{
    printf("ops=%" PRIu64 " wall_ns=%" PRIu64 " cpu_ns=%" PRIu64 "\n", operations, meter->wall_ns, meter->cpu_ns);
}

static inline int bench_compare(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return left < right ? -1 : left > right;
}

/* Sorts @samples. */
static inline void bench_print_samples(const struct bench_meter *meter, uint64_t *samples, size_t count)
{
    qsort(samples, count, sizeof *samples, bench_compare);
    printf("ops=%zu wall_ns=%" PRIu64 " cpu_ns=%" PRIu64 " median_ns=%" PRIu64 " p99_ns=%" PRIu64 " max_ns=%" PRIu64 "\n", count,
           meter->wall_ns, meter->cpu_ns, samples[count / 2], samples[count * 99 / 100], samples[count - 1]);
}

static inline uint64_t *bench_samples(size_t count)
{
    uint64_t *samples = calloc(count, sizeof *samples);
    bench_require(samples != NULL, "out of memory");
    return samples;
}

/* Resident memory, in bytes. */
static inline uint64_t bench_resident(void)
{
    unsigned long long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    bench_require(file != NULL && fscanf(file, "%*u %llu", &pages) == 1, "/proc/self/statm cannot be read");
    fclose(file);
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* Positive numbers of the command line. */
static inline uint64_t bench_number(const char *text, uint64_t max)
{
    char *end = NULL;
    unsigned long long number = strtoull(text, &end, 10);
    if (end == text || *end != '\0' || number == 0 || number > max) {
        fprintf(stderr, "not a number between 1 and %" PRIu64 ": %s\n", max, text);
        exit(2);
    }
    return number;
}

#endif
