/* tests/unit/peer.c - see peer.h. */
#include "tests/unit/peer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static uint64_t host_now(void *user)
{
    return ((struct peer *)user)->now;
}

static uint64_t host_now_us(void *user)
{
    const struct peer *peer = user;
    return peer->now * 1000 + peer->us;
}

static docent_status host_check(void *user)
{
    (void)user;
    return DOCENT_OK;
}

static void host_entropy(void *user, void *bytes, size_t size)
{
    struct peer *peer = user;
    for (size_t i = 0; i < size; i++) ((uint8_t *)bytes)[i] = (uint8_t)docent_random_next(&peer->random);
}

static void host_wake(void *user)
{
    (void)user; /* peer_work() is always called. */
}

static docent_status host_post(void *user, struct docent_post *post, bool bounded)
{
    (void)user;
    (void)bounded;
    post->run(post);
    return DOCENT_OK;
}

static docent_status host_set_servers(void *user, const char *servers)
{
    struct peer *peer = user;
    snprintf(peer->servers, sizeof peer->servers, "%s", servers);
    peer->servers_set++;
    return DOCENT_OK;
}

static void on_state(const docent_state_event *event, void *user)
{
    struct peer *peer = user;
    if (peer->state_count < 32) peer->states[peer->state_count] = event->state;
    peer->state_count++;
    peer->last_event = *event;
}

void peer_start(struct peer *peer, size_t servers, uint32_t timeout_ms, void (*adjust)(docent_client_options *options))
{
    peer_start_below(peer, "", servers, timeout_ms, adjust);
}

void peer_start_below(struct peer *peer, const char *chroot, size_t servers, uint32_t timeout_ms,
                      void (*adjust)(docent_client_options *options))
{
    memset(peer, 0, sizeof *peer);
    peer->now = 1000000;
    for (size_t i = 0; i < servers; i++) {
        peer->addresses[i] = (struct docent_address){ .family = 4, .ip = { 10, 0, 0, (uint8_t)(i + 1) }, .port = 2181 };
    }
    peer->address_count = servers;
    docent_client_options options = {
        DOCENT_CLIENT_OPTIONS,
        .session_timeout_ms = timeout_ms,
        .call_timeout_ms = 30000,
        .close_timeout_ms = 1000,
        .request_max_bytes = WIRE_REQUEST_MAX,
        .reply_max_bytes = 1 << 24,
        .inbox_max = 1000,
        .pending_max = 1000,
        .offline = DOCENT_OFFLINE_QUEUE,
        .on_state = on_state,
        .user = peer,
        .seed = 42,
        .no_probe = true,
    };
    if (adjust != NULL) adjust(&options);
    struct docent_host host = {
        .user = peer,
        .now_ms = host_now,
        .check_loop = host_check,
        .entropy = host_entropy,
        .wake = host_wake,
        .post = host_post,
        .default_label = "test",
        .now_us = host_now_us,
        .set_servers = host_set_servers,
    };
    struct docent_core_config config = { .options = &options, .chroot = chroot, .servers = "first:2181/any" };
    assert_int_equal(docent_core_new(&config, &host, &peer->client), DOCENT_OK);
    peer_work(peer);
}

void peer_work(struct peer *peer)
{
    for (int rounds = 0; rounds < 16; rounds++) {
        if (docent_core_deadline(peer->client) <= peer->now) docent_core_tick(peer->client, peer->now);
        if (docent_core_wants_addresses(peer->client) && !peer->manual) {
            docent_core_addresses(peer->client, peer->now, peer->addresses, peer->address_count);
        }
        struct docent_link link;
        docent_core_link(peer->client, &link);
        if (link.serial != peer->link.serial) {
            peer->link = link;
            peer->size = 0;
            if (link.wanted && !peer->manual) docent_core_connected(peer->client, peer->now);
        }
        const uint8_t *data;
        size_t size = docent_core_send(peer->client, &data);
        if (size > 0 && peer->link.wanted) {
            assert_true(peer->size + size <= sizeof peer->bytes);
            memcpy(peer->bytes + peer->size, data, size);
            peer->size += size;
            docent_core_sent(peer->client, peer->now, size);
        }
    }
}

void peer_pass(struct peer *peer, uint64_t ms)
{
    uint64_t end = peer->now + ms;
    for (;;) {
        uint64_t at = docent_core_deadline(peer->client);
        if (at > end) break;
        if (at > peer->now) peer->now = at;
        peer_work(peer);
    }
    peer->now = end;
    peer_work(peer);
}

void peer_cut(struct peer *peer)
{
    peer->size = 0;
    docent_core_disconnected(peer->client, peer->now);
    peer_work(peer);
}

static bool frame_ready(const struct peer *peer, size_t *ret_size)
{
    if (peer->size < 4) return false;
    uint32_t big;
    memcpy(&big, peer->bytes, 4);
    *ret_size = __builtin_bswap32(big);
    return peer->size >= 4 + *ret_size;
}

static void frame_drop(struct peer *peer, size_t size)
{
    memmove(peer->bytes, peer->bytes + 4 + size, peer->size - 4 - size);
    peer->size -= 4 + size;
}

bool peer_take(struct peer *peer, struct peer_frame *frame)
{
    size_t size = 0;
    if (!frame_ready(peer, &size)) return false;
    struct wire_in in = docent_wire_in(peer->bytes + 4, size);
    struct wire_request_header header;
    assert_true(docent_wire_get_request_header(&in, &header));
    frame->xid = header.xid;
    frame->op = header.op;
    frame->size = in.size;
    assert_true(in.size <= sizeof frame->body);
    memcpy(frame->body, in.data, in.size);
    frame_drop(peer, size);
    return true;
}

void peer_expect(struct peer *peer, int32_t op, struct peer_frame *frame)
{
    peer_work(peer);
    while (peer_take(peer, frame)) {
        if (frame->op == op) return;
        if (frame->op == WIRE_OP_PING) {
            peer_reply(peer, WIRE_XID_PING, 1, 0, NULL, 0);
            continue;
        }
        fail_msg("the client sent operation %d, not %d", frame->op, op);
    }
    fail_msg("the client did not send operation %d", op);
}

struct wire_connect_request peer_expect_connect(struct peer *peer)
{
    size_t size = 0;
    peer_work(peer);
    assert_true(frame_ready(peer, &size));
    struct wire_in in = docent_wire_in(peer->bytes + 4, size);
    struct wire_connect_request request;
    assert_true(docent_wire_get_connect_request(&in, &request));
    frame_drop(peer, size);
    return request;
}

void peer_send(struct peer *peer, const uint8_t *data, size_t size)
{
    size_t step = peer->fragment == 0 ? size : peer->fragment;
    uint32_t serial = peer->link.serial;
    for (size_t at = 0; at < size && peer->link.serial == serial; at += step) {
        size_t part = size - at < step ? size - at : step;
        uint8_t *copy = malloc(part); /* So that a tool sees what is read beyond it, or later. */
        memcpy(copy, data + at, part);
        docent_core_recv(peer->client, peer->now, copy, part);
        free(copy);
        struct docent_link link;
        docent_core_link(peer->client, &link);
        if (link.serial != serial) break;
    }
    peer_work(peer);
}

void peer_accept(struct peer *peer, int64_t session_id, int32_t timeout_ms)
{
    static const uint8_t password[16] = { 1, 2, 3 };
    struct wire_out out = { 0 };
    size_t begin = docent_wire_frame_begin(&out);
    struct wire_connect_response response = { 0, timeout_ms, session_id, docent_wire_buffer(password, 16) };
    docent_wire_put_connect_response(&out, &response);
    docent_wire_put_bool(&out, peer->read_only);
    docent_wire_frame_end(&out, begin);
    peer_send(peer, out.data, out.size);
    docent_wire_out_free(&out);
}

void peer_online(struct peer *peer, int64_t session_id, int32_t timeout_ms)
{
    peer_expect_connect(peer);
    peer_accept(peer, session_id, timeout_ms);
}

void peer_reply(struct peer *peer, int32_t xid, int64_t zxid, int32_t err, const void *body, size_t size)
{
    struct wire_out out = { 0 };
    size_t begin = docent_wire_frame_begin(&out);
    struct wire_reply_header header = { xid, zxid, err };
    docent_wire_put_reply_header(&out, &header);
    docent_wire_put_raw(&out, body, size);
    docent_wire_frame_end(&out, begin);
    peer_send(peer, out.data, out.size);
    docent_wire_out_free(&out);
}

static void reply_out(struct peer *peer, int32_t xid, int64_t zxid, struct wire_out *body)
{
    peer_reply(peer, xid, zxid, 0, body->data, body->size);
    docent_wire_out_free(body);
}

void peer_reply_stat(struct peer *peer, int32_t xid, int64_t zxid, const docent_stat *stat)
{
    struct wire_out body = { 0 };
    struct wire_stat_response response = { *stat };
    docent_wire_put_stat_response(&body, &response);
    reply_out(peer, xid, zxid, &body);
}

void peer_reply_data(struct peer *peer, int32_t xid, int64_t zxid, const char *data, const docent_stat *stat)
{
    struct wire_out body = { 0 };
    struct wire_data_response response = { docent_wire_string(data), *stat };
    docent_wire_put_data_response(&body, &response);
    reply_out(peer, xid, zxid, &body);
}

void peer_reply_path(struct peer *peer, int32_t xid, int64_t zxid, const char *path)
{
    struct wire_out body = { 0 };
    struct wire_path_record response = { docent_wire_string(path) };
    docent_wire_put_path_record(&body, &response);
    reply_out(peer, xid, zxid, &body);
}

void peer_notify(struct peer *peer, int32_t type, const char *path)
{
    struct wire_out body = { 0 };
    struct wire_watcher_event event = { type, WIRE_STATE_SYNC_CONNECTED, docent_wire_string(path) };
    docent_wire_put_watcher_event(&body, &event);
    peer_reply(peer, WIRE_XID_NOTIFICATION, -1, 0, body.data, body.size);
    docent_wire_out_free(&body);
}

void outcome_tell(const docent_result *result, void *user)
{
    struct outcome *outcome = user;
    outcome->calls++;
    outcome->status = result->status;
    outcome->attempts = result->attempts;
    outcome->stat = result->stat;
    if (result->data != NULL && result->size < sizeof outcome->data) {
        memcpy(outcome->data, result->data, result->size);
        outcome->data[result->size] = '\0';
    }
}

void peer_stop(struct peer *peer)
{
    docent_core_close(peer->client, peer->now);
    peer_work(peer);
    peer_pass(peer, 2000);
    assert_true(docent_core_closed(peer->client));
    docent_core_free(peer->client);
}
