/* tests/sim/oracle.h - the tree that caches are copies of, as the log of the leader has it: what stands now, and every version there ever was.
 *
 * The names of nodes say what is to be made of them, so that whoever compares needs nothing but the path:
 *
 *     x...   may not be read by anybody          (a cache lists it among its failures)
 *     z...   is left out by caches with a filter
 *     n...   is not looked into by caches with a selector
 *
 * Names are made of letters and digits, which are behind '/': so the order of strcmp() of paths has parents before children, and subtrees in
 * one piece. */
#ifndef SIM_ORACLE_H
#define SIM_ORACLE_H

#include <docent/cache.h>

#include "tests/sim/ensemble.h"

#define ORACLE_TOP "/t"       /* All nodes are below this one. */
#define ORACLE_ROOT "/t/root" /* What caches are made of. Both come and go. */

struct version { /* Immutable but for its end. */
    char *path;
    void *data;
    size_t size;
    int64_t czxid, mzxid;
    int64_t ended; /* The transaction that replaced or deleted it; INT64_MAX: it stands. */
    bool deleted;
};

struct oracle {
    struct version **past; /* In the order of the log. */
    size_t past_count, past_capacity;
    struct version **present; /* In the order of paths. */
    size_t count, capacity;
    int64_t zxid; /* Of the last change. */
};

enum cache_face { FACE_TREE, FACE_CHILDREN, FACE_NODE };

/* What a cache is asked to be a copy of. */
struct shape {
    enum cache_face face;
    const char *path;
    unsigned depth_max; /* 0: no limit. */
    bool filter, selector, stat_only;
    size_t bytes_max;
    unsigned start;     /* docent_cache_start. */
};

void oracle_free(struct oracle *oracle);
bool oracle_committed(struct oracle *oracle, const struct commit *commit); /* False: not one of these nodes. */
const struct version *oracle_find(const struct oracle *oracle, const char *path); /* What stands there. NULL: nothing. */
const struct version *oracle_version(const struct oracle *oracle, const char *path, int64_t mzxid); /* Or stood. */
bool oracle_was_deleted(const struct oracle *oracle, const char *path); /* Once, at least. */
bool path_is_below(const char *path, const char *top); /* And not @top itself. */

bool shape_lists(const struct shape *shape, const char *path); /* A node there is read. */
bool shape_shows(const struct shape *shape, const char *path); /* And can be. */
bool shape_hides(const struct shape *shape, const char *path); /* It is the root, and not shown. */
/* What may be or not: with stats alone it depends on how the node is read. */
bool shape_is_vague(const struct shape *shape, const char *path);
bool shape_tells_initialized(const struct shape *shape);
bool name_is(const char *path, char first); /* The last name of @path begins so. */

#endif
