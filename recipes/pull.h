/* recipes/pull.h - what queues have in common from which items are taken by calls that wait: the calls, each with a deadline, and attempts at
 * items, no more of them under way than there are calls.
 *
 * Calls and attempts do not belong together: who has waited longest gets what comes first, so that with one consumer items come in
 * the queue's order however many calls wait. An attempt that nobody waits for any more is given up, where that can be done; one whose
 * outcome has to be waited for keeps a call waiting, past its deadline if need be, for an item that is taken must have a taker. */
#ifndef DOCENT_RECIPES_PULL_H
#define DOCENT_RECIPES_PULL_H

#include "recipes/handle.h"
#include "recipes/items.h"
#include "recipes/meter.h"

struct pull;

/* A call that waits. */
struct taker {
    struct taker *next;
    struct pull *pull;
    uint64_t begun_ms, deadline_ms;
    bool one_look;
    bool late;              /* To be ended as soon as no attempt needs it. */
    void (*done)(void);     /* Of the kind's own type. */
    void *user;
    docent_status status;   /* When it has ended. */
    void *got;              /* The kind's, or NULL. */
    struct docent_later telling;
};

/* First in what the kind has for each item that is out. */
struct attempt {
    struct pull *pull;
    struct attempt *previous, *next; /* The pull's, newest first. */
    struct items_out out;
    bool wanted;            /* One of the calls is to have what comes of it. */
};

struct pull_kind {
    struct attempt *(*begin)(struct pull *pull, const char *name); /* With out.name. NULL: no memory. Asks for nothing yet. */
    void (*start)(struct attempt *attempt);
    /* Nobody waits for it. True: it comes to its end without docent_pull_give(), perhaps now. */
    bool (*cancel)(struct attempt *attempt);
    void (*tell)(struct taker *taker); /* Runs taker->done (NULL: nobody's), and frees taker->got if it is not the application's then. */
    void (*free)(struct pull *pull);   /* Pull included. From any thread. */
};

struct pull {
    struct handle handle; /* First. */
    const struct pull_kind *kind;
    struct items items;
    bool items_made;
    struct taker *takers, **takers_last;
    size_t taker_count, look_count; /* Of those one look only. */
    size_t telling;      /* Takers that have ended and are not told. */
    struct attempt *attempts;
    size_t wanted_count; /* Attempts. */
    bool running, again;
    bool timer_set;
    uint64_t timer_ms;   /* The earliest deadline, if so; or earlier. */
    struct meter meter;
};

enum { PULL_TIMERS = ITEMS_TIMERS, PULL_PARALLEL = 256 };

/* @pull: the first member of a zeroed block of the client's memory; else as docent_handle_open(). @items: without its callbacks and client. */
docent_status docent_pull_open(struct pull *pull, docent_client *client, const struct pull_kind *kind, const struct items_config *items);
/* A call. @timeout_ms may be DOCENT_FOREVER or DOCENT_NO_WAIT: one look. */
docent_status docent_pull_take(struct pull *pull, uint32_t timeout_ms, void (*done)(void), void *user);
/* The attempt has come to something (or to an error that a call is to hear of): it is wanted no more, and the owner goes on with it. False, in
 * forked children only: nobody is there, and @got is still the owner's. */
bool docent_pull_give(struct attempt *attempt, docent_status status, void *got);
/* It has come to its end, and may be freed when this returns. */
void docent_pull_over(struct attempt *attempt, enum items_verdict verdict);
docent_status docent_pull_info(struct pull *pull, docent_recipe_info *ret_info);

#endif
