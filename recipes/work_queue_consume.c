/* recipes/work_queue_consume.c - the consumer of a work queue: what there is is listed now and then (items.h), each item is claimed (claim.h) or
 * taken (work_queue_take.c), read, handed out, and what the application answers is written.
 *
 *     TAKING ----> READY ----> OUT ----> ENDING ----> OVER
 *       |            |          '-- the claim was lost: answered, it is told so --> OVER
 *       |            '-- the claim was lost --> OVER
 *       |-- somebody else has it, or had it --> OVER
 *       '-- malformed --> HOSPITAL --> MOVING --> OVER
 *
 * At most `parallel` items are on their way at a time, and so with one of them the next is looked at when the one before it is over: its
 * place in the queue is the only order there is.
 *
 * Who frees. An item that is out belongs to the application until it answers, from whatever thread. The answer is one word that is exchanged: by the
 * application when it answers, by the loop when it lets go of the item because the client closes. Who comes second frees. The
 * handle's memory stays until then. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "recipes/trouble.h"
#include "recipes/work_queue_frame.h"
#include "recipes/work_queue_item.h"
#include "recipes/work_queue_name.h"

enum {
    AGAIN_MS = 1000,      /* What somebody else has is looked at again. */
    DUE_MAX_MS = 60000,   /* The wall clock may jump: it is looked at so often, at least. */
    MEMORY_MS = 100,
};

struct consumer {
    docent_work_queue *queue;
    struct items items;
    struct items_order order;
    struct docent_timer due;        /* Something is to be looked at again. */
    struct ground quarantine;
    bool started, ended;
    struct docent_work_item *list;  /* All that the loop has not let go of. */
    size_t count;
    struct docent_later pumping;
    struct handle_nudge answered;
};

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

static docent_client *client_of(const docent_work_item *item)
{
    return item->queue->handle.client;
}

/* ---- Memory. ---- */

/* From any thread. */
static void item_free(docent_work_item *item)
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
static void item_keep(docent_work_item *item)
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
    docent_client_later(client_of(item), &item->telling);
}

/* The only writer of item->state. */
static void item_go(docent_work_item *item, enum item_state next)
{
    assert(item_next[item->state] & TO(next));
    (void)item_next;
    docent_client_log(client_of(item), DOCENT_LOG_DEBUG, "item.state", item->path, "%s -> %s", item_state_name[item->state], item_state_name[next]);
    item->state = next;
    if (next == ITEM_OVER || next == ITEM_READY) item_later(item);
}

static void item_trouble(docent_work_item *item, docent_status status, const char *fault)
{
    docent_log_level level = status == DOCENT_ERR_CORRUPT_DATA || status == DOCENT_ERR_UNKNOWN_OUTCOME ? DOCENT_LOG_WARNING : DOCENT_LOG_INFO;
    docent_client_log(client_of(item), level, "item.trouble", item->path, "%s%s%s", docent_status_text(status), *fault == '\0' ? "" : ": ", fault);
    item->trouble = status;
    item->fault = fault;
    item_later(item);
}

static void item_over(docent_work_item *item, enum items_verdict back)
{
    if (item->state == ITEM_OVER) return;
    item->back = back;
    item_go(item, ITEM_OVER);
}

/* ---- Where it goes on. ---- */

/* "directory/name" up to @size bytes of the name, and @more. False: no memory. */
static bool item_goes_to(docent_work_item *item, const char *directory, size_t size, const char *more)
{
    const docent_allocator *allocator = docent_work_allocator(item->queue);
    size_t directory_size = strlen(directory), room = directory_size + 1 + size + strlen(more) + 1;
    docent_free(allocator, item->moved);
    item->moved = docent_alloc(allocator, room);
    if (item->moved == NULL) return false;
    snprintf(item->moved, room, "%s/%.*s%s", directory, (int)size, item->out.name, more);
    return true;
}

/* ---- Malformed. ---- */

static void consumer_treat(struct consumer *c, docent_work_item *item)
{
    if (c->quarantine.state != GROUND_THERE || item->state != ITEM_HOSPITAL || c->ended) return;
    if (item->moved == NULL && !item_goes_to(item, item->queue->quarantine_path, strlen(item->out.name), "-")) {
        docent_timer_set(client_of(item), &c->due, docent_client_now(client_of(item)) + MEMORY_MS);
        return;
    }
    item_go(item, ITEM_MOVING);
    if (item->locked) {
        if (!docent_claim_move(&item->claim, item->moved)) item_go(item, ITEM_HOSPITAL); /* Its end is being told. */
    } else {
        docent_taker_move(&item->taker, item->moved);
    }
}

static void consumer_admit(struct consumer *c, docent_work_item *item)
{
    item_go(item, ITEM_HOSPITAL);
    if (!c->quarantine.attached) {
        c->quarantine.paths[0] = c->queue->quarantine_path;
        c->quarantine.count = 1;
        c->quarantine.acl = c->queue->acl;
        docent_ground_start(&c->quarantine, c->queue->handle.client);
    } else {
        consumer_treat(c, item);
    }
}

static void item_let_go(docent_work_item *item, docent_status why);

static void consumer_quarantine_told(struct ground *ground, docent_status status)
{
    struct consumer *c = (struct consumer *)((char *)ground - offsetof(struct consumer, quarantine));
    for (docent_work_item *item = c->list; item != NULL; item = item->next) {
        if (item->state != ITEM_HOSPITAL) continue;
        if (status == DOCENT_OK) {
            consumer_treat(c, item);
        } else { /* It stays; others may go first. */
            item_trouble(item, status, "malformed, and there is no quarantine");
            item_let_go(item, status);
        }
    }
}

static void item_lacks_quarantine(docent_work_item *item)
{
    item_go(item, ITEM_HOSPITAL);
    docent_ground_lost(&item->queue->consumer->quarantine);
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

static void item_let_go(docent_work_item *item, docent_status why)
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
        item_let_go(item, DOCENT_ERR_CANCELLED);
    } else if (!item_read(item)) {
        consumer_admit(c, item);
    } else if (item->elements == NULL) { /* No memory: later. */
        item_let_go(item, DOCENT_ERR_NO_MEMORY);
    } else if (item->locked) {
        item_go(item, ITEM_READY);
    } else {
        docent_taker_delete(&item->taker);
    }
}

/* ---- With a lock path. ---- */

static enum items_verdict verdict_of(const docent_work_item *item, docent_status why)
{
    (void)item;
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
        if (why != DOCENT_ERR_NODE_EXISTS && why != DOCENT_ERR_NO_NODE) docent_meter_reason(&item->queue->meter, client_of(item), why);
        item_over(item, verdict_of(item, why));
        break;
    case ITEM_READY: item_over(item, verdict_of(item, why)); break;
    case ITEM_OUT: /* Its name stays out, so that this process does not work on it twice at a time. */
        docent_meter_over(&item->queue->meter, docent_client_now(client_of(item)) - item->out_ms, true);
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
    docent_meter_end(meter, status, docent_client_now(client_of(item)) - item->out_ms);
    item->back = status == DOCENT_OK || status == DOCENT_ERR_NO_NODE ? ITEMS_GONE : ITEMS_AGAIN;
    if (status == DOCENT_OK) {
        docent_meter_reason(meter, client_of(item), DOCENT_OK);
        return;
    }
    bool lost = status == DOCENT_ERR_SESSION_EXPIRED || status == DOCENT_ERR_NO_NODE;
    item_trouble(item, lost ? DOCENT_ERR_NOT_HELD : status, lost ? "the answer came too late" : "the answer was not written");
    if (docent_claim_is_held(&item->claim)) { /* Refused. It goes back to the others. */
        item->back = ITEMS_REFUSED;
        docent_claim_leave(&item->claim, status);
    }
}

static void item_moved(docent_work_item *item, docent_status status)
{
    if (status == DOCENT_ERR_NO_NODE && docent_claim_is_held(&item->claim)) {
        item_lacks_quarantine(item);
        return;
    }
    item->back = status == DOCENT_OK || status == DOCENT_ERR_NO_NODE ? ITEMS_GONE : ITEMS_AGAIN;
    if (status == DOCENT_OK) {
        item_trouble(item, DOCENT_ERR_CORRUPT_DATA, item->fault);
    } else if (docent_claim_is_held(&item->claim)) {
        item->back = ITEMS_REFUSED;
        item_trouble(item, status, "malformed, and the quarantine does not take it");
        docent_claim_leave(&item->claim, status);
    }
}

static void item_on_ended(struct claim *claim, docent_status status)
{
    docent_work_item *item = (docent_work_item *)((char *)claim - offsetof(docent_work_item, claim));
    if (item->state == ITEM_MOVING) {
        item_moved(item, status);
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
    item_lacks_quarantine((docent_work_item *)((char *)taker - offsetof(docent_work_item, taker)));
}

static void item_on_taken(struct taker *taker, enum taken taken)
{
    docent_work_item *item = (docent_work_item *)((char *)taker - offsetof(docent_work_item, taker));
    item->held = false;
    switch (taken) {
    case TAKEN_OURS: item_go(item, ITEM_READY); break;
    case TAKEN_BY_OTHERS: item_over(item, ITEMS_GONE); break;
    case TAKEN_UNSURE:
        item_trouble(item, DOCENT_ERR_UNKNOWN_OUTCOME, "taken out by us or by another consumer");
        item_over(item, ITEMS_GONE);
        break;
    case TAKEN_REFUSED:
        docent_meter_reason(&item->queue->meter, client_of(item), taker->why);
        item_over(item, ITEMS_SKIPPED);
        break;
    case TAKEN_MOVED:
        item_trouble(item, DOCENT_ERR_CORRUPT_DATA, item->fault);
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

static void item_hand_out(docent_work_item *item)
{
    docent_work_queue *queue = item->queue;
    struct consumer *c = queue->consumer;
    if (item->locked && item->claim.told != CLAIM_HOLDS) return; /* In doubt: when it is not, or over. */
    if (item->locked && c->ended) {
        docent_claim_leave(&item->claim, DOCENT_ERR_CANCELLED);
        return;
    }
    item_go(item, ITEM_OUT);
    item->out_ms = docent_client_now(queue->handle.client);
    docent_meter_begin(&queue->meter);
    docent_handle_ref(&queue->handle); /* Until it is answered. */
    queue->on_item(queue, item, queue->user);
}

static void item_unlink(struct consumer *c, const docent_work_item *item)
{
    docent_work_item **link = &c->list;
    while (*link != item) link = &(*link)->next;
    *link = item->next;
    c->count--;
}

static void consumer_pump_soon(struct consumer *c)
{
    docent_client_later(c->queue->handle.client, &c->pumping);
}

static void item_tell(struct docent_later *later)
{
    docent_work_item *item = (docent_work_item *)((char *)later - offsetof(docent_work_item, telling));
    docent_work_queue *queue = item->queue;
    struct consumer *c = queue->consumer;
    if (item->trouble != DOCENT_OK) item_tell_trouble(item);
    if (item->state == ITEM_READY) {
        item_hand_out(item);
    } else if (item->state == ITEM_OVER && !item->held && !item->telling.queued) {
        docent_items_back(&c->items, &item->out, item->back);
        item_unlink(c, item);
        item_finish(item);
        item_free(item);
        consumer_pump_soon(c);
        docent_work_settle(queue);
    }
}

/* ---- Answers. ---- */

/* On the loop. */
static void item_answered(docent_work_item *item, enum item_answer answer)
{
    docent_work_queue *queue = item->queue;
    bool requeue = answer == ANSWER_FAILED && queue->on_failure == DOCENT_WORK_REQUEUE;
    if (!item->locked) {
        docent_meter_end(&queue->meter, answer == ANSWER_DONE ? DOCENT_OK : DOCENT_ERR_CANCELLED,
                         docent_client_now(client_of(item)) - item->out_ms);
        item_over(item, ITEMS_GONE);
        return;
    }
    bool ready = !requeue || item_goes_to(item, queue->path, docent_work_name_prefix(item->out.name), "");
    item->back = ITEMS_AGAIN;
    if (!docent_claim_is_held(&item->claim)) {
        item_go(item, ITEM_ENDING);
        item_answer_written(item, DOCENT_ERR_NOT_HELD);
        if (!item->held) item_over(item, ITEMS_AGAIN);
    } else if (!ready) { /* No memory: unanswered it is put back where it is. */
        item_go(item, ITEM_ENDING);
        docent_claim_leave(&item->claim, DOCENT_ERR_NO_MEMORY);
    } else {
        item_go(item, ITEM_ENDING);
        (void)(requeue ? docent_claim_move(&item->claim, item->moved) : docent_claim_end(&item->claim, false));
    }
}

static void consumer_answers(struct handle *handle)
{
    docent_work_queue *queue = (docent_work_queue *)(uintptr_t)handle;
    struct consumer *c = queue->consumer;
    for (docent_work_item *item = c->list; item != NULL; item = item->next) {
        enum item_answer answer = item->state == ITEM_OUT ? (enum item_answer)atomic_load(&item->answer) : ANSWER_NONE;
        if (answer != ANSWER_NONE) item_answered(item, answer);
    }
}

void docent_work_item_done(docent_work_item *item, docent_work_outcome outcome)
{
    if (item == NULL) return;
    docent_work_queue *queue = item->queue;
    int before = atomic_exchange(&item->answer, outcome == DOCENT_WORK_DONE ? ANSWER_DONE : ANSWER_FAILED);
    if (before == ANSWER_UNHEARD) {
        item_free(item);
    } else {
        docent_handle_nudge(&queue->consumer->answered);
    }
    docent_handle_unref(&queue->handle);
}

const docent_work_element *docent_work_item_elements(const docent_work_item *item, size_t *ret_count)
{
    *ret_count = item->count;
    return item->elements;
}

const char *docent_work_item_name(const docent_work_item *item)
{
    return item->out.name;
}

docent_hold *docent_work_item_hold(docent_work_item *item)
{
    if (docent_handle_check(&item->queue->handle) != DOCENT_OK || !item->locked || !item->held) return NULL;
    return docent_claim_hold(&item->claim);
}

/* ---- What is next. ---- */

static docent_status item_begin(docent_work_item *item)
{
    docent_work_queue *queue = item->queue;
    if (queue->lock_path == NULL) {
        item->taker = (struct taker){ .path = item->path, .acl = queue->acl, .on_read = item_on_taker_read, .on_over = item_on_taken,
                                      .on_no_quarantine = item_on_no_quarantine };
        item->held = true;
        return docent_taker_start(&item->taker, client_of(item));
    }
    const struct claim_config config = {
        .client = client_of(item),
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

/* The name that was just seen. False: no memory. */
static bool consumer_take(struct consumer *c, const char *name)
{
    docent_work_queue *queue = c->queue;
    const docent_allocator *allocator = docent_work_allocator(queue);
    size_t name_size = strlen(name) + 1;
    docent_work_item *item = docent_alloc(allocator, sizeof *item + queue->path_size + 1 + name_size);
    if (item == NULL) return false;
    memset(item, 0, sizeof *item);
    item->queue = queue;
    item->fault = "";
    item->telling.run = item_tell;
    item->path = (char *)(item + 1);
    memcpy(item->path, queue->path, queue->path_size);
    item->path[queue->path_size] = '/';
    item->out.name = memcpy(item->path + queue->path_size + 1, name, name_size);
    item->next = c->list;
    c->list = item;
    c->count++;
    docent_items_take(&c->items, &item->out);
    if (item_begin(item) == DOCENT_OK) return true;
    item->held = false;
    docent_items_back(&c->items, &item->out, ITEMS_SKIPPED);
    item_unlink(c, item);
    item_free(item);
    return false;
}

static void consumer_wait(struct consumer *c, uint64_t delay_ms)
{
    docent_client *client = c->queue->handle.client;
    docent_timer_set(client, &c->due, docent_client_now(client) + (delay_ms < DUE_MAX_MS ? delay_ms : DUE_MAX_MS));
}

/* False: not yet; it is looked at again then, or when something changes. */
static bool consumer_is_due(struct consumer *c, const char *name)
{
    if (c->queue->kind != DOCENT_WORK_QUEUE_DELAY) return true;
    int64_t due = docent_work_name_due(name), now = docent_client_wall_ms(c->queue->handle.client);
    if (due <= now) return true;
    consumer_wait(c, (uint64_t)(due - now));
    docent_items_want(&c->items); /* Something may come that is due earlier. */
    return false;
}

static void consumer_pump(struct consumer *c)
{
    docent_work_queue *queue = c->queue;
    const char *name;
    if (c->ended || !c->started) return;
    while (c->count < queue->parallel && docent_items_peek(&c->items, &name) == ITEMS_HERE) {
        if (!consumer_is_due(c, name)) break;
        if (!consumer_take(c, name)) {
            consumer_wait(c, MEMORY_MS);
            break;
        }
    }
    docent_work_counted(queue, (int64_t)(c->items.count - c->items.head + c->count));
}

static void consumer_pump_later(struct docent_later *later)
{
    struct consumer *c = (struct consumer *)((char *)later - offsetof(struct consumer, pumping));
    consumer_pump(c);
    docent_work_settle(c->queue);
}

static void consumer_on_due(struct docent_timer *timer)
{
    struct consumer *c = (struct consumer *)((char *)timer - offsetof(struct consumer, due));
    for (docent_work_item *item = c->list; item != NULL; item = item->next) consumer_treat(c, item);
    consumer_pump(c);
}

static void consumer_on_ready(struct items *items, docent_status status)
{
    struct consumer *c = (struct consumer *)((char *)items - offsetof(struct consumer, items));
    docent_meter_reason(&c->queue->meter, c->queue->handle.client, status);
    if (status == DOCENT_OK) {
        consumer_pump(c);
    } else {
        docent_client_log(c->queue->handle.client, DOCENT_LOG_WARNING, "queue.list", c->queue->path, "cannot be listed: %s",
                          docent_status_text(status));
        docent_items_want(items);
    }
}

static void consumer_on_items_over(struct items *items)
{
    struct consumer *c = (struct consumer *)((char *)items - offsetof(struct consumer, items));
    docent_work_settle(c->queue);
}

/* ---- From the beginning to the end. ---- */

static int compare_plain(const char *a, const char *b) { return docent_work_name_compare(DOCENT_WORK_QUEUE_PLAIN, a, b); }
static int compare_id(const char *a, const char *b) { return docent_work_name_compare(DOCENT_WORK_QUEUE_ID, a, b); }
static int compare_priority(const char *a, const char *b) { return docent_work_name_compare(DOCENT_WORK_QUEUE_PRIORITY, a, b); }
static int compare_delay(const char *a, const char *b) { return docent_work_name_compare(DOCENT_WORK_QUEUE_DELAY, a, b); }

static int (*const compares[])(const char *a, const char *b) = {
    [DOCENT_WORK_QUEUE_PLAIN] = compare_plain,
    [DOCENT_WORK_QUEUE_ID] = compare_id,
    [DOCENT_WORK_QUEUE_PRIORITY] = compare_priority,
    [DOCENT_WORK_QUEUE_DELAY] = compare_delay,
};

unsigned docent_consumer_timers(void)
{
    return ITEMS_TIMERS + 2; /* due, and the quarantine's. */
}

docent_status docent_consumer_new(docent_work_queue *queue)
{
    struct consumer *c = docent_alloc(docent_work_allocator(queue), sizeof *c);
    if (c == NULL) return DOCENT_ERR_NO_MEMORY;
    memset(c, 0, sizeof *c);
    c->queue = queue;
    c->order = (struct items_order){ .is_item = docent_work_name_is_item, .compare = compares[queue->kind] };
    c->due.fire = consumer_on_due;
    c->quarantine.told = consumer_quarantine_told;
    c->pumping.run = consumer_pump_later;
    docent_handle_nudge_init(&c->answered, &queue->handle, consumer_answers);
    queue->consumer = c;
    return DOCENT_OK;
}

void docent_consumer_start(docent_work_queue *queue)
{
    struct consumer *c = queue->consumer;
    bool fifo = queue->kind == DOCENT_WORK_QUEUE_PLAIN || queue->kind == DOCENT_WORK_QUEUE_ID;
    if (!c->started) {
        c->started = true;
        const struct items_config config = {
            .client = queue->handle.client,
            .path = queue->path,
            .claims = queue->lock_path,
            .order = &c->order,
            .fresh_ms = fifo ? DOCENT_FOREVER : 0,
            .fresh_items = queue->refresh_items,
            .again_ms = AGAIN_MS,
            .on_ready = consumer_on_ready,
            .on_over = consumer_on_items_over,
        };
        docent_items_init(&c->items, &config);
        docent_items_start(&c->items);
    }
    consumer_pump(c);
}

/* The client closes: who answers later frees. */
static void consumer_let_go(struct consumer *c)
{
    for (docent_work_item **link = &c->list, *item; (item = *link) != NULL;) {
        if (item->state != ITEM_OUT) {
            link = &item->next;
            continue;
        }
        *link = item->next;
        c->count--;
        docent_items_back(&c->items, &item->out, ITEMS_GONE);
        item_keep(item);
        if (atomic_exchange(&item->answer, ANSWER_UNHEARD) != ANSWER_NONE) item_free(item);
    }
}

void docent_consumer_end(docent_work_queue *queue, docent_status why, bool mute)
{
    struct consumer *c = queue->consumer;
    docent_client *client = queue->handle.client;
    c->ended = true;
    docent_timer_stop(client, &c->due);
    docent_ground_stop(&c->quarantine);
    if (c->started) docent_items_stop(&c->items, mute);
    for (docent_work_item *item = c->list; item != NULL; item = item->next) {
        if (item->state == ITEM_TAKING || item->state == ITEM_HOSPITAL) item_let_go(item, DOCENT_ERR_CANCELLED);
        if (item->state == ITEM_READY && item->locked) docent_claim_leave(&item->claim, DOCENT_ERR_CANCELLED);
    }
    if (why != DOCENT_ERR_CANCELLED) consumer_let_go(c);
}

bool docent_consumer_is_over(const docent_work_queue *queue)
{
    const struct consumer *c = queue->consumer;
    return c->ended && c->count == 0 && !c->pumping.queued && (!c->started || docent_items_is_over(&c->items));
}

void docent_consumer_free(docent_work_queue *queue)
{
    struct consumer *c = queue->consumer;
    docent_free(docent_work_allocator(queue), c);
    queue->consumer = NULL;
}
