/* bench-contend-null.c - bench-contend.c through the null client: the holder deletes its node, the next is told by its watch, and who has
 * deleted creates again, in turn: the next one deletes when that is answered. It never lists: it knows from the numbers of all nodes who
 * stands behind whom. Overlapped: the next one deletes at once. No lock that has to ask who is left in front can do that.
 *
 *     bench-contend-null ADDRESS CONTENDERS one|each MILLISECONDS [overlapped] */
#include <sys/epoll.h>

#include "meter.h"
#include "null_stream.h"

enum { CONTENDERS_MAX = 1000, PLACES = 4 * 1024, NS_PER_MS = 1000000, TURN_EVENTS = 64 };
enum { XID_NOTIFICATION = -1, REPLY_ERROR = 12, REPLY_BODY = 16, EVENT_PATH = 16 + 8, LENGTH = 4, DIGITS = 10, ERR_NO_NODE = -101 };
enum { EPHEMERAL_SEQUENTIAL = 3 };

/* What a reply answers: its xid is this, and four times who asked. */
enum asked { ASKED_CREATE, ASKED_WATCH, ASKED_DELETE, ASKED_KINDS = 4 };

/* In the queue, by number; reused when it comes round. */
struct place {
    size_t owner;
    bool taken, watched, held, gone;
    uint32_t number;
};

struct session {
    struct stream stream;
    struct null_frames out;
};

static struct {
    struct session *sessions;
    size_t session_count, count;
    char parent[64];
    struct place places[PLACES];
    uint32_t *number; /* Of each contender's node. */
    uint64_t length_ns, start_ns, end_ns, acquired, all_acquired;
    size_t pending;       /* Contenders whose delete or create is not answered. */
    struct place *next;   /* Told, and waits for these. */
    bool overlapped, measuring, over;
    struct bench_meter meter;
} contest;

static struct null_frames *out_of(size_t contender)
{
    return &contest.sessions[contender % contest.session_count].out;
}

static int32_t xid_of(size_t contender, enum asked asked)
{
    return (int32_t)(contender * ASKED_KINDS + asked);
}

static const char *path_of(uint32_t number)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/_c_00000000-0000-4000-8000-000000000000-lock-%0*" PRIu32, contest.parent, DIGITS, number);
    return path;
}

static struct place *place_of(uint32_t number)
{
    struct place *place = &contest.places[number % PLACES];
    return place->taken && place->number == number ? place : NULL;
}

static void ask_create(size_t contender)
{
    static const char data[BENCH_DATA_BYTES / 4] = "";
    char path[128];
    snprintf(path, sizeof path, "%s/_c_00000000-0000-4000-8000-000000000000-lock-", contest.parent);
    null_frame_create(out_of(contender), xid_of(contender, ASKED_CREATE), path, data, sizeof data, EPHEMERAL_SEQUENTIAL);
}

static void count_one(void)
{
    if (contest.over) return; /* More of the same turn. */
    uint64_t now = bench_now_ns();
    contest.all_acquired++;
    if (contest.measuring) {
        contest.acquired++;
        if (now < contest.end_ns) return;
        bench_stop(&contest.meter);
        contest.over = true;
    } else if (now >= contest.start_ns) {
        contest.measuring = true;
        bench_start(&contest.meter);
        contest.end_ns = now + contest.length_ns;
    }
}

static void go_on(void)
{
    struct place *place = contest.next;
    if (place == NULL || (contest.pending > 0 && !contest.overlapped)) return;
    contest.next = NULL;
    contest.pending++;
    count_one();
    null_frame_delete(out_of(place->owner), xid_of(place->owner, ASKED_DELETE), path_of(place->number));
}

static void hold(struct place *place)
{
    stream_require(!place->held && contest.next == NULL, "held twice");
    place->held = true;
    contest.next = place;
    go_on();
}

/* Replies come in any order where there are several sessions: a place looks in front of it when it is taken, and when that is. */
static void look_ahead(uint32_t number)
{
    struct place *place = place_of(number), *ahead = place_of(number - 1);
    if (place == NULL || place->watched || (number > 0 && ahead == NULL)) return;
    place->watched = true;
    if (number == 0 || ahead->gone) {
        hold(place);
    } else {
        null_frame_exists_watched(out_of(place->owner), xid_of(place->owner, ASKED_WATCH), path_of(number - 1));
    }
}

/* The number at the end of a path in a frame. */
static uint32_t number_in(const uint8_t *frame, size_t size, size_t at)
{
    char digits[DIGITS + 1] = "";
    stream_require(size >= at + LENGTH, "a frame is too short");
    size_t end = at + LENGTH + (size_t)stream_int(frame + at);
    stream_require(end <= size && end >= at + LENGTH + DIGITS, "a path is too short");
    memcpy(digits, frame + end - DIGITS, DIGITS);
    return (uint32_t)strtoul(digits, NULL, 10);
}

static void on_told(uint32_t number)
{
    struct place *next = place_of(number + 1);
    stream_require(next != NULL, "told of somebody else's");
    hold(next);
}

static void on_frame(const uint8_t *frame, size_t size)
{
    int32_t xid = stream_int(frame), error = stream_int(frame + REPLY_ERROR);
    if (xid == XID_NOTIFICATION) {
        on_told(number_in(frame, size, EVENT_PATH));
        return;
    }
    size_t contender = (size_t)xid / ASKED_KINDS;
    uint32_t number = contest.number[contender];
    switch ((enum asked)(xid % ASKED_KINDS)) {
    case ASKED_CREATE:
        stream_require(error == 0, "a create was refused");
        number = contest.number[contender] = number_in(frame, size, REPLY_BODY);
        contest.places[number % PLACES] = (struct place){.owner = contender, .taken = true, .number = number};
        look_ahead(number);
        look_ahead(number + 1);
        contest.pending--;
        go_on();
        break;
    case ASKED_WATCH:
        stream_require(error == 0 || error == ERR_NO_NODE, "a watch was refused");
        if (error == ERR_NO_NODE) hold(place_of(number));
        break;
    case ASKED_DELETE:
        stream_require(error == 0, "a delete was refused");
        place_of(number)->gone = true;
        ask_create(contender);
        break;
    case ASKED_KINDS: stream_require(false, "a reply to nothing");
    }
}

static void flush(void)
{
    for (size_t i = 0; i < contest.session_count; i++) {
        struct session *session = &contest.sessions[i];
        if (session->out.size > 0) null_write(session->stream.client.fd, session->out.bytes, session->out.size);
        session->out.size = 0;
    }
}

static void read_some(struct session *session)
{
    size_t size;
    do {
        const uint8_t *frame = stream_next(&session->stream, &size);
        on_frame(frame, size);
    } while (stream_have(&session->stream) > 0);
}

static void run(void)
{
    struct epoll_event events[TURN_EVENTS];
    int poll = epoll_create1(EPOLL_CLOEXEC);
    for (size_t i = 0; i < contest.session_count; i++) {
        struct epoll_event wanted = {.events = EPOLLIN, .data = {.u64 = i}};
        stream_require(epoll_ctl(poll, EPOLL_CTL_ADD, contest.sessions[i].stream.client.fd, &wanted) == 0, "epoll");
    }
    contest.pending = contest.count;
    for (size_t i = 0; i < contest.count; i++) ask_create(i);
    contest.start_ns = bench_now_ns() + contest.length_ns;
    flush();
    while (!contest.over) {
        if (contest.session_count == 1) {
            read_some(&contest.sessions[0]); /* That waits too. */
        } else {
            int ready = epoll_wait(poll, events, TURN_EVENTS, -1);
            stream_require(ready > 0, "epoll");
            for (int i = 0; i < ready; i++) read_some(&contest.sessions[events[i].data.u64]);
        }
        flush();
    }
}

static void make_parent(struct session *session)
{
    uint8_t reply[4096];
    int32_t error;
    const char *paths[] = {"/docent-bench", contest.parent};
    snprintf(contest.parent, sizeof contest.parent, "/docent-bench/floor-%" PRIu64, bench_clock(CLOCK_REALTIME));
    for (size_t i = 0; i < 2; i++) {
        null_frame_create(&session->out, 1, paths[i], NULL, 0, 0);
        null_write(session->stream.client.fd, session->out.bytes, session->out.size);
        session->out.size = 0;
        null_reply(&session->stream.client, reply, sizeof reply, &error); /* The first may be there. */
    }
    stream_require(error == 0, "the parent was refused");
}

int main(int argc, char **argv)
{
    contest.overlapped = argc == 6 && strcmp(argv[5], "overlapped") == 0;
    if (argc != 5 + contest.overlapped || (strcmp(argv[3], "one") != 0 && strcmp(argv[3], "each") != 0)) {
        fprintf(stderr, "usage: %s ADDRESS CONTENDERS one|each MILLISECONDS [overlapped]\n", argv[0]);
        return 2;
    }
    contest.count = bench_number(argv[2], CONTENDERS_MAX);
    contest.length_ns = bench_number(argv[4], 3600000) * NS_PER_MS;
    contest.session_count = strcmp(argv[3], "each") == 0 ? contest.count : 1;
    contest.sessions = calloc(contest.session_count, sizeof *contest.sessions);
    contest.number = calloc(contest.count, sizeof *contest.number);
    stream_require(contest.sessions != NULL && contest.number != NULL, "memory");
    for (size_t i = 0; i < contest.session_count; i++) stream_open(&contest.sessions[i].stream, argv[1]);
    make_parent(&contest.sessions[0]);
    run();
    for (size_t i = 0; i < contest.session_count; i++) {
        stream_close(&contest.sessions[i].stream);
        free(contest.sessions[i].out.bytes);
    }
    free(contest.sessions);
    free(contest.number);
    printf("ops=%" PRIu64 " wall_ns=%" PRIu64 " cpu_ns=%" PRIu64 " all=%" PRIu64 "\n", contest.acquired, contest.meter.wall_ns,
           contest.meter.cpu_ns, contest.all_acquired);
    return 0;
}
