/* recipes/permit.h - one acquire of a semaphore, from the wish for leases until their nodes are certainly gone: what permit.c (states and
 * events), permit_take.c (is there room, and the leases are made), permit_parents.c (what they are made in), permit_recall.c (the short cut),
 * permit_lease.c (a lease's node: looked after, removed) and permit_tell.c (what the application is told, and sees from any thread) share.
 *
 * The happy path: a contender queues for the mutex, and behind its requests goes a listing of the leases. When the mutex is ours and the listing
 * shows room, one transaction deletes the mutex's node and makes all our leases: taken, after two round trips. Giving back deletes, which is a third.
 *
 *      .------------------ the short cut ----------------.
 *      |     start         mutex ours          room       v     made
 *     NEW --------> QUEUEING -------> LOOKING ------> TAKING --------------------> TAKEN <---------.
 *                     ^  ^              | ^             | | ^                        | down        | all there
 *                     |  |     no room  v | changed     | | | none there             v      back   |
 *                     |  |             FULL             | | '---------.           SUSPECT ----> CHECKING
 *                     |  '--- down, mutex lost ---------' | reply lost |             ^ down        |  |
 *                     |                                   '-------> FINDING ---------+-------------'  | one is missing: lost
 *                     '--- not whole: start over --- RETURNING <---- given up -------'                |
 *                                                       | ^-------------------------------------------'
 *     PARENTS: LOOKING's or TAKING's path is missing.   '---> GONE
 *
 * The short cut. Who was alone need not ask whether they still are: the server says, when it numbers nodes. The mutex's path and the leases' each
 * have a counter, which only creates move. So one transaction makes a node in the queue and deletes it by the name that it has if nobody
 * has queued since we last did, makes the leases, and checks the name that the last of them has if nobody has made any since. If somebody has, the
 * transaction fails as a whole, has left no trace, and we queue. If not: nobody has the mutex, for at our last take we were first and nobody has come
 * since; and there are as many leases as we counted then, but for ours since, or fewer. A counter begins anew when its path is deleted (an empty container is)
 * and made again: so a look at the mutex's path goes behind the transaction, and unless that is still the path that we remember what was made is
 * given back, and we queue. The same where a reply is lost. Taken in one round trip, from the third time on: the first tells our number,
 * the second, if it has the next, which path that is in. In the dialect of Curator only: kazoo's leases have no numbers, and its limit must be read.
 *
 * Safety. Every lease is made in the transaction that deletes the node of our mutex, which was first when we looked; a node that is first stays first as
 * long as it is there. So whoever makes leases has the mutex at that moment, and nobody else has made any since our listing: leases can only have
 * become fewer; and whoever has the mutex next sees ours. That holds however late the transaction arrives, and whoever deletes our mutex's node: then
 * there is nothing to be deleted, and nothing is made. (Curator and kazoo make theirs without that: what they do when they have lost the mutex,
 * they may do beside us.) With a shared count the transaction checks the version of that node as well, so that a limit lowered meanwhile is kept.
 *
 * Mutex lost, connection down. Nothing was made: start over. The contender finds out by itself whether it is still first; when it says so we look again,
 * behind a sync: that it is first it may know from a watch, and the next server need not have got that far, so that its listing would lack the
 * leases of whoever was first before.
 *
 * Reply to the transaction lost. Sync, list, look for our names, in the session that sent it. All there: taken, and the mutex's node
 * is gone, whatever a server that lags tells the contender. None there: the node is where it was, unless somebody else has deleted it; look again.
 * Some: somebody is deleting them; the rest is removed, and we start over.
 *
 * Held. After a second every lease's node has a watch, as a lock's. After a reconnect each is looked for. One that is gone ends the permit, and the
 * others are given back: it was all or nothing.
 *
 * The session's end takes every state to GONE: it took our nodes with it. A permit ends when its handle or its semaphore is closed, or the
 * client; then it gives up, and stays until its nodes are gone. */
#ifndef DOCENT_RECIPES_PERMIT_H
#define DOCENT_RECIPES_PERMIT_H

#include <docent/semaphore.h>

#include "recipes/contender.h"
#include "recipes/handle.h"
#include "recipes/meter.h"
#include "recipes/removal.h"
#include "recipes/tenure.h"

enum { PERMIT_OWN_LOOK_MS = 1000 }; /* When somebody first looks after their own nodes. */

struct terms { /* What a semaphore and its permits have in common. Counted: permits may outlive their semaphore. */
    docent_allocator allocator;
    _Atomic unsigned references;
    docent_dialect kind;
    const struct dialect *mutex_names, *lease_names;
    char *mutex_path, *leases_path;
    char *limit_path; /* Shared count; NULL: none. */
    uint32_t max;
    char max_text[12]; /* Decimal: kazoo's data of the path. */
    char *label;
    size_t label_size;
    docent_acl_list acl;
    docent_create_mode parent_mode; /* The loop's. */
    void (*on_state)(docent_permit *permit, docent_permit_state state, void *user);
    void (*on_lost)(docent_permit *permit, docent_status why, void *user);
    void *user;
};

enum permit_state {
    PERMIT_NEW,
    PERMIT_QUEUEING,  /* The mutex is not ours, or not surely. */
    PERMIT_LOOKING,   /* It is. Listing the leases, and reading the limit. */
    PERMIT_FULL,      /* No room. Once more, with a watch; then any change among the leases, or of the limit: look again. */
    PERMIT_PARENTS,   /* What leases are made in is missing, and is being made. */
    PERMIT_TAKING,    /* The transaction is out. */
    PERMIT_FINDING,   /* What became of it is unknown. */
    PERMIT_TAKEN,
    PERMIT_SUSPECT,   /* Taken, and the connection is down. */
    PERMIT_CHECKING,  /* The connection is back: are they there? */
    PERMIT_RETURNING, /* Removing them. */
    PERMIT_GONE,
    PERMIT_STATES
};

enum permit_tag { TAG_PERMIT_CATCH_UP, TAG_PERMIT_LIMIT, TAG_PERMIT_LIST, TAG_PERMIT_TAKE, TAG_PERMIT_FOLDER, TAG_PERMIT_PARENT, TAG_PERMIT_BASE,
                  TAG_PERMIT_SYNC, TAG_PERMIT_FIND, TAG_PERMIT_OWN };

struct permit_limit {
    bool known;
    uint32_t max;
    int32_t version; /* Of the shared count; -1: it is not there. */
};

struct recall { /* What a semaphore knows from its last take. */
    bool known;         /* The number is. */
    bool armed;         /* All of it is, and nobody uses it: the next take may try the short cut. */
    int64_t number;     /* Of our last place in the queue, */
    int64_t folder;     /* in the mutex's path that has this czxid. 0: not known. */
    int64_t last_lease; /* Number of the last lease that we made. */
    uint64_t taken;     /* Leases, at most, if nobody but us has made any since. */
    struct permit_limit limit;
    uint32_t epoch;     /* Of the look that the count began with. */
};

struct lease {
    struct docent_machine machine; /* Its own: each node has a watch. */
    struct docent_permit *permit;
    struct protected_node own;
    struct removal removal;
    bool unchecked; /* CHECKING: not seen yet. */
    bool watched;   /* TAKEN: a watch is left, or being left. */
};

struct docent_permit {
    struct handle handle; /* First. Its machine is the permit's. */
    struct terms *terms;
    struct docent_semaphore *semaphore; /* That waits for us. NULL: none any more. */
    struct docent_permit *next;         /* The semaphore's. */
    enum permit_state state;
    docent_status verdict;      /* DOCENT_OK while wanted, else why not: the first reason. */
    bool one_look;
    struct contender contender; /* For the mutex. */
    struct contender_config contending_as;
    bool contending;            /* There is one. */
    bool led;                   /* And it was first once: so its node was there. */
    bool early;                 /* QUEUEING: a listing is under way, behind the contender's requests. */
    bool lagging;               /* The server may be behind what the contender has heard. */
    struct permit_limit limit;
    uint64_t seen;              /* Leases, by the listing. */
    bool brief;                 /* TAKING, FINDING: by the short cut. */
    bool looked, made;          /* TAKING: folder is known, or cannot be; the leases are made. */
    int64_t number, folder;     /* Of our place in the queue; czxid of the mutex's path, 0: not known. */
    uint32_t epoch;             /* Of the recall that counts our leases. 0: none does. */
    struct parents parents;
    bool climbing;   /* PARENTS, kazoo: what is above the path. */
    uint32_t count;
    struct lease *leases;
    bool attached;   /* Their machines are entered. */

    struct docent_timer deadline;
    docent_done_fn done; /* Until it is called. */
    void *user;
    bool answered;       /* The outcome is known. */
    docent_status outcome;
    bool held_once;
    docent_status lost;  /* Why, if it was held and lost. */
    enum tenure_state shown;
    docent_permit_state told;
    bool telling;
    struct docent_later later; /* Tells, and begins a contender if one is wanted. */

    struct tenure tenure;
    struct meter meter;
    uint64_t begun_ms, held_at_ms;
};

static inline bool docent_permit_is_kazoo(const struct docent_permit *permit)
{
    return permit->terms->kind == DOCENT_DIALECT_KAZOO;
}

/* permit.c */
/* Opens and starts it; @permit is ret_permit's. Loop. */
docent_status docent_permit_new(struct docent_semaphore *semaphore, docent_client *client, struct terms *terms, uint32_t count,
                                uint32_t timeout_ms, docent_done_fn done, void *user, docent_permit **ret_permit);
void docent_permit_go(struct docent_permit *permit, enum permit_state next);       /* Enters and asks. */
void docent_permit_go_later(struct docent_permit *permit, enum permit_state next); /* Asks after the client's backoff. */
/* Nothing is made: looks again if the mutex is ours, else waits for it. Ends if it is not wanted any more. */
void docent_permit_seek(struct docent_permit *permit);
bool docent_permit_leads(const struct docent_permit *permit); /* The mutex is ours, as far as is known. */
void docent_permit_give_up(struct docent_permit *permit, docent_status why);
void docent_permit_lose(struct docent_permit *permit, docent_status why); /* Held, and lost. */
void docent_permit_abandon(struct docent_permit *permit, docent_status why); /* The client closes: there is nobody to ask any more. */
void docent_permit_limit_changed(struct docent_permit *permit);

/* permit_take.c */
void docent_permit_ask(struct docent_permit *permit); /* For what the state waits for. */
void docent_permit_ask_look(struct docent_permit *permit);
void docent_permit_on_reply(struct docent_permit *permit, const struct docent_event *ev);
/* Something that changes nothing failed; @state will ask for it again. */
void docent_permit_ask_again(struct docent_permit *permit, enum permit_state state, docent_status status);

/* permit_parents.c */
void docent_permit_ask_parents(struct docent_permit *permit);
void docent_permit_path_missing(struct docent_permit *permit);
void docent_permit_on_base(struct docent_permit *permit, docent_status status);
void docent_permit_on_parent(struct docent_permit *permit, docent_status status);

/* permit_recall.c */
bool docent_recall_serves(const struct docent_permit *permit); /* The short cut may be tried. */
void docent_recall_use(struct docent_permit *permit);          /* It is. */
bool docent_recall_wants(struct docent_permit *permit);        /* A look at the mutex's path beside the transaction, before which this is called. */
struct recall_names {
    const char *place, *numbered_place; /* Of the node in the queue, as we and as the server should call it. */
    const char *last_lease;             /* As the server should call it. */
};
char *docent_recall_names(struct docent_permit *permit, struct recall_names *names); /* What they are in, to be freed; NULL: no memory. */
bool docent_recall_is_true(const struct docent_permit *permit); /* The path that was looked at is the one remembered. */
void docent_recall_keep(struct docent_permit *permit);     /* Its leases are made. */
void docent_recall_queues(struct docent_permit *permit);   /* For the mutex: what is remembered will not be true any more. */
void docent_recall_returned(struct docent_permit *permit); /* Its leases are gone. */
void docent_recall_limit_changed(struct docent_semaphore *semaphore); /* Or may have: what is remembered is not used any more. */

/* permit_lease.c */
docent_status docent_leases_init(struct docent_permit *permit);
void docent_leases_free(struct docent_permit *permit); /* Takes their machines out. Again: does nothing. */
void docent_leases_attach(struct docent_permit *permit);
void docent_leases_next_turn(struct docent_permit *permit);
void docent_leases_draw_names(struct docent_permit *permit);
void docent_leases_ask_check(struct docent_permit *permit);
void docent_leases_ask_watch(struct docent_permit *permit);
void docent_leases_ask_removal(struct docent_permit *permit);

/* permit_tell.c */
void docent_permit_show(struct docent_permit *permit, enum tenure_state state); /* To everybody. */
void docent_permit_answer(struct docent_permit *permit, docent_status outcome);
void docent_permit_tell(struct docent_permit *permit);

/* semaphore.c */
void docent_terms_drop(struct terms *terms);
struct meter *docent_semaphore_meter(struct docent_semaphore *semaphore);
struct recall *docent_semaphore_recall(struct docent_semaphore *semaphore);
void docent_semaphore_let_go(struct docent_semaphore *semaphore, struct docent_permit *permit); /* It is over. */

#endif
