/* core/drive/await.c - see await.h. */
#include "core/drive/await.h"

#include <errno.h>
#include <semaphore.h>

#include "core/client/machine.h"

struct docent_wait {
    struct docent_post post;
    docent_client *client;
    docent_status (*start)(void *argument, struct docent_wait *wait);
    void *argument;
    sem_t done;
    docent_status outcome;
};

void docent_wait_done(struct docent_wait *wait, docent_status outcome)
{
    wait->outcome = outcome;
    sem_post(&wait->done); /* From here on the waiter may be gone. */
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
    sem_init(&wait.done, 0, 0);
    docent_status status = host->post(host->user, &wait.post, true);
    if (status == DOCENT_OK) {
        while (sem_wait(&wait.done) < 0 && errno == EINTR) {
            /* A signal of the application's. */
        }
        status = wait.outcome;
    }
    sem_destroy(&wait.done);
    return status;
}
