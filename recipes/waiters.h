/* recipes/waiters.h - those who wait for what an object will tell, each with a deadline of its own, and each told one outcome, from the queue of
 * callbacks. Loop only. */
#ifndef DOCENT_RECIPES_WAITERS_H
#define DOCENT_RECIPES_WAITERS_H

#include "core/client/machine.h"

struct waiter;
struct waiters {
    docent_client *client; /* This and what follows is set by the owner. */
    void (*late)(struct waiters *waiters); /* The last one that waited has given up. NULL: nobody wants to know. */
    void (*told)(struct waiters *waiters); /* One has been told, and is gone. The last thing done: the owner may end here. */
    struct waiter *first; /* In the order in which they came; those to be told, and not gone yet, included. */
};

/* DOCENT_NO_WAIT: is told DOCENT_ERR_TIMEOUT, unless it is answered before the loop's next turn. @done may be NULL. Returns DOCENT_OK or DOCENT_ERR_NO_MEMORY. */
docent_status docent_waiters_add(struct waiters *waiters, uint32_t timeout_ms, docent_done_fn done, void *user);
/* All that wait are to be told @outcome. */
void docent_waiters_answer(struct waiters *waiters, docent_status outcome);
/* In a forked child: nobody is told, and all are gone when the client's callbacks have run. */
void docent_waiters_mute(struct waiters *waiters);
bool docent_waiters_wait(const struct waiters *waiters); /* Does anybody? */
bool docent_waiters_are_gone(const struct waiters *waiters);

#endif
