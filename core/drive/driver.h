/* core/drive/driver.h - one client on one event_base: its socket, its timer, its inbox. */
#ifndef DOCENT_DRIVER_H
#define DOCENT_DRIVER_H

#include <event2/event.h>
#include <event2/event_struct.h>
#include <pthread.h>
#include <stdatomic.h>

#include "core/client/core.h"
#include "core/drive/connect_string.h"
#include "core/drive/loop.h"

struct lookup;

struct driver {
    docent_client *client;
    struct loop *loop;
    struct event_base *base;
    struct connect_string servers; /* The list may change, the chroot does not. */
    bool servers_changed;          /* And the core has not been told. */
    docent_servers_fn servers_from;
    void *servers_user;
    unsigned fork_generation;
    char label[288];

    _Atomic(pthread_t) thread; /* Who runs the loop. */
    bool owns_thread;
    docent_poll *poll;  /* That turns the loop, and knows the thread; NULL: none does. */
    bool thread_joined; /* Somebody waits for the thread. */
    bool finished;      /* Own thread: leave the loop. */

    struct docent_link link; /* That we have, or try to have. */
    int fd;                  /* -1: none. */
    bool up;
    struct event io;
    short io_wants;

    struct event timer;
    uint64_t timer_at; /* What it is set to. */
    struct event work; /* Made active to do the driver's work soon. */
    bool in_entry;

    struct lookup *lookup;

    int probe_fd;
    struct docent_address probe_address;
    struct event probe;
    size_t probe_size;
    char probe_text[2048];

    struct driver *loop_previous, *loop_next; /* Of the loop's drivers. */
    struct driver *posted_next; /* Of the loop's, while something is in the inbox. */
    pthread_mutex_t inbox_mutex;
    _Atomic unsigned posting; /* Threads inside docent_driver_post(). */
    struct docent_post *posts, **posts_last;
    uint32_t post_count; /* Of all kinds; the bound is for those that can be refused. */
    uint32_t post_max;
    bool signalled;
    bool posts_over; /* Nothing is accepted any more. */

    _Atomic bool close_called; /* By whichever thread was first: what it gave counts. */
    bool closing;
    void (*closed)(void *user);
    void *closed_user;
    struct docent_post close_post;
};

docent_status docent_driver_init(struct driver *driver, struct event_base *base);
void docent_driver_begin(struct driver *driver); /* On the loop, or before it runs. */
void docent_driver_look(struct driver *driver); /* Into the inbox. */
void docent_inbox_forked(struct driver *driver); /* This is the child. */
void docent_driver_work(struct driver *driver);
void docent_driver_free(struct driver *driver);
void docent_driver_abandon(struct driver *driver); /* In a forked child. */
struct docent_host docent_driver_host(struct driver *driver);
docent_status docent_driver_set_servers(void *user, const char *servers); /* Any thread. */
void docent_driver_close_on_loop(struct driver *driver);
docent_status docent_driver_check(void *user);
docent_status docent_driver_post(void *user, struct docent_post *post, bool bounded);
bool docent_forked_since(unsigned generation);
unsigned docent_fork_generation(void);
uint64_t docent_clock_ms(void);

#endif
