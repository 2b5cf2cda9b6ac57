/* recipes/put.h - puts items into a queue: persistent sequential nodes, whose names are the server's but for a prefix. A put is a call of the
 * client's, with its time-out and retry policy.
 *
 * A lost reply leaves it in doubt: nothing at the server tells one producer's item from another's, and a consumer may have it already. */
#ifndef DOCENT_RECIPES_PUT_H
#define DOCENT_RECIPES_PUT_H

#include <docent/node.h>
#include <docent/queue.h>

#include "core/client/machine.h"

struct put_target {
    const char *prefix;  /* directory/prefix- */
    docent_acl_list acl; /* Of items, and of parents made. */
    docent_parents parents;
    bool again;          /* What is in doubt is put again. */
};

/* @target is copied as far as it is needed later. Returns and outcomes: as docent_queue_put_async(). */
docent_status docent_put_one(docent_client *client, const struct put_target *target, const void *data, size_t size, docent_result_fn done,
                             void *user);
docent_status docent_put_many(docent_client *client, const struct put_target *target, const docent_queue_bytes *items, size_t count,
                              docent_result_fn done, void *user);

#endif
