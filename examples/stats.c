/* stats.c - a minute of a client's life in numbers: reads the root node as often as told, then prints what was counted as OpenMetrics
 * text, and what the flight recorder has kept. A service would hand the first to whoever scrapes it, and log the second.
 *
 *     stats CONNECT TIMES */
#include <stdio.h>
#include <stdlib.h>

#include <docent/docent.h>

static void print_line(const char *text, void *user)
{
    (void)user;
    printf("recorder: %s\n", text);
}

static void dump(void *user)
{
    docent_client_dump(user, print_line, NULL);
}

static docent_status count(const char *servers, long times, docent_stats *stats)
{
    docent_client *client = NULL;
    docent_client_options options = {DOCENT_CLIENT_OPTIONS, .stats = stats, .flight_recorder_events = 8};
    docent_status status = docent_client_new(servers, &options, &client);
    for (long i = 0; status == DOCENT_OK && i < times; i++) {
        status = docent_get(client, "/", NULL);
    }
    if (status == DOCENT_OK) status = docent_client_post(client, dump, client); /* The recorder belongs to the loop. */
    docent_client_close(client, NULL, NULL);
    return status;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: %s CONNECT TIMES\n", argv[0]);
        return 2;
    }
    docent_stats *stats = NULL;
    docent_stats_options wished = {DOCENT_STATS_OPTIONS, .histograms = true};
    docent_status status = docent_stats_new(&wished, &stats);
    if (status == DOCENT_OK) status = count(argv[1], strtol(argv[2], NULL, 10), stats);
    static char text[65536];
    if (status == DOCENT_OK && docent_stats_openmetrics(stats, text, sizeof text) < sizeof text) fputs(text, stdout);
    docent_stats_unref(stats);

    if (status != DOCENT_OK) fprintf(stderr, "%s\n", docent_status_text(status));
    return status == DOCENT_OK ? 0 : 1;
}
