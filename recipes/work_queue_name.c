/* recipes/work_queue_name.c - see work_queue_name.h. */
#include "recipes/work_queue_name.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define ITEM "queue-"
enum { ITEM_SIZE = sizeof ITEM - 1, DIGITS = 10, NUMBER_MAX = 16 /* Of hex digits, between two bars or after a sign. */ };

/* ---- Writing. ---- */

size_t docent_work_name_room(const char *id)
{
    size_t own = id == NULL ? 0 : strlen(id);
    return ITEM_SIZE + 2 + (own > NUMBER_MAX ? own : NUMBER_MAX) + 1;
}

/* Ids cannot have what separates them, or what separates nodes. */
static char id_character(char character)
{
    return character == '/' || character == '|' ? '_' : character;
}

void docent_work_name_write(char *name, docent_work_queue_kind kind, const char *id, int32_t priority, int64_t due_ms)
{
    memcpy(name, ITEM, ITEM_SIZE + 1);
    name += ITEM_SIZE;
    switch (kind) {
    case DOCENT_WORK_QUEUE_PLAIN: break;
    case DOCENT_WORK_QUEUE_ID:
        *name++ = '|';
        for (; *id != '\0'; id++) *name++ = id_character(*id);
        *name++ = '|';
        *name = '\0';
        break;
    case DOCENT_WORK_QUEUE_PRIORITY: sprintf(name, "%c%08" PRIX32, priority >= 0 ? '1' : '0', (uint32_t)priority); break;
    case DOCENT_WORK_QUEUE_DELAY: sprintf(name, "|%08" PRIX64 "|", (uint64_t)due_ms); break;
    }
}

/* ---- Reading. ---- */

bool docent_work_name_is_item(const char *name)
{
    return strncmp(name, ITEM, ITEM_SIZE) == 0;
}

size_t docent_work_name_prefix(const char *name)
{
    size_t size = strlen(name), digits = 0;
    while (digits < DIGITS && digits < size && name[size - digits - 1] >= '0' && name[size - digits - 1] <= '9') digits++;
    if (digits < DIGITS || size - digits < ITEM_SIZE) return size < ITEM_SIZE ? size : ITEM_SIZE;
    size -= digits;
    return size > ITEM_SIZE && name[size - 1] == '-' ? size - 1 : size;
}

bool docent_work_name_is_exhausted(const char *name)
{
    size_t prefix = docent_work_name_prefix(name);
    return name[prefix] == '-' && strlen(name + prefix) == DIGITS + 1;
}

/* What stands between the first two bars of an item's name. NULL: there are no two. */
static const char *between_bars(const char *name, size_t *ret_size)
{
    const char *first = strchr(name, '|');
    const char *second = first == NULL ? NULL : strchr(first + 1, '|');
    if (second == NULL) return NULL;
    *ret_size = (size_t)(second - first - 1);
    return first + 1;
}

static int hex_digit(char character)
{
    if (character >= '0' && character <= '9') return character - '0';
    if (character >= 'A' && character <= 'F') return character - 'A' + 10;
    if (character >= 'a' && character <= 'f') return character - 'a' + 10;
    return -1;
}

int64_t docent_work_name_due(const char *name)
{
    const char *end = strrchr(name, '|'); /* Peers look from the end. */
    if (end == NULL) return 0;
    const char *begin = end;
    while (begin > name && begin[-1] != '|') begin--;
    if (begin == name) return 0;
    int64_t due = 0;
    for (; begin < end; begin++) {
        int digit = hex_digit(*begin);
        if (digit < 0 || due > (INT64_MAX - digit) / 16) return 0;
        due = due * 16 + digit;
    }
    return due;
}

bool docent_work_name_has_id(const char *name, const char *id)
{
    size_t size, own = strlen(id);
    const char *found = docent_work_name_is_item(name) ? between_bars(name, &size) : NULL;
    if (found == NULL || found != name + ITEM_SIZE + 1 || size != own) return false;
    for (size_t i = 0; i < size; i++) {
        if (found[i] != id_character(id[i])) return false;
    }
    return true;
}

/* ---- Order. ---- */

/* The bytes of both names one after the other, but for what stands from the first bar to the second. */
struct cut {
    const char *at, *bar, *after;
};

static struct cut cut_begin(const char *name)
{
    size_t size;
    const char *id = between_bars(name, &size);
    return (struct cut){ .at = name, .bar = id == NULL ? NULL : id - 1, .after = id == NULL ? NULL : id + size + 1 };
}

static unsigned char cut_next(struct cut *cut)
{
    if (cut->at == cut->bar) cut->at = cut->after;
    unsigned char character = (unsigned char)*cut->at;
    if (character != '\0') cut->at++;
    return character;
}

static int compare_cut(const char *a, const char *b)
{
    struct cut left = cut_begin(a), right = cut_begin(b);
    for (;;) {
        unsigned char x = cut_next(&left), y = cut_next(&right);
        if (x != y) return x < y ? -1 : 1;
        if (x == '\0') return strcmp(a, b); /* One order for all names. */
    }
}

int docent_work_name_compare(docent_work_queue_kind kind, const char *a, const char *b)
{
    switch (kind) {
    case DOCENT_WORK_QUEUE_PLAIN:
    case DOCENT_WORK_QUEUE_PRIORITY: return strcmp(a, b);
    case DOCENT_WORK_QUEUE_ID: return compare_cut(a, b);
    case DOCENT_WORK_QUEUE_DELAY: {
        int64_t x = docent_work_name_due(a), y = docent_work_name_due(b);
        return x < y ? -1 : x > y ? 1 : compare_cut(a, b); /* Peers let chance decide; in order of arrival is better. */
    }
    }
    return strcmp(a, b);
}
