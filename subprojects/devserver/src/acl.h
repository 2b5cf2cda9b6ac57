/* src/acl.h - access lists. They are kept encoded, as acl entries; and so is what a client is known by, as client_info entries: its
 * address, and whom it has shown to be. */
#ifndef DEVSERVER_ACL_H
#define DEVSERVER_ACL_H

#include "core/wire/wire.h"

/* May who has these credentials do one of @perms under this list? */
bool docent_acl_allows(const uint8_t *acl, size_t acl_size, int32_t acl_count, int32_t perms, const uint8_t *credentials,
                       size_t credentials_size);
/* Puts a client's list as it is stored: checked, "auth" expanded, without duplicates. Returns DOCENT_OK or an error. */
int32_t docent_acl_fix(wire_list list, const uint8_t *credentials, size_t credentials_size, struct wire_out *out, int32_t *ret_count);

#endif
