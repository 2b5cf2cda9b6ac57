/* core/client/ensemble.c - dynamic configurations taken apart: what a server says of itself and the others.
 *
 *     server.1=10.0.0.1:2888:3888:participant;0.0.0.0:2181
 *     version=100000005
 *
 * In between there may be several addresses ("host:port:port|host:port:port"), no role, no client address, a second one for TLS,
 * IPv6 addresses in brackets, and lines about groups and weights. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <docent/ensemble.h>

#include "core/client/internal.h"

/* All of it is one block: this, the members, their addresses for sorting, the text taken apart, these addresses, the connect string. */
struct ensemble_block {
    docent_ensemble ensemble;
    docent_member *members;
    char **texts; /* "host:port", one for each member at most. */
    char *text_end;
    char *connect_string;
};

enum { SERVER_EXTRA = sizeof "[]:65535" }; /* Beside the host, and a comma or the end. */

static bool read_number(const char *text, uint64_t max, uint64_t *ret_number)
{
    uint64_t number = 0;
    if (text[0] == '\0') return false;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9') return false;
        uint64_t digit = (uint64_t)(*text - '0');
        if (number > (max - digit) / 10) return false;
        number = number * 10 + digit;
    }
    *ret_number = number;
    return true;
}

static bool read_port(const char *text, uint16_t *ret_port)
{
    uint64_t number;
    if (!read_number(text, UINT16_MAX, &number) || number == 0) return false;
    *ret_port = (uint16_t)number;
    return true;
}

static bool read_version(const char *text, int64_t *ret_version)
{
    uint64_t version = 0;
    size_t length = strlen(text);
    if (length == 0 || length > 16) return false;
    for (; *text != '\0'; text++) {
        static const char digits[] = "0123456789abcdef";
        const char *digit = strchr(digits, *text >= 'A' && *text <= 'F' ? *text + ('a' - 'A') : *text);
        if (digit == NULL) return false;
        version = version << 4 | (uint64_t)(digit - digits);
    }
    *ret_version = (int64_t)version;
    return true;
}

/* Cuts the text at @mark; what is behind it, or NULL. */
static char *cut(char *text, char mark)
{
    char *at = strchr(text, mark);
    if (at == NULL) return NULL;
    *at = '\0';
    return at + 1;
}

/* "host:rest" or "[host]:rest". NULL: it is neither. */
static char *cut_host(char *text, const char **ret_host)
{
    char *rest;
    if (text[0] == '[') {
        *ret_host = text + 1;
        rest = cut(text + 1, ']');
        if (rest == NULL || *rest++ != ':') return NULL;
    } else {
        *ret_host = text;
        rest = cut(text, ':');
    }
    return rest == NULL || (*ret_host)[0] == '\0' ? NULL : rest;
}

static bool is_any_address(const char *host)
{
    return strcmp(host, "0.0.0.0") == 0 || (strchr(host, ':') != NULL && strspn(host, ":0") == strlen(host));
}

/* Where servers listen on all of their addresses, the one by which the others know them is as good; unless that says nothing either. */
static bool read_client_address(char *text, docent_member *member)
{
    const char *host = NULL;
    char *port = text;
    if (strchr(text, ':') != NULL && (port = cut_host(text, &host)) == NULL) return false;
    if (!read_port(port, &member->client_port)) return false;
    if (host == NULL || is_any_address(host)) host = member->host;
    if (!is_any_address(host)) member->client_host = host;
    return true;
}

/* "1=host:port:port:role;host:port". */
static bool read_member(char *text, docent_member *member)
{
    char *rest = cut(text, '=');
    if (rest == NULL || !read_number(text, INT64_MAX, &member->number)) return false;
    char *client = cut(rest, ';');
    if (client != NULL) (void)cut(client, ';');
    char *role = strrchr(rest, ':');
    if (role != NULL && strcasecmp(role, ":observer") == 0) {
        member->role = DOCENT_OBSERVER;
        *role = '\0';
    } else if (role != NULL && strcasecmp(role, ":participant") == 0) {
        *role = '\0';
    }
    (void)cut(rest, '|');
    char *quorum = cut_host(rest, &member->host);
    char *election = quorum == NULL ? NULL : cut(quorum, ':');
    if (election == NULL || !read_port(quorum, &member->quorum_port) || !read_port(election, &member->election_port)) return false;
    return client == NULL || client[0] == '\0' || read_client_address(client, member);
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Sorted by text, as Curator does it, so that the order of lines is no difference. */
static void write_connect_string(struct ensemble_block *block)
{
    const docent_ensemble *ensemble = &block->ensemble;
    char *at = block->text_end, *to = block->connect_string;
    size_t count = 0;
    for (size_t i = 0; i < ensemble->member_count; i++) {
        const docent_member *member = &ensemble->members[i];
        if (member->client_host == NULL) continue;
        const char *format = strchr(member->client_host, ':') != NULL ? "[%s]:%u" : "%s:%u";
        block->texts[count++] = at;
        at += sprintf(at, format, member->client_host, member->client_port) + 1;
    }
    if (count > 0) qsort(block->texts, count, sizeof *block->texts, compare_texts);
    for (size_t i = 0; i < count; i++) {
        to += sprintf(to, i > 0 ? ",%s" : "%s", block->texts[i]);
    }
}

static bool starts_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

static bool read_line(char *line, struct ensemble_block *block)
{
    size_t length = strlen(line);
    if (length > 0 && line[length - 1] == '\r') line[length - 1] = '\0';
    if (starts_with(line, "version=")) return read_version(line + strlen("version="), &block->ensemble.version);
    if (!starts_with(line, "server.")) return true;
    return read_member(line + strlen("server."), &block->members[block->ensemble.member_count++]);
}

/* As many members as there can be: lines that begin so. */
static size_t count_members(const char *text, size_t size)
{
    static const char prefix[] = "server.";
    const size_t length = sizeof prefix - 1;
    size_t count = 0;
    for (size_t i = 0; i + length <= size; i++) {
        count += (i == 0 || text[i - 1] == '\n') && memcmp(text + i, prefix, length) == 0;
    }
    return count;
}

docent_status docent_ensemble_read(const docent_allocator *allocator, const void *text, size_t size, docent_ensemble **ret_ensemble)
{
    if ((text == NULL && size > 0) || size > INT32_MAX || ret_ensemble == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    if (size > 0 && memchr(text, '\0', size) != NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    size_t members = size == 0 ? 0 : count_members(text, size);
    /* Of each line one host at most is written out, twice, and one host is no longer than its line. */
    size_t written = size + members * SERVER_EXTRA + 1;
    size_t arrays = members * (sizeof(docent_member) + sizeof(char *));
    struct ensemble_block *block = docent_alloc(allocator, sizeof *block + arrays + size + 1 + 2 * written);
    if (block == NULL) return DOCENT_ERR_NO_MEMORY;
    memset(block, 0, sizeof *block + arrays);
    block->members = (docent_member *)(block + 1);
    block->texts = (char **)(block->members + members);
    char *line = (char *)(block->texts + members);
    block->text_end = line + size + 1;
    block->connect_string = block->text_end + written;
    block->connect_string[0] = '\0';
    if (size > 0) memcpy(line, text, size);
    line[size] = '\0';
    block->ensemble.struct_size = sizeof block->ensemble;
    block->ensemble.members = block->members;
    block->ensemble.connect_string = block->connect_string;

    bool good = true;
    for (char *next; line != NULL && good; line = next) {
        next = cut(line, '\n');
        good = read_line(line, block);
    }
    if (!good) {
        docent_free(allocator, block);
        return DOCENT_ERR_INVALID_ARGUMENT;
    }
    write_connect_string(block);
    *ret_ensemble = &block->ensemble;
    return DOCENT_OK;
}

docent_status docent_ensemble_parse(const void *text, size_t size, docent_ensemble **ret_ensemble)
{
    return docent_ensemble_read(NULL, text, size, ret_ensemble);
}

void docent_ensemble_free(docent_ensemble *ensemble)
{
    docent_free(NULL, ensemble); /* The first of its block. */
}
