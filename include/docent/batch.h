/* docent/batch.h - many reads as one call.
 *
 *     docent_op reads[] = { docent_op_get("/a"), docent_op_children("/b") };
 *     docent_status status = docent_batch_read(client, reads, 2, NULL, &result);
 *
 * Servers from 3.6 on get one request; older ones get one for each read, under one deadline and one retry policy for all, and the result
 * looks the same. The reads are independent: each
 * has a status of its own, and others may write between two of them. For a view of one moment use versions and a transaction. */
#ifndef DOCENT_BATCH_H
#define DOCENT_BATCH_H

#include <docent/operation.h>

DOCENT_BEGIN

/** Reads @count nodes and tells @done (may be NULL). @ops: GET and CHILDREN, copied; @call may be NULL, and has no watch. result->results has
 * one entry for each read, in order, with its status: DOCENT_OK, DOCENT_ERR_NO_NODE, DOCENT_ERR_NO_AUTH, DOCENT_ERR_CORRUPT_DATA or
 * DOCENT_ERR_TOO_LARGE (see compress.h). CHILDREN come without a stat. The status of the whole is DOCENT_OK, or why there are no entries. Returns
 * and outcomes otherwise as docent_run_async(). Thread: loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_batch_read_async(docent_client *client, const docent_op *ops, size_t count,
                                                                   const docent_call_options *call, docent_result_fn done, void *user);
/** docent_batch_read_async() that waits and returns the outcome; @ret_result as in docent_run(). Thread: not loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_batch_read(docent_client *client, const docent_op *ops, size_t count,
                                                             const docent_call_options *call, docent_result **ret_result);

DOCENT_END

#endif
