/* core/wire/path.c - which paths a server takes.
 *
 * Source: PathUtils of ZooKeeper 3.8, and trying each class on a server. The server looks at UTF-16 units, which is why
 * nothing outside the basic plane passes: it would come as surrogates. Malformed UTF-8 reaches it as U+FFFD, which is refused too. */
#include <string.h>

#include "core/wire/path.h"

/* The character at @at and its size, or 0: malformed (overlong forms and stray bytes included). @at is terminated, and
 * the terminator is no continuation byte, so this does not read beyond it. */
static size_t utf8_next(const unsigned char *at, uint32_t *ret_character)
{
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    size_t size = at[0] < 0x80 ? 1 : at[0] < 0xc0 ? 0 : at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 : at[0] < 0xf8 ? 4 : 0;
    if (size == 0) return 0;
    uint32_t character = size == 1 ? at[0] : at[0] & (0x7fu >> size);
    for (size_t i = 1; i < size; i++) {
        if ((at[i] & 0xc0) != 0x80) return 0;
        character = character << 6 | (at[i] & 0x3fu);
    }
    if (character < least[size]) return 0;
    *ret_character = character;
    return size;
}

static const char *character_fault(uint32_t character)
{
    if (character < 0x20 || (character >= 0x7f && character <= 0x9f)) return "contains a control character";
    if (character >= 0xd800 && character <= 0xdfff) return "is not valid UTF-8";
    if (character >= 0xe000 && character <= 0xf8ff) return "contains a private-use character";
    if (character >= 0xfff0 && character <= 0xffff) return "contains a special character (U+FFF0 to U+FFFF)";
    if (character > 0xffff) return "contains a character beyond U+FFFF";
    return NULL;
}

static const char *component_fault(const char *component, size_t size)
{
    if (size == 0) return "contains '//'";
    if (size == 1 && component[0] == '.') return "contains '.' as a component";
    if (size == 2 && component[0] == '.' && component[1] == '.') return "contains '..' as a component";
    return NULL;
}

const char *docent_path_fault(const char *path, bool sequential)
{
    if (path == NULL) return "is NULL";
    if (docent_path_is_plain(path, strlen(path))) return NULL;
    if (path[0] == '\0') return "is empty";
    if (path[0] != '/') return "does not begin with '/'";
    if (path[1] == '\0') return NULL;

    const char *fault;
    const char *component = path + 1;
    const char *at = component;
    while (*at != '\0') {
        uint32_t character;
        size_t size = utf8_next((const unsigned char *)at, &character);
        if (size == 0) return "is not valid UTF-8";
        if ((fault = character_fault(character)) != NULL) return fault;
        if (character == '/') {
            if ((fault = component_fault(component, (size_t)(at - component))) != NULL) return fault;
            component = at + 1;
        }
        at += size;
    }
    if (sequential) return NULL; /* The number that follows makes a name of whatever comes last, even of nothing. */
    if (component == at) return "ends with '/'";
    return component_fault(component, (size_t)(at - component));
}
