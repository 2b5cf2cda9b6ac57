/* core/drive/probe.c - what a server says of its version and mode, asked on a connection beside the client's. */
#include <sys/socket.h>
#include <unistd.h>

#include "core/drive/internal.h"

enum { PROBE_DEADLINE_MS = 1000 };

static void probe_wait(struct driver *d, short what);

static void probe_end(struct driver *d, bool good)
{
    event_del(&d->probe);
    close(d->probe_fd);
    d->probe_fd = -1;
    uint64_t began = docent_entry_begin(d);
    docent_core_probed(d->client, began, &d->probe_address, d->probe_text, good ? d->probe_size : 0);
    docent_entry_end(d, began);
}

void docent_probe_on_event(evutil_socket_t fd, short what, void *user)
{
    struct driver *d = user;
    if (!docent_driver_enter(d)) return;
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
    docent_driver_leave(d);
}

static void probe_wait(struct driver *d, short what)
{
    struct timeval limit = { PROBE_DEADLINE_MS / 1000, 0 };
    event_assign(&d->probe, d->base, d->probe_fd, what, docent_probe_on_event, d);
    event_add(&d->probe, &limit);
}

void docent_probe_begin(struct driver *d, const struct docent_address *address)
{
    d->probe_address = *address;
    d->probe_size = 0;
    d->probe_fd = docent_socket_open(address);
    if (d->probe_fd >= 0) {
        probe_wait(d, EV_WRITE);
    } else {
        docent_core_probed(d->client, docent_clock_ms(), address, NULL, 0);
    }
}
