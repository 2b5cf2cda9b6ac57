/* tests/sim/client_driver.h - drives a real client core on virtual time over the virtual network, as core/drive does on real ones.
 * One of these is one process: it can be paused, and it can crash. */
#ifndef SIM_CLIENT_DRIVER_H
#define SIM_CLIENT_DRIVER_H

#include "core/client/core.h"
#include "tests/sim/memory.h"
#include "tests/sim/net.h"

enum { SIM_PORT = 2181 }; /* Server i is 10.0.0.(i + 1):2181. */

#define SIM_WALL_MS INT64_C(1700000000000) /* A wall clock at the beginning of virtual time, if nothing is added. */

struct sim_client {
    struct net *net;
    size_t index;
    size_t servers;
    const char *const *speaks; /* What servers say that they are; see net_speaks(). */
    struct memory memory;
    docent_allocator allocator;
    struct docent_host host;
    docent_client *core; /* NULL: not made, closed or crashed. */
    void (*closed)(struct sim_client *client);
    void *owner;

    struct conn *conn;
    uint32_t serial;
    unsigned breaks;      /* Connections that are over. */
    struct alarm work;    /* The core wants a turn. */
    struct alarm lookup;  /* Names are being looked up. */
    struct alarm probing; /* A server is asked for its version. */
    bool looking, asking;
    struct docent_address probe;
    struct docent_post *posts, **posts_last;
    bool working;
    bool closing;
    bool paused;
    bool woken; /* While paused. */
    int64_t wall_offset_ms; /* Of its wall clock. */
    uint64_t entropy;
    unsigned late_max_us; /* A loop comes to its timers late by up to this. */
};

/* Makes the core; @options complete but for the allocator. */
docent_status sim_client_start(struct sim_client *client, const docent_client_options *options);
void sim_client_close(struct sim_client *client); /* Says good-bye; closed() when it is over. */
void sim_client_crash(struct sim_client *client); /* The process is gone, its kernel resets what it had. */
void sim_client_pause(struct sim_client *client);
void sim_client_resume(struct sim_client *client);
uint64_t sim_client_now(const struct sim_client *client);
void sim_client_wake(struct sim_client *client);

/* From the net. */
void sim_client_opened(struct sim_client *client, struct conn *conn);
void sim_client_arrived(struct sim_client *client, struct conn *conn, const uint8_t *data, size_t size);
void sim_client_broken(struct sim_client *client, struct conn *conn);

#endif
