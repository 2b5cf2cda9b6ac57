/* recipes/permit.h - one acquire of a semaphore, from the wish for leases until their nodes are certainly gone: what permit.c (states and
 * events), permit_take.c (is there room, and the leases are made), permit_lease.c (a lease's node: looked after, removed) and permit_tell.c (what the
 * application is told, and sees from any thread) share.
 *
 * The happy path: a contender queues for the mutex, and behind its requests goes a listing of the leases. When the mutex is ours and the listing
 * shows room, one transaction makes all our leases, if the mutex's node is still there; then the mutex is let go. Giving back deletes.
 *
 *            start         mutex ours          room            made
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
 * Safety. Every lease is made in a transaction that checks the node of our mutex, which was first when we looked; a node that is first stays first as long as
 * it is there. So whoever makes leases has the mutex at that moment, and nobody else has made any since our listing: leases can only have become
 * fewer. That holds however late the transaction arrives, and whoever deletes our mutex's node. (Curator and kazoo make theirs without that
 * check: what they do when they have lost the mutex, they may do beside us.) With a shared count it checks the version of that node as well, so
 * that a limit lowered meanwhile is kept.
 *
 * Mutex lost, connection down. Nothing was made: start over. The contender finds out by itself whether it is still first; when it says so we look again,
 * behind a sync: that it is first it may know from a watch, and the next server need not have got that far, so that its listing would lack the
 * leases of whoever was first before.
 *
 * Reply to the transaction lost. Sync, list, look for our names, in the session that sent it. All there: taken, for the transaction was
 * carried out while the mutex was ours, whatever has become of it since. None there: look again. Some: somebody is deleting them; the rest is
 * removed, and we start over.
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

enum permit_tag { TAG_PERMIT_CATCH_UP, TAG_PERMIT_LIMIT, TAG_PERMIT_LIST, TAG_PERMIT_TAKE, TAG_PERMIT_PARENT, TAG_PERMIT_BASE, TAG_PERMIT_SYNC, TAG_PERMIT_FIND,
                  TAG_PERMIT_OWN };

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
    struct {
        bool known;
        uint32_t max;
        int32_t version; /* Of the shared count; -1: it is not there. */
    } limit;
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
void docent_semaphore_let_go(struct docent_semaphore *semaphore, struct docent_permit *permit); /* It is over. */

#endif
