/* recipes/work_queue_put.c - the producer of a work queue.
 *
 * Puts wait in line (work_queue_line.c). When there is a connection, ground to stand on, and room, those in front go out in one transaction,
 * and each is told what became of it. There is one transaction at a time, so puts are in the queue in the order in which they came.
 *
 * A lost reply. A sequential create leaves no trace by which it could be told from others', and a consumer may have taken what it made. So
 * without a receipt (work_queue_receipt.h) its outcome stays unknown. With one, a sync and a look at it, in the same session, show whether the
 * transaction was applied: if not, it goes out again. When the session is over so is the receipt, and the outcome is unknown after all.
 *
 *     IDLE --- no receipt yet --> SIGNING --- there --> IDLE
 *      +--- puts wait --> SENDING --- answered --> IDLE
 *      |                    '--- reply lost --> FINDING --- applied, or not --> IDLE
 *      '--- closed --> LEAVING (the receipt goes) --> OVER
 *
 * A path that has had 2^31 children stays at the last number, and then the name exists. Servers that count on, into the negative, put
 * items in an order that is wrong for everybody; they are put, and the log says so. */
#include <assert.h>
#include <string.h>

#include "recipes/trouble.h"
#include "recipes/work_queue_internal.h"
#include "recipes/work_queue_name.h"

enum {
    BATCH_MAX = 64,             /* Puts in a transaction. */
    BATCH_BYTES_MAX = 64 << 10, /* More than one put only if they have no more than this. */
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

static void producer_sign(struct producer *p)
{
    docent_work_queue *queue = queue_of(p);
    if (!docent_machine_online(&p->machine)) return;
    docent_op sign = docent_receipt_sign(&p->receipt, queue->acl);
    docent_ask(&p->machine, &sign, TAG_SIGN);
}

/* They were not put. Who was told meanwhile that nobody knows is not put after all. */
static void producer_put_back(struct producer *p)
{
    struct put_list kept;
    docent_puts_empty(&kept);
    for (struct put *put; (put = docent_puts_take(&p->sending)) != NULL;) {
        if (put->answered || p->leaves) {
            docent_put_end(put, DOCENT_ERR_CLOSING);
        } else {
            docent_puts_add(&kept, put);
        }
    }
    docent_puts_put_back(&p->waiting, &kept);
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
        docent_puts_end(&p->sending, why);
    } else {
        docent_puts_end(&p->waiting, why);
    }
    p->sending_count = 0;
    producer_rest(p);
}

static void producer_on_sign(struct producer *p, const struct docent_event *ev)
{
    /* A node of that name can only be ours, of this session: the name is drawn anew for each. */
    if (ev->status == DOCENT_OK || ev->status == DOCENT_ERR_NODE_EXISTS) {
        docent_machine_calm(&p->machine);
        p->receipt.there = true;
        producer_rest(p);
    } else if (ev->status == DOCENT_ERR_NO_NODE) {
        p->receipt.sent = p->receipt.doubt = false;
        docent_ground_lost(&queue_of(p)->ground);
        producer_rest(p);
    } else if (docent_trouble(ev->status) == TROUBLE_REFUSED) {
        p->receipt.sent = p->receipt.doubt; /* Refused it is not there, and need not go when we leave. */
        producer_refused(p, ev->status);
    } else {
        p->receipt.doubt = true;
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
        docent_puts_add(&p->sending, docent_puts_take(&p->waiting));
        p->sending_count++;
    }
    return p->sending_count;
}

static void producer_send(struct producer *p)
{
    docent_work_queue *queue = queue_of(p);
    docent_op ops[1 + BATCH_MAX] = { { 0 } };
    size_t count = 0;
    if (p->receipt.path != NULL) ops[count++] = docent_receipt_stamp(&p->receipt);
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
    size_t at = p->receipt.path != NULL;
    for (struct put *put; (put = docent_puts_take(&p->sending)) != NULL; at++) {
        const char *path = result == NULL ? NULL : single ? result->path : at < result->result_count ? result->results[at].path : NULL;
        const char *name = path == NULL || strlen(path) <= queue->path_size ? NULL : path + queue->path_size + 1;
        if (name != NULL) put->name = docent_strdup(docent_work_allocator(queue), name);
        if (put->name != NULL && docent_work_name_is_exhausted(put->name)) {
            docent_client_log(queue->handle.client, DOCENT_LOG_ERROR, "queue.exhausted", queue->path, "has had 2^31 children: the order is lost");
        }
        docent_put_end(put, DOCENT_OK);
    }
    p->sending_count = 0;
    if (p->receipt.path != NULL) p->receipt.version++;
}

/* Something that the transaction needs is not there. */
static void producer_on_missing(struct producer *p, const docent_result *result)
{
    docent_work_queue *queue = queue_of(p);
    bool receipt = p->receipt.path != NULL && result->result_count > 0 && result->results[0].status == DOCENT_ERR_NO_NODE;
    producer_put_back(p);
    if (receipt) {
        docent_receipt_name(&p->receipt, p->machine.client); /* Somebody has deleted it. */
    } else {
        docent_ground_lost(&queue->ground);
    }
    producer_rest(p);
}

static void producer_find(struct producer *p)
{
    if (!docent_machine_online(&p->machine)) return;
    docent_op sync = docent_op_sync(p->receipt.path), get = docent_op_get(p->receipt.path);
    p->sync = DOCENT_OK;
    docent_ask(&p->machine, &sync, TAG_SYNC);
    docent_ask(&p->machine, &get, TAG_LOOK);
}

/* It may have been applied. */
static void producer_doubts(struct producer *p)
{
    if (p->receipt.path == NULL) {
        docent_puts_end(&p->sending, DOCENT_ERR_UNKNOWN_OUTCOME);
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
    if (p->sync != DOCENT_OK) { /* What a look without its sync shows may be old. */
        producer_pause(p);
        return;
    }
    if (ev->status == DOCENT_ERR_NO_NODE) { /* Somebody has deleted it, and with it what it knew. */
        docent_puts_end(&p->sending, DOCENT_ERR_UNKNOWN_OUTCOME);
        p->sending_count = 0;
        docent_receipt_name(&p->receipt, p->machine.client);
        producer_rest(p);
        return;
    }
    if (ev->status != DOCENT_OK) {
        producer_pause(p);
        return;
    }
    if (docent_receipt_says_so(&p->receipt, ev->result)) {
        producer_sent(p, NULL);
    } else {
        producer_put_back(p);
    }
    producer_rest(p);
}

/* ---- What is next. ---- */

static void producer_leave(struct producer *p)
{
    if (p->receipt.path == NULL || !p->receipt.sent) {
        producer_over(p);
        return;
    }
    producer_go(p, PRODUCER_LEAVING);
    p->removal = (struct removal){ .path = p->receipt.path, .unique = true, .version = DOCENT_ANY_VERSION };
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
        docent_puts_end_impatient(&p->waiting);
        return;
    }
    if (queue->ground.state != GROUND_THERE) return;
    if (!docent_census_room(queue, &room)) return; /* Not known yet. */
    if (room == 0) {
        docent_puts_end_impatient(&p->waiting);
        return;
    }
    if (p->receipt.path != NULL && !p->receipt.there) {
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
    docent_puts_end(&queue->producer.waiting, why);
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
    if (p->receipt.path == NULL) return;
    docent_receipt_name(&p->receipt, p->machine.client); /* The old one has gone with its session. */
    switch (p->state) {
    case PRODUCER_SIGNING: producer_rest(p); break;
    case PRODUCER_FINDING:
        docent_puts_end(&p->sending, DOCENT_ERR_UNKNOWN_OUTCOME);
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
        if (p->state == PRODUCER_IDLE) docent_puts_end_impatient(&p->waiting);
        break;
    case DOCENT_EV_CLOSING: docent_producer_end(queue_of(p), ev->status); break;
    case DOCENT_EV_WATCH: break;
    }
}

void docent_producer_start(docent_work_queue *queue)
{
    struct producer *p = &queue->producer;
    docent_machine_init(&p->machine, queue->handle.client, producer_on_event);
    if (p->receipt.path != NULL) docent_receipt_name(&p->receipt, queue->handle.client);
    p->machine.name = "work queue put";
}

void docent_producer_end(docent_work_queue *queue, docent_status why)
{
    struct producer *p = &queue->producer;
    if (p->state == PRODUCER_OVER) return;
    docent_puts_end(&p->waiting, queue->handle.refusal != DOCENT_OK ? queue->handle.refusal : why);
    if (why == DOCENT_ERR_CANCELLED && p->machine.on_event != NULL) {
        p->leaves = true;
        docent_producer_pump(queue);
        return;
    }
    docent_puts_end(&p->sending, DOCENT_ERR_UNKNOWN_OUTCOME);
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
    docent_puts_empty(&p->waiting);
    docent_puts_empty(&p->sending);
    return docent_receipt_fill(&p->receipt, docent_work_allocator(queue), queue->receipt_path);
}
