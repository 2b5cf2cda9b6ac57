/* bench-barrier.c - rounds of a double barrier: so many members in one process, on one session or on one each.
 *
 *     bench-barrier ADDRESS MEMBERS one|each MILLISECONDS
 *
 * Members are driven by callbacks on one loop, and who is out enters again at once. A round is over for the count when all are out of it. MILLISECONDS
 * without counting come before those that are measured. Prints "ops=N wall_ns=N cpu_ns=N all=N mixed=N": rounds measured and at all, and how often somebody was in
 * before all had begun to enter. */
#include <unistd.h>

#include <event2/event.h>

#include "ok.h"

struct member {
    struct bench *bench;
    docent_client *client;
    docent_double_barrier *barrier;
    uint64_t begun; /* Rounds. */
};

struct bench {
    struct member *members;
    uint64_t count, length_ns;
    uint64_t begun, ended;   /* Of all members together. */
    uint64_t warm, counted;  /* Rounds. */
    uint64_t from_ns, mixed;
    struct bench_meter meter;
    bool measuring, over;
};

static void on_entered(docent_status status, void *user);

static void member_enter(struct member *m)
{
    m->begun++;
    m->bench->begun++;
    bench_ok(docent_double_barrier_enter_async(m->barrier, DOCENT_FOREVER, on_entered, m), "enter");
}

static void bench_close(struct bench *b)
{
    for (uint64_t i = 0; i < b->count; i++) {
        docent_double_barrier_close(b->members[i].barrier, NULL, NULL);
        if (i == 0 || b->members[i].client != b->members[0].client) docent_client_close(b->members[i].client, NULL, NULL);
    }
}

/* Members that are quick may be in the next round already: by its end as many have left as a round has members, whoever they are. */
static void bench_count(struct bench *b)
{
    uint64_t now_ns = bench_now_ns();
    if (b->measuring) {
        b->counted++;
        if (now_ns - b->from_ns < b->length_ns) return;
        bench_stop(&b->meter);
        b->over = true;
    } else {
        b->warm++;
        if (now_ns - b->from_ns < b->length_ns) return;
        b->measuring = true;
        b->from_ns = now_ns;
        bench_start(&b->meter);
    }
}

static void on_left(docent_status status, void *user)
{
    struct member *m = user;
    struct bench *b = m->bench;
    if (b->over) return;
    bench_ok(status, "left");
    if (++b->ended % b->count == 0) bench_count(b);
    if (b->over) {
        bench_close(b);
    } else {
        member_enter(m);
    }
}

static void on_entered(docent_status status, void *user)
{
    struct member *m = user;
    if (m->bench->over) return;
    bench_ok(status, "entered");
    m->bench->mixed += m->bench->begun < m->begun * m->bench->count;
    bench_ok(docent_double_barrier_leave_async(m->barrier, DOCENT_FOREVER, on_left, m), "leave");
}

int main(int argc, char **argv)
{
    if (argc != 5) {
        fprintf(stderr, "usage: %s ADDRESS MEMBERS one|each MILLISECONDS\n", argv[0]);
        return 2;
    }
    struct bench b = { .count = bench_number(argv[2], 10000), .length_ns = bench_number(argv[4], 3600000) * 1000000, .from_ns = bench_now_ns() };
    bool each = strcmp(argv[3], "each") == 0;
    char path[64];
    docent_double_barrier_options options = { DOCENT_DOUBLE_BARRIER_OPTIONS, .quantity = (uint32_t)b.count };
    struct event_base *base = event_base_new();
    b.members = calloc(b.count, sizeof *b.members);
    bench_ok(b.members != NULL && base != NULL ? DOCENT_OK : DOCENT_ERR_NO_MEMORY, "members");
    snprintf(path, sizeof path, "/docent-bench/barrier-%ld", (long)getpid());
    for (uint64_t i = 0; i < b.count; i++) {
        struct member *m = &b.members[i];
        docent_client_options client = { DOCENT_CLIENT_OPTIONS, .base = base, .session_timeout_ms = BENCH_SESSION_MS };
        m->bench = &b;
        if (i > 0 && !each) {
            m->client = b.members[0].client;
        } else {
            bench_ok(docent_client_new(argv[1], &client, &m->client), "client");
        }
        bench_ok(docent_double_barrier_new(m->client, path, &options, &m->barrier), "barrier");
    }
    for (uint64_t i = 0; i < b.count; i++) member_enter(&b.members[i]);
    event_base_dispatch(base);
    event_base_free(base);
    printf("ops=%" PRIu64 " wall_ns=%" PRIu64 " cpu_ns=%" PRIu64 " all=%" PRIu64 " mixed=%" PRIu64 "\n", b.counted, b.meter.wall_ns, b.meter.cpu_ns,
           b.warm + b.counted, b.mixed);
    free(b.members);
    return 0;
}
