/* core/drive/loop.c - see loop.h. */
#include "core/drive/loop.h"

#include <errno.h>
#include <event2/dns.h>
#include <event2/event.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/drive/driver.h"

static pthread_mutex_t loops_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct loop *loops;

static void on_wake(evutil_socket_t fd, short what, void *user)
{
    (void)what;
    struct loop *loop = user;
    uint64_t count;
    if (read(fd, &count, sizeof count) < 0) return; /* Nothing was written after all. */
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
    if (!loop->signalled) { /* A burst wakes the loop once. */
        loop->signalled = true;
        uint64_t one = 1;
        while (write(loop->wake_fd, &one, sizeof one) < 0 && errno == EINTR) {
        }
    }
    pthread_mutex_unlock(&loop->posted_mutex);
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

static struct loop *loop_new(struct event_base *base)
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
    loop->references = 0;
    loop->posted = NULL;
    loop->signalled = false;
    pthread_mutex_init(&loop->posted_mutex, NULL);
    event_assign(&loop->wake, base, loop->wake_fd, EV_READ | EV_PERSIST, on_wake, loop);
    event_add(&loop->wake, NULL);
    return loop;
}

/* The parent's loops are not ours, even if a new base gets the address of an old one; and a thread that is not here may have
 * held the mutex. */
void docent_loops_forked(void)
{
    pthread_mutex_init(&loops_mutex, NULL);
    loops = NULL;
}

struct loop *docent_loop_get(struct event_base *base)
{
    pthread_mutex_lock(&loops_mutex);
    struct loop *loop = loops;
    while (loop != NULL && loop->base != base) loop = loop->next;
    if (loop == NULL && (loop = loop_new(base)) != NULL) {
        loop->next = loops;
        loops = loop;
    }
    if (loop != NULL) loop->references++;
    pthread_mutex_unlock(&loops_mutex);
    return loop;
}

void docent_loop_put(struct loop *loop)
{
    pthread_mutex_lock(&loops_mutex);
    if (--loop->references > 0) {
        pthread_mutex_unlock(&loops_mutex);
        return;
    }
    struct loop **at = &loops;
    while (*at != loop) at = &(*at)->next;
    *at = loop->next;
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
