/* recipes/node_write.h - create, set, and make a path: what node_accept.c (checking and beginning), node_write.c (the loop) and
 * node_protect.c (nodes with a name of their own) share.
 *
 *               NoNode                       exists                      moved on
 *     PARENTS <-------- CREATING -------------------------> SETTING ------------.
 *         `------------>  | ^  ^ `-- exists: is it ours? -.   |  ^               |
 *              ready      | |  '--------------------------|---' gone             |
 *              reply lost | | not there                   v                      |
 *                         v |                          LOOKING <----------------'
 *                       FINDING (protected)               outcome
 *
 * One loop over all of it, with every answer handled in every turn: others may create, set and delete at each step. What goes round
 * without an end in sight is paced, and ends with the deadline.
 *
 * A reply lost. A protected create is looked for by its name (protected.h). Any other change is sent again: had the first been
 * applied, the second fails just because of it, and then a look, behind a sync, compares. A sequential node without protection cannot be told
 * from another's. A parent exists when it has been made twice, and so does a set without a version what it was to do.
 *
 * Given up with a protected create out or in doubt: the application is told, and the rest is to find the node and remove it. Its name
 * is unique, so nothing else can be hit. An ephemeral one goes with its session. */
#ifndef DOCENT_RECIPES_NODE_WRITE_H
#define DOCENT_RECIPES_NODE_WRITE_H

#include "recipes/node.h"
#include "recipes/parents.h"
#include "recipes/protected.h"
#include "recipes/removal.h"

enum write_state { WRITE_EXISTS, WRITE_CREATING, WRITE_PARENTS, WRITE_FINDING, WRITE_LOOKING, WRITE_SETTING, WRITE_REMOVING, WRITE_STATES };

enum write_tag { TAG_EXISTS, TAG_CREATE, TAG_PARENT, TAG_SYNC, TAG_LOOK, TAG_SET }; /* And those of the building blocks. */

struct write_call {
    struct node_call call;
    enum write_state state;
    bool ensures;  /* The path is all that is wanted. */
    docent_create_mode mode;
    int64_t ttl_ms;
    docent_acl_list acl;
    bool makes_parents;
    struct parents parents;
    docent_create_mode parent_mode;
    docent_acl_list parents_acl;
    uint32_t rounds;
    bool creates;  /* A missing node is made. */
    bool same_is_good;   /* These data, set once or just created, are success. */
    docent_if_exists if_exists;
    int32_t version;     /* Of SETTING. */
    struct docent_lost_write sent; /* The change that is sent, or in doubt. */
    docent_status conflict;        /* What brought us to LOOKING. */
    bool protect;
    struct protected_node own;
    struct removal removal;
    char *parent;        /* The parent's path, for own. */
    const char *name;    /* The last part of the path. */
    uint64_t sent_generation; /* Of the session that the protected create was sent in. */
    uint64_t final_ms;   /* When that session is over at the latest, if it is not known to be. 0: not reckoned. */
};

static inline struct write_call *docent_write_of(struct node_call *call)
{
    return (struct write_call *)call;
}

static inline bool docent_write_is_ephemeral(docent_create_mode mode)
{
    return mode == DOCENT_EPHEMERAL || mode == DOCENT_EPHEMERAL_SEQUENTIAL;
}

/* node_write.c */
void docent_write_enter(struct write_call *write, enum write_state next); /* The only writer of write->state. */
void docent_write_go(struct write_call *write, enum write_state next);    /* And asks. */
void docent_write_go_round(struct write_call *write, enum write_state next); /* The same, paced when it goes on and on. */
void docent_write_parents_missing(struct write_call *write);
/* Of struct node_kind. */
void docent_write_ask(struct node_call *call);
void docent_write_on_reply(struct node_call *call, const struct docent_event *ev);

/* node_protect.c */
docent_status docent_write_protect(struct write_call *write); /* It is to be protected. */
void docent_write_on_protected(struct write_call *write, const struct docent_event *ev);
void docent_write_on_find(struct write_call *write, const struct docent_event *ev);
void docent_write_on_removal(struct write_call *write, const struct docent_event *ev);
/* Of struct node_kind. */
bool docent_write_gives_up(struct node_call *call, docent_status why);
void docent_write_on_expired(struct node_call *call);

#endif
