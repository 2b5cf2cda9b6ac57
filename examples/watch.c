/* watch.c - a recursive watch: every change below a path, for as long as the program runs.
 *
 *     watch CONNECT PATH
 *
 * A watch tells that something changed, not what it became: read after it. After a reconnect it tells RESET, because changes
 * may have gone by unseen. */
#include <signal.h>
#include <stdio.h>

#include <event2/event.h>

#include <docent/docent.h>

struct app {
    docent_client *client;
    docent_watch *watch;
    struct event *interrupt;
};

static const char *type_text(docent_watch_type type)
{
    switch (type) {
    case DOCENT_WATCH_CREATED:          return "created";
    case DOCENT_WATCH_DELETED:          return "deleted";
    case DOCENT_WATCH_DATA_CHANGED:     return "data changed";
    case DOCENT_WATCH_CHILDREN_CHANGED: return "children changed";
    case DOCENT_WATCH_ARMED:            return "watching";
    case DOCENT_WATCH_RESET:            return "watching again after a gap";
    case DOCENT_WATCH_ENDED:            return "ended";
    }
    return "?";
}

static void on_change(const docent_watch_event *event, void *user)
{
    struct app *app = user;
    printf("%s: %s\n", event->path, type_text(event->type));
    fflush(stdout);
    if (!event->last) return;

    /* The handle is gone. Cancelled is what we asked for; anything else ends the program with its reason. */
    app->watch = NULL;
    if (event->status != DOCENT_ERR_CANCELLED) fprintf(stderr, "%s\n", docent_status_text(event->status));
    event_del(app->interrupt);
    docent_client_close(app->client, NULL, NULL);
}

static void on_interrupt(evutil_socket_t number, short what, void *user)
{
    struct app *app = user;
    (void)number;
    (void)what;
    docent_watch_cancel(app->watch); /* on_change() is told once more, and closes. */
    app->watch = NULL;
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
        status = docent_watch_async(app.client, argv[2], DOCENT_WATCH_RECURSIVE, on_change, &app, &app.watch);
        if (status != DOCENT_OK) {
            docent_client_close(app.client, NULL, NULL);
            event_del(app.interrupt);
        }
        event_base_dispatch(base);
    }
    if (app.interrupt != NULL) event_free(app.interrupt);
    event_base_free(base);

    if (status != DOCENT_OK) fprintf(stderr, "%s\n", docent_status_text(status));
    return status == DOCENT_OK ? 0 : 1;
}
