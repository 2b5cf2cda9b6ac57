#include "tests/sim/scenarios.h"

#include <string.h>

const struct scenario scenarios[] = {
    {.name = "two-one", .text = "two contenders, one server", .replicas = 1, .contenders = 2, .rounds = 2},
    {.name = "two-three", .text = "two contenders, three servers that lag", .replicas = 3, .contenders = 2, .rounds = 2, .lag_ms = 300},
    {.name = "three-two", .text = "three contenders that cancel, close and leave, two servers that lag", .replicas = 2, .contenders = 3,
     .rounds = 3, .lag_ms = 200, .impatient = true},
    {.name = "five-three", .text = "five contenders, three servers", .replicas = 3, .contenders = 5, .rounds = 1},
    {.name = "kazoo", .text = "three contenders in the dialect of kazoo, two servers", .replicas = 2, .contenders = 3, .rounds = 2,
     .kazoo = true, .lag_ms = 50},
    {.name = "calls", .text = "two clients whose calls must come out as they say, three servers that lag", .replicas = 3, .writers = 2,
     .rounds = 8, .lag_ms = 300},

    {.name = "holder-cutoff", .text = "a holder's server loses its leader and answers what it can", .replicas = 3, .contenders = 3,
     .rounds = 3, .long_holds = true, .scripted = true, .at_grant = FAULT_CUTOFF},
    {.name = "holder-pause", .text = "a holder's process is stopped", .replicas = 2, .contenders = 3, .rounds = 3, .long_holds = true,
     .scripted = true, .at_grant = FAULT_PAUSE},
    {.name = "holder-partition", .text = "a holder reaches no server", .replicas = 3, .contenders = 3, .rounds = 3, .long_holds = true,
     .scripted = true, .at_grant = FAULT_PARTITION},
    {.name = "holder-silence", .text = "a holder's connection falls silent", .replicas = 3, .contenders = 3, .rounds = 3,
     .long_holds = true, .scripted = true, .at_grant = FAULT_SILENCE},
    {.name = "holder-crash", .text = "a holder is killed", .replicas = 2, .contenders = 3, .rounds = 4, .scripted = true,
     .at_grant = FAULT_CRASH},
    {.name = "holder-expire", .text = "an operator ends a holder's session", .replicas = 2, .contenders = 3, .rounds = 4,
     .long_holds = true, .scripted = true, .at_grant = FAULT_EXPIRE},
    {.name = "holder-restart", .text = "a holder's server restarts", .replicas = 2, .contenders = 3, .rounds = 4, .long_holds = true,
     .scripted = true, .at_grant = FAULT_RESTART},
    {.name = "holder-cut", .text = "a holder's connection breaks, servers lag", .replicas = 3, .contenders = 3, .rounds = 4, .lag_ms = 400,
     .scripted = true, .at_grant = FAULT_CUT},

    {.name = "storm", .text = "anything, drawn from the seed", .rounds = 4, .storm = true},
    {.name = "storm-calls", .text = "three writers in a storm, three servers that lag", .rounds = 12, .storm = true, .writers = 3},
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
