/* docent/retry.h - when to try again after a connection was lost or a server was too busy.
 *
 * One layer retries, the client's; it applies to public calls. Recipes and caches have no retries of their own beneath it:
 * they wait for the connection and then ask the server what is so. A call of several steps asks its policy as one: with the tries of all
 * steps together, and the time since the call was accepted. A policy is a value, copied when it is given; write it out or
 * have it made by name:
 *
 *     docent_retry backoff = { DOCENT_RETRY, .base_ms = 100, .max_ms = 30000, .tries_max = 8 };
 *     docent_retry patient = docent_retry_until_elapsed(60000, 250);
 *
 * A policy decides whether and when; that sending again is right at all is decided first, by what the operation is. A write that
 * may have been applied and would be applied twice is never sent again, whatever the policy says.
 *
 * For those who come from Curator: RetryNTimes, RetryOneTime and RetryForever are docent_retry_n_times(), docent_retry_once() and
 * docent_retry_forever(); its other formulae stand beside ours, with curator in their names.
 *
 * Threads  Any: there is nothing here but values.
 * Units    Milliseconds. */
#ifndef DOCENT_RETRY_H
#define DOCENT_RETRY_H

#include <docent/types.h>

DOCENT_BEGIN

/** Decides about one more try. @tries: how many were made, at least 1. @elapsed_ms: since the call was accepted. @cause: why
 * the last one failed. Returns true and sets *@ret_delay_ms, or false to give up. Called on the loop thread. */
typedef bool (*docent_retry_fn)(uint32_t tries, uint64_t elapsed_ms, docent_status cause, uint64_t *ret_delay_ms, void *user);

typedef enum docent_retry_pause {
    DOCENT_RETRY_FULL_JITTER, /* Uniform in [0, min(max_ms, base_ms * 2^(tries - 1))]. */
    DOCENT_RETRY_CONSTANT,    /* base_ms as it is, so 0 is no pause; max_ms is ignored. */
    DOCENT_RETRY_CURATOR,     /* min(max_ms, base_ms * max(1, r)), r a whole number, uniform in [0, 2^tries); base_ms as it is. */
} docent_retry_pause;

typedef struct docent_retry {
    size_t struct_size;       /* Set by DOCENT_RETRY; new fields go at the end. */
    uint32_t base_ms;         /* Before the second try at most this, then doubled. 0: 100 ms. */
    uint32_t max_ms;          /* No delay is longer. 0: 30 s. */
    uint32_t tries_max;       /* All tries, the first included. 0: 8; 1: never try again; DOCENT_FOREVER: no bound. */
    uint32_t elapsed_max_ms;  /* No try begins later than this after the call was accepted. 0: no bound. */
    docent_retry_fn decide;   /* Replaces all of the above. Default: none. */
    void *user;               /* Passed to decide. */
    docent_retry_pause pause; /* How the delay is reckoned. Default: full jitter. */
    bool session_fails;       /* The end of the session ends the call, too; decide is not asked. Default: the call goes on in the next
                               * session. */
    bool elapsed_overshoots;  /* elapsed_max_ms is looked at before the delay: one delay later is still in time. Default: no. */
} docent_retry;
#define DOCENT_RETRY .struct_size = sizeof(docent_retry)

/** The same as { DOCENT_RETRY }, for compilers without designated initialisers. Thread: any. */
static inline void docent_retry_init(docent_retry *retry)
{
    memset(retry, 0, sizeof *retry);
    retry->struct_size = sizeof *retry;
}

/** The delay before try @tries + 1, with @random (64 uniform bits) as the source of randomness, in saturating arithmetic. @retry
 * may be NULL: the default policy. Returns true and sets *@ret_delay_ms, or false, with it untouched, when the policy gives up: no
 * tries or no time left, or the session is over and session_fails is set. decide has its own say. Thread: any. */
DOCENT_API bool docent_retry_delay(const docent_retry *retry, uint32_t tries, uint64_t elapsed_ms, docent_status cause,
                                   uint64_t random, uint64_t *ret_delay_ms);

/** Is a failure with @cause one that another try may mend? Connection lost, server too busy, session moved, time-out at the
 * server; and, unless session_fails is set, session over. Everything else is an answer, and is told. @retry may be NULL: the
 * default policy. Thread: any. */
DOCENT_API bool docent_retry_allows(const docent_retry *retry, docent_status cause);

/* ---- Policies by name. A number of retries counts the tries after the first: 0 is none, DOCENT_FOREVER no bound. ----
 *
 * They are part of this header, not of the library, so that the value has the size that the caller was compiled with. */

/** Full jitter, doubling from @base_ms (0: 100 ms), no delay longer than 30 s. */
static inline docent_retry docent_retry_exponential(uint32_t base_ms, uint32_t retries)
{
    uint32_t tries_max = retries == DOCENT_FOREVER ? retries : retries + 1;
    docent_retry retry = { sizeof(docent_retry), base_ms, 0, tries_max, 0, NULL, NULL, DOCENT_RETRY_FULL_JITTER, false, false };
    return retry;
}

/** Full jitter, doubling from @base_ms (0: 100 ms), no delay longer than @max_ms (0: 30 s). */
static inline docent_retry docent_retry_bounded_exponential(uint32_t base_ms, uint32_t max_ms, uint32_t retries)
{
    docent_retry retry = docent_retry_exponential(base_ms, retries);
    retry.max_ms = max_ms;
    return retry;
}

/** Always the same pause, which may be 0. */
static inline docent_retry docent_retry_n_times(uint32_t retries, uint32_t pause_ms)
{
    docent_retry retry = docent_retry_exponential(pause_ms, retries);
    retry.pause = DOCENT_RETRY_CONSTANT;
    return retry;
}

/** One more try, after @pause_ms. */
static inline docent_retry docent_retry_once(uint32_t pause_ms)
{
    return docent_retry_n_times(1, pause_ms);
}

/** Without end, but for the call's own deadline. A pause of 0 would keep a busy server busy, and is taken for 1. */
static inline docent_retry docent_retry_forever(uint32_t pause_ms)
{
    return docent_retry_n_times(DOCENT_FOREVER, pause_ms == 0 ? 1 : pause_ms);
}

/** As often as it may be, but no try begins later than @elapsed_max_ms (0: none after the first) after the call was accepted. A
 * pause of 0 is taken for 1. */
static inline docent_retry docent_retry_until_elapsed(uint32_t elapsed_max_ms, uint32_t pause_ms)
{
    docent_retry retry = docent_retry_forever(pause_ms);
    retry.elapsed_max_ms = elapsed_max_ms;
    if (elapsed_max_ms == 0) retry.tries_max = 1;
    return retry;
}

/** Whatever @decide says. */
static inline docent_retry docent_retry_custom(docent_retry_fn decide, void *user)
{
    docent_retry retry = docent_retry_exponential(0, 0);
    retry.decide = decide;
    retry.user = user;
    return retry;
}

/** @policy, but the end of the session ends the call: what is sent, is sent in one session or not at all. */
static inline docent_retry docent_retry_session_fails(docent_retry policy)
{
    policy.session_fails = true;
    return policy;
}

/** Curator's ExponentialBackoffRetry(base, retries, max): no pause is shorter than @base_ms. There, and so here, more than 29
 * retries are taken for 29. Its default @max_ms is INT32_MAX. */
static inline docent_retry docent_retry_curator_exponential(uint32_t base_ms, uint32_t retries, uint32_t max_ms)
{
    docent_retry retry = docent_retry_exponential(max_ms == 0 ? 0 : base_ms, retries > 29 ? 29 : retries);
    retry.max_ms = max_ms;
    retry.pause = DOCENT_RETRY_CURATOR;
    return retry;
}

/** Curator's BoundedExponentialBackoffRetry(base, max, retries): the same, in another order. */
static inline docent_retry docent_retry_curator_bounded_exponential(uint32_t base_ms, uint32_t max_ms, uint32_t retries)
{
    return docent_retry_curator_exponential(base_ms, retries, max_ms);
}

/** Curator's RetryUntilElapsed(elapsed, pause): the time is looked at before the pause, so that the last try may begin one pause
 * late. (There the decision to give up, too, is told one pause late. Here it is told at once.) */
static inline docent_retry docent_retry_curator_until_elapsed(uint32_t elapsed_max_ms, uint32_t pause_ms)
{
    docent_retry retry = docent_retry_until_elapsed(elapsed_max_ms, pause_ms);
    retry.elapsed_overshoots = true;
    return retry;
}

DOCENT_END

#endif
