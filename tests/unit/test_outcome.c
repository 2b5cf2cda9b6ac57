/* tests/unit/test_outcome.c - what a look at the node tells about a write whose reply was lost, row by row. */
#include "unit.h"

#include "core/client/outcome.h"

enum { BEFORE = 100, SINCE = 150, OURS = 7, OTHERS = 8 };

struct row {
    const char *story;
    docent_op_type type;
    docent_create_mode mode;
    int32_t version;
    docent_status conflict; /* How the second sending failed. */
    docent_status read;     /* How the look went. */
    docent_stat stat;
    const char *data; /* What was sent is "mine". */
    docent_status outcome;
};

#define CREATE .type = DOCENT_OP_CREATE, .conflict = DOCENT_ERR_NODE_EXISTS
#define SET .type = DOCENT_OP_SET, .version = 3, .conflict = DOCENT_ERR_BAD_VERSION
#define DELETE .type = DOCENT_OP_DELETE, .version = 3, .conflict = DOCENT_ERR_BAD_VERSION
#define UNKNOWN .outcome = DOCENT_ERR_UNKNOWN_OUTCOME

static const struct row rows[] = {
    { "create: gone again", CREATE, .read = DOCENT_ERR_NO_NODE, UNKNOWN },
    { "create: the look is forbidden", CREATE, .read = DOCENT_ERR_NO_AUTH, UNKNOWN },
    { "create: was there before us", CREATE, .stat = { .czxid = BEFORE }, .data = "mine", .outcome = DOCENT_ERR_NODE_EXISTS },
    { "create: of our session", CREATE, .mode = DOCENT_EPHEMERAL, .stat = { .czxid = SINCE, .ephemeral_owner = OURS }, .data = "mine",
      .outcome = DOCENT_OK },
    { "create: of our session, with other data", CREATE, .mode = DOCENT_EPHEMERAL, .stat = { .czxid = SINCE, .ephemeral_owner = OURS },
      .data = "other", UNKNOWN },
    { "create: of our session, and set since", CREATE, .mode = DOCENT_EPHEMERAL,
      .stat = { .czxid = SINCE, .version = 1, .ephemeral_owner = OURS }, .data = "mine", UNKNOWN },
    { "create: of another session", CREATE, .mode = DOCENT_EPHEMERAL, .stat = { .czxid = SINCE, .ephemeral_owner = OTHERS }, .data = "mine",
      .outcome = DOCENT_ERR_NODE_EXISTS },
    { "create: anybody's, with our data", CREATE, .stat = { .czxid = SINCE }, .data = "mine", UNKNOWN },
    { "create: anybody's, with other data", CREATE, .stat = { .czxid = SINCE }, .data = "other", .outcome = DOCENT_ERR_NODE_EXISTS },
    { "create: anybody's, and null data", CREATE, .stat = { .czxid = SINCE }, .outcome = DOCENT_ERR_NODE_EXISTS },
    { "create: anybody's, set since", CREATE, .stat = { .czxid = SINCE, .version = 2 }, .data = "other", UNKNOWN },
    { "create: failed for the lack of a parent", .type = DOCENT_OP_CREATE, .conflict = DOCENT_ERR_NO_NODE, .stat = { .czxid = BEFORE },
      .data = "mine", UNKNOWN },
    { "set: nothing was set since", SET, .stat = { .mzxid = BEFORE, .version = 5 }, .data = "mine", .outcome = DOCENT_ERR_BAD_VERSION },
    { "set: one set since, of our data", SET, .stat = { .mzxid = SINCE, .version = 4 }, .data = "mine", UNKNOWN },
    { "set: one set since, of other data", SET, .stat = { .mzxid = SINCE, .version = 4 }, .data = "other",
      .outcome = DOCENT_ERR_BAD_VERSION },
    { "set: two sets since", SET, .stat = { .mzxid = SINCE, .version = 5 }, .data = "other", UNKNOWN },
    { "set: another node since", SET, .stat = { .czxid = SINCE, .mzxid = SINCE, .version = 4 }, .data = "other", UNKNOWN },
    { "set: gone", SET, .read = DOCENT_ERR_NO_NODE, UNKNOWN },
    { "set: of any version, in a transaction", .type = DOCENT_OP_SET, .version = DOCENT_ANY_VERSION, .conflict = DOCENT_ERR_NO_NODE,
      .stat = { .mzxid = BEFORE }, .data = "mine", UNKNOWN },
    { "set: failed for another reason", .type = DOCENT_OP_SET, .version = 3, .conflict = DOCENT_ERR_NO_AUTH, .stat = { .mzxid = BEFORE },
      .data = "mine", UNKNOWN },
    { "delete: the same node as then", DELETE, .stat = { .czxid = BEFORE, .mzxid = SINCE, .version = 4 },
      .outcome = DOCENT_ERR_BAD_VERSION },
    { "delete: another node since", DELETE, .stat = { .czxid = SINCE }, UNKNOWN },
    { "delete: gone", .type = DOCENT_OP_DELETE, .version = 3, .conflict = DOCENT_ERR_NO_NODE, .read = DOCENT_ERR_NO_NODE, UNKNOWN },
};

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct row *row = &rows[i];
        struct sent_write write = { row->type, docent_wire_string("/n"), docent_wire_string("mine"), row->version, row->mode };
        docent_result node = { .status = row->read, .stat = row->stat, .data = row->data, .size = row->data == NULL ? 0 : strlen(row->data) };
        docent_status outcome = docent_found_out(&write, row->conflict, BEFORE, OURS, &node);
        if (outcome != row->outcome) fail_msg("%s: %s, not %s", row->story, docent_status_text(outcome), docent_status_text(row->outcome));
    }
}

/* F-130 */
static void test_null_data_are_not_empty_data(void **state)
{
    (void)state;
    docent_result node = { .stat = { .czxid = SINCE, .ephemeral_owner = OURS }, .data = "", .size = 0 };
    struct sent_write write = { DOCENT_OP_CREATE, docent_wire_string("/n"), docent_wire_string(NULL), 0, DOCENT_EPHEMERAL };
    assert_int_equal(docent_found_out(&write, DOCENT_ERR_NODE_EXISTS, BEFORE, OURS, &node), DOCENT_ERR_UNKNOWN_OUTCOME);
    node.data = NULL;
    assert_int_equal(docent_found_out(&write, DOCENT_ERR_NODE_EXISTS, BEFORE, OURS, &node), DOCENT_OK);
}

static void put_part(struct wire_out *out, int32_t op)
{
    struct wire_multi_header header = { op, op == WIRE_OP_ERROR, -1 };
    docent_wire_put_multi_header(out, &header);
}

/* check /c 1, create /e, set /s 2, delete /d 3. */
static void put_multi(struct wire_out *out)
{
    put_part(out, WIRE_OP_CHECK);
    docent_wire_put_versioned_request(out, &(struct wire_versioned_request){ docent_wire_string("/c"), 1 });
    put_part(out, WIRE_OP_CREATE);
    struct wire_out acls = { 0 };
    docent_wire_put_acl(&acls, &(struct wire_acl){ 31, docent_wire_string("world"), docent_wire_string("anyone") });
    struct wire_create_request create = { docent_wire_string("/e"), docent_wire_string("x"), { acls.data, acls.size, 1 }, DOCENT_EPHEMERAL };
    docent_wire_put_create_request(out, &create);
    docent_wire_out_free(&acls);
    put_part(out, WIRE_OP_SET_DATA);
    docent_wire_put_set_data_request(out, &(struct wire_set_data_request){ docent_wire_string("/s"), docent_wire_string("y"), 2 });
    put_part(out, WIRE_OP_DELETE);
    docent_wire_put_versioned_request(out, &(struct wire_versioned_request){ docent_wire_string("/d"), 3 });
    put_part(out, WIRE_OP_ERROR);
}

static void test_parts_of_a_multi_are_found(void **state)
{
    (void)state;
    struct wire_out out = { 0 };
    put_multi(&out);
    struct sent_write write;
    assert_false(docent_sent_write(WIRE_OP_MULTI, out.data, out.size, 0, &write)); /* A check writes nothing. */
    assert_true(docent_sent_write(WIRE_OP_MULTI, out.data, out.size, 1, &write));
    assert_int_equal(write.type, DOCENT_OP_CREATE);
    assert_int_equal(write.mode, DOCENT_EPHEMERAL);
    assert_memory_equal(write.path.data, "/e", 2);
    assert_true(docent_sent_write(WIRE_OP_MULTI, out.data, out.size, 2, &write));
    assert_int_equal(write.type, DOCENT_OP_SET);
    assert_int_equal(write.version, 2);
    assert_memory_equal(write.data.data, "y", 1);
    assert_true(docent_sent_write(WIRE_OP_MULTI, out.data, out.size, 3, &write));
    assert_int_equal(write.type, DOCENT_OP_DELETE);
    assert_int_equal(write.version, 3);
    assert_false(docent_sent_write(WIRE_OP_MULTI, out.data, out.size, 4, &write));
    for (size_t size = 0; size < out.size - 9; size++) { /* All but the last header. */
        assert_false(docent_sent_write(WIRE_OP_MULTI, out.data, size, 3, &write));
    }
    docent_wire_out_free(&out);
}

static void test_the_failure_of_a_multi_is_the_first(void **state)
{
    (void)state;
    static const int32_t errors[] = { 0, 0, DOCENT_ERR_BAD_VERSION, -2 };
    struct wire_out out = { 0 };
    for (size_t i = 0; i < 4; i++) {
        struct wire_multi_header header = { WIRE_OP_ERROR, false, errors[i] };
        docent_wire_put_multi_header(&out, &header);
        docent_wire_put_int(&out, errors[i]);
    }
    put_part(&out, WIRE_OP_ERROR);
    size_t part = 99;
    assert_int_equal(docent_multi_failure(out.data, out.size, &part), DOCENT_ERR_BAD_VERSION);
    assert_int_equal(part, 2);
    assert_int_equal(docent_multi_failure(out.data, 0, &part), DOCENT_OK);
    docent_wire_out_free(&out);
}

static void test_what_may_be_sent_again(void **state)
{
    (void)state;
    assert_int_equal(docent_recovery(DOCENT_OP_GET, 0, 0), RECOVER_REPEAT);
    assert_int_equal(docent_recovery(DOCENT_OP_SET, DOCENT_ANY_VERSION, 0), RECOVER_REPEAT);
    assert_int_equal(docent_recovery(DOCENT_OP_SET, 0, 0), RECOVER_REPEAT_THEN_FIND);
    assert_int_equal(docent_recovery(DOCENT_OP_DELETE, 4, 0), RECOVER_REPEAT_THEN_FIND);
    assert_int_equal(docent_recovery(DOCENT_OP_CREATE, -1, DOCENT_PERSISTENT), RECOVER_REPEAT_THEN_FIND);
    assert_int_equal(docent_recovery(DOCENT_OP_CREATE, -1, DOCENT_EPHEMERAL_SEQUENTIAL), RECOVER_UNKNOWN);
    assert_int_equal(docent_recovery(DOCENT_OP_RECONFIG, -1, 0), RECOVER_UNKNOWN);

    docent_op check = docent_op_check("/c", 1), blind = docent_op_set("/s", NULL, 0, DOCENT_ANY_VERSION);
    docent_op exact = docent_op_set("/s", NULL, 0, 2), sequential = docent_op_create("/q-", NULL, 0, DOCENT_PERSISTENT_SEQUENTIAL);
    docent_op harmless[] = { check, blind, sequential }, decisive[] = { check, blind, exact };
    docent_op first = docent_op_multi(harmless, 3), second = docent_op_multi(decisive, 3);
    assert_int_equal(docent_multi_excludes_itself(&first), EXCLUDES_NOT);
    assert_int_equal(docent_multi_excludes_itself(&second), EXCLUDES);
    docent_op ephemeral = docent_op_create("/e", NULL, 0, DOCENT_EPHEMERAL), plain = docent_op_create("/p", NULL, 0, DOCENT_PERSISTENT);
    docent_op passing[] = { blind, ephemeral }, lasting[] = { ephemeral, plain };
    docent_op third = docent_op_multi(passing, 2), fourth = docent_op_multi(lasting, 2);
    assert_int_equal(docent_multi_excludes_itself(&third), EXCLUDES_IN_SESSION); /* Its node goes with the session, the set stays. */
    assert_int_equal(docent_multi_excludes_itself(&fourth), EXCLUDES);
}

/* ---- The table {operation x error}. ---- */

struct column {
    const char *name;
    docent_op_type type;
    int32_t version;
    docent_create_mode mode;
};
enum { ANY = DOCENT_ANY_VERSION };
static const struct column columns[] = {
    { "get", DOCENT_OP_GET, 0, 0 },
    { "sync", DOCENT_OP_SYNC, 0, 0 },
    { "set of any version", DOCENT_OP_SET, ANY, 0 },
    { "delete of any version", DOCENT_OP_DELETE, ANY, 0 },
    { "set ACL of any version", DOCENT_OP_SET_ACL, ANY, 0 },
    { "set", DOCENT_OP_SET, 3, 0 },
    { "delete", DOCENT_OP_DELETE, 3, 0 },
    { "set ACL", DOCENT_OP_SET_ACL, 3, 0 },
    { "create", DOCENT_OP_CREATE, ANY, DOCENT_EPHEMERAL },
    { "transaction that excludes itself", DOCENT_OP_MULTI, 0, 0 },
    { "sequential create", DOCENT_OP_CREATE, ANY, DOCENT_PERSISTENT_SEQUENTIAL },
    { "other transaction", DOCENT_OP_MULTI, ANY, 0 },
    { "reconfig", DOCENT_OP_RECONFIG, ANY, 0 },
};
enum { COLUMNS = sizeof columns / sizeof columns[0] };

/* One letter for each column, Tell, Success, Again, Find, Unknown: of the first sending, and of one after a loss. */
struct verdicts {
    docent_status status;
    const char *first, *after_loss;
};
/* Of a transaction, any failure may be its own doing. */
#define ANSWER "TT" "TTT" "TTTT" "T" "TTT", "TT" "UUU" "UUUU" "F" "UUU"
#define IN_DOUBT "AA" "AAA" "AAAA" "A" "UUU", "AA" "AAA" "AAAA" "A" "UUU"
#define NOT_EXECUTED "AA" "AAA" "AAAA" "A" "AAA", "AA" "AAA" "AAAA" "A" "UUU"
static const struct verdicts table[] = {
    { DOCENT_OK, "TT" "TTT" "TTTT" "T" "TTT", "TT" "TTT" "TTTT" "T" "UUU" },
    { DOCENT_ERR_SYSTEM, ANSWER },
    { DOCENT_ERR_ROLLED_BACK, ANSWER },
    { DOCENT_ERR_DATA_INCONSISTENCY, ANSWER },
    { DOCENT_ERR_CONNECTION_LOSS, IN_DOUBT },
    { DOCENT_ERR_MARSHALLING, ANSWER },
    { DOCENT_ERR_UNIMPLEMENTED, ANSWER },
    { DOCENT_ERR_OPERATION_TIMEOUT, IN_DOUBT },
    { DOCENT_ERR_BAD_ARGUMENTS, ANSWER },
    { DOCENT_ERR_INVALID_STATE, ANSWER },
    { DOCENT_ERR_UNKNOWN_SESSION, ANSWER },
    { DOCENT_ERR_NEW_CONFIG_NO_QUORUM, ANSWER },
    { DOCENT_ERR_RECONFIG_IN_PROGRESS, ANSWER },
    { DOCENT_ERR_NO_NODE, "TT" "TTT" "TTTT" "T" "TTT", "TT" "USU" "FFFU" "F" "UUU" },
    { DOCENT_ERR_NO_AUTH, ANSWER },
    { DOCENT_ERR_BAD_VERSION, "TT" "TTT" "TTTT" "T" "TTT", "TT" "UUU" "FFFU" "F" "UUU" },
    { DOCENT_ERR_NO_CHILDREN_FOR_EPHEMERALS, ANSWER },
    { DOCENT_ERR_NODE_EXISTS, "TT" "TTT" "TTTT" "T" "TTT", "TT" "UUU" "UUUF" "F" "UUU" },
    { DOCENT_ERR_NOT_EMPTY, ANSWER },
    { DOCENT_ERR_SESSION_EXPIRED, NOT_EXECUTED },
    { DOCENT_ERR_INVALID_ACL, ANSWER },
    { DOCENT_ERR_AUTH_FAILED, ANSWER },
    { DOCENT_ERR_CLOSING, ANSWER },
    { DOCENT_ERR_SESSION_MOVED, NOT_EXECUTED },
    { DOCENT_ERR_NOT_READ_ONLY, ANSWER },
    { DOCENT_ERR_EPHEMERAL_ON_LOCAL_SESSION, ANSWER },
    { DOCENT_ERR_NO_WATCHER, ANSWER },
    { DOCENT_ERR_REQUEST_TIMEOUT, IN_DOUBT },
    { DOCENT_ERR_RECONFIG_DISABLED, ANSWER },
    { DOCENT_ERR_SASL_REQUIRED, ANSWER },
    { DOCENT_ERR_QUOTA_EXCEEDED, ANSWER },
    { DOCENT_ERR_THROTTLED, NOT_EXECUTED },
    { (docent_status)-99, ANSWER }, /* What we do not know is passed on. */
};

static char letter_of(enum verdict verdict)
{
    switch (verdict) {
    case VERDICT_TELL: return 'T';
    case VERDICT_SUCCESS: return 'S';
    case VERDICT_AGAIN: return 'A';
    case VERDICT_FIND: return 'F';
    case VERDICT_UNKNOWN: return 'U';
    }
    return '?';
}

/* F-125 */
static void test_the_table_of_verdicts(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        const struct verdicts *row = &table[i];
        assert_int_equal(strlen(row->first), COLUMNS);
        assert_int_equal(strlen(row->after_loss), COLUMNS);
        for (size_t k = 0; k < COLUMNS; k++) {
            const struct column *column = &columns[k];
            for (int lost = 0; lost < 2; lost++) {
                char wanted = (lost ? row->after_loss : row->first)[k];
                char is = letter_of(docent_verdict(column->type, column->version, column->mode, lost, row->status));
                if (is != wanted) {
                    fail_msg("%s, %s%s: %c, not %c", column->name, docent_status_text(row->status), lost ? ", after a loss" : "", is, wanted);
                }
            }
        }
    }
}

static bool has_a_row(docent_status status)
{
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (table[i].status == status) return true;
    }
    return false;
}

/* F-125 */
static void test_every_error_of_a_server_has_a_row(void **state)
{
    (void)state;
#define HAS_A_ROW(name, number, text) \
    if ((number) > DOCENT_ERR_INVALID_ARGUMENT && !has_a_row(name)) fail_msg("%s", #name);
    DOCENT_STATUS_TABLE(HAS_A_ROW)
#undef HAS_A_ROW
}

/* Two writings of one thing: what the policy is asked about, and what it allows. */
static void test_what_is_sent_again_is_what_policies_allow(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        bool again = docent_verdict(DOCENT_OP_GET, 0, 0, false, table[i].status) == VERDICT_AGAIN;
        assert_int_equal(again, docent_retry_allows(NULL, table[i].status));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_null_data_are_not_empty_data),
        cmocka_unit_test(test_parts_of_a_multi_are_found),
        cmocka_unit_test(test_the_failure_of_a_multi_is_the_first),
        cmocka_unit_test(test_what_may_be_sent_again),
        cmocka_unit_test(test_the_table_of_verdicts),
        cmocka_unit_test(test_every_error_of_a_server_has_a_row),
        cmocka_unit_test(test_what_is_sent_again_is_what_policies_allow),
    };
    return cmocka_run_group_tests_name("outcome", tests, NULL, NULL);
}
