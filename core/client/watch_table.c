/* core/client/watch_table.c - the paths that are watched, by name. */
#include <string.h>

#include "core/client/watches.h"

static struct watch_path *path_of(struct table_link *link)
{
    return (struct watch_path *)((char *)link - offsetof(struct watch_path, link));
}

struct watch_path *docent_watch_path_find(const struct watch_table *table, const char *text, size_t size)
{
    struct table_link *link = docent_table_first(&table->paths, text, size);
    while (link != NULL && memcmp(path_of(link)->text, text, size) != 0) link = docent_table_next(link);
    return link == NULL ? NULL : path_of(link);
}

const char *docent_server_path(docent_client *view, const char *path, struct wire_out *out, size_t *ret_size)
{
    const size_t count_size = sizeof(int32_t); /* In front of the characters. */
    out->size = 0;
    docent_put_path(view, out, path);
    bool failed = out->failed;
    out->failed = false;
    if (failed) return NULL;
    *ret_size = out->size - count_size;
    return (const char *)out->data + count_size;
}

/* @text: a client's path. */
struct watch_path *docent_watch_path_get(docent_client *view, const char *text)
{
    struct docent_core *c = view->core;
    struct wire_out full = { .allocator = &c->allocator }; /* A request may be in the scratch. */
    size_t size;
    const char *name = docent_server_path(view, text, &full, &size);
    struct watch_path *path = name == NULL ? NULL : docent_watch_path_find(&c->watches, name, size);
    if (name == NULL || path != NULL || !docent_table_reserve(&c->watches.paths, &c->allocator)) goto out;

    path = docent_alloc(&c->allocator, sizeof *path + size + 1);
    if (path == NULL) goto out;
    memset(path, 0, sizeof *path);
    path->core = c;
    path->arming = path->standing = -1;
    memcpy(path->text, name, size);
    path->text[size] = '\0';
    docent_table_put(&c->watches.paths, &path->link, name, size);
    path->previous = c->watches.last;
    *(path->previous != NULL ? &path->previous->next : &c->watches.first) = path;
    c->watches.last = path;
out:
    docent_wire_out_free(&full);
    return path;
}

void docent_watch_path_drop(struct docent_core *c, struct watch_path *path)
{
    if (path->watches != NULL || docent_watch_path_serves(path)) return;
    docent_table_take(&c->watches.paths, &path->link);
    *(path->previous != NULL ? &path->previous->next : &c->watches.first) = path->next;
    *(path->next != NULL ? &path->next->previous : &c->watches.last) = path->previous;
    if (c->watches.cursor == path) c->watches.cursor = path->next;
    docent_free(&c->allocator, path);
}

/* The mode that the path's standing registrations need, or -1. */
int docent_watch_path_wants(const struct watch_path *path)
{
    int mode = -1;
    for (const struct docent_watch *w = path->watches; w != NULL; w = w->next) {
        if (w->ended || w->local) continue;
        if (w->kind == DOCENT_WATCH_RECURSIVE) return WIRE_ADD_RECURSIVE;
        if (w->kind == DOCENT_WATCH_PERSISTENT) mode = WIRE_ADD_PERSISTENT;
    }
    return mode;
}

void docent_watches_free(struct docent_core *c)
{
    docent_watches_offline(c); /* What the server had is all that can be left. */
    docent_table_free(&c->watches.paths, &c->allocator);
    docent_table_free(&c->lookouts, &c->allocator);
}

void docent_watches_mute(struct docent_core *c)
{
    for (struct watch_path *path = c->watches.first; path != NULL; path = path->next) {
        for (struct docent_watch *w = path->watches; w != NULL; w = w->next) w->fn = NULL;
    }
}
