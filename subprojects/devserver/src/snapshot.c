/* src/snapshot.c - see snapshot.h. */
#include "snapshot.h"

#include <string.h>
#include <zlib.h>

static const char magic[] = "docesnp\n"; /* Eight characters; the last one shows what text mode did to a file. */

enum { HEADER_SIZE = 8 + 4 + 8 + 8 + 8 + 8 + 8 };

static void session_put(void *user, int64_t id, int32_t timeout_ms)
{
    docent_wire_put_long(user, id);
    docent_wire_put_int(user, timeout_ms);
}

static void node_put(struct wire_out *out, const struct node *node)
{
    docent_wire_put_string(out, docent_wire_buffer(node->path, node->path_size));
    docent_wire_put_buffer(out, docent_wire_buffer(node->data, (size_t)node->stat.data_length));
    docent_wire_put_acls(out, (wire_list){ node->acl, node->acl_size, node->acl_count });
    docent_wire_put_stat(out, node->stat);
    docent_wire_put_int(out, node->created);
    docent_wire_put_bool(out, node->container);
    docent_wire_put_long(out, node->ttl_ms);
}

void docent_snapshot_put(struct wire_out *out, const struct leader *leader, int64_t wall)
{
    const struct tree *tree = docent_leader_tree(leader);
    docent_wire_put_raw(out, magic, 8);
    docent_wire_put_int(out, SNAPSHOT_VERSION);
    docent_wire_put_long(out, tree->zxid);
    docent_wire_put_long(out, wall);
    docent_wire_put_long(out, docent_leader_next_session(leader));
    docent_wire_put_long(out, (int64_t)docent_leader_sessions(leader, NULL, 0));
    docent_wire_put_long(out, (int64_t)tree->count);
    docent_leader_each_session(leader, session_put, out);
    for (const struct node *node = tree->root; node != NULL; node = docent_tree_after(tree->root, node)) node_put(out, node);
}

void docent_snapshot_sum(uint8_t sum[SNAPSHOT_SUM_SIZE], const uint8_t *data, size_t size)
{
    docent_wire_store32(sum, (int32_t)crc32_z(0, data, size));
}

enum snapshot_check docent_snapshot_check(const uint8_t *data, size_t size, int32_t *ret_version)
{
    *ret_version = 0;
    if (size > 0 && memcmp(data, magic, size < 8 ? size : 8) != 0) return SNAPSHOT_FOREIGN;
    if (size < HEADER_SIZE + SNAPSHOT_SUM_SIZE) return SNAPSHOT_DAMAGED;
    *ret_version = docent_wire_load32(data + 8);
    if (*ret_version != SNAPSHOT_VERSION) return SNAPSHOT_VERSION_UNKNOWN;
    uint8_t sum[SNAPSHOT_SUM_SIZE];
    docent_snapshot_sum(sum, data, size - SNAPSHOT_SUM_SIZE);
    return memcmp(data + size - SNAPSHOT_SUM_SIZE, sum, sizeof sum) == 0 ? SNAPSHOT_GOOD : SNAPSHOT_DAMAGED;
}

static bool node_get(struct wire_in *in, struct tree *tree)
{
    wire_bytes path = docent_wire_get_string(in);
    struct node_image image = { .path = (const char *)path.data, .path_size = path.size < 0 ? 0 : (size_t)path.size };
    image.data = docent_wire_get_buffer(in);
    image.acl = docent_wire_get_acls(in);
    image.stat = docent_wire_get_stat(in);
    image.created = docent_wire_get_int(in);
    image.container = docent_wire_get_bool(in);
    image.ttl_ms = docent_wire_get_long(in);
    return !in->failed && docent_tree_restore(tree, &image);
}

bool docent_snapshot_read(struct leader *leader, uint64_t now, const uint8_t *data, size_t size)
{
    if (size < HEADER_SIZE) return false;
    struct wire_in in = docent_wire_in(data + 8 + 4, size - 8 - 4);
    int64_t zxid = docent_wire_get_long(&in);
    (void)docent_wire_get_long(&in); /* When it was written: for people. */
    int64_t next_session = docent_wire_get_long(&in);
    int64_t sessions = docent_wire_get_long(&in);
    int64_t nodes = docent_wire_get_long(&in);
    if (in.failed || sessions < 0 || nodes < 1) return false;
    for (int64_t i = 0; i < sessions && !in.failed; i++) {
        int64_t id = docent_wire_get_long(&in);
        int32_t timeout_ms = docent_wire_get_int(&in);
        if (!in.failed) docent_leader_restore_session(leader, now, id, timeout_ms);
    }
    for (int64_t i = 0; i < nodes; i++) {
        if (!node_get(&in, docent_leader_own_tree(leader))) return false;
    }
    docent_leader_restore(leader, zxid, next_session);
    return !in.failed && in.size == 0;
}
