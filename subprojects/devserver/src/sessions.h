/* src/sessions.h - the sessions that a leader knows, and when they are over. */
#ifndef DEVSERVER_SESSIONS_H
#define DEVSERVER_SESSIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SESSION_BUCKETS = 1024, SESSION_PASSWORD_SIZE = 16 };

struct session {
    struct session *chain;
    int64_t id;
    uint8_t password[SESSION_PASSWORD_SIZE];
    int32_t timeout_ms;
    uint64_t expires; /* A multiple of the tick. */
    int replica;      /* That owns it. */
};

struct sessions {
    uint32_t tick_ms;
    struct session *buckets[SESSION_BUCKETS];
    uint64_t next_expiry; /* No session expires earlier. Touches make it a lower bound. */
};

void docent_sessions_init(struct sessions *sessions, uint32_t tick_ms);
void docent_sessions_free(struct sessions *sessions);
struct session *docent_sessions_find(const struct sessions *sessions, int64_t id);
/* One that is not there yet; no replica owns it. */
struct session *docent_sessions_add(struct sessions *sessions, uint64_t now, int64_t id, int32_t timeout_ms);
void docent_sessions_remove(struct sessions *sessions, int64_t id);
/* It lives for another time-out. */
void docent_sessions_touch(struct sessions *sessions, struct session *session, uint64_t now);
/* Walks them; NULL begins and ends. Get the next one before removing one. */
struct session *docent_sessions_after(const struct sessions *sessions, const struct session *session);

void docent_session_password(int64_t id, uint8_t password[SESSION_PASSWORD_SIZE]);

#endif
