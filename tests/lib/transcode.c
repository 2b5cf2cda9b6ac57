/* tests/lib/transcode.c - whole frames decoded and encoded again.
 *
 * Which record belongs to which operation is written down here a second time, apart from the printer's table: two that are
 * wrong in the same way are less likely. */
#include "transcode.h"

#include <stdlib.h>
#include <string.h>

/* A list's elements put again one by one must be its bytes: what _next returns is what the decoder has checked. */
static void check_elements(const wire_list *list, const struct wire_out *again, int32_t walked)
{
    if (list->count < 0 ? walked != 0 : walked != list->count) abort();
    if (again->size != list->size || (list->size != 0 && memcmp(again->data, list->data, list->size) != 0)) abort();
}

static void walk_strings(wire_list list)
{
    struct wire_out again = { 0 };
    wire_list rest = list;
    wire_bytes string;
    int32_t walked = 0;
    for (; docent_wire_list_next_string(&rest, &string); walked++) {
        docent_wire_put_string(&again, string);
    }
    check_elements(&list, &again, walked);
    docent_wire_out_free(&again);
}

static void walk_acls(wire_list list)
{
    struct wire_out again = { 0 };
    wire_list rest = list;
    struct wire_acl acl;
    int32_t walked = 0;
    for (; docent_wire_list_next_acl(&rest, &acl); walked++) {
        docent_wire_put_acl(&again, &acl);
    }
    check_elements(&list, &again, walked);
    docent_wire_out_free(&again);
}

static void walk_clients(wire_list list)
{
    struct wire_out again = { 0 };
    wire_list rest = list;
    struct wire_client_info client;
    int32_t walked = 0;
    for (; docent_wire_list_next_client(&rest, &client); walked++) {
        docent_wire_put_client_info(&again, &client);
    }
    check_elements(&list, &again, walked);
    docent_wire_out_free(&again);
}

static void walk_bytes(wire_bytes value)
{
    if ((value.data == NULL) != (value.size == -1) || value.size < -1) abort(); /* The promise of wire_bytes. */
}

#define WALK_bool(value) (void)(value)
#define WALK_int(value) (void)(value)
#define WALK_long(value) (void)(value)
#define WALK_stat(value) (void)(value)
#define WALK_string(value) walk_bytes(value)
#define WALK_buffer(value) walk_bytes(value)
#define WALK_strings(value) walk_strings(value)
#define WALK_acls(value) walk_acls(value)
#define WALK_clients(value) walk_clients(value)

/* Printing must stay within its room and terminate, whatever the room. */
#define CHECK_PRINT(record, room)                                                                                           \
    do {                                                                                                                    \
        char line[(room) + 1];                                                                                              \
        line[room] = 'x';                                                                                                   \
        struct wire_text text = { line, room, 0 };                                                                          \
        docent_wire_print_##record(&text, &value);                                                                          \
        if (line[room] != 'x' || text.length >= (room) || line[text.length] != '\0') abort();                              \
    } while (0)

#define WALK_FIELD(type, name) WALK_##type(value.name);
#define DEFINE_TRANSCODE(record)                                                                                            \
    static bool again_##record(struct wire_in *in, struct wire_out *out)                                                    \
    {                                                                                                                       \
        struct wire_##record value;                                                                                         \
        if (!docent_wire_get_##record(in, &value)) return false;                                                            \
        WIRE_##record(WALK_FIELD)                                                                                           \
        CHECK_PRINT(record, 7);                                                                                             \
        CHECK_PRINT(record, 512);                                                                                           \
        docent_wire_put_##record(out, &value);                                                                              \
        return true;                                                                                                        \
    }
WIRE_RECORDS(DEFINE_TRANSCODE)

#define RECORD_ENTRY(record) { #record, again_##record },
const struct transcode_record transcode_records[] = { WIRE_RECORDS(RECORD_ENTRY) };
const size_t transcode_record_count = sizeof(transcode_records) / sizeof(transcode_records[0]);

static bool again_nothing(struct wire_in *in, struct wire_out *out)
{
    (void)out;
    return !in->failed;
}

static transcode_fn *request_body(int32_t op)
{
    switch (op) {
    case WIRE_OP_CREATE:
    case WIRE_OP_CREATE2:
    case WIRE_OP_CREATE_CONTAINER: return again_create_request;
    case WIRE_OP_CREATE_TTL: return again_create_ttl_request;
    case WIRE_OP_DELETE:
    case WIRE_OP_CHECK: return again_versioned_request;
    case WIRE_OP_EXISTS:
    case WIRE_OP_GET_DATA:
    case WIRE_OP_GET_CHILDREN:
    case WIRE_OP_GET_CHILDREN2: return again_read_request;
    case WIRE_OP_SET_DATA: return again_set_data_request;
    case WIRE_OP_SET_ACL: return again_set_acl_request;
    case WIRE_OP_GET_ACL:
    case WIRE_OP_SYNC:
    case WIRE_OP_GET_EPHEMERALS:
    case WIRE_OP_GET_ALL_CHILDREN_NUMBER: return again_path_record;
    case WIRE_OP_RECONFIG: return again_reconfig_request;
    case WIRE_OP_CHECK_WATCHES:
    case WIRE_OP_REMOVE_WATCHES:
    case WIRE_OP_ADD_WATCH: return again_watches_request;
    case WIRE_OP_AUTH: return again_auth_request;
    case WIRE_OP_SASL: return again_sasl_record;
    case WIRE_OP_SET_WATCHES: return again_set_watches_request;
    case WIRE_OP_SET_WATCHES2: return again_set_watches2_request;
    case WIRE_OP_PING:
    case WIRE_OP_WHO_AM_I:
    case WIRE_OP_CLOSE_SESSION: return again_nothing;
    }
    return NULL;
}

static transcode_fn *reply_body(int32_t op)
{
    switch (op) {
    case WIRE_OP_NOTIFICATION: return again_watcher_event;
    case WIRE_OP_CREATE:
    case WIRE_OP_SYNC: return again_path_record;
    case WIRE_OP_CREATE2:
    case WIRE_OP_CREATE_CONTAINER:
    case WIRE_OP_CREATE_TTL: return again_create2_response;
    case WIRE_OP_EXISTS:
    case WIRE_OP_SET_DATA:
    case WIRE_OP_SET_ACL: return again_stat_response;
    case WIRE_OP_GET_DATA:
    case WIRE_OP_RECONFIG: return again_data_response;
    case WIRE_OP_GET_ACL: return again_acl_response;
    case WIRE_OP_GET_CHILDREN:
    case WIRE_OP_GET_EPHEMERALS: return again_strings_response;
    case WIRE_OP_GET_CHILDREN2: return again_children2_response;
    case WIRE_OP_GET_ALL_CHILDREN_NUMBER: return again_number_response;
    case WIRE_OP_SASL: return again_sasl_record;
    case WIRE_OP_ADD_WATCH:
    case WIRE_OP_ERROR: return again_error_response;
    case WIRE_OP_WHO_AM_I: return again_who_am_i_response;
    case WIRE_OP_DELETE:
    case WIRE_OP_CHECK:
    case WIRE_OP_PING:
    case WIRE_OP_AUTH:
    case WIRE_OP_CHECK_WATCHES:
    case WIRE_OP_REMOVE_WATCHES:
    case WIRE_OP_SET_WATCHES:
    case WIRE_OP_SET_WATCHES2:
    case WIRE_OP_CLOSE_SESSION: return again_nothing;
    }
    return NULL;
}

static bool transcode_parts(struct wire_in *in, struct wire_out *out, transcode_fn *(*body)(int32_t op))
{
    struct wire_multi_header header;
    while (docent_wire_get_multi_header(in, &header)) {
        docent_wire_put_multi_header(out, &header);
        if (header.done) return true;
        transcode_fn *again = body(header.op);
        if (again == NULL || !again(in, out)) return false;
    }
    return false;
}

static bool transcode_body(struct wire_in *in, struct wire_out *out, int32_t op, transcode_fn *(*body)(int32_t op))
{
    if (op == WIRE_OP_MULTI || op == WIRE_OP_MULTI_READ) return transcode_parts(in, out, body);
    transcode_fn *again = body(op);
    return again != NULL && again(in, out);
}

static bool transcode_read_only(struct wire_in *in, struct wire_out *out)
{
    bool read_only;
    if (docent_wire_get_read_only(in, &read_only)) docent_wire_put_bool(out, read_only);
    return !in->failed;
}

bool transcode_request(struct wire_in *in, int32_t op, struct wire_out *out)
{
    if (op == TRANSCODE_CONNECT) return again_connect_request(in, out) && transcode_read_only(in, out);
    struct wire_request_header header;
    if (!docent_wire_get_request_header(in, &header)) return false;
    docent_wire_put_request_header(out, &header);
    return transcode_body(in, out, header.op, request_body);
}

bool transcode_reply(struct wire_in *in, int32_t op, struct wire_out *out)
{
    if (op == TRANSCODE_CONNECT) return again_connect_response(in, out) && transcode_read_only(in, out);
    struct wire_reply_header header;
    if (!docent_wire_get_reply_header(in, &header)) return false;
    docent_wire_put_reply_header(out, &header);
    return header.err != 0 || transcode_body(in, out, op, reply_body);
}
