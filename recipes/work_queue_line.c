/* recipes/work_queue_line.c - puts that stand in line: they are accepted, told what became of them, and flushed. Who sends them is
 * work_queue_put.c. */
#include <stdio.h>
#include <string.h>

#include "recipes/work_queue_frame.h"
#include "recipes/work_queue_internal.h"
#include "recipes/work_queue_name.h"

/* ---- Lists of puts. ---- */

void docent_puts_empty(struct put_list *list)
{
    list->first = NULL;
    list->last = &list->first;
}

void docent_puts_add(struct put_list *list, struct put *put)
{
    put->next = NULL;
    *list->last = put;
    list->last = &put->next;
}

struct put *docent_puts_take(struct put_list *list)
{
    struct put *put = list->first;
    if (put == NULL) return NULL;
    list->first = put->next;
    if (list->first == NULL) list->last = &list->first;
    return put;
}

void docent_puts_put_back(struct put_list *list, struct put_list *front)
{
    if (front->first == NULL) return;
    *front->last = list->first;
    if (list->first == NULL) list->last = front->last;
    list->first = front->first;
    docent_puts_empty(front);
}

static void list_remove(struct put_list *list, const struct put *put)
{
    struct put **link = &list->first;
    while (*link != put) link = &(*link)->next;
    *link = put->next;
    if (*link == NULL) list->last = link;
}

/* ---- Telling. ---- */

static void flush_count_down(docent_work_queue *queue, uint64_t serial);

static void put_free(struct put *put)
{
    docent_work_queue *queue = put->queue;
    docent_client *client = queue->handle.client;
    if (put->timed) docent_timer_release(client);
    docent_client_composite_ends(client);
    docent_free(docent_work_allocator(queue), put->name);
    docent_free(docent_work_allocator(queue), put);
    queue->producer.alive--;
    docent_work_settle(queue);
}

static void put_tell(struct docent_later *later)
{
    struct put *put = (struct put *)((char *)later - offsetof(struct put, telling));
    docent_work_queue *queue = put->queue;
    bool mute = queue->handle.muted;
    docent_done_fn done = put->done;
    put->done = NULL;
    if (put->answered && put->outcome == DOCENT_OK && put->name != NULL && !mute && queue->on_put != NULL) {
        char *name = put->name;
        put->name = NULL;
        queue->on_put(queue, name, queue->user);
        docent_free(docent_work_allocator(queue), name);
    }
    if (done != NULL && !mute) done(put->outcome, put->user);
    if (put->over && !docent_later_is_queued(&put->telling)) put_free(put);
}

static void put_answer(struct put *put, docent_status outcome)
{
    docent_client *client = put->queue->handle.client;
    if (put->answered) return;
    put->answered = true;
    put->outcome = outcome;
    if (put->timed) docent_timer_stop(client, &put->deadline);
    docent_client_later(client, &put->telling);
    flush_count_down(put->queue, put->serial);
}

void docent_put_end(struct put *put, docent_status outcome)
{
    put_answer(put, outcome);
    put->over = true;
    docent_client_later(put->queue->handle.client, &put->telling);
}

void docent_puts_end(struct put_list *list, docent_status outcome)
{
    for (struct put *put; (put = docent_puts_take(list)) != NULL;) docent_put_end(put, outcome);
}

void docent_puts_end_impatient(struct put_list *list)
{
    struct put_list kept;
    docent_puts_empty(&kept);
    for (struct put *put; (put = docent_puts_take(list)) != NULL;) {
        if (put->impatient) {
            docent_put_end(put, DOCENT_ERR_TIMEOUT);
        } else {
            docent_puts_add(&kept, put);
        }
    }
    docent_puts_put_back(list, &kept);
}

static void put_late(struct docent_timer *timer)
{
    struct put *put = (struct put *)((char *)timer - offsetof(struct put, deadline));
    struct put_list *waiting = &put->queue->producer.waiting;
    for (struct put *other = waiting->first; other != NULL; other = other->next) {
        if (other != put) continue;
        list_remove(waiting, put);
        docent_put_end(put, DOCENT_ERR_TIMEOUT);
        return;
    }
    put_answer(put, DOCENT_ERR_UNKNOWN_OUTCOME); /* It is on its way. */
}

/* ---- A put is accepted. ---- */

docent_status docent_work_put_check(docent_work_queue_kind kind, const docent_work_put *put)
{
    if (put->elements == NULL && put->count > 0) return DOCENT_ERR_INVALID_ARGUMENT;
    for (size_t i = 0; i < put->count; i++) {
        if (put->elements[i].data == NULL && put->elements[i].size > 0) return DOCENT_ERR_INVALID_ARGUMENT;
    }
    if (kind == DOCENT_WORK_QUEUE_ID ? put->id == NULL : put->id != NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    if (kind == DOCENT_WORK_QUEUE_DELAY ? put->due_ms < 1 : put->due_ms != 0) return DOCENT_ERR_INVALID_ARGUMENT;
    return kind != DOCENT_WORK_QUEUE_PRIORITY && put->priority != 0 ? DOCENT_ERR_INVALID_ARGUMENT : DOCENT_OK;
}

/* @put is good. */
static docent_status put_new(docent_work_queue *queue, const docent_work_put *full, struct put **ret_put)
{
    const docent_allocator *allocator = docent_work_allocator(queue);
    size_t size = docent_work_frame_size(full->elements, full->count);
    size_t path_room = queue->path_size + 1 + docent_work_name_room(full->id) + PROTECTED_SEQUENCE_MAX;
    if (size == SIZE_MAX) return DOCENT_ERR_TOO_LARGE;
    struct put *put = docent_alloc(allocator, sizeof *put + path_room + size);
    if (put == NULL) return DOCENT_ERR_NO_MEMORY;
    memset(put, 0, sizeof *put);
    uint8_t *frame = (uint8_t *)put->path + path_room;
    memcpy(put->path, queue->path, queue->path_size);
    put->path[queue->path_size] = '/';
    docent_work_name_write(put->path + queue->path_size + 1, queue->kind, full->id, full->priority, full->due_ms);
    docent_work_frame_write(frame, full->elements, full->count);
    put->queue = queue;
    put->frame = frame;
    put->size = size;
    put->deadline.fire = put_late;
    put->telling.run = put_tell;
    docent_status status = docent_path_fault(put->path, true) == NULL ? DOCENT_OK : DOCENT_ERR_INVALID_ARGUMENT;
    if (status != DOCENT_OK) {
        docent_free(allocator, put);
        return status;
    }
    *ret_put = put;
    return DOCENT_OK;
}

docent_status docent_work_queue_put_async(docent_work_queue *queue, const docent_work_put *put, uint32_t timeout_ms, docent_done_fn done, void *user)
{
    docent_work_put full = { DOCENT_WORK_PUT };
    if (queue == NULL || put == NULL || !docent_options_take(&full, sizeof full, put)) return DOCENT_ERR_INVALID_ARGUMENT;
    docent_status status = docent_handle_check(&queue->handle);
    if (status == DOCENT_OK) status = docent_work_put_check(queue->kind, &full);
    if (status != DOCENT_OK) return status;
    docent_client *client = queue->handle.client;
    struct put *p = NULL;
    status = docent_client_composite_begins(client);
    if (status != DOCENT_OK) return status;
    status = put_new(queue, &full, &p);
    if (status == DOCENT_OK && timeout_ms != DOCENT_FOREVER && timeout_ms != DOCENT_NO_WAIT) {
        status = docent_timer_reserve(client);
        p->timed = status == DOCENT_OK;
        if (status != DOCENT_OK) docent_free(docent_work_allocator(queue), p);
    }
    if (status != DOCENT_OK) {
        docent_client_composite_ends(client);
        return status;
    }
    p->serial = ++queue->producer.serial;
    p->impatient = timeout_ms == DOCENT_NO_WAIT;
    p->done = done;
    p->user = user;
    queue->producer.alive++;
    docent_puts_add(&queue->producer.waiting, p);
    if (p->timed) docent_timer_set(client, &p->deadline, docent_client_now(client) + timeout_ms);
    docent_producer_pump(queue);
    return DOCENT_OK;
}

/* ---- Flushing. ---- */

static void flush_tell(struct docent_later *later)
{
    struct flush *flush = (struct flush *)((char *)later - offsetof(struct flush, telling));
    docent_work_queue *queue = flush->queue;
    struct flush **link = &queue->producer.flushes;
    while (*link != flush) link = &(*link)->next;
    *link = flush->next;
    if (flush->timed) docent_timer_release(queue->handle.client);
    docent_done_fn done = queue->handle.muted ? NULL : flush->done;
    docent_status outcome = flush->outcome;
    void *user = flush->user;
    docent_free(docent_work_allocator(queue), flush);
    if (done != NULL) done(outcome, user);
    docent_work_settle(queue);
}

static void flush_answer(struct flush *flush, docent_status outcome)
{
    docent_client *client = flush->queue->handle.client;
    if (flush->answered) return;
    flush->answered = true;
    flush->outcome = outcome;
    if (flush->timed) docent_timer_stop(client, &flush->deadline);
    docent_client_later(client, &flush->telling);
}

static void flush_late(struct docent_timer *timer)
{
    flush_answer((struct flush *)((char *)timer - offsetof(struct flush, deadline)), DOCENT_ERR_TIMEOUT);
}

/* A put has its outcome; that is told first. */
static void flush_count_down(docent_work_queue *queue, uint64_t serial)
{
    for (struct flush *flush = queue->producer.flushes; flush != NULL; flush = flush->next) {
        if (serial <= flush->serial && !flush->answered && --flush->left == 0) flush_answer(flush, DOCENT_OK);
    }
}

static size_t list_unanswered(const struct put_list *list)
{
    size_t count = 0;
    for (const struct put *put = list->first; put != NULL; put = put->next) count += !put->answered;
    return count;
}

docent_status docent_work_queue_flush_async(docent_work_queue *queue, uint32_t timeout_ms, docent_done_fn done, void *user)
{
    if (queue == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    docent_status status = docent_handle_check(&queue->handle);
    if (status != DOCENT_OK) return status;
    docent_client *client = queue->handle.client;
    struct producer *p = &queue->producer;
    bool timed = timeout_ms != DOCENT_FOREVER;
    if (timed) status = docent_timer_reserve(client);
    if (status != DOCENT_OK) return status;
    struct flush *flush = docent_alloc(docent_work_allocator(queue), sizeof *flush);
    if (flush == NULL) {
        if (timed) docent_timer_release(client);
        return DOCENT_ERR_NO_MEMORY;
    }
    *flush = (struct flush){ .next = p->flushes, .queue = queue, .serial = p->serial, .timed = timed, .done = done, .user = user };
    flush->deadline.fire = flush_late;
    flush->telling.run = flush_tell;
    flush->left = list_unanswered(&p->waiting) + list_unanswered(&p->sending);
    p->flushes = flush;
    if (flush->left == 0) {
        flush_answer(flush, DOCENT_OK);
    } else if (timed) {
        docent_timer_set(client, &flush->deadline, docent_client_now(client) + timeout_ms);
    }
    return DOCENT_OK;
}
