/* recipes/contender.h - one contender: a protected sequential child of a path, its rank, and whom it waits for. Serves one
 * acquisition, from wanting a node until the node is certainly gone; lock.c makes a new one for the next. Or one that takes its place
 * beside a contender of ours that is first: it need not wait.
 *
 * The owner is told changes of phase, by on_phase, from within docent_contender_start() and docent_contender_leave() too; it is
 * the last thing that the contender does, so the owner may finish the contender there once it is OVER. Loop only. */
#ifndef DOCENT_RECIPES_CONTENDER_H
#define DOCENT_RECIPES_CONTENDER_H

#include "core/client/machine.h"
#include "recipes/dialect.h"
#include "recipes/meter.h"
#include "recipes/parents.h"
#include "recipes/protected.h"

enum contender_phase {
    CONTENDER_WAITS,  /* Not first, as far as is known. */
    CONTENDER_LEADS,  /* First in line, over a live connection. */
    CONTENDER_DOUBTS, /* First when last heard of. */
    CONTENDER_LEAVES, /* Given up; there is, or may be, a node to be removed. */
    CONTENDER_OVER,   /* Node gone. Finish it. */
};

enum contender_state {
    CONTENDER_NEW,
    CONTENDER_CREATING, /* Create and list are on their way. */
    CONTENDER_PARENTS,  /* The path is missing and is being made. */
    CONTENDER_FINDING,  /* A create's outcome is unknown: looking for our prefix. */
    CONTENDER_RANKING,  /* Listing. */
    CONTENDER_WATCHING, /* Somebody is ahead. Any change there: list again. */
    CONTENDER_FOLLOWING, /* So is one of this client's, with nobody in between, and says when it has gone. */
    CONTENDER_NEXT,     /* Exactly one is ahead, and nobody can get in between: its deletion makes us first. */
    CONTENDER_FIRST,
    CONTENDER_SUSPECT,  /* First, and the connection is down. */
    CONTENDER_CHECKING, /* The connection is back: is our node there? */
    CONTENDER_DELETING,
    CONTENDER_GONE,
    CONTENDER_STATES
};

struct contender;

struct contender_kind { /* Whose they are. */
    void (*on_node)(struct contender *contender); /* Our node is there, and has a name: at first, and when it was made anew. Must not finish
                                                   * the contender. NULL: nobody wants to know. */
    void (*on_phase)(struct contender *contender, enum contender_phase phase);
};

struct contender_config { /* What contenders of one owner have in common. */
    const struct dialect *dialect;
    const char *path; /* This and what follows is borrowed for as long as they live. */
    const void *data; /* Of the node. */
    size_t size;
    docent_acl_list acl;             /* Of the node and of parents made. */
    docent_create_mode *parent_mode; /* How to make parents. CONTAINER turns into PERSISTENT when a server does not know it. */
    const struct contender_kind *kind; /* Static. */
};

struct contender {
    struct docent_machine machine;
    const struct contender_config *config;
    docent_hold *beside;        /* Of the owner's, whose number our node gets: first, then, as long as that node stands while ours is
                                 * made; else it ends with DOCENT_ERR_NOT_HELD. NULL: the server gives us a number. */
    struct meter *meter;        /* Told our states, and what hinders us. NULL, at any time: nobody's. */
    bool one_look;              /* Leave with DOCENT_ERR_TIMEOUT if not first at once. This and the two above: the owner's to set. */
    bool unlisted : 1;          /* CREATING: there is no list behind the create, */
    bool list_refused : 1;      /* or it could not be sent. */
    enum contender_state state : 8;
    enum contender_phase told : 8; /* The phase that the owner knows. */
    docent_status verdict;      /* DOCENT_OK while wanted, else why not: the first reason. */
    struct protected_node own;  /* Our node, and what is known of it. */
    struct docent_lookout lookout; /* FIRST: for it. */
    struct line_place *place;   /* NULL: none. */
    struct parents parents;
};

/* @contender: zeroed memory but for what the owner sets. @config: borrowed. Returns DOCENT_OK or DOCENT_ERR_NO_MEMORY, with nothing to be
 * finished. */
docent_status docent_contender_init(struct contender *contender, docent_client *client, const struct contender_config *config);
void docent_contender_start(struct contender *contender);
/* Gives up, for @why; does nothing if it was given up already. Whatever node there is or comes to be is removed. */
void docent_contender_leave(struct contender *contender, docent_status why);
/* What deletes the node of one that leads, for a transaction of the owner's: it fails if the node is gone, and with it the transaction. When that
 * is answered with OK: docent_contender_deleted(). When it turns out later that it was carried out: docent_contender_end(). */
docent_op docent_contender_deletion(const struct contender *contender);
void docent_contender_deleted(struct contender *contender, docent_status why);
/* The node is not there any more, whoever deleted it, or will not be; nothing is left to be removed. */
void docent_contender_end(struct contender *contender, docent_status why);
/* At any time; asks for nothing more. */
void docent_contender_fini(struct contender *contender);

#endif
