/* recipes/topic.c - topics: publishing is a set that makes what is missing; a subscriber is a tree cache whose news pass two filters. */
#include <docent/topic.h>

#include <docent/node.h>
#include <string.h>

#include "recipes/follower.h"
#include "recipes/glob.h"

/* ---- Publishing. ---- */

static const docent_set_node_options publish_options = { DOCENT_SET_NODE_OPTIONS, .create = true, .parents = DOCENT_PARENTS_PERSISTENT };

docent_status docent_topic_publish_async(docent_client *client, const char *path, const void *data, size_t size, docent_result_fn done,
                                         void *user)
{
    return docent_set_node_async(client, path, data, size, DOCENT_ANY_VERSION, &publish_options, done, user);
}

docent_status docent_topic_publish(docent_client *client, const char *path, const void *data, size_t size, docent_stat *ret_stat)
{
    return docent_set_node(client, path, data, size, DOCENT_ANY_VERSION, &publish_options, ret_stat);
}

/* ---- Subscribing. ---- */

struct docent_topic_subscriber {
    struct follower follower; /* First. */
    docent_topic_events events;
    void *user;
    size_t path_size; /* What a topic's path has in front of what the pattern is for. */
    char *pattern;    /* NULL: all. In our block, as the path. */
    char path[];
};

static enum glob_match topic_match(const docent_topic_subscriber *s, const char *path)
{
    if (s->pattern == NULL) return GLOB_YES;
    const char *below = path + s->path_size;
    return docent_glob_match(s->pattern, *below == '/' ? below + 1 : below);
}

static bool topic_passes(docent_topic_subscriber *s, const docent_node *node)
{
    return topic_match(s, docent_node_path(node)) == GLOB_YES && (s->events.wants == NULL || s->events.wants(node, s->user));
}

static bool topic_accept(const char *path, void *user)
{
    return topic_match(user, path) != GLOB_NEVER;
}

static void topic_added(const docent_node *node, void *user)
{
    docent_topic_subscriber *s = user;
    if (s->events.published != NULL && topic_passes(s, node)) s->events.published(node, s->user);
}

static void topic_changed(const docent_node *before, const docent_node *after, void *user)
{
    (void)before;
    topic_added(after, user);
}

static void topic_removed(const docent_node *last, void *user)
{
    docent_topic_subscriber *s = user;
    if (s->events.retracted != NULL && topic_passes(s, last)) s->events.retracted(last, s->user);
}

static void topic_fresh(void *user)
{
    docent_topic_subscriber *s = user;
    if (s->events.caught_up != NULL) s->events.caught_up(s->user);
}

static void topic_initialized(size_t failed, void *user)
{
    (void)failed;
    topic_fresh(user);
}

static void topic_suspended(void *user)
{
    docent_topic_subscriber *s = user;
    if (s->events.suspended != NULL) s->events.suspended(s->user);
}

static void topic_last(struct follower *follower, docent_status why)
{
    docent_topic_subscriber *s = (docent_topic_subscriber *)follower;
    if (s->events.closed != NULL) s->events.closed(why, s->user);
}

docent_status docent_topic_subscribe(docent_client *client, const char *path, const docent_topic_events *events, void *user,
                                     docent_topic_subscriber **ret_subscriber)
{
    docent_topic_events full = { DOCENT_TOPIC_EVENTS };
    if (client == NULL || path == NULL || events == NULL || ret_subscriber == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    if (!docent_options_take(&full, sizeof full, events) || docent_path_fault(path, false) != NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    if (full.pattern != NULL && !docent_glob_is_valid(full.pattern)) return DOCENT_ERR_INVALID_ARGUMENT;
    docent_status status = docent_handle_may_open(client);
    if (status != DOCENT_OK) return status;
    const docent_allocator *allocator = docent_client_allocator(client);
    size_t size = strlen(path) + 1, pattern_size = full.pattern == NULL ? 0 : strlen(full.pattern) + 1;
    docent_topic_subscriber *s = docent_alloc(allocator, sizeof *s + size + pattern_size);
    if (s == NULL) return DOCENT_ERR_NO_MEMORY;
    memset(s, 0, sizeof *s);
    memcpy(s->path, path, size);
    if (full.pattern != NULL) s->pattern = memcpy(s->path + size, full.pattern, pattern_size);
    s->path_size = strcmp(path, "/") == 0 ? 0 : size - 1;
    s->events = full;
    s->events.pattern = s->pattern;
    s->user = user;
    s->follower.path = s->path;
    s->follower.limits = (struct cache_limits){
        .depth_max = UINT32_MAX, .tells_initialized = true, .bytes_max = SIZE_MAX, .accept = topic_accept, .user = s
    };
    s->follower.events = (docent_cache_events){
        DOCENT_CACHE_EVENTS,
        .added = topic_added,
        .changed = topic_changed,
        .removed = topic_removed,
        .initialized = topic_initialized,
        .suspended = topic_suspended,
        .fresh = topic_fresh,
    };
    s->follower.last = topic_last;
    status = docent_follower_open(&s->follower, client);
    if (status != DOCENT_OK) {
        docent_free(allocator, s);
        return status;
    }
    *ret_subscriber = s;
    return DOCENT_OK;
}

void docent_topic_unsubscribe(docent_topic_subscriber *subscriber, void (*closed)(void *user), void *user)
{
    docent_handle_close(subscriber == NULL ? NULL : &subscriber->follower.handle, closed, user);
}
