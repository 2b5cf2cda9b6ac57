/* zok.h - meter.h, and the statuses of Apache's C client. */
#ifndef BENCH_ZOK_H
#define BENCH_ZOK_H

#define THREADED
#include <zookeeper/zookeeper.h>

#include "meter.h"

static inline void bench_zok(int error, const char *what)
{
    if (error != ZOK) errx(1, "%s: %s", what, zerror(error));
}

#endif
