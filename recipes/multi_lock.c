/* recipes/multi_lock.c - several locks as one. The members are locks (lock.h) and parts of a handle of ours (handle.h).
 *
 *     RELEASED --> ACQUIRING the first, the second, ... --> HELD
 *        ^             | one not had, time-out, release       | release, or one is lost
 *        '-------------'--------------------------------------'   all of those had are released, in reverse
 *
 * There is at most one current acquisition. It ends at once, whatever the members' nodes still take to go, and its answer is told from the
 * queue of callbacks. Members tell us what happens to them from there, too; a member that stops being held while the acquisition has
 * it ends the acquisition. A member can be acquired again before the answer to its last acquisition was told, so each counts the answers that it
 * owes: only the last is the current one's.
 *
 * Other threads read the whole from a tenure, whose holds are our acquisitions, and then from the members: one that is lost is not held from
 * the moment on that it says so, not from when we get round to it. */

#include <string.h>

#include <docent/multi_lock.h>

#include "recipes/lock_internal.h"

struct multi_part {
    struct docent_lock lock; /* First. */
    struct docent_multi_lock *multi;
    size_t at;     /* Its place in the caller's list. */
    unsigned owed; /* Answers. */
};

struct multi_acquisition {
    struct docent_later telling;
    struct docent_multi_lock *multi;
    docent_done_fn done; /* Until it is answered. */
    docent_done_fn answer;
    void *user;
    docent_status outcome;
    bool over; /* Nothing more comes of it: freed when it is told. */
    uint64_t since_ms; /* When it was begun; once it was granted, when that was. */
    uint64_t deadline_ms;
    bool one_look;
};

struct multi_wait { /* A release that wants to know. */
    struct docent_multi_lock *multi;
    size_t out; /* Members that have not said that they are gone. */
    docent_done_fn done;
    void *user;
    docent_status outcome;
};

struct docent_multi_lock {
    struct handle handle; /* First. */
    size_t count;
    docent_lock **members; /* This and the next: behind us in our own block. */
    docent_lock **order;   /* In which they are acquired. */
    void (*on_state)(docent_multi_lock *multi, docent_lock_state state, void *user);
    void (*on_lost)(docent_multi_lock *multi, size_t member, docent_status why, void *user);
    void *user;

    struct multi_acquisition *current;
    int64_t number;      /* Of the newest acquisition. */
    size_t had;          /* Of order[], that the current one has; the next is being acquired, if there is one. */
    docent_lock *asking; /* Is about to be acquired by us, and by nobody else. */
    size_t untold;       /* Acquisitions and waits that are not freed. */
    struct docent_later telling;
    docent_lock_state told;
    docent_status lost; /* To be told; DOCENT_OK: nothing. */
    docent_status why;  /* A member was lost, for this. */
    size_t lost_at;
    struct meter meter;

    struct tenure tenure;
};

static struct multi_part *part_of(docent_lock *lock)
{
    return (struct multi_part *)lock;
}

static void multi_settled(struct docent_multi_lock *m)
{
    m->untold--;
    docent_handle_settle(&m->handle);
}

/* ---- Telling. ---- */

static void multi_tell_answer(struct docent_later *later)
{
    struct multi_acquisition *a = (struct multi_acquisition *)((char *)later - offsetof(struct multi_acquisition, telling));
    struct docent_multi_lock *m = a->multi;

    if (a->answer != NULL) {
        docent_done_fn answer = a->answer;
        a->answer = NULL;
        if (!m->handle.muted) answer(a->outcome, a->user);
    }
    if (!a->over || docent_later_is_queued(&a->telling)) return;
    docent_free(&m->handle.allocator, a);
    multi_settled(m);
}

static void multi_answer(struct docent_multi_lock *m, struct multi_acquisition *a, docent_status outcome)
{
    uint64_t now = docent_client_now(m->handle.client);

    docent_meter_end(&m->meter, outcome, now - a->since_ms);
    a->since_ms = now;
    a->answer = a->done;
    a->done = NULL;
    a->outcome = outcome;
    docent_client_later(m->handle.client, &a->telling);
}

/* ---- The current acquisition. ---- */

static void multi_changed(struct docent_multi_lock *m)
{
    docent_client_later(m->handle.client, &m->telling);
}

/* Nobody sees it held or waiting from here on. */
static void multi_end(struct docent_multi_lock *m, docent_status why, bool lost)
{
    struct multi_acquisition *a = m->current;
    size_t begun = m->had < m->count ? m->had + 1 : m->count;

    m->current = NULL;
    docent_tenure_set(&m->tenure, m->number, TENURE_NONE);
    docent_meter_state(&m->meter, m->handle.client, "RELEASED");
    while (begun > 0 && !docent_client_closing(m->handle.client)) docent_lock_release(m->order[--begun]); /* Else they end by themselves. */
    m->had = 0;
    multi_changed(m);
    a->over = true;
    if (a->done != NULL) {
        multi_answer(m, a, why);
        return;
    }
    docent_meter_over(&m->meter, docent_client_now(m->handle.client) - a->since_ms, lost);
    if (lost) m->lost = why;
    docent_client_later(m->handle.client, &a->telling);
}

static void multi_run_release(struct docent_multi_lock *m)
{
    if (m->current != NULL && docent_tenure_is_released(&m->tenure, m->number)) multi_end(m, DOCENT_ERR_CANCELLED, false);
}

static void multi_release_nudged(struct handle *handle)
{
    multi_run_release((struct docent_multi_lock *)handle);
}

/* Is every member there that the current acquisition has? */
static bool multi_is_whole(const struct docent_multi_lock *m)
{
    for (size_t i = 0; i < m->had; i++) {
        if (m->order[i]->current == NULL) return false;
    }
    return true;
}

static void multi_member_done(docent_status outcome, void *user);

/* Of the whole that is left; false: nothing. */
static bool multi_time_left(const struct docent_multi_lock *m, uint32_t *ret_ms)
{
    const struct multi_acquisition *a = m->current;
    const struct docent_host *host = docent_client_host(m->handle.client);

    *ret_ms = a->one_look ? DOCENT_NO_WAIT : DOCENT_FOREVER;
    if (a->one_look || a->deadline_ms == UINT64_MAX) return true;
    uint64_t now = host->now_ms(host->user);
    if (now >= a->deadline_ms) return false;
    *ret_ms = (uint32_t)(a->deadline_ms - now);
    return true;
}

static docent_status multi_ask_next(struct docent_multi_lock *m)
{
    docent_lock *next = m->order[m->had];
    uint32_t left_ms;

    if (!multi_time_left(m, &left_ms)) return DOCENT_ERR_TIMEOUT;
    m->asking = next;
    docent_status status = docent_lock_acquire_async(next, left_ms, multi_member_done, next);
    m->asking = NULL;
    if (status == DOCENT_OK) part_of(next)->owed++;
    return status;
}

static void multi_grant(struct docent_multi_lock *m)
{
    docent_tenure_grant(&m->tenure, -1, m->order[0]->current->contender.own.generation, 0);
    docent_tenure_set(&m->tenure, m->number, TENURE_HELD);
    docent_meter_state(&m->meter, m->handle.client, "HELD");
    multi_changed(m);
    multi_answer(m, m->current, DOCENT_OK);
}

static void multi_member_done(docent_status outcome, void *user)
{
    docent_lock *lock = user;
    struct docent_multi_lock *m = part_of(lock)->multi;

    if (--part_of(lock)->owed > 0) return; /* Of an acquisition that is over. */
    multi_run_release(m);
    if (m->current == NULL || m->had == m->count || m->order[m->had] != lock) return;
    if (outcome == DOCENT_OK) {
        m->had++;
        if (!multi_is_whole(m)) return; /* Lost meanwhile, and about to tell why. */
        if (m->had == m->count) {
            multi_grant(m);
            return;
        }
        outcome = multi_ask_next(m);
    }
    if (outcome != DOCENT_OK) multi_end(m, outcome, false);
}

/* ---- What members say. ---- */

/* In the queue of callbacks, when the member has told both its state and its loss. */
static void multi_tell(struct docent_later *later)
{
    struct docent_multi_lock *m = (struct docent_multi_lock *)((char *)later - offsetof(struct docent_multi_lock, telling));

    if (m->current != NULL && !multi_is_whole(m)) {
        multi_end(m, m->why != DOCENT_OK ? m->why : DOCENT_ERR_CANCELLED, m->why != DOCENT_OK);
    }
    m->why = DOCENT_OK;
    docent_lock_state state = docent_multi_lock_get_state(m);
    if (state != m->told) {
        m->told = state;
        if (m->on_state != NULL && !m->handle.muted) m->on_state(m, state, m->user);
    }
    if (m->lost != DOCENT_OK) {
        docent_status lost = m->lost;
        m->lost = DOCENT_OK;
        if (m->on_lost != NULL && !m->handle.muted) m->on_lost(m, m->lost_at, lost, m->user);
    }
    docent_handle_settle(&m->handle);
}

static void multi_member_state(docent_lock *lock, docent_lock_state state, void *user)
{
    (void)state;
    (void)lock;
    multi_changed(user);
}

static void multi_member_lost(docent_lock *lock, docent_status why, void *user)
{
    struct docent_multi_lock *m = user;

    if (m->why != DOCENT_OK) return;
    m->why = why;
    m->lost_at = part_of(lock)->at;
    multi_changed(m);
}

static docent_status multi_may_acquire(docent_lock *lock, docent_hold **ret_beside)
{
    (void)ret_beside;
    return part_of(lock)->multi->asking == lock ? DOCENT_OK : DOCENT_ERR_BUSY;
}

/* ---- The handle. ---- */

static void multi_attached(struct handle *handle)
{
    handle->machine.name = "multi-lock";
}

static void multi_on_event(struct handle *handle, const struct docent_event *ev)
{
    (void)handle; /* The members hear of everything themselves. */
    (void)ev;
}

static void multi_close_members(struct docent_multi_lock *m)
{
    for (size_t i = m->count; i-- > 0;) {
        docent_lock *member = m->members[i];
        m->members[i] = NULL;
        if (member != NULL) docent_lock_close_part(member, NULL, NULL);
    }
}

static void multi_handle_end(struct handle *handle, docent_status why, bool mute)
{
    struct docent_multi_lock *m = (struct docent_multi_lock *)handle;

    (void)mute;
    if (m->current != NULL) multi_end(m, why == DOCENT_ERR_CANCELLED ? DOCENT_ERR_CLOSING : why, false);
    if (why == DOCENT_ERR_CANCELLED) multi_close_members(m);
}

static bool multi_is_over(const struct handle *handle)
{
    const struct docent_multi_lock *m = (const struct docent_multi_lock *)handle;
    return m->untold == 0 && !docent_later_is_queued(&m->telling);
}

static void multi_free(struct handle *handle)
{
    docent_allocator allocator = handle->allocator;

    multi_close_members((struct docent_multi_lock *)handle);
    docent_free(&allocator, handle);
}

/* ---- Making. ---- */

/* One block: the whole and two lists of its members. */
static struct docent_multi_lock *multi_alloc(const docent_allocator *allocator, size_t count)
{
    struct docent_multi_lock *m;

    if (count > (SIZE_MAX - sizeof *m) / (2 * sizeof(docent_lock *))) return NULL;
    size_t size = sizeof *m + 2 * count * sizeof(docent_lock *);
    m = docent_alloc(allocator, size);
    if (m == NULL) return NULL;
    memset(m, 0, size);
    m->count = count;
    m->members = (docent_lock **)(m + 1);
    m->order = m->members + count;
    return m;
}

/* False: a path is there twice. Lists are short: insertion will do. */
static bool multi_put_in_order(struct docent_multi_lock *m, docent_multi_lock_order order)
{
    for (size_t i = 0; i < m->count; i++) {
        size_t at = i;
        for (size_t k = 0; k < i; k++) {
            int compared = strcmp(m->members[i]->contending.path, m->order[k]->contending.path);
            if (compared == 0) return false;
            if (compared < 0 && at == i && order == DOCENT_MULTI_LOCK_SORTED) at = k;
        }
        memmove(&m->order[at + 1], &m->order[at], (i - at) * sizeof m->order[0]);
        m->order[at] = m->members[i];
    }
    return true;
}

static docent_status multi_make_members(struct docent_multi_lock *m, docent_client *client, const char *const *paths,
                                        const docent_multi_lock_options *full)
{
    const docent_lock_options options = {
        DOCENT_LOCK_OPTIONS, .label = full->label, .acl = full->acl, .on_state = multi_member_state, .on_lost = multi_member_lost, .user = m,
    };
    static const struct lock_hooks hooks = { .may_acquire = multi_may_acquire };
    const struct lock_kind kind = {
        .dialect = docent_dialect_lock(full->dialect), .whole = &m->handle, .size = sizeof(struct multi_part), .hooks = &hooks,
    };

    if (kind.dialect == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    for (size_t i = 0; i < m->count; i++) {
        docent_status status = docent_lock_make(client, paths[i], &options, &kind, &m->members[i]);
        if (status != DOCENT_OK) return status;
        part_of(m->members[i])->multi = m;
        part_of(m->members[i])->at = i;
    }
    return multi_put_in_order(m, full->order) ? DOCENT_OK : DOCENT_ERR_INVALID_ARGUMENT;
}

docent_status docent_multi_lock_new(docent_client *client, const char *const *paths, size_t count, const docent_multi_lock_options *options,
                                    docent_multi_lock **ret_multi)
{
    static const struct handle_kind handle_kind = {
        .attached = multi_attached,
        .on_event = multi_on_event,
        .end = multi_handle_end,
        .is_over = multi_is_over,
        .free = multi_free,
        .nudged = multi_release_nudged,
    };
    docent_multi_lock_options full = { DOCENT_MULTI_LOCK_OPTIONS };

    if (client == NULL || paths == NULL || count == 0 || ret_multi == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    if (!docent_options_take(&full, sizeof full, options)) return DOCENT_ERR_INVALID_ARGUMENT;
    if (full.order != DOCENT_MULTI_LOCK_SORTED && full.order != DOCENT_MULTI_LOCK_AS_LISTED) return DOCENT_ERR_INVALID_ARGUMENT;
    docent_status status = docent_handle_may_open(client);
    if (status != DOCENT_OK) return status;
    const docent_allocator *allocator = docent_client_allocator(client);
    struct docent_multi_lock *m = multi_alloc(allocator, count);
    if (m == NULL) return DOCENT_ERR_NO_MEMORY;
    m->on_state = full.on_state;
    m->on_lost = full.on_lost;
    m->user = full.user;
    m->telling.run = multi_tell;
    m->handle.timer_later = true; /* Never: the members have the deadline. */
    docent_tenure_init(&m->tenure);

    status = multi_make_members(m, client, paths, &full);
    if (status != DOCENT_OK && m->members[0] == NULL) {
        docent_free(allocator, m);
        return status;
    }
    docent_status opened = docent_handle_open(&m->handle, client, &handle_kind);
    if (opened != DOCENT_OK) return opened; /* In a forked child, where nothing is freed: there are members. */
    if (status != DOCENT_OK) {
        docent_handle_close(&m->handle, NULL, NULL); /* With the members that there are. */
        return status;
    }
    *ret_multi = m;
    return DOCENT_OK;
}

/* ---- Acquiring. ---- */

docent_status docent_multi_lock_acquire_async(docent_multi_lock *m, uint32_t timeout_ms, docent_done_fn done, void *user)
{
    if (m == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    docent_status status = docent_handle_check(&m->handle);
    if (status != DOCENT_OK) return status;
    multi_run_release(m); /* One that another thread has called is in force already. */
    if (m->current != NULL) return DOCENT_ERR_BUSY;

    struct multi_acquisition *a = docent_alloc(&m->handle.allocator, sizeof *a);
    if (a == NULL) return DOCENT_ERR_NO_MEMORY;
    const struct docent_host *host = docent_client_host(m->handle.client);
    bool bounded = timeout_ms != DOCENT_NO_WAIT && timeout_ms != DOCENT_FOREVER;
    *a = (struct multi_acquisition){
        .telling.run = multi_tell_answer,
        .multi = m,
        .done = done != NULL ? done : docent_nobody,
        .user = user,
        .since_ms = docent_client_now(m->handle.client),
        .deadline_ms = bounded ? host->now_ms(host->user) + timeout_ms : UINT64_MAX,
        .one_look = timeout_ms == DOCENT_NO_WAIT,
    };
    m->current = a;
    m->had = 0;
    status = multi_ask_next(m);
    if (status != DOCENT_OK) {
        m->current = NULL;
        docent_free(&m->handle.allocator, a);
        return status;
    }
    m->untold++;
    docent_meter_begin(&m->meter);
    docent_meter_state(&m->meter, m->handle.client, "ACQUIRING");
    docent_tenure_set(&m->tenure, ++m->number, TENURE_WAITING);
    multi_changed(m);
    return DOCENT_OK;
}

/* ---- Releasing. ---- */

/* The members first, so that their own tokens and states say so when this returns. What is acquired by another thread meanwhile is released with
 * it, as if this had been called later. */
void docent_multi_lock_release(docent_multi_lock *m)
{
    if (m == NULL) return;
    for (size_t i = m->count; i-- > 0;) docent_lock_release(m->order[i]);
    (void)docent_tenure_release(&m->tenure);
    docent_handle_nudge(&m->handle);
}

static void multi_part_gone(docent_status outcome, void *user)
{
    struct multi_wait *w = user;
    struct docent_multi_lock *m = w->multi;

    if (outcome != DOCENT_OK) w->outcome = outcome;
    if (--w->out > 0) return;
    if (w->done != NULL && !m->handle.muted) w->done(w->outcome, w->user);
    docent_free(&m->handle.allocator, w);
    multi_settled(m);
}

docent_status docent_multi_lock_release_async(docent_multi_lock *m, docent_done_fn done, void *user)
{
    if (m == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    docent_multi_lock_release(m);
    docent_status status = docent_handle_check(&m->handle);
    if (status != DOCENT_OK) return status;
    struct multi_wait *w = docent_alloc(&m->handle.allocator, sizeof *w);
    if (w == NULL) return DOCENT_ERR_NO_MEMORY;
    *w = (struct multi_wait){ .multi = m, .done = done, .user = user };
    for (size_t i = 0; i < m->count && status == DOCENT_OK; i++) {
        status = docent_lock_release_finish(m->order[i], docent_lock_release_begin(m->order[i]), multi_part_gone, w);
        w->out += status == DOCENT_OK;
    }
    if (w->out == 0) {
        docent_free(&m->handle.allocator, w);
        return status;
    }
    if (status != DOCENT_OK) w->done = NULL;
    m->untold++;
    return status;
}

/* ---- Looking. ---- */

docent_lock_state docent_multi_lock_get_state(const docent_multi_lock *m)
{
    docent_lock_state state = DOCENT_LOCK_HELD;

    if (m == NULL) return DOCENT_LOCK_RELEASED;
    switch (docent_tenure_look(&m->tenure, m->handle.client, NULL)) {
    case TENURE_NONE: return DOCENT_LOCK_RELEASED;
    case TENURE_WAITING: return DOCENT_LOCK_WAITING;
    case TENURE_HELD:
    case TENURE_SUSPECT: break;
    }
    for (size_t i = 0; i < m->count; i++) {
        docent_lock_state one = docent_lock_get_state(m->order[i]);
        if (one == DOCENT_LOCK_RELEASED || one == DOCENT_LOCK_WAITING) return DOCENT_LOCK_RELEASED;
        if (one == DOCENT_LOCK_SUSPECT) state = DOCENT_LOCK_SUSPECT;
    }
    return state;
}

size_t docent_multi_lock_count(const docent_multi_lock *m)
{
    return m == NULL ? 0 : m->count;
}

docent_lock *docent_multi_lock_member(const docent_multi_lock *m, size_t member)
{
    return m == NULL || member >= m->count ? NULL : m->members[member];
}

docent_status docent_multi_lock_info(docent_multi_lock *m, docent_recipe_info *ret_info)
{
    if (m == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    return docent_meter_ask(&m->handle, &m->meter, ret_info);
}

void docent_multi_lock_close(docent_multi_lock *m, void (*closed)(void *user), void *user)
{
    if (m == NULL) return;
    for (size_t i = m->count; i-- > 0;) { /* In force at once, on whatever thread this is. */
        if (m->members[i] != NULL) (void)docent_tenure_release(&m->members[i]->tenure);
    }
    (void)docent_tenure_release(&m->tenure);
    docent_handle_close(&m->handle, closed, user);
}
