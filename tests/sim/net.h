/* tests/sim/net.h - the network: connections of two ordered byte streams with latency, which arrive in fragments, and which
 * break, fall silent, or lose a message. TCP loses no message alone: one that is lost takes its connection along.
 *
 * A message is one frame of the ZooKeeper protocol (a length and as many bytes). Messages are counted over the whole run as
 * they are sent, which is what "the k-th message" of a fault means. */
#ifndef SIM_NET_H
#define SIM_NET_H

#include "tests/sim/clock.h"

enum side { SIDE_CLIENT, SIDE_SERVER };

struct chunk; /* Bytes on their way, or the end of the stream. */

struct pipe { /* Towards one side. */
    struct conn *conn;
    struct alarm alarm;
    struct chunk *first, *last;
    uint64_t last_at_us;
    uint8_t *partial; /* Written, and not a whole frame yet. */
    size_t partial_size, partial_capacity;
    bool frozen; /* What arrives waits: the reader is paused, or the way is blocked. */
    bool ended;  /* Nothing is added any more. */
    bool deaf;   /* The reader is gone. */
};

struct conn {
    struct net *net;
    struct conn *previous, *next;
    unsigned serial; /* For traces. */
    size_t client, server;
    void *users[2];  /* The sides' own. NULL: not there yet, or not any more. */
    struct alarm opening;
    enum { OPENING_SYN, OPENING_ACK, OPENING_REFUSED, OPENING_DONE } stage;
    struct pipe to[2];
};

enum verdict {
    VERDICT_DELIVER,
    VERDICT_LOSE, /* The connection is cut before the message arrives, but after what was sent earlier. */
    VERDICT_CUT,  /* The message arrives, and the connection is cut with that. */
};

struct net_hooks {
    void *user;
    /* A whole message was sent. May add to *@delay_us. */
    enum verdict (*sent)(void *user, struct conn *conn, enum side to, const uint8_t *frame, size_t size, uint64_t *delay_us);
    bool (*reachable)(void *user, size_t client, size_t server); /* False: nothing gets through just now. */
    bool (*listens)(void *user, struct conn *conn, enum side side); /* False: the reader is paused; the kernel keeps it. */
    bool (*accept)(void *user, struct conn *conn);             /* At the server. False: refused. */
    void (*opened)(void *user, struct conn *conn);             /* At the client. */
    void (*arrived)(void *user, struct conn *conn, enum side side, const uint8_t *data, size_t size);
    void (*broken)(void *user, struct conn *conn, enum side side); /* For this side it is over; it forgets the conn. */
};

struct net {
    struct clock *clock;
    uint64_t *random;
    struct net_hooks hooks;
    uint64_t latency_min_us, latency_max_us;
    unsigned fragment_per_mille; /* Of deliveries. */
    uint64_t messages;           /* Sent so far. */
    unsigned serial;
    struct conn *conns;
};

/* The release of ZooKeeper that @server is of: one for each of them, or the first for all; none: 3.8. */
const char *net_speaks(const char *const *speaks, size_t server);

struct conn *net_connect(struct net *net, size_t client, size_t server, void *client_user);
void net_free(struct net *net);
void net_thaw(struct net *net); /* Ask again who is reachable and who listens. */

void conn_write(struct conn *conn, enum side from, const uint8_t *data, size_t size);
/* One side goes, and is told nothing any more. @reset: what it sent and has not arrived may be lost. */
void conn_close(struct conn *conn, enum side side, bool reset);
/* The network cuts it: what is under way is lost, and both sides are told. */
void conn_cut(struct conn *conn);

#endif
