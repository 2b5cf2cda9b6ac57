/* recipes/batch.c - many reads as one call. A server that knows no multiRead is asked for each of them. */
#include <docent/batch.h>

#include <string.h>

#include "recipes/step.h"

struct batch_read {
    struct batch *batch;
    struct step step;
    docent_op op;          /* Its path is the batch's. */
    docent_result *answer; /* Owned: of a single read. */
};

struct batch {
    struct steps steps;
    docent_status status; /* Of the whole, if a single read could not be answered. */
    size_t waiting;       /* For so many single reads. */
    struct step step;     /* That of all reads together. */
    int64_t zxid;
    size_t count;
    struct batch_read reads[];
};

static const docent_allocator *batch_allocator(const struct batch *batch)
{
    return docent_client_allocator(batch->steps.client);
}

static void batch_free(struct batch *batch)
{
    docent_client *client = batch->steps.client;
    docent_client_keep(client); /* The last of it may have been the batch's. */
    for (size_t i = 0; i < batch->count; i++) docent_free(batch_allocator(batch), batch->reads[i].answer);
    docent_steps_end(&batch->steps);
    docent_free(docent_client_allocator(client), batch);
    docent_client_drop(client);
}

/* An answer about one node; anything else concerns them all. */
static bool is_about_a_node(docent_status status)
{
    return status == DOCENT_OK || status == DOCENT_ERR_NO_NODE || status == DOCENT_ERR_NO_AUTH || status == DOCENT_ERR_CORRUPT_DATA ||
           status == DOCENT_ERR_TOO_LARGE;
}

/* All single reads are answered. */
static void batch_end(struct batch *batch)
{
    docent_result whole = { .struct_size = sizeof whole, .status = batch->status, .zxid = batch->zxid };
    docent_result *parts = NULL;
    if (whole.status == DOCENT_OK) {
        parts = docent_alloc_array(batch_allocator(batch), batch->count, sizeof *parts);
        if (parts == NULL) whole.status = DOCENT_ERR_NO_MEMORY;
    }
    for (size_t i = 0; parts != NULL && i < batch->count; i++) {
        parts[i] = *batch->reads[i].answer;
        if (batch->reads[i].op.type != DOCENT_OP_CHILDREN) continue;
        parts[i].has_stat = false; /* A multiRead has none. */
        memset(&parts[i].stat, 0, sizeof parts[i].stat);
    }
    if (parts != NULL) {
        whole.results = parts;
        whole.result_count = batch->count;
    }
    docent_steps_tell(&batch->steps, &whole);
    docent_free(batch_allocator(batch), parts);
    batch_free(batch);
}

static void batch_single_done(const docent_result *result, void *user)
{
    struct batch_read *read = user;
    struct batch *batch = read->batch;
    docent_step_over(&read->step, result);
    if (result->zxid > batch->zxid) batch->zxid = result->zxid;
    if (is_about_a_node(result->status)) {
        read->answer = docent_result_keep(batch_allocator(batch), result);
        if (read->answer == NULL) batch->status = DOCENT_ERR_NO_MEMORY;
    } else if (batch->status == DOCENT_OK) {
        batch->status = result->status;
    }
    if (--batch->waiting == 0) batch_end(batch);
}

static void batch_ask_one_by_one(struct batch *batch)
{
    batch->waiting = 1; /* Us. */
    for (size_t i = 0; i < batch->count && batch->status == DOCENT_OK; i++) {
        struct batch_read *read = &batch->reads[i];
        const docent_call_options *call = docent_step_begin(&read->step, &batch->steps);
        batch->status = call == NULL ? DOCENT_ERR_TIMEOUT : docent_run_step(batch->steps.client, &read->op, call, NULL, batch_single_done, read);
        if (batch->status == DOCENT_OK) batch->waiting++;
    }
    if (--batch->waiting == 0) batch_end(batch);
}

static void batch_done(const docent_result *result, void *user)
{
    struct batch *batch = user;
    docent_step_over(&batch->step, result);
    if (result->status == DOCENT_ERR_UNSUPPORTED || result->status == DOCENT_ERR_UNIMPLEMENTED) {
        batch_ask_one_by_one(batch);
        return;
    }
    docent_steps_tell(&batch->steps, result);
    batch_free(batch);
}

/* With copies of the operations' paths, behind them. */
static struct batch *batch_new(const docent_allocator *allocator, const docent_op *ops, size_t count)
{
    size_t texts = 0;
    for (size_t i = 0; i < count; i++) texts += ops[i].path == NULL ? 0 : strlen(ops[i].path) + 1;
    struct batch *batch;
    if (count > (SIZE_MAX - sizeof *batch - texts) / sizeof batch->reads[0]) return NULL;
    batch = docent_alloc(allocator, sizeof *batch + count * sizeof batch->reads[0] + texts);
    if (batch == NULL) return NULL;
    memset(batch, 0, sizeof *batch);
    char *text = (char *)&batch->reads[count];
    for (size_t i = 0; i < count; i++) {
        batch->reads[i] = (struct batch_read){ .batch = batch, .op = ops[i] };
        if (ops[i].path == NULL) continue;
        size_t size = strlen(ops[i].path) + 1;
        batch->reads[i].op.path = memcpy(text, ops[i].path, size);
        text += size;
    }
    batch->count = count;
    return batch;
}

docent_status docent_batch_read_async(docent_client *client, const docent_op *ops, size_t count, const docent_call_options *call,
                                      docent_result_fn done, void *user)
{
    if (client == NULL || ops == NULL || count == 0) return DOCENT_ERR_INVALID_ARGUMENT;
    docent_status status = docent_client_check(client);
    if (status != DOCENT_OK) return status;
    struct batch *batch = batch_new(docent_client_allocator(client), ops, count);
    if (batch == NULL) return DOCENT_ERR_NO_MEMORY;
    status = docent_steps_begin(&batch->steps, client, call, done, user);
    if (status != DOCENT_OK) {
        docent_free(docent_client_allocator(client), batch);
        return status;
    }
    docent_op multi = docent_op_multi_read(ops, count);
    status = docent_run_step(client, &multi, docent_step_begin(&batch->step, &batch->steps), NULL, batch_done, batch);
    if (status != DOCENT_OK) batch_free(batch);
    return status;
}
