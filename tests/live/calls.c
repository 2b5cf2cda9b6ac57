/* tests/live/calls.c - calls every function of the library in every state of a client, from everywhere, and prints what came back, one line
 * for each: function, state, place, answer. calls.py compares that with calls.table, whose head explains the answers.
 *
 *     calls poll|base|thread
 *
 * says by whom the client's loop is turned. A stage is a client in one state. Every call has things of its own to work on (a node, a lock, a
 * transaction and so on), which were made before the state was reached, and so does not notice the others. */
#include <event2/event.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <docent/devserver.h>
#include <docent/docent.h>

enum { PATIENCE_MS = 10000, BRIEF_MS = 10, ROOM = 64, ANSWER_MAX = 64 };

enum driver { BY_POLL, BY_BASE, BY_THREAD };
enum state { BEFORE, CONNECTED, READ_ONLY, SUSPENDED, LOST, CLOSING, CLOSED, STATES };
static const char *const state_names[STATES] = { "before", "connected", "read-only", "suspended", "lost", "closing", "closed" };
enum place { LOOP, CALLBACK, FOREIGN, FORKED, PLACES };
static const char *const place_names[PLACES] = { "loop", "callback", "foreign", "forked" };

enum { /* What a function is like. */
    SHARDS = 1 << 21, /* Works on a sharder of queues, which has a shard, if there can be one. */
    WORKS = 1 << 20, /* Works on a work queue, and an item of it that is out, if there can be one. */
    ANSWERS = 1, /* Tells its outcome to a callback. */
    LASTS = 2,   /* And may do so only when the client ends. */
    HOLDS = 4,   /* Works on a lock that is held, if there can be one. */
    CACHES = 8,  /* Works on a cache, and what is in it, which is loaded if it can be. */
    WATCHES = 16, /* Works on what is told of changes, again and again, and is armed if it can be. */
    BARRIERS = 64, /* Works on barriers. */
    CONFIGS = 32, /* Works on a configuration, and its values. */
    MUTEXES = 2048, /* Works on a mutex that is held, if there can be one. */
    QUEUES = 4096, /* Works on queues, and an item that is claimed, if there can be one. */
    LEASES = 8192, /* Works on a lease that is held, if there can be one. */
    LATCHES = 1 << 14,   /* Works on a leader latch that leads, if one can. */
    SELECTORS = 1 << 15, /* And on a leader selector in its term. */
    SEMAPHORES = 1024, /* Works on a semaphore, and a permit that is held, if there can be one. */
};

struct cell;
struct function {
    const char *name;
    void (*call)(struct cell *cell);
    unsigned like;
};

struct stage {
    enum driver driver;
    enum state state;
    enum place place;
    docent_devserver *server;
    docent_poll *poll;
    struct event_base *base;
    docent_stats *stats;
    docent_client *client;
    struct cell *cells;
    atomic_int state_told; /* The last. */
    atomic_int held;
    void (*calls)(struct stage *stage); /* Which are to be made. */
    atomic_bool set, over;
    atomic_int closed;
};

struct cell {
    const struct function *function;
    struct stage *stage;
    char path[64], below[80];
    docent_client *view;
    docent_txn *txn;
    docent_lock *lock;
    docent_barrier *barrier;
    docent_double_barrier *member;
    docent_rwlock *rwlock;
    docent_multi_lock *multi; /* Not held. */
    docent_countdown *countdown;
    docent_sync_queue *gatherers;
    docent_hold *hold;
    docent_mutex *mutex;
    docent_queue *queue;
    docent_claim_queue *claim_queue;
    docent_item *item, *item_taken;
    docent_semaphore *semaphore;
    docent_leader_latch *latch;
    docent_leader_latch_listener *latch_listener;
    docent_leader_selector *selector;
    docent_permit *permit, *permit_made;
    docent_work_queue *work;
    docent_queue_sharder *sharder;
    docent_work_item *work_item;
    docent_lease *lease;
    docent_watch *watch;
    docent_cache *cache;
    docent_config *config;
    const docent_config_values *values;
    docent_subscription *subscription;
    const docent_node *node;
    docent_snapshot *snapshot;
    docent_watcher *watcher;
    docent_data_watch *data_watch;
    docent_children_watch *children_watch;
    docent_topic_subscriber *subscriber;
    docent_state_listener *listener;
    docent_poll *poll;
    docent_result *result;
    char answer[ANSWER_MAX];
    bool accepted; /* A callback is owed. */
    bool calls;    /* The function has not returned yet. */
    bool inside;   /* And its callback came before it did. */
    atomic_int told;
    char outcome[ANSWER_MAX];
};

static void fail(const char *what)
{
    fprintf(stderr, "calls: %s\n", what);
    exit(1);
}

static void need(docent_status status, const char *what)
{
    if (status == DOCENT_OK) return;
    fprintf(stderr, "calls: %s: %s\n", what, docent_status_name(status));
    exit(1);
}

static void pause_ms(long ms)
{
    struct timespec time = { ms / 1000, ms % 1000 * 1000000 };
    nanosleep(&time, NULL);
}

static const char *short_name(docent_status status)
{
    const char *name = docent_status_name(status);
    return strncmp(name, "DOCENT_ERR_", 11) == 0 ? name + 11 : strcmp(name, "DOCENT_OK") == 0 ? "OK" : name;
}

/* ---- Answers. ---- */

static void answers(struct cell *c, const char *text)
{
    snprintf(c->answer, sizeof c->answer, "%s", text);
}

static void returns(struct cell *c, docent_status status)
{
    answers(c, short_name(status));
    c->accepted = status == DOCENT_OK;
}

static void tell(struct cell *c, const char *outcome)
{
    if (c->stage->place != FOREIGN && c->calls) c->inside = true;
    snprintf(c->outcome, sizeof c->outcome, "%s", outcome);
    c->told++;
}

static void on_result(const docent_result *result, void *user)
{
    tell(user, short_name(result->status));
}

static void on_done(docent_status status, void *user)
{
    tell(user, short_name(status));
}

static void on_call(void *user)
{
    tell(user, "called");
}

static void on_watch(const docent_watch_event *event, void *user)
{
    if (event->last) tell(user, short_name(event->status));
}

static void on_cache_closed(docent_status why, void *user)
{
    tell(user, short_name(why));
}

static const docent_cache_events cache_events = { DOCENT_CACHE_EVENTS, .closed = on_cache_closed };

static void on_state(const docent_state_event *event, void *user)
{
    if (event->state == DOCENT_CLOSED) tell(user, "CLOSED");
}

static docent_status on_transform(const docent_result *current, const void **ret_data, size_t *ret_size, void *user)
{
    (void)current;
    (void)user;
    *ret_data = "new";
    *ret_size = 3;
    return DOCENT_OK;
}

/* ---- The calls: how each is made. ---- */

#define CALL(name) static void call_##name(struct cell *c)
#define CLIENT c->stage->client
#define ONLY_WITH(thing) \
    if (c->thing == NULL) { \
        answers(c, "-"); \
        return; \
    }

/* acl.h: values. */
CALL(acl_world) { answers(c, docent_acl_world(DOCENT_PERM_READ).id); }
CALL(acl_auth) { answers(c, docent_acl_auth(DOCENT_PERM_READ).scheme); }
CALL(acl_digest) { answers(c, docent_acl_digest(DOCENT_PERM_READ, "a:b").scheme); }
CALL(acl_ip) { answers(c, docent_acl_ip(DOCENT_PERM_READ, "10.0.0.1").scheme); }
CALL(acl_x509) { answers(c, docent_acl_x509(DOCENT_PERM_READ, "CN=a").scheme); }
CALL(acl_open) { answers(c, docent_acl_open().count == 1 ? "yes" : "no"); }
CALL(acl_read_only) { answers(c, docent_acl_read_only().count == 1 ? "yes" : "no"); }
CALL(acl_creator_all) { answers(c, docent_acl_creator_all().count == 1 ? "yes" : "no"); }
CALL(acl_check) { returns(c, docent_acl_check(docent_acl_open(), NULL, 0)); }
CALL(acl_equal) { answers(c, docent_acl_equal(docent_acl_open(), docent_acl_open()) ? "yes" : "no"); }
CALL(acl_copy)
{
    docent_acl_list list = { NULL, 0 };
    returns(c, docent_acl_copy(docent_acl_open(), &list));
    docent_acl_free(list);
}
CALL(acl_free)
{
    docent_acl_list list = { NULL, 0 };
    need(docent_acl_copy(docent_acl_open(), &list), "copy");
    docent_acl_free(list);
    answers(c, "done");
}
CALL(acl_text)
{
    char text[64];
    returns(c, docent_acl_text(docent_acl_open(), text, sizeof text));
}
CALL(acl_parse)
{
    docent_acl_list list = { NULL, 0 };
    returns(c, docent_acl_parse("world:anyone:r", &list, NULL, 0));
    docent_acl_free(list);
}

/* client.h */
CALL(connect_string_check) { returns(c, docent_connect_string_check("a:1", NULL, 0)); }
CALL(digest_id)
{
    char text[64];
    returns(c, docent_digest_id("a:b", text, sizeof text));
}
CALL(client_new)
{
    docent_poll *loop = NULL;
    docent_client *client = NULL;
    need(docent_poll_new(&loop), "loop");
    docent_client_options options = { DOCENT_CLIENT_OPTIONS, .poll = loop };
    returns(c, docent_client_new("127.0.0.1:1", &options, &client));
    docent_client_close(client, NULL, NULL);
    while (docent_poll_free(loop) == DOCENT_ERR_BUSY) need(docent_poll_dispatch(loop), "dispatch");
}
CALL(client_set_servers) { returns(c, docent_client_set_servers(CLIENT, docent_devserver_connect_string(c->stage->server))); }
CALL(client_close)
{
    c->accepted = true;
    docent_client_close(CLIENT, on_call, c);
}
CALL(client_wait_connected)
{
    bool connects = c->stage->state == CONNECTED || c->stage->state == READ_ONLY;
    returns(c, docent_client_wait_connected(CLIENT, connects ? PATIENCE_MS : BRIEF_MS));
}
CALL(client_state)
{
    static const char *const names[] = { "DISCONNECTED", "CONNECTED", "READ_ONLY", "SUSPENDED", "LOST", "CLOSED" };
    answers(c, names[docent_client_state(CLIENT)]);
}
CALL(client_get_generation) { answers(c, docent_client_get_generation(CLIENT) > 0 ? "some" : "0"); }
CALL(client_lease_ms) { answers(c, docent_client_lease_ms(CLIENT) > 0 ? "some" : "0"); }
CALL(state_is_error) { answers(c, docent_state_is_error(DOCENT_ERROR_POLICY_LOST, DOCENT_LOST) ? "yes" : "no"); }
CALL(client_listen) { returns(c, docent_client_listen(CLIENT, on_state, c, &c->listener)); }
CALL(client_listen_with) { returns(c, docent_client_listen_with(CLIENT, NULL, on_state, c, &c->listener)); }
CALL(client_unlisten)
{
    ONLY_WITH(listener);
    c->accepted = true;
    docent_client_unlisten(c->listener);
}
CALL(client_add_auth) { returns(c, docent_client_add_auth(CLIENT, "digest", "a:b", 3)); }
CALL(client_post) { returns(c, docent_client_post(CLIENT, on_call, c)); }
CALL(client_session)
{
    uint8_t password[16];
    answers(c, docent_client_session(CLIENT, password) != 0 ? "some" : "0");
}
CALL(client_session_timeout_ms) { answers(c, docent_client_session_timeout_ms(CLIENT) > 0 ? "some" : "0"); }
CALL(client_server)
{
    uint32_t version = 1;
    answers(c, docent_client_server(CLIENT, &version)[0] != '\0' ? "some" : "none");
}
CALL(client_view)
{
    docent_client *view = NULL;
    returns(c, docent_client_view(CLIENT, "/a", NULL, &view));
    docent_view_release(view);
}
CALL(view_release)
{
    docent_view_release(c->view);
    c->view = NULL;
}
static void on_line(const char *text, void *user)
{
    (void)text;
    (void)user;
}
CALL(client_dump) { returns(c, docent_client_dump(CLIENT, on_line, NULL)); }
CALL(client_stats)
{
    docent_stats_snapshot snapshot = { DOCENT_STATS_SNAPSHOT };
    returns(c, docent_client_stats(CLIENT, &snapshot));
}
CALL(pending_deletes) { answers(c, docent_pending_deletes(CLIENT) < 1000 ? "yes" : "no"); }

/* operation.h */
#define OPERATION(name, operation) \
    CALL(op_##name) \
    { \
        docent_op op = operation; \
        answers(c, op.type != DOCENT_OP_TYPES ? "yes" : "no"); \
    }
OPERATION(create, docent_op_create("/a", NULL, 0, DOCENT_PERSISTENT))
OPERATION(delete, docent_op_delete("/a", 0))
OPERATION(exists, docent_op_exists("/a"))
OPERATION(get, docent_op_get("/a"))
OPERATION(set, docent_op_set("/a", NULL, 0, 0))
OPERATION(get_acl, docent_op_get_acl("/a"))
OPERATION(set_acl, docent_op_set_acl("/a", docent_acl_open(), 0))
OPERATION(children, docent_op_children("/a"))
OPERATION(child_count, docent_op_child_count("/a"))
OPERATION(ephemerals, docent_op_ephemerals("/a"))
OPERATION(sync, docent_op_sync("/a"))
OPERATION(check, docent_op_check("/a", 0))
OPERATION(multi, docent_op_multi(NULL, 0))
OPERATION(multi_read, docent_op_multi_read(NULL, 0))
OPERATION(check_watches, docent_op_check_watches("/a", DOCENT_WATCH_DATA))
OPERATION(reconfig, docent_op_reconfig("a", NULL, NULL, -1))
OPERATION(who_am_i, docent_op_who_am_i())

static const docent_result finished = { .struct_size = sizeof(docent_result), .attempts = 1 };
CALL(result_info) { answers(c, docent_result_info(&finished).attempts == 1 ? "yes" : "no"); }
CALL(result_copy)
{
    docent_result *copy = docent_result_copy(&finished);
    answers(c, copy != NULL ? "some" : "none");
    docent_result_free(copy);
}
CALL(result_free)
{
    docent_result_free(docent_result_copy(&finished));
    answers(c, "done");
}

CALL(run_async)
{
    docent_op op = docent_op_get_acl(c->path);
    returns(c, docent_run_async(CLIENT, &op, NULL, on_result, c));
}
CALL(run)
{
    docent_op op = docent_op_get_acl(c->path);
    returns(c, docent_run(CLIENT, &op, NULL, &c->result));
}
CALL(create_async) { returns(c, docent_create_async(CLIENT, c->below, NULL, 0, DOCENT_PERSISTENT, on_result, c)); }
CALL(create) { returns(c, docent_create(CLIENT, c->below, NULL, 0, DOCENT_PERSISTENT, &c->result)); }
CALL(delete_async) { returns(c, docent_delete_async(CLIENT, c->path, DOCENT_ANY_VERSION, on_result, c)); }
CALL(delete) { returns(c, docent_delete(CLIENT, c->path, DOCENT_ANY_VERSION)); }
CALL(exists_async) { returns(c, docent_exists_async(CLIENT, c->path, on_result, c)); }
CALL(exists) { returns(c, docent_exists(CLIENT, c->path, NULL)); }
CALL(get_async) { returns(c, docent_get_async(CLIENT, c->path, on_result, c)); }
CALL(get) { returns(c, docent_get(CLIENT, c->path, &c->result)); }
CALL(set_async) { returns(c, docent_set_async(CLIENT, c->path, "x", 1, 0, on_result, c)); }
CALL(set) { returns(c, docent_set(CLIENT, c->path, "x", 1, 0, NULL)); }
CALL(children_async) { returns(c, docent_children_async(CLIENT, c->path, on_result, c)); }
CALL(children) { returns(c, docent_children(CLIENT, c->path, &c->result)); }
CALL(sync_async) { returns(c, docent_sync_async(CLIENT, c->path, on_result, c)); }
CALL(sync) { returns(c, docent_sync(CLIENT, c->path)); }
CALL(multi_async)
{
    docent_op op = docent_op_set(c->path, "x", 1, 0);
    returns(c, docent_multi_async(CLIENT, &op, 1, on_result, c));
}
CALL(multi)
{
    docent_op op = docent_op_set(c->path, "x", 1, 0);
    returns(c, docent_multi(CLIENT, &op, 1, &c->result));
}

/* batch.h, node.h */
CALL(batch_read_async)
{
    docent_op op = docent_op_get(c->path);
    returns(c, docent_batch_read_async(CLIENT, &op, 1, NULL, on_result, c));
}
CALL(batch_read)
{
    docent_op op = docent_op_get(c->path);
    returns(c, docent_batch_read(CLIENT, &op, 1, NULL, &c->result));
}
CALL(create_node_async) { returns(c, docent_create_node_async(CLIENT, c->below, NULL, 0, DOCENT_PERSISTENT, NULL, on_result, c)); }
CALL(create_node) { returns(c, docent_create_node(CLIENT, c->below, NULL, 0, DOCENT_PERSISTENT, NULL, &c->result)); }
CALL(delete_node_async) { returns(c, docent_delete_node_async(CLIENT, c->path, DOCENT_ANY_VERSION, NULL, on_result, c)); }
CALL(delete_node) { returns(c, docent_delete_node(CLIENT, c->path, DOCENT_ANY_VERSION, NULL)); }
CALL(set_node_async) { returns(c, docent_set_node_async(CLIENT, c->path, "x", 1, 0, NULL, on_result, c)); }
CALL(set_node) { returns(c, docent_set_node(CLIENT, c->path, "x", 1, 0, NULL, NULL)); }
CALL(ensure_path_async)
{
    returns(c, docent_ensure_path_async(CLIENT, c->below, DOCENT_PARENTS_PERSISTENT, docent_acl_open(), on_result, c));
}
CALL(ensure_path) { returns(c, docent_ensure_path(CLIENT, c->below, DOCENT_PARENTS_PERSISTENT, docent_acl_open())); }
CALL(update_async) { returns(c, docent_update_async(CLIENT, c->path, on_transform, NULL, on_result, c)); }
CALL(update) { returns(c, docent_update(CLIENT, c->path, on_transform, NULL, NULL, &c->result)); }
CALL(read_linearizable_async) { returns(c, docent_read_linearizable_async(CLIENT, c->path, on_result, c)); }
CALL(read_linearizable) { returns(c, docent_read_linearizable(CLIENT, c->path, &c->result)); }

/* ensemble.h */
CALL(ensemble_parse)
{
    docent_ensemble *ensemble = NULL;
    returns(c, docent_ensemble_parse("", 0, &ensemble));
    docent_ensemble_free(ensemble);
}
CALL(ensemble_free)
{
    docent_ensemble *ensemble = NULL;
    need(docent_ensemble_parse("", 0, &ensemble), "ensemble");
    docent_ensemble_free(ensemble);
    answers(c, "done");
}
CALL(client_ensemble) { answers(c, docent_client_ensemble(CLIENT) != NULL ? "some" : "none"); }
CALL(reconfig_async) { returns(c, docent_reconfig_async(CLIENT, NULL, "9", NULL, -1, on_result, c)); }
CALL(reconfig)
{
    docent_ensemble *ensemble = NULL;
    returns(c, docent_reconfig(CLIENT, NULL, "9", NULL, -1, &ensemble));
    docent_ensemble_free(ensemble);
}

/* watch.h */
CALL(watch_async) { returns(c, docent_watch_async(CLIENT, c->path, DOCENT_WATCH_RECURSIVE, on_watch, c, &c->watch)); }
CALL(watch_cancel)
{
    ONLY_WITH(watch);
    c->accepted = true;
    docent_watch_cancel(c->watch);
}

/* watcher.h */
static void on_watcher(const docent_watcher_event *event, void *user)
{
    (void)event;
    (void)user;
}
static bool on_data(const docent_data_event *event, void *user)
{
    (void)event;
    (void)user;
    return true;
}
static bool on_children(const docent_children_event *event, void *user)
{
    (void)event;
    (void)user;
    return true;
}
CALL(watcher_new)
{
    docent_watcher *watcher = NULL;
    returns(c, docent_watcher_new(CLIENT, c->path, DOCENT_WATCHER_NODE, on_watcher, NULL, &watcher));
    docent_watcher_close(watcher, NULL, NULL);
}
CALL(data_watch_new)
{
    docent_data_watch *watch = NULL;
    returns(c, docent_data_watch_new(CLIENT, c->path, on_data, NULL, &watch));
    docent_data_watch_close(watch, NULL, NULL);
}
CALL(children_watch_new)
{
    docent_children_watch *watch = NULL;
    returns(c, docent_children_watch_new(CLIENT, c->path, NULL, on_children, NULL, &watch));
    docent_children_watch_close(watch, NULL, NULL);
}
CALL(watcher_status) { returns(c, docent_watcher_status(c->watcher)); }
CALL(watcher_close)
{
    c->accepted = true;
    docent_watcher_close(c->watcher, on_call, c);
    c->watcher = NULL;
}
CALL(data_watch_close)
{
    c->accepted = true;
    docent_data_watch_close(c->data_watch, on_call, c);
    c->data_watch = NULL;
}
CALL(children_watch_close)
{
    c->accepted = true;
    docent_children_watch_close(c->children_watch, on_call, c);
    c->children_watch = NULL;
}

/* topic.h */
static const docent_topic_events topic_events = { DOCENT_TOPIC_EVENTS };
CALL(topic_publish) { returns(c, docent_topic_publish(CLIENT, c->path, "x", 1, NULL)); }
CALL(topic_publish_async) { returns(c, docent_topic_publish_async(CLIENT, c->path, "x", 1, on_result, c)); }
CALL(topic_subscribe)
{
    docent_topic_subscriber *subscriber = NULL;
    returns(c, docent_topic_subscribe(CLIENT, c->path, &topic_events, NULL, &subscriber));
    docent_topic_unsubscribe(subscriber, NULL, NULL);
}
CALL(topic_unsubscribe)
{
    c->accepted = true;
    docent_topic_unsubscribe(c->subscriber, on_call, c);
    c->subscriber = NULL;
}

/* cache.h, node_cache.h, children_cache.h, tree_cache.h */
CALL(node_cache_new)
{
    docent_cache *cache = NULL;
    returns(c, docent_node_cache_new(CLIENT, c->path, &cache));
    docent_cache_close(cache, NULL, NULL);
}
CALL(children_cache_new)
{
    docent_cache *cache = NULL;
    returns(c, docent_children_cache_new(CLIENT, c->path, NULL, &cache));
    docent_cache_close(cache, NULL, NULL);
}
CALL(tree_cache_new)
{
    docent_cache *cache = NULL;
    returns(c, docent_tree_cache_new(CLIENT, c->path, NULL, &cache));
    docent_cache_close(cache, NULL, NULL);
}
CALL(cache_get)
{
    const docent_node *node = docent_cache_get(c->cache, c->path);
    answers(c, node != NULL ? "some" : "none");
    docent_node_unref(node);
}
CALL(node_cache_get)
{
    const docent_node *node = docent_node_cache_get(c->cache);
    answers(c, node != NULL ? "some" : "none");
    docent_node_unref(node);
}
CALL(cache_size) { answers(c, docent_cache_size(c->cache) > 0 ? "some" : "0"); }
CALL(cache_bytes) { answers(c, docent_cache_bytes(c->cache) > 0 ? "some" : "0"); }
CALL(cache_failures) { answers(c, docent_cache_failures(c->cache) > 0 ? "some" : "0"); }
CALL(cache_is_initialized) { answers(c, docent_cache_is_initialized(c->cache) ? "yes" : "no"); }
CALL(cache_is_fresh) { answers(c, docent_cache_is_fresh(c->cache) ? "yes" : "no"); }
static bool on_visit(const docent_node *node, void *user)
{
    (void)node;
    (void)user;
    return true;
}
CALL(cache_visit) { returns(c, docent_cache_visit(c->cache, c->path, on_visit, NULL)); }
CALL(cache_snapshot)
{
    docent_snapshot *snapshot = NULL;
    returns(c, docent_cache_snapshot(c->cache, c->path, &snapshot));
    docent_snapshot_free(snapshot);
}
CALL(cache_children)
{
    docent_snapshot *snapshot = NULL;
    returns(c, docent_cache_children(c->cache, c->path, &snapshot));
    docent_snapshot_free(snapshot);
}
static uint32_t patience(const struct cell *c)
{
    return c->stage->state == CONNECTED || c->stage->state == READ_ONLY ? PATIENCE_MS : BRIEF_MS;
}
CALL(cache_wait_async) { returns(c, docent_cache_wait_async(c->cache, NULL, NULL, patience(c), on_done, c)); }
CALL(cache_wait) { returns(c, docent_cache_wait(c->cache, NULL, NULL, patience(c))); }
CALL(cache_refresh) { returns(c, docent_cache_refresh(c->cache)); }
CALL(cache_subscribe) { returns(c, docent_cache_subscribe(c->cache, &cache_events, c, NULL)); }
CALL(subscription_cancel)
{
    ONLY_WITH(subscription);
    c->accepted = true;
    docent_subscription_cancel(c->subscription);
}
CALL(cache_close)
{
    c->accepted = true;
    docent_cache_close(c->cache, on_call, c);
    c->cache = NULL;
}
CALL(node_ref)
{
    ONLY_WITH(node);
    answers(c, docent_node_ref(c->node) == c->node ? "yes" : "no");
    docent_node_unref(c->node);
}
CALL(node_unref)
{
    ONLY_WITH(node);
    docent_node_unref(docent_node_ref(c->node));
}
CALL(node_path)
{
    ONLY_WITH(node);
    answers(c, strcmp(docent_node_path(c->node), c->path) == 0 ? "some" : "none");
}
CALL(node_data)
{
    size_t size;
    ONLY_WITH(node);
    answers(c, docent_node_data(c->node, &size) != NULL && size == 3 ? "some" : "none");
}
CALL(node_has_data)
{
    ONLY_WITH(node);
    answers(c, docent_node_has_data(c->node) ? "yes" : "no");
}
CALL(node_stat)
{
    ONLY_WITH(node);
    answers(c, docent_node_stat(c->node).czxid > 0 ? "some" : "0");
}
CALL(snapshot_count)
{
    ONLY_WITH(snapshot);
    answers(c, docent_snapshot_count(c->snapshot) == 1 ? "some" : "0");
}
CALL(snapshot_node)
{
    ONLY_WITH(snapshot);
    answers(c, docent_snapshot_node(c->snapshot, 0) != NULL ? "some" : "none");
}
CALL(snapshot_free)
{
    ONLY_WITH(snapshot);
    docent_snapshot_free(c->snapshot);
    c->snapshot = NULL;
}

/* config.h */
CALL(config_new)
{
    docent_config *config = NULL;
    returns(c, docent_config_new(CLIENT, "/config", NULL, &config));
    docent_config_close(config, NULL, NULL);
}
CALL(config_close)
{
    c->accepted = true;
    docent_config_close(c->config, on_call, c);
    c->config = NULL;
}
CALL(config_wait_async) { returns(c, docent_config_wait_async(c->config, patience(c), on_done, c)); }
CALL(config_wait) { returns(c, docent_config_wait(c->config, patience(c))); }
CALL(config_get_state)
{
    static const char *const names[] = { "LOADING", "CURRENT", "STALE", "FALLBACK" };
    answers(c, names[docent_config_get_state(c->config)]);
}
CALL(config_get_int) { answers(c, docent_config_get_int(c->config, "int", 0) == 1 ? "some" : "0"); }
CALL(config_get_real) { answers(c, docent_config_get_real(c->config, "int", 0) == 1 ? "some" : "0"); }
CALL(config_get_bool) { answers(c, docent_config_get_bool(c->config, "bool", false) ? "some" : "0"); }
CALL(config_get_string)
{
    char text[8];
    answers(c, docent_config_get_string(c->config, "string", NULL, text, sizeof text) > 0 ? "some" : "0");
}
CALL(config_snapshot)
{
    const docent_config_values *values = docent_config_snapshot(c->config);
    answers(c, values != NULL ? "some" : "none");
    docent_config_values_unref(values);
}
CALL(config_values_ref)
{
    ONLY_WITH(values);
    answers(c, docent_config_values_ref(c->values) == c->values ? "yes" : "no");
    docent_config_values_unref(c->values);
}
CALL(config_values_unref)
{
    ONLY_WITH(values);
    docent_config_values_unref(docent_config_values_ref(c->values));
}
CALL(config_values_source)
{
    ONLY_WITH(values);
    answers(c, docent_config_values_source(c->values) == DOCENT_CONFIG_FROM_SERVERS ? "yes" : "no");
}
CALL(config_values_zxid)
{
    ONLY_WITH(values);
    answers(c, docent_config_values_zxid(c->values) > 0 ? "some" : "0");
}
CALL(config_values_type)
{
    ONLY_WITH(values);
    answers(c, docent_config_values_type(c->values, "int") == DOCENT_CONFIG_INT ? "yes" : "no");
}
CALL(config_values_size)
{
    ONLY_WITH(values);
    answers(c, docent_config_values_size(c->values, NULL) == 3 ? "some" : "0");
}
CALL(config_values_int)
{
    int64_t value;
    ONLY_WITH(values);
    returns(c, docent_config_values_int(c->values, "int", &value));
}
CALL(config_values_real)
{
    double value;
    ONLY_WITH(values);
    returns(c, docent_config_values_real(c->values, "int", &value));
}
CALL(config_values_bool)
{
    bool value;
    ONLY_WITH(values);
    returns(c, docent_config_values_bool(c->values, "bool", &value));
}
CALL(config_values_string)
{
    const char *value;
    ONLY_WITH(values);
    returns(c, docent_config_values_string(c->values, "string", &value));
}
CALL(config_values_json)
{
    ONLY_WITH(values);
    answers(c, docent_config_values_json(c->values, NULL, NULL) != NULL ? "some" : "none");
}
static bool on_value(const char *key, docent_config_type type, void *user)
{
    (void)key;
    (void)type;
    answers(user, "some");
    return false;
}
CALL(config_values_visit)
{
    ONLY_WITH(values);
    docent_config_values_visit(c->values, on_value, c);
}
CALL(config_key_escape)
{
    char key[8];
    answers(c, docent_config_key_escape("a.b", key, sizeof key) == 4 ? "yes" : "no");
}

/* barrier.h, countdown.h, double_barrier.h, sync_queue.h */
#define WITHIN_MS (c->stage->state == CONNECTED ? PATIENCE_MS : BRIEF_MS)
CALL(barrier_new)
{
    docent_barrier *barrier = NULL;
    returns(c, docent_barrier_new(CLIENT, "/new-barrier", NULL, &barrier));
    docent_barrier_close(barrier, NULL, NULL);
}
CALL(barrier_set_async) { returns(c, docent_barrier_set_async(c->barrier, WITHIN_MS, on_done, c)); }
CALL(barrier_set) { returns(c, docent_barrier_set(c->barrier, WITHIN_MS)); }
CALL(barrier_remove_async) { returns(c, docent_barrier_remove_async(c->barrier, WITHIN_MS, on_done, c)); }
CALL(barrier_remove) { returns(c, docent_barrier_remove(c->barrier, WITHIN_MS)); }
CALL(barrier_wait_async) { returns(c, docent_barrier_wait_async(c->barrier, BRIEF_MS, on_done, c)); }
CALL(barrier_wait) { returns(c, docent_barrier_wait(c->barrier, BRIEF_MS)); }
CALL(barrier_info)
{
    docent_recipe_info info = { DOCENT_RECIPE_INFO };
    returns(c, docent_barrier_info(c->barrier, &info));
}
CALL(barrier_close)
{
    c->accepted = true;
    docent_barrier_close(c->barrier, on_call, c);
    c->barrier = NULL;
}
CALL(countdown_new)
{
    docent_countdown *countdown = NULL;
    returns(c, docent_countdown_new(CLIENT, "/new-countdown", NULL, &countdown));
    docent_countdown_close(countdown, NULL, NULL);
}
CALL(countdown_create_async) { returns(c, docent_countdown_create_async(c->countdown, 2, WITHIN_MS, on_done, c)); }
CALL(countdown_create) { returns(c, docent_countdown_create(c->countdown, 2, WITHIN_MS)); }
CALL(countdown_count_down_async) { returns(c, docent_countdown_count_down_async(c->countdown, WITHIN_MS, on_done, c)); }
CALL(countdown_count_down) { returns(c, docent_countdown_count_down(c->countdown, WITHIN_MS)); }
CALL(countdown_wait_async) { returns(c, docent_countdown_wait_async(c->countdown, WITHIN_MS, on_done, c)); }
CALL(countdown_wait) { returns(c, docent_countdown_wait(c->countdown, WITHIN_MS)); }
CALL(countdown_info)
{
    docent_recipe_info info = { DOCENT_RECIPE_INFO };
    returns(c, docent_countdown_info(c->countdown, &info));
}
CALL(countdown_close)
{
    c->accepted = true;
    docent_countdown_close(c->countdown, on_call, c);
    c->countdown = NULL;
}
CALL(sync_queue_new)
{
    docent_sync_queue_options options = { DOCENT_SYNC_QUEUE_OPTIONS, .quantity = 2 };
    docent_sync_queue *queue = NULL;
    returns(c, docent_sync_queue_new(CLIENT, "/new-queue", &options, &queue));
    docent_sync_queue_close(queue, NULL, NULL);
}
CALL(sync_queue_gather_async) { returns(c, docent_sync_queue_gather_async(c->gatherers, WITHIN_MS, on_done, c)); }
CALL(sync_queue_gather) { returns(c, docent_sync_queue_gather(c->gatherers, WITHIN_MS)); }
CALL(sync_queue_round) { answers(c, docent_sync_queue_round(c->gatherers) < 0 ? "-1" : "some"); }
CALL(sync_queue_info)
{
    docent_recipe_info info = { DOCENT_RECIPE_INFO };
    returns(c, docent_sync_queue_info(c->gatherers, &info));
}
CALL(sync_queue_close)
{
    c->accepted = true;
    docent_sync_queue_close(c->gatherers, on_call, c);
    c->gatherers = NULL;
}
CALL(double_barrier_new)
{
    docent_double_barrier_options options = { DOCENT_DOUBLE_BARRIER_OPTIONS, .quantity = 2 };
    docent_double_barrier *member = NULL;
    returns(c, docent_double_barrier_new(CLIENT, "/new-barrier", &options, &member));
    docent_double_barrier_close(member, NULL, NULL);
}
CALL(double_barrier_enter_async) { returns(c, docent_double_barrier_enter_async(c->member, WITHIN_MS, on_done, c)); }
CALL(double_barrier_enter) { returns(c, docent_double_barrier_enter(c->member, WITHIN_MS)); }
CALL(double_barrier_leave_async) { returns(c, docent_double_barrier_leave_async(c->member, WITHIN_MS, on_done, c)); }
CALL(double_barrier_leave) { returns(c, docent_double_barrier_leave(c->member, WITHIN_MS)); }
CALL(double_barrier_get_state)
{
    static const char *const names[] = { "OUTSIDE", "ENTERING", "INSIDE", "SUSPECT" };
    answers(c, names[docent_double_barrier_get_state(c->member)]);
}
CALL(double_barrier_hold)
{
    docent_hold *hold = docent_double_barrier_hold(c->member);
    answers(c, hold != NULL ? "some" : "none");
    docent_hold_unref(hold);
}
CALL(double_barrier_info)
{
    docent_recipe_info info = { DOCENT_RECIPE_INFO };
    returns(c, docent_double_barrier_info(c->member, &info));
}
CALL(double_barrier_close)
{
    c->accepted = true;
    docent_double_barrier_close(c->member, on_call, c);
    c->member = NULL;
}

/* hold.h, lock.h */
CALL(hold_ref)
{
    ONLY_WITH(hold);
    answers(c, docent_hold_ref(c->hold) == c->hold ? "yes" : "no");
    docent_hold_unref(c->hold);
}
CALL(hold_unref)
{
    ONLY_WITH(hold);
    docent_hold_unref(docent_hold_ref(c->hold));
}
CALL(hold_path)
{
    ONLY_WITH(hold);
    answers(c, docent_hold_path(c->hold)[0] == '/' ? "some" : "none");
}
CALL(hold_czxid)
{
    ONLY_WITH(hold);
    answers(c, docent_hold_czxid(c->hold) > 0 ? "some" : "-1");
}
CALL(hold_generation)
{
    ONLY_WITH(hold);
    answers(c, docent_hold_generation(c->hold) > 0 ? "some" : "0");
}
CALL(lock_new)
{
    docent_lock *lock = NULL;
    returns(c, docent_lock_new(CLIENT, "/new-lock", NULL, &lock));
    docent_lock_close(lock, NULL, NULL);
}
CALL(lock_acquire_async)
{
    bool gets = c->stage->state == CONNECTED;
    returns(c, docent_lock_acquire_async(c->lock, gets ? PATIENCE_MS : BRIEF_MS, on_done, c));
}
CALL(lock_acquire) { returns(c, docent_lock_acquire(c->lock, c->stage->state == CONNECTED ? PATIENCE_MS : BRIEF_MS)); }
CALL(lock_release) { docent_lock_release(c->lock); }
CALL(lock_release_async) { returns(c, docent_lock_release_async(c->lock, on_done, c)); }
CALL(lock_release_wait) { returns(c, docent_lock_release_wait(c->lock, c->stage->state == CONNECTED ? PATIENCE_MS : BRIEF_MS)); }
CALL(lock_get_state)
{
    static const char *const names[] = { "RELEASED", "WAITING", "HELD", "SUSPECT" };
    answers(c, names[docent_lock_get_state(c->lock)]);
}
CALL(lock_token) { answers(c, docent_lock_token(c->lock) > 0 ? "some" : "-1"); }
CALL(lock_hold)
{
    docent_hold *hold = docent_lock_hold(c->lock);
    answers(c, hold != NULL ? "some" : "none");
    docent_hold_unref(hold);
}
CALL(lock_info)
{
    docent_recipe_info info = { DOCENT_RECIPE_INFO };
    returns(c, docent_lock_info(c->lock, &info));
}
CALL(lock_participants_async) { returns(c, docent_lock_participants_async(c->lock, on_result, c)); }
CALL(lock_participants) { returns(c, docent_lock_participants(c->lock, &c->result)); }
CALL(lock_revoke_async) { returns(c, docent_lock_revoke_async(c->lock, NULL, on_result, c)); }
CALL(lock_revoke) { returns(c, docent_lock_revoke(c->lock, NULL)); }
CALL(lock_close)
{
    c->accepted = true;
    docent_lock_close(c->lock, on_call, c);
    c->lock = NULL;
}

/* mutex.h */
CALL(mutex_new)
{
    docent_mutex *mutex = NULL;
    returns(c, docent_mutex_new(CLIENT, "/new-mutex", NULL, &mutex));
    docent_mutex_close(mutex, NULL, NULL);
}
CALL(mutex_acquire_async)
{
    bool gets = c->stage->state == CONNECTED;
    returns(c, docent_mutex_acquire_async(c->mutex, gets ? PATIENCE_MS : BRIEF_MS, on_done, c));
}
CALL(mutex_acquire) { returns(c, docent_mutex_acquire(c->mutex, c->stage->state == CONNECTED ? PATIENCE_MS : BRIEF_MS)); }
CALL(mutex_release) { returns(c, docent_mutex_release(c->mutex)); }
CALL(mutex_release_async) { returns(c, docent_mutex_release_async(c->mutex, on_done, c)); }
CALL(mutex_release_wait) { returns(c, docent_mutex_release_wait(c->mutex, c->stage->state == CONNECTED ? PATIENCE_MS : BRIEF_MS)); }
CALL(mutex_count) { answers(c, docent_mutex_count(c->mutex) == 1 ? "1" : "0"); }
CALL(mutex_get_state)
{
    static const char *const names[] = { "RELEASED", "WAITING", "HELD", "SUSPECT" };
    answers(c, names[docent_mutex_get_state(c->mutex)]);
}
CALL(mutex_token) { answers(c, docent_mutex_token(c->mutex) > 0 ? "some" : "-1"); }
CALL(mutex_hold)
{
    docent_hold *hold = docent_mutex_hold(c->mutex);
    answers(c, hold != NULL ? "some" : "none");
    docent_hold_unref(hold);
}
CALL(mutex_info)
{
    docent_recipe_info info = { DOCENT_RECIPE_INFO };
    returns(c, docent_mutex_info(c->mutex, &info));
}
CALL(mutex_close)
{
    c->accepted = true;
    docent_mutex_close(c->mutex, on_call, c);
    c->mutex = NULL;
}

/* queue.h */
static const docent_queue_bytes two_items[] = { { "a", 1 }, { "b", 1 } };
CALL(queue_new)
{
    docent_queue *queue = NULL;
    returns(c, docent_queue_new(CLIENT, "/new-queue", NULL, &queue));
    docent_queue_close(queue, NULL, NULL);
}
CALL(queue_put_async) { returns(c, docent_queue_put_async(c->queue, "a", 1, on_result, c)); }
CALL(queue_put) { returns(c, docent_queue_put(c->queue, "a", 1, &c->result)); }
CALL(queue_put_many_async) { returns(c, docent_queue_put_many_async(c->queue, two_items, 2, on_result, c)); }
CALL(queue_put_many) { returns(c, docent_queue_put_many(c->queue, two_items, 2, &c->result)); }
CALL(queue_take_async) { returns(c, docent_queue_take_async(c->queue, BRIEF_MS, on_result, c)); }
CALL(queue_take) { returns(c, docent_queue_take(c->queue, BRIEF_MS, &c->result)); }
CALL(queue_peek_async) { returns(c, docent_queue_peek_async(c->queue, on_result, c)); }
CALL(queue_peek) { returns(c, docent_queue_peek(c->queue, &c->result)); }
CALL(queue_size_async) { returns(c, docent_queue_size_async(c->queue, on_result, c)); }
CALL(queue_size)
{
    uint32_t count;
    returns(c, docent_queue_size(c->queue, &count));
}
CALL(queue_info)
{
    docent_recipe_info info = { DOCENT_RECIPE_INFO };
    returns(c, docent_queue_info(c->queue, &info));
}
CALL(queue_close)
{
    c->accepted = true;
    docent_queue_close(c->queue, on_call, c);
    c->queue = NULL;
}

/* claim_queue.h */
static const docent_claim_queue_options kazoo_claims = { DOCENT_CLAIM_QUEUE_OPTIONS, .dialect = DOCENT_DIALECT_KAZOO };
static void on_taken(docent_status status, docent_item *item, void *user)
{
    struct cell *c = user;
    c->item_taken = item;
    tell(c, short_name(status));
}
CALL(claim_queue_new)
{
    docent_claim_queue *queue = NULL;
    returns(c, docent_claim_queue_new(CLIENT, "/new-queue", NULL, &queue));
    docent_claim_queue_close(queue, NULL, NULL);
}
CALL(claim_queue_put_async) { returns(c, docent_claim_queue_put_async(c->claim_queue, "a", 1, on_result, c)); }
CALL(claim_queue_put) { returns(c, docent_claim_queue_put(c->claim_queue, "a", 1, &c->result)); }
CALL(claim_queue_put_many_async) { returns(c, docent_claim_queue_put_many_async(c->claim_queue, two_items, 2, on_result, c)); }
CALL(claim_queue_put_many) { returns(c, docent_claim_queue_put_many(c->claim_queue, two_items, 2, &c->result)); }
CALL(claim_queue_take_async) { returns(c, docent_claim_queue_take_async(c->claim_queue, BRIEF_MS, on_taken, c)); }
CALL(claim_queue_take) { returns(c, docent_claim_queue_take(c->claim_queue, BRIEF_MS, &c->item_taken)); }
CALL(claim_queue_info)
{
    docent_recipe_info info = { DOCENT_RECIPE_INFO };
    returns(c, docent_claim_queue_info(c->claim_queue, &info));
}
CALL(claim_queue_close) /* Its item goes first, or it would not be told. */
{
    c->accepted = true;
    docent_item_close(c->item, NULL, NULL);
    c->item = NULL;
    docent_claim_queue_close(c->claim_queue, on_call, c);
    c->claim_queue = NULL;
}
CALL(item_path)
{
    ONLY_WITH(item);
    answers(c, docent_item_path(c->item)[0] == '/' ? "some" : "none");
}
CALL(item_data)
{
    ONLY_WITH(item);
    size_t size = 0;
    answers(c, docent_item_data(c->item, &size) != NULL && size == 1 ? "some" : "none");
}
CALL(item_is_claimed)
{
    ONLY_WITH(item);
    answers(c, docent_item_is_claimed(c->item) ? "yes" : "no");
}
CALL(item_hold)
{
    ONLY_WITH(item);
    docent_hold *hold = docent_item_hold(c->item);
    answers(c, hold != NULL ? "some" : "none");
    docent_hold_unref(hold);
}
/* A blocking end of an item waits until the connection is back or the session over, which here is for ever. */
static bool waits_for_the_session(struct cell *c)
{
    bool waits = c->stage->state == SUSPENDED && c->stage->place == FOREIGN;
    if (waits) answers(c, "-");
    return waits;
}
CALL(item_acknowledge_async)
{
    ONLY_WITH(item);
    returns(c, docent_item_acknowledge_async(c->item, on_done, c));
}
CALL(item_acknowledge)
{
    ONLY_WITH(item);
    if (waits_for_the_session(c)) return;
    returns(c, docent_item_acknowledge(c->item));
}
CALL(item_requeue_async)
{
    ONLY_WITH(item);
    returns(c, docent_item_requeue_async(c->item, on_done, c));
}
CALL(item_requeue)
{
    ONLY_WITH(item);
    if (waits_for_the_session(c)) return;
    returns(c, docent_item_requeue(c->item));
}
CALL(item_close)
{
    ONLY_WITH(item);
    c->accepted = true;
    docent_item_close(c->item, on_call, c);
    c->item = NULL;
}

/* lease.h */
static const docent_lease_options one_minute = { DOCENT_LEASE_OPTIONS, .duration_ms = 60000 };
CALL(lease_new)
{
    docent_lease *lease = NULL;
    returns(c, docent_lease_new(CLIENT, "/new-lease", &one_minute, &lease));
    docent_lease_close(lease, NULL, NULL);
}
CALL(lease_acquire_async)
{
    returns(c, docent_lease_acquire_async(c->lease, c->stage->state == CONNECTED ? PATIENCE_MS : BRIEF_MS, on_done, c));
}
CALL(lease_acquire) { returns(c, docent_lease_acquire(c->lease, c->stage->state == CONNECTED ? PATIENCE_MS : BRIEF_MS)); }
CALL(lease_left_ms) { answers(c, docent_lease_left_ms(c->lease) > 0 ? "some" : "0"); }
CALL(lease_slot) { answers(c, docent_lease_slot(c->lease) >= 0 ? "some" : "-1"); }
CALL(lease_info)
{
    docent_recipe_info info = { DOCENT_RECIPE_INFO };
    returns(c, docent_lease_info(c->lease, &info));
}
CALL(lease_close)
{
    c->accepted = true;
    docent_lease_close(c->lease, on_call, c);
    c->lease = NULL;
}

/* work_queue.h */
static void on_removed(docent_status status, size_t count, void *user)
{
    (void)count;
    on_done(status, user);
}
static const docent_work_put a_put = { DOCENT_WORK_PUT, .id = "id" };
CALL(work_queue_new)
{
    docent_work_queue *queue = NULL;
    returns(c, docent_work_queue_new(CLIENT, "/new-queue", NULL, &queue));
    docent_work_queue_close(queue, NULL, NULL);
}
#define WORK_MS (c->stage->state == CONNECTED ? PATIENCE_MS : BRIEF_MS)
CALL(work_queue_put_async) { returns(c, docent_work_queue_put_async(c->work, &a_put, WORK_MS, on_done, c)); }
CALL(work_queue_put) { returns(c, docent_work_queue_put(c->work, &a_put, WORK_MS)); }
CALL(work_queue_flush_async) { returns(c, docent_work_queue_flush_async(c->work, WORK_MS, on_done, c)); }
CALL(work_queue_flush) { returns(c, docent_work_queue_flush(c->work, WORK_MS)); }
CALL(work_queue_remove_async) { returns(c, docent_work_queue_remove_async(c->work, "id", patience(c), on_removed, c)); }
CALL(work_queue_remove) { returns(c, docent_work_queue_remove(c->work, "id", patience(c), NULL)); }
CALL(work_queue_last_count) { answers(c, docent_work_queue_last_count(c->work) < 0 ? "-1" : "some"); }
CALL(work_queue_info)
{
    docent_recipe_info info = { DOCENT_RECIPE_INFO };
    returns(c, docent_work_queue_info(c->work, &info));
}
CALL(work_queue_close)
{
    docent_work_item_done(c->work_item, DOCENT_WORK_DONE); /* It is waited for. */
    c->work_item = NULL;
    c->accepted = true;
    docent_work_queue_close(c->work, on_call, c);
    c->work = NULL;
}
/* queue_sharder.h */
CALL(queue_sharder_new)
{
    docent_queue_sharder *sharder = NULL;
    returns(c, docent_queue_sharder_new(CLIENT, "/new-shards", "/new-shards-leader", NULL, &sharder));
    docent_queue_sharder_close(sharder, NULL, NULL);
}
CALL(queue_sharder_start) { returns(c, docent_queue_sharder_start(c->sharder)); }
CALL(queue_sharder_put_async) { returns(c, docent_queue_sharder_put_async(c->sharder, &a_put, WORK_MS, on_done, c)); }
CALL(queue_sharder_put) { returns(c, docent_queue_sharder_put(c->sharder, &a_put, WORK_MS)); }
CALL(queue_sharder_shard_count) { answers(c, docent_queue_sharder_shard_count(c->sharder) < 0 ? "-1" : "some"); }
CALL(queue_sharder_info)
{
    docent_recipe_info info = { DOCENT_RECIPE_INFO };
    returns(c, docent_queue_sharder_info(c->sharder, &info));
}
CALL(queue_sharder_close)
{
    c->accepted = true;
    docent_queue_sharder_close(c->sharder, on_call, c);
    c->sharder = NULL;
}
CALL(work_item_elements)
{
    size_t count;
    ONLY_WITH(work_item);
    answers(c, docent_work_item_elements(c->work_item, &count) != NULL ? "some" : "none");
}
CALL(work_item_name)
{
    ONLY_WITH(work_item);
    answers(c, strncmp(docent_work_item_name(c->work_item), "queue-|first|", 13) == 0 ? "some" : "another");
}
CALL(work_item_hold)
{
    ONLY_WITH(work_item);
    docent_hold *hold = docent_work_item_hold(c->work_item);
    answers(c, hold != NULL ? "some" : "none");
    docent_hold_unref(hold);
}
CALL(work_item_done)
{
    docent_work_item_done(c->work_item, DOCENT_WORK_DONE);
    c->work_item = NULL;
}

/* leader_latch.h */
static void on_leads(docent_leader_latch *latch, const docent_leadership *leadership, void *user)
{
    (void)latch;
    (void)leadership;
    (void)user;
}
CALL(leader_latch_new)
{
    docent_leader_latch *latch = NULL;
    returns(c, docent_leader_latch_new(CLIENT, "/new-latch", NULL, &latch));
    docent_leader_latch_close(latch, NULL, NULL);
}
CALL(leader_latch_start) { returns(c, docent_leader_latch_start(c->latch)); }
CALL(leader_latch_await_async)
{
    returns(c, docent_leader_latch_await_async(c->latch, c->stage->state == CONNECTED ? PATIENCE_MS : BRIEF_MS, on_done, c));
}
CALL(leader_latch_await) { returns(c, docent_leader_latch_await(c->latch, c->stage->state == CONNECTED ? PATIENCE_MS : BRIEF_MS)); }
CALL(leader_latch_has_leadership) { answers(c, docent_leader_latch_has_leadership(c->latch) ? "yes" : "no"); }
CALL(leader_latch_token) { answers(c, docent_leader_latch_token(c->latch) > 0 ? "some" : "-1"); }
CALL(leader_latch_hold)
{
    docent_hold *hold = docent_leader_latch_hold(c->latch);
    answers(c, hold != NULL ? "some" : "none");
    docent_hold_unref(hold);
}
CALL(leader_latch_listen)
{
    docent_leader_latch_listener *listener;
    returns(c, docent_leader_latch_listen(c->latch, false, on_leads, c, &listener));
}
CALL(leader_latch_unlisten) { returns(c, docent_leader_latch_unlisten(c->latch, c->latch_listener)); }
CALL(leader_latch_participants_async) { returns(c, docent_leader_latch_participants_async(c->latch, on_result, c)); }
CALL(leader_latch_participants) { returns(c, docent_leader_latch_participants(c->latch, &c->result)); }
CALL(leader_latch_leader_async) { returns(c, docent_leader_latch_leader_async(c->latch, on_result, c)); }
CALL(leader_latch_leader) { returns(c, docent_leader_latch_leader(c->latch, &c->result)); }
CALL(leader_latch_info)
{
    docent_recipe_info info = { DOCENT_RECIPE_INFO };
    returns(c, docent_leader_latch_info(c->latch, &info));
}
CALL(leader_latch_close)
{
    c->accepted = true;
    docent_leader_latch_close(c->latch, on_call, c);
    c->latch = NULL;
}

/* leader_selector.h */
static void on_term(docent_leader_selector *selector, const docent_leader_term *term, void *user)
{
    (void)selector;
    if (term->number == 1) ((struct stage *)user)->held++;
}
static void in_term(docent_leader_selector *selector, const docent_leader_term *term, void *user)
{
    (void)selector;
    (void)term;
    (void)user;
}
CALL(leader_selector_new)
{
    docent_leader_selector *selector = NULL;
    returns(c, docent_leader_selector_new(CLIENT, "/new-selector", NULL, &selector));
    docent_leader_selector_close(selector, NULL, NULL);
}
CALL(leader_selector_start) { returns(c, docent_leader_selector_start(c->selector)); }
CALL(leader_selector_requeue) { returns(c, docent_leader_selector_requeue(c->selector)); }
CALL(leader_selector_relinquish) { docent_leader_selector_relinquish(c->selector, 1); }
CALL(leader_selector_interrupt) { returns(c, docent_leader_selector_interrupt(c->selector)); }
CALL(leader_selector_run)
{
    returns(c, docent_leader_selector_run(c->selector, c->stage->state == CONNECTED ? PATIENCE_MS : BRIEF_MS, in_term, c));
}
CALL(leader_selector_has_leadership) { answers(c, docent_leader_selector_has_leadership(c->selector) ? "yes" : "no"); }
CALL(leader_selector_token) { answers(c, docent_leader_selector_token(c->selector) > 0 ? "some" : "-1"); }
CALL(leader_selector_hold)
{
    docent_hold *hold = docent_leader_selector_hold(c->selector);
    answers(c, hold != NULL ? "some" : "none");
    docent_hold_unref(hold);
}
CALL(leader_selector_participants_async) { returns(c, docent_leader_selector_participants_async(c->selector, on_result, c)); }
CALL(leader_selector_participants) { returns(c, docent_leader_selector_participants(c->selector, &c->result)); }
CALL(leader_selector_leader_async) { returns(c, docent_leader_selector_leader_async(c->selector, on_result, c)); }
CALL(leader_selector_leader) { returns(c, docent_leader_selector_leader(c->selector, &c->result)); }
CALL(leader_selector_info)
{
    docent_recipe_info info = { DOCENT_RECIPE_INFO };
    returns(c, docent_leader_selector_info(c->selector, &info));
}
CALL(leader_selector_close)
{
    c->accepted = true;
    docent_leader_selector_close(c->selector, on_call, c);
    c->selector = NULL;
}

/* semaphore.h */
static const docent_semaphore_options two_leases = { DOCENT_SEMAPHORE_OPTIONS, .max = 2 };
CALL(semaphore_new)
{
    docent_semaphore *semaphore = NULL;
    returns(c, docent_semaphore_new(CLIENT, "/new-semaphore", &two_leases, &semaphore));
    docent_semaphore_close(semaphore, NULL, NULL);
}
CALL(semaphore_acquire_async)
{
    docent_permit *permit = NULL;
    returns(c, docent_semaphore_acquire_async(c->semaphore, 1, c->stage->state == CONNECTED ? PATIENCE_MS : BRIEF_MS, on_done, c, &permit));
    if (permit != NULL) c->permit_made = permit;
}
CALL(semaphore_acquire)
{
    docent_permit *permit = NULL;
    returns(c, docent_semaphore_acquire(c->semaphore, 1, c->stage->state == CONNECTED ? PATIENCE_MS : BRIEF_MS, &permit));
    docent_permit_close(permit, NULL, NULL);
}
CALL(semaphore_participants_async) { returns(c, docent_semaphore_participants_async(c->semaphore, on_result, c)); }
CALL(semaphore_participants) { returns(c, docent_semaphore_participants(c->semaphore, &c->result)); }
CALL(semaphore_info)
{
    docent_recipe_info info = { DOCENT_RECIPE_INFO };
    returns(c, docent_semaphore_info(c->semaphore, &info));
}
CALL(semaphore_close)
{
    c->accepted = true;
    docent_semaphore_close(c->semaphore, on_call, c);
    c->semaphore = NULL;
}
CALL(permit_get_state)
{
    static const char *const names[] = { "WAITING", "HELD", "SUSPECT", "RETURNED" };
    answers(c, names[docent_permit_get_state(c->permit)]);
}
CALL(permit_count)
{
    ONLY_WITH(permit);
    answers(c, docent_permit_count(c->permit) == 1 ? "yes" : "no");
}
CALL(permit_token)
{
    ONLY_WITH(permit);
    answers(c, docent_permit_token(c->permit) > 0 ? "some" : "-1");
}
CALL(permit_hold)
{
    docent_hold *hold = docent_permit_hold(c->permit, 0);
    answers(c, hold != NULL ? "some" : "none");
    docent_hold_unref(hold);
}
CALL(permit_info)
{
    docent_recipe_info info = { DOCENT_RECIPE_INFO };
    ONLY_WITH(permit);
    returns(c, docent_permit_info(c->permit, &info));
}
CALL(permit_return)
{
    ONLY_WITH(permit);
    returns(c, docent_permit_return(c->permit, c->stage->state == CONNECTED ? PATIENCE_MS : BRIEF_MS));
    c->permit = NULL;
}
CALL(permit_close)
{
    ONLY_WITH(permit);
    c->accepted = true;
    docent_permit_close(c->permit, on_call, c);
    c->permit = NULL;
}

/* multi_lock.h */
CALL(multi_lock_new)
{
    static const char *const paths[] = { "/new-b", "/new-a" };
    docent_multi_lock *multi = NULL;
    returns(c, docent_multi_lock_new(CLIENT, paths, 2, NULL, &multi));
    docent_multi_lock_close(multi, NULL, NULL);
}
CALL(multi_lock_acquire_async)
{
    bool gets = c->stage->state == CONNECTED;
    returns(c, docent_multi_lock_acquire_async(c->multi, gets ? PATIENCE_MS : BRIEF_MS, on_done, c));
}
CALL(multi_lock_acquire) { returns(c, docent_multi_lock_acquire(c->multi, c->stage->state == CONNECTED ? PATIENCE_MS : BRIEF_MS)); }
CALL(multi_lock_release) { docent_multi_lock_release(c->multi); }
CALL(multi_lock_release_async) { returns(c, docent_multi_lock_release_async(c->multi, on_done, c)); }
CALL(multi_lock_release_wait) { returns(c, docent_multi_lock_release_wait(c->multi, BRIEF_MS)); }
CALL(multi_lock_get_state) { answers(c, docent_multi_lock_get_state(c->multi) == DOCENT_LOCK_RELEASED ? "RELEASED" : "?"); }
CALL(multi_lock_count) { answers(c, docent_multi_lock_count(c->multi) == 1 ? "yes" : "no"); }
CALL(multi_lock_member) { answers(c, docent_multi_lock_member(c->multi, 0) != NULL ? "yes" : "no"); }
CALL(multi_lock_info)
{
    docent_recipe_info info = { DOCENT_RECIPE_INFO };
    returns(c, docent_multi_lock_info(c->multi, &info));
}
CALL(multi_lock_close)
{
    c->accepted = true;
    docent_multi_lock_close(c->multi, on_call, c);
    c->multi = NULL;
}

/* rwlock.h */
CALL(rwlock_new)
{
    docent_rwlock *rwlock = NULL;
    returns(c, docent_rwlock_new(CLIENT, "/new-rwlock", NULL, &rwlock));
    docent_rwlock_close(rwlock, NULL, NULL);
}
CALL(rwlock_read) { answers(c, docent_rwlock_read(c->rwlock) != NULL ? "yes" : "no"); }
CALL(rwlock_write) { answers(c, docent_rwlock_write(c->rwlock) != NULL ? "yes" : "no"); }
CALL(rwlock_close)
{
    c->accepted = true;
    docent_rwlock_close(c->rwlock, on_call, c);
    c->rwlock = NULL;
}

/* poll.h: a loop without clients. */
CALL(poll_new)
{
    docent_poll *loop = NULL;
    returns(c, docent_poll_new(&loop));
    (void)docent_poll_free(loop);
}
CALL(poll_prepare)
{
    size_t count;
    int timeout_ms;
    returns(c, docent_poll_prepare(c->poll, NULL, 0, &count, &timeout_ms));
}
CALL(poll_dispatch) { returns(c, docent_poll_dispatch(c->poll)); }
CALL(poll_free)
{
    docent_status status = docent_poll_free(c->poll);
    returns(c, status);
    if (status == DOCENT_OK) c->poll = NULL;
}

/* retry.h, stats.h, status.h, types.h */
CALL(retry_allows) { answers(c, docent_retry_allows(NULL, DOCENT_ERR_CONNECTION_LOSS) ? "yes" : "no"); }
CALL(retry_delay)
{
    uint64_t delay_ms;
    answers(c, docent_retry_delay(NULL, 1, 0, DOCENT_ERR_CONNECTION_LOSS, 1, &delay_ms) ? "yes" : "no");
}
CALL(outcome_of) { answers(c, docent_outcome_of(DOCENT_OK) == DOCENT_OUTCOME_OK ? "yes" : "no"); }
CALL(stats_bucket_us) { answers(c, docent_stats_bucket_us(0) == 32 ? "yes" : "no"); }
CALL(stats_new)
{
    docent_stats *stats = NULL;
    returns(c, docent_stats_new(NULL, &stats));
    docent_stats_unref(stats);
}
CALL(stats_openmetrics) { answers(c, docent_stats_openmetrics(c->stage->stats, NULL, 0) > 0 ? "some" : "0"); }
CALL(stats_read)
{
    docent_stats_snapshot snapshot = { DOCENT_STATS_SNAPSHOT };
    returns(c, docent_stats_read(c->stage->stats, &snapshot));
}
CALL(stats_ref)
{
    answers(c, docent_stats_ref(c->stage->stats) == c->stage->stats ? "yes" : "no");
    docent_stats_unref(c->stage->stats);
}
CALL(stats_unref) { docent_stats_unref(docent_stats_ref(c->stage->stats)); }
CALL(status_name) { answers(c, docent_status_name(DOCENT_OK) != NULL ? "some" : "none"); }
CALL(status_text) { answers(c, docent_status_text(DOCENT_OK) != NULL ? "some" : "none"); }
CALL(version) { answers(c, docent_version() != NULL ? "some" : "none"); }

/* txn.h */
CALL(txn_new)
{
    docent_txn *txn = NULL;
    returns(c, docent_txn_new(CLIENT, &txn));
    docent_txn_free(txn);
}
CALL(txn_free)
{
    docent_txn_free(c->txn);
    c->txn = NULL;
}
CALL(txn_create) { returns(c, docent_txn_create(c->txn, c->below, NULL, 0, DOCENT_PERSISTENT)); }
CALL(txn_delete) { returns(c, docent_txn_delete(c->txn, c->path, 0)); }
CALL(txn_set) { returns(c, docent_txn_set(c->txn, c->path, "x", 1, 0)); }
CALL(txn_check) { returns(c, docent_txn_check(c->txn, c->path, 0)); }
CALL(txn_add)
{
    docent_op op = docent_op_check(c->path, 0);
    returns(c, docent_txn_add(c->txn, &op));
}
CALL(txn_guard)
{
    ONLY_WITH(hold);
    returns(c, docent_txn_guard(c->txn, c->hold));
}
CALL(txn_size) { answers(c, docent_txn_size(c->txn) == 1 ? "yes" : "no"); }
CALL(txn_fault) { answers(c, docent_txn_fault(c->txn)[0] == '\0' ? "none" : "some"); }
CALL(txn_commit_async) { returns(c, docent_txn_commit_async(c->txn, NULL, on_result, c)); }
CALL(txn_commit) { returns(c, docent_txn_commit(c->txn, NULL, &c->result)); }

#define FUNCTION(name, like) { "docent_" #name, call_##name, like }
static const struct function functions[] = {
    FUNCTION(acl_auth, 0),
    FUNCTION(acl_check, 0),
    FUNCTION(acl_copy, 0),
    FUNCTION(acl_creator_all, 0),
    FUNCTION(acl_digest, 0),
    FUNCTION(acl_equal, 0),
    FUNCTION(acl_free, 0),
    FUNCTION(acl_ip, 0),
    FUNCTION(acl_open, 0),
    FUNCTION(acl_parse, 0),
    FUNCTION(acl_read_only, 0),
    FUNCTION(acl_text, 0),
    FUNCTION(acl_world, 0),
    FUNCTION(acl_x509, 0),
    FUNCTION(barrier_close, ANSWERS | LASTS | BARRIERS),
    FUNCTION(barrier_info, BARRIERS),
    FUNCTION(barrier_new, 0),
    FUNCTION(barrier_remove, BARRIERS),
    FUNCTION(barrier_remove_async, ANSWERS | BARRIERS),
    FUNCTION(barrier_set, BARRIERS),
    FUNCTION(barrier_set_async, ANSWERS | BARRIERS),
    FUNCTION(barrier_wait, BARRIERS),
    FUNCTION(barrier_wait_async, ANSWERS | BARRIERS),
    FUNCTION(batch_read, 0),
    FUNCTION(batch_read_async, ANSWERS),
    FUNCTION(cache_bytes, CACHES),
    FUNCTION(cache_children, CACHES),
    FUNCTION(cache_close, ANSWERS | LASTS | CACHES),
    FUNCTION(cache_failures, CACHES),
    FUNCTION(cache_get, CACHES),
    FUNCTION(cache_is_fresh, CACHES),
    FUNCTION(cache_is_initialized, CACHES),
    FUNCTION(cache_refresh, CACHES),
    FUNCTION(cache_size, CACHES),
    FUNCTION(cache_snapshot, CACHES),
    FUNCTION(cache_subscribe, ANSWERS | LASTS | CACHES),
    FUNCTION(cache_visit, CACHES),
    FUNCTION(cache_wait, CACHES),
    FUNCTION(cache_wait_async, ANSWERS | CACHES),
    FUNCTION(children, 0),
    FUNCTION(children_async, ANSWERS),
    FUNCTION(children_cache_new, 0),
    FUNCTION(children_watch_close, ANSWERS | LASTS | WATCHES),
    FUNCTION(children_watch_new, 0),
    FUNCTION(claim_queue_close, ANSWERS | LASTS | QUEUES),
    FUNCTION(claim_queue_info, QUEUES),
    FUNCTION(claim_queue_new, 0),
    FUNCTION(claim_queue_put, QUEUES),
    FUNCTION(claim_queue_put_async, ANSWERS | QUEUES),
    FUNCTION(claim_queue_put_many, QUEUES),
    FUNCTION(claim_queue_put_many_async, ANSWERS | QUEUES),
    FUNCTION(claim_queue_take, QUEUES),
    FUNCTION(claim_queue_take_async, ANSWERS | QUEUES),
    FUNCTION(client_add_auth, 0),
    FUNCTION(client_dump, 0),
    FUNCTION(client_ensemble, 0),
    FUNCTION(client_get_generation, 0),
    FUNCTION(client_lease_ms, 0),
    FUNCTION(client_listen, ANSWERS | LASTS),
    FUNCTION(client_listen_with, ANSWERS | LASTS),
    FUNCTION(client_new, 0),
    FUNCTION(client_post, ANSWERS),
    FUNCTION(client_server, 0),
    FUNCTION(client_session, 0),
    FUNCTION(client_session_timeout_ms, 0),
    FUNCTION(client_set_servers, 0),
    FUNCTION(client_state, 0),
    FUNCTION(client_stats, 0),
    FUNCTION(client_unlisten, ANSWERS | LASTS),
    FUNCTION(client_view, 0),
    FUNCTION(client_wait_connected, 0),
    FUNCTION(config_close, ANSWERS | LASTS | CONFIGS),
    FUNCTION(config_get_bool, CONFIGS),
    FUNCTION(config_get_int, CONFIGS),
    FUNCTION(config_get_real, CONFIGS),
    FUNCTION(config_get_state, CONFIGS),
    FUNCTION(config_get_string, CONFIGS),
    FUNCTION(config_key_escape, 0),
    FUNCTION(config_new, 0),
    FUNCTION(config_snapshot, CONFIGS),
    FUNCTION(config_values_bool, CONFIGS),
    FUNCTION(config_values_int, CONFIGS),
    FUNCTION(config_values_json, CONFIGS),
    FUNCTION(config_values_real, CONFIGS),
    FUNCTION(config_values_ref, CONFIGS),
    FUNCTION(config_values_size, CONFIGS),
    FUNCTION(config_values_source, CONFIGS),
    FUNCTION(config_values_string, CONFIGS),
    FUNCTION(config_values_type, CONFIGS),
    FUNCTION(config_values_unref, CONFIGS),
    FUNCTION(config_values_visit, CONFIGS),
    FUNCTION(config_values_zxid, CONFIGS),
    FUNCTION(config_wait, CONFIGS),
    FUNCTION(config_wait_async, ANSWERS | CONFIGS),
    FUNCTION(connect_string_check, 0),
    FUNCTION(countdown_close, ANSWERS | LASTS | BARRIERS),
    FUNCTION(countdown_count_down, BARRIERS),
    FUNCTION(countdown_count_down_async, ANSWERS | BARRIERS),
    FUNCTION(countdown_create, BARRIERS),
    FUNCTION(countdown_create_async, ANSWERS | BARRIERS),
    FUNCTION(countdown_info, BARRIERS),
    FUNCTION(countdown_new, 0),
    FUNCTION(countdown_wait, BARRIERS),
    FUNCTION(countdown_wait_async, ANSWERS | BARRIERS),
    FUNCTION(create, 0),
    FUNCTION(create_async, ANSWERS),
    FUNCTION(create_node, 0),
    FUNCTION(create_node_async, ANSWERS),
    FUNCTION(data_watch_close, ANSWERS | LASTS | WATCHES),
    FUNCTION(data_watch_new, 0),
    FUNCTION(delete, 0),
    FUNCTION(delete_async, ANSWERS),
    FUNCTION(delete_node, 0),
    FUNCTION(delete_node_async, ANSWERS),
    FUNCTION(digest_id, 0),
    FUNCTION(double_barrier_close, ANSWERS | LASTS | BARRIERS),
    FUNCTION(double_barrier_enter, BARRIERS),
    FUNCTION(double_barrier_enter_async, ANSWERS | BARRIERS),
    FUNCTION(double_barrier_get_state, BARRIERS),
    FUNCTION(double_barrier_hold, BARRIERS),
    FUNCTION(double_barrier_info, BARRIERS),
    FUNCTION(double_barrier_leave, BARRIERS),
    FUNCTION(double_barrier_leave_async, ANSWERS | BARRIERS),
    FUNCTION(double_barrier_new, 0),
    FUNCTION(ensemble_free, 0),
    FUNCTION(ensemble_parse, 0),
    FUNCTION(ensure_path, 0),
    FUNCTION(ensure_path_async, ANSWERS),
    FUNCTION(exists, 0),
    FUNCTION(exists_async, ANSWERS),
    FUNCTION(get, 0),
    FUNCTION(get_async, ANSWERS),
    FUNCTION(hold_czxid, HOLDS),
    FUNCTION(hold_generation, HOLDS),
    FUNCTION(hold_path, HOLDS),
    FUNCTION(hold_ref, HOLDS),
    FUNCTION(hold_unref, HOLDS),
    FUNCTION(item_acknowledge, QUEUES),
    FUNCTION(item_acknowledge_async, ANSWERS | LASTS | QUEUES),
    FUNCTION(item_close, ANSWERS | LASTS | QUEUES),
    FUNCTION(item_data, QUEUES),
    FUNCTION(item_hold, QUEUES),
    FUNCTION(item_is_claimed, QUEUES),
    FUNCTION(item_path, QUEUES),
    FUNCTION(item_requeue, QUEUES),
    FUNCTION(item_requeue_async, ANSWERS | LASTS | QUEUES),
    FUNCTION(lease_acquire, LEASES),
    FUNCTION(lease_acquire_async, ANSWERS | LEASES),
    FUNCTION(lease_close, ANSWERS | LASTS | LEASES),
    FUNCTION(lease_info, LEASES),
    FUNCTION(lease_left_ms, LEASES),
    FUNCTION(lease_new, 0),
    FUNCTION(lease_slot, LEASES),
    FUNCTION(leader_latch_await, LATCHES),
    FUNCTION(leader_latch_await_async, ANSWERS | LATCHES),
    FUNCTION(leader_latch_close, ANSWERS | LASTS | LATCHES),
    FUNCTION(leader_latch_has_leadership, LATCHES),
    FUNCTION(leader_latch_hold, LATCHES),
    FUNCTION(leader_latch_info, LATCHES),
    FUNCTION(leader_latch_leader, LATCHES),
    FUNCTION(leader_latch_leader_async, ANSWERS | LATCHES),
    FUNCTION(leader_latch_listen, LATCHES),
    FUNCTION(leader_latch_new, 0),
    FUNCTION(leader_latch_participants, LATCHES),
    FUNCTION(leader_latch_participants_async, ANSWERS | LATCHES),
    FUNCTION(leader_latch_start, LATCHES),
    FUNCTION(leader_latch_token, LATCHES),
    FUNCTION(leader_latch_unlisten, LATCHES),
    FUNCTION(leader_selector_close, ANSWERS | LASTS | SELECTORS),
    FUNCTION(leader_selector_has_leadership, SELECTORS),
    FUNCTION(leader_selector_hold, SELECTORS),
    FUNCTION(leader_selector_info, SELECTORS),
    FUNCTION(leader_selector_interrupt, SELECTORS),
    FUNCTION(leader_selector_leader, SELECTORS),
    FUNCTION(leader_selector_leader_async, ANSWERS | SELECTORS),
    FUNCTION(leader_selector_new, 0),
    FUNCTION(leader_selector_participants, SELECTORS),
    FUNCTION(leader_selector_participants_async, ANSWERS | SELECTORS),
    FUNCTION(leader_selector_relinquish, SELECTORS),
    FUNCTION(leader_selector_requeue, SELECTORS),
    FUNCTION(leader_selector_run, 0),
    FUNCTION(leader_selector_start, SELECTORS),
    FUNCTION(leader_selector_token, SELECTORS),
    FUNCTION(lock_acquire, 0),
    FUNCTION(lock_acquire_async, ANSWERS),
    FUNCTION(lock_close, ANSWERS | LASTS | HOLDS),
    FUNCTION(lock_get_state, HOLDS),
    FUNCTION(lock_hold, HOLDS),
    FUNCTION(lock_info, HOLDS),
    FUNCTION(lock_new, 0),
    FUNCTION(lock_participants, HOLDS),
    FUNCTION(lock_participants_async, ANSWERS | HOLDS),
    FUNCTION(lock_release, HOLDS),
    FUNCTION(lock_release_async, ANSWERS | LASTS | HOLDS),
    FUNCTION(lock_release_wait, HOLDS),
    FUNCTION(lock_revoke, HOLDS),
    FUNCTION(lock_revoke_async, ANSWERS | HOLDS),
    FUNCTION(lock_token, HOLDS),
    FUNCTION(multi, 0),
    FUNCTION(multi_async, ANSWERS),
    FUNCTION(mutex_acquire, MUTEXES),
    FUNCTION(mutex_acquire_async, ANSWERS | MUTEXES),
    FUNCTION(mutex_close, ANSWERS | LASTS | MUTEXES),
    FUNCTION(mutex_count, MUTEXES),
    FUNCTION(mutex_get_state, MUTEXES),
    FUNCTION(mutex_hold, MUTEXES),
    FUNCTION(mutex_info, MUTEXES),
    FUNCTION(mutex_new, 0),
    FUNCTION(mutex_release, MUTEXES),
    FUNCTION(mutex_release_async, ANSWERS | LASTS | MUTEXES),
    FUNCTION(mutex_release_wait, MUTEXES),
    FUNCTION(mutex_token, MUTEXES),
    FUNCTION(multi_lock_acquire, 0),
    FUNCTION(multi_lock_acquire_async, ANSWERS),
    FUNCTION(multi_lock_close, ANSWERS | LASTS),
    FUNCTION(multi_lock_count, 0),
    FUNCTION(multi_lock_get_state, 0),
    FUNCTION(multi_lock_info, 0),
    FUNCTION(multi_lock_member, 0),
    FUNCTION(multi_lock_new, 0),
    FUNCTION(multi_lock_release, 0),
    FUNCTION(multi_lock_release_async, ANSWERS),
    FUNCTION(multi_lock_release_wait, 0),
    FUNCTION(node_cache_get, CACHES),
    FUNCTION(node_cache_new, 0),
    FUNCTION(node_data, CACHES),
    FUNCTION(node_has_data, CACHES),
    FUNCTION(node_path, CACHES),
    FUNCTION(node_ref, CACHES),
    FUNCTION(node_stat, CACHES),
    FUNCTION(node_unref, CACHES),
    FUNCTION(op_check, 0),
    FUNCTION(op_check_watches, 0),
    FUNCTION(op_child_count, 0),
    FUNCTION(op_children, 0),
    FUNCTION(op_create, 0),
    FUNCTION(op_delete, 0),
    FUNCTION(op_ephemerals, 0),
    FUNCTION(op_exists, 0),
    FUNCTION(op_get, 0),
    FUNCTION(op_get_acl, 0),
    FUNCTION(op_multi, 0),
    FUNCTION(op_multi_read, 0),
    FUNCTION(op_reconfig, 0),
    FUNCTION(op_set, 0),
    FUNCTION(op_set_acl, 0),
    FUNCTION(op_sync, 0),
    FUNCTION(op_who_am_i, 0),
    FUNCTION(outcome_of, 0),
    FUNCTION(pending_deletes, 0),
    FUNCTION(permit_close, ANSWERS | LASTS | SEMAPHORES),
    FUNCTION(permit_count, SEMAPHORES),
    FUNCTION(permit_get_state, SEMAPHORES),
    FUNCTION(permit_hold, SEMAPHORES),
    FUNCTION(permit_info, SEMAPHORES),
    FUNCTION(permit_return, SEMAPHORES),
    FUNCTION(permit_token, SEMAPHORES),
    FUNCTION(poll_dispatch, 0),
    FUNCTION(poll_free, 0),
    FUNCTION(poll_new, 0),
    FUNCTION(poll_prepare, 0),
    FUNCTION(queue_close, ANSWERS | LASTS | QUEUES),
    FUNCTION(queue_info, QUEUES),
    FUNCTION(queue_new, 0),
    FUNCTION(queue_peek, QUEUES),
    FUNCTION(queue_peek_async, ANSWERS | QUEUES),
    FUNCTION(queue_put, QUEUES),
    FUNCTION(queue_put_async, ANSWERS | QUEUES),
    FUNCTION(queue_put_many, QUEUES),
    FUNCTION(queue_put_many_async, ANSWERS | QUEUES),
    FUNCTION(queue_sharder_close, ANSWERS | LASTS | SHARDS),
    FUNCTION(queue_sharder_info, SHARDS),
    FUNCTION(queue_sharder_new, 0),
    FUNCTION(queue_sharder_put, SHARDS),
    FUNCTION(queue_sharder_put_async, ANSWERS | SHARDS),
    FUNCTION(queue_sharder_shard_count, SHARDS),
    FUNCTION(queue_sharder_start, SHARDS),
    FUNCTION(queue_size, QUEUES),
    FUNCTION(queue_size_async, ANSWERS | QUEUES),
    FUNCTION(queue_take, QUEUES),
    FUNCTION(queue_take_async, ANSWERS | QUEUES),
    FUNCTION(read_linearizable, 0),
    FUNCTION(read_linearizable_async, ANSWERS),
    FUNCTION(reconfig, 0),
    FUNCTION(reconfig_async, ANSWERS),
    FUNCTION(result_copy, 0),
    FUNCTION(result_free, 0),
    FUNCTION(result_info, 0),
    FUNCTION(retry_allows, 0),
    FUNCTION(retry_delay, 0),
    FUNCTION(run, 0),
    FUNCTION(run_async, ANSWERS),
    FUNCTION(rwlock_close, ANSWERS | LASTS),
    FUNCTION(rwlock_new, 0),
    FUNCTION(rwlock_read, 0),
    FUNCTION(rwlock_write, 0),
    FUNCTION(semaphore_acquire, SEMAPHORES),
    FUNCTION(semaphore_acquire_async, ANSWERS | SEMAPHORES),
    FUNCTION(semaphore_close, ANSWERS | LASTS | SEMAPHORES),
    FUNCTION(semaphore_info, SEMAPHORES),
    FUNCTION(semaphore_new, 0),
    FUNCTION(semaphore_participants, SEMAPHORES),
    FUNCTION(semaphore_participants_async, ANSWERS | SEMAPHORES),
    FUNCTION(set, 0),
    FUNCTION(set_async, ANSWERS),
    FUNCTION(set_node, 0),
    FUNCTION(set_node_async, ANSWERS),
    FUNCTION(snapshot_count, CACHES),
    FUNCTION(snapshot_free, CACHES),
    FUNCTION(snapshot_node, CACHES),
    FUNCTION(state_is_error, 0),
    FUNCTION(stats_bucket_us, 0),
    FUNCTION(stats_new, 0),
    FUNCTION(stats_openmetrics, 0),
    FUNCTION(stats_read, 0),
    FUNCTION(stats_ref, 0),
    FUNCTION(stats_unref, 0),
    FUNCTION(status_name, 0),
    FUNCTION(status_text, 0),
    FUNCTION(subscription_cancel, ANSWERS | LASTS | CACHES),
    FUNCTION(sync, 0),
    FUNCTION(sync_async, ANSWERS),
    FUNCTION(sync_queue_close, ANSWERS | LASTS | BARRIERS),
    FUNCTION(sync_queue_gather, BARRIERS),
    FUNCTION(sync_queue_gather_async, ANSWERS | BARRIERS),
    FUNCTION(sync_queue_info, BARRIERS),
    FUNCTION(sync_queue_new, 0),
    FUNCTION(sync_queue_round, BARRIERS),
    FUNCTION(topic_publish, 0),
    FUNCTION(topic_publish_async, ANSWERS),
    FUNCTION(topic_subscribe, 0),
    FUNCTION(topic_unsubscribe, ANSWERS | LASTS | WATCHES),
    FUNCTION(tree_cache_new, 0),
    FUNCTION(txn_add, 0),
    FUNCTION(txn_check, 0),
    FUNCTION(txn_commit, 0),
    FUNCTION(txn_commit_async, ANSWERS),
    FUNCTION(txn_create, 0),
    FUNCTION(txn_delete, 0),
    FUNCTION(txn_fault, 0),
    FUNCTION(txn_free, 0),
    FUNCTION(txn_guard, HOLDS),
    FUNCTION(txn_new, 0),
    FUNCTION(txn_set, 0),
    FUNCTION(txn_size, 0),
    FUNCTION(update, 0),
    FUNCTION(update_async, ANSWERS),
    FUNCTION(version, 0),
    FUNCTION(view_release, 0),
    FUNCTION(watch_async, ANSWERS | LASTS),
    FUNCTION(watch_cancel, ANSWERS | LASTS),
    FUNCTION(watcher_close, ANSWERS | LASTS | WATCHES),
    FUNCTION(watcher_new, 0),
    FUNCTION(watcher_status, WATCHES),
    FUNCTION(work_item_done, WORKS),
    FUNCTION(work_item_elements, WORKS),
    FUNCTION(work_item_hold, WORKS),
    FUNCTION(work_item_name, WORKS),
    FUNCTION(work_queue_close, ANSWERS | LASTS | WORKS),
    FUNCTION(work_queue_flush, WORKS),
    FUNCTION(work_queue_flush_async, ANSWERS | WORKS),
    FUNCTION(work_queue_info, WORKS),
    FUNCTION(work_queue_last_count, WORKS),
    FUNCTION(work_queue_new, 0),
    FUNCTION(work_queue_put, WORKS),
    FUNCTION(work_queue_put_async, ANSWERS | WORKS),
    FUNCTION(work_queue_remove, WORKS),
    FUNCTION(work_queue_remove_async, ANSWERS | WORKS),
    /* Last: it is called when the others have been answered. */
    FUNCTION(client_close, ANSWERS | LASTS),
};

enum { FUNCTIONS = sizeof functions / sizeof *functions, CLOSE = FUNCTIONS - 1 };

/* ---- A stage. ---- */

static void turn(struct stage *s)
{
    if (s->driver == BY_POLL) {
        struct pollfd fds[ROOM];
        size_t count;
        int timeout_ms;
        need(docent_poll_prepare(s->poll, fds, ROOM, &count, &timeout_ms), "prepare");
        poll(fds, (nfds_t)count, timeout_ms == 0 ? 0 : 1);
        need(docent_poll_dispatch(s->poll), "dispatch");
    } else if (s->driver == BY_BASE) {
        event_base_loop(s->base, EVLOOP_NONBLOCK);
        pause_ms(1);
    } else {
        pause_ms(1);
    }
}

#define TURN_UNTIL(stage, condition) \
    do { \
        for (int turns = 0; turns < PATIENCE_MS && !(condition); turns++) turn(stage); \
        if (!(condition)) fail("this never came about: " #condition); \
    } while (0)

/* What has to go before the client does. */
static void let_go(struct cell *c)
{
    docent_txn_free(c->txn);
    docent_view_release(c->view);
    c->txn = NULL;
    c->view = NULL;
}

static void make_the_call(struct cell *c)
{
    c->calls = true;
    c->function->call(c);
    c->calls = false;
    if (c->answer[0] == '\0') answers(c, "done"); /* It returns nothing. */
    docent_result_free(c->result);
}

static void make_all_calls(struct stage *s)
{
    for (int i = 0; i < CLOSE; i++) {
        make_the_call(&s->cells[i]);
        let_go(&s->cells[i]);
    }
}

static void make_the_last_call(struct stage *s)
{
    let_go(&s->cells[CLOSE]);
    make_the_call(&s->cells[CLOSE]);
}

static void on_stage_state(const docent_state_event *event, void *user)
{
    struct stage *s = user;
    bool ends = s->state == CLOSING || s->state == CLOSED;
    if (event->state == DOCENT_CLOSED && s->place == CALLBACK && ends) {
        make_all_calls(s);
        make_the_last_call(s);
    }
    s->state_told = (int)event->state;
}

static void on_held(docent_status status, void *user)
{
    need(status, "lock");
    ((struct stage *)user)->held++;
}

static void on_item(docent_status status, docent_item *item, void *user)
{
    struct cell *c = user;
    need(status, "item");
    c->item = item;
    c->stage->held++;
}

static void on_work(docent_work_queue *queue, docent_work_item *item, void *user)
{
    struct cell *c = user;
    (void)queue;
    if (c->work_item != NULL) { /* One is enough. */
        docent_work_item_done(item, DOCENT_WORK_DONE);
        return;
    }
    c->work_item = item;
    c->stage->held++;
}

static void on_shard(docent_queue_sharder *sharder, const char *name, docent_work_queue *queue, void *user)
{
    struct stage *s = user;
    (void)sharder;
    (void)name;
    (void)queue;
    s->held++;
}

static void make_shards(struct cell *c, bool holds)
{
    char leader[sizeof c->path + 8];
    docent_work_queue_options queue = { DOCENT_WORK_QUEUE_OPTIONS, .kind = DOCENT_WORK_QUEUE_ID };
    docent_queue_sharder_options options = { DOCENT_QUEUE_SHARDER_OPTIONS, .queue = &queue, .on_shard = on_shard, .user = c->stage };
    snprintf(leader, sizeof leader, "%s-leader", c->path);
    need(docent_queue_sharder_new(c->stage->client, c->path, leader, &options, &c->sharder), "sharder");
    if (holds) need(docent_queue_sharder_start(c->sharder), "start");
}

static void make_work(struct cell *c, bool holds)
{
    docent_work_queue_options options = { DOCENT_WORK_QUEUE_OPTIONS, .kind = DOCENT_WORK_QUEUE_ID, .lock_path = c->below, .on_item = on_work, .user = c };
    need(docent_work_queue_new(c->stage->client, c->path, &options, &c->work), "work queue");
    if (holds) need(docent_work_queue_put_async(c->work, &(docent_work_put){ DOCENT_WORK_PUT, .id = "first" }, PATIENCE_MS, NULL, NULL), "put");
}

/* On the loop: what the calls work on. */
static void set_up(void *user)
{
    struct stage *s = user;
    bool holds = s->state != BEFORE && s->state != READ_ONLY;
    for (int i = 0; i < FUNCTIONS; i++) {
        struct cell *c = &s->cells[i];
        need(docent_client_view(s->client, "/view", NULL, &c->view), "view");
        need(docent_txn_new(s->client, &c->txn), "transaction");
        need(docent_txn_check(c->txn, c->path, 0), "check");
        need(docent_lock_new(s->client, c->path, NULL, &c->lock), "lock");
        need(docent_rwlock_new(s->client, c->path, NULL, &c->rwlock), "read/write lock");
        need(docent_multi_lock_new(s->client, &(const char *){ c->path }, 1, NULL, &c->multi), "several locks");
        need(docent_poll_new(&c->poll), "loop");
        if (c->function->like & BARRIERS) {
            docent_double_barrier_options alone = { DOCENT_DOUBLE_BARRIER_OPTIONS, .quantity = 1 };
            need(docent_barrier_new(s->client, c->path, NULL, &c->barrier), "barrier");
            need(docent_double_barrier_new(s->client, c->path, &alone, &c->member), "double barrier");
            docent_sync_queue_options single = { DOCENT_SYNC_QUEUE_OPTIONS, .quantity = 1 };
            char gatherers[sizeof c->path + 16];
            snprintf(gatherers, sizeof gatherers, "%s/gatherers", c->path);
            need(docent_sync_queue_new(s->client, gatherers, &single, &c->gatherers), "synchronising queue");
            need(docent_countdown_new(s->client, gatherers, NULL, &c->countdown), "countdown");
        }
        if (c->function->call == call_client_unlisten) need(docent_client_listen(s->client, on_state, c, &c->listener), "listen");
        if (c->function->like & CACHES) need(docent_tree_cache_new(s->client, c->path, NULL, &c->cache), "cache");
        if (c->function->like & CONFIGS) need(docent_config_new(s->client, "/config", NULL, &c->config), "configuration");
        if (c->function->call == call_subscription_cancel) {
            need(docent_cache_subscribe(c->cache, &cache_events, c, &c->subscription), "subscription");
        }
        if (c->function->like & WATCHES) {
            need(docent_watcher_new(s->client, c->path, DOCENT_WATCHER_NODE, on_watcher, NULL, &c->watcher), "watcher");
            need(docent_data_watch_new(s->client, c->path, on_data, NULL, &c->data_watch), "watch for data");
            need(docent_children_watch_new(s->client, c->path, NULL, on_children, NULL, &c->children_watch), "watch for children");
            need(docent_topic_subscribe(s->client, c->path, &topic_events, NULL, &c->subscriber), "subscriber");
        }
        if (c->function->like & LATCHES) need(docent_leader_latch_new(s->client, c->path, NULL, &c->latch), "latch");
        if (c->function->call == call_leader_latch_unlisten) {
            need(docent_leader_latch_listen(c->latch, false, on_leads, c, &c->latch_listener), "listener");
        }
        if (c->function->like & SELECTORS) {
            docent_leader_selector_options options = { DOCENT_LEADER_SELECTOR_OPTIONS, .on_leadership = on_term, .user = s };
            need(docent_leader_selector_new(s->client, c->path, &options, &c->selector), "selector");
        }
        if (c->function->call == call_leader_selector_run) {
            need(docent_leader_selector_new(s->client, c->path, NULL, &c->selector), "selector");
        }
        if (c->function->like & SEMAPHORES) need(docent_semaphore_new(s->client, c->path, &two_leases, &c->semaphore), "semaphore");
        if (c->function->like & MUTEXES) need(docent_mutex_new(s->client, c->path, NULL, &c->mutex), "mutex");
        if (c->function->like & QUEUES) {
            need(docent_queue_new(s->client, c->path, NULL, &c->queue), "queue");
            need(docent_claim_queue_new(s->client, c->path, &kazoo_claims, &c->claim_queue), "queue");
        }
        if (c->function->like & LEASES) need(docent_lease_new(s->client, c->path, &one_minute, &c->lease), "lease");
        if (c->function->like & WORKS) make_work(c, holds);
        if (c->function->like & SHARDS) make_shards(c, holds);
        if (!holds) continue;
        if (c->function->like & QUEUES) {
            docent_create_node_options patient = { /* A put has the client's time-out, which may be brief. */
                DOCENT_CREATE_NODE_OPTIONS, .parents = DOCENT_PARENTS_PERSISTENT, .timeout_ms = DOCENT_FOREVER,
            };
            char item[sizeof c->path + 24];
            snprintf(item, sizeof item, "%s/entries/entry-100-", c->path);
            need(docent_create_node_async(s->client, item, "a", 1, DOCENT_PERSISTENT_SEQUENTIAL, &patient, NULL, NULL), "put");
            need(docent_claim_queue_take_async(c->claim_queue, DOCENT_FOREVER, on_item, c), "take");
        }
        if (c->function->like & MUTEXES) need(docent_mutex_acquire_async(c->mutex, PATIENCE_MS, on_held, s), "acquire");
        if (c->function->like & LEASES) need(docent_lease_acquire_async(c->lease, PATIENCE_MS, on_held, s), "acquire");
        if (c->function->like & LATCHES) {
            need(docent_leader_latch_start(c->latch), "start");
            need(docent_leader_latch_await_async(c->latch, PATIENCE_MS, on_held, s), "await");
        }
        if (c->function->like & SELECTORS) need(docent_leader_selector_start(c->selector), "start");
        if (c->function->like & SEMAPHORES) {
            need(docent_semaphore_acquire_async(c->semaphore, 1, PATIENCE_MS, on_held, s, &c->permit), "acquire");
        }
        if (c->function->like & HOLDS) need(docent_lock_acquire_async(c->lock, PATIENCE_MS, on_held, s), "acquire");
    }
    s->set = true;
}

static int holders(void)
{
    int count = 0;
    for (int i = 0; i < FUNCTIONS; i++) count += (functions[i].like & (HOLDS | SEMAPHORES | MUTEXES | QUEUES | LEASES | WORKS)) != 0;
    for (int i = 0; i < FUNCTIONS; i++) count += (functions[i].like & (LATCHES | SELECTORS | SHARDS)) != 0;
    return count;
}

static void take_holds(void *user)
{
    struct stage *s = user;
    for (int i = 0; i < FUNCTIONS; i++) {
        struct cell *c = &s->cells[i];
        if (c->function->like & HOLDS) c->hold = docent_lock_hold(c->lock);
    }
    s->set = true;
}

static bool caches_are_loaded(const struct stage *s)
{
    for (int i = 0; i < FUNCTIONS; i++) {
        const struct cell *c = &s->cells[i];
        if (c->cache != NULL && !docent_cache_is_fresh(c->cache)) return false;
        if (c->watcher != NULL && docent_watcher_status(c->watcher) != DOCENT_OK) return false;
        if (c->config != NULL && docent_config_get_state(c->config) != DOCENT_CONFIG_CURRENT) return false;
    }
    return true;
}

static void take_nodes(void *user)
{
    struct stage *s = user;
    for (int i = 0; i < FUNCTIONS; i++) {
        struct cell *c = &s->cells[i];
        c->values = docent_config_snapshot(c->config);
        if (c->cache == NULL) continue;
        c->node = docent_cache_get(c->cache, c->path);
        if (c->node == NULL) fail("a cache is empty");
        need(docent_cache_snapshot(c->cache, NULL, &c->snapshot), "snapshot");
    }
    s->set = true;
}

/* When the state is reached: what it would have ended. */
static void set_watch(void *user)
{
    struct stage *s = user;
    for (int i = 0; i < FUNCTIONS; i++) {
        struct cell *c = &s->cells[i];
        if (c->function->call == call_watch_cancel) {
            need(docent_watch_async(s->client, c->path, DOCENT_WATCH_RECURSIVE, on_watch, c, &c->watch), "watch");
        }
    }
    s->set = true;
}

static void forget_handles_that_go(struct stage *s)
{
    for (int i = 0; i < FUNCTIONS; i++) {
        s->cells[i].listener = NULL;
        s->cells[i].subscription = NULL;
    }
}

static void stage_closed(void *user)
{
    ((struct stage *)user)->closed++;
}

static void close_stage(void *user)
{
    struct stage *s = user;
    docent_client_close(s->client, stage_closed, s);
}

static void refuse_credentials(void *user)
{
    struct stage *s = user;
    need(docent_client_add_auth(s->client, "nonsense", "a", 1), "credentials");
}

static void has_turned(void *user)
{
    ((struct stage *)user)->set = true;
}

static void on_loop(struct stage *s, void (*fn)(void *user))
{
    s->set = false;
    need(docent_client_post(s->client, fn, s), "post");
}

static void make_nodes(struct stage *s)
{
    docent_client *client = NULL;
    need(docent_client_new(docent_devserver_connect_string(s->server), NULL, &client), "client");
    need(docent_create(client, "/view", NULL, 0, DOCENT_PERSISTENT, NULL), "node");
    static const char document[] = "{\"int\": 1, \"bool\": true, \"string\": \"text\"}";
    need(docent_create(client, "/config", document, sizeof document - 1, DOCENT_PERSISTENT, NULL), "node");
    for (int i = 0; i < FUNCTIONS; i++) need(docent_create(client, s->cells[i].path, "old", 3, DOCENT_PERSISTENT, NULL), "node");
    docent_client_close(client, NULL, NULL);
}

static void stage_begin(struct stage *s)
{
    docent_devserver_options server_options = { DOCENT_DEVSERVER_OPTIONS, .tick_ms = 50, .max_session_ms = 60000 };
    need(docent_devserver_start(&server_options, &s->server), "server");
    s->cells = calloc(FUNCTIONS, sizeof *s->cells);
    if (s->cells == NULL) fail("no memory");
    for (int i = 0; i < FUNCTIONS; i++) {
        struct cell *c = &s->cells[i];
        c->function = &functions[i];
        c->stage = s;
        snprintf(c->path, sizeof c->path, "/%s", functions[i].name);
        snprintf(c->below, sizeof c->below, "%s/below", c->path);
    }
    make_nodes(s);
    if (s->state == BEFORE) docent_devserver_refuse(s->server);
    if (s->state == READ_ONLY) docent_devserver_read_only(s->server);

    bool offline = s->state == BEFORE || s->state == SUSPENDED || s->state == LOST;
    need(docent_stats_new(NULL, &s->stats), "statistics");
    docent_client_options options = {
        DOCENT_CLIENT_OPTIONS,
        .session_timeout_ms = s->state == LOST ? 2000 : 60000,
        .call_timeout_ms = offline ? BRIEF_MS : PATIENCE_MS,
        .close_timeout_ms = s->state == CLOSING ? PATIENCE_MS : BRIEF_MS,
        .read_only_allowed = s->state == READ_ONLY,
        .flight_recorder_events = 16,
        .stats = s->stats,
        .on_state = on_stage_state,
        .user = s,
    };
    if (s->driver == BY_POLL) need(docent_poll_new(&s->poll), "loop");
    if (s->driver == BY_BASE) s->base = event_base_new();
    options.poll = s->poll;
    options.base = s->base;
    s->state_told = DOCENT_DISCONNECTED;
    need(docent_client_new(docent_devserver_connect_string(s->server), &options, &s->client), "client");
}

/* What hangs on a client that closes ends within a few turns of the loop. */
static void let_all_end(struct stage *s)
{
    for (int i = 0; i < 8 && s->place != CALLBACK; i++) {
        on_loop(s, has_turned);
        TURN_UNTIL(s, s->set);
    }
}

/* Brings the client to its state. */
static void stage_reach(struct stage *s)
{
    on_loop(s, set_up);
    TURN_UNTIL(s, s->set);
    if (s->state == BEFORE) {
        on_loop(s, set_watch);
        TURN_UNTIL(s, s->set);
        return;
    }
    TURN_UNTIL(s, s->state_told == (s->state == READ_ONLY ? DOCENT_READ_ONLY : DOCENT_CONNECTED));
    if (s->state != READ_ONLY) {
        TURN_UNTIL(s, s->held == holders());
        on_loop(s, take_holds);
        TURN_UNTIL(s, s->set);
    }
    TURN_UNTIL(s, caches_are_loaded(s));
    on_loop(s, take_nodes);
    TURN_UNTIL(s, s->set);
    switch (s->state) {
    case SUSPENDED:
        docent_devserver_cut(s->server);
        TURN_UNTIL(s, s->state_told == DOCENT_SUSPENDED);
        break;
    case LOST:
        docent_devserver_cut(s->server);
        TURN_UNTIL(s, s->state_told == DOCENT_LOST);
        break;
    case CLOSING: {
        docent_fault fault = { DOCENT_FAULT, .action = DOCENT_FAULT_HOLD_REPLY, .op = -11 };
        need(docent_devserver_add_fault(s->server, &fault), "fault");
        forget_handles_that_go(s);
        on_loop(s, close_stage);
        TURN_UNTIL(s, s->state_told == DOCENT_CLOSED);
        let_all_end(s);
        return;
    }
    case CLOSED:
        forget_handles_that_go(s);
        on_loop(s, refuse_credentials);
        TURN_UNTIL(s, s->state_told == DOCENT_CLOSED);
        let_all_end(s);
        return;
    case BEFORE:
    case CONNECTED:
    case READ_ONLY:
    case STATES: break;
    }
    on_loop(s, set_watch);
    TURN_UNTIL(s, s->set);
}

/* ---- The places. ---- */

static void in_a_completion(const docent_result *result, void *user)
{
    (void)result;
    struct stage *s = user;
    s->calls(s);
    s->over = true;
}

static void ask_to_be_called(void *user)
{
    struct stage *s = user;
    docent_op op = docent_op_get("/view");
    docent_call_options call = { DOCENT_CALL_OPTIONS, .timeout_ms = s->state == CONNECTED || s->state == READ_ONLY ? PATIENCE_MS : 1 };
    need(docent_run_async(s->client, &op, &call, in_a_completion, s), "call");
}

static void *on_a_thread(void *user)
{
    struct stage *s = user;
    s->calls(s);
    s->over = true;
    return NULL;
}

static void print_answer(const struct cell *c)
{
    char line[256], outcome[ANSWER_MAX + 32] = "";
    bool owed = (c->function->like & ANSWERS) && c->accepted, left_out = strcmp(c->answer, "-") == 0;
    if (c->told == 1 && owed) snprintf(outcome, sizeof outcome, " > %s%s", c->outcome, c->inside ? " inside" : "");
    if (c->told == 0 && owed) snprintf(outcome, sizeof outcome, " > never");
    if (c->told > 1 || (c->told > 0 && !owed && !left_out)) snprintf(outcome, sizeof outcome, " > told %d times", c->told);
    int size = snprintf(line, sizeof line, "%s\t%s\t%s\t%s%s\n", c->function->name, state_names[c->stage->state],
                        place_names[c->stage->place], c->answer, outcome);
    if (write(STDOUT_FILENO, line, (size_t)size) != size) _exit(1);
}

static void print_all_answers(struct stage *s)
{
    for (int i = 0; i < FUNCTIONS; i++) print_answer(&s->cells[i]);
}

static void in_a_child(struct stage *s)
{
    pid_t child = fork();
    if (child == 0) {
        make_all_calls(s);
        make_the_last_call(s);
        print_all_answers(s);
        _exit(0);
    }
    int result = -1;
    if (child < 0 || waitpid(child, &result, 0) != child) fail("no child");
    if (!WIFEXITED(result) || WEXITSTATUS(result) != 0) fail("the child did not end well");
}

static bool all_are_told(const struct stage *s)
{
    for (int i = 0; i < FUNCTIONS; i++) {
        const struct cell *c = &s->cells[i];
        if ((c->function->like & ANSWERS) && !(c->function->like & LASTS) && c->accepted && c->told == 0) return false;
    }
    return true;
}

static void stage_calls(struct stage *s, void (*calls)(struct stage *s))
{
    pthread_t thread;
    s->calls = calls;
    s->over = false;
    bool ends = s->state == CLOSING || s->state == CLOSED;
    switch (s->place) {
    case LOOP: calls(s); break;
    case CALLBACK:
        if (ends) break; /* They were made. */
        on_loop(s, ask_to_be_called);
        TURN_UNTIL(s, s->over);
        break;
    case FOREIGN:
        if (pthread_create(&thread, NULL, on_a_thread, s) != 0) fail("no thread");
        TURN_UNTIL(s, s->over);
        pthread_join(thread, NULL);
        break;
    case FORKED:
    case PLACES: break;
    }
}

/* ---- The end of a stage. ---- */

static void free_loops(struct stage *s)
{
    for (int i = 0; i < FUNCTIONS; i++) {
        if (s->cells[i].poll == NULL) continue;
        need(docent_poll_dispatch(s->cells[i].poll), "dispatch"); /* Makes it ours. */
        need(docent_poll_free(s->cells[i].poll), "loop");
    }
}

static void stage_end(struct stage *s)
{
    if (s->place == FORKED) {
        for (int i = 0; i < FUNCTIONS; i++) let_go(&s->cells[i]);
        if (s->state != CLOSING) docent_client_close(s->client, stage_closed, s);
    }
    docent_devserver_clear_faults(s->server);
    TURN_UNTIL(s, s->closed + s->cells[CLOSE].told > 0);
    if (s->driver == BY_THREAD) pause_ms(BRIEF_MS); /* It leaves behind the callback. */
    for (int i = 0; i < FUNCTIONS; i++) {
        docent_lock_close(s->cells[i].lock, NULL, NULL);
        docent_mutex_close(s->cells[i].mutex, NULL, NULL);
        docent_item_close(s->cells[i].item, NULL, NULL);
        docent_item_close(s->cells[i].item_taken, NULL, NULL);
        docent_claim_queue_close(s->cells[i].claim_queue, NULL, NULL);
        docent_queue_close(s->cells[i].queue, NULL, NULL);
        docent_lease_close(s->cells[i].lease, NULL, NULL);
        docent_leader_latch_close(s->cells[i].latch, NULL, NULL);
        docent_leader_selector_close(s->cells[i].selector, NULL, NULL);
        docent_permit_close(s->cells[i].permit, NULL, NULL);
        docent_permit_close(s->cells[i].permit_made, NULL, NULL);
        docent_semaphore_close(s->cells[i].semaphore, NULL, NULL);
        docent_barrier_close(s->cells[i].barrier, NULL, NULL);
        docent_double_barrier_close(s->cells[i].member, NULL, NULL);
        docent_rwlock_close(s->cells[i].rwlock, NULL, NULL);
        docent_multi_lock_close(s->cells[i].multi, NULL, NULL);
        docent_work_item_done(s->cells[i].work_item, DOCENT_WORK_DONE);
        docent_work_queue_close(s->cells[i].work, NULL, NULL);
        docent_queue_sharder_close(s->cells[i].sharder, NULL, NULL);
        docent_countdown_close(s->cells[i].countdown, NULL, NULL);
        docent_sync_queue_close(s->cells[i].gatherers, NULL, NULL);
        docent_hold_unref(s->cells[i].hold);
        docent_cache_close(s->cells[i].cache, NULL, NULL);
        docent_watcher_close(s->cells[i].watcher, NULL, NULL);
        docent_data_watch_close(s->cells[i].data_watch, NULL, NULL);
        docent_children_watch_close(s->cells[i].children_watch, NULL, NULL);
        docent_topic_unsubscribe(s->cells[i].subscriber, NULL, NULL);
        docent_config_values_unref(s->cells[i].values);
        docent_config_close(s->cells[i].config, NULL, NULL);
        docent_node_unref(s->cells[i].node);
        docent_snapshot_free(s->cells[i].snapshot);
    }
    if (s->place != FORKED) print_all_answers(s);
    free_loops(s);
    need(docent_poll_free(s->poll), "loop");
    if (s->base != NULL) event_base_free(s->base);
    docent_stats_unref(s->stats);
    docent_devserver_stop(s->server);
    free(s->cells);
}

int main(int argc, char **argv)
{
    static const char *const drivers[] = { "poll", "base", "thread" };
    for (int driver = BY_POLL; driver <= BY_THREAD; driver++) {
        if (argc != 2 || strcmp(argv[1], drivers[driver]) != 0) continue;
        for (int state = 0; state < STATES; state++) {
            for (int place = 0; place < PLACES; place++) {
                if (driver == BY_THREAD && place == LOOP) continue; /* That thread does nothing outside of callbacks. */
                struct stage s = { .driver = (enum driver)driver, .state = (enum state)state, .place = (enum place)place };
                stage_begin(&s);
                stage_reach(&s);
                if (place == FORKED) {
                    in_a_child(&s);
                } else {
                    stage_calls(&s, make_all_calls);
                    TURN_UNTIL(&s, all_are_told(&s));
                    stage_calls(&s, make_the_last_call);
                }
                stage_end(&s);
            }
        }
        return 0;
    }
    fputs("usage: calls poll|base|thread\n", stderr);
    return 2;
}
