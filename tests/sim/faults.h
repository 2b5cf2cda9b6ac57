/* tests/sim/faults.h - what can go wrong, and where: the vocabulary of the exhaustive and the random mode. */
#ifndef SIM_FAULTS_H
#define SIM_FAULTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* X(kind, name). The first four are those of which pairs are tried. */
#define FAULT_TABLE(X)                                                                                                      \
    X(FAULT_LOSE, "lose")       /* A message, request or reply, is lost with its connection. */                             \
    X(FAULT_CUT, "cut")         /* The connection is cut when the message has arrived. */                                   \
    X(FAULT_EXPIRE, "expire")   /* The session on that connection is ended by an operator. */                               \
    X(FAULT_ALLOC, "alloc")     /* An allocation of a client fails. */                                                      \
    X(FAULT_DELAY, "delay")     /* The message, and what follows it, comes late, by up to the session time-out. */          \
    X(FAULT_SILENCE, "silence") /* Nothing passes between this client and this server for longer than a session lives. */   \
    X(FAULT_PARTITION, "partition") /* Nothing passes between this client and any server for longer than that. */           \
    X(FAULT_PAUSE, "pause")     /* The client's process is stopped for about as long as a session lives. */                 \
    X(FAULT_CUTOFF, "cutoff")   /* The server loses its leader for longer than that, and answers what it can. */            \
    X(FAULT_RESTART, "restart") /* The server drops its connections and is down for a moment. */                            \
    X(FAULT_CRASH, "crash")     /* The client's process is killed. */

enum fault_kind {
#define FAULT_ENUMERATOR(kind, name) kind,
    FAULT_TABLE(FAULT_ENUMERATOR)
#undef FAULT_ENUMERATOR
    FAULT_KINDS
};
enum { FAULT_PAIRED = FAULT_ALLOC + 1 };

struct fault {
    enum fault_kind kind;
    uint64_t at; /* Number of the message, or of the allocation, from 1. */
};

enum { FAULTS_MAX = 8 };
struct plan {
    struct fault faults[FAULTS_MAX];
    size_t count;
};

extern const char *const fault_names[FAULT_KINDS];

/* "lose:17". False: not one, or the plan is full. */
bool plan_add_text(struct plan *plan, const char *text);

/* How likely things are in the random mode. */
struct storm {
    unsigned per_100k[FAULT_KINDS]; /* Per message; of ALLOC per allocation. */
};
/* A swarm: about half of the kinds, each with a weight of its own. */
void storm_draw(struct storm *storm, uint64_t *random);

#endif
