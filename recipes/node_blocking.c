/* recipes/node_blocking.c - the blocking forms of docent/node.h: the asynchronous ones, and docent_await(). */
#include <string.h>

#include <docent/node.h>

#include "core/client/machine.h"
#include "recipes/blocking.h"

/* On the waiting thread's stack: which call, its arguments, and where the answer goes. */
struct node_wait {
    docent_status (*start)(struct node_wait *wait);
    docent_client *client;
    const char *path;
    const void *data;
    size_t size;
    docent_create_mode mode;
    int32_t version;
    docent_parents parents;
    docent_acl_list acl;
    docent_transform_fn transform;
    void *transform_user;
    const void *options;
    docent_result **ret_result;
    docent_stat *ret_stat;
    struct docent_wait *wait;
};

static void node_wait_done(struct node_wait *w, const docent_result *result)
{
    docent_wait_result(w->wait, result, w->ret_result, w->ret_stat);
}

static void node_done(const docent_result *result, void *user)
{
    node_wait_done(user, result);
}

static docent_status node_started(void *argument, struct docent_wait *wait)
{
    struct node_wait *w = argument;
    w->wait = wait;
    return w->start(w);
}

static docent_status node_await(struct node_wait *w)
{
    return w->client == NULL ? DOCENT_ERR_INVALID_ARGUMENT : docent_await(w->client, node_started, w);
}

static docent_status create_start(struct node_wait *w)
{
    return docent_create_node_async(w->client, w->path, w->data, w->size, w->mode, w->options, node_done, w);
}

docent_status docent_create_node(docent_client *client, const char *path, const void *data, size_t size, docent_create_mode mode,
                                 const docent_create_node_options *options, docent_result **ret_result)
{
    struct node_wait w = { .start = create_start, .client = client, .path = path, .data = data, .size = size, .mode = mode,
                           .options = options, .ret_result = ret_result };
    return node_await(&w);
}

static docent_status delete_start(struct node_wait *w)
{
    return docent_delete_node_async(w->client, w->path, w->version, w->options, node_done, w);
}

docent_status docent_delete_node(docent_client *client, const char *path, int32_t version, const docent_delete_node_options *options)
{
    struct node_wait w = { .start = delete_start, .client = client, .path = path, .version = version, .options = options };
    return node_await(&w);
}

static docent_status set_start(struct node_wait *w)
{
    return docent_set_node_async(w->client, w->path, w->data, w->size, w->version, w->options, node_done, w);
}

docent_status docent_set_node(docent_client *client, const char *path, const void *data, size_t size, int32_t version,
                              const docent_set_node_options *options, docent_stat *ret_stat)
{
    struct node_wait w = { .start = set_start, .client = client, .path = path, .data = data, .size = size, .version = version,
                           .options = options, .ret_stat = ret_stat };
    return node_await(&w);
}

static docent_status ensure_start(struct node_wait *w)
{
    return docent_ensure_path_async(w->client, w->path, w->parents, w->acl, node_done, w);
}

docent_status docent_ensure_path(docent_client *client, const char *path, docent_parents parents, docent_acl_list acl)
{
    struct node_wait w = { .start = ensure_start, .client = client, .path = path, .parents = parents, .acl = acl };
    return node_await(&w);
}

/* The update's callbacks share one pointer: the caller's. So the wait is found another way. */
struct update_wait {
    struct node_wait w;
    docent_update_options options;
};

static docent_status update_transform(const docent_result *current, const void **ret_data, size_t *ret_size, void *user)
{
    struct update_wait *u = user;
    return u->w.transform(current, ret_data, ret_size, u->w.transform_user);
}

static docent_recognised update_recognise(const docent_result *current, const void *data, size_t size, int32_t version, void *user)
{
    struct update_wait *u = user;
    return u->options.recognise(current, data, size, version, u->w.transform_user);
}

static void update_done(const docent_result *result, void *user)
{
    struct update_wait *u = user;
    node_wait_done(&u->w, result);
}

static docent_status update_start(struct node_wait *w)
{
    struct update_wait *u = (struct update_wait *)w;
    docent_update_options options = u->options;
    if (options.recognise != NULL) options.recognise = update_recognise;
    return docent_update_async(w->client, w->path, w->transform == NULL ? NULL : update_transform, &options, update_done, u);
}

docent_status docent_update(docent_client *client, const char *path, docent_transform_fn transform, const docent_update_options *options,
                            docent_stat *ret_stat, void *user)
{
    struct update_wait u = { .w = { .start = update_start, .client = client, .path = path, .transform = transform,
                                    .transform_user = user, .ret_stat = ret_stat } };
    docent_update_options_init(&u.options);
    if (!docent_options_take(&u.options, sizeof u.options, options)) return DOCENT_ERR_INVALID_ARGUMENT;
    return node_await(&u.w);
}

static docent_status read_start(struct node_wait *w)
{
    return docent_read_linearizable_async(w->client, w->path, node_done, w);
}

docent_status docent_read_linearizable(docent_client *client, const char *path, docent_result **ret_result)
{
    struct node_wait w = { .start = read_start, .client = client, .path = path, .ret_result = ret_result };
    return node_await(&w);
}
