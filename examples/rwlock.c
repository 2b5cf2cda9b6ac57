/* rwlock.c - change something alone, then read it together with others, and let nobody change it in between.
 *
 *     rwlock CONNECT PATH
 *
 * Run it several times with one PATH: writers take turns, readers do not. */
#include <inttypes.h>
#include <stdio.h>

#include <docent/docent.h>

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: %s CONNECT PATH\n", argv[0]);
        return 2;
    }
    docent_client *client = NULL;
    docent_rwlock *rwlock = NULL;
    docent_status status = docent_client_new(argv[1], NULL, &client);
    if (status == DOCENT_OK) status = docent_rwlock_new(client, argv[2], NULL, &rwlock);
    docent_lock *read = docent_rwlock_read(rwlock), *write = docent_rwlock_write(rwlock);

    if (status == DOCENT_OK) status = docent_lock_acquire(write, 5000);
    if (status == DOCENT_OK) {
        printf("alone, token %" PRId64 ": writes\n", docent_lock_token(write));
        status = docent_lock_acquire(read, 5000); /* At once: it takes the writer's place. */
    }
    if (status == DOCENT_OK) {
        docent_lock_release(write);
        printf("with other readers, token still %" PRId64 ": reads what it wrote\n", docent_lock_token(read));
        printf("to write again now: %s\n", docent_status_name(docent_lock_acquire(write, 5000)));
        status = docent_lock_release_wait(read, 5000);
    }
    docent_rwlock_close(rwlock, NULL, NULL);
    docent_client_close(client, NULL, NULL);

    if (status != DOCENT_OK) fprintf(stderr, "rwlock: %s\n", docent_status_text(status));
    return status == DOCENT_OK ? 0 : 1;
}
