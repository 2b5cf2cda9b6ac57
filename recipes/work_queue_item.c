/* recipes/work_queue_item.c - an item of a work queue on its way through a consumer: it is claimed (claim.h) or taken (work_queue_take.c), read, handed
 * out, and what the application answers is written.
 *
 *     TAKING ----> READY ----> OUT ----> ENDING ----> OVER
 *       |            |          '-- the claim was lost: answered, it is told so --> OVER
 *       |            '-- the claim was lost --> OVER
 *       |-- somebody else has it, or had it --> OVER
 *       '-- malformed --> HOSPITAL --> MOVING --> OVER (work_queue_hospital.c)
 *
 * Who frees. An item that is out belongs to the application until it answers, from whatever thread. The answer is one word that is exchanged: by the
 * application when it answers, by the loop when it lets go of the item because the client closes. Who comes second frees. The
 * handle's memory stays until then. */
#include "recipes/work_queue_item.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "recipes/work_queue_frame.h"
#include "recipes/work_queue_name.h"

#define TO(state) (1u << (state))
static const unsigned item_next[ITEM_STATES] = {
    [ITEM_TAKING] = TO(ITEM_READY) | TO(ITEM_HOSPITAL) | TO(ITEM_OVER),
    [ITEM_READY] = TO(ITEM_OUT) | TO(ITEM_OVER),
    [ITEM_OUT] = TO(ITEM_ENDING) | TO(ITEM_OVER),
    [ITEM_ENDING] = TO(ITEM_OVER),
    [ITEM_HOSPITAL] = TO(ITEM_MOVING) | TO(ITEM_OVER),
    [ITEM_MOVING] = TO(ITEM_HOSPITAL) | TO(ITEM_OVER),
};
static const char *const item_state_name[ITEM_STATES] = { "taking", "ready", "out", "ending", "hospital", "moving", "over" };

/* ---- Memory. ---- */

/* From any thread. */
void docent_work_item_free(docent_work_item *item)
{
    docent_allocator allocator = item->queue->handle.allocator;
    docent_free(&allocator, item->elements);
    docent_free(&allocator, item->moved);
    docent_free(&allocator, item->kept);
    docent_free(&allocator, item);
}

/* What claims or takes it has nothing to do any more. Its frame goes with that. */
static void item_finish(docent_work_item *item)
{
    if (item->locked) {
        if (item->claim.machine.client != NULL) docent_claim_fini(&item->claim);
        item->claim.machine.client = NULL;
    } else {
        docent_taker_fini(&item->taker);
    }
}

/* The frame goes on without them. */
void docent_work_item_keep(docent_work_item *item)
{
    docent_result **node = item->locked ? &item->claim.item : &item->taker.item;
    item->kept = *node;
    *node = NULL;
    item_finish(item);
}

static const docent_result *item_node(const docent_work_item *item)
{
    return item->locked ? item->claim.item : item->taker.item;
}

/* ---- States. ---- */

static void item_later(docent_work_item *item)
{
    docent_client_later(docent_work_item_client(item), &item->telling);
}

/* The only writer of item->state. */
void docent_work_item_go(docent_work_item *item, enum item_state next)
{
    assert(item_next[item->state] & TO(next));
    (void)item_next;
    docent_client_log(docent_work_item_client(item), DOCENT_LOG_DEBUG, "item.state", item->path, "%s -> %s", item_state_name[item->state], item_state_name[next]);
    item->state = next;
    if (next == ITEM_OVER || next == ITEM_READY) item_later(item);
}

void docent_work_item_trouble(docent_work_item *item, docent_status status, const char *fault)
{
    docent_log_level level = status == DOCENT_ERR_CORRUPT_DATA || status == DOCENT_ERR_UNKNOWN_OUTCOME ? DOCENT_LOG_WARNING : DOCENT_LOG_INFO;
    docent_client_log(docent_work_item_client(item), level, "item.trouble", item->path, "%s%s%s", docent_status_text(status), *fault == '\0' ? "" : ": ", fault);
    item->trouble = status;
    item->fault = fault;
    item_later(item);
}

static void item_over(docent_work_item *item, enum items_verdict back)
{
    if (item->state == ITEM_OVER) return;
    item->back = back;
    docent_work_item_go(item, ITEM_OVER);
}

/* ---- Where it goes on. ---- */

/* "directory/name" up to @size bytes of the name, and @more. False: no memory. */
bool docent_work_item_goes_to(docent_work_item *item, const char *directory, size_t size, const char *more)
{
    const docent_allocator *allocator = docent_work_allocator(item->queue);
    size_t directory_size = strlen(directory), room = directory_size + 1 + size + strlen(more) + 1;
    docent_free(allocator, item->moved);
    item->moved = docent_alloc(allocator, room);
    if (item->moved == NULL) return false;
    snprintf(item->moved, room, "%s/%.*s%s", directory, (int)size, item->out.name, more);
    return true;
}

/* ---- It was read. ---- */

/* False: it is malformed, and what is wrong is noted. */
static bool item_read(docent_work_item *item)
{
    const docent_result *node = item_node(item);
    const docent_allocator *allocator = docent_work_allocator(item->queue);
    item->fault = docent_work_frame_read(node->data, node->size, NULL, &item->count);
    if (item->fault != NULL) return false;
    item->elements = docent_alloc_array(allocator, item->count + 1, sizeof *item->elements);
    if (item->elements != NULL) (void)docent_work_frame_read(node->data, node->size, item->elements, &item->count);
    return true;
}

void docent_work_item_let_go(docent_work_item *item, docent_status why)
{
    if (item->locked) {
        docent_claim_leave(&item->claim, why);
    } else {
        docent_taker_leave(&item->taker);
    }
}

static void item_on_read(docent_work_item *item)
{
    struct consumer *c = item->queue->consumer;
    if (c->ended) {
        docent_work_item_let_go(item, DOCENT_ERR_CANCELLED);
    } else if (!item_read(item)) {
        docent_hospital_admit(item);
    } else if (item->elements == NULL) { /* No memory: later. */
        docent_work_item_let_go(item, DOCENT_ERR_NO_MEMORY);
    } else if (item->locked) {
        docent_work_item_go(item, ITEM_READY);
    } else {
        docent_taker_delete(&item->taker);
    }
}

/* ---- With a lock path. ---- */

static enum items_verdict verdict_of(docent_status why)
{
    switch ((int)why) {
    case DOCENT_ERR_NO_NODE: return ITEMS_GONE;
    case DOCENT_ERR_SESSION_EXPIRED:
    case DOCENT_ERR_NOT_HELD:
    case DOCENT_ERR_CANCELLED: return ITEMS_AGAIN;
    case DOCENT_ERR_NODE_EXISTS:
    case DOCENT_ERR_NO_MEMORY: return ITEMS_SKIPPED;
    default: return ITEMS_REFUSED;
    }
}

/* The claim is no more. */
static void item_unclaimed(docent_work_item *item)
{
    docent_status why = item->claim.verdict;
    switch (item->state) {
    case ITEM_TAKING:
    case ITEM_HOSPITAL:
        if (why != DOCENT_ERR_NODE_EXISTS && why != DOCENT_ERR_NO_NODE) docent_meter_reason(&item->queue->meter, docent_work_item_client(item), why);
        item_over(item, verdict_of(why));
        break;
    case ITEM_READY: item_over(item, verdict_of(why)); break;
    case ITEM_OUT: /* Its name stays out, so that this process does not work on it twice at a time. */
        docent_meter_over(&item->queue->meter, docent_client_now(docent_work_item_client(item)) - item->out_ms, true);
        item->lost = !docent_client_closing(docent_work_item_client(item));
        if (item->lost) item_later(item);
        break;
    case ITEM_ENDING:
    case ITEM_MOVING: item_over(item, item->back); break;
    case ITEM_OVER:
    case ITEM_STATES: break;
    }
}

static void item_on_phase(struct claim *claim, enum claim_phase phase)
{
    docent_work_item *item = (docent_work_item *)((char *)claim - offsetof(docent_work_item, claim));
    switch (phase) {
    case CLAIM_HOLDS:
        if (item->state == ITEM_TAKING) {
            item_on_read(item);
        } else if (item->state == ITEM_READY) {
            item_later(item);
        }
        break;
    case CLAIM_LEAVES: break;
    case CLAIM_OVER:
        item->held = false;
        item_unclaimed(item);
        break;
    case CLAIM_TRIES:
    case CLAIM_DOUBTS: break;
    }
}

static void item_answer_written(docent_work_item *item, docent_status status)
{
    struct meter *meter = &item->queue->meter;
    docent_meter_end(meter, status, docent_client_now(docent_work_item_client(item)) - item->out_ms);
    item->back = status == DOCENT_OK || status == DOCENT_ERR_NO_NODE ? ITEMS_GONE : ITEMS_AGAIN;
    if (status == DOCENT_OK) {
        docent_meter_reason(meter, docent_work_item_client(item), DOCENT_OK);
        return;
    }
    bool lost = status == DOCENT_ERR_SESSION_EXPIRED || status == DOCENT_ERR_NO_NODE;
    docent_work_item_trouble(item, lost ? DOCENT_ERR_NOT_HELD : status, lost ? "the answer came too late" : "the answer was not written");
    if (docent_claim_is_held(&item->claim)) { /* Refused. It goes back to the others. */
        item->back = ITEMS_REFUSED;
        docent_claim_leave(&item->claim, status);
    }
}

static void item_on_ended(struct claim *claim, docent_status status)
{
    docent_work_item *item = (docent_work_item *)((char *)claim - offsetof(docent_work_item, claim));
    if (item->state == ITEM_MOVING) {
        docent_hospital_answered(item, status);
    } else {
        item_answer_written(item, status);
    }
}

/* ---- Without. ---- */

static void item_on_taker_read(struct taker *taker)
{
    item_on_read((docent_work_item *)((char *)taker - offsetof(docent_work_item, taker)));
}

static void item_on_no_quarantine(struct taker *taker)
{
    docent_hospital_lost((docent_work_item *)((char *)taker - offsetof(docent_work_item, taker)));
}

static void item_on_taken(struct taker *taker, enum taken taken)
{
    docent_work_item *item = (docent_work_item *)((char *)taker - offsetof(docent_work_item, taker));
    item->held = false;
    switch (taken) {
    case TAKEN_OURS: docent_work_item_go(item, ITEM_READY); break;
    case TAKEN_BY_OTHERS: item_over(item, ITEMS_GONE); break;
    case TAKEN_UNSURE:
        docent_work_item_trouble(item, DOCENT_ERR_UNKNOWN_OUTCOME, "taken out by us or by another consumer");
        item_over(item, ITEMS_GONE);
        break;
    case TAKEN_REFUSED:
        docent_meter_reason(&item->queue->meter, docent_work_item_client(item), taker->why);
        item_over(item, ITEMS_SKIPPED);
        break;
    case TAKEN_MOVED:
        docent_work_item_trouble(item, DOCENT_ERR_CORRUPT_DATA, item->fault);
        item_over(item, ITEMS_GONE);
        break;
    }
}

/* ---- Telling, at the end of the turn. ---- */

static void item_tell_trouble(docent_work_item *item)
{
    docent_work_queue *queue = item->queue;
    const docent_result *node = item_node(item);
    docent_work_trouble trouble = { .struct_size = sizeof trouble, .status = item->trouble, .name = item->out.name, .fault = item->fault };
    if (node != NULL) {
        trouble.data = node->data;
        trouble.size = node->size;
    }
    item->trouble = DOCENT_OK;
    if (queue->on_trouble != NULL && !queue->handle.muted) queue->on_trouble(queue, &trouble, queue->user);
}

/* Unless it was answered meanwhile: then what is written for that says so. */
static void item_tell_lost(docent_work_item *item)
{
    docent_work_queue *queue = item->queue;
    docent_status why = item->claim.verdict;
    item->lost = false;
    if (item->state != ITEM_OUT || (enum item_answer)atomic_load(&item->answer) != ANSWER_NONE) return;
    docent_client_log(queue->handle.client, DOCENT_LOG_WARNING, "item.lost", item->path, "worked on, and lost: %s", docent_status_text(why));
    if (queue->on_lost != NULL && !queue->handle.muted) queue->on_lost(queue, item, why, queue->user);
}

static void item_hand_out(docent_work_item *item)
{
    docent_work_queue *queue = item->queue;
    struct consumer *c = queue->consumer;
    if (item->locked && item->claim.told != CLAIM_HOLDS) return; /* In doubt: when it is not, or over. */
    if (item->locked && c->ended) {
        docent_claim_leave(&item->claim, DOCENT_ERR_CANCELLED);
        return;
    }
    docent_work_item_go(item, ITEM_OUT);
    item->out_ms = docent_client_now(queue->handle.client);
    docent_meter_begin(&queue->meter);
    docent_handle_ref(&queue->handle); /* Until it is answered. */
    queue->on_item(queue, item, queue->user);
}

void docent_work_item_tell(struct docent_later *later)
{
    docent_work_item *item = (docent_work_item *)((char *)later - offsetof(docent_work_item, telling));
    docent_work_queue *queue = item->queue;
    if (item->trouble != DOCENT_OK) item_tell_trouble(item);
    if (item->lost) item_tell_lost(item);
    if (item->state == ITEM_READY) {
        item_hand_out(item);
    } else if (item->state == ITEM_OVER && !item->held && !docent_later_is_queued(&item->telling)) {
        docent_consumer_forget(item);
        item_finish(item);
        docent_work_item_free(item);
        docent_consumer_pump_soon(queue);
        docent_work_settle(queue);
    }
}

/* ---- Answers. ---- */

/* On the loop. */
void docent_work_item_answered(docent_work_item *item, enum item_answer answer)
{
    docent_work_queue *queue = item->queue;
    bool requeue = answer == ANSWER_FAILED && queue->on_failure == DOCENT_WORK_REQUEUE;
    if (!item->locked) {
        docent_meter_end(&queue->meter, answer == ANSWER_DONE ? DOCENT_OK : DOCENT_ERR_CANCELLED,
                         docent_client_now(docent_work_item_client(item)) - item->out_ms);
        item_over(item, ITEMS_GONE);
        return;
    }
    bool ready = !requeue || docent_work_item_goes_to(item, queue->path, docent_work_name_prefix(item->out.name), "");
    item->back = ITEMS_AGAIN;
    if (!docent_claim_is_held(&item->claim)) {
        docent_work_item_go(item, ITEM_ENDING);
        item_answer_written(item, DOCENT_ERR_NOT_HELD);
        if (!item->held) item_over(item, ITEMS_AGAIN);
    } else if (!ready) { /* No memory: unanswered it is put back where it is. */
        docent_work_item_go(item, ITEM_ENDING);
        docent_claim_leave(&item->claim, DOCENT_ERR_NO_MEMORY);
    } else {
        docent_work_item_go(item, ITEM_ENDING);
        (void)(requeue ? docent_claim_move(&item->claim, item->moved) : docent_claim_end(&item->claim, false));
    }
}

void docent_work_item_done(docent_work_item *item, docent_work_outcome outcome)
{
    if (item == NULL) return;
    docent_work_queue *queue = item->queue;
    int before = atomic_exchange(&item->answer, outcome == DOCENT_WORK_DONE ? ANSWER_DONE : ANSWER_FAILED);
    if (before == ANSWER_UNHEARD) {
        docent_work_item_free(item);
    } else {
        docent_handle_nudge(&queue->handle);
    }
    docent_handle_unref(&queue->handle);
}

const docent_work_element *docent_work_item_elements(const docent_work_item *item, size_t *ret_count)
{
    if (ret_count != NULL) *ret_count = item == NULL ? 0 : item->count;
    return item == NULL ? NULL : item->elements;
}

const char *docent_work_item_name(const docent_work_item *item)
{
    return item == NULL ? NULL : item->out.name;
}

struct hold_call { /* On the waiting thread's stack. */
    const docent_work_item *item;
    docent_hold *hold;
};

static void item_take_hold(struct hold_call *call)
{
    if (call->item->locked && call->item->held) call->hold = docent_claim_hold(&call->item->claim);
}

static docent_status item_hold_start(void *argument, struct docent_wait *wait)
{
    item_take_hold(argument);
    docent_wait_done(wait, DOCENT_OK);
    return DOCENT_OK;
}

/* Also when the queue is closed: who works on an item has it until it is answered. */
docent_hold *docent_work_item_hold(docent_work_item *item)
{
    struct hold_call call = { .item = item };
    docent_client *client;
    if (item == NULL || docent_handle_client(&item->queue->handle, &client) != DOCENT_OK) return NULL;
    const struct docent_host *host = docent_client_host(client);
    if (host->check_loop(host->user) == DOCENT_OK) {
        item_take_hold(&call);
    } else {
        (void)docent_await(client, item_hold_start, &call);
    }
    return call.hold;
}

/* ---- How it begins. ---- */

docent_status docent_work_item_begin(docent_work_item *item)
{
    docent_work_queue *queue = item->queue;
    if (queue->lock_path == NULL) {
        item->taker = (struct taker){ .path = item->path, .acl = queue->acl, .on_read = item_on_taker_read, .on_over = item_on_taken,
                                      .on_no_quarantine = item_on_no_quarantine };
        item->held = true;
        return docent_taker_start(&item->taker, docent_work_item_client(item));
    }
    const struct claim_config config = {
        .client = docent_work_item_client(item),
        .directory = queue->path,
        .claims = queue->lock_path,
        .name = item->out.name,
        .acl = queue->acl,
        .on_ended = item_on_ended,
        .on_phase = item_on_phase,
    };
    item->locked = true;
    docent_status status = docent_claim_init(&item->claim, &config);
    if (status != DOCENT_OK) return status;
    item->held = true;
    docent_claim_start(&item->claim);
    return DOCENT_OK;
}
