/* tests/unit/test_devserver_limits.c - what a client can make the development server do, or keep: bounds, on virtual time. One replica,
 * with messages that arrive at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/wire/wire.h"
#include "one_server.h"

static uint64_t now;

static void begin(const struct server_config *config)
{
    now = 10000;
    server_begin(config, now, (int64_t)now);
}

static int start(void **state)
{
    (void)state;
    begin(&(struct server_config){ .tick_ms = 500, .max_session_ms = 60000, .ttl_nodes = true });
    return 0;
}

static int stop(void **state)
{
    (void)state;
    deliver(now, (int64_t)now);
    docent_replica_free(replica);
    docent_leader_free(leader);
    return 0;
}

static struct connection *connect_silently(void)
{
    return docent_connection_new(replica, now, "127.0.0.1:40000", NULL);
}

static void receive(struct connection *c, const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size == 0 ? 1 : size); /* Of that size, for whoever watches reads past its end. */
    assert_non_null(copy);
    if (size > 0) memcpy(copy, data, size);
    docent_connection_recv(c, now, copy, size);
    free(copy);
    deliver(now, (int64_t)now);
}

static void receive_frame(struct connection *c, const uint8_t *data, size_t size)
{
    struct wire_out out = { 0 };
    size_t at = docent_wire_frame_begin(&out);
    docent_wire_put_raw(&out, data, size);
    docent_wire_frame_end(&out, at);
    receive(c, out.data, out.size);
    docent_wire_out_free(&out);
}

static void handshake_put(struct wire_out *out)
{
    static const uint8_t nothing[16];
    struct wire_connect_request request = { .timeout_ms = 60000, .password = docent_wire_buffer(nothing, 16) };
    docent_wire_put_connect_request(out, &request);
    docent_wire_put_bool(out, false);
}

/* What there is to send is read and forgotten. */
static size_t drain(struct connection *c)
{
    const uint8_t *data;
    size_t total = 0;
    for (size_t size; (size = docent_connection_send(c, &data)) > 0;) {
        docent_connection_sent(c, size);
        deliver(now, (int64_t)now);
        total += size;
    }
    return total;
}

static struct connection *session(void)
{
    struct connection *c = connect_silently();
    struct wire_out out = { 0 };
    handshake_put(&out);
    receive_frame(c, out.data, out.size);
    docent_wire_out_free(&out);
    assert_int_not_equal(docent_connection_session(c), 0);
    drain(c);
    return c;
}

static bool closed(const struct connection *c)
{
    bool dropped;
    return docent_connection_wants_close(c, &dropped);
}

static void path_put(struct wire_out *out, const char *path)
{
    docent_wire_put_string(out, docent_wire_string(path));
}

static void acl_put(struct wire_out *out)
{
    docent_wire_put_int(out, 1);
    struct wire_acl open = { DOCENT_PERM_ALL, docent_wire_string("world"), docent_wire_string("anyone") };
    docent_wire_put_acl(out, &open);
}

static void create_put(struct wire_out *out, const char *path, int32_t flags)
{
    path_put(out, path);
    path_put(out, "data");
    acl_put(out);
    docent_wire_put_int(out, flags);
}

static void multi_put(struct wire_out *out, int32_t op, bool done)
{
    struct wire_multi_header header = { op, done, -1 };
    docent_wire_put_multi_header(out, &header);
}

/* The request of @op with everything that it can have: a header and a body. */
static void request_put(struct wire_out *out, int32_t op)
{
    docent_wire_put_int(out, 7);
    docent_wire_put_int(out, op);
    switch (op) {
    case WIRE_OP_CREATE:
    case WIRE_OP_CREATE2: create_put(out, "/new", DOCENT_EPHEMERAL); break;
    case WIRE_OP_CREATE_CONTAINER: create_put(out, "/new", DOCENT_CONTAINER); break;
    case WIRE_OP_CREATE_TTL:
        create_put(out, "/new", 5);
        docent_wire_put_long(out, 1000);
        break;
    case WIRE_OP_DELETE:
    case WIRE_OP_CHECK:
    case WIRE_OP_CHECK_WATCHES:
    case WIRE_OP_REMOVE_WATCHES:
    case WIRE_OP_ADD_WATCH:
        path_put(out, "/there");
        docent_wire_put_int(out, 1);
        break;
    case WIRE_OP_EXISTS:
    case WIRE_OP_GET_DATA:
    case WIRE_OP_GET_CHILDREN:
    case WIRE_OP_GET_CHILDREN2:
        path_put(out, "/there");
        docent_wire_put_bool(out, true);
        break;
    case WIRE_OP_SET_DATA:
        path_put(out, "/there");
        path_put(out, "more");
        docent_wire_put_int(out, -1);
        break;
    case WIRE_OP_SET_ACL:
        path_put(out, "/there");
        acl_put(out);
        docent_wire_put_int(out, -1);
        break;
    case WIRE_OP_GET_ACL:
    case WIRE_OP_SYNC:
    case WIRE_OP_GET_EPHEMERALS:
    case WIRE_OP_GET_ALL_CHILDREN_NUMBER: path_put(out, "/there"); break;
    case WIRE_OP_MULTI:
        multi_put(out, WIRE_OP_CREATE, false);
        create_put(out, "/part", 0);
        multi_put(out, WIRE_OP_CHECK, false);
        path_put(out, "/part");
        docent_wire_put_int(out, 0);
        multi_put(out, WIRE_OP_DELETE, false);
        path_put(out, "/part");
        docent_wire_put_int(out, -1);
        multi_put(out, WIRE_OP_ERROR, true);
        break;
    case WIRE_OP_MULTI_READ:
        multi_put(out, WIRE_OP_GET_DATA, false);
        path_put(out, "/there");
        docent_wire_put_bool(out, false);
        multi_put(out, WIRE_OP_ERROR, true);
        break;
    case WIRE_OP_AUTH:
        docent_wire_put_int(out, 0);
        path_put(out, "digest");
        path_put(out, "user:password");
        break;
    case WIRE_OP_SASL: path_put(out, "token"); break;
    case WIRE_OP_SET_WATCHES:
    case WIRE_OP_SET_WATCHES2:
        docent_wire_put_long(out, 0);
        for (int list = 0; list < (op == WIRE_OP_SET_WATCHES ? 3 : 5); list++) {
            docent_wire_put_int(out, 2);
            path_put(out, "/there");
            path_put(out, "/not");
        }
        break;
    case WIRE_OP_RECONFIG:
        path_put(out, "a");
        path_put(out, "b");
        path_put(out, "c");
        docent_wire_put_long(out, -1);
        break;
    default: break; /* No body. */
    }
}

/* ---- ---- */

/* As a frame of its own, and as the beginning of one that goes on; for every operation that is known, and some that are not. Whatever
 * becomes of that connection, the server goes on. */
static void test_every_prefix_of_every_request_concerns_its_connection_only(void **state)
{
    (void)state;
    struct connection *other = session();
    struct wire_out out = { 0 };
    docent_wire_put_int(&out, 1);
    docent_wire_put_int(&out, WIRE_OP_CREATE);
    create_put(&out, "/there", 0);
    receive_frame(other, out.data, out.size);
    docent_wire_out_free(&out);
    assert_true(drain(other) > 0);
    for (int32_t op = -12; op <= 110; op++) {
        if (op == 24) op = 98;
        request_put(&out, op);
        for (size_t size = 0; size <= out.size; size++) {
            struct connection *whole = session(), *begun = session();
            receive_frame(whole, out.data, size);
            drain(whole);
            uint8_t length[4] = { 0, 0, (uint8_t)((out.size + 1) >> 8), (uint8_t)(out.size + 1) };
            receive(begun, length, 4);
            receive(begun, out.data, size);
            assert_int_equal(drain(begun), 0);
            assert_false(closed(begun)); /* It may go on. */
            docent_connection_free(whole);
            docent_connection_free(begun);
        }
        docent_wire_out_free(&out);
        request_put(&out, WIRE_OP_EXISTS);
        receive_frame(other, out.data, out.size);
        docent_wire_out_free(&out);
        assert_true(drain(other) >= 4 + WIRE_REPLY_HEADER);
        assert_false(closed(other));
    }
    struct wire_out hello = { 0 };
    handshake_put(&hello);
    for (size_t size = 0; size < hello.size; size++) {
        struct connection *c = connect_silently();
        receive_frame(c, hello.data, size);
        assert_true(drain(c) > 0 || closed(c)); /* The read-only flag may be missing. */
        docent_connection_free(c);
    }
    docent_wire_out_free(&hello);
    docent_connection_free(other);
}

static void test_length_that_is_too_large_ends_the_connection_at_once(void **state)
{
    (void)state;
    static const uint8_t lengths[][4] = { { 0x7f, 0xff, 0xff, 0xff }, { 0x80, 0, 0, 0 }, { 0xff, 0xff, 0xff, 0xff }, { 0, 0x10, 0, 0 } };
    for (size_t i = 0; i < 4; i++) {
        struct connection *fresh = connect_silently(), *open = session();
        receive(fresh, lengths[i], 4);
        assert_true(closed(fresh));
        receive(open, lengths[i], 4);
        assert_true(closed(open));
        docent_connection_free(fresh);
        docent_connection_free(open);
    }
    struct connection *fits = session();
    receive(fits, (const uint8_t[]){ 0, 0x0f, 0xff, 0xff }, 4);
    assert_false(closed(fits));
    docent_connection_free(fits);
    assert_int_equal(docent_replica_stats(replica)->large_requests, 8);
}

static void test_connection_that_opens_no_session_goes(void **state)
{
    (void)state;
    struct connection *silent = connect_silently(), *begun = connect_silently(), *open = session();
    receive(begun, (const uint8_t[]){ 0, 0, 0 }, 3);
    now += 5000;
    struct connection *later = connect_silently();
    now += 4999;
    docent_replica_tick(replica, now);
    assert_false(closed(silent));
    assert_int_equal(docent_replica_deadline(replica), now + 1);
    docent_replica_tick(replica, ++now);
    assert_true(closed(silent));
    assert_true(closed(begun));
    assert_false(closed(later));
    assert_int_equal(docent_replica_deadline(replica), now + 5000);
    now += 5000;
    docent_replica_tick(replica, now);
    assert_true(closed(later));
    assert_false(closed(open));
    assert_true(docent_replica_deadline(replica) > now + 100000); /* Nobody left to look for. */
    docent_connection_free(silent);
    docent_connection_free(begun);
    docent_connection_free(later);
    docent_connection_free(open);
}

/* Of the answer to a word too: it may be long. */
static void test_word_whose_answer_is_not_read_is_given_up(void **state)
{
    (void)state;
    struct connection *c = connect_silently();
    receive(c, (const uint8_t *)"mntr", 4);
    assert_false(closed(c));
    now += 10000;
    docent_replica_tick(replica, now);
    assert_true(closed(c));
    docent_connection_free(c);
}

static void test_client_that_reads_no_answers_is_not_read(void **state)
{
    (void)state;
    enum { DATA = 300000, BOUND = 1 << 20 };
    struct connection *c = session();
    struct wire_out out = { 0 };
    docent_wire_put_int(&out, 1);
    docent_wire_put_int(&out, WIRE_OP_SET_DATA);
    path_put(&out, "/");
    uint8_t *data = calloc(1, DATA);
    docent_wire_put_buffer(&out, docent_wire_buffer(data, DATA));
    docent_wire_put_int(&out, -1);
    receive_frame(c, out.data, out.size);
    free(data);
    docent_wire_out_free(&out);
    drain(c);
    docent_wire_put_int(&out, 2);
    docent_wire_put_int(&out, WIRE_OP_GET_DATA);
    path_put(&out, "/");
    docent_wire_put_bool(&out, false);
    const uint8_t *unsent;
    for (int i = 0; i < 4; i++) {
        assert_true(docent_connection_wants_read(c, true));
        receive_frame(c, out.data, out.size);
    }
    size_t there = docent_connection_send(c, &unsent);
    assert_true(there > BOUND && there < BOUND + 2 * DATA);
    assert_false(docent_connection_wants_read(c, true));
    receive_frame(c, out.data, out.size); /* What was on its way waits, unanswered. */
    assert_int_equal(docent_connection_send(c, &unsent), there);
    docent_connection_sent(c, there - BOUND + 1);
    deliver(now, (int64_t)now);
    there = docent_connection_send(c, &unsent);
    assert_true(there > BOUND); /* Answered now. */
    docent_connection_sent(c, there - BOUND * 3 / 4);
    assert_true(docent_connection_wants_read(c, true));
    assert_false(docent_connection_wants_read(c, false)); /* Goes on when half of that is read. */
    docent_connection_sent(c, BOUND / 2);
    assert_true(docent_connection_wants_read(c, false));
    docent_wire_out_free(&out);
    docent_connection_free(c);
}

/* Events cannot wait: the watch would be late, or have to be forgotten. */
static void test_client_that_reads_no_events_is_given_up(void **state)
{
    (void)state;
    enum { PATH = 60000, BOUND = 1 << 24 };
    struct connection *deaf = session(), *writer = session();
    struct wire_out out = { 0 };
    docent_wire_put_int(&out, 1);
    docent_wire_put_int(&out, WIRE_OP_ADD_WATCH);
    path_put(&out, "/");
    docent_wire_put_int(&out, WIRE_ADD_RECURSIVE);
    receive_frame(deaf, out.data, out.size);
    docent_wire_out_free(&out);
    drain(deaf);
    char *path = malloc(PATH + 1);
    const uint8_t *unsent;
    size_t there = 0;
    int writes = 0;
    for (; writes < 1000 && !closed(deaf); writes++) {
        snprintf(path, PATH + 1, "/%0*d", PATH - 1, writes);
        docent_wire_put_int(&out, 1);
        docent_wire_put_int(&out, WIRE_OP_CREATE);
        create_put(&out, path, 0);
        receive_frame(writer, out.data, out.size);
        docent_wire_out_free(&out);
        assert_true(drain(writer) > 0);
        if (!closed(deaf)) there = docent_connection_send(deaf, &unsent);
    }
    free(path);
    assert_true(closed(deaf));
    assert_in_range(there, BOUND - PATH, BOUND + 2 * PATH);
    docent_connection_free(deaf);
    docent_connection_free(writer);
}

static void test_containers_and_ttls_are_looked_for_at_intervals_of_their_own(void **state)
{
    stop(state);
    begin(&(struct server_config){ .tick_ms = 500, .max_session_ms = 60000, .ttl_nodes = true, .container_check_ms = 10000, .ttl_check_ms = 300 });
    struct connection *c = session();
    struct wire_out out = { 0 };
    docent_wire_put_int(&out, 1);
    docent_wire_put_int(&out, WIRE_OP_CREATE_TTL);
    create_put(&out, "/ttl", 5);
    docent_wire_put_long(&out, 100);
    receive_frame(c, out.data, out.size);
    docent_wire_out_free(&out);
    size_t nodes = docent_leader_tree(leader)->count;
    assert_int_equal(docent_leader_deadline(leader), now + 300);
    now += 299;
    docent_leader_tick(leader, now, (int64_t)now);
    deliver(now, (int64_t)now);
    assert_int_equal(docent_replica_tree(replica)->count, nodes);
    now += 1;
    docent_leader_tick(leader, now, (int64_t)now);
    deliver(now, (int64_t)now);
    assert_int_equal(docent_replica_tree(replica)->count, nodes - 1);
    docent_connection_free(c);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
    const struct CMUnitTest tests[] = {
        TEST(test_every_prefix_of_every_request_concerns_its_connection_only),
        TEST(test_length_that_is_too_large_ends_the_connection_at_once),
        TEST(test_connection_that_opens_no_session_goes),
        TEST(test_word_whose_answer_is_not_read_is_given_up),
        TEST(test_client_that_reads_no_answers_is_not_read),
        TEST(test_client_that_reads_no_events_is_given_up),
        TEST(test_containers_and_ttls_are_looked_for_at_intervals_of_their_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
