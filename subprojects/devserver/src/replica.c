/* src/replica.c - a server as its clients see it: connections, requests in order, watches.
 *
 * Requests of a connection are answered in the order in which they came. Writes, syncs and the session's end go to the leader at
 * once; reads are done here when everything before them has been answered, so a read behind a write sees it. A
 * transaction is applied when its message comes, its watchers are told, and then its own request is answered.
 *
 * Source: the server's behaviour as observed on 3.8.0 of the distribution, which has the ACL filter of watch events. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <docent/client.h>

#include "acl.h"
#include "core/wire/digest.h"
#include "must.h"
#include "quota.h"
#include "server.h"
#include "watches.h"
#include "words.h"

enum { CONNECTION_BUCKETS = 4096, OUT_KEEP = 4096, FAULTS_MAX = 32, PENDING_MAX = 4096 };
enum {
    OUT_MAX = 1 << 20,         /* Requests wait while so much is unsent: a small read can have a large answer. */
    EVENTS_MAX = 1 << 24,      /* Events cannot wait; who leaves so much unread is given up. */
    CREDENTIALS_MAX = 1 << 16, /* They go along with every write. */
    SILENCE_MAX_MS = 10000,    /* For who has no session: as Apache ZooKeeper's sessionless connections. */
};

struct request {
    struct request *next;
    uint64_t number;
    int32_t xid, op;
    uint8_t *body;
    size_t size;
    bool forwarded; /* The leader has it; its answer comes. */
    bool ready;     /* answer is complete. */
    struct wire_out answer;
    bool ends;      /* Close behind the answer. */
    enum { FATE_NONE, FATE_DROP, FATE_HOLD, FATE_DELAY, FATE_CORRUPT } fate;
    uint64_t until;
    uint64_t came;
};

enum connection_state { CONNECTION_NEW, CONNECTION_OPENING, CONNECTION_OPEN, CONNECTION_ENDED };

struct connection {
    struct connection *next, *previous;
    struct connection *chain; /* Of those whose id has the same last bits. */
    struct connection *ready_next, **ready_at; /* Of those that are ready; ready_at NULL: it is not among them. */
    struct replica *replica;
    uint64_t id;
    void *user;
    enum connection_state state;
    int64_t session;
    int32_t timeout_ms;
    char peer[48];
    uint64_t established;
    uint64_t came; /* Of the handshake. */
    struct connection_stats stats;
    bool old_client; /* Sent no read-only flag, and gets none. */
    struct wire_out in, out;
    size_t out_head;
    bool ends;    /* Close when out is sent. */
    bool dropped; /* Close now. */
    bool touched; /* Since the last message about it. */
    bool lost;    /* Something came while the replica was stalled. */
    struct request *first, **last;
    size_t pending;
    uint64_t next_number;
    struct wire_out credentials; /* Encoded client_info entries. */
    struct watch *watches;
    uint64_t told;  /* Number of the last event it got: one DELETED for both tables. */
};

struct replica {
    struct server_config config;
    const struct speak *speak;
    int id;
    void (*send)(void *user, struct server_message *message);
    void *user;
    struct tree *tree;
    struct connection *connections;
    struct connection *by_id[CONNECTION_BUCKETS];
    struct connection *ready; /* See docent_replica_ready(). */
    size_t connection_count;
    size_t touched_count; /* Connections with a touch to be passed on. */
    size_t delayed_count; /* Requests whose answer is delayed. */
    uint64_t next_connection;
    struct watch_set watches;
    uint64_t event; /* Counts events. */
    uint64_t now;
    struct fault faults[FAULTS_MAX];
    uint32_t fault_seen[FAULTS_MAX];
    size_t fault_count;
    bool stalled;
    const char *mode;
    uint64_t touch_at; /* When touches go out. */
    uint64_t silent_at; /* When to look for connections that never said anything; UINT64_MAX: there are none. */
    struct server_stats stats;
    void (*about)(void *user, struct server_about *ret_about); /* NULL: nothing is known. */
    void *about_user;
};

/* ---- Making and freeing. ---- */

struct replica *docent_replica_new(const struct server_config *config, int id, void (*send)(void *user, struct server_message *message),
                                   void *user)
{
    struct replica *replica = must(calloc(1, sizeof *replica));
    replica->config = *config;
    docent_server_config_fill(&replica->config);
    replica->speak = docent_speak(config->speak);
    replica->id = id;
    replica->send = send;
    replica->user = user;
    replica->tree = config->tree != NULL ? config->tree : docent_tree_new();
    if (config->tree == NULL) replica->tree->zxid = config->first_zxid; /* Else the leader has seen to it. */
    replica->next_connection = 1;
    replica->mode = "standalone";
    replica->silent_at = UINT64_MAX;
    docent_server_stats_reset(&replica->stats);
    replica->stats.started = UINT64_MAX; /* Until it is told what time it is. */
    docent_watch_set_init(&replica->watches, replica->speak->modes_apart);
    return replica;
}

void docent_replica_free(struct replica *replica)
{
    while (replica->connections != NULL) docent_connection_free(replica->connections);
    docent_watch_set_free(&replica->watches);
    if (replica->config.tree == NULL) docent_tree_free(replica->tree);
    free(replica);
}

void docent_replica_set_mode(struct replica *replica, const char *mode)
{
    replica->mode = mode;
}

const struct tree *docent_replica_tree(const struct replica *replica)
{
    return replica->tree;
}

size_t docent_replica_watch_count(const struct replica *replica)
{
    return replica->watches.count;
}

size_t docent_replica_connection_count(const struct replica *replica)
{
    return replica->connection_count;
}

struct connection *docent_connection_next(struct replica *replica, struct connection *connection)
{
    return connection == NULL ? replica->connections : connection->next;
}

static void replica_now(struct replica *replica, uint64_t now)
{
    if (now > replica->now) replica->now = now;
    if (replica->stats.started == UINT64_MAX) replica->stats.started = replica->now;
}

static void credential_add(struct connection *c, wire_bytes scheme, wire_bytes id)
{
    struct wire_in in = docent_wire_in(c->credentials.data, c->credentials.size);
    struct wire_client_info old;
    while (in.size > 0 && docent_wire_get_client_info(&in, &old)) {
        if (old.scheme.size == scheme.size && old.user.size == id.size && memcmp(old.scheme.data, scheme.data, (size_t)scheme.size) == 0 &&
            memcmp(old.user.data, id.data, (size_t)id.size) == 0) {
            return;
        }
    }
    struct wire_client_info info = { scheme, id };
    docent_wire_put_client_info(&c->credentials, &info);
}

struct connection *docent_connection_new(struct replica *replica, uint64_t now, const char *peer, void *user)
{
    replica_now(replica, now);
    struct connection *c = must(calloc(1, sizeof *c));
    c->replica = replica;
    c->id = replica->next_connection++;
    c->user = user;
    c->last = &c->first;
    c->next = replica->connections;
    if (c->next != NULL) c->next->previous = c;
    replica->connections = c;
    replica->connection_count++;
    struct connection **bucket = &replica->by_id[c->id % CONNECTION_BUCKETS];
    c->chain = *bucket;
    *bucket = c;
    c->established = replica->now;
    docent_connection_stats_reset(&c->stats);
    snprintf(c->peer, sizeof c->peer, "%s", peer);
    credential_add(c, docent_wire_string("ip"), docent_wire_buffer(c->peer, strcspn(c->peer, ":")));
    if (replica->silent_at == UINT64_MAX) replica->silent_at = replica->now + SILENCE_MAX_MS;
    return c;
}

/* They are passed on when the leader asks, which it does every half tick. */
static uint64_t touch_next(const struct replica *replica)
{
    uint64_t half = replica->config.tick_ms / 2 + (replica->config.tick_ms < 2);
    uint64_t phase = replica->config.touch_phase_ms % half;
    return (replica->now + half - phase) / half * half + phase;
}

static void connection_touch(struct connection *c, bool touched)
{
    if (c->touched == touched) return;
    if (touched && c->replica->touched_count == 0) c->replica->touch_at = touch_next(c->replica);
    c->touched = touched;
    c->replica->touched_count += touched ? 1 : (size_t)-1;
}

static void request_free(struct connection *c, struct request *request)
{
    if (request->fate == FATE_DELAY) c->replica->delayed_count--;
    free(request->body);
    docent_wire_out_free(&request->answer);
    free(request);
}

static void connection_ready(struct connection *c)
{
    if (c->ready_at != NULL) return;
    c->ready_at = &c->replica->ready;
    c->ready_next = c->replica->ready;
    if (c->ready_next != NULL) c->ready_next->ready_at = &c->ready_next;
    c->replica->ready = c;
}

static void connection_not_ready(struct connection *c)
{
    if (c->ready_at == NULL) return;
    *c->ready_at = c->ready_next;
    if (c->ready_next != NULL) c->ready_next->ready_at = c->ready_at;
    c->ready_at = NULL;
}

struct connection *docent_replica_ready(struct replica *replica)
{
    struct connection *c = replica->ready;
    if (c != NULL) connection_not_ready(c);
    return c;
}

void docent_connection_free(struct connection *c)
{
    struct replica *replica = c->replica;
    connection_not_ready(c);
    docent_watch_set_drop(&replica->watches, &c->watches);
    while (c->first != NULL) {
        struct request *request = c->first;
        c->first = request->next;
        request_free(c, request);
    }
    connection_touch(c, false);
    struct connection **at = &replica->by_id[c->id % CONNECTION_BUCKETS];
    while (*at != c) at = &(*at)->chain;
    *at = c->chain;
    if (c->previous != NULL) {
        c->previous->next = c->next;
    } else {
        replica->connections = c->next;
    }
    if (c->next != NULL) c->next->previous = c->previous;
    replica->connection_count--;
    docent_wire_out_free(&c->in);
    docent_wire_out_free(&c->out);
    docent_wire_out_free(&c->credentials);
    free(c);
}

void *docent_connection_user(const struct connection *c)
{
    return c->user;
}

int64_t docent_connection_session(const struct connection *c)
{
    return c->session;
}

static struct connection *connection_find(struct replica *replica, uint64_t id)
{
    struct connection *c = replica->by_id[id % CONNECTION_BUCKETS];
    while (c != NULL && c->id != id) c = c->chain;
    return c;
}

static void connection_drop(struct connection *c)
{
    if (!c->dropped) c->replica->stats.dropped++;
    c->dropped = true;
    connection_ready(c);
    c->state = CONNECTION_ENDED;
    docent_watch_set_drop(&c->replica->watches, &c->watches);
}

bool docent_connection_wants_close(const struct connection *c, bool *ret_dropped)
{
    *ret_dropped = c->dropped;
    return c->dropped || (c->ends && c->out_head == c->out.size);
}

bool docent_connection_wants_read(const struct connection *c, bool reading)
{
    size_t out_bound = reading ? OUT_MAX : OUT_MAX / 2;
    size_t in_bound = (size_t)c->replica->config.request_max + 4; /* So much a request takes. */
    return !c->ends && !c->dropped && c->out.size - c->out_head < out_bound && c->in.size <= in_bound;
}

size_t docent_connection_send(const struct connection *c, const uint8_t **ret_data)
{
    if (c->dropped || c->out.size == 0) return 0;
    *ret_data = c->out.data + c->out_head;
    return c->out.size - c->out_head;
}

/* ---- Faults. ---- */

bool docent_replica_add_fault(struct replica *replica, const struct fault *fault)
{
    if (replica->fault_count == FAULTS_MAX) return false;
    replica->fault_seen[replica->fault_count] = 0;
    replica->faults[replica->fault_count++] = *fault;
    return true;
}

/* What the first matching rule does with this request. A rule that is used up goes. */
static const struct fault *fault_for(struct replica *replica, const struct request *request, struct fault *scratch)
{
    struct wire_in in = docent_wire_in(request->body, request->size);
    struct wire_path_record path = { { NULL, -1 } };
    if (request->op != WIRE_OP_MULTI && request->op != WIRE_OP_SET_WATCHES && request->op != WIRE_OP_SET_WATCHES2) {
        (void)docent_wire_get_path_record(&in, &path);
    }
    for (size_t i = 0; i < replica->fault_count; i++) {
        struct fault *fault = &replica->faults[i];
        if (fault->op != INT32_MIN && fault->op != request->op) continue;
        size_t size = strlen(fault->path);
        bool prefix = size > 0 && fault->path[size - 1] == '*';
        if (prefix) size--;
        if (fault->path[0] != '\0' && (path.path.size < (int32_t)size || (!prefix && path.path.size != (int32_t)size) ||
                                       memcmp(path.path.data, fault->path, size) != 0)) {
            continue;
        }
        uint32_t seen = replica->fault_seen[i]++;
        if (seen < fault->skip) continue;
        *scratch = *fault;
        uint32_t count = fault->count == 0 ? 1 : fault->count;
        if (seen + 1 >= fault->skip + count) {
            replica->fault_count--;
            memmove(fault, fault + 1, (replica->fault_count - i) * sizeof *fault);
            memmove(&replica->fault_seen[i], &replica->fault_seen[i + 1], (replica->fault_count - i) * sizeof(uint32_t));
        }
        return scratch;
    }
    return NULL;
}

/* ---- Counting. ---- */

static void count_received(struct connection *c, size_t size)
{
    c->stats.received++;
    c->replica->stats.received++;
    c->replica->stats.bytes_received += size;
}

static void count_sent(struct connection *c, size_t size)
{
    c->stats.sent++;
    c->replica->stats.sent++;
    c->replica->stats.bytes_sent += size;
}

static void count_answered(struct connection *c, int32_t op, int32_t cxid, int64_t zxid, uint64_t came, size_t size)
{
    uint64_t took = c->replica->now - came;
    count_sent(c, size);
    c->stats.last_op = op;
    if (cxid >= 0) c->stats.last_cxid = cxid;
    c->stats.last_zxid = zxid;
    c->stats.last_response = c->replica->now;
    c->stats.last_latency = took;
    docent_latency_add(&c->stats.latency, took);
    docent_latency_add(&c->replica->stats.latency, took);
}

/* Sizes are told without the length in front. */
static void count_response(struct server_stats *stats, size_t size)
{
    int64_t response = (int64_t)size - 4;
    stats->response_last = response;
    if (stats->response_min < 0 || response < stats->response_min) stats->response_min = response;
    if (response > stats->response_max) stats->response_max = response;
}

/* ---- Answers. ---- */

static bool allowed(const struct connection *c, const struct node *node, int32_t perms)
{
    return docent_acl_allows(node->acl, node->acl_size, node->acl_count, perms, c->credentials.data, c->credentials.size);
}

static size_t answer_begin(struct wire_out *out, int32_t xid, int64_t zxid, int32_t err)
{
    size_t begin = docent_wire_frame_begin(out);
    struct wire_reply_header header = { xid, zxid, err };
    docent_wire_put_reply_header(out, &header);
    return begin;
}

static void stat_put(struct wire_out *out, docent_stat stat)
{
    struct wire_stat_response response = { stat };
    docent_wire_put_stat_response(out, &response);
}

static wire_bytes node_data(const struct node *node)
{
    return docent_wire_buffer(node->data, (size_t)node->stat.data_length);
}

static void children_put(struct wire_out *out, const struct node *node)
{
    docent_wire_put_int(out, node->stat.num_children);
    for (const struct node *child = node->first_child; child != NULL; child = child->next) {
        docent_wire_put_string(out, docent_wire_string(docent_node_name(child)));
    }
}

static const struct node *find(const struct replica *replica, wire_bytes path)
{
    if (path.size < 0) return NULL;
    return docent_tree_find(replica->tree, (const char *)path.data, (size_t)path.size);
}

static void watch_leave(struct connection *c, wire_bytes path, enum watch_table_kind table)
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

/* ---- Reads. Each puts a body and returns DOCENT_OK, or an error. ---- */

static int32_t read_exists(struct connection *c, struct wire_in *in, struct wire_out *out)
{
    struct wire_read_request request;
    if (!docent_wire_get_read_request(in, &request) || request.path.size < 0) return DOCENT_ERR_MARSHALLING;
    if (memchr(request.path.data, 0, (size_t)request.path.size) != NULL) return DOCENT_ERR_BAD_ARGUMENTS;
    const struct node *node = find(c->replica, request.path);
    if (c->replica->speak->exists_filtered && node != NULL && !allowed(c, node, DOCENT_PERM_READ)) return DOCENT_ERR_NO_AUTH;
    if (request.watch) watch_leave(c, request.path, TABLE_DATA);
    if (node == NULL) return DOCENT_ERR_NO_NODE;
    stat_put(out, docent_tree_stat(node));
    return DOCENT_OK;
}

static int32_t read_data(struct connection *c, struct wire_in *in, struct wire_out *out)
{
    struct wire_read_request request;
    if (!docent_wire_get_read_request(in, &request) || request.path.size < 0) return DOCENT_ERR_MARSHALLING;
    const struct node *node = find(c->replica, request.path);
    if (node == NULL) return DOCENT_ERR_NO_NODE;
    if (!allowed(c, node, DOCENT_PERM_READ)) return DOCENT_ERR_NO_AUTH;
    if (request.watch) watch_leave(c, request.path, TABLE_DATA);
    struct wire_data_response response = { node_data(node), docent_tree_stat(node) };
    docent_wire_put_data_response(out, &response);
    return DOCENT_OK;
}

static int32_t read_children(struct connection *c, struct wire_in *in, struct wire_out *out, bool with_stat)
{
    struct wire_read_request request;
    if (!docent_wire_get_read_request(in, &request) || request.path.size < 0) return DOCENT_ERR_MARSHALLING;
    const struct node *node = find(c->replica, request.path);
    if (node == NULL) return DOCENT_ERR_NO_NODE;
    if (!allowed(c, node, DOCENT_PERM_READ)) return DOCENT_ERR_NO_AUTH;
    if (request.watch) watch_leave(c, request.path, TABLE_CHILD);
    children_put(out, node);
    if (with_stat) stat_put(out, docent_tree_stat(node));
    return DOCENT_OK;
}

static int32_t read_acl(struct connection *c, struct wire_in *in, struct wire_out *out)
{
    struct wire_path_record request;
    if (!docent_wire_get_path_record(in, &request) || request.path.size < 0) return DOCENT_ERR_MARSHALLING;
    const struct node *node = find(c->replica, request.path);
    if (node == NULL) return DOCENT_ERR_NO_NODE;
    if (!allowed(c, node, DOCENT_PERM_READ | DOCENT_PERM_ADMIN)) return DOCENT_ERR_NO_AUTH;
    bool full = allowed(c, node, DOCENT_PERM_ADMIN);
    docent_wire_put_int(out, node->acl_count);
    struct wire_in entries = docent_wire_in(node->acl, node->acl_size);
    struct wire_acl entry;
    while (entries.size > 0 && docent_wire_get_acl(&entries, &entry)) {
        char masked[512];
        if (!full && entry.scheme.size == 6 && memcmp(entry.scheme.data, "digest", 6) == 0) {
            const uint8_t *colon = memchr(entry.id.data, ':', (size_t)entry.id.size);
            int user = colon == NULL ? entry.id.size : (int)(colon - entry.id.data);
            if (user > 500) user = 500;
            snprintf(masked, sizeof masked, "%.*s:x", user, (const char *)entry.id.data);
            entry.id = docent_wire_string(masked);
        }
        docent_wire_put_acl(out, &entry);
    }
    stat_put(out, docent_tree_stat(node));
    return DOCENT_OK;
}

static int32_t read_ephemerals(struct connection *c, struct wire_in *in, struct wire_out *out)
{
    struct wire_path_record request;
    if (!docent_wire_get_path_record(in, &request)) return DOCENT_ERR_MARSHALLING;
    size_t size = request.path.size < 0 ? 0 : (size_t)request.path.size;
    bool all = true;
    for (size_t i = 0; i < size; i++) all &= request.path.data[i] == ' ' || (size == 1 && request.path.data[i] == '/');
    size_t count_at = out->size;
    int32_t count = 0;
    docent_wire_put_int(out, 0);
    for (const struct node *node = docent_tree_owned(c->replica->tree, c->session); node != NULL; node = node->owned_next) {
        if (!all && (node->path_size < size || memcmp(node->path, request.path.data, size) != 0)) continue;
        docent_wire_put_string(out, docent_wire_string(node->path));
        count++;
    }
    uint32_t big = __builtin_bswap32((uint32_t)count);
    memcpy(out->data + count_at, &big, 4);
    return DOCENT_OK;
}

static int32_t read_count(struct connection *c, struct wire_in *in, struct wire_out *out)
{
    struct wire_path_record request;
    if (!docent_wire_get_path_record(in, &request) || request.path.size < 0) return DOCENT_ERR_MARSHALLING;
    const struct node *node = find(c->replica, request.path);
    if (node == NULL) return DOCENT_ERR_NO_NODE;
    if (!allowed(c, node, DOCENT_PERM_READ)) return DOCENT_ERR_NO_AUTH;
    /* "" is the root, but counts what begins with a slash, and so does the root. */
    docent_wire_put_int(out, (int32_t)docent_tree_descendants(node) + (request.path.size == 0));
    return DOCENT_OK;
}

static int32_t read_who_am_i(struct connection *c, struct wire_out *out)
{
    size_t count_at = out->size;
    int32_t count = 0;
    docent_wire_put_int(out, 0);
    struct wire_in in = docent_wire_in(c->credentials.data, c->credentials.size);
    struct wire_client_info info;
    while (in.size > 0 && docent_wire_get_client_info(&in, &info)) {
        if (info.scheme.size == 6 && memcmp(info.scheme.data, "digest", 6) == 0) {
            const uint8_t *colon = memchr(info.user.data, ':', (size_t)info.user.size);
            if (colon != NULL) info.user.size = (int32_t)(colon - info.user.data);
        }
        docent_wire_put_client_info(out, &info);
        count++;
    }
    uint32_t big = __builtin_bswap32((uint32_t)count);
    memcpy(out->data + count_at, &big, 4);
    return DOCENT_OK;
}

static int32_t read_multi(struct connection *c, struct wire_in *in, struct wire_out *out)
{
    struct wire_multi_header header;
    for (;;) {
        if (!docent_wire_get_multi_header(in, &header)) return DOCENT_ERR_MARSHALLING;
        if (header.done) break;
        struct wire_in copy = *in;
        struct wire_read_request request;
        if ((header.op != WIRE_OP_GET_DATA && header.op != WIRE_OP_GET_CHILDREN) || !docent_wire_get_read_request(in, &request) ||
            request.path.size < 0) {
            return DOCENT_ERR_MARSHALLING;
        }
        struct wire_out body = { 0 };
        struct wire_out plain = { 0 };
        docent_wire_put_raw(&plain, copy.data, copy.size - in->size);
        plain.data[plain.size - 1] = 0; /* Watch flags do not count here. */
        struct wire_in part = docent_wire_in(plain.data, plain.size);
        int32_t err = header.op == WIRE_OP_GET_DATA ? read_data(c, &part, &body) : read_children(c, &part, &body, false);
        struct wire_multi_header answer = { err == DOCENT_OK ? header.op : WIRE_OP_ERROR, false, err };
        docent_wire_put_multi_header(out, &answer);
        if (err == DOCENT_OK) {
            docent_wire_put_raw(out, body.data, body.size);
        } else {
            docent_wire_put_int(out, err);
        }
        docent_wire_out_free(&body);
        docent_wire_out_free(&plain);
    }
    struct wire_multi_header end = { WIRE_OP_ERROR, true, -1 };
    docent_wire_put_multi_header(out, &end);
    return DOCENT_OK;
}

/* ---- Watches. ---- */

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

static size_t unsent(const struct connection *c)
{
    return c->out.size - c->out_head;
}

static void event_put(struct connection *c, int32_t type, const char *path, size_t size, int64_t zxid)
{
    if (unsent(c) > EVENTS_MAX) {
        connection_drop(c);
        return;
    }
    size_t begin = answer_begin(&c->out, WIRE_XID_NOTIFICATION, zxid, 0);
    struct wire_watcher_event event = { type, WIRE_STATE_SYNC_CONNECTED, docent_wire_buffer(path, size) };
    docent_wire_put_watcher_event(&c->out, &event);
    docent_wire_frame_end(&c->out, begin);
    connection_ready(c);
    count_sent(c, c->out.size - begin);
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

/* Applies one change and tells the watchers, in the order in which a server does. */
static void change_apply(struct replica *replica, struct change *change, const struct txn *txn)
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

static int32_t add_watch(struct connection *c, struct wire_in *in, struct wire_out *out)
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

static int32_t look_for_watches(struct connection *c, struct wire_in *in, bool remove)
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
        const struct node *node = find(c->replica, path);
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
            watch_leave(c, path, kind == RESTORE_CHILD ? TABLE_CHILD : TABLE_DATA);
        }
    }
}

static int32_t set_watches(struct connection *c, struct wire_in *in, bool two)
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

/* ---- Requests. ---- */

static bool op_is_forwarded(int32_t op)
{
    switch (op) {
    case WIRE_OP_CREATE:
    case WIRE_OP_CREATE2:
    case WIRE_OP_CREATE_CONTAINER:
    case WIRE_OP_CREATE_TTL:
    case WIRE_OP_DELETE:
    case WIRE_OP_SET_DATA:
    case WIRE_OP_SET_ACL:
    case WIRE_OP_MULTI:
    case WIRE_OP_RECONFIG:
    case WIRE_OP_SYNC:
    case WIRE_OP_CREATE_SESSION:
    case WIRE_OP_DELETE_CONTAINER:
    case WIRE_OP_CLOSE_SESSION: return true;
    default: return false;
    }
}

static int32_t read_run(struct connection *c, const struct request *request, struct wire_in *in, struct wire_out *out)
{
    if (!docent_speak_knows(c->replica->speak, request->op)) return DOCENT_ERR_UNIMPLEMENTED;
    switch (request->op) {
    case WIRE_OP_PING: return DOCENT_OK;
    case WIRE_OP_EXISTS: return read_exists(c, in, out);
    case WIRE_OP_GET_DATA: return read_data(c, in, out);
    case WIRE_OP_GET_CHILDREN: return read_children(c, in, out, false);
    case WIRE_OP_GET_CHILDREN2: return read_children(c, in, out, true);
    case WIRE_OP_GET_ACL: return read_acl(c, in, out);
    case WIRE_OP_GET_EPHEMERALS: return read_ephemerals(c, in, out);
    case WIRE_OP_GET_ALL_CHILDREN_NUMBER: return read_count(c, in, out);
    case WIRE_OP_WHO_AM_I: return read_who_am_i(c, out);
    case WIRE_OP_MULTI_READ: return read_multi(c, in, out);
    case WIRE_OP_ADD_WATCH: return add_watch(c, in, out);
    case WIRE_OP_CHECK_WATCHES: return look_for_watches(c, in, false);
    case WIRE_OP_REMOVE_WATCHES: return look_for_watches(c, in, true);
    case WIRE_OP_SET_WATCHES: return set_watches(c, in, false);
    case WIRE_OP_SET_WATCHES2: return set_watches(c, in, true);
    default: return DOCENT_ERR_UNIMPLEMENTED;
    }
}

static void request_read(struct connection *c, struct request *request)
{
    struct wire_in in = docent_wire_in(request->body, request->size);
    struct wire_out body = { 0 };
    int32_t err = read_run(c, request, &in, &body);
    bool unknown = err == DOCENT_ERR_UNIMPLEMENTED;
    int32_t xid = request->op == WIRE_OP_PING ? WIRE_XID_PING : request->xid;
    size_t begin = answer_begin(&request->answer, xid, unknown ? -1 : c->replica->tree->zxid, err);
    if (err == DOCENT_OK) docent_wire_put_raw(&request->answer, body.data, body.size);
    docent_wire_frame_end(&request->answer, begin);
    docent_wire_out_free(&body);
    request->ready = true;
    request->ends = unknown;
}

static int64_t answer_zxid(const struct wire_out *answer)
{
    struct wire_in in = docent_wire_in(answer->data + 4, answer->size - 4);
    struct wire_reply_header header;
    return docent_wire_get_reply_header(&in, &header) ? header.zxid : -1;
}

/* Makes it one that no client can take for good: a body of other bytes, one too few; without a body, of another request. */
static void answer_corrupt(struct wire_out *answer)
{
    enum { XID_AT = 4, BODY_AT = 20 };
    size_t begin = answer->size > BODY_AT ? BODY_AT : XID_AT, stop = answer->size > BODY_AT ? answer->size : XID_AT + 4;
    for (size_t i = begin; i < stop; i++) answer->data[i] ^= 0xff;
    if (begin == XID_AT) return;
    answer->size--;
    docent_wire_store32(answer->data, (int32_t)answer->size - 4);
}

/* Answers what can be answered, in order. */
static void connection_run(struct connection *c)
{
    while (c->first != NULL && !c->dropped && !c->ends && unsent(c) < OUT_MAX) {
        struct request *request = c->first;
        if (!request->ready && !request->forwarded) request_read(c, request);
        if (!request->ready) return;
        if (request->fate == FATE_HOLD || (request->fate == FATE_DELAY && c->replica->now < request->until)) return;
        if (request->fate == FATE_DROP) {
            connection_drop(c);
            return;
        }
        if (request->fate == FATE_CORRUPT) answer_corrupt(&request->answer);
        if (c->out_head == c->out.size) c->out_head = c->out.size = 0;
        docent_wire_put_raw(&c->out, request->answer.data, request->answer.size);
        connection_ready(c);
        count_answered(c, request->op, request->xid, answer_zxid(&request->answer), request->came, request->answer.size);
        count_response(&c->replica->stats, request->answer.size);
        c->ends = request->ends;
        if (c->ends) c->state = CONNECTION_ENDED;
        c->first = request->next;
        if (c->first == NULL) c->last = &c->first;
        c->pending--;
        request_free(c, request);
    }
}

static void up(struct replica *replica, struct server_message *message)
{
    message->replica = replica->id;
    replica->send(replica->user, message);
}

static struct server_message *message_new(enum message_type type, const struct connection *c)
{
    struct server_message *message = must(calloc(1, sizeof *message));
    message->type = type;
    message->connection = c->id;
    message->session = c->session;
    return message;
}

static void *copy_bytes(const void *bytes, size_t size)
{
    void *copy = must(malloc(size + 1));
    if (size > 0) memcpy(copy, bytes, size);
    return copy;
}

static void request_forward(struct connection *c, struct request *request)
{
    struct server_message *message = message_new(request->op == WIRE_OP_SYNC ? UP_SYNC : UP_REQUEST, c);
    message->request = request->number;
    message->op = request->op;
    if (request->op != WIRE_OP_SYNC) {
        message->body = copy_bytes(request->body, request->size);
        message->size = request->size;
        message->credentials = copy_bytes(c->credentials.data, c->credentials.size);
        message->credentials_size = c->credentials.size;
    }
    request->forwarded = true;
    up(c->replica, message);
}

/* "user:password"; without a colon all of it is the user. A wrong password is another identity, no error. */
static void digest_add(struct connection *c, wire_bytes text)
{
    const uint8_t *colon = text.size == 0 ? NULL : memchr(text.data, ':', (size_t)text.size);
    size_t user = colon == NULL ? (size_t)text.size : (size_t)(colon - text.data);
    char *id = must(malloc(user + 1 + DIGEST_SIZE));
    if (user > 0) memcpy(id, text.data, user);
    id[user] = ':';
    docent_digest(text.data, (size_t)text.size, id + user + 1);
    wire_bytes whole = docent_wire_buffer(id, user + 1 + strlen(id + user + 1));
    const char *super = c->replica->config.super_digest;
    if (super != NULL && strlen(super) == (size_t)whole.size && memcmp(super, id, (size_t)whole.size) == 0) {
        credential_add(c, docent_wire_string("super"), docent_wire_string(""));
    }
    credential_add(c, docent_wire_string("digest"), whole);
    free(id);
}

/* Out of line, from the network layer: may overtake answers of earlier requests. */
static void auth_receive(struct connection *c, int32_t xid, struct wire_in *in)
{
    struct wire_auth_request request;
    bool good = docent_wire_get_auth_request(in, &request);
    int32_t err = DOCENT_ERR_AUTH_FAILED;
    if (good && request.scheme.size == 6 && memcmp(request.scheme.data, "digest", 6) == 0 && request.auth.size >= 0) {
        if (c->credentials.size < CREDENTIALS_MAX) {
            digest_add(c, request.auth);
            err = DOCENT_OK;
        }
    } else if (good && request.scheme.size == 2 && memcmp(request.scheme.data, "ip", 2) == 0) {
        err = DOCENT_OK; /* The address is a credential already. */
    }
    size_t begin = answer_begin(&c->out, xid, 0, err);
    docent_wire_frame_end(&c->out, begin);
    count_sent(c, c->out.size - begin);
    if (err != DOCENT_OK) {
        c->replica->stats.auth_failed++;
        c->ends = true;
        c->state = CONNECTION_ENDED;
    }
}

static void sasl_receive(struct connection *c, int32_t xid)
{
    size_t begin = answer_begin(&c->out, xid, 0, 0);
    struct wire_sasl_record none = { { NULL, -1 } }; /* Not configured: a null token. */
    docent_wire_put_sasl_record(&c->out, &none);
    docent_wire_frame_end(&c->out, begin);
    count_sent(c, c->out.size - begin);
}

static void request_receive(struct connection *c, const uint8_t *data, size_t size)
{
    struct wire_in in = docent_wire_in(data, size);
    struct wire_request_header header;
    if (!docent_wire_get_request_header(&in, &header)) {
        connection_drop(c);
        return;
    }
    if (header.op == WIRE_OP_AUTH) {
        auth_receive(c, header.xid, &in);
        return;
    }
    if (header.op == WIRE_OP_SASL) {
        sasl_receive(c, header.xid);
        return;
    }
    connection_touch(c, true);
    struct request *request = must(calloc(1, sizeof *request));
    request->number = ++c->next_number;
    request->came = c->replica->now;
    request->xid = header.xid;
    request->op = header.op;
    request->body = copy_bytes(in.data, in.size);
    request->size = in.size;
    struct fault scratch;
    const struct fault *fault = c->replica->fault_count == 0 ? NULL : fault_for(c->replica, request, &scratch);
    if (fault != NULL) {
        switch (fault->action) {
        case FAULT_DROP_REQUEST:
            request_free(c, request);
            connection_drop(c);
            return;
        case FAULT_DROP_REPLY: request->fate = FATE_DROP; break;
        case FAULT_HOLD_REPLY: request->fate = FATE_HOLD; break;
        case FAULT_CORRUPT_REPLY: request->fate = FATE_CORRUPT; break;
        case FAULT_DELAY_REPLY:
            request->fate = FATE_DELAY;
            c->replica->delayed_count++;
            request->until = c->replica->now + fault->delay_ms;
            break;
        }
    }
    *c->last = request;
    c->last = &request->next;
    c->pending++;
    if (op_is_forwarded(request->op) && docent_speak_knows(c->replica->speak, request->op)) request_forward(c, request);
    connection_run(c);
}

/* ---- Handshake and four-letter words. ---- */

static void opened(struct connection *c, int64_t session, int32_t timeout_ms, const uint8_t password[16])
{
    size_t begin = docent_wire_frame_begin(&c->out);
    struct wire_connect_response response = { 0, timeout_ms, session, docent_wire_buffer(password, 16) };
    docent_wire_put_connect_response(&c->out, &response);
    if (!c->old_client && !c->replica->speak->short_handshake) docent_wire_put_bool(&c->out, false);
    docent_wire_frame_end(&c->out, begin);
    connection_ready(c);
    count_answered(c, WIRE_OP_CREATE_SESSION, 0, c->replica->tree->zxid, c->came, c->out.size - begin);
    if (session == 0) {
        c->ends = true;
        c->state = CONNECTION_ENDED;
        return;
    }
    c->state = CONNECTION_OPEN;
    c->session = session;
    c->timeout_ms = timeout_ms;
}

static void handshake_receive(struct connection *c, const uint8_t *data, size_t size)
{
    struct replica *replica = c->replica;
    struct wire_in in = docent_wire_in(data, size);
    struct wire_connect_request request;
    bool read_only;
    if (!docent_wire_get_connect_request(&in, &request)) {
        connection_drop(c);
        return;
    }
    c->old_client = !docent_wire_get_read_only(&in, &read_only);
    c->came = replica->now;
    replica->stats.handshakes++;
    if (request.last_zxid > replica->tree->zxid) { /* It has seen more than we have. */
        connection_drop(c);
        return;
    }
    if (request.session_id != 0) { /* The older connection goes, before the password is looked at. */
        for (struct connection *other = replica->connections; other != NULL; other = other->next) {
            if (other != c && other->session == request.session_id) connection_drop(other);
        }
    }
    struct server_message *message = message_new(UP_OPEN, c);
    message->session = request.session_id;
    message->timeout_ms = request.timeout_ms;
    if (request.password.size == 16) memcpy(message->password, request.password.data, 16);
    c->state = CONNECTION_OPENING;
    up(replica, message);
}

static bool word_receive(struct connection *c, const uint8_t *word)
{
    struct replica *replica = c->replica;
    c->state = CONNECTION_ENDED; /* It is listed so by the words that list connections. */
    replica->stats.received++;
    c->stats.received++;
    if (!docent_words_answer(replica, word, &c->out)) {
        replica->stats.received--;
        c->stats.received--;
        c->state = CONNECTION_NEW;
        return false;
    }
    replica->stats.sent++; /* Words count, sizes do not. */
    c->ends = true;
    return true;
}

static void frame_receive(struct connection *c, const uint8_t *data, size_t size)
{
    count_received(c, size + 4);
    switch (c->state) {
    case CONNECTION_NEW: handshake_receive(c, data, size); break;
    case CONNECTION_OPEN: request_receive(c, data, size); break;
    case CONNECTION_OPENING: /* Kept until the answer: connection_frames() waits. */
    case CONNECTION_ENDED: break;
    }
}

/* As many frames as there are and may be looked at now. Returns what they took. */
static size_t connection_frames(struct connection *c, const uint8_t *data, size_t size)
{
    size_t used = 0;
    while (size - used >= 4 && !c->dropped && !c->ends && c->state != CONNECTION_OPENING && c->pending < PENDING_MAX &&
           unsent(c) < OUT_MAX) {
        if (c->state == CONNECTION_NEW && word_receive(c, data + used)) return size;
        uint32_t big;
        memcpy(&big, data + used, 4);
        size_t want = __builtin_bswap32(big);
        if (want > c->replica->config.request_max) {
            c->replica->stats.large_requests++;
            connection_drop(c);
            return size;
        }
        if (size - used - 4 < want) break;
        frame_receive(c, data + used + 4, want);
        used += 4 + want;
    }
    return c->dropped || c->ends ? size : used;
}

static void connection_pump(struct connection *c)
{
    if (c->in.size == 0) return;
    connection_ready(c);
    size_t used = connection_frames(c, c->in.data, c->in.size);
    memmove(c->in.data, c->in.data + used, c->in.size - used);
    c->in.size -= used;
    if (c->in.size == 0 && c->in.capacity > OUT_KEEP) docent_wire_out_free(&c->in);
}

void docent_connection_recv(struct connection *c, uint64_t now, const uint8_t *data, size_t size)
{
    replica_now(c->replica, now);
    if (c->state == CONNECTION_ENDED) return;
    if (c->replica->stalled) {
        c->lost = true;
        return;
    }
    size_t used = 0;
    if (c->in.size == 0) used = connection_frames(c, data, size);
    docent_wire_put_raw(&c->in, data + used, size - used);
    if (used == 0) connection_pump(c);
    connection_ready(c);
}

void docent_connection_sent(struct connection *c, size_t size)
{
    bool full = unsent(c) >= OUT_MAX;
    c->out_head += size;
    if (full && c->out_head > OUT_MAX / 2) { /* What is sent need not be kept until the rest is. */
        memmove(c->out.data, c->out.data + c->out_head, unsent(c));
        c->out.size -= c->out_head;
        c->out_head = 0;
    }
    if (unsent(c) == 0) {
        c->out_head = c->out.size = 0;
        if (c->out.capacity > OUT_KEEP) docent_wire_out_free(&c->out);
    }
    if (!full || unsent(c) >= OUT_MAX || c->replica->stalled) return;
    connection_run(c);
    connection_pump(c);
}

/* ---- From the leader. ---- */

static void answer_multi(struct request *request, const struct txn *txn)
{
    struct wire_out *out = &request->answer;
    size_t parts = txn->type == TXN_ERROR ? txn->part_count : txn->change_count;
    for (size_t i = 0; i < parts; i++) {
        if (txn->type == TXN_ERROR) {
            int32_t err = (int32_t)i < txn->failed_at    ? DOCENT_OK
                          : (int32_t)i == txn->failed_at ? txn->err
                                                         : (int32_t)DOCENT_ERR_ROLLED_BACK;
            struct wire_multi_header header = { WIRE_OP_ERROR, false, err };
            docent_wire_put_multi_header(out, &header);
            docent_wire_put_int(out, err);
            continue;
        }
        const struct change *change = &txn->changes[i];
        struct wire_multi_header header = { change->answer_op, false, 0 };
        docent_wire_put_multi_header(out, &header);
        if (change->op == WIRE_OP_CREATE) docent_wire_put_string(out, docent_wire_string(change->path));
        if (change->op == WIRE_OP_SET_DATA || change->answer_op == WIRE_OP_CREATE2) stat_put(out, change->stat);
    }
    struct wire_multi_header end = { WIRE_OP_ERROR, true, -1 };
    docent_wire_put_multi_header(out, &end);
}

static void answer_commit(struct request *request, const struct txn *txn)
{
    struct wire_out *out = &request->answer;
    bool multi = request->op == WIRE_OP_MULTI && (txn->type != TXN_ERROR || txn->multi);
    size_t begin = answer_begin(out, request->xid, txn->zxid, multi || txn->type != TXN_ERROR ? 0 : txn->err);
    if (multi) {
        answer_multi(request, txn);
    } else if (txn->type == TXN_CHANGES) {
        const struct change *change = &txn->changes[0];
        if (change->op == WIRE_OP_CREATE) docent_wire_put_string(out, docent_wire_string(change->path));
        if (change->op == WIRE_OP_SET_DATA || change->op == WIRE_OP_SET_ACL ||
            (change->op == WIRE_OP_CREATE && request->op != WIRE_OP_CREATE)) {
            stat_put(out, change->stat);
        }
    }
    docent_wire_frame_end(out, begin);
    request->ready = true;
    request->ends = request->op == WIRE_OP_CLOSE_SESSION;
}

static void session_ended(struct replica *replica, int64_t session, const struct connection *asker)
{
    for (struct connection *c = replica->connections; c != NULL; c = c->next) {
        if (c->session == session && c != asker) connection_drop(c);
    }
}

void docent_replica_apply(struct replica *replica, uint64_t now, struct txn *txn)
{
    replica_now(replica, now);
    for (size_t i = 0; i < txn->change_count; i++) change_apply(replica, &txn->changes[i], txn);
    replica->tree->zxid = txn->zxid;
}

static struct request *request_find(struct connection *c, uint64_t number)
{
    struct request *request = c == NULL ? NULL : c->first;
    while (request != NULL && request->number != number) request = request->next;
    return request;
}

static void password_of(int64_t id, uint8_t password[16])
{
    const uint64_t mask = (UINT64_C(1) << 48) - 1;
    uint64_t state = (((uint64_t)id ^ UINT64_C(0xB3415C00)) ^ UINT64_C(0x5DEECE66D)) & mask;
    for (int word = 0; word < 4; word++) {
        state = (state * UINT64_C(0x5DEECE66D) + 0xB) & mask;
        uint32_t bits = (uint32_t)(state >> 16);
        for (int byte = 0; byte < 4; byte++) password[word * 4 + byte] = (uint8_t)(bits >> (8 * byte));
    }
}

static void commit_receive(struct replica *replica, const struct server_message *message)
{
    struct txn *txn = message->txn;
    struct connection *c = message->connection == 0 ? NULL : connection_find(replica, message->connection);
    if (c != NULL && c->dropped) c = NULL;
    docent_replica_apply(replica, replica->now, txn);
    if (txn->type == TXN_NEW_SESSION) {
        if (c == NULL || c->state != CONNECTION_OPENING) return;
        uint8_t password[16];
        password_of(txn->session, password);
        opened(c, txn->session, txn->timeout_ms, password);
        connection_pump(c);
        return;
    }
    struct request *request = request_find(c, message->request);
    if (request != NULL) answer_commit(request, txn);
    if (txn->type == TXN_END_SESSION) session_ended(replica, txn->session, request != NULL ? c : NULL);
    if (request != NULL) {
        connection_run(c);
        connection_pump(c);
    }
}

void docent_replica_receive(struct replica *replica, uint64_t now, struct server_message *message)
{
    replica_now(replica, now);
    struct connection *c = message->connection == 0 ? NULL : connection_find(replica, message->connection);
    switch (message->type) {
    case DOWN_COMMIT: commit_receive(replica, message); break;
    case DOWN_OPENED: {
        static const uint8_t nothing[16];
        if (c == NULL || c->state != CONNECTION_OPENING) break;
        opened(c, message->good ? message->session : 0, message->good ? message->timeout_ms : 0,
               message->good ? message->password : nothing);
        connection_pump(c);
        break;
    }
    case DOWN_SYNCED: {
        struct request *request = request_find(c, message->request);
        if (request == NULL) break;
        struct wire_in in = docent_wire_in(request->body, request->size);
        struct wire_path_record path;
        bool good = docent_wire_get_path_record(&in, &path);
        size_t begin = answer_begin(&request->answer, request->xid, replica->tree->zxid, good ? 0 : DOCENT_ERR_MARSHALLING);
        if (good) docent_wire_put_path_record(&request->answer, &path);
        docent_wire_frame_end(&request->answer, begin);
        request->ready = true;
        connection_run(c);
        connection_pump(c);
        break;
    }
    case DOWN_DROP:
        if (c != NULL) connection_drop(c);
        break;
    case UP_REQUEST:
    case UP_SYNC:
    case UP_OPEN:
    case UP_TOUCH: break; /* Not for us. */
    }
    docent_message_free(message);
}

/* ---- Time, and what tests do to it. ---- */

/* Who connects and has no session by then, or does not read the answer to a word. */
static void drop_silent(struct replica *replica)
{
    replica->silent_at = UINT64_MAX;
    for (struct connection *c = replica->connections; c != NULL; c = c->next) {
        if (c->session != 0 || c->dropped || c->state == CONNECTION_OPENING) continue;
        uint64_t at = c->established + SILENCE_MAX_MS;
        if (at <= replica->now) {
            connection_drop(c);
        } else if (at < replica->silent_at) {
            replica->silent_at = at;
        }
    }
}

void docent_replica_tick(struct replica *replica, uint64_t now)
{
    replica_now(replica, now);
    if (now >= replica->silent_at && !replica->stalled) drop_silent(replica);
    for (struct connection *c = replica->connections; c != NULL && replica->delayed_count > 0; c = c->next) {
        connection_run(c);
        connection_pump(c);
    }
    if (now < replica->touch_at || replica->touched_count == 0) return;
    for (struct connection *c = replica->connections; c != NULL; c = c->next) {
        if (!c->touched) continue;
        connection_touch(c, false);
        if (c->state == CONNECTION_OPEN) up(replica, message_new(UP_TOUCH, c));
    }
}

uint64_t docent_replica_deadline(const struct replica *replica)
{
    uint64_t at = replica->touched_count > 0 ? replica->touch_at : UINT64_MAX;
    if (replica->silent_at < at && !replica->stalled) at = replica->silent_at;
    for (const struct connection *c = replica->connections; c != NULL && replica->delayed_count > 0; c = c->next) {
        if (c->first != NULL && c->first->ready && c->first->fate == FATE_DELAY && c->first->until < at) at = c->first->until;
    }
    return at;
}

void docent_replica_clear_faults(struct replica *replica)
{
    replica->fault_count = 0;
    for (struct connection *c = replica->connections; c != NULL; c = c->next) {
        for (struct request *request = c->first; request != NULL; request = request->next) {
            if (request->fate == FATE_HOLD) request->fate = FATE_NONE;
        }
        connection_run(c);
    }
}

size_t docent_replica_fault_count(const struct replica *replica)
{
    return replica->fault_count;
}

size_t docent_replica_held(const struct replica *replica)
{
    size_t held = 0;
    for (const struct connection *c = replica->connections; c != NULL; c = c->next) {
        for (const struct request *request = c->first; request != NULL; request = request->next) held += request->fate == FATE_HOLD;
    }
    return held;
}

void docent_replica_stall(struct replica *replica, bool stalled)
{
    replica->stalled = stalled;
    for (struct connection *c = replica->connections; c != NULL && !stalled; c = c->next) {
        if (c->lost) connection_drop(c); /* Answers come in order: it cannot go on with one missing. */
    }
}

void docent_replica_drop_all(struct replica *replica)
{
    for (struct connection *c = replica->connections; c != NULL; c = c->next) connection_drop(c);
}

/* ---- What words tell. ---- */

void docent_replica_set_about(struct replica *replica, void (*about)(void *user, struct server_about *ret_about), void *user)
{
    replica->about = about;
    replica->about_user = user;
}

void docent_replica_about(struct replica *replica, struct server_about *ret_about)
{
    memset(ret_about, 0, sizeof *ret_about);
    if (replica->about != NULL) replica->about(replica->about_user, ret_about);
}

struct server_stats *docent_replica_stats(struct replica *replica)
{
    return &replica->stats;
}

const struct server_config *docent_replica_config(const struct replica *replica)
{
    return &replica->config;
}

void docent_replica_each_watch(const struct replica *replica,
                               void (*tell)(void *user, int64_t session, const char *path, size_t size, bool children, bool standing, bool recursive),
                               void *user)
{
    const struct watch_set *set = &replica->watches;
    for (const struct connection *c = replica->connections; c != NULL; c = c->next) {
        for (const struct watch *watch = c->watches; watch != NULL; watch = watch->connection_next) {
            for (unsigned mode = MODE_ONE_SHOT; mode <= MODE_RECURSIVE; mode <<= 1) {
                bool standing = mode != MODE_ONE_SHOT, children = watch->table == TABLE_CHILD;
                if ((watch->modes & mode) == 0) continue;
                if (standing && children && docent_watch_set_has(set, c, watch->path, watch->size, TABLE_DATA, mode)) continue;
                tell(user, c->session, watch->path, watch->size, children, standing, mode == MODE_RECURSIVE);
            }
        }
    }
}

const struct watch_set *docent_replica_watches(const struct replica *replica)
{
    return &replica->watches;
}

const char *docent_replica_mode(const struct replica *replica)
{
    return replica->mode;
}

uint64_t docent_replica_now(const struct replica *replica)
{
    return replica->now;
}

size_t docent_replica_pending(const struct replica *replica)
{
    size_t pending = 0;
    for (const struct connection *c = replica->connections; c != NULL; c = c->next) pending += c->pending;
    return pending;
}

void docent_connection_view(const struct connection *c, struct connection_view *ret_view)
{
    unsigned interest = c->state == CONNECTION_ENDED ? 0 : unsent(c) > 0 ? 5 : 1;
    *ret_view = (struct connection_view){ c->peer, c->session, c->timeout_ms, c->established, c->pending, interest, c->stats };
}

void docent_connection_reset_stats(struct connection *c)
{
    docent_connection_stats_reset(&c->stats);
}
