/* recipes/removal.h - deletes one node until it is gone, and no other.
 *
 * A node whose name is ours alone is deleted whatever its version: nothing else can stand there, and "no such node" is what we want to
 * hear. Any other is known by its czxid: sync and exists first show whether it is the node meant, and the delete then names the version
 * seen. If the version has moved on, or the reply was lost, the look is repeated.
 *
 *     unique:  delete ------------------------------------------> gone
 *     else:    look --- it is the one ---> delete(version) -----> gone
 *               | ^----- version moved, reply lost ------'
 *               '-- not there, or another --> gone
 *
 * A building block: it asks through its owner's machine and says what an answer comes to. */
#ifndef DOCENT_RECIPES_REMOVAL_H
#define DOCENT_RECIPES_REMOVAL_H

#include "core/client/machine.h"

struct removal {
    const char *path; /* Borrowed. */
    bool unique;      /* The name is ours alone. */
    int64_t czxid;    /* Of the node meant. 0: the one that the first look shows. */
    int32_t version;  /* That it must have, or DOCENT_ANY_VERSION. */
    bool looked;      /* It is the one, and has seen.version. */
    bool seen_once;
    bool sent;        /* A delete was sent that may have been applied. */
    docent_status sync; /* Of the look under way. */
    docent_stat seen;   /* Once it was seen. */
};

enum { TAG_REMOVAL_SYNC = 1100, TAG_REMOVAL_LOOK, TAG_REMOVAL_DELETE };
/* Asks for what is next: from the start, or after a pause. */
void docent_removal_ask(struct removal *removal, struct docent_machine *machine);

enum removal_answer {
    REMOVAL_GOING_ON, /* The next question is asked, or more is to come. */
    REMOVAL_SEEN,     /* It is the one: the look is over. Ask again to delete it. */
    REMOVAL_GONE,     /* Not there. removal->sent tells whether that can be our doing. */
    REMOVAL_FAILED,   /* By ev->status. Ask again when that is mended. */
    REMOVAL_VERSION,  /* It has another version than it must have. */
};
enum removal_answer docent_removal_on_reply(struct removal *removal, struct docent_machine *machine, const struct docent_event *ev);

#endif
