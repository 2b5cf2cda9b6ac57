/* src/reads.c - see reads.h. */
#include "reads.h"

#include <stdio.h>
#include <string.h>

#include <docent/client.h>

#include "acl.h"
#include "answers.h"
#include "text.h"
#include "watching.h"

static bool allowed(const struct connection *c, const struct node *node, int32_t perms)
{
    return docent_acl_allows(node->acl, node->acl_size, node->acl_count, perms, c->credentials.data, c->credentials.size);
}

static wire_bytes node_data(const struct node *node)
{
    return docent_wire_buffer(node->data, (size_t)node->stat.data_length);
}

static void children_put(struct wire_out *out, const struct node *node)
{
    docent_wire_put_int(out, node->stat.num_children);
    for (const struct node *child = node->first_child; child != NULL; child = child->next) {
        docent_wire_put_string(out, docent_wire_string(docent_node_name(child)));
    }
}

static const struct node *find(const struct replica *replica, wire_bytes path)
{
    if (path.size < 0) return NULL;
    return docent_tree_find(replica->tree, (const char *)path.data, (size_t)path.size);
}

static int32_t read_exists(struct connection *c, struct wire_in *in, struct wire_out *out)
{
    struct wire_read_request request;
    if (!docent_wire_get_read_request(in, &request) || request.path.size < 0) return DOCENT_ERR_MARSHALLING;
    if (memchr(request.path.data, 0, (size_t)request.path.size) != NULL) return DOCENT_ERR_BAD_ARGUMENTS;
    const struct node *node = find(c->replica, request.path);
    if (c->replica->speak->exists_filtered && node != NULL && !allowed(c, node, DOCENT_PERM_READ)) return DOCENT_ERR_NO_AUTH;
    if (request.watch) docent_watching_leave(c, request.path, TABLE_DATA);
    if (node == NULL) return DOCENT_ERR_NO_NODE;
    docent_answer_put_stat(out, docent_tree_stat(node));
    return DOCENT_OK;
}

static int32_t read_data(struct connection *c, struct wire_in *in, struct wire_out *out)
{
    struct wire_read_request request;
    if (!docent_wire_get_read_request(in, &request) || request.path.size < 0) return DOCENT_ERR_MARSHALLING;
    const struct node *node = find(c->replica, request.path);
    if (node == NULL) return DOCENT_ERR_NO_NODE;
    if (!allowed(c, node, DOCENT_PERM_READ)) return DOCENT_ERR_NO_AUTH;
    if (request.watch) docent_watching_leave(c, request.path, TABLE_DATA);
    struct wire_data_response response = { node_data(node), docent_tree_stat(node) };
    docent_wire_put_data_response(out, &response);
    return DOCENT_OK;
}

static int32_t read_children(struct connection *c, struct wire_in *in, struct wire_out *out, bool with_stat)
{
    struct wire_read_request request;
    if (!docent_wire_get_read_request(in, &request) || request.path.size < 0) return DOCENT_ERR_MARSHALLING;
    const struct node *node = find(c->replica, request.path);
    if (node == NULL) return DOCENT_ERR_NO_NODE;
    if (!allowed(c, node, DOCENT_PERM_READ)) return DOCENT_ERR_NO_AUTH;
    if (request.watch) docent_watching_leave(c, request.path, TABLE_CHILD);
    children_put(out, node);
    if (with_stat) docent_answer_put_stat(out, docent_tree_stat(node));
    return DOCENT_OK;
}

static int32_t read_acl(struct connection *c, struct wire_in *in, struct wire_out *out)
{
    struct wire_path_record request;
    if (!docent_wire_get_path_record(in, &request) || request.path.size < 0) return DOCENT_ERR_MARSHALLING;
    const struct node *node = find(c->replica, request.path);
    if (node == NULL) return DOCENT_ERR_NO_NODE;
    if (!allowed(c, node, DOCENT_PERM_READ | DOCENT_PERM_ADMIN)) return DOCENT_ERR_NO_AUTH;
    bool full = allowed(c, node, DOCENT_PERM_ADMIN);
    docent_wire_put_int(out, node->acl_count);
    struct wire_in entries = docent_wire_in(node->acl, node->acl_size);
    struct wire_acl entry;
    while (entries.size > 0 && docent_wire_get_acl(&entries, &entry)) {
        char masked[512];
        if (!full && text_is(entry.scheme, "digest")) {
            const uint8_t *colon = memchr(entry.id.data, ':', (size_t)entry.id.size);
            int user = colon == NULL ? entry.id.size : (int)(colon - entry.id.data);
            if (user > 500) user = 500;
            snprintf(masked, sizeof masked, "%.*s:x", user, (const char *)entry.id.data);
            entry.id = docent_wire_string(masked);
        }
        docent_wire_put_acl(out, &entry);
    }
    docent_answer_put_stat(out, docent_tree_stat(node));
    return DOCENT_OK;
}

static int32_t read_ephemerals(struct connection *c, struct wire_in *in, struct wire_out *out)
{
    struct wire_path_record request;
    if (!docent_wire_get_path_record(in, &request)) return DOCENT_ERR_MARSHALLING;
    size_t size = request.path.size < 0 ? 0 : (size_t)request.path.size;
    bool all = true;
    for (size_t i = 0; i < size; i++) all &= request.path.data[i] == ' ' || (size == 1 && request.path.data[i] == '/');
    size_t count_at = out->size;
    int32_t count = 0;
    docent_wire_put_int(out, 0);
    for (const struct node *node = docent_tree_owned(c->replica->tree, c->session); node != NULL; node = node->owned_next) {
        if (!all && (node->path_size < size || memcmp(node->path, request.path.data, size) != 0)) continue;
        docent_wire_put_string(out, docent_wire_string(node->path));
        count++;
    }
    uint32_t big = __builtin_bswap32((uint32_t)count);
    memcpy(out->data + count_at, &big, 4);
    return DOCENT_OK;
}

static int32_t read_count(struct connection *c, struct wire_in *in, struct wire_out *out)
{
    struct wire_path_record request;
    if (!docent_wire_get_path_record(in, &request) || request.path.size < 0) return DOCENT_ERR_MARSHALLING;
    const struct node *node = find(c->replica, request.path);
    if (node == NULL) return DOCENT_ERR_NO_NODE;
    if (!allowed(c, node, DOCENT_PERM_READ)) return DOCENT_ERR_NO_AUTH;
    /* "" is the root, but counts what begins with a slash, and so does the root. */
    docent_wire_put_int(out, (int32_t)docent_tree_descendants(node) + (request.path.size == 0));
    return DOCENT_OK;
}

static int32_t read_who_am_i(struct connection *c, struct wire_out *out)
{
    size_t count_at = out->size;
    int32_t count = 0;
    docent_wire_put_int(out, 0);
    struct wire_in in = docent_wire_in(c->credentials.data, c->credentials.size);
    struct wire_client_info info;
    while (in.size > 0 && docent_wire_get_client_info(&in, &info)) {
        if (text_is(info.scheme, "digest")) {
            const uint8_t *colon = memchr(info.user.data, ':', (size_t)info.user.size);
            if (colon != NULL) info.user.size = (int32_t)(colon - info.user.data);
        }
        docent_wire_put_client_info(out, &info);
        count++;
    }
    uint32_t big = __builtin_bswap32((uint32_t)count);
    memcpy(out->data + count_at, &big, 4);
    return DOCENT_OK;
}

static int32_t read_multi(struct connection *c, struct wire_in *in, struct wire_out *out)
{
    struct wire_multi_header header;
    for (;;) {
        if (!docent_wire_get_multi_header(in, &header)) return DOCENT_ERR_MARSHALLING;
        if (header.done) break;
        struct wire_in copy = *in;
        struct wire_read_request request;
        if ((header.op != WIRE_OP_GET_DATA && header.op != WIRE_OP_GET_CHILDREN) || !docent_wire_get_read_request(in, &request) ||
            request.path.size < 0) {
            return DOCENT_ERR_MARSHALLING;
        }
        struct wire_out body = { 0 };
        struct wire_out plain = { 0 };
        docent_wire_put_raw(&plain, copy.data, copy.size - in->size);
        plain.data[plain.size - 1] = 0; /* Watch flags do not count here. */
        struct wire_in part = docent_wire_in(plain.data, plain.size);
        int32_t err = header.op == WIRE_OP_GET_DATA ? read_data(c, &part, &body) : read_children(c, &part, &body, false);
        struct wire_multi_header answer = { err == DOCENT_OK ? header.op : WIRE_OP_ERROR, false, err };
        docent_wire_put_multi_header(out, &answer);
        if (err == DOCENT_OK) {
            docent_wire_put_raw(out, body.data, body.size);
        } else {
            docent_wire_put_int(out, err);
        }
        docent_wire_out_free(&body);
        docent_wire_out_free(&plain);
    }
    struct wire_multi_header end = { WIRE_OP_ERROR, true, -1 };
    docent_wire_put_multi_header(out, &end);
    return DOCENT_OK;
}

int32_t docent_read(struct connection *c, const struct request *request, struct wire_in *in, struct wire_out *out)
{
    if (!docent_speak_knows(c->replica->speak, request->op)) return DOCENT_ERR_UNIMPLEMENTED;
    switch (request->op) {
    case WIRE_OP_PING: return DOCENT_OK;
    case WIRE_OP_EXISTS: return read_exists(c, in, out);
    case WIRE_OP_GET_DATA: return read_data(c, in, out);
    case WIRE_OP_GET_CHILDREN: return read_children(c, in, out, false);
    case WIRE_OP_GET_CHILDREN2: return read_children(c, in, out, true);
    case WIRE_OP_GET_ACL: return read_acl(c, in, out);
    case WIRE_OP_GET_EPHEMERALS: return read_ephemerals(c, in, out);
    case WIRE_OP_GET_ALL_CHILDREN_NUMBER: return read_count(c, in, out);
    case WIRE_OP_WHO_AM_I: return read_who_am_i(c, out);
    case WIRE_OP_MULTI_READ: return read_multi(c, in, out);
    case WIRE_OP_ADD_WATCH: return docent_watching_add(c, in, out);
    case WIRE_OP_CHECK_WATCHES: return docent_watching_look(c, in, false);
    case WIRE_OP_REMOVE_WATCHES: return docent_watching_look(c, in, true);
    case WIRE_OP_SET_WATCHES: return docent_watching_restore(c, in, false);
    case WIRE_OP_SET_WATCHES2: return docent_watching_restore(c, in, true);
    default: return DOCENT_ERR_UNIMPLEMENTED;
    }
}
