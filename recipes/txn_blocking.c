/* recipes/txn_blocking.c - the blocking forms of docent/txn.h and docent/batch.h: the asynchronous ones, and docent_await(). */
#include <docent/batch.h>
#include <docent/txn.h>

#include "recipes/blocking.h"
#include "recipes/txn.h"

/* On the waiting thread's stack. */
struct group_wait {
    docent_txn *txn; /* NULL: a batch. */
    const docent_txn_options *options;
    docent_client *client;
    const docent_op *ops;
    size_t count;
    const docent_call_options *call;
    docent_result **ret_result;
    struct docent_wait *wait;
};

static void group_done(const docent_result *result, void *user)
{
    struct group_wait *w = user;
    docent_wait_result(w->wait, result, w->ret_result, NULL);
}

static docent_status group_start(void *argument, struct docent_wait *wait)
{
    struct group_wait *w = argument;
    w->wait = wait;
    if (w->txn != NULL) return docent_txn_commit_async(w->txn, w->options, group_done, w);
    return docent_batch_read_async(w->client, w->ops, w->count, w->call, group_done, w);
}

docent_status docent_txn_commit(docent_txn *txn, const docent_txn_options *options, docent_result **ret_result)
{
    if (txn == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    struct group_wait w = { .txn = txn, .options = options, .ret_result = ret_result };
    return docent_await(docent_txn_client(txn), group_start, &w);
}

docent_status docent_batch_read(docent_client *client, const docent_op *ops, size_t count, const docent_call_options *call,
                                docent_result **ret_result)
{
    if (client == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    struct group_wait w = { .client = client, .ops = ops, .count = count, .call = call, .ret_result = ret_result };
    return docent_await(client, group_start, &w);
}
