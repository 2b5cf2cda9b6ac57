/* tests/sim/watching.h - a process that watches by <docent/watcher.h>, a watcher of each kind on a node that is set all the time and on one that
 * changes once, and reads whenever it is told. What must be true: when nothing changes any more, what it has read is what is there (F-35, F-37, F-40,
 * F-47). A read that fails is repeated by whoever reads, not for the watcher's sake: it is not told again. */
#ifndef SIM_WATCHING_H
#define SIM_WATCHING_H

#include <docent/watcher.h>

#include "tests/sim/world.h"

enum { WATCHERS = 10 };

struct watching;
struct watched { /* By one watcher. */
    struct watching *watching;
    docent_watcher *watcher; /* NULL: none, or closed. */
    docent_watcher_kind kind;
    bool still;              /* Of the node that changes once. */
    bool reading, stale;     /* A read is under way; and another is due. */
    unsigned reads;
    int64_t seen;            /* The mzxid read, 0: no node. */
    bool open;               /* The last event is to come. */
};

struct watching {
    struct actor *actor;
    bool on;
    struct watched watched[WATCHERS];
};

/* The client is new. Without memory it has fewer. */
void watching_begin(struct watching *watching, struct actor *actor);
void watching_end(struct watching *watching); /* Its process is gone. */
/* Nothing changes any more. True: everybody knows what is there, and the watchers are closed. */
bool watching_quiet(struct watching *watching);

#endif
