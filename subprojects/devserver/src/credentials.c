/* src/credentials.c - see credentials.h. */
#include "credentials.h"

#include "core/wire/digest.h"
#include "must.h"
#include "text.h"

void docent_credentials_add(struct wire_out *credentials, wire_bytes scheme, wire_bytes id)
{
    struct wire_in in = docent_wire_in(credentials->data, credentials->size);
    struct wire_client_info old;
    while (in.size > 0 && docent_wire_get_client_info(&in, &old)) {
        if (text_same(old.scheme, scheme) && text_same(old.user, id)) return;
    }
    struct wire_client_info info = { scheme, id };
    docent_wire_put_client_info(credentials, &info);
}

void docent_credentials_add_digest(struct wire_out *credentials, wire_bytes text, const char *super)
{
    const uint8_t *colon = text.size == 0 ? NULL : memchr(text.data, ':', (size_t)text.size);
    size_t user = colon == NULL ? (size_t)text.size : (size_t)(colon - text.data);
    char *id = must(malloc(user + 1 + DIGEST_SIZE));
    if (user > 0) memcpy(id, text.data, user);
    id[user] = ':';
    docent_digest(text.data, (size_t)text.size, id + user + 1);
    wire_bytes whole = docent_wire_buffer(id, user + 1 + strlen(id + user + 1));
    if (super != NULL && text_is(whole, super)) {
        docent_credentials_add(credentials, docent_wire_string("super"), docent_wire_string(""));
    }
    docent_credentials_add(credentials, docent_wire_string("digest"), whole);
    free(id);
}
