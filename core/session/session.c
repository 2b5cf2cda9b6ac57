/* core/session/session.c - the session's connections, one server after the other; its beginning and end. See session.h. */
#include <assert.h>
#include <string.h>

#include "core/session/internal.h"

enum {
    SESSION_GOOD_MS = 200,    /* A connection that lived so long earns an immediate retry. */
    SESSION_TRY_MIN_MS = 50,
};

/* ---- Life. ---- */

/* ALIVE no more. Whoever held something hears of it now. */
void docent_session_over(struct session *s, enum session_life life)
{
    assert(s->life == SESSION_ALIVE);
    s->life = life;
    s->settled = life == SESSION_NONE;
    s->settle_until_ms = 0;
    if (life == SESSION_NONE) s->id = 0;
    s->hooks.expired(s->hooks.owner);
}

void docent_session_settle(struct session *s, bool certain)
{
    assert(s->life == SESSION_LOST);
    s->life = SESSION_NONE;
    s->settled = certain;
    s->id = 0;
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
        docent_session_say_goodbye(s, now);
        break;
    case SESSION_LOOKING:
    case SESSION_RESTING:
    case SESSION_CONNECTING:
        if (s->life == SESSION_NONE) docent_session_finish(s, SESSION_ENDED, now);
        break;
    case SESSION_HANDSHAKE: /* A session may be coming into being: end it when it has. */
    case SESSION_LEAVING:
    case SESSION_ENDED:
        break;
    }
}

/* ---- Connections. ---- */

void docent_session_unlink(struct session *s, bool finishing)
{
    s->link.serial++;
    s->link.wanted = false;
    s->link.finishing = finishing;
}

/* Looks for the next server, or rests. */
void docent_session_next_server(struct session *s, uint64_t now)
{
    if (s->close_until_ms != 0 && (s->life == SESSION_NONE || now >= s->close_until_ms)) {
        docent_session_finish(s, SESSION_ENDED, now);
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
void docent_session_offline(struct session *s, uint64_t now, docent_status cause)
{
    enum session_state was = s->state;
    s->state = SESSION_RESTING;
    s->ping_waiting = false;
    s->auths_waiting = s->restores_waiting = 0;
    s->moves = false;
    docent_search_stop(&s->search);
    s->restored = SESSION_RESTORED_ALL;
    if (was == SESSION_ONLINE) s->hooks.offline(s->hooks.owner, cause);
    session_lose_requests(s);
    docent_session_reset_streams(s);

    if (was == SESSION_LEAVING && s->life == SESSION_LOST) docent_session_settle(s, true);
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
    docent_session_unlink(s, false);
    docent_session_offline(s, now, cause);
    docent_session_next_server(s, now);
}

void docent_session_finish(struct session *s, enum session_state next, uint64_t now)
{
    if (s->link.wanted) {
        docent_session_unlink(s, true);
        docent_session_offline(s, now, DOCENT_ERR_CLOSING);
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
    docent_session_next_server(s, now);
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
        docent_session_next_server(s, now);
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
    if (s->life == SESSION_LOST && strange) docent_session_settle(s, true); /* It could not write, and nobody else knows it. */
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
    bool good = !out.failed && docent_session_put(s, now, out.data, out.size);
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
