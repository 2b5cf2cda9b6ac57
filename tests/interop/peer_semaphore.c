/* peer_semaphore.c - the semaphore. MAX, or "count" and the path of a shared count; LABEL; DIALECT: acquire N MS, release N, who. What was
 * acquired together is given back together, in the order of acquires, and should be N.
 *   And the mutex that is not re-entrant, which is a semaphore of one. LABEL: acquire MS INSIDE, release INSIDE. */
#include <string.h>

#include "peer.h"

enum { PERMITS_MAX = 16 };

struct semaphore {
    const struct peer_place *place;
    docent_semaphore *semaphore;
    docent_permit *permits[PERMITS_MAX];
    size_t permit_count;
};

static struct semaphore *semaphore_new(const struct peer_place *place, const docent_semaphore_options *options)
{
    struct semaphore *s = peer_alloc(sizeof *s);
    s->place = place;
    peer_must(docent_semaphore_new(place->client, place->path, options, &s->semaphore), "semaphore");
    return s;
}

static void *semaphore_make(const struct peer_place *place, const struct peer_words *words)
{
    docent_semaphore_options options = { DOCENT_SEMAPHORE_OPTIONS, .max = 1 };
    size_t at = 1;
    if (peer_has(words, "count")) {
        options.limit_path = peer_word(words, at++);
    } else {
        options.max = peer_number(words, 0);
    }
    options.label = peer_word(words, at);
    if (peer_has(words, "kazoo")) options.dialect = DOCENT_DIALECT_KAZOO;
    return semaphore_new(place, &options);
}

static void *single_make(const struct peer_place *place, const struct peer_words *words)
{
    docent_semaphore_options options = { DOCENT_SEMAPHORE_OPTIONS, .max = 1, .label = peer_word(words, 0) };
    return semaphore_new(place, &options);
}

static docent_status semaphore_acquire(struct semaphore *s, uint32_t count, uint32_t timeout_ms)
{
    if (s->permit_count == PERMITS_MAX) return DOCENT_ERR_BUSY;
    docent_status status = docent_semaphore_acquire(s->semaphore, count, timeout_ms, &s->permits[s->permit_count]);
    if (status == DOCENT_OK) s->permit_count++;
    return status;
}

static docent_status semaphore_release(struct semaphore *s)
{
    if (s->permit_count == 0) return DOCENT_ERR_NOT_HELD;
    docent_permit *oldest = s->permits[0];
    memmove(s->permits, s->permits + 1, --s->permit_count * sizeof s->permits[0]);
    return docent_permit_return(oldest, 10000);
}

static void semaphore_act(void *thing, struct peer_call *call)
{
    struct semaphore *s = thing;
    if (peer_is(call, "acquire")) {
        peer_status(call, semaphore_acquire(s, peer_number(&call->words, 0), peer_number(&call->words, 1)));
    } else if (peer_is(call, "release")) {
        peer_status(call, semaphore_release(s));
    } else if (peer_is(call, "who")) {
        docent_result *result = NULL;
        docent_status status = docent_semaphore_participants(s->semaphore, &result);
        if (status == DOCENT_OK) {
            peer_ok(call, "%zu", result->name_count);
        } else {
            peer_status(call, status);
        }
        docent_result_free(result);
    }
}

static void single_act(void *thing, struct peer_call *call)
{
    struct semaphore *s = thing;
    if (peer_is(call, "acquire")) {
        docent_status status = semaphore_acquire(s, 1, peer_number(&call->words, 0));
        if (status == DOCENT_OK) peer_enter(s->place, peer_word(&call->words, 1));
        peer_status(call, status);
    } else if (peer_is(call, "release")) {
        peer_leave(s->place, peer_word(&call->words, 0));
        peer_status(call, semaphore_release(s));
    }
}

const struct peer_kind peer_semaphore = { "semaphore", semaphore_make, semaphore_act };
const struct peer_kind peer_single = { "single", single_make, single_act };
