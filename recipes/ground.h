/* recipes/ground.h - plain nodes that have to be there: what a recipe stands on where peers make them once and expect them to stay. What is missing
 * above them is made as containers, where the server has them.
 *
 * A building block with a machine of its own. Its owner says when something is missing, and is told when all is there, or why it cannot be
 * made; that is tried again with the client's backoff. */
#ifndef DOCENT_RECIPES_GROUND_H
#define DOCENT_RECIPES_GROUND_H

#include "core/client/machine.h"
#include "recipes/parents.h"

enum { GROUND_PATHS_MAX = 4 };

enum ground_state {
    GROUND_UNKNOWN, /* Not started, or ended. */
    GROUND_MAKING,
    GROUND_PARENTS, /* Of the one that is next. */
    GROUND_THERE,
    GROUND_STATES
};

struct ground {
    struct docent_machine machine; /* Its timer is reserved by the owner. */
    char *paths[GROUND_PATHS_MAX]; /* The owner's. Written to, and restored. */
    size_t count;
    docent_acl_list acl;           /* Of all that is made. The owner's. */
    void (*told)(struct ground *ground, docent_status status); /* Inside the turn. DOCENT_OK: all is there. */
    enum ground_state state;
    bool attached;
    size_t at;                     /* Of the paths. */
    docent_create_mode parent_mode;
    struct parents parents;
};

/* @ground: zeroed but for paths, count, acl and told. */
void docent_ground_start(struct ground *ground, docent_client *client);
void docent_ground_stop(struct ground *ground);
/* Something was missing. Nothing is told from inside. */
void docent_ground_lost(struct ground *ground);

#endif
