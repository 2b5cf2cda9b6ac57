/* core/client/answer.c - what the session tells of a request: answered, or lost; and finding out whose doing it was that a second try
 * failed. */
#include <string.h>

#include "core/client/outcome.h"
#include "core/client/request.h"
#include "core/client/trace.h"

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
        docent_request_again(r, looked); /* Sent once more, and found out once more. */
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
    docent_request_finish(r, status);
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
        docent_request_finish(r, DOCENT_ERR_UNKNOWN_OUTCOME);
    }
}

/* ---- What the session tells. ---- */

/* "Unimplemented": is it because the server is too old? Then it is not asked again. */
static bool too_old(struct docent_request *r)
{
    uint32_t needed = docent_op_min_version(r->wire.op);
    /* In the same words a TTL create is refused by a server that has TTL nodes switched off, and a reconfiguration by one that stands
     * alone. */
    if (needed == 0 || r->wire.op == WIRE_OP_CREATE_TTL || r->wire.op == WIRE_OP_RECONFIG) return false;
    docent_client_too_old(r->core, needed);
    return true;
}

static __attribute__((noinline)) void request_answered(struct docent_request *r, const struct wire_reply_header *header,
                                                       const uint8_t *body, size_t size)
{
    struct docent_core *c = r->core;
    docent_status status = (docent_status)header->err;
    bool unread = body == NULL && status == DOCENT_ERR_TOO_LARGE;
    if (unread && !docent_op_is_read(r->type)) status = DOCENT_ERR_UNKNOWN_OUTCOME;
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
        if (r->freed) docent_request_free(r);
        return;
    }
    if (status == DOCENT_ERR_UNIMPLEMENTED && too_old(r) && r->kind == REQUEST_CALL) status = DOCENT_ERR_UNSUPPORTED;
    r->zxid = header->zxid;
    r->body = body;
    r->body_size = size;

    if (r->kind != REQUEST_CALL) {
        struct result_arena arena = docent_request_arena(r);
        docent_result result;
        docent_reply_decode(r->view, r->type, 0, status, r->zxid, body, size, &arena, &result);
        result.attempts = 1;
        docent_request_deliver(r, result.status, true, &result);
        docent_arena_free(&arena);
        docent_request_free(r);
        return;
    }
    switch (verdict) {
    case VERDICT_TELL:
        docent_request_finish(r, status);
        break;
    case VERDICT_SUCCESS:
        docent_request_finish(r, DOCENT_OK);
        break;
    case VERDICT_AGAIN:
        if (docent_leaves_doubt(status) && !docent_op_is_read(r->type)) r->lost = true;
        docent_request_again(r, status);
        break;
    case VERDICT_FIND:
        r->status = outcome;
        request_find(r);
        break;
    case VERDICT_UNKNOWN:
        if (docent_retry_allows(r->retry, status)) r->cause = status;
        docent_request_finish(r, DOCENT_ERR_UNKNOWN_OUTCOME);
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
    docent_request_unlist(r);
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
        if (r->freed) docent_request_free(r);
        return;
    }
    if (r->kind != REQUEST_CALL) {
        docent_result result = { .struct_size = sizeof result, .status = DOCENT_ERR_CONNECTION_LOSS, .attempts = sent };
        docent_request_deliver(r, DOCENT_ERR_CONNECTION_LOSS, sent, &result);
        docent_request_free(r);
        return;
    }
    if (!sent) {
        r->attempts--;
        docent_request_pend(r);
        return;
    }
    if (!docent_op_is_read(r->type)) r->lost = true;
    r->cause = DOCENT_ERR_CONNECTION_LOSS;
    if (docent_verdict(r->type, r->version, r->mode, r->lost, DOCENT_ERR_CONNECTION_LOSS) == VERDICT_UNKNOWN) {
        docent_request_finish(r, DOCENT_ERR_UNKNOWN_OUTCOME);
    } else {
        docent_request_again(r, DOCENT_ERR_CONNECTION_LOSS);
    }
}
