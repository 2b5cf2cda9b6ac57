/* core/client/machine.c - machines' asks, timers and events. See machine.h. */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/client/internal.h"

static void machine_timer_fired(struct docent_timer *timer)
{
    struct docent_machine *m = (struct docent_machine *)((char *)timer - offsetof(struct docent_machine, timer));
    struct docent_event event = { .type = DOCENT_EV_TIMER };
    docent_machine_deliver(m, &event);
}

void docent_machine_init(struct docent_machine *m, docent_client *client,
                         void (*on_event)(struct docent_machine *machine, const struct docent_event *event))
{
    struct docent_core *c = client->core;
    m->client = client;
    m->on_event = on_event;
    m->timer.fire = machine_timer_fired;
    m->previous = NULL;
    m->next = c->machines;
    if (m->next != NULL) m->next->previous = m;
    c->machines = m;
}

/* What the machine asked for so far is not heard any more. */
static void machine_forget(struct docent_machine *m)
{
    m->turn++;
    m->refused_count = 0;
    while (m->asks != NULL) docent_request_forget_machine(m->asks);
    if (m->watch != NULL) {
        struct docent_watch *watch = m->watch;
        m->watch = NULL;
        watch->machine = NULL;
        docent_watch_cancel(watch);
    }
    docent_timer_stop(m->client, &m->timer);
}

void docent_machine_fini(struct docent_machine *m)
{
    machine_forget(m);
    struct docent_core *c = m->client->core;
    if (c->machine_cursor == m) c->machine_cursor = m->next;
    if (m->previous != NULL) {
        m->previous->next = m->next;
    } else {
        c->machines = m->next;
    }
    if (m->next != NULL) m->next->previous = m->previous;
}

void docent_machine_next_turn(struct docent_machine *m)
{
    machine_forget(m);
}

void docent_machine_deliver(struct docent_machine *m, const struct docent_event *event)
{
    m->on_event(m, event);
}

/* ---- Asks. ---- */

static void refuse(struct docent_machine *m, int tag, docent_status status)
{
    assert(m->refused_count < DOCENT_ASKS_MAX);
    unsigned at = m->refused_count++;
    m->refused[at].tag = (int16_t)tag; /* Both are small numbers, and there are many machines. */
    m->refused[at].status = (int16_t)status;
    struct docent_core *c = m->client->core;
    c->refusals = true;
    docent_core_wake(c);
}

void docent_ask(struct docent_machine *m, const docent_op *op, int tag)
{
    docent_status status = docent_request_ask(m, op, tag, NULL, false);
    if (status != DOCENT_OK) refuse(m, tag, status);
}

void docent_ask_watch(struct docent_machine *m, const docent_op *op, int tag)
{
    docent_watch_kind kind = op->type == DOCENT_OP_CHILDREN ? DOCENT_WATCH_CHILDREN : DOCENT_WATCH_DATA;
    struct docent_watch *watch;
    docent_status status = docent_watch_new(m->client, op->path, kind, &watch);
    if (status != DOCENT_OK) {
        refuse(m, tag, status);
        return;
    }
    assert(m->watch == NULL); /* One watch a turn. */
    watch->machine = m;
    watch->turn = m->turn;
    watch->tag = tag;
    m->watch = watch;
    status = docent_request_ask(m, op, tag, watch, docent_watch_sends_flag(watch));
    if (status == DOCENT_OK) return;
    watch->machine = NULL;
    m->watch = NULL;
    docent_watch_abandon(watch, status);
    refuse(m, tag, status);
}

void docent_ask_lookout(struct docent_machine *m, const char *path, int tag, struct docent_lookout *lookout)
{
    docent_op get = docent_op_get(path);
    docent_status status = docent_lookout_begin(m, &get, tag, lookout);
    if (status != DOCENT_OK) refuse(m, tag, status);
}

/* Tells refused asks, of machines as they are now: one that asks again in vain is told in the next round. */
void docent_machines_settle(struct docent_core *c)
{
    for (int rounds = 0; c->refusals && rounds < 8; rounds++) {
        c->refusals = false;
        c->machine_cursor = c->machines;
        while (c->machine_cursor != NULL) {
            struct docent_machine *m = c->machine_cursor;
            c->machine_cursor = m->next;
            if (m->refused_count == 0) continue;
            int tag = m->refused[0].tag;
            docent_result result = { .struct_size = sizeof result, .status = (docent_status)m->refused[0].status };
            m->refused_count--;
            memmove(&m->refused[0], &m->refused[1], m->refused_count * sizeof m->refused[0]);
            if (m->refused_count > 0) c->refusals = true;
            struct docent_event event = {
                .type = DOCENT_EV_REPLY,
                .tag = tag,
                .status = result.status,
                .result = &result,
                .generation = c->session.generation,
            };
            docent_machine_deliver(m, &event);
        }
    }
}

/* ---- Time. ---- */

void docent_machine_timer(struct docent_machine *m, uint64_t delay_ms)
{
    docent_timer_set(m->client, &m->timer, m->client->core->now + delay_ms);
}

void docent_machine_retry(struct docent_machine *m)
{
    struct docent_core *c = m->client->core;
    docent_retry backoff = { DOCENT_RETRY,
                             .base_ms = c->retry.base_ms,
                             .max_ms = c->retry.max_ms,
                             .tries_max = DOCENT_FOREVER }; /* A machine does not give up: its owner does. */
    if (m->retries < UINT16_MAX) m->retries++;
    uint64_t delay = 0;
    (void)docent_retry_delay(&backoff, m->retries, 0, DOCENT_OK, docent_random_next(&c->random), &delay);
    docent_machine_timer(m, delay == 0 ? 1 : delay);
}

bool docent_client_retry_delay(docent_client *client, const docent_retry *policy, uint32_t tries, uint64_t elapsed_ms, docent_status cause,
                               uint64_t *ret_delay_ms)
{
    return docent_retry_delay(policy, tries, elapsed_ms, cause, docent_random_next(&client->core->random), ret_delay_ms);
}

bool docent_machine_retry_by(struct docent_machine *m, const docent_retry *policy, uint32_t tries, uint64_t elapsed_ms,
                             docent_status cause)
{
    struct docent_core *c = m->client->core;
    uint64_t delay = 0;
    if (!docent_client_retry_delay(m->client, policy, tries, elapsed_ms, cause, &delay)) return false;
    docent_machine_timer(m, delay > UINT64_MAX - c->now ? UINT64_MAX - c->now : delay);
    return true;
}

void docent_machine_calm(struct docent_machine *m)
{
    m->retries = 0;
}

struct table *docent_client_lines(docent_client *client)
{
    return &client->core->lines;
}

bool docent_machine_online(const struct docent_machine *m)
{
    const struct docent_core *c = m->client->core;
    return c->session.state == SESSION_ONLINE && !c->closing;
}

void docent_trace(const struct docent_machine *m, const char *kind, const char *path, const char *from, const char *to)
{
    if (m->client->core->options.on_log == NULL) return;
    char id[32];
    snprintf(id, sizeof id, "%s.state", kind);
    docent_client_log(m->client, DOCENT_LOG_DEBUG, id, path, "%s -> %s", from, to);
}
