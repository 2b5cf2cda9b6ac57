/* recipes/work_queue_blocking.c - the blocking forms of docent/work_queue.h: the asynchronous ones, and docent_await(). */
#include "recipes/blocking.h"
#include "recipes/work_queue_internal.h"

struct work_wait { /* On the waiting thread's stack. */
    docent_status (*start)(struct work_wait *wait);
    docent_work_queue *queue;
    const docent_work_put *put;
    const char *id;
    uint32_t timeout_ms;
    size_t *ret_count;
    struct docent_wait *wait;
};

static docent_status work_started(void *argument, struct docent_wait *wait)
{
    struct work_wait *w = argument;
    w->wait = wait;
    return w->start(w);
}

static docent_status work_await(struct work_wait *w)
{
    return docent_wait_on(w->queue == NULL ? NULL : &w->queue->handle, work_started, w);
}

static docent_status put_start(struct work_wait *w)
{
    return docent_work_queue_put_async(w->queue, w->put, w->timeout_ms, docent_wait_told, w->wait);
}

docent_status docent_work_queue_put(docent_work_queue *queue, const docent_work_put *put, uint32_t timeout_ms)
{
    struct work_wait w = { .start = put_start, .queue = queue, .put = put, .timeout_ms = timeout_ms };
    return work_await(&w);
}

static docent_status flush_start(struct work_wait *w)
{
    return docent_work_queue_flush_async(w->queue, w->timeout_ms, docent_wait_told, w->wait);
}

docent_status docent_work_queue_flush(docent_work_queue *queue, uint32_t timeout_ms)
{
    struct work_wait w = { .start = flush_start, .queue = queue, .timeout_ms = timeout_ms };
    return work_await(&w);
}

static void removed(docent_status status, size_t count, void *user)
{
    struct work_wait *w = user;
    if (w->ret_count != NULL) *w->ret_count = count;
    docent_wait_done(w->wait, status);
}

static docent_status remove_start(struct work_wait *w)
{
    return docent_work_queue_remove_async(w->queue, w->id, w->timeout_ms, removed, w);
}

docent_status docent_work_queue_remove(docent_work_queue *queue, const char *id, uint32_t timeout_ms, size_t *ret_count)
{
    struct work_wait w = { .start = remove_start, .queue = queue, .id = id, .timeout_ms = timeout_ms, .ret_count = ret_count };
    return work_await(&w);
}
