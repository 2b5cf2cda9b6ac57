/* recipes/txn.c - transactions, put together one by one and sent as one request.
 *
 * Without parents a commit is one call, and the client knows what to do about a lost reply. With parents it may be several: the transaction fails for
 * lack of a node, its parents are made, the transaction goes out again. It failed as a whole, so that is no second attempt of
 * the first; what comes back in the end is the outcome of the last. */
#include "recipes/txn.h"

#include <stdio.h>
#include <string.h>

#include "core/client/machine.h"
#include "recipes/node.h"
#include "recipes/step.h"

enum { FAULT_SIZE = 256, MORE_ROUNDS = 4 };

struct docent_txn {
    docent_client *client; /* Kept. */
    docent_op *ops;
    void **blocks;         /* What each of them borrows from. */
    size_t count, room;
    const docent_hold **holds; /* Counted. There is always room for one more. */
    size_t hold_count, hold_room;
    docent_status refused; /* With what the first refused addition was. */
    char fault[FAULT_SIZE];
};

static const docent_allocator *txn_allocator(const docent_txn *txn)
{
    return docent_client_allocator(txn->client);
}

/* ---- Building. ---- */

docent_status docent_txn_new(docent_client *client, docent_txn **ret_txn)
{
    if (client == NULL || ret_txn == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    if (docent_client_forked(client)) return DOCENT_ERR_FORKED;
    docent_txn *txn = docent_alloc(docent_client_allocator(client), sizeof *txn);
    if (txn == NULL) return DOCENT_ERR_NO_MEMORY;
    memset(txn, 0, sizeof *txn);
    txn->client = client;
    docent_client_keep(client);
    *ret_txn = txn;
    return DOCENT_OK;
}

void docent_txn_free(docent_txn *txn)
{
    if (txn == NULL) return;
    const docent_allocator *allocator = txn_allocator(txn);
    docent_client *client = txn->client;
    for (size_t i = 0; i < txn->count; i++) docent_free(allocator, txn->blocks[i]);
    for (size_t i = 0; i < txn->hold_count; i++) docent_hold_unref((docent_hold *)(uintptr_t)txn->holds[i]);
    docent_free(allocator, txn->ops);
    docent_free(allocator, txn->blocks);
    docent_free(allocator, txn->holds);
    docent_free(allocator, txn);
    docent_client_drop(client);
}

static docent_status txn_refuse(docent_txn *txn, docent_status status)
{
    txn->refused = status;
    return status;
}

static const char *verb_of(docent_op_type type)
{
    return type == DOCENT_OP_CREATE ? "create" : type == DOCENT_OP_DELETE ? "delete" : type == DOCENT_OP_SET ? "set" : "check";
}

static void txn_blame(docent_txn *txn, size_t index, const docent_op *op, const char *fault)
{
    snprintf(txn->fault, sizeof txn->fault, "operation %zu (%s %.150s): %s", index, verb_of(op->type), op->path == NULL ? "" : op->path, fault);
}

static bool fits_in_txn(docent_op_type type)
{
    return type == DOCENT_OP_CREATE || type == DOCENT_OP_DELETE || type == DOCENT_OP_SET || type == DOCENT_OP_CHECK;
}

/* A larger copy of an array; NULL: no memory. */
static void *array_grow(const docent_allocator *allocator, const void *array, size_t count, size_t room, size_t size)
{
    void *larger = docent_alloc_array(allocator, room, size);
    if (larger != NULL && count > 0) memcpy(larger, array, count * size);
    return larger;
}

static bool txn_grow(docent_txn *txn)
{
    if (txn->count < txn->room) return true;
    const docent_allocator *allocator = txn_allocator(txn);
    size_t room = txn->room == 0 ? 8 : txn->room * 2;
    docent_op *ops = array_grow(allocator, txn->ops, txn->count, room, sizeof *ops);
    void **blocks = array_grow(allocator, txn->blocks, txn->count, room, sizeof *blocks);
    if (ops == NULL || blocks == NULL) {
        docent_free(allocator, ops);
        docent_free(allocator, blocks);
        return false;
    }
    docent_free(allocator, txn->ops);
    docent_free(allocator, txn->blocks);
    txn->ops = ops;
    txn->blocks = blocks;
    txn->room = room;
    return true;
}

/* A copy of @op, with all it refers to in one block. NULL: no memory. */
static void *op_copy(const docent_allocator *allocator, const docent_op *op, docent_op *copy)
{
    size_t acl_size = docent_acl_copy_size(op->acl), path_size = strlen(op->path) + 1;
    if (acl_size > SIZE_MAX / 4 || op->size > SIZE_MAX / 4) return NULL;
    uint8_t *block = docent_alloc(allocator, acl_size + op->size + path_size);
    if (block == NULL) return NULL;
    *copy = *op;
    if (op->acl.count > 0) copy->acl = docent_acl_copy_into(op->acl, block);
    uint8_t *data = block + acl_size;
    if (op->size > 0) memcpy(data, op->data, op->size);
    if (op->data != NULL) copy->data = data;
    copy->path = memcpy(data + op->size, op->path, path_size);
    return block;
}

docent_status docent_txn_add(docent_txn *txn, const docent_op *op)
{
    if (txn == NULL || op == NULL || op->struct_size < sizeof op->struct_size) return DOCENT_ERR_INVALID_ARGUMENT;
    if (docent_client_forked(txn->client)) return DOCENT_ERR_FORKED;
    if (txn->refused != DOCENT_OK) return txn->refused;
    docent_op full;
    memset(&full, 0, sizeof full);
    memcpy(&full, op, op->struct_size < sizeof full ? op->struct_size : sizeof full);
    full.struct_size = sizeof full;

    bool sequential = full.type == DOCENT_OP_CREATE && docent_mode_is_sequential(full.mode);
    if (full.type != DOCENT_OP_CREATE) full.acl = (docent_acl_list){ NULL, 0 };
    if (full.type != DOCENT_OP_CREATE && full.type != DOCENT_OP_SET) full.data = NULL, full.size = 0;
    const char *fault = !fits_in_txn(full.type)                              ? "an operation that cannot stand there"
                        : full.path == NULL                                  ? "no path"
                        : full.data == NULL && full.size > 0                 ? "a size without data"
                        : full.acl.entries == NULL && full.acl.count > 0     ? "an ACL that cannot be sent"
                                                                             : docent_path_fault(full.path, sequential);
    if (fault != NULL) {
        txn_blame(txn, txn->count, &full, fault);
        return txn_refuse(txn, DOCENT_ERR_INVALID_ARGUMENT);
    }
    void *block = txn_grow(txn) ? op_copy(txn_allocator(txn), &full, &txn->ops[txn->count]) : NULL;
    if (block == NULL) return txn_refuse(txn, DOCENT_ERR_NO_MEMORY);
    txn->blocks[txn->count++] = block;
    return DOCENT_OK;
}

docent_status docent_txn_create(docent_txn *txn, const char *path, const void *data, size_t size, docent_create_mode mode)
{
    docent_op op = docent_op_create(path, data, size, mode);
    return docent_txn_add(txn, &op);
}

docent_status docent_txn_delete(docent_txn *txn, const char *path, int32_t version)
{
    docent_op op = docent_op_delete(path, version);
    return docent_txn_add(txn, &op);
}

docent_status docent_txn_set(docent_txn *txn, const char *path, const void *data, size_t size, int32_t version)
{
    docent_op op = docent_op_set(path, data, size, version);
    return docent_txn_add(txn, &op);
}

docent_status docent_txn_check(docent_txn *txn, const char *path, int32_t version)
{
    docent_op op = docent_op_check(path, version);
    return docent_txn_add(txn, &op);
}

docent_status docent_txn_guard(docent_txn *txn, const docent_hold *hold)
{
    if (txn == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    if (docent_client_forked(txn->client)) return DOCENT_ERR_FORKED;
    if (txn->refused != DOCENT_OK) return txn->refused;
    if (hold == NULL) { /* What is not held any more has none. Without its guard the transaction must not go out. */
        snprintf(txn->fault, sizeof txn->fault, "a guard without a hold");
        return txn_refuse(txn, DOCENT_ERR_INVALID_ARGUMENT);
    }
    if (txn->hold_count + 1 >= txn->hold_room) {
        size_t room = txn->hold_room == 0 ? 4 : txn->hold_room * 2;
        const docent_hold **holds = array_grow(txn_allocator(txn), txn->holds, txn->hold_count, room, sizeof *holds);
        if (holds == NULL) return txn_refuse(txn, DOCENT_ERR_NO_MEMORY);
        docent_free(txn_allocator(txn), txn->holds);
        txn->holds = holds;
        txn->hold_room = room;
    }
    txn->holds[txn->hold_count++] = docent_hold_ref((docent_hold *)(uintptr_t)hold);
    return DOCENT_OK;
}

docent_client *docent_txn_client(const docent_txn *txn)
{
    return txn->client;
}

size_t docent_txn_size(const docent_txn *txn)
{
    return txn == NULL ? 0 : txn->count;
}

const char *docent_txn_fault(const docent_txn *txn)
{
    return txn == NULL ? "" : txn->fault;
}

/* ---- Sending. ---- */

/* @step: of a commit with parents. */
static docent_status txn_send(docent_txn *txn, const docent_call_options *call, bool step, docent_result_fn done, void *user)
{
    docent_op multi = docent_op_multi(txn->ops, txn->count);
    struct docent_guarding guarding = { .holds = txn->holds, .count = txn->hold_count };
    if (call != NULL && call->struct_size > offsetof(docent_call_options, hold) && call->hold != NULL) {
        if (txn->hold_count == 0) {
            guarding.holds = &call->hold;
        } else {
            txn->holds[txn->hold_count] = call->hold;
        }
        guarding.count++;
    }
    docent_status status = (step ? docent_run_step : docent_run_guarded)(txn->client, &multi, call, &guarding, done, user);
    if (guarding.faulty >= txn->ops && guarding.faulty < txn->ops + txn->count) {
        txn_blame(txn, (size_t)(guarding.faulty - txn->ops), guarding.faulty, guarding.fault);
    } else {
        snprintf(txn->fault, sizeof txn->fault, "%s", guarding.fault == NULL ? "" : guarding.fault);
    }
    return status;
}

static docent_status txn_copy(const docent_txn *from, docent_txn **ret_txn)
{
    docent_txn *copy;
    docent_status status = docent_txn_new(from->client, &copy);
    if (status != DOCENT_OK) return status;
    for (size_t i = 0; i < from->count; i++) docent_txn_add(copy, &from->ops[i]);
    for (size_t i = 0; i < from->hold_count; i++) docent_txn_guard(copy, from->holds[i]);
    status = copy->refused;
    if (status == DOCENT_OK) {
        *ret_txn = copy;
    } else {
        docent_txn_free(copy);
    }
    return status;
}

/* ---- With parents. ---- */

struct commit {
    struct steps steps;
    struct step step;
    docent_txn *txn; /* Own. */
    docent_parents parents;
    docent_acl_list parents_acl; /* Own. */
    size_t rounds;
};

static void commit_done(const docent_result *result, void *user);

static void commit_free(struct commit *commit)
{
    const docent_allocator *allocator = txn_allocator(commit->txn);
    docent_client *client = commit->txn->client;
    docent_client_keep(client); /* The last of it may have been the commit's. */
    docent_client_composite_ends(client);
    docent_acl_drop(allocator, commit->parents_acl);
    docent_txn_free(commit->txn);
    docent_steps_end(&commit->steps);
    docent_free(allocator, commit);
    docent_client_drop(client);
}

static void commit_tell(struct commit *commit, const docent_result *result)
{
    docent_steps_tell(&commit->steps, result);
    commit_free(commit);
}

static void commit_fail(struct commit *commit, docent_status status)
{
    docent_result result = { .struct_size = sizeof result, .status = status };
    commit_tell(commit, &result);
}

static docent_status commit_send(struct commit *commit)
{
    const docent_call_options *call = docent_step_begin(&commit->step, &commit->steps);
    return call == NULL ? DOCENT_ERR_TIMEOUT : txn_send(commit->txn, call, true, commit_done, commit);
}

static void parents_done(const docent_result *result, void *user)
{
    struct commit *commit = user;
    docent_step_over(&commit->step, result);
    docent_status status = result->status;
    if (status == DOCENT_OK) status = commit_send(commit);
    if (status != DOCENT_OK) commit_fail(commit, status);
}

/* The create that failed for lack of a parent which can be made; NULL: that is not what was wrong. */
static const docent_op *orphan_of(const struct commit *commit, const docent_result *result)
{
    if (result->status != DOCENT_ERR_NO_NODE || result->result_count != commit->txn->count) return NULL;
    for (size_t i = 0; i < result->result_count; i++) {
        const docent_op *op = &commit->txn->ops[i];
        if (result->results[i].status != DOCENT_ERR_NO_NODE) continue;
        return op->type == DOCENT_OP_CREATE && strrchr(op->path, '/') != op->path ? op : NULL;
    }
    return NULL;
}

static docent_status parents_make(struct commit *commit, const docent_op *orphan)
{
    const docent_allocator *allocator = txn_allocator(commit->txn);
    const docent_call_options *call = docent_step_begin(&commit->step, &commit->steps);
    if (call == NULL) return DOCENT_ERR_TIMEOUT;
    char *path = docent_strdup(allocator, orphan->path);
    if (path == NULL) return DOCENT_ERR_NO_MEMORY;
    *strrchr(path, '/') = '\0';
    struct node_limits limits = { .timeout_ms = call->timeout_ms, .retry = call->retry, .offline = call->offline, .step = true };
    docent_status status = docent_ensure_path_within(commit->txn->client, path, commit->parents, commit->parents_acl, &limits, parents_done, commit);
    docent_free(allocator, path);
    return status;
}

static void commit_done(const docent_result *result, void *user)
{
    struct commit *commit = user;
    docent_step_over(&commit->step, result);
    const docent_op *orphan = orphan_of(commit, result);
    /* Each create may lack its own; a few more for containers that vanish in between. A parent that the transaction itself deletes is never
     * made well. */
    if (orphan == NULL || commit->rounds++ > commit->txn->count + MORE_ROUNDS) {
        commit_tell(commit, result);
        return;
    }
    docent_status status = parents_make(commit, orphan);
    if (status != DOCENT_OK) commit_fail(commit, status);
}

static docent_status commit_with_parents(docent_txn *txn, const docent_txn_options *options, docent_result_fn done, void *user)
{
    docent_client *client = txn->client;
    const docent_allocator *allocator = txn_allocator(txn);
    docent_status status = docent_client_check(client);
    if (status != DOCENT_OK) return status;
    struct commit *commit = docent_alloc(allocator, sizeof *commit);
    if (commit == NULL) return DOCENT_ERR_NO_MEMORY;
    memset(commit, 0, sizeof *commit);
    commit->parents = options->parents;
    status = docent_steps_begin(&commit->steps, client, options->call, done, user);
    if (status == DOCENT_OK && (status = txn_copy(txn, &commit->txn)) != DOCENT_OK) docent_steps_end(&commit->steps);
    if (status == DOCENT_OK && (status = docent_client_composite_begins(client)) != DOCENT_OK) {
        docent_txn_free(commit->txn);
        docent_steps_end(&commit->steps);
    }
    if (status != DOCENT_OK) {
        docent_free(allocator, commit);
        return status;
    }
    status = docent_acl_keep(allocator, options->parents_acl, &commit->parents_acl);
    if (status == DOCENT_OK) status = commit_send(commit);
    if (status == DOCENT_OK) return DOCENT_OK;
    memcpy(txn->fault, commit->txn->fault, sizeof txn->fault);
    commit_free(commit);
    return status;
}

docent_status docent_txn_commit_async(docent_txn *txn, const docent_txn_options *options, docent_result_fn done, void *user)
{
    if (txn == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    if (txn->refused != DOCENT_OK) return txn->refused;
    docent_txn_options full = { DOCENT_TXN_OPTIONS };
    if (!docent_options_take(&full, sizeof full, options)) return DOCENT_ERR_INVALID_ARGUMENT;
    if ((unsigned)full.parents > DOCENT_PARENTS_CONTAINER) return DOCENT_ERR_INVALID_ARGUMENT;
    if (full.parents == DOCENT_PARENTS_NONE) return txn_send(txn, full.call, false, done, user);
    return commit_with_parents(txn, &full, done, user);
}
