/* recipes/permit_take.c - see permit.h: whether there is room, and the leases are made. */
#include <stdlib.h>

#include "recipes/permit.h"
#include "recipes/trouble.h"

/* ---- Asking. ---- */

/* The limit first: it is known when the listing comes. */
void docent_permit_ask_look(struct docent_permit *p)
{
    const struct terms *terms = p->terms;
    const char *limit_path = docent_permit_is_kazoo(p) ? terms->leases_path : terms->limit_path;
    docent_op list = docent_op_children(terms->leases_path);

    if (p->lagging) {
        docent_op sync = docent_op_sync(terms->leases_path);
        docent_ask(&p->handle.machine, &sync, TAG_PERMIT_CATCH_UP);
    }
    p->limit.known = limit_path == NULL;
    p->limit.max = terms->max;
    p->limit.version = -1;
    if (limit_path != NULL) {
        docent_op get = docent_op_get(limit_path);
        docent_ask(&p->handle.machine, &get, TAG_PERMIT_LIMIT);
    }
    if (p->state == PERMIT_FULL) {
        docent_ask_watch(&p->handle.machine, &list, TAG_PERMIT_LIST);
    } else {
        docent_ask(&p->handle.machine, &list, TAG_PERMIT_LIST);
    }
}

/* [delete mutex] [check limit] create... Either deletes the mutex's node and makes the leases, or does neither. By the short cut:
 * [create place] [delete place] [check limit] create... [check last]. Returns how many stand in front of the creates. */
static size_t permit_fences(const struct docent_permit *p)
{
    size_t places = p->brief ? 2 : 1;
    return p->terms->limit_path != NULL && p->limit.version >= 0 ? places + 1 : places;
}

static void permit_ask_folder(struct docent_permit *p)
{
    docent_op exists = docent_op_exists(p->terms->mutex_path);
    docent_ask(&p->handle.machine, &exists, TAG_PERMIT_FOLDER);
}

/* The look at the mutex's path stands behind the transaction of the short cut, and in front of the other, when that path has our node in it. */
static void permit_send_take(struct docent_permit *p, docent_op *ops, const struct recall_names *names)
{
    const struct terms *terms = p->terms;
    size_t fences = permit_fences(p), count = fences + p->count;
    bool look = docent_recall_wants(p);

    if (p->brief) {
        ops[0] = docent_op_create(names->place, terms->label, terms->label_size, DOCENT_EPHEMERAL_SEQUENTIAL);
        ops[0].acl = terms->acl;
        ops[1] = docent_op_delete(names->numbered_place, DOCENT_ANY_VERSION);
        ops[count++] = docent_op_check(names->last_lease, DOCENT_ANY_VERSION);
    } else {
        ops[0] = docent_contender_deletion(&p->contender);
    }
    if (terms->limit_path != NULL && p->limit.version >= 0) ops[fences - 1] = docent_op_check(terms->limit_path, p->limit.version);
    for (uint32_t i = 0; i < p->count; i++) {
        struct protected_node *own = &p->leases[i].own;
        own->known = PROTECTED_UNKNOWN;
        ops[fences + i] = docent_op_create(own->path, terms->label, terms->label_size,
                                           own->sequential ? DOCENT_EPHEMERAL_SEQUENTIAL : DOCENT_EPHEMERAL);
        ops[fences + i].acl = terms->acl;
    }
    docent_op take = docent_op_multi(ops, count);
    if (look && !p->brief) permit_ask_folder(p);
    docent_ask(&p->handle.machine, &take, TAG_PERMIT_TAKE);
    if (look && p->brief) permit_ask_folder(p);
}

static void permit_ask_take(struct docent_permit *p)
{
    const docent_allocator *allocator = docent_client_allocator(p->handle.client);
    docent_op *ops = docent_alloc_array(allocator, permit_fences(p) + p->count + 1, sizeof *ops);
    struct recall_names names = { .place = NULL };
    char *block = p->brief ? docent_recall_names(p, &names) : NULL;

    if (ops != NULL && (block != NULL || !p->brief)) {
        permit_send_take(p, ops, &names);
    } else if (p->brief) {
        docent_permit_seek(p);
    } else {
        docent_permit_go_later(p, PERMIT_LOOKING);
    }
    docent_free(allocator, ops);
    docent_free(allocator, block);
}

/* While we are not online nothing is asked: DOCENT_EV_RESUMED comes back here. */
void docent_permit_ask(struct docent_permit *p)
{
    if (!docent_machine_online(&p->handle.machine) && p->state != PERMIT_TAKING) return;

    switch (p->state) {
    case PERMIT_LOOKING:
    case PERMIT_FULL: docent_permit_ask_look(p); break;
    case PERMIT_PARENTS: docent_permit_ask_parents(p); break;
    case PERMIT_TAKING: permit_ask_take(p); break;
    case PERMIT_FINDING: {
        docent_op sync = docent_op_sync(p->terms->leases_path);
        docent_ask(&p->handle.machine, &sync, TAG_PERMIT_SYNC);
        break;
    }
    case PERMIT_CHECKING: docent_leases_ask_check(p); break;
    case PERMIT_RETURNING: docent_leases_ask_removal(p); break;
    case PERMIT_NEW:
    case PERMIT_QUEUEING:
    case PERMIT_TAKEN:
    case PERMIT_SUSPECT:
    case PERMIT_GONE: break;
    case PERMIT_STATES: abort();
    }
}

void docent_permit_ask_again(struct docent_permit *p, enum permit_state state, docent_status status)
{
    docent_meter_reason(&p->meter, p->handle.client, status);
    switch (docent_trouble(status)) {
    case TROUBLE_LOST: break;
    case TROUBLE_BUSY:
    case TROUBLE_UNSURE: docent_permit_go_later(p, state); break;
    case TROUBLE_REFUSED: docent_permit_give_up(p, status); break;
    }
}

/* ---- Looking. ---- */

/* A shared count: four bytes, the largest first. Less is no number; what follows is ignored, and below zero is none at all. */
static uint32_t permit_read_count(const docent_result *result, uint32_t otherwise)
{
    const unsigned char *bytes = result->data;

    if (bytes == NULL || result->size < 4) return otherwise;
    uint32_t count = (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
    return count > INT32_MAX ? 0 : count;
}

/* Kazoo's: a decimal number, or something else, which is ignored. */
static bool permit_disagrees(const struct docent_permit *p, const docent_result *result)
{
    const char *text = result->data;
    uint64_t number = 0;

    if (result->size == 0 || result->size > 18) return false;
    for (size_t i = 0; i < result->size; i++) {
        if (text[i] < '0' || text[i] > '9') return false;
        number = 10 * number + (uint64_t)(text[i] - '0');
    }
    return number != p->terms->max;
}

static void permit_on_catch_up(struct docent_permit *p, const struct docent_event *ev)
{
    if (ev->status == DOCENT_OK || ev->status == DOCENT_ERR_NO_NODE) {
        p->lagging = false;
    } else {
        docent_permit_ask_again(p, p->state, ev->status);
    }
}

static void permit_on_limit(struct docent_permit *p, const struct docent_event *ev)
{
    if (ev->status == DOCENT_ERR_NO_NODE) {
        p->limit.known = true;
    } else if (ev->status != DOCENT_OK) {
        if (p->state == PERMIT_QUEUEING) {
            p->early = false; /* The listing that comes will not do. */
        } else {
            docent_permit_ask_again(p, p->state, ev->status);
        }
    } else if (docent_permit_is_kazoo(p)) {
        p->limit.known = true;
        if (permit_disagrees(p, ev->result)) docent_permit_give_up(p, DOCENT_ERR_BAD_ARGUMENTS);
    } else {
        p->limit.known = true;
        p->limit.max = permit_read_count(ev->result, p->terms->max);
        p->limit.version = ev->result->stat.version;
    }
}

static void permit_on_list(struct docent_permit *p, const struct docent_event *ev)
{
    if (p->state == PERMIT_QUEUEING) { /* Not ours yet: this was for nothing. */
        p->early = false;
        return;
    }
    if (ev->status != DOCENT_OK && ev->status != DOCENT_ERR_NO_NODE) {
        docent_permit_ask_again(p, p->state, ev->status);
        return;
    }
    if (!p->limit.known || p->lagging) return; /* What went wrong there is being seen to. */
    if (ev->status == DOCENT_ERR_NO_NODE && docent_permit_is_kazoo(p)) {
        docent_permit_path_missing(p);
        return;
    }
    docent_machine_calm(&p->handle.machine);
    uint64_t taken = ev->status == DOCENT_OK ? ev->result->name_count : 0;
    p->seen = taken;
    if (taken + p->count <= p->limit.max) {
        docent_permit_go(p, PERMIT_TAKING);
    } else if (p->one_look) {
        docent_permit_give_up(p, DOCENT_ERR_TIMEOUT);
    } else if (p->state == PERMIT_LOOKING) {
        docent_permit_go(p, PERMIT_FULL);
    } /* Else the watches tell when to look again: the one that this listing left, and the limit's. */
}

/* ---- Taking. ---- */

/* They are there. Their numbers matter to nobody, not even when they are used up and negative: leases are counted, not compared. */
static void permit_owns(struct docent_permit *p)
{
    p->parents.rounds = 0;
    docent_machine_calm(&p->handle.machine);
    docent_permit_go(p, p->verdict != DOCENT_OK ? PERMIT_RETURNING : PERMIT_TAKEN);
}

/* The transaction was carried out at some time, and with it our place in the queue went: whatever the contender knows of that. */
static void permit_was_carried_out(struct docent_permit *p)
{
    if (p->contending) docent_contender_end(&p->contender, DOCENT_ERR_CANCELLED);
}

static bool permit_take_names(struct docent_permit *p, const struct docent_event *ev)
{
    size_t fences = permit_fences(p);

    if (ev->result->result_count != fences + p->count + (p->brief ? 1 : 0)) return false;
    for (uint32_t i = 0; i < p->count; i++) {
        docent_result made = ev->result->results[fences + i];
        made.zxid = ev->result->zxid;
        made.has_stat = false;
        struct docent_event one = *ev;
        one.result = &made;
        if (docent_protected_on_create(&p->leases[i].own, &one) != PROTECTED_MADE) return false;
    }
    return true;
}

/* Made, and all that was to be seen beside it may be. */
static void permit_made(struct docent_permit *p)
{
    if (p->brief && !p->looked) return;
    bool ours = !p->brief || docent_recall_is_true(p);
    if (ours) {
        docent_recall_keep(p);
        permit_owns(p);
    } else {
        docent_permit_go(p, PERMIT_RETURNING);
    }
}

static void permit_on_folder(struct docent_permit *p, const struct docent_event *ev)
{
    p->looked = true;
    p->folder = ev->status == DOCENT_OK ? ev->result->stat.czxid : 0;
    if (p->brief && p->made) permit_made(p);
}

/* Not made: whose fault is it? */
static void permit_on_refusal(struct docent_permit *p, const struct docent_event *ev)
{
    const docent_result *result = ev->result;
    size_t fences = permit_fences(p);

    if (p->brief) { /* Somebody has queued, or made leases, since we did; or the path is gone. Whatever else it is, queueing shows. */
        docent_permit_seek(p);
        return;
    }
    for (size_t i = 0; i < result->result_count; i++) {
        docent_status status = result->results[i].status;
        if (status == DOCENT_OK || status == DOCENT_ERR_ROLLED_BACK) continue;
        if (i == 0 && status == DOCENT_ERR_NO_NODE) { /* Somebody has deleted our mutex's node. The contender may not know yet. */
            if (p->contending) docent_contender_end(&p->contender, DOCENT_ERR_NO_NODE);
            docent_permit_seek(p);
        } else if (i < fences) { /* The limit has changed. */
            docent_permit_seek(p);
        } else if (status == DOCENT_ERR_NO_NODE) {
            docent_leases_draw_names(p);
            docent_permit_path_missing(p);
        } else if (status == DOCENT_ERR_NODE_EXISTS) {
            docent_permit_seek(p);
        } else {
            break;
        }
        return;
    }
    docent_permit_give_up(p, ev->status);
    docent_permit_seek(p);
}

static void permit_on_take(struct docent_permit *p, const struct docent_event *ev)
{
    if (ev->status == DOCENT_OK) {
        if (p->contending) docent_contender_deleted(&p->contender, DOCENT_ERR_CANCELLED);
        p->made = permit_take_names(p, ev);
        if (!p->made) {
            docent_permit_go_later(p, PERMIT_FINDING);
        } else {
            permit_made(p);
        }
        return;
    }
    if (!p->brief) docent_meter_reason(&p->meter, p->handle.client, ev->status);
    if (ev->status == DOCENT_ERR_NO_NODE || ev->status == DOCENT_ERR_BAD_VERSION || ev->status == DOCENT_ERR_NODE_EXISTS) {
        permit_on_refusal(p, ev);
        return;
    }
    switch (docent_trouble(ev->status)) {
    case TROUBLE_LOST:
        if (ev->sent) {
            docent_permit_go(p, PERMIT_FINDING);
        } else {
            docent_permit_seek(p);
        }
        break;
    case TROUBLE_BUSY:
        if (ev->status == DOCENT_ERR_NO_MEMORY && ev->sent) { /* For the answer, which may have been that they were made. */
            docent_permit_go_later(p, PERMIT_FINDING);
        } else if (p->verdict == DOCENT_OK && docent_permit_leads(p)) {
            docent_leases_draw_names(p);
            docent_permit_go_later(p, PERMIT_LOOKING);
        } else {
            docent_permit_seek(p);
        }
        break;
    case TROUBLE_REFUSED: permit_on_refusal(p, ev); break;
    case TROUBLE_UNSURE: docent_permit_go_later(p, PERMIT_FINDING); break;
    }
}

/* ---- Finding. ---- */

static void permit_find_failed(struct docent_permit *p, docent_status status)
{
    docent_meter_reason(&p->meter, p->handle.client, status);
    if (docent_trouble(status) == TROUBLE_LOST) return;
    if (docent_trouble(status) == TROUBLE_REFUSED) {
        docent_client_log(p->handle.client, DOCENT_LOG_WARNING, "semaphore.search", p->terms->leases_path,
                          "cannot look for leases that may be ours: %s", docent_status_text(status));
        docent_permit_give_up(p, status);
    }
    docent_permit_go_later(p, PERMIT_FINDING);
}

static void permit_on_find(struct docent_permit *p, const docent_result *listing)
{
    uint32_t found = 0;

    for (uint32_t i = 0; i < p->count; i++) {
        struct protected_node *own = &p->leases[i].own;
        docent_protected_forget(own);
        for (size_t at = 0; at < listing->name_count; at++) {
            if (!docent_protected_take(own, listing->names[at])) continue;
            own->known = PROTECTED_OURS;
            found++;
            break;
        }
    }
    if (found == 0) {
        docent_permit_seek(p);
        return;
    }
    permit_was_carried_out(p);
    if (found < p->count || p->brief) { /* Some are being deleted. Or it was the short cut, and nobody has seen on what path. */
        docent_permit_go(p, PERMIT_RETURNING);
    } else { /* For its czxid, and to see that its session is ours. */
        docent_op exists = docent_op_exists(p->leases[0].own.path);
        docent_ask(&p->handle.machine, &exists, TAG_PERMIT_OWN);
    }
}

static void permit_on_found(struct docent_permit *p, const struct docent_event *ev)
{
    if (ev->status != DOCENT_OK || ev->result->stat.ephemeral_owner != docent_client_session(p->handle.client, NULL)) {
        docent_permit_go(p, PERMIT_RETURNING); /* Whoever deletes them: start over. */
        return;
    }
    for (uint32_t i = 0; i < p->count; i++) {
        p->leases[i].own.czxid = ev->result->stat.czxid; /* One transaction made them all. */
        p->leases[i].own.generation = ev->generation;
    }
    permit_owns(p);
}

void docent_permit_on_reply(struct docent_permit *p, const struct docent_event *ev)
{
    docent_op list = docent_op_children(p->terms->leases_path);
    const docent_result nothing = { .struct_size = sizeof nothing };
    bool found_out = ev->status == DOCENT_OK || ev->status == DOCENT_ERR_NO_NODE;

    switch ((enum permit_tag)ev->tag) {
    case TAG_PERMIT_CATCH_UP: permit_on_catch_up(p, ev); break;
    case TAG_PERMIT_LIMIT: permit_on_limit(p, ev); break;
    case TAG_PERMIT_LIST: permit_on_list(p, ev); break;
    case TAG_PERMIT_TAKE: permit_on_take(p, ev); break;
    case TAG_PERMIT_FOLDER: permit_on_folder(p, ev); break;
    case TAG_PERMIT_PARENT: docent_permit_on_parent(p, ev->status); break;
    case TAG_PERMIT_BASE: docent_permit_on_base(p, ev->status); break;
    case TAG_PERMIT_SYNC:
        if (found_out) {
            docent_ask(&p->handle.machine, &list, TAG_PERMIT_FIND);
        } else {
            permit_find_failed(p, ev->status);
        }
        break;
    case TAG_PERMIT_FIND:
        if (found_out) {
            permit_on_find(p, ev->status == DOCENT_OK ? ev->result : &nothing);
        } else {
            permit_find_failed(p, ev->status);
        }
        break;
    case TAG_PERMIT_OWN:
        if (found_out) {
            permit_on_found(p, ev);
        } else {
            permit_find_failed(p, ev->status);
        }
        break;
    }
}
