/* tests/sim/comers.h - what members of a synchronising queue and those who count down have in common: the world that both see (gathers.h), and a
 * client's one call at a time. */
#ifndef SIM_COMERS_H
#define SIM_COMERS_H

#include <docent/countdown.h>
#include <docent/sync_queue.h>

#include "tests/sim/gathers.h"

enum { GATHERS_SESSIONS = 16, GATHERS_COUNTS_MAX = 256 };

struct seat { /* A member's node, as the log has it. */
    char *name;
    int64_t owner, round;
    uint64_t made_us;
    bool alive;
    bool started; /* It was there when its round began. */
    bool taken;   /* Somebody was told that it has started by it. */
};

struct countdown { /* The same of one path. */
    bool made, open;
    uint32_t left, of;
    unsigned marks, sets; /* Made, of both. */
    int64_t set_zxid;
    uint64_t made_us;
    bool going;           /* Something below has been deleted, and the rest is to follow. */
    char creation[40];
    int64_t maker;        /* The session that made it. */
    /* Of those that were there before: when the last one went, or began to, */
    uint64_t gone_us;
    uint64_t open_gone_us; /* and when the last `open` did. 0: never. */
};

struct account { /* What one actor's calls did, and what they were told. */
    unsigned logged; /* In the log. */
    unsigned sure;   /* Told OK. */
    unsigned maybe;  /* Told nothing certain. */
};

enum comer_verb { COMER_GATHER, COMER_MAKE, COMER_COUNT, COMER_WAIT, COMER_DELETE };

struct comer { /* Of an actor. */
    struct call *call; /* That is under way. NULL: none. */
    enum comer_verb verb;
    unsigned closing;  /* Handles that have not said that they are closed. */
    int64_t stray;     /* A call was told in this session, and may not be over. */
    bool alone;        /* There was nothing of the kind when it was begun, */
    bool stood;        /* its client was connected, */
    unsigned breaks;   /* after so many connections, */
    int64_t session;   /* in this session. */
    docent_sync_queue *queue;
    docent_countdown *countdown;
    size_t at;         /* Which. */
    int64_t round;     /* That it has started with last. */
    bool calm_start;   /* It has, in the calm. */
    struct account counts, makes;
    int64_t sessions[GATHERS_SESSIONS]; /* Of its clients', the latest. */
    size_t session_count;
};

struct gathers {
    struct comer comers[WORLD_ACTORS_MAX];
    int64_t round; /* That gathers. */
    struct seat *seats;
    size_t seat_count, seat_capacity;
    struct countdown countdowns[GATHERS_COUNTS_MAX];
    size_t at;      /* The countdown that is counted now; those before are open. */
    bool calm;      /* Of which in the calm there is */
    size_t calm_at; /* only this one. */
};

/* gathers.c */
static inline struct comer *comer_of(const struct actor *actor)
{
    return &actor->world->gathers->comers[actor->index];
}
static inline uint64_t comer_between(struct actor *actor, uint64_t low, uint64_t high)
{
    return chance_between(&actor->world->random, low, high);
}
bool comer_had(const struct comer *comer, int64_t session);
struct call *comer_begins(struct actor *actor, enum comer_verb verb, uint32_t timeout_ms);
void comer_refused(struct actor *actor, struct call *call, docent_status status);
/* @ret_took_ms of a call that ended; false: its actor has given it up, and it is no matter any more. */
bool comer_ends(struct call *call, docent_status status, uint64_t *ret_took_ms);
/* From the beginning of the call to its end its client had this connection, was not stopped, and did nothing else. */
bool comer_stood(const struct actor *actor, const struct call *call);
void comer_close(struct actor *actor); /* Its handles. */

/* rounds.c */
bool rounds_committed(struct world *world, const struct commit *commit); /* False: not one of these nodes. */
void rounds_closed(struct actor *actor, const struct call *call); /* The handles that were there at the beginning of the call. */
bool rounds_quiet(const struct world *world);
void member_gather(struct actor *actor, uint32_t timeout_ms);
void member_in_calm(struct actor *actor);

/* countdowns.c */
bool countdowns_committed(struct world *world, const struct commit *commit); /* False: not one of these nodes. */
void countdowns_quiet(struct world *world);
void count_call(struct actor *actor, enum comer_verb verb, uint32_t timeout_ms);
void count_in_calm(struct actor *actor);

#endif
