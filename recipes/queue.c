/* recipes/queue.c - see queue_internal.h: the orders of the dialects, making, and what the application calls. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "recipes/queue_internal.h"

/* ---- Names. ---- */

static bool read_plain(const char *name, int64_t *ret_number)
{
    return strncmp(name, "qn-", 3) == 0 && docent_items_read_number(name + 3, ret_number);
}

static bool plain_is_item(const char *name)
{
    int64_t number;
    return read_plain(name, &number);
}

static int plain_compare(const char *a, const char *b)
{
    int64_t left = 0, right = 0;
    (void)read_plain(a, &left);
    (void)read_plain(b, &right);
    return left < right ? -1 : left > right;
}

/* Kazoo prints priorities with three digits at least, and takes any number. */
static bool read_kazoo(const char *name, int64_t *ret_priority, int64_t *ret_number)
{
    int64_t priority = 0;
    size_t digits = 0;
    if (strncmp(name, "entry-", 6) != 0) return false;
    for (name += 6; *name >= '0' && *name <= '9' && digits < 10; name++, digits++) priority = priority * 10 + (*name - '0');
    *ret_priority = priority;
    return digits >= 3 && *name == '-' && docent_items_read_number(name + 1, ret_number);
}

static bool kazoo_is_item(const char *name)
{
    int64_t priority, number;
    return read_kazoo(name, &priority, &number);
}

static int kazoo_compare(const char *a, const char *b)
{
    int64_t left_priority = 0, right_priority = 0, left = 0, right = 0;
    (void)read_kazoo(a, &left_priority, &left);
    (void)read_kazoo(b, &right_priority, &right);
    if (left_priority != right_priority) return left_priority < right_priority ? -1 : 1;
    return left < right ? -1 : left > right;
}

static const struct items_order plain_order = { plain_is_item, plain_compare };
const struct items_order docent_queue_kazoo_order = { kazoo_is_item, kazoo_compare };

/* ---- Calls. ---- */

static void queue_tell(struct taker *taker)
{
    docent_result *got = taker->got;
    docent_result nothing = { .struct_size = sizeof nothing, .status = taker->status };
    if (taker->done != NULL) ((docent_result_fn)taker->done)(got != NULL ? got : &nothing, taker->user);
    docent_free(&taker->pull->handle.allocator, got);
}

static void queue_free(struct pull *pull)
{
    struct docent_queue *q = (struct docent_queue *)pull;
    docent_allocator allocator = pull->handle.allocator;
    docent_acl_drop(&allocator, q->target.acl);
    docent_free(&allocator, q);
}

static const struct pull_kind queue_kind = {
    .begin = docent_queue_take_begin,
    .start = docent_queue_take_start,
    .cancel = docent_queue_take_cancel,
    .tell = queue_tell,
    .free = queue_free,
};

docent_status docent_queue_take_async(docent_queue *queue, uint32_t timeout_ms, docent_result_fn done, void *user)
{
    if (queue == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    return docent_pull_take(&queue->pull, timeout_ms, (void (*)(void))done, user);
}

docent_status docent_queue_info(docent_queue *queue, docent_recipe_info *ret_info)
{
    return queue == NULL ? DOCENT_ERR_INVALID_ARGUMENT : docent_pull_info(&queue->pull, ret_info);
}

docent_status docent_queue_put_async(docent_queue *queue, const void *data, size_t size, docent_result_fn done, void *user)
{
    if (queue == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    docent_status status = docent_handle_check(&queue->pull.handle);
    return status == DOCENT_OK ? docent_put_one(queue->pull.handle.client, &queue->target, data, size, done, user) : status;
}

docent_status docent_queue_put_many_async(docent_queue *queue, const docent_queue_bytes *items, size_t count, docent_result_fn done, void *user)
{
    if (queue == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    docent_status status = docent_handle_check(&queue->pull.handle);
    return status == DOCENT_OK ? docent_put_many(queue->pull.handle.client, &queue->target, items, count, done, user) : status;
}

/* ---- Making. ---- */

docent_status docent_queue_new(docent_client *client, const char *path, const docent_queue_options *options, docent_queue **ret_queue)
{
    docent_queue_options full = { DOCENT_QUEUE_OPTIONS };
    if (client == NULL || path == NULL || ret_queue == NULL || !docent_options_take(&full, sizeof full, options)) return DOCENT_ERR_INVALID_ARGUMENT;
    if (docent_path_fault(path, false) != NULL || strcmp(path, "/") == 0) return DOCENT_ERR_INVALID_ARGUMENT;
    bool kazoo = full.dialect == DOCENT_DIALECT_KAZOO;
    if ((!kazoo && full.dialect != DOCENT_DIALECT_CURATOR) || full.priority > QUEUE_PRIORITY_MAX) return DOCENT_ERR_INVALID_ARGUMENT;
    docent_status status = docent_handle_may_open(client);
    if (status != DOCENT_OK) return status;

    const docent_allocator *allocator = docent_client_allocator(client);
    size_t path_size = strlen(path) + 1;
    struct docent_queue *q = docent_alloc(allocator, sizeof *q + 2 * path_size + QUEUE_PREFIX_SIZE);
    if (q == NULL) return DOCENT_ERR_NO_MEMORY;
    memset(q, 0, sizeof *q);
    char *text = (char *)(q + 1);
    q->path = memcpy(text, path, path_size);
    char *prefix = text + path_size;
    q->target.prefix = prefix;
    if (kazoo) {
        snprintf(prefix, path_size + QUEUE_PREFIX_SIZE, "%s/entry-%03" PRIu32 "-", path, full.priority == 0 ? QUEUE_PRIORITY : full.priority);
    } else {
        snprintf(prefix, path_size + QUEUE_PREFIX_SIZE, "%s/qn-", path);
    }
    q->order = kazoo ? &docent_queue_kazoo_order : &plain_order;
    q->target.parents = kazoo ? DOCENT_PARENTS_PERSISTENT : DOCENT_PARENTS_CONTAINER;
    q->target.again = full.put_again;
    status = docent_acl_keep(allocator, full.acl, &q->target.acl);
    struct items_config items = {
        .path = q->path,
        .order = q->order,
        .fresh_ms = !kazoo ? DOCENT_FOREVER : full.fresh_ms == 0 ? QUEUE_FRESH_MS : full.fresh_ms,
        .again_ms = QUEUE_AGAIN_MS,
    };
    if (status == DOCENT_OK) status = docent_pull_open(&q->pull, client, &queue_kind, &items);
    if (status != DOCENT_OK) {
        docent_acl_drop(allocator, q->target.acl);
        docent_free(allocator, q);
        return status;
    }
    *ret_queue = q;
    return DOCENT_OK;
}

void docent_queue_close(docent_queue *queue, void (*closed)(void *user), void *user)
{
    docent_handle_close(queue == NULL ? NULL : &queue->pull.handle, closed, user);
}
