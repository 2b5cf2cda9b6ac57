#include "tests/sim/net.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct chunk {
    struct chunk *next;
    uint64_t at_us;
    size_t size, head;
    bool end;      /* The stream is over. */
    bool cut;      /* When these bytes have arrived, the connection is cut. */
    uint8_t data[];
};

static void *net_memory(void *block, size_t size)
{
    void *memory = realloc(block, size);
    if (memory == NULL) {
        abort();
    }
    return memory;
}

static uint64_t net_latency(struct net *net)
{
    return chance_between(net->random, net->latency_min_us, net->latency_max_us);
}

static enum side net_other(enum side side)
{
    return side == SIDE_CLIENT ? SIDE_SERVER : SIDE_CLIENT;
}

static void pipe_wake(struct pipe *pipe)
{
    if (pipe->first != NULL && !pipe->frozen) {
        clock_set(pipe->conn->net->clock, &pipe->alarm, pipe->first->at_us);
    } else {
        clock_stop(pipe->conn->net->clock, &pipe->alarm);
    }
}

static enum side pipe_side(const struct pipe *pipe)
{
    return pipe == &pipe->conn->to[SIDE_CLIENT] ? SIDE_CLIENT : SIDE_SERVER;
}

static bool pipe_blocked(const struct pipe *pipe)
{
    const struct conn *conn = pipe->conn;
    const struct net_hooks *hooks = &conn->net->hooks;
    return !hooks->reachable(hooks->user, conn->client, conn->server) || !hooks->listens(hooks->user, pipe->conn, pipe_side(pipe));
}

static void pipe_drop(struct pipe *pipe)
{
    while (pipe->first != NULL) {
        struct chunk *chunk = pipe->first;
        pipe->first = chunk->next;
        free(chunk);
    }
    pipe->last = NULL;
    clock_stop(pipe->conn->net->clock, &pipe->alarm);
}

static struct chunk *pipe_add(struct pipe *pipe, const uint8_t *data, size_t size, uint64_t delay_us)
{
    struct net *net = pipe->conn->net;
    struct chunk *chunk = net_memory(NULL, sizeof *chunk + size);
    *chunk = (struct chunk){.at_us = net->clock->now_us + net_latency(net) + delay_us, .size = size};
    if (chunk->at_us < pipe->last_at_us) {
        chunk->at_us = pipe->last_at_us;
    }
    pipe->last_at_us = chunk->at_us;
    if (size > 0) {
        memcpy(chunk->data, data, size);
    }
    if (pipe->last == NULL) {
        pipe->first = chunk;
    } else {
        pipe->last->next = chunk;
    }
    pipe->last = chunk;
    if (pipe->first == chunk) {
        pipe_wake(pipe);
    }
    return chunk;
}

static void pipe_end(struct pipe *pipe)
{
    if (!pipe->ended) {
        pipe->ended = true;
        if (!pipe->deaf) {
            pipe_add(pipe, NULL, 0, 0)->end = true;
        }
    }
}

static void conn_free(struct conn *conn)
{
    struct net *net = conn->net;
    if (conn->next != NULL) {
        conn->next->previous = conn->previous;
    }
    if (conn->previous != NULL) {
        conn->previous->next = conn->next;
    } else {
        net->conns = conn->next;
    }
    clock_stop(net->clock, &conn->opening);
    for (unsigned side = 0; side < 2; side++) {
        pipe_drop(&conn->to[side]);
        free(conn->to[side].partial);
    }
    free(conn);
}

static bool conn_freed_if_over(struct conn *conn)
{
    if (conn->to[SIDE_CLIENT].deaf && conn->to[SIDE_SERVER].deaf) {
        conn_free(conn);
        return true;
    }
    return false;
}

/* For @side it is over. */
static void conn_leave(struct conn *conn, enum side side)
{
    struct pipe *in = &conn->to[side];
    in->deaf = true;
    conn->users[side] = NULL;
    pipe_drop(in);
}

static void conn_tell_broken(struct conn *conn, enum side side)
{
    if (!conn->to[side].deaf) {
        struct net *net = conn->net;
        net->hooks.broken(net->hooks.user, conn, side);
        conn_leave(conn, side);
    }
}

static void pipe_deliver(struct pipe *pipe)
{
    struct conn *conn = pipe->conn;
    struct net *net = conn->net;
    enum side side = pipe_side(pipe);
    struct chunk *chunk = pipe->first;
    if (chunk->end) {
        pipe_end(&conn->to[net_other(side)]);
        conn_tell_broken(conn, side);
        conn_freed_if_over(conn);
        return;
    }

    /* One read gives what has arrived by now, or only a part of it. */
    size_t size = chunk->size - chunk->head;
    if (size > 1 && chance_per_mille(net->random, net->fragment_per_mille)) {
        size_t part = (size_t)chance_between(net->random, 1, size - 1);
        uint8_t *data = net_memory(NULL, part); /* Of exactly this size: reading past it shows. */
        memcpy(data, chunk->data + chunk->head, part);
        chunk->head += part;
        chunk->at_us = net->clock->now_us + chance_below(net->random, 50);
        pipe_wake(pipe);
        net->hooks.arrived(net->hooks.user, conn, side, data, part);
        free(data);
        return;
    }
    bool cut = chunk->cut;
    for (struct chunk *more = chunk->next; !cut && more != NULL && !more->end && more->at_us <= net->clock->now_us; more = more->next) {
        size += more->size;
        cut = more->cut;
    }
    uint8_t *data = net_memory(NULL, size);
    for (size_t at = 0; at < size;) {
        chunk = pipe->first;
        memcpy(data + at, chunk->data + chunk->head, chunk->size - chunk->head);
        at += chunk->size - chunk->head;
        pipe->first = chunk->next;
        free(chunk);
    }
    if (pipe->first == NULL) {
        pipe->last = NULL;
    }
    pipe_wake(pipe);
    if (cut) {
        /* Told first, cut next, and nothing that the reader answers gets through. */
        clock_stop(net->clock, &pipe->alarm);
        pipe_drop(pipe);
        pipe->ended = true;
        pipe_add(pipe, NULL, 0, 0)->end = true;
        pipe_end(&conn->to[net_other(side)]);
    }
    net->hooks.arrived(net->hooks.user, conn, side, data, size);
    free(data);
}

static void pipe_ring(struct alarm *alarm)
{
    struct pipe *pipe = (struct pipe *)(void *)((char *)alarm - offsetof(struct pipe, alarm));
    if (pipe_blocked(pipe)) {
        pipe->frozen = true;
    } else {
        pipe_deliver(pipe);
    }
}

static void conn_opening(struct alarm *alarm)
{
    struct conn *conn = (struct conn *)(void *)((char *)alarm - offsetof(struct conn, opening));
    struct net *net = conn->net;
    switch (conn->stage) {
    case OPENING_SYN:
        if (!net->hooks.reachable(net->hooks.user, conn->client, conn->server)) {
            /* As a kernel does, try again later. */
            clock_set(net->clock, &conn->opening, net->clock->now_us + 1000 * SIM_MS);
            return;
        }
        conn->stage = net->hooks.accept(net->hooks.user, conn) ? OPENING_ACK : OPENING_REFUSED;
        conn->to[SIDE_SERVER].deaf = conn->stage == OPENING_REFUSED;
        clock_set(net->clock, &conn->opening, net->clock->now_us + net_latency(net));
        return;
    case OPENING_ACK:
        if (pipe_blocked(&conn->to[SIDE_CLIENT])) {
            clock_set(net->clock, &conn->opening, net->clock->now_us + 100 * SIM_MS);
            return;
        }
        conn->stage = OPENING_DONE;
        if (!conn->to[SIDE_CLIENT].deaf) {
            net->hooks.opened(net->hooks.user, conn);
        }
        return;
    case OPENING_REFUSED:
        if (pipe_blocked(&conn->to[SIDE_CLIENT])) {
            clock_set(net->clock, &conn->opening, net->clock->now_us + 100 * SIM_MS);
            return;
        }
        conn->stage = OPENING_DONE;
        conn_tell_broken(conn, SIDE_CLIENT);
        conn_freed_if_over(conn);
        return;
    case OPENING_DONE:
        abort();
    }
}

const char *net_speaks(const char *const *speaks, size_t server)
{
    const char *release = speaks[server] == NULL ? speaks[0] : speaks[server];
    return release == NULL ? "3.8" : release;
}

struct conn *net_connect(struct net *net, size_t client, size_t server, void *client_user)
{
    struct conn *conn = net_memory(NULL, sizeof *conn);
    *conn = (struct conn){.net = net, .serial = ++net->serial, .client = client, .server = server, .next = net->conns};
    conn->users[SIDE_CLIENT] = client_user;
    for (unsigned side = 0; side < 2; side++) {
        conn->to[side].conn = conn;
        conn->to[side].alarm.ring = pipe_ring;
    }
    if (net->conns != NULL) {
        net->conns->previous = conn;
    }
    net->conns = conn;
    conn->opening.ring = conn_opening;
    clock_set(net->clock, &conn->opening, net->clock->now_us + net_latency(net));
    return conn;
}

void net_free(struct net *net)
{
    while (net->conns != NULL) {
        conn_free(net->conns);
    }
}

void net_thaw(struct net *net)
{
    for (struct conn *conn = net->conns; conn != NULL; conn = conn->next) {
        for (unsigned side = 0; side < 2; side++) {
            struct pipe *pipe = &conn->to[side];
            if (!pipe->deaf && pipe->frozen && !pipe_blocked(pipe)) {
                pipe->frozen = false;
                pipe_wake(pipe);
            }
        }
    }
}

void conn_write(struct conn *conn, enum side from, const uint8_t *data, size_t size)
{
    struct net *net = conn->net;
    struct pipe *pipe = &conn->to[net_other(from)];
    if (pipe->ended || pipe->deaf) {
        return;
    }
    if (pipe->partial_size + size > pipe->partial_capacity) {
        pipe->partial_capacity = 2 * (pipe->partial_size + size);
        pipe->partial = net_memory(pipe->partial, pipe->partial_capacity);
    }
    if (size > 0) {
        memcpy(pipe->partial + pipe->partial_size, data, size);
    }
    pipe->partial_size += size;

    size_t head = 0;
    while (pipe->partial_size - head >= 4 && !pipe->ended) {
        const uint8_t *frame = pipe->partial + head;
        size_t length = 4 + ((size_t)frame[0] << 24 | (size_t)frame[1] << 16 | (size_t)frame[2] << 8 | frame[3]);
        if (pipe->partial_size - head < length) {
            break;
        }
        uint64_t delay_us = 0;
        net->messages++;
        enum verdict verdict = net->hooks.sent(net->hooks.user, conn, net_other(from), frame, length, &delay_us);
        if (pipe->deaf) { /* A fault has just taken the reader away. */
            break;
        }
        switch (verdict) {
        case VERDICT_DELIVER:
            pipe_add(pipe, frame, length, delay_us);
            break;
        case VERDICT_LOSE:
            pipe_end(pipe);
            pipe_end(&conn->to[from]);
            break;
        case VERDICT_CUT:
            pipe_add(pipe, frame, length, delay_us)->cut = true;
            pipe->ended = true;
            break;
        }
        head += length;
    }
    pipe->partial_size -= head;
    memmove(pipe->partial, pipe->partial + head, pipe->partial_size);
}

void conn_close(struct conn *conn, enum side side, bool reset)
{
    struct pipe *out = &conn->to[net_other(side)];
    if (conn->stage == OPENING_SYN) {
        conn_free(conn); /* The server has not heard of it. */
        return;
    }
    conn_leave(conn, side);
    if (reset && chance_per_mille(conn->net->random, 500)) {
        pipe_drop(out);
        out->ended = false;
    }
    pipe_end(out);
    if (side == SIDE_CLIENT && conn->stage != OPENING_DONE) {
        clock_stop(conn->net->clock, &conn->opening);
        conn->stage = OPENING_DONE;
    }
    conn_freed_if_over(conn);
}

void conn_cut(struct conn *conn)
{
    if (conn->stage == OPENING_SYN) { /* The server has not heard of it, and will not. */
        conn->to[SIDE_SERVER].deaf = true;
        conn->stage = OPENING_REFUSED;
        clock_set(conn->net->clock, &conn->opening, conn->net->clock->now_us + net_latency(conn->net));
        return;
    }
    for (unsigned side = 0; side < 2; side++) {
        struct pipe *pipe = &conn->to[side];
        if (!pipe->deaf) {
            pipe_drop(pipe);
            pipe->ended = true;
            pipe_add(pipe, NULL, 0, 0)->end = true;
        }
    }
}
