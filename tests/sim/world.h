/* tests/sim/world.h - everything of one run, and what must be true of it: servers, network, processes, and a resource that the lock
 * protects. After every step the world looks whether
 *
 *   - at most one lock says that it is held, its node exists at the leader, and nobody is in front of it;
 *   - tokens grow from grant to grant, at the resource, and in the log, where guarded writes are applied only while their
 *     node is there, and in its session, and never sent in another;
 *   - no acquisition has two nodes;
 *   - every accepted call is answered once, nothing is told after "closed", and outcomes are true: "applied" was applied once, and
 *     "not applied" was not; a write that may be repeated is not repeated after its end.
 *
 * A run has four phases: the storm; the calm, where every contender must get the lock once more within a bound; the quiet, where
 * queue and watches must become empty; and the end, where sessions and memory must be gone. */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include <stdarg.h>

#include "tests/sim/client_driver.h"
#include "tests/sim/ensemble.h"
#include "tests/sim/faults.h"

enum { WORLD_ACTORS_MAX = 6, WORLD_EVEN_US = 5000 /* That long, in even scenarios. */ };

struct world;
struct actor;

enum play { /* What writers do; see nodes.h, of TXNS txns.h (there holders do it too), of COUNTER counter.h, of CACHES growth.h (there contenders own caches). */
    PLAY_CALLS, PLAY_PROTECTED, PLAY_PARENTS, PLAY_GUARANTEED, PLAY_UPDATE, PLAY_TXNS, PLAY_COUNTER,
    PLAY_CACHES, PLAY_WORK /* work.h */, PLAY_GATES /* gates.h */,
    PLAY_LATCHES, PLAY_SELECTORS, /* See leaders.h. */
    PLAY_RWLOCKS, PLAY_MULTI_LOCKS, /* See shares.h: of contenders; writers are peers of the old kind. */
    PLAY_MEMBERS, PLAY_BARRIER, /* See barriers.h: contenders are members, or stand at the gate. */
    PLAY_GATHER, PLAY_COUNTDOWN, /* See gathers.h: contenders are members, or count. */
    PLAY_LESSEES /* lessees.h */,
    PLAY_QUEUE, PLAY_CLAIMS, /* See queues.h. */
    PLAY_MATES /* mates.h */,
};

enum lock_play { /* What contenders' locks are; see locks.h. ANY is drawn from the seed. */
    LOCKS_PLAIN, LOCKS_REVOKED, LOCKS_BOUNDED, LOCKS_MUTEX, LOCKS_ZOOKEEPER, LOCKS_MIXED, LOCKS_ANY,
};

struct scenario {
    const char *name;
    const char *text;
    size_t replicas;
    size_t contenders;
    size_t writers;     /* Clients whose calls change nodes, beside the lock. */
    enum play play;     /* Of writers. */
    bool viewed;        /* Through a view of a view. */
    bool compressed;    /* What lies at the servers. */
    const char *speaks[ENSEMBLE_MAX]; /* What the servers are; see net_speaks(). */
    size_t quantity;    /* Members that a round takes. 0: all. */
    size_t tree;        /* Nodes that caches are of, about. */
    bool roots;         /* Mostly the root comes and goes. */
    bool calm_tree;     /* It only grows, and then changes no more. */
    bool whole;         /* Caches are of the whole tree, one each. */
    bool breaks;        /* Owners of caches lose their connections and sessions. */
    unsigned rounds;    /* Of each actor in the storm. */
    bool impatient;     /* Contenders cancel, close and leave. */
    uint64_t lag_ms;    /* Of replicas. */
    bool kazoo;         /* The other dialect. */
    uint32_t gate_max;  /* Leases of the semaphore; 0: a shared count says. Of lessees: slots. */
    bool gate_bursts;   /* Who has had leases mostly wants some again at once. */
    bool gate_anew;     /* In bursts that are all as long; what leases are in is deleted, and replies to short cuts get lost. */
    enum lock_play locks;
    bool one_consumer;  /* Of a queue: the first client; the others produce. */
    bool long_holds;    /* For about as long as a session lives. */
    bool even;          /* Every message takes as long as any other, so that time counts round trips. */
    unsigned loses;     /* One message in so many is lost, of requests and of replies. 0: none. */
    bool listens;       /* Clients have listeners; see hearing.h. */
    bool watches;       /* Clients have watchers; see watching.h. */
    bool work_locked, work_receipts, work_priority; /* A work queue: with claims, with receipts, of priorities. */
    bool work_sharded; /* Or several, that a sharder makes. */
    bool storm;         /* Random faults, and all of the above drawn from the seed. */
    bool scripted;      /* Every second grant brings at_grant, to who was granted and its server. */
    enum fault_kind at_grant;
};

enum call_kind { CALL_ACQUIRE, CALL_RELEASE, CALL_CLOSE_LOCK, CALL_GUARDED, CALL_CREATE, CALL_SET, CALL_PUT /* Whatever the version. */,
                 CALL_DELETE, CALL_PREPARE, CALL_LOOK, CALL_NODE /* Of several steps; see nodes.h. */,
                 CALL_WATCH /* Answered by its terminal event. */, CALL_TXN /* See txns.h. */,
                 CALL_REVOKE /* See locks.h. */ };

struct call { /* One accepted call. */
    struct world *world;
    struct actor *actor;
    enum call_kind kind;
    uint64_t serial;      /* Index in world.calls; its data carry it. */
    unsigned handle;      /* Of the lock handle, or client, that it was made on. */
    unsigned told;
    unsigned applied;     /* How often the log has it. */
    docent_status status;
    bool still;           /* LOOK, CREATE: of the node that nobody changes once it is there. */
    bool refused;         /* Not accepted: never to be told. */
    bool cancelled;       /* Released before it was told. */
    bool dead;            /* Its handle is closed, and said so: never to be told. */
    bool crashed;
    int64_t token;        /* GUARDED, and TXN with a guard: of its hold. */
    uint32_t timeout_ms;  /* ACQUIRE, TXN. */
    uint64_t begun_us;
    /* TXN, and batches. */
    bool calm;            /* It must succeed. */
    bool repeats;         /* Its own success makes a second one fail. */
    bool parented;        /* It goes out again when its parents are made. */
    bool outside;         /* It names the servers' paths. */
    unsigned ops, parts;  /* Operations, and those of them that write data. */
    unsigned sets, creates, suspects; /* By operation, in bits; suspects are those that can fail. */
    unsigned parts_seen;  /* In the log. */
    unsigned sent;        /* How often. */
    unsigned breaks;      /* Of its client, when it began. */
    bool undone;          /* Somebody has deleted what it created. */
    int64_t zxid;         /* Of the log. */
    int64_t floor;        /* Of a batch: what was seen before. */
};

struct ledger_node { /* A node of the queue, as the log has it. */
    int64_t czxid;
    int64_t owner;
    char *name;
    bool alive;
};

struct forced { /* A session ended by an operator: its client cannot know before it hears of it. */
    int64_t session;
    uint64_t at_us;
};

enum phase { PHASE_STORM, PHASE_CALM, PHASE_QUIET, PHASE_END, PHASE_OVER };

struct barriers;
struct caches;
struct gates;
struct gathers;
struct works;
struct leaders;
struct shares;
struct lessees;
struct mates;
struct queues;
struct effect;
struct nodes;
struct counter;
struct txns;

struct world {
    const struct scenario *scenario;
    struct scenario drawn;
    uint64_t seed, random;
    struct plan plan;
    struct storm storm;
    bool tracing;
    struct clock clock;
    struct net net;
    struct ensemble *ensemble;
    uint32_t session_ms, tick_ms;

    struct actor *actors[WORLD_ACTORS_MAX];
    size_t actor_count;
    uint64_t blocked_until_us[WORLD_ACTORS_MAX][ENSEMBLE_MAX];
    uint64_t allocations;

    struct call **calls;
    size_t call_count, call_capacity;
    struct ledger_node *ledger;
    size_t ledger_count, ledger_capacity, ledger_alive;
    struct forced *forced;
    size_t forced_count, forced_capacity;
    int64_t granted_last;  /* Token of the last grant. */
    int64_t resource_last; /* Token of the last write that the resource took. */
    unsigned revocations, revoked; /* Requests to let go: in the log, and told. */
    int64_t logged_last;   /* Token of the last guarded write in the log. */
    struct effect *effects;
    struct nodes *nodes; /* NULL: the scenario has none. */
    struct counter *counter; /* The same. */
    struct txns *txns;   /* Likewise. */
    struct caches *caches;
    struct queues *queues;
    struct leaders *leaders;
    struct gates *gates;
    struct works *works;
    struct shares *shares;
    struct lessees *lessees;
    struct mates *mates;
    struct barriers *barriers;
    struct gathers *gathers;

    enum phase phase;
    uint64_t phase_until_us;
    uint64_t steps, still; /* Steps; and those at the same instant. */
    uint64_t still_us;
    uint64_t grants, guarded, faults_done;
    size_t watches_left;   /* Given up where the server may still have them: what it can do is not known. */
    int64_t shared_zxid;   /* Of the last change of the node that writers share. */
    int64_t still_zxid;    /* Of the one change of the node that nobody touches afterwards; 0: it is not there. */
    uint64_t storm_messages, storm_allocations; /* Before the calm. */
    char failure[512]; /* Empty: none. */
};

/* Runs one. False: an invariant was violated, world->failure says which. */
bool world_run(struct world *world, const struct scenario *scenario, uint64_t seed, const struct plan *plan, bool trace);
void world_free(struct world *world); /* Not after a failure: what is half done cannot be taken apart. */

void world_fail(struct world *world, const char *format, ...) __attribute__((format(printf, 2, 3)));
void world_trace(struct world *world, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A fault on the way between @client and @server, now. Not from inside one of the library's calls. */
void world_fault(struct world *world, enum fault_kind kind, size_t client, size_t server);
bool world_calm(const struct world *world);
bool world_session_excused(const struct world *world, int64_t session); /* An operator has ended it, and its client cannot know yet. */
const char *world_root(const struct world *world); /* The prefix of the view that is worked through; "": none. */
/* @server_path as the calls know it, or NULL: it is not below the prefix. */
const char *world_path(const struct world *world, const char *server_path);

/* Bookkeeping of actors. */
struct call *world_call(struct world *world, struct actor *actor, enum call_kind kind);
void world_call_told(struct call *call, docent_status status);
bool world_says_nothing(docent_status status); /* An outcome that leaves open whether a write was applied. */
/* A write that was to be made only while its token's node stands is in the log. */
void world_guarded_applied(struct world *world, const struct call *call, const struct commit *commit);
/* An operator ended it not long ago: its client cannot know before its lease runs out. */
bool world_excused_session(const struct world *world, int64_t session);
const char *world_node_name(const struct world *world, int64_t token); /* Of the queue. NULL: there was none. */
int64_t world_node_owner(const struct world *world, int64_t token);
void world_granted(struct world *world, struct actor *actor, int64_t token);
void world_resource_write(struct world *world, int64_t token);

#endif
