/* core/session/search.c - see search.h. */
#include "core/session/search.h"

/* Half of the pause for certain, the rest by chance: clients that lost their quorum together do not ask together. */
static void search_rest(struct search *search, uint64_t now_ms, uint64_t *random)
{
    uint32_t half = search->pause_ms / 2;
    search->asks = false;
    search->at_ms = now_ms + half + docent_random_next(random) % (half + 1);
}

void docent_search_begin(struct search *search, uint64_t now_ms, uint64_t *random)
{
    search->on = true;
    if (search->pause_ms == 0) search->pause_ms = SEARCH_PAUSE_MIN_MS;
    search_rest(search, now_ms, random);
}

void docent_search_stop(struct search *search)
{
    search->on = false;
    search->asks = false;
}

void docent_search_done(struct search *search)
{
    search->pause_ms = 0;
}

void docent_search_tick(struct search *search, uint64_t now_ms, const struct servers *servers, const struct docent_address *connected)
{
    if (!search->on || search->asks || now_ms < search->at_ms || servers->count == 0) return;
    for (int tries = 0; tries < 2; tries++) {
        search->address = servers->addresses[search->next++ % servers->count];
        if (!docent_address_equal(&search->address, connected)) break;
    }
    search->asks = true;
}

uint64_t docent_search_deadline(const struct search *search)
{
    return !search->on || search->asks ? UINT64_MAX : search->at_ms;
}

bool docent_search_answered(struct search *search, uint64_t now_ms, const struct docent_address *address, uint64_t *random)
{
    if (!search->asks || !docent_address_equal(&search->address, address)) return false;
    search->pause_ms = search->pause_ms > SEARCH_PAUSE_MAX_MS / 2 ? SEARCH_PAUSE_MAX_MS : search->pause_ms * 2;
    search_rest(search, now_ms, random);
    return true;
}
