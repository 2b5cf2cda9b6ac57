/* peer_barrier.c - barriers. The simple one: set, remove, wait MS. The double one, MEMBERS LABEL DIALECT: enter MS, leave MS. */
#include "peer.h"

static void *barrier_make(const struct peer_place *place, const struct peer_words *words)
{
    docent_barrier *barrier = NULL;
    (void)words;
    peer_must(docent_barrier_new(place->client, place->path, NULL, &barrier), "barrier");
    return barrier;
}

static void barrier_act(void *barrier, struct peer_call *call)
{
    if (peer_is(call, "set")) {
        peer_status(call, docent_barrier_set(barrier, 10000));
    } else if (peer_is(call, "remove")) {
        peer_status(call, docent_barrier_remove(barrier, 10000));
    } else if (peer_is(call, "wait")) {
        peer_status(call, docent_barrier_wait(barrier, peer_number(&call->words, 0)));
    }
}

static void *double_make(const struct peer_place *place, const struct peer_words *words)
{
    docent_double_barrier *barrier = NULL;
    docent_double_barrier_options options = { DOCENT_DOUBLE_BARRIER_OPTIONS, .quantity = peer_number(words, 0), .label = peer_word(words, 1) };
    if (peer_has(words, "kazoo")) options.dialect = DOCENT_DIALECT_KAZOO;
    peer_must(docent_double_barrier_new(place->client, place->path, &options, &barrier), "double");
    return barrier;
}

static void double_act(void *barrier, struct peer_call *call)
{
    if (peer_is(call, "enter")) {
        peer_status(call, docent_double_barrier_enter(barrier, peer_number(&call->words, 0)));
    } else if (peer_is(call, "leave")) {
        peer_status(call, docent_double_barrier_leave(barrier, peer_number(&call->words, 0)));
    }
}

const struct peer_kind peer_barrier = { "barrier", barrier_make, barrier_act };
const struct peer_kind peer_double = { "double", double_make, double_act };
