/* core/wire/path.h - which paths name a node. */
#ifndef DOCENT_PATH_H
#define DOCENT_PATH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The path rules of the server, for a node (sequential: one more character will follow, so a trailing '/' is fine). NULL: good,
 * else what is wrong, static text. */
const char *docent_path_fault(const char *path, bool sequential);

#endif
