/* recipes/work_queue_put.c - the producer of a work queue.
 *
 * Puts wait in line. When there is a connection, ground to stand on, and room, those in front go out in one transaction, and each is told what
 * became of it. There is one transaction at a time, so puts are in the queue in the order in which they came.
 *
 * A lost reply. A sequential create leaves no trace by which it could be told from others', and a consumer may have taken what it made. So
 * without a receipt its outcome stays unknown. With one, an ephemeral node of our own, each transaction sets its data to the number of
 * the transaction, upon the version that we know. Then a sync and a look, in the same session, show whether it was applied: if not, it
 * goes out again. When the session is over so is the receipt, and the outcome is unknown after all.
 *
 *     IDLE --- no receipt yet --> SIGNING --- there --> IDLE
 *      +--- puts wait --> SENDING --- answered --> IDLE
 *      |                    '--- reply lost --> FINDING --- applied, or not --> IDLE
 *      '--- closed --> LEAVING (the receipt goes) --> OVER
 *
 * A path that has had 2^31 children stays at the last number, and then the name exists. Servers that count on, into the negative, put
 * items in an order that is wrong for everybody; they are put, and the log says so. */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "recipes/trouble.h"
#include "recipes/work_queue_frame.h"
#include "recipes/work_queue_internal.h"
#include "recipes/work_queue_name.h"

enum {
    BATCH_MAX = 64,             /* Puts in a transaction. */
    BATCH_BYTES_MAX = 64 << 10, /* More than one put only if they have no more than this. */
    UUID_SIZE = 36,
    NUMBER_SIZE = 24,
};
enum { TAG_SIGN = 1, TAG_SEND, TAG_SYNC, TAG_LOOK };

#define TO(state) (1u << (state))
static const unsigned producer_next[PRODUCER_STATES] = {
    [PRODUCER_IDLE] = TO(PRODUCER_SIGNING) | TO(PRODUCER_SENDING) | TO(PRODUCER_LEAVING) | TO(PRODUCER_OVER),
    [PRODUCER_SIGNING] = TO(PRODUCER_IDLE) | TO(PRODUCER_OVER),
    [PRODUCER_SENDING] = TO(PRODUCER_IDLE) | TO(PRODUCER_FINDING) | TO(PRODUCER_OVER),
    [PRODUCER_FINDING] = TO(PRODUCER_IDLE) | TO(PRODUCER_OVER),
    [PRODUCER_LEAVING] = TO(PRODUCER_OVER),
};
static const char *const producer_state_name[PRODUCER_STATES] = { "idle", "signing", "sending", "finding", "leaving", "over" };

static docent_work_queue *queue_of(struct producer *p)
{
    return (docent_work_queue *)((char *)p - offsetof(docent_work_queue, producer));
}

/* ---- Lists of puts. ---- */

static void list_empty(struct put_list *list)
{
    list->first = NULL;
    list->last = &list->first;
}

static void list_add(struct put_list *list, struct put *put)
{
    put->next = NULL;
    *list->last = put;
    list->last = &put->next;
}

static struct put *list_take(struct put_list *list)
{
    struct put *put = list->first;
    if (put == NULL) return NULL;
    list->first = put->next;
    if (list->first == NULL) list->last = &list->first;
    return put;
}

/* All of @front, before what is in @list. */
static void list_put_back(struct put_list *list, struct put_list *front)
{
    if (front->first == NULL) return;
    *front->last = list->first;
    if (list->first == NULL) list->last = front->last;
    list->first = front->first;
    list_empty(front);
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
    if (put->over && !put->telling.queued) put_free(put);
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

/* It is in no list any more. */
static void put_end(struct put *put, docent_status outcome)
{
    put_answer(put, outcome);
    put->over = true;
    docent_client_later(put->queue->handle.client, &put->telling);
}

static void list_end(struct put_list *list, docent_status outcome)
{
    for (struct put *put; (put = list_take(list)) != NULL;) put_end(put, outcome);
}

/* Those that cannot wait. */
static void list_end_impatient(struct put_list *list)
{
    struct put_list kept;
    list_empty(&kept);
    for (struct put *put; (put = list_take(list)) != NULL;) {
        if (put->impatient) {
            put_end(put, DOCENT_ERR_TIMEOUT);
        } else {
            list_add(&kept, put);
        }
    }
    list_put_back(list, &kept);
}

static void put_late(struct docent_timer *timer)
{
    struct put *put = (struct put *)((char *)timer - offsetof(struct put, deadline));
    struct put_list *waiting = &put->queue->producer.waiting;
    for (struct put *other = waiting->first; other != NULL; other = other->next) {
        if (other != put) continue;
        list_remove(waiting, put);
        put_end(put, DOCENT_ERR_TIMEOUT);
        return;
    }
    put_answer(put, DOCENT_ERR_UNKNOWN_OUTCOME); /* It is on its way. */
}

/* ---- The machine. ---- */

/* The only writer of p->state. */
static void producer_go(struct producer *p, enum producer_state next)
{
    assert(producer_next[p->state] & TO(next));
    (void)producer_next;
    docent_trace(&p->machine, "producer", queue_of(p)->path, producer_state_name[p->state], producer_state_name[next]);
    p->state = next;
    docent_machine_next_turn(&p->machine);
}

static void producer_rest(struct producer *p);

/* The state's question comes again, after a pause; or when there is a connection. */
static void producer_pause(struct producer *p)
{
    docent_machine_next_turn(&p->machine);
    if (docent_machine_online(&p->machine)) docent_machine_retry(&p->machine);
}

static void producer_over(struct producer *p)
{
    producer_go(p, PRODUCER_OVER);
    docent_machine_fini(&p->machine);
    docent_work_settle(queue_of(p));
}

/* ---- The receipt. ---- */

static void receipt_name(struct producer *p)
{
    char uuid[UUID_SIZE + 1];
    docent_client_uuid(queue_of(p)->handle.client, uuid);
    memcpy(p->receipt + p->receipt_uuid, uuid, sizeof uuid);
    p->signed_on = p->signing_sent = p->signing_doubt = false;
    p->version = 0;
}

static bool receipt_is_good(const struct producer *p)
{
    return p->receipt == NULL || p->signed_on;
}

static void producer_sign(struct producer *p)
{
    docent_work_queue *queue = queue_of(p);
    if (!docent_machine_online(&p->machine)) return;
    docent_op create = docent_op_create(p->receipt, "", 0, DOCENT_EPHEMERAL);
    create.acl = queue->acl;
    p->signing_sent = true;
    docent_ask(&p->machine, &create, TAG_SIGN);
}

/* They were not put. Who was told meanwhile that nobody knows is not put after all. */
static void producer_put_back(struct producer *p)
{
    struct put_list kept;
    list_empty(&kept);
    for (struct put *put; (put = list_take(&p->sending)) != NULL;) {
        if (put->answered || p->leaves) {
            put_end(put, DOCENT_ERR_CLOSING);
        } else {
            list_add(&kept, put);
        }
    }
    list_put_back(&p->waiting, &kept);
    p->sending_count = 0;
}

/* Those of the transaction; and if there was none, all: what stands in their way stands in everyone's. */
static void producer_refused(struct producer *p, docent_status why)
{
    bool one_by_one = why == DOCENT_ERR_TOO_LARGE || why == DOCENT_ERR_SEQUENCE_EXHAUSTED;
    if (one_by_one && p->sending_count > 1) { /* So some may fit. */
        p->alone = true;
        producer_put_back(p);
    } else if (p->sending_count > 0) {
        list_end(&p->sending, why);
    } else {
        list_end(&p->waiting, why);
    }
    p->sending_count = 0;
    producer_rest(p);
}

static void producer_on_sign(struct producer *p, const struct docent_event *ev)
{
    /* A node of that name can only be ours, of this session: the name is drawn anew for each. */
    if (ev->status == DOCENT_OK || ev->status == DOCENT_ERR_NODE_EXISTS) {
        docent_machine_calm(&p->machine);
        p->signed_on = true;
        p->generation = ev->generation;
        producer_rest(p);
    } else if (ev->status == DOCENT_ERR_NO_NODE) {
        p->signing_sent = p->signing_doubt = false;
        docent_ground_lost(&queue_of(p)->ground);
        producer_rest(p);
    } else if (docent_trouble(ev->status) == TROUBLE_REFUSED) {
        p->signing_sent = p->signing_doubt; /* Refused it is not there, and need not go when we leave. */
        producer_refused(p, ev->status);
    } else {
        p->signing_doubt = true;
        producer_pause(p);
    }
}

/* ---- Sending. ---- */

static size_t producer_fill(struct producer *p, size_t room)
{
    size_t bytes = 0;
    p->sending_count = 0;
    while (p->waiting.first != NULL && p->sending_count < room && p->sending_count < (p->alone ? 1 : BATCH_MAX)) {
        bytes += p->waiting.first->size;
        if (p->sending_count > 0 && bytes > BATCH_BYTES_MAX) break;
        list_add(&p->sending, list_take(&p->waiting));
        p->sending_count++;
    }
    return p->sending_count;
}

static void producer_send(struct producer *p)
{
    docent_work_queue *queue = queue_of(p);
    docent_op ops[1 + BATCH_MAX] = { { 0 } };
    char number[NUMBER_SIZE];
    size_t count = 0;
    if (p->receipt != NULL) {
        int size = snprintf(number, sizeof number, "%" PRIu64, ++p->batch);
        ops[count++] = docent_op_set(p->receipt, number, (size_t)size, p->version);
    }
    for (struct put *put = p->sending.first; put != NULL; put = put->next) {
        ops[count] = docent_op_create(put->path, put->frame, put->size, DOCENT_PERSISTENT_SEQUENTIAL);
        ops[count++].acl = queue->acl;
    }
    docent_op multi = docent_op_multi(ops, count);
    docent_ask(&p->machine, count == 1 ? &ops[0] : &multi, TAG_SEND);
}

/* They are in the queue. @result tells under which names; NULL: nobody knows. */
static void producer_sent(struct producer *p, const docent_result *result)
{
    docent_work_queue *queue = queue_of(p);
    docent_machine_calm(&p->machine);
    docent_census_put(queue, p->sending_count);
    bool single = result != NULL && result->result_count == 0;
    size_t at = p->receipt != NULL;
    for (struct put *put; (put = list_take(&p->sending)) != NULL; at++) {
        const char *path = result == NULL ? NULL : single ? result->path : at < result->result_count ? result->results[at].path : NULL;
        const char *name = path == NULL || strlen(path) <= queue->path_size ? NULL : path + queue->path_size + 1;
        if (name != NULL) put->name = docent_strdup(docent_work_allocator(queue), name);
        if (put->name != NULL && docent_work_name_is_exhausted(put->name)) {
            docent_client_log(queue->handle.client, DOCENT_LOG_ERROR, "queue.exhausted", queue->path, "has had 2^31 children: the order is lost");
        }
        put_end(put, DOCENT_OK);
    }
    p->sending_count = 0;
    if (p->receipt != NULL) p->version++;
}

/* Something that the transaction needs is not there. */
static void producer_on_missing(struct producer *p, const docent_result *result)
{
    docent_work_queue *queue = queue_of(p);
    bool receipt = p->receipt != NULL && result->result_count > 0 && result->results[0].status == DOCENT_ERR_NO_NODE;
    producer_put_back(p);
    if (receipt) {
        receipt_name(p); /* Somebody has deleted it. */
    } else {
        docent_ground_lost(&queue->ground);
    }
    producer_rest(p);
}

static void producer_find(struct producer *p)
{
    if (!docent_machine_online(&p->machine)) return;
    docent_op sync = docent_op_sync(p->receipt), get = docent_op_get(p->receipt);
    p->sync = DOCENT_OK;
    docent_ask(&p->machine, &sync, TAG_SYNC);
    docent_ask(&p->machine, &get, TAG_LOOK);
}

/* It may have been applied. */
static void producer_doubts(struct producer *p)
{
    if (p->receipt == NULL) {
        list_end(&p->sending, DOCENT_ERR_UNKNOWN_OUTCOME);
        p->sending_count = 0;
        producer_rest(p);
        return;
    }
    producer_go(p, PRODUCER_FINDING);
    producer_pause(p);
}

static void producer_on_sent(struct producer *p, const struct docent_event *ev)
{
    if (ev->status == DOCENT_OK) {
        producer_sent(p, ev->result);
        producer_rest(p);
        return;
    }
    if (ev->status == DOCENT_ERR_NO_NODE) {
        producer_on_missing(p, ev->result);
        return;
    }
    if (ev->status == DOCENT_ERR_NODE_EXISTS) { /* Only the last number is ever given twice. */
        producer_refused(p, DOCENT_ERR_SEQUENCE_EXHAUSTED);
        return;
    }
    if (ev->status == DOCENT_ERR_BAD_VERSION) { /* Somebody has set our receipt. What it says now is not ours, and so it was not applied. */
        producer_go(p, PRODUCER_FINDING);
        producer_find(p);
        return;
    }
    switch (docent_trouble(ev->status)) {
    case TROUBLE_LOST:
        if (ev->sent) {
            producer_doubts(p);
        } else {
            producer_put_back(p);
            producer_rest(p);
        }
        break;
    case TROUBLE_UNSURE: producer_doubts(p); break;
    case TROUBLE_BUSY:
        if (ev->status == DOCENT_ERR_NO_MEMORY && ev->sent) { /* For the answer, which may have been that it was applied. */
            producer_doubts(p);
        } else {
            producer_put_back(p);
            producer_go(p, PRODUCER_IDLE);
            producer_pause(p);
        }
        break;
    case TROUBLE_REFUSED: producer_refused(p, ev->status); break;
    }
}

/* ---- What became of it. ---- */

static void producer_on_look(struct producer *p, const struct docent_event *ev)
{
    const docent_result *result = ev->result;
    char number[NUMBER_SIZE];
    if (p->sync != DOCENT_OK) { /* What a look without its sync shows may be old. */
        producer_pause(p);
        return;
    }
    if (ev->status == DOCENT_ERR_NO_NODE) { /* Somebody has deleted it, and with it what it knew. */
        list_end(&p->sending, DOCENT_ERR_UNKNOWN_OUTCOME);
        p->sending_count = 0;
        receipt_name(p);
        producer_rest(p);
        return;
    }
    if (ev->status != DOCENT_OK) {
        producer_pause(p);
        return;
    }
    int size = snprintf(number, sizeof number, "%" PRIu64, p->batch);
    bool applied = result->size == (size_t)size && memcmp(result->data, number, (size_t)size) == 0;
    p->version = result->stat.version;
    if (applied) {
        p->version--; /* Counted there. */
        producer_sent(p, NULL);
    } else {
        producer_put_back(p);
    }
    producer_rest(p);
}

/* ---- What is next. ---- */

static void producer_leave(struct producer *p)
{
    if (!p->signing_sent || p->receipt == NULL) {
        producer_over(p);
        return;
    }
    producer_go(p, PRODUCER_LEAVING);
    p->removal = (struct removal){ .path = p->receipt, .unique = true, .version = DOCENT_ANY_VERSION };
    if (docent_machine_online(&p->machine)) docent_removal_ask(&p->removal, &p->machine);
}

static void producer_work(struct producer *p)
{
    docent_work_queue *queue = queue_of(p);
    size_t room;
    if (p->leaves) {
        producer_leave(p);
        return;
    }
    if (p->waiting.first == NULL) return;
    if (!docent_machine_online(&p->machine)) {
        list_end_impatient(&p->waiting);
        return;
    }
    if (queue->ground.state != GROUND_THERE) return;
    if (!docent_census_room(queue, &room)) return; /* Not known yet. */
    if (room == 0) {
        list_end_impatient(&p->waiting);
        return;
    }
    if (!receipt_is_good(p)) {
        producer_go(p, PRODUCER_SIGNING);
        producer_sign(p);
        return;
    }
    if (producer_fill(p, room) == 0) return;
    producer_go(p, PRODUCER_SENDING);
    producer_send(p);
}

static void producer_rest(struct producer *p)
{
    if (p->state != PRODUCER_IDLE) producer_go(p, PRODUCER_IDLE);
    producer_work(p);
}

void docent_producer_pump(docent_work_queue *queue)
{
    struct producer *p = &queue->producer;
    if (p->state == PRODUCER_IDLE) producer_work(p);
}

void docent_producer_refused(docent_work_queue *queue, docent_status why)
{
    list_end(&queue->producer.waiting, why);
}

static void producer_on_reply(struct producer *p, const struct docent_event *ev)
{
    switch (p->state) {
    case PRODUCER_SIGNING: producer_on_sign(p, ev); break;
    case PRODUCER_SENDING: producer_on_sent(p, ev); break;
    case PRODUCER_FINDING:
        if (ev->tag == TAG_SYNC) {
            p->sync = ev->status == DOCENT_ERR_NO_NODE ? DOCENT_OK : ev->status;
        } else {
            producer_on_look(p, ev);
        }
        break;
    case PRODUCER_LEAVING:
        switch (docent_removal_on_reply(&p->removal, &p->machine, ev)) {
        case REMOVAL_GONE: producer_over(p); break;
        case REMOVAL_GOING_ON:
        case REMOVAL_SEEN: break;
        case REMOVAL_FAILED:
        case REMOVAL_VERSION: producer_pause(p); break;
        }
        break;
    case PRODUCER_IDLE:
    case PRODUCER_OVER:
    case PRODUCER_STATES: break;
    }
}

/* The connection is back, or a pause is over. */
static void producer_on_time(struct producer *p)
{
    switch (p->state) {
    case PRODUCER_IDLE: producer_work(p); break;
    case PRODUCER_SIGNING:
        docent_machine_next_turn(&p->machine);
        producer_sign(p);
        break;
    case PRODUCER_FINDING:
        docent_machine_next_turn(&p->machine);
        producer_find(p);
        break;
    case PRODUCER_LEAVING:
        docent_machine_next_turn(&p->machine);
        docent_removal_ask(&p->removal, &p->machine);
        break;
    case PRODUCER_SENDING: /* Its lost reply has come, or will. */
    case PRODUCER_OVER:
    case PRODUCER_STATES: break;
    }
}

static void producer_on_expired(struct producer *p)
{
    if (p->receipt == NULL) return;
    receipt_name(p); /* The old one has gone with its session. */
    switch (p->state) {
    case PRODUCER_SIGNING: producer_rest(p); break;
    case PRODUCER_FINDING:
        list_end(&p->sending, DOCENT_ERR_UNKNOWN_OUTCOME);
        p->sending_count = 0;
        producer_rest(p);
        break;
    case PRODUCER_LEAVING: producer_over(p); break;
    case PRODUCER_IDLE:
    case PRODUCER_SENDING:
    case PRODUCER_OVER:
    case PRODUCER_STATES: break;
    }
}

static void producer_on_event(struct docent_machine *machine, const struct docent_event *ev)
{
    struct producer *p = (struct producer *)machine; /* Its first member. */
    switch (ev->type) {
    case DOCENT_EV_REPLY: producer_on_reply(p, ev); break;
    case DOCENT_EV_TIMER:
    case DOCENT_EV_RESUMED: producer_on_time(p); break;
    case DOCENT_EV_EXPIRED: producer_on_expired(p); break;
    case DOCENT_EV_SUSPENDED:
        if (p->state == PRODUCER_IDLE) list_end_impatient(&p->waiting);
        break;
    case DOCENT_EV_CLOSING: docent_producer_end(queue_of(p), ev->status); break;
    case DOCENT_EV_WATCH: break;
    }
}

void docent_producer_start(docent_work_queue *queue)
{
    struct producer *p = &queue->producer;
    if (p->receipt != NULL) receipt_name(p);
    docent_machine_init(&p->machine, queue->handle.client, producer_on_event);
    p->machine.name = "work queue put";
}

void docent_producer_end(docent_work_queue *queue, docent_status why)
{
    struct producer *p = &queue->producer;
    if (p->state == PRODUCER_OVER) return;
    list_end(&p->waiting, queue->handle.refusal != DOCENT_OK ? queue->handle.refusal : why);
    if (why == DOCENT_ERR_CANCELLED && p->machine.on_event != NULL) {
        p->leaves = true;
        docent_producer_pump(queue);
        return;
    }
    list_end(&p->sending, DOCENT_ERR_UNKNOWN_OUTCOME);
    if (p->machine.on_event == NULL) {
        p->state = PRODUCER_OVER; /* It never began. */
        docent_work_settle(queue);
    } else {
        producer_over(p);
    }
}

bool docent_producer_is_over(const docent_work_queue *queue)
{
    const struct producer *p = &queue->producer;
    return p->state == PRODUCER_OVER && p->alive == 0 && p->flushes == NULL;
}

docent_status docent_producer_fill(docent_work_queue *queue)
{
    struct producer *p = &queue->producer;
    list_empty(&p->waiting);
    list_empty(&p->sending);
    if (queue->receipt_path == NULL) return DOCENT_OK;
    p->receipt_uuid = strlen(queue->receipt_path) + 1;
    p->receipt = docent_alloc(docent_work_allocator(queue), p->receipt_uuid + UUID_SIZE + 1);
    if (p->receipt == NULL) return DOCENT_ERR_NO_MEMORY;
    memcpy(p->receipt, queue->receipt_path, p->receipt_uuid - 1);
    p->receipt[p->receipt_uuid - 1] = '/';
    return DOCENT_OK;
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
    list_add(&queue->producer.waiting, p);
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
