/* mutex.c - functions that take the same lock and call each other.
 *
 *     mutex CONNECT PATH
 *
 * The lock is taken from the servers once, with the first acquire, and given back with the last release. */
#include <inttypes.h>
#include <stdio.h>

#include <docent/docent.h>

static docent_status add_one(docent_mutex *mutex, int *sum)
{
    docent_status status = docent_mutex_acquire(mutex, 5000);
    if (status != DOCENT_OK) return status;
    ++*sum;
    printf("added under token %" PRId64 ", acquired %" PRIu32 " times\n", docent_mutex_token(mutex), docent_mutex_count(mutex));
    return docent_mutex_release(mutex);
}

static docent_status add_three(docent_mutex *mutex, int *sum)
{
    docent_status status = docent_mutex_acquire(mutex, 5000);
    if (status != DOCENT_OK) return status;
    for (int i = 0; i < 3 && status == DOCENT_OK; i++) status = add_one(mutex, sum); /* Takes what we have already. */
    docent_status released = docent_mutex_release_wait(mutex, 5000);
    return status != DOCENT_OK ? status : released;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: %s CONNECT PATH\n", argv[0]);
        return 2;
    }
    docent_client *client = NULL;
    docent_mutex *mutex = NULL;
    int sum = 0;
    docent_status status = docent_client_new(argv[1], NULL, &client);
    if (status == DOCENT_OK) status = docent_mutex_new(client, argv[2], NULL, &mutex);
    if (status == DOCENT_OK) status = add_three(mutex, &sum);
    if (status == DOCENT_OK) printf("the sum is %d\n", sum);
    docent_mutex_close(mutex, NULL, NULL);
    docent_client_close(client, NULL, NULL);

    if (status != DOCENT_OK) fprintf(stderr, "%s\n", docent_status_text(status));
    return status == DOCENT_OK ? 0 : 1;
}
