/* recipes/queue_sharder_blocking.c - the blocking form of docent/queue_sharder.h: the asynchronous one, and docent_await(). */
#include "recipes/blocking.h"
#include "recipes/queue_sharder_internal.h"

struct sharder_wait { /* On the waiting thread's stack. */
    docent_queue_sharder *sharder;
    const docent_work_put *put;
    uint32_t timeout_ms;
};

static docent_status put_start(void *argument, struct docent_wait *wait)
{
    const struct sharder_wait *w = argument;
    return docent_queue_sharder_put_async(w->sharder, w->put, w->timeout_ms, docent_wait_told, wait);
}

docent_status docent_queue_sharder_put(docent_queue_sharder *sharder, const docent_work_put *put, uint32_t timeout_ms)
{
    return docent_wait_on(sharder == NULL ? NULL : &sharder->handle, put_start, &(struct sharder_wait){ sharder, put, timeout_ms });
}
