/* peer_lease.c - kazoo's lease. LABEL [COUNT]: obtain MS. */
#include "peer.h"

struct lease {
    const struct peer_place *place;
    char *label;
    uint32_t count; /* 0: the single one. */
};

static void *lease_make(const struct peer_place *place, const struct peer_words *words)
{
    struct lease *l = peer_alloc(sizeof *l);
    l->place = place;
    l->label = peer_copy(peer_word(words, 0));
    l->count = peer_number(words, 1);
    return l;
}

static void lease_act(void *thing, struct peer_call *call)
{
    struct lease *l = thing;
    docent_lease *lease = NULL; /* One for each time: how long is an option. */
    docent_lease_options options = { DOCENT_LEASE_OPTIONS, .duration_ms = peer_number(&call->words, 0), .id = l->label, .slots = l->count };
    if (!peer_is(call, "obtain")) return;
    peer_must(docent_lease_new(l->place->client, l->place->path, &options, &lease), "lease");
    docent_status status = docent_lease_acquire(lease, 10000);
    peer_status(call, status == DOCENT_ERR_BUSY ? DOCENT_ERR_TIMEOUT : status);
    docent_lease_close(lease, NULL, NULL);
}

const struct peer_kind peer_lease = { "lease", lease_make, lease_act };
