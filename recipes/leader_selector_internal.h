/* recipes/leader_selector_internal.h - the leader selector: what leader_selector.c (its states, and what is told) and leader_selector_calls.c
 * (what the application asks of it) share.
 *
 * The election (election.h) says where we sit; the selector makes terms of it. A term begins when we lead, and ends when the application says
 * so, and not before: what happens to our leadership meanwhile is told, and waits.
 *
 *     OUT -----> QUEUED -------> LEADING -------> STOPPING     somebody asks the application to end it
 *      ^  queue    ^    leads       |  \             |
 *      |           |                |   `--> LOST <--'         suspended (by policy), or our node is gone
 *      |           |                v         v
 *      '-----------'------------- relinquished: the node is deleted, and we queue again if that is wanted
 *
 * A term that is lost before it was told never was: back to QUEUED. While a term is LOST we do not stand again, though the election might, so
 * that nobody waits for one who does not work; the node of a suspended term stays where it is, so that nobody leads beside one who may
 * still be stopping.
 *
 * Whose term it is. With on_leadership it is told; else a thread waits in docent_leader_selector_run(), which is the runner. Closing ends a term
 * that was told; for a runner it waits.
 *
 * Other threads. Terms are numbered, and the numbers are the tenure's: relinquishing raises what is released to the number of the term, and
 * from then on nobody sees it held; the loop, nudged, finds that and ends the term. */
#ifndef DOCENT_RECIPES_LEADER_SELECTOR_INTERNAL_H
#define DOCENT_RECIPES_LEADER_SELECTOR_INTERNAL_H

#include <docent/leader_selector.h>

#include "recipes/election.h"
#include "recipes/handle.h"
#include "recipes/meter.h"
#include "recipes/tenure.h"
#include "recipes/waiters.h"

enum selector_state {
    SELECTOR_OUT,
    SELECTOR_QUEUED,
    SELECTOR_LEADING,
    SELECTOR_STOPPING,
    SELECTOR_LOST,
    SELECTOR_CLOSED,
    SELECTOR_STATES
};

enum selector_runner {
    RUNNER_NOBODY,
    RUNNER_WAITS, /* Among the waiters. */
    RUNNER_RUNS,  /* It was given the term. */
};

enum { /* To be told, in this order. */
    SELECTOR_NEWS_TERM = 1,
    SELECTOR_NEWS_STOP = 2,
    SELECTOR_NEWS_LOST = 4,
};

struct docent_leader_selector {
    struct handle handle; /* First. */
    struct election election;
    struct tenure tenure;
    struct meter meter;
    struct waiters waiters; /* The runner. */
    char *path, *id;
    docent_acl_list acl;
    docent_error_policy policy; /* SUSPENDED or LOST, once it is attached. */
    bool auto_requeue;
    void (*on_leadership)(docent_leader_selector *selector, const docent_leader_term *term, void *user);
    void (*on_interrupt)(docent_leader_selector *selector, const docent_leader_term *term, docent_status why, void *user);
    void *user;

    enum selector_state state;
    enum selector_runner runner;
    bool again;              /* Another term is wanted after this one. */
    docent_leader_term term; /* The present one, or the last; numbers count on. Its hold is ours. */
    uint64_t since_ms;       /* Of waiting, or the term: for the meter. */
    unsigned news;
    docent_status stop_why, lost_why;
    struct docent_later telling;
    bool tells;              /* Now. */

    docent_shared_i64 told;    /* The number of the last term that was told: only these can be ended. */
    docent_shared_i64 outcome; /* Of that term: why it was lost, or DOCENT_OK. */
};

static inline docent_leader_selector *docent_selector_of(const struct handle *handle)
{
    return (docent_leader_selector *)(uintptr_t)handle;
}

extern const struct handle_kind docent_selector_kind;
void docent_selector_queue(docent_leader_selector *selector);   /* From OUT. */
void docent_selector_stop(docent_leader_selector *selector, docent_status why); /* Asks the application to. */
bool docent_selector_has_term(const docent_leader_selector *selector); /* That has not been ended. */
void docent_selector_relinquished(struct handle *handle);
void docent_selector_changed(struct election *election);
void docent_selector_runner_late(struct waiters *waiters);
void docent_selector_tell(struct docent_later *later);
void docent_selector_free(docent_leader_selector *selector);

#endif
