/* recipes/lock.c - the exclusive lock: what an application holds in its hand.
 *
 * A lock is a series of acquisitions. Each has a contender of its own (contender.h), which gets the node, waits, and in the end
 * removes it. The lock knows at most one current acquisition, the one that waits or holds; when that is released, times out or is
 * lost, it stops being the current one at once, and its contender cleans up by itself. So the application is answered without
 * delay, a new acquire is accepted at once (its node queues behind the old one's removal), and "released" and "closed" are told when
 * the contenders concerned are gone.
 *
 *     state     = what the current acquisition's contender says: none RELEASED, waits WAITING, leads HELD, doubts SUSPECT.
 *     releasing = the acquisitions that are not current.
 *
 * Telling. Each acquisition keeps a short queue of news and one entry in the client's queue of callbacks, so that no change is
 * lost, nothing has to be allocated for it, and user code never runs inside a machine.
 *
 * Other threads. Acquisitions are numbered. The loop publishes one word, number and state; before it, when held, token and
 * generation. A release from any thread raises `released` to the number that it saw, and from then on every reader takes an
 * acquisition up to that number for released, whatever the loop has got round to. A release that was posted
 * and runs late finds a larger number current and does nothing. A reader that takes a token looks at the word before and
 * after: numbers do not come back, so the same number means that the token is of that hold.
 *
 * The end. The memory belongs to the handle, to the loop, and to what is posted, together; whoever lets go last frees it. When
 * the client closes first, the lock is dead: it touches the client no more, and docent_lock_close() only frees. The gate makes that
 * sure: other threads pass it to reach the loop, and the loop, having shut it, waits until those inside (a few instructions)
 * are out. */
#include "recipes/lock.h"

#include <assert.h>
#include <stdatomic.h>
#include <string.h>

#include <docent/operation.h>

#include "core/client/machine.h"
#include "core/drive/await.h"
#include "recipes/contender.h"
#include "recipes/participants.h"

enum news_type { NEWS_STATE, NEWS_ANSWER, NEWS_LOST };

struct news {
    enum news_type type;
    docent_lock_state state; /* STATE. */
    docent_status status;    /* ANSWER, LOST. */
};

/* At most: WAITING, HELD, the answer, SUSPECT, RELEASED, lost; a suspicion that ends before it is told is taken back. */
enum { NEWS_MAX = 6 };

struct acquisition {
    struct contender contender;
    struct docent_lock *lock;
    struct acquisition *next; /* The lock's, newest first. */
    int64_t number;
    docent_done_fn done; /* Until it is answered. */
    void *user;
    docent_done_fn answer; /* From then on. */
    struct news news[NEWS_MAX];
    size_t news_count;
    struct docent_later telling;
    bool over; /* The contender is finished. To be freed when all is told. */
};

/* A release that wants to know. */
struct release_wait {
    struct docent_later telling;
    struct release_wait *next;
    struct docent_lock *lock;
    int64_t number; /* Waits for the acquisitions up to this one. */
    docent_done_fn done;
    void *user;
    docent_status outcome;
};

struct docent_lock {
    docent_client *client;
    docent_allocator allocator; /* A copy: the handle may outlive the client. */
    const struct dialect *dialect;
    char *path;
    char *label;
    size_t label_size;
    docent_acl *acl;
    size_t acl_count;
    docent_create_mode parent_mode;
    void (*on_state)(docent_lock *lock, docent_lock_state state, void *user);
    void (*on_lost)(docent_lock *lock, docent_status why, void *user);
    void *user;

    /* The loop's. */
    struct docent_machine machine; /* Hears of the client's end; its timer is the deadline of the current acquisition. */
    bool attached;                 /* The machine is entered. */
    bool timer_reserved;
    docent_status refusal;         /* Why nothing new is accepted; DOCENT_OK: it is. */
    struct acquisition *acquisitions;
    struct acquisition *current;
    int64_t number; /* Of the newest acquisition. */
    struct release_wait *waits;
    size_t readers; /* Reads of the participants. */
    struct docent_later farewell;
    bool farewell_said;
    bool muted; /* A forked child's. */
    void (*closed)(void *user); /* To be told at the farewell. */
    void *closed_user;

    /* Everybody's. */
    docent_shared_i64 word; /* number * 4 + state. */
    docent_shared_i64 token;
    docent_shared_i64 generation;
    docent_shared_i64 released; /* Acquisitions up to this number are. */
    _Atomic int dead; /* The refusal, once the client is not to be touched any more. */
    _Atomic unsigned gate;       /* Threads inside. */
    _Atomic unsigned references; /* The handle, the loop, posts on their way. */
    _Atomic bool release_posted;
    _Atomic bool close_called; /* By whichever thread was first. */
    struct docent_post attach_post, release_post, close_post;
    void (*close_fn)(void *user); /* Written by close, read by its post. */
    void *close_user;
};

/* ---- Memory. ---- */

static void lock_free(struct docent_lock *lock)
{
    docent_allocator allocator = lock->allocator;

    docent_free(&allocator, lock->path);
    docent_free(&allocator, lock->label);
    docent_free(&allocator, lock->acl);
    docent_free(&allocator, lock);
}

static void lock_unref(struct docent_lock *lock)
{
    if (atomic_fetch_sub(&lock->references, 1) == 1) lock_free(lock);
}

static docent_status lock_copy_acl(struct docent_lock *lock, docent_acl_list acl)
{
    size_t size = 0;

    if (acl.count == 0) return DOCENT_OK;
    if (acl.entries == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    for (size_t i = 0; i < acl.count; i++) {
        if (acl.entries[i].scheme == NULL || acl.entries[i].id == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
        size += strlen(acl.entries[i].scheme) + strlen(acl.entries[i].id) + 2;
    }
    if (acl.count > (SIZE_MAX - size) / sizeof *lock->acl) return DOCENT_ERR_NO_MEMORY;
    lock->acl = docent_alloc(&lock->allocator, acl.count * sizeof *lock->acl + size);
    if (lock->acl == NULL) return DOCENT_ERR_NO_MEMORY;
    lock->acl_count = acl.count;

    char *text = (char *)(lock->acl + acl.count);
    for (size_t i = 0; i < acl.count; i++) {
        size_t scheme_size = strlen(acl.entries[i].scheme) + 1;
        size_t id_size = strlen(acl.entries[i].id) + 1;
        lock->acl[i].perms = acl.entries[i].perms;
        lock->acl[i].scheme = memcpy(text, acl.entries[i].scheme, scheme_size);
        text += scheme_size;
        lock->acl[i].id = memcpy(text, acl.entries[i].id, id_size);
        text += id_size;
    }
    return DOCENT_OK;
}

/* ---- What other threads see. ---- */

static int64_t lock_word(int64_t number, docent_lock_state state)
{
    return number * 4 + (int64_t)state;
}

static int64_t lock_word_number(int64_t word)
{
    return word / 4;
}

static docent_lock_state lock_word_state(int64_t word)
{
    return (docent_lock_state)(word % 4);
}

/* The state, and the token if it is held, else -1. */
static docent_lock_state lock_look(const struct docent_lock *lock, int64_t *ret_token)
{
    *ret_token = -1;
    for (;;) {
        int64_t word = docent_shared_get(&lock->word);
        docent_lock_state state = lock_word_state(word);
        if (state == DOCENT_LOCK_RELEASED) return DOCENT_LOCK_RELEASED;
        if (lock_word_number(word) <= docent_shared_get(&lock->released)) return DOCENT_LOCK_RELEASED;
        if (state == DOCENT_LOCK_WAITING) return DOCENT_LOCK_WAITING;

        int64_t token = docent_shared_get(&lock->token);
        uint64_t generation = (uint64_t)docent_shared_get(&lock->generation);
        bool good = docent_client_lease_good(lock->client, generation);

        /* Another word: it ended meanwhile, or turned from HELD to SUSPECT or back. Look again. */
        if (docent_shared_get(&lock->word) != word) continue;
        if (!good || lock_word_number(word) <= docent_shared_get(&lock->released)) return DOCENT_LOCK_RELEASED;
        *ret_token = token;
        return state;
    }
}

docent_lock_state docent_lock_get_state(const docent_lock *lock)
{
    int64_t token;

    return lock == NULL ? DOCENT_LOCK_RELEASED : lock_look(lock, &token);
}

int64_t docent_lock_token(const docent_lock *lock)
{
    int64_t token = -1;

    if (lock != NULL) (void)lock_look(lock, &token);
    return token;
}

docent_status docent_lock_client(const docent_lock *lock, docent_client **ret_client)
{
    *ret_client = lock->client;
    return (docent_status)atomic_load(&lock->dead);
}

/* ---- Telling the application. ---- */

static void lock_settle(struct docent_lock *lock);

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
    lock_settle(lock);
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
    docent_shared_set(&lock->word, lock_word(a->number, state));
    acquisition_add_news(a, (struct news){ .type = NEWS_STATE, .state = state });
}

static void acquisition_answer(struct acquisition *a, docent_status outcome)
{
    a->answer = a->done;
    a->done = NULL;
    acquisition_add_news(a, (struct news){ .type = NEWS_ANSWER, .status = outcome });
}

/* Stands in where the application does not want to know, so that a->done says whether an answer is due. */
static void lock_nobody(docent_status outcome, void *user)
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

static void lock_give_up(struct docent_lock *lock, docent_status why)
{
    struct acquisition *a = lock->current;

    if (a == NULL) return;
    lock_drop_current(lock, why, false);
    docent_contender_leave(&a->contender, why);
}

static void lock_on_phase(struct contender *contender, enum contender_phase phase)
{
    struct acquisition *a = (struct acquisition *)((char *)contender - offsetof(struct acquisition, contender));
    struct docent_lock *lock = a->lock;

    switch (phase) {
    case CONTENDER_WAITS: break;
    case CONTENDER_LEADS:
        if (a->done != NULL && a->number <= docent_shared_get(&lock->released)) { /* By another thread, whose post is on its way. */
            lock_give_up(lock, DOCENT_ERR_CANCELLED);
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
        lock_settle(lock);
        break;
    }
}

static bool lock_is_forked(const struct docent_lock *lock)
{
    const struct docent_host *host = docent_client_host(lock->client);

    return host->check_loop(host->user) == DOCENT_ERR_FORKED;
}

/* In a forked child the lock's end is told to nobody: the parent's threads are not there, and the application there did not ask. */
static void lock_mute(struct docent_lock *lock)
{
    lock->muted = true;
    lock->on_state = NULL;
    lock->on_lost = NULL;
    for (struct acquisition *a = lock->acquisitions; a != NULL; a = a->next) {
        if (a->done != NULL) a->done = lock_nobody;
        a->answer = NULL;
    }
    for (struct release_wait *wait = lock->waits; wait != NULL; wait = wait->next) wait->done = lock_nobody;
    lock->closed = NULL;
    lock->readers = 0;
    atomic_store(&lock->gate, 0);
}

static void lock_on_event(struct docent_machine *machine, const struct docent_event *ev)
{
    struct docent_lock *lock = (struct docent_lock *)((char *)machine - offsetof(struct docent_lock, machine));

    switch (ev->type) {
    case DOCENT_EV_TIMER:
        if (lock->current != NULL && lock->current->done != NULL) lock_give_up(lock, DOCENT_ERR_TIMEOUT);
        break;
    case DOCENT_EV_CLOSING: /* The contenders hear of it themselves, and ask for nothing more. */
        docent_machine_fini(&lock->machine);
        lock->attached = false;
        lock->refusal = ev->status;
        if (lock_is_forked(lock)) lock_mute(lock);
        lock_settle(lock);
        break;
    case DOCENT_EV_REPLY: /* We ask for nothing. */
    case DOCENT_EV_WATCH:
    case DOCENT_EV_SUSPENDED:
    case DOCENT_EV_RESUMED:
    case DOCENT_EV_EXPIRED: break;
    }
}

/* ---- Making. ---- */

static void lock_release_posted(struct docent_post *post);
static void lock_close_posted(struct docent_post *post);
static void lock_say_farewell(struct docent_later *later);

static void lock_attach(struct docent_lock *lock)
{
    if (lock->attached || lock->refusal != DOCENT_OK) return;
    docent_machine_init(&lock->machine, lock->client, lock_on_event);
    lock->attached = true;
    if (docent_client_closing(lock->client)) { /* Too late to be told. */
        docent_machine_fini(&lock->machine);
        lock->attached = false;
        lock->refusal = docent_client_close_cause(lock->client);
        lock_settle(lock);
    }
}

static void lock_attach_posted(struct docent_post *post)
{
    struct docent_lock *lock = (struct docent_lock *)((char *)post - offsetof(struct docent_lock, attach_post));

    lock_attach(lock);
    lock_unref(lock);
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
    return lock_copy_acl(lock, options->acl);
}

docent_status docent_lock_new(docent_client *client, const char *path, const docent_lock_options *options, docent_lock **ret_lock)
{
    docent_lock_options full = { DOCENT_LOCK_OPTIONS };

    if (client == NULL || path == NULL || ret_lock == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    if (docent_path_fault(path, false) != NULL || strcmp(path, "/") == 0) return DOCENT_ERR_INVALID_ARGUMENT;
    if (options != NULL) {
        if (options->struct_size < sizeof options->struct_size) return DOCENT_ERR_INVALID_ARGUMENT;
        memcpy(&full, options, options->struct_size < sizeof full ? options->struct_size : sizeof full);
        full.struct_size = sizeof full;
    }
    const struct docent_host *host = docent_client_host(client);
    docent_status on_loop = host->check_loop(host->user);
    if (on_loop == DOCENT_ERR_FORKED) return DOCENT_ERR_FORKED;
    if (on_loop == DOCENT_OK && docent_client_closing(client)) return docent_client_close_cause(client);

    const docent_allocator *allocator = docent_client_allocator(client);
    struct docent_lock *lock = docent_alloc(allocator, sizeof *lock);
    if (lock == NULL) return DOCENT_ERR_NO_MEMORY;
    memset(lock, 0, sizeof *lock);
    lock->client = client;
    lock->allocator = *allocator;
    docent_status status = lock_fill(lock, path, &full);
    if (status != DOCENT_OK) {
        lock_free(lock);
        return status;
    }
    docent_shared_set(&lock->word, lock_word(0, DOCENT_LOCK_RELEASED));
    docent_shared_set(&lock->token, -1);
    lock->attach_post.run = lock_attach_posted;
    lock->release_post.run = lock_release_posted;
    lock->close_post.run = lock_close_posted;
    lock->farewell.run = lock_say_farewell;
    docent_client_keep(client); /* Until the farewell: a view may be released when its locks are being closed. */
    atomic_store(&lock->references, 2); /* The handle's and the loop's. */

    if (on_loop == DOCENT_OK) {
        lock_attach(lock);
    } else {
        atomic_fetch_add(&lock->references, 1);
        status = host->post(host->user, &lock->attach_post, false);
        if (status != DOCENT_OK) {
            docent_client_drop(client);
            lock_free(lock);
            return status;
        }
    }
    *ret_lock = lock;
    return DOCENT_OK;
}

/* ---- Acquiring. ---- */

static void lock_run_releases(struct docent_lock *lock)
{
    if (lock->current != NULL && lock->current->number <= docent_shared_get(&lock->released)) {
        lock_give_up(lock, DOCENT_ERR_CANCELLED);
    }
}

/* DOCENT_OK: on the loop, and the lock accepts something new. */
static docent_status lock_check(struct docent_lock *lock)
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
    docent_status status = lock_check(lock);
    if (status != DOCENT_OK) return status;
    lock_run_releases(lock); /* One that another thread has called is in force already. */
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
        .acl = { lock->acl, lock->acl_count },
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
    a->done = done != NULL ? done : lock_nobody;
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

    if (lock_check(lock) != DOCENT_OK || docent_lock_token(lock) < 0 || lock->current == NULL) return NULL;
    const struct contender *contender = &lock->current->contender;
    if (docent_hold_new(lock->client, contender->own.path, contender->own.czxid, contender->own.generation, &hold) != DOCENT_OK) return NULL;
    return hold;
}

/* ---- Releasing. ---- */

/* How a call of any thread gets to the loop. DOCENT_OK: it is there. DOCENT_ERR_WRONG_THREAD: it is not; @post, unless NULL, is
 * on its way and holds a reference. DOCENT_ERR_FORKED. DOCENT_ERR_CLOSING: the lock is dead. */
static docent_status lock_reach_loop(struct docent_lock *lock, struct docent_post *post)
{
    docent_status status = DOCENT_ERR_CLOSING;

    atomic_fetch_add(&lock->gate, 1);
    if (!atomic_load(&lock->dead)) {
        const struct docent_host *host = docent_client_host(lock->client);
        status = host->check_loop(host->user);
        if (status == DOCENT_ERR_WRONG_THREAD && post != NULL) {
            atomic_fetch_add(&lock->references, 1);
            docent_status posted = host->post(host->user, post, false);
            if (posted != DOCENT_OK) {
                atomic_fetch_sub(&lock->references, 1);
                status = posted;
            }
        }
    }
    atomic_fetch_sub(&lock->gate, 1);
    return status;
}

static void lock_release_posted(struct docent_post *post)
{
    struct docent_lock *lock = (struct docent_lock *)((char *)post - offsetof(struct docent_lock, release_post));

    atomic_store(&lock->release_posted, false); /* Before looking, so that a release that comes now posts again. */
    lock_run_releases(lock);
    lock_unref(lock);
}

/* From the return of this on nobody sees what is current now as held. Returns its number. */
static int64_t lock_mark_released(struct docent_lock *lock)
{
    int64_t number = lock_word_number(docent_shared_get(&lock->word));
    int64_t released = docent_shared_get(&lock->released);

    while (released < number && !atomic_compare_exchange_weak(&lock->released.value, &released, number)) {
        /* released was read again. */
    }
    return number;
}

int64_t docent_lock_release_begin(docent_lock *lock)
{
    int64_t number = lock_mark_released(lock);
    docent_status status = lock_reach_loop(lock, NULL);
    if (status == DOCENT_OK) {
        lock_run_releases(lock);
    } else if (status == DOCENT_ERR_WRONG_THREAD && !atomic_exchange(&lock->release_posted, true)) {
        (void)lock_reach_loop(lock, &lock->release_post);
    }
    return number;
}

void docent_lock_release(docent_lock *lock)
{
    if (lock != NULL) (void)docent_lock_release_begin(lock);
}

static void release_wait_tell(struct docent_later *later)
{
    struct release_wait *wait = (struct release_wait *)((char *)later - offsetof(struct release_wait, telling));
    struct docent_lock *lock = wait->lock;

    struct release_wait **link = &lock->waits;
    while (*link != wait) {
        link = &(*link)->next;
    }
    *link = wait->next; /* Before the callback: what it does to the lock must not find it waiting, and tell it again. */
    wait->done(wait->outcome, wait->user);
    docent_free(&lock->allocator, wait);
    lock_settle(lock);
}

bool docent_lock_release_is_over(const docent_lock *lock, int64_t number)
{
    for (const struct acquisition *a = lock->acquisitions; a != NULL; a = a->next) {
        if (a->number <= number && !a->over) return false;
    }
    return true;
}

docent_status docent_lock_release_async(docent_lock *lock, docent_done_fn done, void *user)
{
    if (lock == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    return docent_lock_release_finish(lock, docent_lock_release_begin(lock), done, user);
}

docent_status docent_lock_release_finish(docent_lock *lock, int64_t number, docent_done_fn done, void *user)
{
    docent_status status = lock_check(lock);
    if (status != DOCENT_OK) return status;
    struct release_wait *wait = docent_alloc(&lock->allocator, sizeof *wait);
    if (wait == NULL) return DOCENT_ERR_NO_MEMORY;

    *wait = (struct release_wait){
        .telling.run = release_wait_tell,
        .next = lock->waits,
        .lock = lock,
        .number = number,
        .done = done != NULL ? done : lock_nobody,
        .user = user,
    };
    lock->waits = wait;
    lock_settle(lock);
    return DOCENT_OK;
}

/* ---- Participants. ---- */

static void lock_reader_over(void *owner)
{
    struct docent_lock *lock = owner;

    lock->readers--;
    lock_settle(lock);
}

docent_status docent_lock_participants_async(docent_lock *lock, docent_result_fn done, void *user)
{
    docent_status status = lock_check(lock);
    if (status != DOCENT_OK) return status;
    status = docent_participants_read(lock->client, lock->dialect, lock->path, done, user, lock_reader_over, lock);
    if (status == DOCENT_OK) lock->readers++;
    return status;
}

/* ---- Closing. ---- */

static void lock_say_farewell(struct docent_later *later)
{
    struct docent_lock *lock = (struct docent_lock *)((char *)later - offsetof(struct docent_lock, farewell));
    void (*closed)(void *user) = lock->closed;

    if (lock->attached) docent_machine_fini(&lock->machine);
    lock->attached = false;
    if (lock->timer_reserved) docent_timer_release(lock->client);
    atomic_store(&lock->dead, lock->refusal);
    while (atomic_load(&lock->gate) != 0) {
        /* Somebody is about to leave, with a post that will still be run, or with nothing. */
    }
    lock->farewell_said = true;
    lock->closed = NULL;
    docent_client_drop(lock->client);
    if (closed != NULL) closed(lock->closed_user);
    lock_unref(lock);
}

/* Something has ended. Whoever waited for it is told. */
static void lock_settle(struct docent_lock *lock)
{
    for (struct release_wait *wait = lock->waits; wait != NULL; wait = wait->next) {
        if (!docent_lock_release_is_over(lock, wait->number) || wait->telling.queued) continue;
        wait->outcome = docent_client_close_cause(lock->client);
        docent_client_later(lock->client, &wait->telling);
    }
    if (lock->refusal != DOCENT_OK && lock->acquisitions == NULL && lock->waits == NULL && lock->readers == 0 && !lock->farewell_said) {
        docent_client_later(lock->client, &lock->farewell);
    }
}

static void lock_close_now(struct docent_lock *lock)
{
    if (lock->farewell_said) { /* The client closed while the call was on its way. */
        if (lock->close_fn != NULL) lock->close_fn(lock->close_user);
        return;
    }
    lock->closed = lock->close_fn;
    lock->closed_user = lock->close_user;
    if (lock->refusal == DOCENT_OK) lock->refusal = DOCENT_ERR_CLOSING;
    lock_give_up(lock, DOCENT_ERR_CLOSING);
    lock_settle(lock);
}

static void lock_close_posted(struct docent_post *post)
{
    struct docent_lock *lock = (struct docent_lock *)((char *)post - offsetof(struct docent_lock, close_post));

    lock_close_now(lock);
    lock_unref(lock);
}

void docent_lock_close(docent_lock *lock, void (*closed)(void *user), void *user)
{
    if (lock == NULL || atomic_exchange(&lock->close_called, true)) return;
    (void)lock_mark_released(lock);
    lock->close_fn = closed;
    lock->close_user = user;

    docent_status status = lock_reach_loop(lock, &lock->close_post);
    if (status == DOCENT_OK) {
        lock_close_now(lock);
    } else if (status == DOCENT_ERR_CLOSING && closed != NULL && !lock->muted) { /* Dead: the client was closed before. */
        closed(user);
    } /* In a forked child the memory goes with the client that it hangs on. */
    lock_unref(lock);
}
