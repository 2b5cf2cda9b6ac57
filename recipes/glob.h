/* recipes/glob.h - patterns of paths, component by component: '*' any characters, '?' one, "**" any components. */
#ifndef DOCENT_RECIPES_GLOB_H
#define DOCENT_RECIPES_GLOB_H

#include <stdbool.h>

enum glob_match {
    GLOB_NEVER, /* Nor does anything below it. */
    GLOB_BELOW, /* It does not; something below it may. */
    GLOB_YES,   /* And perhaps something below it as well. */
};

/* Not empty, no empty component. */
bool docent_glob_is_valid(const char *pattern);
/* @path: relative, without a slash at either end; "": the root of the pattern. */
enum glob_match docent_glob_match(const char *pattern, const char *path);

#endif
