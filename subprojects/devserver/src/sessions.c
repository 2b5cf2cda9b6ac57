/* src/sessions.c - see sessions.h. */
#include "sessions.h"

#include "must.h"

void docent_sessions_init(struct sessions *sessions, uint32_t tick_ms)
{
    *sessions = (struct sessions){ .tick_ms = tick_ms, .next_expiry = UINT64_MAX };
}

void docent_sessions_free(struct sessions *sessions)
{
    for (size_t i = 0; i < SESSION_BUCKETS; i++) {
        while (sessions->buckets[i] != NULL) {
            struct session *session = sessions->buckets[i];
            sessions->buckets[i] = session->chain;
            free(session);
        }
    }
}

static size_t session_bucket(int64_t id)
{
    return (uint64_t)id % SESSION_BUCKETS;
}

struct session *docent_sessions_find(const struct sessions *sessions, int64_t id)
{
    struct session *session = sessions->buckets[session_bucket(id)];
    while (session != NULL && session->id != id) session = session->chain;
    return session;
}

/* A checksum of the id, no secret: ZooKeeper draws it from java.util.Random seeded with the id. */
void docent_session_password(int64_t id, uint8_t password[SESSION_PASSWORD_SIZE])
{
    const uint64_t mask = (UINT64_C(1) << 48) - 1;
    uint64_t state = (((uint64_t)id ^ UINT64_C(0xB3415C00)) ^ UINT64_C(0x5DEECE66D)) & mask;
    for (int word = 0; word < 4; word++) {
        state = (state * UINT64_C(0x5DEECE66D) + 0xB) & mask;
        uint32_t bits = (uint32_t)(state >> 16);
        for (int byte = 0; byte < 4; byte++) password[word * 4 + byte] = (uint8_t)(bits >> (8 * byte));
    }
}

/* The smallest multiple of the tick that is greater than now + timeout: all of a tick expire together. */
void docent_sessions_touch(struct sessions *sessions, struct session *session, uint64_t now)
{
    uint64_t tick = sessions->tick_ms;
    uint64_t expires = ((now + (uint64_t)session->timeout_ms) / tick + 1) * tick;
    if (expires > session->expires) session->expires = expires;
    if (session->expires < sessions->next_expiry) sessions->next_expiry = session->expires;
}

struct session *docent_sessions_add(struct sessions *sessions, uint64_t now, int64_t id, int32_t timeout_ms)
{
    struct session *session = must(calloc(1, sizeof *session));
    struct session **at = &sessions->buckets[session_bucket(id)];
    while (*at != NULL) at = &(*at)->chain;
    session->id = id;
    session->timeout_ms = timeout_ms;
    docent_session_password(id, session->password);
    docent_sessions_touch(sessions, session, now);
    *at = session;
    return session;
}

void docent_sessions_remove(struct sessions *sessions, int64_t id)
{
    struct session **at = &sessions->buckets[session_bucket(id)];
    while (*at != NULL && (*at)->id != id) at = &(*at)->chain;
    if (*at == NULL) return;
    struct session *session = *at;
    *at = session->chain;
    free(session);
}

struct session *docent_sessions_after(const struct sessions *sessions, const struct session *session)
{
    if (session != NULL && session->chain != NULL) return session->chain;
    size_t i = session == NULL ? 0 : session_bucket(session->id) + 1;
    while (i < SESSION_BUCKETS && sessions->buckets[i] == NULL) i++;
    return i == SESSION_BUCKETS ? NULL : sessions->buckets[i];
}
