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

/* The oldest request has its answer. */
static inline void session_take(struct session *s, uint64_t now, struct session_request *request, const struct wire_reply_header *header)
{
    s->first = request->next;
    if (s->first == NULL) s->last = &s->first;
    s->progress_ms = now;
    session_see_zxid(s, header->zxid);
    if (request->freshness > s->renewed && header->err != DOCENT_ERR_SESSION_EXPIRED && header->err != DOCENT_ERR_SESSION_MOVED) {
        docent_session_renew(s, now, request, header->err);
    }
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
    session_take(s, now, request, &header);
    if (request->own) return session_own_reply(s, now, request);
    s->hooks.answered(s->hooks.owner, request, &header, in.data, in.size);
    return true; /* If the connection was given up, its serial tells. */
}

static inline bool session_frame(struct session *s, uint64_t now, const uint8_t *data, size_t size)
{
    if (s->state == SESSION_HANDSHAKE) return docent_session_handshake(s, now, data, size);
    return session_reply(s, now, data, size);
}

static inline bool frame_fits(const struct session *s, const uint8_t *data, size_t *ret_size)
{
    *ret_size = (uint32_t)docent_wire_load32(data);
    return *ret_size <= s->config.reply_max;
}

/* The next of what has arrived, if it belongs to a frame that is passed over. */
static size_t frame_rest(struct session *s, uint64_t now, size_t size)
{
    size_t passed = size < s->pass_over ? size : s->pass_over;
    s->pass_over -= (uint32_t)passed;
    if (passed > 0) s->progress_ms = now; /* The line does move: nothing but an answer is that long. */
    return passed;
}

/* @data: a frame over the limit, or the beginning of one. If it answers the oldest request, that one has failed, and the rest is
 * passed over as it comes; nobody sends anything else that is so long. Returns what was used of @size; 0: its header has not arrived yet, or the
 * connection was given up. */
static __attribute__((noinline, cold)) size_t frame_too_large(struct session *s, uint64_t now, const uint8_t *data, size_t size)
{
    enum { HEADERS = WIRE_FRAME_HEADER + WIRE_REPLY_HEADER };
    uint32_t length = (uint32_t)docent_wire_load32(data);
    struct session_request *request = s->first; /* NULL in the handshake, and when nobody has asked. */
    if (length <= INT32_MAX && length >= WIRE_REPLY_HEADER && request != NULL && !request->own) {
        if (size < HEADERS) return 0;
        struct wire_in in = docent_wire_in(data + WIRE_FRAME_HEADER, WIRE_REPLY_HEADER);
        struct wire_reply_header header;
        docent_wire_get_reply_header(&in, &header);
        if (header.xid == request->xid) {
            s->pass_over = length - WIRE_REPLY_HEADER;
            session_take(s, now, request, &header);
            header.err = DOCENT_ERR_TOO_LARGE;
            s->hooks.answered(s->hooks.owner, request, &header, NULL, length);
            return HEADERS + frame_rest(s, now, size - HEADERS);
        }
    }
    docent_session_drop(s, now, DOCENT_ERR_TOO_LARGE);
    return 0;
}

/* What is still to come of a frame that has begun: the rest of one that is passed over, or of one that is completed, first its length, then the
 * rest. Returns what was used: all, if the connection was given up. */
static __attribute__((noinline)) size_t frame_go_on(struct session *s, uint64_t now, const uint8_t *data, size_t size)
{
    uint32_t serial = s->link.serial;
    size_t used = frame_rest(s, now, size);
    while (s->in.size > 0) {
        size_t need = WIRE_FRAME_HEADER, want;
        bool fits = true;
        if (s->in.size >= WIRE_FRAME_HEADER) {
            fits = frame_fits(s, s->in.data, &want);
            need += fits ? want : WIRE_REPLY_HEADER;
            bool passed = !fits && frame_too_large(s, now, s->in.data, s->in.size) > 0;
            if (s->link.serial != serial) return size;
            if (passed) {
                s->in.size = 0;
                return used + frame_rest(s, now, size - used);
            }
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
        if (!fits || (need == WIRE_FRAME_HEADER && docent_wire_load32(s->in.data) != 0)) continue;
        size_t whole = s->in.size;
        s->in.size = 0; /* The bytes stay where they are until docent_session_keep(). */
        if (!session_frame(s, now, s->in.data + WIRE_FRAME_HEADER, whole - WIRE_FRAME_HEADER) || s->link.serial != serial) {
            return size;
        }
    }
    return used;
}

size_t docent_session_recv(struct session *s, uint64_t now, const uint8_t *data, size_t size)
{
    size_t used = 0;
    uint32_t serial = s->link.serial;
    size_t want;
    /* A large reply on a slow link is progress. For a sync only its own line is: notifications prove nothing. */
    if (!s->beat_waiting) s->progress_ms = now;

    if (s->in.size > 0 || s->pass_over > 0) used = frame_go_on(s, now, data, size);
    while (size - used >= WIRE_FRAME_HEADER) {
        if (!frame_fits(s, data + used, &want)) {
            size_t passed = frame_too_large(s, now, data + used, size - used);
            if (s->link.serial != serial) return size;
            if (passed == 0) break;
            used += passed;
            continue;
        }
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
