/* core/wire/print.c - records and whole frames as text, for traces.
 *
 * Everything but printable ASCII is escaped, so that a name from the network cannot play tricks on a terminal. Passwords,
 * credentials and SASL tokens show their size only: traces end up in tickets. */
#include "core/wire/wire.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
    SHOWN_BYTES_MAX = 256,   /* Of one string or buffer. */
    SHOWN_ELEMENTS_MAX = 32, /* Of one list. */
};

static void __attribute__((format(printf, 2, 3))) text_add(struct wire_text *text, const char *format, ...)
{
    if (text->length + 1 >= text->size) {
        if (text->size != 0 && text->length < text->size) text->text[text->length] = '\0';
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    size_t room = text->size - text->length;
    int length = vsnprintf(text->text + text->length, room, format, arguments);
    va_end(arguments);
    if (length > 0) text->length += (size_t)length < room ? (size_t)length : room - 1;
}

static bool text_full(const struct wire_text *text)
{
    return text->length + 1 >= text->size;
}

static void show_quoted(struct wire_text *text, wire_bytes value)
{
    if (value.size < 0) {
        text_add(text, "null");
        return;
    }
    text_add(text, "\"");
    int32_t shown = value.size < SHOWN_BYTES_MAX ? value.size : SHOWN_BYTES_MAX;
    for (int32_t i = 0; i < shown && !text_full(text); i++) {
        uint8_t byte = value.data[i];
        if (byte == '"' || byte == '\\') {
            text_add(text, "\\%c", byte);
        } else if (byte >= 0x20 && byte < 0x7f) {
            text_add(text, "%c", byte);
        } else {
            text_add(text, "\\x%02x", (unsigned)byte);
        }
    }
    text_add(text, "\"");
    if (shown < value.size) text_add(text, "(of %" PRId32 ")", value.size);
}

static bool is_secret(const char *name)
{
    return strcmp(name, "password") == 0 || strcmp(name, "auth") == 0 || strcmp(name, "token") == 0;
}

static void show_name(struct wire_text *text, const char *name)
{
    text_add(text, "%s%s=", text->length != 0 ? " " : "", name);
}

static void show_bool(struct wire_text *text, const char *name, bool value)
{
    show_name(text, name);
    text_add(text, "%s", value ? "true" : "false");
}

static void show_int(struct wire_text *text, const char *name, int32_t value)
{
    show_name(text, name);
    text_add(text, "%" PRId32, value);
}

static bool ends_with(const char *name, const char *ending)
{
    size_t length = strlen(name), end = strlen(ending);
    return length >= end && strcmp(name + length - end, ending) == 0;
}

static void show_long(struct wire_text *text, const char *name, int64_t value)
{
    show_name(text, name);
    if (ends_with(name, "_ms")) {
        text_add(text, "%" PRId64, value);
    } else { /* Ids of transactions and sessions. */
        text_add(text, "0x%" PRIx64, (uint64_t)value);
    }
}

static void show_string(struct wire_text *text, const char *name, wire_bytes value)
{
    show_name(text, name);
    show_quoted(text, value);
}

static void show_buffer(struct wire_text *text, const char *name, wire_bytes value)
{
    if (is_secret(name) && value.size >= 0) {
        show_name(text, name);
        text_add(text, "(%" PRId32 " bytes)", value.size);
    } else {
        show_string(text, name, value);
    }
}

/* The beginning of a list; false: there is nothing in it, and it is finished. */
static bool list_opens(struct wire_text *text, const char *name, const wire_list *list)
{
    show_name(text, name);
    text_add(text, list->count < 0 ? "null" : "[");
    return list->count >= 0;
}

/* Before an element: a separator, or the end of the patience. */
static bool list_goes_on(struct wire_text *text, const wire_list *rest, int32_t shown)
{
    if (text_full(text)) return false;
    if (shown == SHOWN_ELEMENTS_MAX && rest->count > 0) {
        text_add(text, ", %" PRId32 " more", rest->count);
        return false;
    }
    if (shown > 0 && rest->count > 0) text_add(text, ", ");
    return true;
}

static void show_strings(struct wire_text *text, const char *name, wire_list list)
{
    if (!list_opens(text, name, &list)) return;
    wire_bytes string;
    for (int32_t i = 0; list_goes_on(text, &list, i) && docent_wire_list_next_string(&list, &string); i++) {
        show_quoted(text, string);
    }
    text_add(text, "]");
}

static void show_acls(struct wire_text *text, const char *name, wire_list list)
{
    if (!list_opens(text, name, &list)) return;
    struct wire_acl acl;
    for (int32_t i = 0; list_goes_on(text, &list, i) && docent_wire_list_next_acl(&list, &acl); i++) {
        text_add(text, "%" PRId32 " ", acl.perms);
        show_quoted(text, acl.scheme);
        text_add(text, ":");
        show_quoted(text, acl.id);
    }
    text_add(text, "]");
}

static void show_clients(struct wire_text *text, const char *name, wire_list list)
{
    if (!list_opens(text, name, &list)) return;
    struct wire_client_info client;
    for (int32_t i = 0; list_goes_on(text, &list, i) && docent_wire_list_next_client(&list, &client); i++) {
        show_quoted(text, client.scheme);
        text_add(text, ":");
        show_quoted(text, client.user);
    }
    text_add(text, "]");
}

static void show_stat(struct wire_text *text, const char *name, docent_stat stat)
{
    show_name(text, name);
    text_add(text, "{czxid=0x%" PRIx64 " mzxid=0x%" PRIx64 " pzxid=0x%" PRIx64, (uint64_t)stat.czxid, (uint64_t)stat.mzxid,
             (uint64_t)stat.pzxid);
    text_add(text, " ctime_ms=%" PRId64 " mtime_ms=%" PRId64, stat.ctime_ms, stat.mtime_ms);
    text_add(text, " version=%" PRId32 " cversion=%" PRId32 " aversion=%" PRId32, stat.version, stat.cversion, stat.aversion);
    text_add(text, " owner=0x%" PRIx64 " data_length=%" PRId32 " num_children=%" PRId32 "}", (uint64_t)stat.ephemeral_owner,
             stat.data_length, stat.num_children);
}

#define SHOW_FIELD(type, name) show_##type(text, #name, value->name);
#define DEFINE_PRINT(record)                                                                                                \
    void docent_wire_print_##record(struct wire_text *text, const struct wire_##record *value)                              \
    {                                                                                                                       \
        WIRE_##record(SHOW_FIELD)                                                                                           \
    }
WIRE_RECORDS(DEFINE_PRINT)
#undef DEFINE_PRINT
#undef SHOW_FIELD

/* ---- Frames. ---- */

/* Each operation: its name, the record of its request, the record of its answer. "none" is nothing, "multi" a sequence. */
#define OPERATIONS(O)                                                                                                       \
    O(WIRE_OP_NOTIFICATION, "notification", none, watcher_event)                                                            \
    O(WIRE_OP_CREATE, "create", create_request, path_record)                                                                \
    O(WIRE_OP_DELETE, "delete", versioned_request, none)                                                                    \
    O(WIRE_OP_EXISTS, "exists", read_request, stat_response)                                                                \
    O(WIRE_OP_GET_DATA, "getData", read_request, data_response)                                                             \
    O(WIRE_OP_SET_DATA, "setData", set_data_request, stat_response)                                                         \
    O(WIRE_OP_GET_ACL, "getACL", path_record, acl_response)                                                                 \
    O(WIRE_OP_SET_ACL, "setACL", set_acl_request, stat_response)                                                            \
    O(WIRE_OP_GET_CHILDREN, "getChildren", read_request, strings_response)                                                  \
    O(WIRE_OP_SYNC, "sync", path_record, path_record)                                                                       \
    O(WIRE_OP_PING, "ping", none, none)                                                                                     \
    O(WIRE_OP_GET_CHILDREN2, "getChildren2", read_request, children2_response)                                              \
    O(WIRE_OP_CHECK, "check", versioned_request, none)                                                                      \
    O(WIRE_OP_MULTI, "multi", multi, multi)                                                                                 \
    O(WIRE_OP_CREATE2, "create2", create_request, create2_response)                                                         \
    O(WIRE_OP_RECONFIG, "reconfig", reconfig_request, data_response)                                                        \
    O(WIRE_OP_CHECK_WATCHES, "checkWatches", watches_request, none)                                                         \
    O(WIRE_OP_REMOVE_WATCHES, "removeWatches", watches_request, none)                                                       \
    O(WIRE_OP_CREATE_CONTAINER, "createContainer", create_request, create2_response)                                        \
    O(WIRE_OP_DELETE_CONTAINER, "deleteContainer", path_record, none)                                                       \
    O(WIRE_OP_CREATE_TTL, "createTTL", create_ttl_request, create2_response)                                                \
    O(WIRE_OP_MULTI_READ, "multiRead", multi, multi)                                                                        \
    O(WIRE_OP_AUTH, "auth", auth_request, none)                                                                             \
    O(WIRE_OP_SET_WATCHES, "setWatches", set_watches_request, none)                                                         \
    O(WIRE_OP_SASL, "sasl", sasl_record, sasl_record)                                                                       \
    O(WIRE_OP_GET_EPHEMERALS, "getEphemerals", path_record, strings_response)                                               \
    O(WIRE_OP_GET_ALL_CHILDREN_NUMBER, "getAllChildrenNumber", path_record, number_response)                                \
    O(WIRE_OP_SET_WATCHES2, "setWatches2", set_watches2_request, none)                                                      \
    O(WIRE_OP_ADD_WATCH, "addWatch", watches_request, error_response)                                                       \
    O(WIRE_OP_WHO_AM_I, "whoAmI", none, who_am_i_response)                                                                  \
    O(WIRE_OP_CREATE_SESSION, "createSession", none, none)                                                                  \
    O(WIRE_OP_CLOSE_SESSION, "closeSession", none, none)                                                                    \
    O(WIRE_OP_ERROR, "error", none, error_response)

const char *docent_wire_op_name(int32_t op, char *scratch)
{
    switch (op) {
#define OPERATION_NAME(number, name, request, reply)                                                                        \
    case number: return name;
        OPERATIONS(OPERATION_NAME)
#undef OPERATION_NAME
    }
    snprintf(scratch, 16, "op %" PRId32, op);
    return scratch;
}

/* One body_<record>() per record: decodes and prints; false if it does not decode. Headers and parts are no one's body. */
#define DEFINE_BODY(record)                                                                                                 \
    static bool __attribute__((unused)) body_##record(struct wire_text *text, struct wire_in *in)                           \
    {                                                                                                                       \
        struct wire_##record value;                                                                                         \
        if (!docent_wire_get_##record(in, &value)) return false;                                                            \
        docent_wire_print_##record(text, &value);                                                                           \
        return true;                                                                                                        \
    }
WIRE_RECORDS(DEFINE_BODY)
#undef DEFINE_BODY

static bool body_none(struct wire_text *text, struct wire_in *in)
{
    (void)text;
    return !in->failed;
}

/* A sequence within a sequence is not part of the protocol. */
static bool body_multi(struct wire_text *text, struct wire_in *in)
{
    (void)text;
    (void)in;
    return false;
}

static bool show_body(struct wire_text *text, struct wire_in *in, int32_t op, bool reply)
{
    switch (op) {
#define OPERATION_BODY(number, name, request_record, reply_record)                                                          \
    case number: return reply ? body_##reply_record(text, in) : body_##request_record(text, in);
        OPERATIONS(OPERATION_BODY)
#undef OPERATION_BODY
    }
    return false;
}

static bool show_multi(struct wire_text *text, struct wire_in *in, bool reply)
{
    struct wire_multi_header header;
    char scratch[16];
    while (docent_wire_get_multi_header(in, &header)) {
        if (header.done) return true;
        if (text_full(text)) { /* Nobody will read the rest. */
            in->size = 0;
            return true;
        }
        text_add(text, " [%s", docent_wire_op_name(header.op, scratch));
        bool good = show_body(text, in, header.op, reply);
        text_add(text, "]");
        if (!good) return false;
    }
    return false;
}

/* The part of a frame after its header. */
static void show_rest(struct wire_text *text, struct wire_in *in, int32_t op, bool reply)
{
    bool sequence = op == WIRE_OP_MULTI || op == WIRE_OP_MULTI_READ;
    bool good = sequence ? show_multi(text, in, reply) : show_body(text, in, op, reply);
    if (!good) {
        text_add(text, " (malformed)");
    } else if (in->size != 0) {
        text_add(text, " (and %zu bytes)", in->size);
    }
}

void docent_wire_print_request(struct wire_text *text, const uint8_t *data, size_t size)
{
    struct wire_in in = docent_wire_in(data, size);
    struct wire_request_header header;
    char scratch[16];
    if (!docent_wire_get_request_header(&in, &header)) {
        text_add(text, "(malformed request of %zu bytes)", size);
        return;
    }
    text_add(text, "%s xid=%" PRId32, docent_wire_op_name(header.op, scratch), header.xid);
    show_rest(text, &in, header.op, false);
}

void docent_wire_print_reply(struct wire_text *text, int32_t op, const uint8_t *data, size_t size)
{
    struct wire_in in = docent_wire_in(data, size);
    struct wire_reply_header header;
    char scratch[16];
    if (!docent_wire_get_reply_header(&in, &header)) {
        text_add(text, "(malformed reply of %zu bytes)", size);
        return;
    }
    text_add(text, "%s xid=%" PRId32 " zxid=0x%" PRIx64, docent_wire_op_name(op, scratch), header.xid, (uint64_t)header.zxid);
    if (header.err != 0) { /* Whatever follows an error means nothing. */
        text_add(text, " err=%" PRId32 " (%s)", header.err, docent_status_name((docent_status)header.err));
        return;
    }
    show_rest(text, &in, op, true);
}
