/* core/client/watch_restore.c - connections come and go: what was registered is restored by set-watches, with what changed meanwhile. */
#include "core/client/watches.h"

/* One packet of set-watches in the making. */
struct restore {
    struct docent_core *core;
    int64_t zxid;
    struct wire_out lists[5]; /* data, exist, child, persistent, recursive: encoded strings. */
    int32_t counts[5];
    size_t size, limit;
    uint32_t put; /* Packets. */
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
    restore->put++;
}

static bool restore_has_room(const struct restore *restore, size_t size)
{
    return restore->size == 0 || restore->size + size + WATCH_PACKET_REST <= restore->limit;
}

static void restore_add(struct restore *restore, int list, const struct watch_path *path)
{
    if (!restore_has_room(restore, path->link.size + 4)) restore_flush(restore);
    docent_wire_put_string(&restore->lists[list], docent_wire_buffer(path->text, path->link.size));
    restore->counts[list]++;
    restore->size += path->link.size + 4;
}

/* Bits: 1 << enum watch_filed. */
static unsigned path_filed(const struct watch_path *path)
{
    unsigned filed = 0;
    for (const struct docent_watch *w = path->watches; w != NULL; w = w->next) {
        if (!w->ended && !w->local) filed |= 1u << w->filed;
    }
    if (docent_lookout_find(path->core, path->text, path->link.size) != NULL) filed |= 1u << FILED_DATA;
    return filed & ~(1u << FILED_NOT);
}

static size_t bits(unsigned mask)
{
    size_t count = 0;
    for (; mask != 0; mask &= mask - 1) count++;
    return count;
}

static void restore_path(struct restore *restore, struct watch_path *path, unsigned filed)
{
    if (filed & 1u << FILED_DATA) restore_add(restore, 0, path);
    if (filed & 1u << FILED_EXIST) restore_add(restore, 1, path);
    if (filed & 1u << FILED_CHILD) restore_add(restore, 2, path);
    /* Last: in a packet of its own it must not be overwritten by the one-shots of the path. Those that never were armed go by way of
     * addWatch, which tells what it thinks of it. */
    if ((filed & 1u << FILED_STANDING) && !restore->live) {
        path->standing = docent_watch_path_wants(path);
        restore_add(restore, 3 + path->standing, path);
    }
}

static void restore_begin(struct restore *restore, struct docent_core *c, int64_t zxid, bool live)
{
    *restore = (struct restore){ .core = c, .zxid = zxid, .live = live };
    restore->limit = c->options.request_max_bytes; /* Of the server, and of us. */
    if (restore->limit > WATCH_PACKET_MAX) restore->limit = WATCH_PACKET_MAX;
    for (int i = 0; i < 5; i++) restore->lists[i].allocator = &c->allocator;
}

/* False: no memory for all of them. */
static bool restore_end(struct restore *restore)
{
    restore_flush(restore);
    for (int i = 0; i < 5; i++) docent_wire_out_free(&restore->lists[i]);
    return !restore->failed;
}

/* The cursor moves when what stands before it has been put. Without memory for the rest of a packet its paths are put again later, of
 * which some may have been in the one before: that does no harm. */
enum session_restored docent_watches_restore(struct docent_core *c, bool begin, uint32_t packets)
{
    struct watch_table *table = &c->watches;
    if (begin) {
        docent_watches_offline(c); /* The last connection may have ended in the midst of this: nothing is at the server yet. */
        table->cursor = table->first;
        table->restored_from = table->unarmed ? table->unarmed_zxid : c->session.last_zxid;
    }
    struct restore restore;
    restore_begin(&restore, c, table->restored_from, false);
    for (struct watch_path *path = table->cursor; path != NULL; path = path->next) {
        unsigned filed = path_filed(path);
        if (filed == 0) continue;
        if (!restore_has_room(&restore, bits(filed) * (path->link.size + 4))) {
            restore_flush(&restore);
            if (restore.failed) break;
            table->cursor = path;
            if (restore.put >= packets) {
                (void)restore_end(&restore);
                return SESSION_RESTORED_SOME;
            }
        }
        restore_path(&restore, path, filed);
    }
    if (!restore_end(&restore)) return SESSION_RESTORE_FAILED;
    table->cursor = NULL;
    table->unarmed = false;
    return SESSION_RESTORED_ALL;
}

/* One path's, in the midst of a connection. */
void docent_watches_restore_path(struct docent_core *c, struct watch_path *path)
{
    struct restore restore;
    restore_begin(&restore, c, c->session.last_zxid, true);
    restore_path(&restore, path, path_filed(path));
    if (!restore_end(&restore)) docent_watches_unarmed(c);
}

/* There was no memory for what somebody needs, who would wait for a change that nobody tells: the next turn begins with another
 * connection, on which all are armed again, with what has changed from here on. */
void docent_watches_unarmed(struct docent_core *c)
{
    if (!c->watches.unarmed) c->watches.unarmed_zxid = c->session.last_zxid;
    c->watches.unarmed = true;
    docent_core_wake(c);
}

bool docent_watches_want_connection(const struct docent_core *c)
{
    return c->watches.unarmed && c->session.state == SESSION_ONLINE;
}

void docent_watches_offline(struct docent_core *c)
{
    for (struct watch_path *path = c->watches.first, *next; path != NULL; path = next) {
        next = path->next;
        path->standing = -1;
        docent_watch_path_drop(c, path);
    }
}

void docent_watches_online(struct docent_core *c)
{
    if (c->watches.standing_count == 0) return;
    for (struct watch_path *path = c->watches.first, *next; path != NULL; path = next) {
        next = path->next;
        for (struct docent_watch *w = path->watches; w != NULL && path->standing >= 0; w = w->next) {
            if (!docent_watch_stands(w->kind) || w->ended || w->local) continue;
            if (w->filed != FILED_STANDING && docent_watch_path_wants(path) != path->standing) continue;
            w->filed = FILED_STANDING; /* Or it came while there was no connection, and another of the path was restored. */
            docent_watch_reset(w); /* Restored, but with a gap. */
        }
        docent_watch_path_settle(c, path);
    }
}
