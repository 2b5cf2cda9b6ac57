/* tests/interop/docent_peer.c - our part in what several languages do together.
 *
 *     docent_peer CONNECT DIALECT count LOCK COUNTER ROUNDS    say "ready", await a line, take the lock and add one to the
 *                                                              counter, ROUNDS times
 *     docent_peer CONNECT DIALECT hold LOCK INSIDE             take the lock, create the ephemeral node INSIDE, say "held"; answer
 *                                                              every line with those in the queue; at the end of input delete
 *                                                              INSIDE and give the lock back
 *
 * DIALECT: curator or kazoo. The counter is read and written without its version: only the lock keeps it right. INSIDE exists as long
 * as somebody believes to be inside; a second one would find it there, and fail. */
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <docent/docent.h>

static docent_client *client;
static docent_lock *lock;

static void must(docent_status status, const char *what)
{
    if (status == DOCENT_OK) return;
    fprintf(stderr, "docent_peer: %s: %s\n", what, docent_status_name(status));
    exit(1);
}

static void say(const char *line)
{
    printf("%s\n", line);
    fflush(stdout);
}

static void add_one(const char *counter)
{
    docent_result *result = NULL;
    must(docent_get(client, counter, &result), "get");
    char text[32] = "";
    if (result->size < sizeof text) memcpy(text, result->data, result->size);
    docent_result_free(result);
    int size = snprintf(text, sizeof text, "%d", atoi(text) + 1);
    must(docent_set(client, counter, text, (size_t)size, DOCENT_ANY_VERSION, NULL), "set");
}

static void count(const char *counter, int rounds)
{
    must(docent_client_wait_connected(client, 30000), "connect");
    say("ready");
    getchar();
    for (int i = 0; i < rounds; i++) {
        must(docent_lock_acquire(lock, 60000), "acquire");
        add_one(counter);
        must(docent_lock_release_wait(lock, 10000), "release");
    }
}

static sem_t answered;

static void on_participants(const docent_result *result, void *user)
{
    (void)user;
    must(result->status, "participants");
    for (size_t i = 0; i < result->name_count; i++) printf("%s%s", i > 0 ? " " : "", result->names[i]);
    say("");
    sem_post(&answered);
}

static void ask_who(void *user)
{
    (void)user;
    must(docent_lock_participants_async(lock, on_participants, NULL), "participants");
}

static void hold(const char *inside)
{
    char line[16];
    sem_init(&answered, 0, 0);
    must(docent_lock_acquire(lock, 60000), "acquire");
    must(docent_create(client, inside, NULL, 0, DOCENT_EPHEMERAL, NULL), "inside");
    say("held");
    while (fgets(line, sizeof line, stdin) != NULL) {
        must(docent_client_post(client, ask_who, NULL), "post");
        sem_wait(&answered);
    }
    must(docent_delete(client, inside, DOCENT_ANY_VERSION), "outside");
    must(docent_lock_release_wait(lock, 10000), "release");
}

int main(int argc, char **argv)
{
    if (argc < 6) return 2;
    docent_client_options options = { DOCENT_CLIENT_OPTIONS, .session_timeout_ms = 4000 };
    docent_lock_options lock_options = { DOCENT_LOCK_OPTIONS, .label = "docent" };
    if (strcmp(argv[2], "kazoo") == 0) lock_options.dialect = DOCENT_DIALECT_KAZOO;
    must(docent_client_new(argv[1], &options, &client), "client");
    must(docent_lock_new(client, argv[4], &lock_options, &lock), "lock");
    if (strcmp(argv[3], "count") == 0 && argc == 7) {
        count(argv[5], atoi(argv[6]));
    } else {
        hold(argv[5]);
    }
    docent_lock_close(lock, NULL, NULL);
    docent_client_close(client, NULL, NULL);
    return 0;
}
