#include "tests/sim/subscriber.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "recipes/cache.h"
#include "tests/sim/caches.h"

/* ---- What it was told. ---- */

static size_t subscriber_place(const struct subscriber *s, const char *path)
{
    size_t low = 0, high = s->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(s->nodes[middle].path, path) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static struct heard_node *subscriber_find(const struct subscriber *s, const char *path)
{
    size_t place = subscriber_place(s, path);
    return place < s->count && strcmp(s->nodes[place].path, path) == 0 ? &s->nodes[place] : NULL;
}

static void subscriber_put(struct subscriber *s, const docent_node *node)
{
    docent_stat stat = docent_node_stat(node);
    const char *path = docent_node_path(node);
    struct heard_node *known = subscriber_find(s, path);
    if (known != NULL) {
        known->czxid = stat.czxid;
        known->mzxid = stat.mzxid;
        return;
    }
    size_t place = subscriber_place(s, path);
    if (s->count == s->capacity) {
        s->capacity = s->capacity == 0 ? 16 : 2 * s->capacity;
        s->nodes = realloc(s->nodes, s->capacity * sizeof *s->nodes);
        if (s->nodes == NULL) {
            abort();
        }
    }
    memmove(&s->nodes[place + 1], &s->nodes[place], (s->count - place) * sizeof *s->nodes);
    s->nodes[place] = (struct heard_node){.path = strdup(path), .czxid = stat.czxid, .mzxid = stat.mzxid};
    s->count++;
}

static void subscriber_take_out(struct subscriber *s, const char *path)
{
    size_t place = subscriber_place(s, path);
    free(s->nodes[place].path);
    s->count--;
    memmove(&s->nodes[place], &s->nodes[place + 1], (s->count - place) * sizeof *s->nodes);
}

/* ---- What must be true. ---- */

#define SUBSCRIBER_FAIL(s, format, ...) \
    world_fail((s)->owned->world, "cache of client %zu (%s, %s): " format, (s)->owned->actor->index, (s)->owned->shape.path, \
               (s)->late ? "late subscriber" : "first subscriber", __VA_ARGS__)

static uint64_t subscriber_sum(const docent_node *node)
{
    uint64_t sum = UINT64_C(14695981039346656037);
    size_t size;
    const uint8_t *data = docent_node_data(node, &size);
    docent_stat stat = docent_node_stat(node);
    for (size_t i = 0; i < size; i++) {
        sum = (sum ^ data[i]) * UINT64_C(1099511628211);
    }
    for (const char *at = docent_node_path(node); *at != '\0'; at++) {
        sum = (sum ^ (uint8_t)*at) * UINT64_C(1099511628211);
    }
    return sum ^ (uint64_t)stat.mzxid ^ (uint64_t)stat.pzxid << 32;
}

/* Keeps some of the nodes that it is told of; they must stay as they are, whatever becomes of the cache. */
static void subscriber_keep(struct subscriber *s, const docent_node *node)
{
    unsigned at = s->keeps++ % SUBSCRIBER_KEEPS;
    if (s->kept[at] != NULL && subscriber_sum(s->kept[at]) != s->sums[at]) {
        SUBSCRIBER_FAIL(s, "a node that was kept has changed: %s", docent_node_path(s->kept[at]));
    }
    docent_node_unref(s->kept[at]);
    s->kept[at] = docent_node_ref(node);
    s->sums[at] = subscriber_sum(node);
}

/* An event of any kind. False: it should not have come. */
static bool subscriber_hears(struct subscriber *s, const char *what, const char *path)
{
    struct owned *owned = s->owned;
    world_trace(owned->world, "client %zu  cache %s %s%s %s", owned->actor->index, owned->shape.path, s->late ? "(late) " : "", what, path);
    if (s->mute || s->closed > 0 || owned->close_called) {
        SUBSCRIBER_FAIL(s, "is told %s %s after %s", what, path,
                        s->mute ? "its cancellation" : s->closed > 0 ? "it was closed" : "the cache was closed");
        return false;
    }
    return true;
}

/* The application does something in the midst of it. */
static void subscriber_acts(struct subscriber *s)
{
    if (s->cancel_in > 0 && --s->cancel_in == 0) {
        subscriber_cancel(s);
    }
    if (s->close_in > 0 && --s->close_in == 0) {
        owned_close(s->owned);
    }
}

static void subscriber_check_version(struct subscriber *s, const docent_node *node)
{
    const struct owned *owned = s->owned;
    const char *path = docent_node_path(node);
    docent_stat stat = docent_node_stat(node);
    const struct version *version = oracle_version(&owned->world->caches->oracle, path, stat.mzxid);
    size_t size;
    const void *data = docent_node_data(node, &size);
    if (!shape_shows(&owned->shape, path) && !shape_is_vague(&owned->shape, path)) {
        SUBSCRIBER_FAIL(s, "is told of %s, which does not belong", path);
    }
    if (version == NULL || version->czxid != stat.czxid) {
        SUBSCRIBER_FAIL(s, "is told of %s as of %#" PRIx64 ", created at %#" PRIx64 ", which it never was", path, (uint64_t)stat.mzxid,
                        (uint64_t)stat.czxid);
    } else if (docent_node_has_data(node) && (size != version->size || (size > 0 && memcmp(data, version->data, size) != 0))) {
        SUBSCRIBER_FAIL(s, "is told of %s as of %#" PRIx64 " with other data", path, (uint64_t)stat.mzxid);
    }
    if (docent_node_has_data(node) ? owned->shape.stat_only : !owned->shape.stat_only && owned->shape.bytes_max == 0) {
        SUBSCRIBER_FAIL(s, "is told of %s %s its data", path, owned->shape.stat_only ? "with" : "without");
    }
}

/* The parent of @path has been told, unless there is none to be told. */
static bool subscriber_has_parent(const struct subscriber *s, const char *path)
{
    const struct shape *shape = &s->owned->shape;
    if (strcmp(path, shape->path) == 0) {
        return true;
    }
    char *parent = strdup(path);
    *strrchr(parent, '/') = '\0';
    bool has = shape_hides(shape, parent) || subscriber_find(s, parent) != NULL;
    free(parent);
    return has;
}

static void subscriber_added(const docent_node *node, void *user)
{
    struct subscriber *s = user;
    const char *path = docent_node_path(node);
    if (!subscriber_hears(s, "added", path)) {
        return;
    }
    if (subscriber_find(s, path) != NULL) {
        SUBSCRIBER_FAIL(s, "is told twice that %s was added", path);
    }
    if (!s->blind && !subscriber_has_parent(s, path)) {
        SUBSCRIBER_FAIL(s, "is told that %s was added before its parent", path);
    }
    subscriber_check_version(s, node);
    subscriber_put(s, node);
    subscriber_keep(s, node);
    subscriber_acts(s);
}

static void subscriber_changed(const docent_node *before, const docent_node *after, void *user)
{
    struct subscriber *s = user;
    const char *path = docent_node_path(after);
    if (!subscriber_hears(s, "changed", path)) {
        return;
    }
    docent_stat old = docent_node_stat(before), new = docent_node_stat(after);
    const struct heard_node *known = subscriber_find(s, path);
    if (strcmp(docent_node_path(before), path) != 0 || old.czxid != new.czxid || old.mzxid >= new.mzxid) {
        SUBSCRIBER_FAIL(s, "is told that %s changed from %#" PRIx64 "/%#" PRIx64 " to %#" PRIx64 "/%#" PRIx64, path, (uint64_t)old.czxid,
                        (uint64_t)old.mzxid, (uint64_t)new.czxid, (uint64_t)new.mzxid);
    }
    if (known == NULL ? !s->blind : known->czxid != old.czxid || known->mzxid != old.mzxid) {
        SUBSCRIBER_FAIL(s, "is told that %s changed, %s", path, known == NULL ? "and never that it was added" : "from what it was not");
    }
    subscriber_check_version(s, after);
    subscriber_put(s, after);
    subscriber_keep(s, before);
    subscriber_acts(s);
}

static void subscriber_removed(const docent_node *last, void *user)
{
    struct subscriber *s = user;
    const char *path = docent_node_path(last);
    if (!subscriber_hears(s, "removed", path)) {
        return;
    }
    docent_stat stat = docent_node_stat(last);
    const struct heard_node *known = subscriber_find(s, path);
    if (known == NULL ? !s->blind : known->czxid != stat.czxid || known->mzxid != stat.mzxid) {
        SUBSCRIBER_FAIL(s, "is told that %s was removed, %s", path, known == NULL ? "and never that it was added" : "with another version");
    }
    size_t place = subscriber_place(s, path) + (known != NULL);
    if (place < s->count && path_is_below(s->nodes[place].path, path)) {
        SUBSCRIBER_FAIL(s, "is told that %s was removed before %s", path, s->nodes[place].path);
    }
    if (known != NULL) {
        subscriber_take_out(s, path);
    }
    subscriber_keep(s, last);
    subscriber_acts(s);
}

static void subscriber_failed(const char *path, docent_status why, void *user)
{
    struct subscriber *s = user;
    if (!subscriber_hears(s, "failed", path)) {
        return;
    }
    if (why != DOCENT_ERR_NO_AUTH || !name_is(path, 'x') || !shape_lists(&s->owned->shape, path)) {
        SUBSCRIBER_FAIL(s, "is told that %s failed: %s", path, docent_status_name(why));
    }
    subscriber_acts(s);
}

/* What the client had seen when the reading began is in: every node of then that still stands, and none that was gone by then. */
static void subscriber_check_holes(struct subscriber *s)
{
    const struct owned *owned = s->owned;
    const struct oracle *oracle = &owned->world->caches->oracle;
    for (size_t i = 0; i < oracle->count && !s->blind; i++) {
        const struct version *version = oracle->present[i];
        if (version->czxid > s->floor || !shape_shows(&owned->shape, version->path)) {
            continue;
        }
        const struct heard_node *known = subscriber_find(s, version->path);
        if (known == NULL || known->czxid != version->czxid || (version->mzxid <= s->floor && known->mzxid != version->mzxid)) {
            SUBSCRIBER_FAIL(s, "is told that everything was read, and %s as of %#" PRIx64 " is not there; seen was %#" PRIx64, version->path,
                            (uint64_t)version->mzxid, (uint64_t)s->floor);
        }
    }
    for (size_t i = 0; i < s->count; i++) {
        const struct version *version = oracle_version(oracle, s->nodes[i].path, s->nodes[i].mzxid);
        if (version != NULL && version->ended <= s->floor && !shape_is_vague(&owned->shape, version->path)) {
            SUBSCRIBER_FAIL(s, "is told that everything was read, and %s is still what it was at %#" PRIx64 "; seen was %#" PRIx64,
                            version->path, (uint64_t)version->mzxid, (uint64_t)s->floor);
        }
    }
}

static void subscriber_initialized(size_t failed, void *user)
{
    struct subscriber *s = user;
    (void)failed;
    if (!subscriber_hears(s, "initialized", "")) {
        return;
    }
    if (++s->initialized > 1 || !shape_tells_initialized(&s->owned->shape)) {
        SUBSCRIBER_FAIL(s, "is told %u times that it is initialized", s->initialized);
    }
    if (!docent_cache_is_initialized(s->owned->cache)) {
        SUBSCRIBER_FAIL(s, "is told of an initialization, and the cache says %s", "that there was none");
    }
    subscriber_check_holes(s);
    subscriber_acts(s);
}

static void subscriber_suspended(void *user)
{
    struct subscriber *s = user;
    if (!subscriber_hears(s, "suspended", "")) {
        return;
    }
    if (s->link != HEARD_UP && s->link != HEARD_NOTHING) {
        SUBSCRIBER_FAIL(s, "is told %s", "twice that it is suspended");
    }
    s->link = HEARD_DOWN;
    owned_gap_begins(s->owned);
    subscriber_acts(s);
}

static void subscriber_lost(void *user)
{
    struct subscriber *s = user;
    if (!subscriber_hears(s, "lost", "")) {
        return;
    }
    if (s->link != HEARD_DOWN) {
        SUBSCRIBER_FAIL(s, "is told of a loss %s", s->link == HEARD_UP ? "of a connection that is up" : "twice");
    }
    s->link = HEARD_LOST;
    s->owned->gap.lost = true;
    subscriber_acts(s);
}

static void subscriber_reconnected(void *user)
{
    struct subscriber *s = user;
    if (!subscriber_hears(s, "reconnected", "")) {
        return;
    }
    if (s->link != HEARD_DOWN && s->link != HEARD_LOST) {
        SUBSCRIBER_FAIL(s, "is told of a reconnection %s", "and never of what was before it");
    }
    s->link = HEARD_UP;
    s->floor = docent_client_last_zxid(s->owned->actor->client.core);
    subscriber_acts(s);
}

static void subscriber_fresh(void *user)
{
    struct subscriber *s = user;
    if (!subscriber_hears(s, "fresh", "")) {
        return;
    }
    if (s->link == HEARD_DOWN || s->link == HEARD_LOST || (shape_tells_initialized(&s->owned->shape) && s->initialized == 0)) {
        SUBSCRIBER_FAIL(s, "is told that it is fresh, and %s", s->initialized == 0 ? "not initialized" : "suspended");
    }
    s->link = HEARD_UP;
    s->freshened++;
    owned_gap_ends(s->owned);
    subscriber_check_holes(s);
    subscriber_acts(s);
}

static void subscriber_closed(docent_status why, void *user)
{
    struct subscriber *s = user;
    struct owned *owned = s->owned;
    world_trace(owned->world, "client %zu  cache %s %sclosed: %s", owned->actor->index, owned->shape.path, s->late ? "(late) " : "",
                docent_status_name(why));
    if (++s->closed > 1 || s->mute) {
        SUBSCRIBER_FAIL(s, "is told that it is closed %s", s->mute ? "after its cancellation" : "twice");
    }
    if (why != owned->close_why) {
        SUBSCRIBER_FAIL(s, "is told that it is closed: %s, not %s", docent_status_name(why), docent_status_name(owned->close_why));
    }
    s->subscription = NULL;
}

/* ---- From the beginning to the end. ---- */

docent_status subscriber_begin(struct subscriber *s, struct owned *owned, bool late)
{
    static const docent_cache_events events = {
        DOCENT_CACHE_EVENTS, .added = subscriber_added, .changed = subscriber_changed, .removed = subscriber_removed, .failed = subscriber_failed,
        .initialized = subscriber_initialized, .suspended = subscriber_suspended, .lost = subscriber_lost, .reconnected = subscriber_reconnected,
        .fresh = subscriber_fresh, .closed = subscriber_closed,
    };
    const docent_client *core = owned->actor->client.core;
    *s = (struct subscriber){.owned = owned, .late = late};
    s->link = (unsigned)owned->cache->link; /* The same ones in the same order. */
    s->floor = late ? 0 : docent_client_last_zxid(core);
    s->blind = owned->shape.start == 1 && owned->shape.face == FACE_CHILDREN && !docent_cache_is_initialized(owned->cache);
    return docent_cache_subscribe(owned->cache, &events, s, &s->subscription);
}

void subscriber_cancel(struct subscriber *s)
{
    docent_subscription *subscription = s->subscription;
    s->subscription = NULL;
    s->mute = true;
    docent_subscription_cancel(subscription);
}

void subscriber_drop(struct subscriber *s, bool crashed)
{
    s->mute |= crashed;
    for (size_t i = 0; i < SUBSCRIBER_KEEPS; i++) {
        if (!crashed && s->kept[i] != NULL) {
            if (subscriber_sum(s->kept[i]) != s->sums[i]) {
                SUBSCRIBER_FAIL(s, "a node that was kept has changed: %s", docent_node_path(s->kept[i]));
            }
            docent_node_unref(s->kept[i]);
        }
        s->kept[i] = NULL;
    }
}

void subscriber_free(struct subscriber *s)
{
    for (size_t i = 0; i < s->count; i++) {
        free(s->nodes[i].path);
    }
    free(s->nodes);
}

void subscriber_compare(const struct subscriber *s)
{
    const struct owned *owned = s->owned;
    const struct oracle *oracle = &owned->world->caches->oracle;
    size_t shown = 0;
    if (s->subscription == NULL || s->blind) {
        return;
    }
    for (size_t i = 0; i < oracle->count; i++) {
        const struct version *version = oracle->present[i];
        if (!shape_shows(&owned->shape, version->path)) {
            continue;
        }
        const struct heard_node *known = subscriber_find(s, version->path);
        shown++;
        if (known == NULL || known->czxid != version->czxid || known->mzxid != version->mzxid) {
            SUBSCRIBER_FAIL(s, "was not told of %s as of %#" PRIx64, version->path, (uint64_t)version->mzxid);
        }
    }
    if (!owned->shape.stat_only && s->count != shown) {
        SUBSCRIBER_FAIL(s, "was told of %zu nodes that stand, of which there are %zu", s->count, shown);
    }
    if (shape_tells_initialized(&owned->shape) && s->initialized != 1) {
        SUBSCRIBER_FAIL(s, "was told %u times that it is initialized", s->initialized);
    }
}
