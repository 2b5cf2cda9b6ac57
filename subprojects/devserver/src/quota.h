/* src/quota.h - counting what is below nodes that have a quota. A quota is a pair of nodes, which clients make:
 * /zookeeper/quota/PATH/zookeeper_limits and .../zookeeper_stats. The server keeps "count=N,bytes=M" in the second, without
 * touching its version, and tells nobody of it; the limits are not enforced, which is Apache ZooKeeper's default. */
#ifndef DEVSERVER_QUOTA_H
#define DEVSERVER_QUOTA_H

#include "tree.h"

/* docent_tree_change() for good, not on trial: the counts follow. */
void docent_quota_change(struct tree *tree, struct change *change, int64_t zxid, int64_t time_ms, struct undo *undo);

#endif
