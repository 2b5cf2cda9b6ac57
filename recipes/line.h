/* recipes/line.h - the contenders of one client that queue at one path, in the order of their numbers. Each says to the one behind it that its node has
 * gone, so that nobody has to list, or to leave a watch, for one of its own client's: see contender_internal.h. */
#ifndef DOCENT_RECIPES_LINE_H
#define DOCENT_RECIPES_LINE_H

#include "core/client/machine.h"

struct contender;

enum line_standing {
    LINE_WAITS,   /* For a node that is none of the line's, or it is not known for which. */
    LINE_FOLLOWS, /* For that of the place before: nobody is between the two, and nobody can get there. */
    LINE_FIRST,   /* Nobody is ahead. */
};

struct line_place {
    struct table_link link; /* Of the last place: in the client's table of lines. */
    struct contender *contender;
    struct line_place *previous, *next;
    enum line_standing standing;
};

/* Somebody waits at @contender's path: who comes now is hardly the first. */
bool docent_line_stands(const struct contender *contender);
/* Takes a place, if there is memory. True: our node's number is the one after that of the place before, so that we follow it. */
bool docent_line_follow(struct contender *contender);
/* Takes a place, if it has none and there is memory: a list had nothing in it that might sort between two of the line, and @ahead directly ahead
 * of us. True: that one has the place before ours, so that we follow it. */
bool docent_line_join(struct contender *contender, const char *ahead);
/* Our place, if we have one, is free. Not @deleted: our node may still be there, or has been gone for who knows how long. The one that followed is
 * told by docent_contender_on_line(). */
void docent_line_leave(struct contender *contender, bool deleted);

#endif
