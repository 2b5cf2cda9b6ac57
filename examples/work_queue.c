/* work_queue.c - put jobs into a queue, or do them: each is done at least once, whoever dies.
 *
 *     work_queue CONNECT PATH put JOB...
 *     work_queue CONNECT PATH work COUNT
 *
 * Run several workers with one PATH, and kill one that is working: its job goes to another when its session ends. */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <docent/docent.h>

static atomic_int done;

/* On the client's loop thread. Work that takes long belongs elsewhere: an item may be answered later, from any thread. */
static void work(docent_work_queue *queue, docent_work_item *item, void *user)
{
    (void)queue;
    (void)user;
    size_t count;
    const docent_work_element *job = docent_work_item_elements(item, &count);
    printf("%s: %.*s\n", docent_work_item_name(item), count == 0 ? 0 : (int)job->size, count == 0 ? "" : (const char *)job->data);
    fflush(stdout);
    docent_work_item_done(item, DOCENT_WORK_DONE);
    done++;
}

int main(int argc, char **argv)
{
    bool puts = argc > 3 && strcmp(argv[3], "put") == 0;
    if (argc < 5 || (!puts && strcmp(argv[3], "work") != 0)) {
        fprintf(stderr, "usage: %s CONNECT PATH put JOB... | work COUNT\n", argv[0]);
        return 2;
    }
    char locks[256];
    snprintf(locks, sizeof locks, "%s-locks", argv[2]);
    docent_work_queue_options options = {DOCENT_WORK_QUEUE_OPTIONS, .lock_path = locks, .on_item = puts ? NULL : work};
    docent_client *client = NULL;
    docent_work_queue *queue = NULL;
    docent_status status = docent_client_new(argv[1], NULL, &client);
    if (status == DOCENT_OK) status = docent_work_queue_new(client, argv[2], &options, &queue);

    for (int i = 4; puts && i < argc && status == DOCENT_OK; i++) {
        docent_work_element job = {argv[i], strlen(argv[i])};
        docent_work_put put = {DOCENT_WORK_PUT, .elements = &job, .count = 1};
        status = docent_work_queue_put(queue, &put, 10000);
    }
    while (!puts && status == DOCENT_OK && done < atoi(argv[4])) usleep(10000);
    if (status != DOCENT_OK) fprintf(stderr, "%s\n", docent_status_text(status));
    docent_work_queue_close(queue, NULL, NULL);
    docent_client_close(client, NULL, NULL);
    return status == DOCENT_OK ? 0 : 1;
}
