/* core/client/state.c - the state of the connection: where it changes, who is told, and what other threads read of it and of the lease. */
#include <assert.h>

#include "core/client/internal.h"
#include "core/client/trace.h"

/* ---- What other threads read. ---- */

/* The lease as it is, and whose. A reader takes the generation first, then the lease; so a new generation is published after its
 * lease and taken back before. */
void docent_client_publish_lease(struct docent_core *c)
{
    bool some = c->session.timeout_ms != 0 && c->connections > 0 && !c->closing; /* The good-bye may arrive at any time. */
    uint64_t lease = some ? docent_session_lease(&c->session) : 0;
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
    bool lives = state == DOCENT_SUSPENDED || state == DOCENT_CONNECTED || state == DOCENT_READ_ONLY;
    if (lives && docent_client_forked(client)) return DOCENT_LOST; /* It is the parent's. */
    return state == DOCENT_SUSPENDED && docent_client_lease_ms(client) == 0 ? DOCENT_LOST : state;
}

uint64_t docent_client_get_generation(const docent_client *client)
{
    return client == NULL ? 0 : (uint64_t)docent_shared_get(&client->core->shared_told_generation);
}

/* ---- Changes. ---- */

static void state_tell(struct docent_later *later)
{
    struct docent_core *c = (struct docent_core *)((char *)later - offsetof(struct docent_core, state_later));
    docent_state_event event = c->states[c->state_first];
    c->state_first = (c->state_first + 1) % STATES_MAX;
    c->state_count--;
    if (c->state_count > 0) docent_later_queue(c, later);

    docent_shared_set(&c->shared_state, event.state);
    docent_shared_set(&c->shared_told_generation, (int64_t)event.generation);
    if (c->options.on_state != NULL) c->options.on_state(&event, c->options.user);
    c->telling_state = true; /* Who is removed meanwhile is freed when nobody walks the list. */
    for (struct docent_state_listener *l = c->listeners, *next; l != NULL; l = next) {
        if (!l->removed) docent_listener_hears(l, &event);
        next = l->next;
    }
    c->telling_state = false;
    docent_listeners_sweep(c, event.state == DOCENT_CLOSED);
}

static void stats_count_state(struct docent_core *c, const docent_state_event *event)
{
    if (event->state == DOCENT_LOST) docent_stats_add(c->stats, CELL_EXPIRATIONS, 1);
    if (event->state != DOCENT_CONNECTED && event->state != DOCENT_READ_ONLY) return;
    docent_stats_add(c->stats, CELL_CONNECTIONS, 1);
    if (event->connections > 1) docent_stats_add(c->stats, CELL_RECONNECTS, 1);
    if (event->new_session) docent_stats_add(c->stats, CELL_SESSIONS, 1);
}

/* The one place where the state changes. */
void docent_state_go(struct docent_core *c, docent_state state, docent_status cause)
{
    if (c->last_state == state || c->last_state == DOCENT_CLOSED) return;
    c->last_state = state;
    docent_state_event event = { .struct_size = sizeof event, .state = state, .generation = c->session.generation, .cause = cause };
    event.is_error = docent_state_is_error(c->options.error_policy, state);
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
