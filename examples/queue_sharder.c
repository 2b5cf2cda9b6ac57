/* queue_sharder.c - a queue of jobs that is spread over several, so that each stays small: put jobs, or do them.
 *
 *     queue_sharder CONNECT PATH put JOB...
 *     queue_sharder CONNECT PATH work COUNT
 *
 * A shard with 100 jobs is full, and another is added. Run several of either with one PATH: they find each other's shards. */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <docent/docent.h>

static atomic_int done;

/* These two on the client's loop thread. */
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

static void tell(docent_queue_sharder *sharder, const char *name, docent_work_queue *queue, void *user)
{
    (void)sharder;
    (void)queue;
    (void)user;
    printf("shard %s\n", name);
}

int main(int argc, char **argv)
{
    bool puts = argc > 3 && strcmp(argv[3], "put") == 0;
    if (argc < 5 || (!puts && strcmp(argv[3], "work") != 0)) {
        fprintf(stderr, "usage: %s CONNECT PATH put JOB... | work COUNT\n", argv[0]);
        return 2;
    }
    char locks[256], leader[256]; /* Beside the path: what is below it are shards. */
    snprintf(locks, sizeof locks, "%s-locks", argv[2]);
    snprintf(leader, sizeof leader, "%s-leader", argv[2]);
    docent_work_queue_options queue = {DOCENT_WORK_QUEUE_OPTIONS, .lock_path = locks, .on_item = puts ? NULL : work};
    docent_queue_sharder_options options = {DOCENT_QUEUE_SHARDER_OPTIONS, .queue = &queue, .threshold = 100, .check_ms = 1000, .on_shard = tell};
    docent_client *client = NULL;
    docent_queue_sharder *sharder = NULL;
    docent_status status = docent_client_new(argv[1], NULL, &client);
    if (status == DOCENT_OK) status = docent_queue_sharder_new(client, argv[2], leader, &options, &sharder);
    if (status == DOCENT_OK) status = docent_queue_sharder_start(sharder);

    for (int i = 4; puts && i < argc && status == DOCENT_OK; i++) {
        docent_work_element job = {argv[i], strlen(argv[i])};
        docent_work_put put = {DOCENT_WORK_PUT, .elements = &job, .count = 1};
        status = docent_queue_sharder_put(sharder, &put, 10000);
    }
    while (!puts && status == DOCENT_OK && done < atoi(argv[4])) usleep(10000);
    if (status != DOCENT_OK) fprintf(stderr, "%s\n", docent_status_text(status));
    docent_queue_sharder_close(sharder, NULL, NULL);
    docent_client_close(client, NULL, NULL);
    return status == DOCENT_OK ? 0 : 1;
}
