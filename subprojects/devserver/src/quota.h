/* src/quota.h - counting what is below nodes that have a quota. A quota is a pair of nodes, which clients make:
 * /zookeeper/quota/PATH/zookeeper_limits and .../zookeeper_stats. The server keeps "count=N,bytes=M" in the second, without
 * touching its version, and no client hears of it. By default nothing is refused, as in Apache ZooKeeper: tree->over_quota is told. */
#ifndef DEVSERVER_QUOTA_H
#define DEVSERVER_QUOTA_H

#include "tree.h"

/* docent_tree_change() for good, not on trial: the counts follow. */
void docent_quota_change(struct tree *tree, struct change *change, int64_t zxid, int64_t time_ms, struct undo *undo);
/* May there be a node more, or so many bytes more, at @path? Only hard limits say no. Counts are those of the log's end: a multi is not
 * counted until it is committed, nor is it there. */
bool docent_quota_allows(const struct tree *tree, const char *path, int nodes, int64_t bytes);

#endif
