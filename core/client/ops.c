/* core/client/ops.c - values that describe operations, and the named asynchronous forms. */
#include <string.h>

#include <docent/ensemble.h>
#include <docent/operation.h>

static docent_op op_of(docent_op_type type, const char *path)
{
    docent_op op;
    memset(&op, 0, sizeof op);
    op.struct_size = sizeof op;
    op.type = type;
    op.path = path;
    op.version = DOCENT_ANY_VERSION;
    return op;
}

docent_op docent_op_create(const char *path, const void *data, size_t size, docent_create_mode mode)
{
    docent_op op = op_of(DOCENT_OP_CREATE, path);
    op.data = data;
    op.size = size;
    op.mode = mode;
    return op;
}

docent_op docent_op_delete(const char *path, int32_t version)
{
    docent_op op = op_of(DOCENT_OP_DELETE, path);
    op.version = version;
    return op;
}

docent_op docent_op_exists(const char *path)
{
    return op_of(DOCENT_OP_EXISTS, path);
}

docent_op docent_op_get(const char *path)
{
    return op_of(DOCENT_OP_GET, path);
}

docent_op docent_op_set(const char *path, const void *data, size_t size, int32_t version)
{
    docent_op op = op_of(DOCENT_OP_SET, path);
    op.data = data;
    op.size = size;
    op.version = version;
    return op;
}

docent_op docent_op_get_acl(const char *path)
{
    return op_of(DOCENT_OP_GET_ACL, path);
}

docent_op docent_op_set_acl(const char *path, docent_acl_list acl, int32_t version)
{
    docent_op op = op_of(DOCENT_OP_SET_ACL, path);
    op.acl = acl;
    op.version = version;
    return op;
}

docent_op docent_op_children(const char *path)
{
    return op_of(DOCENT_OP_CHILDREN, path);
}

docent_op docent_op_child_count(const char *path)
{
    return op_of(DOCENT_OP_CHILD_COUNT, path);
}

docent_op docent_op_ephemerals(const char *prefix)
{
    return op_of(DOCENT_OP_EPHEMERALS, prefix);
}

docent_op docent_op_sync(const char *path)
{
    return op_of(DOCENT_OP_SYNC, path);
}

docent_op docent_op_check(const char *path, int32_t version)
{
    docent_op op = op_of(DOCENT_OP_CHECK, path);
    op.version = version;
    return op;
}

static docent_op op_of_ops(docent_op_type type, const docent_op *ops, size_t count)
{
    docent_op op = op_of(type, NULL);
    op.ops = ops;
    op.op_count = count;
    return op;
}

docent_op docent_op_multi(const docent_op *ops, size_t count)
{
    return op_of_ops(DOCENT_OP_MULTI, ops, count);
}

docent_op docent_op_multi_read(const docent_op *ops, size_t count)
{
    return op_of_ops(DOCENT_OP_MULTI_READ, ops, count);
}

docent_op docent_op_check_watches(const char *path, docent_watch_kind kind)
{
    docent_op op = op_of(DOCENT_OP_CHECK_WATCHES, path);
    op.watch_kind = kind;
    return op;
}

docent_op docent_op_reconfig(const char *joining, const char *leaving, const char *members, int64_t version)
{
    docent_op op = op_of(DOCENT_OP_RECONFIG, NULL);
    op.joining = joining;
    op.leaving = leaving;
    op.members = members;
    op.config_version = version;
    return op;
}

docent_op docent_op_who_am_i(void)
{
    return op_of(DOCENT_OP_WHO_AM_I, NULL);
}

/* For the named forms of what has no field beside these: the others are not read. */
static void op_fill(docent_op *op, docent_op_type type, const char *path)
{
    op->struct_size = sizeof *op;
    op->type = type;
    op->path = path;
    op->data = NULL;
    op->size = 0;
    op->version = DOCENT_ANY_VERSION;
}

docent_status docent_create_async(docent_client *client, const char *path, const void *data, size_t size, docent_create_mode mode,
                                  docent_result_fn done, void *user)
{
    docent_op op = docent_op_create(path, data, size, mode);
    return docent_run_async(client, &op, NULL, done, user);
}

docent_status docent_delete_async(docent_client *client, const char *path, int32_t version, docent_result_fn done, void *user)
{
    docent_op op;
    op_fill(&op, DOCENT_OP_DELETE, path);
    op.version = version;
    return docent_run_async(client, &op, NULL, done, user);
}

docent_status docent_exists_async(docent_client *client, const char *path, docent_result_fn done, void *user)
{
    docent_op op;
    op_fill(&op, DOCENT_OP_EXISTS, path);
    return docent_run_async(client, &op, NULL, done, user);
}

docent_status docent_get_async(docent_client *client, const char *path, docent_result_fn done, void *user)
{
    docent_op op;
    op_fill(&op, DOCENT_OP_GET, path);
    return docent_run_async(client, &op, NULL, done, user);
}

docent_status docent_set_async(docent_client *client, const char *path, const void *data, size_t size, int32_t version,
                               docent_result_fn done, void *user)
{
    docent_op op;
    op_fill(&op, DOCENT_OP_SET, path);
    op.data = data;
    op.size = size;
    op.version = version;
    return docent_run_async(client, &op, NULL, done, user);
}

docent_status docent_children_async(docent_client *client, const char *path, docent_result_fn done, void *user)
{
    docent_op op;
    op_fill(&op, DOCENT_OP_CHILDREN, path);
    return docent_run_async(client, &op, NULL, done, user);
}

docent_status docent_sync_async(docent_client *client, const char *path, docent_result_fn done, void *user)
{
    docent_op op;
    op_fill(&op, DOCENT_OP_SYNC, path);
    return docent_run_async(client, &op, NULL, done, user);
}

docent_status docent_reconfig_async(docent_client *client, const char *joining, const char *leaving, const char *members, int64_t version,
                                    docent_result_fn done, void *user)
{
    docent_op op = docent_op_reconfig(joining, leaving, members, version);
    return docent_run_async(client, &op, NULL, done, user);
}

docent_status docent_multi_async(docent_client *client, const docent_op *ops, size_t count, docent_result_fn done, void *user)
{
    docent_op op = docent_op_multi(ops, count);
    return docent_run_async(client, &op, NULL, done, user);
}
