/* lease.c - a job that one host does, for as long as it has the lease.
 *
 *     lease CONNECT PATH ID SECONDS
 *
 * Run it with two IDs: the second is told that it is somebody else's, until the time is over, whatever becomes of the first. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <docent/docent.h>

int main(int argc, char **argv)
{
    if (argc != 5) {
        fprintf(stderr, "usage: %s CONNECT PATH ID SECONDS\n", argv[0]);
        return 2;
    }
    docent_client *client = NULL;
    docent_lease *lease = NULL;
    docent_lease_options options = { DOCENT_LEASE_OPTIONS, .id = argv[3], .duration_ms = 1000 * strtoull(argv[4], NULL, 10) };
    docent_status status = docent_client_new(argv[1], NULL, &client);
    if (status == DOCENT_OK) status = docent_lease_new(client, argv[2], &options, &lease);
    if (status == DOCENT_OK) status = docent_lease_acquire(lease, 10000);
    if (status == DOCENT_OK) {
        printf("%s has it for %" PRIu64 " s\n", argv[3], (docent_lease_left_ms(lease) + 999) / 1000);
        /* Here the work is done, with an eye on docent_lease_left_ms(). */
    } else if (status == DOCENT_ERR_BUSY) {
        printf("it is somebody else's\n");
        status = DOCENT_OK;
    }
    docent_lease_close(lease, NULL, NULL);
    docent_client_close(client, NULL, NULL);

    if (status != DOCENT_OK) fprintf(stderr, "%s\n", docent_status_text(status));
    return status == DOCENT_OK ? 0 : 1;
}
