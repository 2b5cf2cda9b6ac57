/* core/drive/loop.h - what the clients of one event_base share: a receive buffer and a resolver. Found by the base, counted. */
#ifndef DOCENT_LOOP_H
#define DOCENT_LOOP_H

#include <stddef.h>
#include <stdint.h>

struct event_base;
struct evdns_base;

enum { LOOP_RECEIVE_SIZE = 256 * 1024 };

struct loop {
    struct loop *next;
    struct event_base *base;
    struct evdns_base *dns; /* Made when the first name is met. */
    unsigned references;
    uint8_t receive[LOOP_RECEIVE_SIZE];
};

struct loop *docent_loop_get(struct event_base *base); /* NULL: no memory. */
void docent_loop_put(struct loop *loop);
struct evdns_base *docent_loop_dns(struct loop *loop); /* NULL: no memory. */

#endif
