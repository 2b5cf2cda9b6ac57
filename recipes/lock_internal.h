/* recipes/lock_internal.h - the exclusive lock, what an application holds in its hand: what lock.c (making, and the acquisitions),
 * lock_look.c (what other threads see), lock_release.c and lock_close.c share.
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
 * Other threads. Acquisitions are numbered. The loop publishes one word, number and state; before it, when held, token and
 * generation. A release from any thread raises `released` to the number that it saw, and from then on every reader takes an
 * acquisition up to that number for released, whatever the loop has got round to. A release that was posted
 * and runs late finds a larger number current and does nothing. A reader that takes a token looks at the word before and
 * after: numbers do not come back, so the same number means that the token is of that hold.
 *
 * The end. The memory belongs to the handle, to the loop, and to what is posted, together; whoever lets go last frees it. When
 * the client closes first, the lock is dead: it touches the client no more, and docent_lock_close() only frees. The gate makes that
 * sure: other threads pass it to reach the loop, and the loop, having shut it, waits until those inside (a few instructions)
 * are out. */
#ifndef DOCENT_RECIPES_LOCK_INTERNAL_H
#define DOCENT_RECIPES_LOCK_INTERNAL_H

#include <stdatomic.h>

#include "core/client/machine.h"
#include "core/drive/await.h"
#include "recipes/contender.h"
#include "recipes/lock.h"

enum news_type { NEWS_STATE, NEWS_ANSWER, NEWS_LOST };

struct news {
    enum news_type type;
    docent_lock_state state; /* STATE. */
    docent_status status;    /* ANSWER, LOST. */
};

/* At most: WAITING, HELD, the answer, SUSPECT, RELEASED, lost; a suspicion that ends before it is told is taken back. */
enum { NEWS_MAX = 6 };

struct acquisition {
    struct contender contender;
    struct docent_lock *lock;
    struct acquisition *next; /* The lock's, newest first. */
    int64_t number;
    docent_done_fn done; /* Until it is answered. */
    void *user;
    docent_done_fn answer; /* From then on. */
    struct news news[NEWS_MAX];
    size_t news_count;
    struct docent_later telling;
    bool over; /* The contender is finished. To be freed when all is told. */
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

struct docent_lock {
    docent_client *client;
    docent_allocator allocator; /* A copy: the handle may outlive the client. */
    const struct dialect *dialect;
    char *path;
    char *label;
    size_t label_size;
    docent_acl_list acl;
    docent_create_mode parent_mode;
    void (*on_state)(docent_lock *lock, docent_lock_state state, void *user);
    void (*on_lost)(docent_lock *lock, docent_status why, void *user);
    void *user;

    /* The loop's. */
    struct docent_machine machine; /* Hears of the client's end; its timer is the deadline of the current acquisition. */
    bool attached;                 /* The machine is entered. */
    bool timer_reserved;
    docent_status refusal;         /* Why nothing new is accepted; DOCENT_OK: it is. */
    struct acquisition *acquisitions;
    struct acquisition *current;
    int64_t number; /* Of the newest acquisition. */
    struct release_wait *waits;
    size_t readers; /* Reads of the participants. */
    struct docent_later farewell;
    bool farewell_said;
    bool muted; /* A forked child's. */
    void (*closed)(void *user); /* To be told at the farewell. */
    void *closed_user;

    /* Everybody's. */
    docent_shared_i64 word; /* number * 4 + state. */
    docent_shared_i64 token;
    docent_shared_i64 generation;
    docent_shared_i64 released; /* Acquisitions up to this number are. */
    _Atomic int dead; /* The refusal, once the client is not to be touched any more. */
    _Atomic unsigned gate;       /* Threads inside. */
    _Atomic unsigned references; /* The handle, the loop, posts on their way. */
    _Atomic bool release_posted;
    _Atomic bool close_called; /* By whichever thread was first. */
    struct docent_post attach_post, release_post, close_post;
    void (*close_fn)(void *user); /* Written by close, read by its post. */
    void *close_user;
};

static inline int64_t docent_lock_word(int64_t number, docent_lock_state state)
{
    return number * 4 + (int64_t)state;
}

static inline int64_t docent_lock_word_number(int64_t word)
{
    return word / 4;
}

static inline docent_lock_state docent_lock_word_state(int64_t word)
{
    return (docent_lock_state)(word % 4);
}

/* lock.c */
void docent_lock_free(struct docent_lock *lock);
void docent_lock_unref(struct docent_lock *lock);
/* DOCENT_OK: on the loop, and the lock accepts something new. */
docent_status docent_lock_check(struct docent_lock *lock);
void docent_lock_give_up(struct docent_lock *lock, docent_status why); /* The current acquisition, if there is one. */
void docent_lock_run_releases(struct docent_lock *lock);
/* Stands in where the application does not want to know, so that a->done says whether an answer is due. */
void docent_lock_nobody(docent_status outcome, void *user);

/* lock_release.c */
/* How a call of any thread gets to the loop. DOCENT_OK: it is there. DOCENT_ERR_WRONG_THREAD: it is not; @post, unless NULL, is
 * on its way and holds a reference. DOCENT_ERR_FORKED. DOCENT_ERR_CLOSING: the lock is dead. */
docent_status docent_lock_reach_loop(struct docent_lock *lock, struct docent_post *post);
/* From the return of this on nobody sees what is current now as held. Returns its number. */
int64_t docent_lock_mark_released(struct docent_lock *lock);
void docent_lock_release_posted(struct docent_post *post);
void docent_lock_release_dropped(struct docent_post *post);

/* lock_close.c */
void docent_lock_settle(struct docent_lock *lock); /* Something has ended. Whoever waited for it is told. */
void docent_lock_close_posted(struct docent_post *post);
void docent_lock_close_dropped(struct docent_post *post);
void docent_lock_say_farewell(struct docent_later *farewell);
/* In a forked child the lock's end is told to nobody: the parent's threads are not there, and the application there did not ask. */
void docent_lock_mute(struct docent_lock *lock);

#endif
