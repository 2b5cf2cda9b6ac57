/* countdown.c - somebody waits until so many parts are done; then all who have gathered start together.
 *
 *     countdown CONNECT PATH PARTS
 *
 * PATH/parts is a countdown, PATH/start a synchronising queue, here of one. Run it again on another path: a countdown stays at zero. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <docent/docent.h>

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: %s CONNECT PATH PARTS\n", argv[0]);
        return 2;
    }
    char path[1024];
    uint32_t parts = (uint32_t)strtoul(argv[3], NULL, 10);
    docent_client *client = NULL;
    docent_countdown *countdown = NULL;
    docent_sync_queue *queue = NULL;
    docent_sync_queue_options options = { DOCENT_SYNC_QUEUE_OPTIONS, .quantity = 1 };
    docent_status status = docent_client_new(argv[1], NULL, &client);
    snprintf(path, sizeof path, "%s/parts", argv[2]);
    if (status == DOCENT_OK) status = docent_countdown_new(client, path, NULL, &countdown);
    if (status == DOCENT_OK) status = docent_countdown_create(countdown, parts, 5000);
    for (uint32_t i = 0; status == DOCENT_OK && i < parts; i++) status = docent_countdown_count_down(countdown, 5000); /* Of other processes. */
    if (status == DOCENT_OK) status = docent_countdown_wait(countdown, 5000);
    if (status == DOCENT_OK) printf("all %" PRIu32 " parts are done\n", parts);

    snprintf(path, sizeof path, "%s/start", argv[2]);
    if (status == DOCENT_OK) status = docent_sync_queue_new(client, path, &options, &queue);
    if (status == DOCENT_OK) status = docent_sync_queue_gather(queue, 5000);
    if (status == DOCENT_OK) printf("started with round %" PRId64 "\n", docent_sync_queue_round(queue));
    docent_sync_queue_close(queue, NULL, NULL);
    docent_countdown_close(countdown, NULL, NULL);
    docent_client_close(client, NULL, NULL);

    if (status != DOCENT_OK) fprintf(stderr, "%s\n", docent_status_text(status));
    return status == DOCENT_OK ? 0 : 1;
}
