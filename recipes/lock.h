/* recipes/lock.h - the lock as its blocking forms, and recipes that are made of locks, see it. */
#ifndef DOCENT_RECIPES_LOCK_H
#define DOCENT_RECIPES_LOCK_H

#include <docent/lock.h>

#include "recipes/dialect.h"

struct handle;

/* What whoever the lock is a part of does at its turns. */
struct lock_hooks {
    /* Loop, inside the machine: is held now, before anybody can see it; and is not any more, after nobody can. NULL: none. */
    void (*on_held)(docent_lock *lock, bool held);
    /* Loop: may one more acquisition begin? DOCENT_OK, perhaps with a hold that it takes its place beside (contender.h), which is then the
     * lock's to drop; or with what it is refused. NULL: always. */
    docent_status (*may_acquire)(docent_lock *lock, docent_hold **ret_beside);
};

/* What a lock is made from that its application does not choose. */
struct lock_kind {
    const struct dialect *dialect; /* Names and order; options->dialect is not looked at. Static. */
    bool shared;                   /* Others may hold at the same time: there is no token, but beside a hold its. */
    struct handle *whole;          /* That it is a part of, and that closes it by docent_lock_close_part(). NULL: none. */
    size_t size;                   /* Of the block, whose first member is the docent_lock. 0: of that alone. */
    const struct lock_hooks *hooks; /* Static. NULL: none. */
};
/* docent_lock_new() of another kind. @kind may be on the stack. With docent_lock_close() its end is that of every lock. */
docent_status docent_lock_make(docent_client *client, const char *path, const docent_lock_options *options,
                               const struct lock_kind *kind, docent_lock **ret_lock);

void docent_lock_close_part(docent_lock *lock, void (*closed)(void *user), void *user);
/* docent_lock_hold() that says why there is none: DOCENT_ERR_NOT_HELD, DOCENT_ERR_NO_MEMORY. Loop. */
docent_status docent_lock_take_hold(docent_lock *lock, docent_hold **ret_hold);

/* docent_lock_release(), in two halves, between which other threads may acquire anew. The first returns the number of the acquisition
 * up to which it has released, from any thread; the second waits, as docent_lock_release_async() does, for these and no later
 * ones. Are they gone already? Thread of the latter two: loop. */
int64_t docent_lock_release_begin(docent_lock *lock);
void docent_lock_release_up_to(docent_lock *lock, int64_t number); /* The same of acquisitions up to that number, and no later one. */
docent_status docent_lock_release_finish(docent_lock *lock, int64_t number, docent_done_fn done, void *user);
bool docent_lock_release_is_over(const docent_lock *lock, int64_t number);
/* And for threads that wait: docent_lock_release_wait(), but for the first half. */
docent_status docent_lock_release_wait_for(docent_lock *lock, int64_t number, uint32_t timeout_ms);

#endif
