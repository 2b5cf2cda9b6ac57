/* recipes/node_write.c - create, set, and make a path.
 *
 *               NoNode                       exists                      moved on
 *     PARENTS <-------- CREATING -------------------------> SETTING ------------.
 *         `------------>  | ^  ^ `-- exists: is it ours? -.   |  ^               |
 *              ready      | |  '--------------------------|---' gone             |
 *              reply lost | | not there                   v                      |
 *                         v |                          LOOKING <----------------'
 *                       FINDING (protected)               outcome
 *
 * One loop over all of it, with every answer handled in every turn: others may create, set and delete at each step. What goes round
 * without an end in sight is paced, and ends with the deadline.
 *
 * A reply lost. A protected create is looked for by its name (protected.h). Any other change is sent again: had the first been
 * applied, the second fails just because of it, and then a look, behind a sync, compares. A sequential node without protection cannot be told
 * from another's. A parent exists when it has been made twice, and so does a set without a version what it was to do.
 *
 * Given up with a protected create out or in doubt: the application is told, and the rest is to find the node and remove it. Its name
 * is unique, so nothing else can be hit. An ephemeral one goes with its session. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "recipes/node.h"
#include "recipes/parents.h"
#include "recipes/protected.h"
#include "recipes/removal.h"

enum { WRITE_ROUNDS_AT_ONCE = 8 }; /* Of parents, and between create and set, that are not paced. */

enum write_state { WRITE_EXISTS, WRITE_CREATING, WRITE_PARENTS, WRITE_FINDING, WRITE_LOOKING, WRITE_SETTING, WRITE_REMOVING, WRITE_STATES };
static const char *const write_state_name[WRITE_STATES] = {
    [WRITE_EXISTS] = "EXISTS",   [WRITE_CREATING] = "CREATING", [WRITE_PARENTS] = "PARENTS",  [WRITE_FINDING] = "FINDING",
    [WRITE_LOOKING] = "LOOKING", [WRITE_SETTING] = "SETTING",   [WRITE_REMOVING] = "REMOVING",
};

#define TO(name) (1u << WRITE_##name)
static const unsigned write_next[WRITE_STATES] = {
    [WRITE_EXISTS] = TO(PARENTS),
    [WRITE_CREATING] = TO(PARENTS) | TO(FINDING) | TO(LOOKING) | TO(SETTING) | TO(REMOVING) | TO(CREATING),
    [WRITE_PARENTS] = TO(CREATING),
    [WRITE_FINDING] = TO(CREATING) | TO(REMOVING),
    [WRITE_LOOKING] = TO(CREATING) | TO(SETTING),
    [WRITE_SETTING] = TO(CREATING) | TO(LOOKING),
};

enum write_tag { TAG_EXISTS, TAG_CREATE, TAG_PARENT, TAG_SYNC, TAG_LOOK, TAG_SET }; /* And those of the building blocks. */

struct write_call {
    struct node_call call;
    enum write_state state;
    bool ensures;  /* The path is all that is wanted. */
    docent_create_mode mode;
    int64_t ttl_ms;
    docent_acl_list acl;
    bool makes_parents;
    struct parents parents;
    docent_create_mode parent_mode;
    docent_acl_list parents_acl;
    uint32_t rounds;
    bool creates;  /* A missing node is made. */
    bool same_is_good;   /* These data, set once or just created, are success. */
    docent_if_exists if_exists;
    int32_t version;     /* Of SETTING. */
    struct docent_lost_write sent; /* The change that is sent, or in doubt. */
    docent_status conflict;        /* What brought us to LOOKING. */
    bool protect;
    struct protected_node own;
    struct removal removal;
    char *parent;        /* The parent's path, for own. */
    const char *name;    /* The last part of the path. */
    uint64_t sent_generation; /* Of the session that the protected create was sent in. */
    uint64_t final_ms;   /* When that session is over at the latest, if it is not known to be. 0: not reckoned. */
};

static struct write_call *write_of(struct node_call *call)
{
    return (struct write_call *)call;
}

/* The only writer of w->state. */
static void write_enter(struct write_call *w, enum write_state next)
{
    assert(w->state == next || (write_next[w->state] & (1u << next)));
    (void)write_next;
    docent_trace(&w->call.machine, "node", w->call.path, write_state_name[w->state], write_state_name[next]);
    w->state = next;
}

static void write_go(struct write_call *w, enum write_state next)
{
    write_enter(w, next);
    docent_node_step(&w->call);
}

/* The same, paced when it goes on and on. */
static void write_go_round(struct write_call *w, enum write_state next)
{
    write_enter(w, next);
    if (++w->rounds > WRITE_ROUNDS_AT_ONCE) {
        docent_node_later(&w->call);
    } else {
        docent_node_step(&w->call);
    }
}

static bool write_is_sequential(docent_create_mode mode)
{
    return mode == DOCENT_PERSISTENT_SEQUENTIAL || mode == DOCENT_EPHEMERAL_SEQUENTIAL || mode == DOCENT_PERSISTENT_SEQUENTIAL_TTL;
}

static bool write_is_ephemeral(docent_create_mode mode)
{
    return mode == DOCENT_EPHEMERAL || mode == DOCENT_EPHEMERAL_SEQUENTIAL;
}

/* ---- Asking. ---- */

static void write_remember(struct write_call *w, docent_op_type type)
{
    if (w->call.doubt && w->sent.type == type) return; /* The first sending is the one to be found out about. */
    w->sent = (struct docent_lost_write){
        .type = type,
        .data = w->call.data,
        .size = w->call.size,
        .version = w->version,
        .mode = w->mode,
        .zxid_before = docent_client_last_zxid(w->call.machine.client),
        .session_id = docent_client_session(w->call.machine.client, NULL),
    };
}

static void write_ask_create(struct write_call *w)
{
    struct node_call *call = &w->call;
    uint64_t generation = docent_client_generation(call->machine.client);

    /* An earlier session that is over took its ephemeral along. */
    bool other_session = w->sent.session_id != docent_client_session(call->machine.client, NULL);
    if (call->doubt && write_is_ephemeral(w->mode) && other_session) docent_node_doubt_moot(call);
    docent_op create = docent_op_create(w->protect ? w->own.path : call->path, call->data, call->size, w->mode);
    create.acl = w->acl;
    create.ttl_ms = w->ttl_ms;
    if (w->protect) {
        assert(w->own.known == PROTECTED_NONE);
        w->sent_generation = generation;
        w->final_ms = 0;
        docent_protected_ask_create(&w->own, &call->machine, &create, TAG_CREATE);
    } else {
        write_remember(w, DOCENT_OP_CREATE);
        docent_node_changes(call);
        docent_ask(&call->machine, &create, TAG_CREATE);
    }
}

static void write_ask_op(struct write_call *w, docent_op op, int tag)
{
    docent_ask(&w->call.machine, &op, tag);
}

static void write_ask(struct node_call *call)
{
    struct write_call *w = write_of(call);

    switch (w->state) {
    case WRITE_EXISTS: write_ask_op(w, docent_op_exists(call->path), TAG_EXISTS); break;
    case WRITE_CREATING: write_ask_create(w); break;
    case WRITE_PARENTS:
        docent_parents_ask(&w->parents, &call->machine, call->path, w->parent_mode, w->parents_acl, TAG_PARENT);
        break;
    case WRITE_FINDING: docent_protected_ask_find(&w->own, &call->machine); break;
    case WRITE_LOOKING:
        write_ask_op(w, docent_op_sync(call->path), TAG_SYNC);
        write_ask_op(w, docent_op_get(call->path), TAG_LOOK);
        break;
    case WRITE_SETTING:
        write_remember(w, DOCENT_OP_SET);
        docent_node_changes(call);
        write_ask_op(w, docent_op_set(call->path, call->data, call->size, w->version), TAG_SET);
        break;
    case WRITE_REMOVING: docent_removal_ask(&w->removal, &call->machine); break;
    case WRITE_STATES: abort();
    }
}

/* ---- Creating. ---- */

static void write_parents_missing(struct write_call *w)
{
    bool is_root = w->call.path_size == 1;
    size_t whole = is_root ? 0 : w->ensures ? w->call.path_size : (size_t)(w->name - w->call.path - 1);

    if (w->call.told) {
        docent_node_end(&w->call, DOCENT_ERR_NO_NODE);
    } else if (!w->makes_parents || whole == 0) { /* What is missing is "/": not ours to make. */
        docent_node_failed(&w->call, DOCENT_ERR_NO_NODE, true);
    } else {
        docent_parents_begin(&w->parents, whole);
        write_go_round(w, WRITE_PARENTS);
    }
}

static void write_on_parent(struct write_call *w, const struct docent_event *ev)
{
    switch (docent_parents_on_reply(&w->parents, w->call.path, &w->parent_mode, ev->status)) {
    case PARENTS_READY:
        if (w->ensures) {
            docent_node_end(&w->call, DOCENT_OK);
        } else {
            write_go(w, WRITE_CREATING);
        }
        break;
    case PARENTS_MORE:
        if (w->parents.rounds > WRITE_ROUNDS_AT_ONCE + w->call.path_size) {
            docent_node_later(&w->call); /* Somebody deletes as fast as we make. */
        } else {
            docent_node_step(&w->call);
        }
        break;
    case PARENTS_ROOTLESS:
    case PARENTS_FAILED: docent_node_failed(&w->call, ev->status, ev->sent); break;
    }
}

/* The node is there, and we did not make it, or do not know that we did. */
static void write_on_exists(struct write_call *w, docent_status status)
{
    bool sets = w->if_exists == DOCENT_IF_EXISTS_SET || w->if_exists == DOCENT_IF_EXISTS_SET_VERSION;

    w->conflict = status;
    if (w->if_exists == DOCENT_IF_EXISTS_SET) docent_node_doubt_moot(&w->call); /* Whoever made it: it is set now. */
    if (w->call.doubt || w->if_exists == DOCENT_IF_EXISTS_SAME) {
        write_go(w, WRITE_LOOKING);
    } else if (sets) {
        write_go_round(w, WRITE_SETTING);
    } else {
        docent_node_failed(&w->call, status, true);
    }
}

/* The server's name of it, which has the number. */
static void write_take_path(struct write_call *w, const docent_result *result)
{
    size_t size = result->path == NULL ? 0 : strlen(result->path);

    if (size > 0 && size <= w->call.path_size + PROTECTED_SEQUENCE_MAX) memcpy(w->call.path, result->path, size + 1);
}

static void write_on_create(struct write_call *w, const struct docent_event *ev)
{
    if (ev->status == DOCENT_OK) {
        write_take_path(w, ev->result);
        docent_node_succeed(&w->call, ev->result);
    } else if (ev->status == DOCENT_ERR_NODE_EXISTS) {
        write_on_exists(w, ev->status);
    } else if (ev->status == DOCENT_ERR_NO_NODE) {
        if (w->makes_parents) docent_node_doubt_moot(&w->call); /* Its parent is not there, so neither is it. */
        write_parents_missing(w);
    } else {
        if (docent_node_leaves_doubt(ev)) {
            docent_node_doubt(&w->call);
            if (write_is_sequential(w->mode)) {
                docent_node_end(&w->call, DOCENT_ERR_UNKNOWN_OUTCOME);
                return;
            }
        }
        docent_node_failed(&w->call, ev->status, ev->sent);
    }
}

/* ---- Creating under protection. ---- */

static void write_draw_name(struct write_call *w)
{
    char *prefix = docent_protected_prefix(&w->own);

    memcpy(prefix, "_c_", 3);
    docent_client_uuid(w->own.client, prefix + 3);
    prefix[3 + 36] = '-';
    strcpy(prefix + 3 + 36 + 1, w->name);
    docent_protected_named(&w->own);
}

/* There is none, and we know it. */
static void write_has_none(struct write_call *w)
{
    docent_protected_forget(&w->own);
    if (w->call.told) {
        docent_node_end(&w->call, DOCENT_OK);
    } else {
        write_go_round(w, WRITE_CREATING);
    }
}

/* There it is. */
static void write_has_own(struct write_call *w, const docent_result *result)
{
    if (w->call.told) {
        write_go(w, WRITE_REMOVING);
        return;
    }
    w->call.result.path = w->own.path;
    docent_node_succeed(&w->call, result);
}

static void write_on_protected(struct write_call *w, const struct docent_event *ev)
{
    enum protected_answer answer = docent_protected_on_create(&w->own, ev);

    switch (answer) {
    case PROTECTED_MADE: write_has_own(w, ev->result); break;
    case PROTECTED_NO_PARENT: write_parents_missing(w); break;
    case PROTECTED_LOST:
    case PROTECTED_UNSURE:
        write_enter(w, WRITE_FINDING);
        if (ev->status == DOCENT_ERR_NODE_EXISTS || ev->status == DOCENT_OK) {
            docent_node_step(&w->call); /* Nobody else has such a name: it was made before. */
        } else {
            docent_node_failed(&w->call, ev->status, ev->sent);
        }
        break;
    case PROTECTED_UNSENT:
    case PROTECTED_BUSY:
    case PROTECTED_REFUSED:
        if (w->call.told) {
            docent_node_end(&w->call, ev->status);
        } else {
            docent_node_failed(&w->call, ev->status, ev->sent);
        }
        break;
    }
}

/* May the create still come true? In another session, when the one that sent it is not known to be over: until that has timed out. */
static bool write_is_final(struct write_call *w)
{
    docent_client *client = w->call.machine.client;
    uint64_t now = docent_client_now(client), generation = docent_client_generation(client);

    if (generation == w->sent_generation) return true;
    if (generation == w->sent_generation + 1 && docent_client_settled(client)) {
        w->final_ms = now;
    } else if (w->final_ms == 0) {
        w->final_ms = now + 2 * (uint64_t)docent_client_session_timeout_ms(client);
    }
    return now >= w->final_ms;
}

static void write_on_find(struct write_call *w, const struct docent_event *ev)
{
    switch (docent_protected_on_find(&w->own, &w->call.machine, ev)) {
    case PROTECTED_SEARCHING: break;
    case PROTECTED_FOUND: write_has_own(w, ev->result); break;
    case PROTECTED_NOT_THERE:
        if (write_is_final(w)) {
            write_has_none(w);
        } else {
            docent_node_later(&w->call);
        }
        break;
    case PROTECTED_FOREIGN: /* Not ours to adopt or to remove. Get out of its way. */
        write_draw_name(w);
        write_has_none(w);
        break;
    case PROTECTED_FAILED: docent_node_failed(&w->call, ev->status, ev->sent); break;
    }
}

static void write_on_removal(struct write_call *w, const struct docent_event *ev)
{
    switch (docent_removal_on_reply(&w->removal, &w->call.machine, ev)) {
    case REMOVAL_GONE: docent_node_end(&w->call, DOCENT_OK); break;
    case REMOVAL_FAILED: docent_node_failed(&w->call, ev->status, ev->sent); break;
    case REMOVAL_GOING_ON:
    case REMOVAL_SEEN:
    case REMOVAL_VERSION: break; /* The name is unique, so that there is no look. */
    }
}

static bool write_gives_up(struct node_call *call, docent_status why)
{
    struct write_call *w = write_of(call);

    (void)why;
    return w->protect && w->own.known != PROTECTED_NONE;
}

/* An ephemeral node went with the session. A new one has a new name: a create that is still on its way in the old one cannot be in it. */
static void write_on_expired(struct node_call *call)
{
    struct write_call *w = write_of(call);

    if (!w->protect || !w->own.ephemeral || w->own.known == PROTECTED_NONE) return;
    docent_protected_forget(&w->own);
    if (call->told) {
        docent_node_end(call, DOCENT_ERR_SESSION_EXPIRED);
        return;
    }
    write_draw_name(w);
    write_enter(w, WRITE_CREATING);
    if (!call->resting) docent_machine_next_turn(&call->machine);
}

/* ---- Setting. ---- */

static void write_on_set(struct write_call *w, const struct docent_event *ev)
{
    bool in_doubt = w->call.doubt && w->sent.type == DOCENT_OP_SET;

    if (ev->status == DOCENT_OK) {
        docent_node_succeed(&w->call, ev->result);
    } else if (ev->status == DOCENT_ERR_BAD_VERSION && (in_doubt || w->same_is_good)) {
        w->conflict = ev->status;
        write_go(w, WRITE_LOOKING);
    } else if (ev->status == DOCENT_ERR_NO_NODE && w->creates && (!in_doubt || w->version == DOCENT_ANY_VERSION)) {
        docent_node_doubt_moot(&w->call);
        write_go_round(w, WRITE_CREATING);
    } else { /* An answer to a second sending says nothing of the first: set by us and then deleted, or deleted before? */
        if (docent_node_leaves_doubt(ev)) docent_node_doubt(&w->call);
        docent_node_failed(&w->call, ev->status, ev->sent);
    }
}

/* ---- Looking. ---- */

static bool write_is_same(const struct write_call *w, const docent_result *node)
{
    if (node->data == NULL || w->call.data == NULL) return node->data == NULL && w->call.data == NULL;
    return node->size == w->call.size && memcmp(node->data, w->call.data, node->size) == 0;
}

static void write_decide(struct write_call *w, docent_status status, const docent_result *node)
{
    docent_node_doubt_over(&w->call);
    if (status == DOCENT_OK) {
        docent_node_succeed(&w->call, node);
    } else {
        docent_node_failed(&w->call, status, true);
    }
}

static void write_on_look_after_create(struct write_call *w, const docent_result *node)
{
    docent_status status = w->call.doubt ? docent_lost_write_found(&w->sent, w->conflict, node) : w->conflict;

    switch (w->if_exists) {
    case DOCENT_IF_EXISTS_FAIL: write_decide(w, status, node); break;
    case DOCENT_IF_EXISTS_SAME:
        if (node->status == DOCENT_ERR_NO_NODE) {
            docent_node_doubt_moot(&w->call);
            write_go_round(w, WRITE_CREATING);
        } else {
            write_decide(w, node->stat.version == 0 && write_is_same(w, node) ? DOCENT_OK : status, node);
        }
        break;
    case DOCENT_IF_EXISTS_SET_VERSION:
        if (status == w->conflict) { /* Somebody else made it. */
            docent_node_doubt_over(&w->call);
            write_go_round(w, WRITE_SETTING);
        } else {
            write_decide(w, status, node);
        }
        break;
    case DOCENT_IF_EXISTS_SET: abort(); /* There is nothing to look for. */
    }
}

static void write_on_look_after_set(struct write_call *w, const docent_result *node)
{
    bool follows = node->status == DOCENT_OK && node->stat.version == (int32_t)((uint32_t)w->version + 1);

    if (w->same_is_good && follows && write_is_same(w, node)) {
        write_decide(w, DOCENT_OK, node);
    } else if (w->call.doubt) {
        write_decide(w, docent_lost_write_found(&w->sent, w->conflict, node), node);
    } else {
        write_decide(w, w->conflict, node);
    }
}

static void write_on_look(struct write_call *w, const struct docent_event *ev)
{
    if (ev->status != DOCENT_OK && ev->status != DOCENT_ERR_NO_NODE) {
        docent_node_failed(&w->call, ev->status, ev->sent);
    } else if (w->conflict == DOCENT_ERR_NODE_EXISTS) {
        write_on_look_after_create(w, ev->result);
    } else {
        write_on_look_after_set(w, ev->result);
    }
}

/* ---- Events. ---- */

static void write_on_reply(struct node_call *call, const struct docent_event *ev)
{
    struct write_call *w = write_of(call);

    if (w->state == WRITE_FINDING) {
        write_on_find(w, ev);
        return;
    }
    if (w->state == WRITE_REMOVING) {
        write_on_removal(w, ev);
        return;
    }
    switch ((enum write_tag)ev->tag) {
    case TAG_EXISTS:
        if (ev->status == DOCENT_OK) {
            docent_node_succeed(call, ev->result);
        } else if (ev->status == DOCENT_ERR_NO_NODE) {
            write_parents_missing(w);
        } else {
            docent_node_failed(call, ev->status, ev->sent);
        }
        break;
    case TAG_CREATE:
        if (w->protect) {
            write_on_protected(w, ev);
        } else {
            write_on_create(w, ev);
        }
        break;
    case TAG_PARENT: write_on_parent(w, ev); break;
    case TAG_SYNC: /* What a look without its sync shows may be old. */
        if (ev->status != DOCENT_OK && ev->status != DOCENT_ERR_NO_NODE) docent_node_failed(call, ev->status, ev->sent);
        break;
    case TAG_LOOK: write_on_look(w, ev); break;
    case TAG_SET: write_on_set(w, ev); break;
    }
}

/* ---- Accepting. ---- */

static void write_free(struct node_call *call)
{
    struct write_call *w = write_of(call);
    const docent_allocator *allocator = docent_client_allocator(call->machine.client);

    docent_node_free_acl(allocator, w->acl);
    docent_node_free_acl(allocator, w->parents_acl);
    docent_free(allocator, w->parent);
    if (w->own.client != NULL) docent_protected_free(&w->own);
}

static docent_status write_new(docent_client *client, const struct node_kind *kind, const char *path, bool sequential, const void *data,
                               size_t size, const struct node_limits *limits, docent_parents parents, docent_acl_list acl,
                               docent_acl_list parents_acl, docent_result_fn done, void *user, struct write_call **ret_write)
{
    struct node_call *call;

    if ((unsigned)parents > DOCENT_PARENTS_CONTAINER) return DOCENT_ERR_INVALID_ARGUMENT;
    docent_status status =
        docent_node_new(client, sizeof(struct write_call), kind, path, sequential, data, size, limits, done, user, &call);
    if (status != DOCENT_OK) return status;
    struct write_call *w = write_of(call);
    const docent_allocator *allocator = docent_client_allocator(client);
    w->makes_parents = parents != DOCENT_PARENTS_NONE;
    w->parent_mode = parents == DOCENT_PARENTS_CONTAINER ? DOCENT_CONTAINER : DOCENT_PERSISTENT;
    w->name = strrchr(call->path, '/') + 1;
    status = docent_node_copy_acl(allocator, acl, &w->acl);
    if (status == DOCENT_OK) status = docent_node_copy_acl(allocator, parents_acl, &w->parents_acl);
    if (status != DOCENT_OK) {
        docent_node_cancel(call);
        return status;
    }
    *ret_write = w;
    return DOCENT_OK;
}

static docent_status write_protect(struct write_call *w)
{
    struct node_call *call = &w->call;
    const docent_allocator *allocator = docent_client_allocator(call->machine.client);
    size_t parent_size = (size_t)(w->name - call->path - 1);

    if (w->name[0] == '\0' && !write_is_sequential(w->mode)) return DOCENT_ERR_INVALID_ARGUMENT; /* "/" */
    w->parent = docent_alloc(allocator, parent_size + 2);
    if (w->parent == NULL) return DOCENT_ERR_NO_MEMORY;
    memcpy(w->parent, call->path, parent_size == 0 ? 1 : parent_size);
    w->parent[parent_size == 0 ? 1 : parent_size] = '\0';
    w->own = (struct protected_node){
        .client = call->machine.client,
        .parent = w->parent,
        .sequential = write_is_sequential(w->mode),
        .ephemeral = write_is_ephemeral(w->mode),
    };
    docent_status status = docent_protected_init(&w->own, 3 + 36 + 1 + strlen(w->name) + 1);
    if (status != DOCENT_OK) return status;
    w->removal = (struct removal){ .path = w->own.path, .unique = true };
    w->protect = true;
    write_draw_name(w);
    return DOCENT_OK;
}

static const struct node_kind create_kind = {
    .name = "create",
    .ask = write_ask,
    .on_reply = write_on_reply,
    .on_expired = write_on_expired,
    .gives_up = write_gives_up,
    .free = write_free,
};

docent_status docent_create_node_async(docent_client *client, const char *path, const void *data, size_t size, docent_create_mode mode,
                                       const docent_create_node_options *options, docent_result_fn done, void *user)
{
    docent_create_node_options full = { DOCENT_CREATE_NODE_OPTIONS };
    if (options != NULL) {
        if (options->struct_size < sizeof options->struct_size) return DOCENT_ERR_INVALID_ARGUMENT;
        memcpy(&full, options, options->struct_size < sizeof full ? options->struct_size : sizeof full);
    }
    bool sequential = write_is_sequential(mode);
    bool has_ttl = mode == DOCENT_PERSISTENT_TTL || mode == DOCENT_PERSISTENT_SEQUENTIAL_TTL;
    if ((unsigned)mode > DOCENT_PERSISTENT_SEQUENTIAL_TTL || (unsigned)full.if_exists > DOCENT_IF_EXISTS_SET_VERSION) {
        return DOCENT_ERR_INVALID_ARGUMENT;
    }
    if (has_ttl ? full.ttl_ms < 1 || full.ttl_ms > DOCENT_TTL_MAX_MS : full.ttl_ms != 0) return DOCENT_ERR_INVALID_ARGUMENT;
    if (full.if_exists != DOCENT_IF_EXISTS_FAIL && (sequential || full.protect)) return DOCENT_ERR_INVALID_ARGUMENT;

    const struct node_limits limits = { full.timeout_ms, full.retry, full.offline };
    struct write_call *w;
    /* What is compared with the node's data later has to be what is sent. */
    if (client != NULL && data == NULL && size == 0) data = docent_client_default_data(client, &size);
    docent_status status = write_new(client, &create_kind, path, sequential, data, size, &limits, full.parents, full.acl, full.parents_acl,
                                     done, user, &w);
    if (status != DOCENT_OK) return status;
    w->state = WRITE_CREATING;
    w->mode = mode;
    w->ttl_ms = full.ttl_ms;
    w->creates = true;
    w->if_exists = full.if_exists;
    w->version = full.if_exists == DOCENT_IF_EXISTS_SET_VERSION ? full.version : DOCENT_ANY_VERSION;
    if (full.protect) status = write_protect(w);
    if (status != DOCENT_OK) {
        docent_node_cancel(&w->call);
        return status;
    }
    docent_node_start(&w->call, full.timeout_ms);
    return DOCENT_OK;
}

static const struct node_kind set_kind = {
    .name = "set",
    .ask = write_ask,
    .on_reply = write_on_reply,
    .free = write_free,
};

docent_status docent_set_node_async(docent_client *client, const char *path, const void *data, size_t size, int32_t version,
                                    const docent_set_node_options *options, docent_result_fn done, void *user)
{
    docent_set_node_options full = { DOCENT_SET_NODE_OPTIONS };
    if (options != NULL) {
        if (options->struct_size < sizeof options->struct_size) return DOCENT_ERR_INVALID_ARGUMENT;
        memcpy(&full, options, options->struct_size < sizeof full ? options->struct_size : sizeof full);
    }
    if (full.create && version != DOCENT_ANY_VERSION) return DOCENT_ERR_INVALID_ARGUMENT;

    const struct node_limits limits = { full.timeout_ms, full.retry, full.offline };
    struct write_call *w;
    docent_status status =
        write_new(client, &set_kind, path, false, data, size, &limits, full.parents, full.acl, full.parents_acl, done, user, &w);
    if (status != DOCENT_OK) return status;
    w->state = WRITE_SETTING;
    w->mode = DOCENT_PERSISTENT;
    w->creates = full.create;
    w->if_exists = DOCENT_IF_EXISTS_SET;
    w->same_is_good = full.idempotent && version != DOCENT_ANY_VERSION;
    w->version = version;
    docent_node_start(&w->call, full.timeout_ms);
    return DOCENT_OK;
}

static const struct node_kind ensure_kind = {
    .name = "ensure",
    .ask = write_ask,
    .on_reply = write_on_reply,
    .free = write_free,
};

docent_status docent_ensure_path_within(docent_client *client, const char *path, docent_parents parents, docent_acl_list acl,
                                        const struct node_limits *limits, docent_result_fn done, void *user)
{
    if (parents == DOCENT_PARENTS_NONE) return DOCENT_ERR_INVALID_ARGUMENT;
    struct write_call *w;
    docent_status status = write_new(client, &ensure_kind, path, false, NULL, 0, limits, parents, (docent_acl_list){ NULL, 0 }, acl, done,
                                     user, &w);
    if (status != DOCENT_OK) return status;
    w->state = WRITE_EXISTS;
    w->ensures = true;
    docent_node_start(&w->call, limits->timeout_ms);
    return DOCENT_OK;
}

docent_status docent_ensure_path_async(docent_client *client, const char *path, docent_parents parents, docent_acl_list acl,
                                       docent_result_fn done, void *user)
{
    const struct node_limits limits = { 0 };
    return docent_ensure_path_within(client, path, parents, acl, &limits, done, user);
}
