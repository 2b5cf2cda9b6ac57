/* src/watches.h - who is to be told of what, on one replica. A watcher is a connection; one table for data (and existence), one
 * for children; persistent watches are in both. Below 3.9 recursive ones are too, and an entry has one mode per path, connection
 * and table: the last registration wins. From 3.9 on it can have several, and recursive ones are in the first table alone. */
#ifndef DEVSERVER_WATCHES_H
#define DEVSERVER_WATCHES_H

#include "server.h"

enum watch_table_kind { TABLE_DATA, TABLE_CHILD };
enum watch_mode { MODE_ONE_SHOT = 1, MODE_PERSISTENT = 2, MODE_RECURSIVE = 4, MODE_ANY = 7 };

struct watch {
    struct watch *chain;                    /* Of the hash table. */
    struct watch *connection_next, **connection_at; /* Of the connection. */
    struct connection *connection;
    enum watch_table_kind table;
    unsigned modes;
    uint32_t hash;
    size_t size;
    char path[];
};

struct watch_set {
    struct watch **buckets;
    size_t bucket_count, count;
    bool modes_apart; /* As from 3.9 on. */
};

void docent_watch_set_init(struct watch_set *set, bool modes_apart);
void docent_watch_set_free(struct watch_set *set);
void docent_watch_set_add(struct watch_set *set, struct connection *connection, struct watch **connection_list, const char *path,
                          size_t size, enum watch_table_kind table, enum watch_mode mode);
/* What @modes says of an entry. False: there was none of it. */
bool docent_watch_set_remove(struct watch_set *set, struct connection *connection, const char *path, size_t size,
                             enum watch_table_kind table, unsigned modes);
/* Does @connection watch it so? NULL: does anybody? That is what servers below 3.9 answer to checkWatches. */
bool docent_watch_set_has(const struct watch_set *set, const struct connection *connection, const char *path, size_t size,
                          enum watch_table_kind table, unsigned modes);
void docent_watch_set_drop(struct watch_set *set, struct watch **connection_list);
/* Calls @tell for each connection with an entry of @table at @path, and, if @recursive, a recursive one there or at an ancestor; once
 * per connection. One-shots are used up. */
void docent_watch_set_fire(struct watch_set *set, const char *path, size_t size, enum watch_table_kind table, bool recursive,
                           void (*tell)(void *user, struct connection *connection), void *user);

#endif
