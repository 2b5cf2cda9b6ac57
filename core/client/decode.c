/* core/client/decode.c - replies to results. Paths lose the client's chroot here and in the watch registry, and nowhere else. */
#include <string.h>

#include "core/client/plain.h"

const char *docent_path_strip(const docent_client *client, const char *path)
{
    size_t size = client->chroot_size;
    if (size == 0 || strncmp(path, client->chroot, size) != 0) return path;
    if (path[size] == '/') return path + size;
    return path[size] == '\0' ? "/" : path;
}

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
