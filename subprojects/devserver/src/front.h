/* src/front.h - a stand-alone server on an event_base: the one leader and the one replica of server.h with no distance between them,
 * and sockets. One thread. */
#ifndef DEVSERVER_FRONT_H
#define DEVSERVER_FRONT_H

#include "server.h"

struct event_base;
struct front;

struct front_config {
    struct server_config server;
    const char *bind;         /* An IPv4 address, or a name that has one. */
    uint32_t port;            /* 0: any free one. */
    uint32_t max_connections; /* 0: no limit. More are closed as they come. */
    uint32_t max_per_address; /* The same, of those from one address. */
    const char *data_dir;     /* Where what is committed is kept; NULL: nowhere. See store.h, also for the next two. */
    bool fsync;
    uint32_t snapshot_every;
    void (*report)(void *user, const char *text); /* A line for people: warnings, and why data cannot be read or written. NULL: nobody. */
    void (*failed)(void *user); /* What is committed can be written no more: every connection is reset, and new ones will be. Or NULL. */
    void *user;
};

/* Reads the data, and listens. @config's texts are borrowed until docent_front_free(). NULL with errno set: it cannot; if the data is
 * why, that was reported. */
struct front *docent_front_new(struct event_base *base, const struct front_config *config);
void docent_front_free(struct front *front);
const char *docent_front_bind(const struct front *front);
uint16_t docent_front_port(const struct front *front);
struct leader *docent_front_leader(struct front *front);
struct replica *docent_front_replica(struct front *front);
uint64_t docent_front_now(const struct front *front);
int64_t docent_front_wall(const struct front *front);
void docent_front_step(struct front *front, uint64_t ms); /* All clocks go forward at once, and what is due happens. */
void docent_front_settle(struct front *front); /* After anything was done to leader or replica. */
void docent_front_keep(struct front *front); /* After anything was done to the tree that is no transaction: takes a snapshot. */
struct server_about;
void docent_front_about(struct server_about *about); /* Fills in what the system tells of process and machine. */
void docent_front_refuse(struct front *front, bool refuse); /* New connections: reset at once. */
/* As if the process had ended and another one had started. False: the data can not be read or written, which was reported; nobody is
 * served then. */
bool docent_front_restart(struct front *front);
bool docent_front_restart_empty(struct front *front, bool zxid_from_zero);
const struct store *docent_front_store(const struct front *front); /* NULL: nothing is kept. */

#endif
