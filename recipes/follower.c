/* recipes/follower.c - see follower.h. */
#include "recipes/follower.h"

#include <stddef.h>

static struct follower *follower_of(const struct handle *handle)
{
    return (struct follower *)(uintptr_t)handle;
}

static void cache_closed(void *user)
{
    struct follower *f = user;
    f->cache_open = false;
    if (f->handle.ended) docent_client_later(f->handle.client, &f->end_later);
}

/* Without memory: again, later. */
static void follower_follow(struct follower *f)
{
    docent_cache *cache = NULL;
    docent_status status = f->cache_open ? DOCENT_ERR_BUSY : docent_cache_open(f->handle.client, f->path, &f->limits, &cache);
    if (status == DOCENT_OK) {
        f->cache_open = true;
        status = docent_cache_subscribe(cache, &f->events, f, NULL);
        if (status == DOCENT_OK) {
            f->cache = cache;
            return;
        }
        docent_cache_close(cache, cache_closed, f);
    }
    docent_machine_retry(&f->handle.machine);
}

static void follower_attached(struct handle *handle)
{
    follower_follow(follower_of(handle));
}

static void follower_on_event(struct handle *handle, const struct docent_event *ev)
{
    if (ev->type == DOCENT_EV_TIMER && !handle->ended) follower_follow(follower_of(handle));
}

void docent_follower_stop(struct follower *f)
{
    docent_cache *cache = f->cache;
    f->cache = NULL;
    docent_cache_close(cache, cache_closed, f);
}

static void follower_end(struct handle *handle, docent_status why, bool mute)
{
    struct follower *f = follower_of(handle);
    f->why = why;
    f->last_said |= mute;
    docent_client_later(handle->client, &f->end_later);
    docent_follower_stop(f);
    if (mute) f->cache_open = false; /* Nobody will be told. */
}

static void follower_ends(struct docent_later *later)
{
    struct follower *f = (struct follower *)((char *)later - offsetof(struct follower, end_later));
    if (f->cache_open) return; /* It may have something to say. */
    if (!f->last_said) f->last(f, f->why);
    f->last_said = true;
    docent_handle_settle(&f->handle);
}

static bool follower_is_over(const struct handle *handle)
{
    const struct follower *f = follower_of(handle);
    return f->last_said && !f->cache_open && !docent_later_is_queued(&f->end_later);
}

static void follower_free(struct handle *handle)
{
    struct follower *f = follower_of(handle);
    docent_allocator allocator = handle->allocator;
    docent_free(&allocator, f);
}

static const struct handle_kind follower_kind = {
    .attached = follower_attached,
    .on_event = follower_on_event,
    .end = follower_end,
    .is_over = follower_is_over,
    .free = follower_free,
};

docent_status docent_follower_open(struct follower *f, docent_client *client)
{
    f->end_later.run = follower_ends;
    return docent_handle_open(&f->handle, client, &follower_kind);
}
