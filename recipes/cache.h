/* recipes/cache.h - the engine of all caches, in six parts:
 *
 *     cache_tree.c    what is known: nodes, and the index of them that other threads look into
 *     cache.c         how it comes to be known: the machine that watches, verifies after a gap, and is up to date or not
 *     cache_entry.c   what is wanted for one entry, and what an answer makes of it
 *     cache_ask.c     the requests: many entries in one, and so many at a time
 *     cache_tell.c    subscribers, and whoever waits
 *     cache_query.c   everything that an application asks
 *
 * An entry stands for a path that was listed, or that a watch has named. It has at most one request under way, a read of its data or of its list
 * of children; what is wanted meanwhile is remembered, not asked. It is *loaded* when its node has been told. A removed entry is dead, and
 * freed when nothing refers to it any more; a path that comes back gets another one, so that an answer that comes late finds nobody. */
#ifndef DOCENT_RECIPES_CACHE_H
#define DOCENT_RECIPES_CACHE_H

#include <docent/cache.h>

#include "core/drive/await.h"
#include "core/drive/thread_mutex.h"
#include "recipes/handle.h"

/* ---- What is known. ---- */

/* Whom nodes get their memory from: they may outlive cache and client. Counted. */
struct node_home {
    _Atomic size_t references;
    docent_allocator allocator;
};

struct directory {
    int64_t pzxid; /* As of the last list. */
    uint32_t count, room;
    uint32_t walked; /* The loop's: where a walk has last been. */
    struct entry *children[]; /* In the order of strcmp() of their names. */
};

enum {
    ENTRY_FAILED = 1 << 0,     /* Its last read, or list, was refused. */
    ENTRY_WANTS_READ = 1 << 1,
    ENTRY_WANTS_LIST = 1 << 2,
    ENTRY_BUSY = 1 << 3,       /* A request is under way, or it is in the queue for one... */
    ENTRY_QUEUED = 1 << 4,     /* ... namely this. */
    ENTRY_ALONE = 1 << 5,      /* Not in a batch: it was in one that was too large. */
    ENTRY_COUNTED = 1 << 6,    /* A load, or a re-synchronisation, waits for it. */
    ENTRY_DEAD = 1 << 7,
    ENTRY_UNVERIFIED = 1 << 8, /* May have changed while nobody told us. */
    ENTRY_LISTED = 1 << 9,    /* New in a list that is being looked at. */
    ENTRY_HEARS_CHILDREN = 1 << 10, /* One-shot mode: its watch for children is at the server. */
    ENTRY_MISSING = 1 << 11,   /* One-shot mode: the root is to be waited for. */
};

struct entry {
    docent_node *node; /* Not loaded: its path, and nothing else. */
    struct entry *parent;
    struct directory *directory; /* NULL: no children. */
    struct entry *queue_next;
    uint32_t flags;              /* The loop's alone. */
    int16_t why;                 /* FAILED: the reason. */
    bool loaded;                 /* Written with the mutex. */
};

const char *docent_entry_path(const struct entry *entry);

/* A node of @path; without @stat there is only the path. NULL: no memory. */
docent_node *docent_node_make(struct node_home *home, const char *path, size_t path_size, const docent_stat *stat, const void *data, size_t size,
                              bool keep_data);
struct node_home *docent_node_home_new(const docent_allocator *allocator);
void docent_node_home_drop(struct node_home *home);
size_t docent_node_bytes(const docent_node *node);

/* ---- The machine. ---- */

enum cache_mode {
    CACHE_STANDING, /* One recursive watch at the server; reads set none. */
    CACHE_ONE_SHOT, /* The server is too old: every read leaves a watch. */
};

struct cache_limits {
    uint32_t depth_max; /* UINT32_MAX: none. */
    bool hides_root;    /* Its children are cached, itself is not. */
    bool stat_only;
    bool quiet_start;        /* The first load is not told. */
    bool tells_initialized;
    bool (*accept)(const char *path, void *user);
    bool (*descend)(const docent_node *node, void *user);
    void *user;
    size_t bytes_max; /* SIZE_MAX: none. */
};

struct cache_queue {
    struct entry *first, **last;
};

enum cache_ask_kind { ASK_BATCH, ASK_NODE, ASK_STAT, ASK_WAIT_FOR_ROOT, ASK_LIST, ASK_SURVEY };

struct cache_news;
struct cache_wait;

struct docent_cache {
    struct handle handle; /* First. */
    struct node_home *home;
    struct cache_limits limits;
    char *path;
    size_t path_size;

    docent_thread_mutex mutex;       /* For what hangs on root. The loop changes it, others look. */
    struct entry *root;       /* Always there. */
    docent_shared_i64 size, bytes, failures, initialized, fresh;

    enum cache_mode mode;
    docent_watch *watch;      /* NULL: none. */
    size_t watches;           /* That have not told their end. */
    bool armed;               /* The server has it; reads may begin. */
    bool online;
    bool known;               /* The load was begun once: what is there has to be verified after a gap. */
    bool gap;                 /* Verifying is due. */
    bool same_session;        /* The gap is within one. */
    bool no_batches;          /* The server does not know multiRead. */
    bool paused;              /* Until the timer. */
    enum cache_link { LINK_NEVER_UP, LINK_UP, LINK_SUSPENDED, LINK_LOST } link; /* What subscribers know of the connection. */
    bool surveys;             /* What is unverified is asked for by surveys, not by reading. */
    unsigned surveying;       /* Packets of one that are under way. */
    bool surveys_leaves;      /* Of a load: their data have been read, and have a watch. */
    bool leaves;              /* One-shot mode: leaves of the load wait for a survey. */
    bool went_back;           /* The servers know less than we have seen. */
    int64_t synced_zxid;      /* All up to this is known. 0: nothing is. */
    int64_t survey_zxid;
    struct entry *cursor;     /* From here on there may be unverified entries. NULL: there are none. */
    size_t left;              /* Entries that the load, or the verifying, waits for. */

    struct cache_queue reads, lists; /* Want a request. */
    unsigned reads_in_row;    /* Reads taken since the last list. */
    unsigned flying;          /* Requests under way. */
    unsigned flying_lists;    /* Of them, lists. */
    size_t guess;             /* Bytes of a node that was never read. */
    size_t stub_room;         /* For the data of such a node, and the zero behind them: as many as the last had that was read. */
    struct docent_later pump_later;

    /* cache_tell.c */
    struct cache_news *news;  /* A ring. */
    size_t news_first, news_count, news_room;
    uint64_t news_serial;     /* Of the newest. */
    struct docent_subscription *subscriptions;
    struct cache_wait *waits;
    struct docent_later tell_later;
    bool telling, closed_told;
    docent_status closed_why;
};

/* cache_tree.c */
struct entry *docent_cache_entry_new(docent_cache *cache, struct entry *parent, const char *name);
struct entry *docent_cache_find(const docent_cache *cache, const char *path); /* Loop, or with the mutex. NULL: not known. */
struct entry *docent_cache_child(const struct entry *parent, const char *name, size_t size);
bool docent_cache_add_child(docent_cache *cache, struct entry *parent, struct entry *child);
void docent_cache_release_entry(docent_cache *cache, struct entry *entry); /* Frees it if it is dead and nothing refers to it. */
struct entry *docent_cache_next(const struct entry *entry, const struct entry *top); /* In order; NULL: that was the last below @top. */
struct entry *docent_cache_next_beside(const struct entry *entry, const struct entry *top); /* The same, without what is below. */
size_t docent_cache_count(const struct entry *top);
uint32_t docent_entry_depth(const struct entry *entry);
/* Takes @entry and all below it out, children first; @gone is called for each, while it still has its node. The root stays, unloaded. */
void docent_cache_remove(docent_cache *cache, struct entry *entry, void (*gone)(docent_cache *cache, struct entry *entry));
/* The same of all that is below it. */
void docent_cache_remove_below(docent_cache *cache, struct entry *entry, void (*gone)(docent_cache *cache, struct entry *entry));
/* Makes @names, in order and without what is not accepted, the children of @entry; @gone for those that leave, @came for the new. False: no
 * memory, and nothing has changed. */
bool docent_cache_set_children(docent_cache *cache, struct entry *entry, const char *const *names, size_t count, int64_t pzxid,
                               void (*gone)(docent_cache *cache, struct entry *entry), void (*came)(docent_cache *cache, struct entry *entry));
/* A node that was never read, made in the memory that stands in for it, for docent_cache_put_node(). NULL: it does not fit. */
docent_node *docent_cache_fill_stub(struct entry *entry, const docent_stat *stat, const void *data, size_t size, bool keep_data);
/* Another version; the entry keeps one reference. */
void docent_cache_put_node(docent_cache *cache, struct entry *entry, docent_node *node);

/* cache.c */
docent_status docent_cache_open(docent_client *client, const char *path, const struct cache_limits *limits, docent_cache **ret_cache);
bool docent_cache_shows(const docent_cache *cache, const struct entry *entry); /* It is loaded, and to be seen. */
void docent_cache_resync(docent_cache *cache);
void docent_cache_pause(docent_cache *cache); /* Nothing is asked until the timer. */
static inline void docent_cache_pump_soon(docent_cache *cache) /* What may be asked is, at the end of the turn. */
{
    docent_client_later(cache->handle.client, &cache->pump_later);
}

/* cache_entry.c */
static inline bool docent_entry_is_root(const struct entry *entry)
{
    return entry->parent == NULL;
}
bool docent_entry_may_have_children(docent_cache *cache, const struct entry *entry);
void docent_entry_await(docent_cache *cache, struct entry *entry); /* A load, or the verifying, is not over before it rests. */
void docent_entry_want(docent_cache *cache, struct entry *entry, unsigned what);
void docent_entry_queue(docent_cache *cache, struct entry *entry); /* For what it wants already. */
void docent_entry_rest(docent_cache *cache, struct entry *entry); /* A request for it has ended, or there is none. */
void docent_entry_answered(docent_cache *cache, struct entry *entry, enum cache_ask_kind kind, const docent_result *result);
void docent_entry_failed(docent_cache *cache, struct entry *entry, docent_status why);
void docent_entry_came(docent_cache *cache, struct entry *child);   /* Its parent has a new child. */
void docent_entry_remove(docent_cache *cache, struct entry *entry); /* The node is gone, with all below it. */

/* cache_ask.c */
void docent_cache_ask_queued(docent_cache *cache); /* As much as may be under way. */
void docent_cache_ask_survey(docent_cache *cache); /* Unverified entries, from the cursor on, go into one packet, or are read. */
void docent_cache_sweep(docent_cache *cache);      /* They are read, some at a time. */

/* cache_tell.c */
enum cache_news_type {
    NEWS_ADDED,
    NEWS_CHANGED,
    NEWS_REMOVED,
    NEWS_FAILED,
    NEWS_INITIALIZED,
    NEWS_SUSPENDED,
    NEWS_LOST,
    NEWS_RECONNECTED,
    NEWS_FRESH,
};
/* Room for @count more, so that telling them cannot fail. For what is told of the connection there is always some. */
bool docent_cache_news_reserve(docent_cache *cache, size_t count);
/* Takes its own references. */
void docent_cache_tell(docent_cache *cache, enum cache_news_type type, const docent_node *before, const docent_node *after, docent_status why);
void docent_cache_tell_waits(docent_cache *cache); /* There is nothing to be told, but whoever waits may look. */
void docent_cache_tell_init(docent_cache *cache);
void docent_cache_tell_end(docent_cache *cache, docent_status why, bool mute);
bool docent_cache_tell_is_over(const docent_cache *cache);
void docent_cache_tell_free(docent_cache *cache);

#endif
