/* poll.c - a client in a program that has a loop of its own, on plain poll(): what is typed becomes the data of a node. There is one
 * thread, and it waits for the terminal and for the servers at once.
 *
 *     poll CONNECT */
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <docent/docent.h>

enum { DESCRIPTORS_MAX = 16 };

struct app {
    docent_client *client; /* NULL: closing, or closed. */
    docent_status status;
    int unanswered;
    bool at_end; /* Of what is typed. */
    bool closed;
    char line[256];
    size_t size;
};

static void on_closed(void *user)
{
    ((struct app *)user)->closed = true;
}

static void app_close(struct app *app)
{
    docent_client_close(app->client, on_closed, app);
    app->client = NULL;
}

static void on_set(const docent_result *result, void *user)
{
    struct app *app = user;
    if (result->status != DOCENT_OK) {
        app->status = result->status;
    } else {
        printf("version %" PRId32 "\n", result->stat.version);
    }
    if (--app->unanswered == 0 && app->at_end) app_close(app);
}

static void on_create(const docent_result *result, void *user)
{
    if (result->status != DOCENT_OK && result->status != DOCENT_ERR_NODE_EXISTS) ((struct app *)user)->status = result->status;
}

static void app_read(struct app *app)
{
    docent_status status = DOCENT_OK;
    ssize_t got = read(STDIN_FILENO, app->line + app->size, sizeof app->line - app->size);
    app->at_end = got <= 0;
    app->size += got > 0 ? (size_t)got : 0;
    char *newline;
    while ((newline = memchr(app->line, '\n', app->size)) != NULL || app->size == sizeof app->line) {
        size_t used = newline != NULL ? (size_t)(newline - app->line) : app->size;
        printf("set to %.*s\n", (int)used, app->line);
        status = docent_set_async(app->client, "/example-poll", app->line, used, DOCENT_ANY_VERSION, on_set, app);
        if (status != DOCENT_OK) break;
        app->unanswered++;
        app->size -= used + (newline != NULL);
        memmove(app->line, app->line + used + (newline != NULL), app->size);
    }
    if (status != DOCENT_OK) app->status = status;
    if (status != DOCENT_OK || (app->at_end && app->unanswered == 0)) app_close(app);
}

/* Until the client is gone. */
static docent_status app_loop(struct app *app, docent_poll *loop)
{
    while (!app->closed) {
        struct pollfd fds[1 + DESCRIPTORS_MAX] = {{.fd = app->at_end || app->client == NULL ? -1 : STDIN_FILENO, .events = POLLIN}};
        size_t count;
        int timeout_ms;
        docent_status status = docent_poll_prepare(loop, fds + 1, DESCRIPTORS_MAX, &count, &timeout_ms);
        if (status != DOCENT_OK) return status;
        if (poll(fds, (nfds_t)count + 1, timeout_ms) < 0) continue; /* A signal. */
        status = docent_poll_dispatch(loop);
        if (status != DOCENT_OK) return status;
        if (fds[0].revents != 0 && app->client != NULL) app_read(app);
    }
    return app->status;
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: %s CONNECT\n", argv[0]);
        return 2;
    }
    struct app app = {.status = DOCENT_OK};
    docent_poll *loop = NULL;
    docent_status status = docent_poll_new(&loop);
    docent_client_options options = {DOCENT_CLIENT_OPTIONS, .poll = loop};
    if (status == DOCENT_OK) status = docent_client_new(argv[1], &options, &app.client);
    if (status == DOCENT_OK) {
        status = docent_create_async(app.client, "/example-poll", NULL, 0, DOCENT_PERSISTENT, on_create, &app);
        if (status != DOCENT_OK) app_close(&app);
        docent_status outcome = app_loop(&app, loop);
        if (status == DOCENT_OK) status = outcome;
        printf("closed\n");
    }
    docent_poll_free(loop);

    if (status != DOCENT_OK) fprintf(stderr, "%s\n", docent_status_text(status));
    return status == DOCENT_OK ? 0 : 1;
}
