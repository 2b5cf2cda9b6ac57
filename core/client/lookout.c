/* core/client/lookout.c - lookouts, see machine.h: watches that live in their owners' memory. The server keeps theirs with those of the registry
 * (watches.h), by connection and path; so whoever there takes one away asks whether a lookout needs it. */
#include <assert.h>
#include <string.h>

#include "core/client/watches.h"

static struct docent_lookout *lookout_of(struct table_link *link)
{
    return (struct docent_lookout *)((char *)link - offsetof(struct docent_lookout, link));
}

struct docent_lookout *docent_lookout_find(const struct docent_core *c, const char *text, size_t size)
{
    struct table_link *link = docent_table_first(&c->lookouts, text, size);
    for (; link != NULL; link = docent_table_next(link)) {
        struct docent_lookout *lookout = lookout_of(link);
        const docent_client *view = lookout->machine->client;
        size_t chroot = view->chroot_size;
        if (memcmp(text, view->chroot, chroot) == 0 && memcmp(text + chroot, lookout->path, size - chroot) == 0) return lookout;
    }
    return NULL;
}

static void lookout_take(struct docent_core *c, struct docent_lookout *lookout)
{
    docent_table_take(&c->lookouts, &lookout->link);
    lookout->path = NULL;
    docent_watch_count(c, CELL_WATCHES_ENDED);
}

/* @name: @path at the server. */
static bool lookout_put(struct docent_core *c, struct docent_lookout *lookout, struct docent_machine *machine, const char *path, const char *name,
                        size_t size)
{
    assert(docent_lookout_find(c, name, size) == NULL);
    if (!docent_table_reserve(&c->lookouts, &c->allocator)) return false;
    lookout->machine = machine;
    lookout->path = path;
    docent_table_put(&c->lookouts, &lookout->link, name, size);
    docent_watch_count(c, CELL_WATCHES_REGISTERED);
    return true;
}

docent_status docent_lookout_begin(struct docent_machine *machine, const docent_op *get, int tag, struct docent_lookout *lookout)
{
    struct docent_core *c = machine->client->core;
    size_t size;
    const char *name = docent_server_path(machine->client, get->path, &c->scratch, &size);
    if (name == NULL) return DOCENT_ERR_NO_MEMORY;
    if (lookout->path == NULL && !lookout_put(c, lookout, machine, get->path, name, size)) return DOCENT_ERR_NO_MEMORY;
    const struct watch_path *path = docent_watch_path_find(&c->watches, name, size);
    bool served = path != NULL && docent_watch_path_serves(path);
    return docent_request_ask(machine, get, tag, NULL, !served);
}

void docent_lookout_end(struct docent_lookout *lookout)
{
    if (lookout->path != NULL) lookout_take(lookout->machine->client->core, lookout);
}

void docent_lookout_notified(struct docent_core *c, int type, const char *text, size_t size)
{
    struct docent_lookout *lookout = type == WIRE_EVENT_CHILDREN_CHANGED ? NULL : docent_lookout_find(c, text, size);
    if (lookout == NULL) return;
    struct docent_event event = { .type = DOCENT_EV_WATCH, .change = (docent_watch_type)type };
    docent_watch_count(c, CELL_WATCHES_FIRED);
    lookout_take(c, lookout);
    docent_machine_deliver(lookout->machine, &event);
}
