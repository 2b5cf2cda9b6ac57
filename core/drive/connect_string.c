/* core/drive/connect_string.c - see connect_string.h. */
#include "core/drive/connect_string.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <docent/client.h>

#include "core/client/machine.h"

enum { DEFAULT_PORT = 2181 };

static docent_status wrong(char *fault, size_t size, const char *what, const char *part, size_t part_size)
{
    if (fault != NULL && size > 0) snprintf(fault, size, "%s: \"%.*s\"", what, (int)(part_size > 200 ? 200 : part_size), part);
    return DOCENT_ERR_INVALID_ARGUMENT;
}

/* An IPv4 or IPv6 address with optional scope, or a name. */
static bool host_resolve(struct connect_host *host, bool bracketed)
{
    host->address.port = host->port;
    if (!bracketed && inet_pton(AF_INET, host->name, host->address.ip) == 1) {
        host->address.family = 4;
        host->numeric = true;
        return true;
    }
    if (!bracketed) return true;
    char *scope = strchr(host->name, '%');
    if (scope != NULL) {
        char *end;
        unsigned long number = strtoul(scope + 1, &end, 10);
        if (scope[1] == '\0' || *end != '\0') number = if_nametoindex(scope + 1);
        if (number == 0 || number > UINT32_MAX) return false;
        host->address.scope = (uint32_t)number;
        *scope = '\0';
    }
    host->address.family = 6;
    host->numeric = true;
    return inet_pton(AF_INET6, host->name, host->address.ip) == 1;
}

static bool name_is_good(const char *name, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)name[i];
        bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
        if (!good) return false;
    }
    return size > 0;
}

static docent_status host_parse(const char *part, size_t size, struct connect_host *host, char *fault, size_t fault_size)
{
    const char *name = part, *rest;
    size_t name_size;
    bool bracketed = size > 0 && part[0] == '[';
    memset(host, 0, sizeof *host);
    host->port = DEFAULT_PORT;
    if (size == 0) return wrong(fault, fault_size, "an empty server", part, size);
    if (bracketed) {
        const char *close = memchr(part, ']', size);
        if (close == NULL) return wrong(fault, fault_size, "no ']' in", part, size);
        name = part + 1;
        name_size = (size_t)(close - name);
        rest = close + 1;
    } else {
        const char *colon = memchr(part, ':', size);
        if (colon != NULL && memchr(colon + 1, ':', size - (size_t)(colon + 1 - part)) != NULL) {
            return wrong(fault, fault_size, "an IPv6 address needs brackets", part, size);
        }
        rest = colon == NULL ? part + size : colon;
        name_size = (size_t)(rest - part);
    }
    if (name_size == 0) return wrong(fault, fault_size, "no host in", part, size);
    if (name_size >= sizeof host->name) return wrong(fault, fault_size, "too long a host name", part, size);
    if (!bracketed && !name_is_good(name, name_size)) return wrong(fault, fault_size, "not a host name", name, name_size);
    memcpy(host->name, name, name_size);

    size_t rest_size = size - (size_t)(rest - part);
    if (rest_size > 0) {
        unsigned long port = 0;
        if (rest[0] != ':' || rest_size == 1 || rest_size > 6) return wrong(fault, fault_size, "not a port", rest, rest_size);
        for (size_t i = 1; i < rest_size; i++) {
            if (rest[i] < '0' || rest[i] > '9') return wrong(fault, fault_size, "not a port", rest, rest_size);
            port = port * 10 + (unsigned long)(rest[i] - '0');
        }
        if (port == 0 || port > 65535) return wrong(fault, fault_size, "not a port", rest, rest_size);
        host->port = (uint16_t)port;
    }
    if (!host_resolve(host, bracketed)) return wrong(fault, fault_size, "not an IPv6 address", name, name_size);
    return DOCENT_OK;
}

docent_status docent_connect_parse(const char *text, struct connect_string *string, char *fault, size_t fault_size)
{
    memset(string, 0, sizeof *string);
    if (text == NULL || text[0] == '\0') return wrong(fault, fault_size, "an empty connect string", "", 0);
    const char *slash = strchr(text, '/');
    size_t servers_size = slash == NULL ? strlen(text) : (size_t)(slash - text);
    if (slash != NULL && strcmp(slash, "/") != 0) {
        const char *what = docent_path_fault(slash, false);
        if (what != NULL) return wrong(fault, fault_size, what, slash, strlen(slash));
    }
    size_t count = 1;
    for (size_t i = 0; i < servers_size; i++) count += text[i] == ',';
    if (count > CONNECT_HOSTS_MAX) return wrong(fault, fault_size, "too many servers", text, servers_size);
    string->hosts = calloc(count, sizeof *string->hosts);
    string->chroot = strdup(slash == NULL || slash[1] == '\0' ? "" : slash);
    docent_status status = string->hosts == NULL || string->chroot == NULL ? DOCENT_ERR_NO_MEMORY : DOCENT_OK;
    const char *part = text;
    while (status == DOCENT_OK && string->count < count) {
        const char *comma = memchr(part, ',', servers_size - (size_t)(part - text));
        size_t size = comma == NULL ? servers_size - (size_t)(part - text) : (size_t)(comma - part);
        status = host_parse(part, size, &string->hosts[string->count++], fault, fault_size);
        part += size + 1;
    }
    if (status != DOCENT_OK) docent_connect_free(string);
    return status;
}

static bool has_host(const struct connect_string *string, const struct connect_host *host)
{
    for (size_t i = 0; i < string->count; i++) {
        const struct connect_host *other = &string->hosts[i];
        if (other->port == host->port && other->address.scope == host->address.scope && strcasecmp(other->name, host->name) == 0) return true;
    }
    return false;
}

bool docent_connect_same_hosts(const struct connect_string *a, const struct connect_string *b)
{
    for (size_t i = 0; i < a->count; i++) {
        if (!has_host(b, &a->hosts[i])) return false;
    }
    for (size_t i = 0; i < b->count; i++) {
        if (!has_host(a, &b->hosts[i])) return false;
    }
    return true;
}

void docent_connect_free(struct connect_string *string)
{
    free(string->hosts);
    free(string->chroot);
    memset(string, 0, sizeof *string);
}

docent_status docent_connect_string_check(const char *servers, char *text, size_t size)
{
    struct connect_string string;
    docent_status status = docent_connect_parse(servers, &string, text, size);
    if (status == DOCENT_OK) docent_connect_free(&string);
    return status;
}
