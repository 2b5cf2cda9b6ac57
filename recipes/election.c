/* recipes/election.c - see election.h. */
#include "recipes/election.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "recipes/participants.h"

struct candidate {
    struct contender contender;
    struct contender_config contending;
    struct election *election;
    struct candidate *next;
    bool led; /* At some time. */
    struct docent_later gone;
};

static const char *const election_state_name[ELECTION_STATES] = {
    [ELECTION_OUT] = "OUT",
    [ELECTION_STANDS] = "STANDS",
    [ELECTION_PAUSES] = "PAUSES",
    [ELECTION_ENDED] = "ENDED",
};

#define TO(name) (1u << ELECTION_##name)
static const unsigned election_next[ELECTION_STATES] = {
    [ELECTION_OUT] = TO(STANDS) | TO(PAUSES) | TO(ENDED),
    [ELECTION_STANDS] = TO(STANDS) | TO(PAUSES) | TO(OUT) | TO(ENDED),
    [ELECTION_PAUSES] = TO(STANDS) | TO(PAUSES) | TO(OUT) | TO(ENDED),
};

/* The only writer of e->state. Who the present candidate is goes with it. */
static void election_enter(struct election *e, enum election_state next, struct candidate *present)
{
    assert(election_next[e->state] & (1u << next));
    assert((next == ELECTION_STANDS) == (present != NULL));
    (void)election_next;
    if (e->attached) docent_trace(&e->machine, "election", e->path, election_state_name[e->state], election_state_name[next]);
    e->state = next;
    e->present = present;
    if (e->attached) docent_machine_next_turn(&e->machine); /* The pause. */
}

/* ---- Candidates. ---- */

static void candidate_gone(struct docent_later *later)
{
    struct candidate *candidate = (struct candidate *)((char *)later - offsetof(struct candidate, gone));
    struct election *e = candidate->election;

    struct candidate **link = &e->candidates;
    while (*link != candidate) {
        link = &(*link)->next;
    }
    *link = candidate->next;
    docent_free(docent_client_allocator(e->client), candidate);
    e->changed(e);
}

static void election_pause(struct election *e)
{
    election_enter(e, ELECTION_PAUSES, NULL);
    docent_machine_retry(&e->machine);
}

static void candidate_on_phase(struct contender *contender, enum contender_phase phase);

static void election_stand(struct election *e)
{
    static const struct contender_kind kind = { .on_phase = candidate_on_phase };
    const docent_allocator *allocator = docent_client_allocator(e->client);
    struct candidate *candidate = docent_alloc(allocator, sizeof *candidate);
    docent_status status = DOCENT_ERR_NO_MEMORY;
    if (candidate != NULL) {
        *candidate = (struct candidate){
            .contending = {
                .dialect = e->dialect,
                .path = e->path,
                .data = e->data,
                .size = e->size,
                .acl = e->acl,
                .parent_mode = &e->parent_mode,
                .kind = &kind,
            },
        };
        status = docent_contender_init(&candidate->contender, e->client, &candidate->contending);
    }
    if (status != DOCENT_OK) {
        docent_free(allocator, candidate);
        e->trouble = status;
        election_pause(e);
        return;
    }
    candidate->election = e;
    candidate->gone.run = candidate_gone;
    candidate->next = e->candidates;
    e->candidates = candidate;
    e->number++;
    election_enter(e, ELECTION_STANDS, candidate);
    docent_contender_start(&candidate->contender);
}

/* The present candidate has ended by itself, or will. What was refused is tried again after a pause: nothing else ends our part. */
static void election_go_on(struct election *e, const struct candidate *candidate)
{
    docent_status why = candidate->contender.verdict;

    e->trouble = why;
    if (candidate->led) e->fall = why;
    if (docent_client_closing(e->client) || (candidate->led && e->one_reign)) {
        election_enter(e, ELECTION_OUT, NULL);
    } else if (why == DOCENT_ERR_SESSION_EXPIRED || candidate->led) {
        election_stand(e);
    } else {
        docent_client_log(e->client, DOCENT_LOG_WARNING, "election.refused", e->path, "cannot take part: %s", docent_status_text(why));
        election_pause(e);
    }
}

static void candidate_on_phase(struct contender *contender, enum contender_phase phase)
{
    struct candidate *candidate = (struct candidate *)((char *)contender - offsetof(struct candidate, contender));
    struct election *e = candidate->election;

    if (phase == CONTENDER_OVER) {
        if (e->present == candidate) election_go_on(e, candidate);
        docent_contender_fini(contender);
        docent_client_later(e->client, &candidate->gone);
    } else if (e->present != candidate) {
        return;
    } else if (phase == CONTENDER_LEAVES) {
        election_go_on(e, candidate);
    } else if (phase == CONTENDER_LEADS) {
        candidate->led = true;
        e->trouble = DOCENT_OK;
        docent_machine_calm(&e->machine);
    }
    e->changed(e);
}

/* ---- Taking part. ---- */

void docent_election_join(struct election *e)
{
    assert(e->state == ELECTION_OUT);
    election_stand(e);
    e->changed(e);
}

static void election_go_away(struct election *e, enum election_state next)
{
    struct candidate *left = e->present;

    if (e->state == next || e->state == ELECTION_ENDED) return;
    e->trouble = DOCENT_OK;
    election_enter(e, next, NULL);
    if (left != NULL) docent_contender_leave(&left->contender, DOCENT_ERR_CANCELLED);
    e->changed(e);
}

void docent_election_leave(struct election *e)
{
    election_go_away(e, ELECTION_OUT);
}

void docent_election_end(struct election *e, bool mute)
{
    if (mute) e->readers = 0;
    election_go_away(e, ELECTION_ENDED);
    if (e->attached) docent_machine_fini(&e->machine);
    e->attached = false;
}

bool docent_election_is_over(const struct election *e)
{
    return e->state == ELECTION_ENDED && e->candidates == NULL && e->readers == 0;
}

static void election_on_event(struct docent_machine *machine, const struct docent_event *ev)
{
    struct election *e = (struct election *)((char *)machine - offsetof(struct election, machine));

    switch (ev->type) {
    case DOCENT_EV_TIMER:
        election_stand(e);
        e->changed(e);
        break;
    case DOCENT_EV_CLOSING: /* The owner hears of it, and ends us. */
        docent_machine_fini(&e->machine);
        e->attached = false;
        break;
    case DOCENT_EV_REPLY: /* We ask for nothing. */
    case DOCENT_EV_WATCH:
    case DOCENT_EV_SUSPENDED: /* The contenders hear of these themselves. */
    case DOCENT_EV_RESUMED:
    case DOCENT_EV_EXPIRED: break;
    }
}

void docent_election_begin(struct election *e)
{
    e->parent_mode = e->dialect->kind == DOCENT_DIALECT_CURATOR ? DOCENT_CONTAINER : DOCENT_PERSISTENT;
    e->trouble = DOCENT_OK;
    docent_machine_init(&e->machine, e->client, election_on_event);
    e->machine.name = "election";
    e->attached = true;
}

/* ---- Looking. ---- */

enum election_seat docent_election_seat(const struct election *e)
{
    if (e->present == NULL) return ELECTION_AWAY;
    switch (e->present->contender.told) {
    case CONTENDER_WAITS: return ELECTION_WAITS;
    case CONTENDER_LEADS: return ELECTION_LEADS;
    case CONTENDER_DOUBTS: return ELECTION_DOUBTS;
    case CONTENDER_LEAVES:
    case CONTENDER_OVER: break;
    }
    return ELECTION_AWAY;
}

docent_status docent_election_trouble(const struct election *e)
{
    if (e->state == ELECTION_OUT || e->state == ELECTION_ENDED) return DOCENT_OK;
    if (!docent_machine_online(&e->machine)) return DOCENT_ERR_CONNECTION_LOSS;
    return e->present != NULL && e->present->contender.own.known == PROTECTED_OURS ? DOCENT_OK : e->trouble;
}

const struct protected_node *docent_election_node(const struct election *e)
{
    return &e->present->contender.own;
}

static void election_read(void *owner)
{
    struct election *e = owner;

    e->readers--;
    e->changed(e);
}

docent_status docent_election_participants(struct election *e, size_t most, docent_result_fn done, void *user)
{
    docent_status status = docent_participants_read_first(e->client, e->dialect, e->path, most, done, user, election_read, e);

    if (status == DOCENT_OK) e->readers++;
    return status;
}
