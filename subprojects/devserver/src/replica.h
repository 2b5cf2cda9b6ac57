/* src/replica.h - what the files that make up a replica know of it; others see server.h. */
#ifndef DEVSERVER_REPLICA_H
#define DEVSERVER_REPLICA_H

#include "faults.h"
#include "server.h"
#include "watches.h"

enum { CONNECTION_BUCKETS = 4096 };

struct replica {
    struct server_config config;
    const struct speak *speak;
    int id;
    void (*send)(void *user, struct server_message *message);
    void *user;
    struct tree *tree;
    struct connection *connections;
    struct connection *by_id[CONNECTION_BUCKETS];
    struct connection *ready; /* See docent_replica_ready(). */
    size_t connection_count;
    size_t touched_count; /* Connections with a touch to be passed on. */
    size_t delayed_count; /* Requests whose answer is delayed. */
    uint64_t next_connection;
    struct watch_set watches;
    uint64_t event; /* Counts events. */
    uint64_t now;
    struct fault_rules faults;
    bool stalled;
    bool read_only; /* As one that has lost its quorum. */
    uint64_t touch_at; /* When touches go out. */
    uint64_t silent_at; /* When to look for connections that never said anything; UINT64_MAX: there are none. */
    struct server_stats stats;
    void (*about)(void *user, struct server_about *ret_about); /* NULL: nothing is known. */
    void *about_user;
};

/* To the leader. Takes it. */
void docent_replica_up(struct replica *replica, struct server_message *message);
/* Time does not go back. */
void docent_replica_tell_time(struct replica *replica, uint64_t now);

#endif
