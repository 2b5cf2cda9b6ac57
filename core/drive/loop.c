/* core/drive/loop.c - see loop.h. */
#include "core/drive/loop.h"

#include <event2/dns.h>
#include <event2/event.h>
#include <pthread.h>
#include <stdlib.h>

static pthread_mutex_t loops_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct loop *loops;

struct loop *docent_loop_get(struct event_base *base)
{
    pthread_mutex_lock(&loops_mutex);
    struct loop *loop = loops;
    while (loop != NULL && loop->base != base) loop = loop->next;
    if (loop == NULL && (loop = malloc(sizeof *loop)) != NULL) {
        loop->base = base;
        loop->dns = NULL;
        loop->references = 0;
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
    if (loop->dns != NULL) evdns_base_free(loop->dns, 0);
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
