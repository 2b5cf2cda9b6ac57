/* recipes/lock_internal.h - the exclusive lock, what an application holds in its hand: what lock.c (making, the acquisitions, and what is
 * told of them), lock_release.c and lock_query.c (what an application asks) share.
 *
 * A lock is a series of acquisitions. Each has a contender of its own (contender.h), which gets the node, waits, and in the end
 * removes it. The lock knows at most one current acquisition, the one that waits or holds; when that is released, times out or is
 * lost, it stops being the current one at once, and its contender cleans up by itself. So the application is answered without
 * delay, a new acquire is accepted at once (its node queues behind the old one's removal), and "released" and "closed" are told when
 * the contenders concerned are gone.
 *
 *     state     = what the current acquisition's contender says: none RELEASED, waits WAITING, leads HELD, doubts SUSPECT.
 *     releasing = the acquisitions that are not current.
 *
 * Telling. Each acquisition keeps a short queue of news and one entry in the client's queue of callbacks, so that no change is
 * lost, nothing has to be allocated for it, and user code never runs inside a machine.
 *
 * Other threads read what is held from a tenure (tenure.h), whose holds are our acquisitions, and release it there; a nudge has the loop
 * do the rest. The end is that of every handle (handle.h): close, the client's end, a forked child. */
#ifndef DOCENT_RECIPES_LOCK_INTERNAL_H
#define DOCENT_RECIPES_LOCK_INTERNAL_H

#include "recipes/contender.h"
#include "recipes/handle.h"
#include "recipes/lock.h"
#include "recipes/meter.h"
#include "recipes/revocation.h"
#include "recipes/tenure.h"

enum news_type { NEWS_STATE, NEWS_ANSWER, NEWS_REVOKED, NEWS_LOST };

struct news {
    enum news_type type : 8;
    docent_lock_state state : 8; /* STATE. */
    int16_t status;              /* ANSWER, LOST: a docent_status. */
};

/* At most: WAITING, HELD, the answer, SUSPECT, revoked, HELD, SUSPECT, RELEASED, lost. A suspicion that ends before it is told is taken back,
 * if nothing came in between, and of requests to let go one at a time waits to be told. */
enum { NEWS_MAX = 9 };

struct acquisition {
    struct contender contender; /* Whose configuration is the lock's. */
    struct acquisition *next; /* The lock's, newest first. */
    int64_t number;
    uint64_t since_ms;   /* When it was begun; once it was granted, when that was. */
    docent_done_fn done;
    void *user;
    struct docent_later telling;
    struct revocable *revocable; /* NULL: it cannot be revoked. */
    struct news news[NEWS_MAX];
    uint8_t news_count;
    bool answered; /* Or to be: it is among the news. */
    bool over; /* The contender is finished. To be freed when all is told. */
};

struct revocable { /* What the acquisitions of a lock with on_revoke have besides. */
    struct revocation revocation;
    struct acquisition *acquisition;
};

/* A release that wants to know. */
struct release_wait {
    struct docent_later telling;
    struct release_wait *next;
    struct docent_lock *lock;
    int64_t number; /* Waits for the acquisitions up to this one. */
    docent_done_fn done;
    void *user;
    docent_status outcome;
};

struct lock_listener { /* What the application wants to hear. */
    void (*on_state)(docent_lock *lock, docent_lock_state state, void *user);
    void (*on_lost)(docent_lock *lock, docent_status why, void *user);
    void (*on_revoke)(docent_lock *lock, void *user);
    void *user;
};

struct docent_lock {
    struct handle handle; /* First. Its timer is the deadline of the current acquisition: of the waiting, then of the hold. */
    struct contender_config contending; /* The path, and the label if it was given: in the lock's own block. */
    const struct lock_listener *listener; /* There too. NULL: nothing. */
    const struct lock_hooks *hooks; /* NULL: none. */
    docent_create_mode parent_mode;
    uint32_t max_hold_ms; /* 0: none. */
    bool shared;

    /* The loop's. */
    unsigned readers; /* Calls of several steps: reads of the participants, requests to let go. */
    struct acquisition *acquisitions;
    struct acquisition *current;
    int64_t number; /* Of the newest acquisition. */
    struct release_wait *waits;
    struct meter meter;

    /* Everybody's. */
    struct tenure tenure;
};

/* lock.c */
void docent_lock_give_up(struct docent_lock *lock, docent_status why); /* The current acquisition, if there is one. */
void docent_lock_run_ends(struct docent_lock *lock); /* Of the current acquisition: a release, or that its time is over. */
void docent_lock_settle(struct docent_lock *lock); /* Something has ended. Whoever waited for it is told. */

/* lock_release.c */
void docent_lock_tell_waits(struct docent_lock *lock); /* Whose acquisitions are gone. */
void docent_lock_release_nudged(struct handle *handle);

#endif
