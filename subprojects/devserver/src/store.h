/* src/store.h - a directory in which a server keeps what it has committed, and finds it again when it starts.
 *
 *     log.ZXID       transactions behind ZXID (sixteen hexadecimal digits). The one with the largest is written to.
 *     snapshot.ZXID  everything at ZXID; new-snapshot.ZXID while it is being written
 *     lock           held while a server runs, with its process id
 *
 * A start takes the newest snapshot that is whole, and applies the logs from there on. When many transactions have gone to a log a
 * snapshot is taken, and the next log begins; the three newest snapshots stay, and the logs from the oldest of them on. */
#ifndef DEVSERVER_STORE_H
#define DEVSERVER_STORE_H

#include "server.h"

struct store;

struct store_config {
    const char *directory;
    bool fsync;              /* What is answered survives a power cut too, and not only the end of the process. */
    uint64_t snapshot_every; /* Transactions; 0: 100,000. More if the last snapshot had more nodes, so that they cost no more than the rest. */
    uint64_t snapshot_bytes; /* Of log; 0: 64 MiB. More if snapshots are larger. */
    void (*report)(void *user, const char *text); /* Warnings, and why something failed; one line. NULL: nobody listens. */
    void *user;
};

/* Fills @leader, which is new and outlives the store. Creates the directory if need be. NULL: it cannot, and has reported why;
 * errno is EWOULDBLOCK if another server has the directory, EBADMSG if its contents are the matter. */
struct store *docent_store_open(const struct store_config *config, struct leader *leader, uint64_t now, int64_t wall);
void docent_store_add(struct store *store, const struct txn *txn); /* Of what is committed; next: */
/* Writes what was added, all of it in one call where the system lets us. False: it is not all in the file, and nothing that depends
 * on it may be told to anybody; the store is of no use any more, and has reported why. */
bool docent_store_write(struct store *store, int64_t wall);
/* Takes a snapshot now. It may be finished only when the store is closed. */
void docent_store_snapshot(struct store *store, int64_t wall);
void docent_store_close(struct store *store);
/* Forgets what a directory holds; it must not be in use. False: errno says why. */
bool docent_store_wipe(const char *directory);
void docent_store_sizes(const struct store *store, uint64_t *ret_snapshots, uint64_t *ret_logs); /* In bytes, of all files. */

#endif
