/* recipes/leader_latch.c - see leader_latch_internal.h: what the latch makes of the election, and what is told of it. */
#include <assert.h>
#include <stddef.h>

#include "recipes/leader_latch_internal.h"

static const char *const latch_state_name[LATCH_STATES] = {
    [LATCH_NEW] = "NEW",
    [LATCH_WAITING] = "WAITING",
    [LATCH_LEADING] = "LEADING",
    [LATCH_SUSPENDED] = "SUSPENDED",
    [LATCH_DAMPED] = "DAMPED",
    [LATCH_CLOSED] = "CLOSED",
};

#define TO(name) (1u << LATCH_##name)
static const unsigned latch_next[LATCH_STATES] = {
    [LATCH_NEW] = TO(WAITING) | TO(CLOSED),
    [LATCH_WAITING] = TO(LEADING) | TO(SUSPENDED) | TO(CLOSED),
    [LATCH_LEADING] = TO(WAITING) | TO(SUSPENDED) | TO(CLOSED),
    [LATCH_SUSPENDED] = TO(WAITING) | TO(LEADING) | TO(DAMPED) | TO(CLOSED),
    [LATCH_DAMPED] = TO(WAITING) | TO(LEADING) | TO(SUSPENDED) | TO(CLOSED),
};

/* ---- Telling. ---- */

int64_t docent_latch_present(const docent_leader_latch *latch)
{
    return latch->state == LATCH_LEADING ? docent_election_node(&latch->election)->czxid : -1;
}

void docent_latch_tell(docent_leader_latch *latch)
{
    docent_client_later(latch->handle.client, &latch->telling);
}

static void listener_say(docent_leader_latch *latch, struct docent_leader_latch_listener *listener, int64_t token)
{
    const docent_leadership leadership = {
        .struct_size = sizeof leadership,
        .leads = token != -1,
        .token = token,
        .why = token != -1 ? DOCENT_OK : latch->why,
    };

    listener->due = false;
    listener->told = token;
    listener->fn(latch, &leadership, listener->user);
}

/* One edge. False: it knows how things stand. */
static bool listener_hears(docent_leader_latch *latch, struct docent_leader_latch_listener *listener)
{
    int64_t present = docent_latch_present(latch);

    if (listener->removed || latch->silent || listener->fn == NULL) return false;
    if (listener->told == present && !listener->due) return false;
    /* From one leadership to the next by way of none. */
    listener_say(latch, listener, listener->told != -1 && listener->told != present ? -1 : present);
    return true;
}

static void latch_sweep(docent_leader_latch *latch, bool all)
{
    for (struct docent_leader_latch_listener **at = &latch->listeners; *at != NULL;) {
        struct docent_leader_latch_listener *listener = *at;
        if (!listener->removed && !all) {
            at = &listener->next;
            continue;
        }
        *at = listener->next;
        if (listener != &latch->first) docent_free(&latch->handle.allocator, listener);
    }
}

void docent_latch_run_telling(struct docent_later *later)
{
    docent_leader_latch *latch = (docent_leader_latch *)((char *)later - offsetof(docent_leader_latch, telling));

    latch->tells = true;
    for (bool more = true; more;) { /* All are told one change before any is told the next. */
        more = false;
        for (struct docent_leader_latch_listener *listener = latch->listeners; listener != NULL; listener = listener->next) {
            more = listener_hears(latch, listener) || more;
        }
    }
    latch->tells = false;
    latch_sweep(latch, false);
    docent_handle_settle(&latch->handle);
}

/* ---- The state. ---- */

static enum tenure_state latch_published(const docent_leader_latch *latch)
{
    switch (latch->state) {
    case LATCH_LEADING: return docent_election_seat(&latch->election) == ELECTION_LEADS ? TENURE_HELD : TENURE_SUSPECT;
    case LATCH_WAITING:
    case LATCH_SUSPENDED:
    case LATCH_DAMPED: return TENURE_WAITING;
    case LATCH_NEW:
    case LATCH_CLOSED:
    case LATCH_STATES: break;
    }
    return TENURE_NONE;
}

static void latch_publish(docent_leader_latch *latch)
{
    if (latch->state == LATCH_LEADING) {
        const struct protected_node *node = docent_election_node(&latch->election);
        docent_tenure_grant(&latch->tenure, node->czxid, node->generation, 0);
    }
    docent_tenure_set(&latch->tenure, (int64_t)latch->election.number, latch_published(latch));
}

static void latch_count(docent_leader_latch *latch, enum latch_state from, enum latch_state next)
{
    uint64_t now = docent_client_now(latch->handle.client);
    uint64_t took = now - latch->since_ms;

    if (next == LATCH_LEADING) {
        docent_meter_end(&latch->meter, DOCENT_OK, took);
    } else if (from == LATCH_LEADING) {
        docent_meter_over(&latch->meter, took, next != LATCH_CLOSED);
    } else if (next == LATCH_CLOSED && from != LATCH_NEW) {
        docent_meter_end(&latch->meter, DOCENT_ERR_CANCELLED, took);
    } else if (from != LATCH_NEW) {
        return; /* Waiting goes on. */
    }
    latch->since_ms = now;
    if (next != LATCH_LEADING && next != LATCH_CLOSED) docent_meter_begin(&latch->meter);
}

/* The only writer of latch->state. */
static void latch_go(docent_leader_latch *latch, enum latch_state next)
{
    enum latch_state from = latch->state;

    assert(latch_next[from] & (1u << next));
    (void)latch_next;
    if (latch->handle.attached) {
        docent_trace(&latch->handle.machine, "latch", latch->path, latch_state_name[from], latch_state_name[next]);
    }
    latch_count(latch, from, next);
    latch->state = next;
    docent_meter_state(&latch->meter, latch->handle.client, latch_state_name[next]);
    if (from == LATCH_DAMPED) docent_timer_stop(latch->handle.client, &latch->damping);
    if (next == LATCH_DAMPED) {
        docent_timer_set(latch->handle.client, &latch->damping, docent_client_now(latch->handle.client) + latch->damping_ms);
    }
}

/* What the latch makes of the seat. */
static enum latch_state latch_state_now(const docent_leader_latch *latch)
{
    bool suspended = latch->state == LATCH_SUSPENDED || latch->state == LATCH_DAMPED;

    switch (docent_election_seat(&latch->election)) {
    case ELECTION_LEADS: return suspended && latch->damping_ms > 0 ? LATCH_DAMPED : LATCH_LEADING;
    case ELECTION_DOUBTS: return latch->policy == DOCENT_ERROR_POLICY_LOST ? LATCH_LEADING : LATCH_SUSPENDED;
    case ELECTION_AWAY:
    case ELECTION_WAITS: break;
    }
    return LATCH_WAITING;
}

static void latch_enter(docent_leader_latch *latch, enum latch_state next)
{
    if (next == LATCH_SUSPENDED) latch->why = DOCENT_ERR_CONNECTION_LOSS;
    if (next == LATCH_WAITING && next != latch->state) latch->why = latch->election.fall;
    if (next != latch->state) latch_go(latch, next);
    latch_publish(latch);
    if (next == LATCH_LEADING) docent_waiters_answer(&latch->waiters, DOCENT_OK);
    docent_latch_tell(latch);
}

void docent_latch_look(docent_leader_latch *latch)
{
    if (latch->state != LATCH_NEW && latch->state != LATCH_CLOSED) {
        latch_enter(latch, latch_state_now(latch));
    }
    docent_handle_settle(&latch->handle);
}

void docent_latch_begin(docent_leader_latch *latch)
{
    latch_go(latch, LATCH_WAITING);
    latch_publish(latch);
    docent_election_join(&latch->election);
}

void docent_latch_changed(struct election *election)
{
    docent_latch_look((docent_leader_latch *)((char *)election - offsetof(docent_leader_latch, election)));
}

/* It has stood for long enough. */
void docent_latch_damped(struct docent_timer *timer)
{
    latch_enter((docent_leader_latch *)((char *)timer - offsetof(docent_leader_latch, damping)), LATCH_LEADING);
}

/* ---- From the beginning to the end. ---- */

static void latch_attached(struct handle *handle)
{
    docent_leader_latch *latch = docent_latch_of(handle);

    handle->machine.name = "latch";
    if (latch->policy == DOCENT_ERROR_POLICY_DEFAULT) latch->policy = docent_client_error_policy(handle->client);
    docent_election_begin(&latch->election);
}

static void latch_on_event(struct handle *handle, const struct docent_event *ev)
{
    (void)handle; /* The election hears of everything. */
    (void)ev;
}

static void latch_end(struct handle *handle, docent_status why, bool mute)
{
    docent_leader_latch *latch = docent_latch_of(handle);
    bool ours = why == DOCENT_ERR_CANCELLED; /* The application closes the latch. */

    latch->why = handle->refusal;
    latch->silent = mute || (ours && !latch->notifies);
    latch_go(latch, LATCH_CLOSED);
    latch_publish(latch);
    docent_latch_tell(latch); /* First: what is to be told keeps us. */
    docent_waiters_answer(&latch->waiters, handle->refusal);
    docent_election_end(&latch->election, mute);
}

static bool latch_is_over(const struct handle *handle)
{
    const docent_leader_latch *latch = docent_latch_of(handle);

    return docent_election_is_over(&latch->election) && docent_waiters_are_gone(&latch->waiters) && !latch->tells &&
           !docent_later_is_queued(&latch->telling);
}

void docent_latch_free(docent_leader_latch *latch)
{
    docent_allocator allocator = latch->handle.allocator;

    latch_sweep(latch, true);
    docent_free(&allocator, latch->path);
    docent_free(&allocator, latch->id);
    docent_acl_drop(&allocator, latch->acl);
    docent_free(&allocator, latch);
}

static void latch_free(struct handle *handle)
{
    docent_latch_free(docent_latch_of(handle));
}

const struct handle_kind docent_latch_kind = {
    .attached = latch_attached,
    .on_event = latch_on_event,
    .end = latch_end,
    .is_over = latch_is_over,
    .free = latch_free,
};
