/* recipes/watcher.c - the re-arming watch as an application has it: what rearm.c tells is written down and told at the end of the turn. An
 * event for which there is no memory is a gap. */
#include <docent/watcher.h>

#include <stddef.h>
#include <string.h>

#include "core/drive/await.h"
#include "recipes/handle.h"
#include "recipes/rearm.h"

struct watcher_news {
    struct watcher_news *next;
    docent_watcher_event_type type;
    docent_watch_type change;
    docent_status status;
    int64_t zxid;
    char path[];
};

struct docent_watcher {
    struct handle handle; /* First. */
    struct rearm rearm;
    docent_watcher_fn fn;
    void *user;
    struct docent_later tell_later;
    struct watcher_news *news, **news_last;
    bool gap;                  /* RESET is to be told after the news. */
    bool telling, closed_told;
    docent_status closed_why;  /* DOCENT_OK: it goes on. */
    docent_shared_i64 status;  /* See docent_watcher_status(). */
    char path[];
};

static docent_watcher *watcher_of(const struct handle *handle)
{
    return (docent_watcher *)(uintptr_t)handle;
}

static void tell_soon(docent_watcher *w)
{
    docent_client_later(w->handle.client, &w->tell_later);
}

/* ---- Writing down. ---- */

static void watcher_note(docent_watcher *w, docent_watcher_event_type type, const struct rearm_event *ev)
{
    tell_soon(w);
    size_t size = strlen(ev->path) + 1;
    struct watcher_news *news = docent_alloc(&w->handle.allocator, sizeof *news + size);
    if (news == NULL) {
        w->gap = true;
        return;
    }
    *news = (struct watcher_news){ .type = type, .change = ev->change, .status = ev->status, .zxid = ev->zxid };
    memcpy(news->path, ev->path, size);
    *w->news_last = news;
    w->news_last = &news->next;
}

static void watcher_heard(struct rearm *rearm, const struct rearm_event *ev)
{
    docent_watcher *w = (docent_watcher *)((char *)rearm - offsetof(docent_watcher, rearm));
    switch (ev->type) {
    case REARM_RESET:
        docent_shared_set(&w->status, DOCENT_OK);
        watcher_note(w, DOCENT_WATCHER_RESET, ev);
        break;
    case REARM_CHANGED: watcher_note(w, DOCENT_WATCHER_CHANGED, ev); break;
    case REARM_FAILED:
        docent_shared_set(&w->status, ev->status);
        watcher_note(w, DOCENT_WATCHER_FAILED, ev);
        break;
    case REARM_OVER: docent_handle_settle(&w->handle); break;
    }
}

/* ---- Telling. ---- */

static struct watcher_news *news_take(docent_watcher *w)
{
    struct watcher_news *news = w->news;
    if (news == NULL) return NULL;
    w->news = news->next;
    if (w->news == NULL) w->news_last = &w->news;
    return news;
}

static void watcher_say(docent_watcher *w, docent_watcher_event_type type, docent_watch_type change, const char *path, int64_t zxid,
                        docent_status status)
{
    const docent_watcher_event event = {
        .struct_size = sizeof event, .type = type, .change = change, .path = path, .zxid = zxid, .status = status
    };
    w->fn(&event, w->user);
}

static bool is_silent(const docent_watcher *w)
{
    return w->closed_why == DOCENT_ERR_CANCELLED || w->handle.muted;
}

static void watcher_tell(struct docent_later *later)
{
    docent_watcher *w = (docent_watcher *)((char *)later - offsetof(docent_watcher, tell_later));
    w->telling = true;
    for (struct watcher_news *news; (news = news_take(w)) != NULL;) {
        if (!is_silent(w)) watcher_say(w, news->type, news->change, news->path, news->zxid, news->status);
        docent_free(&w->handle.allocator, news);
    }
    if (w->gap && !is_silent(w)) {
        w->gap = false;
        watcher_say(w, DOCENT_WATCHER_RESET, 0, w->path, -1, DOCENT_OK);
    }
    w->telling = false;
    if (w->closed_why == DOCENT_OK) return;
    if (!w->closed_told && !w->handle.muted) {
        w->closed_told = true;
        watcher_say(w, DOCENT_WATCHER_CLOSED, 0, w->path, -1, w->closed_why);
    }
    w->closed_told = true;
    docent_handle_settle(&w->handle);
}

/* ---- From the beginning to the end. ---- */

static void watcher_attached(struct handle *handle)
{
    docent_watcher *w = watcher_of(handle);
    docent_rearm_start(&w->rearm, handle->client, w->path, w->rearm.kind, watcher_heard);
}

static void watcher_on_event(struct handle *handle, const struct docent_event *ev)
{
    if (handle->ended || ev->type != DOCENT_EV_SUSPENDED) return;
    docent_shared_set(&watcher_of(handle)->status, DOCENT_ERR_CONNECTION_LOSS);
}

static void watcher_end(struct handle *handle, docent_status why, bool mute)
{
    docent_watcher *w = watcher_of(handle);
    w->closed_why = why;
    docent_shared_set(&w->status, handle->refusal);
    docent_rearm_stop(&w->rearm, mute);
    tell_soon(w);
}

static bool watcher_is_over(const struct handle *handle)
{
    const docent_watcher *w = watcher_of(handle);
    return w->closed_told && !w->telling && !docent_later_is_queued(&w->tell_later) && docent_rearm_is_over(&w->rearm);
}

static void watcher_free(struct handle *handle)
{
    docent_watcher *w = watcher_of(handle);
    docent_allocator allocator = handle->allocator;
    for (struct watcher_news *news; (news = news_take(w)) != NULL;) docent_free(&allocator, news);
    docent_free(&allocator, w);
}

static const struct handle_kind watcher_kind = {
    .attached = watcher_attached,
    .on_event = watcher_on_event,
    .end = watcher_end,
    .is_over = watcher_is_over,
    .free = watcher_free,
};

docent_status docent_watcher_new(docent_client *client, const char *path, docent_watcher_kind kind, docent_watcher_fn fn, void *user,
                                 docent_watcher **ret_watcher)
{
    if (client == NULL || fn == NULL || ret_watcher == NULL || (unsigned)kind > DOCENT_WATCHER_SUBTREE) return DOCENT_ERR_INVALID_ARGUMENT;
    if (path == NULL || docent_path_fault(path, false) != NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    docent_status status = docent_handle_may_open(client);
    if (status != DOCENT_OK) return status;
    const docent_allocator *allocator = docent_client_allocator(client);
    size_t size = strlen(path) + 1;
    docent_watcher *w = docent_alloc(allocator, sizeof *w + size);
    if (w == NULL) return DOCENT_ERR_NO_MEMORY;
    memset(w, 0, sizeof *w);
    memcpy(w->path, path, size);
    w->fn = fn;
    w->user = user;
    w->rearm.kind = kind;
    w->handle.timers = 1; /* The rearm's. */
    w->news_last = &w->news;
    w->tell_later.run = watcher_tell;
    docent_shared_set(&w->status, DOCENT_ERR_CONNECTION_LOSS);
    status = docent_handle_open(&w->handle, client, &watcher_kind);
    if (status != DOCENT_OK) {
        docent_free(allocator, w);
        return status;
    }
    *ret_watcher = w;
    return DOCENT_OK;
}

docent_status docent_watcher_status(const docent_watcher *watcher)
{
    if (watcher == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    docent_status status = (docent_status)docent_shared_get(&watcher->status);
    if (status != DOCENT_OK) return status;
    status = docent_handle_check((struct handle *)(uintptr_t)&watcher->handle);
    return status == DOCENT_ERR_FORKED ? status : DOCENT_OK; /* Nothing follows there. */
}

void docent_watcher_close(docent_watcher *watcher, void (*closed)(void *user), void *user)
{
    docent_handle_close(watcher == NULL ? NULL : &watcher->handle, closed, user);
}
