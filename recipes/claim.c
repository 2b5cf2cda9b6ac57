/* recipes/claim.c - see claim_internal.h: states, events, beginning and end. */
#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "recipes/claim_internal.h"
#include "recipes/trouble.h"

static const char *const claim_state_name[CLAIM_STATES] = {
    [CLAIM_NEW] = "NEW",           [CLAIM_CREATING] = "CREATING", [CLAIM_PARENTS] = "PARENTS",   [CLAIM_FINDING] = "FINDING",
    [CLAIM_READING] = "READING",   [CLAIM_HELD] = "HELD",         [CLAIM_SUSPECT] = "SUSPECT",   [CLAIM_CHECKING] = "CHECKING",
    [CLAIM_ENDING] = "ENDING",     [CLAIM_ASKING] = "ASKING",     [CLAIM_REMOVING] = "REMOVING", [CLAIM_GONE] = "GONE",
};

#define TO(name) (1u << CLAIM_##name)
static const unsigned claim_next[CLAIM_STATES] = {
    [CLAIM_NEW] = TO(CREATING) | TO(GONE),
    [CLAIM_CREATING] = TO(CREATING) | TO(PARENTS) | TO(FINDING) | TO(READING) | TO(HELD) | TO(REMOVING) | TO(GONE),
    [CLAIM_PARENTS] = TO(PARENTS) | TO(CREATING) | TO(GONE),
    [CLAIM_FINDING] = TO(FINDING) | TO(CREATING) | TO(READING) | TO(REMOVING) | TO(GONE),
    [CLAIM_READING] = TO(READING) | TO(HELD) | TO(REMOVING) | TO(GONE),
    [CLAIM_HELD] = TO(SUSPECT) | TO(CHECKING) | TO(ENDING) | TO(REMOVING) | TO(GONE),
    [CLAIM_SUSPECT] = TO(CHECKING) | TO(ENDING) | TO(REMOVING) | TO(GONE),
    [CLAIM_CHECKING] = TO(HELD) | TO(SUSPECT) | TO(CHECKING) | TO(ENDING) | TO(REMOVING) | TO(GONE),
    [CLAIM_ENDING] = TO(ENDING) | TO(ASKING) | TO(CHECKING) | TO(REMOVING) | TO(GONE),
    [CLAIM_ASKING] = TO(ASKING) | TO(ENDING) | TO(REMOVING) | TO(GONE),
    [CLAIM_REMOVING] = TO(REMOVING) | TO(GONE),
};

/* From here on the client's lease is the strict one. */
static bool claim_is_in_hand(enum claim_state state)
{
    return (TO(READING) | TO(HELD) | TO(SUSPECT) | TO(CHECKING) | TO(ENDING) | TO(ASKING)) & (1u << state);
}

static enum claim_phase claim_phase(const struct claim *c)
{
    if (c->state == CLAIM_GONE) return CLAIM_OVER;
    if (c->verdict != DOCENT_OK) return CLAIM_LEAVES;
    switch (c->state) {
    case CLAIM_HELD: return CLAIM_HOLDS;
    case CLAIM_SUSPECT:
    case CLAIM_CHECKING: return CLAIM_DOUBTS;
    case CLAIM_ENDING:
    case CLAIM_ASKING: return c->told; /* on_ended tells. */
    case CLAIM_NEW:
    case CLAIM_CREATING:
    case CLAIM_PARENTS:
    case CLAIM_FINDING:
    case CLAIM_READING:
    case CLAIM_REMOVING:
    case CLAIM_GONE: break;
    case CLAIM_STATES: abort();
    }
    return CLAIM_TRIES;
}

static void claim_report(struct claim *c)
{
    enum claim_phase phase = claim_phase(c);

    if (phase == c->told) return;
    if (phase == CLAIM_LEAVES) docent_client_removal_begins(c->config.client);
    if (c->told == CLAIM_LEAVES) docent_client_removal_ends(c->config.client);
    c->told = phase;
    c->config.on_phase(c, phase);
}

static void claim_enter(struct claim *c, enum claim_state next)
{
    enum claim_state from = c->state;

    assert(claim_next[from] & (1u << next));
    (void)claim_next;
    docent_trace(&c->machine, "claim", c->path, claim_state_name[from], claim_state_name[next]);
    c->state = next;
    docent_machine_next_turn(&c->machine); /* Replies of earlier states no longer reach us. */
    if (claim_is_in_hand(next) && !claim_is_in_hand(from)) docent_client_hold_begins(c->config.client);
    if (claim_is_in_hand(from) && !claim_is_in_hand(next)) docent_client_hold_ends(c->config.client);
}

static void claim_ask_op(struct claim *c, docent_op op, int tag)
{
    docent_ask(&c->machine, &op, tag);
}

/* Asks for what the state waits for. While we are not online nothing is asked: EV_RESUMED comes back here. */
static void claim_ask(struct claim *c)
{
    if (!docent_machine_online(&c->machine)) return;

    switch (c->state) {
    case CLAIM_CREATING: docent_claim_ask_create(c); break;
    case CLAIM_PARENTS:
        docent_parents_ask(&c->parents, &c->machine, c->path, c->parent_mode, c->config.acl, TAG_PARENT);
        break;
    case CLAIM_FINDING: docent_claim_ask_look(c); break;
    case CLAIM_READING: claim_ask_op(c, docent_op_get(c->item_path), TAG_ITEM); break;
    case CLAIM_CHECKING: claim_ask_op(c, docent_op_exists(c->path), TAG_CLAIM); break;
    case CLAIM_ENDING: docent_claim_ask_txn(c); break;
    case CLAIM_ASKING: docent_claim_ask_outcome(c); break;
    case CLAIM_REMOVING: docent_removal_ask(&c->removal, &c->machine); break;
    case CLAIM_NEW:
    case CLAIM_HELD:
    case CLAIM_SUSPECT:
    case CLAIM_GONE: break;
    case CLAIM_STATES: abort();
    }
}

void docent_claim_go(struct claim *c, enum claim_state next)
{
    claim_enter(c, next);
    claim_ask(c);
    claim_report(c);
}

void docent_claim_go_later(struct claim *c, enum claim_state next)
{
    claim_enter(c, next);
    docent_machine_retry(&c->machine);
    claim_report(c);
}

void docent_claim_over(struct claim *c, docent_status why)
{
    if (c->verdict == DOCENT_OK) c->verdict = why;
    c->owned = false;
    docent_claim_go(c, CLAIM_GONE);
}

void docent_claim_ended(struct claim *c, docent_status status)
{
    if (!c->ending) return;
    c->ending = false;
    c->config.on_ended(c, status);
}

void docent_claim_leave(struct claim *c, docent_status why)
{
    assert(why != DOCENT_OK);
    if (c->verdict != DOCENT_OK || c->ending || c->state == CLAIM_GONE) return;
    c->verdict = why;

    switch (c->state) {
    case CLAIM_NEW:
    case CLAIM_PARENTS: docent_claim_over(c, why); break;
    case CLAIM_CREATING: /* A create may be on its way: looking comes behind it. */
        docent_claim_go(c, c->owned ? CLAIM_REMOVING : CLAIM_FINDING);
        break;
    case CLAIM_FINDING: claim_report(c); break; /* Finds out, and then reads the verdict. */
    case CLAIM_READING:
    case CLAIM_HELD:
    case CLAIM_SUSPECT:
    case CLAIM_CHECKING: docent_claim_go(c, CLAIM_REMOVING); break;
    case CLAIM_ENDING:
    case CLAIM_ASKING:
    case CLAIM_REMOVING:
    case CLAIM_GONE: break;
    case CLAIM_STATES: abort();
    }
}

bool docent_claim_is_held(const struct claim *c)
{
    if (c->verdict != DOCENT_OK || c->ending) return false;
    return c->state == CLAIM_HELD || c->state == CLAIM_SUSPECT || c->state == CLAIM_CHECKING;
}

static bool claim_end(struct claim *c, bool requeue, const char *moved)
{
    if (!docent_claim_is_held(c)) return false;
    c->ending = true;
    c->ending_sent = false;
    c->requeues = requeue;
    c->moved = moved;
    docent_claim_go(c, CLAIM_ENDING);
    return true;
}

bool docent_claim_end(struct claim *c, bool requeue)
{
    return claim_end(c, requeue, NULL);
}

bool docent_claim_move(struct claim *c, const char *path)
{
    return claim_end(c, true, path);
}

docent_hold *docent_claim_hold(const struct claim *c)
{
    docent_hold *hold = NULL;
    if (!docent_claim_is_held(c)) return NULL;
    if (docent_hold_new(c->config.client, c->path, c->czxid, c->generation, &hold) != DOCENT_OK) return NULL;
    return hold;
}

/* ---- Events. ---- */

static void claim_on_reply(struct claim *c, const struct docent_event *ev)
{
    switch (c->state) {
    case CLAIM_CREATING:
        if (ev->tag == TAG_CREATE) {
            docent_claim_on_create(c, ev);
        } else if (c->owned) {
            docent_claim_on_item(c, ev);
        } else {
            c->item_refused = true; /* Replies come in order, so this one was not sent; the create was. */
        }
        break;
    case CLAIM_PARENTS: docent_claim_on_parent(c, ev->status); break;
    case CLAIM_FINDING: docent_claim_on_look(c, ev); break;
    case CLAIM_READING: docent_claim_on_item(c, ev); break;
    case CLAIM_CHECKING: docent_claim_on_check(c, ev); break;
    case CLAIM_ENDING: docent_claim_on_txn(c, ev); break;
    case CLAIM_ASKING: docent_claim_on_outcome(c, ev); break;
    case CLAIM_REMOVING: docent_claim_on_removal(c, ev); break;
    case CLAIM_NEW:
    case CLAIM_HELD:
    case CLAIM_SUSPECT:
    case CLAIM_GONE: break;
    case CLAIM_STATES: abort();
    }
}

static void claim_on_suspended(struct claim *c)
{
    if (c->state == CLAIM_HELD || c->state == CLAIM_CHECKING) docent_claim_go(c, CLAIM_SUSPECT);
}

static void claim_on_resumed(struct claim *c)
{
    docent_machine_calm(&c->machine);
    switch (c->state) {
    case CLAIM_CREATING: /* With the claim made, or never sent: on_create has left the state else. */
        docent_claim_go(c, c->owned ? CLAIM_READING : CLAIM_CREATING);
        break;
    case CLAIM_HELD:
    case CLAIM_SUSPECT: docent_claim_go(c, CLAIM_CHECKING); break;
    case CLAIM_PARENTS:
    case CLAIM_FINDING:
    case CLAIM_READING:
    case CLAIM_CHECKING:
    case CLAIM_ENDING:
    case CLAIM_ASKING:
    case CLAIM_REMOVING: docent_claim_go(c, c->state); break;
    case CLAIM_NEW:
    case CLAIM_GONE: break;
    case CLAIM_STATES: abort();
    }
}

/* The session is over, or the client closes: our claim goes with it. */
static void claim_on_end(struct claim *c, docent_status why)
{
    if (c->state == CLAIM_GONE) return;
    bool unknown = c->ending_sent && (c->state == CLAIM_ENDING || c->state == CLAIM_ASKING);
    if (c->verdict == DOCENT_OK) c->verdict = why;
    docent_claim_ended(c, unknown ? DOCENT_ERR_UNKNOWN_OUTCOME : why);
    docent_claim_over(c, why);
}

static void claim_on_event(struct docent_machine *machine, const struct docent_event *ev)
{
    struct claim *c = (struct claim *)((char *)machine - offsetof(struct claim, machine));

    switch (ev->type) {
    case DOCENT_EV_REPLY: claim_on_reply(c, ev); break;
    case DOCENT_EV_TIMER: claim_ask(c); break;
    case DOCENT_EV_SUSPENDED: claim_on_suspended(c); break;
    case DOCENT_EV_RESUMED: claim_on_resumed(c); break;
    case DOCENT_EV_EXPIRED: claim_on_end(c, DOCENT_ERR_SESSION_EXPIRED); break;
    case DOCENT_EV_CLOSING: claim_on_end(c, ev->status); break;
    case DOCENT_EV_WATCH: break; /* We leave none. */
    }
}

/* ---- Life. ---- */

static void claim_draw_id(struct claim *c)
{
    docent_client_uuid(c->config.client, c->id);
    if (!c->config.bare_id) return;
    size_t kept = 0;
    for (size_t i = 0; c->id[i] != '\0'; i++) {
        if (c->id[i] != '-') c->id[kept++] = c->id[i];
    }
    c->id[kept] = '\0';
}

/* "directory/name" at @at, which has room. Returns what comes behind it. */
static char *claim_join(char *at, const char *directory, const char *name)
{
    size_t directory_size = strcmp(directory, "/") == 0 ? 0 : strlen(directory), name_size = strlen(name) + 1;
    memcpy(at, directory, directory_size);
    at[directory_size] = '/';
    memcpy(at + directory_size + 1, name, name_size);
    return at + directory_size + 1 + name_size;
}

docent_status docent_claim_init(struct claim *c, const struct claim_config *config)
{
    docent_status status = docent_timer_reserve(config->client);
    if (status != DOCENT_OK) return status;
    size_t name_size = strlen(config->name) + 2;
    c->item_path = docent_alloc(docent_client_allocator(config->client),
                                strlen(config->directory) + name_size + strlen(config->claims) + name_size);
    if (c->item_path == NULL) {
        docent_timer_release(config->client);
        return DOCENT_ERR_NO_MEMORY;
    }
    c->path = claim_join(c->item_path, config->directory, config->name);
    (void)claim_join(c->path, config->claims, config->name);
    c->name = strrchr(c->item_path, '/') + 1;
    c->config = *config;
    c->state = CLAIM_NEW;
    c->told = CLAIM_TRIES;
    c->verdict = DOCENT_OK;
    c->parent_mode = DOCENT_PERSISTENT; /* Peers make the directory of claims when they start, and never again. */
    c->removal = (struct removal){ .path = c->path, .version = DOCENT_ANY_VERSION };
    claim_draw_id(c);
    docent_machine_init(&c->machine, config->client, claim_on_event);
    c->machine.name = "claim";
    return DOCENT_OK;
}

void docent_claim_start(struct claim *c)
{
    docent_claim_go(c, CLAIM_CREATING);
}

void docent_claim_fini(struct claim *c)
{
    const docent_allocator *allocator = docent_client_allocator(c->config.client);

    if (claim_is_in_hand(c->state)) docent_client_hold_ends(c->config.client);
    if (c->told == CLAIM_LEAVES) docent_client_removal_ends(c->config.client);
    docent_machine_fini(&c->machine);
    docent_timer_release(c->config.client);
    docent_free(allocator, c->item);
    docent_free(allocator, c->item_path);
}
