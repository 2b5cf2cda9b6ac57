/* core/client/request.c - calls and asks, from acceptance to their one outcome.
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
 *   transaction                 sent again only if its own success makes it fail; if it then fails, we find out about the operation that failed
 *
 * In another session all of this holds only if the old one is known to be over; else the outcome is unknown.
 *
 * Asks (of machines) are sent once; a lost one is told to the machine, which knows better. */
#include <assert.h>
#include <string.h>

#include "core/client/outcome.h"
#include "core/client/plain.h"
#include "core/client/trace.h"

enum { GUARDS_MAX = UINT8_MAX };
enum { REQUEST_TIMERS = 2 }; /* A call's: its deadline, and the rest between tries. */

static void request_finish(struct docent_request *r, docent_status status);
static void request_send(struct docent_request *r);

/* ---- Lists. ---- */

static void list_add(struct request_list *list, struct docent_request *r)
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

static void list_remove(struct docent_request *r)
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

static void machine_link(struct docent_machine *machine, struct docent_request *r)
{
    r->machine = machine;
    r->previous = NULL;
    r->next = machine->asks;
    if (r->next != NULL) r->next->previous = r;
    machine->asks = r;
}

void docent_request_forget_machine(struct docent_request *r)
{
    if (r->previous != NULL) {
        r->previous->next = r->next;
    } else {
        r->machine->asks = r->next;
    }
    if (r->next != NULL) r->next->previous = r->previous;
    r->machine = NULL;
    r->previous = r->next = NULL;
}

/* ---- Beginning and end. ---- */

static const docent_allocator *allocator_of(const struct docent_request *r)
{
    return &r->core->allocator;
}

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

static void request_put_by(struct docent_core *c, struct docent_request *r)
{
    if (REQUEST_KEEPS_SPARE && c->spare_count < SPARE_REQUESTS_MAX && r->room == REQUEST_ROOM_MIN) {
        r->next = c->spare;
        c->spare = r;
        c->spare_count++;
    } else {
        docent_free(&c->allocator, r);
    }
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

static void request_free(struct docent_request *r)
{
    struct docent_core *c = r->core;
    if (r->watch != NULL) docent_watch_abandon(r->watch, DOCENT_ERR_CANCELLED);
    if (r->machine != NULL) docent_request_forget_machine(r);
    list_remove(r);
    if (r->kind == REQUEST_CALL) {
        docent_timer_stop_if_set(c, &r->deadline);
        docent_timer_stop_if_set(c, &r->rest);
        docent_timers_release(c, REQUEST_TIMERS);
    }
    if (r->retry != &c->retry) docent_free(&c->allocator, (void *)(uintptr_t)r->retry);
    if (r->hold != NULL) docent_hold_unref((docent_hold *)(uintptr_t)r->hold);
    docent_view_drop(r->view);
    request_put_by(c, r);
}

/* Ours no more: but the session may still wait for its reply. */
static void request_release(struct docent_request *r)
{
    if (r->place == PLACE_FLYING) {
        r->freed = true;
    } else {
        request_free(r);
    }
}

static struct docent_request *request_of_later(struct docent_later *later)
{
    return (struct docent_request *)((char *)later - offsetof(struct docent_request, later));
}

static struct result_arena arena_of(const struct docent_request *r)
{
    return (struct result_arena){ allocator_of(r), r->compressed ? docent_view_policy(r->view)->inflated_max : 0, NULL };
}

static void request_tell(struct docent_later *later)
{
    struct docent_request *r = request_of_later(later);
    struct result_arena arena = arena_of(r);
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
    request_put_by(c, r);
}

static void request_tell_plain(struct docent_later *later)
{
    tell_plain(later, false);
}

static void request_tell_and_count(struct docent_later *later)
{
    tell_plain(later, true);
}

/* The one outcome. A call's goes through the queue of callbacks. */
static void request_finish(struct docent_request *r, docent_status status)
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
    list_remove(r);
    if (r->kind == REQUEST_CALL) {
        docent_timer_stop_if_set(c, &r->deadline);
        docent_timer_stop_if_set(c, &r->rest);
    }
    if (r->place == PLACE_RESTING || r->place == PLACE_FINDING) r->place = PLACE_NONE;
    r->later.run = request_tell;
    docent_later_queue(c, &r->later);
}

/* ---- Sending. ---- */

/* What it comes to when it can be sent no more. */
static docent_status gave_up(const struct docent_request *r, docent_status otherwise)
{
    bool maybe_applied = r->lost || r->place == PLACE_FLYING;
    return maybe_applied && !docent_op_is_read(r->type) ? DOCENT_ERR_UNKNOWN_OUTCOME : otherwise;
}

static docent_offline_policy offline_of(const struct docent_request *r)
{
    return r->offline == DOCENT_OFFLINE_DEFAULT ? r->core->options.offline : (docent_offline_policy)r->offline;
}

static void request_pend(struct docent_request *r)
{
    struct docent_core *c = r->core;
    if (offline_of(r) == DOCENT_OFFLINE_FAIL && c->session.state != SESSION_ONLINE) {
        request_finish(r, gave_up(r, DOCENT_ERR_CONNECTION_LOSS));
        return;
    }
    r->place = PLACE_PENDING;
    r->pending_next = NULL;
    *c->pending_last = r;
    c->pending_last = &r->pending_next;
    c->pending_count++;
}

static void request_rested(struct docent_timer *timer)
{
    struct docent_request *r = (struct docent_request *)((char *)timer - offsetof(struct docent_request, rest));
    request_send(r);
}

/* Under the policy, after a failure that another try may mend; never in the same turn. */
static void request_again(struct docent_request *r, docent_status cause)
{
    struct docent_core *c = r->core;
    uint64_t delay = 0;
    r->place = PLACE_NONE;
    r->cause = cause;
    if (!docent_retry_delay(r->retry, r->attempts, c->now - r->accepted_ms, cause, docent_random_next(&c->random), &delay)) {
        request_finish(r, gave_up(r, cause));
        return;
    }
    if (c->stats != NULL) docent_stats_add(c->stats, CELL_RETRIES, 1);
    if (delay == 0 && c->session.state != SESSION_ONLINE) {
        request_pend(r);
    } else {
        r->place = PLACE_RESTING;
        r->rest.fire = request_rested;
        docent_timer_set(&c->root, &r->rest, delay > UINT64_MAX - c->now ? UINT64_MAX : c->now + delay);
    }
}

/* Why it cannot be sent on this connection, or DOCENT_OK. */
static docent_status request_refusal(const struct docent_request *r)
{
    const struct docent_core *c = r->core;
    if (r->hold != NULL && !docent_client_lease_good(&c->root, docent_hold_generation(r->hold))) return gave_up(r, DOCENT_ERR_NOT_HELD);
    if (r->lost && r->generation != c->session.generation && !c->session.settled && !docent_op_is_read(r->type)) {
        return DOCENT_ERR_UNKNOWN_OUTCOME; /* The session that may have applied it is not known to be over. */
    }
    uint32_t needed = docent_op_min_version(r->wire.op);
    uint32_t known = needed == 0 ? 0 : docent_client_version_known(c);
    if (known != 0 && known < needed) return gave_up(r, DOCENT_ERR_UNSUPPORTED);
    return DOCENT_OK;
}

static inline void request_submit(struct docent_request *r)
{
    struct docent_core *c = r->core;
    if (!r->lost) r->zxid_before = c->session.last_zxid;
    r->generation = c->session.generation;
    r->place = PLACE_FLYING;
    r->sent_us = c->now_us;
    r->attempts++;
    docent_status status = docent_session_submit(&c->session, c->now, &r->wire);
    if (status == DOCENT_OK) {
        c->host.wake(c->host.user);
        return;
    }
    r->attempts--;
    r->place = PLACE_NONE;
    request_finish(r, gave_up(r, status));
}

/* Another operation with the same record. */
static void request_set_op(struct docent_request *r, int32_t op)
{
    r->wire.op = op;
    r->frame[WIRE_FRAME_HEADER + 7] = (uint8_t)op;
}

static void request_send(struct docent_request *r)
{
    struct docent_core *c = r->core;
    if (c->session.state != SESSION_ONLINE) {
        request_pend(r);
        return;
    }
    docent_status refusal = request_refusal(r);
    if (refusal != DOCENT_OK) {
        r->place = PLACE_NONE;
        request_finish(r, refusal);
        return;
    }
    if (r->type == DOCENT_OP_CREATE && (r->wire.op == WIRE_OP_CREATE || r->wire.op == WIRE_OP_CREATE2)) {
        /* The same body, but create2 answers with the stat as well. Servers before 3.5 do not know it. */
        request_set_op(r, docent_client_version_known(c) >= 30500 && r->kind == REQUEST_CALL ? WIRE_OP_CREATE2 : WIRE_OP_CREATE);
    }
    if (r->watch != NULL) {
        size_t flag = r->wire.frame_size - 1; /* Every read's record ends in its watch flag. */
        r->frame[flag] = docent_watch_sends_flag(r->watch);
    }
    request_submit(r);
    if (c->traced && r->place == PLACE_FLYING) docent_trace_sent(r);
}

void docent_requests_online(struct docent_core *c)
{
    struct docent_request *r = c->pending_first;
    c->pending_first = NULL;
    c->pending_last = &c->pending_first;
    c->pending_count = 0;
    while (r != NULL) {
        struct docent_request *next = r->pending_next;
        r->place = PLACE_NONE;
        request_send(r);
        r = next;
    }
}

static void pending_remove(struct docent_request *r)
{
    struct docent_core *c = r->core;
    struct docent_request **at = &c->pending_first;
    while (*at != r) at = &(*at)->pending_next;
    *at = r->pending_next;
    if (c->pending_last == &r->pending_next) c->pending_last = at;
    c->pending_count--;
    r->place = PLACE_NONE;
}

/* ---- Deadlines. ---- */

void docent_requests_expired(struct docent_core *c)
{
    for (int i = 0; i < 2; i++) {
        struct docent_request *next;
        for (struct docent_request *r = i == 0 ? c->calls.first : c->others.first; r != NULL; r = next) {
            next = r->next;
            if (offline_of(r) != DOCENT_OFFLINE_SESSION && !r->retry->session_fails) continue;
            if (r->place == PLACE_PENDING) pending_remove(r);
            request_finish(r, gave_up(r, DOCENT_ERR_SESSION_EXPIRED));
        }
    }
}

static void request_expire(struct docent_request *r)
{
    docent_status status = gave_up(r, DOCENT_ERR_TIMEOUT);
    if (r->place == PLACE_PENDING) pending_remove(r);
    request_finish(r, status);
}

static void request_deadline(struct docent_timer *timer)
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

void docent_requests_close(struct docent_core *c, docent_status why)
{
    for (int i = 0; i < 2; i++) {
        struct request_list *list = i == 0 ? &c->calls : &c->others;
        while (list->first != NULL) {
            struct docent_request *r = list->first;
            if (r->place == PLACE_PENDING) pending_remove(r);
            request_finish(r, why);
        }
    }
}

void docent_requests_mute(struct docent_core *c)
{
    for (int i = 0; i < 2; i++) {
        for (struct docent_request *r = i == 0 ? c->calls.first : c->others.first; r != NULL; r = r->next) r->done = NULL;
    }
    for (struct docent_later *later = c->later_first; later != NULL; later = later->next) {
        if (later->run != request_tell) continue;
        ((struct docent_request *)((char *)later - offsetof(struct docent_request, later)))->done = NULL;
    }
}

/* ---- Accepting. ---- */

/* Memory for a frame of @size. What is not set here has no meaning yet. */
static inline struct docent_request *request_new(docent_client *view, size_t size, int32_t op)
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
    r->later.queued = false;
    r->core = c;
    r->view = view;
    r->list = NULL;
    r->place = PLACE_NONE;
    r->told = r->lost = r->freed = r->compressed = r->plain = false;
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

/* With a copy of @frame. */
static struct docent_request *request_copy(docent_client *view, const uint8_t *frame, size_t size, int32_t op)
{
    struct docent_request *r = request_new(view, size, op);
    if (r != NULL) memcpy(r->frame, frame, size);
    return r;
}

static docent_status call_watch(docent_client *view, const docent_op *op, const docent_call_options *call, struct docent_watch **ret)
{
    if (op->type != DOCENT_OP_GET && op->type != DOCENT_OP_EXISTS && op->type != DOCENT_OP_CHILDREN) return DOCENT_ERR_INVALID_ARGUMENT;
    docent_watch_kind kind = op->type == DOCENT_OP_CHILDREN ? DOCENT_WATCH_CHILDREN : DOCENT_WATCH_DATA;
    docent_status status = docent_watch_new(view, op->path, kind, ret);
    if (status != DOCENT_OK) return status;
    (*ret)->fn = call->watch;
    (*ret)->user = call->watch_user;
    (*ret)->pending = true;
    return DOCENT_OK;
}

static docent_status call_retry(struct docent_core *c, const docent_retry *wished, struct docent_request *r)
{
    if (wished == NULL) return DOCENT_OK;
    docent_retry *own = docent_alloc(&c->allocator, sizeof *own);
    if (own == NULL) return DOCENT_ERR_NO_MEMORY;
    memset(own, 0, sizeof *own);
    memcpy(own, wished, wished->struct_size < sizeof *own ? wished->struct_size : sizeof *own);
    r->retry = own;
    return DOCENT_OK;
}

static void call_init(struct docent_request *r, const docent_op *op, docent_result_fn done, void *user)
{
    r->kind = REQUEST_CALL;
    r->type = op->type;
    r->done = done;
    r->user = user;
    r->version = op->version;
}

/* Accepted: it will have its outcome. */
static void call_begin(struct docent_request *r, uint32_t timeout)
{
    struct docent_core *c = r->core;
    if (timeout != DOCENT_FOREVER) r->deadline_ms = c->now + timeout;
    if (timeout == c->options.call_timeout_ms && timeout != DOCENT_FOREVER) {
        list_add(&c->calls, r);
    } else {
        list_add(&c->others, r);
        r->deadline.fire = request_deadline;
        if (timeout != DOCENT_FOREVER) docent_timer_set(&c->root, &r->deadline, r->deadline_ms);
    }
    request_send(r);
    if (r->place == PLACE_PENDING) c->host.wake(c->host.user); /* Its deadline may be the next. */
}

enum { CALL_RECORD_AT = WIRE_FRAME_HEADER + WIRE_REQUEST_HEADER, CALL_RECORD_MAX = REQUEST_ROOM_MIN - CALL_RECORD_AT };

/* All defaults, and nothing that wants a closer look: nearly every call. */
static inline bool call_is_plain(const docent_client *view, const docent_op *op, size_t *ret_path_size)
{
    const struct docent_core *c = view->core;
    if (op == NULL || op->struct_size == 0 || !docent_op_is_plain(op) || op->type == DOCENT_OP_CHECK || op->path == NULL) return false;
    if (op->size > CALL_RECORD_MAX || (op->data == NULL && op->size > 0)) return false;
    if (c->session.state != SESSION_ONLINE) return false;
    *ret_path_size = strlen(op->path);
    return docent_plain_room(view, op, *ret_path_size) <= view->plain_record_max && docent_path_is_plain(op->path, *ret_path_size);
}

/* Whose attempts somebody looks at takes no short way. */
size_t docent_requests_plain_max(const struct docent_core *c)
{
    const docent_client_options *options = &c->options;
    if (c->traced || options->call_timeout_ms == DOCENT_FOREVER || options->request_max_bytes < WIRE_REQUEST_HEADER) return 0;
    size_t max = options->request_max_bytes - WIRE_REQUEST_HEADER;
    return max < CALL_RECORD_MAX ? max : CALL_RECORD_MAX;
}

void docent_requests_init(struct docent_core *c)
{
    c->tell_plain = c->stats == NULL ? request_tell_plain : request_tell_and_count;
}

/* Such a call is encoded where it stays. */
static inline docent_status call_plain(docent_client *view, const docent_op *op, size_t path_size, docent_result_fn done, void *user)
{
    struct docent_core *c = view->core;
    int32_t wire_op = docent_plain_records[op->type].op;
    struct docent_request *r = request_new(view, 0, wire_op);
    if (r == NULL) return DOCENT_ERR_NO_MEMORY;
    docent_status status = docent_timers_reserve(c, REQUEST_TIMERS);
    if (status != DOCENT_OK) {
        request_put_by(c, r);
        return status;
    }
    docent_view_use(view);
    call_init(r, op, done, user);
    r->plain = docent_answer_is_plain(op->type);
    size_t size = (size_t)(docent_plain_store(view, r->frame + CALL_RECORD_AT, op, path_size) - r->frame);
    docent_frame_header_store(r->frame, size, wire_op);
    r->wire.frame_size = (uint32_t)size;
    r->deadline_ms = c->now + c->options.call_timeout_ms;
    list_add(&c->calls, r);
    if (wire_op <= WIRE_OP_CREATE2) {
        request_submit(r);
    } else {
        request_send(r); /* The server may be too old for it. */
    }
    return DOCENT_OK;
}

static __attribute__((noinline)) docent_status call_general(docent_client *view, const docent_op *op, const docent_call_options *options,
                                                            struct docent_guarding *guarding, docent_result_fn done, void *user)
{
    struct docent_core *c = view->core;
    docent_call_options call = { DOCENT_CALL_OPTIONS };
    if (options != NULL) {
        if (options->struct_size == 0) return DOCENT_ERR_INVALID_ARGUMENT;
        memcpy(&call, options, options->struct_size < sizeof call ? options->struct_size : sizeof call);
    }
    if (call.retry != NULL && call.retry->struct_size == 0) return DOCENT_ERR_INVALID_ARGUMENT;
    if ((unsigned)call.offline > DOCENT_OFFLINE_SESSION) return DOCENT_ERR_INVALID_ARGUMENT;
    if ((unsigned)call.compression > DOCENT_COMPRESSION_OFF) return DOCENT_ERR_INVALID_ARGUMENT;
    struct docent_guarding own = { .holds = &call.hold, .count = call.hold != NULL };
    if (guarding == NULL) guarding = &own;
    if (guarding->count > GUARDS_MAX) return DOCENT_ERR_TOO_LARGE;
    for (size_t i = 0; i < guarding->count; i++) { /* So that they are of one session. */
        if (!docent_client_lease_good(&c->root, docent_hold_generation(guarding->holds[i]))) return DOCENT_ERR_NOT_HELD;
    }

    struct encoding encoding = { .compress = call.compression == DOCENT_COMPRESSION_DEFAULT ? view->compresses
                                                                                            : call.compression == DOCENT_COMPRESSION_ON };
    if (op != NULL && op->type == DOCENT_OP_MULTI) {
        encoding.guards = guarding->holds;
        encoding.guard_count = guarding->count;
    }
    docent_status status = docent_op_encode(view, op, &encoding);
    guarding->fault = encoding.fault;
    guarding->faulty = encoding.faulty;
    if (status != DOCENT_OK) return status;
    if (c->session.state != SESSION_ONLINE && c->pending_count >= c->options.pending_max) return DOCENT_ERR_BUSY;

    struct docent_watch *watch = NULL;
    if (call.watch != NULL) {
        status = call_watch(view, op, &call, &watch);
        if (status != DOCENT_OK) return status;
    }
    struct docent_request *r = request_copy(view, c->scratch.data, c->scratch.size, encoding.op);
    if (r == NULL) status = DOCENT_ERR_NO_MEMORY;
    if (status == DOCENT_OK) status = docent_timers_reserve(c, REQUEST_TIMERS);
    if (status == DOCENT_OK && (status = call_retry(c, call.retry, r)) != DOCENT_OK) docent_timers_release(c, REQUEST_TIMERS);
    if (status != DOCENT_OK) {
        if (r != NULL) request_put_by(c, r);
        if (watch != NULL) {
            watch->fn = NULL; /* The call was not accepted: nothing is told. */
            docent_watch_abandon(watch, status);
        }
        return status;
    }
    docent_view_use(view);
    call_init(r, op, done, user);
    r->mode = op->mode;
    r->failed_part = 0;
    if (op->type == DOCENT_OP_MULTI) r->version = docent_multi_excludes_itself(op) ? 0 : DOCENT_ANY_VERSION;
    r->watch = watch;
    r->offline = (uint8_t)call.offline;
    r->compressed = encoding.compress;
    r->guard_count = (uint8_t)encoding.guard_count;
    if (guarding->count > 0) r->hold = docent_hold_ref((docent_hold *)(uintptr_t)guarding->holds[0]);
    if (watch != NULL && call.ret_watch != NULL) *call.ret_watch = watch;
    call_begin(r, call.timeout_ms == 0 ? c->options.call_timeout_ms : call.timeout_ms);
    return DOCENT_OK;
}

docent_status docent_run_async(docent_client *client, const docent_op *op, const docent_call_options *options, docent_result_fn done,
                               void *user)
{
    if (client == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    docent_status status = docent_core_check(client->core);
    if (status != DOCENT_OK) return status;
    size_t path_size;
    if (options == NULL && call_is_plain(client, op, &path_size)) return call_plain(client, op, path_size, done, user);
    return call_general(client, op, options, NULL, done, user);
}

docent_status docent_run_guarded(docent_client *client, const docent_op *op, const docent_call_options *options,
                                 struct docent_guarding *guarding, docent_result_fn done, void *user)
{
    docent_status status = docent_core_check(client->core);
    return status == DOCENT_OK ? call_general(client, op, options, guarding, done, user) : status;
}

static void ask_deliver(struct docent_request *r, docent_status status, bool sent, const docent_result *result)
{
    struct docent_machine *machine = r->machine;
    if (machine == NULL) return;
    bool current = r->turn == machine->turn;
    docent_request_forget_machine(r);
    if (!current) return;
    struct docent_event event = {
        .type = DOCENT_EV_REPLY,
        .tag = r->tag,
        .status = status,
        .sent = sent,
        .result = result,
        .generation = r->generation,
    };
    docent_machine_deliver(machine, &event);
}

/* What one request that is no call came to. */
static void request_deliver(struct docent_request *r, docent_status status, bool sent, const docent_result *result)
{
    struct stats_block *stats = r->core->stats;
    if (r->kind != REQUEST_ASK) {
        r->done(result, r->user);
        return;
    }
    if (stats != NULL && sent) docent_stats_ended(stats, r->type, status);
    ask_deliver(r, status, sent, result);
}

docent_status docent_request_ask(struct docent_machine *machine, const docent_op *op, int tag, struct docent_watch *watch)
{
    docent_client *view = machine->client;
    struct docent_core *c = view->core;
    if (c->session.state != SESSION_ONLINE) return DOCENT_ERR_CONNECTION_LOSS;
    struct encoding encoding = { .compress = view->compresses };
    docent_status status = docent_op_encode(view, op, &encoding);
    if (status != DOCENT_OK) return status;
    uint32_t known = docent_client_version_known(c);
    if (known != 0 && known < docent_op_min_version(encoding.op)) return DOCENT_ERR_UNIMPLEMENTED;
    struct docent_request *r = request_copy(view, c->scratch.data, c->scratch.size, encoding.op);
    if (r == NULL) return DOCENT_ERR_NO_MEMORY;
    if (machine->wants_stat && encoding.op == WIRE_OP_CREATE && known >= 30500) request_set_op(r, WIRE_OP_CREATE2);
    r->compressed = view->compresses;
    r->kind = REQUEST_ASK;
    r->type = op->type;
    r->turn = machine->turn;
    r->tag = tag;
    r->watch = watch;
    if (watch != NULL) watch->pending = true;
    if (watch != NULL) r->frame[r->wire.frame_size - 1] = docent_watch_sends_flag(watch);
    r->generation = c->session.generation;
    r->place = PLACE_FLYING;
    r->attempts = 1;
    r->sent_us = c->now_us;
    status = docent_session_submit(&c->session, c->now, &r->wire);
    if (status != DOCENT_OK) {
        if (watch != NULL) watch->pending = false; /* The caller's again. */
        docent_free(&c->allocator, r);
        return status;
    }
    if (c->traced) docent_trace_sent(r);
    docent_view_use(view);
    machine_link(machine, r);
    c->host.wake(c->host.user);
    return DOCENT_OK;
}

/* A request of the client's own: watches, finding out. @done runs at once, inside the turn. Online only. */
docent_status docent_request_inner(struct docent_core *c, const uint8_t *frame, size_t size, int32_t op, docent_op_type type,
                                   docent_result_fn done, void *user, struct docent_request **ret)
{
    if (c->session.state != SESSION_ONLINE) return DOCENT_ERR_CONNECTION_LOSS;
    struct docent_request *r = request_copy(&c->root, frame, size, op);
    if (r == NULL) return DOCENT_ERR_NO_MEMORY;
    r->kind = REQUEST_INNER;
    r->type = type;
    r->done = done;
    r->user = user;
    r->place = PLACE_FLYING;
    r->attempts = 1;
    r->sent_us = c->now_us;
    r->generation = c->session.generation;
    docent_status status = docent_session_submit(&c->session, c->now, &r->wire);
    if (status != DOCENT_OK) {
        docent_free(&c->allocator, r);
        return status;
    }
    if (c->traced) docent_trace_sent(r);
    if (ret != NULL) *ret = r;
    c->host.wake(c->host.user);
    return DOCENT_OK;
}

/* ---- Finding out. ---- */

static const uint8_t *record_of(const struct docent_request *r)
{
    return r->frame + WIRE_FRAME_HEADER + WIRE_REQUEST_HEADER;
}

/* The write that we want to find out about. */
static bool write_of(const struct docent_request *r, struct sent_write *ret_write)
{
    return docent_sent_write(r->wire.op, record_of(r), r->wire.frame_size - WIRE_FRAME_HEADER - WIRE_REQUEST_HEADER, r->failed_part, ret_write);
}

static void find_done(const docent_result *result, void *user)
{
    struct docent_request *r = user;
    if (r == NULL) return; /* It ended meanwhile. */
    r->inner[FIND_LOOK] = NULL;
    r->place = PLACE_NONE;
    docent_status looked = r->synced == DOCENT_OK ? result->status : r->synced; /* What a look without its sync shows may be old. */
    if (docent_retry_allows(r->retry, looked)) {
        request_again(r, looked); /* Sent once more, and found out once more. */
        return;
    }
    struct sent_write write;
    docent_status status = DOCENT_ERR_UNKNOWN_OUTCOME;
    if (r->synced == DOCENT_OK && write_of(r, &write)) status = docent_found_out(&write, r->status, r->zxid_before, r->core->session.id, result);
    r->body = NULL; /* What came went with its turn. */
    if (status == DOCENT_OK) r->zxid = result->stat.czxid;
    if (status == DOCENT_OK && r->type == DOCENT_OP_CREATE) { /* The record begins with the path, which is all that a create answers. */
        r->body = record_of(r);
        r->body_size = sizeof(int32_t) + (size_t)write.path.size;
    }
    request_finish(r, status);
}

static void find_synced(const docent_result *result, void *user)
{
    struct docent_request *r = user;
    if (r == NULL) return;
    r->inner[FIND_SYNC] = NULL;
    r->synced = result->status == DOCENT_ERR_NO_NODE ? DOCENT_OK : result->status;
}

static void request_find(struct docent_request *r)
{
    struct docent_core *c = r->core;
    r->place = PLACE_FINDING;
    struct sent_write write;
    docent_status status = write_of(r, &write) ? DOCENT_OK : DOCENT_ERR_UNKNOWN_OUTCOME;
    static const int32_t ops[2] = { WIRE_OP_SYNC, WIRE_OP_GET_DATA };
    r->synced = DOCENT_OK;
    for (int i = 0; i < 2 && status == DOCENT_OK; i++) {
        struct wire_out *out = &c->scratch;
        out->size = 0;
        size_t begin = docent_wire_frame_begin(out);
        docent_wire_put_int(out, 0);
        docent_wire_put_int(out, ops[i]);
        docent_wire_put_string(out, write.path);
        if (i == 1) docent_wire_put_bool(out, false);
        if (out->failed) {
            out->failed = false;
            status = DOCENT_ERR_NO_MEMORY;
            break;
        }
        docent_wire_frame_end(out, begin);
        status = docent_request_inner(c, out->data, out->size, ops[i], i == 0 ? DOCENT_OP_SYNC : DOCENT_OP_GET,
                                      i == FIND_SYNC ? find_synced : find_done, r, &r->inner[i]);
    }
    if (status != DOCENT_OK) {
        r->place = PLACE_NONE;
        request_finish(r, DOCENT_ERR_UNKNOWN_OUTCOME);
    }
}

/* ---- What the session tells. ---- */

/* "Unimplemented": is it because the server is too old? Then it is not asked again. */
static bool too_old(struct docent_request *r)
{
    uint32_t needed = docent_op_min_version(r->wire.op);
    /* A TTL create is refused in the same words by a server that has TTL nodes switched off. */
    if (needed == 0 || r->wire.op == WIRE_OP_CREATE_TTL) return false;
    docent_client_too_old(r->core, needed);
    return true;
}

static __attribute__((noinline)) void request_answered(struct docent_request *r, const struct wire_reply_header *header,
                                                       const uint8_t *body, size_t size)
{
    struct docent_core *c = r->core;
    docent_status status = (docent_status)header->err;
    r->place = PLACE_NONE;
    if (c->stats != NULL && r->kind != REQUEST_INNER) docent_stats_answered(c->stats, r->type, c->now_us - r->sent_us);
    if (c->traced) docent_trace_answered(r, status, size);
    bool settles = r->kind == REQUEST_CALL && !r->told;
    docent_status outcome = status;
    if (settles && r->lost && r->type == DOCENT_OP_MULTI && status == DOCENT_OK) {
        outcome = docent_multi_failure(body, size, &r->failed_part);
    }
    enum verdict verdict = settles ? docent_verdict(r->type, r->version, r->mode, r->lost, outcome) : VERDICT_TELL;
    if (r->watch != NULL && verdict != VERDICT_AGAIN) { /* In the order of the stream: an event may follow directly. */
        docent_watch_file(r->watch, r->type, status);
        r->watch = NULL;
    }
    if (r->told) {
        if (r->freed) request_free(r);
        return;
    }
    if (status == DOCENT_ERR_UNIMPLEMENTED && too_old(r) && r->kind == REQUEST_CALL) status = DOCENT_ERR_UNSUPPORTED;
    r->zxid = header->zxid;
    r->body = body;
    r->body_size = size;

    if (r->kind != REQUEST_CALL) {
        struct result_arena arena = arena_of(r);
        docent_result result;
        docent_reply_decode(r->view, r->type, 0, status, r->zxid, body, size, &arena, &result);
        result.attempts = 1;
        request_deliver(r, result.status, true, &result);
        docent_arena_free(&arena);
        request_free(r);
        return;
    }
    switch (verdict) {
    case VERDICT_TELL:
        request_finish(r, status);
        break;
    case VERDICT_SUCCESS:
        request_finish(r, DOCENT_OK);
        break;
    case VERDICT_AGAIN:
        if (docent_leaves_doubt(status) && !docent_op_is_read(r->type)) r->lost = true;
        request_again(r, status);
        break;
    case VERDICT_FIND:
        r->status = outcome;
        request_find(r);
        break;
    case VERDICT_UNKNOWN:
        if (docent_retry_allows(r->retry, status)) r->cause = status;
        request_finish(r, DOCENT_ERR_UNKNOWN_OUTCOME);
        break;
    }
}

void docent_request_answered(void *owner, struct session_request *wire, const struct wire_reply_header *header, const uint8_t *body,
                             size_t size)
{
    (void)owner;
    struct docent_request *r = (struct docent_request *)wire;
    if (!r->plain || r->told || header->err != 0) {
        request_answered(r, header, body, size);
        return;
    }
    r->zxid = header->zxid;
    r->body = body;
    r->body_size = size;
    list_remove(r);
    r->later.run = r->core->tell_plain;
    docent_later_queue(r->core, &r->later);
}

void docent_request_lost(void *owner, struct session_request *wire, bool sent)
{
    (void)owner;
    struct docent_request *r = (struct docent_request *)wire;
    if (r->core->traced) docent_trace_lost(r, sent);
    r->place = PLACE_NONE;
    if (r->told) {
        if (r->freed) request_free(r);
        return;
    }
    if (r->kind != REQUEST_CALL) {
        docent_result result = { .struct_size = sizeof result, .status = DOCENT_ERR_CONNECTION_LOSS, .attempts = sent };
        request_deliver(r, DOCENT_ERR_CONNECTION_LOSS, sent, &result);
        request_free(r);
        return;
    }
    if (!sent) {
        r->attempts--;
        request_pend(r);
        return;
    }
    if (!docent_op_is_read(r->type)) r->lost = true;
    r->cause = DOCENT_ERR_CONNECTION_LOSS;
    if (docent_verdict(r->type, r->version, r->mode, r->lost, DOCENT_ERR_CONNECTION_LOSS) == VERDICT_UNKNOWN) {
        request_finish(r, DOCENT_ERR_UNKNOWN_OUTCOME);
    } else {
        request_again(r, DOCENT_ERR_CONNECTION_LOSS);
    }
}
