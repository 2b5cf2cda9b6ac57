/* tests/interop/docent_peer.c - our part in what several languages do together.
 *
 *     docent_peer CONNECT DIALECT count LOCK COUNTER ROUNDS    say "ready", await a line, take the lock and add one to the
 *                                                              counter, ROUNDS times
 *     docent_peer CONNECT DIALECT hold LOCK INSIDE             take the lock, create the ephemeral node INSIDE, say "held"; answer
 *                                                              every line with those in the queue; at the end of input delete
 *                                                              INSIDE and give the lock back
 *
 *     docent_peer CONNECT DIALECT pack LOCK LIMIT              say "ready"; answer "put PATH TEXT COUNT" (write so often that text,
 *                                                              gzipped) with "put", and "get PATH" with the size and the CRC of what
 *                                                              is there, unpacked, or "corrupt", or "large": more than LIMIT bytes
 *
 * DIALECT: curator or kazoo. The counter is read and written without its version: only the lock keeps it right. INSIDE exists as long
 * as somebody believes to be inside; a second one would find it there, and fail. */
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

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

static void put(docent_client *packed, const char *path, const char *text, size_t count)
{
    size_t size = strlen(text);
    char *data = malloc(size * count + 1);
    if (data == NULL) must(DOCENT_ERR_NO_MEMORY, "put");
    for (size_t i = 0; i < count; i++) memcpy(data + i * size, text, size);
    must(docent_create(packed, path, data, size * count, DOCENT_PERSISTENT, NULL), "put");
    free(data);
    say("put");
}

static void get(docent_client *packed, const char *path)
{
    docent_result *result = NULL;
    docent_status status = docent_get(packed, path, &result);
    if (status == DOCENT_ERR_CORRUPT_DATA) {
        say("corrupt");
    } else if (status == DOCENT_ERR_TOO_LARGE) {
        say("large");
    } else {
        must(status, "get");
        char line[64];
        snprintf(line, sizeof line, "%zu %08lx", result->size, crc32(0, result->data, (uInt)result->size));
        say(line);
    }
    docent_result_free(result);
}

static void pack(uint32_t limit)
{
    docent_client *packed = NULL;
    docent_view_options options = { DOCENT_VIEW_OPTIONS, .compression = DOCENT_COMPRESSION_ON, .decompressed_max_bytes = limit };
    must(docent_client_wait_connected(client, 30000), "connect");
    must(docent_client_view(client, "/", &options, &packed), "view");
    say("ready");
    char line[256], path[128], text[64];
    size_t count;
    while (fgets(line, sizeof line, stdin) != NULL) {
        if (sscanf(line, "put %127s %63s %zu", path, text, &count) == 3) {
            put(packed, path, text, count);
        } else if (sscanf(line, "get %127s", path) == 1) {
            get(packed, path);
        }
    }
    docent_view_release(packed);
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
    } else if (strcmp(argv[3], "pack") == 0) {
        pack((uint32_t)atoi(argv[5]));
    } else {
        hold(argv[5]);
    }
    docent_lock_close(lock, NULL, NULL);
    docent_client_close(client, NULL, NULL);
    return 0;
}
