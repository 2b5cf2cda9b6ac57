/* recipes/leader_blocking.c - the blocking forms of leader_latch.h and leader_selector.h. */
#include "recipes/blocking.h"
#include "recipes/leader_latch_internal.h"
#include "recipes/leader_selector_internal.h"

/* ---- Reads. ---- */

static docent_status latch_participants(struct handle *handle, docent_result_fn done, void *user)
{
    return docent_leader_latch_participants_async(docent_latch_of(handle), done, user);
}

docent_status docent_leader_latch_participants(docent_leader_latch *latch, docent_result **ret_result)
{
    return docent_wait_read(latch == NULL ? NULL : &latch->handle, latch_participants, ret_result);
}

static docent_status latch_leader(struct handle *handle, docent_result_fn done, void *user)
{
    return docent_leader_latch_leader_async(docent_latch_of(handle), done, user);
}

docent_status docent_leader_latch_leader(docent_leader_latch *latch, docent_result **ret_result)
{
    return docent_wait_read(latch == NULL ? NULL : &latch->handle, latch_leader, ret_result);
}

static docent_status selector_participants(struct handle *handle, docent_result_fn done, void *user)
{
    return docent_leader_selector_participants_async(docent_selector_of(handle), done, user);
}

docent_status docent_leader_selector_participants(docent_leader_selector *selector, docent_result **ret_result)
{
    return docent_wait_read(selector == NULL ? NULL : &selector->handle, selector_participants, ret_result);
}

static docent_status selector_leader(struct handle *handle, docent_result_fn done, void *user)
{
    return docent_leader_selector_leader_async(docent_selector_of(handle), done, user);
}

docent_status docent_leader_selector_leader(docent_leader_selector *selector, docent_result **ret_result)
{
    return docent_wait_read(selector == NULL ? NULL : &selector->handle, selector_leader, ret_result);
}

/* ---- Waiting to lead. ---- */

static docent_status latch_await(struct handle *handle, uint32_t timeout_ms, docent_done_fn done, void *user)
{
    return docent_leader_latch_await_async(docent_latch_of(handle), timeout_ms, done, user);
}

docent_status docent_leader_latch_await(docent_leader_latch *latch, uint32_t timeout_ms)
{
    return docent_wait_verb(latch == NULL ? NULL : &latch->handle, latch_await, timeout_ms);
}

/* ---- Terms in the calling thread. ---- */

struct runner { /* On the waiting thread's stack. */
    docent_leader_selector *selector;
    uint32_t timeout_ms;
    docent_leader_term term; /* With a reference of its hold. */
    struct docent_wait *wait;
};

static void runner_done(docent_status outcome, void *user)
{
    struct runner *r = user;

    if (outcome == DOCENT_OK) {
        r->term = r->selector->term;
        if (r->term.hold != NULL) (void)docent_hold_ref(r->term.hold);
    }
    docent_wait_done(r->wait, outcome);
}

static docent_status runner_start(void *argument, struct docent_wait *wait)
{
    struct runner *r = argument;
    docent_leader_selector *s = r->selector;
    docent_status status = docent_handle_check(&s->handle);

    if (status != DOCENT_OK) return status;
    if (s->state != SELECTOR_OUT || s->runner != RUNNER_NOBODY) return DOCENT_ERR_BUSY;
    r->wait = wait;
    status = docent_waiters_add(&s->waiters, r->timeout_ms, runner_done, r);
    if (status != DOCENT_OK) return status;
    s->runner = RUNNER_WAITS;
    docent_selector_queue(s);
    return DOCENT_OK;
}

docent_status docent_leader_selector_run(docent_leader_selector *selector, uint32_t timeout_ms,
                                         void (*fn)(docent_leader_selector *selector, const docent_leader_term *term, void *user),
                                         void *user)
{
    if (selector == NULL || fn == NULL || selector->on_leadership != NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    docent_client *client;
    docent_status status = docent_handle_client(&selector->handle, &client);
    if (status != DOCENT_OK) return status;

    struct runner r = { .selector = selector, .timeout_ms = timeout_ms };
    docent_handle_ref(&selector->handle); /* It may be closed while fn runs. */
    status = docent_await(client, runner_start, &r);
    if (status == DOCENT_OK) {
        fn(selector, &r.term, user);
        status = (docent_status)docent_shared_get(&selector->outcome);
        docent_leader_selector_relinquish(selector, r.term.number);
        docent_hold_unref(r.term.hold);
    }
    docent_handle_unref(&selector->handle);
    return status;
}
