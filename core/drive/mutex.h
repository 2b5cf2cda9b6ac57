/* core/drive/mutex.h - for the few things that the loop changes and any thread looks at, where one word is not enough: a cache's index.
 * Held for one look-up and a reference, or for one change; never while anything is called that may wait or call back. */
#ifndef DOCENT_MUTEX_H
#define DOCENT_MUTEX_H

#include <pthread.h>

typedef struct docent_mutex {
    pthread_mutex_t mutex;
} docent_mutex;
static inline void docent_mutex_init(docent_mutex *mutex)
{
    pthread_mutex_init(&mutex->mutex, NULL);
}
static inline void docent_mutex_free(docent_mutex *mutex)
{
    pthread_mutex_destroy(&mutex->mutex);
}
static inline void docent_mutex_lock(docent_mutex *mutex)
{
    pthread_mutex_lock(&mutex->mutex);
}
static inline void docent_mutex_unlock(docent_mutex *mutex)
{
    pthread_mutex_unlock(&mutex->mutex);
}

#endif
