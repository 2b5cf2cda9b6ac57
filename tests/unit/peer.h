/* tests/unit/peer.h - a client core without a driver, and a peer that a test speaks for: it takes the client's frames one by one
 * and answers with what the test says, at the time the test says. */
#ifndef DOCENT_TEST_PEER_H
#define DOCENT_TEST_PEER_H

#include "core/client/core.h"
#include "core/client/machine.h"
#include "core/wire/wire.h"

struct peer {
    docent_client *client;
    uint64_t now;
    uint64_t us; /* Of the next millisecond, for the finer clock. */
    uint64_t random;
    struct docent_link link; /* As the driver has it. */
    uint8_t bytes[1 << 20];  /* What the client sent on this connection and the test has not taken. */
    size_t size;
    size_t fragment;         /* Deliver in pieces of so many bytes; 0: whole. */
    struct docent_address addresses[4];
    size_t address_count;
    bool manual;             /* Addresses and connections are the test's. */
    char servers[256];       /* The last list that the client was given. The one it started with is "first:2181". */
    unsigned servers_set;    /* How often it was. */
    bool read_only;          /* The peer says that it is, in the handshake. */
    unsigned states[32];     /* Told, in order. */
    docent_state_event last_event;
    size_t state_count;
};

struct peer_frame { /* A request of the client, header taken apart. */
    int32_t xid, op;
    uint8_t body[65536];
    size_t size;
};

/* A client of @servers addresses, which wants a session of @timeout_ms. */
void peer_start(struct peer *peer, size_t servers, uint32_t timeout_ms, void (*adjust)(docent_client_options *options));
void peer_start_below(struct peer *peer, const char *chroot, size_t servers, uint32_t timeout_ms,
                      void (*adjust)(docent_client_options *options));
void peer_stop(struct peer *peer); /* Closes and frees; the goodbye is answered. */
/* Does the driver's work: link, addresses, bytes. */
void peer_work(struct peer *peer);
/* Lets time pass, in the steps that the client's deadlines ask for. */
void peer_pass(struct peer *peer, uint64_t ms);
void peer_cut(struct peer *peer);

/* The client's next frame. False: none. */
bool peer_take(struct peer *peer, struct peer_frame *ret_frame);
/* Takes frames until one with this operation; pings on the way are answered. Fails the test if there is none. */
void peer_expect(struct peer *peer, int32_t op, struct peer_frame *ret_frame);
struct wire_connect_request peer_expect_connect(struct peer *peer);
void peer_send(struct peer *peer, const uint8_t *data, size_t size);
void peer_accept(struct peer *peer, int64_t session_id, int32_t timeout_ms); /* Answers the handshake. */
void peer_online(struct peer *peer, int64_t session_id, int32_t timeout_ms); /* Expects and answers it. */
void peer_reply(struct peer *peer, int32_t xid, int64_t zxid, int32_t err, const void *body, size_t size);
void peer_reply_stat(struct peer *peer, int32_t xid, int64_t zxid, const docent_stat *stat);
void peer_reply_data(struct peer *peer, int32_t xid, int64_t zxid, const char *data, const docent_stat *stat);
void peer_reply_path(struct peer *peer, int32_t xid, int64_t zxid, const char *path);
void peer_notify(struct peer *peer, int32_t type, const char *path);

/* What a call came to. */
struct outcome {
    unsigned calls;
    docent_status status;
    uint32_t attempts;
    docent_stat stat;
    char data[64];
};
void outcome_tell(const docent_result *result, void *user);

#endif
