/* peer_multi.c - several locks as one. The paths after the first, "/", LABEL: acquire MS INSIDE, release INSIDE, count COUNTER ROUNDS. */
#include <string.h>

#include "peer.h"

struct multi {
    const struct peer_place *place;
    docent_multi_lock *multi;
};

static void *multi_make(const struct peer_place *place, const struct peer_words *words)
{
    struct multi *m = peer_alloc(sizeof *m);
    const char *paths[PEER_WORDS_MAX + 1] = { place->path };
    size_t count = 1;
    while (count <= words->count && strcmp(words->word[count - 1], "/") != 0) {
        paths[count] = words->word[count - 1];
        count++;
    }
    docent_multi_lock_options options = { DOCENT_MULTI_LOCK_OPTIONS, .label = peer_word(words, count), .order = DOCENT_MULTI_LOCK_AS_LISTED };
    m->place = place;
    peer_must(docent_multi_lock_new(place->client, paths, count, &options, &m->multi), "multi");
    return m;
}

static void multi_count(struct multi *m, struct peer_call *call)
{
    docent_status status = DOCENT_OK;
    for (uint32_t i = 0; i < peer_number(&call->words, 1) && status == DOCENT_OK; i++) {
        status = docent_multi_lock_acquire(m->multi, 60000);
        if (status != DOCENT_OK) break;
        peer_add_one(m->place, peer_word(&call->words, 0));
        status = docent_multi_lock_release_wait(m->multi, 10000);
    }
    peer_status(call, status);
}

static void multi_act(void *thing, struct peer_call *call)
{
    struct multi *m = thing;
    if (peer_is(call, "acquire")) {
        docent_status status = docent_multi_lock_acquire(m->multi, peer_number(&call->words, 0));
        if (status == DOCENT_OK) peer_enter(m->place, peer_word(&call->words, 1));
        peer_status(call, status);
    } else if (peer_is(call, "release")) {
        peer_leave(m->place, peer_word(&call->words, 0));
        peer_status(call, docent_multi_lock_release_wait(m->multi, 10000));
    } else if (peer_is(call, "count")) {
        multi_count(m, call);
    }
}

const struct peer_kind peer_multi = { "multi", multi_make, multi_act };
