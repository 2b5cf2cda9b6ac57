/* recipes/glob.c - see glob.h. */
#include "recipes/glob.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static size_t component(const char *text)
{
    return strcspn(text, "/");
}

static const char *behind(const char *text, size_t size)
{
    return text[size] == '/' ? text + size + 1 : text + size;
}

/* Of one component. The last '*' seen takes one more byte whenever what follows it does not fit. */
static bool component_matches(const char *pattern, size_t pattern_size, const char *text, size_t size)
{
    size_t p = 0, t = 0, star = SIZE_MAX, taken = 0;
    while (t < size) {
        if (p < pattern_size && pattern[p] == '*') {
            star = p++;
            taken = t;
        } else if (p < pattern_size && (pattern[p] == '?' || pattern[p] == text[t])) {
            p++;
            t++;
        } else if (star != SIZE_MAX) {
            p = star + 1;
            t = ++taken;
        } else {
            return false;
        }
    }
    while (p < pattern_size && pattern[p] == '*') p++;
    return p == pattern_size;
}

static bool is_any_depth(const char *pattern)
{
    return pattern[0] == '*' && pattern[1] == '*' && component(pattern) == 2;
}

bool docent_glob_is_valid(const char *pattern)
{
    size_t size = strlen(pattern);
    return size > 0 && pattern[0] != '/' && pattern[size - 1] != '/' && strstr(pattern, "//") == NULL;
}

/* The same with components: the last "**" seen takes one more of them whenever what follows does not fit. Once one was seen, anything below may. */
enum glob_match docent_glob_match(const char *pattern, const char *path)
{
    const char *deep = NULL, *taken = NULL;
    while (*path != '\0') {
        size_t have = component(path), want = component(pattern);
        if (is_any_depth(pattern)) {
            deep = pattern = behind(pattern, want);
            taken = path;
        } else if (*pattern != '\0' && component_matches(pattern, want, path, have)) {
            pattern = behind(pattern, want);
            path = behind(path, have);
        } else if (deep != NULL) {
            pattern = deep;
            path = taken = behind(taken, component(taken));
        } else {
            return GLOB_NEVER;
        }
    }
    while (is_any_depth(pattern)) pattern = behind(pattern, 2);
    return *pattern == '\0' ? GLOB_YES : GLOB_BELOW;
}
