/* recipes/claim_queue.c - see claim_queue_internal.h: making a queue, and its calls. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "recipes/claim_queue_internal.h"
#include "recipes/queue_internal.h"

/* ---- Order. ---- */

static bool curator_is_item(const char *name)
{
    return strncmp(name, "queue-", 6) == 0;
}

static const struct items_order curator_order = { curator_is_item, strcmp };

/* ---- Calls. ---- */

static void claim_queue_tell(struct taker *taker)
{
    docent_item *item = taker->got;
    if (taker->done != NULL) {
        ((docent_item_fn)taker->done)(taker->status, item, taker->user);
    } else {
        docent_item_close(item, NULL, NULL);
    }
}

static void claim_queue_free(struct pull *pull)
{
    struct docent_claim_queue *q = (struct docent_claim_queue *)pull;
    docent_allocator allocator = pull->handle.allocator;
    docent_acl_drop(&allocator, q->target.acl);
    docent_free(&allocator, q);
}

static const struct pull_kind claim_queue_kind = {
    .begin = docent_item_begin,
    .start = docent_item_start,
    .cancel = docent_item_cancel,
    .tell = claim_queue_tell,
    .free = claim_queue_free,
};

docent_status docent_claim_queue_take_async(docent_claim_queue *queue, uint32_t timeout_ms, docent_item_fn done, void *user)
{
    if (queue == NULL || done == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    return docent_pull_take(&queue->pull, timeout_ms, (void (*)(void))done, user);
}

docent_status docent_claim_queue_info(docent_claim_queue *queue, docent_recipe_info *ret_info)
{
    return queue == NULL ? DOCENT_ERR_INVALID_ARGUMENT : docent_pull_info(&queue->pull, ret_info);
}

static docent_status claim_queue_may_put(docent_claim_queue *queue)
{
    if (queue == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    docent_status status = docent_handle_check(&queue->pull.handle);
    return status == DOCENT_OK && !queue->kazoo ? DOCENT_ERR_INVALID_ARGUMENT : status;
}

docent_status docent_claim_queue_put_async(docent_claim_queue *queue, const void *data, size_t size, docent_result_fn done, void *user)
{
    docent_status status = claim_queue_may_put(queue);
    return status == DOCENT_OK ? docent_put_one(queue->pull.handle.client, &queue->target, data, size, done, user) : status;
}

docent_status docent_claim_queue_put_many_async(docent_claim_queue *queue, const docent_queue_bytes *items, size_t count, docent_result_fn done,
                                                void *user)
{
    docent_status status = claim_queue_may_put(queue);
    return status == DOCENT_OK ? docent_put_many(queue->pull.handle.client, &queue->target, items, count, done, user) : status;
}

/* ---- Making. ---- */

enum { CLAIM_QUEUE_SUFFIX_SIZE = 16 };

/* A claim has its item's name, and so cannot stand beside it. */
static bool claims_path_is_good(const char *claims, const char *path)
{
    return docent_path_fault(claims, false) == NULL && strcmp(claims, "/") != 0 && strcmp(claims, path) != 0;
}

docent_status docent_claim_queue_new(docent_client *client, const char *path, const docent_claim_queue_options *options,
                                     docent_claim_queue **ret_queue)
{
    docent_claim_queue_options full = { DOCENT_CLAIM_QUEUE_OPTIONS };
    if (client == NULL || path == NULL || ret_queue == NULL || !docent_options_take(&full, sizeof full, options)) return DOCENT_ERR_INVALID_ARGUMENT;
    if (docent_path_fault(path, false) != NULL || strcmp(path, "/") == 0) return DOCENT_ERR_INVALID_ARGUMENT;
    bool kazoo = full.dialect == DOCENT_DIALECT_KAZOO;
    if ((!kazoo && full.dialect != DOCENT_DIALECT_CURATOR) || full.priority > QUEUE_PRIORITY_MAX) return DOCENT_ERR_INVALID_ARGUMENT;
    if (full.claims_path != NULL && (kazoo || !claims_path_is_good(full.claims_path, path))) return DOCENT_ERR_INVALID_ARGUMENT;
    docent_status status = docent_handle_may_open(client);
    if (status != DOCENT_OK) return status;

    const docent_allocator *allocator = docent_client_allocator(client);
    size_t room = strlen(path) + CLAIM_QUEUE_SUFFIX_SIZE, claims_room = full.claims_path == NULL ? room : strlen(full.claims_path) + 1;
    struct docent_claim_queue *q = docent_alloc(allocator, sizeof *q + room + claims_room + room + QUEUE_PREFIX_SIZE);
    if (q == NULL) return DOCENT_ERR_NO_MEMORY;
    memset(q, 0, sizeof *q);
    char *directory = (char *)(q + 1), *claims = directory + room, *prefix = claims + claims_room;
    snprintf(directory, room, "%s%s", path, kazoo ? "/entries" : "");
    snprintf(claims, claims_room, "%s%s", full.claims_path != NULL ? full.claims_path : path, full.claims_path != NULL ? "" : kazoo ? "/taken" : "-claims");
    snprintf(prefix, room + QUEUE_PREFIX_SIZE, "%s/entries/entry-%03" PRIu32 "-", path, full.priority == 0 ? QUEUE_PRIORITY : full.priority);
    q->directory = directory;
    q->claims = claims;
    q->kazoo = kazoo;
    q->target = (struct put_target){ .prefix = prefix, .parents = DOCENT_PARENTS_PERSISTENT, .again = full.put_again };
    q->on_lost = full.on_lost;
    q->user = full.user;
    status = docent_acl_keep(allocator, full.acl, &q->target.acl);
    struct items_config items = {
        .path = directory,
        .claims = claims,
        .order = kazoo ? &docent_queue_kazoo_order : &curator_order,
        .fresh_ms = full.fresh_ms != 0 ? full.fresh_ms : kazoo ? QUEUE_FRESH_MS : DOCENT_FOREVER,
        .again_ms = QUEUE_AGAIN_MS,
        .scatter = full.any_order,
    };
    if (status == DOCENT_OK) status = docent_pull_open(&q->pull, client, &claim_queue_kind, &items);
    if (status != DOCENT_OK) {
        docent_acl_drop(allocator, q->target.acl);
        docent_free(allocator, q);
        return status;
    }
    *ret_queue = q;
    return DOCENT_OK;
}

void docent_claim_queue_close(docent_claim_queue *queue, void (*closed)(void *user), void *user)
{
    docent_handle_close(queue == NULL ? NULL : &queue->pull.handle, closed, user);
}
