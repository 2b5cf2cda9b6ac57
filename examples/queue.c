/* queue.c - a simple queue: put what the command line says, then take until there is nothing left.
 *
 *     queue CONNECT PATH [ITEM...]
 *
 * Run it with items in one shell and without in another: what one puts the other takes. What is taken is gone; claim_queue.c keeps it until it
 * is done. */
#include <stdio.h>
#include <string.h>

#include <docent/docent.h>

static docent_status take_all(docent_queue *queue)
{
    for (;;) {
        docent_result *item = NULL;
        docent_status status = docent_queue_take(queue, 500, &item);
        if (status == DOCENT_OK) {
            printf("took %s: %.*s\n", item->path, (int)item->size, (const char *)item->data);
        } else if (status == DOCENT_ERR_UNKNOWN_OUTCOME) { /* The connection went: by us, or by another at the same time. */
            printf("perhaps took %.*s\n", (int)item->size, (const char *)item->data);
        }
        docent_result_free(item);
        if (status == DOCENT_ERR_TIMEOUT) return DOCENT_OK;
        if (status != DOCENT_OK && status != DOCENT_ERR_UNKNOWN_OUTCOME) return status;
    }
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: %s CONNECT PATH [ITEM...]\n", argv[0]);
        return 2;
    }
    docent_client *client = NULL;
    docent_queue *queue = NULL;
    docent_status status = docent_client_new(argv[1], NULL, &client);
    if (status == DOCENT_OK) status = docent_queue_new(client, argv[2], NULL, &queue);
    for (int i = 3; i < argc && status == DOCENT_OK; i++) status = docent_queue_put(queue, argv[i], strlen(argv[i]), NULL);
    if (status == DOCENT_OK) status = take_all(queue);
    docent_queue_close(queue, NULL, NULL);
    docent_client_close(client, NULL, NULL);
    if (status != DOCENT_OK) fprintf(stderr, "%s: %s\n", argv[2], docent_status_text(status));
    return status == DOCENT_OK ? 0 : 1;
}
