/* recipes/lock.h - the lock as its blocking forms see it. */
#ifndef DOCENT_RECIPES_LOCK_H
#define DOCENT_RECIPES_LOCK_H

#include <docent/lock.h>

/* The client that the lock was made with. Thread: any. */
docent_client *docent_lock_client(const docent_lock *lock);

#endif
