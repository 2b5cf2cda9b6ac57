/* core/client/follow.c - follows the ensemble: reads its configuration on every connection and at every change, and hands its members'
 * addresses to the driver as the new list of servers.
 *
 * The node is outside of any chroot, so the follower has a view of its own. It reads behind whatever the application had waiting for the
 * connection. It is content with what it cannot have: an answer that says that there is nothing to be read is asked for again on the
 * next connection only.
 *
 * While the client was away the members may all have been replaced, or their addresses may never have been good for it. So when the
 * session is lost, the servers that the application named are tried beside the members, until the next configuration is read. */
#include <stdio.h>
#include <string.h>

#include <docent/ensemble.h>

#include "core/client/internal.h"

struct follower {
    struct docent_machine machine;
    docent_client view;
    docent_ensemble *known;
    uint64_t generation; /* Of the session that it was read in. */
    bool falls_back;     /* The members' addresses are not the whole list, or are to be so no longer. */
    struct docent_later asking, telling;
    char servers[];      /* Those that the application named; "" if they are not known. */
};

static struct follower *follower_of(struct docent_machine *machine)
{
    return (struct follower *)((char *)machine - offsetof(struct follower, machine));
}

static void follower_ask(struct follower *f)
{
    docent_machine_next_turn(&f->machine);
    docent_op get = docent_op_get(DOCENT_CONFIG_NODE);
    docent_ask_watch(&f->machine, &get, 0);
}

static void follower_asks(struct docent_later *later)
{
    struct follower *f = (struct follower *)((char *)later - offsetof(struct follower, asking));
    if (docent_machine_online(&f->machine)) follower_ask(f);
}

static void follower_tell(struct docent_later *later)
{
    struct follower *f = (struct follower *)((char *)later - offsetof(struct follower, telling));
    const struct docent_core *c = f->view.core;
    if (!c->closing && c->options.on_ensemble != NULL) c->options.on_ensemble(f->known, c->options.user);
}

/* Servers differ in how far they are, but a session never goes back; with another one anything may be new. */
static bool follower_knows(const struct follower *f, const docent_ensemble *ensemble, uint64_t generation)
{
    if (f->known == NULL) return false;
    if (generation == f->generation) return ensemble->version <= f->known->version;
    return ensemble->version == f->known->version && strcmp(ensemble->connect_string, f->known->connect_string) == 0;
}

static docent_status follower_use(struct follower *f, const char *servers)
{
    docent_status status = docent_client_set_servers(&f->view, servers);
    docent_client_log(&f->view, status == DOCENT_OK ? DOCENT_LOG_INFO : DOCENT_LOG_WARNING, "ensemble.servers", DOCENT_CONFIG_NODE, "%s: %s",
                      servers, docent_status_text(status));
    return status;
}

static void follower_take(struct follower *f, docent_ensemble *ensemble, uint64_t generation)
{
    const docent_allocator *allocator = f->view.allocator;
    bool known = follower_knows(f, ensemble, generation);
    bool usable = ensemble->connect_string[0] != '\0';
    if (ensemble->member_count == 0 || (known && !f->falls_back)) {
        docent_free(allocator, ensemble);
        return;
    }
    if (usable && follower_use(f, ensemble->connect_string) == DOCENT_ERR_NO_MEMORY) {
        docent_free(allocator, ensemble);
        docent_machine_retry(&f->machine);
        return;
    }
    docent_machine_calm(&f->machine);
    docent_free(allocator, f->known);
    f->known = ensemble;
    f->generation = generation;
    f->falls_back = false;
    if (!known) docent_client_later(&f->view, &f->telling);
}

static void follower_read(struct follower *f, const struct docent_event *ev)
{
    docent_ensemble *ensemble;
    docent_status status = docent_ensemble_read(f->view.allocator, ev->result->data, ev->result->size, &ensemble);
    if (status == DOCENT_OK) {
        follower_take(f, ensemble, ev->generation);
    } else if (status == DOCENT_ERR_NO_MEMORY) {
        docent_machine_retry(&f->machine);
    } else {
        docent_client_log(&f->view, DOCENT_LOG_WARNING, "ensemble.garbled", DOCENT_CONFIG_NODE, "the configuration makes no sense and is not followed");
    }
}

static void follower_on_reply(struct follower *f, const struct docent_event *ev)
{
    bool again = ev->status == DOCENT_ERR_NO_MEMORY || docent_retry_allows(NULL, ev->status);
    if (ev->status == DOCENT_OK) {
        follower_read(f, ev);
    } else if (again && ev->status != DOCENT_ERR_CONNECTION_LOSS) {
        docent_machine_retry(&f->machine);
    }
}

static void follower_fall_back(struct follower *f)
{
    if (f->known == NULL || f->known->connect_string[0] == '\0' || f->servers[0] == '\0' || f->falls_back) return;
    size_t size = strlen(f->servers) + strlen(f->known->connect_string) + sizeof ",";
    char *servers = docent_alloc(f->view.allocator, size);
    docent_status status = DOCENT_ERR_NO_MEMORY;
    if (servers != NULL) {
        snprintf(servers, size, "%s,%s", f->servers, f->known->connect_string);
        status = follower_use(f, servers);
        docent_free(f->view.allocator, servers);
    }
    f->falls_back = status == DOCENT_OK;
    if (status == DOCENT_ERR_NO_MEMORY) docent_machine_retry(&f->machine);
}

static void follower_on_event(struct docent_machine *machine, const struct docent_event *ev)
{
    struct follower *f = follower_of(machine);
    switch (ev->type) {
    case DOCENT_EV_REPLY: follower_on_reply(f, ev); break;
    case DOCENT_EV_WATCH: follower_ask(f); break;
    case DOCENT_EV_RESUMED: docent_client_later(&f->view, &f->asking); break;
    case DOCENT_EV_TIMER:
        if (docent_machine_online(machine)) {
            follower_ask(f);
        } else {
            follower_fall_back(f);
        }
        break;
    case DOCENT_EV_EXPIRED: follower_fall_back(f); break;
    case DOCENT_EV_SUSPENDED: /* The read that follows leaves another watch. This one need not be restored before it. */
    case DOCENT_EV_CLOSING: docent_machine_next_turn(machine); break;
    }
}

docent_status docent_follower_new(struct docent_core *core, const char *servers, struct follower **ret_follower)
{
    size_t size = servers == NULL ? 0 : strcspn(servers, "/"); /* The chroot is no part of any list. */
    docent_status status = docent_timers_reserve(core, 1);
    if (status != DOCENT_OK) return status;
    struct follower *f = docent_alloc(&core->allocator, sizeof *f + size + 1);
    if (f == NULL) {
        docent_timers_release(core, 1);
        return DOCENT_ERR_NO_MEMORY;
    }
    memset(f, 0, sizeof *f);
    f->view = (docent_client){ .core = core, .allocator = &core->allocator, .chroot = "" };
    docent_shared_set(&f->view.references, 1); /* Ours, so that it is never freed by itself. */
    f->asking.run = follower_asks;
    f->telling.run = follower_tell;
    if (size > 0) memcpy(f->servers, servers, size);
    f->servers[size] = '\0';
    docent_machine_init(&f->machine, &f->view, follower_on_event);
    *ret_follower = f;
    return DOCENT_OK;
}

void docent_follower_free(struct docent_core *core)
{
    struct follower *f = core->follower;
    if (f == NULL) return;
    core->follower = NULL;
    docent_machine_fini(&f->machine);
    docent_timers_release(core, 1);
    docent_free(&core->allocator, f->known);
    docent_free(&core->allocator, f);
}

const docent_ensemble *docent_client_ensemble(const docent_client *client)
{
    return client == NULL || client->core->follower == NULL ? NULL : client->core->follower->known;
}
