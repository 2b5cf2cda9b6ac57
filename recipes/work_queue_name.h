/* recipes/work_queue_name.h - the names of the items of a work queue, as Curator's DistributedQueue family has them, and their order.
 *
 *     plain     queue-<number>                          in the order of the bytes
 *     id        queue-|<id>|<number>                    in the order of the bytes without what stands from the first bar to the second
 *     priority  queue-<sign><8 hex digits><number>      in the order of the bytes
 *     delay     queue-|<epoch in hex>|<number>          by epoch
 *
 * The number is the server's: ten digits, or, when the parent is used up, a minus sign and ten. Whatever begins with "queue-" is an item, for the
 * peers take it for one; nothing else is.
 *
 * Nothing here allocates or keeps anything; names may be of any length and any bytes. */
#ifndef DOCENT_RECIPES_WORK_QUEUE_NAME_H
#define DOCENT_RECIPES_WORK_QUEUE_NAME_H

#include <docent/work_queue.h>

/* Of the name up to the number, terminator included. @id may be NULL. */
size_t docent_work_name_room(const char *id);
/* Writes that. Of @id, @priority and @due_ms the kind reads its own. */
void docent_work_name_write(char *name, docent_work_queue_kind kind, const char *id, int32_t priority, int64_t due_ms);

bool docent_work_name_is_item(const char *name);
/* < 0, 0 or > 0. Names without what their kind has have an order all the same, that of the peers where they have one. */
int docent_work_name_compare(docent_work_queue_kind kind, const char *a, const char *b);
/* How much of an item's name stands before the number: what it is put back under. "queue-" only if it ends in no number. */
size_t docent_work_name_prefix(const char *name);
/* The number is negative: the parent is used up, and the order is wrong for every client there is. */
bool docent_work_name_is_exhausted(const char *name);
/* When the item is due, in milliseconds since 1970. 0: at once, or not to be read. */
int64_t docent_work_name_due(const char *name);
/* Is it that of an item put with @id? */
bool docent_work_name_has_id(const char *name, const char *id);

#endif
