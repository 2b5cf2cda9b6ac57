/* core/session/handshake.c - from handshake to online, and the good-bye. */
#include <string.h>

#include "core/session/internal.h"

/* Packets of watches on their way at a time, of 128 KiB: what a fast network holds, and no more, because the watches of a client can be tens
 * of megabytes. */
enum { RESTORES_MAX = 16 };

/* Sessions that began together do not beat together. */
void docent_session_draw_jitter(struct session *s)
{
    s->beat_jitter_ms = (uint32_t)(docent_random_next(&s->servers.random) % (s->timeout_ms / 10 + 1));
}

void docent_session_say_goodbye(struct session *s, uint64_t now)
{
    memset(s->leave_frame, 0, sizeof s->leave_frame);
    docent_wire_store32(s->leave_frame, WIRE_REQUEST_HEADER);
    docent_wire_store32(s->leave_frame + 8, WIRE_OP_CLOSE_SESSION);
    s->leave = (struct session_request){
        .frame = s->leave_frame,
        .frame_size = sizeof s->leave_frame,
        .op = WIRE_OP_CLOSE_SESSION,
        .own = true,
    };
    bool was_online = s->state == SESSION_ONLINE;
    s->state = SESSION_LEAVING;
    if (was_online) s->hooks.offline(s->hooks.owner, DOCENT_ERR_CLOSING);
    if (docent_session_send(s, now, &s->leave) != DOCENT_OK) docent_session_drop(s, now, DOCENT_ERR_NO_MEMORY);
}

/* Once everything that must come first has been answered. */
void docent_session_try_online(struct session *s, uint64_t now)
{
    if (s->state != SESSION_RESTORING || s->auths_waiting > 0 || s->restores_waiting > 0 ||
        s->restored != SESSION_RESTORED_ALL || (s->ping_waiting && s->zxid_before != 0)) {
        return;
    }
    s->state = SESSION_ONLINE;
    s->online_ms = now;
    s->refusals = 0;
    if (!s->moves) docent_servers_settle(&s->servers, &s->link.address);
    if (!s->read_only) {
        docent_search_done(&s->search);
    } else if (s->config.searches) {
        docent_search_begin(&s->search, now, &s->servers.random);
    }
    s->went_back = s->zxid_before != 0 && s->last_zxid < s->zxid_before;
    s->zxid_before = 0;
    s->hooks.online(s->hooks.owner);
}

static void session_restore(struct session *s, uint64_t now, bool begin)
{
    s->restored = s->hooks.restore(s->hooks.owner, begin, RESTORES_MAX - s->restores_waiting);
    docent_session_try_online(s, now);
}

void docent_session_restore(struct session *s, uint64_t now)
{
    if (s->state == SESSION_RESTORING && s->restored == SESSION_RESTORE_FAILED) session_restore(s, now, false);
}

void docent_session_restored(struct session *s, uint64_t now)
{
    s->restores_waiting--;
    if (s->state == SESSION_RESTORING && s->restored != SESSION_RESTORED_ALL && s->restores_waiting <= RESTORES_MAX / 2) {
        session_restore(s, now, false);
    } else {
        docent_session_try_online(s, now);
    }
}

static void session_associate(struct session *s, uint64_t now, const struct wire_connect_response *response, bool read_only)
{
    bool is_new = s->life == SESSION_NONE;
    s->timeout_ms = (uint32_t)response->timeout_ms;
    docent_session_draw_jitter(s);
    s->read_only = read_only;
    memcpy(s->password, response->password.data, 16);
    s->progress_ms = now;
    if (s->life == SESSION_LOST) { /* Still there: end it. */
        docent_session_say_goodbye(s, now);
        return;
    }
    if (is_new) {
        s->id = response->session_id;
        s->generation++;
        s->life = SESSION_ALIVE;
        s->born_read_only = read_only;
        s->born_at = s->link.address;
    }
    /* The server knew us when it answered; we asked at sent_ms. */
    s->contact_ms = s->strict_ms = s->proved_ms = s->proves_ms = s->sent_ms;
    s->beat_sent_ms = s->sent_ms;
    for (size_t i = 0; i < SESSION_SIGNS; i++) docent_session_sign(s, now, s->sent_ms);
    s->strict_sent_ms = s->sent_ms;
    s->state = SESSION_RESTORING;
    if (s->close_until_ms != 0) {
        docent_session_say_goodbye(s, now);
        return;
    }
    bool good = true;
    for (const struct session_auth *auth = s->auths; auth != NULL && good; auth = auth->next) {
        good = docent_session_put_auth(s, now, auth);
    }
    /* Where have we got to? Asked only when it was forgotten, because it costs a round trip before we are online. */
    if (good && s->zxid_before != 0) good = docent_session_put_ping(s, now);
    if (!good) {
        docent_session_drop(s, now, DOCENT_ERR_NO_MEMORY);
        return;
    }
    session_restore(s, now, true);
}

bool docent_session_handshake(struct session *s, uint64_t now, const uint8_t *data, size_t size)
{
    /* Shorter than any connect response: a read-only server without local sessions sends a bare reply header (observed). */
    if (size < WIRE_CONNECT_RESPONSE_MIN) {
        docent_session_drop(s, now, DOCENT_ERR_NOT_READ_ONLY);
        return false;
    }
    struct wire_in in = docent_wire_in(data, size);
    struct wire_connect_response response;
    bool read_only = false;
    if (!docent_wire_get_connect_response(&in, &response)) {
        docent_session_drop(s, now, DOCENT_ERR_PROTOCOL);
        return false;
    }
    docent_wire_get_read_only(&in, &read_only);

    if (response.timeout_ms <= 0 || (s->presented && response.session_id != s->id)) {
        /* "Expired". For a new session that is no answer at all: try elsewhere. The server closes; so do we. */
        docent_session_unlink(s, true);
        s->state = SESSION_CONNECTING; /* Not a refusal. */
        docent_session_offline(s, now, DOCENT_ERR_SESSION_EXPIRED);
        if (!s->presented) {
            docent_session_next_server(s, now);
            return false;
        }
        if (s->life == SESSION_ALIVE) {
            docent_session_over(s, SESSION_NONE);
        } else if (s->life == SESSION_LOST) {
            docent_session_settle(s, true);
        }
        docent_servers_good(&s->servers);
        docent_session_next_server(s, now);
        return false;
    }
    if (response.password.size != 16 || response.session_id == 0 || (read_only && !s->config.read_only_allowed)) {
        docent_session_drop(s, now, DOCENT_ERR_PROTOCOL);
        return false;
    }
    if (!s->presented && s->life == SESSION_ALIVE) docent_session_over(s, SESSION_NONE); /* Left behind at its read-only server. */
    if (!s->presented && s->life == SESSION_LOST) docent_session_settle(s, true);
    if (s->born_read_only && !read_only && s->life == SESSION_ALIVE) {
        /* A session made by a read-only server means nothing to the others. Take a new one. */
        docent_session_over(s, SESSION_NONE);
        docent_session_drop(s, now, DOCENT_ERR_SESSION_EXPIRED);
        return false;
    }
    session_associate(s, now, &response, read_only);
    return s->link.wanted;
}
