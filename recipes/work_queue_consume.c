/* recipes/work_queue_consume.c - the consumer of a work queue: what there is is listed now and then (items.h), and each item goes its way
 * (work_queue_item.c).
 *
 * At most `parallel` items are on their way at a time, and so with one of them the next is looked at when the one before it is over: its
 * place in the queue is the only order there is. */
#include <string.h>

#include "recipes/work_queue_item.h"
#include "recipes/work_queue_name.h"

enum {
    AGAIN_MS = 1000,    /* What somebody else has is looked at again. */
    DUE_MAX_MS = 60000, /* The wall clock may jump: it is looked at so often, at least. */
};

static void item_unlink(struct consumer *c, const docent_work_item *item)
{
    docent_work_item **link = &c->list;
    while (*link != item) link = &(*link)->next;
    *link = item->next;
    c->count--;
}

void docent_consumer_forget(docent_work_item *item)
{
    struct consumer *c = item->queue->consumer;
    docent_items_back(&c->items, &item->out, item->back);
    item_unlink(c, item);
}

void docent_consumer_pump_soon(docent_work_queue *queue)
{
    docent_client_later(queue->handle.client, &queue->consumer->pumping);
}

void docent_consumer_answers(struct handle *handle)
{
    docent_work_queue *queue = (docent_work_queue *)(uintptr_t)handle;
    struct consumer *c = queue->consumer;
    for (docent_work_item *item = c->list; item != NULL; item = item->next) {
        enum item_answer answer = item->state == ITEM_OUT ? (enum item_answer)atomic_load(&item->answer) : ANSWER_NONE;
        if (answer != ANSWER_NONE) docent_work_item_answered(item, answer);
    }
}

/* ---- What is next. ---- */

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
    item->telling.run = docent_work_item_tell;
    item->path = (char *)(item + 1);
    memcpy(item->path, queue->path, queue->path_size);
    item->path[queue->path_size] = '/';
    item->out.name = memcpy(item->path + queue->path_size + 1, name, name_size);
    item->next = c->list;
    c->list = item;
    c->count++;
    docent_items_take(&c->items, &item->out);
    if (docent_work_item_begin(item) == DOCENT_OK) return true;
    item->held = false;
    docent_items_back(&c->items, &item->out, ITEMS_SKIPPED);
    item_unlink(c, item);
    docent_work_item_free(item);
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
            consumer_wait(c, CONSUMER_MEMORY_MS);
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
    for (docent_work_item *item = c->list; item != NULL; item = item->next) docent_hospital_treat(item);
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
    c->quarantine.told = docent_hospital_told;
    c->pumping.run = consumer_pump_later;
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
        docent_work_item_keep(item);
        if (atomic_exchange(&item->answer, ANSWER_UNHEARD) != ANSWER_NONE) docent_work_item_free(item);
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
        if (item->state == ITEM_TAKING || item->state == ITEM_HOSPITAL) docent_work_item_let_go(item, DOCENT_ERR_CANCELLED);
        if (item->state == ITEM_READY && item->locked) docent_claim_leave(&item->claim, DOCENT_ERR_CANCELLED);
    }
    if (why != DOCENT_ERR_CANCELLED) consumer_let_go(c);
}

bool docent_consumer_is_over(const docent_work_queue *queue)
{
    const struct consumer *c = queue->consumer;
    return c->ended && c->count == 0 && !docent_later_is_queued(&c->pumping) && (!c->started || docent_items_is_over(&c->items));
}

void docent_consumer_free(docent_work_queue *queue)
{
    struct consumer *c = queue->consumer;
    docent_free(docent_work_allocator(queue), c);
    queue->consumer = NULL;
}
