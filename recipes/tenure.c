/* recipes/tenure.c - see tenure.h. */
#include "recipes/tenure.h"

static int64_t word_of(int64_t number, enum tenure_state state)
{
    return number * 4 + (int64_t)state;
}

static int64_t word_number(int64_t word)
{
    return word / 4;
}

static enum tenure_state word_state(int64_t word)
{
    return (enum tenure_state)(word % 4);
}

void docent_tenure_init(struct tenure *t)
{
    docent_shared_set(&t->word, word_of(0, TENURE_NONE));
    docent_shared_set(&t->token, -1);
    docent_shared_set(&t->generation, 0);
    docent_shared_set(&t->until_ms, 0);
    docent_shared_set(&t->released, 0);
}

void docent_tenure_grant(struct tenure *t, int64_t token, uint64_t generation, uint64_t until_ms)
{
    docent_shared_set(&t->token, token);
    docent_shared_set(&t->generation, (int64_t)generation);
    docent_shared_set(&t->until_ms, (int64_t)until_ms);
}

void docent_tenure_set(struct tenure *t, int64_t number, enum tenure_state state)
{
    docent_shared_set(&t->word, word_of(number, state));
}

void docent_tenure_release_up_to(struct tenure *t, int64_t number)
{
    int64_t released = docent_shared_get(&t->released);

    while (released < number && !atomic_compare_exchange_weak(&t->released.value, &released, number)) {
        /* released was read again. */
    }
}

int64_t docent_tenure_release(struct tenure *t)
{
    int64_t number = word_number(docent_shared_get(&t->word));

    docent_tenure_release_up_to(t, number);
    return number;
}

bool docent_tenure_is_released(const struct tenure *t, int64_t number)
{
    return number <= docent_shared_get(&t->released);
}

static bool tenure_is_good(const struct tenure *t, const docent_client *client)
{
    int64_t until_ms = docent_shared_get(&t->until_ms);
    const struct docent_host *host = docent_client_host(client);

    if (until_ms != 0 && host->now_ms(host->user) >= (uint64_t)until_ms) return false;
    return docent_client_lease_good(client, (uint64_t)docent_shared_get(&t->generation));
}

enum tenure_state docent_tenure_look(const struct tenure *t, const docent_client *client, int64_t *ret_token)
{
    int64_t nowhere;

    if (ret_token == NULL) ret_token = &nowhere;
    *ret_token = -1;
    for (;;) {
        int64_t word = docent_shared_get(&t->word);
        enum tenure_state state = word_state(word);
        if (state == TENURE_NONE || docent_tenure_is_released(t, word_number(word))) return TENURE_NONE;
        if (state == TENURE_WAITING) return TENURE_WAITING;

        int64_t token = docent_shared_get(&t->token);
        bool good = tenure_is_good(t, client);

        /* Another word: it ended meanwhile, or turned from HELD to SUSPECT or back. Look again. */
        if (docent_shared_get(&t->word) != word) continue;
        if (!good || docent_tenure_is_released(t, word_number(word))) return TENURE_NONE;
        *ret_token = token;
        return state;
    }
}
