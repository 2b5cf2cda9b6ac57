/* tests/bench/bench-barrier.c - rounds of a double barrier: so many members in one process, on one session or on one each.
 *
 *     bench-barrier HOST:PORT PATH MEMBERS SECONDS one|each
 *
 * Prints rounds per second. Members are driven by callbacks on one loop. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <event2/event.h>

#include <docent/docent.h>

struct member {
    docent_client *client;
    docent_double_barrier *barrier;
    unsigned rounds;
};

static bool over;
static unsigned failures;

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void on_entered(docent_status status, void *user);

static void on_left(docent_status status, void *user)
{
    struct member *m = user;
    m->rounds++;
    failures += status != DOCENT_OK;
    if (!over && docent_double_barrier_enter_async(m->barrier, DOCENT_FOREVER, on_entered, m) != DOCENT_OK) failures++;
}

static void on_entered(docent_status status, void *user)
{
    struct member *m = user;
    failures += status != DOCENT_OK;
    if (docent_double_barrier_leave_async(m->barrier, DOCENT_FOREVER, on_left, m) != DOCENT_OK) failures++;
}

int main(int argc, char **argv)
{
    if (argc != 6) {
        fprintf(stderr, "usage: %s HOST:PORT PATH MEMBERS SECONDS one|each\n", argv[0]);
        return 2;
    }
    unsigned count = (unsigned)strtoul(argv[3], NULL, 10);
    double length = strtod(argv[4], NULL);
    bool each = strcmp(argv[5], "each") == 0;
    docent_double_barrier_options options = { DOCENT_DOUBLE_BARRIER_OPTIONS, .quantity = count };
    struct member *members = calloc(count, sizeof *members);
    struct event_base *loop = event_base_new();
    if (members == NULL || loop == NULL) return 1;
    for (unsigned i = 0; i < count; i++) {
        docent_client_options client = { DOCENT_CLIENT_OPTIONS, .base = loop };
        if (i > 0 && !each) {
            members[i].client = members[0].client;
        } else if (docent_client_new(argv[1], &client, &members[i].client) != DOCENT_OK) {
            return 1;
        }
        if (docent_double_barrier_new(members[i].client, argv[2], &options, &members[i].barrier) != DOCENT_OK) return 1;
    }
    for (unsigned i = 0; i < count; i++) on_left(DOCENT_OK, &members[i]);
    while (members[0].rounds < 3) event_base_loop(loop, EVLOOP_ONCE); /* Warm. */
    double begun = seconds(), until = begun + length;
    unsigned first = members[0].rounds;
    while (seconds() < until) event_base_loop(loop, EVLOOP_ONCE);
    printf("%.1f\n", (members[0].rounds - first) / (seconds() - begun));
    return failures == 0 ? 0 : 1; /* The kernel closes what is open. */
}
