/* recipes/tenure.h - what is held, as every thread may read it: the state, the fencing token, and from the lease's deadline on "no", even if
 * the loop is stuck.
 *
 * Holds of one handle are numbered. The loop publishes one word, number and state; before it, when held, token and generation. A release
 * from any thread raises `released` to the number that it saw, and from then on every reader takes a hold up to that number for released,
 * whatever the loop has got round to. A release that was posted and runs late finds a larger number current and does nothing. A reader
 * that takes a token looks at the word before and after: numbers do not come back, so the same number means that the token is of that hold. */
#ifndef DOCENT_RECIPES_TENURE_H
#define DOCENT_RECIPES_TENURE_H

#include "core/client/machine.h"
#include "core/drive/await.h"

enum tenure_state {
    TENURE_NONE,
    TENURE_WAITING,
    TENURE_HELD,
    TENURE_SUSPECT, /* Held when last heard of. */
};

struct tenure {
    docent_shared_i64 word;       /* number * 4 + state. */
    docent_shared_i64 token;
    docent_shared_i64 generation;
    docent_shared_i64 until_ms;   /* Of the host's clock: not held from then on. 0: no such limit. */
    docent_shared_i64 released;   /* Holds up to this number are. */
};

void docent_tenure_init(struct tenure *tenure);

/* Loop. What docent_tenure_set() will publish as held. @token: -1 if it has none. @until_ms: 0 if it has no limit but the lease. */
void docent_tenure_grant(struct tenure *tenure, int64_t token, uint64_t generation, uint64_t until_ms);
/* Loop. @number never falls. */
void docent_tenure_set(struct tenure *tenure, int64_t number, enum tenure_state state);

/* Any thread. From the return of this on nobody sees what is current now as held or waiting. Returns its number. */
int64_t docent_tenure_release(struct tenure *tenure);
/* The same of what is current now only if its number is @number at most. */
void docent_tenure_release_up_to(struct tenure *tenure, int64_t number);
/* Any thread. */
bool docent_tenure_is_released(const struct tenure *tenure, int64_t number);

/* Any thread; @client is alive. @ret_token (NULL: not wanted): of what is held, else -1. */
enum tenure_state docent_tenure_look(const struct tenure *tenure, const docent_client *client, int64_t *ret_token);

#endif
