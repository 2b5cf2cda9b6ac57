/* tests/unit/test_stats.c - what is counted, for one client and for several, and the text that is made of it. */
#include "unit.h"

#include <docent/node.h>
#include <docent/stats.h>

#include "test_alloc.h"
#include "tests/unit/peer.h"

static struct peer peer, other;
static struct peer_frame frame;
static struct outcome outcome;
static docent_stats *stats;
static docent_stats_snapshot now;
static const docent_stat stat_of_node = { .czxid = 5 };

static void count_here(docent_client_options *options)
{
    options->stats = stats;
}

static void on_watch(const docent_watch_event *event, void *user)
{
    (void)event;
    (void)user;
}

static void on_event(struct docent_machine *machine, const struct docent_event *event)
{
    (void)machine;
    (void)event;
}

static void make_stats(bool histograms)
{
    docent_stats_options options = { DOCENT_STATS_OPTIONS, .histograms = histograms };
    assert_int_equal(docent_stats_new(&options, &stats), DOCENT_OK);
}

static void begin(struct peer *p, int64_t session)
{
    peer_start(p, 1, 6000, count_here);
    peer_online(p, session, 6000);
}

static int start(void **state)
{
    (void)state;
    make_stats(true);
    begin(&peer, 77);
    outcome = (struct outcome){ 0 };
    return 0;
}

static int stop(void **state)
{
    (void)state;
    peer_stop(&peer);
    docent_stats_unref(stats);
    return 0;
}

static void look(void)
{
    now = (docent_stats_snapshot){ DOCENT_STATS_SNAPSHOT };
    assert_int_equal(docent_stats_read(stats, &now), DOCENT_OK);
}

static void look_at(struct peer *p)
{
    now = (docent_stats_snapshot){ DOCENT_STATS_SNAPSHOT };
    assert_int_equal(docent_client_stats(p->client, &now), DOCENT_OK);
}

static void ask(struct peer *p)
{
    assert_int_equal(docent_get_async(p->client, "/a", outcome_tell, &outcome), DOCENT_OK);
    peer_expect(p, WIRE_OP_GET_DATA, &frame);
}

static void get(struct peer *p)
{
    ask(p);
    peer_reply_data(p, frame.xid, 10, "x", &stat_of_node);
}

static void test_operations_are_counted_by_what_became_of_them(void **state)
{
    (void)state;
    get(&peer);
    get(&peer);
    ask(&peer);
    peer_reply(&peer, frame.xid, 11, DOCENT_ERR_NO_NODE, NULL, 0);
    ask(&peer);
    peer_reply(&peer, frame.xid, 11, DOCENT_ERR_NO_AUTH, NULL, 0);
    assert_int_equal(docent_create_async(peer.client, "/b", "x", 1, DOCENT_PERSISTENT, outcome_tell, &outcome), DOCENT_OK);
    peer_expect(&peer, WIRE_OP_CREATE, &frame);
    peer_reply_path(&peer, frame.xid, 12, "/b");
    look();
    assert_int_equal(now.operations[DOCENT_OP_GET][DOCENT_OUTCOME_OK], 2);
    assert_int_equal(now.operations[DOCENT_OP_GET][DOCENT_OUTCOME_CONDITION], 1);
    assert_int_equal(now.operations[DOCENT_OP_GET][DOCENT_OUTCOME_DENIED], 1);
    assert_int_equal(now.operations[DOCENT_OP_CREATE][DOCENT_OUTCOME_OK], 1);
    assert_int_equal(now.operations[DOCENT_OP_SET][DOCENT_OUTCOME_OK], 0);
}

static void test_what_recipes_ask_for_is_counted(void **state)
{
    (void)state;
    struct docent_machine machine = { 0 };
    docent_op op = docent_op_exists("/a");
    assert_int_equal(docent_timer_reserve(peer.client), DOCENT_OK);
    docent_machine_init(&machine, peer.client, on_event);
    docent_ask(&machine, &op, 1);
    peer_expect(&peer, WIRE_OP_EXISTS, &frame);
    docent_machine_fini(&machine); /* Nobody hears the answer. */
    docent_timer_release(peer.client);
    peer_reply_stat(&peer, frame.xid, 10, &stat_of_node);
    look();
    assert_int_equal(now.operations[DOCENT_OP_EXISTS][DOCENT_OUTCOME_OK], 1);
}

static void test_latencies_fall_into_their_buckets(void **state)
{
    (void)state;
    ask(&peer);
    peer.us = 300;
    peer_reply_data(&peer, frame.xid, 10, "x", &stat_of_node);
    ask(&peer);
    peer.us = 364; /* On a bound, which is included. */
    peer_reply(&peer, frame.xid, 10, DOCENT_ERR_NO_NODE, NULL, 0);
    ask(&peer);
    peer_pass(&peer, 2);
    peer_reply_data(&peer, frame.xid, 10, "x", &stat_of_node);
    look();
    const docent_histogram *h = &now.latency[DOCENT_OP_GET];
    assert_int_equal(h->count, 3);
    assert_int_equal(h->sum_us, 300 + 64 + 2000);
    assert_int_equal(docent_stats_bucket_us(4), 512);
    assert_int_equal(h->buckets[4], 1);
    assert_int_equal(h->buckets[1], 1);
    assert_int_equal(h->buckets[6], 1); /* 2,048 us. */
}

static void test_buckets_have_no_gaps(void **state)
{
    (void)state;
    for (size_t i = 1; i + 1 < DOCENT_STATS_BUCKETS; i++) {
        assert_int_equal(docent_stats_bucket_us(i), 2 * docent_stats_bucket_us(i - 1));
    }
    assert_true(docent_stats_bucket_us(DOCENT_STATS_BUCKETS - 1) == UINT64_MAX);
    /* A whole day ends in the last. */
    ask(&peer);
    peer.us = UINT64_C(86400000000);
    peer_reply_data(&peer, frame.xid, 10, "x", &stat_of_node);
    look();
    assert_int_equal(now.latency[DOCENT_OP_GET].buckets[DOCENT_STATS_BUCKETS - 1], 1);
}

static void test_answers_that_come_together_are_all_counted(void **state)
{
    (void)state;
    static const docent_op_type types[] = { DOCENT_OP_GET, DOCENT_OP_GET, DOCENT_OP_EXISTS, DOCENT_OP_GET };
    struct wire_out out = { 0 };
    for (size_t i = 0; i < 4; i++) {
        bool gets = types[i] == DOCENT_OP_GET;
        assert_int_equal(gets ? docent_get_async(peer.client, "/a", NULL, NULL) : docent_exists_async(peer.client, "/a", NULL, NULL),
                         DOCENT_OK);
        peer_expect(&peer, gets ? WIRE_OP_GET_DATA : WIRE_OP_EXISTS, &frame);
        size_t at = docent_wire_frame_begin(&out);
        struct wire_reply_header header = { frame.xid, 10, 0 };
        docent_wire_put_reply_header(&out, &header);
        if (gets) docent_wire_put_buffer(&out, docent_wire_string("x"));
        docent_wire_put_stat(&out, stat_of_node);
        docent_wire_frame_end(&out, at);
        peer.us += 10; /* Each was sent at another moment. */
    }
    peer_send(&peer, out.data, out.size);
    docent_wire_out_free(&out);
    look();
    assert_int_equal(now.operations[DOCENT_OP_GET][DOCENT_OUTCOME_OK], 3);
    assert_int_equal(now.operations[DOCENT_OP_EXISTS][DOCENT_OUTCOME_OK], 1);
    assert_int_equal(now.latency[DOCENT_OP_GET].sum_us, 40 + 30 + 10);
    assert_int_equal(now.latency[DOCENT_OP_EXISTS].sum_us, 20);
}

static void test_connections_retries_and_sessions_are_counted(void **state)
{
    (void)state;
    ask(&peer);
    peer_cut(&peer);
    peer_pass(&peer, 300);
    peer_online(&peer, 77, 6000);
    peer_expect(&peer, WIRE_OP_GET_DATA, &frame);
    peer_reply_data(&peer, frame.xid, 10, "x", &stat_of_node);
    look();
    assert_int_equal(now.connections, 2);
    assert_int_equal(now.reconnects, 1);
    assert_int_equal(now.sessions, 1);
    assert_int_equal(now.retries, 1);
    assert_int_equal(now.expirations, 0);

    peer_cut(&peer);
    peer_pass(&peer, 300);
    peer_online(&peer, 0, 0); /* "Expired." */
    peer_pass(&peer, 300);
    peer_online(&peer, 78, 6000);
    look();
    assert_int_equal(now.expirations, 1);
    assert_int_equal(now.sessions, 2);
    assert_int_equal(now.connections, 3);
}

static void test_heartbeats_and_bytes_are_counted(void **state)
{
    (void)state;
    look();
    uint64_t in = now.bytes_in, out = now.bytes_out;
    ask(&peer);
    peer_reply_data(&peer, frame.xid, 10, "x", &stat_of_node);
    look();
    assert_int_equal(now.bytes_out - out, 4 + 8 + 4 + 2 + 1);
    assert_int_equal(now.bytes_in - in, 4 + 16 + 4 + 1 + 68);
    assert_int_equal(now.heartbeats, 0);
    peer_pass(&peer, 2500);
    look();
    assert_int_equal(now.heartbeats, 1);
}

static void test_watches_are_counted(void **state)
{
    (void)state;
    docent_op op = docent_op_get("/a");
    docent_call_options call = { DOCENT_CALL_OPTIONS, .watch = on_watch };
    assert_int_equal(docent_run_async(peer.client, &op, &call, outcome_tell, &outcome), DOCENT_OK);
    peer_expect(&peer, WIRE_OP_GET_DATA, &frame);
    peer_reply_data(&peer, frame.xid, 10, "x", &stat_of_node);
    look();
    assert_int_equal(now.watches_registered, 1);
    assert_int_equal(now.watches, 1);
    assert_int_equal(now.watches_fired, 0);
    peer_notify(&peer, WIRE_EVENT_DATA_CHANGED, "/a");
    look();
    assert_int_equal(now.watches_registered, 1);
    assert_int_equal(now.watches, 0);
    assert_int_equal(now.watches_fired, 1);
}

static void test_queues_are_as_deep_as_they_are(void **state)
{
    (void)state;
    ask(&peer);
    ask(&peer);
    look();
    assert_int_equal(now.in_flight, 2);
    assert_int_equal(now.pending, 0);
    peer.manual = true;
    peer_cut(&peer);
    peer_pass(&peer, 4000); /* Both are to be sent again. */
    look();
    assert_int_equal(now.in_flight, 0);
    assert_int_equal(now.pending, 2);
    docent_core_inbox(peer.client, 3);
    look();
    assert_int_equal(now.inbox, 3);
}

/* A create that gave up after it may have been applied: its node is to be removed. */
static void test_what_is_still_to_be_removed_is_shown(void **state)
{
    (void)state;
    static const docent_retry once = { DOCENT_RETRY, .tries_max = 1 };
    docent_create_node_options options = { DOCENT_CREATE_NODE_OPTIONS, .protect = true, .retry = &once };
    assert_int_equal(docent_create_node_async(peer.client, "/p/a", "x", 1, DOCENT_PERSISTENT, &options, NULL, NULL), DOCENT_OK);
    look();
    assert_int_equal(now.pending_deletes, 0);
    struct peer_frame sent;
    peer_expect(&peer, WIRE_OP_CREATE, &sent);
    peer.manual = true;
    peer_cut(&peer);
    peer_pass(&peer, 1000);
    look();
    assert_int_equal(now.pending_deletes, 1);
    char text[32768];
    assert_true(docent_stats_openmetrics(stats, text, sizeof text) < sizeof text);
    assert_non_null(strstr(text, "\ndocent_pending_deletes 1\n"));
}

static void test_clients_share_and_keep_apart(void **state)
{
    (void)state;
    begin(&other, 80);
    get(&peer);
    get(&other);
    get(&other);
    look();
    assert_int_equal(now.clients, 2);
    assert_int_equal(now.operations[DOCENT_OP_GET][DOCENT_OUTCOME_OK], 3);
    look_at(&other);
    assert_int_equal(now.clients, 1);
    assert_int_equal(now.operations[DOCENT_OP_GET][DOCENT_OUTCOME_OK], 2);
    peer_stop(&other);
    look();
    assert_int_equal(now.clients, 1);
    assert_int_equal(now.operations[DOCENT_OP_GET][DOCENT_OUTCOME_OK], 3); /* What was, stays. */
}

static void test_the_next_client_begins_with_nothing(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        begin(&other, 80 + i);
        get(&other);
        look_at(&other);
        assert_int_equal(now.operations[DOCENT_OP_GET][DOCENT_OUTCOME_OK], 1);
        assert_int_equal(now.latency[DOCENT_OP_GET].count, 1);
        assert_int_equal(now.connections, 1);
        peer_stop(&other);
    }
    look();
    assert_int_equal(now.operations[DOCENT_OP_GET][DOCENT_OUTCOME_OK], 3);
    assert_int_equal(now.sessions, 4);
}

static void test_memory_does_not_grow_with_the_clients_that_were(void **state)
{
    (void)state;
    struct test_alloc alloc;
    test_alloc_init(&alloc, 0);
    docent_stats_options options = { DOCENT_STATS_OPTIONS, .allocator = &alloc.allocator };
    docent_stats *shared = stats;
    assert_int_equal(docent_stats_new(&options, &stats), DOCENT_OK);
    size_t most = 0;
    for (int i = 0; i < 10; i++) {
        begin(&other, 80 + i);
        peer_stop(&other);
        if (i == 1) most = alloc.outstanding;
    }
    assert_int_equal(alloc.outstanding, most);
    look();
    assert_false(now.histograms);
    assert_int_equal(now.sessions, 10);
    docent_stats_unref(stats);
    assert_int_equal(alloc.outstanding, 0);
    stats = shared;
}

static void test_no_memory_is_told(void **state)
{
    (void)state;
    docent_client_options full = { DOCENT_CLIENT_OPTIONS };
    struct docent_host host = *docent_client_host(peer.client);
    for (size_t fail_at = 1; fail_at <= 2; fail_at++) {
        struct test_alloc alloc;
        test_alloc_init(&alloc, fail_at);
        docent_stats_options options = { DOCENT_STATS_OPTIONS, .allocator = &alloc.allocator };
        docent_status status = docent_stats_new(&options, &full.stats);
        assert_int_equal(status, fail_at == 1 ? DOCENT_ERR_NO_MEMORY : DOCENT_OK);
        if (fail_at == 1) continue;
        struct docent_core_config config = { .options = &full, .chroot = "" };
        docent_client *client = NULL;
        assert_int_equal(docent_core_new(&config, &host, &client), DOCENT_ERR_NO_MEMORY);
        docent_stats_unref(full.stats);
        assert_int_equal(alloc.outstanding, 0);
    }
}

static void test_a_client_without_statistics_says_so(void **state)
{
    (void)state;
    peer_start(&other, 1, 6000, NULL);
    docent_stats_snapshot snapshot = { DOCENT_STATS_SNAPSHOT };
    assert_int_equal(docent_client_stats(other.client, &snapshot), DOCENT_ERR_INVALID_ARGUMENT);
    peer_stop(&other);
    snapshot.struct_size = 0;
    assert_int_equal(docent_stats_read(stats, &snapshot), DOCENT_ERR_INVALID_ARGUMENT);
    assert_int_equal(docent_client_stats(peer.client, &snapshot), DOCENT_ERR_INVALID_ARGUMENT);
}

static void test_a_smaller_snapshot_is_filled_as_far_as_it_goes(void **state)
{
    (void)state;
    now = (docent_stats_snapshot){ .struct_size = offsetof(docent_stats_snapshot, sessions), .sessions = 1234 };
    assert_int_equal(docent_stats_read(stats, &now), DOCENT_OK);
    assert_int_equal(now.connections, 1);
    assert_int_equal(now.sessions, 1234);
}

/* ---- The text. ---- */

static char text[65536];

static void make_text(void)
{
    size_t size = docent_stats_openmetrics(stats, text, sizeof text);
    assert_true(size < sizeof text);
    assert_int_equal(strlen(text), size);
}

static const char *line_of(const char *beginning)
{
    for (const char *line = text; line != NULL; line = strchr(line, '\n') == NULL ? NULL : strchr(line, '\n') + 1) {
        if (strncmp(line, beginning, strlen(beginning)) == 0) return line + strlen(beginning);
    }
    fail_msg("no line begins with %s in\n%s", beginning, text);
    return "";
}

static void test_the_text_says_what_the_snapshot_says(void **state)
{
    (void)state;
    get(&peer);
    ask(&peer);
    peer.us = 300;
    peer_reply(&peer, frame.xid, 11, DOCENT_ERR_NO_NODE, NULL, 0);
    make_text();
    assert_int_equal(strtoul(line_of("docent_operations_total{operation=\"get\",outcome=\"ok\"} "), NULL, 10), 1);
    assert_int_equal(strtoul(line_of("docent_operations_total{operation=\"get\",outcome=\"condition\"} "), NULL, 10), 1);
    assert_int_equal(strtoul(line_of("docent_request_latency_seconds_bucket{operation=\"get\",le=\"0.000256\"} "), NULL, 10), 1);
    assert_int_equal(strtoul(line_of("docent_request_latency_seconds_bucket{operation=\"get\",le=\"0.000512\"} "), NULL, 10), 2);
    assert_int_equal(strtoul(line_of("docent_request_latency_seconds_bucket{operation=\"get\",le=\"+Inf\"} "), NULL, 10), 2);
    assert_int_equal(strncmp(line_of("docent_request_latency_seconds_sum{operation=\"get\"} "), "0.000300\n", 9), 0);
    assert_int_equal(strtoul(line_of("docent_sessions_total "), NULL, 10), 1);
    assert_int_equal(strtoul(line_of("docent_clients "), NULL, 10), 1);
    assert_null(strstr(text, "operation=\"set\"")); /* There was none. */
}

static bool begins(const char *line, const char *with)
{
    return strncmp(line, with, strlen(with)) == 0;
}

static bool is_name(char c)
{
    return (c >= 'a' && c <= 'z') || c == '_';
}

/* One sample of the family: its name, what the type adds to it, labels, a number, and nothing more. */
static void check_sample(const char *line, const char *family, const char *type)
{
    if (!begins(line, family)) fail_msg("not of %s: %s", family, line);
    const char *at = line + strlen(family);
    size_t ending = strspn(at, "abcdefghijklmnopqrstuvwxyz_");
    if (strcmp(type, "counter") == 0) {
        assert_true(ending == 6 && begins(at, "_total"));
    } else if (strcmp(type, "histogram") == 0) {
        assert_true((ending == 7 && begins(at, "_bucket")) || (ending == 6 && begins(at, "_count")) || (ending == 4 && begins(at, "_sum")));
    } else {
        assert_int_equal(ending, 0);
    }
    at += ending;
    if (*at == '{') {
        do {
            at++;
            assert_true(is_name(*at));
            while (is_name(*at)) at++;
            assert_true(begins(at, "=\""));
            at += 2;
            while (*at != '"' && *at != '\n' && *at != '\0') at++;
            assert_int_equal(*at++, '"');
        } while (*at == ',');
        assert_int_equal(*at++, '}');
    }
    assert_int_equal(*at++, ' ');
    char *end;
    assert_true(*at >= '0' && *at <= '9');
    (void)strtod(at, &end);
    assert_int_equal(*end, '\0');
}

static void test_the_text_is_openmetrics(void **state)
{
    (void)state;
    get(&peer);
    assert_int_equal(docent_exists_async(peer.client, "/a", outcome_tell, &outcome), DOCENT_OK);
    peer_expect(&peer, WIRE_OP_EXISTS, &frame);
    peer_reply(&peer, frame.xid, 11, DOCENT_ERR_NO_NODE, NULL, 0);
    make_text();
    char family[128] = "", type[32] = "", helped[128] = "";
    bool ended = false;
    size_t families = 0, samples = 0;
    for (char *line = text, *next; *line != '\0'; line = next) {
        char *end = strchr(line, '\n');
        assert_non_null(end); /* Every line is ended, the last one too. */
        *end = '\0';
        next = end + 1;
        assert_false(ended);
        char name[128], word[32];
        if (strcmp(line, "# EOF") == 0) {
            ended = true;
        } else if (sscanf(line, "# TYPE %127s %31s", name, word) == 2) {
            assert_true(begins(name, "docent_"));
            assert_true(strcmp(word, "counter") == 0 || strcmp(word, "gauge") == 0 || strcmp(word, "histogram") == 0);
            strcpy(family, name);
            strcpy(type, word);
            families++;
        } else if (sscanf(line, "# UNIT %127s %31s", name, word) == 2) {
            assert_string_equal(name, family);
            assert_string_equal(name + strlen(name) - strlen(word), word); /* The name ends in its unit. */
        } else if (sscanf(line, "# HELP %127s", name) == 1) {
            assert_string_equal(name, family);
            strcpy(helped, name);
        } else {
            assert_string_equal(helped, family);
            check_sample(line, family, type);
            samples++;
        }
    }
    assert_true(ended);
    assert_true(families > 10 && samples > families);
}

static void test_too_long_a_text_is_cut(void **state)
{
    (void)state;
    size_t size = docent_stats_openmetrics(stats, NULL, 0);
    assert_true(size > 1000);
    memset(text, '!', sizeof text);
    assert_int_equal(docent_stats_openmetrics(stats, text, 100), size);
    assert_int_equal(strlen(text), 99);
    assert_int_equal(text[100], '!');
}

static void test_every_status_has_its_outcome(void **state)
{
    (void)state;
    assert_int_equal(docent_outcome_of(DOCENT_OK), DOCENT_OUTCOME_OK);
    assert_int_equal(docent_outcome_of(DOCENT_ERR_CONNECTION_LOSS), DOCENT_OUTCOME_LOST);
    assert_int_equal(docent_outcome_of(DOCENT_ERR_TIMEOUT), DOCENT_OUTCOME_TIMEOUT);
    assert_int_equal(docent_outcome_of(DOCENT_ERR_UNKNOWN_OUTCOME), DOCENT_OUTCOME_UNKNOWN);
    assert_int_equal(docent_outcome_of(DOCENT_ERR_CLOSING), DOCENT_OUTCOME_ENDED);
    assert_int_equal(docent_outcome_of((docent_status)-999), DOCENT_OUTCOME_OTHER);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
    const struct CMUnitTest tests[] = {
        TEST(test_operations_are_counted_by_what_became_of_them),
        TEST(test_what_recipes_ask_for_is_counted),
        TEST(test_latencies_fall_into_their_buckets),
        TEST(test_buckets_have_no_gaps),
        TEST(test_answers_that_come_together_are_all_counted),
        TEST(test_connections_retries_and_sessions_are_counted),
        TEST(test_heartbeats_and_bytes_are_counted),
        TEST(test_watches_are_counted),
        TEST(test_queues_are_as_deep_as_they_are),
        TEST(test_what_is_still_to_be_removed_is_shown),
        TEST(test_clients_share_and_keep_apart),
        TEST(test_the_next_client_begins_with_nothing),
        TEST(test_memory_does_not_grow_with_the_clients_that_were),
        TEST(test_no_memory_is_told),
        TEST(test_a_client_without_statistics_says_so),
        TEST(test_a_smaller_snapshot_is_filled_as_far_as_it_goes),
        TEST(test_the_text_says_what_the_snapshot_says),
        TEST(test_the_text_is_openmetrics),
        TEST(test_too_long_a_text_is_cut),
        TEST(test_every_status_has_its_outcome),
    };
    return cmocka_run_group_tests_name("stats", tests, NULL, NULL);
}
