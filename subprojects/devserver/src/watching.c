/* src/watching.c - see watching.h. Source: the server's behaviour as observed on 3.8.0 of the distribution, which has the ACL filter of
 * events. */
#include "watching.h"

#include <string.h>

#include <docent/client.h>

#include "acl.h"
#include "answers.h"
#include "quota.h"

enum { EVENTS_MAX = 1 << 24 }; /* Events cannot wait; who leaves so much unread is given up. */

void docent_watching_leave(struct connection *c, wire_bytes path, enum watch_table_kind table)
{
    docent_watch_set_add(&c->replica->watches, c, &c->watches, (const char *)path.data, (size_t)path.size, table, MODE_ONE_SHOT);
}

/* A persistent or a recursive one. */
static void watch_stand(struct connection *c, wire_bytes path, enum watch_mode mode)
{
    struct watch_set *set = &c->replica->watches;
    docent_watch_set_add(set, c, &c->watches, (const char *)path.data, (size_t)path.size, TABLE_DATA, mode);
    if (mode == MODE_RECURSIVE && set->modes_apart) return;
    docent_watch_set_add(set, c, &c->watches, (const char *)path.data, (size_t)path.size, TABLE_CHILD, mode);
}

/* ---- Events. ---- */

struct telling {
    struct replica *replica;
    const char *path;
    size_t size;
    int32_t type;
    const uint8_t *acl; /* Whose READ one needs. */
    size_t acl_size;
    int32_t acl_count;
    int64_t zxid;
    bool not_again; /* Not to those that got the event before. */
};

static void event_put(struct connection *c, int32_t type, const char *path, size_t size, int64_t zxid)
{
    if (connection_unsent(c) > EVENTS_MAX) {
        docent_connection_drop(c);
        return;
    }
    size_t begin = docent_answer_begin(&c->out, WIRE_XID_NOTIFICATION, zxid, 0);
    struct wire_watcher_event event = { type, WIRE_STATE_SYNC_CONNECTED, docent_wire_buffer(path, size) };
    docent_wire_put_watcher_event(&c->out, &event);
    docent_wire_frame_end(&c->out, begin);
    docent_connection_ready(c);
    docent_connection_count_sent(c, c->out.size - begin);
}

static void event_tell(void *user, struct connection *c)
{
    const struct telling *t = user;
    if (t->not_again && c->told == t->replica->event) return;
    c->told = t->replica->event;
    const struct speak *speak = t->replica->speak;
    if (speak->events_filtered &&
        !docent_acl_allows(t->acl, t->acl_size, t->acl_count, DOCENT_PERM_READ, c->credentials.data, c->credentials.size)) {
        return;
    }
    event_put(c, t->type, t->path, t->size, speak->event_zxid ? t->zxid : -1);
}

static void fire(struct replica *replica, const char *path, size_t size, enum watch_table_kind table, int32_t type,
                 const struct node *readable, int64_t zxid, bool not_again)
{
    struct telling t = { replica, path, size, type, readable->acl, readable->acl_size, readable->acl_count, zxid, not_again };
    docent_watch_set_fire(&replica->watches, path, size, table, type != WIRE_EVENT_CHILDREN_CHANGED, event_tell, &t);
}

static void fire_children_changed(struct replica *replica, const struct node *parent, int64_t zxid)
{
    replica->event++;
    fire(replica, parent->path, parent->path_size, TABLE_CHILD, WIRE_EVENT_CHILDREN_CHANGED, parent, zxid, false);
}

void docent_watching_apply(struct replica *replica, struct change *change, const struct txn *txn)
{
    size_t size = strlen(change->path);
    struct node *node = docent_tree_find(replica->tree, change->path, size);
    replica->event++;
    if (change->op == WIRE_OP_DELETE) {
        struct node *parent = node->parent;
        struct undo undo;
        docent_quota_change(replica->tree, change, txn->zxid, txn->time_ms, &undo); /* The node stays, for its ACL. */
        fire(replica, change->path, size, TABLE_DATA, WIRE_EVENT_DELETED, undo.node, txn->zxid, false);
        fire(replica, change->path, size, TABLE_CHILD, WIRE_EVENT_DELETED, undo.node, txn->zxid, true);
        fire_children_changed(replica, parent, txn->zxid);
        docent_undo_forget(&undo);
        return;
    }
    docent_quota_change(replica->tree, change, txn->zxid, txn->time_ms, NULL);
    node = docent_tree_find(replica->tree, change->path, size);
    if (change->op == WIRE_OP_CREATE) {
        fire(replica, change->path, size, TABLE_DATA, WIRE_EVENT_CREATED, node, txn->zxid, false);
        fire_children_changed(replica, node->parent, txn->zxid);
    } else if (change->op == WIRE_OP_SET_DATA) {
        fire(replica, change->path, size, TABLE_DATA, WIRE_EVENT_DATA_CHANGED, node, txn->zxid, false);
    }
}

/* ---- Requests. ---- */

int32_t docent_watching_add(struct connection *c, struct wire_in *in, struct wire_out *out)
{
    struct wire_watches_request request;
    if (!docent_wire_get_watches_request(in, &request) || request.path.size < 0) return DOCENT_ERR_MARSHALLING;
    if (request.type != WIRE_ADD_PERSISTENT && request.type != WIRE_ADD_RECURSIVE) return DOCENT_ERR_MARSHALLING;
    watch_stand(c, request.path, request.type == WIRE_ADD_RECURSIVE ? MODE_RECURSIVE : MODE_PERSISTENT);
    docent_wire_put_int(out, 0);
    return DOCENT_OK;
}

/* What a type of watcher means in a table. Below 3.9 it names the table, and whatever is in it. */
static unsigned watcher_modes(int32_t type, enum watch_table_kind table, bool modes_apart)
{
    switch (type) {
    case WIRE_WATCHER_ANY: return MODE_ANY;
    case WIRE_WATCHER_DATA: return table != TABLE_DATA ? 0 : modes_apart ? MODE_ONE_SHOT : MODE_ANY;
    case WIRE_WATCHER_CHILDREN: return table != TABLE_CHILD ? 0 : modes_apart ? MODE_ONE_SHOT : MODE_ANY;
    case WIRE_WATCHER_PERSISTENT: return MODE_PERSISTENT;
    default: return MODE_RECURSIVE;
    }
}

int32_t docent_watching_look(struct connection *c, struct wire_in *in, bool remove)
{
    struct wire_watches_request request;
    if (!docent_wire_get_watches_request(in, &request) || request.path.size < 0) return DOCENT_ERR_MARSHALLING;
    if (request.type < WIRE_WATCHER_CHILDREN || request.type > c->replica->speak->watcher_type_max) {
        return DOCENT_ERR_MARSHALLING;
    }
    const char *path = (const char *)request.path.data;
    size_t size = (size_t)request.path.size;
    bool found = false;
    struct watch_set *set = &c->replica->watches;
    for (int i = TABLE_DATA; i <= TABLE_CHILD; i++) {
        enum watch_table_kind table = (enum watch_table_kind)i;
        unsigned modes = watcher_modes(request.type, table, set->modes_apart);
        found |= remove ? docent_watch_set_remove(set, c, path, size, table, modes)
                        : docent_watch_set_has(set, set->modes_apart ? c : NULL, path, size, table, modes);
    }
    return found ? DOCENT_OK : DOCENT_ERR_NO_WATCHER;
}

enum restore_list { RESTORE_DATA, RESTORE_EXIST, RESTORE_CHILD, RESTORE_PERSISTENT, RESTORE_RECURSIVE };

static void restore(struct connection *c, wire_list list, enum restore_list kind, int64_t zxid)
{
    wire_bytes path;
    while (docent_wire_list_next_string(&list, &path)) {
        if (path.size < 0) continue;
        const struct node *node = docent_tree_find(c->replica->tree, (const char *)path.data, (size_t)path.size);
        int32_t type = 0;
        switch (kind) {
        case RESTORE_DATA:
            if (node == NULL) {
                type = WIRE_EVENT_DELETED;
            } else if (node->stat.mzxid > zxid) {
                type = WIRE_EVENT_DATA_CHANGED;
            }
            break;
        case RESTORE_EXIST:
            if (node != NULL) type = WIRE_EVENT_CREATED;
            break;
        case RESTORE_CHILD:
            if (node == NULL) {
                type = WIRE_EVENT_DELETED;
            } else if (node->stat.pzxid > zxid) {
                type = WIRE_EVENT_CHILDREN_CHANGED;
            }
            break;
        case RESTORE_PERSISTENT:
        case RESTORE_RECURSIVE: watch_stand(c, path, kind == RESTORE_RECURSIVE ? MODE_RECURSIVE : MODE_PERSISTENT); continue;
        }
        if (type != 0) {
            event_put(c, type, (const char *)path.data, (size_t)path.size, -1);
        } else {
            docent_watching_leave(c, path, kind == RESTORE_CHILD ? TABLE_CHILD : TABLE_DATA);
        }
    }
}

int32_t docent_watching_restore(struct connection *c, struct wire_in *in, bool two)
{
    struct wire_set_watches_request request;
    wire_list persistent = { 0 }, recursive = { 0 };
    if (two) {
        struct wire_set_watches2_request request2;
        if (!docent_wire_get_set_watches2_request(in, &request2)) return DOCENT_ERR_MARSHALLING;
        request = (struct wire_set_watches_request){ request2.relative_zxid, request2.data, request2.exist, request2.child };
        persistent = request2.persistent;
        recursive = request2.recursive;
        if (persistent.count == -1 || recursive.count == -1) return DOCENT_ERR_MARSHALLING;
    } else if (!docent_wire_get_set_watches_request(in, &request)) {
        return DOCENT_ERR_MARSHALLING;
    }
    if (request.data.count == -1 || request.exist.count == -1 || request.child.count == -1) return DOCENT_ERR_MARSHALLING;
    restore(c, request.data, RESTORE_DATA, request.relative_zxid);
    restore(c, request.exist, RESTORE_EXIST, request.relative_zxid);
    restore(c, request.child, RESTORE_CHILD, request.relative_zxid);
    restore(c, persistent, RESTORE_PERSISTENT, 0);
    restore(c, recursive, RESTORE_RECURSIVE, 0);
    return DOCENT_OK;
}
