/* core/client/acl.c - access control lists, ready-made and made, and the digest identity. */
#include <stdlib.h>
#include <string.h>

#include <docent/acl.h>
#include <docent/client.h>

#include "core/client/machine.h"
#include "core/wire/digest.h"

static docent_acl_list acl_of(const docent_acl *entry)
{
    return (docent_acl_list){ entry, 1 };
}

docent_acl_list docent_acl_open(void)
{
    static const docent_acl entry = { DOCENT_PERM_ALL, "world", "anyone" };
    return acl_of(&entry);
}

docent_acl_list docent_acl_read_only(void)
{
    static const docent_acl entry = { DOCENT_PERM_READ, "world", "anyone" };
    return acl_of(&entry);
}

docent_acl_list docent_acl_creator_all(void)
{
    static const docent_acl entry = { DOCENT_PERM_ALL, "auth", "" };
    return acl_of(&entry);
}

docent_acl docent_acl_world(int32_t perms)
{
    return (docent_acl){ perms, "world", "anyone" };
}

docent_acl docent_acl_auth(int32_t perms)
{
    return (docent_acl){ perms, "auth", "" };
}

docent_acl docent_acl_digest(int32_t perms, const char *id)
{
    return (docent_acl){ perms, "digest", id };
}

docent_acl docent_acl_ip(int32_t perms, const char *address)
{
    return (docent_acl){ perms, "ip", address };
}

docent_acl docent_acl_x509(int32_t perms, const char *subject)
{
    return (docent_acl){ perms, "x509", subject };
}

/* ---- Lists. ---- */

static bool text_equal(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool has_all_of(docent_acl_list list, docent_acl_list of)
{
    for (size_t i = 0; i < of.count; i++) {
        const docent_acl *wanted = &of.entries[i];
        size_t k = 0;
        while (k < list.count && !(list.entries[k].perms == wanted->perms && text_equal(list.entries[k].scheme, wanted->scheme) &&
                                   text_equal(list.entries[k].id, wanted->id))) {
            k++;
        }
        if (k == list.count) return false;
    }
    return true;
}

bool docent_acl_equal(docent_acl_list a, docent_acl_list b)
{
    return has_all_of(a, b) && has_all_of(b, a);
}

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

void docent_acl_free(docent_acl_list list)
{
    free((void *)(uintptr_t)list.entries);
}

/* ---- The digest identity. ---- */

docent_status docent_digest_id(const char *user_password, char *text, size_t size)
{
    if (user_password == NULL || text == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    const char *colon = strchr(user_password, ':');
    if (colon == NULL) return DOCENT_ERR_INVALID_ARGUMENT;

    size_t user_size = (size_t)(colon - user_password) + 1;
    if (size < user_size + DIGEST_SIZE) return DOCENT_ERR_TOO_LARGE;
    memcpy(text, user_password, user_size);
    docent_digest(user_password, strlen(user_password), text + user_size);
    return DOCENT_OK;
}
