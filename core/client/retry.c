/* core/client/retry.c - the arithmetic of retry policies. */
#include <string.h>

#include <docent/retry.h>

void docent_retry_init(docent_retry *retry)
{
    memset(retry, 0, sizeof *retry);
    retry->struct_size = sizeof *retry;
}

bool docent_retry_delay(const docent_retry *retry, uint32_t tries, uint64_t elapsed_ms, docent_status cause, uint64_t random,
                        uint64_t *ret_delay_ms)
{
    if (retry->decide != NULL) return retry->decide(tries, elapsed_ms, cause, ret_delay_ms, retry->user);

    uint32_t tries_max = retry->tries_max == 0 ? 8 : retry->tries_max;
    if (tries_max != DOCENT_FOREVER && tries >= tries_max) return false;

    uint64_t bound = retry->base_ms == 0 ? 100 : retry->base_ms;
    uint64_t max = retry->max_ms == 0 ? 30000 : retry->max_ms;
    for (uint32_t i = 1; i < tries && bound < max; i++) bound *= 2; /* 32 bits each: cannot overflow. */
    if (bound > max) bound = max;
    uint64_t delay = random % (bound + 1);
    if (retry->elapsed_max_ms != 0 && (elapsed_ms > retry->elapsed_max_ms || delay > retry->elapsed_max_ms - elapsed_ms)) {
        return false;
    }
    *ret_delay_ms = delay;
    return true;
}
