/* core/wire/digest.h - what the scheme digest makes of "user:password". */
#ifndef DOCENT_CORE_WIRE_DIGEST_H
#define DOCENT_CORE_WIRE_DIGEST_H

#include <stddef.h>

enum { DIGEST_SIZE = 29 }; /* A SHA-1 sum in base64, and the end of the text. */
void docent_digest(const void *text, size_t size, char ret_digest[DIGEST_SIZE]);

#endif
