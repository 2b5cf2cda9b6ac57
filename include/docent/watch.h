/* docent/watch.h - to be told of changes. The low-level kinds of the protocol, restored on every connection.
 *
 * A one-shot watch is left by a read (docent_call_options.watch) and tells one event. A persistent watch tells every change of a
 * node and of its list of children; a recursive one every change of a node and its descendants (no CHILDREN_CHANGED). Both
 * need a 3.6 server. Neither kind shows every version: read again when told. After a gap (a reconnect) a persistent or
 * recursive watch tells DOCENT_WATCH_RESET: something may have been missed.
 *
 * Every registration is told exactly one terminal event, the last, with event->last set: for a one-shot the change itself,
 * or what ended it. After it, and after docent_watch_cancel(), the handle is gone.
 *
 * Threads, ownership, units: as in client.h. */
#ifndef DOCENT_WATCH_H
#define DOCENT_WATCH_H

#include <docent/types.h>

DOCENT_BEGIN

typedef struct docent_watch docent_watch;

typedef enum docent_watch_kind {
    DOCENT_WATCH_DATA,       /* One-shot: left by GET and EXISTS. */
    DOCENT_WATCH_CHILDREN,   /* One-shot: left by CHILDREN. */
    DOCENT_WATCH_PERSISTENT, /* Standing, one node. */
    DOCENT_WATCH_RECURSIVE,  /* Standing, a subtree. */
} docent_watch_kind;

typedef enum docent_watch_type {
    DOCENT_WATCH_CREATED = 1, /* The first four are the protocol's numbers. */
    DOCENT_WATCH_DELETED = 2,
    DOCENT_WATCH_DATA_CHANGED = 3,
    DOCENT_WATCH_CHILDREN_CHANGED = 4,
    DOCENT_WATCH_ARMED = 100, /* Standing: the server has it now, for the first time. */
    DOCENT_WATCH_RESET,       /* Standing: the server has it again, after a gap. */
    DOCENT_WATCH_ENDED,       /* Terminal: no change was seen. status says why. */
} docent_watch_type;

typedef struct docent_watch_event {
    size_t struct_size;
    docent_watch_type type;
    docent_status status; /* ENDED: DOCENT_ERR_CANCELLED, DOCENT_ERR_SESSION_EXPIRED, DOCENT_ERR_CLOSING, or why it could not
                           * be set (DOCENT_ERR_UNSUPPORTED, what the read failed with, ...). Else DOCENT_OK. */
    bool last;            /* The terminal event. */
    const char *path;     /* The node that changed. Borrowed until the callback returns. */
    int64_t zxid;         /* Of the change, from servers that tell (3.9); else -1. */
} docent_watch_event;
typedef void (*docent_watch_fn)(const docent_watch_event *event, void *user);

/** Sets a standing watch (@kind: PERSISTENT or RECURSIVE) on @path, which need not exist. @fn is told ARMED when the server has
 * it. On success *@ret_watch can be cancelled until the terminal event. Returns DOCENT_OK, DOCENT_ERR_INVALID_ARGUMENT,
 * DOCENT_ERR_NO_MEMORY, DOCENT_ERR_CLOSING, DOCENT_ERR_WRONG_THREAD or DOCENT_ERR_FORKED. Thread: loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_watch_async(docent_client *client, const char *path, docent_watch_kind kind,
                                                              docent_watch_fn fn, void *user, docent_watch **ret_watch);
/** Ends a registration, its callback's own included. It is told ENDED with DOCENT_ERR_CANCELLED (in a later
 * turn), and nothing after that; the server's watch is removed with the last registration that needs it. NULL: does
 * nothing. Thread: loop; elsewhere it does nothing. */
DOCENT_API void docent_watch_cancel(docent_watch *watch);

DOCENT_END

#endif
