/* src/snapshot.h - everything a server has to remember, as bytes: its sessions and its tree at one zxid. Sans-IO: store.h has the files.
 * Header, sessions, nodes, and a checksum over it all. */
#ifndef DEVSERVER_SNAPSHOT_H
#define DEVSERVER_SNAPSHOT_H

#include "server.h"

enum { SNAPSHOT_VERSION = 1 };

/* Hands it to @sink in pieces. False: @sink said so. */
bool docent_snapshot_write(const struct leader *leader, int64_t wall, bool (*sink)(void *user, const uint8_t *data, size_t size), void *user);

enum snapshot_check { SNAPSHOT_GOOD, SNAPSHOT_FOREIGN, SNAPSHOT_VERSION_UNKNOWN, SNAPSHOT_DAMAGED };
enum snapshot_check docent_snapshot_check(const uint8_t *data, size_t size, int32_t *ret_version);
/* Into a leader that is new. False: although the checksum is right, this is no snapshot; the leader is of no use then. */
bool docent_snapshot_read(struct leader *leader, uint64_t now, const uint8_t *data, size_t size);

#endif
