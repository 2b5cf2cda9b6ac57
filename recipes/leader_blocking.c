/* recipes/leader_blocking.c - the blocking forms of leader_latch.h and leader_selector.h. */
#include "recipes/blocking.h"
#include "recipes/leader_latch_internal.h"
#include "recipes/leader_selector_internal.h"

/* ---- Reads. ---- */

struct leader_read { /* On the waiting thread's stack. */
    docent_leader_latch *latch;
    docent_leader_selector *selector;
    docent_status (*ask_latch)(docent_leader_latch *latch, docent_result_fn done, void *user);
    docent_status (*ask_selector)(docent_leader_selector *selector, docent_result_fn done, void *user);
    docent_result **ret_result;
    struct docent_wait *wait;
};

static void leader_read_done(const docent_result *result, void *user)
{
    struct leader_read *r = user;

    docent_wait_result(r->wait, result, r->ret_result, NULL);
}

static docent_status leader_read_start(void *argument, struct docent_wait *wait)
{
    struct leader_read *r = argument;

    r->wait = wait;
    return r->latch != NULL ? r->ask_latch(r->latch, leader_read_done, r) : r->ask_selector(r->selector, leader_read_done, r);
}

static docent_status leader_read(struct handle *handle, struct leader_read *r)
{
    docent_client *client;
    docent_status status = docent_handle_client(handle, &client);

    return status != DOCENT_OK ? status : docent_await(client, leader_read_start, r);
}

docent_status docent_leader_latch_participants(docent_leader_latch *latch, docent_result **ret_result)
{
    if (latch == NULL || ret_result == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    struct leader_read r = { .latch = latch, .ask_latch = docent_leader_latch_participants_async, .ret_result = ret_result };
    return leader_read(&latch->handle, &r);
}

docent_status docent_leader_latch_leader(docent_leader_latch *latch, docent_result **ret_result)
{
    if (latch == NULL || ret_result == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    struct leader_read r = { .latch = latch, .ask_latch = docent_leader_latch_leader_async, .ret_result = ret_result };
    return leader_read(&latch->handle, &r);
}

docent_status docent_leader_selector_participants(docent_leader_selector *selector, docent_result **ret_result)
{
    if (selector == NULL || ret_result == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    struct leader_read r = { .selector = selector, .ask_selector = docent_leader_selector_participants_async, .ret_result = ret_result };
    return leader_read(&selector->handle, &r);
}

docent_status docent_leader_selector_leader(docent_leader_selector *selector, docent_result **ret_result)
{
    if (selector == NULL || ret_result == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    struct leader_read r = { .selector = selector, .ask_selector = docent_leader_selector_leader_async, .ret_result = ret_result };
    return leader_read(&selector->handle, &r);
}

/* ---- Waiting to lead. ---- */

struct latch_wait { /* On the waiting thread's stack. */
    docent_leader_latch *latch;
    uint32_t timeout_ms;
    struct docent_wait *wait;
};

static void latch_wait_done(docent_status outcome, void *user)
{
    docent_wait_done(((struct latch_wait *)user)->wait, outcome);
}

static docent_status latch_wait_start(void *argument, struct docent_wait *wait)
{
    struct latch_wait *w = argument;

    w->wait = wait;
    return docent_leader_latch_await_async(w->latch, w->timeout_ms, latch_wait_done, w);
}

docent_status docent_leader_latch_await(docent_leader_latch *latch, uint32_t timeout_ms)
{
    if (latch == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    docent_client *client;
    docent_status status = docent_handle_client(&latch->handle, &client);
    struct latch_wait w = { .latch = latch, .timeout_ms = timeout_ms };
    return status != DOCENT_OK ? status : docent_await(client, latch_wait_start, &w);
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
