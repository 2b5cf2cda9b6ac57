/* core/client/outcome.h - applied, but the reply was lost: what may be sent again, and what a look at the node then tells. Pure
 * functions; send.c, call.c and answer.c ask them. */
#ifndef DOCENT_OUTCOME_H
#define DOCENT_OUTCOME_H

#include <docent/operation.h>

#include "core/wire/wire.h"

enum recovery {
    RECOVER_REPEAT,           /* Once or twice is the same. */
    RECOVER_REPEAT_THEN_FIND, /* Had the first been applied, the second fails just because of it: then look whose doing it was. */
    RECOVER_UNKNOWN,
};

bool docent_op_is_read(docent_op_type type);

/* @version, of a transaction: DOCENT_ANY_VERSION if docent_multi_excludes_itself() says EXCLUDES_NOT. */
enum recovery docent_recovery(docent_op_type type, int32_t version, docent_create_mode mode);

/* Does its own success make a second sending of this transaction fail? A conditional set or delete, or a plain create, does;
 * a check of an untouched node does not; and an ephemeral create does so only until its session is over, and its node with it. */
enum exclusion {
    EXCLUDES_NOT,
    EXCLUDES_IN_SESSION,
    EXCLUDES,
};
enum exclusion docent_multi_excludes_itself(const docent_op *op);

/* Can this failure of a second sending be the success of the first, seen from behind? */
bool docent_may_be_own_doing(docent_op_type type, docent_status status);

/* What an answer, or the lack of one, leads to. docent_verdict() is the whole table {operation x error}; tests/unit/test_outcome.c
 * has it row by row. Whether and when "again" happens is then for the retry policy to say. */
enum verdict {
    VERDICT_TELL,    /* The answer is the outcome. */
    VERDICT_SUCCESS, /* It fails because what it was to do is done. */
    VERDICT_AGAIN,   /* Not executed, or once or twice is the same, or a second time fails for that very reason. */
    VERDICT_FIND,    /* Success of the first sending, seen from behind, or somebody else's doing: look. */
    VERDICT_UNKNOWN, /* It cannot be known whether it was applied. */
};
/* @version as for docent_recovery(). @lost: docent_leaves_doubt() was true of an earlier sending. @status: what came now; of a multi,
 * see docent_multi_failure(). */
enum verdict docent_verdict(docent_op_type type, int32_t version, docent_create_mode mode, bool lost, docent_status status);

/* Not an answer: what was sent may or may not have been executed. DOCENT_ERR_CONNECTION_LOSS stands for "none came". */
bool docent_leaves_doubt(docent_status status);

/* One write, as it stands in a request. Borrows from it. */
struct sent_write {
    docent_op_type type; /* CREATE, SET, DELETE; others: nothing can be found out about it. */
    wire_bytes path;     /* The server's, chroot included. */
    wire_bytes data;
    int32_t version;
    docent_create_mode mode;
};
/* The write in the request @record (header excluded) of the wire's operation @op; of a multi, the part that failed, which is @part. False:
 * there is none such. */
bool docent_sent_write(int32_t op, const uint8_t *record, size_t size, size_t part, struct sent_write *ret_write);

/* The first failure in a multi's reply, and where it is; or DOCENT_OK. */
docent_status docent_multi_failure(const uint8_t *body, size_t size, size_t *ret_part);

/* What became of @write, whose first sending was lost and whose second failed with @conflict: DOCENT_OK (the first was applied),
 * @conflict (it was not, and somebody else's doing is in the way) or DOCENT_ERR_UNKNOWN_OUTCOME. @node: what a get said, after a
 * sync, in the session @session_id that sent both. @zxid_before: the largest zxid seen before the first was sent. */
docent_status docent_found_out(const struct sent_write *write, docent_status conflict, int64_t zxid_before, int64_t session_id,
                               const docent_result *node);

#endif
