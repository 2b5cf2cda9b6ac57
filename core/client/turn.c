/* core/client/turn.c - a turn: what is due, what came, and last the callbacks of the application; and the session's events that a turn
 * brings to machines, watches and requests. */
#include "core/client/internal.h"
#include "core/client/trace.h"

/* ---- Callbacks and turns. ---- */

void docent_client_later(docent_client *client, struct docent_later *later)
{
    struct docent_core *c = client->core;
    docent_later_queue(c, later);
}

void docent_laters_run(struct docent_core *c)
{
    while (c->later_first != NULL) {
        struct docent_later *later = c->later_first;
        c->later_first = docent_later_after(later);
        if (c->later_first == NULL) c->later_last = &c->later_first;
        later->next = NULL;
        later->run(later);
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
    docent_timers_fire(c);
}

/* What is counted by others, and what is so now. */
void docent_client_publish_stats(struct docent_core *c)
{
    docent_stats_run_end(c->stats);
    docent_stats_set(c->stats, GAUGE_PENDING, c->pending_count);
    docent_stats_set(c->stats, GAUGE_IN_FLIGHT, docent_session_in_flight(&c->session));
    docent_stats_set(c->stats, GAUGE_DELETES, docent_client_removals(&c->root));
}

static void heartbeats_take(struct docent_core *c)
{
    if (c->stats != NULL) docent_stats_add(c->stats, CELL_HEARTBEATS, c->session.beats);
    if (c->traced) docent_trace_heartbeat(c);
    c->session.beats = 0;
}

static void close_finish(struct docent_core *c)
{
    if (c->closing && c->session.state == SESSION_ENDED && c->later_first == NULL) c->closed = true;
}

void docent_turn_end(struct docent_core *c)
{
    docent_machines_settle(c);
    docent_client_publish_lease(c);
    if (c->depth == 1) docent_laters_run(c);
    docent_client_publish_lease(c);
    if (c->session.beats > 0) heartbeats_take(c);
    if (c->stats != NULL) docent_client_publish_stats(c);
    close_finish(c);
    c->depth--;
}

/* ---- The session tells. ---- */

void docent_client_broadcast(struct docent_core *c, const struct docent_event *event)
{
    c->machine_cursor = c->machines;
    while (c->machine_cursor != NULL) {
        struct docent_machine *m = c->machine_cursor;
        c->machine_cursor = m->next;
        docent_machine_deliver(m, event);
    }
}

enum session_restored docent_client_on_restore(void *owner, bool begin, uint32_t packets)
{
    return docent_watches_restore(owner, begin, packets);
}

void docent_client_on_online(void *owner)
{
    struct docent_core *c = owner;
    docent_state_go(c, c->session.read_only ? DOCENT_READ_ONLY : DOCENT_CONNECTED, DOCENT_OK);
    docent_client_publish_lease(c);
    struct docent_event event = { .type = DOCENT_EV_RESUMED, .generation = c->session.generation };
    docent_client_broadcast(c, &event);
    docent_watches_online(c);
    docent_requests_online(c);
}

void docent_client_on_offline(void *owner, docent_status cause)
{
    struct docent_core *c = owner;
    if (c->closing) return;
    docent_watches_offline(c);
    if (c->session.life == SESSION_ALIVE) docent_state_go(c, DOCENT_SUSPENDED, cause);
    struct docent_event event = { .type = DOCENT_EV_SUSPENDED };
    docent_client_broadcast(c, &event);
}

void docent_client_on_expired(void *owner)
{
    struct docent_core *c = owner;
    docent_client_publish_lease(c);
    if (c->closing) return;
    docent_watches_offline(c); /* As docent_watches_restore() does. */
    docent_state_go(c, DOCENT_LOST, DOCENT_ERR_SESSION_EXPIRED);
    struct docent_event event = { .type = DOCENT_EV_EXPIRED, .generation = c->session.generation };
    docent_client_broadcast(c, &event);
    docent_watches_end_all(c, DOCENT_ERR_SESSION_EXPIRED);
    docent_requests_expired(c);
}

void docent_client_end(struct docent_core *c, docent_status why)
{
    if (c->closing) return;
    c->closing = true;
    docent_shared_set(&c->close_cause, (int64_t)why);
    struct docent_event event = { .type = DOCENT_EV_CLOSING, .status = why };
    docent_client_broadcast(c, &event);
    docent_requests_close(c, why);
    docent_watches_end_all(c, why);
    docent_state_go(c, DOCENT_CLOSED, why);
    docent_session_close(&c->session, c->now);
    docent_client_publish_lease(c);
}

void docent_client_on_auth_failed(void *owner)
{
    struct docent_core *c = owner;
    docent_client_log(&c->root, DOCENT_LOG_ERROR, "client.auth_failed", NULL, "the server refused our credentials");
    docent_client_end(c, DOCENT_ERR_AUTH_FAILED);
}

void docent_client_on_notified(void *owner, int64_t zxid, const struct wire_watcher_event *event)
{
    struct docent_core *c = owner;
    if (c->traced) docent_trace_notified(c, event);
    docent_watch_notified(c, zxid, event);
}
