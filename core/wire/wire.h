/* core/wire/wire.h - Jute, the encoding of the ZooKeeper protocol: every record of the client protocol, from one table.
 *
 * WIRE_RECORDS names the records, WIRE_<record>(F) lists a record's fields in wire order; from these come the struct,
 * docent_wire_put_<record>(), docent_wire_get_<record>() and docent_wire_print_<record>(). Decoding borrows from the input:
 * strings and buffers point into it, and a list is its encoded elements, checked once and walked with the _next functions.
 * Encoding a list copies such elements, which docent_wire_put_string() and docent_wire_put_acl() make.
 *
 * Source: ZooKeeper's zookeeper.jute, and observation of servers 3.5 to 3.9. All integers are big-endian. */
#ifndef DOCENT_WIRE_H
#define DOCENT_WIRE_H

#include <docent/types.h>

enum { /* Operations. */
    WIRE_OP_NOTIFICATION = 0,
    WIRE_OP_CREATE = 1,
    WIRE_OP_DELETE = 2,
    WIRE_OP_EXISTS = 3,
    WIRE_OP_GET_DATA = 4,
    WIRE_OP_SET_DATA = 5,
    WIRE_OP_GET_ACL = 6,
    WIRE_OP_SET_ACL = 7,
    WIRE_OP_GET_CHILDREN = 8,
    WIRE_OP_SYNC = 9,
    WIRE_OP_PING = 11,
    WIRE_OP_GET_CHILDREN2 = 12,
    WIRE_OP_CHECK = 13,
    WIRE_OP_MULTI = 14,
    WIRE_OP_CREATE2 = 15,
    WIRE_OP_RECONFIG = 16,
    WIRE_OP_CHECK_WATCHES = 17,
    WIRE_OP_REMOVE_WATCHES = 18,
    WIRE_OP_CREATE_CONTAINER = 19,
    WIRE_OP_DELETE_CONTAINER = 20, /* Between servers only; a client must not send it. */
    WIRE_OP_CREATE_TTL = 21,
    WIRE_OP_MULTI_READ = 22,
    WIRE_OP_AUTH = 100,
    WIRE_OP_SET_WATCHES = 101,
    WIRE_OP_SASL = 102,
    WIRE_OP_GET_EPHEMERALS = 103,
    WIRE_OP_GET_ALL_CHILDREN_NUMBER = 104,
    WIRE_OP_SET_WATCHES2 = 105,
    WIRE_OP_ADD_WATCH = 106,
    WIRE_OP_WHO_AM_I = 107,
    WIRE_OP_CREATE_SESSION = -10, /* Between servers only. */
    WIRE_OP_CLOSE_SESSION = -11,
    WIRE_OP_ERROR = -1, /* In a multi: an error result, or the end. */
};

enum { /* Transaction ids with a meaning of their own. */
    WIRE_XID_NOTIFICATION = -1,
    WIRE_XID_PING = -2,
    WIRE_XID_AUTH = -4,
    WIRE_XID_SET_WATCHES = -8,
};

enum {
    WIRE_EVENT_CREATED = 1,
    WIRE_EVENT_DELETED = 2,
    WIRE_EVENT_DATA_CHANGED = 3,
    WIRE_EVENT_CHILDREN_CHANGED = 4,
    WIRE_STATE_SYNC_CONNECTED = 3,
    WIRE_WATCHER_CHILDREN = 1,
    WIRE_WATCHER_DATA = 2,
    WIRE_WATCHER_ANY = 3,
    WIRE_WATCHER_PERSISTENT = 4,
    WIRE_WATCHER_RECURSIVE = 5,
    WIRE_ADD_PERSISTENT = 0,
    WIRE_ADD_RECURSIVE = 1,
};

enum {
    WIRE_FRAME_HEADER = 4, /* The length in front of every frame, which does not count itself. */
    WIRE_REQUEST_HEADER = 8,
    WIRE_REPLY_HEADER = 16,
    WIRE_STAT_SIZE = 68,
    WIRE_CONNECT_RESPONSE_MIN = 36, /* Without the read-only flag. Shorter: not a connect response. */
    WIRE_REQUEST_MAX = 0xfffff,     /* jute.maxbuffer's default, inclusive. */
};

/* Text or bytes within the input. size -1: null, which is not empty; data is NULL then, and never otherwise. Not terminated. */
typedef struct wire_bytes {
    const uint8_t *data;
    int32_t size;
} wire_bytes;

/* A vector as its encoded elements. count -1: null (anything below reads as empty, as servers do). */
typedef struct wire_list {
    const uint8_t *data;
    size_t size;
    int32_t count;
} wire_list;

/* Where encoding goes. Grows through the allocator; after a failure everything is a no-op and failed stays set. */
struct wire_out {
    const docent_allocator *allocator;
    uint8_t *data;
    size_t size, capacity;
    bool failed;
};

/* What is left to decode. Reading past the end, or nonsense, sets failed; everything reads as zero, null and empty then. */
struct wire_in {
    const uint8_t *data;
    size_t size;
    bool failed;
};

/* Field types: bool, int (32 bits), long (64 bits), string, buffer, strings (vector<ustring>), acls (vector<ACL>),
 * clients (vector<ClientInfo>), stat. */
typedef bool wire_type_bool;
typedef int32_t wire_type_int;
typedef int64_t wire_type_long;
typedef wire_bytes wire_type_string;
typedef wire_bytes wire_type_buffer;
typedef wire_list wire_type_strings;
typedef wire_list wire_type_acls;
typedef wire_list wire_type_clients;
typedef docent_stat wire_type_stat;

#define WIRE_connect_request(F) \
    F(int, protocol) F(long, last_zxid) F(int, timeout_ms) F(long, session_id) F(buffer, password)
#define WIRE_connect_response(F) F(int, protocol) F(int, timeout_ms) F(long, session_id) F(buffer, password)
#define WIRE_request_header(F) F(int, xid) F(int, op)
#define WIRE_reply_header(F) F(int, xid) F(long, zxid) F(int, err)
#define WIRE_watcher_event(F) F(int, type) F(int, state) F(string, path)
#define WIRE_multi_header(F) F(int, op) F(bool, done) F(int, err)
#define WIRE_error_response(F) F(int, err)
#define WIRE_acl(F) F(int, perms) F(string, scheme) F(string, id)
#define WIRE_client_info(F) F(string, scheme) F(string, user)
#define WIRE_create_request(F) F(string, path) F(buffer, data) F(acls, acl) F(int, flags)
#define WIRE_create_ttl_request(F) F(string, path) F(buffer, data) F(acls, acl) F(int, flags) F(long, ttl_ms)
#define WIRE_create2_response(F) F(string, path) F(stat, stat)
#define WIRE_versioned_request(F) F(string, path) F(int, version) /* delete, check */
#define WIRE_read_request(F) F(string, path) F(bool, watch)       /* exists, getData, getChildren, getChildren2 */
#define WIRE_path_record(F) F(string, path) /* getACL, sync and its answer, create's answer, getEphemerals, ... */
#define WIRE_stat_response(F) F(stat, stat) /* exists, setData, setACL */
#define WIRE_data_response(F) F(buffer, data) F(stat, stat) /* getData, reconfig */
#define WIRE_set_data_request(F) F(string, path) F(buffer, data) F(int, version)
#define WIRE_acl_response(F) F(acls, acl) F(stat, stat)
#define WIRE_set_acl_request(F) F(string, path) F(acls, acl) F(int, version)
#define WIRE_strings_response(F) F(strings, names) /* getChildren, getEphemerals */
#define WIRE_children2_response(F) F(strings, names) F(stat, stat)
#define WIRE_number_response(F) F(int, number)
#define WIRE_reconfig_request(F) F(string, joining) F(string, leaving) F(string, members) F(long, config_id)
#define WIRE_watches_request(F) F(string, path) F(int, type) /* checkWatches, removeWatches; addWatch: type is the mode */
#define WIRE_auth_request(F) F(int, type) F(string, scheme) F(buffer, auth)
#define WIRE_sasl_record(F) F(buffer, token)
#define WIRE_set_watches_request(F) F(long, relative_zxid) F(strings, data) F(strings, exist) F(strings, child)
#define WIRE_set_watches2_request(F) \
    F(long, relative_zxid) F(strings, data) F(strings, exist) F(strings, child) F(strings, persistent) F(strings, recursive)
#define WIRE_who_am_i_response(F) F(clients, clients)

#define WIRE_RECORDS(R)                                                                                                     \
    R(connect_request) R(connect_response) R(request_header) R(reply_header) R(watcher_event) R(multi_header)              \
    R(error_response) R(acl) R(client_info) R(create_request) R(create_ttl_request) R(create2_response)                    \
    R(versioned_request) R(read_request) R(path_record) R(stat_response) R(data_response) R(set_data_request)              \
    R(acl_response) R(set_acl_request) R(strings_response) R(children2_response) R(number_response) R(reconfig_request)    \
    R(watches_request) R(auth_request) R(sasl_record) R(set_watches_request) R(set_watches2_request) R(who_am_i_response)

/* Where printing goes: one line, cut to fit, always terminated. Strings are quoted with escapes. */
struct wire_text {
    char *text;
    size_t size, length;
};

#define WIRE_FIELD(type, name) wire_type_##type name;
#define WIRE_DECLARE(record)                                                                                                \
    struct wire_##record {                                                                                                  \
        WIRE_##record(WIRE_FIELD)                                                                                           \
    };                                                                                                                      \
    void docent_wire_print_##record(struct wire_text *text, const struct wire_##record *value);

WIRE_RECORDS(WIRE_DECLARE)
#undef WIRE_DECLARE
#undef WIRE_FIELD

/* The read-only flag of both connect records is optional on the wire: servers and clients before 3.4 do not send it. True: it was there. */
bool docent_wire_get_read_only(struct wire_in *in, bool *ret_read_only);

/* In inline.h: docent_wire_put_<type>() and docent_wire_get_<type>() of the field types, docent_wire_put_raw(out, data, size), and of
 * every record
 *     void docent_wire_put_<record>(struct wire_out *out, const struct wire_<record> *value);
 *     bool docent_wire_get_<record>(struct wire_in *in, struct wire_<record> *ret_value);   False: in->failed.
 * Frames: size_t docent_wire_frame_begin(out) reserves the length, docent_wire_frame_end(out, begin) fills it in. */

/* The parts of lists. */
bool docent_wire_list_next_string(wire_list *list, wire_bytes *ret_string); /* False at the end. Null strings are possible. */
bool docent_wire_list_next_acl(wire_list *list, struct wire_acl *ret_acl);
bool docent_wire_list_next_client(wire_list *list, struct wire_client_info *ret_client);

wire_bytes docent_wire_string(const char *text);                  /* NULL: null. Borrows. */
wire_bytes docent_wire_buffer(const void *data, size_t size);     /* NULL: null. Borrows. size must fit. */

void docent_wire_out_free(struct wire_out *out);

static inline struct wire_in docent_wire_in(const uint8_t *data, size_t size)
{
    struct wire_in in = { data, size, false };
    return in;
}

/* "create2", or "op 42". Static, or in @scratch (16 bytes). */
const char *docent_wire_op_name(int32_t op, char *scratch);
/* A whole frame's payload as text, for traces: a request by its header's operation, a reply by @op, the operation that it
 * answers (or WIRE_OP_NOTIFICATION). Total on hostile input. */
void docent_wire_print_request(struct wire_text *text, const uint8_t *data, size_t size);
void docent_wire_print_reply(struct wire_text *text, int32_t op, const uint8_t *data, size_t size);

#include "core/wire/inline.h"

#endif
