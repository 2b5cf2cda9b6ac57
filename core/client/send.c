/* core/client/send.c - a request is sent, waits for the connection, and is tried again under the retry policy. */
#include "core/client/outcome.h"
#include "core/client/request.h"
#include "core/client/trace.h"

/* What it comes to when it can be sent no more. */
docent_status docent_request_gave_up(const struct docent_request *r, docent_status otherwise)
{
    bool maybe_applied = r->lost || r->place == PLACE_FLYING;
    return maybe_applied && !docent_op_is_read(r->type) ? DOCENT_ERR_UNKNOWN_OUTCOME : otherwise;
}

void docent_request_pend(struct docent_request *r)
{
    struct docent_core *c = r->core;
    if (docent_request_offline(r) == DOCENT_OFFLINE_FAIL && c->session.state != SESSION_ONLINE) {
        docent_request_finish(r, docent_request_gave_up(r, DOCENT_ERR_CONNECTION_LOSS));
        return;
    }
    r->place = PLACE_PENDING;
    r->pending_next = NULL;
    *c->pending_last = r;
    c->pending_last = &r->pending_next;
    c->pending_count++;
}

void docent_request_unpend(struct docent_request *r)
{
    struct docent_core *c = r->core;
    struct docent_request **at = &c->pending_first;
    while (*at != r) at = &(*at)->pending_next;
    *at = r->pending_next;
    if (c->pending_last == &r->pending_next) c->pending_last = at;
    c->pending_count--;
    r->place = PLACE_NONE;
}

static void request_rested(struct docent_timer *timer)
{
    struct docent_request *r = (struct docent_request *)((char *)timer - offsetof(struct docent_request, rest));
    docent_request_send(r);
}

/* Under the policy, after a failure that another try may mend; never in the same turn. */
void docent_request_again(struct docent_request *r, docent_status cause)
{
    struct docent_core *c = r->core;
    uint64_t delay = 0;
    r->place = PLACE_NONE;
    r->cause = cause;
    if (!docent_retry_delay(r->retry, r->attempts, c->now - r->accepted_ms, cause, docent_random_next(&c->random), &delay)) {
        docent_request_finish(r, docent_request_gave_up(r, cause));
        return;
    }
    if (c->stats != NULL) docent_stats_add(c->stats, CELL_RETRIES, 1);
    if (delay == 0 && c->session.state != SESSION_ONLINE) {
        docent_request_pend(r);
    } else {
        r->place = PLACE_RESTING;
        r->rest.fire = request_rested;
        docent_timer_set(&c->root, &r->rest, delay > UINT64_MAX - c->now ? UINT64_MAX : c->now + delay);
    }
}

/* Why it cannot be sent on this connection, or DOCENT_OK. */
static docent_status request_refusal(const struct docent_request *r)
{
    const struct docent_core *c = r->core;
    if (r->hold != NULL && !docent_client_lease_good(&c->root, docent_hold_generation(r->hold))) {
        return docent_request_gave_up(r, DOCENT_ERR_NOT_HELD);
    }
    if (r->lost && r->generation != c->session.generation && !docent_op_is_read(r->type)) {
        if (!c->session.settled) return DOCENT_ERR_UNKNOWN_OUTCOME; /* The session that may have applied it is not known to be over. */
        /* The node that would have shown it went with that session; the transaction's other effects stay. */
        if (r->type == DOCENT_OP_MULTI && r->mode == DOCENT_EPHEMERAL) return DOCENT_ERR_UNKNOWN_OUTCOME;
    }
    uint32_t needed = docent_op_min_version(r->wire.op);
    uint32_t known = needed == 0 ? 0 : docent_client_version_known(c);
    if (known != 0 && known < needed) return docent_request_gave_up(r, DOCENT_ERR_UNSUPPORTED);
    return DOCENT_OK;
}

void docent_request_send(struct docent_request *r)
{
    struct docent_core *c = r->core;
    if (c->session.state != SESSION_ONLINE) {
        docent_request_pend(r);
        return;
    }
    docent_status refusal = request_refusal(r);
    if (refusal != DOCENT_OK) {
        r->place = PLACE_NONE;
        docent_request_finish(r, refusal);
        return;
    }
    if (r->type == DOCENT_OP_CREATE && (r->wire.op == WIRE_OP_CREATE || r->wire.op == WIRE_OP_CREATE2)) {
        /* The same body, but create2 answers with the stat as well. Servers before 3.5 do not know it. */
        docent_request_set_op(r, docent_client_version_known(c) >= 30500 && r->kind == REQUEST_CALL ? WIRE_OP_CREATE2 : WIRE_OP_CREATE);
    }
    if (r->watch != NULL) {
        size_t flag = r->wire.frame_size - 1; /* Every read's record ends in its watch flag. */
        r->frame[flag] = docent_watch_sends_flag(r->watch);
    }
    docent_request_submit(r);
    if (c->traced && r->place == PLACE_FLYING) docent_trace_sent(r);
}

void docent_requests_online(struct docent_core *c)
{
    struct docent_request *r = c->pending_first;
    c->pending_first = NULL;
    c->pending_last = &c->pending_first;
    c->pending_count = 0;
    while (r != NULL) {
        struct docent_request *next = r->pending_next;
        r->place = PLACE_NONE;
        docent_request_send(r);
        r = next;
    }
}
