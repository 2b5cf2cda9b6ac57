/* core/client/trace.c - see trace.h, and docent/trace.h. */
#include "core/client/trace.h"

#include <string.h>

static const wire_bytes no_path = { NULL, -1 };

/* Of a request's frame only this is looked at: the path in front of its record, if there is one. */
static wire_bytes path_of(const struct docent_request *r)
{
    switch (r->wire.op) {
    case WIRE_OP_CREATE:
    case WIRE_OP_CREATE2:
    case WIRE_OP_CREATE_CONTAINER:
    case WIRE_OP_CREATE_TTL:
    case WIRE_OP_DELETE:
    case WIRE_OP_EXISTS:
    case WIRE_OP_GET_DATA:
    case WIRE_OP_SET_DATA:
    case WIRE_OP_GET_ACL:
    case WIRE_OP_SET_ACL:
    case WIRE_OP_GET_CHILDREN:
    case WIRE_OP_GET_CHILDREN2:
    case WIRE_OP_SYNC:
    case WIRE_OP_CHECK_WATCHES:
    case WIRE_OP_REMOVE_WATCHES:
    case WIRE_OP_ADD_WATCH:
    case WIRE_OP_GET_EPHEMERALS:
    case WIRE_OP_GET_ALL_CHILDREN_NUMBER:
        break;
    default:
        return no_path;
    }
    size_t header = WIRE_FRAME_HEADER + WIRE_REQUEST_HEADER;
    struct wire_in in = docent_wire_in(r->frame + header, r->wire.frame_size - header);
    wire_bytes path = docent_wire_get_buffer(&in);
    return in.failed ? no_path : path;
}

static void hook_tell(const struct docent_request *r, docent_status status, size_t reply_size)
{
    struct docent_core *c = r->core;
    if (c->options.on_trace == NULL) return;
    char path[DOCENT_TRACE_PATH_MAX], server[DOCENT_ADDRESS_TEXT], scratch[16];
    wire_bytes whole = path_of(r);
    if (whole.size >= 0) {
        size_t size = (size_t)whole.size < sizeof path ? (size_t)whole.size : sizeof path - 1;
        memcpy(path, whole.data, size);
        path[size] = '\0';
    }
    docent_trace_event event = {
        .struct_size = sizeof event,
        .operation = docent_wire_op_name(r->wire.op, scratch),
        .path = whole.size >= 0 ? path : NULL,
        .status = status,
        .latency_us = c->now_us - r->sent_us,
        .request_size = r->wire.frame_size,
        .reply_size = reply_size,
        .attempt = r->attempts,
        .server = docent_address_text(&c->session.link.address, server),
        .call = r->kind == REQUEST_ASK && r->machine != NULL ? r->machine->name : NULL,
    };
    c->options.on_trace(&event, c->options.user);
}

static void record(struct docent_core *c, const struct recorded_event *event, wire_bytes path)
{
    if (c->recorder == NULL) return;
    struct recorded_event timed = *event;
    timed.at_us = c->now_us;
    docent_recorder_add(c->recorder, &timed, path);
}

static void record_request(const struct docent_request *r, enum recorded_kind kind, docent_status status, size_t size)
{
    uint64_t latency = r->core->now_us - r->sent_us;
    struct recorded_event event = {
        .kind = (uint8_t)kind,
        .xid = r->wire.xid,
        .op = r->wire.op,
        .status = status,
        .size = size > UINT32_MAX ? UINT32_MAX : (uint32_t)size,
        .latency_us = latency > UINT32_MAX ? UINT32_MAX : (uint32_t)latency,
    };
    record(r->core, &event, path_of(r));
}

docent_status docent_trace_init(struct docent_core *c)
{
    uint32_t events = c->options.flight_recorder_events;
    if (events > 0) {
        c->recorder = docent_recorder_new(&c->allocator, events);
        if (c->recorder == NULL) return DOCENT_ERR_NO_MEMORY;
    }
    c->traced = events > 0 || c->options.on_trace != NULL;
    return DOCENT_OK;
}

void docent_trace_sent(const struct docent_request *r)
{
    record_request(r, RECORDED_SENT, DOCENT_OK, r->wire.frame_size);
}

void docent_trace_answered(const struct docent_request *r, docent_status status, size_t body_size)
{
    size_t size = WIRE_FRAME_HEADER + WIRE_REPLY_HEADER + body_size;
    record_request(r, RECORDED_ANSWERED, status, size);
    hook_tell(r, status, size);
}

void docent_trace_lost(const struct docent_request *r, bool sent)
{
    record_request(r, sent ? RECORDED_LOST : RECORDED_UNSENT, DOCENT_ERR_CONNECTION_LOSS, 0);
    if (sent) hook_tell(r, DOCENT_ERR_CONNECTION_LOSS, 0);
}

void docent_trace_notified(struct docent_core *c, const struct wire_watcher_event *event)
{
    struct recorded_event recorded = { .kind = RECORDED_NOTIFIED, .op = event->type };
    record(c, &recorded, event->path);
}

void docent_trace_heartbeat(struct docent_core *c)
{
    struct recorded_event recorded = { .kind = RECORDED_HEARTBEAT };
    record(c, &recorded, no_path);
}

void docent_trace_link(struct docent_core *c, bool up)
{
    char server[DOCENT_ADDRESS_TEXT];
    struct recorded_event recorded = { .kind = (uint8_t)(up ? RECORDED_CONNECTED : RECORDED_DISCONNECTED) };
    record(c, &recorded, docent_wire_string(docent_address_text(&c->session.link.address, server)));
}

static void log_line(const char *text, void *user)
{
    const struct docent_core *c = user;
    docent_client_log(&c->root, DOCENT_LOG_INFO, "client.recorder", NULL, "%s", text);
}

void docent_trace_state(struct docent_core *c, const docent_state_event *event)
{
    struct recorded_event recorded = { .kind = RECORDED_STATE, .op = (int32_t)event->state, .status = event->cause };
    record(c, &recorded, no_path);
    if (event->state == DOCENT_LOST && c->recorder != NULL) docent_recorder_dump(c->recorder, log_line, c);
}

docent_status docent_client_dump(const docent_client *client, void (*line)(const char *text, void *user), void *user)
{
    if (client == NULL || line == NULL || client->core->recorder == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    const struct docent_host *host = &client->core->host;
    docent_status status = host->check_loop(host->user);
    if (status == DOCENT_OK) docent_recorder_dump(client->core->recorder, line, user);
    return status;
}
