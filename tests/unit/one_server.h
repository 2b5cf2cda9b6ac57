/* tests/unit/one_server.h - a server without sockets: its leader, one replica, and what is on its way between them. */
#ifndef ONE_SERVER_H
#define ONE_SERVER_H

#include "server.h"

static struct leader *leader;
static struct replica *replica;
static struct server_message *first, **last;

static void carry(void *user, struct server_message *message)
{
    (void)user;
    message->next = NULL;
    *last = message;
    last = &message->next;
}

static void deliver(uint64_t now, int64_t wall_ms)
{
    while (first != NULL) {
        struct server_message *message = first;
        first = message->next;
        if (first == NULL) last = &first;
        if (message->type <= UP_TOUCH) {
            docent_leader_receive(leader, now, wall_ms, message);
        } else {
            docent_replica_receive(replica, now, message);
        }
    }
}

static void server_begin(const struct server_config *config, uint64_t now, int64_t wall_ms)
{
    first = NULL;
    last = &first;
    leader = docent_leader_new(config, now, wall_ms);
    replica = docent_replica_new(config, 0, carry, NULL);
    docent_leader_join(leader, 0, carry, NULL);
}

#endif
