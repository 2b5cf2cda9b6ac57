/* lock.c - take a lock, do the protected work, give the lock back.
 *
 *     lock CONNECT PATH LABEL HOLD_SECONDS
 *
 * Run it several times with one PATH: they take turns. Kill the holder, and the next one gets in when its session ends. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <docent/docent.h>

/* Stands for what the lock protects. Real work hands the token to the resource, which refuses smaller ones than it has seen: a
 * holder that was paused past the end of its session does not know that it holds nothing any more. */
static void protected_work(const char *label, int64_t token, unsigned seconds)
{
    printf("%s (pid %ld): holds the lock, token %" PRId64 ", working for %u s\n", label, (long)getpid(), token, seconds);
    fflush(stdout);
    sleep(seconds);
    printf("%s (pid %ld): done, gives the lock back\n", label, (long)getpid());
    fflush(stdout);
}

int main(int argc, char **argv)
{
    if (argc != 5) {
        fprintf(stderr, "usage: %s CONNECT PATH LABEL HOLD_SECONDS\n", argv[0]);
        return 2;
    }
    const char *servers = argv[1], *path = argv[2], *label = argv[3];
    unsigned hold_seconds = (unsigned)strtoul(argv[4], NULL, 10);

    docent_client *client = NULL;
    docent_lock *lock = NULL;
    docent_client_options session = {DOCENT_CLIENT_OPTIONS, .session_timeout_ms = 4000};
    docent_status status = docent_client_new(servers, &session, &client);

    docent_lock_options options = {DOCENT_LOCK_OPTIONS, .label = label};
    if (status == DOCENT_OK) status = docent_lock_new(client, path, &options, &lock);
    if (status == DOCENT_OK) status = docent_lock_acquire(lock, DOCENT_FOREVER);
    if (status == DOCENT_OK) {
        protected_work(label, docent_lock_token(lock), hold_seconds);
        status = docent_lock_release_wait(lock, 5000);
    }
    docent_lock_close(lock, NULL, NULL);
    docent_client_close(client, NULL, NULL);

    if (status != DOCENT_OK) fprintf(stderr, "%s: %s\n", label, docent_status_text(status));
    return status == DOCENT_OK ? 0 : 1;
}
