/* core/session/internal.h - the session's parts, for each other. Others see session.h. */
#ifndef DOCENT_SESSION_INTERNAL_H
#define DOCENT_SESSION_INTERNAL_H

#include "core/session/session.h"

enum { SESSION_OUT_KEEP = 4096 }; /* Larger buffers are given back when they are empty: 10,000 idle sessions must stay small. */

/* session.c */
/* ALIVE no more. Whoever held something hears of it now. */
void docent_session_over(struct session *session, enum session_life life);
void docent_session_settle(struct session *session, bool certain); /* LOST no more. */
void docent_session_unlink(struct session *session, bool finishing);
void docent_session_next_server(struct session *session, uint64_t now_ms); /* Looks for it, or rests. */
void docent_session_offline(struct session *session, uint64_t now_ms, docent_status cause); /* Whoever ended the connection. */
void docent_session_finish(struct session *session, enum session_state next, uint64_t now_ms);

/* send.c */
bool docent_session_put(struct session *session, uint64_t now_ms, const uint8_t *data, size_t size);
void docent_session_reset_streams(struct session *session);
docent_status docent_session_send(struct session *session, uint64_t now_ms, struct session_request *request);
bool docent_session_put_auth(struct session *session, uint64_t now_ms, const struct session_auth *auth);
bool docent_session_put_ping(struct session *session, uint64_t now_ms);

/* lease.c */
uint64_t docent_session_proves(const struct session *session, uint64_t now_ms);
void docent_session_sign(struct session *session, uint64_t now_ms, uint64_t sent_ms);
void docent_session_renew(struct session *session, uint64_t now_ms, const struct session_request *request, int32_t err);

/* handshake.c */
void docent_session_draw_jitter(struct session *session);
void docent_session_say_goodbye(struct session *session, uint64_t now_ms);
void docent_session_restored(struct session *session, uint64_t now_ms); /* One more packet of watches was acknowledged. */
void docent_session_try_online(struct session *session, uint64_t now_ms); /* Once everything that must come first has been answered. */
/* The answer to ours. False: the connection was given up. */
bool docent_session_handshake(struct session *session, uint64_t now_ms, const uint8_t *data, size_t size);

/* Only a leader, or a follower that hears from it, can answer these; reads and pings any server answers. */
static inline bool docent_session_is_strict(int32_t op)
{
    switch (op) {
    case WIRE_OP_CREATE:
    case WIRE_OP_CREATE2:
    case WIRE_OP_CREATE_CONTAINER:
    case WIRE_OP_CREATE_TTL:
    case WIRE_OP_DELETE:
    case WIRE_OP_SET_DATA:
    case WIRE_OP_SET_ACL:
    case WIRE_OP_MULTI:
    case WIRE_OP_SYNC:
        return true;
    default:
        return false;
    }
}

/* What the answer to a request can renew: more if it was sent later, or was strict. */
static inline uint64_t docent_session_freshness(uint64_t queued_ms, bool strict)
{
    return queued_ms * 2 + strict;
}

#endif
