/* docent/txn.h - transactions: several changes that happen together or not at all.
 *
 *     docent_txn *txn;
 *     if (docent_txn_new(client, &txn) != DOCENT_OK) ...
 *     docent_hold *hold = docent_lock_hold(lock);
 *     docent_txn_guard(txn, hold);
 *     docent_hold_unref(hold);
 *     docent_txn_set(txn, "/account/a", "90", 2, 4);
 *     docent_txn_set(txn, "/account/b", "110", 3, 7);
 *     docent_status status = docent_txn_commit(txn, NULL, &result);
 *     docent_txn_free(txn);
 *
 * Building   Whatever is added is copied. An addition that is refused spoils the transaction: its status need not be looked at, for
 *            docent_txn_commit() returns it, and sends nothing; docent_txn_fault() says what was wrong, and with which operation.
 * Result     result->results has one entry for each operation, in the order in which they were added. If it failed, exactly one
 *            has the cause, which is the status of the whole, and the others are DOCENT_ERR_ROLLED_BACK. There are no entries where no
 *            answer tells them: the outcome had to be found out, or the transaction was refused as a whole.
 * Outcome    When the reply was lost the transaction goes out again only if its own success would make it fail then: if it has
 *            a plain create, or a set or delete of a version (an ephemeral create counts in its session only). Where even a look at the node cannot tell whose doing it was, and for all
 *            other transactions, the outcome is DOCENT_ERR_UNKNOWN_OUTCOME. Guards and checks do not count for that.
 * Guards     docent_txn_guard() makes the transaction depend on a hold: of a lock, say. It goes out in the session of that hold only,
 *            with a check that the held node is there, and fails with DOCENT_ERR_NOT_HELD otherwise, here or at the server. See
 *            hold.h for what that proves. There may be several: then all have to be held. Guards have no entry in the result.
 * Views      Paths are those of the client or view that the transaction was made for, and so are the ACL and data of creates that
 *            have none, and compression. A guard's path is its hold's.
 * Threads    "Thread: any" here means one at a time. Ownership and units as in operation.h. */
#ifndef DOCENT_TXN_H
#define DOCENT_TXN_H

#include <docent/node.h>

DOCENT_BEGIN

typedef struct docent_txn docent_txn;

/** An empty transaction. On success *@ret_txn is the caller's to docent_txn_free(), before the client is closed; on failure it is left as
 * it was. Returns DOCENT_OK, DOCENT_ERR_NO_MEMORY, DOCENT_ERR_INVALID_ARGUMENT or DOCENT_ERR_FORKED. Thread: any. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_txn_new(docent_client *client, docent_txn **ret_txn);
/** Frees it. Commits in flight go on. NULL: does nothing. Thread: any. */
DOCENT_API void docent_txn_free(docent_txn *txn);

/* Each adds one operation, and returns DOCENT_OK, DOCENT_ERR_NO_MEMORY, DOCENT_ERR_INVALID_ARGUMENT (docent_txn_fault() says why),
 * DOCENT_ERR_FORKED, or what an earlier addition was refused with. Thread: any. */
DOCENT_API docent_status docent_txn_create(docent_txn *txn, const char *path, const void *data, size_t size, docent_create_mode mode);
DOCENT_API docent_status docent_txn_delete(docent_txn *txn, const char *path, int32_t version);
DOCENT_API docent_status docent_txn_set(docent_txn *txn, const char *path, const void *data, size_t size, int32_t version);
/** The node exists and has this version; DOCENT_ANY_VERSION: it exists. */
DOCENT_API docent_status docent_txn_check(docent_txn *txn, const char *path, int32_t version);
/** Any of these four, with all its fields: a create with an ACL of its own, or a TTL. */
DOCENT_API docent_status docent_txn_add(docent_txn *txn, const docent_op *op);
/** Relies on @hold, of which it takes a reference. At most 255 in a transaction: more are DOCENT_ERR_TOO_LARGE when it is committed. Returns
 * as the others. Thread: any. */
DOCENT_API docent_status docent_txn_guard(docent_txn *txn, const docent_hold *hold);

/** How many operations it has, guards not counted. Thread: any. */
DOCENT_API size_t docent_txn_size(const docent_txn *txn);
/** Why an addition or the last commit was refused, such as "operation 2 (set /a//b): ...", operations counted from 0 as in the result; "" if
 * none was. Borrowed until the next call for @txn. Thread: any. */
DOCENT_API const char *docent_txn_fault(const docent_txn *txn);

/* docent_txn_options options = { DOCENT_TXN_OPTIONS, .parents = DOCENT_PARENTS_CONTAINER };  What is zero gets its default. */
typedef struct docent_txn_options {
    size_t struct_size;
    const docent_call_options *call; /* Default: none. A hold in it is one more guard. */
    docent_parents parents;          /* If a create fails for lack of its parents they are made, and the transaction goes out again. They
                                      * are not part of it: they are made one by one, and stay if the transaction fails. */
    docent_acl_list parents_acl;     /* Default: the client's or view's. */
} docent_txn_options;
#define DOCENT_TXN_OPTIONS .struct_size = sizeof(docent_txn_options)
/** The same as { DOCENT_TXN_OPTIONS }, for compilers without designated initialisers. Thread: any. */
static inline void docent_txn_options_init(docent_txn_options *options)
{
    memset(options, 0, sizeof *options);
    options->struct_size = sizeof *options;
}

/** Commits what @txn consists of now, and tells @done (may be NULL). @txn may be changed, committed again or freed as soon as this
 * returns. @options may be NULL. Returns DOCENT_OK if @done will be called; DOCENT_ERR_INVALID_ARGUMENT (no operations, or what
 * docent_txn_fault() says), DOCENT_ERR_TOO_LARGE (docent_txn_fault() says with which operation), DOCENT_ERR_NOT_HELD, or as docent_run_async() if it
 * never will. Outcomes: those of docent_run_async() and DOCENT_ERR_NOT_HELD; with parents also why they could not be made. One
 * deadline and one retry policy go for all. Thread: loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_txn_commit_async(docent_txn *txn, const docent_txn_options *options,
                                                                   docent_result_fn done, void *user);
/** docent_txn_commit_async() that waits and returns the outcome; @ret_result as in docent_run(). Thread: not loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_txn_commit(docent_txn *txn, const docent_txn_options *options,
                                                             docent_result **ret_result);

DOCENT_END

#endif
