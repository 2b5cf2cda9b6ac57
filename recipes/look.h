/* recipes/look.h - what data watches and children watches have in common: a handle that looks at one thing whenever it may be another, and tells what it
 * sees, each state that is seen once.
 *
 * The re-arming watch says when to look. One look is under way at a time; what is heard meanwhile makes another. A look that was lost with its
 * connection is wanted still, and taken when the watch is armed again, and not before. With a settle time a look waits until nothing was
 * heard for so long. All looks go through one connection after the other, none beside another, so none is older than what was told. */
#ifndef DOCENT_RECIPES_LOOK_H
#define DOCENT_RECIPES_LOOK_H

#include "recipes/handle.h"
#include "recipes/rearm.h"

struct look_told { /* Last, to the application. */
    bool anything;
    docent_status status;
    int64_t czxid, zxid;
};

struct look {
    struct handle handle; /* First. */
    const char *path;     /* In the look's own block. */
    bool children;        /* Else data. */
    bool unowned;         /* Nobody will close it. */
    uint32_t settle_ms;
    bool (*tell)(struct look *look, const docent_result *seen, bool last); /* False: it was the last time. */

    struct rearm rearm;
    enum { LOOK_TIMER_OFF, LOOK_TIMER_SETTLES, LOOK_TIMER_RETRIES, LOOK_TIMER_HOPES } timer;
    bool wanted;               /* A look. */
    bool looking;              /* One is under way. */
    docent_watch_type change;  /* That was heard last... */
    int64_t zxid;
    docent_watch_type seen_change; /* ... before the look that is under way, or was taken. */
    int64_t seen_zxid;
    docent_result *seen;       /* To be told. NULL: nothing. */
    struct look_told told;
    struct docent_later later;
    bool telling, last_told;
    docent_status closed_why;  /* DOCENT_OK: it goes on. */
    bool over;                 /* The callback said so. */
};

/* A zeroed one of @size bytes, with a copy of @path behind it. */
docent_status docent_look_new(docent_client *client, const char *path, size_t size, struct look **ret_look);
/* All above @rearm but handle is set. Takes @look, whatever comes of it. */
docent_status docent_look_open(struct look *look, docent_client *client);

#endif
