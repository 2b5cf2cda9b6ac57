/* src/leader.c - the leader: sessions, and what requests become. Checks come in the order of Apache ZooKeeper 3.8's
 * PrepRequestProcessor; every attempt to write uses up a zxid, also one that fails. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <docent/client.h>

#include "core/wire/path.h"
#include "quota.h"
#include "server.h"

enum { REPLICAS_MAX = 16 };

struct session {
    struct session *chain;
    int64_t id;
    uint8_t password[16];
    int32_t timeout_ms;
    uint64_t expires; /* A multiple of the tick. */
    int replica;      /* That owns it. */
};

struct seat {
    bool taken;
    int replica;
    void (*send)(void *user, struct server_message *message);
    void *user;
};

struct leader {
    struct server_config config;
    struct tree *tree; /* At the end of the log. */
    struct txn **log;
    size_t log_size, log_room;
    int64_t zxid;
    int64_t next_session;
    struct session *sessions[1024];
    size_t session_count;
    uint64_t next_container_check, next_ttl_check;
    uint64_t next_expiry; /* No session expires earlier. Touches make it a lower bound. */
    struct seat seats[REPLICAS_MAX];
};

static void *must(void *block)
{
    if (block == NULL) abort();
    return block;
}

void docent_message_free(struct server_message *message)
{
    if (message == NULL) return;
    free(message->body);
    free(message->credentials);
    docent_txn_unref(message->txn);
    free(message);
}

void docent_server_config_fill(struct server_config *config)
{
    if (config->tick_ms == 0) config->tick_ms = 500;
    if (config->min_session_ms == 0) config->min_session_ms = 2 * config->tick_ms;
    if (config->max_session_ms == 0) config->max_session_ms = 20 * config->tick_ms;
    if (config->max_session_ms < config->min_session_ms) config->max_session_ms = config->min_session_ms;
    if (config->request_max == 0) config->request_max = WIRE_REQUEST_MAX;
    if (config->container_check_ms == 0) config->container_check_ms = 60000;
    if (config->ttl_check_ms == 0) config->ttl_check_ms = config->container_check_ms;
}

struct leader *docent_leader_new(const struct server_config *config, uint64_t now, int64_t wall)
{
    struct leader *leader = must(calloc(1, sizeof *leader));
    leader->config = *config;
    docent_server_config_fill(&leader->config);
    leader->tree = config->tree != NULL ? config->tree : docent_tree_new();
    leader->zxid = leader->tree->zxid = config->first_zxid;
    /* Server id 1, then a clock, then a counter: as a stand-alone server makes them. */
    leader->next_session = config->session_base != 0 ? (int64_t)config->session_base
                                                     : (int64_t)(UINT64_C(1) << 56 | ((uint64_t)wall & 0xffffffffff) << 16);
    leader->next_container_check = now + leader->config.container_check_ms;
    leader->next_ttl_check = now + leader->config.ttl_check_ms;
    leader->next_expiry = UINT64_MAX;
    return leader;
}

void docent_leader_free(struct leader *leader)
{
    for (size_t i = 0; i < leader->log_size; i++) docent_txn_unref(leader->log[i]);
    free(leader->log);
    for (size_t i = 0; i < 1024; i++) {
        while (leader->sessions[i] != NULL) {
            struct session *session = leader->sessions[i];
            leader->sessions[i] = session->chain;
            free(session);
        }
    }
    if (leader->config.tree == NULL) docent_tree_free(leader->tree);
    free(leader);
}

void docent_leader_join(struct leader *leader, int replica, void (*send)(void *user, struct server_message *message), void *user)
{
    for (int i = 0; i < REPLICAS_MAX; i++) {
        if (leader->seats[i].taken) continue;
        leader->seats[i] = (struct seat){ true, replica, send, user };
        return;
    }
    abort();
}

void docent_leader_leave(struct leader *leader, int replica)
{
    for (int i = 0; i < REPLICAS_MAX; i++) {
        if (leader->seats[i].taken && leader->seats[i].replica == replica) leader->seats[i].taken = false;
    }
}

size_t docent_leader_log_size(const struct leader *leader)
{
    return leader->log_size;
}

struct txn *docent_leader_log_at(const struct leader *leader, size_t index)
{
    return leader->log[index];
}

const struct tree *docent_leader_tree(const struct leader *leader)
{
    return leader->tree;
}

int64_t docent_leader_zxid(const struct leader *leader)
{
    return leader->zxid;
}

void docent_leader_preset(struct leader *leader, int64_t zxid)
{
    if (zxid > leader->zxid) leader->zxid = zxid;
}

/* ---- Sessions. ---- */

static struct session **session_find(const struct leader *leader, int64_t id)
{
    struct session **at = (struct session **)(uintptr_t)&leader->sessions[(uint64_t)id & 1023];
    while (*at != NULL && (*at)->id != id) at = &(*at)->chain;
    return at;
}

bool docent_leader_session_alive(const struct leader *leader, int64_t id)
{
    return *session_find(leader, id) != NULL;
}

size_t docent_leader_sessions(const struct leader *leader, int64_t *ids, size_t max)
{
    size_t count = 0;
    for (size_t i = 0; i < 1024; i++) {
        for (const struct session *s = leader->sessions[i]; s != NULL; s = s->chain, count++) {
            if (count < max) ids[count] = s->id;
        }
    }
    return count;
}

uint64_t docent_leader_session_expires(const struct leader *leader, int64_t id)
{
    const struct session *session = *session_find(leader, id);
    return session == NULL ? 0 : session->expires;
}

/* The smallest multiple of the tick that is greater than now + timeout: all of a tick expire together. */
static void session_touch(struct leader *leader, struct session *session, uint64_t now)
{
    uint64_t tick = leader->config.tick_ms;
    uint64_t expires = ((now + (uint64_t)session->timeout_ms) / tick + 1) * tick;
    if (expires > session->expires) session->expires = expires;
    if (session->expires < leader->next_expiry) leader->next_expiry = session->expires;
}

/* A checksum of the id, no secret: ZooKeeper draws it from java.util.Random seeded with the id. */
static void session_password(int64_t id, uint8_t password[16])
{
    const uint64_t mask = (UINT64_C(1) << 48) - 1;
    uint64_t state = (((uint64_t)id ^ UINT64_C(0xB3415C00)) ^ UINT64_C(0x5DEECE66D)) & mask;
    for (int word = 0; word < 4; word++) {
        state = (state * UINT64_C(0x5DEECE66D) + 0xB) & mask;
        uint32_t bits = (uint32_t)(state >> 16);
        for (int byte = 0; byte < 4; byte++) password[word * 4 + byte] = (uint8_t)(bits >> (8 * byte));
    }
}

static int32_t timeout_clamp(const struct leader *leader, int32_t wished)
{
    int64_t timeout = wished;
    if (timeout < leader->config.min_session_ms) timeout = leader->config.min_session_ms;
    if (timeout > leader->config.max_session_ms) timeout = leader->config.max_session_ms;
    return (int32_t)timeout;
}

/* ---- Committing. ---- */

static void down(struct leader *leader, int replica, struct server_message *message)
{
    for (int i = 0; i < REPLICAS_MAX; i++) {
        if (leader->seats[i].taken && leader->seats[i].replica == replica) {
            leader->seats[i].send(leader->seats[i].user, message);
            return;
        }
    }
    docent_message_free(message);
}

static void log_append(struct leader *leader, struct txn *txn)
{
    if (leader->log_size == leader->log_room) {
        leader->log_room = leader->log_room == 0 ? 64 : leader->log_room * 2;
        leader->log = must(realloc(leader->log, leader->log_room * sizeof *leader->log));
    }
    leader->log[leader->log_size++] = txn;
    docent_txn_ref(txn);
}

/* Appends, applies, and tells every replica; the origin's message is the answer too. Takes @txn. */
static void commit(struct leader *leader, struct txn *txn, const struct server_message *origin)
{
    if (!leader->config.no_log) log_append(leader, txn);
    if (leader->config.tree == NULL) {
        for (size_t i = 0; i < txn->change_count; i++) {
            docent_quota_change(leader->tree, &txn->changes[i], txn->zxid, txn->time_ms, NULL);
        }
        leader->tree->zxid = txn->zxid;
    }
    for (int i = 0; i < REPLICAS_MAX; i++) {
        if (!leader->seats[i].taken) continue;
        struct server_message *message = must(calloc(1, sizeof *message));
        message->type = DOWN_COMMIT;
        message->replica = leader->seats[i].replica;
        message->txn = txn;
        docent_txn_ref(txn);
        if (origin != NULL && origin->replica == message->replica) {
            message->connection = origin->connection;
            message->request = origin->request;
            message->op = origin->op;
        }
        leader->seats[i].send(leader->seats[i].user, message);
    }
    docent_txn_unref(txn);
}

static struct txn *txn_begin(struct leader *leader, enum txn_type type, int64_t session, int64_t wall)
{
    struct txn *txn = docent_txn_new(type);
    txn->zxid = ++leader->zxid;
    txn->time_ms = wall;
    txn->session = session;
    return txn;
}

static void session_remove(struct leader *leader, int64_t id)
{
    struct session **at = session_find(leader, id);
    if (*at == NULL) return;
    struct session *session = *at;
    *at = session->chain;
    free(session);
    leader->session_count--;
}

/* Ends a session: its ephemerals go with one zxid. */
static void session_end(struct leader *leader, int64_t id, int64_t wall, const struct server_message *origin)
{
    struct txn *txn = txn_begin(leader, TXN_END_SESSION, id, wall);
    for (const struct node *node = docent_tree_owned(leader->tree, id); node != NULL; node = node->owned_next) {
        docent_txn_add(txn, WIRE_OP_DELETE, node->path);
    }
    session_remove(leader, id);
    commit(leader, txn, origin);
}

bool docent_leader_expire(struct leader *leader, int64_t id, uint64_t now, int64_t wall)
{
    (void)now;
    if (!docent_leader_session_alive(leader, id)) return false;
    session_end(leader, id, wall, NULL);
    return true;
}

/* ---- Checking requests. ---- */

/* One request in the making. */
struct making {
    struct leader *leader;
    const struct server_message *message;
    struct txn *txn;
    int64_t wall;
};

static bool text_is(wire_bytes text, const char *expected)
{
    size_t size = strlen(expected);
    return text.size == (int32_t)size && memcmp(text.data, expected, size) == 0;
}

static bool same_text(wire_bytes a, wire_bytes b)
{
    return a.size == b.size && (a.size <= 0 || memcmp(a.data, b.data, (size_t)a.size) == 0);
}

/* "10.0.0.0/8" against a dotted quad. */
static bool parse_ip(const char *text, size_t size, uint32_t *ret_ip, unsigned *ret_bits)
{
    uint32_t ip = 0;
    size_t at = 0;
    for (int part = 0; part < 4; part++) {
        uint32_t value = 0;
        size_t begin = at;
        while (at < size && text[at] >= '0' && text[at] <= '9' && value <= 255) value = value * 10 + (uint32_t)(text[at++] - '0');
        if (at == begin || value > 255) return false;
        ip = ip << 8 | value;
        if (part < 3 && (at >= size || text[at++] != '.')) return false;
    }
    unsigned bits = 32;
    if (at < size) {
        if (text[at++] != '/' || at == size) return false;
        bits = 0;
        while (at < size && text[at] >= '0' && text[at] <= '9' && bits <= 32) bits = bits * 10 + (unsigned)(text[at++] - '0');
        if (at != size || bits > 32) return false;
    }
    *ret_ip = ip;
    *ret_bits = bits;
    return true;
}

static bool ip_matches(wire_bytes acl, wire_bytes credential)
{
    uint32_t want, have;
    unsigned bits, all;
    if (!parse_ip((const char *)acl.data, (size_t)acl.size, &want, &bits)) return false;
    if (!parse_ip((const char *)credential.data, (size_t)credential.size, &have, &all)) return false;
    uint32_t mask = bits == 0 ? 0 : UINT32_MAX << (32 - bits);
    return (want & mask) == (have & mask);
}

static bool acl_id_is_good(wire_bytes scheme, wire_bytes id)
{
    if (text_is(scheme, "world")) return text_is(id, "anyone");
    if (text_is(scheme, "digest")) {
        size_t colons = 0;
        for (int32_t i = 0; i < id.size; i++) colons += id.data[i] == ':';
        return colons == 1 && id.data[id.size - 1] != ':';
    }
    if (text_is(scheme, "ip")) {
        uint32_t ip;
        unsigned bits;
        return id.size > 0 && parse_ip((const char *)id.data, (size_t)id.size, &ip, &bits);
    }
    return false;
}

bool docent_acl_allows(const uint8_t *acl, size_t acl_size, int32_t acl_count, int32_t perms, const uint8_t *credentials,
                       size_t credentials_size)
{
    if (acl_count == 0) return true;
    struct wire_in creds = docent_wire_in(credentials, credentials_size);
    struct wire_client_info held;
    while (creds.size > 0 && docent_wire_get_client_info(&creds, &held)) {
        if (text_is(held.scheme, "super")) return true;
    }
    struct wire_in entries = docent_wire_in(acl, acl_size);
    struct wire_acl entry;
    while (entries.size > 0 && docent_wire_get_acl(&entries, &entry)) {
        if ((entry.perms & perms) == 0) continue;
        if (text_is(entry.scheme, "world")) return true;
        creds = docent_wire_in(credentials, credentials_size);
        while (creds.size > 0 && docent_wire_get_client_info(&creds, &held)) {
            if (!same_text(entry.scheme, held.scheme)) continue;
            if (text_is(entry.scheme, "ip") ? ip_matches(entry.id, held.user) : same_text(entry.id, held.user)) return true;
        }
    }
    return false;
}

static bool allowed(const struct making *m, const struct node *node, int32_t perms)
{
    return docent_acl_allows(node->acl, node->acl_size, node->acl_count, perms, m->message->credentials, m->message->credentials_size);
}

/* The list as it is stored: checked, expanded, without duplicates. */
static int32_t acl_fix(const struct making *m, wire_list list, struct wire_out *out, int32_t *ret_count)
{
    *ret_count = 0;
    if (list.count <= 0) return DOCENT_ERR_INVALID_ACL;
    struct wire_acl entry;
    while (docent_wire_list_next_acl(&list, &entry)) {
        if (entry.id.size < 0) return DOCENT_ERR_MARSHALLING;
        if (entry.scheme.size < 0) return DOCENT_ERR_INVALID_ACL;
        struct wire_out expanded = { 0 };
        if (text_is(entry.scheme, "auth")) {
            struct wire_in creds = docent_wire_in(m->message->credentials, m->message->credentials_size);
            struct wire_client_info held;
            while (creds.size > 0 && docent_wire_get_client_info(&creds, &held)) {
                if (!text_is(held.scheme, "digest") && !text_is(held.scheme, "x509") && !text_is(held.scheme, "sasl")) continue;
                struct wire_acl own = { entry.perms, held.scheme, held.user };
                docent_wire_put_acl(&expanded, &own);
            }
        } else if (acl_id_is_good(entry.scheme, entry.id)) {
            docent_wire_put_acl(&expanded, &entry);
        }
        if (expanded.size == 0) {
            docent_wire_out_free(&expanded);
            return DOCENT_ERR_INVALID_ACL;
        }
        struct wire_in in = docent_wire_in(expanded.data, expanded.size);
        while (in.size > 0 && docent_wire_get_acl(&in, &entry)) {
            struct wire_in before = docent_wire_in(out->data, out->size);
            struct wire_acl old;
            bool known = false;
            while (before.size > 0 && docent_wire_get_acl(&before, &old)) {
                known |= old.perms == entry.perms && same_text(old.scheme, entry.scheme) && same_text(old.id, entry.id);
            }
            if (known) continue;
            docent_wire_put_acl(out, &entry);
            (*ret_count)++;
        }
        docent_wire_out_free(&expanded);
    }
    return DOCENT_OK;
}

static bool has_nul(wire_bytes path)
{
    return path.size > 0 && memchr(path.data, 0, (size_t)path.size) != NULL;
}

static char *path_text(wire_bytes path)
{
    size_t size = path.size < 0 ? 0 : (size_t)path.size;
    char *text = must(malloc(size + 1));
    if (size > 0) memcpy(text, path.data, size);
    text[size] = '\0';
    return text;
}

static struct node *find(const struct making *m, const char *path)
{
    return docent_tree_find(m->leader->tree, path, strlen(path));
}

static struct node *find_parent(const struct making *m, const char *path)
{
    const char *slash = strrchr(path, '/');
    size_t size = (size_t)(slash - path);
    return docent_tree_find(m->leader->tree, path, size == 0 ? 1 : size);
}

static int32_t check_version(int32_t expected, int32_t version)
{
    return expected == -1 || expected == version ? DOCENT_OK : DOCENT_ERR_BAD_VERSION;
}

/* Each of these checks one operation, and adds its change to the transaction. */

static int32_t make_create(struct making *m, int32_t op, struct wire_in *in)
{
    struct wire_create_request request;
    int64_t ttl = -1;
    if (!docent_wire_get_create_request(in, &request)) return DOCENT_ERR_MARSHALLING;
    if (op == WIRE_OP_CREATE_TTL) {
        struct wire_in rest = *in;
        if (rest.size < 8) return DOCENT_ERR_MARSHALLING;
        uint64_t big;
        memcpy(&big, rest.data, 8);
        ttl = (int64_t)__builtin_bswap64(big);
    }
    int32_t flags = request.flags;
    bool ttl_mode = flags == DOCENT_PERSISTENT_TTL || flags == DOCENT_PERSISTENT_SEQUENTIAL_TTL;
    const struct speak *speak = docent_speak(m->leader->config.speak);
    if (flags < 0 || flags > speak->create_flags_max) {
        return m->txn->multi && speak->multi_flags_whole ? DOCENT_ERR_MARSHALLING : DOCENT_ERR_BAD_ARGUMENTS;
    }
    if (ttl_mode && m->txn->multi && (op == WIRE_OP_CREATE || op == WIRE_OP_CREATE2)) return DOCENT_ERR_MARSHALLING;
    if (ttl_mode && !m->leader->config.ttl_nodes) return DOCENT_ERR_UNIMPLEMENTED;
    if (ttl_mode != (op == WIRE_OP_CREATE_TTL)) return DOCENT_ERR_BAD_ARGUMENTS;
    if (ttl_mode && (ttl < 1 || ttl > DOCENT_TTL_MAX_MS)) return DOCENT_ERR_BAD_ARGUMENTS;
    bool sequential = flags == DOCENT_PERSISTENT_SEQUENTIAL || flags == DOCENT_EPHEMERAL_SEQUENTIAL ||
                      flags == DOCENT_PERSISTENT_SEQUENTIAL_TTL;
    bool ephemeral = flags == DOCENT_EPHEMERAL || flags == DOCENT_EPHEMERAL_SEQUENTIAL;
    if (request.path.size < 0) return DOCENT_ERR_MARSHALLING;
    if (has_nul(request.path) || memchr(request.path.data, '/', (size_t)request.path.size) == NULL) return DOCENT_ERR_BAD_ARGUMENTS;

    struct wire_out acl = { 0 };
    int32_t acl_count;
    int32_t err = acl_fix(m, request.acl, &acl, &acl_count);
    char *path = path_text(request.path);
    struct node *parent = NULL;
    if (err == DOCENT_OK) {
        parent = path[0] == '/' || strrchr(path, '/') != path ? find_parent(m, path) : NULL;
        if (parent == NULL) err = DOCENT_ERR_NO_NODE;
    }
    if (err == DOCENT_OK && !allowed(m, parent, DOCENT_PERM_CREATE)) err = DOCENT_ERR_NO_AUTH;
    if (err == DOCENT_OK && sequential) {
        size_t size = strlen(path);
        path = must(realloc(path, size + 16));
        snprintf(path + size, 16, "%010d", parent->created);
    }
    if (err == DOCENT_OK && docent_path_fault(path, false) != NULL) err = DOCENT_ERR_BAD_ARGUMENTS;
    if (err == DOCENT_OK && find(m, path) != NULL) err = DOCENT_ERR_NODE_EXISTS;
    if (err == DOCENT_OK && parent->stat.ephemeral_owner != 0) err = DOCENT_ERR_NO_CHILDREN_FOR_EPHEMERALS;
    if (err == DOCENT_OK) {
        struct change *change = docent_txn_add(m->txn, WIRE_OP_CREATE, path);
        /* In a multi containers and TTLs are answered as create2, and create2 itself is not before 3.8.2. */
        bool container = flags == DOCENT_CONTAINER;
        bool with_stat = container || op == WIRE_OP_CREATE_TTL || op == WIRE_OP_CREATE_CONTAINER ||
                         (op == WIRE_OP_CREATE2 && speak->create2_in_multi);
        change->answer_op = with_stat ? WIRE_OP_CREATE2 : WIRE_OP_CREATE;
        change->size = request.data.size;
        if (request.data.size >= 0) {
            change->data = must(malloc((size_t)request.data.size + 1));
            memcpy(change->data, request.data.data, (size_t)request.data.size);
        }
        change->acl = acl.data;
        change->acl_size = acl.size;
        change->acl_count = acl_count;
        acl = (struct wire_out){ 0 };
        change->owner = ephemeral ? m->message->session : 0;
        change->container = op == WIRE_OP_CREATE_CONTAINER || (container && m->txn->multi);
        change->ttl_ms = ttl_mode ? ttl : 0;
    }
    docent_wire_out_free(&acl);
    free(path);
    return err;
}

static int32_t make_delete(struct making *m, struct wire_in *in)
{
    struct wire_versioned_request request;
    if (!docent_wire_get_versioned_request(in, &request) || request.path.size < 0) return DOCENT_ERR_MARSHALLING;
    if (has_nul(request.path) || request.path.size == 0 || memchr(request.path.data, '/', (size_t)request.path.size) == NULL ||
        text_is(request.path, "/") || text_is(request.path, "/zookeeper") || text_is(request.path, "/zookeeper/quota") ||
        text_is(request.path, "/zookeeper/config")) {
        return DOCENT_ERR_BAD_ARGUMENTS;
    }
    char *path = path_text(request.path);
    struct node *parent = find_parent(m, path);
    const struct node *node = find(m, path);
    int32_t err = DOCENT_OK;
    if (parent == NULL) {
        err = DOCENT_ERR_NO_NODE;
    } else if (!allowed(m, parent, DOCENT_PERM_DELETE)) {
        err = DOCENT_ERR_NO_AUTH;
    } else if (node == NULL) {
        err = DOCENT_ERR_NO_NODE;
    } else {
        err = check_version(request.version, node->stat.version);
        if (err == DOCENT_OK && node->first_child != NULL) err = DOCENT_ERR_NOT_EMPTY;
    }
    if (err == DOCENT_OK) docent_txn_add(m->txn, WIRE_OP_DELETE, path);
    free(path);
    return err;
}

static int32_t make_set(struct making *m, struct wire_in *in)
{
    struct wire_set_data_request request;
    if (!docent_wire_get_set_data_request(in, &request)) return DOCENT_ERR_MARSHALLING;
    char *path = path_text(request.path);
    int32_t err = has_nul(request.path) || docent_path_fault(path, false) != NULL ? DOCENT_ERR_BAD_ARGUMENTS : DOCENT_OK;
    const struct node *node = err == DOCENT_OK ? find(m, path) : NULL;
    if (err == DOCENT_OK && node == NULL) err = DOCENT_ERR_NO_NODE;
    if (err == DOCENT_OK && !allowed(m, node, DOCENT_PERM_WRITE)) err = DOCENT_ERR_NO_AUTH;
    if (err == DOCENT_OK) err = check_version(request.version, node->stat.version);
    if (err == DOCENT_OK) {
        struct change *change = docent_txn_add(m->txn, WIRE_OP_SET_DATA, path);
        change->size = request.data.size;
        if (request.data.size >= 0) {
            change->data = must(malloc((size_t)request.data.size + 1));
            memcpy(change->data, request.data.data, (size_t)request.data.size);
        }
    }
    free(path);
    return err;
}

static int32_t make_set_acl(struct making *m, struct wire_in *in)
{
    struct wire_set_acl_request request;
    if (!docent_wire_get_set_acl_request(in, &request)) return DOCENT_ERR_MARSHALLING;
    char *path = path_text(request.path);
    struct wire_out acl = { 0 };
    int32_t acl_count = 0;
    int32_t err = has_nul(request.path) || docent_path_fault(path, false) != NULL ? DOCENT_ERR_BAD_ARGUMENTS : DOCENT_OK;
    if (err == DOCENT_OK) err = acl_fix(m, request.acl, &acl, &acl_count);
    const struct node *node = err == DOCENT_OK ? find(m, path) : NULL;
    if (err == DOCENT_OK && node == NULL) err = DOCENT_ERR_NO_NODE;
    if (err == DOCENT_OK && !allowed(m, node, DOCENT_PERM_ADMIN)) err = DOCENT_ERR_NO_AUTH;
    if (err == DOCENT_OK) err = check_version(request.version, node->stat.aversion);
    if (err == DOCENT_OK) {
        struct change *change = docent_txn_add(m->txn, WIRE_OP_SET_ACL, path);
        change->acl = acl.data;
        change->acl_size = acl.size;
        change->acl_count = acl_count;
        acl = (struct wire_out){ 0 };
    }
    docent_wire_out_free(&acl);
    free(path);
    return err;
}

static int32_t make_check(struct making *m, struct wire_in *in)
{
    struct wire_versioned_request request;
    if (!docent_wire_get_versioned_request(in, &request)) return DOCENT_ERR_MARSHALLING;
    char *path = path_text(request.path);
    int32_t err = has_nul(request.path) || docent_path_fault(path, false) != NULL ? DOCENT_ERR_BAD_ARGUMENTS : DOCENT_OK;
    const struct node *node = err == DOCENT_OK ? find(m, path) : NULL;
    if (err == DOCENT_OK && node == NULL) err = DOCENT_ERR_NO_NODE;
    if (err == DOCENT_OK && !allowed(m, node, DOCENT_PERM_READ)) err = DOCENT_ERR_NO_AUTH;
    if (err == DOCENT_OK) err = check_version(request.version, node->stat.version);
    if (err == DOCENT_OK) docent_txn_add(m->txn, WIRE_OP_CHECK, path);
    free(path);
    return err;
}

static int32_t make_one(struct making *m, int32_t op, struct wire_in *in)
{
    switch (op) {
    case WIRE_OP_CREATE:
    case WIRE_OP_CREATE2:
    case WIRE_OP_CREATE_CONTAINER:
    case WIRE_OP_CREATE_TTL: return make_create(m, op, in);
    case WIRE_OP_DELETE: return make_delete(m, in);
    case WIRE_OP_SET_DATA: return make_set(m, in);
    case WIRE_OP_SET_ACL: return make_set_acl(m, in);
    case WIRE_OP_CHECK: return make_check(m, in);
    case WIRE_OP_DELETE_CONTAINER: return DOCENT_ERR_BAD_ARGUMENTS; /* Between servers only, as is what is left. */
    default: return DOCENT_ERR_MARSHALLING;
    }
}

/* Past one operation of a multi, whatever it says. False: it cannot be decoded, or has no path. */
static bool multi_skip(int32_t op, struct wire_in *in)
{
    struct wire_create_request create;
    struct wire_create_ttl_request ttl;
    struct wire_versioned_request versioned;
    struct wire_set_data_request set;
    switch (op) {
    case WIRE_OP_CREATE:
    case WIRE_OP_CREATE2:
    case WIRE_OP_CREATE_CONTAINER: return docent_wire_get_create_request(in, &create) && create.path.size >= 0;
    case WIRE_OP_CREATE_TTL: return docent_wire_get_create_ttl_request(in, &ttl) && ttl.path.size >= 0;
    case WIRE_OP_DELETE:
    case WIRE_OP_CHECK: return docent_wire_get_versioned_request(in, &versioned) && versioned.path.size >= 0;
    case WIRE_OP_SET_DATA: return docent_wire_get_set_data_request(in, &set) && set.path.size >= 0;
    default: return false;
    }
}

static int32_t make_multi(struct making *m)
{
    struct wire_in in = docent_wire_in(m->message->body, m->message->size);
    struct wire_multi_header header;
    size_t parts = 0;
    for (struct wire_in look = in;;) { /* Refused as a whole if any of it cannot be decoded. */
        if (!docent_wire_get_multi_header(&look, &header)) return DOCENT_ERR_MARSHALLING;
        if (header.done) break;
        bool known = docent_speak_knows(docent_speak(m->leader->config.speak), header.op);
        if (!known || !multi_skip(header.op, &look)) return DOCENT_ERR_MARSHALLING;
        parts++;
    }
    struct undo *undos = must(calloc(parts + 1, sizeof *undos));
    int32_t err = DOCENT_OK;
    size_t done = 0;
    m->txn->multi = true;
    m->txn->part_count = parts;
    m->txn->changes = must(realloc(m->txn->changes, (parts + 1) * sizeof *m->txn->changes)); /* Stay where they are. */
    while (done < parts && err == DOCENT_OK) {
        docent_wire_get_multi_header(&in, &header);
        struct wire_in part = in;
        err = make_one(m, header.op, &part);
        multi_skip(header.op, &in);
        if (err != DOCENT_OK) {
            if (err != DOCENT_ERR_MARSHALLING) m->txn->failed_at = (int32_t)done; /* Else it is refused as a whole, too. */
            break;
        }
        done++;
        docent_tree_change(m->leader->tree, &m->txn->changes[done - 1], m->txn->zxid, m->wall, &undos[done - 1]);
    }
    while (done > 0) { /* It was a trial: what is committed is applied, by whoever has a tree. */
        done--;
        undos[done].change = &m->txn->changes[done];
        docent_tree_undo(m->leader->tree, &undos[done]);
    }
    free(undos);
    return err;
}

static void request_receive(struct leader *leader, int64_t wall, const struct server_message *message)
{
    struct session *session = *session_find(leader, message->session);
    if (session == NULL || session->replica != message->replica) { /* Over, or moved: the connection is dropped. */
        struct server_message *drop = must(calloc(1, sizeof *drop));
        drop->type = DOWN_DROP;
        drop->replica = message->replica;
        drop->connection = message->connection;
        down(leader, message->replica, drop);
        return;
    }
    if (message->op == WIRE_OP_CLOSE_SESSION) {
        session_end(leader, message->session, wall, message);
        return;
    }
    struct txn *txn = txn_begin(leader, TXN_CHANGES, message->session, wall);
    struct making m = { leader, message, txn, wall };
    int32_t err;
    if (message->op == WIRE_OP_MULTI) {
        err = make_multi(&m);
    } else if (message->op == WIRE_OP_RECONFIG) {
        err = DOCENT_ERR_RECONFIG_DISABLED;
    } else {
        struct wire_in in = docent_wire_in(message->body, message->size);
        err = make_one(&m, message->op, &in);
    }
    if (err != DOCENT_OK) {
        struct txn *failed = docent_txn_new(TXN_ERROR);
        failed->zxid = txn->zxid;
        failed->time_ms = wall;
        failed->session = message->session;
        failed->err = err;
        failed->multi = txn->multi && txn->failed_at >= 0;
        failed->failed_at = txn->failed_at;
        failed->part_count = txn->part_count;
        docent_txn_unref(txn);
        txn = failed;
    }
    commit(leader, txn, message);
}

static struct session *session_add(struct leader *leader, uint64_t now, int64_t id, int32_t timeout_ms)
{
    struct session *session = must(calloc(1, sizeof *session));
    session->id = id;
    session->timeout_ms = timeout_ms;
    session_password(id, session->password);
    session_touch(leader, session, now);
    *session_find(leader, id) = session;
    leader->session_count++;
    return session;
}

static void open_receive(struct leader *leader, uint64_t now, int64_t wall, const struct server_message *message)
{
    int32_t timeout = timeout_clamp(leader, message->timeout_ms);
    if (message->session == 0) {
        struct session *session = session_add(leader, now, leader->next_session++, timeout);
        session->replica = message->replica;
        struct txn *txn = txn_begin(leader, TXN_NEW_SESSION, session->id, wall);
        txn->timeout_ms = timeout;
        commit(leader, txn, message);
        return;
    }
    struct session *session = *session_find(leader, message->session);
    struct server_message *opened = must(calloc(1, sizeof *opened));
    opened->type = DOWN_OPENED;
    opened->replica = message->replica;
    opened->connection = message->connection;
    opened->session = message->session;
    opened->timeout_ms = timeout;
    opened->good = session != NULL && memcmp(session->password, message->password, 16) == 0;
    if (opened->good) {
        session->timeout_ms = timeout;
        session->replica = message->replica; /* It has moved here. */
        session->expires = 0;
        session_touch(leader, session, now);
        memcpy(opened->password, session->password, 16);
    }
    down(leader, message->replica, opened);
}

void docent_leader_receive(struct leader *leader, uint64_t now, int64_t wall, struct server_message *message)
{
    docent_leader_tick(leader, now, wall);
    switch (message->type) {
    case UP_REQUEST: request_receive(leader, wall, message); break;
    case UP_OPEN: open_receive(leader, now, wall, message); break;
    case UP_TOUCH: {
        struct session *session = *session_find(leader, message->session);
        /* From wherever it comes, and the only sign of life that counts: requests that a replica passes on are none, as in
         * Apache ZooKeeper; the replica tells of them within half a tick. */
        if (session != NULL) session_touch(leader, session, now);
        break;
    }
    case UP_SYNC: {
        struct server_message *synced = must(calloc(1, sizeof *synced));
        synced->type = DOWN_SYNCED;
        synced->replica = message->replica;
        synced->connection = message->connection;
        synced->request = message->request;
        down(leader, message->replica, synced);
        break;
    }
    case DOWN_COMMIT:
    case DOWN_SYNCED:
    case DOWN_OPENED:
    case DOWN_DROP: break; /* Not for us. */
    }
    docent_message_free(message);
}

/* ---- From before. ---- */

int64_t docent_leader_next_session(const struct leader *leader)
{
    return leader->next_session;
}

void docent_leader_each_session(const struct leader *leader, void (*tell)(void *user, int64_t id, int32_t timeout_ms), void *user)
{
    for (size_t i = 0; i < 1024; i++) {
        for (const struct session *s = leader->sessions[i]; s != NULL; s = s->chain) tell(user, s->id, s->timeout_ms);
    }
}

struct tree *docent_leader_own_tree(struct leader *leader)
{
    return leader->tree;
}

void docent_leader_restore(struct leader *leader, int64_t zxid, int64_t next_session)
{
    leader->zxid = leader->tree->zxid = zxid;
    if (next_session > leader->next_session) leader->next_session = next_session; /* The clock may have been set back. */
}

void docent_leader_restore_session(struct leader *leader, uint64_t now, int64_t id, int32_t timeout_ms)
{
    if (id >= leader->next_session) leader->next_session = id + 1;
    if (docent_leader_session_alive(leader, id)) return;
    (void)session_add(leader, now, id, timeout_ms);
}

void docent_leader_touch_all(struct leader *leader, uint64_t now)
{
    for (size_t i = 0; i < 1024; i++) {
        for (struct session *s = leader->sessions[i]; s != NULL; s = s->chain) session_touch(leader, s, now);
    }
}

bool docent_leader_replay(struct leader *leader, uint64_t now, struct txn *txn)
{
    for (size_t i = 0; i < txn->change_count; i++) {
        if (!docent_tree_fits(leader->tree, &txn->changes[i])) return false;
        docent_quota_change(leader->tree, &txn->changes[i], txn->zxid, txn->time_ms, NULL);
    }
    if (txn->type == TXN_NEW_SESSION) docent_leader_restore_session(leader, now, txn->session, txn->timeout_ms);
    if (txn->type == TXN_END_SESSION) session_remove(leader, txn->session);
    docent_leader_restore(leader, txn->zxid, 0);
    return true;
}

/* ---- Time. ---- */

/* Who goes is settled first: a container that only this empties waits for the next check, as it does in Apache ZooKeeper. */
static void reap(struct leader *leader, int64_t wall, bool containers, bool ttls)
{
    struct node **empty = NULL;
    size_t count = 0;
    for (size_t i = 0; i < leader->tree->bucket_count; i++) {
        for (struct node *node = leader->tree->buckets[i]; node != NULL; node = node->chain) {
            bool unused = containers && node->container && node->created > 0;
            bool stale = ttls && node->ttl_ms > 0 && wall - node->stat.mtime_ms > node->ttl_ms;
            if (node->first_child != NULL || !(unused || stale)) continue;
            if ((count & (count - 1)) == 0) empty = must(realloc(empty, (count == 0 ? 1 : count * 2) * sizeof *empty));
            empty[count++] = node;
        }
    }
    for (size_t i = 0; i < count; i++) { /* None has children, so none is another's parent. */
        struct txn *txn = txn_begin(leader, TXN_CHANGES, 0, wall);
        docent_txn_add(txn, WIRE_OP_DELETE, empty[i]->path);
        commit(leader, txn, NULL);
    }
    free(empty);
}

void docent_leader_tick(struct leader *leader, uint64_t now, int64_t wall)
{
    if (now >= leader->next_expiry) {
        leader->next_expiry = UINT64_MAX;
        for (size_t i = 0; i < 1024; i++) {
            for (struct session *session = leader->sessions[i], *next; session != NULL; session = next) {
                next = session->chain;
                if (session->expires <= now) {
                    session_end(leader, session->id, wall, NULL);
                } else if (session->expires < leader->next_expiry) {
                    leader->next_expiry = session->expires;
                }
            }
        }
    }
    bool containers = now >= leader->next_container_check, ttls = now >= leader->next_ttl_check;
    if (containers) leader->next_container_check = now + leader->config.container_check_ms;
    if (ttls) leader->next_ttl_check = now + leader->config.ttl_check_ms;
    if (containers || ttls) reap(leader, wall, containers, ttls);
}

uint64_t docent_leader_deadline(const struct leader *leader)
{
    uint64_t check = leader->next_container_check < leader->next_ttl_check ? leader->next_container_check : leader->next_ttl_check;
    return check < leader->next_expiry ? check : leader->next_expiry;
}
