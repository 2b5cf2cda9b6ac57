/* core/drive/lookup.c - names of servers are looked up, all of the list at once. */
#include <event2/dns.h>
#include <event2/util.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "core/drive/internal.h"

enum { LOOKUP_DEADLINE_MS = 5000 };

struct lookup_host {
    struct lookup *lookup;
    uint16_t port;
};

struct lookup {
    struct driver *driver; /* NULL: nobody waits any more. */
    unsigned pending;      /* Answers to come, and one for the beginning. */
    struct event deadline;
    struct docent_address addresses[SERVERS_MAX];
    size_t count;
    bool changed; /* Of a new list. */
    bool over; /* Told. */
    struct lookup_host hosts[]; /* What was asked. */
};

static void lookup_tell(struct lookup *lookup)
{
    if (lookup->over) return;
    lookup->over = true;
    event_del(&lookup->deadline);
    struct driver *d = lookup->driver;
    if (d == NULL) return;
    uint64_t began = docent_entry_begin(d);
    if (lookup->changed && lookup->count > 0) {
        docent_core_servers(d->client, began, lookup->addresses, lookup->count);
    } else if (docent_core_wants_addresses(d->client)) {
        docent_core_addresses(d->client, began, lookup->addresses, lookup->count);
    }
    docent_entry_end(d, began);
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
    if (!docent_driver_enter(d)) return;
    lookup_tell(lookup);
    d->lookup = NULL;
    event_active(&d->work, EV_TIMEOUT, 0);
    lookup->driver = NULL;
    docent_driver_leave(d);
}

static void on_name(int error, struct evutil_addrinfo *answers, void *user)
{
    struct lookup_host *host = user;
    struct lookup *lookup = host->lookup;
    struct driver *d = lookup->driver;
    bool nested = d == NULL || docent_loop_is_at_work(d->loop); /* Some names are answered at once. */
    if (!nested && !docent_driver_enter(d)) return;
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
    lookup_unref(lookup);
    if (!nested) docent_driver_leave(d);
}

void docent_lookup_begin(struct driver *d)
{
    if (d->servers_from != NULL && !d->servers_changed) docent_servers_ask(d);
    struct lookup *lookup = calloc(1, sizeof *lookup + d->servers.count * sizeof lookup->hosts[0]);
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
        if (dns == NULL) continue;
        struct lookup_host *asked = &lookup->hosts[i];
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

struct lookup *docent_lookup_forget(struct driver *d)
{
    struct lookup *lookup = d->lookup;
    if (lookup == NULL) return NULL;
    event_del(&lookup->deadline);
    lookup->driver = NULL;
    d->lookup = NULL;
    return lookup;
}

void docent_lookup_free(struct lookup *lookup)
{
    free(lookup);
}
