/* src/tree.c - see tree.h. Rules: which fields of the stat change when, and what the sequence number is, are those of
 * ZooKeeper's DataTree, as observed on 3.8. */
#include "tree.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/wire/path.h"
#include "must.h"

/* ---- Transactions. ---- */

struct txn *docent_transaction_new(enum txn_type type)
{
    struct txn *txn = must(calloc(1, sizeof *txn));
    txn->references = 1;
    txn->type = type;
    txn->failed_at = -1;
    return txn;
}

void docent_transaction_ref(struct txn *txn)
{
    txn->references++;
}

void docent_transaction_unref(struct txn *txn)
{
    if (txn == NULL || --txn->references > 0) return;
    for (size_t i = 0; i < txn->change_count; i++) {
        free(txn->changes[i].path);
        free(txn->changes[i].data);
        free(txn->changes[i].acl);
    }
    free(txn->changes);
    free(txn);
}

struct change *docent_transaction_add(struct txn *txn, int32_t op, const char *path)
{
    txn->changes = must(realloc(txn->changes, (txn->change_count + 1) * sizeof *txn->changes));
    struct change *change = &txn->changes[txn->change_count++];
    memset(change, 0, sizeof *change);
    change->op = change->answer_op = op;
    change->path = must_copy(path, strlen(path));
    change->size = -1;
    return change;
}

/* ---- What nodes hold. ---- */

static uint8_t no_bytes[1]; /* The data of nodes whose data is empty: most are, and a block each would be a waste. */

static uint8_t *data_new(const uint8_t *data, int32_t size)
{
    if (size < 0) return NULL;
    return size == 0 ? no_bytes : must_copy(data, (size_t)size);
}

static void data_free(uint8_t *data)
{
    if (data != no_bytes) free(data);
}

static const uint8_t *acl_take(struct tree *tree, const uint8_t *entries, size_t size)
{
    uint32_t hash = docent_hash_bytes(entries, size);
    struct shared_acl **bucket = &tree->acls[hash & 1023];
    struct shared_acl *acl = *bucket;
    while (acl != NULL && (acl->hash != hash || acl->size != size || memcmp(acl->entries, entries, size) != 0)) acl = acl->chain;
    if (acl == NULL) {
        acl = must(calloc(1, sizeof *acl + size));
        acl->tree = tree;
        acl->hash = hash;
        acl->size = (uint32_t)size;
        if (size > 0) memcpy(acl->entries, entries, size);
        acl->chain = *bucket;
        *bucket = acl;
    }
    acl->references++;
    return acl->entries;
}

static void acl_drop(const uint8_t *entries)
{
    if (entries == NULL) return;
    struct shared_acl *acl = (struct shared_acl *)((uintptr_t)entries - offsetof(struct shared_acl, entries));
    if (--acl->references > 0) return;
    struct shared_acl **at = &acl->tree->acls[acl->hash & 1023];
    while (*at != acl) at = &(*at)->chain;
    *at = acl->chain;
    free(acl);
}

/* ---- Nodes. ---- */

struct node *docent_tree_find(const struct tree *tree, const char *path, size_t size)
{
    if (size == 0) return tree->root; /* The empty path reads as the root. */
    uint32_t hash = docent_hash_bytes(path, size);
    struct node *node = tree->buckets[hash & (tree->bucket_count - 1)];
    while (node != NULL && (node->hash != hash || node->path_size != size || memcmp(node->path, path, size) != 0)) node = node->chain;
    return node;
}

static void table_add(struct tree *tree, struct node *node)
{
    if (tree->count >= tree->bucket_count) {
        size_t more = tree->bucket_count * 2;
        struct node **buckets = must(calloc(more, sizeof *buckets));
        for (size_t i = 0; i < tree->bucket_count; i++) {
            while (tree->buckets[i] != NULL) {
                struct node *moved = tree->buckets[i];
                tree->buckets[i] = moved->chain;
                moved->chain = buckets[moved->hash & (more - 1)];
                buckets[moved->hash & (more - 1)] = moved;
            }
        }
        free(tree->buckets);
        tree->buckets = buckets;
        tree->bucket_count = more;
    }
    struct node **bucket = &tree->buckets[node->hash & (tree->bucket_count - 1)];
    node->chain = *bucket;
    *bucket = node;
    tree->count++;
}

static void table_remove(struct tree *tree, struct node *node)
{
    struct node **at = &tree->buckets[node->hash & (tree->bucket_count - 1)];
    while (*at != node) at = &(*at)->chain;
    *at = node->chain;
    tree->count--;
}

static struct owner **owner_find(struct tree *tree, int64_t session)
{
    struct owner **at = &tree->owners[(uint64_t)session & 255];
    while (*at != NULL && (*at)->session != session) at = &(*at)->chain;
    return at;
}

static void owner_add(struct tree *tree, struct node *node)
{
    if (node->stat.ephemeral_owner == 0) return;
    struct owner **at = owner_find(tree, node->stat.ephemeral_owner);
    if (*at == NULL) {
        *at = must(calloc(1, sizeof **at));
        (*at)->session = node->stat.ephemeral_owner;
    }
    node->owned_previous = NULL;
    node->owned_next = (*at)->first;
    if (node->owned_next != NULL) node->owned_next->owned_previous = node;
    (*at)->first = node;
}

static void owner_remove(struct tree *tree, struct node *node)
{
    if (node->stat.ephemeral_owner == 0) return;
    struct owner **at = owner_find(tree, node->stat.ephemeral_owner);
    if (node->owned_previous != NULL) {
        node->owned_previous->owned_next = node->owned_next;
    } else {
        (*at)->first = node->owned_next;
    }
    if (node->owned_next != NULL) node->owned_next->owned_previous = node->owned_previous;
    if ((*at)->first == NULL) {
        struct owner *empty = *at;
        *at = empty->chain;
        free(empty);
    }
}

struct node *docent_tree_owned(const struct tree *tree, int64_t session)
{
    struct owner *owner = *owner_find((struct tree *)(uintptr_t)tree, session);
    return owner == NULL ? NULL : owner->first;
}

static struct node *node_new(const char *path)
{
    size_t size = strlen(path);
    struct node *node = must(calloc(1, sizeof *node + size + 1));
    memcpy(node->path, path, size + 1);
    node->path_size = (uint32_t)size;
    node->hash = docent_hash_bytes(path, size);
    node->name_at = (uint32_t)(strrchr(path, '/') - path) + 1;
    return node;
}

static void node_free(struct node *node)
{
    data_free(node->data);
    acl_drop(node->acl);
    free(node);
}

/* Into its place: table, parent, owner. */
static void node_link(struct tree *tree, struct node *parent, struct node *node)
{
    node->parent = parent;
    node->previous = NULL;
    node->next = parent->first_child;
    if (node->next != NULL) node->next->previous = node;
    parent->first_child = node;
    parent->stat.num_children++;
    table_add(tree, node);
    owner_add(tree, node);
    tree->bytes += node->stat.data_length + (int64_t)node->path_size;
}

static void node_unlink(struct tree *tree, struct node *node)
{
    struct node *parent = node->parent;
    if (node->previous != NULL) {
        node->previous->next = node->next;
    } else {
        parent->first_child = node->next;
    }
    if (node->next != NULL) node->next->previous = node->previous;
    parent->stat.num_children--;
    table_remove(tree, node);
    owner_remove(tree, node);
    tree->bytes -= node->stat.data_length + (int64_t)node->path_size;
}

static struct node *node_parent(const struct tree *tree, const char *path)
{
    size_t size = (size_t)(strrchr(path, '/') - path);
    return docent_tree_find(tree, path, size == 0 ? 1 : size);
}

docent_stat docent_tree_stat(const struct node *node)
{
    docent_stat stat = node->stat;
    /* What clients see counts creations and deletions of children; what is stored counts creations. 32 bits, wrapping. */
    stat.cversion = (int32_t)((uint32_t)node->created * 2 - (uint32_t)stat.num_children);
    return stat;
}

struct node *docent_tree_after(const struct node *top, const struct node *node)
{
    if (node->first_child != NULL) return node->first_child;
    while (node != top && node->next == NULL) node = node->parent;
    return node == top ? NULL : node->next;
}

size_t docent_tree_descendants(const struct node *node)
{
    size_t count = 0;
    for (const struct node *below = node; (below = docent_tree_after(node, below)) != NULL;) count++;
    return count;
}

/* ---- Changes. ---- */

static void apply_create(struct tree *tree, struct change *change, int64_t zxid, int64_t time_ms)
{
    struct node *parent = node_parent(tree, change->path);
    struct node *node = node_new(change->path);
    node->data = data_new(change->data, change->size);
    node->acl = acl_take(tree, change->acl, change->acl_size);
    node->acl_size = (uint32_t)change->acl_size;
    node->acl_count = change->acl_count;
    node->container = change->container;
    node->ttl_ms = change->ttl_ms;
    node->stat = (docent_stat){
        .czxid = zxid,
        .mzxid = zxid,
        .pzxid = zxid,
        .ctime_ms = time_ms,
        .mtime_ms = time_ms,
        .ephemeral_owner = change->owner,
        .data_length = change->size < 0 ? 0 : change->size,
    };
    node_link(tree, parent, node);
    if (parent->created < INT32_MAX) { /* It stays there; the server refuses to store the wrapped value. */
        parent->created++;
        parent->stat.pzxid = zxid;
    }
    change->stat = docent_tree_stat(node);
}

static void apply_set(struct node *node, struct change *change, int64_t zxid, int64_t time_ms, struct undo *undo)
{
    if (undo != NULL) {
        undo->data = node->data;
    } else {
        data_free(node->data);
    }
    node->data = data_new(change->data, change->size);
    node->stat.data_length = change->size < 0 ? 0 : change->size;
    node->stat.mzxid = zxid;
    node->stat.mtime_ms = time_ms;
    node->stat.version = (int32_t)((uint32_t)node->stat.version + 1);
    change->stat = docent_tree_stat(node);
}

static void apply_acl(struct tree *tree, struct node *node, struct change *change, struct undo *undo)
{
    if (undo != NULL) {
        undo->acl = node->acl;
        undo->acl_size = node->acl_size;
        undo->acl_count = node->acl_count;
    } else {
        acl_drop(node->acl);
    }
    node->acl = acl_take(tree, change->acl, change->acl_size);
    node->acl_size = (uint32_t)change->acl_size;
    node->acl_count = change->acl_count;
    node->stat.aversion = (int32_t)((uint32_t)node->stat.aversion + 1);
    change->stat = docent_tree_stat(node);
}

void docent_tree_change(struct tree *tree, struct change *change, int64_t zxid, int64_t time_ms, struct undo *undo)
{
    struct node *node = docent_tree_find(tree, change->path, strlen(change->path));
    struct node *parent = node_parent(tree, change->path);
    if (undo != NULL) {
        memset(undo, 0, sizeof *undo);
        undo->change = change;
        if (node != NULL) undo->stat = node->stat;
        if (parent != NULL) {
            undo->parent_stat = parent->stat;
            undo->parent_created = parent->created;
        }
    }
    switch (change->op) {
    case WIRE_OP_CREATE:
        apply_create(tree, change, zxid, time_ms);
        break;
    case WIRE_OP_DELETE:
        node_unlink(tree, node);
        parent->stat.pzxid = zxid;
        if (undo != NULL) {
            undo->node = node;
        } else {
            node_free(node);
        }
        break;
    case WIRE_OP_SET_DATA:
        tree->bytes += (change->size < 0 ? 0 : change->size) - node->stat.data_length;
        apply_set(node, change, zxid, time_ms, undo);
        break;
    case WIRE_OP_SET_ACL:
        apply_acl(tree, node, change, undo);
        break;
    default: /* A check changes nothing. */
        break;
    }
}

void docent_tree_undo(struct tree *tree, struct undo *undo)
{
    const struct change *change = undo->change;
    struct node *node = docent_tree_find(tree, change->path, strlen(change->path));
    struct node *parent = node_parent(tree, change->path);
    switch (change->op) {
    case WIRE_OP_CREATE:
        node_unlink(tree, node);
        node_free(node);
        break;
    case WIRE_OP_DELETE:
        node_link(tree, parent, undo->node);
        undo->node = NULL;
        break;
    case WIRE_OP_SET_DATA:
        tree->bytes += undo->stat.data_length - node->stat.data_length;
        data_free(node->data);
        node->data = undo->data;
        node->stat = undo->stat;
        break;
    case WIRE_OP_SET_ACL:
        acl_drop(node->acl);
        node->acl = undo->acl;
        node->acl_size = undo->acl_size;
        node->acl_count = undo->acl_count;
        node->stat = undo->stat;
        break;
    default:
        break;
    }
    if (change->op == WIRE_OP_CREATE || change->op == WIRE_OP_DELETE) {
        parent->stat = undo->parent_stat;
        parent->created = undo->parent_created;
    }
}

void docent_tree_rewrite(struct tree *tree, struct node *node, const void *data, size_t size)
{
    tree->bytes += (int64_t)size - node->stat.data_length;
    data_free(node->data);
    node->data = data_new(data, (int32_t)size);
    node->stat.data_length = (int32_t)size;
}

void docent_undo_forget(struct undo *undo)
{
    if (undo->node != NULL) node_free(undo->node);
    data_free(undo->data);
    acl_drop(undo->acl);
}

bool docent_tree_fits(const struct tree *tree, const struct change *change)
{
    if (docent_path_fault(change->path, false) != NULL) return false;
    const struct node *node = docent_tree_find(tree, change->path, strlen(change->path));
    switch (change->op) {
    case WIRE_OP_CREATE: return node == NULL && node_parent(tree, change->path) != NULL;
    case WIRE_OP_DELETE: return node != NULL && node != tree->root && node->first_child == NULL;
    default: return node != NULL;
    }
}

bool docent_tree_restore(struct tree *tree, const struct node_image *image)
{
    if (image->path_size == 0 || image->path[0] != '/' || memchr(image->path, 0, image->path_size) != NULL) return false;
    struct node *node = docent_tree_find(tree, image->path, image->path_size);
    if (node == NULL) {
        char *path = must_copy(image->path, image->path_size);
        struct node *parent = docent_path_fault(path, false) != NULL ? NULL : node_parent(tree, path);
        if (parent != NULL) {
            node = node_new(path);
            node->stat.ephemeral_owner = image->stat.ephemeral_owner;
            node_link(tree, parent, node);
        }
        free(path);
    }
    if (node == NULL || node->stat.ephemeral_owner != image->stat.ephemeral_owner) return false;
    int32_t children = node->stat.num_children;
    tree->bytes -= node->stat.data_length;
    data_free(node->data);
    acl_drop(node->acl);
    node->data = data_new(image->data.data, image->data.size);
    node->acl = acl_take(tree, image->acl.data, image->acl.size);
    node->acl_size = (uint32_t)image->acl.size;
    node->acl_count = image->acl.count < 0 ? 0 : image->acl.count;
    node->stat = image->stat;
    node->stat.num_children = children;
    node->stat.data_length = image->data.size < 0 ? 0 : image->data.size;
    node->created = image->created;
    node->container = image->container;
    node->ttl_ms = image->ttl_ms;
    tree->bytes += node->stat.data_length;
    return true;
}

/* ---- The tree. ---- */

static void seed(struct tree *tree, const char *path, int32_t perms)
{
    struct wire_out out = { 0 };
    struct wire_acl entry = { perms, docent_wire_string("world"), docent_wire_string("anyone") };
    docent_wire_put_acl(&out, &entry);
    struct node *node = node_new(path);
    node->acl = acl_take(tree, must(out.data), out.size);
    node->acl_size = (uint32_t)out.size;
    node->acl_count = 1;
    node->data = no_bytes;
    docent_wire_out_free(&out);
    if (path[1] == '\0') {
        tree->root = node;
        table_add(tree, node);
    } else {
        node_link(tree, node_parent(tree, path), node);
    }
}

struct tree *docent_tree_new(void)
{
    struct tree *tree = must(calloc(1, sizeof *tree));
    tree->bucket_count = 64;
    tree->buckets = must(calloc(tree->bucket_count, sizeof *tree->buckets));
    seed(tree, "/", DOCENT_PERM_ALL);
    seed(tree, "/zookeeper", DOCENT_PERM_ALL);
    seed(tree, "/zookeeper/quota", DOCENT_PERM_ALL);
    seed(tree, "/zookeeper/config", DOCENT_PERM_READ);
    docent_tree_find(tree, "/zookeeper/config", 17)->stat.aversion = -1;
    return tree;
}

void docent_tree_free(struct tree *tree)
{
    for (size_t i = 0; i < tree->bucket_count; i++) {
        while (tree->buckets[i] != NULL) {
            struct node *node = tree->buckets[i];
            tree->buckets[i] = node->chain;
            node_free(node);
        }
    }
    for (size_t i = 0; i < 256; i++) {
        while (tree->owners[i] != NULL) {
            struct owner *owner = tree->owners[i];
            tree->owners[i] = owner->chain;
            free(owner);
        }
    }
    free(tree->buckets);
    free(tree);
}
