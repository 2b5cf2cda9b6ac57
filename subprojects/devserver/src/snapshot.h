/* src/snapshot.h - everything a server has to remember, as bytes: its sessions and its tree at one zxid. Sans-IO: store.h has the files.
 * Header, sessions, nodes, and a checksum over it all. */
#ifndef DEVSERVER_SNAPSHOT_H
#define DEVSERVER_SNAPSHOT_H

#include "server.h"

enum { SNAPSHOT_VERSION = 1 };

enum { SNAPSHOT_SUM_SIZE = 4 };

/* Puts it, but for the checksum, which takes longer than the rest and needs nothing of the server. */
void docent_snapshot_put(struct wire_out *out, const struct leader *leader, int64_t wall);
/* The checksum, which goes behind it. */
void docent_snapshot_sum(uint8_t sum[SNAPSHOT_SUM_SIZE], const uint8_t *data, size_t size);

enum snapshot_check { SNAPSHOT_GOOD, SNAPSHOT_FOREIGN, SNAPSHOT_VERSION_UNKNOWN, SNAPSHOT_DAMAGED };
enum snapshot_check docent_snapshot_check(const uint8_t *data, size_t size, int32_t *ret_version);
/* Into a leader that is new; looks at no checksum. False: although the checksum is right, this is no snapshot; the leader is of no use then. */
bool docent_snapshot_read(struct leader *leader, uint64_t now, const uint8_t *data, size_t size);

#endif
