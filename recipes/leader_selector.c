/* recipes/leader_selector.c - see leader_selector_internal.h: what the selector makes of the election, and what is told of it. */
#include <assert.h>
#include <stddef.h>

#include "recipes/leader_selector_internal.h"

static const char *const selector_state_name[SELECTOR_STATES] = {
    [SELECTOR_OUT] = "OUT",
    [SELECTOR_QUEUED] = "QUEUED",
    [SELECTOR_LEADING] = "LEADING",
    [SELECTOR_STOPPING] = "STOPPING",
    [SELECTOR_LOST] = "LOST",
    [SELECTOR_CLOSED] = "CLOSED",
};

#define TO(name) (1u << SELECTOR_##name)
static const unsigned selector_next[SELECTOR_STATES] = {
    [SELECTOR_OUT] = TO(QUEUED) | TO(CLOSED),
    [SELECTOR_QUEUED] = TO(LEADING) | TO(OUT) | TO(CLOSED),
    [SELECTOR_LEADING] = TO(STOPPING) | TO(LOST) | TO(QUEUED) | TO(OUT) | TO(CLOSED),
    [SELECTOR_STOPPING] = TO(LOST) | TO(QUEUED) | TO(OUT) | TO(CLOSED),
    [SELECTOR_LOST] = TO(QUEUED) | TO(OUT) | TO(CLOSED),
};

static bool selector_leads(enum selector_state state)
{
    return state == SELECTOR_LEADING || state == SELECTOR_STOPPING;
}

bool docent_selector_has_term(const docent_leader_selector *selector)
{
    return selector_leads(selector->state) || selector->state == SELECTOR_LOST;
}

/* ---- The state. ---- */

static void selector_publish(docent_leader_selector *s)
{
    enum tenure_state tenure = TENURE_NONE;

    if (selector_leads(s->state)) {
        const struct protected_node *node = docent_election_node(&s->election);
        docent_tenure_grant(&s->tenure, node->czxid, node->generation, 0);
        tenure = docent_election_seat(&s->election) == ELECTION_LEADS ? TENURE_HELD : TENURE_SUSPECT;
    } else if (s->state == SELECTOR_QUEUED) {
        tenure = TENURE_WAITING;
    }
    docent_tenure_set(&s->tenure, s->term.number, tenure);
}

/* What was begun has come to something: @why. */
static void selector_count(docent_leader_selector *s, enum selector_state from, enum selector_state next, docent_status why)
{
    uint64_t now = docent_client_now(s->handle.client);
    uint64_t took = now - s->since_ms;

    if (from == SELECTOR_QUEUED) docent_meter_end(&s->meter, why, took);
    if (selector_leads(from) && !selector_leads(next)) {
        docent_meter_over(&s->meter, took, next == SELECTOR_LOST || (next == SELECTOR_QUEUED && why != DOCENT_OK));
    }
    if (next == SELECTOR_QUEUED) docent_meter_begin(&s->meter);
    if (next == SELECTOR_QUEUED || next == SELECTOR_LEADING) s->since_ms = now;
}

/* The only writer of s->state. */
static void selector_go(docent_leader_selector *s, enum selector_state next, docent_status why)
{
    enum selector_state from = s->state;

    assert(selector_next[from] & (1u << next));
    (void)selector_next;
    if (s->handle.attached) docent_trace(&s->handle.machine, "selector", s->path, selector_state_name[from], selector_state_name[next]);
    selector_count(s, from, next, why);
    s->state = next;
    docent_meter_state(&s->meter, s->handle.client, selector_state_name[next]);
    selector_publish(s);
}

static void selector_add_news(docent_leader_selector *s, unsigned news)
{
    s->news |= news;
    docent_client_later(s->handle.client, &s->telling);
}

/* ---- Terms. ---- */

static void selector_begin_term(docent_leader_selector *s)
{
    s->term.struct_size = sizeof s->term;
    s->term.number++;
    s->term.token = docent_election_node(&s->election)->czxid;
    selector_go(s, SELECTOR_LEADING, DOCENT_OK);
    selector_add_news(s, SELECTOR_NEWS_TERM);
}

static void selector_lose_term(docent_leader_selector *s, docent_status why)
{
    if (s->news & SELECTOR_NEWS_TERM) { /* Nobody has heard of it. */
        s->news = 0;
        selector_go(s, SELECTOR_QUEUED, why);
        if (s->election.state == ELECTION_OUT) docent_election_join(&s->election);
        return;
    }
    docent_client_log(s->handle.client, DOCENT_LOG_WARNING, "selector.lost", s->path, "a term is lost: %s", docent_status_text(why));
    s->lost_why = why;
    docent_shared_set(&s->outcome, (int64_t)why);
    selector_go(s, SELECTOR_LOST, why);
    selector_add_news(s, SELECTOR_NEWS_LOST);
}

static void selector_forget_term(docent_leader_selector *s)
{
    s->news = 0;
    s->runner = RUNNER_NOBODY;
    docent_hold_unref(s->term.hold);
    s->term.hold = NULL;
}

static void selector_close(docent_leader_selector *s, bool mute)
{
    selector_go(s, SELECTOR_CLOSED, s->handle.refusal);
    docent_election_end(&s->election, mute);
    docent_handle_settle(&s->handle);
}

/* The application has ended it. The old node goes by itself, and we stand again behind all others. */
static void selector_end_term(docent_leader_selector *s)
{
    bool again = s->auto_requeue || s->again;

    selector_forget_term(s);
    s->again = false;
    if (s->handle.ended) {
        selector_close(s, false);
        return;
    }
    docent_status why = s->state == SELECTOR_LOST ? s->lost_why : DOCENT_OK;
    if (again && s->on_leadership != NULL) {
        selector_go(s, SELECTOR_QUEUED, why);
        docent_election_leave(&s->election);
        docent_election_join(&s->election);
    } else {
        selector_go(s, SELECTOR_OUT, why);
        docent_election_leave(&s->election);
    }
}

void docent_selector_relinquished(struct handle *handle)
{
    docent_leader_selector *s = docent_selector_of(handle);

    if (docent_selector_has_term(s) && docent_tenure_is_released(&s->tenure, s->term.number)) selector_end_term(s);
}

void docent_selector_queue(docent_leader_selector *s)
{
    selector_go(s, SELECTOR_QUEUED, DOCENT_OK);
    docent_election_join(&s->election);
}

void docent_selector_stop(docent_leader_selector *s, docent_status why)
{
    if (s->state != SELECTOR_LEADING) return;
    s->stop_why = why;
    selector_go(s, SELECTOR_STOPPING, DOCENT_OK);
    selector_add_news(s, SELECTOR_NEWS_STOP);
}

/* ---- The election has changed. ---- */

static void selector_look_at_term(docent_leader_selector *s)
{
    switch (docent_election_seat(&s->election)) {
    case ELECTION_LEADS: selector_publish(s); break;
    case ELECTION_DOUBTS:
        if (s->policy == DOCENT_ERROR_POLICY_LOST) {
            selector_publish(s);
        } else {
            selector_lose_term(s, DOCENT_ERR_CONNECTION_LOSS);
        }
        break;
    case ELECTION_AWAY:
    case ELECTION_WAITS: selector_lose_term(s, s->election.fall); break;
    }
}

void docent_selector_changed(struct election *election)
{
    docent_leader_selector *s = (docent_leader_selector *)((char *)election - offsetof(docent_leader_selector, election));

    switch (s->state) {
    case SELECTOR_QUEUED:
        if (docent_election_seat(election) == ELECTION_LEADS) selector_begin_term(s);
        break;
    case SELECTOR_LEADING:
    case SELECTOR_STOPPING: selector_look_at_term(s); break;
    case SELECTOR_OUT:
    case SELECTOR_LOST: /* Until the application has ended it. */
    case SELECTOR_CLOSED:
    case SELECTOR_STATES: break;
    }
    docent_handle_settle(&s->handle);
}

/* ---- Telling. ---- */

static void selector_give_term(docent_leader_selector *s)
{
    const struct protected_node *node = docent_election_node(&s->election);

    (void)docent_hold_new(s->handle.client, node->path, node->czxid, node->generation, &s->term.hold);
    docent_shared_set(&s->outcome, DOCENT_OK);
    docent_shared_set(&s->told, s->term.number);
    if (s->on_leadership != NULL) return;
    s->runner = RUNNER_RUNS;
    docent_waiters_answer(&s->waiters, DOCENT_OK);
}

static void selector_interrupt(docent_leader_selector *s, docent_status why)
{
    docent_leader_term term = s->term;

    if (s->on_interrupt == NULL) return;
    if (term.hold != NULL) (void)docent_hold_ref(term.hold);
    s->on_interrupt(s, &term, why, s->user);
    docent_hold_unref(term.hold);
}

static void selector_tell_one(docent_leader_selector *s)
{
    unsigned news = s->news & (~s->news + 1); /* The first. */

    s->news &= ~news;
    if (news == SELECTOR_NEWS_STOP) {
        selector_interrupt(s, s->stop_why);
    } else if (news == SELECTOR_NEWS_LOST) {
        selector_interrupt(s, s->lost_why);
    } else {
        selector_give_term(s);
        if (s->on_leadership == NULL) return;
        docent_leader_term term = s->term;
        if (term.hold != NULL) (void)docent_hold_ref(term.hold);
        s->on_leadership(s, &term, s->user);
        docent_hold_unref(term.hold);
    }
}

void docent_selector_tell(struct docent_later *later)
{
    docent_leader_selector *s = (docent_leader_selector *)((char *)later - offsetof(docent_leader_selector, telling));

    s->tells = true;
    while (s->news != 0) selector_tell_one(s);
    s->tells = false;
    docent_handle_settle(&s->handle);
}

/* ---- The runner. ---- */

void docent_selector_runner_late(struct waiters *waiters)
{
    docent_leader_selector *s = (docent_leader_selector *)((char *)waiters - offsetof(docent_leader_selector, waiters));

    s->runner = RUNNER_NOBODY;
    if (s->state != SELECTOR_QUEUED) return;
    selector_go(s, SELECTOR_OUT, DOCENT_ERR_TIMEOUT);
    docent_election_leave(&s->election);
}

/* ---- From the beginning to the end. ---- */

static void selector_attached(struct handle *handle)
{
    docent_leader_selector *s = docent_selector_of(handle);

    handle->machine.name = "selector";
    if (s->policy == DOCENT_ERROR_POLICY_DEFAULT) s->policy = docent_client_error_policy(handle->client);
    docent_election_begin(&s->election);
}

static void selector_on_event(struct handle *handle, const struct docent_event *ev)
{
    (void)handle; /* The election hears of everything. */
    (void)ev;
}

static void selector_end(struct handle *handle, docent_status why, bool mute)
{
    docent_leader_selector *s = docent_selector_of(handle);
    bool ours = why == DOCENT_ERR_CANCELLED; /* The application closes the selector. */

    if (ours && s->runner == RUNNER_RUNS) { /* The node goes when the work is over. */
        docent_selector_stop(s, handle->refusal);
        return;
    }
    bool told = docent_selector_has_term(s) && !(s->news & SELECTOR_NEWS_TERM);
    if (ours || mute || !told) {
        selector_forget_term(s);
    } else if (s->state != SELECTOR_LOST) {
        selector_lose_term(s, handle->refusal);
    }
    docent_waiters_answer(&s->waiters, handle->refusal);
    selector_close(s, mute);
}

static bool selector_is_over(const struct handle *handle)
{
    const docent_leader_selector *s = docent_selector_of(handle);

    if (s->tells || docent_later_is_queued(&s->telling) || !docent_waiters_are_gone(&s->waiters)) return false;
    return docent_client_closing(handle->client) ? s->election.candidates == NULL && s->election.readers == 0
                                                 : docent_election_is_over(&s->election);
}

void docent_selector_free(docent_leader_selector *s)
{
    docent_allocator allocator = s->handle.allocator;

    docent_hold_unref(s->term.hold);
    docent_free(&allocator, s->path);
    docent_free(&allocator, s->id);
    docent_acl_drop(&allocator, s->acl);
    docent_free(&allocator, s);
}

static void selector_free(struct handle *handle)
{
    docent_selector_free(docent_selector_of(handle));
}

const struct handle_kind docent_selector_kind = {
    .attached = selector_attached,
    .on_event = selector_on_event,
    .end = selector_end,
    .is_over = selector_is_over,
    .free = selector_free,
    .nudged = docent_selector_relinquished,
};
