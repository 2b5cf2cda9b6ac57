/* recipes/work_queue_count.c - how many items a queue has, for a producer with a bound: the children of its node, as a look at the node tells
 * them. A standing watch says that they are others; they are looked at again when a put waits for that. What we put ourselves is
 * counted at once. */
#include "recipes/trouble.h"
#include "recipes/work_queue_internal.h"

static docent_work_queue *queue_of(struct census *census)
{
    return (docent_work_queue *)((char *)census - offsetof(docent_work_queue, census));
}

static void census_look(struct census *c)
{
    if (c->looking || !docent_machine_online(&c->machine)) return; /* RESET comes. */
    c->looking = true;
    c->stale = false;
    docent_machine_next_turn(&c->machine);
    docent_op exists = docent_op_exists(queue_of(c)->path);
    docent_ask(&c->machine, &exists, 0);
}

static void census_on_look(struct census *c, const struct docent_event *ev)
{
    docent_work_queue *queue = queue_of(c);
    c->looking = false;
    if (ev->status == DOCENT_OK || ev->status == DOCENT_ERR_NO_NODE) {
        docent_machine_calm(&c->machine);
        c->count = ev->status == DOCENT_OK ? ev->result->stat.num_children : 0;
        docent_work_counted(queue, c->count);
        docent_producer_pump(queue);
        return;
    }
    c->stale = true;
    switch (docent_trouble(ev->status)) {
    case TROUBLE_LOST: break; /* RESET comes. */
    case TROUBLE_REFUSED: docent_producer_refused(queue, ev->status); break;
    case TROUBLE_BUSY:
    case TROUBLE_UNSURE: docent_machine_retry(&c->machine); break;
    }
}

static void census_on_event(struct docent_machine *machine, const struct docent_event *ev)
{
    struct census *c = (struct census *)machine; /* Its first member. */
    switch (ev->type) {
    case DOCENT_EV_REPLY: census_on_look(c, ev); break;
    case DOCENT_EV_TIMER:
    case DOCENT_EV_RESUMED: docent_producer_pump(queue_of(c)); break;
    case DOCENT_EV_SUSPENDED: c->stale = true; break;
    case DOCENT_EV_CLOSING: docent_census_stop(queue_of(c), false); break;
    case DOCENT_EV_EXPIRED:
    case DOCENT_EV_WATCH: break;
    }
}

static void census_heard(struct rearm *rearm, const struct rearm_event *ev)
{
    struct census *c = (struct census *)((char *)rearm - offsetof(struct census, rearm));
    switch (ev->type) {
    case REARM_RESET:
    case REARM_CHANGED:
        c->stale = true;
        docent_producer_pump(queue_of(c)); /* Looks, if a put waits. */
        break;
    case REARM_FAILED: break; /* Reads say as much. */
    case REARM_OVER: docent_work_settle(queue_of(c)); break;
    }
}

void docent_census_start(docent_work_queue *queue)
{
    struct census *c = &queue->census;
    if (queue->max_items == 0) return;
    c->started = c->stale = true;
    c->count = -1;
    docent_machine_init(&c->machine, queue->handle.client, census_on_event);
    c->machine.name = "work queue count";
    docent_rearm_start(&c->rearm, queue->handle.client, queue->path, DOCENT_WATCHER_CHILDREN, census_heard);
}

void docent_census_stop(docent_work_queue *queue, bool mute)
{
    struct census *c = &queue->census;
    if (!c->started) return;
    c->started = false;
    docent_machine_fini(&c->machine);
    docent_rearm_stop(&c->rearm, mute);
}

bool docent_census_is_over(const docent_work_queue *queue)
{
    return !queue->census.started && (queue->max_items == 0 || docent_rearm_is_over(&queue->census.rearm));
}

bool docent_census_room(docent_work_queue *queue, size_t *ret_room)
{
    struct census *c = &queue->census;
    *ret_room = SIZE_MAX;
    if (queue->max_items == 0) return true;
    if (c->stale || c->count < 0) {
        census_look(c);
        return false;
    }
    *ret_room = c->count < queue->max_items ? (size_t)(queue->max_items - c->count) : 0;
    return !c->looking;
}

void docent_census_put(docent_work_queue *queue, size_t count)
{
    if (queue->max_items > 0 && queue->census.count >= 0) queue->census.count += (int64_t)count;
}
