/* core/client/watch_restore.c - connections come and go: what was registered is restored by set-watches, with what changed meanwhile. */
#include "core/client/watches.h"

enum {
    WATCH_PACKET_MAX = 128 * 1024, /* As the Java client: far below the usual limit of servers on requests. */
    WATCH_PACKET_REST = 8 + 8 + 5 * 4, /* What is not paths: the header, a zxid, five counts. */
};

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
            restore->live ? docent_request_inner(c, out->data, out->size, header.op, DOCENT_OP_CHECK_WATCHES, NULL, NULL, NULL)
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
        path->standing = docent_watch_path_wants(path);
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
void docent_watches_restore_path(struct docent_core *c, struct watch_path *path)
{
    if (!restore_put(c, c->session.last_zxid, path)) docent_watches_unarmed(c);
}

/* There was no memory for what somebody needs, who would wait for a change that nobody tells: the next turn begins with another
 * connection, on which all are armed again, with what has changed from here on. */
void docent_watches_unarmed(struct docent_core *c)
{
    if (!c->watches.unarmed) c->watches.unarmed_zxid = c->session.last_zxid;
    c->watches.unarmed = true;
    c->host.wake(c->host.user);
}

bool docent_watches_want_connection(const struct docent_core *c)
{
    return c->watches.unarmed && c->session.state == SESSION_ONLINE;
}

void docent_watches_offline(struct docent_core *c)
{
    for (size_t i = 0; i < c->watches.bucket_count; i++) {
        for (struct watch_path *path = c->watches.buckets[i], *next; path != NULL; path = next) {
            next = path->chain;
            path->standing = -1;
            docent_watch_path_drop(c, path);
        }
    }
}

void docent_watches_online(struct docent_core *c)
{
    if (c->watches.standing_count == 0) return;
    for (size_t i = 0; i < c->watches.bucket_count; i++) {
        for (struct watch_path *path = c->watches.buckets[i], *next; path != NULL; path = next) {
            next = path->chain;
            for (struct docent_watch *w = path->watches; w != NULL && path->standing >= 0; w = w->next) {
                if (w->filed == FILED_STANDING && !w->ended) docent_watch_reset(w); /* Restored, but with a gap. */
            }
            docent_watch_path_settle(c, path);
        }
    }
}
