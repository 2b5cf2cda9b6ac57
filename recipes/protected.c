/* recipes/protected.c - see protected.h. */
#include "recipes/protected.h"

#include <string.h>

#include "recipes/trouble.h"

docent_status docent_protected_init(struct protected_node *node, size_t room)
{
    size_t parent_size = strcmp(node->parent, "/") == 0 ? 0 : strlen(node->parent);
    if (parent_size > INT32_MAX) return DOCENT_ERR_NO_MEMORY; /* As asking for it would say. */
    node->parent_size = (uint32_t)parent_size;
    node->path = docent_alloc(docent_client_allocator(node->client), node->parent_size + 1 + room + PROTECTED_SEQUENCE_MAX);
    if (node->path == NULL) return DOCENT_ERR_NO_MEMORY;
    memcpy(node->path, node->parent, node->parent_size);
    node->path[node->parent_size] = '/';
    node->known = PROTECTED_NONE;
    return DOCENT_OK;
}

void docent_protected_free(struct protected_node *node)
{
    docent_free(docent_client_allocator(node->client), node->path);
    node->path = NULL;
}

char *docent_protected_prefix(struct protected_node *node)
{
    return node->path + node->parent_size + 1;
}

void docent_protected_named(struct protected_node *node)
{
    node->prefix_size = (uint32_t)strlen(node->path);
}

void docent_protected_forget(struct protected_node *node)
{
    node->known = PROTECTED_NONE;
    node->path[node->prefix_size] = '\0';
}

bool docent_protected_take(struct protected_node *node, const char *name)
{
    size_t size = name == NULL ? 0 : strlen(name);
    size_t prefix_size = node->prefix_size - node->parent_size - 1;
    size_t number_size = size - prefix_size;

    if (size < prefix_size || memcmp(name, docent_protected_prefix(node), prefix_size) != 0) return false;
    if (node->sequential ? number_size == 0 || number_size > PROTECTED_SEQUENCE_MAX : number_size > 0) return false;
    memcpy(docent_protected_prefix(node), name, size + 1);
    return true;
}

void docent_protected_ask_create(struct protected_node *node, struct docent_machine *machine, const docent_op *create, int tag)
{
    node->known = PROTECTED_UNKNOWN;
    docent_ask(machine, create, tag);
}

static enum protected_answer protected_not_made(struct protected_node *node, enum protected_answer answer)
{
    docent_protected_forget(node);
    return answer;
}

enum protected_answer docent_protected_on_create(struct protected_node *node, const struct docent_event *ev)
{
    const docent_result *result = ev->result;

    if (ev->status == DOCENT_OK) {
        if (result->result_count > 0) result = &result->results[result->result_count - 1]; /* Of a transaction. */
        bool below = result->path != NULL && strncmp(result->path, node->path, node->parent_size + 1) == 0;
        if (!below || !docent_protected_take(node, result->path + node->parent_size + 1)) {
            docent_client_log(node->client, DOCENT_LOG_ERROR, "contender.name", node->path, "the server made another name of it");
            return PROTECTED_UNSURE;
        }
        node->known = PROTECTED_OURS;
        node->czxid = result->has_stat ? result->stat.czxid : result->zxid;
        node->generation = ev->generation;
        return PROTECTED_MADE;
    }
    if (ev->status == DOCENT_ERR_NO_NODE) return protected_not_made(node, PROTECTED_NO_PARENT);

    switch (docent_trouble(ev->status)) {
    case TROUBLE_LOST: return ev->sent ? PROTECTED_LOST : protected_not_made(node, PROTECTED_UNSENT);
    case TROUBLE_BUSY:
        /* No memory for the answer, which may have been that it was made? */
        if (ev->status == DOCENT_ERR_NO_MEMORY && ev->sent) return PROTECTED_UNSURE;
        return protected_not_made(node, PROTECTED_BUSY);
    case TROUBLE_REFUSED: return protected_not_made(node, PROTECTED_REFUSED);
    case TROUBLE_UNSURE: break;
    }
    return PROTECTED_UNSURE;
}

void docent_protected_ask_find(struct protected_node *node, struct docent_machine *machine)
{
    docent_op sync = docent_op_sync(node->parent);

    docent_ask(machine, &sync, TAG_PROTECTED_SYNC);
}

static enum protected_found protected_on_list(struct protected_node *node, struct docent_machine *machine, const docent_result *result)
{
    node->path[node->prefix_size] = '\0';
    for (size_t i = 0; i < result->name_count; i++) {
        if (docent_protected_take(node, result->names[i])) {
            docent_op exists = docent_op_exists(node->path);
            docent_ask(machine, &exists, TAG_PROTECTED_OWN);
            return PROTECTED_SEARCHING;
        }
    }
    return PROTECTED_NOT_THERE;
}

static enum protected_found protected_on_own(struct protected_node *node, const struct docent_event *ev)
{
    if (node->ephemeral && ev->result->stat.ephemeral_owner != docent_client_session(node->client, NULL)) return PROTECTED_FOREIGN;
    node->known = PROTECTED_OURS;
    node->czxid = ev->result->stat.czxid;
    node->generation = ev->generation;
    return PROTECTED_FOUND;
}

enum protected_found docent_protected_on_find(struct protected_node *node, struct docent_machine *machine, const struct docent_event *ev)
{
    if (ev->status != DOCENT_OK && ev->status != DOCENT_ERR_NO_NODE) return PROTECTED_FAILED;

    switch (ev->tag) {
    case TAG_PROTECTED_SYNC: {
        docent_op list = docent_op_children(node->parent);
        docent_ask(machine, &list, TAG_PROTECTED_LIST);
        return PROTECTED_SEARCHING;
    }
    case TAG_PROTECTED_LIST:
        return ev->status == DOCENT_OK ? protected_on_list(node, machine, ev->result) : PROTECTED_NOT_THERE;
    case TAG_PROTECTED_OWN:
        return ev->status == DOCENT_OK ? protected_on_own(node, ev) : PROTECTED_NOT_THERE;
    default:
        return PROTECTED_SEARCHING; /* Not an answer to this. */
    }
}
