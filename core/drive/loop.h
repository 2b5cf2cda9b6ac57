/* core/drive/loop.h - what the clients of one event_base share: a receive buffer, a resolver, and the descriptor by which other threads
 * wake the loop. Found by the base, counted. */
#ifndef DOCENT_LOOP_H
#define DOCENT_LOOP_H

#include <stddef.h>
#include <stdint.h>

#include <event2/event_struct.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

struct evdns_base;
struct driver;

enum { LOOP_RECEIVE_SIZE = 256 * 1024 };

struct loop {
    struct loop *next;
    struct event_base *base;
    struct evdns_base *dns; /* Made when the first name is met. */
    struct driver *drivers; /* That share it. */
    _Atomic bool works;     /* Inside a callback of ours. */
    int wake_fd;
    struct event wake;
    pthread_mutex_t posted_mutex;
    struct driver *posted; /* Drivers with something in their inbox. */
    bool signalled;        /* The descriptor was written to, and the loop has not looked yet. */
    uint8_t receive[LOOP_RECEIVE_SIZE];
};

struct event_base *docent_base_new(void); /* For a loop of our own. NULL: no memory, or no descriptor. */
struct loop *docent_loop_get(struct event_base *base, struct driver *driver); /* NULL: no memory, or no descriptor. */
void docent_loop_put(struct loop *loop, struct driver *driver);

/* Around fork(); see driver.c for who calls them. */
void docent_loops_before_fork(void);
void docent_loops_after_fork(void); /* In the parent. */
void docent_loops_forked(void);     /* In the child. */
/* A forked child wants to know whether it is a copy of something half done: stores keep their order. Both ways at once, by an exchange;
 * not by fences, which the thread sanitizer does not know. */
static inline void docent_loop_works(struct loop *loop, bool works)
{
    (void)atomic_exchange_explicit(&loop->works, works, memory_order_acq_rel);
}
static inline bool docent_loop_is_at_work(const struct loop *loop)
{
    return atomic_load_explicit((_Atomic bool *)&loop->works, memory_order_relaxed);
}

void docent_loop_post(struct loop *loop, struct driver *driver);   /* Any thread: let the loop look into that inbox. */
void docent_loop_unpost(struct loop *loop, struct driver *driver); /* Loop: it is about to go. */
struct evdns_base *docent_loop_dns(struct loop *loop); /* NULL: no memory. */

#endif
