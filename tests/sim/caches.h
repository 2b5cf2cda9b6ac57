/* tests/sim/caches.h - owners of caches, others who change the tree, and what must be true:
 *
 *   - what subscribers hear is a story that can have happened; see subscriber.h;
 *   - in the calm every cache becomes what the tree is, node by node, is fresh, and then asks for nothing more;
 *   - a cache never writes; so many reads are under way, and no two of one path; a closed one asks for nothing;
 *   - after a gap in which nothing changed nothing is read but the root and what had failed; after the loss of a session, many at a time.
 *
 * Writers make, set and delete nodes and whole subtrees, the root and what is above it included, at once or one by one, and make them anew. */
#ifndef SIM_CACHES_H
#define SIM_CACHES_H

#include "tests/sim/actor.h"
#include "tests/sim/subscriber.h"

enum { OWNED_SUBSCRIBERS_MAX = 4, OWNER_READS_MAX = 2048 };

struct owned { /* One cache. */
    struct owned *next;
    struct world *world;
    struct actor *actor;
    docent_cache *cache; /* NULL: closed, or gone with its process. */
    struct shape shape;
    unsigned handle;     /* Of its client. */
    struct subscriber subscribers[OWNED_SUBSCRIBERS_MAX];
    size_t subscriber_count;
    bool close_called;
    docent_status close_why;
    struct { /* An outage in which, so far, nothing has changed, and for which all was known. */
        bool open, lost;
        uint64_t reads, nodes, failures;
    } gap;
};

struct read { /* A request on the wire. */
    int32_t xid;
    unsigned weight;
    uint64_t path; /* Its hash; 0: of many. */
};

struct owner {
    struct owned *list;  /* Of all processes; the newest first. */
    uint64_t reads;      /* Requests for nodes, */
    uint64_t nodes;      /* and the nodes in them. */
    uint64_t closed_us;  /* When the last cache was closed; 0: one is open. */
    unsigned conn;
    struct read flying[OWNER_READS_MAX];
    size_t flying_count;
    unsigned flying_weight;
    uint64_t equal_us, reads_then; /* Since when all is as it should be. */
    unsigned outstanding; /* Writers: operations. */
};

struct caches {
    struct oracle oracle;
    struct owner owners[WORLD_ACTORS_MAX];
};

struct caches *caches_new(void);
void caches_free(struct caches *caches);
bool caches_committed(struct world *world, const struct commit *commit); /* False: not one of these nodes. */
void caches_sent(struct world *world, const struct conn *conn, enum side to, const uint8_t *frame, size_t size);
void caches_act(struct actor *actor);
void caches_leave(struct actor *actor, bool crashed); /* Its client is closed next, or its process has died. */
void caches_client_closed(struct actor *actor);
bool caches_quiet(struct world *world); /* All has been compared, and closed. */

/* For subscribers. */
void owned_close(struct owned *owned);
void owned_gap_begins(struct owned *owned);
void owned_gap_ends(struct owned *owned);

#endif
