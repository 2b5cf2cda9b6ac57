/* recipes/queue_look.c - what is asked of a simple queue: its first item, and how many there are. These are calls of the client's, with its time-out and
 * retry policy, and need the queue no more once they are begun. */
#include <string.h>

#include "recipes/queue_internal.h"
#include "recipes/step.h"

/* ---- The first item. ---- */

struct peek {
    struct steps steps;
    struct step step;
    const struct items_order *order; /* Static. */
    docent_result *listing;
    const char *name;  /* In it: that is being read. */
    char *path;        /* Of the directory, with room for a name. */
    size_t path_size;
};

static void peek_listed(const docent_result *result, void *user);

static void peek_free(struct peek *peek)
{
    const docent_allocator *allocator = docent_client_allocator(peek->steps.client);
    docent_client *client = peek->steps.client;
    docent_client_keep(client);
    docent_free(allocator, peek->listing);
    docent_free(allocator, peek->path);
    docent_steps_end(&peek->steps);
    docent_free(allocator, peek);
    docent_client_drop(client);
}

static void peek_tell(struct peek *peek, const docent_result *result)
{
    docent_steps_tell(&peek->steps, result);
    peek_free(peek);
}

static void peek_end(struct peek *peek, docent_status status)
{
    const docent_result result = { .struct_size = sizeof result, .status = status };
    peek_tell(peek, &result);
}

static docent_status peek_ask(struct peek *peek, docent_op op, docent_result_fn done)
{
    const docent_call_options *call = docent_step_begin(&peek->step, &peek->steps);
    return call == NULL ? DOCENT_ERR_TIMEOUT : docent_run_step(peek->steps.client, &op, call, NULL, done, peek);
}

static docent_status peek_list(struct peek *peek)
{
    peek->path[peek->path_size] = '\0';
    return peek_ask(peek, docent_op_children(peek->path), peek_listed);
}

/* The first behind the one that was read, or NULL. */
static const char *peek_next(const struct peek *peek)
{
    const char *first = NULL;
    for (size_t i = 0; i < peek->listing->name_count; i++) {
        const char *name = peek->listing->names[i];
        if (!peek->order->is_item(name)) continue;
        if (peek->name != NULL && peek->order->compare(name, peek->name) <= 0) continue;
        if (first == NULL || peek->order->compare(name, first) < 0) first = name;
    }
    return first;
}

static void peek_got(const docent_result *result, void *user);

static void peek_read(struct peek *peek)
{
    const docent_allocator *allocator = docent_client_allocator(peek->steps.client);
    docent_status status;
    peek->name = peek_next(peek);
    if (peek->name != NULL) {
        size_t name_size = strlen(peek->name) + 1;
        char *path = docent_alloc(allocator, peek->path_size + 1 + name_size);
        if (path == NULL) {
            peek_end(peek, DOCENT_ERR_NO_MEMORY);
            return;
        }
        memcpy(path, peek->path, peek->path_size);
        path[peek->path_size] = '/';
        memcpy(path + peek->path_size + 1, peek->name, name_size);
        docent_free(allocator, peek->path);
        peek->path = path;
        status = peek_ask(peek, docent_op_get(path), peek_got);
    } else {
        status = peek_list(peek); /* All that were there have been taken meanwhile. */
    }
    if (status != DOCENT_OK) peek_end(peek, status);
}

static void peek_got(const docent_result *result, void *user)
{
    struct peek *peek = user;
    docent_step_over(&peek->step, result);
    if (result->status == DOCENT_ERR_NO_NODE) {
        peek_read(peek);
        return;
    }
    docent_result told = *result;
    told.path = peek->path;
    peek_tell(peek, &told);
}

static void peek_listed(const docent_result *result, void *user)
{
    struct peek *peek = user;
    const docent_allocator *allocator = docent_client_allocator(peek->steps.client);
    docent_step_over(&peek->step, result);
    if (result->status != DOCENT_OK) {
        peek_tell(peek, result);
        return;
    }
    docent_free(allocator, peek->listing);
    peek->listing = docent_result_keep(allocator, result);
    peek->name = NULL;
    if (peek->listing == NULL) {
        peek_end(peek, DOCENT_ERR_NO_MEMORY);
    } else if (peek_next(peek) == NULL) {
        peek_end(peek, DOCENT_ERR_NO_NODE);
    } else {
        peek_read(peek);
    }
}

docent_status docent_queue_peek_async(docent_queue *queue, docent_result_fn done, void *user)
{
    if (queue == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    docent_status status = docent_handle_check(&queue->pull.handle);
    if (status != DOCENT_OK) return status;
    docent_client *client = queue->pull.handle.client;
    const docent_allocator *allocator = docent_client_allocator(client);
    struct peek *peek = docent_alloc(allocator, sizeof *peek);
    if (peek == NULL) return DOCENT_ERR_NO_MEMORY;
    memset(peek, 0, sizeof *peek);
    status = docent_steps_begin(&peek->steps, client, NULL, done, user);
    if (status != DOCENT_OK) {
        docent_free(allocator, peek);
        return status;
    }
    peek->order = queue->order;
    peek->path_size = strlen(queue->path);
    peek->path = docent_strdup(allocator, queue->path);
    status = peek->path == NULL ? DOCENT_ERR_NO_MEMORY : peek_list(peek);
    if (status != DOCENT_OK) peek_free(peek);
    return status;
}

/* ---- Counting. ---- */

struct count {
    docent_client *client; /* Kept. */
    docent_result_fn done;
    void *user;
};

static void count_done(const docent_result *result, void *user)
{
    struct count *count = user;
    docent_client *client = count->client;
    docent_result told = *result;
    if (told.status == DOCENT_ERR_NO_NODE) told.status = DOCENT_OK;
    told.number = result->has_stat ? result->stat.num_children : 0;
    if (count->done != NULL) count->done(&told, count->user);
    docent_free(docent_client_allocator(client), count);
    docent_client_drop(client);
}

docent_status docent_queue_size_async(docent_queue *queue, docent_result_fn done, void *user)
{
    if (queue == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    docent_status status = docent_handle_check(&queue->pull.handle);
    if (status != DOCENT_OK) return status;
    docent_client *client = queue->pull.handle.client;
    struct count *count = docent_alloc(docent_client_allocator(client), sizeof *count);
    if (count == NULL) return DOCENT_ERR_NO_MEMORY;
    *count = (struct count){ .client = client, .done = done, .user = user };
    docent_client_keep(client);
    docent_op exists = docent_op_exists(queue->path);
    status = docent_run_async(client, &exists, NULL, count_done, count);
    if (status != DOCENT_OK) {
        docent_free(docent_client_allocator(client), count);
        docent_client_drop(client);
    }
    return status;
}
