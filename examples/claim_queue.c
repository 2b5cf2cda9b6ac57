/* claim_queue.c - work that is not lost: claimed, done, acknowledged; what fails is put back at the end, once.
 *
 *     claim_queue CONNECT PATH [JOB...]
 *
 * The queue is one of kazoo's LockingQueue. Kill the program in the midst of its work: the job is there for the next one when the session has
 * timed out. A job called "hard" fails at first. */
#include <stdio.h>
#include <string.h>

#include <docent/docent.h>

static bool work(const docent_item *item)
{
    static bool tried;
    size_t size;
    const char *job = docent_item_data(item, &size);
    bool fails = size == 4 && memcmp(job, "hard", 4) == 0 && !tried;
    tried |= fails;
    printf("%.*s: %s\n", (int)size, job, fails ? "failed, put back" : "done");
    return !fails;
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: %s CONNECT PATH [JOB...]\n", argv[0]);
        return 2;
    }
    docent_client *client = NULL;
    docent_claim_queue *queue = NULL;
    docent_claim_queue_options options = {DOCENT_CLAIM_QUEUE_OPTIONS, .dialect = DOCENT_DIALECT_KAZOO};
    docent_status status = docent_client_new(argv[1], NULL, &client);
    if (status == DOCENT_OK) status = docent_claim_queue_new(client, argv[2], &options, &queue);
    for (int i = 3; i < argc && status == DOCENT_OK; i++) status = docent_claim_queue_put(queue, argv[i], strlen(argv[i]), NULL);

    docent_item *item = NULL;
    while (status == DOCENT_OK && (status = docent_claim_queue_take(queue, 500, &item)) == DOCENT_OK) {
        docent_status ended = work(item) ? docent_item_acknowledge(item) : docent_item_requeue(item);
        if (ended != DOCENT_OK) printf("%s: somebody else will do it again: %s\n", docent_item_path(item), docent_status_text(ended));
        docent_item_close(item, NULL, NULL);
    }
    docent_claim_queue_close(queue, NULL, NULL);
    docent_client_close(client, NULL, NULL);
    if (status != DOCENT_ERR_TIMEOUT) fprintf(stderr, "%s: %s\n", argv[2], docent_status_text(status)); /* TIMEOUT: nothing left to do. */
    return status == DOCENT_ERR_TIMEOUT ? 0 : 1;
}
