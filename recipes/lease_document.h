/* recipes/lease_document.h - what a lease's holder node says: a version, an id, and when it ends, in UTC and whole seconds. Calls nothing but the JSON
 * library, and reads no clock. */
#ifndef DOCENT_RECIPES_LEASE_DOCUMENT_H
#define DOCENT_RECIPES_LEASE_DOCUMENT_H

#include <docent/types.h>

enum lease_document {
    LEASE_FOREIGN, /* Another version, or no such document: left alone. */
    LEASE_OURS,    /* Of the id asked for, until *ret_end_ms. */
    LEASE_THEIRS,  /* Of another. */
};
/* Times are milliseconds since 1970. */
enum lease_document docent_lease_read(const void *data, size_t size, const char *id, int64_t *ret_end_ms);

/* The document, to be dropped with free(); *@ret_end_ms: the end as it says, never later than @end_ms. NULL: no memory, or an id that is not UTF-8. */
char *docent_lease_write(const char *id, int64_t end_ms, int64_t *ret_end_ms);

#endif
