/* recipes/revocation.c - see revocation.h. */
#include "recipes/revocation.h"

#include <string.h>

#include "recipes/trouble.h"

enum { TAG_LOOK };

static void revocation_ask(struct revocation *r)
{
    docent_machine_next_turn(&r->machine);
    if (r->path == NULL || !docent_machine_online(&r->machine)) return; /* EV_RESUMED comes back here. */
    docent_op get = docent_op_get(r->path);
    docent_ask_watch(&r->machine, &get, TAG_LOOK);
}

static void revocation_on_look(struct revocation *r, const struct docent_event *ev)
{
    const docent_result *result = ev->result;

    if (ev->status == DOCENT_OK) {
        docent_machine_calm(&r->machine);
        bool asked = result->size == REVOCATION_SIZE && memcmp(result->data, REVOCATION_MESSAGE, REVOCATION_SIZE) == 0;
        bool news = asked && result->stat.version != r->told;
        r->told = result->stat.version;
        if (news) r->revoked(r);
        return;
    }
    if (ev->status == DOCENT_ERR_NO_NODE) return;
    switch (docent_trouble(ev->status)) {
    case TROUBLE_LOST: break;
    case TROUBLE_BUSY:
    case TROUBLE_UNSURE: docent_machine_retry(&r->machine); break;
    case TROUBLE_REFUSED:
        docent_client_log(r->machine.client, DOCENT_LOG_WARNING, "lock.revocable", r->path, "cannot be revoked, for it cannot be read: %s",
                          docent_status_text(ev->status));
        break;
    }
}

static void revocation_on_event(struct docent_machine *machine, const struct docent_event *ev)
{
    struct revocation *r = (struct revocation *)((char *)machine - offsetof(struct revocation, machine));

    switch (ev->type) {
    case DOCENT_EV_REPLY: revocation_on_look(r, ev); break;
    case DOCENT_EV_WATCH:
        if (ev->change != DOCENT_WATCH_DELETED) revocation_ask(r);
        break;
    case DOCENT_EV_TIMER:
    case DOCENT_EV_RESUMED: revocation_ask(r); break;
    case DOCENT_EV_EXPIRED:
    case DOCENT_EV_CLOSING: docent_revocation_stop(r); break;
    case DOCENT_EV_SUSPENDED: break;
    }
}

docent_status docent_revocation_init(struct revocation *r, docent_client *client, void (*revoked)(struct revocation *revocation))
{
    docent_status status = docent_timer_reserve(client);
    if (status != DOCENT_OK) return status;
    r->revoked = revoked;
    docent_machine_init(&r->machine, client, revocation_on_event);
    r->machine.name = "lock";
    return DOCENT_OK;
}

void docent_revocation_look(struct revocation *r, const char *path)
{
    r->path = path;
    r->told = 0; /* With what it was created is no request. */
    revocation_ask(r);
}

void docent_revocation_stop(struct revocation *r)
{
    r->path = NULL;
    docent_machine_next_turn(&r->machine);
}

void docent_revocation_fini(struct revocation *r)
{
    docent_machine_fini(&r->machine);
    docent_timer_release(r->machine.client);
}
