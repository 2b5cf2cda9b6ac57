/* src/replica.c - a server as its clients see it. Its connections are in connection.c. A transaction is applied when its message
 * comes, its watchers are told, and then its own request is answered. */
#include "replica.h"

#include <string.h>

#include <docent/client.h>

#include "answers.h"
#include "must.h"
#include "sessions.h"
#include "watching.h"
#include "words.h"

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

void docent_replica_tell_time(struct replica *replica, uint64_t now)
{
    if (now > replica->now) replica->now = now;
    if (replica->stats.started == UINT64_MAX) replica->stats.started = replica->now;
}

void docent_replica_up(struct replica *replica, struct server_message *message)
{
    message->replica = replica->id;
    replica->send(replica->user, message);
}

/* ---- From the leader. ---- */

static void session_ended(struct replica *replica, int64_t session, const struct connection *asker)
{
    for (struct connection *c = replica->connections; c != NULL; c = c->next) {
        if (c->session == session && c != asker) docent_connection_drop(c);
    }
}

void docent_replica_apply(struct replica *replica, uint64_t now, struct txn *txn)
{
    docent_replica_tell_time(replica, now);
    for (size_t i = 0; i < txn->change_count; i++) docent_watching_apply(replica, &txn->changes[i], txn);
    replica->tree->zxid = txn->zxid;
}

static void commit_receive(struct replica *replica, const struct server_message *message)
{
    struct txn *txn = message->txn;
    struct connection *c = message->connection == 0 ? NULL : docent_connection_find(replica, message->connection);
    if (c != NULL && c->dropped) c = NULL;
    docent_replica_apply(replica, replica->now, txn);
    if (txn->type == TXN_NEW_SESSION) {
        if (c == NULL || c->state != CONNECTION_OPENING) return;
        uint8_t password[16];
        docent_session_password(txn->session, password);
        docent_connection_opened(c, txn->session, txn->timeout_ms, password);
        docent_connection_pump(c);
        return;
    }
    struct request *request = docent_request_find(c, message->request);
    if (request != NULL) docent_answer_commit(request, txn);
    if (txn->type == TXN_END_SESSION) session_ended(replica, txn->session, request != NULL ? c : NULL);
    if (request != NULL) {
        docent_requests_run(c);
        docent_connection_pump(c);
    }
}

void docent_replica_receive(struct replica *replica, uint64_t now, struct server_message *message)
{
    docent_replica_tell_time(replica, now);
    struct connection *c = message->connection == 0 ? NULL : docent_connection_find(replica, message->connection);
    switch (message->type) {
    case DOWN_COMMIT: commit_receive(replica, message); break;
    case DOWN_OPENED: {
        static const uint8_t nothing[16];
        if (c == NULL || c->state != CONNECTION_OPENING) break;
        docent_connection_opened(c, message->good ? message->session : 0, message->good ? message->timeout_ms : 0,
               message->good ? message->password : nothing);
        docent_connection_pump(c);
        break;
    }
    case DOWN_SYNCED: {
        struct request *request = docent_request_find(c, message->request);
        if (request == NULL) break;
        docent_answer_sync(request, replica->tree->zxid);
        docent_requests_run(c);
        docent_connection_pump(c);
        break;
    }
    case DOWN_DROP:
        if (c != NULL) docent_connection_drop(c);
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
            docent_connection_drop(c);
        } else if (at < replica->silent_at) {
            replica->silent_at = at;
        }
    }
}

void docent_replica_tick(struct replica *replica, uint64_t now)
{
    docent_replica_tell_time(replica, now);
    if (now >= replica->silent_at && !replica->stalled) drop_silent(replica);
    for (struct connection *c = replica->connections; c != NULL && replica->delayed_count > 0; c = c->next) {
        docent_requests_run(c);
        docent_connection_pump(c);
    }
    if (now < replica->touch_at || replica->touched_count == 0) return;
    for (struct connection *c = replica->connections; c != NULL; c = c->next) {
        if (!c->touched) continue;
        docent_connection_touch(c, false);
        if (c->state == CONNECTION_OPEN) docent_replica_up(replica, docent_connection_message(UP_TOUCH, c));
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

bool docent_replica_add_fault(struct replica *replica, const struct fault *fault)
{
    return docent_faults_add(&replica->faults, fault);
}

void docent_replica_clear_faults(struct replica *replica)
{
    replica->faults.count = 0;
    for (struct connection *c = replica->connections; c != NULL; c = c->next) {
        for (struct request *request = c->first; request != NULL; request = request->next) {
            if (request->fate == FATE_HOLD) request->fate = FATE_NONE;
        }
        docent_requests_run(c);
    }
}

size_t docent_replica_fault_count(const struct replica *replica)
{
    return replica->faults.count;
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
        if (c->lost) docent_connection_drop(c); /* Answers come in order: it cannot go on with one missing. */
    }
}

void docent_replica_drop_all(struct replica *replica)
{
    for (struct connection *c = replica->connections; c != NULL; c = c->next) docent_connection_drop(c);
}

void docent_replica_set_read_only(struct replica *replica, bool read_only)
{
    if (replica->read_only != read_only) docent_replica_drop_all(replica);
    replica->read_only = read_only;
}

/* ---- What it tells. ---- */

const char *docent_replica_mode(const struct replica *replica)
{
    return replica->read_only ? "read-only" : "standalone";
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
