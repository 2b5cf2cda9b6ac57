/* core/client/acl_check.c - what a server would refuse in an access control list, said before it does. The rules are those by which
 * Apache ZooKeeper judges the ids of its own schemes; a hash is looked at more closely, because a password in its place is a
 * mistake that nobody notices until it matters. */
#include <stdio.h>
#include <string.h>

#include <docent/acl.h>

enum { HASH_MIN = 24 }; /* MD5's 16 bytes in base64: the shortest that a server can be told to use. */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_hex(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* A number of at most @max without leading zeros. Returns what follows it, or NULL. */
static const char *number_skip(const char *at, int max)
{
    int number = 0;
    if (!is_digit(*at) || (at[0] == '0' && is_digit(at[1]))) return NULL;
    while (is_digit(*at)) {
        number = number * 10 + (*at++ - '0');
        if (number > max) return NULL;
    }
    return at;
}

/* "10.1.2.3". Returns what follows it, or NULL. */
static const char *ip4_skip(const char *at)
{
    for (int i = 0; i < 4 && at != NULL; i++) {
        if (i > 0 && *at++ != '.') return NULL;
        at = number_skip(at, 255);
    }
    return at;
}

/* Eight groups of hexadecimal digits, the last two perhaps as IPv4; "::" once stands for some groups of zero. */
static const char *ip6_skip(const char *at)
{
    int groups = 0;
    bool shortened = false;
    if (at[0] == ':' && at[1] != ':') return NULL;
    while (groups < 8) {
        if (at[0] == ':' && at[1] == ':') {
            if (shortened) return NULL;
            shortened = true;
            at += 2;
            if (!is_hex(*at)) break; /* It ends in "::". */
        } else if (groups > 0) {
            if (*at != ':') break;
            at++;
        }
        const char *end = at;
        while (is_hex(*end)) end++;
        if (*end == '.') {
            at = ip4_skip(at);
            groups += 2;
            break;
        }
        if (end == at || end - at > 4) return NULL;
        at = end;
        groups++;
    }
    return (shortened ? groups < 8 : groups == 8) ? at : NULL;
}

static bool ip_is_good(const char *id)
{
    bool six = strchr(id, ':') != NULL;
    const char *end = six ? ip6_skip(id) : ip4_skip(id);
    if (end != NULL && *end == '/') end = number_skip(end + 1, six ? 128 : 32);
    return end != NULL && *end == '\0';
}

/* "user:hash", the hash in base64. */
static bool digest_is_good(const char *id)
{
    const char *colon = strchr(id, ':');
    if (colon == NULL) return false;
    size_t size = 0, padding = 0;
    for (const char *c = colon + 1; *c != '\0'; c++, size++) {
        if (*c == '=') {
            padding++;
        } else if (padding > 0 || !(is_letter(*c) || is_digit(*c) || *c == '+' || *c == '/')) {
            return false;
        }
    }
    return size >= HASH_MIN && size % 4 == 0 && padding <= 2;
}

/* "CN=client1,O=acme", RFC 2253: attributes separated by ',' or '+'. In a value '\' takes the next character's meaning from it, and
 * so does a pair of quotes for what is between. Returns the character after one attribute, or NULL. */
static const char *attribute_skip(const char *at)
{
    while (*at == ' ') at++;
    const char *type = at;
    while (is_letter(*at) || is_digit(*at) || *at == '.' || *at == '-') at++;
    if (at == type || *at++ != '=') return NULL;
    bool quoted = false;
    for (; *at != '\0' && (quoted || (*at != ',' && *at != '+')); at++) {
        if (*at == '"') quoted = !quoted;
        if (*at == '\\' && *++at == '\0') return NULL;
    }
    return quoted ? NULL : at;
}

static bool subject_is_good(const char *id)
{
    const char *at = attribute_skip(id);
    while (at != NULL && *at != '\0') at = attribute_skip(at + 1);
    return at != NULL;
}

/* NULL: nothing is wrong with it. */
static const char *entry_fault(const docent_acl *entry)
{
    const char *scheme = entry->scheme, *id = entry->id;
    if (scheme == NULL || scheme[0] == '\0') return "no scheme";
    if (id == NULL) return "no id";
    if ((entry->perms & ~DOCENT_PERM_ALL) != 0) return "permissions that do not exist";
    if (strpbrk(scheme, ":,") != NULL) return "a colon or a comma in the scheme";
    if (strcmp(scheme, "world") == 0) return strcmp(id, "anyone") == 0 ? NULL : "the world's only id is \"anyone\"";
    if (strcmp(scheme, "digest") == 0) return digest_is_good(id) ? NULL : "not a user and the hash made by docent_digest_id()";
    if (strcmp(scheme, "ip") == 0) return ip_is_good(id) ? NULL : "not an IP address, nor one with a number of bits";
    if (strcmp(scheme, "x509") == 0) return subject_is_good(id) ? NULL : "not a distinguished name, such as CN=client,O=acme";
    if (strcmp(scheme, "super") == 0) return "super users pass every check and cannot be named";
    if (strcmp(scheme, "sasl") == 0) return id[0] != '\0' ? NULL : "no id";
    return NULL;
}

docent_status docent_acl_check(docent_acl_list list, char *text, size_t size)
{
    const char *fault = list.count == 0 || list.entries == NULL ? "no entries" : NULL;
    size_t i = 0;
    while (fault == NULL && i < list.count) fault = entry_fault(&list.entries[i++]);
    if (fault == NULL) return DOCENT_OK;
    if (text == NULL || size == 0) return DOCENT_ERR_INVALID_ARGUMENT;
    if (i == 0) {
        snprintf(text, size, "%s", fault);
    } else { /* Never the id of a digest: it may be a password. */
        const docent_acl *entry = &list.entries[i - 1];
        bool secret = entry->scheme != NULL && strcmp(entry->scheme, "digest") == 0;
        bool shown = entry->id != NULL && !secret;
        snprintf(text, size, "entry %zu, %.50s%s%.200s: %s", i, entry->scheme != NULL ? entry->scheme : "", shown ? ":" : "",
                 shown ? entry->id : "", fault);
    }
    return DOCENT_ERR_INVALID_ARGUMENT;
}
