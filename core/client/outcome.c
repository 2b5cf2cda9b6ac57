/* core/client/outcome.c - see outcome.h. */
#include "core/client/outcome.h"

#include <string.h>

#include "core/client/machine.h"

bool docent_op_is_read(docent_op_type type)
{
    switch (type) {
    case DOCENT_OP_EXISTS:
    case DOCENT_OP_GET:
    case DOCENT_OP_GET_ACL:
    case DOCENT_OP_CHILDREN:
    case DOCENT_OP_CHILD_COUNT:
    case DOCENT_OP_EPHEMERALS:
    case DOCENT_OP_SYNC:
    case DOCENT_OP_MULTI_READ:
    case DOCENT_OP_CHECK_WATCHES:
    case DOCENT_OP_WHO_AM_I:
        return true;
    case DOCENT_OP_CREATE:
    case DOCENT_OP_DELETE:
    case DOCENT_OP_SET:
    case DOCENT_OP_SET_ACL:
    case DOCENT_OP_CHECK:
    case DOCENT_OP_MULTI:
    case DOCENT_OP_RECONFIG:
    case DOCENT_OP_TYPES:
        return false;
    }
    return false;
}

enum recovery docent_recovery(docent_op_type type, int32_t version, docent_create_mode mode)
{
    if (docent_op_is_read(type)) return RECOVER_REPEAT;
    if (type == DOCENT_OP_DELETE || type == DOCENT_OP_SET || type == DOCENT_OP_SET_ACL) {
        return version == DOCENT_ANY_VERSION ? RECOVER_REPEAT : RECOVER_REPEAT_THEN_FIND;
    }
    if (type == DOCENT_OP_CREATE) return docent_mode_is_sequential(mode) ? RECOVER_UNKNOWN : RECOVER_REPEAT_THEN_FIND;
    if (type == DOCENT_OP_MULTI) return version == DOCENT_ANY_VERSION ? RECOVER_UNKNOWN : RECOVER_REPEAT_THEN_FIND;
    return RECOVER_UNKNOWN;
}

enum exclusion docent_multi_excludes_itself(const docent_op *op)
{
    enum exclusion exclusion = EXCLUDES_NOT;
    for (size_t i = 0; i < op->op_count; i++) {
        const docent_op *part = &op->ops[i];
        if ((part->type == DOCENT_OP_SET || part->type == DOCENT_OP_DELETE) && part->version != DOCENT_ANY_VERSION) return EXCLUDES;
        if (part->type != DOCENT_OP_CREATE || docent_mode_is_sequential(part->mode)) continue;
        if (part->mode != DOCENT_EPHEMERAL) return EXCLUDES;
        exclusion = EXCLUDES_IN_SESSION;
    }
    return exclusion;
}

bool docent_may_be_own_doing(docent_op_type type, docent_status status)
{
    if (type == DOCENT_OP_CREATE) return status == DOCENT_ERR_NODE_EXISTS;
    if (type == DOCENT_OP_MULTI) return status != DOCENT_OK;
    bool conditional = type == DOCENT_OP_SET || type == DOCENT_OP_SET_ACL || type == DOCENT_OP_DELETE;
    return conditional && (status == DOCENT_ERR_BAD_VERSION || status == DOCENT_ERR_NO_NODE);
}

bool docent_leaves_doubt(docent_status status)
{
    return status == DOCENT_ERR_CONNECTION_LOSS || status == DOCENT_ERR_OPERATION_TIMEOUT || status == DOCENT_ERR_REQUEST_TIMEOUT;
}

enum verdict docent_verdict(docent_op_type type, int32_t version, docent_create_mode mode, bool lost, docent_status status)
{
    enum recovery recovery = docent_recovery(type, version, mode);
    bool in_doubt = lost || docent_leaves_doubt(status);
    if (in_doubt && recovery == RECOVER_UNKNOWN) return VERDICT_UNKNOWN;
    if (docent_retry_allows(NULL, status)) return VERDICT_AGAIN;
    if (!lost || status == DOCENT_OK || docent_op_is_read(type)) return VERDICT_TELL;
    if (recovery == RECOVER_REPEAT_THEN_FIND && docent_may_be_own_doing(type, status)) return VERDICT_FIND;
    if (type == DOCENT_OP_DELETE && status == DOCENT_ERR_NO_NODE) return VERDICT_SUCCESS;
    return VERDICT_UNKNOWN; /* How the second sending failed says nothing of the first, which may have been applied and undone. */
}

/* Reads one record, whether it is wanted or only stands in front. False: nonsense, or an operation that is no write. */
static bool write_read(struct wire_in *in, int32_t op, struct sent_write *write)
{
    *write = (struct sent_write){ .type = DOCENT_OP_TYPES };
    switch (op) {
    case WIRE_OP_CREATE:
    case WIRE_OP_CREATE2:
    case WIRE_OP_CREATE_CONTAINER:
    case WIRE_OP_CREATE_TTL: {
        struct wire_create_request request;
        if (!docent_wire_get_create_request(in, &request)) return false;
        if (op == WIRE_OP_CREATE_TTL) (void)docent_wire_get_long(in);
        write->type = DOCENT_OP_CREATE;
        write->path = request.path;
        write->data = request.data;
        write->mode = (docent_create_mode)request.flags;
        break;
    }
    case WIRE_OP_SET_DATA: {
        struct wire_set_data_request request;
        if (!docent_wire_get_set_data_request(in, &request)) return false;
        write->type = DOCENT_OP_SET;
        write->path = request.path;
        write->data = request.data;
        write->version = request.version;
        break;
    }
    case WIRE_OP_DELETE:
    case WIRE_OP_CHECK: {
        struct wire_versioned_request request;
        if (!docent_wire_get_versioned_request(in, &request)) return false;
        if (op == WIRE_OP_DELETE) write->type = DOCENT_OP_DELETE;
        write->path = request.path;
        write->version = request.version;
        break;
    }
    default:
        return false;
    }
    return !in->failed;
}

bool docent_sent_write(int32_t op, const uint8_t *record, size_t size, size_t part, struct sent_write *write)
{
    struct wire_in in = docent_wire_in(record, size);
    if (op != WIRE_OP_MULTI) return write_read(&in, op, write) && write->type != DOCENT_OP_TYPES;
    for (size_t i = 0; i <= part; i++) {
        struct wire_multi_header header;
        if (!docent_wire_get_multi_header(&in, &header) || header.done) return false;
        if (!write_read(&in, header.op, write)) return false;
    }
    return write->type != DOCENT_OP_TYPES;
}

docent_status docent_multi_failure(const uint8_t *body, size_t size, size_t *ret_part)
{
    struct wire_in in = docent_wire_in(body, size);
    struct wire_multi_header header;
    for (size_t i = 0; docent_wire_get_multi_header(&in, &header) && !header.done && header.op == WIRE_OP_ERROR; i++) {
        struct wire_error_response error;
        if (!docent_wire_get_error_response(&in, &error)) return DOCENT_ERR_PROTOCOL;
        *ret_part = i;
        if (error.err != 0) return (docent_status)error.err;
    }
    return DOCENT_OK; /* A failed transaction has error results only. */
}

static bool has_our_data(const struct sent_write *write, const docent_result *node)
{
    if (write->data.size < 0 || node->data == NULL) return write->data.size < 0 && node->data == NULL;
    return (size_t)write->data.size == node->size && memcmp(write->data.data, node->data, node->size) == 0;
}

docent_status docent_lost_write_found(const struct docent_lost_write *lost, docent_status conflict, const docent_result *node)
{
    struct sent_write write = {
        .type = lost->type,
        .data = { lost->data, lost->data == NULL ? -1 : (int32_t)lost->size },
        .version = lost->version,
        .mode = lost->mode,
    };
    return docent_found_out(&write, conflict, lost->zxid_before, lost->session_id, node);
}

docent_status docent_found_out(const struct sent_write *write, docent_status conflict, int64_t zxid_before, int64_t session_id,
                               const docent_result *node)
{
    const docent_stat *stat = &node->stat;
    if (node->status != DOCENT_OK) return DOCENT_ERR_UNKNOWN_OUTCOME; /* Gone since: by whom, and was it ours? */
    bool same_data = has_our_data(write, node);

    if (write->type == DOCENT_OP_CREATE) {
        if (conflict != DOCENT_ERR_NODE_EXISTS) return DOCENT_ERR_UNKNOWN_OUTCOME; /* No sign of either. */
        if (stat->czxid <= zxid_before) return conflict; /* Older than our first sending. */
        if (write->mode == DOCENT_EPHEMERAL) {
            if (stat->ephemeral_owner != session_id) return conflict;
            return same_data && stat->version == 0 ? DOCENT_OK : DOCENT_ERR_UNKNOWN_OUTCOME;
        }
        return stat->version == 0 && !same_data ? conflict : DOCENT_ERR_UNKNOWN_OUTCOME;
    }
    if (conflict != DOCENT_ERR_BAD_VERSION && conflict != DOCENT_ERR_NO_NODE) return DOCENT_ERR_UNKNOWN_OUTCOME;
    if (write->version == DOCENT_ANY_VERSION) return DOCENT_ERR_UNKNOWN_OUTCOME;
    if (write->type == DOCENT_OP_SET) {
        if (stat->mzxid <= zxid_before) return conflict; /* Nothing was set since. */
        /* One set was made upon the version that we named. Its data are not ours: it was not ours. */
        bool one_set = stat->version == (int32_t)((uint32_t)write->version + 1) && stat->czxid <= zxid_before;
        return one_set && !same_data ? conflict : DOCENT_ERR_UNKNOWN_OUTCOME;
    }
    return stat->czxid <= zxid_before ? conflict : DOCENT_ERR_UNKNOWN_OUTCOME; /* The same node as then: not deleted. */
}
