/* core/client/watches.c - registrations: made, filed with the reply that leaves them, told what happens, ended. */
#include <string.h>

#include "core/client/watches.h"

/* ---- Beginning and end. ---- */

docent_status docent_watch_new(docent_client *view, const char *text, docent_watch_kind kind, struct docent_watch **ret_watch)
{
    struct docent_core *c = view->core;
    struct docent_watch *w = docent_alloc(&c->allocator, sizeof *w);
    if (w == NULL) return DOCENT_ERR_NO_MEMORY;
    memset(w, 0, sizeof *w);
    w->path = docent_watch_path_get(view, text);
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
    docent_watch_count(c, CELL_WATCHES_REGISTERED);
    return DOCENT_OK;
}

static void watch_unlink(struct docent_watch *w)
{
    struct docent_watch **at = &w->path->watches;
    while (*at != w) at = &(*at)->next;
    *at = w->next;
    docent_watch_path_drop(w->core, w->path);
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

void docent_watch_end(struct docent_watch *w, docent_watch_type type, docent_status status, int64_t zxid)
{
    if (w->ended) return;
    struct docent_core *c = w->core;
    w->ended = true;
    docent_watch_count(c, CELL_WATCHES_ENDED);
    if (type != DOCENT_WATCH_ENDED) docent_watch_count(c, CELL_WATCHES_FIRED);
    w->filed = FILED_NOT;
    w->type = type;
    w->status = status;
    w->zxid = zxid;
    if (docent_watch_stands(w->kind)) c->watches.standing_count--;
    if (w->inside) c->watches.inside_count--;
    if (w->local) c->watches.local_count--;
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

void docent_watch_reset(struct docent_watch *w)
{
    w->wants_reset = true;
    w->later.run = watch_tell;
    docent_later_queue(w->core, &w->later);
}

void docent_watches_end_all(struct docent_core *c, docent_status why)
{
    for (struct watch_path *path = c->watches.first; path != NULL; path = path->next) {
        for (struct docent_watch *w = path->watches; w != NULL; w = w->next) {
            bool pending = w->filed == FILED_NOT && !docent_watch_stands(w->kind);
            if (w->ended || (pending && why == DOCENT_ERR_SESSION_EXPIRED)) continue; /* Its read will be sent again. */
            docent_watch_end(w, DOCENT_WATCH_ENDED, why, -1);
        }
    }
}

/* ---- The read that leaves one. ---- */

bool docent_watch_sends_flag(struct docent_watch *w)
{
    w->flagged = !docent_watch_path_serves(w->path);
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
        if (left) docent_watch_path_disarm(c, path, w->kind);
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
    bool served = w->flagged || (!w->orphaned && docent_watch_path_serves(w->path));
    if (w->ended || served || c->session.state != SESSION_ONLINE) return;
    docent_watches_restore_path(c, w->path);
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
        docent_watch_count(c, CELL_WATCHES_FIRED);
        watch_say(w, news->type, DOCENT_OK, false, news->path, news->zxid);
    }
    docent_free(&c->allocator, news);
}

/* Told at once. The path is borrowed from the core's scratch, so whoever is told sends nothing. */
static void watch_say_inside(struct docent_watch *w, docent_watch_type type, const char *path, size_t size, int64_t zxid)
{
    struct wire_out *out = &w->core->scratch;
    out->size = 0;
    docent_wire_put_raw(out, path, size);
    docent_wire_put_raw(out, "", 1);
    bool failed = out->failed;
    out->failed = false;
    if (failed) {
        docent_watch_reset(w);
        return;
    }
    docent_watch_count(w->core, CELL_WATCHES_FIRED);
    watch_say(w, type, DOCENT_OK, false, (const char *)out->data, zxid);
}

static void watch_news(struct docent_watch *w, docent_watch_type type, const char *path, size_t size, int64_t zxid)
{
    if (w->inside) {
        watch_say_inside(w, type, path, size, zxid);
        return;
    }
    struct watch_news *news = docent_alloc(&w->core->allocator, sizeof *news + size + 1);
    if (news == NULL) { /* What cannot be told is a gap. */
        docent_watch_reset(w);
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

/* Something of @type happened at @path itself. @derived: seen in what happened to a child. CHILDREN_CHANGED of a path that is held as
 * recursive always is; the server's own then comes from what else it has there (from 3.9 on it keeps the modes of a path side by side), and is
 * the same news. */
static void path_event(struct watch_path *path, int type, int64_t zxid, bool derived)
{
    bool known = type == WIRE_EVENT_CHILDREN_CHANGED && !derived && path->standing == WIRE_ADD_RECURSIVE;
    for (struct docent_watch *w = path->watches, *next; w != NULL; w = next) {
        next = w->next; /* Ending one unlinks nothing yet. */
        if (w->ended) continue;
        if (w->filed == FILED_STANDING) {
            if (w->kind == DOCENT_WATCH_PERSISTENT && !known) watch_news(w, (docent_watch_type)type, path->text, path->link.size, zxid);
        } else if (one_shot_hears(w, type)) {
            docent_watch_end(w, (docent_watch_type)type, DOCENT_OK, zxid);
        }
    }
}

static void recursive_event(struct watch_path *path, int type, const char *text, size_t size, int64_t zxid)
{
    for (struct docent_watch *w = path->watches; w != NULL; w = w->next) {
        if (w->ended || w->filed != FILED_STANDING || w->kind != DOCENT_WATCH_RECURSIVE) continue;
        if (!w->inside && type == WIRE_EVENT_CHILDREN_CHANGED) continue; /* Not told by recursive watches (ZOOKEEPER-4475). */
        watch_news(w, (docent_watch_type)type, text, size, zxid);
    }
}

void docent_watch_notified(struct docent_core *c, int64_t zxid, const struct wire_watcher_event *event)
{
    if (event->path.size <= 0) return;
    if (event->type < WIRE_EVENT_CREATED || event->type > WIRE_EVENT_CHILDREN_CHANGED) return;
    const char *text = (const char *)event->path.data;
    size_t size = (size_t)event->path.size;
    struct watch_path *path = docent_watch_path_find(&c->watches, text, size);
    if (path != NULL) path_event(path, event->type, zxid, false);
    docent_lookout_notified(c, event->type, text, size);
    if (event->type == WIRE_EVENT_CHILDREN_CHANGED && c->watches.inside_count == 0) return;

    /* Recursive watches on the node and above it, and the parent's derived CHILDREN_CHANGED. */
    bool children = event->type == WIRE_EVENT_CREATED || event->type == WIRE_EVENT_DELETED;
    size_t at = size;
    for (int level = 0; c->watches.standing_count > 0; level++) {
        path = docent_watch_path_find(&c->watches, text, at);
        if (path != NULL) {
            recursive_event(path, event->type, text, size, zxid);
            if (level == 1 && children && path->standing == WIRE_ADD_RECURSIVE) path_event(path, WIRE_EVENT_CHILDREN_CHANGED, zxid, true);
        }
        if (at <= 1) break;
        while (at > 0 && text[at - 1] != '/') at--;
        if (at > 1) at--; /* The slash, but not the root's. */
    }
}
