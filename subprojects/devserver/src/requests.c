/* src/requests.c - see requests.h. */
#include "requests.h"

#include <string.h>

#include <docent/client.h>

#include "answers.h"
#include "credentials.h"
#include "must.h"
#include "reads.h"
#include "text.h"

enum { CREDENTIALS_MAX = 1 << 16 }; /* They go along with every write. */

static bool op_is_forwarded(int32_t op)
{
    switch (op) {
    case WIRE_OP_CREATE:
    case WIRE_OP_CREATE2:
    case WIRE_OP_CREATE_CONTAINER:
    case WIRE_OP_CREATE_TTL:
    case WIRE_OP_DELETE:
    case WIRE_OP_SET_DATA:
    case WIRE_OP_SET_ACL:
    case WIRE_OP_MULTI:
    case WIRE_OP_RECONFIG:
    case WIRE_OP_SYNC:
    case WIRE_OP_CREATE_SESSION:
    case WIRE_OP_DELETE_CONTAINER:
    case WIRE_OP_CLOSE_SESSION: return true;
    default: return false;
    }
}

static void request_read(struct connection *c, struct request *request)
{
    struct wire_in in = docent_wire_in(request->body, request->size);
    struct wire_out body = { 0 };
    int32_t err = docent_read(c, request, &in, &body);
    bool unknown = err == DOCENT_ERR_UNIMPLEMENTED;
    int32_t xid = request->op == WIRE_OP_PING ? WIRE_XID_PING : request->xid;
    size_t begin = docent_answer_begin(&request->answer, xid, unknown ? -1 : c->replica->tree->zxid, err);
    if (err == DOCENT_OK) docent_wire_put_raw(&request->answer, body.data, body.size);
    docent_wire_frame_end(&request->answer, begin);
    docent_wire_out_free(&body);
    request->ready = true;
    request->ends = unknown;
}

/* Sizes are told without the length in front. */
static void count_response(struct server_stats *stats, size_t size)
{
    int64_t response = (int64_t)size - 4;
    stats->response_last = response;
    if (stats->response_min < 0 || response < stats->response_min) stats->response_min = response;
    if (response > stats->response_max) stats->response_max = response;
}

static void request_free(struct connection *c, struct request *request)
{
    if (request->fate == FATE_DELAY) c->replica->delayed_count--;
    free(request->body);
    docent_wire_out_free(&request->answer);
    free(request);
}

void docent_requests_run(struct connection *c)
{
    while (c->first != NULL && !c->dropped && !c->ends && connection_unsent(c) < OUT_MAX) {
        struct request *request = c->first;
        if (!request->ready && !request->forwarded) request_read(c, request);
        if (!request->ready) return;
        if (request->fate == FATE_HOLD || (request->fate == FATE_DELAY && c->replica->now < request->until)) return;
        if (request->fate == FATE_DROP) {
            docent_connection_drop(c);
            return;
        }
        if (request->fate == FATE_CORRUPT) docent_answer_corrupt(&request->answer);
        if (c->out_head == c->out.size) c->out_head = c->out.size = 0;
        docent_wire_put_raw(&c->out, request->answer.data, request->answer.size);
        docent_connection_ready(c);
        docent_connection_count_answered(c, request->op, request->xid, docent_answer_zxid(&request->answer), request->came, request->answer.size);
        count_response(&c->replica->stats, request->answer.size);
        c->ends = request->ends;
        if (c->ends) c->state = CONNECTION_ENDED;
        c->first = request->next;
        if (c->first == NULL) c->last = &c->first;
        c->pending--;
        request_free(c, request);
    }
}

/* As a server without a quorum: whatever would have to go to the leader, except the end of a session. */
static void request_refuse(struct connection *c, struct request *request)
{
    size_t begin = docent_answer_begin(&request->answer, request->xid, c->replica->tree->zxid, DOCENT_ERR_NOT_READ_ONLY);
    docent_wire_frame_end(&request->answer, begin);
    request->ready = true;
}

static void request_forward(struct connection *c, struct request *request)
{
    struct server_message *message = docent_connection_message(request->op == WIRE_OP_SYNC ? UP_SYNC : UP_REQUEST, c);
    message->request = request->number;
    message->op = request->op;
    if (request->op != WIRE_OP_SYNC) {
        message->body = must_copy(request->body, request->size);
        message->size = request->size;
        message->credentials = must_copy(c->credentials.data, c->credentials.size);
        message->credentials_size = c->credentials.size;
    }
    request->forwarded = true;
    docent_replica_up(c->replica, message);
}

/* Out of line, from the network layer: may overtake answers of earlier requests. */
static void auth_receive(struct connection *c, int32_t xid, struct wire_in *in)
{
    struct wire_auth_request request;
    bool good = docent_wire_get_auth_request(in, &request);
    int32_t err = DOCENT_ERR_AUTH_FAILED;
    if (good && text_is(request.scheme, "digest") && request.auth.size >= 0) {
        if (c->credentials.size < CREDENTIALS_MAX) {
            docent_credentials_add_digest(&c->credentials, request.auth, c->replica->config.super_digest);
            err = DOCENT_OK;
        }
    } else if (good && text_is(request.scheme, "ip")) {
        err = DOCENT_OK; /* The address is a credential already. */
    }
    size_t begin = docent_answer_begin(&c->out, xid, 0, err);
    docent_wire_frame_end(&c->out, begin);
    docent_connection_count_sent(c, c->out.size - begin);
    if (err != DOCENT_OK) {
        c->replica->stats.auth_failed++;
        c->ends = true;
        c->state = CONNECTION_ENDED;
    }
}

static void sasl_receive(struct connection *c, int32_t xid)
{
    size_t begin = docent_answer_begin(&c->out, xid, 0, 0);
    struct wire_sasl_record none = { { NULL, -1 } }; /* Not configured: a null token. */
    docent_wire_put_sasl_record(&c->out, &none);
    docent_wire_frame_end(&c->out, begin);
    docent_connection_count_sent(c, c->out.size - begin);
}

void docent_requests_receive(struct connection *c, const uint8_t *data, size_t size)
{
    struct wire_in in = docent_wire_in(data, size);
    struct wire_request_header header;
    if (!docent_wire_get_request_header(&in, &header)) {
        docent_connection_drop(c);
        return;
    }
    if (header.op == WIRE_OP_AUTH) {
        auth_receive(c, header.xid, &in);
        return;
    }
    if (header.op == WIRE_OP_SASL) {
        sasl_receive(c, header.xid);
        return;
    }
    docent_connection_touch(c, true);
    struct request *request = must(calloc(1, sizeof *request));
    request->number = ++c->next_number;
    request->came = c->replica->now;
    request->xid = header.xid;
    request->op = header.op;
    request->body = must_copy(in.data, in.size);
    request->size = in.size;
    struct fault fault;
    if (docent_faults_take(&c->replica->faults, request->op, request->body, request->size, &fault)) {
        switch (fault.action) {
        case FAULT_DROP_REQUEST:
            request_free(c, request);
            docent_connection_drop(c);
            return;
        case FAULT_DROP_REPLY: request->fate = FATE_DROP; break;
        case FAULT_HOLD_REPLY: request->fate = FATE_HOLD; break;
        case FAULT_CORRUPT_REPLY: request->fate = FATE_CORRUPT; break;
        case FAULT_DELAY_REPLY:
            request->fate = FATE_DELAY;
            c->replica->delayed_count++;
            request->until = c->replica->now + fault.delay_ms;
            break;
        }
    }
    *c->last = request;
    c->last = &request->next;
    c->pending++;
    if (op_is_forwarded(request->op) && docent_speak_knows(c->replica->speak, request->op)) {
        if (c->replica->read_only && request->op != WIRE_OP_CLOSE_SESSION) {
            request_refuse(c, request);
        } else {
            request_forward(c, request);
        }
    }
    docent_requests_run(c);
}

void docent_requests_free(struct connection *c)
{
    while (c->first != NULL) {
        struct request *request = c->first;
        c->first = request->next;
        request_free(c, request);
    }
}

struct request *docent_request_find(struct connection *c, uint64_t number)
{
    struct request *request = c == NULL ? NULL : c->first;
    while (request != NULL && request->number != number) request = request->next;
    return request;
}
