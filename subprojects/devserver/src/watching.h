/* src/watching.h - requests about watches, and the events that come of changes. watches.h keeps who watches what. */
#ifndef DEVSERVER_WATCHING_H
#define DEVSERVER_WATCHING_H

#include "connection.h"

/* Applies one change and tells the watchers, in the order in which a server does. */
void docent_watching_apply(struct replica *replica, struct change *change, const struct txn *txn);

void docent_watching_leave(struct connection *c, wire_bytes path, enum watch_table_kind table); /* A one-shot. */
/* addWatch; checkWatches and removeWatches; setWatches and setWatches2. As docent_read(). */
int32_t docent_watching_add(struct connection *c, struct wire_in *in, struct wire_out *out);
int32_t docent_watching_look(struct connection *c, struct wire_in *in, bool remove);
int32_t docent_watching_restore(struct connection *c, struct wire_in *in, bool two);

#endif
