/* core/wire/options.h - structs that begin with struct_size, so that they may grow: what a caller's has of ours. */
#ifndef DOCENT_OPTIONS_H
#define DOCENT_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* Copies what the caller's struct at @given (NULL: nothing) has into ours at @full, which is of @size bytes and holds the defaults.
 * False, with nothing copied: its struct_size is not set. */
static inline bool docent_options_take(void *full, size_t size, const void *given)
{
    size_t given_size;
    if (given == NULL) return true;
    memcpy(&given_size, given, sizeof given_size);
    if (given_size < sizeof given_size) return false;
    memcpy(full, given, given_size < size ? given_size : size);
    memcpy(full, &size, sizeof size);
    return true;
}

#endif
