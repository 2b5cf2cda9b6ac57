/* core/client/watches.c - the watch registry: who waits for what, and what the server has been told.
 *
 * A watch at the server is one per path, kind and connection; registrations here share it. A one-shot is filed when the reply of
 * the read that leaves it is processed, in the order of the stream, under the protocol's rules: get and children only on
 * success, exists always. On a new connection everything filed is restored by set-watches before anything else is sent;
 * the server then tells at once what changed meanwhile for one-shots, but nothing for standing watches, whose owners are
 * told RESET and read again.
 *
 * Below 3.9 the modes of one path overwrite each other at the server (ZOOKEEPER-4466). So a path with a standing registration
 * never sends the flag of a one-shot: the one-shots are served from the standing watch. Persistent and recursive
 * registrations on one path are held as recursive, and the path's CHILDREN_CHANGED is derived from what happens to its direct
 * children. Every change of mode ends in RESET for the standing ones.
 *
 * Source: the server's rules are those of WatchManager and DataTree.setWatches, as observed on 3.8 and 3.9. */
#include <assert.h>
#include <string.h>

#include "core/client/internal.h"

enum {
    WATCH_PACKET_MAX = 128 * 1024, /* As the Java client: far below the usual limit of servers on requests. */
    WATCH_PACKET_REST = 8 + 8 + 5 * 4, /* What is not paths: the header, a zxid, five counts. */
};

static void path_arm(struct docent_core *c, struct watch_path *path);
static void path_settle(struct docent_core *c, struct watch_path *path);
static void path_disarm(struct docent_core *c, struct watch_path *path, docent_watch_kind kind);
static void restore_live(struct docent_core *c, struct watch_path *path);

/* ---- The table. ---- */

static uint32_t hash_text(const char *text, size_t size)
{
    uint32_t hash = 2166136261u; /* FNV-1a. */
    for (size_t i = 0; i < size; i++) hash = (hash ^ (uint8_t)text[i]) * 16777619u;
    return hash;
}

static struct watch_path *table_find(const struct watch_table *table, const char *text, size_t size)
{
    if (table->count == 0) return NULL;
    uint32_t hash = hash_text(text, size);
    struct watch_path *path = table->buckets[hash & (table->bucket_count - 1)];
    while (path != NULL && (path->hash != hash || path->size != size || memcmp(path->text, text, size) != 0)) path = path->chain;
    return path;
}

static bool table_grow(struct docent_core *c)
{
    struct watch_table *table = &c->watches;
    if (table->count < table->bucket_count) return true;
    size_t more = table->bucket_count == 0 ? 8 : table->bucket_count * 2;
    struct watch_path **buckets = docent_alloc_array(&c->allocator, more, sizeof(struct watch_path *));
    if (buckets == NULL) return table->bucket_count > 0;
    memset(buckets, 0, more * sizeof(struct watch_path *));
    for (size_t i = 0; i < table->bucket_count; i++) {
        while (table->buckets[i] != NULL) {
            struct watch_path *path = table->buckets[i];
            table->buckets[i] = path->chain;
            path->chain = buckets[path->hash & (more - 1)];
            buckets[path->hash & (more - 1)] = path;
        }
    }
    docent_free(&c->allocator, table->buckets);
    table->buckets = buckets;
    table->bucket_count = more;
    return true;
}

/* @text: a client's path. */
static struct watch_path *table_get(docent_client *view, const char *text)
{
    struct docent_core *c = view->core;
    struct wire_out full = { .allocator = &c->allocator };
    docent_put_path(view, &full, text);
    struct watch_path *path = NULL;
    if (full.failed) goto out;
    const char *name = (const char *)full.data + 4;
    size_t size = full.size - 4;
    path = table_find(&c->watches, name, size);
    if (path != NULL || !table_grow(c)) goto out;

    path = docent_alloc(&c->allocator, sizeof *path + size + 1);
    if (path == NULL) goto out;
    memset(path, 0, sizeof *path);
    path->core = c;
    path->hash = hash_text(name, size);
    path->size = size;
    path->arming = path->standing = -1;
    memcpy(path->text, name, size);
    path->text[size] = '\0';
    struct watch_path **bucket = &c->watches.buckets[path->hash & (c->watches.bucket_count - 1)];
    path->chain = *bucket;
    *bucket = path;
    c->watches.count++;
out:
    docent_wire_out_free(&full);
    return path;
}

static void path_drop_if_unused(struct docent_core *c, struct watch_path *path)
{
    if (path->watches != NULL || path->arming >= 0 || path->standing >= 0) return;
    struct watch_path **at = &c->watches.buckets[path->hash & (c->watches.bucket_count - 1)];
    while (*at != path) at = &(*at)->chain;
    *at = path->chain;
    c->watches.count--;
    docent_free(&c->allocator, path);
}

void docent_watches_free(struct docent_core *c)
{
    docent_watches_offline(c); /* What the server had is all that can be left. */
    docent_free(&c->allocator, c->watches.buckets);
    c->watches.buckets = NULL;
    c->watches.bucket_count = 0;
}

void docent_watches_mute(struct docent_core *c)
{
    for (size_t i = 0; i < c->watches.bucket_count; i++) {
        for (struct watch_path *path = c->watches.buckets[i]; path != NULL; path = path->chain) {
            for (struct docent_watch *w = path->watches; w != NULL; w = w->next) w->fn = NULL;
        }
    }
}

/* ---- Registrations. ---- */

static bool is_standing(docent_watch_kind kind)
{
    return kind == DOCENT_WATCH_PERSISTENT || kind == DOCENT_WATCH_RECURSIVE;
}

/* The mode that the path's standing registrations need, or -1. */
static int path_mode_wanted(const struct watch_path *path)
{
    int mode = -1;
    for (const struct docent_watch *w = path->watches; w != NULL; w = w->next) {
        if (w->ended) continue;
        if (w->kind == DOCENT_WATCH_RECURSIVE) return WIRE_ADD_RECURSIVE;
        if (w->kind == DOCENT_WATCH_PERSISTENT) mode = WIRE_ADD_PERSISTENT;
    }
    return mode;
}

static void watch_count(struct docent_core *c, enum stats_cell cell)
{
    if (c->stats != NULL) docent_stats_add(c->stats, cell, 1);
}

docent_status docent_watch_new(docent_client *view, const char *text, docent_watch_kind kind, struct docent_watch **ret_watch)
{
    struct docent_core *c = view->core;
    struct docent_watch *w = docent_alloc(&c->allocator, sizeof *w);
    if (w == NULL) return DOCENT_ERR_NO_MEMORY;
    memset(w, 0, sizeof *w);
    w->path = table_get(view, text);
    if (w->path == NULL) {
        docent_free(&c->allocator, w);
        return DOCENT_ERR_NO_MEMORY;
    }
    w->core = c;
    w->view = view;
    docent_view_use(view);
    w->kind = kind;
    w->zxid = -1;
    w->next = w->path->watches;
    w->path->watches = w;
    *ret_watch = w;
    watch_count(c, CELL_WATCHES_REGISTERED);
    return DOCENT_OK;
}

static void watch_unlink(struct docent_watch *w)
{
    struct docent_watch **at = &w->path->watches;
    while (*at != w) at = &(*at)->next;
    *at = w->next;
    path_drop_if_unused(w->core, w->path);
    w->path = NULL;
}

static void watch_say(struct docent_watch *w, docent_watch_type type, docent_status status, bool last, const char *path, int64_t zxid)
{
    docent_watch_event event = {
        .struct_size = sizeof event,
        .type = type,
        .status = status,
        .last = last,
        .path = docent_path_strip(w->view, path),
        .zxid = zxid,
    };
    w->fn(&event, w->user);
}

/* The terminal event, or ARMED and RESET of a standing one, in the queue of callbacks. */
static void watch_tell(struct docent_later *later)
{
    struct docent_watch *w = (struct docent_watch *)((char *)later - offsetof(struct docent_watch, later));
    struct docent_core *c = w->core;
    if (w->wants_reset && !w->ended) {
        w->wants_reset = false;
        docent_watch_type type = w->armed_told ? DOCENT_WATCH_RESET : DOCENT_WATCH_ARMED;
        w->armed_told = true;
        watch_say(w, type, DOCENT_OK, false, w->path->text, -1);
        return;
    }
    if (!w->ended) return;
    if (w->news > 0) { /* They were queued behind us and look at us. */
        docent_later_queue(c, later);
        return;
    }
    if (w->fn != NULL && !w->told) watch_say(w, w->type, w->status, true, w->path->text, w->zxid);
    w->told = true;
    if (w->pending) return; /* Its read will give it back. */
    watch_unlink(w);
    docent_view_drop(w->view);
    docent_free(&c->allocator, w);
}

/* Told once; a machine's is an event at once, an application's waits for its turn. */
void docent_watch_end(struct docent_watch *w, docent_watch_type type, docent_status status, int64_t zxid)
{
    if (w->ended) return;
    struct docent_core *c = w->core;
    w->ended = true;
    watch_count(c, CELL_WATCHES_ENDED);
    if (type != DOCENT_WATCH_ENDED) watch_count(c, CELL_WATCHES_FIRED);
    w->filed = FILED_NOT;
    w->type = type;
    w->status = status;
    w->zxid = zxid;
    if (is_standing(w->kind)) c->watches.standing_count--;
    struct docent_machine *machine = w->machine;
    if (machine != NULL) {
        w->machine = NULL;
        if (machine->watch == w) machine->watch = NULL;
    }
    w->later.run = watch_tell;
    docent_later_queue(c, &w->later);
    if (machine != NULL && type != DOCENT_WATCH_ENDED && w->turn == machine->turn) {
        struct docent_event event = { .type = DOCENT_EV_WATCH, .tag = w->tag, .change = type };
        docent_machine_deliver(machine, &event);
    }
}

bool docent_watch_sends_flag(struct docent_watch *w)
{
    w->flagged = w->path->arming < 0 && w->path->standing < 0;
    w->orphaned = false;
    return w->flagged;
}

void docent_watch_abandon(struct docent_watch *w, docent_status status)
{
    w->pending = false;
    if (w->ended) {
        docent_later_queue(w->core, &w->later); /* To be freed. */
    } else {
        docent_watch_end(w, DOCENT_WATCH_ENDED, status, -1);
    }
}

void docent_watch_file(struct docent_watch *w, docent_op_type type, docent_status status)
{
    struct docent_core *c = w->core;
    if (w->ended) { /* Cancelled while the read was under way, which has left it at the server all the same. */
        bool left = status == DOCENT_OK || (status == DOCENT_ERR_NO_NODE && type == DOCENT_OP_EXISTS);
        struct watch_path *path = w->path;
        docent_watch_abandon(w, status);
        if (left) path_disarm(c, path, w->kind);
        return;
    }
    w->pending = false;
    if (status == DOCENT_OK) {
        w->filed = type == DOCENT_OP_CHILDREN ? FILED_CHILD : FILED_DATA;
    } else if (status == DOCENT_ERR_NO_NODE && type == DOCENT_OP_EXISTS) {
        w->filed = FILED_EXIST;
    } else {
        docent_watch_end(w, DOCENT_WATCH_ENDED, status, -1);
    }
    /* It was to live off a standing watch, which has gone since, or was refused. If the next one is on its way, it comes too late for
     * what happened in between, and below 3.9 what is set now overwrites it. */
    bool served = w->flagged || (!w->orphaned && (w->path->arming >= 0 || w->path->standing >= 0));
    if (w->ended || served || c->session.state != SESSION_ONLINE) return;
    restore_live(c, w->path);
    if (w->path->arming >= 0) w->path->overwritten = true;
}

/* ---- Events. ---- */

/* An event for a standing application watch: its own record, in the queue. */
struct watch_news {
    struct docent_later later;
    struct docent_watch *watch; /* Stays until its news are told. */
    docent_watch_type type;
    int64_t zxid;
    char path[];
};

static void news_tell(struct docent_later *later)
{
    struct watch_news *news = (struct watch_news *)later;
    struct docent_watch *w = news->watch;
    struct docent_core *c = w->core;
    w->news--;
    if (!w->ended) {
        watch_count(c, CELL_WATCHES_FIRED);
        watch_say(w, news->type, DOCENT_OK, false, news->path, news->zxid);
    }
    docent_free(&c->allocator, news);
}

static void watch_reset(struct docent_watch *w)
{
    w->wants_reset = true;
    w->later.run = watch_tell;
    docent_later_queue(w->core, &w->later);
}

static void watch_news(struct docent_watch *w, docent_watch_type type, const char *path, size_t size, int64_t zxid)
{
    struct watch_news *news = docent_alloc(&w->core->allocator, sizeof *news + size + 1);
    if (news == NULL) { /* What cannot be told is a gap. */
        watch_reset(w);
        return;
    }
    *news = (struct watch_news){ .later = { .run = news_tell }, .watch = w, .type = type, .zxid = zxid };
    memcpy(news->path, path, size);
    news->path[size] = '\0';
    w->news++;
    docent_later_queue(w->core, &news->later);
}

static bool one_shot_hears(const struct docent_watch *w, int type)
{
    switch (w->filed) {
    case FILED_DATA: return type != WIRE_EVENT_CHILDREN_CHANGED;
    case FILED_EXIST: return type != WIRE_EVENT_CHILDREN_CHANGED;
    case FILED_CHILD: return type == WIRE_EVENT_CHILDREN_CHANGED || type == WIRE_EVENT_DELETED;
    case FILED_NOT:
    case FILED_STANDING: break;
    }
    return false;
}

/* Something of @type happened at @path itself. */
static void path_event(struct watch_path *path, int type, int64_t zxid)
{
    for (struct docent_watch *w = path->watches, *next; w != NULL; w = next) {
        next = w->next; /* Ending one unlinks nothing yet. */
        if (w->ended) continue;
        if (w->filed == FILED_STANDING) {
            if (w->kind == DOCENT_WATCH_PERSISTENT) watch_news(w, (docent_watch_type)type, path->text, path->size, zxid);
        } else if (one_shot_hears(w, type)) {
            docent_watch_end(w, (docent_watch_type)type, DOCENT_OK, zxid);
        }
    }
}

static void recursive_event(struct watch_path *path, int type, const char *text, size_t size, int64_t zxid)
{
    for (struct docent_watch *w = path->watches; w != NULL; w = w->next) {
        if (!w->ended && w->filed == FILED_STANDING && w->kind == DOCENT_WATCH_RECURSIVE) {
            watch_news(w, (docent_watch_type)type, text, size, zxid);
        }
    }
}

void docent_watch_notified(struct docent_core *c, int64_t zxid, const struct wire_watcher_event *event)
{
    if (c->watches.count == 0 || event->path.size <= 0 || event->type < WIRE_EVENT_CREATED || event->type > WIRE_EVENT_CHILDREN_CHANGED) return;
    const char *text = (const char *)event->path.data;
    size_t size = (size_t)event->path.size;
    struct watch_path *path = table_find(&c->watches, text, size);
    if (path != NULL) path_event(path, event->type, zxid);
    if (event->type == WIRE_EVENT_CHILDREN_CHANGED) return; /* Recursive watches do not tell it (ZOOKEEPER-4475). */

    /* Recursive watches on the node and above it, and the parent's derived CHILDREN_CHANGED. */
    bool children = event->type == WIRE_EVENT_CREATED || event->type == WIRE_EVENT_DELETED;
    size_t at = size;
    for (int level = 0; c->watches.standing_count > 0; level++) {
        path = table_find(&c->watches, text, at);
        if (path != NULL) {
            recursive_event(path, event->type, text, size, zxid);
            if (level == 1 && children && path->standing == WIRE_ADD_RECURSIVE) path_event(path, WIRE_EVENT_CHILDREN_CHANGED, zxid);
        }
        if (at <= 1) break;
        while (at > 0 && text[at - 1] != '/') at--;
        if (at > 1) at--; /* The slash, but not the root's. */
    }
}

/* ---- Standing modes. ---- */

static void add_watch_done(const docent_result *result, void *user)
{
    struct watch_path *path = user;
    struct docent_core *c = path->core;
    int mode = path->arming;
    bool overwritten = path->overwritten;
    path->arming = -1;
    path->overwritten = false;
    if (result->status == DOCENT_ERR_CONNECTION_LOSS) { /* Again when we are online. */
        path_drop_if_unused(c, path);
        return;
    }
    if (result->status == DOCENT_OK && overwritten && path_mode_wanted(path) == mode) { /* Once more, and nobody is told before that. */
        path_arm(c, path);
        return;
    }
    if (result->status == DOCENT_OK) path->standing = mode;
    if (result->status == DOCENT_ERR_UNIMPLEMENTED) docent_client_too_old(c, 30600);
    for (struct docent_watch *w = path->watches; w != NULL; w = w->next) {
        if (!is_standing(w->kind) || w->ended) continue;
        if (result->status != DOCENT_OK) {
            docent_watch_end(w, DOCENT_WATCH_ENDED,
                             result->status == DOCENT_ERR_UNIMPLEMENTED ? DOCENT_ERR_UNSUPPORTED : result->status, -1);
        } else if (w->filed != FILED_STANDING || path_mode_wanted(path) == mode) {
            w->filed = FILED_STANDING;
            watch_reset(w);
        }
    }
    path_settle(c, path);
}

static bool path_frame(struct docent_core *c, const struct watch_path *path, int32_t op, int32_t type)
{
    struct wire_out *out = &c->scratch;
    out->size = 0;
    size_t begin = docent_wire_frame_begin(out);
    struct wire_request_header header = { 0, op };
    docent_wire_put_request_header(out, &header);
    struct wire_watches_request request = { docent_wire_buffer(path->text, path->size), type };
    docent_wire_put_watches_request(out, &request);
    docent_wire_frame_end(out, begin);
    bool good = !out->failed;
    out->failed = false;
    return good;
}

/* There was no memory for what somebody needs, who would wait for a change that nobody tells: the next turn begins with another
 * connection, on which all are armed again, with what has changed from here on. */
static void watches_unarmed(struct docent_core *c)
{
    if (!c->watches.unarmed) c->watches.unarmed_zxid = c->session.last_zxid;
    c->watches.unarmed = true;
    c->host.wake(c->host.user);
}

static void ignore_result(const docent_result *result, void *user)
{
    (void)result;
    (void)user;
}

/* Brings the server's standing mode of a path to what is wanted. */
static void path_arm(struct docent_core *c, struct watch_path *path)
{
    int wanted = path_mode_wanted(path);
    if (c->session.state != SESSION_ONLINE || path->arming >= 0 || wanted == path->standing || wanted < 0) return;
    uint32_t known = docent_client_version_known(c);
    docent_status status = DOCENT_ERR_NO_MEMORY;
    if (known != 0 && known < 30600) {
        status = DOCENT_ERR_UNSUPPORTED;
    } else if (path_frame(c, path, WIRE_OP_ADD_WATCH, wanted)) {
        status = docent_request_inner(c, c->scratch.data, c->scratch.size, WIRE_OP_ADD_WATCH, DOCENT_OP_CHECK_WATCHES, add_watch_done,
                                      path, NULL);
    }
    if (status == DOCENT_OK) {
        path->arming = wanted;
        return;
    }
    for (struct docent_watch *w = path->watches; w != NULL; w = w->next) {
        if (!is_standing(w->kind) || w->ended) continue;
        if (w->filed != FILED_STANDING) {
            docent_watch_end(w, DOCENT_WATCH_ENDED, status, -1);
        } else if (path->standing < 0) {
            watches_unarmed(c); /* They had one, and it was removed to make room for this. */
        }
    }
}

docent_status docent_watch_async(docent_client *client, const char *text, docent_watch_kind kind, docent_watch_fn fn, void *user,
                                 docent_watch **ret_watch)
{
    if (client == NULL || fn == NULL || ret_watch == NULL || !is_standing(kind) || docent_path_fault(text, false) != NULL) {
        return DOCENT_ERR_INVALID_ARGUMENT;
    }
    struct docent_core *c = client->core;
    docent_status status = docent_core_check(c);
    if (status != DOCENT_OK) return status;
    struct docent_watch *w;
    status = docent_watch_new(client, text, kind, &w);
    if (status != DOCENT_OK) return status;
    w->fn = fn;
    w->user = user;
    c->watches.standing_count++;
    *ret_watch = w;
    if (w->path->standing >= 0 && path_mode_wanted(w->path) == w->path->standing) {
        w->filed = FILED_STANDING;
        watch_reset(w);
    } else {
        path_arm(c, w->path);
    }
    c->host.wake(c->host.user);
    return DOCENT_OK;
}

/* Is there still a live registration that the server's one-shot watch of this type serves? */
static bool path_needs_one_shot(const struct watch_path *path, bool child)
{
    for (const struct docent_watch *w = path->watches; w != NULL; w = w->next) {
        if (w->ended || is_standing(w->kind)) continue;
        if ((w->kind == DOCENT_WATCH_CHILDREN) == child) return true;
    }
    return false;
}

/* The last registration that needed something at the server has gone. Best effort: an event that nobody waits for is dropped. */
static void path_disarm(struct docent_core *c, struct watch_path *path, docent_watch_kind kind)
{
    if (c->session.state != SESSION_ONLINE) return;
    if (!is_standing(kind)) {
        if (docent_client_version_known(c) < 30500) return; /* One that takes addWatch knows removeWatches too; else it must be known. */
        bool child = kind == DOCENT_WATCH_CHILDREN;
        if (path->standing >= 0 || path->arming >= 0 || path_needs_one_shot(path, child)) return;
        if (!path_frame(c, path, WIRE_OP_REMOVE_WATCHES, child ? WIRE_WATCHER_CHILDREN : WIRE_WATCHER_DATA)) return;
        (void)docent_request_inner(c, c->scratch.data, c->scratch.size, WIRE_OP_REMOVE_WATCHES, DOCENT_OP_CHECK_WATCHES, ignore_result,
                                   NULL, NULL);
        return;
    }
    path_settle(c, path);
}

/* The server's standing mode is not what is wanted any more, or not yet. */
static void path_settle(struct docent_core *c, struct watch_path *path)
{
    int wanted = path_mode_wanted(path);
    if (wanted == path->standing || path->arming >= 0) return; /* What is on its way is looked at when it is there. */
    if (path->standing < 0 || c->session.state != SESSION_ONLINE) {
        path_arm(c, path);
        path_drop_if_unused(c, path);
        return;
    }
    if (!path_frame(c, path, WIRE_OP_REMOVE_WATCHES, WIRE_WATCHER_ANY)) return;
    docent_status status = docent_request_inner(c, c->scratch.data, c->scratch.size, WIRE_OP_REMOVE_WATCHES, DOCENT_OP_CHECK_WATCHES,
                                                ignore_result, NULL, NULL);
    if (status != DOCENT_OK) return; /* The connection is gone, or no memory: then more is told than was asked for. */
    path->standing = -1;
    /* One-shots that lived off the standing watch get their own, with what changed since told at once; before the new mode, if there
     * is to be one, which then takes them over without a gap. Those whose read is still under way: docent_watch_file(). */
    for (struct docent_watch *w = path->watches; w != NULL; w = w->next) w->orphaned = !w->flagged;
    restore_live(c, path);
    path_arm(c, path);
    path_drop_if_unused(c, path);
}

void docent_watch_cancel(docent_watch *w)
{
    if (w == NULL || w->ended) return;
    struct docent_core *c = w->core;
    if (docent_core_check(c) == DOCENT_ERR_WRONG_THREAD) return;
    docent_watch_kind kind = w->kind;
    struct watch_path *path = w->path;
    bool filed = w->filed != FILED_NOT;
    docent_watch_end(w, DOCENT_WATCH_ENDED, DOCENT_ERR_CANCELLED, -1);
    if (filed) path_disarm(c, path, kind);
    c->host.wake(c->host.user);
}

/* ---- Connections. ---- */

void docent_watches_offline(struct docent_core *c)
{
    for (size_t i = 0; i < c->watches.bucket_count; i++) {
        for (struct watch_path *path = c->watches.buckets[i], *next; path != NULL; path = next) {
            next = path->chain;
            path->standing = -1;
            path_drop_if_unused(c, path);
        }
    }
}

/* One packet of set-watches in the making. */
struct restore {
    struct docent_core *core;
    int64_t zxid;
    struct wire_out lists[5]; /* data, exist, child, persistent, recursive: encoded strings. */
    int32_t counts[5];
    size_t size;
    bool live; /* After we came online: an ordinary request. */
    bool failed;
};

static void restore_flush(struct restore *restore)
{
    struct docent_core *c = restore->core;
    if (restore->size == 0) return;
    struct wire_out *out = &c->scratch;
    out->size = 0;
    size_t begin = docent_wire_frame_begin(out);
    bool two = restore->counts[3] + restore->counts[4] > 0; /* setWatches2 only where needed: servers before 3.6 do not know it. */
    struct wire_request_header header = { WIRE_XID_SET_WATCHES, two ? WIRE_OP_SET_WATCHES2 : WIRE_OP_SET_WATCHES };
    docent_wire_put_request_header(out, &header);
    docent_wire_put_long(out, restore->zxid);
    for (int i = 0; i < (two ? 5 : 3); i++) {
        docent_wire_put_int(out, restore->counts[i]);
        docent_wire_put_raw(out, restore->lists[i].data, restore->lists[i].size);
        restore->failed |= restore->lists[i].failed;
    }
    docent_wire_frame_end(out, begin);
    restore->failed |= out->failed;
    out->failed = false;
    if (!restore->failed) {
        docent_status status =
            restore->live ? docent_request_inner(c, out->data, out->size, header.op, DOCENT_OP_CHECK_WATCHES, ignore_result, NULL, NULL)
                          : docent_session_put_watches(&c->session, out->data, out->size);
        restore->failed = status != DOCENT_OK;
    }
    for (int i = 0; i < 5; i++) {
        restore->lists[i].size = 0;
        restore->counts[i] = 0;
    }
    restore->size = 0;
}

static void restore_add(struct restore *restore, int list, const struct watch_path *path)
{
    size_t limit = restore->core->options.request_max_bytes; /* Of the server, and of us. */
    if (limit > WATCH_PACKET_MAX) limit = WATCH_PACKET_MAX;
    if (restore->size + path->size + 4 + WATCH_PACKET_REST > limit) restore_flush(restore);
    docent_wire_put_string(&restore->lists[list], docent_wire_buffer(path->text, path->size));
    restore->counts[list]++;
    restore->size += path->size + 4;
}

static void restore_path(struct restore *restore, struct watch_path *path)
{
    bool wanted[5] = { false };
    for (const struct docent_watch *w = path->watches; w != NULL; w = w->next) {
        if (!w->ended) wanted[w->filed] = true;
    }
    if (wanted[FILED_DATA]) restore_add(restore, 0, path);
    if (wanted[FILED_EXIST]) restore_add(restore, 1, path);
    if (wanted[FILED_CHILD]) restore_add(restore, 2, path);
    /* Last: in a packet of its own it must not be overwritten by the one-shots of the path. Those that never were armed go by way of
     * addWatch, which tells what it thinks of it. */
    if (wanted[FILED_STANDING] && !restore->live) {
        path->standing = path_mode_wanted(path);
        restore_add(restore, 3 + path->standing, path);
    }
}

static bool restore_put(struct docent_core *c, int64_t zxid, struct watch_path *only)
{
    struct restore restore = { .core = c, .zxid = zxid, .live = only != NULL };
    for (int i = 0; i < 5; i++) restore.lists[i].allocator = &c->allocator;
    if (only != NULL) {
        restore_path(&restore, only);
    } else {
        for (size_t i = 0; i < c->watches.bucket_count; i++) {
            for (struct watch_path *path = c->watches.buckets[i]; path != NULL; path = path->chain) restore_path(&restore, path);
        }
    }
    restore_flush(&restore);
    for (int i = 0; i < 5; i++) docent_wire_out_free(&restore.lists[i]);
    return !restore.failed;
}

bool docent_watches_restore(struct docent_core *c)
{
    if (!restore_put(c, c->watches.unarmed ? c->watches.unarmed_zxid : c->session.last_zxid, NULL)) return false;
    c->watches.unarmed = false;
    return true;
}

/* One path's, in the midst of a connection. */
static void restore_live(struct docent_core *c, struct watch_path *path)
{
    if (!restore_put(c, c->session.last_zxid, path)) watches_unarmed(c);
}

bool docent_watches_want_connection(const struct docent_core *c)
{
    return c->watches.unarmed && c->session.state == SESSION_ONLINE;
}

void docent_watches_online(struct docent_core *c)
{
    if (c->watches.standing_count == 0) return;
    for (size_t i = 0; i < c->watches.bucket_count; i++) {
        for (struct watch_path *path = c->watches.buckets[i], *next; path != NULL; path = next) {
            next = path->chain;
            for (struct docent_watch *w = path->watches; w != NULL && path->standing >= 0; w = w->next) {
                if (w->filed == FILED_STANDING && !w->ended) watch_reset(w); /* Restored, but with a gap. */
            }
            path_settle(c, path);
        }
    }
}

void docent_watches_end_all(struct docent_core *c, docent_status why)
{
    for (size_t i = 0; i < c->watches.bucket_count; i++) {
        for (struct watch_path *path = c->watches.buckets[i]; path != NULL; path = path->chain) {
            for (struct docent_watch *w = path->watches; w != NULL; w = w->next) {
                bool pending = w->filed == FILED_NOT && !is_standing(w->kind);
                if (w->ended || (pending && why == DOCENT_ERR_SESSION_EXPIRED)) continue; /* Its read will be sent again. */
                docent_watch_end(w, DOCENT_WATCH_ENDED, why, -1);
            }
        }
    }
}
