/* recipes/revocation.h - being asked to let go: whoever wants what a node of ours stands for writes ten bytes into it, as Curator's Revoker
 * does. It is a request, and changes nothing by itself.
 *
 * From the time that our node is known we read it and leave a watch; each change is read, and watched anew; after a reconnect, or when
 * something went wrong, we read again. Told is every version of our node whose data are the message, once. That the node is gone is for
 * others to find out. It calls no application. Loop only. */
#ifndef DOCENT_RECIPES_REVOCATION_H
#define DOCENT_RECIPES_REVOCATION_H

#include "core/client/machine.h"
#include "recipes/dialect.h"

#define REVOCATION_MESSAGE "__REVOKE__"
enum { REVOCATION_SIZE = 10 };

struct revocation {
    struct docent_machine machine; /* Its timer is reserved. */
    const char *path;              /* Of our node. Borrowed; NULL: not looking. */
    int32_t told;                  /* The version that was told last. */
    void (*revoked)(struct revocation *revocation);
};

/* @revocation: zeroed. Returns DOCENT_OK or DOCENT_ERR_NO_MEMORY, with nothing to be finished. */
docent_status docent_revocation_init(struct revocation *revocation, docent_client *client, void (*revoked)(struct revocation *revocation));
/* The node at @path has just been made, or found. */
void docent_revocation_look(struct revocation *revocation, const char *path);
/* Nothing is told any more. */
void docent_revocation_stop(struct revocation *revocation);
void docent_revocation_fini(struct revocation *revocation);

/* The other role: asks for @node, or (NULL) for the first in line at @path, to be let go. A node that is gone, and nobody in line, are no
 * errors. Tells @done as docent_run_async() does, then @over. Returns DOCENT_OK if both will be called, else as docent_run_async(). */
docent_status docent_revoke(docent_client *client, const struct dialect *dialect, const char *path, const char *node, docent_result_fn done,
                            void *user, void (*over)(void *owner), void *owner);

#endif
