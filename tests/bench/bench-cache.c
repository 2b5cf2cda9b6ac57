/* bench-cache.c - a tree cache, told what to do by lines on standard input, one answer each.
 *
 *     bench-cache LEAVES ADDRESS
 *
 *     load      a new cache of the tree, until it is initialized
 *     session   the session's id and password, so that it can be taken from us
 *     fresh     waits until a cache that was cut off has caught up
 *     lag N     waits until N leaves have been seen to change: how old what they say was then */
#include <event2/event.h>
#include <malloc.h>
#include <unistd.h>

#include <docent/docent.h>

#include "tree.h"

enum { LAG_PATIENCE_S = 30 };

enum waiting { FOR_NOTHING, FOR_CONNECTION, FOR_LOAD, FOR_FRESH, FOR_LAGS };

struct bench {
    struct event_base *base;
    struct event *input, *timer;
    docent_client *client;
    docent_cache *cache;
    size_t leaves, added, removed;
    enum waiting waiting;
    bool fresh;
    struct bench_meter meter;
    uint64_t heap, resident; /* Before the load. */
    uint64_t *lags;          /* Of each leaf: 0 if it has not changed. */
    size_t seen, wanted, twice;
};

static uint64_t resident_bytes(void)
{
    unsigned long long whole = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    bench_require(file != NULL && fscanf(file, "%llu %llu", &whole, &resident) == 2, "no /proc/self/statm");
    fclose(file);
    return resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

static uint64_t heap_bytes(void)
{
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

static void begin(struct bench *bench, enum waiting waiting)
{
    bench->waiting = waiting;
    bench_start(&bench->meter);
}

/* The answer is complete: the next line may come. */
static void answer(struct bench *bench)
{
    bench->waiting = FOR_NOTHING;
    fflush(stdout);
    event_add(bench->input, NULL);
}

static void answer_measured(struct bench *bench)
{
    bench_stop(&bench->meter);
    printf("nodes=%zu resident=%" PRId64 " heap=%" PRId64 " ", docent_cache_size(bench->cache), (int64_t)(resident_bytes() - bench->resident),
           (int64_t)(heap_bytes() - bench->heap));
    bench_print(&bench->meter, docent_cache_size(bench->cache));
    answer(bench);
}

static void answer_lags(struct bench *bench)
{
    bench_stop(&bench->meter);
    event_del(bench->timer);
    printf("seen=%zu twice=%zu ", bench->seen, bench->twice);
    uint64_t *samples = bench_samples(bench->seen + 1);
    size_t count = 0;
    for (size_t i = 0; i < bench->leaves; i++) {
        if (bench->lags[i] != 0) samples[count++] = bench->lags[i];
    }
    bench_print_samples(&bench->meter, samples, count > 0 ? count : 1);
    free(samples);
    answer(bench);
}

static void on_late(evutil_socket_t fd, short what, void *user)
{
    (void)fd;
    (void)what;
    answer_lags(user);
}

static void on_added(const docent_node *node, void *user)
{
    struct bench *bench = user;
    (void)node;
    bench->added++;
}

static void on_removed(const docent_node *last, void *user)
{
    struct bench *bench = user;
    (void)last;
    bench->removed++;
}

static void on_changed(const docent_node *before, const docent_node *after, void *user)
{
    struct bench *bench = user;
    size_t size;
    const char *path = docent_node_path(after);
    const void *data = docent_node_data(after, &size);
    size_t number = tree_number(path, strlen(path));
    (void)before;
    if (bench->waiting != FOR_LAGS || number >= bench->leaves) return;
    if (bench->lags[number] != 0) {
        bench->twice++;
    } else {
        bench->seen++;
    }
    bench->lags[number] = bench_now_ns() - tree_when(data, size);
    if (bench->seen == bench->wanted) answer_lags(bench);
}

static void on_initialized(size_t failed, void *user)
{
    struct bench *bench = user;
    bench_require(failed == 0, "nodes failed");
    if (bench->waiting == FOR_LOAD) answer_measured(bench);
    bench->fresh = true;
}

static void on_suspended(void *user)
{
    struct bench *bench = user;
    bench->fresh = false;
    bench_start(&bench->meter);
}

static void on_fresh(void *user)
{
    struct bench *bench = user;
    bench->fresh = true;
    if (bench->waiting == FOR_FRESH) answer_measured(bench);
}

static void load(struct bench *bench)
{
    char root[TREE_PATH_SIZE];
    docent_tree_cache_options options = {DOCENT_TREE_CACHE_OPTIONS};
    docent_cache_events events = {DOCENT_CACHE_EVENTS, .added = on_added, .changed = on_changed, .removed = on_removed,
                                  .initialized = on_initialized, .suspended = on_suspended, .fresh = on_fresh};
    tree_root(bench->leaves, root);
    docent_cache_close(bench->cache, NULL, NULL);
    bench->cache = NULL;
    bench->resident = resident_bytes();
    bench->heap = heap_bytes();
    begin(bench, FOR_LOAD);
    bench_require(docent_tree_cache_new(bench->client, root, &options, &bench->cache) == DOCENT_OK, "cache");
    bench_require(docent_cache_subscribe(bench->cache, &events, bench, NULL) == DOCENT_OK, "subscription");
}

static void print_session(struct bench *bench)
{
    uint8_t password[16];
    printf("id=%" PRId64 " password=", docent_client_session(bench->client, password));
    for (size_t i = 0; i < sizeof password; i++) printf("%02x", password[i]);
    printf("\n");
    bench->fresh = false; /* It is to be taken. */
    answer(bench);
}

static void await_lags(struct bench *bench, size_t count)
{
    static const struct timeval patience = {LAG_PATIENCE_S, 0};
    memset(bench->lags, 0, bench->leaves * sizeof *bench->lags);
    bench->seen = bench->twice = 0;
    bench->wanted = count;
    event_add(bench->timer, &patience);
    begin(bench, FOR_LAGS);
    printf("listening\n");
    fflush(stdout);
}

static void obey(struct bench *bench, const char *line)
{
    if (strcmp(line, "load") == 0) {
        load(bench);
    } else if (strcmp(line, "session") == 0) {
        print_session(bench);
    } else if (strcmp(line, "fresh") == 0) {
        bench->waiting = FOR_FRESH;
        if (bench->fresh) answer_measured(bench);
    } else if (strncmp(line, "lag ", 4) == 0) {
        await_lags(bench, bench_number(line + 4, bench->leaves));
    } else {
        bench_require(false, "no such command");
    }
}

/* A line, byte by byte: what follows it stays where it is. */
static void on_input(evutil_socket_t fd, short what, void *user)
{
    struct bench *bench = user;
    char line[64];
    size_t size = 0;
    (void)what;
    while (size < sizeof line - 1 && read(fd, line + size, 1) == 1 && line[size] != '\n') size++;
    line[size] = '\0';
    if (size == 0) {
        docent_client_close(bench->client, NULL, NULL);
    } else {
        obey(bench, line);
    }
}

static void on_state(const docent_state_event *event, void *user)
{
    struct bench *bench = user;
    if (event->state != DOCENT_CONNECTED || bench->waiting != FOR_CONNECTION) return;
    printf("ready\n");
    answer(bench);
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: %s LEAVES ADDRESS\n", argv[0]);
        return 2;
    }
    struct bench bench = {.base = event_base_new(), .leaves = bench_number(argv[1], TREE_LEAVES_MAX), .waiting = FOR_CONNECTION};
    docent_client_options options = {
        DOCENT_CLIENT_OPTIONS, .session_timeout_ms = BENCH_SESSION_MS, .base = bench.base, .on_state = on_state, .user = &bench};
    bench.input = event_new(bench.base, STDIN_FILENO, EV_READ, on_input, &bench);
    bench.timer = evtimer_new(bench.base, on_late, &bench);
    bench.lags = bench_samples(bench.leaves);
    bench_require(docent_client_new(argv[2], &options, &bench.client) == DOCENT_OK, "client");
    event_base_dispatch(bench.base);
    event_free(bench.timer);
    event_free(bench.input);
    event_base_free(bench.base);
    free(bench.lags);
    return 0;
}
