/* tests/sim/subscriber.h - one who listens to a cache, and what must be true of all that it hears:
 *
 *   - of a path: added, (changed)*, removed, and so again; parents before their children on the way in, after them on the way out;
 *   - changed keeps the creation and moves the modification; every version told is one that stood, with its data;
 *   - suspended, lost, reconnected, fresh in the order in which such things happen;
 *   - initialized and fresh without holes: what the client had seen of the servers before is in;
 *   - closed last, and once; nothing after that, nor after a cancellation. */
#ifndef SIM_SUBSCRIBER_H
#define SIM_SUBSCRIBER_H

#include "tests/sim/oracle.h"
#include "tests/sim/world.h"

struct owned;

struct heard_node { /* As the subscriber has been told. */
    char *path;
    int64_t czxid, mzxid;
};

enum { SUBSCRIBER_KEEPS = 4 };

struct subscriber {
    struct owned *owned;
    docent_subscription *subscription; /* NULL: cancelled, or closed. */
    struct heard_node *nodes;          /* In the order of paths. */
    size_t count, capacity;
    enum { HEARD_NOTHING, HEARD_UP, HEARD_DOWN, HEARD_LOST } link;
    bool late;        /* Was not there from the beginning. */
    bool blind;       /* Some nodes it was never told of: see DOCENT_CACHE_START_BUILD_INITIAL. */
    bool mute;        /* Cancelled, crashed: nothing is to be told. */
    unsigned initialized, closed, freshened;
    int64_t floor;    /* What the client had seen when the loading, or the re-reading, began. */
    unsigned close_in;  /* The cache is closed in the callback of the event of this number; 0: not. */
    unsigned cancel_in;
    const docent_node *kept[SUBSCRIBER_KEEPS]; /* Nodes that it keeps, */
    uint64_t sums[SUBSCRIBER_KEEPS];           /* and what they were. */
    unsigned keeps;
};

/* Subscribes; what it says is @subscriber's. */
docent_status subscriber_begin(struct subscriber *subscriber, struct owned *owned, bool late);
void subscriber_cancel(struct subscriber *subscriber);
void subscriber_drop(struct subscriber *subscriber, bool crashed); /* Gives back what it keeps. */
void subscriber_free(struct subscriber *subscriber);
/* Nothing changes any more, and the cache equals the tree: so must what was told. */
void subscriber_compare(const struct subscriber *subscriber);

#endif
