/* recipes/double_barrier_enter.c - see double_barrier.h: gathering, making ready, joining a round that is on, and withdrawing. */
#include <string.h>

#include "recipes/double_barrier.h"
#include "recipes/trouble.h"

static bool enter_is_member(const char *name)
{
    return strcmp(name, "ready") != 0;
}

/* ---- Gathering. ---- */

static void enter_ask_count(struct entrant *e)
{
    docent_op exists = docent_op_exists(e->barrier->path);
    docent_ask(entry_machine(e), &exists, TAG_COUNT);
}

/* Whether ready is there the watch tells, once it is known; whose it is, only a look. */
void docent_entrant_ask_look(struct entrant *e)
{
    e->unseen = e->shy = false;
    e->looks = !docent_ready_is_known(e->barrier) || e->barrier->ready_there;
    e->ready.there = false;
    if (e->looks) docent_ready_ask(e, TAG_READY);
    enter_ask_count(e);
}

static void enter_on_ready(struct entrant *e, const struct docent_event *ev)
{
    if (ev->status != DOCENT_OK && ev->status != DOCENT_ERR_NO_NODE) {
        docent_entrant_ask_again(e, ENTRY_GATHERING, ev->status);
        return;
    }
    docent_ready_seen(e, ev);
    if (!e->ready.there) {
        if (!docent_ready_is_known(e->barrier) && e->barrier->watch.state == REARM_ARMED) docent_entrant_go(e, ENTRY_GATHERING);
    } else if (e->ready.czxid > e->own.czxid) { /* We are among those who were there when it was made. */
        docent_entrant_is_inside(e);
    } else {
        docent_entrant_go(e, ENTRY_JOINING);
    }
}

/* Told on a connection that had told of our node before, it happened after that. But a server without standing watches is asked what has
 * happened, and may have been asked before our node was there. */
void docent_entrant_on_ready_made(struct entrant *e, int64_t zxid)
{
    if (e->state != ENTRY_GATHERING) return;
    if (zxid >= 0 && zxid <= e->own.czxid) {
        docent_entrant_go(e, ENTRY_GATHERING);
        return;
    }
    e->ready = (struct entry_ready){ .there = true, .czxid = zxid >= 0 ? zxid : 0 };
    docent_entrant_is_inside(e);
}

/* There are not enough: the watch will tell. */
static void enter_wait(struct entrant *e)
{
    docent_machine_calm(entry_machine(e));
    docent_meter_reason(&e->barrier->meter, entry_client(e), DOCENT_OK);
    if (e->one_look) {
        docent_entrant_give_up(e, DOCENT_ERR_TIMEOUT);
    } else {
        docent_machine_timer(entry_machine(e), ENTRY_WAITER_LOOK_MS);
    }
}

/* Later: is our node there still, and are there enough? Also when ready could not be made. */
void docent_entrant_gathering_timer(struct entrant *e)
{
    docent_op exists = docent_op_exists(e->own.path);
    if (!docent_machine_online(entry_machine(e))) return;
    docent_ask(entry_machine(e), &exists, TAG_OWN);
    if (!docent_ready_is_known(e->barrier)) docent_ready_ask(e, TAG_READY);
    enter_ask_count(e);
}

static void enter_on_count(struct entrant *e, const struct docent_event *ev)
{
    if (ev->status != DOCENT_OK && ev->status != DOCENT_ERR_NO_NODE) {
        docent_entrant_ask_again(e, ENTRY_GATHERING, ev->status);
    } else if (ev->status == DOCENT_ERR_NO_NODE) { /* And with it our node. */
        docent_entrant_begin_anew(e);
    } else if (ev->result->stat.num_children >= 0 && (uint32_t)ev->result->stat.num_children < e->barrier->quantity) {
        enter_wait(e);
    } else if (e->shy && ev->result->stat.pzxid != e->own.czxid) { /* Of all who see that there are enough now, the last who came shall act. */
        e->shy = false;
        docent_machine_timer(entry_machine(e), ENTRY_SHY_MS);
    } else {
        docent_op list = docent_op_children(e->barrier->path);
        docent_ask(entry_machine(e), &list, TAG_LIST);
    }
}

/* A transaction that makes ready if @count of the members listed are there and eligible, ourselves among them. Which of the others, if there
 * are more, is another choice at each try: one may be about to go. */
static docent_status enter_ask_open(struct entrant *e, const docent_result *list, size_t members)
{
    const docent_allocator *allocator = docent_client_allocator(entry_client(e));
    size_t checks = e->barrier->quantity < ENTRY_CHECKS_MAX ? e->barrier->quantity : ENTRY_CHECKS_MAX;
    size_t parent_size = e->own.parent_size + 1, path_size = parent_size, skip = e->tries++ % members;
    for (size_t i = 0; i < list->name_count; i++) {
        size_t size = parent_size + strlen(list->names[i]) + 1;
        if (size > path_size) path_size = size;
    }
    size_t ops_size = (checks + 1) * sizeof(docent_op);
    docent_op *ops = docent_alloc(allocator, ops_size + checks * path_size);
    if (ops == NULL) return DOCENT_ERR_NO_MEMORY;
    char *path = (char *)ops + ops_size;
    size_t count = 0;
    ops[count++] = docent_op_check(e->own.path, 0);
    for (size_t i = 0; count < checks && i < 2 * list->name_count; i++) {
        const char *name = list->names[i % list->name_count];
        if (!enter_is_member(name) || strcmp(name, entry_name(e)) == 0) continue;
        if (skip > 0 && i < list->name_count) {
            skip--;
            continue;
        }
        bool twice = false;
        memcpy(path, e->own.path, parent_size);
        strcpy(path + parent_size, name);
        for (size_t k = 1; k < count && i >= list->name_count; k++) twice |= strcmp(ops[k].path, path) == 0;
        if (twice) continue;
        ops[count++] = docent_op_check(path, 0);
        path += path_size;
    }
    bool kazoo = e->barrier->dialect == DOCENT_DIALECT_KAZOO;
    ops[count] = docent_op_create(e->barrier->ready, kazoo ? "" : NULL, 0, DOCENT_PERSISTENT);
    ops[count++].acl = e->barrier->acl;
    docent_op open = docent_op_multi(ops, count);
    docent_ask(entry_machine(e), &open, TAG_OPEN);
    docent_free(allocator, ops);
    return DOCENT_OK;
}

static void enter_on_list(struct entrant *e, const struct docent_event *ev)
{
    const docent_result *list = ev->result;
    size_t members = 0;
    bool ours = false, ready = false;
    if (ev->status != DOCENT_OK && ev->status != DOCENT_ERR_NO_NODE) {
        docent_entrant_ask_again(e, ENTRY_GATHERING, ev->status);
        return;
    }
    for (size_t i = 0; i < list->name_count; i++) {
        members += enter_is_member(list->names[i]);
        ready |= !enter_is_member(list->names[i]);
        ours |= strcmp(list->names[i], entry_name(e)) == 0;
    }
    if (!ours) {
        docent_entrant_begin_anew(e);
    } else if (ready) { /* And we had not heard of it. */
        e->barrier->ready_known = false;
        docent_entrant_go(e, ENTRY_GATHERING);
    } else if (members < e->barrier->quantity) {
        enter_wait(e);
    } else if (enter_ask_open(e, list, members) != DOCENT_OK) {
        docent_entrant_go_later(e, ENTRY_GATHERING, DOCENT_ERR_NO_MEMORY);
    }
}

static void enter_on_open(struct entrant *e, const struct docent_event *ev)
{
    if (ev->status == DOCENT_OK) {
        e->ready = (struct entry_ready){ .there = true, .czxid = ev->result->zxid };
        docent_entrant_is_inside(e);
    } else if (ev->status == DOCENT_ERR_NODE_EXISTS) {
        e->barrier->ready_known = false;
        docent_entrant_go(e, ENTRY_GATHERING);
    } else if (ev->status == DOCENT_ERR_NO_NODE || ev->status == DOCENT_ERR_BAD_VERSION) { /* Somebody has gone, or is about to. */
        docent_machine_retry(entry_machine(e));
    } else {
        docent_entrant_ask_again(e, ENTRY_GATHERING, ev->status);
    }
}

void docent_entrant_on_gathering(struct entrant *e, const struct docent_event *ev)
{
    switch (ev->tag) {
    case TAG_READY: enter_on_ready(e, ev); break;
    case TAG_COUNT: enter_on_count(e, ev); break;
    case TAG_LIST: enter_on_list(e, ev); break;
    case TAG_OPEN: enter_on_open(e, ev); break;
    case TAG_OWN:
        if (ev->status == DOCENT_ERR_NO_NODE) docent_entrant_begin_anew(e);
        break;
    default: break;
    }
}

/* ---- Joining a round that is on. ---- */

void docent_entrant_ask_join(struct entrant *e)
{
    docent_op own = docent_op_exists(e->own.path);
    docent_op list = docent_op_children(e->barrier->path);
    docent_free(&e->barrier->handle.allocator, e->list);
    e->list = NULL;
    docent_ask(entry_machine(e), &own, TAG_OWN);
    docent_ask(entry_machine(e), &list, TAG_LIST);
}

static char *enter_member_path(const struct entrant *e)
{
    const char *name = e->list->names[e->at];
    size_t parent_size = e->own.parent_size + 1, size = strlen(name) + 1;
    char *path = docent_alloc(&e->barrier->handle.allocator, parent_size + size);
    if (path == NULL) return NULL;
    memcpy(path, e->own.path, parent_size);
    memcpy(path + parent_size, name, size);
    return path;
}

/* The next member that is not us. None: nobody who has passed by this ready is there. */
static void enter_ask_member(struct entrant *e)
{
    const char *name = NULL;
    for (; e->at < e->list->name_count; e->at++) {
        name = e->list->names[e->at];
        if (enter_is_member(name) && strcmp(name, entry_name(e)) != 0) break;
    }
    if (e->at == e->list->name_count) {
        docent_entrant_ask_clear(e);
        return;
    }
    char *path = enter_member_path(e);
    if (path == NULL) {
        docent_entrant_go_later(e, ENTRY_GATHERING, DOCENT_ERR_NO_MEMORY);
        return;
    }
    docent_op exists = docent_op_exists(path);
    docent_ask(entry_machine(e), &exists, TAG_MEMBER);
    docent_free(&e->barrier->handle.allocator, path);
}

/* It was counted when ready was made, or has joined since. */
static bool enter_has_passed(const struct entrant *e, const docent_stat *member)
{
    if (member->czxid < e->ready.czxid) return member->version == 0 || member->mzxid > e->ready.czxid;
    return member->version == 1;
}

static void enter_on_member(struct entrant *e, const struct docent_event *ev)
{
    if (ev->status != DOCENT_OK && ev->status != DOCENT_ERR_NO_NODE) {
        docent_entrant_ask_again(e, ENTRY_GATHERING, ev->status);
        return;
    }
    if (ev->status == DOCENT_ERR_NO_NODE || !enter_has_passed(e, &ev->result->stat)) {
        e->at++;
        enter_ask_member(e);
        return;
    }
    char *path = enter_member_path(e);
    if (path == NULL) {
        docent_entrant_go_later(e, ENTRY_GATHERING, DOCENT_ERR_NO_MEMORY);
        return;
    }
    bool kazoo = e->barrier->dialect == DOCENT_DIALECT_KAZOO;
    docent_op ops[] = {
        docent_op_check(path, ev->result->stat.version),
        docent_op_set(e->own.path, e->barrier->label, e->barrier->label_size, 0),
        docent_op_set(e->barrier->ready, kazoo ? "" : NULL, 0, DOCENT_ANY_VERSION),
    };
    docent_op join = docent_op_multi(ops, sizeof ops / sizeof ops[0]);
    docent_ask(entry_machine(e), &join, TAG_JOIN);
    docent_free(&e->barrier->handle.allocator, path);
}

/* Which ready it was that we set the look did not tell: another may have taken the place of the one that it saw. */
static void enter_has_joined(struct entrant *e, const docent_result *join)
{
    const docent_stat *ready = join != NULL && join->result_count == 3 ? &join->results[2].stat : NULL;
    e->ready = (struct entry_ready){ .there = true };
    if (ready != NULL) {
        e->ready.czxid = ready->czxid;
        e->ready.version = ready->version;
    }
    docent_entrant_is_inside(e);
}

static void enter_on_join_list(struct entrant *e, const struct docent_event *ev)
{
    if (ev->status != DOCENT_OK) {
        if (ev->status == DOCENT_ERR_NO_NODE) return; /* And so is our node: TAG_OWN has told. */
        docent_entrant_ask_again(e, ENTRY_GATHERING, ev->status);
        return;
    }
    e->list = docent_result_keep(&e->barrier->handle.allocator, ev->result);
    e->at = 0;
    if (e->list == NULL) {
        docent_entrant_go_later(e, ENTRY_GATHERING, DOCENT_ERR_NO_MEMORY);
    } else {
        enter_ask_member(e);
    }
}

void docent_entrant_on_joining(struct entrant *e, const struct docent_event *ev)
{
    bool moved = ev->status == DOCENT_ERR_NO_NODE || ev->status == DOCENT_ERR_BAD_VERSION;
    switch (ev->tag) {
    case TAG_OWN:
        if (ev->status == DOCENT_ERR_NO_NODE) {
            docent_entrant_begin_anew(e);
        } else if (ev->status != DOCENT_OK) {
            docent_entrant_ask_again(e, ENTRY_GATHERING, ev->status);
        } else if (ev->result->stat.version == 1) { /* We had joined, and the reply was lost. */
            enter_has_joined(e, NULL);
        }
        break;
    case TAG_LIST: enter_on_join_list(e, ev); break;
    case TAG_MEMBER: enter_on_member(e, ev); break;
    case TAG_BASE:
    case TAG_AGAIN:
    case TAG_STALE: docent_entrant_on_clear(e, ENTRY_GATHERING, ev); break;
    case TAG_JOIN:
        if (ev->status == DOCENT_OK) {
            enter_has_joined(e, ev->result);
        } else if (moved) {
            docent_entrant_go(e, ENTRY_GATHERING);
        } else {
            docent_entrant_ask_again(e, ENTRY_GATHERING, ev->status);
        }
        break;
    default: break;
    }
}

/* ---- Withdrawing. ---- */

void docent_entrant_ask_mark(struct entrant *e)
{
    docent_op set = docent_op_set(e->own.path, e->barrier->label, e->barrier->label_size, 0);
    docent_op sets[] = { set, set };
    docent_op own = docent_op_exists(e->own.path);
    sets[1].version = 1;
    docent_op mark = docent_op_multi(sets, 2);
    docent_ask(entry_machine(e), &mark, TAG_MARK);
    docent_ask(entry_machine(e), &own, TAG_OWN);
    docent_ready_ask(e, TAG_READY);
}

static void enter_withdraw(struct entrant *e)
{
    docent_entrant_answer(e, e->verdict);
    docent_entrant_go(e, ENTRY_REMOVING);
}

void docent_entrant_on_marking(struct entrant *e, const struct docent_event *ev)
{
    bool read = ev->status == DOCENT_OK || ev->status == DOCENT_ERR_NO_NODE;
    enum trouble trouble = read || ev->status == DOCENT_ERR_BAD_VERSION ? TROUBLE_REFUSED : docent_trouble(ev->status);
    if (trouble == TROUBLE_BUSY || trouble == TROUBLE_UNSURE) { /* Again, while there is time. */
        docent_entrant_go_later(e, ENTRY_MARKING, ev->status);
        return;
    }
    if (ev->tag == TAG_MARK) { /* BAD_VERSION: we have joined, as our node will say. */
        if (ev->status != DOCENT_OK && ev->status != DOCENT_ERR_BAD_VERSION) enter_withdraw(e);
        return;
    }
    if (!read || (ev->tag == TAG_OWN && ev->status != DOCENT_OK)) {
        enter_withdraw(e);
        return;
    }
    if (ev->tag == TAG_OWN) {
        e->own_stat = ev->result->stat;
        return;
    }
    docent_ready_seen(e, ev);
    bool counted = e->own_stat.czxid < e->ready.czxid && e->ready.czxid < e->own_stat.mzxid;
    bool joined = e->own_stat.czxid > e->ready.czxid && e->own_stat.version == 1;
    if (e->ready.there && (counted || joined)) {
        docent_entrant_is_inside(e);
    } else {
        enter_withdraw(e);
    }
}
