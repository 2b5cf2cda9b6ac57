/* core/session/send.c - the stream of bytes out, and the requests in it. */
#include <assert.h>
#include <string.h>

#include "core/session/internal.h"

bool docent_session_put(struct session *s, uint64_t now, const uint8_t *data, size_t size)
{
    uint8_t *at = docent_wire_room(&s->out, size);
    if (at == NULL) {
        s->out.failed = false;
        return false;
    }
    memcpy(at, data, size);
    s->stream_end += size;
    s->sent_ms = now;
    return true;
}

void docent_session_reset_streams(struct session *s)
{
    docent_wire_out_free(&s->out);
    s->out_head = 0;
    s->stream_end = s->stream_sent = 0;
    s->in.size = 0;
    s->pass_over = 0;
}

static void session_append(struct session *s, struct session_request *request)
{
    request->next = NULL;
    *s->last = request;
    s->last = &request->next;
}

docent_status docent_session_send(struct session *s, uint64_t now, struct session_request *request)
{
    request->xid = s->next_xid;
    s->next_xid = s->next_xid == INT32_MAX ? 1 : s->next_xid + 1;
    docent_wire_store32(request->frame + WIRE_FRAME_HEADER, request->xid);
    request->begin = s->stream_end;
    request->queued_ms = now;
    if (!docent_session_put(s, now, request->frame, request->frame_size)) return DOCENT_ERR_NO_MEMORY;
    if (s->first == NULL) s->progress_ms = now;
    session_append(s, request);
    request->strict = docent_session_is_strict(request->op);
    request->freshness = docent_session_freshness(now, request->strict);
    if (request->strict) {
        if (s->strict_sent_ms != now) s->proves_ms = docent_session_proves(s, now); /* What is heard at this very moment changes nothing. */
        s->strict_sent_ms = now;
        request->proves_ms = s->proves_ms;
    }
    return DOCENT_OK;
}

docent_status docent_session_submit(struct session *s, uint64_t now, struct session_request *request)
{
    assert(s->state == SESSION_ONLINE);
    return docent_session_send(s, now, request);
}

/* They are answered in order, and numbered from 1 to INT32_MAX and round again. */
uint32_t docent_session_in_flight(const struct session *s)
{
    if (s->first == NULL) return 0;
    int32_t next = s->next_xid, first = s->first->xid;
    return (uint32_t)(next > first ? next - first : INT32_MAX - first + next);
}

bool docent_session_put_auth(struct session *s, uint64_t now, const struct session_auth *auth)
{
    if (!docent_session_put(s, now, auth->frame, auth->frame_size)) return false;
    s->auths_waiting++;
    return true;
}

bool docent_session_put_ping(struct session *s, uint64_t now)
{
    uint8_t frame[12];
    docent_wire_store32(frame, WIRE_REQUEST_HEADER);
    docent_wire_store32(frame + 4, WIRE_XID_PING);
    docent_wire_store32(frame + 8, WIRE_OP_PING);
    if (!docent_session_put(s, now, frame, sizeof frame)) return false;
    s->ping_waiting = true;
    s->ping_sent_ms = s->progress_ms = now;
    return true;
}

docent_status docent_session_put_watches(struct session *s, const uint8_t *frame, size_t size)
{
    if (!docent_session_put(s, s->sent_ms, frame, size)) return DOCENT_ERR_NO_MEMORY;
    s->restores_waiting++;
    return DOCENT_OK;
}

docent_status docent_session_add_auth(struct session *s, uint64_t now, const uint8_t *frame, size_t size)
{
    struct session_auth *auth = docent_alloc(s->allocator, sizeof *auth + size);
    if (auth == NULL) return DOCENT_ERR_NO_MEMORY;
    auth->next = NULL;
    auth->frame_size = (uint32_t)size;
    memcpy(auth->frame, frame, size);
    if ((s->state == SESSION_ONLINE || s->state == SESSION_RESTORING) && !docent_session_put_auth(s, now, auth)) {
        docent_free(s->allocator, auth);
        return DOCENT_ERR_NO_MEMORY;
    }
    struct session_auth **end = &s->auths;
    while (*end != NULL) end = &(*end)->next;
    *end = auth;
    return DOCENT_OK;
}

size_t docent_session_pending(const struct session *s, const uint8_t **ret_data)
{
    if (s->out.size == s->out_head || s->state == SESSION_CONNECTING) return 0;
    *ret_data = s->out.data + s->out_head;
    return s->out.size - s->out_head;
}

void docent_session_sent(struct session *s, size_t size)
{
    assert(size <= s->out.size - s->out_head);
    s->out_head += size;
    s->stream_sent += size;
    if (s->out_head < s->out.size) return;
    s->out_head = s->out.size = 0;
    if (s->out.capacity > SESSION_OUT_KEEP && s->first == NULL) docent_wire_out_free(&s->out);
}
