/* tests/unit/test_rearm.c - watches that come back, against a peer that the test speaks for: what they ask of a server, and how often. */
#include "tests/unit/unit.h"

#include <docent/watcher.h>

#include "tests/lib/test_alloc.h"
#include "tests/unit/peer.h"

struct told {
    unsigned resets, changes, failures, closed;
    docent_watch_type change;
    docent_status status;
};

static struct peer peer;
static struct peer_frame frame;
static struct test_alloc memory;
static struct told told;
static docent_watcher *watcher;

static void on_event(const docent_watcher_event *event, void *user)
{
    (void)user;
    told.status = event->status;
    switch (event->type) {
    case DOCENT_WATCHER_RESET: told.resets++; break;
    case DOCENT_WATCHER_CHANGED:
        told.changes++;
        told.change = event->change;
        break;
    case DOCENT_WATCHER_FAILED: told.failures++; break;
    case DOCENT_WATCHER_CLOSED: told.closed++; break;
    }
}

static void adjust(docent_client_options *options)
{
    options->allocator = &memory.allocator;
    options->no_probe = false;
}

/* Online, at a server of that release. */
static void start_at(const char *release)
{
    struct docent_address address;
    char text[64];
    int size = snprintf(text, sizeof text, "Zookeeper version: %s-5a02a05\nMode: leader\n", release);
    memset(&told, 0, sizeof told);
    test_alloc_init(&memory, 0);
    peer_start(&peer, 1, 6000, adjust);
    peer_online(&peer, 77, 6000);
    assert_true(docent_core_wants_probe(peer.client, &address));
    docent_core_probed(peer.client, peer.now, &address, text, (size_t)size);
}

static void watch(docent_watcher_kind kind)
{
    assert_int_equal(docent_watcher_new(peer.client, "/a", kind, on_event, NULL, &watcher), DOCENT_OK);
}

static void stop(void)
{
    docent_watcher_close(watcher, NULL, NULL);
    watcher = NULL;
    peer_stop(&peer);
    assert_int_equal(told.closed, 1);
    assert_int_equal(memory.outstanding, 0);
}

/* Answers all that is asked within an hour with @err, and says how often that was. */
static unsigned refuse_for_an_hour(int32_t err)
{
    unsigned asked = 0;
    for (int step = 0; step < 3600 * 2; step++) {
        peer_pass(&peer, 500);
        while (peer_take(&peer, &frame)) {
            if (frame.op != WIRE_OP_PING) asked++;
            peer_reply(&peer, frame.xid, 10, frame.op == WIRE_OP_PING ? 0 : err, NULL, 0);
        }
    }
    return asked;
}

static void refused(const char *release, docent_watcher_kind kind, int32_t err)
{
    start_at(release);
    watch(kind);
    unsigned asked = refuse_for_an_hour(err);
    assert_in_range(asked, 60, 3600 * 2); /* The backoff goes up to some seconds. */
    assert_int_equal(told.failures, 1);
    assert_int_equal(told.status, (docent_status)err);
    assert_int_equal(docent_watcher_status(watcher), (docent_status)err);
    assert_int_equal(told.resets, 0);
    docent_watcher_close(watcher, NULL, NULL);
    watcher = NULL;
    assert_int_equal(refuse_for_an_hour(err), 0);
    stop();
}

static void test_f48_what_is_refused_is_asked_for_under_the_backoff_and_not_after_close(void **state)
{
    (void)state;
    refused("3.8.0", DOCENT_WATCHER_NODE, DOCENT_ERR_THROTTLED);
    refused("3.8.0", DOCENT_WATCHER_SUBTREE, DOCENT_ERR_NO_AUTH);
    refused("3.4.14", DOCENT_WATCHER_DATA, DOCENT_ERR_THROTTLED);
    refused("3.4.14", DOCENT_WATCHER_CHILDREN, DOCENT_ERR_NO_AUTH);
}

/* A node that is there whenever it is looked for, and is deleted whenever its children are. */
static void test_f48_a_node_that_comes_and_goes_is_not_chased(void **state)
{
    (void)state;
    static const docent_stat stat = { .czxid = 5, .mzxid = 5, .pzxid = 5 };
    unsigned asked = 0;
    start_at("3.4.14");
    watch(DOCENT_WATCHER_CHILDREN);
    for (int step = 0; step < 3600 * 2; step++) {
        peer_pass(&peer, 500);
        while (peer_take(&peer, &frame)) {
            if (frame.op == WIRE_OP_EXISTS) {
                peer_reply_stat(&peer, frame.xid, 10, &stat);
            } else if (frame.op == WIRE_OP_PING) {
                peer_reply(&peer, frame.xid, 10, 0, NULL, 0);
                continue;
            } else {
                peer_notify(&peer, WIRE_EVENT_DELETED, "/a");
                peer_reply(&peer, frame.xid, 10, DOCENT_ERR_NO_NODE, NULL, 0);
            }
            asked++;
        }
    }
    assert_in_range(asked, 60, 3600 * 4);
    stop();
}

static void cut_and_back(void)
{
    peer_cut(&peer);
    while (peer.size == 0) peer_pass(&peer, 1);
    peer_online(&peer, 77, 6000);
}

static int32_t expect_exists(void)
{
    peer_expect(&peer, WIRE_OP_EXISTS, &frame);
    assert_int_equal(frame.body[frame.size - 1], 1); /* It leaves a watch. */
    return frame.xid;
}

static void test_f49_a_lost_connection_causes_one_read_when_it_is_back_and_none_before(void **state)
{
    (void)state;
    static const docent_stat stat = { .czxid = 5, .mzxid = 5, .pzxid = 5 };
    start_at("3.4.14");
    watch(DOCENT_WATCHER_DATA);
    peer_reply_stat(&peer, expect_exists(), 10, &stat);
    assert_int_equal(told.resets, 1);
    cut_and_back();
    int32_t xid = expect_exists();
    assert_int_equal(told.resets, 1);
    peer_reply_stat(&peer, xid, 10, &stat);
    assert_int_equal(told.resets, 2);
    assert_false(peer_take(&peer, &frame));
    stop();
}

static void test_one_shot_is_armed_again_before_anybody_is_told(void **state)
{
    (void)state;
    docent_stat stat = { .czxid = 5, .mzxid = 5, .pzxid = 5 };
    start_at("3.4.14");
    watch(DOCENT_WATCHER_DATA);
    peer_reply_stat(&peer, expect_exists(), 10, &stat);
    peer_notify(&peer, WIRE_EVENT_DATA_CHANGED, "/a");
    int32_t xid = expect_exists();
    assert_int_equal(told.changes, 0);
    stat.mzxid = 11;
    peer_reply_stat(&peer, xid, 11, &stat);
    assert_int_equal(told.changes, 1);
    assert_int_equal(told.change, DOCENT_WATCH_DATA_CHANGED);
    assert_false(peer_take(&peer, &frame));
    stop();
}

static void test_f37_a_look_that_was_lost_is_taken_again(void **state)
{
    (void)state;
    docent_stat stat = { .czxid = 5, .mzxid = 5, .pzxid = 5 };
    start_at("3.4.14");
    watch(DOCENT_WATCHER_DATA);
    peer_reply_stat(&peer, expect_exists(), 10, &stat);
    peer_notify(&peer, WIRE_EVENT_DATA_CHANGED, "/a");
    (void)expect_exists();
    cut_and_back();
    stat.mzxid = 11;
    peer_reply_stat(&peer, expect_exists(), 11, &stat);
    assert_int_equal(told.resets, 2);
    stop();
}

static void test_f42_a_change_between_the_look_and_its_answer_is_not_lost(void **state)
{
    (void)state;
    docent_stat stat = { .czxid = 5, .mzxid = 5, .pzxid = 5 };
    start_at("3.4.14");
    watch(DOCENT_WATCHER_DATA);
    peer_reply_stat(&peer, expect_exists(), 10, &stat);
    peer_notify(&peer, WIRE_EVENT_DELETED, "/a");
    peer_reply(&peer, expect_exists(), 11, DOCENT_ERR_NO_NODE, NULL, 0);
    peer_notify(&peer, WIRE_EVENT_CREATED, "/a");
    assert_int_equal(told.changes, 1);
    assert_int_equal(told.change, DOCENT_WATCH_DELETED);
    stat.czxid = stat.mzxid = 12;
    peer_reply_stat(&peer, expect_exists(), 12, &stat);
    assert_int_equal(told.changes, 2);
    assert_int_equal(told.change, DOCENT_WATCH_CREATED);
    stop();
}

static void test_f142_without_memory_it_comes_later(void **state)
{
    (void)state;
    for (uint64_t fail = 1; fail < 12; fail++) {
        static const docent_stat stat = { .czxid = 5, .mzxid = 5, .pzxid = 5 };
        start_at("3.4.14");
        watcher = NULL;
        memory.fail_at = memory.calls + fail;
        docent_status status = docent_watcher_new(peer.client, "/a", DOCENT_WATCHER_DATA, on_event, NULL, &watcher);
        for (int step = 0; step < 60 && status == DOCENT_OK && told.resets == 0; step++) {
            peer_pass(&peer, 500);
            while (peer_take(&peer, &frame)) {
                if (frame.op == WIRE_OP_EXISTS) {
                    peer_reply_stat(&peer, frame.xid, 10, &stat);
                } else {
                    peer_reply(&peer, frame.xid, 10, 0, NULL, 0);
                }
            }
        }
        memory.fail_at = 0;
        if (status != DOCENT_OK) {
            assert_int_equal(status, DOCENT_ERR_NO_MEMORY);
            told.closed = 1;
        } else if (told.closed == 0) { /* Or it could not begin, and has said so. */
            assert_int_equal(told.resets, 1);
        }
        stop();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_f48_what_is_refused_is_asked_for_under_the_backoff_and_not_after_close),
        cmocka_unit_test(test_f48_a_node_that_comes_and_goes_is_not_chased),
        cmocka_unit_test(test_f49_a_lost_connection_causes_one_read_when_it_is_back_and_none_before),
        cmocka_unit_test(test_one_shot_is_armed_again_before_anybody_is_told),
        cmocka_unit_test(test_f37_a_look_that_was_lost_is_taken_again),
        cmocka_unit_test(test_f42_a_change_between_the_look_and_its_answer_is_not_lost),
        cmocka_unit_test(test_f142_without_memory_it_comes_later),
    };
    return cmocka_run_group_tests_name("rearm", tests, NULL, NULL);
}
