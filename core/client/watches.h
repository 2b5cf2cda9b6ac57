/* core/client/watches.h - the watch registry: who waits for what, and what the server has been told. What watches.c (registrations and
 * what they are told), watch_table.c (paths), watch_arm.c (standing modes) and watch_restore.c (connections) share.
 *
 * A watch at the server is one per path, kind and connection; registrations here share it. A one-shot is filed when the reply of
 * the read that leaves it is processed, in the order of the stream, under the protocol's rules: get and children only on
 * success, exists always. On a new connection everything filed is restored by set-watches before anything else is sent;
 * the server then tells at once what changed meanwhile for one-shots, but nothing for standing watches, whose owners are
 * told RESET and read again.
 *
 * Below 3.9 the modes of one path overwrite each other at the server (ZOOKEEPER-4466). So a path with a standing registration
 * never sends the flag of a one-shot: the one-shots are served from the standing watch. Persistent and recursive
 * registrations on one path are held as recursive, and the path's CHILDREN_CHANGED is derived from what happens to its direct
 * children. Every change of mode ends in RESET for the standing ones.
 *
 * Lookouts (machine.h, lookout.c) are no registrations, but what they need at the server is kept there with what these need: who takes
 * one away asks docent_lookout_find().
 *
 * Source: the server's rules are those of WatchManager and DataTree.setWatches, as observed on 3.8 and 3.9. */
#ifndef DOCENT_WATCHES_H
#define DOCENT_WATCHES_H

#include "core/client/internal.h"

/* watch_table.c */
struct watch_path *docent_watch_path_find(const struct watch_table *table, const char *text, size_t size);
/* Makes it if need be; NULL: no memory. @text: a client's path. */
struct watch_path *docent_watch_path_get(docent_client *view, const char *text);
void docent_watch_path_drop(struct docent_core *core, struct watch_path *path); /* If nothing needs it any more. */
/* The mode that the path's standing registrations need, or -1. */
int docent_watch_path_wants(const struct watch_path *path);

/* @path of a client as it is at the server, in @out, not terminated. NULL: no memory. */
const char *docent_server_path(docent_client *view, const char *path, struct wire_out *out, size_t *ret_size);

static inline void docent_watch_count(struct docent_core *core, enum stats_cell cell)
{
    if (core->stats != NULL) docent_stats_add(core->stats, cell, 1);
}

/* watches.c */
void docent_watch_reset(struct docent_watch *watch); /* ARMED or RESET is to be told. */

/* watch_arm.c */
/* The server's standing mode is not what is wanted any more, or not yet. */
void docent_watch_path_settle(struct docent_core *core, struct watch_path *path);
/* The last registration that needed something at the server has gone. Best effort: an event that nobody waits for is dropped. */
void docent_watch_path_disarm(struct docent_core *core, struct watch_path *path, docent_watch_kind kind);

/* watch_restore.c */
/* There was no memory for what somebody needs, who would wait for a change that nobody tells: the next turn begins with another
 * connection, on which all are armed again, with what has changed from here on. */
void docent_watches_unarmed(struct docent_core *core);
/* One path's, in the midst of a connection. */
void docent_watches_restore_path(struct docent_core *core, struct watch_path *path);

enum {
    WATCH_PACKET_MAX = 128 * 1024, /* As the Java client: far below the usual limit of servers on requests. */
    WATCH_PACKET_REST = 8 + 8 + 5 * 4, /* What is not paths: the header, a zxid, five counts. */
};

/* The server has a standing watch here, or has been asked for one: it tells one-shots what they are for, and their own would overwrite it. */
static inline bool docent_watch_path_serves(const struct watch_path *path)
{
    return path->arming >= 0 || path->standing >= 0;
}

static inline bool docent_watch_stands(docent_watch_kind kind)
{
    return kind == DOCENT_WATCH_PERSISTENT || kind == DOCENT_WATCH_RECURSIVE;
}

#endif
