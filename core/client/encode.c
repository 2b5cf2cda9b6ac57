/* core/client/encode.c - operations to requests. Paths get the client's chroot here and in the watch registry, and nowhere else. */
#include <stdlib.h>
#include <string.h>

#include "core/client/plain.h"

static docent_status refuse(const docent_client *client, struct encoding *encoding, const docent_op *op, docent_status status, const char *fault)
{
    encoding->faulty = op;
    encoding->fault = fault;
    bool large = status == DOCENT_ERR_TOO_LARGE;
    docent_client_log(client, DOCENT_LOG_WARNING, large ? "call.too_large" : "call.invalid", op == NULL ? NULL : op->path, "%s", fault);
    return status;
}

static docent_status invalid(const docent_client *client, struct encoding *encoding, const docent_op *op, const char *fault)
{
    return refuse(client, encoding, op, DOCENT_ERR_INVALID_ARGUMENT, fault);
}

void docent_put_path(docent_client *client, struct wire_out *out, const char *path)
{
    size_t size = strlen(path);
    size_t room = sizeof(int32_t) + client->chroot_size + size;
    uint8_t *at = docent_wire_room(out, room);
    if (at != NULL) out->size -= room - (size_t)(docent_store_path(client, at, path, size) - at);
}

static bool acl_put(struct wire_out *out, docent_acl_list acl)
{
    if (acl.entries == NULL || acl.count > INT32_MAX) return false;
    docent_wire_put_int(out, (int32_t)acl.count);
    for (size_t i = 0; i < acl.count; i++) {
        const docent_acl *entry = &acl.entries[i];
        if (entry->scheme == NULL || entry->id == NULL) return false;
        struct wire_acl value = { entry->perms, docent_wire_string(entry->scheme), docent_wire_string(entry->id) };
        docent_wire_put_acl(out, &value);
    }
    return true;
}

const struct plain_record docent_plain_records[DOCENT_OP_TYPES] = {
    [DOCENT_OP_DELETE] = { .op = WIRE_OP_DELETE, .ends = ENDS_IN_VERSION },
    [DOCENT_OP_EXISTS] = { .op = WIRE_OP_EXISTS, .ends = ENDS_IN_WATCH },
    [DOCENT_OP_GET] = { .op = WIRE_OP_GET_DATA, .ends = ENDS_IN_WATCH },
    [DOCENT_OP_SET] = { .op = WIRE_OP_SET_DATA, .has_data = true, .ends = ENDS_IN_VERSION },
    [DOCENT_OP_GET_ACL] = { .op = WIRE_OP_GET_ACL },
    [DOCENT_OP_CHILDREN] = { .op = WIRE_OP_GET_CHILDREN2, .ends = ENDS_IN_WATCH },
    [DOCENT_OP_CHILD_COUNT] = { .op = WIRE_OP_GET_ALL_CHILDREN_NUMBER },
    [DOCENT_OP_EPHEMERALS] = { .op = WIRE_OP_GET_EPHEMERALS },
    [DOCENT_OP_SYNC] = { .op = WIRE_OP_SYNC },
    [DOCENT_OP_CHECK] = { .op = WIRE_OP_CHECK, .ends = ENDS_IN_VERSION },
};

uint32_t docent_op_min_version_of_newer(int32_t op)
{
    switch (op) {
    case WIRE_OP_CREATE_CONTAINER: return 30501;
    case WIRE_OP_CREATE_TTL: return 30503;
    case WIRE_OP_CHECK_WATCHES:
    case WIRE_OP_RECONFIG: return 30500;
    case WIRE_OP_GET_EPHEMERALS:
    case WIRE_OP_GET_ALL_CHILDREN_NUMBER:
    case WIRE_OP_MULTI_READ:
    case WIRE_OP_ADD_WATCH: return 30600;
    case WIRE_OP_WHO_AM_I: return 30700;
    default: return 0;
    }
}

/* What is wrong with the operation itself, or NULL; then @ret_size is that of its path, if it has one. */
static const char *op_fault(const docent_op *op, bool inside, size_t *ret_size)
{
    *ret_size = 0;
    switch (op->type) {
    case DOCENT_OP_CREATE:
        if ((int)op->mode < 0 || op->mode > DOCENT_PERSISTENT_SEQUENTIAL_TTL) return "unknown create mode";
        if (op->mode == DOCENT_PERSISTENT_TTL || op->mode == DOCENT_PERSISTENT_SEQUENTIAL_TTL) {
            if (op->ttl_ms < 1 || op->ttl_ms > DOCENT_TTL_MAX_MS) return "the TTL is not between 1 and DOCENT_TTL_MAX_MS";
        } else if (op->ttl_ms != 0) {
            return "a TTL without a TTL mode";
        }
        break;
    case DOCENT_OP_CHECK:
        if (!inside) return "a check stands in transactions only";
        break;
    case DOCENT_OP_SET_ACL:
        if (op->acl.count == 0) return "an empty ACL";
        break;
    case DOCENT_OP_MULTI:
    case DOCENT_OP_MULTI_READ:
        if (inside) return "a transaction within a transaction";
        if (op->op_count == 0 || op->ops == NULL) return "no operations";
        return NULL;
    case DOCENT_OP_RECONFIG: {
        bool changes = op->joining != NULL || op->leaving != NULL;
        if (!changes && op->members == NULL) return "no members, and none that join or leave";
        return changes && op->members != NULL ? "all members, and some that join or leave" : NULL;
    }
    case DOCENT_OP_WHO_AM_I:
        return NULL;
    case DOCENT_OP_EPHEMERALS:
    case DOCENT_OP_DELETE:
    case DOCENT_OP_EXISTS:
    case DOCENT_OP_GET:
    case DOCENT_OP_SET:
    case DOCENT_OP_GET_ACL:
    case DOCENT_OP_CHILDREN:
    case DOCENT_OP_CHILD_COUNT:
    case DOCENT_OP_SYNC:
    case DOCENT_OP_CHECK_WATCHES:
        break;
    case DOCENT_OP_TYPES:
    default:
        return "unknown operation";
    }
    if (op->path == NULL) return "no path";
    *ret_size = strlen(op->path);
    if (op->type == DOCENT_OP_EPHEMERALS) return NULL; /* A prefix: anything. */
    if (op->type == DOCENT_OP_CREATE || op->type == DOCENT_OP_SET) {
        if (op->data == NULL && op->size != 0) return "a size without data";
        if (op->size > INT32_MAX) return "more data than any request can have";
    }
    if (docent_path_is_plain(op->path, *ret_size)) return NULL;
    return docent_path_fault(op->path, op->type == DOCENT_OP_CREATE && docent_mode_is_sequential(op->mode));
}

static void plain_put(const docent_client *client, struct wire_out *out, const docent_op *op, size_t path_size)
{
    size_t room = docent_plain_room(client, op, path_size);
    uint8_t *begin = docent_wire_room(out, room);
    if (begin != NULL) out->size -= room - (size_t)(docent_plain_store(client, begin, op, path_size) - begin);
}

static docent_acl_list acl_of_create(const docent_client *client, const docent_op *op)
{
    const struct view_policy *policy = docent_view_policy(client);
    docent_acl_list acl = op->acl;
    if (acl.count == 0 && policy->acl_for != NULL) acl = policy->acl_for(op->path, policy->user);
    if (acl.count == 0) acl = policy->acl;
    return acl.count == 0 ? docent_acl_open() : acl;
}

struct op_data {
    const void *data;
    size_t size;
};

static struct op_data data_of(const docent_client *client, const docent_op *op)
{
    if (op->type != DOCENT_OP_CREATE && op->type != DOCENT_OP_SET) return (struct op_data){ NULL, 0 };
    const struct view_policy *policy = docent_view_policy(client);
    if (op->type == DOCENT_OP_CREATE && op->data == NULL) return (struct op_data){ policy->data, policy->data_size };
    return (struct op_data){ op->data, op->size };
}

/* Looked at before anything is copied, so that what is far too large costs nothing. */
static bool data_fits(const docent_client *client, const struct wire_out *out, bool compress, const docent_op *op)
{
    size_t size = data_of(client, op).size;
    if (compress) return size <= docent_view_policy(client)->inflated_max; /* What could not be read back is not written. */
    size_t max = client->core->options.request_max_bytes;
    return size <= max && out->size <= max - size + WIRE_FRAME_HEADER;
}

static docent_status data_put(const docent_client *client, struct wire_out *out, bool compress, const docent_op *op)
{
    struct op_data data = data_of(client, op);
    if (compress && data.data != NULL) return docent_gzip_put(out, data.data, data.size);
    docent_wire_put_buffer(out, docent_wire_buffer(data.data, data.size));
    return DOCENT_OK;
}

static docent_status create_put(docent_client *client, struct wire_out *out, const docent_op *op, struct encoding *encoding)
{
    encoding->op = op->mode == DOCENT_CONTAINER ? WIRE_OP_CREATE_CONTAINER
                   : op->ttl_ms != 0            ? WIRE_OP_CREATE_TTL
                                                : WIRE_OP_CREATE; /* Or create2, which has the same body: decided when it is sent. */
    docent_put_path(client, out, op->path);
    docent_status status = data_put(client, out, encoding->compress, op);
    if (status != DOCENT_OK) return status;
    if (!acl_put(out, acl_of_create(client, op))) return invalid(client, encoding, op, "an ACL that cannot be sent");
    docent_wire_put_int(out, (int32_t)op->mode);
    if (op->ttl_ms != 0) docent_wire_put_long(out, op->ttl_ms);
    return DOCENT_OK;
}

static docent_status set_put_compressed(docent_client *client, struct wire_out *out, const docent_op *op, struct encoding *encoding)
{
    encoding->op = WIRE_OP_SET_DATA;
    docent_put_path(client, out, op->path);
    docent_status status = data_put(client, out, true, op);
    docent_wire_put_int(out, op->version);
    return status;
}

static int32_t watcher_type(docent_watch_kind kind)
{
    switch (kind) {
    case DOCENT_WATCH_DATA: return WIRE_WATCHER_DATA;
    case DOCENT_WATCH_CHILDREN: return WIRE_WATCHER_CHILDREN;
    case DOCENT_WATCH_PERSISTENT:
    case DOCENT_WATCH_RECURSIVE: return WIRE_WATCHER_ANY; /* 3.9 tells them apart, older servers do not. */
    }
    return WIRE_WATCHER_ANY;
}

/* What stands alone or inside a transaction; @op is without fault. */
static docent_status op_put(docent_client *client, struct wire_out *out, const docent_op *op, size_t path_size, struct encoding *encoding)
{
    if (!data_fits(client, out, encoding->compress, op)) {
        return refuse(client, encoding, op, DOCENT_ERR_TOO_LARGE, "more data than the limit allows");
    }
    if (encoding->compress && op->type == DOCENT_OP_SET) return set_put_compressed(client, out, op, encoding);
    if (docent_op_is_plain(op)) {
        encoding->op = docent_plain_records[op->type].op;
        plain_put(client, out, op, path_size);
        return DOCENT_OK;
    }
    switch ((int)op->type) {
    case DOCENT_OP_CREATE:
        return create_put(client, out, op, encoding);
    case DOCENT_OP_SET_ACL:
        encoding->op = WIRE_OP_SET_ACL;
        docent_put_path(client, out, op->path);
        if (!acl_put(out, op->acl)) return invalid(client, encoding, op, "an ACL that cannot be sent");
        docent_wire_put_int(out, op->version);
        return DOCENT_OK;
    case DOCENT_OP_CHECK_WATCHES:
        encoding->op = WIRE_OP_CHECK_WATCHES;
        docent_put_path(client, out, op->path);
        docent_wire_put_int(out, watcher_type(op->watch_kind));
        return DOCENT_OK;
    case DOCENT_OP_RECONFIG: {
        encoding->op = WIRE_OP_RECONFIG;
        struct wire_reconfig_request request = { docent_wire_string(op->joining), docent_wire_string(op->leaving),
                                                 docent_wire_string(op->members), op->config_version };
        docent_wire_put_reconfig_request(out, &request);
        return DOCENT_OK;
    }
    case DOCENT_OP_WHO_AM_I:
        encoding->op = WIRE_OP_WHO_AM_I;
        return DOCENT_OK;
    default:
        abort(); /* Transactions are multi_put()'s. */
    }
}

static void multi_header_put(struct wire_out *out, int32_t op, bool done)
{
    struct wire_multi_header header = { op, done, -1 };
    docent_wire_put_multi_header(out, &header);
}

static const char *part_fault(const docent_op *multi, const docent_op *part, size_t *ret_path_size)
{
    const char *fault = op_fault(part, true, ret_path_size);
    if (fault != NULL) return fault;
    bool read = part->type == DOCENT_OP_GET || part->type == DOCENT_OP_CHILDREN;
    bool write = part->type == DOCENT_OP_CREATE || part->type == DOCENT_OP_DELETE || part->type == DOCENT_OP_SET ||
                 part->type == DOCENT_OP_CHECK;
    return (multi->type == DOCENT_OP_MULTI ? write : read) ? NULL : "an operation that cannot stand there";
}

static docent_status multi_put(docent_client *client, struct wire_out *out, const docent_op *op, struct encoding *encoding)
{
    size_t max = client->core->options.request_max_bytes;
    for (size_t i = 0; i < encoding->guard_count; i++) {
        /* No version: a revocation sets the node's data, so a version proves nothing. That the node is there, in the
         * session that made it, does. */
        multi_header_put(out, WIRE_OP_CHECK, false);
        docent_wire_put_string(out, docent_wire_string(docent_hold_server_path(encoding->guards[i])));
        docent_wire_put_int(out, DOCENT_ANY_VERSION);
    }
    for (size_t i = 0; i < op->op_count; i++) {
        const docent_op *part = &op->ops[i];
        size_t path_size;
        const char *fault = part_fault(op, part, &path_size);
        if (fault != NULL) return invalid(client, encoding, part, fault);
        size_t header_at = out->size;
        multi_header_put(out, 0, false);
        docent_status status = op_put(client, out, part, path_size, encoding);
        if (status != DOCENT_OK || out->failed) return status;
        if (encoding->op == WIRE_OP_GET_CHILDREN2) encoding->op = WIRE_OP_GET_CHILDREN; /* All that multiRead has. */
        docent_wire_store32(out->data + header_at, encoding->op);
        if (out->size - WIRE_FRAME_HEADER > max) {
            return refuse(client, encoding, part, DOCENT_ERR_TOO_LARGE, "with this operation the request is larger than the limit");
        }
    }
    multi_header_put(out, WIRE_OP_ERROR, true);
    encoding->op = op->type == DOCENT_OP_MULTI ? WIRE_OP_MULTI : WIRE_OP_MULTI_READ;
    return DOCENT_OK;
}

docent_status docent_op_encode(docent_client *client, const docent_op *op, struct encoding *encoding)
{
    struct docent_core *c = client->core;
    if (op == NULL || op->struct_size < sizeof op->struct_size) return invalid(client, encoding, NULL, "no operation");
    size_t path_size;
    const char *fault = op_fault(op, false, &path_size);
    if (fault != NULL) return invalid(client, encoding, op, fault);
    struct wire_out *out = &c->scratch;
    if (out->capacity > 65536) docent_wire_out_free(out); /* One large request does not make the client large for ever. */
    out->size = 0;
    (void)docent_wire_room(out, WIRE_FRAME_HEADER + WIRE_REQUEST_HEADER); /* Length and header: filled in below, and when it is sent. */
    bool multi = op->type == DOCENT_OP_MULTI || op->type == DOCENT_OP_MULTI_READ;
    docent_status status = multi ? multi_put(client, out, op, encoding) : op_put(client, out, op, path_size, encoding);
    if (out->failed) {
        out->failed = false;
        docent_wire_out_free(out);
        return DOCENT_ERR_NO_MEMORY;
    }
    if (status != DOCENT_OK) return status;
    if (out->size - WIRE_FRAME_HEADER > c->options.request_max_bytes) {
        return refuse(client, encoding, op, DOCENT_ERR_TOO_LARGE, "the request is larger than the limit");
    }
    docent_frame_header_store(out->data, out->size, encoding->op);
    return DOCENT_OK;
}
