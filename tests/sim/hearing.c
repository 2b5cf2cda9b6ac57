#include "tests/sim/hearing.h"

#include <inttypes.h>

#include "tests/sim/actor.h"

static bool hearing_connected(docent_state state)
{
    return state == DOCENT_CONNECTED || state == DOCENT_READ_ONLY;
}

static void hearing_told_damped(const docent_state_event *event, void *user)
{
    struct heard *heard = user;
    heard->last = *event;
    heard->count++;
    world_trace(heard->hearing->actor->world, "client %zu  damped state %d", heard->hearing->actor->index, (int)event->state);
}

static void hearing_told_all(const docent_state_event *event, void *user)
{
    struct heard *heard = user;
    struct actor *actor = heard->hearing->actor;
    const docent_state_event *before = &heard->last;
    bool connected = hearing_connected(event->state);
    bool legal = event->state == DOCENT_CLOSED || (connected && before->state != DOCENT_CLOSED && !hearing_connected(before->state)) ||
        (event->state == DOCENT_SUSPENDED && hearing_connected(before->state)) ||
        (event->state == DOCENT_LOST && before->state == DOCENT_SUSPENDED);
    bool new_session = event->generation != before->generation;
    if (!legal || event->connections != before->connections + connected || (connected && event->new_session != new_session) ||
        (!connected && event->state != DOCENT_CLOSED && new_session)) {
        world_fail(actor->world, "client %zu is told state %d, connection %" PRIu64 " of session %" PRIu64 ", after state %d, connection %" PRIu64
                   " of session %" PRIu64, actor->index, (int)event->state, event->connections, event->generation, (int)before->state,
                   before->connections, before->generation);
    }
    if (docent_client_get_generation(actor->client.core) != event->generation) {
        world_fail(actor->world, "client %zu is told of session %" PRIu64 ", and finds another", actor->index, event->generation);
    }
    heard->last = *event;
    heard->count++;
}

void hearing_begin(struct hearing *hearing, struct actor *actor)
{
    docent_retry pauses = docent_retry_n_times(3, actor->world->session_ms / 4);
    docent_listen_options options = {DOCENT_LISTEN_OPTIONS, .damping = &pauses};
    *hearing = (struct hearing){.actor = actor};
    hearing->all = hearing->damped = (struct heard){.hearing = hearing, .last = {.state = DOCENT_DISCONNECTED}};
    if (docent_client_listen(actor->client.core, hearing_told_all, &hearing->all, &hearing->all.listener) != DOCENT_OK) {
        return;
    }
    if (docent_client_listen_with(actor->client.core, &options, hearing_told_damped, &hearing->damped, &hearing->damped.listener) != DOCENT_OK) {
        docent_client_unlisten(hearing->all.listener);
        return;
    }
    hearing->on = true;
}

void hearing_end(struct hearing *hearing)
{
    hearing->on = false;
}

void hearing_check(const struct hearing *hearing)
{
    const struct heard *all = &hearing->all, *damped = &hearing->damped;
    if (!hearing->on) {
        return;
    }
    if (hearing_connected(damped->last.state) && !hearing_connected(all->last.state)) {
        world_fail(hearing->actor->world, "client %zu: a damped listener was left with state %d, in state %d", hearing->actor->index,
                   (int)damped->last.state, (int)all->last.state);
    } else if ((all->last.state == DOCENT_LOST || all->last.state == DOCENT_CLOSED) && damped->last.state != all->last.state) {
        world_fail(hearing->actor->world, "client %zu: a damped listener was told %d last, in state %d", hearing->actor->index,
                   (int)damped->last.state, (int)all->last.state);
    } else if (damped->count > all->count) {
        world_fail(hearing->actor->world, "client %zu: a damped listener was told more than there was", hearing->actor->index);
    }
}

bool hearing_quiet(const struct hearing *hearing)
{
    const docent_state_event *all = &hearing->all.last, *damped = &hearing->damped.last;
    return !hearing->on || (all->state == damped->state && all->generation == damped->generation);
}
