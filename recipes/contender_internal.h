/* recipes/contender_internal.h - create, find, rank, wait, delete: what contender.c (states and events), contender_node.c (our node: made,
 * found, removed) and contender_queue.c (its rank, whom it waits for, being first) share.
 *
 * The happy path: create and list go out together, and since replies come in order the list shows our node and everybody ahead;
 * nobody ahead means first, after one round trip. Else the one directly ahead is watched (by getData, so that nothing is left on a
 * node that is gone already: that answer means "list again"). Leaving deletes.
 *
 *          start        create+list ok, nobody ahead
 *     NEW ------> CREATING -------------------------------------------> FIRST <-----------.
 *                 | ^  | ^ \                                            ^  |  down        | there
 *         NoNode  v |  | |  \ somebody ahead             ahead deleted  |  v       back   |
 *              PARENTS | |   `-> WATCHING, FOLLOWING, NEXT -------------'  SUSPECT ---> CHECKING
 *         reply lost   v | not there   |  ^                                   ^ down        |
 *                   FINDING            v  | somebody ahead                    `-------------'
 *                        | found     RANKING ---> FIRST                                     | not there: lost
 *                        `-------------^                                                    v
 *     Given up: DELETING ---> GONE from wherever our node is known; CREATING and FINDING first learn whether there is one.
 *     The session's end takes every state to GONE: it took our node with it.
 *
 * Reply to the create lost. The node may be there, and nobody but us would ever remove it. So: sync, list, look for our
 * prefix (a new UUID per contender), all in the session that sent the create; without the sync a server that lags
 * says "not there" too early. A node is ours only if its owner is our session. Not there: create again. The same holds for errors that
 * do not say whether they came before or after. It makes no difference whether the contender is still wanted, except that
 * then the node found is deleted.
 *
 * Connection down. A waiter lists again when it is back, whatever the restored watch says: what its list had shown may have
 * changed unseen. One that was first looks whether its node is still there; nobody can have got ahead of it. A delete is simply
 * sent again: "no such node" is what we want to hear.
 *
 * Our node deleted by somebody else. A waiter starts over with a new name, at the end of the queue, as its peers do. One that
 * is first is told so: at the reconnect, and while connected by a lookout for its own node, left a second after becoming first, so that
 * short holds do not pay for it.
 *
 * Second in line. A peer always lists again when the node ahead goes. We need not, from state NEXT, because all of this holds:
 * numbers only grow as long as the parent lives, and it lives while our node is in it, so nobody can be inserted ahead of us;
 * exactly one node was ahead; the watch tells that it was deleted; and the connection has stood since the list, so that the watch
 * was never out. It does not hold, and WATCHING lists again, where the listing had names that are not of our dialect (they may sort
 * anywhere: another client's pattern, a hand-made node), where a name shares our number (a reader that a writer was downgraded
 * to) or where the counter is used up (negative numbers sort ahead); where the event is any other than a deletion; and after
 * a reconnect. If somebody deletes our node while we are NEXT, the list that we saved would have shown it: so
 * the look at our own node follows at once.
 *
 * Several of one client. Numbers are given one after the other, one for each create in the parent. So if ours follows that of another contender of this
 * client, whose node is there, nobody is between the two, and nobody can get there; then we are FOLLOWING it, by its word alone (line.h), and need
 * neither a list nor a watch. The first of a client to wait here lists, behind its create as ever; who comes while it waits sends the create only, since
 * it will hardly be first, and lists if its number turns out to be another. When the server has answered the deletion of a
 * node with OK, it stood until then, and the parent with it; if it was first, we are. If it had given up before, we follow whom it followed. In
 * all other cases (no such node any more, a list with names that may sort in between) we list again. An outage changes none of this: who follows does not list after
 * it. Where all their nodes are deleted by somebody they find that out one after the other. Where readers and writers contend there is no line: they do not stand in the order of their numbers alone.
 *
 * The same from a reader's and a writer's eye, where both kinds contend (dialect.h). What a reader waits for is writers. A writer gets a
 * number from the server, larger than ours; and a name that comes to share a number with one ahead of us is a reader's. So a reader
 * that was behind exactly one writer in a plain list is first when that one is deleted, whatever readers there are. A writer waits
 * for both kinds, and a writer ahead of it can leave a reader in its place, between our list and its own deletion: there we list again, and are NEXT
 * only behind a reader. (A reader ahead cannot leave another: its owner would need the writer of that number, which is gone.)
 *
 * Beside a hold. A contender that is to get the number of one that its owner holds (a reader, of a writer) is first as soon as it is
 * made: nobody can be ahead of it. That is true only while that other node stands, so one transaction checks that it does, and creates ours.
 * It does not, whoever deleted it: DOCENT_ERR_NOT_HELD, for somebody else may hold by now. A lost reply leads to FINDING as ever, and if
 * our node is not there the transaction is sent again, and its check decides. We do not rank, neither then nor after a reconnect.
 *
 * Missing parents are made from the lowest upwards, and the create is tried again; a container may vanish in between, so that goes
 * round, at once at first and then at the pace of the client's backoff. */
#ifndef DOCENT_RECIPES_CONTENDER_INTERNAL_H
#define DOCENT_RECIPES_CONTENDER_INTERNAL_H

#include "recipes/contender.h"

enum { CONTENDER_OWN_LOOK_MS = 1000 }; /* When somebody first looks after their own node. */

enum contender_tag { TAG_CREATE, TAG_LIST, TAG_PARENT, TAG_OWN, TAG_AHEAD, TAG_DELETE }; /* And those of the building blocks. */

/* contender.c */
void docent_contender_enter(struct contender *contender, enum contender_state next); /* The only writer of contender->state. */
void docent_contender_go(struct contender *contender, enum contender_state next);    /* Enters, asks, reports. */
/* Enters @next, which asks when the client's backoff has passed (or the connection has come back). @why: what is waited out. */
void docent_contender_go_later(struct contender *contender, enum contender_state next, docent_status why);
void docent_contender_report(struct contender *contender); /* Always last: the owner may finish us here. */
/* There is no node of ours, and we know it. */
void docent_contender_has_none(struct contender *contender, enum contender_state next);
/* Something that changes nothing failed; @state will ask for it again. */
void docent_contender_ask_again(struct contender *contender, enum contender_state state, docent_status status);

/* contender_node.c */
enum { CONTENDER_NAME_SIZE = DIALECT_PREFIX_SIZE + DIALECT_DIGITS }; /* Room for all of our name but what the server appends. */
void docent_contender_draw_name(struct contender *contender, char name[CONTENDER_NAME_SIZE]);
void docent_contender_take_name(struct contender *contender, const char *name);
void docent_contender_rename(struct contender *contender);
void docent_contender_on_create(struct contender *contender, const struct docent_event *ev);
void docent_contender_on_parent(struct contender *contender, docent_status status);
void docent_contender_on_find(struct contender *contender, const struct docent_event *ev);
void docent_contender_on_delete(struct contender *contender, docent_status status);

/* contender_queue.c */
void docent_contender_on_rank_list(struct contender *contender, const struct docent_event *ev);
void docent_contender_on_ahead(struct contender *contender, docent_status status);
void docent_contender_on_watch(struct contender *contender, const struct docent_event *ev);
void docent_contender_on_own(struct contender *contender, const struct docent_event *ev);
void docent_contender_on_line(struct contender *contender, bool first); /* Whom we followed is gone. */

#endif
