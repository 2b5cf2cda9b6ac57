/* recipes/queue_take.c - one item being taken: read, then deleted in the version that was read, then handed out.
 *
 *              read            deleted
 *     READING ------> DELETING ---------> handed out
 *        ^  ^ set meanwhile |  ^
 *        |  '---------------|  | there: not deleted
 *        '------------------v  |
 *                        FINDING ---- not there: handed out as DOCENT_ERR_UNKNOWN_OUTCOME
 *
 * Whoever finds no item when it reads or deletes was too late, and the calls go on to the next. A reply to the delete that was lost is found
 * out behind a sync, in the same session: an item that is there still was not deleted by us, and the request cannot arrive any more. One that is
 * gone was deleted by us or by another consumer, and its bytes are worth telling. When the session ends in between nothing more can be found out. */
#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "recipes/queue_internal.h"
#include "recipes/trouble.h"

enum take_state { TAKE_NEW, TAKE_READING, TAKE_DELETING, TAKE_FINDING, TAKE_OVER, TAKE_STATES };
enum take_tag { TAG_ITEM, TAG_DELETE, TAG_SYNC, TAG_THERE };

struct take {
    struct attempt attempt; /* First. */
    struct docent_machine machine;
    enum take_state state;
    bool sent;              /* DELETING, FINDING: it may have been deleted by us. */
    docent_result *item;    /* From DELETING on. */
    char path[];
};

static const char *const take_state_name[TAKE_STATES] = {
    [TAKE_NEW] = "NEW", [TAKE_READING] = "READING", [TAKE_DELETING] = "DELETING", [TAKE_FINDING] = "FINDING", [TAKE_OVER] = "OVER",
};

#define TO(name) (1u << TAKE_##name)
static const unsigned take_next[TAKE_STATES] = {
    [TAKE_NEW] = TO(READING) | TO(OVER),
    [TAKE_READING] = TO(READING) | TO(DELETING) | TO(OVER),
    [TAKE_DELETING] = TO(DELETING) | TO(READING) | TO(FINDING) | TO(OVER),
    [TAKE_FINDING] = TO(FINDING) | TO(DELETING) | TO(READING) | TO(OVER),
};

static docent_client *take_client(const struct take *t)
{
    return t->attempt.pull->handle.client;
}

static void take_ask_op(struct take *t, docent_op op, int tag)
{
    docent_ask(&t->machine, &op, tag);
}

/* Asks for what the state waits for. While we are not online nothing is asked: EV_RESUMED comes back here. */
static void take_ask(struct take *t)
{
    if (!docent_machine_online(&t->machine)) return;
    switch (t->state) {
    case TAKE_READING: take_ask_op(t, docent_op_get(t->path), TAG_ITEM); break;
    case TAKE_DELETING:
        t->sent = true;
        take_ask_op(t, docent_op_delete(t->path, t->item->stat.version), TAG_DELETE);
        break;
    case TAKE_FINDING:
        take_ask_op(t, docent_op_sync(t->path), TAG_SYNC);
        take_ask_op(t, docent_op_exists(t->path), TAG_THERE);
        break;
    case TAKE_NEW:
    case TAKE_OVER: break;
    case TAKE_STATES: abort();
    }
}

static void take_enter(struct take *t, enum take_state next)
{
    assert(take_next[t->state] & (1u << next));
    (void)take_next;
    docent_trace(&t->machine, "take", t->path, take_state_name[t->state], take_state_name[next]);
    t->state = next;
    docent_machine_next_turn(&t->machine);
}

static void take_go(struct take *t, enum take_state next)
{
    take_enter(t, next);
    take_ask(t);
}

static void take_go_later(struct take *t, enum take_state next)
{
    take_enter(t, next);
    docent_machine_retry(&t->machine);
}

/* Frees it. */
static void take_over(struct take *t, enum items_verdict verdict)
{
    docent_client *client = take_client(t);
    docent_allocator allocator = t->attempt.pull->handle.allocator;
    take_enter(t, TAKE_OVER);
    docent_machine_fini(&t->machine);
    docent_timer_release(client);
    docent_pull_over(&t->attempt, verdict);
    docent_free(&allocator, t->item);
    docent_free(&allocator, t);
}

/* Hands out the item, as taken or as perhaps taken. */
static void take_give(struct take *t, docent_status status, enum items_verdict verdict)
{
    t->item->status = status;
    if (docent_pull_give(&t->attempt, status, t->item)) t->item = NULL;
    take_over(t, verdict);
}

/* The item cannot be had: one call hears of it, and the others go on. */
static void take_refuse(struct take *t, docent_status status)
{
    const docent_allocator *allocator = &t->attempt.pull->handle.allocator;
    const docent_result refused = { .struct_size = sizeof refused, .status = status, .path = t->path };
    docent_result *told = docent_result_keep(allocator, &refused);
    if (!docent_pull_give(&t->attempt, status, told)) docent_free(allocator, told);
    take_over(t, ITEMS_SKIPPED);
}

/* ---- Answers. ---- */

static void take_on_item(struct take *t, const struct docent_event *ev)
{
    if (ev->status == DOCENT_OK) {
        const docent_allocator *allocator = &t->attempt.pull->handle.allocator;
        docent_result item = *ev->result;
        item.path = t->path;
        docent_free(allocator, t->item);
        t->item = docent_result_keep(allocator, &item);
        docent_machine_calm(&t->machine);
        if (t->item == NULL) {
            take_go_later(t, TAKE_READING);
        } else {
            take_go(t, TAKE_DELETING);
        }
        return;
    }
    if (ev->status == DOCENT_ERR_NO_NODE) {
        take_over(t, ITEMS_GONE);
        return;
    }
    switch (docent_trouble(ev->status)) {
    case TROUBLE_LOST: break; /* EV_RESUMED asks. */
    case TROUBLE_BUSY:
    case TROUBLE_UNSURE: take_go_later(t, TAKE_READING); break;
    case TROUBLE_REFUSED: take_refuse(t, ev->status); break;
    }
}

static void take_on_delete(struct take *t, const struct docent_event *ev)
{
    switch ((int)ev->status) {
    case DOCENT_OK: take_give(t, DOCENT_OK, ITEMS_GONE); return;
    case DOCENT_ERR_NO_NODE: take_over(t, ITEMS_GONE); return;
    case DOCENT_ERR_BAD_VERSION: take_go(t, TAKE_READING); return;
    case DOCENT_ERR_NOT_EMPTY: take_refuse(t, ev->status); return;
    default: break;
    }
    switch (docent_trouble(ev->status)) {
    case TROUBLE_LOST:
        t->sent = ev->sent;
        if (ev->sent) take_go(t, TAKE_FINDING); /* Else EV_RESUMED asks. */
        break;
    case TROUBLE_BUSY: /* No memory for the answer, which may have been that it was deleted? */
        t->sent = ev->status == DOCENT_ERR_NO_MEMORY && ev->sent;
        take_go_later(t, t->sent ? TAKE_FINDING : TAKE_DELETING);
        break;
    case TROUBLE_REFUSED: take_refuse(t, ev->status); break;
    case TROUBLE_UNSURE: take_go_later(t, TAKE_FINDING); break;
    }
}

static void take_on_found(struct take *t, const struct docent_event *ev)
{
    if (ev->status == DOCENT_OK && ev->tag == TAG_SYNC) return;
    /* A path that was reaped and made again has the same names again. */
    bool there = ev->status == DOCENT_OK && ev->result->stat.czxid == t->item->stat.czxid;
    if (ev->tag == TAG_THERE && there) {
        t->sent = false;
        take_go(t, ev->result->stat.version == t->item->stat.version ? TAKE_DELETING : TAKE_READING);
    } else if (ev->tag == TAG_THERE && (ev->status == DOCENT_OK || ev->status == DOCENT_ERR_NO_NODE)) {
        take_give(t, DOCENT_ERR_UNKNOWN_OUTCOME, ITEMS_GONE);
    } else if (ev->status != DOCENT_ERR_NO_NODE && docent_trouble(ev->status) != TROUBLE_LOST) {
        take_go_later(t, TAKE_FINDING);
    }
}

/* The session is over, or the client closes. */
static void take_on_end(struct take *t, bool closing)
{
    bool doubt = t->sent && (t->state == TAKE_DELETING || t->state == TAKE_FINDING);
    if (doubt) {
        take_give(t, DOCENT_ERR_UNKNOWN_OUTCOME, ITEMS_AGAIN); /* If it is there still it comes next. */
    } else if (closing) {
        take_over(t, ITEMS_SKIPPED);
    } /* Else EV_RESUMED asks, in the next session. */
}

static void take_on_event(struct docent_machine *machine, const struct docent_event *ev)
{
    struct take *t = (struct take *)((char *)machine - offsetof(struct take, machine));
    switch (ev->type) {
    case DOCENT_EV_REPLY:
        switch (t->state) {
        case TAKE_READING: take_on_item(t, ev); break;
        case TAKE_DELETING: take_on_delete(t, ev); break;
        case TAKE_FINDING: take_on_found(t, ev); break;
        case TAKE_NEW:
        case TAKE_OVER: break;
        case TAKE_STATES: abort();
        }
        break;
    case DOCENT_EV_RESUMED:
        docent_machine_calm(&t->machine);
        take_go(t, t->state);
        break;
    case DOCENT_EV_TIMER: take_ask(t); break;
    case DOCENT_EV_EXPIRED: take_on_end(t, false); break;
    case DOCENT_EV_CLOSING: take_on_end(t, true); break;
    case DOCENT_EV_SUSPENDED: /* The replies that are lost say more. */
    case DOCENT_EV_WATCH: break;
    }
}

/* ---- For the pull. ---- */

struct attempt *docent_queue_take_begin(struct pull *pull, const char *name)
{
    const struct docent_queue *q = (const struct docent_queue *)pull;
    size_t path_size = strlen(q->path), name_size = strlen(name) + 1;
    docent_client *client = pull->handle.client;
    if (docent_timer_reserve(client) != DOCENT_OK) return NULL;
    struct take *t = docent_alloc(&pull->handle.allocator, sizeof *t + path_size + 1 + name_size);
    if (t == NULL) {
        docent_timer_release(client);
        return NULL;
    }
    memset(t, 0, sizeof *t);
    memcpy(t->path, q->path, path_size);
    t->path[path_size] = '/';
    t->attempt.out.name = memcpy(t->path + path_size + 1, name, name_size);
    docent_machine_init(&t->machine, client, take_on_event);
    t->machine.name = "queue";
    return &t->attempt;
}

void docent_queue_take_start(struct attempt *attempt)
{
    take_go((struct take *)attempt, TAKE_READING);
}

bool docent_queue_take_cancel(struct attempt *attempt)
{
    struct take *t = (struct take *)attempt;
    bool touched = t->sent && (t->state == TAKE_DELETING || t->state == TAKE_FINDING);
    if (touched) return false;
    take_over(t, ITEMS_AGAIN);
    return true;
}
