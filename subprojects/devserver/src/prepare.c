/* src/prepare.c - see prepare.h. */
#include "prepare.h"

#include <stdio.h>
#include <string.h>

#include <docent/client.h>

#include "acl.h"
#include "core/wire/path.h"
#include "must.h"
#include "quota.h"
#include "text.h"

/* One request in the making. */
struct making {
    struct tree *tree;
    const struct server_config *config;
    const struct server_message *message;
    struct txn *txn;
    int64_t wall;
};

static bool allowed(const struct making *m, const struct node *node, int32_t perms)
{
    return docent_acl_allows(node->acl, node->acl_size, node->acl_count, perms, m->message->credentials, m->message->credentials_size);
}

static bool has_nul(wire_bytes path)
{
    return path.size > 0 && memchr(path.data, 0, (size_t)path.size) != NULL;
}

static struct node *find(const struct making *m, const char *path)
{
    return docent_tree_find(m->tree, path, strlen(path));
}

static struct node *find_parent(const struct making *m, const char *path)
{
    const char *slash = strrchr(path, '/');
    size_t size = (size_t)(slash - path);
    return docent_tree_find(m->tree, path, size == 0 ? 1 : size);
}

static int32_t check_version(int32_t expected, int32_t version)
{
    return expected == -1 || expected == version ? DOCENT_OK : DOCENT_ERR_BAD_VERSION;
}

static int32_t check_quota(const struct making *m, const char *path, int nodes, int64_t bytes)
{
    return !m->config->enforce_quota || docent_quota_allows(m->tree, path, nodes, bytes) ? DOCENT_OK : DOCENT_ERR_QUOTA_EXCEEDED;
}

/* Each of these checks one operation, and adds its change to the transaction. */

static int32_t make_create(struct making *m, int32_t op, struct wire_in *in)
{
    struct wire_create_request request;
    int64_t ttl = -1;
    if (!docent_wire_get_create_request(in, &request)) return DOCENT_ERR_MARSHALLING;
    if (op == WIRE_OP_CREATE_TTL) {
        struct wire_in rest = *in;
        if (rest.size < 8) return DOCENT_ERR_MARSHALLING;
        uint64_t big;
        memcpy(&big, rest.data, 8);
        ttl = (int64_t)__builtin_bswap64(big);
    }
    int32_t flags = request.flags;
    bool ttl_mode = flags == DOCENT_PERSISTENT_TTL || flags == DOCENT_PERSISTENT_SEQUENTIAL_TTL;
    const struct speak *speak = docent_speak(m->config->speak);
    if (flags < 0 || flags > speak->create_flags_max) {
        return m->txn->multi && speak->multi_flags_whole ? DOCENT_ERR_MARSHALLING : DOCENT_ERR_BAD_ARGUMENTS;
    }
    if (ttl_mode && m->txn->multi && (op == WIRE_OP_CREATE || op == WIRE_OP_CREATE2)) return DOCENT_ERR_MARSHALLING;
    if (ttl_mode && !m->config->ttl_nodes) return DOCENT_ERR_UNIMPLEMENTED;
    if (ttl_mode != (op == WIRE_OP_CREATE_TTL)) return DOCENT_ERR_BAD_ARGUMENTS;
    if (ttl_mode && (ttl < 1 || ttl > DOCENT_TTL_MAX_MS)) return DOCENT_ERR_BAD_ARGUMENTS;
    bool sequential = flags == DOCENT_PERSISTENT_SEQUENTIAL || flags == DOCENT_EPHEMERAL_SEQUENTIAL ||
                      flags == DOCENT_PERSISTENT_SEQUENTIAL_TTL;
    bool ephemeral = flags == DOCENT_EPHEMERAL || flags == DOCENT_EPHEMERAL_SEQUENTIAL;
    if (request.path.size < 0) return DOCENT_ERR_MARSHALLING;
    if (has_nul(request.path) || memchr(request.path.data, '/', (size_t)request.path.size) == NULL) return DOCENT_ERR_BAD_ARGUMENTS;

    struct wire_out acl = { 0 };
    int32_t acl_count;
    int32_t err = docent_acl_fix(request.acl, m->message->credentials, m->message->credentials_size, &acl, &acl_count);
    char *path = text_copy(request.path);
    struct node *parent = NULL;
    if (err == DOCENT_OK) {
        parent = path[0] == '/' || strrchr(path, '/') != path ? find_parent(m, path) : NULL;
        if (parent == NULL) err = DOCENT_ERR_NO_NODE;
    }
    if (err == DOCENT_OK && !allowed(m, parent, DOCENT_PERM_CREATE)) err = DOCENT_ERR_NO_AUTH;
    if (err == DOCENT_OK && sequential) {
        size_t size = strlen(path);
        path = must(realloc(path, size + 16));
        snprintf(path + size, 16, "%010d", parent->created);
    }
    if (err == DOCENT_OK && docent_path_fault(path, false) != NULL) err = DOCENT_ERR_BAD_ARGUMENTS;
    if (err == DOCENT_OK && find(m, path) != NULL) err = DOCENT_ERR_NODE_EXISTS;
    if (err == DOCENT_OK && parent->stat.ephemeral_owner != 0) err = DOCENT_ERR_NO_CHILDREN_FOR_EPHEMERALS;
    if (err == DOCENT_OK) err = check_quota(m, path, 1, request.data.size < 0 ? 0 : request.data.size);
    if (err == DOCENT_OK) {
        struct change *change = docent_transaction_add(m->txn, WIRE_OP_CREATE, path);
        /* In a multi containers and TTLs are answered as create2, and create2 itself is not before 3.8.2. */
        bool container = flags == DOCENT_CONTAINER;
        bool with_stat = container || op == WIRE_OP_CREATE_TTL || op == WIRE_OP_CREATE_CONTAINER ||
                         (op == WIRE_OP_CREATE2 && speak->create2_in_multi);
        change->answer_op = with_stat ? WIRE_OP_CREATE2 : WIRE_OP_CREATE;
        change->size = request.data.size;
        if (request.data.size >= 0) {
            change->data = must(malloc((size_t)request.data.size + 1));
            memcpy(change->data, request.data.data, (size_t)request.data.size);
        }
        change->acl = acl.data;
        change->acl_size = acl.size;
        change->acl_count = acl_count;
        acl = (struct wire_out){ 0 };
        change->owner = ephemeral ? m->message->session : 0;
        change->container = op == WIRE_OP_CREATE_CONTAINER || (container && m->txn->multi);
        change->ttl_ms = ttl_mode ? ttl : 0;
    }
    docent_wire_out_free(&acl);
    free(path);
    return err;
}

static int32_t make_delete(struct making *m, struct wire_in *in)
{
    struct wire_versioned_request request;
    if (!docent_wire_get_versioned_request(in, &request) || request.path.size < 0) return DOCENT_ERR_MARSHALLING;
    if (has_nul(request.path) || request.path.size == 0 || memchr(request.path.data, '/', (size_t)request.path.size) == NULL ||
        text_is(request.path, "/") || text_is(request.path, "/zookeeper") || text_is(request.path, "/zookeeper/quota") ||
        text_is(request.path, "/zookeeper/config")) {
        return DOCENT_ERR_BAD_ARGUMENTS;
    }
    char *path = text_copy(request.path);
    struct node *parent = find_parent(m, path);
    const struct node *node = find(m, path);
    int32_t err = DOCENT_OK;
    if (parent == NULL) {
        err = DOCENT_ERR_NO_NODE;
    } else if (!allowed(m, parent, DOCENT_PERM_DELETE)) {
        err = DOCENT_ERR_NO_AUTH;
    } else if (node == NULL) {
        err = DOCENT_ERR_NO_NODE;
    } else {
        err = check_version(request.version, node->stat.version);
        if (err == DOCENT_OK && node->first_child != NULL) err = DOCENT_ERR_NOT_EMPTY;
    }
    if (err == DOCENT_OK) docent_transaction_add(m->txn, WIRE_OP_DELETE, path);
    free(path);
    return err;
}

static int32_t make_set(struct making *m, struct wire_in *in)
{
    struct wire_set_data_request request;
    if (!docent_wire_get_set_data_request(in, &request)) return DOCENT_ERR_MARSHALLING;
    char *path = text_copy(request.path);
    int32_t err = has_nul(request.path) || docent_path_fault(path, false) != NULL ? DOCENT_ERR_BAD_ARGUMENTS : DOCENT_OK;
    const struct node *node = err == DOCENT_OK ? find(m, path) : NULL;
    if (err == DOCENT_OK && node == NULL) err = DOCENT_ERR_NO_NODE;
    if (err == DOCENT_OK && !allowed(m, node, DOCENT_PERM_WRITE)) err = DOCENT_ERR_NO_AUTH;
    if (err == DOCENT_OK) err = check_quota(m, path, 0, (request.data.size < 0 ? 0 : request.data.size) - (int64_t)node->stat.data_length);
    if (err == DOCENT_OK) err = check_version(request.version, node->stat.version);
    if (err == DOCENT_OK) {
        struct change *change = docent_transaction_add(m->txn, WIRE_OP_SET_DATA, path);
        change->size = request.data.size;
        if (request.data.size >= 0) {
            change->data = must(malloc((size_t)request.data.size + 1));
            memcpy(change->data, request.data.data, (size_t)request.data.size);
        }
    }
    free(path);
    return err;
}

static int32_t make_set_acl(struct making *m, struct wire_in *in)
{
    struct wire_set_acl_request request;
    if (!docent_wire_get_set_acl_request(in, &request)) return DOCENT_ERR_MARSHALLING;
    char *path = text_copy(request.path);
    struct wire_out acl = { 0 };
    int32_t acl_count = 0;
    int32_t err = has_nul(request.path) || docent_path_fault(path, false) != NULL ? DOCENT_ERR_BAD_ARGUMENTS : DOCENT_OK;
    if (err == DOCENT_OK) err = docent_acl_fix(request.acl, m->message->credentials, m->message->credentials_size, &acl, &acl_count);
    const struct node *node = err == DOCENT_OK ? find(m, path) : NULL;
    if (err == DOCENT_OK && node == NULL) err = DOCENT_ERR_NO_NODE;
    if (err == DOCENT_OK && !allowed(m, node, DOCENT_PERM_ADMIN)) err = DOCENT_ERR_NO_AUTH;
    if (err == DOCENT_OK) err = check_version(request.version, node->stat.aversion);
    if (err == DOCENT_OK) {
        struct change *change = docent_transaction_add(m->txn, WIRE_OP_SET_ACL, path);
        change->acl = acl.data;
        change->acl_size = acl.size;
        change->acl_count = acl_count;
        acl = (struct wire_out){ 0 };
    }
    docent_wire_out_free(&acl);
    free(path);
    return err;
}

static int32_t make_check(struct making *m, struct wire_in *in)
{
    struct wire_versioned_request request;
    if (!docent_wire_get_versioned_request(in, &request)) return DOCENT_ERR_MARSHALLING;
    char *path = text_copy(request.path);
    int32_t err = has_nul(request.path) || docent_path_fault(path, false) != NULL ? DOCENT_ERR_BAD_ARGUMENTS : DOCENT_OK;
    const struct node *node = err == DOCENT_OK ? find(m, path) : NULL;
    if (err == DOCENT_OK && node == NULL) err = DOCENT_ERR_NO_NODE;
    if (err == DOCENT_OK && !allowed(m, node, DOCENT_PERM_READ)) err = DOCENT_ERR_NO_AUTH;
    if (err == DOCENT_OK) err = check_version(request.version, node->stat.version);
    if (err == DOCENT_OK) docent_transaction_add(m->txn, WIRE_OP_CHECK, path);
    free(path);
    return err;
}

static int32_t make_one(struct making *m, int32_t op, struct wire_in *in)
{
    switch (op) {
    case WIRE_OP_CREATE:
    case WIRE_OP_CREATE2:
    case WIRE_OP_CREATE_CONTAINER:
    case WIRE_OP_CREATE_TTL: return make_create(m, op, in);
    case WIRE_OP_DELETE: return make_delete(m, in);
    case WIRE_OP_SET_DATA: return make_set(m, in);
    case WIRE_OP_SET_ACL: return make_set_acl(m, in);
    case WIRE_OP_CHECK: return make_check(m, in);
    case WIRE_OP_DELETE_CONTAINER: return DOCENT_ERR_BAD_ARGUMENTS; /* Between servers only, as is what is left. */
    default: return DOCENT_ERR_MARSHALLING;
    }
}

/* Past one operation of a multi, whatever it says. False: it cannot be decoded, or has no path. */
static bool multi_skip(int32_t op, struct wire_in *in)
{
    struct wire_create_request create;
    struct wire_create_ttl_request ttl;
    struct wire_versioned_request versioned;
    struct wire_set_data_request set;
    switch (op) {
    case WIRE_OP_CREATE:
    case WIRE_OP_CREATE2:
    case WIRE_OP_CREATE_CONTAINER: return docent_wire_get_create_request(in, &create) && create.path.size >= 0;
    case WIRE_OP_CREATE_TTL: return docent_wire_get_create_ttl_request(in, &ttl) && ttl.path.size >= 0;
    case WIRE_OP_DELETE:
    case WIRE_OP_CHECK: return docent_wire_get_versioned_request(in, &versioned) && versioned.path.size >= 0;
    case WIRE_OP_SET_DATA: return docent_wire_get_set_data_request(in, &set) && set.path.size >= 0;
    default: return false;
    }
}

static int32_t make_multi(struct making *m)
{
    struct wire_in in = docent_wire_in(m->message->body, m->message->size);
    struct wire_multi_header header;
    size_t parts = 0;
    for (struct wire_in look = in;;) { /* Refused as a whole if any of it cannot be decoded. */
        if (!docent_wire_get_multi_header(&look, &header)) return DOCENT_ERR_MARSHALLING;
        if (header.done) break;
        bool known = docent_speak_knows(docent_speak(m->config->speak), header.op);
        if (!known || !multi_skip(header.op, &look)) return DOCENT_ERR_MARSHALLING;
        parts++;
    }
    struct undo *undos = must(calloc(parts + 1, sizeof *undos));
    int32_t err = DOCENT_OK;
    size_t done = 0;
    m->txn->multi = true;
    m->txn->part_count = parts;
    m->txn->changes = must(realloc(m->txn->changes, (parts + 1) * sizeof *m->txn->changes)); /* Stay where they are. */
    while (done < parts && err == DOCENT_OK) {
        docent_wire_get_multi_header(&in, &header);
        struct wire_in part = in;
        err = make_one(m, header.op, &part);
        multi_skip(header.op, &in);
        if (err != DOCENT_OK) {
            if (err != DOCENT_ERR_MARSHALLING) m->txn->failed_at = (int32_t)done; /* Else it is refused as a whole, too. */
            break;
        }
        done++;
        docent_tree_change(m->tree, &m->txn->changes[done - 1], m->txn->zxid, m->wall, &undos[done - 1]);
    }
    while (done > 0) { /* It was a trial: what is committed is applied, by whoever has a tree. */
        done--;
        undos[done].change = &m->txn->changes[done];
        docent_tree_undo(m->tree, &undos[done]);
    }
    free(undos);
    return err;
}

int32_t docent_prepare(struct tree *tree, const struct server_config *config, const struct server_message *message, int64_t wall,
                       struct txn *txn)
{
    struct making m = { tree, config, message, txn, wall };
    if (message->op == WIRE_OP_MULTI) return make_multi(&m);
    if (message->op == WIRE_OP_RECONFIG) return config->reconfig ? DOCENT_ERR_UNIMPLEMENTED : DOCENT_ERR_RECONFIG_DISABLED;
    struct wire_in in = docent_wire_in(message->body, message->size);
    return make_one(&m, message->op, &in);
}
