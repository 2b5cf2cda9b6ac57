/* recipes/ground.c - see ground.h.
 *
 *             no such parent            all are there
 *     MAKING ----------------> PARENTS       MAKING ------> THERE
 *       ^  '------ made -----------'                          |
 *       '--------------------- something was missing ---------'
 */
#include "recipes/ground.h"

#include <assert.h>
#include <string.h>

#include "recipes/trouble.h"

enum { ROUNDS_MAX = 8 /* In a row, while containers come and go; then a pause. */ };

#define TO(state) (1u << (state))
static const unsigned ground_next[GROUND_STATES] = {
    [GROUND_UNKNOWN] = TO(GROUND_MAKING),
    [GROUND_MAKING] = TO(GROUND_MAKING) | TO(GROUND_PARENTS) | TO(GROUND_THERE) | TO(GROUND_UNKNOWN),
    [GROUND_PARENTS] = TO(GROUND_PARENTS) | TO(GROUND_MAKING) | TO(GROUND_UNKNOWN),
    [GROUND_THERE] = TO(GROUND_MAKING) | TO(GROUND_UNKNOWN),
};
static const char *const ground_state_name[GROUND_STATES] = { "unknown", "making", "parents", "there" };

/* Asks for what the state waits for, if there is a connection; else RESUMED does. */
static void ground_ask(struct ground *g)
{
    docent_machine_next_turn(&g->machine);
    if (!docent_machine_online(&g->machine)) return;
    if (g->state == GROUND_MAKING) {
        docent_op create = docent_op_create(g->paths[g->at], NULL, 0, DOCENT_PERSISTENT);
        create.acl = g->acl;
        docent_ask(&g->machine, &create, GROUND_MAKING);
    } else if (g->state == GROUND_PARENTS) {
        docent_parents_ask(&g->parents, &g->machine, g->paths[g->at], g->parent_mode, g->acl, GROUND_PARENTS);
    }
}

/* The only writer of g->state. */
static void ground_go(struct ground *g, enum ground_state next)
{
    assert(ground_next[g->state] & TO(next));
    (void)ground_next;
    docent_trace(&g->machine, "ground", g->paths[g->at < g->count ? g->at : 0], ground_state_name[g->state], ground_state_name[next]);
    g->state = next;
    if (next != GROUND_UNKNOWN) ground_ask(g);
}

static void ground_refused(struct ground *g, docent_status why)
{
    docent_machine_next_turn(&g->machine);
    docent_machine_retry(&g->machine);
    docent_client_log(g->machine.client, DOCENT_LOG_WARNING, "ground.refused", g->paths[g->at], "cannot be made: %s", docent_status_text(why));
    g->told(g, why);
}

static void ground_failed(struct ground *g, docent_status why)
{
    switch (docent_trouble(why)) {
    case TROUBLE_LOST: break; /* RESUMED. */
    case TROUBLE_BUSY:
    case TROUBLE_UNSURE: docent_machine_retry(&g->machine); break; /* Once or twice is the same. */
    case TROUBLE_REFUSED: ground_refused(g, why); break;
    }
}

static void ground_made(struct ground *g)
{
    g->parents.rounds = 0;
    docent_machine_calm(&g->machine);
    if (++g->at < g->count) {
        ground_go(g, GROUND_MAKING);
        return;
    }
    ground_go(g, GROUND_THERE);
    g->told(g, DOCENT_OK);
}

static void ground_on_made(struct ground *g, docent_status status)
{
    const char *path = g->paths[g->at];
    size_t parent = (size_t)(strrchr(path, '/') - path);
    switch ((int)status) {
    case DOCENT_OK:
    case DOCENT_ERR_NODE_EXISTS: ground_made(g); break;
    case DOCENT_ERR_NO_NODE:
        if (parent == 0) { /* Not even "/": the client's chroot is missing, and is not ours to make. */
            ground_refused(g, status);
        } else {
            docent_parents_begin(&g->parents, parent);
            ground_go(g, GROUND_PARENTS);
        }
        break;
    default: ground_failed(g, status); break;
    }
}

static void ground_on_parents(struct ground *g, docent_status status)
{
    switch (docent_parents_on_reply(&g->parents, g->paths[g->at], &g->parent_mode, status)) {
    case PARENTS_READY: ground_go(g, GROUND_MAKING); break;
    case PARENTS_MORE:
        if (g->parents.rounds <= ROUNDS_MAX) {
            ground_go(g, GROUND_PARENTS);
        } else {
            g->parents.rounds = 0;
            docent_machine_retry(&g->machine);
        }
        break;
    case PARENTS_ROOTLESS: ground_refused(g, DOCENT_ERR_NO_NODE); break;
    case PARENTS_FAILED: ground_failed(g, status); break;
    }
}

static void ground_on_event(struct docent_machine *machine, const struct docent_event *ev)
{
    struct ground *g = (struct ground *)machine; /* Its first member. */
    switch (ev->type) {
    case DOCENT_EV_REPLY: (ev->tag == GROUND_MAKING ? ground_on_made : ground_on_parents)(g, ev->status); break;
    case DOCENT_EV_TIMER:
    case DOCENT_EV_RESUMED: ground_ask(g); break;
    case DOCENT_EV_CLOSING: docent_ground_stop(g); break;
    case DOCENT_EV_SUSPENDED: /* Lost replies follow. */
    case DOCENT_EV_EXPIRED:
    case DOCENT_EV_WATCH: break;
    }
}

void docent_ground_start(struct ground *g, docent_client *client)
{
    docent_machine_init(&g->machine, client, ground_on_event);
    g->machine.name = "ground";
    g->attached = true;
    g->parent_mode = DOCENT_CONTAINER;
    ground_go(g, GROUND_MAKING);
}

void docent_ground_stop(struct ground *g)
{
    if (!g->attached) return;
    g->attached = false;
    ground_go(g, GROUND_UNKNOWN);
    docent_machine_fini(&g->machine);
}

void docent_ground_lost(struct ground *g)
{
    if (g->state != GROUND_THERE) return;
    g->at = 0;
    ground_go(g, GROUND_MAKING);
}
