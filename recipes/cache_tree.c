/* recipes/cache_tree.c - what a cache knows: immutable nodes, and the index of entries in which they hang.
 *
 * Memory is what counts here: a cached node is one block (its stat, path and data), an entry, and a pointer in its parent's directory. What stands
 * in for a node until it is read is made as large as the one before was, and becomes the node if that turns out to be right. Names
 * are not kept apart: an entry's is what its path has beyond its parent's. Siblings stand in the order of their names, and are found by halving.
 * Paths can be long chains, so nothing here calls itself. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "recipes/cache.h"

/* ---- Nodes. ---- */

#define NODE_SIZE_MASK ((UINT32_C(1) << 29) - 1)
#define NODE_STUB (UINT32_C(1) << 29) /* Never read: the size is of the room behind the path. */
#define NODE_KEEPS_DATA (UINT32_C(1) << 30)
#define NODE_NULL_DATA (UINT32_C(1) << 31)

struct docent_node {
    _Atomic uint32_t references;
    uint32_t path_size;
    struct node_home *home;
    int64_t czxid, mzxid, ctime_ms, mtime_ms, ephemeral_owner, pzxid; /* docent_stat, without its holes. */
    int32_t version, cversion, aversion, data_length, num_children;
    uint32_t size; /* And what NODE_ says. */
    char bytes[];  /* The path, terminated; the data, terminated. */
};

struct node_home *docent_node_home_new(const docent_allocator *allocator)
{
    struct node_home *home = docent_alloc(allocator, sizeof *home);
    if (home == NULL) return NULL;
    atomic_init(&home->references, 1);
    home->allocator = *allocator;
    return home;
}

void docent_node_home_drop(struct node_home *home)
{
    if (home == NULL || atomic_fetch_sub_explicit(&home->references, 1, memory_order_acq_rel) > 1) return;
    docent_allocator allocator = home->allocator;
    docent_free(&allocator, home);
}

static void node_fill(docent_node *node, const docent_stat *stat, const void *data, size_t size, bool keep_data)
{
    char *at = node->bytes + node->path_size + 1;
    node->size = (uint32_t)size | (keep_data ? NODE_KEEPS_DATA : 0) | (data == NULL ? NODE_NULL_DATA : 0);
    if (keep_data) {
        if (size > 0) memcpy(at, data, size);
        at[size] = '\0';
    }
    if (stat == NULL) return;
    node->czxid = stat->czxid;
    node->mzxid = stat->mzxid;
    node->ctime_ms = stat->ctime_ms;
    node->mtime_ms = stat->mtime_ms;
    node->version = stat->version;
    node->cversion = stat->cversion;
    node->aversion = stat->aversion;
    node->ephemeral_owner = stat->ephemeral_owner;
    node->data_length = stat->data_length;
    node->num_children = stat->num_children;
    node->pzxid = stat->pzxid;
}

/* One with a path of @path_size, still to be written, and @room behind it. NULL: no memory. */
static docent_node *node_new(struct node_home *home, size_t path_size, size_t room)
{
    docent_node *node = docent_alloc(&home->allocator, sizeof *node + path_size + 1 + room);
    if (node == NULL) return NULL;
    memset(node, 0, sizeof *node);
    atomic_init(&node->references, 1);
    atomic_fetch_add_explicit(&home->references, 1, memory_order_relaxed);
    node->home = home;
    node->path_size = (uint32_t)path_size;
    return node;
}

docent_node *docent_node_make(struct node_home *home, const char *path, size_t path_size, const docent_stat *stat, const void *data, size_t size,
                              bool keep_data)
{
    if (!keep_data || data == NULL) size = 0;
    if (path_size >= UINT32_MAX || size > NODE_SIZE_MASK) return NULL;
    docent_node *node = node_new(home, path_size, keep_data ? size + 1 : 0);
    if (node == NULL) return NULL;
    memcpy(node->bytes, path, path_size);
    node->bytes[path_size] = '\0';
    node_fill(node, stat, data, size, keep_data);
    return node;
}

docent_node *docent_cache_fill_stub(struct entry *entry, const docent_stat *stat, const void *data, size_t size, bool keep_data)
{
    enum { WASTE_MAX = 32 };
    docent_node *node = entry->node;
    if (!keep_data || data == NULL) size = 0;
    size_t room = node->size & NODE_SIZE_MASK, need = keep_data ? size + 1 : 0;
    bool fits = (node->size & NODE_STUB) != 0 && need <= room && room - need <= WASTE_MAX;
    /* Somebody who was told that it cannot be read may look at it still. Nobody else can come by it before it is loaded. */
    if (!fits || atomic_load_explicit(&node->references, memory_order_acquire) > 1) return NULL;
    node_fill(node, stat, data, size, keep_data);
    return node;
}

const docent_node *docent_node_ref(const docent_node *node)
{
    if (node != NULL) atomic_fetch_add_explicit(&((docent_node *)(uintptr_t)node)->references, 1, memory_order_relaxed);
    return node;
}

void docent_node_unref(const docent_node *borrowed)
{
    docent_node *node = (docent_node *)(uintptr_t)borrowed;
    /* Release, so that whoever frees sees every use by the others; acquire, for the one who frees. */
    if (node == NULL || atomic_fetch_sub_explicit(&node->references, 1, memory_order_acq_rel) > 1) return;
    struct node_home *home = node->home;
    docent_free(&home->allocator, node);
    docent_node_home_drop(home);
}

const char *docent_node_path(const docent_node *node)
{
    return node == NULL ? NULL : node->bytes;
}

const void *docent_node_data(const docent_node *node, size_t *ret_size)
{
    bool none = node == NULL || (node->size & NODE_NULL_DATA) != 0 || (node->size & NODE_KEEPS_DATA) == 0;
    if (ret_size != NULL) *ret_size = none ? 0 : node->size & NODE_SIZE_MASK;
    return none ? NULL : node->bytes + node->path_size + 1;
}

bool docent_node_has_data(const docent_node *node)
{
    return node != NULL && (node->size & NODE_KEEPS_DATA) != 0;
}

docent_stat docent_node_stat(const docent_node *node)
{
    if (node == NULL) return (docent_stat){ 0 };
    return (docent_stat){
        .czxid = node->czxid,
        .mzxid = node->mzxid,
        .ctime_ms = node->ctime_ms,
        .mtime_ms = node->mtime_ms,
        .version = node->version,
        .cversion = node->cversion,
        .aversion = node->aversion,
        .ephemeral_owner = node->ephemeral_owner,
        .data_length = node->data_length,
        .num_children = node->num_children,
        .pzxid = node->pzxid,
    };
}

size_t docent_node_bytes(const docent_node *node)
{
    return node->path_size + (node->size & NODE_SIZE_MASK);
}

/* ---- Entries. ---- */

const char *docent_entry_path(const struct entry *entry)
{
    return entry->node->bytes;
}

/* What the path of a child of @parent begins with, slash included. */
static size_t prefix_size(const struct entry *parent)
{
    return parent->node->path_size + (parent->node->path_size > 1); /* "/" has its slash already. */
}

static const char *entry_name(const struct entry *entry)
{
    return entry->parent == NULL ? entry->node->bytes : entry->node->bytes + prefix_size(entry->parent);
}

struct entry *docent_cache_entry_new(docent_cache *cache, struct entry *parent, const char *name)
{
    const docent_allocator *allocator = &cache->handle.allocator;
    struct entry *entry = docent_alloc(allocator, sizeof *entry);
    if (entry == NULL) return NULL;
    memset(entry, 0, sizeof *entry);
    entry->parent = parent;
    if (parent == NULL) {
        entry->node = docent_node_make(cache->home, name, strlen(name), NULL, NULL, 0, false);
    } else { /* The path is put together in place. */
        size_t prefix = prefix_size(parent), size = strlen(name);
        docent_node *node = node_new(cache->home, prefix + size, cache->stub_room);
        if (node != NULL) {
            node->size = (uint32_t)cache->stub_room | NODE_STUB;
            memcpy(node->bytes, parent->node->bytes, parent->node->path_size);
            node->bytes[prefix - 1] = '/';
            memcpy(node->bytes + prefix, name, size + 1);
        }
        entry->node = node;
    }
    if (entry->node != NULL) return entry;
    docent_free(allocator, entry);
    return NULL;
}

void docent_cache_release_entry(docent_cache *cache, struct entry *entry)
{
    if ((entry->flags & ENTRY_DEAD) == 0 || (entry->flags & (ENTRY_BUSY | ENTRY_QUEUED)) != 0) return;
    docent_node_unref(entry->node);
    docent_free(&cache->handle.allocator, entry);
}

uint32_t docent_entry_depth(const struct entry *entry)
{
    uint32_t depth = 0;
    while (entry->parent != NULL) {
        depth++;
        entry = entry->parent;
    }
    return depth;
}

/* Compares @name, of @size, with the name of a child. */
static int compare_name(const char *name, size_t size, const struct entry *child)
{
    const char *other = entry_name(child);
    int order = strncmp(name, other, size);
    return order != 0 ? order : other[size] == '\0' ? 0 : -1;
}

/* Where a child of this name stands, or would stand. */
static uint32_t child_place(const struct directory *directory, const char *name, size_t size)
{
    uint32_t low = 0, high = directory == NULL ? 0 : directory->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (compare_name(name, size, directory->children[middle]) > 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static uint32_t entry_place(const struct entry *entry)
{
    const char *name = entry_name(entry);
    return child_place(entry->parent->directory, name, strlen(name));
}

static bool stands_at(const struct entry *entry, uint32_t place)
{
    const struct directory *directory = entry->parent->directory;
    return directory != NULL && place < directory->count && directory->children[place] == entry;
}

struct entry *docent_cache_child(const struct entry *parent, const char *name, size_t size)
{
    uint32_t place = child_place(parent->directory, name, size);
    if (parent->directory == NULL || place == parent->directory->count) return NULL;
    struct entry *child = parent->directory->children[place];
    return compare_name(name, size, child) == 0 ? child : NULL;
}

struct entry *docent_cache_find(const docent_cache *cache, const char *path)
{
    struct entry *entry = cache->root;
    size_t size = cache->path_size;
    if (strncmp(path, cache->path, size) != 0) return NULL;
    const char *at = path + size;
    if (*at == '\0') return entry;
    if (size > 1) {
        if (*at != '/') return NULL; /* A name that begins like the root's. */
        at++;
    }
    while (entry != NULL) {
        const char *end = strchr(at, '/');
        size_t name = end == NULL ? strlen(at) : (size_t)(end - at);
        entry = docent_cache_child(entry, at, name);
        if (end == NULL) return entry;
        at = end + 1;
    }
    return NULL;
}

/* Where it stands, or stood: most are looked for in a row, so where the last was found is looked first. */
static uint32_t entry_place_in_walk(const struct entry *entry)
{
    const struct directory *directory = entry->parent->directory;
    return directory != NULL && stands_at(entry, directory->walked) ? directory->walked : entry_place(entry);
}

struct entry *docent_cache_next_beside(const struct entry *entry, const struct entry *top)
{
    while (entry != top && entry->parent != NULL) {
        uint32_t place = entry_place_in_walk(entry);
        if (stands_at(entry, place)) place++;
        struct directory *directory = entry->parent->directory;
        if (directory != NULL && place < directory->count) {
            directory->walked = place;
            return directory->children[place];
        }
        entry = entry->parent;
    }
    return NULL;
}

struct entry *docent_cache_next(const struct entry *entry, const struct entry *top)
{
    if (entry->directory == NULL || entry->directory->count == 0) return docent_cache_next_beside(entry, top);
    entry->directory->walked = 0;
    return entry->directory->children[0];
}

size_t docent_cache_count(const struct entry *top)
{
    size_t count = 0;
    for (const struct entry *entry = top; entry != NULL; entry = docent_cache_next(entry, top)) count++;
    return count;
}

/* ---- Changes. Other threads look under the mutex; so it is enough to take it for what they could see half done. ---- */

static void count_node(docent_cache *cache, const struct entry *entry, int sign)
{
    if (!docent_cache_shows(cache, entry)) return;
    docent_shared_add(&cache->size, sign);
    docent_shared_add(&cache->bytes, sign * (int64_t)docent_node_bytes(entry->node));
}

void docent_cache_put_node(docent_cache *cache, struct entry *entry, docent_node *node)
{
    docent_node *before = entry->node;
    count_node(cache, entry, -1);
    docent_thread_mutex_lock(&cache->mutex);
    entry->node = node;
    entry->loaded = true;
    docent_thread_mutex_unlock(&cache->mutex);
    count_node(cache, entry, 1);
    if (before != node) docent_node_unref(before);
}

static struct directory *directory_new(docent_cache *cache, uint32_t room)
{
    struct directory *directory;
    directory = docent_alloc(&cache->handle.allocator, sizeof *directory + (size_t)room * sizeof(struct entry *));
    if (directory == NULL) return NULL;
    directory->pzxid = -1;
    directory->count = 0;
    directory->room = room;
    directory->walked = 0;
    return directory;
}

/* Puts @next, or nothing, in the place of what @entry has. */
static void directory_swap(docent_cache *cache, struct entry *entry, struct directory *next)
{
    struct directory *before = entry->directory;
    docent_thread_mutex_lock(&cache->mutex);
    entry->directory = next;
    docent_thread_mutex_unlock(&cache->mutex);
    docent_free(&cache->handle.allocator, before);
}

bool docent_cache_add_child(docent_cache *cache, struct entry *parent, struct entry *child)
{
    struct directory *directory = parent->directory;
    uint32_t place = entry_place(child);
    if (directory == NULL || directory->count == directory->room) {
        uint32_t count = directory == NULL ? 0 : directory->count;
        if (count > UINT32_MAX / 2) return false;
        struct directory *larger = directory_new(cache, count + count / 2 + 4);
        if (larger == NULL) return false;
        if (directory != NULL) {
            larger->pzxid = directory->pzxid;
            memcpy(larger->children, directory->children, count * sizeof(struct entry *));
        }
        larger->count = count;
        directory_swap(cache, parent, larger);
        directory = larger;
    }
    docent_thread_mutex_lock(&cache->mutex);
    memmove(&directory->children[place + 1], &directory->children[place], (directory->count - place) * sizeof(struct entry *));
    directory->children[place] = child;
    directory->count++;
    docent_thread_mutex_unlock(&cache->mutex);
    return true;
}

/* A leaf goes. */
static void entry_unlink(docent_cache *cache, struct entry *entry)
{
    struct directory *directory = entry->parent->directory;
    uint32_t last = directory == NULL ? 0 : directory->count - 1; /* Of many that go, the last goes first. */
    uint32_t place = stands_at(entry, last) ? last : entry_place(entry);
    if (cache->cursor == entry) cache->cursor = docent_cache_next_beside(entry, cache->root);
    if (!stands_at(entry, place)) return; /* It was left out of a new list. */
    docent_thread_mutex_lock(&cache->mutex);
    directory->count--;
    memmove(&directory->children[place], &directory->children[place + 1], (directory->count - place) * sizeof(struct entry *));
    docent_thread_mutex_unlock(&cache->mutex);
    if (directory->count == 0) directory_swap(cache, entry->parent, NULL);
}

void docent_cache_remove(docent_cache *cache, struct entry *top, void (*gone)(docent_cache *cache, struct entry *entry))
{
    for (struct entry *entry = top;;) {
        if (entry->directory != NULL && entry->directory->count > 0) {
            entry = entry->directory->children[entry->directory->count - 1];
            continue;
        }
        struct entry *parent = entry->parent;
        gone(cache, entry);
        count_node(cache, entry, -1);
        docent_thread_mutex_lock(&cache->mutex);
        entry->loaded = false;
        docent_thread_mutex_unlock(&cache->mutex);
        bool last = entry == top;
        if (entry->directory != NULL) directory_swap(cache, entry, NULL); /* An empty one: all that was listed is left out. */
        if (entry->parent != NULL) {
            entry_unlink(cache, entry);
            entry->flags |= ENTRY_DEAD;
            docent_cache_release_entry(cache, entry);
        }
        if (last) return;
        entry = parent;
    }
}

void docent_cache_remove_below(docent_cache *cache, struct entry *entry, void (*gone)(docent_cache *cache, struct entry *entry))
{
    while (entry->directory != NULL && entry->directory->count > 0) {
        docent_cache_remove(cache, entry->directory->children[entry->directory->count - 1], gone);
    }
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

bool docent_cache_set_children(docent_cache *cache, struct entry *entry, const char *const *names, size_t count, int64_t pzxid,
                               void (*gone)(docent_cache *cache, struct entry *entry), void (*came)(docent_cache *cache, struct entry *entry))
{
    const docent_allocator *allocator = &cache->handle.allocator;
    struct directory *before = entry->directory, *after = NULL;
    const char **sorted = NULL;
    if (count >= UINT32_MAX) return false;
    if (count > 0) {
        sorted = docent_alloc_array(allocator, count, sizeof *sorted);
        after = directory_new(cache, (uint32_t)count);
        if (sorted == NULL || after == NULL) goto no_memory;
        memcpy(sorted, names, count * sizeof *sorted);
        qsort(sorted, count, sizeof *sorted, compare_texts);
        after->pzxid = pzxid;
    }
    uint32_t old = 0;
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && strcmp(sorted[i], sorted[i - 1]) == 0) continue; /* No server does this. */
        struct entry *child = NULL;
        while (before != NULL && old < before->count && strcmp(entry_name(before->children[old]), sorted[i]) < 0) old++;
        if (before != NULL && old < before->count && strcmp(entry_name(before->children[old]), sorted[i]) == 0) {
            child = before->children[old];
        } else {
            child = docent_cache_entry_new(cache, entry, sorted[i]);
            if (child == NULL) goto no_memory;
            if (cache->limits.accept != NULL && !cache->limits.accept(docent_entry_path(child), cache->limits.user)) {
                docent_node_unref(child->node);
                docent_free(allocator, child);
                continue;
            }
            child->flags = ENTRY_LISTED; /* New. */
        }
        after->children[after->count++] = child;
    }
    docent_free(allocator, sorted);

    docent_thread_mutex_lock(&cache->mutex);
    entry->directory = after;
    docent_thread_mutex_unlock(&cache->mutex);
    if (before != NULL) {
        uint32_t kept = 0;
        for (old = 0; old < before->count; old++) {
            struct entry *child = before->children[old];
            while (after != NULL && kept < after->count && strcmp(entry_name(after->children[kept]), entry_name(child)) < 0) kept++;
            if (after == NULL || kept == after->count || after->children[kept] != child) docent_cache_remove(cache, child, gone);
        }
        docent_free(allocator, before);
    }
    for (uint32_t i = 0; after != NULL && i < after->count; i++) {
        struct entry *child = after->children[i];
        if ((child->flags & ENTRY_LISTED) == 0) continue;
        child->flags &= ~(unsigned)ENTRY_LISTED;
        came(cache, child);
    }
    return true;

no_memory:
    for (uint32_t i = 0; after != NULL && i < after->count; i++) {
        struct entry *child = after->children[i];
        if ((child->flags & ENTRY_LISTED) == 0) continue;
        docent_node_unref(child->node);
        docent_free(allocator, child);
    }
    docent_free(allocator, after);
    docent_free(allocator, sorted);
    return false;
}
