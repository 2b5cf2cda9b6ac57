/* recipes/blocking.c - the blocking forms: the asynchronous one of the same name, and docent_await(). */
#include "recipes/blocking.h"

void docent_wait_result(struct docent_wait *wait, const docent_result *result, docent_result **ret_result, docent_stat *ret_stat)
{
    docent_status status = result->status;
    if (ret_stat != NULL && result->has_stat) *ret_stat = result->stat;
    if (ret_result != NULL) {
        *ret_result = docent_result_copy(result);
        if (*ret_result == NULL && status == DOCENT_OK) status = DOCENT_ERR_NO_MEMORY;
    }
    docent_wait_done(wait, status);
}

/* ---- Calls on a handle. ---- */

docent_status docent_wait_on(struct handle *handle, docent_status (*start)(void *argument, struct docent_wait *wait), void *argument)
{
    if (handle == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    docent_client *client;
    docent_status status = docent_handle_client(handle, &client);
    return status == DOCENT_OK ? docent_await(client, start, argument) : status;
}

struct verb_call { /* On the waiting thread's stack. */
    struct handle *handle;
    timed_verb verb;
    uint32_t timeout_ms;
};

static docent_status verb_start(void *argument, struct docent_wait *wait)
{
    const struct verb_call *call = argument;
    return call->verb(call->handle, call->timeout_ms, docent_wait_told, wait);
}

docent_status docent_wait_verb(struct handle *handle, timed_verb verb, uint32_t timeout_ms)
{
    return docent_wait_on(handle, verb_start, &(struct verb_call){ handle, verb, timeout_ms });
}

struct read_call { /* On the waiting thread's stack. */
    struct handle *handle;
    read_verb verb;
    docent_result **ret_result;
    struct docent_wait *wait;
};

static void read_done(const docent_result *result, void *user)
{
    struct read_call *call = user;
    docent_wait_result(call->wait, result, call->ret_result, NULL);
}

static docent_status read_start(void *argument, struct docent_wait *wait)
{
    struct read_call *call = argument;
    call->wait = wait;
    return call->verb(call->handle, read_done, call);
}

docent_status docent_wait_read(struct handle *handle, read_verb verb, docent_result **ret_result)
{
    if (ret_result == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    return docent_wait_on(handle, read_start, &(struct read_call){ .handle = handle, .verb = verb, .ret_result = ret_result });
}

/* ---- With a time-out of their own. ---- */

void docent_timed_wait_drop(struct timed_wait *w)
{
    w->wait = NULL;
    docent_timer_stop(w->client, &w->timer);
    docent_timer_release(w->client);
}

void docent_timed_wait_tell(struct timed_wait *w, docent_status outcome)
{
    struct docent_wait *wait = w->wait;
    if (wait == NULL) return;
    docent_timed_wait_drop(w);
    docent_wait_done(wait, outcome);
}

static void timed_wait_late(struct docent_timer *timer)
{
    docent_timed_wait_tell((struct timed_wait *)((char *)timer - offsetof(struct timed_wait, timer)), DOCENT_ERR_TIMEOUT);
}

docent_status docent_timed_wait_begin(struct timed_wait *w, docent_client *client, struct docent_wait *wait, uint32_t timeout_ms)
{
    docent_status status = docent_timer_reserve(client);
    if (status != DOCENT_OK) return status;
    w->client = client;
    w->wait = wait;
    w->timer.fire = timed_wait_late;
    const struct docent_host *host = docent_client_host(client);
    if (timeout_ms != DOCENT_FOREVER) docent_timer_set(client, &w->timer, host->now_ms(host->user) + timeout_ms);
    return DOCENT_OK;
}

/* ---- Operations. ---- */

struct run_wait { /* On the waiting thread's stack. */
    docent_client *client;
    const docent_op *op;
    const docent_call_options *call;
    docent_result **ret_result;
    docent_stat *ret_stat;
    struct docent_wait *wait;
};

static void run_done(const docent_result *result, void *user)
{
    struct run_wait *w = user;
    docent_wait_result(w->wait, result, w->ret_result, w->ret_stat);
}

static docent_status run_start(void *argument, struct docent_wait *wait)
{
    struct run_wait *w = argument;
    w->wait = wait;
    return docent_run_async(w->client, w->op, w->call, run_done, w);
}

static docent_status run(docent_client *client, const docent_op *op, const docent_call_options *call, docent_result **ret_result,
                         docent_stat *ret_stat)
{
    if (client == NULL || op == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    struct run_wait w = { .client = client, .op = op, .call = call, .ret_result = ret_result, .ret_stat = ret_stat };
    return docent_await(client, run_start, &w);
}

docent_status docent_run(docent_client *client, const docent_op *op, const docent_call_options *call, docent_result **ret_result)
{
    return run(client, op, call, ret_result, NULL);
}

docent_status docent_create(docent_client *client, const char *path, const void *data, size_t size, docent_create_mode mode,
                            docent_result **ret_result)
{
    docent_op op = docent_op_create(path, data, size, mode);
    return run(client, &op, NULL, ret_result, NULL);
}

docent_status docent_delete(docent_client *client, const char *path, int32_t version)
{
    docent_op op = docent_op_delete(path, version);
    return run(client, &op, NULL, NULL, NULL);
}

docent_status docent_exists(docent_client *client, const char *path, docent_stat *ret_stat)
{
    docent_op op = docent_op_exists(path);
    return run(client, &op, NULL, NULL, ret_stat);
}

docent_status docent_get(docent_client *client, const char *path, docent_result **ret_result)
{
    docent_op op = docent_op_get(path);
    return run(client, &op, NULL, ret_result, NULL);
}

docent_status docent_set(docent_client *client, const char *path, const void *data, size_t size, int32_t version,
                         docent_stat *ret_stat)
{
    docent_op op = docent_op_set(path, data, size, version);
    return run(client, &op, NULL, NULL, ret_stat);
}

docent_status docent_children(docent_client *client, const char *path, docent_result **ret_result)
{
    docent_op op = docent_op_children(path);
    return run(client, &op, NULL, ret_result, NULL);
}

docent_status docent_sync(docent_client *client, const char *path)
{
    docent_op op = docent_op_sync(path);
    return run(client, &op, NULL, NULL, NULL);
}

docent_status docent_multi(docent_client *client, const docent_op *ops, size_t count, docent_result **ret_result)
{
    docent_op op = docent_op_multi(ops, count);
    return run(client, &op, NULL, ret_result, NULL);
}
