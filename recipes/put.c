/* recipes/put.c - see put.h. */
#include "recipes/put.h"

#include <string.h>

#include <docent/txn.h>

#include "recipes/items.h"
#include "recipes/node.h"
#include "recipes/step.h"

enum { PUT_ROUNDS = 8 }; /* For containers that vanish between their making and the put. */

struct put {
    struct steps steps;
    struct step step;
    bool again;
    docent_parents parents;
    docent_acl_list acl; /* Own. */
    unsigned rounds;
    size_t size;
    uint8_t *data;       /* In our own block, as is the path. */
    char path[];
};

static void put_done(const docent_result *result, void *user);

static void put_free(struct put *put)
{
    docent_client *client = put->steps.client;
    const docent_allocator *allocator = docent_client_allocator(client);
    docent_client_keep(client); /* The last of it may have been the put's. */
    docent_acl_drop(allocator, put->acl);
    docent_steps_end(&put->steps);
    docent_free(allocator, put);
    docent_client_drop(client);
}

static void put_fail(struct put *put, docent_status status)
{
    const docent_result result = { .struct_size = sizeof result, .status = status };
    docent_steps_tell(&put->steps, &result);
    put_free(put);
}

static docent_status put_send(struct put *put)
{
    const docent_call_options *call = docent_step_begin(&put->step, &put->steps);
    docent_op create = docent_op_create(put->path, put->data, put->size, DOCENT_PERSISTENT_SEQUENTIAL);
    create.acl = put->acl;
    return call == NULL ? DOCENT_ERR_TIMEOUT : docent_run_step(put->steps.client, &create, call, NULL, put_done, put);
}

static void put_parents_done(const docent_result *result, void *user)
{
    struct put *put = user;
    docent_step_over(&put->step, result);
    docent_status status = result->status == DOCENT_OK ? put_send(put) : result->status;
    if (status != DOCENT_OK) put_fail(put, status);
}

static docent_status put_make_parents(struct put *put)
{
    const docent_call_options *call = docent_step_begin(&put->step, &put->steps);
    if (call == NULL) return DOCENT_ERR_TIMEOUT;
    struct node_limits limits = { .timeout_ms = call->timeout_ms, .retry = call->retry, .offline = call->offline, .step = true };
    char *slash = strrchr(put->path, '/');
    *slash = '\0';
    docent_status status = docent_ensure_path_within(put->steps.client, put->path, put->parents, put->acl, &limits, put_parents_done, put);
    *slash = '/';
    return status;
}

/* A path that has had 2^31 children stays at the last number, and then the name exists: only that one is ever given twice. A server that counts on
 * gives numbers that peers put in the wrong place. */
static docent_status put_outcome(docent_client *client, const docent_result *result)
{
    int64_t number;
    const char *digits = result->status != DOCENT_OK || result->path == NULL ? NULL : strrchr(result->path, '-');
    bool negative = digits != NULL && digits > result->path && digits[-1] == '-' && docent_items_read_number(digits, &number);
    if (negative) docent_client_log(client, DOCENT_LOG_ERROR, "queue.exhausted", result->path, "the path has had 2^31 children: the order is lost");
    return result->status == DOCENT_ERR_NODE_EXISTS ? DOCENT_ERR_SEQUENCE_EXHAUSTED : result->status;
}

static void put_done(const docent_result *result, void *user)
{
    struct put *put = user;
    docent_status status = DOCENT_OK;
    docent_result told = *result;
    docent_step_over(&put->step, result);
    if (result->status == DOCENT_ERR_NO_NODE && put->rounds++ < PUT_ROUNDS) {
        status = put_make_parents(put);
    } else if (result->status == DOCENT_ERR_UNKNOWN_OUTCOME && put->again && docent_client_close_cause(put->steps.client) == DOCENT_OK) {
        status = put_send(put);
    } else {
        told.status = put_outcome(put->steps.client, result);
        docent_steps_tell(&put->steps, &told);
        put_free(put);
    }
    if (status != DOCENT_OK) put_fail(put, result->status == DOCENT_ERR_UNKNOWN_OUTCOME ? result->status : status);
}

docent_status docent_put_one(docent_client *client, const struct put_target *target, const void *data, size_t size, docent_result_fn done,
                             void *user)
{
    if (data == NULL && size > 0) return DOCENT_ERR_INVALID_ARGUMENT;
    const docent_allocator *allocator = docent_client_allocator(client);
    size_t path_size = strlen(target->prefix) + 1;
    struct put *put = size > SIZE_MAX / 2 ? NULL : docent_alloc(allocator, sizeof *put + path_size + size);
    if (put == NULL) return DOCENT_ERR_NO_MEMORY;
    memset(put, 0, sizeof *put);
    docent_status status = docent_steps_begin(&put->steps, client, NULL, done, user);
    if (status != DOCENT_OK) {
        docent_free(allocator, put);
        return status;
    }
    put->again = target->again;
    put->parents = target->parents;
    put->size = size;
    memcpy(put->path, target->prefix, path_size);
    put->data = (uint8_t *)put->path + path_size;
    if (size > 0) memcpy(put->data, data, size);
    status = docent_acl_keep(allocator, target->acl, &put->acl);
    if (status == DOCENT_OK) status = put_send(put);
    if (status != DOCENT_OK) put_free(put);
    return status;
}

struct put_batch {
    docent_client *client;
    docent_result_fn done;
    void *user;
};

static void put_many_done(const docent_result *result, void *user)
{
    struct put_batch batch = *(struct put_batch *)user;
    docent_result told = *result;
    told.status = put_outcome(batch.client, result);
    for (size_t i = 0; result->status == DOCENT_OK && i < result->result_count; i++) (void)put_outcome(batch.client, &result->results[i]);
    if (batch.done != NULL) batch.done(&told, batch.user);
    docent_free(docent_client_allocator(batch.client), user);
    docent_client_drop(batch.client);
}

docent_status docent_put_many(docent_client *client, const struct put_target *target, const docent_queue_bytes *items, size_t count,
                              docent_result_fn done, void *user)
{
    if (items == NULL || count == 0) return DOCENT_ERR_INVALID_ARGUMENT;
    docent_txn *txn;
    docent_status status = docent_txn_new(client, &txn);
    if (status != DOCENT_OK) return status;
    for (size_t i = 0; i < count && status == DOCENT_OK; i++) {
        const void *data = items[i].size == 0 ? "" : items[i].data;
        docent_op create = docent_op_create(target->prefix, data, items[i].size, DOCENT_PERSISTENT_SEQUENTIAL);
        create.acl = target->acl;
        status = data == NULL ? DOCENT_ERR_INVALID_ARGUMENT : docent_txn_add(txn, &create);
    }
    struct put_batch *batch = docent_alloc(docent_client_allocator(client), sizeof *batch);
    if (batch == NULL && status == DOCENT_OK) status = DOCENT_ERR_NO_MEMORY;
    docent_txn_options options = { DOCENT_TXN_OPTIONS, .parents = target->parents, .parents_acl = target->acl };
    if (status == DOCENT_OK) {
        *batch = (struct put_batch){ .client = client, .done = done, .user = user };
        docent_client_keep(client);
        status = docent_txn_commit_async(txn, &options, put_many_done, batch);
        if (status != DOCENT_OK) docent_client_drop(client);
    }
    if (status != DOCENT_OK) docent_free(docent_client_allocator(client), batch);
    docent_txn_free(txn);
    return status;
}
