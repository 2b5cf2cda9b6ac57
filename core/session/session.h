/* core/session/session.h - one session after the other with an ensemble, sans-IO: connecting, the handshake, the order of replies,
 * heartbeats, the lease, and the good-bye. What requests mean is the owner's business (core/client).
 *
 * Life of a session, beside the state of the connection:
 *
 *     NONE ---handshake gives an id---> ALIVE ---the server says "expired"---> NONE
 *      ^                                  |
 *      |                                  | lease deadline, by our clock
 *      +--- settled, or given up ------- LOST
 *
 * A LOST session is not used any more, but may live on at the servers. The next connection presents it once: the
 * answer "expired", or our own closeSession, settles that it is over. Only then the next session is opened, so that nothing
 * of the old one can be applied beside the new one. That is given up after one handshake deadline, or when a whole sweep
 * of servers refused us without a word, as servers do that are behind our last zxid (an ensemble that was wiped). */
#ifndef DOCENT_SESSION_H
#define DOCENT_SESSION_H

#include "core/session/search.h"
#include "core/session/servers.h"
#include "core/wire/alloc.h"
#include "core/wire/wire.h"

enum session_state {
    SESSION_LOOKING,    /* For addresses. */
    SESSION_RESTING,    /* Between sweeps. */
    SESSION_CONNECTING, /* TCP. */
    SESSION_HANDSHAKE,  /* Connect request sent. */
    SESSION_RESTORING,  /* Credentials and watches sent; nothing else yet. */
    SESSION_ONLINE,
    SESSION_LEAVING,    /* closeSession sent. */
    SESSION_ENDED,      /* Closed for good. */
};

enum session_life { SESSION_NONE, SESSION_ALIVE, SESSION_LOST };

/* A request on its way. Embedded in the owner's. The frame must stay until it is answered or lost. */
struct session_request {
    struct session_request *next;
    uint8_t *frame; /* Length, header, body. The xid is filled in when it is sent. */
    uint32_t frame_size;
    int32_t op;
    int32_t xid;
    bool own;           /* The session's, not the owner's. */
    bool strict;        /* Only a leader, or a follower that hears from it, can answer it. Filled in when it is sent. */
    uint64_t begin;     /* Where in the connection's stream of bytes it begins. */
    uint64_t proves_ms; /* Strict: when the sign of life was sent whose arrival at the leader its answer proves. */
    uint64_t freshness;
    uint64_t queued_ms; /* When it was given to the stream. The kernel got it no earlier, so a lease reckoned from here is short
                         * rather than long. */
};

/* A sign of life, and when its answer came: by then the server had it. */
struct session_sign {
    uint64_t sent_ms, heard_ms;
};
enum { SESSION_SIGNS = 3 };

enum session_restored {
    SESSION_RESTORED_ALL,
    SESSION_RESTORED_SOME,  /* As many as there may be. Asked again when the server has acknowledged half of what is on its way. */
    SESSION_RESTORE_FAILED, /* No memory. Asked again then, or by docent_session_restore(); the deadline for coming online goes on. */
};

struct session_hooks { /* All are called from inside the session's entries. They may submit, but not enter. */
    void *owner;
    /* Answered: @header->err is the server's word. Body borrowed until the turn ends. An answer over the limit has none: then err is
     * DOCENT_ERR_TOO_LARGE, and @size what its frame announced. */
    void (*answered)(void *owner, struct session_request *request, const struct wire_reply_header *header, const uint8_t *body,
                     size_t size);
    void (*lost)(void *owner, struct session_request *request, bool sent); /* The connection went first. */
    void (*notified)(void *owner, int64_t zxid, const struct wire_watcher_event *event);
    /* Put watches with docent_session_put_watches(), at most @packets. @begin: the handshake has just succeeded; else go on where it
     * stopped. We come online when the answer was SESSION_RESTORED_ALL and the server has acknowledged them. */
    enum session_restored (*restore)(void *owner, bool begin, uint32_t packets);
    void (*online)(void *owner);
    void (*offline)(void *owner, docent_status cause); /* The connection is down; before its requests are lost. */
    void (*expired)(void *owner);                      /* ALIVE no more: by the server's word or by our clock. */
    void (*auth_failed)(void *owner);
};

struct session_config {
    uint32_t timeout_ms; /* Wished. */
    uint32_t close_timeout_ms;
    uint32_t reply_max;
    bool read_only_allowed;
    bool searches; /* While read-only, for a server that writes. */
    int64_t session_id; /* To continue, or 0. */
    uint8_t password[16];
    uint64_t seed;
};

struct session_auth {
    struct session_auth *next;
    uint32_t frame_size;
    uint8_t frame[];
};

struct session {
    struct session_config config;
    struct session_hooks hooks;
    const docent_allocator *allocator;
    enum session_state state;
    enum session_life life;
    struct servers servers;

    struct docent_link link; /* Wanted now. */
    docent_status cause;     /* Why the connection is being given up. */

    int64_t id;
    uint8_t password[16];
    uint32_t timeout_ms;  /* Negotiated; wished before. */
    uint64_t generation;  /* Number of the session. */
    bool read_only;       /* The connected server is. */
    bool born_read_only;  /* The session was made by a read-only server, and means nothing to any other. */
    struct docent_address born_at;
    bool presented;       /* The handshake under way asks for the session that we have, not for a new one. */
    struct search search;
    bool settled;         /* The session before this one is known to be over. */
    int64_t last_zxid;    /* Largest in a reply to a request. */
    int64_t zxid_before;  /* last_zxid of before it was forgotten: the ensemble may have been wiped. 0: never. */
    bool went_back;       /* And it has: this session's servers are behind that. */

    struct wire_out out;
    size_t out_head;      /* Sent of out. */
    uint64_t stream_end;  /* Bytes given to this connection's stream so far. */
    uint64_t stream_sent; /* Taken by the kernel. */
    struct wire_out in;   /* A frame that has not wholly arrived. */
    uint32_t pass_over;   /* So much is still to come of one that is over the limit. */

    struct session_request *first, **last; /* In flight, in order. */
    struct session_auth *auths;            /* Every credential, in order. */
    uint32_t auths_waiting;                /* Sent on this connection, not answered. */
    uint32_t restores_waiting;
    enum session_restored restored;        /* What hooks.restore said last. */
    int32_t next_xid;

    uint32_t holds;          /* Something is held: be strict. */
    uint64_t renewed;        /* The freshness of the freshest request that was answered. */
    uint64_t contact_ms;     /* When the last request was sent that got an answer. */
    uint64_t proves_ms;      /* The last strict request's. */
    uint64_t proved_ms;      /* When the last sign of life was sent that has certainly reached the leader. */
    struct session_sign signs[SESSION_SIGNS]; /* Newest last, an eighth of the time-out apart. */
    uint64_t sign_due_ms;
    uint64_t sent_ms;        /* When anything was sent last. */
    uint64_t strict_sent_ms; /* When the last strict request was sent. */
    uint64_t strict_ms;      /* When the last that the leader answered was. */
    uint64_t beat_sent_ms;   /* When the sync heartbeat was, or the handshake. */
    uint64_t progress_ms;    /* When a reply came last, or the beat went out if later. */
    bool ping_waiting;
    uint64_t ping_sent_ms;
    bool beat_waiting;       /* The sync heartbeat is in flight. */
    struct session_request beat;
    uint8_t beat_frame[17];  /* sync "/". */
    uint32_t beat_jitter_ms;
    uint32_t beats;          /* Heartbeats sent, for the owner to count and to reset. */
    struct session_request leave;
    uint8_t leave_frame[12];

    uint64_t try_until_ms;    /* Deadline of CONNECTING, HANDSHAKE, RESTORING. */
    uint64_t settle_until_ms; /* 0: not begun. */
    uint64_t online_ms;       /* Since when. */
    uint64_t close_until_ms;  /* Closing: by then at the latest. 0: not closing. */
    bool moves;               /* To another server, at the next moment when no request waits for its answer, */
    uint64_t move_until_ms;   /* but by then whatever waits. */
    size_t refusals;          /* Servers of this sweep that closed without answering the handshake. */
};

docent_status docent_session_init(struct session *session, const struct session_config *config, const struct session_hooks *hooks,
                                  const docent_allocator *allocator, uint64_t now_ms);
void docent_session_free(struct session *session);

/* Entries, one for one those of core.h. */
void docent_session_addresses(struct session *session, uint64_t now_ms, const struct docent_address *addresses, size_t count);
/* The list of servers was changed; these are the new ones' addresses. True: the connection goes to another of them, soon. */
bool docent_session_servers(struct session *session, uint64_t now_ms, const struct docent_address *addresses, size_t count);
void docent_session_connected(struct session *session, uint64_t now_ms);
void docent_session_disconnected(struct session *session, uint64_t now_ms);
/* Frames in place as long as the link stands; what is left over is the caller's to keep with docent_session_keep(), after
 * everything that borrowed from @data has been used. Returns what it consumed. */
size_t docent_session_recv(struct session *session, uint64_t now_ms, const uint8_t *data, size_t size);
void docent_session_keep(struct session *session, const uint8_t *data, size_t size);
/* What to write; the kernel took so much. */
size_t docent_session_pending(const struct session *session, const uint8_t **ret_data);
void docent_session_sent(struct session *session, size_t size);
void docent_session_tick(struct session *session, uint64_t now_ms);
uint64_t docent_session_deadline(const struct session *session);
void docent_session_close(struct session *session, uint64_t now_ms);

/* ONLINE only: sends. Fails with DOCENT_ERR_NO_MEMORY only. */
docent_status docent_session_submit(struct session *session, uint64_t now_ms, struct session_request *request);
/* From hooks.restore: one set-watches frame (without xid), copied. */
docent_status docent_session_put_watches(struct session *session, const uint8_t *frame, size_t size);
void docent_session_restore(struct session *session, uint64_t now_ms);
/* Adds a credential: an encoded auth frame. */
docent_status docent_session_add_auth(struct session *session, uint64_t now_ms, const uint8_t *frame, size_t size);
void docent_session_set_holds(struct session *session, uint32_t holds);
/* A server that is to be asked whether it writes, and what it said. */
bool docent_session_wants_search(const struct session *session, struct docent_address *ret_address);
void docent_session_searched(struct session *session, uint64_t now_ms, const struct docent_address *address, bool writes);
/* Give the connection up: something about it is wrong. */
void docent_session_drop(struct session *session, uint64_t now_ms, docent_status cause);

/* Requests that wait for their answer. */
uint32_t docent_session_in_flight(const struct session *session);
/* When the session may be over, as far as we can know. 0: there is none alive. */
uint64_t docent_session_lease(const struct session *session);

#endif
