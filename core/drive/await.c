/* core/drive/await.c - see await.h. */
#include "core/drive/await.h"

#include <pthread.h>

#include "core/client/machine.h"

struct docent_wait {
    struct docent_post post;
    docent_client *client;
    docent_status (*start)(void *argument, struct docent_wait *wait);
    void *argument;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool done;
    docent_status outcome;
};

void docent_wait_done(struct docent_wait *wait, docent_status outcome)
{
    pthread_mutex_lock(&wait->mutex);
    wait->outcome = outcome;
    wait->done = true;
    pthread_cond_signal(&wait->changed);
    pthread_mutex_unlock(&wait->mutex); /* From here on the waiter may be gone. */
}

static void wait_run(struct docent_post *post)
{
    struct docent_wait *wait = (struct docent_wait *)post;
    docent_status status = wait->start(wait->argument, wait); /* Which refuses if the client is closing, and says why. */
    if (status != DOCENT_OK) docent_wait_done(wait, status);
}

docent_status docent_await(docent_client *client, docent_status (*start)(void *argument, struct docent_wait *wait), void *argument)
{
    const struct docent_host *host = docent_client_host(client);
    docent_status where = host->check_loop(host->user);
    if (where == DOCENT_OK) return DOCENT_ERR_WOULD_DEADLOCK;
    if (where != DOCENT_ERR_WRONG_THREAD) return where;

    struct docent_wait wait = { .post.run = wait_run, .client = client, .start = start, .argument = argument };
    pthread_mutex_init(&wait.mutex, NULL);
    pthread_cond_init(&wait.changed, NULL);
    docent_status status = host->post(host->user, &wait.post, true);
    if (status == DOCENT_OK) {
        pthread_mutex_lock(&wait.mutex);
        while (!wait.done) pthread_cond_wait(&wait.changed, &wait.mutex);
        pthread_mutex_unlock(&wait.mutex);
        status = wait.outcome;
    }
    pthread_cond_destroy(&wait.changed);
    pthread_mutex_destroy(&wait.mutex);
    return status;
}
