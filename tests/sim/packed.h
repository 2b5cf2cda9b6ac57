/* tests/sim/packed.h - data as they lie at the servers, unpacked by other means than the library's. */
#ifndef SIM_PACKED_H
#define SIM_PACKED_H

#include <stdbool.h>
#include <stddef.h>

enum { PACKED_TEXT_SIZE = 128 };

/* The text that was written, with a 0 behind it. @compressed: it has to be one whole gzip member; no data at all are no text. False: it is not
 * what it should be, or too long. */
bool packed_text(const void *data, size_t size, bool compressed, char ret_text[PACKED_TEXT_SIZE]);

#endif
