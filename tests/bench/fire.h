/* fire.h - what the programs share that measure one-shot watches: the nodes, which are the leaves of a tree, and somebody else who sets all of
 * them at once. Every failure ends the program with a message. */
#ifndef BENCH_FIRE_H
#define BENCH_FIRE_H

#include <stddef.h>

#include "tree.h"

enum { FIRE_WARM_UP = 2 }; /* Rounds before the measured ones. */

/* Forks the process that does it, so that its work is not in our CPU time. Call it before anything else: it inherits nothing then. */
void fire_prepare(const char *address, size_t leaves);
/* Has it set every node once; does not wait for it. */
void fire_now(void);
void fire_end(void);

#endif
