/* recipes/permit.c - see permit.h: states, events, beginning and end. */
#include "recipes/permit.h"

#include <assert.h>
#include <stdlib.h>

static const char *const permit_state_name[PERMIT_STATES] = {
    [PERMIT_NEW] = "NEW",         [PERMIT_QUEUEING] = "QUEUEING", [PERMIT_LOOKING] = "LOOKING",   [PERMIT_FULL] = "FULL",
    [PERMIT_PARENTS] = "PARENTS", [PERMIT_TAKING] = "TAKING",     [PERMIT_FINDING] = "FINDING",   [PERMIT_TAKEN] = "TAKEN",
    [PERMIT_SUSPECT] = "SUSPECT", [PERMIT_CHECKING] = "CHECKING", [PERMIT_RETURNING] = "RETURNING", [PERMIT_GONE] = "GONE",
};

#define TO(name) (1u << PERMIT_##name)
static const unsigned permit_next[PERMIT_STATES] = {
    [PERMIT_NEW] = TO(QUEUEING) | TO(TAKING) | TO(GONE),
    [PERMIT_QUEUEING] = TO(QUEUEING) | TO(LOOKING) | TO(GONE),
    [PERMIT_LOOKING] = TO(LOOKING) | TO(QUEUEING) | TO(FULL) | TO(PARENTS) | TO(TAKING) | TO(GONE),
    [PERMIT_FULL] = TO(FULL) | TO(LOOKING) | TO(QUEUEING) | TO(TAKING) | TO(GONE),
    [PERMIT_PARENTS] = TO(PARENTS) | TO(LOOKING) | TO(QUEUEING) | TO(GONE),
    [PERMIT_TAKING] = TO(TAKEN) | TO(FINDING) | TO(LOOKING) | TO(QUEUEING) | TO(PARENTS) | TO(RETURNING) | TO(GONE),
    [PERMIT_FINDING] = TO(FINDING) | TO(TAKEN) | TO(LOOKING) | TO(QUEUEING) | TO(RETURNING) | TO(GONE),
    [PERMIT_TAKEN] = TO(SUSPECT) | TO(CHECKING) | TO(RETURNING) | TO(GONE),
    [PERMIT_SUSPECT] = TO(CHECKING) | TO(RETURNING) | TO(GONE),
    [PERMIT_CHECKING] = TO(CHECKING) | TO(TAKEN) | TO(SUSPECT) | TO(RETURNING) | TO(GONE),
    [PERMIT_RETURNING] = TO(RETURNING) | TO(LOOKING) | TO(QUEUEING) | TO(GONE),
};

/* Has leases, or may have. From here on the client's lease is the strict one; before, the contender's place in the queue makes it so. */
static bool permit_has_leases(enum permit_state state)
{
    return state == PERMIT_TAKING || state == PERMIT_FINDING || state == PERMIT_TAKEN || state == PERMIT_SUSPECT || state == PERMIT_CHECKING;
}

/* The only writer of p->state. True: it has to ask; it need not, if what was asked early serves. */
static bool permit_enter(struct docent_permit *p, enum permit_state next)
{
    enum permit_state from = p->state;
    docent_client *client = p->handle.client;

    assert(permit_next[from] & (1u << next));
    (void)permit_next;
    docent_trace(&p->handle.machine, "permit", p->terms->leases_path, permit_state_name[from], permit_state_name[next]);
    docent_meter_state(&p->meter, client, permit_state_name[next]);
    if (p->semaphore != NULL) docent_meter_state(docent_semaphore_meter(p->semaphore), client, permit_state_name[next]);
    bool asked = p->early && next == PERMIT_LOOKING;
    p->state = next;
    p->early = false;
    if (p->handle.attached && !asked) {
        docent_machine_next_turn(&p->handle.machine);
        docent_leases_next_turn(p);
    }
    if (permit_has_leases(next) && !permit_has_leases(from)) docent_client_hold_begins(client);
    if (permit_has_leases(from) && !permit_has_leases(next)) docent_client_hold_ends(client);
    if (next == PERMIT_RETURNING && from != PERMIT_RETURNING) docent_client_removal_begins(client);
    if (from == PERMIT_RETURNING && next != PERMIT_RETURNING) docent_client_removal_ends(client);
    return !asked;
}

static void permit_end(struct docent_permit *p)
{
    if (p->state != PERMIT_GONE) (void)permit_enter(p, PERMIT_GONE);
    docent_client_later(p->handle.client, &p->later);
}

/* Held: what it was taken for is done. */
static void permit_taken(struct docent_permit *p)
{
    docent_machine_timer(&p->handle.machine, PERMIT_OWN_LOOK_MS);
    if (p->answered) {
        docent_permit_show(p, TENURE_HELD);
        return;
    }
    bool exclusive = p->terms->limit_path == NULL && p->terms->max == 1;
    docent_tenure_grant(&p->tenure, exclusive ? p->leases[0].own.czxid : -1, p->leases[0].own.generation, 0);
    docent_permit_show(p, TENURE_HELD);
    docent_permit_answer(p, DOCENT_OK);
}

void docent_permit_go(struct docent_permit *p, enum permit_state next)
{
    if (permit_enter(p, next)) docent_permit_ask(p);
    switch (next) {
    case PERMIT_TAKEN: permit_taken(p); break;
    case PERMIT_SUSPECT:
    case PERMIT_CHECKING: docent_permit_show(p, TENURE_SUSPECT); break;
    case PERMIT_GONE: permit_end(p); break;
    case PERMIT_QUEUEING: docent_client_later(p->handle.client, &p->later); break; /* For a contender, if there is none. */
    case PERMIT_NEW:
    case PERMIT_LOOKING:
    case PERMIT_FULL:
    case PERMIT_PARENTS:
    case PERMIT_TAKING:
    case PERMIT_FINDING:
    case PERMIT_RETURNING: break;
    case PERMIT_STATES: abort();
    }
}

void docent_permit_go_later(struct docent_permit *p, enum permit_state next)
{
    if (p->one_look && p->verdict == DOCENT_OK && (next == PERMIT_LOOKING || next == PERMIT_FULL || next == PERMIT_PARENTS)) {
        docent_permit_give_up(p, DOCENT_ERR_TIMEOUT);
        return;
    }
    (void)permit_enter(p, next);
    docent_machine_retry(&p->handle.machine);
}

bool docent_permit_leads(const struct docent_permit *p)
{
    return p->contending && p->contender.told == CONTENDER_LEADS;
}

void docent_permit_seek(struct docent_permit *p)
{
    docent_leases_draw_names(p);
    p->brief = false;
    if (p->verdict != DOCENT_OK) {
        docent_permit_go(p, PERMIT_GONE);
    } else if (docent_permit_leads(p)) {
        docent_permit_go(p, PERMIT_LOOKING);
    } else {
        docent_permit_go(p, PERMIT_QUEUEING);
    }
}

void docent_permit_give_up(struct docent_permit *p, docent_status why)
{
    assert(why != DOCENT_OK);
    if (p->verdict != DOCENT_OK) return;
    p->verdict = why;
    docent_permit_show(p, TENURE_NONE);
    docent_permit_answer(p, why);
    if (p->contending) docent_contender_leave(&p->contender, why);

    switch (p->state) {
    case PERMIT_NEW:
    case PERMIT_QUEUEING:
    case PERMIT_LOOKING:
    case PERMIT_FULL:
    case PERMIT_PARENTS: docent_permit_go(p, PERMIT_GONE); break;
    case PERMIT_TAKEN:
    case PERMIT_SUSPECT:
    case PERMIT_CHECKING: docent_permit_go(p, PERMIT_RETURNING); break;
    case PERMIT_TAKING: /* These find out, and then read the verdict. */
    case PERMIT_FINDING:
    case PERMIT_RETURNING:
    case PERMIT_GONE: break;
    case PERMIT_STATES: abort();
    }
}

void docent_permit_lose(struct docent_permit *p, docent_status why)
{
    if (p->verdict != DOCENT_OK) return;
    p->lost = why;
    docent_client_log(p->handle.client, DOCENT_LOG_WARNING, "semaphore.lost", p->terms->leases_path, "held, and lost: %s",
                      docent_status_text(why));
    docent_permit_give_up(p, why);
}

/* ---- The mutex. ---- */

/* It is over for us, and not by our doing. */
static void permit_mutex_lost(struct docent_permit *p, docent_status why)
{
    switch (p->state) {
    case PERMIT_LOOKING:
    case PERMIT_FULL:
    case PERMIT_PARENTS:
    case PERMIT_QUEUEING:
        if (why != DOCENT_ERR_NO_NODE || !p->led) { /* Never first: there is no path to be made, under a missing chroot, say. */
            docent_permit_give_up(p, why);
        } else if (p->one_look) {
            docent_permit_give_up(p, DOCENT_ERR_TIMEOUT);
        } else {
            docent_permit_go(p, PERMIT_QUEUEING);
        }
        break;
    case PERMIT_TAKING: /* Whether the transaction found it, its reply says. */
    case PERMIT_FINDING:
    case PERMIT_NEW:
    case PERMIT_TAKEN:
    case PERMIT_SUSPECT:
    case PERMIT_CHECKING:
    case PERMIT_RETURNING:
    case PERMIT_GONE: break;
    case PERMIT_STATES: abort();
    }
}

static void permit_on_phase(struct contender *contender, enum contender_phase phase)
{
    struct docent_permit *p = (struct docent_permit *)((char *)contender - offsetof(struct docent_permit, contender));

    switch (phase) {
    case CONTENDER_WAITS: break;
    case CONTENDER_LEADS:
        p->led = true;
        if (p->state == PERMIT_QUEUEING) docent_permit_go(p, PERMIT_LOOKING);
        break;
    case CONTENDER_DOUBTS:
        if (p->state == PERMIT_LOOKING || p->state == PERMIT_FULL || p->state == PERMIT_PARENTS) docent_permit_go(p, PERMIT_QUEUEING);
        break;
    case CONTENDER_LEAVES:
        if (p->verdict == DOCENT_OK) permit_mutex_lost(p, contender->verdict);
        break;
    case CONTENDER_OVER: {
        docent_status why = contender->verdict;
        docent_contender_fini(contender);
        p->contending = false;
        if (p->verdict == DOCENT_OK) permit_mutex_lost(p, why);
        docent_client_later(p->handle.client, &p->later);
        break;
    }
    }
}

static void permit_begin_contender(struct docent_permit *p)
{
    static const struct contender_kind kind = { .on_phase = permit_on_phase };
    struct terms *terms = p->terms;

    memset(&p->contender, 0, sizeof p->contender);
    p->contender.one_look = p->one_look;
    p->contending_as = (struct contender_config){
        .dialect = terms->mutex_names,
        .path = terms->mutex_path,
        .data = terms->label,
        .size = terms->label_size,
        .acl = terms->acl,
        .parent_mode = &terms->parent_mode,
        .kind = &kind,
    };
    p->lagging = false; /* Whoever answers its requests has got as far as it knows. */
    docent_status status = docent_contender_init(&p->contender, p->handle.client, &p->contending_as);
    if (status != DOCENT_OK) {
        docent_permit_give_up(p, status);
        return;
    }
    p->contending = true;
    p->led = false;
    docent_recall_queues(p);
    docent_contender_start(&p->contender);
    if (p->state != PERMIT_QUEUEING || !docent_machine_online(&p->handle.machine)) return;
    p->early = true;
    docent_permit_ask_look(p);
}

/* ---- Events. ---- */

static void permit_on_suspended(struct docent_permit *p)
{
    p->lagging = true;
    switch (p->state) {
    case PERMIT_LOOKING:
    case PERMIT_FULL:
    case PERMIT_PARENTS: docent_permit_go(p, PERMIT_QUEUEING); break; /* Until the contender says that it is still first. */
    case PERMIT_TAKEN:
    case PERMIT_CHECKING: docent_permit_go(p, PERMIT_SUSPECT); break;
    case PERMIT_QUEUEING: p->early = false; break;
    case PERMIT_NEW:
    case PERMIT_TAKING:
    case PERMIT_FINDING:
    case PERMIT_SUSPECT:
    case PERMIT_RETURNING:
    case PERMIT_GONE: break;
    case PERMIT_STATES: abort();
    }
    if (p->one_look && p->state == PERMIT_QUEUEING) docent_permit_give_up(p, DOCENT_ERR_TIMEOUT);
}

static void permit_on_resumed(struct docent_permit *p)
{
    docent_machine_calm(&p->handle.machine);
    switch (p->state) {
    case PERMIT_FINDING:
    case PERMIT_RETURNING:
    case PERMIT_CHECKING: docent_permit_go(p, p->state); break;
    case PERMIT_TAKEN:
    case PERMIT_SUSPECT: docent_permit_go(p, PERMIT_CHECKING); break;
    case PERMIT_LOOKING:
    case PERMIT_FULL:
    case PERMIT_PARENTS: docent_permit_seek(p); break;
    case PERMIT_QUEUEING: /* The contender says when. */
    case PERMIT_TAKING:   /* Its reply, lost or not, has come or is on its way. */
    case PERMIT_NEW:
    case PERMIT_GONE: break;
    case PERMIT_STATES: abort();
    }
}

static void permit_on_watch(struct docent_permit *p)
{
    if (p->state == PERMIT_FULL) docent_permit_go(p, PERMIT_LOOKING);
}

static void permit_on_event(struct handle *handle, const struct docent_event *ev)
{
    struct docent_permit *p = (struct docent_permit *)handle;

    switch (ev->type) {
    case DOCENT_EV_REPLY: docent_permit_on_reply(p, ev); break;
    case DOCENT_EV_WATCH: permit_on_watch(p); break;
    case DOCENT_EV_TIMER:
        if (p->state == PERMIT_TAKEN) {
            docent_leases_ask_watch(p);
        } else {
            docent_permit_ask(p);
        }
        break;
    case DOCENT_EV_SUSPENDED: permit_on_suspended(p); break;
    case DOCENT_EV_RESUMED: permit_on_resumed(p); break;
    case DOCENT_EV_EXPIRED:
        if (p->held_once) docent_permit_lose(p, DOCENT_ERR_SESSION_EXPIRED);
        docent_permit_give_up(p, DOCENT_ERR_SESSION_EXPIRED);
        permit_end(p);
        break;
    case DOCENT_EV_CLOSING: break; /* The handle's. */
    }
}

void docent_permit_limit_changed(struct docent_permit *p)
{
    if (p->state == PERMIT_FULL) docent_permit_go(p, PERMIT_LOOKING);
}

static void permit_deadline(struct docent_timer *timer)
{
    struct docent_permit *p = (struct docent_permit *)((char *)timer - offsetof(struct docent_permit, deadline));
    if (!p->answered) docent_permit_give_up(p, DOCENT_ERR_TIMEOUT);
}

/* ---- Life. ---- */

/* At the end of a turn. */
static void permit_run(struct docent_later *later)
{
    struct docent_permit *p = (struct docent_permit *)((char *)later - offsetof(struct docent_permit, later));

    if (p->state == PERMIT_QUEUEING && !p->contending && !p->handle.ended) permit_begin_contender(p);
    p->telling = true;
    docent_permit_tell(p);
    p->telling = false;
    if (p->state == PERMIT_GONE && !p->contending && p->semaphore != NULL) {
        struct docent_semaphore *semaphore = p->semaphore;
        docent_leases_free(p); /* While there is a client that their memory is of. */
        p->semaphore = NULL;
        docent_semaphore_let_go(semaphore, p);
    }
    docent_handle_settle(&p->handle);
}

static void permit_attached(struct handle *handle)
{
    struct docent_permit *p = (struct docent_permit *)handle;
    handle->machine.name = "semaphore";
    docent_leases_attach(p);
}

static void permit_end_handle(struct handle *handle, docent_status why, bool mute)
{
    struct docent_permit *p = (struct docent_permit *)handle;

    if (mute) {
        p->done = NULL;
        p->telling = false;
    }
    if (handle->timer_reserved) docent_timer_stop(handle->client, &p->deadline);
    docent_permit_give_up(p, why);
    if (why != DOCENT_ERR_CANCELLED) permit_end(p); /* The client closes. */
    docent_client_later(handle->client, &p->later);
}

void docent_permit_abandon(struct docent_permit *p, docent_status why)
{
    docent_permit_give_up(p, why);
    permit_end(p);
}

static bool permit_is_over(const struct handle *handle)
{
    const struct docent_permit *p = (const struct docent_permit *)handle;
    return p->state == PERMIT_GONE && !p->contending && !p->telling && !docent_later_is_queued(&p->later) && p->semaphore == NULL;
}

static void permit_free(struct handle *handle)
{
    struct docent_permit *p = (struct docent_permit *)handle;
    docent_allocator allocator = handle->allocator;

    docent_leases_free(p);
    docent_terms_drop(p->terms);
    docent_free(&allocator, p);
}

static const struct handle_kind permit_kind = {
    .attached = permit_attached,
    .on_event = permit_on_event,
    .end = permit_end_handle,
    .is_over = permit_is_over,
    .free = permit_free,
};

docent_status docent_permit_new(struct docent_semaphore *semaphore, docent_client *client, struct terms *terms, uint32_t count,
                                uint32_t timeout_ms, docent_done_fn done, void *user, docent_permit **ret_permit)
{
    const docent_allocator *allocator = docent_client_allocator(client);
    struct docent_permit *p = docent_alloc(allocator, sizeof *p);
    if (p == NULL) return DOCENT_ERR_NO_MEMORY;
    memset(p, 0, sizeof *p);
    atomic_fetch_add(&terms->references, 1);
    p->terms = terms;
    p->handle.client = client;
    p->handle.allocator = *allocator;
    p->handle.timers = 1; /* The deadline's. */
    p->count = count;
    p->one_look = timeout_ms == DOCENT_NO_WAIT;
    p->later.run = permit_run;
    p->deadline.fire = permit_deadline;
    docent_tenure_init(&p->tenure);
    docent_status status = docent_leases_init(p);
    if (status == DOCENT_OK) status = docent_handle_open(&p->handle, client, &permit_kind);
    if (status != DOCENT_OK) {
        permit_free(&p->handle);
        return status;
    }
    if (p->handle.ended) { /* There was no memory for its timers. */
        status = p->handle.refusal;
        docent_handle_close(&p->handle, NULL, NULL);
        return status;
    }
    p->semaphore = semaphore;
    p->done = done;
    p->user = user;
    const struct docent_host *host = docent_client_host(client);
    p->begun_ms = host->now_ms(host->user);
    docent_meter_begin(&p->meter);
    docent_meter_begin(docent_semaphore_meter(semaphore));
    docent_permit_show(p, TENURE_WAITING);
    if (!p->one_look && timeout_ms != DOCENT_FOREVER) docent_timer_set(client, &p->deadline, p->begun_ms + timeout_ms);
    if (docent_recall_serves(p)) {
        docent_recall_use(p);
        docent_permit_go(p, PERMIT_TAKING);
    } else {
        (void)permit_enter(p, PERMIT_QUEUEING);
        permit_begin_contender(p);
    }
    *ret_permit = p;
    return DOCENT_OK;
}

void docent_permit_close(docent_permit *permit, void (*closed)(void *user), void *user)
{
    if (permit == NULL) return;
    (void)docent_tenure_release(&permit->tenure);
    docent_handle_close(&permit->handle, closed, user);
}
