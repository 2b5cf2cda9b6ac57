/* semaphore.c - several leases of a semaphore, taken together and given back together.
 *
 *     semaphore CONNECT PATH MAX COUNT HOLD_SECONDS
 *
 * Run it several times with one PATH and MAX: no more than MAX leases are ever taken, and who wants many is not overtaken. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <docent/docent.h>

static void on_lost(docent_permit *permit, docent_status why, void *user)
{
    (void)user;
    fprintf(stderr, "%" PRIu32 " leases are lost: %s\n", docent_permit_count(permit), docent_status_text(why));
}

int main(int argc, char **argv)
{
    if (argc != 6) {
        fprintf(stderr, "usage: %s CONNECT PATH MAX COUNT HOLD_SECONDS\n", argv[0]);
        return 2;
    }
    uint32_t count = (uint32_t)strtoul(argv[4], NULL, 10);
    docent_client *client = NULL;
    docent_semaphore *semaphore = NULL;
    docent_permit *permit = NULL;
    docent_semaphore_options options = { DOCENT_SEMAPHORE_OPTIONS, .max = (uint32_t)strtoul(argv[3], NULL, 10), .on_lost = on_lost };
    docent_status status = docent_client_new(argv[1], NULL, &client);
    if (status == DOCENT_OK) status = docent_semaphore_new(client, argv[2], &options, &semaphore);
    if (status == DOCENT_OK) status = docent_semaphore_acquire(semaphore, count, 10000, &permit);
    if (status == DOCENT_OK) {
        printf("holds %" PRIu32 " of %s\n", count, argv[3]);
        fflush(stdout);
        sleep((unsigned)strtoul(argv[5], NULL, 10));
        status = docent_permit_return(permit, 5000);
    }
    docent_semaphore_close(semaphore, NULL, NULL);
    docent_client_close(client, NULL, NULL);

    if (status != DOCENT_OK) fprintf(stderr, "%s\n", docent_status_text(status));
    return status == DOCENT_OK ? 0 : 1;
}
