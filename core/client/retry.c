/* core/client/retry.c - the arithmetic of retry policies. */
#include <string.h>

#include "core/client/outcome.h"

enum { BASE_MS = 100, MAX_MS = 30000, TRIES_MAX = 8 };

/* As we know it: what the caller's compiler did not know of is zero. */
static docent_retry retry_full(const docent_retry *given)
{
    docent_retry full = { DOCENT_RETRY };
    if (given != NULL) memcpy(&full, given, given->struct_size < sizeof full ? given->struct_size : sizeof full);
    return full;
}

static uint64_t full_jitter(const docent_retry *retry, uint32_t tries, uint64_t random)
{
    uint64_t bound = retry->base_ms == 0 ? BASE_MS : retry->base_ms;
    uint64_t max = retry->max_ms == 0 ? MAX_MS : retry->max_ms;
    for (uint32_t i = 1; i < tries && bound < max; i++) bound *= 2; /* Both have 32 bits: cannot overflow. */
    return random % ((bound < max ? bound : max) + 1);
}

static uint64_t curator_backoff(const docent_retry *retry, uint32_t tries, uint64_t random)
{
    uint64_t max = retry->max_ms == 0 ? MAX_MS : retry->max_ms;
    uint64_t factor = random & ((UINT64_C(1) << (tries < 31 ? tries : 31)) - 1);
    uint64_t delay = retry->base_ms * (factor == 0 ? 1 : factor);
    return delay < max ? delay : max;
}

static uint64_t retry_pause(const docent_retry *retry, uint32_t tries, uint64_t random)
{
    switch (retry->pause) {
    case DOCENT_RETRY_FULL_JITTER: break;
    case DOCENT_RETRY_CONSTANT: return retry->base_ms;
    case DOCENT_RETRY_CURATOR: return curator_backoff(retry, tries, random);
    }
    return full_jitter(retry, tries, random);
}

static bool in_time(const docent_retry *retry, uint64_t elapsed_ms, uint64_t delay)
{
    if (retry->elapsed_max_ms == 0) return true;
    if (retry->elapsed_overshoots) return elapsed_ms < retry->elapsed_max_ms;
    return elapsed_ms <= retry->elapsed_max_ms && delay <= retry->elapsed_max_ms - elapsed_ms;
}

bool docent_retry_delay(const docent_retry *given, uint32_t tries, uint64_t elapsed_ms, docent_status cause, uint64_t random,
                        uint64_t *ret_delay_ms)
{
    docent_retry retry = retry_full(given);
    if (retry.session_fails && cause == DOCENT_ERR_SESSION_EXPIRED) return false;
    uint64_t delay = 0;
    if (retry.decide != NULL) {
        if (!retry.decide(tries, elapsed_ms, cause, &delay, retry.user)) return false;
    } else {
        uint32_t tries_max = retry.tries_max == 0 ? TRIES_MAX : retry.tries_max;
        if (tries_max != DOCENT_FOREVER && tries >= tries_max) return false;
        delay = retry_pause(&retry, tries, random);
        if (!in_time(&retry, elapsed_ms, delay)) return false;
    }
    *ret_delay_ms = delay;
    return true;
}

bool docent_retry_allows(const docent_retry *given, docent_status cause)
{
    if (cause == DOCENT_ERR_SESSION_EXPIRED) return !retry_full(given).session_fails;
    bool not_executed = cause == DOCENT_ERR_THROTTLED || cause == DOCENT_ERR_SESSION_MOVED;
    return not_executed || docent_leaves_doubt(cause);
}
