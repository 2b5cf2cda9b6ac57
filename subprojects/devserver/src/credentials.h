/* src/credentials.h - whom a client has shown to be: encoded client_info entries, each once. */
#ifndef DEVSERVER_CREDENTIALS_H
#define DEVSERVER_CREDENTIALS_H

#include "core/wire/wire.h"

void docent_credentials_add(struct wire_out *credentials, wire_bytes scheme, wire_bytes id);
/* "user:password"; without a colon all of it is the user. A wrong password is another identity, no error. @super: whose digest makes
 * one the superuser; NULL: nobody's. */
void docent_credentials_add_digest(struct wire_out *credentials, wire_bytes text, const char *super);

#endif
