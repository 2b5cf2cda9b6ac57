/* recipes/contender_queue.c - see contender_internal.h: our rank, whom we wait for, and being first. */
#include <stdlib.h>
#include <string.h>

#include "recipes/contender_internal.h"
#include "recipes/line.h"
#include "recipes/trouble.h"

/* ---- Ranking and waiting. ---- */

static void contender_wait(struct contender *c, enum contender_state next, const char *ahead)
{
    const docent_allocator *allocator = docent_client_allocator(c->machine.client);
    size_t ahead_size = strlen(ahead) + 1;
    char *path = docent_alloc(allocator, c->own.parent_size + 1 + ahead_size);

    if (path == NULL) {
        docent_contender_go_later(c, CONTENDER_RANKING, DOCENT_ERR_NO_MEMORY);
        return;
    }
    memcpy(path, c->own.path, c->own.parent_size + 1);
    memcpy(path + c->own.parent_size + 1, ahead, ahead_size);
    docent_contender_enter(c, next);
    docent_op get = docent_op_get(path);
    docent_ask_watch(&c->machine, &get, TAG_AHEAD);
    docent_free(allocator, path);
    docent_contender_report(c);
}

/* Where somebody is ahead. */
static enum contender_state contender_place(const struct rank *rank)
{
    return rank->plain && rank->index == 1 ? CONTENDER_NEXT : CONTENDER_WATCHING;
}

void docent_contender_on_rank_list(struct contender *c, const struct docent_event *ev)
{
    const docent_result *result = ev->result;
    struct rank rank = { .present = false };

    if (ev->status != DOCENT_OK && ev->status != DOCENT_ERR_NO_NODE) {
        docent_contender_ask_again(c, CONTENDER_RANKING, ev->status);
        return;
    }
    docent_machine_calm(&c->machine);
    if (ev->status == DOCENT_OK) {
        rank = docent_dialect_rank(c->config->dialect, result->names, result->name_count, docent_protected_prefix(&c->own));
    }
    bool in_line = rank.plain && c->config->dialect->pair == NULL; /* Readers and writers sort between each other. */
    if (!in_line) docent_line_leave(c, false);
    if (!rank.present) {
        docent_client_log(c->machine.client, DOCENT_LOG_WARNING, "contender.removed", c->own.path,
                          "somebody deleted our node while we waited; queueing again");
        docent_contender_rename(c);
        docent_contender_has_none(c, CONTENDER_CREATING);
    } else if (rank.ahead == NULL) {
        docent_contender_go(c, CONTENDER_FIRST);
    } else if (c->one_look) {
        docent_contender_leave(c, DOCENT_ERR_TIMEOUT);
    } else if (in_line && docent_line_join(c, rank.ahead)) {
        docent_contender_go(c, CONTENDER_FOLLOWING);
    } else {
        contender_wait(c, contender_place(&rank), rank.ahead);
    }
}

void docent_contender_on_ahead(struct contender *c, docent_status status)
{
    if (status == DOCENT_OK) {
        docent_machine_calm(&c->machine);
    } else if (status == DOCENT_ERR_NO_NODE) { /* Gone since the list; no watch was left. */
        docent_contender_go(c, CONTENDER_RANKING);
    } else {
        docent_contender_ask_again(c, CONTENDER_RANKING, status);
    }
}

/* And no list has shown our own node. */
static void contender_follows_on(struct contender *c)
{
    docent_contender_enter(c, CONTENDER_FIRST);
    docent_machine_timer(&c->machine, 1);
    docent_contender_report(c);
}

void docent_contender_on_line(struct contender *c, bool first)
{
    if (c->state != CONTENDER_FOLLOWING) return; /* Given up. */
    if (first) {
        contender_follows_on(c);
    } else {
        docent_contender_go(c, CONTENDER_RANKING);
    }
}

void docent_contender_on_watch(struct contender *c, const struct docent_event *ev)
{
    switch (c->state) {
    case CONTENDER_NEXT:
        if (ev->change == DOCENT_WATCH_DELETED) {
            contender_follows_on(c);
        } else {
            docent_contender_go(c, CONTENDER_RANKING);
        }
        break;
    case CONTENDER_WATCHING: docent_contender_go(c, CONTENDER_RANKING); break;
    case CONTENDER_FIRST: /* Our own node. */
        if (ev->change == DOCENT_WATCH_DELETED) {
            docent_contender_end(c, DOCENT_ERR_NO_NODE);
        } else {
            docent_machine_timer(&c->machine, CONTENDER_OWN_LOOK_MS);
        }
        break;
    case CONTENDER_NEW:
    case CONTENDER_CREATING:
    case CONTENDER_PARENTS:
    case CONTENDER_FINDING:
    case CONTENDER_RANKING:
    case CONTENDER_FOLLOWING:
    case CONTENDER_SUSPECT:
    case CONTENDER_CHECKING:
    case CONTENDER_DELETING:
    case CONTENDER_GONE: break; /* They leave no watch. */
    case CONTENDER_STATES: abort();
    }
}

/* ---- First. ---- */

static bool contender_is_owner(const struct contender *c, const docent_result *result)
{
    return result->stat.ephemeral_owner == docent_client_session(c->machine.client, NULL);
}

void docent_contender_on_own(struct contender *c, const struct docent_event *ev)
{
    bool checking = c->state == CONTENDER_CHECKING;

    if (ev->status == DOCENT_OK && contender_is_owner(c, ev->result)) {
        docent_machine_calm(&c->machine);
        if (checking) docent_contender_go(c, CONTENDER_FIRST);
    } else if (ev->status == DOCENT_OK || ev->status == DOCENT_ERR_NO_NODE) {
        docent_contender_end(c, DOCENT_ERR_NO_NODE);
    } else if (docent_trouble(ev->status) == TROUBLE_LOST) {
        return;
    } else if (checking) {
        docent_contender_go_later(c, CONTENDER_CHECKING, ev->status);
    } else if (docent_trouble(ev->status) != TROUBLE_REFUSED) { /* Refused: the ACL does not let us read our own node. */
        docent_machine_retry(&c->machine);
    }
}
