/* core/drive/poll.c - see docent/poll.h and poll.h.
 *
 * libevent does not give its descriptor away, but it lists its events: descriptors with what is wanted of them, and timers. So prepare
 * goes through that list, and dispatch is one turn of the base, which asks the system by itself. */
#include "core/drive/poll.h"

#include <event2/event.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/time.h>

#include "core/drive/driver.h"

enum { FAR_S = 3600 };

static bool is_thread(const docent_poll *poll)
{
    return pthread_equal(atomic_load_explicit((_Atomic(pthread_t) *)&poll->thread, memory_order_relaxed), pthread_self()) != 0;
}

docent_status docent_poll_check(const docent_poll *poll)
{
    if (docent_forked_since(poll->fork_generation)) return DOCENT_ERR_FORKED;
    return is_thread(poll) ? DOCENT_OK : DOCENT_ERR_WRONG_THREAD;
}

static void on_far(evutil_socket_t fd, short what, void *user)
{
    (void)fd;
    (void)what;
    (void)user;
}

docent_status docent_poll_new(docent_poll **ret_poll)
{
    if (ret_poll == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    docent_poll *poll = calloc(1, sizeof *poll);
    if (poll == NULL) return DOCENT_ERR_NO_MEMORY;
    poll->base = docent_base_new();
    if (poll->base == NULL) {
        free(poll);
        return DOCENT_ERR_NO_MEMORY;
    }
    event_assign(&poll->far, poll->base, -1, 0, on_far, NULL);
    atomic_store(&poll->thread, pthread_self());
    poll->fork_generation = docent_fork_generation();
    *ret_poll = poll;
    return DOCENT_OK;
}

/* ---- Prepare. ---- */

struct gathering {
    struct pollfd *fds;
    size_t room, count;
    int last_fd;
    struct timeval next; /* The earliest timer. */
};

static void gather_fd(struct gathering *g, int fd, int wanted)
{
    short events = (short)((wanted & EV_READ ? POLLIN : 0) | (wanted & EV_WRITE ? POLLOUT : 0));
    bool again = g->count > 0 && g->last_fd == fd; /* Events of one descriptor stand together in libevent's list. */
    if (!again) g->count++;
    g->last_fd = fd;
    if (g->count > g->room) return;
    struct pollfd *at = &g->fds[g->count - 1];
    *at = (struct pollfd){ .fd = fd, .events = (short)(again ? at->events | events : events) };
}

static int gather(const struct event_base *base, const struct event *event, void *user)
{
    (void)base;
    struct gathering *g = user;
    struct timeval at;
    int pending = event_pending(event, EV_READ | EV_WRITE | EV_TIMEOUT, &at);
    if ((pending & EV_TIMEOUT) && evutil_timercmp(&at, &g->next, <)) g->next = at;
    if ((pending & (EV_READ | EV_WRITE)) && event_get_fd(event) >= 0) gather_fd(g, event_get_fd(event), pending);
    return 0;
}

/* libevent tells the time of a timer by the wall clock, as it was set when libevent looked at it last. What two timers lie apart is
 * right whatever became of the wall clock since: so one whose distance is known is set anew for every reckoning. */
docent_status docent_poll_prepare(docent_poll *poll, struct pollfd *fds, size_t fds_max, size_t *ret_count, int *ret_timeout_ms)
{
    if (poll == NULL || ret_count == NULL || ret_timeout_ms == NULL || (fds == NULL && fds_max > 0)) return DOCENT_ERR_INVALID_ARGUMENT;
    docent_status where = docent_poll_check(poll);
    if (where != DOCENT_OK) return where;
    if (poll->dispatches) return DOCENT_ERR_BUSY;

    struct timeval far = { FAR_S, 0 };
    if (event_add(&poll->far, &far) < 0) return DOCENT_ERR_NO_MEMORY;
    struct gathering g = { .fds = fds, .room = fds_max };
    (void)event_pending(&poll->far, EV_TIMEOUT, &far);
    g.next = far;
    (void)event_base_foreach_event(poll->base, gather, &g);
    bool busy = event_base_get_num_events(poll->base, EVENT_BASE_COUNT_ACTIVE) > 0;
    *ret_count = g.count;
    if (g.count > fds_max) return DOCENT_ERR_TOO_LARGE;

    struct timeval earlier; /* Than the far one, by so much. */
    evutil_timersub(&far, &g.next, &earlier);
    int64_t wait_us = (FAR_S - (int64_t)earlier.tv_sec) * 1000000 - earlier.tv_usec;
    if (busy || wait_us < 0) wait_us = 0;
    bool timeless = !busy && !evutil_timercmp(&g.next, &far, !=);
    *ret_timeout_ms = timeless ? -1 : (int)((wait_us + 999) / 1000);
    return DOCENT_OK;
}

/* ---- Dispatch, and the end. ---- */

docent_status docent_poll_dispatch(docent_poll *poll)
{
    if (poll == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    if (docent_forked_since(poll->fork_generation)) return DOCENT_ERR_FORKED;
    if (poll->dispatches) return DOCENT_ERR_BUSY;
    if (!is_thread(poll)) atomic_store(&poll->thread, pthread_self());
    poll->dispatches = true;
    int result = event_base_loop(poll->base, EVLOOP_ONCE | EVLOOP_NONBLOCK); /* Once: what posts itself again waits for the next. */
    poll->dispatches = false;
    return result < 0 ? DOCENT_ERR_IO : DOCENT_OK;
}

docent_status docent_poll_free(docent_poll *poll)
{
    if (poll == NULL) return DOCENT_OK;
    bool forked = docent_forked_since(poll->fork_generation); /* Its thread may not be here. */
    if (!forked && !is_thread(poll)) return DOCENT_ERR_WRONG_THREAD;
    if (poll->clients > 0 || poll->dispatches) return DOCENT_ERR_BUSY;
    if (forked) (void)event_reinit(poll->base);
    event_base_loop(poll->base, EVLOOP_NONBLOCK); /* Answers to questions that nobody asks any more free what they were asked with. */
    event_del(&poll->far);
    event_base_free(poll->base);
    free(poll);
    return DOCENT_OK;
}
