/* recipes/work_queue_remove.c - removes the items of an id: one listing, then one after the other.
 *
 * With a lock path an item is removed by one transaction that makes its claim, deletes it, and deletes the claim: it fails if somebody works on the
 * item, and leaves nothing behind. A reply that was lost is answered by doing it again: either it was done, and the item is gone, or it is done
 * now.
 *
 *     LISTING --> REMOVING (each) --> OVER
 */
#include <string.h>

#include "recipes/trouble.h"
#include "recipes/work_queue_internal.h"
#include "recipes/work_queue_name.h"

struct remover {
    struct docent_machine machine;
    struct remover *next;
    docent_work_queue *queue;
    docent_result *listing; /* NULL: not listed yet. */
    size_t at;              /* Of its names. */
    bool sent;              /* A removal of this one, of which it is not known what became. */
    size_t removed;
    struct docent_timer deadline;
    bool timed, over;
    docent_status outcome;
    void (*done)(docent_status status, size_t count, void *user);
    void *user;
    struct docent_later telling;
    char *id, *path, *claim; /* In its own block; the latter with room for a name. */
    size_t room;             /* Of a name, terminator included. */
};

enum { TAG_LIST, TAG_REMOVE };
enum { OP_CLAIM, OP_ITEM, OP_UNCLAIM, OPS };

static void remover_tell(struct docent_later *later)
{
    struct remover *r = (struct remover *)((char *)later - offsetof(struct remover, telling));
    docent_work_queue *queue = r->queue;
    const docent_allocator *allocator = docent_work_allocator(queue);
    struct remover **link = &queue->removers;
    while (*link != r) link = &(*link)->next;
    *link = r->next;
    docent_timer_release(queue->handle.client);
    if (r->timed) docent_timer_release(queue->handle.client);
    docent_client_composite_ends(queue->handle.client);
    if (r->done != NULL && !queue->handle.muted) r->done(r->outcome, r->removed, r->user);
    docent_free(allocator, r->listing);
    docent_free(allocator, r);
    docent_work_settle(queue);
}

static void remover_end(struct remover *r, docent_status outcome)
{
    docent_client *client = r->queue->handle.client;
    if (r->over) return;
    r->over = true;
    r->outcome = outcome;
    docent_machine_fini(&r->machine);
    if (r->timed) docent_timer_stop(client, &r->deadline);
    docent_client_later(client, &r->telling);
}

static void remover_late(struct docent_timer *timer)
{
    struct remover *r = (struct remover *)((char *)timer - offsetof(struct remover, deadline));
    remover_end(r, r->sent ? DOCENT_ERR_UNKNOWN_OUTCOME : DOCENT_ERR_TIMEOUT);
}

/* The next of ours. False: there is none. */
static bool remover_find(struct remover *r)
{
    for (; r->at < r->listing->name_count; r->at++) {
        const char *name = r->listing->names[r->at];
        if (docent_work_name_has_id(name, r->id) && strlen(name) < r->room) return true;
    }
    return false;
}

static void remover_ask_removal(struct remover *r)
{
    const docent_work_queue *queue = r->queue;
    const char *name = r->listing->names[r->at];
    strcpy(r->path + queue->path_size + 1, name);
    if (queue->lock_path == NULL) {
        docent_op delete = docent_op_delete(r->path, 0);
        docent_ask(&r->machine, &delete, TAG_REMOVE);
        return;
    }
    strcpy(r->claim + strlen(queue->lock_path) + 1, name);
    docent_op ops[OPS];
    ops[OP_CLAIM] = docent_op_create(r->claim, "", 0, DOCENT_EPHEMERAL);
    ops[OP_CLAIM].acl = queue->acl;
    ops[OP_ITEM] = docent_op_delete(r->path, DOCENT_ANY_VERSION);
    ops[OP_UNCLAIM] = docent_op_delete(r->claim, DOCENT_ANY_VERSION);
    docent_op multi = docent_op_multi(ops, OPS);
    docent_ask(&r->machine, &multi, TAG_REMOVE);
}

static void remover_ask(struct remover *r)
{
    docent_machine_next_turn(&r->machine);
    if (!docent_machine_online(&r->machine)) return; /* RESUMED asks. */
    if (r->listing == NULL) {
        docent_op list = docent_op_children(r->queue->path);
        docent_ask(&r->machine, &list, TAG_LIST);
    } else if (remover_find(r)) {
        remover_ask_removal(r);
    } else {
        remover_end(r, DOCENT_OK);
    }
}

static void remover_failed(struct remover *r, const struct docent_event *ev)
{
    bool removal = ev->tag == TAG_REMOVE;
    switch (docent_trouble(ev->status)) {
    case TROUBLE_LOST:
        r->sent |= removal && ev->sent;
        break; /* RESUMED asks. */
    case TROUBLE_UNSURE:
        r->sent |= removal;
        docent_machine_retry(&r->machine);
        break;
    case TROUBLE_BUSY:
        r->sent |= removal && ev->status == DOCENT_ERR_NO_MEMORY && ev->sent;
        docent_machine_retry(&r->machine);
        break;
    case TROUBLE_REFUSED: remover_end(r, ev->status); break;
    }
}

static void remover_next(struct remover *r, bool removed)
{
    docent_machine_calm(&r->machine);
    r->removed += removed;
    r->sent = false;
    r->at++;
    remover_ask(r);
}

static void remover_on_list(struct remover *r, const struct docent_event *ev)
{
    if (ev->status == DOCENT_ERR_NO_NODE) {
        remover_end(r, DOCENT_OK);
    } else if (ev->status != DOCENT_OK) {
        remover_failed(r, ev);
    } else {
        r->listing = docent_result_keep(docent_work_allocator(r->queue), ev->result);
        if (r->listing == NULL) {
            docent_machine_retry(&r->machine);
        } else {
            docent_machine_calm(&r->machine);
            remover_ask(r);
        }
    }
}

static void remover_on_removal(struct remover *r, const struct docent_event *ev)
{
    const docent_result *result = ev->result;
    switch ((int)ev->status) {
    case DOCENT_OK: remover_next(r, true); break;
    case DOCENT_ERR_NO_NODE:
        if (result->result_count > OP_CLAIM && result->results[OP_CLAIM].status == DOCENT_ERR_NO_NODE) {
            docent_ground_lost(&r->queue->ground); /* The lock path is missing. */
            docent_machine_retry(&r->machine);
        } else {
            remover_next(r, r->sent);
        }
        break;
    case DOCENT_ERR_NODE_EXISTS: /* Somebody works on it. */
    case DOCENT_ERR_BAD_VERSION: /* Or has set it, which nobody should. */
        remover_next(r, false);
        break;
    default: remover_failed(r, ev); break;
    }
}

static void remover_on_event(struct docent_machine *machine, const struct docent_event *ev)
{
    struct remover *r = (struct remover *)machine; /* Its first member. */
    switch (ev->type) {
    case DOCENT_EV_REPLY: (ev->tag == TAG_LIST ? remover_on_list : remover_on_removal)(r, ev); break;
    case DOCENT_EV_TIMER:
    case DOCENT_EV_RESUMED: remover_ask(r); break;
    case DOCENT_EV_CLOSING: remover_end(r, r->sent ? DOCENT_ERR_UNKNOWN_OUTCOME : ev->status); break;
    case DOCENT_EV_SUSPENDED: /* Lost replies follow. */
    case DOCENT_EV_EXPIRED:
    case DOCENT_EV_WATCH: break;
    }
}

void docent_removers_end(docent_work_queue *queue, docent_status why)
{
    for (struct remover *r = queue->removers; r != NULL; r = r->next) remover_end(r, r->sent ? DOCENT_ERR_UNKNOWN_OUTCOME : why);
}

static docent_status remover_new(docent_work_queue *queue, const char *id, bool timed, struct remover **ret_remover)
{
    docent_client *client = queue->handle.client;
    size_t id_size = strlen(id) + 1, lock_size = queue->lock_path == NULL ? 0 : strlen(queue->lock_path) + 1;
    size_t room = docent_work_name_room(id) + PROTECTED_SEQUENCE_MAX;
    docent_status status = docent_timer_reserve(client);
    if (status != DOCENT_OK) return status;
    if (timed && (status = docent_timer_reserve(client)) != DOCENT_OK) {
        docent_timer_release(client);
        return status;
    }
    struct remover *r = docent_alloc(docent_work_allocator(queue), sizeof *r + id_size + queue->path_size + 1 + room + lock_size + room);
    if (r == NULL) {
        docent_timer_release(client);
        if (timed) docent_timer_release(client);
        return DOCENT_ERR_NO_MEMORY;
    }
    memset(r, 0, sizeof *r);
    r->queue = queue;
    r->timed = timed;
    r->room = room;
    r->deadline.fire = remover_late;
    r->telling.run = remover_tell;
    r->id = memcpy(r + 1, id, id_size);
    r->path = r->id + id_size;
    r->claim = r->path + queue->path_size + 1 + room;
    memcpy(r->path, queue->path, queue->path_size);
    r->path[queue->path_size] = '/';
    if (lock_size > 0) {
        memcpy(r->claim, queue->lock_path, lock_size - 1);
        r->claim[lock_size - 1] = '/';
    }
    *ret_remover = r;
    return DOCENT_OK;
}

docent_status docent_work_queue_remove_async(docent_work_queue *queue, const char *id, uint32_t timeout_ms,
                                             void (*done)(docent_status status, size_t count, void *user), void *user)
{
    if (queue == NULL || id == NULL || queue->kind != DOCENT_WORK_QUEUE_ID) return DOCENT_ERR_INVALID_ARGUMENT;
    docent_status status = docent_handle_check(&queue->handle);
    if (status != DOCENT_OK) return status;
    docent_client *client = queue->handle.client;
    struct remover *r = NULL;
    status = docent_client_composite_begins(client);
    if (status != DOCENT_OK) return status;
    status = remover_new(queue, id, timeout_ms != DOCENT_FOREVER, &r);
    if (status != DOCENT_OK) {
        docent_client_composite_ends(client);
        return status;
    }
    r->done = done;
    r->user = user;
    r->next = queue->removers;
    queue->removers = r;
    docent_machine_init(&r->machine, client, remover_on_event);
    r->machine.name = "work queue remove";
    if (r->timed) docent_timer_set(client, &r->deadline, docent_client_now(client) + timeout_ms);
    remover_ask(r);
    return DOCENT_OK;
}
