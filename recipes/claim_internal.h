/* recipes/claim_internal.h - what claim.c (states and events) and claim_node.c (what answers come to) share.
 *
 *             start            ours, item read        acknowledge
 *     NEW ----------> CREATING ----------------> HELD -----------> ENDING ------> GONE
 *           no folder | ^    | reply lost      ^ |  ^ there          | ^ reply lost, not applied
 *                     v |    v                 | v  |                v |
 *                   PARENTS FINDING -> READING SUSPECT CHECKING     ASKING
 *                                                  | given up, or not got
 *                                                  '--------------> REMOVING ---> GONE
 * The session's end takes every state to GONE: it took our claim with it. Whoever is told "claimed by somebody else" has no node to remove. */
#ifndef DOCENT_RECIPES_CLAIM_INTERNAL_H
#define DOCENT_RECIPES_CLAIM_INTERNAL_H

#include "recipes/claim.h"

enum claim_tag { TAG_CREATE, TAG_ITEM, TAG_PARENT, TAG_SYNC, TAG_CLAIM, TAG_THERE, TAG_TXN };

/* claim.c */
void docent_claim_go(struct claim *claim, enum claim_state next);       /* The only writer of claim->state. Asks. */
void docent_claim_go_later(struct claim *claim, enum claim_state next); /* Asks after a pause. */
/* There is no claim of ours, and will be none. */
void docent_claim_over(struct claim *claim, docent_status why);
/* The outcome of the ending. */
void docent_claim_ended(struct claim *claim, docent_status status);

/* claim_node.c */
void docent_claim_ask_create(struct claim *claim);
void docent_claim_ask_look(struct claim *claim);   /* FINDING. */
void docent_claim_ask_txn(struct claim *claim);
void docent_claim_ask_outcome(struct claim *claim); /* ASKING. */
void docent_claim_on_create(struct claim *claim, const struct docent_event *ev);
void docent_claim_on_item(struct claim *claim, const struct docent_event *ev);
void docent_claim_on_parent(struct claim *claim, docent_status status);
void docent_claim_on_look(struct claim *claim, const struct docent_event *ev);
void docent_claim_on_check(struct claim *claim, const struct docent_event *ev);
void docent_claim_on_txn(struct claim *claim, const struct docent_event *ev);
void docent_claim_on_outcome(struct claim *claim, const struct docent_event *ev);
void docent_claim_on_removal(struct claim *claim, const struct docent_event *ev);

#endif
