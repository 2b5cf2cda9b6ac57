/* tests/interop/docent_peer.c - our part in what several languages do together.
 *
 *     docent_peer CONNECT DIALECT count LOCK COUNTER ROUNDS    say "ready", await a line, take the lock and add one to the
 *                                                              counter, ROUNDS times
 *     docent_peer CONNECT DIALECT hold LOCK                    take the lock, say "held", and give it back at the end of input
 *
 * DIALECT: curator or kazoo. The counter is read and written without its version: only the lock keeps it right. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <docent/docent.h>

static void must(docent_status status, const char *what)
{
    if (status == DOCENT_OK) return;
    fprintf(stderr, "docent_peer: %s: %s\n", what, docent_status_name(status));
    exit(1);
}

static void add_one(docent_client *client, const char *counter)
{
    docent_result *result = NULL;
    must(docent_get(client, counter, &result), "get");
    char text[32] = "";
    if (result->size < sizeof text) memcpy(text, result->data, result->size);
    docent_result_free(result);
    int size = snprintf(text, sizeof text, "%d", atoi(text) + 1);
    must(docent_set(client, counter, text, (size_t)size, DOCENT_ANY_VERSION, NULL), "set");
}

int main(int argc, char **argv)
{
    if (argc < 5) return 2;
    docent_client_options options = { DOCENT_CLIENT_OPTIONS, .session_timeout_ms = 4000 };
    docent_lock_options lock_options = { DOCENT_LOCK_OPTIONS, .label = "docent" };
    if (strcmp(argv[2], "kazoo") == 0) lock_options.dialect = DOCENT_DIALECT_KAZOO;
    docent_client *client;
    docent_lock *lock;
    must(docent_client_new(argv[1], &options, &client), "client");
    must(docent_lock_new(client, argv[4], &lock_options, &lock), "lock");
    int rounds = strcmp(argv[3], "count") == 0 && argc == 7 ? atoi(argv[6]) : 0;
    if (rounds > 0) {
        must(docent_client_wait_connected(client, 30000), "connect");
        printf("ready\n");
        fflush(stdout);
        getchar();
    }
    for (int i = 0; i < rounds; i++) {
        must(docent_lock_acquire(lock, 60000), "acquire");
        add_one(client, argv[5]);
        must(docent_lock_release_wait(lock, 10000), "release");
    }
    if (rounds == 0) {
        must(docent_lock_acquire(lock, 60000), "acquire");
        printf("held\n");
        fflush(stdout);
        while (getchar() != EOF) {
        }
        must(docent_lock_release_wait(lock, 10000), "release");
    }
    docent_lock_close(lock, NULL, NULL);
    docent_client_close(client, NULL, NULL);
    return 0;
}
