/* recipes/claim_item.c - see claim_queue_internal.h: one item. */
#include <stddef.h>
#include <string.h>

#include "recipes/claim_queue_internal.h"

static struct docent_item *item_of_claim(const struct claim *claim)
{
    return (struct docent_item *)((char *)(uintptr_t)claim - offsetof(struct docent_item, claim));
}

static struct docent_item *item_of_attempt(const struct attempt *attempt)
{
    return (struct docent_item *)((char *)(uintptr_t)attempt - offsetof(struct docent_item, attempt));
}

/* ---- Telling. ---- */

static void item_tell(struct docent_later *later)
{
    docent_item *item = (docent_item *)((char *)later - offsetof(docent_item, telling));
    bool mute = item->handle.muted;
    if (item->ended) {
        docent_done_fn done = item->done;
        item->ended = item->ends = false;
        item->done = NULL;
        if (done != NULL && !mute) done(item->outcome, item->done_user);
    }
    if (item->lost) {
        item->lost = false;
        if (item->on_lost != NULL && !mute) item->on_lost(item, item->lost_why, item->user);
    }
    docent_handle_settle(&item->handle);
}

static void item_soon(docent_item *item)
{
    docent_client_later(item->handle.client, &item->telling);
}

/* ---- The handle. ---- */

static void item_attached(struct handle *handle)
{
    (void)handle;
}

static void item_on_event(struct handle *handle, const struct docent_event *ev)
{
    (void)handle;
    (void)ev; /* The claim hears of all that matters. */
}

static void item_end(struct handle *handle, docent_status why, bool mute)
{
    docent_item *item = (docent_item *)handle;
    (void)mute;
    if (!item->over && why == DOCENT_ERR_CANCELLED) docent_claim_leave(&item->claim, why); /* Else the claim hears of it. */
}

static bool item_is_over(const struct handle *handle)
{
    const docent_item *item = (const docent_item *)handle;
    return item->over && !docent_later_is_queued(&item->telling) && !item->ended && !item->lost;
}

static void item_free(struct handle *handle)
{
    docent_item *item = (docent_item *)handle;
    docent_allocator allocator = item->allocator;
    docent_free(&allocator, item->bytes);
    docent_free(&allocator, item->path);
    docent_free(&allocator, item);
}

static const struct handle_kind item_kind = {
    .attached = item_attached,
    .on_event = item_on_event,
    .end = item_end,
    .is_over = item_is_over,
    .free = item_free,
};

/* ---- The claim. ---- */

/* Held for the first time. */
static void item_give(docent_item *item)
{
    struct pull *pull = item->attempt.pull;
    item->path = docent_strdup(&item->allocator, item->claim.item_path);
    if (item->path == NULL) {
        docent_claim_leave(&item->claim, DOCENT_ERR_NO_MEMORY);
        return;
    }
    item->bytes = item->claim.item;
    item->held_at_ms = docent_client_now(pull->handle.client);
    item->given = item->in_hand = true;
    item->handle.timer_later = true; /* And never: we have no deadlines. */
    docent_status status = docent_handle_open(&item->handle, pull->handle.client, &item_kind); /* On the loop: it cannot fail. */
    docent_tenure_grant(&item->tenure, item->claim.czxid, item->claim.generation, 0);
    docent_tenure_set(&item->tenure, 1, TENURE_HELD);
    if (status != DOCENT_OK || !docent_pull_give(&item->attempt, DOCENT_OK, item)) docent_item_close(item, NULL, NULL);
}

static enum items_verdict item_verdict(docent_status why)
{
    switch ((int)why) {
    case DOCENT_ERR_NO_NODE: return ITEMS_GONE;
    case DOCENT_ERR_CANCELLED:
    case DOCENT_ERR_SESSION_EXPIRED: return ITEMS_AGAIN;
    default: return ITEMS_SKIPPED;
    }
}

/* A call is to hear of it: it is not somebody else's doing. */
static bool item_is_refused(const docent_item *item)
{
    docent_status why = item->claim.verdict;
    return item->attempt.wanted && item_verdict(why) == ITEMS_SKIPPED && why != DOCENT_ERR_NODE_EXISTS && why != DOCENT_ERR_NOT_HELD &&
           !docent_client_closing(item->attempt.pull->handle.client);
}

static void item_over(docent_item *item)
{
    docent_status why = item->claim.verdict;
    bool given = item->given;
    item->over = true;
    if (given) item->claim.item = NULL; /* The handle's. */
    if (item_is_refused(item)) (void)docent_pull_give(&item->attempt, why, NULL);
    docent_pull_over(&item->attempt, item_verdict(why)); /* Needs the claim's name of it. */
    docent_claim_fini(&item->claim);
    if (given) {
        docent_handle_settle(&item->handle);
    } else {
        docent_free(&item->allocator, item);
    }
}

/* Given back, ended, or lost. */
static void item_leaves_hand(docent_item *item)
{
    docent_status why = item->claim.verdict;
    struct pull *pull = item->attempt.pull;
    bool lost = why != DOCENT_ERR_CANCELLED && !item->ends && !docent_client_closing(pull->handle.client);
    if (!item->in_hand) return;
    item->in_hand = false;
    docent_tenure_set(&item->tenure, 1, TENURE_NONE);
    docent_meter_over(&pull->meter, docent_client_now(pull->handle.client) - item->held_at_ms, lost);
    if (!lost) return;
    docent_client_log(pull->handle.client, DOCENT_LOG_WARNING, "claim.lost", item->path, "claimed, and lost: %s", docent_status_text(why));
    item->lost = true;
    item->lost_why = why;
    item_soon(item);
}

static void item_on_phase(struct claim *claim, enum claim_phase phase)
{
    docent_item *item = item_of_claim(claim);
    switch (phase) {
    case CLAIM_TRIES: break;
    case CLAIM_HOLDS:
        if (!item->given) {
            item_give(item);
        } else if (item->handle.ended) { /* Closed while its ending was under way, which was refused. */
            docent_claim_leave(claim, DOCENT_ERR_CANCELLED);
        } else {
            docent_tenure_set(&item->tenure, 1, TENURE_HELD);
        }
        break;
    case CLAIM_DOUBTS:
        if (item->given) docent_tenure_set(&item->tenure, 1, TENURE_SUSPECT);
        break;
    case CLAIM_LEAVES:
        if (item->given) item_leaves_hand(item);
        break;
    case CLAIM_OVER:
        if (item->given) item_leaves_hand(item);
        item_over(item);
        break;
    }
}

static void item_on_ended(struct claim *claim, docent_status status)
{
    docent_item *item = item_of_claim(claim);
    item->ended = true;
    item->outcome = status;
    item_soon(item);
}

/* ---- For the pull. ---- */

struct attempt *docent_item_begin(struct pull *pull, const char *name)
{
    const struct docent_claim_queue *q = (const struct docent_claim_queue *)pull;
    struct claim_config config = {
        .client = pull->handle.client,
        .directory = q->directory,
        .claims = q->claims,
        .name = name,
        .bare_id = q->kazoo,
        .acl = q->target.acl,
        .on_ended = item_on_ended,
        .on_phase = item_on_phase,
    };
    docent_item *item = docent_alloc(&pull->handle.allocator, sizeof *item);
    if (item == NULL) return NULL;
    memset(item, 0, sizeof *item);
    item->allocator = pull->handle.allocator;
    docent_tenure_init(&item->tenure);
    if (docent_claim_init(&item->claim, &config) != DOCENT_OK) {
        docent_free(&item->allocator, item);
        return NULL;
    }
    item->attempt.out.name = item->claim.name;
    item->on_lost = q->on_lost;
    item->user = q->user;
    item->telling.run = item_tell;
    return &item->attempt;
}

void docent_item_start(struct attempt *attempt)
{
    docent_claim_start(&item_of_attempt(attempt)->claim);
}

bool docent_item_cancel(struct attempt *attempt)
{
    docent_claim_leave(&item_of_attempt(attempt)->claim, DOCENT_ERR_CANCELLED);
    return true;
}

/* ---- The application's calls. ---- */

const char *docent_item_path(const docent_item *item)
{
    return item == NULL ? NULL : item->path;
}

const void *docent_item_data(const docent_item *item, size_t *ret_size)
{
    if (ret_size != NULL) *ret_size = item == NULL ? 0 : item->bytes->size;
    return item == NULL ? NULL : item->bytes->data;
}

bool docent_item_is_claimed(const docent_item *item)
{
    if (item == NULL) return false;
    return docent_tenure_look(&item->tenure, item->handle.client, NULL) >= TENURE_HELD;
}

static docent_status item_take_hold(struct handle *handle, void *argument)
{
    docent_item *item = (docent_item *)handle;
    docent_hold **ret_hold = argument;
    *ret_hold = item->over ? NULL : docent_claim_hold(&item->claim);
    return DOCENT_OK;
}

docent_hold *docent_item_hold(docent_item *item)
{
    docent_hold *hold = NULL;
    return item != NULL && docent_handle_run(&item->handle, item_take_hold, &hold) == DOCENT_OK ? hold : NULL;
}

static docent_status item_begin_end(docent_item *item, bool requeue, docent_done_fn done, void *user)
{
    if (item == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    docent_status status = docent_handle_check(&item->handle);
    if (status != DOCENT_OK) return status;
    if (item->ends) return DOCENT_ERR_BUSY;
    if (item->over || !docent_claim_is_held(&item->claim)) return DOCENT_ERR_NOT_HELD;
    item->ends = true;
    item->done = done;
    item->done_user = user;
    docent_tenure_set(&item->tenure, 1, TENURE_NONE); /* From here on the transaction may have ended the claim. */
    (void)docent_claim_end(&item->claim, requeue);
    return DOCENT_OK;
}

docent_status docent_item_acknowledge_async(docent_item *item, docent_done_fn done, void *user)
{
    return item_begin_end(item, false, done, user);
}

docent_status docent_item_requeue_async(docent_item *item, docent_done_fn done, void *user)
{
    return item_begin_end(item, true, done, user);
}

void docent_item_close(docent_item *item, void (*closed)(void *user), void *user)
{
    docent_handle_close(item == NULL ? NULL : &item->handle, closed, user);
}
