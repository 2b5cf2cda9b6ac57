/* recipes/node_protect.c - see node_write.h: creating under protection. */
#include <string.h>

#include "recipes/node_write.h"

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
        docent_write_go_round(w, WRITE_CREATING);
    }
}

/* There it is. */
static void write_has_own(struct write_call *w, const docent_result *result)
{
    if (w->call.told) {
        docent_write_go(w, WRITE_REMOVING);
        return;
    }
    w->call.result.path = w->own.path;
    docent_node_succeed(&w->call, result);
}

void docent_write_on_protected(struct write_call *w, const struct docent_event *ev)
{
    enum protected_answer answer = docent_protected_on_create(&w->own, ev);

    switch (answer) {
    case PROTECTED_MADE: write_has_own(w, ev->result); break;
    case PROTECTED_NO_PARENT: docent_write_parents_missing(w); break;
    case PROTECTED_LOST:
    case PROTECTED_UNSURE:
        docent_write_enter(w, WRITE_FINDING);
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
    uint64_t now = docent_client_now(client);

    if (docent_client_generation(client) == w->sent_generation) return true;
    if (docent_client_settled_since(client, w->sent_generation)) {
        w->final_ms = now;
    } else if (w->final_ms == 0) {
        w->final_ms = now + 2 * (uint64_t)docent_client_session_timeout_ms(client);
    }
    return now >= w->final_ms;
}

void docent_write_on_find(struct write_call *w, const struct docent_event *ev)
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

void docent_write_on_removal(struct write_call *w, const struct docent_event *ev)
{
    switch (docent_removal_on_reply(&w->removal, &w->call.machine, ev)) {
    case REMOVAL_GONE: docent_node_end(&w->call, DOCENT_OK); break;
    case REMOVAL_FAILED: docent_node_failed(&w->call, ev->status, ev->sent); break;
    case REMOVAL_GOING_ON:
    case REMOVAL_SEEN:
    case REMOVAL_VERSION: break; /* The name is unique, so that there is no look. */
    }
}

bool docent_write_gives_up(struct node_call *call, docent_status why)
{
    struct write_call *w = docent_write_of(call);

    (void)why;
    return w->protect && w->own.known != PROTECTED_NONE;
}

/* An ephemeral node went with the session. A new one has a new name: a create that is still on its way in the old one cannot be in it. */
void docent_write_on_expired(struct node_call *call)
{
    struct write_call *w = docent_write_of(call);

    if (!w->protect || !w->own.ephemeral || w->own.known == PROTECTED_NONE) return;
    docent_protected_forget(&w->own);
    if (call->told) {
        docent_node_end(call, DOCENT_ERR_SESSION_EXPIRED);
        return;
    }
    write_draw_name(w);
    docent_write_enter(w, WRITE_CREATING);
    if (!call->resting) docent_machine_next_turn(&call->machine);
}

docent_status docent_write_protect(struct write_call *w)
{
    struct node_call *call = &w->call;
    const docent_allocator *allocator = docent_client_allocator(call->machine.client);
    size_t parent_size = (size_t)(w->name - call->path - 1);

    if (w->name[0] == '\0' && !docent_mode_is_sequential(w->mode)) return DOCENT_ERR_INVALID_ARGUMENT; /* "/" */
    w->parent = docent_alloc(allocator, parent_size + 2);
    if (w->parent == NULL) return DOCENT_ERR_NO_MEMORY;
    memcpy(w->parent, call->path, parent_size == 0 ? 1 : parent_size);
    w->parent[parent_size == 0 ? 1 : parent_size] = '\0';
    w->own = (struct protected_node){
        .client = call->machine.client,
        .parent = w->parent,
        .sequential = docent_mode_is_sequential(w->mode),
        .ephemeral = docent_write_is_ephemeral(w->mode),
    };
    docent_status status = docent_protected_init(&w->own, 3 + 36 + 1 + strlen(w->name) + 1);
    if (status != DOCENT_OK) return status;
    w->removal = (struct removal){ .path = w->own.path, .unique = true };
    w->protect = true;
    write_draw_name(w);
    return DOCENT_OK;
}
