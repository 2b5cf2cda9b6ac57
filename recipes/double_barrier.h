/* recipes/double_barrier.h - docent_double_barrier, a member, and its entries: what double_barrier.c (the handle), double_barrier_entry.c
 * (an entry's states and events), _own.c (our node), _ready.c (the node `ready`), _enter.c, _part.c and _leave.c (the ways in, and out) and
 * _fate.c (what becomes of an entry) share.
 *
 * An entry is an errand that lasts from wanting to enter until our node is certainly gone. It makes two promises: to say what became
 * of entering, and, later, of leaving.
 *
 * The watch. While a handle is open it has a standing watch on `ready`. From a look on that was asked for while that was armed, it is known at
 * every place of the stream whether `ready` is there (barrier->ready_known), until the connection goes or the watch says RESET.
 *
 * Entering. Our node is made; behind it, in one round trip, go a count of the children and, where it is not known that it is not there, a look at
 * `ready`. Not enough: the watch tells when somebody else has found enough. Enough, and ours is the last node that came: they are listed, and
 * `ready` is made by a transaction that checks of as many of them, ourselves among them, that they are there and were never set. (A server
 * may carry out many creates before any of the counts behind them. Whose node was not the last acts when it has heard nothing for a while.)
 *
 *     NEW --> CREATING --made--> GATHERING --ready, younger than our node--> INSIDE
 *              |  ^                |  ^   '--ready, older--> JOINING --one has passed--> INSIDE
 *           FINDING, PARENTS       |  '---- stale: removed ----'
 *                                  v deadline
 *                               MARKING --counted--> INSIDE, else --> REMOVING --> over
 *
 * Who was counted. Transactions have an order. `ready` was made when our node stood there: it counts us, we pass. We came later: either the
 * round is on and we join it, or it is a dead round's. A round is on if somebody is there who has passed by this `ready`: older than it, or joined
 * later. Those who join set their own node, which makes its version 1, and set `ready`, in a transaction that checks the one whom
 * they have found: so the round that they join cannot have ended before, and whoever wants to end it now fails, for `ready` has another
 * version. Who withdraws sets its node twice: from version 1 on nobody counts it, and from 2 on nobody takes it for one who has joined.
 * What was counted before that shows when `ready` was made: after our node was, and before it was set.
 *
 * Leaving, while `ready` is known to be there: our node goes, behind it, in one round trip, the path's own node is read, and the watch tells when
 * `ready` is gone. If nothing else is there, and our node was the last that went, we take it away, as a dead round's: who has come in
 * meanwhile is none of its round. Should whoever has to do that die, nobody would: so we wait like that for a second only. Else, and in any
 * other case, as all dialects do it: the lowest waits for the highest to go; others go, and wait for the lowest to go. Which round it is
 * `ready` says, by the transaction that made it: another one, or none, and ours is over, whoever gathers there now. Alone, we go and
 * take `ready` with us, in one transaction, if nobody has joined since we looked. In the kazoo dialect, whose members
 * remove `ready` at once, the round is those who were there when we began to leave.
 *
 *     INSIDE --leave--> PARTING --ready gone--> over
 *       |                  | a second, trouble, reconnect
 *       '--------------> LEAVING --others are there--> WATCHING --changed--> LEAVING
 *       |  ^               |  alone, or over                          ^ reconnect
 *       v  | back          v                                          '
 *     CHECKING            over, by REMOVING if our node is there still */
#ifndef DOCENT_RECIPES_DOUBLE_BARRIER_H
#define DOCENT_RECIPES_DOUBLE_BARRIER_H

#include <docent/double_barrier.h>

#include "recipes/errand.h"
#include "recipes/parents.h"
#include "recipes/protected.h"
#include "recipes/rearm.h"
#include "recipes/removal.h"
#include "recipes/tenure.h"

struct entrant;

struct docent_double_barrier {
    struct handle handle; /* First. */
    char *path, *ready, *label;
    size_t label_size;
    uint32_t quantity;
    docent_dialect dialect;
    docent_acl_list acl;
    docent_create_mode parent_mode;
    void (*on_lost)(docent_double_barrier *barrier, docent_status why, void *user);
    void *user;
    struct errand *errands;
    struct entrant *current; /* The one that enters, is inside, or leaves. NULL: none. */
    int64_t number;        /* Of the newest entry. */
    struct rearm watch;    /* Of ready, from the first entry on. */
    bool watched;          /* It was started. */
    bool ready_known;      /* The watch, and a look since it said RESET, tell whether ready is there. */
    bool ready_there;
    bool path_is_shut;     /* We may not set it. */
    uint32_t resets;       /* Of the watch. */
    struct meter meter;
    struct tenure tenure;
};

enum entry_state {
    ENTRY_NEW,       /* An earlier entry's node is being removed. */
    ENTRY_CREATING,
    ENTRY_PARENTS,
    ENTRY_FINDING,
    ENTRY_GATHERING,
    ENTRY_JOINING,
    ENTRY_MARKING,
    ENTRY_INSIDE,
    ENTRY_CHECKING,  /* Inside when last heard of. */
    ENTRY_LEAVING,
    ENTRY_WATCHING,
    ENTRY_PARTING,
    ENTRY_REMOVING,
    ENTRY_STATES
};

struct entry_ready { /* As last looked at. */
    bool there;
    int64_t czxid;
    int32_t version;
};

struct entrant {
    struct errand errand; /* First. Its promise: to say what became of entering. */
    struct promise leave;
    struct docent_double_barrier *barrier;
    enum entry_state state;
    int64_t number;
    docent_status verdict; /* DOCENT_OK while it is wanted to be in, or to leave together; else why not. */
    bool one_look;
    bool unseen;           /* CREATING: what was to follow the create has failed. */
    bool shy;              /* The count follows the create: somebody else may have been told the same. */
    bool looks;            /* With the count, ready was asked for. */
    bool past;             /* The ready that we have passed by is gone. */
    bool behind;           /* Our server may not have heard yet of what another one has told us: a notification moves no session's zxid. */
    bool holds;            /* The client's lease is a strict one for our sake. */
    struct protected_node own;
    struct parents parents;
    struct removal removal;
    struct entry_ready ready;
    docent_stat own_stat;  /* MARKING. */
    docent_result *list;   /* JOINING: of the members; LEAVING in kazoo's dialect: those of our round. Owned. */
    docent_result *base;   /* The path's own node, when ready is to be cleared away. Owned. */
    size_t at;             /* JOINING: the member that is looked at. */
    uint32_t tries;        /* GATHERING: to make ready. */
    uint32_t look_of;      /* The watch's resets when ready was asked for; 0: it was not armed. */
    int64_t round;         /* The transaction that made our ready. 0: not known. */
    int64_t left_zxid;     /* By which our node was gone, so that later ones are none of ours. 0: not known. */
    uint64_t inside_ms;    /* Since when. */
    struct docent_later losing;
    docent_status lost_why;
};

enum { ENTRY_ROOM = 37, ENTRY_OWN_LOOK_MS = 1000, ENTRY_WAITER_LOOK_MS = 10000, ENTRY_SHY_MS = 100, ENTRY_GRACE_MS = 1000, ENTRY_CHECKS_MAX = 1000 };
enum entry_tag { TAG_CREATE, TAG_PARENT, TAG_READY, TAG_COUNT, TAG_LIST, TAG_OPEN, TAG_OWN, TAG_MEMBER, TAG_JOIN, TAG_BASE, TAG_AGAIN,
                 TAG_STALE, TAG_MARK,
                 TAG_DELETE, TAG_TARGET, TAG_SYNC, TAG_END }; /* And those of the building blocks. */

static inline struct docent_machine *entry_machine(struct entrant *e)
{
    return &e->errand.machine;
}
static inline docent_client *entry_client(const struct entrant *e)
{
    return e->barrier->handle.client;
}
static inline const char *entry_name(const struct entrant *e)
{
    return e->own.path + e->own.parent_size + 1;
}

static inline struct entrant *entry_of(struct errand *errand)
{
    return (struct entrant *)(void *)errand;
}

/* double_barrier_entry.c */
docent_status docent_entrant_begin(struct docent_double_barrier *barrier, struct entrant **ret_entry);
void docent_entrant_start(struct entrant *entry);
void docent_entrant_enter(struct entrant *entry, enum entry_state next); /* The only writer of entry->state; asks nothing. */
void docent_entrant_go(struct entrant *entry, enum entry_state next);
void docent_entrant_go_later(struct entrant *entry, enum entry_state next, docent_status why);
/* Something that changes nothing failed; @state will ask for it again. */
void docent_entrant_ask_again(struct entrant *entry, enum entry_state state, docent_status status);

/* double_barrier_fate.c */
void docent_entrant_is_inside(struct entrant *entry);
void docent_entrant_lose(struct entrant *entry, docent_status why);      /* Inside, and out. */
void docent_entrant_answer(struct entrant *entry, docent_status outcome); /* Entering: not OK. */
void docent_entrant_give_up(struct entrant *entry, docent_status why);   /* Entering. */
void docent_entrant_cancel(struct entrant *entry);                       /* Entering, and asked to leave. */
void docent_entrant_leave(struct entrant *entry, bool alone);            /* Inside, and asked to leave. */
void docent_entrant_over(struct entrant *entry, docent_status why);
void docent_entrant_late(struct errand *errand);
void docent_entrant_end(struct errand *errand, docent_status why);
void docent_entrant_fini(struct errand *errand, docent_status why);

/* double_barrier_own.c */
void docent_entrant_draw_name(struct entrant *entry);
void docent_entrant_has_none(struct entrant *entry);   /* Our node is gone; what hung on it is, too. */
void docent_entrant_begin_anew(struct entrant *entry); /* Somebody has deleted our node. */
void docent_entrant_ask_create(struct entrant *entry);
void docent_entrant_on_creating(struct entrant *entry, const struct docent_event *ev);
void docent_entrant_on_parent(struct entrant *entry, docent_status status);
void docent_entrant_on_find(struct entrant *entry, const struct docent_event *ev);
void docent_entrant_ask_own(struct entrant *entry);
void docent_entrant_on_own(struct entrant *entry, const struct docent_event *ev);
void docent_entrant_on_removal(struct entrant *entry, const struct docent_event *ev);

/* double_barrier_ready.c */
docent_status docent_ready_watch(struct docent_double_barrier *barrier); /* From now on. DOCENT_OK or DOCENT_ERR_NO_MEMORY. */
bool docent_ready_is_known(const struct docent_double_barrier *barrier); /* barrier->ready_there is so, at this place of the stream. */
void docent_ready_ask(struct entrant *entry, int tag);
void docent_ready_seen(struct entrant *entry, const struct docent_event *ev); /* OK or NO_NODE. */
void docent_entrant_ask_clear(struct entrant *entry); /* Nobody of the round that ready belongs to is there. */
void docent_entrant_on_clear(struct entrant *entry, enum entry_state back, const struct docent_event *ev); /* TAG_BASE, TAG_AGAIN, TAG_STALE. */
void docent_entrant_ask_base(struct entrant *entry);
void docent_entrant_clear(struct entrant *entry, const docent_result *base); /* Ready was there, in the version that we know, after @base. */
bool docent_entrant_is_shut_out(struct entrant *entry, const struct docent_event *ev); /* From setting the path; so it was not known. */

/* double_barrier_enter.c */
void docent_entrant_ask_look(struct entrant *entry); /* How many there are, and at ready if need be. */
void docent_entrant_on_gathering(struct entrant *entry, const struct docent_event *ev);
void docent_entrant_on_ready_made(struct entrant *entry, int64_t zxid); /* -1: not known. */
void docent_entrant_gathering_timer(struct entrant *entry);
void docent_entrant_ask_join(struct entrant *entry);
void docent_entrant_on_joining(struct entrant *entry, const struct docent_event *ev);
void docent_entrant_ask_mark(struct entrant *entry);
void docent_entrant_on_marking(struct entrant *entry, const struct docent_event *ev);

/* double_barrier_part.c */
bool docent_entrant_may_part(const struct entrant *entry);
void docent_entrant_ask_part(struct entrant *entry);
void docent_entrant_on_parting(struct entrant *entry, const struct docent_event *ev);
void docent_entrant_on_ready_gone(struct entrant *entry);
void docent_entrant_on_ready_doubt(struct entrant *entry);

/* double_barrier_leave.c */
void docent_entrant_has_left(struct entrant *entry); /* All are out, or we do not wait for them. */
void docent_entrant_ask_leave(struct entrant *entry);
void docent_entrant_on_leaving(struct entrant *entry, const struct docent_event *ev);
void docent_entrant_on_watching(struct entrant *entry, const struct docent_event *ev);

#endif
