/* recipes/parents.h - makes the missing part of a path, from the lowest node upwards until one exists, and down again.
 *
 * A building block: it asks through its owner's machine and says what an answer comes to. A container may vanish while the rest is made, so
 * that may go round; how often, and how fast, is the owner's. */
#ifndef DOCENT_RECIPES_PARENTS_H
#define DOCENT_RECIPES_PARENTS_H

#include "core/client/machine.h"

struct parents {
    uint32_t whole;  /* Bytes of the path that is to exist. */
    uint32_t size;   /* Bytes that name the node being made. */
    uint32_t rounds; /* How often something was missing. */
};

/* Begins with the lowest. */
void docent_parents_begin(struct parents *parents, size_t whole);
/* Asks for the one that is next. @path: at least parents->whole long; written to and restored. */
void docent_parents_ask(const struct parents *parents, struct docent_machine *machine, char *path, docent_create_mode mode,
                        docent_acl_list acl, int tag);

enum parents_answer {
    PARENTS_READY,
    PARENTS_MORE,     /* Ask again, at once. */
    PARENTS_ROOTLESS, /* Not even "/": the client's chroot is missing, and is not ours to make. */
    PARENTS_FAILED,   /* By the status told. */
};
/* @mode: DOCENT_CONTAINER turns into DOCENT_PERSISTENT where a server does not know it. */
enum parents_answer docent_parents_on_reply(struct parents *parents, const char *path, docent_create_mode *mode, docent_status status);

#endif
