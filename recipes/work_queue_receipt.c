/* recipes/work_queue_receipt.c - see work_queue_receipt.h. */
#include "recipes/work_queue_receipt.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { UUID_SIZE = 36 };

docent_status docent_receipt_fill(struct receipt *r, const docent_allocator *allocator, const char *directory)
{
    if (directory == NULL) return DOCENT_OK;
    r->uuid = strlen(directory) + 1;
    r->path = docent_alloc(allocator, r->uuid + UUID_SIZE + 1);
    if (r->path == NULL) return DOCENT_ERR_NO_MEMORY;
    memcpy(r->path, directory, r->uuid - 1);
    r->path[r->uuid - 1] = '/';
    return DOCENT_OK;
}

void docent_receipt_free(struct receipt *r, const docent_allocator *allocator)
{
    docent_free(allocator, r->path);
}

void docent_receipt_name(struct receipt *r, docent_client *client)
{
    char uuid[UUID_SIZE + 1];
    docent_client_uuid(client, uuid);
    memcpy(r->path + r->uuid, uuid, sizeof uuid);
    r->there = r->sent = r->doubt = false;
    r->version = 0;
}

docent_op docent_receipt_sign(struct receipt *r, docent_acl_list acl)
{
    docent_op create = docent_op_create(r->path, "", 0, DOCENT_EPHEMERAL);
    create.acl = acl;
    r->sent = true;
    return create;
}

docent_op docent_receipt_stamp(struct receipt *r)
{
    int size = snprintf(r->number, sizeof r->number, "%" PRIu64, ++r->batch);
    return docent_op_set(r->path, r->number, (size_t)size, r->version);
}

bool docent_receipt_says_so(struct receipt *r, const docent_result *node)
{
    size_t size = strlen(r->number);
    bool applied = node->size == size && memcmp(node->data, r->number, size) == 0;
    r->version = applied ? node->stat.version - 1 : node->stat.version;
    return applied;
}
