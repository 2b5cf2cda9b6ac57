/* recipes/follower.h - a handle that lives on a cache of its own: opened and subscribed on the loop, from whatever thread it was made, and closed
 * with it. What it has to say last it says when the cache has said everything. */
#ifndef DOCENT_RECIPES_FOLLOWER_H
#define DOCENT_RECIPES_FOLLOWER_H

#include "recipes/cache.h"

struct follower {
    struct handle handle; /* First. */
    const char *path;     /* In the follower's own memory. */
    struct cache_limits limits;
    docent_cache_events events; /* Their user is the follower. */
    void (*last)(struct follower *follower, docent_status why); /* Once, unless in a forked child. */
    docent_cache *cache;
    bool cache_open;
    docent_status why; /* DOCENT_OK: it goes on. */
    bool last_said;
    struct docent_later end_later;
};

/* @follower: a zeroed block of the client's memory with all above @cache set; else as docent_handle_open(). */
docent_status docent_follower_open(struct follower *follower, docent_client *client);
/* Loop: no more news. The handle stays. */
void docent_follower_stop(struct follower *follower);

#endif
