/* core/client/versions.c - the versions of servers: asked by a probe beside the connection, kept by address. */
#include <string.h>

#include "core/client/internal.h"

static struct server_version *version_find(const struct docent_core *c, const struct docent_address *address)
{
    for (size_t i = 0; i < c->version_count; i++) {
        if (docent_address_equal(&c->versions[i].address, address)) return &c->versions[i];
    }
    return NULL;
}

static void version_set(struct docent_core *c, const struct docent_address *address, uint32_t version)
{
    struct server_version *known = version_find(c, address);
    if (known == NULL) {
        struct server_version *more = docent_alloc_array(&c->allocator, c->version_count + 1, sizeof *more);
        if (more == NULL) return; /* It is asked again on the next connection. */
        if (c->version_count > 0) memcpy(more, c->versions, c->version_count * sizeof *more);
        docent_free(&c->allocator, c->versions);
        c->versions = more;
        known = &more[c->version_count++];
        known->address = *address;
    }
    known->version = version;
}

uint32_t docent_client_version_known(const struct docent_core *c)
{
    const struct server_version *known = version_find(c, &c->session.link.address);
    return known == NULL ? 0 : known->version;
}

void docent_client_too_old(struct docent_core *c, uint32_t version)
{
    version_set(c, &c->session.link.address, version - 1);
}

bool docent_core_wants_probe(const docent_client *client, struct docent_address *ret_address)
{
    const struct docent_core *c = client->core;
    if (c->options.no_probe || c->closing || !c->session.link.wanted) return false;
    if (version_find(c, &c->session.link.address) != NULL) return docent_session_wants_search(&c->session, ret_address);
    *ret_address = c->session.link.address;
    return true;
}

/* "Zookeeper version: 3.8.0-5a02a05eddb59aee6ac762f7ea82e92a68eb9c0f, built on ..." */
static uint32_t version_parse(const char *text, size_t size)
{
    static const char prefix[] = "version: ";
    uint32_t parts[3] = { 0, 0, 0 };
    size_t at = 0;
    while (at + sizeof prefix - 1 <= size && memcmp(text + at, prefix, sizeof prefix - 1) != 0) at++;
    at += sizeof prefix - 1;
    for (int part = 0; part < 3; part++) {
        size_t begin = at;
        while (at < size && text[at] >= '0' && text[at] <= '9' && parts[part] < 100) {
            parts[part] = parts[part] * 10 + (uint32_t)(text[at++] - '0');
        }
        if (at == begin || parts[part] >= 100) return 0;
        if (part < 2 && (at >= size || text[at++] != '.')) return 0;
    }
    return parts[0] * 10000 + parts[1] * 100 + parts[2];
}

/* "Mode: leader", or "follower", "observer", "standalone"; or "read-only", or nothing while there is no quorum. */
static bool mode_writes(const char *text, size_t size)
{
    static const char prefix[] = "Mode: ", read_only[] = "read-only";
    size_t at = 0, length = sizeof prefix - 1, read_only_length = sizeof read_only - 1;
    while (at + length < size && memcmp(text + at, prefix, length) != 0) at++;
    at += length;
    return at < size && (size - at < read_only_length || memcmp(text + at, read_only, read_only_length) != 0);
}

void docent_core_probed(docent_client *client, uint64_t now, const struct docent_address *address, const char *text, size_t size)
{
    struct docent_core *c = client->core;
    docent_turn_begin(c, now);
    uint32_t version = size == 0 ? 0 : version_parse(text, size);
    /* Of the connected server it is as good as known that it does not tell; one that was searched may only have been down. */
    if (version != 0 || docent_address_equal(address, &c->session.link.address)) version_set(c, address, version);
    docent_session_restore(&c->session, c->now);
    docent_session_searched(&c->session, c->now, address, size > 0 && mode_writes(text, size));
    docent_turn_end(c);
}

const char *docent_client_server(const docent_client *client, uint32_t *ret_version)
{
    const struct docent_core *c = client == NULL ? NULL : client->core;
    bool connected = c != NULL && docent_core_is_here(c) && c->session.state == SESSION_ONLINE;
    if (ret_version != NULL) *ret_version = connected ? docent_client_version_known(c) : 0;
    if (!connected) return "";
    return docent_address_text(&c->session.link.address, client->core->server_text);
}
