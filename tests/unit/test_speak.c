/* tests/unit/test_speak.c - what differs between the releases that the development server can be. Each test runs over all of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/wire/wire.h"
#include "one_server.h"

static const char *const names[] = { "3.4", "3.5", "3.6", "3.8", "3.9" };
enum { RELEASES = sizeof names / sizeof *names };

static void begin(const char *name)
{
    struct server_config config = { .tick_ms = 500 };
    assert_true(docent_speak_find(name, &config.speak));
    server_begin(&config, 0, 0);
}

static void end(void)
{
    docent_replica_free(replica);
    docent_leader_free(leader);
}

static void send_frame(struct connection *c, int32_t op, const struct wire_out *body)
{
    struct wire_out out = { 0 };
    size_t at = docent_wire_frame_begin(&out);
    docent_wire_put_int(&out, 1);
    docent_wire_put_int(&out, op);
    docent_wire_put_raw(&out, body->data, body->size);
    docent_wire_frame_end(&out, at);
    docent_connection_recv(c, 0, out.data, out.size);
    docent_wire_out_free(&out);
    deliver(0, 0);
}

/* The next frame. False: there is none. Good until something is sent. */
static bool frame(struct connection *c, struct wire_in *ret_in)
{
    static uint8_t copy[1024];
    const uint8_t *data;
    size_t size = docent_connection_send(c, &data);
    if (size < 4) return false;
    size_t length = (size_t)docent_wire_load32(data);
    assert_true(length <= sizeof copy);
    memcpy(copy, data + 4, length);
    docent_connection_sent(c, length + 4);
    *ret_in = docent_wire_in(copy, length);
    return true;
}

static struct connection *opened(size_t *ret_size)
{
    static const uint8_t nothing[16];
    struct connection *c = docent_connection_new(replica, 0, "127.0.0.1", NULL);
    struct wire_connect_request request = { .timeout_ms = 2000, .password = docent_wire_buffer(nothing, 16) };
    struct wire_out out = { 0 };
    size_t at = docent_wire_frame_begin(&out);
    docent_wire_put_connect_request(&out, &request);
    docent_wire_put_bool(&out, false);
    docent_wire_frame_end(&out, at);
    docent_connection_recv(c, 0, out.data, out.size);
    docent_wire_out_free(&out);
    deliver(0, 0);
    struct wire_in in = { 0 };
    assert_true(frame(c, &in));
    if (ret_size != NULL) *ret_size = in.size;
    return c;
}

static struct wire_out body_create(const char *path, int32_t perms, int32_t flags)
{
    struct wire_out body = { 0 };
    docent_wire_put_string(&body, docent_wire_string(path));
    docent_wire_put_string(&body, docent_wire_string(""));
    docent_wire_put_int(&body, 1);
    struct wire_acl acl = { perms, docent_wire_string("world"), docent_wire_string("anyone") };
    docent_wire_put_acl(&body, &acl);
    docent_wire_put_int(&body, flags);
    return body;
}

/* Path, then a number or a flag: what most requests are. */
static struct wire_out body_path(const char *path, bool flag, int32_t number)
{
    struct wire_out body = { 0 };
    docent_wire_put_string(&body, docent_wire_string(path));
    if (flag) {
        docent_wire_put_bool(&body, number != 0);
    } else {
        docent_wire_put_int(&body, number);
    }
    return body;
}

static struct wire_out body_set(const char *path)
{
    struct wire_out body = { 0 };
    struct wire_set_data_request set = { docent_wire_string(path), docent_wire_string("x"), -1 };
    docent_wire_put_set_data_request(&body, &set);
    return body;
}

/* Sends, and returns the error of the answer; *ret_in is what is behind its header. */
static int32_t call(struct connection *c, int32_t op, struct wire_out body, struct wire_in *ret_in)
{
    struct wire_in in = { 0 };
    struct wire_reply_header header;
    send_frame(c, op, &body);
    docent_wire_out_free(&body);
    do {
        assert_true(frame(c, &in));
        assert_true(docent_wire_get_reply_header(&in, &header));
    } while (header.xid == WIRE_XID_NOTIFICATION);
    if (ret_in != NULL) *ret_in = in;
    return header.err;
}

/* How many events there are; the zxid of the last. */
static int events(struct connection *c, int64_t *ret_zxid)
{
    int count = 0;
    struct wire_in in = { 0 };
    struct wire_reply_header header;
    while (frame(c, &in)) {
        assert_true(docent_wire_get_reply_header(&in, &header));
        assert_int_equal(header.xid, WIRE_XID_NOTIFICATION);
        *ret_zxid = header.zxid;
        count++;
    }
    return count;
}

static void test_requests_of_later_releases_are_unknown_and_close(void **state)
{
    (void)state;
    static const struct {
        int32_t op;
        int since; /* Index in names. */
    } cases[] = { { WIRE_OP_EXISTS, 0 },   { WIRE_OP_MULTI, 0 },       { WIRE_OP_CREATE2, 1 },        { WIRE_OP_REMOVE_WATCHES, 1 },
                  { WIRE_OP_RECONFIG, 1 }, { WIRE_OP_CREATE_TTL, 1 }, { WIRE_OP_CREATE_CONTAINER, 1 }, { WIRE_OP_ADD_WATCH, 2 },
                  { WIRE_OP_SET_WATCHES2, 2 }, { WIRE_OP_MULTI_READ, 2 }, { WIRE_OP_GET_EPHEMERALS, 2 }, { WIRE_OP_WHO_AM_I, 3 } };
    for (int i = 0; i < RELEASES; i++) {
        begin(names[i]);
        for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
            struct connection *c = opened(NULL);
            struct wire_out none = { 0 };
            int32_t err = call(c, cases[k].op, none, NULL);
            bool dropped;
            assert_int_equal(err == DOCENT_ERR_UNIMPLEMENTED, i < cases[k].since);
            assert_int_equal(docent_connection_wants_close(c, &dropped), i < cases[k].since);
        }
        end();
    }
}

static void test_handshake_is_answered_without_a_flag_by_3_4(void **state)
{
    (void)state;
    for (int i = 0; i < RELEASES; i++) {
        begin(names[i]);
        size_t size;
        (void)opened(&size);
        assert_int_equal(size, i == 0 ? 36 : 37);
        end();
    }
}

static void test_container_is_no_mode_of_3_4(void **state)
{
    (void)state;
    for (int i = 0; i < RELEASES; i++) {
        begin(names[i]);
        assert_int_equal(call(opened(NULL), WIRE_OP_CREATE, body_create("/c", DOCENT_PERM_ALL, DOCENT_CONTAINER), NULL),
                         i == 0 ? (int)DOCENT_ERR_BAD_ARGUMENTS : (int)DOCENT_OK);
        end();
    }
}

static void test_event_tells_its_transaction_from_3_9_on(void **state)
{
    (void)state;
    for (int i = 0; i < RELEASES; i++) {
        begin(names[i]);
        struct connection *a = opened(NULL), *b = opened(NULL);
        int64_t zxid = 0;
        assert_int_equal(call(b, WIRE_OP_EXISTS, body_path("/n", true, 1), NULL), DOCENT_ERR_NO_NODE);
        assert_int_equal(call(a, WIRE_OP_CREATE, body_create("/n", DOCENT_PERM_ALL, 0), NULL), DOCENT_OK);
        assert_int_equal(events(b, &zxid), 1);
        assert_int_equal(zxid, i == RELEASES - 1 ? docent_leader_zxid(leader) : -1);
        end();
    }
}

static void test_event_of_what_may_not_be_read_is_told_before_3_8(void **state)
{
    (void)state;
    for (int i = 0; i < RELEASES; i++) {
        begin(names[i]);
        struct connection *a = opened(NULL), *b = opened(NULL);
        int64_t zxid;
        assert_int_equal(call(b, WIRE_OP_EXISTS, body_path("/n", true, 1), NULL), DOCENT_ERR_NO_NODE);
        assert_int_equal(call(a, WIRE_OP_CREATE, body_create("/n", DOCENT_PERM_WRITE, 0), NULL), DOCENT_OK);
        assert_int_equal(events(b, &zxid), i < 3);
        assert_int_equal(call(b, WIRE_OP_EXISTS, body_path("/n", true, 0), NULL), i < 4 ? (int)DOCENT_OK : (int)DOCENT_ERR_NO_AUTH);
        end();
    }
}

static void test_path_has_several_modes_from_3_9_on(void **state)
{
    (void)state;
    for (int i = 2; i < RELEASES; i++) {
        bool apart = i == RELEASES - 1;
        begin(names[i]);
        struct connection *a = opened(NULL), *b = opened(NULL);
        int64_t zxid;
        assert_int_equal(call(a, WIRE_OP_CREATE, body_create("/n", DOCENT_PERM_ALL, 0), NULL), DOCENT_OK);
        assert_int_equal(call(b, WIRE_OP_ADD_WATCH, body_path("/n", false, WIRE_ADD_RECURSIVE), NULL), DOCENT_OK);
        assert_int_equal(call(b, WIRE_OP_GET_DATA, body_path("/n", true, 1), NULL), DOCENT_OK);
        assert_int_equal(call(a, WIRE_OP_SET_DATA, body_set("/n"), NULL), DOCENT_OK);
        assert_int_equal(events(b, &zxid), 1);
        assert_int_equal(call(a, WIRE_OP_SET_DATA, body_set("/n"), NULL), DOCENT_OK);
        assert_int_equal(events(b, &zxid), apart);
        /* A type of watcher for each mode, and what is removed is one's own, of that mode. */
        assert_int_equal(call(b, WIRE_OP_CHECK_WATCHES, body_path("/n", false, WIRE_WATCHER_RECURSIVE), NULL),
                         apart ? (int)DOCENT_OK : (int)DOCENT_ERR_MARSHALLING);
        assert_int_equal(call(a, WIRE_OP_CHECK_WATCHES, body_path("/n", false, WIRE_WATCHER_ANY), NULL),
                         apart ? (int)DOCENT_ERR_NO_WATCHER : (int)DOCENT_OK);
        assert_int_equal(call(b, WIRE_OP_REMOVE_WATCHES, body_path("/n", false, WIRE_WATCHER_CHILDREN), NULL),
                         apart ? (int)DOCENT_ERR_NO_WATCHER : (int)DOCENT_OK);
        if (apart) {
            assert_int_equal(call(b, WIRE_OP_REMOVE_WATCHES, body_path("/n", false, WIRE_WATCHER_RECURSIVE), NULL), DOCENT_OK);
            assert_int_equal(docent_replica_watch_count(replica), 0);
        }
        end();
    }
}

static void test_create2_in_a_transaction_is_answered_as_such_from_3_9_on(void **state)
{
    (void)state;
    for (int i = 1; i < RELEASES; i++) {
        begin(names[i]);
        struct wire_out body = { 0 }, part = body_create("/n", DOCENT_PERM_ALL, 0);
        struct wire_multi_header header = { WIRE_OP_CREATE2, false, -1 }, done = { WIRE_OP_ERROR, true, -1 };
        docent_wire_put_multi_header(&body, &header);
        docent_wire_put_raw(&body, part.data, part.size);
        docent_wire_put_multi_header(&body, &done);
        docent_wire_out_free(&part);
        struct wire_in in;
        assert_int_equal(call(opened(NULL), WIRE_OP_MULTI, body, &in), DOCENT_OK);
        assert_true(docent_wire_get_multi_header(&in, &header));
        assert_int_equal(header.op, i == RELEASES - 1 ? WIRE_OP_CREATE2 : WIRE_OP_CREATE);
        end();
    }
}

static void test_create2_in_a_transaction_is_unknown_to_3_4(void **state)
{
    (void)state;
    begin("3.4");
    struct wire_out body = { 0 }, part = body_create("/n", DOCENT_PERM_ALL, 0);
    struct wire_multi_header header = { WIRE_OP_CREATE2, false, -1 }, done = { WIRE_OP_ERROR, true, -1 };
    docent_wire_put_multi_header(&body, &header);
    docent_wire_put_raw(&body, part.data, part.size);
    docent_wire_put_multi_header(&body, &done);
    docent_wire_out_free(&part);
    assert_int_equal(call(opened(NULL), WIRE_OP_MULTI, body, NULL), DOCENT_ERR_MARSHALLING);
    end();
}

static void test_srvr_tells_the_release(void **state)
{
    (void)state;
    for (int i = 0; i < RELEASES; i++) {
        begin(names[i]);
        struct connection *c = docent_connection_new(replica, 0, "127.0.0.1", NULL);
        docent_connection_recv(c, 0, (const uint8_t *)"srvr", 4);
        const uint8_t *data;
        char wanted[64];
        int size = snprintf(wanted, sizeof wanted, "Zookeeper version: %s.", names[i]);
        assert_true(docent_connection_send(c, &data) > (size_t)size);
        assert_memory_equal(data, wanted, (size_t)size);
        end();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests_of_later_releases_are_unknown_and_close),
        cmocka_unit_test(test_handshake_is_answered_without_a_flag_by_3_4),
        cmocka_unit_test(test_container_is_no_mode_of_3_4),
        cmocka_unit_test(test_event_tells_its_transaction_from_3_9_on),
        cmocka_unit_test(test_event_of_what_may_not_be_read_is_told_before_3_8),
        cmocka_unit_test(test_path_has_several_modes_from_3_9_on),
        cmocka_unit_test(test_create2_in_a_transaction_is_answered_as_such_from_3_9_on),
        cmocka_unit_test(test_create2_in_a_transaction_is_unknown_to_3_4),
        cmocka_unit_test(test_srvr_tells_the_release),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
