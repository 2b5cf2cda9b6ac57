/* src/acl.c - see acl.h. */
#include "acl.h"

#include <string.h>

#include <docent/client.h>

#include "text.h"

/* "10.0.0.0/8" against a dotted quad. */
static bool parse_ip(const char *text, size_t size, uint32_t *ret_ip, unsigned *ret_bits)
{
    uint32_t ip = 0;
    size_t at = 0;
    for (int part = 0; part < 4; part++) {
        uint32_t value = 0;
        size_t begin = at;
        while (at < size && text[at] >= '0' && text[at] <= '9' && value <= 255) value = value * 10 + (uint32_t)(text[at++] - '0');
        if (at == begin || value > 255) return false;
        ip = ip << 8 | value;
        if (part < 3 && (at >= size || text[at++] != '.')) return false;
    }
    unsigned bits = 32;
    if (at < size) {
        if (text[at++] != '/' || at == size) return false;
        bits = 0;
        while (at < size && text[at] >= '0' && text[at] <= '9' && bits <= 32) bits = bits * 10 + (unsigned)(text[at++] - '0');
        if (at != size || bits > 32) return false;
    }
    *ret_ip = ip;
    *ret_bits = bits;
    return true;
}

static bool ip_matches(wire_bytes acl, wire_bytes credential)
{
    uint32_t want, have;
    unsigned bits, all;
    if (!parse_ip((const char *)acl.data, (size_t)acl.size, &want, &bits)) return false;
    if (!parse_ip((const char *)credential.data, (size_t)credential.size, &have, &all)) return false;
    uint32_t mask = bits == 0 ? 0 : UINT32_MAX << (32 - bits);
    return (want & mask) == (have & mask);
}

/* "auth" is not among them: what stands beside it is nobody's, and kazoo sends a null. */
static bool acl_scheme_reads_id(wire_bytes scheme)
{
    return text_is(scheme, "world") || text_is(scheme, "digest") || text_is(scheme, "ip");
}

static bool acl_id_is_good(wire_bytes scheme, wire_bytes id)
{
    if (text_is(scheme, "world")) return text_is(id, "anyone");
    if (text_is(scheme, "digest")) {
        size_t colons = 0;
        for (int32_t i = 0; i < id.size; i++) colons += id.data[i] == ':';
        return colons == 1 && id.data[id.size - 1] != ':';
    }
    if (text_is(scheme, "ip")) {
        uint32_t ip;
        unsigned bits;
        return id.size > 0 && parse_ip((const char *)id.data, (size_t)id.size, &ip, &bits);
    }
    return false;
}

bool docent_acl_allows(const uint8_t *acl, size_t acl_size, int32_t acl_count, int32_t perms, const uint8_t *credentials,
                       size_t credentials_size)
{
    if (acl_count == 0) return true;
    struct wire_in creds = docent_wire_in(credentials, credentials_size);
    struct wire_client_info held;
    while (creds.size > 0 && docent_wire_get_client_info(&creds, &held)) {
        if (text_is(held.scheme, "super")) return true;
    }
    struct wire_in entries = docent_wire_in(acl, acl_size);
    struct wire_acl entry;
    while (entries.size > 0 && docent_wire_get_acl(&entries, &entry)) {
        if ((entry.perms & perms) == 0) continue;
        if (text_is(entry.scheme, "world")) return true;
        creds = docent_wire_in(credentials, credentials_size);
        while (creds.size > 0 && docent_wire_get_client_info(&creds, &held)) {
            if (!text_same(entry.scheme, held.scheme)) continue;
            if (text_is(entry.scheme, "ip") ? ip_matches(entry.id, held.user) : text_same(entry.id, held.user)) return true;
        }
    }
    return false;
}

int32_t docent_acl_fix(wire_list list, const uint8_t *credentials, size_t credentials_size, struct wire_out *out, int32_t *ret_count)
{
    *ret_count = 0;
    if (list.count <= 0) return DOCENT_ERR_INVALID_ACL;
    struct wire_acl entry;
    while (docent_wire_list_next_acl(&list, &entry)) {
        if (entry.scheme.size < 0) return DOCENT_ERR_INVALID_ACL;
        if (entry.id.size < 0 && acl_scheme_reads_id(entry.scheme)) return DOCENT_ERR_MARSHALLING;
        struct wire_out expanded = { 0 };
        if (text_is(entry.scheme, "auth")) {
            struct wire_in creds = docent_wire_in(credentials, credentials_size);
            struct wire_client_info held;
            while (creds.size > 0 && docent_wire_get_client_info(&creds, &held)) {
                if (!text_is(held.scheme, "digest") && !text_is(held.scheme, "x509") && !text_is(held.scheme, "sasl")) continue;
                struct wire_acl own = { entry.perms, held.scheme, held.user };
                docent_wire_put_acl(&expanded, &own);
            }
        } else if (acl_id_is_good(entry.scheme, entry.id)) {
            docent_wire_put_acl(&expanded, &entry);
        }
        if (expanded.size == 0) {
            docent_wire_out_free(&expanded);
            return DOCENT_ERR_INVALID_ACL;
        }
        struct wire_in in = docent_wire_in(expanded.data, expanded.size);
        while (in.size > 0 && docent_wire_get_acl(&in, &entry)) {
            struct wire_in before = docent_wire_in(out->data, out->size);
            struct wire_acl old;
            bool known = false;
            while (before.size > 0 && docent_wire_get_acl(&before, &old)) {
                known |= old.perms == entry.perms && text_same(old.scheme, entry.scheme) && text_same(old.id, entry.id);
            }
            if (known) continue;
            docent_wire_put_acl(out, &entry);
            (*ret_count)++;
        }
        docent_wire_out_free(&expanded);
    }
    return DOCENT_OK;
}
