/* recipes/rearm.h - the watch that comes back: whoever waits for changes of a node, its children or a subtree embeds a struct rearm and is told,
 * through reconnects and sessions, whatever the server can. Told are two things: RESET, anything may have changed, read now; and CHANGED, this
 * has. After the last of them a read shows the final state.
 *
 * It lives on the loop and tells inside the turn, in the order of the stream; whoever is told may ask and may stop it. It calls no application. */
#ifndef DOCENT_RECIPES_REARM_H
#define DOCENT_RECIPES_REARM_H

#include <docent/cache.h>
#include <docent/watcher.h>

#include "core/client/machine.h"

enum rearm_event_type {
    REARM_RESET,
    REARM_CHANGED,
    REARM_FAILED, /* It is not armed; a timer is set. Once for each reason. */
    REARM_OVER,   /* After docent_rearm_stop(): it may be freed. Nothing is told after stop but this. */
};

struct rearm_event {
    enum rearm_event_type type;
    docent_watch_type change; /* CHANGED. */
    const char *path;         /* CHANGED: of a subtree, good until somebody asks for something. */
    int64_t zxid;             /* CHANGED; -1: not known. */
    docent_status status;     /* FAILED. */
};

enum rearm_state {
    REARM_STOPPED,
    REARM_OFFLINE,
    REARM_ARMING,    /* RESET is next. */
    REARM_ARMED,
    REARM_REREADING, /* One-shot: a watch was used up; what has changed since the last look is next. */
    REARM_PAUSED,    /* Until the timer. */
    REARM_STATES,
};

struct rearm_sight { /* One-shot: what is known of the node. */
    bool exists;
    int64_t czxid, mzxid, pzxid;
};

struct rearm {
    struct docent_machine machine; /* Its timer is reserved by the owner. */
    bool attached;
    docent_client *client;
    docent_watcher_kind kind;
    const char *path; /* The owner's, for as long as we are. */
    void (*tell)(struct rearm *rearm, const struct rearm_event *event);

    enum rearm_state state;
    docent_status trouble; /* Told as FAILED, and not over. */
    docent_watch *watch;   /* NULL: none. */
    size_t watches;        /* That have not told their end. */
    bool old;              /* The server has no persistent watches. */
    unsigned left;         /* One-shot: watches at the server. */
    unsigned flying;       /* And reads under way... */
    unsigned rounds;       /* ... of so many rounds without success. */
    struct rearm_sight now, told;
    int64_t unseen;        /* For lists that are too large to be seen: no two are the same. */
    docent_cache *cache;   /* An old server's subtree. */
    bool cache_open;
    struct docent_later pump;
    bool over_told;
};

/* @rearm: zeroed. Its owner has reserved a timer. Cannot fail; nothing is told before this returns. */
void docent_rearm_start(struct rearm *rearm, docent_client *client, const char *path, docent_watcher_kind kind,
                        void (*tell)(struct rearm *rearm, const struct rearm_event *event));
/* Also inside a telling, and also when it never was started (then it is over at once). @mute: in a forked child, where nobody is told. The owner
 * stops it when the client closes. */
void docent_rearm_stop(struct rearm *rearm, bool mute);
bool docent_rearm_is_over(const struct rearm *rearm);

#endif
