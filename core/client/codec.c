/* core/client/codec.c - operations to requests, replies to results. Paths get the client's chroot on the way out and lose it on
 * the way in, here and in the watch registry and nowhere else. */
#include <stdlib.h>
#include <string.h>

#include "core/client/outcome.h"
#include "core/client/plain.h"

/* ---- Out. ---- */

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

const char *docent_path_strip(const docent_client *client, const char *path)
{
    size_t size = client->chroot_size;
    if (size == 0 || strncmp(path, client->chroot, size) != 0) return path;
    if (path[size] == '/') return path + size;
    return path[size] == '\0' ? "/" : path;
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

/* ---- In. ---- */

struct arena_chunk {
    struct arena_chunk *next;
    max_align_t memory[];
};

void *docent_arena_alloc(struct result_arena *arena, size_t count, size_t size)
{
    if (size != 0 && count > (SIZE_MAX - sizeof(struct arena_chunk)) / size) return NULL;
    struct arena_chunk *chunk = docent_alloc(arena->allocator, sizeof *chunk + count * size);
    if (chunk == NULL) return NULL;
    chunk->next = arena->chunks;
    arena->chunks = chunk;
    return chunk->memory;
}

void docent_arena_free_chunks(struct result_arena *arena)
{
    while (arena->chunks != NULL) {
        struct arena_chunk *next = arena->chunks->next;
        docent_free(arena->allocator, arena->chunks);
        arena->chunks = next;
    }
}

static char *arena_text(struct result_arena *arena, wire_bytes text)
{
    size_t size = text.size < 0 ? 0 : (size_t)text.size;
    char *copy = docent_arena_alloc(arena, size + 1, 1);
    if (copy == NULL) return NULL;
    if (size > 0) memcpy(copy, text.data, size);
    copy[size] = '\0';
    return copy;
}

/* Names, or "scheme:user" of credentials: @next yields one as two parts. */
static docent_status names_decode(struct result_arena *arena, wire_list list, bool clients, docent_result *result)
{
    size_t count = list.count < 0 ? 0 : (size_t)list.count;
    /* One block: the pointers, then the texts. A text is no longer than its encoding. */
    char **names = docent_arena_alloc(arena, 1, count * sizeof *names + list.size + count);
    if (names == NULL) return DOCENT_ERR_NO_MEMORY;
    char *text = (char *)(names + count);
    for (size_t i = 0; i < count; i++) {
        wire_bytes parts[2] = { { NULL, -1 }, { NULL, -1 } };
        if (clients) {
            struct wire_client_info info;
            if (!docent_wire_list_next_client(&list, &info)) return DOCENT_ERR_PROTOCOL;
            parts[0] = info.scheme;
            parts[1] = info.user;
        } else if (!docent_wire_list_next_string(&list, &parts[0])) {
            return DOCENT_ERR_PROTOCOL;
        }
        names[i] = text;
        for (int part = 0; part < (clients ? 2 : 1); part++) {
            if (part == 1) *text++ = ':';
            if (parts[part].size > 0) {
                memcpy(text, parts[part].data, (size_t)parts[part].size);
                text += parts[part].size;
            }
        }
        *text++ = '\0';
    }
    result->names = (const char *const *)names;
    result->name_count = count;
    return DOCENT_OK;
}

static docent_status acl_decode(struct result_arena *arena, wire_list list, docent_result *result)
{
    size_t count = list.count < 0 ? 0 : (size_t)list.count;
    docent_acl *entries = docent_arena_alloc(arena, count, sizeof *entries);
    if (entries == NULL) return DOCENT_ERR_NO_MEMORY;
    for (size_t i = 0; i < count; i++) {
        struct wire_acl entry;
        if (!docent_wire_list_next_acl(&list, &entry)) return DOCENT_ERR_PROTOCOL;
        entries[i].perms = entry.perms;
        entries[i].scheme = arena_text(arena, entry.scheme);
        entries[i].id = arena_text(arena, entry.id);
        if (entries[i].scheme == NULL || entries[i].id == NULL) return DOCENT_ERR_NO_MEMORY;
    }
    result->acl = (docent_acl_list){ entries, count };
    return DOCENT_OK;
}

static void data_set(docent_result *result, wire_bytes data)
{
    result->data = data.size < 0 ? NULL : data.data;
    result->size = data.size < 0 ? 0 : (size_t)data.size;
}

static void stat_set(docent_result *result, const docent_stat *stat)
{
    result->has_stat = true;
    result->stat = *stat;
}

/* What stat_set() does, without a copy: the most frequent answers have no more than this. */
static docent_status stat_decode(struct wire_in *in, docent_result *result)
{
    docent_wire_read_stat(in, &result->stat);
    result->has_stat = true;
    return in->failed ? DOCENT_ERR_PROTOCOL : DOCENT_OK;
}

/* On failure there are no data. */
static docent_status data_unpack(struct result_arena *arena, docent_result *result)
{
    docent_status status = docent_gunzip(arena, result);
    if (status != DOCENT_OK) {
        result->data = NULL;
        result->size = 0;
    }
    return status;
}

static docent_status path_decode(docent_client *client, struct result_arena *arena, wire_bytes path, docent_result *result)
{
    char *text = arena_text(arena, path);
    if (text == NULL) return DOCENT_ERR_NO_MEMORY;
    result->path = docent_path_strip(client, text);
    return DOCENT_OK;
}

static docent_status multi_decode(docent_client *client, size_t guard_count, struct result_arena *arena, struct wire_in *in,
                                  docent_result *result);

/* One successful answer. */
static docent_status body_decode(docent_client *client, docent_op_type type, size_t guard_count, struct result_arena *arena,
                                 struct wire_in *in, docent_result *result)
{
    switch (type) {
    case DOCENT_OP_CREATE: {
        struct wire_path_record created;
        if (!docent_wire_get_path_record(in, &created)) return DOCENT_ERR_PROTOCOL;
        if (in->size >= WIRE_STAT_SIZE) { /* create2 and later. */
            struct wire_stat_response stat;
            if (!docent_wire_get_stat_response(in, &stat)) return DOCENT_ERR_PROTOCOL;
            stat_set(result, &stat.stat);
        }
        return path_decode(client, arena, created.path, result);
    }
    case DOCENT_OP_GET:
    case DOCENT_OP_RECONFIG:
        data_set(result, docent_wire_get_buffer(in));
        return stat_decode(in, result);
    case DOCENT_OP_EXISTS:
    case DOCENT_OP_SET:
    case DOCENT_OP_SET_ACL:
        return stat_decode(in, result);
    case DOCENT_OP_GET_ACL: {
        struct wire_acl_response answer;
        if (!docent_wire_get_acl_response(in, &answer)) return DOCENT_ERR_PROTOCOL;
        stat_set(result, &answer.stat);
        return acl_decode(arena, answer.acl, result);
    }
    case DOCENT_OP_CHILDREN: {
        struct wire_children2_response answer;
        if (!docent_wire_get_children2_response(in, &answer)) return DOCENT_ERR_PROTOCOL;
        stat_set(result, &answer.stat);
        return names_decode(arena, answer.names, false, result);
    }
    case DOCENT_OP_CHILD_COUNT: {
        struct wire_number_response answer;
        if (!docent_wire_get_number_response(in, &answer)) return DOCENT_ERR_PROTOCOL;
        result->number = answer.number;
        return DOCENT_OK;
    }
    case DOCENT_OP_EPHEMERALS: {
        struct wire_strings_response answer;
        if (!docent_wire_get_strings_response(in, &answer)) return DOCENT_ERR_PROTOCOL;
        docent_status status = names_decode(arena, answer.names, false, result);
        if (status != DOCENT_OK) return status;
        const char **names = (const char **)(uintptr_t)result->names;
        size_t kept = 0;
        for (size_t i = 0; i < result->name_count; i++) {
            /* The server compares text: asked for "/a" it tells of "/ab" too, which is not the view's. */
            const char *behind = names[i] + client->chroot_size;
            if (strncmp(names[i], client->chroot, client->chroot_size) != 0 || (*behind != '/' && *behind != '\0')) continue;
            names[kept++] = docent_path_strip(client, names[i]);
        }
        result->name_count = kept;
        return DOCENT_OK;
    }
    case DOCENT_OP_WHO_AM_I: {
        struct wire_who_am_i_response answer;
        if (!docent_wire_get_who_am_i_response(in, &answer)) return DOCENT_ERR_PROTOCOL;
        return names_decode(arena, answer.clients, true, result);
    }
    case DOCENT_OP_MULTI:
    case DOCENT_OP_MULTI_READ:
        return multi_decode(client, guard_count, arena, in, result);
    case DOCENT_OP_DELETE:
    case DOCENT_OP_SYNC:
    case DOCENT_OP_CHECK:
    case DOCENT_OP_CHECK_WATCHES:
    case DOCENT_OP_TYPES:
        break;
    }
    return DOCENT_OK;
}

/* The answer to one part. It says itself what it is: older servers answer create2 as create. */
static docent_status part_decode(docent_client *client, int32_t op, struct result_arena *arena, struct wire_in *in,
                                 docent_result *result)
{
    switch (op) {
    case WIRE_OP_CREATE:
    case WIRE_OP_CREATE2: {
        struct wire_path_record created;
        if (!docent_wire_get_path_record(in, &created)) return DOCENT_ERR_PROTOCOL;
        if (op == WIRE_OP_CREATE2) {
            struct wire_stat_response stat;
            if (!docent_wire_get_stat_response(in, &stat)) return DOCENT_ERR_PROTOCOL;
            stat_set(result, &stat.stat);
        }
        return path_decode(client, arena, created.path, result);
    }
    case WIRE_OP_SET_DATA:
        return body_decode(client, DOCENT_OP_SET, 0, arena, in, result);
    case WIRE_OP_GET_DATA: {
        docent_status status = body_decode(client, DOCENT_OP_GET, 0, arena, in, result);
        if (status == DOCENT_OK && arena->inflated_max > 0) result->status = data_unpack(arena, result);
        return result->status == DOCENT_ERR_NO_MEMORY ? DOCENT_ERR_NO_MEMORY : status; /* That is about us, not about the node. */
    }
    case WIRE_OP_GET_CHILDREN: {
        struct wire_strings_response answer;
        if (!docent_wire_get_strings_response(in, &answer)) return DOCENT_ERR_PROTOCOL;
        return names_decode(arena, answer.names, false, result);
    }
    case WIRE_OP_DELETE:
    case WIRE_OP_CHECK:
        return DOCENT_OK;
    case WIRE_OP_ERROR: {
        struct wire_error_response error;
        if (!docent_wire_get_error_response(in, &error)) return DOCENT_ERR_PROTOCOL;
        result->status = (docent_status)error.err;
        return DOCENT_OK;
    }
    default:
        return DOCENT_ERR_PROTOCOL;
    }
}

static docent_status multi_decode(docent_client *client, size_t guard_count, struct result_arena *arena, struct wire_in *in,
                                  docent_result *result)
{
    docent_result *parts = NULL;
    size_t count = 0, room = 0;
    for (;;) {
        struct wire_multi_header header;
        if (!docent_wire_get_multi_header(in, &header)) return DOCENT_ERR_PROTOCOL;
        if (header.done) break;
        if (count == room) {
            size_t more = room == 0 ? 8 : room * 2;
            docent_result *larger = docent_arena_alloc(arena, more, sizeof *larger);
            if (larger == NULL) return DOCENT_ERR_NO_MEMORY;
            if (count > 0) memcpy(larger, parts, count * sizeof *larger);
            parts = larger;
            room = more;
        }
        docent_result *part = &parts[count++];
        memset(part, 0, sizeof *part);
        part->struct_size = sizeof *part;
        part->zxid = result->zxid;
        docent_status status = part_decode(client, header.op, arena, in, part);
        if (status != DOCENT_OK) return status;
    }
    if (count < guard_count) return DOCENT_ERR_PROTOCOL;
    result->results = parts;
    result->result_count = count;
    return DOCENT_OK;
}

/* The transaction failed as a whole: one part has the cause, the others were rolled back. */
static void multi_blame(docent_result *result, size_t guard_count)
{
    docent_result *parts = (docent_result *)(uintptr_t)result->results;
    bool found = false;
    for (size_t i = 0; i < result->result_count; i++) {
        if (!found && parts[i].status != DOCENT_OK && parts[i].status != DOCENT_ERR_ROLLED_BACK) {
            found = true;
            result->status = i < guard_count ? DOCENT_ERR_NOT_HELD : parts[i].status;
        }
    }
    if (!found) return;
    for (size_t i = 0; i < result->result_count; i++) {
        if (parts[i].status == DOCENT_OK) parts[i].status = DOCENT_ERR_ROLLED_BACK;
    }
}

void docent_reply_decode(docent_client *client, docent_op_type type, size_t guard_count, docent_status status, int64_t zxid,
                         const uint8_t *body, size_t size, struct result_arena *arena, docent_result *result)
{
    docent_zero(result, sizeof *result);
    result->struct_size = sizeof *result;
    result->status = status;
    result->zxid = zxid;
    if (status != DOCENT_OK || body == NULL) { /* Whatever follows an error means nothing. */
        if (status == DOCENT_ERR_TOO_LARGE && body == NULL) result->size = size;
        return;
    }

    docent_status decoded;
    if (docent_answer_is_plain(type)) {
        decoded = docent_plain_decode(type, body, size, result) ? DOCENT_OK : DOCENT_ERR_PROTOCOL;
    } else {
        struct wire_in in = docent_wire_in(body, size);
        decoded = body_decode(client, type, guard_count, arena, &in, result);
    }
    if (decoded == DOCENT_OK && type == DOCENT_OP_GET && arena->inflated_max > 0) decoded = data_unpack(arena, result);
    if (decoded != DOCENT_OK) {
        memset(result, 0, sizeof *result);
        result->struct_size = sizeof *result;
        result->status = decoded;
        return;
    }
    if (type == DOCENT_OP_MULTI) {
        multi_blame(result, guard_count);
        if (result->result_count > 0) { /* The guards were ours, not the caller's. */
            result->results += guard_count;
            result->result_count -= guard_count;
        }
    }
}
