/* recipes/participants.h - who contends for a path: the data and stat of each contender's node, in order. */
#ifndef DOCENT_RECIPES_PARTICIPANTS_H
#define DOCENT_RECIPES_PARTICIPANTS_H

#include <docent/operation.h>

#include "recipes/dialect.h"

/* Tells @done the labels of the contenders of @path as result->names, and their nodes as result->results, first in line first, but not more
 * than @most of them, with no more reads than that takes; then @over (for the owner to count what it waits for). Reads under the client's
 * retry policy. Contenders that leave meanwhile are left out; no such path is no error, but nobody. Returns DOCENT_OK if both will be
 * called, else as docent_run_async(). Loop. */
docent_status docent_participants_read_first(docent_client *client, const struct dialect *dialect, const char *path, size_t most,
                                             docent_result_fn done, void *user, void (*over)(void *owner), void *owner);
/* All of them. */
static inline docent_status docent_participants_read(docent_client *client, const struct dialect *dialect, const char *path,
                                                     docent_result_fn done, void *user, void (*over)(void *owner), void *owner)
{
    return docent_participants_read_first(client, dialect, path, SIZE_MAX, done, user, over, owner);
}

#endif
