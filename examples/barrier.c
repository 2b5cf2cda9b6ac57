/* barrier.c - a gate that keeps everybody waiting, whoever closes it, and whoever opens it.
 *
 *     barrier CONNECT PATH close|open|pass */
#include <stdio.h>
#include <string.h>

#include <docent/docent.h>

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: %s CONNECT PATH close|open|pass\n", argv[0]);
        return 2;
    }
    docent_client *client = NULL;
    docent_barrier *barrier = NULL;
    docent_status status = docent_client_new(argv[1], NULL, &client);
    if (status == DOCENT_OK) status = docent_barrier_new(client, argv[2], NULL, &barrier);
    if (status == DOCENT_OK && strcmp(argv[3], "close") == 0) {
        status = docent_barrier_set(barrier, 5000);
    } else if (status == DOCENT_OK && strcmp(argv[3], "open") == 0) {
        status = docent_barrier_remove(barrier, 5000);
    } else if (status == DOCENT_OK) {
        status = docent_barrier_wait(barrier, 60000);
    }
    printf("%s: %s\n", argv[3], docent_status_text(status));
    docent_barrier_close(barrier, NULL, NULL);
    docent_client_close(client, NULL, NULL);
    return status == DOCENT_OK ? 0 : 1;
}
