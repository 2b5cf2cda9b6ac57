/* core/session/receive.c - the stream of bytes in: frames, and whose answers they are. */
#include "core/session/internal.h"

static void session_see_zxid(struct session *s, int64_t zxid)
{
    if (zxid > s->last_zxid) s->last_zxid = zxid;
}

/* What answers no request. False: the connection was given up. */
static bool session_special(struct session *s, uint64_t now, const struct wire_reply_header *header, struct wire_in in)
{
    switch (header->xid) {
    case WIRE_XID_NOTIFICATION: {
        struct wire_watcher_event event;
        if (!docent_wire_get_watcher_event(&in, &event)) break;
        s->hooks.notified(s->hooks.owner, header->zxid, &event);
        return true;
    }
    case WIRE_XID_PING:
        if (!s->ping_waiting) break;
        s->ping_waiting = false;
        if (s->ping_sent_ms > s->contact_ms) s->contact_ms = s->ping_sent_ms;
        if (now >= s->sign_due_ms) docent_session_sign(s, now, s->ping_sent_ms);
        if (s->state == SESSION_RESTORING) session_see_zxid(s, header->zxid);
        docent_session_try_online(s, now);
        return true;
    case WIRE_XID_AUTH:
        if (s->auths_waiting == 0) break;
        s->auths_waiting--;
        if (header->err != 0) {
            s->hooks.auth_failed(s->hooks.owner);
            return s->link.wanted;
        }
        docent_session_try_online(s, now);
        return true;
    case WIRE_XID_SET_WATCHES:
        if (s->restores_waiting == 0) break;
        if (header->err != 0) {
            docent_session_drop(s, now, (docent_status)header->err);
            return false;
        }
        s->progress_ms = now;
        docent_session_restored(s, now);
        return true;
    default:
        break;
    }
    docent_session_drop(s, now, DOCENT_ERR_PROTOCOL); /* Nobody asked. */
    return false;
}

static bool session_own_reply(struct session *s, uint64_t now, const struct session_request *request)
{
    if (request == &s->beat) {
        s->beat_waiting = false;
        return true;
    }
    docent_session_unlink(s, true);
    docent_session_offline(s, now, DOCENT_ERR_CLOSING);
    docent_session_next_server(s, now);
    return false;
}

/* False: the connection was given up, or is finished. */
static inline bool session_reply(struct session *s, uint64_t now, const uint8_t *data, size_t size)
{
    if (size < WIRE_REPLY_HEADER) {
        docent_session_drop(s, now, DOCENT_ERR_PROTOCOL);
        return false;
    }
    struct wire_in in = docent_wire_in(data, size);
    struct wire_reply_header header;
    docent_wire_get_reply_header(&in, &header);
    struct session_request *request = s->first;
    if (request == NULL || request->xid != header.xid) return session_special(s, now, &header, in);
    s->first = request->next;
    if (s->first == NULL) s->last = &s->first;
    s->progress_ms = now;
    session_see_zxid(s, header.zxid);
    if (request->freshness > s->renewed && header.err != DOCENT_ERR_SESSION_EXPIRED && header.err != DOCENT_ERR_SESSION_MOVED) {
        docent_session_renew(s, now, request, header.err);
    }

    if (request->own) return session_own_reply(s, now, request);
    s->hooks.answered(s->hooks.owner, request, &header, in.data, in.size);
    return true; /* If the connection was given up, its serial tells. */
}

static inline bool session_frame(struct session *s, uint64_t now, const uint8_t *data, size_t size)
{
    if (s->state == SESSION_HANDSHAKE) return docent_session_handshake(s, now, data, size);
    return session_reply(s, now, data, size);
}

static bool frame_size(struct session *s, uint64_t now, const uint8_t *data, size_t *ret_size)
{
    *ret_size = (uint32_t)docent_wire_load32(data);
    if (*ret_size <= s->config.reply_max) return true;
    docent_session_drop(s, now, DOCENT_ERR_TOO_LARGE); /* Or negative. */
    return false;
}

size_t docent_session_recv(struct session *s, uint64_t now, const uint8_t *data, size_t size)
{
    size_t used = 0;
    uint32_t serial = s->link.serial;
    size_t want;
    /* A large reply on a slow link is progress. For a sync only its own line is: notifications prove nothing. */
    if (!s->beat_waiting) s->progress_ms = now;

    while (s->in.size > 0) { /* Complete the frame that came in part: first its length, then the rest. */
        size_t need = WIRE_FRAME_HEADER;
        if (s->in.size >= WIRE_FRAME_HEADER) {
            if (!frame_size(s, now, s->in.data, &want)) return size;
            need += want;
        }
        size_t more = need - s->in.size;
        if (more > size - used) more = size - used;
        docent_wire_put_raw(&s->in, data + used, more);
        if (s->in.failed) {
            s->in.failed = false;
            docent_session_drop(s, now, DOCENT_ERR_NO_MEMORY);
            return size;
        }
        used += more;
        if (s->in.size < need) return used;
        if (need == WIRE_FRAME_HEADER) {
            if (!frame_size(s, now, s->in.data, &want)) return size;
            if (want > 0) continue;
        }
        size_t whole = s->in.size;
        s->in.size = 0; /* The bytes stay where they are until docent_session_keep(). */
        if (!session_frame(s, now, s->in.data + WIRE_FRAME_HEADER, whole - WIRE_FRAME_HEADER) || s->link.serial != serial) {
            return size;
        }
    }
    while (size - used >= WIRE_FRAME_HEADER) {
        if (!frame_size(s, now, data + used, &want)) return size;
        if (size - used - WIRE_FRAME_HEADER < want) break;
        used += WIRE_FRAME_HEADER;
        bool goes_on = session_frame(s, now, data + used, want);
        used += want;
        if (!goes_on || s->link.serial != serial) return size;
    }
    return used;
}

void docent_session_keep(struct session *s, const uint8_t *data, size_t size)
{
    if (size == 0) {
        if (s->in.size == 0 && s->in.capacity > SESSION_OUT_KEEP) docent_wire_out_free(&s->in);
        return;
    }
    docent_wire_put_raw(&s->in, data, size);
    if (s->in.failed) {
        s->in.failed = false;
        docent_session_drop(s, s->sent_ms, DOCENT_ERR_NO_MEMORY);
    }
}
