/* recipes/node_delete.c - delete: one node, or a tree, or for certain.
 *
 * A look shows which node it is; with that the removal (removal.h) deletes it and no other. Of a tree everything below goes between the
 * two: depth first, a few deletes at a time, with the listings of the way down kept, so that a wide node is listed once.
 *
 *     REMOVING -- seen, recursive --> EMPTYING -- nothing left below --> REMOVING -- deleted --> told
 *        ^  '------- not empty ---------^  |
 *        '-------- connection lost --------'
 *
 * Others may create below while it runs. A node that is not empty is gone into again, as often as the deadline allows, and at the pace
 * of the client's backoff when it goes on and on. After a lost connection it begins with the look: the root may be another by then.
 *
 * Guaranteed. Given up without an answer, the call is told, and the removal goes on until the node is gone. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "recipes/node.h"
#include "recipes/removal.h"

enum { DELETE_WINDOW = 4, DELETE_ROUNDS_AT_ONCE = 8 };

enum delete_state { DELETE_REMOVING, DELETE_EMPTYING };

enum delete_tag { TAG_LIST, TAG_CHILD /* And those that follow, one for each of the window. */ };

/* One node on the way down. */
struct level {
    struct level *up;
    docent_result *list; /* NULL: to be listed. */
    size_t next;         /* The first child that is not known to be gone. */
    bool back;           /* That one was emptied just now. */
    size_t path_size;
    char path[];
};

struct delete_call {
    struct node_call call;
    enum delete_state state;
    bool quietly, recursive, guaranteed;
    struct removal removal;
    bool emptied;      /* Nothing was left below. */
    bool mine;         /* An ephemeral of the session it was seen in. */
    struct level *level;
    size_t out;        /* Deletes of the window that are not answered. */
    size_t asked;
    size_t not_empty;  /* The first of the window that has children; DELETE_WINDOW: none. */
    uint32_t rounds;
};

static struct delete_call *delete_of(struct node_call *call)
{
    return (struct delete_call *)call;
}

/* ---- Going up and down. ---- */

static const docent_allocator *delete_allocator(const struct delete_call *d)
{
    return docent_client_allocator(d->call.machine.client);
}

/* "<level>/<name>"; the caller's to free. */
static char *level_join(const struct delete_call *d, const struct level *level, const char *name)
{
    size_t size = strlen(name) + 1;
    char *path = docent_alloc(delete_allocator(d), level->path_size + 1 + size);

    if (path == NULL) return NULL;
    memcpy(path, level->path, level->path_size);
    path[level->path_size] = '/';
    memcpy(path + level->path_size + 1, name, size);
    return path;
}

static bool delete_push(struct delete_call *d, const char *path)
{
    size_t size = strlen(path);
    struct level *level = docent_alloc(delete_allocator(d), sizeof *level + size + 1);

    if (level == NULL) return false;
    *level = (struct level){ .up = d->level, .path_size = size };
    memcpy(level->path, path, size + 1);
    d->level = level;
    return true;
}

static void delete_pop(struct delete_call *d)
{
    struct level *level = d->level;

    d->level = level->up;
    docent_free(delete_allocator(d), level->list);
    docent_free(delete_allocator(d), level);
}

/* From the look. */
static void delete_restart(struct delete_call *d)
{
    while (d->level != NULL) {
        delete_pop(d);
    }
    d->emptied = false;
    d->removal.looked = false;
    d->state = DELETE_REMOVING;
}

static void delete_failed(struct delete_call *d, docent_status cause, bool sent)
{
    if (cause == DOCENT_ERR_CONNECTION_LOSS) delete_restart(d);
    docent_node_failed(&d->call, cause, sent);
}

/* ---- Emptying. ---- */

static void delete_ask_children(struct delete_call *d)
{
    struct level *level = d->level;
    size_t left = level->list->name_count - level->next;

    d->asked = left < DELETE_WINDOW ? left : DELETE_WINDOW;
    d->out = d->asked;
    d->not_empty = DELETE_WINDOW;
    for (size_t i = 0; i < d->asked; i++) {
        char *path = level_join(d, level, level->list->names[level->next + i]);
        if (path == NULL) {
            delete_failed(d, DOCENT_ERR_NO_MEMORY, false); /* The others are not heard. */
            return;
        }
        docent_op delete = docent_op_delete(path, DOCENT_ANY_VERSION);
        docent_ask(&d->call.machine, &delete, TAG_CHILD + (int)i);
        docent_free(delete_allocator(d), path);
    }
}

static void delete_ask_emptying(struct delete_call *d)
{
    if (d->level == NULL && !delete_push(d, d->call.path)) {
        delete_failed(d, DOCENT_ERR_NO_MEMORY, false);
        return;
    }
    while (d->level != NULL && d->level->list != NULL && d->level->next == d->level->list->name_count) {
        delete_pop(d); /* Nothing was left there. The one above deletes it next. */
        if (d->level != NULL) d->level->back = true;
    }
    if (d->level == NULL) {
        d->emptied = true;
        d->state = DELETE_REMOVING;
        docent_node_changes(&d->call);
        docent_removal_ask(&d->removal, &d->call.machine);
    } else if (d->level->list == NULL) {
        docent_op list = docent_op_children(d->level->path);
        docent_ask(&d->call.machine, &list, TAG_LIST);
    } else {
        delete_ask_children(d);
    }
}

static void delete_on_list(struct delete_call *d, const struct docent_event *ev)
{
    if (ev->status != DOCENT_OK && ev->status != DOCENT_ERR_NO_NODE) {
        delete_failed(d, ev->status, ev->sent);
        return;
    }
    d->level->list = docent_result_keep(delete_allocator(d), ev->result); /* No names, if it is gone. */
    if (d->level->list == NULL) {
        delete_failed(d, DOCENT_ERR_NO_MEMORY, false);
    } else {
        docent_node_step(&d->call);
    }
}

/* Into a child that has children. If it is where we came from, somebody creates there. */
static void delete_descend(struct delete_call *d)
{
    struct level *level = d->level;

    d->rounds += level->back && d->not_empty == 0;
    level->back = false;
    level->next += d->not_empty;
    char *path = level_join(d, level, level->list->names[level->next]);
    bool good = path != NULL && delete_push(d, path);
    docent_free(delete_allocator(d), path);
    if (!good) {
        delete_failed(d, DOCENT_ERR_NO_MEMORY, false);
    } else if (d->rounds > DELETE_ROUNDS_AT_ONCE) {
        docent_node_later(&d->call);
    } else {
        docent_node_step(&d->call);
    }
}

static void delete_on_child(struct delete_call *d, const struct docent_event *ev)
{
    size_t index = (size_t)(ev->tag - TAG_CHILD);

    if (ev->status == DOCENT_ERR_NOT_EMPTY) {
        if (index < d->not_empty) d->not_empty = index;
    } else if (ev->status == DOCENT_OK) {
        d->call.result.number++;
    } else if (ev->status != DOCENT_ERR_NO_NODE) {
        delete_failed(d, ev->status, ev->sent);
        return;
    }
    if (--d->out > 0) return;
    if (d->not_empty < DELETE_WINDOW) {
        delete_descend(d);
        return;
    }
    d->level->next += d->asked;
    d->level->back = false;
    d->rounds = 0;
    docent_machine_calm(&d->call.machine);
    docent_node_step(&d->call);
}

/* ---- The node itself. ---- */

static void delete_on_gone(struct delete_call *d, docent_status status)
{
    if (status == DOCENT_OK) d->call.result.number++;
    docent_node_doubt_over(&d->call);
    if (d->removal.sent || d->quietly || d->call.told) {
        docent_node_end(&d->call, DOCENT_OK);
    } else {
        docent_node_failed(&d->call, DOCENT_ERR_NO_NODE, true);
    }
}

static void delete_on_removal(struct delete_call *d, const struct docent_event *ev)
{
    switch (docent_removal_on_reply(&d->removal, &d->call.machine, ev)) {
    case REMOVAL_GOING_ON: break;
    case REMOVAL_SEEN:
        docent_node_doubt_over(&d->call);
        d->mine = d->removal.seen.ephemeral_owner != 0 &&
                  d->removal.seen.ephemeral_owner == docent_client_session(d->call.machine.client, NULL);
        if (d->recursive && !d->emptied) d->state = DELETE_EMPTYING;
        docent_node_step(&d->call);
        break;
    case REMOVAL_GONE: delete_on_gone(d, ev->tag == TAG_REMOVAL_DELETE ? ev->status : DOCENT_ERR_NO_NODE); break;
    case REMOVAL_FAILED:
        if (ev->status == DOCENT_ERR_NOT_EMPTY && d->recursive) {
            delete_restart(d);
            docent_node_later(&d->call); /* Somebody creates there as fast as we delete. */
            break;
        }
        if (d->removal.sent) docent_node_doubt(&d->call);
        delete_failed(d, ev->status, ev->sent);
        break;
    case REMOVAL_VERSION:
        docent_node_doubt_over(&d->call);
        if (d->call.told) { /* It was to go in that version only. */
            docent_node_end(&d->call, DOCENT_ERR_BAD_VERSION);
        } else {
            docent_node_failed(&d->call, DOCENT_ERR_BAD_VERSION, true);
        }
        break;
    }
}

/* ---- Events. ---- */

static void delete_ask(struct node_call *call)
{
    struct delete_call *d = delete_of(call);

    switch (d->state) {
    case DELETE_REMOVING:
        if (d->removal.looked) docent_node_changes(call);
        docent_removal_ask(&d->removal, &call->machine);
        break;
    case DELETE_EMPTYING: delete_ask_emptying(d); break;
    }
}

static void delete_on_reply(struct node_call *call, const struct docent_event *ev)
{
    struct delete_call *d = delete_of(call);

    switch (d->state) {
    case DELETE_REMOVING: delete_on_removal(d, ev); break;
    case DELETE_EMPTYING:
        if (ev->tag == TAG_LIST) {
            delete_on_list(d, ev);
        } else {
            delete_on_child(d, ev);
        }
        break;
    }
}

/* Reasons that say nothing about the node. */
static bool delete_is_open(const struct delete_call *d, docent_status why)
{
    return why == DOCENT_ERR_TIMEOUT || why == DOCENT_ERR_UNKNOWN_OUTCOME || why == DOCENT_ERR_SESSION_EXPIRED ||
           docent_node_may_retry(&d->call, why);
}

static bool delete_gives_up(struct node_call *call, docent_status why)
{
    struct delete_call *d = delete_of(call);

    call->result.has_stat = d->removal.seen_once;
    call->result.stat = d->removal.seen;
    return d->guaranteed && d->removal.czxid != 0 && delete_is_open(d, why);
}

/* Nobody waits, and the session took it. */
static void delete_on_expired(struct node_call *call)
{
    if (call->told && delete_of(call)->mine) docent_node_end(call, DOCENT_ERR_SESSION_EXPIRED);
}

static void delete_free(struct node_call *call)
{
    delete_restart(delete_of(call));
}

static const struct node_kind delete_kind = {
    .name = "delete",
    .ask = delete_ask,
    .on_reply = delete_on_reply,
    .on_expired = delete_on_expired,
    .gives_up = delete_gives_up,
    .free = delete_free,
};

docent_status docent_delete_node_async(docent_client *client, const char *path, int32_t version,
                                       const docent_delete_node_options *options, docent_result_fn done, void *user)
{
    docent_delete_node_options full = { DOCENT_DELETE_NODE_OPTIONS };
    if (!docent_options_take(&full, sizeof full, options)) return DOCENT_ERR_INVALID_ARGUMENT;
    if (path == NULL || strcmp(path, "/") == 0 || full.czxid < 0) return DOCENT_ERR_INVALID_ARGUMENT;

    const struct node_limits limits = { .timeout_ms = full.timeout_ms, .retry = full.retry, .offline = full.offline };
    struct node_call *call;
    docent_status status =
        docent_node_new(client, sizeof(struct delete_call), &delete_kind, path, false, NULL, 0, &limits, done, user, &call);
    if (status != DOCENT_OK) return status;
    struct delete_call *d = delete_of(call);
    d->quietly = full.quietly;
    d->recursive = full.recursive;
    d->guaranteed = full.guaranteed;
    d->removal = (struct removal){ .path = call->path, .czxid = full.czxid, .version = version };
    docent_node_start(call, full.timeout_ms);
    return DOCENT_OK;
}
