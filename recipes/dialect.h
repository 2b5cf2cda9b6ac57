/* recipes/dialect.h - how the children of a recipe's path are called and in which order they stand, per dialect.
 *
 * Curator  <anything><base><10 digits>, ours with "_c_<uuid>-" in front. Every child takes part, foreign ones too: the key of a
 *          name is what follows the last occurrence of the base, or the whole name where the base does not occur; keys
 *          are compared as bytes, shorter first; equal keys stand as listed. Peers do the same, so this has to be theirs exactly.
 * Kazoo    <32 hex digits>__lock__<10 digits>. Only names that end so take part; the digits are compared as text.
 * ZooKeeper  x-<16 hex digits>-<10 digits>, of the server project's own recipes. Theirs have their session in the middle, and so one node
 *          per session and path; ours are drawn, so that every acquisition has its own: to those peers, and to a kazoo that was taught their
 *          pattern, it looks the same. What follows the last '-' is compared, of every name that has one.
 * Tolerant  The names are of any of these dialects; every name that ends in ten digits takes part, by these.
 *
 * Two kinds may contend for a path, readers and writers, each with a base of its own; then the names of both take part for either, by the
 * same digits. A writer waits for whoever is directly ahead; a reader for a writer ahead, Curator's for the first of them, kazoo's for the
 * last. A reader that a writer was downgraded to has the writer's number, so that two names can share one.
 *
 * The server prints the sequence number with "%010d" of a 32-bit number: after 2147483647 comes "-2147483648", and text order
 * is wrong for every client there is. Such a name says that the parent is used up.
 *
 * Nothing here allocates, calls or keeps anything; names may be of any length and any bytes. */
#ifndef DOCENT_RECIPES_DIALECT_H
#define DOCENT_RECIPES_DIALECT_H

#include <docent/lock.h>

struct dialect_pair { /* The bases of readers and writers. */
    const char *read;
    size_t read_size;
    const char *write;
    size_t write_size;
};

enum dialect_waits {
    DIALECT_AFTER_ALL,          /* For the one directly ahead. */
    DIALECT_AFTER_FIRST_WRITER, /* For the foremost of the writers ahead. */
    DIALECT_AFTER_LAST_WRITER,  /* For the hindmost of them. */
};

struct dialect {
    docent_dialect kind;
    const char *base; /* Stands directly in front of the digits, in our names. */
    size_t base_size;
    const struct dialect_pair *pair; /* NULL: all have our base. */
    enum dialect_waits waits;
    bool tolerant;
};

/* The names of an exclusive lock, or NULL: no such dialect. Static. */
const struct dialect *docent_dialect_lock(docent_dialect kind);
const struct dialect *docent_dialect_tolerant_lock(docent_dialect kind); /* Our names, in the tolerant order. */
/* And those of the two kinds of a read/write lock. */
const struct dialect *docent_dialect_read_lock(docent_dialect kind);
const struct dialect *docent_dialect_write_lock(docent_dialect kind);
/* The names of a semaphore's leases, or NULL. Kazoo's are 32 hex digits and no more, and any other name counts as well. Static. */
const struct dialect *docent_dialect_lease(docent_dialect kind);
/* Those of a leader latch, or NULL: it has none in that dialect. Static. */
const struct dialect *docent_dialect_latch(docent_dialect kind);

enum {
    DIALECT_PREFIX_SIZE = 64,  /* Room for every prefix, terminator included. */
    DIALECT_DIGITS = 10,       /* At the end of every contender's name. */
    DIALECT_SEQUENCE_MAX = 11, /* Characters that the server appends at most. */
};

/* Our own name up to the digits, made from a UUID (8-4-4-4-12). */
void docent_dialect_prefix(const struct dialect *dialect, const char uuid[37], char prefix[DIALECT_PREFIX_SIZE]);

enum dialect_name {
    DIALECT_FOREIGN,   /* Not a name of our kind in this dialect. */
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
    size_t index;      /* How many stand ahead of us and in our way. */
    const char *ahead; /* The one to wait for, NULL: nobody. Borrowed from the list. */
    bool plain;        /* Every name is a contender's, nobody shares our number, and the one to wait for is no writer that a writer waits for:
                        * nothing that would be in our way can get in ahead of us. */
};
struct rank docent_dialect_rank(const struct dialect *dialect, const char *const *names, size_t count, const char *own);

#endif
