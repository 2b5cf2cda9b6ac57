/* core/client/core.h - the client as its driver sees it: sans-IO. Bytes, connection events and "now" go in; bytes, one wanted
 * link and one deadline come out. struct docent_client is the core; a driver (core/drive, the simulator) makes it, feeds
 * it, and hands it to the application.
 *
 * A driver's work after every entry, and when host.wake asked for it:
 *   1. docent_core_link(): if its serial is not that of the connection one has, drop that one (reset it, so that nothing queued
 *      in the kernel arrives later, unless it is only finishing) and, if wanted, open the new one.
 *   2. docent_core_send(): write what is there.
 *   3. docent_core_wants_addresses(), docent_core_wants_probe(): look up, ask.
 *   4. docent_core_deadline(): set the one timer to it, call docent_core_tick() when it comes.
 *   5. docent_core_closed(): free.
 * Every entry is one turn: deadlines first, then what came, then the machines settle, then user callbacks run. Entries that
 * are submissions (docent_run_async() and the like) run no callback; they wake the driver, and the tick that follows does.
 *
 * Time is monotonic milliseconds that count suspend. All functions: loop thread only. */
#ifndef DOCENT_CORE_H
#define DOCENT_CORE_H

#include <docent/client.h>

#include "core/session/servers.h"

/* A function to run on the loop. Embedded in what it is about, so that queueing it cannot fail. */
struct docent_post {
    struct docent_post *next;
    void (*run)(struct docent_post *post);
    /* What becomes of it in a forked child, before the client is abandoned. NULL: nothing; it may stand on the stack of a thread that did
     * not come along. */
    void (*drop)(struct docent_post *post);
};

/* What the driver offers. Set once, before the core is made. */
struct docent_host {
    void *user;
    uint64_t (*now_ms)(void *user);                                  /* Any thread. */
    docent_status (*check_loop)(void *user);                         /* Any thread: DOCENT_OK on the loop's thread (while the loop
                                                                      * has not started yet: on the creating thread),
                                                                      * DOCENT_ERR_WRONG_THREAD, DOCENT_ERR_FORKED. */
    void (*entropy)(void *user, void *bytes, size_t size);           /* Loop: the system's, or the simulator's seed. */
    void (*wake)(void *user);                                        /* Loop: do the driver's work soon, tick included. */
    docent_status (*post)(void *user, struct docent_post *post, bool bounded); /* Any thread: run it on the loop, in order.
                                                                      * bounded: DOCENT_ERR_BUSY beyond the inbox's bound. Else
                                                                      * only DOCENT_ERR_FORKED. */
    const char *default_label; /* Host name and process id; set at creation. */
    uint64_t (*now_us)(void *user);                                  /* Loop: the same clock, finer, for measuring. NULL: there is
                                                                      * none. */
    docent_status (*set_servers)(void *user, const char *servers);   /* Any thread: docent_client_set_servers(). NULL: the
                                                                      * list is fixed. */
    int64_t (*wall_ms)(void *user);                                  /* Loop: milliseconds since 1970, as this machine has it; for what
                                                                      * other machines wrote down. It may jump. NULL: as now_ms. */
};

struct docent_core_config {
    const docent_client_options *options; /* Checked and complete: no field is left to a default. Copied. */
    const char *chroot;                   /* "" or "/a/b". Copied. */
    const char *servers;                  /* The list given at first, perhaps with chroot. Copied if need be. NULL: addresses are the
                                           * driver's business alone. */
};

docent_status docent_core_new(const struct docent_core_config *config, const struct docent_host *host, docent_client **ret_client);
void docent_core_free(docent_client *client); /* After docent_core_closed(), or before the first turn. */

/* The connection wanted now. */
void docent_core_link(const docent_client *client, struct docent_link *ret_link);

void docent_core_connected(docent_client *client, uint64_t now_ms);    /* The wanted link is up: TCP, and TLS if any. */
void docent_core_disconnected(docent_client *client, uint64_t now_ms); /* It is down, or did not come up. */
/* All of @data is consumed: whole frames are used in place, a partial one is copied. Nonsense makes the core give the link up. */
void docent_core_recv(docent_client *client, uint64_t now_ms, const uint8_t *data, size_t size);
size_t docent_core_send(docent_client *client, const uint8_t **ret_data); /* 0: nothing. Good until the next entry. */
void docent_core_sent(docent_client *client, uint64_t now_ms, size_t size); /* The kernel took so much. No turn. */
void docent_core_tick(docent_client *client, uint64_t now_ms);
uint64_t docent_core_deadline(const docent_client *client); /* Absolute; UINT64_MAX: none; in the past: tick now. */

/* Name look-up: wanted at the start and before each sweep over the servers. Answer once per want; count 0: it failed. */
bool docent_core_wants_addresses(const docent_client *client);
void docent_core_addresses(docent_client *client, uint64_t now_ms, const struct docent_address *addresses, size_t count);

/* The list of servers was changed, and these are the addresses of the new one. Answers a want for addresses, too, unless @count is 0: then
 * nothing is changed. */
void docent_core_servers(docent_client *client, uint64_t now_ms, const struct docent_address *addresses, size_t count);

/* Probe: "srvr" on a connection of its own, for the server's version, and while the connected one is read-only, to find one that
 * writes. Answer once per want; text is what came, size 0: refused or no answer
 * (give up after a second). At most one at a time. */
bool docent_core_wants_probe(const docent_client *client, struct docent_address *ret_address);
void docent_core_probed(docent_client *client, uint64_t now_ms, const struct docent_address *address, const char *text, size_t size);

/* docent_client_add_auth() on the loop. */
docent_status docent_core_add_auth(docent_client *client, const char *scheme, const void *auth, size_t size);

/* Close: the machinery behind docent_client_close(). A submission: whom it concerns is told in the next turn, or at the end of the
 * one that it is called in. After it the driver goes on as before until docent_core_closed(). */
void docent_core_close(docent_client *client, uint64_t now_ms);
bool docent_core_closed(const docent_client *client);

/* For statistics: so many posts wait now. Any thread, one at a time, until docent_core_free(). */
void docent_core_inbox(const docent_client *client, uint32_t count);

/* In a forked child, between turns: frees the client and what hangs on it. Nobody is told. */
void docent_core_abandon(docent_client *client);

#endif
