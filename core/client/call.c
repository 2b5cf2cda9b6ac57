/* core/client/call.c - calls are checked, encoded and accepted: the short way for nearly all of them, and the general one. */
#include <string.h>

#include "core/client/outcome.h"
#include "core/client/plain.h"
#include "core/client/request.h"

enum { GUARDS_MAX = UINT8_MAX };

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
        docent_request_list(&c->calls, r);
    } else {
        docent_request_list(&c->others, r);
        r->deadline.fire = docent_request_deadline;
        if (timeout != DOCENT_FOREVER) docent_timer_set(&c->root, &r->deadline, r->deadline_ms);
    }
    docent_request_send(r);
    if (r->place == PLACE_PENDING) docent_core_wake(c); /* Its deadline may be the next. */
}

/* ---- The short way. ---- */

enum { CALL_RECORD_AT = WIRE_FRAME_HEADER + WIRE_REQUEST_HEADER, CALL_RECORD_MAX = REQUEST_ROOM_MIN - CALL_RECORD_AT };

/* All defaults, and nothing that wants a closer look: nearly every call. */
static inline bool call_is_plain(const docent_client *view, const docent_op *op, size_t *ret_path_size)
{
    const struct docent_core *c = view->core;
    if (op == NULL || op->struct_size < sizeof op->struct_size || !docent_op_is_plain(op) || op->type == DOCENT_OP_CHECK || op->path == NULL) return false;
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

/* Such a call is encoded where it stays. */
static inline docent_status call_plain(docent_client *view, const docent_op *op, size_t path_size, docent_result_fn done, void *user)
{
    struct docent_core *c = view->core;
    int32_t wire_op = docent_plain_records[op->type].op;
    struct docent_request *r = docent_request_new(view, 0, wire_op);
    if (r == NULL) return DOCENT_ERR_NO_MEMORY;
    docent_status status = docent_timers_reserve(c, REQUEST_TIMERS);
    if (status != DOCENT_OK) {
        docent_request_put_by(c, r);
        return status;
    }
    docent_view_use(view);
    call_init(r, op, done, user);
    r->plain = docent_answer_is_plain(op->type);
    r->deadline_ms = c->now + c->options.call_timeout_ms;
    size_t size = (size_t)(docent_plain_store(view, r->frame + CALL_RECORD_AT, op, path_size) - r->frame);
    docent_frame_header_store(r->frame, size, wire_op);
    r->wire.frame_size = (uint32_t)size;
    docent_request_list(&c->calls, r);
    if (wire_op <= WIRE_OP_CREATE2) {
        docent_request_submit(r);
    } else {
        docent_request_send(r); /* The server may be too old for it. */
    }
    return DOCENT_OK;
}

/* ---- The general way. ---- */

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

static __attribute__((noinline)) docent_status call_general(docent_client *view, const docent_op *op, const docent_call_options *options,
                                                            struct docent_guarding *guarding, bool step, docent_result_fn done, void *user)
{
    struct docent_core *c = view->core;
    docent_call_options call = { DOCENT_CALL_OPTIONS };
    if (!docent_options_take(&call, sizeof call, options)) return DOCENT_ERR_INVALID_ARGUMENT;
    if (!docent_options_sized(call.retry)) return DOCENT_ERR_INVALID_ARGUMENT;
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
    struct docent_request *r = docent_request_copy(view, c->scratch.data, c->scratch.size, encoding.op);
    if (r == NULL) status = DOCENT_ERR_NO_MEMORY;
    if (status == DOCENT_OK) status = docent_timers_reserve(c, REQUEST_TIMERS);
    if (status == DOCENT_OK && (status = call_retry(c, call.retry, r)) != DOCENT_OK) docent_timers_release(c, REQUEST_TIMERS);
    if (status != DOCENT_OK) {
        if (r != NULL) docent_request_put_by(c, r);
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
    if (op->type == DOCENT_OP_MULTI) {
        enum exclusion exclusion = docent_multi_excludes_itself(op);
        r->version = exclusion == EXCLUDES_NOT ? DOCENT_ANY_VERSION : 0;
        r->mode = exclusion == EXCLUDES_IN_SESSION ? DOCENT_EPHEMERAL : DOCENT_PERSISTENT;
    }
    r->watch = watch;
    r->offline = (uint8_t)call.offline;
    r->step = step;
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
    return call_general(client, op, options, NULL, false, done, user);
}

docent_status docent_run_guarded(docent_client *client, const docent_op *op, const docent_call_options *options,
                                 struct docent_guarding *guarding, docent_result_fn done, void *user)
{
    docent_status status = docent_core_check(client->core);
    return status == DOCENT_OK ? call_general(client, op, options, guarding, false, done, user) : status;
}

docent_status docent_run_step(docent_client *client, const docent_op *op, const docent_call_options *options,
                              struct docent_guarding *guarding, docent_result_fn done, void *user)
{
    docent_status status = docent_core_check(client->core);
    return status == DOCENT_OK ? call_general(client, op, options, guarding, true, done, user) : status;
}
