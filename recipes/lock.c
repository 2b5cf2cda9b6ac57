/* recipes/lock.c - see lock_internal.h: a lock is made, acquires, tells the application what becomes of it, and ends. */
#include <assert.h>
#include <string.h>

#include <docent/operation.h>

#include "recipes/lock_internal.h"

static struct docent_lock *lock_of(const struct acquisition *a)
{
    return (struct docent_lock *)((char *)(uintptr_t)a->contender.config - offsetof(struct docent_lock, contending));
}

/* ---- Telling the application. ---- */

static void acquisition_tell(struct docent_later *later)
{
    static const struct lock_listener nobody;
    struct acquisition *a = (struct acquisition *)((char *)later - offsetof(struct acquisition, telling));
    struct docent_lock *lock = lock_of(a);

    while (a->news_count > 0) {
        const struct lock_listener *hears = lock->listener != NULL ? lock->listener : &nobody;
        struct news news = a->news[0];
        a->news_count--;
        memmove(&a->news[0], &a->news[1], a->news_count * sizeof news);
        switch (news.type) {
        case NEWS_STATE:
            if (hears->on_state != NULL) hears->on_state(lock, news.state, hears->user);
            break;
        case NEWS_ANSWER:
            a->done((docent_status)news.status, a->user);
            break;
        case NEWS_REVOKED:
            if (hears->on_revoke != NULL) hears->on_revoke(lock, hears->user);
            break;
        case NEWS_LOST:
            if (hears->on_lost != NULL) hears->on_lost(lock, (docent_status)news.status, hears->user);
            break;
        }
    }
    if (!a->over || docent_later_is_queued(&a->telling)) return; /* Queued again by a callback: then that run frees. */

    struct acquisition **link = &lock->acquisitions;
    while (*link != a) {
        link = &(*link)->next;
    }
    *link = a->next;
    docent_free(&lock->handle.allocator, a->revocable);
    docent_free(&lock->handle.allocator, a);
    docent_lock_settle(lock);
}

static void acquisition_add_news(struct acquisition *a, struct news news)
{
    bool ends_suspicion = news.type == NEWS_STATE && news.state == DOCENT_LOCK_HELD && a->news_count > 0 &&
                          a->news[a->news_count - 1].type == NEWS_STATE &&
                          a->news[a->news_count - 1].state == DOCENT_LOCK_SUSPECT;

    if (ends_suspicion) {
        a->news_count--;
        return;
    }
    assert(a->news_count < NEWS_MAX);
    a->news[a->news_count++] = news;
    docent_client_later(lock_of(a)->handle.client, &a->telling);
}

static void lock_tell_whole(struct docent_lock *lock, bool held)
{
    if (lock->hooks != NULL && lock->hooks->on_held != NULL) lock->hooks->on_held(lock, held);
}

/* The current acquisition's state, to everybody. */
static void lock_publish(struct docent_lock *lock, struct acquisition *a, docent_lock_state state)
{
    static const enum tenure_state tenures[] = {
        [DOCENT_LOCK_RELEASED] = TENURE_NONE,
        [DOCENT_LOCK_WAITING] = TENURE_WAITING,
        [DOCENT_LOCK_HELD] = TENURE_HELD,
        [DOCENT_LOCK_SUSPECT] = TENURE_SUSPECT,
    };

    docent_tenure_set(&lock->tenure, a->number, tenures[state]);
    acquisition_add_news(a, (struct news){ .type = NEWS_STATE, .state = state });
}

static void acquisition_answer(struct acquisition *a, docent_status outcome)
{
    uint64_t now = docent_client_now(lock_of(a)->handle.client);

    docent_meter_end(&lock_of(a)->meter, outcome, now - a->since_ms);
    a->since_ms = now;
    a->answered = true;
    acquisition_add_news(a, (struct news){ .type = NEWS_ANSWER, .status = (int16_t)outcome });
}

/* ---- The current acquisition. ---- */

/* Reckoned from the call, not from the turn: the application may call long after the last one. */
static void lock_start_deadline(struct docent_lock *lock, uint32_t timeout_ms)
{
    const struct docent_host *host = docent_client_host(lock->handle.client);

    docent_timer_set(lock->handle.client, &lock->handle.machine.timer, host->now_ms(host->user) + timeout_ms);
}

static void lock_stop_deadline(struct docent_lock *lock)
{
    if (lock->handle.attached) docent_machine_next_turn(&lock->handle.machine);
}

/* @a is not the current one any more, for @why. Before anything else is done about it, nobody sees it held. */
static void lock_drop_current(struct docent_lock *lock, docent_status why, bool lost)
{
    struct acquisition *a = lock->current;
    docent_client *client = lock->handle.client;

    lock->current = NULL;
    lock_publish(lock, a, DOCENT_LOCK_RELEASED);
    lock_stop_deadline(lock);
    a->contender.meter = NULL;
    if (a->revocable != NULL) docent_revocation_stop(&a->revocable->revocation);
    docent_meter_state(&lock->meter, client, "RELEASED");
    if (!a->answered) {
        acquisition_answer(a, why);
        return;
    }
    docent_meter_over(&lock->meter, docent_client_now(client) - a->since_ms, lost);
    lock_tell_whole(lock, false);
    if (lost) {
        docent_client_log(client, DOCENT_LOG_WARNING, "lock.lost", lock->contending.path, "held, and lost: %s", docent_status_text(why));
        acquisition_add_news(a, (struct news){ .type = NEWS_LOST, .status = (int16_t)why });
    }
}

void docent_lock_give_up(struct docent_lock *lock, docent_status why)
{
    struct acquisition *a = lock->current;

    if (a == NULL) return;
    lock_drop_current(lock, why, false);
    docent_contender_leave(&a->contender, why);
}

/* The hold has lasted as long as it may. */
static void lock_end_hold(struct docent_lock *lock)
{
    struct acquisition *a = lock->current;

    lock_drop_current(lock, DOCENT_ERR_TIMEOUT, true);
    docent_contender_leave(&a->contender, DOCENT_ERR_TIMEOUT);
}

void docent_lock_run_ends(struct docent_lock *lock)
{
    const struct acquisition *a = lock->current;

    if (a == NULL) return;
    if (docent_tenure_is_released(&lock->tenure, a->number)) {
        docent_lock_give_up(lock, DOCENT_ERR_CANCELLED);
    } else if (a->answered && lock->max_hold_ms != 0 && docent_client_now(lock->handle.client) >= a->since_ms + lock->max_hold_ms) {
        lock_end_hold(lock);
    }
}

static void lock_grant(struct docent_lock *lock, struct acquisition *a)
{
    const struct protected_node *own = &a->contender.own;
    docent_client *client = lock->handle.client;
    uint64_t until_ms = lock->max_hold_ms == 0 ? 0 : docent_client_now(client) + lock->max_hold_ms;

    const docent_hold *beside = a->contender.beside;
    int64_t token = beside != NULL ? docent_hold_czxid(beside) : lock->shared ? -1 : own->czxid;

    docent_tenure_grant(&lock->tenure, token, own->generation, until_ms);
    lock_tell_whole(lock, true);
    lock_publish(lock, a, DOCENT_LOCK_HELD);
    lock_stop_deadline(lock);
    if (until_ms != 0) docent_timer_set(client, &lock->handle.machine.timer, until_ms);
    acquisition_answer(a, DOCENT_OK);
}

static void lock_on_node(struct contender *contender)
{
    struct acquisition *a = (struct acquisition *)((char *)contender - offsetof(struct acquisition, contender));

    if (lock_of(a)->current == a) docent_revocation_look(&a->revocable->revocation, contender->own.path);
}

static void lock_revoked(struct revocation *revocation)
{
    struct acquisition *a = ((struct revocable *)revocation)->acquisition;

    for (size_t i = 0; i < a->news_count; i++) {
        if (a->news[i].type == NEWS_REVOKED) return;
    }
    acquisition_add_news(a, (struct news){ .type = NEWS_REVOKED });
}

static void lock_on_phase(struct contender *contender, enum contender_phase phase)
{
    struct acquisition *a = (struct acquisition *)((char *)contender - offsetof(struct acquisition, contender));
    struct docent_lock *lock = lock_of(a);

    switch (phase) {
    case CONTENDER_WAITS: break;
    case CONTENDER_LEADS:
        if (a->answered) {
            lock_publish(lock, a, DOCENT_LOCK_HELD);
        } else if (docent_tenure_is_released(&lock->tenure, a->number)) { /* By another thread, whose nudge is on its way. */
            docent_lock_give_up(lock, DOCENT_ERR_CANCELLED);
        } else {
            lock_grant(lock, a);
        }
        break;
    case CONTENDER_DOUBTS: lock_publish(lock, a, DOCENT_LOCK_SUSPECT); break;
    case CONTENDER_LEAVES:
        if (lock->current == a) lock_drop_current(lock, contender->verdict, true);
        break;
    case CONTENDER_OVER:
        if (lock->current == a) lock_drop_current(lock, contender->verdict, !docent_client_closing(lock->handle.client));
        a->over = true;
        docent_contender_fini(contender);
        if (a->revocable != NULL) docent_revocation_fini(&a->revocable->revocation);
        docent_client_later(lock->handle.client, &a->telling);
        docent_lock_settle(lock);
        break;
    }
}

/* ---- The handle. ---- */

static void lock_attached(struct handle *handle)
{
    handle->machine.name = "lock";
}

static void lock_on_event(struct handle *handle, const struct docent_event *ev)
{
    struct docent_lock *lock = (struct docent_lock *)handle;

    if (ev->type != DOCENT_EV_TIMER) return; /* We ask for nothing, and the contenders hear of the connection themselves. */
    docent_lock_run_ends(lock);
    if (lock->current != NULL && !lock->current->answered) docent_lock_give_up(lock, DOCENT_ERR_TIMEOUT);
}

/* A forked child's end is told to nobody: the parent's threads are not there, and the application there did not ask. */
static void lock_mute(struct docent_lock *lock)
{
    lock->listener = NULL;
    for (struct acquisition *a = lock->acquisitions; a != NULL; a = a->next) a->done = docent_nobody;
    for (struct release_wait *wait = lock->waits; wait != NULL; wait = wait->next) wait->done = docent_nobody;
}

static void lock_end(struct handle *handle, docent_status why, bool mute)
{
    struct docent_lock *lock = (struct docent_lock *)handle;

    if (mute) lock_mute(lock);
    if (why == DOCENT_ERR_CANCELLED) docent_lock_give_up(lock, DOCENT_ERR_CLOSING);
    /* Else the client closes: the contenders hear of it themselves, and ask for nothing more. */
    docent_lock_settle(lock);
}

static bool lock_is_over(const struct handle *handle)
{
    const struct docent_lock *lock = (const struct docent_lock *)handle;
    return lock->acquisitions == NULL && lock->waits == NULL && lock->readers == 0;
}

static void lock_free(struct handle *handle)
{
    struct docent_lock *lock = (struct docent_lock *)handle;
    docent_allocator allocator = handle->allocator;

    docent_acl_drop(&allocator, lock->contending.acl);
    docent_free(&allocator, lock);
}

void docent_lock_settle(struct docent_lock *lock)
{
    docent_lock_tell_waits(lock);
    docent_handle_settle(&lock->handle);
}

void docent_lock_close_part(docent_lock *lock, void (*closed)(void *user), void *user)
{
    (void)docent_tenure_release(&lock->tenure);
    docent_handle_close(&lock->handle, closed, user);
}

void docent_lock_close(docent_lock *lock, void (*closed)(void *user), void *user)
{
    if (lock == NULL) return;
    if (lock->handle.is_part) { /* Also when it has left its whole, dead: that closes it once more. */
        docent_lock_release(lock);
    } else {
        docent_lock_close_part(lock, closed, user);
    }
}

/* ---- Making. ---- */

static docent_create_mode lock_parent_mode(docent_dialect dialect)
{
    switch (dialect) {
    case DOCENT_DIALECT_CURATOR: return DOCENT_CONTAINER;
    case DOCENT_DIALECT_KAZOO:
    case DOCENT_DIALECT_ZOOKEEPER: return DOCENT_PERSISTENT;
    }
    return DOCENT_PERSISTENT;
}

/* One block: the lock, who listens to it if somebody does, its path, and its label if it was given one. */
static struct docent_lock *lock_new(const docent_allocator *allocator, const char *path, const docent_lock_options *options, size_t size)
{
    const struct lock_listener listener = { options->on_state, options->on_lost, options->on_revoke, options->user };
    bool hears = options->on_state != NULL || options->on_lost != NULL || options->on_revoke != NULL;
    size_t path_size = strlen(path) + 1, label_size = options->label == NULL ? 0 : strlen(options->label) + 1;
    size_t listener_size = hears ? sizeof listener : 0;

    if (label_size > SIZE_MAX - size - listener_size - path_size) return NULL;
    struct docent_lock *lock = docent_alloc(allocator, size + listener_size + path_size + label_size);
    if (lock == NULL) return NULL;
    memset(lock, 0, size);
    char *behind = (char *)lock + size;
    if (hears) lock->listener = memcpy(behind, &listener, sizeof listener);
    char *text = behind + listener_size;
    lock->contending.path = memcpy(text, path, path_size);
    if (options->label != NULL) lock->contending.data = memcpy(text + path_size, options->label, label_size);
    return lock;
}

docent_status docent_lock_make(docent_client *client, const char *path, const docent_lock_options *options,
                               const struct lock_kind *kind, docent_lock **ret_lock)
{
    static const struct handle_kind handle_kind = {
        .attached = lock_attached,
        .on_event = lock_on_event,
        .end = lock_end,
        .is_over = lock_is_over,
        .free = lock_free,
        .nudged = docent_lock_release_nudged,
    };
    static const struct contender_kind plain_kind = { .on_phase = lock_on_phase };
    static const struct contender_kind revocable_kind = { .on_phase = lock_on_phase, .on_node = lock_on_node };
    docent_lock_options full = { DOCENT_LOCK_OPTIONS };

    if (client == NULL || path == NULL || ret_lock == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    if (docent_path_fault(path, false) != NULL || strcmp(path, "/") == 0) return DOCENT_ERR_INVALID_ARGUMENT;
    if (!docent_options_take(&full, sizeof full, options)) return DOCENT_ERR_INVALID_ARGUMENT;
    docent_status status = docent_handle_may_open(client);
    if (status != DOCENT_OK) return status;

    const docent_allocator *allocator = docent_client_allocator(client);
    struct docent_lock *lock = lock_new(allocator, path, &full, kind->size != 0 ? kind->size : sizeof *lock);
    if (lock == NULL) return DOCENT_ERR_NO_MEMORY;
    bool bare = full.on_revoke != NULL && kind->dialect->kind == DOCENT_DIALECT_CURATOR; /* As Curator's: what is written there is a request. */
    const char *label = lock->contending.data;
    if (label == NULL && !bare) label = docent_client_host(client)->default_label;
    lock->parent_mode = lock_parent_mode(kind->dialect->kind);
    lock->contending.dialect = kind->dialect;
    lock->contending.data = label;
    lock->contending.size = label != NULL ? strlen(label) : 0;
    lock->contending.parent_mode = &lock->parent_mode;
    lock->contending.kind = full.on_revoke != NULL ? &revocable_kind : &plain_kind;
    lock->shared = kind->shared;
    lock->hooks = kind->hooks;
    lock->max_hold_ms = full.max_hold_ms;
    status = docent_acl_keep(allocator, full.acl, &lock->contending.acl);
    if (status == DOCENT_OK) {
        docent_tenure_init(&lock->tenure);
        lock->handle.timer_later = true; /* A lock that never waits with a deadline needs none. */
        if (kind->whole != NULL) docent_handle_join(&lock->handle, kind->whole);
        status = docent_handle_open(&lock->handle, client, &handle_kind);
    }
    if (status != DOCENT_OK) {
        docent_handle_leave(&lock->handle);
        docent_acl_drop(allocator, lock->contending.acl);
        docent_free(allocator, lock);
        return status;
    }
    *ret_lock = lock;
    return DOCENT_OK;
}

docent_status docent_lock_new(docent_client *client, const char *path, const docent_lock_options *options, docent_lock **ret_lock)
{
    docent_lock_options full = { DOCENT_LOCK_OPTIONS };

    if (!docent_options_take(&full, sizeof full, options)) return DOCENT_ERR_INVALID_ARGUMENT;
    const struct lock_kind kind = {
        .dialect = full.tolerant ? docent_dialect_tolerant_lock(full.dialect) : docent_dialect_lock(full.dialect),
    };
    if (kind.dialect == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    return docent_lock_make(client, path, options, &kind, ret_lock);
}

/* ---- Acquiring. ---- */

static docent_status acquisition_init(struct acquisition *a, struct docent_lock *lock, bool one_look, docent_hold *beside)
{
    const docent_allocator *allocator = &lock->handle.allocator;
    docent_client *client = lock->handle.client;
    if (lock->listener != NULL && lock->listener->on_revoke != NULL) {
        a->revocable = docent_alloc(allocator, sizeof *a->revocable);
        if (a->revocable == NULL) return DOCENT_ERR_NO_MEMORY;
        *a->revocable = (struct revocable){ .acquisition = a };
        docent_status status = docent_revocation_init(&a->revocable->revocation, client, lock_revoked);
        if (status != DOCENT_OK) return status;
    }
    a->contender.one_look = one_look;
    a->contender.beside = beside;
    a->contender.meter = &lock->meter;
    docent_status status = docent_contender_init(&a->contender, client, &lock->contending);
    if (status != DOCENT_OK && a->revocable != NULL) docent_revocation_fini(&a->revocable->revocation);
    return status;
}

/* What docent_contender_start() is left to do for. */
static docent_status lock_begin(struct docent_lock *lock, bool one_look, docent_hold *beside, docent_done_fn done, void *user)
{
    const docent_allocator *allocator = &lock->handle.allocator;
    struct acquisition *a = docent_alloc(allocator, sizeof *a);
    if (a == NULL) return DOCENT_ERR_NO_MEMORY;
    memset(a, 0, sizeof *a);
    docent_status status = acquisition_init(a, lock, one_look, beside);
    if (status != DOCENT_OK) {
        docent_free(allocator, a->revocable);
        docent_free(allocator, a);
        return status;
    }
    a->number = ++lock->number;
    a->since_ms = docent_client_now(lock->handle.client);
    a->done = done != NULL ? done : docent_nobody;
    a->user = user;
    a->telling.run = acquisition_tell;
    a->next = lock->acquisitions;
    lock->acquisitions = a;
    lock->current = a;
    docent_meter_begin(&lock->meter);
    lock_publish(lock, a, DOCENT_LOCK_WAITING);
    return DOCENT_OK;
}

docent_status docent_lock_acquire_async(docent_lock *lock, uint32_t timeout_ms, docent_done_fn done, void *user)
{
    if (lock == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    docent_status status = docent_handle_check(&lock->handle);
    if (status != DOCENT_OK) return status;
    docent_lock_run_ends(lock); /* What another thread has called, or a clock has told to everybody, is in force already. */
    if (lock->current != NULL) return DOCENT_ERR_BUSY;

    bool has_deadline = timeout_ms != DOCENT_NO_WAIT && timeout_ms != DOCENT_FOREVER;
    if (has_deadline || lock->max_hold_ms != 0) status = docent_handle_reserve(&lock->handle);
    docent_hold *beside = NULL;
    if (status == DOCENT_OK && lock->hooks != NULL && lock->hooks->may_acquire != NULL) status = lock->hooks->may_acquire(lock, &beside);
    if (status == DOCENT_OK) status = lock_begin(lock, timeout_ms == DOCENT_NO_WAIT, beside, done, user);
    docent_hold_unref(beside); /* The contender has its own. */
    if (status != DOCENT_OK) return status;
    if (has_deadline) lock_start_deadline(lock, timeout_ms);
    docent_contender_start(&lock->current->contender);
    return DOCENT_OK;
}
