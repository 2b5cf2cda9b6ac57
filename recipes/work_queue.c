/* recipes/work_queue.c - see work_queue_internal.h: a work queue is made, its parts are started, and ended. */
#include <docent/work_queue.h>

#include <string.h>

#include "recipes/work_queue_internal.h"

#define QUARANTINE "-quarantine"

static docent_work_queue *queue_of(const struct handle *handle)
{
    return (docent_work_queue *)(uintptr_t)handle;
}

void docent_work_settle(docent_work_queue *queue)
{
    docent_handle_settle(&queue->handle);
}

void docent_work_counted(docent_work_queue *queue, int64_t count)
{
    docent_shared_set(&queue->last_count, count);
}

/* ---- From the beginning to the end. ---- */

static void queue_ground_told(struct ground *ground, docent_status status)
{
    docent_work_queue *queue = (docent_work_queue *)((char *)ground - offsetof(docent_work_queue, ground));
    docent_meter_reason(&queue->meter, queue->handle.client, status);
    if (status != DOCENT_OK) {
        docent_producer_refused(queue, status);
        return;
    }
    docent_meter_state(&queue->meter, queue->handle.client, "working");
    docent_producer_pump(queue);
    if (queue->consumer != NULL) docent_consumer_start(queue);
}

static void queue_attached(struct handle *handle)
{
    docent_work_queue *queue = queue_of(handle);
    docent_meter_state(&queue->meter, handle->client, "preparing");
    docent_producer_start(queue);
    docent_census_start(queue);
    docent_ground_start(&queue->ground, handle->client);
}

static void queue_on_event(struct handle *handle, const struct docent_event *ev)
{
    (void)handle; /* The parts have machines of their own. */
    (void)ev;
}

static void queue_end(struct handle *handle, docent_status why, bool mute)
{
    docent_work_queue *queue = queue_of(handle);
    docent_ground_stop(&queue->ground);
    docent_census_stop(queue, mute);
    docent_producer_end(queue, why);
    docent_removers_end(queue, handle->refusal);
    if (queue->consumer != NULL) docent_consumer_end(queue, why, mute);
}

static bool queue_is_over(const struct handle *handle)
{
    const docent_work_queue *queue = queue_of(handle);
    return docent_producer_is_over(queue) && docent_census_is_over(queue) && queue->removers == NULL &&
           (queue->consumer == NULL || docent_consumer_is_over(queue));
}

static void queue_free(struct handle *handle)
{
    docent_work_queue *queue = queue_of(handle);
    docent_allocator allocator = handle->allocator;
    if (queue->consumer != NULL) docent_consumer_free(queue);
    docent_free(&allocator, queue->path);
    docent_free(&allocator, queue->lock_path);
    docent_free(&allocator, queue->receipt_path);
    docent_free(&allocator, queue->quarantine_path);
    docent_receipt_free(&queue->producer.receipt, &allocator);
    docent_acl_drop(&allocator, queue->acl);
    docent_free(&allocator, queue);
}

static const struct handle_kind queue_kind = {
    .attached = queue_attached,
    .on_event = queue_on_event,
    .end = queue_end,
    .is_over = queue_is_over,
    .free = queue_free,
    .nudged = docent_consumer_answers,
};

/* ---- Making. ---- */

static bool is_path(const char *path)
{
    return docent_path_fault(path, false) == NULL && strcmp(path, "/") != 0;
}

static bool options_are_good(const char *path, const docent_work_queue_options *options)
{
    if (path == NULL || !is_path(path) || (unsigned)options->kind > DOCENT_WORK_QUEUE_DELAY) return false;
    if ((unsigned)options->on_failure > DOCENT_WORK_DELETE) return false;
    const char *const others[] = { options->lock_path, options->receipt_path, options->quarantine_path };
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        if (others[i] != NULL && (!is_path(others[i]) || strcmp(others[i], path) == 0)) return false;
    }
    return true;
}

static docent_status keep_path(const docent_allocator *allocator, const char *path, char **ret_path)
{
    if (path == NULL) return DOCENT_OK;
    *ret_path = docent_strdup(allocator, path);
    return *ret_path == NULL ? DOCENT_ERR_NO_MEMORY : DOCENT_OK;
}

static char *quarantine_of(const docent_allocator *allocator, const char *path)
{
    size_t size = strlen(path);
    char *quarantine = docent_alloc(allocator, size + sizeof QUARANTINE);
    if (quarantine == NULL) return NULL;
    memcpy(quarantine, path, size);
    memcpy(quarantine + size, QUARANTINE, sizeof QUARANTINE);
    return quarantine;
}

static docent_status queue_fill(docent_work_queue *queue, const char *path, const docent_work_queue_options *options)
{
    const docent_allocator *allocator = docent_work_allocator(queue);
    queue->kind = options->kind;
    queue->parallel = options->parallel == 0 ? 1 : options->parallel;
    queue->refresh_items = options->refresh_items == 0 ? 1 : options->refresh_items;
    queue->max_items = options->max_items;
    queue->on_failure = options->on_failure;
    queue->on_item = options->on_item;
    queue->on_put = options->on_put;
    queue->on_trouble = options->on_trouble;
    queue->on_lost = options->on_lost;
    queue->user = options->user;
    queue->path_size = strlen(path);
    docent_status status = keep_path(allocator, path, &queue->path);
    if (status == DOCENT_OK) status = keep_path(allocator, options->lock_path, &queue->lock_path);
    if (status == DOCENT_OK) status = keep_path(allocator, options->receipt_path, &queue->receipt_path);
    if (status == DOCENT_OK) status = keep_path(allocator, options->quarantine_path, &queue->quarantine_path);
    if (status == DOCENT_OK && queue->quarantine_path == NULL) {
        queue->quarantine_path = quarantine_of(allocator, path);
        if (queue->quarantine_path == NULL) status = DOCENT_ERR_NO_MEMORY;
    }
    if (status == DOCENT_OK) status = docent_acl_keep(allocator, options->acl, &queue->acl);
    if (status == DOCENT_OK) status = docent_producer_fill(queue);
    if (status == DOCENT_OK && queue->on_item != NULL) status = docent_consumer_new(queue);
    return status;
}

static void queue_prepare(docent_work_queue *queue)
{
    struct ground *ground = &queue->ground;
    ground->paths[ground->count++] = queue->path;
    if (queue->lock_path != NULL) ground->paths[ground->count++] = queue->lock_path;
    if (queue->receipt_path != NULL) ground->paths[ground->count++] = queue->receipt_path;
    ground->acl = queue->acl;
    ground->told = queue_ground_told;
    docent_shared_set(&queue->last_count, -1);
    queue->handle.timers = (uint8_t)(2u /* Ground and producer. */ + (queue->max_items > 0 ? 2u : 0) /* Census, and its watch. */ +
                           (queue->consumer != NULL ? docent_consumer_timers() : 0u));
}

docent_status docent_work_queue_make(docent_client *client, const char *path, const docent_work_queue_options *options, struct handle *whole,
                                     docent_work_queue **ret_queue)
{
    docent_work_queue_options full = { DOCENT_WORK_QUEUE_OPTIONS };
    if (client == NULL || ret_queue == NULL || !docent_options_take(&full, sizeof full, options)) return DOCENT_ERR_INVALID_ARGUMENT;
    if (!options_are_good(path, &full)) return DOCENT_ERR_INVALID_ARGUMENT;
    docent_status status = docent_handle_may_open(client);
    if (status != DOCENT_OK) return status;
    const docent_allocator *allocator = docent_client_allocator(client);
    docent_work_queue *queue = docent_alloc(allocator, sizeof *queue);
    if (queue == NULL) return DOCENT_ERR_NO_MEMORY;
    memset(queue, 0, sizeof *queue);
    queue->handle.client = client;
    queue->handle.allocator = *allocator; /* What is freed before it is open is freed with it. */
    status = queue_fill(queue, path, &full);
    if (status == DOCENT_OK) {
        queue_prepare(queue);
        queue->part = whole != NULL;
        if (queue->part) docent_handle_join(&queue->handle, whole);
        status = docent_handle_open(&queue->handle, client, &queue_kind);
    }
    if (status != DOCENT_OK) {
        docent_handle_leave(&queue->handle);
        queue_free(&queue->handle);
        return status;
    }
    *ret_queue = queue;
    return DOCENT_OK;
}

docent_status docent_work_queue_new(docent_client *client, const char *path, const docent_work_queue_options *options,
                                    docent_work_queue **ret_queue)
{
    return docent_work_queue_make(client, path, options, NULL, ret_queue);
}

/* ---- Asked by any thread. ---- */

int64_t docent_work_queue_last_count(const docent_work_queue *queue)
{
    return queue == NULL ? -1 : docent_shared_get(&queue->last_count);
}

docent_status docent_work_queue_info(docent_work_queue *queue, docent_recipe_info *ret_info)
{
    if (queue == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    return docent_meter_ask(&queue->handle, &queue->meter, ret_info);
}

void docent_work_queue_close(docent_work_queue *queue, void (*closed)(void *user), void *user)
{
    if (queue == NULL || queue->part) return; /* A part is the whole's to close. */
    docent_handle_close(&queue->handle, closed, user);
}
