/* recipes/election.h - the election, which leader_latch.c and leader_selector.c embed: for as long as it is wanted to, it takes part, with one
 * contender (contender.h) after the other. When a contender ends by itself a new one begins, with a new name:
 *
 *              join                        the session ended, or somebody deleted our node: at once
 *      OUT ------------> STANDS ------------------------------------------------------------------> STANDS
 *       ^ leave            |  ^
 *       |                  v  | the client's pause is over
 *       '-- (anywhere)    PAUSES    refused, or no memory
 *
 *      Leaving is at once: the contender left removes its node by itself, and the next one, if there is to be one, does not wait
 *      for that. ENDED is for good.
 *
 * Who leads is kept nowhere: the seat is what the present contender's phase says, its node names transaction and session, and tenure.h makes of
 * these what other threads read, together with the lease. The owner is told that something has changed, and looks. Loop only. */
#ifndef DOCENT_RECIPES_ELECTION_H
#define DOCENT_RECIPES_ELECTION_H

#include <docent/operation.h>

#include "recipes/contender.h"

enum election_state {
    ELECTION_OUT,
    ELECTION_STANDS, /* There is a contender. */
    ELECTION_PAUSES, /* The last one was refused. */
    ELECTION_ENDED,
    ELECTION_STATES
};

enum election_seat {
    ELECTION_AWAY,   /* No contender. */
    ELECTION_WAITS,
    ELECTION_LEADS,
    ELECTION_DOUBTS, /* First when last heard of: the connection is down, or our node is being looked for. */
};

struct candidate;
struct election {
    struct docent_machine machine; /* Its timer is reserved by the owner. */
    bool attached;
    docent_client *client;         /* This and what follows is set by the owner. */
    const struct dialect *dialect;
    const char *path;
    const void *data;
    size_t size;
    docent_acl_list acl;
    bool one_reign;                /* Who has led does not stand again by itself: OUT. */
    void (*changed)(struct election *election); /* The seat, or what hinders us, or something is over. From inside the calls below, too. */

    docent_create_mode parent_mode;
    enum election_state state;
    struct candidate *present;    /* STANDS. */
    struct candidate *candidates; /* It, and those that remove their nodes. */
    uint64_t number;              /* Of the newest. */
    docent_status fall;           /* Why the last one that had led ended by itself. */
    docent_status trouble;        /* Why the last one ended; DOCENT_OK: it was left, or one has led since. */
    size_t readers;               /* Reads of the participants. */
};

/* @election: zeroed, but for what the owner sets. Cannot fail. */
void docent_election_begin(struct election *election);
void docent_election_join(struct election *election);  /* From OUT. */
void docent_election_leave(struct election *election); /* From anywhere: OUT, unless ENDED. */
/* Leaves, for good. @mute: in a forked child, where nobody is told. */
void docent_election_end(struct election *election, bool mute);
bool docent_election_is_over(const struct election *election); /* ENDED, and nothing of us is under way. */

enum election_seat docent_election_seat(const struct election *election);
/* What keeps us from getting on, now: the last error, or that there is no connection. DOCENT_OK: others stand in front, if anything does. */
docent_status docent_election_trouble(const struct election *election);
/* The node of a seat that is not AWAY; good where it LEADS or DOUBTS. */
const struct protected_node *docent_election_node(const struct election *election);

/* Who takes part: see participants.h. */
docent_status docent_election_participants(struct election *election, size_t most, docent_result_fn done, void *user);

#endif
