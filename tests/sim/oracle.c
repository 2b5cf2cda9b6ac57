#include "tests/sim/oracle.h"

#include <docent/children_cache.h>

#include <stdlib.h>
#include <string.h>

static void *oracle_must(void *memory)
{
    if (memory == NULL) {
        abort();
    }
    return memory;
}

void oracle_free(struct oracle *oracle)
{
    for (size_t i = 0; i < oracle->past_count; i++) {
        free(oracle->past[i]->path);
        free(oracle->past[i]->data);
        free(oracle->past[i]);
    }
    free(oracle->past);
    free(oracle->present);
}

bool path_is_below(const char *path, const char *top)
{
    size_t size = strlen(top);
    return strncmp(path, top, size) == 0 && path[size] == '/';
}

/* Where a node of that path stands, or would. */
static size_t oracle_place(const struct oracle *oracle, const char *path)
{
    size_t low = 0, high = oracle->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(oracle->present[middle]->path, path) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

const struct version *oracle_find(const struct oracle *oracle, const char *path)
{
    size_t place = oracle_place(oracle, path);
    return place < oracle->count && strcmp(oracle->present[place]->path, path) == 0 ? oracle->present[place] : NULL;
}

const struct version *oracle_version(const struct oracle *oracle, const char *path, int64_t mzxid)
{
    size_t low = 0, high = oracle->past_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (oracle->past[middle]->mzxid < mzxid) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    for (; low < oracle->past_count && oracle->past[low]->mzxid == mzxid; low++) {
        if (strcmp(oracle->past[low]->path, path) == 0) {
            return oracle->past[low];
        }
    }
    return NULL;
}

bool oracle_was_deleted(const struct oracle *oracle, const char *path)
{
    for (size_t i = 0; i < oracle->past_count; i++) {
        if (oracle->past[i]->deleted && strcmp(oracle->past[i]->path, path) == 0) {
            return true;
        }
    }
    return false;
}

static struct version *oracle_add(struct oracle *oracle, const struct commit *commit, int64_t czxid)
{
    struct version *version = oracle_must(calloc(1, sizeof *version));
    *version = (struct version){.path = oracle_must(strdup(commit->path)), .size = commit->size, .czxid = czxid, .mzxid = commit->zxid,
                                .ended = INT64_MAX};
    if (commit->size > 0) {
        version->data = oracle_must(malloc(commit->size));
        memcpy(version->data, commit->data, commit->size);
    }
    if (oracle->past_count == oracle->past_capacity) {
        oracle->past_capacity = oracle->past_capacity == 0 ? 256 : 2 * oracle->past_capacity;
        oracle->past = oracle_must(realloc(oracle->past, oracle->past_capacity * sizeof(struct version *)));
    }
    return oracle->past[oracle->past_count++] = version;
}

bool oracle_committed(struct oracle *oracle, const struct commit *commit)
{
    if (strcmp(commit->path, ORACLE_TOP) != 0 && !path_is_below(commit->path, ORACLE_TOP)) {
        return false;
    }
    size_t place = oracle_place(oracle, commit->path);
    bool there = place < oracle->count && strcmp(oracle->present[place]->path, commit->path) == 0;
    oracle->zxid = commit->zxid;
    if (there != (commit->type != COMMIT_CREATE) && commit->type != COMMIT_OTHER) {
        abort(); /* Then it is we who cannot count. */
    }
    switch (commit->type) {
    case COMMIT_CREATE:
        if (oracle->count == oracle->capacity) {
            oracle->capacity = oracle->capacity == 0 ? 64 : 2 * oracle->capacity;
            oracle->present = oracle_must(realloc(oracle->present, oracle->capacity * sizeof(struct version *)));
        }
        memmove(&oracle->present[place + 1], &oracle->present[place], (oracle->count - place) * sizeof(struct version *));
        oracle->present[place] = oracle_add(oracle, commit, commit->zxid);
        oracle->count++;
        break;
    case COMMIT_SET:
        oracle->present[place]->ended = commit->zxid;
        oracle->present[place] = oracle_add(oracle, commit, oracle->present[place]->czxid);
        break;
    case COMMIT_DELETE:
        oracle->present[place]->ended = commit->zxid;
        oracle->present[place]->deleted = true;
        oracle->count--;
        memmove(&oracle->present[place], &oracle->present[place + 1], (oracle->count - place) * sizeof(struct version *));
        break;
    case COMMIT_OTHER:
        break;
    }
    return true;
}

/* ---- What a cache shows of it. ---- */

bool name_is(const char *path, char first)
{
    return strrchr(path, '/')[1] == first;
}

bool shape_hides(const struct shape *shape, const char *path)
{
    return shape->face == FACE_CHILDREN && strcmp(path, shape->path) == 0;
}

bool shape_tells_initialized(const struct shape *shape)
{
    return shape->face != FACE_CHILDREN || shape->start != DOCENT_CACHE_START_NORMAL;
}

bool shape_lists(const struct shape *shape, const char *path)
{
    size_t size = strlen(shape->path);
    if (strcmp(path, shape->path) == 0) {
        return true;
    }
    if (!path_is_below(path, shape->path) || shape->face == FACE_NODE || (shape->selector && name_is(shape->path, 'n'))) {
        return false;
    }
    unsigned depth_max = shape->face == FACE_CHILDREN ? 1 : shape->depth_max, depth = 0;
    for (const char *name = path + size; name != NULL; name = strchr(name + 1, '/')) {
        bool last = strchr(name + 1, '/') == NULL;
        depth++;
        if ((shape->filter && name[1] == 'z') || (!last && (name[1] == 'x' || (shape->selector && name[1] == 'n')))) {
            return false;
        }
    }
    return depth_max == 0 || depth <= depth_max;
}

bool shape_shows(const struct shape *shape, const char *path)
{
    return shape_lists(shape, path) && !name_is(path, 'x') && !shape_hides(shape, path);
}

bool shape_is_vague(const struct shape *shape, const char *path)
{
    return shape->stat_only && shape_lists(shape, path) && name_is(path, 'x');
}
