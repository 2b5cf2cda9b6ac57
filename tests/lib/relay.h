/* tests/lib/relay.h - a TCP relay on loopback that can be told to misbehave: it stands between a client and a server, or between
 * two servers. Every function may be called from any thread. A relay that cannot be set up ends the program: nothing can be
 * tested without it. */
#ifndef TEST_RELAY_H
#define TEST_RELAY_H

#include <stdint.h>

struct relay;

enum relay_mode {
    RELAY_PASS,
    RELAY_HOLD,   /* Accepts and keeps connections, passes nothing on: a cable that was pulled. PASS delivers what is held. */
    RELAY_REFUSE, /* Closes what there is, and new connections at once. */
};

/* Listens on @port (0: a free one) and passes on to @target. Both on 127.0.0.1. */
struct relay *relay_new(uint16_t port, uint16_t target);
void relay_free(struct relay *relay); /* NULL: does nothing. */
uint16_t relay_port(const struct relay *relay);
void relay_set(struct relay *relay, enum relay_mode mode);
void relay_drop(struct relay *relay); /* Closes every connection, once. In force when it returns. */

#endif
