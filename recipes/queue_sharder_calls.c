/* recipes/queue_sharder_calls.c - see queue_sharder_internal.h: what the application asks of a sharder.
 *
 * A put goes to a shard's queue at once, and is the queue's from then on. Without a shard it is copied and waits (waiters.h), and those that come
 * after it wait behind it; then the queue gets it, with what is left of its time. */
#include <string.h>

#include "recipes/queue_sharder_internal.h"
#include "recipes/work_queue_name.h"

#define QUARANTINE "-quarantine"

enum { THRESHOLD = 10000, CHECK_MS = 30000, SHARDS_MAX = 10 }; /* The peer's. */

/* ---- Making. ---- */

static bool is_path(const char *path)
{
    return docent_path_fault(path, false) == NULL && strcmp(path, "/") != 0;
}

/* At @path or below it, where everything is taken for a shard. */
static bool is_within(const char *path, const char *other)
{
    size_t size = strlen(path);
    return strncmp(path, other, size) == 0 && (other[size] == '\0' || other[size] == '/');
}

static bool paths_are_good(const char *path, const char *leader_path, const docent_work_queue_options *queue)
{
    if (path == NULL || leader_path == NULL || !is_path(path) || !is_path(leader_path) || is_within(path, leader_path)) return false;
    const char *const others[] = { queue->lock_path, queue->receipt_path, queue->quarantine_path };
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        if (others[i] != NULL && (!is_path(others[i]) || is_within(path, others[i]))) return false;
    }
    return true;
}

static bool queue_is_good(const docent_work_queue_options *queue)
{
    return (unsigned)queue->kind <= DOCENT_WORK_QUEUE_DELAY && (unsigned)queue->on_failure <= DOCENT_WORK_DELETE;
}

/* @end, behind it. */
static docent_status keep_path(const docent_allocator *allocator, const char *path, const char *end, const char **ret_path)
{
    *ret_path = NULL;
    if (path == NULL) return DOCENT_OK;
    size_t size = strlen(path), end_size = strlen(end) + 1;
    char *kept = docent_alloc(allocator, size + end_size);
    if (kept == NULL) return DOCENT_ERR_NO_MEMORY;
    memcpy(kept, path, size);
    memcpy(kept + size, end, end_size);
    *ret_path = kept;
    return DOCENT_OK;
}

/* Nothing in s->queue is the application's, also when this fails: all of it is freed with us. */
static docent_status sharder_keep_queue(struct docent_queue_sharder *s, const docent_work_queue_options *queue)
{
    const docent_allocator *allocator = &s->handle.allocator;
    bool default_quarantine = queue->quarantine_path == NULL;
    s->queue = *queue;
    s->queue.lock_path = s->queue.receipt_path = s->queue.quarantine_path = NULL;
    s->queue.acl = (docent_acl_list){ NULL, 0 };
    docent_status status = keep_path(allocator, queue->lock_path, "", &s->queue.lock_path);
    if (status == DOCENT_OK) status = keep_path(allocator, queue->receipt_path, "", &s->queue.receipt_path);
    if (status == DOCENT_OK) {
        status = keep_path(allocator, default_quarantine ? s->path : queue->quarantine_path, default_quarantine ? QUARANTINE : "",
                           &s->queue.quarantine_path);
    }
    return status == DOCENT_OK ? docent_acl_keep(allocator, queue->acl, &s->queue.acl) : status;
}

/* With its latch, which is the first of its parts. */
static docent_status sharder_fill(struct docent_queue_sharder *s, docent_client *client, const char *path, const char *leader_path,
                                  const docent_queue_sharder_options *options, const docent_work_queue_options *queue)
{
    s->handle.client = client;
    s->handle.allocator = *docent_client_allocator(client); /* What is freed before it is open is freed with it. */
    s->threshold = options->threshold == 0 ? THRESHOLD : options->threshold;
    s->check_ms = options->check_ms == 0 ? CHECK_MS : options->check_ms;
    s->shards_max = options->shards_max == 0 ? SHARDS_MAX : options->shards_max;
    s->on_shard = options->on_shard;
    s->user = options->user;
    s->path = docent_strdup(&s->handle.allocator, path);
    docent_status status = s->path == NULL ? DOCENT_ERR_NO_MEMORY : sharder_keep_queue(s, queue);
    if (status != DOCENT_OK) return status;
    docent_sharder_fill(s);
    const docent_leader_latch_options latch = {
        DOCENT_LEADER_LATCH_OPTIONS, .id = "", .acl = s->queue.acl, .on_change = docent_sharder_led, .user = s
    };
    return docent_leader_latch_make(client, leader_path, &latch, &s->handle, &s->latch);
}

docent_status docent_queue_sharder_new(docent_client *client, const char *path, const char *leader_path,
                                       const docent_queue_sharder_options *options, docent_queue_sharder **ret_sharder)
{
    docent_queue_sharder_options full = { DOCENT_QUEUE_SHARDER_OPTIONS };
    docent_work_queue_options queue = { DOCENT_WORK_QUEUE_OPTIONS };
    if (client == NULL || ret_sharder == NULL || !docent_options_take(&full, sizeof full, options) ||
        !docent_options_take(&queue, sizeof queue, full.queue)) {
        return DOCENT_ERR_INVALID_ARGUMENT;
    }
    if (!paths_are_good(path, leader_path, &queue) || !queue_is_good(&queue)) return DOCENT_ERR_INVALID_ARGUMENT;
    docent_status status = docent_handle_may_open(client);
    if (status != DOCENT_OK) return status;
    struct docent_queue_sharder *s = docent_alloc(docent_client_allocator(client), sizeof *s);
    if (s == NULL) return DOCENT_ERR_NO_MEMORY;
    memset(s, 0, sizeof *s);
    status = sharder_fill(s, client, path, leader_path, &full, &queue);
    if (status != DOCENT_OK) {
        docent_sharder_free(s);
        return status;
    }
    status = docent_handle_open(&s->handle, client, &docent_sharder_kind);
    if (status != DOCENT_OK) return status; /* In a forked child, where nothing is freed: the latch is on its way. */
    *ret_sharder = s;
    return DOCENT_OK;
}

static docent_status sharder_start(struct handle *handle, void *argument)
{
    struct docent_queue_sharder *s = docent_sharder_of(handle);
    (void)argument;
    if (s->state != SHARDER_NEW) return DOCENT_ERR_BUSY;
    docent_status status = docent_leader_latch_start(s->latch);
    if (status == DOCENT_OK) docent_sharder_begin(s);
    return status;
}

docent_status docent_queue_sharder_start(docent_queue_sharder *sharder)
{
    return sharder == NULL ? DOCENT_ERR_INVALID_ARGUMENT : docent_handle_run(&sharder->handle, sharder_start, NULL);
}

/* ---- Putting. ---- */

/* What is left of a put's time; false: nothing. */
static bool held_time_left(const struct held_put *held, uint32_t *ret_ms)
{
    const struct docent_host *host = docent_client_host(held->sharder->handle.client);
    *ret_ms = held->timeout_ms;
    if (held->timeout_ms == DOCENT_FOREVER || held->timeout_ms == DOCENT_NO_WAIT) return true;
    uint64_t now = host->now_ms(host->user);
    if (now >= held->deadline_ms) return false;
    *ret_ms = (uint32_t)(held->deadline_ms - now);
    return true;
}

/* The shards that there were may be gone again. */
static docent_status held_pass_on(struct held_put *held, docent_done_fn told_again, bool *ret_over)
{
    struct docent_queue_sharder *s = held->sharder;
    uint32_t left_ms;
    if (s->handle.refusal != DOCENT_OK) return s->handle.refusal;
    if (!held_time_left(held, &left_ms)) return DOCENT_ERR_TIMEOUT;
    const struct shard *shard = docent_sharder_choose(s);
    *ret_over = shard != NULL;
    if (shard == NULL) return docent_waiters_add(&s->waiters, left_ms, told_again, held);
    return docent_work_queue_put_async(shard->queue, &held->put, left_ms, held->done, held->user);
}

static void held_free(struct held_put *held)
{
    struct held_put **link = &held->sharder->held;
    while (*link != held) link = &(*link)->next;
    *link = held->next;
    docent_client_composite_ends(held->sharder->handle.client);
    docent_free(&held->sharder->handle.allocator, held);
}

static void held_told(docent_status status, void *user)
{
    struct held_put *held = user;
    docent_done_fn done = held->done;
    void *done_user = held->user;
    bool over = true;
    if (status == DOCENT_OK) status = held_pass_on(held, held_told, &over);
    if (status == DOCENT_OK && !over) return;
    held_free(held);
    if (status != DOCENT_OK && done != NULL) done(status, done_user);
}

/* Bytes behind the elements: theirs, and the id's. */
static bool held_room(const docent_work_put *put, size_t *ret_size)
{
    size_t size = put->id == NULL ? 0 : strlen(put->id) + 1;
    if (put->count > SIZE_MAX / 4 / sizeof(docent_work_element)) return false;
    for (size_t i = 0; i < put->count; i++) {
        if (put->elements[i].size > SIZE_MAX / 4 - size) return false;
        size += put->elements[i].size;
    }
    *ret_size = size;
    return true;
}

static void held_fill(struct held_put *held, const docent_work_put *put)
{
    char *at = (char *)(held->elements + put->count);
    held->put = *put;
    held->put.elements = held->elements;
    for (size_t i = 0; i < put->count; i++) {
        held->elements[i] = (docent_work_element){ at, put->elements[i].size };
        if (put->elements[i].size > 0) memcpy(at, put->elements[i].data, put->elements[i].size);
        at += put->elements[i].size;
    }
    if (put->id != NULL) held->put.id = strcpy(at, put->id);
}

static docent_status held_new(struct docent_queue_sharder *s, const docent_work_put *put, struct held_put **ret_held)
{
    const docent_allocator *allocator = &s->handle.allocator;
    size_t room;
    if (!held_room(put, &room)) return DOCENT_ERR_TOO_LARGE;
    struct held_put *held = docent_alloc(allocator, sizeof *held + put->count * sizeof(docent_work_element) + room);
    if (held == NULL) return DOCENT_ERR_NO_MEMORY;
    memset(held, 0, sizeof *held);
    held_fill(held, put);
    held->sharder = s;
    *ret_held = held;
    return DOCENT_OK;
}

/* As the queue would look at it. */
static docent_status put_check_name(const struct docent_queue_sharder *s, const docent_work_put *put)
{
    const docent_allocator *allocator = &s->handle.allocator;
    char *name = docent_alloc(allocator, 1 + docent_work_name_room(put->id));
    if (name == NULL) return DOCENT_ERR_NO_MEMORY;
    name[0] = '/';
    docent_work_name_write(name + 1, s->queue.kind, put->id, put->priority, put->due_ms);
    docent_status status = docent_path_fault(name, true) == NULL ? DOCENT_OK : DOCENT_ERR_INVALID_ARGUMENT;
    docent_free(allocator, name);
    return status;
}

static docent_status sharder_hold(struct docent_queue_sharder *s, const docent_work_put *put, uint32_t timeout_ms, docent_done_fn done, void *user)
{
    docent_client *client = s->handle.client;
    struct held_put *held = NULL;
    docent_status status = docent_work_put_check(s->queue.kind, put);
    if (status == DOCENT_OK) status = put_check_name(s, put);
    if (status == DOCENT_OK) status = docent_client_composite_begins(client);
    if (status != DOCENT_OK) return status;
    status = held_new(s, put, &held);
    if (status == DOCENT_OK) status = docent_waiters_add(&s->waiters, timeout_ms, held_told, held);
    if (status != DOCENT_OK) {
        docent_free(&s->handle.allocator, held);
        docent_client_composite_ends(client);
        return status;
    }
    held->timeout_ms = timeout_ms;
    held->deadline_ms = docent_client_now(client) + timeout_ms;
    held->done = done;
    held->user = user;
    held->next = s->held;
    s->held = held;
    if (s->listed > 0) docent_waiters_answer(&s->waiters, DOCENT_OK); /* It waits only behind others. */
    return DOCENT_OK;
}

docent_status docent_queue_sharder_put_async(docent_queue_sharder *s, const docent_work_put *put, uint32_t timeout_ms, docent_done_fn done, void *user)
{
    docent_work_put full = { DOCENT_WORK_PUT };
    if (s == NULL || put == NULL || !docent_options_take(&full, sizeof full, put)) return DOCENT_ERR_INVALID_ARGUMENT;
    docent_status status = docent_handle_check(&s->handle);
    if (status != DOCENT_OK) return status;
    const struct shard *shard = docent_waiters_are_gone(&s->waiters) ? docent_sharder_choose(s) : NULL;
    if (shard == NULL) return sharder_hold(s, &full, timeout_ms, done, user);
    return docent_work_queue_put_async(shard->queue, &full, timeout_ms, done, user);
}

/* ---- Asked by any thread, and the end. ---- */

int64_t docent_queue_sharder_shard_count(const docent_queue_sharder *sharder)
{
    return sharder == NULL ? -1 : docent_shared_get(&sharder->shard_count);
}

docent_status docent_queue_sharder_info(docent_queue_sharder *sharder, docent_recipe_info *ret_info)
{
    if (sharder == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    return docent_meter_ask(&sharder->handle, &sharder->meter, ret_info);
}

void docent_queue_sharder_close(docent_queue_sharder *sharder, void (*closed)(void *user), void *user)
{
    docent_handle_close(sharder == NULL ? NULL : &sharder->handle, closed, user);
}
