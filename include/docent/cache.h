/* docent/cache.h - a copy of a node, of its children or of a whole subtree that keeps itself up to date. What it is a copy of is said
 * when it is made: node_cache.h, children_cache.h, tree_cache.h. What all of them can do stands here.
 *
 * Truth      After the last change, and while there is a connection, the cache shows what the servers show. Versions that came and went
 *            between two looks are not seen. Nodes are compared by the transactions that made and changed them: one that was deleted and
 *            made anew is removed and added, whatever its version says. A cache never writes.
 * Order      Of a path: added, (changed)*, removed, and so again. Parents are added before their children and removed after them. When
 *            initialized() is called, everything that was listed has been read, or is known to be gone, or has failed and was told.
 * Outages    What was known stays. suspended() says that it may be old; fresh() that it is not any more: after a reconnect all
 *            differences are told first. What needs reading again is read in batches, a few at a time, and not at once.
 * Unreadable A node that the credentials do not allow to be read ends as failed(), once for each reason, and is left out, with what is
 *            below it; it is tried again when something happens to it or its parent, after a reconnect, and by docent_cache_refresh().
 * Stats      Of a node that has children they are those of the last look: num_children, cversion and pzxid alone can be behind what
 *            docent_cache_children() knows.
 * Servers    From 3.6 on one recursive watch, and reads in batches. Older servers get a watch with every read, with the same result.
 *            They keep those watches until something happens or the connection ends, also when the cache is closed before.
 * Closing    docent_cache_close(). If the client is closed first, subscribers are told closed(), and the cache is dead: what it knows stays
 *            readable until docent_cache_close().
 *
 * Threads    "Thread: loop", "any", "not loop": as in lock.h. Callbacks run on the loop thread, never from inside a call into the
 *            library, and may call anything.
 * Ownership  The library owns the docent_cache. A docent_node is immutable and counted: keep it, read it, give it back from any thread, also
 *            after the cache and the client are gone.
 * Units      Milliseconds, bytes. */
#ifndef DOCENT_CACHE_H
#define DOCENT_CACHE_H

#include <docent/types.h>

DOCENT_BEGIN

typedef struct docent_cache docent_cache;
typedef struct docent_node docent_node;
typedef struct docent_subscription docent_subscription;
typedef struct docent_snapshot docent_snapshot;

/* ---- One version of one node. ---- */

/** One more reference. NULL: NULL. Thread: any. */
DOCENT_API const docent_node *docent_node_ref(const docent_node *node);
/** Drops one. NULL: does nothing. Thread: any. */
DOCENT_API void docent_node_unref(const docent_node *node);
/** The path, as the client or view that the cache was made with has it. Borrowed from the node. Thread: any. */
DOCENT_API const char *docent_node_path(const docent_node *node);
/** The data and, in *@ret_size (may be NULL), their size. Borrowed from the node, and followed by a zero byte that does not count. NULL: the
 * node has null data, or they are not kept; see docent_node_has_data(). Thread: any. */
DOCENT_API const void *docent_node_data(const docent_node *node, size_t *ret_size);
/** Were the data kept? False in a cache of stats, and for what was over a cache's byte budget. Thread: any. */
DOCENT_API bool docent_node_has_data(const docent_node *node);
/** What the server says about the node. Thread: any. */
DOCENT_API docent_stat docent_node_stat(const docent_node *node);

/* ---- Being told. ---- */

/* What a subscriber wants to hear; leave the rest NULL. Nodes are borrowed until the callback returns; docent_node_ref() keeps one. */
typedef struct docent_cache_events {
    size_t struct_size;
    void (*added)(const docent_node *node, void *user);
    void (*changed)(const docent_node *before, const docent_node *after, void *user); /* Its data were set. */
    void (*removed)(const docent_node *last, void *user);
    void (*failed)(const char *path, docent_status why, void *user); /* It is there and cannot be read: DOCENT_ERR_NO_AUTH;
                             * DOCENT_ERR_TOO_LARGE (it, or its list of children, is over options.reply_max_bytes of the client);
                             * DOCENT_ERR_CORRUPT_DATA (compress.h). */
    void (*initialized)(size_t failed, void *user); /* Once: the first load is in, but for so many nodes that failed. */
    void (*suspended)(void *user); /* Connection down: what is known may be old. */
    void (*lost)(void *user);      /* The session is over as well. */
    void (*reconnected)(void *user); /* Connection up; what has changed meanwhile is about to be read. */
    void (*fresh)(void *user);     /* Caught up again. */
    void (*closed)(docent_status why, void *user); /* The last: DOCENT_ERR_CANCELLED (docent_cache_close()), DOCENT_ERR_CLOSING or
                             * DOCENT_ERR_AUTH_FAILED (the client). Not after docent_subscription_cancel(). */
} docent_cache_events;
#define DOCENT_CACHE_EVENTS .struct_size = sizeof(docent_cache_events)
/** The same as { DOCENT_CACHE_EVENTS }, for compilers without designated initialisers. Thread: any. */
static inline void docent_cache_events_init(docent_cache_events *events)
{
    memset(events, 0, sizeof *events);
    events->struct_size = sizeof *events;
}

/** Subscribes. Nodes already known are told as added first, parents before children, and initialized() if that is past, so that a late
 * subscriber misses no node; failures from before are not told again, docent_cache_failures() counts them. @events is copied. On success
 * *@ret_subscription (which may be NULL if it is never to be cancelled) is the caller's to docent_subscription_cancel(), until closed() has
 * been told. Returns DOCENT_OK, DOCENT_ERR_INVALID_ARGUMENT, DOCENT_ERR_NO_MEMORY, DOCENT_ERR_CLOSING (the cache or the client is),
 * DOCENT_ERR_WRONG_THREAD or DOCENT_ERR_FORKED. Thread: loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_cache_subscribe(docent_cache *cache, const docent_cache_events *events, void *user,
                                                                  docent_subscription **ret_subscription);
/** Ends a subscription, also from its own callbacks: none starts afterwards. NULL: does nothing. Thread: loop. */
DOCENT_API void docent_subscription_cancel(docent_subscription *subscription);

/* ---- Asking. ---- */

/** The node at @path, or NULL if it is not known. The caller owns one reference. Waits for nothing but one look-up of another thread.
 * Thread: any. */
DOCENT_API DOCENT_MUST_CHECK const docent_node *docent_cache_get(docent_cache *cache, const char *path);
/** How many nodes are known. Thread: any. */
DOCENT_API size_t docent_cache_size(const docent_cache *cache);
/** So many bytes they take: paths and data. Thread: any. */
DOCENT_API size_t docent_cache_bytes(const docent_cache *cache);
/** So many of those that were listed cannot be read. Thread: any. */
DOCENT_API size_t docent_cache_failures(const docent_cache *cache);
/** Has initialized() come about? Thread: any. */
DOCENT_API bool docent_cache_is_initialized(const docent_cache *cache);
/** Is everything told, as far as the servers have told us? False before initialized(), from suspended() to fresh(), and in a forked child.
 * Thread: any. */
DOCENT_API bool docent_cache_is_fresh(const docent_cache *cache);

/** Calls @visit for the node at @path (NULL: the root) and all below, parents before children, siblings in the order of strcmp(), until it
 * returns false. Nodes are borrowed. @visit must not close the cache. Returns DOCENT_OK, DOCENT_ERR_NO_NODE, DOCENT_ERR_INVALID_ARGUMENT,
 * DOCENT_ERR_WRONG_THREAD or DOCENT_ERR_FORKED. Thread: loop; when the client has closed, any. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_cache_visit(docent_cache *cache, const char *path,
                                                              bool (*visit)(const docent_node *node, void *user), void *user);

/** What the cache knows at one moment, of the node at @path (NULL: the root) and all below, in the order of docent_cache_visit(). On
 * success *@ret_snapshot is the caller's to docent_snapshot_free(), wherever it goes. Elsewhere than on the loop it waits for a turn of the
 * loop. Returns DOCENT_OK, DOCENT_ERR_NO_NODE, DOCENT_ERR_NO_MEMORY, DOCENT_ERR_INVALID_ARGUMENT, DOCENT_ERR_BUSY (inbox full),
 * DOCENT_ERR_FORKED or DOCENT_ERR_CLOSING (the client closes just now). Thread: any. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_cache_snapshot(docent_cache *cache, const char *path, docent_snapshot **ret_snapshot);
/** The same of the direct children of @path, without itself. Thread: any. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_cache_children(docent_cache *cache, const char *path, docent_snapshot **ret_snapshot);
/** How many nodes it has, and one of them, borrowed from it; NULL: there is none at @index. Thread: any. */
DOCENT_API size_t docent_snapshot_count(const docent_snapshot *snapshot);
DOCENT_API const docent_node *docent_snapshot_node(const docent_snapshot *snapshot, size_t index);
/** Frees it. NULL: does nothing. Thread: any. */
DOCENT_API void docent_snapshot_free(docent_snapshot *snapshot);

/** Is it as the caller wants it? Called on the loop thread; must not close the cache. */
typedef bool (*docent_cache_predicate)(docent_cache *cache, void *user);

/** Tells @done when @predicate (NULL: docent_cache_is_initialized()) is true: DOCENT_OK; or DOCENT_ERR_TIMEOUT, or DOCENT_ERR_CANCELLED (the
 * cache was closed), DOCENT_ERR_CLOSING or DOCENT_ERR_AUTH_FAILED (the client was). It is asked now and after every change, when subscribers
 * have been told. @timeout_ms may be DOCENT_FOREVER. Returns DOCENT_OK if @done will be called, else DOCENT_ERR_INVALID_ARGUMENT,
 * DOCENT_ERR_NO_MEMORY, DOCENT_ERR_CLOSING, DOCENT_ERR_WRONG_THREAD or DOCENT_ERR_FORKED. Thread: loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_cache_wait_async(docent_cache *cache, docent_cache_predicate predicate, void *predicate_user,
                                                                   uint32_t timeout_ms, docent_done_fn done, void *user);
/** docent_cache_wait_async() that waits and returns the outcome, or DOCENT_ERR_WOULD_DEADLOCK, or DOCENT_ERR_BUSY (inbox full). Thread: not
 * loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_cache_wait(docent_cache *cache, docent_cache_predicate predicate, void *user,
                                                             uint32_t timeout_ms);

/** Reads everything again, also what has failed: differences are told, then fresh(). Returns DOCENT_OK, DOCENT_ERR_INVALID_ARGUMENT (NULL),
 * DOCENT_ERR_CLOSING, DOCENT_ERR_WRONG_THREAD or DOCENT_ERR_FORKED. Thread: loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_cache_refresh(docent_cache *cache);

/** Ends the cache: from the return of this on (on the loop thread), or from @closed on, nothing is asked of the servers and no callback but
 * closed() of the subscribers, which come first, is called. @closed may be NULL. @cache is not the caller's any more when this returns. NULL:
 * does nothing. Thread: any. */
DOCENT_API void docent_cache_close(docent_cache *cache, void (*closed)(void *user), void *user);

DOCENT_END

#endif
