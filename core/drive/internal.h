/* core/drive/internal.h - the parts of a driver, for each other. Clients see driver.h. */
#ifndef DOCENT_DRIVE_INTERNAL_H
#define DOCENT_DRIVE_INTERNAL_H

#include "core/drive/driver.h"

/* driver.c. Every entry into the core stands between these two. */
uint64_t docent_entry_begin(struct driver *driver); /* Now. */
void docent_entry_end(struct driver *driver, uint64_t began);
/* Every callback of libevent's stands between these two. False: this is a forked child, whose base has been made fit for use there;
 * then there is nothing to do for the parent's client. */
bool docent_driver_enter(struct driver *driver);
static inline void docent_driver_leave(struct driver *driver)
{
    docent_loop_works(driver->loop, false);
}

/* inbox.c */
struct docent_post *docent_inbox_take(struct driver *driver, bool over); /* @over: and nothing is accepted any more. */
void docent_inbox_run(struct docent_post *posts);
void docent_inbox_drop(struct driver *driver); /* In a forked child. */

/* link.c */
int docent_socket_open(const struct docent_address *address); /* One on its way there, or -1. */
void docent_link_open(struct driver *driver);
void docent_link_drop(struct driver *driver, bool reset);
void docent_link_write(struct driver *driver, uint64_t now_ms);
void docent_link_on_io(evutil_socket_t fd, short what, void *driver);

/* lookup.c */
void docent_lookup_begin(struct driver *driver);
struct lookup *docent_lookup_forget(struct driver *driver); /* If there is one: the answers still come, to nobody, and free it. */
void docent_lookup_free(struct lookup *lookup); /* A forgotten one for which none comes. */

/* servers.c */
/* The application, before a sweep. What it says is looked up in the usual way: there is no connection to be left. */
void docent_servers_ask(struct driver *driver);

/* probe.c */
void docent_probe_begin(struct driver *driver, const struct docent_address *address);
void docent_probe_on_event(evutil_socket_t fd, short what, void *driver);

#endif
