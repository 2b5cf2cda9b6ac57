/* recipes/claim.h - one item of a queue, claimed: an ephemeral node called like the item says that it is being worked on. Serves one
 * attempt, from wanting the item until the claim is certainly gone, with the item or without.
 *
 * The owner is told changes of phase, by on_phase, also from within docent_claim_start() and the other calls; it is the last thing that the
 * claim does, so the owner may finish the claim there once it is OVER. Loop only.
 *
 * At least once. An item is deleted by the transaction that ends its claim, {check the claim, delete the item, delete the claim}, and that
 * is sent in no session but the one that owns the claim: applied there means that the session was alive, and so was its ephemeral. If
 * the session ends first the claim goes with it, and the item stays for others. What became of a lost reply is found out behind a sync, in
 * the same session: claim there, not applied; claim and item gone, applied.
 *
 * The name of a claim is the item's, and not ours alone. So its data are: a UUID of this attempt, which peers do not read (Curator) or expect
 * there (kazoo: the consumer's id, 32 hex digits). After a lost reply a claim is ours if it says so and belongs to our session. */
#ifndef DOCENT_RECIPES_CLAIM_H
#define DOCENT_RECIPES_CLAIM_H

#include "core/client/machine.h"
#include "recipes/parents.h"
#include "recipes/removal.h"

enum claim_phase {
    CLAIM_TRIES,
    CLAIM_HOLDS,  /* Ours, over a live connection, and claim->item is what was read after it was. */
    CLAIM_DOUBTS, /* Ours when last heard of. */
    CLAIM_LEAVES, /* Not got, or given up, or lost: claim->verdict. There is, or may be, a node to be removed. */
    CLAIM_OVER,   /* Claim gone: claim->verdict. Finish it. */
};

enum claim_state {
    CLAIM_NEW,
    CLAIM_CREATING,  /* The claim; and the item is read behind it. */
    CLAIM_PARENTS,   /* The directory of claims is missing and is being made. */
    CLAIM_FINDING,   /* The create's outcome is unknown: looking. */
    CLAIM_READING,   /* The item, again. */
    CLAIM_HELD,
    CLAIM_SUSPECT,   /* Held, and the connection is down. */
    CLAIM_CHECKING,  /* The connection is back: is our claim there? */
    CLAIM_ENDING,    /* The transaction is to be, or under way. */
    CLAIM_ASKING,    /* Its outcome is unknown: looking. */
    CLAIM_REMOVING,
    CLAIM_GONE,
    CLAIM_STATES
};

struct claim;

struct claim_config {
    docent_client *client;
    const char *directory; /* Of the items. What is borrowed here is so for as long as the claim lives. */
    const char *claims;    /* The directory of the claims. */
    const char *name;      /* Of the item; copied. */
    bool bare_id;          /* Kazoo's form of an id. */
    docent_acl_list acl;   /* Of the claim, of its parents, and of an item that is put back. */
    /* What came of an ending, once for each that was begun: DOCENT_OK (claim->phase is about to be OVER); DOCENT_ERR_NOT_HELD (the claim was
     * gone: the item is there for others, or was ended by them), DOCENT_ERR_NO_NODE (the item was taken out by somebody who minds no claims),
     * DOCENT_ERR_SESSION_EXPIRED, DOCENT_ERR_UNKNOWN_OUTCOME (the session ended before it could be found out): over as well. Else what the
     * server refused it with, or DOCENT_ERR_SEQUENCE_EXHAUSTED (there is no number left to put it back under), and the claim is held on. */
    void (*on_ended)(struct claim *claim, docent_status status);
    void (*on_phase)(struct claim *claim, enum claim_phase phase);
};

struct claim {
    struct docent_machine machine;
    struct claim_config config;
    enum claim_state state;
    enum claim_phase told;  /* The phase that the owner knows. */
    docent_status verdict;  /* DOCENT_OK while wanted, else why not: DOCENT_ERR_NODE_EXISTS (claimed by somebody else), DOCENT_ERR_NO_NODE (no
                             * such item any more), DOCENT_ERR_NOT_HELD (our claim was removed), or what was told. */
    char *item_path, *path; /* Of the item, and of the claim. */
    const char *name;       /* In item_path. */
    char id[37];
    bool owned;             /* Made, or found. */
    int64_t czxid;          /* owned: of the claim... */
    uint64_t generation;    /* ... and of its session. */
    docent_result *item;    /* HELD and later: data and stat. */
    bool requeues;          /* ENDING: puts the item back as a new one... */
    const char *moved;      /* ... under this path, up to the number; NULL: where it was. */
    bool ending;            /* on_ended is due. */
    bool ending_sent;       /* And it may have been applied. */
    bool item_refused;      /* CREATING: the item could not be asked for behind the claim. */
    docent_create_mode parent_mode;
    struct parents parents;
    struct removal removal;
};

/* @claim: zeroed memory. Returns DOCENT_OK or DOCENT_ERR_NO_MEMORY, with nothing to be finished. */
docent_status docent_claim_init(struct claim *claim, const struct claim_config *config);
void docent_claim_start(struct claim *claim);
/* Gives it up, for @why, whatever it is at; does nothing if it was given up already or is being ended. The item stays. */
void docent_claim_leave(struct claim *claim, docent_status why);
/* HELD, SUSPECT or CHECKING, and not being ended: deletes item and claim, or puts the item, under a new number, back at the end of those of its
 * prefix (which keeps priority and time). False: it is not. */
bool docent_claim_end(struct claim *claim, bool requeue);
/* The same, but the item goes on elsewhere: @path is a path up to the number, borrowed until on_ended. If what is above it is missing the ending
 * is refused with DOCENT_ERR_NO_NODE, and the claim is held on. */
bool docent_claim_move(struct claim *claim, const char *path);
/* Whether it may be ended. */
bool docent_claim_is_held(const struct claim *claim);
/* The hold, with one reference; NULL: not held, or no memory. */
docent_hold *docent_claim_hold(const struct claim *claim);
/* At any time; asks for nothing more. */
void docent_claim_fini(struct claim *claim);

#endif
