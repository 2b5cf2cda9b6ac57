/* src/connection.h - a client's connection: bytes, frames, the handshake, four-letter words, and when to read, write and close. What it
 * asks for in frames is for requests.h. */
#ifndef DEVSERVER_CONNECTION_H
#define DEVSERVER_CONNECTION_H

#include "replica.h"

enum {
    OUT_KEEP = 4096,    /* Larger buffers go when they are empty. */
    OUT_MAX = 1 << 20,  /* Requests wait while so much is unsent: a small read can have a large answer. */
    PENDING_MAX = 4096, /* So many wait for answers; others have to wait for these. */
    SILENCE_MAX_MS = 10000, /* For who has no session: as Apache ZooKeeper's sessionless connections. */
};

enum connection_state { CONNECTION_NEW, CONNECTION_OPENING, CONNECTION_OPEN, CONNECTION_ENDED };

struct connection {
    struct connection *next, *previous;
    struct connection *chain; /* Of those whose id has the same last bits. */
    struct connection *ready_next, **ready_at; /* Of those that are ready; ready_at NULL: it is not among them. */
    struct replica *replica;
    uint64_t id;
    void *user;
    enum connection_state state;
    int64_t session;
    int32_t timeout_ms;
    char peer[48];
    uint64_t established;
    uint64_t came; /* Of the handshake. */
    struct connection_stats stats;
    bool old_client; /* Sent no read-only flag, and gets none. */
    struct wire_out in, out;
    size_t out_head;
    bool ends;    /* Close when out is sent. */
    bool dropped; /* Close now. */
    bool touched; /* Since the last message about it. */
    bool lost;    /* Something came while the replica was stalled. */
    struct request *first, **last;
    size_t pending;
    uint64_t next_number;
    struct wire_out credentials; /* Encoded client_info entries. */
    struct watch *watches;
    uint64_t told;  /* Number of the last event it got: one DELETED for both tables. */
};

static inline size_t connection_unsent(const struct connection *c)
{
    return c->out.size - c->out_head;
}

struct connection *docent_connection_find(struct replica *replica, uint64_t id); /* NULL: it has gone. */
void docent_connection_ready(struct connection *c); /* It may have something to send, or be closed. */
void docent_connection_drop(struct connection *c);  /* To be closed at once. */
void docent_connection_touch(struct connection *c, bool touched);
/* Looks at what has come and was not to be looked at yet. */
void docent_connection_pump(struct connection *c);
/* The leader's answer to the handshake; no session: it is refused. */
void docent_connection_opened(struct connection *c, int64_t session, int32_t timeout_ms, const uint8_t password[16]);
/* One to the leader that speaks of this connection. */
struct server_message *docent_connection_message(enum message_type type, const struct connection *c);

/* Counting what goes out: anything, and that which answers what came at @came. @cxid -1: none. */
void docent_connection_count_sent(struct connection *c, size_t size);
void docent_connection_count_answered(struct connection *c, int32_t op, int32_t cxid, int64_t zxid, uint64_t came, size_t size);

#endif
