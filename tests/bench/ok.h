/* ok.h - meter.h, and Docent's own statuses. */
#ifndef BENCH_OK_H
#define BENCH_OK_H

#include <docent/docent.h>

#include "meter.h"

static inline void bench_ok(docent_status status, const char *what)
{
    if (status != DOCENT_OK) errx(1, "%s: %s", what, docent_status_text(status));
}

#endif
