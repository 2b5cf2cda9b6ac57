/* src/connection.c - see connection.h. */
#include "connection.h"

#include <stdio.h>
#include <string.h>

#include "credentials.h"
#include "must.h"
#include "requests.h"
#include "words.h"

/* ---- Making and freeing. ---- */

struct connection *docent_connection_new(struct replica *replica, uint64_t now, const char *peer, void *user)
{
    docent_replica_tell_time(replica, now);
    struct connection *c = must(calloc(1, sizeof *c));
    c->replica = replica;
    c->id = replica->next_connection++;
    c->user = user;
    c->last = &c->first;
    c->next = replica->connections;
    if (c->next != NULL) c->next->previous = c;
    replica->connections = c;
    replica->connection_count++;
    struct connection **bucket = &replica->by_id[c->id % CONNECTION_BUCKETS];
    c->chain = *bucket;
    *bucket = c;
    c->established = replica->now;
    docent_connection_stats_reset(&c->stats);
    snprintf(c->peer, sizeof c->peer, "%s", peer);
    docent_credentials_add(&c->credentials, docent_wire_string("ip"), docent_wire_buffer(c->peer, strcspn(c->peer, ":")));
    if (replica->silent_at == UINT64_MAX) replica->silent_at = replica->now + SILENCE_MAX_MS;
    return c;
}

void docent_connection_ready(struct connection *c)
{
    if (c->ready_at != NULL) return;
    c->ready_at = &c->replica->ready;
    c->ready_next = c->replica->ready;
    if (c->ready_next != NULL) c->ready_next->ready_at = &c->ready_next;
    c->replica->ready = c;
}

static void connection_not_ready(struct connection *c)
{
    if (c->ready_at == NULL) return;
    *c->ready_at = c->ready_next;
    if (c->ready_next != NULL) c->ready_next->ready_at = c->ready_at;
    c->ready_at = NULL;
}

struct connection *docent_replica_ready(struct replica *replica)
{
    struct connection *c = replica->ready;
    if (c != NULL) connection_not_ready(c);
    return c;
}

/* They are passed on when the leader asks, which it does every half tick. */
static uint64_t touch_next(const struct replica *replica)
{
    uint64_t half = replica->config.tick_ms / 2 + (replica->config.tick_ms < 2);
    uint64_t phase = replica->config.touch_phase_ms % half;
    return (replica->now + half - phase) / half * half + phase;
}

void docent_connection_touch(struct connection *c, bool touched)
{
    if (c->touched == touched) return;
    if (touched && c->replica->touched_count == 0) c->replica->touch_at = touch_next(c->replica);
    c->touched = touched;
    c->replica->touched_count += touched ? 1 : (size_t)-1;
}

void docent_connection_free(struct connection *c)
{
    struct replica *replica = c->replica;
    connection_not_ready(c);
    docent_watch_set_drop(&replica->watches, &c->watches);
    docent_requests_free(c);
    docent_connection_touch(c, false);
    struct connection **at = &replica->by_id[c->id % CONNECTION_BUCKETS];
    while (*at != c) at = &(*at)->chain;
    *at = c->chain;
    if (c->previous != NULL) {
        c->previous->next = c->next;
    } else {
        replica->connections = c->next;
    }
    if (c->next != NULL) c->next->previous = c->previous;
    replica->connection_count--;
    docent_wire_out_free(&c->in);
    docent_wire_out_free(&c->out);
    docent_wire_out_free(&c->credentials);
    free(c);
}

struct connection *docent_connection_next(struct replica *replica, struct connection *connection)
{
    return connection == NULL ? replica->connections : connection->next;
}

void *docent_connection_user(const struct connection *c)
{
    return c->user;
}

int64_t docent_connection_session(const struct connection *c)
{
    return c->session;
}

struct connection *docent_connection_find(struct replica *replica, uint64_t id)
{
    struct connection *c = replica->by_id[id % CONNECTION_BUCKETS];
    while (c != NULL && c->id != id) c = c->chain;
    return c;
}

void docent_connection_drop(struct connection *c)
{
    if (!c->dropped) c->replica->stats.dropped++;
    c->dropped = true;
    docent_connection_ready(c);
    c->state = CONNECTION_ENDED;
    docent_watch_set_drop(&c->replica->watches, &c->watches);
}

/* ---- Counting. ---- */

static void count_received(struct connection *c, size_t size)
{
    c->stats.received++;
    c->replica->stats.received++;
    c->replica->stats.bytes_received += size;
}

void docent_connection_count_sent(struct connection *c, size_t size)
{
    c->stats.sent++;
    c->replica->stats.sent++;
    c->replica->stats.bytes_sent += size;
}

void docent_connection_count_answered(struct connection *c, int32_t op, int32_t cxid, int64_t zxid, uint64_t came, size_t size)
{
    uint64_t took = c->replica->now - came;
    docent_connection_count_sent(c, size);
    c->stats.last_op = op;
    if (cxid >= 0) c->stats.last_cxid = cxid;
    c->stats.last_zxid = zxid;
    c->stats.last_response = c->replica->now;
    c->stats.last_latency = took;
    docent_latency_add(&c->stats.latency, took);
    docent_latency_add(&c->replica->stats.latency, took);
}

void docent_connection_view(const struct connection *c, struct connection_view *ret_view)
{
    unsigned interest = c->state == CONNECTION_ENDED ? 0 : connection_unsent(c) > 0 ? 5 : 1;
    *ret_view = (struct connection_view){ c->peer, c->session, c->timeout_ms, c->established, c->pending, interest, c->stats };
}

void docent_connection_reset_stats(struct connection *c)
{
    docent_connection_stats_reset(&c->stats);
}

/* ---- Handshake and four-letter words. ---- */

struct server_message *docent_connection_message(enum message_type type, const struct connection *c)
{
    struct server_message *message = must(calloc(1, sizeof *message));
    message->type = type;
    message->connection = c->id;
    message->session = c->session;
    return message;
}

void docent_connection_opened(struct connection *c, int64_t session, int32_t timeout_ms, const uint8_t password[16])
{
    size_t begin = docent_wire_frame_begin(&c->out);
    struct wire_connect_response response = { 0, timeout_ms, session, docent_wire_buffer(password, 16) };
    docent_wire_put_connect_response(&c->out, &response);
    if (!c->old_client && !c->replica->speak->short_handshake) docent_wire_put_bool(&c->out, c->replica->read_only);
    docent_wire_frame_end(&c->out, begin);
    docent_connection_ready(c);
    docent_connection_count_answered(c, WIRE_OP_CREATE_SESSION, 0, c->replica->tree->zxid, c->came, c->out.size - begin);
    if (session == 0) {
        c->ends = true;
        c->state = CONNECTION_ENDED;
        return;
    }
    c->state = CONNECTION_OPEN;
    c->session = session;
    c->timeout_ms = timeout_ms;
}

static void handshake_receive(struct connection *c, const uint8_t *data, size_t size)
{
    struct replica *replica = c->replica;
    struct wire_in in = docent_wire_in(data, size);
    struct wire_connect_request request;
    bool read_only = false;
    if (!docent_wire_get_connect_request(&in, &request)) {
        docent_connection_drop(c);
        return;
    }
    c->old_client = !docent_wire_get_read_only(&in, &read_only);
    c->came = replica->now;
    replica->stats.handshakes++;
    if (replica->read_only && !read_only) { /* It has not said that it accepts that. */
        docent_connection_drop(c);
        return;
    }
    if (request.last_zxid > replica->tree->zxid) { /* It has seen more than we have. */
        docent_connection_drop(c);
        return;
    }
    if (request.session_id != 0) { /* The older connection goes, before the password is looked at. */
        for (struct connection *other = replica->connections; other != NULL; other = other->next) {
            if (other != c && other->session == request.session_id) docent_connection_drop(other);
        }
    }
    struct server_message *message = docent_connection_message(UP_OPEN, c);
    message->session = request.session_id;
    message->timeout_ms = request.timeout_ms;
    if (request.password.size == 16) memcpy(message->password, request.password.data, 16);
    c->state = CONNECTION_OPENING;
    docent_replica_up(replica, message);
}

static bool word_receive(struct connection *c, const uint8_t *word)
{
    struct replica *replica = c->replica;
    c->state = CONNECTION_ENDED; /* It is listed so by the words that list connections. */
    replica->stats.received++;
    c->stats.received++;
    if (!docent_words_answer(replica, word, &c->out)) {
        replica->stats.received--;
        c->stats.received--;
        c->state = CONNECTION_NEW;
        return false;
    }
    replica->stats.sent++; /* Words count, sizes do not. */
    c->ends = true;
    return true;
}

/* ---- Bytes. ---- */

bool docent_connection_wants_close(const struct connection *c, bool *ret_dropped)
{
    *ret_dropped = c->dropped;
    return c->dropped || (c->ends && c->out_head == c->out.size);
}

bool docent_connection_wants_read(const struct connection *c, bool reading)
{
    size_t out_bound = reading ? OUT_MAX : OUT_MAX / 2;
    size_t in_bound = (size_t)c->replica->config.request_max + 4; /* So much a request takes. */
    return !c->ends && !c->dropped && connection_unsent(c) < out_bound && c->in.size <= in_bound;
}

static void frame_receive(struct connection *c, const uint8_t *data, size_t size)
{
    count_received(c, size + 4);
    switch (c->state) {
    case CONNECTION_NEW: handshake_receive(c, data, size); break;
    case CONNECTION_OPEN: docent_requests_receive(c, data, size); break;
    case CONNECTION_OPENING: /* Kept until the answer: connection_frames() waits. */
    case CONNECTION_ENDED: break;
    }
}

/* As many frames as there are and may be looked at now. Returns what they took. */
static size_t connection_frames(struct connection *c, const uint8_t *data, size_t size)
{
    size_t used = 0;
    while (size - used >= 4 && !c->dropped && !c->ends && c->state != CONNECTION_OPENING && c->pending < PENDING_MAX &&
           connection_unsent(c) < OUT_MAX) {
        if (c->state == CONNECTION_NEW && word_receive(c, data + used)) return size;
        uint32_t big;
        memcpy(&big, data + used, 4);
        size_t want = __builtin_bswap32(big);
        if (want > c->replica->config.request_max) {
            c->replica->stats.large_requests++;
            docent_connection_drop(c);
            return size;
        }
        if (size - used - 4 < want) break;
        frame_receive(c, data + used + 4, want);
        used += 4 + want;
    }
    return c->dropped || c->ends ? size : used;
}

void docent_connection_pump(struct connection *c)
{
    if (c->in.size == 0) return;
    docent_connection_ready(c);
    size_t used = connection_frames(c, c->in.data, c->in.size);
    memmove(c->in.data, c->in.data + used, c->in.size - used);
    c->in.size -= used;
    if (c->in.size == 0 && c->in.capacity > OUT_KEEP) docent_wire_out_free(&c->in);
}

void docent_connection_recv(struct connection *c, uint64_t now, const uint8_t *data, size_t size)
{
    docent_replica_tell_time(c->replica, now);
    if (c->state == CONNECTION_ENDED) return;
    if (c->replica->stalled) {
        c->lost = true;
        return;
    }
    size_t used = 0;
    if (c->in.size == 0) used = connection_frames(c, data, size);
    docent_wire_put_raw(&c->in, data + used, size - used);
    if (used == 0) docent_connection_pump(c);
    docent_connection_ready(c);
}

size_t docent_connection_send(const struct connection *c, const uint8_t **ret_data)
{
    if (c->dropped || c->out.size == 0) return 0;
    *ret_data = c->out.data + c->out_head;
    return c->out.size - c->out_head;
}

void docent_connection_sent(struct connection *c, size_t size)
{
    bool full = connection_unsent(c) >= OUT_MAX;
    c->out_head += size;
    if (full && c->out_head > OUT_MAX / 2) { /* What is sent need not be kept until the rest is. */
        memmove(c->out.data, c->out.data + c->out_head, connection_unsent(c));
        c->out.size -= c->out_head;
        c->out_head = 0;
    }
    if (connection_unsent(c) == 0) {
        c->out_head = c->out.size = 0;
        if (c->out.capacity > OUT_KEEP) docent_wire_out_free(&c->out);
    }
    if (!full || connection_unsent(c) >= OUT_MAX || c->replica->stalled) return;
    docent_requests_run(c);
    docent_connection_pump(c);
}
