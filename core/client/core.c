/* core/client/core.c - the driver's entries: what came of the network, of the clock and of names; see core.h. */
#include "core/client/internal.h"
#include "core/client/trace.h"

void docent_core_link(const docent_client *client, struct docent_link *ret_link)
{
    const struct docent_core *c = client->core;
    *ret_link = c->session.link;
}

/* Begins a turn about the connection. False: a deadline has just ended that connection, and what is told is not of the next. */
static bool link_turn_begin(struct docent_core *c, uint64_t now)
{
    uint32_t serial = c->session.link.serial;
    docent_turn_begin(c, now);
    return c->session.link.serial == serial;
}

void docent_core_connected(docent_client *client, uint64_t now)
{
    struct docent_core *c = client->core;
    bool same = link_turn_begin(c, now);
    if (same && c->traced) docent_trace_link(c, true);
    if (same) docent_session_connected(&c->session, c->now);
    docent_turn_end(c);
}

void docent_core_disconnected(docent_client *client, uint64_t now)
{
    struct docent_core *c = client->core;
    bool same = link_turn_begin(c, now);
    if (same && c->traced) docent_trace_link(c, false);
    if (same) docent_session_disconnected(&c->session, c->now);
    docent_turn_end(c);
}

void docent_core_recv(docent_client *client, uint64_t now, const uint8_t *data, size_t size)
{
    struct docent_core *c = client->core;
    uint32_t serial = c->session.link.serial;
    if (!link_turn_begin(c, now)) {
        docent_turn_end(c);
        return;
    }
    if (c->stats != NULL) docent_stats_add(c->stats, CELL_BYTES_IN, size);
    size_t used = docent_session_recv(&c->session, c->now, data, size);
    docent_turn_end(c);
    if (c->session.link.serial != serial) return;
    docent_session_keep(&c->session, data + used, size - used);
    if (c->session.link.serial != serial) docent_core_tick(client, now); /* No memory for the rest: what follows from that is a turn. */
}

size_t docent_core_send(docent_client *client, const uint8_t **ret_data)
{
    struct docent_core *c = client->core;
    return docent_session_pending(&c->session, ret_data);
}

void docent_core_sent(docent_client *client, uint64_t now, size_t size)
{
    struct docent_core *c = client->core;
    (void)now;
    docent_session_sent(&c->session, size);
    if (c->stats == NULL) return;
    docent_stats_add(c->stats, CELL_BYTES_OUT, size);
    docent_client_publish_stats(c); /* Of submissions there was no turn. */
}

void docent_core_tick(docent_client *client, uint64_t now)
{
    struct docent_core *c = client->core;
    docent_turn_begin(c, now);
    docent_turn_end(c);
}

uint64_t docent_core_deadline(const docent_client *client)
{
    const struct docent_core *c = client->core;
    if (c->later_first != NULL || c->refusals || docent_watches_want_connection(c)) return 0;
    uint64_t at = docent_session_deadline(&c->session);
    uint64_t call = docent_requests_next_deadline(c);
    if (call < at) at = call;
    if (c->heap_size > 0 && c->heap[1]->at_ms < at) at = c->heap[1]->at_ms;
    return at;
}

bool docent_core_wants_addresses(const docent_client *client)
{
    const struct docent_core *c = client->core;
    return c->session.state == SESSION_LOOKING;
}

void docent_core_addresses(docent_client *client, uint64_t now, const struct docent_address *addresses, size_t count)
{
    struct docent_core *c = client->core;
    docent_turn_begin(c, now);
    docent_session_addresses(&c->session, c->now, addresses, count);
    docent_turn_end(c);
}

void docent_core_servers(docent_client *client, uint64_t now, const struct docent_address *addresses, size_t count)
{
    struct docent_core *c = client->core;
    docent_turn_begin(c, now);
    if (docent_session_servers(&c->session, c->now, addresses, count)) {
        docent_client_log(&c->root, DOCENT_LOG_INFO, "client.moves", NULL, "the list of servers was changed: going to another one");
    }
    docent_turn_end(c);
}

void docent_core_inbox(const docent_client *client, uint32_t count)
{
    if (client->core->stats != NULL) docent_stats_set(client->core->stats, GAUGE_INBOX, count);
}

void docent_core_close(docent_client *client, uint64_t now)
{
    struct docent_core *c = client->core;
    if (now > c->now) c->now = now;
    c->depth++;
    docent_client_end(c, DOCENT_ERR_CLOSING);
    docent_machines_settle(c);
    docent_client_publish_lease(c);
    c->depth--;
}

bool docent_core_closed(const docent_client *client)
{
    const struct docent_core *c = client->core;
    return c->closed;
}

docent_status docent_core_add_auth(docent_client *client, const char *scheme, const void *auth, size_t size)
{
    struct docent_core *c = client->core;
    if (scheme == NULL || (auth == NULL && size > 0) || size > c->options.request_max_bytes / 2) return DOCENT_ERR_INVALID_ARGUMENT;
    if (c->closing) return docent_client_close_cause(client);
    struct wire_out out = { .allocator = &c->allocator };
    size_t begin = docent_wire_frame_begin(&out);
    struct wire_request_header header = { WIRE_XID_AUTH, WIRE_OP_AUTH };
    docent_wire_put_request_header(&out, &header);
    struct wire_auth_request request = { 0, docent_wire_string(scheme), docent_wire_buffer(auth == NULL ? "" : auth, size) };
    docent_wire_put_auth_request(&out, &request);
    docent_wire_frame_end(&out, begin);
    docent_status status = out.failed ? DOCENT_ERR_NO_MEMORY : docent_session_add_auth(&c->session, c->now, out.data, out.size);
    docent_wire_out_free(&out);
    docent_core_wake(c);
    return status;
}
