/* recipes/work_queue_frame.h - the bytes of an item of a work queue, as Curator's ItemSerializer writes them: a version, elements, an end.
 *
 *     00 01 00 01   (01 <length, 4 bytes, big endian> <so many bytes>)*   02
 *
 * What stands behind the end is not read. An item without elements is one. Whatever else differs is malformed. */
#ifndef DOCENT_RECIPES_WORK_QUEUE_FRAME_H
#define DOCENT_RECIPES_WORK_QUEUE_FRAME_H

#include <docent/work_queue.h>

/* Bytes that these elements take. SIZE_MAX: no item can have so many. */
size_t docent_work_frame_size(const docent_work_element *elements, size_t count);
/* Writes them. */
void docent_work_frame_write(uint8_t *frame, const docent_work_element *elements, size_t count);

/* NULL: well-formed, and *@ret_count elements are in it, which stand in @elements (NULL: they are only counted) and borrow from @frame. Else
 * what is wrong, in static words. */
const char *docent_work_frame_read(const void *frame, size_t size, docent_work_element *elements, size_t *ret_count);

#endif
