/* core/drive/driver.c - see driver.h. The work list at the top of core.h, on an event_base. */
#include "core/drive/driver.h"

#include <errno.h>
#include <event2/dns.h>
#include <event2/util.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "core/client/machine.h"
#include "core/drive/poll.h"

enum { LOOKUP_DEADLINE_MS = 5000, PROBE_DEADLINE_MS = 1000, READS_A_TURN = 4, SERVERS_TEXT_MAX = 65536 };

/* ---- The process. ---- */

static _Atomic unsigned fork_generation;
static pthread_once_t fork_once = PTHREAD_ONCE_INIT;

static void forked(void)
{
    fork_generation++;
    docent_loops_forked();
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

/* ---- The host that the core sees. ---- */

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

/* ---- Entries into the core. ---- */

static uint64_t entry_begin(struct driver *d)
{
    d->in_entry = true;
    return docent_clock_ms();
}

static void entry_end(struct driver *d, uint64_t began)
{
    d->in_entry = false;
    uint32_t timeout = docent_client_session_timeout_ms(d->client);
    uint64_t took = docent_clock_ms() - began;
    if (timeout > 0 && took > timeout / 10) {
        docent_client_log(d->client, DOCENT_LOG_WARNING, "loop.slow", NULL,
                          "callbacks took %llu ms; heartbeats of a session of %u ms waited for them", (unsigned long long)took, timeout);
    }
}

/* Every callback of libevent's begins with this. False: this is a forked child, whose base has been made fit for use there; then
 * there is nothing to do for the parent's client. */
static bool loop_enter(struct driver *d)
{
    if (docent_forked_since(d->fork_generation)) return false;
    pthread_t self = pthread_self();
    if (!pthread_equal(atomic_load_explicit(&d->thread, memory_order_relaxed), self)) atomic_store(&d->thread, self);
    docent_loop_works(d->loop, true);
    return true;
}

static void loop_leave(struct driver *d)
{
    docent_loop_works(d->loop, false);
}

/* ---- The connection. ---- */

static void link_drop(struct driver *d, bool reset)
{
    if (d->fd < 0) return;
    event_del(&d->io);
    if (reset) { /* Nothing that is queued in the kernel may arrive later. */
        struct linger linger = { .l_onoff = 1, .l_linger = 0 };
        setsockopt(d->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    }
    close(d->fd);
    d->fd = -1;
    d->up = false;
}

static void link_lost(struct driver *d)
{
    link_drop(d, false);
    uint64_t began = entry_begin(d);
    docent_core_disconnected(d->client, began);
    entry_end(d, began);
}

static void on_io(evutil_socket_t fd, short what, void *user);

static void link_want(struct driver *d, short wants)
{
    if (d->io_wants == wants && d->up) return;
    event_del(&d->io);
    event_assign(&d->io, d->base, d->fd, (short)(wants | EV_PERSIST), on_io, d);
    event_add(&d->io, NULL);
    d->io_wants = wants;
}

static socklen_t sockaddr_of(const struct docent_address *address, struct sockaddr_storage *storage)
{
    memset(storage, 0, sizeof *storage);
    if (address->family == 4) {
        struct sockaddr_in *in = (struct sockaddr_in *)storage;
        in->sin_family = AF_INET;
        in->sin_port = htons(address->port);
        memcpy(&in->sin_addr, address->ip, 4);
        return sizeof *in;
    }
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)storage;
    in6->sin6_family = AF_INET6;
    in6->sin6_port = htons(address->port);
    in6->sin6_scope_id = address->scope;
    memcpy(&in6->sin6_addr, address->ip, 16);
    return sizeof *in6;
}

/* A socket on its way to @address, or -1. */
static int socket_open(const struct docent_address *address)
{
    struct sockaddr_storage storage;
    socklen_t size = sockaddr_of(address, &storage);
    int fd = socket(storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(fd, (struct sockaddr *)&storage, size) < 0 && errno != EINPROGRESS) {
        close(fd);
        return -1;
    }
    return fd;
}

static void link_open(struct driver *d)
{
    d->fd = socket_open(&d->link.address);
    if (d->fd < 0) {
        uint64_t began = entry_begin(d);
        docent_core_disconnected(d->client, began);
        entry_end(d, began);
        return;
    }
    d->io_wants = 0;
    link_want(d, EV_WRITE);
}

static void link_up(struct driver *d)
{
    int error = 0;
    socklen_t size = sizeof error;
    if (getsockopt(d->fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0 || error != 0) {
        link_lost(d);
        return;
    }
    link_want(d, EV_READ);
    d->up = true;
    uint64_t began = entry_begin(d);
    docent_core_connected(d->client, began);
    entry_end(d, began);
}

static void link_read(struct driver *d)
{
    uint32_t serial = d->link.serial;
    for (int reads = 0; reads < READS_A_TURN; reads++) {
        ssize_t got = recv(d->fd, d->loop->receive, LOOP_RECEIVE_SIZE, 0);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
        if (got <= 0) {
            link_lost(d);
            return;
        }
        uint64_t began = entry_begin(d);
        docent_core_recv(d->client, began, d->loop->receive, (size_t)got);
        entry_end(d, began);
        struct docent_link link;
        docent_core_link(d->client, &link);
        if (link.serial != serial || got < LOOP_RECEIVE_SIZE) return;
    }
}

static void link_write(struct driver *d, uint64_t now)
{
    const uint8_t *data;
    size_t size;
    while (d->up && (size = docent_core_send(d->client, &data)) > 0) {
        ssize_t sent = send(d->fd, data, size, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            link_want(d, EV_READ | EV_WRITE);
            return;
        }
        if (sent < 0) {
            link_lost(d);
            return;
        }
        docent_core_sent(d->client, now, (size_t)sent);
    }
    if (d->up && d->io_wants != EV_READ) link_want(d, EV_READ);
}

static void on_io(evutil_socket_t fd, short what, void *user)
{
    (void)fd;
    struct driver *d = user;
    if (!loop_enter(d)) {
        event_del(&d->io);
        return;
    }
    if (!d->up) {
        link_up(d);
    } else if (what & EV_READ) {
        link_read(d);
    }
    docent_driver_work(d);
    loop_leave(d);
}

/* ---- Names. ---- */

struct lookup {
    struct driver *driver; /* NULL: nobody waits any more. */
    unsigned pending;      /* Answers to come, and one for the beginning. */
    struct event deadline;
    struct docent_address addresses[SERVERS_MAX];
    size_t count;
    bool changed; /* Of a new list. */
    bool over; /* Told. */
};

struct lookup_host {
    struct lookup *lookup;
    uint16_t port;
};

static void lookup_tell(struct lookup *lookup)
{
    if (lookup->over) return;
    lookup->over = true;
    event_del(&lookup->deadline);
    struct driver *d = lookup->driver;
    if (d == NULL) return;
    uint64_t began = entry_begin(d);
    if (lookup->changed && lookup->count > 0) {
        docent_core_servers(d->client, began, lookup->addresses, lookup->count);
    } else if (docent_core_wants_addresses(d->client)) {
        docent_core_addresses(d->client, began, lookup->addresses, lookup->count);
    }
    entry_end(d, began);
}

static void lookup_unref(struct lookup *lookup)
{
    if (--lookup->pending > 0) return;
    struct driver *d = lookup->driver;
    lookup_tell(lookup);
    if (d != NULL) {
        d->lookup = NULL;
        event_active(&d->work, EV_TIMEOUT, 0);
    }
    free(lookup);
}

static void on_lookup_deadline(evutil_socket_t fd, short what, void *user)
{
    (void)fd;
    (void)what;
    struct lookup *lookup = user;
    struct driver *d = lookup->driver;
    if (!loop_enter(d)) return;
    lookup_tell(lookup);
    d->lookup = NULL;
    event_active(&d->work, EV_TIMEOUT, 0);
    lookup->driver = NULL;
    loop_leave(d);
}

static void on_name(int error, struct evutil_addrinfo *answers, void *user)
{
    struct lookup_host *host = user;
    struct lookup *lookup = host->lookup;
    struct driver *d = lookup->driver;
    bool nested = d == NULL || docent_loop_is_at_work(d->loop); /* Some names are answered at once. */
    if (!nested && !loop_enter(d)) return;
    for (struct evutil_addrinfo *a = error == 0 ? answers : NULL; a != NULL && lookup->count < SERVERS_MAX; a = a->ai_next) {
        struct docent_address *address = &lookup->addresses[lookup->count];
        memset(address, 0, sizeof *address);
        address->port = host->port;
        if (a->ai_addr->sa_family == AF_INET) {
            address->family = 4;
            memcpy(address->ip, &((struct sockaddr_in *)a->ai_addr)->sin_addr, 4);
        } else if (a->ai_addr->sa_family == AF_INET6) {
            address->family = 6;
            memcpy(address->ip, &((struct sockaddr_in6 *)a->ai_addr)->sin6_addr, 16);
            address->scope = ((struct sockaddr_in6 *)a->ai_addr)->sin6_scope_id;
        } else {
            continue;
        }
        lookup->count++;
    }
    if (answers != NULL) evutil_freeaddrinfo(answers);
    free(host);
    lookup_unref(lookup);
    if (!nested) loop_leave(d);
}

static void servers_ask(struct driver *d);

static void lookup_begin(struct driver *d)
{
    if (d->servers_from != NULL && !d->servers_changed) servers_ask(d);
    struct lookup *lookup = calloc(1, sizeof *lookup);
    if (lookup == NULL) {
        docent_core_addresses(d->client, docent_clock_ms(), NULL, 0);
        return;
    }
    lookup->driver = d;
    lookup->changed = d->servers_changed;
    d->servers_changed = false;
    lookup->pending = 1;
    event_assign(&lookup->deadline, d->base, -1, 0, on_lookup_deadline, lookup);
    d->lookup = lookup;
    bool waits = false;
    for (size_t i = 0; i < d->servers.count; i++) {
        const struct connect_host *host = &d->servers.hosts[i];
        if (host->numeric) {
            if (lookup->count < SERVERS_MAX) lookup->addresses[lookup->count++] = host->address;
            continue;
        }
        struct evdns_base *dns = docent_loop_dns(d->loop);
        struct lookup_host *asked = dns == NULL ? NULL : malloc(sizeof *asked);
        if (asked == NULL) continue;
        *asked = (struct lookup_host){ lookup, host->port };
        struct evutil_addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_protocol = IPPROTO_TCP };
        lookup->pending++;
        if (!waits) {
            waits = true;
            struct timeval limit = { LOOKUP_DEADLINE_MS / 1000, 0 };
            event_add(&lookup->deadline, &limit);
        }
        (void)evdns_getaddrinfo(dns, host->name, NULL, &hints, on_name, asked);
    }
    lookup_unref(lookup);
}

/* ---- Another list. ---- */

/* @string is ours from now on. False: it is the list that we have. */
static bool servers_take(struct driver *d, struct connect_string *string)
{
    bool other = !docent_connect_same_hosts(&d->servers, string);
    if (other) {
        struct connect_string old = { .hosts = d->servers.hosts };
        d->servers.hosts = string->hosts;
        d->servers.count = string->count;
        string->hosts = NULL;
        docent_connect_free(&old);
    }
    docent_connect_free(string);
    return other;
}

static docent_status servers_parse(const struct driver *d, const char *text, struct connect_string *ret_string)
{
    docent_status status = docent_connect_parse(text, ret_string, NULL, 0);
    if (status != DOCENT_OK) return status;
    if (ret_string->chroot[0] == '\0' || strcmp(ret_string->chroot, d->servers.chroot) == 0) return DOCENT_OK;
    docent_connect_free(ret_string);
    return DOCENT_ERR_INVALID_ARGUMENT;
}

/* The application, before a sweep. What it says is looked up in the usual way: there is no connection to be left. */
static void servers_ask(struct driver *d)
{
    char *text = calloc(1, SERVERS_TEXT_MAX);
    if (text == NULL) return;
    struct connect_string string;
    uint64_t began = entry_begin(d);
    bool told = d->servers_from(text, SERVERS_TEXT_MAX, d->servers_user);
    entry_end(d, began);
    text[SERVERS_TEXT_MAX - 1] = '\0';
    docent_status status = told ? servers_parse(d, text, &string) : DOCENT_OK;
    if (status != DOCENT_OK) {
        docent_client_log(d->client, DOCENT_LOG_WARNING, "servers.refused", NULL, "a list of servers is of no use: %s",
                          docent_status_text(status));
    } else if (told) {
        (void)servers_take(d, &string);
    }
    free(text);
}

/* A look-up of the old list under way would answer for the new one. */
static void servers_change(struct driver *d, struct connect_string *string)
{
    if (!servers_take(d, string)) return;
    d->servers_changed = true;
    if (d->lookup != NULL) {
        event_del(&d->lookup->deadline);
        d->lookup->driver = NULL;
        d->lookup = NULL;
    }
    event_active(&d->work, EV_TIMEOUT, 0);
}

struct servers_post {
    struct docent_post post;
    struct driver *driver;
    struct connect_string string;
};

static void servers_posted(struct docent_post *post)
{
    struct servers_post *p = (struct servers_post *)post;
    if (p->driver->closing) {
        docent_connect_free(&p->string);
    } else {
        servers_change(p->driver, &p->string);
    }
    free(p);
}

docent_status docent_driver_set_servers(void *user, const char *servers)
{
    struct driver *d = user;
    struct connect_string string;
    docent_status where = docent_driver_check(d);
    if (where == DOCENT_ERR_FORKED) return where;
    if (where == DOCENT_OK && docent_client_closing(d->client)) return docent_client_close_cause(d->client);
    docent_status status = servers_parse(d, servers, &string);
    if (status != DOCENT_OK) return status;
    if (where == DOCENT_OK) {
        servers_change(d, &string);
        return DOCENT_OK;
    }
    struct servers_post *p = malloc(sizeof *p);
    status = p == NULL ? DOCENT_ERR_NO_MEMORY : DOCENT_OK;
    if (status == DOCENT_OK) {
        *p = (struct servers_post){ { NULL, servers_posted }, d, string };
        status = docent_driver_post(d, &p->post, true);
    }
    if (status != DOCENT_OK) {
        docent_connect_free(&string);
        free(p);
    }
    return status;
}

/* ---- The version probe. ---- */

static void probe_end(struct driver *d, bool good)
{
    event_del(&d->probe);
    close(d->probe_fd);
    d->probe_fd = -1;
    uint64_t began = entry_begin(d);
    docent_core_probed(d->client, began, &d->probe_address, d->probe_text, good ? d->probe_size : 0);
    entry_end(d, began);
}

static void probe_wait(struct driver *d, short what);

static void on_probe(evutil_socket_t fd, short what, void *user)
{
    struct driver *d = user;
    if (!loop_enter(d)) return;
    if (what & EV_TIMEOUT) {
        probe_end(d, false);
    } else if (what & EV_WRITE) {
        if (send(fd, "srvr", 4, MSG_NOSIGNAL) == 4) {
            probe_wait(d, EV_READ);
        } else {
            probe_end(d, false);
        }
    } else {
        ssize_t got = recv(fd, d->probe_text + d->probe_size, sizeof d->probe_text - d->probe_size, 0);
        if (got > 0) d->probe_size += (size_t)got;
        if (got > 0 && d->probe_size < sizeof d->probe_text) {
            probe_wait(d, EV_READ);
        } else {
            probe_end(d, got >= 0);
        }
    }
    docent_driver_work(d);
    loop_leave(d);
}

static void probe_wait(struct driver *d, short what)
{
    struct timeval limit = { PROBE_DEADLINE_MS / 1000, 0 };
    event_assign(&d->probe, d->base, d->probe_fd, what, on_probe, d);
    event_add(&d->probe, &limit);
}

static void probe_begin(struct driver *d, const struct docent_address *address)
{
    d->probe_address = *address;
    d->probe_size = 0;
    d->probe_fd = socket_open(address);
    if (d->probe_fd >= 0) {
        probe_wait(d, EV_WRITE);
    } else {
        docent_core_probed(d->client, docent_clock_ms(), address, NULL, 0);
    }
}

/* ---- The work. ---- */

static void timer_set(struct driver *d)
{
    uint64_t at = docent_core_deadline(d->client);
    if (at == d->timer_at) return;
    d->timer_at = at;
    if (at == UINT64_MAX) {
        event_del(&d->timer);
        return;
    }
    uint64_t now = docent_clock_ms();
    uint64_t wait = at > now ? at - now : 0;
    struct timeval limit = { (time_t)(wait / 1000), (suseconds_t)(wait % 1000 * 1000) };
    event_add(&d->timer, &limit);
}

static void on_timer(evutil_socket_t fd, short what, void *user)
{
    (void)fd;
    (void)what;
    struct driver *d = user;
    if (!loop_enter(d)) return;
    d->timer_at = UINT64_MAX;
    docent_driver_work(d);
    loop_leave(d);
}

/* A client that closed by itself, because its credentials were refused, stays until it is told to go: its handle is in use. */
static bool driver_is_over(const struct driver *d)
{
    return d->closing && docent_core_closed(d->client);
}

void docent_driver_work(struct driver *d)
{
    if (d->client == NULL) return;
    uint64_t now = docent_clock_ms();
    for (int rounds = 0; rounds < 8; rounds++) {
        if (docent_core_deadline(d->client) <= now) {
            uint64_t began = entry_begin(d);
            docent_core_tick(d->client, began);
            entry_end(d, began);
        }
        struct docent_link link;
        docent_core_link(d->client, &link);
        if (link.serial == d->link.serial) break;
        link_drop(d, !link.finishing);
        d->link = link;
        if (link.wanted) link_open(d);
    }
    link_write(d, now);
    struct docent_address address;
    if (d->probe_fd < 0 && docent_core_wants_probe(d->client, &address)) probe_begin(d, &address);
    if (d->lookup == NULL && (docent_core_wants_addresses(d->client) || (d->servers_changed && !d->closing))) lookup_begin(d);

    struct docent_link link;
    docent_core_link(d->client, &link);
    if (link.serial != d->link.serial) event_active(&d->work, EV_TIMEOUT, 0);
    timer_set(d);
    if (driver_is_over(d)) event_active(&d->work, EV_TIMEOUT, 0);
}

static void on_work(evutil_socket_t fd, short what, void *user)
{
    (void)fd;
    (void)what;
    struct driver *d = user;
    if (!loop_enter(d)) return;
    if (driver_is_over(d)) {
        docent_driver_free(d);
        return;
    }
    docent_driver_work(d);
    loop_leave(d);
}

static struct docent_post *inbox_take(struct driver *d, bool over)
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

static void inbox_run(struct docent_post *posts)
{
    while (posts != NULL) {
        struct docent_post *post = posts;
        posts = post->next;
        post->run(post);
    }
}

void docent_driver_look(struct driver *d)
{
    if (!loop_enter(d)) return;
    inbox_run(inbox_take(d, false));
    docent_driver_work(d);
    loop_leave(d);
}

/* ---- Beginning and end. ---- */

docent_status docent_driver_init(struct driver *d, struct event_base *base)
{
    d->base = base;
    d->fd = d->probe_fd = -1;
    d->timer_at = UINT64_MAX;
    d->posts_last = &d->posts;
    d->fork_generation = docent_fork_generation();
    atomic_store(&d->thread, pthread_self());
    pthread_mutex_init(&d->inbox_mutex, NULL);
    d->loop = docent_loop_get(base, d);
    if (d->loop == NULL) return DOCENT_ERR_IO;
    event_assign(&d->timer, base, -1, 0, on_timer, d);
    event_assign(&d->work, base, -1, 0, on_work, d);
    event_assign(&d->io, base, -1, EV_READ, on_io, d);
    event_assign(&d->probe, base, -1, EV_READ, on_probe, d);
    return DOCENT_OK;
}

void docent_driver_begin(struct driver *d)
{
    event_active(&d->work, EV_TIMEOUT, 0);
}

struct docent_host docent_driver_host(struct driver *d)
{
    return (struct docent_host){ d, host_now, docent_driver_check, host_entropy, host_wake, docent_driver_post, d->label, host_now_us,
                                 docent_driver_set_servers };
}

void docent_driver_close_on_loop(struct driver *d)
{
    if (d->closing) return;
    d->closing = true;
    bool nested = d->in_entry;
    uint64_t began = docent_clock_ms();
    d->in_entry = true;
    docent_core_close(d->client, began);
    d->in_entry = nested;
    event_active(&d->work, EV_TIMEOUT, 0);
}

/* Everything but what the client's own thread still needs. */
void docent_driver_free(struct driver *d)
{
    inbox_run(inbox_take(d, true)); /* What was accepted runs, with the client closed. */
    while (atomic_load(&d->posting) > 0) sched_yield(); /* Somebody is on the way out. */
    docent_core_free(d->client);
    d->client = NULL;
    link_drop(d, false);
    event_del(&d->timer);
    event_del(&d->work);
    if (d->probe_fd >= 0) {
        event_del(&d->probe);
        close(d->probe_fd);
    }
    if (d->lookup != NULL) { /* The answers still come, to nobody. */
        event_del(&d->lookup->deadline);
        d->lookup->driver = NULL;
    }
    docent_loop_works(d->loop, false);
    docent_loop_unpost(d->loop, d);
    docent_loop_put(d->loop, d);
    docent_connect_free(&d->servers);
    void (*closed)(void *user) = d->closed;
    void *closed_user = d->closed_user;
    if (d->poll != NULL) d->poll->clients--;
    bool owns_thread = d->owns_thread;
    if (owns_thread) {
        d->finished = true;
        event_base_loopbreak(d->base);
    } else {
        pthread_mutex_destroy(&d->inbox_mutex);
        free(d);
    }
    if (closed != NULL) closed(closed_user);
}

/* Was everything at rest when the process forked? If the loop's thread forked, that is so outside of callbacks of ours. If another
 * did, our own thread must have been waiting for something to happen; an application's may have been anywhere. */
static bool was_at_rest(const struct driver *d)
{
    if (docent_loop_is_at_work(d->loop)) return false;
    if (pthread_equal(atomic_load(d->poll != NULL ? &d->poll->thread : &d->thread), pthread_self())) return true;
    return d->owns_thread && event_base_get_num_events(d->base, EVENT_BASE_COUNT_ACTIVE) == 0;
}

/* In a forked child. The session is the parent's business, and so are the loop's thread and whoever waits for its calls. What
 * the parent's thread was changing at that moment is left alone: nothing may be taken apart that is half put together. */
void docent_driver_abandon(struct driver *d)
{
    if (!was_at_rest(d)) {
        if (d->fd >= 0) close(d->fd);
        if (d->probe_fd >= 0) close(d->probe_fd);
        d->fd = d->probe_fd = -1;
        return;
    }
    d->in_entry = true; /* Nothing is to be woken. */
    docent_core_abandon(d->client);
    if (d->owns_thread || d->poll != NULL) (void)event_reinit(d->base); /* The resolver's sockets are still the parent's too. */
    link_drop(d, false);
    event_del(&d->timer);
    event_del(&d->work);
    if (d->probe_fd >= 0) {
        event_del(&d->probe);
        close(d->probe_fd);
    }
    if (d->lookup != NULL) {
        event_del(&d->lookup->deadline);
        d->lookup->driver = NULL;
    }
    docent_loop_unpost(d->loop, d);
    docent_loop_put(d->loop, d);
    docent_connect_free(&d->servers);
    if (d->owns_thread) event_base_free(d->base);
    if (d->poll != NULL) d->poll->clients--;
    free(d);
}
