/* recipes/lease.c - a lease that ends by the clock; the document is lease_document.h's.
 *
 * The happy path: a contender gets kazoo's lock on the path; behind its requests the holder node is read; if nobody else has the lease one
 * transaction writes it, if the lock's node is still there and the holder node is as it was read. Then the lock is let go.
 *
 *            acquire          lock ours            free, or ours               written
 *     IDLE ----------> LOCKING -------> READING -----------------> WRITING ---------------> IDLE: held
 *      ^                 ^ ^              |  ^                      |   | reply lost          ^
 *      |                 | '-- down ------'  | written meanwhile    |   v                     | our text is there
 *      |                 '-------------------+----------------------' FINDING ----------------'
 *      |                        somebody else's: next slot, or          | it is not: LOCKING
 *      '--------------------------------------------------------- busy <'
 *
 * Reply lost. Sync, read: if what stands there is what we wrote, it was written, by us or by somebody of the same id at the same second, which is
 * the same to everybody. Else it was not, or is over: look again.
 *
 * The session's end takes nothing that was written. In LOCKING and READING nothing was; in WRITING and FINDING only the next acquire, with the same id, will
 * know.
 *
 * Time. The end is written as the wall clock has it when we look, and kept as the host's monotonic clock has it at the same moment: so it is over for us before it is for anybody
 * whose clock is right, however long the writing took. */
#include "recipes/lease_internal.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "recipes/lease_document.h"
#include "recipes/trouble.h"

static const char *const lease_state_name[LEASE_STATES] = {
    [LEASE_IDLE] = "IDLE", [LEASE_LOCKING] = "LOCKING", [LEASE_READING] = "READING", [LEASE_WRITING] = "WRITING", [LEASE_FINDING] = "FINDING",
};

#define TO(name) (1u << LEASE_##name)
static const unsigned lease_next[LEASE_STATES] = {
    [LEASE_IDLE] = TO(LOCKING),
    [LEASE_LOCKING] = TO(LOCKING) | TO(READING) | TO(IDLE),
    [LEASE_READING] = TO(READING) | TO(LOCKING) | TO(WRITING) | TO(IDLE),
    [LEASE_WRITING] = TO(FINDING) | TO(READING) | TO(LOCKING) | TO(IDLE),
    [LEASE_FINDING] = TO(FINDING) | TO(READING) | TO(LOCKING) | TO(IDLE),
};

enum lease_tag { TAG_LEASE_READ, TAG_LEASE_WRITE, TAG_LEASE_SYNC, TAG_LEASE_FIND };

/* The only writer of l->state. True: it has to ask. */
static bool lease_enter(struct docent_lease *l, enum lease_state next)
{
    bool asked = l->early && next == LEASE_READING;

    assert(lease_next[l->state] & (1u << next));
    (void)lease_next;
    docent_trace(&l->handle.machine, "lease", l->slot_path, lease_state_name[l->state], lease_state_name[next]);
    docent_meter_state(&l->meter, l->handle.client, lease_state_name[next]);
    l->state = next;
    l->early = false;
    if (l->handle.attached && !asked) docent_machine_next_turn(&l->handle.machine);
    return !asked;
}

/* ---- Asking. ---- */

static void lease_ask_read(struct docent_lease *l)
{
    docent_op get = docent_op_get(l->holder_path);
    docent_ask(&l->handle.machine, &get, TAG_LEASE_READ);
}

static void lease_ask_write(struct docent_lease *l)
{
    size_t size = strlen(l->text);
    docent_op ops[2] = {
        docent_op_check(l->contender.own.path, DOCENT_ANY_VERSION),
        l->exists ? docent_op_set(l->holder_path, l->text, size, l->version) : docent_op_create(l->holder_path, l->text, size, DOCENT_PERSISTENT),
    };
    ops[1].acl = l->acl;
    docent_op write = docent_op_multi(ops, 2);
    docent_ask(&l->handle.machine, &write, TAG_LEASE_WRITE);
}

/* While we are not online nothing is asked: DOCENT_EV_RESUMED comes back here. */
static void lease_ask(struct docent_lease *l)
{
    if (!docent_machine_online(&l->handle.machine) && l->state != LEASE_WRITING) return;
    if (l->state == LEASE_READING) {
        lease_ask_read(l);
    } else if (l->state == LEASE_WRITING) {
        lease_ask_write(l);
    } else if (l->state == LEASE_FINDING) {
        docent_op sync = docent_op_sync(l->holder_path);
        docent_ask(&l->handle.machine, &sync, TAG_LEASE_SYNC);
    }
}

static void lease_go(struct docent_lease *l, enum lease_state next)
{
    if (lease_enter(l, next)) lease_ask(l);
    docent_client_later(l->handle.client, &l->later); /* For a contender, if one is wanted and there is none. */
}

/* ---- The end of an acquire. ---- */

static void lease_dismiss(struct docent_lease *l)
{
    l->dismissed = true;
    if (l->contending) docent_contender_leave(&l->contender, DOCENT_ERR_CANCELLED);
}

static void lease_finish(struct docent_lease *l, docent_status outcome)
{
    uint64_t now = docent_client_now(l->handle.client);

    if (l->state == LEASE_IDLE) return;
    l->answered = true;
    l->outcome = outcome;
    docent_meter_end(&l->meter, outcome, now > l->begun_ms ? now - l->begun_ms : 0);
    docent_timer_stop(l->handle.client, &l->deadline);
    lease_go(l, LEASE_IDLE);
    lease_dismiss(l);
}

/* It ends before its time: was anything written? */
static void lease_give_up(struct docent_lease *l, docent_status why)
{
    lease_finish(l, l->state == LEASE_WRITING || l->state == LEASE_FINDING ? DOCENT_ERR_UNKNOWN_OUTCOME : why);
}

/* That is looked at. */
static uint32_t lease_slot(const struct docent_lease *l)
{
    return l->slots == 0 ? 0 : (l->first + l->tried) % l->slots;
}

static void lease_got(struct docent_lease *l)
{
    docent_shared_set(&l->held_slot, lease_slot(l));
    docent_shared_set(&l->held_until_ms, (int64_t)l->until_ms);
    lease_finish(l, DOCENT_OK);
}

void docent_lease_name_slot(struct docent_lease *l)
{
    size_t room = strlen(l->path) + 12;

    if (l->slots == 0) {
        (void)snprintf(l->slot_path, room, "%s", l->path);
    } else {
        (void)snprintf(l->slot_path, room, "%s/%lu", l->path, (unsigned long)lease_slot(l));
    }
    (void)snprintf(l->holder_path, room + sizeof "/lease_holder", "%s/lease_holder", l->slot_path);
}

/* This one is somebody else's. */
static void lease_next_slot(struct docent_lease *l)
{
    if (docent_shared_get(&l->held_slot) == lease_slot(l)) docent_shared_set(&l->held_until_ms, 0); /* Whatever we thought. */
    if (l->tried + 1 >= l->slots) {
        lease_finish(l, DOCENT_ERR_BUSY);
        return;
    }
    l->tried++;
    lease_go(l, LEASE_LOCKING); /* When the contender is over the next slot's begins. */
    lease_dismiss(l);
}

static bool lease_leads(const struct docent_lease *l)
{
    return l->contending && !l->dismissed && l->contender.told == CONTENDER_LEADS;
}

/* Nothing is written: look again, if the lock is ours. */
static void lease_seek(struct docent_lease *l)
{
    lease_go(l, lease_leads(l) ? LEASE_READING : LEASE_LOCKING);
}

/* ---- Replies. ---- */

/* Something that changes nothing failed; @state will ask for it again. */
static void lease_ask_again(struct docent_lease *l, enum lease_state state, docent_status status)
{
    docent_meter_reason(&l->meter, l->handle.client, status);
    switch (docent_trouble(status)) {
    case TROUBLE_LOST: break;
    case TROUBLE_REFUSED: lease_give_up(l, status); break;
    case TROUBLE_BUSY:
    case TROUBLE_UNSURE:
        (void)lease_enter(l, state);
        docent_machine_retry(&l->handle.machine);
        break;
    }
}

static void lease_write(struct docent_lease *l)
{
    const struct docent_host *host = docent_client_host(l->handle.client);
    uint64_t now_ms = host->now_ms(host->user); /* Before the wall clock, so that our end is not late by what lies in between. */
    int64_t wall_ms = docent_client_wall_ms(l->handle.client), end_ms;

    char *text = docent_lease_write(l->id, wall_ms + (int64_t)l->duration_ms, &end_ms);
    docent_free(&l->handle.allocator, l->text);
    l->text = text == NULL ? NULL : docent_strdup(&l->handle.allocator, text);
    free(text);
    if (l->text == NULL) {
        lease_ask_again(l, LEASE_READING, DOCENT_ERR_NO_MEMORY);
        return;
    }
    l->until_ms = now_ms + (uint64_t)(end_ms - wall_ms) - 1; /* It may be almost one later than it shows. */
    l->until_ms = l->until_ms > now_ms + l->skew_ms ? l->until_ms - l->skew_ms : now_ms;
    lease_go(l, LEASE_WRITING);
}

static void lease_on_read(struct docent_lease *l, const struct docent_event *ev)
{
    int64_t end_ms = 0;

    if (l->state == LEASE_LOCKING) { /* The lock is not ours yet: this was for nothing. */
        l->early = false;
        return;
    }
    if (ev->status != DOCENT_OK && ev->status != DOCENT_ERR_NO_NODE) {
        lease_ask_again(l, LEASE_READING, ev->status);
        return;
    }
    docent_machine_calm(&l->handle.machine);
    l->exists = ev->status == DOCENT_OK;
    l->version = l->exists ? ev->result->stat.version : 0;
    if (!l->exists) {
        lease_write(l);
        return;
    }
    switch (docent_lease_read(ev->result->data, ev->result->size, l->id, &end_ms)) {
    case LEASE_FOREIGN:
        docent_client_log(l->handle.client, DOCENT_LOG_WARNING, "lease.foreign", l->holder_path, "not a document of this version; left alone");
        lease_next_slot(l);
        break;
    case LEASE_OURS: lease_write(l); break;
    case LEASE_THEIRS:
        if (docent_client_wall_ms(l->handle.client) < end_ms + (int64_t)l->skew_ms) {
            lease_next_slot(l);
        } else {
            lease_write(l);
        }
        break;
    }
}

static void lease_on_write(struct docent_lease *l, const struct docent_event *ev)
{
    if (ev->status == DOCENT_OK) {
        lease_got(l);
        return;
    }
    docent_meter_reason(&l->meter, l->handle.client, ev->status);
    if (ev->status == DOCENT_ERR_NO_NODE || ev->status == DOCENT_ERR_BAD_VERSION || ev->status == DOCENT_ERR_NODE_EXISTS) {
        bool unlocked = ev->result->result_count > 0 && ev->result->results[0].status == DOCENT_ERR_NO_NODE;
        if (unlocked && l->contending) docent_contender_leave(&l->contender, DOCENT_ERR_NO_NODE);
        lease_seek(l);
        return;
    }
    switch (docent_trouble(ev->status)) {
    case TROUBLE_LOST:
        if (ev->sent) {
            lease_go(l, LEASE_FINDING);
        } else {
            lease_seek(l);
        }
        break;
    case TROUBLE_BUSY:
        if (ev->status == DOCENT_ERR_NO_MEMORY && ev->sent) { /* For the answer. */
            lease_ask_again(l, LEASE_FINDING, ev->status);
        } else if (lease_leads(l)) {
            lease_ask_again(l, LEASE_READING, ev->status);
        } else {
            lease_seek(l);
        }
        break;
    case TROUBLE_REFUSED: lease_finish(l, ev->status); break;
    case TROUBLE_UNSURE: lease_ask_again(l, LEASE_FINDING, ev->status); break;
    }
}

static void lease_on_find(struct docent_lease *l, const struct docent_event *ev)
{
    const docent_result *result = ev->result;

    if (ev->status != DOCENT_OK && ev->status != DOCENT_ERR_NO_NODE) {
        lease_ask_again(l, LEASE_FINDING, ev->status);
    } else if (ev->tag == TAG_LEASE_SYNC) {
        docent_op get = docent_op_get(l->holder_path);
        docent_ask(&l->handle.machine, &get, TAG_LEASE_FIND);
    } else if (ev->status == DOCENT_OK && result->size == strlen(l->text) && memcmp(result->data, l->text, result->size) == 0) {
        lease_got(l);
    } else {
        lease_seek(l);
    }
}

/* ---- The lock. ---- */

static void lease_on_phase(struct contender *contender, enum contender_phase phase)
{
    struct docent_lease *l = (struct docent_lease *)((char *)contender - offsetof(struct docent_lease, contender));

    switch (phase) {
    case CONTENDER_WAITS: break;
    case CONTENDER_LEADS:
        l->led = true;
        if (l->state == LEASE_LOCKING && !l->dismissed) lease_go(l, LEASE_READING);
        break;
    case CONTENDER_DOUBTS:
        if (l->state == LEASE_READING) lease_go(l, LEASE_LOCKING);
        break;
    case CONTENDER_LEAVES:
    case CONTENDER_OVER: {
        docent_status why = contender->verdict;
        if (phase == CONTENDER_OVER) {
            docent_contender_fini(contender);
            l->contending = false;
            docent_client_later(l->handle.client, &l->later);
        }
        if (l->dismissed || (l->state != LEASE_LOCKING && l->state != LEASE_READING)) break; /* What was written says whether it was ours. */
        if (why == DOCENT_ERR_NO_NODE && l->led) { /* Deleted by somebody. */
            lease_go(l, LEASE_LOCKING);
        } else { /* NO_NODE: there is no path to be made, under a missing chroot, say. */
            lease_finish(l, why);
        }
        break;
    }
    }
}

static void lease_begin_contender(struct docent_lease *l)
{
    static const struct contender_kind kind = { .on_phase = lease_on_phase };

    docent_lease_name_slot(l);
    memset(&l->contender, 0, sizeof l->contender);
    l->contender.one_look = l->one_look;
    l->contending_as = (struct contender_config){
        .dialect = docent_dialect_lock(DOCENT_DIALECT_KAZOO),
        .path = l->slot_path,
        .data = l->id,
        .size = strlen(l->id),
        .acl = l->acl,
        .parent_mode = &l->parent_mode,
        .kind = &kind,
    };
    docent_status status = docent_contender_init(&l->contender, l->handle.client, &l->contending_as);
    if (status != DOCENT_OK) {
        lease_finish(l, status);
        return;
    }
    l->contending = true;
    l->dismissed = l->led = false;
    docent_contender_start(&l->contender);
    if (l->state != LEASE_LOCKING || !docent_machine_online(&l->handle.machine)) return;
    l->early = true;
    lease_ask_read(l);
}

void docent_lease_seek(struct docent_lease *l)
{
    docent_meter_begin(&l->meter);
    lease_go(l, LEASE_LOCKING);
    int64_t slot = docent_lease_slot(l);
    l->first = slot > 0 ? (uint32_t)slot : 0; /* What is ours is renewed. */
    l->tried = 0;
    if (!l->contending) {
        lease_begin_contender(l);
    } else if (l->one_look && !docent_machine_online(&l->handle.machine)) {
        lease_finish(l, DOCENT_ERR_TIMEOUT);
    } /* Else the contender is the last acquire's: when it is over the next begins. */
}

/* ---- Events and life. ---- */

static void lease_on_event(struct handle *handle, const struct docent_event *ev)
{
    struct docent_lease *l = docent_lease_of(handle);

    switch (ev->type) {
    case DOCENT_EV_REPLY:
        switch ((enum lease_tag)ev->tag) {
        case TAG_LEASE_READ: lease_on_read(l, ev); break;
        case TAG_LEASE_WRITE: lease_on_write(l, ev); break;
        case TAG_LEASE_SYNC:
        case TAG_LEASE_FIND: lease_on_find(l, ev); break;
        }
        break;
    case DOCENT_EV_TIMER: lease_ask(l); break;
    case DOCENT_EV_SUSPENDED:
        l->early = false;
        if (l->one_look && (l->state == LEASE_LOCKING || l->state == LEASE_READING)) lease_finish(l, DOCENT_ERR_TIMEOUT);
        if (l->state == LEASE_READING) lease_go(l, LEASE_LOCKING);
        break;
    case DOCENT_EV_RESUMED:
        docent_machine_calm(&handle->machine);
        if (l->state == LEASE_FINDING) lease_go(l, LEASE_FINDING);
        if (l->state == LEASE_READING) lease_seek(l);
        break;
    case DOCENT_EV_EXPIRED: lease_give_up(l, DOCENT_ERR_SESSION_EXPIRED); break;
    case DOCENT_EV_WATCH: /* We leave none. */
    case DOCENT_EV_CLOSING: break; /* The handle's. */
    }
}

static void lease_deadline(struct docent_timer *timer)
{
    lease_give_up((struct docent_lease *)((char *)timer - offsetof(struct docent_lease, deadline)), DOCENT_ERR_TIMEOUT);
}

/* At the end of a turn. */
static void lease_run(struct docent_later *later)
{
    struct docent_lease *l = (struct docent_lease *)((char *)later - offsetof(struct docent_lease, later));

    if (l->state == LEASE_LOCKING && !l->contending) lease_begin_contender(l);
    l->telling = true;
    if (l->answered) {
        docent_done_fn done = l->done;
        l->answered = false;
        l->done = NULL;
        if (done != NULL && !l->handle.muted) done(l->outcome, l->user);
    }
    l->telling = false;
    docent_handle_settle(&l->handle);
}

static void lease_attached(struct handle *handle)
{
    struct docent_lease *l = docent_lease_of(handle);
    handle->machine.name = "lease";
    docent_meter_state(&l->meter, handle->client, lease_state_name[l->state]);
}

static void lease_end(struct handle *handle, docent_status why, bool mute)
{
    struct docent_lease *l = docent_lease_of(handle);

    if (mute) l->telling = false;
    docent_shared_set(&l->held_until_ms, 0);
    lease_give_up(l, why);
    docent_client_later(handle->client, &l->later);
}

static bool lease_is_over(const struct handle *handle)
{
    const struct docent_lease *l = (const struct docent_lease *)handle;
    return l->state == LEASE_IDLE && !l->contending && !l->answered && !l->telling && !docent_later_is_queued(&l->later);
}

void docent_lease_free(struct docent_lease *l)
{
    docent_allocator allocator = l->handle.allocator;

    docent_free(&allocator, l->path);
    docent_free(&allocator, l->id);
    docent_free(&allocator, l->slot_path);
    docent_free(&allocator, l->holder_path);
    docent_acl_drop(&allocator, l->acl);
    docent_free(&allocator, l->text);
    docent_free(&allocator, l);
}

static void lease_free(struct handle *handle)
{
    docent_lease_free(docent_lease_of(handle));
}

const struct handle_kind docent_lease_kind = {
    .attached = lease_attached,
    .on_event = lease_on_event,
    .end = lease_end,
    .is_over = lease_is_over,
    .free = lease_free,
};

void docent_lease_prepare(struct docent_lease *l)
{
    l->handle.timers = 1; /* The deadline's. */
    l->later.run = lease_run;
    l->deadline.fire = lease_deadline;
}
