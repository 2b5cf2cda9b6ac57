/* recipes/permit_tell.c - see permit.h: what the application is told, and what any thread sees. */
#include "recipes/permit.h"

void docent_permit_show(struct docent_permit *p, enum tenure_state state)
{
    docent_tenure_set(&p->tenure, 1, state);
    p->shown = state;
    docent_client_later(p->handle.client, &p->later);
}

/* Both meters, for what the acquire came to, or for what was held and is over. */
static void permit_meter_end(struct docent_permit *p, docent_status outcome)
{
    uint64_t waited_ms = docent_client_now(p->handle.client) - p->begun_ms;

    if (docent_client_now(p->handle.client) < p->begun_ms) waited_ms = 0; /* Begun between two turns. */
    docent_meter_end(&p->meter, outcome, waited_ms);
    if (p->semaphore != NULL) docent_meter_end(docent_semaphore_meter(p->semaphore), outcome, waited_ms);
}

static void permit_meter_over(struct docent_permit *p)
{
    uint64_t held_ms = docent_client_now(p->handle.client) - p->held_at_ms;

    docent_meter_over(&p->meter, held_ms, p->lost != DOCENT_OK);
    if (p->semaphore != NULL) docent_meter_over(docent_semaphore_meter(p->semaphore), held_ms, p->lost != DOCENT_OK);
}

void docent_permit_answer(struct docent_permit *p, docent_status outcome)
{
    if (p->answered) {
        if (p->held_once) permit_meter_over(p);
        return;
    }
    p->answered = true;
    p->outcome = outcome;
    p->held_once = outcome == DOCENT_OK;
    p->held_at_ms = docent_client_now(p->handle.client);
    permit_meter_end(p, outcome);
    docent_timer_stop(p->handle.client, &p->deadline);
    docent_client_later(p->handle.client, &p->later);
}

static void permit_tell_state(struct docent_permit *p, docent_permit_state state)
{
    p->told = state;
    if (p->terms->on_state != NULL && !p->handle.muted) p->terms->on_state(p, state, p->terms->user);
}

/* In this order: HELD, the outcome, what changed since, RETURNED, lost. Callbacks may do anything; what they change comes in the next run. */
void docent_permit_tell(struct docent_permit *p)
{
    if (p->held_once && p->told == DOCENT_PERMIT_WAITING) permit_tell_state(p, DOCENT_PERMIT_HELD);
    if (p->answered && p->done != NULL) {
        docent_done_fn done = p->done;
        p->done = NULL;
        if (!p->handle.muted) done(p->outcome, p->user);
    }
    if (!p->held_once || p->told == DOCENT_PERMIT_RETURNED) return;
    switch (p->shown) {
    case TENURE_HELD:
        if (p->told != DOCENT_PERMIT_HELD) permit_tell_state(p, DOCENT_PERMIT_HELD);
        break;
    case TENURE_SUSPECT:
        if (p->told != DOCENT_PERMIT_SUSPECT) permit_tell_state(p, DOCENT_PERMIT_SUSPECT);
        break;
    case TENURE_NONE:
        permit_tell_state(p, DOCENT_PERMIT_RETURNED);
        if (p->lost != DOCENT_OK && p->terms->on_lost != NULL && !p->handle.muted) p->terms->on_lost(p, p->lost, p->terms->user);
        break;
    case TENURE_WAITING: break; /* Not any more. */
    }
}

/* ---- Any thread. ---- */

static enum tenure_state permit_look(const docent_permit *permit, int64_t *ret_token)
{
    return docent_tenure_look(&permit->tenure, permit->handle.client, ret_token);
}

docent_permit_state docent_permit_get_state(const docent_permit *permit)
{
    if (permit == NULL) return DOCENT_PERMIT_RETURNED;
    switch (permit_look(permit, NULL)) {
    case TENURE_NONE: break;
    case TENURE_WAITING: return DOCENT_PERMIT_WAITING;
    case TENURE_HELD: return DOCENT_PERMIT_HELD;
    case TENURE_SUSPECT: return DOCENT_PERMIT_SUSPECT;
    }
    return DOCENT_PERMIT_RETURNED;
}

int64_t docent_permit_token(const docent_permit *permit)
{
    int64_t token = -1;

    if (permit != NULL) (void)permit_look(permit, &token);
    return token;
}

uint32_t docent_permit_count(const docent_permit *permit)
{
    return permit == NULL ? 0 : permit->count;
}

struct hold_call {
    uint32_t index;
    docent_hold *hold;
};

static docent_status permit_get_hold(struct handle *handle, void *argument)
{
    struct docent_permit *p = (struct docent_permit *)handle;
    struct hold_call *call = argument;
    enum tenure_state state = permit_look(p, NULL);

    if ((state != TENURE_HELD && state != TENURE_SUSPECT) || call->index >= p->count) return DOCENT_ERR_NOT_HELD;
    const struct protected_node *own = &p->leases[call->index].own;
    return docent_hold_new(handle->client, own->path, own->czxid, own->generation, &call->hold);
}

docent_hold *docent_permit_hold(docent_permit *permit, uint32_t index)
{
    struct hold_call call = { .index = index };

    if (permit == NULL || docent_handle_run(&permit->handle, permit_get_hold, &call) != DOCENT_OK) return NULL;
    return call.hold;
}

docent_status docent_permit_info(docent_permit *permit, docent_recipe_info *ret_info)
{
    if (permit == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    return docent_meter_ask(&permit->handle, &permit->meter, ret_info);
}
