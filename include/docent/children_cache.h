/* docent/children_cache.h - a cache of the direct children of a node. See cache.h for all that it can do. The node itself is not in it: its
 * children are added when it is made, and removed when it goes.
 *
 * For those who come from Curator: PathChildrenCache.
 *
 * Threads, ownership, units: as in cache.h. */
#ifndef DOCENT_CHILDREN_CACHE_H
#define DOCENT_CHILDREN_CACHE_H

#include <docent/cache.h>

DOCENT_BEGIN

/** What subscribers that are there before the first load hear of it. */
typedef enum docent_cache_start {
    DOCENT_CACHE_START_NORMAL,        /* Its nodes as added(). */
    DOCENT_CACHE_START_BUILD_INITIAL, /* Nothing but initialized(): the nodes can be asked for from then on. Later subscribers are told of them
                                       * as ever. */
    DOCENT_CACHE_START_POST_INITIALIZED, /* Its nodes as added(), then initialized(). */
} docent_cache_start;

/* docent_children_cache_options options = { DOCENT_CHILDREN_CACHE_OPTIONS };  What is left zero gets its default. */
typedef struct docent_children_cache_options {
    size_t struct_size;
    docent_cache_start start; /* Default: DOCENT_CACHE_START_NORMAL, which tells no initialized(). */
    bool stat_only;           /* Keep no data. Default: they are kept. */
    size_t bytes_max;         /* As docent_tree_cache_options has it. */
} docent_children_cache_options;
#define DOCENT_CHILDREN_CACHE_OPTIONS .struct_size = sizeof(docent_children_cache_options)
/** The same as { DOCENT_CHILDREN_CACHE_OPTIONS }, for compilers without designated initialisers. Thread: any. */
static inline void docent_children_cache_options_init(docent_children_cache_options *options)
{
    memset(options, 0, sizeof *options);
    options->struct_size = sizeof *options;
}

/** Makes a cache of the children of @path and starts it: all else as docent_tree_cache_new(). Thread: any. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_children_cache_new(docent_client *client, const char *path,
                                                                     const docent_children_cache_options *options, docent_cache **ret_cache);

DOCENT_END

#endif
