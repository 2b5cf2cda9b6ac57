/* core/client/request.h - one call or ask, from acceptance to its one outcome: what call.c and ask.c (accepting), send.c (sending and
 * trying again), answer.c (what came of it, and finding out) and request.c (memory, deadline, outcome) share of it. What most calls
 * need is inline.
 *
 * A call is sent when there is a connection and waits (PENDING) when there is none. Its reply ends it. If the connection goes
 * first, what happens next depends on what the operation is and on whether it was sent:
 *
 *   not sent                    it waits for the next connection; no attempt is counted
 *   reads, sync                 asked again under the retry policy
 *   unconditional set           set again: any number of sets leaves the same
 *   unconditional delete        deleted again; "no node" then is success, it was to be gone
 *   create, conditional write   sent again: had the first attempt been applied, the second fails just because of it. If it
 *                               does fail so, we find out (FINDING): sync, then read, in the session that sent, and compare. Re-attaching
 *                               moved the session, so whatever the old server had not passed on is refused, and
 *                               what the read shows is final. Where the reading cannot tell: unknown
 *   sequential create, others   unknown: it cannot be told whose node it is (recipes use names of their own for that)
 *   transaction                 sent again only if its own success makes it fail; if it then fails, we find out about the operation that failed.
 *                               If only an ephemeral create would fail, that ends with the session
 *
 * In another session all of this holds only if the old one is known to be over; else the outcome is unknown.
 *
 * Asks (of machines) are sent once; a lost one is told to the machine, which knows better. */
#ifndef DOCENT_REQUEST_H
#define DOCENT_REQUEST_H

#include <string.h>

#include "core/client/internal.h"

enum { REQUEST_TIMERS = 2 }; /* A call's: its deadline, and the rest between tries. */

/* request.c */
void docent_request_free(struct docent_request *request);
/* The one outcome. A call's goes through the queue of callbacks. */
void docent_request_finish(struct docent_request *request, docent_status status);
void docent_request_deadline(struct docent_timer *timer); /* Has come. */
/* docent_request_new(), with a copy of @frame. */
struct docent_request *docent_request_copy(docent_client *view, const uint8_t *frame, size_t size, int32_t op);

/* send.c */
void docent_request_send(struct docent_request *request);
void docent_request_pend(struct docent_request *request);   /* Waits for the connection. */
void docent_request_unpend(struct docent_request *request); /* Waits no more. */
/* Under the policy, after a failure that another try may mend; never in the same turn. */
void docent_request_again(struct docent_request *request, docent_status cause);
/* What it comes to when it can be sent no more. */
docent_status docent_request_gave_up(const struct docent_request *request, docent_status otherwise);

/* ask.c */
/* What one that is no call came to. */
void docent_request_deliver(struct docent_request *request, docent_status status, bool sent, const docent_result *result);

/* ---- Lists. ---- */

static inline void docent_request_list(struct request_list *list, struct docent_request *r)
{
    r->list = list;
    r->next = NULL;
    r->previous = list->last;
    if (list->last != NULL) {
        list->last->next = r;
    } else {
        list->first = r;
    }
    list->last = r;
}

static inline void docent_request_unlist(struct docent_request *r)
{
    struct request_list *list = r->list;
    if (list == NULL) return;
    if (r->previous != NULL) {
        r->previous->next = r->next;
    } else {
        list->first = r->next;
    }
    if (r->next != NULL) {
        r->next->previous = r->previous;
    } else {
        list->last = r->previous;
    }
    r->list = NULL;
}

/* ---- Memory. ---- */

/* A sanitizer sees what is freed, not what is put by. */
#if defined(__SANITIZE_ADDRESS__)
#define REQUEST_KEEPS_SPARE 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define REQUEST_KEEPS_SPARE 0
#endif
#endif
#ifndef REQUEST_KEEPS_SPARE
#define REQUEST_KEEPS_SPARE 1
#endif

static inline void docent_request_put_by(struct docent_core *c, struct docent_request *r)
{
    if (REQUEST_KEEPS_SPARE && c->spare_count < SPARE_REQUESTS_MAX && r->room == REQUEST_ROOM_MIN) {
        r->next = c->spare;
        c->spare = r;
        c->spare_count++;
    } else {
        docent_free(&c->allocator, r);
    }
}

/* Memory for a frame of @size. What is not set here has no meaning yet. */
static inline struct docent_request *docent_request_new(docent_client *view, size_t size, int32_t op)
{
    struct docent_core *c = view->core;
    struct docent_request *r = c->spare;
    if (r != NULL && size <= REQUEST_ROOM_MIN) {
        c->spare = r->next;
        c->spare_count--;
    } else {
        uint32_t room = size < REQUEST_ROOM_MIN ? REQUEST_ROOM_MIN : (uint32_t)size;
        r = docent_alloc(&c->allocator, sizeof *r + room);
        if (r == NULL) return NULL;
        r->room = room;
    }
    r->wire.frame = r->frame;
    r->wire.frame_size = (uint32_t)size;
    r->wire.op = op;
    r->wire.own = false;
    r->later.next = NULL;
    r->core = c;
    r->view = view;
    r->list = NULL;
    r->place = PLACE_NONE;
    r->told = r->lost = r->freed = r->compressed = r->plain = r->step = false;
    r->guard_count = 0;
    r->machine = NULL;
    r->watch = NULL;
    r->hold = NULL;
    r->inner[FIND_SYNC] = r->inner[FIND_LOOK] = NULL;
    r->retry = &c->retry;
    r->accepted_ms = c->now;
    r->deadline_ms = UINT64_MAX;
    r->deadline.index = r->rest.index = 0;
    r->attempts = 0;
    r->cause = DOCENT_OK;
    r->offline = DOCENT_OFFLINE_DEFAULT;
    r->zxid = 0;
    r->body = NULL;
    return r;
}

/* ---- Sending and answers. ---- */

static inline docent_offline_policy docent_request_offline(const struct docent_request *r)
{
    return r->offline == DOCENT_OFFLINE_DEFAULT ? r->core->options.offline : (docent_offline_policy)r->offline;
}

static inline void docent_request_submit(struct docent_request *r)
{
    struct docent_core *c = r->core;
    if (!r->lost) r->zxid_before = c->session.last_zxid;
    r->generation = c->session.generation;
    r->place = PLACE_FLYING;
    r->sent_us = c->now_us;
    r->attempts++;
    docent_status status = docent_session_submit(&c->session, c->now, &r->wire);
    if (status == DOCENT_OK) {
        docent_core_wake(c);
        return;
    }
    r->attempts--;
    r->place = PLACE_NONE;
    docent_request_finish(r, docent_request_gave_up(r, status));
}

/* Another operation with the same record. */
static inline void docent_request_set_op(struct docent_request *r, int32_t op)
{
    r->wire.op = op;
    r->frame[WIRE_FRAME_HEADER + 7] = (uint8_t)op;
}

static inline struct result_arena docent_request_arena(const struct docent_request *r)
{
    return (struct result_arena){ &r->core->allocator, r->compressed ? docent_view_policy(r->view)->inflated_max : 0, NULL };
}

#endif
