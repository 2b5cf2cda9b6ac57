/* docent/node_cache.h - a cache of one node, which may come and go. See cache.h for all that it can do.
 *
 * For those who come from Curator: NodeCache.
 *
 * Threads, ownership, units: as in cache.h. */
#ifndef DOCENT_NODE_CACHE_H
#define DOCENT_NODE_CACHE_H

#include <docent/cache.h>

DOCENT_BEGIN

/** Makes a cache of the node at @path and starts it: all else as docent_tree_cache_new(). Thread: any. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_node_cache_new(docent_client *client, const char *path, docent_cache **ret_cache);
/** docent_cache_get() of that path. NULL: there is no node, or it is not known yet. Thread: any. */
DOCENT_API DOCENT_MUST_CHECK const docent_node *docent_node_cache_get(docent_cache *cache);

DOCENT_END

#endif
