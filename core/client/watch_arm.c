/* core/client/watch_arm.c - standing modes: the server is brought to what is wanted of a path, and rid of what nobody wants. */
#include "core/client/watches.h"

static void path_arm(struct docent_core *c, struct watch_path *path);

static void add_watch_done(const docent_result *result, void *user)
{
    struct watch_path *path = user;
    struct docent_core *c = path->core;
    int mode = path->arming;
    bool overwritten = path->overwritten;
    path->arming = -1;
    path->overwritten = false;
    if (result->status == DOCENT_ERR_CONNECTION_LOSS) { /* Again when we are online. */
        docent_watch_path_drop(c, path);
        return;
    }
    if (result->status == DOCENT_OK && overwritten && docent_watch_path_wants(path) == mode) { /* Once more, and nobody is told before that. */
        path_arm(c, path);
        return;
    }
    if (result->status == DOCENT_OK) path->standing = mode;
    if (result->status == DOCENT_ERR_UNIMPLEMENTED) docent_client_too_old(c, 30600);
    for (struct docent_watch *w = path->watches; w != NULL; w = w->next) {
        if (!docent_watch_stands(w->kind) || w->ended || w->local) continue;
        if (result->status != DOCENT_OK) {
            docent_watch_end(w, DOCENT_WATCH_ENDED,
                             result->status == DOCENT_ERR_UNIMPLEMENTED ? DOCENT_ERR_UNSUPPORTED : result->status, -1);
        } else if (w->filed != FILED_STANDING || docent_watch_path_wants(path) == mode) {
            w->filed = FILED_STANDING;
            docent_watch_reset(w);
        }
    }
    docent_watch_path_settle(c, path);
}

static bool path_frame(struct docent_core *c, const struct watch_path *path, int32_t op, int32_t type)
{
    struct wire_out *out = &c->scratch;
    out->size = 0;
    size_t begin = docent_wire_frame_begin(out);
    struct wire_request_header header = { 0, op };
    docent_wire_put_request_header(out, &header);
    struct wire_watches_request request = { docent_wire_buffer(path->text, path->link.size), type };
    docent_wire_put_watches_request(out, &request);
    docent_wire_frame_end(out, begin);
    bool good = !out->failed;
    out->failed = false;
    return good;
}

/* Brings the server's standing mode of a path to what is wanted. */
static void path_arm(struct docent_core *c, struct watch_path *path)
{
    int wanted = docent_watch_path_wants(path);
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
        if (!docent_watch_stands(w->kind) || w->ended || w->local) continue;
        if (w->filed != FILED_STANDING) {
            docent_watch_end(w, DOCENT_WATCH_ENDED, status, -1);
        } else if (path->standing < 0) {
            docent_watches_unarmed(c); /* They had one, and it was removed to make room for this. */
        }
    }
}

/* The server's standing mode is not what is wanted any more, or not yet. */
void docent_watch_path_settle(struct docent_core *c, struct watch_path *path)
{
    int wanted = docent_watch_path_wants(path);
    if (wanted == path->standing || path->arming >= 0) return; /* What is on its way is looked at when it is there. */
    if (path->standing < 0 || c->session.state != SESSION_ONLINE) {
        path_arm(c, path);
        docent_watch_path_drop(c, path);
        return;
    }
    if (!path_frame(c, path, WIRE_OP_REMOVE_WATCHES, WIRE_WATCHER_ANY)) return;
    docent_status status = docent_request_inner(c, c->scratch.data, c->scratch.size, WIRE_OP_REMOVE_WATCHES, DOCENT_OP_CHECK_WATCHES,
                                                NULL, NULL, NULL);
    if (status != DOCENT_OK) return; /* The connection is gone, or no memory: then more is told than was asked for. */
    path->standing = -1;
    /* One-shots that lived off the standing watch get their own, with what changed since told at once; before the new mode, if there
     * is to be one, which then takes them over without a gap. Those whose read is still under way: docent_watch_file(). */
    for (struct docent_watch *w = path->watches; w != NULL; w = w->next) w->orphaned = !w->flagged;
    docent_watches_restore_path(c, path);
    path_arm(c, path);
    docent_watch_path_drop(c, path);
}

/* Is there still a live registration that the server's one-shot watch of this type serves? */
static bool path_needs_one_shot(const struct watch_path *path, bool child)
{
    if (!child && docent_lookout_find(path->core, path->text, path->link.size) != NULL) return true;
    for (const struct docent_watch *w = path->watches; w != NULL; w = w->next) {
        if (w->ended || docent_watch_stands(w->kind)) continue;
        if ((w->kind == DOCENT_WATCH_CHILDREN) == child) return true;
    }
    return false;
}

/* The last registration that needed something at the server has gone. Best effort: an event that nobody waits for is dropped. */
void docent_watch_path_disarm(struct docent_core *c, struct watch_path *path, docent_watch_kind kind)
{
    if (c->session.state != SESSION_ONLINE) return;
    if (!docent_watch_stands(kind)) {
        if (docent_client_version_known(c) < 30500) return; /* One that takes addWatch knows removeWatches too; else it must be known. */
        if (c->watches.local_count > 0) return; /* The server's may be the very one that somebody hears without a registration. */
        bool child = kind == DOCENT_WATCH_CHILDREN;
        if (docent_watch_path_serves(path) || path_needs_one_shot(path, child)) return;
        if (!path_frame(c, path, WIRE_OP_REMOVE_WATCHES, child ? WIRE_WATCHER_CHILDREN : WIRE_WATCHER_DATA)) return;
        (void)docent_request_inner(c, c->scratch.data, c->scratch.size, WIRE_OP_REMOVE_WATCHES, DOCENT_OP_CHECK_WATCHES, NULL,
                                   NULL, NULL);
        return;
    }
    docent_watch_path_settle(c, path);
}

static void watch_stand(struct docent_watch *w, docent_watch_fn fn, void *user)
{
    struct docent_core *c = w->core;
    w->fn = fn;
    w->user = user;
    c->watches.standing_count++;
    if (w->inside) c->watches.inside_count++;
    if (w->local) c->watches.local_count++;
    if (w->local) {
        w->filed = FILED_STANDING;
    } else if (c->session.state == SESSION_ONLINE && w->path->standing >= 0 && docent_watch_path_wants(w->path) == w->path->standing) {
        w->filed = FILED_STANDING;
        docent_watch_reset(w);
    } else {
        path_arm(c, w->path);
    }
    docent_core_wake(c);
}

docent_status docent_watch_async(docent_client *client, const char *text, docent_watch_kind kind, docent_watch_fn fn, void *user,
                                 docent_watch **ret_watch)
{
    if (client == NULL || fn == NULL || ret_watch == NULL || !docent_watch_stands(kind) || docent_path_fault(text, false) != NULL) {
        return DOCENT_ERR_INVALID_ARGUMENT;
    }
    docent_status status = docent_core_check(client->core);
    if (status == DOCENT_OK) status = docent_watch_new(client, text, kind, ret_watch);
    if (status == DOCENT_OK) watch_stand(*ret_watch, fn, user);
    return status;
}

static docent_status watch_inside(docent_client *client, const char *text, docent_watch_kind kind, bool standing, docent_watch_fn fn,
                                  void *user, docent_watch **ret_watch)
{
    docent_status status = docent_watch_new(client, text, kind, ret_watch);
    if (status != DOCENT_OK) return status;
    (*ret_watch)->inside = true;
    (*ret_watch)->local = !standing;
    watch_stand(*ret_watch, fn, user);
    return DOCENT_OK;
}

docent_status docent_watch_subtree(docent_client *client, const char *text, bool standing, docent_watch_fn fn, void *user,
                                   docent_watch **ret_watch)
{
    return watch_inside(client, text, DOCENT_WATCH_RECURSIVE, standing, fn, user, ret_watch);
}

docent_status docent_watch_node(docent_client *client, const char *text, bool standing, docent_watch_fn fn, void *user,
                                docent_watch **ret_watch)
{
    return watch_inside(client, text, DOCENT_WATCH_PERSISTENT, standing, fn, user, ret_watch);
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
    if (filed) docent_watch_path_disarm(c, path, kind);
    docent_core_wake(c);
}
