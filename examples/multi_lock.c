/* multi_lock.c - hold two paths at once, and write in a transaction that is applied only while both are held.
 *
 *     multi_lock CONNECT PATH PATH
 *
 * Two of these with the paths the other way round do not wait for each other for ever: both take them in the same order. */
#include <stdio.h>

#include <docent/docent.h>

static docent_status write_while_both_are_held(docent_client *client, docent_multi_lock *both)
{
    docent_txn *txn = NULL;
    docent_status status = docent_txn_new(client, &txn);
    if (status == DOCENT_OK) status = docent_txn_create(txn, "/example-", "moved", 5, DOCENT_EPHEMERAL_SEQUENTIAL);
    for (size_t i = 0; i < docent_multi_lock_count(both) && status == DOCENT_OK; i++) {
        docent_hold *hold = docent_lock_hold(docent_multi_lock_member(both, i));
        status = hold == NULL ? DOCENT_ERR_NOT_HELD : docent_txn_guard(txn, hold);
        docent_hold_unref(hold);
    }
    if (status == DOCENT_OK) status = docent_txn_commit(txn, NULL, NULL);
    docent_txn_free(txn);
    return status;
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: %s CONNECT PATH PATH\n", argv[0]);
        return 2;
    }
    docent_client *client = NULL;
    docent_multi_lock *both = NULL;
    docent_status status = docent_client_new(argv[1], NULL, &client);
    if (status == DOCENT_OK) status = docent_multi_lock_new(client, (const char *const *)&argv[2], 2, NULL, &both);

    if (status == DOCENT_OK) status = docent_multi_lock_acquire(both, 5000); /* Both, or none. */
    if (status == DOCENT_OK) {
        printf("holds %s and %s\n", argv[2], argv[3]);
        status = write_while_both_are_held(client, both);
        printf("a transaction guarded by both: %s\n", docent_status_text(status));
        docent_status released = docent_multi_lock_release_wait(both, 5000);
        if (status == DOCENT_OK) status = released;
    }
    docent_multi_lock_close(both, NULL, NULL);
    docent_client_close(client, NULL, NULL);

    if (status != DOCENT_OK) fprintf(stderr, "multi_lock: %s\n", docent_status_text(status));
    return status == DOCENT_OK ? 0 : 1;
}
