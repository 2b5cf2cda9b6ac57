/* core/wire/options.h - structs that begin with struct_size, so that they may grow: what a caller's has of ours. */
#ifndef DOCENT_OPTIONS_H
#define DOCENT_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* Is the struct_size of @given (NULL: nothing) set? One of less than itself is not. */
static inline bool docent_options_sized(const void *given)
{
    size_t given_size;
    if (given == NULL) return true;
    memcpy(&given_size, given, sizeof given_size);
    return given_size >= sizeof given_size;
}

/* Copies what the caller's struct at @given (NULL: nothing) has into ours at @full, which is of @size bytes and holds the defaults.
 * False, with nothing copied: its struct_size is not set. */
static inline bool docent_options_take(void *full, size_t size, const void *given)
{
    size_t given_size;
    if (given == NULL) return true;
    if (!docent_options_sized(given)) return false;
    memcpy(&given_size, given, sizeof given_size);
    memcpy(full, given, given_size < size ? given_size : size);
    memcpy(full, &size, sizeof size);
    return true;
}

/* The other way round: fills as much of the caller's struct at @ret as its struct_size says, which stays as it is. */
static inline void docent_options_give(void *ret, const void *full, size_t size)
{
    size_t given_size;
    memcpy(&given_size, ret, sizeof given_size);
    memcpy(ret, full, given_size < size ? given_size : size);
    memcpy(ret, &given_size, sizeof given_size);
}

#endif
