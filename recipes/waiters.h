/* recipes/waiters.h - those who wait for what an object will tell, each with a deadline of its own, and each told one outcome, from the queue of
 * callbacks. Loop only. */
#ifndef DOCENT_RECIPES_WAITERS_H
#define DOCENT_RECIPES_WAITERS_H

#include "recipes/handle.h"

struct waiter;
struct waiters {
    struct handle *handle; /* The object's. It is not over before all are gone; when it is muted, in a forked child, they go untold. */
    void (*late)(struct waiters *waiters); /* The last one that waited has given up. NULL: nobody wants to know. */
    struct waiter *first; /* In the order in which they came; those to be told, and not gone yet, included. */
};

/* DOCENT_NO_WAIT: is told DOCENT_ERR_TIMEOUT, unless it is answered before the loop's next turn. @done may be NULL. Returns DOCENT_OK or DOCENT_ERR_NO_MEMORY. */
docent_status docent_waiters_add(struct waiters *waiters, uint32_t timeout_ms, docent_done_fn done, void *user);
/* All that wait are to be told @outcome. */
void docent_waiters_answer(struct waiters *waiters, docent_status outcome);
bool docent_waiters_wait(const struct waiters *waiters); /* Does anybody? */
bool docent_waiters_are_gone(const struct waiters *waiters);

#endif
