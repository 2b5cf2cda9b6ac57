/* recipes/contender_node.c - see contender_internal.h: our node is made, found after a lost reply, and removed. */
#include <string.h>

#include "recipes/contender_internal.h"
#include "recipes/line.h"
#include "recipes/trouble.h"

enum {
    CONTENDER_ROUNDS_AT_ONCE = 8, /* Makings of parents that are not paced. */
    CONTENDER_ROUNDS_MAX = 64,    /* Then it is an error: something deletes the path as fast as we make it. */
};

void docent_contender_draw_name(struct contender *c, char name[CONTENDER_NAME_SIZE])
{
    char uuid[37];

    docent_client_uuid(c->own.client, uuid);
    docent_dialect_prefix(c->config->dialect, uuid, name);
    if (c->beside != NULL) {
        const char *beside = docent_hold_path(c->beside);
        strcat(name, beside + strlen(beside) - DIALECT_DIGITS);
    }
}

void docent_contender_take_name(struct contender *c, const char *name)
{
    strcpy(docent_protected_prefix(&c->own), name);
    docent_protected_named(&c->own);
}

/* The old one is gone, or is not ours. All have the same length. */
void docent_contender_rename(struct contender *c)
{
    char name[CONTENDER_NAME_SIZE];

    docent_contender_draw_name(c, name);
    docent_contender_take_name(c, name);
}

/* ---- Creating. ---- */

/* Our node is there and has a name. True: it is wanted and good. */
static bool contender_owns(struct contender *c)
{
    c->parents.rounds = 0;
    docent_machine_calm(&c->machine);
    if (c->verdict != DOCENT_OK) {
        docent_contender_go(c, CONTENDER_DELETING);
        return false;
    }
    if (docent_dialect_read(c->config->dialect, docent_protected_prefix(&c->own)) != DIALECT_CONTENDER) {
        docent_contender_leave(c, DOCENT_ERR_SEQUENCE_EXHAUSTED);
        return false;
    }
    if (c->config->kind->on_node != NULL) c->config->kind->on_node(c);
    return true;
}

static void contender_path_missing(struct contender *c)
{
    if (c->beside != NULL) { /* Not the path: the node that is to be there. */
        docent_contender_end(c, DOCENT_ERR_NOT_HELD);
        return;
    }
    docent_parents_begin(&c->parents, c->own.parent_size);
    if (c->verdict != DOCENT_OK || c->parents.rounds > CONTENDER_ROUNDS_MAX) {
        docent_contender_end(c, DOCENT_ERR_NO_NODE);
    } else if (c->parents.rounds > CONTENDER_ROUNDS_AT_ONCE) {
        docent_contender_go_later(c, CONTENDER_PARENTS, DOCENT_ERR_NO_NODE);
    } else {
        docent_contender_go(c, CONTENDER_PARENTS);
    }
}

void docent_contender_on_create(struct contender *c, const struct docent_event *ev)
{
    switch (docent_protected_on_create(&c->own, ev)) {
    case PROTECTED_MADE: /* The list is on its way, so the state stays; unless none was sent. */
        if (!contender_owns(c)) break;
        if (c->beside != NULL) {
            docent_contender_go(c, CONTENDER_FIRST);
        } else if (c->unlisted) {
            docent_contender_go(c, docent_line_follow(c) ? CONTENDER_FOLLOWING : CONTENDER_RANKING);
        } else if (c->list_refused) {
            docent_contender_go_later(c, CONTENDER_RANKING, DOCENT_ERR_NO_MEMORY);
        }
        break;
    case PROTECTED_NO_PARENT: contender_path_missing(c); break;
    case PROTECTED_UNSENT: /* EV_RESUMED creates again. */
        if (c->verdict != DOCENT_OK) docent_contender_has_none(c, CONTENDER_GONE);
        break;
    case PROTECTED_LOST: docent_contender_go(c, CONTENDER_FINDING); break;
    case PROTECTED_UNSURE: docent_contender_go_later(c, CONTENDER_FINDING, ev->status); break;
    case PROTECTED_BUSY:
        if (c->verdict != DOCENT_OK) {
            docent_contender_end(c, c->verdict);
        } else {
            docent_contender_go_later(c, CONTENDER_CREATING, ev->status);
        }
        break;
    case PROTECTED_REFUSED: docent_contender_end(c, ev->status); break;
    }
}

void docent_contender_on_parent(struct contender *c, docent_status status)
{
    switch (docent_parents_on_reply(&c->parents, c->own.path, c->config->parent_mode, status)) {
    case PARENTS_READY:
        docent_machine_calm(&c->machine);
        docent_contender_go(c, CONTENDER_CREATING);
        break;
    case PARENTS_MORE:
        if (status == DOCENT_OK || status == DOCENT_ERR_NODE_EXISTS) docent_machine_calm(&c->machine);
        if (c->parents.rounds > CONTENDER_ROUNDS_MAX + c->own.parent_size) { /* A race that we always lose. */
            docent_contender_end(c, DOCENT_ERR_NO_NODE);
        } else {
            docent_contender_go(c, CONTENDER_PARENTS);
        }
        break;
    case PARENTS_ROOTLESS: docent_contender_end(c, DOCENT_ERR_NO_NODE); break;
    case PARENTS_FAILED: docent_contender_ask_again(c, CONTENDER_PARENTS, status); break;
    }
}

/* ---- Finding. ---- */

/* While we are unsure of a node, giving up answers the owner, and the search goes on. */
static void contender_find_failed(struct contender *c, docent_status status)
{
    switch (docent_trouble(status)) {
    case TROUBLE_LOST: return;
    case TROUBLE_REFUSED:
        docent_client_log(c->machine.client, DOCENT_LOG_WARNING, "contender.search", c->own.path,
                          "cannot look for a node that may be ours: %s", docent_status_text(status));
        if (c->verdict == DOCENT_OK) c->verdict = status;
        break;
    case TROUBLE_BUSY:
    case TROUBLE_UNSURE: break;
    }
    docent_contender_go_later(c, CONTENDER_FINDING, status);
}

void docent_contender_on_find(struct contender *c, const struct docent_event *ev)
{
    switch (docent_protected_on_find(&c->own, &c->machine, ev)) {
    case PROTECTED_SEARCHING: break;
    case PROTECTED_FOUND:
        if (contender_owns(c)) docent_contender_go(c, c->beside != NULL ? CONTENDER_FIRST : CONTENDER_RANKING);
        break;
    case PROTECTED_NOT_THERE: docent_contender_has_none(c, CONTENDER_CREATING); break;
    case PROTECTED_FOREIGN: /* Not ours to adopt or to remove. Get out of its way. */
        docent_contender_rename(c);
        docent_contender_has_none(c, CONTENDER_CREATING);
        break;
    case PROTECTED_FAILED: contender_find_failed(c, ev->status); break;
    }
}

/* ---- Deleting. ---- */

/* Our name is unique, so nothing else can have been there: "no such node" is what we want to hear. */
void docent_contender_on_delete(struct contender *c, docent_status status)
{
    if (status == DOCENT_OK || status == DOCENT_ERR_NO_NODE) {
        docent_line_leave(c, status == DOCENT_OK);
        c->own.known = PROTECTED_NONE;
        docent_contender_go(c, CONTENDER_GONE);
    } else if (docent_trouble(status) != TROUBLE_LOST) {
        docent_client_log(c->machine.client, DOCENT_LOG_WARNING, "contender.delete", c->own.path, "not removed yet: %s",
                          docent_status_text(status));
        docent_contender_go_later(c, CONTENDER_DELETING, status);
    }
}
