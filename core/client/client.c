/* core/client/client.c - the client as a whole: turns, the queue of callbacks, timers, states, the probe of versions, close. */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/client/internal.h"
#include "core/client/trace.h"

/* ---- Callbacks and turns. ---- */

void docent_client_later(docent_client *client, struct docent_later *later)
{
    struct docent_core *c = client->core;
    docent_later_queue(c, later);
}

static void laters_run(struct docent_core *c)
{
    while (c->later_first != NULL) {
        struct docent_later *later = c->later_first;
        c->later_first = later->next;
        if (c->later_first == NULL) c->later_last = &c->later_first;
        later->queued = false;
        later->run(later);
    }
}

static void timers_fire(struct docent_core *c)
{
    while (c->heap_size > 0 && c->heap[1]->at_ms <= c->now) {
        struct docent_timer *timer = c->heap[1];
        docent_timer_stop(&c->root, timer);
        timer->fire(timer);
    }
}

void docent_client_look_at_clock(struct docent_core *c)
{
    uint64_t now = c->host.now_us != NULL ? c->host.now_us(c->host.user) : c->now * 1000;
    if (now > c->now_us) c->now_us = now;
}

/* Deadlines come first: what is late is late, whatever arrived with it. */
void docent_turn_begin(struct docent_core *c, uint64_t now)
{
    if (now > c->now) c->now = now;
    if (c->fine_clock) docent_client_look_at_clock(c);
    c->depth++;
    docent_session_tick(&c->session, c->now);
    if (docent_watches_want_connection(c)) docent_session_drop(&c->session, c->now, DOCENT_ERR_NO_MEMORY);
    docent_requests_deadlines(c);
    timers_fire(c);
}

/* What is counted by others, and what is so now. */
static void stats_publish(struct docent_core *c)
{
    docent_stats_run_end(c->stats);
    docent_stats_set(c->stats, GAUGE_PENDING, c->pending_count);
    docent_stats_set(c->stats, GAUGE_IN_FLIGHT, docent_session_in_flight(&c->session));
}

static void heartbeats_take(struct docent_core *c)
{
    if (c->stats != NULL) docent_stats_add(c->stats, CELL_HEARTBEATS, c->session.beats);
    if (c->traced) docent_trace_heartbeat(c);
    c->session.beats = 0;
}

static void stats_count_state(struct docent_core *c, const docent_state_event *event)
{
    if (event->state == DOCENT_LOST) docent_stats_add(c->stats, CELL_EXPIRATIONS, 1);
    if (event->state != DOCENT_CONNECTED && event->state != DOCENT_READ_ONLY) return;
    docent_stats_add(c->stats, CELL_CONNECTIONS, 1);
    if (event->connections > 1) docent_stats_add(c->stats, CELL_RECONNECTS, 1);
    if (event->new_session) docent_stats_add(c->stats, CELL_SESSIONS, 1);
}

void docent_core_inbox(const docent_client *client, uint32_t count)
{
    if (client->core->stats != NULL) docent_stats_set(client->core->stats, GAUGE_INBOX, count);
}

static void close_finish(struct docent_core *c)
{
    if (c->closing && c->session.state == SESSION_ENDED && c->later_first == NULL) c->closed = true;
}

void docent_turn_end(struct docent_core *c)
{
    docent_machines_settle(c);
    docent_client_publish_lease(c);
    if (c->depth == 1) laters_run(c);
    docent_client_publish_lease(c);
    if (c->session.beats > 0) heartbeats_take(c);
    if (c->stats != NULL) stats_publish(c);
    close_finish(c);
    c->depth--;
}

/* ---- Timers: a heap of deadlines, with room for all that were reserved. ---- */

static void heap_place(struct docent_core *c, size_t at, struct docent_timer *timer)
{
    c->heap[at] = timer;
    timer->index = at;
}

static void heap_up(struct docent_core *c, size_t at)
{
    struct docent_timer *timer = c->heap[at];
    while (at > 1 && c->heap[at / 2]->at_ms > timer->at_ms) {
        heap_place(c, at, c->heap[at / 2]);
        at /= 2;
    }
    heap_place(c, at, timer);
}

static void heap_down(struct docent_core *c, size_t at)
{
    struct docent_timer *timer = c->heap[at];
    for (;;) {
        size_t child = at * 2;
        if (child > c->heap_size) break;
        if (child < c->heap_size && c->heap[child + 1]->at_ms < c->heap[child]->at_ms) child++;
        if (c->heap[child]->at_ms >= timer->at_ms) break;
        heap_place(c, at, c->heap[child]);
        at = child;
    }
    heap_place(c, at, timer);
}

docent_status docent_timers_grow(struct docent_core *c, size_t count)
{
    while (c->heap_reserved + count + 1 > c->heap_capacity) {
        size_t more = c->heap_capacity == 0 ? 16 : c->heap_capacity * 2;
        struct docent_timer **heap = docent_alloc_array(&c->allocator, more, sizeof(struct docent_timer *));
        if (heap == NULL) return DOCENT_ERR_NO_MEMORY;
        if (c->heap_size > 0) memcpy(heap, c->heap, (c->heap_size + 1) * sizeof(struct docent_timer *));
        docent_free(&c->allocator, c->heap);
        c->heap = heap;
        c->heap_capacity = more;
    }
    return DOCENT_OK;
}

docent_status docent_timer_reserve(docent_client *client)
{
    struct docent_core *c = client->core;
    return docent_timers_reserve(c, 1);
}

void docent_timer_release(docent_client *client)
{
    struct docent_core *c = client->core;
    assert(c->heap_reserved > 0);
    c->heap_reserved--;
}

void docent_timer_set(docent_client *client, struct docent_timer *timer, uint64_t at_ms)
{
    struct docent_core *c = client->core;
    docent_timer_stop(&c->root, timer);
    assert(c->heap_size < c->heap_reserved);
    timer->at_ms = at_ms;
    c->heap[++c->heap_size] = timer;
    timer->index = c->heap_size;
    heap_up(c, c->heap_size);
    if (c->depth == 0) c->host.wake(c->host.user);
}

void docent_timer_stop(docent_client *client, struct docent_timer *timer)
{
    struct docent_core *c = client->core;
    if (timer->index == 0) return;
    size_t at = timer->index;
    timer->index = 0;
    if (c->heap_size == 0) return; /* See docent_core_abandon(). */
    struct docent_timer *last = c->heap[c->heap_size--];
    if (last == timer) return;
    heap_place(c, at, last);
    heap_up(c, at);
    heap_down(c, last->index);
}

/* ---- What other threads read. ---- */

/* The lease as it is, and whose. A reader takes the generation first, then the lease; so a new generation is published after its
 * lease and taken back before. */
void docent_client_publish_lease(struct docent_core *c)
{
    uint64_t lease = c->session.timeout_ms != 0 && c->connections > 0 ? docent_session_lease(&c->session) : 0;
    uint64_t generation = lease == 0 ? 0 : c->session.generation;
    if ((uint64_t)docent_shared_get(&c->shared_generation) != generation) docent_shared_set(&c->shared_generation, 0);
    if ((uint64_t)docent_shared_get(&c->shared_lease) != lease) docent_shared_set(&c->shared_lease, (int64_t)lease);
    if ((uint64_t)docent_shared_get(&c->shared_generation) != generation) docent_shared_set(&c->shared_generation, (int64_t)generation);
}

bool docent_client_lease_good(const docent_client *client, uint64_t generation)
{
    const struct docent_core *c = client->core;
    if ((uint64_t)docent_shared_get(&c->shared_generation) != generation) return false;
    uint64_t lease = (uint64_t)docent_shared_get(&c->shared_lease);
    if (c->host.now_ms(c->host.user) >= lease) return false;
    return (uint64_t)docent_shared_get(&c->shared_generation) == generation; /* It was that one's lease. */
}

uint64_t docent_client_lease_ms(const docent_client *client)
{
    if (client == NULL) return 0;
    const struct docent_core *c = client->core;
    if (docent_shared_get(&c->shared_generation) == 0) return 0;
    uint64_t lease = (uint64_t)docent_shared_get(&c->shared_lease);
    uint64_t now = c->host.now_ms(c->host.user);
    return lease > now ? lease - now : 0;
}

docent_state docent_client_state(const docent_client *client)
{
    if (client == NULL) return DOCENT_CLOSED;
    const struct docent_core *c = client->core;
    docent_state state = (docent_state)docent_shared_get(&c->shared_state);
    return state == DOCENT_SUSPENDED && docent_client_lease_ms(client) == 0 ? DOCENT_LOST : state;
}

/* ---- States. ---- */

static void listeners_sweep(struct docent_core *c, bool all)
{
    for (struct docent_state_listener **at = &c->listeners; *at != NULL;) {
        struct docent_state_listener *l = *at;
        if (!l->removed && !all) {
            at = &l->next;
            continue;
        }
        *at = l->next;
        docent_free(&c->allocator, l);
    }
}

static void state_tell(struct docent_later *later)
{
    struct docent_core *c = (struct docent_core *)((char *)later - offsetof(struct docent_core, state_later));
    docent_state_event event = c->states[c->state_first];
    c->state_first = (c->state_first + 1) % STATES_MAX;
    c->state_count--;
    if (c->state_count > 0) docent_later_queue(c, later);

    docent_shared_set(&c->shared_state, event.state);
    if (c->options.on_state != NULL) c->options.on_state(&event, c->options.user);
    c->telling_state = true; /* Who is removed meanwhile is freed when nobody walks the list. */
    for (struct docent_state_listener *l = c->listeners, *next; l != NULL; l = next) {
        if (!l->removed) l->fn(&event, l->user);
        next = l->next;
    }
    c->telling_state = false;
    listeners_sweep(c, event.state == DOCENT_CLOSED);
}

/* The one place where the state changes. */
static void state_go(struct docent_core *c, docent_state state, docent_status cause)
{
    if (c->last_state == state || c->last_state == DOCENT_CLOSED) return;
    c->last_state = state;
    docent_state_event event = { .struct_size = sizeof event, .state = state, .generation = c->session.generation, .cause = cause };
    if (state == DOCENT_CONNECTED || state == DOCENT_READ_ONLY) {
        c->connections++;
        event.new_session = c->told_generation != c->session.generation;
        event.went_back = c->session.went_back;
        c->session.went_back = false;
        c->told_generation = c->session.generation;
    }
    event.connections = c->connections;
    if (c->stats != NULL) stats_count_state(c, &event);
    docent_client_log(&c->root, state == DOCENT_LOST ? DOCENT_LOG_WARNING : DOCENT_LOG_INFO, "client.state", NULL, "%s: %s",
                      (const char *[]){ "disconnected", "connected", "read-only", "suspended", "lost", "closed" }[state],
                      docent_status_text(cause));
    if (c->traced) docent_trace_state(c, &event);
    /* No state is ever dropped. A turn tells all that it finds, and adds few: at its beginning deadlines take a connection (SUSPENDED), a
     * session (LOST), then bytes bring the next (CONNECTED) and take it again; opening another one takes the driver, and so another turn.
     * CLOSED comes once, and nothing after it. */
    assert(c->state_count < STATES_MAX);
    c->states[(c->state_first + c->state_count) % STATES_MAX] = event;
    c->state_count++;
    c->state_later.run = state_tell;
    docent_later_queue(c, &c->state_later);
}

docent_status docent_client_listen(docent_client *client, docent_state_fn fn, void *user, docent_state_listener **ret_listener)
{
    if (client == NULL || fn == NULL || ret_listener == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    struct docent_core *c = client->core;
    docent_status status = docent_core_check(c);
    if (status != DOCENT_OK) return status;
    struct docent_state_listener *l = docent_alloc(&c->allocator, sizeof *l);
    if (l == NULL) return DOCENT_ERR_NO_MEMORY;
    *l = (struct docent_state_listener){ .core = c, .fn = fn, .user = user };
    struct docent_state_listener **end = &c->listeners;
    while (*end != NULL) end = &(*end)->next;
    *end = l;
    *ret_listener = l;
    return DOCENT_OK;
}

void docent_client_unlisten(docent_state_listener *listener)
{
    if (listener == NULL) return;
    struct docent_core *c = listener->core;
    if (docent_core_check(c) == DOCENT_ERR_WRONG_THREAD) return;
    listener->removed = true;
    if (!c->telling_state) listeners_sweep(c, false);
}

/* ---- Machines hear of the session. ---- */

void docent_client_broadcast(struct docent_core *c, const struct docent_event *event)
{
    c->machine_cursor = c->machines;
    while (c->machine_cursor != NULL) {
        struct docent_machine *m = c->machine_cursor;
        c->machine_cursor = m->next;
        docent_machine_deliver(m, event);
    }
}

static bool on_restore(void *owner)
{
    struct docent_core *c = owner;
    /* Out of memory for the watches: the connection is of no use without them, and the deadline for coming online ends it. */
    return docent_watches_restore(c);
}

static void on_online(void *owner)
{
    struct docent_core *c = owner;
    state_go(c, c->session.read_only ? DOCENT_READ_ONLY : DOCENT_CONNECTED, DOCENT_OK);
    docent_client_publish_lease(c);
    struct docent_event event = { .type = DOCENT_EV_RESUMED, .generation = c->session.generation };
    docent_client_broadcast(c, &event);
    docent_watches_online(c);
    docent_requests_online(c);
}

static void on_offline(void *owner, docent_status cause)
{
    struct docent_core *c = owner;
    if (c->closing) return;
    docent_watches_offline(c);
    if (c->session.life == SESSION_ALIVE) state_go(c, DOCENT_SUSPENDED, cause);
    struct docent_event event = { .type = DOCENT_EV_SUSPENDED };
    docent_client_broadcast(c, &event);
}

static void on_expired(void *owner)
{
    struct docent_core *c = owner;
    docent_client_publish_lease(c);
    if (c->closing) return;
    state_go(c, DOCENT_LOST, DOCENT_ERR_SESSION_EXPIRED);
    struct docent_event event = { .type = DOCENT_EV_EXPIRED, .generation = c->session.generation };
    docent_client_broadcast(c, &event);
    docent_watches_end_all(c, DOCENT_ERR_SESSION_EXPIRED);
    docent_requests_expired(c);
}

static void client_close(struct docent_core *c, docent_status why)
{
    if (c->closing) return;
    c->closing = true;
    c->close_cause = why;
    struct docent_event event = { .type = DOCENT_EV_CLOSING, .status = why };
    docent_client_broadcast(c, &event);
    docent_requests_close(c, why);
    docent_watches_end_all(c, why);
    state_go(c, DOCENT_CLOSED, why);
    docent_session_close(&c->session, c->now);
    docent_client_publish_lease(c);
}

static void on_auth_failed(void *owner)
{
    struct docent_core *c = owner;
    docent_client_log(&c->root, DOCENT_LOG_ERROR, "client.auth_failed", NULL, "the server refused our credentials");
    client_close(c, DOCENT_ERR_AUTH_FAILED);
}

static void on_notified(void *owner, int64_t zxid, const struct wire_watcher_event *event)
{
    struct docent_core *c = owner;
    if (c->traced) docent_trace_notified(c, event);
    docent_watch_notified(c, zxid, event);
}

/* ---- Versions of servers. ---- */

static struct server_version *version_find(const struct docent_core *c, const struct docent_address *address)
{
    for (size_t i = 0; i < c->version_count; i++) {
        if (docent_address_equal(&c->versions[i].address, address)) return &c->versions[i];
    }
    return NULL;
}

static void version_set(struct docent_core *c, const struct docent_address *address, uint32_t version)
{
    struct server_version *known = version_find(c, address);
    if (known == NULL) {
        struct server_version *more = docent_alloc_array(&c->allocator, c->version_count + 1, sizeof *more);
        if (more == NULL) return; /* It is asked again on the next connection. */
        if (c->version_count > 0) memcpy(more, c->versions, c->version_count * sizeof *more);
        docent_free(&c->allocator, c->versions);
        c->versions = more;
        known = &more[c->version_count++];
        known->address = *address;
    }
    known->version = version;
}

uint32_t docent_client_version_known(const struct docent_core *c)
{
    const struct server_version *known = version_find(c, &c->session.link.address);
    return known == NULL ? 0 : known->version;
}

void docent_client_too_old(struct docent_core *c, uint32_t version)
{
    version_set(c, &c->session.link.address, version - 1);
}

bool docent_core_wants_probe(const docent_client *client, struct docent_address *ret_address)
{
    const struct docent_core *c = client->core;
    if (c->options.no_probe || c->closing || !c->session.link.wanted) return false;
    if (version_find(c, &c->session.link.address) != NULL) return docent_session_wants_search(&c->session, ret_address);
    *ret_address = c->session.link.address;
    return true;
}

/* "Zookeeper version: 3.8.0-5a02a05eddb59aee6ac762f7ea82e92a68eb9c0f, built on ..." */
static uint32_t version_parse(const char *text, size_t size)
{
    static const char prefix[] = "version: ";
    uint32_t parts[3] = { 0, 0, 0 };
    size_t at = 0;
    while (at + sizeof prefix - 1 <= size && memcmp(text + at, prefix, sizeof prefix - 1) != 0) at++;
    at += sizeof prefix - 1;
    for (int part = 0; part < 3; part++) {
        size_t begin = at;
        while (at < size && text[at] >= '0' && text[at] <= '9' && parts[part] < 100) {
            parts[part] = parts[part] * 10 + (uint32_t)(text[at++] - '0');
        }
        if (at == begin || parts[part] >= 100) return 0;
        if (part < 2 && (at >= size || text[at++] != '.')) return 0;
    }
    return parts[0] * 10000 + parts[1] * 100 + parts[2];
}

/* "Mode: leader", or "follower", "observer", "standalone"; or "read-only", or nothing while there is no quorum. */
static bool mode_writes(const char *text, size_t size)
{
    static const char prefix[] = "Mode: ", read_only[] = "read-only";
    size_t at = 0, length = sizeof prefix - 1, read_only_length = sizeof read_only - 1;
    while (at + length < size && memcmp(text + at, prefix, length) != 0) at++;
    at += length;
    return at < size && (size - at < read_only_length || memcmp(text + at, read_only, read_only_length) != 0);
}

void docent_core_probed(docent_client *client, uint64_t now, const struct docent_address *address, const char *text, size_t size)
{
    struct docent_core *c = client->core;
    docent_turn_begin(c, now);
    uint32_t version = size == 0 ? 0 : version_parse(text, size);
    /* Of the connected server it is as good as known that it does not tell; one that was searched may only have been down. */
    if (version != 0 || docent_address_equal(address, &c->session.link.address)) version_set(c, address, version);
    docent_session_restore(&c->session, c->now);
    docent_session_searched(&c->session, c->now, address, size > 0 && mode_writes(text, size));
    docent_turn_end(c);
}

const char *docent_client_server(const docent_client *client, uint32_t *ret_version)
{
    const struct docent_core *c = client == NULL ? NULL : client->core;
    bool connected = c != NULL && c->session.state == SESSION_ONLINE;
    if (ret_version != NULL) *ret_version = connected ? docent_client_version_known(c) : 0;
    if (!connected) return "";
    return docent_address_text(&c->session.link.address, client->core->server_text);
}

/* ---- The driver's entries. ---- */

void docent_core_link(const docent_client *client, struct docent_link *ret_link)
{
    const struct docent_core *c = client->core;
    *ret_link = c->session.link;
}

/* Begins a turn about the connection. False: a deadline has just ended that connection, and what is told is not of the next. */
static bool link_turn_begin(struct docent_core *c, uint64_t now)
{
    uint32_t serial = c->session.link.serial;
    docent_turn_begin(c, now);
    return c->session.link.serial == serial;
}

void docent_core_connected(docent_client *client, uint64_t now)
{
    struct docent_core *c = client->core;
    bool same = link_turn_begin(c, now);
    if (same && c->traced) docent_trace_link(c, true);
    if (same) docent_session_connected(&c->session, c->now);
    docent_turn_end(c);
}

void docent_core_disconnected(docent_client *client, uint64_t now)
{
    struct docent_core *c = client->core;
    bool same = link_turn_begin(c, now);
    if (same && c->traced) docent_trace_link(c, false);
    if (same) docent_session_disconnected(&c->session, c->now);
    docent_turn_end(c);
}

void docent_core_recv(docent_client *client, uint64_t now, const uint8_t *data, size_t size)
{
    struct docent_core *c = client->core;
    uint32_t serial = c->session.link.serial;
    if (!link_turn_begin(c, now)) {
        docent_turn_end(c);
        return;
    }
    if (c->stats != NULL) docent_stats_add(c->stats, CELL_BYTES_IN, size);
    size_t used = docent_session_recv(&c->session, c->now, data, size);
    docent_turn_end(c);
    if (c->session.link.serial != serial) return;
    docent_session_keep(&c->session, data + used, size - used);
    if (c->session.link.serial != serial) docent_core_tick(client, now); /* No memory for the rest: what follows from that is a turn. */
}

size_t docent_core_send(docent_client *client, const uint8_t **ret_data)
{
    struct docent_core *c = client->core;
    return docent_session_pending(&c->session, ret_data);
}

void docent_core_sent(docent_client *client, uint64_t now, size_t size)
{
    struct docent_core *c = client->core;
    (void)now;
    docent_session_sent(&c->session, size);
    if (c->stats == NULL) return;
    docent_stats_add(c->stats, CELL_BYTES_OUT, size);
    stats_publish(c); /* Of submissions there was no turn. */
}

void docent_core_tick(docent_client *client, uint64_t now)
{
    struct docent_core *c = client->core;
    docent_turn_begin(c, now);
    docent_turn_end(c);
}

uint64_t docent_core_deadline(const docent_client *client)
{
    const struct docent_core *c = client->core;
    if (c->later_first != NULL || c->refusals || docent_watches_want_connection(c)) return 0;
    uint64_t at = docent_session_deadline(&c->session);
    uint64_t call = docent_requests_next_deadline(c);
    if (call < at) at = call;
    if (c->heap_size > 0 && c->heap[1]->at_ms < at) at = c->heap[1]->at_ms;
    return at;
}

bool docent_core_wants_addresses(const docent_client *client)
{
    const struct docent_core *c = client->core;
    return c->session.state == SESSION_LOOKING;
}

void docent_core_addresses(docent_client *client, uint64_t now, const struct docent_address *addresses, size_t count)
{
    struct docent_core *c = client->core;
    docent_turn_begin(c, now);
    docent_session_addresses(&c->session, c->now, addresses, count);
    docent_turn_end(c);
}

void docent_core_servers(docent_client *client, uint64_t now, const struct docent_address *addresses, size_t count)
{
    struct docent_core *c = client->core;
    docent_turn_begin(c, now);
    if (docent_session_servers(&c->session, c->now, addresses, count)) {
        docent_client_log(&c->root, DOCENT_LOG_INFO, "client.moves", NULL, "the list of servers was changed: going to another one");
    }
    docent_turn_end(c);
}

docent_status docent_client_set_servers(docent_client *client, const char *servers)
{
    if (client == NULL || servers == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    const struct docent_host *host = &client->core->host;
    return host->set_servers == NULL ? DOCENT_ERR_UNSUPPORTED : host->set_servers(host->user, servers);
}

void docent_core_close(docent_client *client, uint64_t now)
{
    struct docent_core *c = client->core;
    if (now > c->now) c->now = now;
    c->depth++;
    client_close(c, DOCENT_ERR_CLOSING);
    docent_machines_settle(c);
    docent_client_publish_lease(c);
    c->depth--;
}

bool docent_core_closed(const docent_client *client)
{
    const struct docent_core *c = client->core;
    return c->closed;
}

docent_status docent_core_add_auth(docent_client *client, const char *scheme, const void *auth, size_t size)
{
    struct docent_core *c = client->core;
    if (scheme == NULL || (auth == NULL && size > 0) || size > c->options.request_max_bytes / 2) return DOCENT_ERR_INVALID_ARGUMENT;
    if (c->closing) return DOCENT_ERR_CLOSING;
    struct wire_out out = { .allocator = &c->allocator };
    size_t begin = docent_wire_frame_begin(&out);
    struct wire_request_header header = { WIRE_XID_AUTH, WIRE_OP_AUTH };
    docent_wire_put_request_header(&out, &header);
    struct wire_auth_request request = { 0, docent_wire_string(scheme), docent_wire_buffer(auth == NULL ? "" : auth, size) };
    docent_wire_put_auth_request(&out, &request);
    docent_wire_frame_end(&out, begin);
    docent_status status = out.failed ? DOCENT_ERR_NO_MEMORY : docent_session_add_auth(&c->session, c->now, out.data, out.size);
    docent_wire_out_free(&out);
    c->host.wake(c->host.user);
    return status;
}

/* ---- Making and freeing. ---- */

static void *default_alloc(size_t size, void *user)
{
    (void)user;
    return malloc(size);
}

static void *default_resize(void *block, size_t size, void *user)
{
    (void)user;
    return realloc(block, size);
}

static void default_release(void *block, void *user)
{
    (void)user;
    free(block);
}

/* The client's own, kept as a view's. */
static docent_status root_policy(struct docent_core *c, const docent_client_options *options)
{
    docent_view_options policy = {
        DOCENT_VIEW_OPTIONS,
        .acl = options->acl,
        .acl_for = options->acl_for,
        .user = options->user,
        .default_data = options->default_data,
        .default_size = options->default_size,
        .compression = options->compression,
        .decompressed_max_bytes = options->decompressed_max_bytes,
    };
    c->options.acl = (docent_acl_list){ NULL, 0 }; /* Borrowed. */
    c->options.default_data = NULL;
    return docent_view_policy_set(&c->root, NULL, &policy);
}

docent_status docent_core_new(const struct docent_core_config *config, const struct docent_host *host, docent_client **ret_client)
{
    const docent_client_options *options = config->options;
    docent_allocator allocator = { default_alloc, default_resize, default_release, NULL };
    if (options->allocator != NULL) allocator = *options->allocator;
    struct docent_core *c = docent_alloc(&allocator, sizeof *c);
    if (c == NULL) return DOCENT_ERR_NO_MEMORY;
    memset(c, 0, sizeof *c);
    c->allocator = allocator;
    c->host = *host;
    c->options = *options;
    c->retry = (docent_retry){ DOCENT_RETRY };
    if (options->retry != NULL) {
        size_t size = options->retry->struct_size < sizeof c->retry ? options->retry->struct_size : sizeof c->retry;
        memcpy(&c->retry, options->retry, size);
    }
    c->options.retry = NULL;
    c->options.allocator = NULL;
    c->root.core = c;
    c->root.allocator = &c->allocator;
    c->root.chroot_size = strlen(config->chroot);
    c->root.chroot = docent_strdup(&c->allocator, config->chroot);
    c->later_last = &c->later_first;
    c->pending_last = &c->pending_first;
    c->scratch.allocator = &c->allocator;
    c->plain_result.struct_size = sizeof c->plain_result;
    c->last_state = DOCENT_DISCONNECTED;
    c->now = host->now_ms(host->user);
    c->random = options->seed;
    docent_status status = c->root.chroot == NULL ? DOCENT_ERR_NO_MEMORY : docent_trace_init(c);
    if (status == DOCENT_OK) status = root_policy(c, options); /* Knows that nothing is plain while somebody looks on. */
    if (status == DOCENT_OK && options->stats != NULL) status = docent_stats_attach(options->stats, &c->stats);
    if (status != DOCENT_OK) {
        docent_free(&allocator, c->recorder);
        docent_view_policy_drop(&c->root);
        docent_free(&allocator, (char *)(uintptr_t)c->root.chroot);
        docent_free(&allocator, c);
        return status;
    }
    c->fine_clock = c->traced || (options->stats != NULL && docent_stats_has_histograms(options->stats));
    docent_requests_init(c);
    struct session_config session = {
        .timeout_ms = options->session_timeout_ms,
        .close_timeout_ms = options->close_timeout_ms,
        .reply_max = options->reply_max_bytes,
        .read_only_allowed = options->read_only_allowed,
        .searches = !options->no_probe,
        .session_id = options->session_id,
        .seed = options->seed,
    };
    memcpy(session.password, options->session_password, sizeof session.password);
    struct session_hooks hooks = {
        .owner = c,
        .answered = docent_request_answered,
        .lost = docent_request_lost,
        .notified = on_notified,
        .restore = on_restore,
        .online = on_online,
        .offline = on_offline,
        .expired = on_expired,
        .auth_failed = on_auth_failed,
    };
    docent_session_init(&c->session, &session, &hooks, &c->allocator, c->now);
    *ret_client = &c->root;
    return DOCENT_OK;
}

void docent_core_free(docent_client *client)
{
    struct docent_core *c = client->core;
    laters_run(c);
    docent_session_free(&c->session);
    docent_watches_free(c);
    if (c->stats != NULL) docent_stats_detach(c->stats);
    docent_free(&c->allocator, c->recorder);
    docent_wire_out_free(&c->scratch);
    docent_requests_free_spare(c);
    docent_free(&c->allocator, c->heap);
    docent_free(&c->allocator, c->versions);
    docent_free(&c->allocator, (char *)(uintptr_t)c->root.chroot);
    docent_view_policy_drop(&c->root);
    while (c->listeners != NULL) {
        struct docent_state_listener *next = c->listeners->next;
        docent_free(&c->allocator, c->listeners);
        c->listeners = next;
    }
    docent_allocator allocator = c->allocator;
    docent_free(&allocator, c);
}

/* The ordinary end, except that the application has fallen silent, that time has run out for the good-bye, and that deadlines are
 * forgotten: some are on the stacks of threads that did not come along. */
void docent_core_abandon(docent_client *client)
{
    struct docent_core *c = client->core;
    c->options.on_state = NULL;
    c->options.on_log = NULL;
    c->options.on_trace = NULL;
    for (struct docent_state_listener *l = c->listeners; l != NULL; l = l->next) l->removed = true;
    docent_requests_mute(c);
    docent_watches_mute(c);
    c->heap_size = 0;
    docent_core_close(client, c->now);
    docent_core_tick(client, UINT64_MAX);
    docent_core_free(client);
}

/* ---- Small answers. ---- */

uint64_t docent_client_generation(const docent_client *client)
{
    const struct docent_core *c = client->core;
    return c->session.generation;
}

bool docent_client_closing(const docent_client *client)
{
    const struct docent_core *c = client->core;
    return c->closing;
}

docent_status docent_client_close_cause(const docent_client *client)
{
    return client->core->close_cause;
}

uint64_t docent_client_now(const docent_client *client)
{
    const struct docent_core *c = client->core;
    return c->now;
}

const docent_allocator *docent_client_allocator(const docent_client *client)
{
    const struct docent_core *c = client->core;
    return &c->allocator;
}

const struct docent_host *docent_client_host(const docent_client *client)
{
    const struct docent_core *c = client->core;
    return &c->host;
}

docent_status docent_client_check(docent_client *client)
{
    return docent_core_check(client->core);
}

const void *docent_client_default_data(const docent_client *client, size_t *ret_size)
{
    const struct view_policy *policy = docent_view_policy(client);
    *ret_size = policy->data_size;
    return policy->data;
}

const docent_retry *docent_client_retry(const docent_client *client)
{
    const struct docent_core *c = client->core;
    return &c->retry;
}

docent_offline_policy docent_client_offline(const docent_client *client)
{
    const struct docent_core *c = client->core;
    return c->options.offline;
}

uint32_t docent_client_call_timeout(const docent_client *client)
{
    const struct docent_core *c = client->core;
    return c->options.call_timeout_ms;
}

int64_t docent_client_last_zxid(const docent_client *client)
{
    const struct docent_core *c = client->core;
    return c->session.last_zxid;
}

bool docent_client_settled(const docent_client *client)
{
    const struct docent_core *c = client->core;
    return c->session.settled;
}

docent_status docent_client_composite_begins(docent_client *client)
{
    struct docent_core *c = client->core;
    if (c->composites >= c->options.pending_max) return DOCENT_ERR_BUSY;
    c->composites++;
    return DOCENT_OK;
}

void docent_client_composite_ends(docent_client *client)
{
    struct docent_core *c = client->core;
    assert(c->composites > 0);
    c->composites--;
}

void docent_client_removal_begins(docent_client *client)
{
    docent_shared_add(&client->core->removals, 1);
}

void docent_client_removal_ends(docent_client *client)
{
    docent_shared_add(&client->core->removals, -1);
}

uint32_t docent_client_removals(const docent_client *client)
{
    return (uint32_t)docent_shared_get(&client->core->removals);
}

int64_t docent_client_session(const docent_client *client, uint8_t ret_password[16])
{
    if (client == NULL) return 0;
    const struct docent_core *c = client->core;
    if (c->session.life != SESSION_ALIVE) return 0;
    if (ret_password != NULL) memcpy(ret_password, c->session.password, 16);
    return c->session.id;
}

uint32_t docent_client_session_timeout_ms(const docent_client *client)
{
    if (client == NULL) return 0;
    const struct docent_core *c = client->core;
    return c->connections == 0 ? 0 : c->session.timeout_ms;
}

void docent_client_log(const docent_client *client, docent_log_level level, const char *id, const char *path, const char *format, ...)
{
    const struct docent_core *c = client->core;
    if (c->options.on_log == NULL) return;
    char text[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    c->options.on_log(level, id, path, text, c->options.user);
}

void docent_client_uuid(docent_client *client, char text[37])
{
    struct docent_core *c = client->core;
    uint8_t bytes[16];
    c->host.entropy(c->host.user, bytes, sizeof bytes);
    bytes[6] = (uint8_t)((bytes[6] & 0x0f) | 0x40); /* Version 4, RFC 4122. */
    bytes[8] = (uint8_t)((bytes[8] & 0x3f) | 0x80);
    static const char digits[] = "0123456789abcdef";
    char *p = text;
    for (int i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) *p++ = '-';
        *p++ = digits[bytes[i] >> 4];
        *p++ = digits[bytes[i] & 15];
    }
    *p = '\0';
}

void docent_client_hold_begins(docent_client *client)
{
    struct docent_core *c = client->core;
    docent_session_set_holds(&c->session, ++c->holds);
    docent_client_publish_lease(c);
    if (c->depth == 0) c->host.wake(c->host.user);
}

void docent_client_hold_ends(docent_client *client)
{
    struct docent_core *c = client->core;
    assert(c->holds > 0);
    docent_session_set_holds(&c->session, --c->holds);
}
