/* core/wire/path.h - which paths name a node, and finding them. */
#ifndef DOCENT_PATH_H
#define DOCENT_PATH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* The path rules of the server, for a node (sequential: one more character will follow, so a trailing '/' is fine). NULL: good,
 * else what is wrong, static text. */
const char *docent_path_fault(const char *path, bool sequential);

typedef uint8_t docent_path_block __attribute__((vector_size(16)));
typedef int8_t docent_path_signed_block __attribute__((vector_size(16)));

/* Sixteen characters from @at, and the one behind them: 0 where one cannot stand in a plain path, else all ones. */
static inline docent_path_block docent_path_block_good(const char *at)
{
    docent_path_block here, next;
    memcpy(&here, at, sizeof here);
    memcpy(&next, at + 1, sizeof next);
    /* One further, what is above '~' is negative or 0: one comparison for both ends, and a signed one, which machines have. */
    docent_path_block printable = (docent_path_block)((docent_path_signed_block)(here + 1) > ' ');
    /* '.' and '/' differ in one bit. */
    return printable & ~((docent_path_block)(here == '/') & (docent_path_block)((next | 1) == '/'));
}

/* Printable ASCII that begins with '/', has nothing like "//" or "/." in it and does not end with '/': nothing is wrong with such a path,
 * and nearly every path of every request is like that. False says nothing. */
static inline bool docent_path_is_plain(const char *path, size_t size)
{
    enum { BLOCK = sizeof(docent_path_block) };
    char filled[BLOCK + 1]; /* A short path, with characters in front that do no harm. */
    if (path[0] != '/' || path[size - 1] == '/') return false; /* Empty: by the first. */
    if (size < BLOCK) {
        memset(filled, 'x', sizeof filled);
        memcpy(filled + BLOCK - size, path, size);
        path = filled;
        size = BLOCK;
    }
    docent_path_block good = docent_path_block_good(path + size - BLOCK); /* May overlap the one before. */
    for (size_t at = 0; at + BLOCK < size; at += BLOCK) good &= docent_path_block_good(path + at);
    uint64_t halves[2];
    memcpy(halves, &good, sizeof halves);
    return (halves[0] & halves[1]) == UINT64_MAX;
}

/* For hash tables. Eight characters at a step: paths are long, and somebody may have a hundred thousand of them. Differs between machines of
 * different byte order. */
static inline uint32_t docent_hash_bytes(const void *text, size_t size)
{
    const uint64_t odd = 0x9e3779b97f4a7c15u; /* Spreads every bit over all that are above it. */
    const uint8_t *at = text;
    uint64_t hash = size, word;
    for (; size >= sizeof word; at += sizeof word, size -= sizeof word) {
        memcpy(&word, at, sizeof word);
        hash = (hash ^ word) * odd;
        hash ^= hash >> 32;
    }
    word = 0;
    for (size_t i = 0; i < size; i++) word = word << 8 | at[i];
    return (uint32_t)((hash ^ word) * odd >> 32);
}

#endif
