/* core/drive/inbox.c - what other threads want of the loop's. */
#include "core/drive/internal.h"

docent_status docent_driver_post(void *user, struct docent_post *post, bool bounded)
{
    struct driver *d = user;
    if (docent_forked_since(d->fork_generation)) return DOCENT_ERR_FORKED;
    docent_status status = DOCENT_OK;
    bool wakes = false;
    atomic_fetch_add(&d->posting, 1);
    pthread_mutex_lock(&d->inbox_mutex);
    if (d->posts_over) {
        status = DOCENT_ERR_CLOSING;
    } else if (bounded && d->post_count >= d->post_max) {
        status = DOCENT_ERR_BUSY;
    } else {
        post->next = NULL;
        *d->posts_last = post;
        d->posts_last = &post->next;
        docent_core_inbox(d->client, ++d->post_count);
        wakes = !d->signalled;
        d->signalled = true;
    }
    pthread_mutex_unlock(&d->inbox_mutex);
    if (wakes) docent_loop_post(d->loop, d); /* Not before: the loop would wake up to find the inbox locked. */
    atomic_fetch_sub(&d->posting, 1);        /* From here on the driver may be gone: what was posted may have closed it. */
    return status;
}

struct docent_post *docent_inbox_take(struct driver *d, bool over)
{
    pthread_mutex_lock(&d->inbox_mutex);
    struct docent_post *posts = d->posts;
    d->posts = NULL;
    d->posts_last = &d->posts;
    d->post_count = 0;
    if (d->client != NULL) docent_core_inbox(d->client, 0);
    d->signalled = false;
    if (over) d->posts_over = true;
    pthread_mutex_unlock(&d->inbox_mutex);
    return posts;
}

void docent_inbox_run(struct docent_post *posts)
{
    while (posts != NULL) {
        struct docent_post *post = posts;
        posts = post->next;
        post->run(post);
    }
}

/* In the child, while the stacks of threads that are not there can still be read. */
void docent_inbox_forked(struct driver *d)
{
    struct docent_post **at = &d->posts;
    if (atomic_load(&d->posting) > 0) *at = NULL; /* Somebody was about to change it. */
    while (*at != NULL) {
        struct docent_post *post = *at;
        if (post->drop == NULL) {
            *at = post->next;
        } else {
            at = &post->next;
        }
    }
}

void docent_inbox_drop(struct driver *d)
{
    struct docent_post *posts = d->posts;
    d->posts = NULL;
    while (posts != NULL) {
        struct docent_post *post = posts;
        posts = post->next;
        post->drop(post);
    }
}

void docent_driver_look(struct driver *d)
{
    if (!docent_driver_enter(d)) return;
    docent_inbox_run(docent_inbox_take(d, false));
    docent_driver_work(d);
    docent_driver_leave(d);
}
