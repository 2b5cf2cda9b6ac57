/* recipes/config_nodes.c - which document every node has, and what they come to. The cache's nodes are immutable, so that one that is the same as
 * when it was last looked at need not be parsed again. */
#include <string.h>

#include "recipes/config.h"

/* In the order of a cache's snapshot: parents before children, siblings in the order of strcmp(). */
static int compare_paths(const char *one, const char *other)
{
    while (*one != '\0' && *one == *other) {
        one++;
        other++;
    }
    if (*one == *other) return 0;
    if (*one == '\0' || *other == '\0') return *one == '\0' ? -1 : 1;
    if (*one == '/' || *other == '/') return *one == '/' ? -1 : 1;
    return (unsigned char)*one < (unsigned char)*other ? -1 : 1;
}

/* What the path of a node has beyond the root's: "", "a", "a/b". */
static const char *names_of(const docent_cache *cache, const docent_node *node)
{
    const char *path = docent_node_path(node) + cache->path_size;
    return *path == '/' ? path + 1 : path;
}

static uint32_t depth_of(const char *names)
{
    uint32_t depth = *names != '\0';
    for (; *names != '\0'; names++) depth += *names == '/';
    return depth;
}

/* Is it, or what is above it, there and cannot be read? */
static bool is_unreadable(const docent_cache *cache, const char *given, const docent_allocator *allocator)
{
    char *path = docent_strdup(allocator, given);
    const struct entry *entry = NULL;
    while (path != NULL && (entry = docent_cache_find(cache, path)) == NULL && strlen(path) > cache->path_size) *strrchr(path, '/') = '\0';
    bool failed = path == NULL || (entry != NULL && (entry->flags & ENTRY_FAILED) != 0);
    docent_free(allocator, path);
    return failed;
}

/* What @node has, where @doc has what it had. */
static docent_status look(struct config_doc *doc, const docent_node *node, const docent_cache *cache, const struct config_limits *limits,
                          struct config_reason *reason)
{
    const char *names = names_of(cache, node);
    size_t size = 0;
    const char *data = docent_node_data(node, &size);
    json_t *json = NULL;
    docent_status status = docent_config_check_name(names, reason);
    if (status == DOCENT_OK && !docent_node_has_data(node)) {
        docent_config_say(reason, "the nodes have more than %zu bytes", limits->bytes_max);
        status = DOCENT_ERR_TOO_LARGE;
    }
    if (status == DOCENT_OK) status = docent_config_parse(data == NULL ? "" : data, size, depth_of(names), limits, &json, reason);
    if (status == DOCENT_OK && *names == '\0' && json != NULL && !json_is_object(json)) {
        docent_config_say(reason, "the root's document is not an object");
        json_decref(json);
        status = DOCENT_ERR_CORRUPT_DATA;
    }
    if (status != DOCENT_OK) return status;
    json_decref(doc->json);
    doc->json = json;
    doc->zxid = docent_node_stat(node).mzxid;
    return DOCENT_OK;
}

static void drop_doc(struct config_doc *doc)
{
    json_decref(doc->json);
    docent_node_unref(doc->node);
}

docent_status docent_config_nodes_look(struct config_nodes *nodes, docent_cache *cache, const struct config_limits *limits,
                                       const docent_allocator *allocator, void (*reject)(const char *path, const char *reason, void *user),
                                       void *user)
{
    docent_snapshot *snapshot;
    docent_status status = docent_cache_snapshot(cache, NULL, &snapshot);
    if (status != DOCENT_OK) return status;
    size_t new_count = docent_snapshot_count(snapshot), room = nodes->count + new_count, count = 0;
    struct config_doc *docs = docent_alloc_array(allocator, room > 0 ? room : 1, sizeof *docs);
    if (docs == NULL) status = DOCENT_ERR_NO_MEMORY;
    size_t old = 0, new = 0;
    while (status == DOCENT_OK && (old < nodes->count || new < new_count)) {
        const docent_node *node = docent_snapshot_node(snapshot, new);
        struct config_doc *before = old < nodes->count ? &nodes->docs[old] : NULL;
        int order = node == NULL ? -1 : before == NULL ? 1 : compare_paths(docent_node_path(before->node), docent_node_path(node));
        if (order < 0) { /* It is gone, or hidden. */
            old++;
            if (is_unreadable(cache, docent_node_path(before->node), allocator)) {
                docs[count++] = *before;
            } else {
                nodes->changed |= before->json != NULL;
                if (before->json != NULL) nodes->gone_zxid = docent_client_last_zxid(cache->handle.client);
                drop_doc(before);
            }
            continue;
        }
        struct config_doc *doc = &docs[count++];
        *doc = order == 0 ? *before : (struct config_doc){ 0 };
        old += order == 0;
        new++;
        if (doc->node == node) continue;
        struct config_reason reason;
        docent_status found = look(doc, node, cache, limits, &reason);
        if (found == DOCENT_ERR_NO_MEMORY) {
            status = found;
            if (order > 0) count--; /* It is as if we had not come so far. */
            continue;
        }
        nodes->changed |= found == DOCENT_OK;
        if (*names_of(cache, node) == '\0' && docent_node_stat(node).czxid != nodes->root_czxid) {
            nodes->root_czxid = docent_node_stat(node).czxid;
            nodes->gone_zxid = 0;
        }
        docent_node_unref(doc->node);
        doc->node = docent_node_ref(node);
        if (found != DOCENT_OK) reject(docent_node_path(node), reason.text, user);
    }
    if (docs != NULL) {
        for (; old < nodes->count; old++) docs[count++] = nodes->docs[old]; /* Without memory: those that were not looked at. */
        docent_free(allocator, nodes->docs);
        nodes->docs = docs;
        nodes->count = count;
    }
    docent_snapshot_free(snapshot);
    return status;
}

bool docent_config_nodes_has_root(const struct config_nodes *nodes, const docent_cache *cache)
{
    return nodes->count > 0 && *names_of(cache, nodes->docs[0].node) == '\0';
}

docent_status docent_config_nodes_values(const struct config_nodes *nodes, const docent_cache *cache, const struct config_limits *limits,
                                         const docent_allocator *allocator, docent_config_values **ret_values, struct config_reason *reason)
{
    struct config_origin origin = { .source = DOCENT_CONFIG_FROM_SERVERS, .zxid = nodes->gone_zxid };
    json_t *whole = json_object();
    bool good = whole != NULL;
    for (size_t i = 0; i < nodes->count && good; i++) {
        const struct config_doc *doc = &nodes->docs[i];
        if (doc->json == NULL) continue;
        if (doc->zxid > origin.zxid) origin.zxid = doc->zxid;
        good = docent_config_merge(whole, names_of(cache, doc->node), doc->json);
    }
    if (docent_config_nodes_has_root(nodes, cache)) {
        origin.root_czxid = docent_node_stat(nodes->docs[0].node).czxid;
        origin.root_ctime_ms = docent_node_stat(nodes->docs[0].node).ctime_ms;
    }
    docent_status status = good ? docent_config_values_make(whole, &origin, limits, allocator, ret_values, reason) : DOCENT_ERR_NO_MEMORY;
    json_decref(whole);
    return status;
}

void docent_config_nodes_free(struct config_nodes *nodes, const docent_allocator *allocator)
{
    for (size_t i = 0; i < nodes->count; i++) drop_doc(&nodes->docs[i]);
    docent_free(allocator, nodes->docs);
    nodes->docs = NULL;
    nodes->count = 0;
}
