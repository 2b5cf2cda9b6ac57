/* recipes/lease_internal.h - a lease, what its files share: the machine (lease.c), and what the application calls (lease_calls.c). */
#ifndef DOCENT_RECIPES_LEASE_INTERNAL_H
#define DOCENT_RECIPES_LEASE_INTERNAL_H

#include <docent/lease.h>

#include "core/drive/await.h"
#include "recipes/contender.h"
#include "recipes/handle.h"
#include "recipes/meter.h"

enum lease_state {
    LEASE_IDLE,
    LEASE_LOCKING, /* The lock is not ours, or not surely. */
    LEASE_READING,
    LEASE_WRITING,
    LEASE_FINDING, /* What became of the writing is unknown. */
    LEASE_STATES
};

struct docent_lease {
    struct handle handle; /* First. Its machine is the lease's. */
    char *path, *id;
    uint64_t duration_ms, skew_ms;
    uint32_t slots;
    docent_acl_list acl;
    docent_create_mode parent_mode;

    enum lease_state state;
    struct contender_config contending_as;
    struct contender contender;
    bool contending;     /* There is one. Over before the next begins. */
    bool led;            /* And it was first once: so its node was there. */
    bool dismissed;      /* And it is of a slot, or an acquire, before. */
    bool early;          /* LOCKING: a read is under way, behind the contender's requests. */
    bool one_look;
    uint32_t first, tried; /* Slots: where it began, and how many have been looked at. */
    char *slot_path, *holder_path; /* Of the slot; room for all. */
    bool exists;         /* READING has seen a holder node, of this version. */
    int32_t version;
    char *text;          /* That is being written. */
    uint64_t until_ms;   /* And its end, by our own clock. */

    struct docent_timer deadline;
    uint64_t begun_ms;
    docent_done_fn done; /* Until it is called. */
    void *user;
    bool answered;
    docent_status outcome;
    bool telling;
    struct docent_later later; /* Tells, and begins a contender if one is wanted. */
    struct meter meter;

    docent_shared_i64 held_until_ms; /* 0: not ours. */
    docent_shared_i64 held_slot;
};

static inline struct docent_lease *docent_lease_of(struct handle *handle)
{
    return (struct docent_lease *)handle;
}

/* lease.c */
extern const struct handle_kind docent_lease_kind;
void docent_lease_prepare(struct docent_lease *lease); /* Callbacks of its members. */
void docent_lease_name_slot(struct docent_lease *lease);
void docent_lease_seek(struct docent_lease *lease); /* An acquire begins; done, user, one_look and the deadline are set. */
void docent_lease_free(struct docent_lease *lease);

#endif
