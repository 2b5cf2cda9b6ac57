/* recipes/node_update.c - update: read, have the application make new data, write if nobody else has; and the read behind a sync.
 *
 *                .---------- conflict ----------.
 *                v                              |
 *     READING ------> MAKING ------> WRITING ---+--> told
 *                       ^               ^ | reply lost
 *                       | not applied,  | v
 *                       '--- conflict --LOOKING ----> JUDGING
 *
 * The application's functions run from the client's queue of callbacks, never inside a step: MAKING and JUDGING wait for that.
 *
 * A reply lost. A look, behind a sync: where nothing was set since the write was sent, it was not applied, and goes out again. Else the
 * application may recognise its data, or deny that they are its own; if it has no opinion, the versions decide what they can. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "recipes/node.h"

enum update_state { UPDATE_READING, UPDATE_MAKING, UPDATE_WRITING, UPDATE_LOOKING, UPDATE_JUDGING };

enum update_tag { TAG_SYNC, TAG_GET, TAG_WRITE };

enum { UPDATE_ROUNDS_AT_ONCE = 8 };

struct update_call {
    struct node_call call;
    enum update_state state;
    docent_transform_fn transform;
    docent_recognise_fn recognise;
    bool creates;
    docent_acl_list acl;
    docent_result *current; /* What was read last. */
    const void *data;       /* New, borrowed from the application; or an own copy, in WRITING and after. */
    uint8_t *own;
    size_t size;
    uint32_t rounds;
    struct docent_lost_write sent;
    struct docent_later asking; /* For the application. */
};

static struct update_call *update_of(struct node_call *call)
{
    return (struct update_call *)call;
}

static const docent_allocator *update_allocator(const struct update_call *u)
{
    return docent_client_allocator(u->call.machine.client);
}

static void update_go(struct update_call *u, enum update_state next)
{
    u->state = next;
    docent_node_step(&u->call);
}

/* Others were faster. */
static void update_go_round(struct update_call *u)
{
    docent_node_doubt_over(&u->call);
    u->state = UPDATE_READING;
    if (++u->rounds > UPDATE_ROUNDS_AT_ONCE) { /* A short pause: whoever waits longest would wait longer and longer. */
        docent_machine_calm(&u->call.machine);
        docent_node_later(&u->call);
    } else {
        docent_node_step(&u->call);
    }
}

/* ---- The application's part. ---- */

/* Keeps what it made: it is written, and perhaps written again and compared, when the application's own memory may be gone. */
static docent_status update_keep(struct update_call *u, const void *data, size_t size)
{
    if (data == NULL && size > 0) return DOCENT_ERR_INVALID_ARGUMENT;
    docent_free(update_allocator(u), u->own);
    u->own = NULL;
    u->data = NULL;
    u->size = size;
    if (data == NULL) return DOCENT_OK;
    u->own = docent_alloc(update_allocator(u), size == 0 ? 1 : size);
    if (u->own == NULL) return DOCENT_ERR_NO_MEMORY;
    if (size > 0) memcpy(u->own, data, size);
    u->data = u->own;
    return DOCENT_OK;
}

static void update_make(struct update_call *u)
{
    const void *data = NULL;
    size_t size = 0;
    docent_status status = u->transform(u->current, &data, &size, u->call.user);

    if (u->call.told) return; /* It closed the client, say. */
    if (status == DOCENT_OK) status = update_keep(u, data, size);
    if (status != DOCENT_OK) {
        docent_node_end(&u->call, status);
        return;
    }
    update_go(u, UPDATE_WRITING);
}

static void update_decide(struct update_call *u, docent_recognised recognised)
{
    docent_status conflict = u->sent.type == DOCENT_OP_CREATE ? DOCENT_ERR_NODE_EXISTS : DOCENT_ERR_BAD_VERSION;
    docent_status status = DOCENT_ERR_UNKNOWN_OUTCOME;

    switch (recognised) {
    case DOCENT_WRITE_UNCERTAIN: status = docent_lost_write_found(&u->sent, conflict, u->current); break;
    case DOCENT_WRITE_THERE: status = DOCENT_OK; break;
    case DOCENT_WRITE_ABSENT: status = conflict; break;
    }
    if (status == DOCENT_OK) {
        docent_node_succeed(&u->call, u->current);
    } else if (status == conflict) { /* It was somebody else. With what was read just now, again. */
        docent_node_doubt_over(&u->call);
        u->state = UPDATE_MAKING;
        docent_client_later(u->call.machine.client, &u->asking);
    } else {
        docent_node_end(&u->call, status);
    }
}

static void update_judge(struct update_call *u)
{
    docent_recognised recognised = DOCENT_WRITE_UNCERTAIN;

    if (u->recognise != NULL && u->current->status == DOCENT_OK) {
        recognised = u->recognise(u->current, u->data, u->size, u->sent.version, u->call.user);
    }
    if (!u->call.told) update_decide(u, recognised);
}

static void update_asking(struct docent_later *later)
{
    struct update_call *u = (struct update_call *)((char *)later - offsetof(struct update_call, asking));

    if (u->call.told || docent_node_is_mute(&u->call)) return;
    if (u->state == UPDATE_MAKING) {
        update_make(u);
    } else if (u->state == UPDATE_JUDGING) {
        update_judge(u);
    }
}

/* ---- Steps. ---- */

static void update_ask_write(struct update_call *u)
{
    docent_client *client = u->call.machine.client;
    bool creates = u->current->status == DOCENT_ERR_NO_NODE;
    docent_op op = creates ? docent_op_create(u->call.path, u->data, u->size, DOCENT_PERSISTENT)
                           : docent_op_set(u->call.path, u->data, u->size, u->current->stat.version);

    if (creates) op.acl = u->acl;
    if (!u->call.doubt) {
        u->sent = (struct docent_lost_write){
            .type = op.type,
            .data = u->data,
            .size = u->size,
            .version = op.version,
            .mode = DOCENT_PERSISTENT,
            .zxid_before = docent_client_last_zxid(client),
            .session_id = docent_client_session(client, NULL),
        };
    }
    docent_node_changes(&u->call);
    docent_ask(&u->call.machine, &op, TAG_WRITE);
}

static void update_ask(struct node_call *call)
{
    struct update_call *u = update_of(call);
    docent_op get = docent_op_get(call->path);

    switch (u->state) {
    case UPDATE_READING: docent_ask(&call->machine, &get, TAG_GET); break;
    case UPDATE_WRITING: update_ask_write(u); break;
    case UPDATE_LOOKING: {
        docent_op sync = docent_op_sync(call->path);
        docent_ask(&call->machine, &sync, TAG_SYNC);
        docent_ask(&call->machine, &get, TAG_GET);
        break;
    }
    case UPDATE_MAKING:
    case UPDATE_JUDGING: break; /* The application is at it. */
    }
}

static void update_on_get(struct update_call *u, const struct docent_event *ev)
{
    bool missing = ev->status == DOCENT_ERR_NO_NODE && (u->creates || u->state == UPDATE_LOOKING);

    if (ev->status != DOCENT_OK && !missing) {
        docent_node_failed(&u->call, ev->status, ev->sent);
        return;
    }
    docent_result *current = docent_result_keep(update_allocator(u), ev->result);
    if (current == NULL) {
        docent_node_failed(&u->call, DOCENT_ERR_NO_MEMORY, false);
        return;
    }
    docent_free(update_allocator(u), u->current);
    u->current = current;
    if (u->state == UPDATE_READING) {
        u->state = UPDATE_MAKING;
        docent_client_later(u->call.machine.client, &u->asking);
        return;
    }
    bool still_missing = u->sent.type == DOCENT_OP_CREATE && missing;
    bool untouched = u->sent.type == DOCENT_OP_SET && !missing && current->stat.version == u->sent.version &&
                     current->stat.mzxid <= u->sent.zxid_before;
    if (still_missing || untouched) { /* It was not applied: the same once more. */
        docent_node_doubt_over(&u->call);
        update_go(u, UPDATE_WRITING);
    } else {
        u->state = UPDATE_JUDGING;
        docent_client_later(u->call.machine.client, &u->asking);
    }
}

static void update_on_write(struct update_call *u, const struct docent_event *ev)
{
    if (ev->status == DOCENT_OK) {
        docent_node_succeed(&u->call, ev->result);
    } else if (docent_node_leaves_doubt(ev)) {
        docent_node_doubt(&u->call);
        u->state = UPDATE_LOOKING;
        docent_node_failed(&u->call, ev->status, ev->sent);
    } else if (ev->status == DOCENT_ERR_BAD_VERSION || ev->status == DOCENT_ERR_NODE_EXISTS ||
               (ev->status == DOCENT_ERR_NO_NODE && u->creates && u->sent.type == DOCENT_OP_SET)) {
        update_go_round(u);
    } else {
        docent_node_failed(&u->call, ev->status, ev->sent);
    }
}

static void update_on_reply(struct node_call *call, const struct docent_event *ev)
{
    struct update_call *u = update_of(call);

    switch ((enum update_tag)ev->tag) {
    case TAG_SYNC:
        if (ev->status != DOCENT_OK && ev->status != DOCENT_ERR_NO_NODE) docent_node_failed(call, ev->status, ev->sent);
        break;
    case TAG_GET: update_on_get(u, ev); break;
    case TAG_WRITE: update_on_write(u, ev); break;
    }
}

static void update_free(struct node_call *call)
{
    struct update_call *u = update_of(call);

    docent_acl_drop(update_allocator(u), u->acl);
    docent_free(update_allocator(u), u->own);
    docent_free(update_allocator(u), u->current);
}

static const struct node_kind update_kind = {
    .name = "update",
    .ask = update_ask,
    .on_reply = update_on_reply,
    .free = update_free,
};

docent_status docent_update_async(docent_client *client, const char *path, docent_transform_fn transform,
                                  const docent_update_options *options, docent_result_fn done, void *user)
{
    docent_update_options full = { DOCENT_UPDATE_OPTIONS };
    if (!docent_options_take(&full, sizeof full, options)) return DOCENT_ERR_INVALID_ARGUMENT;
    if (transform == NULL) return DOCENT_ERR_INVALID_ARGUMENT;

    const struct node_limits limits = { .timeout_ms = full.timeout_ms, .retry = full.retry, .offline = full.offline };
    struct node_call *call;
    docent_status status =
        docent_node_new(client, sizeof(struct update_call), &update_kind, path, false, NULL, 0, &limits, done, user, &call);
    if (status != DOCENT_OK) return status;
    struct update_call *u = update_of(call);
    status = docent_acl_keep(update_allocator(u), full.acl, &u->acl);
    if (status != DOCENT_OK) {
        docent_node_cancel(call);
        return status;
    }
    u->transform = transform;
    u->recognise = full.recognise;
    u->creates = full.create;
    u->asking.run = update_asking;
    docent_node_start(call, full.timeout_ms);
    return DOCENT_OK;
}

/* ---- The read. ---- */

static void read_ask(struct node_call *call)
{
    docent_op sync = docent_op_sync(call->path);
    docent_op get = docent_op_get(call->path);

    docent_ask(&call->machine, &sync, TAG_SYNC);
    docent_ask(&call->machine, &get, TAG_GET);
}

static void read_on_reply(struct node_call *call, const struct docent_event *ev)
{
    if (ev->tag == TAG_SYNC) { /* It failed: what the get behind it says is not heard. */
        if (ev->status != DOCENT_OK && ev->status != DOCENT_ERR_NO_NODE) docent_node_failed(call, ev->status, ev->sent);
        return;
    }
    if (ev->status != DOCENT_OK) {
        docent_node_failed(call, ev->status, ev->sent);
        return;
    }
    call->copy = docent_result_keep(docent_client_allocator(call->machine.client), ev->result);
    if (call->copy == NULL) {
        docent_node_failed(call, DOCENT_ERR_NO_MEMORY, false);
        return;
    }
    call->result.data = call->copy->data;
    call->result.size = call->copy->size;
    docent_node_succeed(call, call->copy);
}

static const struct node_kind read_kind = { .name = "read", .ask = read_ask, .on_reply = read_on_reply };

docent_status docent_read_linearizable_async(docent_client *client, const char *path, docent_result_fn done, void *user)
{
    const struct node_limits limits = { 0 };
    struct node_call *call;
    docent_status status = docent_node_new(client, sizeof *call, &read_kind, path, false, NULL, 0, &limits, done, user, &call);

    if (status == DOCENT_OK) docent_node_start(call, 0);
    return status;
}
