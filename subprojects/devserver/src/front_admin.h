/* src/front_admin.h - the server's state over HTTP, as Apache ZooKeeper's AdminServer has it: JSON of /commands/NAME, a list of them at
 * /commands; and /metrics for Prometheus. On the front's loop. */
#ifndef DEVSERVER_FRONT_ADMIN_H
#define DEVSERVER_FRONT_ADMIN_H

#include "front.h"

struct admin;

/* Listens on the front's address. NULL with errno set: it cannot. */
struct admin *docent_admin_new(struct event_base *base, struct front *front, uint32_t port);
void docent_admin_free(struct admin *admin); /* NULL: does nothing. */

#endif
