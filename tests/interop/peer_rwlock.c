/* peer_rwlock.c - the read/write lock. LABEL DIALECT: read MS INSIDE, unread INSIDE, write MS INSIDE, unwrite INSIDE. */
#include <string.h>

#include "peer.h"

struct rwlock {
    const struct peer_place *place;
    docent_rwlock *both;
};

static void *rwlock_make(const struct peer_place *place, const struct peer_words *words)
{
    struct rwlock *rw = peer_alloc(sizeof *rw);
    docent_rwlock_options options = { DOCENT_RWLOCK_OPTIONS, .label = peer_word(words, 0) };
    if (peer_has(words, "kazoo")) options.dialect = DOCENT_DIALECT_KAZOO;
    rw->place = place;
    peer_must(docent_rwlock_new(place->client, place->path, &options, &rw->both), "read-write");
    return rw;
}

static void rwlock_act(void *thing, struct peer_call *call)
{
    struct rwlock *rw = thing;
    docent_lock *lock = strstr(call->verb, "read") != NULL ? docent_rwlock_read(rw->both) : docent_rwlock_write(rw->both);
    if (peer_is(call, "read") || peer_is(call, "write")) {
        docent_status status = docent_lock_acquire(lock, peer_number(&call->words, 0));
        if (status == DOCENT_OK) peer_enter(rw->place, peer_word(&call->words, 1));
        peer_status(call, status);
    } else if (peer_is(call, "unread") || peer_is(call, "unwrite")) {
        peer_leave(rw->place, peer_word(&call->words, 0));
        peer_status(call, docent_lock_release_wait(lock, 10000));
    }
}

const struct peer_kind peer_rwlock = { "read-write", rwlock_make, rwlock_act };
