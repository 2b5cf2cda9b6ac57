/* bench-contend.c - so many contenders for one lock in one process, on one session or on one each, all on the application's loop: who has it
 * releases it at once, and queues again when its node is gone.
 *
 *     bench-contend ADDRESS CONTENDERS one|each|recorded MILLISECONDS
 *
 * Measured after as long a warm-up. Prints how often the lock was acquired then, what was asked for that by the clients' own statistics, how
 * often the lock went to somebody who had arrived before the last holder, and how often it was acquired in all. Recorded: on one session
 * that keeps its last events; prints the requests of these too, and the round trips: turns of asking after an answer. */
#include <unistd.h>

#include <event2/event.h>

#include "ok.h"

enum { CONTENDERS_MAX = 1000, NS_PER_MS = 1000000, RECORDED_EVENTS = 600 };

struct contest;
struct contender {
    struct contest *contest;
    docent_client *client;
    docent_lock *lock;
};

struct contest {
    struct contender *all;
    size_t count;
    docent_stats *stats;
    uint64_t length_ns, start_ns, end_ns; /* start_ns: of what is measured. */
    uint64_t acquired, all_acquired, requests, misordered;
    int64_t last_token;
    bool recorded, measuring, over;
    struct bench_meter meter;
};

static uint64_t contend_requests(const struct contest *contest)
{
    docent_stats_snapshot now = {DOCENT_STATS_SNAPSHOT};
    uint64_t sum = 0;
    bench_ok(docent_stats_read(contest->stats, &now), "statistics");
    for (size_t type = 0; type < DOCENT_STATS_TYPES_MAX; type++) {
        for (size_t outcome = 0; outcome < DOCENT_OUTCOMES; outcome++) sum += now.operations[type][outcome];
    }
    return sum;
}

/* Of what the recorder kept, from the first create to the last. */
struct recording {
    uint64_t creates, asked, trips;          /* In all. */
    uint64_t complete_asked, complete_trips; /* Before the last create. */
    bool answered;                           /* By the line before. */
};

static void on_line(const char *text, void *user)
{
    struct recording *recording = user;
    if (strstr(text, " answered ") != NULL) recording->answered = true;
    if (strstr(text, " sent ") == NULL) return;
    if (strstr(text, " create") != NULL) {
        recording->complete_asked = recording->asked;
        recording->complete_trips = recording->trips;
        recording->creates++;
    }
    if (recording->creates == 0) return;
    recording->asked++;
    recording->trips += recording->answered || recording->asked == 1;
    recording->answered = false;
}

static void contend_print_recording(const docent_client *client)
{
    struct recording recording = {0};
    bench_ok(docent_client_dump(client, on_line, &recording), "recorder");
    uint64_t complete = recording.creates - (recording.creates > 0);
    printf("recorded=%" PRIu64 " recorded_requests=%" PRIu64 " trips=%" PRIu64 " ", complete, recording.complete_asked,
           recording.complete_trips);
}

/* Whoever is told of its lock after this only closes. */
static void contend_end(struct contest *contest)
{
    contest->over = true;
    if (contest->recorded) contend_print_recording(contest->all[0].client);
    for (size_t i = 0; i < contest->count; i++) docent_lock_close(contest->all[i].lock, NULL, NULL);
    for (size_t i = 0; i < contest->count; i++) {
        if (i == 0 || contest->all[i].client != contest->all[0].client) docent_client_close(contest->all[i].client, NULL, NULL);
    }
}

static void contend_count(struct contest *contest)
{
    uint64_t now = bench_now_ns();
    contest->all_acquired++;
    if (contest->measuring) {
        contest->acquired++;
        if (now < contest->end_ns) return;
        bench_stop(&contest->meter);
        contest->requests = contend_requests(contest) - contest->requests;
        contend_end(contest);
    } else if (now >= contest->start_ns) {
        contest->measuring = true;
        contest->requests = contend_requests(contest);
        bench_start(&contest->meter);
        contest->end_ns = now + contest->length_ns;
    }
}

static void contend_begin(struct contender *contender);

static void on_released(docent_status status, void *user)
{
    struct contender *contender = user;
    if (contender->contest->over) return;
    bench_ok(status, "release");
    contend_begin(contender);
}

static void on_acquired(docent_status status, void *user)
{
    struct contender *contender = user;
    struct contest *contest = contender->contest;
    if (contest->over) return;
    bench_ok(status, "acquire");
    int64_t token = docent_lock_token(contender->lock); /* Grows with the arrival. */
    contest->misordered += token <= contest->last_token;
    contest->last_token = token;
    contend_count(contest);
    if (contest->over) return;
    bench_ok(docent_lock_release_async(contender->lock, on_released, contender), "release");
}

static void contend_begin(struct contender *contender)
{
    bench_ok(docent_lock_acquire_async(contender->lock, DOCENT_FOREVER, on_acquired, contender), "acquire");
}

int main(int argc, char **argv)
{
    bool each = argc == 5 && strcmp(argv[3], "each") == 0, recorded = argc == 5 && strcmp(argv[3], "recorded") == 0;
    if (argc != 5 || (!each && !recorded && strcmp(argv[3], "one") != 0)) {
        fprintf(stderr, "usage: %s ADDRESS CONTENDERS one|each|recorded MILLISECONDS\n", argv[0]);
        return 2;
    }
    char path[64];
    struct contest contest = {.count = bench_number(argv[2], CONTENDERS_MAX), .last_token = -1, .recorded = recorded};
    struct event_base *base = event_base_new();
    contest.all = calloc(contest.count, sizeof *contest.all);
    contest.length_ns = bench_number(argv[4], 3600000) * NS_PER_MS;
    if (base == NULL || contest.all == NULL) return 1;
    bench_ok(docent_stats_new(NULL, &contest.stats), "statistics");
    snprintf(path, sizeof path, "/docent-bench/contend-%ld", (long)getpid());
    docent_client_options options = {DOCENT_CLIENT_OPTIONS, .session_timeout_ms = BENCH_SESSION_MS, .base = base, .stats = contest.stats};
    if (recorded) options.flight_recorder_events = RECORDED_EVENTS;
    for (size_t i = 0; i < contest.count; i++) {
        struct contender *contender = &contest.all[i];
        contender->contest = &contest;
        if (i > 0 && !each) {
            contender->client = contest.all[0].client;
        } else {
            bench_ok(docent_client_new(argv[1], &options, &contender->client), "client");
        }
        bench_ok(docent_lock_new(contender->client, path, NULL, &contender->lock), "lock");
        contend_begin(contender);
    }
    contest.start_ns = bench_now_ns() + contest.length_ns;
    event_base_dispatch(base);
    event_base_free(base);
    docent_stats_unref(contest.stats);
    free(contest.all);
    if (!contest.over) bench_ok(DOCENT_ERR_CLOSING, "the loop ended early");
    printf("ops=%" PRIu64 " wall_ns=%" PRIu64 " cpu_ns=%" PRIu64 " requests=%" PRIu64 " misordered=%" PRIu64 " all=%" PRIu64 "\n",
           contest.acquired, contest.meter.wall_ns, contest.meter.cpu_ns, contest.requests, contest.misordered, contest.all_acquired);
    return 0;
}
