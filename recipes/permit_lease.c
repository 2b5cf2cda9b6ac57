/* recipes/permit_lease.c - see permit.h: the leases' nodes, each with a machine of its own: looked after, looked for, removed. */
#include "recipes/permit.h"
#include "recipes/trouble.h"

enum lease_tag { TAG_LEASE_CHECK, TAG_LEASE_WATCH };

static void lease_gone(struct lease *lease)
{
    lease->own.known = PROTECTED_NONE;
    docent_permit_lose(lease->permit, DOCENT_ERR_NO_NODE);
}

/* ---- Held. ---- */

static bool lease_is_there(const struct lease *lease, const struct docent_event *ev)
{
    return ev->status == DOCENT_OK && ev->result->stat.ephemeral_owner == docent_client_session(lease->permit->handle.client, NULL);
}

static void lease_on_check(struct lease *lease, const struct docent_event *ev)
{
    struct docent_permit *p = lease->permit;

    if (lease_is_there(lease, ev)) {
        lease->unchecked = false;
        for (uint32_t i = 0; i < p->count; i++) {
            if (p->leases[i].unchecked) return;
        }
        docent_machine_calm(&p->handle.machine);
        docent_permit_go(p, PERMIT_TAKEN);
    } else if (ev->status == DOCENT_OK || ev->status == DOCENT_ERR_NO_NODE) {
        lease_gone(lease);
    } else if (docent_trouble(ev->status) != TROUBLE_LOST) {
        docent_meter_reason(&p->meter, p->handle.client, ev->status);
        docent_permit_go_later(p, PERMIT_CHECKING);
    }
}

static void lease_on_watch(struct lease *lease, const struct docent_event *ev)
{
    struct docent_permit *p = lease->permit;

    if (lease_is_there(lease, ev)) return;
    lease->watched = false;
    if (ev->status == DOCENT_OK || ev->status == DOCENT_ERR_NO_NODE) {
        lease_gone(lease);
    } else if (docent_trouble(ev->status) == TROUBLE_BUSY || docent_trouble(ev->status) == TROUBLE_UNSURE) {
        docent_machine_retry(&p->handle.machine);
    } /* Refused: the ACL does not let us read our own node. */
}

void docent_leases_ask_check(struct docent_permit *p)
{
    for (uint32_t i = 0; i < p->count; i++) {
        docent_op exists = docent_op_exists(p->leases[i].own.path);
        p->leases[i].unchecked = true;
        docent_ask(&p->leases[i].machine, &exists, TAG_LEASE_CHECK);
    }
}

void docent_leases_ask_watch(struct docent_permit *p)
{
    for (uint32_t i = 0; i < p->count; i++) {
        struct lease *lease = &p->leases[i];
        if (lease->watched) continue;
        docent_op get = docent_op_get(lease->own.path);
        docent_machine_next_turn(&lease->machine);
        lease->watched = true;
        docent_ask_watch(&lease->machine, &get, TAG_LEASE_WATCH);
    }
}

/* ---- Removed. ---- */

static void leases_removed(struct docent_permit *p)
{
    for (uint32_t i = 0; i < p->count; i++) {
        if (p->leases[i].own.known != PROTECTED_NONE) return;
    }
    docent_recall_returned(p);
    docent_permit_seek(p);
}

void docent_leases_ask_removal(struct docent_permit *p)
{
    bool left = false;

    for (uint32_t i = 0; i < p->count; i++) {
        if (p->leases[i].own.known == PROTECTED_NONE) continue;
        left = true;
        docent_removal_ask(&p->leases[i].removal, &p->leases[i].machine);
    }
    if (!left) docent_machine_timer(&p->handle.machine, 1); /* The last one was lost: that ends it, but not from inside this. */
}

static void lease_on_removal(struct lease *lease, const struct docent_event *ev)
{
    struct docent_permit *p = lease->permit;

    switch (docent_removal_on_reply(&lease->removal, &lease->machine, ev)) {
    case REMOVAL_GONE:
        lease->own.known = PROTECTED_NONE;
        leases_removed(p);
        break;
    case REMOVAL_FAILED:
        docent_meter_reason(&p->meter, p->handle.client, ev->status);
        if (docent_trouble(ev->status) == TROUBLE_LOST) break;
        docent_client_log(p->handle.client, DOCENT_LOG_WARNING, "semaphore.delete", lease->own.path, "not removed yet: %s",
                          docent_status_text(ev->status));
        docent_machine_retry(&p->handle.machine); /* Those on their way are asked for again, too: gone twice is gone. */
        break;
    case REMOVAL_GOING_ON:
    case REMOVAL_SEEN:
    case REMOVAL_VERSION: break; /* Our names are unique, so that there is no look. */
    }
}

/* ---- Events and life. ---- */

static void lease_on_event(struct docent_machine *machine, const struct docent_event *ev)
{
    struct lease *lease = (struct lease *)((char *)machine - offsetof(struct lease, machine));
    struct docent_permit *p = lease->permit;

    if (ev->type == DOCENT_EV_CLOSING) { /* The handle's machine tells nobody if it was closed before. */
        docent_permit_abandon(p, ev->status);
    } else if (ev->type == DOCENT_EV_WATCH) {
        lease->watched = false;
        if (ev->change == DOCENT_WATCH_DELETED) {
            lease_gone(lease);
        } else {
            docent_machine_timer(&p->handle.machine, PERMIT_OWN_LOOK_MS);
        }
    } else if (ev->type == DOCENT_EV_REPLY && p->state == PERMIT_RETURNING) {
        lease_on_removal(lease, ev);
    } else if (ev->type == DOCENT_EV_REPLY && ev->tag == TAG_LEASE_CHECK) {
        lease_on_check(lease, ev);
    } else if (ev->type == DOCENT_EV_REPLY) {
        lease_on_watch(lease, ev);
    } /* The rest is the permit's. */
}

void docent_leases_next_turn(struct docent_permit *p)
{
    for (uint32_t i = 0; p->attached && i < p->count; i++) {
        p->leases[i].watched = false;
        docent_machine_next_turn(&p->leases[i].machine);
    }
}

void docent_leases_draw_names(struct docent_permit *p)
{
    for (uint32_t i = 0; i < p->count; i++) {
        struct protected_node *own = &p->leases[i].own;
        char uuid[37];

        docent_client_uuid(p->handle.client, uuid);
        docent_dialect_prefix(p->terms->lease_names, uuid, docent_protected_prefix(own));
        docent_protected_named(own);
        docent_protected_forget(own);
    }
}

docent_status docent_leases_init(struct docent_permit *p)
{
    docent_client *client = p->handle.client;
    const docent_allocator *allocator = docent_client_allocator(client);

    p->leases = docent_alloc_array(allocator, p->count, sizeof *p->leases);
    if (p->leases == NULL) return DOCENT_ERR_NO_MEMORY;
    memset(p->leases, 0, p->count * sizeof *p->leases);
    for (uint32_t i = 0; i < p->count; i++) {
        struct lease *lease = &p->leases[i];
        lease->permit = p;
        lease->own.client = client;
        lease->own.parent = p->terms->leases_path;
        lease->own.sequential = p->terms->kind == DOCENT_DIALECT_CURATOR;
        lease->own.ephemeral = true;
        docent_status status = docent_protected_init(&lease->own, DIALECT_PREFIX_SIZE);
        if (status != DOCENT_OK) return status;
        lease->removal.path = lease->own.path;
        lease->removal.unique = true;
    }
    docent_leases_draw_names(p);
    return DOCENT_OK;
}

void docent_leases_attach(struct docent_permit *p)
{
    for (uint32_t i = 0; i < p->count; i++) {
        docent_machine_init(&p->leases[i].machine, p->handle.client, lease_on_event);
        p->leases[i].machine.name = "semaphore";
    }
    p->attached = true;
}

static void leases_detach(struct docent_permit *p)
{
    for (uint32_t i = 0; p->attached && i < p->count; i++) docent_machine_fini(&p->leases[i].machine);
    p->attached = false;
}

void docent_leases_free(struct docent_permit *p)
{
    if (p->leases == NULL) return;
    leases_detach(p);
    for (uint32_t i = 0; i < p->count; i++) {
        if (p->leases[i].own.path != NULL) docent_protected_free(&p->leases[i].own);
    }
    docent_free(docent_client_allocator(p->handle.client), p->leases);
    p->leases = NULL;
}
