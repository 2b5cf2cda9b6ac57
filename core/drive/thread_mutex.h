/* core/drive/thread_mutex.h - for the few things that the loop changes and any thread looks at, where one word is not enough: a cache's index.
 * Held for one look-up and a reference, or for one change; never while anything is called that may wait or call back. */
#ifndef DOCENT_THREAD_MUTEX_H
#define DOCENT_THREAD_MUTEX_H

#include <pthread.h>

typedef struct docent_thread_mutex {
    pthread_mutex_t mutex;
} docent_thread_mutex;
static inline void docent_thread_mutex_init(docent_thread_mutex *mutex)
{
    pthread_mutex_init(&mutex->mutex, NULL);
}
static inline void docent_thread_mutex_free(docent_thread_mutex *mutex)
{
    pthread_mutex_destroy(&mutex->mutex);
}
static inline void docent_thread_mutex_lock(docent_thread_mutex *mutex)
{
    pthread_mutex_lock(&mutex->mutex);
}
static inline void docent_thread_mutex_unlock(docent_thread_mutex *mutex)
{
    pthread_mutex_unlock(&mutex->mutex);
}

#endif
