/* tests/sim/actor.h - the applications of a run: contenders, which take the lock, use it and let go of it in every way there
 * is, and writers, whose calls must come out as they say. Each is a process with a client of its own. */
#ifndef SIM_ACTOR_H
#define SIM_ACTOR_H

#include <docent/lock.h>
#include <docent/operation.h>

#include "tests/sim/hearing.h"
#include "tests/sim/watching.h"
#include "tests/sim/world.h"

#define ACTOR_QUEUE "/locks/job"
#define ACTOR_SHARED "/shared"
#define ACTOR_STILL "/still" /* Is made once in a run and never touched again: who misses that is never told. */

enum actor_state {
    ACTOR_DOWN,      /* No client. */
    ACTOR_IDLE,
    ACTOR_PREPARING, /* Makes the nodes that the run needs. */
    ACTOR_ACQUIRING,
    ACTOR_HOLDING,
    ACTOR_RELEASING,
    ACTOR_CLOSING_LOCK,
    ACTOR_CLOSING_CLIENT,
    ACTOR_CALLING,   /* A writer. */
    ACTOR_FINISHED,  /* Nothing more to do in this phase. */
};

struct actor {
    struct world *world;
    size_t index;
    bool writer;
    enum actor_state state;
    struct sim_client client;
    struct hearing hearing;   /* If the scenario listens. */
    struct watching watching; /* If it watches. */
    docent_lock *lock;
    unsigned handles;         /* Lock handles and clients made so far. */
    docent_lock_state told;   /* By on_state, of the current handle. */
    struct alarm alarm;
    bool missed;              /* It rang while the process was paused. */
    bool prepared;
    bool granted;             /* By our reckoning: told OK and neither released nor lost. */
    bool late_lock;           /* The lock is closed after the client. */
    bool served;              /* Of the calm: had its turn. */
    unsigned rounds, writes;
    struct call *acquire;
    uint64_t paused_us;       /* When it was paused last. */
    int32_t version;          /* Writers: of the node that all set. */
    struct call *watched;     /* Writers: the watch that is left on that node. NULL: none. */
    docent_watch *watch;
    bool watches_still;       /* It is on that other node. */
    int64_t seen_shared;      /* Of the shared node: what our client has read of it. */
    docent_client *view;      /* If it works through one. */
    char *node;               /* And the path of a node of theirs that exists; NULL: none. */
    int64_t node_czxid;
    int64_t seen_zxid;        /* Writers of txns.h: what its client was told of, at least. */
    bool seeded;              /* And their nodes exist, */
    unsigned batches;         /* for all we know. */
    struct call *updating;    /* Writers of counter.h: their update; NULL: none. */
    struct call *asking;      /* Contenders of locks.h: asks for what it holds. */
    bool asked;               /* Was told to let go. */
    unsigned again;           /* Acquires beyond the first. */
    uint64_t granted_us;
    uint64_t mine;            /* Writers: serial of a node of ours that exists; 0: none. */
};

struct actor *actor_new(struct world *world, size_t index, bool writer);
void actor_free(struct actor *actor);
void actor_crash(struct actor *actor);
void actor_resume(struct actor *actor);
void actor_calm(struct actor *actor);  /* Once more, then FINISHED. */
/* Nothing changes any more. True: no watch is left that must still be told something; what need not is cancelled. */
bool actor_quiet(struct actor *actor);
void actor_close(struct actor *actor); /* FINISHED: closes the client; then DOWN. */
/* For nodes.c and txns.c. */
void actor_acted(struct actor *actor); /* For caches.c. */
docent_client *actor_client(const struct actor *actor); /* What it works through. */
void actor_wake(struct actor *actor, uint64_t delay_ms); /* For locks.c: goes on then. */
void actor_call_accepted(struct actor *actor, struct call *call, docent_status status); /* Or not. */
void actor_watch_told(const docent_watch_event *event, void *user); /* Of the one-shot watch in actor->watched. */
void actor_call_began(struct actor *actor);
void actor_call_over(struct actor *actor);
void actor_call_refused(struct actor *actor, struct call *call, docent_status status);
void actor_write_guarded(struct actor *actor, int64_t token); /* Applied only while it holds by @token. */
int64_t actor_token(const struct actor *actor);

#endif
