/* get_set.c - asynchronous calls on the application's own event_base. No thread is started and no lock is taken; what is
 * submitted in one turn of the loop leaves in one write.
 *
 *     get_set CONNECT */
#include <inttypes.h>
#include <stdio.h>

#include <event2/event.h>

#include <docent/docent.h>

struct app {
    docent_client *client;
    docent_status status;
};

static void app_finish(struct app *app, docent_status status)
{
    if (app->client == NULL) return;
    app->status = status;
    docent_client_close(app->client, NULL, NULL); /* The loop ends when the client, its only customer, has said good-bye. */
    app->client = NULL;
}

static void on_get(const docent_result *result, void *user)
{
    if (result->status == DOCENT_OK) {
        printf("read %.*s, version %" PRId32 "\n", (int)result->size, (const char *)result->data, result->stat.version);
    }
    app_finish(user, result->status);
}

static void on_set(const docent_result *result, void *user)
{
    struct app *app = user;
    docent_status status = result->status;
    if (status == DOCENT_OK) {
        printf("set, version %" PRId32 "\n", result->stat.version);
        status = docent_get_async(app->client, "/example", on_get, app);
    }
    if (status != DOCENT_OK) app_finish(app, status); /* A call that was not accepted never calls back. */
}

static void on_create(const docent_result *result, void *user)
{
    struct app *app = user;
    docent_status status = result->status;
    if (status == DOCENT_OK || status == DOCENT_ERR_NODE_EXISTS) {
        status = docent_set_async(app->client, "/example", "hello", 5, DOCENT_ANY_VERSION, on_set, app);
    }
    if (status != DOCENT_OK) app_finish(app, status);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: %s CONNECT\n", argv[0]);
        return 2;
    }
    struct app app = {.status = DOCENT_ERR_NO_MEMORY};
    struct event_base *base = event_base_new();
    if (base == NULL) return 1;

    /* Nothing waits for the connection: calls are accepted at once and sent when there is a session. */
    docent_client_options options = {DOCENT_CLIENT_OPTIONS, .base = base};
    docent_status status = docent_client_new(argv[1], &options, &app.client);
    if (status == DOCENT_OK) {
        status = docent_create_async(app.client, "/example", NULL, 0, DOCENT_PERSISTENT, on_create, &app);
        if (status != DOCENT_OK) app_finish(&app, status);
        event_base_dispatch(base);
    } else {
        app.status = status;
    }
    event_base_free(base);

    if (app.status != DOCENT_OK) fprintf(stderr, "%s\n", docent_status_text(app.status));
    return app.status == DOCENT_OK ? 0 : 1;
}
