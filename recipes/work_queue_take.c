/* recipes/work_queue_take.c - takes one item at most once, as peers without a lock path do: it is read and deleted, and only if that delete is
 * certain to be ours it is ours.
 *
 *     NEW --> READING --> HELD --> DELETING --> OVER
 *                           |
 *                           '--> MOVING <--> LOOKING --> OVER      (malformed)
 *
 * When the reply of the delete is lost the item is looked for. If it is still there it is deleted again; if not, either it was our delete or
 * another consumer's, and nothing tells which: that is told. A look in another session proves nothing while the old one may still have
 * something applied, so after such a look "not there" stays unsure. */
#include <assert.h>
#include <string.h>

#include "recipes/trouble.h"
#include "recipes/work_queue_item.h"

enum { TAG_READ = 1, TAG_MOVE, TAG_SYNC, TAG_THERE };
enum { OP_DELETE, OP_CREATE, OPS };

#define TO(state) (1u << (state))
static const unsigned taker_next[TAKER_STATES] = {
    [TAKER_NEW] = TO(TAKER_READING),
    [TAKER_READING] = TO(TAKER_HELD) | TO(TAKER_OVER),
    [TAKER_DELETING] = TO(TAKER_OVER),
    [TAKER_HELD] = TO(TAKER_DELETING) | TO(TAKER_MOVING) | TO(TAKER_OVER),
    [TAKER_MOVING] = TO(TAKER_LOOKING) | TO(TAKER_HELD) | TO(TAKER_OVER),
    [TAKER_LOOKING] = TO(TAKER_MOVING) | TO(TAKER_OVER),
};
static const char *const taker_state_name[TAKER_STATES] = { "new", "reading", "deleting", "held", "moving", "looking", "over" };

static void taker_ask(struct taker *t)
{
    docent_op op;
    docent_machine_next_turn(&t->machine);
    if (!docent_machine_online(&t->machine)) return; /* RESUMED asks. */
    switch (t->state) {
    case TAKER_READING:
        op = docent_op_get(t->path);
        docent_ask(&t->machine, &op, TAG_READ);
        break;
    case TAKER_DELETING: docent_removal_ask(&t->removal, &t->machine); break;
    case TAKER_MOVING: {
        docent_op ops[OPS];
        ops[OP_DELETE] = docent_op_delete(t->path, t->item->stat.version);
        ops[OP_CREATE] = docent_op_create(t->moved, t->item->size == 0 ? "" : t->item->data, t->item->size, DOCENT_PERSISTENT_SEQUENTIAL);
        ops[OP_CREATE].acl = t->acl;
        op = docent_op_multi(ops, OPS);
        docent_ask(&t->machine, &op, TAG_MOVE);
        break;
    }
    case TAKER_LOOKING: {
        docent_op sync = docent_op_sync(t->path), exists = docent_op_exists(t->path);
        t->sync = DOCENT_OK;
        docent_ask(&t->machine, &sync, TAG_SYNC);
        docent_ask(&t->machine, &exists, TAG_THERE);
        break;
    }
    case TAKER_NEW:
    case TAKER_HELD:
    case TAKER_OVER:
    case TAKER_STATES: break;
    }
}

/* The only writer of t->state. */
static void taker_go(struct taker *t, enum taker_state next)
{
    assert(taker_next[t->state] & TO(next));
    (void)taker_next;
    docent_trace(&t->machine, "taker", t->path, taker_state_name[t->state], taker_state_name[next]);
    t->state = next;
    taker_ask(t);
}

static void taker_over(struct taker *t, enum taken taken)
{
    taker_go(t, TAKER_OVER);
    t->on_over(t, taken);
}

/* Asks again, after a pause; or when there is a connection. */
static void taker_pause(struct taker *t)
{
    docent_machine_next_turn(&t->machine);
    if (docent_machine_online(&t->machine)) docent_machine_retry(&t->machine);
}

static void taker_refused(struct taker *t, docent_status why)
{
    t->why = why;
    taker_over(t, TAKEN_REFUSED);
}

static void taker_on_read(struct taker *t, const struct docent_event *ev)
{
    if (ev->status == DOCENT_ERR_NO_NODE) {
        taker_over(t, TAKEN_BY_OTHERS);
    } else if (ev->status == DOCENT_OK) {
        t->item = docent_result_keep(docent_client_allocator(t->machine.client), ev->result);
        if (t->item == NULL) {
            taker_pause(t);
            return;
        }
        docent_machine_calm(&t->machine);
        if (t->why != DOCENT_OK) { /* Not wanted any more. */
            taker_over(t, TAKEN_REFUSED);
        } else {
            taker_go(t, TAKER_HELD);
            t->on_read(t);
        }
    } else if (docent_trouble(ev->status) == TROUBLE_REFUSED) {
        taker_refused(t, ev->status);
    } else {
        taker_pause(t);
    }
}

void docent_taker_delete(struct taker *t)
{
    const docent_stat *stat = &t->item->stat;
    /* Just read: so the first delete needs no look. */
    t->removal = (struct removal){ .path = t->path, .czxid = stat->czxid, .version = stat->version, .looked = true, .seen = *stat };
    t->generation = docent_client_generation(t->machine.client);
    taker_go(t, TAKER_DELETING);
}

static void taker_on_deleted(struct taker *t, const struct docent_event *ev)
{
    bool before = t->removal.sent;
    switch (docent_removal_on_reply(&t->removal, &t->machine, ev)) {
    case REMOVAL_GONE:
        taker_over(t, ev->tag == TAG_REMOVAL_DELETE && ev->status == DOCENT_OK ? TAKEN_OURS : before ? TAKEN_UNSURE : TAKEN_BY_OTHERS);
        break;
    case REMOVAL_SEEN:
        t->removal.sent = before && !docent_client_settled_since(t->machine.client, t->generation);
        if (!t->removal.sent) t->generation = ev->generation;
        docent_removal_ask(&t->removal, &t->machine);
        break;
    case REMOVAL_VERSION: taker_over(t, TAKEN_BY_OTHERS); break; /* Somebody has set it, which nobody should: it is another now. */
    case REMOVAL_FAILED:
        if (docent_trouble(ev->status) == TROUBLE_REFUSED && !t->removal.sent) {
            taker_refused(t, ev->status);
        } else {
            taker_pause(t);
        }
        break;
    case REMOVAL_GOING_ON: break;
    }
}

void docent_taker_move(struct taker *t, const char *moved)
{
    t->moved = moved;
    taker_go(t, TAKER_MOVING);
}

static void taker_on_moved(struct taker *t, const struct docent_event *ev)
{
    const docent_result *result = ev->result;
    bool no_quarantine = result->result_count > OP_CREATE && result->results[OP_CREATE].status == DOCENT_ERR_NO_NODE;
    switch ((int)ev->status) {
    case DOCENT_OK: taker_over(t, TAKEN_MOVED); return;
    case DOCENT_ERR_BAD_VERSION: taker_over(t, TAKEN_BY_OTHERS); return;
    case DOCENT_ERR_NODE_EXISTS: taker_refused(t, DOCENT_ERR_SEQUENCE_EXHAUSTED); return; /* Only the last number is ever given twice. */
    case DOCENT_ERR_NO_NODE:
        if (no_quarantine) {
            taker_go(t, TAKER_HELD);
            t->on_no_quarantine(t);
        } else {
            taker_over(t, TAKEN_BY_OTHERS);
        }
        return;
    default: break;
    }
    switch (docent_trouble(ev->status)) {
    case TROUBLE_LOST:
        if (ev->sent) {
            taker_go(t, TAKER_LOOKING);
        } else {
            taker_pause(t);
        }
        break;
    case TROUBLE_BUSY:
        if (ev->status == DOCENT_ERR_NO_MEMORY && ev->sent) taker_go(t, TAKER_LOOKING);
        taker_pause(t);
        break;
    case TROUBLE_UNSURE:
        taker_go(t, TAKER_LOOKING);
        taker_pause(t);
        break;
    case TROUBLE_REFUSED: taker_refused(t, ev->status); break;
    }
}

static void taker_on_there(struct taker *t, const struct docent_event *ev)
{
    if (ev->tag == TAG_SYNC) {
        t->sync = ev->status == DOCENT_ERR_NO_NODE ? DOCENT_OK : ev->status;
    } else if (t->sync != DOCENT_OK || (ev->status != DOCENT_OK && ev->status != DOCENT_ERR_NO_NODE)) {
        taker_pause(t);
    } else if (ev->status == DOCENT_OK && ev->result->stat.czxid == t->item->stat.czxid) {
        taker_go(t, TAKER_MOVING);
    } else {
        taker_over(t, TAKEN_MOVED); /* By us, or by another consumer, which does no more with it. */
    }
}

static void taker_on_event(struct docent_machine *machine, const struct docent_event *ev)
{
    struct taker *t = (struct taker *)machine; /* Its first member. */
    switch (ev->type) {
    case DOCENT_EV_REPLY:
        if (t->state == TAKER_READING) {
            taker_on_read(t, ev);
        } else if (t->state == TAKER_DELETING) {
            taker_on_deleted(t, ev);
        } else if (t->state == TAKER_MOVING) {
            taker_on_moved(t, ev);
        } else if (t->state == TAKER_LOOKING) {
            taker_on_there(t, ev);
        }
        break;
    case DOCENT_EV_TIMER:
    case DOCENT_EV_RESUMED: taker_ask(t); break;
    case DOCENT_EV_CLOSING:
        t->why = ev->status;
        if (t->state != TAKER_OVER) taker_over(t, t->state == TAKER_DELETING ? TAKEN_UNSURE : TAKEN_REFUSED);
        break;
    case DOCENT_EV_SUSPENDED: /* Lost replies follow. */
    case DOCENT_EV_EXPIRED:
    case DOCENT_EV_WATCH: break;
    }
}

docent_status docent_taker_start(struct taker *t, docent_client *client)
{
    docent_status status = docent_timer_reserve(client);
    if (status != DOCENT_OK) return status;
    t->timed = true;
    docent_machine_init(&t->machine, client, taker_on_event);
    t->machine.name = "work queue take";
    taker_go(t, TAKER_READING);
    return DOCENT_OK;
}

void docent_taker_leave(struct taker *t)
{
    t->why = DOCENT_ERR_CLOSING;
    if (t->state == TAKER_HELD || (t->state == TAKER_READING && !docent_machine_online(&t->machine))) taker_over(t, TAKEN_REFUSED);
}

void docent_taker_fini(struct taker *t)
{
    docent_client *client = t->machine.client;
    if (!t->timed) return;
    t->timed = false;
    docent_machine_fini(&t->machine);
    docent_timer_release(client);
    docent_free(docent_client_allocator(client), t->item);
    t->item = NULL;
}
