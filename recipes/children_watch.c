/* recipes/children_watch.c - who the children of a node are; see look.h. */
#include <docent/watcher.h>

#include "recipes/look.h"

struct docent_children_watch {
    struct look look; /* First. */
    docent_children_watch_fn fn;
    void *user;
};

static bool children_watch_tell(struct look *look, const docent_result *seen, bool last)
{
    docent_children_watch *w = (docent_children_watch *)look;
    bool known = seen->status == DOCENT_OK;
    const docent_children_event event = {
        .struct_size = sizeof event,
        .status = seen->status,
        .last = last,
        .names = known ? seen->names : NULL,
        .count = known ? seen->name_count : 0,
        .stat = seen->stat,
        .change = look->seen_change,
        .zxid = look->seen_zxid,
    };
    return w->fn(&event, w->user);
}

docent_status docent_children_watch_new(docent_client *client, const char *path, const docent_children_watch_options *options,
                                        docent_children_watch_fn fn, void *user, docent_children_watch **ret_watch)
{
    docent_children_watch_options full = { DOCENT_CHILDREN_WATCH_OPTIONS };
    struct look *look;
    if (fn == NULL || !docent_options_take(&full, sizeof full, options)) return DOCENT_ERR_INVALID_ARGUMENT;
    docent_status status = docent_look_new(client, path, sizeof(docent_children_watch), &look);
    if (status != DOCENT_OK) return status;
    docent_children_watch *w = (docent_children_watch *)look;
    w->fn = fn;
    w->user = user;
    look->children = true;
    look->unowned = ret_watch == NULL;
    look->settle_ms = full.settle_ms;
    look->tell = children_watch_tell;
    status = docent_look_open(look, client);
    if (status == DOCENT_OK && ret_watch != NULL) *ret_watch = w;
    return status;
}

void docent_children_watch_close(docent_children_watch *watch, void (*closed)(void *user), void *user)
{
    docent_handle_close(watch == NULL ? NULL : &watch->look.handle, closed, user);
}
