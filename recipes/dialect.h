/* recipes/dialect.h - how the children of a recipe's path are called and in which order they stand, per dialect.
 *
 * Curator  <anything><base><10 digits>, ours with "_c_<uuid>-" in front. Every child takes part, foreign ones too: the key of a
 *          name is what follows the last occurrence of the base, or the whole name where the base does not occur; keys
 *          are compared as bytes, shorter first; equal keys stand as listed. Peers do the same, so this has to be theirs exactly.
 * Kazoo    <32 hex digits>__lock__<10 digits>. Only names that end so take part; the digits are compared as text.
 *
 * The server prints the sequence number with "%010d" of a 32-bit number: after 2147483647 comes "-2147483648", and text order
 * is wrong for every client there is. Such a name says that the parent is used up.
 *
 * Nothing here allocates, calls or keeps anything; names may be of any length and any bytes. */
#ifndef DOCENT_RECIPES_DIALECT_H
#define DOCENT_RECIPES_DIALECT_H

#include <docent/lock.h>

struct dialect {
    docent_dialect kind;
    const char *base; /* Stands directly in front of the digits. */
    size_t base_size;
};

/* The names of an exclusive lock, or NULL: no such dialect. Static. */
const struct dialect *docent_dialect_lock(docent_dialect kind);

enum {
    DIALECT_PREFIX_SIZE = 64,  /* Room for every prefix, terminator included. */
    DIALECT_SEQUENCE_MAX = 11, /* Characters that the server appends at most. */
};

/* Our own name up to the digits, made from a UUID (8-4-4-4-12). */
void docent_dialect_prefix(const struct dialect *dialect, const char uuid[37], char prefix[DIALECT_PREFIX_SIZE]);

enum dialect_name {
    DIALECT_FOREIGN,   /* Not a name of this dialect. */
    DIALECT_CONTENDER, /* Ends in the base and ten digits. */
    DIALECT_EXHAUSTED, /* Ends in the base and a negative number. */
};
enum dialect_name docent_dialect_read(const struct dialect *dialect, const char *name);

/* Whether the name counts when rank is taken. */
bool docent_dialect_takes_part(const struct dialect *dialect, const char *name);
/* The order of two names that take part: < 0, 0 or > 0. */
int docent_dialect_compare(const struct dialect *dialect, const char *a, const char *b);

struct rank {
    bool present;      /* Our own name is in the list. The rest is valid only if it is. */
    size_t index;      /* How many stand ahead of us. */
    const char *ahead; /* The one directly ahead, NULL: nobody. Borrowed from the list. */
    bool plain;        /* Every name is a contender's and nobody shares our number: nothing can get in ahead of us. */
};
struct rank docent_dialect_rank(const struct dialect *dialect, const char *const *names, size_t count, const char *own);

#endif
