#include "tests/sim/scenarios.h"

#include <string.h>

const struct scenario scenarios[] = {
    {.name = "two-one", .text = "two contenders, one server (F-01, F-07, F-142)", .replicas = 1, .contenders = 2, .rounds = 2},
    {.name = "two-three", .text = "two contenders, three servers that lag (F-01, F-02)", .replicas = 3, .contenders = 2, .rounds = 2, .lag_ms = 300},
    {.name = "three-two", .text = "three contenders that cancel, close and leave, two servers that lag (F-04 to F-06, F-51, F-56)",
     .replicas = 2, .contenders = 3, .rounds = 3, .lag_ms = 200, .impatient = true},
    {.name = "five-three", .text = "five contenders, three servers", .replicas = 3, .contenders = 5, .rounds = 1},
    {.name = "kazoo", .text = "three contenders in the dialect of kazoo, two servers", .replicas = 2, .contenders = 3, .rounds = 2,
     .kazoo = true, .lag_ms = 50},
    {.name = "calls", .text = "two clients whose calls must come out as they say, three servers that lag (F-08, F-10, F-18, F-35, F-37)",
     .replicas = 3, .writers = 2, .rounds = 8, .lag_ms = 300},

    {.name = "guard", .text = "transactions that carry the guard of a lock, three servers that lag (F-07, F-12)", .replicas = 3,
     .contenders = 2, .rounds = 3, .lag_ms = 100},
    {.name = "protected", .text = "protected creates and the removal of what they made (F-01 to F-06, F-09)", .replicas = 3, .writers = 2,
     .play = PLAY_PROTECTED, .rounds = 8, .lag_ms = 300},
    {.name = "parents", .text = "creates with parents against recursive deletes (F-09, F-11, F-119, F-121)", .replicas = 2, .writers = 2,
     .play = PLAY_PARENTS, .rounds = 6, .lag_ms = 100},
    {.name = "guaranteed", .text = "guaranteed deletes on a path that is made anew (F-03, F-06, F-07)", .replicas = 3, .writers = 2,
     .play = PLAY_GUARANTEED, .rounds = 10, .lag_ms = 200},
    {.name = "update", .text = "a counter updated under a condition (F-08, F-10)", .replicas = 3, .writers = 4, .play = PLAY_UPDATE, .rounds = 5,
     .lag_ms = 200},
    {.name = "cas-counter", .text = "four clients count, one message in twenty is lost: what is unknown has to be (F-08)", .replicas = 3, .writers = 4,
     .play = PLAY_COUNTER, .rounds = 25, .lag_ms = 20, .loses = 20},
    {.name = "flapping", .text = "a link that flaps; listeners hear of it, damped and not, and recipes of everything (F-14, F-15, F-33)",
     .replicas = 3, .contenders = 2, .writers = 1, .rounds = 12, .lag_ms = 100, .loses = 12, .listens = true},
    {.name = "view-of-view", .text = "protected creates through a view of a view (F-01 to F-04)", .replicas = 2, .writers = 2,
     .play = PLAY_PROTECTED, .viewed = true, .rounds = 6, .lag_ms = 100},

    {.name = "view-guaranteed", .text = "guaranteed deletes through a view of a view, compressed (F-03, F-06)", .replicas = 2, .writers = 2,
     .play = PLAY_GUARANTEED, .viewed = true, .compressed = true, .rounds = 8, .lag_ms = 100},
    {.name = "view-update", .text = "a counter updated through a view of a view, compressed (F-08, F-10)", .replicas = 3, .writers = 3,
     .play = PLAY_UPDATE, .viewed = true, .compressed = true, .rounds = 4, .lag_ms = 100},
    {.name = "txn", .text = "transactions with parents, and batches (F-07, F-09, F-12, F-119)", .replicas = 3, .writers = 2,
     .play = PLAY_TXNS, .rounds = 8, .lag_ms = 200},
    {.name = "txn-guard", .text = "holders' transactions of several parts, guarded (F-07, F-12)", .replicas = 2, .contenders = 2,
     .play = PLAY_TXNS, .rounds = 3, .lag_ms = 100},
    {.name = "txn-view", .text = "all of that through a view of a view, compressed (F-07, F-12)", .replicas = 2, .contenders = 1,
     .writers = 1, .play = PLAY_TXNS, .viewed = true, .compressed = true, .rounds = 6, .lag_ms = 100},
    {.name = "txn-old", .text = "transactions and batches, compressed, on servers that know no batches (F-12)", .replicas = 2, .writers = 2,
     .play = PLAY_TXNS, .compressed = true, .speaks = {"3.5"}, .rounds = 6, .lag_ms = 100},

    {.name = "holder-cutoff", .text = "a holder's server loses its leader and answers what it can (F-54)", .replicas = 3, .contenders = 3,
     .rounds = 3, .long_holds = true, .scripted = true, .at_grant = FAULT_CUTOFF},
    {.name = "holder-pause", .text = "a holder's process is stopped (F-27, F-54)", .replicas = 2, .contenders = 3, .rounds = 3, .long_holds = true,
     .scripted = true, .at_grant = FAULT_PAUSE},
    {.name = "holder-partition", .text = "a holder reaches no server (F-14, F-54)", .replicas = 3, .contenders = 3, .rounds = 3, .long_holds = true,
     .scripted = true, .at_grant = FAULT_PARTITION},
    {.name = "holder-silence", .text = "a holder's connection falls silent (F-14, F-54)", .replicas = 3, .contenders = 3, .rounds = 3,
     .long_holds = true, .scripted = true, .at_grant = FAULT_SILENCE},
    {.name = "holder-crash", .text = "a holder is killed", .replicas = 2, .contenders = 3, .rounds = 4, .scripted = true,
     .at_grant = FAULT_CRASH},
    {.name = "holder-expire", .text = "an operator ends a holder's session (F-47, F-54)", .replicas = 2, .contenders = 3, .rounds = 4,
     .long_holds = true, .scripted = true, .at_grant = FAULT_EXPIRE},
    {.name = "holder-restart", .text = "a holder's server restarts", .replicas = 2, .contenders = 3, .rounds = 4, .long_holds = true,
     .scripted = true, .at_grant = FAULT_RESTART},
    {.name = "holder-cut", .text = "a holder's connection breaks, servers lag (F-07, F-53)", .replicas = 3, .contenders = 3, .rounds = 4, .lag_ms = 400,
     .scripted = true, .at_grant = FAULT_CUT},

    {.name = "cache", .text = "a cache loads a small tree while it grows and changes (F-80, F-81, F-84, F-142)", .replicas = 1, .contenders = 1,
     .writers = 1, .play = PLAY_CACHES, .rounds = 4, .tree = 10, .whole = true},
    {.name = "cache-faces", .text = "caches of all kinds, filtered and not, that come and go, two servers that lag (F-80, F-81, F-84, F-89, F-90)",
     .replicas = 2, .contenders = 1, .writers = 1, .play = PLAY_CACHES, .rounds = 8, .tree = 12, .lag_ms = 100, .impatient = true},
    {.name = "cache-resync", .text = "connections and sessions of a cache end while nodes are made anew (F-47, F-82, F-84)", .replicas = 2,
     .contenders = 1, .writers = 1, .play = PLAY_CACHES, .rounds = 6, .tree = 10, .whole = true, .breaks = true},
    {.name = "cache-root", .text = "the root, and what is above it, comes and goes under a cache (F-82, F-86, F-87)", .replicas = 1, .contenders = 1,
     .writers = 1, .play = PLAY_CACHES, .rounds = 8, .tree = 4, .roots = true},
    {.name = "cache-gap", .text = "a tree of 300 nodes does not change while its cache is cut off, again and again (F-49, F-91)", .replicas = 2,
     .contenders = 1, .writers = 1, .play = PLAY_CACHES, .rounds = 25, .tree = 300, .whole = true, .breaks = true, .calm_tree = true},
    {.name = "cache-old", .text = "caches on servers of 3.4, which has no standing watches (F-80 to F-82, F-84, F-90)", .replicas = 2, .contenders = 1,
     .writers = 1, .play = PLAY_CACHES, .rounds = 5, .tree = 8, .breaks = true, .speaks = {"3.4"}},
    {.name = "cache-old-root", .text = "a root that comes and goes on a server of 3.5 (F-82, F-86, F-87)", .replicas = 1, .contenders = 1, .writers = 1,
     .play = PLAY_CACHES, .rounds = 8, .tree = 4, .roots = true, .speaks = {"3.5"}},
    {.name = "cache-old-gap", .text = "a tree of 300 nodes does not change while its cache is cut off from 3.5 (F-49, F-91)", .replicas = 2,
     .contenders = 1, .writers = 1, .play = PLAY_CACHES, .rounds = 25, .tree = 300, .whole = true, .breaks = true, .calm_tree = true, .speaks = {"3.5"}},
    {.name = "cache-new", .text = "caches on servers of 3.9 (F-80 to F-82, F-84)", .replicas = 2, .contenders = 1, .writers = 1, .play = PLAY_CACHES,
     .rounds = 5, .tree = 8, .breaks = true, .speaks = {"3.9"}},
    {.name = "cache-mixed", .text = "caches that move between servers of 3.5, 3.8 and 3.9 (F-47, F-81, F-82)", .replicas = 3, .contenders = 1,
     .writers = 1, .play = PLAY_CACHES, .rounds = 6, .tree = 8, .breaks = true, .speaks = {"3.5", "3.8", "3.9"}},
    {.name = "storm-cache",
     .text = "caches of up to 300 nodes in a storm, servers of any release (F-47, F-80 to F-82, F-84, F-86, F-87, F-89 to F-91, F-142)",
     .rounds = 14, .storm = true, .contenders = 2, .writers = 2, .play = PLAY_CACHES},

    {.name = "storm", .text = "anything, drawn from the seed", .rounds = 4, .storm = true},
    {.name = "storm-protected", .text = "protected creates in a storm (F-01 to F-06, F-122, F-124, F-142)", .rounds = 12, .storm = true,
     .writers = 3, .play = PLAY_PROTECTED},
    {.name = "storm-parents", .text = "creates with parents and recursive deletes in a storm (F-11, F-121, F-142)", .rounds = 12, .storm = true,
     .writers = 3, .play = PLAY_PARENTS},
    {.name = "storm-guaranteed", .text = "guaranteed deletes in a storm (F-03, F-06, F-142)", .rounds = 12, .storm = true, .writers = 3,
     .play = PLAY_GUARANTEED},
    {.name = "storm-update", .text = "a counter in a storm (F-08, F-10, F-142)", .rounds = 10, .storm = true, .writers = 4, .play = PLAY_UPDATE},
    {.name = "storm-txn", .text = "transactions and batches in a storm, compressed (F-07, F-09, F-12, F-142)", .rounds = 12, .storm = true,
     .writers = 3, .play = PLAY_TXNS, .compressed = true},
    {.name = "storm-txn-guard", .text = "guarded transactions through a view of a view in a storm (F-07, F-12, F-142)", .rounds = 8,
     .storm = true, .contenders = 2, .writers = 2, .play = PLAY_TXNS, .viewed = true},
    {.name = "storm-calls", .text = "three writers in a storm, three servers that lag (F-18, F-35, F-37, F-124, F-142)", .rounds = 12, .storm = true,
     .writers = 3},
};
const size_t scenario_count = sizeof scenarios / sizeof *scenarios;

const struct scenario *scenario_find(const char *name)
{
    for (size_t i = 0; i < scenario_count; i++) {
        if (strcmp(scenarios[i].name, name) == 0) {
            return &scenarios[i];
        }
    }
    return NULL;
}
