/* double_barrier.c - workers that begin and end each round together.
 *
 *     double_barrier CONNECT PATH MEMBERS ROUNDS
 *
 * Run it MEMBERS times, in processes of your choice. What a member learns when the others are gone is that the round is over for it, too. */
#include <stdio.h>
#include <stdlib.h>

#include <docent/docent.h>

static void on_lost(docent_double_barrier *barrier, docent_status why, void *user)
{
    (void)barrier;
    (void)user;
    fprintf(stderr, "out of the round: %s\n", docent_status_text(why));
}

int main(int argc, char **argv)
{
    if (argc != 5) {
        fprintf(stderr, "usage: %s CONNECT PATH MEMBERS ROUNDS\n", argv[0]);
        return 2;
    }
    docent_client *client = NULL;
    docent_double_barrier *barrier = NULL;
    docent_double_barrier_options options = { DOCENT_DOUBLE_BARRIER_OPTIONS, .on_lost = on_lost };
    options.quantity = (uint32_t)strtoul(argv[3], NULL, 10);
    docent_status status = docent_client_new(argv[1], NULL, &client);
    if (status == DOCENT_OK) status = docent_double_barrier_new(client, argv[2], &options, &barrier);
    for (long round = 1; status == DOCENT_OK && round <= strtol(argv[4], NULL, 10); round++) {
        status = docent_double_barrier_enter(barrier, 60000);
        if (status != DOCENT_OK) break;
        printf("round %ld: all are here\n", round);
        status = docent_double_barrier_leave(barrier, 60000);
    }
    docent_double_barrier_close(barrier, NULL, NULL);
    docent_client_close(client, NULL, NULL);

    if (status != DOCENT_OK) fprintf(stderr, "%s\n", docent_status_text(status));
    return status == DOCENT_OK ? 0 : 1;
}
