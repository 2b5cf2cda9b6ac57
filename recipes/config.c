/* recipes/config.c - the machine of a configuration.
 *
 * It hears from its cache that something has changed, lets it finish reading, and looks at all that there is: documents are made one set of
 * values, which is validated, put in the place of the one before, told, and stored in the file. What does not pass leaves everything as it was,
 * until something changes again.
 *
 * All of this is done by one function, config_work(), in the queue of callbacks, where the application may be called and may close whatever it
 * likes: after each such call it is looked whether we have ended.
 *
 *     no values:     LOADING, and when options.fallback_after_ms have passed, the file is read, once
 *     the file's:    FALLBACK
 *     the servers':  CURRENT, and STALE while the cache says that it may be behind */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <docent/node_cache.h>
#include <docent/tree_cache.h>

#include "recipes/config.h"

enum {
    LOOK_AFTER_MS = 50, /* Of a change; sooner if the cache has nothing left to read. */
    RETRY_AFTER_MS = 100,
    FALLBACK_AFTER_MS = 5000,
    DEPTH_DEFAULT = 64,
    DEPTH_MAX = 1000, /* The stack has to bear it. */
    BYTES_DEFAULT = 16 << 20,
    BYTES_MAX = 1 << 30,
};

struct config_wait {
    struct config_wait *next;
    docent_config *config;
    docent_done_fn done;
    void *user;
    struct docent_timer timer;
    bool late;
};

static docent_config *config_of(const struct handle *handle)
{
    return (docent_config *)(uintptr_t)handle;
}

static void work_soon(docent_config *c)
{
    docent_client_later(c->handle.client, &c->work);
}

static uint64_t now_of(const docent_config *c)
{
    return docent_client_now(c->handle.client);
}

/* ---- What the application is told. ---- */

static void config_reject(const char *path, const char *reason, void *user)
{
    docent_config *c = user;
    if (c->handle.ended) return;
    docent_client_log(c->handle.client, DOCENT_LOG_WARNING, "config.rejected", path, "not taken: %s", reason);
    if (c->options.on_rejected != NULL) c->options.on_rejected(c, path, reason, c->options.user);
}

static void config_show_state(docent_config *c)
{
    docent_config_state before = (docent_config_state)docent_shared_get(&c->state), state = before;
    if (c->current == NULL) {
        state = DOCENT_CONFIG_LOADING;
    } else if (docent_config_values_source(c->current) == DOCENT_CONFIG_FROM_FILE) {
        state = DOCENT_CONFIG_FALLBACK;
    } else if (!docent_cache_is_fresh(c->cache)) {
        state = DOCENT_CONFIG_STALE;
    } else if (!c->dirty || before != DOCENT_CONFIG_STALE) {
        state = DOCENT_CONFIG_CURRENT;
    }
    if (state == before || c->handle.ended) return;
    docent_shared_set(&c->state, state);
    if (c->options.on_state != NULL) c->options.on_state(c, state, c->options.user);
}

/* ---- Accepting. ---- */

static void config_publish(docent_config *c, const docent_config_values *values)
{
    docent_thread_mutex_lock(&c->mutex);
    const docent_config_values *before = c->current;
    c->current = values;
    docent_thread_mutex_unlock(&c->mutex);
    docent_config_values_unref(before);
}

static void config_refuse(docent_config *c, const docent_config_values *values)
{
    docent_config_values_unref(c->refused);
    c->refused = docent_config_values_ref(values);
}

/* @path: whose values they are. False: there is no memory, and nothing has happened. */
static bool config_accept(docent_config *c, const docent_config_values *values, const char *path)
{
    bool from_servers = docent_config_values_source(values) == DOCENT_CONFIG_FROM_SERVERS;
    bool same = docent_config_values_equal(values, c->current);
    if (same && docent_config_values_source(c->current) == docent_config_values_source(values)) {
        config_refuse(c, NULL);
        return true;
    }
    if (docent_config_values_equal(values, c->refused) && docent_config_values_source(c->refused) == docent_config_values_source(values)) return true;
    struct config_reason reason = { "the application's validation refuses it" };
    if (!same && c->options.validate != NULL && !c->options.validate(values, reason.text, sizeof reason.text, c->options.user)) {
        reason.text[sizeof reason.text - 1] = '\0';
        config_refuse(c, values);
        config_reject(path, reason.text, c);
        return true;
    }
    struct docent_config_change change = { .before = docent_config_values_ref(c->current), .after = values };
    const char **keys;
    if (docent_config_values_diff(c->current, values, &c->handle.allocator, &keys, &change.key_count) != DOCENT_OK) {
        docent_config_values_unref(change.before);
        return false;
    }
    change.keys = keys;
    config_refuse(c, NULL);
    config_publish(c, docent_config_values_ref(values));
    if (from_servers && c->file != NULL && docent_config_values_origin(values)->root_czxid != 0) {
        docent_config_values_unref(c->to_store);
        c->to_store = docent_config_values_ref(values);
    }
    if (!c->handle.ended && change.key_count > 0 && c->options.on_change != NULL) c->options.on_change(c, &change, c->options.user);
    docent_free(&c->handle.allocator, keys);
    docent_config_values_unref(change.before);
    return true;
}

/* ---- Looking at what the cache has. ---- */

static void look_soon(docent_config *c)
{
    if (c->handle.ended) return;
    if (!c->dirty) c->look_at = now_of(c) + LOOK_AFTER_MS;
    c->dirty = true;
    work_soon(c);
}

static void on_node(const docent_node *node, void *user)
{
    (void)node;
    look_soon(user);
}

static void on_change(const docent_node *before, const docent_node *after, void *user)
{
    (void)before;
    (void)after;
    look_soon(user);
}

static void on_failed(const char *path, docent_status why, void *user)
{
    config_reject(path, docent_status_text(why), user);
    look_soon(user);
}

static void on_initialized(size_t failed, void *user)
{
    (void)failed;
    look_soon(user);
}

static void on_outage(void *user)
{
    docent_config *c = user;
    if (!c->handle.ended) work_soon(c);
}

static void on_fresh(void *user)
{
    look_soon(user);
}

static const docent_cache_events cache_events = {
    DOCENT_CACHE_EVENTS,
    .added = on_node,
    .changed = on_change,
    .removed = on_node,
    .failed = on_failed,
    .initialized = on_initialized,
    .suspended = on_outage,
    .fresh = on_fresh,
};

static bool cache_is_quiet(const docent_cache *cache)
{
    return cache->flying == 0 && cache->reads.first == NULL && cache->lists.first == NULL;
}

/* False: there is no memory. */
static bool config_look_now(docent_config *c)
{
    struct config_reason reason;
    const docent_allocator *allocator = &c->handle.allocator;
    docent_status status = docent_config_nodes_look(&c->nodes, c->cache, &c->limits, allocator, config_reject, c);
    if (c->handle.ended) return true;
    if (status != DOCENT_OK) return status != DOCENT_ERR_NO_MEMORY;
    bool hidden = !docent_cache_shows(c->cache, c->cache->root) && (c->cache->root->flags & ENTRY_FAILED) != 0;
    if (!docent_config_nodes_has_root(&c->nodes, c->cache)) {
        if (hidden) return true; /* That was told. */
        if (c->options.must_exist) {
            if (!c->missing_told) config_reject(c->path, docent_status_text(DOCENT_ERR_NO_NODE), c);
            c->missing_told = true;
            return true;
        }
    }
    c->missing_told = false;
    bool first = c->current == NULL || docent_config_values_source(c->current) == DOCENT_CONFIG_FROM_FILE;
    if (!c->nodes.changed && !first) return true;
    docent_config_values *values;
    status = docent_config_nodes_values(&c->nodes, c->cache, &c->limits, allocator, &values, &reason);
    if (status == DOCENT_ERR_NO_MEMORY) return false;
    bool good = true;
    if (status == DOCENT_OK) {
        good = config_accept(c, values, c->path);
        docent_config_values_unref(values);
    } else {
        config_reject(c->path, reason.text, c);
    }
    if (good) c->nodes.changed = false;
    return good;
}

static void config_look(docent_config *c)
{
    if (!c->subscribed) {
        docent_status status = docent_cache_subscribe(c->cache, &cache_events, c, NULL);
        c->subscribed = status == DOCENT_OK;
        if (status == DOCENT_ERR_NO_MEMORY) c->retry_at = now_of(c) + RETRY_AFTER_MS;
    }
    if (!c->dirty || !docent_cache_is_initialized(c->cache) || !docent_cache_is_fresh(c->cache)) return;
    if (!cache_is_quiet(c->cache) && now_of(c) < c->look_at) return;
    c->dirty = false;
    if (config_look_now(c) || c->handle.ended) return;
    c->dirty = true;
    c->retry_at = now_of(c) + RETRY_AFTER_MS;
}

/* ---- The file. ---- */

static void on_file(const struct config_file_done *done, void *user)
{
    docent_config *c = user;
    c->outcome.there = true;
    c->outcome.wrote = done->wrote;
    c->outcome.status = done->status;
    c->outcome.values = docent_config_values_ref(done->values);
    docent_config_say(&c->outcome.reason, "%s", done->reason);
    work_soon(c);
}

static void file_failed(docent_config *c, bool writes, docent_status status, const char *reason)
{
    if (c->handle.ended) return;
    if (!writes) {
        config_reject(c->options.file, reason, c);
        return;
    }
    if (status != DOCENT_ERR_BAD_VERSION) {
        docent_client_log(c->handle.client, DOCENT_LOG_WARNING, "config.not_written", NULL, "%s: %s", c->options.file, reason);
    }
    if (c->options.on_written != NULL) c->options.on_written(c, status, reason, c->options.user);
}

/* What its work has come to, and what it is to do next. */
static void config_use_file(docent_config *c)
{
    if (c->outcome.there) {
        const docent_config_values *values = c->outcome.values;
        struct config_reason reason = c->outcome.reason;
        c->outcome.there = false;
        c->outcome.values = NULL;
        if (c->outcome.wrote || c->outcome.status != DOCENT_OK) {
            file_failed(c, c->outcome.wrote, c->outcome.status, reason.text);
        } else if (!c->handle.ended && c->current == NULL && !config_accept(c, values, c->options.file)) {
            file_failed(c, false, DOCENT_ERR_NO_MEMORY, docent_status_text(DOCENT_ERR_NO_MEMORY));
        }
        docent_config_values_unref(values);
    }
    if (c->file == NULL || docent_config_file_is_busy(c->file)) return;
    bool loads = !c->handle.ended && c->current == NULL && now_of(c) >= c->fallback_at;
    if (!loads && c->to_store == NULL) return;
    docent_status status;
    if (loads) {
        c->fallback_at = UINT64_MAX;
        status = docent_config_file_load(c->file);
    } else {
        status = docent_config_file_store(c->file, c->to_store);
        docent_config_values_unref(c->to_store);
        c->to_store = NULL;
    }
    if (status != DOCENT_OK) file_failed(c, !loads, status, docent_status_text(status));
}

/* ---- Whoever waits. ---- */

static void wait_late(struct docent_timer *timer)
{
    struct config_wait *wait = (struct config_wait *)((char *)timer - offsetof(struct config_wait, timer));
    wait->late = true;
    work_soon(wait->config);
}

static void config_tell_waits(docent_config *c)
{
    for (struct config_wait **at = &c->waits; *at != NULL;) {
        struct config_wait *wait = *at;
        bool met = !c->handle.ended && c->current != NULL;
        if (!met && !wait->late && c->why == DOCENT_OK) {
            at = &wait->next;
            continue;
        }
        *at = wait->next;
        docent_timer_stop(c->handle.client, &wait->timer);
        docent_timer_release(c->handle.client);
        docent_status outcome = met ? DOCENT_OK : c->why != DOCENT_OK ? c->why : DOCENT_ERR_TIMEOUT;
        docent_done_fn done = wait->done;
        void *user = wait->user;
        docent_free(&c->handle.allocator, wait);
        if (done != NULL) done(outcome, user);
        at = &c->waits; /* It may have changed meanwhile. */
    }
}

docent_status docent_config_wait_async(docent_config *c, uint32_t timeout_ms, docent_done_fn done, void *user)
{
    if (c == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    docent_status status = docent_handle_check(&c->handle);
    if (status != DOCENT_OK) return status;
    struct config_wait *wait = docent_alloc(&c->handle.allocator, sizeof *wait);
    if (wait == NULL) return DOCENT_ERR_NO_MEMORY;
    status = docent_timer_reserve(c->handle.client);
    if (status != DOCENT_OK) {
        docent_free(&c->handle.allocator, wait);
        return status;
    }
    *wait = (struct config_wait){ .config = c, .done = done, .user = user, .timer = { .fire = wait_late } };
    struct config_wait **last = &c->waits;
    while (*last != NULL) last = &(*last)->next;
    *last = wait;
    if (timeout_ms != DOCENT_FOREVER) docent_timer_set(c->handle.client, &wait->timer, now_of(c) + timeout_ms);
    work_soon(c);
    return DOCENT_OK;
}

/* ---- The work. ---- */

static void config_set_timer(docent_config *c)
{
    uint64_t at = c->retry_at;
    if (c->file != NULL && c->current == NULL && c->fallback_at < at) at = c->fallback_at;
    if (c->dirty && docent_cache_is_fresh(c->cache) && c->look_at < at) at = c->look_at;
    if (at == UINT64_MAX) return;
    docent_machine_timer(&c->handle.machine, at > now_of(c) ? at - now_of(c) : 1);
}

static void config_work(struct docent_later *later)
{
    docent_config *c = (docent_config *)((char *)later - offsetof(docent_config, work));
    c->working = true;
    if (!c->handle.ended) {
        c->retry_at = UINT64_MAX;
        config_look(c);
    }
    config_use_file(c);
    if (!c->handle.ended) config_show_state(c);
    config_tell_waits(c);
    if (!c->handle.ended) config_set_timer(c);
    c->working = false;
    docent_handle_settle(&c->handle);
}

/* ---- From the beginning to the end. ---- */

static void config_attached(struct handle *handle)
{
    docent_config *c = config_of(handle);
    c->fallback_at = now_of(c) + c->options.fallback_after_ms;
    work_soon(c);
}

static void config_on_event(struct handle *handle, const struct docent_event *ev)
{
    docent_config *c = config_of(handle);
    if (ev->type == DOCENT_EV_TIMER && !handle->ended) work_soon(c);
}

static void config_cache_closed(void *user)
{
    docent_config *c = user;
    c->cache_gone = true;
    work_soon(c);
}

static void config_end(struct handle *handle, docent_status why, bool mute)
{
    docent_config *c = config_of(handle);
    docent_cache *cache = c->cache;
    c->why = why;
    c->cache = NULL;
    if (why != DOCENT_ERR_CANCELLED || mute) { /* There may be no loop any more when the work is done. */
        docent_config_file_close(c->file, mute);
        c->file = NULL;
        docent_config_values_unref(c->to_store);
        c->to_store = NULL;
    }
    for (struct config_wait *wait = c->waits; wait != NULL && mute; wait = wait->next) wait->done = NULL;
    if (mute) c->cache_gone = true; /* It ends in silence. */
    docent_cache_close(cache, config_cache_closed, c);
    if (docent_shared_get(&c->state) == DOCENT_CONFIG_CURRENT) docent_shared_set(&c->state, DOCENT_CONFIG_STALE);
    work_soon(c);
}

static bool config_is_over(const struct handle *handle)
{
    const docent_config *c = config_of(handle);
    bool stores = c->to_store != NULL || docent_config_file_is_busy(c->file) || c->outcome.there;
    return c->cache_gone && !c->working && !docent_later_is_queued(&c->work) && c->waits == NULL && (!stores || docent_client_closing(handle->client));
}

static void config_free(struct handle *handle)
{
    docent_config *c = config_of(handle);
    docent_allocator allocator = handle->allocator;
    docent_config_file_close(c->file, false);
    docent_config_nodes_free(&c->nodes, &allocator);
    docent_config_values_unref(c->refused);
    docent_config_values_unref(c->current);
    docent_config_values_unref(c->to_store);
    docent_config_values_unref(c->outcome.values);
    docent_thread_mutex_free(&c->mutex);
    docent_free(&allocator, (char *)(uintptr_t)c->options.file);
    docent_free(&allocator, c->path);
    docent_free(&allocator, c);
}

static const struct handle_kind config_kind = {
    .attached = config_attached,
    .on_event = config_on_event,
    .end = config_end,
    .is_over = config_is_over,
    .free = config_free,
};

/* The servers' own nodes are no documents. */
static bool accept_path(const char *path, void *user)
{
    (void)user;
    return strcmp(path, "/zookeeper") != 0;
}

static docent_status config_open_parts(docent_config *c, docent_client *client, const char *path)
{
    const docent_allocator *allocator = docent_client_allocator(client);
    const char *file = c->options.file;
    c->options.file = NULL;
    c->path = docent_strdup(allocator, path);
    if (c->path == NULL) return DOCENT_ERR_NO_MEMORY;
    if (file != NULL) {
        c->options.file = docent_strdup(allocator, file);
        if (c->options.file == NULL) return DOCENT_ERR_NO_MEMORY;
        docent_status status = docent_config_file_new(client, file, path, &c->limits, on_file, c, &c->file);
        if (status != DOCENT_OK) return status;
    }
    if (c->options.document_only) return docent_node_cache_new(client, path, &c->cache);
    const docent_tree_cache_options tree = {
        DOCENT_TREE_CACHE_OPTIONS,
        .depth_max = c->limits.depth_max + 1, /* What is deeper is to be seen, and refused. */
        .bytes_max = c->limits.bytes_max,
        .accept = accept_path,
    };
    return docent_tree_cache_new(client, path, &tree, &c->cache);
}

docent_status docent_config_new(docent_client *client, const char *path, const docent_config_options *given, docent_config **ret_config)
{
    docent_config_options options = { DOCENT_CONFIG_OPTIONS };
    if (client == NULL || path == NULL || ret_config == NULL || docent_path_fault(path, false) != NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    if (!docent_options_take(&options, sizeof options, given)) return DOCENT_ERR_INVALID_ARGUMENT;
    if (options.fallback_after_ms == 0) options.fallback_after_ms = FALLBACK_AFTER_MS;
    if (options.depth_max == 0) options.depth_max = DEPTH_DEFAULT;
    if (options.bytes_max == 0) options.bytes_max = BYTES_DEFAULT;
    if (options.depth_max > DEPTH_MAX || options.bytes_max > BYTES_MAX || (options.file != NULL && *options.file == '\0')) {
        return DOCENT_ERR_INVALID_ARGUMENT;
    }
    docent_status status = docent_handle_may_open(client);
    if (status != DOCENT_OK) return status;
    const docent_allocator *allocator = docent_client_allocator(client);
    docent_config *c = docent_alloc(allocator, sizeof *c);
    if (c == NULL) return DOCENT_ERR_NO_MEMORY;
    memset(c, 0, sizeof *c);
    c->handle.allocator = *allocator;
    c->options = options;
    c->limits = (struct config_limits){ options.depth_max, options.bytes_max };
    c->fallback_at = c->retry_at = UINT64_MAX;
    c->work.run = config_work;
    docent_thread_mutex_init(&c->mutex);
    status = config_open_parts(c, client, path);
    docent_cache *cache = c->cache;
    if (status == DOCENT_OK) status = docent_handle_open(&c->handle, client, &config_kind);
    if (status != DOCENT_OK) {
        docent_cache_close(cache, NULL, NULL);
        config_free(&c->handle);
        return status;
    }
    *ret_config = c;
    return DOCENT_OK;
}
