/* recipes/line.c - see line.h. */
#include "recipes/line.h"

#include <stdlib.h>
#include <string.h>

#include "recipes/contender_internal.h"

static struct line_place *line_of(struct table_link *link)
{
    return (struct line_place *)((char *)link - offsetof(struct line_place, link));
}

static struct table *line_table(const struct contender *c)
{
    return docent_client_lines(c->machine.client);
}

/* Its last place. NULL: there is no line. */
static struct line_place *line_last(const struct contender *c)
{
    size_t size = strlen(c->config->path);
    struct table_link *link = docent_table_first(line_table(c), c->config->path, size);
    for (; link != NULL; link = docent_table_next(link)) {
        const struct contender *last = line_of(link)->contender;
        bool alike = last->machine.client == c->machine.client && last->config->dialect == c->config->dialect;
        if (alike && memcmp(last->config->path, c->config->path, size) == 0) return line_of(link);
    }
    return NULL;
}

/* Of a contender's node, so it ends in digits. */
static long line_number(const struct contender *c)
{
    return strtol(c->own.path + strlen(c->own.path) - DIALECT_DIGITS, NULL, 10);
}

static void line_end_with(struct line_place *place)
{
    const char *path = place->contender->config->path;
    docent_table_put(line_table(place->contender), &place->link, path, strlen(path));
}

/* @place of @c, behind @previous. */
static void line_put(struct line_place *place, struct contender *c, struct line_place *previous, struct line_place *next)
{
    *place = (struct line_place){ .contender = c, .previous = previous, .next = next };
    if (next != NULL) {
        next->previous = place;
    } else {
        if (previous != NULL) docent_table_take(line_table(c), &previous->link);
        line_end_with(place);
    }
    if (previous != NULL) previous->next = place;
    c->place = place;
}

static bool line_enter(struct contender *c)
{
    const docent_allocator *allocator = docent_client_allocator(c->machine.client);
    struct line_place *previous = line_last(c), *next = NULL;
    for (; previous != NULL && line_number(previous->contender) > line_number(c); previous = previous->previous) next = previous;
    if (next != NULL && next->standing == LINE_FOLLOWS) return false; /* It is not known how we can be in front of that one. */
    struct line_place *place = docent_table_reserve(line_table(c), allocator) ? docent_alloc(allocator, sizeof *place) : NULL;
    if (place != NULL) line_put(place, c, previous, next);
    return place != NULL;
}

static bool line_follows(struct line_place *place, bool follows)
{
    place->standing = follows ? LINE_FOLLOWS : LINE_WAITS;
    return follows;
}

bool docent_line_stands(const struct contender *c)
{
    const struct line_place *last = line_last(c);
    return last != NULL && last->standing != LINE_FIRST;
}

bool docent_line_follow(struct contender *c)
{
    if (!line_enter(c)) return false;
    const struct line_place *previous = c->place->previous;
    return line_follows(c->place, previous != NULL && line_number(previous->contender) + 1 == line_number(c));
}

bool docent_line_join(struct contender *c, const char *ahead)
{
    if (c->place == NULL && !line_enter(c)) return false;
    const struct line_place *previous = c->place->previous;
    return line_follows(c->place, previous != NULL && strcmp(docent_protected_prefix(&previous->contender->own), ahead) == 0);
}

static void line_take(struct line_place *place)
{
    if (place->previous != NULL) place->previous->next = place->next;
    if (place->next != NULL) {
        place->next->previous = place->previous;
    } else {
        docent_table_take(line_table(place->contender), &place->link);
        if (place->previous != NULL) line_end_with(place->previous);
    }
    place->contender->place = NULL;
    docent_free(docent_client_allocator(place->contender->machine.client), place);
}

void docent_line_leave(struct contender *c, bool deleted)
{
    if (c->place == NULL) return;
    enum line_standing standing = c->place->standing;
    struct line_place *next = c->place->next;
    line_take(c->place);
    if (next == NULL || next->standing != LINE_FOLLOWS) return;
    if (deleted && standing == LINE_FOLLOWS) return; /* So it is behind whom we followed. */
    next->standing = deleted ? standing : LINE_WAITS;
    docent_contender_on_line(next->contender, next->standing == LINE_FIRST);
}
