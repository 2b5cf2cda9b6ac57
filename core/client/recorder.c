/* core/client/recorder.c - see recorder.h. */
#include "core/client/recorder.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct recorder *docent_recorder_new(const docent_allocator *allocator, uint32_t capacity)
{
    struct recorder *recorder = docent_alloc(allocator, sizeof *recorder + (size_t)capacity * sizeof recorder->events[0]);
    if (recorder != NULL) *recorder = (struct recorder){ .capacity = capacity };
    return recorder;
}

/* What tells one contender from the next is at the end. */
static void path_keep(struct recorded_event *event, wire_bytes path)
{
    event->path_size = 0;
    event->path_cut = path.size > RECORDED_PATH_MAX;
    if (path.size <= 0) return;
    size_t size = event->path_cut ? RECORDED_PATH_MAX : (size_t)path.size;
    const uint8_t *from = path.data + (size_t)path.size - size;
    while (event->path_cut && size > 0 && (*from & 0xc0) == 0x80) { /* Not in the middle of a character. */
        from++;
        size--;
    }
    memcpy(event->path, from, size);
    event->path_size = (uint8_t)size;
}

void docent_recorder_add(struct recorder *recorder, const struct recorded_event *event, wire_bytes path)
{
    struct recorded_event *at = &recorder->events[recorder->next];
    *at = *event;
    path_keep(at, path);
    recorder->next = recorder->next + 1 == recorder->capacity ? 0 : recorder->next + 1;
    if (recorder->count < recorder->capacity) recorder->count++;
}

/* ---- As text. ---- */

struct line {
    char text[RECORDED_LINE_MAX];
    size_t length;
};

static void __attribute__((format(printf, 2, 3))) line_add(struct line *line, const char *format, ...)
{
    size_t room = sizeof line->text - line->length;
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(line->text + line->length, room, format, arguments);
    va_end(arguments);
    if (length > 0) line->length += (size_t)length < room ? (size_t)length : room - 1;
}

/* A server may tell any bytes as a path; a line must stay one line. */
static void line_add_path(struct line *line, const struct recorded_event *event)
{
    if (event->path_size == 0) return;
    line_add(line, " \"%s", event->path_cut ? "..." : "");
    for (size_t i = 0; i < event->path_size; i++) {
        unsigned char c = (unsigned char)event->path[i];
        line_add(line, "%c", c < 0x20 || c == 0x7f || c == '"' ? '?' : c);
    }
    line_add(line, "\"");
}

static const char *event_name(int32_t type)
{
    switch (type) {
    case WIRE_EVENT_CREATED: return "created";
    case WIRE_EVENT_DELETED: return "deleted";
    case WIRE_EVENT_DATA_CHANGED: return "changed";
    case WIRE_EVENT_CHILDREN_CHANGED: return "children changed";
    default: return "of something else";
    }
}

static const char *state_name(docent_state state)
{
    switch (state) {
    case DOCENT_DISCONNECTED: return "disconnected";
    case DOCENT_CONNECTED: return "connected";
    case DOCENT_READ_ONLY: return "read-only";
    case DOCENT_SUSPENDED: return "suspended";
    case DOCENT_LOST: return "lost";
    case DOCENT_CLOSED: return "closed";
    }
    return "unknown";
}

static void line_add_request(struct line *line, const char *what, const struct recorded_event *event)
{
    char scratch[16];
    line_add(line, "%s xid=%" PRId32 " %s", what, event->xid, docent_wire_op_name(event->op, scratch));
    line_add_path(line, event);
}

static void line_make(struct line *line, const struct recorded_event *event)
{
    line->length = 0;
    line_add(line, "%" PRIu64 ".%06" PRIu64 " ", event->at_us / 1000000, event->at_us % 1000000);
    switch ((enum recorded_kind)event->kind) {
    case RECORDED_SENT:
        line_add_request(line, "sent", event);
        line_add(line, " %" PRIu32 " bytes", event->size);
        break;
    case RECORDED_ANSWERED:
        line_add_request(line, "answered", event);
        line_add(line, " %s %" PRIu32 " bytes after %" PRIu32 " us", docent_status_name((docent_status)event->status), event->size,
                 event->latency_us);
        break;
    case RECORDED_LOST:
        line_add_request(line, "lost", event);
        break;
    case RECORDED_UNSENT:
        line_add_request(line, "not sent", event);
        break;
    case RECORDED_NOTIFIED:
        line_add(line, "notified %s", event_name(event->op));
        line_add_path(line, event);
        break;
    case RECORDED_HEARTBEAT:
        line_add(line, "heartbeat");
        break;
    case RECORDED_CONNECTED:
        line_add(line, "connected");
        line_add_path(line, event);
        break;
    case RECORDED_DISCONNECTED:
        line_add(line, "disconnected");
        break;
    case RECORDED_STATE:
        line_add(line, "state %s: %s", state_name((docent_state)event->op), docent_status_name((docent_status)event->status));
        break;
    }
}

void docent_recorder_dump(const struct recorder *recorder, void (*tell)(const char *text, void *user), void *user)
{
    uint32_t at = recorder->count < recorder->capacity ? 0 : recorder->next;
    for (uint32_t i = 0; i < recorder->count; i++) {
        struct line line;
        line_make(&line, &recorder->events[at]);
        tell(line.text, user);
        at = at + 1 == recorder->capacity ? 0 : at + 1;
    }
}
