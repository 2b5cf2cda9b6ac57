/* core/client/request.c - a request's memory, its deadline, and the one outcome that it is told. */
#include <assert.h>
#include <string.h>

#include "core/client/plain.h"
#include "core/client/request.h"

/* ---- Memory. ---- */

/* With a copy of @frame. */
struct docent_request *docent_request_copy(docent_client *view, const uint8_t *frame, size_t size, int32_t op)
{
    struct docent_request *r = docent_request_new(view, size, op);
    if (r != NULL) memcpy(r->frame, frame, size);
    return r;
}

void docent_requests_free_spare(struct docent_core *c)
{
    while (c->spare != NULL) {
        struct docent_request *next = c->spare->next;
        docent_free(&c->allocator, c->spare);
        c->spare = next;
    }
    c->spare_count = 0;
}

void docent_request_free(struct docent_request *r)
{
    struct docent_core *c = r->core;
    if (r->watch != NULL) docent_watch_abandon(r->watch, DOCENT_ERR_CANCELLED);
    if (r->machine != NULL) docent_request_forget_machine(r);
    docent_request_unlist(r);
    if (r->kind == REQUEST_CALL) {
        docent_timer_stop_if_set(c, &r->deadline);
        docent_timer_stop_if_set(c, &r->rest);
        docent_timers_release(c, REQUEST_TIMERS);
    }
    if (r->retry != &c->retry) docent_free(&c->allocator, (void *)(uintptr_t)r->retry);
    if (r->hold != NULL) docent_hold_unref((docent_hold *)(uintptr_t)r->hold);
    docent_view_drop(r->view);
    docent_request_put_by(c, r);
}

/* Ours no more: but the session may still wait for its reply. */
static void request_release(struct docent_request *r)
{
    if (r->place == PLACE_FLYING) {
        r->freed = true;
    } else {
        docent_request_free(r);
    }
}

/* ---- The outcome. ---- */

static struct docent_request *request_of_later(struct docent_later *later)
{
    return (struct docent_request *)((char *)later - offsetof(struct docent_request, later));
}

static void request_tell(struct docent_later *later)
{
    struct docent_request *r = request_of_later(later);
    struct result_arena arena = docent_request_arena(r);
    docent_result result;
    docent_reply_decode(r->view, r->type, r->guard_count, r->status, r->zxid, r->body, r->body_size, &arena, &result);
    result.attempts = r->attempts;
    result.elapsed_ms = r->core->now - r->accepted_ms;
    result.last_cause = r->cause;
    if (r->core->stats != NULL) docent_stats_ended(r->core->stats, r->type, result.status);
    if (r->done != NULL) r->done(&result, r->user);
    docent_arena_free(&arena);
    request_release(r);
}

/* The same for a call that was simply answered, with little. */
static inline void tell_plain(struct docent_later *later, bool counted)
{
    struct docent_request *r = request_of_later(later);
    struct docent_core *c = r->core;
    docent_result *result = &c->plain_result; /* Callbacks come one after the other. */
    result->zxid = r->zxid;
    result->attempts = r->attempts;
    result->elapsed_ms = c->now - r->accepted_ms;
    result->last_cause = r->cause;
    result->data = NULL;
    result->size = 0;
    if (!docent_plain_decode(r->type, r->body, r->body_size, result)) {
        r->place = PLACE_NONE;
        r->status = DOCENT_OK;
        request_tell(later);
        return;
    }
    if (counted) docent_stats_plain(c->stats, r->type, r->sent_us, &c->now_us);
    if (r->done != NULL) r->done(result, r->user);
    docent_timers_release(c, REQUEST_TIMERS);
    docent_view_drop(r->view);
    docent_request_put_by(c, r);
}

static void request_tell_plain(struct docent_later *later)
{
    tell_plain(later, false);
}

static void request_tell_and_count(struct docent_later *later)
{
    tell_plain(later, true);
}

void docent_requests_init(struct docent_core *c)
{
    c->tell_plain = c->stats == NULL ? request_tell_plain : request_tell_and_count;
}

/* The one outcome. A call's goes through the queue of callbacks. */
void docent_request_finish(struct docent_request *r, docent_status status)
{
    assert(!r->told);
    r->told = true;
    r->status = status;
    struct docent_core *c = r->core;
    for (int i = 0; i < 2; i++) { /* The finding out goes on unheard. */
        if (r->inner[i] != NULL) r->inner[i]->user = NULL;
        r->inner[i] = NULL;
    }
    if (r->watch != NULL && r->place == PLACE_FLYING) { /* The reply, if one comes, will tell whether the server has it. */
        docent_watch_end(r->watch, DOCENT_WATCH_ENDED, status, -1);
    } else if (r->watch != NULL) { /* Never left. */
        docent_watch_abandon(r->watch, status);
        r->watch = NULL;
    }
    docent_request_unlist(r);
    if (r->kind == REQUEST_CALL) {
        docent_timer_stop_if_set(c, &r->deadline);
        docent_timer_stop_if_set(c, &r->rest);
    }
    if (r->place == PLACE_RESTING || r->place == PLACE_FINDING) r->place = PLACE_NONE;
    r->later.run = request_tell;
    docent_later_queue(c, &r->later);
}

/* ---- Deadlines, and the end of everything. ---- */

static void request_expire(struct docent_request *r)
{
    docent_status status = docent_request_gave_up(r, DOCENT_ERR_TIMEOUT);
    if (r->place == PLACE_PENDING) docent_request_unpend(r);
    docent_request_finish(r, status);
}

void docent_request_deadline(struct docent_timer *timer)
{
    request_expire((struct docent_request *)((char *)timer - offsetof(struct docent_request, deadline)));
}

void docent_requests_deadlines(struct docent_core *c)
{
    while (c->calls.first != NULL && c->calls.first->deadline_ms <= c->now) request_expire(c->calls.first);
}

uint64_t docent_requests_next_deadline(const struct docent_core *c)
{
    return c->calls.first == NULL ? UINT64_MAX : c->calls.first->deadline_ms;
}

void docent_requests_expired(struct docent_core *c)
{
    for (int i = 0; i < 2; i++) {
        struct docent_request *next;
        for (struct docent_request *r = i == 0 ? c->calls.first : c->others.first; r != NULL; r = next) {
            next = r->next;
            if (docent_request_offline(r) != DOCENT_OFFLINE_SESSION && !r->retry->session_fails) continue;
            if (r->place == PLACE_PENDING) docent_request_unpend(r);
            docent_request_finish(r, docent_request_gave_up(r, DOCENT_ERR_SESSION_EXPIRED));
        }
    }
}

void docent_requests_close(struct docent_core *c, docent_status why)
{
    for (int i = 0; i < 2; i++) {
        struct request_list *list = i == 0 ? &c->calls : &c->others;
        while (list->first != NULL) {
            struct docent_request *r = list->first;
            if (r->place == PLACE_PENDING) docent_request_unpend(r);
            docent_request_finish(r, why);
        }
    }
}

static void request_mute(struct docent_request *r)
{
    if (!r->step) r->done = NULL;
}

void docent_requests_mute(struct docent_core *c)
{
    for (int i = 0; i < 2; i++) {
        for (struct docent_request *r = i == 0 ? c->calls.first : c->others.first; r != NULL; r = r->next) request_mute(r);
    }
    for (struct docent_later *later = c->later_first; later != NULL; later = docent_later_after(later)) {
        if (later->run == request_tell) request_mute(request_of_later(later));
    }
}
