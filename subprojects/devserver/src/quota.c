/* src/quota.c - see quota.h. The deepest quota at or above a path counts it, and no other does. */
#include "quota.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char home[] = "/zookeeper/quota";
static const char limits[] = "/zookeeper_limits", stats[] = "/zookeeper_stats";
enum { HOME_SIZE = sizeof home - 1 };

static struct node *quota_node(const struct tree *tree, const char *path, size_t size, const char *name)
{
    size_t room = HOME_SIZE + size + strlen(name) + 1;
    char *text = malloc(room);
    if (text == NULL) abort();
    int length = snprintf(text, room, "%s%.*s%s", home, (int)size, path, name);
    struct node *node = docent_tree_find(tree, text, (size_t)length);
    free(text);
    return node;
}

/* How much of @path has a quota; 0: nothing has. */
static size_t quota_above(const struct tree *tree, const char *path)
{
    const struct node *all = docent_tree_find(tree, home, HOME_SIZE);
    if (all->first_child == NULL) return 0; /* As nearly always. */
    size_t size = strlen(path);
    while (size > 0 && quota_node(tree, path, size, limits) == NULL) {
        do size--;
        while (path[size] != '/');
    }
    return size;
}

/* Is it the stats node of a path? Then *ret_size is where, behind home, the path ends. */
static bool is_stats(const char *path, size_t *ret_size)
{
    size_t size = strlen(path), name = sizeof stats - 1;
    if (size < HOME_SIZE + name || memcmp(path, home, HOME_SIZE) != 0 || strcmp(path + size - name, stats) != 0) return false;
    *ret_size = size - HOME_SIZE - name;
    return true;
}

/* "count=3,bytes=10=;byteHardLimit=20;countHardLimit=3" */
static int64_t number_of(const struct node *node, const char *key)
{
    char text[256];
    size_t size = (size_t)node->stat.data_length < sizeof text - 1 ? (size_t)node->stat.data_length : sizeof text - 1;
    if (size > 0) memcpy(text, node->data, size);
    text[size] = '\0';
    const char *at = strstr(text, key);
    while (at != NULL && at > text && strchr(",;", at[-1]) == NULL) at = strstr(at + 1, key); /* The end of another one. */
    return at == NULL ? -1 : strtoll(at + strlen(key), NULL, 10); /* What is not said is -1, as there. */
}

static void stats_write(struct tree *tree, struct node *node, int64_t count, int64_t bytes)
{
    char text[64];
    int size = snprintf(text, sizeof text, "count=%" PRId64 ",bytes=%" PRId64, count, bytes);
    docent_tree_rewrite(tree, node, text, (size_t)size);
}

static void stats_begin(struct tree *tree, const char *path, size_t size)
{
    const struct node *top = docent_tree_find(tree, path, size);
    int64_t count = 0, bytes = 0;
    for (const struct node *node = top; node != NULL; node = docent_tree_after(top, node)) {
        count++;
        bytes += node->stat.data_length;
    }
    stats_write(tree, quota_node(tree, path, size, stats), count, bytes);
}

static void tell_if_over(const struct tree *tree, const char *path, size_t size, const char *key, const char *what, int64_t before,
                         int64_t after)
{
    int64_t limit = number_of(quota_node(tree, path, size, limits), key);
    if (limit < 0 || before > limit || after <= limit) return; /* Once, not with every change beyond it. */
    char text[512];
    snprintf(text, sizeof text, "warning: the quota of %.*s is exceeded: %" PRId64 " %s, %s%" PRId64, size < 300 ? (int)size : 300, path,
             after, what, key, limit);
    tree->over_quota(tree->user, text);
}

bool docent_quota_allows(const struct tree *tree, const char *path, int nodes, int64_t bytes)
{
    size_t size = quota_above(tree, path);
    const struct node *used = size == 0 ? NULL : quota_node(tree, path, size, stats);
    if (used == NULL) return true;
    const struct node *limit = quota_node(tree, path, size, limits);
    int64_t nodes_max = number_of(limit, "countHardLimit="), bytes_max = number_of(limit, "byteHardLimit=");
    if (nodes > 0 && nodes_max >= 0 && number_of(used, "count=") + nodes > nodes_max) return false;
    return bytes <= 0 || bytes_max < 0 || number_of(used, "bytes=") + bytes <= bytes_max;
}

static int64_t bytes_at(const struct tree *tree, const struct change *change)
{
    const struct node *node = docent_tree_find(tree, change->path, strlen(change->path));
    return node == NULL ? 0 : node->stat.data_length;
}

void docent_quota_change(struct tree *tree, struct change *change, int64_t zxid, int64_t time_ms, struct undo *undo)
{
    if (change->op != WIRE_OP_CREATE && change->op != WIRE_OP_DELETE && change->op != WIRE_OP_SET_DATA) {
        docent_tree_change(tree, change, zxid, time_ms, undo);
        return;
    }
    const struct node *all = docent_tree_find(tree, home, HOME_SIZE);
    bool any = all->first_child != NULL;
    int64_t before = any ? bytes_at(tree, change) : 0;
    docent_tree_change(tree, change, zxid, time_ms, undo);
    if (!any && all->first_child == NULL) return;
    size_t size;
    if (change->op == WIRE_OP_CREATE && is_stats(change->path, &size) && size > 0) stats_begin(tree, change->path + HOME_SIZE, size);
    size = quota_above(tree, change->path);
    struct node *node = size == 0 ? NULL : quota_node(tree, change->path, size, stats);
    if (node == NULL) return;
    int count = change->op == WIRE_OP_CREATE ? 1 : change->op == WIRE_OP_DELETE ? -1 : 0;
    int64_t nodes = number_of(node, "count="), bytes = number_of(node, "bytes="), more = bytes_at(tree, change) - before;
    stats_write(tree, node, nodes + count, bytes + more);
    if (tree->over_quota == NULL) return;
    tell_if_over(tree, change->path, size, "count=", "nodes", nodes, nodes + count);
    tell_if_over(tree, change->path, size, "countHardLimit=", "nodes", nodes, nodes + count);
    tell_if_over(tree, change->path, size, "bytes=", "bytes", bytes, bytes + more);
    tell_if_over(tree, change->path, size, "byteHardLimit=", "bytes", bytes, bytes + more);
}
