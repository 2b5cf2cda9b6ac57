/* recipes/double_barrier_own.c - see double_barrier.h: our node is made, found again, looked after, and removed. */
#include <string.h>

#include "recipes/double_barrier.h"
#include "recipes/trouble.h"

enum { ENTRY_ROUNDS_AT_ONCE = 8, ENTRY_ROUNDS_MAX = 64 }; /* Makings of parents: not paced, and at all. */

/* Curator's members stay until the lowest name has gone, and take it that this one goes last. We go without looking (double_barrier_part.c), so
 * ours must not be lower than any of theirs: it sorts behind whatever UUID they have drawn. */
void docent_entrant_draw_name(struct entrant *e)
{
    static const char behind[] = "ffffffff";
    char uuid[37], *name = docent_protected_prefix(&e->own);
    docent_client_uuid(entry_client(e), uuid);
    if (e->barrier->dialect == DOCENT_DIALECT_CURATOR) memcpy(uuid, behind, sizeof behind - 1);
    size_t size = 0;
    for (const char *at = uuid; *at != '\0'; at++) {
        if (*at != '-' || e->barrier->dialect == DOCENT_DIALECT_CURATOR) name[size++] = *at;
    }
    name[size] = '\0';
    docent_protected_named(&e->own);
}

void docent_entrant_has_none(struct entrant *e)
{
    docent_protected_forget(&e->own);
    if (e->holds) docent_client_hold_ends(entry_client(e));
    e->holds = false;
}

void docent_entrant_begin_anew(struct entrant *e)
{
    docent_client_log(entry_client(e), DOCENT_LOG_WARNING, "double_barrier.removed", e->own.path,
                      "somebody deleted our node while we waited; beginning anew");
    docent_entrant_has_none(e);
    docent_entrant_draw_name(e);
    docent_entrant_go(e, ENTRY_CREATING);
}

/* Our node is there, and known. */
static void entry_owns(struct entrant *e)
{
    e->parents.rounds = 0;
    docent_machine_calm(entry_machine(e));
    if (!e->holds) docent_client_hold_begins(entry_client(e));
    e->holds = true;
    if (e->verdict == DOCENT_ERR_TIMEOUT && docent_promise_is_open(&e->errand.promise)) {
        docent_entrant_go(e, ENTRY_MARKING);
    } else if (e->verdict != DOCENT_OK) {
        docent_entrant_go(e, ENTRY_REMOVING);
    } else if (e->state == ENTRY_FINDING) {
        docent_entrant_go(e, ENTRY_GATHERING);
    } else if (e->unseen) {
        docent_entrant_go_later(e, ENTRY_GATHERING, DOCENT_OK);
    } else if (!e->looks && (!docent_ready_is_known(e->barrier) || e->barrier->ready_there)) { /* Which we did not know when we asked. */
        e->unseen = true;
        docent_entrant_go(e, ENTRY_GATHERING);
    } else {
        docent_entrant_enter(e, ENTRY_GATHERING);
    }
}

static void entry_path_missing(struct entrant *e)
{
    docent_parents_begin(&e->parents, e->own.parent_size);
    if (e->verdict != DOCENT_OK || e->parents.rounds > ENTRY_ROUNDS_MAX) {
        docent_entrant_over(e, e->verdict != DOCENT_OK ? e->verdict : DOCENT_ERR_NO_NODE);
    } else if (e->parents.rounds > ENTRY_ROUNDS_AT_ONCE) {
        docent_entrant_go_later(e, ENTRY_PARENTS, DOCENT_ERR_NO_NODE);
    } else {
        docent_entrant_go(e, ENTRY_PARENTS);
    }
}

static void entry_on_create(struct entrant *e, const struct docent_event *ev)
{
    switch (docent_protected_on_create(&e->own, ev)) {
    case PROTECTED_MADE: entry_owns(e); break;
    case PROTECTED_NO_PARENT: entry_path_missing(e); break;
    case PROTECTED_UNSENT: /* EV_RESUMED creates again. */
        if (e->verdict != DOCENT_OK) docent_entrant_over(e, e->verdict);
        break;
    case PROTECTED_LOST: docent_entrant_enter(e, ENTRY_FINDING); break; /* EV_RESUMED looks. */
    case PROTECTED_UNSURE: docent_entrant_go_later(e, ENTRY_FINDING, ev->status); break;
    case PROTECTED_BUSY:
        if (e->verdict != DOCENT_OK) {
            docent_entrant_over(e, e->verdict);
        } else {
            docent_entrant_go_later(e, ENTRY_CREATING, ev->status);
        }
        break;
    case PROTECTED_REFUSED: docent_entrant_over(e, ev->status); break;
    }
}

void docent_entrant_on_creating(struct entrant *e, const struct docent_event *ev)
{
    if (ev->tag == TAG_CREATE) {
        entry_on_create(e, ev);
    } else {
        e->unseen = true; /* Answered before the create, so it was never sent. */
    }
}

void docent_entrant_on_parent(struct entrant *e, docent_status status)
{
    switch (docent_parents_on_reply(&e->parents, e->own.path, &e->barrier->parent_mode, status)) {
    case PARENTS_READY:
        docent_machine_calm(entry_machine(e));
        docent_entrant_go(e, ENTRY_CREATING);
        break;
    case PARENTS_MORE:
        if (e->parents.rounds > ENTRY_ROUNDS_MAX + e->own.parent_size) {
            docent_entrant_over(e, DOCENT_ERR_NO_NODE);
        } else {
            docent_entrant_go(e, ENTRY_PARENTS);
        }
        break;
    case PARENTS_ROOTLESS: docent_entrant_over(e, DOCENT_ERR_NO_NODE); break;
    case PARENTS_FAILED: docent_entrant_ask_again(e, ENTRY_PARENTS, status); break;
    }
}

void docent_entrant_on_find(struct entrant *e, const struct docent_event *ev)
{
    switch (docent_protected_on_find(&e->own, entry_machine(e), ev)) {
    case PROTECTED_SEARCHING: break;
    case PROTECTED_FOUND: entry_owns(e); break;
    case PROTECTED_FOREIGN: docent_entrant_draw_name(e); /* Not ours to adopt or to remove. */ /* fall through */
    case PROTECTED_NOT_THERE:
        docent_entrant_has_none(e);
        if (e->verdict != DOCENT_OK) {
            docent_entrant_over(e, e->verdict);
        } else {
            docent_entrant_go(e, ENTRY_CREATING);
        }
        break;
    case PROTECTED_FAILED:
        if (docent_trouble(ev->status) == TROUBLE_LOST) break;
        if (docent_trouble(ev->status) == TROUBLE_REFUSED) docent_entrant_give_up(e, ev->status); /* The search goes on. */
        docent_entrant_go_later(e, ENTRY_FINDING, ev->status);
        break;
    }
}

void docent_entrant_on_own(struct entrant *e, const struct docent_event *ev)
{
    bool checking = e->state == ENTRY_CHECKING;
    if (ev->status == DOCENT_OK && ev->result->stat.ephemeral_owner == docent_client_session(entry_client(e), NULL)) {
        docent_machine_calm(entry_machine(e));
        if (!checking) return;
        docent_entrant_go(e, ENTRY_INSIDE);
        docent_tenure_set(&e->barrier->tenure, e->number, TENURE_HELD);
    } else if (ev->status == DOCENT_OK || ev->status == DOCENT_ERR_NO_NODE) {
        docent_entrant_lose(e, DOCENT_ERR_NO_NODE);
    } else if (docent_trouble(ev->status) == TROUBLE_LOST) {
        return;
    } else if (checking) {
        docent_entrant_go_later(e, ENTRY_CHECKING, ev->status);
    } else if (docent_trouble(ev->status) != TROUBLE_REFUSED) { /* Refused: the ACL does not let us read our own node. */
        docent_machine_retry(entry_machine(e));
    }
}

void docent_entrant_on_removal(struct entrant *e, const struct docent_event *ev)
{
    switch (docent_removal_on_reply(&e->removal, entry_machine(e), ev)) {
    case REMOVAL_GONE:
        docent_entrant_has_none(e);
        docent_promise_keep(&e->leave, DOCENT_OK);
        if (e->round != 0 && e->verdict != DOCENT_OK) { /* We did not wait for the others, and may have been the last. */
            docent_client_removal_ends(entry_client(e));
            docent_entrant_go(e, ENTRY_LEAVING);
        } else {
            docent_entrant_over(e, e->verdict);
        }
        break;
    case REMOVAL_FAILED:
        if (docent_trouble(ev->status) == TROUBLE_LOST) break;
        docent_client_log(entry_client(e), DOCENT_LOG_WARNING, "double_barrier.delete", e->own.path, "not removed yet: %s",
                          docent_status_text(ev->status));
        docent_entrant_go_later(e, ENTRY_REMOVING, ev->status);
        break;
    case REMOVAL_GOING_ON:
    case REMOVAL_SEEN:
    case REMOVAL_VERSION: break; /* Our name is unique, so that there is no look. */
    }
}

void docent_entrant_ask_create(struct entrant *e)
{
    docent_op create = docent_op_create(e->own.path, e->barrier->label, e->barrier->label_size, DOCENT_EPHEMERAL);
    create.acl = e->barrier->acl;
    docent_protected_ask_create(&e->own, entry_machine(e), &create, TAG_CREATE);
    docent_entrant_ask_look(e);
    e->shy = !e->one_look;
}

void docent_entrant_ask_own(struct entrant *e)
{
    docent_op exists = docent_op_exists(e->own.path);
    docent_ask(entry_machine(e), &exists, TAG_OWN);
}
