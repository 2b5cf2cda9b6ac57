/* recipes/protected.h - a node that is known by its name: the first part of the name is ours alone (a UUID), so that after a create
 * whose outcome is unknown a look at the parent's children tells whether there is a node.
 *
 * A building block: it asks through its owner's machine and says what an answer comes to; what to do about that, and when, is the owner's.
 *
 *              asked                      made
 *     NONE -----------> UNKNOWN -------------------> OURS
 *      ^                 | reply lost: finding        ^
 *      '-----------------+----------------------------'
 *            not there            there
 *
 * Finding is sync, then list, look for our prefix, and then a look at the node, all in the session that sent the create; without the sync
 * a server that lags says "not there" too early. An ephemeral node is ours only if its owner is our session. */
#ifndef DOCENT_RECIPES_PROTECTED_H
#define DOCENT_RECIPES_PROTECTED_H

#include "core/client/machine.h"

enum protected_known {
    PROTECTED_NONE,    /* There is none, and no create that could still make one. */
    PROTECTED_UNKNOWN, /* A create is out, or its reply was lost. */
    PROTECTED_OURS,    /* There it is; path names it. */
};

enum { PROTECTED_SEQUENCE_MAX = 11 }; /* Characters that the server appends at most. */

struct protected_node {
    docent_client *client;
    const char *parent;  /* Borrowed. */
    enum protected_known known;
    bool sequential;     /* The server appends a number. */
    bool ephemeral;
    char *path;          /* parent/prefix, and behind it the number if it has one and known is OURS. */
    uint32_t parent_size; /* Bytes of path before its last '/'. */
    uint32_t prefix_size; /* Bytes of path before the number. */
    int64_t czxid;       /* OURS: the transaction that created it. */
    uint64_t generation; /* OURS: of the session that it was seen in, and that owns it if it is ephemeral. */
};

/* @protected: zeroed, but for client, parent, sequential and ephemeral. @room: for the prefix, terminator included. */
docent_status docent_protected_init(struct protected_node *node, size_t room);
void docent_protected_free(struct protected_node *node);
/* Where the prefix is to be written; then docent_protected_named(). */
char *docent_protected_prefix(struct protected_node *node);
void docent_protected_named(struct protected_node *node);
/* There is none, and its name is the prefix only. */
void docent_protected_forget(struct protected_node *node);

/* Takes the child's name @name as our node's; false if it cannot be: it is not our prefix, and a number if it has one. For owners of several
 * nodes, who look for all of them in one listing. */
bool docent_protected_take(struct protected_node *node, const char *name);

/* Asks for @create, of node->path, or for a transaction of which that is the last part. */
void docent_protected_ask_create(struct protected_node *node, struct docent_machine *machine, const docent_op *create, int tag);

enum protected_answer {
    PROTECTED_MADE,
    PROTECTED_NO_PARENT,
    PROTECTED_UNSENT,  /* The connection went first. */
    PROTECTED_LOST,    /* The connection went; find when it is back. */
    PROTECTED_UNSURE,  /* Find, later. */
    PROTECTED_BUSY,    /* Not made. Again, later. */
    PROTECTED_REFUSED, /* Not made, and never will be. */
};
enum protected_answer docent_protected_on_create(struct protected_node *node, const struct docent_event *ev);

/* Finding has tags of its own, which no owner's equal. */
enum { TAG_PROTECTED_SYNC = 1000, TAG_PROTECTED_LIST, TAG_PROTECTED_OWN };
void docent_protected_ask_find(struct protected_node *node, struct docent_machine *machine);

enum protected_found {
    PROTECTED_SEARCHING, /* The next question is asked. */
    PROTECTED_FOUND,     /* Ours; ev->result has its stat. */
    PROTECTED_NOT_THERE,
    PROTECTED_FOREIGN,   /* In our name, and another session's; path names it. */
    PROTECTED_FAILED,    /* ev->status says why; nothing is known. */
};
enum protected_found docent_protected_on_find(struct protected_node *node, struct docent_machine *machine, const struct docent_event *ev);

#endif
