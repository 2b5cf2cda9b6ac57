/* core/client/acl_copy.c - copies of access control lists, each in one block with all it refers to. */
#include <stdlib.h>
#include <string.h>

#include <docent/acl.h>

#include "core/client/machine.h"

static const char *text_copy(char **at, const char *text)
{
    if (text == NULL) return NULL;
    size_t size = strlen(text) + 1;
    char *copy = memcpy(*at, text, size);
    *at += size;
    return copy;
}

size_t docent_acl_copy_size(docent_acl_list list)
{
    if (list.count > SIZE_MAX / 2 / sizeof *list.entries) return SIZE_MAX;
    size_t size = list.count * sizeof *list.entries; /* The texts exist, so they cannot overflow the rest. */
    for (size_t i = 0; i < list.count; i++) {
        if (list.entries[i].scheme != NULL) size += strlen(list.entries[i].scheme) + 1;
        if (list.entries[i].id != NULL) size += strlen(list.entries[i].id) + 1;
    }
    return size;
}

docent_acl_list docent_acl_copy_into(docent_acl_list list, void *block)
{
    docent_acl *entries = block;
    char *texts = (char *)(entries + list.count);
    for (size_t i = 0; i < list.count; i++) {
        const char *scheme = text_copy(&texts, list.entries[i].scheme);
        entries[i] = (docent_acl){ list.entries[i].perms, scheme, text_copy(&texts, list.entries[i].id) };
    }
    return (docent_acl_list){ entries, list.count };
}

docent_status docent_acl_copy(docent_acl_list list, docent_acl_list *ret_list)
{
    if (ret_list == NULL || (list.entries == NULL && list.count > 0)) return DOCENT_ERR_INVALID_ARGUMENT;
    if (list.count == 0) {
        *ret_list = (docent_acl_list){ NULL, 0 };
        return DOCENT_OK;
    }
    size_t size = docent_acl_copy_size(list);
    void *block = size > PTRDIFF_MAX ? NULL : malloc(size);
    if (block == NULL) return DOCENT_ERR_NO_MEMORY;
    *ret_list = docent_acl_copy_into(list, block);
    return DOCENT_OK;
}

docent_status docent_acl_keep(const docent_allocator *allocator, docent_acl_list list, docent_acl_list *ret_list)
{
    *ret_list = (docent_acl_list){ NULL, 0 };
    if (list.count == 0) return DOCENT_OK;
    if (list.entries == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    for (size_t i = 0; i < list.count; i++) {
        if (list.entries[i].scheme == NULL || list.entries[i].id == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    }
    size_t size = docent_acl_copy_size(list);
    void *block = size > PTRDIFF_MAX ? NULL : docent_alloc(allocator, size);
    if (block == NULL) return DOCENT_ERR_NO_MEMORY;
    *ret_list = docent_acl_copy_into(list, block);
    return DOCENT_OK;
}

void docent_acl_drop(const docent_allocator *allocator, docent_acl_list list)
{
    docent_free(allocator, (void *)(uintptr_t)list.entries);
}

void docent_acl_free(docent_acl_list list)
{
    free((void *)(uintptr_t)list.entries);
}
