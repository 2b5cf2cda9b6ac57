/* core/client/listeners.c - who is told of the connection's state, who is spared short outages, and which states are errors.
 *
 * A listener with a damping policy stands behind a circuit breaker of its own:
 *
 *                not connected, and the policy gives a pause; told
 *     CLOSED ---------------------------------------------------------> OPEN --. pause over, not connected,
 *       ^   all is told                 the first LOST is told, no more  |  ^  | and the policy gives another
 *       |                                                                |  '--'
 *       '----------------------------------------------------------------'
 *         pause over: connected, or no more pauses. The latest state is told, if it is not the one told last
 *
 * While it is open what was told last is SUSPENDED or LOST. The end of the client is told at once. */
#include <assert.h>
#include <string.h>

#include "core/client/internal.h"

static bool is_connected(docent_state state)
{
    return state == DOCENT_CONNECTED || state == DOCENT_READ_ONLY;
}

/* ---- What counts as an error. ---- */

bool docent_state_is_error(docent_error_policy policy, docent_state state)
{
    switch (state) {
    case DOCENT_CONNECTED:
    case DOCENT_READ_ONLY: return false;
    case DOCENT_SUSPENDED: return policy != DOCENT_ERROR_POLICY_LOST;
    case DOCENT_DISCONNECTED:
    case DOCENT_LOST:
    case DOCENT_CLOSED: break;
    }
    return true;
}

docent_error_policy docent_client_error_policy(const docent_client *client)
{
    return client->core->options.error_policy;
}

/* ---- Damping. ---- */

static void listener_tell(struct docent_state_listener *l)
{
    struct damper *d = &l->damper;
    docent_state_event event = d->last;
    d->told = event.state;
    if (is_connected(event.state)) { /* With what it missed. */
        event.new_session = d->new_session;
        event.went_back = d->went_back;
        d->new_session = d->went_back = false;
    }
    l->fn(&event, l->user);
}

/* False: the policy gives none. */
static bool damper_pause(struct docent_state_listener *l)
{
    struct damper *d = &l->damper;
    struct docent_core *c = l->core;
    uint64_t delay, random = docent_random_next(&c->random);
    if (!docent_retry_delay(&d->policy, ++d->pauses, c->now - d->opened_ms, d->last.cause, random, &delay)) return false;
    if (delay == 0) delay = 1;
    docent_timer_set(&c->root, &d->timer, delay > UINT64_MAX - c->now ? UINT64_MAX : c->now + delay);
    return true;
}

static void damper_open(struct docent_state_listener *l)
{
    struct damper *d = &l->damper;
    d->pauses = 0;
    d->opened_ms = l->core->now;
    d->lost_told = d->last.state == DOCENT_LOST;
    d->open = damper_pause(l);
}

/* Timers fire at the beginning of a turn; the application is told at its end, after the states that were told to all. */
static void damper_fired(struct docent_timer *timer)
{
    struct docent_state_listener *l =
        (struct docent_state_listener *)((char *)timer - offsetof(struct docent_state_listener, damper.timer));
    docent_later_queue(l->core, &l->damper.looking);
}

static void damper_looks(struct docent_later *later)
{
    struct docent_state_listener *l =
        (struct docent_state_listener *)((char *)later - offsetof(struct docent_state_listener, damper.looking));
    struct damper *d = &l->damper;
    struct docent_core *c = l->core;
    c->telling_state = true; /* It may remove itself, and others. */
    if (!l->removed && d->open && (is_connected(d->last.state) || !damper_pause(l))) {
        d->open = false;
        if (!l->removed && d->last.state != d->told) listener_tell(l);
    }
    c->telling_state = false;
    docent_listeners_sweep(c, false);
}

static docent_status damper_init(struct docent_state_listener *l, const docent_retry *policy)
{
    docent_status status = docent_timers_reserve(l->core, 1);
    if (status != DOCENT_OK) return status;
    struct damper *d = &l->damper;
    memcpy(&d->policy, policy, policy->struct_size < sizeof d->policy ? policy->struct_size : sizeof d->policy);
    d->policy.struct_size = sizeof d->policy;
    d->timer.fire = damper_fired;
    d->looking.run = damper_looks;
    l->damped = true;
    return DOCENT_OK;
}

/* ---- Listeners. ---- */

void docent_listener_hears(struct docent_state_listener *l, const docent_state_event *event)
{
    struct damper *d = &l->damper;
    if (!l->damped) {
        l->fn(event, l->user);
        return;
    }
    d->last = *event;
    d->new_session = d->new_session || event->new_session;
    d->went_back = d->went_back || event->went_back;
    if (event->state == DOCENT_CLOSED) {
        listener_tell(l); /* Its end: see docent_listeners_sweep(). */
        return;
    }
    if (d->open) {
        if (event->state != DOCENT_LOST || d->lost_told) return;
        d->lost_told = true;
    } else if (!is_connected(event->state)) {
        damper_open(l);
    }
    if (!l->removed) listener_tell(l); /* By a policy of the application's own. */
}

static void listener_free(struct docent_state_listener *l)
{
    struct docent_core *c = l->core;
    if (l->damped) {
        docent_timer_stop(&c->root, &l->damper.timer);
        docent_timers_release(c, 1);
    }
    docent_free(&c->allocator, l);
}

void docent_listeners_sweep(struct docent_core *c, bool all)
{
    for (struct docent_state_listener **at = &c->listeners; *at != NULL;) {
        struct docent_state_listener *l = *at;
        if (all) l->removed = true;
        if (!l->removed || docent_later_is_queued(&l->damper.looking)) { /* The queue of callbacks holds it; it sweeps when it gets there. */
            at = &l->next;
            continue;
        }
        *at = l->next;
        listener_free(l);
    }
}

void docent_listeners_mute(struct docent_core *c)
{
    for (struct docent_state_listener *l = c->listeners; l != NULL; l = l->next) {
        l->removed = true;
        l->damper.timer.index = 0;
    }
}

docent_status docent_listener_add(struct docent_core *c, const docent_retry *damping, docent_state_fn fn, void *user,
                                  docent_state_listener **ret_listener)
{
    struct docent_state_listener *l = docent_alloc(&c->allocator, sizeof *l);
    if (l == NULL) return DOCENT_ERR_NO_MEMORY;
    *l = (struct docent_state_listener){ .core = c, .fn = fn, .user = user };
    docent_status status = damping == NULL ? DOCENT_OK : damper_init(l, damping);
    if (status != DOCENT_OK) {
        docent_free(&c->allocator, l);
        return status;
    }
    struct docent_state_listener **end = &c->listeners;
    while (*end != NULL) end = &(*end)->next;
    *end = l;
    *ret_listener = l;
    return DOCENT_OK;
}

docent_status docent_client_listen_with(docent_client *client, const docent_listen_options *options, docent_state_fn fn, void *user,
                                        docent_state_listener **ret_listener)
{
    docent_listen_options full = { DOCENT_LISTEN_OPTIONS };
    if (client == NULL || fn == NULL || ret_listener == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    if (!docent_options_take(&full, sizeof full, options)) return DOCENT_ERR_INVALID_ARGUMENT;
    if (!docent_options_sized(full.damping)) return DOCENT_ERR_INVALID_ARGUMENT;
    docent_status status = docent_core_check(client->core);
    return status != DOCENT_OK ? status : docent_listener_add(client->core, full.damping, fn, user, ret_listener);
}

docent_status docent_client_listen(docent_client *client, docent_state_fn fn, void *user, docent_state_listener **ret_listener)
{
    return docent_client_listen_with(client, NULL, fn, user, ret_listener);
}

void docent_client_unlisten(docent_state_listener *listener)
{
    if (listener == NULL) return;
    struct docent_core *c = listener->core;
    if (docent_core_check(c) == DOCENT_ERR_WRONG_THREAD) return;
    listener->removed = true;
    if (!c->telling_state) docent_listeners_sweep(c, false);
}
