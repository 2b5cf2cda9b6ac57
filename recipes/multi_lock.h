/* recipes/multi_lock.h - the multi-lock as its blocking forms see it. */
#ifndef DOCENT_RECIPES_MULTI_LOCK_H
#define DOCENT_RECIPES_MULTI_LOCK_H

#include <docent/multi_lock.h>

/* The client that it was made with. Returns DOCENT_OK, or why there is none any more. Thread: any. */
docent_status docent_multi_lock_client(docent_multi_lock *multi, docent_client **ret_client);

#endif
