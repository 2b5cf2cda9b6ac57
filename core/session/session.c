/* core/session/session.c - see session.h. */
#include "core/session/session.h"

#include <assert.h>
#include <string.h>

enum {
    SESSION_OUT_KEEP = 4096,  /* Larger buffers are given back when they are empty: 10,000 idle sessions must stay small. */
    SESSION_GOOD_MS = 200,    /* A connection that lived so long earns an immediate retry. */
    SESSION_TRY_MIN_MS = 50,
    CONNECT_REQUEST_SIZE = 45,
};

static void session_finish(struct session *s, enum session_state next, uint64_t now);

/* ---- The stream of bytes out. ---- */

static bool session_put(struct session *s, uint64_t now, const uint8_t *data, size_t size)
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

static void session_reset_streams(struct session *s)
{
    docent_wire_out_free(&s->out);
    s->out_head = 0;
    s->stream_end = s->stream_sent = 0;
    s->in.size = 0;
}

static void session_append(struct session *s, struct session_request *request)
{
    request->next = NULL;
    *s->last = request;
    s->last = &request->next;
}

/* Only a leader, or a follower that hears from it, can answer these; reads and pings any server answers. */
static bool op_is_strict(int32_t op)
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

/* Is this the leader's answer? Other errors a server gives by itself: it is overloaded, read-only, checks access early. */
static bool is_from_leader(int32_t err)
{
    switch (err) {
    case DOCENT_OK:
    case DOCENT_ERR_NO_NODE:
    case DOCENT_ERR_NODE_EXISTS:
    case DOCENT_ERR_BAD_VERSION:
    case DOCENT_ERR_NOT_EMPTY:
    case DOCENT_ERR_NO_CHILDREN_FOR_EPHEMERALS:
        return true;
    default:
        return false;
    }
}

/* A server passes signs of life on to its leader every half tick, which is a quarter of the time-out at most; but requests
 * at once, in the same stream, and those are none. So the answer to a strict request proves the arrival of what the server had
 * a quarter before it was sent (that is certain when it had answered by then), and of nothing later. The handshake went to the leader
 * itself: from there all three are that. */
static uint64_t session_proves(const struct session *s, uint64_t now)
{
    size_t i = SESSION_SIGNS - 1;
    while (i > 0 && s->signs[i].heard_ms + s->timeout_ms / 4 > now) i--;
    return s->signs[i].sent_ms;
}

static void session_sign(struct session *s, uint64_t now, uint64_t sent)
{
    memmove(&s->signs[0], &s->signs[1], sizeof s->signs - sizeof s->signs[0]);
    s->signs[SESSION_SIGNS - 1] = (struct session_sign){ sent, now };
    s->sign_due_ms = now + (s->timeout_ms + 7) / 8; /* So that three go back a quarter. */
}

/* What the answer to a request can renew: more if it was sent later, or was strict. */
static uint64_t freshness(uint64_t queued_ms, bool strict)
{
    return queued_ms * 2 + strict;
}

static docent_status session_send(struct session *s, uint64_t now, struct session_request *request)
{
    request->xid = s->next_xid;
    s->next_xid = s->next_xid == INT32_MAX ? 1 : s->next_xid + 1;
    docent_wire_store32(request->frame + WIRE_FRAME_HEADER, request->xid);
    request->begin = s->stream_end;
    request->queued_ms = now;
    if (!session_put(s, now, request->frame, request->frame_size)) return DOCENT_ERR_NO_MEMORY;
    if (s->first == NULL) s->progress_ms = now;
    session_append(s, request);
    request->strict = op_is_strict(request->op);
    request->freshness = freshness(now, request->strict);
    if (request->strict) {
        if (s->strict_sent_ms != now) s->proves_ms = session_proves(s, now); /* What is heard at this very moment changes nothing. */
        s->strict_sent_ms = now;
        request->proves_ms = s->proves_ms;
    }
    return DOCENT_OK;
}

docent_status docent_session_submit(struct session *s, uint64_t now, struct session_request *request)
{
    assert(s->state == SESSION_ONLINE);
    return session_send(s, now, request);
}

/* They are answered in order, and numbered from 1 to INT32_MAX and round again. */
uint32_t docent_session_in_flight(const struct session *s)
{
    if (s->first == NULL) return 0;
    int32_t next = s->next_xid, first = s->first->xid;
    return (uint32_t)(next > first ? next - first : INT32_MAX - first + next);
}

/* ---- The lease. ---- */

uint64_t docent_session_lease(const struct session *s)
{
    if (s->life != SESSION_ALIVE) return 0;
    return (s->holds > 0 ? s->proved_ms : s->contact_ms) + s->timeout_ms;
}

void docent_session_set_holds(struct session *s, uint32_t holds)
{
    s->holds = holds;
}

/* ALIVE no more. Whoever held something hears of it now. */
static void session_over(struct session *s, enum session_life life)
{
    assert(s->life == SESSION_ALIVE);
    s->life = life;
    s->settled = life == SESSION_NONE;
    s->settle_until_ms = 0;
    if (life == SESSION_NONE) s->id = 0;
    s->hooks.expired(s->hooks.owner);
}

static void session_settle(struct session *s, bool certain)
{
    assert(s->life == SESSION_LOST);
    s->life = SESSION_NONE;
    s->settled = certain;
    s->id = 0;
}

/* ---- Connections. ---- */

static void session_unlink(struct session *s, bool finishing)
{
    s->link.serial++;
    s->link.wanted = false;
    s->link.finishing = finishing;
}

/* Looks for the next server, or rests. */
static void session_next_server(struct session *s, uint64_t now)
{
    if (s->close_until_ms != 0 && (s->life == SESSION_NONE || now >= s->close_until_ms)) {
        session_finish(s, SESSION_ENDED, now);
        return;
    }
    const struct docent_address *address = docent_servers_take(&s->servers);
    if (address == NULL) {
        s->state = s->servers.count == 0 && s->servers.rests == 0 ? SESSION_LOOKING : SESSION_RESTING;
        if (s->state == SESSION_RESTING) docent_servers_rest(&s->servers, now);
        return;
    }
    size_t n = s->servers.count;
    uint64_t share = s->timeout_ms / (n == 0 ? 1 : n);
    s->try_until_ms = now + (share < SESSION_TRY_MIN_MS ? SESSION_TRY_MIN_MS : share);
    s->link.serial++;
    s->link.wanted = true;
    s->link.finishing = false;
    s->link.address = *address;
    s->state = SESSION_CONNECTING;
}

/* Everything in flight learns that the connection went first. */
static void session_lose_requests(struct session *s)
{
    struct session_request *request = s->first;
    s->first = NULL;
    s->last = &s->first;
    uint64_t sent = s->stream_sent;
    while (request != NULL) {
        struct session_request *next = request->next;
        if (request == &s->beat) {
            s->beat_waiting = false;
        } else if (request != &s->leave) {
            s->hooks.lost(s->hooks.owner, request, sent > request->begin);
        }
        request = next;
    }
}

/* The connection is over, whoever ended it. */
static void session_offline(struct session *s, uint64_t now, docent_status cause)
{
    enum session_state was = s->state;
    s->state = SESSION_RESTING;
    s->ping_waiting = false;
    s->auths_waiting = s->restores_waiting = 0;
    s->moves = false;
    docent_search_stop(&s->search);
    s->restore_wanted = false;
    if (was == SESSION_ONLINE) s->hooks.offline(s->hooks.owner, cause);
    session_lose_requests(s);
    session_reset_streams(s);

    if (was == SESSION_LEAVING && s->life == SESSION_LOST) session_settle(s, true);
    if (was == SESSION_LEAVING && s->life == SESSION_ALIVE) { /* Our good-bye: end of stream is as good as the reply. */
        s->life = SESSION_NONE;
        s->settled = true;
    }
    if (was == SESSION_HANDSHAKE) s->refusals++;
    if (was == SESSION_ONLINE && now - s->online_ms >= SESSION_GOOD_MS) {
        docent_servers_good(&s->servers);
        s->refusals = 0;
    }
    if (was == SESSION_LEAVING) docent_servers_good(&s->servers);
}

void docent_session_drop(struct session *s, uint64_t now, docent_status cause)
{
    if (!s->link.wanted) return;
    session_unlink(s, false);
    session_offline(s, now, cause);
    session_next_server(s, now);
}

static void session_finish(struct session *s, enum session_state next, uint64_t now)
{
    if (s->link.wanted) {
        session_unlink(s, true);
        session_offline(s, now, DOCENT_ERR_CLOSING);
    }
    s->state = next;
}

void docent_session_addresses(struct session *s, uint64_t now, const struct docent_address *addresses, size_t count)
{
    docent_servers_set(&s->servers, addresses, count);
    if (s->state != SESSION_LOOKING) return;
    if (s->servers.count == 0) {
        s->state = SESSION_RESTING;
        docent_servers_rest(&s->servers, now);
        return;
    }
    docent_servers_begin_sweep(&s->servers);
    s->refusals = 0;
    session_next_server(s, now);
}

/* A move costs the connection, and with it the answers under way, so it waits for a quiet moment; but a busy client has none. */
bool docent_session_servers(struct session *s, uint64_t now, const struct docent_address *addresses, size_t count)
{
    if (count == 0 || s->state == SESSION_LEAVING || s->state == SESSION_ENDED) return false;
    bool stands = s->link.wanted && !s->moves;
    bool leaves = docent_servers_update(&s->servers, stands ? &s->link.address : NULL, addresses, count);

    switch (s->state) {
    case SESSION_LOOKING:
    case SESSION_RESTING:
        if (s->servers.count == 0) break; /* No memory. */
        docent_servers_begin_sweep(&s->servers);
        s->refusals = 0;
        session_next_server(s, now);
        break;
    case SESSION_CONNECTING:
        if (leaves) docent_session_drop(s, now, DOCENT_ERR_CONNECTION_LOSS);
        break;
    case SESSION_HANDSHAKE: /* A session may be coming into being. It goes along. */
    case SESSION_RESTORING:
    case SESSION_ONLINE:
        if (!stands || !leaves) break;
        s->moves = true;
        s->move_until_ms = now + s->timeout_ms / 3;
        break;
    case SESSION_LEAVING:
    case SESSION_ENDED: break;
    }
    return s->moves;
}

void docent_session_connected(struct session *s, uint64_t now)
{
    if (s->state != SESSION_CONNECTING) return;
    bool strange = s->born_read_only && !docent_address_equal(&s->born_at, &s->link.address);
    if (s->life == SESSION_LOST && strange) session_settle(s, true); /* It could not write, and nobody else knows it. */
    s->presented = s->life != SESSION_NONE && !strange;
    if (s->life == SESSION_LOST && s->settle_until_ms == 0) s->settle_until_ms = s->try_until_ms;

    struct wire_out out = { .allocator = s->allocator };
    size_t begin = docent_wire_frame_begin(&out);
    static const uint8_t no_password[16];
    struct wire_connect_request request = {
        .last_zxid = s->last_zxid,
        .timeout_ms = s->config.timeout_ms > INT32_MAX ? INT32_MAX : (int32_t)s->config.timeout_ms,
        .session_id = s->presented ? s->id : 0,
        .password = docent_wire_buffer(s->presented ? s->password : no_password, 16),
    };
    docent_wire_put_connect_request(&out, &request);
    docent_wire_put_bool(&out, s->config.read_only_allowed);
    docent_wire_frame_end(&out, begin);
    bool good = !out.failed && session_put(s, now, out.data, out.size);
    docent_wire_out_free(&out);
    if (!good) {
        docent_session_drop(s, now, DOCENT_ERR_NO_MEMORY);
        return;
    }
    s->state = SESSION_HANDSHAKE;
}

void docent_session_disconnected(struct session *s, uint64_t now)
{
    if (!s->link.wanted) return;
    docent_session_drop(s, now, DOCENT_ERR_CONNECTION_LOSS);
}

/* ---- From handshake to online. ---- */

/* Sessions that began together do not beat together. */
static void session_draw_jitter(struct session *s)
{
    s->beat_jitter_ms = (uint32_t)(docent_random_next(&s->servers.random) % (s->timeout_ms / 10 + 1));
}

static void session_say_goodbye(struct session *s, uint64_t now)
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
    if (session_send(s, now, &s->leave) != DOCENT_OK) docent_session_drop(s, now, DOCENT_ERR_NO_MEMORY);
}

static bool session_put_auth(struct session *s, uint64_t now, const struct session_auth *auth)
{
    if (!session_put(s, now, auth->frame, auth->frame_size)) return false;
    s->auths_waiting++;
    return true;
}

static bool session_put_ping(struct session *s, uint64_t now)
{
    uint8_t frame[12];
    docent_wire_store32(frame, WIRE_REQUEST_HEADER);
    docent_wire_store32(frame + 4, WIRE_XID_PING);
    docent_wire_store32(frame + 8, WIRE_OP_PING);
    if (!session_put(s, now, frame, sizeof frame)) return false;
    s->ping_waiting = true;
    s->ping_sent_ms = s->progress_ms = now;
    return true;
}

/* Once everything that must come first has been answered. */
static void session_try_online(struct session *s, uint64_t now)
{
    if (s->state != SESSION_RESTORING || s->auths_waiting > 0 || s->restores_waiting > 0 || s->restore_wanted ||
        (s->ping_waiting && s->zxid_before != 0)) {
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

static void session_restore(struct session *s, uint64_t now)
{
    s->restore_wanted = !s->hooks.restore(s->hooks.owner);
    session_try_online(s, now);
}

void docent_session_restore(struct session *s, uint64_t now)
{
    if (s->state == SESSION_RESTORING && s->restore_wanted) session_restore(s, now);
}

docent_status docent_session_put_watches(struct session *s, const uint8_t *frame, size_t size)
{
    if (!session_put(s, s->sent_ms, frame, size)) return DOCENT_ERR_NO_MEMORY;
    s->restores_waiting++;
    return DOCENT_OK;
}

static void session_associate(struct session *s, uint64_t now, const struct wire_connect_response *response, bool read_only)
{
    bool is_new = s->life == SESSION_NONE;
    s->timeout_ms = (uint32_t)response->timeout_ms;
    session_draw_jitter(s);
    s->read_only = read_only;
    memcpy(s->password, response->password.data, 16);
    s->progress_ms = now;
    if (s->life == SESSION_LOST) { /* Still there: end it. */
        session_say_goodbye(s, now);
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
    for (size_t i = 0; i < SESSION_SIGNS; i++) session_sign(s, now, s->sent_ms);
    s->strict_sent_ms = s->sent_ms;
    s->state = SESSION_RESTORING;
    if (s->close_until_ms != 0) {
        session_say_goodbye(s, now);
        return;
    }
    bool good = true;
    for (const struct session_auth *auth = s->auths; auth != NULL && good; auth = auth->next) {
        good = session_put_auth(s, now, auth);
    }
    /* Where have we got to? Asked only when it was forgotten, because it costs a round trip before we are online. */
    if (good && s->zxid_before != 0) good = session_put_ping(s, now);
    if (!good) {
        docent_session_drop(s, now, DOCENT_ERR_NO_MEMORY);
        return;
    }
    session_restore(s, now);
}

static bool session_handshake(struct session *s, uint64_t now, const uint8_t *data, size_t size)
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
        session_unlink(s, true);
        s->state = SESSION_CONNECTING; /* Not a refusal. */
        session_offline(s, now, DOCENT_ERR_SESSION_EXPIRED);
        if (!s->presented) {
            session_next_server(s, now);
            return false;
        }
        if (s->life == SESSION_ALIVE) {
            session_over(s, SESSION_NONE);
        } else if (s->life == SESSION_LOST) {
            session_settle(s, true);
        }
        docent_servers_good(&s->servers);
        session_next_server(s, now);
        return false;
    }
    if (response.password.size != 16 || response.session_id == 0 || (read_only && !s->config.read_only_allowed)) {
        docent_session_drop(s, now, DOCENT_ERR_PROTOCOL);
        return false;
    }
    if (!s->presented && s->life == SESSION_ALIVE) session_over(s, SESSION_NONE); /* Left behind at its read-only server. */
    if (!s->presented && s->life == SESSION_LOST) session_settle(s, true);
    if (s->born_read_only && !read_only && s->life == SESSION_ALIVE) {
        /* A session made by a read-only server means nothing to the others. Take a new one. */
        session_over(s, SESSION_NONE);
        docent_session_drop(s, now, DOCENT_ERR_SESSION_EXPIRED);
        return false;
    }
    session_associate(s, now, &response, read_only);
    return s->link.wanted;
}

/* ---- Replies. ---- */

static __attribute__((noinline)) void session_renew(struct session *s, uint64_t now, const struct session_request *request, int32_t err)
{
    bool strict = request->strict && is_from_leader(err);
    s->renewed = freshness(request->queued_ms, strict);
    if (request->queued_ms > s->contact_ms) s->contact_ms = request->queued_ms;
    if (strict) {
        if (request->queued_ms > s->strict_ms) s->strict_ms = request->queued_ms;
        if (request->proves_ms > s->proved_ms) s->proved_ms = request->proves_ms;
    }
    if (now >= s->sign_due_ms) session_sign(s, now, request->queued_ms);
}

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
        if (now >= s->sign_due_ms) session_sign(s, now, s->ping_sent_ms);
        if (s->state == SESSION_RESTORING) session_see_zxid(s, header->zxid);
        session_try_online(s, now);
        return true;
    case WIRE_XID_AUTH:
        if (s->auths_waiting == 0) break;
        s->auths_waiting--;
        if (header->err != 0) {
            s->hooks.auth_failed(s->hooks.owner);
            return s->link.wanted;
        }
        session_try_online(s, now);
        return true;
    case WIRE_XID_SET_WATCHES:
        if (s->restores_waiting == 0) break;
        s->restores_waiting--;
        if (header->err != 0) {
            docent_session_drop(s, now, (docent_status)header->err);
            return false;
        }
        s->progress_ms = now;
        session_try_online(s, now);
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
    session_unlink(s, true);
    session_offline(s, now, DOCENT_ERR_CLOSING);
    session_next_server(s, now);
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
        session_renew(s, now, request, header.err);
    }

    if (request->own) return session_own_reply(s, now, request);
    s->hooks.answered(s->hooks.owner, request, &header, in.data, in.size);
    return true; /* If the connection was given up, its serial tells. */
}

static inline bool session_frame(struct session *s, uint64_t now, const uint8_t *data, size_t size)
{
    if (s->state == SESSION_HANDSHAKE) return session_handshake(s, now, data, size);
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

/* ---- Time. ---- */

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* When the next heartbeat is due. */
static uint64_t session_beat_due(const struct session *s)
{
    if (s->ping_waiting || s->beat_waiting) return UINT64_MAX;
    /* A third of the time-out is proved, mostly: see session_proves(). */
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
        good = session_send(s, now, &s->beat) == DOCENT_OK;
        s->beat_waiting = good;
        s->beat_sent_ms = now;
        s->progress_ms = now;
    } else {
        good = session_put_ping(s, now);
    }
    session_draw_jitter(s);
    s->beats++;
    if (!good) docent_session_drop(s, now, DOCENT_ERR_NO_MEMORY);
}

void docent_session_tick(struct session *s, uint64_t now)
{
    if (s->state == SESSION_ENDED) return;

    uint64_t lease = docent_session_lease(s);
    if (lease != 0 && now >= lease && s->state != SESSION_LEAVING) {
        if (s->link.wanted && s->state != SESSION_CONNECTING && s->state != SESSION_HANDSHAKE) {
            session_unlink(s, false);
            session_offline(s, now, DOCENT_ERR_SESSION_EXPIRED);
            session_over(s, SESSION_LOST);
            session_next_server(s, now);
        } else {
            session_over(s, SESSION_LOST);
            /* A handshake under way presents the session; how it ends settles the matter. */
            if (s->state == SESSION_HANDSHAKE) s->settle_until_ms = s->try_until_ms;
        }
    }
    if (s->life == SESSION_LOST && s->settle_until_ms != 0 && now >= s->settle_until_ms) {
        session_settle(s, false);
        if (s->link.wanted) docent_session_drop(s, now, DOCENT_ERR_TIMEOUT);
    }
    if (s->close_until_ms != 0 && now >= s->close_until_ms) {
        session_finish(s, SESSION_ENDED, now);
        return;
    }

    switch (s->state) {
    case SESSION_RESTING:
        if (now < s->servers.rest_until_ms) break;
        /* Nobody in a whole sweep would have us, some closed without a word, and the session is over anyway: they may be a new, empty ensemble. */
        if (s->life != SESSION_ALIVE && s->refusals > 0 && s->last_zxid != 0) {
            if (s->life == SESSION_LOST) session_settle(s, false);
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

/* ---- Away from a read-only server. ---- */

bool docent_session_wants_search(const struct session *s, struct docent_address *ret_address)
{
    if (s->state != SESSION_ONLINE || !s->search.asks) return false;
    *ret_address = s->search.address;
    return true;
}

void docent_session_searched(struct session *s, uint64_t now, const struct docent_address *address, bool writes)
{
    if (!docent_search_answered(&s->search, now, address, &s->servers.random) || !writes || s->state != SESSION_ONLINE) return;
    docent_servers_prefer(&s->servers, address);
    docent_session_drop(s, now, DOCENT_ERR_NOT_READ_ONLY);
}

/* ---- Credentials, beginning, end. ---- */

docent_status docent_session_add_auth(struct session *s, uint64_t now, const uint8_t *frame, size_t size)
{
    struct session_auth *auth = docent_alloc(s->allocator, sizeof *auth + size);
    if (auth == NULL) return DOCENT_ERR_NO_MEMORY;
    auth->next = NULL;
    auth->frame_size = (uint32_t)size;
    memcpy(auth->frame, frame, size);
    if ((s->state == SESSION_ONLINE || s->state == SESSION_RESTORING) && !session_put_auth(s, now, auth)) {
        docent_free(s->allocator, auth);
        return DOCENT_ERR_NO_MEMORY;
    }
    struct session_auth **end = &s->auths;
    while (*end != NULL) end = &(*end)->next;
    *end = auth;
    return DOCENT_OK;
}

docent_status docent_session_init(struct session *s, const struct session_config *config, const struct session_hooks *hooks,
                                  const docent_allocator *allocator, uint64_t now)
{
    memset(s, 0, sizeof *s);
    s->config = *config;
    s->hooks = *hooks;
    s->allocator = allocator;
    s->out.allocator = s->in.allocator = allocator;
    s->last = &s->first;
    s->timeout_ms = config->timeout_ms;
    s->next_xid = 1;
    s->settled = true;
    docent_servers_init(&s->servers, allocator, config->seed);
    if (config->session_id != 0) {
        s->life = SESSION_ALIVE;
        s->id = config->session_id;
        memcpy(s->password, config->password, sizeof s->password);
        s->generation = 1;
        s->contact_ms = s->strict_ms = s->proved_ms = now;
    }
    return DOCENT_OK;
}

void docent_session_free(struct session *s)
{
    docent_servers_free(&s->servers);
    docent_wire_out_free(&s->out);
    docent_wire_out_free(&s->in);
    while (s->auths != NULL) {
        struct session_auth *next = s->auths->next;
        docent_free(s->allocator, s->auths);
        s->auths = next;
    }
}

void docent_session_close(struct session *s, uint64_t now)
{
    if (s->close_until_ms != 0 || s->state == SESSION_ENDED) return;
    s->close_until_ms = now + s->config.close_timeout_ms;
    switch (s->state) {
    case SESSION_ONLINE:
    case SESSION_RESTORING:
        session_say_goodbye(s, now);
        break;
    case SESSION_LOOKING:
    case SESSION_RESTING:
    case SESSION_CONNECTING:
        if (s->life == SESSION_NONE) session_finish(s, SESSION_ENDED, now);
        break;
    case SESSION_HANDSHAKE: /* A session may be coming into being: end it when it has. */
    case SESSION_LEAVING:
    case SESSION_ENDED:
        break;
    }
}
