/* recipes/handle.h - what every object that an application holds in its hand has in common: it can be closed from any thread, once; it ends
 * when its client ends; and its memory goes when nobody needs it any more.
 *
 *     made --> (on the loop) attached --> ending --> over --> farewell: `closed` is told, nothing follows
 *
 * Memory belongs to the handle, to the loop, and to what is posted, together; whoever lets go last frees it. When the client closes first
 * the handle is dead: it touches the client no more, and closing it only frees. The gate makes that sure: other threads pass
 * it to reach the loop, and the loop, having shut it, waits until those inside (a few instructions) are out.
 *
 * A whole is a handle that is made of others, its parts: it is over when they are, so that nothing of theirs is told after its `closed`. The parts
 * are closed by the whole: in its kind's end() if the application closes it, else in its free(), for until then the application may have them
 * in hand, dead. */
#ifndef DOCENT_RECIPES_HANDLE_H
#define DOCENT_RECIPES_HANDLE_H

#include <stdatomic.h>

#include "core/client/machine.h"

struct handle;

struct handle_kind {
    void (*attached)(struct handle *handle); /* On the loop; the client does not close. */
    void (*on_event)(struct handle *handle, const struct docent_event *ev); /* All but CLOSING. */
    /* No more of anything: let go of the servers, tell whoever waits. Once; @why: DOCENT_ERR_CANCELLED (by the application), or why
     * the client closes. @mute: in a forked child, where nobody is told. Then docent_handle_settle(), now and when more has ended. */
    void (*end)(struct handle *handle, docent_status why, bool mute);
    bool (*is_over)(const struct handle *handle); /* Nothing is under way any more. */
    void (*free)(struct handle *handle);          /* What the kind has allocated, handle included. From any thread. */
    /* Loop: what docent_handle_nudge() asks for. Also after the farewell; then there is nothing to do. NULL: nobody nudges. */
    void (*nudged)(struct handle *handle);
};

struct handle {
    docent_client *client;      /* Kept while attached. */
    docent_allocator allocator; /* A copy: the handle may outlive the client. */
    const struct handle_kind *kind;
    struct docent_machine machine;
    struct handle *whole;       /* Of which this is a part. NULL: of none. */
    struct docent_later farewell;
    void (*closed)(void *user); /* Written by close; told at the farewell, or after it by whoever gets there. */
    void *closed_user;
    struct docent_post post;    /* One for whatever other threads want of the loop. */

    _Atomic unsigned parts;      /* Of this one, that are not over. */
    _Atomic unsigned references; /* The handle, the loop, the post on its way. */
    _Atomic unsigned gate;       /* Threads inside. */
    _Atomic int dead;            /* The refusal, once the client is not to be touched any more. */
    docent_status refusal;       /* Loop: why nothing new is accepted; DOCENT_OK: it is. */
    _Atomic uint8_t posted;      /* What the post on its way is to do; 0: there is none. */
    _Atomic bool close_called;   /* By whichever thread was first. */
    uint8_t timers;              /* Reserved besides the machine's, for the kind's own. Set before docent_handle_open(). */
    bool timer_later;            /* All are reserved by docent_handle_reserve(), when they are first needed. Set likewise. */
    bool is_part;                /* Was joined to a whole, also when it has left. Set likewise; read by any thread. */
    bool attached, timer_reserved, ended, close_heard, farewell_said, muted; /* The loop's. */
};

/* May a handle of @client be made now, by this thread? DOCENT_OK, DOCENT_ERR_FORKED, or why the client closes. */
docent_status docent_handle_may_open(docent_client *client);
/* @handle: the first member of a zeroed block of the client's memory, complete but for this. Fails only with DOCENT_ERR_FORKED, and then the
 * block is still the caller's. Without memory for its timer it ends, with DOCENT_ERR_NO_MEMORY. */
docent_status docent_handle_open(struct handle *handle, docent_client *client, const struct handle_kind *kind);
/* Before docent_handle_open() of @part, and before that of @whole, which is zeroed. Opening @part failed: it must leave. */
void docent_handle_join(struct handle *part, struct handle *whole);
void docent_handle_leave(struct handle *part);
/* Its memory stays while somebody has a reference: whoever may come to it from another thread when it is over. Any thread. */
void docent_handle_ref(struct handle *handle);
void docent_handle_unref(struct handle *handle);
/* Any thread. @handle may be NULL. */
void docent_handle_close(struct handle *handle, void (*closed)(void *user), void *user);
/* The same, for blocking forms: waits until all is over. DOCENT_OK, DOCENT_ERR_TIMEOUT (it goes on), why the client closes, or why there was no
 * waiting; closed it is in any case. Not the loop. */
docent_status docent_handle_close_wait(struct handle *handle, uint32_t timeout_ms);
/* Loop: is over, perhaps? */
void docent_handle_settle(struct handle *handle);
/* Loop: with timer_later, DOCENT_OK or DOCENT_ERR_NO_MEMORY, and then the handle is as it was. */
docent_status docent_handle_reserve(struct handle *handle);

/* For calls that are the loop's: DOCENT_OK, or with what they are refused. */
docent_status docent_handle_check(struct handle *handle);
/* For blocking calls: DOCENT_OK and the client, or why there is none to be asked. */
docent_status docent_handle_client(struct handle *handle, docent_client **ret_client);
/* Runs @run(handle, argument) on the loop and returns what it returns: at once on the loop, elsewhere waiting for it. Else as
 * docent_handle_check() and docent_await(). Thread: any. */
docent_status docent_handle_run(struct handle *handle, docent_status (*run)(struct handle *handle, void *argument), void *argument);

/* Stands in for the @done of an application that does not want to know, so that done != NULL says whether an answer is due. */
static inline void docent_nobody(docent_status outcome, void *user)
{
    (void)outcome;
    (void)user;
}

/* What any thread may ask for, any number of times, and what cannot fail: the loop runs kind->nudged(), at once if this is the loop, else soon, and
 * once however often it was asked for meanwhile. Not run any more once the handle is over. */
void docent_handle_nudge(struct handle *handle);

#endif
