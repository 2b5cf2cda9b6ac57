/* core/client/recorder.h - the flight recorder: the last events of the protocol, in a ring of fixed size.
 *
 * An event is names, numbers and the end of a path. There is no place in it where node data or credentials could go. */
#ifndef DOCENT_RECORDER_H
#define DOCENT_RECORDER_H

#include <docent/client.h>

#include "core/wire/alloc.h"
#include "core/wire/wire.h"

enum recorded_kind {
    RECORDED_SENT,
    RECORDED_ANSWERED,
    RECORDED_LOST,        /* The connection went first; the request had been sent, at least in part. */
    RECORDED_UNSENT,      /* It went before the request. */
    RECORDED_NOTIFIED,    /* op is the type of the event. */
    RECORDED_HEARTBEAT,
    RECORDED_CONNECTED,   /* A connection is up; path is the server's address. */
    RECORDED_DISCONNECTED,
    RECORDED_STATE,       /* op is the docent_state; status is its cause. */
};

enum { RECORDED_PATH_MAX = 64, RECORDED_LINE_MAX = 256 };

struct recorded_event { /* What is said of a kind is in use. */
    uint64_t at_us;
    int32_t xid, op, status;
    uint32_t size;          /* SENT, ANSWERED: as framed. */
    uint32_t latency_us;    /* ANSWERED. */
    uint8_t kind;           /* enum recorded_kind. */
    uint8_t path_size;
    bool path_cut;          /* Only its end is here. */
    char path[RECORDED_PATH_MAX];
};

struct recorder {
    uint32_t capacity;
    uint32_t next;  /* Where the next one goes. */
    uint32_t count; /* At most capacity. */
    struct recorded_event events[];
};

struct recorder *docent_recorder_new(const docent_allocator *allocator, uint32_t capacity); /* NULL: no memory. */
/* @path.size < 0: it has none. The path's fields of @event are filled in here. */
void docent_recorder_add(struct recorder *recorder, const struct recorded_event *event, wire_bytes path);
/* Oldest first. */
void docent_recorder_dump(const struct recorder *recorder, void (*line)(const char *text, void *user), void *user);

#endif
