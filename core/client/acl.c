/* core/client/acl.c - ready-made access control lists, and the digest identity. */
#include <sha1.h>
#include <string.h>

#include <docent/client.h>
#include <docent/types.h>

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

static void base64(const uint8_t *data, size_t size, char *text)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < size; i += 3) {
        uint32_t bits = (uint32_t)data[i] << 16;
        if (i + 1 < size) bits |= (uint32_t)data[i + 1] << 8;
        if (i + 2 < size) bits |= data[i + 2];
        *text++ = digits[bits >> 18];
        *text++ = digits[bits >> 12 & 63];
        *text++ = i + 1 < size ? digits[bits >> 6 & 63] : '=';
        *text++ = i + 2 < size ? digits[bits & 63] : '=';
    }
    *text = '\0';
}

docent_status docent_digest_id(const char *user_password, char *text, size_t size)
{
    if (user_password == NULL || text == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    const char *colon = strchr(user_password, ':');
    if (colon == NULL) return DOCENT_ERR_INVALID_ARGUMENT;

    uint8_t digest[SHA1_DIGEST_LENGTH];
    SHA1_CTX context;
    SHA1Init(&context);
    SHA1Update(&context, (const uint8_t *)user_password, strlen(user_password));
    SHA1Final(digest, &context);

    size_t user_size = (size_t)(colon - user_password) + 1;
    size_t digest_size = (sizeof digest + 2) / 3 * 4;
    if (size < user_size + digest_size + 1) return DOCENT_ERR_TOO_LARGE;
    memcpy(text, user_password, user_size);
    base64(digest, sizeof digest, text + user_size);
    return DOCENT_OK;
}
