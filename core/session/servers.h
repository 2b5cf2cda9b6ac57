/* core/session/servers.h - which server to try next. A sweep is one try of each address; sweeps are separated by a growing, jittered
 * rest, the first after a good connection is not. The order is shuffled once, by the seed: an address keeps its place
 * when names are looked up again.
 *
 * A new list. Clients that were spread evenly over the old servers are to end up spread evenly over the new ones, each deciding for
 * itself, and no more of them moving than must. So a client leaves a server that stays with the probability 1 - old/new if the list
 * grew, and not at all if it did not; one whose server goes chooses between those that stay and those that came with the odds that even
 * things out. The order of the sweep that follows is drawn accordingly, once; a connection or the end of that sweep brings the usual
 * order back. (The rule is that of ZooKeeper's Java and C clients, ZOOKEEPER-1355.) */
#ifndef DOCENT_SERVERS_H
#define DOCENT_SERVERS_H

#include <docent/types.h>

/* An address to connect to. */
struct docent_address {
    uint8_t family; /* 4 or 6. */
    uint8_t ip[16]; /* The first four for IPv4. Network order. */
    uint16_t port;
    uint32_t scope; /* IPv6. */
};
enum { DOCENT_ADDRESS_TEXT = 72 };
/* "127.0.0.1:2181", "[::1]:2181". */
const char *docent_address_text(const struct docent_address *address, char text[DOCENT_ADDRESS_TEXT]);
bool docent_address_equal(const struct docent_address *a, const struct docent_address *b);

/* The connection wanted now. */
struct docent_link {
    uint32_t serial; /* Grows with every connection wanted or given up. */
    bool wanted;
    bool finishing;  /* Not wanted: the peer closes (or we do, politely) after a good-bye; no reset needed. */
    struct docent_address address;
};

enum {
    SERVERS_REST_BASE_MS = 100, /* Before the second sweep at most this, then doubled. */
    SERVERS_REST_MAX_MS = 5000,
    SERVERS_MAX = 1024,
};

struct servers {
    const docent_allocator *allocator;
    uint64_t seed;
    struct docent_address *addresses; /* In shuffled order. */
    size_t count;
    size_t next;      /* The one to try next. */
    size_t left;      /* Tries left in this sweep. */
    bool drawn;       /* The order is not the usual one, but drawn for a new list. */
    uint32_t rests;   /* In a row; the exponent of the next rest. */
    uint64_t rest_until_ms;
    uint64_t random;  /* State of the jitter. */
};

uint64_t docent_random_next(uint64_t *state); /* splitmix64. */

void docent_servers_init(struct servers *servers, const docent_allocator *allocator, uint64_t seed);
void docent_servers_free(struct servers *servers);
/* Replaces the list. An empty one, or no memory, leaves the old one: better stale than none. */
void docent_servers_set(struct servers *servers, const struct docent_address *addresses, size_t count);
/* Takes a new list over, for a client whose server is @current, or, if that is NULL, the one it would try next. True: leave it, for
 * the next of the sweep that begins. An empty list, or no memory, changes nothing. */
bool docent_servers_update(struct servers *servers, const struct docent_address *current, const struct docent_address *addresses,
                           size_t count);
/* A connection to @address stands: the usual order again, going on behind it. */
void docent_servers_settle(struct servers *servers, const struct docent_address *address);
/* The next address of this sweep, or NULL: the sweep is over. */
const struct docent_address *docent_servers_take(struct servers *servers);
/* The sweep is over: when may the next begin? */
uint64_t docent_servers_rest(struct servers *servers, uint64_t now_ms);
void docent_servers_begin_sweep(struct servers *servers);
/* @address, if it is one of ours, is to be tried next. */
void docent_servers_prefer(struct servers *servers, const struct docent_address *address);
/* A connection was good: the next sweep begins at once, and rests are short again. */
void docent_servers_good(struct servers *servers);

#endif
