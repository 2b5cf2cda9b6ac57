/* docent/retry.h - when to try again after a connection was lost or a server was too busy.
 *
 * One layer retries, the client's; it applies to public calls. Recipes and caches have no retries of their own beneath it:
 * they wait for the connection and then ask the server what is so. A policy is a value, copied when it is given.
 *
 *     docent_retry backoff = { DOCENT_RETRY, .base_ms = 100, .max_ms = 30000, .tries_max = 8 };
 *
 * Units  Milliseconds. */
#ifndef DOCENT_RETRY_H
#define DOCENT_RETRY_H

#include <docent/types.h>

DOCENT_BEGIN

/** Decides about one more try. @tries: how many were made, at least 1. @elapsed_ms: since the call was accepted. @cause: why
 * the last one failed. Returns true and sets *@ret_delay_ms, or false to give up. Called on the loop thread. */
typedef bool (*docent_retry_fn)(uint32_t tries, uint64_t elapsed_ms, docent_status cause, uint64_t *ret_delay_ms, void *user);

typedef struct docent_retry {
    size_t struct_size;      /* Set by DOCENT_RETRY; new fields go at the end. */
    uint32_t base_ms;        /* Before the second try at most this, then doubled. 0: 100 ms. */
    uint32_t max_ms;         /* No delay is longer. 0: 30 s. */
    uint32_t tries_max;      /* All tries, the first included. 0: 8; 1: never try again; DOCENT_FOREVER: no bound. */
    uint32_t elapsed_max_ms; /* No try begins later than this after the call was accepted. 0: no bound. */
    docent_retry_fn decide;  /* Replaces all of the above. Default: none. */
    void *user;              /* Passed to decide. */
} docent_retry;
#define DOCENT_RETRY .struct_size = sizeof(docent_retry)

/** The same as { DOCENT_RETRY }, for compilers without designated initialisers. Thread: any. */
DOCENT_API void docent_retry_init(docent_retry *retry);

/** The delay before try @tries + 1: uniform in [0, min(max, base * 2^(@tries - 1))], the arithmetic saturating, with @random
 * as the source of randomness. False when the policy gives up. Thread: any. */
DOCENT_API bool docent_retry_delay(const docent_retry *retry, uint32_t tries, uint64_t elapsed_ms, docent_status cause,
                                   uint64_t random, uint64_t *ret_delay_ms);

DOCENT_END

#endif
