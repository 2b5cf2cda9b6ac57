/* recipes/claim_queue_blocking.c - the blocking forms of docent/claim_queue.h: the asynchronous ones, and docent_await(). */
#include "recipes/blocking.h"
#include "recipes/claim_queue_internal.h"

struct put_wait { /* On the waiting thread's stack. */
    docent_claim_queue *queue;
    const void *data;
    size_t size;
    const docent_queue_bytes *items; /* NULL: one. */
    docent_result **ret_result;
    struct docent_wait *wait;
};

static void put_done(const docent_result *result, void *user)
{
    struct put_wait *w = user;
    docent_wait_result(w->wait, result, w->ret_result, NULL);
}

static docent_status put_start(void *argument, struct docent_wait *wait)
{
    struct put_wait *w = argument;
    w->wait = wait;
    if (w->items == NULL) return docent_claim_queue_put_async(w->queue, w->data, w->size, put_done, w);
    return docent_claim_queue_put_many_async(w->queue, w->items, w->size, put_done, w);
}

docent_status docent_claim_queue_put(docent_claim_queue *queue, const void *data, size_t size, docent_result **ret_result)
{
    if (queue == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    return docent_wait_on(&queue->pull.handle, put_start, &(struct put_wait){ .queue = queue, .data = data, .size = size, .ret_result = ret_result });
}

docent_status docent_claim_queue_put_many(docent_claim_queue *queue, const docent_queue_bytes *items, size_t count, docent_result **ret_result)
{
    if (queue == NULL || items == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    return docent_wait_on(&queue->pull.handle, put_start, &(struct put_wait){ .queue = queue, .items = items, .size = count, .ret_result = ret_result });
}

struct take_wait { /* On the waiting thread's stack. */
    docent_claim_queue *queue;
    uint32_t timeout_ms;
    docent_item **ret_item;
    struct docent_wait *wait;
};

static void take_done(docent_status status, docent_item *item, void *user)
{
    struct take_wait *w = user;
    if (status == DOCENT_OK) *w->ret_item = item;
    docent_wait_done(w->wait, status);
}

static docent_status take_start(void *argument, struct docent_wait *wait)
{
    struct take_wait *w = argument;
    w->wait = wait;
    return docent_claim_queue_take_async(w->queue, w->timeout_ms, take_done, w);
}

docent_status docent_claim_queue_take(docent_claim_queue *queue, uint32_t timeout_ms, docent_item **ret_item)
{
    if (queue == NULL || ret_item == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    return docent_wait_on(&queue->pull.handle, take_start, &(struct take_wait){ .queue = queue, .timeout_ms = timeout_ms, .ret_item = ret_item });
}

struct end_wait { /* On the waiting thread's stack. */
    docent_item *item;
    bool requeue;
};

static docent_status end_start(void *argument, struct docent_wait *wait)
{
    const struct end_wait *w = argument;
    return (w->requeue ? docent_item_requeue_async : docent_item_acknowledge_async)(w->item, docent_wait_told, wait);
}

docent_status docent_item_acknowledge(docent_item *item)
{
    if (item == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    return docent_wait_on(&item->handle, end_start, &(struct end_wait){ .item = item });
}

docent_status docent_item_requeue(docent_item *item)
{
    if (item == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    return docent_wait_on(&item->handle, end_start, &(struct end_wait){ .item = item, .requeue = true });
}
