/* tests/unit/test_recorded.c - the development server's core is asked what clients asked Apache ZooKeeper when it was recorded, and has to
 * answer the same bytes: zxids, times, session ids and passwords included, for it is told where to begin and what time it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "one_server.h"
#include "recorded.h"

static int64_t wall;

/* The next zxid is the one behind @zxid, the first session's id @session. */
static void begin(int64_t zxid, uint64_t session)
{
    struct server_config config = { .tick_ms = 2000, .ttl_nodes = true, .first_zxid = zxid, .session_base = session };
    server_begin(&config, 0, 0);
}

static void end(void)
{
    docent_replica_free(replica);
    deliver(0, wall);
    docent_leader_free(leader);
}

static struct connection *connect_to(void)
{
    return docent_connection_new(replica, 0, "127.0.0.1", NULL);
}

static uint8_t *bytes_of(const char *hex, size_t *ret_size)
{
    *ret_size = strlen(hex) / 2;
    uint8_t *bytes = malloc(*ret_size);
    assert_non_null(bytes);
    for (size_t i = 0; i < *ret_size; i++) {
        char digits[3] = { hex[2 * i], hex[2 * i + 1], '\0' };
        bytes[i] = (uint8_t)strtoul(digits, NULL, 16);
    }
    return bytes;
}

static const struct recorded *find(char from, int32_t op, const char *note)
{
    for (int i = 0; i < RECORDED_COUNT; i++) {
        if (recorded[i].from == from && recorded[i].op == op && strcmp(recorded[i].note, note) == 0) return &recorded[i];
    }
    fail_msg("nothing recorded: %c %d %s", from, op, note);
    return NULL;
}

/* The client says what it said, at @wall. */
static void says(struct connection *c, int32_t op, const char *note)
{
    size_t size;
    uint8_t *bytes = bytes_of(find('C', op, note)->hex, &size);
    docent_connection_recv(c, 0, bytes, size);
    free(bytes);
    deliver(0, wall);
}

/* The server's next frame, in hex, is taken off. */
static void next_frame(struct connection *c, char *hex, size_t room)
{
    const uint8_t *data;
    size_t size = docent_connection_send(c, &data);
    uint32_t big = 0;
    if (size >= 4) memcpy(&big, data, 4);
    size_t frame = size < 4 ? 0 : 4 + (size_t)__builtin_bswap32(big);
    assert_true(frame <= size && 2 * frame < room);
    for (size_t i = 0; i < frame; i++) {
        hex[2 * i] = "0123456789abcdef"[data[i] >> 4];
        hex[2 * i + 1] = "0123456789abcdef"[data[i] & 15];
    }
    hex[2 * frame] = '\0';
    if (frame > 0) docent_connection_sent(c, frame);
    deliver(0, wall);
}

static void hears(struct connection *c, int32_t op, const char *note)
{
    char hex[4096];
    next_frame(c, hex, sizeof hex);
    assert_string_equal(hex, find('S', op, note)->hex);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The last byte of a count or length; none here is larger. */
static size_t small_at(const char *hex, size_t at)
{
    char digits[3] = { hex[2 * at + 6], hex[2 * at + 7], '\0' };
    return strtoul(digits, NULL, 16);
}

/* Puts the elements of a list whose count is at byte @at in order. Each is so many strings. */
static void list_sort(char *hex, size_t at, size_t strings)
{
    enum { ELEMENTS_MAX = 8 };
    char *elements[ELEMENTS_MAX], sorted[4096] = "";
    size_t count = small_at(hex, at), begin_at = at + 4, end_at = begin_at;
    assert_true(count <= ELEMENTS_MAX);
    for (size_t i = 0; i < count; i++) {
        size_t element_at = end_at;
        for (size_t j = 0; j < strings; j++) end_at += 4 + small_at(hex, end_at);
        elements[i] = strndup(hex + 2 * element_at, 2 * (end_at - element_at));
    }
    qsort(elements, count, sizeof elements[0], by_text);
    for (size_t i = 0; i < count; i++) {
        strcat(sorted, elements[i]);
        free(elements[i]);
    }
    memcpy(hex + 2 * begin_at, sorted, 2 * (end_at - begin_at));
}

/* An exchange whose answer has a list, in no order that anybody promised. */
static void exchange_list(struct connection *c, int32_t op, const char *note, size_t at, size_t strings)
{
    char hex[4096], expected[4096];
    says(c, op, note);
    next_frame(c, hex, sizeof hex);
    snprintf(expected, sizeof expected, "%s", find('S', op, note)->hex);
    assert_int_equal(strlen(hex), strlen(expected));
    list_sort(hex, at, strings);
    list_sort(expected, at, strings);
    assert_string_equal(hex, expected);
}

static void exchange(struct connection *c, int32_t op, const char *note)
{
    says(c, op, note);
    hears(c, op, note);
}

static void assert_silent(struct connection *c)
{
    const uint8_t *data;
    assert_int_equal(docent_connection_send(c, &data), 0);
}

/* What was done beside, and not recorded. @data NULL: null. */
static void beside(struct connection *c, int32_t op, const char *path, const char *data)
{
    struct wire_out out = { 0 };
    size_t frame = docent_wire_frame_begin(&out);
    docent_wire_put_int(&out, 1);
    docent_wire_put_int(&out, op);
    docent_wire_put_string(&out, docent_wire_string(path));
    docent_wire_put_string(&out, docent_wire_string(data));
    if (op == WIRE_OP_CREATE) {
        struct wire_acl open = { DOCENT_PERM_ALL, docent_wire_string("world"), docent_wire_string("anyone") };
        docent_wire_put_int(&out, 1);
        docent_wire_put_acl(&out, &open);
        docent_wire_put_int(&out, DOCENT_PERSISTENT);
    } else {
        docent_wire_put_int(&out, DOCENT_ANY_VERSION);
    }
    docent_wire_frame_end(&out, frame);
    docent_connection_recv(c, 0, out.data, out.size);
    docent_wire_out_free(&out);
    deliver(0, wall);
    char hex[4096];
    next_frame(c, hex, sizeof hex);
    assert_memory_equal(hex + 2 * 16, "00000000", 8); /* No error. */
}

static void test_the_first_recording_is_answered_byte_by_byte(void **state)
{
    (void)state;
    begin(0x271, 0x100001624d20002);
    struct connection *a = connect_to(), *b = connect_to();
    exchange(a, RECORDED_CONNECT, "a new session");
    says(b, RECORDED_CONNECT, "a new session");
    char hex[4096];
    next_frame(b, hex, sizeof hex); /* What it is like is compared when the client comes back. */

    wall = 1795235712324;
    beside(a, WIRE_OP_CREATE, "/ha-proto", "");
    wall = 1795235712329;
    exchange(a, WIRE_OP_CREATE2, "a node with data");
    exchange(b, WIRE_OP_GET_DATA, "with a watch");
    wall = 1795235712332;
    exchange(a, WIRE_OP_SET_DATA, "");
    hears(b, WIRE_OP_NOTIFICATION, "");
    exchange(b, WIRE_OP_EXISTS, "of a missing node");
    exchange(a, WIRE_OP_CREATE, "ephemeral and sequential");
    exchange_list(a, WIRE_OP_GET_CHILDREN2, "", 20, 1);
    exchange(a, WIRE_OP_MULTI, "that fails");
    wall = 1795235712653;
    exchange(a, WIRE_OP_MULTI, "that succeeds");
    exchange(b, WIRE_OP_ADD_WATCH, "recursive");
    wall = 1795235712657;
    beside(a, WIRE_OP_CREATE, "/ha-proto/a/b", "");
    hears(b, WIRE_OP_NOTIFICATION, "recursive");
    exchange(a, WIRE_OP_MULTI_READ, "");
    exchange(b, WIRE_OP_REMOVE_WATCHES, "");
    exchange(b, WIRE_OP_PING, "");
    exchange(a, WIRE_OP_AUTH, "");
    exchange_list(a, WIRE_OP_WHO_AM_I, "", 20, 2);
    exchange(a, WIRE_OP_SET_ACL, "");
    exchange(a, WIRE_OP_GET_ACL, "");
    exchange(a, WIRE_OP_SYNC, "");
    exchange(a, WIRE_OP_GET_EPHEMERALS, "");
    exchange(a, WIRE_OP_GET_ALL_CHILDREN_NUMBER, "");

    assert_silent(b);
    docent_connection_free(b);
    beside(a, WIRE_OP_SET_DATA, "/ha-proto/a", "away");
    b = connect_to();
    exchange(b, RECORDED_CONNECT, "after a re-attach");
    says(b, WIRE_OP_SET_WATCHES2, "after a re-attach");
    hears(b, WIRE_OP_NOTIFICATION, ""); /* It changed meanwhile. */
    hears(b, WIRE_OP_SET_WATCHES2, "after a re-attach");

    struct connection *late = connect_to(), *ahead = connect_to();
    exchange(late, RECORDED_CONNECT, "to an expired session");
    says(ahead, RECORDED_CONNECT, "ahead of the server");
    bool dropped;
    assert_silent(ahead);
    assert_true(docent_connection_wants_close(late, &dropped));
    assert_true(docent_connection_wants_close(ahead, &dropped));

    wall = 1795235712986;
    exchange(a, WIRE_OP_CREATE_CONTAINER, "");
    wall = 1795235712988;
    exchange(a, WIRE_OP_CREATE_TTL, "");
    docent_leader_preset(leader, 0x286);
    exchange(a, WIRE_OP_CLOSE_SESSION, "");
    assert_true(docent_connection_wants_close(a, &dropped));
    end();
}

static void test_the_second_recording_is_answered_byte_by_byte(void **state)
{
    (void)state;
    begin(INT64_C(0x100000000), 0x100001624d20002);
    struct connection *c = connect_to();
    says(c, RECORDED_CONNECT, "a new session");
    char hex[4096];
    next_frame(c, hex, sizeof hex);
    wall = 1795248322790;
    beside(c, WIRE_OP_CREATE, "/rec", NULL);
    wall = 1795248322799;
    beside(c, WIRE_OP_CREATE, "/rec/one", "");
    beside(c, WIRE_OP_CREATE, "/rec/two", "x");
    exchange(c, WIRE_OP_CREATE, "that exists");
    exchange_list(c, WIRE_OP_GET_CHILDREN, "", 20, 1);
    exchange(c, WIRE_OP_GET_CHILDREN, "no children");
    exchange(c, WIRE_OP_GET_DATA, "null");
    exchange(c, WIRE_OP_GET_DATA, "empty");
    exchange(c, WIRE_OP_CHECK_WATCHES, "");
    exchange(c, WIRE_OP_CHECK_WATCHES, "no such watch");
    exchange(c, WIRE_OP_DELETE, "of another version");
    exchange(c, WIRE_OP_DELETE, "");
    exchange(c, WIRE_OP_SET_WATCHES, "");
    wall = 1795248322830;
    says(c, WIRE_OP_MULTI, "of creates");
    hears(c, WIRE_OP_NOTIFICATION, "of creates");
    hears(c, WIRE_OP_MULTI, "of creates");
    exchange_list(c, WIRE_OP_MULTI_READ, "of a listing", 29, 1);
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_first_recording_is_answered_byte_by_byte),
        cmocka_unit_test(test_the_second_recording_is_answered_byte_by_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
