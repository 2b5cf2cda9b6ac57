/* docent/watcher.h - to be told that something changed, for as long as one likes: through reconnects and session changes, against any server.
 *
 * docent_watcher        says that something changed; whoever wants to know what, reads.
 * docent_data_watch     reads as well: the node, at once and whenever it is another.
 * docent_children_watch the same for the names of its children.
 *
 * Guarantee  After the last event a read shows the final state. Not every version is told, and not every change has its own event; two changes in a
 *            row may be one. A lost connection is no event, and causes no read.
 * Servers    From 3.6 on one persistent watch. Older servers get a one-shot watch, by a read that looks what has changed; the events are the
 *            same, a round trip later, and are then made out from what was so before and what is so now. For a subtree on an old server the
 *            stats of all its nodes are kept (cache.h). What such a server was asked to watch it watches until something happens, also
 *            when the watcher is closed before.
 * Trouble    What cannot be watched is tried again under the client's backoff, for as long as it takes; so is what
 *            cannot be read or listed, and at once when something happens to it. On an old server nothing is told of what the credentials may not read.
 *
 * Threads, ownership, units: as in lock.h. All three are the library's, and the caller's to close. When the client is closed first, each tells
 * its last event, and stays the caller's to close. */
#ifndef DOCENT_WATCHER_H
#define DOCENT_WATCHER_H

#include <docent/types.h>
#include <docent/watch.h>

DOCENT_BEGIN

/* ---- That something changed. ---- */

typedef struct docent_watcher docent_watcher;

/** What is watched, and which changes are told. The node need not exist, and may come and go. */
typedef enum docent_watcher_kind {
    DOCENT_WATCHER_DATA,     /* It is created, set, deleted. */
    DOCENT_WATCHER_EXISTS,   /* It is created, deleted. */
    DOCENT_WATCHER_CHILDREN, /* It is created, deleted, or a child of it is: CHILDREN_CHANGED. */
    DOCENT_WATCHER_NODE,     /* All of these. */
    DOCENT_WATCHER_SUBTREE,  /* It or a node below it is created, set, deleted. */
} docent_watcher_kind;

typedef enum docent_watcher_event_type {
    DOCENT_WATCHER_RESET,   /* It is armed, for the first time or after a gap: read now, anything may have changed. */
    DOCENT_WATCHER_CHANGED, /* Something has changed. */
    DOCENT_WATCHER_FAILED,  /* It is not armed, and a server says why; once for each reason. It is tried again, and RESET will tell. */
    DOCENT_WATCHER_CLOSED,  /* The last. */
} docent_watcher_event_type;

typedef struct docent_watcher_event {
    size_t struct_size;
    docent_watcher_event_type type;
    docent_watch_type change; /* CHANGED: DOCENT_WATCH_CREATED, _DELETED, _DATA_CHANGED or _CHILDREN_CHANGED. Else 0. */
    const char *path;         /* CHANGED: the node; else the one that is watched. Borrowed until the callback returns. */
    int64_t zxid;             /* CHANGED: of the change, or of a later one, where it is known; else -1. */
    docent_status status;     /* FAILED: why (DOCENT_ERR_NO_AUTH, DOCENT_ERR_NO_MEMORY, ...). CLOSED: DOCENT_ERR_CANCELLED
                               * (docent_watcher_close()), DOCENT_ERR_CLOSING or DOCENT_ERR_AUTH_FAILED (the client), DOCENT_ERR_NO_MEMORY (it
                               * could not begin). Else DOCENT_OK. */
} docent_watcher_event;
typedef void (*docent_watcher_fn)(const docent_watcher_event *event, void *user);

/** Watches @path; the first RESET says that it does. @fn is called on the loop thread and may call anything. On success *@ret_watcher is the caller's to
 * docent_watcher_close(), on failure it is left as it was. Returns DOCENT_OK, DOCENT_ERR_INVALID_ARGUMENT (@path is no valid path, @kind is none of
 * those, something is NULL), DOCENT_ERR_NO_MEMORY, DOCENT_ERR_CLOSING (the client is) or DOCENT_ERR_FORKED. Thread: any. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_watcher_new(docent_client *client, const char *path, docent_watcher_kind kind,
                                                              docent_watcher_fn fn, void *user, docent_watcher **ret_watcher);
/** DOCENT_OK: a server tells us what happens. DOCENT_ERR_CONNECTION_LOSS: not now, but as soon as there is a connection and it is armed again. Else
 * why it cannot be armed, or why it is over: as in the event; DOCENT_ERR_INVALID_ARGUMENT: NULL; DOCENT_ERR_FORKED. Thread: any. */
DOCENT_API docent_status docent_watcher_status(const docent_watcher *watcher);
/** Ends it: from the return of this on (on the loop thread), or from @closed on, nothing but CLOSED is told, which comes before @closed (may be NULL).
 * @watcher is not the caller's any more when this returns. NULL: does nothing. Thread: any. */
DOCENT_API void docent_watcher_close(docent_watcher *watcher, void (*closed)(void *user), void *user);

/* ---- What the node is. ---- */

typedef struct docent_data_watch docent_data_watch;

typedef struct docent_data_event {
    size_t struct_size;
    docent_status status; /* DOCENT_OK; DOCENT_ERR_NO_NODE: it does not exist; else why it cannot be read: DOCENT_ERR_NO_AUTH,
                           * DOCENT_ERR_TOO_LARGE, DOCENT_ERR_CORRUPT_DATA (compress.h), ... With last: as in docent_watcher_event. */
    bool last;            /* The end, and nothing about the node. */
    const void *data;     /* DOCENT_OK: borrowed until the callback returns; NULL: null data. */
    size_t size;
    docent_stat stat;     /* DOCENT_OK. */
} docent_data_event;
/** True: go on. False: it was the last time that this is called. */
typedef bool (*docent_data_watch_fn)(const docent_data_event *event, void *user);

/** Tells what the node at @path is, as soon as that is known, and again whenever it is set, deleted, or created anew: each state that is seen,
 * once. @ret_watch may be NULL: then it ends with the client, or when @fn returns false. Else *@ret_watch is the caller's to
 * docent_data_watch_close(), whatever @fn returned. Returns DOCENT_OK, DOCENT_ERR_INVALID_ARGUMENT, DOCENT_ERR_NO_MEMORY, DOCENT_ERR_CLOSING or
 * DOCENT_ERR_FORKED. For those who come from kazoo: DataWatch. Thread: any. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_data_watch_new(docent_client *client, const char *path, docent_data_watch_fn fn, void *user,
                                                                 docent_data_watch **ret_watch);
/** As docent_watcher_close(); the last event is not told if @fn had returned false. Thread: any. */
DOCENT_API void docent_data_watch_close(docent_data_watch *watch, void (*closed)(void *user), void *user);

/* ---- Who its children are. ---- */

typedef struct docent_children_watch docent_children_watch;

typedef struct docent_children_event {
    size_t struct_size;
    docent_status status;      /* DOCENT_OK; DOCENT_ERR_NO_NODE: the parent does not exist; else why they cannot be read: DOCENT_ERR_NO_AUTH,
                                * DOCENT_ERR_TOO_LARGE, ... With last: as in docent_watcher_event. */
    bool last;                 /* The end, and nothing about the children. */
    const char *const *names;  /* DOCENT_OK: in the order of the server's answer. Borrowed until the callback returns. */
    size_t count;
    docent_stat stat;          /* DOCENT_OK: of the parent. */
    docent_watch_type change;  /* What was told last before they were read: DOCENT_WATCH_CHILDREN_CHANGED, _CREATED, _DELETED; or
                                * DOCENT_WATCH_RESET: it is the first look, or one after a gap. */
    int64_t zxid;              /* Of that change, as in docent_watcher_event. */
} docent_children_event;
/** True: go on. False: it was the last time that this is called. */
typedef bool (*docent_children_watch_fn)(const docent_children_event *event, void *user);

/* docent_children_watch_options options = { DOCENT_CHILDREN_WATCH_OPTIONS, .settle_ms = 200 };  What is left zero gets its default. */
typedef struct docent_children_watch_options {
    size_t struct_size;
    uint32_t settle_ms; /* Read, and told, only when nothing has changed for so long; the first time as well. While there is no such pause
                         * nothing is told. Default (0): at once. */
} docent_children_watch_options;
#define DOCENT_CHILDREN_WATCH_OPTIONS .struct_size = sizeof(docent_children_watch_options)
/** The same as { DOCENT_CHILDREN_WATCH_OPTIONS }, for compilers without designated initialisers. Thread: any. */
static inline void docent_children_watch_options_init(docent_children_watch_options *options)
{
    memset(options, 0, sizeof *options);
    options->struct_size = sizeof *options;
}

/** Tells the names of the children of @path, as soon as they are known, and again whenever the list is another: each list that is seen, once.
 * @options may be NULL. All else as docent_data_watch_new(). For those who come from kazoo: ChildrenWatch, PatientChildrenWatch.
 * Returns DOCENT_OK, DOCENT_ERR_INVALID_ARGUMENT, DOCENT_ERR_NO_MEMORY, DOCENT_ERR_CLOSING or DOCENT_ERR_FORKED. Thread: any. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_children_watch_new(docent_client *client, const char *path,
                                                                     const docent_children_watch_options *options,
                                                                     docent_children_watch_fn fn, void *user, docent_children_watch **ret_watch);
/** As docent_data_watch_close(). Thread: any. */
DOCENT_API void docent_children_watch_close(docent_children_watch *watch, void (*closed)(void *user), void *user);

DOCENT_END

#endif
