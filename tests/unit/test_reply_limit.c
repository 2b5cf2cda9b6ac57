/* tests/unit/test_reply_limit.c - F-129: replies over the limit cost their request, not the connection; other frames of that length cost it. */
#include "unit.h"

#include <docent/docent.h>

#include "tests/lib/test_alloc.h"
#include "tests/unit/peer.h"

enum { SESSION_MS = 6000, LIMIT = 200, HEADER = 16 };

static struct peer peer;
static struct peer_frame frame;
static struct test_alloc counted;
static const docent_stat old_stat = { .czxid = 5, .mzxid = 5, .version = 3 };

struct told {
    unsigned calls;
    docent_status status;
    const void *data;
    size_t size;
};

static void on_result(const docent_result *result, void *user)
{
    struct told *told = user;
    *told = (struct told){ told->calls + 1, result->status, result->data, result->size };
}

static void limited(docent_client_options *options)
{
    test_alloc_init(&counted, 0);
    options->allocator = &counted.allocator;
    options->reply_max_bytes = LIMIT;
}

static void start(void)
{
    peer_start(&peer, 1, SESSION_MS, limited);
    peer_online(&peer, 77, SESSION_MS);
}

static int stop(void **state)
{
    (void)state;
    peer_stop(&peer);
    return 0;
}

/* A frame that announces @length and has the first @size bytes of that. */
static void send_part(uint32_t length, int32_t xid, int32_t err, size_t size)
{
    struct wire_out out = { 0 };
    struct wire_reply_header header = { xid, 10, err };
    docent_wire_put_int(&out, (int32_t)length);
    docent_wire_put_reply_header(&out, &header);
    uint8_t *frame_bytes = calloc(1, 4 + size);
    memcpy(frame_bytes, out.data, size < HEADER ? 4 + size : out.size);
    peer_send(&peer, frame_bytes, 4 + size);
    free(frame_bytes);
    docent_wire_out_free(&out);
}

static void ask(struct told *told)
{
    *told = (struct told){ 0 };
    assert_int_equal(docent_get_async(peer.client, "/a", on_result, told), DOCENT_OK);
    peer_expect(&peer, WIRE_OP_GET_DATA, &frame);
}

static void assert_too_large(const struct told *told, size_t size)
{
    assert_int_equal(told->calls, 1);
    assert_int_equal(told->status, DOCENT_ERR_TOO_LARGE);
    assert_null(told->data);
    assert_int_equal(told->size, size);
}

static void assert_works(void)
{
    static struct told told;
    ask(&told);
    peer_reply_data(&peer, frame.xid, 11, "hello", &old_stat);
    assert_int_equal(told.calls, 1);
    assert_int_equal(told.status, DOCENT_OK);
    assert_int_equal(told.size, 5);
}

static void test_it_costs_its_request_in_pieces_of_any_size(void **state)
{
    (void)state;
    static struct told told[2];
    start();
    uint32_t serial = peer.link.serial;
    for (size_t fragment = 0; fragment < 300; fragment += fragment < 50 ? 1 : 7) {
        peer.fragment = fragment;
        for (int i = 0; i < 2; i++) {
            told[i] = (struct told){ 0 };
            assert_int_equal(docent_get_async(peer.client, "/a", on_result, &told[i]), DOCENT_OK);
        }
        for (uint32_t i = 0; i < 2; i++) { /* Two in a row. */
            peer_expect(&peer, WIRE_OP_GET_DATA, &frame);
            send_part(LIMIT + 1 + i * 300, frame.xid, 0, LIMIT + 1 + i * 300);
            assert_too_large(&told[i], LIMIT + 1 + i * 300);
        }
        assert_works();
    }
    assert_int_equal(peer.link.serial, serial);
}

/* All of it in one piece, and with what comes after. */
static void test_what_comes_behind_it_is_heard(void **state)
{
    (void)state;
    static struct told told[3];
    start();
    for (size_t fragment = 0; fragment < 700; fragment += 1 + fragment / 3) {
        struct wire_out out = { 0 };
        static const uint8_t zeros[600];
        for (int i = 0; i < 3; i++) {
            ask(&told[i]);
            struct wire_reply_header header = { frame.xid, 10, i == 1 ? DOCENT_ERR_NO_NODE : 0 };
            size_t begin = docent_wire_frame_begin(&out);
            docent_wire_put_reply_header(&out, &header);
            if (i != 1) docent_wire_put_raw(&out, zeros, sizeof zeros);
            docent_wire_frame_end(&out, begin);
        }
        peer.fragment = fragment;
        peer_send(&peer, out.data, out.size);
        docent_wire_out_free(&out);
        assert_too_large(&told[0], HEADER + 600);
        assert_int_equal(told[1].calls, 1);
        assert_int_equal(told[1].status, DOCENT_ERR_NO_NODE);
        assert_too_large(&told[2], HEADER + 600);
    }
}

/* It is told when its header is there, and a cut in the midst of the rest leaves nothing behind. */
static void test_the_rest_may_never_come(void **state)
{
    (void)state;
    static struct told told;
    for (size_t size = 0; size < 60; size++) {
        start();
        ask(&told);
        send_part(1 << 30, frame.xid, 0, size);
        assert_int_equal(told.calls, size >= HEADER);
        if (size >= HEADER) assert_too_large(&told, 1 << 30);
        peer_cut(&peer);
        peer_pass(&peer, 300);
        peer_expect_connect(&peer);
        peer_accept(&peer, 77, SESSION_MS);
        if (size < HEADER) {
            peer_expect(&peer, WIRE_OP_GET_DATA, &frame);
            peer_reply_data(&peer, frame.xid, 11, "hello", &old_stat);
            assert_int_equal(told.status, DOCENT_OK);
        }
        assert_works();
        if (size < 59) peer_stop(&peer);
    }
}

static void test_it_takes_no_memory(void **state)
{
    (void)state;
    static struct told told;
    static uint8_t piece[1 << 16];
    start();
    ask(&told);
    send_part(1 << 26, frame.xid, 0, HEADER);
    size_t calls = counted.calls;
    for (size_t left = (1 << 26) - HEADER, part; left > 0; left -= part) {
        part = left < sizeof piece ? left : sizeof piece;
        docent_core_recv(peer.client, peer.now, piece, part);
    }
    assert_int_equal(counted.calls, calls);
    assert_works();
}

/* What nobody asked for is never that long, nor what the session itself has asked. */
static void test_other_frames_of_that_length_cost_the_connection(void **state)
{
    (void)state;
    static struct told told;
    static const struct {
        uint32_t length;
        int32_t xid; /* 0: the right one. */
        bool asks, handshake;
    } hostile[] = {
        { UINT32_MAX, 0, true, false },  { UINT32_C(1) << 31, 0, true, false },       { LIMIT + 1, 4711, true, false },
        { LIMIT + 1, 4711, false, false }, { LIMIT + 1, WIRE_XID_NOTIFICATION, true, false }, { LIMIT + 1, WIRE_XID_PING, true, false },
        { LIMIT + 1, WIRE_XID_NOTIFICATION, false, false }, { LIMIT + 1, WIRE_XID_PING, false, false }, { LIMIT + 1, 0, false, true },
        { UINT32_MAX, 0, false, true },
    };
    enum { COUNT = sizeof hostile / sizeof *hostile };
    for (size_t i = 0; i < COUNT; i++) {
        for (size_t fragment = 0; fragment < 8; fragment++) {
            peer_start(&peer, 1, SESSION_MS, limited);
            if (hostile[i].handshake) peer_expect_connect(&peer);
            if (!hostile[i].handshake) peer_online(&peer, 77, SESSION_MS);
            if (hostile[i].asks) ask(&told);
            uint32_t serial = peer.link.serial;
            peer.fragment = fragment;
            send_part(hostile[i].length, hostile[i].xid != 0 ? hostile[i].xid : frame.xid, 0, HEADER + 20);
            assert_int_not_equal(peer.link.serial, serial);
            if (hostile[i].asks) assert_int_equal(told.calls, 0);
            peer.fragment = 0;
            if (i + 1 < COUNT || fragment + 1 < 8) peer_stop(&peer);
        }
    }
}

static void test_a_heartbeat_has_no_long_answer(void **state)
{
    (void)state;
    start();
    docent_client_hold_begins(peer.client);
    peer_pass(&peer, SESSION_MS / 6);
    peer_expect(&peer, WIRE_OP_SYNC, &frame);
    uint32_t serial = peer.link.serial;
    send_part(LIMIT + 1, frame.xid, 0, HEADER);
    assert_int_not_equal(peer.link.serial, serial);
    docent_client_hold_ends(peer.client);
}

/* As long as it moves; and the ping behind it waits. */
static void test_a_long_one_is_progress_and_a_stuck_one_is_silence(void **state)
{
    (void)state;
    static struct told told;
    start();
    ask(&told);
    send_part(1 << 20, frame.xid, 0, HEADER);
    uint32_t serial = peer.link.serial;
    for (int i = 0; i < 40; i++) {
        static const uint8_t piece[100];
        peer_pass(&peer, SESSION_MS / 8);
        peer_send(&peer, piece, sizeof piece);
        if (i < 4) assert_int_equal(peer.link.serial, serial);
    }
    assert_int_equal(docent_client_state(peer.client), DOCENT_LOST); /* What it has answered was asked long ago. */

    peer_stop(&peer);
    start();
    ask(&told);
    send_part(1 << 20, frame.xid, 0, HEADER);
    serial = peer.link.serial;
    peer_pass(&peer, SESSION_MS * 3 / 4);
    assert_int_not_equal(peer.link.serial, serial);
}

/* While something is held a sync waits behind it: it is enough that the line moves. But nothing of that renews the lease. */
static void test_a_long_one_does_not_renew_a_strict_lease(void **state)
{
    (void)state;
    static struct told told;
    start();
    docent_client_hold_begins(peer.client);
    ask(&told);
    send_part(1 << 20, frame.xid, 0, HEADER);
    uint32_t serial = peer.link.serial;
    unsigned steps = 0;
    for (uint64_t lease; (lease = docent_client_lease_ms(peer.client)) > 100; steps++) {
        static const uint8_t piece[10];
        peer_pass(&peer, 100);
        assert_int_equal(docent_client_lease_ms(peer.client), lease - 100);
        peer_send(&peer, piece, sizeof piece);
        assert_int_equal(docent_client_lease_ms(peer.client), lease - 100);
        assert_int_equal(peer.link.serial, serial);
    }
    assert_true(steps > SESSION_MS / 100 / 2);
    peer_pass(&peer, 100);
    assert_int_equal(docent_client_state(peer.client), DOCENT_LOST);
    docent_client_hold_ends(peer.client);
}

/* A write has been carried out, or has not: that stands in what is not read. */
static void test_a_write_is_left_unknown(void **state)
{
    (void)state;
    static struct told told;
    start();
    docent_op part = docent_op_delete("/a", 3);
    told = (struct told){ 0 };
    assert_int_equal(docent_multi_async(peer.client, &part, 1, on_result, &told), DOCENT_OK);
    peer_expect(&peer, WIRE_OP_MULTI, &frame);
    send_part(500, frame.xid, 0, 500);
    assert_int_equal(told.calls, 1);
    assert_int_equal(told.status, DOCENT_ERR_UNKNOWN_OUTCOME);
    assert_int_equal(told.size, 0);
    assert_works();
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, stop)
    const struct CMUnitTest tests[] = {
        TEST(test_it_costs_its_request_in_pieces_of_any_size),
        TEST(test_what_comes_behind_it_is_heard),
        TEST(test_the_rest_may_never_come),
        TEST(test_it_takes_no_memory),
        TEST(test_other_frames_of_that_length_cost_the_connection),
        TEST(test_a_heartbeat_has_no_long_answer),
        TEST(test_a_long_one_is_progress_and_a_stuck_one_is_silence),
        TEST(test_a_long_one_does_not_renew_a_strict_lease),
        TEST(test_a_write_is_left_unknown),
    };
    return cmocka_run_group_tests_name("reply limit", tests, NULL, NULL);
}
