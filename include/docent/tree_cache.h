/* docent/tree_cache.h - a cache of a node and everything below it. See cache.h for all that it can do.
 *
 *     docent_cache *config;
 *     if (docent_tree_cache_new(client, "/config", NULL, &config) == DOCENT_OK) ... docent_cache_get(config, "/config/db/url")
 *
 * The root need not exist, and may come and go. For those who come from Curator: TreeCache and CuratorCache.
 *
 * Threads, ownership, units: as in cache.h. */
#ifndef DOCENT_TREE_CACHE_H
#define DOCENT_TREE_CACHE_H

#include <docent/cache.h>

DOCENT_BEGIN

/* docent_tree_cache_options options = { DOCENT_TREE_CACHE_OPTIONS, .stat_only = true };  What is left zero gets its default. */
typedef struct docent_tree_cache_options {
    size_t struct_size;
    uint32_t depth_max; /* 1: the root and its children; and so on. Default (0): no limit. */
    bool stat_only;     /* Keep no data. Default: they are kept. */
    bool (*accept)(const char *path, void *user); /* False: the node at @path is left out, with what is below it. The root is not asked about.
                                                   * Default: all are taken. */
    bool (*descend)(const docent_node *node, void *user); /* False: its children are left out. Asked again when the node has been made anew.
                                                           * Default: all are looked into. */
    void *user;         /* Passed to both, which are called on the loop thread, inside the library: they may look, and call nothing. */
    size_t bytes_max;   /* When paths and data would come to more, further nodes are kept without their data, until they change and there
                         * is room. Default (0): no limit. */
} docent_tree_cache_options;
#define DOCENT_TREE_CACHE_OPTIONS .struct_size = sizeof(docent_tree_cache_options)
/** The same as { DOCENT_TREE_CACHE_OPTIONS }, for compilers without designated initialisers. Thread: any. */
static inline void docent_tree_cache_options_init(docent_tree_cache_options *options)
{
    memset(options, 0, sizeof *options);
    options->struct_size = sizeof *options;
}

/** Makes a cache of @path and starts it. @options may be NULL and need not outlive the call. On success *@ret_cache is the caller's to
 * docent_cache_close(), on failure it is left as it was. Returns DOCENT_OK, DOCENT_ERR_INVALID_ARGUMENT (@path is no valid path), DOCENT_ERR_NO_MEMORY,
 * DOCENT_ERR_CLOSING (the client is) or DOCENT_ERR_FORKED. Thread: any. (Whoever wants to miss nothing need not hurry: see
 * docent_cache_subscribe().) */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_tree_cache_new(docent_client *client, const char *path,
                                                                 const docent_tree_cache_options *options, docent_cache **ret_cache);

DOCENT_END

#endif
