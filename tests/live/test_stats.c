/* tests/live/test_stats.c - statistics, traces and the flight recorder on real loops and threads. */
#include "live.h"

#include <pthread.h>

enum { WORKERS = 4, ROUNDS = 5, CALLS = 100 };

static docent_stats *stats;

struct reader {
    atomic_bool ends;
    atomic_int reads;
    atomic_int faults; /* A count that went back, or a text without its end. */
};

static bool went_back(const docent_stats_snapshot *before, const docent_stats_snapshot *now)
{
    const docent_histogram *h = &now->latency[DOCENT_OP_GET], *h_before = &before->latency[DOCENT_OP_GET];
    return now->operations[DOCENT_OP_GET][DOCENT_OUTCOME_OK] < before->operations[DOCENT_OP_GET][DOCENT_OUTCOME_OK] ||
           now->bytes_in < before->bytes_in || now->connections < before->connections || h->count < h_before->count ||
           h->sum_us < h_before->sum_us;
}

static void *read_on(void *user)
{
    struct reader *reader = user;
    static char text[65536];
    docent_stats_snapshot before = { DOCENT_STATS_SNAPSHOT };
    while (!reader->ends) {
        docent_stats_snapshot now = { DOCENT_STATS_SNAPSHOT };
        if (docent_stats_read(stats, &now) != DOCENT_OK || went_back(&before, &now)) reader->faults++;
        before = now;
        size_t size = docent_stats_openmetrics(stats, text, sizeof text);
        if (size < 6 || size >= sizeof text || strcmp(text + size - 6, "# EOF\n") != 0) reader->faults++;
        reader->reads++;
    }
    return NULL;
}

/* Clients come and go, each on a thread of its own. */
static void *work(void *user)
{
    atomic_int *failures = user;
    for (int round = 0; round < ROUNDS; round++) {
        docent_client_options options = { DOCENT_CLIENT_OPTIONS, .stats = stats };
        docent_client *client = NULL;
        if (docent_client_new(connect_string, &options, &client) != DOCENT_OK) return NULL;
        for (int i = 0; i < CALLS; i++) {
            docent_result *result = NULL;
            if (docent_get(client, "/", &result) != DOCENT_OK) (*failures)++;
            docent_result_free(result);
        }
        docent_stats_snapshot own = { DOCENT_STATS_SNAPSHOT };
        if (docent_client_stats(client, &own) != DOCENT_OK || own.connections != 1) (*failures)++;
        docent_client_close(client, NULL, NULL);
    }
    return NULL;
}

static void many_loops_and_a_reader(void **state)
{
    (void)state;
    docent_stats_options options = { DOCENT_STATS_OPTIONS, .histograms = true };
    assert_ok(docent_stats_new(&options, &stats));
    static struct reader reader;
    static atomic_int failures;
    pthread_t workers[WORKERS], reading;
    assert_int_equal(pthread_create(&reading, NULL, read_on, &reader), 0);
    for (int i = 0; i < WORKERS; i++) assert_int_equal(pthread_create(&workers[i], NULL, work, &failures), 0);
    for (int i = 0; i < WORKERS; i++) pthread_join(workers[i], NULL);
    assert_soon(reader.reads > 0);
    reader.ends = true;
    pthread_join(reading, NULL);
    assert_int_equal(failures, 0);
    assert_int_equal(reader.faults, 0);

    docent_stats_snapshot now = { DOCENT_STATS_SNAPSHOT };
    assert_ok(docent_stats_read(stats, &now));
    assert_int_equal(now.clients, 0);
    assert_int_equal(now.operations[DOCENT_OP_GET][DOCENT_OUTCOME_OK], WORKERS * ROUNDS * CALLS);
    assert_int_equal(now.latency[DOCENT_OP_GET].count, WORKERS * ROUNDS * CALLS);
    assert_true(now.latency[DOCENT_OP_GET].sum_us > 0);
    assert_int_equal(now.sessions, WORKERS * ROUNDS);
    assert_int_equal(now.connections, WORKERS * ROUNDS);
    assert_true(now.bytes_in > now.bytes_out && now.bytes_out > (uint64_t)WORKERS * ROUNDS * CALLS * 18);
    assert_int_equal(now.inbox + now.in_flight + now.pending + now.watches, 0);
    docent_stats_unref(stats);
}

struct look {
    atomic_int traces;
    atomic_int lines;
    atomic_bool dumped;
    docent_client *client;
    uint64_t latency_us;
    char server[64];
};

static void on_trace(const docent_trace_event *event, void *user)
{
    struct look *look = user;
    look->latency_us = event->latency_us;
    snprintf(look->server, sizeof look->server, "%s", event->server);
    look->traces++;
}

static void on_line(const char *text, void *user)
{
    (void)text;
    ((struct look *)user)->lines++;
}

static void dump(void *user)
{
    struct look *look = user;
    look->dumped = docent_client_dump(look->client, on_line, look) == DOCENT_OK;
}

static void traces_and_recorder(void **state)
{
    (void)state;
    static struct look look;
    docent_client_options options = { DOCENT_CLIENT_OPTIONS, .on_trace = on_trace, .flight_recorder_events = 8, .user = &look };
    look.client = client_start(&options);
    for (int i = 0; i < 10; i++) {
        docent_stat stat;
        assert_ok(docent_exists(look.client, "/", &stat));
    }
    assert_int_equal(look.traces, 10);
    assert_status(docent_client_dump(look.client, on_line, &look), DOCENT_ERR_WRONG_THREAD);
    assert_ok(docent_client_post(look.client, dump, &look));
    assert_soon(look.dumped);
    assert_int_equal(look.lines, 8);
    docent_client_close(look.client, NULL, NULL);
    assert_true(look.latency_us > 0 && look.latency_us < PATIENCE_MS * 1000);
    assert_non_null(strchr(look.server, ':'));
}

static void too_large_a_recorder_is_refused(void **state)
{
    (void)state;
    docent_client_options options = { DOCENT_CLIENT_OPTIONS, .flight_recorder_events = (1 << 20) + 1 };
    docent_client *client = NULL;
    assert_status(docent_client_new(connect_string, &options, &client), DOCENT_ERR_INVALID_ARGUMENT);
    assert_null(client);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(many_loops_and_a_reader, server_start, server_stop),
        cmocka_unit_test_setup_teardown(traces_and_recorder, server_start, server_stop),
        cmocka_unit_test_setup_teardown(too_large_a_recorder_is_refused, server_start, server_stop),
    };
    return run_live(tests, argc, argv);
}
