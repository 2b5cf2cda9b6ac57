/* core/drive/poll.h - a loop that the application turns. It is an event_base of our own, to which the application is told what to
 * wait for; so the driver is the same. */
#ifndef DOCENT_DRIVE_POLL_H
#define DOCENT_DRIVE_POLL_H

#include <event2/event_struct.h>
#include <pthread.h>
#include <stdatomic.h>

#include <docent/poll.h>

struct docent_poll {
    struct event_base *base;
    struct event far;          /* A timer whose time is known. */
    _Atomic(pthread_t) thread; /* That dispatched last. */
    size_t clients;
    bool dispatches;
    unsigned fork_generation;
};

/* DOCENT_OK on the loop thread, else DOCENT_ERR_WRONG_THREAD or DOCENT_ERR_FORKED. */
docent_status docent_poll_check(const docent_poll *poll);

#endif
