/* src/leader.c - the leader: it has requests prepared, commits what they become and tells the replicas; it ends sessions, and nodes
 * whose time is over. Every attempt to write uses up a zxid, also one that fails. */
#include <stdlib.h>
#include <string.h>

#include <docent/client.h>

#include "must.h"
#include "prepare.h"
#include "quota.h"
#include "sessions.h"

enum { REPLICAS_MAX = 16 };

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
    struct sessions sessions;
    uint64_t next_container_check, next_ttl_check;
    struct seat seats[REPLICAS_MAX];
};

void docent_message_free(struct server_message *message)
{
    if (message == NULL) return;
    free(message->body);
    free(message->credentials);
    docent_transaction_unref(message->txn);
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
    docent_sessions_init(&leader->sessions, leader->config.tick_ms);
    return leader;
}

void docent_leader_free(struct leader *leader)
{
    for (size_t i = 0; i < leader->log_size; i++) docent_transaction_unref(leader->log[i]);
    free(leader->log);
    docent_sessions_free(&leader->sessions);
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

bool docent_leader_session_alive(const struct leader *leader, int64_t id)
{
    return docent_sessions_find(&leader->sessions, id) != NULL;
}

size_t docent_leader_sessions(const struct leader *leader, int64_t *ids, size_t max)
{
    size_t count = 0;
    for (const struct session *s = NULL; (s = docent_sessions_after(&leader->sessions, s)) != NULL; count++) {
        if (count < max) ids[count] = s->id;
    }
    return count;
}

uint64_t docent_leader_session_expires(const struct leader *leader, int64_t id)
{
    const struct session *session = docent_sessions_find(&leader->sessions, id);
    return session == NULL ? 0 : session->expires;
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
    docent_transaction_ref(txn);
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
        docent_transaction_ref(txn);
        if (origin != NULL && origin->replica == message->replica) {
            message->connection = origin->connection;
            message->request = origin->request;
            message->op = origin->op;
        }
        leader->seats[i].send(leader->seats[i].user, message);
    }
    docent_transaction_unref(txn);
}

static struct txn *txn_begin(struct leader *leader, enum txn_type type, int64_t session, int64_t wall)
{
    struct txn *txn = docent_transaction_new(type);
    txn->zxid = ++leader->zxid;
    txn->time_ms = wall;
    txn->session = session;
    return txn;
}

/* Ends a session: its ephemerals go with one zxid. */
static void session_end(struct leader *leader, int64_t id, int64_t wall, const struct server_message *origin)
{
    struct txn *txn = txn_begin(leader, TXN_END_SESSION, id, wall);
    for (const struct node *node = docent_tree_owned(leader->tree, id); node != NULL; node = node->owned_next) {
        docent_transaction_add(txn, WIRE_OP_DELETE, node->path);
    }
    docent_sessions_remove(&leader->sessions, id);
    commit(leader, txn, origin);
}

void docent_leader_skip(struct leader *leader, int64_t zxid, int64_t wall)
{
    if (zxid <= leader->zxid) return;
    leader->zxid = zxid - 1;
    struct txn *txn = txn_begin(leader, TXN_ERROR, 0, wall);
    txn->err = DOCENT_ERR_BAD_ARGUMENTS;
    commit(leader, txn, NULL);
}

bool docent_leader_expire(struct leader *leader, int64_t id, uint64_t now, int64_t wall)
{
    (void)now;
    if (!docent_leader_session_alive(leader, id)) return false;
    session_end(leader, id, wall, NULL);
    return true;
}

/* ---- From the replicas. ---- */

static void request_receive(struct leader *leader, int64_t wall, const struct server_message *message)
{
    struct session *session = docent_sessions_find(&leader->sessions, message->session);
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
    int32_t err = docent_prepare(leader->tree, &leader->config, message, wall, txn);
    if (err != DOCENT_OK) {
        struct txn *failed = docent_transaction_new(TXN_ERROR);
        failed->zxid = txn->zxid;
        failed->time_ms = wall;
        failed->session = message->session;
        failed->err = err;
        failed->multi = txn->multi && txn->failed_at >= 0;
        failed->failed_at = txn->failed_at;
        failed->part_count = txn->part_count;
        docent_transaction_unref(txn);
        txn = failed;
    }
    commit(leader, txn, message);
}

static void open_receive(struct leader *leader, uint64_t now, int64_t wall, const struct server_message *message)
{
    int32_t timeout = timeout_clamp(leader, message->timeout_ms);
    if (message->session == 0) {
        struct session *session = docent_sessions_add(&leader->sessions, now, leader->next_session++, timeout);
        session->replica = message->replica;
        struct txn *txn = txn_begin(leader, TXN_NEW_SESSION, session->id, wall);
        txn->timeout_ms = timeout;
        commit(leader, txn, message);
        return;
    }
    struct session *session = docent_sessions_find(&leader->sessions, message->session);
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
        docent_sessions_touch(&leader->sessions, session, now);
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
        struct session *session = docent_sessions_find(&leader->sessions, message->session);
        /* From wherever it comes, and the only sign of life that counts: requests that a replica passes on are none, as in
         * Apache ZooKeeper; the replica tells of them within half a tick. */
        if (session != NULL) docent_sessions_touch(&leader->sessions, session, now);
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
    for (const struct session *s = NULL; (s = docent_sessions_after(&leader->sessions, s)) != NULL;) tell(user, s->id, s->timeout_ms);
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
    (void)docent_sessions_add(&leader->sessions, now, id, timeout_ms);
}

void docent_leader_touch_all(struct leader *leader, uint64_t now)
{
    for (struct session *s = NULL; (s = docent_sessions_after(&leader->sessions, s)) != NULL;) {
        docent_sessions_touch(&leader->sessions, s, now);
    }
}

bool docent_leader_replay(struct leader *leader, uint64_t now, struct txn *txn)
{
    for (size_t i = 0; i < txn->change_count; i++) {
        if (!docent_tree_fits(leader->tree, &txn->changes[i])) return false;
        docent_quota_change(leader->tree, &txn->changes[i], txn->zxid, txn->time_ms, NULL);
    }
    if (txn->type == TXN_NEW_SESSION) docent_leader_restore_session(leader, now, txn->session, txn->timeout_ms);
    if (txn->type == TXN_END_SESSION) docent_sessions_remove(&leader->sessions, txn->session);
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
        docent_transaction_add(txn, WIRE_OP_DELETE, empty[i]->path);
        commit(leader, txn, NULL);
    }
    free(empty);
}

static void expire(struct leader *leader, uint64_t now, int64_t wall)
{
    if (now < leader->sessions.next_expiry) return;
    leader->sessions.next_expiry = UINT64_MAX;
    for (struct session *session = docent_sessions_after(&leader->sessions, NULL), *next; session != NULL; session = next) {
        next = docent_sessions_after(&leader->sessions, session);
        if (session->expires <= now) {
            session_end(leader, session->id, wall, NULL);
        } else if (session->expires < leader->sessions.next_expiry) {
            leader->sessions.next_expiry = session->expires;
        }
    }
}

void docent_leader_tick(struct leader *leader, uint64_t now, int64_t wall)
{
    expire(leader, now, wall);
    bool containers = now >= leader->next_container_check, ttls = now >= leader->next_ttl_check;
    if (containers) leader->next_container_check = now + leader->config.container_check_ms;
    if (ttls) leader->next_ttl_check = now + leader->config.ttl_check_ms;
    if (containers || ttls) reap(leader, wall, containers, ttls);
}

uint64_t docent_leader_deadline(const struct leader *leader)
{
    uint64_t check = leader->next_container_check < leader->next_ttl_check ? leader->next_container_check : leader->next_ttl_check;
    return check < leader->sessions.next_expiry ? check : leader->sessions.next_expiry;
}
