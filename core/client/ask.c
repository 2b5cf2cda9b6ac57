/* core/client/ask.c - requests that are no calls: the asks of machines, and the client's own. They are sent once. */
#include "core/client/request.h"
#include "core/client/trace.h"

static void machine_link(struct docent_machine *machine, struct docent_request *r)
{
    r->machine = machine;
    r->previous = NULL;
    r->next = machine->asks;
    if (r->next != NULL) r->next->previous = r;
    machine->asks = r;
}

void docent_request_forget_machine(struct docent_request *r)
{
    if (r->previous != NULL) {
        r->previous->next = r->next;
    } else {
        r->machine->asks = r->next;
    }
    if (r->next != NULL) r->next->previous = r->previous;
    r->machine = NULL;
    r->previous = r->next = NULL;
}

docent_status docent_request_ask(struct docent_machine *machine, const docent_op *op, int tag, struct docent_watch *watch, bool flag)
{
    docent_client *view = machine->client;
    struct docent_core *c = view->core;
    if (c->session.state != SESSION_ONLINE) return DOCENT_ERR_CONNECTION_LOSS;
    bool compresses = view->compresses && !machine->raw;
    struct encoding encoding = { .compress = compresses };
    docent_status status = docent_op_encode(view, op, &encoding);
    if (status != DOCENT_OK) return status;
    uint32_t known = docent_client_version_known(c);
    if (known != 0 && known < docent_op_min_version(encoding.op)) return DOCENT_ERR_UNIMPLEMENTED;
    struct docent_request *r = docent_request_copy(view, c->scratch.data, c->scratch.size, encoding.op);
    if (r == NULL) return DOCENT_ERR_NO_MEMORY;
    if (machine->wants_stat && encoding.op == WIRE_OP_CREATE && known >= 30500) docent_request_set_op(r, WIRE_OP_CREATE2);
    r->compressed = compresses;
    r->kind = REQUEST_ASK;
    r->type = op->type;
    r->turn = machine->turn;
    r->tag = tag;
    r->watch = watch;
    if (watch != NULL) watch->pending = true;
    if (flag) r->frame[r->wire.frame_size - 1] = true; /* Every read's record ends in its watch flag. */
    r->generation = c->session.generation;
    r->place = PLACE_FLYING;
    r->attempts = 1;
    r->sent_us = c->now_us;
    status = docent_session_submit(&c->session, c->now, &r->wire);
    if (status != DOCENT_OK) {
        if (watch != NULL) watch->pending = false; /* The caller's again. */
        docent_free(&c->allocator, r);
        return status;
    }
    if (c->traced) docent_trace_sent(r);
    docent_view_use(view);
    machine_link(machine, r);
    docent_core_wake(c);
    return DOCENT_OK;
}

docent_status docent_read_once(docent_client *view, const docent_op *op, bool leaves_watch, docent_result_fn done, void *user)
{
    struct docent_core *c = view->core;
    if (c->closing) return docent_client_close_cause(view);
    struct encoding encoding = { .compress = view->compresses };
    docent_status status = docent_op_encode(view, op, &encoding);
    if (status != DOCENT_OK) return status;
    uint32_t known = docent_client_version_known(c);
    if (known != 0 && known < docent_op_min_version(encoding.op)) return DOCENT_ERR_UNSUPPORTED;
    if (leaves_watch) c->scratch.data[c->scratch.size - 1] = true;
    struct docent_request *r;
    status = docent_request_inner(c, c->scratch.data, c->scratch.size, encoding.op, op->type, done, user, &r);
    if (status != DOCENT_OK) return status;
    r->view = view;
    docent_view_use(view);
    r->compressed = view->compresses;
    return DOCENT_OK;
}

docent_status docent_request_inner(struct docent_core *c, const uint8_t *frame, size_t size, int32_t op, docent_op_type type,
                                   docent_result_fn done, void *user, struct docent_request **ret)
{
    if (c->session.state != SESSION_ONLINE) return DOCENT_ERR_CONNECTION_LOSS;
    struct docent_request *r = docent_request_copy(&c->root, frame, size, op);
    if (r == NULL) return DOCENT_ERR_NO_MEMORY;
    r->kind = REQUEST_INNER;
    r->type = type;
    r->done = done;
    r->user = user;
    r->place = PLACE_FLYING;
    r->attempts = 1;
    r->sent_us = c->now_us;
    r->generation = c->session.generation;
    docent_status status = docent_session_submit(&c->session, c->now, &r->wire);
    if (status != DOCENT_OK) {
        docent_free(&c->allocator, r);
        return status;
    }
    if (c->traced) docent_trace_sent(r);
    if (ret != NULL) *ret = r;
    docent_core_wake(c);
    return DOCENT_OK;
}

static void ask_deliver(struct docent_request *r, docent_status status, bool sent, const docent_result *result)
{
    struct docent_machine *machine = r->machine;
    if (machine == NULL) return;
    bool current = r->turn == machine->turn;
    docent_request_forget_machine(r);
    if (!current) return;
    struct docent_event event = {
        .type = DOCENT_EV_REPLY,
        .tag = r->tag,
        .status = status,
        .sent = sent,
        .result = result,
        .generation = r->generation,
    };
    docent_machine_deliver(machine, &event);
}

/* What one request that is no call came to. */
void docent_request_deliver(struct docent_request *r, docent_status status, bool sent, const docent_result *result)
{
    struct stats_block *stats = r->core->stats;
    if (r->kind != REQUEST_ASK) {
        if (r->done != NULL) r->done(result, r->user);
        return;
    }
    if (stats != NULL && sent) docent_stats_ended(stats, r->type, status);
    ask_deliver(r, status, sent, result);
}
