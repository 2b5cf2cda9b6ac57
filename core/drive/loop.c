/* core/drive/loop.c - see loop.h. */
#include "core/drive/loop.h"

#include <errno.h>
#include <event2/dns.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/drive/driver.h"

static pthread_mutex_t loops_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct loop *loops;

static void on_wake(evutil_socket_t fd, short what, void *user)
{
    struct loop *loop = user;
    uint64_t count;
    /* Where every write is an event of its own, nobody needs to read what was written. */
    if (!(what & EV_ET) && read(fd, &count, sizeof count) < 0) return;
    pthread_mutex_lock(&loop->posted_mutex);
    loop->signalled = false;
    struct driver *driver = loop->posted;
    loop->posted = NULL; /* What is posted may post: that waits for the next time, so that sockets and timers get their turn. */
    pthread_mutex_unlock(&loop->posted_mutex);
    while (driver != NULL) { /* No driver goes from inside this; see docent_driver_free(). */
        struct driver *next = driver->posted_next;
        docent_driver_look(driver);
        driver = next;
    }
}

void docent_loop_post(struct loop *loop, struct driver *driver)
{
    pthread_mutex_lock(&loop->posted_mutex);
    driver->posted_next = loop->posted;
    loop->posted = driver;
    bool wakes = !loop->signalled; /* A burst wakes the loop once. */
    loop->signalled = true;
    pthread_mutex_unlock(&loop->posted_mutex);
    uint64_t one = 1;
    while (wakes && write(loop->wake_fd, &one, sizeof one) < 0 && errno == EINTR) {
    }
}

void docent_loop_unpost(struct loop *loop, struct driver *driver)
{
    pthread_mutex_lock(&loop->posted_mutex);
    for (struct driver **at = &loop->posted; *at != NULL; at = &(*at)->posted_next) {
        if (*at != driver) continue;
        *at = driver->posted_next;
        break;
    }
    pthread_mutex_unlock(&loop->posted_mutex);
}

/* One thread uses it: no locks. Deadlines are whole milliseconds: no timer descriptor that would be set anew in every turn. */
struct event_base *docent_base_new(void)
{
    struct event_config *config = event_config_new();
    if (config == NULL) return NULL;
    event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
    struct event_base *base = event_base_new_with_config(config);
    event_config_free(config);
    return base;
}

/* @edge: a write that is not read is an event of its own, once. Who waits by level must see it read. */
static struct loop *loop_new(struct event_base *base, bool edge)
{
    struct loop *loop = malloc(sizeof *loop);
    if (loop == NULL) return NULL;
    loop->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (loop->wake_fd < 0) {
        free(loop);
        return NULL;
    }
    loop->base = base;
    loop->dns = NULL;
    loop->drivers = NULL;
    atomic_init(&loop->works, false);
    loop->posted = NULL;
    loop->signalled = false;
    pthread_mutex_init(&loop->posted_mutex, NULL);
    short trigger = edge && (event_base_get_features(base) & EV_FEATURE_ET) ? EV_ET : 0;
    event_assign(&loop->wake, base, loop->wake_fd, (short)(EV_READ | EV_PERSIST | trigger), on_wake, loop);
    event_add(&loop->wake, NULL);
    return loop;
}

void docent_loops_before_fork(void)
{
    pthread_mutex_lock(&loops_mutex);
}

void docent_loops_after_fork(void)
{
    pthread_mutex_unlock(&loops_mutex);
}

static void replace(int fd, int silent)
{
    if (fd < 0) return;
    if (silent < 0 || dup3(silent, fd, O_CLOEXEC) < 0) close(fd);
}

/* The parent's loops are not ours, even if a new base gets the address of an old one.
 *
 * The child shares the parent's epoll instance until it calls event_reinit(), and may never call it. So from here on the numbers of
 * our descriptors stand for something that never has anything to say: whatever libevent does with them in the child, before or
 * after event_reinit(), means nothing to the parent's epoll instance. Besides, a copy in the child would keep a connection open that the
 * parent has closed. */
void docent_loops_forked(void)
{
    int silent = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    for (struct loop *loop = loops; loop != NULL; loop = loop->next) {
        replace(loop->wake_fd, silent);
        for (struct driver *d = loop->drivers; d != NULL; d = d->loop_next) {
            replace(d->fd, silent);
            replace(d->probe_fd, silent);
            docent_inbox_forked(d);
        }
        pthread_mutex_init(&loop->posted_mutex, NULL); /* A thread that is not here may have held it. */
    }
    if (silent >= 0) close(silent);
    loops = NULL;
    pthread_mutex_init(&loops_mutex, NULL);
}

struct loop *docent_loop_get(struct event_base *base, struct driver *driver)
{
    pthread_mutex_lock(&loops_mutex);
    struct loop *loop = loops;
    while (loop != NULL && loop->base != base) loop = loop->next;
    if (loop == NULL && (loop = loop_new(base, driver->poll == NULL)) != NULL) {
        loop->next = loops;
        loops = loop;
    }
    if (loop != NULL) {
        driver->loop_previous = NULL;
        driver->loop_next = loop->drivers;
        if (driver->loop_next != NULL) driver->loop_next->loop_previous = driver;
        loop->drivers = driver;
    }
    pthread_mutex_unlock(&loops_mutex);
    return loop;
}

void docent_loop_put(struct loop *loop, struct driver *driver)
{
    pthread_mutex_lock(&loops_mutex);
    if (driver->loop_previous != NULL) {
        driver->loop_previous->loop_next = driver->loop_next;
    } else {
        loop->drivers = driver->loop_next;
    }
    if (driver->loop_next != NULL) driver->loop_next->loop_previous = driver->loop_previous;
    if (loop->drivers != NULL) {
        pthread_mutex_unlock(&loops_mutex);
        return;
    }
    struct loop **at = &loops;
    while (*at != NULL && *at != loop) at = &(*at)->next;
    if (*at != NULL) *at = loop->next; /* A forked child has no list of its parent's. */
    pthread_mutex_unlock(&loops_mutex);
    if (loop->dns != NULL) evdns_base_free(loop->dns, 1); /* Questions under way are answered: failed. */
    event_del(&loop->wake);
    close(loop->wake_fd);
    pthread_mutex_destroy(&loop->posted_mutex);
    free(loop);
}

struct evdns_base *docent_loop_dns(struct loop *loop)
{
    if (loop->dns != NULL) return loop->dns;
    /* Inactive: it must not keep the application's loop from ending. No name server configured is no error: the hosts file is
     * enough for some. */
    loop->dns = evdns_base_new(loop->base, EVDNS_BASE_DISABLE_WHEN_INACTIVE);
    if (loop->dns == NULL) return NULL;
    (void)evdns_base_resolv_conf_parse(loop->dns, DNS_OPTIONS_ALL, "/etc/resolv.conf");
    (void)evdns_base_load_hosts(loop->dns, "/etc/hosts");
    return loop->dns;
}
