/* leader_latch.c - of the processes that run this, one leads, and the others stand by.
 *
 *     leader_latch CONNECT PATH ID SECONDS
 *
 * Run it several times with one PATH, and kill the one that leads: the next one leads when its session ends, or at once if it was stopped with
 * its time over. Each says what it is told; real work looks at docent_leader_latch_has_leadership() and carries the token. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <docent/docent.h>

/* On the loop thread: starts or stops the work, and does not block. */
static void on_change(docent_leader_latch *latch, const docent_leadership *now, void *user)
{
    (void)latch;
    if (now->leads) {
        printf("%s: leads, token %" PRId64 "\n", (const char *)user, now->token);
    } else {
        printf("%s: leads no more: %s\n", (const char *)user, docent_status_text(now->why));
    }
    fflush(stdout);
}

int main(int argc, char **argv)
{
    if (argc != 5) {
        fprintf(stderr, "usage: %s CONNECT PATH ID SECONDS\n", argv[0]);
        return 2;
    }
    docent_client *client = NULL;
    docent_leader_latch *latch = NULL;
    docent_client_options session = {DOCENT_CLIENT_OPTIONS, .session_timeout_ms = 4000};
    docent_status status = docent_client_new(argv[1], &session, &client);

    docent_leader_latch_options options = {DOCENT_LEADER_LATCH_OPTIONS, .id = argv[3], .on_change = on_change, .user = argv[3],
                                           .close_mode = DOCENT_LATCH_CLOSE_NOTIFY};
    if (status == DOCENT_OK) status = docent_leader_latch_new(client, argv[2], &options, &latch);
    if (status == DOCENT_OK) status = docent_leader_latch_start(latch);
    if (status == DOCENT_OK) status = docent_leader_latch_await(latch, DOCENT_FOREVER);
    if (status == DOCENT_OK) sleep((unsigned)strtoul(argv[4], NULL, 10));
    docent_leader_latch_close(latch, NULL, NULL); /* The next one leads two round trips later. */
    docent_client_close(client, NULL, NULL);

    if (status != DOCENT_OK) fprintf(stderr, "%s: %s\n", argv[3], docent_status_text(status));
    return status == DOCENT_OK ? 0 : 1;
}
