/* peer_lock.c - the lock. LABEL DIALECT [revocable] [tolerant]: acquire MS INSIDE, release INSIDE, who, count COUNTER ROUNDS, revoke (whoever
 * holds it). Says "revoke" when it is asked to let go. */
#include "peer.h"

struct lock {
    const struct peer_place *place;
    docent_lock *lock;
};

static void on_revoke(docent_lock *lock, void *user)
{
    (void)lock;
    peer_tell(((struct lock *)user)->place, "revoke");
}

static void *lock_make(const struct peer_place *place, const struct peer_words *words)
{
    struct lock *l = peer_alloc(sizeof *l);
    docent_lock_options options = { DOCENT_LOCK_OPTIONS, .label = peer_word(words, 0), .user = l };
    if (peer_has(words, "kazoo")) options.dialect = DOCENT_DIALECT_KAZOO;
    if (peer_has(words, "zookeeper")) options.dialect = DOCENT_DIALECT_ZOOKEEPER;
    if (peer_has(words, "revocable")) options.on_revoke = on_revoke;
    options.tolerant = peer_has(words, "tolerant");
    l->place = place;
    peer_must(docent_lock_new(place->client, place->path, &options, &l->lock), "lock");
    return l;
}

static void lock_count(struct lock *l, struct peer_call *call)
{
    docent_status status = DOCENT_OK;
    for (uint32_t i = 0; i < peer_number(&call->words, 1) && status == DOCENT_OK; i++) {
        status = docent_lock_acquire(l->lock, 60000);
        if (status != DOCENT_OK) break;
        peer_add_one(l->place, peer_word(&call->words, 0));
        status = docent_lock_release_wait(l->lock, 10000);
    }
    peer_status(call, status);
}

static void lock_act(void *thing, struct peer_call *call)
{
    struct lock *l = thing;
    if (peer_is(call, "acquire")) {
        docent_status status = docent_lock_acquire(l->lock, peer_number(&call->words, 0));
        if (status == DOCENT_OK) peer_enter(l->place, peer_word(&call->words, 1));
        peer_status(call, status);
    } else if (peer_is(call, "release")) {
        peer_leave(l->place, peer_word(&call->words, 0));
        peer_status(call, docent_lock_release_wait(l->lock, 10000));
    } else if (peer_is(call, "count")) {
        lock_count(l, call);
    } else if (peer_is(call, "revoke")) {
        peer_status(call, docent_lock_revoke(l->lock, NULL));
    } else if (peer_is(call, "who")) {
        docent_result *result = NULL;
        docent_status status = docent_lock_participants(l->lock, &result);
        peer_names(call, status, result);
    }
}

const struct peer_kind peer_lock = { "lock", lock_make, lock_act };
