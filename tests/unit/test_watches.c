/* tests/unit/test_watches.c - one-shot and standing watches of one path, and what is left of a watch when its read is given up, against a
 * peer that the test speaks for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lib/test_alloc.h"
#include "tests/unit/peer.h"

struct told {
    unsigned count;
    docent_watch_type types[8];
    docent_status status;
    bool last;
};

static struct peer peer;
static struct peer_frame frame;
static struct test_alloc memory;
static struct told one_shot, persistent, recursive;
static docent_watch *on_persistent, *on_recursive;
static const docent_stat old_stat = { .czxid = 5, .mzxid = 5, .version = 3 };

static void on_watch(const docent_watch_event *event, void *user)
{
    struct told *told = user;
    if (told->count < 8) told->types[told->count] = event->type;
    told->count++;
    told->status = event->status;
    told->last = event->last;
}

static void with_memory(docent_client_options *options)
{
    options->allocator = &memory.allocator;
    options->no_probe = false;
}

/* Online, at a server of 3.8. */
static int start(void **state)
{
    (void)state;
    memset(&one_shot, 0, sizeof one_shot);
    memset(&persistent, 0, sizeof persistent);
    memset(&recursive, 0, sizeof recursive);
    test_alloc_init(&memory, 0);
    peer_start(&peer, 1, 6000, with_memory);
    peer_online(&peer, 77, 6000);
    struct docent_address address;
    static const char text[] = "Zookeeper version: 3.8.0-5a02a05\nMode: leader\n";
    assert_true(docent_core_wants_probe(peer.client, &address));
    docent_core_probed(peer.client, peer.now, &address, text, sizeof text - 1);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    memory.fail_at = 0;
    peer_stop(&peer);
    assert_int_equal(memory.outstanding, 0);
    return 0;
}

static void stand(docent_watch_kind kind)
{
    bool deep = kind == DOCENT_WATCH_RECURSIVE;
    assert_int_equal(docent_watch_async(peer.client, "/a", kind, on_watch, deep ? &recursive : &persistent,
                                        deep ? &on_recursive : &on_persistent), DOCENT_OK);
}

/* Returns the request's xid. */
static int32_t expect_mode(int32_t op, int32_t mode)
{
    peer_expect(&peer, op, &frame);
    struct wire_in in = docent_wire_in(frame.body, frame.size);
    struct wire_watches_request request;
    assert_true(docent_wire_get_watches_request(&in, &request));
    assert_int_equal(request.type, mode);
    return frame.xid;
}

static void accept_mode(int32_t xid, int64_t zxid)
{
    peer_reply(&peer, xid, zxid, 0, "\0\0\0\0", 4);
}

static void get_with_watch(uint32_t timeout_ms)
{
    docent_op op = docent_op_get("/a");
    docent_call_options call = { DOCENT_CALL_OPTIONS, .watch = on_watch, .watch_user = &one_shot, .timeout_ms = timeout_ms };
    assert_int_equal(docent_run_async(peer.client, &op, &call, NULL, NULL), DOCENT_OK);
}

static int32_t expect_get(bool flag)
{
    peer_expect(&peer, WIRE_OP_GET_DATA, &frame);
    assert_int_equal(frame.body[frame.size - 1], flag);
    return frame.xid;
}

/* Returns the xid. */
static int32_t expect_data_watch(int64_t relative_zxid)
{
    peer_expect(&peer, WIRE_OP_SET_WATCHES, &frame);
    struct wire_in in = docent_wire_in(frame.body, frame.size);
    struct wire_set_watches_request request;
    assert_true(docent_wire_get_set_watches_request(&in, &request));
    assert_int_equal(request.relative_zxid, relative_zxid);
    assert_int_equal(request.data.count, 1);
    assert_int_equal(request.exist.count + request.child.count, 0);
    return frame.xid;
}

/* A persistent and a recursive registration, held as recursive; then a read that lives off it, under way while the recursive one goes. */
static void begin_to_step_down(int32_t *ret_get)
{
    stand(DOCENT_WATCH_PERSISTENT);
    accept_mode(expect_mode(WIRE_OP_ADD_WATCH, WIRE_ADD_PERSISTENT), 10);
    stand(DOCENT_WATCH_RECURSIVE);
    accept_mode(expect_mode(WIRE_OP_ADD_WATCH, WIRE_ADD_RECURSIVE), 10);
    get_with_watch(0);
    docent_watch_cancel(on_recursive);
    *ret_get = expect_get(false);
}

static void test_one_shot_read_before_and_filed_while_its_path_is_armed_anew_misses_nothing(void **state)
{
    (void)state;
    int32_t get;
    begin_to_step_down(&get);
    int32_t removal = expect_mode(WIRE_OP_REMOVE_WATCHES, WIRE_WATCHER_ANY);
    int32_t add = expect_mode(WIRE_OP_ADD_WATCH, WIRE_ADD_PERSISTENT);
    unsigned told = persistent.count;
    peer_reply_data(&peer, get, 11, "v", &old_stat);
    /* Between removal and addition the server had nobody to tell: it is asked what changed since the read. */
    int32_t set = expect_data_watch(11);
    peer_reply(&peer, removal, 11, 0, NULL, 0);
    accept_mode(add, 12);
    assert_int_equal(persistent.count, told);
    /* That made the path's mode a one-shot's, so it is asked for once more. */
    int32_t again = expect_mode(WIRE_OP_ADD_WATCH, WIRE_ADD_PERSISTENT);
    peer_notify(&peer, WIRE_EVENT_DATA_CHANGED, "/a");
    assert_int_equal(one_shot.count, 1);
    assert_int_equal(one_shot.types[0], DOCENT_WATCH_DATA_CHANGED);
    peer_reply(&peer, set, 12, 0, NULL, 0);
    accept_mode(again, 12);
    assert_int_equal(persistent.types[persistent.count - 1], DOCENT_WATCH_RESET);
    assert_false(peer_take(&peer, &frame));
}

static void test_a_mode_overwritten_and_not_wanted_any_more_is_removed(void **state)
{
    (void)state;
    int32_t get;
    begin_to_step_down(&get);
    int32_t removal = expect_mode(WIRE_OP_REMOVE_WATCHES, WIRE_WATCHER_ANY);
    int32_t add = expect_mode(WIRE_OP_ADD_WATCH, WIRE_ADD_PERSISTENT);
    peer_reply_data(&peer, get, 11, "v", &old_stat);
    int32_t set = expect_data_watch(11);
    docent_watch_cancel(on_persistent);
    peer_reply(&peer, removal, 11, 0, NULL, 0);
    accept_mode(add, 12);
    peer_reply(&peer, set, 12, 0, NULL, 0);
    (void)expect_mode(WIRE_OP_REMOVE_WATCHES, WIRE_WATCHER_ANY);
    (void)expect_data_watch(12);
    assert_false(peer_take(&peer, &frame));
}

/* F-41 */
static void test_a_mode_on_its_way_is_not_removed_for_another_that_goes(void **state)
{
    (void)state;
    stand(DOCENT_WATCH_PERSISTENT);
    accept_mode(expect_mode(WIRE_OP_ADD_WATCH, WIRE_ADD_PERSISTENT), 10);
    stand(DOCENT_WATCH_RECURSIVE);
    docent_watch_cancel(on_persistent);
    int32_t add = expect_mode(WIRE_OP_ADD_WATCH, WIRE_ADD_RECURSIVE);
    assert_false(peer_take(&peer, &frame));
    accept_mode(add, 10);
    assert_int_equal(recursive.types[recursive.count - 1], DOCENT_WATCH_ARMED);
    assert_false(peer_take(&peer, &frame));
}

static void test_a_mode_restored_on_a_connection_that_did_not_come_about_is_forgotten(void **state)
{
    (void)state;
    stand(DOCENT_WATCH_PERSISTENT);
    accept_mode(expect_mode(WIRE_OP_ADD_WATCH, WIRE_ADD_PERSISTENT), 10);
    peer_cut(&peer);
    while (peer.size == 0) peer_pass(&peer, 1);
    (void)peer_expect_connect(&peer);
    peer_accept(&peer, 77, 6000);
    peer_expect(&peer, WIRE_OP_SET_WATCHES2, &frame); /* Not answered. */
    peer_cut(&peer);
    while (peer.size == 0) peer_pass(&peer, 1);
    (void)peer_expect_connect(&peer);
    peer_accept(&peer, 0, 0); /* The session is over. */
    while (peer.size == 0) peer_pass(&peer, 1);
    peer_online(&peer, 78, 6000);
    assert_int_equal(persistent.status, DOCENT_ERR_SESSION_EXPIRED);
    unsigned told = persistent.count;
    stand(DOCENT_WATCH_PERSISTENT);
    assert_int_equal(persistent.count, told);
    accept_mode(expect_mode(WIRE_OP_ADD_WATCH, WIRE_ADD_PERSISTENT), 12);
    assert_int_equal(persistent.types[persistent.count - 1], DOCENT_WATCH_ARMED);
}

static void test_a_mode_on_its_way_that_is_restored_with_its_path_is_told(void **state)
{
    (void)state;
    stand(DOCENT_WATCH_PERSISTENT);
    accept_mode(expect_mode(WIRE_OP_ADD_WATCH, WIRE_ADD_PERSISTENT), 10);
    stand(DOCENT_WATCH_RECURSIVE);
    (void)expect_mode(WIRE_OP_ADD_WATCH, WIRE_ADD_RECURSIVE); /* Not answered. */
    peer_cut(&peer);
    while (peer.size == 0) peer_pass(&peer, 1);
    (void)peer_expect_connect(&peer);
    peer_accept(&peer, 77, 6000);
    peer_expect(&peer, WIRE_OP_SET_WATCHES2, &frame);
    peer_reply(&peer, frame.xid, 11, 0, NULL, 0);
    assert_int_equal(persistent.types[persistent.count - 1], DOCENT_WATCH_RESET);
    assert_int_equal(recursive.count, 1);
    assert_int_equal(recursive.types[0], DOCENT_WATCH_ARMED);
    docent_watch_cancel(on_persistent);
    docent_watch_cancel(on_recursive);
    (void)expect_mode(WIRE_OP_REMOVE_WATCHES, WIRE_WATCHER_ANY);
}

static void test_one_shot_that_cannot_be_armed_for_want_of_memory_costs_the_connection(void **state)
{
    (void)state;
    stand(DOCENT_WATCH_PERSISTENT);
    accept_mode(expect_mode(WIRE_OP_ADD_WATCH, WIRE_ADD_PERSISTENT), 10);
    get_with_watch(0);
    peer_work(&peer);
    docent_watch_cancel(on_persistent);
    int32_t get = expect_get(false);
    (void)expect_mode(WIRE_OP_REMOVE_WATCHES, WIRE_WATCHER_ANY);
    uint32_t serial = peer.link.serial;
    memory.fail_at = memory.calls + 1;
    peer_reply_data(&peer, get, 11, "v", &old_stat);
    assert_int_equal(one_shot.count, 0);
    assert_int_not_equal(peer.link.serial, serial);
    assert_true(peer.last_event.state == DOCENT_SUSPENDED && peer.last_event.cause == DOCENT_ERR_NO_MEMORY);
    peer_pass(&peer, 200);
    peer_online(&peer, 77, 6000);
    peer_reply(&peer, (expect_data_watch(11), WIRE_XID_SET_WATCHES), 12, 0, NULL, 0);
    peer_notify(&peer, WIRE_EVENT_DATA_CHANGED, "/a");
    assert_int_equal(one_shot.count, 1);
}

/* What comes in before the connection is given up, in the same bytes, is no reason to take a change for seen. */
static void test_what_was_seen_since_does_not_hide_what_an_unarmed_watch_has_missed(void **state)
{
    (void)state;
    stand(DOCENT_WATCH_PERSISTENT);
    accept_mode(expect_mode(WIRE_OP_ADD_WATCH, WIRE_ADD_PERSISTENT), 10);
    get_with_watch(0);
    assert_int_equal(docent_get_async(peer.client, "/b", NULL, NULL), DOCENT_OK);
    peer_work(&peer);
    docent_watch_cancel(on_persistent);
    int32_t get = expect_get(false), other = expect_get(false);
    memory.fail_at = memory.calls + 1;
    struct wire_out out = { 0 };
    for (int i = 0; i < 2; i++) {
        size_t begin = docent_wire_frame_begin(&out);
        struct wire_reply_header header = { i == 0 ? get : other, i == 0 ? 11 : 15, 0 };
        docent_wire_put_reply_header(&out, &header);
        struct wire_data_response response = { docent_wire_string("v"), old_stat };
        docent_wire_put_data_response(&out, &response);
        docent_wire_frame_end(&out, begin);
    }
    peer_send(&peer, out.data, out.size);
    docent_wire_out_free(&out);
    peer_pass(&peer, 200);
    peer_online(&peer, 77, 6000);
    (void)expect_data_watch(11);
}

static void test_watch_of_a_read_that_was_answered_too_late_is_taken_back(void **state)
{
    (void)state;
    get_with_watch(100);
    int32_t get = expect_get(true);
    peer_pass(&peer, 150);
    assert_int_equal(one_shot.count, 1);
    assert_int_equal(one_shot.types[0], DOCENT_WATCH_ENDED);
    assert_int_equal(one_shot.status, DOCENT_ERR_TIMEOUT);
    peer_reply_data(&peer, get, 11, "v", &old_stat);
    (void)expect_mode(WIRE_OP_REMOVE_WATCHES, WIRE_WATCHER_DATA);
    assert_int_equal(one_shot.count, 1);
}

static void test_watch_of_a_read_that_timed_out_and_failed_was_never_left(void **state)
{
    (void)state;
    get_with_watch(100);
    int32_t get = expect_get(true);
    peer_pass(&peer, 150);
    peer_reply(&peer, get, 11, DOCENT_ERR_NO_NODE, NULL, 0);
    assert_false(peer_take(&peer, &frame));
    get_with_watch(100);
    (void)expect_get(true);
    peer_pass(&peer, 150);
    peer_cut(&peer);
    assert_int_equal(one_shot.count, 2);
}

/* ---- Lookouts. ---- */

struct owner {
    struct docent_machine machine;
    struct docent_lookout lookout;
    unsigned replies, changes;
    docent_watch_type change;
};

static struct owner owner;

static void on_owner_event(struct docent_machine *machine, const struct docent_event *event)
{
    assert_ptr_equal(machine, &owner.machine);
    if (event->type == DOCENT_EV_REPLY) owner.replies++;
    if (event->type != DOCENT_EV_WATCH) return;
    owner.changes++;
    owner.change = event->change;
}

static void owner_begin(void)
{
    memset(&owner, 0, sizeof owner);
    assert_int_equal(docent_timer_reserve(peer.client), DOCENT_OK);
    docent_machine_init(&owner.machine, peer.client, on_owner_event);
}

static void owner_end(void)
{
    docent_lookout_end(&owner.lookout);
    docent_machine_fini(&owner.machine);
    docent_timer_release(peer.client);
}

static void owner_looks(bool flag)
{
    unsigned replies = owner.replies;
    docent_ask_lookout(&owner.machine, "/a", 7, &owner.lookout);
    peer_work(&peer);
    peer_reply_data(&peer, expect_get(flag), 11, "v", &old_stat);
    assert_int_equal(owner.replies, replies + 1);
}

static void test_a_lookout_tells_what_happens_to_its_node_once(void **state)
{
    (void)state;
    owner_begin();
    owner_looks(true);
    peer_notify(&peer, WIRE_EVENT_CHILDREN_CHANGED, "/a");
    peer_notify(&peer, WIRE_EVENT_DELETED, "/b");
    assert_int_equal(owner.changes, 0);
    peer_notify(&peer, WIRE_EVENT_DATA_CHANGED, "/a");
    peer_notify(&peer, WIRE_EVENT_DELETED, "/a");
    assert_int_equal(owner.changes, 1);
    assert_int_equal(owner.change, DOCENT_WATCH_DATA_CHANGED);
    owner_looks(true);
    owner_looks(true); /* Again, before it has told anything. */
    peer_notify(&peer, WIRE_EVENT_DELETED, "/a");
    assert_int_equal(owner.changes, 2);
    owner_looks(true);
    docent_lookout_end(&owner.lookout);
    peer_notify(&peer, WIRE_EVENT_DELETED, "/a");
    assert_int_equal(owner.changes, 2);
    owner_end();
}

static void test_a_lookout_lives_off_a_standing_watch_and_gets_its_own_when_that_goes(void **state)
{
    (void)state;
    owner_begin();
    stand(DOCENT_WATCH_PERSISTENT);
    accept_mode(expect_mode(WIRE_OP_ADD_WATCH, WIRE_ADD_PERSISTENT), 10);
    owner_looks(false); /* Else the server forgets the other one. */
    docent_watch_cancel(on_persistent);
    (void)expect_mode(WIRE_OP_REMOVE_WATCHES, WIRE_WATCHER_ANY);
    (void)expect_data_watch(11);
    peer_notify(&peer, WIRE_EVENT_DELETED, "/a");
    assert_int_equal(owner.changes, 1);
    owner_end();
}

static void test_who_takes_a_watch_away_leaves_it_to_the_lookout(void **state)
{
    (void)state;
    docent_op op = docent_op_get("/a");
    docent_watch *watch;
    docent_call_options call = { DOCENT_CALL_OPTIONS, .watch = on_watch, .watch_user = &one_shot, .ret_watch = &watch };
    assert_int_equal(docent_run_async(peer.client, &op, &call, NULL, NULL), DOCENT_OK);
    peer_reply_data(&peer, expect_get(true), 11, "v", &old_stat);
    owner_begin();
    owner_looks(true);
    docent_watch_cancel(watch);
    assert_false(peer_take(&peer, &frame));
    docent_lookout_end(&owner.lookout);
    assert_int_equal(docent_run_async(peer.client, &op, &call, NULL, NULL), DOCENT_OK);
    peer_reply_data(&peer, expect_get(true), 11, "v", &old_stat);
    docent_watch_cancel(watch);
    (void)expect_mode(WIRE_OP_REMOVE_WATCHES, WIRE_WATCHER_DATA);
    owner_end();
}

static void test_a_lookout_without_memory_is_refused_like_an_ask(void **state)
{
    (void)state;
    owner_begin();
    memory.fail_at = memory.calls + 1;
    docent_ask_lookout(&owner.machine, "/a", 7, &owner.lookout);
    memory.fail_at = 0;
    peer_work(&peer);
    assert_int_equal(owner.replies, 1);
    owner_end();
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
    const struct CMUnitTest tests[] = {
        TEST(test_one_shot_read_before_and_filed_while_its_path_is_armed_anew_misses_nothing),
        TEST(test_a_mode_overwritten_and_not_wanted_any_more_is_removed),
        TEST(test_a_mode_on_its_way_is_not_removed_for_another_that_goes),
        TEST(test_a_mode_on_its_way_that_is_restored_with_its_path_is_told),
        TEST(test_a_mode_restored_on_a_connection_that_did_not_come_about_is_forgotten),
        TEST(test_one_shot_that_cannot_be_armed_for_want_of_memory_costs_the_connection),
        TEST(test_what_was_seen_since_does_not_hide_what_an_unarmed_watch_has_missed),
        TEST(test_watch_of_a_read_that_was_answered_too_late_is_taken_back),
        TEST(test_watch_of_a_read_that_timed_out_and_failed_was_never_left),
        TEST(test_a_lookout_tells_what_happens_to_its_node_once),
        TEST(test_a_lookout_lives_off_a_standing_watch_and_gets_its_own_when_that_goes),
        TEST(test_who_takes_a_watch_away_leaves_it_to_the_lookout),
        TEST(test_a_lookout_without_memory_is_refused_like_an_ask),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
