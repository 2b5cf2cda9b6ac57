/* core/drive/host.c - the host that the core sees: the process and whether it forked, the clock, the thread, entropy. */
#include <pthread.h>
#include <stdatomic.h>
#include <sys/random.h>
#include <time.h>

#include "core/drive/driver.h"
#include "core/drive/files.h"
#include "core/drive/poll.h"

static _Atomic unsigned fork_generation;
static pthread_once_t fork_once = PTHREAD_ONCE_INIT;

static void forked(void)
{
    fork_generation++;
    docent_loops_forked();
    docent_files_forked();
}

static void fork_watch(void)
{
    pthread_atfork(docent_loops_before_fork, docent_loops_after_fork, forked);
}

unsigned docent_fork_generation(void)
{
    pthread_once(&fork_once, fork_watch);
    return fork_generation;
}

bool docent_forked_since(unsigned generation)
{
    return fork_generation != generation;
}

uint64_t docent_clock_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_BOOTTIME, &now); /* Counts suspend. */
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* In a forked child no lease holds: the end of time. */
static uint64_t host_now(void *user)
{
    const struct driver *d = user;
    return docent_forked_since(d->fork_generation) ? UINT64_MAX : docent_clock_ms();
}

static uint64_t host_now_us(void *user)
{
    (void)user;
    struct timespec now;
    clock_gettime(CLOCK_BOOTTIME, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static int64_t host_wall(void *user)
{
    (void)user;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

docent_status docent_driver_check(void *user)
{
    struct driver *d = user;
    if (docent_forked_since(d->fork_generation)) return DOCENT_ERR_FORKED;
    if (d->poll != NULL) return docent_poll_check(d->poll);
    return pthread_equal(atomic_load_explicit(&d->thread, memory_order_relaxed), pthread_self()) ? DOCENT_OK : DOCENT_ERR_WRONG_THREAD;
}

static void host_entropy(void *user, void *bytes, size_t size)
{
    (void)user;
    uint8_t *at = bytes;
    while (size > 0) {
        ssize_t got = getrandom(at, size, 0);
        if (got < 0) continue; /* Interrupted. */
        at += got;
        size -= (size_t)got;
    }
}

static void host_wake(void *user)
{
    struct driver *d = user;
    if (!d->in_entry) event_active(&d->work, EV_TIMEOUT, 0);
}

struct docent_host docent_driver_host(struct driver *d)
{
    return (struct docent_host){ d, host_now, docent_driver_check, host_entropy, host_wake, docent_driver_post, d->label, host_now_us,
                                 docent_driver_set_servers, host_wall };
}
