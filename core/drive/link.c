/* core/drive/link.c - the connection: one socket, opened and given up as the core wants it, read and written. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/drive/internal.h"

enum { READS_A_TURN = 4 };

void docent_link_drop(struct driver *d, bool reset)
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
    docent_link_drop(d, false);
    uint64_t began = docent_entry_begin(d);
    docent_core_disconnected(d->client, began);
    docent_entry_end(d, began);
}

static void link_want(struct driver *d, short wants)
{
    if (d->io_wants == wants && d->up) return;
    event_del(&d->io);
    event_assign(&d->io, d->base, d->fd, (short)(wants | EV_PERSIST), docent_link_on_io, d);
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
int docent_socket_open(const struct docent_address *address)
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

void docent_link_open(struct driver *d)
{
    d->fd = docent_socket_open(&d->link.address);
    if (d->fd < 0) {
        uint64_t began = docent_entry_begin(d);
        docent_core_disconnected(d->client, began);
        docent_entry_end(d, began);
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
    uint64_t began = docent_entry_begin(d);
    docent_core_connected(d->client, began);
    docent_entry_end(d, began);
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
        uint64_t began = docent_entry_begin(d);
        docent_core_recv(d->client, began, d->loop->receive, (size_t)got);
        docent_entry_end(d, began);
        struct docent_link link;
        docent_core_link(d->client, &link);
        if (link.serial != serial || got < LOOP_RECEIVE_SIZE) return;
    }
}

void docent_link_write(struct driver *d, uint64_t now)
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

void docent_link_on_io(evutil_socket_t fd, short what, void *user)
{
    (void)fd;
    struct driver *d = user;
    if (!docent_driver_enter(d)) {
        event_del(&d->io);
        return;
    }
    if (!d->up) {
        link_up(d);
    } else if (what & EV_READ) {
        link_read(d);
    }
    docent_driver_work(d);
    docent_driver_leave(d);
}
