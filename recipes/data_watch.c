/* recipes/data_watch.c - what a node is; see look.h. */
#include <docent/watcher.h>

#include "recipes/look.h"

struct docent_data_watch {
    struct look look; /* First. */
    docent_data_watch_fn fn;
    void *user;
};

static bool data_watch_tell(struct look *look, const docent_result *seen, bool last)
{
    docent_data_watch *w = (docent_data_watch *)look;
    bool known = seen->status == DOCENT_OK;
    const docent_data_event event = {
        .struct_size = sizeof event,
        .status = seen->status,
        .last = last,
        .data = known ? seen->data : NULL,
        .size = known ? seen->size : 0,
        .stat = seen->stat,
    };
    return w->fn(&event, w->user);
}

docent_status docent_data_watch_new(docent_client *client, const char *path, docent_data_watch_fn fn, void *user, docent_data_watch **ret_watch)
{
    struct look *look;
    if (fn == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    docent_status status = docent_look_new(client, path, sizeof(docent_data_watch), &look);
    if (status != DOCENT_OK) return status;
    docent_data_watch *w = (docent_data_watch *)look;
    w->fn = fn;
    w->user = user;
    look->unowned = ret_watch == NULL;
    look->tell = data_watch_tell;
    status = docent_look_open(look, client);
    if (status == DOCENT_OK && ret_watch != NULL) *ret_watch = w;
    return status;
}

void docent_data_watch_close(docent_data_watch *watch, void (*closed)(void *user), void *user)
{
    docent_handle_close(watch == NULL ? NULL : &watch->look.handle, closed, user);
}
