/* recipes/claim_node.c - see claim_internal.h: what is asked, and what the answers come to. */
#include <string.h>

#include "recipes/claim_internal.h"
#include "recipes/trouble.h"

enum {
    CLAIM_ROUNDS_AT_ONCE = 8, /* Makings of parents that are not paced. */
    CLAIM_ROUNDS_MAX = 64,    /* Then it is an error: something deletes them as fast as we make them. */
};

/* ---- Creating. ---- */

void docent_claim_ask_create(struct claim *c)
{
    docent_op create = docent_op_create(c->path, c->id, strlen(c->id), DOCENT_EPHEMERAL);
    docent_op get = docent_op_get(c->item_path);

    create.acl = c->config.acl;
    c->item_refused = false;
    docent_ask(&c->machine, &create, TAG_CREATE);
    docent_ask(&c->machine, &get, TAG_ITEM);
}

static void claim_own(struct claim *c, int64_t czxid, uint64_t generation)
{
    c->owned = true;
    c->czxid = c->removal.czxid = czxid;
    c->generation = generation;
    /* Nobody sets a claim: so the first delete needs no look, and names the version that a claim has. */
    c->removal.looked = true;
    c->removal.seen = (docent_stat){ .czxid = czxid };
    c->parents.rounds = 0;
    docent_machine_calm(&c->machine);
}

static void claim_no_folder(struct claim *c)
{
    docent_parents_begin(&c->parents, (size_t)(strrchr(c->path, '/') - c->path));
    if (c->parents.whole == 0 || c->parents.rounds > CLAIM_ROUNDS_MAX) {
        docent_claim_over(c, DOCENT_ERR_NO_NODE);
    } else if (c->parents.rounds > CLAIM_ROUNDS_AT_ONCE) {
        docent_claim_go_later(c, CLAIM_PARENTS);
    } else {
        docent_claim_go(c, CLAIM_PARENTS);
    }
}

/* Not made: by what is to be done about it. */
static void claim_not_made(struct claim *c, const struct docent_event *ev)
{
    switch (docent_trouble(ev->status)) {
    case TROUBLE_LOST:
        if (ev->sent) docent_claim_go(c, CLAIM_FINDING); /* Else EV_RESUMED creates. */
        break;
    case TROUBLE_BUSY: /* No memory for the answer, which may have been that it was made? */
        docent_claim_go_later(c, ev->status == DOCENT_ERR_NO_MEMORY && ev->sent ? CLAIM_FINDING : CLAIM_CREATING);
        break;
    case TROUBLE_REFUSED: docent_claim_over(c, ev->status); break;
    case TROUBLE_UNSURE: docent_claim_go_later(c, CLAIM_FINDING); break;
    }
}

void docent_claim_on_create(struct claim *c, const struct docent_event *ev)
{
    switch ((int)ev->status) {
    case DOCENT_OK:
        claim_own(c, ev->result->has_stat ? ev->result->stat.czxid : ev->result->zxid, ev->generation); /* The item is on its way. */
        if (c->item_refused) docent_claim_go_later(c, CLAIM_READING);
        break;
    case DOCENT_ERR_NODE_EXISTS: docent_claim_over(c, DOCENT_ERR_NODE_EXISTS); break;
    case DOCENT_ERR_NO_NODE: claim_no_folder(c); break;
    default: claim_not_made(c, ev); break;
    }
}

void docent_claim_on_item(struct claim *c, const struct docent_event *ev)
{
    const docent_allocator *allocator = docent_client_allocator(c->config.client);

    switch ((int)ev->status) {
    case DOCENT_OK:
        docent_free(allocator, c->item);
        c->item = docent_result_keep(allocator, ev->result);
        if (c->item == NULL) {
            docent_claim_go_later(c, CLAIM_READING);
        } else {
            docent_claim_go(c, CLAIM_HELD);
        }
        return;
    case DOCENT_ERR_NO_NODE: docent_claim_leave(c, DOCENT_ERR_NO_NODE); return;
    default: break;
    }
    switch (docent_trouble(ev->status)) {
    case TROUBLE_LOST: break; /* EV_RESUMED reads. */
    case TROUBLE_BUSY:
    case TROUBLE_UNSURE: docent_claim_go_later(c, CLAIM_READING); break;
    case TROUBLE_REFUSED: docent_claim_leave(c, ev->status); break;
    }
}

void docent_claim_on_parent(struct claim *c, docent_status status)
{
    switch (docent_parents_on_reply(&c->parents, c->path, &c->parent_mode, status)) {
    case PARENTS_READY: docent_claim_go(c, CLAIM_CREATING); break;
    case PARENTS_MORE: docent_claim_go(c, CLAIM_PARENTS); break;
    case PARENTS_ROOTLESS: docent_claim_over(c, DOCENT_ERR_NO_NODE); break;
    case PARENTS_FAILED:
        switch (docent_trouble(status)) {
        case TROUBLE_LOST: break; /* EV_RESUMED goes on. */
        case TROUBLE_BUSY:
        case TROUBLE_UNSURE: docent_claim_go_later(c, CLAIM_PARENTS); break;
        case TROUBLE_REFUSED: docent_claim_over(c, status); break;
        }
        break;
    }
}

/* ---- Finding. ---- */

void docent_claim_ask_look(struct claim *c)
{
    docent_op sync = docent_op_sync(c->path);
    docent_op get = docent_op_get(c->path);

    docent_ask(&c->machine, &sync, TAG_SYNC);
    docent_ask(&c->machine, &get, TAG_CLAIM);
}

/* An answer is none of those that we wait for: ask all again. True if so. */
static bool claim_look_failed(struct claim *c, docent_status status)
{
    if (status == DOCENT_OK || status == DOCENT_ERR_NO_NODE) return false;
    switch (docent_trouble(status)) {
    case TROUBLE_LOST: return true; /* EV_RESUMED asks. */
    case TROUBLE_REFUSED:
        docent_client_log(c->config.client, DOCENT_LOG_WARNING, "claim.search", c->path, "cannot look for a claim that may be ours: %s",
                          docent_status_text(status));
        if (c->verdict == DOCENT_OK && c->state == CLAIM_FINDING) c->verdict = status;
        break;
    case TROUBLE_BUSY:
    case TROUBLE_UNSURE: break;
    }
    docent_claim_go_later(c, c->state);
    return true;
}

void docent_claim_on_look(struct claim *c, const struct docent_event *ev)
{
    const docent_result *node = ev->result;

    if (claim_look_failed(c, ev->status) || ev->tag == TAG_SYNC) return;
    if (ev->status == DOCENT_ERR_NO_NODE) {
        if (c->verdict != DOCENT_OK) {
            docent_claim_over(c, c->verdict);
        } else {
            docent_claim_go(c, CLAIM_CREATING);
        }
        return;
    }
    bool ours = node->size == strlen(c->id) && memcmp(node->data, c->id, node->size) == 0 &&
                node->stat.ephemeral_owner == docent_client_session(c->config.client, NULL);
    if (!ours) {
        docent_claim_over(c, DOCENT_ERR_NODE_EXISTS);
        return;
    }
    claim_own(c, node->stat.czxid, ev->generation);
    docent_claim_go(c, c->verdict != DOCENT_OK ? CLAIM_REMOVING : CLAIM_READING);
}

void docent_claim_on_check(struct claim *c, const struct docent_event *ev)
{
    if (ev->status == DOCENT_OK && ev->result->stat.czxid == c->czxid) {
        docent_claim_go(c, CLAIM_HELD);
    } else if (ev->status == DOCENT_OK || ev->status == DOCENT_ERR_NO_NODE) {
        docent_claim_over(c, DOCENT_ERR_NOT_HELD);
    } else if (docent_trouble(ev->status) != TROUBLE_LOST) {
        docent_claim_go_later(c, CLAIM_CHECKING);
    }
}

/* ---- Ending. ---- */

enum { SEQUENCE_DIGITS = 10 };
enum { OP_CHECK, OP_ITEM, OP_CLAIM, OP_AGAIN, OPS };

/* The item's path without the number that the server appended. Owned by the caller; NULL: no memory. */
static char *claim_item_prefix(const struct claim *c)
{
    char *prefix = docent_strdup(docent_client_allocator(c->config.client), c->item_path);
    size_t size = strlen(c->item_path), digits = 0;
    if (prefix == NULL) return NULL;
    while (digits < SEQUENCE_DIGITS && prefix[size - 1] >= '0' && prefix[size - 1] <= '9') {
        size--;
        digits++;
    }
    prefix[size] = '\0';
    return prefix;
}

void docent_claim_ask_txn(struct claim *c)
{
    docent_op ops[OPS];
    char *prefix = NULL;

    ops[OP_CHECK] = docent_op_check(c->path, DOCENT_ANY_VERSION); /* A claim of this very session: another's would be gone with it. */
    ops[OP_ITEM] = docent_op_delete(c->item_path, DOCENT_ANY_VERSION);
    ops[OP_CLAIM] = docent_op_delete(c->path, DOCENT_ANY_VERSION);
    if (c->requeues) {
        prefix = c->moved == NULL ? claim_item_prefix(c) : NULL;
        if (prefix == NULL && c->moved == NULL) {
            docent_claim_go_later(c, CLAIM_ENDING);
            return;
        }
        ops[OP_AGAIN] = docent_op_create(prefix == NULL ? c->moved : prefix, c->item->size == 0 ? "" : c->item->data, c->item->size,
                                         DOCENT_PERSISTENT_SEQUENTIAL);
        ops[OP_AGAIN].acl = c->config.acl;
    }
    docent_op txn = docent_op_multi(ops, c->requeues ? OPS : OP_AGAIN);
    docent_ask(&c->machine, &txn, TAG_TXN);
    docent_free(docent_client_allocator(c->config.client), prefix);
}

/* The item is not there any more, or not ours to end. */
static void claim_end_failed(struct claim *c, docent_status status)
{
    docent_claim_ended(c, status);
    docent_claim_over(c, status);
}

static void claim_end_done(struct claim *c)
{
    docent_claim_ended(c, DOCENT_OK);
    docent_claim_over(c, DOCENT_ERR_NO_NODE);
}

/* Exactly one of the parts has the cause. */
static void claim_end_no_node(struct claim *c, const docent_result *result)
{
    bool item = result->result_count > OP_ITEM && result->results[OP_ITEM].status == DOCENT_ERR_NO_NODE;
    bool nowhere = result->result_count > OP_AGAIN && result->results[OP_AGAIN].status == DOCENT_ERR_NO_NODE;
    if (nowhere) {
        docent_claim_go(c, CLAIM_CHECKING);
        docent_claim_ended(c, DOCENT_ERR_NO_NODE);
        return;
    }
    if (!item) {
        claim_end_failed(c, DOCENT_ERR_NOT_HELD);
        return;
    }
    docent_claim_ended(c, DOCENT_ERR_NO_NODE);
    c->verdict = DOCENT_ERR_NO_NODE;
    docent_claim_go(c, CLAIM_REMOVING);
}

static void claim_end_refused(struct claim *c, docent_status status)
{
    docent_claim_go(c, CLAIM_CHECKING);
    docent_claim_ended(c, status);
}

void docent_claim_on_txn(struct claim *c, const struct docent_event *ev)
{
    if (ev->status == DOCENT_OK) {
        claim_end_done(c);
        return;
    }
    if (ev->status == DOCENT_ERR_NO_NODE) {
        claim_end_no_node(c, ev->result);
        return;
    }
    if (ev->status == DOCENT_ERR_NODE_EXISTS) { /* Only the last number is ever given twice. */
        claim_end_refused(c, DOCENT_ERR_SEQUENCE_EXHAUSTED);
        return;
    }
    switch (docent_trouble(ev->status)) {
    case TROUBLE_LOST:
        c->ending_sent |= ev->sent;
        if (ev->sent) docent_claim_go(c, CLAIM_ASKING); /* Else EV_RESUMED sends it. */
        break;
    case TROUBLE_BUSY:
        c->ending_sent |= ev->status == DOCENT_ERR_NO_MEMORY && ev->sent;
        docent_claim_go_later(c, c->ending_sent ? CLAIM_ASKING : CLAIM_ENDING);
        break;
    case TROUBLE_REFUSED: claim_end_refused(c, ev->status); break;
    case TROUBLE_UNSURE:
        c->ending_sent = true;
        docent_claim_go_later(c, CLAIM_ASKING);
        break;
    }
}

void docent_claim_ask_outcome(struct claim *c)
{
    docent_op sync = docent_op_sync(c->path);
    docent_op claim = docent_op_exists(c->path), item = docent_op_exists(c->item_path);

    docent_ask(&c->machine, &sync, TAG_SYNC);
    docent_ask(&c->machine, &claim, TAG_CLAIM);
    docent_ask(&c->machine, &item, TAG_THERE);
}

void docent_claim_on_outcome(struct claim *c, const struct docent_event *ev)
{
    if (claim_look_failed(c, ev->status)) return;
    if (ev->tag == TAG_CLAIM && ev->status == DOCENT_OK && ev->result->stat.czxid == c->czxid) { /* Not applied. */
        c->ending_sent = false;
        docent_claim_go(c, CLAIM_ENDING);
    } else if (ev->tag == TAG_THERE) { /* And our claim is gone. */
        if (ev->status == DOCENT_OK && ev->result->stat.czxid == c->item->stat.czxid) {
            claim_end_failed(c, DOCENT_ERR_NOT_HELD);
        } else {
            claim_end_done(c);
        }
    }
}

/* ---- Removing. ---- */

void docent_claim_on_removal(struct claim *c, const struct docent_event *ev)
{
    switch (docent_removal_on_reply(&c->removal, &c->machine, ev)) {
    case REMOVAL_GONE: docent_claim_over(c, c->verdict); break;
    case REMOVAL_SEEN: docent_removal_ask(&c->removal, &c->machine); break;
    case REMOVAL_FAILED:
        if (docent_trouble(ev->status) == TROUBLE_LOST) break;
        docent_client_log(c->config.client, DOCENT_LOG_WARNING, "claim.delete", c->path, "not removed yet: %s",
                          docent_status_text(ev->status));
        docent_claim_go_later(c, CLAIM_REMOVING);
        break;
    case REMOVAL_GOING_ON:
    case REMOVAL_VERSION: break; /* Any version is ours. */
    }
}
