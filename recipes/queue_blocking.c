/* recipes/queue_blocking.c - the blocking forms of docent/queue.h: the asynchronous ones, and docent_await(). */
#include "recipes/blocking.h"
#include "recipes/queue_internal.h"

enum queue_verb { QUEUE_PUT, QUEUE_PUT_MANY, QUEUE_TAKE, QUEUE_PEEK, QUEUE_SIZE };

struct queue_wait { /* On the waiting thread's stack. */
    docent_queue *queue;
    enum queue_verb verb;
    const void *data;
    size_t size;
    const docent_queue_bytes *items;
    uint32_t timeout_ms;
    docent_result **ret_result;
    uint32_t *ret_count;
    struct docent_wait *wait;
};

static void queue_done(const docent_result *result, void *user)
{
    struct queue_wait *w = user;
    if (w->ret_count != NULL && result->status == DOCENT_OK) *w->ret_count = (uint32_t)result->number;
    docent_wait_result(w->wait, result, w->ret_result, NULL);
}

static docent_status queue_start(void *argument, struct docent_wait *wait)
{
    struct queue_wait *w = argument;
    w->wait = wait;
    switch (w->verb) {
    case QUEUE_PUT: return docent_queue_put_async(w->queue, w->data, w->size, queue_done, w);
    case QUEUE_PUT_MANY: return docent_queue_put_many_async(w->queue, w->items, w->size, queue_done, w);
    case QUEUE_TAKE: return docent_queue_take_async(w->queue, w->timeout_ms, queue_done, w);
    case QUEUE_PEEK: return docent_queue_peek_async(w->queue, queue_done, w);
    case QUEUE_SIZE: return docent_queue_size_async(w->queue, queue_done, w);
    }
    return DOCENT_ERR_INVALID_ARGUMENT;
}

static docent_status queue_wait(struct queue_wait *w)
{
    return docent_wait_on(w->queue == NULL ? NULL : &w->queue->pull.handle, queue_start, w);
}

docent_status docent_queue_put(docent_queue *queue, const void *data, size_t size, docent_result **ret_result)
{
    return queue_wait(&(struct queue_wait){ .queue = queue, .verb = QUEUE_PUT, .data = data, .size = size, .ret_result = ret_result });
}

docent_status docent_queue_put_many(docent_queue *queue, const docent_queue_bytes *items, size_t count, docent_result **ret_result)
{
    return queue_wait(&(struct queue_wait){ .queue = queue, .verb = QUEUE_PUT_MANY, .items = items, .size = count, .ret_result = ret_result });
}

docent_status docent_queue_take(docent_queue *queue, uint32_t timeout_ms, docent_result **ret_result)
{
    if (ret_result == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    return queue_wait(&(struct queue_wait){ .queue = queue, .verb = QUEUE_TAKE, .timeout_ms = timeout_ms, .ret_result = ret_result });
}

docent_status docent_queue_peek(docent_queue *queue, docent_result **ret_result)
{
    if (ret_result == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    return queue_wait(&(struct queue_wait){ .queue = queue, .verb = QUEUE_PEEK, .ret_result = ret_result });
}

docent_status docent_queue_size(docent_queue *queue, uint32_t *ret_count)
{
    if (ret_count == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    return queue_wait(&(struct queue_wait){ .queue = queue, .verb = QUEUE_SIZE, .ret_count = ret_count });
}
