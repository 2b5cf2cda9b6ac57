/* watch_tree.c - the changes of a subtree as they come, with what has become of each node: a tree cache that is told aloud.
 *
 *     watch_tree CONNECT PATH
 *
 * After a lost connection what was missed is found and told before "up to date again". */
#include <signal.h>
#include <stdio.h>

#include <event2/event.h>

#include <docent/docent.h>

struct app {
    docent_client *client;
    docent_cache *cache;
    struct event *interrupt;
};

static void say(const char *what, const docent_node *node)
{
    size_t size;
    const char *data = docent_node_data(node, &size);
    printf("%s %s: %zu bytes%s%.40s, version %d\n", what, docent_node_path(node), size, data == NULL ? "" : " ", data == NULL ? "" : data,
           (int)docent_node_stat(node).version);
    fflush(stdout);
}

static void on_added(const docent_node *node, void *user)
{
    (void)user;
    say("added  ", node);
}

static void on_changed(const docent_node *before, const docent_node *after, void *user)
{
    (void)before;
    (void)user;
    say("changed", after);
}

static void on_removed(const docent_node *last, void *user)
{
    (void)user;
    say("removed", last);
}

static void on_failed(const char *path, docent_status why, void *user)
{
    (void)user;
    printf("failed  %s: %s\n", path, docent_status_text(why));
    fflush(stdout);
}

static void on_initialized(size_t failed, void *user)
{
    struct app *app = user;
    printf("loaded: %zu nodes, and %zu that cannot be read\n", docent_cache_size(app->cache), failed);
    fflush(stdout);
}

static void on_suspended(void *user)
{
    (void)user;
    printf("no connection: this may be out of date\n");
    fflush(stdout);
}

static void on_fresh(void *user)
{
    (void)user;
    printf("up to date again\n");
    fflush(stdout);
}

static void on_closed(docent_status why, void *user)
{
    struct app *app = user;
    printf("closed: %s\n", docent_status_text(why));
    event_del(app->interrupt);
    docent_client_close(app->client, NULL, NULL);
}

static const docent_cache_events events = {
    DOCENT_CACHE_EVENTS,
    .added = on_added,
    .changed = on_changed,
    .removed = on_removed,
    .failed = on_failed,
    .initialized = on_initialized,
    .suspended = on_suspended,
    .fresh = on_fresh,
    .closed = on_closed,
};

static void on_interrupt(evutil_socket_t number, short what, void *user)
{
    struct app *app = user;
    (void)number;
    (void)what;
    docent_cache_close(app->cache, NULL, NULL); /* on_closed() is told, and closes the client. */
    app->cache = NULL;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: %s CONNECT PATH\n", argv[0]);
        return 2;
    }
    struct app app = {0};
    struct event_base *base = event_base_new();
    if (base == NULL) return 1;
    docent_client_options options = {DOCENT_CLIENT_OPTIONS, .base = base};
    docent_status status = DOCENT_ERR_NO_MEMORY;

    app.interrupt = evsignal_new(base, SIGINT, on_interrupt, &app);
    if (app.interrupt != NULL && event_add(app.interrupt, NULL) == 0) status = docent_client_new(argv[1], &options, &app.client);
    if (status == DOCENT_OK) {
        status = docent_tree_cache_new(app.client, argv[2], NULL, &app.cache);
        if (status == DOCENT_OK) status = docent_cache_subscribe(app.cache, &events, &app, NULL);
        if (status != DOCENT_OK) {
            docent_client_close(app.client, NULL, NULL);
            event_del(app.interrupt);
        }
        event_base_dispatch(base);
    }
    docent_cache_close(app.cache, NULL, NULL);
    if (app.interrupt != NULL) event_free(app.interrupt);
    event_base_free(base);

    if (status != DOCENT_OK) fprintf(stderr, "%s\n", docent_status_text(status));
    return status == DOCENT_OK ? 0 : 1;
}
