/* recipes/cache_tell.c - who is told what a cache finds out: subscribers, in order, and whoever waits for something to be so.
 *
 * News are written down when they happen, with references of their own, and told at the end of the turn. Each has a serial number; a
 * subscriber hears of those that are younger than itself, and first of all that was known when it came. Lists survive additions and
 * removals while they are walked: who leaves is marked, and freed when nobody walks. */
#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "recipes/cache.h"

struct cache_news {
    enum cache_news_type type;
    docent_status why;
    size_t failed;
    const docent_node *before, *after;
};

struct docent_subscription {
    struct docent_subscription *next;
    docent_cache *cache;
    docent_cache_events events;
    void *user;
    uint64_t since;          /* Of the newest that it was too late for. */
    docent_snapshot *known;  /* To be told first. NULL: there is nothing, or that is past. */
    bool initialized_before; /* To be told with it. */
    bool cancelled;
};

struct cache_wait {
    struct cache_wait *next;
    docent_cache *cache;
    docent_cache_predicate predicate;
    void *predicate_user;
    docent_done_fn done;
    void *user;
    struct docent_timer timer;
    docent_status outcome; /* DOCENT_OK: see met. */
    bool met, late;
};

static void tell_soon(docent_cache *cache)
{
    docent_client_later(cache->handle.client, &cache->tell_later);
}

/* ---- Writing down. ---- */

enum { NEWS_SPARE = 8 }; /* A turn does not see more of the connection. */

static bool news_make_room(docent_cache *cache, size_t count)
{
    count += NEWS_SPARE;
    if (count <= cache->news_room - cache->news_count) return true;
    size_t room = cache->news_room < 2 * NEWS_SPARE ? 2 * NEWS_SPARE : cache->news_room * 2;
    if (room < cache->news_count + count) room = cache->news_count + count;
    const docent_allocator *allocator = &cache->handle.allocator;
    struct cache_news *larger = docent_alloc_array(allocator, room, sizeof *larger);
    if (larger == NULL) return false;
    for (size_t i = 0; i < cache->news_count; i++) larger[i] = cache->news[(cache->news_first + i) % cache->news_room];
    docent_free(allocator, cache->news);
    cache->news = larger;
    cache->news_room = room;
    cache->news_first = 0;
    return true;
}

bool docent_cache_news_reserve(docent_cache *cache, size_t count)
{
    return cache->subscriptions == NULL /* There is nobody to be told. */ || news_make_room(cache, count);
}

void docent_cache_tell(docent_cache *cache, enum cache_news_type type, const docent_node *before, const docent_node *after, docent_status why)
{
    cache->news_serial++;
    tell_soon(cache);
    if (cache->subscriptions == NULL) return;
    assert(cache->news_count < cache->news_room);
    cache->news[(cache->news_first + cache->news_count++) % cache->news_room] = (struct cache_news){
        .type = type,
        .why = why,
        .failed = (size_t)docent_shared_get(&cache->failures),
        .before = docent_node_ref(before),
        .after = docent_node_ref(after),
    };
}

void docent_cache_tell_waits(docent_cache *cache)
{
    tell_soon(cache);
}

/* ---- Subscribers. ---- */

/* The application has closed the cache, perhaps in a callback just now: no other follows but closed(). */
static bool is_silent(const docent_cache *cache)
{
    return cache->handle.ended && cache->closed_why == DOCENT_ERR_CANCELLED;
}

static void say(const struct docent_subscription *s, const struct cache_news *news)
{
    const docent_cache_events *events = &s->events;
    switch (news->type) {
    case NEWS_ADDED:
        if (events->added != NULL) events->added(news->after, s->user);
        break;
    case NEWS_CHANGED:
        if (events->changed != NULL) events->changed(news->before, news->after, s->user);
        break;
    case NEWS_REMOVED:
        if (events->removed != NULL) events->removed(news->before, s->user);
        break;
    case NEWS_FAILED:
        if (events->failed != NULL) events->failed(docent_node_path(news->before), news->why, s->user);
        break;
    case NEWS_INITIALIZED:
        if (events->initialized != NULL) events->initialized(news->failed, s->user);
        break;
    case NEWS_SUSPENDED:
        if (events->suspended != NULL) events->suspended(s->user);
        break;
    case NEWS_LOST:
        if (events->lost != NULL) events->lost(s->user);
        break;
    case NEWS_RECONNECTED:
        if (events->reconnected != NULL) events->reconnected(s->user);
        break;
    case NEWS_FRESH:
        if (events->fresh != NULL) events->fresh(s->user);
        break;
    }
}

/* What was known when it came. */
static void say_known(struct docent_subscription *s)
{
    docent_snapshot *known = s->known;
    bool initialized = s->initialized_before;
    s->known = NULL;
    s->initialized_before = false;
    for (size_t i = 0; i < docent_snapshot_count(known) && !s->cancelled && !is_silent(s->cache); i++) {
        const struct cache_news news = { .type = NEWS_ADDED, .after = docent_snapshot_node(known, i) };
        say(s, &news);
    }
    docent_snapshot_free(known);
    if (!initialized || s->cancelled || is_silent(s->cache)) return;
    const struct cache_news news = { .type = NEWS_INITIALIZED, .failed = (size_t)docent_shared_get(&s->cache->failures) };
    say(s, &news);
}

static void sweep_subscriptions(docent_cache *cache)
{
    for (struct docent_subscription **at = &cache->subscriptions; *at != NULL;) {
        struct docent_subscription *s = *at;
        if (!s->cancelled) {
            at = &s->next;
            continue;
        }
        *at = s->next;
        docent_snapshot_free(s->known);
        docent_free(&cache->handle.allocator, s);
    }
}

docent_status docent_cache_subscribe(docent_cache *cache, const docent_cache_events *events, void *user, docent_subscription **ret_subscription)
{
    docent_cache_events taken = { DOCENT_CACHE_EVENTS };
    if (cache == NULL || events == NULL || !docent_options_take(&taken, sizeof taken, events)) return DOCENT_ERR_INVALID_ARGUMENT;
    docent_status status = docent_handle_check(&cache->handle);
    if (status != DOCENT_OK) return status;
    struct docent_subscription *s = docent_alloc(&cache->handle.allocator, sizeof *s);
    if (s == NULL) return DOCENT_ERR_NO_MEMORY;
    memset(s, 0, sizeof *s);
    s->cache = cache;
    s->events = taken;
    s->user = user;
    s->since = cache->news_serial;
    s->initialized_before = docent_cache_is_initialized(cache) && cache->limits.tells_initialized;
    bool told_of = !cache->limits.quiet_start || docent_cache_is_initialized(cache);
    if (!news_make_room(cache, 0)) status = DOCENT_ERR_NO_MEMORY;
    if (status == DOCENT_OK && told_of && docent_cache_size(cache) > 0) status = docent_cache_snapshot(cache, NULL, &s->known);
    if (status != DOCENT_OK) {
        docent_free(&cache->handle.allocator, s);
        return status;
    }
    struct docent_subscription **last = &cache->subscriptions;
    while (*last != NULL) last = &(*last)->next;
    *last = s;
    tell_soon(cache);
    if (ret_subscription != NULL) *ret_subscription = s;
    return DOCENT_OK;
}

void docent_subscription_cancel(docent_subscription *s)
{
    if (s == NULL) return;
    docent_cache *cache = s->cache;
    const struct docent_host *host = docent_client_host(cache->handle.client);
    if (host->check_loop(host->user) != DOCENT_OK) return;
    s->cancelled = true;
    if (!cache->telling) sweep_subscriptions(cache);
}

/* ---- Waiting. ---- */

static void wait_late(struct docent_timer *timer)
{
    struct cache_wait *wait = (struct cache_wait *)((char *)timer - offsetof(struct cache_wait, timer));
    wait->late = true;
    tell_soon(wait->cache);
}

/* Those that have what they wait for. */
static void tell_waits(docent_cache *cache)
{
    for (struct cache_wait **at = &cache->waits; *at != NULL;) {
        struct cache_wait *wait = *at;
        bool met = !cache->handle.ended && (wait->predicate == NULL ? docent_cache_is_initialized(cache) : wait->predicate(cache, wait->predicate_user));
        if (!met && !wait->late && wait->outcome == DOCENT_OK) {
            at = &wait->next;
            continue;
        }
        *at = wait->next;
        docent_timer_stop(cache->handle.client, &wait->timer);
        docent_timer_release(cache->handle.client);
        docent_status outcome = met ? DOCENT_OK : wait->outcome != DOCENT_OK ? wait->outcome : DOCENT_ERR_TIMEOUT;
        docent_done_fn done = wait->done;
        void *user = wait->user;
        docent_free(&cache->handle.allocator, wait);
        if (done != NULL) done(outcome, user);
        at = &cache->waits; /* It may have changed meanwhile. */
    }
}

docent_status docent_cache_wait_async(docent_cache *cache, docent_cache_predicate predicate, void *predicate_user, uint32_t timeout_ms,
                                      docent_done_fn done, void *user)
{
    if (cache == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    docent_status status = docent_handle_check(&cache->handle);
    if (status != DOCENT_OK) return status;
    struct cache_wait *wait = docent_alloc(&cache->handle.allocator, sizeof *wait);
    if (wait == NULL) return DOCENT_ERR_NO_MEMORY;
    status = docent_timer_reserve(cache->handle.client);
    if (status != DOCENT_OK) {
        docent_free(&cache->handle.allocator, wait);
        return status;
    }
    *wait = (struct cache_wait){
        .next = cache->waits,
        .cache = cache,
        .predicate = predicate,
        .predicate_user = predicate_user,
        .done = done,
        .user = user,
        .timer = { .fire = wait_late },
    };
    cache->waits = wait;
    if (timeout_ms != DOCENT_FOREVER) {
        docent_timer_set(cache->handle.client, &wait->timer, docent_client_now(cache->handle.client) + timeout_ms);
    }
    tell_soon(cache);
    return DOCENT_OK;
}

/* ---- Telling. ---- */

static void tell_news(docent_cache *cache)
{
    uint64_t serial = cache->news_serial - cache->news_count;
    for (struct docent_subscription *s = cache->subscriptions; s != NULL; s = s->next) {
        if (!s->cancelled && (s->known != NULL || s->initialized_before) && !is_silent(cache)) say_known(s);
    }
    while (cache->news_count > 0) {
        struct cache_news news = cache->news[cache->news_first];
        cache->news_first = (cache->news_first + 1) % cache->news_room;
        cache->news_count--;
        serial++;
        for (struct docent_subscription *s = cache->subscriptions; s != NULL; s = s->next) {
            if (!s->cancelled && s->since < serial && !is_silent(cache)) say(s, &news);
        }
        docent_node_unref(news.before);
        docent_node_unref(news.after);
    }
    if (cache->news_room <= 1024) return;
    struct cache_news *smaller = docent_alloc_array(&cache->handle.allocator, 2 * NEWS_SPARE, sizeof *smaller);
    if (smaller == NULL) return; /* Another time. */
    docent_free(&cache->handle.allocator, cache->news); /* Of a load. */
    cache->news = smaller;
    cache->news_room = 2 * NEWS_SPARE;
    cache->news_first = 0;
}

static void tell_closed(docent_cache *cache)
{
    for (struct docent_subscription *s = cache->subscriptions; s != NULL; s = s->next) {
        bool cancelled = s->cancelled;
        s->cancelled = true;
        if (!cancelled && s->events.closed != NULL) s->events.closed(cache->closed_why, s->user);
    }
}

static void cache_tell(struct docent_later *later)
{
    docent_cache *cache = (docent_cache *)((char *)later - offsetof(docent_cache, tell_later));
    cache->telling = true;
    tell_news(cache);
    tell_waits(cache);
    if (cache->handle.ended && !cache->closed_told) {
        cache->closed_told = true;
        tell_closed(cache);
    }
    cache->telling = false;
    sweep_subscriptions(cache);
    docent_handle_settle(&cache->handle);
}

void docent_cache_tell_init(docent_cache *cache)
{
    cache->tell_later.run = cache_tell;
}

static void drop_news(docent_cache *cache)
{
    for (size_t i = 0; i < cache->news_count; i++) {
        struct cache_news *news = &cache->news[(cache->news_first + i) % cache->news_room];
        docent_node_unref(news->before);
        docent_node_unref(news->after);
    }
    cache->news_count = 0;
}

void docent_cache_tell_end(docent_cache *cache, docent_status why, bool mute)
{
    cache->closed_why = why;
    if (why == DOCENT_ERR_CANCELLED || mute) drop_news(cache); /* They close it: what they have not heard does not matter any more. */
    for (struct docent_subscription *s = cache->subscriptions; s != NULL && mute; s = s->next) s->cancelled = true;
    for (struct cache_wait *wait = cache->waits; wait != NULL; wait = wait->next) {
        wait->outcome = why;
        if (mute) wait->done = NULL;
    }
    tell_soon(cache);
}

bool docent_cache_tell_is_over(const docent_cache *cache)
{
    return cache->closed_told && !cache->telling && !docent_later_is_queued(&cache->tell_later) && cache->waits == NULL;
}

void docent_cache_tell_free(docent_cache *cache)
{
    drop_news(cache);
    for (struct docent_subscription *s = cache->subscriptions; s != NULL; s = s->next) s->cancelled = true;
    sweep_subscriptions(cache);
    docent_free(&cache->handle.allocator, cache->news);
}
