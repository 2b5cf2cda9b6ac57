/* docent/trace.h - looking on: a hook that is told of every attempt of every request, and a flight recorder that keeps the last events of
 * the protocol.
 *
 * Neither is ever given node data, ACLs or credentials: names of operations, paths, sizes, statuses and times are all there is.
 *
 * Both are off by default, and cost nothing then; switched on they make every call some hundred instructions dearer. */
#ifndef DOCENT_TRACE_H
#define DOCENT_TRACE_H

#include <docent/types.h>

DOCENT_BEGIN

enum { DOCENT_TRACE_PATH_MAX = 256 };

/** One attempt that has ended: it was answered, or the connection was lost after it had been sent, at least in part. Borrowed until
 * the hook returns. */
typedef struct docent_trace_event {
    size_t struct_size;
    const char *operation; /* By its name in the protocol: "getData", "create2", "multi", "addWatch". */
    const char *path;      /* The server's, chroot included; of the first DOCENT_TRACE_PATH_MAX - 1 bytes. NULL: it has none, or several. */
    docent_status status;  /* Of this attempt. DOCENT_ERR_CONNECTION_LOSS: no answer came. What becomes of the call is another matter. */
    uint64_t latency_us;   /* From sent to answered; see stats.h for its resolution. */
    size_t request_size;   /* In bytes, as framed. */
    size_t reply_size;     /* The same. 0: none. */
    uint32_t attempt;      /* From 1. */
    const char *server;    /* "address:port". */
    const char *call;      /* On whose behalf, if that takes more than one request: "lock", "create", "set", "ensure" (parents of
                            * transactions too), "delete", "update", "read". NULL: the operation was called for itself, or is the
                            * library's own, or what asked for it has ended. */
} docent_trace_event;

/** Called on the loop thread, before the outcome is told to the caller. Like the log's, it must not call into the library. */
typedef void (*docent_trace_fn)(const docent_trace_event *event, void *user);

/** Tells what the flight recorder of @client (docent_client_options.flight_recorder_events) has kept, line by line, oldest first. @line
 * runs inside the call; its text is borrowed until it returns, and it must not call into the library. A line, for example:
 *
 *     12.345678 answered xid=7 getData "/config" DOCENT_OK 118 bytes after 512 us
 *
 * begins with seconds of a clock of the process's machine. Paths are those of the server; of long ones the end is kept. When the session
 * is lost the same lines go to the log as "client.recorder". Returns DOCENT_OK, DOCENT_ERR_INVALID_ARGUMENT (no recorder, or
 * NULL), DOCENT_ERR_WRONG_THREAD or DOCENT_ERR_FORKED. Thread: loop. */
DOCENT_API docent_status docent_client_dump(const docent_client *client, void (*line)(const char *text, void *user), void *user);

DOCENT_END

#endif
