/* core/client/acl.c - access control lists, ready-made and made, and the digest identity. */
#include <string.h>

#include <docent/acl.h>
#include <docent/client.h>

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

/* ---- Comparing. ---- */

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
