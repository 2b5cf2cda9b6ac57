/* recipes/lock.c - see lock_internal.h: a lock is made, acquires, and tells the application what becomes of it. */
#include <assert.h>
#include <string.h>

#include <docent/operation.h>

#include "recipes/lock_internal.h"
#include "recipes/participants.h"

/* ---- Memory. ---- */

void docent_lock_free(struct docent_lock *lock)
{
    docent_allocator allocator = lock->allocator;

    docent_free(&allocator, lock->path);
    docent_free(&allocator, lock->label);
    docent_acl_drop(&allocator, lock->acl);
    docent_free(&allocator, lock);
}

void docent_lock_unref(struct docent_lock *lock)
{
    if (atomic_fetch_sub(&lock->references, 1) == 1) docent_lock_free(lock);
}

/* ---- Telling the application. ---- */

static void acquisition_tell(struct docent_later *later)
{
    struct acquisition *a = (struct acquisition *)((char *)later - offsetof(struct acquisition, telling));
    struct docent_lock *lock = a->lock;

    while (a->news_count > 0) {
        struct news news = a->news[0];
        a->news_count--;
        memmove(&a->news[0], &a->news[1], a->news_count * sizeof news);
        switch (news.type) {
        case NEWS_STATE:
            if (lock->on_state != NULL) lock->on_state(lock, news.state, lock->user);
            break;
        case NEWS_ANSWER:
            if (a->answer != NULL) a->answer(news.status, a->user);
            break;
        case NEWS_LOST:
            if (lock->on_lost != NULL) lock->on_lost(lock, news.status, lock->user);
            break;
        }
    }
    if (!a->over || a->telling.queued) return; /* Queued again by a callback: then that run frees. */

    struct acquisition **link = &lock->acquisitions;
    while (*link != a) {
        link = &(*link)->next;
    }
    *link = a->next;
    docent_free(&lock->allocator, a);
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
    docent_client_later(a->lock->client, &a->telling);
}

/* The current acquisition's state, to everybody. */
static void lock_publish(struct docent_lock *lock, struct acquisition *a, docent_lock_state state)
{
    docent_shared_set(&lock->word, docent_lock_word(a->number, state));
    acquisition_add_news(a, (struct news){ .type = NEWS_STATE, .state = state });
}

static void acquisition_answer(struct acquisition *a, docent_status outcome)
{
    a->answer = a->done;
    a->done = NULL;
    acquisition_add_news(a, (struct news){ .type = NEWS_ANSWER, .status = outcome });
}

void docent_lock_nobody(docent_status outcome, void *user)
{
    (void)outcome;
    (void)user;
}

/* ---- The current acquisition. ---- */

/* Reckoned from the call, not from the turn: the application may call long after the last one. */
static void lock_start_deadline(struct docent_lock *lock, uint32_t timeout_ms)
{
    const struct docent_host *host = docent_client_host(lock->client);

    docent_timer_set(lock->client, &lock->machine.timer, host->now_ms(host->user) + timeout_ms);
}

static void lock_stop_deadline(struct docent_lock *lock)
{
    if (lock->attached) docent_machine_next_turn(&lock->machine);
}

/* @a is not the current one any more, for @why. Before anything else is done about it, nobody sees it held. */
static void lock_drop_current(struct docent_lock *lock, docent_status why, bool lost)
{
    struct acquisition *a = lock->current;

    lock->current = NULL;
    lock_publish(lock, a, DOCENT_LOCK_RELEASED);
    lock_stop_deadline(lock);
    if (a->done != NULL) {
        acquisition_answer(a, why);
    } else if (lost) {
        docent_client_log(lock->client, DOCENT_LOG_WARNING, "lock.lost", lock->path, "held, and lost: %s", docent_status_text(why));
        acquisition_add_news(a, (struct news){ .type = NEWS_LOST, .status = why });
    }
}

void docent_lock_give_up(struct docent_lock *lock, docent_status why)
{
    struct acquisition *a = lock->current;

    if (a == NULL) return;
    lock_drop_current(lock, why, false);
    docent_contender_leave(&a->contender, why);
}

void docent_lock_run_releases(struct docent_lock *lock)
{
    if (lock->current != NULL && lock->current->number <= docent_shared_get(&lock->released)) {
        docent_lock_give_up(lock, DOCENT_ERR_CANCELLED);
    }
}

static void lock_on_phase(struct contender *contender, enum contender_phase phase)
{
    struct acquisition *a = (struct acquisition *)((char *)contender - offsetof(struct acquisition, contender));
    struct docent_lock *lock = a->lock;

    switch (phase) {
    case CONTENDER_WAITS: break;
    case CONTENDER_LEADS:
        if (a->done != NULL && a->number <= docent_shared_get(&lock->released)) { /* By another thread, whose post is on its way. */
            docent_lock_give_up(lock, DOCENT_ERR_CANCELLED);
        } else if (a->done != NULL) {
            docent_shared_set(&lock->token, contender->own.czxid);
            docent_shared_set(&lock->generation, (int64_t)contender->own.generation);
            lock_publish(lock, a, DOCENT_LOCK_HELD);
            lock_stop_deadline(lock);
            acquisition_answer(a, DOCENT_OK);
        } else {
            lock_publish(lock, a, DOCENT_LOCK_HELD);
        }
        break;
    case CONTENDER_DOUBTS: lock_publish(lock, a, DOCENT_LOCK_SUSPECT); break;
    case CONTENDER_LEAVES:
        if (lock->current == a) lock_drop_current(lock, contender->verdict, true);
        break;
    case CONTENDER_OVER:
        if (lock->current == a) lock_drop_current(lock, contender->verdict, !docent_client_closing(lock->client));
        a->over = true;
        docent_contender_fini(contender);
        docent_client_later(lock->client, &a->telling);
        docent_lock_settle(lock);
        break;
    }
}

static bool lock_is_forked(const struct docent_lock *lock)
{
    const struct docent_host *host = docent_client_host(lock->client);

    return host->check_loop(host->user) == DOCENT_ERR_FORKED;
}

static void lock_on_event(struct docent_machine *machine, const struct docent_event *ev)
{
    struct docent_lock *lock = (struct docent_lock *)((char *)machine - offsetof(struct docent_lock, machine));

    switch (ev->type) {
    case DOCENT_EV_TIMER:
        if (lock->current != NULL && lock->current->done != NULL) docent_lock_give_up(lock, DOCENT_ERR_TIMEOUT);
        break;
    case DOCENT_EV_CLOSING: /* The contenders hear of it themselves, and ask for nothing more. */
        docent_machine_fini(&lock->machine);
        lock->attached = false;
        lock->refusal = ev->status;
        if (lock_is_forked(lock)) docent_lock_mute(lock);
        docent_lock_settle(lock);
        break;
    case DOCENT_EV_REPLY: /* We ask for nothing. */
    case DOCENT_EV_WATCH:
    case DOCENT_EV_SUSPENDED:
    case DOCENT_EV_RESUMED:
    case DOCENT_EV_EXPIRED: break;
    }
}

/* ---- Making. ---- */

static void lock_attach(struct docent_lock *lock)
{
    if (lock->attached || lock->refusal != DOCENT_OK) return;
    docent_machine_init(&lock->machine, lock->client, lock_on_event);
    lock->machine.name = "lock";
    lock->attached = true;
    if (docent_client_closing(lock->client)) { /* Too late to be told. */
        docent_machine_fini(&lock->machine);
        lock->attached = false;
        lock->refusal = docent_client_close_cause(lock->client);
        docent_lock_settle(lock);
    }
}

static void lock_attach_posted(struct docent_post *post)
{
    struct docent_lock *lock = (struct docent_lock *)((char *)post - offsetof(struct docent_lock, attach_post));

    lock_attach(lock);
    docent_lock_unref(lock);
}

static docent_status lock_fill(struct docent_lock *lock, const char *path, const docent_lock_options *options)
{
    const char *label = options->label != NULL ? options->label : docent_client_host(lock->client)->default_label;

    lock->dialect = docent_dialect_lock(options->dialect);
    if (lock->dialect == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    switch (options->dialect) {
    case DOCENT_DIALECT_CURATOR: lock->parent_mode = DOCENT_CONTAINER; break;
    case DOCENT_DIALECT_KAZOO: lock->parent_mode = DOCENT_PERSISTENT; break;
    }
    lock->on_state = options->on_state;
    lock->on_lost = options->on_lost;
    lock->user = options->user;
    if (label == NULL) label = "";
    lock->label_size = strlen(label);
    lock->label = docent_strdup(&lock->allocator, label);
    lock->path = docent_strdup(&lock->allocator, path);
    if (lock->label == NULL || lock->path == NULL) return DOCENT_ERR_NO_MEMORY;
    return docent_acl_keep(&lock->allocator, options->acl, &lock->acl);
}

docent_status docent_lock_new(docent_client *client, const char *path, const docent_lock_options *options, docent_lock **ret_lock)
{
    docent_lock_options full = { DOCENT_LOCK_OPTIONS };

    if (client == NULL || path == NULL || ret_lock == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    if (docent_path_fault(path, false) != NULL || strcmp(path, "/") == 0) return DOCENT_ERR_INVALID_ARGUMENT;
    if (!docent_options_take(&full, sizeof full, options)) return DOCENT_ERR_INVALID_ARGUMENT;
    const struct docent_host *host = docent_client_host(client);
    docent_status on_loop = host->check_loop(host->user);
    if (on_loop == DOCENT_ERR_FORKED) return DOCENT_ERR_FORKED;
    if (docent_client_close_cause(client) != DOCENT_OK) return docent_client_close_cause(client);

    const docent_allocator *allocator = docent_client_allocator(client);
    struct docent_lock *lock = docent_alloc(allocator, sizeof *lock);
    if (lock == NULL) return DOCENT_ERR_NO_MEMORY;
    memset(lock, 0, sizeof *lock);
    lock->client = client;
    lock->allocator = *allocator;
    docent_status status = lock_fill(lock, path, &full);
    if (status != DOCENT_OK) {
        docent_lock_free(lock);
        return status;
    }
    docent_shared_set(&lock->word, docent_lock_word(0, DOCENT_LOCK_RELEASED));
    docent_shared_set(&lock->token, -1);
    lock->attach_post.run = lock->attach_post.drop = lock_attach_posted; /* What is attached goes with its client. */
    lock->release_post.run = docent_lock_release_posted;
    lock->release_post.drop = docent_lock_release_dropped;
    lock->close_post.run = docent_lock_close_posted;
    lock->close_post.drop = docent_lock_close_dropped;
    lock->farewell.run = docent_lock_say_farewell;
    docent_client_keep(client); /* Until the farewell: a view may be released when its locks are being closed. */
    atomic_store(&lock->references, 2); /* The handle's and the loop's. */

    if (on_loop == DOCENT_OK) {
        lock_attach(lock);
    } else {
        atomic_fetch_add(&lock->references, 1);
        status = host->post(host->user, &lock->attach_post, false);
        if (status != DOCENT_OK) {
            docent_client_drop(client);
            docent_lock_free(lock);
            return status;
        }
    }
    *ret_lock = lock;
    return DOCENT_OK;
}

/* ---- Acquiring. ---- */

docent_status docent_lock_check(struct docent_lock *lock)
{
    if (lock == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    docent_client *client;
    docent_status status = docent_lock_client(lock, &client);
    if (status != DOCENT_OK) return status; /* Then there may be no client to ask. */
    const struct docent_host *host = docent_client_host(client);
    status = host->check_loop(host->user);
    if (status != DOCENT_OK) return status;
    lock_attach(lock);
    return lock->refusal != DOCENT_OK ? lock->refusal : docent_client_close_cause(client);
}

docent_status docent_lock_acquire_async(docent_lock *lock, uint32_t timeout_ms, docent_done_fn done, void *user)
{
    docent_status status = docent_lock_check(lock);
    if (status != DOCENT_OK) return status;
    docent_lock_run_releases(lock); /* One that another thread has called is in force already. */
    if (lock->current != NULL) return DOCENT_ERR_BUSY;

    if (!lock->timer_reserved) {
        status = docent_timer_reserve(lock->client);
        if (status != DOCENT_OK) return status;
        lock->timer_reserved = true;
    }
    struct acquisition *a = docent_alloc(&lock->allocator, sizeof *a);
    if (a == NULL) return DOCENT_ERR_NO_MEMORY;
    memset(a, 0, sizeof *a);
    const struct contender_config config = {
        .client = lock->client,
        .dialect = lock->dialect,
        .path = lock->path,
        .data = lock->label,
        .size = lock->label_size,
        .acl = lock->acl,
        .parent_mode = &lock->parent_mode,
        .one_look = timeout_ms == DOCENT_NO_WAIT,
        .on_phase = lock_on_phase,
    };
    status = docent_contender_init(&a->contender, &config);
    if (status != DOCENT_OK) {
        docent_free(&lock->allocator, a);
        return status;
    }
    a->lock = lock;
    a->number = ++lock->number;
    a->done = done != NULL ? done : docent_lock_nobody;
    a->user = user;
    a->telling.run = acquisition_tell;
    a->next = lock->acquisitions;
    lock->acquisitions = a;
    lock->current = a;
    lock_publish(lock, a, DOCENT_LOCK_WAITING);
    if (timeout_ms != DOCENT_NO_WAIT && timeout_ms != DOCENT_FOREVER) lock_start_deadline(lock, timeout_ms);
    docent_contender_start(&a->contender);
    return DOCENT_OK;
}

docent_hold *docent_lock_hold(docent_lock *lock)
{
    docent_hold *hold = NULL;

    if (docent_lock_check(lock) != DOCENT_OK || docent_lock_token(lock) < 0 || lock->current == NULL) return NULL;
    const struct contender *contender = &lock->current->contender;
    if (docent_hold_new(lock->client, contender->own.path, contender->own.czxid, contender->own.generation, &hold) != DOCENT_OK) return NULL;
    return hold;
}

/* ---- Participants. ---- */

static void lock_reader_over(void *owner)
{
    struct docent_lock *lock = owner;

    lock->readers--;
    docent_lock_settle(lock);
}

docent_status docent_lock_participants_async(docent_lock *lock, docent_result_fn done, void *user)
{
    docent_status status = docent_lock_check(lock);
    if (status != DOCENT_OK) return status;
    status = docent_participants_read(lock->client, lock->dialect, lock->path, done, user, lock_reader_over, lock);
    if (status == DOCENT_OK) lock->readers++;
    return status;
}
