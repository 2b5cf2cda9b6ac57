/* core/session/tick.c - what is due: heartbeats, the ends of patience, the next deadline. */
#include <string.h>

#include "core/session/internal.h"

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* When the next heartbeat is due. */
static uint64_t session_beat_due(const struct session *s)
{
    if (s->ping_waiting || s->beat_waiting) return UINT64_MAX;
    /* A third of the time-out is proved, mostly: see docent_session_proves(). */
    if (s->holds > 0) return (s->strict_ms > s->beat_sent_ms ? s->strict_ms : s->beat_sent_ms) + s->timeout_ms / 6;
    return s->sent_ms + s->timeout_ms / 3 - s->beat_jitter_ms;
}

static uint64_t session_move_due(const struct session *s)
{
    if (!s->moves) return UINT64_MAX;
    return s->first == NULL ? 0 : s->move_until_ms;
}

/* When the connection is given up because nothing came back. A ping has a deadline of its own beside a stuck request; a sync
 * waits in line, so it is enough that the line moves. */
static uint64_t session_silence(const struct session *s)
{
    return s->ping_waiting || s->beat_waiting ? s->progress_ms + s->timeout_ms / 3 : UINT64_MAX;
}

static void session_beat(struct session *s, uint64_t now)
{
    bool good;
    if (s->holds > 0) {
        static const uint8_t sync_root[17] = { 0, 0, 0, 13, 0, 0, 0, 0, 0, 0, 0, WIRE_OP_SYNC, 0, 0, 0, 1, '/' };
        memcpy(s->beat_frame, sync_root, sizeof sync_root);
        s->beat = (struct session_request){
            .frame = s->beat_frame, .frame_size = sizeof s->beat_frame, .op = WIRE_OP_SYNC, .own = true
        };
        good = docent_session_send(s, now, &s->beat) == DOCENT_OK;
        s->beat_waiting = good;
        s->beat_sent_ms = now;
        s->progress_ms = now;
    } else {
        good = docent_session_put_ping(s, now);
    }
    docent_session_draw_jitter(s);
    s->beats++;
    if (!good) docent_session_drop(s, now, DOCENT_ERR_NO_MEMORY);
}

void docent_session_tick(struct session *s, uint64_t now)
{
    if (s->state == SESSION_ENDED) return;

    uint64_t lease = docent_session_lease(s);
    if (lease != 0 && now >= lease && s->state != SESSION_LEAVING) {
        if (s->link.wanted && s->state != SESSION_CONNECTING && s->state != SESSION_HANDSHAKE) {
            docent_session_unlink(s, false);
            docent_session_offline(s, now, DOCENT_ERR_SESSION_EXPIRED);
            docent_session_over(s, SESSION_LOST);
            docent_session_next_server(s, now);
        } else {
            docent_session_over(s, SESSION_LOST);
            /* A handshake under way presents the session; how it ends settles the matter. */
            if (s->state == SESSION_HANDSHAKE) s->settle_until_ms = s->try_until_ms;
        }
    }
    if (s->life == SESSION_LOST && s->settle_until_ms != 0 && now >= s->settle_until_ms) {
        docent_session_settle(s, false);
        if (s->link.wanted) docent_session_drop(s, now, DOCENT_ERR_TIMEOUT);
    }
    if (s->close_until_ms != 0 && now >= s->close_until_ms) {
        docent_session_finish(s, SESSION_ENDED, now);
        return;
    }

    switch (s->state) {
    case SESSION_RESTING:
        if (now < s->servers.rest_until_ms) break;
        /* Nobody in a whole sweep would have us, some closed without a word, and the session is over anyway: they may be a new, empty
         * ensemble. */
        if (s->life != SESSION_ALIVE && s->refusals > 0 && s->last_zxid != 0) {
            if (s->life == SESSION_LOST) docent_session_settle(s, false);
            if (s->last_zxid > s->zxid_before) s->zxid_before = s->last_zxid;
            s->last_zxid = 0;
        }
        s->state = SESSION_LOOKING;
        break;
    case SESSION_CONNECTING:
    case SESSION_HANDSHAKE:
    case SESSION_RESTORING:
        if (now >= s->try_until_ms) docent_session_drop(s, now, DOCENT_ERR_TIMEOUT);
        break;
    case SESSION_ONLINE:
        docent_search_tick(&s->search, now, &s->servers, &s->link.address);
        if (now >= session_move_due(s)) {
            docent_session_drop(s, now, DOCENT_ERR_CONNECTION_LOSS);
        } else if (now >= session_silence(s)) {
            docent_session_drop(s, now, DOCENT_ERR_TIMEOUT);
        } else if (now >= session_beat_due(s)) {
            session_beat(s, now);
        }
        break;
    case SESSION_LEAVING:
        if (now >= s->try_until_ms && s->close_until_ms == 0) docent_session_drop(s, now, DOCENT_ERR_TIMEOUT);
        break;
    case SESSION_LOOKING:
    case SESSION_ENDED:
        break;
    }
}

uint64_t docent_session_deadline(const struct session *s)
{
    if (s->state == SESSION_ENDED) return UINT64_MAX;
    uint64_t at = UINT64_MAX;
    uint64_t lease = docent_session_lease(s);
    if (lease != 0) at = lease;
    if (s->close_until_ms != 0) at = earlier(at, s->close_until_ms);
    if (s->life == SESSION_LOST && s->settle_until_ms != 0) at = earlier(at, s->settle_until_ms);
    switch (s->state) {
    case SESSION_RESTING: return earlier(at, s->servers.rest_until_ms);
    case SESSION_CONNECTING:
    case SESSION_HANDSHAKE:
    case SESSION_RESTORING: return earlier(at, s->try_until_ms);
    case SESSION_ONLINE:
        return earlier(earlier(earlier(at, docent_search_deadline(&s->search)), session_move_due(s)),
                       earlier(session_beat_due(s), session_silence(s)));
    case SESSION_LEAVING: return s->close_until_ms == 0 ? earlier(at, s->try_until_ms) : at;
    case SESSION_LOOKING:
    case SESSION_ENDED: break;
    }
    return at;
}
