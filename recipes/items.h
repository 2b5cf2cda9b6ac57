/* recipes/items.h - a sorted window of the names in a directory, for those who take them one by one.
 *
 * One listing fills the window, and the next is asked for when it is used up and something has come, not for every name taken; so 100,000
 * items cost what they weigh, once. A standing watch says that something has come. What the owner took out of the window is not in
 * it again, whatever a listing says, until the owner gives it back.
 *
 *     peek, take --> out, with the owner --> back: GONE     deleted; nothing is remembered
 *                                                  SKIPPED  somebody else has it claimed: it is looked at again later
 *                                                  AGAIN    can be had at once, in its old place
 *
 * Order        In a queue where new names are always the last (FIFO) a window is used up before the next listing, whatever comes
 *              meanwhile: fresh_ms is DOCENT_FOREVER. Where a name may come in front of others (priorities, times) a change has a new listing made
 *              fresh_ms after the last one, and fresh_items taken out; so a name that arrives late is seen within that and a round trip. But
 *              first it is asked whether anything was created at all: most changes are names that we have taken ourselves.
 * Claims       With a directory of claims (nodes called like the items) names that are claimed when it is listed are left out. That saves
 *              fights; it decides nothing.
 * Pace         A listing of which little could be taken is paid for by a pause that grows with its size, a second at most.
 * Memory       What one listing takes.
 * Several      Consumers of one directory fight for its head; who loses goes on to the next name. Where order does not bind, `scatter`
 *              has each walk its window from a place of its own.
 *
 * It lives on the loop, and tells inside the turn; it calls no application. */
#ifndef DOCENT_RECIPES_ITEMS_H
#define DOCENT_RECIPES_ITEMS_H

#include "recipes/rearm.h"

struct items_order {
    bool (*is_item)(const char *name); /* Others are skipped, and survive. Must not need its own memory; names may be any bytes. */
    int (*compare)(const char *a, const char *b); /* Of two that are items. Equal ones stand in the order of their bytes. */
};

enum items_verdict {
    ITEMS_GONE,
    ITEMS_SKIPPED,
    ITEMS_REFUSED, /* Skipped, and no change among the claims, of which giving up our own is one, makes it worth a look. */
    ITEMS_AGAIN,
};

/* A name that is out. The owner's, linked here while it is out. */
struct items_out {
    const char *name; /* The owner's own copy. */
    struct items_out *previous, *next;
};

struct items;

struct items_config {
    docent_client *client;
    const char *path;   /* Of the directory. Borrowed, as what follows, for as long as the items live. */
    const char *claims; /* Of the claims, or NULL. */
    const struct items_order *order;
    uint32_t fresh_ms;  /* DOCENT_FOREVER: new names are the last. */
    uint32_t fresh_items; /* More than none: what is next is not told while that listing is under way. */
    uint32_t again_ms;  /* What was skipped is looked at again after that, unless a change among the claims comes first. */
    bool scatter;       /* Order does not bind. */
    /* A listing has come: peek now. Or (@status) the directory cannot be listed: who waits is to be told; it is tried again for as long as
     * anybody peeks. The last thing that is done, so the owner may stop the items there. */
    void (*on_ready)(struct items *items, docent_status status);
    void (*on_over)(struct items *items); /* After docent_items_stop(): nothing of it is left. */
};

enum items_state {
    ITEMS_STOPPED,
    ITEMS_QUIET,   /* Nothing is under way. */
    ITEMS_LOOKING, /* Was anything created since the last listing? */
    ITEMS_LISTING,
    ITEMS_PAUSED,  /* A listing has failed; the timer makes the next. */
    ITEMS_STATES
};

struct items {
    struct docent_machine machine;
    bool attached;
    struct items_config config;
    struct rearm rearm;
    enum items_state state;
    bool armed;          /* What changes is told. */
    bool wanted;         /* on_ready is waited for. */
    bool listed;         /* Once, at least. */
    bool changed;        /* Since the last listing was asked for. */
    bool claims_changed; /* The same. */
    docent_result *claims;  /* LISTING: of those that are claimed. */
    docent_result *listing; /* What the names live in. */
    const char **names;     /* The window: from head to count. */
    size_t head, count;
    size_t size;         /* Names in the last listing, of whatever kind. */
    size_t taken;        /* Of those. */
    size_t handed;       /* Out, since then. */
    bool waits;          /* The owner does not take what is next before it has changed. */
    int64_t czxid, created; /* Of the directory as it was listed: which one, and how many children it has had. */
    size_t skipped;      /* Of those, to be looked at again. */
    bool refused;        /* And one of them at least for ITEMS_REFUSED. */
    uint64_t listed_ms;  /* When the last was asked for. */
    struct items_out *outs;
};

/* @items: zeroed. Its owner has reserved two timers (ITEMS_TIMERS). Cannot fail; nothing is asked before docent_items_start(). */
enum { ITEMS_TIMERS = 2 };
void docent_items_init(struct items *items, const struct items_config *config);
/* Arms the watch. Again: does nothing. */
void docent_items_start(struct items *items);
/* Nothing is told any more but on_over, and the window is gone. Also if never started; then it is over at once. @mute: in a forked child, where
 * nobody is told. */
void docent_items_stop(struct items *items, bool mute);
bool docent_items_is_over(const struct items *items);

enum items_sight {
    ITEMS_HERE,
    ITEMS_NOTHING, /* As far as is known there is nothing to be had; on_ready tells when that may have changed. */
    ITEMS_UNKNOWN, /* To be seen: on_ready follows, when there is a connection. */
};
/* The next name, borrowed until anything else is called or told. May ask for a listing. Started. */
enum items_sight docent_items_peek(struct items *items, const char **ret_name);
/* Have on_ready told after the next listing though the window is not used up: for who waits in front of a name that is not due. */
void docent_items_want(struct items *items);
/* Takes out what peek has just told. @out->name: a copy of it. */
void docent_items_take(struct items *items, struct items_out *out);
/* What is out has come to an end. May be called when the items are stopped. */
void docent_items_back(struct items *items, struct items_out *out, enum items_verdict verdict);

/* Reads the number that a server appended: ten digits, or a minus sign and ten (after 2147483647). All of @text must be that. Names are
 * to be ordered by *@ret_number, which grows on after the overflow. */
bool docent_items_read_number(const char *text, int64_t *ret_number);

#endif
