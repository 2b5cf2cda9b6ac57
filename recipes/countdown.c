/* recipes/countdown.c - docent_countdown: a number in a node, counted down under its version, and a node that is made at zero.
 *
 * Each call is an errand of its own.
 *
 *              start          made
 *     create --------> MAKING ------> done
 *                      | ^ '- PARENTS
 *            reply lost v | not there
 *                     LOOKING ------> done: what is there is ours, or another's
 *     count ---------> LOOKING -----> COUNTING ------> done
 *                       ^ ^  ^ moved, |   | reply lost
 *                       | |  '--------'   v
 *                       | '-- not there - FINDING ---> done: our node is there
 *     wait  ---------> WAITING -----> done: `open` is there, or was
 *
 * A count is a transaction: our node is made, the number is set under the version that was read, and at zero `open` is made. Whatever reply is
 * lost, our node says whether it was applied, when a sync in the same session, or the certain end of that session, has settled that it cannot be
 * applied any more.
 *
 * It may be deleted meanwhile, and another be made in its place, whose versions begin anew. So a count checks the node that was made with the
 * countdown that was read, by whose name no other has one. And what has become of a count is told by its node only where nothing is missing
 * below the countdown that was counted; else we do not know, and say so. One of which a part is missing is being deleted, and is none any more. */
#include "recipes/countdown_internal.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "recipes/parents.h"
#include "recipes/trouble.h"

enum count_state { COUNT_NEW, COUNT_MAKING, COUNT_PARENTS, COUNT_LOOKING, COUNT_COUNTING, COUNT_FINDING, COUNT_WAITING, COUNT_STATES };

static const char *const count_state_name[COUNT_STATES] = {
    [COUNT_NEW] = "NEW",           [COUNT_MAKING] = "MAKING",   [COUNT_PARENTS] = "PARENTS", [COUNT_LOOKING] = "LOOKING",
    [COUNT_COUNTING] = "COUNTING", [COUNT_FINDING] = "FINDING", [COUNT_WAITING] = "WAITING",
};

#define TO(name) (1u << COUNT_##name)
static const unsigned count_next[COUNT_STATES] = {
    [COUNT_NEW] = TO(MAKING) | TO(LOOKING) | TO(WAITING),
    [COUNT_MAKING] = TO(MAKING) | TO(PARENTS) | TO(LOOKING),
    [COUNT_PARENTS] = TO(PARENTS) | TO(MAKING),
    [COUNT_LOOKING] = TO(LOOKING) | TO(MAKING) | TO(COUNTING),
    [COUNT_COUNTING] = TO(LOOKING) | TO(FINDING),
    [COUNT_FINDING] = TO(FINDING) | TO(LOOKING),
    [COUNT_WAITING] = TO(WAITING),
};

enum count_tag { TAG_MAKE, TAG_PARENT, TAG_SYNC, TAG_LOOK, TAG_COUNT, TAG_MARK, TAG_PEEK, TAG_OPEN };
enum { COUNT_UUID = 36, COUNT_TEXT = 64, COUNT_PARENTS_MAX = 64 };

struct counting {
    struct errand errand; /* First. */
    struct docent_countdown *countdown;
    enum count_state state;
    enum count_verb verb;
    bool one_look;
    bool doubt;      /* What was sent may have been applied. */
    bool again;      /* CREATE: an earlier sending was in doubt, and may be what is there. */
    bool synced;
    uint32_t count;  /* CREATE. */
    uint32_t left, of;
    char uuid[COUNT_UUID + 1]; /* Ours: of the countdown, or of the count. */
    char creation[COUNT_UUID + 1]; /* Of the countdown that is there. */
    char counted[COUNT_UUID + 1];  /* Of the one that a count was sent to. */
    uint64_t generation; /* That it was sent in. */
    struct parents parents;
    char *mark, *open, *origin; /* Paths, of which the last names a creation. In one block. */
};

static struct counting *counting_of(struct errand *errand)
{
    return (struct counting *)(void *)errand;
}

static struct docent_machine *count_machine(struct counting *c)
{
    return &c->errand.machine;
}

static void count_over(struct counting *c, docent_status outcome)
{
    docent_errand_over(&c->errand, outcome);
}

/* ---- What is in the node. ---- */

static void count_print(char text[COUNT_TEXT], uint32_t left, uint32_t of, const char *uuid)
{
    snprintf(text, COUNT_TEXT, "%" PRIu32 " %" PRIu32 " %s", left, of, uuid);
}

static bool count_read(struct counting *c, const docent_result *result)
{
    char text[COUNT_TEXT], again[COUNT_TEXT];
    if (result->size == 0 || result->size >= sizeof text) return false;
    memcpy(text, result->data, result->size);
    text[result->size] = '\0';
    if (sscanf(text, "%10" SCNu32 " %10" SCNu32 " %36[-0-9a-f]", &c->left, &c->of, c->creation) != 3 || c->left > c->of) return false;
    if (strlen(c->creation) != COUNT_UUID) return false;
    count_print(again, c->left, c->of, c->creation); /* What is written otherwise was not written by us, numbers that do not fit among it. */
    return strcmp(again, text) == 0;
}

/* All that belongs to it is there: the node made with it, those of counts, and `open`. Others may be, which are not ours. */
static bool count_is_whole(const struct counting *c, const docent_result *result)
{
    int64_t own = 1 + (int64_t)(c->of - c->left) + (c->left == 0);
    return result->stat.num_children >= own;
}

static const char *count_origin(struct counting *c, const char *creation)
{
    memcpy(c->origin + strlen(c->origin) - COUNT_UUID, creation, COUNT_UUID);
    return c->origin;
}

/* ---- States, and what they ask for. ---- */

static void count_ask_op(struct counting *c, docent_op op, int tag)
{
    docent_ask(count_machine(c), &op, tag);
}

static void count_ask_make(struct counting *c)
{
    char text[COUNT_TEXT];
    count_print(text, c->count, c->count, c->uuid);
    docent_op ops[] = {
        docent_op_create(c->countdown->all.path, text, strlen(text), DOCENT_PERSISTENT),
        docent_op_create(count_origin(c, c->uuid), "", 0, DOCENT_PERSISTENT),
    };
    ops[0].acl = ops[1].acl = c->countdown->all.acl;
    c->doubt = true;
    count_ask_op(c, docent_op_multi(ops, 2), TAG_MAKE);
}

static void count_ask_count(struct counting *c, int32_t version)
{
    const struct errands *all = &c->countdown->all;
    char text[COUNT_TEXT];
    count_print(text, c->left - 1, c->of, c->creation);
    docent_op ops[] = {
        docent_op_check(count_origin(c, c->creation), DOCENT_ANY_VERSION),
        docent_op_create(c->mark, "", 0, DOCENT_PERSISTENT),
        docent_op_set(all->path, text, strlen(text), version),
        docent_op_create(c->open, "", 0, DOCENT_PERSISTENT),
    };
    ops[1].acl = ops[3].acl = all->acl;
    memcpy(c->counted, c->creation, sizeof c->counted);
    c->doubt = true;
    c->generation = docent_client_generation(all->handle.client);
    count_ask_op(c, docent_op_multi(ops, c->left == 1 ? 4 : 3), TAG_COUNT);
}

/* While we are not online nothing is asked: EV_RESUMED comes back here. */
static void count_ask(struct counting *c)
{
    struct errands *all = &c->countdown->all;
    if (!docent_machine_online(count_machine(c))) return;
    switch (c->state) {
    case COUNT_MAKING: count_ask_make(c); break;
    case COUNT_PARENTS: docent_parents_ask(&c->parents, count_machine(c), all->path, all->parent_mode, all->acl, TAG_PARENT); break;
    case COUNT_LOOKING:
        c->synced = false;
        count_ask_op(c, docent_op_sync(all->path), TAG_SYNC);
        count_ask_op(c, docent_op_get(all->path), TAG_LOOK);
        break;
    case COUNT_FINDING:
        c->synced = false;
        count_ask_op(c, docent_op_sync(all->path), TAG_SYNC);
        count_ask_op(c, docent_op_exists(c->mark), TAG_MARK);
        break;
    case COUNT_WAITING:
        if (!c->synced) count_ask_op(c, docent_op_sync(all->path), TAG_SYNC);
        count_ask_op(c, docent_op_exists(c->open), TAG_PEEK);
        break;
    case COUNT_NEW:
    case COUNT_COUNTING: break; /* Asked when it was entered. */
    case COUNT_STATES: abort();
    }
}

static void count_enter(struct counting *c, enum count_state next)
{
    struct errands *all = &c->countdown->all;
    assert(count_next[c->state] & (1u << next));
    (void)count_next;
    docent_trace(count_machine(c), "countdown", all->path, count_state_name[c->state], count_state_name[next]);
    docent_meter_state(&all->meter, all->handle.client, count_state_name[next]);
    c->state = next;
    docent_machine_next_turn(count_machine(c)); /* Replies and watches of earlier states no longer reach us. */
}

static void count_go(struct counting *c, enum count_state next)
{
    count_enter(c, next);
    count_ask(c);
}

static void count_go_later(struct counting *c, enum count_state next, docent_status why)
{
    count_enter(c, next);
    docent_meter_reason(&c->countdown->all.meter, c->countdown->all.handle.client, why);
    docent_machine_retry(count_machine(c));
}

/* A read, or what is made in between, failed. */
static void count_ask_again(struct counting *c, docent_status status)
{
    switch (docent_trouble(status)) {
    case TROUBLE_LOST: docent_meter_reason(&c->countdown->all.meter, c->countdown->all.handle.client, status); break;
    case TROUBLE_BUSY:
    case TROUBLE_UNSURE: count_go_later(c, c->state, status); break;
    case TROUBLE_REFUSED: count_over(c, c->doubt ? DOCENT_ERR_UNKNOWN_OUTCOME : status); break;
    }
}

/* A write failed: was it applied? @find: where that is found out. @again: where it is sent anew. */
static void count_write_failed(struct counting *c, const struct docent_event *ev, enum count_state find, enum count_state again)
{
    enum trouble trouble = docent_trouble(ev->status);
    bool lost = trouble == TROUBLE_LOST;
    if (trouble == TROUBLE_REFUSED) {
        count_over(c, ev->status);
        return;
    }
    c->doubt = trouble == TROUBLE_UNSURE || (ev->sent && (lost || ev->status == DOCENT_ERR_NO_MEMORY));
    c->again |= c->doubt;
    if (lost) {
        count_enter(c, c->doubt ? find : again); /* EV_RESUMED asks. */
    } else {
        count_go_later(c, c->doubt ? find : again, ev->status);
    }
}

/* ---- Making it. ---- */

static void count_on_make(struct counting *c, const struct docent_event *ev)
{
    switch ((int)ev->status) {
    case DOCENT_OK: count_over(c, DOCENT_OK); break;
    case DOCENT_ERR_NODE_EXISTS: /* Ours, by a sending of before? */
        c->doubt = c->again;
        count_go(c, COUNT_LOOKING);
        break;
    case DOCENT_ERR_NO_NODE:
        c->doubt = false;
        docent_parents_begin(&c->parents, c->countdown->all.parent_size);
        if (c->parents.rounds > COUNT_PARENTS_MAX || c->countdown->all.parent_size == 0) {
            count_over(c, DOCENT_ERR_NO_NODE);
        } else {
            count_go(c, COUNT_PARENTS);
        }
        break;
    default: count_write_failed(c, ev, COUNT_LOOKING, COUNT_MAKING); break;
    }
}

static void count_on_parent(struct counting *c, docent_status status)
{
    struct errands *all = &c->countdown->all;
    switch (docent_parents_on_reply(&c->parents, all->path, &all->parent_mode, status)) {
    case PARENTS_READY: count_go(c, COUNT_MAKING); break;
    case PARENTS_MORE:
        if (c->parents.rounds > COUNT_PARENTS_MAX + all->parent_size) {
            count_over(c, DOCENT_ERR_NO_NODE);
        } else {
            count_go(c, COUNT_PARENTS);
        }
        break;
    case PARENTS_ROOTLESS: count_over(c, DOCENT_ERR_NO_NODE); break;
    case PARENTS_FAILED: count_ask_again(c, status); break;
    }
}

/* ---- Looking, counting, finding out. ---- */

/* What there is to count was read. In doubt: our node was not there, before. */
static void count_on_number(struct counting *c, const docent_result *result)
{
    bool whole = count_is_whole(c, result);
    if (c->doubt && (!whole || strcmp(c->creation, c->counted) != 0)) {
        count_over(c, DOCENT_ERR_UNKNOWN_OUTCOME);
        return;
    }
    c->doubt = false;
    if (c->left == 0) {
        count_over(c, DOCENT_OK);
    } else if (!whole) {
        count_over(c, DOCENT_ERR_NO_NODE);
    } else {
        int32_t version = result->stat.version;
        count_enter(c, COUNT_COUNTING);
        count_ask_count(c, version);
    }
}

static void count_on_look(struct counting *c, const struct docent_event *ev)
{
    if (ev->status != DOCENT_OK && ev->status != DOCENT_ERR_NO_NODE) {
        count_ask_again(c, ev->status);
    } else if (ev->tag == TAG_SYNC) {
        c->synced = true;
    } else if (!c->synced) {
        return; /* The sync has failed, and that has been seen to. */
    } else if (ev->status == DOCENT_ERR_NO_NODE && c->verb == VERB_CREATE) {
        c->doubt = false;
        count_go(c, COUNT_MAKING);
    } else if (ev->status == DOCENT_ERR_NO_NODE) {
        count_over(c, c->doubt ? DOCENT_ERR_UNKNOWN_OUTCOME : DOCENT_ERR_NO_NODE);
    } else if (!count_read(c, ev->result)) {
        count_over(c, c->doubt ? DOCENT_ERR_UNKNOWN_OUTCOME : DOCENT_ERR_CORRUPT_DATA);
    } else if (c->verb == VERB_CREATE) {
        count_over(c, strcmp(c->creation, c->uuid) == 0 ? DOCENT_OK : DOCENT_ERR_NODE_EXISTS);
    } else {
        count_on_number(c, ev->result);
    }
}

static void count_on_count(struct counting *c, const struct docent_event *ev)
{
    switch ((int)ev->status) {
    case DOCENT_OK: count_over(c, DOCENT_OK); break;
    case DOCENT_ERR_BAD_VERSION: /* Somebody else was faster. */
        c->doubt = false;
        count_go(c, COUNT_LOOKING);
        break;
    case DOCENT_ERR_NO_NODE: /* It was deleted, or is about to be. */
        c->doubt = false;
        count_go_later(c, COUNT_LOOKING, ev->status);
        break;
    case DOCENT_ERR_NODE_EXISTS: count_go(c, COUNT_FINDING); break;
    default: count_write_failed(c, ev, COUNT_FINDING, COUNT_LOOKING); break;
    }
}

static void count_on_find(struct counting *c, const struct docent_event *ev)
{
    if (ev->status != DOCENT_OK && ev->status != DOCENT_ERR_NO_NODE) {
        count_ask_again(c, ev->status);
    } else if (ev->tag == TAG_SYNC) {
        c->synced = true;
    } else if (!c->synced) {
        return;
    } else if (ev->status == DOCENT_OK) {
        count_over(c, DOCENT_OK);
    } else if (!docent_client_settled_since(c->countdown->all.handle.client, c->generation)) {
        count_over(c, DOCENT_ERR_UNKNOWN_OUTCOME);
    } else {
        count_go_later(c, COUNT_LOOKING, DOCENT_OK);
    }
}

/* ---- Waiting. ---- */

/* A watch is set only where it has something to tell: on what is there already it would be left at the server. */
static void count_ask_watch(struct counting *c)
{
    docent_op open = docent_op_exists(c->open);
    if (!c->one_look) docent_ask_watch(count_machine(c), &open, TAG_OPEN);
    count_ask_op(c, docent_op_exists(c->countdown->all.path), TAG_LOOK);
}

static void count_on_wait(struct counting *c, const struct docent_event *ev)
{
    if (ev->status != DOCENT_OK && ev->status != DOCENT_ERR_NO_NODE) {
        count_ask_again(c, ev->status);
    } else if (ev->tag == TAG_SYNC) {
        c->synced = true;
    } else if (!c->synced) {
        return;
    } else if (ev->tag != TAG_LOOK && ev->status == DOCENT_OK) {
        count_over(c, DOCENT_OK);
    } else if (ev->tag == TAG_PEEK) {
        count_ask_watch(c);
    } else if (ev->tag == TAG_LOOK && ev->status == DOCENT_ERR_NO_NODE) {
        count_over(c, DOCENT_ERR_NO_NODE);
    } else if (ev->tag == TAG_LOOK && c->one_look) {
        count_over(c, DOCENT_ERR_TIMEOUT);
    } else if (ev->tag == TAG_LOOK) {
        docent_machine_calm(count_machine(c));
        docent_meter_reason(&c->countdown->all.meter, c->countdown->all.handle.client, DOCENT_OK);
    }
}

/* `open` was made, and behind the sync that was not before the call: zero was reached, also if all of it is deleted by now. */
static void count_on_change(struct counting *c, docent_watch_type change)
{
    if (change == DOCENT_WATCH_CREATED && c->synced) {
        count_over(c, DOCENT_OK);
    } else {
        count_go(c, COUNT_WAITING);
    }
}

/* ---- Events. ---- */

static void count_on_reply(struct counting *c, const struct docent_event *ev)
{
    switch (c->state) {
    case COUNT_MAKING: count_on_make(c, ev); break;
    case COUNT_PARENTS: count_on_parent(c, ev->status); break;
    case COUNT_LOOKING: count_on_look(c, ev); break;
    case COUNT_COUNTING: count_on_count(c, ev); break;
    case COUNT_FINDING: count_on_find(c, ev); break;
    case COUNT_WAITING: count_on_wait(c, ev); break;
    case COUNT_NEW: break;
    case COUNT_STATES: abort();
    }
}

static void count_give_up(struct errand *errand, docent_status why)
{
    struct counting *c = counting_of(errand);
    count_over(c, c->doubt && why == DOCENT_ERR_TIMEOUT ? DOCENT_ERR_UNKNOWN_OUTCOME : why);
}

static void count_late(struct errand *errand)
{
    count_give_up(errand, DOCENT_ERR_TIMEOUT);
}

static void count_on_event(struct errand *errand, const struct docent_event *ev)
{
    struct counting *c = counting_of(errand);
    switch (ev->type) {
    case DOCENT_EV_REPLY: count_on_reply(c, ev); break;
    case DOCENT_EV_WATCH: count_on_change(c, ev->change); break;
    case DOCENT_EV_TIMER: count_ask(c); break;
    case DOCENT_EV_SUSPENDED:
        if (c->one_look) count_give_up(errand, DOCENT_ERR_TIMEOUT);
        break;
    case DOCENT_EV_RESUMED:
        docent_machine_calm(&errand->machine);
        if (c->state != COUNT_COUNTING) count_go(c, c->state);
        break;
    case DOCENT_EV_EXPIRED: c->synced = false; break; /* Nothing of ours goes with it; EV_RESUMED goes on. */
    case DOCENT_EV_CLOSING: break;
    }
}

static void count_fini(struct errand *errand, docent_status why)
{
    struct counting *c = counting_of(errand);
    (void)why;
    docent_free(&c->countdown->all.handle.allocator, c->mark);
    c->mark = NULL;
}

static const struct errand_kind count_kind = {
    .name = "countdown",
    .on_event = count_on_event,
    .late = count_late,
    .end = count_give_up,
    .fini = count_fini,
};

/* ---- The beginning. ---- */

docent_status docent_count_begin(struct docent_countdown *countdown, enum count_verb verb, uint32_t count, uint32_t timeout_ms,
                                 docent_done_fn done, void *user)
{
    static const enum count_state first[] = { [VERB_CREATE] = COUNT_MAKING, [VERB_COUNT] = COUNT_LOOKING, [VERB_WAIT] = COUNT_WAITING };
    static const char mark[] = "/d-", open[] = "/open", origin[] = "/c-";
    if (countdown == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    docent_status status = docent_handle_check(&countdown->all.handle);
    if (status != DOCENT_OK) return status;
    const docent_allocator *allocator = &countdown->all.handle.allocator;
    size_t size = strlen(countdown->all.path);
    char *paths = docent_alloc(allocator, 3 * size + sizeof mark + sizeof origin + 2 * COUNT_UUID + sizeof open);
    if (paths == NULL) return DOCENT_ERR_NO_MEMORY;
    struct errand *errand;
    status = docent_errands_call(&countdown->all, &count_kind, sizeof(struct counting), timeout_ms, done, user, &errand);
    if (status != DOCENT_OK) {
        docent_free(allocator, paths);
        return status;
    }
    struct counting *c = counting_of(errand);
    c->countdown = countdown;
    c->verb = verb;
    c->count = count;
    c->one_look = timeout_ms == DOCENT_NO_WAIT;
    docent_client_uuid(countdown->all.handle.client, c->uuid);
    c->mark = paths;
    c->open = paths + size + sizeof mark + COUNT_UUID;
    c->origin = c->open + size + sizeof open;
    snprintf(c->mark, size + sizeof mark + COUNT_UUID, "%s%s%s", countdown->all.path, mark, c->uuid);
    snprintf(c->open, size + sizeof open, "%s%s", countdown->all.path, open);
    snprintf(c->origin, size + sizeof origin + COUNT_UUID, "%s%s%s", countdown->all.path, origin, c->uuid);
    if (c->one_look && !docent_machine_online(count_machine(c))) {
        count_over(c, DOCENT_ERR_TIMEOUT);
    } else {
        count_go(c, first[verb]);
    }
    return DOCENT_OK;
}
