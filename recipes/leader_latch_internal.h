/* recipes/leader_latch_internal.h - the leader latch: what leader_latch.c (its states, and what is told) and leader_latch_calls.c (what the
 * application asks of it) share.
 *
 * The election (election.h) says where we sit; the latch makes of it whether we lead, by its policy and its damping, and tells that:
 *
 *     NEW ---> WAITING ---> LEADING ------------------> WAITING   our node is gone
 *      start      ^            |  ^
 *                 |  suspended |  | back; with damping by way of DAMPED, when it has stood for long enough
 *                 |            v  |
 *                 '--------- SUSPENDED <---> DAMPED
 *
 *     With the policy LOST there is no SUSPENDED: LEADING goes on until the node is gone, or the lease is over.
 *
 * The state is a function of the seat (and of the damping's timer), taken anew whenever something has changed; it is published by the tenure,
 * which adds the lease when it is read. Only LEADING is published as held, so that what is told, the token and the proof of a hold never
 * say different things.
 *
 * Telling. Each listener keeps what it was told last. At the end of a turn it is told what differs: the end of one leadership, then the
 * beginning of another. What came and went within one turn nobody could have acted upon, and it is not told. */
#ifndef DOCENT_RECIPES_LEADER_LATCH_INTERNAL_H
#define DOCENT_RECIPES_LEADER_LATCH_INTERNAL_H

#include <docent/leader_latch.h>

#include "recipes/election.h"
#include "recipes/handle.h"
#include "recipes/meter.h"
#include "recipes/tenure.h"
#include "recipes/waiters.h"

enum latch_state {
    LATCH_NEW,
    LATCH_WAITING,
    LATCH_LEADING,
    LATCH_SUSPENDED,
    LATCH_DAMPED,
    LATCH_CLOSED,
    LATCH_STATES
};

struct docent_leader_latch_listener {
    struct docent_leader_latch_listener *next;
    docent_leadership_fn fn;
    void *user;
    bool due;      /* To be told how things stand, whatever it was told last. */
    bool removed;
    int64_t told;  /* The token that it was told last; -1: that we do not lead. */
};

struct docent_leader_latch {
    struct handle handle; /* First. */
    struct election election;
    struct tenure tenure;
    struct meter meter;
    struct waiters waiters;
    char *path, *id;
    docent_acl_list acl;
    docent_error_policy policy; /* SUSPENDED or LOST, once it is attached. */
    uint32_t damping_ms;
    bool notifies;              /* Closing does. */

    enum latch_state state;
    uint64_t since_ms;          /* Of waiting, or leading: for the meter. */
    struct docent_timer damping;
    docent_status why;          /* Why we do not lead, if we did. */
    struct docent_leader_latch_listener first, *listeners; /* first: on_change. */
    struct docent_later telling;
    bool tells;                 /* Now. */
    bool silent;                /* Nobody is to be told any more. */
};

static inline docent_leader_latch *docent_latch_of(const struct handle *handle)
{
    return (docent_leader_latch *)(uintptr_t)handle;
}

extern const struct handle_kind docent_latch_kind;
/* docent_leader_latch_new() of a part of @whole, which closes it; NULL: of none. */
docent_status docent_leader_latch_make(docent_client *client, const char *path, const docent_leader_latch_options *options, struct handle *whole,
                                       docent_leader_latch **ret_latch);
/* The token that is told now; -1: we do not lead. Loop. */
int64_t docent_latch_present(const docent_leader_latch *latch);
void docent_latch_tell(docent_leader_latch *latch); /* Soon. */
void docent_latch_begin(docent_leader_latch *latch);
void docent_latch_look(docent_leader_latch *latch); /* Something has changed. */
void docent_latch_damped(struct docent_timer *timer);
void docent_latch_run_telling(struct docent_later *later);
void docent_latch_changed(struct election *election);
void docent_latch_free(docent_leader_latch *latch);

#endif
